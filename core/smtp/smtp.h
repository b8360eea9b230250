/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * smtp - the client's side of an SMTP or LMTP session, without I/O
 *
 * The machine is fed what the server sent and says what it wants next. It
 * never waits, reads a clock or touches a socket; a driver
 * (transport/session) does. Commands wait for their answers in a FIFO; each
 * reply takes the first and its handler returns the next state.
 *
 *   smtp_want    the driver then
 *   READ         writes smtp_output, reads some bytes, smtp_feed
 *   HANDSHAKE    writes smtp_output, does TLS, smtp_secured (security TLS begins so)
 *   SECRET       gives the password with smtp_secret
 *   READY        smtp_start, or smtp_quit (a session that is open and idle)
 *   MESSAGE      smtp_message ... smtp_message_end from the message's start
 *                (again, if it comes a second time), writing smtp_output as it grows;
 *                feeds what the server says meanwhile, at the latest before the end;
 *                stops when the machine wants something else
 *   SETTLED      feeds what has arrived meanwhile, and a reply that has begun (smtp_in_reply)
 *                to its end; if it is settled still, smtp_commit, acts on the verdicts,
 *                marks and syncs; then smtp_start or smtp_quit
 *   OVER         smtp_commit; closes; smtp_fault says why (kind FAULT_NONE after a
 *                plain QUIT)
 *
 * Verdicts (text/cause) are kept here until smtp_commit leaves them in the
 * recipients, with the server's words only: a reply too many or too few takes
 * back all of that transaction. What breaks the protocol is FAULT_PROTOCOL: the
 * connection is dropped. Every fault has its cause; one that a reply brought has
 * the code, and the server's words as its text. Texts do not name the host. A
 * password goes over a clear connection only with allow_cleartext_auth, and
 * never opportunistically.
 */
#ifndef SMTP_SMTP_H
#define SMTP_SMTP_H

#include <stdint.h>

#include "text/buf.h"
#include "text/fault.h"
#include "mail/envelope.h"
#include "smtp/ehlo.h"
#include "smtp/sasl.h"

enum smtp_want {
	SMTP_READ,
	SMTP_HANDSHAKE,
	SMTP_SECRET,
	SMTP_READY,
	SMTP_MESSAGE,
	SMTP_SETTLED,
	SMTP_OVER
};

enum smtp_security { SECURITY_TLS, SECURITY_STARTTLS, SECURITY_OPPORTUNISTIC, SECURITY_NONE };

/* What the driver has to wait for, to choose the time-out (RFC 5321 section 4.5.3.2). */
enum smtp_phase {
	PHASE_GREETING,
	PHASE_COMMAND,
	PHASE_DATA,
	PHASE_DOT,
	PHASE_LEAVE, /* it said 421: its end, or that it goes on */
	PHASE_QUIT
};

/* One line of the conversation, printable, secrets masked, no line end.
 * sent: by us. Message bytes are not traced, but for a line with their count. */
typedef void smtp_trace(void *context, bool sent, struct str line);

/* All borrowed; must outlive the machine. */
struct smtp_setup {
	bool lmtp;
	struct str helo;
	enum smtp_security security;
	struct str host; /* for texts and OAUTHBEARER */
	int port;
	bool login; /* log in: user, or a client certificate with EXTERNAL */
	struct str user;
	bool certificate;    /* there is a client certificate */
	bool password;       /* there is a password to be had */
	unsigned mechanisms; /* bits; 0: auto */
	bool allow_cleartext_auth;
	bool no_chunking;         /* BDAT failed with this relay before */
	unsigned char random[24]; /* fresh */
	smtp_trace *trace;        /* or NULL */
	void *trace_context;
};

/* To ask what the server would say, and send nothing: the commands up to there, each
 * by itself, and then RSET. */
enum smtp_probe { PROBE_NOT, PROBE_MAIL, PROBE_RCPT };

/* One transaction: some recipients of one message. */
struct smtp_transaction {
	enum smtp_probe probe; /* recipients that are not refused get no verdict then */
	const struct envelope *envelope;
	struct rcpt **rcpts;
	size_t rcpt_count;
	uint64_t size; /* of the final form, exactly as given; 0: not known (converted) */
	bool eightbit; /* it has 8-bit bytes, in the body or the header */
	bool smtputf8; /* the header needs it; the addresses are looked at here */
};

