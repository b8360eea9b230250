/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smtp/serve.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "smtp/serve_path.h"

#define REPLY_LINE_MAX 511 /* with NUL, without CRLF (RFC 5321 section 4.5.3.1.5) */

enum state {
	STATE_NEW,   /* no HELO or EHLO yet */
	STATE_READY, /* for MAIL */
	STATE_RCPT,  /* for RCPT and DATA */
	STATE_DATA,  /* the message comes */
	STATE_ENDED, /* QUIT, or sent away */
};

/* Where in a line of the message we are, as far as its end depends on it. */
enum place {
	PLACE_START,
	PLACE_TEXT,
	PLACE_DOT,    /* behind a dot that began the line */
	PLACE_DOT_CR, /* and behind a CR; only where lines end in CRLF */
};

/* What a fault is about that has no code of its own. */
enum subject { SUBJECT_SENDER, SUBJECT_RCPT, SUBJECT_MESSAGE };

struct serve {
	const struct serve_rules *rules;
	struct serve_hooks hooks;
	enum state state;
	bool open;    /* on_mail was called and on_over was not */
	size_t taken; /* recipients of this transaction */
	size_t refused;
	bool crlf; /* the last command ended in CRLF, and so do lines of a message */
	enum place place;
	bool after_cr;      /* in the text: the last byte was a CR */
	struct fault fault; /* of the message; kind FAULT_NONE: none */
	size_t strange;     /* lines that were no command */
	struct buf line;    /* a command that has not ended */
	bool too_long;      /* it was too long to keep */
	struct buf *out;    /* during serve_feed */
};

/* Does a command and says what comes next. */
typedef enum state command_handler(struct serve *s, struct str argument);

struct command {
	const char *verb;
	bool needs_argument;
	bool takes_argument;
	command_handler *handle;
};

/* A line of a reply. There is room: serve_feed saw to it. */
static void say(struct serve *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct serve *s, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char line[REPLY_LINE_MAX];
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (!buf_add_str(s->out, str_of(line)) || !buf_add_str(s->out, STR("\r\n")))
		abort();
}

/* The code and status for a fault that does not bring them. */
static void say_fault(struct serve *s, const struct fault *f, enum subject subject)
{
	static const struct {
		int code;
		const char *status;
	} wrong[] = {
	    [SUBJECT_SENDER] = {553, "5.1.7"},
	    [SUBJECT_RCPT] = {553, "5.1.3"},
	    [SUBJECT_MESSAGE] = {554, "5.6.0"},
	};
	int code = 451;
	const char *status = "4.3.0";

	if (f->kind == FAULT_DATA) {
		code = wrong[subject].code;
		status = wrong[subject].status;
	} else if (f->kind == FAULT_NOUSER) {
		code = 550;
		status = "5.1.1";
	} else if (f->kind == FAULT_REFUSED) {
		code = 554;
		status = "5.7.0";
	} else if (f->kind == FAULT_CONFIG) {
		status = "4.3.5";
	}
	if (f->code >= 400 && f->code <= 599)
		code = f->code;
	/* A status of another class than the code would contradict it. */
	if (f->status[0] == '0' + code / 100)
		status = f->status;
	else if (status[0] != '0' + code / 100)
		status = code >= 500 ? "5.0.0" : "4.0.0";
	say(s, "%d %s %s", code, status, f->text[0] ? f->text : "failed");
}

/* The transaction is over, if there is one. */
static enum state over(struct serve *s)
{
	if (s->open && s->hooks.over)
		s->hooks.over(s->hooks.context);
	s->open = false;
	s->taken = 0;
	s->refused = 0;
	return s->state == STATE_NEW ? STATE_NEW : STATE_READY;
}

static enum state out_of_order(struct serve *s, const char *text)
{
	say(s, "503 5.5.1 %s", text);
	return s->state;
}

static enum state on_helo(struct serve *s, struct str argument)
{
	(void)argument;
	over(s);
	say(s, "250 %.*s", STR_FMT(s->rules->hostname));
	return STATE_READY;
}

