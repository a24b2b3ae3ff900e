// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* export_sql - a trace asked in SQL: exact sums, no way to write, any trace at all */
#include "user/export/sql.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/helpers_events.h"
#include "tests/unit/unit.h"

#define MAIN   100
#define WORKER 101

/* A trace, open as a database */
struct asked {
	struct export_options options;
	struct tables tables;
	struct sql *sql;
	struct err err;
};

static void opens(struct asked *asked, const char *path)
{
	assert_int_equal(tables_open(&asked->tables, path, &asked->options, NULL), 0);
	assert_int_equal(sql_open(&asked->sql, &asked->tables, false, NULL), 0);
}

static void closes(struct asked *asked)
{
	sql_close(asked->sql);
	tables_close(&asked->tables);
}

/* Runs a query; its first number, or the negative errno that it failed with */
static s64 answer(struct asked *asked, const char *query)
{
	sqlite3_stmt *statement = NULL;
	s64 number = 0;
	int r = sqlite3_prepare_v2(sql_database(asked->sql), query, -1, &statement, NULL);

	if (r == SQLITE_OK) {
		r = sqlite3_step(statement);
		if (r == SQLITE_ROW)
			number = sqlite3_column_int64(statement, 0);
		while (r == SQLITE_ROW)
			r = sqlite3_step(statement);
	}
	if (r != SQLITE_DONE)
		number = sql_failed(asked->sql, &asked->err);
	sqlite3_finalize(statement);
	return number;
}

