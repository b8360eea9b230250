/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smtp/smtp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "text/codec.h"
#include "smtp/smtp_command.h"

#define OUT_MAX   (8u << 20) /* the driver writes long before */
#define WORDS_MAX 120        /* of a reply in a text of ours */

static smtp_handler on_quit;

/* 4xx and 5xx always make sense: handlers see them, and the good ones, only. */
static smtp_handler *const handlers[VERBS] = {
    [VERB_GREETING] = smtp_on_greeting, [VERB_EHLO] = smtp_on_ehlo,
    [VERB_HELO] = smtp_on_helo,         [VERB_STARTTLS] = smtp_on_starttls,
    [VERB_AUTH] = smtp_on_auth,         [VERB_CANCEL] = smtp_on_cancel,
    [VERB_RSET] = smtp_on_rset,         [VERB_MAIL] = smtp_on_mail,
    [VERB_RCPT] = smtp_on_rcpt,         [VERB_DATA] = smtp_on_data,
    [VERB_DOT] = smtp_on_dot,           [VERB_BDAT] = smtp_on_bdat,
    [VERB_BDAT_LAST] = smtp_on_bdat,    [VERB_QUIT] = on_quit,
};

struct smtp *smtp_new(const struct smtp_setup *setup)
{
	struct smtp *s = mem_alloc(sizeof(*s));
	s->setup = *setup;
	reply_init(&s->reply);
	buf_init(&s->out, OUT_MAX);
	buf_init(&s->chunk, OUT_MAX);
	buf_init(&s->answer, OUT_MAX);
	s->tx = s->line[0] = mem_alloc(sizeof(*s->tx));
	s->line_count = 1;
	s->want = setup->security == SECURITY_TLS ? SMTP_HANDSHAKE : SMTP_READ;
	smtp_expect(s, VERB_GREETING, NO_RCPT);
	return s;
}

static void forget_leaves(struct smtp *s)
{
	for (size_t i = 0; i < s->leave_count; i++)
		reply_release(&s->leaves[i]);
	free(s->leaves);
	s->leaves = NULL;
	s->leave_count = s->leave_cap = 0;
}

void smtp_free(struct smtp *s)
{
	if (!s)
		return;
	reply_release(&s->reply);
	forget_leaves(s);
	if (s->wipe_until > s->written)
		buf_wipe(&s->out);
	buf_release(&s->out);
	buf_release(&s->chunk);
	buf_wipe(&s->answer);
	buf_release(&s->answer);
	sasl_free(s->sasl);
	codec_wipe(&s->binding, sizeof(s->binding));
	codec_wipe(s->setup.random, sizeof(s->setup.random));
	free(s->queue);
	for (size_t i = 0; i < s->line_count; i++) {
		smtp_forget(s->line[i]);
		free(s->line[i]);
	}
	free(s);
}

enum smtp_want smtp_want(const struct smtp *s)
{
	return s->want == SMTP_SETTLED && smtp_unanswered(s) ? SMTP_READ : s->want;
}

enum smtp_phase smtp_phase(const struct smtp *s)
{
	if (s->leave_count > 0)
		return PHASE_LEAVE;
	if (smtp_unanswered(s))
		return smtp_verbs[s->queue[s->head].verb].phase;
	return s->want == SMTP_MESSAGE ? PHASE_DATA : PHASE_COMMAND;
}

void smtp_written(struct smtp *s, size_t n)
{
	size_t left = s->out.len - s->out_done;
	if (n > left)
		n = left;
	if (n > 0 && s->written < s->wipe_until)
		codec_wipe(s->out.at + s->out_done, n);
	s->out_done += n;
	s->written += n;
	if (s->out_done == s->out.len) {
		buf_clear(&s->out);
		s->out_done = 0;
	}
}

static void show_reply_line(const struct smtp *s, int code, char separator, const char *status,
                            struct str text)
{
	struct buf line;
	buf_init(&line, 64 + REPLY_LINE_MAX);
	if (buf_addf(&line, "%d%c%s%s", code, separator, status,
	             status[0] != '\0' ? " " : "") &&
	    buf_add_str(&line, text))
		smtp_show(s, false, buf_str(&line));
	buf_release(&line);
}

/* A challenge is masked: it may be made of secrets. */
static void show_reply(const struct smtp *s, const struct reply *r, enum verb verb)
{
	struct str rest = verb == VERB_AUTH && r->code == 334 ? STR("****") : buf_str(&r->text);
	const char *status = r->status;
	if (!s->setup.trace)
		return;
	size_t end;
	while (end = str_find(rest, '\n'), end != STR_NONE) {
		show_reply_line(s, r->code, '-', status, str_first(rest, end));
		rest = str_from(rest, end + 1);
		status = "";
	}
	show_reply_line(s, r->code, ' ', status, rest);
}

