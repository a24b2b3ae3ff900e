// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* tallied - what commands have in common that write one file from a tally: pprof and flame */
#include "user/cli/tallied.h"

#include "user/base/text.h"
#include "user/export/output.h"

static void tell(const struct tallied *tallied, const struct tally *tally, const char *path)
{
	char count[TEXT_MAX], ns[TEXT_MAX];

	printf("%s: %s %s, %s%s\n", path, text_count(count, tally->profile.total_count),
	       tally->profile.kind->cpu ? "samples" : "waits",
	       text_duration(ns, tally->profile.total_ns), tallied->what);
	if (!tally_has_stacks(tally))
		printf("no stacks were recorded: record without -e, or with stack in it\n");
	if (tally_is_lower_bound(tally))
		printf("events were lost: times and counts are a lower bound\n");
	if (tallied->next)
		printf("next: %s %s\n", tallied->next, path);
}

int tallied_write(const struct tallied *tallied, const struct tally *tally, const char *output,
		  const char *path, struct err *err)
{
	struct output to;
	char suffix[32], name[4096];
	int r;

	snprintf(suffix, sizeof(suffix), ".%s%s", tally->profile.kind->name, tallied->suffix);
	r = output_open(&to, output, path, suffix, err);
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "%s", to.path ?: "");
	r = tallied->write(to.file, tally, err);
	if (r >= 0)
		r = output_finish(&to, err);
	output_close(&to);
	if (r >= 0 && *name)
		tell(tallied, tally, name);
	return r;
}
