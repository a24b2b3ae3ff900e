// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* cfi - what a file tells of how its functions keep their frames (.eh_frame, .debug_frame) */
#include "user/symbols/cfi.h"

#include <dwarf.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/symbols/cfi_program.h"

#define SECTION_MOST (64ULL << 20) /* of one that has to be read as a whole */
#define ENTRIES_MOST (4 * 1024 * 1024 / sizeof(struct index_entry))
#define ENTRY_MOST   (16u << 10) /* bytes that one function has to say */
#define ENTRY_FIRST  256         /* bytes; enough for most */
#define PIECE_PAIRS  256         /* of the table of .eh_frame_hdr, read at once */

#define ENCODING_OMIT  0xff
#define ENCODING_TABLE 0x3b /* signed 4 bytes, from where .eh_frame_hdr is */

struct pair {
	s32 begin;
	s32 entry;
};

struct cfi {
	int fd;
	bool arm;
	bool is_debug; /* .debug_frame: other ids, no encodings */
	struct elf_stretch frames;
	u64 table_at; /* in the file; 0: no table, then all is in the index */
	u64 table_count;
	u64 table_base;
	struct index index; /* of entries by address; their name is where they are in frames */
	struct buffer common;
	struct buffer own;
};

/* One CIE or FDE: what is behind its length */
struct entry {
	u64 at;   /* of the entry, in frames */
	u64 next; /* where the next one begins */
	u64 id;
	u64 id_at;          /* where that lies */
	struct cursor body; /* behind the id */
};

/* What an FDE says before its instructions */
struct span {
	u64 begin;
	u64 bytes;
	struct cursor program;
};

static bool read_at(const struct cfi *cfi, void *to, u64 bytes, u64 at)
{
	return at <= cfi->frames.bytes && bytes <= cfi->frames.bytes - at &&
	       pread(cfi->fd, to, bytes, (off_t)(cfi->frames.offset + at)) == (ssize_t)bytes;
}

/* Reads the entry at @at into @buffer, which @entry then points into. Return: whether it is one. */
static bool read_entry(struct entry *entry, const struct cfi *cfi, struct buffer *buffer, u64 at)
{
	u64 room = at < cfi->frames.bytes ? cfi->frames.bytes - at : 0;
	u64 first = min(room, (u64)ENTRY_FIRST), bytes, id_bytes = 4;
	struct cursor c;

	buffer_reset(buffer);
	if (buffer_reserve(buffer, ENTRY_FIRST) || !read_at(cfi, buffer->data, first, at))
		return false;
	c = (struct cursor){ .at = buffer->data, .end = buffer->data + first };
	bytes = cursor_number(&c, 4);
	if (bytes == UINT32_MAX) {
		bytes = cursor_number(&c, 8);
		id_bytes = cfi->is_debug ? 8 : 4;
	}
	entry->at = at;
	entry->id_at = at + (u64)(c.at - buffer->data);
	if (c.failed || bytes < id_bytes || entry->id_at > cfi->frames.bytes ||
	    bytes > cfi->frames.bytes - entry->id_at || bytes > ENTRY_MOST)
		return false;
	entry->next = entry->id_at + bytes;
	if (entry->next - at > first) {
		u64 head = entry->id_at - at;

		if (buffer_reserve(buffer, head + bytes) ||
		    !read_at(cfi, buffer->data, head + bytes, at))
			return false;
		c.at = buffer->data + head;
	}
	c.end = c.at + bytes;
	entry->id = cursor_number(&c, (unsigned int)id_bytes);
	/* The marks of a CIE, in both sizes */
	if (cfi->is_debug && entry->id == (id_bytes == 8 ? UINT64_MAX : UINT32_MAX))
		entry->id = UINT64_MAX;
	entry->body = c;
	return !c.failed;
}

static bool is_common(const struct cfi *cfi, const struct entry *entry)
{
	return entry->id == (cfi->is_debug ? UINT64_MAX : 0);
}

/* An address in the form of DW_EH_PE_*. @at: where it lies, as the file counts */
static u64 read_address(struct cursor *c, u8 encoding, u64 at)
{
	u64 value;

	switch (encoding & 0x0f) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8: value = cursor_number(c, 8); break;
	case DW_EH_PE_udata4: value = cursor_number(c, 4); break;
	case DW_EH_PE_sdata4: value = (u64)(s32)cursor_number(c, 4); break;
	case DW_EH_PE_udata2: value = cursor_number(c, 2); break;
	case DW_EH_PE_sdata2: value = (u64)(s16)cursor_number(c, 2); break;
	case DW_EH_PE_uleb128: value = cursor_varint(c); break;
	case DW_EH_PE_sleb128: value = (u64)cursor_leb(c); break;
	default: c->failed = true; return 0;
	}
	switch (encoding & 0xf0) {
	case DW_EH_PE_absptr: return value;
	case DW_EH_PE_pcrel: return value + at;
	default: c->failed = true; return 0; /* through the memory of the process, or the like */
	}
}

