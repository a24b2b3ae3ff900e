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
#include "user/record/user_probes.h"
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
	struct user_probes *user; /* NULL: none */
	struct map seen;          /* device and inode */
	struct uprobes *links[LINKS_MAX];
	size_t link_count;
	struct toll *toll;
	u64 lost; /* annotations, as the toll knows them */
	struct err trouble;
};

void annotate_free(struct annotate *annotate)
{
	if (!annotate)
		return;
	for (size_t i = 0; i < annotate->link_count; i++)
		uprobes_detach(annotate->links[i]);
	user_probes_free(annotate->user);
	toll_free(annotate->toll);
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
	fail(&annotate->trouble, err->code, "what '%s' announces is not all recorded: %s", path,
	     err->text);
	hint(&annotate->trouble, "%s",
	     err->hint[0] ? err->hint : "`tracer doctor` tells what this kernel allows");
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

/* @wanted: the user's probes are in it. Return: as user_probes_attach(). */
static int look_through(struct annotate *annotate, const char *open_path,
			const struct probe_file *file, bool wanted, struct err *err)
{
	CLEANUP(close) int fd = open(open_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	CLEANUP(usdt_free) struct usdt_list list = { 0 };
	struct probe_file whole;
	struct elf_file elf;
	struct stat st;

	if (fd < 0)
		return fail(err, -errno, "cannot open '%s': %s", file->path, strerror(errno));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || elf_file_read(&elf, fd) < 0 || !elf.wide) {
		fail(err, -ENOEXEC, "'%s' is no 64-bit program or library", file->path);
		return hint(err, "`tracer probes PID` lists what a process runs and its probes");
	}
	if (usdt_read(&list, fd, &elf))
		return fail(err, -ENOMEM, "no memory for the probes of '%s'", file->path);
	if (list.count)
		attach(annotate, fd, file->path, &list);
	if (!wanted)
		return 0;
	whole = *file;
	whole.fd = fd;
	whole.elf = &elf;
	whole.usdt = &list;
	return user_probes_attach(annotate->user, &whole, err);
}

/* As the mappings number a file */
static struct probe_file file_of(const char *path, const struct stat *st)
{
	return (struct probe_file){ .path = path,
				    .device = (u64)major(st->st_dev) << 20 | minor(st->st_dev),
				    .inode = st->st_ino };
}

static bool is_wanted(const struct annotate *annotate, const struct probe_file *file)
{
	return annotate->user &&
	       user_probes_want(annotate->user, file->path, file->device, file->inode);
}

/* A file that the user's probes name: what goes wrong with it is the user's to know. */
static int look_at_path(struct annotate *annotate, const char *path, struct err *err)
{
	struct probe_file file;
	struct stat st;

	if (stat(path, &st)) {
		fail(err, -errno, "cannot put probes into '%s': %s", path, strerror(errno));
		return hint(err,
			    "a name without a / is that of any file that the target has mapped");
	}
	file = file_of(path, &st);
	if (was_seen(annotate, file.device, file.inode))
		return 0;
	return look_through(annotate, path, &file, true, err);
}

int annotate_new(struct annotate **out, struct probes *probes, const struct probe_list *words,
		 struct err *err)
{
	CLEANUP(annotate_free) struct annotate *annotate = calloc(1, sizeof(*annotate));
	const char *path;
	int r = 0;

	if (!annotate)
		return fail(err, -ENOMEM, "no memory for annotations");
	annotate->probes = probes;
	r = toll_new(&annotate->toll, probes, err);
	if (!r && words->count)
		r = user_probes_new(&annotate->user, probes, words, err);
	for (size_t i = 0; !r && annotate->user; i++) {
		path = user_probes_path(annotate->user, i);
		if (!path)
			break;
		r = look_at_path(annotate, path, err);
	}
	if (r < 0)
		return r;
	*out = take(annotate);
	return 0;
}

void annotate_mapping(struct annotate *annotate, const struct trace_mapping *mapping)
{
	struct probe_file file = { .path = mapping->path,
				   .device = mapping->device,
				   .inode = mapping->inode };
	struct err err = { 0 };
	char path[96];
	bool wanted;

	if (!mapping->inode || was_seen(annotate, mapping->device, mapping->inode))
		return;
	snprintf(path, sizeof(path), "/proc/%u/map_files/%" PRIx64 "-%" PRIx64, mapping->tgid,
		 mapping->address, mapping->address + mapping->bytes);
	wanted = is_wanted(annotate, &file);
	if (look_through(annotate, path, &file, wanted, &err) < 0 && wanted)
		note_trouble(annotate, mapping->path, &err);
}

/* Before its first instruction: what a short program announces would be over when it is found. */
static bool look_at_command(struct annotate *annotate, const char *name)
{
	/* As its mappings will be named */
	CLEANUP(free) char *path = realpath(name, NULL);
	struct err err = { 0 };
	struct probe_file file;
	struct stat st;
	bool wanted;

	if (!path || stat(path, &st) || !S_ISREG(st.st_mode) || access(path, X_OK))
		return false;
	file = file_of(path, &st);
	if (was_seen(annotate, file.device, file.inode))
		return true;
	wanted = is_wanted(annotate, &file);
	if (look_through(annotate, path, &file, wanted, &err) < 0 && wanted)
		note_trouble(annotate, path, &err);
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

void annotate_hit(struct annotate *annotate, const struct trace_event *event)
{
	toll_hit(annotate->toll, event->annotation.tid,
		 annotate->user && user_probes_stepped(annotate->user, event));
}

void annotate_toll(struct annotate *annotate, u64 lost, struct toll_report *report)
{
	toll_lost(annotate->toll, lost - annotate->lost);
	annotate->lost = lost;
	toll_look(annotate->toll, report);
}

int annotate_tell(struct annotate *annotate, const struct trace_event *event, ring_sink sink,
		  void *ctx)
{
	return annotate->user ? user_probes_tell(annotate->user, event, sink, ctx) : 0;
}

const char *annotate_unmatched(const struct annotate *annotate)
{
	return annotate->user ? user_probes_unmatched(annotate->user) : NULL;
}
