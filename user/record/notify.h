/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* notify - tells a service manager (NOTIFY_SOCKET, as sd_notify(3) has it) that we are there */
#ifndef TRACER_RECORD_NOTIFY_H
#define TRACER_RECORD_NOTIFY_H

#include "user/base/util.h"

/* "READY=1", "STOPPING=1", "STATUS=...": one message. Without a service manager nothing happens. */
void notify_tell(const char *message);

/* "WATCHDOG=1", twice in the time after which the service manager would end us. */
void notify_alive(u64 now_ns);

#endif
