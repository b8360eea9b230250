/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The content of a message as it comes: finds its end (DATA), undoes dot-stuffing, and notes
 * what a strict server holds against it. No input or output.
 */
#ifndef RELAY_BODY_H
#define RELAY_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "text.h"

enum body_state {
	BODY_START, /* of a line */
	BODY_DOT,
	BODY_DOT_CR,
	BODY_TEXT,
	BODY_CR,
	BODY_END
};

struct body {
	enum body_state state;
	bool chunks; /* BDAT: no dots */
	bool keep;   /* the text, in clean */
	bool in_header;
	bool bare_cr, bare_lf, nul, eight_bit, eight_bit_header, unstuffed;
	unsigned long long size;    /* octets of the message, line ends included */
	unsigned long long wire;    /* octets as sent, without those of BDAT lines */
	unsigned long long line;    /* octets of this line so far */
	unsigned long long longest; /* without CRLF */
	struct text clean;          /* decoded; the caller takes it and clears it */
};

void body_begin(struct body *body, bool chunks, bool keep);

/* Takes bytes up to the end of the message; the number taken. */
size_t body_feed(struct body *body, const char *bytes, size_t len);

/* What a server may refuse the message for; null: nothing. */
const char *body_fault(const struct body *body, bool binary);

/* Adds all complaints as a JSON list. declared: SIZE of MAIL, -1: none. */
void body_complaints(const struct body *body, bool eight_bit_declared, bool utf8, bool binary,
                     long long declared, struct text *json);
void body_free(struct body *body);

#endif
