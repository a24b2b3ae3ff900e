// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* request - what a client of the server asks for, from its path and query */
#include "user/serve/request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/base/text.h"

#define TRACE_NS   NSEC_PER_SEC /* as net/http/pprof has them */
#define PROFILE_NS (30 * NSEC_PER_SEC)

static const struct {
	const char *path;
	enum request_kind kind;
	const char *profile;
	u64 duration_ns;
} paths[] = {
	{ "/", REQUEST_INDEX, NULL, 0 },
	{ "/debug/pprof/", REQUEST_INDEX, NULL, 0 },
	{ "/debug/pprof/trace", REQUEST_RECORD, NULL, TRACE_NS },
	{ "/debug/pprof/profile", REQUEST_RECORD, "cpu", PROFILE_NS },
	{ "/debug/pprof/block", REQUEST_RECORD, "wait", PROFILE_NS },
	{ "/debug/pprof/mutex", REQUEST_RECORD, "sync", PROFILE_NS },
	{ "/debug/pprof/net", REQUEST_RECORD, "net", PROFILE_NS },
	{ "/debug/pprof/syscall", REQUEST_RECORD, "syscall", PROFILE_NS },
	{ "/debug/pprof/sched", REQUEST_RECORD, "sched", PROFILE_NS },
	{ "/debug/trace/snapshot", REQUEST_SNAPSHOT, NULL, 0 },
	{ "/status", REQUEST_STATUS, NULL, 0 },
	{ "/metrics", REQUEST_METRICS, NULL, 0 },
};

const char request_index[] =
	"tracer\n"
	"\n"
	"/debug/pprof/trace?seconds=1[&pid=PID][&format=FORMAT]\n"
	"    a recording of that length: a trace, or what `tracer export FORMAT` makes of it\n"
	"/debug/pprof/profile?seconds=30[&pid=PID]    where the CPU was used, for go tool pprof\n"
	"/debug/pprof/block?seconds=30[&pid=PID]      where threads waited\n"
	"/debug/pprof/mutex?seconds=30[&pid=PID]      where they waited for locks\n"
	"/debug/pprof/{net,syscall,sched}?...         for the network, in system calls, for a CPU\n"
	"/debug/trace/snapshot                        the window of the running flight recorder\n"
	"/status                                      of that recorder, as JSON\n"
	"/metrics                                     of that recorder and this server\n";

static const char *const formats[] = { "perfetto", "go", "chrome", "folded", "ndjson", "sqlite" };

static int parse_seconds(u64 *ns, const char *text, u64 longest_ns, struct err *err)
{
	char with_unit[64], most[TEXT_MAX];
	int r;

	if (strlen(text) > 32 || strspn(text, "0123456789.") != strlen(text))
		return fail(err, -EINVAL, "seconds is to be a number, as in seconds=5");
	snprintf(with_unit, sizeof(with_unit), "%ss", text);
	r = parse_duration(ns, with_unit, "seconds", err);
	if (r < 0)
		return r;
	if (!*ns || *ns > longest_ns)
		return fail(err, -EINVAL, "seconds is to be more than 0, and at most %s",
			    text_duration(most, longest_ns));
	return 0;
}

static int parse_format(const char **to, const char *text, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (!strcmp(formats[i], text)) {
			*to = formats[i];
			return 0;
		}
	return fail(err, -EINVAL,
		    "format is one of perfetto, go, chrome, folded, ndjson, sqlite; without it "
		    "the trace itself comes");
}

int request_parse(struct request *to, const char *path, const struct request_words *words,
		  u64 longest_ns, struct err *err)
{
	size_t i = 0;
	u64 pid = 0;
	int r = 0;

	while (i < ARRAY_SIZE(paths) && strcmp(paths[i].path, path))
		i++;
	if (i == ARRAY_SIZE(paths))
		return fail(err, -ENOENT,
			    "there is nothing under this path; / lists what there is");
	*to = (struct request){
		.kind = paths[i].kind,
		.path = paths[i].path,
		.profile = paths[i].profile,
		.duration_ns = min(paths[i].duration_ns, longest_ns),
	};
	if (to->kind != REQUEST_RECORD)
		return 0;
	if (words->seconds)
		r = parse_seconds(&to->duration_ns, words->seconds, longest_ns, err);
	if (!r && words->pid)
		r = parse_number(&pid, words->pid, 1, INT32_MAX, "pid", err);
	if (!r && words->format && to->profile)
		r = fail(err, -EINVAL, "a profile has but one format, that of go tool pprof");
	else if (!r && words->format)
		r = parse_format(&to->format, words->format, err);
	to->pid = (u32)pid;
	return r;
}
