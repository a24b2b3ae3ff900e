// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* text - numbers as a person types and reads them */
#include "user/base/text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Three significant digits: 1.24, 12.4, 124 */
static int digits_behind_point(double value)
{
	return value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
}

char *text_duration(char to[TEXT_MAX], u64 ns)
{
	static const struct {
		double ns;
		const char *unit;
	} units[] = { { 1e9, "s" }, { 1e6, "ms" }, { 1e3, "µs" } };

	/* From 59.95 s on it would read "60.0 s". */
	if (ns >= 60 * NSEC_PER_SEC - 50 * NSEC_PER_MSEC) {
		u64 seconds = ns / NSEC_PER_SEC + (ns % NSEC_PER_SEC >= NSEC_PER_SEC / 2);

		if (seconds < 3600)
			snprintf(to, TEXT_MAX, "%u min %02u s", (unsigned int)(seconds / 60),
				 (unsigned int)(seconds % 60));
		else if (seconds < 48 * 3600)
			snprintf(to, TEXT_MAX, "%u h %02u min", (unsigned int)(seconds / 3600),
				 (unsigned int)(seconds / 60 % 60));
		else
			snprintf(to, TEXT_MAX, "%" PRIu64 " d %02u h", seconds / 86400,
				 (unsigned int)(seconds / 3600 % 24));
		return to;
	}
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		double value = (double)ns / units[i].ns;

		if (value < 0.9995)
			continue;
		snprintf(to, TEXT_MAX, "%.*f %s", digits_behind_point(value), value, units[i].unit);
		return to;
	}
	snprintf(to, TEXT_MAX, ns ? "%" PRIu64 " ns" : "0", ns);
	return to;
}

char *text_bytes(char to[TEXT_MAX], u64 bytes)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)bytes;
	size_t unit = 0;

	if (bytes < 1024) {
		snprintf(to, TEXT_MAX, "%" PRIu64 " B", bytes);
		return to;
	}
	for (value /= 1024; value >= 1023.5 && unit + 1 < ARRAY_SIZE(units); unit++)
		value /= 1024;
	snprintf(to, TEXT_MAX, "%.*f %s", value < 9.95 ? 1 : 0, value, units[unit]);
	return to;
}

char *text_count(char to[TEXT_MAX], u64 count)
{
	char digits[TEXT_MAX];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, count);
	char *at = to;

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			*at++ = ',';
		*at++ = digits[i];
	}
	*at = 0;
	return to;
}

char *text_share(char to[TEXT_MAX], u64 part, u64 whole)
{
	double share = whole ? 100.0 * (double)part / (double)whole : 0;

	if (!whole)
		snprintf(to, TEXT_MAX, "-");
	else if (part && share < 0.05)
		snprintf(to, TEXT_MAX, "<0.1 %%");
	else
		snprintf(to, TEXT_MAX, "%.*f %%", share < 99.95 && part ? 1 : 0, share);
	return to;
}

struct unit {
	const char *name;
	double factor;
};

/* A number and one of @units. NULL units end the list; the first is taken when none is typed. */
static int parse_with_unit(u64 *out, const char *text, const struct unit *units)
{
	double number, value;
	char *end;

	if (!isdigit((unsigned char)text[0]) && text[0] != '.')
		return -EINVAL;
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		return -EINVAL;
	errno = 0;
	number = strtod(text, &end);
	if (errno || end == text || !isfinite(number))
		return -EINVAL;
	while (*end == ' ')
		end++;
	for (const struct unit *unit = units; unit->name; unit++) {
		if (*end && strcasecmp(end, unit->name))
			continue;
		value = number * unit->factor;
		if (value > 9e18)
			return -ERANGE;
		*out = (u64)(value + 0.5);
		return 0;
	}
	return -EINVAL;
}

