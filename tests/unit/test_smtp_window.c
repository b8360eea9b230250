/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Transactions one behind the other: what goes out together, and which verdicts stand. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "text/buf.h"
#include "text/fault.h"
#include "mail/envelope.h"
#include "smtp/smtp.h"
#include "unit.h"

#define LETTERS 3
#define TEXT    "x\r\n"
struct letter {
	struct envelope envelope;
	struct rcpt *rcpt;
	struct smtp_transaction t;
};

struct talk {
	struct smtp *s;
	struct letter letters[LETTERS];
	size_t begun, heard; /* heard: lines of the server in the trace */
};

static void open_letter(struct letter *l, size_t number)
{
	char address[32];
	envelope_init(&l->envelope);
	envelope_set_sender(&l->envelope, STR("s@x.example"));
	snprintf(address, sizeof(address), "r%zu@y.example", number);
	envelope_add(&l->envelope, str_of(address));
	l->rcpt = &l->envelope.rcpts[0];
	l->t = (struct smtp_transaction){
	    .envelope = &l->envelope, .rcpts = &l->rcpt, .rcpt_count = 1, .size = strlen(TEXT)};
}

static void trace(void *context, bool sent, struct str line)
{
	struct talk *k = context;
	(void)line;
	k->heard += sent ? 0 : 1;
}

static void write_all(struct smtp *s)
{
	smtp_written(s, smtp_output(s).len);
}

static void give(struct smtp *s)
{
	ck_assert_int_eq(smtp_want(s), SMTP_MESSAGE);
	smtp_message(s, STR(TEXT));
	smtp_message_end(s);
}

/* A connection that has carried one, and no letter of these. */
static void open_talk(struct talk *k, bool bdat)
{
	struct smtp_setup setup = {.helo = STR("me.example"),
	                           .security = SECURITY_NONE,
	                           .trace = trace,
	                           .trace_context = k};
	struct letter first;
	struct smtp *s = k->s = smtp_new(&setup);
	k->begun = k->heard = 0;
	smtp_feed(s, STR("220 t\r\n"));
	write_all(s);
	smtp_feed(s, bdat ? STR("250-t\r\n250-CHUNKING\r\n250 PIPELINING\r\n")
	                  : STR("250-t\r\n250 PIPELINING\r\n"));
	open_letter(&first, 9);
	smtp_start(s, &first.t);
	if (!bdat) {
		write_all(s);
		smtp_feed(s, STR("250 ok\r\n250 ok\r\n354 go\r\n"));
	}
	give(s);
	ck_assert(!smtp_has_room(s));
	write_all(s);
	smtp_feed(s, bdat ? STR("250 ok\r\n250 ok\r\n250 ok\r\n") : STR("250 ok\r\n"));
	ck_assert(smtp_commit(s, NULL, NULL));
	envelope_release(&first.envelope);
	for (size_t i = 0; i < LETTERS; i++)
		open_letter(&k->letters[i], i);
}

static void close_talk(struct talk *k)
{
	smtp_free(k->s);
	for (size_t i = 0; i < LETTERS; i++)
		envelope_release(&k->letters[i].envelope);
}

static void follow(struct talk *k)
{
	struct letter *l = &k->letters[k->begun];
	enum smtp_room room = smtp_room_for(k->s, &l->t);
	if (room == ROOM_NONE)
		return;
	smtp_follow(k->s, &l->t, room == ROOM_MESSAGE ? STR(TEXT) : STR(""));
	k->begun++;
}

/* The first in hand, its message out, and as many behind it as there is room for. */
static void begin(struct talk *k, bool bdat)
{
	open_talk(k, bdat);
	smtp_start(k->s, &k->letters[k->begun++].t);
	if (!bdat) {
		write_all(k->s);
		smtp_feed(k->s, STR("250 ok\r\n250 ok\r\n354 go\r\n"));
	}
	give(k->s);
	while (k->begun < LETTERS && smtp_has_room(k->s))
		follow(k);
}

START_TEST(messages_in_one_flight)
{
	struct talk k;
	begin(&k, true);
	ck_assert_uint_eq(k.begun, LETTERS);
	ck_assert(str_eq(smtp_output(k.s),
	                 STR("MAIL FROM:<s@x.example>\r\nRCPT TO:<r0@y.example>\r\n"
	                     "BDAT 3 LAST\r\nx\r\n"
	                     "RSET\r\nMAIL FROM:<s@x.example>\r\nRCPT TO:<r1@y.example>\r\n"
	                     "BDAT 3 LAST\r\nx\r\n"
	                     "RSET\r\nMAIL FROM:<s@x.example>\r\nRCPT TO:<r2@y.example>\r\n"
	                     "BDAT 3 LAST\r\nx\r\n")));
	close_talk(&k);
}
END_TEST

