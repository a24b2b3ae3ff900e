// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* perfetto_packets - packets of a Perfetto trace, on their way into the file */
#include "user/export/perfetto_packets.h"

#include <stdlib.h>
#include <zlib.h>

#include "user/base/protobuf.h"

#define TRACE_PACKET 1 /* the only field of a trace */

/* A compressed packet must be smaller than 512 KiB; what is in it need not. A batch ends with the
 * packet that fills it. */
#define BATCH_BYTES (256 << 10)
#define BATCH_LEVEL 1

int packets_begin(struct packets *packets, FILE *out, bool compress, s64 offset_ns)
{
	z_stream *stream;

	*packets = (struct packets){ .out = out, .compress = compress, .offset_ns = offset_ns };
	if (buffer_reserve(&packets->batch, 2 * BATCH_BYTES))
		return -ENOMEM;
	if (!compress)
		return 0;
	stream = packets->stream = calloc(1, sizeof(*stream));
	if (!stream)
		return -ENOMEM;
	if (deflateInit(stream, BATCH_LEVEL) != Z_OK) {
		free(stream);
		packets->stream = NULL;
		return -ENOMEM;
	}
	return 0;
}

static void put(struct packets *packets, const void *data, size_t size)
{
	errno = 0;
	if (!packets->failed && size && fwrite(data, 1, size, packets->out) != size)
		packets->failed = errno ? -errno : -EIO;
}

/* The whole packets of the batch as one */
static void put_compressed(struct packets *packets)
{
	z_stream *stream = packets->stream;
	size_t room = deflateBound(stream, packets->batch.size), inner;
	u8 head[4 * VARINT_MAX], *at;
	u8 *grown = realloc(packets->room, room);

	if (!grown) {
		packets->failed = -ENOMEM;
		return;
	}
	packets->room = grown;
	stream->next_in = packets->batch.data;
	stream->avail_in = (unsigned int)packets->batch.size;
	stream->next_out = packets->room;
	stream->avail_out = (unsigned int)room;
	if (deflate(stream, Z_FINISH) != Z_STREAM_END) {
		packets->failed = -EIO;
		return;
	}
	room -= stream->avail_out;
	deflateReset(stream);
	at = varint_put(head, PACKET_COMPRESSED << 3 | 2);
	inner = (size_t)(varint_put(at, room) - head) + room;
	at = varint_put(head, TRACE_PACKET << 3 | 2);
	at = varint_put(at, inner);
	at = varint_put(at, PACKET_COMPRESSED << 3 | 2);
	at = varint_put(at, room);
	put(packets, head, (size_t)(at - head));
	put(packets, packets->room, room);
}

static void flush(struct packets *packets)
{
	if (packets->batch.failed && !packets->failed)
		packets->failed = -ENOMEM;
	packets->bytes += packets->batch.size;
	if (packets->batch.size && !packets->failed) {
		if (packets->compress)
			put_compressed(packets);
		else
			put(packets, packets->batch.data, packets->batch.size);
	}
	buffer_reset(&packets->batch);
}

struct buffer *packet_begin(struct packets *packets, enum packet_sequence sequence, u32 flags)
{
	struct buffer *batch = &packets->batch;

	packets->begin = proto_begin(batch, TRACE_PACKET);
	packets->tells = sequence == SEQUENCE_MAIN && flags & SEQUENCE_NEEDED;
	proto_number(batch, PACKET_SEQUENCE_ID, sequence);
	if (flags)
		proto_number(batch, PACKET_SEQUENCE_FLAGS, flags);
	return batch;
}

struct buffer *packet_at(struct packets *packets, u64 time_ns, enum packet_sequence sequence,
			 u32 flags)
{
	struct buffer *batch = packet_begin(packets, sequence, flags);

	proto_number(batch, PACKET_TIMESTAMP, packets_time(packets, time_ns));
	return batch;
}

void packet_end(struct packets *packets)
{
	struct buffer *interned = &packets->interned;

	if (packets->tells && interned->size) {
		proto_item(&packets->batch, PACKET_INTERNED_DATA, interned->data, interned->size);
		packets->batch.failed |= interned->failed;
		buffer_reset(interned);
	}
	proto_end(&packets->batch, packets->begin);
	packets->count++;
	if (packets->batch.size >= BATCH_BYTES)
		flush(packets);
}

int packets_finish(struct packets *packets)
{
	flush(packets);
	return packets->failed;
}

void packets_free(struct packets *packets)
{
	if (packets->stream)
		deflateEnd(packets->stream);
	free(packets->stream);
	free(packets->room);
	buffer_free(&packets->batch);
	buffer_free(&packets->interned);
	*packets = (struct packets){ 0 };
}
