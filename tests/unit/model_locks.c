// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* model_locks - who held what others waited for, and what the holder did meanwhile */
#include "user/model/locks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/helpers_model.h"

#define LOCK     0x5000
#define NR_FSYNC 74
#define NR_NAP   35

/* What lay at a futex word, told with the intervals as a recording with stacks does it */
struct seen {
	u32 tid;
	u64 begin_ns;
	u32 user_stack;
	struct lock_seen lock;
};

struct story {
	struct scene *scene;
	struct history history;
	struct locks locks;
	struct sink inner[3];
	struct seen seen[16];
	u32 seen_count;
};

static int pass_interval(void *ctx, const struct interval *interval)
{
	struct interval changed = *interval;
	struct story *story = ctx;
	int r = 0;

	for (u32 i = 0; i < story->seen_count; i++) {
		const struct seen *seen = &story->seen[i];

		if (interval->state != STATE_BLOCKED || seen->tid != interval->thread->tid ||
		    seen->begin_ns != interval->begin_ns)
			continue;
		changed.lock = seen->lock;
		changed.where.user = seen->user_stack;
	}
	for (size_t i = 0; i < ARRAY_SIZE(story->inner) && !r; i++)
		r = story->inner[i].interval(story->inner[i].ctx, &changed);
	return r;
}

static struct story *begins_with(const struct filter *filter, u32 bits)
{
	struct story *story = calloc(1, sizeof(*story));
	struct sink lens = { .ctx = story, .everyone = true, .interval = pass_interval };
	struct sink rest;

	story->scene = scene_filtered(filter);
	assert_int_equal(history_begin(&story->history, story->scene->timeline, bits), 0);
	locks_begin(&story->locks, &story->history, story->scene->timeline);
	story->inner[0] = history_sink(&story->history);
	story->inner[1] = locks_sink(&story->locks);
	story->inner[2] = history_told_sink(&story->history);
	assert_int_equal(timeline_attach(story->scene->timeline, &lens), 0);
	for (size_t i = 0; i < ARRAY_SIZE(story->inner); i++) {
		rest = story->inner[i];
		rest.interval = NULL;
		assert_int_equal(timeline_attach(story->scene->timeline, &rest), 0);
	}
	return story;
}

static struct story *begins(void)
{
	return begins_with(NULL, 0);
}

static void story_free(struct story *story)
{
	locks_free(&story->locks);
	history_free(&story->history);
	scene_free(story->scene);
	free(story);
}
DEFINE_CLEANUP(struct story *, story_free)

/* All waits are accounted for, and all that holders did. */
static void assert_adds_up(const struct story *story)
{
	const struct locks *locks = &story->locks;

	for (u32 i = 0; i < locks->count; i++) {
		const struct lock_row *row = &locks->rows[i];
		const struct lock_holder *holders;
		size_t count = locks_holders(locks, i, &holders);
		u64 ns = row->free_ns + row->unknown_ns;

		for (size_t j = 0; j < count; j++) {
			u64 done_ns = 0;

			for (u32 k = 0; k < holders[j].doing_count; k++)
				done_ns += holders[j].doing[k].ns;
			assert_int_equal(holders[j].ns, done_ns);
			ns += holders[j].ns;
		}
		assert_int_equal(ns, row->ns.total);
		assert_true(row->waiters <= row->threads);
	}
}

static void story_ends(struct story *story, u64 t)
{
	ends(story->scene, t);
	assert_int_equal(locks_finish(&story->locks), 0);
	assert_int_equal(history_finish(&story->history), 0);
	assert_int_equal(locks_sort(&story->locks), 0);
	assert_adds_up(story);
}

static void sees(struct story *story, u64 t, u32 tid, struct lock_seen lock)
{
	lock.known = true;
	story->seen[story->seen_count++] =
		(struct seen){ .tid = tid, .begin_ns = t, .user_stack = 7, .lock = lock };
}

static void futex_blocks(struct story *story, u64 t, u32 tid, u8 op, u32 value, u32 next)
{
	const struct trace_event e = {
		.time_ns = t,
		.kind = EVENT_SWITCH,
		.cpu = (u16)(tid - MAIN),
		.sw = { .prev_tid = tid,
			.next_tid = next,
			.prev_state = LEAVE_SLEEPING,
			.wait_kind = WAIT_SYNC,
			.syscall = 202,
			.object = value,
			.address = LOCK,
			.futex_op = op },
	};

	tells(story->scene, &e);
}

