// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* rules - the table by which the programs find the callers of frames, as the recorder fills it */
#include "user/record/rules.h"

/* The same in the words of both sides */
static const struct {
	u8 shared; /* enum unwind_how */
	u8 ours;   /* enum frame_how */
} hows[] = {
	{ UNWIND_FP, FRAME_BY_FP },         { UNWIND_SP, FRAME_BY_SP },
	{ UNWIND_BP, FRAME_BY_BP },         { UNWIND_BP_WORD, FRAME_REALIGNED },
	{ UNWIND_SIGNAL, FRAME_OF_SIGNAL }, { UNWIND_ROOT, FRAME_IS_ROOT },
	{ UNWIND_STOP, FRAME_STOPS },
};

static struct unwind_rule *rule_at(const struct rules *rules, u64 key, unsigned int way)
{
	return &rules->buckets[unwind_bucket_of(key)].rules[way];
}

bool rules_find(const struct rules *rules, struct unwind *rule, u64 key)
{
	for (unsigned int way = 0; way < UNWIND_WAYS; way++) {
		const struct unwind_rule *at = rule_at(rules, key, way);

		if (at->key != key)
			continue;
		rule->cfa_offset = at->cfa_offset;
		rule->bp_offset = at->bp_offset;
		rule->ra_offset = at->ra_offset;
		for (size_t i = 0; i < ARRAY_SIZE(hows); i++)
			if (hows[i].shared == at->how)
				rule->how = hows[i].ours;
		return true;
	}
	return false;
}

/* Programs read it at any time: they look at the key before and behind. */
static void write_rule(struct unwind_rule *at, u64 key, const struct unwind *rule, u8 how)
{
	__atomic_store_n(&at->key, 0, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	at->cfa_offset = rule->cfa_offset;
	at->bp_offset = rule->bp_offset;
	at->ra_offset = rule->ra_offset;
	at->how = how;
	__atomic_store_n(&at->key, key, __ATOMIC_RELEASE);
}

void rules_set(struct rules *rules, u64 key, const struct unwind *rule)
{
	unsigned int way = rules->turn++ % UNWIND_WAYS;

	for (unsigned int i = 0; i < UNWIND_WAYS; i++) {
		u64 there = rule_at(rules, key, i)->key;

		if (there && there != key)
			continue;
		way = i;
		if (there == key)
			break;
	}
	for (size_t i = 0; i < ARRAY_SIZE(hows); i++) {
		if (hows[i].ours != rule->how)
			continue;
		rules->added++;
		rules->replaced += rule_at(rules, key, way)->key != 0;
		write_rule(rule_at(rules, key, way), key, rule, hows[i].shared);
	}
}

void rules_clear(struct rules *rules)
{
	for (u32 i = 0; i < UNWIND_BUCKETS; i++)
		for (unsigned int way = 0; way < UNWIND_WAYS; way++)
			__atomic_store_n(&rules->buckets[i].rules[way].key, 0, __ATOMIC_RELEASE);
}
