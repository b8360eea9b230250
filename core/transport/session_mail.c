/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/session_private.h"

#include <stdlib.h>
#include <string.h>

#include "os/clock.h"

#define FLUSH_AT 32768

static bool to_server(void *context, struct str bytes, struct fault *f)
{
	struct session *s = context;
	(void)f;
	smtp_message(s->smtp, bytes);
	/* What is left at the end goes out with the dot. */
	if (smtp_output(s->smtp).len < FLUSH_AT)
		return smtp_want(s->smtp) == SMTP_MESSAGE;
	return session_write(s) && smtp_want(s->smtp) == SMTP_MESSAGE;
}

/* A reply that runs ahead of the end of the message is heard before that end is
 * sent; and where the server has gone the end is not sent, so that nothing is
 * in doubt. */
static bool hear(struct session *s, int64_t deadline)
{
	char bytes[4096];
	size_t got;
	struct fault f = FAULT_INIT;
	if (!conn_read(s->conn, bytes, sizeof(bytes), &got, deadline, &f))
		return false;
	if (got > 0)
		smtp_feed(s->smtp, str_make(bytes, got));
	else
		smtp_eof(s->smtp);
	return got > 0;
}

static void hear_early(struct session *s)
{
	hear(s, clock_deadline(0));
}

/* All is answered, as it seems: what has arrived beyond that is heard, and what has begun
 * is heard to its end. A server that was out of step has sent more. */
static void hear_all(struct session *s)
{
	int64_t deadline = clock_deadline(LAST_WORDS_MS);
	hear_early(s);
	while (smtp_in_reply(s->smtp) && hear(s, deadline))
		continue;
	smtp_heard(s->smtp);
}

/* Sends the message once; the machine may want it a second time. */
static bool send_message(struct session *s, struct passage *p, struct fault *f)
{
	bool ok = passage_give(p, to_server, s, f);
	if (ok)
		hear_early(s);
	if (smtp_want(s->smtp) != SMTP_MESSAGE)
		return true; /* the server had enough */
	if (ok)
		smtp_message_end(s->smtp);
	return ok; /* false: the entry, not the server */
}

/* The message cannot be brought into a form that this server takes. */
static enum session_end refuse_all(const struct session *s, const struct session_mail *m,
                                   const struct fault *why)
{
	for (size_t i = 0; i < m->count; i++) {
		struct rcpt *r = &m->he->entry.envelope.rcpts[m->rcpts[i]];
		r->state = RCPT_FAILED;
		verdict_set(&r->verdict, CAUSE_UNCONVERTIBLE, 0, "5.6.3", session_relay(s),
		            session_peer(s), str_of(why->text));
	}
	return SESSION_SETTLED;
}

/* What is needed to begin it. */
static bool open_mail(struct session *s, struct session_mail *m, struct fault *f)
{
	struct envelope *e = &m->he->entry.envelope;
	const struct ehlo *server = smtp_ehlo(s->smtp);
	struct passage *p = &m->passage;
	if (!passage_open(p, m->he, server, f)) {
		passage_close(p);
		return false;
	}
	m->transaction = (struct smtp_transaction){
	    .envelope = e,
	    .rcpts = mem_alloc(m->count * sizeof(struct rcpt *)),
	    .rcpt_count = m->count,
	    .size = passage_size(p),
	    .eightbit = passage_is_8bit(p, server),
	    .smtputf8 = passage_needs_utf8(p),
	};
	for (size_t i = 0; i < m->count; i++)
		m->transaction.rcpts[i] = &e->rcpts[m->rcpts[i]];
	return true;
}

static void close_mail(struct session_mail *m)
{
	free(m->transaction.rcpts);
	passage_close(&m->passage);
}

static void begin(struct session *s, struct session_mail *m)
{
	for (size_t i = 0; i < m->count; i++)
		verdict_release(&m->transaction.rcpts[i]->verdict);
	m->progress = MAIL_UNDER_WAY;
	s->line[s->line_count++] = m;
}

/* The first of the line is so from now on. */
static void end_mail(struct session *s, enum session_progress progress)
{
	s->line[0]->progress = progress;
	close_mail(s->line[0]);
	s->line_count--;
	memmove(s->line, s->line + 1, s->line_count * sizeof(struct session_mail *));
}

static bool to_memory(void *context, struct str bytes, struct fault *f)
{
	struct buf *b = context;
	return buf_add_str(b, bytes) || fault_set(f, FAULT_DATA, "more bytes than there were");
}

/* Begins it behind the last, if there is room. A message that goes along is read before, so
 * that one that cannot be read breaks nothing off. */
