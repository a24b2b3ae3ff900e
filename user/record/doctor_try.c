// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* doctor_try - what the kernel allows, found by asking it to do it */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/text.h"
#include "user/record/doctor.h"
#include "user/record/host.h"
#include "user/record/probes.h"

DEFINE_CLEANUP(struct btf *, btf__free)

/* Tracepoints that the kernel side attaches to, and what is missing without each */
static const struct {
	const char *name;
	const char *without; /* NULL: no recording */
} tracepoints[] = {
	{ "sched_switch", NULL },
	{ "sched_waking", NULL },
	{ "sched_wakeup", NULL },
	{ "sched_wakeup_new", NULL },
	{ "sched_process_fork", NULL },
	{ "sched_process_exec", NULL },
	{ "sched_process_exit", NULL },
	{ "task_rename", "no new names of threads" },
	{ "sys_enter", NULL },
	{ "sys_exit", NULL },
	{ "cgroup_attach_task", "processes that move into a cgroup are not followed" },
};

static void check_btf(struct doctor *doctor, const struct btf *btf, int error)
{
	char size[TEXT_MAX];
	struct fact *fact;
	__u32 bytes;

	if (btf) {
		btf__raw_data(btf, &bytes);
		doctor_add(doctor, "btf", FACT_OK, "%s, %s", HOST_BTF_PATH,
			   text_bytes(size, bytes));
		return;
	}
	fact = doctor_add(doctor, "btf", FACT_PROBLEM, "%s: %s", HOST_BTF_PATH, strerror(error));
	fact_means(fact, "the layout of the kernel's structs is not known");
	fact_advice(fact, "take a kernel built with CONFIG_DEBUG_INFO_BTF=y (all of today's "
			  "distributions are)");
}

/* The type of the program's arguments at a tracepoint. Return: its id, or a negative errno. */
static int tracepoint_btf_id(const struct btf *btf, const char *tracepoint)
{
	char name[64];

	snprintf(name, sizeof(name), "btf_trace_%s", tracepoint);
	return btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF);
}

static void check_tracepoints(struct doctor *doctor, const struct btf *btf)
{
	const char *without = "";
	char missing[128] = "";
	bool vital = false;
	struct fact *fact;

	for (size_t i = 0; i < ARRAY_SIZE(tracepoints); i++) {
		if (tracepoint_btf_id(btf, tracepoints[i].name) > 0)
			continue;
		snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing), " %s",
			 tracepoints[i].name);
		if (tracepoints[i].without)
			without = tracepoints[i].without;
		else
			vital = true;
	}
	if (!missing[0]) {
		doctor_add(doctor, "tracepoints", FACT_OK, "all %zu", ARRAY_SIZE(tracepoints));
		return;
	}
	fact = doctor_add(doctor, "tracepoints", vital ? FACT_PROBLEM : FACT_WARNING, "no%s",
			  missing);
	fact_means(fact, "%s", vital ? "what happens there cannot be recorded" : without);
	fact_advice(fact, "take a kernel with CONFIG_TRACEPOINTS and CONFIG_FTRACE_SYSCALLS");
}

/* A program that returns 0. @type: where it will be attached. Return: its fd or -errno. */
static int load_empty(enum bpf_attach_type type, int btf_id)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = type,
		    .attach_btf_id = (__u32)btf_id);

	return bpf_prog_load(BPF_PROG_TYPE_TRACING, "tracer_doctor", "Dual BSD/GPL", insns,
			     ARRAY_SIZE(insns), &opts);
}

static int try_tracepoint(const struct btf *btf)
{
	int id = tracepoint_btf_id(btf, "sched_switch");
	CLEANUP(close) int program = id > 0 ? load_empty(BPF_TRACE_RAW_TP, id) : id;
	CLEANUP(close) int link = -1;

	if (program < 0)
		return program;
	link = bpf_raw_tracepoint_open(NULL, program);
	return min(link, 0);
}

