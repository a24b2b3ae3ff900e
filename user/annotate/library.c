// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * library - the functions of tracer.h for languages that cannot include it
 *
 * libtracer-annotate.so has them under the names and with the arguments of the header, and as
 * functions, what is a macro there. README.md shows their use.
 */

/* In here the header's own, which are static, have other names. */
#define tracer_enabled       inline_enabled
#define tracer_task_begin    inline_task_begin
#define tracer_task_begin_in inline_task_begin_in
#define tracer_task_end      inline_task_end
#define tracer_task_enter    inline_task_enter
#define tracer_task_leave    inline_task_leave
#define tracer_region_begin  inline_region_begin
#define tracer_region_end    inline_region_end
#define tracer_text          inline_text
#define tracer_vlog          inline_vlog
#define tracer_counter       inline_counter
#define tracer_counter_real  inline_counter_real
#define tracer_link          inline_link
#define tracer_snapshot      inline_snapshot

#include "user/annotate/tracer.h"

#undef tracer_enabled
#undef tracer_task_begin
#undef tracer_task_begin_in
#undef tracer_task_end
#undef tracer_task_enter
#undef tracer_task_leave
#undef tracer_region_begin
#undef tracer_region_end
#undef tracer_text
#undef tracer_vlog
#undef tracer_counter
#undef tracer_counter_real
#undef tracer_link
#undef tracer_snapshot
#undef tracer_log

#define EXPORT __attribute__((visibility("default")))

EXPORT int tracer_enabled(void);
EXPORT uint64_t tracer_task_begin(const char *name);
EXPORT uint64_t tracer_task_begin_in(uint64_t parent, const char *name);
EXPORT void tracer_task_end(uint64_t task);
EXPORT void tracer_task_enter(uint64_t task);
EXPORT void tracer_task_leave(uint64_t task);
EXPORT void tracer_region_begin(const char *name);
EXPORT void tracer_region_end(const char *name);
EXPORT void tracer_text(uint64_t task, const char *category, const char *text);
EXPORT __attribute__((format(printf, 3, 0))) void tracer_vlog(uint64_t task, const char *category,
							      const char *format, va_list args);
EXPORT void tracer_counter(const char *name, int64_t value);
EXPORT void tracer_counter_real(const char *name, double value);
EXPORT void tracer_link(uint64_t task, const char *traceparent);
EXPORT void tracer_snapshot(const char *reason);
EXPORT __attribute__((format(printf, 3, 4))) void tracer_log(uint64_t task, const char *category,
							     const char *format, ...);
EXPORT const volatile unsigned short *tracer_enabled_at(void);

/*
 * Where the number of those who record lies: 0 means nobody. For languages in which a call
 * into C costs more than the annotation.
 */
const volatile unsigned short *tracer_enabled_at(void)
{
	return &tracer_annotate_semaphore;
}

void tracer_log(uint64_t task, const char *category, const char *format, ...)
{
	va_list args;

	if (!inline_enabled())
		return;
	va_start(args, format);
	inline_vlog(task, category, format, args);
	va_end(args);
}

int tracer_enabled(void)
{
	return inline_enabled();
}

uint64_t tracer_task_begin(const char *name)
{
	return inline_task_begin(name);
}

uint64_t tracer_task_begin_in(uint64_t parent, const char *name)
{
	return inline_task_begin_in(parent, name);
}

void tracer_task_end(uint64_t task)
{
	inline_task_end(task);
}

void tracer_task_enter(uint64_t task)
{
	inline_task_enter(task);
}

void tracer_task_leave(uint64_t task)
{
	inline_task_leave(task);
}

void tracer_region_begin(const char *name)
{
	inline_region_begin(name);
}

void tracer_region_end(const char *name)
{
	inline_region_end(name);
}

void tracer_text(uint64_t task, const char *category, const char *text)
{
	inline_text(task, category, text);
}

void tracer_vlog(uint64_t task, const char *category, const char *format, va_list args)
{
	inline_vlog(task, category, format, args);
}

void tracer_counter(const char *name, int64_t value)
{
	inline_counter(name, value);
}

void tracer_counter_real(const char *name, double value)
{
	inline_counter_real(name, value);
}

void tracer_link(uint64_t task, const char *traceparent)
{
	inline_link(task, traceparent);
}

void tracer_snapshot(const char *reason)
{
	inline_snapshot(reason);
}
