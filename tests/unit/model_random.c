// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* model_random - whatever the events say, the sums hold, and the tables agree with the intervals */
#include "tests/unit/helpers_model.h"

#include <stdio.h>
#include <string.h>

#define STREAMS 400
#define EVENTS  600
#define TIDS    12

static u64 seed;

static u32 below(u32 limit)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (u32)(seed >> 20) % limit;
}

static u32 some_tid(void)
{
	return below(TIDS) ? MAIN + below(TIDS) : IDLE;
}

/* Nonsense of every kind: any event about any thread, in any state, with losses in between */
static void nonsense(struct scene *s, u64 t)
{
	u32 tid = some_tid(), other = some_tid();

	on_cpu((u16)below(3));
	switch (below(24)) {
	case 0: exists(s, t, tid, (enum leave_state)below(LEAVE_STATE_COUNT + 1)); break;
	case 1: restates(s, t, tid, (enum leave_state)below(LEAVE_STATE_COUNT)); break;
	case 2: forks(s, t, tid); break;
	case 3: exits(s, t, tid); break;
	case 4: execs(s, t, tid, other); break;
	case 5: named(s, t, tid, below(2) ? "a" : "b"); break;
	case 6: loses(s, t, t - below(50), t + below(50)); break;
	case 7:
		if (!below(5))
			unreadable(s, t, t - below(100), t);
		break;
	case 8: syscall_ends(s, t, tid, 1, below(500), (s64)below(9) - 4); break;
	case 9: futex_ends(s, t, tid, below(500)); break;
	case 10: stranger(s, t, tid, "stranger"); break;
	case 11:
	case 12:
	case 13: wakes(s, t, other, tid); break;
	case 14:
		blocks(s, t, tid, (enum wait_kind)below(12), (u16)below(3), below(3), other);
		break;
	case 15: stack_is(s, t, below(9), 0x1000 + below(3), below(5)); break;
	case 16: sampled(s, t, tid, below(9)); break;
	case 17:
	case 18:
	case 19:
		stack_at(s, t, (enum stack_moment)below(STACK_MOMENT_COUNT + 1), tid, below(5),
			 below(2) ? t - below(500) : 0);
		break;
	default: switches(s, t, tid, (enum leave_state)below(LEAVE_STATE_COUNT + 1), other);
	}
}

static void assert_waits_agree(const struct scene *s)
{
	u64 ns = 0, count = 0, table_ns = 0, table_count = 0;

	for (size_t i = 0; i < s->interval_count; i++) {
		if (s->intervals[i].state != STATE_BLOCKED)
			continue;
		ns += s->intervals[i].end_ns - s->intervals[i].begin_ns;
		count++;
	}
	for (u32 i = 0; i < s->waits.count; i++) {
		table_ns += s->waits.rows[i].ns.total;
		table_count += s->waits.rows[i].ns.count;
	}
	assert_int_equal(table_ns, ns);
	assert_int_equal(table_count, count);
	count = 0;
	for (u32 i = 0; i < s->waits.waker_count; i++)
		count += s->waits.wakers[i].count;
	for (u32 i = 0; i < s->waits.count; i++)
		count += s->waits.rows[i].unfinished;
	assert_int_equal(count, table_count);
}

static void assert_sched_agrees(const struct scene *s)
{
	u64 waited_ns = 0, ran_ns = 0, by_why = 0, rivals_ns = 0;

	for (size_t i = 0; i < s->interval_count; i++) {
		u64 ns = s->intervals[i].end_ns - s->intervals[i].begin_ns;

		if (s->intervals[i].state == STATE_RUNNABLE)
			waited_ns += ns;
		if (s->intervals[i].state == STATE_RUNNING)
			ran_ns += ns;
	}
	for (int why = 0; why < WHY_COUNT; why++)
		by_why += s->sched.by_why[why].total;
	for (u32 i = 0; i < s->sched.rival_count; i++)
		rivals_ns += s->sched.rivals[i].ns;
	assert_int_equal(s->sched.latency.total, waited_ns);
	assert_int_equal(by_why, waited_ns);
	assert_int_equal(rivals_ns, waited_ns);
	assert_int_equal(s->sched.run_ns, ran_ns);
}

static void assert_calls_agree(const struct scene *s)
{
	u64 count = 0;

	for (u32 i = 0; i < s->call_table.count; i++)
		count += s->call_table.rows[i].count;
	assert_int_equal(count, s->call_count);
	for (size_t i = 0; i < s->call_count; i++)
		assert_true(s->calls[i].blocked_ns <= s->calls[i].end_ns - s->calls[i].begin_ns);
}

static void assert_threads_agree(const struct scene *s, enum times_by by)
{
	struct times_row total = times_total(&s->times);
	struct times_row *rows;
	u64 observed_ns_ = 0, threads = 0;
	size_t count;

	assert_int_equal(times_rows(&rows, &count, &s->times, by), 0);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(rows[i].observed_ns, rows[i].execution.ns +
							      rows[i].scheduler_wait.ns +
							      times_waits(&rows[i]).ns);
		observed_ns_ += rows[i].observed_ns;
		threads += rows[i].threads;
	}
	assert_int_equal(observed_ns_, total.observed_ns);
	assert_true(threads <= total.threads);
	free(rows);
}

