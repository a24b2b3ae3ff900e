/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* format - the numbers of the file: see FORMAT.md, which says the same in words */
#ifndef TRACER_TRACE_FORMAT_H
#define TRACER_TRACE_FORMAT_H

#include <endian.h>
#include <string.h>

#include "user/base/util.h"

/* A byte above 127 and both line ends: a transfer as text, or through 7 bits, shows at once. */
#define TRACE_MAGIC "\x93TRACE\r\n"
#define CHUNK_MAGIC \
	"\x93"      \
	"CHNK\r\n\x1a"
#define FOOTER_MAGIC \
	"\x93"       \
	"FOOT\r\n\x1a"
#define MAGIC_BYTES 8

#define TRACE_MAJOR 1
#define TRACE_MINOR 0

#define TRACE_HEAD_BYTES 32 /* before its fields */
#define CHUNK_HEAD_BYTES 80
#define FOOTER_BYTES     32

/* Limits that a writer keeps and a reader checks before it believes a number. */
#define TRACE_HEAD_MAX   (1U << 20)
#define CHUNK_RAW_MAX    (32U << 20)
#define CHUNK_BYTES_MAX  (CHUNK_RAW_MAX + (1U << 20))
#define CHUNK_EVENTS_MAX (1U << 20)
#define CHUNK_ROWS_MAX   (1U << 20) /* threads, objects, stacks of a chunk */
#define INDEX_RAW_MAX    (256U << 20)
#define TEXT_FIELD_MAX   4096
#define WORDS_FIELD_MAX  1024 /* frames of a stack */

enum chunk_kind { /* on disk: append only, never renumber */
		  CHUNK_EVENTS = 1,
		  CHUNK_INDEX = 2,
};

#define CHUNK_ZSTD       1    /* the payload is one zstd frame, else it is stored */
#define CHUNK_FLAGS_MUST 0xff /* a reader skips a chunk with one of these that it does not know */

enum section { /* on disk: append only, never renumber */
	       SECTION_CLOCK = 1,
	       SECTION_THREADS = 2,
	       SECTION_OBJECTS = 3,
	       SECTION_SHAPES = 4,
	       SECTION_ADDRESSES = 5,
	       SECTION_STREAMS = 6,
	       SECTION_STACKS = 7,
	       SECTION_FRAMES = 8, /* of those stacks */
	       SECTION_TEXTS = 9,
	       SECTION_MAPPINGS = 10,
	       SECTION_BEGUN = 11,
	       SECTION_COLUMN = 16, /* ... 16 + COLUMN_COUNT - 1 */
	       SECTION_CHUNKS = 32, /* of an index chunk */
	       SECTION_TOTALS = 33,
	       SECTION_COUNT = 34,
};

/*
 * The parts of an event lie in columns, because like compresses best beside like: the low
 * bytes of times are noise and are stored as they are, all else is nearly always small.
 */
enum column { /* on disk: append only, never renumber */
	      COLUMN_TAG = 0,
	      COLUMN_LOW = 1,
	      COLUMN_TIME = 2,
	      COLUMN_DURATION = 3,
	      COLUMN_THREAD = 4,
	      COLUMN_VALUE = 5,
	      COLUMN_ADDRESS = 6,
	      COLUMN_DATA = 7,
	      COLUMN_COUNT,
};

#define IDLE_THREAD 0 /* number of tid 0 in every chunk's dictionary */

#define TAG_WIDE 255 /* the number of the shape, less 255, is in COLUMN_VALUE */

/* What events have in common that look alike: a chunk lists its shapes, a tag names one. */
struct shape {
	u8 kind;  /* enum event_kind; EVENT_NONE: the stream's clock steps back */
	u8 flags; /* SHAPE_*: what is implied, what follows in the columns */
	u16 number;
	u16 detail;
	s16 constant;
};

