// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* probes - what of a program or library can be made a task, a region or a log */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "user/base/cleanup.h"
#include "user/base/json.h"
#include "user/base/map.h"
#include "user/base/text.h"
#include "user/cli/command.h"
#include "user/symbols/usdt.h"

#define SYMBOLS_MAX (4U << 20)
#define LINES_MAX   65536 /* of /proc/PID/maps */

struct probes_options {
	const char *functions;
	bool json;
};

struct listing {
	const struct probes_options *options;
	struct json json;
	struct map seen; /* inodes */
	size_t found;
};

static void put_usdt(struct listing *l, const char *path, const struct usdt *probe)
{
	char provider[256], name[256], args[512];

	l->found++;
	if (l->options->json) {
		json_object(&l->json);
		json_key_text(&l->json, "path", path);
		json_key_text(&l->json, "provider", probe->provider);
		json_key_text(&l->json, "probe", probe->name);
		json_key_text(&l->json, "arguments", probe->args);
		json_object_end(&l->json);
		return;
	}
	text_printable(provider, sizeof(provider), probe->provider);
	text_printable(name, sizeof(name), probe->name);
	text_printable(args, sizeof(args), probe->args);
	printf("  %s:%s:%s%s%s\n", path, provider, name, args[0] ? "  " : "", args);
}

static void put_function(struct listing *l, const char *path, const char *name)
{
	char safe[ELF_NAME_MAX];

	l->found++;
	if (l->options->json) {
		json_object(&l->json);
		json_key_text(&l->json, "path", path);
		json_key_text(&l->json, "function", name);
		json_object_end(&l->json);
		return;
	}
	text_printable(safe, sizeof(safe), name);
	printf("  %s:%s\n", path, safe);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int put_functions(struct listing *l, const char *path, int fd, const struct elf_file *elf,
			 struct err *err)
{
	CLEANUP(free) char **names = NULL;
	char name[ELF_NAME_MAX];
	struct index index;
	size_t count = 0;
	int r = elf_file_index(&index, fd, &elf->symtab, fd, &elf->dynsym, elf->wide, SYMBOLS_MAX);

	if (r < 0)
		return fail(err, r, "cannot read the symbols of '%s': %s", path, strerror(-r));
	names = calloc(index.count + 1UL, sizeof(*names));
	for (u32 i = 0; names && i < index.count; i++) {
		const struct index_entry *entry = &index.entries[i];
		const struct elf_table *table =
			entry->key & INDEX_DYN ? &elf->dynsym : &elf->symtab;
		u64 offset;

		if (entry->key & INDEX_OBJECT || !elf_file_name(name, fd, table, entry->name) ||
		    fnmatch(l->options->functions, name, 0) ||
		    !elf_file_place(&offset, elf, index_address(entry), true))
			continue;
		names[count] = strdup(name);
		count += !!names[count];
	}
	index_free(&index);
	if (!names)
		return fail(err, -ENOMEM, "no memory for the functions of '%s'", path);
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 0; i < count; i++) {
		if (!i || strcmp(names[i], names[i - 1]))
			put_function(l, path, names[i]);
		if (i)
			free(names[i - 1]);
	}
	if (count)
		free(names[count - 1]);
	return 0;
}

