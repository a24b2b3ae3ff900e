/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* sysv - waits of System V and POSIX message queues and semaphores */
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>

#include "tests/workloads/workload.h"

struct message {
	long type;
	char text[8];
};

static long rounds, ms;
static int semaphore, queue;
static mqd_t posix_queue;

static void *giver(void *unused)
{
	struct thread_truth *t = truth_begin("giver");
	struct sembuf up = { .sem_op = 1 };
	struct message message = { .type = 1 };

	for (long i = 0; i < rounds; i++) {
		TIMED(t, "sleep", (sleep_ns((uint64_t)ms * MS), 0));
		semop(semaphore, &up, 1);
		TIMED(t, "sleep", (sleep_ns((uint64_t)ms * MS), 0));
		msgsnd(queue, &message, sizeof(message.text), 0);
		TIMED(t, "sleep", (sleep_ns((uint64_t)ms * MS), 0));
		mq_send(posix_queue, "x", 1, 0);
	}
	truth_end(t);
	return NULL;
}

static void *taker(void *unused)
{
	struct thread_truth *t = truth_begin("taker");
	struct sembuf down = { .sem_op = -1 };
	struct message message;
	char bytes[64];

	for (long i = 0; i < rounds; i++) {
		TIMED(t, "semop", semop(semaphore, &down, 1));
		TIMED(t, "msgrcv", msgrcv(queue, &message, sizeof(message.text), 0, 0));
		TIMED(t, "mq_timedreceive", mq_receive(posix_queue, bytes, sizeof(bytes), NULL));
	}
	truth_end(t);
	return NULL;
}

int main(int argc, char **argv)
{
	struct mq_attr attributes = { .mq_maxmsg = 4, .mq_msgsize = 64 };
	pthread_t threads[2];
	char name[64];

	workload_begin(argc, argv);
	rounds = number_option(argc, argv, "--rounds", 10);
	ms = number_option(argc, argv, "--ms", 10);
	semaphore = semget(IPC_PRIVATE, 1, 0600);
	queue = msgget(IPC_PRIVATE, 0600);
	snprintf(name, sizeof(name), "/workload.%d", getpid());
	posix_queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attributes);
	if (semaphore < 0 || queue < 0 || posix_queue < 0)
		die("cannot make a semaphore and queues");
	mq_unlink(name);

	threads[0] = thread_start(giver, NULL);
	threads[1] = thread_start(taker, NULL);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	semctl(semaphore, 0, IPC_RMID);
	msgctl(queue, IPC_RMID, NULL);
	truth_print(",\"rounds\":%ld", rounds);
	return workload_end();
}
