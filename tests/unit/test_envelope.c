/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "text/buf.h"
#include "mail/envelope.h"
#include "unit.h"

static const struct same_case {
	const char *a;
	const char *b;
	bool same;
} same_cases[] = {
    {"a@example.org", "a@example.org", true},
    {"a@example.org", "a@EXAMPLE.Org", true},
    {"a@example.org", "A@example.org", false},
    {"a@example.org", "b@example.org", false},
    {"a@example.org", "a@example.net", false},
    {"a@example.org", "a@example.orgx", false},
    {"root", "root", true},
    {"root", "Root", false},
    {"root", "root@x", false},
    {"\"a@B\"", "\"a@b\"", false},
    {"\"a@b\"@x.example", "\"a@b\"@X.example", true},
    {"\"a@b\"@x.example", "\"a@B\"@x.example", false},
    {"", "", true},
};

START_TEST(same_address)
{
	const struct same_case *c = &same_cases[_i];
	ck_assert_msg(envelope_same_address(str_of(c->a), str_of(c->b)) == c->same, "%s %s",
	              c->a, c->b);
	ck_assert(envelope_same_address(str_of(c->b), str_of(c->a)) == c->same);
	struct envelope e;
	envelope_init(&e);
	envelope_add(&e, str_of(c->a));
	ck_assert((envelope_find(&e, str_of(c->b)) != NULL) == c->same);
	envelope_add(&e, str_of(c->b));
	ck_assert_uint_eq(e.rcpt_count, c->same ? 1 : 2);
	envelope_release(&e);
}
END_TEST

START_TEST(fresh)
{
	struct envelope e;
	envelope_init(&e);
	ck_assert_str_eq(e.sender, "");
	ck_assert_uint_eq(e.rcpt_count, 0);
	ck_assert_int_eq(e.body, BODY_UNSET);
	ck_assert_int_eq(e.ret, RET_UNSET);
	ck_assert(!envelope_find(&e, STR("a@x")));
	envelope_set_sender(&e, STR("a@example.org"));
	ck_assert_str_eq(e.sender, "a@example.org");
	envelope_set_sender(&e, str_of(e.sender));
	ck_assert_str_eq(e.sender, "a@example.org");
	envelope_set_sender(&e, STR(""));
	ck_assert_str_eq(e.sender, "");
	envelope_release(&e);
}
END_TEST

START_TEST(recipients)
{
	struct envelope e;
	envelope_init(&e);
	struct rcpt *r = envelope_add(&e, STR("a@x.example"));
	ck_assert_int_eq(r->state, RCPT_WAITING);
	ck_assert_uint_eq(r->notify, 0);
	ck_assert(!r->orcpt && !r->verdict.text && r->verdict.code == 0);
	ck_assert_str_eq(r->verdict.status, "");
	envelope_add(&e, STR("b@x.example"));
	r = envelope_add(&e, STR("a@X.EXAMPLE"));
	ck_assert(r == &e.rcpts[0]);
	ck_assert_str_eq(r->address, "a@x.example");
	ck_assert_uint_eq(e.rcpt_count, 2);
	ck_assert(envelope_find(&e, STR("b@x.example")) == &e.rcpts[1]);
	ck_assert_uint_eq(envelope_count(&e, RCPT_WAITING), 2);
	ck_assert_uint_eq(envelope_count(&e, RCPT_FAILED), 0);
	envelope_release(&e);
}
END_TEST

START_TEST(verdicts)
{
	char longer[5000];
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	struct envelope e;
	envelope_init(&e);
	struct rcpt *r = envelope_add(&e, STR("a@x.example"));
	r->state = RCPT_FAILED;
	verdict_set(&r->verdict, CAUSE_NO_SUCH_USER, 550, "5.1.1", "main", "x[192.0.2.1]:25",
	            STR("no\nsuch\x1B user"));
	char line[VERDICT_LINE_MAX];
	rcpt_reason(r, line);
	ck_assert_str_eq(line, "host x[192.0.2.1] said: 550 5.1.1 no\\x0Asuch\\x1B user");
	ck_assert(!rcpt_expired(r));
	verdict_set(&r->verdict, CAUSE_DEFERRED, 0, NULL, NULL, NULL, str_of(longer));
	ck_assert_str_eq(r->verdict.status, "");
	ck_assert(strlen(r->verdict.text) >= 255 && strlen(r->verdict.text) < 1000);
	/* Nobody refused it for good: its time was over. */
	ck_assert(rcpt_expired(r));
	rcpt_reason(r, line);
	ck_assert(str_starts(str_of(line), STR("expired: xxx")));
	ck_assert_uint_lt(strlen(line), VERDICT_LINE_MAX);
	r->state = RCPT_DELIVERED;
	verdict_set(&r->verdict, CAUSE_NONE, 250, "2.0.0-and-much-too-long", NULL, NULL,
	            STR(""));
	ck_assert(!r->verdict.text);
	ck_assert_uint_lt(strlen(r->verdict.status), FAULT_STATUS_MAX);
	ck_assert_uint_eq(envelope_count(&e, RCPT_DELIVERED), 1);
	envelope_release(&e);
}
END_TEST

