// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* perfetto_file - begin and end of a Perfetto trace: clocks, the system, the recording, losses */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/protobuf.h"
#include "user/export/perfetto.h"

enum clock_id { CLOCK_ID_REALTIME = 1, CLOCK_ID_MONOTONIC = 3, CLOCK_ID_BOOTTIME = 6 };
enum snapshot_field { SNAPSHOT_CLOCKS = 1, SNAPSHOT_PRIMARY = 2 };
enum clock_field { CLOCK_ID = 1, CLOCK_TIMESTAMP = 2 };

enum system_field {
	SYSTEM_UTSNAME = 1,
	SYSTEM_VERSION = 4,
	SYSTEM_PAGE_SIZE = 6,
	SYSTEM_CPUS = 8,
	SYSTEM_MEMORY = 16,
};
enum utsname_field { UTS_SYSNAME = 1, UTS_VERSION = 2, UTS_RELEASE = 3, UTS_MACHINE = 4 };
enum uuid_field { UUID_MSB = 1, UUID_LSB = 2 };

enum defaults_field { DEFAULTS_PERF_SAMPLE = 12, DEFAULTS_STACK_SAMPLE = 100 };
enum perf_defaults_field { PERF_TIMEBASE = 1 };
enum timebase_field { TIMEBASE_PERIOD = 1, TIMEBASE_COUNTER = 4 };
enum stack_defaults_field { STACK_SOURCE = 1, STACK_PRIMARY = 2 };
enum counter_field { COUNTER_NAME = 2, COUNTER_UNIT_TEXT = 4 };

#define COUNTER_CPU_CLOCK 1

enum stats_field { STATS_PHASE = 1, STATS_CPU = 2 };
enum cpu_stats_field { CPU_STATS_CPU = 1, CPU_STATS_DROPPED = 8 };
enum stats_phase { PHASE_START = 1, PHASE_END = 2 };

/* The dictionaries begin, and what holds for all samples */
static void put_defaults(struct perfetto *p)
{
	struct buffer *to = packet_begin(&p->packets, SEQUENCE_MAIN, SEQUENCE_CLEARED);
	size_t begin, inner, deep;

	proto_bool(to, PACKET_FIRST_ON_SEQUENCE, true);
	begin = proto_begin(to, PACKET_DEFAULTS);
	inner = proto_begin(to, DEFAULTS_PERF_SAMPLE);
	deep = proto_begin(to, PERF_TIMEBASE);
	proto_number(to, TIMEBASE_PERIOD, max(p->export.info->sample_period_ns, (u64)1));
	proto_number(to, TIMEBASE_COUNTER, COUNTER_CPU_CLOCK);
	proto_end(to, deep);
	proto_end(to, inner);
	/* The unit is no bare "ns": readers would take waits for time on a CPU. */
	inner = proto_begin(to, DEFAULTS_STACK_SAMPLE);
	proto_text(to, STACK_SOURCE, "tracer waits");
	deep = proto_begin(to, STACK_PRIMARY);
	proto_text(to, COUNTER_NAME, "wait");
	proto_text(to, COUNTER_UNIT_TEXT, "ns waited");
	proto_end(to, deep);
	proto_end(to, inner);
	proto_end(to, begin);
	packet_end(&p->packets);
}

static void put_clock(struct buffer *to, enum clock_id id, u64 ns)
{
	size_t begin = proto_begin(to, SNAPSHOT_CLOCKS);

	proto_number(to, CLOCK_ID, id);
	proto_number(to, CLOCK_TIMESTAMP, ns);
	proto_end(to, begin);
}

/* Events have one clock from begin to end: as if the machine had not been suspended meanwhile. */
static void put_clocks(struct perfetto *p, const struct clock_stamp *stamp)
{
	struct buffer *to = packet_at(&p->packets, stamp->mono_ns, SEQUENCE_MAIN, 0);
	size_t begin = proto_begin(to, PACKET_CLOCK_SNAPSHOT);

	put_clock(to, CLOCK_ID_BOOTTIME, packets_time(&p->packets, stamp->mono_ns));
	put_clock(to, CLOCK_ID_MONOTONIC, stamp->mono_ns);
	if (stamp->wall_ns)
		put_clock(to, CLOCK_ID_REALTIME, stamp->wall_ns);
	proto_number(to, SNAPSHOT_PRIMARY, CLOCK_ID_BOOTTIME);
	proto_end(to, begin);
	packet_end(&p->packets);
}

