/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* tables - how the structs lie in the file that are no events */
#ifndef TRACER_TRACE_TABLES_H
#define TRACER_TRACE_TABLES_H

#include "user/trace/fields.h"

extern const struct field_table clock_fields;   /* struct clock_stamp */
extern const struct field_table shape_fields;   /* struct shape */
extern const struct field_table address_fields; /* u64 */
extern const struct field_table text_fields;    /* const char * */
extern const struct field_table chunk_fields;   /* struct trace_chunk_info */
extern const struct field_table totals_fields;  /* struct trace_totals */

#endif
