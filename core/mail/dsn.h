/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dsn - delivery status reports (RFC 3464, RFC 6522, RFC 6533)
 *
 * Writes the report's own message in final form: header, explanation for
 * people, message/delivery-status, and the original header or message. Pure:
 * time, names and boundary come in. The original, in final form, is given by
 * the caller through dsn_original in pieces of any size, after
 * dsn_begin; where only its header is wanted the rest is thrown away.
 *
 * The report is ASCII but for 8-bit originals and for people's part when it
 * shows an address that is not; its header, if to is not. The status part is
 * always ASCII. No line that is made here is over 998 bytes. The functions
 * fail only when the sink does.
 */
#ifndef MAIL_DSN_H
#define MAIL_DSN_H

#include <stdint.h>

#include "text/buf.h"
#include "text/fault.h"
#include "mail/envelope.h"

enum dsn_kind { DSN_FAILED, DSN_DELAYED };

struct dsn {
	enum dsn_kind kind;
	const struct envelope *envelope; /* of the original, with verdicts */
	const char *to;                  /* who gets it */
	struct str hostname;             /* Reporting-MTA, From domain, Message-ID */
	struct str from;                 /* address in From, or empty: MAILER-DAEMON here */
	const char *id;                  /* the entry's ID */
	struct str subject;              /* raw value of the original's Subject, or empty */
	struct str message_id;           /* raw value of its Message-ID, or empty */
	int64_t arrived;                 /* of the original, seconds since 1970 */
	int64_t expires; /* until when it is tried; 0 in a DSN_FAILED: that time is over */
	int64_t wall;    /* now */
	int zone_min;
	unsigned char random[16];
	bool full;           /* the whole original is appended, else its header */
	bool original_8bit;  /* its body has 8-bit bytes */
	bool original_utf8;  /* its header has */
	unsigned char place; /* private, 0 at first: where in its header it is */
};

/* Which recipients it is about: failed ones whose NOTIFY wants a failure
 * report (not NEVER, and FAILURE or nothing given); waiting ones whose NOTIFY
 * allows delay for DSN_DELAYED. 0: no report is to be made. */
size_t dsn_wanted(const struct dsn *r);

typedef bool dsn_sink(void *context, struct str bytes, struct fault *f);

/* Everything up to the original; a bounded number of recipients (1,000) is
 * explained in words, all are in the status part. */
bool dsn_begin(struct dsn *r, dsn_sink *sink, void *context, struct fault *f)
    __attribute__((warn_unused_result));
/* The whole original may be given even if only its header is to be appended. */
bool dsn_original(struct dsn *r, struct str bytes, dsn_sink *sink, void *context,
                  struct fault *f) __attribute__((warn_unused_result));
bool dsn_end(const struct dsn *r, dsn_sink *sink, void *context, struct fault *f)
    __attribute__((warn_unused_result));

#endif
