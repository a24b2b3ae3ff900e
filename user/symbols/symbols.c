// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* symbols - from an address to a function or a variable, a file and a line */
#include "user/symbols/symbols.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/symbols/demangle.h"
#include "user/symbols/inside.h"

/* With their tables, a perf map and the kernel's names all that is below 64 MiB. */
#define MEMORY_BYTES (32ULL << 20)
#define NAMES_BYTES  (8ULL << 20)
#define FILES_MAX    16384
#define LOADED_MAX   128   /* files, for each holds one or two descriptors */
#define NAMES_KEPT   32768 /* demangled names that are found again by their symbol */

int symbols_new(struct symbols **out, const struct symbols_options *options, struct err *err)
{
	struct symbols *symbols = calloc(1, sizeof(*symbols));

	if (!symbols)
		return fail(err, -ENOMEM, "no memory for symbols");
	if (options)
		symbols->options = *options;
	if (!symbols->options.memory_bytes)
		symbols->options.memory_bytes = MEMORY_BYTES;
	symbols->texts.bytes_max = NAMES_BYTES;
	*out = symbols;
	return 0;
}

void symbols_free(struct symbols *symbols)
{
	if (!symbols)
		return;
	map_for_each(&symbols->processes, slot)
		process_free((struct process *)(uintptr_t)slot->value);
	for (u32 i = 0; i < symbols->file_count; i++)
		file_free(symbols->files[i]);
	free(symbols->files);
	kernel_free(symbols->kernel);
	map_free(&symbols->processes);
	map_free(&symbols->file_numbers);
	map_free(&symbols->names);
	intern_free(&symbols->texts);
	free(symbols);
}

/* A text that is kept; "" when there is no more room. */
static const char *keep(struct symbols *symbols, const char *text)
{
	const char *kept = intern_text(&symbols->texts, text);

	symbols->counts.unnamed += !kept;
	return kept ?: "";
}

static bool is_vdso(const struct symbols_mapping *mapping)
{
	return !mapping->inode && !strcmp(mapping->path, "[vdso]");
}

/* Whether the mapping's bytes come from a file that has a name: no JIT's shared memory */
static bool is_of_file(const struct symbols_mapping *mapping)
{
	return (mapping->inode && mapping->path[0] == '/' && strncmp(mapping->path, "/memfd:", 7) &&
		strncmp(mapping->path, "/dev/zero", 9)) ||
	       is_vdso(mapping);
}

static struct file *add_file(struct symbols *symbols, const struct symbols_mapping *mapping)
{
	CLEANUP(file_free) struct file *file = file_new();
	struct file **grown =
		realloc(symbols->files, (symbols->file_count + 1) * sizeof(*symbols->files));
	const char *last;

	if (grown)
		symbols->files = grown;
	if (!file || !grown)
		return NULL;
	file->number = symbols->file_count;
	file->path = keep(symbols, mapping->path);
	last = strrchr(file->path, '/');
	file->module = keep(symbols, last && last[1] ? last + 1 : file->path);
	file->vdso = is_vdso(mapping);
	file->inode = mapping->inode;
	file->device = mapping->device;
	file->seen_ns = mapping->seen_ns;
	file->build_id_bytes = min(mapping->build_id_bytes, (u8)BUILD_ID_ROOM);
	memcpy(file->build_id, mapping->build_id, file->build_id_bytes);
	symbols->files[symbols->file_count++] = file;
	return take(file);
}

static bool is_file(const struct file *file, const struct symbols_mapping *mapping)
{
	return file->inode == mapping->inode && file->device == mapping->device &&
	       !strcmp(file->path, mapping->path) &&
	       file->build_id_bytes == mapping->build_id_bytes &&
	       !memcmp(file->build_id, mapping->build_id, file->build_id_bytes);
}

/* The file of a mapping; the same one for all who map it. NULL: too many, or no memory. */
static struct file *get_file(struct symbols *symbols, const struct symbols_mapping *mapping)
{
	u64 words[] = { mapping->inode, mapping->device,
			hash_bytes(mapping->path, strlen(mapping->path)),
			hash_bytes(mapping->build_id, mapping->build_id_bytes) };
	struct file *file;
	u64 *slot;

