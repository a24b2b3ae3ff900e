/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* lock_holders - the lines below a lock: who held it, doing what */
#ifndef TRACER_REPORT_LOCK_HOLDERS_H
#define TRACER_REPORT_LOCK_HOLDERS_H

#include "user/report/table.h"

/* A struct table's below */
void lock_holders_print(const struct report *report, const void *row);

/* "held by flusher 98 %: blocked in fsync 80 %, running 20 %", of the first one.
 * Return: false when nobody is known. */
bool lock_holder_line(char *to, size_t room, const struct report *report,
		      const struct lock_row *row);

#endif
