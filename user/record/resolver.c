// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* resolver - a thread that learns from new stacks while the recording goes on */
#include "user/record/resolver.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "user/base/clock.h"
#include "user/record/blocked.h"
#include "user/record/kernel_names.h"
#include "user/record/messages.h"
#include "user/record/resolve.h"

#define TASKS_BYTES   (2u << 20) /* of messages to the thread */
#define RESULTS_BYTES (1u << 20) /* and from it */
#define NAMES_BYTES   (1u << 20) /* of stacks whose names are to be told */
#define LATER_BYTES   (1u << 20) /* of stacks whose code is in no mapping that is known yet */
#define LATER_NS      (1 * NSEC_PER_SEC) /* so long they are kept */
#define LATER_MS      100                /* and looked at so often */
#define NICE          10

struct resolver {
	pthread_t thread;
	struct resolve resolve;           /* the thread's */
	struct blocked blocked;           /* the thread's */
	struct kernel_names kernel_names; /* the thread's */
	struct queue tasks;               /* event kinds */
	struct queue unnamed;             /* the thread's; struct kept_stack */
	struct queue later;               /* the thread's; the same */
	struct queue results;
	int wake;     /* eventfd: there are tasks */
	int done;     /* eventfd: it has ended */
	u32 pending;  /* the drainer's: tasks since the last wake */
	bool ending;  /* do what is left, and end */
	bool abandon; /* end now */
	bool ended;
	u32 unsure; /* the drainer's: stacks among those */
	struct {
		u32 id, words;
		u64 address;
		u64 data[STACK_MEMORY_RECORDS * STACK_MEMORY_WORDS];
	} memory;     /* the drainer's: of the stack that comes next */
	u64 stacks;   /* the drainer's */
	u64 refused;  /* the drainer's */
	u64 worked;   /* the thread's: stacks that it is through with */
	u64 mappings; /* the thread's: known when stacks were put off last */
};

struct process_task {
	u32 tgid;
	u32 parent_tgid;
};

