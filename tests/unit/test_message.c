/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/buf.h"
#include "text/idna.h"
#include "mail/message.h"
#include "unit.h"

#define TEXT(literal)                        \
	{                                    \
		literal, sizeof(literal) - 1 \
	}
#define OUT_MAX (64 * 1024 * 1024)

/* A header that needs nothing, and what is added to one that has nothing. */
#define FULL  "From: a@x.example\r\nDate: now\r\nMessage-ID: <1@x>\r\n"
#define ID    "<0.00000000000000000000000000000000@host.example>"
#define DATE  "Date: Thu, 1 Jan 1970 00:00:00 +0000\r\n"
#define FROM  "From: User <user@example.org>\r\n"
#define ADDED DATE FROM "Message-ID: " ID "\r\n"

static const struct local local = {.hostname = {"host.example", 12},
                                   .domain = {"example.org", 11}};
static const struct rewrite rewrite = {
    .local = &local,
    .login = {"user", 4},
    .full_name = {"User", 4},
    .from_rule = FROM_LOCAL,
};

struct result {
	bool fine;
	bool ended;
	int dones;
	size_t recipient_count;
	struct buf recipients; /* each behind a blank */
	struct buf out;
	struct fault fault;
	struct message_facts facts;
};

static bool take_recipient(void *context, struct str mailbox, bool escaped, struct fault *f)
{
	struct result *r = context;
	(void)f;
	ck_assert_int_eq(r->dones, 0);
	r->recipient_count++;
	ck_assert(buf_add_char(&r->recipients, ' ') && buf_add_str(&r->recipients, mailbox));
	return !escaped || buf_add_char(&r->recipients, '*');
}

static bool take_done(void *context, struct fault *f)
{
	struct result *r = context;
	(void)f;
	ck_assert_uint_eq(r->out.len, 0);
	r->dones++;
	return true;
}

static bool take_bytes(void *context, struct str bytes, struct fault *f)
{
	struct result *r = context;
	(void)f;
	ck_assert_int_eq(r->dones, 1);
	return buf_add_str(&r->out, bytes);
}

static void release(struct result *r)
{
	buf_release(&r->recipients);
	buf_release(&r->out);
}

/* Feeds first bytes, then pieces of size bytes. */
static struct result run(const struct message_rules *rules, struct str input, size_t first,
                         size_t size)
{
	struct result r = {.fine = true};
	struct message_hooks hooks = {take_recipient, take_done, take_bytes, &r};
	struct message *m = message_new(rules, &hooks);
	struct str piece = str_first(input, first);
	buf_init(&r.recipients, OUT_MAX);
	buf_init(&r.out, OUT_MAX);
	for (;;) {
		r.fine = message_feed(m, piece, &r.fault);
		input = str_from(input, piece.len);
		piece = str_first(input, size);
		if (!r.fine || input.len == 0)
			break;
	}
	r.fine = r.fine && message_end(m, &r.fault);
	r.ended = message_ended(m);
	r.facts = *message_facts(m);
	message_free(m);
	return r;
}

static struct result run_whole(const struct message_rules *rules, struct str input)
{
	return run(rules, input, input.len, SIZE_MAX);
}

static void check_out(struct result *r, const char *name, struct str want)
{
	ck_assert_msg(r->fine, "%s: %s", name, r->fault.text);
	ck_assert_msg(str_eq(buf_str(&r->out), want), "%s: %s", name, buf_cstr(&r->out));
	ck_assert_uint_eq(r->facts.size, want.len);
	release(r);
}

/* Adds text n times; an assertion each would be slow. */
static void repeat(struct buf *out, struct str text, int n)
{
	bool fits = true;
	for (int i = 0; i < n && fits; i++)
		fits = buf_add_str(out, text);
	ck_assert(fits);
}

