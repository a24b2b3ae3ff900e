// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* serve_guard - who is let in, where a server listens, and what a request asks for */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "user/serve/guard.h"
#include "user/serve/request.h"

static void an_address_has_a_port_and_says_who_can_reach_it(void **state)
{
	static const struct {
		const char *text;
		int family;
		u16 port;
		bool loopback;
	} rows[] = {
		{ "127.0.0.1:6060", AF_INET, 6060, true },
		{ "localhost:1", AF_INET, 1, true },
		{ ":0", AF_INET, 0, true },
		{ "127.9.9.9:80", AF_INET, 80, true },
		{ "[::1]:80", AF_INET6, 80, true },
		{ "0.0.0.0:80", AF_INET, 80, false },
		{ "[::]:80", AF_INET6, 80, false },
		{ "10.0.0.1:80", AF_INET, 80, false },
		{ "[::ffff:10.0.0.1]:80", AF_INET6, 80, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		union listen_address to;
		struct err err = { 0 };
		bool loopback = !rows[i].loopback;

		assert_int_equal(listen_parse(&to, &loopback, rows[i].text, &err), 0);
		assert_int_equal(to.any.sa_family, rows[i].family);
		assert_int_equal(ntohs(to.v4.sin_port), rows[i].port);
		assert_int_equal(loopback, rows[i].loopback);
	}
}

static void what_is_no_address_is_refused_with_advice(void **state)
{
	static const char *const rows[] = { "",          "6060",         "127.0.0.1",
					    "::1:80",    "[::1:80",      "example.org:80",
					    "1.2.3:80",  "127.0.0.1:x",  "127.0.0.1:65536",
					    "[::1]x:80", "127.0.0.1:-1", "127.0.0.1:" };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		union listen_address to;
		struct err err = { 0 };
		bool loopback;

		assert_int_equal(listen_parse(&to, &loopback, rows[i], &err), -EINVAL);
		assert_non_null(strstr(err.text, "--listen"));
	}
}

static enum guard_answer ask(const struct guard *guard, const char *host, const char *token,
			     const char *origin, const char *site)
{
	const struct guard_request request = {
		.host = host, .authorization = token, .origin = origin, .site = site
	};

	return guard_ask(guard, &request);
}

static void only_names_of_this_machine_are_a_host(void **state)
{
	static const char *const names[] = { "metrics.example" };
	const struct guard guard = { .hosts = names, .host_count = 1 };
	static const char *const own[] = { "localhost", "LocalHost:6060",     "127.0.0.1:1",
					   "[::1]:9",   "metrics.example:80", "10.1.2.3" };
	static const char *const foreign[] = {
		"evil.example", "localhost.evil.example:6060", "127.0.0.1.evil.example", "", "[::1",
		"1.2.3",        "metrics.example.evil"
	};

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		assert_int_equal(ask(&guard, own[i], NULL, NULL, NULL), GUARD_LETS_IN);
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
		assert_int_equal(ask(&guard, foreign[i], NULL, NULL, NULL), GUARD_FOREIGN_HOST);
	assert_int_equal(ask(&guard, NULL, NULL, NULL, NULL), GUARD_FOREIGN_HOST);
}

static void pages_of_other_sites_are_not_let_in(void **state)
{
	const struct guard guard = { .token_bytes = 0 };
	const char *host = "127.0.0.1:6060";

	assert_int_equal(ask(&guard, host, NULL, "http://127.0.0.1:6060", "same-origin"),
			 GUARD_LETS_IN);
	assert_int_equal(ask(&guard, host, NULL, NULL, "none"), GUARD_LETS_IN);
	assert_int_equal(ask(&guard, host, NULL, NULL, "cross-site"), GUARD_FOREIGN_SITE);
	assert_int_equal(ask(&guard, host, NULL, NULL, "same-site"), GUARD_FOREIGN_SITE);
	assert_int_equal(ask(&guard, host, NULL, "http://127.0.0.1:8000", NULL),
			 GUARD_FOREIGN_SITE);
	assert_int_equal(ask(&guard, host, NULL, "null", NULL), GUARD_FOREIGN_SITE);
}

static void a_token_is_right_to_its_last_byte_or_not_at_all(void **state)
{
	struct guard guard = { .token = "0123456789abcdef", .token_bytes = 16 };
	static const char *const wrong[] = { "Bearer 0123456789abcdeg",
					     "Bearer 0123456789abcde",
					     "Bearer 0123456789abcdef0",
					     "Bearer ",
					     "",
					     "0123456789abcdef",
					     "Basic 0123456789abcdef" };
	char longest[600] = "Bearer 0123456789abcdef";

	assert_int_equal(ask(&guard, "localhost", "Bearer 0123456789abcdef", NULL, NULL),
			 GUARD_LETS_IN);
	assert_int_equal(ask(&guard, "localhost", NULL, NULL, NULL), GUARD_NO_TOKEN);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(ask(&guard, "localhost", wrong[i], NULL, NULL), GUARD_NO_TOKEN);
	memset(longest + 23, 'f', sizeof(longest) - 24);
	assert_int_equal(ask(&guard, "localhost", longest, NULL, NULL), GUARD_NO_TOKEN);
	/* Whoever has the token is still asked for the host. */
	assert_int_equal(ask(&guard, "evil.example", "Bearer 0123456789abcdef", NULL, NULL),
			 GUARD_FOREIGN_HOST);
}

