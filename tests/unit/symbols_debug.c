// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* symbols_debug - stripped programs, their separate debug files, and programs that were replaced */
#include "user/symbols/debug.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "user/base/err.h"
#include "user/symbols/build_id.h"
#include "user/symbols/symbols.h"

#include "tests/unit/helpers_elf.h"
#include "tests/unit/unit.h"

#define BASE 0x7f0000000000ULL

static const char source[] =
	"namespace beta { __attribute__((noinline)) int gamma(int x)\n"
	"{ return x * 3; } }\n"
	"int queue_lock[10] = { 1 };\n"
	"int main(int argc, char **) { return beta::gamma(argc) + queue_lock[0]; }\n";

static bool have_tools;

/* Folder: whole (program), thin (stripped, with a link), thin.debug; bare and bare.debug: the same
 * without a build id. */
static int build(void **state)
{
	const char *folder = folder_make();

	file_make(in_folder("a.cpp"), source, strlen(source));
	have_tools = runs("cd '%s' && exec 2>/dev/null && "
			  "g++ -g -O1 -Wl,--build-id=sha1 -o whole a.cpp && "
			  "g++ -g -O1 -Wl,--build-id=none -o whole-bare a.cpp && "
			  "objcopy --only-keep-debug whole thin.debug && "
			  "objcopy --strip-all --add-gnu-debuglink=thin.debug whole thin && "
			  "objcopy --only-keep-debug whole-bare bare.debug && "
			  "objcopy --strip-all --add-gnu-debuglink=bare.debug whole-bare bare",
			  folder);
	return 0;
}

static int remove_built(void **state)
{
	folder_remove();
	return 0;
}

#define NEEDS_TOOLS()            \
	do {                     \
		if (!have_tools) \
			skip();  \
	} while (0)

