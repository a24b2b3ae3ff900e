// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* record_probes - what users type to name probes, where arguments lie, what hits tell */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/record/announced.h"
#include "user/record/probe_args.h"
#include "user/record/probe_words.h"

#define complain(...)                     \
	do {                              \
		print_error(__VA_ARGS__); \
		assert_true(!"as above"); \
	} while (0)

static struct probe_words parsed(u16 kind, const char *text)
{
	struct probe_words words = { 0 };
	struct err err = { 0 };

	if (probe_words_parse(&words, kind, text, "--region", &err))
		complain("%s", err.text);
	return words;
}

static void is_place(const struct probe_place *place, const char *path, const char *provider,
		     const char *name, const char *args)
{
	assert_string_equal(place->path, path);
	assert_string_equal(place->provider, provider);
	assert_string_equal(place->name, name);
	assert_string_equal(place->args, args);
}

static void a_function_is_a_path_and_a_name(void **state)
{
	struct probe_words w = parsed(EVENT_REGION_BEGIN, "/usr/bin/server:handle_*");

	is_place(&w.begin, "/usr/bin/server", "", "handle_*", "");
	assert_string_equal(w.end.name, "");
	w = parsed(EVENT_LOG, "libc.so.6:malloc(u)");
	is_place(&w.begin, "libc.so.6", "", "malloc", "u");
	w = parsed(EVENT_LOG, "server:a::b::c(int)");
	is_place(&w.begin, "server", "", "a::b::c(int)", "");
	w = parsed(EVENT_LOG, "server:f(s,-,d,x,l,u)");
	is_place(&w.begin, "server", "", "f", "s-dxlu");
}

static void a_static_probe_has_a_provider(void **state)
{
	struct probe_words w = parsed(EVENT_LOG, "usdt:python3*:python:gc__start(d)");

	is_place(&w.begin, "python3*", "python", "gc__start", "d");
}

static void a_pair_may_leave_out_what_is_the_same(void **state)
{
	struct probe_words w = parsed(EVENT_TASK_BEGIN,
				      "query=postgres:postgresql:query__start(s)~query__done(-)");

	assert_string_equal(w.label, "query");
	is_place(&w.begin, "postgres", "postgresql", "query__start", "s");
	is_place(&w.end, "postgres", "postgresql", "query__done", "-");
	w = parsed(EVENT_TASK_BEGIN, "/opt/x=1/server:begin~end");
	assert_string_equal(w.label, "");
	is_place(&w.begin, "/opt/x=1/server", "", "begin", "");
	is_place(&w.end, "/opt/x=1/server", "", "end", "");
	w = parsed(EVENT_REGION_BEGIN, "a.so:f~b.so:prov:done");
	is_place(&w.begin, "a.so", "", "f", "");
	is_place(&w.end, "b.so", "prov", "done", "");
}

static void what_cannot_be_meant_is_refused(void **state)
{
	static const struct {
		u16 kind;
		const char *text;
	} wrong[] = {
		{ EVENT_REGION_BEGIN, "" },
		{ EVENT_REGION_BEGIN, "function" },
		{ EVENT_REGION_BEGIN, ":f" },
		{ EVENT_REGION_BEGIN, "path:" },
		{ EVENT_REGION_BEGIN, "p::" },
		{ EVENT_REGION_BEGIN, "p:prov:" },
		{ EVENT_REGION_BEGIN, "p:prov:x" },
		{ EVENT_TASK_BEGIN, "p:f" },
		{ EVENT_TASK_BEGIN, "p:f~" },
		{ EVENT_TASK_BEGIN, "p:f*~g" },
		{ EVENT_LOG, "p:f~g" },
		{ EVENT_LOG, "=p:f" },
	};
	char big[2 * PROBE_WORD_MAX];
	struct probe_words w = { 0 };
	struct err err = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		if (probe_words_parse(&w, wrong[i].kind, wrong[i].text, "--log", &err) != -EINVAL)
			complain("'%s' is accepted", wrong[i].text);
		assert_non_null(strstr(err.text, "--log"));
	}
	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = 0;
	assert_int_equal(probe_words_parse(&w, EVENT_LOG, big, "--log", &err), -EINVAL);
	assert_int_equal(w.kind, 0);
}

static void a_file_of_probes_names_the_line_that_is_wrong(void **state)
{
	char path[] = "/tmp/tracer-probes.XXXXXX";
	CLEANUP(probe_list_free) struct probe_list list = { 0 };
	struct err err = { 0 };
	FILE *file = fdopen(mkstemp(path), "w");

	fputs("# a set\n\n region  a b=p:f  \ntask p:f~g\nlog p:prov:x\nwatch p:f\n", file);
	fclose(file);
	assert_int_equal(probe_list_read(&list, path, &err), -EINVAL);
	assert_non_null(strstr(err.text, "line 6"));
	assert_int_equal(list.count, 3);
	assert_string_equal(list.words[0].label, "a b");
	is_place(&list.words[0].begin, "p", "", "f", "");
	remove(path);
	assert_int_equal(probe_list_read(&list, path, &err), -ENOENT);
}

