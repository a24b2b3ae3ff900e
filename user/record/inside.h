/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* inside - the state of a session, for the files that it is made of */
#ifndef TRACER_RECORD_INSIDE_H
#define TRACER_RECORD_INSIDE_H

#include <sys/utsname.h>

#include "user/record/control.h"
#include "user/record/flight.h"
#include "user/record/intake.h"
#include "user/record/outbox.h"
#include "user/record/probes.h"
#include "user/record/session.h"
#include "user/record/target.h"
#include "user/record/urgency.h"

struct session {
	const struct session_options *options;
	struct session_status *status;
	struct probes *probes;
	struct intake intake;
	struct command_child child;
	struct urgency urgency;
	struct outbox *outbox; /* to a file; NULL: none */
	struct flight *flight; /* to a window; NULL: none */
	struct control_socket *control; /* NULL: nobody can ask */
	struct trace_info info;
	struct utsname host;
	int signals; /* signalfd */
	int news;    /* epoll: signals, and what else a turn of the session takes */
	u64 start_ns;
	u64 cpu_ns_before; /* what loading took is not the recording's */
	u64 status_ns, status_events;
	unsigned int interval_ms;
	bool ending;
};

/* Of running time between two samples of a CPU; 0: none are wanted. */
u64 session_sample_period_ns(const struct session_options *options);

/* The recording ends with this turn. */
void session_end(struct session *session, enum trace_end why);

/* Numbers for whoever watches, when it is time for them or with @force. */
void session_update_status(struct session *session, bool force);

/* From now on a turn of the session comes when @fd is readable. Return: 0, or a negative errno with
 * @err filled. */
int session_listen(struct session *session, int fd, struct err *err);

#endif
