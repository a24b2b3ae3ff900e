// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* instances - some tasks, each with its regions, logs, threads and waits in order of time */
#include <errno.h>
#include <string.h>

#include "user/base/text.h"
#include "user/report/table.h"
#include "user/report/tasks.h"

#define WAITS_SHOWN   1000 /* on a terminal: waits of less than this part of the task are not */
#define MOMENTS_SHOWN 60   /* on a terminal, of one task; all regions and logs in any case */

bool report_wants_instances(const struct report *report)
{
	return report->options->query.slowest;
}

int report_read_instances(struct report *report, const struct filter *filter, struct err *err)
{
	CLEANUP(trace_reader_close) struct trace_reader *reader = NULL;
	struct instances *instances = &report->instances;
	struct sink sink = instances_sink(instances);
	int r;

	if (!strcmp(report->path, "-")) {
		fail(err, -EINVAL, "single tasks need the trace twice: standard input cannot be");
		return hint(err, "put it into a file first");
	}
	r = trace_reader_open(&reader, report->path, err);
	if (r >= 0)
		r = timeline_new(&instances->timeline, trace_reader_begin_ns(reader), err);
	if (r < 0)
		return r;
	timeline_set_filter(instances->timeline, filter);
	timeline_split_tasks(instances->timeline);
	r = instances_begin(instances, report->tasks.slowest, report->tasks.slowest_count)
		    ?: timeline_attach(instances->timeline, &sink);
	if (r < 0)
		return fail(err, r, "cannot prepare the report: %s", strerror(-r));
	r = timeline_read(instances->timeline, reader, filter->from_ns, filter->to_ns, err);
	if (r >= 0)
		instances_finish(instances);
	return r;
}

static const char *name_of(const struct report *report, u32 name)
{
	return names_text(&timeline_threads(report->instances.timeline)->names, name);
}

static const char *task_name_of(const struct report *report, const struct tasks_instance *is)
{
	const char *name = name_of(report, is->name);

	return *name ? name : "(unknown)";
}

/* "futex db_lock (workers)", "tcp -> 10.0.0.1:5432", "" */
static void waited_for(char to[REPORT_WHAT_MAX], const struct report *report,
		       const struct moment *moment)
{
	const struct thread_table *threads = timeline_threads(report->instances.timeline);
	const struct what *what = whats_get(&report->instances.whats, moment->what);
	char name[FUTEX_NAME_MAX], shown[160], text[WHAT_TEXT_MAX];
	const char *module;

	if (what->futex && what->process &&
	    futexes_name(name, &module, &report->frames, threads->processes[what->process - 1]->pid,
			 what->futex, moment->time_ns)) {
		text_printable(shown, sizeof(shown), name);
		text_printable(text, 64, module);
		snprintf(to, REPORT_WHAT_MAX, "futex %s (%.64s)", shown, text);
	} else {
		snprintf(to, REPORT_WHAT_MAX, "%s", what_text(text, what));
	}
}

/* "sync futex: futex db_lock (workers), in save, woken by worker-3" */
static void wait_text(char *to, size_t room, const struct report *report,
		      const struct moment *moment)
{
	char what[REPORT_WHAT_MAX], place[CELL_TEXT_MAX], waker[WAKER_TEXT_MAX], call[32];
	size_t used;

	waited_for(what, report, moment);
	report_function(place, report, moment->stack);
	used = (size_t)snprintf(to, room, "%s", wait_kind_name((enum wait_kind)moment->wait));
	if (moment->syscall != SYSCALL_NONE)
		used += (size_t)snprintf(to + used, room - used, " %s",
					 report_syscall(report, moment->syscall, call));
	used += (size_t)snprintf(to + used, room - used, "%s%s%s%s", *what ? ": " : "", what,
				 *place ? ", in " : "", place);
	if (used < room && moment->woken && !moment->waker.missing)
		snprintf(to + used, room - used, ", woken by %s",
			 waker_text(waker, report->instances.timeline, &moment->waker));
}

static void moment_text(char *to, size_t room, const struct report *report,
			const struct moment *moment)
{
	const char *name = name_of(report, moment->name);

	switch (moment->kind) {
	case MOMENT_ENTER: snprintf(to, room, "works for it"); break;
	case MOMENT_REGION: snprintf(to, room, "region %s", *name ? name : "(unnamed)"); break;
	case MOMENT_WAIT: wait_text(to, room, report, moment); break;
	case MOMENT_SCHED:
		snprintf(to, room, "scheduler wait: %s",
			 runnable_why_name((enum runnable_why)moment->wait));
		break;
	case MOMENT_PART: snprintf(to, room, "begins %s #%u", name, moment->part); break;
	default: snprintf(to, room, "log %s%s%s", name, *name ? ": " : "", moment->text ?: "");
	}
}

