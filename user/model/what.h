/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* what - what a thread waited for, in groups that stay few when connections are many */
#ifndef TRACER_MODEL_WHAT_H
#define TRACER_MODEL_WHAT_H

#include "user/model/timeline.h"

enum what_side {
	SIDE_NONE, /* a socket without a peer */
	SIDE_LISTENING,
	SIDE_ACCEPTED, /* of a connection, the local port is the stable part */
	SIDE_OUTGOING, /* ... the remote address and port are */
};

/*
 * A server has a connection per client: sockets are grouped by family, protocol and the
 * side that stays. That is the local port when somebody listened on it in this trace, else
 * the side with the smaller port number (the other one is taken for ephemeral).
 * Files are grouped by type and device, all else by type; futex words not at all.
 */
struct what {
	u8 type; /* enum object_type; OBJECT_NONE for futexes and nothing */
	u8 side; /* enum what_side, of a socket */
	u16 family;
	u16 protocol;
	u16 port;
	u32 device;     /* of a file or directory: major << 20 | minor */
	u32 process;    /* id, of a futex */
	u64 futex;      /* address; 0: none */
	u8 address[16]; /* outgoing: the remote one */
};

struct whats {
	struct what *list; /* by number - 1 */
	u32 count;
	u32 room;
	struct map numbers;   /* hash -> number */
	struct map by_object; /* object id -> number */
	struct map listening; /* local ports, with the protocol on top */
};

/* The number of what @thread waits for in @wait; 0 for nothing known. Return: 0 or -ENOMEM. */
int whats_put(struct whats *whats, u32 *number, const struct timeline *timeline,
	      const struct thread *thread, const struct wait *wait);
const struct what *whats_get(const struct whats *whats, u32 number);
void whats_free(struct whats *whats);

#define WHAT_TEXT_MAX 96

/* "tcp -> 127.0.0.1:6379", "tcp :6379 <- clients", "futex 0x7f12", "file on 8:1", "". Return: @to */
char *what_text(char to[WHAT_TEXT_MAX], const struct what *what);

#endif