static enum state on_ehlo(struct serve *s, struct str argument)
{
	(void)argument;
	over(s);
	say(s, "250-%.*s", STR_FMT(s->rules->hostname));
	say(s, "250-PIPELINING");
	say(s, "250-SIZE %llu", (unsigned long long)s->rules->max_size);
	say(s, "250-8BITMIME");
	say(s, "250-DSN");
	say(s, "250-SMTPUTF8");
	say(s, "250-ENHANCEDSTATUSCODES");
	say(s, "250 HELP");
	return STATE_READY;
}

static enum state on_mail(struct serve *s, struct str argument)
{
	struct fault f = FAULT_INIT;
	if (s->state == STATE_NEW)
		return out_of_order(s, "EHLO or HELO first");
	if (s->state == STATE_RCPT)
		return out_of_order(s, "a message has a sender already; RSET gives it up");
	struct serve_mail mail;
	uint64_t size;
	if (!serve_read_mail(argument, &mail, &size, &f)) {
		say_fault(s, &f, SUBJECT_SENDER);
		return s->state;
	}
	if (s->rules->max_size > 0 && size > s->rules->max_size) {
		say(s, "552 5.3.4 the message has %llu bytes, max_size is %llu",
		    (unsigned long long)size, (unsigned long long)s->rules->max_size);
		return s->state;
	}
	s->open = true;
	if (!s->hooks.mail(s->hooks.context, &mail, &f)) {
		say_fault(s, &f, SUBJECT_SENDER);
		return over(s);
	}
	say(s, "250 2.1.0 OK");
	return STATE_RCPT;
}

static enum state on_rcpt(struct serve *s, struct str argument)
{
	struct fault f = FAULT_INIT;
	if (s->state != STATE_RCPT)
		return out_of_order(s, "MAIL first");
	if (s->rules->guarded && s->taken >= SERVE_RCPT_MAX) {
		say(s, "452 4.5.3 over %d recipients: send the rest in another message",
		    SERVE_RCPT_MAX);
		return s->state;
	}
	struct serve_rcpt rcpt;
	if (serve_read_rcpt(argument, &rcpt, &f) &&
	    s->hooks.rcpt(s->hooks.context, &rcpt, &f)) {
		s->taken++;
		say(s, "250 2.1.5 OK");
	} else {
		s->refused++;
		say_fault(s, &f, SUBJECT_RCPT);
	}
	return s->state;
}

static enum state on_data(struct serve *s, struct str argument)
{
	struct fault f = FAULT_INIT;
	(void)argument;
	if (s->state != STATE_RCPT)
		return out_of_order(s, "MAIL first");
	if (s->taken == 0 && s->refused == 0)
		return out_of_order(s, "RCPT first");
	if (s->taken == 0) {
		say(s, "554 5.5.1 no valid recipients");
		return s->state;
	}
	if (!s->hooks.data(s->hooks.context, &f)) {
		say_fault(s, &f, SUBJECT_MESSAGE);
		return over(s);
	}
	s->place = PLACE_START;
	s->after_cr = false;
	s->fault = FAULT_INIT;
	say(s, "354 end with a line of a single dot");
	return STATE_DATA;
}

static enum state on_rset(struct serve *s, struct str argument)
{
	(void)argument;
	say(s, "250 2.0.0 OK");
	return over(s);
}

static enum state on_noop(struct serve *s, struct str argument)
{
	(void)argument;
	say(s, "250 2.0.0 OK");
	return s->state;
}

static enum state on_vrfy(struct serve *s, struct str argument)
{
	(void)argument;
	say(s, "252 2.5.0 not verified; RCPT says whether it is taken");
	return s->state;
}

static enum state on_help(struct serve *s, struct str argument)
{
	(void)argument;
	say(s, "214-2.0.0 HELO EHLO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT");
	say(s, "214 2.0.0 mail is held and passed to a relay; see sendmail(8)");
	return s->state;
}

static enum state on_quit(struct serve *s, struct str argument)
{
	(void)argument;
	over(s);
	say(s, "221 2.0.0 %.*s closes", STR_FMT(s->rules->hostname));
	return STATE_ENDED;
}

/* Commands that exist elsewhere. */
static enum state on_missing(struct serve *s, struct str argument)
{
	(void)argument;
	say(s, "502 5.5.1 not offered here");
	return s->state;
}

