/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * token - has the OAuth 2 tokens of the relays; the only program that speaks HTTPS
 *
 * Started by flushq before it narrows itself, and by sendmail --login; oauth/order says how
 * they talk. Each request is a process of its own, which ends with it and its memory, and a
 * second one that waits for it.
 * Nothing is in an argument, the environment or a log, and there is no core.
 *
 * What we copy of a token or a secret is wiped, and so is the memory of jansson. libcurl and
 * GnuTLS have copies of what they send and receive in memory of their own, neither locked nor
 * wiped: it goes with the process, which lasts for one request, and which no other process of
 * the user may look into; a system that swaps can write it to its swap. Locking all that such
 * a process maps is more than a user may have locked.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <curl/curl.h>

#include "cmd/token/job.h"
#include "cmd/token/login.h"
#include "os/child.h"
#include "os/file.h"
#include "os/sandbox.h"

#define ORDERS_MAX    256
#define FILES_OF_EACH 3

struct agent {
	struct order orders[ORDERS_MAX];
	size_t count;
};

/* The length; 0 at the end of all, or for what is no record. *fd is what came with it. */
static size_t receive(char bytes[ORDER_MAX], int *fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {bytes, ORDER_MAX};
	struct msghdr m = {.msg_iov = &part,
	                   .msg_iovlen = 1,
	                   .msg_control = control.bytes,
	                   .msg_controllen = sizeof(control.bytes)};
	ssize_t n;
	*fd = -1;
	do {
		n = recvmsg(STDIN_FILENO, &m, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return n > 0 ? (size_t)n : 0;
}

static void narrow(const struct agent *a)
{
	static const int rooms[] = {CHILD_FD};
	const char *files[ORDERS_MAX * FILES_OF_EACH];
	size_t count = 0;
	for (size_t i = 0; i < a->count; i++) {
		char *const *texts = a->orders[i].texts;
		const char *const each[FILES_OF_EACH] = {
		    texts[TEXT_SECRET_FILE], texts[TEXT_ACCOUNT_FILE], texts[TEXT_TRUST]};
		for (size_t n = 0; n < FILES_OF_EACH; n++)
			if (each[n][0])
				files[count++] = each[n];
	}
	sandbox(&(struct sandbox_wishes){
	    .rooms = rooms, .room_count = 1, .files = files, .file_count = count});
}

static const struct order *find(const struct agent *a, struct str relay)
{
	for (size_t i = 0; i < a->count; i++)
		if (str_eq(relay, str_of(a->orders[i].texts[TEXT_RELAY])))
			return &a->orders[i];
	return NULL;
}

static bool work(struct job *j, enum order_kind kind, struct fault *f)
{
	switch (kind) {
	case ORDER_GET:
		return job_get(j, f);
	case ORDER_LOGIN:
		return login_person(j, f);
	case ORDER_LOGOUT:
		return job_logout(j, f);
	case ORDER_TOLD:
		return job_told(j, f);
	case ORDER_RELAY:
	case ORDER_NARROW:
		break;
	}
	return fault_set(f, FAULT_SYSTEM, "an unknown request");
}

static void say_why(const struct job *j, const struct fault *f)
{
	int64_t since;
	if (job_is_over(j, &since))
		job_say_over(j, since, f->text);
	else
		job_say(j, SAID_FAULT, f->text);
}

/* In a process of its own. what: the relay, and perhaps which token it refused. */
static void serve(const struct agent *a, enum order_kind kind, struct str what, int peer)
{
	struct fault f = FAULT_INIT;
	struct job j = {.peer = peer};
	struct str relay;
	long long sum;
	str_cut(&what, '\0', &relay);
	const struct order *o = find(a, relay);
	bool ok = o ? job_begin(&j, o, CHILD_FD, peer, &f)
	            : fault_set(&f, FAULT_SYSTEM, "the program token does not know the relay");
	j.spurned = str_number(what, &sum);
	j.spurned_sum = j.spurned ? (uint32_t)sum : 0;
	ok = ok && work(&j, kind, &f);
	if (!ok)
		say_why(&j, &f);
	else if (kind == ORDER_GET)
		job_say(&j, SAID_TOKEN, j.kept.texts[KEPT_ACCESS]);
	else
		job_say(&j, SAID_DONE, "");
	if (o)
		job_end(&j);
}

/* Does it in another process, and if that is ended by a signal once more: a refresh token
 * whose successor was lost with it is as a rule good for some seconds yet. */
static void serve_guarded(const struct agent *a, enum order_kind kind, struct str what,
                          int peer)
{
	int status = 0;
	pid_t pid = fork();
	if (pid > 0) {
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			continue;
		if (!WIFSIGNALED(status))
			return;
	}
	serve(a, kind, what, peer);
}

static void take(struct agent *a, char *bytes, size_t len, int peer)
{
	struct str rest = str_make(bytes + 1, len - 1);
	enum order_kind kind = (enum order_kind)bytes[0];
	if (kind == ORDER_RELAY && a->count < ORDERS_MAX)
		a->count += order_read(rest, &a->orders[a->count]);
	if (kind == ORDER_NARROW)
		narrow(a);
	if (peer < 0)
		return;
	if (fork() == 0) {
		signal(SIGCHLD, SIG_DFL);
		if (kind == ORDER_GET)
			serve_guarded(a, kind, rest, peer);
		else
			serve(a, kind, rest, peer);
		_exit(EX_OK);
	}
}

int main(void)
{
	static struct agent agent;
	char bytes[ORDER_MAX];
	size_t len;
	int peer;
	struct stat st;
	file_std_open();
	/* By hand there is nobody to talk to. */
	if (fstat(STDIN_FILENO, &st) != 0 || !S_ISSOCK(st.st_mode) ||
	    fcntl(CHILD_FD, F_SETFD, FD_CLOEXEC) != 0)
		return EX_USAGE;
	sandbox_hide();
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	answer_begin();
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return EX_OSERR;
	while ((len = receive(bytes, &peer)) > 0) {
		take(&agent, bytes, len, peer);
		if (peer >= 0)
			close(peer);
	}
	return EX_OK;
}
