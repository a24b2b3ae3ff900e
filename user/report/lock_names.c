// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * lock_names - what a lock is and what it is called
 *
 * Values at the futex word tell some kinds of lock for sure; else the function in which threads
 * waited for it tells, the innermost that we know.
 */
#include "user/report/lock_names.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/text.h"

#define FRAMES_LOOKED 16
#define FRAMES_SHOWN  4

/* A part of a function's name, and what waits in such a function wait for */
static const struct lock_function {
	const char *part;
	enum lock_kind kind;
} functions[] = {
	{ "pthread_clockjoin", LOCK_JOIN },
	{ "pthread_timedjoin", LOCK_JOIN },
	{ "pthread_join", LOCK_JOIN },
	{ "lll_lock", LOCK_MUTEX },
	{ "pthread_mutex_", LOCK_MUTEX },
	{ "std::mutex", LOCK_MUTEX },
	{ "futex::Mutex", LOCK_MUTEX },
	{ "futex_mutex", LOCK_MUTEX },
	{ "RawMutex", LOCK_MUTEX },
	{ "raw_mutex", LOCK_MUTEX },
	{ "runtime.lock2", LOCK_MUTEX },
	{ "sync.(*Mutex)", LOCK_MUTEX },
	{ "pthread_cond_", LOCK_CONDITION },
	{ "condition_variable", LOCK_CONDITION },
	{ "Condvar", LOCK_CONDITION },
	{ "pthread_rwlock_", LOCK_RWLOCK },
	{ "shared_mutex", LOCK_RWLOCK },
	{ "RwLock", LOCK_RWLOCK },
	{ "RawRwLock", LOCK_RWLOCK },
	{ "sync.(*RWMutex)", LOCK_RWLOCK },
	{ "sem_wait", LOCK_SEMAPHORE },
	{ "sem_timedwait", LOCK_SEMAPHORE },
	{ "sem_clockwait", LOCK_SEMAPHORE },
	{ "new_sem_", LOCK_SEMAPHORE },
	{ "counting_semaphore", LOCK_SEMAPHORE },
	{ "pthread_barrier_", LOCK_OTHER },
	{ "pthread_once", LOCK_OTHER },
	{ "runtime.note", LOCK_OTHER },
	{ "std::thread::park", LOCK_OTHER },
};

static const struct lock_function *function_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
		if (strstr(name, functions[i].part))
			return &functions[i];
	return NULL;
}

static bool is_c_library(const char *module)
{
	static const char *const begins[] = { "libc.so",  "libc-2",  "libpthread",
					      "ld-linux", "ld-musl", "libstdc++" };

	for (size_t i = 0; i < ARRAY_SIZE(begins); i++)
		if (!strncmp(module, begins[i], strlen(begins[i])))
			return true;
	return false;
}

/* Where the futex words of glibc's locks lie in them, on 64-bit machines: at the first offset
 * when the address is a multiple of 8, else at the second one. */
static const u64 glibc_offsets[LOCK_KIND_COUNT][2] = {
	[LOCK_CONDITION] = { 40, 44 },
	[LOCK_RWLOCK] = { 8, 12 },
};

static u64 glibc_begin(enum lock_kind kind, u64 address)
{
	u64 offset = address % 4 ? 0 : glibc_offsets[kind][address % 8 ? 1 : 0];

	return address > offset ? address - offset : address;
}

struct face {
	u64 weight[LOCK_KIND_COUNT];
	u64 glibc; /* weight of waits in functions of glibc */
	u64 all;
};

static void look_at_stack(struct face *face, struct report *report, const struct lock_stack *at)
{
	const struct stack *stack = timeline_stack(report->timeline, at->user);
	const struct lock_function *known = NULL;
	struct symbols_frame frame;

	for (u32 i = 0; stack && i < stack->count && i < FRAMES_LOOKED && !known; i++)
		if (frames_frame(&report->frames, &frame, stack, i))
			known = function_of(frame.name);
	if (!known)
		return;
	face->all += at->weight;
	face->weight[known->kind] += at->weight;
	if (!strncmp(frame.module, "libc.so.6", 9) || !strncmp(frame.module, "libpthread", 10))
		face->glibc += at->weight;
}

static enum lock_kind kind_by_names(const struct face *face)
{
	enum lock_kind most = LOCK_OTHER;

