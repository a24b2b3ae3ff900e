// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* user_probes - the probes that a user named, attached wherever their files turn up */
#include "user/record/user_probes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "bpf/annotate.h"
#include "bpf/tracer.skel.h"
#include "user/record/probe_args.h"
#include "user/record/toll.h"

#define LABELS_MAX    65535 /* 16 bits of the cookie */
#define FUNCTIONS_MAX 4096  /* that one probe may match in a file */
#define SYMBOLS_MAX   (4U << 20)

struct wanted {
	const struct probe_words *words;
	u64 device, inode; /* of a path with a "/"; 0: not there */
	bool matched;
};

struct user_probes {
	struct probes *probes;
	struct wanted *list;
	size_t count;
	char **labels; /* by number - 1 */
	u8 *stepped;   /* likewise: whether a begin (1) or an end (2) is dear, as toll.h has it */
	u32 label_count;
	struct probe_layout *layouts; /* by number; 0 is that without arguments */
	u32 layout_count;
	struct uprobes **links;
	size_t link_count;
};

/* The sites of one file, at entries and at returns */
struct sites {
	struct uprobe_site *list[2];
	size_t count[2];
};

static bool has_pattern(const char *text)
{
	return strpbrk(text, "*?[");
}

int user_probes_new(struct user_probes **out, struct probes *probes, const struct probe_list *words,
		    struct err *err)
{
	CLEANUP(user_probes_free) struct user_probes *user = calloc(1, sizeof(*user));

	if (user)
		user->list = calloc(words->count, sizeof(*user->list));
	if (user)
		user->layouts = calloc(1, sizeof(*user->layouts));
	if (!user || !user->list || !user->layouts)
		return fail(err, -ENOMEM, "no memory for probes");
	user->probes = probes;
	user->layout_count = 1;
	for (user->count = 0; user->count < words->count; user->count++) {
		struct wanted *wanted = &user->list[user->count];
		struct stat st;

		wanted->words = &words->words[user->count];
		if (strchr(wanted->words->begin.path, '/') &&
		    !stat(wanted->words->begin.path, &st)) {
			wanted->device = (u64)major(st.st_dev) << 20 | minor(st.st_dev);
			wanted->inode = st.st_ino;
		}
	}
	*out = take(user);
	return 0;
}

void user_probes_free(struct user_probes *user)
{
	if (!user)
		return;
	for (size_t i = 0; i < user->link_count; i++)
		uprobes_detach(user->links[i]);
	for (u32 i = 0; i < user->label_count; i++)
		free(user->labels[i]);
	free(user->links);
	free(user->labels);
	free(user->stepped);
	free(user->layouts);
	free(user->list);
	free(user);
}

static bool path_matches(const struct wanted *wanted, const char *path, u64 device, u64 inode)
{
	const char *pattern = wanted->words->begin.path, *slash = strrchr(path, '/');

	if (!strchr(pattern, '/'))
		return !fnmatch(pattern, slash ? slash + 1 : path, 0);
	if (wanted->inode && wanted->inode == inode && wanted->device == device)
		return true;
	return has_pattern(pattern) ? !fnmatch(pattern, path, 0) : !strcmp(pattern, path);
}

bool user_probes_want(const struct user_probes *user, const char *path, u64 device, u64 inode)
{
	for (size_t i = 0; i < user->count; i++)
		if (path_matches(&user->list[i], path, device, inode))
			return true;
	return false;
}

const char *user_probes_path(const struct user_probes *user, size_t number)
{
	for (size_t i = 0; i < user->count; i++) {
		const char *path = user->list[i].words->begin.path;

		if (strchr(path, '/') && !has_pattern(path) && !number--)
			return path;
	}
	return NULL;
}

const char *user_probes_unmatched(const struct user_probes *user)
{
	bool of_sets = false, any = false;

	for (size_t i = 0; i < user->count; i++) {
		const struct wanted *wanted = &user->list[i];

		if (!wanted->words->optional && !wanted->matched)
			return wanted->words->begin.path;
		any |= wanted->words->optional && wanted->matched;
		of_sets |= wanted->words->optional;
	}
	/* Of a set all may be missing but one. */
	return of_sets && !any ? "" : NULL;
}