int parse_duration(u64 *ns, const char *text, const char *name, struct err *err)
{
	static const struct unit units[] = { { "s", 1e9 },    { "ms", 1e6 },   { "us", 1e3 },
					     { "µs", 1e3 },   { "ns", 1 },     { "m", 60e9 },
					     { "min", 60e9 }, { "h", 3600e9 }, { "d", 86400e9 },
					     { NULL, 0 } };
	int r = parse_with_unit(ns, text, units);

	if (r == -ERANGE)
		return fail(err, -EINVAL, "%s: '%s' is too long a time", name, text);
	if (r < 0) {
		fail(err, -EINVAL, "%s: '%s' is not a time", name, text);
		return hint(err, "times are typed like 200ms, 30s, 10m or 1.5h");
	}
	return 0;
}

int parse_size(u64 *bytes, const char *text, const char *name, struct err *err)
{
	static const struct unit units[] = {
		{ "", 1 },
		{ "B", 1 },
		{ "K", 1024.0 },
		{ "KB", 1024.0 },
		{ "KiB", 1024.0 },
		{ "M", 1048576.0 },
		{ "MB", 1048576.0 },
		{ "MiB", 1048576.0 },
		{ "G", 1073741824.0 },
		{ "GB", 1073741824.0 },
		{ "GiB", 1073741824.0 },
		{ "T", 1099511627776.0 },
		{ NULL, 0 },
	};
	int r = parse_with_unit(bytes, text, units);

	if (r == -ERANGE)
		return fail(err, -EINVAL, "%s: '%s' is too large", name, text);
	if (r < 0) {
		fail(err, -EINVAL, "%s: '%s' is not a size", name, text);
		return hint(err, "sizes are typed like 512K, 64M or 2G");
	}
	return 0;
}

int parse_number(u64 *number, const char *text, u64 least, u64 most, const char *name,
		 struct err *err)
{
	unsigned long long value = 0;
	char *end = NULL;

	errno = 0;
	if (isdigit((unsigned char)text[0]))
		value = strtoull(text, &end, 10);
	if (!end || *end)
		return fail(err, -EINVAL, "%s: '%s' is not a number", name, text);
	if (errno || value < least || value > most) {
		fail(err, -EINVAL, "%s: %s is out of range", name, text);
		return hint(err, "it can be %" PRIu64 " to %" PRIu64, least, most);
	}
	*number = value;
	return 0;
}

size_t utf8_length(const char *text, size_t size)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t length;
	u32 point;

	if (!size)
		return 0;
	if (at[0] < 0x80)
		return 1;
	if (at[0] >= 0xc2 && at[0] < 0xe0)
		length = 2;
	else if (at[0] >= 0xe0 && at[0] < 0xf0)
		length = 3;
	else if (at[0] >= 0xf0 && at[0] < 0xf5)
		length = 4;
	else
		return 0;
	if (size < length)
		return 0;
	point = at[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (at[i] & 0x3fu);
	}
	if ((length == 3 && point < 0x800) || (length == 4 && point < 0x10000))
		return 0;
	if ((point >= 0xd800 && point < 0xe000) || point > 0x10ffff)
		return 0;
	return length;
}

size_t text_columns(const char *text)
{
	size_t columns = 0, size = strlen(text);

	while (size) {
		size_t length = utf8_length(text, size);

		if (!length)
			length = 1;
		text += length;
		size -= length;
		columns++;
	}
	return columns;
}

size_t text_printable(char *to, size_t room, const char *from)
{
	size_t size = strlen(from), used = 0;

	if (!room)
		return 0;
	while (size) {
		size_t length = utf8_length(from, size);
		unsigned char c = (unsigned char)*from;
		bool shown = length > 1 ? !(c == 0xc2 && (unsigned char)from[1] < 0xa0)
					: length == 1 && c >= 0x20 && c != 0x7f;

		if (!length)
			length = 1;
		if (used + (shown ? length : 1) >= room)
			break;
		if (shown) {
			memcpy(to + used, from, length);
			used += length;
		} else {
			to[used++] = '?';
		}
		from += length;
		size -= length;
	}
	to[used] = 0;
	return used;
}
