// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* fields - structs to bytes and back, from one table for both directions */
#include "user/trace/fields.h"

#include "user/trace/format.h"
#include "user/trace/texts.h"

static const struct field thread_fields[] = {
	UINT_FIELD(event_thread, tid),         UINT_FIELD(event_thread, tgid),
	UINT_FIELD(event_thread, ns_tid),      UINT_FIELD(event_thread, ns_tgid),
	UINT_FIELD(event_thread, parent_tgid), UINT_FIELD(event_thread, flags),
	UINT_FIELD(event_thread, state),       UINT_FIELD(event_thread, wait_kind),
	UINT_FIELD(event_thread, syscall),     UINT_FIELD(event_thread, object),
	UINT_FIELD(event_thread, address),     UINT_FIELD(event_thread, futex_op),
	UINT_FIELD(event_thread, priority),    UINT_FIELD(event_thread, start_ns),
	BYTES_FIELD(event_thread, comm),       UINT_FIELD(event_thread, since_ns),
};

static const struct field fork_fields[] = {
	UINT_FIELD(event_fork, tid),        UINT_FIELD(event_fork, tgid),
	UINT_FIELD(event_fork, ns_tid),     UINT_FIELD(event_fork, ns_tgid),
	UINT_FIELD(event_fork, parent_tid), UINT_FIELD(event_fork, parent_tgid),
	UINT_FIELD(event_fork, flags),      UINT_FIELD(event_fork, priority),
	BYTES_FIELD(event_fork, comm),
};

static const struct field exec_fields[] = {
	UINT_FIELD(trace_exec, tid),
	UINT_FIELD(trace_exec, old_tid),
	TEXT_FIELD(trace_exec, path),
};

static const struct field exit_fields[] = {
	UINT_FIELD(event_exit, tid),
	UINT_FIELD(event_exit, tgid),
	UINT_FIELD(event_exit, exit_code),
	UINT_FIELD(event_exit, last),
};

static const struct field name_fields[] = {
	UINT_FIELD(event_name, tid),
	UINT_FIELD(event_name, tgid),
	UINT_FIELD(event_name, flags),
	BYTES_FIELD(event_name, comm),
};

static const struct field object_fields[] = {
	UINT_FIELD(event_object, id),
	UINT_FIELD(event_object, type),
	UINT_FIELD(event_object, family),
	UINT_FIELD(event_object, protocol),
	UINT_FIELD(event_object, local_port),
	UINT_FIELD(event_object, remote_port),
	UINT_FIELD(event_object, device),
	UINT_FIELD(event_object, inode),
	BYTES_FIELD(event_object, local_address),
	BYTES_FIELD(event_object, remote_address),
};

static const struct field mapping_fields[] = {
	UINT_FIELD(trace_mapping, tgid),           UINT_FIELD(trace_mapping, address),
	UINT_FIELD(trace_mapping, bytes),          UINT_FIELD(trace_mapping, offset),
	UINT_FIELD(trace_mapping, inode),          UINT_FIELD(trace_mapping, device),
	UINT_FIELD(trace_mapping, build_id_bytes), BYTES_FIELD(trace_mapping, build_id),
	TEXT_FIELD(trace_mapping, path),
};

static const struct field loss_fields[] = {
	UINT_FIELD(trace_loss, from_ns),
	UINT_FIELD(trace_loss, to_ns),
	UINT_FIELD(trace_loss, unreadable),
	UINT_FIELD(trace_loss, counts[CLASS_SCHED]),
	UINT_FIELD(trace_loss, counts[CLASS_PROCESS]),
	UINT_FIELD(trace_loss, counts[CLASS_SYSCALL]),
	UINT_FIELD(trace_loss, counts[CLASS_FUTEX]),
	UINT_FIELD(trace_loss, counts[CLASS_OBJECT]),
	UINT_FIELD(trace_loss, counts[CLASS_STACK]),
	UINT_FIELD(trace_loss, counts[CLASS_SAMPLE]),
	UINT_FIELD(trace_loss, counts[CLASS_ANNOTATION]),
};
_Static_assert(ARRAY_SIZE(loss_fields) == 3 + CLASS_COUNT, "a loss counts every class");

