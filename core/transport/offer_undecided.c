/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What becomes of the recipients of a route whom no server has decided.
 */
#include "transport/offer_private.h"

#include <stdlib.h>
#include <string.h>

struct rcpt *offer_rcpt(const struct attempt *a, const struct todo *t)
{
	return &a->he->entry.envelope.rcpts[t->rcpt];
}

bool offer_refuse_rest(struct attempt *a, const struct settings_relay *relay,
                       const char *domain, struct fault *f)
{
	char *text = mem_printf("the domain %s takes no mail (null MX)", domain);
	for (size_t i = 0; i < a->count; i++) {
		struct rcpt *r = offer_rcpt(a, &a->todo[i]);
		if (a->todo[i].decided)
			continue;
		a->todo[i].decided = true;
		r->state = RCPT_FAILED;
		verdict_set(&r->verdict, CAUSE_NO_MAIL_DOMAIN, 0, "5.1.10", relay->name, NULL,
		            str_of(text));
		a->batch[0] = a->todo[i].rcpt;
		if (!hold_mark(a->he, a->batch, 1, false, f)) {
			free(text);
			return false;
		}
		delivery_log_rcpt(a->log, r, NULL);
	}
	free(text);
	a->sum->offered = true;
	return true;
}

/* Nobody else can be asked for this one. */
static void conclude(struct attempt *a, struct todo *t, const struct route *route)
{
	struct rcpt *r = offer_rcpt(a, t);
	bool answered = t->past_relay != NULL;
	if (t->refused && t->put_off.cause != CAUSE_NONE)
		verdict_copy(&r->verdict, &t->put_off);
	else if (t->refused && !a->trouble)
		r->state = RCPT_FAILED;
	else if (route->relay_count == 0)
		verdict_set(&r->verdict, CAUSE_NO_RELAY, 0, NULL, NULL, NULL, STR(""));
	else if (a->trouble && (t->refused || !answered))
		verdict_copy(&r->verdict, &a->why);
	t->decided = true;
}

/* The last that was spoken to, if it is the one of the verdict. */
static const struct session_contact *contact_of(const struct attempt *a, const struct rcpt *r)
{
	const char *host = r->verdict.host;
	return host && strcmp(host, a->contact.peer) == 0 ? &a->contact : NULL;
}

bool offer_finish(struct attempt *a, const struct route *route, struct fault *f)
{
	for (size_t i = 0; i < a->count; i++) {
		struct todo *t = &a->todo[i];
		struct rcpt *r = offer_rcpt(a, t);
		struct verdict before = {.cause = CAUSE_NONE};
		if (t->decided)
			continue;
		bool told = t->past_relay && !t->refused;
		verdict_copy(&before, &r->verdict);
		conclude(a, t, route);
		bool same = r->state == RCPT_WAITING && verdict_same(&before, &r->verdict);
		verdict_release(&before);
		a->batch[0] = t->rcpt;
		if (!same && !hold_mark(a->he, a->batch, 1, false, f))
			return false;
		if (!told && (a->met || a->sum->offered))
			delivery_log_rcpt(a->log, r, contact_of(a, r));
	}
	return true;
}
