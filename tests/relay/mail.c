/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Recipients that the relay refuses by the start of the local part. */
static const struct {
	const char *begin;
	bool at_rcpt; /* else after the message */
	const char *reply;
} refusals[] = {
    {"reject550", true, "550 5.1.1 no such user here\r\n"},
    {"policy554", true, "554 5.7.1 not allowed\r\n"},
    {"temp450", true, "450 4.2.0 mailbox busy\r\n"},
    {"content554", false, "554 5.6.0 content refused\r\n"},
    {"later451", false, "451 4.3.0 try again later\r\n"},
};

static const char *refusal(const char *address, bool at_rcpt)
{
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
		if (refusals[i].at_rcpt == at_rcpt &&
		    !strncasecmp(address, refusals[i].begin, strlen(refusals[i].begin)))
			return refusals[i].reply;
	return NULL;
}

static void log_partial(struct session *s)
{
	struct event e;
	session_event(s, &e, "partial");
	event_number(&e, "size", (long long)s->mail.body.wire);
	event_end(&e);
}

void mail_reset(struct session *s)
{
	struct transaction *m = &s->mail;
	if (m->receiving)
		log_partial(s);
	letter_drop(&m->letter, s->store);
	body_free(&m->body);
	text_free(&m->sender);
	text_free(&m->params);
	for (size_t i = 0; i < m->count; i++) {
		text_free(&m->recipients[i].address);
		text_free(&m->recipients[i].params);
	}
	free(m->recipients);
	*m = (struct transaction){0};
}

/* Checks the parameters against the grammar and against what is on offer. */
static const char *check_params(struct session *s, const struct param_list *params,
                                bool of_mail)
{
	for (size_t i = 0; i < params->count; i++) {
		const struct param *p = &params->list[i];
		enum extension extension;
		const char *wrong = syntax_param(p, of_mail, &extension);
		if (extension == EXT_COUNT || !s->offered[extension]) {
			session_violation(s, "parameter %.40s is not offered", p->name.data);
			return "555 5.5.4 parameter not offered\r\n";
		}
		if (!wrong && !strcasecmp(text_z(&p->value), "BINARYMIME") &&
		    !s->offered[EXT_BINARYMIME])
			wrong = "BINARYMIME is not offered";
		if (wrong) {
			session_violation(s, "%.40s: %s", p->name.data, wrong);
			return "501 5.5.4 bad parameter\r\n";
		}
	}
	return NULL;
}

/* Reads "FROM:<path> params" (or TO:). Returns the reply that refuses it, or null. */
static const char *read_args(struct session *s, const char *word, const char *args, size_t len,
                             struct path *path, struct param_list *params)
{
	bool of_mail = *word == 'F';
	size_t skip = strlen(word);
	*path = (struct path){0};
	params->count = 0;
	if (len < skip || strncasecmp(args, word, skip) != 0) {
		session_violation(s, "\"%s\" is due", word);
		return "501 5.5.4 syntax\r\n";
	}
	size_t used;
	const char *wrong = syntax_path(args + skip, len - skip, of_mail, path, &used);
	if (wrong) {
		session_violation(s, "%s %s", word, wrong);
		return of_mail ? "501 5.1.7 bad address\r\n" : "501 5.1.3 bad address\r\n";
	}
	wrong = syntax_params(args + skip + used, len - skip - used, params);
	if (wrong) {
		session_violation(s, "%s %s", word, wrong);
		return "501 5.5.4 syntax\r\n";
	}
	return check_params(s, params, of_mail);
}

static const char *check_mail(struct session *s, const struct path *path,
                              const struct param_list *params)
{
	const struct param *size = params_find(params, "SIZE");
	if (!s->greeted) {
		session_violation(s, "MAIL before EHLO");
		return "503 5.5.1 EHLO first\r\n";
	}
	if (s->options->require_auth && !s->authenticated)
		return "530 5.7.0 authentication required\r\n";
	if (s->mail.open) {
		session_violation(s, "MAIL within a transaction");
		return "503 5.5.1 nested MAIL\r\n";
	}
	if (path->non_ascii && !params_find(params, "SMTPUTF8")) {
		session_violation(s, "8-bit address without SMTPUTF8");
		return "553 5.6.7 address needs SMTPUTF8\r\n";
	}
	if (size && s->options->size && strtoull(size->value.data, NULL, 10) > s->options->size)
		return "552 5.3.4 message too big\r\n";
	return NULL;
}

