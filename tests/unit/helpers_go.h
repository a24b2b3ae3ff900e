/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* helpers_go - a reader of Go's execution trace that shares nothing with the writer, and is as strict
 * as Go's own */
#ifndef TRACER_TESTS_HELPERS_GO_H
#define TRACER_TESTS_HELPERS_GO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fails the test, and says why: fail_msg() of cmocka does not go with our fail(). */
#define broken(...)                        \
	do {                               \
		print_error(__VA_ARGS__);  \
		print_error("\n");         \
		_fail(__FILE__, __LINE__); \
	} while (0)

enum { READ_NET, READ_SYNC, READ_SYSCALL, READ_SCHED, READ_OTHER, READ_PROFILES };

struct read_profile_sum {
	uint64_t count;
	uint64_t ns;
};

/* What a trace says; all times are of its clock. */
struct read_go {
	char header[17];
	uint32_t generations;
	uint64_t events;
	uint64_t samples;
	uint64_t gs, ps; /* how many there were */
	uint64_t first_ns, last_ns;
	struct read_profile_sum sums[READ_PROFILES]; /* as go tool trace -pprof adds them up */
	char *text; /* each event in a line; only when asked for */
};

/*
 * Reads a whole file; fails the test on anything that Go's readers refuse, on times that are not
 * strictly increasing, and on tables that tell what nobody uses.
 */
void go_read(struct read_go *go, const void *data, size_t size, bool with_text);
void go_read_free(struct read_go *go);

#endif
