/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "session.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	LINE_MOST = 12288,
	COMMAND_MOST = 510 /* RFC 5321 section 4.5.3.1.4, without CRLF; more for parameters */
};

void session_event(struct session *s, struct event *e, const char *type)
{
	event_begin(e, s->store, s->conn, now_ms() - s->began, type);
}

void session_violation(struct session *s, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	char text[300];
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	struct event e;
	session_event(s, &e, "violation");
	event_string(&e, "text", text);
	event_end(&e);
}

void session_say(struct session *s, const char *text, size_t len)
{
	struct event e;
	session_event(s, &e, "reply");
	event_bytes(&e, "text", text, len);
	event_end(&e);
	if (s->capture)
		text_add(s->capture, text, len);
	text_add(&s->stream.out, text, len);
}

static void say(struct session *s, const char *text)
{
	session_say(s, text, strlen(text));
}

bool session_close(struct session *s, const char *how)
{
	stream_flush(&s->stream);
	stream_close(&s->stream, true);
	s->how = how;
	return false;
}

/* What is wrong with a line of which len bytes stand before its LF; null: nothing. */
static const char *line_fault(const char *line, size_t len)
{
	if (!len || line[len - 1] != '\r')
		return "bare LF";
	for (size_t i = 0; i + 1 < len; i++) {
		if (line[i] == '\r')
			return "bare CR";
		if (!line[i])
			return "NUL";
		if ((unsigned char)line[i] < ' ' || line[i] == 127)
			return "control byte";
	}
	return NULL;
}

bool session_line(struct session *s, size_t most, struct text *line)
{
	struct text *in = &s->stream.in;
	for (;;) {
		const char *lf = in->len ? memchr(in->data, '\n', in->len) : NULL;
		size_t len = lf ? (size_t)(lf - in->data) : in->len;
		if (len > most + 1) {
			session_violation(s, "line too long");
			say(s, "500 5.5.2 line too long\r\n");
			return session_close(s, "refused");
		}
		if (!lf) {
			if (!stream_fill(&s->stream))
				return false;
			continue;
		}
		const char *wrong = line_fault(in->data, len);
		if (!wrong) {
			text_clear(line);
			text_add(line, in->data, len - 1);
			text_cut(in, len + 1);
			return true;
		}
		session_violation(s, "%s in a command", wrong);
		text_cut(in, len + 1);
		say(s, "500 5.5.2 bad bytes in the line\r\n");
	}
}

bool session_alone(struct session *s, const char *command)
{
	struct stream *st = &s->stream;
	if (st->delay_ms && !st->in.len) {
		stream_sleep(st, st->delay_ms);
		st->reply_at = now_ms();
	}
	if (!stream_pending(st))
		return true;
	session_violation(s, "bytes behind %s before its reply", command);
	return false;
}

void plan_make(struct session *s, enum script_event event, const char *reply, struct plan *plan)
{
	*plan = (struct plan){.code = atoi(reply)};
	plan->steps = session_rule(s, event, ++s->seen[event]);
	text_str(&plan->reply, reply);
	if (plan->steps)
		plan->code = script_code(plan->steps, plan->code);
}

bool plan_play(struct session *s, struct plan *plan)
{
	bool go_on = true;
	if (plan->steps)
		go_on = play_steps(s, plan->steps, text_z(&plan->reply), NULL);
	else
		session_say(s, text_z(&plan->reply), plan->reply.len);
	text_free(&plan->reply);
	return go_on;
}

bool session_answer(struct session *s, enum script_event event, const char *reply)
{
	struct plan plan;
	plan_make(s, event, reply, &plan);
	return plan_play(s, &plan);
}

static void log_tls(struct session *s, unsigned flights)
{
	const struct tls_result *r = &s->tls_result;
	struct event e;
	session_event(s, &e, "tls");
	event_flag(&e, "ok", r->ok);
	event_string(&e, "protocol", r->protocol);
	event_string(&e, "cipher", r->cipher);
	event_flag(&e, "resumed", r->resumed);
	event_string(&e, "sni", r->sni);
	event_bytes(&e, "client", text_z(&r->client), r->client.len);
	event_flag(&e, "client_trusted", r->client_trusted);
	event_string(&e, "error", r->error);
	event_number(&e, "flights", flights);
	event_end(&e);
}

