/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * event - the contract between kernel side and user side: every event as it lies in the ring
 *
 * A record is one 64-bit head word, then the struct of its kind, in 8-byte units:
 *
 *	bits 63..16	time: CLOCK_MONOTONIC in ns, its low 48 bits (wraps after 78 h;
 *			the reader knows the rest, see event_time())
 *	bits 15..8	enum event_kind
 *	bits 7..0	size of the whole record in 8-byte units, head word included; never 0
 *
 * The head word is written last: 0 means "reserved, not yet committed". A record may be
 * shorter than its struct: what is missing at the end reads as zero. So a struct grows only
 * at its end, and a program leaves out the tail that it has nothing to say in.
 *
 * These structs are the ring's, not the file's: user/trace/FORMAT.md tells how an event
 * lies in a trace. The numbers of the enums are the same in both and are never reused.
 */
#ifndef TRACER_BPF_EVENT_H
#define TRACER_BPF_EVENT_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define EVENT_TIME_BITS	 48
#define EVENT_TIME_SHIFT 16
#define EVENT_KIND_SHIFT 8
#define EVENT_SIZE_UNIT	 8
#define EVENT_SIZE_MAX	 2040	/* bytes of the longest record: what its size can tell */

#define EVENT_COMM_BYTES 16
#define EVENT_PATH_BYTES 256

enum event_kind {		/* on disk: append only, never renumber */
	EVENT_NONE	 = 0,
	EVENT_SWITCH	 = 1,	/* a CPU left one thread for another */
	EVENT_WAKING	 = 2,	/* a thread was made runnable, by whom */
	EVENT_WAKEUP	 = 3,	/* ... and reached the queue of a CPU */
	EVENT_WAKEUP_NEW = 4,	/* a new thread was made runnable for the first time */
	EVENT_THREAD	 = 5,	/* a thread that was there before the recording */
	EVENT_FORK	 = 6,	/* a thread began another one */
	EVENT_EXEC	 = 7,	/* a process became another program */
	EVENT_EXIT	 = 8,	/* a thread ends */
	EVENT_NAME	 = 9,	/* a thread's name: changed, or of a thread outside the target */
	EVENT_SYSCALL	 = 10,	/* a system call ended */
	EVENT_FUTEX	 = 11,	/* a futex call ended */
	EVENT_OBJECT	 = 12,	/* what a file descriptor refers to, once per object */
	EVENT_MAPPING	 = 13,	/* a process mapped code */
	EVENT_LOSS	 = 14,	/* events that found no room; made by the recorder */
	EVENT_STACK	 = 15,	/* the frames of a stack, once per stack */
	EVENT_WAIT_STACK = 16,	/* where a thread waited, and who held what it waited for */
	EVENT_SAMPLE	 = 17,	/* where a thread ran when the clock of its CPU ticked */
	EVENT_SYMBOL	 = 18,	/* the name of a frame; made by the recorder */
	EVENT_TASK_BEGIN = 19,	/* from here on: what a program announced itself */
	EVENT_TASK_END	 = 20,
	EVENT_TASK_ENTER = 21,	/* the thread works for a task from now on */
	EVENT_TASK_LEAVE = 22,	/* ... and no longer */
	EVENT_REGION_BEGIN = 23,	/* a step inside one thread; regions nest */
	EVENT_REGION_END = 24,
	EVENT_LOG	 = 25,
	EVENT_COUNTER	 = 26,	/* a number by name, as it is now */
	EVENT_LINK	 = 27,	/* a task's id in other people's traces: W3C traceparent */
	EVENT_SNAPSHOT	 = 28,	/* the program asks a flight recorder for a snapshot */
	EVENT_KIND_COUNT,

	/* In the ring only: events that are said in fewer bytes */
	EVENT_SYSCALL_BRIEF = 128,
	EVENT_FUTEX_BRIEF   = 129,
	EVENT_STACK_MEMORY  = 130,	/* more words of the EVENT_STACK that comes next */
};

