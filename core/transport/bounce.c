/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/bounce.h"

#include <string.h>
#include <syslog.h>

#include "os/clock.h"
#include "text/codec.h"
#include "os/log.h"
#include "os/random.h"
#include "submit/submit.h"
#include "mail/addr.h"
#include "transport/here.h"

#define FIELD_MAX 900 /* bytes of a field of the original that are repeated */

/* The report's own facts, gathered as it is written. */
struct writing {
	struct submit submit;
	struct message_facts facts;
	uint64_t line; /* bytes in the line so far */
};

static void gather(struct writing *w, struct str bytes)
{
	for (size_t i = 0; i < bytes.len; i++) {
		unsigned char c = (unsigned char)bytes.at[i];
		if (c > 127)
			w->facts.body_8bit = true;
		if (c == '\n')
			w->line = 0;
		else if (c != '\r' && ++w->line > w->facts.longest_line)
			w->facts.longest_line = w->line;
	}
}

static bool to_submit(void *context, struct str bytes, struct fault *f)
{
	struct writing *w = context;
	gather(w, bytes);
	return submit_message(&w->submit, bytes, f);
}

/* The original on its way into its report. */
struct quoting {
	struct dsn *report;
	struct writing *writing;
};

static bool quote(void *context, struct str bytes, struct fault *f)
{
	struct quoting *q = context;
	return dsn_original(q->report, bytes, to_submit, q->writing, f);
}

static bool write_report(struct dsn *r, struct hold_entry *he, struct writing *w,
                         struct fault *f)
{
	bool exists;
	struct quoting quoting = {r, w};
	size_t failed = envelope_count(r->envelope, RCPT_FAILED);
	return submit_begin(&w->submit, f) && dsn_begin(r, to_submit, w, f) &&
	       entry_each(he->fd, &he->entry, quote, &quoting, f) &&
	       dsn_end(r, to_submit, w, f) &&
	       (r->kind == DSN_FAILED
	            ? submit_end_report(&w->submit, &w->facts, failed, &exists, f)
	            : submit_end(&w->submit, &w->facts, f));
}

static bool add_addressee(void *context, struct str mailbox, struct fault *f)
{
	struct envelope *to = context;
	(void)f;
	envelope_add(to, mailbox);
	return true;
}

/* Where mail for the sender would go. */
static bool address_report(struct here *here, const struct envelope *original,
                           struct envelope *to, struct fault *f)
{
	struct fault why = FAULT_INIT;
	if (!here_aliases(here, &why))
		log_text(LOG_WARNING, "a report goes past the aliases: %s", why.text);
	struct str sender = str_of(original->sender);
	if (original->sender_local)
		sender = addr_local(sender);
	return local_route(&here->local, sender, false, add_addressee, to, f);
}

/* [mail] from with a domain, in ASCII. */
static bool own_address(const struct here *here, struct buf *out, struct fault *f)
{
	return here->config->from &&
	       local_complete(&here->local, str_of(here->config->from), out, f);
}

static bool copy_report(struct hold_entry *he, struct submit *s, struct fault *f)
{
	bool exists;
	return submit_copy(s, he, f) &&
	       submit_end_report(s, &he->entry.facts,
	                         envelope_count(&he->entry.envelope, RCPT_FAILED), &exists, f);
}

static bool address_again(struct here *here, const struct envelope *from, struct envelope *to,
                          struct fault *f)
{
	if (here->config->admin)
		return here_route(here, here->local.admin, false, add_addressee, to, f);
	for (size_t i = 0; i < from->rcpt_count; i++)
		envelope_add(to, str_of(from->rcpts[i].address));
	return true;
}

