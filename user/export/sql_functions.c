// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* sql_functions - what questions to a trace need beyond SQL: percentiles, and times for people */
#include "user/export/sql_functions.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "user/base/text.h"
#include "user/model/histogram.h"

#define FLAGS (SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS)

struct percentile {
	struct histogram values;
	double share;
	bool failed;
};

static void add_value(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	struct percentile *all = sqlite3_aggregate_context(context, sizeof(*all));
	sqlite3_int64 value = sqlite3_value_int64(argv[0]);

	if (!all) {
		sqlite3_result_error_nomem(context);
		return;
	}
	all->share = sqlite3_value_double(argv[1]) / 100;
	if (sqlite3_value_type(argv[0]) != SQLITE_NULL && value >= 0 &&
	    histogram_add(&all->values, (u64)value) < 0)
		all->failed = true;
}

static void tell_percentile(sqlite3_context *context)
{
	struct percentile *all = sqlite3_aggregate_context(context, 0);

	if (!all || !all->values.count)
		return;
	if (all->failed)
		sqlite3_result_error_nomem(context);
	else if (!(all->share >= 0 && all->share <= 1))
		sqlite3_result_error(context, "percentile(value, percent): 0 to 100", -1);
	else
		sqlite3_result_int64(context,
				     (sqlite3_int64)histogram_quantile(&all->values, all->share));
	histogram_free(&all->values);
}

static void tell_duration(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	sqlite3_int64 ns = sqlite3_value_int64(argv[0]);
	char text[TEXT_MAX], signed_text[TEXT_MAX + 1];

	if (sqlite3_value_type(argv[0]) == SQLITE_NULL)
		return;
	text_duration(text, ns < 0 ? -(u64)ns : (u64)ns);
	snprintf(signed_text, sizeof(signed_text), "%s%s", ns < 0 ? "-" : "", text);
	sqlite3_result_text(context, signed_text, -1, SQLITE_TRANSIENT);
}

int sql_add_functions(sqlite3 *db)
{
	int r = sqlite3_create_function(db, "percentile", 2, FLAGS, NULL, NULL, add_value,
					tell_percentile);

	return r != SQLITE_OK ? r
			      : sqlite3_create_function(db, "duration", 1, FLAGS, NULL,
							tell_duration, NULL, NULL);
}
