// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* trace_writer - a file comes into being whole, or what there is of it is kept */
#include "tests/unit/helpers_events.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h> /* last: it has a macro named fail */

#define LIST     CLEANUP(event_list_free) struct event_list
#define BEGIN_NS (1000 * NSEC_PER_SEC)

static void make_chunk(struct chunk_encoder *encoder, struct chunk *chunk, u64 seed)
{
	struct random r = { seed };
	struct err err = { 0 };
	LIST list = { 0 };

	list_random(&list, &r, 500, 2, BEGIN_NS + seed * NSEC_PER_SEC);
	encode_range(encoder, &list, 0, list.count);
	assert_int_equal(chunk_finish(encoder, list.events[list.count - 1].time_ns, chunk, &err),
			 0);
}

static void an_open_trace_has_a_temporary_name_that_others_cannot_read(void **state)
{
	CLEANUP(trace_writer_abort) struct trace_writer *writer = NULL;
	struct err err = { 0 };
	struct stat st;

	assert_int_equal(trace_writer_open(&writer, "a.trace", false, &some_info, &err), 0);
	assert_int_equal(access("a.trace", F_OK), -1);
	assert_int_equal(stat("a.trace.partial", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(trace_writer_bytes(writer), st.st_size);
}

static void a_finished_trace_has_its_name_and_nothing_else_is_left(void **state)
{
	struct trace_writer *writer = NULL;
	struct err err = { 0 };

	assert_int_equal(trace_writer_open(&writer, "a.trace", false, &some_info, &err), 0);
	assert_int_equal(trace_writer_finish(writer, &some_totals, &err), 0);
	assert_int_equal(access("a.trace", R_OK), 0);
	assert_int_equal(access("a.trace.partial", F_OK), -1);
}

static void an_aborted_trace_leaves_nothing(void **state)
{
	struct trace_writer *writer = NULL;
	struct err err = { 0 };

	assert_int_equal(trace_writer_open(&writer, "a.trace", false, &some_info, &err), 0);
	trace_writer_abort(writer);
	assert_int_equal(access("a.trace", F_OK), -1);
	assert_int_equal(access("a.trace.partial", F_OK), -1);
}

static void an_existing_file_is_not_overwritten(void **state)
{
	struct trace_writer *writer = NULL;
	struct err err = { 0 };
	CLEANUP(free) u8 *data = NULL;
	size_t size;

	store_file("a.trace", "precious", 8);
	assert_int_equal(trace_writer_open(&writer, "a.trace", false, &some_info, &err), -EEXIST);
	assert_null(writer);
	assert_non_null(strstr(err.text, "a.trace"));
	assert_int_equal(access("a.trace.partial", F_OK), -1);
	data = load_file("a.trace", &size);
	assert_memory_equal(data, "precious", 8);
}

static void a_file_that_appears_meanwhile_is_not_overwritten(void **state)
{
	struct trace_writer *writer = NULL;
	struct err err = { 0 };
	CLEANUP(free) u8 *data = NULL;
	size_t size;
	LIST out = { 0 };

	assert_int_equal(trace_writer_open(&writer, "a.trace", false, &some_info, &err), 0);
	store_file("a.trace", "precious", 8);
	assert_int_equal(trace_writer_finish(writer, &some_totals, &err), -EEXIST);
	assert_non_null(strstr(err.hint, "a.trace.partial"));
	data = load_file("a.trace", &size);
	assert_memory_equal(data, "precious", 8);
	read_file(&out, "a.trace.partial");
}

static void an_existing_file_is_replaced_when_that_is_allowed(void **state)
{
	struct trace_writer *writer = NULL;
	struct err err = { 0 };
	LIST out = { 0 };

	store_file("a.trace", "old", 3);
	assert_int_equal(trace_writer_open(&writer, "a.trace", true, &some_info, &err), 0);
	assert_int_equal(trace_writer_finish(writer, &some_totals, &err), 0);
	read_file(&out, "a.trace");
}

static void what_a_killed_recording_left_is_kept(void **state)
{
	struct trace_writer *writer = NULL;
	struct err err = { 0 };
	CLEANUP(free) u8 *data = NULL;
	size_t size;

	store_file("a.trace.partial", "left", 4);
	assert_int_equal(symlink("/etc/passwd", "a.trace.partial.2"), 0);
	assert_int_equal(trace_writer_open(&writer, "a.trace", false, &some_info, &err), 0);
	assert_int_equal(access("a.trace.partial.3", F_OK), 0);
	assert_int_equal(trace_writer_finish(writer, &some_totals, &err), 0);
	data = load_file("a.trace.partial", &size);
	assert_int_equal(size, 4);
	assert_int_equal(access("a.trace", F_OK), 0);
}

static void only_a_regular_file_will_do(void **state)
{
	struct trace_writer *writer = NULL;
	struct err err = { 0 };

	assert_true(trace_writer_open(&writer, "-", true, &some_info, &err) < 0);
	assert_true(trace_writer_open(&writer, "/dev/null", true, &some_info, &err) < 0);
	assert_non_null(strstr(err.text, "not a regular file"));
	assert_int_equal(trace_writer_open(&writer, "/tmp", true, &some_info, &err), -EISDIR);
	assert_int_equal(trace_writer_open(&writer, "no/such/x", true, &some_info, &err), -ENOENT);
	assert_null(writer);
}

static void assert_good_trace(const char *path, size_t chunk_count)
{
	CLEANUP(trace_reader_close) struct trace_reader *reader = NULL;
	const struct trace_chunk_info *chunks;
	const struct trace_damage *damage;
	struct err err = { 0 };
	LIST out = { 0 };

	assert_int_equal(trace_reader_open(&reader, path, &err), 0);
	assert_int_equal(trace_reader_chunks(reader, &chunks), chunk_count);
	read_trace(&out, reader, false);
	damage = trace_reader_damage(reader);
	assert_int_equal(damage->bad_chunks + damage->bad_bytes + damage->cut_bytes, 0);
	assert_true(out.count >= chunk_count * 500);
}

/* A limit on the file's size acts as a full disk does: a part is written, then an error comes. */
static void a_full_disk_keeps_the_whole_chunks(void **state)
{
	CLEANUP(chunk_encoder_free) struct chunk_encoder *encoder = NULL;
	struct trace_writer *writer = NULL;
	struct rlimit before, limit;
	struct err err = { 0 };
	struct chunk chunk;
	u64 bytes;

	assert_int_equal(chunk_encoder_new(&encoder, 4, BEGIN_NS, &err), 0);
	assert_int_equal(trace_writer_open(&writer, "a.trace", false, &some_info, &err), 0);
	make_chunk(encoder, &chunk, 1);
	assert_int_equal(trace_writer_chunk(writer, &chunk, &err), 0);
	bytes = trace_writer_bytes(writer);

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = (struct rlimit){ bytes + 100, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	make_chunk(encoder, &chunk, 2);
	assert_int_equal(trace_writer_chunk(writer, &chunk, &err), -EFBIG);
	assert_true(err.text[0] && err.hint[0]);
	assert_int_equal(trace_writer_bytes(writer), bytes);
	assert_int_equal(trace_writer_finish(writer, &some_totals, &err), 0);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_good_trace("a.trace", 1);
}

static void write_for_ever(int ready)
{
	struct chunk_encoder *encoder = NULL;
	struct trace_writer *writer = NULL;
	struct err err = { 0 };
	struct chunk chunk;

	if (chunk_encoder_new(&encoder, 4, BEGIN_NS, &err) ||
	    trace_writer_open(&writer, "a.trace", false, &some_info, &err))
		_exit(1);
	for (u64 seed = 0;; seed++) {
		make_chunk(encoder, &chunk, seed);
		if (trace_writer_chunk(writer, &chunk, &err) || write(ready, "", 1) != 1)
			_exit(1);
	}
}

static void a_killed_recorder_leaves_a_readable_file(void **state)
{
	CLEANUP(trace_reader_close) struct trace_reader *reader = NULL;
	const struct trace_chunk_info *chunks;
	struct err err = { 0 };
	LIST out = { 0 };
	char byte;
	int ends[2], status;
	size_t count;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child)
		write_for_ever(ends[1]);
	for (int i = 0; i < 5; i++)
		assert_int_equal(read(ends[0], &byte, 1), 1);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(trace_reader_open(&reader, "a.trace.partial", &err), 0);
	count = trace_reader_chunks(reader, &chunks);
	assert_true(count >= 5);
	read_trace(&out, reader, false);
	assert_int_equal(out.count, count * 500);
	assert_true(trace_reader_damage(reader)->no_end);
	assert_null(trace_reader_totals(reader));
}

static void a_seek_finds_the_chunk_of_a_time(void **state)
{
	CLEANUP(trace_reader_close) struct trace_reader *reader = NULL;
	const struct trace_chunk_info *chunks;
	const struct trace_event *event;
	struct random r = { 6 };
	struct err err = { 0 };
	LIST in = { 0 };
	size_t count;

	list_random(&in, &r, 1000, 2, BEGIN_NS);
	write_trace("a.trace", &in, 100, BEGIN_NS);
	assert_int_equal(trace_reader_open(&reader, "a.trace", &err), 0);
	count = trace_reader_chunks(reader, &chunks);
	assert_int_equal(count, 10);
	for (size_t i = count; i--;) {
		assert_int_equal(trace_reader_seek(reader, chunks[i].end_ns, &err), 0);
		do {
			assert_int_equal(trace_reader_next(reader, &event, &err), 1);
		} while (trace_event_is_restated(event));
		assert_int_equal(event->time_ns, in.events[i * 100].time_ns);
	}
	assert_int_equal(trace_reader_seek(reader, ~0ULL, &err), 0);
	assert_int_equal(trace_reader_next(reader, &event, &err), 0);
	assert_int_equal(trace_reader_begin_ns(reader), BEGIN_NS);
	assert_int_equal(trace_reader_end_ns(reader),
			 max(in.events[999].time_ns, some_totals.end.mono_ns));
}

static void a_chunk_is_full_long_before_it_is_too_long_to_read(void **state)
{
	CLEANUP(chunk_encoder_free) struct chunk_encoder *encoder = NULL;
	struct random r = { 8 };
	struct err err = { 0 };
	struct chunk chunk;
	LIST list = { 0 };
	int refused = 0;

	list_random(&list, &r, 1000, 1, BEGIN_NS);
	assert_int_equal(chunk_encoder_new(&encoder, 1, BEGIN_NS, &err), 0);
	for (u64 i = 0; i < 1100; i++) {
		for (size_t n = 0; n < list.count; n++)
			refused |= chunk_add(encoder, &list.events[n]);
		assert_int_equal(chunk_full(encoder), chunk_full(encoder) || i > 200);
	}
	assert_true(chunk_full(encoder));
	assert_true(refused < 0);
	assert_int_equal(chunk_finish(encoder, BEGIN_NS + NSEC_PER_SEC, &chunk, &err), 0);
	assert_false(chunk_full(encoder));
	assert_int_equal(chunk_events(encoder), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_directory, leave_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_open_trace_has_a_temporary_name_that_others_cannot_read),
		TEST(a_finished_trace_has_its_name_and_nothing_else_is_left),
		TEST(an_aborted_trace_leaves_nothing),
		TEST(an_existing_file_is_not_overwritten),
		TEST(a_file_that_appears_meanwhile_is_not_overwritten),
		TEST(an_existing_file_is_replaced_when_that_is_allowed),
		TEST(what_a_killed_recording_left_is_kept),
		TEST(only_a_regular_file_will_do),
		TEST(a_full_disk_keeps_the_whole_chunks),
		TEST(a_killed_recorder_leaves_a_readable_file),
		TEST(a_seek_finds_the_chunk_of_a_time),
		TEST(a_chunk_is_full_long_before_it_is_too_long_to_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
