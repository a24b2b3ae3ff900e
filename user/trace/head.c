// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* head - the begin of a file: what trace_info holds, as fields that a reader can skip */
#include "user/trace/head.h"

#include <ctype.h>
#include <stdio.h>
#include <zlib.h>

#include "user/trace/format.h"

#define CRC_OFFSET 16
#define CRC_COVERS 20 /* from here to the end; and the 16 bytes in front of it */

enum head_field { /* on disk: append only, never renumber */
		  HEAD_TRACER_VERSION = 1,
		  HEAD_HOST = 2,
		  HEAD_KERNEL_RELEASE = 3,
		  HEAD_KERNEL_VERSION = 4,
		  HEAD_MACHINE = 5,
		  HEAD_CPU_COUNT = 6,
		  HEAD_PAGE_BYTES = 7,
		  HEAD_MEMORY_BYTES = 8,
		  HEAD_COMMAND_LINE = 9,
		  HEAD_TARGET = 10,
		  HEAD_CLASS_MASK = 11,
		  HEAD_FOLLOWS_CHILDREN = 12,
		  HEAD_START_MONO_NS = 13,
		  HEAD_START_BOOT_NS = 14,
		  HEAD_START_WALL_NS = 15,
		  HEAD_SYSCALLS = 16,
		  HEAD_STACK_MIN_NS = 17,
		  HEAD_SAMPLE_PERIOD_NS = 18,
		  HEAD_SNAPSHOT = 19,
		  HEAD_FIELD_COUNT,
};

enum { TEXT, NUMBER };

static const struct {
	u16 offset;
	u8 bytes;
	u8 type;
} simple[HEAD_FIELD_COUNT] = {
#define FIELD(member, type)                                                                    \
	{                                                                                      \
		offsetof(struct trace_info, member), sizeof(((struct trace_info *)0)->member), \
			type                                                                   \
	}
	[HEAD_TRACER_VERSION] = FIELD(tracer_version, TEXT),
	[HEAD_HOST] = FIELD(host, TEXT),
	[HEAD_KERNEL_RELEASE] = FIELD(kernel_release, TEXT),
	[HEAD_KERNEL_VERSION] = FIELD(kernel_version, TEXT),
	[HEAD_MACHINE] = FIELD(machine, TEXT),
	[HEAD_CPU_COUNT] = FIELD(cpu_count, NUMBER),
	[HEAD_PAGE_BYTES] = FIELD(page_bytes, NUMBER),
	[HEAD_MEMORY_BYTES] = FIELD(memory_bytes, NUMBER),
	[HEAD_COMMAND_LINE] = FIELD(command_line, TEXT),
	[HEAD_TARGET] = FIELD(target, TEXT),
	[HEAD_CLASS_MASK] = FIELD(class_mask, NUMBER),
	[HEAD_FOLLOWS_CHILDREN] = FIELD(follows_children, NUMBER),
	[HEAD_START_MONO_NS] = FIELD(start.mono_ns, NUMBER),
	[HEAD_START_BOOT_NS] = FIELD(start.boot_ns, NUMBER),
	[HEAD_START_WALL_NS] = FIELD(start.wall_ns, NUMBER),
	[HEAD_STACK_MIN_NS] = FIELD(stack_min_ns, NUMBER),
	[HEAD_SAMPLE_PERIOD_NS] = FIELD(sample_period_ns, NUMBER),
#undef FIELD
};

_Static_assert(HEAD_SNAPSHOT == HEAD_SAMPLE_PERIOD_NS + 1 && HEAD_FIELD_COUNT == HEAD_SNAPSHOT + 1,
	       "numbers of 8 bytes behind the system calls: see head_put()");

static u32 head_checksum(const u8 *head, size_t size)
{
	uLong crc = crc32_z(0, head, CRC_OFFSET);

	return (u32)crc32_z(crc, head + CRC_COVERS, size - CRC_COVERS);
}

static void put_simple(struct buffer *b, unsigned int i, const struct trace_info *info)
{
	const u8 *at = (const u8 *)info + simple[i].offset;
	u8 number[VARINT_MAX];
	u64 value;

	buffer_varint(b, i);
	if (simple[i].type == TEXT) {
		const char *text = *(const char *const *)at;

		buffer_bytes(b, text, text ? strnlen(text, TEXT_FIELD_MAX) : 0);
		return;
	}
	value = simple[i].bytes == 8   ? *(const u64 *)at
		: simple[i].bytes == 4 ? *(const u32 *)at
				       : *at;
	buffer_bytes(b, number, (size_t)(varint_put(number, value) - number));
}

