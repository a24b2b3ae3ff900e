// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * annotate - what programs announce themselves: tasks, regions, logs, counters
 *
 * One program for all probes of user/annotate/tracer.h: the cookie of a probe says which one it
 * is, and its arguments lie in the registers of a function's. Files are shared, so whoever is
 * not in the target comes here, too, and leaves at once.
 *
 * These programs can be preempted and, where the kernel allows it, sleep: a name may lie on a
 * page that was never touched. So memory for texts is claimed, and the ring is reserved in one
 * step.
 */
#include "bpf/filter.bpf.h"
#include "bpf/scratch.bpf.h"

#include "bpf/annotate.h"

char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";

#if defined(__TARGET_ARCH_x86)
#define ARGUMENT_1(regs)  ((regs)->di)
#define ARGUMENT_2(regs)  ((regs)->si)
#define ARGUMENT_3(regs)  ((regs)->dx)
#define ARGUMENT_4(regs)  ((regs)->cx)
#define NAME_WORD_1(regs) ((regs)->r8)
#define NAME_WORD_2(regs) ((regs)->r9)
#define NAME_WORD_3(regs) ((regs)->r10)
#define NAME_WORD_4(regs) ((regs)->r11)
#elif defined(__TARGET_ARCH_arm64)
#define ARGUMENT_1(regs)  ((regs)->regs[0])
#define ARGUMENT_2(regs)  ((regs)->regs[1])
#define ARGUMENT_3(regs)  ((regs)->regs[2])
#define ARGUMENT_4(regs)  ((regs)->regs[3])
#define NAME_WORD_1(regs) ((regs)->regs[4])
#define NAME_WORD_2(regs) ((regs)->regs[5])
#define NAME_WORD_3(regs) ((regs)->regs[6])
#define NAME_WORD_4(regs) ((regs)->regs[7])
#endif

/* What the registers of a probe say, by its kind */
struct said {
	u64 task;
	u64 value;
	u64 name;
	u64 text;
	u16 flags;
};

static __always_inline void said_read(struct said *said, struct pt_regs *regs, u32 kind)
{
	u64 first = ARGUMENT_1(regs), second = ARGUMENT_2(regs);

	switch (kind) {
	case EVENT_TASK_BEGIN:
		said->task = first;
		said->value = second;
		said->name = ARGUMENT_3(regs);
		break;
	case EVENT_REGION_BEGIN:
	case EVENT_REGION_END: said->name = first; break;
	case EVENT_LOG:
		said->task = first;
		said->name = second;
		said->text = ARGUMENT_3(regs);
		break;
	case EVENT_COUNTER:
		said->name = first;
		said->value = second;
		break;
	case EVENT_LINK:
		said->task = first;
		said->text = second;
		break;
	case EVENT_SNAPSHOT: said->text = first; break;
	default: said->task = first;
	}
}

/*
 * A record, whose name and text are still to be put in. @bytes: of both, a multiple of 8
 *
 * Return: where they belong; NULL: no room, which is counted.
 */
static __always_inline struct event_annotation *annotation_begin(u64 **record,
								 struct cpu_state *cpu,
								 const struct said *said, u32 tid,
								 u32 bytes, u64 now)
{
	struct event_annotation *to;

	*record = event_reserve_anywhere(cpu, CLASS_ANNOTATION,
					 event_bytes(struct event_annotation) + bytes, now);
	if (!*record)
		return NULL;
	to = event_body(*record, struct event_annotation);
	to->tid = tid;
	to->flags = said->flags;
	to->probe = 0;
	to->task = said->task;
	to->value = said->value;
	return to;
}

/* A name that the program had at hand came with the registers: user memory is dear to read. */
static __always_inline void tell_short(struct cpu_state *cpu, struct said *said, u32 kind, u32 tid,
				       u64 now, struct pt_regs *regs, u32 length)
{
	u32 bytes = (length + 7) & ~7u;
	struct event_annotation *to;
	u64 *record, *words;

	to = annotation_begin(&record, cpu, said, tid, bytes, now);
	if (!to)
		return;
	to->name_bytes = length;
	to->text_bytes = 0;
	to->spare = 0;
	words = (u64 *)to->data;
	words[0] = NAME_WORD_1(regs);
	if (length > 8)
		words[1] = NAME_WORD_2(regs);
	if (length > 16)
		words[2] = NAME_WORD_3(regs);
	if (length > 24)
		words[3] = NAME_WORD_4(regs);
	event_submit(record, kind, event_bytes(struct event_annotation) + bytes, now);
}

