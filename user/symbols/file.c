// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* file - a program or library that is mapped somewhere, and its symbols while they are needed */
#include "user/symbols/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "user/symbols/debug.h"
#include "user/symbols/open.h"
#include "user/symbols/vdso.h"

#define ROOT_MAX 64

struct file *file_new(void)
{
	struct file *file = calloc(1, sizeof(*file));

	if (file)
		file->fd = file->symtab_fd = -1;
	return file;
}

void file_unload(struct file *file)
{
	lines_close(take(file->lines));
	index_free(&file->index);
	if (file->symtab_fd >= 0 && file->symtab_fd != file->fd)
		close(file->symtab_fd);
	if (file->fd >= 0)
		close(file->fd);
	file->fd = file->symtab_fd = -1;
	file->loaded = false;
}

void file_free(struct file *file)
{
	if (!file)
		return;
	file_unload(file);
	cfi_close(file->cfi);
	free(file);
}

/* No build id: the same inode, and nobody has changed it since. */
static bool is_same_inode(const struct file *file, const struct stat *st)
{
	u32 device = (u32)(major(st->st_dev) << 20 | minor(st->st_dev));
	u64 changed_ns = (u64)st->st_ctim.tv_sec * NSEC_PER_SEC + (u64)st->st_ctim.tv_nsec;

	if (!file->inode || st->st_ino != file->inode)
		return false;
	/* Overlay and btrfs show mappings under another number than files; both have major 0. */
	if (device != file->device && (major(st->st_dev) || file->device >> 20))
		return false;
	return !file->seen_ns || changed_ns <= file->seen_ns;
}

static bool is_it(const struct file *file, const struct file_place *place, int fd)
{
	u8 id[BUILD_ID_ROOM];
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return false;
	if (!file->build_id_bytes)
		return place->pid && is_same_inode(file, &st);
	return build_id_read(id, fd) == file->build_id_bytes &&
	       !memcmp(id, file->build_id, file->build_id_bytes);
}

/* What is mapped itself: it may be deleted. Return: a descriptor or a negative errno. */
static int open_mapped(const struct file_place *place)
{
	CLEANUP(close) int fd = -1;
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%u/map_files/%" PRIx64 "-%" PRIx64, place->pid,
		 place->address, place->address + place->bytes);
	/* The kernel opens what it has mapped; first without opening, for it may be a device. */
	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return -ENOENT;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? -errno : take_fd(&fd);
}

static void root_of(char root[ROOT_MAX], const struct file_place *place)
{
	snprintf(root, ROOT_MAX, "/proc/%u/root", place->pid);
}

static int open_verified(const struct file *file, const struct file_place *place)
{
	char root[ROOT_MAX];

	if (file->vdso)
		return place->pid ? vdso_open(place->pid, place->address, place->bytes) : -ENOENT;
	for (int way = place->pid ? 0 : 2; way < 3; way++) {
		CLEANUP(close) int fd = -1;

		root_of(root, place);
		fd = way == 0 ? open_mapped(place)
			      : open_regular(way == 1 ? root : "", file->path, true);
		if (fd >= 0 && is_it(file, place, fd))
			return take_fd(&fd);
	}
	return -ENOENT;
}

/* The verified file, with its segments read. Return: a descriptor or a negative errno. */
static int open_known(struct file *file, const struct file_place *place)
{
	CLEANUP(close) int fd = open_verified(file, place);
	int r;

	if (fd < 0)
		return fd;
	r = elf_file_read(&file->elf, fd);
	return r < 0 ? r : take_fd(&fd);
}

bool file_know(struct file *file, const struct file_place *place)
{
	if (file->state == FILE_NEW) {
		int fd = open_known(file, place);

		file->state = fd >= 0 ? FILE_KNOWN : FILE_MISSING;
		if (fd >= 0)
			close(fd);
	}
	return file->state == FILE_KNOWN;
}

