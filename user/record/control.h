/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * control - a socket by which others of the same user ask a running recorder for its state, for a
 * snapshot, and to end
 *
 * One packet is a request, one packet the answer: "status", "snapshot", "snapshot PATH" (absolute;
 * replaced), "stop". Answers are JSON; a request that fails is answered with {"error": ..., "hint": ...}.
 */
#ifndef TRACER_RECORD_CONTROL_H
#define TRACER_RECORD_CONTROL_H

#include <sys/types.h>

#include "user/base/cleanup.h"
#include "user/record/flight.h"
#include "user/record/session.h"

#define CONTROL_REQUEST_MAX 4200
#define CONTROL_ANSWER_MAX  16384

struct control_socket;

/* What a recorder does with requests */
struct control_owner {
	const struct session_status *status;
	const struct session_options *options;
	void (*stop)(void *ctx);
	void *ctx;
};

/**
 * control_open() - listen at control_path() of this process
 * @flight: stays; its flight_on_written() is used
 *
 * Mode 0600, in a directory of mode 0700. Sockets that killed recorders left are removed.
 *
 * Return: 0, or a negative errno with @err filled.
 */
int control_open(struct control_socket **out, struct flight *flight,
		 const struct control_owner *owner, struct err *err);

/* Readable when control_turn() has something to do. */
int control_fd(const struct control_socket *control);

/* Takes requests, and answers those that can be answered. Never waits. */
void control_turn(struct control_socket *control);

/* Removes the socket. Accepts NULL. */
void control_close(struct control_socket *control);
DEFINE_CLEANUP(struct control_socket *, control_close)

/* Where sockets are: "/run/tracer", or below XDG_RUNTIME_DIR; TRACER_RUN_DIR overrides. */
void control_directory(char *to, size_t room);

/**
 * control_ask() - the other side
 * @pid:     of the recorder
 * @request: see above
 * @answer:  filled: JSON
 *
 * Waits for the answer, of a snapshot until it is written.
 *
 * Return: 0; -ESRCH: there is no such recorder; ... with @err filled.
 */
int control_ask(char answer[CONTROL_ANSWER_MAX], pid_t pid, const char *request, struct err *err);

/* The recorders that can be asked. Return: how many, at most @room of them are in @pids. */
size_t control_list(pid_t *pids, size_t room);

#endif
