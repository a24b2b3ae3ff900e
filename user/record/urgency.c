// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * urgency - the rings fill whether the drain has a CPU or not: it goes before others, briefly
 *
 * On a machine whose CPUs are all wanted, a thread may wait for one for longer than a ring lasts.
 * Being nice helps only among threads of the same session or cgroup, so it is the second choice.
 */
#include "user/record/urgency.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#include "user/base/clock.h"

#define NICE       (-10)
#define LOOK_NS    NSEC_PER_SEC
#define SHARE_MOST 2 /* 1 / SHARE_MOST of a CPU */

static u64 thread_cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (u64)now.tv_sec * NSEC_PER_SEC + (u64)now.tv_nsec;
}

void urgency_begin(struct urgency *urgency)
{
	struct sched_param lowest = { .sched_priority = sched_get_priority_min(SCHED_RR) };

	urgency->cpu_ns = thread_cpu_ns();
	urgency->wall_ns = clock_mono_ns();
	urgency->nice = getpriority(PRIO_PROCESS, 0);
	urgency->begun = true;
	urgency->urgent = !sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &lowest);
	if (!urgency->urgent)
		setpriority(PRIO_PROCESS, 0, NICE);
	mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
}

static void stand_back(struct urgency *urgency)
{
	struct sched_param none = { 0 };

	if (urgency->urgent)
		sched_setscheduler(0, SCHED_OTHER, &none);
	urgency->urgent = false;
}

void urgency_check(struct urgency *urgency)
{
	u64 now = clock_mono_ns(), cpu_ns;

	if (!urgency->urgent || now - urgency->wall_ns < LOOK_NS)
		return;
	cpu_ns = thread_cpu_ns();
	if (cpu_ns - urgency->cpu_ns > (now - urgency->wall_ns) / SHARE_MOST) {
		stand_back(urgency);
		setpriority(PRIO_PROCESS, 0, NICE);
	}
	urgency->cpu_ns = cpu_ns;
	urgency->wall_ns = now;
}

void urgency_end(struct urgency *urgency)
{
	if (!urgency->begun)
		return;
	urgency->begun = false;
	stand_back(urgency);
	setpriority(PRIO_PROCESS, 0, urgency->nice);
	munlockall();
}
