/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * tracer - tasks, regions, logs and counters of a program, for `tracer` to record
 *
 * Copy this file into your program, or install it (`pkg-config --cflags tracer`). There is no
 * library to link and nothing to initialise; C11 and C++11, gcc or clang, Linux on x86-64 and
 * arm64. Elsewhere, or with TRACER_DISABLED defined, all of it compiles to nothing. You may use
 * this file under the BSD-2-Clause licence alone:
 *
 *	Redistribution and use in source and binary forms, with or without modification, are
 *	permitted provided that the SPDX line above and this text are kept. This software is
 *	provided "as is", without warranty of any kind; in no event shall its authors be liable
 *	for damages that arise from its use.
 *
 *	uint64_t task = tracer_task_begin("checkout");
 *	tracer_task_enter(task);
 *	{
 *		TRACER_REGION("save");
 *		tracer_log(task, "db", "%d rows", rows);
 *	}
 *	tracer_task_leave(task);
 *	tracer_task_end(task);
 *
 * What it costs
 * -------------
 * While nobody records: each function is a load and a branch, at most a nanosecond; the
 * arguments of tracer_log() are not evaluated. While `tracer` records: each is a trap into the
 * kernel, about one microsecond. Names that the compiler knows, up to 32 bytes, come with it in
 * registers; to read others takes a tenth of a microsecond more.
 *
 * What is cut
 * -----------
 * Names and categories to 127 bytes, texts of logs, links and reasons to 1023. They should be
 * UTF-8; what is not becomes U+FFFD. A name in memory that cannot be read is told as such, and
 * does not harm the program: this header reads no name but those that the compiler knows. Names
 * should be few, as those of functions are; what differs each time belongs into a log.
 *
 * What it is
 * ----------
 * Static probes (USDT) of the provider "tracer", which perf, bpftrace, gdb and others see, too.
 * Each is a nop of one byte, and a counter of those who look at it in the section .probes. The
 * same program may hold this header several times (in its libraries, at other versions).
 */
#ifndef TRACER_H
#define TRACER_H

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#if !defined(TRACER_DISABLED) && !(defined(__linux__) && defined(__GNUC__) && \
	((defined(__x86_64__) && defined(__LP64__)) || (defined(__aarch64__) && defined(__LP64__))))
#define TRACER_DISABLED
#endif

#define TRACER_NO_TASK	    0 /* no task; in logs: the one that the thread has entered */
#define TRACER_EARLIER_TASK 1 /* what tracer_task_begin() returns while nobody records */
#define TRACER_TEXT_MAX	    1023

#ifdef __cplusplus
#define TRACER_C_ extern "C"
#else
#define TRACER_C_
#endif

/* clang-format off */
#ifndef TRACER_DISABLED

#if defined(__cplusplus)
extern "C" {
#endif
/* How many look at the probes. Each program and library has its own. */
__attribute__((weak, visibility("hidden"), used, section(".probes")))
volatile unsigned short tracer_annotate_semaphore = 0;
/* Tasks begun so far */
__attribute__((weak, visibility("hidden"), used))
uint64_t tracer_annotate_tasks = 0;
#if defined(__cplusplus)
}
#endif

/* A static function that is called where it is written, and is no warning when it is not */
#define TRACER_COLD_ static __attribute__((noinline, cold, unused))

/*
 * A probe: the nop, and a note that says where it lies, where the counter lies and what lies
 * in which register. Its format is that of systemtap's <sys/sdt.h>, version 3.
 */
#define TRACER_PROBE_(name, args, counter)					\
	"990:	nop\n"								\
	"	.pushsection .note.stapsdt, \"?\", \"note\"\n"			\
	"	.balign 4\n"							\
	"	.4byte 992f - 991f, 994f - 993f, 3\n"				\
	"991:	.asciz \"stapsdt\"\n"						\
	"992:	.balign 4\n"							\
	"993:	.8byte 990b\n"							\
	"	.8byte _.stapsdt.base\n"					\
	"	.8byte " counter "\n"						\
	"	.asciz \"tracer\"\n"						\
	"	.asciz \"" name "\"\n"						\
	"	.asciz \"" args "\"\n"						\
	"994:	.balign 4\n"							\
	"	.popsection\n"							\
	"	.ifndef _.stapsdt.base\n"					\
	"	.pushsection .stapsdt.base, \"aG\", \"progbits\", .stapsdt.base, comdat\n" \
	"	.weak _.stapsdt.base\n"						\
	"	.hidden _.stapsdt.base\n"					\
	"_.stapsdt.base:\n"							\
	"	.space 1\n"							\
	"	.size _.stapsdt.base, 1\n"					\
	"	.popsection\n"							\
	"	.endif\n"