/* SWITCH: number = syscall, detail = prev_state | wait_kind << 8, constant = futex_op */
#define SHAPE_PREV_RUNNING 1   /* prev_tid is who runs on this CPU, else COLUMN_THREAD */
#define SHAPE_NEXT_WOKEN   2   /* next_tid is who was last woken on this CPU */
#define SHAPE_NEXT_IDLE    4   /* next_tid is 0; with neither, COLUMN_THREAD */
#define SHAPE_OBJECT       8   /* in COLUMN_VALUE */
#define SHAPE_OBJECT_SAME  16  /* the recent one of prev_tid; with neither, 0 */
#define SHAPE_ADDRESS      32  /* in COLUMN_ADDRESS */
#define SHAPE_ADDRESS_SAME 64  /* the recent one of the thread; with neither, 0 */
#define SHAPE_FUTEX_OP     128 /* in COLUMN_VALUE, else the constant */

/* WAKING, WAKEUP, WAKEUP_NEW: detail = the waker's context */
#define SHAPE_TID_WOKEN     1 /* tid is who was last woken on this CPU, else COLUMN_THREAD */
#define SHAPE_WAKER_RUNNING 2 /* the waker is who runs on this CPU */
#define SHAPE_WAKER_NONE    4 /* the waker's tid is 0; with neither, COLUMN_THREAD */

/* SYSCALL: number = syscall, detail = flags, constant = result */
/* FUTEX: number = op | flags << 8, detail = value, constant = result */
#define SHAPE_TID_RUNNING 1   /* tid is who runs on this CPU, else COLUMN_THREAD */
#define SHAPE_AFTER       2   /* the time step ends at the call's begin, not at its end */
#define SHAPE_RESULT      4   /* in COLUMN_VALUE, else the constant */
#define SHAPE_VALUE       8   /* in COLUMN_VALUE, else the detail */
#define SHAPE_ADDRESS2    128 /* in COLUMN_DATA, else 0 */

/* The object and address that a thread used last on this CPU, by its number in the dictionary. */
#define RECENT_SLOTS 128

struct recent {
	u64 address;
	u32 object;
};

struct chunk_head {
	u32 crc;
	u16 kind;
	u16 flags;
	u32 bytes;     /* of the payload as it lies in the file */
	u32 raw_bytes; /* of the payload decompressed */
	u64 begin_ns;
	u64 end_ns;
	u64 events;
	u64 lost;
	u64 sequence;
};

struct footer {
	u64 index_offset;
	u64 file_bytes; /* with the footer */
};

static inline void put_le16(u8 *to, u16 value)
{
	value = htole16(value);
	memcpy(to, &value, sizeof(value));
}

static inline void put_le32(u8 *to, u32 value)
{
	value = htole32(value);
	memcpy(to, &value, sizeof(value));
}

static inline void put_le64(u8 *to, u64 value)
{
	value = htole64(value);
	memcpy(to, &value, sizeof(value));
}

static inline u16 get_le16(const u8 *from)
{
	u16 value;

	memcpy(&value, from, sizeof(value));
	return le16toh(value);
}

static inline u32 get_le32(const u8 *from)
{
	u32 value;

	memcpy(&value, from, sizeof(value));
	return le32toh(value);
}

static inline u64 get_le64(const u8 *from)
{
	u64 value;

	memcpy(&value, from, sizeof(value));
	return le64toh(value);
}

/* Writes all of the head but its checksum, which chunk_seal() fills in. */
void chunk_head_put(u8 to[CHUNK_HEAD_BYTES], const struct chunk_head *head);

/* The payload lies behind the head. */
void chunk_seal(u8 *chunk, size_t payload_bytes);

/* Return: whether a head that a reader may believe in lies here (the checksum is not asked). */
bool chunk_head_get(struct chunk_head *head, const u8 from[CHUNK_HEAD_BYTES]);

u32 chunk_checksum(const u8 head[CHUNK_HEAD_BYTES], const void *payload, size_t bytes);

void footer_put(u8 to[FOOTER_BYTES], const struct footer *footer);
bool footer_get(struct footer *footer, const u8 from[FOOTER_BYTES]);

#endif
