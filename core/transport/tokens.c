/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/tokens.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/child.h"
#include "os/clock.h"
#include "os/wait.h"

#define WAIT_MS  60000 /* for a token; the program itself takes less */
#define LINE_MAX 8192  /* of what a person is told */
#define NUMBER   32
#define HOST_MAX 256

struct tokens {
	int fd;
};

_Static_assert((int)OAUTH_SERVICE == (int)GRANT_SERVICE, "one order for both");

static bool send_record(const struct tokens *t, struct str record, int with, struct fault *f)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {(char *)(uintptr_t)record.at, record.len};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
	if (with >= 0) {
		memset(&control, 0, sizeof(control));
		m.msg_control = control.bytes;
		m.msg_controllen = sizeof(control.bytes);
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(with));
		memcpy(CMSG_DATA(c), &with, sizeof(with));
	}
	while (sendmsg(t->fd, &m, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return fault_sys(f, FAULT_RELAY, errno,
			                 "the program token does not answer");
	return true;
}

static bool send_order(const struct tokens *t, const struct settings_relay *r, struct fault *f)
{
	char proxy[HOST_MAX + NUMBER] = "", grant[NUMBER];
	struct buf record;
	snprintf(grant, sizeof(grant), "%d", (int)r->grant);
	if (r->proxy.host)
		snprintf(proxy, sizeof(proxy), "%s:%d", r->proxy.host, r->proxy.port);
	const char *const texts[ORDER_TEXTS] = {
	    [TEXT_RELAY] = r->name,        [TEXT_PROVIDER] = r->oauth,
	    [TEXT_CLIENT] = r->client_id,  [TEXT_SECRET_FILE] = r->client_secret_file,
	    [TEXT_TENANT] = r->tenant,     [TEXT_SCOPE] = r->scope,
	    [TEXT_USER] = r->user,         [TEXT_ACCOUNT_FILE] = r->service_account_file,
	    [TEXT_TRUST] = r->oauth_trust, [TEXT_PROXY] = proxy,
	    [TEXT_GRANT] = grant,
	};
	buf_init(&record, ORDER_MAX);
	bool ok = order_write(&record, texts) && send_record(t, buf_str(&record), -1, f);
	buf_release(&record);
	return ok;
}

static bool is_ours(const struct settings_relay *r)
{
	return r->oauth && !r->command_closed;
}

struct tokens *tokens_new(const struct settings *c, const struct hold *hold,
                          tokens_program *find)
{
	static char *nothing[] = {NULL};
	struct fault f = FAULT_INIT;
	struct child child;
	int pair[2];
	bool any = false;
	for (size_t i = 0; i < c->relay_count; i++)
		any = any || is_ours(&c->relays[i]);
	if (!any || hold->rooms[HOLD_STATE] < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return NULL;
	char *program = find(), *argv[] = {program, NULL};
	/* In a session of its own: the terminal's ^C must not come between a new refresh
	 * token and the disk. */
	bool ok = child_start(
	    &child, &(struct child_order){.fds = {pair[1], -1, -1, hold->rooms[HOLD_STATE]},
	                                  .tie = CHILD_SESSION,
	                                  .program = program,
	                                  .argv = argv,
	                                  .environment = nothing});
	free(program);
	close(pair[1]);
	struct tokens *t = mem_alloc(sizeof(*t));
	t->fd = pair[0];
	for (size_t i = 0; ok && i < c->relay_count; i++)
		ok = !is_ours(&c->relays[i]) || send_order(t, &c->relays[i], &f);
	const char end = ORDER_NARROW;
	/* Without it each request says so. */
	if (ok)
		send_record(t, str_make(&end, 1), -1, &f);
	return t;
}

void tokens_free(struct tokens *t)
{
	if (!t)
		return;
	close(t->fd);
	free(t);
}

/* *fd is where the answer comes. */
static bool ask(const struct tokens *t, enum order_kind kind,
                const struct settings_relay *relay, const uint32_t *spurned, int *fd,
                struct fault *f)
{
	int pair[2];
	if (!t)
		return fault_set(f, FAULT_RELAY,
		                 "relay %s: its login is for the system's flushq alone: its "
		                 "timer, or the service of the socket",
		                 relay->name);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return fault_sys(f, FAULT_RELAY, errno, "socketpair");
	struct buf record;
	buf_init(&record, ORDER_MAX);
	bool ok = buf_addf(&record, "%c%s", kind, relay->name);
	if (spurned)
		ok = ok && buf_add_char(&record, '\0') &&
		     buf_addf(&record, "%lu", (unsigned long)*spurned);
	ok = ok && send_record(t, buf_str(&record), pair[1], f);
	buf_release(&record);
	close(pair[1]);
	if (!ok)
		close(pair[0]);
	*fd = pair[0];
	return ok;
}

/* Why not, by SAID_FAULT or SAID_OVER; *over is since when, if that is said. */
static void take_why(struct str line, enum fault_kind kind, int64_t *over, struct fault *f)
{
	struct str why = str_from(line, 1), since;
	long long seconds;
	*over = 0;
	if (line.at[0] == SAID_OVER && str_cut(&why, '\0', &since) &&
	    str_number(since, &seconds))
		*over = seconds;
	fault_set(f, kind, "%.*s", STR_FMT(why));
}

struct secret *tokens_read(const struct tokens *t, const struct settings_relay *relay,
                           const uint32_t *spurned, int64_t deadline, int64_t *over,
                           struct fault *f)
{
	int fd = -1;
	struct buf other;
	*over = 0;
	if (!ask(t, ORDER_GET, relay, spurned, &fd, f))
		return NULL;
	buf_init(&other, LINE_MAX);
	struct secret *s = secret_take(
	    fd, SAID_TOKEN, clock_sooner(deadline, clock_deadline(WAIT_MS)), &other, f);
	close(fd);
	bool told = !s && other.len > 0;
	if (told)
		take_why(buf_str(&other), FAULT_RELAY, over, f);
	if (!s)
		fault_cause(f, told && other.at[0] == SAID_OVER ? CAUSE_LOGIN_OVER
		                                                : CAUSE_NO_TOKEN);
	buf_release(&other);
	return s;
}

/* However long it takes the person. */
static bool read_line(int fd, struct buf *line, struct fault *f)
{
	char c = '\0';
	buf_clear(line);
	while (wait_byte(fd, &c, CLOCK_NEVER)) {
		if (c != '\n' && !buf_add_char(line, c))
			break;
		if (c == '\n' && line->len > 0)
			return true;
	}
	return fault_set(f, FAULT_TEMP, "the program token has ended without an answer");
}

static bool send_back(int fd, struct buf *answer, struct fault *f)
{
	bool ok = buf_add_char(answer, '\n') &&
	          send(fd, answer->at, answer->len, MSG_NOSIGNAL) == (ssize_t)answer->len;
	return ok || fault_set(f, FAULT_TEMP, "the program token does not answer");
}

/* True while there is more to come. */
static bool hear(int fd, struct buf *line, tokens_person *person, void *context, bool *done,
                 struct fault *f)
{
	struct buf answer;
	int64_t over;
	bool ok;
	if (!read_line(fd, line, f))
		return false;
	enum order_said kind = (enum order_said)line->at[0];
	const char *text = buf_cstr(line) + 1;
	switch (kind) {
	case SAID_TEXT:
		return person(context, text, NULL, -1) ||
		       fault_set(f, FAULT_NOINPUT, "given up");
	case SAID_ASK:
	case SAID_OFFER:
		buf_init(&answer, LINE_MAX);
		ok = buf_room(&answer, LINE_MAX) &&
		     (person(context, text, &answer, kind == SAID_OFFER ? fd : -1) ||
		      fault_set(f, FAULT_NOINPUT, "given up")) &&
		     (answer.len == 0 || send_back(fd, &answer, f));
		buf_wipe(&answer);
		buf_release(&answer);
		return ok;
	case SAID_DONE:
		*done = true;
		return false;
	case SAID_FAULT:
	case SAID_OVER:
		take_why(buf_str(line), FAULT_TEMP, &over, f);
		return false;
	case SAID_TOKEN:
		break;
	}
	return fault_set(f, FAULT_TEMP, "the program token is not understood");
}

bool tokens_talk(const struct tokens *t, enum order_kind kind,
                 const struct settings_relay *relay, tokens_person *person, void *context,
                 struct fault *f)
{
	struct buf line;
	bool done = false;
	int fd = -1;
	if (!ask(t, kind, relay, NULL, &fd, f))
		return false;
	buf_init(&line, LINE_MAX);
	while (hear(fd, &line, person, context, &done, f))
		continue;
	buf_release(&line);
	close(fd);
	return done;
}

static bool nobody(void *context, const char *text, struct buf *answer, int until)
{
	(void)until;
	(void)context;
	(void)text;
	return answer == NULL;
}

bool tokens_told(const struct tokens *t, const struct settings_relay *relay, struct fault *f)
{
	return tokens_talk(t, ORDER_TOLD, relay, nobody, NULL, f);
}
