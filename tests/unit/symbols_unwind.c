// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* symbols_unwind - this program's own stack, walked by the rules of its files */
#include "user/symbols/unwind.h"

#include <errno.h>
#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "user/symbols/symbols.h"

#include "tests/unit/helpers_elf.h"
#include "tests/unit/unit.h"

#define PROCESS 1
#define MOST    64

#if defined(__x86_64__)

static struct symbols *symbols;

static void know_myself(void)
{
	const struct symbols_options options = { .here = true };

	assert_int_equal(symbols_new(&symbols, &options, NULL), 0);
	add_mappings(symbols, PROCESS, (u32)getpid(), 0, NULL);
}

static bool read_own(void *ctx, u64 address, u64 *word)
{
	memcpy(word, (const void *)(uintptr_t)address, sizeof(*word));
	return true;
}

static struct unwind_regs registers_of(const ucontext_t *context)
{
	return (struct unwind_regs){
		.pc = (u64)context->uc_mcontext.gregs[REG_RIP],
		.sp = (u64)context->uc_mcontext.gregs[REG_RSP],
		.bp = (u64)context->uc_mcontext.gregs[REG_RBP],
		.exact_pc = true,
	};
}

/* The frames from @regs on. Return: how many; @result: why there are no more. */
static unsigned int walk(u64 *frames, struct unwind_regs regs, enum unwind_result *result)
{
	unsigned int count = 0;
	struct unwind rule;

	do {
		frames[count++] = regs.pc;
		assert_true(symbols_unwind(symbols, &rule, PROCESS, regs.pc - !regs.exact_pc));
		*result = unwind_step(&regs, &rule, read_own, NULL);
	} while (*result == UNWIND_STEPPED && count < MOST);
	return count;
}

static bool is_in(const char *name, u64 address)
{
	struct symbols_frame frame;

	symbols_code(symbols, &frame, PROCESS, address);
	return frame.name && !strcmp(frame.name, name);
}

static void walk_and_compare(void)
{
	enum unwind_result result;
	void *theirs[MOST];
	u64 ours[MOST];
	ucontext_t here;
	int count, first = 0;

	assert_int_equal(getcontext(&here), 0);
	assert_true(is_in("walk_and_compare", registers_of(&here).pc));
	count = backtrace(theirs, MOST);
	/* A sanitizer's backtrace() begins in itself. */
	while (first < count && !is_in("walk_and_compare", (uintptr_t)theirs[first]))
		first++;
	assert_int_equal(walk(ours, registers_of(&here), &result), count - first);
	assert_int_equal(result, UNWIND_AT_ROOT);
	/* The innermost: another place of this function */
	for (int i = 1; i < count - first; i++)
		assert_int_equal(ours[i], (uintptr_t)theirs[first + i]);
}

static int compare_items(const void *a, const void *b)
{
	static bool done;

	if (!done)
		walk_and_compare();
	done = true;
	return *(const int *)a - *(const int *)b;
}

static void a_stack_through_libc_is_walked_to_its_root(void **state)
{
	int items[] = { 3, 1, 2 };

	qsort(items, ARRAY_SIZE(items), sizeof(*items), compare_items);
	assert_int_equal(items[0], 1);
}

static void *thread(void *ctx)
{
	walk_and_compare();
	return NULL;
}

static void the_stack_of_a_thread_ends_where_it_was_cloned(void **state)
{
	pthread_t id;

	assert_int_equal(pthread_create(&id, NULL, thread, NULL), 0);
	assert_int_equal(pthread_join(id, NULL), 0);
}

static __attribute__((noinline, optimize("no-omit-frame-pointer"))) void with_pointer(int depth)
{
	volatile char room[100];

	room[0] = (char)depth;
	walk_and_compare();
	room[1] = room[0];
}

/* The compiler keeps bp for something else, or pushes it. */
static __attribute__((noinline, optimize("omit-frame-pointer"))) void without_pointer(int depth)
{
	volatile char room[1000];

	room[0] = (char)depth;
	with_pointer(depth);
	room[1] = room[0];
}