static const struct message_case {
	const char *name;
	enum message_dot dot;
	struct str input;
	struct str want;
} cases[] = {
    /* header and body told apart */
    {"usual", DOT_SAFE, TEXT(FULL "\nhi\n"), TEXT(FULL "\r\nhi\r\n")},
    {"nothing", DOT_SAFE, TEXT(""), TEXT(ADDED "\r\n")},
    {"only body", DOT_SAFE, TEXT("hello world\nline2\n"),
     TEXT(ADDED "\r\nhello world\r\nline2\r\n")},
    {"body without end", DOT_SAFE, TEXT("hello"), TEXT(ADDED "\r\nhello\r\n")},
    {"blank first line", DOT_SAFE, TEXT("\nFrom: x\n"), TEXT(ADDED "\r\nFrom: x\r\n")},
    {"only header", DOT_SAFE, TEXT(FULL), TEXT(FULL "\r\n")},
    {"header without end", DOT_SAFE, TEXT(FULL "Subject: x"), TEXT(FULL "Subject: x\r\n\r\n")},
    {"no blank line", DOT_SAFE, TEXT(FULL "not a field\n"), TEXT(FULL "\r\nnot a field\r\n")},
    {"blank in a name", DOT_SAFE, TEXT("Foo bar: x\n"), TEXT(ADDED "\r\nFoo bar: x\r\n")},
    {"colon first", DOT_SAFE, TEXT(": x\n"), TEXT(ADDED "\r\n: x\r\n")},
    {"indented first line", DOT_SAFE, TEXT(" x: y\n"), TEXT(ADDED "\r\n x: y\r\n")},
    {"indented body", DOT_SAFE, TEXT(FULL "\n x\n"), TEXT(FULL "\r\n x\r\n")},
    {"blanks end the header", DOT_SAFE, TEXT(FULL " \t\nb\n"), TEXT(FULL "\r\nb\r\n")},
    {"folds kept", DOT_SAFE, TEXT(FULL "X: a\n\tb\n  c\n\n"),
     TEXT(FULL "X: a\r\n\tb\r\n  c\r\n\r\n")},
    {"long name is body", DOT_SAFE, TEXT(FULL "x\n"), TEXT(FULL "\r\nx\r\n")},
    /* the beginning of a mailbox file, and the mark */
    {"From line", DOT_SAFE, TEXT("From a@x Sat Nov 21\n" FULL "\nFrom b\n"),
     TEXT(FULL "\r\nFrom b\r\n")},
    {"From lines", DOT_SAFE, TEXT("From a\n>From b\n>>From c\n" FULL "\n"), TEXT(FULL "\r\n")},
    {"From with a colon later", DOT_SAFE, TEXT("From :a@x.example\nDate:1\nMessage-ID:2\n\n"),
     TEXT("From :a@x.example\r\nDate:1\r\nMessage-ID:2\r\n\r\n")},
    {"From line inside", DOT_SAFE, TEXT(FULL ">From x\n"), TEXT(FULL "\r\n>From x\r\n")},
    {"mark", DOT_SAFE, TEXT("\xEF\xBB\xBF" FULL "\n\xEF\xBB\xBF\n"),
     TEXT(FULL "\r\n\xEF\xBB\xBF\r\n")},
    {"mark before the body", DOT_SAFE, TEXT("\xEF\xBB\xBFhello you\n"),
     TEXT(ADDED "\r\nhello you\r\n")},
    {"half a mark", DOT_SAFE, TEXT("\xEF\xBB\n"), TEXT(ADDED "\r\n\xEF\xBB\r\n")},
    /* bytes */
    {"line ends", DOT_SAFE, TEXT(FULL "\n\na\r\nb\r\r\nc\rd\r"),
     TEXT(FULL "\r\n\r\na\r\nb\r\nc\r\nd\r\n")},
    {"CR in the header", DOT_SAFE, TEXT(FULL "Subject: a\rb\n\n"),
     TEXT(FULL "Subject: a b\r\n\r\n")},
    {"NUL", DOT_SAFE, TEXT(FULL "Subject: a\0b\n\nc\0d\n"),
     TEXT(FULL "Subject: ab\r\n\r\ncd\r\n")},
    {"end of data in disguise", DOT_IGNORED, TEXT(FULL "\na\n.\r\nb\r.\rc\r\n.\r\r\n\0\n.\0\n"),
     TEXT(FULL "\r\na\r\n.\r\nb\r\n.\r\nc\r\n.\r\n\r\n.\r\n")},
    /* the dot */
    {"dot ignored", DOT_IGNORED, TEXT(FULL "\na\n.\n..\n.x\nb\n.\n"),
     TEXT(FULL "\r\na\r\n.\r\n..\r\n.x\r\nb\r\n.\r\n")},
    {"safe: in the middle", DOT_SAFE, TEXT(FULL "\na\n.\nb\n"),
     TEXT(FULL "\r\na\r\n.\r\nb\r\n")},
    {"safe: last", DOT_SAFE, TEXT(FULL "\na\n.\n"), TEXT(FULL "\r\na\r\n")},
    {"safe: last with CRLF", DOT_SAFE, TEXT(FULL "\r\na\r\n.\r\n"), TEXT(FULL "\r\na\r\n")},
    {"safe: last without end", DOT_SAFE, TEXT(FULL "\na\n."), TEXT(FULL "\r\na\r\n")},
    {"safe: two last", DOT_SAFE, TEXT(FULL "\na\n.\n.\n"), TEXT(FULL "\r\na\r\n.\r\n")},
    {"safe: blank line behind", DOT_SAFE, TEXT(FULL "\na\n.\n\n"),
     TEXT(FULL "\r\na\r\n.\r\n\r\n")},
    {"safe: other dots", DOT_SAFE, TEXT(FULL "\n..\n.x\nx.\n"),
     TEXT(FULL "\r\n..\r\n.x\r\nx.\r\n")},
    {"safe: first line", DOT_SAFE, TEXT(".\nX\n"), TEXT(ADDED "\r\n.\r\nX\r\n")},
    {"safe: only line", DOT_SAFE, TEXT(".\n"), TEXT(ADDED "\r\n")},
    {"safe: behind the header", DOT_SAFE, TEXT(FULL ".\n"), TEXT(FULL "\r\n")},
    {"classic: ends", DOT_CLASSIC, TEXT(FULL "\na\n.\nb\n"), TEXT(FULL "\r\na\r\n")},
    {"classic: CRLF ends", DOT_CLASSIC, TEXT(FULL "\r\na\r\n.\r\nb\r\n"),
     TEXT(FULL "\r\na\r\n")},
    {"classic: no end", DOT_CLASSIC, TEXT(FULL "\na\n."), TEXT(FULL "\r\na\r\n")},
    {"classic: other dots", DOT_CLASSIC, TEXT(FULL "\n..\n.x\n. \n"),
     TEXT(FULL "\r\n..\r\n.x\r\n. \r\n")},
    {"classic: in the header", DOT_CLASSIC, TEXT(FULL ".\nb\n"), TEXT(FULL "\r\n")},
    {"classic: nothing else", DOT_CLASSIC, TEXT(".\nb\n"), TEXT(ADDED "\r\n")},
    /* fields removed and added */
    {"hidden fields", DOT_SAFE,
     TEXT(FULL "To: a@x.example\nBcc: b@x.example,\n\tc@x.example\nbcc : d\n"
               "Return-Path: <f>\ncontent-length: 3\nSubject: s\n\nBcc: g\n"),
     TEXT(FULL "To: a@x.example\r\nSubject: s\r\n\r\nBcc: g\r\n")},
    {"Resent-Bcc", DOT_SAFE, TEXT("Resent-BCC: b@x.example\n" FULL "To: a@x.example\n\n"),
     TEXT(FULL "To: a@x.example\r\nResent-Message-ID: " ID "\r\nResent-" FROM "Resent-" DATE
               "\r\n")},
    {"only Bcc", DOT_SAFE, TEXT(FULL "Bcc: b@x.example\n\n"),
     TEXT(FULL "To: undisclosed-recipients:;\r\n\r\n")},
    {"Bcc and Cc", DOT_SAFE, TEXT(FULL "Bcc: b@x.example\nCc: c@x.example\n\n"),
     TEXT(FULL "Cc: c@x.example\r\n\r\n")},
    {"no recipient fields", DOT_SAFE, TEXT(FULL "\n"), TEXT(FULL "\r\n")},
    {"empty ones replaced", DOT_SAFE, TEXT("Message-ID: \nFrom:\nDate:\t\nSubject:\n\n"),
     TEXT("Subject:\r\n" ADDED "\r\n")},
    {"two of each", DOT_SAFE, TEXT(FULL "date: then\nmessage-id: <2@x>\nfrom: b@x.example\n\n"),
     TEXT(FULL "message-id: <2@x>\r\nfrom: b@x.example\r\n\r\n")},
    {"others stay", DOT_SAFE,
     TEXT(FULL "X-Empty:\nX-Tab:\tv\nX-Trail: z  \nStatus: O\nErrors-To: <e@x.y>\n\n"),
     TEXT(FULL
          "X-Empty:\r\nX-Tab:\tv\r\nX-Trail: z  \r\nStatus: O\r\nErrors-To: <e@x.y>\r\n\r\n")},
    {"bare ones completed", DOT_SAFE, TEXT(FULL "To: root\n\n"),
     TEXT(FULL "To: root@example.org\r\n\r\n")},
    {"resent", DOT_SAFE, TEXT("From: a@x.example\nResent-To: b@x.example\nSubject: s\n\n"),
     TEXT("From: a@x.example\r\nResent-Message-ID: " ID "\r\n"
          "Resent-From: User <user@example.org>\r\n"
          "Resent-Date: Thu, 1 Jan 1970 00:00:00 +0000\r\n"
          "Resent-To: b@x.example\r\nSubject: s\r\n\r\n")},
    {"encoded", DOT_SAFE,
     TEXT(FULL "Subject: caf\xC3\xA9\nTo: Jos\xC3\xA9 <j@x.example>\nX-A: caf\xE9\n\n\xE9\n"),
     TEXT(FULL "Subject: =?utf-8?Q?caf=C3=A9?=\r\nTo: =?utf-8?Q?Jos=C3=A9?= <j@x.example>\r\n"
               "X-A: =?unknown-8bit?Q?caf=E9?=\r\n\r\n\xE9\r\n")},
    {"file name", DOT_SAFE, TEXT(FULL "Content-Disposition: inline; filename=\"\xC3\xA9\"\n\n"),
     TEXT(FULL "Content-Disposition: inline; filename*=utf-8''%C3%A9\r\n\r\n")},
};