/* A mutex of glibc: @tid waits for @owner (0: not known) */
static void mutex_blocks(struct story *story, u64 t, u32 tid, u32 owner)
{
	if (owner)
		sees(story, t, tid, (struct lock_seen){ .word = 2, .owner = owner, .users = 1 });
	futex_blocks(story, t, tid, FUTEX_OP_WAIT, 2, IDLE);
}

static void futex_call(struct story *story, u64 t, u32 tid, u8 op, u64 duration_ns, s64 result)
{
	const struct trace_event e = {
		.time_ns = t,
		.kind = EVENT_FUTEX,
		.cpu = (u16)(tid - MAIN),
		.futex = { .tid = tid,
			   .op = op,
			   .address = LOCK,
			   .duration_ns = duration_ns,
			   .result = result },
	};

	tells(story->scene, &e);
}

/* Each thread has a CPU of its own. */
static void three_threads(struct story *story)
{
	for (u32 tid = MAIN; tid <= OTHER; tid++) {
		on_cpu((u16)(tid - MAIN));
		exists(story->scene, 0, tid, LEAVE_RUNNING);
		switches(story->scene, 1, IDLE, PREEMPTED, tid);
	}
}

static void runs(struct story *story, u64 t, u32 tid)
{
	on_cpu((u16)(tid - MAIN));
	switches(story->scene, t, IDLE, PREEMPTED, tid);
}

static void woken_by(struct story *story, u64 t, u32 waker, u32 tid)
{
	on_cpu((u16)(waker - MAIN));
	wakes(story->scene, t, waker, tid);
}

static const struct lock_holder *holder_of(const struct story *story, u32 tid)
{
	const struct lock_holder *holders;
	size_t count = locks_holders(&story->locks, 0, &holders);

	for (size_t i = 0; i < count; i++)
		if (holders[i].thread && holders[i].thread->tid == tid)
			return &holders[i];
	return NULL;
}

static u64 doing_ns(const struct story *story, u32 tid, enum thread_state state)
{
	const struct lock_holder *holder = holder_of(story, tid);
	u64 ns = 0;

	for (u32 i = 0; holder && i < holder->doing_count; i++)
		if (holder->doing[i].state == state)
			ns += holder->doing[i].ns;
	return ns;
}

static void a_mutex_is_held_by_its_owner_who_syncs_a_file(void **state)
{
	CLEANUP(story_free) struct story *story = begins();
	const struct lock_holder *holder;

	three_threads(story);
	mutex_blocks(story, 100, WORKER, MAIN);
	on_cpu(0);
	blocks(story->scene, 200, MAIN, WAIT_DISK, NR_FSYNC, 0, IDLE);
	interrupt_wakes(story->scene, 800, WAKER_HARDIRQ, IDLE, MAIN);
	runs(story, 900, MAIN);
	syscall_ends(story->scene, 910, MAIN, NR_FSYNC, 720, 0);
	woken_by(story, 1100, MAIN, WORKER);
	futex_call(story, 1105, MAIN, FUTEX_OP_WAKE, 10, 1);
	runs(story, 1150, WORKER);
	futex_call(story, 1160, WORKER, FUTEX_OP_WAIT, 1070, 0);
	story_ends(story, 2000);

	assert_int_equal(story->locks.count, 1);
	assert_int_equal(story->locks.rows[0].kind, LOCK_MUTEX);
	assert_true(story->locks.rows[0].keeps_owner);
	assert_int_equal(story->locks.rows[0].ns.total, 1000);
	assert_int_equal(story->locks.rows[0].latency_ns, 50);
	assert_int_equal(story->locks.rows[0].threads, 2);
	assert_int_equal(story->locks.rows[0].waiters, 1);
	holder = holder_of(story, MAIN);
	assert_non_null(holder);
	assert_int_equal(holder->part, LOCK_HELD);
	assert_int_equal(holder->waits, 1);
	assert_int_equal(holder->ns, 1000);
	assert_int_equal(doing_ns(story, MAIN, STATE_BLOCKED), 600);
	assert_int_equal(doing_ns(story, MAIN, STATE_RUNNABLE), 100);
	assert_int_equal(doing_ns(story, MAIN, STATE_RUNNING), 300);
	assert_int_equal(holder->doing[0].kind, WAIT_DISK);
	assert_int_equal(holder->doing[0].syscall, NR_FSYNC);
}

