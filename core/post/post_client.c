/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "post/post_client.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"

#define POST          POSTERN_LIBEXECDIR "/post"
#define HELLO_MS      10000  /* a service may have to be started */
#define WRITE_MS      60000  /* post does nothing but write to a disk */
#define ANSWER_MS     300000 /* for a disk that has much to sync */
#define LAST_MS       1000   /* what it said last is there already */
#define FOR_EVER      (-1)   /* a command takes as long as it takes */
#define CLOSE_STEP_MS 1
#define CONNECT_S     5
#define EXIT_CODE_MAX 255

void post_client_init(struct post_client *g)
{
	*g = (struct post_client){.fd = -1, .pid = -1};
}

static void let_go(struct post_client *g)
{
	if (g->fd >= 0)
		close(g->fd);
	free(g->reader);
	g->fd = -1;
	g->reader = NULL;
}

void post_client_close(struct post_client *g)
{
	let_go(g);
	/* It ends as soon as it sees that we have gone, unless it works for us still, or
	 * hangs in a file system: then it is left to itself. */
	for (int ms = 0; g->pid > 0 && ms < LAST_MS; ms += CLOSE_STEP_MS) {
		pid_t ended = waitpid(g->pid, NULL, WNOHANG);
		if (ended == g->pid || (ended < 0 && errno != EINTR))
			break;
		clock_pause_ms(CLOSE_STEP_MS);
	}
	g->pid = -1;
}

static enum fault_kind class_of(long long code)
{
	switch (code) {
	case EX_USAGE:
		return FAULT_USAGE;
	case EX_DATAERR:
		return FAULT_DATA;
	case EX_OSERR:
		return FAULT_SYSTEM;
	case EX_CANTCREAT:
		return FAULT_CREATE;
	case EX_NOPERM:
		return FAULT_NOPERM;
	case EX_CONFIG:
		return FAULT_CONFIG;
	default:
		return FAULT_TEMP;
	}
}

static bool refused(const struct record *r, struct fault *f)
{
	struct str text = str_make(r->at, r->len), word;
	long long code = EX_TEMPFAIL;
	if (!str_cut(&text, ' ', &word) || !str_number(word, &code))
		code = EX_TEMPFAIL;
	fault_set(f, class_of(code), "%.*s", STR_FMT(str_first(text, 200)));
	f->sys = code == EX_OSFILE ? ENOENT : code == EX_NOPERM ? EACCES : 0;
	return false;
}

static bool unexpected(struct fault *f)
{
	return fault_set(f, FAULT_TEMP, "%s gave an answer that is not understood", POST);
}

/* The next record, which is an error (f), or of a kind that the caller knows. */
static bool receive(struct post_client *g, int wait_ms, struct record *r, struct fault *f)
{
	switch (record_read(g->reader, g->fd, wait_ms, r)) {
	case RECORD_OK:
		return r->kind != RECORD_ERROR || refused(r, f);
	case RECORD_EOF:
		return fault_set(f, FAULT_TEMP, "%s ended before it had answered", POST);
	case RECORD_SILENT:
		return fault_set(f, FAULT_TEMP, "%s does not answer", POST);
	case RECORD_FAILED:
		return fault_sys(f, FAULT_TEMP, errno, "cannot read from %s", POST);
	case RECORD_BAD:
		break;
	}
	return unexpected(f);
}

/* Why post closed the conversation in the middle is what it said last. */
static bool say(struct post_client *g, enum record_kind kind, struct str payload,
                struct fault *f)
{
	int sys = record_write(g->fd, kind, payload.at, payload.len, WRITE_MS);
	if (sys == 0)
		return true;
	struct record r;
	if ((sys == EPIPE || sys == ECONNRESET) &&
	    record_read(g->reader, g->fd, LAST_MS, &r) == RECORD_OK && r.kind == RECORD_ERROR)
		return refused(&r, f);
	return fault_sys(f, FAULT_TEMP, sys, "cannot write to %s", POST);
}

static bool greeted(struct post_client *g, struct fault *f)
{
	g->reader = mem_alloc(sizeof(*g->reader));
	record_init(g->reader);
	struct record r;
	if (receive(g, HELLO_MS, &r, f)) {
		if (r.kind == RECORD_HELLO && r.len == strlen(RECORD_GREETING) &&
		    memcmp(r.at, RECORD_GREETING, r.len) == 0)
			return true;
		unexpected(f);
	}
	post_client_close(g);
	return false;
}