/* The number of a name that hits go by; 0: no more room. */
static u32 label_number(struct user_probes *user, const char *label)
{
	char **grown;
	u8 *stepped;

	for (u32 i = user->label_count; i; i--)
		if (!strcmp(user->labels[i - 1], label))
			return i;
	if (user->label_count == LABELS_MAX)
		return 0;
	grown = reallocarray(user->labels, user->label_count + 1, sizeof(*grown));
	if (!grown)
		return 0;
	user->labels = grown;
	stepped = realloc(user->stepped, user->label_count + 1);
	if (!stepped)
		return 0;
	user->stepped = stepped;
	stepped[user->label_count] = 0;
	grown[user->label_count] = strndup(label, ANNOTATION_NAME_MAX);
	return grown[user->label_count] ? ++user->label_count : 0;
}

/* The number of a layout, which the programs know from now on; 0 is that without arguments. */
static u32 layout_number(struct user_probes *user, const struct probe_layout *layout)
{
	struct probe_layout *grown;
	u32 number = user->layout_count;

	for (u32 i = 0; i < user->layout_count; i++)
		if (!memcmp(&user->layouts[i], layout, sizeof(*layout)))
			return i;
	if (number == PROBE_LAYOUTS_MAX)
		return 0;
	grown = reallocarray(user->layouts, number + 1, sizeof(*grown));
	if (!grown)
		return 0;
	user->layouts = grown;
	if (bpf_map_update_elem(bpf_map__fd(user->probes->bpf->maps.probe_layouts), &number, layout,
				BPF_ANY))
		return 0;
	grown[number] = *layout;
	return user->layout_count++;
}

static int add_site(struct sites *sites, bool on_return, const struct uprobe_site *site)
{
	size_t count = sites->count[on_return];
	struct uprobe_site *grown = reallocarray(sites->list[on_return], count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	sites->list[on_return] = grown;
	grown[sites->count[on_return]++] = *site;
	return 0;
}

/* "query" of "query__start": what the two ends of a pair have in common */
static void pair_label(char to[PROBE_WORD_MAX], const char *begin)
{
	static const char *const ends[] = { "__start", "__begin", "__entry", "_start", "_begin",
					    "_entry",  "-start",  "-begin",  "Start",  "Begin" };
	size_t length = strlen(begin);

	strcpy(to, begin);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		size_t more = strlen(ends[i]);

		if (length <= more || strcmp(begin + length - more, ends[i]))
			continue;
		to[length - more] = 0;
		return;
	}
}

static u64 cookie(u16 kind, u32 label, u32 layout)
{
	return kind | (u64)label << COOKIE_PROBE_SHIFT | (u64)layout << COOKIE_LAYOUT_SHIFT;
}

static u8 stepped_bit(u16 kind)
{
	return kind == EVENT_TASK_END || kind == EVENT_REGION_END ? 2 : 1;
}

static u16 end_of(u16 kind)
{
	return kind == EVENT_TASK_BEGIN ? EVENT_TASK_END : EVENT_REGION_END;
}

/* All places in a file that have the name of a static probe. Return: how many, or an errno. */
static int add_usdt(struct user_probes *user, struct sites *sites, const struct probe_file *file,
		    const struct probe_place *place, u16 kind, const char *label)
{
	int found = 0;

	for (size_t i = 0; i < file->usdt->count; i++) {
		const struct usdt *probe = &file->usdt->probes[i];
		struct probe_layout layout;
		u32 number;

		if (fnmatch(place->provider, probe->provider, 0) ||
		    fnmatch(place->name, probe->name, 0))
			continue;
		probe_args_usdt(&layout, probe->args, place->args);
		number = label_number(user, label[0] ? label : probe->name);
		if (!number ||
		    add_site(sites, false,
			     &(struct uprobe_site){
				     probe->offset, probe->counter,
				     cookie(kind, number, layout_number(user, &layout)) }))
			return -ENOMEM;
		found++;
	}
	return found;
}