/* What a probe says besides its first three arguments: itself, and its name if that is at hand */
struct tracer_said_ {
	uint64_t what;	/* TRACER_SAYS_, the kind, and the bytes of the name in words */
	uint64_t words[4];
};

#define TRACER_SAYS_	  0x5452414300000000u
#define TRACER_SHORT_	  32 /* bytes: names up to this length need no look into memory */

#if defined(__x86_64__)

#define TRACER_FIRE_(name, a, b, c, said)					\
	do {									\
		register uint64_t tracer_r8_ __asm__("r8") = (said).words[0];	\
		register uint64_t tracer_r9_ __asm__("r9") = (said).words[1];	\
		register uint64_t tracer_r10_ __asm__("r10") = (said).words[2];	\
		register uint64_t tracer_r11_ __asm__("r11") = (said).words[3];	\
										\
		__asm__ volatile(TRACER_PROBE_(name, "8@%%rdi 8@%%rsi 8@%%rdx 8@%%rcx", \
					       "%c[counter]")			\
				 : : "D"((uint64_t)(a)), "S"((uint64_t)(b)), "d"((uint64_t)(c)), \
				   "c"((said).what), "r"(tracer_r8_), "r"(tracer_r9_), \
				   "r"(tracer_r10_), "r"(tracer_r11_),		\
				   [counter] "i"(&tracer_annotate_semaphore)	\
				 : "memory");					\
	} while (0)

#else /* arm64 */

#define TRACER_FIRE_(name, a, b, c, said)					\
	do {									\
		register uint64_t tracer_x0_ __asm__("x0") = (uint64_t)(a);	\
		register uint64_t tracer_x1_ __asm__("x1") = (uint64_t)(b);	\
		register uint64_t tracer_x2_ __asm__("x2") = (uint64_t)(c);	\
		register uint64_t tracer_x3_ __asm__("x3") = (said).what;	\
		register uint64_t tracer_x4_ __asm__("x4") = (said).words[0];	\
		register uint64_t tracer_x5_ __asm__("x5") = (said).words[1];	\
		register uint64_t tracer_x6_ __asm__("x6") = (said).words[2];	\
		register uint64_t tracer_x7_ __asm__("x7") = (said).words[3];	\
										\
		__asm__ volatile(TRACER_PROBE_(name, "8@x0 8@x1 8@x2 8@x3", "%c[counter]") \
				 : : "r"(tracer_x0_), "r"(tracer_x1_), "r"(tracer_x2_), \
				   "r"(tracer_x3_), "r"(tracer_x4_), "r"(tracer_x5_), \
				   "r"(tracer_x6_), "r"(tracer_x7_),		\
				   [counter] "S"(&tracer_annotate_semaphore)	\
				 : "memory");					\
	} while (0)

#endif

/*
 * The length of a name that the compiler knows, which is safe to read; 0: of any other. Then the
 * recorder reads it, which takes longer but cannot fail in this program.
 */
#define TRACER_LENGTH_(name)							\
	((name) && __builtin_constant_p(__builtin_strlen((name) ? (name) : ""))	\
		 ? __builtin_strlen((name) ? (name) : "") : 0)

/* @kind: as the recorder numbers what is announced */
static inline struct tracer_said_ tracer_say_(unsigned int kind, const char *name, size_t length)
{
	struct tracer_said_ said = { TRACER_SAYS_ | kind, { 0, 0, 0, 0 } };

	if (length && length <= TRACER_SHORT_) {
		memcpy(said.words, name, length);
		said.what |= (uint64_t)length << 16;
	}
	return said;
}

/*
 * Each of these is one probe; the compiler makes at most one copy of it per source file. @length:
 * TRACER_LENGTH_ of the name
 */