/* The reply to one message too many; null: it is not. text is to be freed. */
static const char *check_rate(struct session *s, enum quota_place place, struct text *text)
{
	long long us;
	bool taken = quota_take(s->quota, place, &us);
	if (!s->quota->count)
		return NULL;
	struct event e;
	session_event(s, &e, "rate");
	event_string(&e, "at", place == QUOTA_MAIL ? "MAIL" : "end");
	event_flag(&e, "taken", taken);
	event_number(&e, "us", us);
	event_end(&e);
	text_printf(text, "%s\r\n", s->options->rate_reply);
	return taken ? NULL : text->data;
}

static void open_mail(struct session *s, const struct path *path,
                      const struct param_list *params)
{
	const struct param *body = params_find(params, "BODY"),
	                   *size = params_find(params, "SIZE");
	struct transaction *m = &s->mail;
	if (m->open)
		mail_reset(s);
	memset(m->seen, 0, sizeof m->seen);
	m->open = true;
	text_add(&m->sender, text_z(&path->address), path->address.len);
	params_json(params, &m->params);
	m->binary = body && !strcasecmp(body->value.data, "BINARYMIME");
	m->eight_bit = m->binary || (body && !strcasecmp(body->value.data, "8BITMIME"));
	m->utf8 = params_find(params, "SMTPUTF8") != NULL;
	m->declared = size ? strtoll(size->value.data, NULL, 10) : -1;
}

static void log_path(struct session *s, const char *type, const char *key,
                     const struct path *path, const struct param_list *params, int code)
{
	struct text json = {0};
	params_json(params, &json);
	struct event e;
	session_event(s, &e, type);
	event_bytes(&e, key, text_z(&path->address), path->address.len);
	event_raw(&e, "params", json.data);
	event_number(&e, "code", code);
	event_end(&e);
	text_free(&json);
}

bool mail_from(struct session *s, const char *args, size_t len)
{
	struct path path;
	struct param_list params;
	struct text too_many = {0};
	const char *reply = read_args(s, "FROM:", args, len, &path, &params);
	if (!reply)
		reply = check_mail(s, &path, &params);
	if (!reply)
		reply = check_rate(s, QUOTA_MAIL, &too_many);
	s->from = text_z(&path.address);
	struct plan plan;
	plan_make(s, ON_MAIL, reply ? reply : "250 2.1.0 ok\r\n", &plan);
	s->from = NULL;
	log_path(s, "mail", "sender", &path, &params, plan.code);
	if (plan.code / 100 == 2)
		open_mail(s, &path, &params);
	text_free(&too_many);
	text_free(&path.address);
	params_free(&params);
	return plan_play(s, &plan);
}

static const char *check_rcpt(struct session *s, const struct path *path)
{
	if (!s->mail.open)
		return "503 5.5.1 MAIL first\r\n";
	if (s->mail.chunks) {
		session_violation(s, "RCPT behind BDAT");
		return "503 5.5.1 not now\r\n";
	}
	if (path->non_ascii && !s->mail.utf8) {
		session_violation(s, "8-bit address without SMTPUTF8");
		return "553 5.6.7 address needs SMTPUTF8\r\n";
	}
	return refusal(text_z(&path->address), true);
}

static void add_recipient(struct session *s, const struct path *path,
                          const struct param_list *params, int code)
{
	struct transaction *m = &s->mail;
	struct recipient *r;
	m->recipients = realloc(m->recipients, (m->count + 1) * sizeof *r);
	if (!m->recipients)
		die("out of memory");
	r = &m->recipients[m->count++];
	*r = (struct recipient){.code = code, .verdict = code};
	text_add(&r->address, text_z(&path->address), path->address.len);
	params_json(params, &r->params);
	if (code / 100 == 2)
		m->accepted++;
}

bool mail_rcpt(struct session *s, const char *args, size_t len)
{
	struct path path;
	struct param_list params;
	const char *reply = read_args(s, "TO:", args, len, &path, &params);
	if (!reply)
		reply = check_rcpt(s, &path);
	s->to = text_z(&path.address);
	struct plan plan;
	plan_make(s, ON_RCPT, reply ? reply : "250 2.1.5 ok\r\n", &plan);
	s->to = NULL;
	log_path(s, "rcpt", "recipient", &path, &params, plan.code);
	if (s->mail.open)
		add_recipient(s, &path, &params, plan.code);
	text_free(&path.address);
	params_free(&params);
	return plan_play(s, &plan);
}

/* The reply after the content for one recipient (LMTP), or for all together (null). */
static const char *content_reply(struct session *s, const struct recipient *one)
{
	struct transaction *m = &s->mail;
	if (!m->accepted)
		return "554 5.5.1 no valid recipients\r\n";
	if (m->too_big)
		return "552 5.3.4 message too big\r\n";
	if (body_fault(&m->body, m->binary))
		return "554 5.6.0 bare CR, bare LF or NUL in the message\r\n";
	const char *reply;
	if (one) {
		reply = refusal(one->address.data, false);
		return reply ? reply : "250 2.0.0 ok\r\n";
	}
	for (size_t i = 0; i < m->count; i++) {
		reply = refusal(text_z(&m->recipients[i].address), false);
		if (reply && m->recipients[i].code / 100 == 2)
			return reply;
	}
	return "250 2.0.0 ok\r\n";
}

