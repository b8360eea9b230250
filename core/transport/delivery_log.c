/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/delivery_log.h"

#include <stdio.h>
#include <syslog.h>

#include "text/host.h"
#include "os/clock.h"
#include "os/log.h"

static const char *state_name(enum rcpt_state state)
{
	switch (state) {
	case RCPT_DELIVERED:
		return "delivered";
	case RCPT_FAILED:
		return "failed";
	case RCPT_WAITING:
		break;
	}
	return "held";
}

static struct str number(char to[32], long long n)
{
	snprintf(to, 32, "%lld", n);
	return str_of(to);
}

void delivery_log_begin(struct delivery_log *l, const struct hold_entry *he)
{
	*l = (struct delivery_log){.he = he};
}

/* Of most entries of a run whose server is dead no line is written. */
static void read_msgid(struct delivery_log *l)
{
	if (l->read)
		return;
	l->read = true;
	struct buf msgid;
	buf_init(&msgid, DELIVERY_LOG_MSGID_MAX - 1);
	entry_field(l->he->fd, &l->he->entry, "Message-ID", &msgid);
	snprintf(l->msgid, sizeof(l->msgid), "%.*s", STR_FMT(buf_str(&msgid)));
	buf_release(&msgid);
}

/* Who is spoken of: the one that was reached, else the one that should have been. The port
 * has a key of its own. */
static struct host_peer peer_of(const struct verdict *v, const struct session_contact *c)
{
	struct host_peer p = host_peer(str_of(c && c->peer[0] ? c->peer : v->host));
	if (p.port.len > 0) /* without its ":" */
		p.port = str_from(p.port, 1);
	return p;
}

void delivery_log_rcpt(struct delivery_log *l, const struct rcpt *r,
                       const struct session_contact *contact)
{
	const struct entry *e = &l->he->entry;
	char reason[VERDICT_LINE_MAX];
	rcpt_reason(r, reason);
	read_msgid(l);
	const struct host_peer peer = peer_of(&r->verdict, contact);
	char size[32], delay[32], code[32], uid[32];
	const struct log_pair pairs[] = {
	    {"id", str_of(e->id)},
	    {"uid", number(uid, (long long)hold_uid(l->he))},
	    {"from", str_of(e->envelope.sender)},
	    {"to", str_of(r->address)},
	    {"msgid", str_of(l->msgid)},
	    {"relay", str_of(r->verdict.relay)},
	    {"host", peer.server},
	    {"port", peer.port},
	    {"tls", str_of(contact ? contact->tls : "")},
	    {"auth", str_of(contact ? contact->auth : "")},
	    {"size", number(size, (long long)e->facts.size)},
	    {"delay", number(delay, clock_wall() - e->created)},
	    {"status", str_of(state_name(r->state))},
	    {"code", number(code, r->verdict.code)},
	    {"reply", str_of(reason)},
	    {NULL, {NULL, 0}},
	};
	log_event(r->state == RCPT_DELIVERED ? LOG_INFO : LOG_WARNING, pairs);
}

void delivery_log_relay(const struct delivery_log *l, const struct settings_relay *relay,
                        const struct session_contact *contact, const struct verdict *why)
{
	char reason[VERDICT_LINE_MAX];
	verdict_line(why, reason);
	const struct host_peer peer = peer_of(why, contact);
	char code[32], uid[32];
	const struct log_pair pairs[] = {
	    {"id", str_of(l->he->entry.id)},
	    {"uid", number(uid, (long long)hold_uid(l->he))},
	    {"relay", str_of(relay->name)},
	    {"host", peer.server},
	    {"port", peer.port},
	    {"tls", str_of(contact ? contact->tls : "")},
	    {"status", STR("unusable")},
	    {"code", number(code, why->code)},
	    {"reply", str_of(reason)},
	    {NULL, {NULL, 0}},
	};
	log_event(LOG_WARNING, pairs);
}
