// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* sql - questions to a trace in SQL */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/base/text.h"
#include "user/cli/command.h"
#include "user/cli/filters.h"
#include "user/cli/sql_print.h"

struct options {
	struct filter_options filters;
	bool json;
	bool csv;
	bool schema;
	bool lines;
};

static const struct option_spec sql_options[] = {
	{ "json", 0, OPTION_FLAG, offsetof(struct options, json), NULL,
	  "rows as JSON, one object for each query" },
	{ "csv", 0, OPTION_FLAG, offsetof(struct options, csv), NULL, "rows as CSV, with a head" },
	{ "schema", 0, OPTION_FLAG, offsetof(struct options, schema), NULL,
	  "print the tables and what their columns mean, and nothing else" },
	{ "lines", 0, OPTION_FLAG, offsetof(struct options, lines), NULL,
	  "files and lines of frames, too: slow" },
	FILTER_OPTIONS(options, filters),
	{ 0 },
};

struct prompt {
	struct tables tables;
	struct sql *sql;
	enum sql_mode mode;
	bool terminal;
};

static volatile int stopped;
static sqlite3 *running; /* what Ctrl-C ends */

static void on_interrupt(int number)
{
	/* A second one, because the first had no effect yet, ends the program. */
	if (stopped)
		signal(number, SIG_DFL);
	stopped = 1;
	if (running)
		sqlite3_interrupt(running);
}

/* All statements of @text, one after the other */
static int run_text(struct prompt *p, const char *text, struct err *err)
{
	sqlite3 *db = sql_database(p->sql);
	int r = 0;

	while (r >= 0 && *text) {
		sqlite3_stmt *statement = NULL;

		if (sqlite3_prepare_v2(db, text, -1, &statement, &text) != SQLITE_OK)
			r = sql_failed(p->sql, err);
		else if (statement)
			r = sql_print(stdout, p->sql, &p->tables, statement, p->mode, err);
		sqlite3_finalize(statement);
	}
	return r;
}

static void tell_missing(const struct prompt *p)
{
	struct tables_missing missing = tables_missing(&p->tables);
	char events[TEXT_MAX];

	if (p->mode == SQL_JSON || !(missing.events || missing.damaged || missing.threads))
		return;
	fflush(stdout);
	fprintf(stderr, "losses: %s events%s%s; times and counts are a lower bound\n",
		text_count(events, missing.events), missing.threads ? ", and threads" : "",
		missing.damaged ? "; the file is damaged" : "");
}

static int run_query(struct prompt *p, const char *text, struct err *err)
{
	const struct sigaction end = { .sa_handler = on_interrupt };
	struct sigaction before;
	int r;

	stopped = 0;
	running = sql_database(p->sql);
	sigaction(SIGINT, &end, &before);
	r = run_text(p, text, err);
	sigaction(SIGINT, &before, NULL);
	running = NULL;
	if (r >= 0)
		tell_missing(p);
	return r;
}

static const char prompt_help[] =
	"A query ends with ';' and may take several lines. Ctrl-C ends it.\n"
	"  .tables                what there is to ask\n"
	"  .schema [TABLE]        columns, and what they mean\n"
	"  .mode table|csv|json   how rows are printed\n"
	"  .quit                  or Ctrl-D\n";

static void list_tables(void)
{
	for (const struct table_spec *const *t = tables_list; *t; t++)
		printf("%-12s %s\n", (*t)->name, (*t)->means);
	for (const struct view_spec *v = table_views; v->name; v++)
		printf("%-12s %s\n", v->name, v->means);
}

static int set_mode(struct prompt *p, const char *name, struct err *err)
{
	static const char *const names[] = { "table", "csv", "json" };

	for (size_t i = 0; name && i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i])) {
			p->mode = (enum sql_mode)i;
			return 0;
		}
	fail(err, -EINVAL, "sql: there is no mode '%s'", name ?: "");
	return hint(err, "the modes are: table, csv, json");
}

/* A line that begins with a dot. Return: 1 to quit; 0; -EINVAL with @err filled. */
static int run_dot(struct prompt *p, char *line, struct err *err)
{
	char *rest = line, *word = strsep(&rest, " \t"), *argument = NULL;

	while (rest && !(argument && *argument))
		argument = strsep(&rest, " \t");
	if (argument && !*argument)
		argument = NULL;
	if (!strcmp(word, ".quit") || !strcmp(word, ".exit"))
		return 1;
	if (!strcmp(word, ".help"))
		fputs(prompt_help, stdout);
	else if (!strcmp(word, ".tables"))
		list_tables();
	else if (!strcmp(word, ".mode"))
		return set_mode(p, argument, err);
	else if (strcmp(word, ".schema"))
		return fail(err, -EINVAL, "sql: there is no '%s'; .help lists what there is", word);
	else if (!sql_print_schema(stdout, argument))
		return fail(err, -EINVAL, "sql: there is no table '%s'", argument);
	return 0;
}

/* One line of input. Return: as run_dot(). */
static int take_line(struct prompt *p, char *line, char **query, struct err *err)
{
	char *longer;
	int r = 0;

	line[strcspn(line, "\r\n")] = 0;
	if (!*query && *line == '.')
		return run_dot(p, line, err);
	if (asprintf(&longer, "%s%s\n", *query ?: "", line) < 0)
		return fail(err, -ENOMEM, "no memory for a query");
	free(*query);
	*query = longer;
	if (!sqlite3_complete(longer)) {
		if (longer[strspn(longer, " \t\n")])
			return 0;
	} else {
		r = run_query(p, longer, err);
	}
	free(take(*query));
	return r;
}