/* The release decides how readers understand states of threads. */
static void put_system(struct perfetto *p)
{
	const struct trace_info *info = p->export.info;
	struct buffer *to = packet_at(&p->packets, p->export.begin_ns, SEQUENCE_MAIN, 0);
	size_t begin = proto_begin(to, PACKET_SYSTEM_INFO), inner;
	char version[128];

	inner = proto_begin(to, SYSTEM_UTSNAME);
	proto_text(to, UTS_SYSNAME, "Linux");
	proto_text(to, UTS_VERSION, info->kernel_version);
	proto_text(to, UTS_RELEASE, *info->kernel_release ? info->kernel_release : "5.15.0");
	proto_text(to, UTS_MACHINE, info->machine);
	proto_end(to, inner);
	snprintf(version, sizeof(version), "tracer %s", info->tracer_version);
	proto_text(to, SYSTEM_VERSION, version);
	proto_u64(to, SYSTEM_PAGE_SIZE, info->page_bytes);
	proto_u64(to, SYSTEM_CPUS, info->cpu_count);
	proto_u64(to, SYSTEM_MEMORY, info->memory_bytes);
	proto_end(to, begin);
	packet_end(&p->packets);
}

static void put_uuid(struct perfetto *p)
{
	const struct trace_info *info = p->export.info;
	u64 words[] = { info->start.mono_ns, info->start.wall_ns,
			hash_bytes(info->host, strlen(info->host)), p->export.begin_ns,
			p->export.end_ns };
	struct buffer *to = packet_begin(&p->packets, SEQUENCE_MAIN, 0);
	size_t begin = proto_begin(to, PACKET_TRACE_UUID);

	proto_number(to, UUID_MSB, hash_bytes(words, sizeof(words)));
	words[0] = ~words[0];
	proto_number(to, UUID_LSB, hash_bytes(words, sizeof(words)));
	proto_end(to, begin);
	packet_end(&p->packets);
}

static struct buffer *mark(struct perfetto *p, u64 time_ns, const char *name)
{
	struct buffer *to = perfetto_event(p, time_ns, TYPE_INSTANT, TRACK_TRACE);

	proto_number(to, TRACK_EVENT_NAME_IID, names_of_text(&p->names, INTERNED_EVENTS, name));
	proto_number(to, TRACK_EVENT_CATEGORY_IIDS, CATEGORY_RECORDING);
	return to;
}

void perfetto_put_head(struct perfetto *p)
{
	const struct trace_info *info = p->export.info;

	put_defaults(p);
	perfetto_know(p);
	put_clocks(p, &info->start);
	if (p->export.totals && p->export.totals->end.mono_ns > info->start.mono_ns)
		put_clocks(p, &p->export.totals->end);
	put_system(p);
	put_uuid(p);
	perfetto_describe(p, p->export.begin_ns, TRACK_TRACE, 0, "tracer");
	mark(p, p->export.begin_ns, "recording begins");
	perfetto_note_text(p, perfetto_annotation(p, "target"), info->target);
	perfetto_note_text(p, perfetto_annotation(p, "host"), info->host);
	perfetto_note_text(p, perfetto_annotation(p, "command"), info->command_line);
	perfetto_event_end(p);
}

static bool is_of_window(const struct perfetto *p, const struct losses_row *row)
{
	return row->from_ns < p->export.end_ns && row->to_ns >= p->export.begin_ns;
}

/* The number of the row's CPU, or the one behind them all for a part of the file */
static u64 loss_track(const struct losses_row *row)
{
	return TRACK_LOSSES + (row->unreadable ? CPU_UNKNOWN : row->cpu);
}

/* Losses of one CPU are in order of time. */
static void put_loss(struct perfetto *p, const struct losses_row *row, u64 from_ns, u64 to_ns)
{
	struct buffer *to = perfetto_event(p, from_ns, TYPE_SLICE_BEGIN, loss_track(row));

	proto_number(
		to, TRACK_EVENT_NAME_IID,
		names_of_text(&p->names, INTERNED_EVENTS,
			      row->unreadable ? "unreadable part of the file" : "lost events"));
	for (int class = 0; class < CLASS_COUNT; class ++)
		if (row->counts[class])
			perfetto_note_number(p, perfetto_annotation(p, event_class_name(class)),
					     (s64)row->counts[class]);
	perfetto_event_end(p);
	perfetto_event(p, to_ns, TYPE_SLICE_END, loss_track(row));
	perfetto_event_end(p);
}

