/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* server - recordings over HTTP, under the paths that people know from Go's net/http/pprof */
#ifndef TRACER_SERVE_SERVER_H
#define TRACER_SERVE_SERVER_H

#include "user/base/cleanup.h"
#include "user/serve/guard.h"

struct server_options {
	union listen_address address;
	struct guard guard;	/* its lists stay */
	const char *target[3];	/* words of a command line, for requests without pid=; NULL: none */
	u64 longest_ns;		/* of a recording */
	u32 at_once;		/* so many recordings */

	/*
	 * Asks the running flight recorder for its "status" (JSON), its "metrics" (as Prometheus
	 * reads them) or a "snapshot". @answer: set, to be freed; @path: of the snapshot.
	 *
	 * Return: 0; -ESRCH: there is no recorder; ... with @err filled.
	 */
	int (*ask)(void *ctx, char **answer, const char *what, const char *path, struct err *err);

	/* One line for each request, without its end */
	void (*on_request)(void *ctx, const char *line);
	void *ctx;
};

struct server;

/**
 * server_new() - listen, and answer in threads of its own, one for each client
 * @options: copied, what it points to stays
 *
 * Return: 0; -EADDRINUSE, ... with @err filled.
 */
int server_new(struct server **out, const struct server_options *options, struct err *err);

/* The port that it listens on */
u16 server_port(const struct server *server);

/* Ends all recordings that go on, and waits for them. Accepts NULL. */
void server_free(struct server *server);
DEFINE_CLEANUP(struct server *, server_free)

#endif
