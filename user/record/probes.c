// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* probes - the kernel side, loaded and attached, and the memory that it shares with us */
#include "user/record/probes.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bpf/annotate.h"
#include "bpf/tracer.skel.h"
#include "user/record/configure.h"
#include "user/record/doctor.h"
#include "user/record/host.h"

#define RINGS_BYTES   (16u << 20) /* of all CPUs together, unless they get too small */
#define RING_MOST     (8u << 20)
#define RING_LEAST    (256u << 10)
#define RINGS_MOST    (32u << 20) /* but no more than this of all CPUs, ... */
#define RING_TINY     (16u << 10) /* asked for; some records fit in beside RING_OVERSHOOT */
#define SAMPLES_LEAST (16u << 10) /* of a ring of samples, which has else ... */
#define SAMPLES_SHARE 8           /* ... this part of the other ring */
#define RING_SMALL    (64u << 10) /* ... nor less than this of one */

/* libbpf's own words are for -v; a user gets ours. */
static bool libbpf_is_heard;

static int on_libbpf_print(enum libbpf_print_level level, const char *format, va_list args)
{
	return libbpf_is_heard && level != LIBBPF_DEBUG ? vfprintf(stderr, format, args) : 0;
}

static u32 round_up_power(u64 bytes)
{
	u32 power = 4096;

	while (power < bytes && power < 1u << 30)
		power *= 2;
	return power;
}

static u32 round_down_power(u32 bytes)
{
	u32 power = round_up_power(bytes);

	return power > bytes ? power / 2 : power;
}

static u32 choose_ring_bytes(u64 asked, unsigned int cpus)
{
	u32 each;

	if (asked)
		return round_up_power(max(asked, (u64)RING_TINY));
	each = min(max(RINGS_BYTES / cpus, RING_LEAST), RING_MOST);
	/* Machines with hundreds of CPUs, and those that could get as many */
	each = min(each, max(RINGS_MOST / cpus / 4096 * 4096, RING_SMALL));
	return round_down_power(each);
}

static int explain_load(struct err *err, int code, const char *what)
{
	code = code < 0 ? code : -EINVAL;
	/* A program that the verifier turns down is our defect, not a lack of rights. */
	if (code == -EACCES && host_may_load(host_capabilities())) {
		fail(err, -ENOTSUP, "cannot %s: this kernel's verifier refuses it", what);
		return hint(err,
			    "`tracer record -v` shows why; please report it with `tracer doctor`");
	}
	return doctor_explain(err, code, what);
}

/* What stacks need has its room only when there are any. */
static int size_stacks(struct tracer_bpf *bpf, unsigned int cpus)
{
	bool any = bpf->rodata->config_stacks || bpf->rodata->config_samples;
	int r = bpf_map__set_max_entries(bpf->maps.stack_scratches, any ? cpus * STACK_NESTING : 1);

	r = r ?: bpf_map__set_max_entries(bpf->maps.thread_waits, any ? THREADS_MAX : 1);
	if (any)
		return r;
	r = r ?: bpf_map__set_max_entries(bpf->maps.stack_sets, 1);
	r = r ?: bpf_map__set_max_entries(bpf->maps.layouts, 1);
	return r ?: bpf_map__set_max_entries(bpf->maps.unwind_rules, 1);
}

static int size_maps(struct tracer_bpf *bpf, const struct probes_options *options,
		     unsigned int cpus, u32 ring_bytes)
{
	int r = bpf_map__set_max_entries(bpf->maps.rings, cpus);

	if (options->user_probes) {
		r = r ?: bpf_map__set_max_entries(bpf->maps.probe_layouts, PROBE_LAYOUTS_MAX);
		r = r ?: bpf_map__set_max_entries(bpf->maps.probe_tasks, PROBE_TASKS_MAX);
	}

	r = r ?: bpf_map__set_value_size(bpf->maps.rings, ring_bytes + RING_SLACK);
	r = r ?: bpf_map__set_max_entries(bpf->maps.objects_near, cpus * OBJECTS_NEAR);
	r = r ?: size_stacks(bpf, cpus);
	if (bpf->rodata->config_samples) {
		r = r ?: bpf_map__set_max_entries(bpf->maps.sample_rings, cpus);
		r = r
			    ?: bpf_map__set_value_size(bpf->maps.sample_rings,
						       bpf->rodata->config_sample_mask + 1 +
							       RING_SLACK);
	}
	return r
		       ?: bpf_map__set_max_entries(bpf->maps.thread_args,
						   bpf->rodata->config_args ? THREADS_MAX : 1);
}

