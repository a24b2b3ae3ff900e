// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* serve - recordings over HTTP, for those who cannot log in to the machine */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/text.h"
#include "user/cli/ask.h"
#include "user/serve/server.h"

#define LISTEN     "127.0.0.1:6060"
#define LONGEST_NS (10 * 60 * NSEC_PER_SEC)
#define AT_ONCE    4

struct options {
	const char *listen;
	const char *pid;
	bool all;
	const char *token_file;
	struct text_list hosts;
	u64 longest_ns;
	u64 at_once;
	u64 recorder;
	bool quiet;
};

static const struct option_spec serve_options[] = {
	{ "listen", 0, OPTION_TEXT, offsetof(struct options, listen), "ADDRESS:PORT",
	  "wait for requests there [" LISTEN "]" },
	{ "pid", 'p', OPTION_TEXT, offsetof(struct options, pid), "PID[,PID...]",
	  "record these processes for requests without pid=" },
	{ "all", 'a', OPTION_FLAG, offsetof(struct options, all), NULL,
	  "record every thread of the system for requests without pid=" },
	{ "token-file", 0, OPTION_TEXT, offsetof(struct options, token_file), "FILE",
	  "requests must have the token that is the first line of FILE" },
	{ "host", 0, OPTION_LIST, offsetof(struct options, hosts), "NAME",
	  "a name of this machine that requests may use, besides numbers and localhost" },
	{ "longest", 0, OPTION_TIME, offsetof(struct options, longest_ns), "TIME",
	  "of a recording [10m]" },
	{ "at-once", 0, OPTION_NUMBER, offsetof(struct options, at_once), "N",
	  "recordings that may go on at the same time [4]" },
	{ "recorder", 0, OPTION_NUMBER, offsetof(struct options, recorder), "PID",
	  "the flight recorder to ask for /status and snapshots [the only one that runs]" },
	{ "quiet", 'q', OPTION_FLAG, offsetof(struct options, quiet), NULL,
	  "no line for each request" },
	{ 0 },
};

static void defaults(void *data)
{
	struct options *options = data;

	options->listen = LISTEN;
	options->longest_ns = LONGEST_NS;
	options->at_once = AT_ONCE;
}

static void say(void *ctx, const char *line)
{
	char shown[600];

	text_printable(shown, sizeof(shown), line);
	fprintf(stderr, "tracer: %s\n", shown);
}

static const struct {
	const char *key, *name, *type, *help;
} metrics[] = {
	{ "events", "events_total", "counter", "events that were recorded" },
	{ "lost", "lost_events_total", "counter", "events that found no room" },
	{ "recorder_cpu_ns", "cpu_nanoseconds_total", "counter", "CPU time of the recorder" },
	{ "memory_bytes", "memory_bytes", "gauge", "memory of the recorder" },
	{ "memory_most_bytes", "memory_limit_bytes", "gauge", "memory that it may take" },
	{ "held_ns", "window_nanoseconds", "gauge", "time that the window holds" },
	{ "held_bytes", "window_bytes", "gauge", "bytes that the window holds" },
	{ "triggers", "triggers_total", "counter", "triggers that were met" },
	{ "suppressed", "triggers_suppressed_total", "counter", "of these, in no snapshot" },
	{ "snapshots", "snapshots_total", "counter", "snapshots that were written" },
	{ "failed", "snapshots_failed_total", "counter", "snapshots that could not be" },
	{ "removed", "snapshots_removed_total", "counter", "snapshots that made room for others" },
};

