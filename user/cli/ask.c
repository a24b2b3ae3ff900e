// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* ask - which running recorder is meant, and what it answered */
#include "user/cli/ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the value of a key begins. A quote inside a text has a \ before it. */
static const char *value_of(const char *answer, const char *key)
{
	char quoted[64];

	snprintf(quoted, sizeof(quoted), "\"%s\":", key);
	for (const char *at = answer; (at = strstr(at, quoted)); at++)
		if (at > answer && (at[-1] == '{' || at[-1] == ','))
			return at + strlen(quoted);
	return NULL;
}

u64 answer_number(const char *answer, const char *key)
{
	const char *value = value_of(answer, key);

	return value ? strtoull(value, NULL, 10) : 0;
}

char *answer_text(char *to, size_t room, const char *answer, const char *key)
{
	const char *value = value_of(answer, key);
	size_t used = 0;

	to[0] = 0;
	if (!value || *value != '"')
		return to;
	for (value++; *value && *value != '"' && used + 1 < room; value++) {
		if (*value == '\\' && value[1])
			value++;
		to[used++] = *value;
	}
	to[used] = 0;
	return to;
}

static int find_recorder(pid_t *pid, struct err *err)
{
	pid_t pids[8];
	size_t count = control_list(pids, 8), used = 0;
	char list[128] = "";

	if (!count) {
		fail(err, -ESRCH, "no flight recorder runs that this user may ask");
		return hint(err, "one is started with: tracer flight -p PID");
	}
	*pid = pids[0];
	if (count == 1)
		return 0;
	for (size_t i = 0; i < min(count, (size_t)8); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%d", i ? ", " : "",
					 pids[i]);
	fail(err, -EINVAL, "%zu recorders run: which one is meant?", count);
	return hint(err, "--pid says which: %s", list);
}

int ask_recorder(char answer[CONTROL_ANSWER_MAX], u64 pid, const char *request, struct err *err)
{
	pid_t found = (pid_t)pid;
	char text[512], advice[512];
	int r = pid ? 0 : find_recorder(&found, err);

	r = r ?: control_ask(answer, found, request, err);
	if (r < 0)
		return r;
	answer_text(text, sizeof(text), answer, "error");
	if (!*text)
		return 0;
	answer_text(advice, sizeof(advice), answer, "hint");
	fail(err, -EIO, "%s", text);
	return *advice ? hint(err, "%s", advice) : -EIO;
}