TRACER_COLD_ void tracer_fire_task_begin_(uint64_t task, uint64_t parent, const char *name,
					  size_t length)
{
	struct tracer_said_ said = tracer_say_(19, name, length);

	TRACER_FIRE_("task_begin", task, parent, (uintptr_t)name, said);
}

TRACER_COLD_ void tracer_fire_task_end_(uint64_t task)
{
	struct tracer_said_ said = tracer_say_(20, NULL, 0);

	TRACER_FIRE_("task_end", task, 0, 0, said);
}

TRACER_COLD_ void tracer_fire_task_enter_(uint64_t task)
{
	struct tracer_said_ said = tracer_say_(21, NULL, 0);

	TRACER_FIRE_("task_enter", task, 0, 0, said);
}

TRACER_COLD_ void tracer_fire_task_leave_(uint64_t task)
{
	struct tracer_said_ said = tracer_say_(22, NULL, 0);

	TRACER_FIRE_("task_leave", task, 0, 0, said);
}

TRACER_COLD_ void tracer_fire_region_begin_(const char *name, size_t length)
{
	struct tracer_said_ said = tracer_say_(23, name, length);

	TRACER_FIRE_("region_begin", (uintptr_t)name, 0, 0, said);
}

TRACER_COLD_ void tracer_fire_region_end_(const char *name, size_t length)
{
	struct tracer_said_ said = tracer_say_(24, name, length);

	TRACER_FIRE_("region_end", (uintptr_t)name, 0, 0, said);
}

TRACER_COLD_ void tracer_fire_log_(uint64_t task, const char *category, const char *text)
{
	struct tracer_said_ said = tracer_say_(25, NULL, 0);

	TRACER_FIRE_("log", task, (uintptr_t)category, (uintptr_t)text, said);
}

TRACER_COLD_ void tracer_fire_counter_(const char *name, int64_t value, size_t length)
{
	struct tracer_said_ said = tracer_say_(26, name, length);

	TRACER_FIRE_("counter", (uintptr_t)name, value, 0, said);
}

TRACER_COLD_ void tracer_fire_counter_real_(const char *name, double value, size_t length)
{
	struct tracer_said_ said = tracer_say_(26 | 0x100, name, length);
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	TRACER_FIRE_("counter_real", (uintptr_t)name, bits, 0, said);
}

TRACER_COLD_ void tracer_fire_link_(uint64_t task, const char *traceparent)
{
	struct tracer_said_ said = tracer_say_(27, NULL, 0);

	TRACER_FIRE_("link", task, (uintptr_t)traceparent, 0, said);
}

TRACER_COLD_ void tracer_fire_snapshot_(const char *reason)
{
	struct tracer_said_ said = tracer_say_(28, NULL, 0);

	TRACER_FIRE_("snapshot", (uintptr_t)reason, 0, 0, said);
}

/*
 * Unique in the process: the upper bits tell apart the programs and libraries that have this
 * header, the lower ones count.
 */
TRACER_COLD_ uint64_t tracer_fire_new_task_(uint64_t parent, const char *name, size_t length)
{
	uint64_t home = (uint64_t)(uintptr_t)&tracer_annotate_tasks * 0x9e3779b97f4a7c15u >> 40;
	uint64_t count = __atomic_fetch_add(&tracer_annotate_tasks, 1, __ATOMIC_RELAXED) + 2;
	uint64_t task = home << 40 | (count & 0xffffffffffu);

	tracer_fire_task_begin_(task, parent, name, length);
	return task;
}

TRACER_COLD_ void tracer_fire_vlog_(uint64_t task, const char *category, const char *format,
				    va_list args)
{
	char text[TRACER_TEXT_MAX + 2]; /* one more than is told, so that a cut shows */
	int error = errno;

	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = 0;
	tracer_fire_log_(task, category, text);
	errno = error;
}

__attribute__((format(printf, 3, 4)))
TRACER_COLD_ void tracer_fire_format_(uint64_t task, const char *category, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tracer_fire_vlog_(task, category, format, args);
	va_end(args);
}

#define TRACER_IF_(call) (tracer_enabled() ? (void)(call) : (void)0)

#else /* TRACER_DISABLED: arguments are still looked at by the compiler */

#define TRACER_IF_(call)			 (void)0
#define tracer_fire_new_task_(parent, name, length) TRACER_EARLIER_TASK

