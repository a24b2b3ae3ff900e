/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * ring_file - the window in a file, too, which is still there when the recorder was killed
 *
 * A head, and behind it chunks around and around; each is written with one call by a thread of its
 * own, out of the window's memory. trace_recover() makes a trace of it. The file takes its whole
 * room from the disk at the begin, and is removed when the recorder ends in order.
 */
#ifndef TRACER_RECORD_RING_FILE_H
#define TRACER_RECORD_RING_FILE_H

#include "user/record/window.h"
#include "user/trace/info.h"

struct ring_file;

/**
 * ring_file_open() - begin to write
 * @bytes:  of the file, at least those of the window
 * @window: stays
 * @moved:  set to whether a file of that name was there, which was killed: it is now "PATH.old"
 *
 * Return: 0; -EBUSY when another recorder writes it; -ENOSPC, ... with @err filled.
 */
int ring_file_open(struct ring_file **out, const char *path, u64 bytes, struct window *window,
		   const struct trace_info *info, bool *moved, struct err *err);

/* There is another chunk in the window. Never waits. */
void ring_file_wake(struct ring_file *file);

/* Return: whether something went wrong since the last call, with @err filled. It goes on trying. */
bool ring_file_trouble(struct ring_file *file, struct err *err);

/* Removes the file. Accepts NULL. */
void ring_file_close(struct ring_file *file);
DEFINE_CLEANUP(struct ring_file *, ring_file_close)

#endif
