// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* err - one error and one piece of advice, carried up to main() */
#include "user/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int fail(struct err *err, int code, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return code;
	err->code = code;
	err->hint[0] = 0;
	va_start(args, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	return code;
}

int hint(struct err *err, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return -EINVAL;
	va_start(args, fmt);
	vsnprintf(err->hint, sizeof(err->hint), fmt, args);
	va_end(args);
	return err->code;
}
