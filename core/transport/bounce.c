/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/bounce.h"

#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "os/clock.h"
#include "text/codec.h"
#include "os/log.h"
#include "os/random.h"
#include "submit/sink_hold.h"
#include "mail/addr.h"
#include "mail/header.h"
#include "submit/this_host.h"

#define WORDS_MAX 16384 /* bytes of a message in words of our own */
#define FIELD_MAX 900   /* bytes of a field of the original that are repeated */

/* The report's own facts, gathered as it is written. */
struct writing {
	struct sink_hold hold;
	struct entry entry;
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

static bool to_hold(void *context, struct str bytes, struct fault *f)
{
	struct writing *w = context;
	gather(w, bytes);
	return sink_bytes(&w->hold.sink, bytes, f);
}

/* The original on its way into its report. */
struct quoting {
	struct dsn *report;
	struct writing *writing;
};

static bool quote(void *context, struct str bytes, struct fault *f)
{
	struct quoting *q = context;
	return dsn_original(q->report, bytes, to_hold, q->writing, f);
}

static bool write_report(struct dsn *r, struct hold_entry *he, struct writing *w,
                         struct fault *f)
{
	bool exists;
	struct quoting quoting = {r, w};
	size_t failed = envelope_count(r->envelope, RCPT_FAILED);
	return sink_begin(&w->hold.sink, &w->entry, 0, f) && dsn_begin(r, to_hold, w, f) &&
	       entry_each(he->fd, &he->entry, quote, &quoting, f) &&
	       dsn_end(r, to_hold, w, f) &&
	       (r->kind == DSN_FAILED
	            ? sink_hold_end_report(&w->hold, &w->facts, failed, &exists, f)
	            : sink_end(&w->hold.sink, &w->facts, f));
}

static bool add_addressee(void *context, struct str mailbox, struct fault *f)
{
	struct envelope *to = context;
	(void)f;
	envelope_add(to, mailbox);
	return true;
}

/* Where mail for the sender would go. */
static bool address_report(struct this_host *host, const struct envelope *original,
                           struct envelope *to, struct fault *f)
{
	struct fault why = FAULT_INIT;
	if (!this_host_aliases(host, &why))
		log_text(LOG_WARNING, "a report goes past the aliases: %s", why.text);
	struct str sender = str_of(original->sender);
	if (original->sender_local)
		sender = addr_local(sender);
	return local_route(&host->local, sender, false, add_addressee, to, f);
}

/* [mail] from with a domain, in ASCII. */
static bool own_address(const struct this_host *host, struct buf *out, struct fault *f)
{
	return host->config->from &&
	       local_complete(&host->local, str_of(host->config->from), out, f);
}

static bool copy_report(struct hold_entry *he, struct entry *copy, struct fault *f)
{
	struct sink_hold s;
	sink_hold_init(&s, he->hold, HOLD_QUEUE);
	bool exists;
	bool ok =
	    sink_copy(&s.sink, copy, he, f) &&
	    sink_hold_end_report(&s, &he->entry.facts,
	                         envelope_count(&he->entry.envelope, RCPT_FAILED), &exists, f);
	sink_abandon(&s.sink);
	return ok;
}

static bool address_again(struct this_host *host, const struct envelope *from,
                          struct envelope *to, struct fault *f)
{
	if (host->config->admin)
		return this_host_route(host, host->local.admin, false, add_addressee, to, f);
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
	struct this_host host;
	this_host_find(&host, c, hostname);
	struct buf from;
	buf_init(&from, 4 * ADDR_MAX);
	struct entry copy;
	entry_init(&copy);
	copy.created = clock_wall();
	copy.uid = hold_uid(he);
	memcpy(copy.report_of, e->id, sizeof(e->id));
	bool ok = own_address(&host, &from, f) &&
	          address_again(&host, &e->envelope, &copy.envelope, f);
	if (ok)
		envelope_set_sender(&copy.envelope, buf_str(&from));
	ok = ok && copy_report(he, &copy, f);
	if (ok)
		memcpy(id, copy.id, ENTRY_ID_LEN + 1);
	entry_release(&copy);
	buf_release(&from);
	this_host_release(&host);
	return ok;
}

/* What the report says of the entry; its texts are in the three. */
static void describe(struct dsn *r, const struct this_host *host, const struct hold_entry *he,
                     struct buf *from, struct buf *subject, struct buf *message_id)
{
	struct fault ignored = FAULT_INIT;
	r->zone_min = clock_zone_min(r->wall);
	random_fill(r->random, sizeof(r->random));
	if (own_address(host, from, &ignored) && codec_is_ascii(buf_str(from)))
		r->from = buf_str(from);
	entry_field(he->fd, &he->entry, "Subject", subject);
	entry_field(he->fd, &he->entry, "Message-ID", message_id);
	r->subject = buf_str(subject);
	r->message_id = buf_str(message_id);
}

/* Addresses it, and holds it; id is that of the new entry. */
static bool hold_report(struct this_host *host, struct dsn *r, struct hold_entry *he,
                        struct writing *w, char id[ENTRY_ID_LEN + 1], struct fault *f)
{
	const struct envelope *original = &he->entry.envelope;
	struct envelope *to = &w->entry.envelope;
	struct fault why = FAULT_INIT;
	/* Without an address there is no report, and the entry must not wait for one. */
	if (!address_report(host, original, to, &why) || to->rcpt_count == 0) {
		log_text(LOG_WARNING, "%s: no report can be addressed to %s%s%s", r->id,
		         original->sender, why.text[0] ? ": " : "", why.text);
		return true;
	}
	r->to = to->rcpts[0].address;
	if (!write_report(r, he, w, f))
		return false;
	memcpy(id, w->entry.id, ENTRY_ID_LEN + 1);
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
	sink_hold_init(&w.hold, he->hold, HOLD_QUEUE);
	entry_init(&w.entry);
	/* Whoever runs us: the report belongs to the user who sent the message. */
	w.entry.created = r.wall;
	w.entry.uid = hold_uid(he);
	if (kind == DSN_FAILED)
		memcpy(w.entry.report_of, e->id, sizeof(e->id));
	struct this_host host;
	struct buf subject, message_id, from;
	this_host_find(&host, c, hostname);
	buf_init(&from, 4 * ADDR_MAX);
	buf_init(&subject, FIELD_MAX);
	buf_init(&message_id, FIELD_MAX);
	describe(&r, &host, he, &from, &subject, &message_id);
	bool ok = hold_report(&host, &r, he, &w, id, f);
	sink_abandon(&w.hold.sink);
	entry_release(&w.entry);
	buf_release(&subject);
	buf_release(&message_id);
	buf_release(&from);
	this_host_release(&host);
	return ok;
}

static bool add_words(const struct this_host *host, const char *to, const char *subject,
                      struct str text, struct buf *out)
{
	struct fault ignored = FAULT_INIT;
	struct buf from;
	unsigned char random[16];
	int64_t now = clock_wall();
	struct str name = str_of(host->hostname);
	random_fill(random, sizeof(random));
	buf_init(&from, 4 * ADDR_MAX);
	if (!own_address(host, &from, &ignored) || !codec_is_ascii(buf_str(&from)))
		buf_clear(&from);
	bool ok = buf_add_str(out, STR("Date: ")) &&
	          header_add_date(out, now, clock_zone_min(now)) &&
	          buf_addf(out, "\r\nFrom: Mail Delivery System <") &&
	          (from.len > 0 ? buf_add_str(out, buf_str(&from))
	                        : buf_addf(out, "MAILER-DAEMON@%s", host->hostname)) &&
	          buf_addf(out, ">\r\nTo: <%s>\r\nSubject: %s\r\nMessage-ID: ", to, subject) &&
	          header_add_msgid(out, now, random, name) &&
	          buf_addf(out, "\r\nAuto-Submitted: auto-generated\r\n\r\n") &&
	          buf_add_str(out, text);
	buf_release(&from);
	return ok;
}

static bool hold_words(struct writing *w, struct str words, struct fault *f)
{
	bool exists;
	return sink_begin(&w->hold.sink, &w->entry, 0, f) && to_hold(w, words, f) &&
	       sink_hold_end_report(&w->hold, &w->facts, 0, &exists, f);
}

bool bounce_admin(const struct settings *c, const char *hostname, struct hold *h,
                  const char of[ENTRY_ID_LEN + 1], const char *subject, struct str text,
                  bool *done, struct fault *f)
{
	struct writing w = {0};
	struct this_host host;
	struct buf words;
	*done = false;
	if (!c->admin)
		return true;
	sink_hold_init(&w.hold, h, HOLD_QUEUE);
	entry_init(&w.entry);
	w.entry.created = clock_wall();
	w.entry.uid = geteuid();
	memcpy(w.entry.report_of, of, ENTRY_ID_LEN + 1);
	this_host_find(&host, c, hostname);
	buf_init(&words, WORDS_MAX);
	struct envelope *to = &w.entry.envelope;
	bool ok = this_host_route(&host, str_of(c->admin), false, add_addressee, to, f) &&
	          to->rcpt_count > 0;
	ok = ok && (add_words(&host, to->rcpts[0].address, subject, text, &words) ||
	            fault_set(f, FAULT_DATA, "the report is too long"));
	*done = ok && hold_words(&w, buf_str(&words), f);
	sink_abandon(&w.hold.sink);
	entry_release(&w.entry);
	buf_release(&words);
	this_host_release(&host);
	return *done;
}
