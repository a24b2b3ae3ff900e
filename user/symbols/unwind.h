/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* unwind - from a frame of a stack to the one that called it */
#ifndef TRACER_SYMBOLS_UNWIND_H
#define TRACER_SYMBOLS_UNWIND_H

#include "user/base/util.h"

struct symbols;

/*
 * How a function keeps its frame at one of its instructions. CFA is what the stack pointer was
 * before the call: the caller's. bp is x29 on arm64.
 */
enum frame_how {
	FRAME_UNKNOWN,
	FRAME_BY_FP,	/* the caller's bp is at bp, and the return address behind it */
	FRAME_BY_SP,	/* CFA = sp + cfa_offset */
	FRAME_BY_BP,	/* CFA = bp + cfa_offset */
	FRAME_REALIGNED,	/* CFA is the word at bp + cfa_offset */
	FRAME_OF_SIGNAL,	/* a signal came here: pc, sp and bp lie above sp, as the kernel put them */
	FRAME_IS_ROOT,	/* nobody called it */
	FRAME_STOPS,	/* in a way that is none of these */
};

struct unwind {
	u8 how;		/* enum frame_how */
	s32 cfa_offset;
	s32 bp_offset;	/* the caller's bp is at CFA + bp_offset; 0: it is still in bp. When
			 * realigned: at bp + bp_offset */
	s32 ra_offset;	/* the return address is at CFA + ra_offset; 0: in the link register */
};

struct unwind_regs {
	u64 pc;
	u64 sp;
	u64 bp;
	bool exact_pc;	/* pc is where the thread was; else it is a return address: one behind */
};

/* Return: whether there is a word at @address. */
typedef bool (*unwind_read)(void *ctx, u64 address, u64 *word);

enum unwind_result {
	UNWIND_STEPPED,	/* the registers are the caller's */
	UNWIND_AT_ROOT,
	UNWIND_LOST,	/* by this rule there is no caller: it would be below, or no code's */
	UNWIND_NO_MEMORY,	/* a word that the rule needs could not be read */
};

/* Goes to the caller. @regs is changed only by a step. */
enum unwind_result unwind_step(struct unwind_regs *regs, const struct unwind *rule,
			       unwind_read read, void *ctx);

/**
 * symbols_unwind() - how the function at an address of a process keeps its frame
 * @rule:    filled in any case
 * @process: as symbols_add_mapping() was told
 * @address: of an instruction; for a return address give that - 1
 *
 * Code that says nothing of its frames, as a JIT compiler's, is taken to keep frame pointers.
 * Source: .eh_frame, else .debug_frame, of the files that symbols_code() would open.
 *
 * Return: false when no mapping holds @address, or its file is not there to be read.
 */
bool symbols_unwind(struct symbols *symbols, struct unwind *rule, u64 process, u64 address);

#endif
