// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* stacks - where in the code threads waited, and ran */
#include "user/model/stacks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/text.h"
#include "user/report/table.h"
#include "user/report/tree.h"
#include "user/report/truncated.h"

#define WAIT_LINES  30
#define SCHED_LINES 8
#define CPU_LINES   12

/* The rows of one profile, and what is known of them */
struct part {
	const char *title;
	bool sched;
	bool cpu;
	const struct profile *profile;
	struct stacks_row *rows;
	size_t count;
	struct stacks_cover cover;
	bool many; /* processes: their names are the roots */
};

static const struct stack *stack_of(const struct report *report, u32 id)
{
	return timeline_stack(report->timeline, id);
}

static bool is_truncated(const struct stack *stack)
{
	return stack && stack_is_truncated(stack);
}

static const struct process *process_of(const struct report *report, const struct stacks_row *row)
{
	const struct thread_table *threads = timeline_threads(report->timeline);

	return row->process ? threads->processes[row->process - 1] : NULL;
}

static int begin_part(struct part *part)
{
	int r = stacks_rows(&part->rows, &part->count, part->profile);

	if (r < 0)
		return r;
	part->cover = stacks_cover(part->rows, part->count);
	for (size_t i = 1; i < part->count; i++)
		part->many |= part->rows[i].process != part->rows[0].process;
	return 0;
}

static char *leaf_text(char to[CELL_TEXT_MAX], const struct report *report, const struct part *part,
		       const struct stacks_row *row)
{
	bool waited = !part->sched || row->why == WHY_WOKEN, call = row->syscall != SYSCALL_NONE;
	char room[32];

	if (part->cpu)
		return strcpy(to, row->kernel_stack ? "in the kernel" : "in the program");
	snprintf(to, CELL_TEXT_MAX, "%s%s%s%s%s",
		 part->sched ? runnable_why_name((enum runnable_why)row->why) : "",
		 part->sched && waited ? ": " : "",
		 waited ? wait_kind_name((enum wait_kind)row->kind) : "", waited && call ? " " : "",
		 waited && call ? report_syscall(report, row->syscall, room) : "");
	return to;
}

/* One more step on the path of a row. Return: the node, or -ENOMEM. */
static s64 step(struct tree *tree, s64 node, const char *name, bool leaf,
		const struct stacks_row *row)
{
	char shown[CELL_TEXT_MAX];

	if (node < 0)
		return node;
	text_printable(shown, sizeof(shown), name);
	node = tree_child(tree, (u32)node, shown, leaf);
	if (node >= 0)
		tree_charge(tree, (u32)node, row->count, row->ns, row->longest_ns);
	return node;
}

static int add_row(struct tree *tree, struct report *report, const struct part *part,
		   const struct stacks_row *row)
{
	const struct stack *stack = truncated_shown(report, row);
	const struct process *process = process_of(report, row);
	char text[SYMBOLS_TEXT_MAX], leaf[CELL_TEXT_MAX];
	s64 node = 0;

	if (part->many && process) {
		snprintf(text, sizeof(text), "%s (%u)", process_name(report->timeline, process),
			 process->pid);
		node = step(tree, node, text, false, row);
	}
	if (is_truncated(stack))
		node = step(tree, node, "(truncated)", false, row);
	for (u32 i = stack->count; i-- > 0;)
		node = step(tree, node, frames_name(text, &report->frames, stack, i), false, row);
	node = step(tree, node, leaf_text(leaf, report, part, row), true, row);
	if (node >= 0)
		tree_charge(tree, 0, row->count, row->ns, row->longest_ns);
	return node < 0 ? (int)node : 0;
}

static int print_tree(struct report *report, const struct part *part, size_t fit)
{
	struct tree tree = { 0 };
	int r = 0;

	for (size_t i = 0; i < part->count && !r; i++)
		if (part->rows[i].bare == BARE_NOT)
			r = add_row(&tree, report, part, &part->rows[i]);
	if (!r)
		r = tree_print(report, &tree, fit);
	tree_free(&tree);
	return r;
}

static char *duration(char to[CELL_TEXT_MAX], const struct report *report, u64 ns)
{
	struct cell cell = { .number = ns };

	return cell_show(to, report, CELL_NS, &cell);
}

static void put_text(const struct report *report, const char *text)
{
	put_cut(report, text, report->style.width);
	fputc('\n', report->out);
}

