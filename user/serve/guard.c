// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* guard - who may ask a server that can record any process of this machine */
#include "user/serve/guard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "user/base/cleanup.h"
#include "user/base/text.h"

#define HOST_MAX 256

/* The host of "host", "host:port", "[v6]:port" or ":port"; @port: behind the colon, or NULL */
static bool split_host(char host[HOST_MAX], const char **port, const char *text)
{
	const char *begin = text, *end;

	if (*text == '[') {
		begin = text + 1;
		end = strchr(begin, ']');
		if (!end || (end[1] && end[1] != ':'))
			return false;
		*port = end[1] ? end + 2 : NULL;
	} else {
		end = strchr(text, ':');
		*port = end ? end + 1 : NULL;
		end = end ?: text + strlen(text);
	}
	if (end - begin >= HOST_MAX)
		return false;
	memcpy(host, begin, (size_t)(end - begin));
	host[end - begin] = 0;
	return true;
}

int listen_parse(union listen_address *to, bool *loopback, const char *text, struct err *err)
{
	char host[HOST_MAX];
	const char *port;
	u64 number = 0;
	int r;

	*to = (union listen_address){ .v4.sin_family = AF_INET };
	if (!split_host(host, &port, text) || !port) {
		fail(err, -EINVAL, "--listen: '%s' is no address with a port", text);
		return hint(err, "as in 127.0.0.1:6060 or [::1]:6060; port 0 takes a free one");
	}
	r = parse_number(&number, port, 0, UINT16_MAX, "--listen: the port", err);
	if (r < 0)
		return r;
	to->v4.sin_port = htons((u16)number);
	if (!host[0] || !strcasecmp(host, "localhost")) {
		to->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	} else if (inet_pton(AF_INET6, host, &to->v6.sin6_addr) == 1) {
		to->v6.sin6_family = AF_INET6;
		*loopback = IN6_IS_ADDR_LOOPBACK(&to->v6.sin6_addr);
		return 0;
	} else if (inet_pton(AF_INET, host, &to->v4.sin_addr) != 1) {
		fail(err, -EINVAL, "--listen: '%s' is no address of a machine", host);
		return hint(err,
			    "names are not looked up; 0.0.0.0 is every address of this machine");
	}
	*loopback = ntohl(to->v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return 0;
}

int guard_read_token(struct guard *guard, const char *path, struct err *err)
{
	CLEANUP(close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char text[GUARD_TOKEN_MAX + 2];
	struct stat st;
	ssize_t bytes;

	if (fd < 0 || fstat(fd, &st))
		return fail(err, -errno, "--token-file: '%s': %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(err, -EINVAL, "--token-file: '%s' is no file", path);
	if (st.st_mode & (S_IRWXG | S_IRWXO)) {
		fail(err, -EPERM, "--token-file: others than its owner can use '%s'", path);
		return hint(err, "chmod 600 '%s'", path);
	}
	bytes = read(fd, text, sizeof(text) - 1);
	if (bytes < 0)
		return fail(err, -errno, "--token-file: '%s': %s", path, strerror(errno));
	text[bytes] = 0;
	bytes = (ssize_t)strcspn(text, "\r\n");
	if (bytes < GUARD_TOKEN_LEAST || bytes >= GUARD_TOKEN_MAX) {
		fail(err, -EINVAL,
		     "--token-file: the first line of '%s' has %zd bytes, not %d to %d", path,
		     bytes, GUARD_TOKEN_LEAST, GUARD_TOKEN_MAX - 1);
		return hint(err, "(umask 077; openssl rand -hex 32 > '%s') makes a good one", path);
	}
	memset(guard->token, 0, sizeof(guard->token));
	memcpy(guard->token, text, (size_t)bytes);
	guard->token_bytes = (size_t)bytes;
	return 0;
}

/* A number cannot be made to mean another machine, as a name can by who owns its domain. */
static bool is_this_machine(const struct guard *guard, const char *text)
{
	char host[HOST_MAX], number[sizeof(struct in6_addr)];
	const char *port;

	if (!text || !split_host(host, &port, text))
		return false;
	if (!strcasecmp(host, "localhost") || inet_pton(AF_INET, host, number) == 1 ||
	    inet_pton(AF_INET6, host, number) == 1)
		return true;
	for (size_t i = 0; i < guard->host_count; i++)
		if (!strcasecmp(host, guard->hosts[i]))
			return true;
	return false;
}

/* A page of the server itself, or no page at all. */
static bool is_own_site(const struct guard_request *request)
{
	const char *origin = request->origin;

	if (request->site && strcmp(request->site, "same-origin") && strcmp(request->site, "none"))
		return false;
	if (!origin)
		return true;
	return !strncmp(origin, "http://", 7) && !strcasecmp(origin + 7, request->host);
}

/* How long it takes does not tell how much of it was right. */
static bool is_token(const struct guard *guard, const char *authorization)
{
	static const char scheme[] = "Bearer ";
	char told[GUARD_TOKEN_MAX] = "";
	size_t bytes = 0;
	u32 differ;

	if (authorization && !strncasecmp(authorization, scheme, strlen(scheme))) {
		bytes = strnlen(authorization + strlen(scheme), GUARD_TOKEN_MAX);
		memcpy(told, authorization + strlen(scheme), min(bytes, sizeof(told) - 1));
	}
	differ = (u32)(bytes ^ guard->token_bytes);
	for (size_t i = 0; i < sizeof(told); i++)
		differ |= (u32)(*(volatile char *)&told[i] ^ guard->token[i]);
	return !differ;
}

enum guard_answer guard_ask(const struct guard *guard, const struct guard_request *request)
{
	if (!is_this_machine(guard, request->host))
		return GUARD_FOREIGN_HOST;
	if (!is_own_site(request))
		return GUARD_FOREIGN_SITE;
	if (guard->token_bytes && !is_token(guard, request->authorization))
		return GUARD_NO_TOKEN;
	return GUARD_LETS_IN;
}