/* The letters behind "z", each of which says what stands in the data */
static void read_augmentation(struct cfi_common *common, const char *letters, struct cursor data)
{
	for (; *letters && !data.failed; letters++) {
		u8 encoding;

		switch (*letters) {
		case 'R': common->encoding = cursor_u8(&data); break;
		case 'L': cursor_u8(&data); break;
		case 'P':
			encoding = cursor_u8(&data);
			read_address(&data, encoding & 0x0f, 0);
			break;
		case 'S': common->signal = true; break;
		case 'B': break; /* arm64: return addresses are signed with the other key */
		default: return;
		}
	}
}

static bool read_common(struct cfi_common *common, struct cfi *cfi, u64 at)
{
	struct entry entry;
	struct cursor *c = &entry.body;
	const char *letters;
	u64 version, length;

	*common = (struct cfi_common){ .arm = cfi->arm, .encoding = DW_EH_PE_absptr };
	if (!read_entry(&entry, cfi, &cfi->common, at) || !is_common(cfi, &entry))
		return false;
	version = cursor_u8(c);
	if (version != 1 && version != 3 && version != 4)
		return false;
	letters = (const char *)c->at;
	length = strnlen(letters, (size_t)(c->end - c->at));
	cursor_take(c, length + 1);
	if (c->failed)
		return false;
	/* The size of an address, and of a segment's number */
	if (version == 4 && (cursor_u8(c) != 8 || cursor_u8(c)))
		return false;
	common->code_align = cursor_varint(c);
	common->data_align = cursor_leb(c);
	common->return_register = version == 1 ? cursor_u8(c) : cursor_varint(c);
	if (letters[0] == 'z') {
		common->augmented = true;
		read_augmentation(common, letters + 1, cursor_sub(c));
	} else if (letters[0]) {
		return false;
	}
	common->program = *c;
	return !c->failed;
}

/* Of a function: reads its common part too. Return: whether @at is one. */
static bool read_function(struct span *span, struct cfi_common *common, struct cfi *cfi,
			  const struct entry *entry)
{
	struct cursor c = entry->body;
	u64 at = cfi->frames.address + entry->next;

	if (is_common(cfi, entry) || (!cfi->is_debug && entry->id > entry->id_at))
		return false;
	if (!read_common(common, cfi, cfi->is_debug ? entry->id : entry->id_at - entry->id))
		return false;
	span->begin = read_address(&c, common->encoding, at - (u64)(c.end - c.at));
	span->bytes = read_address(&c, common->encoding & 0x0f, 0);
	if (common->augmented)
		cursor_sub(&c);
	span->program = c;
	return !c.failed;
}

/* The last entry of the table that begins at or before @address. Return: where it is in frames. */
static u64 search_table(const struct cfi *cfi, u64 address)
{
	u64 low = 0, high = cfi->table_count;
	struct pair pairs[PIECE_PAIRS];
	s64 wanted = (s64)(address - cfi->table_base);
	u64 count, entry;

	while (high - low > PIECE_PAIRS) {
		u64 middle = low + (high - low) / 2;

		if (pread(cfi->fd, pairs, sizeof(*pairs),
			  (off_t)(cfi->table_at + middle * sizeof(*pairs))) != sizeof(*pairs))
			return UINT64_MAX;
		if (pairs[0].begin <= wanted)
			low = middle;
		else
			high = middle;
	}
	count = (high - low) * sizeof(*pairs);
	if (pread(cfi->fd, pairs, count, (off_t)(cfi->table_at + low * sizeof(*pairs))) !=
	    (ssize_t)count)
		return UINT64_MAX;
	for (count = high - low; count && pairs[count - 1].begin > wanted;)
		count--;
	if (!count)
		return UINT64_MAX;
	entry = cfi->table_base + (u64)(s64)pairs[count - 1].entry;
	return entry - cfi->frames.address;
}

static u64 search_index(const struct cfi *cfi, u64 address)
{
	const struct index_entry *found[INDEX_ALIASES];

	return index_find(found, &cfi->index, address, false) ? found[0]->name : UINT64_MAX;
}

