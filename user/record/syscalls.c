// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* syscalls - the names of this machine's system calls, and what each of them waits for */
#include "user/record/syscalls.h"

#include <asm/unistd.h>
#include <string.h>

#include "bpf/event.h"

struct named {
	u16 number;
	const char *name;
};

#define SYSCALL(number, name) { number, name },

static const struct named native_calls[] = {
#include "gen/syscall_names.h"
};

static const struct named compat_calls[] = {
#include "gen/compat_names.h"
	{ 0, NULL },
};

/* From 424 on all architectures number alike; the headers of older distributions end early. */
static const struct named newer_calls[] = {
	{ 424, "pidfd_send_signal" },
	{ 425, "io_uring_setup" },
	{ 426, "io_uring_enter" },
	{ 427, "io_uring_register" },
	{ 428, "open_tree" },
	{ 429, "move_mount" },
	{ 430, "fsopen" },
	{ 431, "fsconfig" },
	{ 432, "fsmount" },
	{ 433, "fspick" },
	{ 434, "pidfd_open" },
	{ 435, "clone3" },
	{ 436, "close_range" },
	{ 437, "openat2" },
	{ 438, "pidfd_getfd" },
	{ 439, "faccessat2" },
	{ 440, "process_madvise" },
	{ 441, "epoll_pwait2" },
	{ 442, "mount_setattr" },
	{ 443, "quotactl_fd" },
	{ 444, "landlock_create_ruleset" },
	{ 445, "landlock_add_rule" },
	{ 446, "landlock_restrict_self" },
	{ 447, "memfd_secret" },
	{ 448, "process_mrelease" },
	{ 449, "futex_waitv" },
	{ 450, "set_mempolicy_home_node" },
	{ 451, "cachestat" },
	{ 452, "fchmodat2" },
	{ 453, "map_shadow_stack" },
	{ 454, "futex_wake" },
	{ 455, "futex_wait" },
	{ 456, "futex_requeue" },
	{ 457, "statmount" },
	{ 458, "listmount" },
	{ 459, "lsm_get_self_attr" },
	{ 460, "lsm_set_self_attr" },
	{ 461, "lsm_list_modules" },
	{ 462, "mseal" },
	{ 463, "setxattrat" },
	{ 464, "getxattrat" },
	{ 465, "listxattrat" },
	{ 466, "removexattrat" },
	{ 467, "open_tree_attr" },
	{ 468, "file_getattr" },
	{ 469, "file_setattr" },
	{ 470, "listns" },
};

static const struct {
	enum syscall_subject subject;
	const char *names; /* between spaces */
} subjects[] = {
	{ SUBJECT_FD,
	  " read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 recvfrom recvmsg"
	  " recvmmsg recv sendto sendmsg sendmmsg send accept accept4 connect shutdown close fsync"
	  " fdatasync sync_file_range syncfs ftruncate ftruncate64 fallocate getdents getdents64 ioctl"
	  " flock fcntl fcntl64 fadvise64 readahead epoll_wait epoll_pwait epoll_pwait2 fstat"
	  " mq_timedsend mq_timedreceive mq_timedsend_time64 mq_timedreceive_time64 vmsplice tee"
	  " recvmmsg_time64 fstatfs fchmod fchown fsetxattr fgetxattr lseek _llseek fstatfs64"
	  " io_uring_enter fsmount " },
	{ SUBJECT_FD_PAIR_1, " sendfile sendfile64 " },
	{ SUBJECT_FD_PAIR_2, " splice copy_file_range " },
	{ SUBJECT_FILE,
	  " open openat openat2 creat stat lstat newfstatat statx access faccessat faccessat2 unlink"
	  " unlinkat rename renameat renameat2 mkdir mkdirat rmdir link linkat symlink symlinkat"
	  " readlink readlinkat truncate truncate64 chmod fchmodat fchmodat2 chown lchown fchownat"
	  " utime utimes utimensat sync msync mknod mknodat statfs statfs64 chdir getcwd"
	  " setxattr getxattr listxattr removexattr lsetxattr lgetxattr execve execveat swapon swapoff"
	  " mount umount2 quotactl io_getevents io_pgetevents io_submit stat64 lstat64 fstatat64 "
	  " io_pgetevents_time64 inotify_add_watch fanotify_mark pivot_root chroot uselib " },
	{ SUBJECT_FUTEX, " futex futex_time64 " },
	{ SUBJECT_FUTEX_WAITV, " futex_waitv " },
	{ SUBJECT_FUTEX_WAKE, " futex_wake " },
	{ SUBJECT_FUTEX_WAIT, " futex_wait " },
	{ SUBJECT_FUTEX_REQUEUE, " futex_requeue " },
	{ SUBJECT_SYNC, " semop semtimedop semtimedop_time64 membarrier ipc " },
	{ SUBJECT_MESSAGE, " msgsnd msgrcv " },
	{ SUBJECT_POLL_1, " poll ppoll ppoll_time64 " },
	{ SUBJECT_POLL_0, " select pselect6 _newselect pselect6_time64 " },
	{ SUBJECT_SLEEP,
	  " nanosleep clock_nanosleep clock_nanosleep_time64 pause rt_sigtimedwait rt_sigsuspend"
	  " rt_sigtimedwait_time64 sigsuspend " },
	{ SUBJECT_CHILD, " wait4 waitid waitpid " },
	{ SUBJECT_FORK, " vfork clone clone3 fork " },
	{ SUBJECT_YIELD, " sched_yield " },
	{ SUBJECT_MMAP, " mmap mmap2 mprotect pkey_mprotect " },
	{ SUBJECT_IGNORED, " uretprobe uprobe " },
};