START_TEST(envelope_behind_the_dot)
{
	struct talk k;
	begin(&k, false);
	ck_assert_uint_eq(k.begun, 2);
	ck_assert(str_eq(smtp_output(k.s),
	                 STR("x\r\n.\r\nMAIL FROM:<s@x.example>\r\nRCPT TO:<r1@y.example>\r\n"
	                     "DATA\r\n")));
	write_all(k.s);
	smtp_feed(k.s, STR("250 ok\r\n250 ok\r\n250 ok\r\n"));
	ck_assert_int_eq(smtp_want(k.s), SMTP_READ);
	smtp_feed(k.s, STR("354 go\r\n"));
	ck_assert_int_eq(smtp_want(k.s), SMTP_SETTLED);
	ck_assert(smtp_commit(k.s, NULL, NULL));
	ck_assert_int_eq(k.letters[0].rcpt->state, RCPT_DELIVERED);
	give(k.s);
	follow(&k);
	ck_assert_uint_eq(k.begun, 3);
	close_talk(&k);
}
END_TEST

/* Each reply of the flight by a letter, then what ends it: "." all is answered, "x" closed,
 * "t" silence. Of each message then: D delivered, F failed, d held, ? in doubt, again. */
static const struct row {
	bool bdat;
	const char *replies, *wanted;
} rows[] = {
    {true, "kkk.kkkk.kkkk.", "DDD"},
    {true, "kkk.kkkk.kkkk.k.", "???"}, /* one too many */
    {true, "kkk.kkkn.kkkk.", "DFD"},
    {true, "kkl.kknn.kkkk.", "dFD"},
    {true, "knn.knnn.kkkk.", "FFD"},
    {true, "kkkkknkkkkx", "???"},
    {true, "x", "???"},
    {true, "kkkx", "D??"},
    {true, "kkkkx", "D??"},
    {true, "kkkkkkkx", "DD?"},
    {true, "kknx", "???"}, /* it may be the answer to another */
    {true, "kkkt", "D??"},
    {true, "kkkkkkkkkkt", "DD?"}, /* one too few */
    {true, "kkkkkknkkkt", "???"},
    {true, "kkkcx", "Daa"},
    {true, "kkkkcx", "Daa"},
    {true, "kkkcccx", "Daa"},
    {true, "kkkkcnnkkkk.", "DdD"}, /* it does not close */
    {true, "kkkkccckkkk.", "DdD"},
    {true, "kkkccccx", "Daa"},
    {true, "kkkcccccccc", "Daa"},
    {true, "kkkckkkkkkk", "???"}, /* RSET failed */
    {true, "kkkcct", "D??"},
    {true, "kkkkkkkcx", "DDa"},
    {true, "kkkkkkkkkkc", "DD!"}, /* there is no other that could come */
    {true, "kkkkkkkkkkcc", "DD!"},
    {true, "kkkkkkkkkkck", "???"}, /* it did, or another reply was one too many */
    {true, "cx", "aaa"},
    {true, "kkkkg", "???"},
    {true, "kkk.kkkb.kkkk.", "DaD"}, /* BDAT is not known: it goes again by DATA */
    {false, "kkkg.", "D"},
    {false, "nkkg.", "F"},
    {false, "lkkg.", "d"},
    {false, "knnn.", "DF"},
    {false, "kkg", "?a"},   /* one too few */
    {false, "kkkkg", "?a"}, /* one too many */
    {false, "kz", "Da"},    /* nonsense to MAIL */
    {false, "kkz", "Da"},
    {false, "kkkz", "Da"},
    {false, "x", "?a"},
    {false, "kx", "Da"},
    {false, "nx", "Fa"},
    {false, "knx", "Da"},
    {false, "t", "?a"},
    {false, "kt", "Da"},
    {false, "nt", "?a"},
    {false, "knt", "?a"},
    {false, "kc", "Da"},
    {false, "kkc", "Da"},
    {false, "nc", "Fa"},
};

static const char *reply_of(char c)
{
	switch (c) {
	case 'k':
		return "250 ok\r\n";
	case 'n':
		return "550 no\r\n";
	case 'l':
		return "450 later\r\n";
	case 'g':
		return "354 go\r\n";
	case 'c':
		return "421 bye\r\n";
	case 'z':
		return "hello\r\n";
	case 'b':
		return "500 what\r\n";
	default:
		return "";
	}
}