static void a_lock_that_changes_hands_is_charged_to_each_of_them(void **state)
{
	CLEANUP(story_free) struct story *story = begins();

	three_threads(story);
	mutex_blocks(story, 100, WORKER, MAIN);
	mutex_blocks(story, 110, OTHER, MAIN);
	woken_by(story, 1000, MAIN, WORKER);
	futex_call(story, 1002, MAIN, FUTEX_OP_WAKE, 2, 1);
	runs(story, 1010, WORKER);
	futex_call(story, 1020, WORKER, FUTEX_OP_WAIT, 930, 0);
	on_cpu(1);
	blocks(story->scene, 1100, WORKER, WAIT_SLEEP, NR_NAP, 0, IDLE);
	interrupt_wakes(story->scene, 1400, WAKER_HARDIRQ, IDLE, WORKER);
	runs(story, 1400, WORKER);
	syscall_ends(story->scene, 1410, WORKER, NR_NAP, 320, 0);
	woken_by(story, 1500, WORKER, OTHER);
	futex_call(story, 1502, WORKER, FUTEX_OP_WAKE, 2, 1);
	runs(story, 1510, OTHER);
	futex_call(story, 1520, OTHER, FUTEX_OP_WAIT, 1420, 0);
	story_ends(story, 2000);

	assert_int_equal(story->locks.rows[0].ns.total, 900 + 1390);
	assert_int_equal(holder_of(story, MAIN)->ns, 900 + 890);
	assert_int_equal(holder_of(story, MAIN)->waits, 2);
	assert_int_equal(story->locks.rows[0].free_ns, 20);
	assert_int_equal(holder_of(story, WORKER)->ns, 480);
	assert_int_equal(doing_ns(story, WORKER, STATE_BLOCKED), 300);
	assert_int_equal(story->locks.rows[0].threads, 3);
}

static void who_waits_again_did_not_get_it(void **state)
{
	CLEANUP(story_free) struct story *story = begins();

	/* MAIN releases, takes it again before WORKER runs, and releases it at last. */
	three_threads(story);
	mutex_blocks(story, 100, WORKER, 0);
	mutex_blocks(story, 110, OTHER, 0);
	woken_by(story, 1000, MAIN, WORKER);
	futex_call(story, 1001, MAIN, FUTEX_OP_WAKE, 1, 1);
	runs(story, 1100, WORKER);
	futex_call(story, 1110, WORKER, FUTEX_OP_WAIT, 1020, 0);
	mutex_blocks(story, 1120, WORKER, 0);
	woken_by(story, 3000, MAIN, OTHER);
	futex_call(story, 3001, MAIN, FUTEX_OP_WAKE, 1, 1);
	runs(story, 3010, OTHER);
	futex_call(story, 3020, OTHER, FUTEX_OP_WAIT, 2920, 0);
	woken_by(story, 3500, OTHER, WORKER);
	runs(story, 3510, WORKER);
	futex_call(story, 3520, WORKER, FUTEX_OP_WAIT, 2405, 0);
	story_ends(story, 4000);
	/* All but the 10 ns in which it was on its way */
	assert_int_equal(holder_of(story, WORKER)->ns, 10);
	assert_int_equal(holder_of(story, MAIN)->ns, 900 + 890 + 1880 + 1880);
}

static void who_released_a_mutex_held_it_until_then(void **state)
{
	CLEANUP(story_free) struct story *story = begins();

	/* Nothing was told of the owner: the wait was too short for a stack. */
	three_threads(story);
	mutex_blocks(story, 100, WORKER, 0);
	woken_by(story, 300, MAIN, WORKER);
	runs(story, 310, WORKER);
	futex_call(story, 320, WORKER, FUTEX_OP_WAIT, 230, 0);
	story_ends(story, 2000);
	assert_int_equal(holder_of(story, MAIN)->ns, 200);
	assert_false(story->locks.rows[0].keeps_owner);
}

