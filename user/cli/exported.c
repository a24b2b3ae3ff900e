// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* exported - a trace into a file of another format: for export, and for record -o x.out */
#include "user/cli/exported.h"

#include <stdio.h>
#include <string.h>

#include "user/base/text.h"
#include "user/export/output.h"

/* On a terminal: what was made */
static void tell(const char *path, const struct exporter *exporter, bool missing)
{
	char bytes[TEXT_MAX];
	FILE *file = fopen(path, "re");

	if (file && !fseeko(file, 0, SEEK_END))
		printf("%s: %s, %s\n", path, text_bytes(bytes, (u64)ftello(file)),
		       exporter->summary);
	if (file)
		fclose(file);
	if (missing)
		printf("events were lost: the export holds what there is\n");
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length >= tail && !strcmp(text + length - tail, end);
}

int exported_write(const struct exporter *exporter, const char *to, const char *path,
		   const struct export_options *options, bool quiet, struct err *err)
{
	struct output output;
	char suffix[32], name[4096];
	bool missing = false;
	int r;

	snprintf(suffix, sizeof(suffix), ".%s", exporter->suffix);
	r = output_open(&output, to, path, suffix, err);
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "%s", output.path ?: "");
	if (ends_with(name, ".gz"))
		r = output_compress(&output, err);
	if (r >= 0)
		r = exporter->write(output.file, path, options, &missing, err);
	if (r >= 0)
		r = output_finish(&output, err);
	output_close(&output);
	if (r >= 0 && *name && !quiet)
		tell(name, exporter, missing);
	return r;
}
