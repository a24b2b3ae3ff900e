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

const struct exporter *exporter_of_file(const char *path)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	size_t length = strlen(name);

	if (length > 3 && !strcmp(name + length - 3, ".gz"))
		length -= 3;
	for (const struct exporter *const *e = exporters; *e; e++) {
		size_t suffix = strlen((*e)->suffix);

		if (length > suffix + 1 && name[length - suffix - 1] == '.' &&
		    !strncmp(name + length - suffix, (*e)->suffix, suffix))
			return *e;
	}
	return NULL;
}
