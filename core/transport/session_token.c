/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a session has to do with tokens: the one that it logs in with, and what follows where
 * there is none, or it is refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "text/codec.h"
#include "text/crc.h"
#include "transport/bounce.h"
#include "transport/session_private.h"
#include "transport/tokens.h"

#define SHOWN_MAX 64

static const char telling[] = "telling"; /* in state/ */

/* Several processes may find out at once, and one that tells is enough. False: another does.
 * *fd keeps them away and is to be closed; -1: nothing does, for the file cannot be had, and
 * twice is better than never. */
static bool may_tell(const struct hold *h, int *fd)
{
	struct fault f = FAULT_INIT;
	bool locked = false,
	     opened = file_open_append(h->rooms[HOLD_STATE], telling, 0600, fd, &f),
	     known = opened && file_try_lock(*fd, telling, &locked, &f);
	if (!known)
		log_text(LOG_WARNING,
		         "admin may be told again that somebody has to log in: "
		         "%s/%s: %s",
		         h->path, hold_room_name(HOLD_STATE), f.text);
	if (opened && !locked) {
		close(*fd);
		*fd = -1;
	}
	return locked || !known;
}

static bool report(const struct session *s, int64_t over, const char *why, struct fault *f)
{
	const struct session_env *env = s->env;
	char of[ENTRY_ID_LEN + 1], name[SHOWN_MAX];
	bool done = false;
	codec_printable(name, sizeof(name), str_of(s->target.relay->name));
	/* The same for all who met the same refusal. */
	snprintf(of, sizeof(of), "%08lX%04lX", (unsigned long)over & 0xffffffffUL,
	         (unsigned long)crc_add(0, name, str_of(name).len) & 0xffffUL);
	char *subject = mem_printf("Log in again at the relay %s", name);
	char *text =
	    mem_printf("This is the mail system of %s.\r\n\r\n"
	               "Mail for the relay %s waits until somebody logs in again:\r\n\r\n"
	               "    sendmail --login %s\r\n\r\n"
	               "The reason is:\r\n\r\n    %s\r\n\r\n"
	               "This is told once.\r\n",
	               env->hostname, name, name, why);
	if (!bounce_admin(env->config, env->hostname, env->hold, of, subject, str_of(text),
	                  &done, f))
		log_text(LOG_WARNING, "admin cannot be told that somebody has to log in: %s",
		         f->text);
	free(subject);
	free(text);
	return done;
}

/* Once: the program token asks for it no more when it knows that they were told. */
static void tell_admin(const struct session *s, int64_t over, const char *why)
{
	struct fault f = FAULT_INIT;
	if (!s->env->hold || s->env->checks)
		return;
	int fd;
	if (!may_tell(s->env->hold, &fd))
		return;
	if (report(s, over, why, &f) && !tokens_told(s->env->tokens, s->target.relay, &f))
		log_text(LOG_WARNING,
		         "admin is told again that somebody has to log in at %s, for "
		         "it cannot be noted: %s",
		         s->target.relay->name, f.text);
	if (fd >= 0)
		close(fd);
}

struct secret *session_token(struct session *s, struct fault *f)
{
	const struct settings_relay *relay = s->target.relay;
	int64_t over, deadline = clock_deadline(relay->timeout_ms);
	struct secret *secret = tokens_read(s->env->tokens, relay, NULL, deadline, &over, f);
	if (!secret && over)
		tell_admin(s, over, f->text);
	s->tokened = secret != NULL;
	s->token_sum = secret ? order_sum(secret_view(secret)) : 0;
	return secret;
}

bool session_token_renewed(const struct session *s, const struct fault *why)
{
	const struct settings_relay *relay = s->target.relay;
	struct fault f = FAULT_INIT;
	int64_t over;
	if (!s->tokened || why->cause != CAUSE_LOGIN_REFUSED)
		return false;
	struct secret *secret = tokens_read(s->env->tokens, relay, &s->token_sum,
	                                    clock_deadline(relay->timeout_ms), &over, &f);
	bool ok = secret != NULL;
	if (!ok && over)
		tell_admin(s, over, f.text);
	secret_free(secret);
	return ok;
}
