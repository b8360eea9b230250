/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * field_kind - what is known of a field of a header by its name
 *
 * One row a name; Resent-NAME (RFC 5322 section 3.6.6) is as NAME is.
 */
#ifndef MAIL_FIELD_KIND_H
#define MAIL_FIELD_KIND_H

#include "text/buf.h"

/* What its value is made of, and so what becomes of 8-bit text in it. */
enum field_form {
	FIELD_TEXT,      /* unstructured: anything but what has a row */
	FIELD_ADDRESSES, /* mailboxes, display names, comments (RFC 2047 section 5) */
	FIELD_IDS,       /* message identifiers: there are no phrases between them */
	FIELD_PARAMS,    /* a word and parameters (RFC 2045) */
	FIELD_LISTS,     /* List-NAME: URLs (RFC 2369), in phrases and comments */
	FIELD_OTHER,     /* words and comments, but no address that may need SMTPUTF8 */
};

/* What is done with the addresses. */
enum field_use {
	FIELD_COMPLETED = 1,  /* those without a domain get one */
	FIELD_AUTHOR = 2,     /* it names one person, so words beside an address are a name */
	FIELD_RECIPIENTS = 4, /* they are the recipients if they are to be taken from it */
};

struct field_kind {
	const char *name; /* NULL: of those without a row */
	size_t len;
	enum field_form form;
	unsigned uses; /* of enum field_use */
};

/* Its row, or one of FIELD_TEXT or FIELD_LISTS without a name; never NULL. */
const struct field_kind *field_kind(struct str name);

bool field_is_resent(struct str name);

#endif
