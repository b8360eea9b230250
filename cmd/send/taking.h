/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * taking - one message on its way into the hold
 *
 * Recipients pass through aliases, get a domain, and are held once each. The
 * message is put into its final form and made durable; until taking_end
 * returned true nothing was taken over. In this order: sender, recipients,
 * start, bytes, end.
 */
#ifndef CMD_SEND_TAKING_H
#define CMD_SEND_TAKING_H

#include "text/fault.h"
#include "cmd/send/options.h"
#include "cmd/place.h"
#include "submit/sink.h"

/* What it is about; all borrowed. */
struct taking_order {
	struct place *place;
	const struct call *call; /* sender, kind of body, DSN ...; not its operands */
	struct sink *sink;       /* open; not used before the header is whole */
};

struct taking;

struct taking *taking_new(const struct taking_order *order);
void taking_free(struct taking *t); /* gives up what was not ended */

/* Who sends it: -f of the call, or the caller himself. */
bool taking_sender(struct taking *t, struct fault *f) __attribute__((warn_unused_result));

/* A list of addresses as an operand has it; all of them or none are taken.
 * notify and orcpt (may be empty) go to each. Over ENTRY_RCPT_MAX in all:
 * FAULT_DATA with code 452. */
bool taking_recipients(struct taking *t, struct str list, unsigned notify, struct str orcpt,
                       struct fault *f) __attribute__((warn_unused_result));
/* The same for exactly one address. */
bool taking_recipient(struct taking *t, struct str address, unsigned notify, struct str orcpt,
                      struct fault *f) __attribute__((warn_unused_result));
const struct envelope *taking_envelope(const struct taking *t);

/* The message, in pieces of any size. Over max_size: FAULT_DATA with code 552. */
void taking_start(struct taking *t);
bool taking_bytes(struct taking *t, struct str bytes, struct fault *f)
    __attribute__((warn_unused_result));
/* A dot ended the message: what follows is to be thrown away. */
bool taking_ended(const struct taking *t);
/* Durable: its id is copied. */
bool taking_end(struct taking *t, char id[ENTRY_ID_LEN + 1], struct fault *f)
    __attribute__((warn_unused_result));

#endif
