/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* helpers_damage - files that were damaged, or made by a liar */
#ifndef TRACER_TESTS_UNIT_HELPERS_DAMAGE_H
#define TRACER_TESTS_UNIT_HELPERS_DAMAGE_H

#include "tests/unit/helpers_events.h"
#include "user/trace/format.h"

/* Opens and reads it all. Return: whether it could be opened. */
bool try_file(const char *path, struct event_list *out, struct trace_damage *damage);

/* "hostile.trace" of one chunk with the given payload, and a right checksum: a liar, not an
 * accident. */
void store_hostile(const void *payload, size_t bytes, struct chunk_head head);

/* The same, of one section */
void store_section(enum section type, const u8 *content, size_t bytes);

/* Nothing of "hostile.trace" can be read but that a chunk is bad. */
void assert_bad_chunk(void);

#endif
