// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* outbox - finished chunks on their way into the file, written by a thread of their own */
#include "user/record/outbox.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "user/base/buffer.h"

struct letter {
	struct letter *next;
	struct chunk chunk; /* its data lies in @copy */
	struct buffer copy;
};

struct outbox {
	struct trace_writer *writer; /* the thread's while it runs */
	pthread_t thread;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t news;
	struct letter *first, **last; /* to be written */
	struct letter *spare;         /* written: its memory is warm and of the right size */
	size_t bytes;                 /* of all that wait */
	u64 written;                  /* bytes of the file; atomic */
	bool ending, abandoned;
	struct err err; /* code is not 0: nothing more is written */
};

static void letter_free(struct letter *letter)
{
	if (!letter)
		return;
	buffer_free(&letter->copy);
	free(letter);
}

/* Return: the next one to be written, taken out; NULL: there will be none. */
static struct letter *take_first(struct outbox *outbox)
{
	struct letter *letter;

	while (!outbox->first && !outbox->ending)
		pthread_cond_wait(&outbox->news, &outbox->lock);
	letter = outbox->abandoned ? NULL : outbox->first;
	if (!letter)
		return NULL;
	outbox->first = letter->next;
	if (!outbox->first)
		outbox->last = &outbox->first;
	return letter;
}

static void *write_all(void *argument)
{
	struct outbox *outbox = argument;
	struct err err = { 0 };
	struct letter *letter;

	pthread_mutex_lock(&outbox->lock);
	while ((letter = take_first(outbox))) {
		pthread_mutex_unlock(&outbox->lock);
		if (!err.code)
			trace_writer_chunk(outbox->writer, &letter->chunk, &err);
		__atomic_store_n(&outbox->written, trace_writer_bytes(outbox->writer),
				 __ATOMIC_RELAXED);
		pthread_mutex_lock(&outbox->lock);
		outbox->err = err;
		outbox->bytes -= letter->chunk.bytes;
		letter_free(outbox->spare);
		outbox->spare = letter;
	}
	pthread_mutex_unlock(&outbox->lock);
	return NULL;
}

int outbox_new(struct outbox **out, struct trace_writer *writer, struct err *err)
{
	struct outbox *outbox = calloc(1, sizeof(*outbox));
	pthread_mutexattr_t inherit;
	int r;

	if (!outbox)
		return fail(err, -ENOMEM, "no memory for the recorder");
	/* The drain goes before others: whom it waits for must do so, too. */
	pthread_mutexattr_init(&inherit);
	pthread_mutexattr_setprotocol(&inherit, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&outbox->lock, &inherit);
	pthread_mutexattr_destroy(&inherit);
	pthread_cond_init(&outbox->news, NULL);
	outbox->last = &outbox->first;
	outbox->written = trace_writer_bytes(writer);
	outbox->writer = writer;
	r = pthread_create(&outbox->thread, NULL, write_all, outbox);
	if (r) {
		free(outbox);
		return fail(err, -r, "cannot begin a thread: %s", strerror(r));
	}
	*out = outbox;
	return 0;
}

/* Ends the thread and frees all but the writer. */
static void end(struct outbox *outbox, bool abandon)
{
	pthread_mutex_lock(&outbox->lock);
	outbox->ending = true;
	outbox->abandoned = abandon;
	pthread_cond_signal(&outbox->news);
	pthread_mutex_unlock(&outbox->lock);
	pthread_join(outbox->thread, NULL);
	while (outbox->first) {
		struct letter *next = outbox->first->next;

		letter_free(outbox->first);
		outbox->first = next;
	}
	letter_free(outbox->spare);
	pthread_cond_destroy(&outbox->news);
	pthread_mutex_destroy(&outbox->lock);
}

void outbox_free(struct outbox *outbox)
{
	if (!outbox)
		return;
	end(outbox, true);
	trace_writer_abort(outbox->writer);
	free(outbox);
}

static bool has_room(void *ctx)
{
	struct outbox *outbox = ctx;
	bool room;

	pthread_mutex_lock(&outbox->lock);
	/* After a failure it takes everything: put() tells. */
	room = outbox->bytes < OUTBOX_BYTES || outbox->err.code;
	pthread_mutex_unlock(&outbox->lock);
	return room;
}

static int fill(struct letter *letter, const struct chunk *chunk)
{
	buffer_reset(&letter->copy);
	buffer_append(&letter->copy, chunk->data, chunk->bytes);
	letter->chunk = *chunk;
	letter->chunk.data = letter->copy.data;
	letter->next = NULL;
	return letter->copy.failed ? -ENOMEM : 0;
}

static int put(void *ctx, const struct chunk *chunk, struct err *err)
{
	struct outbox *outbox = ctx;
	struct letter *letter;
	int r;

	pthread_mutex_lock(&outbox->lock);
	letter = take(outbox->spare);
	r = outbox->err.code;
	if (r)
		*err = outbox->err;
	pthread_mutex_unlock(&outbox->lock);
	if (!letter)
		letter = calloc(1, sizeof(*letter));
	if (!r && (!letter || fill(letter, chunk)))
		r = fail(err, -ENOMEM, "no memory for a chunk of the trace");
	if (r) {
		letter_free(letter);
		return r;
	}
	pthread_mutex_lock(&outbox->lock);
	*outbox->last = letter;
	outbox->last = &letter->next;
	outbox->bytes += chunk->bytes;
	pthread_cond_signal(&outbox->news);
	pthread_mutex_unlock(&outbox->lock);
	return 0;
}

struct chunk_sink outbox_sink(struct outbox *outbox)
{
	return (struct chunk_sink){ .ctx = outbox, .has_room = has_room, .put = put };
}

u64 outbox_bytes(const struct outbox *outbox)
{
	return __atomic_load_n(&outbox->written, __ATOMIC_RELAXED);
}

int outbox_finish(struct outbox *outbox, struct trace_writer **writer, struct err *err)
{
	int r;

	end(outbox, false);
	r = outbox->err.code;
	if (r)
		*err = outbox->err;
	*writer = outbox->writer;
	free(outbox);
	return r;
}
