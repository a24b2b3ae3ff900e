/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* perfetto_names - texts, frames and stacks that a Perfetto trace tells once, and then by number */
#ifndef TRACER_EXPORT_PERFETTO_NAMES_H
#define TRACER_EXPORT_PERFETTO_NAMES_H

#include "user/base/map.h"
#include "user/export/perfetto_packets.h"
#include "user/symbols/symbols.h"

/* Dictionaries of InternedData, by their field */
enum interned {
	INTERNED_CATEGORIES = 1,
	INTERNED_EVENTS = 2,
	INTERNED_ANNOTATIONS = 3,
	INTERNED_FUNCTIONS = 5,
	INTERNED_FRAMES = 6,
	INTERNED_CALLSTACKS = 7,
	INTERNED_BUILD_IDS = 16,
	INTERNED_PATHS = 17,
	INTERNED_SOURCES = 18,
	INTERNED_MAPPINGS = 19,
	INTERNED_LOG_BODIES = 20,
	INTERNED_KERNEL_SYMBOLS = 26,
	INTERNED_TEXTS = 29,
	INTERNED_COUNT,
};


struct perfetto_names {
	struct packets *packets;
	size_t begin; /* of the entry that is being made */
	struct map numbers[INTERNED_COUNT]; /* hash of the text -> iid */
	u32 last[INTERNED_COUNT];
	struct map kernel; /* kernel stack -> iid of a function + 1 */
	struct map stacks; /* user stack << 32 | kernel stack -> iid */
	u64 *list;         /* frames of one stack */
	u32 list_room;
	bool failed;
};

/* The number of a text that lives as long as the names: equal ones are found by their address. */
u32 names_of_pointer(struct perfetto_names *names, enum interned which, const char *text);

/* Of any bytes, by a hash of what they say. */
u32 names_of_bytes(struct perfetto_names *names, enum interned which, const void *text,
		   size_t size);
u32 names_of_text(struct perfetto_names *names, enum interned which, const char *text);

/* A new entry that is more than a text: its number is @iid, which is told; fields are appended to
 * what is returned, until names_entry_end(). */
struct buffer *names_entry(struct perfetto_names *names, enum interned which, u32 iid);
void names_entry_end(struct perfetto_names *names);

void perfetto_names_free(struct perfetto_names *names);

#endif