/* Programs that this recording has no use for are not even loaded. */
static void select_programs(struct tracer_bpf *bpf, const struct probes_options *options,
			    const struct btf *btf)
{
	bool calls =
		options->class_mask & (1u << CLASS_SYSCALL | 1u << CLASS_FUTEX | 1u << CLASS_STACK);
	bool sched = options->class_mask >> CLASS_SCHED & 1;
	bool direct = btf__find_by_name_kind(btf, "bpf_rdonly_cast", BTF_KIND_FUNC) >= 0;

	bpf_program__set_autoload(bpf->progs.on_sys_enter, calls);
	bpf_program__set_autoload(bpf->progs.on_sys_exit, calls);
	bpf_program__set_autoload(bpf->progs.on_sched_switch, direct);
	bpf_program__set_autoload(bpf->progs.on_sched_switch_probing, !direct);
	bpf_program__set_autoload(bpf->progs.on_sched_waking, sched && direct);
	bpf_program__set_autoload(bpf->progs.on_sched_waking_probing, sched && !direct);
	bpf_program__set_autoload(bpf->progs.on_sched_wakeup, sched && options->wakeups);
	bpf_program__set_autoload(bpf->progs.on_sched_wakeup_new, sched && direct);
	bpf_program__set_autoload(bpf->progs.on_sched_wakeup_new_probing, sched && !direct);
	bpf_program__set_autoload(bpf->progs.on_cgroup_attach, options->cgroup);
	bpf_program__set_autoload(bpf->progs.blocked_threads,
				  options->class_mask >> CLASS_STACK & 1);
	bpf_program__set_autoload(bpf->progs.on_sample, probes_samples(options));
}

/* Of two programs that differ only in whether they may sleep, the one that this kernel allows. */
static struct bpf_program *select_either(struct probes *probes, struct bpf_program *plain,
					 struct bpf_program *sleepable, bool wanted)
{
	bool may_sleep = probes->uprobes.sleepable;
	struct bpf_program *chosen = may_sleep ? sleepable : plain;

	bpf_program__set_autoload(plain, wanted && !may_sleep);
	bpf_program__set_autoload(sleepable, wanted && may_sleep);
	if (wanted)
		uprobes_prepare(chosen, &probes->uprobes);
	return wanted ? chosen : NULL;
}

/* For the probes in programs: attached where such are found. */
static void select_annotation(struct probes *probes, const struct probes_options *options)
{
	struct tracer_bpf *bpf = probes->bpf;
	bool wanted = options->class_mask >> CLASS_ANNOTATION & 1;

	probes->annotation = select_either(probes, bpf->progs.on_annotation,
					   bpf->progs.on_annotation_sleepable, wanted);
	probes->probe = select_either(probes, bpf->progs.on_probe, bpf->progs.on_probe_sleepable,
				      wanted && options->user_probes);
}

static int load(struct probes *probes, const struct probes_options *options, struct err *err)
{
	struct btf *btf = btf__load_vmlinux_btf();
	u32 ring_bytes = choose_ring_bytes(options->ring_bytes, probes->cpus);
	int r;

	if (!btf)
		return doctor_explain(err, -errno ?: -ENOENT, "read the kernel's types");
	if (options->class_mask >> CLASS_ANNOTATION & 1)
		probes->uprobes = uprobes_kernel();
	for (;;) {
		probes->bpf = tracer_bpf__open();
		if (!probes->bpf) {
			r = -errno;
			break;
		}
		probes->sample_bytes = max(ring_bytes / SAMPLES_SHARE, SAMPLES_LEAST);
		configure(probes->bpf, options, btf, probes->cpus, ring_bytes,
			  probes->sample_bytes);
		select_programs(probes->bpf, options, btf);
		select_annotation(probes, options);
		r = size_maps(probes->bpf, options, probes->cpus, ring_bytes);
		if (!r)
			r = tracer_bpf__load(probes->bpf);
		/* Some kernels allow no array element above 4 MiB: try with less. */
		if (!(r == -E2BIG || r == -ENOMEM) || ring_bytes <= RING_LEAST)
			break;
		tracer_bpf__destroy(take(probes->bpf));
		ring_bytes /= 2;
	}
	btf__free(btf);
	probes->ring_bytes = ring_bytes;
	return r < 0 ? explain_load(err, r, "load the programs into the kernel") : 0;
}

