/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * message - from what a program wrote on standard input to the final form
 *
 * Fed with bytes in pieces of any size; gives out, once the header is whole,
 * the finished header, then the body as it comes. What comes out are the bytes
 * that every try sends: CRLF line ends, no other CR or LF, no NUL, not
 * dot-stuffed. Only the header is kept in memory (HEADER_MAX, else
 * FAULT_DATA).
 *
 * The fix-ups: leading "From " and ">From " lines and a UTF-8 mark dropped;
 * Bcc, Resent-Bcc, Return-Path, Content-Length removed (To:
 * undisclosed-recipients:; is written if Bcc was all there was); with -t the
 * recipients taken from To, Cc, Bcc or their Resent- forms; missing or empty
 * Date, From, Message-ID added (only the Resent- forms if it is resent);
 * senders rewritten; raw 8-bit encoded; long lines of the header folded; its
 * blank line put in. More than 100 Received fields is a loop: FAULT_REFUSED.
 *
 * The dot: a line of a single "." ends the message, with DOT_CLASSIC any, with
 * DOT_SAFE only the last line of the input, with DOT_IGNORED none.
 */
#ifndef MAIL_MESSAGE_H
#define MAIL_MESSAGE_H

#include <stdint.h>

#include "text/buf.h"
#include "text/fault.h"
#include "mail/message_rules.h"

/* What the transport must know about the final form. */
struct message_facts {
	uint64_t size;         /* bytes */
	uint64_t longest_line; /* bytes without CRLF */
	bool body_8bit;        /* some byte over 127 behind the header */
	bool header_8bit;      /* in the header: needs SMTPUTF8 */
};

struct message;

struct message *message_new(const struct message_rules *rules,
                            const struct message_hooks *hooks);
void message_free(struct message *m);
bool message_feed(struct message *m, struct str bytes, struct fault *f)
    __attribute__((warn_unused_result));
/* The classic dot was seen: what follows is to be read and thrown away. */
bool message_ended(const struct message *m);
/* End of input: completes the header or the last line. */
bool message_end(struct message *m, struct fault *f) __attribute__((warn_unused_result));
/* Complete after message_end. */
const struct message_facts *message_facts(const struct message *m);

#endif
