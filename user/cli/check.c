// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* check - is a trace whole, and what is missing? */
#include <errno.h>
#include <inttypes.h>

#include "user/base/json.h"
#include "user/base/text.h"
#include "user/cli/command.h"
#include "user/trace/reader.h"

extern const struct command check_command;

struct check_options {
	bool json;
	unsigned int verbose;
};

struct checked {
	const char *path;
	struct trace_reader *reader;
	u64 events; /* that could be read */
	u64 lost;
	u64 unreadable; /* stretches */
	bool whole;
};

static const char *end_text(enum trace_end why)
{
	static const char *const texts[] = {
		[TRACE_END_UNKNOWN] = "no end: the recording was killed, or the file was cut",
		[TRACE_END_ASKED] = "ended when it was asked to",
		[TRACE_END_DURATION] = "ended after its time",
		[TRACE_END_TARGET] = "ended with its target",
		[TRACE_END_DISK_FULL] = "ended because the disk was full",
		[TRACE_END_ERROR] = "ended by an error",
		[TRACE_END_SNAPSHOT] = "a snapshot: recording went on",
	};

	return (size_t)why < ARRAY_SIZE(texts) ? texts[why] : "ended for an unknown reason";
}

static const char *const end_names[] = { "unknown",   "asked", "duration", "target",
					 "disk_full", "error", "snapshot" };
_Static_assert(ARRAY_SIZE(end_names) == TRACE_END_SNAPSHOT + 1, "every end has a name");

static bool is_whole(const struct trace_damage *d)
{
	return !d->bad_chunks && !d->bad_bytes && !d->cut_bytes && !d->no_index && !d->no_end &&
	       !d->bad_head;
}

static int read_all(struct checked *c, struct err *err)
{
	const struct trace_event *event;
	int r;

	while ((r = trace_reader_next(c->reader, &event, err)) == 1) {
		if (event->kind == EVENT_LOSS) {
			c->unreadable += event->loss->unreadable;
			for (unsigned int i = 0; i < CLASS_COUNT; i++)
				c->lost += event->loss->counts[i];
		}
		/* What a chunk says again is no event of its own. */
		c->events += !trace_event_is_restated(event) &&
			     !(event->kind == EVENT_LOSS && event->loss->unreadable);
	}
	c->whole = is_whole(trace_reader_damage(c->reader));
	return r;
}

static void print_damage(const struct trace_damage *d)
{
	char text[TEXT_MAX];

	if (d->bad_head)
		printf("  the head is damaged: host, target or names may be wrong\n");
	if (d->bad_chunks)
		printf("  %s damaged chunk%s left out\n", text_count(text, d->bad_chunks),
		       d->bad_chunks == 1 ? " was" : "s were");
	if (d->bad_bytes)
		printf("  %s cannot be read\n", text_bytes(text, d->bad_bytes));
	if (d->cut_bytes)
		printf("  the last chunk is cut off: %s of it are left\n",
		       text_bytes(text, d->cut_bytes));
	if (d->no_index && !d->no_end)
		printf("  no index: it was rebuilt from the chunks\n");
	if (d->no_end)
		printf("  %s\n", end_text(TRACE_END_UNKNOWN));
}

static void print_chunks(const struct checked *c)
{
	const struct trace_chunk_info *chunks;
	size_t count = trace_reader_chunks(c->reader, &chunks);
	u64 begin_ns = trace_reader_begin_ns(c->reader);

	printf("  %6s %12s %10s %14s %14s %10s %8s\n", "chunk", "offset", "bytes", "from s", "to s",
	       "events", "lost");
	for (size_t i = 0; i < count; i++) {
		printf("  %6zu %12" PRIu64 " %10" PRIu64 " %14.6f %14.6f %10" PRIu64 " %8" PRIu64
		       "\n",
		       i, chunks[i].offset, chunks[i].bytes,
		       (double)(chunks[i].begin_ns - begin_ns) / 1e9,
		       (double)(chunks[i].end_ns - begin_ns) / 1e9, chunks[i].events,
		       chunks[i].lost);
	}
}

static void print_text(const struct checked *c, bool with_chunks)
{
	const struct trace_totals *totals = trace_reader_totals(c->reader);
	const struct trace_chunk_info *chunks;
	size_t count = trace_reader_chunks(c->reader, &chunks);
	char events[TEXT_MAX], duration[TEXT_MAX], lost[TEXT_MAX];
	u64 ns = trace_reader_end_ns(c->reader) - trace_reader_begin_ns(c->reader);

	printf("%s: %s\n", c->path, c->whole ? "whole" : "damaged or incomplete");
	printf("  %s events in %zu chunk%s, %s\n", text_count(events, c->events), count,
	       count == 1 ? "" : "s", text_duration(duration, ns));
	if (totals)
		printf("  %s\n", end_text(totals->why));
	if (c->lost)
		printf("  %s events were lost: they found no room while recording\n",
		       text_count(lost, c->lost));
	print_damage(trace_reader_damage(c->reader));
	if (with_chunks)
		print_chunks(c);
}