static void print_title(const struct report *report, const struct part *part)
{
	const struct stacks_cover *cover = &part->cover;
	char ns[2][CELL_TEXT_MAX], count[2][TEXT_MAX], line[1024];

	snprintf(line, sizeof(line), "%s (%s of %s with a stack: %s of %s)", part->title,
		 text_count(count[0], cover->by[BARE_NOT].count),
		 text_count(count[1], cover->count),
		 duration(ns[0], report, cover->by[BARE_NOT].ns),
		 duration(ns[1], report, cover->ns));
	fputs(style_tone(&report->style, TONE_HEAD), report->out);
	put_cut(report, line, report->style.width);
	fprintf(report->out, "%s\n", style_tone(&report->style, TONE_PLAIN));
}

static bool has_stacks(const struct report *report)
{
	return report->stack_waits.stack_min_ns != UINT64_MAX;
}

#define COUNT_MAX (TEXT_MAX + 8)

static char *wait_count(char to[COUNT_MAX], u64 count)
{
	char text[TEXT_MAX];

	snprintf(to, COUNT_MAX, "%s wait%s", text_count(text, count), count == 1 ? "" : "s");
	return to;
}

/* Why the others have none. */
static void print_bare(const struct report *report, const struct part *part)
{
	const struct stacks_cover *cover = &part->cover;
	char ns[2][CELL_TEXT_MAX], count[COUNT_MAX], line[1024];

	if (cover->by[BARE_SHORT].count) {
		snprintf(line, sizeof(line), "too short for a stack: %s, %s (less than %s each)",
			 wait_count(count, cover->by[BARE_SHORT].count),
			 duration(ns[0], report, cover->by[BARE_SHORT].ns),
			 duration(ns[1], report, part->profile->stack_min_ns));
		put_text(report, line);
	}
	if (cover->by[BARE_NONE].count) {
		snprintf(line, sizeof(line),
			 "without a stack: %s, %s (unfinished or begun before, or it was lost)",
			 wait_count(count, cover->by[BARE_NONE].count),
			 duration(ns[0], report, cover->by[BARE_NONE].ns));
		put_text(report, line);
	}
	if (cover->by[BARE_OTHER].count) {
		snprintf(line, sizeof(line), "not told apart, because they are too many: %s, %s",
			 wait_count(count, cover->by[BARE_OTHER].count),
			 duration(ns[0], report, cover->by[BARE_OTHER].ns));
		put_text(report, line);
	}
}

static int print_more(struct report *report, const struct part *part, size_t lines)
{
	fputc('\n', report->out);
	print_title(report, part);
	return print_tree(report, part, lines);
}

static int print_text(struct report *report, const struct part *waits, const struct part *sched,
		      const struct part *cpu)
{
	struct truncated cut = { 0 };
	int r;

	if (!has_stacks(report) && !cpu->cover.count) {
		put_text(report, "no stacks were recorded");
		put_text(report,
			 "record them with: tracer record -e sched,syscall,futex,stack,sample ...");
		return 0;
	}
	print_title(report, waits);
	r = print_tree(report, waits, WAIT_LINES);
	if (!r && sched->cover.by[BARE_NOT].count)
		r = print_more(report, sched, SCHED_LINES);
	if (!r && cpu->cover.by[BARE_NOT].count)
		r = print_more(report, cpu, CPU_LINES);
	if (!r)
		r = truncated_find(&cut, report, waits->rows, waits->count);
	if (!r) {
		fputc('\n', report->out);
		print_bare(report, waits);
		truncated_print(report, &cut);
	}
	truncated_free(&cut);
	return r;
}

static void json_line(struct json *json, const struct symbols_frame *frame)
{
	json_key_text(json, "file", frame->file);
	json_key(json, "line");
	if (frame->file)
		json_u64(json, frame->line);
	else
		json_null(json);
}

static void json_frames(struct report *report, struct json *json, const char *key, u32 id)
{
	const struct stack *stack = stack_of(report, id);

	json_key(json, key);
	json_list(json);
	for (u32 i = 0; stack && i < stack->count; i++) {
		struct symbols_frame frame;

		frames_frame(&report->frames, &frame, stack, i);
		json_object(json);
		json_key_text(json, "function", frame.name);
		json_key_text(json, "module", frame.module);
		json_key_u64(json, "offset", frame.offset);
		if (report->options->lines)
			json_line(json, &frame);
		json_object_end(json);
	}
	json_list_end(json);
}