static int add_function(struct user_probes *user, struct sites *sites, u64 offset,
			const struct probe_place *place, u16 kind, const char *label, bool returns)
{
	struct probe_layout layout;
	u32 number = label_number(user, label);

	probe_args_function(&layout, place->args);
	if (!number ||
	    add_site(sites, false,
		     &(struct uprobe_site){ offset, 0,
					    cookie(kind, number, layout_number(user, &layout)) }))
		return -ENOMEM;
	return returns ? add_site(sites, true,
				  &(struct uprobe_site){ offset, 0,
							 cookie(end_of(kind), number, 0) })
		       : 0;
}

/* All functions of a file that have the name. Return: how many, or an errno. */
static int add_functions(struct user_probes *user, struct sites *sites,
			 const struct probe_file *file, const struct probe_place *place, u16 kind,
			 const char *label, bool returns)
{
	const struct elf_file *elf = file->elf;
	CLEANUP(free) char *name = malloc(ELF_NAME_MAX);
	bool pattern = has_pattern(place->name);
	struct index index;
	u64 last = 0, offset;
	int found = 0, r;

	r = name ? elf_file_index(&index, file->fd, &elf->symtab, file->fd, &elf->dynsym, elf->wide,
				  SYMBOLS_MAX)
		 : -ENOMEM;
	if (r < 0)
		return r;
	for (u32 i = 0; i < index.count && r >= 0; i++) {
		const struct index_entry *entry = &index.entries[i];
		const struct elf_table *table =
			entry->key & INDEX_DYN ? &elf->dynsym : &elf->symtab;

		if (entry->key & INDEX_OBJECT || !elf_file_name(name, file->fd, table, entry->name))
			continue;
		if (pattern ? fnmatch(place->name, name, 0) : strcmp(place->name, name))
			continue;
		/* One function may have several names. */
		if (!elf_file_place(&offset, elf, index_address(entry), true) || offset == last)
			continue;
		last = offset;
		r = found++ == FUNCTIONS_MAX ? -E2BIG
					     : add_function(user, sites, offset, place, kind,
							    label[0] ? label : name, returns);
	}
	index_free(&index);
	return r < 0 ? r : found;
}

static int add_place(struct user_probes *user, struct sites *sites, const struct probe_file *file,
		     const struct probe_place *place, u16 kind, const char *label, bool returns,
		     struct err *err)
{
	int r;

	if (returns && file->elf->go) {
		fail(err, -ENOTSUP, "%s is Go: its functions can have no return probe", file->path);
		return hint(err, "a goroutine's stack moves, and a return address that is not its "
				 "own would end the program: name both ends, START~END, or use "
				 "--log");
	}
	/* Only Go has functions of this package: no need to look through everything else. */
	if (!strncmp(place->name, "runtime.", 8) && !file->elf->go)
		r = 0;
	else
		r = place->provider[0]
			    ? add_usdt(user, sites, file, place, kind, label)
			    : add_functions(user, sites, file, place, kind, label, returns);
	if (r == -E2BIG) {
		fail(err, r, "%s: '%s' matches more than %d functions", file->path, place->name,
		     FUNCTIONS_MAX);
		return hint(err,
			    "a probe costs the program about a microsecond each time: name fewer");
	}
	if (r < 0)
		return fail(err, r, "cannot find '%s' in %s: %s", place->name, file->path,
			    strerror(-r));
	if (r)
		return 0;
	fail(err, -ENOENT, "%s has no %s '%s%s%s'", file->path,
	     place->provider[0] ? "static probe" : "function", place->provider,
	     place->provider[0] ? ":" : "", place->name);
	return hint(err, "`tracer probes %.400s` lists what it has", file->path);
}