static void *map_memory(struct probes *probes, int at, struct bpf_map *map, size_t element_bytes,
			struct err *err)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t bytes = (element_bytes * bpf_map__max_entries(map) + page - 1) / page * page;
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	if (memory == MAP_FAILED) {
		fail(err, -errno, "cannot map %zu bytes of ring memory: %s", bytes,
		     strerror(errno));
		return NULL;
	}
	probes->maps[at] = memory;
	probes->map_bytes[at] = bytes;
	return memory;
}

/* @at: which of the mapped memories. Return: one ring for each CPU, or NULL with @err filled. */
static struct ring *map_rings_of(struct probes *probes, int at, struct bpf_map *map, u32 bytes,
				 struct err *err)
{
	size_t element_bytes = bytes + RING_SLACK;
	char *data = map_memory(probes, at, map, element_bytes, err);
	struct shared *shared = &probes->bpf->bss->shared;
	struct ring *rings = data ? calloc(probes->cpus, sizeof(*rings)) : NULL;

	if (data && !rings)
		fail(err, -ENOMEM, "no memory for %u rings", probes->cpus);
	for (unsigned int cpu = 0; rings && cpu < probes->cpus; cpu++) {
		rings[cpu].data = data + cpu * element_bytes;
		rings[cpu].state = &shared->cpus[cpu].state;
		rings[cpu].drain = &shared->cpus[cpu].drain;
	}
	return rings;
}

static int map_rings(struct probes *probes, struct err *err)
{
	struct tracer_bpf *bpf = probes->bpf;

	probes->control = &bpf->bss->shared.control;
	probes->rings = map_rings_of(probes, 0, bpf->maps.rings, probes->ring_bytes, err);
	for (unsigned int cpu = 0; probes->rings && cpu < probes->cpus; cpu++) {
		probes->rings[cpu].head = &probes->rings[cpu].state->head;
		probes->rings[cpu].given_back = &probes->rings[cpu].drain->tail;
	}
	if (!probes->rings || !bpf->rodata->config_samples)
		return probes->rings ? 0 : err->code;
	probes->sample_rings =
		map_rings_of(probes, 3, bpf->maps.sample_rings, probes->sample_bytes, err);
	for (unsigned int cpu = 0; probes->sample_rings && cpu < probes->cpus; cpu++) {
		struct ring *ring = &probes->sample_rings[cpu];

		ring->head = &ring->state->sample_head;
		ring->given_back = &ring->drain->sample_tail;
	}
	return probes->sample_rings ? 0 : err->code;
}

static int map_unwind(struct probes *probes, struct err *err)
{
	struct bpf_map *map = probes->bpf->maps.unwind_rules;

	if (bpf_map__max_entries(map) != UNWIND_BUCKETS)
		return 0;
	probes->unwind = map_memory(probes, 2, map, sizeof(*probes->unwind), err);
	return probes->unwind ? 0 : err->code;
}

static int set_targets(struct probes *probes, const struct probes_options *options, struct err *err)
{
	int fd = bpf_map__fd(probes->bpf->maps.target_pids);

	for (size_t i = 0; i < options->pid_count; i++) {
		u32 pid = (u32)options->pids[i], one = 1;

		if (bpf_map_update_elem(fd, &pid, &one, BPF_ANY))
			return fail(err, -errno, "cannot watch process %u: %s", pid,
				    strerror(errno));
	}
	return 0;
}

static int attach(struct probes *probes, struct err *err)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, probes->bpf->obj)
	{
		char what[96];
		struct bpf_link *link;

		/*
		 * Iterators are attached when they are run, the one of probes where such are, the
		 * sampler when all else is.
		 */
		if (!bpf_program__autoload(program) ||
		    program == probes->bpf->progs.existing_threads ||
		    program == probes->bpf->progs.blocked_threads ||
		    program == probes->bpf->progs.on_sample ||
		    bpf_program__type(program) == BPF_PROG_TYPE_KPROBE)
			continue;
		link = bpf_program__attach(program);
		if (link) {
			probes->links[probes->link_count++] = link;
			continue;
		}
		snprintf(what, sizeof(what), "attach %s", bpf_program__section_name(program));
		return explain_load(err, -errno, what);
	}
	return 0;
}

static int on_doorbell(void *ctx, void *data, size_t size)
{
	return 0;
}

