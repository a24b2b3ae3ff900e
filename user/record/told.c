// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* told - names of frames that were told once, to tell them again in each snapshot */
#include "user/record/told.h"

#include <errno.h>
#include <signal.h>

struct told_symbol {
	u32 bytes; /* with its name and what aligns the next one */
	struct trace_symbol is;
	char name[];
};

static struct told_symbol *at(const struct told *told, size_t offset)
{
	return (struct told_symbol *)(void *)(told->symbols.data + offset);
}

/* Return: whether the process has gone; of the kernel: never. */
static bool has_gone(u32 tgid)
{
	return tgid && kill((pid_t)tgid, 0) && errno == ESRCH;
}

static void forget(struct told *told)
{
	size_t kept = 0, size = told->symbols.size;
	u32 asked = 0;
	bool gone = false;

	for (size_t offset = 0, bytes; offset < size; offset += bytes) {
		struct told_symbol *symbol = at(told, offset);

		bytes = symbol->bytes;
		if (symbol->is.tgid != asked)
			gone = has_gone(symbol->is.tgid);
		asked = symbol->is.tgid;
		if (gone)
			continue;
		memmove(told->symbols.data + kept, symbol, bytes);
		kept += bytes;
	}
	told->symbols.size = kept;
	/* To look again for each name would take long. */
	told->full = kept > TOLD_BYTES / 4 * 3;
}

void told_learn(struct told *told, const struct trace_symbol *symbol)
{
	size_t name = strlen(symbol->name) + 1;
	size_t bytes = (sizeof(struct told_symbol) + name + 7) & ~(size_t)7;
	struct told_symbol *to;

	if (told->symbols.size + bytes > TOLD_BYTES && (!told->full || !(told->refused & 1023)))
		forget(told);
	if (told->symbols.size + bytes > TOLD_BYTES || buffer_reserve(&told->symbols, bytes)) {
		told->refused++;
		return;
	}
	to = at(told, told->symbols.size);
	to->bytes = (u32)bytes;
	to->is = *symbol;
	memcpy(to->name, symbol->name, name);
	told->symbols.size += bytes;
}

int told_again(const struct told *told, ring_sink sink, void *ctx)
{
	for (size_t offset = 0; offset < told->symbols.size; offset += at(told, offset)->bytes) {
		struct told_symbol *symbol = at(told, offset);
		struct trace_symbol is = symbol->is;
		struct trace_event event = { .kind = EVENT_SYMBOL, .symbol = &is };
		int r;

		is.name = symbol->name;
		r = sink(ctx, &event);
		if (r < 0)
			return r;
	}
	return 0;
}

void told_free(struct told *told)
{
	buffer_free(&told->symbols);
}
