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
 * identity rules; raw 8-bit encoded; long lines of the header folded; its
 * blank line put in. More than 100 Received fields is a loop: FAULT_REFUSED.
 *
 * The dot: without ignore_dot a line of a single "." ends the message in
 * classic; in safe only on a terminal or as the last line of the input.
 */
#ifndef MAIL_MESSAGE_H
#define MAIL_MESSAGE_H

#include <stdint.h>

#include "text/buf.h"
#include "text/fault.h"
#include "mail/envelope.h"
#include "mail/header.h"
#include "mail/rewrite.h"

enum message_dot { DOT_IGNORED, DOT_SAFE, DOT_CLASSIC };

/* All borrowed; must outlive the message. */
struct message_rules {
	const struct rewrite *identity;
	bool have_from;       /* -f was given */
	struct str from;      /* its address in wire form, empty: null */
	bool take_recipients; /* -t */
	enum message_dot dot; /* terminal input is DOT_CLASSIC */
	uint64_t max_size;    /* bytes of the final form; 0: no limit. Over it: FAULT_DATA */
	bool smtputf8;        /* leave UTF-8 in the header */
	const char *received; /* value of a Received field to put on top, or NULL */
	int64_t wall;         /* now, seconds since 1970 */
	int zone_min;
	unsigned char random[16];
};

/* What the transport must know about the final form. */
struct message_facts {
	uint64_t size;         /* bytes */
	uint64_t longest_line; /* bytes without CRLF */
	bool body_8bit;        /* some byte over 127 behind the header */
	bool header_8bit;      /* in the header: needs SMTPUTF8 */
};

/* Gets the final form. False stops and is passed on. */
typedef bool message_sink(void *context, struct str bytes, struct fault *f);
/* Called once, when the header is whole and before the sink's first byte:
 * every recipient of the header has been given to the recipient hook. */
typedef bool message_header_done(void *context, struct fault *f);
/* One recipient from the header, in wire form, maybe bare; escaped as in addr.h. */
typedef bool message_recipient(void *context, struct str mailbox, bool escaped,
                               struct fault *f);

struct message_hooks {
	message_recipient *recipient; /* for -t */
	message_header_done *header_done;
	message_sink *sink;
	void *context;
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