static const struct field stack_fields[] = {
	UINT_FIELD(trace_stack, id),    UINT_FIELD(trace_stack, tgid),
	UINT_FIELD(trace_stack, image), UINT_FIELD(trace_stack, flags),
	UINT_FIELD(trace_stack, end),   WORDS_FIELD(trace_stack, frames),
};

static const struct field wait_stack_fields[] = {
	UINT_FIELD(event_wait_stack, tid),        UINT_FIELD(event_wait_stack, moment),
	UINT_FIELD(event_wait_stack, user_stack), UINT_FIELD(event_wait_stack, kernel_stack),
	UINT_FIELD(event_wait_stack, enter_ns),   UINT_FIELD(event_wait_stack, lock_word),
	UINT_FIELD(event_wait_stack, lock_owner), UINT_FIELD(event_wait_stack, lock_kind),
	UINT_FIELD(event_wait_stack, lock_users),
};

static const struct field sample_fields[] = {
	UINT_FIELD(event_sample, tid),
	UINT_FIELD(event_sample, user_stack),
	UINT_FIELD(event_sample, kernel_stack),
};

static const struct field symbol_fields[] = {
	UINT_FIELD(trace_symbol, tgid),    UINT_FIELD(trace_symbol, image),
	UINT_FIELD(trace_symbol, address), UINT_FIELD(trace_symbol, offset),
	TEXT_FIELD(trace_symbol, name),
};

#define ANNOTATION(member)      UINT_FIELD(trace_annotation, member)
#define ANNOTATION_NAME(member) NAME_FIELD(trace_annotation, member)
#define ANNOTATION_TEXT(member) TEXT_FIELD(trace_annotation, member)

static const struct field task_begin_fields[] = {
	ANNOTATION(tid),   ANNOTATION(flags),     ANNOTATION(task),
	ANNOTATION(value), ANNOTATION_NAME(name),
};

static const struct field task_fields[] = {
	ANNOTATION(tid),
	ANNOTATION(flags),
	ANNOTATION(task),
};

static const struct field region_fields[] = {
	ANNOTATION(tid),
	ANNOTATION(flags),
	ANNOTATION_NAME(name),
};

static const struct field log_fields[] = {
	ANNOTATION(tid),       ANNOTATION(flags),     ANNOTATION(task),
	ANNOTATION_NAME(name), ANNOTATION_TEXT(text),
};

static const struct field counter_fields[] = {
	ANNOTATION(tid),
	ANNOTATION(flags),
	ANNOTATION(value),
	ANNOTATION_NAME(name),
};

static const struct field link_fields[] = {
	ANNOTATION(tid),
	ANNOTATION(flags),
	ANNOTATION(task),
	ANNOTATION_TEXT(text),
};

static const struct field snapshot_fields[] = {
	ANNOTATION(tid),
	ANNOTATION(flags),
	ANNOTATION_TEXT(text),
};

#define TABLE(name, s, is_pointer)                                   \
	{                                                            \
		name, ARRAY_SIZE(name), sizeof(struct s), is_pointer \
	}

const struct field_table event_fields[EVENT_KIND_COUNT] = {
	[EVENT_THREAD] = TABLE(thread_fields, event_thread, true),
	[EVENT_FORK] = TABLE(fork_fields, event_fork, true),
	[EVENT_EXEC] = TABLE(exec_fields, trace_exec, false),
	[EVENT_EXIT] = TABLE(exit_fields, event_exit, false),
	[EVENT_NAME] = TABLE(name_fields, event_name, false),
	[EVENT_OBJECT] = TABLE(object_fields, event_object, true),
	[EVENT_MAPPING] = TABLE(mapping_fields, trace_mapping, true),
	[EVENT_LOSS] = TABLE(loss_fields, trace_loss, true),
	[EVENT_STACK] = TABLE(stack_fields, trace_stack, true),
	[EVENT_WAIT_STACK] = TABLE(wait_stack_fields, event_wait_stack, false),
	[EVENT_SAMPLE] = TABLE(sample_fields, event_sample, false),
	[EVENT_SYMBOL] = TABLE(symbol_fields, trace_symbol, true),
	[EVENT_TASK_BEGIN] = TABLE(task_begin_fields, trace_annotation, false),
	[EVENT_TASK_END] = TABLE(task_fields, trace_annotation, false),
	[EVENT_TASK_ENTER] = TABLE(task_fields, trace_annotation, false),
	[EVENT_TASK_LEAVE] = TABLE(task_fields, trace_annotation, false),
	[EVENT_REGION_BEGIN] = TABLE(region_fields, trace_annotation, false),
	[EVENT_REGION_END] = TABLE(region_fields, trace_annotation, false),
	[EVENT_LOG] = TABLE(log_fields, trace_annotation, false),
	[EVENT_COUNTER] = TABLE(counter_fields, trace_annotation, false),
	[EVENT_LINK] = TABLE(link_fields, trace_annotation, false),
	[EVENT_SNAPSHOT] = TABLE(snapshot_fields, trace_annotation, false),
};

