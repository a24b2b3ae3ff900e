// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * cfi_program - call frame instructions of DWARF, carried out up to one address
 *
 * A row says where the CFA is and where the caller's registers lie. There are no jumps in these
 * programs, so they end with their last byte, whoever wrote them.
 */
#include "user/symbols/cfi_program.h"

#include <dwarf.h>

#define REMEMBERED_MAX 16
#define OFFSET_MOST    (1 << 30)
#define TERMS_MAX      16

#define ARM_NEGATE_RA_STATE 0x2d /* DW_CFA_AARCH64_negate_ra_state: return addresses are signed */

/* The numbers of registers */
struct registers {
	u8 sp;
	u8 bp;
	u8 pc;
};

static const struct registers x86_registers = { .sp = 7, .bp = 6, .pc = 16 };
static const struct registers arm_registers = { .sp = 31, .bp = 29, .pc = 32 };

enum place_kind {
	PLACE_SAME,   /* still in its register */
	PLACE_OFFSET, /* in memory at CFA + offset */
	PLACE_EXPRESSION,
	PLACE_UNDEFINED,
	PLACE_OTHER,
};

struct place {
	u8 kind; /* enum place_kind */
	s64 offset;
	struct cursor expression;
};

struct row {
	u64 cfa_register;
	s64 cfa_offset;
	bool cfa_expression;
	struct cursor expression;
	struct place bp;
	struct place pc;
};

struct machine {
	const struct cfi_common *common;
	const struct registers *registers;
	struct row row;
	struct row initial;
	struct row remembered[REMEMBERED_MAX];
	unsigned int remembered_count;
	u64 location;
	bool failed;
};