	if (symbols->file_count == FILES_MAX)
		return NULL;
	for (u64 key = hash_bytes(words, sizeof(words));; key++) {
		slot = map_put(&symbols->file_numbers, key);
		if (!slot)
			return NULL;
		if (!*slot)
			break;
		if (is_file(symbols->files[*slot - 1], mapping))
			return symbols->files[*slot - 1];
	}
	file = add_file(symbols, mapping);
	if (file)
		*slot = file->number + 1;
	return file;
}

static struct process *get_process(struct symbols *symbols, const struct symbols_mapping *mapping)
{
	u64 *slot = map_put(&symbols->processes, mapping->process);

	if (slot && !*slot)
		*slot = (u64)(uintptr_t)process_new(symbols->options.here ? mapping->pid : 0);
	return slot ? (struct process *)(uintptr_t)*slot : NULL;
}

int symbols_add_mapping(struct symbols *symbols, const struct symbols_mapping *mapping)
{
	struct process *process = get_process(symbols, mapping);
	struct mapping added = {
		.address = mapping->address,
		.bytes = mapping->bytes,
		.offset = mapping->offset,
	};

	if (!process)
		return -ENOMEM;
	if (is_of_file(mapping) && mapping->build_id_bytes <= BUILD_ID_ROOM)
		added.file = get_file(symbols, mapping);
	return process_add(process, &added);
}

void symbols_forget(struct symbols *symbols, u64 process)
{
	u64 *slot = map_get(&symbols->processes, process);

	if (!slot)
		return;
	process_free((struct process *)(uintptr_t)*slot);
	map_remove(&symbols->processes, process);
}

static void unload(struct symbols *symbols, struct file *file)
{
	symbols->loaded_bytes -= file_bytes(file);
	symbols->loaded_count--;
	file_unload(file);
}

/* Puts the tables away that were not used for the longest time, until @bytes and one more fit. */
static void make_room(struct symbols *symbols, u64 bytes)
{
	while (symbols->loaded_count &&
	       (symbols->loaded_bytes + bytes > symbols->options.memory_bytes ||
		symbols->loaded_count >= LOADED_MAX)) {
		struct file *oldest = NULL;

		for (u32 i = 0; i < symbols->file_count; i++)
			if (symbols->files[i]->loaded &&
			    (!oldest || symbols->files[i]->used < oldest->used))
				oldest = symbols->files[i];
		if (!oldest)
			return;
		unload(symbols, oldest);
		symbols->counts.evicted++;
	}
}

static bool know(struct symbols *symbols, struct file *file, const struct file_place *place)
{
	bool is_new = file->state == FILE_NEW, known = file_know(file, place);

	symbols->counts.files += is_new && known;
	symbols->counts.missing += is_new && !known;
	return known;
}

/* Whether @file has its symbols loaded now. */
static bool load(struct symbols *symbols, struct file *file, const struct file_place *place)
{
	int r;

	file->used = ++symbols->clock;
	if (file->loaded)
		return true;
	if (file_open(file, place) < 0)
		return false;
	make_room(symbols, min(file_bytes_most(file), symbols->options.memory_bytes));
	r = file_load(file, symbols->options.memory_bytes / sizeof(struct index_entry));
	symbols->counts.oversize += r == -E2BIG;
	if (r < 0)
		return false;
	symbols->loaded_bytes += file_bytes(file);
	symbols->loaded_count++;
	return true;
}

/* The demangled name of a symbol, found again by who has it. */
static const char *name_of(struct symbols *symbols, const void *owner, u64 symbol, const char *raw)
{
	u64 words[] = { (u64)(uintptr_t)owner, symbol };
	char demangled[DEMANGLED_MAX];
	u64 *slot;

	if (symbols->names.count >= NAMES_KEPT)
		map_clear(&symbols->names);
	slot = map_put(&symbols->names, hash_bytes(words, sizeof(words)));
	if (slot && *slot)
		return (const char *)(uintptr_t)*slot;
	demangle(demangled, raw);
	raw = intern_text(&symbols->texts, demangled);
	symbols->counts.unnamed += !raw;
	if (slot)
		*slot = (u64)(uintptr_t)raw;
	return raw;
}

bool symbols_raw_name(struct symbols *symbols, char name[ELF_NAME_MAX], struct file *file,
		      const struct file_place *place, u64 at)
{
	return load(symbols, file, place) && file_find(name, file, at, false);
}

