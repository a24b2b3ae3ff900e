// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* server - recordings over HTTP, under the paths that people know from Go's net/http/pprof */
#include "user/serve/server.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include "user/base/clock.h"
#include "user/base/text.h"
#include "user/serve/request.h"
#include "user/serve/work.h"

#define CLIENTS_MAX  64
#define IDLE_SECONDS 30 /* of a client that neither asks nor reads */

struct server {
	struct server_options options;
	struct MHD_Daemon *daemon;
	char directory[64]; /* of our own, for files that are made for clients */
	int quit;           /* eventfd */
	u32 recording;      /* requests that record now */
	u64 numbers;        /* of files */
	u64 answered[6];    /* by the first digit of the status */
	u64 left;           /* by clients, before there was an answer */
	u64 bytes;          /* of files that were made for clients */
};

/* A request that is being answered */
struct exchange {
	struct server *server;
	struct MHD_Connection *connection;
	const char *path;
	u64 since_ns;
	unsigned int status;
};

static void count(u64 *at, u64 more)
{
	__atomic_fetch_add(at, more, __ATOMIC_RELAXED);
}

static u64 counted(const u64 *at)
{
	return __atomic_load_n(at, __ATOMIC_RELAXED);
}

/* Answers. @response: given away; NULL: no memory. Return: what MHD is to be told. */
static enum MHD_Result put(struct exchange *x, unsigned int status, const char *type,
			   struct MHD_Response *response)
{
	enum MHD_Result r;

	x->status = status;
	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (status == MHD_HTTP_UNAUTHORIZED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
	if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "5");
	r = MHD_queue_response(x->connection, status, response);
	MHD_destroy_response(response);
	return r;
}

static enum MHD_Result put_text(struct exchange *x, unsigned int status, const char *type,
				const char *text)
{
	return put(
		x, status, type,
		MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_MUST_COPY));
}

static enum MHD_Result refuse(struct exchange *x, unsigned int status, const char *text)
{
	char line[1200];

	snprintf(line, sizeof(line), "%s\n", text);
	return put_text(x, status, "text/plain; charset=utf-8", line);
}

/* The file itself is gone already: nobody else gets it, and it needs no cleaning up. */
static enum MHD_Result put_file(struct exchange *x, const char *path, const char *name)
{
	struct MHD_Response *response;
	char disposition[128];
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st)) {
		if (fd >= 0)
			close(fd);
		return refuse(x, MHD_HTTP_INTERNAL_SERVER_ERROR, "the file that was made is gone");
	}
	response = MHD_create_response_from_fd64((u64)st.st_size, fd);
	if (!response) {
		close(fd);
		return MHD_NO;
	}
	count(&x->server->bytes, (u64)st.st_size);
	snprintf(disposition, sizeof(disposition), "attachment; filename=\"%s\"", name);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_DISPOSITION, disposition);
	return put(x, MHD_HTTP_OK, "application/octet-stream", response);
}

/* Runs a command. Return: true when it is done; else *@answer is set. */
static bool run(struct exchange *x, struct work *work, enum MHD_Result *answer)
{
	enum work_result result;

	work->client = MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CONNECTION_FD)
			       ->connect_fd;
	work->quit = x->server->quit;
	result = work_run(work);
	if (result == WORK_FAILED)
		*answer = refuse(x, MHD_HTTP_INTERNAL_SERVER_ERROR,
				 work->said[0] ? work->said : "tracer failed, and did not say why");
	if (result == WORK_LEFT)
		*answer = MHD_NO;
	return result == WORK_DONE;
}

/* Records into @trace. As run(). */
static bool record(struct exchange *x, const struct request *request, const char *trace,
		   enum MHD_Result *answer)
{
	const char *const *target = x->server->options.target;
	char duration[32], pid[16];
	struct work work = { .args = { "record", "-q", "-o", trace, "-d", duration } };
	int at = 6;

