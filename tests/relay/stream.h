/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bytes of one connection, clear or under TLS: all that is there is read at once, replies
 * gather in out and leave in one write when nothing is left to do, and the waits of the client
 * for the network are counted ("flights"): one for the connect, one for the greeting, one for
 * each handshake round, and one each time bytes leave after bytes have come.
 *
 * Nothing here waits longer than the idle limit; the end of a connection has one cause.
 */
#ifndef RELAY_STREAM_H
#define RELAY_STREAM_H

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>

#include "text.h"

enum stream_end {
	STREAM_OPEN,
	STREAM_EOF,     /* the client closed */
	STREAM_RST,     /* or reset */
	STREAM_TIMEOUT, /* silent too long */
	STREAM_TLS,     /* TLS failed */
	STREAM_STOP,    /* the relay is told to end */
	STREAM_OURS     /* closed by us */
};

struct stream {
	int fd;
	int stop;             /* readable when the relay is to end */
	gnutls_session_t tls; /* null: clear */
	struct text in, out;  /* read and not yet used; due to be sent */
	struct text wire;     /* records on their way to the socket */
	enum stream_end end;
	unsigned long long received, sent; /* bytes on the wire */
	unsigned flights;
	bool unanswered; /* bytes have come since the last ones left */
	bool shaking;    /* inside a handshake */
	unsigned timeout_ms, delay_ms;
	long long reply_at; /* when out may leave, 0: not set */

	/* Faults. */
	unsigned pace_ms;
	size_t split_at;
	long corrupt, replay, writes; /* writes since the handshake */
	unsigned cipher;              /* for the ServerHello, 0: as it is */
};

/* Monotonic milliseconds. */
long long now_ms(void);

/* Takes a connected socket; it is closed by stream_close or stream_reset. */
void stream_begin(struct stream *s, int fd, int stop, unsigned timeout_ms, unsigned delay_ms);

/* Waits; less when the relay is to end. */
void stream_sleep(struct stream *s, unsigned ms);

/* Sends what is in out. False: the connection is over (so for all below). */
bool stream_flush(struct stream *s);

/* Sends what is in out and waits for bytes, which it adds to in; with a delay, bytes that
 * come before out may leave are taken first. */
bool stream_fill(struct stream *s);

/* Reads and drops until the client goes; want_more false: reads nothing, only waits. */
void stream_outlast(struct stream *s, bool read_on);

/* Any bytes of the client that are there now, without waiting. */
bool stream_pending(struct stream *s);

/* Ends it with FIN (bye: with close_notify first) or RST. */
void stream_close(struct stream *s, bool bye);
void stream_reset(struct stream *s);
void stream_free(struct stream *s);

/* Puts TLS on top; the session is set up but for the transport. False: it failed, *error is
 * the GnuTLS code. */
bool stream_handshake(struct stream *s, gnutls_session_t tls, int *error);

#endif
