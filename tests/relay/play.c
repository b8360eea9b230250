/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "session.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

enum { LINE_MOST = 1 << 20 };

/* The list of recipients is the caller's to free. */
static struct occasion occasion(struct session *s, enum script_event event, long nth)
{
	struct transaction *m = &s->mail;
	size_t count = s->to ? 1 : m->count;
	const char **list = calloc(count + 1, sizeof *list);
	if (!list)
		die("out of memory");
	for (size_t i = 0; i < count; i++)
		list[i] = s->to ? s->to : text_z(&m->recipients[i].address);
	return (struct occasion){.conn = s->conn,
	                         .nth = nth,
	                         .nth_of_mail = m->seen[event],
	                         .helo = text_z(&s->helo),
	                         .sender = s->from   ? s->from
	                                   : m->open ? text_z(&m->sender)
	                                             : NULL,
	                         .recipients = list,
	                         .count = count};
}

const struct steps *session_rule(struct session *s, enum script_event event, long nth)
{
	s->mail.seen[event]++;
	struct occasion where = occasion(s, event, nth);
	const struct steps *steps = script_find(&s->options->script, event, &where);
	free((void *)where.recipients);
	return steps;
}

long session_body_stop(struct session *s, long after)
{
	struct occasion where = occasion(s, ON_BODY, after);
	long stop = script_body_stop(&s->options->script, &where, after);
	free((void *)where.recipients);
	return stop;
}

/* Says it byte by byte, each in a write of its own. */
static bool say_bytes(struct session *s, const struct text *text, unsigned ms)
{
	if (!stream_flush(&s->stream))
		return false;
	session_say(s, text_z(text), text->len);
	text_clear(&s->stream.out);
	for (size_t i = 0; i < text->len; i++) {
		text_char(&s->stream.out, text->data[i]);
		if (!stream_flush(&s->stream))
			return false;
		if (ms)
			stream_sleep(&s->stream, ms);
	}
	return true;
}

/* Byte by byte without end. What the client says meanwhile stays unread for good. */
static bool drip(struct session *s, const struct text *text, unsigned ms)
{
	for (size_t i = 0; text->len; i = (i + 1) % text->len) {
		text_char(&s->stream.out, text->data[i]);
		if (!stream_flush(&s->stream))
			return false;
		stream_sleep(&s->stream, ms);
		stream_pending(&s->stream);
		if (s->stream.end != STREAM_OPEN)
			return false;
	}
	return true;
}

static bool repeat(struct session *s, const struct text *text, long times)
{
	for (long i = 0; i < times; i++) {
		text_add(&s->stream.out, text_z(text), text->len);
		if (s->stream.out.len > LINE_MOST && !stream_flush(&s->stream))
			return false;
	}
	return true;
}

static bool expect(struct session *s, const char *begin)
{
	struct text line = {0};
	struct event e;
	bool ok = session_line(s, LINE_MOST, &line);
	if (ok) {
		session_event(s, &e, "command");
		event_bytes(&e, "line", line.data, line.len);
		event_end(&e);
		ok = !strncasecmp(line.data, begin, strlen(begin));
		if (!ok) {
			session_violation(s, "script: \"%s\" was due", begin);
			session_close(s, "close");
		}
	}
	text_free(&line);
	return ok;
}

static bool expect_data(struct session *s)
{
	struct body body;
	bool ok = true;
	body_begin(&body, false, false);
	for (;;) {
		struct text *in = &s->stream.in;
		text_cut(in, body_feed(&body, text_z(in), in->len));
		if (body.state == BODY_END)
			break;
		ok = stream_fill(&s->stream);
		if (!ok)
			break;
	}
	struct event e;
	session_event(s, &e, ok ? "body" : "partial");
	event_number(&e, "size", (long long)body.wire);
	event_end(&e);
	body_free(&body);
	return ok;
}

static bool read_bytes(struct session *s, size_t count)
{
	while (s->stream.in.len < count)
		if (!stream_fill(&s->stream))
			return false;
	text_cut(&s->stream.in, count);
	return true;
}

