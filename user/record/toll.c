// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* toll - what probes cost the target: how often they are reached, at the price of this machine */
#include "user/record/toll.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bpf/event.h"
#include "user/base/clock.h"
#include "user/base/map.h"
#include "user/record/probes.h"
#include "user/record/uprobes.h"

#define THREADS_MOST   4096 /* whose process is remembered */
#define NEW_MOST       64   /* of them between two looks: those that live shortly are left out */
#define PROCESSES_MOST 256
#define STRETCH_NS     (100 * NSEC_PER_MSEC) /* of CPU time: shorter ones say too little */
#define TRIES          100                   /* to measure a price */
#define OUR_PART_NS    150                   /* what a hit takes in the target beyond that */

/* Which no hit exceeds: while even these make little, nothing is measured. */
#define DEAR_PLAIN_NS   3000
#define DEAR_STEPPED_NS 40000

/* Two places to measure at, one that the kernel emulates and one that it does not */
void toll_plain_place(void);
void toll_stepped_place(void);

__asm__(".pushsection .text\n"
	"	.globl toll_plain_place\n"
	"	.hidden toll_plain_place\n"
	"	.type toll_plain_place, %function\n"
	"	.balign 16\n"
	"toll_plain_place:\n"
	"	nop\n"
	"	ret\n"
	"	.globl toll_stepped_place\n"
	"	.hidden toll_stepped_place\n"
	"	.type toll_stepped_place, %function\n"
	"	.balign 16\n"
	"toll_stepped_place:\n"
#if defined(__x86_64__)
	"	lea 0(%rdi), %rax\n"
#else
	"	add x0, x0, #0\n"
#endif
	"	ret\n"
	"	.popsection\n");

struct process {
	pid_t pid;
	bool begun;  /* cpu_ns is known */
	bool gone;   /* or cannot be looked at */
	u64 cpu_ns;  /* when the stretch began */
	u64 hits[2]; /* in the stretch: emulated, and stepped */
};

struct toll {
	struct probes *probes;
	struct map threads; /* tid -> index of its process + 1 */
	size_t new_threads; /* since the last look */
	struct process processes[PROCESSES_MOST];
	size_t process_count;
	u64 recorded, lost; /* hits in the stretch */
	u64 since_ns;
	u64 hit_ns[2];
	bool priced;
};

int toll_new(struct toll **out, struct probes *probes, struct err *err)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return fail(err, -ENOMEM, "no memory for what probes cost");
	(*out)->probes = probes;
	return 0;
}

void toll_free(struct toll *toll)
{
	if (!toll)
		return;
	map_free(&toll->threads);
	free(toll);
}

#if defined(__x86_64__)

bool toll_is_stepped(const u8 *at, size_t bytes)
{
	if (bytes && at[0] == 0x41) /* push %r8 and those behind it */
		return bytes < 2 || (at[1] & 0xf8) != 0x50;
	if (!bytes)
		return true;
	/* nop; push; call and jump */
	return at[0] != 0x90 && (at[0] & 0xf8) != 0x50 && at[0] != 0xe8 && at[0] != 0xe9 &&
	       at[0] != 0xeb;
}

#else /* arm64: which are simulated differs by kernel */

bool toll_is_stepped(const u8 *at, size_t bytes)
{
	static const u8 nop[] = { 0x1f, 0x20, 0x03, 0xd5 };

	return bytes < sizeof(nop) || memcmp(at, nop, sizeof(nop));
}

#endif

/* The process of a thread, by its number in /proc; 0: it is gone. */
static pid_t process_of(u32 tid)
{
	CLEANUP(fclose) FILE *file = NULL;
	char path[32], line[128];
	int pid;

	snprintf(path, sizeof(path), "/proc/%u/status", tid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Tgid: %d", &pid) == 1)
			return pid;
	return 0;
}

/* Return: its index + 1; 0: there is no room. */
static size_t add_process(struct toll *toll, pid_t pid)
{
	for (size_t i = 0; i < toll->process_count; i++)
		if (toll->processes[i].pid == pid)
			return i + 1;
	if (!pid || toll->process_count == PROCESSES_MOST)
		return 0;
	toll->processes[toll->process_count++] = (struct process){ .pid = pid };
	return toll->process_count;
}

void toll_hit(struct toll *toll, u32 tid, bool stepped)
{
	u64 *at = map_get(&toll->threads, tid);

	if (!at) {
		if (toll->new_threads++ >= NEW_MOST)
			return;
		if (toll->threads.count >= THREADS_MOST)
			map_clear(&toll->threads);
		at = map_put(&toll->threads, tid);
		if (at)
			*at = add_process(toll, process_of(tid));
	}
	if (!at || !*at)
		return;
	toll->processes[*at - 1].hits[stepped]++;
	toll->recorded++;
}

void toll_lost(struct toll *toll, u64 hits)
{
	toll->lost += hits;
}

static bool process_cpu_ns(u64 *ns, pid_t pid)
{
	struct timespec time;
	clockid_t id;

	if (clock_getcpuclockid(pid, &id) || clock_gettime(id, &time))
		return false;
	*ns = (u64)time.tv_sec * NSEC_PER_SEC + (u64)time.tv_nsec;
	return true;
}

struct own_place {
	uintptr_t address;
	u64 offset;
};

/* Where in its file an address of this program lies. It is the first of the objects. */
static int find_offset(struct dl_phdr_info *info, size_t size, void *ctx)
{
	struct own_place *place = ctx;

	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		uintptr_t begin = info->dlpi_addr + header->p_vaddr;

		if (header->p_type == PT_LOAD && place->address - begin < header->p_filesz)
			place->offset = header->p_offset + (place->address - begin);
	}
	return 1;
}