/* What is asked for with -e, and what losses are counted by. */
enum event_class {		/* on disk: append only, never renumber */
	CLASS_SCHED   = 0,	/* SWITCH, WAKING, WAKEUP, WAKEUP_NEW */
	CLASS_PROCESS = 1,	/* THREAD, FORK, EXEC, EXIT, NAME, MAPPING */
	CLASS_SYSCALL = 2,
	CLASS_FUTEX   = 3,
	CLASS_OBJECT  = 4,
	CLASS_STACK   = 5,	/* STACK, WAIT_STACK, SYMBOL */
	CLASS_SAMPLE  = 6,
	CLASS_ANNOTATION = 7,	/* TASK_BEGIN ... SNAPSHOT */
	CLASS_COUNT,
};

/* Why a thread left its CPU. 0 is also what a switch says of a thread outside the target. */
enum leave_state {		/* on disk: append only, never renumber */
	LEAVE_PREEMPTED = 0,	/* runnable, another one took the CPU */
	LEAVE_YIELDED	= 1,	/* runnable, gave the CPU up by itself */
	LEAVE_SLEEPING	= 2,	/* blocked, a signal can end it (S) */
	LEAVE_DISK	= 3,	/* blocked, uninterruptible (D) */
	LEAVE_STOPPED	= 4,	/* by job control or a debugger (T, t) */
	LEAVE_DEAD	= 5,	/* never comes back (X, Z) */
	LEAVE_IDLE	= 6,	/* a kernel thread with nothing to do (I) */
	LEAVE_PARKED	= 7,	/* a parked kernel thread (P), or a state we do not know */
	LEAVE_RUNNING	= 8,	/* EVENT_THREAD only: it was on a CPU */
	LEAVE_STATE_COUNT,
};

/* Why a thread is blocked: a partition of its blocked time. */
enum wait_kind {		/* on disk: append only, never renumber */
	WAIT_OTHER   = 0,
	WAIT_NETWORK = 1,	/* a socket */
	WAIT_SYNC    = 2,	/* a futex, a semaphore, an eventfd */
	WAIT_DISK    = 3,	/* a file, a directory, a block device, or I/O inside any call */
	WAIT_PIPE    = 4,	/* a pipe, a FIFO, a message queue, a terminal's other end */
	WAIT_POLL    = 5,	/* any of several: epoll_wait, poll, select, io_uring_enter */
	WAIT_SLEEP   = 6,	/* only time: nanosleep, poll of nothing, a timerfd */
	WAIT_FAULT   = 7,	/* outside any system call: a page fault */
	WAIT_CHILD   = 8,	/* another process: wait4, waitid, vfork */
	WAIT_KIND_COUNT,
};

/* What a file descriptor refers to. */
enum object_type {		/* on disk: append only, never renumber */
	OBJECT_NONE	 = 0,
	OBJECT_SOCKET	 = 1,
	OBJECT_PIPE	 = 2,
	OBJECT_FILE	 = 3,	/* regular */
	OBJECT_DIRECTORY = 4,
	OBJECT_BLOCK	 = 5,
	OBJECT_CHAR	 = 6,
	OBJECT_TTY	 = 7,
	OBJECT_EPOLL	 = 8,
	OBJECT_EVENTFD	 = 9,
	OBJECT_TIMERFD	 = 10,
	OBJECT_SIGNALFD	 = 11,
	OBJECT_INOTIFY	 = 12,
	OBJECT_PIDFD	 = 13,
	OBJECT_IO_URING	 = 14,
	OBJECT_MQUEUE	 = 15,
	OBJECT_ANON	 = 16,	/* another anonymous inode */
	OBJECT_BAD_FD	 = 17,	/* the number was not open */
	OBJECT_TYPE_COUNT,
};

