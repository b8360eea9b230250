/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A transaction: MAIL, RCPT, and the message by DATA or BDAT.
 *
 * Commands go out in flights, as many at once as the server allows; without
 * PIPELINING a flight is one command. When a flight is answered, next_flight
 * looks at what is known and sends the next. A recipient's verdict is recorded
 * once, by smtp_decide, and leaves the machine by smtp_commit.
 */
#include "smtp/smtp_command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CHUNK_SIZE  65536 /* where the size is not known */
#define COMMAND_MAX 4096

static enum smtp_want next_flight(struct smtp *s);

static enum smtp_want settle(struct smtp *s)
{
	s->carried = s->carried || s->tx->t->probe == PROBE_NOT;
	s->settled++;
	return SMTP_SETTLED;
}

/* A BDAT without its size has to be cut up, which needs PIPELINING here: the driver gives
 * the message in one go. */
bool smtp_by_bdat(const struct smtp *s, const struct smtp_transaction *t)
{
	return s->ehlo.chunking && !s->setup.lmtp && !s->setup.no_chunking &&
	       !s->chunking_broken && (t->size > 0 || s->ehlo.pipelining);
}

void smtp_set_up(struct smtp *s, struct transaction *tx, const struct smtp_transaction *t)
{
	*tx = (struct transaction){.t = t, .count = t->rcpt_count, .bdat = smtp_by_bdat(s, t)};
	tx->answers = mem_alloc(t->rcpt_count * sizeof(*tx->answers));
	smtp_decide_by_ehlo(s);
}

void smtp_start(struct smtp *s, const struct smtp_transaction *t)
{
	bool settled = s->want == SMTP_SETTLED && !smtp_unanswered(s);
	if ((s->want != SMTP_READY && !settled) || s->line_count > 1 || smtp_out_of_step(s))
		return;
	smtp_forget(s->tx);
	smtp_set_up(s, s->tx, t);
	s->want = smtp_send_flight(s);
}

/* MAIL */

static bool add_mail_parameters(struct smtp *s, struct buf *line)
{
	const struct smtp_transaction *t = s->tx->t;
	const struct envelope *e = t->envelope;
	bool ok = true;
	if (t->eightbit && s->ehlo.eightbitmime)
		ok = buf_add_str(line, STR(" BODY=8BITMIME"));
	if (ok && s->tx->utf8)
		ok = buf_add_str(line, STR(" SMTPUTF8"));
	if (s->tx->bare)
		return ok;
	size_t before = line->len;
	/* Not needed, but the caller asks for it. */
	if (ok && !t->eightbit && e->body == BODY_8BITMIME && s->ehlo.eightbitmime)
		ok = buf_add_str(line, STR(" BODY=8BITMIME"));
	if (ok && !s->tx->utf8 && e->smtputf8 && s->ehlo.smtputf8)
		ok = buf_add_str(line, STR(" SMTPUTF8"));
	if (ok && s->ehlo.size && t->size > 0)
		ok = buf_addf(line, " SIZE=%" PRIu64, t->size);
	if (ok && s->ehlo.dsn && e->ret != RET_UNSET)
		ok =
		    buf_add_str(line, e->ret == RET_FULL ? STR(" RET=FULL") : STR(" RET=HDRS"));
	if (ok && s->ehlo.dsn && e->envid)
		ok = buf_add_str(line, STR(" ENVID=")) && buf_add_str(line, str_of(e->envid));
	s->tx->parameters = line->len > before;
	return ok;
}

/* Sends the command, or drops the session if it is too long for one. */
static bool send_line(struct smtp *s, enum verb verb, size_t rcpt, struct buf *line, bool fits)
{
	bool ok = smtp_command(s, verb, rcpt, fits ? buf_str(line) : STR("\n"), NULL);
	buf_release(line);
	return ok;
}

static bool send_mail(struct smtp *s)
{
	s->tx->mail_sent = true;
	struct buf line;
	buf_init(&line, COMMAND_MAX);
	bool fits = buf_add_str(&line, STR("MAIL FROM:<")) &&
	            buf_add_str(&line, str_of(s->tx->t->envelope->sender)) &&
	            buf_add_char(&line, '>') && add_mail_parameters(s, &line);
	return send_line(s, VERB_MAIL, NO_RCPT, &line, fits);
}

