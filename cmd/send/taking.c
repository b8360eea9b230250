/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/send/taking.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "text/idna.h"
#include "os/log.h"
#include "os/random.h"
#include "cmd/send/who.h"
#include "hold/counters.h"
#include "submit/submit.h"
#include "mail/addr.h"
#include "mail/header.h"
#include "mail/message.h"
#include "transport/delivery_log.h"
#include "transport/route.h"

struct taking {
	struct taking_order order;
	struct who who;
	struct buf sender;     /* of -f, wire form */
	struct envelope found; /* recipients of the list that is being read */
	size_t addresses;      /* in that list */
	struct submit submit;
	struct message_rules rules;
	struct message *message;
	char *received;
};

static struct envelope *envelope_of(struct taking *t)
{
	return &t->submit.entry.envelope;
}

const struct envelope *taking_envelope(const struct taking *t)
{
	return &t->submit.entry.envelope;
}

static void alias_warning(void *context, size_t line, const char *text)
{
	const struct taking *t = context;
	if (t->order.call->mode == CALL_VERIFY || isatty(STDERR_FILENO))
		fprintf(stderr, "sendmail: warning: %s:%zu: %s\n",
		        t->order.place->config.aliases, line, text);
}

static bool found(void *context, struct str mailbox, struct fault *f)
{
	struct taking *t = context;
	(void)f;
	envelope_add(&t->found, mailbox);
	return true;
}

static bool find(struct taking *t, struct str mailbox, bool escaped, struct fault *f)
{
	return here_route(&t->order.place->here, mailbox, escaped, found, t, f);
}

static bool find_parsed(void *context, const struct addr *a, struct fault *f)
{
	struct taking *t = context;
	t->addresses++;
	return find(t, a->mailbox, a->escaped, f);
}

/* What was found becomes part of the envelope, if that can hold it. */
static bool keep_found(struct taking *t, unsigned notify, struct str orcpt, struct fault *f)
{
	struct envelope *e = envelope_of(t);
	size_t fresh = 0;
	for (size_t i = 0; i < t->found.rcpt_count; i++)
		fresh += !envelope_find(e, str_of(t->found.rcpts[i].address));
	if (fresh > 0 && e->rcpt_count + fresh > ENTRY_RCPT_MAX)
		return fault_reply(f, FAULT_DATA, 452, "4.5.3",
		                   "over %d recipients: send the rest in another message",
		                   ENTRY_RCPT_MAX);
	for (size_t i = 0; i < t->found.rcpt_count; i++) {
		size_t before = e->rcpt_count;
		struct rcpt *r = envelope_add(e, str_of(t->found.rcpts[i].address));
		if (e->rcpt_count == before)
			continue;
		r->notify = notify;
		r->orcpt = orcpt.len ? mem_copy(orcpt) : NULL;
	}
	return true;
}

static void forget_found(struct taking *t)
{
	envelope_release(&t->found);
	envelope_init(&t->found);
	t->addresses = 0;
}

bool taking_recipients(struct taking *t, struct str list, unsigned notify, struct str orcpt,
                       struct fault *f)
{
	bool ok = addr_parse_list(list, find_parsed, t, f) && keep_found(t, notify, orcpt, f);
	forget_found(t);
	return ok;
}

bool taking_recipient(struct taking *t, struct str address, unsigned notify, struct str orcpt,
                      struct fault *f)
{
	bool ok = addr_parse_list(address, find_parsed, t, f) &&
	          (t->addresses == 1 ||
	           fault_set(f, FAULT_DATA, "exactly one address is expected")) &&
	          keep_found(t, notify, orcpt, f);
	forget_found(t);
	return ok;
}

/* A recipient of the header. */
static bool take_recipient(void *context, struct str mailbox, bool escaped, struct fault *f)
{
	struct taking *t = context;
	bool ok =
	    find(t, mailbox, escaped, f) && keep_found(t, t->order.call->notify, STR(""), f);
	forget_found(t);
	return ok;
}

bool taking_sender(struct taking *t, struct fault *f)
{
	const struct call *call = t->order.call;
	if (call->have_from && !addr_parse_one(str_of(call->from), &t->sender, f))
		return fault_prefix(f, "sender %.200s", call->from);
	struct buf sender, wire;
	buf_init(&sender, 2 * ADDR_MAX);
	buf_init(&wire, 4 * ADDR_MAX);
	bool ok = rewrite_sender(&t->who.identity, call->have_from, buf_str(&t->sender),
	                         &sender, f) &&
	          idna_mailbox(&wire, buf_str(&sender), f);
	if (ok)
		envelope_set_sender(envelope_of(t), buf_str(&wire));
	envelope_of(t)->sender_local =
	    rewrite_sender_is_local(&t->who.identity, call->have_from, buf_str(&t->sender));
	buf_release(&sender);
	buf_release(&wire);
	return ok;
}

static bool print_dry_run(struct taking *t)
{
	const struct envelope *e = envelope_of(t);
	printf("sender: <%s>\n", e->sender);
	struct routes routes;
	routes_plan(&t->order.place->config, e, &routes);
	for (size_t i = 0; i < routes.count; i++) {
		const struct route *r = &routes.at[i];
		printf("route:");
		for (size_t k = 0; k < r->relay_count; k++)
			printf("%s relay %s", k ? ", then" : "", r->relays[k]->name);
		printf("%s\n", r->relay_count ? "" : " no relay serves these recipients");
		for (size_t k = 0; k < r->rcpt_count; k++)
			printf("recipient: <%s>\n", e->rcpts[r->rcpts[k]].address);
	}
	routes_release(&routes);
	printf("message:\n");
	return true;
}