/* Futex operations: the kernel's own numbers (FUTEX_WAIT = 0 ...), and the newer calls. */
enum futex_op {			/* on disk: append only, never renumber */
	FUTEX_OP_WAIT		 = 0,
	FUTEX_OP_WAKE		 = 1,
	FUTEX_OP_FD		 = 2,
	FUTEX_OP_REQUEUE	 = 3,
	FUTEX_OP_CMP_REQUEUE	 = 4,
	FUTEX_OP_WAKE_OP	 = 5,
	FUTEX_OP_LOCK_PI	 = 6,
	FUTEX_OP_UNLOCK_PI	 = 7,
	FUTEX_OP_TRYLOCK_PI	 = 8,
	FUTEX_OP_WAIT_BITSET	 = 9,
	FUTEX_OP_WAKE_BITSET	 = 10,
	FUTEX_OP_WAIT_REQUEUE_PI = 11,
	FUTEX_OP_CMP_REQUEUE_PI	 = 12,
	FUTEX_OP_LOCK_PI2	 = 13,
	FUTEX_OP_WAITV		 = 32,	/* futex_waitv(): the address is the first one's */
	FUTEX_OP_WAKE2		 = 33,	/* futex_wake() */
	FUTEX_OP_WAIT2		 = 34,	/* futex_wait() */
	FUTEX_OP_REQUEUE2	 = 35,	/* futex_requeue() */
};

/* System call numbers are those of the machine; these bits come on top. */
#define SYSCALL_NONE   0xffff	/* not inside a system call */
#define SYSCALL_COMPAT 0x8000	/* of the 32-bit table of a 64-bit kernel */

/* A waker is a tid with the context it woke from on top. */
#define WAKER_TID(waker)     ((waker) & 0x0fffffff)
#define WAKER_CONTEXT(waker) ((waker) >> 28)

enum waker_context {		/* on disk: append only, never renumber */
	WAKER_THREAD  = 0,	/* the thread itself */
	WAKER_SOFTIRQ = 1,	/* a softirq that ran on top of the thread */
	WAKER_HARDIRQ = 2,	/* an interrupt that hit the thread; not its doing */
	WAKER_NMI     = 3,
	WAKER_UNKNOWN = 4,	/* this kernel does not tell the context apart */
};

struct event_switch {
	__u32 prev_tid;
	__u32 next_tid;		/* 0: the CPU goes idle */
	/* from here on only when a thread of the target left and was not preempted */
	__u8  prev_state;	/* enum leave_state */
	__u8  wait_kind;	/* enum wait_kind, when blocked */
	__u16 syscall;		/* that it is blocked in; SYSCALL_NONE */
	__u32 object;		/* what the descriptor refers to (EVENT_OBJECT), 0: none;
				 * in a futex call: the value (expected, or of FUTEX_WAIT*) */
	__u64 address;		/* the futex word, in a futex call */
	__u32 futex_op;		/* enum futex_op; left out when it is FUTEX_OP_WAIT */
	__u32 spare;
};

struct event_waking {		/* WAKING, WAKEUP, WAKEUP_NEW */
	__u32 tid;		/* who was woken */
	__u32 waker;		/* WAKER_TID(), WAKER_CONTEXT(); 0 for WAKEUP */
};

#define THREAD_KERNEL  1	/* a kernel thread */
#define THREAD_FOREIGN 2	/* outside the target: known only because it woke or ran instead */
#define THREAD_COMPAT  4	/* a 32-bit process of a 64-bit kernel */

struct event_thread {
	__u32 tid;
	__u32 tgid;
	__u32 ns_tid;		/* as the thread itself sees it, in its own PID namespace */
	__u32 ns_tgid;
	__u32 parent_tgid;
	__u32 flags;		/* THREAD_* */
	__u8  state;		/* enum leave_state: what it was doing at the event's time */
	__u8  wait_kind;
	__u16 syscall;
	__u32 object;		/* as in event_switch */
	__u64 address;
	__u32 futex_op;
	__s32 priority;		/* the kernel's: 100 + 20 + nice; below 100 is real time */
	__u64 start_ns;		/* when it began, CLOCK_MONOTONIC */
	char  comm[EVENT_COMM_BYTES];
	__u64 since_ns;		/* when that state began; 0: not known */
};