static void json_chunks(struct json *j, const struct checked *c)
{
	const struct trace_chunk_info *chunks;
	size_t count = trace_reader_chunks(c->reader, &chunks);

	json_key(j, "chunk_table");
	json_list(j);
	for (size_t i = 0; i < count; i++) {
		json_object(j);
		json_key_u64(j, "offset", chunks[i].offset);
		json_key_u64(j, "bytes", chunks[i].bytes);
		json_key_u64(j, "begin_ns", chunks[i].begin_ns);
		json_key_u64(j, "end_ns", chunks[i].end_ns);
		json_key_u64(j, "events", chunks[i].events);
		json_key_u64(j, "lost", chunks[i].lost);
		json_object_end(j);
	}
	json_list_end(j);
}

static void print_json(struct json *j, const struct checked *c, bool with_chunks)
{
	const struct trace_damage *d = trace_reader_damage(c->reader);
	const struct trace_totals *totals = trace_reader_totals(c->reader);
	const struct trace_chunk_info *chunks;

	json_object(j);
	json_key_text(j, "file", c->path);
	json_key_bool(j, "whole", c->whole);
	json_key_text(j, "end",
		      totals && totals->why < ARRAY_SIZE(end_names) ? end_names[totals->why]
								    : end_names[TRACE_END_UNKNOWN]);
	json_key_u64(j, "begin_ns", trace_reader_begin_ns(c->reader));
	json_key_u64(j, "end_ns", trace_reader_end_ns(c->reader));
	json_key_u64(j, "chunks", trace_reader_chunks(c->reader, &chunks));
	json_key_u64(j, "events", c->events);
	json_key_u64(j, "lost", c->lost);
	json_key_u64(j, "unreadable_stretches", c->unreadable);
	json_key_u64(j, "bad_chunks", d->bad_chunks);
	json_key_u64(j, "bad_bytes", d->bad_bytes);
	json_key_u64(j, "cut_bytes", d->cut_bytes);
	json_key_bool(j, "bad_head", d->bad_head);
	json_key_bool(j, "no_index", d->no_index);
	json_key_bool(j, "no_end", d->no_end);
	if (with_chunks)
		json_chunks(j, c);
	json_object_end(j);
}

static int check_file(struct checked *c, const struct check_options *o, struct json *j,
		      struct err *err)
{
	CLEANUP(trace_reader_close) struct trace_reader *reader = NULL;
	int r = trace_reader_open(&reader, c->path, err);

	if (r < 0)
		return r;
	c->reader = reader;
	r = read_all(c, err);
	if (r < 0)
		return r;
	if (o->json)
		print_json(j, c, o->verbose);
	else
		print_text(c, o->verbose);
	return 0;
}

static int check_run(void *options, char **args, int count, struct err *err)
{
	const struct check_options *o = options;
	struct json j = { .out = stdout };
	bool whole = true;
	u64 lost = 0;
	int r = 0;

	if (!count) {
		fail(err, -EINVAL, "check: no file is named");
		return hint(err, "tracer check FILE...");
	}
	if (o->json) {
		json_object(&j);
		json_key(&j, "check");
		json_list(&j);
	}
	for (int i = 0; i < count && !r; i++) {
		struct checked c = { .path = args[i] };

		r = check_file(&c, o, &j, err);
		whole &= c.whole;
		lost += c.lost;
	}
	if (o->json) {
		json_list_end(&j);
		json_key(&j, "losses");
		json_object(&j);
		json_key_u64(&j, "events", lost);
		json_object_end(&j);
		json_object_end(&j);
		printf("\n");
	}
	return r < 0 ? r : !whole;
}

static const struct option_spec check_options[] = {
	{ "json", 0, OPTION_FLAG, offsetof(struct check_options, json), NULL,
	  "one JSON object instead of text" },
	{ "verbose", 'v', OPTION_COUNT, offsetof(struct check_options, verbose), NULL,
	  "also a table of the chunks" },
	{ 0 },
};

const struct command check_command = {
	.name = "check",
	.usage = "FILE... [--json] [-v]",
	.summary = "is a trace whole, and what is missing?",
	.details = "Reads every chunk of each FILE (- is standard input) and verifies it.\n"
		   "Exit status: 0 when all are whole, 1 when one is damaged or has no end.\n",
	.options = check_options,
	.options_bytes = sizeof(struct check_options),
	.run = check_run,
};
