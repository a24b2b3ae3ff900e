// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* truncated - stacks that do not reach their root, and the modules that they end in */
#include "user/report/truncated.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/text.h"
#include "user/report/table.h"

#define MODULES 4 /* that are named on a terminal */

const struct stack *truncated_shown(const struct report *report, const struct stacks_row *row)
{
	return timeline_stack(report->timeline, row->user_stack)
		       ?: timeline_stack(report->timeline, row->kernel_stack);
}

static int compare_modules(const void *left, const void *right)
{
	const struct truncated_module *a = left, *b = right;

	if (a->ns != b->ns)
		return a->ns < b->ns ? 1 : -1;
	return strcmp(a->module, b->module);
}

/* The place of a module in the list. Return: NULL without memory */
static struct truncated_module *module_of(struct truncated *to, const char *module)
{
	struct truncated_module *grown;
	u64 *slot;

	for (u64 key = hash_bytes(module, strlen(module));; key++) {
		slot = map_put(&to->numbers, key);
		if (!slot || !*slot)
			break;
		if (!strcmp(to->list[*slot - 1].module, module))
			return &to->list[*slot - 1];
	}
	grown = slot ? reallocarray(to->list, to->count + 1, sizeof(*grown)) : NULL;
	if (!grown)
		return NULL;
	to->list = grown;
	to->list[to->count] = (struct truncated_module){ .module = module };
	*slot = ++to->count;
	return &to->list[to->count - 1];
}

static int add_row(struct truncated *to, const char *name, const struct stacks_row *row)
{
	struct truncated_module *module = module_of(to, name);

	if (!module)
		return -ENOMEM;
	module->count += row->count;
	module->ns += row->ns;
	to->waits += row->count;
	to->ns += row->ns;
	return 0;
}

int truncated_find(struct truncated *to, struct report *report, const struct stacks_row *rows,
		   size_t count)
{
	struct map seen = { 0 };
	int r = 0;

	for (size_t i = 0; i < count && !r; i++) {
		const struct stack *stack = truncated_shown(report, &rows[i]);
		struct symbols_frame frame = { .module = "[unknown]" };
		u64 *slot;

		if (!stack || !stack_is_truncated(stack))
			continue;
		slot = map_put(&seen, stack->id);
		if (!slot) {
			r = -ENOMEM;
			break;
		}
		to->stacks += !*slot;
		*slot = 1;
		if (stack->count)
			frames_frame(&report->frames, &frame, stack, stack->count - 1);
		r = add_row(to, frame.module, &rows[i]);
	}
	map_free(&seen);
	if (!r && to->count)
		qsort(to->list, to->count, sizeof(*to->list), compare_modules);
	return r;
}

void truncated_print(const struct report *report, const struct truncated *cut)
{
	char ns[TEXT_MAX], count[2][TEXT_MAX], module[64], line[1024];
	int used;

	if (!cut->stacks)
		return;
	used = snprintf(line, sizeof(line), "truncated: %s stack%s of %s wait%s, %s, end in",
			text_count(count[0], cut->stacks), cut->stacks == 1 ? "" : "s",
			text_count(count[1], cut->waits), cut->waits == 1 ? "" : "s",
			text_duration(ns, cut->ns));
	for (u32 i = 0; i < cut->count && i < MODULES; i++) {
		text_printable(module, sizeof(module), cut->list[i].module);
		used += snprintf(line + used, sizeof(line) - (size_t)used, "%s %s %s", i ? "," : "",
				 module, text_count(count[0], cut->list[i].count));
	}
	if (cut->count > MODULES)
		snprintf(line + used, sizeof(line) - (size_t)used, ", ...");
	put_cut(report, line, report->style.width);
	fputc('\n', report->out);
}

void truncated_free(struct truncated *truncated)
{
	free(truncated->list);
	map_free(&truncated->numbers);
	*truncated = (struct truncated){ 0 };
}

void truncated_json(struct json *json, const struct truncated *cut)
{
	json_key(json, "truncated");
	json_object(json);
	json_key_u64(json, "stacks", cut->stacks);
	json_key_u64(json, "count", cut->waits);
	json_key_u64(json, "total_ns", cut->ns);
	json_key(json, "modules");
	json_list(json);
	for (u32 i = 0; i < cut->count; i++) {
		json_object(json);
		json_key_text(json, "module", cut->list[i].module);
		json_key_u64(json, "count", cut->list[i].count);
		json_key_u64(json, "total_ns", cut->list[i].ns);
		json_object_end(json);
	}
	json_list_end(json);
	json_object_end(json);
}
