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

#include "text/fault.h"
#include "conf/settings.h"
#include "hold/hold.h"
#include "net/tls.h"
#include "smtp/smtp.h"
#include "transport/passage.h"

#define SESSION_PEER_MAX  320
#define SESSION_SILENT_MS 10000 /* for a greeting, where a silent server waits for TLS */
#define SESSION_CHECK_MS  30000 /* for any other answer, of a check */

struct tokens;
struct session_facts;
struct session_contact;
/* Told how far a session came that ended before its login, at each address. */
typedef void session_look(void *context, const struct session_facts *facts,
                          const struct session_contact *contact);

/* What all sessions of a run share; borrowed. */
struct session_env {
	const struct settings *config;
	struct hold *hold;    /* TLS tickets, reports, what was removed from it; may be NULL */
	const char *hostname; /* for EHLO where the relay has no helo */
	const struct tokens *tokens; /* NULL where there is none to be had */
	smtp_trace *trace;           /* or NULL */
	void *trace_context;
	bool checks;        /* somebody is looking: no wait is longer than the two below */
	session_look *look; /* or NULL */
	void *look_context;
};

/* One server of a relay: one host and one port. */
struct session_target {
	const struct settings_relay *relay;
	const char *host; /* NULL: the relay's socket */
	int port;
	bool no_chunking; /* it failed there before */
};

/* What the conversation has come to, for the log and for --check. */
struct session_facts {
	const char *host;
	char address[64];
	int port;
	const struct tls_info *tls; /* NULL: in clear */
	const char *auth;           /* mechanism, or "" */
	struct str helo;            /* what we called ourselves */
	const struct ehlo *ehlo;    /* NULL: nothing was said yet */
	int64_t dialed_ms;          /* to look up and connect */
	int64_t tls_ms;             /* the handshake; -1: none */
	int64_t login_ms;           /* the login; -1: none */
	int64_t ready_ms;           /* all of it, from the beginning */
};

/* Whom we spoke to, as far as it came: for the log, and for verdicts. */
struct session_contact {
	char peer[SESSION_PEER_MAX]; /* "NAME[ADDRESS]:PORT", or the socket's path; "" */
	int port;                    /* 0: not connected */
	char tls[16];                /* protocol, "no", or "" if it is not known */
	char auth[24];               /* mechanism, "no", or "" */
	/* Of a certificate that was refused, or "". */
	char refused_names[256];
	char refused_pin[TLS_PIN_TEXT_MAX];
	enum tls_flaw tls_flaw; /* why TLS failed, if that is known */
	/* What EHLO was last answered with offers. */
	bool has_starttls, has_auth;
	bool withheld; /* the password was not sent, for the connection is in clear */
};

struct session;

/* Up to the point where a message can be passed on; the addresses of the host are asked
 * in turn until one comes so far as to the login. NULL: f says why, with its cause;
 * contact says how far it came, in both cases. */
struct session *session_open(const struct session_env *env, const struct session_target *target,
                             struct session_contact *contact, struct fault *f);
const struct session_facts *session_facts(const struct session *s);
const struct session_contact *session_contact(const struct session *s);
const char *session_relay(const struct session *s); /* the relay's name */
/* "NAME[ADDRESS]:PORT", or the path of a socket. */
const char *session_peer(const struct session *s);

enum session_end {
	SESSION_SETTLED, /* every recipient has a verdict */
	SESSION_BROKEN,  /* the server went away, or was out of step: f says why, and is the
	                  * verdict of those that it left without one */
	SESSION_ENTRY,   /* the entry cannot be read (any more): f says why */
};

enum session_progress { MAIL_NEW, MAIL_UNDER_WAY, MAIL_ENDED };

/* An entry on its way to some of its recipients. Where it is under way at the end of the
 * session it has ended then, or is new again: nothing of its message was sent. */
struct session_mail {
	struct hold_entry *he; /* borrowed, as the next */
	const size_t *rcpts;   /* places in the envelope */
	size_t count;
	enum session_progress progress;
	/* What it came to, once it has ended: */
	enum session_end end;
	struct fault why;
	bool behind; /* the connection broke, at another one */
	/* Private, while it is under way: */
	struct passage passage;
	struct smtp_transaction transaction;
};

/* The next entry that may go over that session; NULL: none, or none now. */
typedef struct session_mail *session_next(void *context);

/* Passes the entry to those recipients and leaves the verdicts there, with the relay and the
 * server in them. No mark is made on disk. m is new, or the first of those that are under
 * way. While its end is on its way next (or NULL) may give others that are new, to be begun
 * behind it where the server has PIPELINING: which were is in their progress, and one that
 * was not is the last that is asked for. They have to live until they have ended, or are new
 * again. */
enum session_end session_send(struct session *s, struct session_mail *m, session_next *next,
                              void *context, struct fault *f);
/* Has nothing come since that nobody asked for? If not, no verdict of the last
 * transaction stands; f says so, with its cause. Does not wait. */
bool session_in_step(struct session *s, struct fault *f);

/* The steps of a probe. */
enum session_step { STEP_MAIL, STEP_RCPT, STEP_RSET, SESSION_STEPS };

struct session_probe {
	const char *sender;        /* in; wire form */
	const char *rcpt;          /* in; NULL: MAIL alone is tried */
	int64_t ms[SESSION_STEPS]; /* out; -1: not done */
	enum session_step failed;  /* out, if false is returned */
};

/* MAIL and RCPT as for a message, then RSET: nothing is sent. False: one was refused, or
 * the session is over (session_usable tells), for the reason in f. */
bool session_probe(struct session *s, struct session_probe *p, struct fault *f);

/* May another message be sent over it? */
bool session_usable(const struct session *s);
/* Is all that was sent over it answered? */
bool session_settled(const struct session *s);
/* Does the server fail at the BDAT that it offers? */
bool session_chunking_broken(const struct session *s);
/* Is it over in a way that costs more with several under way: out of step, or at the first
 * of several? */
bool session_lost_several(const struct session *s);
size_t session_messages(const struct session *s); /* how many went over it */
/* QUIT where the server still listens (its answer is waited for a second at
 * most), and closes. */
void session_close(struct session *s);
/* Closes at once without a word: for a copy in a child process. */
void session_drop(struct session *s);

#endif
