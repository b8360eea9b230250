/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * message_rules - what is to be done to a submitted message, and who is told
 *
 * Arguments of mail/message that it hands on to mail/header_fixup.
 */
#ifndef MAIL_MESSAGE_RULES_H
#define MAIL_MESSAGE_RULES_H

#include <stdint.h>

#include "text/buf.h"
#include "text/fault.h"
#include "mail/rewrite.h"

enum message_dot { DOT_IGNORED, DOT_SAFE, DOT_CLASSIC };

/* All borrowed; must outlive the message. */
struct message_rules {
	const struct rewrite *rewrite;
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

#endif