static void assert_all_agree(struct scene *s)
{
	assert_waits_agree(s);
	assert_sched_agrees(s);
	assert_calls_agree(s);
	for (int by = TIMES_BY_THREAD; by <= TIMES_BY_PROCESS; by++)
		assert_threads_agree(s, (enum times_by)by);
	assert_int_equal(waits_sort(&s->waits), 0);
	assert_waits_agree(s);
}

static void sums_hold_for_any_nonsense(void **state)
{
	for (u64 stream = 1; stream <= STREAMS; stream++) {
		CLEANUP(scene_free) struct scene *s = scene_new();
		u64 t = 1000;

		seed = stream * 0x9e3779b97f4a7c15ULL;
		for (int i = 0; i < EVENTS; i++) {
			t += below(30);
			nonsense(s, t);
		}
		ends(s, t + below(100));
		assert_sums_hold(s);
		assert_all_agree(s);
		assert_int_equal(s->begun >= s->ended, true);
	}
}

static void a_filter_shows_the_same_as_cutting_afterwards(void **state)
{
	for (u64 stream = 1; stream <= STREAMS / 8; stream++) {
		const struct filter filter = { .from_ns = 3000, .to_ns = 6000 };
		CLEANUP(scene_free) struct scene *all = scene_new();
		CLEANUP(scene_free) struct scene *cut = scene_filtered(&filter);
		struct scene *scenes[] = { all, cut };

		for (size_t i = 0; i < ARRAY_SIZE(scenes); i++) {
			u64 t = 1000;

			seed = stream * 0x9e3779b97f4a7c15ULL;
			for (int n = 0; n < EVENTS; n++) {
				t += below(30);
				nonsense(scenes[i], t);
			}
			ends(scenes[i], t);
		}
		assert_all_agree(cut);
		for (int state_ = 0; state_ < STATE_COUNT; state_++) {
			u64 cut_ns = 0, expected_ns = 0;

			for (size_t i = 0; i < cut->interval_count; i++)
				if (cut->intervals[i].state == state_)
					cut_ns += cut->intervals[i].end_ns -
						  cut->intervals[i].begin_ns;
			for (size_t i = 0; i < all->interval_count; i++) {
				u64 from = max(all->intervals[i].begin_ns, filter.from_ns);
				u64 to = min(all->intervals[i].end_ns, filter.to_ns);

				if (all->intervals[i].state == state_ && to > from)
					expected_ns += to - from;
			}
			assert_int_equal(cut_ns, expected_ns);
		}
	}
}

/* Two CPUs, honest kernel: the model knows exactly what the simulation did. */
static void a_consistent_stream_is_told_exactly(void **state)
{
	enum { READY, RUNS, SLEEPS };

	for (u64 stream = 1; stream <= STREAMS / 8; stream++) {
		CLEANUP(scene_free) struct scene *s = scene_new();
		int doing[TIDS];
		u64 sums[TIDS][3] = { 0 }, since[TIDS] = { 0 };
		u32 cpus[2] = { IDLE, IDLE };
		u64 t = 0;

		seed = stream * 0x9e3779b97f4a7c15ULL;
		for (u32 i = 0; i < TIDS; i++) {
			doing[i] = below(2) ? READY : SLEEPS;
			exists(s, 0, MAIN + i, doing[i] == READY ? PREEMPTED : ASLEEP);
		}
		for (int n = 0; n < EVENTS; n++) {
			u32 cpu = below(2), i = below(TIDS), next = IDLE, prev = cpus[cpu];
			bool sleeps = below(2);

			t += 1 + below(20);
			on_cpu((u16)cpu);
			if (below(2) && doing[i] == SLEEPS) {
				wakes(s, t, MAIN, MAIN + i);
				sums[i][SLEEPS] += t - since[i];
				doing[i] = READY;
				since[i] = t;
				continue;
			}
			if (doing[i] == READY) {
				next = MAIN + i;
				sums[i][READY] += t - since[i];
				doing[i] = RUNS;
				since[i] = t;
			}
			if (prev == IDLE && next == IDLE)
				continue;
			switches(s, t, prev, sleeps && prev ? ASLEEP : PREEMPTED, next);
			if (prev) {
				sums[prev - MAIN][RUNS] += t - since[prev - MAIN];
				doing[prev - MAIN] = sleeps ? SLEEPS : READY;
				since[prev - MAIN] = t;
			}
			cpus[cpu] = next;
		}
		for (u32 i = 0; i < TIDS; i++)
			sums[i][doing[i]] += t - since[i];
		ends(s, t);
		assert_int_equal(timeline_counts(s->timeline)->repaired, 0);
		assert_int_equal(timeline_counts(s->timeline)->missing_wakeups, 0);
		for (u32 i = 0; i < TIDS; i++) {
			assert_int_equal(time_ns(s, MAIN + i, STATE_RUNNING), sums[i][RUNS]);
			assert_int_equal(time_ns(s, MAIN + i, STATE_RUNNABLE), sums[i][READY]);
			assert_int_equal(time_ns(s, MAIN + i, STATE_BLOCKED), sums[i][SLEEPS]);
			assert_int_equal(observed_ns(s, MAIN + i), t);
		}
		assert_sums_hold(s);
		assert_all_agree(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_hold_for_any_nonsense),
		cmocka_unit_test(a_filter_shows_the_same_as_cutting_afterwards),
		cmocka_unit_test(a_consistent_stream_is_told_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
