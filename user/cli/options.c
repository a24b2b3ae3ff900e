// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* options - the words of a command line, read by a command's table */
#include "user/cli/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/text.h"

#define NAME_MAX_BYTES 48 /* of a name that is compared by its edit distance */
#define LABEL_BYTES    64

/* What is being read: one command line */
struct parse {
	const struct command *command;
	char *options; /* the command's struct */
	char **words;
	int count;
	int at; /* the next word */
	struct err *err;
};

const struct command *command_find(const char *name)
{
	for (const struct command *const *c = commands; *c; c++)
		if (!strcmp((*c)->name, name))
			return *c;
	return NULL;
}

static bool takes_value(const struct option_spec *spec)
{
	switch (spec->type) {
	case OPTION_FLAG:
	case OPTION_NO:
	case OPTION_COUNT: return false;
	default: return true;
	}
}

static const struct option_spec *find_long(const struct command *command, const char *name,
					   size_t length)
{
	for (const struct option_spec *spec = command->options; spec && spec->name; spec++)
		if (!strncmp(spec->name, name, length) && !spec->name[length])
			return spec;
	return NULL;
}

static const struct option_spec *find_letter(const struct command *command, char letter)
{
	for (const struct option_spec *spec = command->options; spec && spec->name; spec++)
		if (spec->letter && spec->letter == letter)
			return spec;
	return NULL;
}

/*
 * Slips between two words: letters changed, left out, added, or two neighbours swapped.
 * More than NAME_MAX_BYTES are far from everything.
 */
static size_t edit_distance(const char *a, const char *b)
{
	size_t rows[3][NAME_MAX_BYTES + 1];
	size_t *before = rows[0], *last = rows[1], *row = rows[2];
	size_t na = strlen(a), nb = strlen(b);

	if (na > NAME_MAX_BYTES || nb > NAME_MAX_BYTES)
		return SIZE_MAX;
	for (size_t j = 0; j <= nb; j++)
		row[j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t *free_row = before;

		before = last;
		last = row;
		row = free_row;
		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			row[j] = min(last[j] + 1, row[j - 1] + 1);
			row[j] = min(row[j], last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = min(row[j], before[j - 2] + 1);
		}
	}
	return row[nb];
}

const char *options_nearest(const char *typed, const char *(*next)(void *state), void *state)
{
	const char *nearest = NULL, *name;
	size_t length = strlen(typed);
	size_t best = length < 3 ? 1 : length < 6 ? 2 : 3; /* slips that are still likely */

	best = min(best, length ? length - 1 : 0);
	while ((name = next(state))) {
		size_t distance;

		if (length >= 2 && !strncmp(typed, name, length))
			return name;
		distance = edit_distance(typed, name);
		if (distance < best || (distance == best && !nearest)) {
			best = distance;
			nearest = name;
		}
	}
	return nearest;
}

static const char *next_option(void *state)
{
	const struct option_spec **spec = state;

	return *spec && (*spec)->name ? (*spec)++->name : NULL;
}

static int unknown_long(struct parse *p, const char *name, size_t length)
{
	const struct option_spec *specs = p->command->options;
	CLEANUP(free) char *typed = strndup(name, length);
	const char *nearest;

	if (!typed)
		return fail(p->err, -ENOMEM, "no memory for the options");
	nearest = options_nearest(typed, next_option, &specs);
	fail(p->err, -EINVAL, "unknown option '--%s'", typed);
	if (nearest)
		return hint(p->err, "did you mean --%s?", nearest);
	return hint(p->err, "tracer %s --help lists the options", p->command->name);
}

static int unknown_letter(struct parse *p, const char *letters)
{
	const struct option_spec *whole = find_long(p->command, letters, strlen(letters));

	fail(p->err, -EINVAL, "unknown option '-%.*s'",
	     (int)max(utf8_length(letters, 4), (size_t)1), letters);
	if (whole && letters[1])
		return hint(p->err, "did you mean --%s?", whole->name);
	return hint(p->err, "tracer %s --help lists the options", p->command->name);
}

/* The option as it was typed, for messages: "--duration" or "-d" */
static void label_of(char to[LABEL_BYTES], const struct option_spec *spec, bool by_letter)
{
	if (by_letter)
		snprintf(to, LABEL_BYTES, "-%c", spec->letter);
	else
		snprintf(to, LABEL_BYTES, "--%s", spec->name);
}

static int list_add(struct text_list *list, const char *value, struct err *err)
{
	const char **items = reallocarray(list->items, list->count + 1, sizeof(*items));

	if (!items)
		return fail(err, -ENOMEM, "no memory for the options");
	items[list->count++] = value;
	list->items = items;
	return 0;
}

