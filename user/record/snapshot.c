// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* snapshot - chunks of the window into a file, by a thread of its own while recording goes on */
#include "user/record/snapshot.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "user/base/clock.h"
#include "user/trace/writer.h"

struct job {
	struct job *next;
	struct snapshot_result result;
};

struct queue_of_jobs {
	struct job *first, **last;
};

struct snapshots {
	struct window *window;
	const struct trace_info *info;
	pthread_t thread;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t news;
	struct queue_of_jobs waiting, done;
	const struct snapshot_order *writing;
	unsigned int open;
	bool ending;
	int ready; /* eventfd */
};

static void jobs_add(struct queue_of_jobs *jobs, struct job *job)
{
	job->next = NULL;
	*jobs->last = job;
	jobs->last = &job->next;
}

static struct job *jobs_take(struct queue_of_jobs *jobs)
{
	struct job *job = jobs->first;

	if (!job)
		return NULL;
	jobs->first = job->next;
	if (!jobs->first)
		jobs->last = &jobs->first;
	return job;
}

void snapshot_order_free(struct snapshot_order *order)
{
	if (order)
		free(order->path);
	free(order);
}

/* What a snapshot's head says: as of the recording, but begun when the first chunk did. */
struct head {
	struct trace_info info;
	struct trace_manifest manifest;
	struct trace_cause causes[SNAPSHOT_CAUSES_MAX];
};

static void fill_causes(struct head *head, const struct snapshot_order *order)
{
	for (u32 i = 0; i < order->cause_count; i++) {
		const struct cause *from = &order->causes[i];

		head->causes[i] = (struct trace_cause){
			.trigger = from->text,
			.time_ns = from->time_ns,
			.tid = from->tid,
			.tgid = from->tgid,
			.thread = from->thread,
			.task = from->task,
			.what = from->what,
			.begin_ns = from->begin_ns,
			.duration_ns = from->duration_ns,
			.running = from->running,
		};
	}
}

static void fill_head(struct head *head, const struct snapshots *s,
		      const struct snapshot_order *order, u64 begin_ns, u64 end_ns)
{
	struct clock_stamp now = clock_stamp_now();
	u64 ago = now.mono_ns - min(begin_ns, now.mono_ns);

	fill_causes(head, order);
	head->manifest = (struct trace_manifest){
		.before_ns = order->before_ns,
		.after_ns = order->after_ns,
		.from_ns = begin_ns,
		.to_ns = end_ns,
		.suppressed = order->suppressed,
		.more = order->more,
		.causes = head->causes,
		.cause_count = order->cause_count,
	};
	head->info = *s->info;
	head->info.manifest = &head->manifest;
	head->info.start = (struct clock_stamp){
		.mono_ns = begin_ns,
		.boot_ns = now.boot_ns - ago,
		.wall_ns = now.wall_ns - ago,
	};
}

static void add_counts(struct trace_totals *totals, const struct window_chunk *chunk)
{
	totals->events += chunk->chunk.events;
	for (size_t i = 0; i < CLASS_COUNT; i++) {
		totals->recorded[i] += chunk->counts.recorded[i];
		totals->lost[i] += chunk->counts.lost[i];
	}
}

/* The end of the last chunk of an order; 0: the window has lost it */
static u64 end_of(const struct snapshots *s, const struct snapshot_order *order)
{
	const struct window_chunk *last = window_hold(s->window, order->last_number);
	u64 end_ns = 0;

	if (last && last->number == order->last_number)
		end_ns = last->chunk.end_ns;
	if (last)
		window_release(s->window, last);
	return end_ns;
}

/*
 * One file from a chunk on. Return: 0 when it is there; -EAGAIN when the window has dropped a
 * chunk that was not written yet; or what went wrong, with @err filled.
 */
static int write_from(struct snapshots *s, struct snapshot_result *result, u64 number,
		      struct err *err)
{
	struct snapshot_order *order = result->order;
	CLEANUP(trace_writer_abort) struct trace_writer *writer = NULL;
	u64 begin_ns = 0, end_ns = end_of(s, order), lost = 0;
	struct trace_totals totals = { .why = TRACE_END_SNAPSHOT,
				       .untracked_threads = order->untracked,
				       .recorder_cpu_ns = order->recorder_cpu_ns };
	struct rusage usage;
	struct head head;
	int r = 0;

