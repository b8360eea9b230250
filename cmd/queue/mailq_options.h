/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mailq_options - the command lines of mailq and flushq
 *
 * One table row an option, with the programs that know it. Letters may be
 * clustered, arguments be attached or separate ("--name=ARGUMENT" too);
 * scanning stops at the first operand and at "--". Long names are not
 * abbreviated: a script that relied on that would break with the next option.
 */
#ifndef CMD_QUEUE_MAILQ_OPTIONS_H
#define CMD_QUEUE_MAILQ_OPTIONS_H

#include <stdio.h>
#include <sys/types.h>

#include "text/buf.h"
#include "text/fault.h"

enum mailq_program { PROGRAM_MAILQ = 1, PROGRAM_FLUSHQ = 2 };

enum mailq_job {
	JOB_LIST,
	JOB_JSON,
	JOB_COUNT,
	JOB_SUMMARY,
	JOB_METRICS,
	JOB_SHOW,
	JOB_RAW,
	JOB_TRY,
	JOB_REMOVE,
	JOB_FREEZE,
	JOB_THAW,
	JOB_RETRY,
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
	const char *raw;     /* of --raw, or NULL */
	const char *tag;     /* of --tag, or NULL */
	const char *only_id; /* of --id, --recipient, --sender: a part of it, or NULL */
	const char *only_rcpt;
	const char *only_sender;
	bool verbose;
	bool tell;     /* --terminal, or on a terminal, or verbose: what was done */
	bool failed;   /* the failed entries instead of the held ones */
	bool all;      /* -a, or the operand "all" */
	bool first;    /* the first try of a message just taken in */
	bool for_user; /* --for: the system's hold, and only user's entries of it */
	uid_t user;
	int caller;       /* descriptor of --caller, or -1 */
	char *const *ids; /* operands; each an id, but when all is set */
	size_t id_count;
};

/* FAULT_USAGE when the command line is wrong. */
bool mailq_options_scan(enum mailq_program program, int argc, char **argv,
                        struct mailq_call *call, struct fault *f)
    __attribute__((warn_unused_result));

void mailq_options_usage(enum mailq_program program, FILE *out);
/* The usage and a line a row of the table. */
void mailq_options_help(enum mailq_program program, FILE *out);

#endif
