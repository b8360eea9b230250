/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "submit/submission.h"

#include <stdlib.h>
#include <string.h>

#include "text/idna.h"
#include "os/clock.h"
#include "os/random.h"
#include "mail/addr.h"
#include "mail/header.h"
#include "submit/sender.h"

struct submission {
	struct submission_env env;
	struct submission_options options;
	struct sender sender;
	struct buf from;       /* of the options, wire form */
	struct envelope found; /* recipients of the list that is being read */
	size_t addresses;      /* in that list */
	struct entry entry;
	struct message_rules rules;
	struct message *message;
	char *received;
};

static struct envelope *envelope_of(struct submission *s)
{
	return &s->entry.envelope;
}

const struct envelope *submission_envelope(const struct submission *s)
{
	return &s->entry.envelope;
}

static bool found(void *context, struct str mailbox, struct fault *f)
{
	struct submission *s = context;
	(void)f;
	envelope_add(&s->found, mailbox);
	return true;
}

static bool find(struct submission *s, struct str mailbox, bool escaped, struct fault *f)
{
	return this_host_route(s->env.host, mailbox, escaped, found, s, f);
}

static bool find_parsed(void *context, const struct addr *a, struct fault *f)
{
	struct submission *s = context;
	s->addresses++;
	return find(s, a->mailbox, a->escaped, f);
}

/* What was found becomes part of the envelope, if that can hold it. */
static bool keep_found(struct submission *s, unsigned notify, struct str orcpt, struct fault *f)
{
	struct envelope *e = envelope_of(s);
	size_t fresh = 0;
	for (size_t i = 0; i < s->found.rcpt_count; i++)
		fresh += !envelope_find(e, str_of(s->found.rcpts[i].address));
	if (fresh > 0 && e->rcpt_count + fresh > ENTRY_RCPT_MAX)
		return fault_reply(f, FAULT_DATA, 452, "4.5.3",
		                   "over %d recipients: send the rest in another message",
		                   ENTRY_RCPT_MAX);
	for (size_t i = 0; i < s->found.rcpt_count; i++) {
		size_t before = e->rcpt_count;
		struct rcpt *r = envelope_add(e, str_of(s->found.rcpts[i].address));
		if (e->rcpt_count == before)
			continue;
		r->notify = notify;
		r->orcpt = orcpt.len ? mem_copy(orcpt) : NULL;
	}
	return true;
}

static void forget_found(struct submission *s)
{
	envelope_release(&s->found);
	envelope_init(&s->found);
	s->addresses = 0;
}

bool submission_recipients(struct submission *s, struct str list, unsigned notify,
                           struct str orcpt, struct fault *f)
{
	bool ok = addr_parse_list(list, find_parsed, s, f) && keep_found(s, notify, orcpt, f);
	forget_found(s);
	return ok;
}

bool submission_recipient(struct submission *s, struct str address, unsigned notify,
                          struct str orcpt, struct fault *f)
{
	bool ok = addr_parse_list(address, find_parsed, s, f) &&
	          (s->addresses == 1 ||
	           fault_set(f, FAULT_DATA, "exactly one address is expected")) &&
	          keep_found(s, notify, orcpt, f);
	forget_found(s);
	return ok;
}

/* A recipient of the header. */
static bool take_recipient(void *context, struct str mailbox, bool escaped, struct fault *f)
{
	struct submission *s = context;
	bool ok = find(s, mailbox, escaped, f) && keep_found(s, s->options.notify, STR(""), f);
	forget_found(s);
	return ok;
}

bool submission_sender(struct submission *s, struct fault *f)
{
	const struct submission_options *o = &s->options;
	if (o->have_from && !addr_parse_one(str_of(o->from), &s->from, f))
		return fault_prefix(f, "sender %.200s", o->from);
	struct buf sender, wire;
	buf_init(&sender, 2 * ADDR_MAX);
	buf_init(&wire, 4 * ADDR_MAX);
	bool ok =
	    rewrite_sender(&s->sender.rewrite, o->have_from, buf_str(&s->from), &sender, f) &&
	    idna_mailbox(&wire, buf_str(&sender), f);
	if (ok)
		envelope_set_sender(envelope_of(s), buf_str(&wire));
	envelope_of(s)->sender_local =
	    rewrite_sender_is_local(&s->sender.rewrite, o->have_from, buf_str(&s->from));
	buf_release(&sender);
	buf_release(&wire);
	return ok;
}

