// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* restraint - how many snapshots are enough: at most so many in a time, one of a kind */
#include "user/record/restraint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/text.h"

int rate_parse(struct rate *to, const char *text, struct err *err)
{
	const char *slash = strchr(text, '/');
	struct err unused = { 0 };
	struct rate rate;
	char number[32];

	snprintf(number, sizeof(number), "%.*s", (int)(slash ? slash - text : 0), text);
	if (!slash || parse_number(&rate.count, number, 1, RATE_MOST, "", &unused)) {
		fail(err, -EINVAL, "--at-most: a number from 1 to %d and a '/' are missing",
		     RATE_MOST);
		hint(err, "for example: --at-most 20/1d");
		return point(err, text, 0);
	}
	if (parse_duration(&rate.per_ns, slash + 1, "", &unused) || !rate.per_ns) {
		fail(err, -EINVAL, "--at-most: a time is missing behind the '/'");
		hint(err, "for example: --at-most 1/1m");
		return point(err, text, (unsigned int)(slash + 1 - text));
	}
	*to = rate;
	return 0;
}

int once_per_parse(u32 *bits, const char *text, struct err *err)
{
	static const struct {
		const char *name;
		enum once_per bit;
	} words[] = { { "trigger", ONCE_PER_TRIGGER },
		      { "task", ONCE_PER_TASK },
		      { "stack", ONCE_PER_STACK } };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(words[i].name, text))
			continue;
		*bits |= words[i].bit;
		return 0;
	}
	fail(err, -EINVAL, "--once-per: there is no '%s'", text);
	return hint(err, "there are: trigger, task, stack");
}

int restraint_add_rate(struct restraint *restraint, const struct rate *rate, struct err *err)
{
	size_t at = restraint->rate_count;

	if (at == RATES_MAX)
		return fail(err, -EINVAL, "--at-most: more than %d of them", RATES_MAX);
	restraint->taken_ns[at] = calloc(rate->count, sizeof(u64));
	if (!restraint->taken_ns[at])
		return fail(err, -ENOMEM, "no memory for --at-most");
	restraint->rates[at] = *rate;
	restraint->rate_count++;
	return 0;
}

void restraint_free(struct restraint *restraint)
{
	for (size_t i = 0; i < restraint->rate_count; i++)
		free(restraint->taken_ns[i]);
	map_free(&restraint->kinds);
	*restraint = (struct restraint){ 0 };
}

/* What causes of the same kind have in common */
static u64 kind_of(const struct restraint *restraint, const struct cause *cause)
{
	bool by_what = restraint->once_per & ONCE_PER_TASK ||
		       (restraint->once_per & ONCE_PER_STACK && !cause->stack);
	u64 kind = 1;

	if (restraint->once_per & ONCE_PER_TRIGGER)
		kind = hash_u64(kind + cause->trigger);
	if (by_what)
		kind = hash_u64(kind ^ hash_bytes(cause->what, strlen(cause->what)));
	if (restraint->once_per & ONCE_PER_STACK)
		kind = hash_u64(kind + cause->stack);
	return kind;
}

bool restraint_allows(const struct restraint *restraint, const struct cause *cause, u64 now_ns)
{
	for (size_t i = 0; i < restraint->rate_count; i++) {
		const struct rate *rate = &restraint->rates[i];
		/* The oldest of the last ones must be long enough ago. */
		u64 oldest_ns = restraint->taken_ns[i][restraint->taken[i] % rate->count];

		if (restraint->taken[i] >= rate->count && now_ns - oldest_ns < rate->per_ns)
			return false;
	}
	if (!restraint->once_per)
		return true;
	return restraint->kinds.count < KINDS_MOST &&
	       !map_get(&restraint->kinds, kind_of(restraint, cause));
}

void restraint_took(struct restraint *restraint, const struct cause *cause, u64 now_ns)
{
	for (size_t i = 0; i < restraint->rate_count; i++) {
		u64 at = restraint->taken[i]++ % restraint->rates[i].count;

		restraint->taken_ns[i][at] = now_ns;
	}
	/* Without memory there may be a second one of its kind. */
	if (restraint->once_per)
		map_put(&restraint->kinds, kind_of(restraint, cause));
}
