/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * smtp_private - what the parts of the session machine share
 *
 * smtp.c has the public functions and the way of a reply to its handler;
 * smtp_login.c the handlers from the greeting to the login; smtp_mail.c those of
 * a transaction, and smtp_decide.c what becomes of its recipients; smtp_command.c,
 * which knows none of them, what they all do: it sends a command and queues it for its
 * answer, and ends the session; smtp_window.c has several transactions one behind the
 * other.
 *
 * A handler gets the command that was answered and the reply, whose code is 4xx,
 * 5xx or one that makes sense, and returns what the machine wants next.
 * SMTP_READ means that a command is still unanswered.
 */
#ifndef SMTP_SMTP_PRIVATE_H
#define SMTP_SMTP_PRIVATE_H

#include "smtp/reply.h"
#include "smtp/smtp.h"
#include "smtp/wire.h"

enum verb {
	VERB_GREETING, /* no command: the server speaks first */
	VERB_EHLO,
	VERB_HELO,
	VERB_STARTTLS,
	VERB_AUTH,
	VERB_CANCEL,
	VERB_RSET,
	VERB_MAIL,
	VERB_RCPT,
	VERB_DATA,
	VERB_DOT,
	VERB_BDAT,
	VERB_BDAT_LAST,
	VERB_QUIT,
	VERBS
};

#define NO_RCPT ((size_t)-1)

/* Commands a flight, and bytes where it has messages of several transactions: both sides may
 * write without the other reading, so what is on the way must fit in the sockets' buffers
 * (RFC 2920 section 3.1). */
#define FLIGHT_MAX   128
#define FLIGHT_BYTES 131072
#define BDAT_AT_ONCE 65536 /* a message up to that size goes with the envelope */

struct command {
	enum verb verb;
	size_t rcpt;            /* RCPT, and DOT of LMTP: whose; else NO_RCPT */
	uint64_t end;           /* the answer is not due before so many bytes are written */
	struct transaction *tx; /* whose it is */
};

enum answer_state { ANSWER_NONE, ANSWER_ACCEPTED, ANSWER_DECIDED };

/* What is known of a recipient. It is the machine's own until smtp_commit. */
struct answer {
	enum answer_state state;
	struct verdict verdict; /* once decided */
	uint64_t flight;        /* that the reply came in */
};

struct transaction {
	const struct smtp_transaction *t; /* NULL: none under way */
	enum smtp_want want;              /* while another is in hand */
	uint64_t flight;                  /* the last in which it had a command */
	enum cause cause;                 /* why recipients have no verdict, at the end */
	struct answer *answers;           /* one a recipient, or NULL */
	size_t count;                     /* of them */
	size_t next;                      /* the first that had no RCPT yet */
	size_t accepted;
	bool mail_refused; /* no recipient can be accepted then */
	bool part_refused; /* by BDAT: nor can the message */
	bool sent;         /* the whole message has been answered for */
	bool early;        /* the verdict came while it was going out */
	uint64_t begin_at; /* the message begins behind so many bytes */
	uint64_t end_at;   /* and ended there, the last time; 0: its end was not sent */
	bool utf8;         /* SMTPUTF8 is needed */
	bool bdat;         /* else DATA */
	bool bare;         /* MAIL and RCPT without parameters that can be missed */
	bool parameters;   /* MAIL had some that can be missed */
	bool mail_sent;
	bool closed;  /* nothing more is decided: late replies are passed over */
	bool again;   /* once more, in another way */
	bool by_data; /* which is DATA, for BDAT failed */
	bool giving;  /* the message is being given */
	uint64_t given;
};

struct smtp {
	struct smtp_setup setup;
	enum smtp_want want;
	struct fault fault;
	struct reply reply;
	size_t replies; /* complete so far */
	size_t settled; /* transactions so far */
	bool unasked;   /* the reply under way was not asked for */
	bool slow;      /* all together takes too long */
	bool stays;     /* it has said that it closes, and does not */
	bool last_word; /* it has said so in place of the last answer to a message */

	struct reply *leaves; /* each time that it said so, while more is out */
	size_t leave_count, leave_cap;

	struct command *queue; /* unanswered, from head on */
	size_t head, tail, queue_cap;
	uint64_t flight; /* how many flights of commands there were */

	struct buf out;
	size_t out_done;     /* of out, already written */
	uint64_t written;    /* all bytes ever written */
	uint64_t wipe_until; /* bytes before that one are wiped when written */

	struct ehlo ehlo;
	bool secured;
	struct sasl_binding binding;
	struct sasl *sasl;
	enum sasl_mechanism mechanism;
	unsigned spurned; /* mechanisms that the server offers and does not want, as bits */
	bool logged_in;
	bool withheld;     /* the password, as the connection is in clear */
	bool carried;      /* a transaction came to its end over this connection */
	bool taken;        /* and one in which a message was taken */
	struct buf answer; /* what was sent last of the login, until it is answered */

	/* The first is in hand; the others are under way behind it. There is always one. */
	struct transaction *line[SMTP_LINE_MAX];
	size_t line_count;
	struct transaction *tx; /* of them, the one that is spoken of */
	bool shared;            /* the flight has commands of several */
	bool refused;           /* and there was a refusal in it */
	size_t rest;            /* lines that were read from the last reply on */
	bool odd;               /* it cannot be the answer to another command */
	uint64_t flight_at;     /* it begins behind so many bytes */
	bool dirty;             /* the server has an open transaction: RSET first */
	bool chunking_broken, bdat_works;
	struct wire wire;
	struct buf chunk;
};

/* Handlers, one a verb. */
typedef enum smtp_want smtp_handler(struct smtp *s, const struct command *c,
                                    const struct reply *r);
smtp_handler smtp_on_greeting, smtp_on_ehlo, smtp_on_helo, smtp_on_starttls, smtp_on_auth,
    smtp_on_cancel;
smtp_handler smtp_on_rset, smtp_on_mail, smtp_on_rcpt, smtp_on_data, smtp_on_dot, smtp_on_bdat;

/* Of the transaction that is spoken of: a recipient's verdict by a reply, if they have none;
 * cause CAUSE_NONE: it was delivered. */
void smtp_decide(struct smtp *s, size_t rcpt, enum cause cause, const struct reply *r);
/* The same verdict for all that have none, and no other will come. */
void smtp_decide_rest(struct smtp *s, enum cause_phase phase, const struct reply *r);
/* For those whom this server cannot serve. */
void smtp_decide_by_ehlo(struct smtp *s);

/* While the message goes out, a clear refusal: the verdict on it (RFC 5321 has no better
 * place for it). False: it is none. */
bool smtp_early_verdict(struct smtp *s, const struct reply *r);
/* The first of the line goes on with a flight of its own, if it may now. */
void smtp_wake(struct smtp *s);
/* RSET, MAIL, RCPT and what may follow them, of the transaction that is spoken of. */
enum smtp_want smtp_send_flight(struct smtp *s);
/* The whole message of that one, by BDAT LAST. */
enum smtp_want smtp_give_whole(struct smtp *s, struct str message);
bool smtp_by_bdat(const struct smtp *s, const struct smtp_transaction *t);
/* Makes tx the transaction t. */
void smtp_set_up(struct smtp *s, struct transaction *tx, const struct smtp_transaction *t);
/* Sends EHLO (LHLO). */
enum smtp_want smtp_hello(struct smtp *s);

#endif
