// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* trigger - what a user types to say when a snapshot is to be taken */
#include "user/record/trigger.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/text.h"
#include "user/trace/event.h"

/* What follows the word */
enum part {
	PART_NONE = 0,
	PART_NAME = 1,      /* ":NAME" */
	PART_MAY_NAME = 2,  /* it may be left out */
	PART_MORE_TIME = 4, /* ">TIME" */
	PART_MORE_SHARE = 8,
	PART_TIME = 16,   /* ":TIME" */
	PART_SHARE = 32,  /* ":SHARE%", and PART_MAY_NAME behind it */
	PART_TEXT = 64,   /* "~TEXT", which may be left out */
	PART_PLACE = 128, /* ":", and all that follows */
};

static const struct {
	const char *word;
	unsigned int parts;
	const char *example;
} words[] = {
	[TRIGGER_SIGNAL] = { "signal", PART_NONE, "signal" },
	[TRIGGER_SNAPSHOT] = { "snapshot", PART_MAY_NAME, "snapshot" },
	[TRIGGER_TASK] = { "task", PART_NAME | PART_MORE_TIME, "task:checkout>300ms" },
	[TRIGGER_REGION] = { "region", PART_NAME | PART_MORE_TIME, "region:parse>50ms" },
	[TRIGGER_SYSCALL] = { "syscall", PART_NAME | PART_MORE_TIME, "syscall:fsync>100ms" },
	[TRIGGER_WAIT] = { "wait", PART_NAME | PART_MORE_TIME, "wait:sync>200ms" },
	[TRIGGER_SCHED_WAIT] = { "sched-wait", PART_MORE_TIME, "sched-wait>20ms" },
	[TRIGGER_LOG] = { "log", PART_NAME | PART_TEXT, "log:db~timeout" },
	[TRIGGER_PROBE] = { "probe", PART_PLACE, "probe:/usr/bin/server:handle_error" },
	[TRIGGER_CRASH] = { "crash", PART_NONE, "crash" },
	[TRIGGER_EXIT] = { "exit", PART_NONE, "exit" },
	[TRIGGER_LOSSES] = { "losses", PART_MORE_SHARE, "losses>1%" },
	[TRIGGER_PSI] = { "psi", PART_NAME | PART_MORE_SHARE, "psi:cpu>50%" },
	[TRIGGER_EVERY] = { "every", PART_TIME, "every:10m" },
	[TRIGGER_SAMPLE] = { "sample", PART_SHARE | PART_MAY_NAME, "sample:1%" },
};
_Static_assert(ARRAY_SIZE(words) == TRIGGER_KIND_COUNT, "every trigger has a word");

struct parser {
	struct trigger *to;
	const char *text;
	const char *at;
	struct err *err;
};

/* Return: -EINVAL, with the place, and how it is written. */
static int wrong(struct parser *p, const char *at, const char *what)
{
	fail(p->err, -EINVAL, "--on: %s", what);
	hint(p->err, "for example: --on '%s'", words[p->to->kind].example);
	return point(p->err, p->text, (unsigned int)(at - p->text));
}

static int parse_word(struct parser *p)
{
	size_t length = strcspn(p->at, ":>~");
	char list[256] = "";
	size_t used = 0;

	for (size_t i = 0; i < TRIGGER_KIND_COUNT; i++) {
		if (strlen(words[i].word) == length && !strncmp(words[i].word, p->at, length)) {
			p->to->kind = (enum trigger_kind)i;
			p->at += length;
			return 0;
		}
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "",
					 words[i].word);
	}
	fail(p->err, -EINVAL,
	     length ? "--on: there is no trigger '%.*s'" : "--on: a trigger is missing",
	     (int)length, p->at);
	hint(p->err, "there are: %s", list);
	return point(p->err, p->text, 0);
}

/* Up to one of @ends, which is left. */
static int parse_name(struct parser *p, const char *ends)
{
	size_t length;

	if (*p->at != ':')
		return wrong(p, p->at, "a ':' and a name are missing");
	p->at++;
	length = strcspn(p->at, ends);
	if (!length)
		return wrong(p, p->at, "a name is missing; '*' is any");
	memcpy(p->to->name, p->at, length);
	p->to->name[length] = 0;
	p->at += length;
	return 0;
}

static int parse_time(struct parser *p)
{
	struct err unused = { 0 };

	if (!*p->at)
		return wrong(p, p->at, "a time is missing");
	if (parse_duration(&p->to->time_ns, p->at, "", &unused))
		return wrong(p, p->at, "this is no time, as 300ms, 2s or 10m are");
	if (!p->to->time_ns)
		return wrong(p, p->at, "the time must be more than 0");
	p->at += strlen(p->at);
	return 0;
}