static void letters_choose_a_functions_arguments(void **state)
{
	struct probe_layout l;

	probe_args_function(&l, "");
	assert_int_equal(l.count, 0);
	probe_args_function(&l, "s-dx");
	assert_int_equal(l.count, 3);
	assert_int_equal(l.args[0].is, PROBE_ARG_TEXT);
	assert_int_equal(l.args[0].bytes, 8);
	assert_int_equal(l.args[1].is, PROBE_ARG_SIGNED);
	assert_int_equal(l.args[1].bytes, 4);
	assert_int_equal(l.args[2].is, PROBE_ARG_HEX);
	assert_true(l.args[1].base != l.args[0].base && l.args[2].base != l.args[1].base);
	probe_args_function(&l, "ssssssssss");
	assert_int_equal(l.count, PROBE_ARGS_MAX);
}

#if defined(__x86_64__)

static void arguments_of_static_probes_are_found(void **state)
{
	struct probe_layout l;

	assert_int_equal(probe_args_usdt(&l, "8@%rdi -4@-20(%rbp) 4@$7 8@(%rax,%rbx,8) 1@%cl", ""),
			 0);
	assert_int_equal(l.count, 5);
	assert_int_equal(l.args[0].place, PROBE_ARG_REGISTER);
	assert_int_equal(l.args[0].is, PROBE_ARG_ANY);
	assert_int_equal(l.args[1].place, PROBE_ARG_MEMORY);
	assert_int_equal(l.args[1].offset, -20);
	assert_int_equal(l.args[1].is, PROBE_ARG_SIGNED);
	assert_int_equal(l.args[1].bytes, 4);
	assert_int_equal(l.args[2].place, PROBE_ARG_CONSTANT);
	assert_int_equal(l.args[2].offset, 7);
	assert_int_equal(l.args[3].scale, 8);
	assert_true(l.args[3].base != l.args[3].index);
	assert_int_equal(l.args[4].bytes, 1);
}

static void arguments_that_are_not_understood_are_counted(void **state)
{
	static const char *const odd[] = {
		"8f@%xmm0",
		"8@x(%rip)",
		"8@sym+4(%rip)",
		"3@%rdi",
		"8@",
		"@%rdi",
		"8@%",
		"8@%nothing",
		"8@(",
		"8@(%rax,%rbx,3)",
		"8@(%rax,%rbx",
		"8@%rdi)",
		"8",
		"99999999999999999999@%rdi",
	};
	struct probe_layout l;

	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		char text[64];

		snprintf(text, sizeof(text), "%s 4@%%esi", odd[i]);
		if (probe_args_usdt(&l, text, "") != 1 || l.count != 1)
			complain("'%s' is taken for an argument", odd[i]);
	}
	assert_int_equal(probe_args_usdt(&l, "", ""), 0);
	assert_int_equal(l.count, 0);
	assert_int_equal(
		probe_args_usdt(&l, "8@%rdi 8@%rdi 8@%rdi 8@%rdi 8@%rdi 8@%rdi 8@%rdi", ""), 1);
	assert_int_equal(l.count, PROBE_ARGS_MAX);
}

#endif

/* A record of the ring with this name and text */
static struct event_annotation *record(u16 flags, const char *name, size_t name_bytes,
				       const void *text, size_t text_bytes)
{
	static u64 words[EVENT_SIZE_MAX / 8];
	struct event_annotation *to = (void *)words;

	memset(words, 0, sizeof(words));
	to->tid = 42;
	to->flags = flags;
	to->name_bytes = (u16)name_bytes;
	to->text_bytes = (u16)text_bytes;
	memcpy(to->data, name, name_bytes);
	memcpy(to->data + name_bytes, text, text_bytes);
	return to;
}

static void reads_as(u16 flags, const char *raw, size_t bytes, const char *name, u16 more_flags)
{
	struct event_annotation *from = record(flags, raw, bytes, "", 0);
	static struct announced room;
	struct trace_annotation to;

	assert_true(announced_read(&to, &room, from, sizeof(*from) + bytes));
	assert_string_equal(to.name, name);
	assert_string_equal(to.text, "");
	assert_int_equal(to.flags, flags | more_flags);
}