struct event_fork {
	__u32 tid;		/* the new one */
	__u32 tgid;		/* equal to the parent's for a thread */
	__u32 ns_tid;
	__u32 ns_tgid;
	__u32 parent_tid;
	__u32 parent_tgid;
	__u32 flags;		/* THREAD_* */
	__s32 priority;
	char  comm[EVENT_COMM_BYTES];
};

struct event_exec {
	__u32 tid;		/* from now on; the process's */
	__u32 old_tid;		/* of the thread that called exec */
	char  path[EVENT_PATH_BYTES];	/* what was run; cut at a 0 byte or at the record's end */
};

struct event_exit {
	__u32 tid;
	__u32 tgid;
	__u32 exit_code;	/* as wait4() tells it */
	__u32 last;		/* 1: the last thread of its process */
};

struct event_name {
	__u32 tid;
	__u32 tgid;
	__u32 flags;		/* THREAD_* */
	__u32 spare;
	char  comm[EVENT_COMM_BYTES];
};

#define SYSCALL_BLOCKED	  1	/* the thread blocked at least once on the way */
#define SYSCALL_UNENTERED 2	/* the entry was before the recording; duration is not known */
#define SYSCALL_WIDE	  4	/* duration or result need more than 32 bits: the words behind */
#define SYSCALL_ARGS	  8	/* args[] is there */

struct event_syscall {
	__u32 tid;
	__u16 syscall;		/* number, SYSCALL_COMPAT */
	__u16 flags;		/* SYSCALL_* */
	__u32 duration_ns;	/* low 32 bits */
	__s32 result;		/* low 32 bits; negative errno on failure */
	__u32 duration_high;	/* only with SYSCALL_WIDE, or when args follow */
	__s32 result_high;
	__u64 args[6];
};

#define FUTEX_BLOCKED	1	/* as SYSCALL_* */
#define FUTEX_UNENTERED 2
#define FUTEX_WIDE	4	/* value or duration need more: the words behind the address */
#define FUTEX_COMPAT	16	/* from the 32-bit table */

struct event_futex {
	__u32 tid;
	__u8  op;		/* enum futex_op */
	__u8  flags;		/* FUTEX_* */
	__u16 value;		/* low 16 bits: expected by a wait; how many, for a wake */
	__u32 duration_ns;	/* low 32 bits */
	__s32 result;
	/* left out when the thread blocked and its switch said the same */
	__u64 address;
	__u32 value_high;	/* bits 16.. of the value; only with FUTEX_WIDE */
	__u32 duration_high;
	__u64 address2;		/* of REQUEUE and WAKE_OP */
};

/*
 * Most calls are short and say little: these two hold the same as the structs above, with no
 * flags but SYSCALL_BLOCKED. What does not fit is said by the others.
 */
struct event_syscall_brief {
	__u64 tid:22, syscall:9, blocked:1, duration_ns:18, result:14;	/* + SYSCALL_BRIEF_BIAS */
};

struct event_futex_brief {
	__u32 tid;
	__u32 duration_ns;
	__u64 address:48, op:4, value:6, result:6;	/* + FUTEX_BRIEF_BIAS */
};

#define SYSCALL_BRIEF_BIAS 1024
#define FUTEX_BRIEF_BIAS   16	/* EAGAIN and EINTR fit */
#define FUTEX_BRIEF_ALL	   63	/* as a value: INT_MAX, which wakes all */

struct event_object {
	__u32 id;		/* never 0; an id keeps its meaning for the whole recording */
	__u8  type;		/* enum object_type */
	__u8  spare;
	__u16 family;		/* of a socket: AF_* */
	__u16 protocol;		/* of a socket: IPPROTO_* */
	__u16 local_port;	/* host byte order */
	__u16 remote_port;
	__u16 spare2;
	__u32 device;		/* of the file system: major << 20 | minor */
	__u32 spare3;
	__u64 inode;
	__u8  local_address[16];	/* IPv4: the first four bytes */
	__u8  remote_address[16];
};

