// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* helpers_worker - a process that does what is measured, on the last CPU, and says what it took */
#include "tests/bench/helpers_worker.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/base/clock.h"

static void serve(const struct work *work, int ask, int answer)
{
	cpu_set_t cpus;
	u32 number;

	CPU_ZERO(&cpus);
	CPU_SET((int)sysconf(_SC_NPROCESSORS_ONLN) - 1, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (work->begin)
		work->begin();
	while (read(ask, &number, sizeof(number)) == sizeof(number)) {
		u64 from_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID), ns;

		work->run(number);
		ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - from_ns;
		if (write(answer, &ns, sizeof(ns)) != sizeof(ns))
			break;
	}
	exit(0);
}

int worker_start(struct worker *worker, const struct work *work, struct err *err)
{
	int to[2], from[2];

	if (pipe(to) || pipe(from))
		return fail(err, -errno, "cannot make a pipe: %s", strerror(errno));
	worker->pid = fork();
	if (worker->pid < 0)
		return fail(err, -errno, "cannot start a worker: %s", strerror(errno));
	if (!worker->pid) {
		close(to[1]);
		close(from[0]);
		serve(work, to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	worker->ask = to[1];
	worker->answer = from[0];
	return 0;
}

int worker_run(u64 *ns, const struct worker *worker, u32 number, struct err *err)
{
	if (write(worker->ask, &number, sizeof(number)) != sizeof(number) ||
	    read(worker->answer, ns, sizeof(*ns)) != sizeof(*ns))
		return fail(err, -EPIPE, "the worker has ended in its work number %u", number);
	return 0;
}

void worker_end(struct worker *worker)
{
	if (worker->pid <= 0)
		return;
	kill(worker->pid, SIGKILL);
	waitpid(worker->pid, NULL, 0);
	worker->pid = 0;
}
