// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* trace_round_trip - what is put into a trace comes out of it */
#include "tests/unit/helpers_events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "user/trace/fields.h"

#include <cmocka.h> /* last: it has a macro named fail */

#define LIST     CLEANUP(event_list_free) struct event_list
#define BEGIN_NS (1000 * NSEC_PER_SEC)

static void assert_same_list(const struct event_list *a, const struct event_list *b)
{
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++)
		assert_true(same_event(&a->events[i], &b->events[i]));
}

static void every_kind_comes_back_with_its_fields(void **state)
{
	struct random r = { 1 };
	LIST in = { 0 }, out = { 0 };

	list_random(&in, &r, 3000, 4, BEGIN_NS);
	write_trace("a.trace", &in, 3000, BEGIN_NS);
	read_file(&out, "a.trace");
	assert_same_list(&in, &out);
}

static void random_streams_come_back_in_order_of_time(void **state)
{
	for (u64 seed = 2; seed < 12; seed++) {
		struct random r = { seed };
		LIST in = { 0 }, out = { 0 };

		list_random(&in, &r, 5000, (u16)(1 + random_below(&r, 60)), BEGIN_NS);
		write_trace("a.trace", &in, 1 + random_below(&r, 900), BEGIN_NS);
		read_file(&out, "a.trace");
		assert_same_list(&in, &out);
	}
}

static void events_that_are_late_in_their_ring_are_put_in_order(void **state)
{
	struct random r = { 77 };
	LIST in = { 0 }, mixed = { 0 }, out = { 0 };

	list_random(&in, &r, 4000, 3, BEGIN_NS);
	for (size_t i = 0; i < in.count; i++)
		list_copy(&mixed, &in.events[i]);
	for (size_t i = 0; i + 8 < mixed.count; i++) {
		size_t other = i + random_below(&r, 8);
		struct trace_event e = mixed.events[i];

		mixed.events[i] = mixed.events[other];
		mixed.events[other] = e;
	}
	write_trace("a.trace", &mixed, 4000, BEGIN_NS);
	read_file(&out, "a.trace");
	assert_same_list(&in, &out);
}

static void a_ring_in_reverse_order_is_sorted_too(void **state)
{
	struct random r = { 78 };
	LIST in = { 0 }, reversed = { 0 }, out = { 0 };

	list_random(&in, &r, 3000, 1, BEGIN_NS);
	for (size_t i = in.count; i--;)
		list_copy(&reversed, &in.events[i]);
	write_trace("a.trace", &reversed, 3000, BEGIN_NS);
	read_file(&out, "a.trace");
	assert_same_list(&in, &out);
}

static void time_does_not_go_back_from_chunk_to_chunk(void **state)
{
	LIST in = { 0 }, out = { 0 };

	list_switch(&in, BEGIN_NS + 100, 0, 10, LEAVE_SLEEPING, 0);
	list_switch(&in, BEGIN_NS + 900, 0, 0, LEAVE_PREEMPTED, 10);
	list_switch(&in, BEGIN_NS + 500, 1, 20, LEAVE_SLEEPING, 0); /* late: next chunk */
	list_switch(&in, BEGIN_NS - 500, 1, 0, LEAVE_SLEEPING, 20); /* before the begin */
	write_trace("a.trace", &in, 2, BEGIN_NS);
	read_file(&out, "a.trace"); /* asserts that time does not go back */
	assert_int_equal(out.count, 4);
	assert_int_equal(out.events[3].sw.prev_tid, 20);
	assert_int_equal(out.events[3].time_ns, BEGIN_NS + 900);
}

static void extreme_values_come_back(void **state)
{
	LIST in = { 0 }, out = { 0 };
	static const u64 args[6] = { ~0ULL, 0, 1, 1ULL << 63, 42, 0xffffffff };
	struct trace_event *e;

	e = list_switch(&in, BEGIN_NS + 1, 0, ~0U, 255, ~0U - 1);
	e->sw.wait_kind = 255;
	e->sw.syscall = 0xffff;
	e->sw.object = ~0U;
	e->sw.address = ~0ULL;
	e->sw.futex_op = ~0U;
	e = list_syscall(&in, BEGIN_NS + 2, 0, ~0U - 1, 0xffff);
	e->syscall.flags = 0xffff;
	e->syscall.duration_ns = ~0ULL;
	e->syscall.result = INT64_MIN;
	e->syscall.args = args;
	e = list_add(&in, BEGIN_NS + 3, 0, EVENT_FUTEX);
	e->futex = (struct trace_futex){ ~0U, 255, 255, ~0U, ~0ULL, INT64_MAX, ~0ULL, ~0ULL };
	e = list_waking(&in, BEGIN_NS + 4, 63, ~0U, ~0U);
	e = list_syscall(&in, ~0ULL - 1, 63, 0, 0);
	write_trace("a.trace", &in, 100, BEGIN_NS);
	read_file(&out, "a.trace");
	assert_same_list(&in, &out);
}