	snprintf(duration, sizeof(duration), "%" PRIu64 "us",
		 (u64)(request->duration_ns / NSEC_PER_USEC));
	if (request->pid) {
		snprintf(pid, sizeof(pid), "%u", request->pid);
		work.args[at++] = "-p";
		work.args[at++] = pid;
	} else {
		for (int i = 0; target[i]; i++)
			work.args[at++] = target[i];
	}
	return run(x, &work, answer);
}

/* What the client wants of the trace, into @made. As run(). */
static bool convert(struct exchange *x, const struct request *request, const char *trace,
		    const char *made, enum MHD_Result *answer)
{
	const char *what = request->profile ?: request->format;
	struct work work = {
		.args = { request->profile ? "pprof" : "export", what, trace, "-o", made },
	};

	return run(x, &work, answer);
}

static enum MHD_Result record_and_put(struct exchange *x, const struct request *request)
{
	u64 number = __atomic_add_fetch(&x->server->numbers, 1, __ATOMIC_RELAXED);
	char trace[96], made[96], name[64];
	enum MHD_Result answer = MHD_NO;
	bool converted = request->profile || request->format;

	snprintf(trace, sizeof(trace), "%s/%" PRIu64 ".trace", x->server->directory, number);
	snprintf(made, sizeof(made), "%s/%" PRIu64 ".made", x->server->directory, number);
	snprintf(name, sizeof(name), "%s%s%s", request->profile ?: "tracer",
		 request->profile ? ".pb.gz" : ".", request->profile ? "" :
		 request->format ?: "trace");
	if (record(x, request, trace, &answer) &&
	    (!converted || convert(x, request, trace, made, &answer)))
		answer = put_file(x, converted ? made : trace, name);
	unlink(trace);
	unlink(made);
	return answer;
}

static enum MHD_Result answer_record(struct exchange *x, const struct request *request)
{
	struct server *server = x->server;
	enum MHD_Result answer;
	char process[32];

	if (!request->pid && !server->options.target[0])
		return refuse(x, MHD_HTTP_BAD_REQUEST,
			      "which process? add pid=PID, or start the server with -p or -a");
	snprintf(process, sizeof(process), "/proc/%u", request->pid);
	if (request->pid && access(process, F_OK))
		return refuse(x, MHD_HTTP_NOT_FOUND, "no process has this pid");
	if (__atomic_add_fetch(&server->recording, 1, __ATOMIC_RELAXED) > server->options.at_once) {
		answer = refuse(x, MHD_HTTP_SERVICE_UNAVAILABLE,
				"as many recordings as may be go on already");
	} else {
		/* Nothing moves on the connection until it is recorded. */
		MHD_set_connection_option(x->connection, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
		answer = record_and_put(x, request);
		MHD_set_connection_option(x->connection, MHD_CONNECTION_OPTION_TIMEOUT,
					  (unsigned int)IDLE_SECONDS);
	}
	__atomic_sub_fetch(&server->recording, 1, __ATOMIC_RELAXED);
	return answer;
}

/* What the recorder says to @what. Return: to be freed, or NULL with *@answer set. */
static char *ask(struct exchange *x, const char *what, const char *path, enum MHD_Result *answer)
{
	const struct server_options *options = &x->server->options;
	struct err err = { 0 };
	char *said = NULL, line[1100];

	if (options->ask(options->ctx, &said, what, path, &err) < 0) {
		snprintf(line, sizeof(line), "%s%s%s", err.text, err.hint[0] ? "\n" : "", err.hint);
		*answer = refuse(
			x, err.code == -ESRCH ? MHD_HTTP_NOT_FOUND : MHD_HTTP_SERVICE_UNAVAILABLE,
			line);
	}
	return said;
}

static enum MHD_Result answer_status(struct exchange *x)
{
	enum MHD_Result answer = MHD_NO;
	CLEANUP(free) char *said = ask(x, "status", NULL, &answer);

