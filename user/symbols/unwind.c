// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* unwind - from a frame of a stack to the one that called it */
#include "user/symbols/unwind.h"

/* Where the kernel puts the registers of who was interrupted by a signal. Source: struct
 * rt_sigframe of x86-64, whose sp is where sa_restorer begins. */
#define SIGNAL_BP 120
#define SIGNAL_SP 160
#define SIGNAL_PC 168

#define USER_LEAST 0x1000ULL
#define USER_MOST  0x00ffffffffffffffULL

static bool is_code(u64 address)
{
	return address >= USER_LEAST && address <= USER_MOST;
}

static enum unwind_result step_signal(struct unwind_regs *regs, unwind_read read, void *ctx)
{
	struct unwind_regs next = { .exact_pc = true };

	if (!read(ctx, regs->sp + SIGNAL_PC, &next.pc) ||
	    !read(ctx, regs->sp + SIGNAL_SP, &next.sp) ||
	    !read(ctx, regs->sp + SIGNAL_BP, &next.bp))
		return UNWIND_NO_MEMORY;
	/* The handler may run on a stack of its own, above or below. */
	if (!is_code(next.pc))
		return UNWIND_LOST;
	*regs = next;
	return UNWIND_STEPPED;
}

/* Where the caller's stack pointer and its saved bp are. */
static enum unwind_result find_frame(u64 *cfa, u64 *bp_at, const struct unwind_regs *regs,
				     const struct unwind *rule, unwind_read read, void *ctx)
{
	switch (rule->how) {
	case FRAME_BY_FP:
		*cfa = regs->bp + 16;
		*bp_at = regs->bp;
		return UNWIND_STEPPED;
	case FRAME_BY_SP:
	case FRAME_BY_BP:
		*cfa = (rule->how == FRAME_BY_SP ? regs->sp : regs->bp) +
		       (u64)(s64)rule->cfa_offset;
		*bp_at = rule->bp_offset ? *cfa + (u64)(s64)rule->bp_offset : 0;
		return UNWIND_STEPPED;
	case FRAME_REALIGNED:
		*bp_at = regs->bp + (u64)(s64)rule->bp_offset;
		return read(ctx, regs->bp + (u64)(s64)rule->cfa_offset, cfa) ? UNWIND_STEPPED
									     : UNWIND_NO_MEMORY;
	case FRAME_IS_ROOT: return UNWIND_AT_ROOT;
	default: return UNWIND_LOST;
	}
}

enum unwind_result unwind_step(struct unwind_regs *regs, const struct unwind *rule,
			       unwind_read read, void *ctx)
{
	struct unwind_regs next = { .bp = regs->bp };
	enum unwind_result result;
	u64 bp_at, ra_at;

	if (rule->how == FRAME_OF_SIGNAL)
		return step_signal(regs, read, ctx);
	/* By convention the outermost one has none. */
	if (rule->how == FRAME_BY_FP && !regs->bp)
		return UNWIND_AT_ROOT;
	result = find_frame(&next.sp, &bp_at, regs, rule, read, ctx);
	if (result != UNWIND_STEPPED)
		return result;
	/* Stacks grow down: who called is above. */
	if (next.sp <= regs->sp || next.sp & 7)
		return UNWIND_LOST;
	ra_at = rule->how == FRAME_BY_FP ? next.sp - 8 : next.sp + (u64)(s64)rule->ra_offset;
	/* What is still in the link register nobody has told us. */
	if (ra_at == next.sp)
		return UNWIND_LOST;
	if (!read(ctx, ra_at, &next.pc) || (bp_at && !read(ctx, bp_at, &next.bp)))
		return UNWIND_NO_MEMORY;
	if (!next.pc)
		return UNWIND_AT_ROOT;
	if (!is_code(next.pc))
		return UNWIND_LOST;
	*regs = next;
	return UNWIND_STEPPED;
}
