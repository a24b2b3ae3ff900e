/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* annotate_cpp - tasks, scopes and regions as objects: ten tasks that move to another thread */
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <thread>
#include <unistd.h>
#include <utility>

#include "user/annotate/tracer.h"

static void work(tracer::task task, int round)
{
	tracer::scope scope(task.id());

	try {
		TRACER_REGION("work");
		tracer::region inner("inner");

		tracer_log(task.id(), "cpp", "round %d", round);
		throw std::runtime_error("regions end all the same");
	} catch (const std::exception &) {
	}
}

int main()
{
	for (int i = 0; i < 5000 && !tracer_enabled(); i++)
		std::this_thread::sleep_for(std::chrono::milliseconds(1));
	for (int i = 0; i < 10; i++) {
		tracer::task outer("outer");

		std::thread(work, tracer::task("moved", outer.id()), i).join();
	}
	std::printf("{\"pid\":%d,\"enabled\":%d}\n", (int)getpid(), tracer_enabled());
	return 0;
}
