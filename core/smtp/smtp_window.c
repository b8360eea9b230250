/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Transactions one behind the other: those that follow the first leave in the flight that
 * ends its message (RFC 2920 section 3.1), and what becomes of all of them when the
 * connection ends.
 *
 * Replies are told apart by their order alone. So one too many or too few would make each
 * verdict behind it another's, and none stands before its whole flight is answered. A flight
 * that was cut short has no verdicts if anything was refused in it: that refusal may be
 * the true answer to a message which seems to be taken. Where nothing was refused, whoever
 * seems to have been delivered to was, however the replies were shifted. By DATA the 354 and
 * the place at the head of the flight say more.
 */
#include "smtp/smtp_command.h"

#include <stdlib.h>
#include <string.h>

static enum rcpt_state state_of(enum cause cause)
{
	if (cause == CAUSE_NONE)
		return RCPT_DELIVERED;
	return cause_row(cause)->fate == FATE_FAIL ? RCPT_FAILED : RCPT_WAITING;
}

/* The first has gone: the next is in hand. */
static void advance(struct smtp *s)
{
	if (s->line_count == 1)
		return;
	free(s->line[0]);
	s->line_count--;
	memmove(s->line, s->line + 1, s->line_count * sizeof(struct transaction *));
	s->tx = s->line[0];
	if (s->want != SMTP_OVER) {
		s->want = s->tx->want;
		smtp_wake(s);
	} else if (s->fault.kind != FAULT_NONE) {
		s->fault.cause = s->tx->cause;
	}
}

bool smtp_commit(struct smtp *s, const char *relay, const char *host)
{
	smtp_heard(s);
	struct transaction *tx = s->line[0];
	bool all = tx->answers != NULL;
	for (size_t i = 0; tx->answers && i < tx->count; i++) {
		struct answer *a = &tx->answers[i];
		struct rcpt *r = tx->t->rcpts[i];
		if (a->state != ANSWER_DECIDED) {
			all = false;
			continue;
		}
		r->state = state_of(a->verdict.cause);
		s->taken = s->taken || r->state == RCPT_DELIVERED;
		verdict_set(&r->verdict, a->verdict.cause, a->verdict.code, a->verdict.status,
		            relay, host, str_of(a->verdict.text));
	}
	smtp_forget(tx);
	advance(s);
	return all;
}

static const struct transaction *last(const struct smtp *s)
{
	return s->line[s->line_count - 1];
}

bool smtp_has_room(const struct smtp *s)
{
	const struct transaction *tx = last(s);
	enum smtp_want want = s->line_count == 1 ? s->want : tx->want;
	return s->carried && (!tx->bdat || s->bdat_works) && s->ehlo.pipelining &&
	       !s->setup.lmtp && want == SMTP_READ && s->line_count < SMTP_LINE_MAX &&
	       smtp_unanswered(s) && tx->end_at > 0 &&
	       tx->end_at == s->written + smtp_output(s).len;
}

enum smtp_room smtp_room_for(const struct smtp *s, const struct smtp_transaction *t)
{
	if (!smtp_has_room(s) || s->tail - s->head + t->rcpt_count + 4 > FLIGHT_MAX)
		return ROOM_NONE;
	if (!smtp_by_bdat(s, t) || t->size == 0 || t->size > BDAT_AT_ONCE)
		return ROOM_ENVELOPE;
	uint64_t end = s->written + smtp_output(s).len;
	return end - s->flight_at + t->size <= FLIGHT_BYTES ? ROOM_MESSAGE : ROOM_ENVELOPE;
}

void smtp_follow(struct smtp *s, const struct smtp_transaction *t, struct str message)
{
	if (smtp_room_for(s, t) == ROOM_NONE)
		return;
	bool bdat = last(s)->bdat;
	struct transaction *tx = mem_alloc(sizeof(*tx));
	s->line[s->line_count++] = s->tx = tx;
	smtp_set_up(s, tx, t);
	/* Where a BDAT is refused the transaction stays open (RFC 3030 section 2), and we
	 * cannot wait to hear of that. A dot ends it in any case. */
	s->dirty = bdat;
	tx->want = smtp_send_flight(s);
	if (tx->want == SMTP_MESSAGE && message.len > 0)
		tx->want = smtp_give_whole(s, message);
	s->tx = s->line[0];
}
