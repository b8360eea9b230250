/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cause - whose fault it is, as a value
 *
 * What went wrong is found once, where it happens, from the phase of the
 * session, the code and the enhanced status of the answer (RFC 5321 section
 * 4.2, RFC 3463, RFC 5248), and what the session had come to: cause_of. What it
 * means is read from one row: cause_row. No other place decides what a failure
 * means, and nothing is decided by the words of a text.
 *
 * Once the login is over an answer is about one transaction, whatever it is.
 * Unknown means temporary: only a clear 5xx about the message or the recipient
 * is final.
 */
#ifndef TEXT_CAUSE_H
#define TEXT_CAUSE_H

#include "text/buf.h"

/* Where a session is. */
enum cause_phase {
	AT_GREETING,
	AT_EHLO,
	AT_STARTTLS, /* the command, and the handshake behind it */
	AT_AUTH,
	AT_IDLE, /* open, and no transaction begun */
	AT_MAIL,
	AT_RCPT,
	AT_DATA,    /* DATA, or a BDAT that is not the last */
	AT_MESSAGE, /* while the message is going out: nothing was asked yet */
	AT_DOT,     /* the message is out */
	AT_QUIT,
	CAUSE_PHASES
};

/* What may come instead of a reply code. */
enum cause_event {
	EVENT_CLOSED = 1, /* the connection was closed, reset or lost */
	EVENT_SILENT,     /* no answer in time */
	EVENT_NONSENSE,   /* what came is no reply, or one that makes no sense there */
	EVENT_SLOW        /* each answer came in time, but all together take too long */
};

/* What the session had come to, and what it needs, as bits. */
enum cause_had {
	HAD_ACCEPTED = 1, /* another recipient was accepted in this transaction */
	HAD_SENT = 2,     /* the whole message is out: the server may have it */
	HAD_CARRIED = 4,  /* a transaction came to its end over this connection before */
	HAD_STATUS = 8,   /* set by cause_of: the reply has an enhanced status */
	NEEDS_TLS = 16,   /* encryption is required, and not there yet */
	NEEDS_LOGIN = 32,
	HAD_TAKEN = 64,  /* the server took a message over this connection before */
	HAD_STAYED = 128 /* it went on behind a 421 */
};

enum cause {
	CAUSE_NONE, /* nothing has gone wrong */
	CAUSE_UNKNOWN,
	/* This host, or its configuration. */
	CAUSE_NO_RELAY,
	CAUSE_LOCAL,
	CAUSE_SETTINGS,
	CAUSE_NO_PASSWORD,
	CAUSE_NO_TOKEN,
	CAUSE_LOGIN_OVER,
	CAUSE_LOOKUP,
	/* The server, up to and including the login. */
	CAUSE_NO_NAME,
	CAUSE_NOT_LISTENING,
	CAUSE_UNREACHABLE,
	CAUSE_NO_CONNECTION,
	CAUSE_NO_GREETING,
	CAUSE_SILENT,
	CAUSE_CLOSED,
	CAUSE_NOT_SMTP,
	CAUSE_SERVICE_REFUSED,
	CAUSE_HELO_REFUSED,
	CAUSE_NO_STARTTLS,
	CAUSE_TLS,
	CAUSE_CERTIFICATE,
	CAUSE_NO_LOGIN,
	CAUSE_MECHANISM,
	CAUSE_LOGIN_TLS,
	CAUSE_LOGIN_WEAK,
	CAUSE_LOGIN_EXPIRED,
	CAUSE_LOGIN_REFUSED,
	CAUSE_LOGIN_LATER,
	CAUSE_BUSY,
	/* A transaction: about us. */
	CAUSE_USED_UP,
	CAUSE_SHUTDOWN,
	CAUSE_THROTTLED,
	CAUSE_LOST,
	CAUSE_TOO_SLOW,
	CAUSE_OUT_OF_STEP,
	CAUSE_IN_DOUBT,
	CAUSE_UNSTEADY,
	CAUSE_CONNECTIONS,
	CAUSE_RATE,
	CAUSE_AUTH_NEEDED,
	CAUSE_TLS_NEEDED,
	CAUSE_NOT_AS_SENDER,
	CAUSE_NOT_UNDERSTOOD,
	/* A transaction: about the message or the recipient. */
	CAUSE_TOO_MANY,
	CAUSE_DEFERRED,
	CAUSE_SENDER_REFUSED,
	CAUSE_NO_SUCH_USER,
	CAUSE_RCPT_REFUSED,
	CAUSE_MESSAGE_REFUSED,
	/* What Postern itself finds that it cannot send. */
	CAUSE_TOO_BIG,
	CAUSE_NEEDS_UTF8,
	CAUSE_UNCONVERTIBLE,
	CAUSE_NO_MAIL_DOMAIN,
	CAUSES
};

/* What becomes of the recipients. */
enum cause_fate { FATE_WAIT, FATE_FAIL };

/* What it says about the server. */
enum cause_server {
	SERVER_FINE,    /* nothing */
	SERVER_DEAD,    /* left alone until its next time, in later runs too */
	SERVER_BUSY,    /* the same, shortly, and asked with fewer connections */
	SERVER_SKIPPED, /* left alone in this run; not remembered, for it is about us */
	SERVER_SUSPECT, /* several in a row, for different senders, end the run for it */
	SERVER_STRAINED /* the same, and it is busy then */
};

/* Who is asked next for the recipients that it left waiting, in this try. */
enum cause_next {
	NEXT_NOBODY,
	NEXT_AGAIN,   /* the same server, over a fresh connection, once */
	NEXT_ADDRESS, /* the next address of its name, or as NEXT_SERVER */
	NEXT_SERVER,  /* the next port, host or relay */
	NEXT_HOST,    /* the next host or relay */
	NEXT_RELAY
};

struct cause_row {
	const char *word;     /* for JSON, the hold and the manual: never changes */
	const char *sentence; /* for people, where nobody has said more */
	enum cause_fate fate;
	bool keep; /* the connection goes on */
	enum cause_server server;
	bool tried; /* a server took part in the transaction: a try of the entry */
	enum cause_next next;
	int exit;         /* of a caller who waited (sysexits.h); 0: the mail is kept */
	const char *hint; /* what to do about it; "" where that is not known */
};

const struct cause_row *cause_row(enum cause c);
/* By its word; CAUSE_UNKNOWN if there is none such. */
enum cause cause_by_word(struct str word);

/* Of a reply (code 400 to 599, status "5.7.1" or "") or an event (code one of
 * enum cause_event) in that phase; had: bits of enum cause_had. CAUSE_UNKNOWN where no rule
 * fits: it keeps the mail. */
enum cause cause_of(enum cause_phase phase, int code, const char *status, unsigned had);
/* Of a connection that could not be made, by errno. */
enum cause cause_of_connect(int sys);

#endif
