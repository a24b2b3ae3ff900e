// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* probe_words - what a user types to name probes */
#include "user/record/probe_words.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "bpf/event.h"

#define SET_LINES_MAX 4096
#define LETTERS       "sdulx-"

static int misspelt(struct err *err, const char *option, const char *text, const char *why)
{
	fail(err, -EINVAL, "%s: '%s': %s", option, text, why);
	return hint(err, "as in PATH:FUNCTION, PATH:PROVIDER:PROBE or PATH:START~END; `tracer "
			 "probes PATH` lists what there is");
}

/* Takes "(s,d)" off the end. Return: whether there is none or a right one. */
static bool take_args(char *word, char args[16])
{
	char *open = strrchr(word, '(');
	size_t length = strlen(word), count = 0;

	args[0] = 0;
	/* A function's own brackets hold types, not these letters. */
	if (!open || length < 3 || word[length - 1] != ')')
		return true;
	for (const char *at = open + 1; *at != ')'; at++) {
		if (count == 15 || !strchr(LETTERS, *at))
			return true;
		args[count++] = *at++;
		if (*at == ')')
			break;
		if (*at != ',')
			return true;
	}
	args[count] = 0;
	*open = 0;
	return count;
}

/* The ":" that ends the word at @text: not one of "::", which C++ names have. */
static char *single_colon(char *text)
{
	for (char *at = text; (at = strchr(at, ':')); at++) {
		if (at[1] != ':')
			return at;
		at++;
	}
	return NULL;
}

static const char *parse_place(struct probe_place *to, char *word, const struct probe_place *same)
{
	char *rest;

	if (!take_args(word, to->args))
		return "no letters between the brackets";
	if (!strncmp(word, "usdt:", 5))
		word += 5;
	rest = single_colon(word);
	if (!rest) {
		if (!same)
			return "a probe is PATH:FUNCTION or PATH:PROVIDER:PROBE";
		strcpy(to->path, same->path);
		strcpy(to->provider, same->provider);
		strcpy(to->name, word);
		return to->name[0] ? NULL : "there is nothing behind the ~";
	}
	*rest++ = 0;
	strcpy(to->path, word);
	word = rest;
	rest = single_colon(word);
	if (rest) {
		*rest++ = 0;
		strcpy(to->provider, word);
		if (!to->provider[0])
			return "the provider between the : is missing";
		word = rest;
	}
	strcpy(to->name, word);
	if (!to->path[0] || !to->name[0])
		return "a probe is PATH:FUNCTION or PATH:PROVIDER:PROBE";
	return NULL;
}

static bool has_pattern(const char *text)
{
	return strpbrk(text, "*?[");
}

int probe_words_parse(struct probe_words *to, u16 kind, const char *text, const char *option,
		      struct err *err)
{
	struct probe_words words = { .kind = kind };
	char copy[PROBE_WORD_MAX], *word = copy, *equals, *tilde;
	const char *why = NULL;

	if (strlen(text) >= sizeof(copy))
		return fail(err, -EINVAL, "%s: longer than %d bytes", option, PROBE_WORD_MAX - 1);
	strcpy(copy, text);
	equals = strchr(copy, '=');
	if (equals && !memchr(copy, ':', (size_t)(equals - copy)) &&
	    !memchr(copy, '/', (size_t)(equals - copy))) {
		*equals = 0;
		strcpy(words.label, copy);
		word = equals + 1;
		if (!words.label[0])
			why = "there is no name before the =";
	}
	tilde = strchr(word, '~');
	/* "ns::~Class()" is a destructor. */
	while (tilde && tilde > word && tilde[-1] == ':')
		tilde = strchr(tilde + 1, '~');
	if (tilde)
		*tilde++ = 0;
	why = why ?: parse_place(&words.begin, word, NULL);
	if (!why && tilde)
		why = parse_place(&words.end, tilde, &words.begin);
	if (!why && kind == EVENT_TASK_BEGIN && !tilde)
		why = "a task needs both ends: START~END";
	if (!why && kind == EVENT_LOG && tilde)
		why = "a log is one moment and has no end";
	if (!why && tilde && has_pattern(words.begin.name))
		why = "only the end of START~END may be a pattern";
	if (!why && kind == EVENT_REGION_BEGIN && !tilde && words.begin.provider[0])
		why = "a static probe is a moment: a region of it needs another for its end, "
		      "START~END";
	if (why)
		return misspelt(err, option, text, why);
	*to = words;
	return 0;
}

