/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session_private - what the halves of session share: the connection, and mail over it
 */
#ifndef TRANSPORT_SESSION_PRIVATE_H
#define TRANSPORT_SESSION_PRIVATE_H

#include "os/budget.h"
#include "net/conn.h"
#include "transport/session.h"

#define LAST_WORDS_MS 500 /* for the reply of a server that stopped reading */

_Static_assert(SETTINGS_WINDOW_MAX <= SMTP_LINE_MAX, "window");

struct session {
	const struct session_env *env;
	struct session_target target;
	struct session_facts facts;
	struct smtp_setup setup;
	struct session_contact contact;
	struct smtp *smtp;
	struct conn *conn;
	struct tls_trust *trust;
	char literal[CONN_LITERAL_MAX]; /* in EHLO, where there is no name that others know */
	struct budget budget;
	size_t answering; /* the transaction whose message has the time of its answer in it */
	size_t messages;
	/* Under way; the first is in hand. */
	struct session_mail *line[SMTP_LINE_MAX];
	size_t line_count;
	bool lost;         /* what became of the first of them when it was over is known */
	bool lost_several; /* and there were others */
	bool in_clear;     /* opportunistic, and TLS has failed with this server */
	bool tls_failed;
	int64_t login_begun; /* monotonic ms; 0: no password was asked for */
	bool tokened;        /* a token was given; its order_sum: */
	uint32_t token_sum;
	struct fault last; /* why it is over */
};

/* Writes what the machine has to say. False: the connection is gone, and the machine knows. */
bool session_write(struct session *s);
/* Writes and reads until the machine wants something that only its user can give. */
enum smtp_want session_converse(struct session *s);

/* Of session_token: the token for the login, or NULL with f. */
struct secret *session_token(struct session *s, struct fault *f);
/* The relay has refused a token that was good by its time, as one is whose rights were
 * taken back, or whose key was changed: is there another now? */
bool session_token_renewed(const struct session *s, const struct fault *why);

#endif