START_TEST(messages)
{
	const struct message_case *c = &cases[_i];
	struct message_rules rules = {.rewrite = &rewrite, .dot = c->dot};
	struct result r;
	for (size_t first = 0; first <= c->input.len; first++) {
		r = run(&rules, c->input, first, SIZE_MAX);
		check_out(&r, c->name, c->want);
	}
	for (size_t size = 1; size < 8; size++) {
		r = run(&rules, c->input, 0, size);
		check_out(&r, c->name, c->want);
	}
}
END_TEST

static const struct recipient_case {
	const char *header;
	const char *want; /* NULL: refused */
} recipient_cases[] = {
    {"To: a@x.example\n", " a@x.example"},
    {"To: a@x.example\nCc: b@x.example\nBcc: c@x.example\n",
     " a@x.example b@x.example c@x.example"},
    {"tO : a@x.example\nTo: \nTO: b@x.example\n", " a@x.example b@x.example"},
    {"Bcc: a@x.example,\n\tb@x.example\n , c@x.example\n",
     " a@x.example b@x.example c@x.example"},
    {"To: root, \\admin\n", " root admin*"},
    {"To: \"Doe, John\" <a@x.example>, g: b@x.example;\n", " a@x.example b@x.example"},
    {"To: a@x.example\n\nCc: b@x.example\n", " a@x.example"},
    {"To: undisclosed-recipients:;\n", ""},
    {"Apparently-To: a@x.example\nX-To: b@x.example\nErrors-To: c@x.example\n", ""},
    {"", ""},
    {"To: a@x.example\nResent-To: b@x.example\n", " b@x.example"},
    {"Resent-Cc: b@x.example\nTo: a@x.example\nResent-Bcc: c@x.example\n",
     " b@x.example c@x.example"},
    {"To: a@x.example\nResent-From: b@x.example\n", " a@x.example"},
    {"To: a@x.example\nResent-To:\n", ""},
    {"To: a@x.example, b@\n", NULL},
    {"To: <a@x.example\n", NULL},
};

