// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* kernel_types - what the types of the running kernel (BTF) tell about where things lie */
#include "user/record/kernel_types.h"

#include <bpf/btf.h>
#include <string.h>

bool kernel_switch_has_state(const struct btf *btf)
{
	const struct btf_type *type;
	int id = btf__find_by_name_kind(btf, "btf_trace_sched_switch", BTF_KIND_TYPEDEF);

	if (id < 0)
		return false;
	type = btf__type_by_id(btf, btf__type_by_id(btf, (u32)id)->type);
	if (!type || !btf_is_ptr(type))
		return false;
	type = btf__type_by_id(btf, type->type);
	/* the first argument is the context of the tracepoint itself */
	return type && btf_is_func_proto(type) && btf_vlen(type) >= 5;
}

/* Where a per-CPU variable lies in its section; -1 when the kernel does not tell. Source: BTF. */
static s64 percpu_offset(const struct btf *btf, const char *name)
{
	int section = btf__find_by_name_kind(btf, ".data..percpu", BTF_KIND_DATASEC);
	const struct btf_var_secinfo *vars;
	const struct btf_type *type;

	if (section < 0)
		return -1;
	type = btf__type_by_id(btf, (u32)section);
	vars = btf_var_secinfos(type);
	for (u32 i = 0; i < btf_vlen(type); i++) {
		const struct btf_type *var = btf__type_by_id(btf, vars[i].type);

		if (!strcmp(btf__name_by_offset(btf, var->name_off), name))
			return vars[i].offset;
	}
	return -1;
}

/* Offset of a member in a struct, in bytes; -1 when there is none. */
static s64 member_offset(const struct btf *btf, const char *structure, const char *member)
{
	int id = btf__find_by_name_kind(btf, structure, BTF_KIND_STRUCT);
	const struct btf_type *type = id < 0 ? NULL : btf__type_by_id(btf, (u32)id);

	for (u32 i = 0; type && i < btf_vlen(type); i++) {
		const struct btf_member *at = btf_members(type) + i;

		if (!strcmp(btf__name_by_offset(btf, at->name_off), member))
			return btf_member_bit_offset(type, i) / 8;
	}
	return -1;
}

bool kernel_preempt_count(s64 *from_queue, const struct btf *btf)
{
	s64 queue = percpu_offset(btf, "runqueues");
	s64 count = percpu_offset(btf, "__preempt_count");

	/* x86 keeps it in pcpu_hot from 6.2 to 6.14, and alone before and after. */
	if (count < 0) {
		s64 hot = percpu_offset(btf, "pcpu_hot");
		s64 inside = member_offset(btf, "pcpu_hot", "preempt_count");

		count = hot < 0 || inside < 0 ? -1 : hot + inside;
	}
	if (queue < 0 || count < 0)
		return false;
	*from_queue = count - queue;
	return true;
}
