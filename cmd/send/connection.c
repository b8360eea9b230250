/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/send/connection.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "cmd/place_access.h"

static bool is_same_file(int a, int b)
{
	struct stat first, second;
	return fstat(a, &first) == 0 && fstat(b, &second) == 0 &&
	       first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

void connection_find(struct connection *c)
{
	*c = (struct connection){.kind = peer_kind(STDIN_FILENO), .slot.fd = -1};
	if (c->kind == PEER_NONE)
		return;
	peer_name(STDIN_FILENO, c->name);
	if (!is_same_file(STDIN_FILENO, STDERR_FILENO))
		return;
	int null = file_null();
	if (null < 0)
		return;
	dup2(null, STDERR_FILENO);
	close(null);
}

/* Whom a flood of connections is to keep out is its own user alone. */
static bool take_slot(struct connection *c, const struct place *p, struct fault *f)
{
	struct hold hold;
	struct fault closed = FAULT_INIT;
	/* What is wrong with the hold the first message is told. */
	if (!place_open_hold(p, false, &hold, &closed))
		return true;
	bool free =
	    slots_take_user(&hold, p->user, CONNECTION_USER_MAX, clock_wall(), &c->slot);
	hold_close(&hold);
	return free ||
	       fault_set(f, FAULT_NOPERM, "you have %d connections open, no more are taken",
	                 CONNECTION_USER_MAX);
}

static bool find_user(struct connection *c, struct place *p, bool others, struct fault *f)
{
	c->known = peer_user(STDIN_FILENO, c->kind, &c->user, f);
	if (!c->known)
		return false;
	if (!others && c->user != getuid())
		return fault_set(f, FAULT_NOPERM,
		                 "only for the user who runs this, and you are %lu",
		                 (unsigned long)c->user);
	p->user = c->user;
	return !others || (place_become(p, f) && take_slot(c, p, f));
}

/* A client waits for the greeting (RFC 5321 section 3.1). What speaks first does not speak
 * SMTP, or says what it was given to say. */
static bool has_waited(const struct connection *c, struct fault *f)
{
	char byte;
	return c->kind != PEER_NETWORK ||
	       recv(STDIN_FILENO, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0 ||
	       fault_set(f, FAULT_NOPERM, "you spoke before you were greeted");
}

static bool has_gone(void)
{
	char byte;
	ssize_t n = recv(STDIN_FILENO, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

static void note_refusal(const struct connection *c, const struct place *p,
                         const struct fault *f)
{
	char uid[24] = "";
	if (c->known)
		snprintf(uid, sizeof(uid), "%lu", (unsigned long)c->user);
	const struct log_pair pairs[] = {
	    {"uid", str_of(uid)},       {"client", str_of(c->name)},
	    {"status", STR("refused")}, {"reason", str_of(f->text)},
	    {NULL, {NULL, 0}},
	};
	place_open_log(p, "sendmail");
	log_event(LOG_WARNING, pairs);
	log_close();
}

bool connection_admit(struct connection *c, struct place *p, bool good, struct fault *f)
{
	bool others = !p->personal && place_may_act(p);
	c->foreign = c->kind == PEER_NETWORK || (c->kind == PEER_UNIX && others);
	if (!c->foreign)
		return true;
	c->gone = has_gone();
	if (c->gone || !good)
		return true;
	if (find_user(c, p, others, f) && has_waited(c, f))
		return true;
	c->gone = has_gone();
	if (!c->gone)
		note_refusal(c, p, f);
	return c->gone;
}
