/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * deliver - one entry, until each recipient has a verdict or must wait
 *
 * Takes the relays that route names, in order, and passes the entry to the
 * first that takes it. What is about us or the relay (no connection, TLS, the
 * login, nonsense) leads to the next relay and never to a failure of the mail.
 * After the final 2xx the mark is made and synced before the server hears QUIT.
 * A connection is kept for the next entry.
 *
 * A struct deliver is one run's memory: the open connection, and the servers
 * that were found dead.
 */
#ifndef TRANSPORT_DELIVER_H
#define TRANSPORT_DELIVER_H

#include <stdatomic.h>

#include "base/fault.h"
#include "conf/config.h"
#include "hold/hold.h"
#include "transport/servers.h"
#include "transport/session.h"

/* Told of an entry whose recipients have all got a verdict, some refused.
 * True: the caller has taken note, no report is to be made. */
typedef bool deliver_tell(void *context, const struct hold_entry *he);

#define DELIVER_REPORTS_MAX 64 /* further ones wait for the next run */

struct deliver {
	struct session_env env;
	struct hold *hold;
	bool ask_dead;      /* ask servers remembered as dead once more */
	deliver_tell *tell; /* or NULL */
	void *tell_context;
	struct session *session;                /* open, or NULL */
	struct server server;                   /* of the open session; its strings are ours */
	const struct config_relay *no_chunking; /* it cannot do the BDAT it offers, or NULL */
	struct obituary dead;
	bool helper;      /* one of several workers of a run, and not its leader */
	bool turned_away; /* a helper found no connection: the entry is as it was */
	atomic_int *open; /* connections open in the run, one a relay; or NULL */
	hold_id reports[DELIVER_REPORTS_MAX]; /* made, and not yet tried */
	size_t report_count;
	int losses; /* connections that broke in the middle, in a row */
};

struct deliver_result {
	size_t delivered, failed, waiting; /* recipients, after this try */
	bool attempted;                    /* some server was asked */
	int64_t
	    dead_until; /* not attempted: when the first server is asked again; 0: unknown */
	char reason[FAULT_TEXT_MAX]; /* why some wait, or "" */
};

void deliver_init(struct deliver *d, const struct session_env *env, struct hold *hold);
void deliver_release(struct deliver *d); /* says QUIT */

/* Tries the entry; he is ours, and is removed, moved or left marked. False: the
 * entry could not be worked on (f); it stays where it is. */
bool deliver_entry(struct deliver *d, struct hold_entry *he, struct deliver_result *result,
                   struct fault *f) __attribute__((warn_unused_result));

#endif