int probe_list_add(struct probe_list *list, u16 kind, const char *text, const char *option,
		   struct err *err)
{
	struct probe_words *grown =
		reallocarray(list->words, list->count + 1, sizeof(*list->words));
	int r;

	if (!grown)
		return fail(err, -ENOMEM, "no memory for probes");
	list->words = grown;
	r = probe_words_parse(&list->words[list->count], kind, text, option, err);
	list->count += !r;
	return r;
}

static int read_line(struct probe_list *list, char *line, const char *where, struct err *err)
{
	static const struct {
		const char *word;
		u16 kind;
	} kinds[] = { { "region", EVENT_REGION_BEGIN },
		      { "task", EVENT_TASK_BEGIN },
		      { "log", EVENT_LOG } };
	size_t length;

	line[strcspn(line, "\r\n")] = 0;
	line += strspn(line, " \t");
	if (!line[0] || line[0] == '#')
		return 0;
	length = strcspn(line, " \t");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		char *words = line + length + strspn(line + length, " \t");

		if (length != strlen(kinds[i].word) || strncmp(line, kinds[i].word, length))
			continue;
		for (size_t end = strlen(words); end && strchr(" \t", words[end - 1]);)
			words[--end] = 0;
		return probe_list_add(list, kinds[i].kind, words, where, err);
	}
	fail(err, -EINVAL, "%s: '%.*s' is no kind of probe", where, (int)length, line);
	return hint(err, "a line begins with region, task or log");
}

/* A file of that path, or one of the sets that lie beside the program: installed, or not yet. */
static FILE *open_set(char path[PATH_MAX], const char *name)
{
	static const char *const places[] = { "../share/tracer/probes", "../user/record/sets" };
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	FILE *file;

	snprintf(path, PATH_MAX, "%s", name);
	file = fopen(path, "re");
	if (file || errno != ENOENT || strchr(name, '/') || length < 0)
		return file;
	self[length] = 0;
	*strrchr(self, '/') = 0;
	for (size_t i = 0; i < ARRAY_SIZE(places) && !file; i++)
		if (snprintf(path, PATH_MAX, "%s/%s/%s.probes", self, places[i], name) < PATH_MAX)
			file = fopen(path, "re");
	if (!file)
		errno = ENOENT;
	return file;
}

int probe_list_read(struct probe_list *list, const char *name, struct err *err)
{
	char path[PATH_MAX], where[PROBE_WORD_MAX];
	CLEANUP(fclose) FILE *file = open_set(path, name);
	CLEANUP(free) char *line = NULL;
	size_t room = 0, before = list->count;
	int r = 0;

	if (!file) {
		fail(err, -errno, "cannot read the probes in '%s': %s", name, strerror(errno));
		return hint(err, "there are sets 'gc' and 'postgresql', or name a file");
	}
	for (int i = 1; !r && getline(&line, &room, file) > 0; i++) {
		if (i > SET_LINES_MAX)
			return fail(err, -EINVAL, "%s: more than %d lines", name, SET_LINES_MAX);
		snprintf(where, sizeof(where), "%.400s, line %d", name, i);
		r = read_line(list, line, where, err);
	}
	for (size_t i = before; i < list->count; i++)
		list->words[i].optional = true;
	return r;
}

void probe_list_free(struct probe_list *list)
{
	free(list->words);
	*list = (struct probe_list){ 0 };
}
