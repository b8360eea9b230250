/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection: greeting, command loop, what is known of the client, and how rules of the
 * script get in between. Commands that make up a transaction are in mail.c, AUTH is in auth.c,
 * the steps of a script in play.c.
 *
 * Functions that return bool say whether the connection goes on.
 */
#ifndef RELAY_SESSION_H
#define RELAY_SESSION_H

#include <stdatomic.h>
#include <stdbool.h>

#include "body.h"
#include "options.h"
#include "quota.h"
#include "store.h"
#include "stream.h"
#include "syntax.h"
#include "tls.h"

struct recipient {
	struct text address, params; /* params: JSON */
	int code;                    /* of RCPT */
	int verdict;                 /* of the message, for this recipient */
};

struct transaction {
	bool open;
	struct text sender, params; /* params: JSON */
	bool eight_bit, binary, utf8;
	long long declared; /* SIZE=, -1: none */
	struct recipient *recipients;
	size_t count, accepted;
	long seen[EVENT_COUNT];
	bool receiving; /* the content has begun */
	bool too_big;
	unsigned chunks;
	struct body body;
	struct letter letter;
};

struct session {
	const struct options *options;
	struct store *store;
	const struct tls *tls;
	struct quota *quota;
	unsigned conn;
	long long began;
	struct stream stream;
	struct tls_fault tls_fault;
	struct tls_result tls_result;
	long seen[EVENT_COUNT];
	atomic_uint *open; /* how many there are; null when this one is over */
	bool too_many;     /* as many as are allowed were there already */
	const char *how;   /* how it ended, if we know better than the stream */
	bool refused;      /* the greeting was not 2xx */
	bool greeted;      /* HELO or EHLO was answered 2xx */
	bool authenticated;
	bool alone; /* the last command must be the last of its flight (RFC 2920) */
	const char *alone_name;
	bool offered[EXT_COUNT]; /* in the last answer to EHLO, as it was sent */
	struct text mechanisms;  /* likewise, " PLAIN LOGIN " */
	struct text helo;
	struct text *capture; /* where replies are copied to, or null */
	/* Whom the event at hand names, where the transaction does not tell; else null. */
	const char *from, *to;
	struct transaction mail;
};

/* Serves a connection until it is over and closes the socket. */
void session_run(struct session *session);

/* Begins an event of this connection. */
void session_event(struct session *s, struct event *e, const char *type);

/* Logs something that a good client does not do. */
void session_violation(struct session *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Logs a reply and puts it into the stream's out. text ends in CRLF, if it is to. */
void session_say(struct session *s, const char *text, size_t len);

/* Reads a line of at most most bytes, without its CRLF; sends what is due while it waits. A
 * line that is too long or has wrong bytes is refused and the next one read. */
bool session_line(struct session *s, size_t most, struct text *line);

/* Ends it from our side. */
bool session_close(struct session *s, const char *how);

/* The handshake, with the rules for TLS. */
bool session_tls(struct session *s);

/* Complains of bytes that came behind a command that has to be the last of its flight
 * (RFC 2920 section 3.1); false if there are any. */
bool session_alone(struct session *s, const char *command);

/* What is to be done about a command: the reply of good behaviour, or a rule. */
struct plan {
	const struct steps *steps; /* null: no rule */
	struct text reply;
	int code; /* that the client gets, 0: none */
};

/* The rule for the nth such event of the connection (BODY: at so many bytes), or null. */
const struct steps *session_rule(struct session *s, enum script_event event, long nth);

/* The next number of bytes of the message at which a rule waits, -1: none. */
long session_body_stop(struct session *s, long after);

void plan_make(struct session *s, enum script_event event, const char *reply,
               struct plan *plan);

/* Does it, and frees the plan. */
bool plan_play(struct session *s, struct plan *plan);

/* Plays steps; normal: the reply for the word of that name. good: where to note that it was
 * met (then the steps end), or null. */
bool play_steps(struct session *s, const struct steps *steps, const char *normal, bool *good);

/* plan_make and plan_play in one, for commands without effect. */
bool session_answer(struct session *s, enum script_event event, const char *reply);

/* mail.c: arguments are what follows the verb. */
bool mail_from(struct session *s, const char *args, size_t len);
bool mail_rcpt(struct session *s, const char *args, size_t len);
bool mail_data(struct session *s, const char *args, size_t len);
bool mail_bdat(struct session *s, const char *args, size_t len);

/* Forgets the transaction; content that was coming in is logged as partial. */
void mail_reset(struct session *s);

/* auth.c */
bool auth_command(struct session *s, const char *args, size_t len);

/* Adds the mechanisms on offer, each with a space before it. */
void auth_offer(const struct session *s, struct text *list);

#endif
