/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/session.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"
#include "unit_hold.h"
#include "unit_server.h"

static char folder[UNIT_FOLDER];
static struct hold hold;
static struct unit_server server;
static struct settings config;
static struct session_env env;
static struct session_target target;
static struct session_contact contact;

static void set_up(void)
{
	unit_hold_open(&hold, folder);
}

static void tear_down(void)
{
	settings_release(&config);
	unit_hold_close(&hold, folder);
}

/* relay: the rest of its section. */
static void serve(const struct unit_answer *answers, size_t count, const char *relay)
{
	unit_server_start(&server, answers, count);
	unit_server_settings(&server, relay, &config);
	env = (struct session_env){.config = &config, .hostname = "me.example"};
	target = (struct session_target){.relay = config.relays,
	                                 .host = config.relays[0].host.words[0],
	                                 .port = server.port};
}

static struct session *open_it(void)
{
	struct fault f = FAULT_INIT;
	struct session *s = session_open(&env, &target, &contact, &f);
	ck_assert_msg(s != NULL, "%s", f.text);
	return s;
}

/* An entry that waits, and all of it to be sent. */
struct parcel {
	struct hold_entry he;
	size_t rcpts[4];
	struct session_mail mail;
};

/* more: lines of its message. */
static void pack(struct parcel *p, const char *sender, const char *rcpts, size_t more)
{
	struct entry e;
	unit_entry(&e, sender, rcpts);
	unit_hold_put(&hold, &e, more);
	unit_hold_claim(&hold, HOLD_QUEUE, e.id, &p->he);
	entry_release(&e);
	for (size_t i = 0; i < COUNT(p->rcpts); i++)
		p->rcpts[i] = i;
	p->mail = (struct session_mail){
	    .he = &p->he, .rcpts = p->rcpts, .count = p->he.entry.envelope.rcpt_count};
}

static const struct rcpt *rcpt(const struct parcel *p, size_t i)
{
	return &p->he.entry.envelope.rcpts[i];
}

static enum session_end send_it(struct session *s, struct parcel *p, struct fault *f)
{
	*f = FAULT_INIT;
	return session_send(s, &p->mail, NULL, NULL, f);
}

/* Each recipient has what the server said of it, and who that was. */
START_TEST(verdicts)
{
	static const struct unit_answer answers[] = {
	    {"RCPT TO:<later@", .say = "451 4.2.0 later"},
	    {"RCPT TO:<never@", .say = "550 5.1.1 who?"},
	};
	struct parcel p;
	struct fault f;
	char peer[64];
	serve(answers, COUNT(answers), "security = none");
	struct session *s = open_it();
	pack(&p, "me@x.example", "good@y.example later@y.example never@y.example", 0);
	ck_assert_int_eq(send_it(s, &p, &f), SESSION_SETTLED);
	ck_assert_int_eq(rcpt(&p, 0)->state, RCPT_DELIVERED);
	ck_assert_int_eq(rcpt(&p, 0)->verdict.code, 250);
	ck_assert_str_eq(rcpt(&p, 0)->verdict.relay, "main");
	snprintf(peer, sizeof(peer), "127.0.0.1[127.0.0.1]:%d", server.port);
	ck_assert_str_eq(rcpt(&p, 0)->verdict.host, peer);
	ck_assert_int_eq(rcpt(&p, 1)->state, RCPT_WAITING);
	ck_assert_int_eq(rcpt(&p, 1)->verdict.cause, CAUSE_DEFERRED);
	ck_assert_str_eq(rcpt(&p, 1)->verdict.text, "later");
	ck_assert_int_eq(rcpt(&p, 2)->state, RCPT_FAILED);
	ck_assert_int_eq(rcpt(&p, 2)->verdict.cause, CAUSE_NO_SUCH_USER);
	ck_assert_str_eq(rcpt(&p, 2)->verdict.status, "5.1.1");
	ck_assert_uint_eq(session_messages(s), 1);
	ck_assert(session_usable(s));
	session_close(s);
	hold_release(&p.he);
	ck_assert_str_eq(unit_server_end(&server), "+\n"
	                                           "EHLO me.example\n"
	                                           "MAIL FROM:<me@x.example>\n"
	                                           "RCPT TO:<good@y.example>\n"
	                                           "RCPT TO:<later@y.example>\n"
	                                           "RCPT TO:<never@y.example>\n"
	                                           "DATA\n"
	                                           "Subject: a test\n"
	                                           "\n"
	                                           "body\n"
	                                           ".\n"
	                                           "QUIT\n"
	                                           "-\n");
}
END_TEST

