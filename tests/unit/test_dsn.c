/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/buf.h"
#include "text/codec.h"
#include "text/fault.h"
#include "mail/envelope.h"
#include "mail/dsn.h"
#include "unit.h"

#define ROOM     (64 * 1024 * 1024)
#define ARRIVED  1795290404 /* 2026-11-21 19:46:44 UTC */
#define BOUNDARY "=_report_000102030405060708090A0B0C0D0E0F"

#define ORIGINAL_HEADER "From: a@x\r\nSubject: hi\r\n there\r\n"
#define ORIGINAL        ORIGINAL_HEADER "\r\nbody\r\n\r\nmore\r\n"

static struct envelope envelope;
static struct buf got;

static struct rcpt *add(const char *address, enum rcpt_state state, int code,
                        const char *status, const char *reason)
{
	struct rcpt *p = envelope_add(&envelope, str_of(address));
	p->state = state;
	verdict_set(&p->verdict,
	            state == RCPT_DELIVERED ? CAUSE_NONE
	            : code >= 500           ? CAUSE_MESSAGE_REFUSED
	                                    : CAUSE_DEFERRED,
	            code, status, "main", code > 0 ? "mx.y.example[192.0.2.1]:25" : NULL,
	            str_of(reason));
	return p;
}

static void setup(void)
{
	envelope_init(&envelope);
	envelope_set_sender(&envelope, STR("me@x.example"));
	buf_init(&got, ROOM);
}

static void teardown(void)
{
	envelope_release(&envelope);
	buf_release(&got);
}

static struct dsn make(enum dsn_kind kind)
{
	struct dsn r = {
	    .kind = kind,
	    .envelope = &envelope,
	    .to = "me@x.example",
	    .hostname = STR("host.x.example"),
	    .id = "6920C8F13A7B",
	    .arrived = ARRIVED,
	    .expires = ARRIVED + 432000,
	    .wall = ARRIVED + 3600,
	    .zone_min = 60,
	};
	for (size_t i = 0; i < sizeof(r.random); i++)
		r.random[i] = (unsigned char)i;
	return r;
}

static bool collect(void *context, struct str bytes, struct fault *f)
{
	(void)f;
	ck_assert(buf_add_str(context, bytes));
	return true;
}

/* The report, the original given in two pieces, or byte by byte. */
static void write_report(struct dsn r, struct str original, size_t cut)
{
	struct fault f = FAULT_INIT;
	buf_clear(&got);
	ck_assert(dsn_begin(&r, collect, &got, &f));
	if (cut != STR_NONE) {
		ck_assert(dsn_original(&r, str_first(original, cut), collect, &got, &f));
		ck_assert(dsn_original(&r, str_from(original, cut), collect, &got, &f));
	} else {
		for (size_t i = 0; i < original.len; i++)
			ck_assert(
			    dsn_original(&r, str_make(original.at + i, 1), collect, &got, &f));
	}
	ck_assert(dsn_end(&r, collect, &got, &f));
}

static bool has(const char *text)
{
	return strstr(buf_cstr(&got), text) != NULL;
}

/* What stands between the header of the third part and the last boundary. */
static struct str appended(void)
{
	struct str s = buf_str(&got);
	const char *at = buf_cstr(&got);
	for (int i = 0; i < 3; i++) {
		at = strstr(at, "\r\n--" BOUNDARY "\r\n");
		ck_assert_ptr_nonnull(at);
		at += strlen("\r\n--" BOUNDARY);
	}
	at = strstr(at, "\r\n\r\n") + 4;
	s = str_make(at, (size_t)(s.at + s.len - at));
	ck_assert(str_ends(s, STR("\r\n--" BOUNDARY "--\r\n")));
	return str_first(s, s.len - strlen("\r\n--" BOUNDARY "--\r\n"));
}

START_TEST(header)
{
	add("a@b.example", RCPT_FAILED, 550, "5.1.1", "no");
	write_report(make(DSN_FAILED), STR(ORIGINAL), 0);
	ck_assert(str_starts(buf_str(&got), STR("Date: Sat, 21 Nov 2026 21:46:44 +0100\r\n")));
	ck_assert(has("\r\nFrom: Mail Delivery System <MAILER-DAEMON@host.x.example>\r\n"));
	ck_assert(has("\r\nTo: <me@x.example>\r\n"));
	ck_assert(has("\r\nAuto-Submitted: auto-replied\r\n"));
	ck_assert(has("\r\nMIME-Version: 1.0\r\n"));
	ck_assert(has("\r\nContent-Type: multipart/report; report-type=delivery-status;\r\n"
	              " boundary=\"" BOUNDARY "\"\r\n"));
	ck_assert(has("\r\nMessage-ID: <"));
	ck_assert(!has("In-Reply-To"));
	ck_assert(!has("Content-Transfer-Encoding"));
	ck_assert(has("\r\nContent-Description: Notification\r\n"
	              "Content-Type: text/plain; charset=us-ascii\r\n"));
	ck_assert(
	    has("\r\nContent-Type: message/delivery-status\r\n\r\n"
	        "Reporting-MTA: dns; host.x.example\r\n"
	        "X-Postern-Entry: 6920C8F13A7B\r\n"
	        "Arrival-Date: Sat, 21 Nov 2026 20:46:44 +0100\r\n\r\n"
	        "Final-Recipient: rfc822; a@b.example\r\n"
	        "Action: failed\r\nStatus: 5.1.1\r\n"
	        "Remote-MTA: dns; mx.y.example\r\nDiagnostic-Code: smtp; 550 5.1.1 no\r\n"));
}
END_TEST

