/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * workers - five workers that announce what they do: tasks `checkout`, with a random wait of up to
 * half a second each (--workers, --rounds, --wait: ms, --seed)
 *
 * Each task has the regions fetch (the random wait), transform (two milliseconds of CPU) and save
 * (a lock that all share, held for a few milliseconds), and logs. What each one took is told.
 */
#include "tests/workloads/workload.h"
#include "user/annotate/tracer.h"

#define ROUNDS_MAX 1000
#define SAVE_NS    (3 * MS)

struct step {
	uint64_t task_ns;
	uint64_t fetch_ns;
	uint64_t wait_ns; /* that was asked for */
	uint64_t save_ns;
	int rows;
};

static struct step steps[THREADS_MAX][ROUNDS_MAX];
static long workers, rounds, wait_ms, seed;
static pthread_mutex_t db_lock = PTHREAD_MUTEX_INITIALIZER;

static __attribute__((noinline)) void fetch(struct step *step)
{
	TRACER_REGION("fetch");
	tracer_log(TRACER_NO_TASK, "http", "asking for %d rows", step->rows);
	sleep_ns(step->wait_ns);
}

static __attribute__((noinline)) void transform(void)
{
	TRACER_REGION("transform");
	spin_cpu_ns(2 * MS);
}

static __attribute__((noinline)) void save(const struct step *step)
{
	TRACER_REGION("save");
	pthread_mutex_lock(&db_lock);
	sleep_ns(SAVE_NS);
	pthread_mutex_unlock(&db_lock);
	tracer_log(TRACER_NO_TASK, "db", "saved %d rows", step->rows);
}

static __attribute__((noinline)) void checkout(struct thread_truth *t, struct step *step)
{
	uint64_t task, from_ns = now_ns(), at_ns;

	task = tracer_task_begin("checkout");
	tracer_task_enter(task);
	at_ns = now_ns();
	fetch(step);
	step->fetch_ns = now_ns() - at_ns;
	TIMED(t, "transform", (transform(), 0));
	at_ns = now_ns();
	save(step);
	step->save_ns = now_ns() - at_ns;
	tracer_task_leave(task);
	tracer_task_end(task);
	step->task_ns = now_ns() - from_ns;
}

static void *work(void *list)
{
	struct step *mine = list;
	unsigned int random = (unsigned int)(seed + (mine - steps[0]));
	char name[32];

	snprintf(name, sizeof(name), "worker-%d", (int)((mine - steps[0]) / ROUNDS_MAX) + 1);
	struct thread_truth *t = truth_begin(name);

	for (long i = 0; i < rounds; i++) {
		mine[i].wait_ns = (uint64_t)(rand_r(&random) % (wait_ms * 1000)) * 1000;
		mine[i].rows = rand_r(&random) % 1000;
		checkout(t, &mine[i]);
		tracer_counter("rows", mine[i].rows);
	}
	truth_end(t);
	return NULL;
}

/* The recorder finds the probes a moment after it finds the process. */
static void wait_until_recorded(void)
{
	uint64_t end_ns = now_ns() + 2000 * MS;

	while (!tracer_enabled() && now_ns() < end_ns)
		sleep_ns(MS / 2);
}

static void print_steps(void)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	if (!out)
		die("no memory");
	for (long i = 0; i < workers; i++)
		for (long j = 0; j < rounds; j++)
			fprintf(out,
				"%s{\"worker\":%ld,\"task_ns\":%llu,\"fetch_ns\":%llu,"
				"\"save_ns\":%llu,\"rows\":%d}",
				i + j ? "," : "", i + 1, (unsigned long long)steps[i][j].task_ns,
				(unsigned long long)steps[i][j].fetch_ns,
				(unsigned long long)steps[i][j].save_ns, steps[i][j].rows);
	fclose(out);
	truth_print(",\"steps\":[%s]", text);
	free(text);
}

int main(int argc, char **argv)
{
	pthread_t ids[THREADS_MAX];

	workload_begin(argc, argv);
	workers = number_option(argc, argv, "--workers", 5);
	rounds = number_option(argc, argv, "--rounds", 20);
	wait_ms = number_option(argc, argv, "--wait", 500);
	seed = number_option(argc, argv, "--seed", 1);
	if (workers < 1 || workers > THREADS_MAX || rounds < 1 || rounds > ROUNDS_MAX ||
	    wait_ms < 1)
		die("workers: 1 to %d workers, 1 to %d rounds", THREADS_MAX, ROUNDS_MAX);
	spin_rounds_per_ms();
	wait_until_recorded();
	for (long i = 0; i < workers; i++)
		ids[i] = thread_start(work, steps[i]);
	for (long i = 0; i < workers; i++)
		pthread_join(ids[i], NULL);
	print_steps();
	return workload_end();
}
