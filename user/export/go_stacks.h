/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* go_stacks - stacks as Go's tools want them: a leaf that says why, and the thread as the root */
#ifndef TRACER_EXPORT_GO_STACKS_H
#define TRACER_EXPORT_GO_STACKS_H

#include "user/export/export.h"
#include "user/export/go_wire.h"
#include "user/model/what.h"

/*
 * Innermost first: the leaf (a system call, or why there is no code), what was waited for, frames
 * of the kernel, frames of the program, the thread. The readers name a goroutine by the root.
 */
struct go_place {
	u32 root; /* frames of the wire, + 1; 0: none */
	u32 leaf;
	u32 object;
	u32 kernel; /* stacks of the model; 0: none */
	u32 user;
};

struct go_place_known {
	struct go_place place;
	u32 stack;
};

struct go_stacks {
	struct export *export;
	struct go_wire *wire;
	const struct whats *whats;
	bool processes; /* more than one: names of threads begin with theirs */
	struct go_place_known *known;
	u32 count;
	u32 room;
	struct map numbers;  /* hash of the place -> number + 1 */
	struct map syscalls; /* number -> frame + 1 */
	struct map objects;  /* number of the what -> frame + 1 */
	struct map frames;   /* stack << 8 | i -> frame + 1 */
};

/* @stacks: export, wire and whats are set, all else is 0 */
void go_stacks_begin(struct go_stacks *stacks);
void go_stacks_free(struct go_stacks *stacks);

/* The number of a stack in the wire; the wire tells when there was no memory. */
u32 go_stack_of(struct go_stacks *stacks, const struct go_place *place);

/* Frames, + 1 */
u32 go_frame_text(struct go_stacks *stacks, const char *text);
u32 go_frame_syscall(struct go_stacks *stacks, u16 syscall, enum wait_kind kind);
/* @when: of a wait for it; 0 when it has no name */
u32 go_frame_object(struct go_stacks *stacks, u32 what, u64 when_ns);
u32 go_frame_thread(struct go_stacks *stacks, const struct thread *thread);

#endif
