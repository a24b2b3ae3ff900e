/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* socket_pingpong - a client that waits for answers that take 10 ms: TCP, --tcp6, --udp or --unix */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/workloads/workload.h"

static long rounds, answer_ms;
static int server_fd, client_fd;

static void *server(void *unused)
{
	struct thread_truth *t = truth_begin("server");
	char byte;

	for (long i = 0; i < rounds; i++) {
		if (TIMED(t, "read", read(server_fd, &byte, 1)) != 1)
			die("the server cannot read");
		TIMED(t, "sleep", (sleep_ns((uint64_t)answer_ms * MS), 0));
		if (write(server_fd, &byte, 1) != 1)
			die("the server cannot write");
	}
	truth_end(t);
	return NULL;
}

static void *client(void *unused)
{
	struct thread_truth *t = truth_begin("client");
	char byte = 'x';

	for (long i = 0; i < rounds; i++) {
		if (write(client_fd, &byte, 1) != 1)
			die("the client cannot write");
		if (TIMED(t, "read", read(client_fd, &byte, 1)) != 1)
			die("the client cannot read");
	}
	truth_end(t);
	return NULL;
}

static void loopback(struct sockaddr_storage *address, socklen_t *size, bool six)
{
	memset(address, 0, sizeof(*address));
	if (six) {
		*(struct sockaddr_in6 *)address = (struct sockaddr_in6){
			.sin6_family = AF_INET6,
			.sin6_addr = IN6ADDR_LOOPBACK_INIT,
		};
		*size = sizeof(struct sockaddr_in6);
	} else {
		*(struct sockaddr_in *)address = (struct sockaddr_in){
			.sin_family = AF_INET,
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		};
		*size = sizeof(struct sockaddr_in);
	}
}

/*
 * Below the ports that the kernel gives to clients, so that it is plain which end serves: reports
 * take the smaller port for the server's when they did not see it listen.
 */
static int bind_low(int fd, struct sockaddr_storage *address, socklen_t size, bool six)
{
	for (unsigned int port = 20000; port < 30000; port++) {
		uint16_t at = htons((uint16_t)(port + (unsigned int)getpid() % 1000));

		if (six)
			((struct sockaddr_in6 *)address)->sin6_port = at;
		else
			((struct sockaddr_in *)address)->sin_port = at;
		if (!bind(fd, (struct sockaddr *)address, size))
			return 0;
		if (errno != EADDRINUSE)
			return -1;
	}
	return -1;
}

static void connect_tcp(bool six)
{
	struct sockaddr_storage address;
	socklen_t size;
	int family = six ? AF_INET6 : AF_INET;
	int listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	loopback(&address, &size, six);
	client_fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind_low(listener, &address, size, six) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&address, &size) ||
	    connect(client_fd, (struct sockaddr *)&address, size))
		die("cannot connect over loopback");
	server_fd = accept(listener, NULL, NULL);
	close(listener);
}

static void connect_udp(void)
{
	struct sockaddr_storage server_address, client_address;
	socklen_t size;

	loopback(&server_address, &size, false);
	loopback(&client_address, &size, false);
	server_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	client_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind_low(server_fd, &server_address, size, false) ||
	    bind(client_fd, (struct sockaddr *)&client_address, size) ||
	    getsockname(server_fd, (struct sockaddr *)&server_address, &size) ||
	    getsockname(client_fd, (struct sockaddr *)&client_address, &size) ||
	    connect(client_fd, (struct sockaddr *)&server_address, size) ||
	    connect(server_fd, (struct sockaddr *)&client_address, size))
		die("cannot connect two UDP sockets");
}

static unsigned int port_of(int fd)
{
	struct sockaddr_storage address = { 0 };
	socklen_t size = sizeof(address);

	getsockname(fd, (struct sockaddr *)&address, &size);
	if (address.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)&address)->sin_port);
	if (address.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
	return 0;
}

int main(int argc, char **argv)
{
	pthread_t threads[2];
	int pair[2];

	workload_begin(argc, argv);
	rounds = number_option(argc, argv, "--rounds", 50);
	answer_ms = number_option(argc, argv, "--ms", 10);

	if (flag_option(argc, argv, "--unix")) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
			die("cannot make a pair of sockets");
		server_fd = pair[0];
		client_fd = pair[1];
	} else if (flag_option(argc, argv, "--udp")) {
		connect_udp();
	} else {
		connect_tcp(flag_option(argc, argv, "--tcp6"));
	}

	threads[0] = thread_start(server, NULL);
	threads[1] = thread_start(client, NULL);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	truth_print(",\"server_port\":%u,\"client_port\":%u", port_of(server_fd),
		    port_of(client_fd));
	return workload_end();
}
