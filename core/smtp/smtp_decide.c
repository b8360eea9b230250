/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What becomes of each recipient of a transaction, once the server has said so, or where it
 * is known before it is asked.
 */
#include "smtp/smtp_private.h"

#include <inttypes.h>
#include <stdio.h>

#include "text/codec.h"
#include "smtp/smtp_command.h"

#define REASON_MAX 1024

void smtp_decide(struct smtp *s, size_t i, enum cause cause, const struct reply *r)
{
	char reason[REASON_MAX];
	struct str text = str_first(buf_str(&r->text), sizeof(reason));
	struct answer *a = &s->tx->answers[i];
	if (a->state == ANSWER_DECIDED)
		return;
	for (size_t k = 0; k < text.len; k++)
		reason[k] = text.at[k] == '\n' ? ' ' : text.at[k];
	verdict_set(&a->verdict, cause, r->code, r->status, NULL, NULL,
	            str_make(reason, text.len));
	a->state = ANSWER_DECIDED;
	a->flight = s->flight;
}

void smtp_decide_rest(struct smtp *s, enum cause_phase phase, const struct reply *r)
{
	enum cause cause =
	    r->code < 400 ? CAUSE_NONE : cause_of(phase, r->code, r->status, smtp_had(s));

	for (size_t i = 0; i < s->tx->t->rcpt_count; i++)
		smtp_decide(s, i, cause, r);
	s->tx->closed = true;
}

/* A verdict of our own. */
static void decide_here(struct smtp *s, size_t i, enum cause cause, const char *status,
                        struct str reason)
{
	verdict_set(&s->tx->answers[i].verdict, cause, 0, status, NULL, NULL, reason);
	s->tx->answers[i].state = ANSWER_DECIDED;
}

static void decide_too_big(struct smtp *s)
{
	const struct smtp_transaction *t = s->tx->t;
	if (s->ehlo.size_max == 0 || t->size <= s->ehlo.size_max)
		return;
	char reason[128];
	snprintf(reason, sizeof(reason),
	         "the message has %" PRIu64 " bytes, the server takes %" PRIu64, t->size,
	         s->ehlo.size_max);
	for (size_t i = 0; i < t->rcpt_count; i++)
		decide_here(s, i, CAUSE_TOO_BIG, "5.3.4", str_of(reason));
}

/* A recipient's address is their own affair; the sender's, and an author who could not be
 * written in another way, are everybody's. */
static void decide_utf8(struct smtp *s)
{
	const struct smtp_transaction *t = s->tx->t;
	bool sender = !codec_is_ascii(str_of(t->envelope->sender));
	const char *what = sender        ? "the sender's address"
	                   : t->smtputf8 ? "the address in the message's From"
	                                 : "this address";
	char reason[128];
	snprintf(reason, sizeof(reason), "the server does not take SMTPUTF8, which %s needs",
	         what);
	for (size_t i = 0; i < t->rcpt_count; i++) {
		bool needed =
		    sender || t->smtputf8 || !codec_is_ascii(str_of(t->rcpts[i]->address));

		if (!needed || s->tx->answers[i].state == ANSWER_DECIDED)
			continue;
		if (s->ehlo.smtputf8)
			s->tx->utf8 = true;
		else
			decide_here(s, i, CAUSE_NEEDS_UTF8, "5.6.7", str_of(reason));
	}
}

void smtp_decide_by_ehlo(struct smtp *s)
{
	decide_too_big(s);
	decide_utf8(s);
}
