/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * envelope - who sends a message, who is to get it, and what became of each
 *
 * The value that every later room passes on: made when a message comes in, written into the
 * entry, read by the transport, which fills in the verdicts. Addresses are in
 * wire form (local-part quoted where needed, no angle brackets), without
 * control bytes. The null reverse-path is the empty sender.
 *
 * Recipients that are added are unique: local-parts are compared as they are,
 * domains without case; looking one up takes constant time, for 100,000 of them too.
 */
#ifndef MAIL_ENVELOPE_H
#define MAIL_ENVELOPE_H

#include "text/buf.h"
#include "mail/verdict.h"

enum envelope_body { BODY_UNSET, BODY_7BIT, BODY_8BITMIME };
enum envelope_ret { RET_UNSET, RET_FULL, RET_HDRS };

/* NOTIFY of RFC 3461 section 4.1, as bits; 0: not given. */
enum envelope_notify {
	NOTIFY_NEVER = 1,
	NOTIFY_SUCCESS = 2,
	NOTIFY_FAILURE = 4,
	NOTIFY_DELAY = 8
};

/* The letters are those of the entry on disk. */
enum rcpt_state { RCPT_WAITING = 'W', RCPT_DELIVERED = 'D', RCPT_FAILED = 'F' };

struct rcpt {
	char *address;
	unsigned notify; /* bits of envelope_notify */
	char *orcpt;     /* "rfc822;" and xtext, or NULL */
	enum rcpt_state state;
	bool told;              /* failed, and somebody has been told of it */
	struct verdict verdict; /* of the last try */
};

struct envelope {
	char *sender;      /* never NULL; "" is the null reverse-path */
	bool sender_local; /* a name of this host, however its domain looks: reports on it
	                    * go where mail for that name goes */
	enum envelope_body body;
	bool smtputf8; /* asked for by the caller */
	enum envelope_ret ret;
	char *envid; /* xtext, or NULL */
	char *relay; /* the only relay to use, or NULL */
	struct rcpt *rcpts;
	size_t rcpt_count;
	size_t rcpt_cap; /* private, as the next two */
	size_t *index;
	size_t index_size;
};

void envelope_init(struct envelope *e);
void envelope_release(struct envelope *e);
void envelope_set_sender(struct envelope *e, struct str address);

/* Adds a waiting recipient; its place in rcpts, or that of the same one
 * already there. The pointer envelope_add... returns is good until the next add. */
struct rcpt *envelope_add(struct envelope *e, struct str address);
/* Adds it even if the same one is there: for a list that is as it is. */
struct rcpt *envelope_append(struct envelope *e, struct str address);
/* The same recipient, or NULL. */
struct rcpt *envelope_find(const struct envelope *e, struct str address);

/* Has it failed although nobody refused it: was its time over? */
bool rcpt_expired(const struct rcpt *r);
/* Why it waits or has failed, for people; "" if nothing is known. */
void rcpt_reason(const struct rcpt *r, char to[VERDICT_LINE_MAX]);

/* How many recipients are in that state. */
size_t envelope_count(const struct envelope *e, enum rcpt_state state);

/* "success,failure" and the like (RFC 3461 section 4.1, no case); false if malformed. */
bool envelope_parse_notify(struct str text, unsigned *notify);
/* The same written out; at most 24 bytes with NUL. */
void envelope_format_notify(unsigned notify, char to[32]);

/* The words of BODY (RFC 6152) and RET (RFC 3461 section 4.3); NULL if unset. */
const char *envelope_body_name(enum envelope_body body);
const char *envelope_ret_name(enum envelope_ret ret);
/* The other way, in any case; false, and nothing set, if it is none of them. */
bool envelope_parse_body(struct str text, enum envelope_body *body);
bool envelope_parse_ret(struct str text, enum envelope_ret *ret);

/* Two addresses the same? Local-part exactly, domain without case. */
bool envelope_same_address(struct str a, struct str b);

#endif