START_TEST(many)
{
	struct envelope e;
	envelope_init(&e);
	char address[64];
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 100000; i++) {
			int len = snprintf(address, sizeof(address), "u%d@%s", i,
			                   round ? "HOST.example" : "host.example");
			envelope_add(&e, str_make(address, (size_t)len));
		}
	}
	ck_assert_uint_eq(e.rcpt_count, 100000);
	ck_assert_str_eq(e.rcpts[99999].address, "u99999@host.example");
	ck_assert(envelope_find(&e, STR("u54321@host.EXAMPLE")) == &e.rcpts[54321]);
	ck_assert(!envelope_find(&e, STR("u100000@host.example")));
	envelope_release(&e);
}
END_TEST

static const struct notify_case {
	const char *text;
	bool valid;
	unsigned bits;
	const char *written;
} notify_cases[] = {
    {"never", true, NOTIFY_NEVER, "NEVER"},
    {"SUCCESS", true, NOTIFY_SUCCESS, "SUCCESS"},
    {"success,failure", true, NOTIFY_SUCCESS | NOTIFY_FAILURE, "SUCCESS,FAILURE"},
    {"Delay,Failure,Success", true, NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY,
     "SUCCESS,FAILURE,DELAY"},
    {"delay,delay", true, NOTIFY_DELAY, "DELAY"},
    {"", false, 0, ""},
    {",", false, 0, ""},
    {"success,", false, 0, ""},
    {",success", false, 0, ""},
    {"success,,delay", false, 0, ""},
    {"never,success", false, 0, ""},
    {"success, delay", false, 0, ""},
    {"junk", false, 0, ""},
};

START_TEST(notify)
{
	const struct notify_case *c = &notify_cases[_i];
	unsigned bits = 99;
	ck_assert_msg(envelope_parse_notify(str_of(c->text), &bits) == c->valid, "%s", c->text);
	if (!c->valid)
		return;
	ck_assert_uint_eq(bits, c->bits);
	char written[32];
	envelope_format_notify(bits, written);
	ck_assert_str_eq(written, c->written);
}
END_TEST

START_TEST(body_and_ret)
{
	static const char *const none[] = {"", "7", "8BIT", "FULLHDRS", "FUL", "7BIT "};
	enum envelope_body body = BODY_UNSET;
	enum envelope_ret ret = RET_UNSET;
	for (size_t i = 0; i < COUNT(none); i++) {
		ck_assert(!envelope_parse_body(str_of(none[i]), &body));
		ck_assert(!envelope_parse_ret(str_of(none[i]), &ret));
	}
	ck_assert_int_eq(body, BODY_UNSET);
	ck_assert_int_eq(ret, RET_UNSET);
	ck_assert(envelope_parse_body(STR("7bit"), &body));
	ck_assert_int_eq(body, BODY_7BIT);
	ck_assert(envelope_parse_body(STR("8BitMime"), &body));
	ck_assert_int_eq(body, BODY_8BITMIME);
	ck_assert(envelope_parse_ret(STR("Full"), &ret));
	ck_assert_int_eq(ret, RET_FULL);
	ck_assert(envelope_parse_ret(STR("hdrs"), &ret));
	ck_assert_int_eq(ret, RET_HDRS);
	ck_assert_str_eq(envelope_body_name(BODY_7BIT), "7BIT");
	ck_assert_str_eq(envelope_ret_name(RET_HDRS), "HDRS");
	ck_assert_ptr_null(envelope_body_name(BODY_UNSET));
	ck_assert_ptr_null(envelope_ret_name(RET_UNSET));
}
END_TEST

START_TEST(notify_none)
{
	char written[32];
	envelope_format_notify(0, written);
	ck_assert_str_eq(written, "");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("envelope");
	TCase *t = unit_case(s, "envelope");
	tcase_add_loop_test(t, same_address, 0, COUNT(same_cases));
	tcase_add_test(t, fresh);
	tcase_add_test(t, recipients);
	tcase_add_test(t, verdicts);
	tcase_add_test(t, many);
	tcase_add_loop_test(t, notify, 0, COUNT(notify_cases));
	tcase_add_test(t, notify_none);
	tcase_add_test(t, body_and_ret);
	return unit_run(s);
}
