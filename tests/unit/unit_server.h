/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * unit_server - an SMTP server on the loopback that does as it is told, for one test
 *
 * A child process. It serves one connection after the other, says yes to everything that it
 * has no other answer to, and offers PIPELINING alone. What is to be seen of whole programs
 * is for tests/relay, which can far more.
 */
#ifndef UNIT_SERVER_H
#define UNIT_SERVER_H

#include <sys/types.h>

#include "conf/settings.h"

/* How it answers a command. The first that fits counts. */
struct unit_answer {
	const char *command; /* how it begins; "": the greeting; ".": a message's end */
	const char *say;     /* lines, "\n" between them */
	const char *behind; /* it waits until a line that begins so has come as well; or NULL */
	bool once;          /* the first time only */
	bool closes;        /* the connection, behind it */
};

struct unit_server {
	int port;
	/* Private. */
	pid_t pid;
	int end; /* is closed when it is to end */
	struct unit_heard *heard;
};

/* answers: borrowed until the end. */
void unit_server_start(struct unit_server *s, const struct unit_answer *answers, size_t count);
/* Waits until all connections to it are closed, and ends it. What it was sent, a line each,
 * with "+" for a connection and "-" for its end; good until the test ends. */
const char *unit_server_end(struct unit_server *s);

/* The settings of a relay "main" that is that server; more: further lines of its section, then
 * perhaps other sections. To be released. */
void unit_server_settings(const struct unit_server *s, const char *more, struct settings *c);

#endif
