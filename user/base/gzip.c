// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* gzip - a compressed file, written piece by piece */
#include "user/base/gzip.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#define GZIP_HEAD 16 /* added to the window's size: a gzip head, not a zlib one */

struct gzip {
	z_stream stream;
	FILE *out;
	int failed; /* negative errno */
	u8 room[65536];
};

int gzip_new(struct gzip **out, FILE *file, struct err *err)
{
	struct gzip *gzip = calloc(1, sizeof(*gzip));

	if (!gzip || deflateInit2(&gzip->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED,
				  MAX_WBITS + GZIP_HEAD, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(gzip);
		return fail(err, -ENOMEM, "no memory to compress");
	}
	gzip->out = file;
	*out = gzip;
	return 0;
}

void gzip_free(struct gzip *gzip)
{
	if (gzip)
		deflateEnd(&gzip->stream);
	free(gzip);
}

static int push(struct gzip *gzip, int flush)
{
	z_stream *stream = &gzip->stream;

	do {
		size_t made;

		stream->next_out = gzip->room;
		stream->avail_out = sizeof(gzip->room);
		deflate(stream, flush);
		made = sizeof(gzip->room) - stream->avail_out;
		errno = 0;
		if (!gzip->failed && made && fwrite(gzip->room, 1, made, gzip->out) != made)
			gzip->failed = errno ? -errno : -EIO;
	} while (!stream->avail_out);
	return gzip->failed;
}

int gzip_write(struct gzip *gzip, const void *data, size_t size)
{
	const u8 *at = data;

	while (size && !gzip->failed) {
		size_t part = min(size, (size_t)1 << 30);

		gzip->stream.next_in = (u8 *)at;
		gzip->stream.avail_in = (unsigned int)part;
		push(gzip, Z_NO_FLUSH);
		at += part;
		size -= part;
	}
	return gzip->failed;
}

int gzip_finish(struct gzip *gzip)
{
	return gzip->failed ?: push(gzip, Z_FINISH);
}
