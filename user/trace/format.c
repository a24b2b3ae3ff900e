// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* format - the fixed parts of the file, byte by byte */
#include "user/trace/format.h"

#include <zlib.h>

#define CRC_OFFSET 8 /* of the checksum in the head; it covers all behind it */
#define CRC_COVERS 12

void chunk_head_put(u8 to[CHUNK_HEAD_BYTES], const struct chunk_head *head)
{
	memset(to, 0, CHUNK_HEAD_BYTES);
	memcpy(to, CHUNK_MAGIC, MAGIC_BYTES);
	put_le16(to + 12, head->kind);
	put_le16(to + 14, head->flags);
	put_le32(to + 16, head->bytes);
	put_le32(to + 20, head->raw_bytes);
	put_le64(to + 24, head->begin_ns);
	put_le64(to + 32, head->end_ns);
	put_le64(to + 40, head->events);
	put_le64(to + 48, head->lost);
	put_le64(to + 56, head->sequence);
}

u32 chunk_checksum(const u8 head[CHUNK_HEAD_BYTES], const void *payload, size_t bytes)
{
	uLong crc = crc32_z(0, head + CRC_COVERS, CHUNK_HEAD_BYTES - CRC_COVERS);

	return (u32)crc32_z(crc, payload, bytes);
}

void chunk_seal(u8 *chunk, size_t payload_bytes)
{
	put_le32(chunk + CRC_OFFSET,
		 chunk_checksum(chunk, chunk + CHUNK_HEAD_BYTES, payload_bytes));
}

bool chunk_head_get(struct chunk_head *head, const u8 from[CHUNK_HEAD_BYTES])
{
	u32 raw_max, bytes_max;

	if (memcmp(from, CHUNK_MAGIC, MAGIC_BYTES) != 0)
		return false;
	*head = (struct chunk_head){
		.crc = get_le32(from + CRC_OFFSET),
		.kind = get_le16(from + 12),
		.flags = get_le16(from + 14),
		.bytes = get_le32(from + 16),
		.raw_bytes = get_le32(from + 20),
		.begin_ns = get_le64(from + 24),
		.end_ns = get_le64(from + 32),
		.events = get_le64(from + 40),
		.lost = get_le64(from + 48),
		.sequence = get_le64(from + 56),
	};
	raw_max = head->kind == CHUNK_EVENTS ? CHUNK_RAW_MAX : INDEX_RAW_MAX;
	bytes_max = head->kind == CHUNK_EVENTS ? CHUNK_BYTES_MAX : INDEX_RAW_MAX;
	return head->raw_bytes <= raw_max && head->bytes <= bytes_max &&
	       head->begin_ns <= head->end_ns && head->events <= CHUNK_EVENTS_MAX;
}

void footer_put(u8 to[FOOTER_BYTES], const struct footer *footer)
{
	memset(to, 0, FOOTER_BYTES);
	memcpy(to, FOOTER_MAGIC, MAGIC_BYTES);
	put_le64(to + 16, footer->index_offset);
	put_le64(to + 24, footer->file_bytes);
	put_le32(to + CRC_OFFSET, (u32)crc32_z(0, to + CRC_COVERS, FOOTER_BYTES - CRC_COVERS));
}

bool footer_get(struct footer *footer, const u8 from[FOOTER_BYTES])
{
	if (memcmp(from, FOOTER_MAGIC, MAGIC_BYTES) != 0 ||
	    get_le32(from + CRC_OFFSET) !=
		    (u32)crc32_z(0, from + CRC_COVERS, FOOTER_BYTES - CRC_COVERS))
		return false;
	footer->index_offset = get_le64(from + 16);
	footer->file_bytes = get_le64(from + 24);
	return true;
}
