/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session - one conversation with one server
 *
 * Drives smtp/smtp over net/conn: dials, secures, logs in, then passes on any
 * number of messages. The commands of a flight leave in one write. Time-outs
 * are those of the relay's section.
 */
#ifndef TRANSPORT_SESSION_H
#define TRANSPORT_SESSION_H

#include "base/fault.h"
#include "conf/config.h"
#include "hold/hold.h"
#include "smtp/smtp.h"

/* What all sessions of a run share; borrowed. */
struct session_env {
	const struct config *config;
	const struct hold *hold; /* TLS tickets; may be NULL */
	const char *hostname;    /* for EHLO where the relay has no helo */
	smtp_trace *trace;       /* or NULL */
	void *trace_context;
};

/* One server of a relay. */
struct session_target {
	const struct config_relay *relay;
	const char *host; /* NULL: the relay's socket */
	const int *ports;
	size_t port_count;
	bool no_chunking; /* it failed there before */
};

/* What the conversation has come to, for the log and for --check. */
struct session_facts {
	const char *host;
	char address[64];
	int port;
	const struct tls_info *tls; /* NULL: in clear */
	const char *auth;           /* mechanism, or "" */
	const struct ehlo *ehlo;
	int64_t dialed_ms; /* to look up and connect */
	int64_t tls_ms;    /* the handshake; -1: none */
	int64_t login_ms;  /* the login; -1: none */
	int64_t ready_ms;  /* all of it, from the beginning */
};

struct session;

/* Up to the point where a message can be passed on. NULL: f says why, with the
 * host; the server is to be left alone for now. */
struct session *session_open(const struct session_env *env, const struct session_target *target,
                             struct fault *f);
const struct session_facts *session_facts(const struct session *s);
const char *session_relay(const struct session *s); /* the relay's name */
/* "HOST[ADDRESS]", for texts. */
const char *session_peer(const struct session *s);

enum session_end {
	SESSION_SETTLED,  /* every recipient has its verdict or waits because of its own 4xx */
	SESSION_LOST,     /* the server went away or refused us: they wait, f says why */
	SESSION_IN_DOUBT, /* it went away when it had the whole message: they wait */
	SESSION_SPOILED,  /* the entry cannot be read (any more): f says why */
};

/* Passes the entry to some of its recipients (places in the envelope) and
 * leaves the verdicts there. No mark is made on disk. */
enum session_end session_send(struct session *s, struct hold_entry *he, const size_t *rcpts,
                              size_t count, struct fault *f);

/* May another message be sent over it? */
bool session_usable(const struct session *s);
/* Was it ended by a breach of the protocol? */
bool session_broken(const struct session *s);
/* Does the server fail at the BDAT that it offers? */
bool session_chunking_broken(const struct session *s);
size_t session_messages(const struct session *s); /* how many went over it */
/* QUIT where the server still listens (its answer is waited for a second at
 * most), and closes. */
void session_close(struct session *s);
/* Closes at once without a word: for a copy in a child process. */
void session_drop(struct session *s);

#endif
