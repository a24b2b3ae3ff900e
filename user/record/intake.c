// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * intake - from the rings into chunks, and from those into the file
 *
 * The rings are drained in stretches of time that are the same for all CPUs: every event up
 * to a cut is in the open chunk before anything later is. So a chunk can be closed at any cut,
 * and no later chunk holds an earlier event.
 */
#include "user/record/intake.h"

#include <errno.h>
#include <stdlib.h>

#include "user/base/clock.h"
#include "user/record/ring.h"

#define CUT_BEHIND_NS    (100 * NSEC_PER_USEC) /* a program may be between its clock and its ring */
#define STRETCH_NS       (50 * NSEC_PER_MSEC)  /* drained at once; more could overfill a chunk */
#define STRETCH_BYTES    (1u << 20)            /* in all rings: so much is never too much */
#define CHUNK_NS         (900 * NSEC_PER_MSEC) /* what a kill of the recorder may cost, nearly */
#define STALL_NS         (50 * NSEC_PER_MSEC)  /* how long a chunk waits for an unfinished record */
#define MAPPINGS_WAIT_NS (500 * NSEC_PER_MSEC) /* at the end */
#define BLOCKED_MOST     2000 /* threads that still wait at the end whose stacks are looked at */

static void add_losses(struct intake *intake, unsigned int cpu, enum event_class class, u64 count,
		       u64 from_ns, u64 to_ns)
{
	struct cpu_losses *losses = &intake->losses[cpu];
	struct trace_loss *untold = &losses->untold;

	untold->from_ns = losses->untold_sum ? min(untold->from_ns, from_ns) : from_ns;
	untold->to_ns = max(untold->to_ns, to_ns);
	untold->counts[class] += count;
	losses->untold_sum += count;
	losses->ever[class] += count;
	intake->lost += count;
}

/* An event for which the encoder has no room is a loss like any other. */
static void count_loss(struct intake *intake, const struct trace_event *event)
{
	enum event_class class = trace_event_class(event->kind);

	if (class < CLASS_COUNT)
		add_losses(intake, event->cpu, class, 1, event->time_ns, event->time_ns);
}

static int keep(struct intake *intake, const struct trace_event *event)
{
	enum event_class class = trace_event_class(event->kind);
	int r = chunk_add(intake->encoder, event);

	if (intake->watch)
		watch_event(intake->watch, event);
	if (unlikely(r < 0)) {
		count_loss(intake, event);
		return r;
	}
	if (class < CLASS_COUNT) {
		intake->recorded[class]++;
		intake->events++;
	}
	return 0;
}

static int keep_event(void *ctx, const struct trace_event *event)
{
	return keep(ctx, event);
}

/* One event out of a ring */
static int on_event(void *ctx, const struct trace_event *event)
{
	struct intake *intake = ctx;

	switch (event->kind) {
	case EVENT_MAPPING:
		/* Only a hint: the mapping itself is read from /proc. It counts as recorded. */
		mappings_mark(intake->mappings, event->mapping->tgid);
		intake->recorded[CLASS_PROCESS]++;
		return 0;
	case EVENT_THREAD:
		if (event->thread->tid == event->thread->tgid)
			mappings_mark(intake->mappings, event->thread->tgid);
		break;
	case EVENT_EXEC: mappings_exec(intake->mappings, event->exec.tid); break;
	default: break;
	}
	if (intake->resolver)
		resolver_event(intake->resolver, event);
	if (event->kind == EVENT_STACK_MEMORY)
		return 0; /* for the resolver alone */
	if (trace_event_is_annotation(event) && intake->annotate) {
		annotate_hit(intake->annotate, event);
		if (event->annotation.probe)
			return annotate_tell(intake->annotate, event, keep_event, intake);
	}
	return keep(intake, event);
}