struct event_mapping {
	__u32 tgid;
	__u32 spare;
	__u64 address;
	__u64 bytes;
};

#define STACK_FRAMES_MAX 127
#define STACK_WORDS_MAX	 96

/* Why a stack has no more frames. */
enum stack_end {		/* on disk: append only, never renumber */
	STACK_END_ROOT	  = 0,	/* the chain of frames ends as it should */
	STACK_END_DEPTH	  = 1,	/* more than STACK_FRAMES_MAX */
	STACK_END_MEMORY  = 2,	/* the next frame lies in memory that cannot be read */
	STACK_END_CHAIN	  = 3,	/* the next frame is not above the last one, or no code's */
	STACK_END_COUNT,
};

#define STACK_KERNEL 1		/* kernel addresses */
#define STACK_UNSURE 2		/* a frame was walked without knowing how its function keeps it */

/*
 * The innermost frame first: the instruction pointer, then return addresses. An id keeps its
 * meaning for the whole recording; the same stack may be told under several ids.
 */
struct event_stack {
	__u32 id;		/* never 0 */
	__u32 tgid;		/* whose addresses; 0: the kernel's */
	__u8  flags;		/* STACK_* */
	__u8  end;		/* enum stack_end */
	__u8  frames;		/* how many follow */
	__u8  words;		/* how many words of the stack's memory follow those, from sp on */
	__u32 image;		/* how often the process has exec'd before, while recorded */
	__u64 sp;		/* registers at the innermost frame, with words */
	__u64 bp;
	__u64 data[];		/* frames, then words */
};

/*
 * In the ring only, before the EVENT_STACK with that id: what lies behind the words that fit into
 * it. Functions without frame pointers, and with large frames, need it until they are known.
 */
struct event_stack_memory {
	__u32 id;		/* 0: could not be read */
	__u32 spare;
	__u64 address;		/* where the words lie: right behind the last ones */
	__u64 data[];
};

#define STACK_MEMORY_RECORDS 4
#define STACK_MEMORY_WORDS   240	/* in each */

/* To which wait an EVENT_WAIT_STACK belongs. */
enum stack_moment {		/* on disk: append only, never renumber */
	STACK_AT_CALL_END = 0,	/* all waits of the thread since enter_ns: its call ends with the
				 * next event of this time; the kernel stack is of the last long one */
	STACK_AT_LEAVE	  = 1,	/* the thread's next switch-out: of this very time or just before */
	STACK_AT_ENTER	  = 2,	/* outside calls: the wait (or with -e preempt-stacks the time without
				 * a CPU) that ends with the thread's switch-in, of this very time,
				 * told just behind this */
	STACK_AT_WAKING	  = 3,	/* the stacks are the waker's; the wait that its waking ends, of this
				 * very time, told just behind this */
	STACK_AT_END	  = 4,	/* the thread still waits; the recording or snapshot ends */
	STACK_MOMENT_COUNT,
};

/*
 * Stacks: 0 is none. The lock is told of futex waits: the word at the futex's address when the
 * wait began and what lies behind it, as a mutex of glibc has it. Whether it is one is for the
 * reader to judge.
 */
struct event_wait_stack {
	__u32 tid;
	__u32 moment;		/* enum stack_moment */
	__u32 user_stack;
	__u32 kernel_stack;
	__u64 enter_ns;		/* STACK_AT_CALL_END: when the call began; 0: not known */
	__u32 lock_word;	/* glibc: 0 free, 1 held, 2 held with waiters; PI: FUTEX_TID_MASK */
	__u32 lock_owner;	/* glibc: tid as its own PID namespace numbers it */
	__u32 lock_kind;	/* glibc: PTHREAD_MUTEX_*, 16: robust, 32: PI, ... */
	__u32 lock_users;
};

