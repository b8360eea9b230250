/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit_server.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#define LINES_MAX 65536
#define HEARD_MAX (16 * LINES_MAX)

/* In memory that both processes share. */
struct unit_heard {
	size_t len;
	char text[HEARD_MAX];
};

static const struct unit_answer usual[] = {
    {"", .say = "220 unit.example ESMTP"},
    {"EHLO", .say = "250-unit.example\n250 PIPELINING"},
    {"DATA", .say = "354 go on"},
    {".", .say = "250 2.0.0 taken"},
    {"QUIT", .say = "221 bye"},
    {"", .say = "250 2.0.0 ok"},
};

/* One connection, in the child. */
struct talk {
	const struct unit_answer *answers;
	size_t count;
	bool *used; /* of each answer: has it been given? */
	struct unit_heard *heard;
	int fd;
	char in[LINES_MAX];
	size_t len;
	bool data; /* what comes is a message */
};

static void note(struct unit_heard *h, const char *line)
{
	size_t room = sizeof(h->text) - h->len;
	int n = snprintf(h->text + h->len, room, "%s\n", line);
	if (n < 0 || (size_t)n >= room)
		abort();
	h->len += (size_t)n;
}

static bool read_more(struct talk *t)
{
	ssize_t n = read(t->fd, t->in + t->len, sizeof(t->in) - 1 - t->len);
	if (n <= 0)
		return false;
	t->len += (size_t)n;
	t->in[t->len] = '\0';
	return true;
}

static bool begins(const char *line, const char *with)
{
	return strncmp(line, with, strlen(with)) == 0;
}

/* Has a line come that begins so, behind the one in hand? */
static bool has_line(const struct talk *t, const char *with)
{
	const char *at = t->in;
	while (at && !begins(at, with)) {
		at = strstr(at, "\r\n");
		if (at)
			at += 2;
	}
	return at != NULL;
}

static bool fits(const struct unit_answer *a, const char *line)
{
	bool exact = !a->command[0] || a->command[0] == '.';
	return exact ? strcmp(a->command, line) == 0 : begins(line, a->command);
}

static const struct unit_answer *find(const struct talk *t, const char *line)
{
	for (size_t i = 0; i < t->count; i++) {
		if (!fits(&t->answers[i], line) || (t->answers[i].once && t->used[i]))
			continue;
		t->used[i] = true;
		return &t->answers[i];
	}
	size_t i = 0;
	while (i < COUNT(usual) - 1 && !fits(&usual[i], line))
		i++;
	return &usual[i];
}

/* False: the connection is to be closed. */
static bool answer(struct talk *t, const char *line)
{
	const struct unit_answer *a = find(t, line);
	while (a->behind && !has_line(t, a->behind))
		if (!read_more(t))
			return false;
	struct str rest = str_of(a->say), reply;
	char out[1024] = "";
	size_t n = 0;
	while (n < sizeof(out) && str_cut(&rest, '\n', &reply))
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%.*s\r\n", (int)reply.len,
		                      reply.at);
	t->data = begins(out, "354");
	return send(t->fd, out, n, MSG_NOSIGNAL) == (ssize_t)n && !a->closes;
}

static bool handle(struct talk *t, const char *line)
{
	note(t->heard, line);
	if (t->data && strcmp(line, ".") != 0)
		return true;
	return answer(t, line) && !(!t->data && strcmp(line, "QUIT") == 0);
}

static void talk(struct talk *t)
{
	char *end;
	t->len = 0;
	t->in[0] = '\0';
	t->data = false;
	note(t->heard, "+");
	bool on = answer(t, "");
	while (on) {
		while (!(end = strstr(t->in, "\r\n")) && read_more(t))
			continue;
		if (!end)
			break;
		char *line = mem_copy(str_make(t->in, (size_t)(end - t->in)));
		t->len -= (size_t)(end + 2 - t->in);
		memmove(t->in, end + 2, t->len + 1);
		on = handle(t, line);
		free(line);
	}
	note(t->heard, "-");
	close(t->fd);
}

static void serve(struct talk *t, int listener, int end)
{
	struct pollfd fds[] = {{.fd = listener, .events = POLLIN}, {.fd = end}};
	for (;;) {
		poll(fds, COUNT(fds), -1);
		if (!(fds[0].revents & POLLIN))
			break;
		t->fd = accept(listener, NULL, NULL);
		if (t->fd >= 0)
			talk(t);
	}
}

void unit_server_start(struct unit_server *s, const struct unit_answer *answers, size_t count)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
	                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int ends[2], listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(listener, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&at, len), 0);
	ck_assert_int_eq(listen(listener, 16), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&at, &len), 0);
	ck_assert_int_eq(pipe(ends), 0);
	s->port = ntohs(at.sin_port);
	s->heard = mmap(NULL, sizeof(*s->heard), PROT_READ | PROT_WRITE,
	                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(s->heard, MAP_FAILED);
	s->pid = fork();
	ck_assert_int_ge(s->pid, 0);
	if (s->pid == 0) {
		struct talk *t = mem_alloc(sizeof(*t));
		t->answers = answers;
		t->count = count;
		t->used = mem_alloc(count + 1);
		t->heard = s->heard;
		close(ends[1]);
		serve(t, listener, ends[0]);
		_exit(0);
	}
	close(listener);
	close(ends[0]);
	s->end = ends[1];
}

const char *unit_server_end(struct unit_server *s)
{
	int status;
	close(s->end);
	ck_assert_int_eq(waitpid(s->pid, &status, 0), s->pid);
	ck_assert_int_eq(status, 0);
	return s->heard->text;
}

static void no_fault(void *context, bool warning, const char *text)
{
	(void)context;
	ck_assert_msg(warning, "%s", text);
}

void unit_server_settings(const struct unit_server *s, const char *more, struct settings *c)
{
	char *text = mem_printf("[relay]\nhost = 127.0.0.1\nport = %d\n%s\n", s->port, more);
	ck_assert(settings_parse(str_of(text), "test", true, c, no_fault, NULL));
	free(text);
}
