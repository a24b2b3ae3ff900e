// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* trace_restate - a reader may begin with any chunk and knows the threads and objects it tells of */
#include "tests/unit/helpers_events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h> /* last: it has a macro named fail */

#define LIST CLEANUP(event_list_free) struct event_list

/* The restated thread; NULL: none. */
static const struct event_thread *restated(const struct event_list *list, u32 tid)
{
	const struct event_thread *found = NULL;

	for (size_t i = 0; i < list->count; i++)
		if (list->events[i].kind == EVENT_THREAD &&
		    trace_event_is_restated(&list->events[i]) &&
		    list->events[i].thread->tid == tid) {
			assert_null(found);
			found = list->events[i].thread;
		}
	return found;
}

/* Something that happens in second @n, so that there is such a chunk */
static void tick(struct event_list *list, u64 n)
{
	list_syscall(list, BEGIN_NS + n * SECOND + SECOND / 2, 7, 9999, 0);
}

static void a_blocked_thread_is_restated_with_its_wait(void **state)
{
	LIST in = { 0 }, out = { 0 };
	const struct event_thread *th;
	struct trace_event *e;

	list_thread(&in, BEGIN_NS + 1, 100, "server");
	list_switch(&in, BEGIN_NS + 2, 3, 0, LEAVE_PREEMPTED, 100);
	e = list_switch(&in, BEGIN_NS + 5000, 3, 100, LEAVE_SLEEPING, 0);
	e->sw.wait_kind = WAIT_SYNC;
	e->sw.syscall = 202;
	e->sw.object = 2;
	e->sw.address = 0x7fff1000;
	e->sw.futex_op = FUTEX_OP_WAIT_BITSET;
	tick(&in, 1);
	read_from_chunk(&out, &in, 1);
	th = restated(&out, 100);
	assert_non_null(th);
	assert_string_equal(th->comm, "server");
	assert_int_equal(th->tgid, 100);
	assert_int_equal(th->state, LEAVE_SLEEPING);
	assert_int_equal(th->wait_kind, WAIT_SYNC);
	assert_int_equal(th->syscall, 202);
	assert_int_equal(th->object, 2);
	assert_int_equal(th->address, 0x7fff1000);
	assert_int_equal(th->futex_op, FUTEX_OP_WAIT_BITSET);
	assert_int_equal(th->since_ns, BEGIN_NS + 5000);
	assert_int_equal(out.events[0].time_ns, BEGIN_NS + SECOND);
	assert_int_equal(out.events[0].cpu, 3);
}

static void what_happens_in_a_chunk_does_not_change_what_it_restates(void **state)
{
	LIST in = { 0 }, out = { 0 };

	list_thread(&in, BEGIN_NS + 1, 100, "before");
	list_name(&in, BEGIN_NS + SECOND + 1, 100, "after");
	list_switch(&in, BEGIN_NS + SECOND + 2, 0, 0, LEAVE_PREEMPTED, 100);
	tick(&in, 2);
	read_from_chunk(&out, &in, 1);
	/* Both chunks restate it: the first one is the one of interest. */
	assert_string_equal(out.events[0].thread->comm, "before");
	assert_int_equal(out.events[0].thread->state, LEAVE_SLEEPING);
	event_list_free(&out);
	out = (struct event_list){ 0 };
	read_from_chunk(&out, &in, 2);
	assert_string_equal(restated(&out, 100)->comm, "after");
	assert_int_equal(restated(&out, 100)->state, LEAVE_RUNNING);
}

static void a_woken_thread_is_restated_as_runnable(void **state)
{
	LIST in = { 0 }, out = { 0 };

	list_thread(&in, BEGIN_NS + 1, 100, "server");
	list_waking(&in, BEGIN_NS + 2, 0, 100, 200);
	tick(&in, 1);
	read_from_chunk(&out, &in, 1);
	assert_int_equal(restated(&out, 100)->state, LEAVE_PREEMPTED);
	assert_int_equal(restated(&out, 100)->since_ns, BEGIN_NS + 2);
}

static void a_state_from_a_cpu_that_is_read_later_does_not_undo_a_newer_one(void **state)
{
	LIST in = { 0 }, out = { 0 };

	list_thread(&in, BEGIN_NS + 1, 100, "server");
	/* CPU 0 is read first: the newer switch is seen before the older one. */
	list_switch(&in, BEGIN_NS + 500, 1, 100, LEAVE_SLEEPING, 0);
	list_switch(&in, BEGIN_NS + 900, 0, 0, LEAVE_PREEMPTED, 100);
	tick(&in, 1);
	read_from_chunk(&out, &in, 1);
	assert_int_equal(restated(&out, 100)->state, LEAVE_RUNNING);
	assert_int_equal(restated(&out, 100)->since_ns, BEGIN_NS + 900);
}

