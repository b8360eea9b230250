/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * servers - the servers of a relay, and how they are
 *
 * A relay is one server or several in order: each port of each host, a service
 * looked up by SRV (RFC 6186, 8314), or the MX of a domain (RFC 5321 section
 * 5.1). A server is fine, dead or busy; what that means and what makes it so is
 * in text/cause. What is found is kept for the run here, and in the hold
 * (hold/backoff) for the next ones.
 */
#ifndef TRANSPORT_SERVERS_H
#define TRANSPORT_SERVERS_H

#include "text/fault.h"
#include "conf/settings.h"
#include "hold/backoff.h"
#include "hold/hold.h"
#include "mail/verdict.h"
#include "transport/session.h"

#define SERVERS_MAX 64

/* One host and one port. */
struct server {
	char *host; /* NULL: the relay's socket */
	int port;
	const struct settings_relay *relay;
};

struct servers {
	struct server at[SERVERS_MAX];
	size_t count;
	bool no_mail; /* the domain takes no mail (RFC 7505) */
};

/* Finds them, with a look-up where the relay needs one. domain: of the
 * recipients, for mx. False: none is known now (FAULT_RELAY). */
bool servers_find(const struct settings *c, const struct settings_relay *relay,
                  const char *domain, struct servers *out, struct fault *f)
    __attribute__((warn_unused_result));
void servers_release(struct servers *s);
/* The same for a relay that the configuration names servers of; false: of this one they have
 * to be looked up. */
bool servers_configured(const struct settings_relay *relay, struct servers *out)
    __attribute__((warn_unused_result));
/* One more, as long as there is room; or each port of the relay's, in order. */
void servers_add(struct servers *out, const struct settings_relay *relay, const char *host,
                 int port);
void servers_add_host(struct servers *out, const struct settings_relay *relay,
                      const char *host);

void server_copy(struct server *to, const struct server *from);
void server_release(struct server *s);
bool server_same(const struct server *a, const struct server *b);
/* "NAME:PORT" or the path of the socket, for texts. */
char *server_text(const struct server *s);
/* Of those who wait because it is left alone for that cause: in our own words, for who it was
 * that met it first, and what the server said to that one, is nothing to others. */
void server_passed_over(const struct server *s, enum cause cause, int code, struct verdict *v);
/* What it is remembered by in hold/backoff. */
char *server_key(const struct server *server);

/* In a row, so many of one sender end the run for that sender; of so many senders of a user,
 * for that user; of so many users, for all. Where all mail is one user's, each sender counts
 * for a user. A user can take any sender they like, so that one alone stops nobody else. */
#define SUSPECT_TRIES   3
#define SUSPECT_SENDERS 3
#define SUSPECT_USERS   3
#define SUSPECTS_MAX    ((SUSPECT_USERS - 1) * SUSPECT_SENDERS + 1)

/* Whose message it is. */
struct server_client {
	uid_t uid;
	const char *sender;
};

/* What a run knows of one server. */
struct server_state {
	char *key;
	enum cause cause; /* why it is left alone in this run; CAUSE_NONE: it is not */
	int code;
	struct backoff past;
	bool one_by_one; /* no window, whatever the hold remembers */
	int probe;       /* descriptor while we are the one that asks it again, or -1 */
	/* At whose messages it broke since the last success. */
	struct suspect {
		uint32_t user, sender;
		int tries;
	} suspects[SUSPECTS_MAX];
	size_t suspect_count;
};

struct servers_memory {
	const struct hold *hold;
	bool ask_again; /* servers remembered from other runs too */
	struct server_state *at;
	size_t count, cap;
};

void servers_memory_init(struct servers_memory *m, const struct hold *h, bool ask_again);
void servers_memory_release(struct servers_memory *m);

/* Why the server is not to be asked for a message of that client; CAUSE_NONE: it is. The
 * state says more, and is good until the next call. */
enum cause servers_ask(struct servers_memory *m, const struct server *server,
                       const struct server_client *client, const struct server_state **state);
/* Has another run found out meanwhile that it is to be left alone? Then why. */
enum cause servers_again(struct servers_memory *m, const struct server *server);
/* Is each server of that relay left alone in this run? why is then of the last one, as of
 * those who are passed over. Not of a relay whose servers are looked up, or where the others
 * are not asked for what we may not do. */
bool servers_all_alone(struct servers_memory *m, const struct settings_relay *relay,
                       struct verdict *why);
/* It did not come to a login. connections: how many this run had open to the relay. */
void servers_failed(struct servers_memory *m, const struct server *server,
                    const struct fault *why, int connections);
/* It did. */
void servers_answered(struct servers_memory *m, const struct server *server);
/* How a transaction of that client ended, by what its cause says of the server. */
void servers_transaction(struct servers_memory *m, const struct server *server,
                         const struct server_client *client, enum cause cause);
/* An entry that was not offered since that server is left alone: until when? False: that
 * is not so, or not known. */
bool servers_next(const struct hold *h, const struct verdict *v, int64_t *until);
/* How many messages may be under way on one connection to it now: "window", or one where
 * several came to harm lately. */
size_t servers_window(const struct servers_memory *m, const struct server *server);
/* They did, for that cause. */
void servers_one_by_one(struct servers_memory *m, const struct server *server,
                        enum cause cause);
/* The most connections that the server should have now. */
int servers_connections(const struct servers_memory *m, const struct server *server);

#endif