static int on_mapping(void *ctx, const struct trace_event *event)
{
	struct intake *intake = ctx;
	struct trace_event at_cut = *event;

	if (intake->annotate)
		annotate_mapping(intake->annotate, event->mapping);
	/* Learnt now; the open chunk ends at the cut. */
	at_cut.time_ns = intake->cut_ns;
	if (intake->resolver)
		resolver_event(intake->resolver, event);
	return chunk_add(intake->encoder, &at_cut);
}

static int on_resolved(void *ctx, const struct trace_event *event)
{
	struct intake *intake = ctx;
	struct trace_event at_cut = *event;

	at_cut.time_ns = intake->cut_ns;
	if (intake->told && event->kind == EVENT_SYMBOL)
		told_learn(intake->told, event->symbol);
	return keep(intake, &at_cut);
}

/* What found no room on @cpu since the last look becomes an event of its own. */
static void keep_losses(struct intake *intake, unsigned int cpu)
{
	struct cpu_state *state = intake->probes->rings[cpu].state;
	struct cpu_losses *losses = &intake->losses[cpu];
	struct trace_event event = { .cpu = (u16)cpu, .kind = EVENT_LOSS, .loss = &losses->untold };
	u64 counts[CLASS_COUNT], sum = 0, from_ns, to_ns;

	for (size_t i = 0; i < CLASS_COUNT; i++) {
		u64 lost = __atomic_load_n(&state->lost[i], __ATOMIC_RELAXED);

		counts[i] = lost - losses->seen[i];
		losses->seen[i] = lost;
		sum += counts[i];
	}
	if (sum) {
		to_ns = __atomic_load_n(&state->lost_last_ns, __ATOMIC_RELAXED);
		from_ns = __atomic_exchange_n(&state->lost_first_ns, 0, __ATOMIC_RELAXED);
		if (!from_ns || from_ns > to_ns)
			from_ns = to_ns;
		for (enum event_class class = 0; class < CLASS_COUNT; class ++)
			add_losses(intake, cpu, class, counts[class], from_ns, to_ns);
	}
	if (!losses->untold_sum)
		return;
	/* Before any event behind the gap, or readers could not explain what follows by it. */
	event.time_ns = min(losses->untold.from_ns, intake->cut_ns);
	if (intake->watch)
		watch_event(intake->watch, &event);
	if (chunk_add(intake->encoder, &event) < 0)
		return; /* a full chunk: the next one tells */
	losses->untold = (struct trace_loss){ 0 };
	losses->untold_sum = 0;
}

static u64 ring_used(const struct ring *ring)
{
	return __atomic_load_n(ring->head, __ATOMIC_RELAXED) - ring->tail;
}

/* Return: bytes in all rings. @fullest: raised to the largest share of a ring in use, in 1/256. */
static u64 all_used(const struct intake *intake, unsigned int *fullest)
{
	const struct probes *probes = intake->probes;
	u64 most = 0, most_samples = 0, sum = 0;

	for (unsigned int cpu = 0; cpu < probes->cpus; cpu++) {
		u64 used = ring_used(&probes->rings[cpu]);

		most = max(most, used);
		sum += used;
		if (!probes->sample_rings)
			continue;
		used = ring_used(&probes->sample_rings[cpu]);
		most_samples = max(most_samples, used);
		sum += used;
	}
	if (probes->sample_rings)
		*fullest = max(*fullest, (unsigned int)(most_samples * 256 / probes->sample_bytes));
	*fullest = max(*fullest, (unsigned int)(most * 256 / probes->ring_bytes));
	return sum;
}

