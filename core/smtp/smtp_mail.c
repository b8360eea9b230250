/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A transaction: MAIL, RCPT, and the message by DATA or BDAT.
 *
 * Commands go out in flights, as many at once as the server allows; without
 * PIPELINING a flight is one command. When a flight is answered, next_flight
 * looks at what is known and sends the next. A recipient's verdict is recorded
 * once, by decide.
 */
#include "smtp/smtp_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"

/* Commands a flight: both sides may write without the other reading, so what
 * is on the way must fit in the sockets' buffers (RFC 2920 section 3.1). */
#define FLIGHT_MAX   128
#define BDAT_AT_ONCE 65536 /* a message up to that size goes with the envelope */
#define CHUNK_SIZE   65536 /* where the size is not known */
#define COMMAND_MAX  4096
#define REASON_MAX   1024

static enum smtp_want next_flight(struct smtp *s);

static void decide(struct smtp *s, size_t i, enum rcpt_state state, const struct reply *r)
{
	char reason[REASON_MAX];
	struct str text = str_first(buf_str(&r->text), sizeof(reason));

	if (s->tx.fates[i] == FATE_DECIDED)
		return;
	for (size_t k = 0; k < text.len; k++)
		reason[k] = text.at[k] == '\n' ? ' ' : text.at[k];
	rcpt_set(s->tx.t->rcpts[i], state, r->code, r->status, str_make(reason, text.len));
	s->tx.fates[i] = FATE_DECIDED;
}

/* The same verdict for all that have none, and no other will come. */
static void decide_rest(struct smtp *s, enum rcpt_state state, const struct reply *r)
{
	for (size_t i = 0; i < s->tx.t->rcpt_count; i++)
		decide(s, i, state, r);
	s->tx.closed = true;
}

static void decide_here(struct smtp *s, size_t i, int code, const char *status,
                        struct str reason)
{
	rcpt_set(s->tx.t->rcpts[i], RCPT_FAILED, code, status, reason);
	s->tx.fates[i] = FATE_DECIDED;
}

static bool is_ascii(const char *address)
{
	return address[0] == '\0' || codec_is_ascii(str_of(address));
}

/* Recipients whom this server cannot serve. */
static void decide_by_ehlo(struct smtp *s)
{
	const struct smtp_transaction *t = s->tx.t;
	bool too_big = s->ehlo.size_max > 0 && t->size > s->ehlo.size_max;
	bool utf8 = t->smtputf8 || !is_ascii(t->envelope->sender);
	char reason[128];

	if (too_big) {
		int n = snprintf(reason, sizeof(reason),
		                 "the message has %" PRIu64 " bytes, the server takes %" PRIu64,
		                 t->size, s->ehlo.size_max);

		for (size_t i = 0; i < t->rcpt_count; i++)
			decide_here(s, i, 552, "5.3.4",
			            str_make(reason, n > 0 ? (size_t)n : 0));
	}
	for (size_t i = 0; i < t->rcpt_count; i++) {
		bool needed = utf8 || !is_ascii(t->rcpts[i]->address);

		if (s->tx.fates[i] == FATE_DECIDED)
			continue;
		if (needed && !s->ehlo.smtputf8)
			decide_here(
			    s, i, 550, "5.6.7",
			    STR("the server does not take SMTPUTF8, which this address or "
			        "message needs"));
		else if (needed)
			s->tx.utf8 = true;
	}
}

static enum smtp_want settle(struct smtp *s)
{
	free(s->tx.fates);
	s->tx = (struct transaction){0};
	return s->fault.class != FAULT_NONE ? smtp_leave(s) : SMTP_SETTLED;
}

void smtp_start(struct smtp *s, const struct smtp_transaction *t)
{
	if ((s->want != SMTP_READY && s->want != SMTP_SETTLED) || smtp_out_of_step(s))
		return;
	s->tx = (struct transaction){.t = t};
	s->tx.fates = mem_alloc(t->rcpt_count * sizeof(*s->tx.fates));
	/* A BDAT without its size has to be cut up, which needs PIPELINING here:
	 * the driver gives the message in one go. */
	s->tx.bdat = s->ehlo.chunking && !s->setup.lmtp && !s->setup.no_chunking &&
	             !s->chunking_broken && (t->size > 0 || s->ehlo.pipelining);
	decide_by_ehlo(s);
	s->want = next_flight(s);
}

/* MAIL */

