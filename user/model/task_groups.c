// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* task_groups - tasks by their names, as small numbers */
#include "user/model/task_groups.h"

#include <errno.h>

#include "user/model/grow.h"

int task_group(struct task_groups *groups, u32 *number, const struct task *task)
{
	u32 name;
	u64 *slot;

	*number = TASK_GROUP_NONE;
	if (!groups->on || !task)
		return 0;
	name = task->flags & TASK_BEFORE ? UINT32_MAX : task->name;
	slot = map_get(&groups->numbers, name);
	if (slot) {
		*number = (u32)*slot;
		return 0;
	}
	*number = TASK_GROUP_OTHER;
	if (groups->count + 2 >= TASK_GROUPS_MAX)
		return 0;
	slot = map_put(&groups->numbers, name);
	if (!slot || !grow(&groups->names, groups->count, &groups->room, sizeof(*groups->names)))
		return -ENOMEM;
	groups->names[groups->count] = name;
	*number = groups->count++ + 2;
	*slot = *number;
	return 0;
}

const char *task_group_name(const struct task_groups *groups, const struct timeline *timeline,
			    u32 number)
{
	u32 name;

	if (number == TASK_GROUP_NONE)
		return "(no task)";
	if (number == TASK_GROUP_OTHER || number - 2 >= groups->count)
		return "(other names)";
	name = groups->names[number - 2];
	if (name == UINT32_MAX)
		return "(begun before)";
	return name ? names_text(&timeline_threads(timeline)->names, name) : "(unknown)";
}

void task_groups_free(struct task_groups *groups)
{
	map_free(&groups->numbers);
	free(groups->names);
	*groups = (struct task_groups){ 0 };
}
