/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smtp/smtp_command.h"

#include <errno.h>
#include <stdlib.h>

#include "text/codec.h"

#define SHOWN_MAX 512 /* of a line in the trace */
#define WORDS_MAX 120 /* of a reply in a text of ours */

const struct smtp_verb smtp_verbs[VERBS] = {
    [VERB_GREETING] = {"the connection", PHASE_GREETING, AT_GREETING, {220}},
    [VERB_EHLO] = {"EHLO", PHASE_COMMAND, AT_EHLO, {250}},
    [VERB_HELO] = {"HELO", PHASE_COMMAND, AT_EHLO, {250}},
    [VERB_STARTTLS] = {"STARTTLS", PHASE_COMMAND, AT_STARTTLS, {220}},
    [VERB_AUTH] = {"AUTH", PHASE_COMMAND, AT_AUTH, {235, 334}},
    [VERB_CANCEL] = {"AUTH", PHASE_COMMAND, AT_AUTH, {0}},
    [VERB_RSET] = {"RSET", PHASE_COMMAND, AT_IDLE, {250}},
    [VERB_MAIL] = {"MAIL", PHASE_COMMAND, AT_MAIL, {250}},
    [VERB_RCPT] = {"RCPT", PHASE_COMMAND, AT_RCPT, {250, 251, 252}},
    [VERB_DATA] = {"DATA", PHASE_DATA, AT_DATA, {354}},
    [VERB_DOT] = {"the message", PHASE_DOT, AT_DOT, {0}},
    [VERB_BDAT] = {"BDAT", PHASE_DATA, AT_DATA, {250}},
    [VERB_BDAT_LAST] = {"the message", PHASE_DOT, AT_DOT, {0}},
    [VERB_QUIT] = {"QUIT", PHASE_QUIT, AT_QUIT, {0}},
};

struct str smtp_output(const struct smtp *s)
{
	return str_from(buf_str(&s->out), s->out_done);
}

void smtp_show(const struct smtp *s, bool sent, struct str line)
{
	if (!s->setup.trace)
		return;
	char shown[SHOWN_MAX + 1];
	size_t len = codec_printable(shown, sizeof(shown), line);
	s->setup.trace(s->setup.trace_context, sent, str_make(shown, len));
}

bool smtp_unanswered(const struct smtp *s)
{
	return s->head < s->tail;
}

void smtp_expect(struct smtp *s, enum verb verb, size_t rcpt)
{
	if (s->head == s->tail) {
		s->head = s->tail = 0;
		s->flight++;
		s->flight_at = s->written + smtp_output(s).len;
		s->shared = s->refused = false;
	}
	s->shared = s->shared || (s->head < s->tail && s->queue[s->tail - 1].tx != s->tx);
	s->tx->flight = s->flight;
	s->queue = mem_grow(s->queue, &s->queue_cap, s->tail + 1, sizeof(*s->queue));
	s->queue[s->tail++] =
	    (struct command){verb, rcpt, s->written + smtp_output(s).len, s->tx};
	if (verb == VERB_DOT || verb == VERB_BDAT_LAST)
		s->tx->end_at = s->written + smtp_output(s).len;
}

/* Whatever went wrong above, a command is one line. */
static bool is_one_line(struct str line)
{
	for (size_t i = 0; i < line.len; i++)
		if ((unsigned char)line.at[i] < 32 || line.at[i] == 127)
			return false;
	return true;
}

bool smtp_command(struct smtp *s, enum verb verb, size_t rcpt, struct str line,
                  const char *shown)
{
	struct fault f = FAULT_INIT;
	if (!is_one_line(line) || !buf_add_str(&s->out, line) ||
	    !buf_add_str(&s->out, STR("\r\n"))) {
		fault_set(&f, FAULT_DATA, "%s: a control character in an address, or too long",
		          smtp_verbs[verb].name);
		smtp_drop(s, &f);
		return false;
	}
	smtp_show(s, true, shown ? str_of(shown) : line);
	smtp_expect(s, verb, rcpt);
	return true;
}

bool smtp_must_encrypt(const struct smtp *s)
{
	return !s->secured &&
	       (s->setup.security == SECURITY_TLS || s->setup.security == SECURITY_STARTTLS);
}