/* It answers MAIL only when it has seen DATA. */
START_TEST(one_flight)
{
	static const struct unit_answer answers[] = {
	    {"MAIL", .say = "250 ok", .behind = "DATA"}};
	struct parcel p;
	struct fault f;
	serve(answers, COUNT(answers), "security = none");
	struct session *s = open_it();
	pack(&p, "me@x.example", "a@y.example", 0);
	ck_assert_int_eq(send_it(s, &p, &f), SESSION_SETTLED);
	session_close(s);
	hold_release(&p.he);
	unit_server_end(&server);
}
END_TEST

static struct session_mail *give_next(void *context)
{
	struct session_mail **next = context, *m = *next;
	*next = NULL;
	return m;
}

/* Sends the first, which shows that the server takes messages, then the second, with the
 * third behind it. */
static void send_two(struct session *s, struct parcel p[3])
{
	struct fault f;
	struct session_mail *next = &p[2].mail;
	pack(&p[0], "zero@x.example", "a@y.example", 0);
	pack(&p[1], "one@x.example", "a@y.example", 0);
	pack(&p[2], "two@x.example", "b@y.example", 0);
	ck_assert_int_eq(send_it(s, &p[0], &f), SESSION_SETTLED);
	ck_assert_int_eq(session_send(s, &p[1].mail, give_next, &next, &f), SESSION_SETTLED);
	ck_assert_int_eq(rcpt(&p[1], 0)->state, RCPT_DELIVERED);
	ck_assert_int_eq(p[2].mail.progress, MAIL_UNDER_WAY);
	ck_assert_int_eq(rcpt(&p[2], 0)->state, RCPT_WAITING);
}

/* It answers the end of one message only when it has seen MAIL for the next. */
START_TEST(behind_the_dot)
{
	static const struct unit_answer answers[] = {
	    {".", .say = "250 zero", .once = true},
	    {".", .say = "250 one", .behind = "MAIL FROM:<two@", .once = true},
	};
	struct parcel p[3];
	struct fault f;
	serve(answers, COUNT(answers), "security = none");
	struct session *s = open_it();
	send_two(s, p);
	ck_assert_int_eq(send_it(s, &p[2], &f), SESSION_SETTLED);
	ck_assert_int_eq(rcpt(&p[2], 0)->state, RCPT_DELIVERED);
	ck_assert_uint_eq(session_messages(s), 3);
	session_close(s);
	for (size_t i = 0; i < COUNT(p); i++)
		hold_release(&p[i].he);
	unit_server_end(&server);
}
END_TEST

/* What was only announced when the session ends was never begun. */
START_TEST(announced_only)
{
	struct parcel p[3];
	serve(NULL, 0, "security = none");
	struct session *s = open_it();
	send_two(s, p);
	session_close(s);
	ck_assert_int_eq(p[2].mail.progress, MAIL_NEW);
	ck_assert_int_eq(rcpt(&p[2], 0)->state, RCPT_WAITING);
	ck_assert_int_eq(rcpt(&p[2], 0)->verdict.cause, CAUSE_NONE);
	for (size_t i = 0; i < COUNT(p); i++)
		hold_release(&p[i].he);
	const char *second = strstr(unit_server_end(&server), "MAIL FROM:<two@");
	ck_assert_ptr_nonnull(second);
	ck_assert_ptr_null(strstr(second, "body"));
}
END_TEST