static void without_an_owner_the_waker_is_named_as_such(void **state)
{
	CLEANUP(story_free) struct story *story = begins();

	three_threads(story);
	futex_blocks(story, 100, WORKER, FUTEX_OP_WAIT_BITSET, 0, IDLE);
	woken_by(story, 300, OTHER, WORKER);
	runs(story, 310, WORKER);
	futex_call(story, 320, WORKER, FUTEX_OP_WAIT_BITSET, 230, 0);
	story_ends(story, 2000);
	assert_int_equal(story->locks.rows[0].kind, LOCK_OTHER);
	assert_int_equal(holder_of(story, OTHER)->part, LOCK_RELEASED);
	assert_int_equal(doing_ns(story, OTHER, STATE_RUNNING), 200);
}

static void timeouts_and_signals_count_apart_and_release_nothing(void **state)
{
	const s64 results[] = { -ETIMEDOUT, -EINTR, -512, -516 };
	CLEANUP(story_free) struct story *story = begins();

	three_threads(story);
	for (u64 i = 0; i < ARRAY_SIZE(results); i++) {
		mutex_blocks(story, 1000 * i + 100, WORKER, MAIN);
		if (i)
			woken_by(story, 1000 * i + 300, OTHER, WORKER);
		else
			interrupt_wakes(story->scene, 300, WAKER_HARDIRQ, IDLE, WORKER);
		runs(story, 1000 * i + 310, WORKER);
		futex_call(story, 1000 * i + 320, WORKER, FUTEX_OP_WAIT, 230, results[i]);
	}
	story_ends(story, 5000);
	assert_int_equal(story->locks.rows[0].timeouts, 1);
	assert_int_equal(story->locks.rows[0].timeout_ns, 200);
	assert_int_equal(story->locks.rows[0].interrupts, 3);
	assert_int_equal(story->locks.rows[0].interrupt_ns, 600);
	assert_int_equal(holder_of(story, MAIN)->ns, 800);
	assert_null(holder_of(story, OTHER));
}

static void a_mutex_with_a_timeout_has_its_owner_too(void **state)
{
	CLEANUP(story_free) struct story *story = begins();

	three_threads(story);
	sees(story, 100, WORKER, (struct lock_seen){ .word = 2, .owner = MAIN, .users = 1 });
	futex_blocks(story, 100, WORKER, FUTEX_OP_WAIT_BITSET, 2, IDLE);
	interrupt_wakes(story->scene, 300, WAKER_HARDIRQ, IDLE, WORKER);
	runs(story, 310, WORKER);
	futex_call(story, 320, WORKER, FUTEX_OP_WAIT_BITSET, 230, -ETIMEDOUT);
	story_ends(story, 5000);
	assert_int_equal(story->locks.rows[0].kind, LOCK_MUTEX);
	assert_int_equal(holder_of(story, MAIN)->ns, 200);
}

static void a_thread_that_waits_again_was_woken_for_nothing(void **state)
{
	CLEANUP(story_free) struct story *story = begins();

	three_threads(story);
	/* In the same call */
	mutex_blocks(story, 100, WORKER, MAIN);
	woken_by(story, 200, MAIN, WORKER);
	runs(story, 210, WORKER);
	mutex_blocks(story, 220, WORKER, MAIN);
	woken_by(story, 300, MAIN, WORKER);
	runs(story, 310, WORKER);
	futex_call(story, 320, WORKER, FUTEX_OP_WAIT, 230, 0);
	/* In another one right behind: OTHER was faster */
	mutex_blocks(story, 340, WORKER, OTHER);
	woken_by(story, 440, OTHER, WORKER);
	runs(story, 450, WORKER);
	futex_call(story, 460, WORKER, FUTEX_OP_WAIT, 130, 0);
	/* Much later */
	mutex_blocks(story, 1000000, WORKER, MAIN);
	woken_by(story, 1000100, MAIN, WORKER);
	runs(story, 1000110, WORKER);
	futex_call(story, 1000120, WORKER, FUTEX_OP_WAIT, 130, 0);
	story_ends(story, 2000000);
	assert_int_equal(story->locks.rows[0].ns.count, 4);
	assert_int_equal(story->locks.rows[0].spurious, 1);
	assert_int_equal(story->locks.rows[0].spurious_ns, 100);
	assert_int_equal(story->locks.rows[0].again, 1);
	assert_int_equal(story->locks.rows[0].again_ns, 80);
	assert_int_equal(holder_of(story, OTHER)->ns, 100);
}

