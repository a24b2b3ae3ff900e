/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * probed - a program that announces nothing: requests with steps (--rounds, --ms), and a function
 * that is called --calls times, with --spin turns of a loop in between; with --odd, requests
 * whose texts are long, empty, not UTF-8, not there, or on a page that nobody has touched
 */
#include <sys/mman.h>

#include "tests/workloads/workload.h"

#define FUNCTION __attribute__((noinline, noclone, externally_visible, visibility("default")))

FUNCTION void request_begin(const char *url, int number, long bytes);
FUNCTION void request_end(int status);
FUNCTION int save_row(long ms);
FUNCTION int save_index(long ms);
FUNCTION long often_called(long number);

/* The compiler must not see that they do nothing. */
void request_begin(const char *url, int number, long bytes)
{
	__asm__ volatile("" : : "r"(url), "r"(number), "r"(bytes) : "memory");
}

void request_end(int status)
{
	__asm__ volatile("" : : "r"(status) : "memory");
}

int save_row(long ms)
{
	sleep_ns((uint64_t)ms * MS);
	__asm__ volatile("");
	return 1;
}

int save_index(long ms)
{
	int r = save_row(ms);

	__asm__ volatile("");
	return r;
}

long often_called(long number)
{
	__asm__ volatile("" : "+r"(number));
	return number;
}

#define MILLION (1 << 20)

static void odd(void)
{
	int fd = memfd_create("untouched", 0);
	char *big = malloc(MILLION), *gone, *untouched;

	gone = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fd < 0 || !big || gone == MAP_FAILED || write(fd, "untouched", 10) != 10)
		die("memory");
	untouched = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	if (untouched == MAP_FAILED)
		die("memory");
	memset(big, 'x', MILLION - 1);
	big[MILLION - 1] = 0;
	munmap(gone + 4096, 4096);
	memcpy(gone + 4096 - 4, "last", 4);
	request_begin(big, 0, 0);
	request_begin("", 1, 0);
	request_begin(NULL, 2, 0);
	request_begin("a\xff"
		      "b",
		      3, 0);
	request_begin(gone + 4096, 4, 0);
	request_begin(gone + 4096 - 4, 5, 0);
	request_begin((const char *)-4096, 6, 0);
	request_begin(untouched, 7, 0);
	request_end(500); /* two ends, and of one begin each that was the last */
	request_end(501);
}

int main(int argc, char **argv)
{
	struct thread_truth *t;
	long rounds, ms, calls, spin;
	uint64_t from_ns;

	workload_begin(argc, argv);
	rounds = number_option(argc, argv, "--rounds", 5);
	ms = number_option(argc, argv, "--ms", 5);
	calls = number_option(argc, argv, "--calls", 0);
	spin = number_option(argc, argv, "--spin", 0);
	t = truth_begin("prober");
	for (long i = 0; i < rounds; i++) {
		char url[32];

		snprintf(url, sizeof(url), "/item/%ld", i);
		from_ns = clock_ns(CLOCK_MONOTONIC);
		request_begin(url, (int)-i, 1L << 40);
		TIMED(t, "row", save_row(ms));
		TIMED(t, "index", save_index(ms));
		request_end(200 + (int)i);
		truth_call(t, "request", from_ns);
	}
	if (number_option(argc, argv, "--odd", 0))
		odd();
	from_ns = clock_ns(CLOCK_MONOTONIC);
	for (long i = 0; i < calls; i++) {
		often_called(i);
		for (long turn = 0; turn < spin; turn++)
			__asm__ volatile("" : "+r"(turn));
	}
	truth_call(t, "often", from_ns);
	truth_end(t);
	truth_print(",\"calls\":%ld", calls);
	return workload_end();
}