static bool add_mail_parameters(struct smtp *s, struct buf *line)
{
	const struct smtp_transaction *t = s->tx.t;
	const struct envelope *e = t->envelope;
	size_t before;
	bool ok = true;

	if (t->eightbit && s->ehlo.eightbitmime)
		ok = buf_add_str(line, STR(" BODY=8BITMIME"));
	if (ok && s->tx.utf8)
		ok = buf_add_str(line, STR(" SMTPUTF8"));
	if (s->tx.bare)
		return ok;
	before = line->len;
	if (ok && s->ehlo.size && t->size > 0)
		ok = buf_addf(line, " SIZE=%" PRIu64, t->size);
	if (ok && s->ehlo.dsn && e->ret != RET_UNSET)
		ok =
		    buf_add_str(line, e->ret == RET_FULL ? STR(" RET=FULL") : STR(" RET=HDRS"));
	if (ok && s->ehlo.dsn && e->envid != NULL)
		ok = buf_add_str(line, STR(" ENVID=")) && buf_add_str(line, str_of(e->envid));
	s->tx.parameters = line->len > before;
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
	struct buf line;
	bool fits;

	s->tx.mail_sent = true;
	buf_init(&line, COMMAND_MAX);
	fits = buf_add_str(&line, STR("MAIL FROM:<")) &&
	       buf_add_str(&line, str_of(s->tx.t->envelope->sender)) &&
	       buf_add_char(&line, '>') && add_mail_parameters(s, &line);
	return send_line(s, VERB_MAIL, NO_RCPT, &line, fits);
}

static bool contains(struct str text, struct str words)
{
	for (size_t i = 0; i + words.len <= text.len; i++) {
		if (str_casestarts(str_from(text, i), words))
			return true;
	}
	return false;
}

/* Refused because we are not logged in, or not as whom it takes? That is
 * about us: the message must not fail for it. */
static bool is_about_login(const struct reply *r)
{
	static const int codes[] = {530, 534, 535, 538};
	static const char *const statuses[] = {"5.7.8", "5.7.9", "5.7.11", "5.7.57", "5.7.60"};
	static const char *const phrases[] = {"authentication required",
	                                      "authentication is required",
	                                      "requires authentication",
	                                      "not authenticated",
	                                      "must authenticate",
	                                      "authenticate first",
	                                      "auth required"};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (r->code == codes[i])
			return true;
	}
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		if (strcmp(r->status, statuses[i]) == 0)
			return true;
	}
	for (size_t i = 0; r->code >= 500 && i < sizeof(phrases) / sizeof(phrases[0]); i++) {
		if (contains(buf_str(&r->text), str_of(phrases[i])))
			return true;
	}
	return false;
}

/* The next way to go when a flight may still be partly unanswered. */
static enum smtp_want go_on(struct smtp *s)
{
	if (s->tx.giving)
		return SMTP_MESSAGE;
	return smtp_unanswered(s) ? SMTP_READ : next_flight(s);
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
	if (is_about_login(r)) {
		smtp_blame(s, r, "MAIL refused", "check user and auth");
		s->tx.closed = true;
	} else if (r->code == 503) {
		smtp_blame(s, r, "MAIL refused as out of sequence", "");
		s->tx.closed = true;
	} else if (r->code == 555 && s->tx.parameters && !s->tx.bare) {
		s->tx.bare = true;
		s->tx.again = true;
		s->tx.closed = true;
	} else {
		decide_rest(s, r->code < 500 ? RCPT_WAITING : RCPT_FAILED, r);
	}
	return go_on(s);
}

/* RCPT */

static bool send_rcpt(struct smtp *s, size_t i)
{
	const struct rcpt *rcpt = s->tx.t->rcpts[i];
	struct buf line;
	bool fits;

	s->tx.rcpt_sent = true;
	buf_init(&line, COMMAND_MAX);
	fits = buf_add_str(&line, STR("RCPT TO:<")) &&
	       buf_add_str(&line, str_of(rcpt->address)) && buf_add_char(&line, '>');
	if (fits && s->ehlo.dsn && !s->tx.bare && rcpt->notify != 0) {
		char notify[32];

		envelope_format_notify(rcpt->notify, notify);
		fits = buf_addf(&line, " NOTIFY=%s", notify);
	}
	if (fits && s->ehlo.dsn && !s->tx.bare && rcpt->orcpt != NULL)
		fits = buf_add_str(&line, STR(" ORCPT=")) &&
		       buf_add_str(&line, str_of(rcpt->orcpt));
	return send_line(s, VERB_RCPT, i, &line, fits);
}

/* Refused for now although it is a 5xx? */
static bool may_work_later(const struct smtp *s, const struct reply *r)
{
	/* Old servers say "too many recipients" so (RFC 5321 section 4.5.3.1.10). */
	if (r->code == 552 && s->tx.accepted > 0 &&
	    (r->status[0] == '\0' || strcmp(r->status, "5.5.3") == 0))
		return true;
	return r->code == 503 || is_about_login(r);
}

