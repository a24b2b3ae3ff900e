// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* pprof - profiles as `go tool pprof` and everything else that knows profile.proto reads them */
#include "user/export/pprof.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/gzip.h"
#include "user/base/protobuf.h"
#include "user/base/text.h"
#include "user/model/grow.h"

/* Numbers of the fields, as profile.proto has them */
enum {
	PROFILE_SAMPLE_TYPE = 1,
	PROFILE_SAMPLE,
	PROFILE_MAPPING,
	PROFILE_LOCATION,
	PROFILE_FUNCTION,
	PROFILE_STRING,
	PROFILE_TIME = 9,
	PROFILE_DURATION,
	PROFILE_PERIOD_TYPE,
	PROFILE_PERIOD,
	PROFILE_COMMENT,
	PROFILE_DEFAULT_TYPE
};
enum { TYPE_TYPE = 1, TYPE_UNIT };
enum { SAMPLE_LOCATION = 1, SAMPLE_VALUE, SAMPLE_LABEL };
enum { LABEL_KEY = 1, LABEL_TEXT, LABEL_NUMBER };
enum {
	MAPPING_ID = 1,
	MAPPING_START,
	MAPPING_LIMIT,
	MAPPING_OFFSET,
	MAPPING_FILE,
	MAPPING_BUILD_ID,
	MAPPING_HAS_FUNCTIONS,
	MAPPING_HAS_FILES,
	MAPPING_HAS_LINES
};
enum { LOCATION_ID = 1, LOCATION_MAPPING, LOCATION_ADDRESS, LOCATION_LINE };
enum { LINE_FUNCTION = 1, LINE_LINE };
enum { FUNCTION_ID = 1, FUNCTION_NAME, FUNCTION_SYSTEM_NAME, FUNCTION_FILE };

#define KERNEL_BEGIN 0x8000000000000000ULL /* of no process */

struct pprof_mapping {
	u64 start;
	u64 limit;
	u64 offset;
	u32 file; /* text */
	u32 build_id;
	u32 locations;
	bool kernel;
	bool lines;
};

struct pprof {
	const struct tally *tally;
	struct gzip *gzip;
	struct buffer message; /* of the first level */
	struct buffer part;    /* a message in it */
	struct names texts;
	struct pprof_mapping *mappings;
	u32 mapping_count;
	u32 mapping_room;
	struct map mapping_numbers; /* hash -> number + 1 */
	struct map functions;       /* name and file -> id */
	u64 *locations;             /* of one sample */
	u32 *location_mappings;     /* by frame: number of its mapping + 1; 0: none */
	bool failed;                /* no memory */
};

static u64 text_of(struct pprof *p, const char *text)
{
	u32 number = 0;

	if (names_put(&p->texts, &number, text, strlen(text)) < 0)
		p->failed = true;
	return number;
}

/* Hands the message over as an element of the list @field. */
static void end_message(struct pprof *p, u32 field)
{
	u8 head[2 * VARINT_MAX];
	u8 *end = varint_put(varint_put(head, (u64)field << 3 | 2), p->message.size);

	p->failed |= p->message.failed || p->part.failed;
	gzip_write(p->gzip, head, (size_t)(end - head));
	gzip_write(p->gzip, p->message.data, p->message.size);
	buffer_reset(&p->message);
}

/* Fields of the profile itself, one after the other */
static void end_fields(struct pprof *p)
{
	p->failed |= p->message.failed;
	gzip_write(p->gzip, p->message.data, p->message.size);
	buffer_reset(&p->message);
}

static void put_part(struct pprof *p, u32 field)
{
	proto_item(&p->message, field, p->part.data, p->part.size);
	p->failed |= p->part.failed;
	buffer_reset(&p->part);
}

static void put_type(struct pprof *p, u32 field, const char *type, const char *unit)
{
	proto_u64(&p->message, TYPE_TYPE, text_of(p, type));
	proto_u64(&p->message, TYPE_UNIT, text_of(p, unit));
	end_message(p, field);
}

static void put_types(struct pprof *p)
{
	bool cpu = p->tally->profile.kind->cpu;

	put_type(p, PROFILE_SAMPLE_TYPE, cpu ? "samples" : "contentions", "count");
	put_type(p, PROFILE_SAMPLE_TYPE, cpu ? "cpu" : "delay", "nanoseconds");
	put_type(p, PROFILE_PERIOD_TYPE, cpu ? "cpu" : "contentions",
		 cpu ? "nanoseconds" : "count");
	proto_u64(&p->message, PROFILE_PERIOD, cpu ? p->tally->profile.sample_period_ns : 1);
	proto_u64(&p->message, PROFILE_DEFAULT_TYPE, text_of(p, cpu ? "cpu" : "delay"));
	end_fields(p);
}