__attribute__((format(printf, 3, 4), unused))
static inline void tracer_fire_format_(uint64_t task, const char *category, const char *format, ...)
{
	(void)task;
	(void)category;
	(void)format;
}

#endif
/* clang-format on */

/**
 * tracer_enabled() - whether somebody records this program
 *
 * For arguments that take long to make. All functions below ask this themselves.
 * Costs a load.
 */
static inline int tracer_enabled(void)
{
#ifdef TRACER_DISABLED
	return 0;
#else
	return __builtin_expect(tracer_annotate_semaphore != 0, 0);
#endif
}

/**
 * tracer_task_begin() - a unit of work begins: a request, a job
 * @name: of all tasks of this kind, as "checkout"; at most 127 bytes are kept
 *
 * A task may cross threads and outlive the one that began it. It does not make this thread
 * work for it: tracer_task_enter() does.
 *
 * Return: its number, unique in the process, for the functions below. While nobody records:
 * TRACER_EARLIER_TASK, so that its end, should it be recorded, is known as that of a task that
 * was begun before.
 */
static inline uint64_t tracer_task_begin(const char *name)
{
	(void)name;
	return tracer_enabled() ? tracer_fire_new_task_(TRACER_NO_TASK, name, TRACER_LENGTH_(name))
				: TRACER_EARLIER_TASK;
}

/**
 * tracer_task_begin_in() - a task that is part of another one
 * @parent: what tracer_task_begin() returned; need not have ended before or after
 * @name:   as of tracer_task_begin()
 */
static inline uint64_t tracer_task_begin_in(uint64_t parent, const char *name)
{
	(void)parent;
	(void)name;
	return tracer_enabled() ? tracer_fire_new_task_(parent, name, TRACER_LENGTH_(name))
				: TRACER_EARLIER_TASK;
}

/**
 * tracer_task_end() - a unit of work is done
 *
 * On any thread. Threads that have entered it leave it. An end of a task that was not begun,
 * or that has ended, is counted in reports and harms nothing.
 */
static inline void tracer_task_end(uint64_t task)
{
	(void)task;
	TRACER_IF_(tracer_fire_task_end_(task));
}

/**
 * tracer_task_enter() - from now on this thread works for a task
 *
 * Several threads may work for one task, and one thread for several in turn: entering another
 * one suspends the first until tracer_task_leave().
 */
static inline void tracer_task_enter(uint64_t task)
{
	(void)task;
	TRACER_IF_(tracer_fire_task_enter_(task));
}

/**
 * tracer_task_leave() - this thread no longer works for a task
 * @task: which; TRACER_NO_TASK: the one that it entered last
 */
static inline void tracer_task_leave(uint64_t task)
{
	(void)task;
	TRACER_IF_(tracer_fire_task_leave_(task));
}

/**
 * tracer_region_begin() - a step inside this thread begins
 * @name: as "save"; at most 127 bytes are kept
 *
 * Regions nest, and end on the thread that they began on. A region belongs to the task that
 * its thread has entered.
 */
static inline void tracer_region_begin(const char *name)
{
	(void)name;
	TRACER_IF_(tracer_fire_region_begin_(name, TRACER_LENGTH_(name)));
}

/**
 * tracer_region_end() - a step inside this thread is done
 * @name: the same text as at its begin, so that a missing end shows; NULL: the innermost one
 */
static inline void tracer_region_end(const char *name)
{
	(void)name;
	TRACER_IF_(tracer_fire_region_end_(name, TRACER_LENGTH_(name)));
}

/**
 * tracer_log() - a message
 * @task:     that it belongs to; TRACER_NO_TASK: the one that this thread has entered
 * @category: for filters, as "db"; at most 127 bytes are kept; may be NULL
 * @...:      as for printf(); at most 1023 bytes of the result are kept
 *
 * A macro: the arguments are evaluated only while somebody records. Then it formats into a
 * kilobyte of the stack. errno stays as it was.
 */
#define tracer_log(task, category, ...)                                     \
	do {                                                                \
		if (tracer_enabled())                                       \
			tracer_fire_format_((task), (category), __VA_ARGS__); \
	} while (0)

/**
 * tracer_vlog() - tracer_log() for functions that have a va_list
 */