static void what_the_holder_does_may_be_told_after_the_wait(void **state)
{
	CLEANUP(story_free) struct story *story = begins();

	/* It sleeps all the time, and longer; the waiter gives up. */
	three_threads(story);
	on_cpu(0);
	blocks(story->scene, 50, MAIN, WAIT_SLEEP, NR_NAP, 0, IDLE);
	mutex_blocks(story, 100, WORKER, MAIN);
	interrupt_wakes(story->scene, 600, WAKER_HARDIRQ, IDLE, WORKER);
	runs(story, 610, WORKER);
	futex_call(story, 620, WORKER, FUTEX_OP_WAIT, 530, -ETIMEDOUT);
	interrupt_wakes(story->scene, 5000, WAKER_HARDIRQ, IDLE, MAIN);
	runs(story, 5000, MAIN);
	story_ends(story, 6000);
	assert_int_equal(doing_ns(story, MAIN, STATE_BLOCKED), 500);
	assert_int_equal(holder_of(story, MAIN)->ns, 500);
}

static void what_is_forgotten_is_not_known(void **state)
{
	CLEANUP(story_free) struct story *story = begins_with(NULL, 3);

	three_threads(story);
	mutex_blocks(story, 100, WORKER, MAIN);
	for (u64 t = 1000; t < 21000; t += 1000) {
		on_cpu(0);
		blocks(story->scene, t, MAIN, WAIT_SLEEP, NR_NAP, 0, IDLE);
		interrupt_wakes(story->scene, t + 500, WAKER_HARDIRQ, IDLE, MAIN);
		runs(story, t + 500, MAIN);
	}
	woken_by(story, 21000, MAIN, WORKER);
	runs(story, 21000, WORKER);
	futex_call(story, 21010, WORKER, FUTEX_OP_WAIT, 20920, 0);
	story_ends(story, 30000);
	assert_int_equal(holder_of(story, MAIN)->ns, 20900);
	assert_true(doing_ns(story, MAIN, STATE_UNKNOWN) > 10000);
	assert_true(doing_ns(story, MAIN, STATE_BLOCKED) >= 1000);
}

static void a_pi_mutex_names_its_owner_in_its_own_pid_namespace(void **state)
{
	CLEANUP(story_free) struct story *story = begins();
	const struct event_thread inside = {
		.tid = OTHER, .tgid = MAIN, .ns_tid = 3, .state = LEAVE_RUNNING, .comm = "inside"
	};
	const struct trace_event e = {
		.time_ns = 2, .kind = EVENT_THREAD, .cpu = 2, .thread = &inside
	};

	three_threads(story);
	tells(story->scene, &e);
	sees(story, 100, WORKER, (struct lock_seen){ .word = 0x80000003 });
	futex_blocks(story, 100, WORKER, FUTEX_OP_LOCK_PI, 0, IDLE);
	woken_by(story, 300, OTHER, WORKER);
	futex_call(story, 301, OTHER, FUTEX_OP_UNLOCK_PI, 3, 0);
	runs(story, 310, WORKER);
	futex_call(story, 320, WORKER, FUTEX_OP_LOCK_PI, 230, 0);
	story_ends(story, 2000);
	assert_int_equal(story->locks.rows[0].kind, LOCK_PI_MUTEX);
	assert_int_equal(holder_of(story, OTHER)->ns, 200);
	assert_int_equal(holder_of(story, OTHER)->part, LOCK_HELD);
}

static void a_robust_mutex_names_its_owner_in_the_word(void **state)
{
	CLEANUP(story_free) struct story *story = begins();

	three_threads(story);
	futex_blocks(story, 100, WORKER, FUTEX_OP_WAIT, 0x80000000u | OTHER, IDLE);
	woken_by(story, 300, OTHER, WORKER);
	runs(story, 310, WORKER);
	futex_call(story, 320, WORKER, FUTEX_OP_WAIT, 230, 0);
	story_ends(story, 2000);
	assert_true(story->locks.rows[0].keeps_owner);
	assert_int_equal(holder_of(story, OTHER)->ns, 200);
}