static const struct command commands[] = {
    {"HELO", true, true, on_helo},     {"EHLO", true, true, on_ehlo},
    {"MAIL", true, true, on_mail},     {"RCPT", true, true, on_rcpt},
    {"DATA", false, false, on_data},   {"RSET", false, false, on_rset},
    {"NOOP", false, true, on_noop},    {"VRFY", true, true, on_vrfy},
    {"HELP", false, true, on_help},    {"QUIT", false, false, on_quit},
    {"EXPN", false, true, on_missing}, {"STARTTLS", false, true, on_missing},
    {"AUTH", false, true, on_missing}, {"BDAT", false, true, on_missing},
    {"ETRN", false, true, on_missing}, {"TURN", false, true, on_missing},
    {"SEND", false, true, on_missing}, {"SOML", false, true, on_missing},
    {"SAML", false, true, on_missing},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static bool is_plain(struct str line)
{
	for (size_t i = 0; i < line.len; i++)
		if (((unsigned char)line.at[i] < 32 && line.at[i] != '\t') || line.at[i] == 127)
			return false;
	return true;
}

static enum state run_command(struct serve *s, const struct command *c, struct str argument)
{
	if (c->needs_argument && argument.len == 0)
		say(s, "501 5.5.4 %s needs an argument", c->verb);
	else if (!c->takes_argument && argument.len > 0)
		say(s, "501 5.5.4 %s takes no argument", c->verb);
	else
		return c->handle(s, argument);
	return s->state;
}

static void say_closed(struct serve *s)
{
	const struct fault *why = s->rules->closed;
	const char *status = why->kind == FAULT_CONFIG ? "4.3.5" : "4.3.0";
	say(s, "421 %s %.*s %s", why->kind == FAULT_NOPERM ? "4.7.0" : status,
	    STR_FMT(str_first(s->rules->hostname, 200)), why->text);
}

/* A line that is no command. */
static enum state strange(struct serve *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static enum state strange(struct serve *s, const char *format, ...)
{
	char what[REPLY_LINE_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	bool last = s->state == STATE_NEW || ++s->strange >= SERVE_STRANGE_MAX;
	if (s->rules->guarded && last) {
		serve_shut(s, "closes: SMTP is spoken here", s->out);
		return STATE_ENDED;
	}
	say(s, "500 5.5.2 %s", what);
	return s->state;
}

static enum state take_line(struct serve *s, struct str line)
{
	size_t len = 0;
	s->crlf = str_ends(line, STR("\r"));
	if (s->crlf)
		line.len--;
	if (!is_plain(line))
		return strange(s, "a control byte in a command");
	line = str_trim(line);
	while (len < line.len && !ascii_space(line.at[len]))
		len++;
	struct str verb = str_first(line, len);
	line = str_trim(str_from(line, len));
	if (s->rules->closed && !str_caseeq(verb, STR("QUIT"))) {
		say_closed(s);
		return s->state;
	}
	for (size_t i = 0; i < COMMANDS; i++)
		if (str_caseeq(verb, str_of(commands[i].verb)))
			return run_command(s, &commands[i], line);
	return strange(s, "no such command; HELP lists them");
}

/* Up to the end of the line, if it is there; what was used. */
static size_t feed_command(struct serve *s, struct str bytes)
{
	size_t end = str_find(bytes, '\n');
	struct str piece = str_first(bytes, end);
	/* One byte more than allowed may be the CR of the line's end. */
	if (!s->too_long && !buf_add_str(&s->line, piece))
		s->too_long = true;
	if (end == STR_NONE)
		return bytes.len;
	if (s->too_long ||
	    (s->line.len > SERVE_LINE_MAX && !str_ends(buf_str(&s->line), STR("\r"))))
		s->state = strange(s, "the line is over %d bytes", SERVE_LINE_MAX);
	else
		s->state = take_line(s, buf_str(&s->line));
	s->too_long = false;
	buf_clear(&s->line);
	return end + 1;
}

static void give(struct serve *s, struct str bytes)
{
	if (s->fault.kind == FAULT_NONE &&
	    !s->hooks.bytes(s->hooks.context, bytes, &s->fault) && s->fault.kind == FAULT_NONE)
		s->fault.kind = FAULT_TEMP;
}

static enum state end_data(struct serve *s)
{
	char id[33] = "";
	bool ok = s->fault.kind == FAULT_NONE && s->hooks.end(s->hooks.context, id, &s->fault);
	if (ok)
		say(s, "250 2.0.0 held as %.32s", id);
	else
		say_fault(s, &s->fault, SUBJECT_MESSAGE);
	return over(s);
}

/* Does the LF at at end a line? */
static bool is_line_end(const struct serve *s, struct str bytes, size_t at)
{
	return !s->crlf || (at > 0 ? bytes.at[at - 1] == '\r' : s->after_cr);
}

/* How far it goes without a line that begins with a dot: behind the end of a
 * line where the next has one, or may have. *ended: that is where it stops. */
static size_t text_len(const struct serve *s, struct str bytes, bool *ended)
{
	size_t at = 0;
	*ended = false;
	while (at < bytes.len) {
		size_t lf = str_find(str_from(bytes, at), '\n');
		if (lf == STR_NONE) {
			*ended = false;
			return bytes.len;
		}
		*ended = is_line_end(s, bytes, at + lf);
		at += lf + 1;
		if (*ended && at < bytes.len && bytes.at[at] == '.')
			break;
	}
	return at;
}

static size_t feed_text(struct serve *s, struct str bytes)
{
	bool ended;
	size_t len = text_len(s, bytes, &ended);
	give(s, str_first(bytes, len));
	s->after_cr = bytes.at[len - 1] == '\r';
	if (ended)
		s->place = PLACE_START;
	return len;
}

/* A step in the message; what was used. The dot that begins a line is never
 * passed on (RFC 5321 section 4.5.2). A client whose commands end in CRLF
 * knows of no other line end: for it a dot between two LF is text, which it
 * did not write as a dot to be sent twice; and the other way round. */
static size_t feed_data(struct serve *s, struct str bytes)
{
	char c = bytes.at[0];
	switch (s->place) {
	case PLACE_START:
		s->place = c == '.' ? PLACE_DOT : PLACE_TEXT;
		return c == '.' ? 1 : 0;
	case PLACE_DOT:
	case PLACE_DOT_CR:
		if (c == '\n' && s->crlf == (s->place == PLACE_DOT_CR)) {
			s->state = end_data(s);
			return 1;
		}
		if (c == '\r' && s->crlf && s->place == PLACE_DOT) {
			s->place = PLACE_DOT_CR;
			return 1;
		}
		if (s->place == PLACE_DOT_CR)
			give(s, STR("\r"));
		s->place = PLACE_TEXT;
		return 0;
	case PLACE_TEXT:
		break;
	}
	return feed_text(s, bytes);
}

struct serve *serve_new(const struct serve_rules *rules, const struct serve_hooks *hooks)
{
	struct serve *s = mem_alloc(sizeof(*s));
	s->rules = rules;
	s->hooks = *hooks;
	buf_init(&s->line, SERVE_LINE_MAX + 1);
	return s;
}

void serve_free(struct serve *s)
{
	if (!s)
		return;
	over(s);
	buf_release(&s->line);
	free(s);
}

void serve_greet(struct serve *s, struct buf *out)
{
	s->out = out;
	if (!s->rules->closed) {
		say(s, "220 %.*s ESMTP Postern", STR_FMT(s->rules->hostname));
		return;
	}
	say_closed(s);
	if (s->rules->guarded)
		s->state = STATE_ENDED;
}

struct str serve_feed(struct serve *s, struct str bytes, struct buf *out)
{
	s->out = out;
	while (bytes.len > 0 && s->state != STATE_ENDED &&
	       out->max - out->len >= SERVE_REPLY_MAX) {
		size_t used =
		    s->state == STATE_DATA ? feed_data(s, bytes) : feed_command(s, bytes);

		bytes = str_from(bytes, used);
	}
	return s->state == STATE_ENDED ? str_make(NULL, 0) : bytes;
}

bool serve_ended(const struct serve *s)
{
	return s->state == STATE_ENDED;
}

bool serve_in_message(const struct serve *s)
{
	return s->state == STATE_DATA;
}

void serve_shut(struct serve *s, const char *reason, struct buf *out)
{
	s->out = out;
	say(s, "421 4.3.2 %.*s %s", STR_FMT(str_first(s->rules->hostname, 200)), reason);
}