static int add_wanted(struct user_probes *user, struct sites *sites, const struct probe_file *file,
		      const struct wanted *wanted, struct err *err)
{
	const struct probe_words *words = wanted->words;
	bool pair = words->end.name[0];
	char label[PROBE_WORD_MAX];
	int r;

	strcpy(label, words->label);
	if (pair && !label[0])
		pair_label(label, words->begin.name);
	r = add_place(user, sites, file, &words->begin, words->kind, label,
		      words->kind == EVENT_REGION_BEGIN && !pair, err);
	if (!r && pair)
		r = add_place(user, sites, file, &words->end, end_of(words->kind), label, false,
			      err);
	return r;
}

/* What a hit of each site costs, before they are hit; a return is as cheap as any. */
static void note_stepped(struct user_probes *user, const struct sites *sites, int fd)
{
	for (size_t i = 0; i < sites->count[0]; i++) {
		const struct uprobe_site *site = &sites->list[0][i];
		u8 code[4];
		ssize_t got = pread(fd, code, sizeof(code), (off_t)site->offset);
		u32 label = site->cookie >> COOKIE_PROBE_SHIFT & 0xffff;

		if (got > 0 && toll_is_stepped(code, (size_t)got))
			user->stepped[label - 1] |= stepped_bit(site->cookie & COOKIE_KIND);
	}
}

bool user_probes_stepped(const struct user_probes *user, const struct trace_event *event)
{
	u32 number = event->annotation.probe;

	return number && number <= user->label_count &&
	       user->stepped[number - 1] & stepped_bit(event->kind);
}

static int attach_sites(struct user_probes *user, const struct sites *sites, int fd,
			struct err *err)
{
	for (int on_return = 0; on_return < 2; on_return++) {
		struct uprobes **grown =
			reallocarray(user->links, user->link_count + 1, sizeof(*grown));
		int r;

		if (!grown)
			return fail(err, -ENOMEM, "no memory for probes");
		user->links = grown;
		if (!sites->count[on_return])
			continue;
		r = uprobes_attach(&grown[user->link_count], &user->probes->uprobes,
				   user->probes->probe, fd, sites->list[on_return],
				   sites->count[on_return], on_return, err);
		if (r < 0)
			return r;
		user->link_count++;
	}
	return 0;
}

int user_probes_attach(struct user_probes *user, const struct probe_file *file, struct err *err)
{
	struct sites sites = { 0 };
	int r = 0;

	for (size_t i = 0; i < user->count && !r; i++) {
		struct wanted *wanted = &user->list[i];

		if (!path_matches(wanted, file->path, file->device, file->inode))
			continue;
		r = add_wanted(user, &sites, file, wanted, err);
		if (!r)
			wanted->matched = true;
		else if (wanted->words->optional && (r == -ENOENT || r == -ENOTSUP))
			r = 0;
	}
	note_stepped(user, &sites, file->fd);
	if (!r)
		r = attach_sites(user, &sites, file->fd, err);
	free(sites.list[0]);
	free(sites.list[1]);
	return r;
}

/* One more event; when there is no room for it that is counted where the sink counts. */
static void tell_as(const struct trace_event *event, u16 kind, ring_sink sink, void *ctx)
{
	struct trace_event as = *event;

	as.kind = kind;
	(void)sink(ctx, &as);
}

int user_probes_tell(struct user_probes *user, const struct trace_event *event, ring_sink sink,
		     void *ctx)
{
	struct trace_event named = *event;
	u32 number = event->annotation.probe;
	bool said;
	int r;

	if (!number || number > user->label_count)
		return 0;
	named.annotation.name = user->labels[number - 1];
	said = named.annotation.text[0];
	/* What it was given belongs to what it announces, and is said before that ends. */
	if (said && event->kind == EVENT_TASK_END)
		tell_as(&named, EVENT_LOG, sink, ctx);
	r = sink(ctx, &named);
	if (event->kind == EVENT_TASK_BEGIN)
		tell_as(&named, EVENT_TASK_ENTER, sink, ctx);
	if (said && (event->kind == EVENT_TASK_BEGIN || event->kind == EVENT_REGION_BEGIN))
		tell_as(&named, EVENT_LOG, sink, ctx);
	return r;
}