	return said ? put_text(x, MHD_HTTP_OK, "application/json", said) : answer;
}

static enum MHD_Result answer_snapshot(struct exchange *x)
{
	u64 number = __atomic_add_fetch(&x->server->numbers, 1, __ATOMIC_RELAXED);
	enum MHD_Result answer = MHD_NO;
	char path[96], *said;

	snprintf(path, sizeof(path), "%s/%" PRIu64 ".trace", x->server->directory, number);
	said = ask(x, "snapshot", path, &answer);
	if (said)
		answer = put_file(x, path, "snapshot.trace");
	free(said);
	unlink(path);
	return answer;
}

static void write_metric(FILE *out, const char *name, const char *type, const char *help, u64 value)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", name, help, name, type, name,
		value);
}

static enum MHD_Result answer_metrics(struct exchange *x)
{
	struct server *server = x->server;
	char *text = NULL, *said = NULL;
	enum MHD_Result answer;
	struct err err = { 0 };
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return MHD_NO;
	fputs("# HELP tracer_serve_answers_total requests that were answered, by status\n"
	      "# TYPE tracer_serve_answers_total counter\n",
	      out);
	for (int i = 2; i < 6; i++)
		fprintf(out, "tracer_serve_answers_total{status=\"%dxx\"} %" PRIu64 "\n", i,
			counted(&server->answered[i]));
	write_metric(out, "tracer_serve_left_total", "counter",
		     "clients that went away before their answer", counted(&server->left));
	write_metric(out, "tracer_serve_file_bytes_total", "counter",
		     "bytes of traces and profiles made for clients", counted(&server->bytes));
	write_metric(out, "tracer_serve_recordings", "gauge", "recordings that go on now",
		     __atomic_load_n(&server->recording, __ATOMIC_RELAXED));
	write_metric(out, "tracer_flight_up", "gauge", "whether the flight recorder answers",
		     !server->options.ask(server->options.ctx, &said, "metrics", NULL, &err));
	fputs(said ?: "", out);
	free(said);
	if (fclose(out)) {
		free(text);
		return MHD_NO;
	}
	answer = put_text(x, MHD_HTTP_OK, "text/plain; version=0.0.4", text);
	free(text);
	return answer;
}

static const char *header(struct exchange *x, const char *name)
{
	return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

static const char *word(struct exchange *x, const char *name)
{
	return MHD_lookup_connection_value(x->connection, MHD_GET_ARGUMENT_KIND, name);
}

static enum MHD_Result answer(struct exchange *x, const char *method)
{
	const struct guard_request who = {
		.host = header(x, MHD_HTTP_HEADER_HOST),
		.authorization = header(x, MHD_HTTP_HEADER_AUTHORIZATION),
		.origin = header(x, MHD_HTTP_HEADER_ORIGIN),
		.site = header(x, "Sec-Fetch-Site"),
	};
	const struct request_words words = { .seconds = word(x, "seconds"),
					     .pid = word(x, "pid"),
					     .format = word(x, "format") };
	const struct server_options *options = &x->server->options;
	struct request request;
	struct err err = { 0 };
	int r;

	switch (guard_ask(&options->guard, &who)) {
	case GUARD_LETS_IN: break;
	case GUARD_FOREIGN_HOST:
		return refuse(
			x, MHD_HTTP_FORBIDDEN,
			"the host of this request is none of this server's; --host NAME adds one");
	case GUARD_FOREIGN_SITE:
		return refuse(x, MHD_HTTP_FORBIDDEN, "other sites may not ask this server");
	case GUARD_NO_TOKEN:
		return refuse(x, MHD_HTTP_UNAUTHORIZED,
			      "this server wants its token: Authorization: Bearer TOKEN");
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET))
		return refuse(x, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET");
	r = request_parse(&request, x->path, &words, options->longest_ns, &err);
	if (r < 0)
		return refuse(x, r == -ENOENT ? MHD_HTTP_NOT_FOUND : MHD_HTTP_BAD_REQUEST,
			      err.text);
	switch (request.kind) {
	case REQUEST_RECORD: return answer_record(x, &request);
	case REQUEST_SNAPSHOT: return answer_snapshot(x);
	case REQUEST_STATUS: return answer_status(x);
	case REQUEST_METRICS: return answer_metrics(x);
	default: return put_text(x, MHD_HTTP_OK, "text/plain; charset=utf-8", request_index);
	}
}

static void tell(const struct exchange *x, const char *method)
{
	const struct server_options *options = &x->server->options;
	char line[512], took[TEXT_MAX];

	if (x->status)
		count(&x->server->answered[min(x->status / 100, 5u)], 1);
	else
		count(&x->server->left, 1);
	if (!options->on_request)
		return;
	text_duration(took, clock_mono_ns() - x->since_ns);
	if (x->status)
		snprintf(line, sizeof(line), "%.16s %.256s: %u after %s", method, x->path,
			 x->status, took);
	else
		snprintf(line, sizeof(line), "%.16s %.256s: the client went away after %s", method,
			 x->path, took);
	options->on_request(options->ctx, line);
}

/* Called once when the head of a request is there, and again for its body and its end. */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_bytes, void **own)
{
	static char seen;
	struct exchange x = {
		.server = ctx, .connection = connection, .path = url, .since_ns = clock_mono_ns()
	};
	enum MHD_Result r;

	if (!*own) {
		*own = &seen;
		return MHD_YES;
	}
	/* No request of ours has a body. */
	if (*upload_bytes) {
		*upload_bytes = 0;
		return MHD_YES;
	}
	r = answer(&x, method);
	tell(&x, method);
	return r;
}

