/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* helpers_exported - traces that are exported for Go, read back, and compared with the model */
#ifndef TRACER_TESTS_HELPERS_EXPORTED_H
#define TRACER_TESTS_HELPERS_EXPORTED_H

#include "user/export/go_play.h"

#include "tests/unit/helpers_events.h"
#include "tests/unit/helpers_go.h"

enum { MAIN = 100, WORKER = 101 };

/* A system call that the tests' traces know by its name, and one that they do not */
enum { SYS_READ = 0, SYS_FUTEX = 202 };

struct exported {
	char *data;
	size_t size;
	struct read_go go;
	bool missing;
};

int export_file(struct exported *made, const char *path, const struct export_options *options,
		u64 generation_bytes, struct err *err);
/* Exported, and read back with all that Go's readers check */
void is_exported(struct exported *made, const char *path, const char *header, u64 generation_bytes,
		 bool with_text);
void exported_free(struct exported *made);

/* What the model says of the same file */
struct truth {
	struct read_profile_sum sums[READ_PROFILES];
	u64 losses;
};

struct truth truth_of(const char *path);

/* The profiles are those of the model: each wait to @slack_ns, on the average. */
void assert_sums(const struct read_go *go, const struct truth *truth, u64 slack_ns);

/* A thread of process MAIN that was there before the recording; those that sleep wait for a futex */
void was_there(struct event_list *list, u32 tid, const char *name, u8 state);

#endif
