// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* output - the file that an export writes: whole, or not there */
#include "user/export/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/gzip.h"

/* "x/app.trace" -> "app"; standard input -> "tracer" */
static char *stem_of(const char *source)
{
	const char *last = strrchr(source, '/');
	size_t length;

	last = last ? last + 1 : source;
	if (!*last || !strcmp(last, "-"))
		return strdup("tracer");
	length = strlen(last);
	if (length > 6 && !strcmp(last + length - 6, ".trace"))
		length -= 6;
	return strndup(last, length);
}

static int open_free_name(struct output *output, const char *source, const char *suffix,
			  struct err *err)
{
	CLEANUP(free) char *stem = stem_of(source);
	int fd;

	if (!stem || asprintf(&output->path, "%s%s", stem, suffix) < 0) {
		output->path = NULL;
		return fail(err, -ENOMEM, "no memory for a file name");
	}
	fd = open(output->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0) {
		int r = -errno;

		fail(err, r, "cannot write '%s': %s", output->path, strerror(-r));
		hint(err, "name another file: -o FILE; - is standard output");
		free(take(output->path));
		return r;
	}
	output->made = true;
	output->file = fdopen(fd, "w");
	if (output->file)
		return 0;
	close(fd);
	return fail(err, -ENOMEM, "no memory to write '%s'", output->path);
}

/* Whether @path is, or will be, a regular file, so that another one can take its place */
static bool is_regular(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT;
	return S_ISREG(st.st_mode);
}

/* A file beside @output->path that takes its place when it is whole */
static FILE *open_partial(struct output *output)
{
	mode_t mask = umask(0);
	FILE *file;
	int fd;

	umask(mask);
	if (asprintf(&output->partial, "%s.XXXXXX", output->path) < 0) {
		output->partial = NULL;
		return NULL;
	}
	fd = mkostemp(output->partial, O_CLOEXEC);
	if (fd < 0) {
		free(take(output->partial));
		return NULL;
	}
	fchmod(fd, 0666 & ~mask);
	file = fdopen(fd, "w");
	if (!file)
		close(fd);
	return file;
}

static int open_named(struct output *output, const char *path, struct err *err)
{
	int r;

	output->path = strdup(path);
	if (output->path)
		output->file = is_regular(path) ? open_partial(output) : fopen(path, "we");
	if (output->file)
		return 0;
	r = -errno;
	fail(err, r, "cannot write '%s': %s", path, strerror(-r));
	hint(err, "name another file: -o FILE; - is standard output");
	return r;
}

int output_open(struct output *output, const char *path, const char *source, const char *suffix,
		struct err *err)
{
	int r = 0;

	*output = (struct output){ 0 };
	if (!path)
		r = open_free_name(output, source, suffix, err);
	else if (!strcmp(path, "-"))
		output->file = stdout;
	else
		r = open_named(output, path, err);
	if (r < 0)
		output_close(output);
	return r;
}

static ssize_t write_packed(void *cookie, const char *data, size_t size)
{
	int r = gzip_write(cookie, data, size);

	if (r < 0)
		errno = -r;
	return r < 0 ? 0 : (ssize_t)size;
}

int output_compress(struct output *output, struct err *err)
{
	const cookie_io_functions_t functions = { .write = write_packed };
	FILE *file;
	int r = gzip_new(&output->gzip, output->file, err);

	if (r < 0)
		return r;
	file = fopencookie(output->gzip, "w", functions);
	if (!file)
		return fail(err, -ENOMEM, "no memory to compress");
	output->packed = output->file;
	output->file = file;
	return 0;
}

/* Leaves the compressed file as the one that is written. Return: 0 or the negative errno of writing. */
static int end_gzip(struct output *output)
{
	int r = 0;

	errno = 0;
	if (output->packed && (ferror(output->file) | fclose(output->file)))
		r = errno ? -errno : -EIO;
	if (output->packed)
		output->file = take(output->packed);
	if (output->gzip && !r)
		r = gzip_finish(output->gzip);
	gzip_free(take(output->gzip));
	return r;
}

int output_finish(struct output *output, struct err *err)
{
	const char *name = output->path ?: "standard output";
	int r = end_gzip(output);

	errno = 0;
	if (!r && (fflush(output->file) || ferror(output->file)))
		r = errno ? -errno : -EIO;
	if (output->file != stdout && fclose(output->file) && !r)
		r = errno ? -errno : -EIO;
	output->file = NULL;
	if (!r && output->partial && rename(output->partial, output->path) < 0)
		r = -errno;
	if (r < 0)
		return fail(err, r, "cannot write '%s': %s", name, strerror(-r));
	free(take(output->partial));
	free(take(output->path));
	return 0;
}

void output_close(struct output *output)
{
	if (output->file)
		end_gzip(output);
	if (output->file && output->file != stdout)
		fclose(output->file);
	if (output->partial)
		unlink(output->partial);
	else if (output->path && output->made)
		unlink(output->path);
	free(output->partial);
	free(output->path);
	*output = (struct output){ 0 };
}
