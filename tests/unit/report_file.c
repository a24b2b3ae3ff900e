// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* report_file - from a file to a report: all of it, a stretch of it, a damaged one */
#include "user/report/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/trace/chunk.h"
#include "user/trace/writer.h"

#include "tests/unit/helpers_model.h"

#define START  5000000000ULL
#define CHUNKS 10
#define CHUNK  100000000ULL /* ns */
#define ROUNDS 100          /* per chunk: runs 400 us, waits 500 us, is runnable 100 us */
#define ROUND  (CHUNK / ROUNDS)

static char folder[] = "/tmp/report_file.XXXXXX";
static char path[64];

static void add(struct chunk_encoder *encoder, struct trace_event event)
{
	assert_int_equal(chunk_add(encoder, &event), 0);
}

static void add_round(struct chunk_encoder *encoder, u64 t)
{
	struct event_switch out = {
		.prev_tid = WORKER,
		.prev_state = ASLEEP,
		.wait_kind = WAIT_SYNC,
		.syscall = 202,
		.address = 0x1000,
	};
	struct trace_futex futex = { .tid = WORKER, .duration_ns = 600000 };

	add(encoder,
	    (struct trace_event){ .time_ns = t + 400000, .kind = EVENT_SWITCH, .sw = out });
	add(encoder, (struct trace_event){ .time_ns = t + 900000,
					   .kind = EVENT_WAKING,
					   .waking = { .tid = WORKER, .waker = MAIN } });
	add(encoder, (struct trace_event){ .time_ns = t + 999999,
					   .kind = EVENT_SWITCH,
					   .sw = { .next_tid = WORKER } });
	add(encoder,
	    (struct trace_event){ .time_ns = t + 999999, .kind = EVENT_FUTEX, .futex = futex });
}

static void add_thread(struct chunk_encoder *encoder, u32 tid, enum leave_state doing)
{
	struct event_thread thread = { .tid = tid, .tgid = MAIN, .state = doing };

	thread.syscall = SYSCALL_NONE;
	snprintf(thread.comm, sizeof(thread.comm), "%s", tid == MAIN ? "main" : "worker");
	add(encoder,
	    (struct trace_event){ .time_ns = START + 10, .kind = EVENT_THREAD, .thread = &thread });
}

static int write_trace(void **state)
{
	const struct trace_info info = {
		.tracer_version = "0",
		.host = "here",
		.kernel_release = "6",
		.kernel_version = "#1",
		.machine = "x86_64",
		.cpu_count = 2,
		.command_line = "tracer -p 100",
		.target = "process 100 (main)",
		.start = { .mono_ns = START },
	};
	struct trace_totals totals = { .end = { .mono_ns = START + CHUNKS * CHUNK } };
	struct chunk_encoder *encoder;
	struct trace_writer *writer;
	struct chunk chunk;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/a.trace", folder);
	assert_int_equal(chunk_encoder_new(&encoder, 2, START, NULL), 0);
	assert_int_equal(trace_writer_open(&writer, path, true, &info, NULL), 0);
	add_thread(encoder, MAIN, LEAVE_SLEEPING);
	add_thread(encoder, WORKER, LEAVE_RUNNING);
	for (u64 i = 0; i < CHUNKS; i++) {
		for (u64 round = 0; round < ROUNDS; round++)
			add_round(encoder, START + i * CHUNK + round * ROUND);
		assert_int_equal(chunk_finish(encoder, START + (i + 1) * CHUNK, &chunk, NULL), 0);
		assert_int_equal(trace_writer_chunk(writer, &chunk, NULL), 0);
	}
	chunk_encoder_free(encoder);
	assert_int_equal(trace_writer_finish(writer, &totals, NULL), 0);
	return 0;
}

static int remove_trace(void **state)
{
	remove(path);
	return rmdir(folder);
}

static char *report(const struct report_options *options)
{
	struct err err = { 0 };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (report_print(out, path, options, &err) < 0)
		print_error("%s\n", err.text);
	assert_int_equal(err.code, 0);
	fclose(out);
	return text;
}

static void a_file_is_reported_to_the_nanosecond(void **state)
{
	const struct report_options options = { .kind = "threads", .json = true };
	CLEANUP(free) char *text = report(&options);

	assert_non_null(strstr(text, "\"name\":\"worker\",\"observed_ns\":1000000000,"
				     "\"execution_ns\":400001000,\"scheduler_wait_ns\":99999000"));
	assert_non_null(strstr(text, "\"sync\":{\"ns\":500000000,\"count\":1000"));
	assert_non_null(strstr(text, "\"losses\":{\"events\":0,"));
}

