/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * submission_options - what a caller may ask for with a message, beside its
 * recipients: by options on the command line, or by parameters of MAIL
 *
 * All strings are borrowed.
 */
#ifndef SUBMIT_SUBMISSION_OPTIONS_H
#define SUBMIT_SUBMISSION_OPTIONS_H

#include <stdint.h>

#include "mail/envelope.h"
#include "mail/message.h"

struct submission_options {
	bool have_from;
	const char *from;      /* the sender, as -f or MAIL has it; "" and "<>": null */
	const char *full_name; /* for a From that is missing, or NULL */
	bool relayed; /* it has its author already: [mail] and [senders] leave it alone */
	bool take_recipients; /* those of the header too */
	enum message_dot dot; /* DOT_SAFE: as the configuration says */
	bool smtputf8;
	enum envelope_body body;
	enum envelope_ret ret;
	unsigned notify;   /* for the recipients of the header */
	const char *envid; /* xtext, or NULL */
	const char *relay; /* the only one to use, or NULL */
	int64_t delay;     /* seconds; -1: as the configuration says */
};

#endif
