/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * order - what the program that has the tokens is told, and what it says
 *
 * flushq does not speak HTTPS. It starts libexec/postern/token with one end of a socket
 * (SOCK_SEQPACKET) as its standard input and the state/ of the hold as descriptor 3, and
 * sends one record for each relay with oauth, then ORDER_NARROW. From then on each request
 * is a record with the relay's name and, as its descriptor, one end of a stream. On that
 * the program writes lines, each begun by a byte of enum order_said, and closes it.
 * A record is the byte of enum order_kind and a text; no text has a NUL in it. The program
 * ends when the last other end of its socket is closed.
 */
#ifndef OAUTH_ORDER_H
#define OAUTH_ORDER_H

#include <stdint.h>

#include "text/buf.h"

#define ORDER_MAX 16384 /* bytes of a record */

enum order_kind {
	ORDER_RELAY = 'R',  /* the texts of an order, each with a NUL behind it */
	ORDER_NARROW = 'N', /* no more of them come: rights may be given up */
	/* The access token of the relay, which is one line; with a NUL and a number behind the
	 * name, not the one of that checksum: the relay has refused it. */
	ORDER_GET = 'G',
	ORDER_LOGIN = 'L',  /* a person is at hand and logs in */
	ORDER_LOGOUT = 'X', /* forget it, and revoke it where that is offered */
	ORDER_TOLD = 'A'    /* the administrator knows that the login is over */
};

enum order_said {
	SAID_TOKEN = 'T', /* the last line */
	SAID_FAULT = 'F', /* the last line: why not */
	SAID_OVER = 'O',  /* the same, where somebody has to log in: since when, or 0 if the
	                   * administrator knows it or nobody ever has, a NUL, and why */
	SAID_DONE = 'D',  /* the last line of a log-in or log-out */
	SAID_TEXT = 'S',  /* for the person */
	SAID_ASK = 'A',   /* the same, and a line is to be sent back */
	SAID_OFFER = 'B'  /* the same, and a line may be sent back until the next comes */
};

enum order_grant { GRANT_UNSET, GRANT_DEVICE, GRANT_CODE, GRANT_CLIENT, GRANT_SERVICE };

/* The texts; one that is not set is empty. */
enum order_text {
	TEXT_RELAY,
	TEXT_PROVIDER, /* "microsoft", "google", or the issuer's URL */
	TEXT_CLIENT,
	TEXT_SECRET_FILE,
	TEXT_TENANT,
	TEXT_SCOPE,
	TEXT_USER,
	TEXT_ACCOUNT_FILE,
	TEXT_TRUST, /* a file of CAs, or the system's */
	TEXT_PROXY, /* HOST:PORT of a SOCKS5 proxy */
	TEXT_GRANT, /* a digit, of enum order_grant */
	ORDER_TEXTS
};

/* By which a token is named among those of its relay. */
uint32_t order_sum(struct str token);

struct order {
	char *texts[ORDER_TEXTS]; /* none is NULL after order_read */
};

/* Adds a record; a text that is NULL is empty. False: out is full. */
bool order_write(struct buf *out, const char *const texts[ORDER_TEXTS])
    __attribute__((warn_unused_result));
/* Of the bytes behind the first; false: they are no order, and o is empty. */
bool order_read(struct str bytes, struct order *o) __attribute__((warn_unused_result));
enum order_grant order_grant(const struct order *o);
void order_release(struct order *o);

#endif
