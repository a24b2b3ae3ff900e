// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* wakers - who released whom, how often, after how long; and who had released that one before */
#include "user/model/wakers.h"

#include <errno.h>
#include <stdlib.h>

#include "user/model/grow.h"

/* A wait whose chain is not told yet as far as it goes */
struct wakers_job {
	u64 begin_ns; /* of the first one's wait */
	u64 end_ns;
	u64 at_ns;  /* the latest link released somebody at this time */
	u32 thread; /* id of the latest link's thread */
	u32 link;   /* number */
	u32 next;   /* free */
};

static int on_ready(void *ctx, u32 job);

void wakers_begin(struct wakers *wakers, struct history *history, const struct timeline *timeline,
		  u32 depth)
{
	const struct history_client client = { .ctx = wakers, .ready = on_ready };

	wakers->history = history;
	wakers->timeline = timeline;
	wakers->client = history_client(history, &client);
	wakers->depth = depth;
}

static struct wakers_who who_is(const struct wakers *wakers, u32 thread_id, u8 context, bool seen)
{
	struct wakers_who who = { .missing = !seen, .context = context };
	const struct thread_table *threads = timeline_threads(wakers->timeline);

	if (!seen)
		return who;
	if (context == WAKER_HARDIRQ || context == WAKER_NMI || !thread_id)
		who.context = WAKER_HARDIRQ;
	else
		who.name = threads->threads[thread_id - 1]->name;
	return who;
}

static u64 who_key(const struct wakers_who *who)
{
	return (u64)who->name << 4 | who->context | (who->missing ? 8 : 0);
}

/* The stack of more than half of the time is found without keeping any other one. */
static void vote(struct wakers_pair *pair, u32 stack, u64 ns)
{
	if (!stack)
		return;
	if (stack == pair->from) {
		pair->from_ns += ns;
	} else if (ns > pair->from_ns) {
		pair->from = stack;
		pair->from_ns = ns - pair->from_ns;
	} else {
		pair->from_ns -= ns;
	}
}

static int count_pair(struct wakers *wakers, const struct interval *interval,
		      const struct wakers_who *who)
{
	u8 kind = interval->wait.kind;
	u64 key = hash_u64((u64)interval->thread->name << 8 | kind) ^ who_key(who);
	struct wakers_pair *pair;
	u64 *slot;

	for (;; key++) {
		slot = map_put(&wakers->pair_numbers, key);
		if (!slot)
			return -ENOMEM;
		if (!*slot)
			break;
		pair = &wakers->pairs[*slot - 1];
		if (pair->woken == interval->thread->name && pair->kind == kind &&
		    who_key(&pair->who) == who_key(who))
			break;
	}
	if (!*slot) {
		if (!grow(&wakers->pairs, wakers->count, &wakers->room, sizeof(*pair)))
			return -ENOMEM;
		wakers->pairs[wakers->count] = (struct wakers_pair){
			.woken = interval->thread->name,
			.kind = kind,
			.who = *who,
		};
		*slot = ++wakers->count;
	}
	pair = &wakers->pairs[*slot - 1];
	pair->latency_ns += interval->latency_ns;
	vote(pair, interval->where.waker_user, interval->end_ns - interval->begin_ns);
	return histogram_add(&pair->ns, interval->end_ns - interval->begin_ns);
}

static bool is_same_link(const struct wakers_link *a, const struct wakers_link *b)
{
	return a->before == b->before && a->woken == b->woken && a->kind == b->kind &&
	       who_key(&a->who) == who_key(&b->who);
}

/* The number + 1 of a link; 0: there is no room; -ENOMEM. */
static int link_of(struct wakers *wakers, const struct wakers_link *link)
{
	u64 key = hash_u64((u64)link->before << 32 | link->woken) ^
		  hash_u64(who_key(&link->who) << 8 | link->kind);
	bool full = wakers->link_count >= WAKERS_LINKS;
	u64 *slot;

	for (;; key++) {
		slot = full ? map_get(&wakers->link_numbers, key)
			    : map_put(&wakers->link_numbers, key);
		if (!slot)
			return full ? 0 : -ENOMEM;
		if (!*slot)
			break;
		if (is_same_link(&wakers->links[*slot - 1], link))
			return (int)*slot;
	}
	if (!grow(&wakers->links, wakers->link_count, &wakers->link_room, sizeof(*link)))
		return -ENOMEM;
	wakers->links[wakers->link_count] = *link;
	*slot = ++wakers->link_count;
	return (int)*slot;
}

static int end_chain(struct wakers *wakers, const struct wakers_job *job)
{
	struct wakers_link *link = &wakers->links[job->link];
	u64 ns = job->end_ns - job->begin_ns;

	link->count++;
	link->ns += ns;
	link->longest_ns = max(link->longest_ns, ns);
	return 0;
}

/* The last wait of a thread that ended before @job->at_ns, and in the first one's wait */
static bool own_wait(const struct wakers *wakers, const struct wakers_job *job, struct past *wait,
		     u64 *end_ns)
{
	struct past_cursor at;

	for (bool more = past_latest(&at, wakers->history, job->thread);
	     more && at.end_ns > job->begin_ns; more = past_before(&at)) {
		if (at.past->state != STATE_BLOCKED || at.end_ns > job->at_ns)
			continue;
		*wait = *at.past;
		*end_ns = at.end_ns;
		return true;
	}
	return false;
}