static void put_label(struct pprof *p, const char *key, const char *text)
{
	if (!*text)
		return;
	proto_u64(&p->part, LABEL_KEY, text_of(p, key));
	proto_u64(&p->part, LABEL_TEXT, text_of(p, text));
	put_part(p, SAMPLE_LABEL);
}

static void put_number_label(struct pprof *p, const char *key, u64 number)
{
	proto_u64(&p->part, LABEL_KEY, text_of(p, key));
	proto_u64(&p->part, LABEL_NUMBER, number);
	put_part(p, SAMPLE_LABEL);
}

static void put_thread_labels(struct pprof *p, const struct profile_row *row)
{
	const struct thread_table *threads = timeline_threads(p->tally->timeline);
	const struct thread *thread = tally_thread(p->tally, row);

	if (!thread)
		return;
	put_label(p, "thread", names_text(&threads->names, row->name));
	put_number_label(p, "tid", thread->tid);
	if (!thread->process->pid)
		return;
	put_label(p, "process", process_name(p->tally->timeline, thread->process));
	put_number_label(p, "pid", thread->process->pid);
}

static void put_wait_labels(struct pprof *p, const struct profile_row *row)
{
	const struct tally *tally = p->tally;
	bool sched = tally->profile.kind->sched;
	char text[TALLY_TEXT_MAX], room[32];
	const struct what *what = row->what ? whats_get(&tally->profile.whats, row->what) : NULL;

	if (tally->profile.kind->cpu)
		return;
	if (sched && row->bare != BARE_OTHER)
		put_label(p, "why", runnable_why_name(row->why));
	if (!sched || row->why == WHY_WOKEN)
		put_label(p, "kind", wait_kind_name(row->kind));
	if (row->syscall != SYSCALL_NONE && row->bare != BARE_OTHER && tally->info)
		put_label(p, "syscall", trace_syscall_name(tally->info, row->syscall, room));
	put_label(p, "waker", tally_waker(text, tally, row));
	put_label(p, what && what->futex ? "lock" : "object", tally_object(text, tally, row));
}

static void put_sample(struct pprof *p, const struct profile_row *row)
{
	const struct tally_list frames = tally_frames(p->tally, row);
	const struct names *names = &timeline_threads(p->tally->timeline)->names;
	const u64 values[] = { row->count, row->ns };

	for (u32 i = 0; i < frames.count; i++)
		p->locations[i] = frames.numbers[i] + 1;
	proto_packed(&p->message, SAMPLE_LOCATION, p->locations, frames.count);
	proto_packed(&p->message, SAMPLE_VALUE, values, ARRAY_SIZE(values));
	put_thread_labels(p, row);
	put_label(p, "task", names_text(names, row->task));
	put_label(p, "region", names_text(names, row->region));
	put_wait_labels(p, row);
	end_message(p, PROFILE_SAMPLE);
}

static u64 build_id_text(struct pprof *p, const struct symbols_frame *symbol)
{
	char text[2 * BUILD_ID_ROOM + 1] = "";

	for (u8 i = 0; i < symbol->build_id_bytes; i++)
		snprintf(text + 2 * i, 3, "%02x", symbol->build_id[i]);
	return text_of(p, text);
}

static bool describe_mapping(struct pprof *p, struct pprof_mapping *mapping,
			     const struct tally_frame *frame)
{
	const struct symbols_frame *symbol = &frame->symbol;

	*mapping = (struct pprof_mapping){
		.start = symbol->mapping.address,
		.limit = symbol->mapping.address + symbol->mapping.bytes,
		.offset = symbol->mapping.offset,
		.kernel = frame->kernel,
	};
	if (frame->kernel) {
		mapping->start = KERNEL_BEGIN;
		mapping->limit = UINT64_MAX;
		mapping->file = (u32)text_of(p, "[kernel.kallsyms]");
		return true;
	}
	if (!symbol->mapping.bytes)
		return false;
	mapping->file = (u32)text_of(p, *symbol->path ? symbol->path : symbol->module);
	mapping->build_id = (u32)build_id_text(p, symbol);
	return true;
}

static bool is_same(const struct pprof_mapping *a, const struct pprof_mapping *b)
{
	return a->start == b->start && a->limit == b->limit && a->offset == b->offset &&
	       a->file == b->file && a->build_id == b->build_id;
}

