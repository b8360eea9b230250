/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * deliver - one entry, until each recipient has a verdict or must wait
 *
 * Its recipients are offered to the relays that route names (transport/offer);
 * then those who were refused are told of, and what is left is put back with a
 * time for its next try, or fails because its time is over. What is about us or
 * the relay never fails the mail, and is no try of it.
 *
 * A struct deliver is one run's memory.
 */
#ifndef TRANSPORT_DELIVER_H
#define TRANSPORT_DELIVER_H

#include "text/fault.h"
#include "hold/hold.h"
#include "mail/verdict.h"
#include "transport/choice.h"
#include "transport/offer.h"
#include "transport/session.h"

/* Told of an entry of which recipients were refused in this try; others of it may wait.
 * True: whoever handed it in has taken note, no report is to be made. */
typedef bool deliver_tell(void *context, const struct hold_entry *he);

#define DELIVER_REPORTS_MAX 64 /* further ones wait for the next run */

/* All borrowed. */
struct deliver_setup {
	struct session_env env;
	struct hold *hold;
	bool asks_nobody;   /* as a helper that has no connection */
	bool ask_dead;      /* ask servers remembered as dead once more */
	deliver_tell *tell; /* or NULL */
	void *tell_context;
	int64_t until;            /* monotonic ms: somebody waits no longer; 0: nobody does */
	const volatile int *stop; /* non-zero: nothing is waited for; or NULL */
	offer_next *next; /* the entry behind the one in hand, to be begun with it; or NULL */
	void *next_context;
};

struct deliver;

struct deliver *deliver_new(const struct deliver_setup *setup);
void deliver_free(struct deliver *d); /* says QUIT */

/* From now on it is one of several processes at work, or not any more: a helper that finds
 * no connection leaves the entry as it was. */
void deliver_help(struct deliver *d, bool helper);
/* In a copy of the process: the open connection is the other one's. */
void deliver_drop(struct deliver *d);
/* How many connections may be open to the relay that was used last; 0: none is open. */
size_t deliver_connections(const struct deliver *d);
/* Takes the next of the reports that were made and not yet tried; false: none. */
bool deliver_report(struct deliver *d, hold_id id);

/* Is each server that entries of that kind could go to left alone in this run? Then a try
 * of one would come to kind->why for all of its recipients, and to nothing else. */
bool deliver_alone(struct deliver *d, struct choice_kind *kind);

struct deliver_result {
	size_t delivered, failed, waiting; /* recipients, after this try */
	bool strained;                     /* a server wants less */
	char reason[VERDICT_LINE_MAX];     /* why some wait, or "" */
};

enum deliver_end {
	DELIVER_DONE,
	DELIVER_TURNED_AWAY, /* a helper found no connection: the entry is as it was */
	DELIVER_ERROR        /* the entry could not be worked on (f); it stays where it is */
};

/* May its message have been sent with the end of another? Then deliver_entry is due, whoever
 * wants to stop; else it is not begun any more. */
bool deliver_begun(struct deliver *d, const struct hold_entry *he);
/* Tries the entry; it is removed, moved or left marked. */
enum deliver_end deliver_entry(struct deliver *d, struct hold_entry *he,
                               struct deliver_result *result, struct fault *f)
    __attribute__((warn_unused_result));

#endif