/* The next way to go when a flight may still be partly unanswered. */
static enum smtp_want go_on(struct smtp *s)
{
	if (s->tx->giving)
		return SMTP_MESSAGE;
	/* The queue has its commands in a row, with those of later transactions behind: some of
	 * its own are unanswered if the first or the last of all is. */
	bool waits = smtp_unanswered(s) &&
	             (s->queue[s->head].tx == s->tx || s->queue[s->tail - 1].tx == s->tx);
	return waits ? SMTP_READ : next_flight(s);
}

enum smtp_want smtp_on_rset(struct smtp *s, const struct command *c, const struct reply *r)
{
	struct fault f = FAULT_INIT;
	(void)c;
	if (r->code == 250)
		return go_on(s);
	fault_reply(&f, FAULT_PROTOCOL, r->code, r->status, "RSET refused: %d", r->code);
	return smtp_drop(s, &f);
}

enum smtp_want smtp_on_mail(struct smtp *s, const struct command *c, const struct reply *r)
{
	(void)c;
	if (r->code == 250) {
		s->dirty = true;
		return go_on(s);
	}
	s->tx->mail_refused = true;
	if (r->code == 555 && s->tx->parameters && !s->tx->bare) {
		s->tx->bare = true;
		s->tx->again = true;
		s->tx->closed = true;
	} else {
		smtp_decide_rest(s, AT_MAIL, r);
	}
	return go_on(s);
}

/* RCPT */

static bool send_rcpt(struct smtp *s, size_t i)
{
	const struct rcpt *rcpt = s->tx->t->rcpts[i];
	struct buf line;
	buf_init(&line, COMMAND_MAX);
	bool fits = buf_add_str(&line, STR("RCPT TO:<")) &&
	            buf_add_str(&line, str_of(rcpt->address)) && buf_add_char(&line, '>');
	if (fits && s->ehlo.dsn && !s->tx->bare && rcpt->notify != 0) {
		char notify[32];
		envelope_format_notify(rcpt->notify, notify);
		fits = buf_addf(&line, " NOTIFY=%s", notify);
	}
	if (fits && s->ehlo.dsn && !s->tx->bare && rcpt->orcpt)
		fits = buf_add_str(&line, STR(" ORCPT=")) &&
		       buf_add_str(&line, str_of(rcpt->orcpt));
	return send_line(s, VERB_RCPT, i, &line, fits);
}

enum smtp_want smtp_on_rcpt(struct smtp *s, const struct command *c, const struct reply *r)
{
	/* Without a transaction there is nobody to accept: one of the two replies was
	 * the answer to something else. */
	if (s->tx->mail_refused && r->code < 400)
		return smtp_nonsense(s, c->verb, r);
	if (s->tx->closed)
		return go_on(s);
	if (r->code < 400) {
		s->tx->answers[c->rcpt].state = ANSWER_ACCEPTED;
		s->tx->accepted++;
	} else {
		smtp_decide(s, c->rcpt, cause_of(AT_RCPT, r->code, r->status, smtp_had(s)), r);
	}
	return go_on(s);
}

/* The message */

/* Has any recipient been accepted? */
static bool wanted(const struct smtp *s)
{
	return s->tx->accepted > 0 && !s->tx->closed;
}

static void start_giving(struct smtp *s)
{
	s->tx->giving = true;
	s->tx->given = 0;
	s->tx->begin_at = s->written + smtp_output(s).len;
	wire_init(&s->wire);
	buf_clear(&s->chunk);
}

static void show_bytes(const struct smtp *s, uint64_t count)
{
	char text[48];
	int n = snprintf(text, sizeof(text), "(%" PRIu64 " bytes of message)", count);
	smtp_show(s, true, str_make(text, n > 0 ? (size_t)n : 0));
}

static bool send_bdat_line(struct smtp *s, uint64_t size, bool last)
{
	size_t before = s->out.len;
	struct fault f = FAULT_INIT;
	if (!wire_bdat(&s->out, size, last, &f)) {
		smtp_drop(s, &f);
		return false;
	}
	smtp_show(s, true, str_trim(str_from(buf_str(&s->out), before)));
	return true;
}

static enum smtp_want send_content(struct smtp *s)
{
	if (!s->tx->bdat)
		return smtp_command(s, VERB_DATA, NO_RCPT, STR("DATA"), NULL) ? SMTP_READ
		                                                              : SMTP_OVER;
	if (s->tx->t->size > 0 && !send_bdat_line(s, s->tx->t->size, true))
		return SMTP_OVER;
	start_giving(s);
	return SMTP_MESSAGE;
}

