/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* task_groups - tasks by their names, as small numbers: for tables that have a row of each */
#ifndef TRACER_MODEL_TASK_GROUPS_H
#define TRACER_MODEL_TASK_GROUPS_H

#include "user/model/timeline.h"

#define TASK_GROUP_NONE  0
#define TASK_GROUP_OTHER 1	    /* all names for which there is no room */
#define TASK_GROUPS_MAX	 (1 << 12) /* numbers are below */

struct task_groups {
	bool on; /* else all are TASK_GROUP_NONE */
	struct map numbers; /* name, or UINT32_MAX for those begun before -> number */
	u32 *names;	    /* by number - 2 */
	u32 count;
	u32 room;
};

/* @task: NULL: none. Return: 0 or -ENOMEM. */
int task_group(struct task_groups *groups, u32 *number, const struct task *task);

/* "checkout", "(no task)", "(begun before)", "(other names)", "(unknown)" */
const char *task_group_name(const struct task_groups *groups, const struct timeline *timeline,
			    u32 number);
void task_groups_free(struct task_groups *groups);

#endif
