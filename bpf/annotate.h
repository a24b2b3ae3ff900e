/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* annotate - what recorder and kernel side agree on about the probes in programs */
#ifndef TRACER_BPF_ANNOTATE_H
#define TRACER_BPF_ANNOTATE_H

#ifndef __bpf__
#include <linux/types.h>
#endif

/* The cookie of a probe: what it announces; of the user's probes also which one it is */
#define COOKIE_KIND	    0xff	/* enum event_kind */
#define COOKIE_REAL	    0x100	/* its value is a double */
#define COOKIE_PROBE_SHIFT  16	/* 16 bits: the name that it goes by; 0: the header's probes */
#define COOKIE_LAYOUT_SHIFT 32	/* 16 bits: its arguments, in probe_layouts */

/* What the fourth argument of the header's probes says, so that no cookie has to be asked for */
#define SAYS_MAGIC	  0x54524143	/* in its upper half */
#define SAYS_KIND	  0x1ff		/* enum event_kind and COOKIE_REAL */
#define SAYS_LENGTH_SHIFT 16		/* 8 bits: so many bytes of the name lie in the next four; */
#define SAYS_LENGTH_MAX	  32		/* 0: it has to be read */

#define PROBE_LAYOUTS_MAX 4096
#define PROBE_ARGS_MAX	  6
#define PROBE_TASKS_MAX	  16384	/* begun by probes and not yet ended */

enum probe_arg_place {
	PROBE_ARG_NONE = 0,
	PROBE_ARG_REGISTER,	/* the register at @base of the saved ones */
	PROBE_ARG_MEMORY,	/* at base + index * scale + offset */
	PROBE_ARG_CONSTANT,	/* offset */
};

enum probe_arg_is {
	PROBE_ARG_UNSIGNED = 0,
	PROBE_ARG_SIGNED,
	PROBE_ARG_HEX,
	PROBE_ARG_TEXT,		/* the address of one; not readable: a number */
	PROBE_ARG_ANY,		/* a text when it looks like the address of one */
};

struct probe_arg {
	__u8  place;		/* enum probe_arg_place */
	__u8  is;		/* enum probe_arg_is */
	__u8  bytes;		/* 1, 2, 4, 8 */
	__u8  scale;		/* of the index; 0: none */
	__u16 base;		/* where in struct pt_regs */
	__u16 index;
	__s64 offset;
};

struct probe_layout {
	__u32 count;
	__u32 spare;
	struct probe_arg args[PROBE_ARGS_MAX];
};

/* Behind an event_annotation with a probe, as its text: the values, then the texts. */
struct probe_values {
	__u64 value[PROBE_ARGS_MAX];
	__u16 bytes[PROBE_ARGS_MAX];	/* of the text; 0: none */
	__u8  is[PROBE_ARGS_MAX];	/* enum probe_arg_is */
	__u8  count;
	__u8  cut;
	__u32 unreadable;		/* a bit for each value: at that address is no text */
};

#define PROBE_TEXT_MAX	 511	/* of an argument */
#define PROBE_TEXTS_FULL 432	/* no further texts when so much is there */

#endif