__attribute__((format(printf, 3, 0))) static inline void
tracer_vlog(uint64_t task, const char *category, const char *format, va_list args)
{
	(void)task;
	(void)category;
	(void)format;
	(void)args;
	TRACER_IF_(tracer_fire_vlog_(task, category, format, args));
}

/**
 * tracer_text() - tracer_log() of a text as it is
 * @text: at most 1023 bytes are kept
 */
static inline void tracer_text(uint64_t task, const char *category, const char *text)
{
	(void)task;
	(void)category;
	(void)text;
	TRACER_IF_(tracer_fire_log_(task, category, text));
}

/**
 * tracer_counter() - a number as it is now: the length of a queue, bytes in a cache
 * @name: at most 127 bytes are kept
 */
static inline void tracer_counter(const char *name, int64_t value)
{
	(void)name;
	(void)value;
	TRACER_IF_(tracer_fire_counter_(name, value, TRACER_LENGTH_(name)));
}

/**
 * tracer_counter_real() - the same for numbers with a fraction
 */
static inline void tracer_counter_real(const char *name, double value)
{
	(void)name;
	(void)value;
	TRACER_IF_(tracer_fire_counter_real_(name, value, TRACER_LENGTH_(name)));
}

/**
 * tracer_link() - what a task is called in other people's traces
 * @traceparent: of W3C Trace Context: "00-<32 hex digits>-<16 hex digits>-01"
 */
static inline void tracer_link(uint64_t task, const char *traceparent)
{
	(void)task;
	(void)traceparent;
	TRACER_IF_(tracer_fire_link_(task, traceparent));
}

/**
 * tracer_snapshot() - ask a flight recorder to keep what just happened
 * @reason: for people, at most 1023 bytes are kept
 *
 * Does not wait for the snapshot. Without a flight recorder it is an event of the trace.
 */
static inline void tracer_snapshot(const char *reason)
{
	(void)reason;
	TRACER_IF_(tracer_fire_snapshot_(reason));
}

#ifndef __cplusplus

static inline void tracer_region_leave_(const char *const *name)
{
	tracer_region_end(*name);
}

static inline const char *tracer_region_here_(const char *name)
{
	tracer_region_begin(name);
	return name;
}

#define TRACER_JOIN_(a, b)	a##b
#define TRACER_REGION_AT_(name, number)                                               \
	__attribute__((cleanup(tracer_region_leave_), unused)) const char *const     \
		TRACER_JOIN_(tracer_region_, number) = tracer_region_here_(name)

/* TRACER_REGION("name"); - a region from here to the end of the block, however it is left */
#define TRACER_REGION(name) TRACER_REGION_AT_(name, __COUNTER__)

#else

namespace tracer
{

/* A region from here to the end of the block; the name must live as long. */
class region {
    public:
	explicit region(const char *name) : name_(name)
	{
		tracer_region_begin(name);
	}
	~region()
	{
		tracer_region_end(name_);
	}
	region(const region &) = delete;
	region &operator=(const region &) = delete;

    private:
	const char *name_;
};

/* Work for a task from here to the end of the block. */
class scope {
    public:
	explicit scope(uint64_t task) : task_(task)
	{
		tracer_task_enter(task);
	}
	~scope()
	{
		tracer_task_leave(task_);
	}
	scope(const scope &) = delete;
	scope &operator=(const scope &) = delete;

    private:
	uint64_t task_;
};

/* A task that ends with the object, which can be moved from thread to thread. */
class task {
    public:
	explicit task(const char *name, uint64_t parent = TRACER_NO_TASK)
		: id_(tracer_task_begin_in(parent, name))
	{
	}
	~task()
	{
		if (id_ != TRACER_NO_TASK)
			tracer_task_end(id_);
	}
	task(task &&other) noexcept : id_(other.id_)
	{
		other.id_ = TRACER_NO_TASK;
	}
	task(const task &) = delete;
	task &operator=(const task &) = delete;
	uint64_t id() const
	{
		return id_;
	}

    private:
	uint64_t id_;
};

} /* namespace tracer */

#define TRACER_JOIN_(a, b)	      a##b
#define TRACER_REGION_AT_(name, number) tracer::region TRACER_JOIN_(tracer_region_, number)(name)
#define TRACER_REGION(name)	      TRACER_REGION_AT_(name, __COUNTER__)

#endif

#endif
