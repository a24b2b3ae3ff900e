// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * folded - one line for each stack: "process;thread;main;work;read 1234"
 *
 * The number is nanoseconds of waits, or CPU samples times their period. Names hold no semicolon
 * and no line's end. What flamegraph.pl, speedscope and inferno read.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "user/export/export.h"
#include "user/export/tally.h"

/* A frame ends at ";", a stack at the last blank. */
static void put_name(FILE *out, const char *name)
{
	for (; *name; name++)
		fputc(*name == ';' ? ':' : (unsigned char)*name < ' ' ? '?' : *name, out);
}

static void put_frame(FILE *out, const struct tally_frame *frame)
{
	char text[SYMBOLS_TEXT_MAX];

	fputc(';', out);
	put_name(out, symbols_line_text(text, &frame->symbol));
	if (frame->kernel)
		fputs("_[k]", out); /* as flamegraph.pl marks them */
}

static void put_row(FILE *out, const struct tally *tally, const struct profile_row *row)
{
	const struct tally_list list = tally_frames(tally, row);
	const struct thread *thread = tally_thread(tally, row);

	if (thread) {
		put_name(out, process_name(tally->timeline, thread->process));
		fputc(';', out);
		put_name(out, thread_name(tally->timeline, thread));
	} else {
		fputs("[unknown];[unknown]", out);
	}
	for (u32 i = list.count; i; i--)
		put_frame(out, &tally->list[list.numbers[i - 1]]);
	fprintf(out, " %" PRIu64 "\n", row->ns);
}

static int folded_write(FILE *out, const char *path, const struct export_options *options,
			bool *missing, struct err *err)
{
	const struct tally_options how = {
		.kind = options->kind,
		.lines = options->lines,
		.filter = options->filter,
	};
	struct tally tally = { 0 };
	int r = tally_read(&tally, path, &how, err);

	for (u32 i = 0; r >= 0 && i < tally.profile.count; i++)
		put_row(out, &tally, &tally.profile.rows[i]);
	*missing = r >= 0 && tally_is_lower_bound(&tally);
	tally_free(&tally);
	return r;
}

const struct exporter folded_exporter = {
	.name = "folded",
	.summary = "stacks for flamegraph.pl, speedscope and inferno",
	.suffix = "folded",
	.write = folded_write,
};
