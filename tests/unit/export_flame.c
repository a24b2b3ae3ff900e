// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* export_flame - a written story as a flame graph: shares, names, and XML that others can read */
#include "user/export/flame.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/helpers_elf.h"
#include "tests/unit/helpers_tally.h"

#define HOSTILE "a<b>&\"c\" ]]> \x01\xff\xef\xbf\xbe é"

/* The graph; also as a file graph.svg in the tests' folder. To be freed. */
static char *is_drawn(struct story *story)
{
	char *made = NULL;
	size_t size;
	FILE *out = open_memstream(&made, &size);

	assert_int_equal(tally_finish(&story->tally), 0);
	assert_int_equal(flame_write(out, &story->tally, NULL), 0);
	fclose(out);
	file_make(in_folder("graph.svg"), made, size);
	return made;
}

static bool is_xml(void)
{
	if (!runs("command -v python3 >/dev/null"))
		return true;
	return runs("python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' '%s'",
		    in_folder("graph.svg"));
}

/* The box whose title begins with @name: x and width; false: there is none */
static bool box(const char *svg, const char *name, double *x, double *width, const char **kind)
{
	static char class[32];
	char title[256];
	const char *at;

	snprintf(title, sizeof(title), "<title>%s\n", name);
	at = strstr(svg, title);
	at = at ? strstr(at, "<rect ") : NULL;
	if (!at || sscanf(at, "<rect class=\"%31[a-z]\" x=\"%lf\" y=\"%*d\" width=\"%lf\"", class,
			  x, width) != 3)
		return false;
	*kind = class;
	return true;
}

static void told(struct story *story)
{
	const u64 pop[] = { 0x1000, 0x2001 }, push[] = { 0x3000, 0x2001 }, kernel[] = { ~0xfffULL };

	has_stack(story, 1, MAIN, STACK_END_ROOT, pop, 2);
	has_stack(story, 2, MAIN, STACK_END_ROOT, push, 2);
	has_stack(story, 3, 0, STACK_END_ROOT, kernel, 1);
	has_name(story, MAIN, 0x1000, "pop");
	has_name(story, MAIN, 0x3000, "push");
	has_name(story, MAIN, 0x2001, "main_loop");
	has_name(story, 0, ~0xfffULL, "futex_wait");
}

static void frames_are_as_wide_as_their_time(void **state)
{
	CLEANUP(free) char *svg = NULL;
	double x, width, pop_x, push_x;
	const char *kind;
	struct story story;

	begins(&story, "wait");
	told(&story);
	waits(&story, MAIN, 3 * MS, WAIT_SYNC, 1, 3);
	waits(&story, WORKER, 1 * MS, WAIT_DISK, 2, 0);
	svg = is_drawn(&story);
	assert_true(box(svg, "all", &x, &width, &kind));
	assert_int_equal((int)width, 1200);
	assert_string_equal(kind, "mixed");
	assert_true(box(svg, "main_loop", &x, &width, &kind));
	assert_int_equal((int)width, 1200);
	assert_true(box(svg, "pop", &pop_x, &width, &kind));
	assert_int_equal((int)width, 900);
	assert_string_equal(kind, "sync");
	assert_true(box(svg, "push", &push_x, &width, &kind));
	assert_int_equal((int)width, 300);
	assert_string_equal(kind, "disk");
	/* Side by side, the longer one first, and the kernel below its caller. */
	assert_int_equal((int)pop_x, 0);
	assert_int_equal((int)push_x, 900);
	assert_true(box(svg, "futex_wait", &x, &width, &kind));
	assert_int_equal((int)width, 900);
	assert_non_null(
		strstr(svg, "<title>pop\n3.00 ms (3,000,000 ns), 75.0 %\n1 wait\nsync 100 %"));
	assert_true(is_xml());
	story_ends(&story);
}

static void names_cannot_break_out(void **state)
{
	CLEANUP(free) char *svg = NULL;
	struct story story;

	begins(&story, "sync");
	told(&story);
	has_name(&story, MAIN, 0x1000, HOSTILE);
	waits(&story, MAIN, 3 * MS, WAIT_SYNC, 1, 3);
	svg = is_drawn(&story);
	assert_null(strstr(svg, "a<b>"));
	assert_non_null(strstr(svg, "a&lt;b&gt;&amp;&quot;c&quot; ]]&gt; "));
	assert_true(is_xml());
	story_ends(&story);
}

static void what_is_too_narrow_is_left_out_and_counted(void **state)
{
	CLEANUP(free) char *svg = NULL;
	struct story story;

	begins(&story, "wait");
	told(&story);
	waits(&story, MAIN, 1000 * MS, WAIT_SYNC, 1, 0);
	waits(&story, MAIN, 10 * US, WAIT_SYNC, 2, 3);
	waits(&story, MAIN, 10 * US, WAIT_DISK, 1, 0);
	svg = is_drawn(&story);
	assert_non_null(strstr(svg, "<title>pop\n"));
	assert_null(strstr(svg, "<title>push\n"));
	assert_non_null(strstr(svg, "\ndisk &lt;0.1 %"));
	assert_true(is_xml());
	assert_non_null(strstr(svg, "2 frames are too narrow"));
	story_ends(&story);
}

static void a_graph_of_nothing_says_so(void **state)
{
	CLEANUP(free) char *svg = NULL;
	struct story story;

	begins(&story, "net");
	svg = is_drawn(&story);
	assert_non_null(strstr(svg, "nothing of that kind was recorded"));
	assert_true(is_xml());
	story_ends(&story);
}

static void it_is_small_with_many_stacks(void **state)
{
	CLEANUP(free) char *svg = NULL;
	struct story story;
	u64 frames[60];

	begins(&story, "sync");
	for (u32 id = 1; id <= 20000; id++) {
		for (u32 i = 0; i < 60; i++)
			frames[i] = 0x1000 + (u64)id % (1u << (60 - i) / 4) * 0x1000 + i;
		has_stack(&story, id, MAIN, STACK_END_ROOT, frames, 60);
		waits(&story, MAIN, MS + id * 50, WAIT_SYNC, id, 0);
	}
	svg = is_drawn(&story);
	assert_true(strlen(svg) < 32 << 20);
	assert_non_null(strstr(svg, "too narrow"));
	story_ends(&story);
}

static int make_folder(void **state)
{
	folder_make();
	return 0;
}

static int remove_folder(void **state)
{
	folder_remove();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_as_wide_as_their_time),
		cmocka_unit_test(names_cannot_break_out),
		cmocka_unit_test(what_is_too_narrow_is_left_out_and_counted),
		cmocka_unit_test(a_graph_of_nothing_says_so),
		cmocka_unit_test(it_is_small_with_many_stacks),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
