/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * serve - the server's side of an SMTP session (RFC 5321), for local callers
 *
 * A machine without input and output: it is fed what the client wrote, in
 * pieces of any size, adds replies to a buffer, and calls hooks for what is
 * asked. Offered: PIPELINING, SIZE, 8BITMIME, DSN, SMTPUTF8 and
 * ENHANCEDSTATUSCODES; no STARTTLS, AUTH or CHUNKING.
 *
 * A command ends in LF or CRLF, nothing else. The lines of a message end as its
 * DATA did: where that was CRLF, a dot between two LF is text, and where it was
 * LF, one before CRLF is; else what a client passes on as text could end its
 * message and go on with commands. Commands may be SERVE_LINE_MAX bytes long, far more than
 * RFC 5321 asks for, and hold no other control byte than a tab. Syntax is
 * read as callers write it: blanks around paths, paths without brackets.
 * There is no limit on messages or time, and none on bad commands and recipients unless
 * the client is guarded against.
 *
 * A hook that fails says with its fault what the client is told: its code and
 * status if it has them, else those of the kind, where what is not about the
 * address or the message is temporary.
 */
#ifndef SMTP_SERVE_H
#define SMTP_SERVE_H

#include <stdint.h>

#include "text/buf.h"
#include "text/fault.h"
#include "mail/envelope.h"

#define SERVE_LINE_MAX  65536 /* bytes of a command without its end */
#define SERVE_REPLY_MAX 1024  /* room in the buffer for whatever one line may bring */

#define SERVE_STRANGE_MAX 4
#define SERVE_RCPT_MAX    10000 /* far more than the 100 of RFC 5321 section 4.5.3.1.8 */

/* Views are good during the call. A path is the address as it was written,
 * with its brackets if it had some: "<a@b>", "<>", "a@b"; never empty. */
struct serve_mail {
	struct str path;
	enum envelope_body body;
	enum envelope_ret ret;
	struct str envid; /* xtext; empty: none */
	bool smtputf8;
};

struct serve_rcpt {
	struct str path;
	unsigned notify;
	struct str orcpt; /* type, ";" and xtext; empty: none */
};

typedef bool serve_on_mail(void *context, const struct serve_mail *mail, struct fault *f);
typedef bool serve_on_rcpt(void *context, const struct serve_rcpt *rcpt, struct fault *f);
/* DATA: the message is about to come. */
typedef bool serve_on_data(void *context, struct fault *f);
/* Some of it, dots un-stuffed, line ends as they came. After false no more is
 * given; the client is told when its data has ended. */
typedef bool serve_on_bytes(void *context, struct str bytes, struct fault *f);
/* All of it. True: it is durable, and ours. id names it, of at most 32 printable bytes. */
typedef bool serve_on_end(void *context, char id[33], struct fault *f);
/* The transaction is over, ended or not: the last call of each one for which
 * on_mail was called. */
typedef void serve_on_over(void *context);

struct serve_hooks {
	serve_on_mail *mail;
	serve_on_rcpt *rcpt;
	serve_on_data *data;
	serve_on_bytes *bytes;
	serve_on_end *end;
	serve_on_over *over;
	void *context;
};

/* All borrowed; must outlive the session. */
struct serve_rules {
	struct str hostname;
	uint64_t max_size; /* bytes of a message; 0: no limit */
	/* NULL, or why nothing can be done: 421 is all that is ever said. */
	const struct fault *closed;
	/* The client came by a socket, and may have been made to, as a browser by a page: a
	 * line that is no command ends the session (421) where EHLO or HELO should be, and so
	 * does the SERVE_STRANGE_MAX-th of them later. Closed, it ends with the greeting. And
	 * what it says costs memory of ours: over SERVE_RCPT_MAX recipients are for another
	 * message (452). */
	bool guarded;
};

struct serve;

struct serve *serve_new(const struct serve_rules *rules, const struct serve_hooks *hooks);
/* An unfinished transaction is over. */
void serve_free(struct serve *s);

/* Adds the greeting. out must have room for SERVE_REPLY_MAX. */
void serve_greet(struct serve *s, struct buf *out);

/* Works on bytes and adds the replies. What is left of them when out has no
 * room for another reply comes back, to be fed again later; nothing does after the end. */
struct str serve_feed(struct serve *s, struct str bytes, struct buf *out)
    __attribute__((warn_unused_result));

/* QUIT was answered, or a guarded session was ended. */
bool serve_ended(const struct serve *s);
/* Between DATA and its end. */
bool serve_in_message(const struct serve *s);
/* Adds a last 421 with a reason: we end before the client does. Needs SERVE_REPLY_MAX. */
void serve_shut(struct serve *s, const char *reason, struct buf *out);

#endif