static void no_frame(struct symbols_frame *frame, const char *module, u64 offset)
{
	*frame = (struct symbols_frame){ .module = module, .path = "", .offset = offset };
}

/* What is known of @address without any file: the mapping, and where it lies in it. */
static void frame_of_mapping(struct symbols_frame *frame, const struct mapping *mapping,
			     u64 address)
{
	const struct file *file = mapping->file;

	no_frame(frame, file ? file->module : "[jit]", address);
	if (!file)
		return;
	frame->path = file->vdso ? "" : file->path;
	frame->mapping = (struct symbols_span){ mapping->address, mapping->bytes, mapping->offset };
	frame->offset = address - mapping->address + mapping->offset;
	frame->build_id_bytes = file->build_id_bytes;
	memcpy(frame->build_id, file->build_id, file->build_id_bytes);
}

/* The symbol of @file at @at, an address as the file counts. */
static bool name_in_file(struct symbols *symbols, struct symbols_frame *frame, struct file *file,
			 const struct file_place *place, u64 at, bool object)
{
	const struct index_entry *entry;
	char raw[ELF_NAME_MAX];

	if (!load(symbols, file, place))
		return false;
	if (symbols->options.lines && !object) {
		const char *line_file = file_line(file, at, &frame->line);

		frame->file = line_file ? intern_text(&symbols->texts, line_file) : NULL;
	}
	entry = file_find(raw, file, at, object);
	if (!entry)
		return false;
	frame->name = name_of(symbols, file, entry->key, raw);
	frame->name_offset = at - index_address(entry);
	return frame->name;
}

/* One perf map at a time: each may be large, and whose is asked for comes in rows. */
static void drop_perf_maps(struct symbols *symbols, const struct process *but)
{
	map_for_each(&symbols->processes, slot) {
		struct process *process = (struct process *)(uintptr_t)slot->value;

		if (process && process != but)
			perf_map_free(take(process->perf_map));
	}
}

static bool name_in_perf_map(struct symbols *symbols, struct symbols_frame *frame,
			     struct process *process, u64 address)
{
	bool is_new = !process->perf_map;
	const struct perf_map *map = process_perf_map(process);
	const char *name;
	u64 begin;

	if (!map)
		return false;
	if (is_new) {
		drop_perf_maps(symbols, process);
		symbols->counts.perf_lines += map->skipped;
	}
	name = perf_map_find(map, address, &begin);
	if (!name)
		return false;
	frame->module = "[jit]";
	frame->name = intern_text(&symbols->texts, name);
	frame->name_offset = address - begin;
	symbols->counts.unnamed += !frame->name;
	return frame->name;
}

struct process *symbols_process(const struct symbols *symbols, u64 process)
{
	u64 *slot = map_get(&symbols->processes, process);

	return slot ? (struct process *)(uintptr_t)*slot : NULL;
}

/* Where @address lies in the memory of a file that @mapping shows the begin of. Return: whether
 * the file is there, so that it can have a name. */
static bool place_by_mapping(struct symbols *symbols, struct symbols_frame *frame,
			     const struct file_place *place, const struct mapping *mapping,
			     u64 address)
{
	u64 bias;

	frame_of_mapping(frame, mapping, address);
	if (!know(symbols, mapping->file, place) ||
	    !elf_file_bias(&bias, &mapping->file->elf, mapping->address, mapping->offset))
		return false;
	frame->offset = address - bias;
	return true;
}

static bool name_by_mapping(struct symbols *symbols, struct symbols_frame *frame,
			    const struct process *process, const struct mapping *mapping,
			    u64 address, bool object)
{
	struct file_place place = process_place(process, mapping);

	return place_by_mapping(symbols, frame, &place, mapping, address) &&
	       name_in_file(symbols, frame, mapping->file, &place, frame->offset, object);
}

bool symbols_place(struct symbols *symbols, struct symbols_frame *frame, u64 process, u64 address)
{
	const struct process *owner = symbols_process(symbols, process);
	const struct mapping *mapping = owner ? process_find(owner, address) : NULL;
	struct file_place place;

	no_frame(frame, mapping ? "[jit]" : "[unknown]", address);
	if (!mapping || !mapping->file)
		return mapping;
	place = process_place(owner, mapping);
	place_by_mapping(symbols, frame, &place, mapping, address);
	return true;
}