static void put_syscalls(struct buffer *b, const struct trace_info *info)
{
	struct buffer list = { 0 };

	for (size_t i = 0; i < info->syscall_count; i++) {
		const char *name = info->syscall_names[i];

		buffer_varint(&list, info->syscall_numbers[i]);
		buffer_bytes(&list, name, strnlen(name, 64));
	}
	buffer_varint(b, HEAD_SYSCALLS);
	buffer_bytes(b, list.data, list.size);
	b->failed |= list.failed;
	buffer_free(&list);
}

static void put_snapshot(struct buffer *b, const struct trace_manifest *manifest)
{
	struct buffer value = { 0 };

	if (!manifest)
		return;
	manifest_put(&value, manifest);
	buffer_varint(b, HEAD_SNAPSHOT);
	buffer_bytes(b, value.data, value.size);
	b->failed |= value.failed;
	buffer_free(&value);
}

int head_put(struct buffer *b, const struct trace_info *info)
{
	u8 fixed[TRACE_HEAD_BYTES] = TRACE_MAGIC;

	buffer_append(b, fixed, sizeof(fixed));
	for (unsigned int i = 1; i < HEAD_SYSCALLS; i++)
		put_simple(b, i, info);
	put_syscalls(b, info);
	/* What came later is left out when there is nothing to say. */
	for (unsigned int i = HEAD_SYSCALLS + 1; i < HEAD_SNAPSHOT; i++)
		if (*(const u64 *)((const u8 *)info + simple[i].offset))
			put_simple(b, i, info);
	put_snapshot(b, info->manifest);
	if (b->failed)
		return -ENOMEM;
	put_le16(b->data + 8, TRACE_MAJOR);
	put_le16(b->data + 10, TRACE_MINOR);
	put_le32(b->data + 12, (u32)b->size);
	put_le32(b->data + CRC_OFFSET, head_checksum(b->data, b->size));
	return 0;
}

static int get_syscalls(struct trace_info *info, struct cursor *list, struct arena *arena)
{
	size_t most = (size_t)(list->end - list->at) / 2; /* a number and a length each */
	u16 *numbers = arena_take(arena, most * sizeof(*numbers));
	const char **names = arena_take(arena, most * sizeof(*names));

	if (!numbers || !names)
		return -ENOMEM;
	info->syscall_numbers = numbers;
	info->syscall_names = names;
	while (list->at < list->end && info->syscall_count < most) {
		u64 number = cursor_varint(list);
		struct cursor name = cursor_sub(list);

		if (name.failed || number > UINT16_MAX)
			break;
		names[info->syscall_count] =
			arena_text(arena, name.at, (size_t)(name.end - name.at));
		if (!names[info->syscall_count])
			return -ENOMEM;
		numbers[info->syscall_count++] = (u16)number;
	}
	return 0;
}

/* One that makes no sense is left out, as a field of an unknown type is. */
static int get_snapshot(struct trace_info *info, struct cursor *value, struct arena *arena)
{
	int r = manifest_get(&info->manifest, value, arena);

	return r == -EBADMSG ? 0 : r;
}

static int get_simple(struct trace_info *info, unsigned int i, struct cursor *value,
		      struct arena *arena)
{
	u8 *at = (u8 *)info + simple[i].offset;
	u64 number;

	if (simple[i].type == TEXT) {
		char *text = arena_text(arena, value->at, (size_t)(value->end - value->at));

		if (!text)
			return -ENOMEM;
		*(const char **)at = text;
		return 0;
	}
	number = cursor_varint(value);
	if (simple[i].bytes == 8)
		*(u64 *)at = number;
	else if (simple[i].bytes == 4)
		*(u32 *)at = (u32)number;
	else
		*(bool *)at = number != 0;
	return 0;
}

static void set_defaults(struct trace_info *info)
{
	*info = (struct trace_info){ 0 };
	for (unsigned int i = 1; i < HEAD_SYSCALLS; i++)
		if (simple[i].type == TEXT)
			*(const char **)((u8 *)info + simple[i].offset) = "";
}