static char fate_of(const struct talk *k, size_t i, bool all)
{
	enum cause cause = smtp_fault(k->s)->cause;
	switch (k->letters[i].rcpt->state) {
	case RCPT_DELIVERED:
		return 'D';
	case RCPT_FAILED:
		return 'F';
	case RCPT_WAITING:
		break;
	}
	if (all)
		return 'd';
	return cause == CAUSE_IN_DOUBT ? '?' : cause == CAUSE_USED_UP ? 'a' : '!';
}

START_TEST(which_verdicts_stand)
{
	const struct row *row = &rows[_i];
	struct talk k;
	struct fault silence = FAULT_INIT;
	char found[LETTERS + 1] = "";
	struct buf said;
	begin(&k, row->bdat);
	write_all(k.s);
	buf_init(&said, 4096);
	for (const char *c = row->replies; *c; c++)
		ck_assert(buf_add_str(&said, str_of(reply_of(*c))));
	smtp_feed(k.s, buf_str(&said));
	buf_release(&said);
	fault_sys(&silence, FAULT_RELAY, ETIMEDOUT, "silence");
	char end = row->replies[strlen(row->replies) - 1];
	if (end == 'x')
		smtp_eof(k.s);
	if (end == 't')
		smtp_failed(k.s, &silence);
	for (size_t i = 0; i < strlen(row->wanted); i++) {
		smtp_heard(k.s);
		struct fault why = *smtp_fault(k.s);
		if (smtp_want(k.s) != SMTP_OVER && smtp_want(k.s) != SMTP_SETTLED) {
			/* It goes again, which is written and answered. */
			ck_assert_int_eq(smtp_want(k.s), SMTP_READ);
			found[i] = 'a';
			write_all(k.s);
			smtp_feed(k.s, STR("250 ok\r\n250 ok\r\n354 go\r\n"));
			give(k.s);
			write_all(k.s);
			smtp_feed(k.s, STR("250 ok\r\n"));
			ck_assert(smtp_commit(k.s, NULL, NULL));
			continue;
		}
		bool all = smtp_commit(k.s, NULL, NULL);
		found[i] = k.letters[i].rcpt->state == RCPT_WAITING && !all
		               ? (why.cause == CAUSE_IN_DOUBT  ? '?'
		                  : why.cause == CAUSE_USED_UP ? 'a'
		                                               : '!')
		               : fate_of(&k, i, all);
	}
	ck_assert_msg(strcmp(found, row->wanted) == 0, "%s %s: %s, wanted %s",
	              row->bdat ? "BDAT" : "DATA", row->replies, found, row->wanted);
	close_talk(&k);
}
END_TEST

/* What is made of a leave is seen later: that it was said is seen at once, and once. */
START_TEST(each_leave_is_shown)
{
	static const char *const ends[] = {"421 bye\r\n", "250 ok\r\n", "550 no\r\n", ""};
	struct talk k;
	begin(&k, true);
	write_all(k.s);
	k.heard = 0;
	smtp_feed(k.s, STR("250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n"));
	for (size_t i = 5; i < 11; i++) {
		smtp_feed(k.s, STR("421 bye\r\n"));
		ck_assert_uint_eq(k.heard, i);
	}
	smtp_feed(k.s, str_of(ends[_i]));
	ck_assert_uint_eq(k.heard, ends[_i][0] ? 11 : 10);
	close_talk(&k);
}
END_TEST

START_TEST(no_room)
{
	struct talk k;
	struct smtp_transaction big;
	begin(&k, true);
	ck_assert(smtp_has_room(k.s));
	big = k.letters[0].t;
	big.size = 65536;
	ck_assert_int_eq(smtp_room_for(k.s, &big), ROOM_MESSAGE);
	big.size = 65537;
	ck_assert_int_eq(smtp_room_for(k.s, &big), ROOM_ENVELOPE);
	big.size = 1;
	big.rcpt_count = 127;
	ck_assert_int_eq(smtp_room_for(k.s, &big), ROOM_NONE);
	/* What is written can be answered; it is a flight of its own then. */
	write_all(k.s);
	smtp_feed(k.s, STR("250 ok\r\n"));
	ck_assert(smtp_has_room(k.s));
	for (int i = 0; i < 10; i++)
		smtp_feed(k.s, STR("250 ok\r\n"));
	ck_assert_int_eq(smtp_want(k.s), SMTP_SETTLED);
	ck_assert(!smtp_has_room(k.s));
	close_talk(&k);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("smtp_window");
	TCase *window = unit_case(s, "window");
	tcase_add_test(window, messages_in_one_flight);
	tcase_add_test(window, envelope_behind_the_dot);
	tcase_add_loop_test(window, which_verdicts_stand, 0, COUNT(rows));
	tcase_add_loop_test(window, each_leave_is_shown, 0, 4);
	tcase_add_test(window, no_room);
	return unit_run(s);
}
