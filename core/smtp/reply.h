/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reply - server replies, read a byte or a megabyte at a time (RFC 5321 section 4.2)
 *
 * A reply line is ^[2-5][0-9][0-9]([ -].*)?$ ended by LF or CRLF; all lines of
 * a reply bear the same code. Limits: REPLY_LINE_MAX bytes of text a line,
 * REPLY_LINES_MAX lines, REPLY_BYTES_MAX together. Anything else is
 * FAULT_PROTOCOL, with a hint where the peer is plainly something else (HTTP,
 * a TLS record, SSH).
 */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include "text/buf.h"
#include "text/fault.h"

#define REPLY_LINE_MAX  4096
#define REPLY_LINES_MAX 128
#define REPLY_BYTES_MAX 65536

struct reply {
	int code;                      /* of the whole reply, once done */
	char status[FAULT_STATUS_MAX]; /* enhanced, of the first line with one; or "" */
	struct buf text;               /* of the lines, LF between them, without these */
	bool done;
	struct buf line; /* private, as the next */
	size_t lines;
};

void reply_init(struct reply *r);
void reply_release(struct reply *r);

/* Takes bytes up to the end of one reply and says how many; the rest is the
 * next reply's. False: not a reply. */
bool reply_feed(struct reply *r, struct str bytes, size_t *used, struct fault *f)
    __attribute__((warn_unused_result));

/* Has a part of a reply been read? */
bool reply_begun(const struct reply *r);

/* The text as one printable line, the lines joined with blanks. */
void reply_printable(const struct reply *r, char *to, size_t size);

#endif
