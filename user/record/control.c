// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* control - a socket by which others of the same user talk to a running recorder: its side */
#include "user/record/control.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "user/base/clock.h"
#include "user/base/json.h"

#define CLIENTS_MAX 16

struct client {
	int fd;     /* -1: free */
	u64 ticket; /* of the snapshot that it waits for; 0: none */
};

struct control_socket {
	int listener;
	int news; /* epoll: listener and clients */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct flight *flight;
	struct control_owner owner;
	struct client clients[CLIENTS_MAX];
};

/* An answer on its way */
struct answer {
	char *text;
	size_t bytes;
	struct json json;
};

static bool answer_begin(struct answer *answer)
{
	*answer = (struct answer){ 0 };
	answer->json.out = open_memstream(&answer->text, &answer->bytes);
	if (answer->json.out)
		json_object(&answer->json);
	return answer->json.out;
}

static void drop(struct client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	*client = (struct client){ .fd = -1 };
}

/* One packet; who does not take it is given up. */
static void answer_send(struct answer *answer, struct client *client)
{
	json_object_end(&answer->json);
	if (fclose(answer->json.out) || client->fd < 0 ||
	    send(client->fd, answer->text, answer->bytes, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		drop(client);
	free(answer->text);
}

static void refuse(struct client *client, const char *text, const char *advice)
{
	struct answer answer;

	if (!answer_begin(&answer))
		return drop(client);
	json_key_text(&answer.json, "error", text);
	json_key_text(&answer.json, "hint", advice);
	answer_send(&answer, client);
}

static void put_status(struct control_socket *control, struct json *json)
{
	const struct session_status *session = control->owner.status;
	const struct session_options *options = control->owner.options;
	struct flight_status flight;
	u64 now = clock_mono_ns();

	flight_get_status(control->flight, &flight);
	json_key_u64(json, "pid", (u64)getpid());
	json_key_text(json, "target", options->target);
	json_key_u64(json, "elapsed_ns", session->elapsed_ns);
	json_key_u64(json, "events", session->events);
	json_key_u64(json, "events_per_second", session->events_per_second);
	json_key_u64(json, "lost", session->lost);
	json_key_u64(json, "recorder_cpu_ns", session->recorder_cpu_ns);
	json_key_u64(json, "longest_turn_ns", session->longest_turn_ns);
	json_key_u64(json, "memory_bytes", flight.memory_bytes);
	json_key_u64(json, "memory_most_bytes", options->flight->memory_bytes);
	json_key_u64(json, "window_ns", options->flight->window_ns);
	json_key_u64(json, "held_ns",
		     flight.window.from_ns ? now - min(now, flight.window.from_ns) : 0);
	json_key_u64(json, "held_bytes", flight.window.bytes);
	json_key_u64(json, "triggers", flight.triggers);
	json_key_u64(json, "suppressed", flight.suppressed);
	json_key_u64(json, "snapshots", flight.snapshots);
	json_key_u64(json, "failed", flight.failed);
	json_key_u64(json, "removed", flight.removed);
	json_key_bool(json, "pending", flight.pending);
}

static void give_status(struct control_socket *control, struct client *client)
{
	struct answer answer;

	if (!answer_begin(&answer))
		return drop(client);
	put_status(control, &answer.json);
	answer_send(&answer, client);
}

static void order_snapshot(struct control_socket *control, struct client *client, const char *path)
{
	struct cause cause = { .trigger = CAUSE_ASKED, .time_ns = clock_mono_ns() };
	int r;

	if (path && *path != '/')
		return refuse(client, "the path of a snapshot must begin with a /", NULL);
	strcpy(cause.text, "asked");
	strcpy(cause.what, "tracer snapshot");
	r = flight_snapshot(control->flight, path, &cause, &client->ticket);
	if (r < 0)
		refuse(client, r == -EBUSY ? "too many snapshots are being written" : strerror(-r),
		       "try again in a moment");
}

static void on_written(void *ctx, u64 ticket, const struct snapshot_result *result)
{
	struct control_socket *control = ctx;

	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *client = &control->clients[i];
		struct answer answer;

		if (client->fd < 0 || client->ticket != ticket)
			continue;
		client->ticket = 0;
		if (result->err.code) {
			refuse(client, result->err.text, result->err.hint);
			continue;
		}
		if (!answer_begin(&answer)) {
			drop(client);
			continue;
		}
		json_key_text(&answer.json, "path", result->order->path);
		json_key_u64(&answer.json, "bytes", result->bytes);
		json_key_u64(&answer.json, "held_ns", result->to_ns - result->from_ns);
		json_key_u64(&answer.json, "events", result->events);
		json_key_u64(&answer.json, "lost", result->lost);
		answer_send(&answer, client);
	}
}

static void stop(struct control_socket *control, struct client *client)
{
	struct answer answer;

	if (!answer_begin(&answer))
		return drop(client);
	json_key_bool(&answer.json, "stopping", true);
	answer_send(&answer, client);
	control->owner.stop(control->owner.ctx);
}

static void serve(struct control_socket *control, struct client *client, const char *request)
{
	if (client->ticket)
		refuse(client, "one request at a time", NULL);
	else if (!strcmp(request, "status"))
		give_status(control, client);
	else if (!strcmp(request, "snapshot"))
		order_snapshot(control, client, NULL);
	else if (!strncmp(request, "snapshot ", 9))
		order_snapshot(control, client, request + 9);
	else if (!strcmp(request, "stop"))
		stop(control, client);
	else
		refuse(client, "there is no such request", "there are: status, snapshot, stop");
}

static bool may_ask(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

static void accept_one(struct control_socket *control)
{
	int fd = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct epoll_event event = { .events = EPOLLIN };

	if (fd < 0)
		return;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *client = &control->clients[i];

		if (client->fd >= 0)
			continue;
		*client = (struct client){ .fd = fd };
		if (!may_ask(fd) || epoll_ctl(control->news, EPOLL_CTL_ADD, fd, &event))
			drop(client);
		return;
	}
	close(fd);
}

static void look_at(struct control_socket *control, struct client *client)
{
	char request[CONTROL_REQUEST_MAX];
	ssize_t n = recv(client->fd, request, sizeof(request) - 1, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		return drop(client);
	request[n] = 0;
	serve(control, client, request);
}

void control_turn(struct control_socket *control)
{
	struct epoll_event unused[CLIENTS_MAX + 1];

	if (epoll_wait(control->news, unused, CLIENTS_MAX + 1, 0) <= 0)
		return;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (control->clients[i].fd >= 0)
			look_at(control, &control->clients[i]);
	accept_one(control);
}

int control_fd(const struct control_socket *control)
{
	return control->news;
}

/* What killed recorders left: nobody listens there. */
static void clean_up(const char *directory)
{
	DIR *list = opendir(directory);
	const struct dirent *entry;

	while (list && (entry = readdir(list))) {
		struct sockaddr_un at = { .sun_family = AF_UNIX };
		const char *dot = strrchr(entry->d_name, '.');
		int fd;

		if (!dot || strcmp(dot, ".sock"))
			continue;
		if (snprintf(at.sun_path, sizeof(at.sun_path), "%s/%s", directory, entry->d_name) >=
		    (int)sizeof(at.sun_path))
			continue;
		fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) &&
		    errno == ECONNREFUSED)
			unlink(at.sun_path);
		if (fd >= 0)
			close(fd);
	}
	if (list)
		closedir(list);
}

