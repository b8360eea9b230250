/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * header - the fields of a message (RFC 5322 section 2.2), and words in them
 *
 * A header is a list of fields in their order, each kept byte for byte (folds
 * as CRLF + blank), so that what nobody changes leaves as it came. Lines come
 * without ends, as mail/line gives them.
 *
 * Limit: HEADER_MAX bytes for the whole header, else FAULT_DATA.
 */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include <stdint.h>

#include "text/buf.h"
#include "text/fault.h"

#define HEADER_MAX      (1024 * 1024)
#define HEADER_NAME_MAX 997 /* so that the name and its colon fit on a line */
#define HEADER_LINE_MAX 998 /* without CRLF (RFC 5322 section 2.1.1) */

struct field {
	char *text; /* whole field, "Name: value" with inner CRLFs, none at the end */
	size_t len;
	size_t name_len; /* of the name, without blanks before the colon */
	size_t value_at; /* where the value begins, behind the colon */
	size_t cap;      /* private */
};

struct header {
	struct field *fields;
	size_t count;
	size_t cap;   /* private */
	size_t bytes; /* of all fields with their CRLFs */
};

void header_init(struct header *h);
void header_release(struct header *h);

/* Is this line the beginning of a field: printable name without blanks, then
 * ":" (blanks before the colon are tolerated)? */
bool header_is_field(struct str line);
/* Could more bytes make a field of this beginning of a line, which is none yet? */
bool header_may_be_field(struct str start);

/* Appends a line as header_is_field accepts it, or a continuation (begins with
 * a blank; only after a field). */
bool header_add_line(struct header *h, struct str line, struct fault *f)
    __attribute__((warn_unused_result));
/* Puts "Name: value" at place at (0: first; count: last). value may hold folds. */
bool header_insert(struct header *h, size_t at, const char *name, struct str value,
                   struct fault *f) __attribute__((warn_unused_result));
/* Puts it behind all fields, a Resent- one in front of the first of these (RFC 5322
 * section 3.6.6). */
bool header_add(struct header *h, const char *name, struct str value, struct fault *f)
    __attribute__((warn_unused_result));
/* Replaces the value of a field, name and place stay. */
bool header_set_value(struct header *h, size_t at, struct str value, struct fault *f)
    __attribute__((warn_unused_result));
void header_remove(struct header *h, size_t at);
size_t header_remove_all(struct header *h, const char *name); /* how many there were */
/* Removes the fields of that name that have nothing but blanks. */
size_t header_remove_empty(struct header *h, const char *name);

/* First field of that name at or behind from, or STR_NONE. */
size_t header_find(const struct header *h, const char *name, size_t from);
/* First field whose name begins with "Resent-", or STR_NONE. */
size_t header_find_resent(const struct header *h);
struct str header_name(const struct field *field);
/* Raw, folds in it, blanks at the ends off. */
struct str header_value(const struct field *field);

/* All fields, each ended by CRLF (no blank line behind). */
bool header_write(struct buf *out, const struct header *h) __attribute__((warn_unused_result));

/* Refolds a field longer than 998 bytes a line at its blanks; where there are
 * none for 998 bytes it is cut with CRLF + blank. UTF-8 characters stay whole. */
bool header_fold(struct header *h, size_t at, struct fault *f)
    __attribute__((warn_unused_result));
/* Has the field, as it is with its folds, a line of more than 998 bytes? */
bool header_has_long_line(struct str text);

/* Encodes raw 8-bit words of an unstructured value as RFC 2047 words (UTF-8
 * where it is valid UTF-8, else unknown-8bit; at most 75 bytes a word, 76 a
 * line, characters whole). ASCII-only input comes out unchanged. first: bytes
 * already on the line (the name and ": "). */
bool header_encode_text(struct buf *out, struct str value, size_t first)
    __attribute__((warn_unused_result));
/* What becomes of addresses that are not ASCII. */
enum header_mailboxes {
	MAILBOXES_KEPT,
	MAILBOXES_MENDED,  /* those without a domain become names without an address */
	MAILBOXES_DOMAINS, /* domains become A-labels */
	MAILBOXES_ASCII    /* they do, and what cannot be ASCII becomes such a name */
};

/* The same for the display names and comments of an address field. *mailbox8 is set if
 * an addr-spec with 8-bit bytes is left (SMTPUTF8 is then needed). */
bool header_encode_addresses(struct buf *out, struct str value, size_t first,
                             enum header_mailboxes how, bool *mailbox8)
    __attribute__((warn_unused_result));
/* A display name as a phrase: atoms as they are, else a quoted-string, 8-bit
 * as an encoded word. */
bool header_add_phrase(struct buf *out, struct str name) __attribute__((warn_unused_result));

/* "Sat, 21 Nov 2026 20:46:44 +0100" (RFC 5322 section 3.3), any year 1..9999. */
bool header_add_date(struct buf *out, int64_t wall, int zone_min)
    __attribute__((warn_unused_result));
/* "<time.random@host>" */
bool header_add_msgid(struct buf *out, int64_t wall, const unsigned char random[16],
                      struct str host) __attribute__((warn_unused_result));

#endif
