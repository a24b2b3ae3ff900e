/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * slow_tasks - workers whose tasks take a random time, some of them too long
 *
 *	--workers 5 --rounds 10 --most-ms 500	each task "job" sleeps for 0 to so many ms
 *	--hang					at the end one more task, which never ends
 *	--burst N				at the end N tasks "late", each of 60 ms, ten at a time
 *
 * Tells of each task its number, its thread, and when it began and ended.
 */
#include "tests/workloads/workload.h"
#include "user/annotate/tracer.h"

#define TASKS_MAX 4096

struct told {
	uint64_t task, begin_ns, end_ns;
	pid_t tid;
	const char *name;
};

static struct told tasks[TASKS_MAX];
static int task_count;
static long rounds, most_ms;

static struct told *begin_task(const char *name)
{
	struct told *t = &tasks[__atomic_fetch_add(&task_count, 1, __ATOMIC_RELAXED)];

	if (t >= tasks + TASKS_MAX)
		die("more than %d tasks", TASKS_MAX);
	t->name = name;
	t->tid = thread_id();
	t->begin_ns = now_ns();
	t->task = tracer_task_begin(name);
	tracer_task_enter(t->task);
	return t;
}

static void end_task(struct told *t)
{
	tracer_task_leave(t->task);
	tracer_task_end(t->task);
	t->end_ns = now_ns();
}

static void *worker(void *number)
{
	unsigned int seed = (unsigned int)(long)number + 1;

	prctl(PR_SET_NAME, "worker");
	for (long i = 0; i < rounds; i++) {
		struct told *t = begin_task("job");

		sleep_ns((uint64_t)(rand_r(&seed) % (unsigned int)(most_ms + 1)) * MS);
		end_task(t);
		sleep_ns(20 * MS);
	}
	return NULL;
}

static void *late(void *unused)
{
	struct told *t = begin_task("late");

	sleep_ns(60 * MS);
	end_task(t);
	return NULL;
}

static void burst(long count)
{
	pthread_t ids[10];

	for (long done = 0; done < count; done += 10) {
		for (long i = 0; i < 10; i++)
			ids[i] = thread_start(late, NULL);
		for (long i = 0; i < 10; i++)
			pthread_join(ids[i], NULL);
	}
}

static void *hang(void *unused)
{
	prctl(PR_SET_NAME, "hanging");
	begin_task("job");
	for (;;)
		pause();
	return NULL;
}

static void wait_until_recorded(void)
{
	uint64_t end_ns = now_ns() + 5000 * MS;

	while (!tracer_enabled() && now_ns() < end_ns)
		sleep_ns(MS / 2);
	if (!tracer_enabled())
		fprintf(stderr, "nobody records\n");
}

int main(int argc, char **argv)
{
	long workers = number_option(argc, argv, "--workers", 5);
	long late_tasks = number_option(argc, argv, "--burst", 0);
	bool hangs = flag_option(argc, argv, "--hang");
	pthread_t ids[THREADS_MAX];

	workload_begin(argc, argv);
	rounds = number_option(argc, argv, "--rounds", 10);
	most_ms = number_option(argc, argv, "--most-ms", 500);
	if (workers > THREADS_MAX)
		workers = THREADS_MAX;
	wait_until_recorded();
	for (long i = 0; i < workers; i++)
		ids[i] = thread_start(worker, (void *)i);
	for (long i = 0; i < workers; i++)
		pthread_join(ids[i], NULL);
	burst(late_tasks);
	if (hangs) {
		const struct told *last = &tasks[task_count];

		thread_start(hang, NULL);
		while (!__atomic_load_n(&last->task, __ATOMIC_RELAXED))
			sleep_ns(MS);
	}
	printf("{\"pid\":%d,\"tasks\":[", getpid());
	for (int i = 0; i < task_count; i++)
		printf("%s{\"task\":%llu,\"tid\":%d,\"name\":\"%s\",\"begin_ns\":%llu,"
		       "\"end_ns\":%llu}",
		       i ? "," : "", (unsigned long long)tasks[i].task, tasks[i].tid, tasks[i].name,
		       (unsigned long long)tasks[i].begin_ns, (unsigned long long)tasks[i].end_ns);
	printf("]}\n");
	fflush(stdout);
	return workload_end();
}
