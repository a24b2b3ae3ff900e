/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* encode - the inside of an encoder: the open chunk's columns and what implies what */
#ifndef TRACER_TRACE_ENCODE_H
#define TRACER_TRACE_ENCODE_H

#include <zstd.h>

#include "user/base/buffer.h"
#include "user/trace/begun.h"
#include "user/trace/chunk.h"
#include "user/trace/format.h"
#include "user/trace/mapped.h"
#include "user/trace/objects.h"
#include "user/trace/stacks.h"
#include "user/trace/texts.h"
#include "user/trace/threads.h"

#define NO_THREAD (~0U)

/* What one CPU has in the open chunk, and what its next event may imply. */
struct stream {
	struct buffer columns[COLUMN_COUNT];
	size_t counted;    /* bytes of the columns that encoder->raw_bytes knows */
	unsigned int room; /* events for which all columns but DATA have room */
	u32 cpu;
	u64 chunk;       /* in which it was used last */
	u64 time_ns;     /* of its last event */
	u64 address;     /* the last one that is in no dictionary */
	u32 running;     /* position of who runs on this CPU, NO_THREAD: not known */
	u32 running_tid; /* the same across chunks */
	bool running_known;
	u32 first; /* who ran at the chunk's begin: number + 1, 0: not known */
	u32 woken; /* number of who was woken last, NO_THREAD */
	struct recent recent[RECENT_SLOTS];
};

/* In front of the map: shapes are few and looked for with every event. */
#define SHAPE_CACHE 512

struct shape_cache {
	u64 key;
	u32 index;
	u32 used;
};

struct chunk_encoder {
	struct stream **streams; /* by CPU, NULL until its first event */
	unsigned int cpus;
	struct threads threads;
	struct objects objects;
	struct stacks stacks;
	struct mapped mapped;
	struct begun begun;

	struct buffer shapes; /* struct shape, in order of their numbers */
	struct map shape_numbers;
	struct shape_cache shape_cache[SHAPE_CACHE];
	u32 exact_results; /* shapes that contain a result of their own */

	struct map address_numbers; /* address -> number in the open chunk, from 1 */
	struct buffer addresses;    /* u64, in that order */

	struct texts texts;

	u64 begin_ns;
	u64 events;
	u64 lost;
	u64 sequence;
	size_t raw_bytes; /* of all columns, nearly */

	struct buffer head; /* the sections before the columns, at the chunk's end */
	struct buffer data; /* the finished chunk */
	ZSTD_CCtx *zstd;
};

#endif