/* Could the server have the whole message, unanswered? */
static bool is_in_doubt(const struct smtp *s)
{
	/* With BDAT in the same flight as RCPT, the server may have accepted recipients whose
	 * replies have not come. */
	bool taker = s->tx->accepted > 0;
	for (size_t i = s->head; i < s->tail; i++) {
		const struct command *c = &s->queue[i];
		bool last = c->verb == VERB_DOT || c->verb == VERB_BDAT_LAST;
		if (c->tx != s->tx)
			continue;
		taker = taker || c->verb == VERB_RCPT;
		if (last && c->end <= s->written && taker && !s->tx->closed)
			return true;
	}
	return false;
}

unsigned smtp_had(const struct smtp *s)
{
	return (s->tx->accepted > 0 ? HAD_ACCEPTED : 0u) |
	       (s->tx->sent || is_in_doubt(s) ? HAD_SENT : 0u) |
	       (s->carried ? HAD_CARRIED : 0u) | (s->taken ? HAD_TAKEN : 0u) |
	       (s->stays ? HAD_STAYED : 0u) | (smtp_must_encrypt(s) ? NEEDS_TLS : 0u) |
	       (s->setup.login ? NEEDS_LOGIN : 0u);
}

enum cause_phase smtp_where(const struct smtp *s)
{
	if (s->want == SMTP_HANDSHAKE)
		return AT_STARTTLS;
	if (s->want == SMTP_SECRET)
		return AT_AUTH;
	if (smtp_unanswered(s))
		return smtp_verbs[s->queue[s->head].verb].at;
	if (s->tx->giving)
		return AT_MESSAGE;
	return s->tx->sent ? AT_DOT : AT_IDLE;
}

static enum cause cause_of_end(const struct smtp *s, const struct fault *f)
{
	int event = f->kind == FAULT_PROTOCOL ? EVENT_NONSENSE
	            : s->slow                 ? EVENT_SLOW
	            : f->sys == ETIMEDOUT     ? EVENT_SILENT
	                                      : EVENT_CLOSED;
	/* Which recipients it has accepted is not known if the server is out of step: with the
	 * whole message out it may have delivered it to some. */
	bool out = s->tx->end_at > 0 && s->written >= s->tx->end_at;
	unsigned had = smtp_had(s) | (event == EVENT_NONSENSE && out ? HAD_SENT : 0u);
	return cause_of(smtp_where(s), event, "", had);
}

void smtp_forget(struct transaction *tx)
{
	for (size_t i = 0; i < tx->count; i++)
		verdict_release(&tx->answers[i].verdict);
	free(tx->answers);
	tx->answers = NULL;
	tx->count = 0;
}

/* Verdicts of the flight that is under way do not count: the refusals, or all. */
static void take_back(struct smtp *s, struct transaction *tx, bool all)
{
	for (size_t i = 0; i < tx->count; i++) {
		struct answer *a = &tx->answers[i];
		if (a->state != ANSWER_DECIDED || a->flight != s->flight ||
		    (!all && a->verdict.code < 400))
			continue;
		verdict_release(&a->verdict);
		a->state = ANSWER_ACCEPTED;
	}
}

/* Of one whose flight was cut short, or out of step, by whichever of several: the server
 * may have its message, or else it goes again over another connection. */
static enum cause cause_among(const struct smtp *s, const struct transaction *tx)
{
	bool out = tx->end_at > 0 && s->written >= tx->end_at;
	return cause_of(AT_MAIL, EVENT_CLOSED, "", HAD_CARRIED | (out ? HAD_SENT : 0u));
}

/* The end of a message that came first in its flight, behind a 354 that was in its place, was
 * answered by the first reply, unless one is missing or one too many. */
static bool answered_first(const struct smtp *s, const struct transaction *tx,
                           enum fault_kind kind, bool silent)
{
	if (!s->shared || s->head == 0 || s->queue[0].verb != VERB_DOT || s->queue[0].tx != tx)
		return false;
	/* Either as many replies as commands came, or they are at most as many and the last is
	 * no answer to any command (odd). */
	size_t came = s->head + s->rest;
	bool in_number = smtp_unanswered(s) && (s->odd ? came <= s->tail : came == s->tail);
	return kind == FAULT_PROTOCOL ? in_number : !silent;
}