static bool expect_eof(struct session *s)
{
	stream_flush(&s->stream);
	if (stream_pending(&s->stream))
		session_violation(s, "script: bytes where the end was due");
	stream_outlast(&s->stream, true);
	return false;
}

static bool starttls(struct session *s)
{
	static const char go[] = "220 2.0.0 go ahead\r\n";
	if (!expect(s, "STARTTLS"))
		return false;
	session_say(s, go, sizeof go - 1);
	return session_tls(s);
}

static bool stop_reading(struct session *s)
{
	const int least = 1;
	stream_flush(&s->stream);
	setsockopt(s->stream.fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
	stream_outlast(&s->stream, false);
	return false;
}

static bool end_by(struct session *s, enum step_word word)
{
	if (word == STEP_CLOSE)
		return session_close(s, "close");
	stream_flush(&s->stream);
	if (word == STEP_RESET)
		stream_reset(&s->stream);
	else
		stream_close(&s->stream, false);
	s->how = word == STEP_RESET ? "reset" : "cut";
	return false;
}

/* Faults that lie in wait for the handshake or for what follows it. */
static void set_tls_fault(struct session *s, const struct step *step)
{
	if (step->word == STEP_ALERT) {
		s->tls_fault.alert = (int)step->number;
		s->tls_fault.alert_at = tls_message(text_z(&step->text));
	} else if (step->word == STEP_WARN) {
		s->tls_fault.warn = (int)step->number;
	} else if (step->word == STEP_CORRUPT) {
		s->stream.corrupt = step->number;
	} else if (step->word == STEP_REPLAY) {
		s->stream.replay = step->number;
	} else {
		s->stream.cipher = (unsigned)step->number;
	}
}

static bool play(struct session *s, const struct step *step, const char *normal)
{
	struct stream *st = &s->stream;
	switch (step->word) {
	case STEP_SEND:
	case STEP_REPLY:
		session_say(s, text_z(&step->text), step->text.len);
		return true;
	case STEP_NORMAL:
		session_say(s, normal, strlen(normal));
		return true;
	case STEP_SEND_SLOW:
		return say_bytes(s, &step->text, (unsigned)step->number);
	case STEP_SPLIT:
		return say_bytes(s, &step->text, 0);
	case STEP_SPLIT_AT:
		st->split_at = (size_t)step->number;
		return true;
	case STEP_REPEAT:
		return repeat(s, &step->text, step->number);
	case STEP_DRIP:
		return drip(s, &step->text, (unsigned)step->number);
	case STEP_PACE:
		st->pace_ms = (unsigned)step->number;
		return true;
	case STEP_WAIT:
		if (!stream_flush(st))
			return false;
		stream_sleep(st, (unsigned)step->number);
		return true;
	case STEP_EXPECT:
		return expect(s, text_z(&step->text));
	case STEP_EXPECT_DATA:
		return expect_data(s);
	case STEP_EXPECT_EOF:
		return expect_eof(s);
	case STEP_READ:
		return read_bytes(s, (size_t)step->number);
	case STEP_STARTTLS:
		return starttls(s);
	case STEP_TLS:
		return session_tls(s);
	case STEP_ALERT:
	case STEP_WARN:
	case STEP_CORRUPT:
	case STEP_REPLAY:
	case STEP_CIPHER:
		set_tls_fault(s, step);
		return true;
	case STEP_CLOSE:
	case STEP_CUT:
	case STEP_RESET:
		return end_by(s, step->word);
	case STEP_STALL:
		stream_flush(st);
		stream_outlast(st, true);
		return false;
	case STEP_STOP_READING:
		return stop_reading(s);
	case STEP_COMMIT:
	case STEP_GOOD:
		break;
	}
	return true;
}

bool play_steps(struct session *s, const struct steps *steps, const char *normal, bool *good)
{
	for (size_t i = 0; i < steps->count; i++) {
		if (steps->list[i].word == STEP_GOOD) {
			if (good)
				*good = true;
			return true;
		}
		if (!play(s, &steps->list[i], normal))
			return false;
	}
	return true;
}
