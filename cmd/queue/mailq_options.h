/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mailq_options - the command lines of mailq and flushq
 *
 * One table row an option, as in cmd/args.
 *
 * What one of our programs says to the next stands in argv[0], behind the name and a blank, where
 * no option or operand of anybody can stand:
 *
 *   for=UID    by post: only this user's entries of the system's hold (believed from that user
 *              and from the hold's own, whom the kernel let open it)
 *   door       by post: the command line is a client's, who waits at CHILD_FD
 *   caller     the first try of a message, for the sendmail that waits at CHILD_FD
 *   first      the same when nobody waits: a relay known as dead is not asked
 *   accepted   by post: only log that the messages were taken
 *   tag=NAME   the name in the log; the rest of argv[0], blanks too
 */
#ifndef CMD_QUEUE_MAILQ_OPTIONS_H
#define CMD_QUEUE_MAILQ_OPTIONS_H

#include <stdio.h>
#include <sys/types.h>

#include "text/buf.h"
#include "text/fault.h"
#include "os/child.h" /* CHILD_FD */

#define MAILQ_ZONE_MAX 64 /* bytes of TZ */

enum mailq_program { PROGRAM_MAILQ = 1, PROGRAM_FLUSHQ = 2 };

enum mailq_job {
	JOB_LIST,
	JOB_JSON,
	JOB_COUNT,
	JOB_SUMMARY,
	JOB_METRICS,
	JOB_SHOW,
	JOB_TRY,
	JOB_ADMIN, /* cmd/queue/admin, by its verb */
	JOB_ACCEPTED,
	JOB_HELP,
	JOB_VERSION,
};

/* What a command line asks for. Strings are borrowed from argv. */
struct mailq_call {
	enum mailq_program program;
	enum mailq_job job;
	const char *config;  /* of -C, or NULL */
	const char *show;    /* of --show */
	const char *verb;    /* of JOB_ADMIN: the option without its dashes */
	const char *tag;     /* of argv[0], or NULL */
	const char *zone;    /* TZ of a client of the door, or NULL */
	const char *only_id; /* of --id, --recipient, --sender: a part of it, or NULL */
	const char *only_rcpt;
	const char *only_sender;
	bool verbose;
	bool tell;     /* on a terminal, or verbose: what was done */
	bool failed;   /* the failed entries instead of the held ones */
	bool all;      /* -a, or the operand "all" */
	bool first;    /* the first try of a message just taken in */
	bool for_user; /* the system's hold, and only user's entries of it */
	bool plain;    /* a client of the door wants no colours */
	bool door;     /* who waits at CHILD_FD is to be told the exit code */
	uid_t user;
	int caller;       /* CHILD_FD if a sendmail waits there, or -1 */
	char *const *ids; /* operands; each an id, but when all is set */
	size_t id_count;
	struct buf
	    options; /* owned: those of the line but -C, each with a line feed before it, as
	                     * post_client_command() wants them */
};

/* The program that is called so. */
enum mailq_program mailq_options_program(const char *argv0);
/* FAULT_USAGE when the command line is wrong; call is to be released all the same. */
bool mailq_options_scan(enum mailq_program program, int argc, char **argv,
                        struct mailq_call *call, struct fault *f)
    __attribute__((warn_unused_result));

void mailq_options_release(struct mailq_call *call);

void mailq_options_usage(enum mailq_program program, FILE *out);
/* The usage and a line a row of the table. */
void mailq_options_help(enum mailq_program program, FILE *out);

#endif
