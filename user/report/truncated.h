/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* truncated - stacks that do not reach their root, and the modules that they end in */
#ifndef TRACER_REPORT_TRUNCATED_H
#define TRACER_REPORT_TRUNCATED_H

#include "user/model/stacks.h"
#include "user/report/report.h"

struct json;

struct truncated {
	struct truncated_module {
		const char *module;
		u64 count; /* waits */
		u64 ns;
	} *list; /* the longest first */
	u32 count;
	struct map numbers; /* hash of a module's name -> its place in the list + 1 */
	u64 waits;
	u64 ns;
	u64 stacks;
};

/* What is shown of a row: the user's stack, and the kernel's where there is no other; or NULL */
const struct stack *truncated_shown(const struct report *report, const struct stacks_row *row);

/* Fills @to, which is all zero. @rows: of stacks_rows(). Return: 0 or -ENOMEM. */
int truncated_find(struct truncated *to, struct report *report, const struct stacks_row *rows,
		   size_t count);
void truncated_free(struct truncated *truncated);

/* "truncated: 3 stacks of 12 waits, 4.00 ms, end in libfoo.so 12"; nothing when there are none */
void truncated_print(const struct report *report, const struct truncated *truncated);
void truncated_json(struct json *json, const struct truncated *truncated);

#endif