START_TEST(threading)
{
	static const struct {
		const char *id;
		bool shown;
	} ids[] = {{"<a@b>", true}, {" <a@b>\r\n", true}, {"", false},
	           {"a@b", false},  {"<a b>", false},     {"<a@\xC3\xBC>", false}};
	struct dsn r = make(DSN_FAILED);

	add("a@b.example", RCPT_FAILED, 550, "5.1.1", "no");
	r.message_id = str_of(ids[_i].id);
	r.subject = STR(" =?utf-8?Q?=C3=BC?=\r\n x\xC3\xBC ");
	write_report(r, STR(ORIGINAL), 0);
	ck_assert_int_eq(has("\r\nIn-Reply-To: <a@b>\r\nReferences: <a@b>\r\n"), ids[_i].shown);
	ck_assert_int_eq(has("In-Reply-To"), ids[_i].shown);
	ck_assert(has("\r\nSubject: Your message could not be delivered: =?utf-8?Q?=C3=BC?="));
	ck_assert(codec_is_ascii(buf_str(&got)));
}
END_TEST

static const struct wanted {
	enum rcpt_state state;
	unsigned notify;
	bool failed;
	bool delayed;
} wanted[] = {
    {RCPT_FAILED, 0, true, false},
    {RCPT_FAILED, NOTIFY_NEVER, false, false},
    {RCPT_FAILED, NOTIFY_FAILURE, true, false},
    {RCPT_FAILED, NOTIFY_SUCCESS | NOTIFY_DELAY, false, false},
    {RCPT_FAILED, NOTIFY_SUCCESS | NOTIFY_FAILURE, true, false},
    {RCPT_WAITING, 0, false, true},
    {RCPT_WAITING, NOTIFY_NEVER, false, false},
    {RCPT_WAITING, NOTIFY_FAILURE, false, false},
    {RCPT_WAITING, NOTIFY_DELAY, false, true},
    {RCPT_DELIVERED, 0, false, false},
    {RCPT_DELIVERED, NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY, false, false},
};

START_TEST(honours_notify)
{
	const struct wanted *t = &wanted[_i];
	struct dsn failed = make(DSN_FAILED), delayed = make(DSN_DELAYED);
	add("other@b.example", RCPT_DELIVERED, 250, NULL, "ok");
	add("a@b.example", t->state, 550, "5.1.1", "no")->notify = t->notify;
	ck_assert_uint_eq(dsn_wanted(&failed), t->failed);
	ck_assert_uint_eq(dsn_wanted(&delayed), t->delayed);
	write_report(failed, STR(ORIGINAL), 0);
	ck_assert_int_eq(has("a@b.example"), t->failed);
	ck_assert(!has("other@b.example"));
	write_report(delayed, STR(ORIGINAL), 0);
	ck_assert_int_eq(has("a@b.example"), t->delayed);
}
END_TEST

static const struct outcome {
	enum cause cause;
	int code;
	const char *status;
	const char *text;
	const char *want_status;
	const char *want; /* what is said of who said what, behind the status */
} outcomes[] = {
    {CAUSE_NO_SUCH_USER, 550, "5.1.1", "no such user", "5.1.1",
     "Remote-MTA: dns; mx.y.example\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n"},
    {CAUSE_MESSAGE_REFUSED, 554, "", "said 1554 or so", "5.0.0",
     "Remote-MTA: dns; mx.y.example\r\nDiagnostic-Code: smtp; 554 said 1554 or so\r\n"},
    /* Its time was over: the last that was said is told. */
    {CAUSE_DEFERRED, 451, "4.7.1", "later", "4.4.7",
     "Remote-MTA: dns; mx.y.example\r\nDiagnostic-Code: smtp; 451 4.7.1 later\r\n"},
    /* What no server said is no diagnostic of one. */
    {CAUSE_NOT_LISTENING, 0, "", "connect to mx.y.example: refused", "4.4.7",
     "Last-Attempt-Date: "},
    {CAUSE_UNCONVERTIBLE, 0, "5.6.3", "8-bit text in a signed part", "5.6.3",
     "Last-Attempt-Date: "},
};