static __attribute__((noinline)) void aligned_anew(int depth)
{
	volatile char room[64] __attribute__((aligned(64)));
	volatile char *more = __builtin_alloca((size_t)depth * 8);

	room[0] = more[0] = (char)depth;
	without_pointer(depth);
	more[0] = room[0];
}

static __attribute__((noinline, optimize("omit-frame-pointer"))) void outermost(int depth)
{
	volatile char room[24];

	room[0] = (char)depth;
	aligned_anew(depth);
	room[1] = room[0];
}

static void frames_of_all_kinds_follow_one_another(void **state)
{
	outermost(5);
}

static volatile unsigned int signal_frames;
static u64 signal_pcs[MOST];

static void on_signal(int number)
{
	enum unwind_result result;
	ucontext_t here;

	getcontext(&here);
	signal_frames = walk(signal_pcs, registers_of(&here), &result);
	assert_int_equal(result, UNWIND_AT_ROOT);
}

static __attribute__((noinline)) void raises(void)
{
	raise(SIGUSR1);
	__asm__ volatile("");
}

static void assert_signal_is_walked_through(void)
{
	unsigned int i = 0;

	signal_frames = 0;
	raises();
	while (i < signal_frames && !is_in("raises", signal_pcs[i] - 1))
		i++;
	assert_true(i > 2 && i < signal_frames);
	assert_true(is_in("on_signal", signal_pcs[0]));
	assert_true(is_in("main", signal_pcs[signal_frames - 4] - 1) ||
		    is_in("main", signal_pcs[signal_frames - 3] - 1) ||
		    is_in("main", signal_pcs[signal_frames - 5] - 1));
}

static void a_stack_goes_on_behind_a_signal(void **state)
{
	struct sigaction action = { .sa_handler = on_signal };
	static char other_stack[65536];
	stack_t other = { .ss_sp = other_stack, .ss_size = sizeof(other_stack) };

	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
	assert_signal_is_walked_through();
	/* A stack of its own, which may lie above or below */
	action.sa_flags = SA_ONSTACK;
	assert_int_equal(sigaltstack(&other, NULL), 0);
	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
	assert_signal_is_walked_through();
}

static void what_is_mapped_by_nobody_has_no_rule(void **state)
{
	struct unwind rule;

	assert_false(symbols_unwind(symbols, &rule, PROCESS, 0x1234));
	assert_int_equal(rule.how, FRAME_UNKNOWN);
	assert_false(symbols_unwind(symbols, &rule, PROCESS + 1, (uintptr_t)qsort));
}

static void code_in_no_file_is_taken_to_keep_frame_pointers(void **state)
{
	const struct symbols_mapping jit = {
		.process = 2, .pid = (u32)getpid(), .address = 0x10000, .bytes = 4096, .path = ""
	};
	struct unwind rule;

	assert_int_equal(symbols_add_mapping(symbols, &jit), 0);
	assert_true(symbols_unwind(symbols, &rule, 2, 0x10010));
	assert_int_equal(rule.how, FRAME_BY_FP);
}

static void a_file_that_is_not_there_has_no_rule(void **state)
{
	const struct symbols_mapping gone = { .process = 3,
					      .pid = (u32)getpid(),
					      .address = 0x10000,
					      .bytes = 4096,
					      .inode = 1,
					      .path = "/nowhere/at/all" };
	struct unwind rule;

	assert_int_equal(symbols_add_mapping(symbols, &gone), 0);
	assert_false(symbols_unwind(symbols, &rule, 3, 0x10010));
	assert_int_equal(rule.how, FRAME_UNKNOWN);
}

static int set_up(void **state)
{
	know_myself();
	return 0;
}

static int tear_down(void **state)
{
	symbols_free(symbols);
	return 0;
}

#endif

/* Steps by a rule alone */

static bool read_list(void *ctx, u64 address, u64 *word)
{
	const u64 *words = ctx;

	if (address < 0x1000 || address >= 0x1000 + 8 * 8)
		return false;
	*word = words[(address - 0x1000) / 8];
	return true;
}