static void describe_losses(struct perfetto *p, const struct losses_row *row)
{
	char name[64] = "unreadable";

	if (!row->unreadable)
		snprintf(name, sizeof(name), "lost events of CPU %u", row->cpu);
	perfetto_describe(p, p->export.begin_ns, loss_track(row), 0, name);
}

static int put_losses(struct perfetto *p, struct map *ends)
{
	for (u32 i = 0; i < p->export.losses.count; i++) {
		const struct losses_row *row = &p->export.losses.rows[i];
		u64 *end = is_of_window(p, row) ? map_put(ends, loss_track(row)) : NULL;
		u64 from_ns, to_ns;

		if (!is_of_window(p, row))
			continue;
		if (!end)
			return -ENOMEM;
		if (!*end)
			describe_losses(p, row);
		from_ns = max(row->from_ns, p->export.begin_ns);
		from_ns = max(from_ns, *end);
		to_ns = min(row->to_ns, p->export.end_ns);
		to_ns = max(to_ns, from_ns);
		put_loss(p, row, from_ns, to_ns);
		*end = max(to_ns, (u64)1);
	}
	return 0;
}

/* What the "info and stats" page of readers shows as lost */
static void put_stats(struct perfetto *p, enum stats_phase phase)
{
	struct buffer *to =
		packet_at(&p->packets, phase == PHASE_START ? p->export.begin_ns : p->export.end_ns,
			  SEQUENCE_MAIN, 0);
	size_t begin = proto_begin(to, PACKET_FTRACE_STATS);
	const struct losses *losses = &p->export.losses;
	u32 most = 0;

	proto_number(to, STATS_PHASE, phase);
	for (u32 i = 0; i < losses->count; i++)
		if (!losses->rows[i].unreadable)
			most = max(most, (u32)losses->rows[i].cpu + 1);
	for (u32 cpu = 0; cpu < most; cpu++) {
		size_t inner = proto_begin(to, STATS_CPU);
		u64 dropped = 0;

		for (u32 i = 0; phase == PHASE_END && i < losses->count; i++)
			for (int class = 0; class < CLASS_COUNT; class ++)
				if (losses->rows[i].cpu == cpu && is_of_window(p, &losses->rows[i]))
					dropped += losses->rows[i].counts[class];
		proto_number(to, CPU_STATS_CPU, cpu);
		proto_number(to, CPU_STATS_DROPPED, dropped);
		proto_end(to, inner);
	}
	proto_end(to, begin);
	packet_end(&p->packets);
}

static void put_end(struct perfetto *p)
{
	static const char *const whys[] = {
		[TRACE_END_UNKNOWN] = "it was killed, or the file was cut",
		[TRACE_END_ASKED] = "it was asked to",
		[TRACE_END_DURATION] = "its time was over",
		[TRACE_END_TARGET] = "the target has exited",
		[TRACE_END_DISK_FULL] = "the disk was full",
		[TRACE_END_ERROR] = "an error",
	};
	enum trace_end why = p->export.totals ? p->export.totals->why : TRACE_END_UNKNOWN;

	mark(p, p->export.end_ns, "recording ends");
	perfetto_note_text(p, perfetto_annotation(p, "because"),
			   whys[why < ARRAY_SIZE(whys) ? why : TRACE_END_UNKNOWN]);
	if (export_is_lower_bound(&p->export)) {
		perfetto_note_number(p, perfetto_annotation(p, "lost_events"),
				     (s64)p->export.losses.events);
		perfetto_note_number(p, perfetto_annotation(p, "unreadable_parts"),
				     (s64)p->export.losses.unreadable);
	}
	if (p->cpus.overlapping)
		perfetto_note_number(p, perfetto_annotation(p, "contradictions"),
				     (s64)p->cpus.overlapping);
	perfetto_event_end(p);
}

void perfetto_put_tail(struct perfetto *p)
{
	struct map ends = { 0 };

	perfetto_put_names(p);
	if (put_losses(p, &ends) < 0)
		p->failed = -ENOMEM;
	map_free(&ends);
	if (p->export.losses.events) {
		put_stats(p, PHASE_START);
		put_stats(p, PHASE_END);
	}
	put_end(p);
}