struct event_sample {
	__u32 tid;
	__u32 user_stack;
	__u32 kernel_stack;	/* 0: it ran in user mode */
	__u32 spare;
};

#define ANNOTATION_CUT_NAME  1	/* longer than ANNOTATION_NAME_MAX: the rest is missing */
#define ANNOTATION_CUT_TEXT  2	/* longer than ANNOTATION_TEXT_MAX */
#define ANNOTATION_BAD_NAME  4	/* lies in memory that cannot be read: it is "" */
#define ANNOTATION_BAD_TEXT  8
#define ANNOTATION_NOT_UTF8  16	/* what was none in name or text is U+FFFD; set by the recorder */
#define ANNOTATION_PROBED    32	/* the user's probe made it, not the program's own word */
#define ANNOTATION_REAL	     64	/* COUNTER: the value is a double, else a signed number */

#define ANNOTATION_NAME_MAX  127	/* bytes of a name or category, without the 0 at its end */
#define ANNOTATION_TEXT_MAX  1023	/* ... of a log's text, a traceparent, a reason */

/* A task by its process and this number. */
#define TASK_NONE    0
#define TASK_EARLIER 1		/* one that was begun while nobody recorded: any of them */

/* All kinds from TASK_BEGIN on. */
struct event_annotation {
	__u32 tid;
	__u16 flags;		/* ANNOTATION_* */
	__u16 probe;		/* of the user's probes, counted from 1; 0: the program's own word */
	__u64 task;		/* TASK_*, LOG, LINK */
	__u64 value;		/* TASK_BEGIN: the parent; COUNTER */
	__u16 name_bytes;	/* in data, without a 0 */
	__u16 text_bytes;	/* behind them */
	__u32 spare;
	char data[];		/* name (of a log: its category), then text; any bytes */
};

_Static_assert(sizeof(struct event_annotation) + ANNOTATION_NAME_MAX + ANNOTATION_TEXT_MAX + 8 <=
		       EVENT_SIZE_MAX, "the longest annotation fits into a record");
_Static_assert(sizeof(struct event_annotation) == 32, "in 8-byte units");
_Static_assert(sizeof(struct event_stack) + 8 * (STACK_FRAMES_MAX + STACK_WORDS_MAX) + 8 <=
		       EVENT_SIZE_MAX, "the longest stack fits into a record");
_Static_assert(sizeof(struct event_stack_memory) + 8 * STACK_MEMORY_WORDS + 8 <= EVENT_SIZE_MAX,
	       "memory of a stack fits into a record");
_Static_assert(sizeof(struct event_stack) % 8 == 0, "in 8-byte units");
_Static_assert(sizeof(struct event_wait_stack) % 8 == 0, "in 8-byte units");
_Static_assert(sizeof(struct event_sample) % 8 == 0, "in 8-byte units");
_Static_assert(sizeof(struct event_switch) == 32, "in 8-byte units");
_Static_assert(sizeof(struct event_waking) == 8, "in 8-byte units");
_Static_assert(sizeof(struct event_thread) % 8 == 0, "in 8-byte units");
_Static_assert(sizeof(struct event_fork) % 8 == 0, "in 8-byte units");
_Static_assert(sizeof(struct event_exec) % 8 == 0, "in 8-byte units");
_Static_assert(sizeof(struct event_exit) % 8 == 0, "in 8-byte units");
_Static_assert(sizeof(struct event_name) % 8 == 0, "in 8-byte units");
_Static_assert(sizeof(struct event_syscall) % 8 == 0, "in 8-byte units");
_Static_assert(sizeof(struct event_futex) % 8 == 0, "in 8-byte units");
_Static_assert(sizeof(struct event_syscall_brief) == 8, "in 8-byte units");
_Static_assert(sizeof(struct event_futex_brief) == 16, "in 8-byte units");
_Static_assert(sizeof(struct event_object) % 8 == 0, "in 8-byte units");
_Static_assert(sizeof(struct event_mapping) % 8 == 0, "in 8-byte units");

#endif