START_TEST(tells_verdict)
{
	const struct outcome *t = &outcomes[_i];
	struct dsn r = make(DSN_FAILED);
	struct rcpt *p = add("a@b.example", RCPT_FAILED, t->code, t->status, t->text);
	p->verdict.cause = t->cause;
	write_report(r, STR(ORIGINAL), 0);
	char want[256];
	snprintf(want, sizeof(want), "Action: failed\r\nStatus: %s\r\n%s", t->want_status,
	         t->want);
	ck_assert_msg(has(want), "%s", buf_cstr(&got));
	ck_assert_int_eq(has("time for trying is over"), t->want_status[0] == '4');
}
END_TEST

START_TEST(warns_of_delay)
{
	add("a@b.example", RCPT_WAITING, 535, "5.7.8", "535 5.7.8 login failed");
	write_report(make(DSN_DELAYED), STR(ORIGINAL), 0);
	ck_assert(has("You need not do anything"));
	ck_assert(has("tried again until Thu, 26 Nov 2026 20:46:44 +0100"));
	/* "delayed" goes with class 4 only (RFC 3464 section 2.3.4) */
	ck_assert(has("Action: delayed\r\nStatus: 4.7.8\r\n"));
	ck_assert(has("Will-Retry-Until: Thu, 26 Nov 2026 20:46:44 +0100\r\n"));
}
END_TEST

START_TEST(gives_parameters_back)
{
	static const struct {
		const char *envid;
		const char *orcpt;
		const char *want;
	} cases[] = {
	    {"QQ+2B314", NULL, "\r\nOriginal-Envelope-Id: QQ+314\r\nReporting-MTA: "},
	    {"a+0D+0Ab", NULL, "\r\nOriginal-Envelope-Id: a??b\r\nReporting-MTA: "},
	    {NULL, "rfc822;a+2Bb@c",
	     "\r\nOriginal-Recipient: rfc822; a+b@c\r\nFinal-Recipient: "},
	    {NULL, "rfc822;a+0Ab@c",
	     "\r\nOriginal-Recipient: rfc822; a?b@c\r\nFinal-Recipient: "},
	    {NULL, "x400;a", "\r\nOriginal-Recipient: x400;a\r\nFinal-Recipient: "},
	    {NULL, NULL, "\r\n\r\nFinal-Recipient: "},
	};
	struct rcpt *p = add("a@b.example", RCPT_FAILED, 550, "5.1.1", "no");

	envelope.envid = cases[_i].envid ? mem_copy(str_of(cases[_i].envid)) : NULL;
	p->orcpt = cases[_i].orcpt ? mem_copy(str_of(cases[_i].orcpt)) : NULL;
	write_report(make(DSN_FAILED), STR(ORIGINAL), 0);
	ck_assert_msg(has(cases[_i].want), "%s", buf_cstr(&got));
}
END_TEST

static const struct third {
	bool full, is_8bit, utf8;
	const char *type;
	bool labelled;
} thirds[] = {
    {false, false, false, "text/rfc822-headers", false},
    {false, true, false, "text/rfc822-headers", false},
    {false, false, true, "message/global-headers", true},
    {true, false, false, "message/rfc822", false},
    {true, true, false, "message/rfc822", true},
    {true, false, true, "message/global", true},
};

START_TEST(appends_original)
{
	const struct third *t = &thirds[_i];
	struct dsn r = make(DSN_FAILED);
	size_t len = strlen(ORIGINAL);
	add("a@b.example", RCPT_FAILED, 550, "5.1.1", "no");
	r.full = t->full;
	r.original_8bit = t->is_8bit;
	r.original_utf8 = t->utf8;
	for (size_t cut = 0; cut <= len + 1; cut++) {
		write_report(r, STR(ORIGINAL), cut > len ? STR_NONE : cut);
		ck_assert(str_eq(appended(), t->full ? STR(ORIGINAL) : STR(ORIGINAL_HEADER)));
	}
	char want[128];
	snprintf(want, sizeof(want), "\r\nContent-Type: %s\r\n%s\r\n", t->type,
	         t->labelled ? "Content-Transfer-Encoding: 8bit\r\n" : "");
	ck_assert_msg(has(want), "%s", buf_cstr(&got));
	/* the label of what holds it (RFC 2045 section 6.4) */
	ck_assert_int_eq(has("\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"), t->labelled);
}
END_TEST