/* The number + 1 of the mapping that @frame lies in; 0: none. */
static u32 mapping_of(struct pprof *p, const struct tally_frame *frame)
{
	struct pprof_mapping mapping;
	u64 *slot;

	if (!describe_mapping(p, &mapping, frame))
		return 0;
	for (u64 hash = hash_u64(mapping.start ^ (u64)mapping.file << 32);; hash++) {
		slot = map_put(&p->mapping_numbers, hash);
		if (!slot || !*slot || is_same(&p->mappings[*slot - 1], &mapping))
			break;
	}
	if (!slot ||
	    (!*slot && !grow(&p->mappings, p->mapping_count, &p->mapping_room, sizeof(mapping)))) {
		p->failed = true;
		return 0;
	}
	if (!*slot) {
		p->mappings[p->mapping_count] = mapping;
		*slot = ++p->mapping_count;
	}
	p->mappings[*slot - 1].locations++;
	p->mappings[*slot - 1].lines |= !!frame->symbol.file;
	return (u32)*slot;
}

static void put_mapping(struct pprof *p, u32 number)
{
	const struct pprof_mapping *mapping = &p->mappings[number];

	proto_u64(&p->message, MAPPING_ID, number + 1);
	proto_u64(&p->message, MAPPING_START, mapping->start);
	proto_u64(&p->message, MAPPING_LIMIT, mapping->limit);
	proto_u64(&p->message, MAPPING_OFFSET, mapping->offset);
	proto_u64(&p->message, MAPPING_FILE, mapping->file);
	proto_u64(&p->message, MAPPING_BUILD_ID, mapping->build_id);
	/* Code without a name has one that says where it lies: nobody else looks it up. */
	proto_bool(&p->message, MAPPING_HAS_FUNCTIONS, true);
	proto_bool(&p->message, MAPPING_HAS_FILES, mapping->lines);
	proto_bool(&p->message, MAPPING_HAS_LINES, mapping->lines);
	end_message(p, PROFILE_MAPPING);
}

/* The program itself comes first: readers call the profile by the first mapping. */
static u32 main_mapping(const struct pprof *p)
{
	u32 best = 0, most = 0;

	for (u32 i = 0; i < p->mapping_count; i++) {
		const struct pprof_mapping *mapping = &p->mappings[i];
		const char *file = names_text(&p->texts, mapping->file);

		if (mapping->kernel || *file == '[' || strstr(file, ".so"))
			continue;
		if (mapping->locations > most) {
			best = i;
			most = mapping->locations;
		}
	}
	return best;
}

static void put_mappings(struct pprof *p)
{
	u32 first;

	for (u32 i = 0; i < p->tally->count; i++)
		p->location_mappings[i] = mapping_of(p, &p->tally->list[i]);
	if (!p->mapping_count)
		return;
	first = main_mapping(p);
	put_mapping(p, first);
	for (u32 i = 0; i < p->mapping_count; i++)
		if (i != first)
			put_mapping(p, i);
}

/* Functions are told when they are first needed. */
static u64 function_of(struct pprof *p, const struct symbols_frame *symbol)
{
	char name[SYMBOLS_TEXT_MAX];
	u64 name_number = text_of(p, symbols_text(name, symbol));
	u64 file_number = symbol->file ? text_of(p, symbol->file) : 0;
	u64 *id = map_put(&p->functions, name_number << 32 | file_number);

	if (!id) {
		p->failed = true;
		return 0;
	}
	if (!*id) {
		*id = p->functions.count;
		proto_u64(&p->message, FUNCTION_ID, *id);
		proto_u64(&p->message, FUNCTION_NAME, name_number);
		proto_u64(&p->message, FUNCTION_SYSTEM_NAME, name_number);
		proto_u64(&p->message, FUNCTION_FILE, file_number);
		end_message(p, PROFILE_FUNCTION);
	}
	return *id;
}

static void put_location(struct pprof *p, u32 number)
{
	const struct tally_frame *frame = &p->tally->list[number];
	u64 function = function_of(p, &frame->symbol);

	proto_u64(&p->part, LINE_FUNCTION, function);
	proto_u64(&p->part, LINE_LINE, frame->symbol.file ? frame->symbol.line : 0);
	proto_u64(&p->message, LOCATION_ID, number + 1);
	proto_u64(&p->message, LOCATION_MAPPING, p->location_mappings[number]);
	proto_u64(&p->message, LOCATION_ADDRESS, frame->address);
	put_part(p, LOCATION_LINE);
	end_message(p, PROFILE_LOCATION);
}