s64 cursor_leb(struct cursor *c)
{
	unsigned int shift = 0;
	u64 value = 0;
	u8 byte;

	do {
		byte = cursor_u8(c);
		if (c->failed || shift >= 64) {
			c->failed = true;
			return 0;
		}
		value |= (u64)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	if (shift < 64 && byte & 0x40)
		value |= ~0ULL << shift;
	return (s64)value;
}

u64 cursor_number(struct cursor *c, unsigned int bytes)
{
	const u8 *at = cursor_take(c, bytes);
	u64 value = 0;

	/* What is read here runs here: the byte order is ours, and that of x86-64 is this one. */
	for (unsigned int i = 0; at && i < bytes; i++)
		value |= (u64)at[i] << 8 * i;
	return value;
}

static struct place *place_of(struct machine *m, struct row *row, u64 number)
{
	if (number == m->registers->bp)
		return &row->bp;
	return number == m->common->return_register ? &row->pc : NULL;
}

static void set_place(struct machine *m, u64 number, enum place_kind kind, s64 offset)
{
	struct place *place = place_of(m, &m->row, number);

	if (place)
		*place = (struct place){ .kind = (u8)kind, .offset = offset };
}

static void restore_place(struct machine *m, u64 number)
{
	struct place *place = place_of(m, &m->row, number);

	if (place)
		*place = *place_of(m, &m->initial, number);
}

static void set_cfa(struct machine *m, u64 number, s64 offset)
{
	m->row.cfa_register = number;
	m->row.cfa_offset = offset;
	m->row.cfa_expression = false;
}

static void remember(struct machine *m)
{
	if (m->remembered_count == REMEMBERED_MAX)
		m->failed = true;
	else
		m->remembered[m->remembered_count++] = m->row;
}

static void bring_back(struct machine *m)
{
	if (!m->remembered_count)
		m->failed = true;
	else
		m->row = m->remembered[--m->remembered_count];
}

/* Offsets are multiples of a number that the file gives: they may overflow, but not trap. */
static s64 scaled(const struct machine *m, u64 factor)
{
	return (s64)(factor * (u64)m->common->data_align);
}

static void set_expression(struct machine *m, u64 number, struct cursor expression)
{
	set_place(m, number, PLACE_EXPRESSION, 0);
	if (place_of(m, &m->row, number))
		place_of(m, &m->row, number)->expression = expression;
}

/* The instructions that have their operands behind them */
static void do_extended(struct machine *m, u8 code, struct cursor *c)
{
	u64 number;

	switch (code) {
	case DW_CFA_nop: break;
	case DW_CFA_advance_loc1: m->location += cursor_number(c, 1) * m->common->code_align; break;
	case DW_CFA_advance_loc2: m->location += cursor_number(c, 2) * m->common->code_align; break;
	case DW_CFA_advance_loc4: m->location += cursor_number(c, 4) * m->common->code_align; break;
	case DW_CFA_offset_extended:
		number = cursor_varint(c);
		set_place(m, number, PLACE_OFFSET, scaled(m, cursor_varint(c)));
		break;
	case DW_CFA_offset_extended_sf:
		number = cursor_varint(c);
		set_place(m, number, PLACE_OFFSET, scaled(m, (u64)cursor_leb(c)));
		break;
	case DW_CFA_GNU_negative_offset_extended:
		number = cursor_varint(c);
		set_place(m, number, PLACE_OFFSET, scaled(m, -cursor_varint(c)));
		break;
	case DW_CFA_restore_extended: restore_place(m, cursor_varint(c)); break;
	case DW_CFA_undefined: set_place(m, cursor_varint(c), PLACE_UNDEFINED, 0); break;
	case DW_CFA_same_value: set_place(m, cursor_varint(c), PLACE_SAME, 0); break;
	case DW_CFA_register:
	case DW_CFA_val_offset:
		number = cursor_varint(c);
		cursor_varint(c);
		set_place(m, number, PLACE_OTHER, 0);
		break;
	case DW_CFA_val_offset_sf:
		number = cursor_varint(c);
		cursor_leb(c);
		set_place(m, number, PLACE_OTHER, 0);
		break;
	case DW_CFA_expression:
		number = cursor_varint(c);
		set_expression(m, number, cursor_sub(c));
		break;
	case DW_CFA_val_expression:
		number = cursor_varint(c);
		cursor_sub(c);
		set_place(m, number, PLACE_OTHER, 0);
		break;
	case DW_CFA_remember_state: remember(m); break;
	case DW_CFA_restore_state: bring_back(m); break;
	case DW_CFA_def_cfa:
		number = cursor_varint(c);
		set_cfa(m, number, (s64)cursor_varint(c));
		break;
	case DW_CFA_def_cfa_sf:
		number = cursor_varint(c);
		set_cfa(m, number, scaled(m, (u64)cursor_leb(c)));
		break;
	case DW_CFA_def_cfa_register: set_cfa(m, cursor_varint(c), m->row.cfa_offset); break;
	case DW_CFA_def_cfa_offset: set_cfa(m, m->row.cfa_register, (s64)cursor_varint(c)); break;
	case DW_CFA_def_cfa_offset_sf:
		set_cfa(m, m->row.cfa_register, scaled(m, (u64)cursor_leb(c)));
		break;
	case DW_CFA_def_cfa_expression:
		m->row.expression = cursor_sub(c);
		m->row.cfa_expression = true;
		break;
	case DW_CFA_GNU_args_size: cursor_varint(c); break;
	case ARM_NEGATE_RA_STATE: m->failed |= !m->common->arm; break;
	default: m->failed = true; /* of another machine, or newer than we are */
	}
}

static void run(struct machine *m, struct cursor program, u64 address)
{
	struct cursor *c = &program;

	while (c->at < c->end && !c->failed && !m->failed) {
		u8 code = cursor_u8(c), low = code & 0x3f;
		u64 before = m->location;
		struct row row;

		row = m->row;
		switch (code & 0xc0) {
		case DW_CFA_advance_loc: m->location += low * m->common->code_align; break;
		case DW_CFA_offset:
			set_place(m, low, PLACE_OFFSET, scaled(m, cursor_varint(c)));
			break;
		case DW_CFA_restore: restore_place(m, low); break;
		default: do_extended(m, code, c);
		}
		if (m->location != before && m->location > address) {
			m->row = row;
			return;
		}
	}
	m->failed |= c->failed;
}

/* What an expression comes to, as far as that is known without the registers */
enum term_kind {
	TERM_NUMBER,
	TERM_SP, /* sp + offset */
	TERM_BP,
	TERM_AT_SP, /* the word at sp + offset */
	TERM_AT_BP,
};

struct term {
	u8 kind;
	s64 offset;
};

static bool push(struct term *terms, unsigned int *count, enum term_kind kind, u64 offset)
{
	if (*count == TERMS_MAX)
		return false;
	terms[(*count)++] = (struct term){ .kind = (u8)kind, .offset = (s64)offset };
	return true;
}

/* Replaces the two last terms by one. Return: whether that can be told. */
static bool combine(struct term *terms, unsigned int *count, u8 code)
{
	struct term *a, *b;
	u64 x, y;

	if (*count < 2)
		return false;
	a = &terms[*count - 2];
	b = &terms[--*count];
	x = (u64)a->offset;
	y = (u64)b->offset;
	if (code == DW_OP_plus && a->kind == TERM_NUMBER)
		a->kind = b->kind;
	else if (b->kind != TERM_NUMBER)
		return false;
	if (a->kind >= TERM_AT_SP ||
	    (a->kind != TERM_NUMBER && code != DW_OP_plus && code != DW_OP_minus))
		return false;
	switch (code) {
	case DW_OP_plus: a->offset = (s64)(x + y); return true;
	case DW_OP_minus: a->offset = (s64)(x - y); return true;
	case DW_OP_and: a->offset = (s64)(x & y); return true;
	case DW_OP_or: a->offset = (s64)(x | y); return true;
	case DW_OP_shl: a->offset = y < 64 ? (s64)(x << y) : 0; return true;
	case DW_OP_ge: a->offset = (s64)x >= (s64)y; return true;
	case DW_OP_gt: a->offset = (s64)x > (s64)y; return true;
	case DW_OP_le: a->offset = (s64)x <= (s64)y; return true;
	case DW_OP_lt: a->offset = (s64)x < (s64)y; return true;
	case DW_OP_eq: a->offset = x == y; return true;
	case DW_OP_ne: a->offset = x != y; return true;
	default: return false;
	}
}

static bool dereference(struct term *terms, unsigned int count)
{
	struct term *last = &terms[count - 1];

	if (!count || (last->kind != TERM_SP && last->kind != TERM_BP))
		return false;
	last->kind = last->kind == TERM_SP ? TERM_AT_SP : TERM_AT_BP;
	return true;
}

static bool push_register(struct term *terms, unsigned int *count, const struct registers *is,
			  u8 number, u64 offset, u64 address)
{
	if (number == is->sp)
		return push(terms, count, TERM_SP, offset);
	if (number == is->bp)
		return push(terms, count, TERM_BP, offset);
	/* Where the file is loaded is not known here, but that it is at the begin of a page. */
	return number == is->pc && push(terms, count, TERM_NUMBER, (address + offset) & 4095);
}

static bool do_term(struct term *terms, unsigned int *count, struct cursor *c,
		    const struct registers *is, u64 address)
{
	u8 code = cursor_u8(c);

	if (code >= DW_OP_lit0 && code <= DW_OP_lit31)
		return push(terms, count, TERM_NUMBER, code - DW_OP_lit0);
	if (code >= DW_OP_breg0 && code <= DW_OP_breg31)
		return push_register(terms, count, is, code - DW_OP_breg0, (u64)cursor_leb(c),
				     address);
	switch (code) {
	case DW_OP_const1u: return push(terms, count, TERM_NUMBER, cursor_number(c, 1));
	case DW_OP_const2u: return push(terms, count, TERM_NUMBER, cursor_number(c, 2));
	case DW_OP_const1s: return push(terms, count, TERM_NUMBER, (u64)(s8)cursor_number(c, 1));
	case DW_OP_const2s: return push(terms, count, TERM_NUMBER, (u64)(s16)cursor_number(c, 2));
	case DW_OP_constu: return push(terms, count, TERM_NUMBER, cursor_varint(c));
	case DW_OP_consts: return push(terms, count, TERM_NUMBER, (u64)cursor_leb(c));
	case DW_OP_plus_uconst:
		return push(terms, count, TERM_NUMBER, cursor_varint(c)) &&
		       combine(terms, count, DW_OP_plus);
	case DW_OP_deref: return dereference(terms, *count);
	default: return combine(terms, count, code);
	}
}

static bool evaluate(struct term *result, struct cursor expression, const struct registers *is,
		     u64 address)
{
	struct term terms[TERMS_MAX] = { 0 };
	unsigned int count = 0;

	while (expression.at < expression.end)
		if (!do_term(terms, &count, &expression, is, address) || expression.failed)
			return false;
	if (count != 1)
		return false;
	*result = terms[0];
	return true;
}

static bool find_cfa(struct term *cfa, const struct row *row, const struct registers *is,
		     u64 address)
{
	if (row->cfa_expression)
		return evaluate(cfa, row->expression, is, address);
	*cfa = (struct term){
		.kind = row->cfa_register == is->sp ? TERM_SP : TERM_BP,
		.offset = row->cfa_offset,
	};
	return row->cfa_register == is->sp || row->cfa_register == is->bp;
}

static bool is_at(const struct place *place, s64 sp_offset, u64 address)
{
	struct term term;

	return place->kind == PLACE_EXPRESSION &&
	       evaluate(&term, place->expression, &x86_registers, address) &&
	       term.kind == TERM_SP && term.offset == sp_offset;
}

/* Where the caller's bp lies: from the CFA on; from bp on when the CFA is a word in memory. */
static bool find_bp(s64 *offset, const struct place *bp, const struct term *cfa,
		    const struct registers *is, u64 address)
{
	struct term term;

	*offset = 0;
	if (cfa->kind == TERM_AT_BP) {
		if (bp->kind != PLACE_EXPRESSION || !evaluate(&term, bp->expression, is, address) ||
		    term.kind != TERM_BP)
			return false;
		*offset = term.offset;
		return true;
	}
	switch (bp->kind) {
	case PLACE_OFFSET: *offset = bp->offset; return true;
	case PLACE_EXPRESSION:
		if (!evaluate(&term, bp->expression, is, address) || term.kind != cfa->kind)
			return false;
		*offset = (s64)((u64)term.offset - (u64)cfa->offset);
		return true;
	case PLACE_SAME:
	case PLACE_UNDEFINED: return true; /* who calls what spoils bp has no use for it */
	default: return false;
	}
}

static bool is_near(s64 offset)
{
	return offset >= -OFFSET_MOST && offset <= OFFSET_MOST;
}

/* Where the kernel puts the registers of who was interrupted: by how libc describes that. */
static bool is_signal_frame(const struct row *row, const struct term *cfa, u64 address)
{
	return cfa->kind == TERM_AT_SP && cfa->offset == 160 && is_at(&row->pc, 168, address) &&
	       is_at(&row->bp, 120, address);
}

/* The frame of those who keep a pointer to it */
static bool is_standard(const struct term *cfa, s64 bp_offset, s64 ra_offset)
{
	return cfa->kind == TERM_BP && bp_offset == -cfa->offset && ra_offset == bp_offset + 8;
}

static void make_rule(struct unwind *rule, const struct machine *m, u64 address)
{
	const struct row *row = &m->row;
	s64 bp_offset, ra_offset;
	struct term cfa;

	if (row->pc.kind == PLACE_UNDEFINED) {
		rule->how = FRAME_IS_ROOT;
		return;
	}
	if (!find_cfa(&cfa, row, m->registers, address))
		return;
	if (m->common->signal) {
		if (!m->common->arm && is_signal_frame(row, &cfa, address))
			rule->how = FRAME_OF_SIGNAL;
		return;
	}
	if (!(row->pc.kind == PLACE_OFFSET || (m->common->arm && row->pc.kind == PLACE_SAME)) ||
	    !find_bp(&bp_offset, &row->bp, &cfa, m->registers, address))
		return;
	ra_offset = row->pc.offset;
	if (!is_near(cfa.offset) || !is_near(bp_offset) || !is_near(ra_offset))
		return;
	rule->cfa_offset = (s32)cfa.offset;
	rule->bp_offset = (s32)bp_offset;
	rule->ra_offset = (s32)ra_offset;
	if (is_standard(&cfa, bp_offset, ra_offset) && !m->common->arm)
		rule->how = FRAME_BY_FP;
	else if (cfa.kind == TERM_SP)
		rule->how = FRAME_BY_SP;
	else if (cfa.kind == TERM_BP)
		rule->how = FRAME_BY_BP;
	else if (cfa.kind == TERM_AT_BP)
		rule->how = FRAME_REALIGNED;
}

void cfi_program_run(struct unwind *rule, const struct cfi_common *common, struct cursor program,
		     u64 begin, u64 address)
{
	struct machine m = {
		.common = common,
		.registers = common->arm ? &arm_registers : &x86_registers,
	};

	*rule = (struct unwind){ .how = FRAME_STOPS };
	m.row.cfa_register = UINT64_MAX;
	/* On x86 nobody has a return address who does not say where. */
	m.row.pc.kind = common->arm ? PLACE_SAME : PLACE_OTHER;
	run(&m, common->program, UINT64_MAX);
	m.initial = m.row;
	m.location = begin;
	run(&m, program, address);
	if (!m.failed)
		make_rule(rule, &m, address);
}