struct smtp;

/* Security TLS: smtp_secured comes before anything else. */
struct smtp *smtp_new(const struct smtp_setup *setup);
void smtp_free(struct smtp *s); /* wipes what came of the password */

enum smtp_want smtp_want(const struct smtp *s);
enum smtp_phase smtp_phase(const struct smtp *s);
/* Bytes to be written now; may be written in parts: drop what was written with
 * smtp_written, at once: a reply is believed only after its command was
 * written. What carries a secret is wiped as it is dropped. */
struct str smtp_output(const struct smtp *s);
void smtp_written(struct smtp *s, size_t n);

/* Transactions that were answered for so far. */
size_t smtp_settled(const struct smtp *s);
/* Complete replies so far: the time allowed for a reply begins when this grows. */
size_t smtp_replies(const struct smtp *s);

void smtp_feed(struct smtp *s, struct str bytes);
void smtp_eof(struct smtp *s); /* the server closed */
/* Has a reply begun that is not at its end? */
bool smtp_in_reply(const struct smtp *s);
/* No more is heard for now: where all was answered, a reply that has begun is one too
 * many, and the machine fails. smtp_commit does so by itself. */
void smtp_heard(struct smtp *s);
/* The connection is gone: time-out, reset, TLS. */
void smtp_failed(struct smtp *s, const struct fault *f);
/* We give up: each answer may have come in time, but it takes too long (os/budget). */
void smtp_too_slow(struct smtp *s, const struct fault *f);
/* TLS is up. leftover: clear bytes that were read behind the 220 (must be 0). */
void smtp_secured(struct smtp *s, const struct sasl_binding *binding, size_t leftover);
/* The password (borrowed for the call), or f why there is none. */
void smtp_secret(struct smtp *s, struct str password, const struct fault *f);

const struct ehlo *smtp_ehlo(const struct smtp *s);
/* Was the password not sent for the reason that the connection is in clear? */
bool smtp_withheld(const struct smtp *s);
/* Begins a transaction; t and what it points to must live until smtp_commit.
 * RSET goes first where the last one was left open.
 * Recipients whom this server cannot serve (SIZE, SMTPUTF8) get their verdict at once. */
void smtp_start(struct smtp *s, const struct smtp_transaction *t);
/* A piece of the final form, of any size up to a megabyte. */
void smtp_message(struct smtp *s, struct str bytes);
void smtp_message_end(struct smtp *s);
void smtp_quit(struct smtp *s);

/* Behind a transaction whose message is out, and not answered for, another may be begun in
 * the same flight, where the connection has carried one and the server has PIPELINING. What
 * smtp_want says is about the first of them; it is not settled before all that was sent is
 * answered. smtp_commit leaves its verdicts, and the next is the first then. */
#define SMTP_LINE_MAX 100
enum smtp_room {
	ROOM_NONE,
	ROOM_ENVELOPE, /* the message itself is wanted when it is the first */
	ROOM_MESSAGE   /* a small one goes along */
};
bool smtp_has_room(const struct smtp *s); /* for any at all */
enum smtp_room smtp_room_for(const struct smtp *s, const struct smtp_transaction *t);
/* Begins it; message: all of its final form with ROOM_MESSAGE, else empty. Without room
 * nothing is done. t lives as that of smtp_start does. */
void smtp_follow(struct smtp *s, const struct smtp_transaction *t, struct str message);

/* Leaves the verdicts of the transaction in its recipients, said by that server of that
 * relay (texts, or NULL); those without one are left alone. True: each has one. */
bool smtp_commit(struct smtp *s, const char *relay, const char *host);
/* BDAT was refused although CHUNKING was offered: not again to this relay. */
bool smtp_chunking_broken(const struct smtp *s);
/* sys is ETIMEDOUT if the server is silent, behind a 421, too. */
const struct fault *smtp_fault(const struct smtp *s);
/* Mechanism that logged in ("PLAIN"), or "". */
const char *smtp_auth_used(const struct smtp *s);

#endif