bool bounce_again(const struct settings *c, const char *hostname, struct hold_entry *he,
                  char id[ENTRY_ID_LEN + 1], struct fault *f)
{
	const struct entry *e = &he->entry;
	id[0] = '\0';
	if (e->envelope.sender[0] || !e->report_of[0] || !c->from)
		return true;
	struct here here;
	here_find(&here, c, hostname);
	struct buf from;
	buf_init(&from, 4 * ADDR_MAX);
	struct submit s;
	submit_init(&s, he->hold, NULL);
	s.entry.created = clock_wall();
	s.entry.uid = hold_uid(he);
	memcpy(s.entry.report_of, e->id, sizeof(e->id));
	bool ok = own_address(&here, &from, f) &&
	          address_again(&here, &e->envelope, &s.entry.envelope, f);
	if (ok)
		envelope_set_sender(&s.entry.envelope, buf_str(&from));
	ok = ok && copy_report(he, &s, f);
	if (ok)
		memcpy(id, s.entry.id, ENTRY_ID_LEN + 1);
	submit_release(&s);
	buf_release(&from);
	here_release(&here);
	return ok;
}

/* What the report says of the entry; its texts are in the three. */
static void describe(struct dsn *r, const struct here *here, const struct hold_entry *he,
                     struct buf *from, struct buf *subject, struct buf *message_id)
{
	struct fault ignored = FAULT_INIT;
	r->zone_min = clock_zone_min(r->wall);
	random_fill(r->random, sizeof(r->random));
	if (own_address(here, from, &ignored) && codec_is_ascii(buf_str(from)))
		r->from = buf_str(from);
	entry_field(he->fd, &he->entry, "Subject", subject);
	entry_field(he->fd, &he->entry, "Message-ID", message_id);
	r->subject = buf_str(subject);
	r->message_id = buf_str(message_id);
}

/* Addresses it, and holds it; id is that of the new entry. */
static bool hold_report(struct here *here, struct dsn *r, struct hold_entry *he,
                        struct writing *w, char id[ENTRY_ID_LEN + 1], struct fault *f)
{
	const struct envelope *original = &he->entry.envelope;
	struct envelope *to = &w->submit.entry.envelope;
	struct fault why = FAULT_INIT;
	/* Without an address there is no report, and the entry must not wait for one. */
	if (!address_report(here, original, to, &why) || to->rcpt_count == 0) {
		log_text(LOG_WARNING, "%s: no report can be addressed to %s%s%s", r->id,
		         original->sender, why.text[0] ? ": " : "", why.text);
		return true;
	}
	r->to = to->rcpts[0].address;
	if (!write_report(r, he, w, f))
		return false;
	memcpy(id, w->submit.entry.id, ENTRY_ID_LEN + 1);
	return true;
}

bool bounce_sender(const struct settings *c, const char *hostname, struct hold_entry *he,
                   enum dsn_kind kind, char id[ENTRY_ID_LEN + 1], struct fault *f)
{
	const struct entry *e = &he->entry;
	struct dsn r = {
	    .kind = kind,
	    .envelope = &e->envelope,
	    .hostname = str_of(hostname),
	    .id = e->id,
	    .arrived = e->created,
	    .expires = e->created + c->expire,
	    .wall = clock_wall(),
	    .full = e->envelope.ret == RET_FULL,
	    .original_8bit = e->facts.body_8bit,
	    .original_utf8 = e->facts.header_8bit,
	};
	id[0] = '\0';
	if (!e->envelope.sender[0] || e->report_of[0] || dsn_wanted(&r) == 0)
		return true;
	struct writing w = {0};
	submit_init(&w.submit, he->hold, NULL);
	/* Whoever runs us: the report belongs to the user who sent the message. */
	w.submit.entry.created = r.wall;
	w.submit.entry.uid = hold_uid(he);
	if (kind == DSN_FAILED)
		memcpy(w.submit.entry.report_of, e->id, sizeof(e->id));
	struct here here;
	struct buf subject, message_id, from;
	here_find(&here, c, hostname);
	buf_init(&from, 4 * ADDR_MAX);
	buf_init(&subject, FIELD_MAX);
	buf_init(&message_id, FIELD_MAX);
	describe(&r, &here, he, &from, &subject, &message_id);
	bool ok = hold_report(&here, &r, he, &w, id, f);
	submit_release(&w.submit);
	buf_release(&subject);
	buf_release(&message_id);
	buf_release(&from);
	here_release(&here);
	return ok;
}
