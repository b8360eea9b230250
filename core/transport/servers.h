/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * servers - the servers of a relay, and which of them are dead
 *
 * A relay is one server, a list of backups, a service looked up by SRV (RFC
 * 6186, 8314), or the MX of a domain (RFC 5321 section 5.1). A server that did
 * not answer is left alone for the rest of the run, and is remembered in the
 * hold for the next ones.
 */
#ifndef TRANSPORT_SERVERS_H
#define TRANSPORT_SERVERS_H

#include "base/fault.h"
#include "conf/config.h"
#include "hold/hold.h"
#include "transport/session.h"

#define SERVERS_MAX 32

struct server {
	char *host; /* NULL: the relay's socket */
	int *ports;
	size_t port_count;
	const struct config_relay *relay;
};

struct servers {
	struct server at[SERVERS_MAX];
	size_t count;
	bool no_mail; /* the domain takes no mail (RFC 7505) */
};

/* Finds them, with a look-up where the relay needs one. domain: of the
 * recipients, for mx. False: none is known now (FAULT_RELAY). */
bool servers_find(const struct config *c, const struct config_relay *relay, const char *domain,
                  struct servers *out, struct fault *f) __attribute__((warn_unused_result));
void servers_release(struct servers *s);

/* A run's memory of dead servers. */
struct obituary {
	struct death {
		char *key;
		struct fault why;
		int64_t until;
		bool seen; /* in this run, not remembered from another */
	} * at;
	size_t count, cap;
};

void obituary_release(struct obituary *o);
/* Is it dead in this run, or (unless ask_again) remembered as dead? */
const struct death *obituary_find(struct obituary *o, const struct hold *h,
                                  const struct server *server, bool ask_again);
/* It did not answer. remember: for the next runs too. */
void obituary_add(struct obituary *o, const struct hold *h, const struct server *server,
                  const struct fault *why, bool remember);
/* It answered. */
void obituary_clear(struct obituary *o, const struct hold *h, const struct server *server);

#endif