static void names_become_utf8(void **state)
{
	reads_as(0, "", 0, "", 0);
	reads_as(0, "plain", 5, "plain", 0);
	reads_as(0, "\xe2\x82\xac", 3, "\xe2\x82\xac", 0);
	reads_as(0,
		 "a\xff"
		 "b",
		 3,
		 "a\xef\xbf\xbd"
		 "b",
		 ANNOTATION_NOT_UTF8);
	reads_as(0, "a\0b", 3,
		 "a\xef\xbf\xbd"
		 "b",
		 ANNOTATION_NOT_UTF8);
	/* The begin of a character is left out when the name was cut, and only then. */
	reads_as(ANNOTATION_CUT_NAME, "a\xe2\x82", 3, "a", 0);
	reads_as(ANNOTATION_CUT_NAME, "a\xf0\x9f\x92", 4, "a", 0);
	reads_as(0, "a\xe2\x82", 3, "a\xef\xbf\xbd\xef\xbf\xbd", ANNOTATION_NOT_UTF8);
	reads_as(ANNOTATION_CUT_NAME, "a\x82", 2, "a\xef\xbf\xbd", ANNOTATION_NOT_UTF8);
}

static void lengths_that_a_record_does_not_have_are_refused(void **state)
{
	static char bytes[ANNOTATION_TEXT_MAX];
	static struct announced room;
	struct event_annotation *from;
	struct trace_annotation to;

	memset(bytes, 0xff, sizeof(bytes));
	from = record(0, bytes, ANNOTATION_NAME_MAX, bytes, ANNOTATION_TEXT_MAX);
	assert_true(announced_read(&to, &room, from,
				   sizeof(*from) + ANNOTATION_NAME_MAX + ANNOTATION_TEXT_MAX));
	assert_int_equal(strlen(to.name), 3 * ANNOTATION_NAME_MAX);
	assert_int_equal(strlen(to.text), 3 * ANNOTATION_TEXT_MAX);
	assert_false(announced_read(&to, &room, from,
				    sizeof(*from) + ANNOTATION_NAME_MAX + ANNOTATION_TEXT_MAX - 1));
	from->name_bytes++;
	assert_false(announced_read(&to, &room, from, EVENT_SIZE_MAX));
}

static void arguments_of_a_hit_become_one_text(void **state)
{
	struct {
		struct probe_values values;
		char text[16];
	} all = {
		.values = { .value = { 12345678, (u64)-3, 0xbeef, 77, 1ULL << 40 },
			    .bytes = { 4, 0, 0, 2, 0 },
			    .is = { PROBE_ARG_TEXT, PROBE_ARG_SIGNED, PROBE_ARG_HEX, PROBE_ARG_ANY,
				    PROBE_ARG_ANY },
			    .count = 5 },
		.text = "row1\x01\xff",
	};
	static struct announced room;
	struct trace_annotation to;
	struct event_annotation *from = record(ANNOTATION_PROBED, "", 0, &all, sizeof(all));

	from->probe = 3;
	assert_true(announced_read(&to, &room, from, sizeof(*from) + sizeof(all)));
	assert_int_equal(to.probe, 3);
	assert_string_equal(to.text, "\"row1\", -3, 0xbeef, 77, 0x10000000000");

	all.values.count = 1;
	from = record(ANNOTATION_PROBED, "", 0, &all, sizeof(all));
	from->probe = 3;
	assert_true(announced_read(&to, &room, from, sizeof(*from) + sizeof(all)));
	assert_string_equal(to.text, "row1");
	/* Where no text can be read its address is told. */
	all.values.bytes[0] = 0;
	all.values.unreadable = 1;
	from = record(ANNOTATION_PROBED, "", 0, &all, sizeof(all));
	from->probe = 3;
	assert_true(announced_read(&to, &room, from, sizeof(*from) + sizeof(all)));
	assert_string_equal(to.text, "0xbc614e");
	assert_true(to.flags & ANNOTATION_BAD_TEXT);
	/* Texts that are longer than the record */
	all.values.bytes[0] = 17;
	from = record(ANNOTATION_PROBED, "", 0, &all, sizeof(all));
	from->probe = 3;
	assert_false(announced_read(&to, &room, from, sizeof(*from) + sizeof(all)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_function_is_a_path_and_a_name),
		cmocka_unit_test(a_static_probe_has_a_provider),
		cmocka_unit_test(a_pair_may_leave_out_what_is_the_same),
		cmocka_unit_test(what_cannot_be_meant_is_refused),
		cmocka_unit_test(a_file_of_probes_names_the_line_that_is_wrong),
		cmocka_unit_test(letters_choose_a_functions_arguments),
#if defined(__x86_64__)
		cmocka_unit_test(arguments_of_static_probes_are_found),
		cmocka_unit_test(arguments_that_are_not_understood_are_counted),
#endif
		cmocka_unit_test(names_become_utf8),
		cmocka_unit_test(lengths_that_a_record_does_not_have_are_refused),
		cmocka_unit_test(arguments_of_a_hit_become_one_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
