/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * annotate - a program that announces its steps (--mode steps|fast|odd|fork|middle)
 *
 *	steps	--rounds tasks with two regions of --ms each, logs, counters
 *	fast	--threads that each announce --rounds times, as fast as they can
 *	odd	names that are long, empty, not UTF-8, not there; ends without begins
 *	fork	a child in mid-task, which ends its parent's task and has one of its own
 *	middle	a task that began while nobody recorded (with --hold)
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include "tests/workloads/workload.h"
#include "user/annotate/tracer.h"

static long rounds, step_ms;

/* The recorder finds the probes a moment after it finds the process. */
static void wait_until_recorded(void)
{
	uint64_t end_ns = clock_ns(CLOCK_MONOTONIC) + 5000 * MS;

	while (!tracer_enabled() && clock_ns(CLOCK_MONOTONIC) < end_ns)
		sleep_ns(MS / 2);
	if (!tracer_enabled())
		fprintf(stderr, "nobody records\n");
}

static void steps(void)
{
	struct thread_truth *t = truth_begin("stepper");

	for (long i = 0; i < rounds; i++) {
		uint64_t from_ns = clock_ns(CLOCK_MONOTONIC);
		uint64_t task = tracer_task_begin("checkout");
		uint64_t part = tracer_task_begin_in(task, "payment");

		tracer_task_enter(task);
		tracer_link(task, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
		{
			TRACER_REGION("fetch");
			TIMED(t, "fetch", (sleep_ns((uint64_t)step_ms * MS), 0));
		}
		{
			TRACER_REGION("save");
			tracer_log(task, "db", "round %ld of %s", i, "many");
			TIMED(t, "save", (sleep_ns((uint64_t)step_ms * MS), 0));
		}
		tracer_counter("queue", -i);
		tracer_counter_real("load", 0.5 + (double)i);
		tracer_task_leave(task);
		tracer_task_end(part);
		tracer_task_end(task);
		truth_call(t, "checkout", from_ns);
	}
	tracer_snapshot("enough");
	truth_end(t);
}

static void *fast(void *unused)
{
	for (long i = 0; i < rounds; i++) {
		tracer_region_begin("a step with a name of usual length");
		tracer_region_end("a step with a name of usual length");
	}
	return NULL;
}

static void all_fast(long threads)
{
	pthread_t ids[THREADS_MAX];

	for (long i = 0; i < threads && i < THREADS_MAX; i++)
		ids[i] = thread_start(fast, NULL);
	for (long i = 0; i < threads && i < THREADS_MAX; i++)
		pthread_join(ids[i], NULL);
	truth_print(",\"made\":%ld", 2 * threads * rounds);
}

#define MILLION (1 << 20)

static void odd(void)
{
	char *gone =
		mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *big = malloc(MILLION);

	if (gone == MAP_FAILED || !big)
		die("memory");
	memset(big, 'x', MILLION - 1);
	big[MILLION - 1] = 0;
	munmap(gone + 4096, 4096);
	tracer_region_begin(gone + 4096);         /* unmapped */
	tracer_region_begin((const char *)8);     /* no address of anybody */
	tracer_region_begin((const char *)-4096); /* the kernel's */
	memcpy(gone + 4096 - 4, "last", 4);
	tracer_region_begin(gone + 4096 - 4); /* ends where memory ends, without a 0 */
	memcpy(gone + 4096 - 5, "fits", 5);
	tracer_region_begin(gone + 4096 - 5);
	tracer_region_begin(big);
	tracer_region_begin("");
	tracer_region_begin(NULL);
	tracer_region_begin("a\xff"
			    "b");
	tracer_region_begin("line\nbreak \x1b[31m");
	big[127] = 0;
	memcpy(big + 124, "\xe2\x82\xac", 3);
	tracer_region_begin(big); /* 127 bytes: not cut */
	memcpy(big + 124, "xx\xe2\x82\xac", 6);
	tracer_region_begin(big); /* cut inside a character */
	tracer_region_begin("8 bytes.");
	tracer_region_begin("a name that has a length of 32..");
	tracer_region_begin("a name that has a length of 33...");
	memset(big, 'y', MILLION - 1);
	tracer_text(TRACER_NO_TASK, "long", big);
	tracer_log(TRACER_NO_TASK, NULL, "%s", big);
	big[1023] = 0;
	tracer_log(TRACER_NO_TASK, "1023", "%s", big);
	tracer_region_end("never begun");
	tracer_region_end(NULL);
	tracer_task_end(77);
	tracer_task_end(77);
	tracer_task_end(TRACER_NO_TASK);
	tracer_task_leave(TRACER_NO_TASK);
	tracer_link(99, NULL);
	tracer_snapshot(NULL);
}

static void forks(void)
{
	uint64_t task = tracer_task_begin("parent's");
	pid_t child;
	int status;

	tracer_task_enter(task);
	child = fork();
	if (!child) {
		uint64_t own = tracer_task_begin("child's");

		tracer_task_enter(own);
		tracer_log(own, "child", "here");
		tracer_task_end(own);
		tracer_task_end(task);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		die("fork");
	tracer_task_end(task);
	tracer_task_end(tracer_task_begin("parent's second"));
	truth_print(",\"child\":%d", child);
}

int main(int argc, char **argv)
{
	const char *mode = text_option(argc, argv, "--mode", "steps");
	uint64_t early = tracer_task_begin("early");

	tracer_region_begin("early region");
	workload_begin(argc, argv);
	rounds = number_option(argc, argv, "--rounds", 10);
	step_ms = number_option(argc, argv, "--ms", 5);
	wait_until_recorded();

	if (!strcmp(mode, "steps"))
		steps();
	else if (!strcmp(mode, "odd"))
		odd();
	if (!strcmp(mode, "middle")) {
		tracer_log(early, "early", "%s", "still at it");
		tracer_region_end("early region");
		tracer_task_end(early);
	}
	if (!strcmp(mode, "fast"))
		all_fast(number_option(argc, argv, "--threads", 64));
	else if (!strcmp(mode, "fork"))
		forks();
	else
		truth_print("%s", "");
	return workload_end();
}