/* The two rings of a CPU become one: its events should come out nearly in their order. */
static void drain_cpu(struct intake *intake, u16 cpu, u64 cut_ns, bool *stalled)
{
	struct probes *probes = intake->probes;
	struct ring *ring = &probes->rings[cpu];
	struct ring *samples = probes->sample_rings ? &probes->sample_rings[cpu] : NULL;
	u64 next_ns;

	while (samples && ring_next_ns(&next_ns, samples, probes->sample_bytes, cut_ns)) {
		ring_drain(ring, cpu, probes->ring_bytes, next_ns, on_event, intake, stalled);
		ring_drain(samples, cpu, probes->sample_bytes, next_ns, on_event, intake, stalled);
	}
	if (ring_used(ring))
		ring_drain(ring, cpu, probes->ring_bytes, cut_ns, on_event, intake, stalled);
	if (samples && ring_used(samples))
		ring_drain(samples, cpu, probes->sample_bytes, cut_ns, on_event, intake, stalled);
}

static void drain_to(struct intake *intake, u64 cut_ns, bool *stalled)
{
	struct probes *probes = intake->probes;

	for (unsigned int cpu = 0; cpu < probes->cpus; cpu++)
		drain_cpu(intake, (u16)cpu, cut_ns, stalled);
	intake->cut_ns = cut_ns;
	for (unsigned int cpu = 0; cpu < probes->cpus; cpu++)
		keep_losses(intake, cpu);
	if (intake->watch)
		watch_time(intake->watch, cut_ns, intake->events, intake->lost);
}

static int close_chunk(struct intake *intake, struct err *err)
{
	struct chunk chunk;
	int r;

	intake->chunk_since_ns = 0;
	intake->stalled_since_ns = 0;
	r = chunk_finish(intake->encoder, intake->cut_ns, &chunk, err);
	if (r < 0)
		return r;
	return intake->sink.put(intake->sink.ctx, &chunk, err);
}

/*
 * A chunk is closed when it is large or old, but rather not while a CPU is in mid-record.
 * @since_ns: no event of the stretch that was drained is earlier
 */
static int close_chunk_if_due(struct intake *intake, u64 since_ns, bool stalled, struct err *err)
{
	u64 now = clock_mono_ns();

	if (!chunk_events(intake->encoder))
		return 0;
	if (!intake->chunk_since_ns)
		intake->chunk_since_ns = since_ns;
	if (!chunk_full(intake->encoder) && now - intake->chunk_since_ns < CHUNK_NS)
		return 0;
	if (stalled) {
		if (!intake->stalled_since_ns)
			intake->stalled_since_ns = now;
		if (now - intake->stalled_since_ns < STALL_NS)
			return 0;
	}
	/* The disk stands still: the chunk grows, and what finds no room in it is lost. */
	if (!intake->sink.has_room(intake->sink.ctx))
		return 0;
	return close_chunk(intake, err);
}

int intake_drain(struct intake *intake, unsigned int *fullest, struct err *err)
{
	u64 until = clock_mono_ns() - CUT_BEHIND_NS;
	bool last;

	*fullest = 0;
	do {
		u64 since = intake->cut_ns;
		u64 step = all_used(intake, fullest) > STRETCH_BYTES ? STRETCH_NS : UINT64_MAX;
		bool stalled = false;
		int r;

		if (until <= since)
			return 0;
		last = until - since <= step;
		drain_to(intake, last ? until : since + step, &stalled);
		r = close_chunk_if_due(intake, since, stalled, err);
		if (r < 0)
			return r;
	} while (!last);
	mappings_take(intake->mappings, on_mapping, intake);
	if (intake->resolver) {
		intake->learning = resolver_wake(intake->resolver);
		resolver_take(intake->resolver, on_resolved, intake);
	}
	return 0;
}

void intake_find_blocked(struct intake *intake)
{
	if (!intake->resolver)
		return;
	if (!intake->blocked)
		intake->blocked = calloc(BLOCKED_MOST, sizeof(*intake->blocked));
	if (intake->blocked)
		intake->blocked_count =
			probes_find_blocked(intake->probes, intake->blocked, BLOCKED_MOST);
}

void intake_ask_blocked(struct intake *intake)
{
	for (u32 i = 0; i < intake->blocked_count; i++)
		resolver_blocked(intake->resolver, &intake->blocked[i]);
	intake->blocked_count = 0;
	if (intake->resolver)
		resolver_wake(intake->resolver);
}

