// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* record_window - what a window keeps and drops, and snapshots that are written from it */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "user/base/clock.h"
#include "user/record/snapshot.h"
#include "user/record/window.h"
#include "user/trace/reader.h"
#include "user/trace/writer.h"

#define PAGE     4096
#define BEGIN_NS (1000 * NSEC_PER_SEC)

/* Chunk @i of a second each, of @bytes that all are its number */
static void put(struct window *window, u8 i, size_t bytes)
{
	struct window_counts counts = { .recorded[CLASS_SCHED] = i };
	u8 *data = malloc(bytes);
	struct chunk chunk = { .data = data,
			       .bytes = bytes,
			       .begin_ns = BEGIN_NS + i * NSEC_PER_SEC,
			       .end_ns = BEGIN_NS + (i + 1) * NSEC_PER_SEC,
			       .events = i };

	memset(data, i, bytes);
	assert_int_equal(window_put(window, &chunk, &counts), 0);
	free(data);
}

static struct window *window_of(size_t bytes, u64 keep_ns)
{
	struct window *window;
	struct err err = { 0 };

	assert_int_equal(window_new(&window, bytes, keep_ns, &err), 0);
	return window;
}

static void holds(struct window *window, u8 from, u8 to)
{
	struct window_status status = window_status(window);

	assert_int_equal(status.from_ns, BEGIN_NS + from * NSEC_PER_SEC);
	assert_int_equal(status.to_ns, BEGIN_NS + (to + 1) * NSEC_PER_SEC);
	assert_int_equal(status.chunks, to - from + 1);
}

static void what_is_old_is_dropped(void **state)
{
	struct window *window = window_of(1 << 20, 3 * NSEC_PER_SEC);

	for (u8 i = 0; i < 10; i++)
		put(window, i, 100);
	/* Ends more than 3 s before the newest: chunk 5 ended at 6, the newest ends at 10. */
	holds(window, 6, 9);
	assert_int_equal(window_status(window).dropped, 6);
	window_free(window);
}

static void what_is_needed_stays_in_spite_of_its_age(void **state)
{
	struct window *window = window_of(1 << 20, NSEC_PER_SEC);

	put(window, 0, 100);
	put(window, 1, 100);
	window_need(window, BEGIN_NS + NSEC_PER_SEC);
	for (u8 i = 2; i < 10; i++)
		put(window, i, 100);
	holds(window, 1, 9);
	window_need(window, UINT64_MAX);
	put(window, 10, 100);
	holds(window, 9, 10);
	window_free(window);
}

static void bytes_are_a_hard_limit(void **state)
{
	struct window *window = window_of(10 * PAGE, UINT64_MAX / 2);

	for (u8 i = 0; i < 100; i++) {
		put(window, i, PAGE); /* takes two pages, with what is told of it */
		assert_true(window_status(window).bytes <= 10 * PAGE);
	}
	holds(window, 95, 99);
	window_limit(window, 4 * PAGE, UINT64_MAX / 2);
	holds(window, 98, 99);
	/* The newest one stays, whatever it takes. */
	put(window, 100, 20 * PAGE);
	holds(window, 100, 100);
	window_free(window);
}

static void what_is_held_outlives_the_window(void **state)
{
	struct window *window = window_of(4 * PAGE, UINT64_MAX / 2);
	const struct window_chunk *chunk;
	u8 want[PAGE];

	put(window, 7, PAGE);
	chunk = window_hold(window, 1);
	assert_non_null(chunk);
	for (u8 i = 8; i < 20; i++)
		put(window, i, PAGE);
	memset(want, 7, sizeof(want));
	assert_memory_equal(chunk->chunk.data, want, sizeof(want));
	assert_int_equal(chunk->counts.recorded[CLASS_SCHED], 7);
	window_release(window, chunk);
	/* Asked for the first one again, it gives the oldest that is left. */
	chunk = window_hold(window, 1);
	assert_int_equal(chunk->number, window_number_at(window, 0));
	assert_int_equal(*(const u8 *)chunk->chunk.data, 18);
	window_release(window, chunk);
	assert_null(window_hold(window, 14));
	window_free(window);
}

static void chunks_are_found_by_time(void **state)
{
	struct window *window = window_of(1 << 20, UINT64_MAX / 2);

	for (u8 i = 0; i < 5; i++)
		put(window, i, 100);
	assert_int_equal(window_number_at(window, 0), 1);
	assert_int_equal(window_number_at(window, BEGIN_NS + 1), 1);
	assert_int_equal(window_number_at(window, BEGIN_NS + NSEC_PER_SEC), 2);
	assert_int_equal(window_number_at(window, BEGIN_NS + 5 * NSEC_PER_SEC), 0);
	window_free(window);
}