/* The server goes away in mid-conversation: who has no verdict waits, for that reason. */
START_TEST(goes_away)
{
	static const struct unit_answer answers[] = {
	    {"RCPT TO:<never@", .say = "550 5.1.1 who?"},
	    {".", .closes = true},
	};
	struct parcel p;
	struct fault f;
	serve(answers, COUNT(answers), "security = none");
	struct session *s = open_it();
	pack(&p, "me@x.example", "a@y.example never@y.example", 0);
	ck_assert_int_eq(send_it(s, &p, &f), SESSION_BROKEN);
	/* The message was out: the server may have it. */
	ck_assert_int_eq(f.cause, CAUSE_IN_DOUBT);
	ck_assert_int_eq(rcpt(&p, 0)->state, RCPT_WAITING);
	ck_assert_int_eq(rcpt(&p, 0)->verdict.cause, CAUSE_IN_DOUBT);
	ck_assert_str_eq(rcpt(&p, 0)->verdict.relay, "main");
	ck_assert_str_eq(rcpt(&p, 0)->verdict.host, session_peer(s));
	ck_assert_int_eq(rcpt(&p, 0)->verdict.code, 0);
	ck_assert_int_eq(rcpt(&p, 1)->state, RCPT_FAILED);
	ck_assert(!session_usable(s));
	ck_assert(session_settled(s));
	ck_assert(!session_lost_several(s));
	session_close(s);
	hold_release(&p.he);
	unit_server_end(&server);
}
END_TEST

/* Half a message is out when its file turns out to be damaged: its end is not sent. */
START_TEST(damaged_on_the_way)
{
	struct parcel p;
	struct fault f;
	serve(NULL, 0, "security = none");
	struct session *s = open_it();
	pack(&p, "me@x.example", "a@y.example", 30000);
	ck_assert_int_eq(pwrite(p.he.fd, "M", 1, p.he.entry.message_at + 100000), 1);
	ck_assert_int_eq(send_it(s, &p, &f), SESSION_ENTRY);
	ck_assert_int_eq(f.kind, FAULT_DATA);
	ck_assert_int_eq(rcpt(&p, 0)->state, RCPT_WAITING);
	ck_assert(!session_usable(s));
	session_close(s);
	hold_release(&p.he);
	const char *heard = unit_server_end(&server);
	ck_assert_ptr_nonnull(strstr(heard, "more\n"));
	ck_assert_ptr_null(strstr(heard, "\n.\n"));
}
END_TEST

/* An answer too many: the one before it may be about another message. */
START_TEST(out_of_step)
{
	static const struct unit_answer answers[] = {
	    {".", .say = "250 2.0.0 taken\n250 and one more"}};
	struct parcel p;
	struct fault f;
	serve(answers, COUNT(answers), "security = none");
	struct session *s = open_it();
	pack(&p, "me@x.example", "a@y.example", 0);
	ck_assert_int_eq(send_it(s, &p, &f), SESSION_BROKEN);
	ck_assert_int_eq(f.kind, FAULT_PROTOCOL);
	ck_assert_int_eq(rcpt(&p, 0)->state, RCPT_WAITING);
	ck_assert(session_lost_several(s));
	session_close(s);
	hold_release(&p.he);
	/* No word more. */
	ck_assert_ptr_null(strstr(unit_server_end(&server), "QUIT"));
}
END_TEST

/* Who only wants to know whether mail would be taken sends none. */
START_TEST(probe)
{
	static const struct unit_answer answers[] = {
	    {"RCPT", .say = "550 5.1.1 who?", .once = true}};
	struct session_probe both = {.sender = "me@x.example", .rcpt = "a@y.example"};
	struct session_probe mail = {.sender = "me@x.example"};
	struct fault f = FAULT_INIT;
	serve(answers, COUNT(answers), "security = none");
	struct session *s = open_it();
	ck_assert(!session_probe(s, &both, &f));
	ck_assert_int_eq(both.failed, STEP_RCPT);
	ck_assert_int_eq(f.code, 550);
	ck_assert_int_eq(f.cause, CAUSE_NO_SUCH_USER);
	ck_assert(session_usable(s));
	ck_assert(session_probe(s, &both, &f));
	ck_assert(both.ms[STEP_MAIL] >= 0 && both.ms[STEP_RCPT] >= 0 &&
	          both.ms[STEP_RSET] >= 0);
	ck_assert(session_probe(s, &mail, &f));
	ck_assert(mail.ms[STEP_MAIL] >= 0 && mail.ms[STEP_RCPT] < 0);
	session_close(s);
	ck_assert_str_eq(unit_server_end(&server), "+\n"
	                                           "EHLO me.example\n"
	                                           "MAIL FROM:<me@x.example>\n"
	                                           "RCPT TO:<a@y.example>\n"
	                                           "RSET\n"
	                                           "MAIL FROM:<me@x.example>\n"
	                                           "RCPT TO:<a@y.example>\n"
	                                           "RSET\n"
	                                           "MAIL FROM:<me@x.example>\n"
	                                           "RSET\n"
	                                           "QUIT\n"
	                                           "-\n");
}
END_TEST

