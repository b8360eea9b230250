/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "text/buf.h"
#include "cmd/list/json.h"
#include "cmd/list/listing.h"
#include "cmd/list/show.h"
#include "cmd/list/format.h"

#define NOW     1795293000 /* Sat Nov 21 20:30:00 2026 UTC */
#define OUT_MAX (1024 * 1024)

static void entry_make(struct entry *e, const char *sender)
{
	entry_init(e);
	memcpy(e->id, "6920C8F13A7B", ENTRY_ID_LEN + 1);
	e->created = NOW;
	e->next_try = NOW + 300;
	e->facts.size = 273;
	e->uid = 1000;
	envelope_set_sender(&e->envelope, str_of(sender));
}

static void rcpt_make(struct entry *e, const char *address, enum rcpt_state state, int code,
                      const char *status, const char *reason)
{
	struct rcpt *r = envelope_add(&e->envelope, str_of(address));
	r->state = state;
	/* Of no known server, so that the reason is the text itself. */
	bool none = reason[0] == '\0' || state == RCPT_DELIVERED;
	enum cause cause = none                   ? CAUSE_NONE
	                   : state == RCPT_FAILED ? CAUSE_MESSAGE_REFUSED
	                                          : CAUSE_DEFERRED;
	verdict_set(&r->verdict, cause, code, status, NULL, NULL, str_of(reason));
}

static void check_text(const struct listing *l, const struct entry *e, bool busy,
                       const char *want)
{
	struct buf out;
	buf_init(&out, OUT_MAX);
	ck_assert(listing_entry(&out, l, e, busy));
	ck_assert_str_eq(buf_cstr(&out), want);
	buf_release(&out);
}

static const struct listing plain = {.now = NOW};

START_TEST(test_one_entry)
{
	struct entry e;
	entry_make(&e, "sender@example.org");
	rcpt_make(&e, "c@example.com", RCPT_WAITING, 0, NULL, "Connection refused");
	check_text(
	    &plain, &e, false,
	    "6920C8F13A7B     273 Sat Nov 21 20:30:00  sender@example.org\n"
	    "                                                          (Connection refused)\n"
	    "                                         c@example.com\n\n");
	entry_release(&e);
}
END_TEST