static void a_token_file_is_its_owners_alone(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		int result;
	} rows[] = {
		{ "0123456789abcdef\n", 0600, 0 },
		{ "0123456789abcdef", 0400, 0 },
		{ "0123456789abcdef\nrest\n", 0600, 0 },
		{ "0123456789abcdef\n", 0640, -EPERM },
		{ "0123456789abcdef\n", 0604, -EPERM },
		{ "0123456789abcde\n", 0600, -EINVAL },
		{ "", 0600, -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char path[] = "/tmp/serve_guard.XXXXXX";
		struct guard guard = { .token = "what was there before, and is longer" };
		struct err err = { 0 };
		int fd = mkstemp(path);

		assert_true(fd >= 0);
		assert_int_equal(write(fd, rows[i].text, strlen(rows[i].text)),
				 (ssize_t)strlen(rows[i].text));
		assert_int_equal(fchmod(fd, rows[i].mode), 0);
		close(fd);
		assert_int_equal(guard_read_token(&guard, path, &err), rows[i].result);
		unlink(path);
		if (rows[i].result)
			continue;
		assert_string_equal(guard.token, "0123456789abcdef");
		assert_int_equal(guard.token_bytes, 16);
		assert_int_equal(guard.token[GUARD_TOKEN_MAX - 1], 0);
		assert_int_equal(ask(&guard, "localhost", "Bearer 0123456789abcdef", NULL, NULL),
				 GUARD_LETS_IN);
	}
	assert_int_equal(
		guard_read_token(&(struct guard){ 0 }, "/nowhere/at/all", &(struct err){ 0 }),
		-ENOENT);
	assert_int_equal(guard_read_token(&(struct guard){ 0 }, "/dev/null", &(struct err){ 0 }),
			 -EINVAL);
}

static int parse(struct request *to, const char *path, const char *seconds, const char *pid,
		 const char *format)
{
	const struct request_words words = { .seconds = seconds, .pid = pid, .format = format };
	struct err err = { 0 };
	int r = request_parse(to, path, &words, 60 * NSEC_PER_SEC, &err);

	assert_true(!r == !err.text[0]);
	return r;
}

static void a_request_says_what_is_recorded_and_for_how_long(void **state)
{
	struct request to;

	assert_int_equal(parse(&to, "/debug/pprof/trace", "5", "4711", NULL), 0);
	assert_int_equal(to.kind, REQUEST_RECORD);
	assert_int_equal(to.duration_ns, 5 * NSEC_PER_SEC);
	assert_int_equal(to.pid, 4711);
	assert_null(to.profile);
	assert_int_equal(parse(&to, "/debug/pprof/trace", NULL, NULL, "go"), 0);
	assert_int_equal(to.duration_ns, NSEC_PER_SEC);
	assert_string_equal(to.format, "go");
	assert_int_equal(parse(&to, "/debug/pprof/mutex", "0.5", NULL, NULL), 0);
	assert_int_equal(to.duration_ns, NSEC_PER_SEC / 2);
	assert_string_equal(to.profile, "sync");
	assert_int_equal(parse(&to, "/metrics", "nonsense", "-1", "?"), 0);
	assert_int_equal(to.kind, REQUEST_METRICS);
}

static void a_wrong_word_is_refused(void **state)
{
	static const struct {
		const char *path, *seconds, *pid, *format;
		int result;
	} rows[] = {
		{ "/debug/pprof/heap", NULL, NULL, NULL, -ENOENT },
		{ "", NULL, NULL, NULL, -ENOENT },
		{ "/debug/pprof/trace/", NULL, NULL, NULL, -ENOENT },
		{ "/debug/pprof/trace", "0", NULL, NULL, -EINVAL },
		{ "/debug/pprof/trace", "-1", NULL, NULL, -EINVAL },
		{ "/debug/pprof/trace", "1e3", NULL, NULL, -EINVAL },
		{ "/debug/pprof/trace", "61", NULL, NULL, -EINVAL },
		{ "/debug/pprof/trace", "5s", NULL, NULL, -EINVAL },
		{ "/debug/pprof/trace", "", NULL, NULL, -EINVAL },
		{ "/debug/pprof/trace", "99999999999999999999999", NULL, NULL, -EINVAL },
		{ "/debug/pprof/trace", NULL, "0", NULL, -EINVAL },
		{ "/debug/pprof/trace", NULL, "1,2", NULL, -EINVAL },
		{ "/debug/pprof/trace", NULL, "-1", NULL, -EINVAL },
		{ "/debug/pprof/trace", NULL, NULL, "../x", -EINVAL },
		{ "/debug/pprof/block", NULL, NULL, "go", -EINVAL },
	};
	struct request to;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(
			parse(&to, rows[i].path, rows[i].seconds, rows[i].pid, rows[i].format),
			rows[i].result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_has_a_port_and_says_who_can_reach_it),
		cmocka_unit_test(what_is_no_address_is_refused_with_advice),
		cmocka_unit_test(only_names_of_this_machine_are_a_host),
		cmocka_unit_test(pages_of_other_sites_are_not_let_in),
		cmocka_unit_test(a_token_is_right_to_its_last_byte_or_not_at_all),
		cmocka_unit_test(a_token_file_is_its_owners_alone),
		cmocka_unit_test(a_request_says_what_is_recorded_and_for_how_long),
		cmocka_unit_test(a_wrong_word_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
