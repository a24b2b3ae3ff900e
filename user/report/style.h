/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* style - what the place that we print to can show */
#ifndef TRACER_REPORT_STYLE_H
#define TRACER_REPORT_STYLE_H

#include <stdio.h>

#include "user/base/util.h"

struct style {
	unsigned int width;  /* columns */
	unsigned int height; /* lines; 0: no screen */
	bool utf8;
	bool color;
};

/*
 * Width: COLUMNS when it is set, else the terminal's, else 80. UTF-8: as the locale's
 * variables say. Colours: only on a terminal, never with NO_COLOR set or TERM=dumb.
 */
struct style style_of(FILE *out);

enum tone {
	TONE_PLAIN,
	TONE_HEAD,
	TONE_DIM,
	TONE_WARN,
};

/* The escape sequence that begins @tone, "" without colours; TONE_PLAIN ends it. */
const char *style_tone(const struct style *style, enum tone tone);

#define BAR_WIDTH_MAX 60u
#define BAR_BYTES     (BAR_WIDTH_MAX * 3 + 1)

/* A bar of up to @width columns for @part of @whole. Return: @to */
char *bar_of(char to[BAR_BYTES], const struct style *style, unsigned int width, u64 part,
	     u64 whole);

/* One bar of several parts that follow each other, each with its own filling: execution,
 * scheduler wait, waits. Return: @to */
char *bar_of_parts(char to[BAR_BYTES], const struct style *style, unsigned int width,
		   const u64 parts[3], u64 whole);

#endif