static u64 load(const struct field *f, const u8 *row)
{
	const u8 *at = row + f->offset;

	switch (f->bytes) {
	case 1: return *at;
	case 2: return *(const u16 *)at;
	case 4: return *(const u32 *)at;
	default: return *(const u64 *)at;
	}
}

static void store(const struct field *f, u8 *row, u64 value)
{
	u8 *at = row + f->offset;

	switch (f->bytes) {
	case 1: *at = (u8)value; break;
	case 2: *(u16 *)at = (u16)value; break;
	case 4: *(u32 *)at = (u32)value; break;
	default: *(u64 *)at = value; break;
	}
}

/* Bytes without the zeros at their end */
static size_t trimmed(const u8 *bytes, size_t size)
{
	while (size && !bytes[size - 1])
		size--;
	return size;
}

/* 0: the same as in the row before (in the first row: none); else the length + 1, the bytes. */
static void put_bytes(struct buffer *b, const struct field *f, const u8 *row, const u8 *before)
{
	const u8 *bytes = row + f->offset;
	size_t size = trimmed(bytes, f->bytes);

	if (before ? memcmp(bytes, before + f->offset, f->bytes) == 0 : !size) {
		buffer_varint(b, 0);
		return;
	}
	buffer_varint(b, size + 1);
	buffer_append(b, bytes, size);
}

static void put_text(struct buffer *b, const struct field *f, const u8 *row)
{
	const char *text = *(const char *const *)(row + f->offset);
	size_t size = text ? strnlen(text, TEXT_FIELD_MAX) : 0;

	buffer_varint(b, size + 1);
	buffer_append(b, text, size);
}

/* A count, then each word as the difference to the one before: addresses lie close together. */
static void put_words(struct buffer *b, const struct field *f, const u8 *row)
{
	const struct trace_words *words = (const void *)(row + f->offset);
	u32 count = min(words->count, (u32)WORDS_FIELD_MAX);
	u64 last = 0;

	buffer_varint(b, count);
	for (u32 i = 0; i < count; i++) {
		buffer_varint(b, zigzag((s64)(words->list[i] - last)));
		last = words->list[i];
	}
}

/* Its number in the chunk's texts, or 0 and the text itself */
static void put_name(struct buffer *b, const struct field *f, const u8 *row, struct texts *texts)
{
	const char *name = *(const char *const *)(row + f->offset);
	u32 number =
		texts ? texts_number(texts, name ?: "", name ? strnlen(name, TEXT_FIELD_MAX) : 0)
		      : 0;

	buffer_varint(b, number);
	if (!number)
		put_text(b, f, row);
}

static void put_rows(struct buffer *b, const struct field_table *table, const void *rows,
		     size_t count, struct texts *texts)
{
	for (unsigned int i = 0; i < table->count; i++) {
		const struct field *f = &table->fields[i];
		const u8 *row = rows, *before = NULL;
		u64 last = 0;

		for (size_t n = 0; n < count; n++, before = row, row += table->bytes) {
			if (f->type == FIELD_UINT) {
				u64 value = load(f, row);

				buffer_varint(b, zigzag((s64)(value - last)));
				last = value;
			} else if (f->type == FIELD_BYTES) {
				put_bytes(b, f, row, before);
			} else if (f->type == FIELD_WORDS) {
				put_words(b, f, row);
			} else if (f->type == FIELD_NAME) {
				put_name(b, f, row, texts);
			} else {
				put_text(b, f, row);
			}
		}
	}
}

