// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* dbrecord - a row as SQLite keeps it: the types of all columns, then what they hold */
#include "user/export/dbrecord.h"

#include <string.h>

/* The shortest form of an integer. Return: its serial type; *bytes: how long it is. */
static u8 integer_type(s64 value, u32 *bytes)
{
	/* By how many bytes it takes: there is no type for 5 and 7. */
	static const u8 types[] = { 0, 1, 2, 3, 4, 5, 5, 6, 6 },
			lengths[] = { 0, 1, 2, 3, 4, 6, 8 };
	u64 folded = (u64)(value < 0 ? ~value : value);
	u8 type;

	*bytes = 0;
	if (folded <= 1 && value >= 0)
		return value ? 9 : 8;
	/* With the bit of its sign */
	type = types[(64 - (u32)__builtin_clzll(folded | 1) + 8) / 8];
	*bytes = lengths[type];
	return type;
}

void dbrecord_measure(struct dbrecord *record, const struct value *values, u32 count, bool keyed)
{
	u8 *type = record->types;

	record->bytes = 0;
	for (u32 i = 0; i < count; i++) {
		u32 length = 0;

		if (values[i].type == VALUE_NULL || (keyed && !i)) {
			*type++ = 0;
		} else if (values[i].type == VALUE_INTEGER) {
			*type++ = integer_type(values[i].integer, &length);
		} else if (values[i].type == VALUE_REAL) {
			*type++ = 7;
			length = 8;
		} else {
			length = (u32)strlen(values[i].text);
			type = put_varint(type, 13 + 2 * (u64)length);
		}
		record->lengths[i] = length;
		record->bytes += length;
	}
	record->type_bytes = (u32)(type - record->types);
	/* The head's length counts its own bytes. */
	record->head_bytes = record->type_bytes + (record->type_bytes < 127 ? 1 : 2);
}

/* Big-endian. Eight bytes at once, as long as what is written too much is written over. */
static inline void put_number(u8 *to, u64 number, u32 length, const u8 *end)
{
	u64 turned = __builtin_bswap64(number << (64 - 8 * length));

	memcpy(to, &turned, to + 8 <= end ? 8 : length);
}

static void put_body(u8 *to, const struct dbrecord *record, const struct value *values, u32 count)
{
	const u8 *end = to + record->bytes;

	for (u32 i = 0; i < count; i++) {
		u32 length = record->lengths[i];
		u64 number;

		if (!length)
			continue;
		if (values[i].type == VALUE_TEXT) {
			memcpy(to, values[i].text, length);
		} else {
			memcpy(&number, &values[i].integer, sizeof(number)); /* or real */
			put_number(to, number, length, end);
		}
		to += length;
	}
}

void dbrecord_put(u8 *to, const struct dbrecord *record, const struct value *values, u32 count)
{
	to = put_varint(to, record->head_bytes);
	memcpy(to, record->types, record->type_bytes);
	put_body(to + record->type_bytes, record, values, count);
}
