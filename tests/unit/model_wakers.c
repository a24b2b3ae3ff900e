// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* model_wakers - who released whom, and the chains of that */
#include "user/model/wakers.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/helpers_model.h"

struct story {
	struct scene *scene;
	struct history history;
	struct wakers wakers;
};

static struct story *begins(u32 depth)
{
	struct story *story = calloc(1, sizeof(*story));

	story->scene = scene_new();
	assert_int_equal(history_begin(&story->history, story->scene->timeline, 0), 0);
	wakers_begin(&story->wakers, &story->history, story->scene->timeline, depth);

	const struct sink sinks[] = { history_sink(&story->history), wakers_sink(&story->wakers),
				      history_told_sink(&story->history) };
	for (size_t i = 0; i < ARRAY_SIZE(sinks); i++)
		assert_int_equal(timeline_attach(story->scene->timeline, &sinks[i]), 0);
	for (u32 tid = MAIN; tid <= OTHER; tid++) {
		on_cpu((u16)(tid - MAIN));
		exists(story->scene, 0, tid, LEAVE_RUNNING);
		switches(story->scene, 1, IDLE, PREEMPTED, tid);
	}
	return story;
}

static void story_free(struct story *story)
{
	wakers_free(&story->wakers);
	history_free(&story->history);
	scene_free(story->scene);
	free(story);
}
DEFINE_CLEANUP(struct story *, story_free)

/* Each wait is in one pair, and ends one chain. */
static void story_ends(struct story *story, u64 t)
{
	const struct wakers *wakers = &story->wakers;
	u64 pairs_ns = 0, pairs = 0, chains_ns = 0, chains = 0;

	ends(story->scene, t);
	assert_int_equal(history_finish(&story->history), 0);
	assert_int_equal(wakers_sort(&story->wakers), 0);
	for (u32 i = 0; i < wakers->count; i++) {
		pairs += wakers->pairs[i].ns.count;
		pairs_ns += wakers->pairs[i].ns.total;
	}
	for (u32 i = 0; i < wakers->chain_count; i++) {
		chains += wakers->links[wakers->chains[i]].count;
		chains_ns += wakers->links[wakers->chains[i]].ns;
	}
	assert_int_equal(pairs, chains);
	assert_int_equal(pairs_ns, chains_ns);
}

static void sleeps(struct story *story, u64 t, u32 tid)
{
	on_cpu((u16)(tid - MAIN));
	blocks(story->scene, t, tid, WAIT_PIPE, 0, 0, IDLE);
}

static void runs(struct story *story, u64 t, u32 tid)
{
	on_cpu((u16)(tid - MAIN));
	switches(story->scene, t, IDLE, PREEMPTED, tid);
}

static void woken_by(struct story *story, u64 t, u32 waker, u32 tid)
{
	on_cpu((u16)(waker - MAIN));
	wakes(story->scene, t, waker, tid);
}

static const char *name_of(const struct story *story, u32 name)
{
	return names_text(&timeline_threads(story->scene->timeline)->names, name);
}

static const struct wakers_link *link_at(const struct story *story, u32 chain, u32 back)
{
	const struct wakers *wakers = &story->wakers;
	const struct wakers_link *link = &wakers->links[wakers->chains[chain]];

	while (back--)
		link = &wakers->links[link->before - 1];
	return link;
}

/* A timer wakes MAIN, that wakes WORKER, that wakes OTHER. */
static void a_timer_moves_all(struct story *story)
{
	sleeps(story, 100, OTHER);
	sleeps(story, 110, WORKER);
	sleeps(story, 120, MAIN);
	interrupt_wakes(story->scene, 200, WAKER_HARDIRQ, IDLE, MAIN);
	runs(story, 210, MAIN);
	woken_by(story, 300, MAIN, WORKER);
	runs(story, 310, WORKER);
	woken_by(story, 400, WORKER, OTHER);
	runs(story, 410, OTHER);
}

