/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * child - starting another process, and taking its status
 *
 * A child has the descriptors that it is given and no other but sandbox_descriptor(): what
 * else we have open (a lock, a connection, a pipe that somebody reads to its end) does not
 * stay so for as long as it runs. Its signals are as if it had been started by a shell: none
 * is blocked, handled or ignored. Whoever started it takes its status, so that no zombie
 * stays.
 *
 * flush has its workers from fork(2): they go on with all that it has.
 */
#ifndef OS_CHILD_H
#define OS_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CHILD_FD      3   /* of the child: the only one behind the standard ones */
#define CHILD_NOT_RUN 127 /* its exit status if the program could not be run, as sh has it */

enum child_tie {
	CHILD_WITH_US, /* in our group: the terminal's ^C is for it too */
	CHILD_GROUP,   /* leads a group; ended with all of it */
	CHILD_SESSION, /* leads a session: goes on whatever becomes of us */
	CHILD_DIES     /* with us, where the system can do that (Linux) */
};

/* Runs in the child, which ends with 0 when it returns; never through exit(3). */
typedef void child_task(void *context);

struct child_order {
	/* Those of ours that become its 0, 1, 2 and CHILD_FD. Below 0: /dev/null for the
	 * first three, and nothing for the last. */
	int fds[CHILD_FD + 1];
	enum child_tie tie;
	bool drop_group; /* the effective group (a set-id program's) becomes the real one */
	child_task *task;
	void *context;
	/* Or, with task NULL: argv[0], looked up in PATH unless there is a slash in it. */
	const char *program; /* in its place, or NULL */
	char *const *argv;   /* ended by NULL */
	char **environment;  /* NULL: ours */
};

struct child {
	pid_t pid;
	bool group; /* it was started as CHILD_GROUP */
	bool ended;
	int status; /* then: as waitpid(2) has it; CHILD_NOT_RUN if somebody else took it */
};

/* False with errno if there is no process to be had. One that cannot do what it is to
 * (as a rule: run the program) ends with CHILD_NOT_RUN. */
bool child_start(struct child *c, const struct child_order *order)
    __attribute__((warn_unused_result));

/* Has it ended? Does not wait. */
bool child_ended(struct child *c);
/* Waits for its end; false if it runs still at the deadline (monotonic ms). */
bool child_wait(struct child *c, int64_t deadline);
/* Ends it by SIGKILL unless it has ended, with its group if it has one, and waits. */
void child_kill(struct child *c);

#endif
