/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* cleanup - owners that free themselves when they leave their block */
#ifndef TRACER_BASE_CLEANUP_H
#define TRACER_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * CLEANUP(thing_free) struct thing *t = ...;	freed at the end of the block
 * *out = take(t);				handed over: t is NULL from here on
 *
 * A destructor accepts NULL. Each type says once, beside its destructor:
 *	DEFINE_CLEANUP(struct thing *, thing_free)
 */
#define CLEANUP(destroy) __attribute__((cleanup(destroy##_at_end)))

#define DEFINE_CLEANUP(type, destroy)                                                              \
	static inline void destroy##_at_end(type *owner)                                           \
	{                                                                                          \
		if (*owner)                                                                        \
			destroy(*owner);                                                           \
	}

#define take(owner)                                                                                \
	({                                                                                         \
		__typeof__(owner) taken_ = (owner);                                                \
		(owner) = NULL;                                                                    \
		taken_;                                                                            \
	})

static inline void free_at_end(void *owner)
{
	free(*(void **)owner);
}

static inline void fclose_at_end(FILE **owner)
{
	if (*owner)
		fclose(*owner);
}

/* CLEANUP(close) int fd = open(...); hand over with take_fd() */
static inline void close_at_end(const int *owner)
{
	if (*owner >= 0)
		close(*owner);
}

static inline int take_fd(int *owner)
{
	int fd = *owner;

	*owner = -1;
	return fd;
}

#endif
