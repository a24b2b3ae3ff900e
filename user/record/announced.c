// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* announced - what programs announced, out of a record of the ring */
#include "user/record/announced.h"

#include <string.h>

#include "user/base/text.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define UTF8_MOST   4              /* bytes of a character */

/* Whether @text is the begin of a character that goes on behind it. */
static bool is_cut(const char *text, size_t size)
{
	static const char ends[] = "\x80\x90\xbf"; /* which are allowed depends on the first byte */
	char whole[UTF8_MOST];

	if (size >= UTF8_MOST)
		return false;
	for (size_t length = size + 1; length <= UTF8_MOST; length++)
		for (size_t i = 0; i < 3; i++) {
			memset(whole, 0x80, sizeof(whole));
			memcpy(whole, text, size);
			whole[size] = ends[i];
			if (utf8_length(whole, length) == length)
				return true;
		}
	return false;
}

/* Return: whether all of it was UTF-8. */
static bool copy_text(char *to, const char *from, size_t size, bool cut)
{
	bool clean = true;

	while (size) {
		size_t length = *from ? utf8_length(from, size) : 0;

		if (!length && cut && is_cut(from, size))
			break;
		if (length) {
			memcpy(to, from, length);
			to += length;
		} else {
			memcpy(to, REPLACEMENT, 3);
			to += 3;
			length = 1;
			clean = false;
		}
		from += length;
		size -= length;
	}
	*to = 0;
	return clean;
}

bool announced_read(struct trace_annotation *to, struct announced *room,
		    const struct event_annotation *from, size_t bytes)
{
	bool clean;

	if (from->name_bytes > ANNOTATION_NAME_MAX || from->text_bytes > ANNOTATION_TEXT_MAX ||
	    sizeof(*from) + from->name_bytes + from->text_bytes > bytes)
		return false;
	*to = (struct trace_annotation){
		.tid = from->tid,
		.flags = from->flags & (u16)~ANNOTATION_RESTATED,
		.task = from->task,
		.value = from->value,
		.name = room->name,
		.text = room->text,
	};
	clean = copy_text(room->name, from->data, from->name_bytes,
			  from->flags & ANNOTATION_CUT_NAME);
	clean &= copy_text(room->text, from->data + from->name_bytes, from->text_bytes,
			   from->flags & ANNOTATION_CUT_TEXT);
	if (!clean)
		to->flags |= ANNOTATION_NOT_UTF8;
	return true;
}
