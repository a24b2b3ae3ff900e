// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* record_trigger - what --on accepts, and where it points when it does not */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/record/trigger.h"
#include "user/trace/event.h"

static struct trigger parsed(const char *text)
{
	struct trigger trigger;
	struct err err = { 0 };

	if (trigger_parse(&trigger, text, &err)) {
		print_error("%s: %s\n", text, err.text);
		assert_true(!"as above");
	}
	assert_string_equal(trigger.text, text);
	return trigger;
}

static void words_alone(void **state)
{
	assert_int_equal(parsed("signal").kind, TRIGGER_SIGNAL);
	assert_int_equal(parsed("exit").kind, TRIGGER_EXIT);
	assert_int_equal(parsed("crash").kind, TRIGGER_CRASH);
	assert_int_equal(parsed("snapshot").kind, TRIGGER_SNAPSHOT);
	assert_string_equal(parsed("snapshot").name, "*");
	assert_string_equal(parsed("snapshot:slow *").name, "slow *");
}

static void durations(void **state)
{
	struct trigger t = parsed("task:check out>300ms");

	assert_int_equal(t.kind, TRIGGER_TASK);
	assert_string_equal(t.name, "check out");
	assert_int_equal(t.time_ns, 300 * NSEC_PER_MSEC);
	assert_true(trigger_lasts(&t));
	t = parsed("region:a:b>1.5s");
	assert_string_equal(t.name, "a:b");
	assert_int_equal(t.time_ns, 1500 * NSEC_PER_MSEC);
	t = parsed("syscall:fsync>100us");
	assert_int_equal(t.kind, TRIGGER_SYSCALL);
	assert_int_equal(t.time_ns, 100 * NSEC_PER_USEC);
	t = parsed("sched-wait>20ms");
	assert_int_equal(t.kind, TRIGGER_SCHED_WAIT);
	t = parsed("every:10m");
	assert_int_equal(t.time_ns, 600 * NSEC_PER_SEC);
	assert_false(trigger_lasts(&t));
}

static void kinds_of_waits(void **state)
{
	assert_int_equal(parsed("wait:sync>200ms").wait_kind, WAIT_SYNC);
	assert_int_equal(parsed("wait:network>1s").wait_kind, WAIT_NETWORK);
	assert_int_equal(parsed("wait:any>1s").wait_kind, TRIGGER_ANY_WAIT);
	assert_int_equal(parsed("wait:*>1s").wait_kind, TRIGGER_ANY_WAIT);
}

static void shares(void **state)
{
	struct trigger t = parsed("sample:0.5%:checkout*");

	assert_true(t.share > 0.00499 && t.share < 0.00501);
	assert_string_equal(t.name, "checkout*");
	t = parsed("sample:100%");
	assert_true(t.share == 1);
	assert_string_equal(t.name, "*");
	t = parsed("losses>1%");
	assert_true(t.share > 0.0099 && t.share < 0.0101);
	t = parsed("psi:memory>50%");
	assert_string_equal(t.name, "memory");
	assert_true(t.share == 0.5);
}

static void logs_and_probes(void **state)
{
	struct trigger t = parsed("log:db~time > out: 1~2");

	assert_string_equal(t.name, "db");
	assert_string_equal(t.contains, "time > out: 1~2");
	t = parsed("log:db");
	assert_string_equal(t.contains, "");
	t = parsed("probe:/usr/bin/x:f*");
	assert_string_equal(t.name, "/usr/bin/x:f*");
	t = parsed("probe:libc.so.6:libc:setjmp");
	assert_string_equal(t.name, "libc.so.6:libc:setjmp");
}

static void patterns(void **state)
{
	struct trigger t = parsed("task:check*>1s");

	assert_true(trigger_matches(&t, "checkout"));
	assert_true(trigger_matches(&t, "check"));
	assert_false(trigger_matches(&t, "recheck"));
}

/* @marked: the text, with a '|' where the caret has to be */
static void points(const char *marked)
{
	const char *bar = strchr(marked, '|');
	struct trigger trigger;
	struct err err = { 0 };
	char text[512];

	snprintf(text, sizeof(text), "%.*s%s", (int)(bar - marked), marked, bar + 1);
	assert_int_equal(trigger_parse(&trigger, text, &err), -EINVAL);
	assert_int_equal(err.code, -EINVAL);
	assert_string_equal(err.typed, text);
	if (err.caret != (unsigned int)(bar - marked))
		print_error("%s: the caret is at %u\n", marked, err.caret);
	assert_int_equal(err.caret, bar - marked);
	assert_true(*err.text && *err.hint);
}

static void what_is_wrong_is_pointed_at(void **state)
{
	static const char *const list[] = {
		"|",
		"|tsk:x>1s",
		"|signals",
		"task|",
		"task:|",
		"task:|>1s",
		"task:x|",
		"task:x>|",
		"task:x>|fast",
		"task:x>|0",
		"task:x>|1s ",
		"signal|:x",
		"exit|>1s",
		"sched-wait|:x>1s",
		"sched-wait>|",
		"every|",
		"every:|",
		"every:|often",
		"wait:|syn>1s",
		"psi:|disk>1%",
		"psi:cpu>50|",
		"psi:cpu>50|s",
		"psi:cpu>|",
		"losses>|0%",
		"losses>|101%",
		"losses>|-1%",
		"losses>1%|x",
		"sample:|",
		"sample:1|",
		"sample:1%|x",
		"sample:1%:|",
		"log:db~|",
		"log|~x",
		"probe:|main",
		"probe|",
	};

	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		points(list[i]);
}

static void long_ones_are_refused(void **state)
{
	char text[400] = "log:a~";
	struct trigger trigger;
	struct err err = { 0 };

	memset(text + 6, 'x', sizeof(text) - 7);
	assert_int_equal(trigger_parse(&trigger, text, &err), -EINVAL);
	text[255] = 0;
	assert_int_equal(trigger_parse(&trigger, text, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_alone),
		cmocka_unit_test(durations),
		cmocka_unit_test(kinds_of_waits),
		cmocka_unit_test(shares),
		cmocka_unit_test(logs_and_probes),
		cmocka_unit_test(patterns),
		cmocka_unit_test(what_is_wrong_is_pointed_at),
		cmocka_unit_test(long_ones_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