bool cfi_find(struct cfi *cfi, struct unwind *rule, u64 address)
{
	u64 at = cfi->table_at ? search_table(cfi, address) : search_index(cfi, address);
	struct cfi_common common;
	struct entry entry;
	struct span span;

	if (at == UINT64_MAX || !read_entry(&entry, cfi, &cfi->own, at) ||
	    !read_function(&span, &common, cfi, &entry) || address < span.begin ||
	    address - span.begin >= span.bytes)
		return false;
	cfi_program_run(rule, &common, span.program, span.begin, address);
	return true;
}

static int add_function(struct cfi *cfi, u32 *room, const struct span *span, u64 at)
{
	struct index_entry *grown;

	if (span->begin > INDEX_ADDRESS_MASK || !span->begin || !span->bytes)
		return 0;
	if (cfi->index.count == ENTRIES_MOST)
		return -E2BIG;
	if (cfi->index.count == *room) {
		*room = *room ? *room * 2 : 256;
		grown = realloc(cfi->index.entries, *room * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		cfi->index.entries = grown;
	}
	cfi->index.entries[cfi->index.count++] = (struct index_entry){
		.key = index_key(span->begin, 0),
		.bytes = (u32)min(span->bytes, (u64)UINT32_MAX),
		.name = (u32)at,
	};
	return 0;
}

/* All functions of a file that has no table of them. Beyond a limit: those that come first. */
static int make_index(struct cfi *cfi)
{
	u64 end = min(cfi->frames.bytes, SECTION_MOST);
	struct cfi_common common;
	struct entry entry;
	struct span span;
	u32 room = 0;
	int r = 0;

	for (u64 at = 0; at + 8 < end && read_entry(&entry, cfi, &cfi->own, at); at = entry.next) {
		if (read_function(&span, &common, cfi, &entry))
			r = add_function(cfi, &room, &span, at);
		if (r < 0)
			break;
	}
	index_sort(&cfi->index);
	if (r == -ENOMEM)
		return r;
	return cfi->index.count ? 0 : -ENODATA;
}

/* .eh_frame_hdr: version, three encodings, where .eh_frame is, how many, the table */
static bool find_table(struct cfi *cfi, const struct elf_file *elf)
{
	const struct elf_stretch *head = &elf->eh_frame_hdr;
	u64 frames, count, at, room;
	u8 data[32] = { 0 };
	struct cursor c = { .at = data + 4, .end = data + sizeof(data) };
	ssize_t got;

	if (!head->offset || head->offset > INT64_MAX / 2)
		return false;
	got = pread(cfi->fd, data, sizeof(data), (off_t)head->offset);
	if (got < 12 || data[0] != 1 || data[2] == ENCODING_OMIT || data[3] != ENCODING_TABLE)
		return false;
	frames = read_address(&c, data[1], head->address + 4);
	count = read_address(&c, data[2], 0);
	at = (u64)(c.at - data);
	if (c.failed || at > (u64)got || head->bytes < at || !count ||
	    count > (head->bytes - at) / sizeof(struct pair))
		return false;
	/* Without section headers nobody says how long it is: at most to the segment's end. */
	if (!cfi->frames.offset) {
		if (!elf_file_offset(&cfi->frames.offset, &room, elf, frames))
			return false;
		cfi->frames.bytes = room;
		cfi->frames.address = frames;
	}
	cfi->table_at = head->offset + at;
	cfi->table_count = count;
	cfi->table_base = head->address;
	return true;
}

int cfi_open(struct cfi **out, int fd, const struct elf_file *elf)
{
	CLEANUP(cfi_close) struct cfi *cfi = NULL;
	int r;

	if (!elf->wide || (elf->machine != EM_X86_64 && elf->machine != EM_AARCH64))
		return -ENODATA;
	cfi = calloc(1, sizeof(*cfi));
	if (!cfi)
		return -ENOMEM;
	cfi->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (cfi->fd < 0)
		return -errno;
	cfi->arm = elf->machine == EM_AARCH64;
	cfi->frames = elf->eh_frame;
	if (find_table(cfi, elf)) {
		*out = take(cfi);
		return 0;
	}
	if (!cfi->frames.offset) {
		cfi->frames = elf->debug_frame;
		cfi->is_debug = true;
	}
	r = cfi->frames.offset ? make_index(cfi) : -ENODATA;
	if (r < 0)
		return r;
	*out = take(cfi);
	return 0;
}

void cfi_close(struct cfi *cfi)
{
	if (!cfi)
		return;
	if (cfi->fd >= 0)
		close(cfi->fd);
	index_free(&cfi->index);
	buffer_free(&cfi->common);
	buffer_free(&cfi->own);
	free(cfi);
}

u64 cfi_bytes(const struct cfi *cfi)
{
	return sizeof(*cfi) + cfi->index.count * sizeof(*cfi->index.entries);
}