	for (int kind = 0; kind < LOCK_KIND_COUNT; kind++)
		if (face->weight[kind] > face->weight[most])
			most = (enum lock_kind)kind;
	return most;
}

static void name_row(struct report *report, struct lock_row *row)
{
	bool sure = row->keeps_owner || row->kind == LOCK_JOIN || row->kind == LOCK_PI_MUTEX;
	bool glibc_writer = row->keeps_owner && row->kind == LOCK_RWLOCK;
	struct face face = { 0 };
	enum lock_kind named;

	for (u32 i = 0; i < LOCK_STACKS; i++)
		if (row->stacks[i].weight)
			look_at_stack(&face, report, &row->stacks[i]);
	named = kind_by_names(&face);
	/* pthread_cond_wait() ends with a mutex, as whose caller only it is known. */
	if (face.all && !sure && !(named == LOCK_CONDITION && row->kind == LOCK_MUTEX))
		row->kind = (u8)named;
	if (glibc_writer || face.glibc * 2 > face.all)
		row->address = glibc_begin((enum lock_kind)row->kind, row->address);
}

/* The words of one condition variable or rwlock */
static int join_rows(struct report *report)
{
	struct locks *locks = &report->locks;
	CLEANUP(free) u32 *to = calloc(locks->count + 1, sizeof(*to));
	struct map first = { 0 };
	bool any = false;

	if (!to)
		return -ENOMEM;
	for (u32 i = 0; i < locks->count; i++) {
		const struct lock_row *row = &locks->rows[i];
		u32 process = report->history.words[row->word - 1].process;
		u64 key = row->address ^ hash_u64((u64)process << 8 | row->kind), *slot;

		to[i] = i;
		if (row->kind != LOCK_CONDITION && row->kind != LOCK_RWLOCK)
			continue;
		slot = map_put(&first, key);
		if (!slot) {
			map_free(&first);
			return -ENOMEM;
		}
		if (*slot && locks->rows[*slot - 1].address == row->address) {
			to[i] = (u32)*slot - 1;
			any = true;
		} else if (!*slot) {
			*slot = i + 1;
		}
	}
	map_free(&first);
	return any ? locks_join(locks, to) : 0;
}

int report_finish_locks(struct report *report)
{
	struct locks *locks = &report->locks;
	int r;

	if (report->locks_finished)
		return 0;
	report->locks_finished = true;
	r = locks_finish(locks);
	if (r >= 0)
		r = history_finish(&report->history);
	if (r < 0)
		return r;
	for (u32 i = 0; i < locks->count; i++)
		if (locks->rows[i].ns.count)
			name_row(report, &locks->rows[i]);
	r = join_rows(report);
	return r < 0 ? r : locks_sort(locks);
}

enum lock_part lock_part_of(const struct lock_row *row, const struct lock_holder *holder)
{
	if (holder->part == LOCK_HELD && !row->keeps_owner)
		return LOCK_RELEASED;
	return (enum lock_part)holder->part;
}

static const struct process *process_of(const struct report *report, const struct lock_row *row)
{
	u32 id = report->history.words[row->word - 1].process;

	return timeline_threads(report->timeline)->processes[id - 1];
}

bool lock_symbol(char name[FUTEX_NAME_MAX], const char **module, const struct report *report,
		 const struct lock_row *row)
{
	return row->longest &&
	       futexes_name(name, module, &report->frames, process_of(report, row)->pid,
			    row->address, row->longest_begin_ns);
}

static const struct thread *joined(const struct report *report, const struct lock_row *row)
{
	const struct lock_holder *holders;
	size_t count = locks_holders(&report->locks, (u32)(row - report->locks.rows), &holders);

	return row->kind == LOCK_JOIN && count == 1 ? holders->thread : NULL;
}

char *lock_text(char to[CELL_TEXT_MAX], const struct report *report, const struct lock_row *row)
{
	const struct thread *thread = joined(report, row);
	char name[FUTEX_NAME_MAX], shown[160], text[64];
	const char *module;

	if (thread) {
		name_show(text, thread_name(report->timeline, thread));
		snprintf(to, CELL_TEXT_MAX, "thread %s (%u)", text, thread->tid);
	} else if (lock_symbol(name, &module, report, row)) {
		text_printable(shown, sizeof(shown), name);
		text_printable(text, sizeof(text), module);
		snprintf(to, CELL_TEXT_MAX, "%s (%s)", shown, text);
	} else {
		snprintf(to, CELL_TEXT_MAX, "0x%" PRIx64, row->address);
	}
	return to;
}