static void log_recipients(struct session *s, struct event *e)
{
	struct transaction *m = &s->mail;
	struct text json = {0};
	text_char(&json, '[');
	for (size_t i = 0; i < m->count; i++) {
		struct recipient *r = &m->recipients[i];
		text_printf(&json, "%s{\"address\": ", i ? ", " : "");
		text_json(&json, text_z(&r->address), r->address.len);
		text_printf(&json, ", \"params\": %s, \"code\": %d, \"verdict\": %d}",
		            r->params.data, r->code, r->verdict);
	}
	text_char(&json, ']');
	event_raw(e, "recipients", json.data);
	text_free(&json);
}

static void log_message(struct session *s, bool accepted)
{
	struct transaction *m = &s->mail;
	struct text complaints = {0};
	body_complaints(&m->body, m->eight_bit, m->utf8, m->binary, m->declared, &complaints);
	struct event e;
	session_event(s, &e, "message");
	event_flag(&e, "accepted", accepted);
	if (accepted && !s->store->discard)
		event_string(&e, "file", m->letter.path.data);
	else
		event_raw(&e, "file", "null");
	event_number(&e, "size", (long long)m->body.size);
	event_number(&e, "wire", (long long)m->body.wire);
	event_number(&e, "longest", (long long)m->body.longest);
	event_flag(&e, "eight_bit", m->body.eight_bit);
	event_string(&e, "how", m->body.chunks ? "BDAT" : "DATA");
	event_number(&e, "chunks", m->chunks);
	event_number(&e, "behind", (long long)s->stream.in.len);
	event_bytes(&e, "helo", text_z(&s->helo), s->helo.len);
	event_flag(&e, "tls", s->stream.tls != NULL);
	event_flag(&e, "auth", s->authenticated);
	event_bytes(&e, "sender", text_z(&m->sender), m->sender.len);
	event_raw(&e, "params", m->params.len ? m->params.data : "{}");
	log_recipients(s, &e);
	event_raw(&e, "violations", complaints.data);
	event_end(&e);
	text_free(&complaints);
}

/* Sets the verdicts, stores, logs; then the plans are played. */
static bool conclude(struct session *s, struct plan *plans, size_t count)
{
	bool accepted = false, go_on = true;
	struct transaction *m = &s->mail;
	size_t next = 0;
	for (size_t i = 0; i < m->count; i++) {
		struct recipient *r = &m->recipients[i];
		if (r->code / 100 != 2)
			continue;
		r->verdict = plans[s->options->lmtp ? next++ : 0].code;
		accepted = accepted || r->verdict / 100 == 2;
	}
	m->receiving = false;
	if (accepted)
		letter_keep(&m->letter, s->store);
	log_message(s, accepted);
	mail_reset(s);
	for (size_t i = 0; i < count; i++) {
		if (go_on)
			go_on = plan_play(s, &plans[i]);
		text_free(&plans[i].reply);
	}
	return go_on;
}

static bool finish(struct session *s)
{
	struct transaction *m = &s->mail;
	size_t count = s->options->lmtp && m->accepted ? m->accepted : 1, next = 0;
	struct text text = {0};
	const char *too_many = check_rate(s, QUOTA_END, &text);
	struct plan *plans = calloc(count, sizeof *plans);
	if (!plans)
		die("out of memory");
	if (s->options->lmtp && m->accepted) {
		for (size_t i = 0; i < m->count; i++) {
			if (m->recipients[i].code / 100 != 2)
				continue;
			s->to = text_z(&m->recipients[i].address);
			plan_make(s, ON_DOT,
			          too_many ? too_many : content_reply(s, &m->recipients[i]),
			          &plans[next++]);
		}
		s->to = NULL;
	} else {
		plan_make(s, ON_DOT, too_many ? too_many : content_reply(s, NULL), &plans[0]);
	}
	/* The end of a message may begin a group of commands (RFC 2920 section 3.1). */
	s->alone = false;
	bool go_on = conclude(s, plans, count);
	free(plans);
	text_free(&text);
	return go_on;
}

static void begin_content(struct session *s, bool chunks)
{
	s->mail.receiving = true;
	body_begin(&s->mail.body, chunks, !s->store->discard);
	letter_begin(&s->mail.letter, s->store);
}