static void json_row(struct report *report, struct json *json, const struct part *part,
		     const struct stacks_row *row)
{
	const struct process *process = process_of(report, row);
	const struct stack *stack = stack_of(report, row->user_stack);
	bool waited = !part->cpu && (!part->sched || row->why == WHY_WOKEN);
	char room[32];

	json_object(json);
	json_key_text(json, "kind",
		      part->cpu     ? "cpu"
		      : part->sched ? "sched"
				    : wait_kind_name(row->kind));
	json_key_text(json, "why", part->sched ? runnable_why_name(row->why) : NULL);
	json_key_text(json, "waited_for", waited ? wait_kind_name(row->kind) : NULL);
	json_key_text(json, "syscall",
		      row->syscall == SYSCALL_NONE ? NULL
						   : report_syscall(report, row->syscall, room));
	json_key(json, "pid");
	if (process)
		json_u64(json, process->pid);
	else
		json_null(json);
	json_key_text(json, "process", process ? process_name(report->timeline, process) : NULL);
	json_key_u64(json, "count", row->count);
	json_key_u64(json, "total_ns", row->ns);
	json_key_u64(json, "longest_ns", row->longest_ns);
	json_key_bool(json, "truncated", is_truncated(stack));
	json_key_text(json, "end", stack ? stack_end_name(stack->end) : NULL);
	json_frames(report, json, "user", row->user_stack);
	json_frames(report, json, "kernel", row->kernel_stack);
	json_object_end(json);
}

static void json_part(struct report *report, struct json *json, const struct part *part,
		      size_t *left)
{
	for (size_t i = 0; i < part->count && *left; i++) {
		if (part->rows[i].bare != BARE_NOT)
			continue;
		json_row(report, json, part, &part->rows[i]);
		--*left;
	}
}

static void json_cover(struct json *json, const char *key, const struct part *part)
{
	static const char *const names[] = {
		[BARE_NOT] = "with_stack",
		[BARE_SHORT] = "too_short",
		[BARE_NONE] = "without_stack",
		[BARE_OTHER] = "not_told_apart",
	};

	json_key(json, key);
	json_object(json);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		json_key(json, names[i]);
		json_object(json);
		json_key_u64(json, "count", part->cover.by[i].count);
		json_key_u64(json, "total_ns", part->cover.by[i].ns);
		json_object_end(json);
	}
	json_object_end(json);
}

static int print_json(struct report *report, struct json *json, const struct part *waits,
		      const struct part *sched, const struct part *cpu)
{
	size_t left = report_limit(report, SIZE_MAX, SIZE_MAX);
	struct truncated cut = { 0 };
	int r = truncated_find(&cut, report, waits->rows, waits->count);

	json_key(json, "stacks");
	json_list(json);
	json_part(report, json, waits, &left);
	json_part(report, json, sched, &left);
	json_part(report, json, cpu, &left);
	json_list_end(json);
	json_key(json, "stack_min_ns");
	if (has_stacks(report))
		json_u64(json, waits->profile->stack_min_ns);
	else
		json_null(json);
	json_cover(json, "waits", waits);
	json_cover(json, "scheduler_waits", sched);
	json_cover(json, "samples", cpu);
	json_key(json, "sample_period_ns");
	if (cpu->profile->sample_period_ns)
		json_u64(json, cpu->profile->sample_period_ns);
	else
		json_null(json);
	truncated_json(json, &cut);
	truncated_free(&cut);
	return r;
}

int report_stacks(struct report *report, struct json *json)
{
	struct part waits = { .title = "WAITS BY STACK", .profile = &report->stack_waits };
	struct part sched = {
		.title = "SCHEDULER WAITS BY STACK",
		.sched = true,
		.profile = &report->stack_sched,
	};
	struct part cpu = {
		.title = "CPU SAMPLES BY STACK",
		.cpu = true,
		.profile = &report->stack_cpu,
	};
	int r = 0;

	if (report->stack_waits.kind)
		r = profile_finish(&report->stack_waits)
			    ?: profile_finish(&report->stack_sched)
			    ?: profile_finish(&report->stack_cpu);
	if (!r)
		r = begin_part(&waits) ?: begin_part(&sched) ?: begin_part(&cpu);
	if (!r)
		r = json ? print_json(report, json, &waits, &sched, &cpu)
			 : print_text(report, &waits, &sched, &cpu);
	free(waits.rows);
	free(sched.rows);
	free(cpu.rows);
	return r;
}
