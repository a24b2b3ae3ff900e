// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * demangle - names of C++ and Rust as they were written
 *
 * By libiberty. Its demanglers are free for both of our licences: cp-demangle.c (GPL, version 2 or
 * later) and rust-demangle.c (LGPL, version 2 or later) come with the permission to link the
 * compiled file into other programs, and to distribute those, without restriction; the table
 * safe-ctype.c that they read is under the LGPL, version 2 or later.
 *
 * They limit their depth by themselves, but a short name can stand for one of terabytes: a
 * reference to a part that holds references. So only their callback forms are used, which keep
 * what they have on the stack, and the callback leaves them when the name is long enough. What is
 * lost by that is at most the one identifier of a Rust name that is not ASCII, of 4 KiB.
 */
#include "user/symbols/demangle.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include "user/base/util.h"

#undef ARRAY_SIZE /* libiberty brings the same */
#include <libiberty/demangle.h>

#define MANGLED_MAX 4096

struct sink {
	char *to;
	size_t used;
	jmp_buf full;
};

static void put(const char *text, size_t size, void *opaque)
{
	struct sink *sink = opaque;
	size_t room = DEMANGLED_MAX - 1 - sink->used;

	memcpy(sink->to + sink->used, text, min(size, room));
	sink->used += min(size, room);
	if (size > room)
		longjmp(sink->full, 1);
}

static bool try(struct sink *sink, const char *mangled,
		int (*demangler)(const char *, int, demangle_callbackref, void *))
{
	sink->used = 0;
	if (setjmp(sink->full)) {
		memcpy(sink->to + DEMANGLED_MAX - 4, "...", 3);
		return true;
	}
	return demangler(mangled, 0, put, sink) && sink->used;
}

/* "_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE": C++ has no such last part. */
static bool is_rust(const char *mangled)
{
	return !strncmp(mangled, "_R", 2) ||
	       (!strncmp(mangled, "_ZN", 3) && strstr(mangled, "17h"));
}

size_t demangle(char to[DEMANGLED_MAX], const char *mangled)
{
	struct sink sink = { .to = to };
	size_t length = strnlen(mangled, MANGLED_MAX + 1);
	bool done = false;

	if (length <= MANGLED_MAX && is_rust(mangled))
		done = try(&sink, mangled, rust_demangle_callback);
	if (!done && length <= MANGLED_MAX && !strncmp(mangled, "_Z", 2))
		done = try(&sink, mangled, cplus_demangle_v3_callback);
	if (!done) {
		sink.used = min(length, (size_t)DEMANGLED_MAX - 1);
		memcpy(to, mangled, sink.used);
	}
	to[sink.used] = 0;
	return sink.used;
}
