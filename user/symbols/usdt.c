// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * usdt - the static probes that a program or library tells of in its notes
 *
 * The format is that of systemtap's <sys/sdt.h>, version 3: three addresses (of the probe, of
 * .stapsdt.base when the note was written, of the semaphore) and three texts. When the file was
 * moved by prelink, .stapsdt.base has moved by as much.
 */
#include "user/symbols/usdt.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOTES_MAX  (16U << 20) /* bytes of all notes of a file */
#define STAPSDT    3           /* the type of the notes */
#define STAPSDT_ID "stapsdt"

static u64 word_at(const u8 *at, bool wide, unsigned int number)
{
	u64 word = 0;

	/* Only files of this machine's byte order are read. */
	if (wide) {
		memcpy(&word, at + number * 8, 8);
	} else {
		u32 narrow;

		memcpy(&narrow, at + number * 4, 4);
		word = narrow;
	}
	return word;
}

/* The next of three texts, which end within @end. */
static const char *next_text(const char **at, const char *end)
{
	const char *text = *at;
	size_t length = strnlen(text, (size_t)(end - text));

	if (length == (size_t)(end - text))
		return NULL;
	*at = text + length + 1;
	return text;
}

static bool read_probe(struct usdt *to, const u8 *at, size_t bytes, const struct elf_file *elf)
{
	size_t words = elf->wide ? 24 : 12;
	const char *text = (const char *)at + words, *end = (const char *)at + bytes;
	u64 address, counter, moved;

	if (bytes < words + 3)
		return false;
	address = word_at(at, elf->wide, 0);
	moved = elf->probes_base ? elf->probes_base - word_at(at, elf->wide, 1) : 0;
	counter = word_at(at, elf->wide, 2);
	to->provider = next_text(&text, end);
	to->name = to->provider ? next_text(&text, end) : NULL;
	to->args = to->name ? next_text(&text, end) : NULL;
	if (!to->args || !elf_file_place(&to->offset, elf, address + moved, true))
		return false;
	to->counter = 0;
	return !counter || elf_file_place(&to->counter, elf, counter + moved, false);
}

static int add_probe(struct usdt_list *list, size_t *room, const struct usdt *probe)
{
	if (list->count == *room) {
		size_t more = *room ? *room * 2 : 16;
		struct usdt *grown = reallocarray(list->probes, more, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		list->probes = grown;
		*room = more;
	}
	list->probes[list->count++] = *probe;
	return 0;
}

static int read_notes(struct usdt_list *list, const u8 *at, size_t bytes,
		      const struct elf_file *elf)
{
	size_t room = 0;

	while (bytes >= sizeof(Elf64_Nhdr) && list->count < USDT_MAX) {
		u64 name_bytes, content_bytes;
		struct usdt probe;
		Elf64_Nhdr note;

		memcpy(&note, at, sizeof(note));
		at += sizeof(note);
		bytes -= sizeof(note);
		name_bytes = ((u64)note.n_namesz + 3) & ~3ULL;
		content_bytes = ((u64)note.n_descsz + 3) & ~3ULL;
		if (name_bytes + content_bytes > bytes)
			break;
		if (note.n_type == STAPSDT && note.n_namesz == sizeof(STAPSDT_ID) &&
		    !memcmp(at, STAPSDT_ID, sizeof(STAPSDT_ID))) {
			if (!read_probe(&probe, at + name_bytes, note.n_descsz, elf))
				list->refused++;
			else if (add_probe(list, &room, &probe))
				return -ENOMEM;
		}
		at += name_bytes + content_bytes;
		bytes -= name_bytes + content_bytes;
	}
	return 0;
}

int usdt_read(struct usdt_list *list, int fd, const struct elf_file *elf)
{
	size_t bytes = (size_t)min(elf->probes_bytes, (u64)NOTES_MAX);
	int r;

	*list = (struct usdt_list){ 0 };
	if (!bytes)
		return 0;
	list->texts = malloc(bytes);
	if (!list->texts)
		return -ENOMEM;
	if (pread(fd, list->texts, bytes, (off_t)elf->probes_offset) != (ssize_t)bytes) {
		list->refused++;
		return 0;
	}
	r = read_notes(list, (const u8 *)list->texts, bytes, elf);
	if (r < 0)
		usdt_free(list);
	return r;
}

void usdt_free(struct usdt_list *list)
{
	free(list->probes);
	free(list->texts);
	*list = (struct usdt_list){ 0 };
}
