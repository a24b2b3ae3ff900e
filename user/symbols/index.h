/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* index - symbols by address, 16 bytes each; their names are elsewhere */
#ifndef TRACER_SYMBOLS_INDEX_H
#define TRACER_SYMBOLS_INDEX_H

#include "user/base/util.h"

#define INDEX_ADDRESS_BITS 56	/* user addresses fit; of kernel addresses the top byte is dropped */
#define INDEX_ADDRESS_MASK ((1ULL << INDEX_ADDRESS_BITS) - 1)
#define INDEX_ALIASES	   8	/* names of one address that are looked at */

/* What an entry is; all in the low byte of its key. */
#define INDEX_OBJECT 1	/* a variable; else a function */
#define INDEX_DYN    2	/* its name lies in the second table of names */
#define INDEX_WEAK   4
#define INDEX_LOCAL  8

struct index_entry {
	u64 key;	/* address << 8 | INDEX_* */
	u32 bytes;	/* 0: not known */
	u32 name;	/* where its name is: an offset */
};

struct index {
	struct index_entry *entries;
	u32 count;
	u32 reach;	/* how far a function of unknown size reaches, if no other begins before */
};

static inline u64 index_address(const struct index_entry *entry)
{
	return entry->key >> 8;
}

static inline u64 index_key(u64 address, unsigned int what)
{
	return address << 8 | what;
}

/* By address; of one address by what it is, then by name. In place, without memory. */
void index_sort(struct index *index);

/* How many entries begin at or before @address. */
u32 index_until(const struct index *index, u64 address);

/**
 * index_find() - the symbols that an address lies in
 * @found:   the entries that begin at the same, nearest address
 * @index:   sorted
 * @address: any
 * @object:  look for variables, else for functions
 *
 * Return: how many; 0: none covers @address.
 */
unsigned int index_find(const struct index_entry *found[INDEX_ALIASES], const struct index *index,
			u64 address, bool object);

void index_free(struct index *index);

#endif
