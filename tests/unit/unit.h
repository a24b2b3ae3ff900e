/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* unit - cmocka, as our tests use it */
#ifndef TRACER_TESTS_UNIT_H
#define TRACER_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#undef fail	/* ours is in user/base/err.h; fail_msg() ends a test */

#endif