static int make_directory(struct server *server, struct err *err)
{
	const char *parent = getenv("TMPDIR");

	if (!parent || strlen(parent) > sizeof(server->directory) - 24)
		parent = "/tmp";
	snprintf(server->directory, sizeof(server->directory), "%s/tracer-serve.XXXXXX", parent);
	if (mkdtemp(server->directory))
		return 0;
	fail(err, -errno, "no folder for traces in '%s': %s", parent, strerror(errno));
	server->directory[0] = 0;
	return hint(err, "TMPDIR names another place");
}

static int start(struct server *server, struct err *err)
{
	const union listen_address *address = &server->options.address;
	unsigned int flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION;

	if (address->any.sa_family == AF_INET6)
		flags |= MHD_USE_IPv6;
	errno = 0;
	server->daemon =
		MHD_start_daemon(flags, 0, NULL, NULL, on_request, server, MHD_OPTION_SOCK_ADDR,
				 &address->any, MHD_OPTION_CONNECTION_LIMIT, CLIENTS_MAX,
				 MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS, MHD_OPTION_END);
	if (server->daemon)
		return 0;
	fail(err, errno ? -errno : -EIO, "cannot listen on port %u: %s",
	     ntohs(address->v4.sin_port), errno ? strerror(errno) : "no reason was given");
	return hint(err, "--listen takes another address, port 0 a free one");
}

int server_new(struct server **out, const struct server_options *options, struct err *err)
{
	CLEANUP(server_free) struct server *server = calloc(1, sizeof(*server));
	int r;

	if (!server)
		return fail(err, -ENOMEM, "no memory for a server");
	server->options = *options;
	server->quit = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (server->quit < 0)
		return fail(err, -errno, "no eventfd for a server: %s", strerror(errno));
	r = make_directory(server, err);
	r = r ?: start(server, err);
	if (!r)
		*out = take(server);
	return r;
}

u16 server_port(const struct server *server)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);

	return info ? info->port : ntohs(server->options.address.v4.sin_port);
}

void server_free(struct server *server)
{
	if (!server)
		return;
	if (server->quit >= 0 && eventfd_write(server->quit, 1))
		errno = 0;
	if (server->daemon)
		MHD_stop_daemon(server->daemon);
	if (server->quit >= 0)
		close(server->quit);
	if (server->directory[0])
		rmdir(server->directory);
	free(server);
}