/* Passes bytes to the message, and plays rules for BODY at the byte they name. */
static bool take_content(struct session *s, const char *bytes, size_t len, size_t *used)
{
	struct transaction *m = &s->mail;
	long stop = session_body_stop(s, (long)m->body.wire);
	if (stop >= 0 && (unsigned long long)stop - m->body.wire < len)
		len = (size_t)((unsigned long long)stop - m->body.wire);
	*used = body_feed(&m->body, bytes, len);
	if (s->options->size && m->body.size > s->options->size)
		m->too_big = true;
	if (!m->too_big)
		letter_write(&m->letter, text_z(&m->body.clean), m->body.clean.len);
	text_clear(&m->body.clean);
	if (stop < 0 || m->body.wire != (unsigned long long)stop)
		return true;
	const struct steps *steps = session_rule(s, ON_BODY, stop);
	return !steps || play_steps(s, steps, "", NULL);
}

/* A rule for BODY 0 comes before the first byte is read. */
static bool before_content(struct session *s)
{
	const struct steps *steps = session_rule(s, ON_BODY, 0);
	return !steps || play_steps(s, steps, "", NULL);
}

static bool receive_data(struct session *s)
{
	struct text *in = &s->stream.in;
	struct body *body = &s->mail.body;
	size_t at = 0;
	if (!before_content(s))
		return false;
	size_t used;
	while (body->state != BODY_END) {
		if (at == in->len) {
			text_clear(in);
			at = 0;
			if (!stream_fill(&s->stream))
				return false;
		}
		if (!take_content(s, in->data + at, in->len - at, &used))
			return false;
		at += used;
	}
	text_cut(in, at);
	return finish(s);
}

bool mail_data(struct session *s, const char *args, size_t len)
{
	const char *reply = "354 go ahead\r\n";
	struct transaction *m = &s->mail;
	(void)args;
	if (len)
		reply = "501 5.5.4 no argument is due\r\n";
	else if (!m->open)
		reply = "503 5.5.1 MAIL first\r\n";
	else if (m->chunks || m->binary)
		reply = "503 5.5.1 BDAT is due\r\n";
	else if (!m->accepted)
		reply = "554 5.5.1 no valid recipients\r\n";
	if (len || m->chunks || m->binary)
		session_violation(s, "DATA: %.*s", (int)strcspn(reply + 10, "\r"), reply + 10);
	session_alone(s, "DATA");
	struct plan plan;
	plan_make(s, ON_DATA, reply, &plan);
	if (plan.code == 354)
		begin_content(s, false);
	if (!plan_play(s, &plan))
		return false;
	return !s->mail.receiving || receive_data(s);
}

/* Reads a chunk into the message, or away when there is none to take it. */
static bool receive_chunk(struct session *s, unsigned long long size, bool wanted)
{
	struct text *in = &s->stream.in;
	size_t at = 0, used;
	while (size) {
		if (at == in->len) {
			text_clear(in);
			at = 0;
			if (!stream_fill(&s->stream))
				return false;
		}
		size_t part = used = in->len - at < size ? in->len - at : (size_t)size;
		if (wanted && !take_content(s, in->data + at, part, &used))
			return false;
		at += used;
		size -= used;
	}
	text_cut(in, at);
	return true;
}

static const char *bdat_refusal(struct session *s)
{
	if (!s->offered[EXT_CHUNKING]) {
		session_violation(s, "BDAT is not offered");
		return "502 5.5.1 BDAT is not offered\r\n";
	}
	if (!s->mail.open)
		return "503 5.5.1 MAIL first\r\n";
	if (!s->mail.accepted)
		return "554 5.5.1 no valid recipients\r\n";
	return NULL;
}

/* RFC 3030 section 2: a chunk that is refused is read all the same. */
static bool refuse_chunk(struct session *s, unsigned long long size, const char *reply,
                         bool last)
{
	struct plan plan;
	plan_make(s, last ? ON_DOT : ON_BDAT, reply, &plan);
	if (!receive_chunk(s, size, false)) {
		text_free(&plan.reply);
		return false;
	}
	return plan_play(s, &plan);
}

bool mail_bdat(struct session *s, const char *args, size_t len)
{
	(void)len;
	char *end;
	unsigned long long size = strtoull(args, &end, 10);
	bool last = !strcasecmp(end, " LAST");
	if (*args < '0' || *args > '9' || (*end && !last)) {
		session_violation(s, "BDAT: syntax");
		return session_answer(s, ON_OTHER, "501 5.5.4 syntax\r\n");
	}
	const char *refused = bdat_refusal(s);
	if (refused)
		return refuse_chunk(s, size, refused, last);
	if (!s->mail.chunks++) {
		begin_content(s, true);
		if (!before_content(s))
			return false;
	}
	if (!receive_chunk(s, size, true))
		return false;
	if (last)
		return finish(s);
	return session_answer(s, ON_BDAT, "250 2.0.0 chunk taken\r\n");
}
