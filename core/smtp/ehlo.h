/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ehlo - what a server says it can do (RFC 5321 section 4.1.1.1)
 *
 * Read leniently: any case, blanks and tabs anywhere, "AUTH=" as old servers
 * write it, odd SIZE values. Unknown keywords are passed over.
 */
#ifndef SMTP_EHLO_H
#define SMTP_EHLO_H

#include <stdint.h>

#include "text/buf.h"
#include "smtp/sasl.h"

struct ehlo {
	bool starttls, pipelining, chunking, eightbitmime, smtputf8, dsn;
	bool enhanced, size, auth, requiretls;
	uint64_t size_max;   /* 0: no limit given */
	unsigned mechanisms; /* bits 1 << enum sasl_mechanism */
};

/* Of the text of a reply (lines separated by LF); the first line is the greeting. */
void ehlo_parse(struct ehlo *e, struct str text);

#endif