bool symbols_code(struct symbols *symbols, struct symbols_frame *frame, u64 process, u64 address)
{
	struct process *owner = symbols_process(symbols, process);
	const struct mapping *mapping = owner ? process_find(owner, address) : NULL;

	if (mapping && mapping->file)
		return name_by_mapping(symbols, frame, owner, mapping, address, false);
	no_frame(frame, mapping ? "[jit]" : "[unknown]", address);
	return owner && name_in_perf_map(symbols, frame, owner, address);
}

/* Whether @address lies in the memory that the file of @mapping took, beyond its code too */
static bool belongs(struct symbols *symbols, const struct process *process,
		    const struct mapping *mapping, u64 address)
{
	struct file_place place = process_place(process, mapping);
	u64 bias;

	return know(symbols, mapping->file, &place) &&
	       elf_file_bias(&bias, &mapping->file->elf, mapping->address, mapping->offset) &&
	       elf_file_holds(&mapping->file->elf, address - bias);
}

bool symbols_data(struct symbols *symbols, struct symbols_frame *frame, u64 process, u64 address)
{
	const struct process *owner = symbols_process(symbols, process);
	const struct mapping *mapping = owner ? process_find(owner, address) : NULL;

	no_frame(frame, "[unknown]", address);
	if (!owner)
		return false;
	for (u32 i = 0; !mapping && i < owner->count; i++) {
		const struct mapping *other = process_mapping(owner, i);

		/* One that a newer one has taken the place of is no longer there. */
		if (other->file && belongs(symbols, owner, other, address) &&
		    process_find(owner, other->address) == other)
			mapping = other;
	}
	if (!mapping || !mapping->file)
		return false;
	return name_by_mapping(symbols, frame, owner, mapping, address, true);
}

static void read_kernel(struct symbols *symbols)
{
	CLEANUP(fclose) FILE *file = NULL;

	symbols->kernel_read = true;
	if (symbols->options.here)
		file = fopen(symbols->options.kallsyms ?: "/proc/kallsyms", "re");
	symbols->counts.kernel_hidden = !file || kernel_read(&symbols->kernel, file) < 0;
}

void symbols_set_kernel(struct symbols *symbols, struct kernel *kernel)
{
	kernel_free(symbols->kernel);
	symbols->kernel = kernel;
	symbols->kernel_read = true;
	symbols->counts.kernel_hidden = !kernel;
}

bool symbols_kernel(struct symbols *symbols, struct symbols_frame *frame, u64 address)
{
	const char *name, *module;
	u64 begin;

	no_frame(frame, "[kernel]", address);
	if (!symbols->kernel_read)
		read_kernel(symbols);
	if (!symbols->kernel || !kernel_find(symbols->kernel, address, &name, &begin, &module))
		return false;
	if (*module)
		frame->module = keep(symbols, module);
	frame->name = name_of(symbols, symbols->kernel, begin, name);
	frame->name_offset = address - begin;
	return frame->name;
}

char *symbols_text(char to[SYMBOLS_TEXT_MAX], const struct symbols_frame *frame)
{
	int used;

	if (frame->name) {
		snprintf(to, SYMBOLS_TEXT_MAX, "%s", frame->name);
		return to;
	}
	used = snprintf(to, SYMBOLS_TEXT_MAX, "%.*s+0x%" PRIx64, SYMBOLS_TEXT_MAX - 64,
			frame->module, frame->offset);
	if (frame->build_id_bytes >= 4)
		snprintf(to + used, SYMBOLS_TEXT_MAX - (size_t)used, " [%02x%02x%02x%02x]",
			 frame->build_id[0], frame->build_id[1], frame->build_id[2],
			 frame->build_id[3]);
	return to;
}

char *symbols_line_text(char to[SYMBOLS_TEXT_MAX], const struct symbols_frame *frame)
{
	const char *last;
	size_t used;

	symbols_text(to, frame);
	if (!frame->file)
		return to;
	last = strrchr(frame->file, '/');
	used = strlen(to);
	snprintf(to + used, SYMBOLS_TEXT_MAX - used, " %s:%u",
		 last && last[1] ? last + 1 : frame->file, frame->line);
	return to;
}

const struct symbols_counts *symbols_counts(const struct symbols *symbols)
{
	return &symbols->counts;
}
