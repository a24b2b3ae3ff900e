// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* helpers_exported - traces that are exported for Go, read back, and compared with the model */
#include "tests/unit/helpers_exported.h"

#include <inttypes.h>
#include <stdlib.h>

#include "tests/unit/unit.h"

int export_file(struct exported *made, const char *path, const struct export_options *options,
		u64 generation_bytes, struct err *err)
{
	FILE *out = open_memstream(&made->data, &made->size);
	int r = go_export(out, path, options, generation_bytes, &made->missing, err);

	fclose(out);
	return r;
}

void is_exported(struct exported *made, const char *path, const char *header, u64 generation_bytes,
		 bool with_text)
{
	const struct export_options options = { .header = header };
	struct err err = { 0 };

	*made = (struct exported){ 0 };
	if (export_file(made, path, &options, generation_bytes, &err) < 0)
		broken("%s", err.text);
	go_read(&made->go, made->data, made->size, with_text);
}

void exported_free(struct exported *made)
{
	free(made->data);
	go_read_free(&made->go);
}

static int judge_interval(void *ctx, const struct interval *interval)
{
	static const u8 profile_of[] = {
		[WAIT_OTHER] = READ_SYSCALL, [WAIT_NETWORK] = READ_NET,  [WAIT_SYNC] = READ_SYNC,
		[WAIT_DISK] = READ_SYSCALL,  [WAIT_PIPE] = READ_SYSCALL, [WAIT_POLL] = READ_OTHER,
		[WAIT_SLEEP] = READ_OTHER,   [WAIT_FAULT] = READ_OTHER,  [WAIT_CHILD] = READ_OTHER,
	};
	struct truth *truth = ctx;
	int profile = interval->state == STATE_RUNNABLE  ? READ_SCHED
		      : interval->state == STATE_BLOCKED ? profile_of[interval->wait.kind]
							 : READ_PROFILES;

	if (profile == READ_PROFILES)
		return 0;
	truth->sums[profile].count++;
	truth->sums[profile].ns += interval->end_ns - interval->begin_ns;
	return 0;
}

static int judge_loss(void *ctx, const struct trace_loss *loss, u16 cpu)
{
	((struct truth *)ctx)->losses++;
	return 0;
}

struct truth truth_of(const char *path)
{
	CLEANUP(trace_reader_close) struct trace_reader *reader = NULL;
	CLEANUP(timeline_free) struct timeline *timeline = NULL;
	struct truth truth = { 0 };
	const struct sink sink = { .ctx = &truth, .interval = judge_interval, .loss = judge_loss };
	struct err err = { 0 };

	assert_int_equal(trace_reader_open(&reader, path, &err), 0);
	assert_int_equal(timeline_new(&timeline, trace_reader_begin_ns(reader), &err), 0);
	assert_int_equal(timeline_attach(timeline, &sink), 0);
	assert_int_equal(timeline_read(timeline, reader, 0, 0, &err), 0);
	return truth;
}

void assert_sums(const struct read_go *go, const struct truth *truth, u64 slack_ns)
{
	for (int i = READ_NET; i <= READ_SCHED; i++) {
		const struct read_profile_sum *found = &go->sums[i], *real = &truth->sums[i];
		u64 more = found->ns > real->ns ? found->ns - real->ns : real->ns - found->ns;

		if (more > real->count * slack_ns + slack_ns)
			broken("profile %d: %" PRIu64 " ns, in truth %" PRIu64, i, found->ns,
			       real->ns);
		/* That it was created, and each repair, is a scheduler wait of nothing, too. */
		if (i == READ_SCHED)
			assert_true(found->count >= real->count);
	}
}

void was_there(struct event_list *list, u32 tid, const char *name, u8 state)
{
	struct trace_event *e = list_thread(list, BEGIN_NS, tid, name);
	struct event_thread *thread = (struct event_thread *)(uintptr_t)e->thread;

	thread->tgid = MAIN;
	thread->state = state;
	thread->wait_kind = WAIT_SYNC;
	thread->syscall = SYS_FUTEX;
}