static u8 subject_of(const char *name)
{
	char word[64];

	if (strlen(name) + 3 > sizeof(word))
		return SUBJECT_OTHER;
	word[0] = ' ';
	strcpy(word + 1, name);
	strcat(word, " ");
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
		if (strstr(subjects[i].names, word))
			return (u8)subjects[i].subject;
	return SUBJECT_OTHER;
}

static void fill(u8 table[SYSCALL_TABLE], const struct named *calls, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (calls[i].name && calls[i].number < SYSCALL_TABLE)
			table[calls[i].number] = subject_of(calls[i].name);
}

void syscall_subjects(u8 native[SYSCALL_TABLE], u8 compat[SYSCALL_TABLE])
{
	memset(native, SUBJECT_OTHER, SYSCALL_TABLE);
	memset(compat, SUBJECT_OTHER, SYSCALL_TABLE);
	fill(native, newer_calls, ARRAY_SIZE(newer_calls));
	fill(compat, newer_calls, ARRAY_SIZE(newer_calls));
	fill(native, native_calls, ARRAY_SIZE(native_calls));
	fill(compat, compat_calls, ARRAY_SIZE(compat_calls));
#if defined(__x86_64__)
	/* How a uprobe enters the kernel from 6.11 on: none of the program's doing. */
	native[335] = SUBJECT_IGNORED;
	native[336] = SUBJECT_IGNORED;
#endif
}

#define CALLS_MAX \
	(ARRAY_SIZE(native_calls) + ARRAY_SIZE(compat_calls) + 2 * ARRAY_SIZE(newer_calls))

static void append(u16 *numbers, const char **names, size_t *count, const struct named *calls,
		   size_t calls_count, u16 table)
{
	for (size_t i = 0; i < calls_count; i++) {
		bool known = !calls[i].name;

		for (size_t k = 0; k < *count && !known; k++)
			known = numbers[k] == (calls[i].number | table);
		if (known)
			continue;
		numbers[*count] = calls[i].number | table;
		names[(*count)++] = calls[i].name;
	}
}

const struct syscall_names *syscall_names(void)
{
	static u16 numbers[CALLS_MAX];
	static const char *names[CALLS_MAX];
	static struct syscall_names all = { .numbers = numbers, .names = names };
	size_t count = 0;

	if (all.count)
		return &all;
	append(numbers, names, &count, native_calls, ARRAY_SIZE(native_calls), 0);
	append(numbers, names, &count, newer_calls, ARRAY_SIZE(newer_calls), 0);
	if (ARRAY_SIZE(compat_calls) > 1) {
		append(numbers, names, &count, compat_calls, ARRAY_SIZE(compat_calls),
		       SYSCALL_COMPAT);
		append(numbers, names, &count, newer_calls, ARRAY_SIZE(newer_calls),
		       SYSCALL_COMPAT);
	}
	all.count = count;
	return &all;
}
