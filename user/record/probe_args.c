// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* probe_args - where the arguments of a probe lie */
#include "user/record/probe_args.h"

#include <asm/ptrace.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define NO_REGISTER 0xffff

#if defined(__x86_64__)

#define REGISTER(field, r64, r32, r16, r8)       \
	{                                        \
		offsetof(struct pt_regs, field), \
		{                                \
			r64, r32, r16, r8        \
		}                                \
	}

static const struct {
	u16 at;
	const char *names[4]; /* of 8, 4, 2 and 1 bytes */
} registers[] = {
	REGISTER(rax, "rax", "eax", "ax", "al"),      REGISTER(rbx, "rbx", "ebx", "bx", "bl"),
	REGISTER(rcx, "rcx", "ecx", "cx", "cl"),      REGISTER(rdx, "rdx", "edx", "dx", "dl"),
	REGISTER(rsi, "rsi", "esi", "si", "sil"),     REGISTER(rdi, "rdi", "edi", "di", "dil"),
	REGISTER(rbp, "rbp", "ebp", "bp", "bpl"),     REGISTER(rsp, "rsp", "esp", "sp", "spl"),
	REGISTER(r8, "r8", "r8d", "r8w", "r8b"),      REGISTER(r9, "r9", "r9d", "r9w", "r9b"),
	REGISTER(r10, "r10", "r10d", "r10w", "r10b"), REGISTER(r11, "r11", "r11d", "r11w", "r11b"),
	REGISTER(r12, "r12", "r12d", "r12w", "r12b"), REGISTER(r13, "r13", "r13d", "r13w", "r13b"),
	REGISTER(r14, "r14", "r14d", "r14w", "r14b"), REGISTER(r15, "r15", "r15d", "r15w", "r15b"),
};

/* In the order of a call's arguments */
static const u16 called_with[PROBE_ARGS_MAX] = {
	offsetof(struct pt_regs, rdi), offsetof(struct pt_regs, rsi), offsetof(struct pt_regs, rdx),
	offsetof(struct pt_regs, rcx), offsetof(struct pt_regs, r8),  offsetof(struct pt_regs, r9),
};

static u16 register_at(const char *name, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(registers); i++)
		for (size_t n = 0; n < 4; n++)
			if (strlen(registers[i].names[n]) == length &&
			    !memcmp(registers[i].names[n], name, length))
				return registers[i].at;
	return NO_REGISTER;
}

/* "%rdi", up to one of @ends. Return: behind it; NULL when it is none. */
static const char *take_register(u16 *to, const char *at, const char *ends)
{
	size_t length;

	if (*at++ != '%')
		return NULL;
	length = strcspn(at, ends);
	*to = register_at(at, length);
	return *to == NO_REGISTER ? NULL : at + length;
}

/* "-20(%rbp)", "(%rax,%rbx,8)": what stands behind the offset */
static const char *take_memory(struct probe_arg *to, const char *at)
{
	to->place = PROBE_ARG_MEMORY;
	at = take_register(&to->base, at + 1, ",) ");
	if (!at)
		return NULL;
	if (*at == ',') {
		at = take_register(&to->index, at + 1, ",) ");
		if (!at)
			return NULL;
		to->scale = 1;
		if (*at == ',') {
			if (!strchr("1248", at[1]) || !at[1])
				return NULL;
			to->scale = (u8)(at[1] - '0');
			at += 2;
		}
	}
	return *at == ')' ? at + 1 : NULL;
}

static const char *take_place(struct probe_arg *to, const char *at)
{
	char *behind;

	if (*at == '%') {
		to->place = PROBE_ARG_REGISTER;
		return take_register(&to->base, at, " ");
	}
	if (*at == '$') {
		to->place = PROBE_ARG_CONSTANT;
		to->offset = strtoll(at + 1, &behind, 0);
		return behind == at + 1 ? NULL : behind;
	}
	to->offset = strtoll(at, &behind, 0);
	return *behind == '(' ? take_memory(to, behind) : NULL;
}

#else /* arm64 */

static const u16 called_with[PROBE_ARGS_MAX] = { 0, 8, 16, 24, 32, 40 };