static int store(struct parse *p, const struct option_spec *spec, const char *label,
		 const char *value)
{
	void *field = p->options + spec->offset;

	switch (spec->type) {
	case OPTION_FLAG: *(bool *)field = true; return 0;
	case OPTION_NO: *(bool *)field = false; return 0;
	case OPTION_COUNT: *(unsigned int *)field += 1; return 0;
	case OPTION_TEXT: *(const char **)field = value; return 0;
	case OPTION_LIST: return list_add(field, value, p->err);
	case OPTION_TIME: return parse_duration(field, value, label, p->err);
	case OPTION_SIZE: return parse_size(field, value, label, p->err);
	case OPTION_NUMBER: return parse_number(field, value, 0, UINT64_MAX, label, p->err);
	}
	return fail(p->err, -ENOTSUP, "option '%s' has no type", label);
}

/* @attached: what stands in the same word behind the name, or NULL */
static int store_value(struct parse *p, const struct option_spec *spec, bool by_letter,
		       const char *attached)
{
	const char *value = attached;
	char label[LABEL_BYTES];

	label_of(label, spec, by_letter);
	if (!value && p->at < p->count) {
		value = p->words[p->at];
		if (value[0] == '-' && value[1]) {
			fail(p->err, -EINVAL, "option '%s' needs a value: %s", label, spec->value);
			return hint(p->err, "if '%s' is the value, write --%s=%s", value,
				    spec->name, value);
		}
		p->at++;
	}
	if (!value || !*value) {
		fail(p->err, -EINVAL, "option '%s' needs a value: %s", label, spec->value);
		return hint(p->err, "tracer %s --help explains it", p->command->name);
	}
	return store(p, spec, label, value);
}

static int parse_long(struct parse *p, const char *word)
{
	size_t length = strcspn(word, "=");
	const struct option_spec *spec = find_long(p->command, word, length);

	if (!spec)
		return unknown_long(p, word, length);
	if (takes_value(spec))
		return store_value(p, spec, false, word[length] ? word + length + 1 : NULL);
	if (word[length]) {
		fail(p->err, -EINVAL, "option '--%s' takes no value", spec->name);
		return hint(p->err, "write just --%s", spec->name);
	}
	return store(p, spec, spec->name, NULL);
}

static int parse_letters(struct parse *p, const char *letters)
{
	for (; *letters; letters++) {
		const struct option_spec *spec = find_letter(p->command, *letters);
		int r;

		if (!spec)
			return unknown_letter(p, letters);
		if (takes_value(spec))
			return store_value(p, spec, true, letters[1] ? letters + 1 : NULL);
		r = store(p, spec, spec->name, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

static int unexpected_word(struct parse *p, const char *word)
{
	const char *name = p->command->name;

	fail(p->err, -EINVAL, "%s does not expect '%s' there", name, word);
	if (command_find(word))
		return hint(p->err, "a command stands first: tracer %s ...", word);
	if (word[strspn(word, "0123456789,")] == 0)
		return hint(p->err, "to name a process: -p %s", word);
	return hint(p->err, "to run a program, put -- before it: -- %s", word);
}

int options_parse(const struct command *command, void *options, char **words, int count,
		  struct err *err)
{
	struct parse p = { command, options, words, count, 0, err };
	int kept = 0;

	while (p.at < count) {
		char *word = words[p.at++];
		int r = 0;

		if (!strcmp(word, "--"))
			break;
		if (word[0] == '-' && word[1] == '-')
			r = parse_long(&p, word + 2);
		else if (word[0] == '-' && word[1])
			r = parse_letters(&p, word + 1);
		else if (command->passes_rest)
			r = unexpected_word(&p, word);
		else
			words[kept++] = word;
		if (r < 0)
			return r;
	}
	while (p.at < count)
		words[kept++] = words[p.at++];
	if (kept < count)
		words[kept] = NULL;
	return kept;
}

void options_free(const struct command *command, void *options)
{
	for (const struct option_spec *spec = command->options; spec && spec->name; spec++) {
		struct text_list *list = (struct text_list *)((char *)options + spec->offset);

		if (spec->type != OPTION_LIST)
			continue;
		free(list->items);
		*list = (struct text_list){ 0 };
	}
}

bool options_ask_help(const struct command *command, char **words, int count)
{
	for (int i = 0; i < count && strcmp(words[i], "--"); i++) {
		if (!strcmp(words[i], "--help"))
			return true;
		if (!strcmp(words[i], "-h") && !find_letter(command, 'h'))
			return true;
	}
	return false;
}
