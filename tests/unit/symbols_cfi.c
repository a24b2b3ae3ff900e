// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* symbols_cfi - frames of real libraries as libdw sees them too, and tables that lie */
#include "user/symbols/cfi.h"

#include <dwarf.h>
#include <elf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "user/base/map.h"

#include "tests/unit/helpers_elf.h"
#include "tests/unit/unit.h"

#if defined(__x86_64__)
enum { BP = 6, SP = 7, PC = 16 };
#else
enum { BP = 29, SP = 31, PC = 30 };
#endif

/* The file of a library that this program runs with */
static void library_path(char path[256], const char *name)
{
	CLEANUP(fclose) FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];

	path[0] = 0;
	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		const char *at = strchr(line, '/');

		if (!at || !strstr(at, name))
			continue;
		snprintf(path, 256, "%.*s", (int)strcspn(at, "\n"), at);
		return;
	}
}

static struct cfi *open_path(const char *path, struct elf_file *elf)
{
	CLEANUP(close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct cfi *cfi = NULL;

	assert_true(fd >= 0);
	assert_int_equal(elf_file_read(elf, fd), 0);
	return cfi_open(&cfi, fd, elf) < 0 ? NULL : cfi;
}

/* What libdw makes of the frame at @address, in our words */
static struct unwind by_libdw(Dwarf_CFI *frames, u64 address)
{
	struct unwind rule = { .how = FRAME_UNKNOWN };
	Dwarf_Op room[3], *ops;
	Dwarf_Frame *frame;
	size_t count;

