/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/queue/door.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "os/clock.h"
#include "post/post_client.h"

#define IDS_AT_ONCE 4000 /* RECORD_WORDS with the options, RECORD_MAX with ID and line feed */
#define ANSWER_MS   1000
#define WRITE_S     5 /* the longest that what is written to the caller's errors may take */
#define LAST_MS     (2 * WRITE_S * 1000)

/* As a program that writes into a pipe without a reader ends. */
static bool output_is_cut(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO};
	return poll(&out, 1, 0) > 0 && (out.revents & POLLERR);
}

static int pass(const struct mailq_call *call, struct str words)
{
	struct post_client post;
	struct fault f = FAULT_INIT;
	int code = 0;
	bool flushes = call->program == PROGRAM_FLUSHQ;
	post_client_init(&post);
	/* The service runs as the hold's user, who may also move and remove what is not the
	 * caller's file. */
	bool ok = post_client_open(&post, flushes, &f) &&
	          post_client_command(&post, words, &code, &f);
	post_client_close(&post);
	if (ok)
		return code;
	if (!flushes && output_is_cut()) {
		raise(SIGPIPE);
		fault_set(&f, FAULT_IO, "cannot write: nobody reads it");
	}
	fprintf(stderr, "%s: %s\n", flushes ? "flushq" : "mailq", f.text);
	return fault_exit(f.kind);
}

/* All that stands before the operands. */
static bool begin(struct buf *words, const struct mailq_call *call, bool colour)
{
	const char *zone = getenv("TZ");
	if (call->program == PROGRAM_FLUSHQ)
		return buf_add_str(words, STR("flushq")) &&
		       buf_add_str(words, buf_str(&call->options));
	return buf_add_str(words, STR("mailq")) &&
	       (colour || buf_add_str(words, STR("\nNO_COLOR=1"))) &&
	       (!zone || strlen(zone) > MAILQ_ZONE_MAX || strchr(zone, '\n') ||
	        buf_addf(words, "\nTZ=%s", zone)) &&
	       buf_add_str(words, buf_str(&call->options));
}

int door_pass(const struct mailq_call *call, bool colour)
{
	struct buf words;
	int code = 0;
	size_t at = 0;
	buf_init(&words, RECORD_MAX);
	do {
		buf_clear(&words);
		bool ok = begin(&words, call, colour);
		for (size_t n = 0; ok && n < IDS_AT_ONCE && at < call->id_count; n++)
			ok = buf_addf(&words, "\n%s", call->ids[at++]);
		if (!ok) {
			fprintf(stderr, "%s: too long a command line\n",
			        call->program == PROGRAM_FLUSHQ ? "flushq" : "mailq");
			code = fault_worse(code, fault_exit(FAULT_USAGE));
			break;
		}
		code = fault_worse(code, pass(call, buf_str(&words)));
	} while (at < call->id_count);
	buf_release(&words);
	return code;
}

void door_watch(void)
{
	struct pollfd caller = {.fd = CHILD_FD, .events = POLLIN};
	fcntl(CHILD_FD, F_SETFD, FD_CLOEXEC);
	/* The workers of a run are of our group. */
	fcntl(CHILD_FD, F_SETOWN, -getpgrp());
	fcntl(CHILD_FD, F_SETFL, fcntl(CHILD_FD, F_GETFL) | O_ASYNC);
	if (poll(&caller, 1, 0) != 0)
		exit(EX_TEMPFAIL);
}

void door_answer(int code)
{
	char text[16];
	snprintf(text, sizeof(text), "%d", code);
	fcntl(CHILD_FD, F_SETFL, fcntl(CHILD_FD, F_GETFL) & ~O_ASYNC);
	if (record_write(CHILD_FD, RECORD_DONE, text, strlen(text), ANSWER_MS) != 0)
		exit(EX_TEMPFAIL);
}

/* In the carrier, which ends where it has to wait too long: no signal of ours may reach it once
 * we are narrowed. */
static void carry(void *unused)
{
	ssize_t out = 0;
	(void)unused;
	char text[4096];
	ssize_t got;
	while (out >= 0 && (got = read(STDIN_FILENO, text, sizeof(text))) > 0)
		for (ssize_t done = 0; done < got && out >= 0; done += out) {
			alarm(WRITE_S);
			out = write(STDERR_FILENO, text + done, (size_t)(got - done));
			alarm(0);
		}
}

void door_errors_begin(struct child *carrier)
{
	*carrier = (struct child){.pid = -1};
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return;
	if (!child_start(carrier, &(struct child_order){.fds = {pair[1], -1, STDERR_FILENO, -1},
	                                                .task = carry})) {
		close(pair[0]);
	} else {
		fcntl(pair[0], F_SETFL, O_NONBLOCK);
		dup2(pair[0], STDERR_FILENO);
		close(pair[0]);
	}
	close(pair[1]);
}

void door_errors_end(struct child *carrier)
{
	if (carrier->pid <= 0)
		return;
	/* Others may have it still: a program that the configuration names leaves some behind. */
	shutdown(STDERR_FILENO, SHUT_WR);
	child_wait(carrier, clock_deadline(LAST_MS));
}