static bool is_dry(const struct taking *t)
{
	return !t->order.hold && !t->order.gate;
}

static bool header_done(void *context, struct fault *f)
{
	struct taking *t = context;
	const struct call *call = t->order.call;
	struct envelope *e = envelope_of(t);
	if (e->rcpt_count == 0)
		return fault_set(f, FAULT_DATA,
		                 "no recipient: the header names none in To, Cc or Bcc");
	e->body = call->body;
	e->ret = call->ret;
	e->smtputf8 = e->smtputf8 || call->smtputf8;
	if (call->envid)
		e->envid = mem_copy(str_of(call->envid));
	if (call->relay)
		e->relay = mem_copy(str_of(call->relay));
	if (is_dry(t))
		return print_dry_run(t);
	return submit_begin(&t->submit, f);
}

/* A dry run shows lines as people know them. */
static bool print_bytes(struct str bytes, struct fault *f)
{
	for (size_t i = 0; i < bytes.len; i++)
		if (bytes.at[i] != '\r' && putchar(bytes.at[i]) == EOF)
			return fault_sys(f, FAULT_IO, errno, "standard output");
	return true;
}

static bool take_final(void *context, struct str bytes, struct fault *f)
{
	struct taking *t = context;
	return is_dry(t) ? print_bytes(bytes, f) : submit_message(&t->submit, bytes, f);
}

static void set_rules(struct taking *t)
{
	const struct call *call = t->order.call;
	const struct settings *c = &t->order.place->config;
	t->rules = (struct message_rules){
	    .identity = &t->who.identity,
	    .have_from = call->have_from,
	    .from = buf_str(&t->sender),
	    .take_recipients = call->take_recipients,
	    .dot = call->ignore_dot                              ? DOT_IGNORED
	           : c->dot == SETTINGS_DOT_CLASSIC || isatty(0) ? DOT_CLASSIC
	                                                         : DOT_SAFE,
	    .max_size = c->max_size,
	    .smtputf8 = call->smtputf8,
	    .wall = clock_wall(),
	};
	t->rules.zone_min = clock_zone_min(t->rules.wall);
	random_fill(t->rules.random, sizeof(t->rules.random));
	if (!c->received)
		return;
	struct buf date;
	buf_init(&date, 64);
	if (header_add_date(&date, t->rules.wall, t->rules.zone_min))
		t->received = mem_printf("by %s (Postern, from userid %lu);\r\n\t%s",
		                         t->order.place->hostname, (unsigned long)getuid(),
		                         buf_cstr(&date));
	buf_release(&date);
	t->rules.received = t->received;
}

void taking_start(struct taking *t)
{
	const struct message_hooks hooks = {take_recipient, header_done, take_final, t};
	set_rules(t);
	t->message = message_new(&t->rules, &hooks);
}

/* A message that is too long has a code of its own in SMTP. */
static bool name_size(const struct taking *t, struct fault *f)
{
	uint64_t max = t->rules.max_size;
	if (f->kind == FAULT_DATA && max > 0 && message_facts(t->message)->size > max) {
		f->code = 552;
		memcpy(f->status, "5.3.4", sizeof("5.3.4"));
	}
	return false;
}

bool taking_bytes(struct taking *t, struct str bytes, struct fault *f)
{
	return message_feed(t->message, bytes, f) || name_size(t, f);
}

bool taking_ended(const struct taking *t)
{
	return message_ended(t->message);
}

bool taking_end(struct taking *t, char id[ENTRY_ID_LEN + 1], struct fault *f)
{
	if (!message_end(t->message, f))
		return name_size(t, f);
	if (!is_dry(t) && !submit_end(&t->submit, message_facts(t->message), f))
		return false;
	memcpy(id, t->submit.entry.id, ENTRY_ID_LEN + 1);
	/* What came through post is counted and logged by who may write to the system's log. */
	if (t->order.hold && t->order.room == HOLD_QUEUE) {
		counters_add(t->order.hold, &(struct counters){.accepted = 1});
		place_open_log(t->order.place, "sendmail");
		delivery_log_accepted(id, t->submit.entry.uid, &t->submit.entry);
		log_close();
	}
	return true;
}

struct taking *taking_new(const struct taking_order *order)
{
	struct taking *t = mem_alloc(sizeof(*t));
	const struct settings *c = &order->place->config;
	t->order = *order;
	buf_init(&t->sender, 2 * ADDR_MAX);
	envelope_init(&t->found);
	submit_init(&t->submit, order->hold, order->gate);
	place_names(order->place);
	/* Of what is wrong with the aliases. */
	place_open_log(order->place, "sendmail");
	order->place->here.warn = alias_warning;
	order->place->here.context = t;
	who_find(&t->who, order->place, order->call);
	t->submit.min_free = c->min_free;
	t->submit.delay = order->call->delay >= 0 ? order->call->delay : c->delay;
	t->submit.room = order->room;
	return t;
}

void taking_free(struct taking *t)
{
	if (!t)
		return;
	t->order.place->here.warn = NULL;
	message_free(t->message);
	submit_release(&t->submit);
	envelope_release(&t->found);
	buf_release(&t->sender);
	who_release(&t->who);
	free(t->received);
	free(t);
}