bool session_tls(struct session *s)
{
	const struct steps *steps = session_rule(s, ON_TLS, ++s->seen[ON_TLS]);
	if (steps && !play_steps(s, steps, "", NULL))
		return false;
	if (!stream_flush(&s->stream))
		return false;
	unsigned before = s->stream.flights;
	text_clear(&s->stream.in);
	tls_shake(s->tls, &s->tls_fault, &s->stream, &s->tls_result);
	log_tls(s, s->stream.flights - before);
	if (s->tls_result.ok)
		return true;
	if (s->stream.end == STREAM_TLS)
		s->how = "TLS";
	return false;
}

static void forget_client(struct session *s)
{
	mail_reset(s);
	s->greeted = false;
	s->authenticated = false;
	memset(s->offered, 0, sizeof s->offered);
	text_clear(&s->mechanisms);
	text_clear(&s->helo);
}

static void make_ehlo(struct session *s, struct text *reply)
{
	const struct options *o = s->options;
	struct text auth = {0};
	text_printf(reply, "250-%s\r\n", o->name);
	for (int i = 0; i < EXT_COUNT; i++) {
		if (!o->extensions[i] || i == EXT_AUTH)
			continue;
		if (i == EXT_STARTTLS && (s->stream.tls || !o->cert))
			continue;
		if (i == EXT_REQUIRETLS && !s->stream.tls)
			continue;
		text_printf(reply, "250-%s", extension_name((enum extension)i));
		if (i == EXT_SIZE)
			text_printf(reply, " %llu", o->size);
		text_str(reply, "\r\n");
	}
	auth_offer(s, &auth);
	if (auth.len && o->extensions[EXT_AUTH])
		text_printf(reply, "250-AUTH%s\r\n", auth.data);
	text_str(reply, "250 HELP\r\n");
	text_free(&auth);
}

/* Learns from the reply that was sent what is on offer, so that a rule changes that too. */
static void read_offer(struct session *s, const char *line, size_t len)
{
	size_t word = 0;
	while (word < len && !strchr(" \t=", line[word]))
		word++;
	for (int i = 0; i < EXT_COUNT; i++) {
		const char *name = extension_name((enum extension)i);
		if (word != strlen(name) || strncasecmp(line, name, word))
			continue;
		s->offered[i] = true;
		if (i == EXT_AUTH) {
			text_char(&s->mechanisms, ' ');
			if (len > word)
				text_add(&s->mechanisms, line + word + 1, len - word - 1);
			text_char(&s->mechanisms, ' ');
		}
	}
}

static void read_offers(struct session *s, const struct text *reply)
{
	const char *at = text_z(reply), *end = at + reply->len;
	for (bool first = true; at < end; first = false) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));
		size_t len = lf ? (size_t)(lf - at) : (size_t)(end - at);
		while (len && strchr("\r\t ", at[len - 1]))
			len--;
		if (!first && len > 4)
			read_offer(s, at + 4, len - 4);
		at = lf ? lf + 1 : end;
	}
}

static bool do_ehlo(struct session *s, const char *args, size_t len)
{
	const char *wrong = syntax_domain(args, len);
	struct text reply = {0}, said = {0};
	if (wrong)
		session_violation(s, "EHLO: %s", wrong);
	mail_reset(s);
	if (wrong)
		text_str(&reply, "501 5.5.4 a host name is due\r\n");
	else
		make_ehlo(s, &reply);
	text_clear(&s->helo);
	text_add(&s->helo, args, len);
	struct plan plan;
	plan_make(s, ON_EHLO, reply.data, &plan);
	text_clear(&s->mechanisms);
	memset(s->offered, 0, sizeof s->offered);
	s->greeted = plan.code / 100 == 2;
	s->capture = &said;
	bool go_on = plan_play(s, &plan);
	s->capture = NULL;
	if (s->greeted)
		read_offers(s, &said);
	text_free(&reply);
	text_free(&said);
	return go_on;
}

static bool do_helo(struct session *s, const char *args, size_t len)
{
	const char *wrong = syntax_domain(args, len);
	struct text reply = {0};
	if (wrong)
		session_violation(s, "HELO: %s", wrong);
	mail_reset(s);
	text_printf(&reply, wrong ? "501 %s\r\n" : "250 %s\r\n", s->options->name);
	text_clear(&s->helo);
	text_add(&s->helo, args, len);
	struct plan plan;
	plan_make(s, ON_HELO, reply.data, &plan);
	text_free(&reply);
	s->greeted = plan.code / 100 == 2;
	memset(s->offered, 0, sizeof s->offered);
	text_clear(&s->mechanisms);
	return plan_play(s, &plan);
}