/* @open_path: where it can be opened; @path: as it is named */
static int list_file(struct listing *l, const char *open_path, const char *path, struct err *err)
{
	CLEANUP(close) int fd = open(open_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	CLEANUP(usdt_free) struct usdt_list list = { 0 };
	struct elf_file elf;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return fail(err, -errno, "cannot open '%s': %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || elf_file_read(&elf, fd) < 0)
		return fail(err, -ENOEXEC, "'%s' is no program and no library", path);
	if (usdt_read(&list, fd, &elf) < 0)
		return fail(err, -ENOMEM, "no memory for the probes of '%s'", path);
	if (l->options->functions)
		return put_functions(l, path, fd, &elf, err);
	for (size_t i = 0; i < list.count; i++)
		put_usdt(l, path, &list.probes[i]);
	return 0;
}

static int list_process(struct listing *l, const char *pid, struct err *err)
{
	CLEANUP(fclose) FILE *file = NULL;
	CLEANUP(free) char *line = NULL;
	char maps[64], open_path[128];
	size_t room = 0;

	snprintf(maps, sizeof(maps), "/proc/%.20s/maps", pid);
	file = fopen(maps, "re");
	if (!file)
		return fail(err, -errno, "cannot look at process %s: %s", pid, strerror(errno));
	for (unsigned int i = 0; i < LINES_MAX && getline(&line, &room, file) > 0; i++) {
		char range[40], perms[8];
		struct err ignored;
		u64 inode, *seen;
		int at = 0;

		line[strcspn(line, "\n")] = 0;
		if (sscanf(line, "%39s %7s %*s %*s %" SCNu64 " %n", range, perms, &inode, &at) <
			    3 ||
		    perms[2] != 'x' || !inode || !at)
			continue;
		seen = map_put(&l->seen, inode);
		if (!seen || (*seen)++)
			continue;
		snprintf(open_path, sizeof(open_path), "/proc/%.20s/map_files/%.40s", pid, range);
		/* What is mapped and no program has no probes. */
		(void)list_file(l, open_path, line + at, &ignored);
	}
	return 0;
}

static bool is_number(const char *text)
{
	return text[strspn(text, "0123456789")] == 0 && strlen(text) < 11;
}

static int probes_run(void *data, char **args, int count, struct err *err)
{
	const struct probes_options *options = data;
	struct listing listing = { .options = options, .json = { .out = stdout } };
	int r;

	if (count != 1) {
		fail(err, -EINVAL, "probes: %s",
		     count ? "one process or file at a time" : "no process and no file is named");
		return hint(err, "tracer probes PID, or tracer probes /usr/bin/python3");
	}
	if (options->json) {
		json_object(&listing.json);
		json_key(&listing.json, "probes");
		json_list(&listing.json);
	}
	r = is_number(args[0]) ? list_process(&listing, args[0], err)
			       : list_file(&listing, args[0], args[0], err);
	if (options->json) {
		json_list_end(&listing.json);
		json_object_end(&listing.json);
		putchar('\n');
	}
	map_free(&listing.seen);
	if (!r && !listing.found && !options->json)
		printf("%s has no %s%s\n", args[0],
		       options->functions ? "such functions" : "static probes",
		       options->functions ? "" : "; --functions '*' lists its functions");
	return r;
}

static const struct option_spec probes_options[] = {
	{ "functions", 'f', OPTION_TEXT, offsetof(struct probes_options, functions), "PATTERN",
	  "the functions of that name instead, as 'save_*'" },
	{ "json", 0, OPTION_FLAG, offsetof(struct probes_options, json), NULL, "one JSON object" },
	{ 0 },
};

const struct command probes_command = {
	.name = "probes",
	.usage = "(PID | PATH) [--functions PATTERN] [--json]",
	.summary = "list what of a program can be recorded as task, region or log",
	.details =
		"Lists the static probes (USDT) of a program or library, or of all that a process "
		"has mapped, as --log and --task take them, and where their arguments lie; with "
		"--functions, the functions that --region and --log take.\n"
		"\n"
		"What --region, --task and --log of `tracer record` take:\n"
		"  [NAME=]PLACE[~PLACE]\n"
		"  PLACE  PATH:FUNCTION[(ARGS)] or PATH:PROVIDER:PROBE[(ARGS)]; behind the ~\n"
		"         PATH and PROVIDER may be left out\n"
		"  PATH   with a /: that file; else the name of what the target maps, now or\n"
		"         later; both may be patterns, as the FUNCTION and the PROBE\n"
		"  ARGS   with commas, a letter for each argument: s a text, d and u 32-bit\n"
		"         numbers, l a 64-bit number, x the same in hex, - leave it out\n"
		"Without ARGS a static probe tells all arguments, and a function none.\n"
		"\n"
		"A file for --probes has such words in lines that begin with region, task or log. "
		"There are sets: gc (garbage collections of Python, the JVM, Ruby, Node and Go) and "
		"postgresql.\n"
		"\n"
		"  tracer probes /usr/lib/postgresql/15/bin/postgres\n"
		"  tracer -p 4711 --log postgres:postgresql:query__start\n"
		"  tracer probes 4711 --functions 'handle_*'\n"
		"  tracer -p 4711 --region 'server:handle_*' --probes gc\n",
	.options = probes_options,
	.options_bytes = sizeof(struct probes_options),
	.run = probes_run,
};