static enum unwind_result step(struct unwind_regs *regs, enum frame_how how, s32 cfa_offset,
			       s32 bp_offset)
{
	static u64 words[8] = { 0x1018, 0x400100, 0, 0x1030, 0x400200, 7, 0, 0x400300 };
	const struct unwind rule = {
		.how = (u8)how, .cfa_offset = cfa_offset, .bp_offset = bp_offset, .ra_offset = -8
	};

	return unwind_step(regs, &rule, read_list, words);
}

static void a_step_never_goes_down(void **state)
{
	struct unwind_regs regs = { .pc = 0x400000, .sp = 0x1010, .bp = 0x1000 };

	assert_int_equal(step(&regs, FRAME_BY_FP, 0, 0), UNWIND_LOST);
	assert_int_equal(step(&regs, FRAME_BY_SP, 0, 0), UNWIND_LOST);
	assert_int_equal(step(&regs, FRAME_BY_SP, -8, 0), UNWIND_LOST);
	assert_int_equal(step(&regs, FRAME_BY_BP, -8, 0), UNWIND_LOST);
	assert_int_equal(step(&regs, FRAME_BY_SP, 12, 0), UNWIND_LOST);
	assert_int_equal(regs.sp, 0x1010);
	assert_int_equal(regs.pc, 0x400000);
}

static void a_step_tells_what_ended_it(void **state)
{
	struct unwind_regs regs = { .pc = 0x400000, .sp = 0x1000, .bp = 0x1000 };

	assert_int_equal(step(&regs, FRAME_BY_FP, 0, 0), UNWIND_STEPPED);
	assert_int_equal(regs.pc, 0x400100);
	assert_int_equal(regs.bp, 0x1018);
	assert_int_equal(regs.sp, 0x1010);
	/* sp + 16: the return address is 0 at 0x1010, no code at 0x1028, none at all at 0x1040. */
	assert_int_equal(step(&regs, FRAME_BY_SP, 8, 0), UNWIND_AT_ROOT);
	assert_int_equal(step(&regs, FRAME_BY_SP, 32, 0), UNWIND_LOST);
	assert_int_equal(step(&regs, FRAME_BY_SP, 64, 0), UNWIND_NO_MEMORY);
	assert_int_equal(step(&regs, FRAME_BY_SP, 24, 128), UNWIND_NO_MEMORY);
	assert_int_equal(step(&regs, FRAME_IS_ROOT, 0, 0), UNWIND_AT_ROOT);
	assert_int_equal(step(&regs, FRAME_STOPS, 0, 0), UNWIND_LOST);
	assert_int_equal(step(&regs, FRAME_UNKNOWN, 0, 0), UNWIND_LOST);
	assert_int_equal(regs.pc, 0x400100);
	regs.bp = 0;
	assert_int_equal(step(&regs, FRAME_BY_FP, 0, 0), UNWIND_AT_ROOT);
	regs.bp = UINT64_MAX - 7;
	assert_int_equal(step(&regs, FRAME_BY_FP, 0, 0), UNWIND_LOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#if defined(__x86_64__)
		cmocka_unit_test(a_stack_through_libc_is_walked_to_its_root),
		cmocka_unit_test(the_stack_of_a_thread_ends_where_it_was_cloned),
		cmocka_unit_test(frames_of_all_kinds_follow_one_another),
		cmocka_unit_test(a_stack_goes_on_behind_a_signal),
		cmocka_unit_test(what_is_mapped_by_nobody_has_no_rule),
		cmocka_unit_test(code_in_no_file_is_taken_to_keep_frame_pointers),
		cmocka_unit_test(a_file_that_is_not_there_has_no_rule),
#endif
		cmocka_unit_test(a_step_never_goes_down),
		cmocka_unit_test(a_step_tells_what_ended_it),
	};

#if defined(__x86_64__)
	return cmocka_run_group_tests_name("symbols_unwind", tests, set_up, tear_down);
#else
	return cmocka_run_group_tests_name("symbols_unwind", tests, NULL, NULL);
#endif
}
