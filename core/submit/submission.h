/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * submission - one message on its way in
 *
 * Recipients pass through aliases, get a domain, and are held once each. The
 * message is put into its final form and goes into a sink; until submission_end
 * returned true nothing was taken over. In this order: sender, recipients,
 * start, bytes, end.
 */
#ifndef SUBMIT_SUBMISSION_H
#define SUBMIT_SUBMISSION_H

#include <sys/types.h>

#include "text/fault.h"
#include "conf/settings.h"
#include "submit/sink.h"
#include "submit/submission_options.h"
#include "submit/this_host.h"

/* Whom it is for and where it goes; all borrowed. */
struct submission_env {
	const struct settings *config;
	struct this_host
	    *host;         /* found; its aliases are read when the first local name comes */
	struct sink *sink; /* open; not used before the header is whole */
	uid_t user;        /* who hands it in */
};

struct submission;

/* The options are copied, their strings borrowed. */
struct submission *submission_new(const struct submission_env *env,
                                  const struct submission_options *o);
void submission_free(struct submission *s); /* gives up what was not ended */

/* Who sends it: from of the options, or the caller. */
bool submission_sender(struct submission *s, struct fault *f)
    __attribute__((warn_unused_result));

/* A list of addresses as an operand has it; all of them or none are taken.
 * notify and orcpt (may be empty) go to each. Over ENTRY_RCPT_MAX in all:
 * FAULT_DATA with code 452. */
bool submission_recipients(struct submission *s, struct str list, unsigned notify,
                           struct str orcpt, struct fault *f)
    __attribute__((warn_unused_result));
/* The same for exactly one address. */
bool submission_recipient(struct submission *s, struct str address, unsigned notify,
                          struct str orcpt, struct fault *f)
    __attribute__((warn_unused_result));
const struct envelope *submission_envelope(const struct submission *s);

/* The message, in pieces of any size. Over max_size: FAULT_DATA with code 552. */
void submission_start(struct submission *s);
bool submission_bytes(struct submission *s, struct str bytes, struct fault *f)
    __attribute__((warn_unused_result));
/* A dot ended the message: what follows is to be thrown away. */
bool submission_ended(const struct submission *s);
/* Durable: its id is copied, "" where the sink keeps nothing. */
bool submission_end(struct submission *s, char id[ENTRY_ID_LEN + 1], struct fault *f)
    __attribute__((warn_unused_result));

/* Seconds that such a message is not to be sent sooner. */
int64_t submission_delay(const struct submission_options *o, const struct settings *c);

#endif
