/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * demo_server - a small server with four reasons to be slow, for the demonstration and for tests
 *
 *	http-worker-N	read a request from a loopback socket, look it up under the index lock,
 *			tell the logger, answer
 *	indexer		every 60 ms: writes and syncs its file *while it holds the index lock*
 *	logger		takes lines from a pipe and syncs its file now and then
 *	compressor-N	burn CPU: one more than there are CPUs for the whole server
 *	server-main	in epoll_wait for a timer, like any supervisor
 *
 * The clients are a process of their own (client-N). So a report shows: workers wait for
 * requests (network), for the lock (sync, woken by the indexer), and for a CPU; the indexer
 * and the logger wait for the disk; the compressors share too few CPUs.
 *
 *	demo_server [--seconds 8] [--dir DIR] [--quiet]
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "tests/workloads/workload.h"

#define WORKERS     4
#define CPUS        2
#define COMPRESSORS (CPUS + 1)
#define LATENCIES   65536

#define REQUEST_BYTES     64
#define THINK_NS          (4 * MS) /* a client's pause between two requests */
#define PARSE_NS          (200 * 1000ULL)
#define LOOKUP_NS         (100 * 1000ULL)
#define INDEX_PAUSE_NS    (60 * MS)
#define INDEX_STEPS       16
#define INDEX_STEP_BYTES  (1 << 20)
#define LOG_SYNC_LINES    64
#define COMPRESS_BURST_NS (30 * MS)
#define COMPRESS_PAUSE_NS (25 * MS)

static pthread_mutex_t index_lock = PTHREAD_MUTEX_INITIALIZER;
static int sockets[WORKERS][2]; /* server side, client side */
static int log_pipe[2];
static volatile bool stopping;
static const char *dir;
static long served;

static int open_file(const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/demo_server.%d.%s", dir, getpid(), name);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		die("cannot make '%s'", path);
	unlink(path);
	return fd;
}

static void look_up(void)
{
	pthread_mutex_lock(&index_lock);
	spin_cpu_ns(LOOKUP_NS);
	pthread_mutex_unlock(&index_lock);
}

static void *http_worker(void *argument)
{
	long number = (long)argument;
	char name[40], request[REQUEST_BYTES], line[32] = "GET /item 200\n";

	snprintf(name, sizeof(name), "http-worker-%ld", number + 1);
	prctl(PR_SET_NAME, name);
	while (read(sockets[number][0], request, sizeof(request)) == sizeof(request)) {
		spin_cpu_ns(PARSE_NS);
		look_up();
		if (write(log_pipe[1], line, sizeof(line)) != sizeof(line) ||
		    write(sockets[number][0], request, sizeof(request)) != sizeof(request))
			break;
		__atomic_add_fetch(&served, 1, __ATOMIC_RELAXED);
	}
	shutdown(sockets[number][0], SHUT_RDWR);
	return NULL;
}

/* Rewrites its index. That it does so under the lock is what the demonstration shows. */
static void *indexer(void *unused)
{
	char *data = calloc(1, INDEX_STEP_BYTES);
	int fd = open_file("index");

	prctl(PR_SET_NAME, "indexer");
	while (data && !stopping) {
		pthread_mutex_lock(&index_lock);
		for (int i = 0; i < INDEX_STEPS; i++)
			if (pwrite(fd, data, INDEX_STEP_BYTES, i * INDEX_STEP_BYTES) < 0 ||
			    fsync(fd))
				die("cannot write the index");
		pthread_mutex_unlock(&index_lock);
		sleep_ns(INDEX_PAUSE_NS);
	}
	free(data);
	close(fd);
	return NULL;
}

static void *logger(void *unused)
{
	int fd = open_file("log");
	char line[32];
	long lines = 0;

	prctl(PR_SET_NAME, "logger");
	while (read(log_pipe[0], line, sizeof(line)) > 0) {
		if (write(fd, line, sizeof(line)) != sizeof(line))
			die("cannot write the log");
		if (++lines % LOG_SYNC_LINES == 0)
			fsync(fd);
	}
	close(fd);
	return NULL;
}

static void *compressor(void *argument)
{
	char name[32];

	snprintf(name, sizeof(name), "compressor-%ld", (long)argument + 1);
	prctl(PR_SET_NAME, name);
	while (!stopping) {
		spin_cpu_ns(COMPRESS_BURST_NS);
		sleep_ns(COMPRESS_PAUSE_NS);
	}
	return NULL;
}

