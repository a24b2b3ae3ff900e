/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* output - the file that an export writes: whole, or not there */
#ifndef TRACER_EXPORT_OUTPUT_H
#define TRACER_EXPORT_OUTPUT_H

#include <stdio.h>

#include "user/base/err.h"
#include "user/base/util.h"

struct output {
	FILE *file;
	char *path;    /* as the user knows it */
	char *partial; /* what is written until it is whole; NULL: the path itself */
	bool made;     /* the path was not there before */
	struct gzip *gzip; /* what file is written into; NULL: it is not compressed */
	FILE *packed;      /* where that goes */
};

/**
 * output_open() - begin to write a file
 * @path:   "-" is standard output; NULL: a name is made
 * @source: the trace, for that name: "x/app.trace" makes "app" and @suffix in the current folder
 * @suffix: ".sync.pb.gz"
 *
 * A name that is made is never one that is taken. A file that is named is replaced when the new
 * one is whole, and not before.
 *
 * Return: 0 or a negative errno with @err filled.
 */
int output_open(struct output *output, const char *path, const char *source, const char *suffix,
		struct err *err);

/* What is written from here on is compressed. Return: 0 or -ENOMEM with @err filled. */
int output_compress(struct output *output, struct err *err);

/* The file is whole. Return: 0 or the negative errno of writing, with @err filled. */
int output_finish(struct output *output, struct err *err);

/* Ends it, as if it had not been begun when it is not finished. */
void output_close(struct output *output);

#endif