START_TEST(recipients)
{
	const struct recipient_case *c = &recipient_cases[_i];
	struct message_rules rules = {.rewrite = &rewrite, .take_recipients = true};
	struct result r = run_whole(&rules, str_of(c->header));
	ck_assert_msg(r.fine == (c->want != NULL), "%s", c->header);
	if (r.fine)
		ck_assert_str_eq(buf_cstr(&r.recipients), c->want);
	else
		ck_assert(r.fault.kind == FAULT_DATA && strncmp(r.fault.text, "To: ", 4) == 0);
	release(&r);
	rules.take_recipients = false;
	r = run_whole(&rules, str_of(c->header));
	ck_assert(r.fine && r.recipient_count == 0 && r.dones == 1);
	release(&r);
}
END_TEST

START_TEST(options)
{
	struct message_rules rules = {.rewrite = &rewrite,
	                              .have_from = true,
	                              .from = STR("b@y.example"),
	                              .received = "by host.example (uid 7)",
	                              .wall = 86400,
	                              .zone_min = -90,
	                              .random = {0xAB}};
	struct result r = run_whole(&rules, STR("Received: old\nSubject: caf\xC3\xA9\n\n"));
	check_out(
	    &r, "options",
	    STR("Received: by host.example (uid 7)\r\nReceived: old\r\n"
	        "Subject: =?utf-8?Q?caf=C3=A9?=\r\nDate: Thu, 1 Jan 1970 22:30:00 -0130\r\n"
	        "From: User <b@y.example>\r\n"
	        "Message-ID: <86400.ab000000000000000000000000000000@host.example>\r\n\r\n"));
	rules.received = NULL;
	rules.smtputf8 = true;
	r = run_whole(&rules, STR(FULL "Subject: caf\xC3\xA9\nX: caf\xE9\n\n"));
	ck_assert(r.facts.header_8bit);
	check_out(&r, "smtputf8",
	          STR(FULL "Subject: caf\xC3\xA9\r\nX: =?unknown-8bit?Q?caf=E9?=\r\n\r\n"));
}
END_TEST