/* Opens a file of the folder and reads what is in it. */
static int open_elf(struct elf_file *elf, const char *name, u8 *id, unsigned int *id_bytes)
{
	int fd = open(in_folder(name), O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(elf_file_read(elf, fd), 0);
	*id_bytes = build_id_read(id, fd);
	return fd;
}

/* What debug_open() finds for @name: below @root, where it lies at @path */
static int find_debug(const char *name, const char *root, const char *path, struct elf_file *debug)
{
	CLEANUP(close) int fd = -1;
	unsigned int id_bytes;
	u8 id[BUILD_ID_ROOM];
	struct elf_file elf;

	fd = open_elf(&elf, name, id, &id_bytes);
	return debug_open(debug, root, path, &elf, id, id_bytes);
}

static void assert_no_debug(const char *name)
{
	struct elf_file debug;

	assert_int_equal(find_debug(name, "", in_folder(name), &debug), -ENOENT);
}

static void assert_debug(const char *name, const char *root, const char *path)
{
	struct elf_file debug = { 0 };
	CLEANUP(close) int fd = find_debug(name, root, path, &debug);

	assert_true(fd >= 0);
	assert_true(debug.symtab.offset);
}

static void the_link_leads_to_the_debug_file(void **state)
{
	NEEDS_TOOLS();
	assert_debug("thin", "", in_folder("thin"));
	assert_debug("bare", "", in_folder("bare"));
}

static void it_may_lie_in_the_folder_debug(void **state)
{
	NEEDS_TOOLS();
	assert_true(runs("cd '%s' && mkdir .debug && mv bare.debug .debug", in_folder("")));
	assert_debug("bare", "", in_folder("bare"));
	assert_true(runs("cd '%s' && mv .debug/bare.debug . && rmdir .debug", in_folder("")));
}

static void it_may_lie_in_another_root_by_link_or_by_build_id(void **state)
{
	char root[256], path[128] = "/usr/lib/debug/.build-id/";
	unsigned int id_bytes;
	u8 id[BUILD_ID_ROOM];
	struct elf_file elf;

	NEEDS_TOOLS();
	snprintf(root, sizeof(root), "%s", in_folder("root"));
	close(open_elf(&elf, "thin", id, &id_bytes));
	assert_int_equal(id_bytes, 20);
	assert_true(runs("mkdir -p '%s/usr/lib/debug/app' '%s%s%02x'", root, root, path, id[0]));
	assert_true(runs("cp '%s' '%s/usr/lib/debug/app/'", in_folder("bare.debug"), root));
	assert_debug("bare", root, "/app/bare");
	for (unsigned int i = 0; i < id_bytes; i++)
		sprintf(path + strlen(path), i == 1 ? "/%02x" : "%02x", id[i]);
	assert_true(runs("cp '%s' '%s/real' && ln -s /real '%s%s.debug'", in_folder("thin.debug"),
			 root, root, path));
	assert_debug("thin", root, "/app/thin");
}

static void another_builds_debug_file_is_refused(void **state)
{
	NEEDS_TOOLS();
	/* The checksum is right for neither. */
	assert_true(
		runs("cd '%s' && cp thin.debug keep && cp bare.debug thin.debug", in_folder("")));
	assert_no_debug("thin");
	assert_true(runs("cd '%s' && cp keep thin.debug && echo >> thin.debug", in_folder("")));
	assert_no_debug("thin");
	assert_true(runs("cd '%s' && mv keep thin.debug", in_folder("")));
	assert_debug("thin", "", in_folder("thin"));
	assert_true(runs("cd '%s' && cp bare.debug keep && printf x | "
			 "dd of=bare.debug bs=1 seek=100 conv=notrunc 2>/dev/null",
			 in_folder("")));
	assert_no_debug("bare");
	assert_true(runs("cd '%s' && mv keep bare.debug", in_folder("")));
}

/* A mapping as if @name of the folder were mapped at BASE; its symbols beyond */
static void map_file(struct symbols *symbols, u64 process, const char *name, u64 *gamma, u64 *lock)
{
	CLEANUP(close) int fd = -1;
	struct symbols_mapping mapping = { .process = process, .pid = 0x7fffffff };
	const struct elf_segment *code;
	struct index index;
	struct elf_file elf, whole;
	unsigned int id_bytes;
	u8 id[BUILD_ID_ROOM];
	char raw[ELF_NAME_MAX];
	struct stat st;

	fd = open_elf(&whole, "whole", id, &id_bytes);
	assert_int_equal(elf_file_index(&index, fd, &whole.symtab, fd, &whole.dynsym, true, 100000),
			 0);
	for (u32 i = 0; i < index.count; i++) {
		if (index.entries[i].key & INDEX_DYN)
			continue;
		elf_file_name(raw, fd, &whole.symtab, index.entries[i].name);
		if (!strcmp(raw, "_ZN4beta5gammaEi"))
			*gamma = BASE + index_address(&index.entries[i]);
		if (!strcmp(raw, "queue_lock"))
			*lock = BASE + index_address(&index.entries[i]);
	}
	index_free(&index);
	close(take_fd(&fd));
	fd = open_elf(&elf, name, id, &id_bytes);
	for (code = elf.segments; !code->executable; code++)
		;
	assert_int_equal(fstat(fd, &st), 0);
	mapping.address = BASE + (code->address & ~4095ULL);
	mapping.bytes = 4096;
	mapping.offset = code->offset & ~4095ULL;
	mapping.inode = st.st_ino;
	mapping.device = (u32)(major(st.st_dev) << 20 | minor(st.st_dev));
	mapping.build_id_bytes = (u8)id_bytes;
	memcpy(mapping.build_id, id, id_bytes);
	mapping.path = in_folder(name);
	assert_int_equal(symbols_add_mapping(symbols, &mapping), 0);
}

static void assert_resolves(struct symbols *symbols, u64 process, u64 gamma, u64 lock)
{
	struct symbols_frame frame;

	assert_true(symbols_code(symbols, &frame, process, gamma + 1));
	assert_string_equal(frame.name, "beta::gamma");
	assert_int_equal(frame.name_offset, 1);
	assert_int_equal(frame.offset, gamma + 1 - BASE);
	assert_true(symbols_data(symbols, &frame, process, lock + 8));
	assert_string_equal(frame.name, "queue_lock");
	assert_int_equal(frame.name_offset, 8);
}

static void a_process_that_is_gone_has_names_from_its_files(void **state)
{
	static const char *const names[] = { "whole", "thin" };
	const struct symbols_options here = { .here = true };
	CLEANUP(symbols_free) struct symbols *symbols = NULL;
	u64 gamma = 0, lock = 0;

	NEEDS_TOOLS();
	assert_int_equal(symbols_new(&symbols, &here, NULL), 0);
	for (u64 i = 0; i < ARRAY_SIZE(names); i++) {
		map_file(symbols, i, names[i], &gamma, &lock);
		assert_resolves(symbols, i, gamma, lock);
	}
}

static void lines_come_from_the_debug_file(void **state)
{
	const struct symbols_options options = { .here = true, .lines = true };
	CLEANUP(symbols_free) struct symbols *symbols = NULL;
	struct symbols_frame frame;
	u64 gamma = 0, lock = 0;

	NEEDS_TOOLS();
	assert_int_equal(symbols_new(&symbols, &options, NULL), 0);
	map_file(symbols, 1, "thin", &gamma, &lock);
	assert_true(symbols_code(symbols, &frame, 1, gamma));
	assert_non_null(frame.file);
	assert_non_null(strstr(frame.file, "a.cpp"));
	assert_in_range(frame.line, 1, 2);
}

static void a_program_that_was_replaced_has_no_names(void **state)
{
	const struct symbols_options here = { .here = true };
	CLEANUP(symbols_free) struct symbols *symbols = NULL;
	struct symbols_frame frame;
	u64 gamma = 0, lock = 0;
	char text[SYMBOLS_TEXT_MAX];

	NEEDS_TOOLS();
	assert_true(runs("cd '%s' && cp whole app", in_folder("")));
	assert_int_equal(symbols_new(&symbols, &here, NULL), 0);
	map_file(symbols, 1, "app", &gamma, &lock);
	assert_true(runs("cd '%s' && cp whole-bare app", in_folder("")));
	assert_false(symbols_code(symbols, &frame, 1, gamma));
	assert_memory_equal(symbols_text(text, &frame), "app+0x", 6);
	assert_int_equal(text[strlen(text) - 1], ']');
	assert_false(symbols_data(symbols, &frame, 1, lock));
}

/* A program of this build cut at any byte, with its build id still in place or not */
static void a_cut_program_does_no_harm(void **state)
{
	struct stat st;

	NEEDS_TOOLS();
	assert_int_equal(stat(in_folder("thin"), &st), 0);
	for (off_t size = st.st_size; size > 0; size -= 97) {
		CLEANUP(symbols_free) struct symbols *symbols = NULL;
		struct symbols_frame frame;
		u64 gamma = 0, lock = 0;

		assert_int_equal(symbols_new(&symbols, NULL, NULL), 0);
		if (size == st.st_size)
			assert_true(runs("cd '%s' && cp thin cut", in_folder("")));
		map_file(symbols, 1, "thin", &gamma, &lock);
		assert_int_equal(rename(in_folder("thin"), in_folder("kept")), 0);
		assert_int_equal(truncate(in_folder("cut"), size), 0);
		assert_int_equal(rename(in_folder("cut"), in_folder("thin")), 0);
		symbols_code(symbols, &frame, 1, gamma);
		symbols_data(symbols, &frame, 1, lock);
		assert_int_equal(rename(in_folder("thin"), in_folder("cut")), 0);
		assert_int_equal(rename(in_folder("kept"), in_folder("thin")), 0);
	}
}

/* What is mapped is found through the process itself, whatever became of the path. */
static void a_deleted_program_that_runs_has_names(void **state)
{
	const struct symbols_options here = { .here = true };
	CLEANUP(symbols_free) struct symbols *symbols = NULL;
	struct symbols_mapping found = { 0 };
	struct symbols_frame frame;
	u64 main_at;
	pid_t pid;

	if (geteuid())
		skip(); /* /proc/PID/map_files is for root */
	assert_true(runs("cp /proc/%d/exe '%s'", getpid(), in_folder("copy")));
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(in_folder("copy"), "copy", "pause", NULL);
		_exit(1);
	}
	/* Until it has become that program */
	assert_true(runs("for i in $(seq 100); do "
			 "[ \"$(readlink /proc/%d/exe)\" = '%s' ] && exit; sleep 0.05; done; false",
			 pid, in_folder("copy")));
	assert_true(runs("rm '%s'", in_folder("copy")));
	assert_int_equal(symbols_new(&symbols, &here, NULL), 0);
	add_mappings(symbols, 1, (u32)pid, 0, NULL);
	/* The first executable mapping of a program is its own. */
	add_mappings(symbols, 2, (u32)getpid(), (u64)(uintptr_t)assert_debug, &found);
	main_at = (u64)(uintptr_t)assert_debug - found.address;
	{
		char command[128], line[64] = "";
		FILE *maps;

		snprintf(command, sizeof(command), "grep -m1 r-xp /proc/%d/maps", pid);
		maps = popen(command, "r");
		assert_non_null(fgets(line, sizeof(line), maps));
		pclose(maps);
		main_at += strtoull(line, NULL, 16);
	}
	assert_true(symbols_code(symbols, &frame, 1, main_at));
	assert_string_equal(frame.name, "assert_debug");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_link_leads_to_the_debug_file),
		cmocka_unit_test(it_may_lie_in_the_folder_debug),
		cmocka_unit_test(it_may_lie_in_another_root_by_link_or_by_build_id),
		cmocka_unit_test(another_builds_debug_file_is_refused),
		cmocka_unit_test(a_process_that_is_gone_has_names_from_its_files),
		cmocka_unit_test(lines_come_from_the_debug_file),
		cmocka_unit_test(a_program_that_was_replaced_has_no_names),
		cmocka_unit_test(a_cut_program_does_no_harm),
		cmocka_unit_test(a_deleted_program_that_runs_has_names),
	};

	if (argc > 1 && !strcmp(argv[1], "pause"))
		return pause();
	return cmocka_run_group_tests(tests, build, remove_built);
}