static void a_thread_that_ended_is_not_restated(void **state)
{
	LIST in = { 0 }, out = { 0 };

	list_thread(&in, BEGIN_NS + 1, 100, "server");
	list_switch(&in, BEGIN_NS + 2, 0, 0, LEAVE_PREEMPTED, 100);
	list_exit(&in, BEGIN_NS + 3, 0, 100);
	list_switch(&in, BEGIN_NS + 4, 0, 100, LEAVE_DEAD, 0);
	tick(&in, 1);
	tick(&in, 2);
	read_from_chunk(&out, &in, 1);
	assert_null(restated(&out, 100));
}

static void a_thread_whose_last_switch_was_lost_leaves_after_its_exit(void **state)
{
	LIST in = { 0 }, out = { 0 };

	list_thread(&in, BEGIN_NS + 1, 100, "server");
	list_exit(&in, BEGIN_NS + 3, 0, 100);
	for (u64 n = 1; n < 4; n++)
		tick(&in, n);
	read_from_chunk(&out, &in, 2);
	assert_null(restated(&out, 100));
}

static void a_number_that_is_used_again_belongs_to_the_new_thread(void **state)
{
	LIST in = { 0 }, out = { 0 };

	list_thread(&in, BEGIN_NS + 1, 100, "old");
	list_switch(&in, BEGIN_NS + 2, 1, 0, LEAVE_PREEMPTED, 100);
	/* CPU 0 is read first: the new thread is seen before the old one's end. */
	list_fork(&in, BEGIN_NS + SECOND + 800, 0, 50, 100, "new");
	list_switch(&in, BEGIN_NS + SECOND + 900, 0, 0, LEAVE_PREEMPTED, 100);
	list_exit(&in, BEGIN_NS + SECOND + 3, 1, 100);
	list_switch(&in, BEGIN_NS + SECOND + 4, 1, 100, LEAVE_DEAD, 0);
	tick(&in, 2);
	tick(&in, 3);
	read_from_chunk(&out, &in, 3);
	assert_non_null(restated(&out, 100));
	assert_string_equal(restated(&out, 100)->comm, "new");
	assert_int_equal(restated(&out, 100)->tgid, 50);
	assert_int_equal(restated(&out, 100)->state, LEAVE_RUNNING);
	event_list_free(&out);
	out = (struct event_list){ 0 };
	read_from_chunk(&out, &in, 1);
	assert_string_equal(out.events[0].thread->comm, "old");
}

static void after_exec_the_process_goes_on_under_its_own_number(void **state)
{
	LIST in = { 0 }, out = { 0 };

	list_thread(&in, BEGIN_NS + 1, 100, "leader");
	list_thread(&in, BEGIN_NS + 2, 105, "caller");
	list_switch(&in, BEGIN_NS + 3, 0, 0, LEAVE_PREEMPTED, 105);
	list_exec(&in, BEGIN_NS + 10, 0, 105, 100);
	list_switch(&in, BEGIN_NS + 20, 0, 100, LEAVE_DISK, 0);
	tick(&in, 1);
	read_from_chunk(&out, &in, 1);
	assert_null(restated(&out, 105));
	assert_non_null(restated(&out, 100));
	assert_string_equal(restated(&out, 100)->comm, "caller");
	assert_int_equal(restated(&out, 100)->state, LEAVE_DISK);
}

static void an_exec_from_a_cpu_that_is_read_later_still_moves_the_thread(void **state)
{
	LIST in = { 0 }, out = { 0 };

	list_thread(&in, BEGIN_NS + 1, 100, "leader");
	list_thread(&in, BEGIN_NS + 1, 105, "worker");
	list_switch(&in, BEGIN_NS + 2, 2, 0, LEAVE_PREEMPTED, 105);
	list_exit(&in, BEGIN_NS + 5, 0, 100);
	list_switch(&in, BEGIN_NS + 6, 0, 100, LEAVE_DEAD, 0);
	list_switch(&in, BEGIN_NS + 20, 0, 0, LEAVE_PREEMPTED, 100);
	list_exec(&in, BEGIN_NS + 10, 2, 105, 100);
	list_switch(&in, BEGIN_NS + 12, 2, 100, LEAVE_PREEMPTED, 0);
	tick(&in, 1);
	read_from_chunk(&out, &in, 1);
	assert_null(restated(&out, 105));
	assert_non_null(restated(&out, 100));
	assert_int_equal(restated(&out, 100)->state, LEAVE_RUNNING);
	assert_string_equal(restated(&out, 100)->comm, "worker");
}