static const struct facts_case {
	struct str input;
	uint64_t longest;
	bool body_8bit;
	bool header_8bit;
} facts_cases[] = {
    {TEXT(FULL "\n"), 17, false, false},
    {TEXT(FULL "\n0123456789012345678901234567890123456789\n"), 40, false, false},
    {TEXT(FULL "\nx\xFFy\n"), 17, true, false},
    {TEXT(FULL "Subject: caf\xC3\xA9\n\nx\n"), 30, false, false},
    {TEXT(FULL "To: \xC3\xBC@x.example\n\nx\n"), 17, false, true},
    {TEXT(FULL "To: a@\xC3\xBC.example\n\n\xFF\n"), 21, true, false},
};

START_TEST(facts)
{
	const struct facts_case *c = &facts_cases[_i];
	struct message_rules rules = {.rewrite = &rewrite};
	struct result r = run_whole(&rules, c->input);
	ck_assert(r.fine);
	ck_assert_uint_eq(r.facts.size, r.out.len);
	ck_assert_uint_eq(r.facts.longest_line, c->longest);
	ck_assert(r.facts.body_8bit == c->body_8bit);
	ck_assert(r.facts.header_8bit == c->header_8bit);
	release(&r);
}
END_TEST

START_TEST(size_limit)
{
	struct message_rules rules = {.rewrite = &rewrite};
	struct str input = STR(FULL "\r\nhello\r\n");
	rules.max_size = input.len;
	struct result r = run_whole(&rules, input);
	check_out(&r, "at the limit", input);
	rules.max_size--;
	r = run_whole(&rules, input);
	ck_assert(!r.fine && r.fault.kind == FAULT_DATA);
	release(&r);
	/* LF counts as the CRLF it becomes. */
	r = run_whole(&rules, STR(FULL "\nhello\n"));
	ck_assert(!r.fine);
	release(&r);
}
END_TEST

START_TEST(classic_reads_on)
{
	struct message_rules rules = {.rewrite = &rewrite, .dot = DOT_CLASSIC, .max_size = 200};
	struct buf input;
	buf_init(&input, OUT_MAX);
	ck_assert(buf_add_str(&input, STR(FULL "\na\n.\n")));
	repeat(&input, STR("more text\n"), 10000);
	struct result r = run(&rules, buf_str(&input), 0, 1000);
	ck_assert(r.ended);
	check_out(&r, "classic", STR(FULL "\r\na\r\n"));
	buf_release(&input);
}
END_TEST

/* A "." at every place of the buffers inside, and long lines. */
START_TEST(large)
{
	struct message_rules rules = {.rewrite = &rewrite, .dot = DOT_SAFE};
	struct buf input;
	buf_init(&input, OUT_MAX);
	struct buf want;
	buf_init(&want, OUT_MAX);
	ck_assert(buf_add_str(&input, STR(FULL "\n")) && buf_add_str(&want, STR(FULL "\r\n")));
	for (int i = 0; i < 70; i++) {
		repeat(&input, STR("..\n"), 1);
		repeat(&want, STR("..\r\n"), 1);
		repeat(&input, STR(".\n"), 999);
		repeat(&want, STR(".\r\n"), 999);
	}
	repeat(&input, STR("\n"), 400000);
	repeat(&want, STR("\r\n"), 400000);
	repeat(&input, STR("a line that needs no decision\n"), 50000);
	repeat(&want, STR("a line that needs no decision\r\n"), 50000);
	repeat(&input, STR("x"), 300000);
	repeat(&want, STR("x"), 300000);
	ck_assert(buf_add_str(&want, STR("\r\n")));
	struct result r = run(&rules, buf_str(&input), 17, 4096);
	ck_assert_uint_eq(r.facts.longest_line, 300000);
	check_out(&r, "large", buf_str(&want));
	r = run_whole(&rules, buf_str(&input));
	check_out(&r, "large at once", buf_str(&want));
	buf_release(&input);
	buf_release(&want);
}
END_TEST

