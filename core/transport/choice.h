/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * choice - the entries that a run looks at, and in which order
 *
 * What was never tried first, by age; then what was put off longest ago, so that a bad
 * entry starves nobody. Each entry is read once, without a lock.
 *
 * Most entries of a full hold wait for one and the same server, or were never tried. Those
 * whose try would change no more than why they wait, while it is dead, are of one kind: the
 * run asks of the kind, and offers none of them to anybody. What differs in any way has no
 * kind and is tried as ever.
 */
#ifndef TRANSPORT_CHOICE_H
#define TRANSPORT_CHOICE_H

#include "text/fault.h"
#include "conf/settings.h"
#include "hold/hold.h"
#include "mail/verdict.h"

#define CHOICE_KINDS 32 /* further ones are tried one by one */

/* Why entries of a kind wait, all their recipients alike. */
struct choice_kind {
	const struct settings_relay **relays; /* who may be asked, in order; the last has */
	size_t relay_count;
	struct verdict verdict; /* of each recipient, as the hold has it; none: never tried */
	bool asked;             /* private: whether a try asks is known, and so */
	bool asks;
	bool alone;         /* transport/deliver has found that no try asks in this run */
	struct verdict why; /* what each recipient waits for then, and as people read it */
	char reason[VERDICT_LINE_MAX];
};

struct choice {
	hold_id *ids;
	unsigned char *kinds; /* of each: its place in kind, plus 1; 0: none */
	size_t count;
	struct choice_kind kind[CHOICE_KINDS];
	size_t kind_count;
	/* A try of one of them would ask a server, or that is not known. The rest of the hold was
	 * not looked at then: it is for another program. */
	bool asks;
};

/* Which entries. */
struct choice_setup {
	const struct settings *config;
	struct hold *hold;
	bool all;      /* what is not due, too */
	bool ask_dead; /* servers that are left alone are asked all the same */
	bool whether;  /* choice.asks is wanted */
};

/* By its head: is the entry to be tried now? */
bool choice_due(const struct choice_setup *setup, const struct entry *e);

/* False: the hold cannot be listed. */
bool choice_make(const struct choice_setup *setup, struct choice *out, struct fault *f)
    __attribute__((warn_unused_result));
void choice_release(struct choice *c);
/* Is the entry, which somebody may have changed since then, still of that kind? */
bool choice_still(const struct settings *c, const struct choice_kind *k,
                  const struct hold_entry *he);

#endif