static void a_chain_goes_back_to_its_first_cause(void **state)
{
	CLEANUP(story_free) struct story *story = begins(3);
	const struct wakers_link *link;

	a_timer_moves_all(story);
	story_ends(story, 1000);
	assert_int_equal(story->wakers.count, 3);
	assert_string_equal(name_of(story, story->wakers.pairs[0].woken), "other");
	assert_string_equal(name_of(story, story->wakers.pairs[0].who.name), "worker");
	assert_int_equal(story->wakers.pairs[0].ns.total, 300);
	assert_int_equal(story->wakers.pairs[0].latency_ns, 10);

	assert_int_equal(story->wakers.chain_count, 3);
	link = link_at(story, 0, 0);
	assert_int_equal(link->depth, 3);
	assert_int_equal(link->ns, 300);
	assert_int_equal(link->who.context, WAKER_HARDIRQ);
	assert_string_equal(name_of(story, link_at(story, 0, 1)->who.name), "main");
	assert_string_equal(name_of(story, link_at(story, 0, 2)->who.name), "worker");
	assert_string_equal(name_of(story, link_at(story, 0, 2)->woken), "other");
	assert_int_equal(link->kind, WAIT_PIPE);
}

static void a_chain_is_no_longer_than_asked_for(void **state)
{
	CLEANUP(story_free) struct story *story = begins(1);

	a_timer_moves_all(story);
	story_ends(story, 1000);
	for (u32 i = 0; i < story->wakers.chain_count; i++)
		assert_int_equal(link_at(story, i, 0)->depth, 1);
}

static void what_ended_before_the_wait_began_is_no_cause_of_it(void **state)
{
	CLEANUP(story_free) struct story *story = begins(3);

	sleeps(story, 100, WORKER);
	woken_by(story, 200, MAIN, WORKER);
	runs(story, 210, WORKER);
	sleeps(story, 300, OTHER);
	woken_by(story, 400, WORKER, OTHER);
	runs(story, 410, OTHER);
	story_ends(story, 1000);
	assert_int_equal(story->wakers.chain_count, 2);
	assert_int_equal(link_at(story, 0, 0)->depth, 1);
	assert_int_equal(link_at(story, 1, 0)->depth, 1);
}

/* WORKER is woken and at once wakes OTHER: its own wait is told later than OTHER's. */
static void a_cause_may_be_told_later_than_what_it_caused(void **state)
{
	CLEANUP(story_free) struct story *story = begins(3);

	sleeps(story, 100, OTHER);
	sleeps(story, 110, WORKER);
	woken_by(story, 200, MAIN, WORKER);
	on_cpu(1);
	interrupt_wakes(story->scene, 205, WAKER_SOFTIRQ, WORKER, OTHER);
	runs(story, 206, OTHER);
	runs(story, 210, WORKER);
	story_ends(story, 1000);
	assert_int_equal(story->wakers.chain_count, 2);
	assert_int_equal(link_at(story, 0, 0)->depth, 2);
	assert_int_equal(link_at(story, 0, 1)->who.context, WAKER_SOFTIRQ);
	assert_string_equal(name_of(story, link_at(story, 0, 0)->who.name), "main");
}

static void the_same_again_counts(void **state)
{
	CLEANUP(story_free) struct story *story = begins(3);

	for (u64 round = 0; round < 5; round++) {
		u64 t = 1000 * round;

		sleeps(story, t + 100, OTHER);
		sleeps(story, t + 110, WORKER);
		woken_by(story, t + 200, MAIN, WORKER);
		runs(story, t + 210, WORKER);
		woken_by(story, t + 300 + round, WORKER, OTHER);
		runs(story, t + 410, OTHER);
	}
	story_ends(story, 10000);
	assert_int_equal(link_at(story, 0, 0)->count, 5);
	assert_int_equal(link_at(story, 0, 0)->ns, 5 * 200 + 10);
	assert_int_equal(link_at(story, 0, 0)->longest_ns, 204);
}

static void a_wait_that_nobody_ended_counts_apart(void **state)
{
	CLEANUP(story_free) struct story *story = begins(3);

	sleeps(story, 100, WORKER);
	story_ends(story, 1000);
	assert_int_equal(story->wakers.count, 0);
	assert_int_equal(story->wakers.unfinished, 1);
	assert_int_equal(story->wakers.unfinished_ns, 900);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_goes_back_to_its_first_cause),
		cmocka_unit_test(a_chain_is_no_longer_than_asked_for),
		cmocka_unit_test(what_ended_before_the_wait_began_is_no_cause_of_it),
		cmocka_unit_test(a_cause_may_be_told_later_than_what_it_caused),
		cmocka_unit_test(the_same_again_counts),
		cmocka_unit_test(a_wait_that_nobody_ended_counts_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