static bool do_starttls(struct session *s, const char *args, size_t len)
{
	const char *reply = "220 2.0.0 go ahead\r\n";
	(void)args;
	if (s->stream.tls)
		reply = "503 5.5.1 TLS is on\r\n";
	else if (!s->offered[EXT_STARTTLS])
		reply = "502 5.5.1 STARTTLS is not offered\r\n";
	else if (len)
		reply = "501 5.5.4 no argument is due\r\n";
	if (*reply != '2')
		session_violation(s, "STARTTLS: %.*s", (int)strcspn(reply + 10, "\r"),
		                  reply + 10);
	if (!session_alone(s, "STARTTLS")) {
		say(s, "554 5.5.0 bytes behind STARTTLS\r\n");
		return session_close(s, "refused");
	}
	struct plan plan;
	plan_make(s, ON_STARTTLS, reply, &plan);
	if (plan.code != 220)
		return plan_play(s, &plan);
	if (!plan_play(s, &plan) || !session_tls(s))
		return false;
	forget_client(s);
	return true;
}

static bool do_rset(struct session *s, const char *args, size_t len)
{
	(void)args;
	if (len) {
		session_violation(s, "RSET: argument");
		return session_answer(s, ON_RSET, "501 5.5.4 no argument is due\r\n");
	}
	struct plan plan;
	plan_make(s, ON_RSET, "250 2.0.0 ok\r\n", &plan);
	mail_reset(s);
	return plan_play(s, &plan);
}

static bool do_noop(struct session *s, const char *args, size_t len)
{
	(void)args;
	(void)len;
	return session_answer(s, ON_NOOP, "250 2.0.0 ok\r\n");
}

static bool do_vrfy(struct session *s, const char *args, size_t len)
{
	(void)args;
	return session_answer(s, ON_OTHER, len ? "252 2.5.0 try it\r\n" : "501 5.5.4 who?\r\n");
}

static bool do_help(struct session *s, const char *args, size_t len)
{
	(void)args;
	(void)len;
	return session_answer(s, ON_OTHER, "214 2.0.0 see RFC 5321\r\n");
}

static void leave(struct session *s)
{
	if (s->open)
		atomic_fetch_sub(s->open, 1);
	s->open = NULL;
}

static bool do_quit(struct session *s, const char *args, size_t len)
{
	(void)args;
	if (len)
		session_violation(s, "QUIT: argument");
	mail_reset(s);
	struct plan plan;
	plan_make(s, ON_QUIT, "221 2.0.0 bye\r\n", &plan);
	if (!s->stream.out.len)
		s->stream.unanswered = false;
	if (plan.code >= 300)
		return plan_play(s, &plan);
	/* A client that hears it may open the next connection. */
	leave(s);
	if (!plan_play(s, &plan))
		return false;
	stream_flush(&s->stream);
	if (stream_pending(&s->stream))
		session_violation(s, "bytes behind QUIT");
	return session_close(s, "QUIT");
}

struct verb {
	const char *name;
	bool (*run)(struct session *s, const char *args, size_t len);
	unsigned more; /* octets over the usual length of a line */
	bool alone, in_clear, eight_bit;
};

/* Lengths: RFC 1870, 6152, 6531, 4954, 3461 for MAIL and RCPT; AUTH: RFC 4954 section 4. */
static const struct verb verbs[] = {
    {"EHLO", do_ehlo, 0, true, true, false},
    {"LHLO", do_ehlo, 0, true, true, false},
    {"HELO", do_helo, 0, true, true, false},
    {"STARTTLS", do_starttls, 0, true, true, false},
    {"AUTH", auth_command, 11776, true, false, false},
    {"MAIL", mail_from, 26 + 17 + 10 + 500 + 124, false, false, true},
    {"RCPT", mail_rcpt, 500, false, false, true},
    {"DATA", mail_data, 0, true, false, false},
    {"BDAT", mail_bdat, 0, false, false, false},
    {"RSET", do_rset, 0, false, true, false},
    {"NOOP", do_noop, 0, true, true, false},
    {"VRFY", do_vrfy, 0, true, false, true},
    {"EXPN", do_vrfy, 0, true, false, true},
    {"HELP", do_help, 0, true, false, false},
    {"QUIT", do_quit, 0, true, true, false},
};

static const struct verb *find_verb(const struct session *s, const char *line, size_t len)
{
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		const struct verb *v = &verbs[i];
		if (strlen(v->name) != len || strncasecmp(v->name, line, len))
			continue;
		if (s->options->lmtp ? v->run == do_helo || !strcmp(v->name, "EHLO")
		                     : !strcmp(v->name, "LHLO"))
			return NULL;
		return v;
	}
	return NULL;
}

static const char unknown[] = "500 5.5.1 unknown command\r\n";

