/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* gzip - a compressed file, written piece by piece */
#ifndef TRACER_BASE_GZIP_H
#define TRACER_BASE_GZIP_H

#include <stdio.h>

#include "user/base/cleanup.h"
#include "user/base/err.h"
#include "user/base/util.h"

struct gzip;

/* @file stays the caller's. The same content makes the same file: it has no name and no time.
 * Return: 0 or -ENOMEM with @err filled. */
int gzip_new(struct gzip **out, FILE *file, struct err *err);

/* Return: 0; the negative errno of writing, the same again from then on. */
int gzip_write(struct gzip *gzip, const void *data, size_t size);

/* Writes what is left, and the end; nothing may come behind it. Return: as gzip_write(). */
int gzip_finish(struct gzip *gzip);
void gzip_free(struct gzip *gzip);
DEFINE_CLEANUP(struct gzip *, gzip_free)

#endif
