// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* exporters - the list of all formats, in the order of `tracer export --help` */
#include <string.h>

#include "user/export/export.h"

extern const struct exporter chrome_exporter;
extern const struct exporter folded_exporter;
extern const struct exporter go_exporter;
extern const struct exporter ndjson_exporter;
extern const struct exporter perfetto_exporter;
extern const struct exporter sqlite_exporter;

const struct exporter *const exporters[] = {
	&perfetto_exporter, &go_exporter, &chrome_exporter, &folded_exporter, &ndjson_exporter,
	&sqlite_exporter,   NULL,
};

const struct exporter *exporter_find(const char *name)
{
	for (const struct exporter *const *e = exporters; *e; e++)
		if (!strcmp((*e)->name, name))
			return *e;
	return NULL;
}

/* Whether @name, of @length, ends with "." and @suffix, and has something before that. */
static bool is_named(const char *name, size_t length, const char *suffix)
{
	size_t end = suffix ? strlen(suffix) : length;

	return length > end + 1 && name[length - end - 1] == '.' &&
	       !strncmp(name + length - end, suffix, end);
}

const struct exporter *exporter_of_file(const char *path)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	size_t length = strlen(name);

	/* "x.json.gz" is one, compressed. */
	if (is_named(name, length, "gz"))
		length -= strlen(".gz");
	for (const struct exporter *const *e = exporters; *e; e++)
		if (is_named(name, length, (*e)->suffix) ||
		    is_named(name, length, (*e)->other_suffix))
			return *e;
	return NULL;
}