/* "x0", "w17", "sp" */
static const char *take_register(u16 *to, const char *at)
{
	char *behind;
	long number;

	if (!strncmp(at, "sp", 2)) {
		*to = offsetof(struct user_pt_regs, sp);
		return at + 2;
	}
	if (*at != 'x' && *at != 'w')
		return NULL;
	number = strtol(at + 1, &behind, 10);
	if (behind == at + 1 || number < 0 || number > 30)
		return NULL;
	*to = (u16)(number * 8);
	return behind;
}

/* "[sp, 16]", "x0", "42" */
static const char *take_place(struct probe_arg *to, const char *at)
{
	char *behind;

	if (*at == '[') {
		to->place = PROBE_ARG_MEMORY;
		at = take_register(&to->base, at + 1);
		if (!at)
			return NULL;
		if (*at == ',') {
			at += 1 + strspn(at + 1, " #");
			to->offset = strtoll(at, &behind, 0);
			if (behind == at)
				return NULL;
			at = behind;
		}
		return *at == ']' ? at + 1 : NULL;
	}
	to->place = PROBE_ARG_REGISTER;
	if (*at == 'x' || *at == 'w' || *at == 's')
		return take_register(&to->base, at);
	to->place = PROBE_ARG_CONSTANT;
	to->offset = strtoll(at, &behind, 0);
	return behind == at ? NULL : behind;
}

#endif

/* "-4@PLACE". Return: behind it; NULL when it is not understood. */
static const char *take_argument(struct probe_arg *to, const char *at)
{
	char *behind;
	long bytes = strtol(at, &behind, 10);

	if (behind == at || *behind != '@')
		return NULL;
	*to = (struct probe_arg){ .is = bytes < 0 ? PROBE_ARG_SIGNED : PROBE_ARG_UNSIGNED };
	bytes = bytes < 0 ? -bytes : bytes;
	if (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8)
		return NULL;
	to->bytes = (u8)bytes;
	/* Pointers are told as numbers of 8 bytes, with or without a sign. */
	if (bytes == 8)
		to->is = PROBE_ARG_ANY;
	return take_place(to, behind + 1);
}

/* What a letter says. Return: whether the argument is told. */
static bool apply_letter(struct probe_arg *to, char letter)
{
	switch (letter) {
	case 's': to->is = PROBE_ARG_TEXT; return true;
	case 'd': to->is = PROBE_ARG_SIGNED; break;
	case 'u': to->is = PROBE_ARG_UNSIGNED; break;
	case 'l': to->is = PROBE_ARG_SIGNED; return true;
	case 'x': to->is = PROBE_ARG_HEX; return true;
	default: return false;
	}
	to->bytes = min(to->bytes, (u8)4);
	return true;
}

unsigned int probe_args_usdt(struct probe_layout *to, const char *text, const char *letters)
{
	unsigned int number = 0, missed = 0;

	*to = (struct probe_layout){ 0 };
	for (text += strspn(text, " "); *text; text += strspn(text, " "), number++) {
		struct probe_arg arg;
		const char *behind = take_argument(&arg, text);
		bool told = !letters[0] || number < strlen(letters);

		if (told && letters[0])
			told = apply_letter(&arg, letters[number]);
		if (!behind || (*behind && *behind != ' ')) {
			missed++;
			/* On arm64 there may be blanks inside the brackets. */
			behind = text + strcspn(text, " ");
		} else if (told && to->count < PROBE_ARGS_MAX) {
			to->args[to->count++] = arg;
		} else if (told) {
			missed++;
		}
		text = behind;
	}
	return missed;
}

void probe_args_function(struct probe_layout *to, const char *letters)
{
	*to = (struct probe_layout){ 0 };
	for (size_t i = 0; i < PROBE_ARGS_MAX && letters[i]; i++) {
		struct probe_arg arg = { .place = PROBE_ARG_REGISTER,
					 .bytes = 8,
					 .base = called_with[i] };

		if (apply_letter(&arg, letters[i]))
			to->args[to->count++] = arg;
	}
}
