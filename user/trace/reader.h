/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* reader - a file back into events, in order of time */
#ifndef TRACER_TRACE_READER_H
#define TRACER_TRACE_READER_H

#include "user/base/cleanup.h"
#include "user/base/err.h"
#include "user/trace/event.h"
#include "user/trace/info.h"

struct trace_reader;

/**
 * trace_reader_open() - open a trace, whole or damaged
 * @out:  set on success
 * @path: a file; "-" is standard input, read to its end first
 *
 * Return: 0; -ENOENT, -EACCES, ...; -EBADMSG when it is no trace or of a newer major version.
 */
int trace_reader_open(struct trace_reader **out, const char *path, struct err *err);
void trace_reader_close(struct trace_reader *reader);
DEFINE_CLEANUP(struct trace_reader *, trace_reader_close)

/* The head. Lives as long as the reader. */
const struct trace_info *trace_reader_info(const struct trace_reader *reader);

/* The totals; NULL for a file without an end. */
const struct trace_totals *trace_reader_totals(const struct trace_reader *reader);

/**
 * trace_reader_next() - the next event
 * @event: set to one that is valid until the next call
 *
 * Events of all CPUs, merged by time: time_ns never goes back. A chunk begins with what it
 * restates, at the time of its begin: EVENT_STACK and EVENT_OBJECT of those it uses (spare is
 * OBJECT_RESTATED), EVENT_THREAD of the target's threads and EVENT_NAME of the others that it
 * mentions (flag THREAD_RESTATED). A stretch that cannot be read comes as EVENT_LOSS with
 * unreadable set.
 *
 * Return: 1 with an event; 0 at the end; a negative errno with @err filled (memory, read
 * errors; damage is not an error, see trace_reader_damage()).
 */
int trace_reader_next(struct trace_reader *reader, const struct trace_event **event,
		      struct err *err);

/* Goes to the first chunk that has events at or after @time_ns. Return: 0 or a negative errno. */
int trace_reader_seek(struct trace_reader *reader, u64 time_ns, struct err *err);

/* Where the recording begins and ends: from the index, else from the chunks' heads. */
u64 trace_reader_begin_ns(const struct trace_reader *reader);
u64 trace_reader_end_ns(const struct trace_reader *reader);

/* What is wrong with a file. All zero: it is whole. */
struct trace_damage {
	u64 bad_chunks; /* checksum or content wrong: left out */
	u64 bad_bytes;  /* bytes that belong to no good chunk */
	u64 cut_bytes;  /* an incomplete chunk at the end */
	bool no_index;  /* it was rebuilt from the chunks */
	bool no_end;    /* no totals: the recording was killed, or the file was cut */
	bool bad_head;  /* trace_info may be wrong or incomplete */
};

/* Complete after the last event was read; before, what is known so far. */
const struct trace_damage *trace_reader_damage(const struct trace_reader *reader);

struct trace_chunk_info {
	u64 offset; /* in the file */
	u64 bytes;  /* in the file, head included */
	u64 begin_ns;
	u64 end_ns;
	u64 events;
	u64 lost;
};

/* The chunks in order of the file. Return: how many; @chunks lives as long as the reader. */
size_t trace_reader_chunks(const struct trace_reader *reader,
			   const struct trace_chunk_info **chunks);

/* The name of a system call: "read", "read (32-bit)", or "syscall_462" in @room. */
const char *trace_syscall_name(const struct trace_info *info, u16 syscall, char room[32]);

#endif
