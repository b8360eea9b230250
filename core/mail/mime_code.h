/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mime_code - transfer encodings of one leaf, streaming (RFC 2045 section 6)
 *
 * Writes quoted-printable or base64, or mends what is encoded already but has
 * bytes or lines that it must not have. Output lines are at most 76 bytes,
 * end in CRLF, and have no byte over 127. Inside a multipart no line begins
 * with "-", so none can be taken for a boundary, and the CRLF before the
 * boundary, which is no part of the leaf, is not encoded.
 *
 * Line ends of the input stay line ends in quoted-printable; all its other
 * control bytes but tabs are escaped. UTF-8 characters stay on one line.
 */
#ifndef MAIL_MIME_CODE_H
#define MAIL_MIME_CODE_H

#include "text/buf.h"

enum coder_kind {
	CODER_NONE,
	CODER_QP,          /* plain bytes to quoted-printable */
	CODER_BASE64,      /* plain bytes to base64 */
	CODER_MEND_QP,     /* quoted-printable, mended */
	CODER_MEND_BASE64, /* base64, mended: bytes that decoders skip are dropped */
};

/* All private. */
struct coder {
	enum coder_kind kind;
	bool inner;
	bool cr;       /* a CR was the last byte */
	bool line_end; /* base64: a line end that may be the boundary's */
	char blank;    /* quoted-printable: it may be the last of its line; 0: none */
	size_t col;
	size_t escape_len; /* mending quoted-printable: "=" and a digit seen */
	char escape[2];
	bool soft;         /* mending: the last line ended in "=" */
	struct buf blanks; /* mending: blanks that are to go if the line ends */
	unsigned char group[57];
	size_t group_len;
};

void coder_init(struct coder *c);
void coder_release(struct coder *c);
/* A new leaf. inner: it is in a multipart. */
void coder_begin(struct coder *c, enum coder_kind kind, bool inner);
/* Adds at most six times the input and 5,000 bytes to out; false if out is full. */
bool coder_feed(struct coder *c, struct str bytes, struct buf *out)
    __attribute__((warn_unused_result));
bool coder_end(struct coder *c, struct buf *out) __attribute__((warn_unused_result));

#endif