enum smtp_want smtp_on_rcpt(struct smtp *s, const struct command *c, const struct reply *r)
{
	if (s->tx.closed)
		return go_on(s);
	if (r->code < 400) {
		s->tx.fates[c->rcpt] = FATE_ACCEPTED;
		s->tx.accepted++;
	} else if (r->code < 500 || may_work_later(s, r)) {
		decide(s, c->rcpt, RCPT_WAITING, r);
	} else {
		decide(s, c->rcpt, RCPT_FAILED, r);
	}
	return go_on(s);
}

/* The message */

/* Is somebody to get it? */
static bool wanted(const struct smtp *s)
{
	return s->tx.accepted > 0 && !s->tx.closed;
}

static void start_giving(struct smtp *s)
{
	s->tx.giving = true;
	s->tx.given = 0;
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
		(void)smtp_drop(s, &f);
		return false;
	}
	smtp_show(s, true, str_trim(str_from(buf_str(&s->out), before)));
	return true;
}

static enum smtp_want send_content(struct smtp *s)
{
	if (!s->tx.bdat)
		return smtp_command(s, VERB_DATA, NO_RCPT, STR("DATA"), NULL) ? SMTP_READ
		                                                              : SMTP_OVER;
	if (s->tx.t->size > 0 && !send_bdat_line(s, s->tx.t->size, true))
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
		s->tx.closed = true;
		return smtp_command(s, VERB_DOT, NO_RCPT, STR("."), NULL) ? SMTP_READ
		                                                          : SMTP_OVER;
	}
	if (wanted(s)) {
		bool ours =
		    r->code == 500 || r->code == 502 || r->code == 503 || is_about_login(r);

		decide_rest(s, r->code < 500 || ours ? RCPT_WAITING : RCPT_FAILED, r);
	}
	s->tx.closed = true;
	return go_on(s);
}

/* 500 to 504 say that the command was not understood or out of place, which is
 * nothing about the message. */
static enum rcpt_state verdict(int code)
{
	return code < 400 ? RCPT_DELIVERED : code < 505 ? RCPT_WAITING : RCPT_FAILED;
}

enum smtp_want smtp_on_dot(struct smtp *s, const struct command *c, const struct reply *r)
{
	s->dirty = false;
	if (c->rcpt != NO_RCPT)
		decide(s, c->rcpt, verdict(r->code), r);
	else if (wanted(s))
		decide_rest(s, verdict(r->code), r);
	if (!smtp_unanswered(s))
		s->tx.closed = true;
	return go_on(s);
}

/* Codes of servers that offer CHUNKING and cannot do it. */
static bool bdat_is_broken(int code)
{
	return code == 500 || code == 502 || code == 503 || code == 504 || code == 554;
}

enum smtp_want smtp_on_bdat(struct smtp *s, const struct command *c, const struct reply *r)
{
	bool last = c->verb == VERB_BDAT_LAST;

	if (last && r->code < 400)
		s->dirty = false;
	if (wanted(s)) {
		if (r->code >= 500 && bdat_is_broken(r->code)) {
			s->chunking_broken = true;
			s->tx.again = true;
			s->tx.closed = true;
		} else if (last || r->code >= 400) {
			decide_rest(s, verdict(r->code), r);
		}
	}
	s->tx.closed = s->tx.closed || last;
	return go_on(s);
}