	if (dwarf_cfi_addrframe(frames, address, &frame))
		return rule;
	rule.how = FRAME_STOPS;
	if (!dwarf_frame_register(frame, PC, room, &ops, &count) && !count &&
	    ops == room) { /* undefined */
		rule.how = FRAME_IS_ROOT;
		free(frame);
		return rule;
	}
	if (count == 2 && ops[0].atom == DW_OP_call_frame_cfa && ops[1].atom == DW_OP_plus_uconst)
		rule.ra_offset = (s32)ops[1].number;
	/* In another register, as in vfork() */
	if (!rule.ra_offset && PC == 16) {
		free(frame);
		return rule;
	}
	if (!dwarf_frame_register(frame, BP, room, &ops, &count) && count == 2 &&
	    ops[0].atom == DW_OP_call_frame_cfa && ops[1].atom == DW_OP_plus_uconst)
		rule.bp_offset = (s32)ops[1].number;
	if (!dwarf_frame_cfa(frame, &ops, &count) && count == 1 && ops[0].atom == DW_OP_bregx) {
		rule.cfa_offset = (s32)ops[0].number2;
		if (ops[0].number == SP)
			rule.how = FRAME_BY_SP;
		else if (ops[0].number == BP)
			rule.how = rule.cfa_offset == 16 && rule.bp_offset == -16 ? FRAME_BY_FP
										  : FRAME_BY_BP;
	}
	free(frame);
	return rule;
}

/* Compares every @step bytes of a file's code. Return: how many frames were equal. */
static u64 compare(const char *path, u64 step)
{
	CLEANUP(close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct elf_file elf;
	CLEANUP(cfi_close) struct cfi *cfi = open_path(path, &elf);
	u64 same = 0;
	Dwarf_CFI *frames;
	Elf *dw;

	assert_non_null(cfi);
	elf_version(EV_CURRENT);
	dw = elf_begin(fd, ELF_C_READ, NULL);
	assert_non_null(dw);
	frames = dwarf_getcfi_elf(dw);
	assert_non_null(frames);
	for (u32 i = 0; i < elf.segment_count; i++) {
		const struct elf_segment *s = &elf.segments[i];

		for (u64 at = s->address; s->executable && at < s->address + s->bytes; at += step) {
			struct unwind theirs = by_libdw(frames, at), ours = { 0 };
			bool found = cfi_find(cfi, &ours, at);

			if (theirs.how == FRAME_UNKNOWN) {
				assert_false(found);
				continue;
			}
			assert_true(found);
			/* Expressions: of these we know more. */
			if (theirs.how == FRAME_STOPS)
				continue;
			if (ours.how != theirs.how || ours.cfa_offset != theirs.cfa_offset ||
			    ours.bp_offset != theirs.bp_offset ||
			    ours.ra_offset != theirs.ra_offset)
				print_error("%s at %" PRIx64 ": %u %d %d, libdw %u %d %d\n", path,
					    at, ours.how, ours.cfa_offset, ours.bp_offset,
					    theirs.how, theirs.cfa_offset, theirs.bp_offset);
			assert_int_equal(ours.how, theirs.how);
			assert_int_equal(ours.cfa_offset, theirs.cfa_offset);
			assert_int_equal(ours.bp_offset, theirs.bp_offset);
			assert_int_equal(ours.ra_offset, theirs.ra_offset);
			same++;
		}
	}
	dwarf_cfi_end(frames);
	elf_end(dw);
	return same;
}

static void frames_of_libc_are_what_libdw_says(void **state)
{
	char path[256];

	library_path(path, "libc.so.6");
	assert_true(compare(path, 37) > 10000);
}

static void frames_of_a_program_are_what_libdw_says(void **state)
{
	char path[256];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	assert_true(n > 0);
	path[n] = 0;
	assert_true(compare(path, 3) > 1000);
}

static const char source[] = "#include <stdlib.h>\n"
			     "__attribute__((noinline)) int alpha(int x) { int a[40]; a[x] = x;"
			     "  return rand() + a[rand() % 40]; }\n"
			     "int main(int n, char **v) { return alpha(n) + alpha(n + 1); }\n";

static void build(const char *name, const char *options)
{
	file_make(in_folder("frames.c"), source, sizeof(source) - 1);
	assert_true(
		runs("cc -O1 %s -o '%s' '%s'", options, in_folder(name), in_folder("frames.c")));
}

static u64 address_of(const char *name, const char *symbol)
{
	char line[128] = "";
	FILE *nm;

	snprintf(line, sizeof(line), "nm '%s' | grep ' %s$'", in_folder(name), symbol);
	nm = popen(line, "r");
	assert_non_null(nm);
	assert_non_null(fgets(line, sizeof(line), nm));
	pclose(nm);
	return strtoull(line, NULL, 16);
}

/* Every instruction of alpha() in two files that differ in how they tell of frames */
static void assert_same_frames(const char *name, const char *other)
{
	struct elf_file elf;
	CLEANUP(cfi_close) struct cfi *a = open_path(in_folder(name), &elf);
	CLEANUP(cfi_close) struct cfi *b = open_path(in_folder(other), &elf);
	u64 a_at = address_of(name, "alpha"), b_at = address_of(other, "alpha");

	assert_non_null(a);
	assert_non_null(b);
	for (u64 i = 0; i < 40; i++) {
		struct unwind a_rule = { 0 }, b_rule = { 0 };

		assert_true(cfi_find(a, &a_rule, a_at + i));
		assert_true(cfi_find(b, &b_rule, b_at + i));
		assert_memory_equal(&a_rule, &b_rule, sizeof(a_rule));
		assert_int_not_equal(a_rule.how, FRAME_STOPS);
	}
}

static void frames_are_found_without_a_table_too(void **state)
{
	build("plain", "");
	build("untabled", "-Wl,--no-eh-frame-hdr");
	assert_same_frames("plain", "untabled");
}

static void frames_are_found_in_debug_frame_too(void **state)
{
	build("plain", "");
	/* What the C runtime brings has .eh_frame: leave that out. */
	build("debug", "-g -fno-asynchronous-unwind-tables -nostartfiles -Wl,-e,main "
		       "-Wl,--no-ld-generated-unwind-info");
	assert_same_frames("plain", "debug");
}

static void frames_are_found_without_section_headers_too(void **state)
{
	CLEANUP(cfi_close) struct cfi *cfi = NULL;
	CLEANUP(close) int fd = -1;
	struct unwind rule = { 0 };
	struct elf_file elf;
	u8 none[8] = { 0 };
	u64 alpha;

	build("headless", "");
	alpha = address_of("headless", "alpha");
	fd = open(in_folder("headless"), O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, none, 8, offsetof(Elf64_Ehdr, e_shoff)), 8);
	assert_int_equal(elf_file_read(&elf, fd), 0);
	assert_int_equal(cfi_open(&cfi, fd, &elf), 0);
	assert_true(cfi_find(cfi, &rule, alpha));
	assert_int_equal(rule.how, FRAME_BY_SP);
	assert_int_equal(rule.cfa_offset, 8);
}

/* All that is asked of a file */
static void ask_all(int fd)
{
	struct elf_file elf;
	struct unwind rule;
	struct cfi *cfi;

	if (elf_file_read(&elf, fd) < 0 || cfi_open(&cfi, fd, &elf) < 0)
		return;
	for (u64 at = 0x1000; at < 0x1400; at += 7)
		cfi_find(cfi, &rule, at);
	cfi_find(cfi, &rule, 0);
	cfi_find(cfi, &rule, UINT64_MAX);
	assert_true(cfi_bytes(cfi) < 5 << 20);
	cfi_close(cfi);
}

static void read_small(struct buffer *to, const char *name)
{
	CLEANUP(close) int fd = open(in_folder(name), O_RDONLY | O_CLOEXEC);
	u8 piece[4096];
	ssize_t n;

	assert_true(fd >= 0);
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		buffer_append(to, piece, (size_t)n);
}

static int file_of(const struct buffer *b, size_t size)
{
	int fd = memfd_create("cfi", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, b->data, size), size);
	return fd;
}

