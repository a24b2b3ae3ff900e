/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* demangle - names of C++ and Rust as they were written */
#ifndef TRACER_SYMBOLS_DEMANGLE_H
#define TRACER_SYMBOLS_DEMANGLE_H

#include <stddef.h>

#define DEMANGLED_MAX 1024	/* bytes of a name, its end included; longer ones are cut: "..." */

/**
 * demangle() - a name as its author wrote it
 * @to:      filled; without parameters of functions and without the hash of Rust names
 * @mangled: from a file that nobody vouches for
 *
 * C++ (_Z...) and Rust (_R..., and _ZN...17h...E). All others, and those that are damaged, too
 * long (more than 1024 bytes of C++) or too deep, are copied as they are.
 *
 * Return: the length of the name in @to.
 */
size_t demangle(char to[DEMANGLED_MAX], const char *mangled);

#endif