static bool header_done(void *context, struct fault *f)
{
	struct submission *s = context;
	const struct submission_options *o = &s->options;
	struct envelope *e = envelope_of(s);
	if (e->rcpt_count == 0)
		return fault_set(f, FAULT_DATA,
		                 "no recipient: the header names none in To, Cc or Bcc");
	e->body = o->body;
	e->ret = o->ret;
	e->smtputf8 = e->smtputf8 || o->smtputf8;
	if (o->envid)
		e->envid = mem_copy(str_of(o->envid));
	if (o->relay)
		e->relay = mem_copy(str_of(o->relay));
	return sink_begin(s->env.sink, &s->entry, submission_delay(o, s->env.config), f);
}

static bool take_final(void *context, struct str bytes, struct fault *f)
{
	struct submission *s = context;
	return sink_bytes(s->env.sink, bytes, f);
}

static void set_rules(struct submission *s)
{
	const struct submission_options *o = &s->options;
	const struct settings *c = s->env.config;
	s->rules = (struct message_rules){
	    .rewrite = &s->sender.rewrite,
	    .have_from = o->have_from,
	    .from = buf_str(&s->from),
	    .take_recipients = o->take_recipients,
	    .dot = o->dot == DOT_SAFE ? c->dot : o->dot,
	    .max_size = c->max_size,
	    .smtputf8 = o->smtputf8,
	    .wall = clock_wall(),
	};
	s->rules.zone_min = clock_zone_min(s->rules.wall);
	random_fill(s->rules.random, sizeof(s->rules.random));
	if (!c->received)
		return;
	struct buf date;
	buf_init(&date, 64);
	if (header_add_date(&date, s->rules.wall, s->rules.zone_min))
		s->received = mem_printf("by %s (Postern, from userid %lu);\r\n\t%s",
		                         s->env.host->hostname, (unsigned long)s->env.user,
		                         buf_cstr(&date));
	buf_release(&date);
	s->rules.received = s->received;
}

void submission_start(struct submission *s)
{
	const struct message_hooks hooks = {take_recipient, header_done, take_final, s};
	set_rules(s);
	s->message = message_new(&s->rules, &hooks);
}

/* A message that is too long has a code of its own in SMTP. */
static bool name_size(const struct submission *s, struct fault *f)
{
	uint64_t max = s->rules.max_size;
	if (f->kind == FAULT_DATA && max > 0 && message_facts(s->message)->size > max) {
		f->code = 552;
		memcpy(f->status, "5.3.4", sizeof("5.3.4"));
	}
	return false;
}

bool submission_bytes(struct submission *s, struct str bytes, struct fault *f)
{
	return message_feed(s->message, bytes, f) || name_size(s, f);
}

bool submission_ended(const struct submission *s)
{
	return message_ended(s->message);
}

bool submission_end(struct submission *s, char id[ENTRY_ID_LEN + 1], struct fault *f)
{
	if (!message_end(s->message, f))
		return name_size(s, f);
	if (!sink_end(s->env.sink, message_facts(s->message), f))
		return false;
	memcpy(id, s->entry.id, ENTRY_ID_LEN + 1);
	sink_accepted(s->env.sink);
	return true;
}

int64_t submission_delay(const struct submission_options *o, const struct settings *c)
{
	return o->delay >= 0 ? o->delay : c->delay;
}

struct submission *submission_new(const struct submission_env *env,
                                  const struct submission_options *o)
{
	struct submission *s = mem_alloc(sizeof(*s));
	s->env = *env;
	s->options = *o;
	buf_init(&s->from, 2 * ADDR_MAX);
	envelope_init(&s->found);
	entry_init(&s->entry);
	sender_find(&s->sender, env->user, env->config, &env->host->local, o);
	return s;
}

void submission_free(struct submission *s)
{
	if (!s)
		return;
	message_free(s->message);
	sink_abandon(s->env.sink);
	entry_release(&s->entry);
	envelope_release(&s->found);
	buf_release(&s->from);
	sender_release(&s->sender);
	free(s->received);
	free(s);
}
