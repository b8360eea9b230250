/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * verdict - what became of a recipient at the last try, and who said so
 *
 * Each fact in a member of its own, from the session through the log, the hold,
 * the listings, the report and the exit code; the sentence for people is made
 * here and is never taken apart again. Texts are one line of printable ASCII.
 */
#ifndef MAIL_VERDICT_H
#define MAIL_VERDICT_H

#include "text/buf.h"
#include "text/cause.h"
#include "text/fault.h"

#define VERDICT_TEXT_MAX 512 /* bytes of a text that are kept */
#define VERDICT_LINE_MAX 1024
#define VERDICT_HOST_MAX 512

struct verdict {
	enum cause cause;
	int code;                      /* of the server's reply, 0: no server spoke */
	char status[FAULT_STATUS_MAX]; /* enhanced (RFC 3463), or "" */
	char *relay;                   /* name of the relay, or NULL */
	char *host;                    /* the server, "NAME[ADDRESS]:PORT", or NULL */
	char *text; /* the server's own words, or ours if code is 0; or NULL */
};

/* Sets all members (copies); relay, host and status may be NULL. text is escaped.
 * What was there is freed, and may not be what is given. */
void verdict_set(struct verdict *v, enum cause cause, int code, const char *status,
                 const char *relay, const char *host, struct str text);
/* Of a fault between us and that server. */
void verdict_set_fault(struct verdict *v, const struct fault *f, const char *relay,
                       const char *host);
void verdict_copy(struct verdict *to, const struct verdict *from);
bool verdict_same(const struct verdict *a, const struct verdict *b);
void verdict_release(struct verdict *v); /* as if nothing was ever said */

/* Did a server say something, and we know who? */
bool verdict_spoken(const struct verdict *v);
/* "NAME[ADDRESS]" of a host (as above, or NULL), without the port. */
struct str verdict_host(const char *host);
/* The same as a person is to see it: printable, for it may be called in any letters. */
void verdict_host_text(const char *host, char to[VERDICT_HOST_MAX]);
/* "550 5.1.1 words", or the words alone where no server spoke. */
void verdict_reply(const struct verdict *v, char to[VERDICT_LINE_MAX]);
/* The whole for people: "host NAME[ADDRESS] said: 450 4.2.0 later",
 * "relay main: connect to NAME[ADDRESS]:587: Connection refused",
 * "not sent: the message has ..."; "" if nothing is known. */
void verdict_line(const struct verdict *v, char to[VERDICT_LINE_MAX]);

#endif
