/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* annotate - what recorder and kernel side agree on about the probes in programs */
#ifndef TRACER_BPF_ANNOTATE_H
#define TRACER_BPF_ANNOTATE_H

/* The cookie of a probe of user/annotate/tracer.h: what it announces */
#define COOKIE_KIND 0xff	/* enum event_kind */
#define COOKIE_REAL 0x100	/* its value is a double */

#endif
