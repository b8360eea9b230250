/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * intake - from standard input to a held message
 *
 * Recipients of the operands and the header pass through aliases, get a
 * domain, and are held once each. The message is read to its end, put into
 * its final form and made durable; until intake_take returned true nothing was
 * taken over.
 */
#ifndef CMD_SEND_INTAKE_H
#define CMD_SEND_INTAKE_H

#include "text/fault.h"
#include "cmd/send/options.h"
#include "cmd/place.h"
#include "submit/sink.h"
#include "mail/message.h"

struct intake {
	struct place *place;
	const struct call *call;
	struct sink *sink;         /* open */
	const volatile int *stop;  /* becomes non-zero when a signal came */
	char id[ENTRY_ID_LEN + 1]; /* of the held entry, afterwards */
};

/* Reads standard input. False: f says why, and nothing is held (f->sys is
 * EINTR if a signal ended it). Standard input is read to its end in any case
 * but that one. */
bool intake_take(struct intake *in, struct fault *f) __attribute__((warn_unused_result));

/* -bv: expands and prints where the operands would go. */
bool intake_verify(struct intake *in, struct fault *f) __attribute__((warn_unused_result));

/* Reads standard input to its end, so that a caller who still writes is not
 * killed; not from a terminal. */
void intake_drain(const volatile int *stop);

#endif