/* The columns stay where they are, and there is always a blank before the size. */
START_TEST(test_mark_and_size)
{
	static const struct {
		uint64_t size;
		bool busy, frozen;
		const char *start;
	} cases[] = {
	    {273, false, false, "6920C8F13A7B     273 Sat"},
	    {273, true, false, "6920C8F13A7B*    273 Sat"},
	    {273, false, true, "6920C8F13A7B!    273 Sat"},
	    {273, true, true, "6920C8F13A7B*    273 Sat"},
	    {0, false, false, "6920C8F13A7B       0 Sat"},
	    {9999999, false, false, "6920C8F13A7B 9999999 Sat"},
	    {9999999, true, false, "6920C8F13A7B* 9999999 Sat"},
	    {12345678901, false, true, "6920C8F13A7B! 12345678901 Sat"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct entry e;
		entry_make(&e, "a@b.example");
		e.facts.size = cases[i].size;
		e.frozen = cases[i].frozen;
		struct buf out;
		buf_init(&out, OUT_MAX);
		ck_assert(listing_entry(&out, &plain, &e, cases[i].busy));
		ck_assert_msg(str_starts(buf_str(&out), str_of(cases[i].start)), "%s",
		              buf_cstr(&out));
		buf_release(&out);
		entry_release(&e);
	}
}
END_TEST

START_TEST(test_groups)
{
	struct entry e;
	entry_make(&e, "");
	rcpt_make(&e, "a@x.example", RCPT_WAITING, 450, "4.2.0", "two");
	rcpt_make(&e, "b@x.example", RCPT_WAITING, 0, NULL, "one");
	rcpt_make(&e, "c@x.example", RCPT_DELIVERED, 250, "2.0.0", "ok");
	rcpt_make(&e, "d@x.example", RCPT_WAITING, 450, "4.2.0", "two");
	rcpt_make(&e, "e@x.example", RCPT_WAITING, 0, NULL, "");
	rcpt_make(&e, "f@x.example", RCPT_FAILED, 550, "5.1.1", "one");
	rcpt_make(&e, "g@x.example", RCPT_FAILED, 550, "5.1.1", "one");
	e.envelope.rcpts[6].told = true;
	check_text(
	    &plain, &e, false,
	    "6920C8F13A7B     273 Sat Nov 21 20:30:00  MAILER-DAEMON\n"
	    "                                         e@x.example\n"
	    "                                                                         (two)\n"
	    "                                         a@x.example\n"
	    "                                         d@x.example\n"
	    "                                                                         (one)\n"
	    "                                         b@x.example\n"
	    "                                         f@x.example\n\n");
	entry_release(&e);
}
END_TEST

/* Whatever stands in an entry, only entry lines begin with a capital or a digit. */
START_TEST(test_hostile_text)
{
	char *reason = mem_alloc(101);
	memset(reason, 'X', 100);
	struct entry e;
	entry_make(&e, "a\n6920C8F13A7C@\033[2J\\\xff");
	rcpt_make(&e, "b\r\n6920C8F13A7D@x", RCPT_WAITING, 0, NULL, reason);
	free(e.envelope.rcpts[0].verdict.text);
	e.envelope.rcpts[0].verdict.text = reason;
	reason[0] = '\n';
	reason[1] = '\\';
	struct buf out;
	buf_init(&out, OUT_MAX);
	ck_assert(listing_entry(&out, &plain, &e, false));
	struct str rest = buf_str(&out), line;
	for (size_t n = 0; str_cut(&rest, '\n', &line); n++) {
		bool entry_like = line.len > 0 && (ascii_digit(line.at[0]) ||
		                                   (line.at[0] >= 'A' && line.at[0] <= 'Z'));
		ck_assert(entry_like == (n == 0));
		for (size_t i = 0; i < line.len; i++)
			ck_assert(line.at[i] >= 32 && line.at[i] < 127);
	}
	ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "a\\x0A6920C8F13A7C@\\x1B[2J\\\\\\xFF\n"));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "\n(\\x0A\\XXX"));
	buf_release(&out);
	entry_release(&e);
}
END_TEST

START_TEST(test_reason_width)
{
	static const struct {
		size_t len, column; /* of the opening parenthesis */
	} cases[] = {{1, 75}, {75, 1}, {76, 0}, {77, 0}, {300, 0}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char reason[512] = "";
		memset(reason, 'r', cases[i].len);
		struct entry e;
		entry_make(&e, "s@x");
		rcpt_make(&e, "a@x", RCPT_WAITING, 0, NULL, reason);
		struct buf out;
		buf_init(&out, OUT_MAX);
		ck_assert(listing_entry(&out, &plain, &e, false));
		struct str rest = buf_str(&out), line;
		ck_assert(str_cut(&rest, '\n', &line) && str_cut(&rest, '\n', &line));
		ck_assert_uint_eq(str_find(line, '('), cases[i].column);
		ck_assert_uint_eq(line.len, cases[i].column + cases[i].len + 2);
		buf_release(&out);
		entry_release(&e);
	}
}
END_TEST

