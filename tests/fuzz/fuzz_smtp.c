/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The machine against a server that says anything. The first three bytes
 * choose the set-up; the rest is what the server sends: "\376" lets the driver
 * act before more comes, "\377" closes the connection.
 *
 * Nobody is delivered to unless, after the end of his message went out whole,
 * a reply of class 2 came in, and of several messages that are under way as many as were
 * delivered; nothing sent has a bare CR or LF; a password does
 * not go out in clear; the trace is printable; the machine always wants
 * something that can come; and it ends in a bounded number of steps.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text/buf.h"
#include "mail/envelope.h"
#include "smtp/smtp.h"

#define RCPTS     4
#define ACT       '\376'
#define CLOSE     '\377'
#define STEPS_MAX 4000

static const char message[] = "Subject: x\r\n\r\n.dot\r\n";

#define UNDER_WAY 3 /* at most */

/* One transaction, again and again. */
struct letter {
	struct envelope envelope;
	struct rcpt *rcpts[RCPTS];
	struct smtp_transaction t;
	bool ended;       /* the end of the message was written */
	size_t good_came; /* lines of class 2 that began after that */
};

struct drive {
	struct smtp *s;
	struct letter letters[UNDER_WAY];
	size_t first, count; /* those under way, in a ring */
	bool several;
	bool clear_password_allowed, secured;
	size_t steps, transactions;
	char last[2]; /* the last bytes sent */
};

static void check(bool fine)
{
	if (!fine)
		abort();
}

static void trace(void *context, bool sent, struct str line)
{
	(void)context;
	for (size_t i = 0; i < line.len; i++) {
		check(line.at[i] >= ' ' && line.at[i] <= '~');
		check(!sent || !str_starts(str_from(line, i), STR("hunter2")));
		check(!sent || !str_starts(str_from(line, i), STR("aHVudGVyMg")));
	}
}

static void open_letter(struct letter *l, uint8_t set)
{
	static const char *const addresses[RCPTS] = {"a@x", "b@x", "\303\274@x", "d@x"};
	envelope_init(&l->envelope);
	envelope_set_sender(&l->envelope, STR("s@x"));
	for (size_t i = 0; i < RCPTS; i++)
		envelope_add(&l->envelope, str_of(addresses[i]));
	for (size_t i = 0; i < RCPTS; i++)
		l->rcpts[i] = &l->envelope.rcpts[i];
	l->envelope.ret = RET_FULL;
	l->rcpts[1]->notify = NOTIFY_NEVER;
	l->t = (struct smtp_transaction){
	    .envelope = &l->envelope,
	    .rcpts = l->rcpts,
	    .rcpt_count = set & 2 ? RCPTS : 2,
	    .size = set & 4 ? 0 : sizeof(message) - 1,
	    .eightbit = set & 8,
	    .smtputf8 = set & 16,
	};
}

static void open_drive(struct drive *d, const uint8_t *set)
{
	struct smtp_setup setup = {
	    .lmtp = set[0] & 1,
	    .helo = STR("me.example"),
	    .security = (enum smtp_security)(set[0] >> 1 & 3),
	    .host = STR("relay.example"),
	    .port = 587,
	    .login = set[0] & 8,
	    .user = STR("user"),
	    .certificate = set[0] & 16,
	    .password = !(set[0] & 32),
	    .mechanisms = set[1] & 1 ? 1u << SASL_CRAM_MD5 | 1u << SASL_XOAUTH2 : 0,
	    .allow_cleartext_auth = set[0] & 64,
	    .no_chunking = set[0] & 128,
	    .trace = trace,
	};
	*d = (struct drive){.clear_password_allowed = setup.allow_cleartext_auth,
	                    .several = set[1] & 32};
	for (size_t i = 0; i < UNDER_WAY; i++)
		open_letter(&d->letters[i], set[1]);
	d->s = smtp_new(&setup);
}

static void write_out(struct drive *d)
{
	struct str out = smtp_output(d->s);
	for (size_t i = 0; i < out.len; i++) {
		check(out.at[i] != '\n' || d->last[1] == '\r');
		check(d->last[1] != '\r' || out.at[i] == '\n');
		d->last[0] = d->last[1];
		d->last[1] = out.at[i];
		check(d->secured || d->clear_password_allowed ||
		      !str_starts(str_from(out, i), STR("AUTH PLAIN ")));
	}
	smtp_written(d->s, out.len);
}

static struct letter *nth(struct drive *d, size_t n)
{
	return &d->letters[(d->first + n) % UNDER_WAY];
}

static void begin(struct letter *l)
{
	for (size_t i = 0; i < RCPTS; i++)
		l->rcpts[i]->state = RCPT_WAITING;
	l->ended = false;
	l->good_came = 0;
}

