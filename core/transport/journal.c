/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/journal.h"

#include <stdio.h>
#include <syslog.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/tls.h"

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

void journal_begin(struct journal *j, const struct hold_entry *he)
{
	struct buf msgid;
	buf_init(&msgid, JOURNAL_MSGID_MAX - 1);
	entry_field(he->fd, &he->entry, "Message-ID", &msgid);
	*j = (struct journal){.he = he};
	snprintf(j->msgid, sizeof(j->msgid), "%.*s", STR_FMT(buf_str(&msgid)));
	buf_release(&msgid);
}

void journal_rcpt(const struct journal *j, const struct rcpt *r, const struct session *session)
{
	const struct entry *e = &j->he->entry;
	const struct session_facts *s = session ? session_facts(session) : NULL;
	char port[16] = "", size[32], delay[32], code[16];
	if (s)
		snprintf(port, sizeof(port), "%d", s->port);
	snprintf(size, sizeof(size), "%llu", (unsigned long long)e->facts.size);
	snprintf(delay, sizeof(delay), "%lld", (long long)(clock_wall() - e->created));
	snprintf(code, sizeof(code), "%d", r->code);
	const struct log_pair pairs[] = {
	    {"id", str_of(e->id)},
	    {"from", str_of(e->envelope.sender)},
	    {"to", str_of(r->address)},
	    {"msgid", str_of(j->msgid)},
	    {"relay", str_of(session ? session_relay(session) : j->relay)},
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
}

void journal_relay(const struct journal *j, const struct config_relay *relay,
                   const struct fault *why)
{
	const struct log_pair pairs[] = {
	    {"id", str_of(j->he->entry.id)},
	    {"relay", str_of(relay->name)},
	    {"status", STR("unusable")},
	    {"reply", str_of(why->text)},
	    {NULL, {NULL, 0}},
	};
	log_event(LOG_WARNING, pairs);
}