enum smtp_want smtp_on_data(struct smtp *s, const struct command *c, const struct reply *r)
{
	(void)c;
	if (r->code == 354 && wanted(s)) {
		start_giving(s);
		return SMTP_MESSAGE;
	}
	if (r->code == 354) {
		/* A message for nobody: a lone dot ends it (RFC 2920 section 3.1). */
		s->tx->closed = true;
		return smtp_command(s, VERB_DOT, NO_RCPT, STR("."), NULL) ? SMTP_READ
		                                                          : SMTP_OVER;
	}
	if (wanted(s))
		smtp_decide_rest(s, AT_DATA, r);
	s->tx->closed = true;
	return go_on(s);
}

enum smtp_want smtp_on_dot(struct smtp *s, const struct command *c, const struct reply *r)
{
	enum cause cause =
	    r->code < 400 ? CAUSE_NONE : cause_of(AT_DOT, r->code, r->status, smtp_had(s));

	s->dirty = false;
	s->tx->sent = s->tx->sent || wanted(s);
	if (c->rcpt != NO_RCPT)
		smtp_decide(s, c->rcpt, cause, r);
	else if (wanted(s))
		smtp_decide_rest(s, AT_DOT, r);
	if (!smtp_unanswered(s))
		s->tx->closed = true;
	return go_on(s);
}

/* Does a server that offers CHUNKING say that it cannot do it? A status that is not
 * about the protocol (RFC 3463 section 3.6) is about the message. */
static bool bdat_is_broken(const struct reply *r)
{
	int code = r->code;
	bool may_be = code == 500 || code == 502 || code == 503 || code == 504 || code == 554;
	return may_be && (r->status[0] == '\0' || strncmp(r->status, "5.5.", 4) == 0);
}

/* Replies of LMTP come in the order of those who were accepted (RFC 2033 section 4.2): of
 * several it is the first's, and the others ask again over a fresh connection. */
static void decide_first(struct smtp *s, const struct reply *r)
{
	size_t first = 0;
	while (s->tx->answers[first].state != ANSWER_ACCEPTED)
		first++;
	smtp_decide(s, first, cause_of(AT_MESSAGE, r->code, r->status, smtp_had(s)), r);
	s->tx->closed = true;
	fault_set(&s->fault, FAULT_RELAY, "the server answered for another recipient only");
	fault_cause(&s->fault, CAUSE_USED_UP);
}

bool smtp_early_verdict(struct smtp *s, const struct reply *r)
{
	/* Before its first byte is out nothing can be said of it. */
	if (!s->tx->giving || r->code < 400 || !wanted(s) || s->written <= s->tx->begin_at)
		return false;
	/* A server that cannot do BDAT may say so before it has the whole chunk. */
	if (s->tx->bdat && bdat_is_broken(r)) {
		s->chunking_broken = true;
		return false;
	}
	if (s->setup.lmtp && s->tx->accepted > 1)
		decide_first(s, r);
	else
		smtp_decide_rest(s, AT_MESSAGE, r);
	s->tx->early = true;
	return true;
}

enum smtp_want smtp_on_bdat(struct smtp *s, const struct command *c, const struct reply *r)
{
	bool last = c->verb == VERB_BDAT_LAST;
	bool taken = last && r->code < 400;
	/* Without recipients, or behind a part that was refused, there is no message to take
	 * (RFC 3030 section 2). The server may have it all the same, so it is not asked again. */
	if (taken && (s->tx->accepted == 0 || s->tx->part_refused)) {
		s->chunking_broken = false;
		return smtp_nonsense(s, c->verb, r);
	}
	s->tx->part_refused = s->tx->part_refused || r->code >= 400;
	if (taken) {
		s->dirty = false;
		s->bdat_works = true;
	}
	if (wanted(s)) {
		s->tx->sent = last;
		if (bdat_is_broken(r)) {
			s->tx->sent = false;
			/* With several transactions in the flight BDAT counts as broken only
			 * when this one begins again: the others end in the way they began. */
			s->tx->by_data = s->shared;
			s->chunking_broken = s->chunking_broken || !s->shared;
			s->tx->again = true;
			s->tx->closed = true;
		} else if (last || r->code >= 400) {
			smtp_decide_rest(s, last ? AT_DOT : AT_DATA, r);
		}
	}
	s->tx->closed = s->tx->closed || last;
	return go_on(s);
}

