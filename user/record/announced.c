// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* announced - what programs announced, out of a record of the ring */
#include "user/record/announced.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bpf/annotate.h"
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

struct writer {
	char *to;
	size_t room;
};

static __attribute__((format(printf, 2, 3))) void put(struct writer *w, const char *format, ...)
{
	va_list args;
	int written;

	va_start(args, format);
	written = vsnprintf(w->to, w->room, format, args);
	va_end(args);
	if (written < 0)
		return;
	written = (int)min((size_t)written, w->room - 1);
	w->to += written;
	w->room -= (size_t)written;
}

/* Whether somebody meant it as a text: all of it can be read. */
static bool is_readable(const char *text, size_t size)
{
	for (size_t length; size; text += length, size -= length) {
		length = utf8_length(text, size);
		if (!length || (unsigned char)*text < 0x20 || *text == 0x7f)
			return size < UTF8_MOST && is_cut(text, size);
	}
	return true;
}

/* @text: NULL: what should be one cannot be read. Return: whether it was UTF-8. */
static bool put_value(struct writer *w, u8 is, u64 value, const char *text, size_t size, bool alone)
{
	char clean[3 * PROBE_TEXT_MAX + 1];
	bool whole = true;

	if (size && (is == PROBE_ARG_TEXT || is_readable(text, size))) {
		whole = copy_text(clean, text, size, true);
		put(w, alone ? "%s" : "\"%s\"", clean);
	} else if (is == PROBE_ARG_TEXT && value && text) {
		put(w, "\"\"");
	} else if (is == PROBE_ARG_SIGNED) {
		put(w, "%" PRId64, (s64)value);
	} else if (is == PROBE_ARG_HEX || is == PROBE_ARG_TEXT ||
		   (is == PROBE_ARG_ANY && value >> 32)) {
		put(w, "%#" PRIx64, value);
	} else {
		put(w, "%" PRIu64, value);
	}
	return whole;
}

/* What a probe of the user was given, as one text */
static bool read_values(struct trace_annotation *to, struct announced *room, const char *data,
			size_t bytes)
{
	struct writer w = { room->text, sizeof(room->text) };
	struct probe_values values;
	bool unreadable;

	room->text[0] = 0;
	if (!bytes)
		return true;
	if (bytes < sizeof(values))
		return false;
	memcpy(&values, data, sizeof(values));
	data += sizeof(values);
	bytes -= sizeof(values);
	for (u32 i = 0; i < values.count && i < PROBE_ARGS_MAX; i++) {
		if (values.bytes[i] > bytes || values.bytes[i] > PROBE_TEXT_MAX)
			return false;
		unreadable = values.is[i] == PROBE_ARG_TEXT && values.unreadable >> i & 1;
		if (unreadable)
			to->flags |= ANNOTATION_BAD_TEXT;
		put(&w, i ? ", " : "");
		if (!put_value(&w, values.is[i], values.value[i], unreadable ? NULL : data,
			       unreadable ? 0 : values.bytes[i], values.count == 1))
			to->flags |= ANNOTATION_NOT_UTF8;
		data += values.bytes[i];
		bytes -= values.bytes[i];
	}
	if (values.cut)
		to->flags |= ANNOTATION_CUT_TEXT;
	return true;
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
		.probe = from->probe,
		.task = from->task,
		.value = from->value,
		.name = room->name,
		.text = room->text,
	};
	room->name[0] = 0;
	if (from->probe)
		return !from->name_bytes && read_values(to, room, from->data, from->text_bytes);
	clean = copy_text(room->name, from->data, from->name_bytes,
			  from->flags & ANNOTATION_CUT_NAME);
	clean &= copy_text(room->text, from->data + from->name_bytes, from->text_bytes,
			   from->flags & ANNOTATION_CUT_TEXT);
	if (!clean)
		to->flags |= ANNOTATION_NOT_UTF8;
	return true;
}
