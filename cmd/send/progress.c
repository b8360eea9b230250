/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/send/progress.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"
#include "os/wait.h"
#include "cmd/list/show.h"
#include "cmd/send/input.h"

#define ANSWER_WAIT_MS 5000 /* for sendmail, which does nothing but listen */

/* A sendmail that was stopped (job control) must not stop the delivery: the
 * connection to one that does not read is given up, for good. */
static bool tell(int fd, const char *text)
{
	struct str left = str_of(text);
	while (fd >= 0 && left.len > 0) {
		struct pollfd p = {.fd = fd, .events = POLLOUT};
		ssize_t n = send(fd, left.at, left.len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n >= 0)
			left = str_from(left, (size_t)n);
		else if (errno == EAGAIN && poll(&p, 1, ANSWER_WAIT_MS) == 0)
			shutdown(fd, SHUT_RDWR);
		else if (errno != EAGAIN && errno != EINTR)
			return false;
	}
	return fd >= 0;
}

static bool tell_line(int fd, char kind, const char *text)
{
	char *line = mem_printf("%c %s\n", kind, text);
	bool ok = tell(fd, line);
	free(line);
	return ok;
}

void progress_trace(int fd, bool sent, struct str line)
{
	char *text = mem_printf("%s %.*s", sent ? ">>>" : "<<<", STR_FMT(line));
	tell_line(fd, 'T', text);
	free(text);
}

bool progress_log(int fd, struct str line)
{
	char *text = mem_printf("L %.*s", STR_FMT(line));
	bool ok = tell(fd, text);
	free(text);
	return ok;
}

void progress_held(int fd, const char *reason)
{
	tell_line(fd, 'H', reason);
}

void progress_done(int fd)
{
	tell(fd, "D\n");
}

/* "<a@b>: refused by HOST: CODE TEXT" where a host said so, else "<a@b>: not sent: TEXT". */
static char *refusal(const struct rcpt *r)
{
	char text[VERDICT_LINE_MAX], host[VERDICT_HOST_MAX];
	if (!verdict_spoken(&r->verdict) || rcpt_expired(r)) {
		rcpt_reason(r, text);
		return mem_printf("<%s>: %s", r->address, text);
	}
	verdict_reply(&r->verdict, text);
	verdict_host_text(r->verdict.host, host);
	return mem_printf("<%s>: refused by %s: %s", r->address, host, text);
}

/* A signal that asks us to end must not make a report of what was told. */
static bool answered(int fd)
{
	struct fault f = FAULT_INIT;
	char answer;
	size_t got;
	return wait_until(fd, POLLIN, clock_deadline(ANSWER_WAIT_MS)) == 0 &&
	       file_read(fd, "the caller", &answer, 1, &got, &f) && got == 1;
}

bool progress_refused(int fd, const struct hold_entry *he)
{
	const struct envelope *e = &he->entry.envelope;
	bool ok = fd >= 0;
	for (size_t i = 0; ok && i < e->rcpt_count; i++) {
		const struct rcpt *r = &e->rcpts[i];
		if (r->state != RCPT_FAILED || r->told)
			continue;
		char *text = refusal(r);
		char *line = mem_printf("%d %s", cause_row(r->verdict.cause)->exit, text);
		ok = tell_line(fd, 'F', line);
		free(text);
		free(line);
	}
	if (!ok || !tell(fd, "?\n"))
		return false;
	return answered(fd);
}

/* "CODE TEXT": the exit code of that refusal. Of several that differ it is 69. */
static void hear_refusal(struct str line, bool quiet, struct progress_result *result)
{
	struct str code;
	long long exit_code = 0;
	if (!str_cut(&line, ' ', &code) || !str_number(code, &exit_code) || exit_code == 0)
		exit_code = EX_UNAVAILABLE;
	if (result->refused++ == 0)
		result->code = (int)exit_code;
	else if (result->code != exit_code)
		result->code = EX_UNAVAILABLE;
	/* An address may have letters beyond ASCII, and so commands for a terminal. */
	struct buf shown;
	size_t used;
	buf_init(&shown, 4 * line.len);
	if (!quiet && show_bytes(&shown, true, line, true, &used))
		fprintf(stderr, "sendmail: %.*s\n", STR_FMT(buf_str(&shown)));
	buf_release(&shown);
}

static void hear_line(int fd, struct str line, bool quiet, struct progress_result *result)
{
	struct str text = str_from(line, 2);
	if (line.len == 0)
		return;
	switch (line.at[0]) {
	case 'L':
	case 'T':
		fprintf(stderr, "%.*s\n", STR_FMT(text));
		break;
	case 'H':
		result->held = true;
		snprintf(result->reason, sizeof(result->reason), "%.*s", STR_FMT(text));
		break;
	case 'D':
		result->done = true;
		break;
	case 'F':
		hear_refusal(text, quiet, result);
		break;
	case '?':
		tell(fd, "k");
		break;
	default:
		break;
	}
}

/* Waits for bytes; signals are let in only here. */
static int wait_readable(int fd, int64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return input_stopped() ? -1 : wait_open(&p, 1, clock_left_ms(deadline));
}

void progress_listen(int fd, int64_t deadline, unsigned how, struct progress_result *result)
{
	memset(result, 0, sizeof(*result));
	struct buf in;
	buf_init(&in, 1024 * 1024);
	char bytes[4096];
	while (how & PROGRESS_TO_END || !(result->done || result->held)) {
		int ready = wait_readable(fd, deadline);
		if (ready < 0 && errno == EINTR && !input_stopped())
			continue;
		result->interrupted = input_stopped() != 0;
		result->late = ready == 0;
		if (ready <= 0)
			break;
		ssize_t got = read(fd, bytes, sizeof(bytes));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 || !buf_add(&in, bytes, (size_t)got))
			break;
		size_t end;
		while ((end = str_find(buf_str(&in), '\n')) != STR_NONE) {
			hear_line(fd, str_first(buf_str(&in), end), how & PROGRESS_QUIET,
			          result);
			buf_drop(&in, end + 1);
		}
	}
	buf_release(&in);
}
