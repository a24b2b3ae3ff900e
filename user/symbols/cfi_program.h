/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* cfi_program - call frame instructions of DWARF, carried out up to one address */
#ifndef TRACER_SYMBOLS_CFI_PROGRAM_H
#define TRACER_SYMBOLS_CFI_PROGRAM_H

#include "user/base/buffer.h"
#include "user/symbols/unwind.h"

/* What a CIE says: of all functions that refer to it */
struct cfi_common {
	bool arm;		/* arm64, else x86-64 */
	u64 code_align;
	s64 data_align;
	u64 return_register;
	u8 encoding;		/* of addresses: DW_EH_PE_* */
	bool augmented;		/* its functions have augmentation data */
	bool signal;		/* its functions are where signals come to */
	struct cursor program;
};

/* Signed LEB128; fails as cursor_varint() does. */
s64 cursor_leb(struct cursor *c);

/* @bytes (up to 8) as an unsigned number */
u64 cursor_number(struct cursor *c, unsigned int bytes);

/**
 * cfi_program_run() - how a function keeps its frame at one of its addresses
 * @rule:    filled in any case; FRAME_STOPS when that is not among the ways that we know
 * @common:  with the instructions that come first
 * @program: the function's own instructions
 * @begin:   where it begins
 * @address: in it
 *
 * Of the registers only sp, bp and the return address are followed. Source: DWARF 5, 6.4, and the
 * ABIs of x86-64 and arm64 for the numbers of registers.
 */
void cfi_program_run(struct unwind *rule, const struct cfi_common *common, struct cursor program,
		     u64 begin, u64 address);

#endif
