/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mime_type - what the Content- fields of a part say (RFC 2045 sections 5 and 6)
 *
 * Reads as mailers really write (header_params). What cannot be read is told as
 * if it were not there, which is what every reader of mail does.
 */
#ifndef MAIL_MIME_TYPE_H
#define MAIL_MIME_TYPE_H

#include "text/buf.h"

/* RFC 2046 section 5.1.1 allows 70; longer ones are met. */
#define MIME_BOUNDARY_MAX 900

enum mime_type {
	TYPE_NONE, /* nothing that can be read */
	TYPE_LEAF, /* text, image, ..., message/global */
	TYPE_MULTIPART,
	TYPE_DIGEST,  /* a multipart whose parts are messages unless they say otherwise */
	TYPE_SIGNED,  /* multipart/signed */
	TYPE_MESSAGE, /* message/rfc822: a header and a body of its own */
	TYPE_REPORT,  /* any other message type: no encoding is allowed */
};

enum mime_code {
	CODE_NONE, /* no field, or a word that nobody knows: the bytes as they are */
	CODE_7BIT,
	CODE_8BIT, /* or binary */
	CODE_QP,
	CODE_BASE64,
	CODE_PRIVATE, /* x-token: an encoding of somebody's own */
};

/* Reads a Content-Type value, folds allowed. boundary is cleared, then filled
 * for a multipart; it stays empty if there is none, one that is too long or one
 * of other than printable ASCII. */
enum mime_type mime_type_parse(struct str value, struct buf *boundary);

/* Reads a Content-Transfer-Encoding value. */
enum mime_code mime_code_parse(struct str value);

#endif