/* The session is over, for the reason in s->fault; what is to be believed of the flight that
 * was under way, and why others have no verdict. */
static void break_line(struct smtp *s, enum fault_kind kind, bool silent)
{
	bool cut = smtp_unanswered(s), behind = false;
	bool closing = s->fault.code == 421 && !s->stays;
	for (size_t i = 0; i < s->line_count; i++) {
		struct transaction *tx = s->line[i];
		bool now = tx->flight == s->flight;
		bool stands = now && answered_first(s, tx, kind, silent);
		/* No reply of a flight that is out of step can be believed. */
		if (kind == FAULT_PROTOCOL && (now || tx == s->tx) && !stands)
			smtp_forget(tx);
		else if (now && !stands && cut && s->shared && s->refused)
			take_back(s, tx, true);
		/* The reply that did not come may be an earlier one: each that came meant the
		 * command before. What was delivered is left so: to send it twice would be worse
		 * than to miss that a server by LMTP took it for another. */
		else if (now && cut && !s->shared && silent)
			take_back(s, tx, false);
		if (tx == s->tx && !s->stays && (closing || !s->shared))
			tx->cause = s->fault.cause;
		else if (closing && behind)
			/* The server closed before it came to this transaction. */
			tx->cause = cause_of(AT_MAIL, 421, "", HAD_CARRIED);
		else
			tx->cause = cause_among(s, tx);
		behind = behind || tx == s->tx;
	}
	if (s->fault.kind != FAULT_NONE)
		s->fault.cause = s->line[0]->cause;
}

enum smtp_want smtp_drop(struct smtp *s, const struct fault *f)
{
	if (s->want == SMTP_OVER)
		return SMTP_OVER;
	if (s->fault.kind == FAULT_NONE && f->kind != FAULT_NONE) {
		s->fault = *f;
		fault_cause(&s->fault, cause_of_end(s, f));
	}
	break_line(s, f->kind, f->sys == ETIMEDOUT);
	s->head = s->tail = 0;
	s->tx->giving = false;
	if (s->wipe_until > s->written)
		buf_wipe(&s->out);
	buf_clear(&s->out);
	s->out_done = 0;
	return s->want = SMTP_OVER;
}

void smtp_doubt(struct smtp *s, const struct fault *f)
{
	s->fault = *f;
	fault_cause(&s->fault, cause_of_end(s, f));
	break_line(s, f->kind, false);
}

enum smtp_want smtp_leave(struct smtp *s)
{
	return smtp_command(s, VERB_QUIT, NO_RCPT, STR("QUIT"), NULL) ? SMTP_READ : SMTP_OVER;
}

void smtp_blame(struct smtp *s, enum cause_phase phase, const struct reply *r)
{
	char words[FAULT_TEXT_MAX];
	reply_printable(r, words, sizeof(words));
	fault_reply(&s->fault, FAULT_RELAY, r->code, r->status, "%s", words);
	fault_cause(&s->fault, cause_of(phase, r->code, r->status, smtp_had(s)));
}

enum smtp_want smtp_nonsense(struct smtp *s, enum verb verb, const struct reply *r)
{
	char words[WORDS_MAX + 1];
	struct fault f = FAULT_INIT;
	s->odd = r->code == 220 || r->code == 221 || (r->code >= 300 && r->code != 354);
	reply_printable(r, words, sizeof(words));
	fault_set(&f, FAULT_PROTOCOL,
	          "the reply to %s makes no sense: %d %s; the server is out of step",
	          smtp_verbs[verb].name, r->code, words);
	return smtp_drop(s, &f);
}

bool smtp_out_of_step(struct smtp *s)
{
	struct fault f = FAULT_INIT;
	if (!reply_begun(&s->reply))
		return false;
	fault_set(&f, FAULT_PROTOCOL, "the server sent a reply that nothing asked for");
	smtp_drop(s, &f);
	return true;
}

void smtp_heard(struct smtp *s)
{
	if (s->want == SMTP_SETTLED && !smtp_unanswered(s))
		smtp_out_of_step(s);
}