/* Adds n times unit behind what is there and runs it. */
static struct result run_many(const char *begin, const char *unit, int n, const char *end)
{
	static const struct message_rules rules = {.rewrite = &rewrite};
	struct buf input;
	buf_init(&input, OUT_MAX);
	ck_assert(buf_add_str(&input, str_of(begin)));
	repeat(&input, str_of(unit), n);
	ck_assert(buf_add_str(&input, str_of(end)));
	struct result r = run(&rules, buf_str(&input), 0, 65536);
	buf_release(&input);
	return r;
}

START_TEST(hops)
{
	struct result r = run_many(FULL, "Received: x\n", 100, "\n");
	ck_assert(r.fine);
	release(&r);
	r = run_many(FULL, "Received: x\n", 101, "\n");
	ck_assert(!r.fine && r.fault.kind == FAULT_REFUSED);
	release(&r);
}
END_TEST

static const struct big_case {
	const char *begin;
	const char *unit;
	int n;
	const char *end;
	bool fine;
} big_cases[] = {
    {FULL, "X: y\n", 100000, "\nb\n", true},
    {FULL "X: ", "y", 1000000, "\n\nb\n", true},
    {FULL "X: ", "y", 10000000, "\n\nb\n", false},
    {FULL "X: y\n", " z\n", 200000, "\nb\n", true},
    {FULL "X: y\n", " z\n", 1000000, "\nb\n", false},
    {FULL "X: ", "\xC3\xBC ", 60000, "\n\nb\n", true},
    {FULL "To: ", "a b,", 50000, "\n\nb\n", true},
    {FULL "X: y\n", " ", 2000000, "\n\nb\n", false},
    {"", "x", 4000000, "", true},
    {"From ", "x", 4000000, "\n\n", true},
    {FULL "\n", "\r", 2000000, "", true},
};

START_TEST(big_headers)
{
	const struct big_case *c = &big_cases[_i];
	struct result r = run_many(c->begin, c->unit, c->n, c->end);
	struct str rest = buf_str(&r.out);
	size_t longest = 0;
	ck_assert(r.fine == c->fine);
	ck_assert(r.fine || (r.fault.kind == FAULT_DATA && r.out.len == 0));
	struct str line;
	while (str_cut(&rest, '\n', &line) && line.len > 1)
		longest = line.len > longest ? line.len : longest;
	ck_assert_uint_le(longest, 999);
	release(&r);
}
END_TEST

static bool refuse_done(void *context, struct fault *f)
{
	(void)context;
	return fault_set(f, FAULT_USAGE, "no recipient");
}

START_TEST(hook_refuses)
{
	struct message_rules rules = {.rewrite = &rewrite};
	struct result r = {.fine = true};
	struct message_hooks hooks = {take_recipient, refuse_done, take_bytes, &r};
	struct message *m = message_new(&rules, &hooks);
	struct fault f = FAULT_INIT;
	ck_assert(message_feed(m, STR(FULL), &f));
	ck_assert(!message_feed(m, STR("\nbody\n"), &f));
	ck_assert_int_eq(f.kind, FAULT_USAGE);
	message_free(m);
	message_free(NULL);
}
END_TEST

int main(void)
{
	idna_use(idna_by_library);
	Suite *s = suite_create("message");
	TCase *t = unit_case(s, "message");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, messages, 0, COUNT(cases));
	tcase_add_loop_test(t, recipients, 0, COUNT(recipient_cases));
	tcase_add_test(t, options);
	tcase_add_loop_test(t, facts, 0, COUNT(facts_cases));
	tcase_add_test(t, size_limit);
	tcase_add_test(t, classic_reads_on);
	tcase_add_test(t, large);
	tcase_add_test(t, hops);
	tcase_add_loop_test(t, big_headers, 0, COUNT(big_cases));
	tcase_add_test(t, hook_refuses);
	return unit_run(s);
}