static void a_rwlock_held_for_writing_names_its_writer(void **state)
{
	CLEANUP(story_free) struct story *story = begins();

	three_threads(story);
	sees(story, 100, WORKER, (struct lock_seen){ .word = 3, .kind = OTHER });
	futex_blocks(story, 100, WORKER, FUTEX_OP_WAIT_BITSET, 3, IDLE);
	woken_by(story, 300, OTHER, WORKER);
	runs(story, 310, WORKER);
	futex_call(story, 320, WORKER, FUTEX_OP_WAIT_BITSET, 230, 0);
	story_ends(story, 2000);
	assert_int_equal(story->locks.rows[0].kind, LOCK_RWLOCK);
	assert_int_equal(holder_of(story, OTHER)->ns, 200);
}

static void a_thread_that_is_joined_is_told_as_such(void **state)
{
	CLEANUP(story_free) struct story *story = begins();

	three_threads(story);
	futex_blocks(story, 100, MAIN, FUTEX_OP_WAIT_BITSET, OTHER, IDLE);
	on_cpu(2);
	blocks(story->scene, 200, OTHER, WAIT_SLEEP, NR_NAP, 0, IDLE);
	interrupt_wakes(story->scene, 400, WAKER_HARDIRQ, IDLE, OTHER);
	runs(story, 400, OTHER);
	exits(story->scene, 490, OTHER);
	woken_by(story, 500, OTHER, MAIN);
	switches(story->scene, 510, OTHER, DEAD, IDLE);
	runs(story, 510, MAIN);
	futex_call(story, 520, MAIN, FUTEX_OP_WAIT_BITSET, 430, 0);
	story_ends(story, 2000);
	assert_int_equal(story->locks.rows[0].kind, LOCK_JOIN);
	assert_int_equal(holder_of(story, OTHER)->part, LOCK_JOINED);
	assert_int_equal(doing_ns(story, OTHER, STATE_BLOCKED), 200);
	assert_int_equal(doing_ns(story, OTHER, STATE_RUNNING), 200);
}

static void a_filter_chooses_the_waits_and_not_the_holders(void **state)
{
	const u32 tids[] = { WORKER };
	const struct filter filter = { .tids = tids, .tid_count = 1 };
	CLEANUP(story_free) struct story *story = begins_with(&filter, 0);

	three_threads(story);
	mutex_blocks(story, 100, WORKER, MAIN);
	mutex_blocks(story, 110, OTHER, MAIN);
	woken_by(story, 300, MAIN, OTHER);
	runs(story, 310, OTHER);
	futex_call(story, 320, OTHER, FUTEX_OP_WAIT, 230, 0);
	woken_by(story, 500, OTHER, WORKER);
	runs(story, 510, WORKER);
	futex_call(story, 520, WORKER, FUTEX_OP_WAIT, 430, 0);
	story_ends(story, 2000);
	assert_int_equal(story->locks.rows[0].ns.count, 1);
	assert_int_equal(holder_of(story, MAIN)->ns, 200);
	assert_int_equal(holder_of(story, OTHER)->ns, 180);
	assert_int_equal(story->scene->waits.rows[0].ns.count, 1);
}

static void the_holders_stack_is_that_of_its_longest_wait(void **state)
{
	CLEANUP(story_free) struct story *story = begins();

	three_threads(story);
	mutex_blocks(story, 100, WORKER, MAIN);
	sees(story, 200, MAIN, (struct lock_seen){ 0 });
	on_cpu(0);
	blocks(story->scene, 200, MAIN, WAIT_DISK, NR_FSYNC, 0, IDLE);
	interrupt_wakes(story->scene, 800, WAKER_HARDIRQ, IDLE, MAIN);
	runs(story, 800, MAIN);
	woken_by(story, 1100, MAIN, WORKER);
	runs(story, 1150, WORKER);
	futex_call(story, 1160, WORKER, FUTEX_OP_WAIT, 1070, 0);
	story_ends(story, 2000);
	assert_int_equal(holder_of(story, MAIN)->blocked.user, 7);
	assert_int_equal(holder_of(story, MAIN)->blocked.weight, 600);
	assert_int_equal(story->locks.rows[0].longest_stack.user, 7);
}