static enum smtp_want on_quit(struct smtp *s, const struct command *c, const struct reply *r)
{
	const struct fault none = FAULT_INIT;
	(void)c;
	(void)r;
	return smtp_drop(s, &none);
}

/* The server shuts the session down, whatever it was asked (RFC 5321 section 3.8). */
static enum smtp_want closed_by_server(struct smtp *s, enum cause_phase phase,
                                       const struct reply *r)
{
	if (s->fault.kind == FAULT_NONE)
		smtp_blame(s, phase, r);
	/* It stays, and has not said the rest. */
	if (s->stays)
		s->fault.sys = ETIMEDOUT;
	return smtp_drop(s, &s->fault);
}

/* Is a message out that waits for an answer, besides what is answered now? A server that says
 * that it closes, and does not, may take it. */
static bool more_is_out(const struct smtp *s)
{
	bool out = false;
	for (size_t i = s->head + 1; i < s->tail; i++) {
		const struct command *c = &s->queue[i];
		bool last = c->verb == VERB_DOT || c->verb == VERB_BDAT_LAST;
		out = out || (last && c->end <= s->written);
	}
	return out && smtp_want(s) == SMTP_READ && smtp_output(s).len == 0;
}

/* Is it the last answer that is awaited, and to a message? */
static bool is_last_word(const struct smtp *s, const struct command *c)
{
	return s->head + 1 == s->tail && (c->verb == VERB_DOT || c->verb == VERB_BDAT_LAST);
}

/* Until it is known whether the server goes on, nothing is made of its leave, however often it
 * says the same. */
static enum smtp_want put_by(struct smtp *s, const struct reply *r)
{
	s->leaves = mem_grow(s->leaves, &s->leave_cap, s->leave_count + 1, sizeof(*s->leaves));
	struct reply *leave = &s->leaves[s->leave_count++];
	reply_init(leave);
	leave->code = r->code;
	memcpy(leave->status, r->status, sizeof(r->status));
	if (!buf_add_str(&leave->text, buf_str(&r->text)))
		buf_clear(&leave->text);
	return SMTP_READ;
}

static enum smtp_want take_unasked(struct smtp *s, const struct reply *r)
{
	struct fault f = FAULT_INIT;
	if (r->code == 421)
		return closed_by_server(s, smtp_where(s), r);
	if (smtp_early_verdict(s, r))
		return smtp_drop(s, &f);
	char words[WORDS_MAX + 1];
	reply_printable(r, words, sizeof(words));
	fault_set(&f, FAULT_PROTOCOL, "the server sent a reply that nothing asked for: %d %s",
	          r->code, words);
	return smtp_drop(s, &f);
}

static bool makes_sense(enum verb verb, int code)
{
	const int *good = smtp_verbs[verb].good;
	if (code >= 400 || verb == VERB_QUIT)
		return true;
	if (good[0] == 0)
		return code < 300 && code != 220 && code != 221;
	for (size_t i = 0; i < SMTP_GOOD_MAX; i++)
		if (code == good[i])
			return true;
	return false;
}

/* Some servers repeat a line that they do not understand: not into our log. */
static void hide_echo(struct smtp *s, struct reply *r)
{
	struct str answer = buf_str(&s->answer), text = buf_str(&r->text);
	bool found = false;
	for (size_t i = 0; answer.len > 0 && i + answer.len <= text.len && !found; i++)
		found = str_starts(str_from(text, i), answer);
	if (found) {
		buf_wipe(&r->text);
		if (!buf_add_str(&r->text, STR("(the server repeats what was sent)")))
			buf_clear(&r->text);
	}
	buf_wipe(&s->answer);
}

/* And some repeat every line, as no reply: perhaps one of a login that was answered before. */
static void hide_odd_echo(struct smtp *s, struct fault *f)
{
	if (smtp_where(s) == AT_AUTH)
		fault_text(f, "not an SMTP server, or out of step: what it sent in answer to "
		              "the login is not shown");
	buf_wipe(&s->answer);
}