static u64 calls_ns(void (*place)(void))
{
	u64 from_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	for (int i = 0; i < TRIES; i++)
		place();
	return clock_ns(CLOCK_THREAD_CPUTIME_ID) - from_ns;
}

/* Return: 0 when it cannot be measured. */
static u64 measure(const struct toll *toll, int self, void (*place)(void))
{
	const struct probes *probes = toll->probes;
	struct own_place own = { .address = (uintptr_t)place };
	struct uprobes *uprobes = NULL;
	struct err ignored = { 0 };
	u64 without_ns, with_ns;

	dl_iterate_phdr(find_offset, &own);
	without_ns = calls_ns(place);
	if (!own.offset ||
	    uprobes_attach(&uprobes, &probes->uprobes, probes->probe ?: probes->annotation, self,
			   &(struct uprobe_site){ .offset = own.offset }, 1, false, &ignored) < 0)
		return 0;
	with_ns = calls_ns(place);
	uprobes_detach(uprobes);
	return with_ns > without_ns ? (with_ns - without_ns) / TRIES + OUR_PART_NS : 0;
}

static void price(struct toll *toll)
{
	CLEANUP(close) int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	toll->priced = true;
	if (self < 0)
		return;
	toll->hit_ns[0] = measure(toll, self, toll_plain_place);
	toll->hit_ns[1] = measure(toll, self, toll_stepped_place);
}

/* What the stretch has come to; of all processes that were there when it began */
struct stretch {
	u64 cpu_ns;
	u64 hits[2];
	u64 most;
	pid_t pid;
	size_t processes;
};

static struct stretch add_up(struct toll *toll)
{
	struct stretch sum = { 0 };

	for (size_t i = 0; i < toll->process_count; i++) {
		struct process *process = &toll->processes[i];
		u64 cpu_ns, hits = process->hits[0] + process->hits[1];

		if (process->gone || !process->begun)
			continue;
		if (!process_cpu_ns(&cpu_ns, process->pid)) {
			process->gone = true;
			continue;
		}
		sum.cpu_ns += cpu_ns - process->cpu_ns;
		sum.hits[0] += process->hits[0];
		sum.hits[1] += process->hits[1];
		sum.processes += !!hits;
		if (hits >= sum.most) {
			sum.most = hits;
			sum.pid = process->pid;
		}
	}
	return sum;
}

static void begin_stretch(struct toll *toll, bool all)
{
	size_t kept = 0;

	for (size_t i = 0; i < toll->process_count; i++) {
		struct process *process = &toll->processes[i];

		if (process->gone || (process->begun && !all))
			continue;
		process->begun = process_cpu_ns(&process->cpu_ns, process->pid);
		process->gone = !process->begun;
		process->hits[0] = process->hits[1] = 0;
	}
	if (!all)
		return;
	toll->since_ns = clock_mono_ns();
	toll->recorded = toll->lost = 0;
	for (size_t i = 0; i < toll->process_count; i++)
		kept += !toll->processes[i].gone;
	if (kept == toll->process_count)
		return;
	/* Make room; threads find their processes again. */
	kept = 0;
	for (size_t i = 0; i < toll->process_count; i++)
		if (!toll->processes[i].gone)
			toll->processes[kept++] = toll->processes[i];
	toll->process_count = kept;
	map_clear(&toll->threads);
}

void toll_look(struct toll *toll, struct toll_report *report)
{
	struct stretch sum = add_up(toll);
	u64 hits = sum.hits[0] + sum.hits[1], elapsed_ns = clock_mono_ns() - toll->since_ns;
	double share, cost_ns, more;

	toll->new_threads = 0;
	if (sum.cpu_ns < STRETCH_NS) {
		begin_stretch(toll, !toll->since_ns);
		return;
	}
	more = toll->recorded ? (double)(toll->recorded + toll->lost) / (double)toll->recorded : 1;
	cost_ns = more * (double)(sum.hits[0] * DEAR_PLAIN_NS + sum.hits[1] * DEAR_STEPPED_NS);
	if (!toll->priced && cost_ns * 100 > (double)sum.cpu_ns * TOLL_PERCENT_WORTH_A_WORD)
		price(toll);
	cost_ns = more * (double)(sum.hits[0] * toll->hit_ns[0] + sum.hits[1] * toll->hit_ns[1]);
	share = min(cost_ns / (double)sum.cpu_ns, 1.0);
	if (hits && share * 100 >= report->percent + 1.0)
		*report = (struct toll_report){
			.percent = (u32)(share * 100),
			.per_second = (u64)(more * (double)hits * 1e9 / (double)elapsed_ns),
			.hit_ns = (u64)(cost_ns / more / (double)hits),
			.pid = sum.pid,
			.processes = sum.processes,
		};
	begin_stretch(toll, true);
}
