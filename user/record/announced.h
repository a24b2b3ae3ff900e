/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* announced - what programs announced, out of a record of the ring */
#ifndef TRACER_RECORD_ANNOUNCED_H
#define TRACER_RECORD_ANNOUNCED_H

#include "user/trace/event.h"

/* A byte that is no UTF-8 becomes three. */
struct announced {
	char name[3 * ANNOTATION_NAME_MAX + 1];
	char text[3 * ANNOTATION_TEXT_MAX + 1];
};

/**
 * announced_read() - an annotation as a reader gets it
 * @to:   points into @room
 * @from: a whole record; @bytes of it are there, whatever it says itself
 *
 * What is no UTF-8 becomes U+FFFD and is flagged; a character that was cut goes as a whole.
 *
 * Return: whether the record is one.
 */
bool announced_read(struct trace_annotation *to, struct announced *room,
		    const struct event_annotation *from, size_t bytes);

#endif