/* What speaks against the command before its own handler looks at it; null: nothing. */
static const char *objection(struct session *s, const struct verb *v, const struct text *line)
{
	const char *text = NULL;
	if (!line->len)
		text = "500 5.5.2 empty line\r\n";
	else if (!v)
		text = unknown;
	else if (line->len > COMMAND_MOST + v->more)
		text = "500 5.5.2 line too long\r\n";
	else if (line->data[line->len - 1] == ' ')
		text = "501 5.5.4 blanks at the end\r\n";
	for (size_t i = 0; !text && v && !v->eight_bit && i < line->len; i++)
		if ((unsigned char)line->data[i] >= 0x80)
			text = "501 5.5.2 8-bit bytes\r\n";
	if (text) {
		session_violation(s, "%.*s", (int)strcspn(text + 10, "\r"), text + 10);
		return text;
	}
	if (s->refused && v->run != do_quit)
		return "503 5.5.1 go away\r\n";
	if (s->options->require_tls && !s->stream.tls && !v->in_clear) {
		session_violation(s, "%s in clear", v->name);
		return "530 5.7.0 STARTTLS first\r\n";
	}
	return NULL;
}

static void log_command(struct session *s, const struct text *line, bool pipelined)
{
	struct event e;
	session_event(s, &e, "command");
	event_bytes(&e, "line", line->data, line->len);
	event_flag(&e, "pipelined", pipelined);
	event_flag(&e, "tls", s->stream.tls != NULL);
	event_end(&e);
}

static bool command(struct session *s, const struct text *line)
{
	bool pipelined = s->stream.out.len > 0;
	size_t word = strcspn(line->data, " ");
	const struct verb *v = find_verb(s, line->data, word);
	log_command(s, line, pipelined);
	if (pipelined && s->alone)
		session_violation(s, "command behind %s before its reply", s->alone_name);
	else if (pipelined && !s->offered[EXT_PIPELINING])
		session_violation(s, "pipelined command, PIPELINING is not offered");
	s->alone = v && v->alone;
	s->alone_name = v ? v->name : "";
	const char *no = objection(s, v, line);
	if (no || !v)
		return session_answer(s, ON_OTHER, no ? no : unknown);
	if (word < line->len)
		word++;
	return v->run(s, line->data + word, line->len - word);
}

static bool greet(struct session *s)
{
	const struct script *script = &s->options->script;
	struct text reply = {0};
	bool good = false;
	if (s->too_many) {
		leave(s);
		say(s, "421 4.7.0 too many connections\r\n");
		return session_close(s, "refused");
	}
	bool go_on;
	if (s->options->tls) {
		go_on = session_tls(s);
		s->stream.unanswered = true;
		if (!go_on)
			return false;
	}
	if (script->steps.count && (!script->first || s->conn <= script->first)) {
		s->greeted = true;
		go_on = play_steps(s, &script->steps, "", &good);
		if (go_on && !good)
			return session_close(s, "close");
		return go_on;
	}
	text_printf(&reply, "220 %s %s\r\n", s->options->name,
	            s->options->lmtp ? "LMTP" : "ESMTP");
	struct plan plan;
	plan_make(s, ON_CONNECT, reply.data, &plan);
	text_free(&reply);
	s->refused = plan.code >= 400;
	go_on = plan_play(s, &plan);
	if (go_on && stream_pending(&s->stream))
		session_violation(s, "bytes before the greeting");
	return go_on;
}

static const char *how_ended(const struct session *s)
{
	if (s->how)
		return s->how;
	switch (s->stream.end) {
	case STREAM_EOF:
		return "EOF";
	case STREAM_RST:
		return "RST";
	case STREAM_TIMEOUT:
		return "timeout";
	case STREAM_TLS:
		return "TLS";
	case STREAM_STOP:
		return "stop";
	case STREAM_OPEN:
	case STREAM_OURS:
		break;
	}
	return "close";
}

void session_run(struct session *s)
{
	struct text line = {0};
	struct event e;
	session_event(s, &e, "connect");
	event_end(&e);
	if (greet(s))
		while (session_line(s, LINE_MOST, &line) && command(s, &line))
			continue;
	leave(s);
	mail_reset(s);
	session_event(s, &e, "close");
	event_string(&e, "how", how_ended(s));
	event_number(&e, "flights", s->stream.flights);
	event_number(&e, "in", (long long)s->stream.received);
	event_number(&e, "out", (long long)s->stream.sent);
	event_end(&e);
	stream_close(&s->stream, true);
	stream_free(&s->stream);
	text_free(&line);
	text_free(&s->mechanisms);
	text_free(&s->helo);
	text_free(&s->tls_result.client);
}
