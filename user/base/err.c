// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* err - one error and one piece of advice, carried up to main() */
#include "user/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int fail(struct err *err, int code, const char *fmt, ...)
{
	char text[sizeof(err->text)];
	va_list args;

	if (!err)
		return code;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args); /* @args may be err->text itself */
	va_end(args);
	memcpy(err->text, text, sizeof(text));
	err->code = code;
	err->hint[0] = 0;
	err->typed[0] = 0;
	return code;
}

int hint(struct err *err, const char *fmt, ...)
{
	char text[sizeof(err->hint)];
	va_list args;

	if (!err)
		return -EINVAL;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	memcpy(err->hint, text, sizeof(text));
	return err->code;
}

int point(struct err *err, const char *typed, unsigned int at)
{
	if (!err)
		return -EINVAL;
	snprintf(err->typed, sizeof(err->typed), "%s", typed);
	err->caret = at;
	return err->code;
}
