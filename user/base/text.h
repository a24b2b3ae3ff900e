/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* text - numbers as a person types and reads them */
#ifndef TRACER_BASE_TEXT_H
#define TRACER_BASE_TEXT_H

#include "user/base/err.h"
#include "user/base/util.h"

/* Room for any text that the text_* functions below make. */
#define TEXT_MAX 32

/* "1.24 s", "312 µs", "45 ns", "3 min 20 s", "0": three significant digits. Return: @to. */
char *text_duration(char to[TEXT_MAX], u64 ns);

/* "512 B", "4.0 KiB", "64 MiB". Return: @to. */
char *text_bytes(char to[TEXT_MAX], u64 bytes);

/* "12,345,678". Return: @to. */
char *text_count(char to[TEXT_MAX], u64 count);

/* "12.3 %", "0.4 %", "100 %"; "-" when @whole is 0. Return: @to. */
char *text_share(char to[TEXT_MAX], u64 part, u64 whole);

/**
 * parse_duration() - a time as it is typed: 200ms, 30s, 1.5s, 10m, 2h, 1d, 50us, 7ns
 * @ns:   set on success
 * @text: a number and a unit; a bare number is seconds
 * @name: of the option, for the error
 *
 * Return: 0 or -EINVAL with @err filled.
 */
int parse_duration(u64 *ns, const char *text, const char *name, struct err *err);

/* A size as it is typed: 64M, 512K, 2G, 1.5M, 4096 (bytes); powers of 1024. As parse_duration(). */
int parse_size(u64 *bytes, const char *text, const char *name, struct err *err);

/* A whole number from @least to @most, decimal. As parse_duration(). */
int parse_number(u64 *number, const char *text, u64 least, u64 most, const char *name,
		 struct err *err);

/* Bytes of the UTF-8 character that @text begins with; 0 when it is none (or @size is 0). */
size_t utf8_length(const char *text, size_t size);

/* Columns that UTF-8 text takes on a terminal; bytes that are not UTF-8 count one each. */
size_t text_columns(const char *text);

/*
 * Copies @from so that a terminal or a line of output survives it: control characters and
 * bytes that are not UTF-8 become '?'. Ends @to with 0. Return: bytes written without it.
 */
size_t text_printable(char *to, size_t room, const char *from);

#endif