START_TEST(cuts_at_blank_line)
{
	static const struct {
		const char *original;
		const char *header;
	} cases[] = {
	    {"", ""},
	    {"\r\n", ""},
	    {"\r\nbody\r\n", ""},
	    {"A: b\r\n", "A: b\r\n"},
	    {"A: b\r\n\r\nA: c\r\n\r\n", "A: b\r\n"},
	    {"A: b\r\n \r\n\r\nx\r\n", "A: b\r\n \r\n"},
	};
	struct str original = str_of(cases[_i].original);

	add("a@b.example", RCPT_FAILED, 550, "5.1.1", "no");
	for (size_t cut = 0; cut <= original.len + 1; cut++) {
		write_report(make(DSN_FAILED), original, cut > original.len ? STR_NONE : cut);
		ck_assert(str_eq(appended(), str_of(cases[_i].header)));
	}
}
END_TEST

START_TEST(other_than_ascii)
{
	add("j\xC3\xB6rg\\+=@b.example", RCPT_FAILED, 550, "5.1.1", "no");
	add("\xF0\x9F\x98\x80@b.example", RCPT_FAILED, 550, "5.1.1", "no");
	add("\xFF@b.example", RCPT_FAILED, 550, "5.1.1", "no");
	write_report(make(DSN_FAILED), STR(ORIGINAL), 0);
	ck_assert(has("  j\xC3\xB6rg\\+=@b.example\r\n"));
	ck_assert(has("  \\xFF@b.example\r\n"));
	ck_assert(has("Content-Type: text/plain; charset=utf-8\r\n"
	              "Content-Transfer-Encoding: 8bit\r\n"));
	ck_assert(has("Final-Recipient: utf-8; j\\x{F6}rg\\x{5C}\\x{2B}\\x{3D}@b.example\r\n"));
	ck_assert(has("Final-Recipient: utf-8; \\x{1F600}@b.example\r\n"));
	ck_assert(has("Final-Recipient: utf-8; ?@b.example\r\n"));
	ck_assert(has("\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"));
}
END_TEST

START_TEST(long_reason)
{
	char reason[3000];
	memset(reason, 'x', sizeof(reason));
	reason[1500] = ' ';
	reason[1600] = ' ';
	reason[sizeof(reason) - 1] = '\0';
	free(add("a@b.example", RCPT_FAILED, 550, "5.1.1", "no")->verdict.text);
	envelope.rcpts[0].verdict.text = mem_copy(str_of(reason));
	write_report(make(DSN_FAILED), STR(ORIGINAL), 0);
	struct str rest = buf_str(&got);
	struct str line;
	while (str_cut(&rest, '\n', &line))
		ck_assert_uint_le(line.len, 999);
}
END_TEST

static size_t count(const char *text)
{
	return unit_occurrences(buf_cstr(&got), text);
}

START_TEST(many_recipients)
{
	static const size_t sizes[] = {1000, 1001, 20000};
	char address[64];
	for (size_t i = 0; i < sizes[_i]; i++) {
		snprintf(address, sizeof(address), "u%zu@b.example", i);
		add(address, RCPT_FAILED, 550, "5.1.1", "no");
	}
	write_report(make(DSN_FAILED), STR(ORIGINAL), 0);
	ck_assert_uint_eq(count("\r\nFinal-Recipient: "), sizes[_i]);
	ck_assert_uint_eq(count("said: 550 5.1.1 no"), 1000);
	ck_assert_int_eq(has("  ... and 1 more"), sizes[_i] == 1001);
	ck_assert_int_eq(has("  ... and 19000 more"), sizes[_i] == 20000);
}
END_TEST

static bool stop(void *context, struct str bytes, struct fault *f)
{
	(void)context;
	(void)bytes;
	return fault_set(f, FAULT_IO, "stop");
}

START_TEST(sink_stops)
{
	struct dsn r = make(DSN_FAILED);
	struct fault f = FAULT_INIT;
	add("a@b.example", RCPT_FAILED, 550, "5.1.1", "no");
	ck_assert(!dsn_begin(&r, stop, NULL, &f));
	ck_assert_int_eq(f.kind, FAULT_IO);
	ck_assert(!dsn_original(&r, STR("A: b\r\n"), stop, NULL, &f));
	ck_assert(!dsn_end(&r, stop, NULL, &f));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("dsn");
	TCase *t = unit_case(s, "dsn");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, header);
	tcase_add_loop_test(t, threading, 0, 6);
	tcase_add_loop_test(t, honours_notify, 0, COUNT(wanted));
	tcase_add_loop_test(t, tells_verdict, 0, COUNT(outcomes));
	tcase_add_test(t, warns_of_delay);
	tcase_add_loop_test(t, gives_parameters_back, 0, 6);
	tcase_add_loop_test(t, appends_original, 0, COUNT(thirds));
	tcase_add_loop_test(t, cuts_at_blank_line, 0, 6);
	tcase_add_test(t, other_than_ascii);
	tcase_add_test(t, long_reason);
	tcase_add_loop_test(t, many_recipients, 0, 3);
	tcase_add_test(t, sink_stops);
	return unit_run(s);
}