int probes_open(struct probes **out, const struct probes_options *options, struct err *err)
{
	CLEANUP(probes_close) struct probes *probes = calloc(1, sizeof(*probes));
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	int r;

	if (!probes)
		return fail(err, -ENOMEM, "no memory for the recorder");
	libbpf_is_heard = options->verbose;
	libbpf_set_print(on_libbpf_print);
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	/* Kernels before 5.11 count maps as locked memory; later ones do not ask. */
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	r = libbpf_num_possible_cpus();
	if (r < 0)
		return fail(err, r, "cannot tell how many CPUs there are: %s", strerror(-r));
	probes->cpus = (unsigned int)r;
	if (probes->cpus > CPUS_MAX)
		return fail(err, -E2BIG, "this machine may have %u CPUs; %u is the most",
			    probes->cpus, CPUS_MAX);

	r = load(probes, options, err);
	r = r ?: map_rings(probes, err);
	r = r ?: map_unwind(probes, err);
	r = r ?: set_targets(probes, options, err);
	r = r ?: attach(probes, err);
	if (r < 0)
		return r;
	probes->doorbell_buffer =
		ring_buffer__new(bpf_map__fd(probes->bpf->maps.doorbell), on_doorbell, NULL, NULL);
	if (!probes->doorbell_buffer)
		return fail(err, -errno, "cannot listen to the rings: %s", strerror(errno));
	probes->doorbell = ring_buffer__epoll_fd(probes->doorbell_buffer);
	/* Without it, all the rest can still be recorded. */
	if (probes->sample_rings)
		probes->samples_refused =
			sampler_attach(&probes->sampler, probes->bpf->progs.on_sample, probes->cpus,
				       options->sample_period_ns);
	*out = take(probes);
	return 0;
}

void probes_close(struct probes *probes)
{
	if (!probes)
		return;
	sampler_close(&probes->sampler);
	for (size_t i = 0; i < probes->link_count; i++)
		bpf_link__destroy(probes->links[i]);
	ring_buffer__free(probes->doorbell_buffer);
	for (size_t i = 0; i < ARRAY_SIZE(probes->maps); i++)
		if (probes->maps[i])
			munmap(probes->maps[i], probes->map_bytes[i]);
	tracer_bpf__destroy(probes->bpf);
	free(probes->rings);
	free(probes->sample_rings);
	free(probes);
}

void probes_start(struct probes *probes)
{
	__atomic_store_n(&probes->control->recording, 1, __ATOMIC_SEQ_CST);
}

void probes_stop(struct probes *probes)
{
	__atomic_store_n(&probes->control->recording, 0, __ATOMIC_SEQ_CST);
}

static int look_once(struct probes *probes, struct bpf_link *link,
		     int (*between)(void *ctx, struct err *err), void *ctx, struct err *err)
{
	CLEANUP(close) int fd = bpf_iter_create(bpf_link__fd(link));
	char found[256];
	int count = 0;
	ssize_t n;

	if (fd < 0)
		return fail(err, -errno, "cannot list the threads: %s", strerror(errno));
	for (;;) {
		int r;

		n = read(fd, found, sizeof(found));
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			return fail(err, -errno, "cannot list the threads: %s", strerror(errno));
		r = between(ctx, err);
		if (r < 0)
			return r;
		if (!n)
			return count;
		count += (int)n;
	}
}

int probes_find_threads(struct probes *probes, int (*between)(void *ctx, struct err *err),
			void *ctx, struct err *err)
{
	struct bpf_link *link = bpf_program__attach_iter(probes->bpf->progs.existing_threads, NULL);
	int found = 0;

	if (!link)
		return explain_load(err, -errno, "list the threads");
	/* A second look finds what a thread began before the first look reached that thread. */
	for (int look = 0; look < 4; look++) {
		int r = look_once(probes, link, between, ctx, err);

		if (r < 0) {
			bpf_link__destroy(link);
			return r;
		}
		found += r;
		if (!r && look)
			break;
	}
	bpf_link__destroy(link);
	return found;
}

int probes_wait(struct probes *probes, int signal_fd, int timeout_ms)
{
	struct pollfd fds[2] = {
		{ .fd = probes->doorbell, .events = POLLIN },
		{ .fd = signal_fd, .events = POLLIN },
	};
	int r = poll(fds, 2, timeout_ms);

	if (r > 0 && fds[0].revents)
		ring_buffer__consume(probes->doorbell_buffer);
	return r;
}