static void add_comment(struct pprof *p, u64 *list, size_t *count, const char *text)
{
	if (*text)
		list[(*count)++] = text_of(p, text);
}

static void losses_text(char *to, size_t size, const struct tally *tally)
{
	char events[TEXT_MAX];

	if (!tally_is_lower_bound(tally))
		snprintf(to, size, "losses: none");
	else
		snprintf(to, size, "losses: %s events%s%s; times and counts are a lower bound",
			 text_count(events, tally->losses.events),
			 tally->damaged || tally->losses.unreadable ? "; the file is damaged" : "",
			 tally->totals && tally->totals->untracked_threads
				 ? "; some threads were not tracked"
				 : "");
}

static void put_comments(struct pprof *p)
{
	const struct tally *tally = p->tally;
	const struct profile *profile = &tally->profile;
	char text[512], length[TEXT_MAX];
	u64 list[8];
	size_t count = 0;

	if (tally->info) {
		snprintf(text, sizeof(text), "tracer %s on %s, Linux %s",
			 tally->info->tracer_version, tally->info->host,
			 tally->info->kernel_release);
		add_comment(p, list, &count, text);
		add_comment(p, list, &count, tally->info->target);
	}
	if (!tally_has_stacks(tally))
		add_comment(p, list, &count, "stacks were not recorded");
	else if (!profile->kind->cpu && profile->stack_min_ns) {
		snprintf(text, sizeof(text), "waits shorter than %s have no stack",
			 text_duration(length, profile->stack_min_ns));
		add_comment(p, list, &count, text);
	}
	if (tally->truncated) {
		snprintf(text, sizeof(text), "stacks that do not reach their root: %" PRIu64,
			 tally->truncated);
		add_comment(p, list, &count, text);
	}
	losses_text(text, sizeof(text), tally);
	add_comment(p, list, &count, text);
	proto_packed(&p->message, PROFILE_COMMENT, list, count);
	end_fields(p);
}

static void put_time(struct pprof *p)
{
	const struct tally *tally = p->tally;
	const struct clock_stamp *start = tally->info ? &tally->info->start : NULL;

	if (start)
		proto_u64(&p->message, PROFILE_TIME,
			  start->wall_ns + (tally->begin_ns - start->mono_ns));
	proto_u64(&p->message, PROFILE_DURATION, tally->end_ns - tally->begin_ns);
	end_fields(p);
}

static void put_texts(struct pprof *p)
{
	for (u32 i = 0; i <= p->texts.count; i++) {
		const char *text = names_text(&p->texts, i);

		proto_item(&p->message, PROFILE_STRING, text, strlen(text));
		end_fields(p);
	}
}

static u32 longest_stack(const struct tally *tally)
{
	u32 most = 0;

	for (u32 i = 0; i < tally->profile.count; i++)
		most = max(most, tally_frames(tally, &tally->profile.rows[i]).count);
	return most;
}

static int put_all(struct pprof *p)
{
	const struct tally *tally = p->tally;

	p->locations = calloc(longest_stack(tally) + 1, sizeof(*p->locations));
	p->location_mappings = calloc(tally->count + 1, sizeof(*p->location_mappings));
	if (!p->locations || !p->location_mappings)
		return -ENOMEM;
	put_types(p);
	for (u32 i = 0; i < tally->profile.count; i++)
		put_sample(p, &tally->profile.rows[i]);
	put_mappings(p);
	for (u32 i = 0; i < tally->count; i++)
		put_location(p, i);
	put_time(p);
	put_comments(p);
	put_texts(p);
	return p->failed ? -ENOMEM : gzip_finish(p->gzip);
}

static void pprof_free(struct pprof *p)
{
	gzip_free(p->gzip);
	buffer_free(&p->message);
	buffer_free(&p->part);
	names_free(&p->texts);
	map_free(&p->mapping_numbers);
	map_free(&p->functions);
	free(p->mappings);
	free(p->locations);
	free(p->location_mappings);
}

int pprof_write(FILE *out, const struct tally *tally, struct err *err)
{
	struct pprof p = { .tally = tally };
	int r = gzip_new(&p.gzip, out, err);

	if (r < 0)
		return r;
	r = put_all(&p);
	pprof_free(&p);
	errno = 0;
	if (!r && fflush(out))
		r = errno ? -errno : -EIO;
	return r < 0 ? fail(err, r, "cannot write the profile: %s", strerror(-r)) : 0;
}