static void a_foreign_thread_is_named_only_where_it_occurs(void **state)
{
	LIST in = { 0 }, out = { 0 };

	list_name(&in, BEGIN_NS + 1, 7, "kworker/0:1")->name.flags = THREAD_FOREIGN | THREAD_KERNEL;
	list_thread(&in, BEGIN_NS + 2, 100, "server");
	tick(&in, 1);
	list_waking(&in, BEGIN_NS + 2 * SECOND + 1, 0, 100, 7);
	read_from_chunk(&out, &in, 2);
	assert_int_equal(count_restated(&out, EVENT_NAME), 1);
	for (size_t i = 0; i < out.count; i++)
		if (out.events[i].kind == EVENT_NAME)
			assert_string_equal(out.events[i].name.comm, "kworker/0:1");
	event_list_free(&out);
	out = (struct event_list){ 0 };
	in.count--; /* without the wake-up there is no reason to */
	tick(&in, 2);
	read_from_chunk(&out, &in, 1);
	assert_int_equal(count_restated(&out, EVENT_NAME), 0);
}

static void a_thread_that_was_never_announced_occurs_without_a_name(void **state)
{
	LIST in = { 0 }, out = { 0 };

	list_switch(&in, BEGIN_NS + 1, 0, 0, LEAVE_PREEMPTED, 300);
	list_switch(&in, BEGIN_NS + SECOND + 1, 0, 300, LEAVE_SLEEPING, 0);
	read_from_chunk(&out, &in, 1);
	assert_int_equal(out.count, 1);
	assert_int_equal(out.events[0].sw.prev_tid, 300);
}

static void objects_are_restated_where_they_are_used(void **state)
{
	LIST in = { 0 }, out = { 0 };

	list_thread(&in, BEGIN_NS + 1, 100, "server");
	list_object(&in, BEGIN_NS + 2, 5, 80);
	list_object(&in, BEGIN_NS + 3, 6, 81);
	list_object(&in, BEGIN_NS + 4, 7, 82);
	list_switch(&in, BEGIN_NS + 5, 0, 100, LEAVE_SLEEPING, 0)->sw.object = 5;
	list_switch(&in, BEGIN_NS + SECOND + 1, 0, 100, LEAVE_SLEEPING, 0)->sw.object = 6;
	tick(&in, 2);
	read_from_chunk(&out, &in, 1);
	/* In chunk 1: 5 by the thread's state, 6 by the event. In chunk 2: 6 by the state. */
	assert_int_equal(count_restated(&out, EVENT_OBJECT), 3);
	for (size_t i = 0; i < out.count; i++)
		if (out.events[i].kind == EVENT_OBJECT)
			assert_int_equal(out.events[i].object->local_port,
					 75 + out.events[i].object->id);
}

static void what_the_kernel_says_of_a_futex_is_no_object(void **state)
{
	LIST in = { 0 }, out = { 0 };
	struct trace_event *e;

	list_object(&in, BEGIN_NS + 2, 2, 80);
	e = list_switch(&in, BEGIN_NS + SECOND + 1, 0, 100, LEAVE_SLEEPING, 0);
	e->sw.object = 2;
	e->sw.address = 0x1000;
	read_from_chunk(&out, &in, 1);
	assert_int_equal(count_restated(&out, EVENT_OBJECT), 0);
}

static void two_thousand_idle_threads_cost_little(void **state)
{
	CLEANUP(chunk_encoder_free) struct chunk_encoder *encoder = NULL;
	LIST in = { 0 };
	struct random r = { 3 };
	struct err err = { 0 };
	struct chunk chunk;

	for (u32 i = 0; i < 2000; i++)
		list_thread(&in, BEGIN_NS + i * 10 + random_below(&r, 10), 400000 + i,
			    "pool-worker");
	assert_int_equal(chunk_encoder_new(&encoder, 8, BEGIN_NS, &err), 0);
	encode_range(encoder, &in, 0, in.count);
	assert_int_equal(chunk_finish(encoder, BEGIN_NS + SECOND, &chunk, &err), 0);
	assert_int_equal(chunk_finish(encoder, BEGIN_NS + 2 * SECOND, &chunk, &err), 0);
	assert_true(chunk.bytes < 2000 * 6);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_directory, leave_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_blocked_thread_is_restated_with_its_wait),
		TEST(what_happens_in_a_chunk_does_not_change_what_it_restates),
		TEST(a_woken_thread_is_restated_as_runnable),
		TEST(a_state_from_a_cpu_that_is_read_later_does_not_undo_a_newer_one),
		TEST(a_thread_that_ended_is_not_restated),
		TEST(a_thread_whose_last_switch_was_lost_leaves_after_its_exit),
		TEST(a_number_that_is_used_again_belongs_to_the_new_thread),
		TEST(after_exec_the_process_goes_on_under_its_own_number),
		TEST(an_exec_from_a_cpu_that_is_read_later_still_moves_the_thread),
		TEST(a_foreign_thread_is_named_only_where_it_occurs),
		TEST(a_thread_that_was_never_announced_occurs_without_a_name),
		TEST(objects_are_restated_where_they_are_used),
		TEST(what_the_kernel_says_of_a_futex_is_no_object),
		TEST(two_thousand_idle_threads_cost_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