static void give_chunk(struct smtp *s, bool last)
{
	struct fault f = FAULT_INIT;

	if (!send_bdat_line(s, s->chunk.len, last))
		return;
	if (!buf_add_str(&s->out, buf_str(&s->chunk))) {
		fault_set(&f, FAULT_DATA, "more than %zu bytes wait to be written", s->out.max);
		(void)smtp_drop(s, &f);
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
	if (!s->tx.bdat)
		return wire_data(&s->wire, bytes, &s->out, f);
	if (s->tx.t->size == 0) {
		/* What was refused half-way is read to its end, and not sent. */
		if (!s->tx.closed)
			give_chunks(s, bytes);
		return true;
	}
	if (s->tx.given > s->tx.t->size)
		return fault_set(f, FAULT_DATA, "the message is longer than it was said to be");
	if (!buf_add_str(&s->out, bytes))
		return fault_set(f, FAULT_DATA, "more than %zu bytes wait to be written",
		                 s->out.max);
	/* The last byte is the end of the command: the server may answer it before
	 * we are told that there is no more. */
	if (s->tx.given == s->tx.t->size && bytes.len > 0)
		smtp_expect(s, VERB_BDAT_LAST, NO_RCPT);
	return true;
}

void smtp_message(struct smtp *s, struct str bytes)
{
	struct fault f = FAULT_INIT;

	if (s->want != SMTP_MESSAGE)
		return;
	s->tx.given += bytes.len;
	if (!give(s, bytes, &f))
		(void)smtp_drop(s, &f);
}

static void end_data(struct smtp *s)
{
	struct fault f = FAULT_INIT;

	if (!wire_end(&s->wire, &s->out, &f)) {
		(void)smtp_drop(s, &f);
		return;
	}
	if (!s->setup.lmtp) {
		smtp_expect(s, VERB_DOT, NO_RCPT);
		return;
	}
	/* LMTP answers once for each recipient it accepted (RFC 2033 section 4.2). */
	for (size_t i = 0; i < s->tx.t->rcpt_count; i++) {
		if (s->tx.fates[i] == FATE_ACCEPTED)
			smtp_expect(s, VERB_DOT, i);
	}
}

static void end_bdat(struct smtp *s)
{
	struct fault f = FAULT_INIT;

	if (s->tx.t->size == 0) {
		if (!s->tx.closed)
			give_chunk(s, true);
	} else if (s->tx.given < s->tx.t->size) {
		fault_set(&f, FAULT_DATA, "the message is shorter than it was said to be");
		(void)smtp_drop(s, &f);
	}
}

void smtp_message_end(struct smtp *s)
{
	if (s->want != SMTP_MESSAGE)
		return;
	/* Never end a message for a server that has already answered it. */
	if (s->unasked && smtp_out_of_step(s))
		return;
	show_bytes(s, s->tx.given);
	if (s->tx.bdat)
		end_bdat(s);
	else
		end_data(s);
	s->tx.giving = false;
	if (s->want != SMTP_OVER)
		s->want = go_on(s);
}

/* Flights */

static void begin_again(struct smtp *s)
{
	for (size_t i = 0; i < s->tx.t->rcpt_count; i++) {
		if (s->tx.fates[i] == FATE_ACCEPTED)
			s->tx.fates[i] = FATE_TODO;
	}
	/* Not before: what is being given must end in the way it began. */
	s->tx.bdat = s->tx.bdat && !s->chunking_broken;
	s->tx.again = s->tx.closed = s->tx.mail_sent = s->tx.rcpt_sent = false;
	s->tx.next = 0;
	s->tx.accepted = 0;
}

static size_t next_rcpt(struct smtp *s)
{
	while (s->tx.next < s->tx.t->rcpt_count && s->tx.fates[s->tx.next] != FATE_TODO)
		s->tx.next++;
	return s->tx.next;
}

/* May DATA or BDAT go before the replies to RCPT are here? */
static bool content_may_follow(const struct smtp *s)
{
	/* LMTP has no lone dot: it would have no recipient to answer for. */
	if (s->setup.lmtp)
		return false;
	return !s->tx.bdat || (s->tx.t->size > 0 && s->tx.t->size <= BDAT_AT_ONCE);
}

/* RSET, MAIL and RCPTs, at most *room commands; false: the session is over. */
static bool send_envelope(struct smtp *s, size_t *room)
{
	if (*room > 0 && s->dirty && !s->tx.mail_sent) {
		s->dirty = false;
		if (!smtp_command(s, VERB_RSET, NO_RCPT, STR("RSET"), NULL))
			return false;
		--*room;
	}
	if (*room > 0 && !s->tx.mail_sent) {
		if (!send_mail(s))
			return false;
		--*room;
	}
	while (*room > 0 && next_rcpt(s) < s->tx.t->rcpt_count) {
		if (!send_rcpt(s, s->tx.next++))
			return false;
		--*room;
	}
	return true;
}

static bool nobody_left(struct smtp *s)
{
	size_t next = s->tx.next;

	if (s->tx.accepted > 0)
		return false;
	while (next < s->tx.t->rcpt_count && s->tx.fates[next] != FATE_TODO)
		next++;
	return next == s->tx.t->rcpt_count;
}

/* All is answered: what comes now? */
static enum smtp_want next_flight(struct smtp *s)
{
	size_t room = s->ehlo.pipelining ? FLIGHT_MAX : 1;

	if (s->tx.again)
		begin_again(s);
	if (s->tx.closed || nobody_left(s))
		return settle(s);
	if (!send_envelope(s, &room))
		return SMTP_OVER;
	if (room == 0 || next_rcpt(s) < s->tx.t->rcpt_count)
		return SMTP_READ;
	if (smtp_unanswered(s) && !content_may_follow(s))
		return SMTP_READ;
	return send_content(s);
}
