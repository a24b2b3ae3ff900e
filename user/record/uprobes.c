// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* uprobes - a program attached to places in a file, whoever runs it */
#include "user/record/uprobes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

/* Of <linux/bpf.h> from 6.6 on; this may be built with an older one. */
#define TRACE_UPROBE_MULTI  48
#define UPROBE_MULTI_RETURN 1
#define LINK_CREATE_COMMAND 28

struct uprobe_multi_attr {
	u32 program;
	u32 target;
	u32 attach_type;
	u32 link_flags;
	u64 path;
	u64 offsets;
	u64 counters;
	u64 cookies;
	u32 count;
	u32 flags;
	u32 pid;
	u32 spare;
};
_Static_assert(sizeof(struct uprobe_multi_attr) <= sizeof(union bpf_attr), "as the kernel has it");

struct uprobes {
	int multi; /* of one link for all; -1: each has its own */
	size_t count;
	struct bpf_link *links[];
};

static int link_multi(const struct uprobe_multi_attr *attr)
{
	union bpf_attr whole = { 0 };
	long r;

	memcpy(&whole, attr, sizeof(*attr));
	r = syscall(SYS_bpf, LINK_CREATE_COMMAND, &whole, sizeof(whole));
	return r < 0 ? -errno : (int)r;
}

static int load_nothing(u32 flags, u32 attach_type)
{
	struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .prog_flags = flags,
		    .expected_attach_type = attach_type);

	return bpf_prog_load(BPF_PROG_TYPE_KPROBE, "try", "GPL", nothing, ARRAY_SIZE(nothing),
			     &options);
}

static bool try_multi(void)
{
	CLEANUP(close) int program = load_nothing(0, TRACE_UPROBE_MULTI);
	u64 offset = 0;
	struct uprobe_multi_attr attr = {
		.program = (u32)program,
		.attach_type = TRACE_UPROBE_MULTI,
		.path = (uintptr_t) "/",
		.offsets = (uintptr_t)&offset,
		.count = 1,
	};
	int link;

	if (program < 0)
		return false;
	link = link_multi(&attr);
	if (link >= 0)
		close(link);
	/* A kernel that knows this kind of link finds that a folder is no program. */
	return link == -EBADF;
}

struct uprobes_kernel uprobes_kernel(void)
{
	CLEANUP(close) int sleepable = load_nothing(BPF_F_SLEEPABLE, 0);

	return (struct uprobes_kernel){ .sleepable = sleepable >= 0, .multi = try_multi() };
}

void uprobes_prepare(struct bpf_program *program, const struct uprobes_kernel *kernel)
{
	if (kernel->multi)
		bpf_program__set_expected_attach_type(program, TRACE_UPROBE_MULTI);
}

static int attach_multi(struct uprobes *uprobes, struct bpf_program *program, const char *path,
			const struct uprobe_site *sites, size_t count, bool on_return)
{
	CLEANUP(free) u64 *words = calloc(count * 3, sizeof(*words));
	u64 *offsets = words, *counters = words + count, *cookies = words + 2 * count;
	struct uprobe_multi_attr attr = {
		.program = (u32)bpf_program__fd(program),
		.attach_type = TRACE_UPROBE_MULTI,
		.path = (uintptr_t)path,
		.offsets = (uintptr_t)offsets,
		.cookies = (uintptr_t)cookies,
		.count = (u32)count,
		.flags = on_return ? UPROBE_MULTI_RETURN : 0,
	};

	if (!words)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		offsets[i] = sites[i].offset;
		counters[i] = sites[i].counter;
		cookies[i] = sites[i].cookie;
		if (counters[i])
			attr.counters = (uintptr_t)counters;
	}
	uprobes->multi = link_multi(&attr);
	return uprobes->multi < 0 ? uprobes->multi : 0;
}

static int attach_each(struct uprobes *uprobes, struct bpf_program *program, const char *path,
		       const struct uprobe_site *sites, size_t count, bool on_return)
{
	for (; uprobes->count < count; uprobes->count++) {
		const struct uprobe_site *site = &sites[uprobes->count];
		LIBBPF_OPTS(bpf_uprobe_opts, options, .ref_ctr_offset = site->counter,
			    .bpf_cookie = site->cookie, .retprobe = on_return);
		struct bpf_link *link =
			bpf_program__attach_uprobe_opts(program, -1, path, site->offset, &options);

		if (!link)
			return -errno;
		uprobes->links[uprobes->count] = link;
	}
	return 0;
}

int uprobes_attach(struct uprobes **out, const struct uprobes_kernel *kernel,
		   struct bpf_program *program, int fd, const struct uprobe_site *sites,
		   size_t count, bool on_return, struct err *err)
{
	CLEANUP(uprobes_detach)
	struct uprobes *uprobes = calloc(1, sizeof(*uprobes) + count * sizeof(struct bpf_link *));
	char path[32];
	int r;

	if (!uprobes)
		return fail(err, -ENOMEM, "no memory for %zu probes", count);
	uprobes->multi = -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = kernel->multi ? attach_multi(uprobes, program, path, sites, count, on_return)
			  : attach_each(uprobes, program, path, sites, count, on_return);
	if (r < 0)
		return fail(err, r, "cannot attach %zu probes: %s", count, strerror(-r));
	*out = take(uprobes);
	return 0;
}

void uprobes_detach(struct uprobes *uprobes)
{
	if (!uprobes)
		return;
	if (uprobes->multi >= 0)
		close(uprobes->multi);
	for (size_t i = 0; i < uprobes->count; i++)
		bpf_link__destroy(uprobes->links[i]);
	free(uprobes);
}