static void connect_clients(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	unsigned int port = 8080;

	/* A server's port is smaller than its clients': reports know the two ends by that. */
	do
		address.sin_port = htons((uint16_t)port);
	while (bind(listener, (struct sockaddr *)&address, size) && ++port < 9080);
	if (port == 9080 || listen(listener, WORKERS) ||
	    getsockname(listener, (struct sockaddr *)&address, &size))
		die("cannot listen on loopback");
	for (int i = 0; i < WORKERS; i++) {
		sockets[i][1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(sockets[i][1], (struct sockaddr *)&address, size))
			die("cannot connect over loopback");
		sockets[i][0] = accept(listener, NULL, NULL);
		for (int side = 0; side < 2; side++)
			setsockopt(sockets[i][side], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
	close(listener);
}

static uint64_t latencies[LATENCIES];
static long latency_count;

static void *client(void *argument)
{
	long number = (long)argument;
	char name[32], request[REQUEST_BYTES] = "GET /item";

	snprintf(name, sizeof(name), "client-%ld", number + 1);
	prctl(PR_SET_NAME, name);
	while (!stopping) {
		uint64_t from = now_ns();
		long slot;

		if (write(sockets[number][1], request, sizeof(request)) != sizeof(request) ||
		    recv(sockets[number][1], request, sizeof(request), MSG_WAITALL) !=
			    sizeof(request))
			break;
		slot = __atomic_fetch_add(&latency_count, 1, __ATOMIC_RELAXED);
		if (slot < LATENCIES)
			latencies[slot] = now_ns() - from;
		sleep_ns(THINK_NS);
	}
	shutdown(sockets[number][1], SHUT_RDWR);
	return NULL;
}

static int by_size(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

/* The process of the clients: until the time is over, or the server goes. */
static void run_clients(uint64_t ns, bool quiet)
{
	pthread_t threads[WORKERS];

	prctl(PR_SET_NAME, "demo-clients");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (long i = 0; i < WORKERS; i++) {
		close(sockets[i][0]);
		threads[i] = thread_start(client, (void *)i);
	}
	sleep_ns(ns);
	stopping = true;
	for (int i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	if (latency_count > LATENCIES)
		latency_count = LATENCIES;
	qsort(latencies, (size_t)latency_count, sizeof(latencies[0]), by_size);
	if (!quiet && latency_count)
		printf("{\"requests\":%ld,\"p50_ns\":%llu,\"p99_ns\":%llu,\"longest_ns\":%llu}\n",
		       latency_count, (unsigned long long)latencies[latency_count / 2],
		       (unsigned long long)latencies[latency_count * 99 / 100],
		       (unsigned long long)latencies[latency_count - 1]);
	fflush(stdout);
	_exit(0);
}

static void use_few_cpus(void)
{
	cpu_set_t allowed, used;
	int found = 0;

	sched_getaffinity(0, sizeof(allowed), &allowed);
	CPU_ZERO(&used);
	for (int cpu = 0; cpu < CPU_SETSIZE && found < CPUS; cpu++) {
		if (CPU_ISSET(cpu, &allowed)) {
			CPU_SET(cpu, &used);
			found++;
		}
	}
	sched_setaffinity(0, sizeof(used), &used);
}

/* Watches the clock until @ns have passed, like a supervisor between two events. */
static void supervise(uint64_t ns)
{
	struct itimerspec every = { .it_value.tv_nsec = 100 * 1000000L,
				    .it_interval.tv_nsec = 100 * 1000000L };
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN };
	uint64_t end = now_ns() + ns, ticks;

	timerfd_settime(timer, 0, &every, NULL);
	epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event);
	while (now_ns() < end) {
		epoll_wait(epoll, &event, 1, -1);
		if (read(timer, &ticks, sizeof(ticks)) < 0)
			break;
	}
}

int main(int argc, char **argv)
{
	pthread_t workers[WORKERS], compressors[COMPRESSORS], index_thread, log_thread;
	uint64_t ns = (uint64_t)number_option(argc, argv, "--seconds", 8) * 1000 * MS;
	bool quiet = flag_option(argc, argv, "--quiet");
	pid_t clients;

	dir = text_option(argc, argv, "--dir", ".");
	signal(SIGPIPE, SIG_IGN);
	use_few_cpus();
	spin_rounds_per_ms();
	connect_clients();
	if (pipe2(log_pipe, O_CLOEXEC))
		die("cannot make a pipe");
	clients = fork();
	if (clients < 0)
		die("cannot fork");
	if (!clients)
		run_clients(ns, quiet);

	prctl(PR_SET_NAME, "server-main");
	log_thread = thread_start(logger, NULL);
	index_thread = thread_start(indexer, NULL);
	for (long i = 0; i < WORKERS; i++) {
		close(sockets[i][1]);
		workers[i] = thread_start(http_worker, (void *)i);
	}
	for (long i = 0; i < COMPRESSORS; i++)
		compressors[i] = thread_start(compressor, (void *)i);
	printf("{\"ready\":%d,\"clients\":%d}\n", getpid(), clients);
	fflush(stdout);

	supervise(ns);
	stopping = true;
	waitpid(clients, NULL, 0);
	for (int i = 0; i < WORKERS; i++)
		pthread_join(workers[i], NULL);
	for (int i = 0; i < COMPRESSORS; i++)
		pthread_join(compressors[i], NULL);
	pthread_join(index_thread, NULL);
	close(log_pipe[1]);
	pthread_join(log_thread, NULL);
	if (!quiet)
		printf("{\"pid\":%d,\"served\":%ld}\n", getpid(), served);
	return 0;
}