static void a_file_that_was_cut_is_no_danger(void **state)
{
	static const char *const names[] = { "plain", "untabled" };

	build("plain", "-s");
	build("untabled", "-s -Wl,--no-eh-frame-hdr");
	for (size_t n = 0; n < ARRAY_SIZE(names); n++) {
		struct buffer b = { 0 };

		read_small(&b, names[n]);
		for (size_t size = 0; size < b.size; size += 61) {
			CLEANUP(close) int fd = file_of(&b, size);

			ask_all(fd);
		}
		buffer_free(&b);
	}
}

/* Any byte of what tells of frames may be any other. */
static void damage(const char *name, const struct elf_stretch *stretch, u64 seed)
{
	struct buffer b = { 0 };

	read_small(&b, name);
	for (u64 i = 0; i < 2000; i++) {
		u64 random = hash_u64(seed * 100000 + i), bytes = 1 + (random >> 60);
		CLEANUP(close) int fd = file_of(&b, b.size);

		for (u64 k = 0; k < bytes; k++) {
			u64 at = stretch->offset + hash_u64(random + k) % stretch->bytes;
			u8 value = (u8)hash_u64(random ^ k << 32);

			value = value < 64 ? 0xff : value;
			assert_int_equal(pwrite(fd, &value, 1, (off_t)at), 1);
		}
		ask_all(fd);
	}
	buffer_free(&b);
}

static void tables_that_lie_are_no_danger(void **state)
{
	CLEANUP(close) int plain = -1, untabled = -1;
	struct elf_file elf;

	build("plain", "-s");
	build("untabled", "-s -Wl,--no-eh-frame-hdr");
	plain = open(in_folder("plain"), O_RDONLY | O_CLOEXEC);
	untabled = open(in_folder("untabled"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(elf_file_read(&elf, plain), 0);
	damage("plain", &elf.eh_frame, 1);
	damage("plain", &elf.eh_frame_hdr, 2);
	assert_int_equal(elf_file_read(&elf, untabled), 0);
	damage("untabled", &elf.eh_frame, 3);
}

static int make_folder(void **state)
{
	folder_make();
	return 0;
}

static int remove_folder(void **state)
{
	folder_remove();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_of_libc_are_what_libdw_says),
		cmocka_unit_test(frames_of_a_program_are_what_libdw_says),
		cmocka_unit_test(frames_are_found_without_a_table_too),
		cmocka_unit_test(frames_are_found_in_debug_frame_too),
		cmocka_unit_test(frames_are_found_without_section_headers_too),
		cmocka_unit_test(a_file_that_was_cut_is_no_danger),
		cmocka_unit_test(tables_that_lie_are_no_danger),
	};

	return cmocka_run_group_tests_name("symbols_cfi", tests, make_folder, remove_folder);
}
