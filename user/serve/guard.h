/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * guard - who may ask a server that can record any process of this machine
 *
 * A browser on this machine reaches it, too, and does what any web site tells it: so a request
 * must name this machine as its host, and come from no other site.
 */
#ifndef TRACER_SERVE_GUARD_H
#define TRACER_SERVE_GUARD_H

#include <netinet/in.h>

#include "user/base/err.h"
#include "user/base/util.h"

#define GUARD_TOKEN_LEAST 16	/* bytes: shorter ones can be tried out */
#define GUARD_TOKEN_MAX	  256

/* Where to listen: an address and a port, 0 for a free one */
union listen_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/**
 * listen_parse() - "127.0.0.1:6060", "[::1]:6060", "localhost:6060", ":6060"
 * @loopback: set to whether only this machine can reach it
 *
 * Names are not looked up: "localhost" is 127.0.0.1. Return: 0, or -EINVAL with @err filled.
 */
int listen_parse(union listen_address *to, bool *loopback, const char *text, struct err *err);

struct guard {
	char token[GUARD_TOKEN_MAX];	/* zeros behind it */
	size_t token_bytes;		/* 0: none is asked for */
	const char *const *hosts;	/* names of this machine, besides localhost and numbers */
	size_t host_count;
};

/**
 * guard_read_token() - the first line of a file
 *
 * Return: 0; -EPERM when others than its owner may read it, -EINVAL when it is too short or too
 * long, or what open() said; with @err filled.
 */
int guard_read_token(struct guard *guard, const char *path, struct err *err);

/* What a request says of itself; NULL: nothing */
struct guard_request {
	const char *host;		/* Host */
	const char *authorization;	/* Authorization */
	const char *origin;		/* Origin */
	const char *site;		/* Sec-Fetch-Site */
};

enum guard_answer {
	GUARD_LETS_IN,
	GUARD_FOREIGN_HOST,
	GUARD_FOREIGN_SITE,
	GUARD_NO_TOKEN,
};

enum guard_answer guard_ask(const struct guard *guard, const struct guard_request *request);

#endif