static void a_call_that_began_before_the_last_event_keeps_its_times(void **state)
{
	LIST in = { 0 }, out = { 0 };

	list_switch(&in, BEGIN_NS + 1000, 0, 0, LEAVE_PREEMPTED, 10);
	list_syscall(&in, BEGIN_NS + 2000, 0, 10, 1)->syscall.duration_ns = 1000;
	list_syscall(&in, BEGIN_NS + 3000, 0, 10, 1)->syscall.duration_ns = 1001;
	list_syscall(&in, BEGIN_NS + 4000, 0, 10, 1)->syscall.duration_ns = 999;
	list_syscall(&in, BEGIN_NS + 4000, 0, 10, 1)->syscall.duration_ns = 0;
	write_trace("a.trace", &in, 100, BEGIN_NS);
	read_file(&out, "a.trace");
	assert_same_list(&in, &out);
}

static void more_shapes_and_addresses_than_the_short_forms_hold_come_back(void **state)
{
	LIST in = { 0 }, out = { 0 };

	for (u32 i = 0; i < 20000; i++) {
		struct trace_event *e;

		list_syscall(&in, BEGIN_NS + i * 10, 0, 10, (u16)(i % 3000))->syscall.result =
			i % 7 * 1000;
		e = list_switch(&in, BEGIN_NS + i * 10 + 1, 0, 10, LEAVE_SLEEPING, 11);
		e->sw.address = 0x7f0000000000ULL + i * 64;
		e->sw.object = i;
	}
	write_trace("a.trace", &in, 40000, BEGIN_NS);
	read_file(&out, "a.trace");
	assert_same_list(&in, &out);
}

static void info_and_totals_come_back(void **state)
{
	CLEANUP(trace_reader_close) struct trace_reader *reader = NULL;
	const struct trace_totals *totals;
	const struct trace_info *info;
	struct event_list in = { 0 };
	struct err err = { 0 };
	char room[32];

	write_trace("a.trace", &in, 1, BEGIN_NS);
	assert_int_equal(trace_reader_open(&reader, "a.trace", &err), 0);
	info = trace_reader_info(reader);
	assert_string_equal(info->host, some_info.host);
	assert_string_equal(info->target, some_info.target);
	assert_string_equal(info->command_line, some_info.command_line);
	assert_string_equal(info->machine, some_info.machine);
	assert_int_equal(info->cpu_count, 4);
	assert_int_equal(info->memory_bytes, some_info.memory_bytes);
	assert_int_equal(info->class_mask, 0x1f);
	assert_true(info->follows_children);
	assert_int_equal(info->stack_min_ns, some_info.stack_min_ns);
	assert_int_equal(info->sample_period_ns, some_info.sample_period_ns);
	assert_memory_equal(&info->start, &some_info.start, sizeof(info->start));
	assert_string_equal(trace_syscall_name(info, 232, room), "epoll_wait");
	assert_string_equal(trace_syscall_name(info, 1, room), "write");
	assert_string_equal(trace_syscall_name(info, 462, room), "syscall_462");
	assert_string_equal(trace_syscall_name(info, SYSCALL_COMPAT, room),
			    "restart_syscall (32-bit)");
	totals = trace_reader_totals(reader);
	assert_non_null(totals);
	assert_memory_equal(totals, &some_totals, sizeof(*totals));
}