/* Return: 1 when the chain has one more link; 0 at its end; -ENOMEM. */
static int next_link(struct wakers *wakers, struct wakers_job *job)
{
	const struct wakers_link *last = &wakers->links[job->link];
	struct wakers_link link = { .before = job->link + 1, .depth = last->depth + 1 };
	struct past wait;
	u64 end_ns;
	u32 waker;
	int r;

	if (!own_wait(wakers, job, &wait, &end_ns) || !PAST_WAKER_SEEN(wait.waker))
		return 0;
	waker = PAST_WAKER_ID(wait.waker);
	link.kind = wait.kind;
	link.who = who_is(wakers, waker, (u8)PAST_WAKER_CONTEXT(wait.waker), true);
	r = link_of(wakers, &link);
	wakers->cut += !r;
	if (r <= 0)
		return r;
	job->link = (u32)r - 1;
	job->at_ns = end_ns;
	job->thread = link.who.context == WAKER_HARDIRQ ? 0 : waker;
	return 1;
}

/* Return: 1 when it is awaited what the latest link's thread did; 0; negative errno. */
static int await(struct wakers *wakers, const struct wakers_job *job, u32 number)
{
	const struct thread_table *threads = timeline_threads(wakers->timeline);

	return history_await(wakers->history, wakers->client, threads->threads[job->thread - 1],
			     job->at_ns, number);
}

/* Follows the chain as far as it is told. Return: 1 when it is not told to its end; 0; -errno. */
static int follow(struct wakers *wakers, u32 number)
{
	struct wakers_job *job = &wakers->jobs[number];
	int r = 1;

	while (r > 0 && job->thread && wakers->links[job->link].depth < wakers->depth) {
		r = await(wakers, job, number);
		if (r)
			return r;
		r = next_link(wakers, job);
	}
	return r < 0 ? r : end_chain(wakers, job);
}

static int on_ready(void *ctx, u32 number)
{
	struct wakers *wakers = ctx;
	int r = follow(wakers, number);

	if (r > 0)
		return 0;
	wakers->jobs[number].next = wakers->job_free;
	wakers->job_free = number + 1;
	return r;
}

static int add_job(struct wakers *wakers, const struct wakers_job *job)
{
	u32 number = wakers->job_free ? wakers->job_free - 1 : wakers->job_count;

	if (wakers->job_free) {
		wakers->job_free = wakers->jobs[number].next;
	} else if (wakers->job_count == WAKERS_JOBS) {
		wakers->cut++;
		return end_chain(wakers, job);
	} else {
		if (!grow(&wakers->jobs, wakers->job_count, &wakers->job_room, sizeof(*job)))
			return -ENOMEM;
		wakers->job_count++;
	}
	wakers->jobs[number] = *job;
	return on_ready(wakers, number);
}

static int on_interval(void *ctx, const struct interval *interval)
{
	const struct wait *wait = &interval->wait;
	u32 waker = wait->waker ? wait->waker->id : 0;
	struct wakers *wakers = ctx;
	struct wakers_job job = { .begin_ns = interval->begin_ns, .end_ns = interval->end_ns };
	struct wakers_link link = { .woken = interval->thread->name,
				    .kind = wait->kind,
				    .depth = 1 };
	int r;

	if (interval->state != STATE_BLOCKED)
		return 0;
	if (interval->flags & INTERVAL_CUT_END) {
		wakers->unfinished++;
		wakers->unfinished_ns += interval->end_ns - interval->begin_ns;
		return 0;
	}
	link.who = who_is(wakers, waker, wait->waker_context, wait->waker_known);
	r = count_pair(wakers, interval, &link.who);
	if (r < 0)
		return r;
	r = link_of(wakers, &link);
	wakers->cut += !r;
	if (r <= 0)
		return r;
	job.link = (u32)r - 1;
	job.at_ns = interval->end_ns;
	job.thread = link.who.missing || link.who.context == WAKER_HARDIRQ ? 0 : waker;
	return add_job(wakers, &job);
}

struct sink wakers_sink(struct wakers *wakers)
{
	return (struct sink){ .ctx = wakers, .interval = on_interval };
}

static int compare_pairs(const void *left, const void *right)
{
	const struct wakers_pair *a = left, *b = right;

	if (a->ns.total != b->ns.total)
		return a->ns.total < b->ns.total ? 1 : -1;
	if (a->woken != b->woken)
		return a->woken < b->woken ? -1 : 1;
	return who_key(&a->who) < who_key(&b->who) ? -1 : who_key(&a->who) > who_key(&b->who);
}

static int compare_chains(const void *left, const void *right, void *ctx)
{
	const struct wakers_link *links = ctx;
	const struct wakers_link *a = &links[*(const u32 *)left], *b = &links[*(const u32 *)right];

	if (a->ns != b->ns)
		return a->ns < b->ns ? 1 : -1;
	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	return a < b ? -1 : a > b;
}

int wakers_sort(struct wakers *wakers)
{
	wakers->chains = calloc(wakers->link_count + 1, sizeof(*wakers->chains));
	if (!wakers->chains)
		return -ENOMEM;
	if (wakers->count)
		qsort(wakers->pairs, wakers->count, sizeof(*wakers->pairs), compare_pairs);
	for (u32 i = 0; i < wakers->link_count; i++)
		if (wakers->links[i].count)
			wakers->chains[wakers->chain_count++] = i;
	qsort_r(wakers->chains, wakers->chain_count, sizeof(*wakers->chains), compare_chains,
		wakers->links);
	return 0;
}

void wakers_free(struct wakers *wakers)
{
	for (u32 i = 0; i < wakers->count; i++)
		histogram_free(&wakers->pairs[i].ns);
	free(wakers->pairs);
	free(wakers->links);
	free(wakers->jobs);
	free(wakers->chains);
	map_free(&wakers->pair_numbers);
	map_free(&wakers->link_numbers);
	*wakers = (struct wakers){ 0 };
}