/* A copy in a child process says nothing. */
START_TEST(dropped)
{
	serve(NULL, 0, "security = none");
	session_drop(open_it());
	ck_assert_str_eq(unit_server_end(&server), "+\nEHLO me.example\n-\n");
}
END_TEST

#define WITH_TLS                                                     \
	{                                                            \
		"EHLO", .say = "250-x\n250-STARTTLS\n250 AUTH PLAIN" \
	}
#define WITH_PASSWORD "user = me\npassword = secret\n"

/* No TLS is better than no mail; it is no way for a password. */
START_TEST(clear_behind_tls)
{
	static const struct unit_answer answers[] = {
	    WITH_TLS, {"STARTTLS", .say = "220 go", .closes = true}};
	serve(answers, COUNT(answers), "security = opportunistic");
	struct session *s = open_it();
	ck_assert_ptr_null(session_facts(s)->tls);
	ck_assert_str_eq(contact.tls, "no");
	session_close(s);
	unit_server_end(&server);
}
END_TEST

static const struct open_case {
	const char *name;
	struct unit_answer answers[2];
	const char *relay;
	enum cause cause;
} open_cases[] = {
    {"closes", {{"", .closes = true}}, "security = none", CAUSE_CLOSED},
    {"refuses", {{"", .say = "554 go away"}}, "security = none", CAUSE_SERVICE_REFUSED},
    {"is full", {{"", .say = "421 4.7.0 too many"}}, "security = none", CAUSE_BUSY},
    {"no mail server", {{"", .say = "SSH-2.0-x"}}, "security = none", CAUSE_NOT_SMTP},
    {"no STARTTLS", {{0}}, "security = starttls", CAUSE_NO_STARTTLS},
    {"words before TLS",
     {WITH_TLS, {"STARTTLS", .say = "220 go\n250 injected"}},
     "security = starttls",
     CAUSE_NOT_SMTP},
    {"no TLS behind STARTTLS",
     {WITH_TLS, {"STARTTLS", .say = "220 go", .closes = true}},
     "security = starttls",
     CAUSE_TLS},
    {"password wrong",
     {WITH_TLS, {"AUTH", .say = "535 5.7.8 no"}},
     "security = none\nallow_cleartext_auth = yes\n" WITH_PASSWORD,
     CAUSE_LOGIN_REFUSED},
};

/* One that never came so far as to take mail. */
START_TEST(not_opened)
{
	const struct open_case *c = &open_cases[_i];
	struct fault f = FAULT_INIT;
	size_t count = 0;
	while (count < COUNT(c->answers) && c->answers[count].command)
		count++;
	serve(c->answers, count, c->relay);
	ck_assert_ptr_null(session_open(&env, &target, &contact, &f));
	ck_assert_msg(f.cause == c->cause, "%s: %s, %s", c->name, cause_row(f.cause)->word,
	              f.text);
	ck_assert_int_eq(contact.port, server.port);
	const char *heard = unit_server_end(&server);
	/* Every connection was closed, and none got a message. */
	ck_assert_msg(!strstr(heard, "MAIL"), "%s: %s", c->name, heard);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("session");
	TCase *c = unit_case(s, "session");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, verdicts);
	tcase_add_test(c, one_flight);
	tcase_add_test(c, behind_the_dot);
	tcase_add_test(c, announced_only);
	tcase_add_test(c, goes_away);
	tcase_add_test(c, damaged_on_the_way);
	tcase_add_test(c, out_of_step);
	tcase_add_test(c, probe);
	tcase_add_test(c, dropped);
	tcase_add_test(c, clear_behind_tls);
	tcase_add_loop_test(c, not_opened, 0, COUNT(open_cases));
	return unit_run(s);
}