/* One line of an instance */
struct line {
	const struct instance *instance;
	u32 moment;
};

static const struct moment *moment_of(const void *row)
{
	const struct line *line = row;

	return &line->instance->moments[line->moment];
}

static void get_after(struct cell *cell, const struct report *report, const void *row)
{
	const struct line *line = row;

	cell->number =
		moment_of(row)->time_ns - min(line->instance->is.begin_ns, moment_of(row)->time_ns);
}

static void get_took(struct cell *cell, const struct report *report, const void *row)
{
	char text[WHEN_TEXT_MAX];

	if (moment_of(row)->end_ns != moment_of(row)->time_ns)
		snprintf(cell->text, sizeof(cell->text), "%s%s", moment_of(row)->open ? "> " : "",
			 ns_text(text, report, moment_of(row)->end_ns - moment_of(row)->time_ns));
}

static void get_thread(struct cell *cell, const struct report *report, const void *row)
{
	cell_text(cell, thread_name(report->instances.timeline, moment_of(row)->thread));
}

static void get_text(struct cell *cell, const struct report *report, const void *row)
{
	const struct line *line = row;
	char text[CELL_TEXT_MAX];
	u32 indent = min(2 * instance_depth(line->instance, line->moment), 32u);

	memset(text, ' ', indent);
	moment_text(text + indent, sizeof(text) - indent, report, moment_of(row));
	cell_text(cell, text);
}

static const struct column columns[] = {
	{ "AFTER", NULL, CELL_NS, 0, false, get_after, NULL },
	{ "TOOK", NULL, CELL_TEXT, 0, false, get_took, NULL },
	{ "THREAD", NULL, CELL_TEXT, 0, false, get_thread, NULL },
	{ "WHAT", NULL, CELL_TEXT, 0, false, get_text, NULL },
	{ NULL, NULL, CELL_TEXT, 0, false, NULL, NULL },
};

static const char *state_of(const struct tasks_instance *is)
{
	if (tasks_is_whole(is->flags))
		return "";
	if (is->flags & TASK_UNBEGUN)
		return ", its begin was not seen";
	return is->flags & TASK_DROPPED ? ", never ended" : ", goes on";
}

static void print_head(const struct report *report, const struct instance *instance)
{
	const struct tasks_instance *is = &instance->is;
	char line[512], name[NAME_SHOWN_MAX], thread[NAME_SHOWN_MAX], when[WHEN_TEXT_MAX];
	char took[WHEN_TEXT_MAX], went[WENT_TEXT_MAX];

	snprintf(line, sizeof(line), "%s #%u: %s at %s, begun by %s (%u)%s",
		 name_show(name, task_name_of(report, is)), is->id,
		 ns_text(took, report, is->end_ns - is->begin_ns),
		 when_text(when, report, is->begin_ns),
		 name_show(thread, thread_name(report->timeline, is->thread)), is->thread->tid,
		 state_of(is));
	fputs(style_tone(&report->style, TONE_HEAD), report->out);
	line_show(report, line);
	fputs(style_tone(&report->style, TONE_PLAIN), report->out);
	went_text(went, &is->spent, is->end_ns - is->begin_ns, is->attended_ns);
	if (*went) {
		snprintf(line, sizeof(line), "  %s", went);
		line_show(report, line);
	}
	if (instance->link) {
		text_printable(went, sizeof(went), instance->link);
		snprintf(line, sizeof(line), "  traceparent %s", went);
		line_show(report, line);
	}
}

static int print_instance(const struct report *report, struct instance *instance)
{
	CLEANUP(free) struct line *lines = NULL;
	struct table table = { .columns = columns, .row_bytes = sizeof(*lines), .excerpt = true };
	char line[128], count[TEXT_MAX], ns[WHEN_TEXT_MAX];
	int r;

	print_head(report, instance);
	if (!report->options->all)
		instance_fit(instance, MOMENTS_SHOWN,
			     (instance->is.end_ns - instance->is.begin_ns) / WAITS_SHOWN);
	lines = calloc(instance->count + 1, sizeof(*lines));
	if (!lines)
		return -ENOMEM;
	for (u32 i = 0; i < instance->count; i++)
		lines[i] = (struct line){ instance, i };
	table.rows = lines;
	table.row_count = table.fit = instance->count;
	r = instance->count ? table_print(report, &table) : 0;
	if (instance->left_out) {
		snprintf(line, sizeof(line), "  and %s shorter, %s",
			 text_count(count, instance->left_out),
			 ns_text(ns, report, instance->left_out_ns));
		line_show(report, line);
	}
	return r;
}