static int try_iterator(const struct btf *btf)
{
	int id = btf__find_by_name_kind(btf, "bpf_iter_task", BTF_KIND_FUNC);
	CLEANUP(close) int program = id > 0 ? load_empty(BPF_TRACE_ITER, id) : id;
	CLEANUP(close) int link = -1;
	CLEANUP(close) int iterator = -1;

	if (program < 0)
		return program;
	link = bpf_link_create(program, 0, BPF_TRACE_ITER, NULL);
	if (link < 0)
		return link;
	iterator = bpf_iter_create(link);
	return min(iterator, 0);
}

static int try_mapped_array(const struct btf *btf)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	CLEANUP(close)
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "tracer_doctor", 4, (__u32)page, 1, &opts);
	void *memory;

	if (map < 0)
		return map;
	memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	if (memory == MAP_FAILED)
		return -errno;
	munmap(memory, page);
	return 0;
}

static int try_ring(const struct btf *btf)
{
	CLEANUP(close)
	int map = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "tracer_doctor", 0, 0,
				 (__u32)sysconf(_SC_PAGESIZE), NULL);

	return min(map, 0);
}

/* Everything that a recording needs, as a recording does it; nothing is recorded. */
static int try_own_programs(const struct btf *btf)
{
	const struct probes_options options = { .all = true,
						.class_mask = (1u << CLASS_COUNT) - 1,
						.wakeups = true,
						.args = true,
						.sample_period_ns = NSEC_PER_SEC,
						.preempt_stacks = true,
						.waker_stacks = true };
	CLEANUP(probes_close) struct probes *probes = NULL;
	struct err err = { 0 };

	return probes_open(&probes, &options, &err);
}

static int try_sampler(const struct btf *btf)
{
	return sampler_try();
}

static const struct trial {
	const char *name;
	const char *works;
	int (*run)(const struct btf *btf);
	enum fact_state failed;
	const char *means;
} trials[] = {
	{ "program", "loaded and attached to sched_switch", try_tracepoint, FACT_PROBLEM,
	  "the kernel side of tracer cannot run" },
	{ "arrays", "can be mapped", try_mapped_array, FACT_PROBLEM,
	  "events cannot reach the recorder" },
	{ "ring", "BPF ring buffers", try_ring, FACT_WARNING,
	  "only buffers in mapped arrays can be used" },
	{ "iterator", "threads that are there can be listed", try_iterator, FACT_WARNING,
	  "threads that are there before the recording are known only from /proc" },
	{ "samples", "a clock on each CPU can be had (cpu-clock)", try_sampler, FACT_WARNING,
	  "no CPU samples; all the rest is recorded" },
	{ "tracer", "its own programs can be loaded and attached", try_own_programs, FACT_PROBLEM,
	  "nothing can be recorded" },
};

static void run_trial(struct doctor *doctor, const struct trial *trial, const struct btf *btf)
{
	struct err why = { 0 };
	struct fact *fact;
	int r = trial->run(btf);

	if (r >= 0) {
		doctor_add(doctor, trial->name, FACT_OK, "%s", trial->works);
		return;
	}
	if ((r == -EPERM || r == -EACCES) && !host_may_load(host_capabilities())) {
		doctor_add(doctor, trial->name, FACT_UNKNOWN, "cannot be tried without rights");
		return;
	}
	doctor_explain(&why, r, "try it");
	fact = doctor_add(doctor, trial->name, trial->failed, "refused: %s", strerror(-r));
	fact_means(fact, "%s", trial->means);
	fact_advice(fact, "%.150s", why.hint);
}

void doctor_try(struct doctor *doctor)
{
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	CLEANUP(btf__free) struct btf *btf = btf__load_vmlinux_btf();

	check_btf(doctor, btf, errno);
	if (btf) {
		check_tracepoints(doctor, btf);
		for (size_t i = 0; i < ARRAY_SIZE(trials); i++)
			run_trial(doctor, &trials[i], btf);
	}
	libbpf_set_print(print);
}