START_TEST(test_terminal_and_verbose)
{
	struct listing terminal = {.now = NOW + 120, .terminal = true};
	struct listing verbose = {.now = NOW + 120, .verbose = true};
	struct listing colour = {.now = NOW + 120, .terminal = true, .colour = true};
	struct listing failed = {.now = NOW + 120, .terminal = true, .failed = true};
	struct entry e;
	entry_make(&e, "s@x");
	rcpt_make(&e, "a@x", RCPT_WAITING, 450, "4.2.0", "why");
	rcpt_make(&e, "b@x", RCPT_WAITING, 0, NULL, "why");
	check_text(
	    &terminal, &e, false,
	    "6920C8F13A7B     273 Sat Nov 21 20:30:00  s@x\n"
	    "                     age 2m, next try in 3m\n"
	    "                                                                         (why)\n"
	    "                                         a@x\n"
	    "                                         b@x\n\n");
	e.attempts = 1;
	check_text(
	    &verbose, &e, false,
	    "6920C8F13A7B     273 Sat Nov 21 20:30:00  s@x\n"
	    "                     age 2m, 1 attempt, next try in 3m (Sat Nov 21 20:35:00)\n"
	    "                                                                         (why)\n"
	    "                                         a@x\n"
	    "                     waiting, last reply 450 4.2.0\n"
	    "                                                                         (why)\n"
	    "                                         b@x\n"
	    "                     waiting, no reply from a server\n\n");
	e.frozen = true;
	e.envelope.rcpt_count = 0;
	check_text(&colour, &e, false,
	           "\033[1m6920C8F13A7B!\033[0m    273 Sat Nov 21 20:30:00  s@x\n"
	           "\033[2m                     age 2m, frozen\033[0m\n\n");
	check_text(&failed, &e, true,
	           "6920C8F13A7B*    273 Sat Nov 21 20:30:00  s@x\n"
	           "                     age 2m, failed\n\n");
	e.envelope.rcpt_count = 2;
	entry_release(&e);
}
END_TEST

