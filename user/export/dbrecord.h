/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* dbrecord - a row as SQLite keeps it: the types of all columns, then what they hold */
#ifndef TRACER_EXPORT_DBRECORD_H
#define TRACER_EXPORT_DBRECORD_H

#include "user/export/tables.h"

/* Big-endian, seven bits a byte; rowids and sizes stay below 2^56. Return: behind it. */
static inline u8 *put_varint(u8 *to, u64 value)
{
	int bytes = 1;

	while (bytes < 8 && value >> (7 * bytes))
		bytes++;
	for (int i = bytes - 1; i > 0; i--)
		*to++ = (u8)(value >> (7 * i)) | 0x80;
	*to++ = (u8)(value & 0x7f);
	return to;
}

static inline u32 varint_bytes(u64 value)
{
	u32 bytes = 1;

	while (value >>= 7)
		bytes++;
	return bytes;
}

struct dbrecord {
	u8 types[COLUMNS_MAX * 5];
	u32 type_bytes;
	u32 head_bytes; /* of the types with their length */
	u32 lengths[COLUMNS_MAX];
	u32 bytes; /* behind the head */
};

/* How long @values will be; @keyed: the first one is the rowid, and left out. */
void dbrecord_measure(struct dbrecord *record, const struct value *values, u32 count, bool keyed);

/* Writes what was measured: record->head_bytes + record->bytes. */
void dbrecord_put(u8 *to, const struct dbrecord *record, const struct value *values, u32 count);

#endif