static char *answer_text(struct asked *asked, const char *query)
{
	static char text[256];
	sqlite3_stmt *statement;

	assert_int_equal(sqlite3_prepare_v2(sql_database(asked->sql), query, -1, &statement, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	snprintf(text, sizeof(text), "%s", (const char *)sqlite3_column_text(statement, 0) ?: "-");
	sqlite3_finalize(statement);
	return text;
}

/* The worker runs, waits for the main thread 250 ns, has no CPU for 50 ns, and runs on. */
static void write_story(const char *path)
{
	__attribute__((cleanup(event_list_free_at_end))) struct event_list list = { 0 };
	struct trace_event *e;

	list_thread(&list, BEGIN_NS, MAIN, "main");
	list_thread(&list, BEGIN_NS, WORKER, "worker");
	list_switch(&list, BEGIN_NS + 100, 1, 0, LEAVE_PREEMPTED, MAIN);
	list_switch(&list, BEGIN_NS + 200, 0, 0, LEAVE_PREEMPTED, WORKER);
	e = list_switch(&list, BEGIN_NS + 500, 0, WORKER, LEAVE_SLEEPING, 0);
	e->sw.wait_kind = WAIT_SYNC;
	e->sw.syscall = 202;
	e->sw.address = 0x7000;
	list_waking(&list, BEGIN_NS + 750, 1, WORKER, MAIN);
	list_switch(&list, BEGIN_NS + 800, 0, 0, LEAVE_PREEMPTED, WORKER);
	e = list_syscall(&list, BEGIN_NS + 900, 0, WORKER, 1);
	e->syscall.duration_ns = 60;
	e->syscall.result = -EAGAIN;
	list_switch(&list, BEGIN_NS + 1000, 0, WORKER, LEAVE_PREEMPTED, 0);
	write_trace(path, &list, 100, BEGIN_NS);
}

static void every_column_says_what_it_means(void **state)
{
	for (const struct table_spec *const *t = tables_list; *t; t++) {
		assert_true((*t)->column_count <= COLUMNS_MAX);
		assert_true(*(*t)->means);
		for (u32 i = 0; i < (*t)->column_count; i++) {
			assert_in_range(strlen((*t)->columns[i].name), 1, 24);
			assert_non_null((*t)->columns[i].means);
			for (u32 j = 0; j < i; j++)
				assert_string_not_equal((*t)->columns[i].name,
							(*t)->columns[j].name);
		}
	}
}

static void the_schema_is_sql_itself(void **state)
{
	CLEANUP(free) char *text = NULL;
	sqlite3 *db;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_true(sql_print_schema(out, NULL));
	assert_false(sql_print_schema(out, "nothing"));
	fclose(out);
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	for (const struct view_spec *v = table_views; v->name; v++) {
		char query[64];

		snprintf(query, sizeof(query), "SELECT * FROM %s", v->name);
		assert_int_equal(sqlite3_exec(db, query, NULL, NULL, NULL), SQLITE_OK);
	}
	sqlite3_close(db);
}

static void a_story_is_told_to_the_nanosecond(void **state)
{
	struct asked asked = { 0 };

	write_story("story.trace");
	opens(&asked, "story.trace");
#define ASK(query) answer(&asked, "select " query)
	assert_int_equal(ASK("count(*) from threads where recorded"), 2);
	assert_int_equal(ASK("tid from threads where thread_id = 2"), WORKER);
	assert_int_equal(ASK("count(*) from threads where thread_id = 9"), 0);
	assert_int_equal(
		ASK("ns from states where thread = 'worker' and state = 'blocked' and not cut_begin"),
		250);
	assert_int_equal(ASK("latency_ns from waits where tid = 101 and begin_ns"), 50);
	assert_int_equal(ASK("sum(ns) from states where tid = 101 and state = 'running'"), 500);
	assert_int_equal(ASK("max(begin_ns) from waits"), 500);
	assert_int_equal(ASK("waker_tid from waits where kind = 'sync' and begin_ns"), MAIN);
	assert_int_equal(ASK("time_ns from wakeups where waker = 'main' and thread = 'worker'"),
			 750);
	assert_int_equal(ASK("ns from syscalls where error = 'EAGAIN'"), 60);
	assert_int_equal(ASK("end_ns - begin_ns from recording") -
				 ASK("sum(ns) from states where tid = 101"),
			 0);
	assert_string_equal(answer_text(&asked, "select object from waits where begin_ns"),
			    "futex 0x7000");
	assert_string_equal(answer_text(&asked, "select waker_context from waits where begin_ns"),
			    "thread");
	assert_string_equal(
		answer_text(&asked, "select duration(sum(ns)) from waits where begin_ns"),
		"250 ns");
	assert_int_equal(ASK("percentile(ns, 50) from waits where begin_ns"), 250);
	assert_int_equal(ASK("percentile(ns, 101) from waits"), -EINVAL);
	assert_string_equal(answer_text(&asked, "select percentile(ns, 5) from samples"), "-");
	/* a join: each wait and its waker */
	assert_int_equal(ASK("count(*) from waits join threads on waker_thread_id = "
			     "threads.thread_id where threads.name = 'main' and waits.begin_ns"),
			 1);
	closes(&asked);
}

static void a_filter_cuts_before_anything_is_asked(void **state)
{
	const u32 pid = WORKER, tid = WORKER;
	struct asked asked = {
		.options.filter = { .tids = &tid, .tid_count = 1, .from_ns = 600, .to_ns = 900 }
	};

	write_story("story.trace");
	opens(&asked, "story.trace");
	assert_int_equal(ASK("count(distinct tid) from states"), 1);
	assert_int_equal(ASK("sum(ns) from states"), 300);
	assert_int_equal(ASK("ns from waits where cut_begin"), 150);
	assert_int_equal(ASK("count(*) from syscalls"), 0);
	assert_int_equal(ASK("count(*) from threads where recorded"), 2);
	assert_string_equal(answer_text(&asked, "select thread from waits"), "worker");
	closes(&asked);
	asked = (struct asked){ .options.filter = { .pids = &pid, .pid_count = 1 } };
	opens(&asked, "story.trace");
	assert_int_equal(ASK("count(*) from states"), ASK("count(*) from states where pid = 101"));
	closes(&asked);
}

static void nothing_can_be_written(void **state)
{
	static const char *const hostile[] = {
		"attach 'stolen.db' as other",
		"attach ':memory:' as other",
		"vacuum into 'stolen.db'",
		"vacuum",
		"create table mine (x)",
		"create temp table mine (x)",
		"create view mine as select 1",
		"create temp view mine as select 1",
		"create virtual table mine using trace",
		"create trigger t after delete on waits begin select 1; end",
		"drop table states",
		"drop view waits",
		"insert into threads values (1)",
		"delete from states",
		"update states set ns = 1",
		"alter table states rename to other",
		"pragma writable_schema = on",
		"pragma temp_store_directory = '/tmp'",
		"pragma journal_mode = delete",
		"pragma hard_heap_limit = 0",
		"select load_extension('./evil.so')",
		"select LOAD_EXTENSION('./evil.so', 'x')",
		"select writefile('stolen', 'x')",
		"select readfile('/etc/passwd')",
		"select edit('x')",
		"select fts3_tokenizer('simple', x'00')",
		"begin",
		"savepoint x",
		"analyze",
		"detach main",
		"explain attach 'stolen.db' as other",
	};
	struct asked asked = { 0 };

	write_story("story.trace");
	opens(&asked, "story.trace");
	assert_int_equal(ASK("count(*) from pragma_table_info('states') where name = 'ns'"), 1);
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		s64 r = answer(&asked, hostile[i]);

		if (r >= 0)
			print_error("this was done: %s\n", hostile[i]);
		assert_true(r < 0);
	}
	assert_int_equal(access("stolen.db", F_OK), -1);
	/* memory has an end */
	assert_int_equal(ASK("length(randomblob(2000000000))"), -EINVAL);
	assert_int_equal(answer(&asked, "with recursive r(x) as (select 1 union all select x + 1 "
					"from r limit 100) select count(group_concat(x, "
					"printf('%20000000s', ''))) from r"),
			 -EINVAL);
	assert_int_equal(ASK("count(*) from waits"), 3);
	closes(&asked);
}

static void who_says_stop_is_heard(void **state)
{
	volatile int stop = 0;
	struct asked asked = { .options.stop = &stop };

	write_story("story.trace");
	opens(&asked, "story.trace");
	assert_int_equal(ASK("count(*) > 0 from states"), 1);
	stop = 1;
	assert_int_equal(ASK("count(*) from states"), -EINTR);
	assert_int_equal(ASK("count(*) from states where thread = 'x'"), -EINTR);
	stop = 0;
	assert_int_equal(ASK("count(*) from states where thread = 'worker' and state = 'blocked'"),
			 2);
	closes(&asked);
}

/* What any trace must hold: intervals join, equal columns find what comparing would */
static void holds(struct asked *asked_)
{
	struct asked asked = *asked_;
	char query[128];

	for (const struct table_spec *const *t = tables_list; *t; t++) {
		snprintf(query, sizeof(query), "select count(*) from (select * from %s)",
			 (*t)->name);
		assert_true(answer(&asked, query) >= 0);
		snprintf(query, sizeof(query), "select * from %s", (*t)->name);
		assert_true(answer(&asked, query) >= 0 || !asked.err.code);
	}
	assert_int_equal(ASK("count(*) from states where end_ns - begin_ns <> ns or ns < 0"), 0);
	assert_int_equal(ASK("count(*) from (select end_ns, lead(begin_ns) over (partition by "
			     "thread_id order by begin_ns, end_ns) as next from states) "
			     "where next <> end_ns"),
			 0);
	assert_int_equal(ASK("count(*) from states where state = 'blocked'"),
			 ASK("count(*) from states where +state = 'blocked'"));
	assert_int_equal(ASK("count(*) from states where state = 'blocked'"),
			 ASK("count(*) from waits"));
	assert_int_equal(ASK("count(*) from states where thread_id = 3 and cpu = 1"),
			 ASK("count(*) from states where +thread_id = 3 and +cpu = 1"));
	assert_int_equal(ASK("count(*) from states where thread_id not in (select thread_id from "
			     "threads where recorded)"),
			 0);
	assert_int_equal(ASK("count(*) from frames where stack_id = 2"),
			 ASK("total(depth) from stacks where stack_id = 2"));
	assert_int_equal(ASK("count(*) from frames"), ASK("total(depth) from stacks"));
}

static void any_trace_can_be_asked(void **state)
{
	for (u64 seed = 1; seed <= 20; seed++) {
		__attribute__((cleanup(event_list_free_at_end))) struct event_list list = { 0 };
		struct asked asked = { 0 };
		struct random random = { seed };

		list_random(&list, &random, 2000, 4, BEGIN_NS);
		write_trace("random.trace", &list, 300, BEGIN_NS);
		opens(&asked, "random.trace");
		holds(&asked);
		closes(&asked);
	}
}

static void a_damaged_trace_tells_what_it_has(void **state)
{
	__attribute__((cleanup(event_list_free_at_end))) struct event_list list = { 0 };
	struct asked asked = { 0 };
	struct random random = { 77 };
	size_t size;
	u8 *bytes;

	list_random(&list, &random, 3000, 2, BEGIN_NS);
	write_trace("whole.trace", &list, 300, BEGIN_NS);
	bytes = load_file("whole.trace", &size);
	memset(bytes + size / 2, 0x55, 64);
	store_file("bad.trace", bytes, size);
	free(bytes);
	opens(&asked, "bad.trace");
	holds(&asked);
	assert_int_equal(ASK("damaged from recording"), 1);
	assert_int_equal(ASK("lower_bound from recording"), 1);
	assert_true(ASK("count(*) from losses where events is null") > 0);
	assert_true(ASK("unreadable_stretches from recording") > 0);
	assert_true(tables_missing(&asked.tables).damaged);
	closes(&asked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_column_says_what_it_means),
		cmocka_unit_test(the_schema_is_sql_itself),
		cmocka_unit_test_setup_teardown(a_story_is_told_to_the_nanosecond, enter_directory,
						leave_directory),
		cmocka_unit_test_setup_teardown(a_filter_cuts_before_anything_is_asked,
						enter_directory, leave_directory),
		cmocka_unit_test_setup_teardown(nothing_can_be_written, enter_directory,
						leave_directory),
		cmocka_unit_test_setup_teardown(who_says_stop_is_heard, enter_directory,
						leave_directory),
		cmocka_unit_test_setup_teardown(any_trace_can_be_asked, enter_directory,
						leave_directory),
		cmocka_unit_test_setup_teardown(a_damaged_trace_tells_what_it_has, enter_directory,
						leave_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