/* Snapshots */

#define SWITCHES 100 /* in each chunk */

/* Real chunks, each with as many switches of thread 42 */
static void put_real(struct window *window, struct chunk_encoder *encoder, u8 i)
{
	u64 begin_ns = BEGIN_NS + i * NSEC_PER_SEC;
	struct window_counts counts = { .recorded[CLASS_SCHED] = SWITCHES,
					.lost[CLASS_SYSCALL] = i };
	struct err err = { 0 };
	struct chunk chunk;

	for (u64 n = 0; n < SWITCHES; n++) {
		struct trace_event event = {
			.time_ns = begin_ns + n * 1000,
			.kind = EVENT_SWITCH,
			.sw = { .prev_tid = n & 1 ? 42 : 0, .next_tid = n & 1 ? 0 : 42 },
		};

		assert_int_equal(chunk_add(encoder, &event), 0);
	}
	assert_int_equal(chunk_finish(encoder, begin_ns + NSEC_PER_SEC, &chunk, &err), 0);
	assert_int_equal(window_put(window, &chunk, &counts), 0);
}

static struct window *real_window(void)
{
	struct window *window = window_of(1 << 20, UINT64_MAX / 2);
	struct chunk_encoder *encoder;
	struct err err = { 0 };

	assert_int_equal(chunk_encoder_new(&encoder, 1, BEGIN_NS, &err), 0);
	for (u8 i = 0; i < 10; i++)
		put_real(window, encoder, i);
	chunk_encoder_free(encoder);
	return window;
}

static struct snapshot_order *order_of(const char *path, u8 from, u64 last)
{
	struct snapshot_order *order = calloc(1, sizeof(*order));

	order->path = strdup(path);
	order->from_ns = BEGIN_NS + from * NSEC_PER_SEC;
	order->last_number = last;
	order->before_ns = 5 * NSEC_PER_SEC;
	order->after_ns = NSEC_PER_SEC;
	order->suppressed = 3;
	order->cause_count = 2;
	order->causes[0] = (struct cause){ .tid = 42,
					   .tgid = 40,
					   .time_ns = BEGIN_NS + 7 * NSEC_PER_SEC,
					   .task = 12,
					   .begin_ns = BEGIN_NS + 6 * NSEC_PER_SEC,
					   .duration_ns = NSEC_PER_SEC,
					   .running = true,
					   .thread = "worker",
					   .text = "task:checkout>300ms",
					   .what = "checkout" };
	strcpy(order->causes[1].text, "signal");
	return order;
}

static struct snapshot_result written(struct window *window, struct snapshot_order *order)
{
	static const struct trace_info info = { .tracer_version = "0", .target = "the target" };
	struct snapshot_result result;
	struct snapshots *snapshots;
	struct err err = { 0 };

	assert_int_equal(snapshots_new(&snapshots, window, &info, &err), 0);
	assert_int_equal(snapshots_order(snapshots, order), 0);
	assert_int_equal(snapshots_open(snapshots), 1);
	for (int i = 0; !snapshots_take(snapshots, &result); i++) {
		assert_true(i < 10000);
		usleep(1000);
	}
	assert_int_equal(snapshots_open(snapshots), 0);
	snapshots_free(snapshots);
	return result;
}

static u64 events_of(struct trace_reader *reader)
{
	const struct trace_event *event;
	struct err err = { 0 };
	u64 events = 0;
	int r;

	while ((r = trace_reader_next(reader, &event, &err)) == 1)
		events += event->kind == EVENT_SWITCH;
	assert_int_equal(r, 0);
	return events;
}

static void manifest_is_as_ordered(const struct trace_manifest *m)
{
	assert_non_null(m);
	assert_int_equal(m->before_ns, 5 * NSEC_PER_SEC);
	assert_int_equal(m->after_ns, NSEC_PER_SEC);
	assert_int_equal(m->from_ns, BEGIN_NS + 4 * NSEC_PER_SEC);
	assert_int_equal(m->to_ns, BEGIN_NS + 9 * NSEC_PER_SEC);
	assert_int_equal(m->suppressed, 3);
	assert_int_equal(m->cause_count, 2);
	assert_string_equal(m->causes[0].trigger, "task:checkout>300ms");
	assert_string_equal(m->causes[0].thread, "worker");
	assert_string_equal(m->causes[0].what, "checkout");
	assert_int_equal(m->causes[0].tid, 42);
	assert_int_equal(m->causes[0].task, 12);
	assert_int_equal(m->causes[0].duration_ns, NSEC_PER_SEC);
	assert_int_equal(m->causes[0].running, 1);
	assert_string_equal(m->causes[1].trigger, "signal");
	assert_string_equal(m->causes[1].thread, "");
	assert_int_equal(m->causes[1].tid, 0);
}