static bool flag(const bool *at)
{
	return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

static void raise_flag(bool *at)
{
	__atomic_store_n(at, true, __ATOMIC_RELEASE);
}

static void ring(int fd)
{
	u64 one = 1;

	/* A full counter is readable all the same. */
	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

/* The thread's side */

/* Room among the results; waits for it. Return: NULL: not wanted any more. */
static void *result_room(void *ctx, u32 kind, size_t bytes)
{
	struct resolver *r = ctx;

	for (;;) {
		void *to = queue_begin(&r->results, kind, bytes);

		if (to || flag(&r->abandon))
			return to;
		usleep(5000);
	}
}

static int on_result(void *ctx, const struct trace_event *event)
{
	struct ring_stack stack = { 0 };
	struct resolver *r = ctx;
	bool put;

	switch (event->kind) {
	case EVENT_STACK:
		stack.stack = *event->stack;
		put = message_stack(result_room, r, &stack);
		break;
	case EVENT_WAIT_STACK: put = message_wait_stack(result_room, r, &event->wait_stack); break;
	default: put = message_symbol(result_room, r, event->symbol);
	}
	if (!put)
		return -ENOSPC;
	queue_put(&r->results);
	return 0;
}

static void is_done(struct resolver *r)
{
	__atomic_fetch_add(&r->worked, 1, __ATOMIC_RELAXED);
}

/*
 * Names take a while: tables of symbols are read for them. What the programs wait for, the rules
 * by which they walk stacks, comes before.
 */
static void do_stack(struct resolver *r, struct ring_stack *stack, u64 since_ns, bool last)
{
	u64 frames[STACK_FRAMES_MAX];

	if (!resolve_frames(&r->resolve, stack, frames, last)) {
		if (message_keep(&r->later, stack, since_ns))
			return;
		resolve_frames(&r->resolve, stack, frames, true);
	}
	if (message_keep(&r->unnamed, stack, since_ns))
		return;
	resolve_names(&r->resolve, &stack->stack, true);
	is_done(r);
}

static void do_task(struct resolver *r, u32 kind, const void *task, size_t bytes)
{
	const struct process_task *process = task;
	struct trace_mapping mapping;
	struct ring_stack stack;

	switch (kind) {
	case EVENT_STACK:
		stack = message_to_stack(task, bytes);
		do_stack(r, &stack, clock_mono_ns(), false);
		break;
	case EVENT_MAPPING:
		mapping = message_to_mapping(task);
		resolve_mapping(&r->resolve, &mapping);
		break;
	case EVENT_WAIT_STACK:
		blocked_thread_tell(&r->blocked, &r->resolve, task, on_result, r);
		break;
	case EVENT_FORK: resolve_fork(&r->resolve, process->tgid, process->parent_tgid); break;
	case EVENT_EXEC: resolve_exec(&r->resolve, process->tgid); break;
	case EVENT_EXIT: resolve_exit(&r->resolve, process->tgid); break;
	default: break;
	}
}

static void do_tasks(struct resolver *r)
{
	void *task;
	size_t bytes;
	u32 kind;

	while (!flag(&r->abandon) && (task = queue_peek(&r->tasks, &kind, &bytes))) {
		do_task(r, kind, task, bytes);
		queue_drop(&r->tasks);
	}
}

/* Stacks that were put off: all when there are new mappings, else those that waited long enough */
static void do_later(struct resolver *r, bool all)
{
	u64 now = clock_mono_ns(), until = r->later.head;
	bool news = r->mappings != r->resolve.mappings, last;
	struct kept_stack *later;
	struct ring_stack stack;
	size_t bytes;
	u32 kind;

	r->mappings = r->resolve.mappings;
	while (!flag(&r->abandon) && r->later.tail < until &&
	       (later = queue_peek(&r->later, &kind, &bytes))) {
		last = all || now - later->since_ns > LATER_NS;
		if (!last && !news)
			return;
		stack = message_kept(later, bytes);
		do_stack(r, &stack, later->since_ns, last);
		queue_drop(&r->later);
	}
}

/* Return: whether all is told of @stack that there will be. */
static bool try_names(struct resolver *r, const struct trace_stack *stack, bool last, bool all)
{
	if (stack->flags & STACK_KERNEL &&
	    !kernel_names_ready(&r->kernel_names, r->resolve.symbols, all))
		return false;
	return resolve_names(&r->resolve, stack, last);
}

/* Names, as long as there is nothing else to do */
static void do_names(struct resolver *r, bool all)
{
	struct kept_stack *unnamed;
	struct ring_stack stack;
	size_t bytes;
	u32 kind;

	while (!flag(&r->abandon) && queue_is_empty(&r->tasks) &&
	       (unnamed = queue_peek(&r->unnamed, &kind, &bytes))) {
		bool last = all || clock_mono_ns() - unnamed->since_ns > LATER_NS;

		stack = message_kept(unnamed, bytes);
		if (try_names(r, &stack.stack, last, all) ||
		    !message_keep(&r->later, &stack, unnamed->since_ns))
			is_done(r);
		queue_drop(&r->unnamed);
	}
}

/* Of this thread alone: what takes long stays behind everybody else's work. */
static void be_nice(int nice)
{
	if (setpriority(PRIO_PROCESS, (id_t)gettid(), nice))
		errno = 0;
}

static void *work(void *ctx)
{
	struct resolver *r = ctx;
	struct pollfd wake = { .fd = r->wake, .events = POLLIN };
	int nice = getpriority(PRIO_PROCESS, 0);

	kernel_names_begin(&r->kernel_names);
	while (!flag(&r->abandon)) {
		bool ending = flag(&r->ending);
		u64 count;

		be_nice(nice);
		do_tasks(r);
		do_later(r, ending);
		be_nice(NICE);
		do_names(r, ending);
		if (ending)
			break;
		poll(&wake, 1,
		     !queue_is_empty(&r->unnamed) ? 0
		     : queue_is_empty(&r->later)  ? -1
						  : LATER_MS);
		if (wake.revents && read(r->wake, &count, sizeof(count)) < 0)
			break;
	}
	kernel_names_end(&r->kernel_names);
	raise_flag(&r->ended);
	ring(r->done);
	return NULL;
}

/* The drainer's side */

static void *task_room(void *ctx, u32 kind, size_t bytes)
{
	return queue_begin(&((struct resolver *)ctx)->tasks, kind, bytes);
}

static void tell(struct resolver *r, bool put)
{
	if (!put)
		return;
	queue_put(&r->tasks);
	r->pending++;
}

static void keep_memory(struct resolver *r, const struct ring_stack *from)
{
	u32 used = r->memory.id == from->stack.id ? r->memory.words : 0;

	if (!used) {
		r->memory.id = from->stack.id;
		r->memory.address = from->sp;
	}
	if (from->sp != r->memory.address + used * sizeof(u64) ||
	    from->words > ARRAY_SIZE(r->memory.data) - used)
		return;
	memcpy(r->memory.data + used, from->word, from->words * sizeof(u64));
	r->memory.words = used + from->words;
}

static void tell_stack(struct resolver *r, const struct ring_stack *told)
{
	struct ring_stack stack = *told;
	bool put;

	if (r->memory.id == stack.stack.id &&
	    r->memory.address == stack.sp + stack.words * sizeof(u64)) {
		stack.more = r->memory.data;
		stack.more_words = r->memory.words;
	}
	r->memory.id = 0;
	r->memory.words = 0;
	put = message_stack(task_room, r, &stack);
	r->stacks++;
	r->refused += !put;
	r->unsure += told->stack.flags & STACK_UNSURE ? 1 : 0;
	tell(r, put);
}

static void tell_process(struct resolver *r, u32 kind, u32 tgid, u32 parent_tgid)
{
	struct process_task *to = task_room(r, kind, sizeof(*to));

	if (to)
		*to = (struct process_task){ .tgid = tgid, .parent_tgid = parent_tgid };
	tell(r, to);
}

void resolver_event(struct resolver *r, const struct trace_event *event)
{
	switch (event->kind) {
	case EVENT_STACK: tell_stack(r, ring_stack_of(event)); break;
	case EVENT_STACK_MEMORY: keep_memory(r, ring_stack_of(event)); break;
	case EVENT_MAPPING: tell(r, message_mapping(task_room, r, event->mapping)); break;
	case EVENT_EXEC: tell_process(r, EVENT_EXEC, event->exec.tid, 0); break;
	case EVENT_FORK:
		if (event->fork->tid == event->fork->tgid)
			tell_process(r, EVENT_FORK, event->fork->tgid, event->fork->parent_tgid);
		break;
	case EVENT_EXIT:
		if (event->exit.last)
			tell_process(r, EVENT_EXIT, event->exit.tgid, 0);
		break;
	default: break;
	}
}

void resolver_blocked(struct resolver *r, const struct blocked_thread *thread)
{
	struct blocked_thread *to = task_room(r, EVENT_WAIT_STACK, sizeof(*to));

	if (to)
		*to = *thread;
	tell(r, to);
}

bool resolver_wake(struct resolver *r)
{
	bool unsure = r->unsure;

	if (r->pending)
		ring(r->wake);
	r->pending = 0;
	r->unsure = 0;
	return unsure;
}

bool resolver_is_idle(const struct resolver *r)
{
	return queue_is_empty(&r->tasks) && queue_is_empty(&r->results);
}

static void hand_over(u32 kind, void *result, size_t bytes, ring_sink sink, void *ctx)
{
	struct trace_event event = { .kind = (u16)kind };
	struct trace_symbol symbol;
	struct ring_stack stack;

	if (kind == EVENT_STACK) {
		stack = message_to_stack(result, bytes);
		event.stack = &stack.stack;
	} else if (kind == EVENT_WAIT_STACK) {
		event.wait_stack = *(struct event_wait_stack *)result;
	} else {
		symbol = message_to_symbol(result);
		event.symbol = &symbol;
	}
	sink(ctx, &event);
}

void resolver_take(struct resolver *r, ring_sink sink, void *ctx)
{
	u64 until = __atomic_load_n(&r->results.head, __ATOMIC_ACQUIRE);
	void *result;
	size_t bytes;
	u32 kind;

	while (r->results.tail < until && (result = queue_peek(&r->results, &kind, &bytes))) {
		hand_over(kind, result, bytes, sink, ctx);
		queue_drop(&r->results);
	}
}

void resolver_finish(struct resolver *r, u64 wait_ns, ring_sink sink, void *ctx,
		     struct resolved *counts)
{
	u64 end_ns = clock_mono_ns() + wait_ns, now;
	struct pollfd done = { .fd = r->done, .events = POLLIN };

	raise_flag(&r->ending);
	ring(r->wake);
	while (!flag(&r->ended) && (now = clock_mono_ns()) < end_ns) {
		resolver_take(r, sink, ctx);
		poll(&done, 1, 5);
	}
	raise_flag(&r->abandon);
	resolver_take(r, sink, ctx);
	*counts = (struct resolved){
		.stacks = r->stacks,
		.corrected = __atomic_load_n(&r->resolve.corrected, __ATOMIC_RELAXED),
		.symbols = __atomic_load_n(&r->resolve.named, __ATOMIC_RELAXED),
		.rules = __atomic_load_n(&r->resolve.rules.added, __ATOMIC_RELAXED),
		.refused = r->refused,
		.left = r->stacks - r->refused - __atomic_load_n(&r->worked, __ATOMIC_RELAXED),
	};
}

static int start(struct resolver *r, struct err *err)
{
	sigset_t all, before;
	int code;

	/* Signals are the other thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	code = pthread_create(&r->thread, NULL, work, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (code)
		return fail(err, -code, "cannot start a thread: %s", strerror(code));
	return 0;
}

static void release(struct resolver *r)
{
	resolve_free(&r->resolve);
	blocked_free(&r->blocked);
	queue_free(&r->tasks);
	queue_free(&r->unnamed);
	queue_free(&r->later);
	queue_free(&r->results);
	if (r->wake >= 0)
		close(r->wake);
	if (r->done >= 0)
		close(r->done);
	free(r);
}

int resolver_new(struct resolver **out, struct unwind_bucket *buckets, struct err *err)
{
	struct resolver *r = calloc(1, sizeof(*r));
	int code;

	if (!r)
		return fail(err, -ENOMEM, "no memory to resolve stacks");
	r->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	code = resolve_begin(&r->resolve, buckets, on_result, r, err);
	if (!code && (queue_init(&r->tasks, TASKS_BYTES) || queue_init(&r->unnamed, NAMES_BYTES) ||
		      queue_init(&r->later, LATER_BYTES) || queue_init(&r->results, RESULTS_BYTES)))
		code = fail(err, -ENOMEM, "no memory to resolve stacks");
	if (!code && (r->wake < 0 || r->done < 0))
		code = fail(err, -EMFILE, "no descriptor left to resolve stacks");
	code = code ?: start(r, err);
	if (code < 0)
		release(r);
	else
		*out = r;
	return code;
}

void resolver_free(struct resolver *r)
{
	struct pollfd done = { .fd = r ? r->done : -1, .events = POLLIN };

	if (!r)
		return;
	raise_flag(&r->abandon);
	ring(r->wake);
	/* One that hangs in a process's files cannot be ended; the end of the recorder ends it. */
	if (!flag(&r->ended) && poll(&done, 1, 100) <= 0) {
		pthread_detach(r->thread);
		return;
	}
	pthread_join(r->thread, NULL);
	release(r);
}