/* In the child; never returns. */
static void become_post(int fd)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGXFSZ};
	if (dup2(fd, STDIN_FILENO) < 0)
		_exit(EX_OSERR);
	for (size_t i = 0; i < COUNT(ends); i++)
		signal(ends[i], SIG_DFL);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execl(POST, "post", (char *)NULL);
	_exit(EX_OSERR);
}

static bool open_post(struct post_client *g, struct fault *f)
{
	if (access(POST, X_OK) != 0)
		return fault_sys(f, FAULT_NOPERM, errno, "%s", POST);
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return fault_sys(f, FAULT_SYSTEM, errno, "socketpair");
	g->pid = fork();
	if (g->pid == 0)
		become_post(pair[1]);
	close(pair[1]);
	g->fd = pair[0];
	if (g->pid > 0)
		return greeted(g, f);
	int sys = errno;
	post_client_close(g);
	return fault_sys(f, FAULT_SYSTEM, sys, "cannot start %s", POST);
}

static bool open_socket(struct post_client *g, struct fault *f)
{
	const struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = POSTERN_SOCKET};
	const struct timeval wait = {.tv_sec = CONNECT_S};
	g->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (g->fd < 0)
		return fault_sys(f, FAULT_SYSTEM, errno, "socket");
	/* A service that takes no more connections for now must not stop us for ever. */
	if (setsockopt(g->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) == 0 &&
	    connect(g->fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
		return greeted(g, f);
	int sys = errno;
	post_client_close(g);
	return fault_sys(f, sys == EAGAIN ? FAULT_TEMP : FAULT_NOPERM, sys, "%s",
	                 POSTERN_SOCKET);
}

/* Does post see no hold, as in a service with a file system of its own? */
static bool is_hidden(const struct fault *f)
{
	return f->sys == ENOENT && f->kind == FAULT_TEMP;
}

/* Something other than that this way is closed to us: the other one would meet
 * it too (a full disk). */
static bool is_trouble(const struct fault *f)
{
	return f->kind != FAULT_NOPERM && !is_hidden(f);
}

bool post_client_open(struct post_client *g, bool socket_first, struct fault *f)
{
	static bool (*const ways[])(struct post_client *, struct fault *) = {open_post,
	                                                                     open_socket};
	struct fault first = FAULT_INIT, second = FAULT_INIT;
	post_client_init(g);
	if (ways[socket_first](g, &first))
		return true;
	if (is_trouble(&first) && !socket_first) {
		*f = first;
		return false;
	}
	if (ways[!socket_first](g, &second))
		return true;
	if (is_trouble(&second)) {
		*f = second;
		return false;
	}
	if (is_hidden(&first) || is_hidden(&second))
		return fault_set(f, FAULT_TEMP, "%.120s (and %.90s)",
		                 is_hidden(&first) ? first.text : second.text,
		                 is_hidden(&first) ? second.text : first.text);
	/* No set-gid bit is needed to let root in. */
	const struct fault *post = socket_first ? &second : &first;
	if (geteuid() == 0 && post->sys == EACCES)
		return fault_set(f, FAULT_NOPERM,
		                 "%.90s, even for root: a disk of another machine that does "
		                 "not trust this one's root (root_squash), or privileges that "
		                 "root lacks here? Through %.30s it would work",
		                 post->text, POSTERN_SOCKET);
	return fault_set(
	    f, FAULT_NOPERM,
	    "not permitted to use the system's hold (%.100s; %.60s): is post set-gid, and "
	    "are privileges switched on?",
	    first.text, second.text);
}

static bool say_text(struct post_client *g, enum record_kind kind, const char *text,
                     struct fault *f)
{
	return !text || say(g, kind, str_of(text), f);
}

static bool say_rcpt(struct post_client *g, const struct rcpt *r, struct fault *f)
{
	char notify[32] = "";
	if (r->notify)
		envelope_format_notify(r->notify, notify);
	return say_text(g, RECORD_RCPT, r->address, f) &&
	       say_text(g, RECORD_NOTIFY, r->notify ? notify : NULL, f) &&
	       say_text(g, RECORD_ORCPT, r->orcpt, f);
}

bool post_client_put_begin(struct post_client *g, enum hold_room room, const struct envelope *v,
                           int64_t delay, struct fault *f)
{
	char put[64];
	snprintf(put, sizeof(put), "%s %zu", hold_room_name(room), v->rcpt_count);
	char wait[32];
	snprintf(wait, sizeof(wait), "%lld", (long long)delay);
	bool ok = say_text(g, RECORD_PUT, put, f) && say_text(g, RECORD_SENDER, v->sender, f) &&
	          say_text(g, RECORD_LOCAL, v->sender_local ? "" : NULL, f) &&
	          say_text(g, RECORD_BODY, envelope_body_name(v->body), f) &&
	          say_text(g, RECORD_SMTPUTF8, v->smtputf8 ? "" : NULL, f) &&
	          say_text(g, RECORD_RET, envelope_ret_name(v->ret), f) &&
	          say_text(g, RECORD_ENVID, v->envid, f) &&
	          say_text(g, RECORD_RELAY, v->relay, f) &&
	          say_text(g, RECORD_DELAY, delay > 0 ? wait : NULL, f);
	for (size_t i = 0; ok && i < v->rcpt_count; i++)
		ok = say_rcpt(g, &v->rcpts[i], f);
	return ok;
}

bool post_client_put_message(struct post_client *g, struct str bytes, struct fault *f)
{
	while (bytes.len > 0) {
		struct str piece = str_first(bytes, RECORD_MAX);
		if (!say(g, RECORD_MESSAGE, piece, f))
			return false;
		bytes = str_from(bytes, piece.len);
	}
	return true;
}

bool post_client_put_end(struct post_client *g, char id[ENTRY_ID_LEN + 1], struct fault *f)
{
	struct record r = {0};
	if (!say(g, RECORD_END, STR(""), f))
		return false;
	if (!receive(g, ANSWER_MS, &r, f))
		return r.kind == RECORD_ERROR
		           ? false
		           : fault_prefix(f, "the message may be held all the same");
	if (r.kind != RECORD_ID || r.len != ENTRY_ID_LEN)
		return unexpected(f);
	memcpy(id, r.at, ENTRY_ID_LEN);
	id[ENTRY_ID_LEN] = '\0';
	return entry_is_id(id) || unexpected(f);
}

bool post_client_go(struct post_client *g, unsigned how, int *fd, struct fault *f)
{
	char letters[3];
	snprintf(letters, sizeof(letters), "%s%s", how & POST_GO_LISTEN ? "l" : "",
	         how & POST_GO_VERBOSE ? "v" : "");
	if (!say_text(g, RECORD_GO, letters, f)) {
		post_client_close(g);
		return false;
	}
	if (how & POST_GO_LISTEN) {
		*fd = g->fd;
		g->fd = -1;
	}
	/* post goes on as flushq: it is not waited for. */
	let_go(g);
	g->pid = -1;
	return true;
}

/* What the command's output and errors lead to, as a record of its own. */
static bool give_outputs(struct post_client *g, struct fault *f)
{
	static const int fds[] = {STDOUT_FILENO, STDERR_FILENO};
	_Alignas(struct cmsghdr) char space[CMSG_SPACE(sizeof(fds))] = {0};
	char head[RECORD_HEAD] = {RECORD_OUTPUTS};
	struct iovec out = {head, sizeof(head)};
	struct msghdr m = {.msg_iov = &out, .msg_iovlen = 1, .msg_control = space};
	m.msg_controllen = sizeof(space);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(c), fds, sizeof(fds));
	ssize_t n;
	while ((n = sendmsg(g->fd, &m, MSG_NOSIGNAL)) < 0 && errno == EINTR)
		;
	/* Why post closed the conversation is what it said last. */
	return n == RECORD_HEAD || errno == EPIPE || errno == ECONNRESET ||
	       fault_sys(f, FAULT_TEMP, errno, "cannot write to %s", POST);
}

bool post_client_command(struct post_client *g, struct str words, int *code, struct fault *f)
{
	struct record r;
	long long number;
	if (!say(g, RECORD_COMMAND, words, f) || !give_outputs(g, f) ||
	    !receive(g, FOR_EVER, &r, f))
		return false;
	if (r.kind != RECORD_DONE || !str_number(str_make(r.at, r.len), &number) ||
	    number > EXIT_CODE_MAX)
		return unexpected(f);
	*code = (int)number;
	return true;
}