static void give_chunk(struct smtp *s, bool last)
{
	struct fault f = FAULT_INIT;
	if (!send_bdat_line(s, s->chunk.len, last))
		return;
	if (!buf_add_str(&s->out, buf_str(&s->chunk))) {
		fault_set(&f, FAULT_DATA, "more than %zu bytes wait to be written", s->out.max);
		smtp_drop(s, &f);
		return;
	}
	smtp_expect(s, last ? VERB_BDAT_LAST : VERB_BDAT, NO_RCPT);
	buf_clear(&s->chunk);
}

static void give_chunks(struct smtp *s, struct str bytes)
{
	while (bytes.len > 0 && s->want == SMTP_MESSAGE) {
		struct str some = str_first(bytes, CHUNK_SIZE - s->chunk.len);
		if (!buf_add_str(&s->chunk, some))
			return;
		bytes = str_from(bytes, some.len);
		if (s->chunk.len == CHUNK_SIZE)
			give_chunk(s, false);
	}
}

static bool give(struct smtp *s, struct str bytes, struct fault *f)
{
	if (!s->tx->bdat)
		return wire_data(&s->wire, bytes, &s->out, f);
	if (s->tx->t->size == 0) {
		/* What was refused half-way is read to its end, and not sent. */
		if (!s->tx->closed)
			give_chunks(s, bytes);
		return true;
	}
	if (s->tx->given > s->tx->t->size)
		return fault_set(f, FAULT_DATA, "the message is longer than it was said to be");
	if (!buf_add_str(&s->out, bytes))
		return fault_set(f, FAULT_DATA, "more than %zu bytes wait to be written",
		                 s->out.max);
	/* The last byte is the end of the command: the server may answer it before
	 * we are told that there is no more. */
	if (s->tx->given == s->tx->t->size && bytes.len > 0)
		smtp_expect(s, VERB_BDAT_LAST, NO_RCPT);
	return true;
}

void smtp_message(struct smtp *s, struct str bytes)
{
	struct fault f = FAULT_INIT;
	if (s->want != SMTP_MESSAGE)
		return;
	s->tx->given += bytes.len;
	if (!give(s, bytes, &f))
		smtp_drop(s, &f);
}

static void end_data(struct smtp *s)
{
	struct fault f = FAULT_INIT;
	if (!wire_end(&s->wire, &s->out, &f)) {
		smtp_drop(s, &f);
		return;
	}
	if (!s->setup.lmtp) {
		smtp_expect(s, VERB_DOT, NO_RCPT);
		return;
	}
	/* LMTP answers once for each recipient it accepted (RFC 2033 section 4.2). */
	for (size_t i = 0; i < s->tx->t->rcpt_count; i++)
		if (s->tx->answers[i].state == ANSWER_ACCEPTED)
			smtp_expect(s, VERB_DOT, i);
}

static void end_bdat(struct smtp *s)
{
	struct fault f = FAULT_INIT;
	if (s->tx->t->size == 0) {
		if (!s->tx->closed)
			give_chunk(s, true);
	} else if (s->tx->given < s->tx->t->size) {
		fault_set(&f, FAULT_DATA, "the message is shorter than it was said to be");
		smtp_drop(s, &f);
	}
}

void smtp_message_end(struct smtp *s)
{
	if (s->want != SMTP_MESSAGE)
		return;
	/* Never end a message for a server that has already answered it. */
	if (s->unasked && smtp_out_of_step(s))
		return;
	show_bytes(s, s->tx->given);
	if (s->tx->bdat)
		end_bdat(s);
	else
		end_data(s);
	s->tx->giving = false;
	if (s->want != SMTP_OVER)
		s->want = go_on(s);
}

enum smtp_want smtp_give_whole(struct smtp *s, struct str message)
{
	struct fault f = FAULT_INIT;
	s->tx->given = message.len;
	if (!give(s, message, &f))
		return smtp_drop(s, &f);
	show_bytes(s, s->tx->given);
	end_bdat(s);
	s->tx->giving = false;
	return SMTP_READ;
}

/* Flights */