/* Gives a whole reply to the handler of the oldest command. */
static enum smtp_want take_reply(struct smtp *s, const struct reply *r)
{
	if (s->unasked) {
		show_reply(s, r, VERB_GREETING);
		return take_unasked(s, r);
	}
	struct command c = s->queue[s->head];
	if (!s->stays)
		show_reply(s, r, c.verb);
	/* Before the command leaves the queue, where is_in_doubt looks for it. */
	if (!makes_sense(c.verb, r->code))
		return smtp_nonsense(s, c.verb, r);
	if (r->code == 421 && c.verb != VERB_QUIT && !s->stays) {
		if (more_is_out(s))
			return put_by(s, r);
		s->last_word = is_last_word(s, &c);
		return closed_by_server(s, smtp_verbs[c.verb].at, r);
	}
	s->refused = s->refused || r->code >= 400;
	s->head++;
	return handlers[c.verb](s, &c, r);
}

/* A reply may begin only when the whole command it answers has been written:
 * one that runs ahead would be taken for the answer to something else. */
static void begin_reply(struct smtp *s)
{
	s->unasked = !smtp_unanswered(s) || s->queue[s->head].end > s->written;
}

static void clear_before_tls(struct smtp *s)
{
	struct fault f = FAULT_INIT;
	fault_set(&f, FAULT_PROTOCOL,
	          "data before TLS: the server, or someone in between, sent more than its "
	          "answer to STARTTLS");
	smtp_drop(s, &f);
}

/* More than the verdict on a message that was going out: that one verdict is not to be
 * believed then, unless the server only says that it closes. */
static void doubt_early(struct smtp *s, struct str bytes)
{
	if (bytes.len == 0 || !s->tx->early || str_starts(bytes, STR("421")))
		return;
	smtp_forget(s->tx);
	s->tx->early = false;
	fault_set(&s->fault, FAULT_PROTOCOL,
	          "the server sent more than one reply while the message went out");
	fault_cause(&s->fault, CAUSE_OUT_OF_STEP);
}

/* Behind a leave that was the last answer to a message came another reply: there was one too
 * many, and no telling which, unless the server only repeats that it closes. */
static void doubt_last_word(struct smtp *s, struct str bytes)
{
	struct fault f = FAULT_INIT;
	if (bytes.len == 0 || !s->last_word || str_starts(bytes, STR("421")))
		return;
	s->last_word = false;
	fault_set(&f, FAULT_PROTOCOL,
	          "the server said that it closes, and then more than it was asked for");
	smtp_doubt(s, &f);
}

/* The reply that comes next is about the transaction of the first unanswered command. */
static void speak_of_awaited(struct smtp *s)
{
	s->tx = smtp_unanswered(s) ? s->queue[s->head].tx : s->line[0];
}

static void take_by_order(struct smtp *s, const struct reply *r)
{
	speak_of_awaited(s);
	struct transaction *tx = s->tx;
	enum smtp_want next = take_reply(s, r);
	if (s->want == SMTP_OVER)
		return;
	if (tx == s->line[0])
		s->want = next;
	else
		tx->want = next;
	s->tx = s->line[0];
	smtp_wake(s);
}

/* The server has closed behind its leave, or says nothing more. */
static void take_leave(struct smtp *s, bool silent)
{
	s->stays = silent;
	speak_of_awaited(s);
	closed_by_server(s, smtp_verbs[s->queue[s->head].verb].at, &s->leaves[0]);
	forget_leaves(s);
}

/* It goes on: each time that it said so was an answer like any other. */
static void take_leaves_back(struct smtp *s)
{
	s->stays = true;
	for (size_t i = 0; i < s->leave_count && s->want != SMTP_OVER; i++)
		take_by_order(s, &s->leaves[i]);
	s->stays = false;
	forget_leaves(s);
}

/* A reply behind the leave. */
static void take_behind_leave(struct smtp *s, const struct reply *r)
{
	if (r->code != 421)
		take_leaves_back(s);
	if (r->code != 421 && s->want != SMTP_OVER) {
		take_by_order(s, r);
		return;
	}
	show_reply(s, r, VERB_GREETING);
	if (s->want == SMTP_OVER)
		return;
	if (s->leave_count + 1 < s->tail - s->head) {
		put_by(s, r);
		return;
	}
	s->last_word = true;
	take_leave(s, false);
}

static void take_whole(struct smtp *s)
{
	struct reply r = s->reply;
	s->replies++;
	reply_init(&s->reply);
	hide_echo(s, &r);
	if (s->leave_count > 0)
		take_behind_leave(s, &r);
	else
		take_by_order(s, &r);
	reply_release(&r);
}

static size_t count_lines(struct str bytes)
{
	size_t count = 0, end;
	for (; end = str_find(bytes, '\n'), end != STR_NONE; count++)
		bytes = str_from(bytes, end + 1);
	return count;
}

