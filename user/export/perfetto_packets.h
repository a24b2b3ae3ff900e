/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* perfetto_packets - packets of a Perfetto trace, on their way into the file */
#ifndef TRACER_EXPORT_PERFETTO_PACKETS_H
#define TRACER_EXPORT_PERFETTO_PACKETS_H

#include <stdio.h>

#include "user/base/buffer.h"
#include "user/base/err.h"

/* Fields of TracePacket, and what they need; all numbers are of the format. */
enum packet_field {
	PACKET_FTRACE_EVENTS = 1,
	PACKET_PROCESS_TREE = 2,
	PACKET_CLOCK_SNAPSHOT = 6,
	PACKET_TIMESTAMP = 8,
	PACKET_SEQUENCE_ID = 10,
	PACKET_TRACK_EVENT = 11,
	PACKET_INTERNED_DATA = 12,
	PACKET_SEQUENCE_FLAGS = 13,
	PACKET_FTRACE_STATS = 34,
	PACKET_SYSTEM_INFO = 45,
	PACKET_COMPRESSED = 50,
	PACKET_DEFAULTS = 59,
	PACKET_TRACK_DESCRIPTOR = 60,
	PACKET_PERF_SAMPLE = 66,
	PACKET_FIRST_ON_SEQUENCE = 87,
	PACKET_TRACE_UUID = 89,
	PACKET_TASK_STATE = 117,
	PACKET_STACK_SAMPLE = 135,
};

#define SEQUENCE_CLEARED 1 /* its dictionaries begin anew */
#define SEQUENCE_NEEDED  2 /* it refers to a dictionary or a default */

enum packet_sequence { SEQUENCE_MAIN = 1, SEQUENCE_LOGS = 2 };

struct packets {
	FILE *out;
	bool compress;
	s64 offset_ns;       /* what is added to CLOCK_MONOTONIC: their times are CLOCK_BOOTTIME */
	struct buffer batch; /* whole packets, and the one that is being made */
	size_t begin;        /* of that one */
	bool tells;          /* that one may tell what is in interned */
	struct buffer interned; /* entries of dictionaries that are yet to be told */
	u8 *room;            /* for a compressed batch */
	void *stream;        /* of zlib */
	u64 count;
	u64 bytes; /* before compression */
	int failed; /* negative errno: of writing, or of memory */
};

/* Return: 0 or -ENOMEM. */
int packets_begin(struct packets *packets, FILE *out, bool compress, s64 offset_ns);

/* A packet: its fields are appended to what is returned, until packet_end(). */
struct buffer *packet_begin(struct packets *packets, enum packet_sequence sequence, u32 flags);
/* With a time */
struct buffer *packet_at(struct packets *packets, u64 time_ns, enum packet_sequence sequence,
			 u32 flags);
/* New entries of dictionaries come with the first packet behind them that may refer to one. */
void packet_end(struct packets *packets);

/* CLOCK_MONOTONIC as the trace numbers it */
static inline u64 packets_time(const struct packets *packets, u64 time_ns)
{
	return time_ns + (u64)packets->offset_ns;
}

/* Writes what is left. Return: 0; the negative errno of what failed first. */
int packets_finish(struct packets *packets);
void packets_free(struct packets *packets);

#endif