static void a_stretch_is_cut_out_of_the_middle(void **state)
{
	const struct report_options options = {
		.kind = "threads",
		.json = true,
		.filter = { .from_ns = 5 * CHUNK + ROUND / 2, .to_ns = 7 * CHUNK },
	};
	CLEANUP(free) char *text = report(&options);

	assert_non_null(strstr(text, "\"name\":\"worker\",\"observed_ns\":199500000,"));
	assert_non_null(strstr(text, "\"name\":\"main\",\"observed_ns\":199500000,"));
	assert_non_null(strstr(text, "\"sync\":{\"ns\":99900000,\"count\":200"));
}

static void calls_come_with_their_blocked_time(void **state)
{
	const struct report_options options = { .kind = "syscalls", .json = true };
	CLEANUP(free) char *text = report(&options);

	assert_non_null(strstr(text, "\"syscall\":\"futex wait\",\"number\":null,\"count\":1000,"
				     "\"total_ns\":600000000,\"blocked_ns\":500000000"));
}

static void the_summary_ends_with_what_to_type_next(void **state)
{
	struct err err = { 0 };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(report_print_summary(out, path, false, &err), 0);
	fclose(out);
	assert_non_null(
		strstr(text, "process 100 (main): 1.00 s on 2 CPUs, 2 threads, 4,002 events"));
	assert_non_null(strstr(text, "next:"));
	assert_non_null(strstr(text, path));
	free(text);
}

static void the_summary_of_a_trace_that_will_not_stay_names_no_file(void **state)
{
	struct err err = { 0 };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(report_print_summary(out, path, true, &err), 0);
	fclose(out);
	assert_null(strstr(text, "next:"));
	assert_null(strstr(text, path));
	free(text);
}

static void an_unknown_report_lists_those_that_exist(void **state)
{
	const struct report_options options = { .kind = "nonsense" };
	struct err err = { 0 };

	assert_int_equal(report_print(stdout, path, &options, &err), -EINVAL);
	assert_non_null(strstr(err.text, "nonsense"));
	assert_non_null(strstr(err.hint,
			       "summary, threads, waits, locks, wakers, syscalls, sched, stacks, "
			       "tasks, regions, logs, losses"));
}

static void a_file_that_is_not_there_is_an_error(void **state)
{
	const struct report_options options = { 0 };
	struct err err = { 0 };

	assert_int_equal(report_print(stdout, "/nowhere/x.trace", &options, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nowhere/x.trace"));
}

static void a_stretch_behind_the_end_is_an_error(void **state)
{
	const struct report_options options = { .filter = { .from_ns = 3 * NSEC_PER_SEC } };
	struct err err = { 0 };

	assert_int_equal(report_print(stdout, path, &options, &err), -EINVAL);
	assert_non_null(strstr(err.hint, "1.00 s"));
}

/* One byte in the middle: that chunk is unknown, all else is as it was. */
static void a_damaged_chunk_is_unknown_time_and_a_lower_bound(void **state)
{
	const struct report_options options = { .kind = "threads", .json = true };
	CLEANUP(free) char *text = NULL;
	FILE *file = fopen(path, "r+");
	long middle;
	int byte;

	fseek(file, 0, SEEK_END);
	middle = ftell(file) / 2;
	fseek(file, middle, SEEK_SET);
	byte = fgetc(file);
	fseek(file, middle, SEEK_SET);
	fputc(byte ^ 0x55, file);
	fclose(file);
	text = report(&options);
	assert_non_null(strstr(text, "\"name\":\"worker\",\"observed_ns\":900000000,"));
	assert_non_null(strstr(text, "\"unknown_ns\":100000000"));
	assert_non_null(strstr(text, "\"unreadable_stretches\":1,\"damaged\":true,"));
	assert_non_null(strstr(text, "\"lower_bound\":true"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_reported_to_the_nanosecond),
		cmocka_unit_test(a_stretch_is_cut_out_of_the_middle),
		cmocka_unit_test(calls_come_with_their_blocked_time),
		cmocka_unit_test(the_summary_ends_with_what_to_type_next),
		cmocka_unit_test(the_summary_of_a_trace_that_will_not_stay_names_no_file),
		cmocka_unit_test(an_unknown_report_lists_those_that_exist),
		cmocka_unit_test(a_file_that_is_not_there_is_an_error),
		cmocka_unit_test(a_stretch_behind_the_end_is_an_error),
		cmocka_unit_test(a_damaged_chunk_is_unknown_time_and_a_lower_bound),
	};

	return cmocka_run_group_tests(tests, write_trace, remove_trace);
}