static void a_snapshot_is_a_trace_that_says_why(void **state)
{
	CLEANUP(trace_reader_close) struct trace_reader *reader = NULL;
	struct window *window = real_window();
	/* Chunk 4 is the first that ends behind 4 s; its number is 5. */
	struct snapshot_result result = written(window, order_of("a.trace", 4, 9));
	const struct trace_totals *totals;
	struct err err = { 0 };
	struct stat st;

	assert_int_equal(result.err.code, 0);
	assert_int_equal(result.events, 5 * SWITCHES);
	assert_int_equal(result.lost, 4 + 5 + 6 + 7 + 8);
	assert_int_equal(stat("a.trace", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_not_equal(access("a.trace.partial", F_OK), 0);
	assert_int_equal(trace_reader_open(&reader, "a.trace", &err), 0);
	assert_int_equal(events_of(reader), 5 * SWITCHES);
	manifest_is_as_ordered(trace_reader_info(reader)->manifest);
	assert_int_equal(trace_reader_info(reader)->start.mono_ns, BEGIN_NS + 4 * NSEC_PER_SEC);
	totals = trace_reader_totals(reader);
	assert_int_equal(totals->why, TRACE_END_SNAPSHOT);
	assert_int_equal(totals->recorded[CLASS_SCHED], 5 * SWITCHES);
	assert_int_equal(totals->lost[CLASS_SYSCALL], 30);
	snapshot_order_free(result.order);
	window_free(window);
}

static void an_ordinary_trace_has_no_manifest(void **state)
{
	CLEANUP(trace_reader_close) struct trace_reader *reader = NULL;
	struct trace_info info = { .target = "x" };
	struct trace_totals totals = { .why = TRACE_END_ASKED };
	struct trace_writer *writer;
	struct err err = { 0 };

	assert_int_equal(trace_writer_open(&writer, "o.trace", true, &info, &err), 0);
	trace_writer_sync(writer);
	assert_int_equal(trace_writer_finish(writer, &totals, &err), 0);
	assert_int_equal(trace_reader_open(&reader, "o.trace", &err), 0);
	assert_null(trace_reader_info(reader)->manifest);
}

static void a_snapshot_begins_with_what_is_left(void **state)
{
	struct window *window = real_window();
	struct snapshot_result result;

	window_limit(window, 3 * PAGE, UINT64_MAX / 2);
	result = written(window, order_of("b.trace", 0, 10));
	assert_int_equal(result.err.code, 0);
	assert_int_equal(result.from_ns, window_status(window).from_ns);
	assert_int_equal(result.events, window_status(window).chunks * SWITCHES);
	snapshot_order_free(result.order);

	/* Nothing of what was ordered is there any more. */
	result = written(window, order_of("c.trace", 0, 2));
	assert_int_equal(result.err.code, -ENOSPC);
	assert_int_not_equal(access("c.trace", F_OK), 0);
	snapshot_order_free(result.order);
	window_free(window);
}

static void a_file_that_cannot_be_written_is_told(void **state)
{
	struct window *window = real_window();
	struct snapshot_result result = written(window, order_of("gone/a.trace", 0, 10));

	assert_int_equal(result.err.code, -ENOENT);
	assert_non_null(strstr(result.err.text, "gone/a.trace"));
	snapshot_order_free(result.order);
	window_free(window);
}

static int enter_directory(void **state)
{
	char *path = strdup("/tmp/tracer-window.XXXXXX");

	if (!mkdtemp(path) || chdir(path))
		return -1;
	*state = path;
	return 0;
}

static int leave_directory(void **state)
{
	static const char *const names[] = { "a.trace", "b.trace", "c.trace", "o.trace" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlink(names[i]);
	if (chdir("/") || rmdir(*state))
		return -1;
	free(*state);
	return 0;
}

#define IN_DIRECTORY(name) cmocka_unit_test_setup_teardown(name, enter_directory, leave_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_old_is_dropped),
		cmocka_unit_test(what_is_needed_stays_in_spite_of_its_age),
		cmocka_unit_test(bytes_are_a_hard_limit),
		cmocka_unit_test(what_is_held_outlives_the_window),
		cmocka_unit_test(chunks_are_found_by_time),
		IN_DIRECTORY(a_snapshot_is_a_trace_that_says_why),
		IN_DIRECTORY(an_ordinary_trace_has_no_manifest),
		IN_DIRECTORY(a_snapshot_begins_with_what_is_left),
		IN_DIRECTORY(a_file_that_cannot_be_written_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