static int listen_at(struct control_socket *control, const char *directory, struct err *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct epoll_event event = { .events = EPOLLIN };
	mode_t before;
	int r;

	if (snprintf(at.sun_path, sizeof(at.sun_path), "%s/%d.sock", directory, getpid()) >=
	    (int)sizeof(at.sun_path))
		return fail(err, -ENAMETOOLONG, "'%s' is too long for a socket", directory);
	if (mkdir(directory, 0700) && errno != EEXIST)
		return fail(err, -errno, "cannot make '%s': %s", directory, strerror(errno));
	clean_up(directory);
	unlink(at.sun_path);
	control->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	control->news = epoll_create1(EPOLL_CLOEXEC);
	before = umask(0177);
	r = control->listener < 0 || control->news < 0 ||
	    bind(control->listener, (struct sockaddr *)&at, sizeof(at)) ||
	    listen(control->listener, CLIENTS_MAX) ||
	    epoll_ctl(control->news, EPOLL_CTL_ADD, control->listener, &event);
	if (r)
		r = -errno;
	umask(before);
	if (r < 0)
		return fail(err, r, "cannot listen at '%s': %s", at.sun_path, strerror(-r));
	strcpy(control->path, at.sun_path);
	return 0;
}

int control_open(struct control_socket **out, struct flight *flight,
		 const struct control_owner *owner, struct err *err)
{
	CLEANUP(control_close) struct control_socket *control = calloc(1, sizeof(*control));
	char directory[256];
	int r;

	if (!control)
		return fail(err, -ENOMEM, "no memory for a socket");
	control->listener = control->news = -1;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		control->clients[i].fd = -1;
	control->flight = flight;
	control->owner = *owner;
	control_directory(directory, sizeof(directory));
	r = listen_at(control, directory, err);
	if (r < 0)
		return r;
	flight_on_written(flight, on_written, control);
	*out = take(control);
	return 0;
}

void control_close(struct control_socket *control)
{
	if (!control)
		return;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		drop(&control->clients[i]);
	if (control->path[0]) {
		unlink(control->path);
		flight_on_written(control->flight, NULL, NULL);
	}
	if (control->listener >= 0)
		close(control->listener);
	if (control->news >= 0)
		close(control->news);
	free(control);
}
