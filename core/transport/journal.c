/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/journal.h"

#include <stdio.h>
#include <syslog.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/tls.h"

#define MSGID_MAX 256

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

void journal_rcpt(const struct hold_entry *he, const struct rcpt *r,
                  const struct session *session)
{
	const struct entry *e = &he->entry;
	const struct session_facts *s = session ? session_facts(session) : NULL;
	struct buf msgid;
	char port[16] = "", size[32], delay[32], code[16];
	buf_init(&msgid, MSGID_MAX);
	entry_field(he->fd, e, "Message-ID", &msgid);
	if (s)
		snprintf(port, sizeof(port), "%d", s->port);
	snprintf(size, sizeof(size), "%llu", (unsigned long long)e->facts.size);
	snprintf(delay, sizeof(delay), "%lld", (long long)(clock_wall() - e->created));
	snprintf(code, sizeof(code), "%d", r->code);
	const struct log_pair pairs[] = {
	    {"id", str_of(e->id)},
	    {"from", str_of(e->envelope.sender)},
	    {"to", str_of(r->address)},
	    {"msgid", buf_str(&msgid)},
	    {"relay", str_of(session ? session_relay(session) : "")},
	    {"host", str_of(s ? session_peer(session) : "")},
	    {"port", str_of(port)},
	    {"tls", str_of(s ? (s->tls ? s->tls->protocol : "no") : "")},
	    {"auth", str_of(s ? (s->auth[0] ? s->auth : "no") : "")},
	    {"size", str_of(size)},
	    {"delay", str_of(delay)},
	    {"status", str_of(state_name(r->state))},
	    {"code", str_of(code)},
	    {"reply", str_of(r->reply)},
	    {NULL, {NULL, 0}},
	};
	log_event(r->state == RCPT_DELIVERED ? LOG_INFO : LOG_WARNING, pairs);
	buf_release(&msgid);
}

void journal_relay(const struct hold_entry *he, const struct config_relay *relay,
                   const struct fault *why)
{
	const struct log_pair pairs[] = {
	    {"id", str_of(he->entry.id)},
	    {"relay", str_of(relay->name)},
	    {"status", STR("unusable")},
	    {"reply", str_of(why->text)},
	    {NULL, {NULL, 0}},
	};
	log_event(LOG_WARNING, pairs);
}