/* .symtab is in the file, or where those are that were taken out of it. */
static void find_symtab(struct file *file, const struct file_place *place)
{
	char root[ROOT_MAX];
	struct elf_file debug;

	file->symtab = file->elf.symtab;
	file->symtab_fd = file->fd;
	if (file->symtab.offset || file->vdso)
		return;
	root_of(root, place);
	for (int way = place->pid ? 0 : 1; way < 2; way++) {
		int fd = debug_open(&debug, way ? "" : root, file->path, &file->elf, file->build_id,
				    file->build_id_bytes);

		if (fd < 0)
			continue;
		file->symtab = debug.symtab;
		file->symtab_fd = fd;
		return;
	}
}

int file_open(struct file *file, const struct file_place *place)
{
	if (file->hopeless || !file_know(file, place))
		return -ENOENT;
	file->fd = open_known(file, place);
	if (file->fd < 0)
		return -ENOENT;
	find_symtab(file, place);
	return 0;
}

int file_open_cfi(struct file *file, const struct file_place *place)
{
	CLEANUP(close) int fd = -1;

	if (file->no_cfi)
		return -ENODATA;
	if (!file_know(file, place))
		return -ENOENT;
	fd = open_known(file, place);
	if (fd < 0)
		return -ENOENT;
	file->no_cfi = cfi_open(&file->cfi, fd, &file->elf) < 0;
	return file->no_cfi ? -ENODATA : 0;
}

u64 file_bytes_most(const struct file *file)
{
	return (file->symtab.bytes + file->elf.dynsym.bytes) / elf_symbol_bytes(file->elf.wide) *
	       sizeof(struct index_entry);
}

int file_load(struct file *file, u64 most)
{
	int r = elf_file_index(&file->index, file->symtab_fd, &file->symtab, file->fd,
			       &file->elf.dynsym, file->elf.wide, most);

	file->loaded = !r;
	file->hopeless = r < 0;
	if (r < 0)
		file_unload(file);
	return r;
}

/* Fewer underscores before it, then global before weak before local. */
static unsigned int demerit(const char *name, const struct index_entry *entry)
{
	/* Mangled names begin with one, and say nothing by that. */
	size_t underscores =
		strncmp(name, "_Z", 2) && strncmp(name, "_R", 2) ? strspn(name, "_") : 0;

	return (unsigned int)(min(underscores, (size_t)9) * 16 +
			      (entry->key & (INDEX_WEAK | INDEX_LOCAL)));
}

/* "memcpy@@GLIBC_2.14" */
static void cut_version(char *name)
{
	char *at = strchr(name, '@');

	if (at && at > name)
		*at = 0;
}

/* "runtime.futex.abi0": Go's own tools leave the calling convention out. */
static void cut_convention(char *name)
{
	size_t length = strlen(name), suffix = strlen(".abi0");

	if (length > suffix && !strcmp(name + length - suffix, ".abi0"))
		name[length - suffix] = 0;
}

const struct index_entry *file_find(char name[ELF_NAME_MAX], const struct file *file, u64 address,
				    bool object)
{
	const struct index_entry *found[INDEX_ALIASES], *best = NULL;
	unsigned int count = index_find(found, &file->index, address, object);
	char other[ELF_NAME_MAX];

	for (unsigned int i = 0; i < count; i++) {
		bool dyn = found[i]->key & INDEX_DYN;

		if (!elf_file_name(other, dyn ? file->fd : file->symtab_fd,
				   dyn ? &file->elf.dynsym : &file->symtab, found[i]->name))
			continue;
		if (best && demerit(other, found[i]) >= demerit(name, best))
			continue;
		best = found[i];
		strcpy(name, other);
	}
	if (!best)
		return NULL;
	cut_version(name);
	if (file->elf.go)
		cut_convention(name);
	return best;
}

const char *file_line(struct file *file, u64 address, u32 *line)
{
	if (file->no_lines)
		return NULL;
	/* The separate file, when there is one, has the DWARF. */
	if (!file->lines && lines_open(&file->lines, file->symtab_fd)) {
		file->no_lines = true;
		return NULL;
	}
	return lines_find(file->lines, address, line);
}