static void follow(struct drive *d)
{
	while (d->several && d->count < UNDER_WAY && smtp_has_room(d->s)) {
		struct letter *l = nth(d, d->count);
		enum smtp_room room = smtp_room_for(d->s, &l->t);
		if (room == ROOM_NONE)
			return;
		begin(l);
		l->ended = room == ROOM_MESSAGE;
		smtp_follow(d->s, &l->t,
		            room == ROOM_MESSAGE ? str_make(message, sizeof(message) - 1)
		                                 : STR(""));
		d->count++;
	}
}

static void give(struct drive *d)
{
	struct letter *l = nth(d, 0);
	smtp_message(d->s, str_make(message, 5));
	write_out(d);
	smtp_message(d->s, str_make(message + 5, sizeof(message) - 6));
	smtp_message_end(d->s);
	l->ended = true;
	l->good_came = 0;
	follow(d);
	write_out(d);
}

static void check_verdicts(const struct letter *l)
{
	for (size_t i = 0; i < RCPTS; i++) {
		const struct rcpt *r = l->rcpts[i];
		check(r->state != RCPT_DELIVERED ||
		      (l->ended && l->good_came > 0 && r->verdict.code / 100 == 2));
		/* Final is only what a server said clearly, or what we cannot send it. */
		check(r->state != RCPT_FAILED || r->verdict.code / 100 == 5 ||
		      (r->verdict.code == 0 && cause_row(r->verdict.cause)->fate == FATE_FAIL));
		check(r->verdict.text == NULL || strpbrk(r->verdict.text, "\r\n\033") == NULL);
	}
}

/* Of the first of the line; the next is the first then, and has what came for it. */
static void commit(struct drive *d)
{
	struct letter *l = nth(d, 0);
	bool delivered = false;
	/* Before the flight is answered nothing is settled. */
	bool early = smtp_want(d->s) != SMTP_SETTLED && smtp_want(d->s) != SMTP_OVER;
	smtp_commit(d->s, "main", "relay.example:587");
	check(!early || d->count == 0);
	if (d->count == 0)
		return;
	check_verdicts(l);
	for (size_t i = 0; i < RCPTS; i++)
		delivered = delivered || l->rcpts[i]->state == RCPT_DELIVERED;
	/* One reply is the verdict of one message. */
	for (size_t i = 1; delivered && i < d->count; i++)
		if (nth(d, i)->good_came > 0)
			nth(d, i)->good_came--;
	d->first = (d->first + 1) % UNDER_WAY;
	d->count--;
}

static void next_transaction(struct drive *d)
{
	commit(d);
	if (d->count > 0)
		return;
	if (d->transactions++ == 3) {
		smtp_quit(d->s);
		return;
	}
	begin(nth(d, 0));
	d->count = 1;
	smtp_start(d->s, &nth(d, 0)->t);
}

/* What a driver does until only the server can go on. */
static void act(struct drive *d)
{
	struct sasl_binding binding = {"tls-exporter", {7}, 32};
	for (;; d->steps++) {
		check(d->steps < STEPS_MAX);
		write_out(d);
		switch (smtp_want(d->s)) {
		case SMTP_READ:
		case SMTP_OVER:
			return;
		case SMTP_HANDSHAKE:
			d->secured = true;
			smtp_secured(d->s, &binding, 0);
			break;
		case SMTP_SECRET:
			check(d->secured || d->clear_password_allowed);
			smtp_secret(d->s, STR("hunter2"), NULL);
			break;
		case SMTP_READY:
		case SMTP_SETTLED:
			next_transaction(d);
			break;
		case SMTP_MESSAGE:
			give(d);
			break;
		}
	}
}

static void say(struct drive *d, struct str bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		for (size_t n = 0; bytes.at[i] == '2' && n < d->count; n++)
			nth(d, n)->good_came += nth(d, n)->ended;
	smtp_feed(d->s, bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3)
		return 0;
	struct drive d;
	open_drive(&d, data);
	struct str rest = str_make((const char *)data + 3, size - 3);
	act(&d);
	struct str piece;
	while (smtp_want(d.s) != SMTP_OVER && rest.len > 0) {
		size_t end = 0;
		while (end < rest.len && rest.at[end] != ACT && rest.at[end] != CLOSE)
			end++;
		piece = str_first(rest, end);
		say(&d, piece);
		if (end < rest.len && rest.at[end] == CLOSE)
			smtp_eof(d.s);
		rest = str_from(rest, end + 1);
		act(&d);
	}
	if (smtp_want(d.s) == SMTP_SETTLED || smtp_want(d.s) == SMTP_OVER)
		commit(&d);
	smtp_eof(d.s);
	check(smtp_want(d.s) == SMTP_OVER);
	while (d.count > 0) {
		bool ended = nth(&d, 0)->ended;
		check(smtp_fault(d.s)->cause != CAUSE_IN_DOUBT || ended);
		commit(&d);
	}
	smtp_free(d.s);
	for (size_t i = 0; i < UNDER_WAY; i++)
		envelope_release(&d.letters[i].envelope);
	return 0;
}