const char *lock_kind_text(enum lock_kind kind)
{
	static const char *const texts[] = { "other",     "mutex",     "PI mutex", "rwlock",
					     "condition", "semaphore", "join" };

	return kind < LOCK_KIND_COUNT ? texts[kind] : "?";
}

/* A mutex that was taken is released by a call: who only waits again did not get it. */
static bool again_is_spurious(const struct lock_row *row)
{
	return row->kind == LOCK_MUTEX || row->kind == LOCK_PI_MUTEX;
}

u64 lock_spurious(const struct lock_row *row)
{
	return row->spurious + (again_is_spurious(row) ? row->again : 0);
}

u64 lock_spurious_ns(const struct lock_row *row)
{
	return row->spurious_ns + (again_is_spurious(row) ? row->again_ns : 0);
}

static char *word_text(char to[CELL_TEXT_MAX], const struct report *report, u32 word)
{
	const struct lock_row *row = locks_of_word(&report->locks, word);

	if (row)
		return lock_text(to, report, row);
	snprintf(to, CELL_TEXT_MAX, "0x%" PRIx64, report->history.words[word - 1].address);
	return to;
}

char *lock_doing_text(char to[CELL_TEXT_MAX], const struct report *report,
		      const struct lock_doing *doing)
{
	char room[32], lock[CELL_TEXT_MAX];

	switch (doing->state) {
	case STATE_RUNNING: return strcpy(to, "running");
	case STATE_RUNNABLE: return strcpy(to, "waiting for a CPU");
	case STATE_UNKNOWN: return strcpy(to, "not known");
	case STATE_COUNT: return strcpy(to, "something else");
	default: break;
	}
	if (doing->word)
		snprintf(to, CELL_TEXT_MAX, "waiting for %.200s",
			 word_text(lock, report, doing->word));
	else if (doing->syscall == SYSCALL_NONE)
		snprintf(to, CELL_TEXT_MAX, "blocked (%s)",
			 wait_kind_name((enum wait_kind)doing->kind));
	else
		snprintf(to, CELL_TEXT_MAX, "blocked in %s",
			 report_syscall(report, doing->syscall, room));
	return to;
}

struct lock_stack lock_holder_stack(const struct lock_holder *holder, bool *sampled)
{
	u64 ran_ns = 0, blocked_ns = 0;

	for (u32 i = 0; i < holder->doing_count; i++) {
		if (holder->doing[i].state == STATE_RUNNING)
			ran_ns += holder->doing[i].ns;
		else if (holder->doing[i].state == STATE_BLOCKED)
			blocked_ns += holder->doing[i].ns;
	}
	*sampled = holder->samples[0].weight && (ran_ns > blocked_ns || !holder->blocked.weight);
	return *sampled ? holder->samples[0] : holder->blocked;
}

char *lock_stack_text(char to[CELL_TEXT_MAX], const struct report *report,
		      const struct lock_stack *at)
{
	struct frames *frames = (struct frames *)&report->frames; /* remembers what it found */
	const struct stack *stack = timeline_stack(report->timeline, at->user);
	char text[SYMBOLS_TEXT_MAX], shown[64];
	size_t used = 0, shown_frames = 0;
	u32 first = 0;

	to[0] = 0;
	if (!stack)
		return to;
	/* Of the C library, only what was called. */
	for (u32 i = 0; i < stack->count; i++) {
		struct symbols_frame frame;

		frames_frame(frames, &frame, stack, i);
		if (!is_c_library(frame.module))
			break;
		if (frame.name)
			first = i;
	}
	for (u32 i = first; i < stack->count && shown_frames < FRAMES_SHOWN; i++, shown_frames++) {
		text_printable(shown, sizeof(shown), frames_name(text, frames, stack, i));
		used += (size_t)snprintf(to + used, CELL_TEXT_MAX - used, "%s%s",
					 shown_frames ? " <- " : "", shown);
		if (used >= CELL_TEXT_MAX)
			break;
	}
	return to;
}