static int parse_share(struct parser *p)
{
	char *end;
	double value = strtod(p->at, &end);

	if (*p->at < '0' || *p->at > '9')
		return wrong(p, p->at, "a share is missing, as 1% is");
	if (*end != '%')
		return wrong(p, end, "a '%' is missing behind the share");
	if (!(value > 0 && value <= 100))
		return wrong(p, p->at, "the share must be more than 0% and at most 100%");
	p->to->share = value / 100;
	p->at = end + 1;
	return 0;
}

static int parse_more(struct parser *p, int (*parse)(struct parser *))
{
	if (*p->at != '>')
		return wrong(p, p->at, "a '>' is missing: how much is too much?");
	p->at++;
	return parse(p);
}

static int parse_parts(struct parser *p)
{
	unsigned int parts = words[p->to->kind].parts;
	int r = 0;

	if (parts & (PART_SHARE | PART_TIME | PART_PLACE)) {
		if (*p->at != ':')
			return wrong(p, p->at, "a ':' is missing");
		p->at++;
	}
	if (parts & PART_SHARE)
		r = parse_share(p);
	if (!r && parts & PART_TIME)
		r = parse_time(p);
	if (!r && parts & PART_PLACE) {
		if (!strchr(p->at, ':'))
			return wrong(p, p->at, "a probe is PATH:FUNCTION or PATH:PROVIDER:PROBE");
		strcpy(p->to->name, p->at);
		p->at += strlen(p->at);
	}
	if (!r && (parts & PART_NAME || (parts & PART_MAY_NAME && *p->at)))
		r = parse_name(p, parts & PART_TEXT ? "~" : parts & PART_MAY_NAME ? "" : ">");
	if (!r && parts & PART_MORE_TIME)
		r = parse_more(p, parse_time);
	if (!r && parts & PART_MORE_SHARE)
		r = parse_more(p, parse_share);
	if (!r && parts & PART_TEXT && *p->at == '~') {
		strcpy(p->to->contains, p->at + 1);
		if (!p->at[1])
			return wrong(p, p->at + 1, "the text is missing");
		p->at += strlen(p->at);
	}
	if (!r && *p->at)
		return wrong(p, p->at, "nothing is expected here");
	return r;
}

static int check_wait(struct parser *p)
{
	const char *name = strchr(p->text, ':') + 1;

	if (!strcmp(p->to->name, "any") || !strcmp(p->to->name, "*")) {
		p->to->wait_kind = TRIGGER_ANY_WAIT;
		return 0;
	}
	for (u8 i = 0; i < WAIT_KIND_COUNT; i++) {
		if (strcmp(wait_kind_name((enum wait_kind)i), p->to->name))
			continue;
		p->to->wait_kind = i;
		return 0;
	}
	wrong(p, name, "there is no such kind of wait");
	return hint(p->err, "there are: network, sync, disk, pipe, poll, sleep, fault, child, "
			    "other, any");
}

static int check_psi(struct parser *p)
{
	const char *name = p->to->name;

	if (!strcmp(name, "cpu") || !strcmp(name, "memory") || !strcmp(name, "io"))
		return 0;
	wrong(p, strchr(p->text, ':') + 1, "there is no such resource");
	return hint(p->err, "there are: cpu, memory, io");
}

int trigger_parse(struct trigger *to, const char *text, struct err *err)
{
	struct parser p = { .to = to, .text = text, .at = text, .err = err };
	int r;

	*to = (struct trigger){ 0 };
	if (strlen(text) >= TRIGGER_TEXT_MAX)
		return fail(err, -EINVAL, "--on: a trigger has at most %d bytes",
			    TRIGGER_TEXT_MAX - 1);
	strcpy(to->text, text);
	strcpy(to->name, "*");
	r = parse_word(&p);
	r = r ?: parse_parts(&p);
	if (!r && to->kind == TRIGGER_WAIT)
		r = check_wait(&p);
	if (!r && to->kind == TRIGGER_PSI)
		r = check_psi(&p);
	return r;
}

int trigger_label(struct trigger *trigger, unsigned int number, char to[2 * TRIGGER_TEXT_MAX],
		  struct err *err)
{
	if (strchr(trigger->name, '~')) {
		fail(err, -EINVAL, "--on: a trigger is one probe, not two");
		return point(err, trigger->text,
			     (unsigned int)(strchr(trigger->text, '~') - trigger->text));
	}
	snprintf(trigger->contains, sizeof(trigger->contains), "trigger-%u", number);
	snprintf(to, 2 * TRIGGER_TEXT_MAX, "%s=%s", trigger->contains, trigger->name);
	return 0;
}

bool trigger_matches(const struct trigger *trigger, const char *name)
{
	return !fnmatch(trigger->name, name, 0);
}

bool trigger_lasts(const struct trigger *trigger)
{
	return words[trigger->kind].parts & PART_MORE_TIME;
}