static bool begin_behind(struct session *s, struct session_mail *m)
{
	struct fault f = FAULT_INIT;
	if (!open_mail(s, m, &f))
		return false;
	uint64_t size = m->transaction.size;
	enum smtp_room room = smtp_room_for(s->smtp, &m->transaction);
	struct buf message;
	buf_init(&message, room == ROOM_MESSAGE ? size : 0);
	bool ok = room == ROOM_ENVELOPE ||
	          (room == ROOM_MESSAGE && passage_give(&m->passage, to_memory, &message, &f) &&
	           message.len == size);
	if (ok) {
		begin(s, m);
		budget_follow(&s->budget, m->count);
		smtp_follow(s->smtp, &m->transaction, buf_str(&message));
	} else {
		close_mail(m);
	}
	buf_release(&message);
	return ok;
}

/* Those that got no verdict of their own wait, for that reason. */
static enum session_end leave_rest(const struct session *s, const struct session_mail *m,
                                   struct fault *f)
{
	*f = s->last;
	if (f->code == 0)
		fault_prefix(f, "%s", session_peer(s));
	for (size_t i = 0; i < m->count; i++) {
		struct rcpt *r = &m->he->entry.envelope.rcpts[m->rcpts[i]];
		if (r->state == RCPT_WAITING && r->verdict.cause == CAUSE_NONE)
			verdict_set_fault(&r->verdict, f, session_relay(s), session_peer(s));
	}
	return SESSION_BROKEN;
}

/* What became of the first of the line; the next is in hand then. */
static void conclude(struct session *s)
{
	struct session_mail *m = s->line[0];
	bool over = smtp_want(s->smtp) == SMTP_OVER;
	s->last = *smtp_fault(s->smtp);
	m->behind = over && s->lost;
	m->why = FAULT_INIT;
	if (smtp_commit(s->smtp, session_relay(s), session_peer(s))) {
		s->messages++;
		m->end = SESSION_SETTLED;
	} else {
		m->end = leave_rest(s, m, &m->why);
	}
	/* What a server closes with a word costs no copies, if it does close. */
	bool leaves = s->last.code == 421 && s->last.sys == 0;
	s->lost_several =
	    s->lost_several ||
	    (over && (s->last.kind == FAULT_PROTOCOL || (s->line_count > 1 && !leaves)));
	s->lost = over;
	end_mail(s, MAIL_ENDED);
}

/* Nobody reads on: what is settled is told, and what was only announced is new again. */
static void end_line(struct session *s)
{
	while (s->line_count > 0) {
		enum smtp_want want = smtp_want(s->smtp);
		if (want == SMTP_OVER || want == SMTP_SETTLED)
			conclude(s);
		else
			end_mail(s, MAIL_NEW);
	}
}

/* Those behind it, in the flight that ends its message. */
static void follow_up(struct session *s, session_next *next, void *context)
{
	struct session_mail *m;
	while (next && smtp_has_room(s->smtp) && (m = next(context)) && begin_behind(s, m))
		continue;
}

enum session_end session_send(struct session *s, struct session_mail *m, session_next *next,
                              void *context, struct fault *f)
{
	if (m->progress == MAIL_NEW) {
		end_line(s);
		if (!open_mail(s, m, f))
			return f->kind == FAULT_DATA ? refuse_all(s, m, f) : SESSION_ENTRY;
		begin(s, m);
		budget_transaction(&s->budget, m->count);
		smtp_start(s->smtp, &m->transaction);
	}
	while (m->progress == MAIL_UNDER_WAY && session_converse(s) == SMTP_MESSAGE) {
		if (send_message(s, &m->passage, f)) {
			follow_up(s, next, context);
			continue;
		}
		/* Half a message is out: only breaking off keeps it from counting. */
		smtp_failed(s->smtp, f);
		s->last = *f;
		end_mail(s, MAIL_ENDED);
		return m->end = SESSION_ENTRY;
	}
	if (m->progress == MAIL_UNDER_WAY) {
		hear_all(s);
		conclude(s);
	}
	*f = m->why;
	return m->end;
}

bool session_in_step(struct session *s, struct fault *f)
{
	if (!session_usable(s))
		return true;
	hear_all(s);
	const struct fault *now = smtp_fault(s->smtp);
	if (smtp_want(s->smtp) != SMTP_OVER || now->kind != FAULT_PROTOCOL)
		return true;
	*f = *now;
	return fault_prefix(f, "%s", session_peer(s));
}

void session_close(struct session *s)
{
	end_line(s);
	if (session_usable(s)) {
		smtp_quit(s->smtp);
		session_converse(s);
	}
	if (s->conn)
		conn_goodbye(s->conn, clock_deadline(0));
	session_drop(s);
}