void smtp_feed(struct smtp *s, struct str bytes)
{
	struct fault f = FAULT_INIT;
	size_t used;
	while (bytes.len > 0 && s->want != SMTP_OVER) {
		if (s->want == SMTP_HANDSHAKE) {
			clear_before_tls(s);
			return;
		}
		if (!reply_begun(&s->reply))
			begin_reply(s);
		size_t lines = s->reply.lines;
		if (!reply_feed(&s->reply, bytes, &used, &f)) {
			hide_odd_echo(s, &f);
			speak_of_awaited(s);
			s->odd = true;
			s->rest = count_lines(bytes) - (s->reply.lines - lines);
			smtp_drop(s, &f);
			return;
		}
		bytes = str_from(bytes, used);
		if (s->reply.done) {
			s->rest = 1 + count_lines(bytes);
			take_whole(s);
		}
	}
	doubt_early(s, bytes);
	doubt_last_word(s, bytes);
}

bool smtp_in_reply(const struct smtp *s)
{
	return s->want != SMTP_OVER && reply_begun(&s->reply);
}

/* What was going on, for the text of a fault. */
static const char *awaited(const struct smtp *s)
{
	if (smtp_unanswered(s))
		return smtp_verbs[s->queue[s->head].verb].name;
	return s->want == SMTP_MESSAGE ? "the message" : "";
}

void smtp_eof(struct smtp *s)
{
	const char *what = awaited(s);
	struct fault f = FAULT_INIT;
	if (s->leave_count > 0) {
		take_leave(s, false);
		return;
	}
	if (smtp_phase(s) == PHASE_QUIT) {
		smtp_drop(s, &s->fault);
		return;
	}
	speak_of_awaited(s);
	smtp_heard(s);
	if (what[0] == '\0')
		fault_set(&f, FAULT_RELAY, "the server closed the connection");
	else if (smtp_phase(s) == PHASE_GREETING)
		fault_set(&f, FAULT_RELAY,
		          "the server closed the connection without a greeting");
	else if (s->want == SMTP_MESSAGE)
		fault_set(&f, FAULT_RELAY,
		          "the server closed the connection during the message");
	else
		fault_set(&f, FAULT_RELAY,
		          "the server closed the connection instead of answering %s", what);
	smtp_drop(s, &f);
}

void smtp_failed(struct smtp *s, const struct fault *f)
{
	if (s->leave_count > 0) {
		take_leave(s, s->slow || f->sys == ETIMEDOUT);
		return;
	}
	speak_of_awaited(s);
	smtp_drop(s, smtp_phase(s) == PHASE_QUIT ? &s->fault : f);
}

void smtp_too_slow(struct smtp *s, const struct fault *f)
{
	s->slow = true;
	smtp_failed(s, f);
}

void smtp_secured(struct smtp *s, const struct sasl_binding *binding, size_t leftover)
{
	if (s->want == SMTP_OVER)
		return;
	if (leftover > 0) {
		clear_before_tls(s);
		return;
	}
	s->secured = true;
	if (binding)
		s->binding = *binding;
	/* Nothing that was said in clear counts any more (RFC 3207 section 4.2). */
	s->ehlo = (struct ehlo){0};
	if (s->want == SMTP_HANDSHAKE)
		s->want = smtp_unanswered(s) ? SMTP_READ : smtp_hello(s);
}

void smtp_quit(struct smtp *s)
{
	const struct fault none = FAULT_INIT;
	if (s->want == SMTP_OVER || smtp_phase(s) >= PHASE_LEAVE)
		return;
	/* QUIT only where no reply is half read: its answer would be taken for the rest. */
	enum smtp_want want = smtp_want(s);
	if ((want == SMTP_READY || want == SMTP_SETTLED) && !reply_begun(&s->reply))
		s->want = smtp_leave(s);
	else
		smtp_drop(s, &none);
}

const struct ehlo *smtp_ehlo(const struct smtp *s)
{
	return &s->ehlo;
}

bool smtp_withheld(const struct smtp *s)
{
	return s->withheld;
}

bool smtp_chunking_broken(const struct smtp *s)
{
	return s->chunking_broken;
}

const struct fault *smtp_fault(const struct smtp *s)
{
	return &s->fault;
}

const char *smtp_auth_used(const struct smtp *s)
{
	return s->logged_in ? sasl_name(s->mechanism) : "";
}

size_t smtp_settled(const struct smtp *s)
{
	return s->settled;
}

size_t smtp_replies(const struct smtp *s)
{
	return s->replies;
}