void fields_put(struct buffer *b, const struct field_table *table, const void *rows, size_t count)
{
	put_rows(b, table, rows, count, NULL);
}

void fields_put_named(struct buffer *b, const struct field_table *table, const void *row,
		      struct texts *texts)
{
	put_rows(b, table, row, 1, texts);
}

static void get_bytes(struct cursor *c, const struct field *f, u8 *row, const u8 *before)
{
	u64 size = cursor_varint(c);
	const u8 *bytes;

	if (!size) {
		if (before)
			memcpy(row + f->offset, before + f->offset, f->bytes);
		return;
	}
	bytes = cursor_take(c, size - 1);
	if (bytes)
		memcpy(row + f->offset, bytes, min(size - 1, (u64)f->bytes));
}

static int get_text(struct cursor *c, const struct field *f, u8 *row, struct arena *arena)
{
	u64 size = cursor_varint(c);
	const u8 *bytes = size ? cursor_take(c, size - 1) : NULL;
	char *text = bytes ? arena_text(arena, bytes, size - 1) : NULL;

	if (bytes && !text)
		return -ENOMEM;
	*(const char **)(row + f->offset) = text ? text : "";
	return 0;
}

static int get_name(struct cursor *c, const struct field *f, u8 *row,
		    const struct text_table *texts, struct arena *arena)
{
	u64 number = cursor_varint(c);

	if (!number)
		return get_text(c, f, row, arena);
	if (!texts || number > texts->count)
		return -EBADMSG;
	*(const char **)(row + f->offset) = texts->list[number - 1];
	return 0;
}

static int get_words(struct cursor *c, const struct field *f, u8 *row, struct arena *arena)
{
	struct trace_words *words = (void *)(row + f->offset);
	u64 count = cursor_varint(c), last = 0;
	u64 *list;

	if (!count)
		return 0;
	if (count > WORDS_FIELD_MAX || count > (u64)(c->end - c->at))
		return -EBADMSG;
	list = arena_take(arena, (size_t)count * sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (u64 i = 0; i < count; i++) {
		last += (u64)cursor_svarint(c);
		list[i] = last;
	}
	*words = (struct trace_words){ .list = list, .count = (u32)count };
	return 0;
}

static int get_column(struct cursor *c, const struct field *f, u8 *row, size_t row_bytes,
		      size_t count, const struct text_table *texts, struct arena *arena)
{
	const u8 *before = NULL;
	u64 last = 0;

	for (size_t n = 0; n < count && !c->failed; n++, before = row, row += row_bytes) {
		if (f->type == FIELD_UINT) {
			last += (u64)cursor_svarint(c);
			store(f, row, last);
		} else if (f->type == FIELD_BYTES) {
			get_bytes(c, f, row, before);
		} else {
			int r = f->type == FIELD_WORDS  ? get_words(c, f, row, arena)
				: f->type == FIELD_NAME ? get_name(c, f, row, texts, arena)
							: get_text(c, f, row, arena);

			if (r < 0)
				return r;
		}
	}
	return c->failed ? -EBADMSG : 0;
}

static bool is_text(const struct field *f)
{
	return f->type == FIELD_TEXT || f->type == FIELD_NAME;
}

static int get_rows(struct cursor *c, const struct field_table *table, void *rows, size_t count,
		    const struct text_table *texts, struct arena *arena)
{
	if (count)
		memset(rows, 0, table->bytes * count);
	for (unsigned int i = 0; i < table->count; i++) {
		const struct field *f = &table->fields[i];
		int r;

		/* An older writer did not know this field: texts still become "". */
		if (c->at == c->end && !is_text(f))
			continue;
		if (c->at == c->end) {
			for (size_t n = 0; n < count; n++)
				*(const char **)((u8 *)rows + n * table->bytes + f->offset) = "";
			continue;
		}
		r = get_column(c, f, rows, table->bytes, count, texts, arena);
		if (r < 0)
			return r;
	}
	return 0;
}

int fields_get(struct cursor *c, const struct field_table *table, void *rows, size_t count,
	       struct arena *arena)
{
	return get_rows(c, table, rows, count, NULL, arena);
}

int fields_get_named(struct cursor *c, const struct field_table *table, void *row,
		     const struct text_table *texts, struct arena *arena)
{
	return get_rows(c, table, row, 1, texts, arena);
}
