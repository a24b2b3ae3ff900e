// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* calls - system calls by number, futex calls by operation */
#include "user/model/calls.h"

#include <errno.h>
#include <stdlib.h>

#include "user/model/grow.h"

#define ERRNO_MAX 4095 /* the kernel's own limit: smaller results are addresses */

static struct calls_row *row_of(struct calls *calls, const struct call *call)
{
	u64 key = call->futex ? 0x10000u | call->futex_op : call->syscall;
	u64 *slot = map_put(&calls->numbers, key);

	if (!slot)
		return NULL;
	if (*slot)
		return &calls->rows[*slot - 1];
	if (!grow(&calls->rows, calls->count, &calls->room, sizeof(*calls->rows)))
		return NULL;
	calls->rows[calls->count] = (struct calls_row){
		.futex = call->futex,
		.syscall = call->syscall,
		.futex_op = call->futex_op,
	};
	*slot = ++calls->count;
	return &calls->rows[*slot - 1];
}

static int count_error(struct calls_row *row, u32 number)
{
	row->error_count++;
	for (u32 i = 0; i < row->errors_used; i++) {
		if (row->errors[i].number == number) {
			row->errors[i].count++;
			return 0;
		}
	}
	if (!grow(&row->errors, row->errors_used, &row->errors_room, sizeof(*row->errors)))
		return -ENOMEM;
	row->errors[row->errors_used++] = (struct calls_error){ .number = number, .count = 1 };
	return 0;
}

static int on_call(void *ctx, const struct call *call)
{
	struct calls_row *row = row_of(ctx, call);
	int r = 0;

	if (!row)
		return -ENOMEM;
	row->count++;
	if (call->result < 0 && call->result >= -ERRNO_MAX)
		r = count_error(row, (u32)-call->result);
	if (call->unentered) {
		row->unentered++;
		return r;
	}
	row->blocked_ns += call->blocked_ns;
	return histogram_add(&row->ns, call->end_ns - call->begin_ns) ?: r;
}

struct sink calls_sink(struct calls *calls)
{
	return (struct sink){ .ctx = calls, .call = on_call };
}

static int compare_rows(const void *left, const void *right)
{
	const struct calls_row *a = left, *b = right;

	if (a->ns.total != b->ns.total)
		return a->ns.total < b->ns.total ? 1 : -1;
	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	return (int)a->syscall - (int)b->syscall;
}

static int compare_errors(const void *left, const void *right)
{
	const struct calls_error *a = left, *b = right;

	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	return (int)a->number - (int)b->number;
}

void calls_sort(struct calls *calls)
{
	for (u32 i = 0; i < calls->count; i++)
		if (calls->rows[i].errors_used)
			qsort(calls->rows[i].errors, calls->rows[i].errors_used,
			      sizeof(struct calls_error), compare_errors);
	if (calls->count)
		qsort(calls->rows, calls->count, sizeof(*calls->rows), compare_rows);
}

void calls_free(struct calls *calls)
{
	for (u32 i = 0; i < calls->count; i++) {
		histogram_free(&calls->rows[i].ns);
		free(calls->rows[i].errors);
	}
	free(calls->rows);
	map_free(&calls->numbers);
	*calls = (struct calls){ 0 };
}