/* What has no text but a name finds room for that on the stack. */
static __always_inline void tell_name(struct cpu_state *cpu, struct said *said, u32 kind, u32 tid,
				      u64 now, bool can_sleep)
{
	union {
		char text[ANNOTATION_NAME_MAX + 1];
		u64 words[(ANNOTATION_NAME_MAX + 1) / 8];
	} name;
	struct event_annotation *to;
	u32 length, bytes;
	u64 *record;

	length = text_read(name.text, ANNOTATION_NAME_MAX, said->name, &said->flags,
			   ANNOTATION_CUT_NAME, ANNOTATION_BAD_NAME, can_sleep);
	length &= ANNOTATION_NAME_MAX;
	bytes = (length + 7) & ~7u;
	to = annotation_begin(&record, cpu, said, tid, bytes, now);
	if (!to)
		return;
	to->name_bytes = length;
	to->text_bytes = 0;
	to->spare = 0;
	for (u32 i = 0; i < sizeof(name.words) / 8; i++) {
		if (i * 8 >= length)
			break;
		((u64 *)to->data)[i] = name.words[i];
	}
	event_submit(record, kind, event_bytes(struct event_annotation) + bytes, now);
}

static __always_inline void tell_text(struct cpu_state *cpu, struct said *said, u32 kind, u32 tid,
				      u64 now, bool can_sleep)
{
	struct scratch *scratch = scratch_claim();
	struct event_annotation *to;
	u32 name, text, bytes;
	u64 *record;

	if (!scratch) {
		event_lost(cpu, CLASS_ANNOTATION, now);
		return;
	}
	name = text_read(scratch->data, ANNOTATION_NAME_MAX, said->name, &said->flags,
			 ANNOTATION_CUT_NAME, ANNOTATION_BAD_NAME, can_sleep);
	name &= ANNOTATION_NAME_MAX;
	text = text_read(scratch->data + name, ANNOTATION_TEXT_MAX, said->text, &said->flags,
			 ANNOTATION_CUT_TEXT, ANNOTATION_BAD_TEXT, can_sleep);
	text &= ANNOTATION_TEXT_MAX;
	bytes = (name + text + 7) & ~7u;
	to = annotation_begin(&record, cpu, said, tid, bytes, now);
	if (to) {
		to->name_bytes = name;
		to->text_bytes = text;
		to->spare = 0;
		if (bytes && bytes <= sizeof(scratch->data))
			bpf_probe_read_kernel(to->data, bytes, scratch->data);
		event_submit(record, kind, event_bytes(struct event_annotation) + bytes, now);
	}
	scratch_release(scratch);
}

/* What is announced: a program says so itself, in words that may not be true, or the probe does. */
static __always_inline u32 kind_of(struct pt_regs *regs, u32 *length)
{
	u64 says = ARGUMENT_4(regs);
	u32 kind = says & COOKIE_KIND;

	*length = says >> SAYS_LENGTH_SHIFT & 0xff;
	if (says >> 32 == SAYS_MAGIC && kind >= EVENT_TASK_BEGIN && kind <= EVENT_SNAPSHOT &&
	    *length <= SAYS_LENGTH_MAX)
		return says & SAYS_KIND;
	*length = 0;
	return bpf_get_attach_cookie(regs) & SAYS_KIND;
}

static __always_inline int annotation(struct pt_regs *regs, bool can_sleep)
{
	struct cpu_state *cpu = cpu_here();
	struct said said = {};
	u32 tid, kind, length;
	u64 now;

	if (!shared.control.recording)
		return 0;
	tid = (u32)bpf_get_current_pid_tgid();
	if (!thread_find(tid))
		return 0;
	now = bpf_ktime_get_ns();
	kind = kind_of(regs, &length);
	said.flags = kind & COOKIE_REAL ? ANNOTATION_REAL : 0;
	kind &= COOKIE_KIND;
	/* A recorder measures its own price: nobody announces anything. */
	if (!kind)
		return 0;
	said_read(&said, regs, kind);
	if (said.text)
		tell_text(cpu, &said, kind, tid, now, can_sleep);
	else if (length)
		tell_short(cpu, &said, kind, tid, now, regs, length);
	else
		tell_name(cpu, &said, kind, tid, now, can_sleep);
	return 0;
}

SEC("uprobe")
int on_annotation(struct pt_regs *regs)
{
	return annotation(regs, false);
}

/* The same, where programs of uprobes may sleep (6.0) */
SEC("uprobe.s")
int on_annotation_sleepable(struct pt_regs *regs)
{
	return annotation(regs, true);
}
