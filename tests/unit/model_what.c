// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* model_what - objects of waits in groups that stay few */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/unit/helpers_model.h"

static void socket_is(struct scene *s, u32 id, u16 local_port, u16 remote_port)
{
	struct event_object object = {
		.id = id,
		.type = OBJECT_SOCKET,
		.family = AF_INET,
		.protocol = 6,
		.local_port = local_port,
		.remote_port = remote_port,
		.remote_address = { 10, 0, 0, 1 },
	};

	object_is(s, &object);
}

static void waits_for(struct scene *s, u64 t, u32 object)
{
	blocks(s, t, WORKER, WAIT_NETWORK, 0, object, IDLE);
	wakes(s, t + 10, MAIN, WORKER);
	switches(s, t + 20, IDLE, PREEMPTED, WORKER);
}

/* What the row of the wait that began at @t is called */
static void assert_called(struct scene *s, u64 t, const char *expected)
{
	char text[WHAT_TEXT_MAX];

	for (u32 i = 0; i < s->waits.count; i++) {
		const struct waits_row *row = &s->waits.rows[i];

		if (row->longest_begin_ns != t)
			continue;
		what_text(text, whats_get(&s->waits.whats, row->what));
		assert_string_equal(text, expected);
		return;
	}
	fail();
}

static void a_thousand_clients_are_one_row(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	exists(s, 0, WORKER, LEAVE_RUNNING);
	for (u32 i = 0; i < 1000; i++) {
		socket_is(s, i + 1, 6379, (u16)(40000 + i));
		waits_for(s, 100 + i * 30, i + 1);
	}
	assert_int_equal(s->waits.count, 1);
	assert_int_equal(s->waits.rows[0].ns.count, 1000);
	assert_called(s, 100, "tcp :6379 <- clients");
}

static void outgoing_connections_go_by_the_remote_side(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	exists(s, 0, WORKER, LEAVE_RUNNING);
	socket_is(s, 1, 40001, 5432);
	socket_is(s, 2, 40002, 5432);
	waits_for(s, 100, 1);
	waits_for(s, 200, 2);
	assert_int_equal(s->waits.count, 1);
	assert_called(s, 100, "tcp -> 10.0.0.1:5432");
}

static void a_port_that_was_listened_on_is_the_stable_one(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	exists(s, 0, WORKER, LEAVE_RUNNING);
	socket_is(s, 1, 50000, 0);
	socket_is(s, 2, 50000, 33333);
	waits_for(s, 100, 1);
	waits_for(s, 200, 2);
	assert_called(s, 100, "tcp :50000 listening");
	assert_called(s, 200, "tcp :50000 <- clients");
}

static void futex_words_are_rows_of_their_process(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	exists(s, 0, WORKER, LEAVE_RUNNING);
	switches(s, 100, WORKER, ASLEEP, IDLE);
	wakes(s, 110, MAIN, WORKER);
	switches(s, 120, IDLE, PREEMPTED, WORKER);
	assert_called(s, 100, "futex 0x1000");
	assert_int_equal(whats_get(&s->waits.whats, s->waits.rows[0].what)->process,
			 thread_of(s, WORKER)->process->id);
}

static void an_object_that_was_never_told_has_no_name(void **state)
{
	CLEANUP(scene_free) struct scene *s = scene_new();

	exists(s, 0, WORKER, LEAVE_RUNNING);
	waits_for(s, 100, 77);
	assert_called(s, 100, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thousand_clients_are_one_row),
		cmocka_unit_test(outgoing_connections_go_by_the_remote_side),
		cmocka_unit_test(a_port_that_was_listened_on_is_the_stable_one),
		cmocka_unit_test(futex_words_are_rows_of_their_process),
		cmocka_unit_test(an_object_that_was_never_told_has_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