static int end_input(struct prompt *p, const char *query, struct err *err)
{
	if (p->terminal)
		putchar('\n');
	return query ? run_query(p, query, err) : 0;
}

/* On a terminal what goes wrong is told, and the next line asked for; else it is the end. */
static int run_prompt(struct prompt *p, struct err *err)
{
	CLEANUP(free) char *line = NULL, *query = NULL;
	const struct sigaction again = { .sa_handler = on_interrupt };
	struct sigaction before;
	size_t room = 0;
	int r = 0;

	if (p->terminal)
		printf("SQL to %s; .tables, .schema and .help tell more\n", p->tables.export.path);
	sigaction(SIGINT, p->terminal ? &again : NULL, &before);
	while (r == 0) {
		if (p->terminal)
			fputs(query ? "   ...> " : "tracer> ", stdout);
		fflush(stdout);
		stopped = 0;
		errno = 0;
		if (getline(&line, &room, stdin) < 0) {
			if (!p->terminal || errno != EINTR) {
				r = end_input(p, query, err);
				break;
			}
			/* Ctrl-C takes back what was typed. */
			clearerr(stdin);
			free(take(query));
			putchar('\n');
			continue;
		}
		r = take_line(p, line, &query, err);
		if (r >= 0 || !p->terminal)
			continue;
		fflush(stdout);
		fprintf(stderr, "%s\n", err->text);
		free(take(query));
		r = 0;
	}
	sigaction(SIGINT, &before, NULL);
	return min(r, 0);
}

/* Queries read the trace again and again: standard input is kept in an unnamed file. */
static FILE *keep_input(char path[64], struct err *err)
{
	CLEANUP(fclose) FILE *kept = tmpfile();
	char piece[65536];
	size_t size;

	while (kept && (size = fread(piece, 1, sizeof(piece), stdin)))
		if (fwrite(piece, 1, size, kept) != size)
			break;
	if (!kept || ferror(stdin) || ferror(kept) || fflush(kept)) {
		fail(err, -(errno ?: EIO), "cannot keep the trace from standard input: %s",
		     strerror(errno ?: EIO));
		return NULL;
	}
	snprintf(path, 64, "/proc/self/fd/%d", fileno(kept));
	return take(kept);
}

static int open_trace(struct prompt *p, const char *path, const struct export_options *options,
		      struct err *err)
{
	int r = tables_open(&p->tables, path, options, err);

	return r < 0 ? r : sql_open(&p->sql, &p->tables, false, err);
}

static int ask(const struct options *o, const char *path, const char *query, struct err *err)
{
	CLEANUP(fclose) FILE *kept = NULL;
	struct export_options options = { .lines = o->lines, .stop = &stopped };
	struct prompt p = {
		.mode = o->json  ? SQL_JSON
			: o->csv ? SQL_CSV
				 : SQL_TABLE,
		.terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO),
	};
	char name[64];
	int r = filters_parse(&options.filter, &o->filters, err);

	if (r >= 0 && !strcmp(path, "-")) {
		kept = keep_input(name, err);
		path = name;
		r = kept ? 0 : err->code;
	}
	if (r >= 0)
		r = open_trace(&p, path, &options, err);
	if (r >= 0)
		r = query ? run_query(&p, query, err) : run_prompt(&p, err);
	sql_close(p.sql);
	tables_close(&p.tables);
	filters_free(&options.filter);
	return r;
}

static int run(void *data, char **args, int count, struct err *err)
{
	const struct options *o = data;

	if (o->json && o->csv)
		return fail(err, -EINVAL, "sql: --json or --csv, not both");
	if (o->schema) {
		sql_print_schema(stdout, NULL);
		return 0;
	}
	if (count < 1 || count > 2) {
		fail(err, -EINVAL,
		     count ? "sql: one query, in quotes" : "sql: which trace, and what to ask?");
		return hint(err, "tracer sql FILE 'select state, sum(ns) from states group by 1'");
	}
	if (!strcmp(args[0], "-") && count < 2)
		return fail(err, -EINVAL,
			    "sql: with the trace from standard input, the query has "
			    "to stand behind it");
	return ask(o, args[0], args[1], err);
}

const struct command sql_command = {
	.name = "sql",
	.usage = "FILE ['select ...']",
	.summary = "ask a trace in SQL",
	.details =
		"The trace is a database that can only be read: threads, states, waits, wakeups, syscalls, "
		"samples, stacks, frames, losses and more. --schema tells all tables and columns. "
		"Without a query a prompt reads some. Times are nanoseconds, those that say when since "
		"the start of the recording. duration(ns) writes one for people, and "
		"percentile(ns, 99) adds many up.\n"
		"\n"
		"  tracer sql app.trace \"select thread, duration(sum(ns)) from states\n"
		"      where state = 'running' group by thread_id order by sum(ns) desc\"\n"
		"  tracer sql app.trace \"select kind, object, count(*), percentile(ns, 99)\n"
		"      from waits group by 1, 2\" --csv\n"
		"\n"
		"A query that joins two large tables reads the trace once for each row, unless one "
		"of them is kept: with w as materialized (select ...) select ... from w join ...\n",
	.options = sql_options,
	.options_bytes = sizeof(struct options),
	.run = run,
};