static void a_trace_without_events_is_whole(void **state)
{
	CLEANUP(trace_reader_close) struct trace_reader *reader = NULL;
	static const struct trace_damage none;
	const struct trace_event *event;
	struct event_list in = { 0 };
	struct err err = { 0 };

	write_trace("a.trace", &in, 1, BEGIN_NS);
	assert_int_equal(trace_reader_open(&reader, "a.trace", &err), 0);
	assert_int_equal(trace_reader_next(reader, &event, &err), 0);
	assert_memory_equal(trace_reader_damage(reader), &none, sizeof(none));
}

static void a_trace_is_read_from_standard_input(void **state)
{
	struct random r = { 5 };
	LIST in = { 0 }, out = { 0 };

	list_random(&in, &r, 300, 2, BEGIN_NS);
	write_trace("a.trace", &in, 100, BEGIN_NS);
	assert_non_null(freopen("a.trace", "r", stdin));
	read_file(&out, "-");
	assert_same_list(&in, &out);
}

static void a_new_field_at_the_end_is_left_alone_and_a_missing_one_is_zero(void **state)
{
	static const struct field fields[] = {
		UINT_FIELD(event_exit, tid),
		UINT_FIELD(event_exit, tgid),
		UINT_FIELD(event_exit, exit_code),
	};
	struct field_table longer = { fields, 3, sizeof(struct event_exit), false };
	struct field_table shorter = { fields, 2, sizeof(struct event_exit), false };
	struct event_exit in = { 1, 2, 3, 0 }, out;
	struct buffer b = { 0 };
	struct arena arena = { 0 };
	struct cursor c;

	fields_put(&b, &longer, &in, 1);
	c = (struct cursor){ b.data, b.data + b.size, false };
	assert_int_equal(fields_get(&c, &shorter, &out, 1, &arena), 0);
	assert_int_equal(out.tgid, 2);
	assert_int_equal(out.exit_code, 0);
	buffer_reset(&b);
	fields_put(&b, &shorter, &in, 1);
	c = (struct cursor){ b.data, b.data + b.size, false };
	assert_int_equal(fields_get(&c, &longer, &out, 1, &arena), 0);
	assert_int_equal(out.tgid, 2);
	assert_int_equal(out.exit_code, 0);
	buffer_free(&b);
}

static void numbers_of_a_later_tracer_have_a_name(void **state)
{
	assert_string_equal(event_kind_name(200), "unknown");
	assert_string_equal(futex_op_name(20), "unknown");
	assert_string_equal(wait_kind_name(WAIT_SYNC), "sync");
	assert_string_equal(object_type_name(OBJECT_SOCKET), "socket");
	assert_int_equal(trace_event_class(200), CLASS_COUNT);
	assert_int_equal(trace_event_class(EVENT_LOSS), CLASS_COUNT);
	assert_int_equal(trace_event_class(EVENT_NAME), CLASS_PROCESS);
}

static void an_event_of_no_kind_or_of_no_cpu_is_refused(void **state)
{
	CLEANUP(chunk_encoder_free) struct chunk_encoder *encoder = NULL;
	struct trace_event e = { .kind = EVENT_NONE };
	struct err err = { 0 };

	assert_int_equal(chunk_encoder_new(&encoder, 2, BEGIN_NS, &err), 0);
	assert_true(chunk_add(encoder, &e) < 0);
	e.kind = EVENT_KIND_COUNT;
	assert_true(chunk_add(encoder, &e) < 0);
	e.kind = EVENT_SWITCH;
	e.cpu = 2;
	assert_true(chunk_add(encoder, &e) < 0);
	assert_int_equal(chunk_events(encoder), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_directory, leave_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_kind_comes_back_with_its_fields),
		TEST(random_streams_come_back_in_order_of_time),
		TEST(events_that_are_late_in_their_ring_are_put_in_order),
		TEST(a_ring_in_reverse_order_is_sorted_too),
		TEST(time_does_not_go_back_from_chunk_to_chunk),
		TEST(extreme_values_come_back),
		TEST(a_call_that_began_before_the_last_event_keeps_its_times),
		TEST(more_shapes_and_addresses_than_the_short_forms_hold_come_back),
		TEST(info_and_totals_come_back),
		TEST(a_trace_without_events_is_whole),
		TEST(a_trace_is_read_from_standard_input),
		TEST(a_new_field_at_the_end_is_left_alone_and_a_missing_one_is_zero),
		TEST(numbers_of_a_later_tracer_have_a_name),
		TEST(an_event_of_no_kind_or_of_no_cpu_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