static void words_of_one_lock_become_one_row(void **state)
{
	CLEANUP(story_free) struct story *story = begins();
	const u32 to[] = { 0, 0 };

	three_threads(story);
	mutex_blocks(story, 100, WORKER, MAIN);
	woken_by(story, 300, MAIN, WORKER);
	runs(story, 310, WORKER);
	futex_call(story, 320, WORKER, FUTEX_OP_WAIT, 230, 0);
	on_cpu(2);
	switches(story->scene, 400, OTHER, ASLEEP, IDLE); /* another address */
	woken_by(story, 600, MAIN, OTHER);
	runs(story, 610, OTHER);
	ends(story->scene, 2000);
	assert_int_equal(locks_finish(&story->locks), 0);
	assert_int_equal(history_finish(&story->history), 0);
	assert_int_equal(story->locks.count, 2);
	assert_int_equal(locks_join(&story->locks, to), 0);
	assert_int_equal(locks_sort(&story->locks), 0);
	assert_adds_up(story);
	assert_int_equal(story->locks.count, 1);
	assert_int_equal(story->locks.rows[0].ns.total, 400);
	assert_int_equal(story->locks.rows[0].threads, 3);
	assert_int_equal(story->locks.rows[0].waiters, 2);
}

/* Whatever is told, in whatever order, all time is accounted for. */
static void whatever_happens_it_adds_up(void **state)
{
	for (unsigned int seed = 1; seed <= 200; seed++) {
		CLEANUP(story_free) struct story *story = begins_with(NULL, seed % 7 ? 0 : 4);
		u64 t = 10;

		srandom(seed);
		three_threads(story);
		for (int i = 0; i < 400; i++) {
			u32 tid = MAIN + (u32)random() % 3, peer = MAIN + (u32)random() % 3;
			u8 op = random() % 3 ? FUTEX_OP_WAIT : FUTEX_OP_LOCK_PI;
			s64 result = random() % 4 ? 0 : -ETIMEDOUT;

			t += 1 + (u64)random() % 50;
			switch (random() % 6) {
			case 0:
				if (story->seen_count < ARRAY_SIZE(story->seen))
					mutex_blocks(story, t, tid, peer);
				break;
			case 1: futex_blocks(story, t, tid, op, 2, IDLE); break;
			case 2: woken_by(story, t, peer, tid); break;
			case 3: runs(story, t, tid); break;
			case 4: futex_call(story, t, tid, op, t / 2, result); break;
			default: futex_call(story, t, tid, FUTEX_OP_WAKE, 5, 1);
			}
		}
		story_ends(story, t + 100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mutex_is_held_by_its_owner_who_syncs_a_file),
		cmocka_unit_test(a_lock_that_changes_hands_is_charged_to_each_of_them),
		cmocka_unit_test(who_waits_again_did_not_get_it),
		cmocka_unit_test(who_released_a_mutex_held_it_until_then),
		cmocka_unit_test(without_an_owner_the_waker_is_named_as_such),
		cmocka_unit_test(timeouts_and_signals_count_apart_and_release_nothing),
		cmocka_unit_test(a_mutex_with_a_timeout_has_its_owner_too),
		cmocka_unit_test(a_thread_that_waits_again_was_woken_for_nothing),
		cmocka_unit_test(what_the_holder_does_may_be_told_after_the_wait),
		cmocka_unit_test(what_is_forgotten_is_not_known),
		cmocka_unit_test(a_pi_mutex_names_its_owner_in_its_own_pid_namespace),
		cmocka_unit_test(a_robust_mutex_names_its_owner_in_the_word),
		cmocka_unit_test(a_rwlock_held_for_writing_names_its_writer),
		cmocka_unit_test(a_thread_that_is_joined_is_told_as_such),
		cmocka_unit_test(a_filter_chooses_the_waits_and_not_the_holders),
		cmocka_unit_test(the_holders_stack_is_that_of_its_longest_wait),
		cmocka_unit_test(words_of_one_lock_become_one_row),
		cmocka_unit_test(whatever_happens_it_adds_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