size_t head_bytes(const u8 bytes[])
{
	u32 size = get_le32(bytes + 12);

	return size >= TRACE_HEAD_BYTES && size <= TRACE_HEAD_MAX ? size : TRACE_HEAD_BYTES;
}

int head_get(struct trace_info *info, const u8 *bytes, size_t size, struct arena *arena,
	     bool *whole)
{
	struct cursor c = { .at = bytes + min(size, (size_t)TRACE_HEAD_BYTES),
			    .end = bytes + size };

	set_defaults(info);
	*whole = size >= TRACE_HEAD_BYTES && size == get_le32(bytes + 12) &&
		 get_le32(bytes + CRC_OFFSET) == head_checksum(bytes, size);
	while (c.at < c.end) {
		u64 type = cursor_varint(&c);
		struct cursor value = cursor_sub(&c);
		int r = 0;

		if (value.failed)
			break;
		if (type == HEAD_SYSCALLS)
			r = get_syscalls(info, &value, arena);
		else if (type == HEAD_SNAPSHOT)
			r = get_snapshot(info, &value, arena);
		else if (type && type < HEAD_FIELD_COUNT)
			r = get_simple(info, (unsigned int)type, &value, arena);
		if (r < 0)
			return r;
	}
	return 0;
}

static const struct {
	const char *magic;
	unsigned int bytes;
	const char *what;
	const char *hint;
} known_files[] = {
	{ "\x1f\x8b", 2, "a gzip file", "unpack it with gunzip first" },
	{ "\x28\xb5\x2f\xfd", 4, "a zstd file", "unpack it with unzstd first" },
	{ "\xfd"
	  "7zXZ",
	  5, "an xz file", "unpack it with unxz first" },
	{ "BZh", 3, "a bzip2 file", "unpack it with bunzip2 first" },
	{ "PERFILE2", 8, "a perf.data file", "perf report reads it" },
	{ "\x7f"
	  "ELF",
	  4, "an ELF program or library", "traces are made with: tracer -p PID" },
	{ "\x93TRACE\n", 7, "a trace that was changed by a transfer as text",
	  "transfer it again as a binary file" },
	{ "\x13TRACE", 6, "a trace that was cut to 7 bits", "transfer it again as a binary file" },
};

static int not_a_trace(const u8 *bytes, size_t size, const char *path, struct err *err)
{
	char begin[40] = "";
	size_t used = 0;

	for (size_t i = 0; i < ARRAY_SIZE(known_files); i++) {
		if (size < known_files[i].bytes ||
		    memcmp(bytes, known_files[i].magic, known_files[i].bytes) != 0)
			continue;
		fail(err, -EBADMSG, "'%s' is not a trace: it is %s", path, known_files[i].what);
		hint(err, "%s", known_files[i].hint);
		return -EBADMSG;
	}
	for (size_t i = 0; i < min(size, (size_t)8); i++)
		used += (size_t)snprintf(begin + used, sizeof(begin) - used,
					 isprint(bytes[i]) && bytes[i] != '\\' ? "%c" : "\\x%02x",
					 bytes[i]);
	if (!size)
		fail(err, -EBADMSG, "'%s' is not a trace (it is empty)", path);
	else
		fail(err, -EBADMSG, "'%s' is not a trace (it begins with \"%s\")", path, begin);
	hint(err, "traces are made with: tracer -p PID -o FILE");
	return -EBADMSG;
}

int head_check(const u8 *bytes, size_t size, const char *path, struct err *err)
{
	u16 major;

	if (size < MAGIC_BYTES || memcmp(bytes, TRACE_MAGIC, MAGIC_BYTES) != 0)
		return not_a_trace(bytes, size, path, err);
	if (size < TRACE_HEAD_BYTES) {
		fail(err, -EBADMSG, "'%s' is a trace that was cut off in its head", path);
		hint(err, "nothing of it can be read; record or copy it again");
		return -EBADMSG;
	}
	major = get_le16(bytes + 8);
	if (major <= TRACE_MAJOR)
		return 0;
	fail(err, -EBADMSG, "'%s' has format version %u.%u; this tracer reads up to %u", path,
	     major, get_le16(bytes + 10), TRACE_MAJOR);
	hint(err, "read it with the tracer that made it, or a newer one");
	return -EBADMSG;
}