bool intake_is_resolved(const struct intake *intake)
{
	return !intake->resolver || resolver_is_idle(intake->resolver);
}

void intake_resolve(struct intake *intake, u64 wait_ns, struct resolved *counts)
{
	if (!intake->resolver)
		return;
	intake_ask_blocked(intake);
	resolver_finish(intake->resolver, wait_ns, on_resolved, intake, counts);
}

void intake_toll(struct intake *intake, struct toll_report *report)
{
	u64 lost = 0;

	if (!intake->annotate)
		return;
	for (unsigned int cpu = 0; cpu < intake->probes->cpus; cpu++)
		lost += intake->losses[cpu].ever[CLASS_ANNOTATION];
	annotate_toll(intake->annotate, lost, report);
}

u64 intake_due_ns(const struct intake *intake)
{
	/* What a process announces is not seen before its mappings are read. */
	u64 due_ns = intake->annotate ? mappings_due_ns(intake->mappings) : UINT64_MAX;

	if (!intake->sink.has_room(intake->sink.ctx))
		return due_ns;
	if (intake->stalled_since_ns)
		return min(due_ns, intake->stalled_since_ns + STALL_NS);
	return intake->chunk_since_ns ? min(due_ns, intake->chunk_since_ns + CHUNK_NS) : due_ns;
}

unsigned int intake_finish_mappings(struct intake *intake)
{
	return mappings_finish(intake->mappings, MAPPINGS_WAIT_NS, on_mapping, intake);
}

static int tell_again(void *ctx, const struct trace_event *event)
{
	struct intake *intake = ctx;
	struct trace_event at_cut = *event;
	struct err err = { 0 };

	/* Names alone can fill a chunk. */
	if (chunk_full(intake->encoder) && close_chunk(intake, &err) < 0)
		return err.code;
	at_cut.time_ns = intake->cut_ns;
	return chunk_add(intake->encoder, &at_cut);
}

int intake_tell_again(struct intake *intake)
{
	chunk_tell_mappings(intake->encoder);
	return intake->told ? told_again(intake->told, tell_again, intake) : 0;
}

int intake_close_snapshot(struct intake *intake, struct err *err)
{
	if (intake_tell_again(intake) < 0)
		return fail(err, -ENOMEM, "no memory to tell the names of functions again");
	chunk_tell_mappings(intake->encoder); /* the last chunk, should there be several */
	return close_chunk(intake, err);
}

int intake_flush(struct intake *intake, struct err *err)
{
	int r = chunk_events(intake->encoder) ? close_chunk(intake, err) : 0;

	if (r < 0)
		return r;
	/* Losses that it had no room for make one more. */
	for (unsigned int cpu = 0; cpu < intake->probes->cpus; cpu++)
		keep_losses(intake, cpu);
	return chunk_events(intake->encoder) ? close_chunk(intake, err) : 0;
}

int intake_open(struct intake *intake, struct probes *probes, const struct probe_list *words,
		u64 start_ns, struct err *err)
{
	int r;

	intake->probes = probes;
	intake->cut_ns = start_ns;
	intake->losses = calloc(probes->cpus, sizeof(*intake->losses));
	if (!intake->losses)
		return fail(err, -ENOMEM, "no memory for the recorder");
	r = mappings_new(&intake->mappings, err);
	if (!r && probes->annotation)
		r = annotate_new(&intake->annotate, probes, words, err);
	if (!r && probes->unwind)
		r = resolver_new(&intake->resolver, probes->unwind, err);
	return r ?: chunk_encoder_new(&intake->encoder, probes->cpus, start_ns, err);
}

void intake_close(struct intake *intake)
{
	resolver_free(intake->resolver);
	free(intake->blocked);
	chunk_encoder_free(intake->encoder);
	mappings_free(intake->mappings);
	annotate_free(intake->annotate);
	free(intake->losses);
}