/* The numbers of a status, as Prometheus reads them. Return: to be freed, or NULL. */
static char *metrics_of(const char *status)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (size_t i = 0; out && i < ARRAY_SIZE(metrics); i++)
		fprintf(out,
			"# HELP tracer_flight_%s %s\n# TYPE tracer_flight_%s %s\n"
			"tracer_flight_%s %" PRIu64 "\n",
			metrics[i].name, metrics[i].help, metrics[i].name, metrics[i].type,
			metrics[i].name, answer_number(status, metrics[i].key));
	if (!out || fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

static int ask(void *ctx, char **to, const char *what, const char *path, struct err *err)
{
	const struct options *options = ctx;
	char answer[CONTROL_ANSWER_MAX], request[CONTROL_REQUEST_MAX];
	bool is_metrics = !strcmp(what, "metrics");
	int r;

	snprintf(request, sizeof(request), "%s%s%s", is_metrics ? "status" : what, path ? " " : "",
		 path ?: "");
	r = ask_recorder(answer, options->recorder, request, err);
	if (r < 0)
		return r;
	*to = is_metrics ? metrics_of(answer) : strdup(answer);
	return *to ? 0 : fail(err, -ENOMEM, "no memory for an answer");
}

/* Until somebody ends it */
static int serve(const struct options *options, const struct server_options *server_options,
		 struct err *err)
{
	CLEANUP(server_free) struct server *server = NULL;
	sigset_t ends;
	int signal, r;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	/* All threads of the server inherit it. */
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	r = server_new(&server, server_options, err);
	if (r < 0)
		return r;
	fprintf(stderr, "tracer: port %u waits for requests; / lists what can be asked for\n",
		server_port(server));
	sigwait(&ends, &signal);
	return 0;
}

static int run(void *data, char **args, int count, struct err *err)
{
	struct options *options = data;
	struct server_options server = {
		.guard = { .hosts = options->hosts.items, .host_count = options->hosts.count },
		.longest_ns = options->longest_ns,
		.at_once = (u32)min(options->at_once, (u64)UINT32_MAX),
		.ask = ask,
		.on_request = options->quiet ? NULL : say,
		.ctx = options,
	};
	bool loopback = false;
	int r = 0;

	if (count)
		return fail(err, -EINVAL, "serve takes no words, but there is '%s'", args[0]);
	if (options->pid && options->all)
		return fail(err, -EINVAL, "only one of -p and -a can be the target");
	if (!options->at_once || !options->longest_ns)
		return fail(err, -EINVAL, "--at-once and --longest: 0 would allow no recording");
	r = listen_parse(&server.address, &loopback, options->listen, err);
	if (!r && options->token_file)
		r = guard_read_token(&server.guard, options->token_file, err);
	if (r < 0)
		return r;
	if (!loopback && !options->token_file) {
		fail(err, -EINVAL, "--listen: others could reach '%s', and record any process",
		     options->listen);
		return hint(err, "listen on 127.0.0.1 and use ssh -L, or give a --token-file");
	}
	if (options->pid) {
		server.target[0] = "-p";
		server.target[1] = options->pid;
	} else if (options->all) {
		server.target[0] = "-a";
	}
	return serve(options, &server, err);
}

const struct command serve_command = {
	.name = "serve",
	.usage = "[--listen ADDRESS:PORT] [-p PID[,PID...] | -a] [--token-file FILE]",
	.summary = "record for whoever asks over HTTP",
	.details =
		"Answers GET requests under the paths that Go's net/http/pprof has:\n"
		"  /debug/pprof/trace?seconds=5&pid=PID    a trace; format=perfetto|go|chrome|... exports it\n"
		"  /debug/pprof/profile?seconds=30         where the CPU was used, for go tool pprof\n"
		"  /debug/pprof/block, mutex, net, syscall, sched    where threads waited\n"
		"  /debug/trace/snapshot                   the window of a running flight recorder\n"
		"  /status, /metrics                       of that recorder; the latter for Prometheus\n"
		"Each request records for itself; it ends when its client goes away.\n"
		"\n"
		"Without a token only this machine is served. A request must name this machine as its "
		"host, by a number, as localhost or by --host, and come from no other web site. There "
		"is no encryption: across a network use ssh -L, or a proxy that has it.\n"
		"\n"
		"Examples:\n"
		"  sudo tracer serve -p 4711\n"
		"  curl -o app.trace '127.0.0.1:6060/debug/pprof/trace?seconds=5'\n"
		"  go tool pprof 'http://127.0.0.1:6060/debug/pprof/block?seconds=10'\n",
	.options = serve_options,
	.options_bytes = sizeof(struct options),
	.defaults = defaults,
	.run = run,
};