static void json_moment(struct json *json, const struct report *report,
			const struct instance *instance, const struct moment *moment)
{
	static const char *const kinds[] = { "thread",         "region", "wait",
					     "scheduler_wait", "log",    "part" };
	char text[REPORT_WHAT_MAX], room[32];

	json_object(json);
	json_key_text(json, "kind", kinds[moment->kind]);
	json_key_u64(json, "after_ns",
		     moment->time_ns - min(instance->is.begin_ns, moment->time_ns));
	json_key_u64(json, "ns", moment->end_ns - moment->time_ns);
	json_key_bool(json, "unfinished", moment->open);
	json_key_u64(json, "tid", moment->thread->tid);
	json_key_text(json, "thread", thread_name(report->instances.timeline, moment->thread));
	if (moment->kind == MOMENT_REGION || moment->kind == MOMENT_PART)
		json_key_text(json, "name", name_of(report, moment->name));
	if (moment->kind == MOMENT_PART)
		json_key_u64(json, "id", moment->part);
	if (moment->kind == MOMENT_LOG) {
		json_key_text(json, "category", name_of(report, moment->name));
		json_key_text(json, "text", moment->text ?: "");
	}
	if (moment->kind == MOMENT_SCHED)
		json_key_text(json, "why", runnable_why_name((enum runnable_why)moment->wait));
	if (moment->kind == MOMENT_WAIT) {
		json_key_text(json, "wait", wait_kind_name((enum wait_kind)moment->wait));
		json_key_text(json, "syscall",
			      moment->syscall == SYSCALL_NONE
				      ? NULL
				      : report_syscall(report, moment->syscall, room));
		waited_for(text, report, moment);
		json_key_text(json, "object", *text ? text : NULL);
		json_key_text(json, "woken_by",
			      moment->woken && !moment->waker.missing
				      ? waker_text(text, report->instances.timeline, &moment->waker)
				      : NULL);
	}
	json_object_end(json);
}

static void json_known(struct json *json, const char *key, u64 number)
{
	json_key(json, key);
	if (number)
		json_u64(json, number);
	else
		json_null(json);
}

static void json_instance(struct json *json, const struct report *report,
			  const struct instance *instance)
{
	const struct tasks_instance *is = &instance->is;
	u64 start_ns = timeline_start_ns(report->timeline);

	json_object(json);
	json_key_u64(json, "id", is->id);
	json_key_text(json, "task", task_name_of(report, is));
	json_known(json, "parent", is->parent);
	json_key_u64(json, "begin_ns", is->begin_ns - min(start_ns, is->begin_ns));
	json_key_u64(json, "latency_ns", is->end_ns - is->begin_ns);
	json_key_bool(json, "complete", tasks_is_whole(is->flags));
	json_key_u64(json, "tid", is->thread->tid);
	json_key_text(json, "thread", thread_name(report->timeline, is->thread));
	json_key_text(json, "traceparent", instance->link);
	json_key_u64(json, "attended_ns", is->attended_ns);
	spent_json(json, &is->spent);
	json_key(json, "moments");
	json_list(json);
	for (u32 i = 0; i < instance->count; i++)
		json_moment(json, report, instance, &instance->moments[i]);
	json_list_end(json);
	json_key_u64(json, "left_out", instance->left_out);
	json_key_u64(json, "left_out_ns", instance->left_out_ns);
	json_object_end(json);
}

int report_instances(struct report *report, struct json *json)
{
	struct instances *instances = &report->instances;
	char line[128], count[2][TEXT_MAX];
	int r = 0;

	if (json) {
		json_key_u64(json, "matching", report->tasks.matching);
		json_key(json, "instances");
		json_list(json);
		for (u32 i = 0; i < instances->count; i++)
			json_instance(json, report, &instances->list[i]);
		json_list_end(json);
		return 0;
	}
	snprintf(line, sizeof(line), "%s of %s tasks that match%s",
		 text_count(count[0], instances->count),
		 text_count(count[1], report->tasks.matching),
		 instances->count ? ", the slowest first" : "");
	line_show(report, line);
	for (u32 i = 0; i < instances->count && r >= 0; i++) {
		fputc('\n', report->out);
		r = print_instance(report, &instances->list[i]);
	}
	return r;
}