static void begin_again(struct smtp *s)
{
	for (size_t i = 0; i < s->tx->t->rcpt_count; i++)
		if (s->tx->answers[i].state == ANSWER_ACCEPTED)
			s->tx->answers[i].state = ANSWER_NONE;
	s->chunking_broken = s->chunking_broken || s->tx->by_data;
	/* Not sooner: a message that is half given by BDAT has to end by BDAT. */
	s->tx->bdat = s->tx->bdat && !s->chunking_broken;
	s->tx->again = s->tx->closed = s->tx->mail_sent = s->tx->mail_refused = false;
	s->tx->part_refused = false;
	s->tx->next = 0;
	s->tx->accepted = 0;
}

static size_t next_rcpt(struct smtp *s)
{
	while (s->tx->next < s->tx->t->rcpt_count &&
	       s->tx->answers[s->tx->next].state != ANSWER_NONE)
		s->tx->next++;
	return s->tx->next;
}

/* May DATA or BDAT go before the replies to RCPT are here? */
static bool content_may_follow(const struct smtp *s)
{
	/* LMTP has no lone dot: it would have no recipient to answer for. */
	if (s->setup.lmtp)
		return false;
	return !s->tx->bdat || (s->tx->t->size > 0 && s->tx->t->size <= BDAT_AT_ONCE);
}

/* RSET, MAIL and RCPTs, at most *room commands; false: the session is over. */
static bool send_envelope(struct smtp *s, size_t *room)
{
	if (*room > 0 && s->dirty && !s->tx->mail_sent) {
		s->dirty = false;
		if (!smtp_command(s, VERB_RSET, NO_RCPT, STR("RSET"), NULL))
			return false;
		--*room;
	}
	if (*room > 0 && !s->tx->mail_sent) {
		if (!send_mail(s))
			return false;
		--*room;
	}
	while (*room > 0 && next_rcpt(s) < s->tx->t->rcpt_count) {
		if (!send_rcpt(s, s->tx->next++))
			return false;
		--*room;
	}
	return true;
}

static bool nobody_left(struct smtp *s)
{
	size_t next = s->tx->next;
	if (s->tx->accepted > 0)
		return false;
	while (next < s->tx->t->rcpt_count && s->tx->answers[next].state != ANSWER_NONE)
		next++;
	return next == s->tx->t->rcpt_count;
}

/* Of a probe, with all that was sent answered: is it at its end? */
static bool is_probed(const struct smtp *s)
{
	const struct transaction *tx = s->tx;
	return tx->t->probe != PROBE_NOT && tx->mail_sent &&
	       (tx->t->probe == PROBE_MAIL || tx->closed || tx->next == tx->t->rcpt_count);
}

/* Nothing of it is to be left at the server. */
static enum smtp_want end_probe(struct smtp *s)
{
	bool open = s->dirty;
	s->dirty = false;
	if (!open)
		return settle(s);
	return smtp_command(s, VERB_RSET, NO_RCPT, STR("RSET"), NULL) ? SMTP_READ : SMTP_OVER;
}

enum smtp_want smtp_send_flight(struct smtp *s)
{
	bool probe = s->tx->t->probe != PROBE_NOT;
	size_t room = s->ehlo.pipelining && !probe ? FLIGHT_MAX : 1;
	if (s->tx->closed || nobody_left(s))
		return settle(s);
	if (!send_envelope(s, &room))
		return SMTP_OVER;
	if (room == 0 || next_rcpt(s) < s->tx->t->rcpt_count)
		return SMTP_READ;
	if (smtp_unanswered(s) && !content_may_follow(s))
		return SMTP_READ;
	return send_content(s);
}

/* All of its own is answered: what comes now? Another flight is the first's alone, and only
 * when nothing of another is under way. */
static enum smtp_want next_flight(struct smtp *s)
{
	bool turn = s->tx == s->line[0] && !smtp_unanswered(s);
	if (s->tx->again && !turn)
		return SMTP_READ;
	if (s->tx->again)
		begin_again(s);
	if (is_probed(s))
		return end_probe(s);
	if (s->tx->closed || nobody_left(s))
		return settle(s);
	return turn ? smtp_send_flight(s) : SMTP_READ;
}

void smtp_wake(struct smtp *s)
{
	if (s->want == SMTP_READ && s->line[0]->t && !smtp_unanswered(s))
		s->want = next_flight(s);
}