	for (u64 next = number; next <= order->last_number && !r; next++) {
		const struct window_chunk *chunk = window_hold(s->window, next);

		if (!chunk)
			return -EAGAIN;
		if (next == number) {
			next = chunk->number; /* older ones are not held */
			begin_ns = chunk->chunk.begin_ns;
			fill_head(&head, s, order, begin_ns, end_ns);
			r = trace_writer_open(&writer, order->path, order->replace, &head.info,
					      err);
		}
		if (!r && chunk->number != next)
			r = -EAGAIN;
		r = r ?: trace_writer_chunk(writer, &chunk->chunk, err);
		if (!r)
			add_counts(&totals, chunk);
		window_release(s->window, chunk);
	}
	if (r < 0)
		return r;
	getrusage(RUSAGE_SELF, &usage);
	totals.recorder_memory_bytes = (u64)usage.ru_maxrss * 1024;
	totals.end = clock_stamp_now();
	totals.end.mono_ns = end_ns;
	for (size_t i = 0; i < CLASS_COUNT; i++)
		lost += totals.lost[i];
	result->bytes = trace_writer_bytes(writer);
	result->from_ns = begin_ns;
	result->to_ns = end_ns;
	result->events = totals.events;
	result->lost = lost;
	trace_writer_sync(writer);
	return trace_writer_finish(take(writer), &totals, err);
}

static void write_one(struct snapshots *s, struct snapshot_result *result)
{
	struct snapshot_order *order = result->order;
	u64 since_ns = clock_mono_ns();
	struct err err = { 0 };
	int r = -EAGAIN;

	/* Each time it begins with the oldest that is left; at last with none. */
	for (int i = 0; i < 4 && r == -EAGAIN; i++) {
		u64 number = window_number_at(s->window, order->from_ns);

		if (!number || number > order->last_number)
			break;
		r = write_from(s, result, number, &err);
	}
	if (r == -EAGAIN) {
		r = fail(&err, -ENOSPC, "the window ran ahead of writing '%s'", order->path);
		hint(&err, "a larger --memory, or a faster disk for --dir");
	}
	err.code = r;
	result->err = err;
	result->took_ns = clock_mono_ns() - since_ns;
}

/* What is to be written must not be dropped because of its age. */
static void tell_need(struct snapshots *s)
{
	u64 from_ns = s->writing ? s->writing->from_ns : UINT64_MAX;

	for (const struct job *job = s->waiting.first; job; job = job->next)
		from_ns = min(from_ns, job->result.order->from_ns);
	window_need(s->window, from_ns);
}

static void *write_all(void *argument)
{
	struct snapshots *s = argument;
	struct job *job;
	u64 one = 1;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (!s->waiting.first && !s->ending)
			pthread_cond_wait(&s->news, &s->lock);
		if (s->ending)
			break;
		job = jobs_take(&s->waiting);
		s->writing = job->result.order;
		pthread_mutex_unlock(&s->lock);
		write_one(s, &job->result);
		pthread_mutex_lock(&s->lock);
		s->writing = NULL;
		tell_need(s);
		jobs_add(&s->done, job);
		if (write(s->ready, &one, sizeof(one)) < 0)
			break; /* cannot be: an eventfd takes it */
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

int snapshots_new(struct snapshots **out, struct window *window, const struct trace_info *info,
		  struct err *err)
{
	struct snapshots *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return fail(err, -ENOMEM, "no memory for snapshots");
	s->window = window;
	s->info = info;
	s->waiting.last = &s->waiting.first;
	s->done.last = &s->done.first;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->news, NULL);
	s->ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = s->ready < 0 ? errno : pthread_create(&s->thread, NULL, write_all, s);
	if (r) {
		if (s->ready >= 0)
			close(s->ready);
		free(s);
		return fail(err, -r, "cannot begin a thread for snapshots: %s", strerror(r));
	}
	*out = s;
	return 0;
}

static void free_jobs(struct queue_of_jobs *jobs)
{
	struct job *job;

	while ((job = jobs_take(jobs))) {
		snapshot_order_free(job->result.order);
		free(job);
	}
}

void snapshots_free(struct snapshots *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->ending = true;
	pthread_cond_signal(&s->news);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	free_jobs(&s->waiting);
	free_jobs(&s->done);
	close(s->ready);
	pthread_cond_destroy(&s->news);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

int snapshots_order(struct snapshots *s, struct snapshot_order *order)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return -ENOMEM;
	job->result.order = order;
	pthread_mutex_lock(&s->lock);
	jobs_add(&s->waiting, job);
	tell_need(s);
	s->open++;
	pthread_cond_signal(&s->news);
	pthread_mutex_unlock(&s->lock);
	return 0;
}

unsigned int snapshots_open(struct snapshots *s)
{
	unsigned int open;

	pthread_mutex_lock(&s->lock);
	open = s->open;
	pthread_mutex_unlock(&s->lock);
	return open;
}

bool snapshots_take(struct snapshots *s, struct snapshot_result *result)
{
	struct job *job;
	bool found;
	u64 count;

	pthread_mutex_lock(&s->lock);
	job = jobs_take(&s->done);
	found = job;
	if (job) {
		s->open--;
		*result = job->result;
	} else if (read(s->ready, &count, sizeof(count)) < 0) {
		count = 0; /* it was not readable */
	}
	pthread_mutex_unlock(&s->lock);
	free(job);
	return found;
}

int snapshots_fd(const struct snapshots *s)
{
	return s->ready;
}