START_TEST(test_total)
{
	static const struct {
		uint64_t entries, bytes;
		const char *want;
	} cases[] = {
	    {1, 273, "\t\tTotal requests: 1\n-- 0 Kbytes in 1 Request.\n"},
	    {3, 819, "\t\tTotal requests: 3\n-- 1 Kbytes in 3 Requests.\n"},
	    {2, 511, "\t\tTotal requests: 2\n-- 0 Kbytes in 2 Requests.\n"},
	    {2, UINT64_MAX,
	     "\t\tTotal requests: 2\n-- 18014398509481984 Kbytes in 2 Requests.\n"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out;
		buf_init(&out, OUT_MAX);
		ck_assert(listing_total(&out, cases[i].entries, cases[i].bytes));
		ck_assert_str_eq(buf_cstr(&out), cases[i].want);
		buf_release(&out);
	}
}
END_TEST

/* Too little room is said, wherever it ends. */
START_TEST(test_full)
{
	struct entry e;
	struct listing verbose = {
	    .now = NOW, .terminal = true, .colour = true, .verbose = true};
	entry_make(&e, "s@x");
	rcpt_make(&e, "a\\b@x", RCPT_WAITING, 450, "4.2.0", "why");
	struct buf whole;
	buf_init(&whole, OUT_MAX);
	ck_assert(listing_entry(&whole, &verbose, &e, false));
	for (size_t max = 0; max <= whole.len; max++) {
		struct buf out;
		buf_init(&out, max);
		ck_assert(listing_entry(&out, &verbose, &e, false) == (max == whole.len));
		buf_release(&out);
	}
	buf_release(&whole);
	entry_release(&e);
}
END_TEST

START_TEST(test_age)
{
	static const struct {
		int64_t seconds;
		const char *want;
	} cases[] = {{-5, "0s"},      {0, "0s"},      {59, "59s"},
	             {60, "1m"},      {3599, "59m"},  {3600, "1h"},
	             {172799, "47h"}, {172800, "2d"}, {INT64_MAX, "106751991167300d"}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[FORMAT_TIME];
		format_age(text, cases[i].seconds);
		ck_assert_str_eq(text, cases[i].want);
	}
}
END_TEST

START_TEST(test_json_string)
{
	static const struct {
		const char *name, *in;
		size_t len;
		const char *want;
	} cases[] = {
	    {"empty", "", 0, "\"\""},
	    {"quotes", "\"a\\\"", 4, "\"\\\"a\\\\\\\"\""},
	    {"controls", "a\n\t\033\177", 5, "\"a\\u000A\\u0009\\u001B\\u007F\""},
	    {"nul", "a\0b", 3, "\"a\\u0000b\""},
	    {"utf-8", "j\303\266rg@\342\202\254.example", 17,
	     "\"j\303\266rg@\342\202\254.example\""},
	    {"four bytes", "\360\237\230\200", 4, "\"\360\237\230\200\""},
	    {"invalid", "a\377b\303", 4, "\"a\357\277\275b\357\277\275\""},
	    {"overlong", "\300\257", 2, "\"\357\277\275\357\277\275\""},
	    {"surrogate", "\355\240\200", 3, "\"\357\277\275\357\277\275\357\277\275\""},
	    {"c1 control", "\302\233", 2, "\"\\u009B\""},
	    {"no control", "\302\240", 2, "\"\302\240\""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out;
		buf_init(&out, OUT_MAX);
		ck_assert(json_string(&out, str_make(cases[i].in, cases[i].len)));
		ck_assert_msg(strcmp(buf_cstr(&out), cases[i].want) == 0, "%s: %s",
		              cases[i].name, buf_cstr(&out));
		buf_release(&out);
	}
}
END_TEST

START_TEST(test_json_entry)
{
	struct entry e;
	entry_make(&e, "s@x");
	rcpt_make(&e, "a@x", RCPT_WAITING, 450, "4.2.0", "try \"later\"");
	rcpt_make(&e, "b@x", RCPT_DELIVERED, 250, NULL, "ok");
	e.attempts = 2;
	struct buf out;
	buf_init(&out, OUT_MAX);
	ck_assert(json_entry(&out, &e, false, false));
	ck_assert_str_eq(
	    buf_cstr(&out),
	    "{\"queue_name\": \"deferred\", \"queue_id\": \"6920C8F13A7B\", "
	    "\"arrival_time\": 1795293000, \"message_size\": 273, \"forced_expire\": false, "
	    "\"sender\": \"s@x\", \"attempts\": 2, \"next_attempt\": 1795293300, \"uid\": "
	    "1000, "
	    "\"frozen\": false, \"recipients\": [{\"address\": \"a@x\", "
	    "\"delay_reason\": \"try \\\"later\\\"\", \"status\": \"waiting\", \"code\": 450, "
	    "\"enhanced\": \"4.2.0\", \"cause\": \"deferred\", \"text\": \"try "
	    "\\\"later\\\"\"}, "
	    "{\"address\": \"b@x\", \"status\": \"delivered\", \"code\": 250, "
	    "\"text\": \"ok\"}]}\n");
	for (size_t max = 0, whole = out.len; max <= whole; max++) {
		buf_release(&out);
		buf_init(&out, max);
		ck_assert(json_entry(&out, &e, false, false) == (max == whole));
	}
	buf_release(&out);
	entry_release(&e);
}
END_TEST

START_TEST(test_json_queue_names)
{
	static const struct {
		bool busy, frozen, failed;
		const char *want;
	} cases[] = {
	    {false, false, false, "{\"queue_name\": \"deferred\""},
	    {true, false, false, "{\"queue_name\": \"active\""},
	    {false, true, false, "{\"queue_name\": \"hold\""},
	    {false, true, true, "{\"queue_name\": \"failed\""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct entry e;
		entry_make(&e, "s@x");
		e.frozen = cases[i].frozen;
		struct buf out;
		buf_init(&out, OUT_MAX);
		ck_assert(json_entry(&out, &e, cases[i].busy, cases[i].failed));
		ck_assert(str_starts(buf_str(&out), str_of(cases[i].want)));
		buf_release(&out);
		entry_release(&e);
	}
}
END_TEST

/* In pieces of every size, what is left over put in front of the next. */
static void show_in_pieces(struct buf *out, bool terminal, struct str whole, size_t piece)
{
	struct buf have;
	buf_init(&have, OUT_MAX);
	size_t used;
	for (bool end = false; !end;) {
		struct str next = str_first(whole, piece);
		whole = str_from(whole, next.len);
		end = whole.len == 0;
		ck_assert(buf_add_str(&have, next));
		ck_assert(show_bytes(out, terminal, buf_str(&have), end, &used));
		ck_assert(used <= have.len && (end ? used == have.len : have.len - used <= 3));
		buf_drop(&have, used);
	}
	buf_release(&have);
}

START_TEST(test_show_bytes)
{
	static const char in[] = "A: \303\266\r\n\r\n\tx\033[31m\177\302\233y\377\r\n.\r\n";
	static const char plain_out[] = "A: \303\266\n\n\tx\033[31m\177\302\233y\377\n.\n";
	static const char safe_out[] = "A: \303\266\n\n\tx\\x1B[31m\\x7F\\xC2\\x9By\\xFF\n.\n";
	for (int terminal = 0; terminal < 2; terminal++)
		for (size_t piece = 1; piece <= sizeof(in); piece++) {
			struct buf out;
			buf_init(&out, OUT_MAX);
			show_in_pieces(&out, terminal, str_make(in, sizeof(in) - 1), piece);
			ck_assert_str_eq(buf_cstr(&out), terminal ? safe_out : plain_out);
			buf_release(&out);
		}
}
END_TEST

START_TEST(test_show_head)
{
	struct entry e;
	struct show s = {.now = NOW + 60};
	entry_make(&e, "");
	rcpt_make(&e, "a@x", RCPT_WAITING, 450, "4.2.0", "later");
	e.envelope.rcpts[0].notify = NOTIFY_SUCCESS | NOTIFY_DELAY;
	e.envelope.body = BODY_8BITMIME;
	e.attempts = 1;
	e.tried = NOW;
	struct buf out;
	buf_init(&out, OUT_MAX);
	ck_assert(show_head(&out, &s, &e));
	ck_assert_str_eq(buf_cstr(&out), "id          6920C8F13A7B\n"
	                                 "state       held\n"
	                                 "arrived     Sat Nov 21 20:30:00 (1m ago)\n"
	                                 "tried       Sat Nov 21 20:30:00 (1m ago)\n"
	                                 "next try    Sat Nov 21 20:35:00 (in 4m)\n"
	                                 "attempts    1\n"
	                                 "uid         1000\n"
	                                 "size        273\n"
	                                 "sender      <>\n"
	                                 "body        8BITMIME\n"
	                                 "recipient   <a@x>\n"
	                                 "            waiting 450 4.2.0: later\n"
	                                 "            notify SUCCESS,DELAY\n"
	                                 "\n");
	buf_release(&out);
	entry_release(&e);
}
END_TEST

int main(void)
{
	setenv("TZ", "UTC0", 1);
	Suite *s = suite_create("listing");
	TCase *t = tcase_create("listing");
	tcase_add_test(t, test_one_entry);
	tcase_add_test(t, test_mark_and_size);
	tcase_add_test(t, test_groups);
	tcase_add_test(t, test_hostile_text);
	tcase_add_test(t, test_reason_width);
	tcase_add_test(t, test_terminal_and_verbose);
	tcase_add_test(t, test_total);
	tcase_add_test(t, test_full);
	tcase_add_test(t, test_age);
	suite_add_tcase(s, t);
	t = tcase_create("json");
	tcase_add_test(t, test_json_string);
	tcase_add_test(t, test_json_entry);
	tcase_add_test(t, test_json_queue_names);
	suite_add_tcase(s, t);
	t = tcase_create("show");
	tcase_add_test(t, test_show_bytes);
	tcase_add_test(t, test_show_head);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int n = srunner_ntests_failed(r);
	srunner_free(r);
	return n ? 1 : 0;
}
