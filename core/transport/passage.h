/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * passage - a message on its way from the entry to one server
 *
 * The entry's bytes are final; what a server cannot take is changed as they pass, always
 * in the same way: an 8-bit header where there is no SMTPUTF8 (mail/encode), 8-bit parts
 * where there is no 8BITMIME, and over-long lines (mail/mime).
 *
 * That the entry is sound is found out on the way, so that it is read once: of a small one
 * before anything is said to the server, of others before their last piece passes. A fault
 * is the entry's then; hold_verify says whether it is damaged.
 */
#ifndef TRANSPORT_PASSAGE_H
#define TRANSPORT_PASSAGE_H

#include <stdint.h>

#include "text/buf.h"
#include "text/fault.h"
#include "hold/hold.h"
#include "mail/mime.h"
#include "smtp/ehlo.h"

struct passage {
	struct hold_entry *he;
	struct buf room;    /* of a small one, which is in it whole */
	struct str message; /* that */
	struct mime *mime;  /* NULL: not needed */
	struct buf header;  /* in place of the first old_header bytes, if there are any */
	uint64_t old_header;
	uint64_t passed; /* of these, in this pass */
	/* The next in the row, while it passes. */
	mime_sink *sink;
	void *context;
};

/* False with FAULT_DATA: it cannot be brought into a form that this server takes, or is
 * damaged; else the entry cannot be read. */
bool passage_open(struct passage *p, struct hold_entry *he, const struct ehlo *server,
                  struct fault *f) __attribute__((warn_unused_result));
void passage_close(struct passage *p);

uint64_t passage_size(const struct passage *p); /* bytes; 0: not known */
bool passage_is_8bit(const struct passage *p, const struct ehlo *server);
bool passage_needs_utf8(const struct passage *p); /* SMTPUTF8, for its header */
/* The whole message, as often as wanted; false stops and is passed on. */
bool passage_give(struct passage *p, mime_sink *sink, void *context, struct fault *f)
    __attribute__((warn_unused_result));

#endif
