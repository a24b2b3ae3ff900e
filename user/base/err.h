/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* err - one error and one piece of advice, carried up to main() */
#ifndef TRACER_BASE_ERR_H
#define TRACER_BASE_ERR_H

/* Filled by the room that failed; only main() prints it. */
struct err {
	int code;		/* negative errno, 0 while nothing failed */
	char text[512];		/* what failed, on which object */
	char hint[512];		/* what the user can do; may be empty */
	char typed[256];	/* what the user typed, when a place in it is wrong; may be empty */
	unsigned int caret;	/* the wrong place: a byte of it */
};

/**
 * fail() - say what failed
 * @err:  filled; NULL is allowed; an earlier text is replaced
 * @code: negative errno
 * @fmt:  what failed, with the object's name, without a full stop
 *
 * Return: @code, so that `return fail(...)` is one statement.
 */
int fail(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/**
 * hint() - add what the user can do
 * @err: the error that fail() filled; NULL is allowed
 * @fmt: one sentence of advice
 *
 * Return: the code of @err (-EINVAL when @err is NULL), so that `return hint(...)` hands it on.
 */
int hint(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/**
 * point() - show the place in what the user typed
 * @err:   the error that fail() filled; NULL is allowed
 * @typed: one line
 * @at:    a byte of it, or its end
 *
 * Return: as hint().
 */
int point(struct err *err, const char *typed, unsigned int at);

#endif
