// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* annotate - finds what programs announce by themselves, and attaches to it */
#include "user/record/annotate.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "bpf/annotate.h"
#include "user/base/map.h"
#include "user/record/uprobes.h"
#include "user/symbols/usdt.h"

#define FILES_MAX 65536 /* looked through; those beyond are left alone */
#define LINKS_MAX 4096  /* files with probes, all at once */

static const struct {
	const char *name; /* of the probe */
	u64 cookie;
} sites[] = {
	{ "task_begin", EVENT_TASK_BEGIN },
	{ "task_end", EVENT_TASK_END },
	{ "task_enter", EVENT_TASK_ENTER },
	{ "task_leave", EVENT_TASK_LEAVE },
	{ "region_begin", EVENT_REGION_BEGIN },
	{ "region_end", EVENT_REGION_END },
	{ "log", EVENT_LOG },
	{ "counter", EVENT_COUNTER },
	{ "counter_real", EVENT_COUNTER | COOKIE_REAL },
	{ "link", EVENT_LINK },
	{ "snapshot", EVENT_SNAPSHOT },
};

#define PROVIDER "tracer"

/* Where the header puts its arguments: whoever says otherwise is not the header. */
#if defined(__x86_64__)
#define ARGUMENTS "8@%rdi 8@%rsi 8@%rdx 8@%rcx"
#else
#define ARGUMENTS "8@x0 8@x1 8@x2 8@x3"
#endif

struct annotate {
	struct probes *probes;
	struct map seen; /* device and inode */
	struct uprobes *links[LINKS_MAX];
	size_t link_count;
	struct err trouble;
};

int annotate_new(struct annotate **out, struct probes *probes, struct err *err)
{
	struct annotate *annotate = calloc(1, sizeof(*annotate));

	if (!annotate)
		return fail(err, -ENOMEM, "no memory for annotations");
	annotate->probes = probes;
	*out = annotate;
	return 0;
}

void annotate_free(struct annotate *annotate)
{
	if (!annotate)
		return;
	for (size_t i = 0; i < annotate->link_count; i++)
		uprobes_detach(annotate->links[i]);
	map_free(&annotate->seen);
	free(annotate);
}

const struct err *annotate_trouble(const struct annotate *annotate)
{
	return annotate->trouble.code ? &annotate->trouble : NULL;
}

/* Whether this file was looked through before. */
static bool was_seen(struct annotate *annotate, u64 device, u64 inode)
{
	u64 words[] = { device, inode };
	u64 *seen;

	if (annotate->seen.count >= FILES_MAX)
		return true;
	seen = map_put(&annotate->seen, hash_bytes(words, sizeof(words)));
	if (!seen || *seen)
		return true;
	*seen = 1;
	return false;
}

/* Return: which of the header's probes it is; 0: none. */
static u64 cookie_of(const struct usdt *probe)
{
	if (strcmp(probe->provider, PROVIDER) || strcmp(probe->args, ARGUMENTS))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(sites); i++)
		if (!strcmp(sites[i].name, probe->name))
			return sites[i].cookie;
	return 0;
}

static void note_trouble(struct annotate *annotate, const char *path, const struct err *err)
{
	if (annotate->trouble.code)
		return;
	fail(&annotate->trouble, err->code, "what '%s' announces is not recorded: %s", path,
	     err->text);
	hint(&annotate->trouble, "`tracer doctor` tells what this kernel allows");
}

static void attach(struct annotate *annotate, int fd, const char *path,
		   const struct usdt_list *list)
{
	CLEANUP(free) struct uprobe_site *at = calloc(list->count, sizeof(*at));
	const struct probes *probes = annotate->probes;
	struct uprobes *link = NULL;
	struct err err = { 0 };
	size_t count = 0;

	for (size_t i = 0; at && i < list->count; i++) {
		u64 cookie = cookie_of(&list->probes[i]);

		if (cookie)
			at[count++] = (struct uprobe_site){ list->probes[i].offset,
							    list->probes[i].counter, cookie };
	}
	if (at && !count)
		return;
	if (!at)
		fail(&err, -ENOMEM, "no memory");
	else if (annotate->link_count == LINKS_MAX)
		fail(&err, -E2BIG, "more than %d files with probes", LINKS_MAX);
	else
		uprobes_attach(&link, &probes->uprobes, probes->annotation, fd, at, count, false,
			       &err);
	if (link)
		annotate->links[annotate->link_count++] = link;
	else
		note_trouble(annotate, path, &err);
}

static void look_through(struct annotate *annotate, const char *open_path, const char *path)
{
	CLEANUP(close) int fd = open(open_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	CLEANUP(usdt_free) struct usdt_list list = { 0 };
	struct elf_file elf;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || elf_file_read(&elf, fd) < 0)
		return;
	if (elf.wide && !usdt_read(&list, fd, &elf) && list.count)
		attach(annotate, fd, path, &list);
}

void annotate_mapping(struct annotate *annotate, const struct trace_mapping *mapping)
{
	char path[96];

	if (!mapping->inode || was_seen(annotate, mapping->device, mapping->inode))
		return;
	snprintf(path, sizeof(path), "/proc/%u/map_files/%" PRIx64 "-%" PRIx64, mapping->tgid,
		 mapping->address, mapping->address + mapping->bytes);
	look_through(annotate, path, mapping->path);
}

/* Before its first instruction: what a short program announces would be over when it is found. */
static bool look_at_command(struct annotate *annotate, const char *path)
{
	struct stat st;

	if (stat(path, &st) || !S_ISREG(st.st_mode) || access(path, X_OK))
		return false;
	/* Numbered as the mappings number it */
	if (!was_seen(annotate, (u64)major(st.st_dev) << 20 | minor(st.st_dev), st.st_ino))
		look_through(annotate, path, path);
	return true;
}

void annotate_command(struct annotate *annotate, const char *name)
{
	const char *list = getenv("PATH") ?: "/usr/local/bin:/bin:/usr/bin";
	char path[4096];

	if (strchr(name, '/')) {
		look_at_command(annotate, name);
		return;
	}
	while (*list) {
		size_t length = strcspn(list, ":");

		if ((size_t)snprintf(path, sizeof(path), "%.*s/%s", (int)length, list, name) <
			    sizeof(path) &&
		    look_at_command(annotate, path))
			return;
		list += length + (list[length] == ':');
	}
}
