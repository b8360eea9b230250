/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "text/buf.h"
#include "text/codec.h"
#include "text/idna.h"
#include "mail/header.h"
#include "mail/header_params.h"
#include "unit.h"

static const struct line_case {
	const char *line;
	bool field;
	bool may_be;
} line_cases[] = {
    {"Subject: x", true, false},  {"Subject:", true, false},  {"To : x", true, false},
    {"To\t: x", true, false},     {"X-1_!~: y", true, false}, {"a:b", true, false},
    {"Foo bar: x", false, false}, {": x", false, false},      {" : x", false, false},
    {" a: x", false, false},      {"", false, true},          {"Subject", false, true},
    {"Subject ", false, true},    {"a b", false, false},      {"f\xC3\xBC: x", false, false},
    {"a\x01: x", false, false},   {"a\x7F: x", false, false},
};

START_TEST(is_field)
{
	const struct line_case *c = &line_cases[_i];
	ck_assert_msg(header_is_field(str_of(c->line)) == c->field, "%s", c->line);
	ck_assert_msg(c->field || header_may_be_field(str_of(c->line)) == c->may_be, "%s",
	              c->line);
}
END_TEST

START_TEST(name_limit)
{
	char line[1100];
	memset(line, 'x', sizeof(line));
	line[997] = ':';
	ck_assert(header_is_field(str_make(line, 998)));
	ck_assert(header_may_be_field(str_make(line, 997)));
	line[997] = 'x';
	line[998] = ':';
	ck_assert(!header_is_field(str_make(line, 999)));
	ck_assert(!header_may_be_field(str_make(line, 998)));
}
END_TEST

/* Adds lines, given as one text with LF. */
static void fill(struct header *h, const char *text)
{
	struct str rest = str_of(text);
	struct fault f = FAULT_INIT;
	header_init(h);
	struct str line;
	while (str_cut(&rest, '\n', &line))
		ck_assert_msg(header_add_line(h, line, &f), "%s", f.text);
}

static void check_header(const struct header *h, const char *want)
{
	struct buf out;
	buf_init(&out, 2 * HEADER_MAX);
	ck_assert(header_write(&out, h));
	ck_assert_str_eq(buf_cstr(&out), want);
	ck_assert_uint_eq(h->bytes, out.len);
	buf_release(&out);
}

START_TEST(kept_as_they_came)
{
	struct header h;
	fill(&h, "X-Empty:\nX-Tab:\tv\nx-lower: y  \nTo : a\nX-Fold: a\n\tb\n  c\n");
	ck_assert_uint_eq(h.count, 5);
	check_header(
	    &h,
	    "X-Empty:\r\nX-Tab:\tv\r\nx-lower: y  \r\nTo : a\r\nX-Fold: a\r\n\tb\r\n  c\r\n");
	ck_assert(str_eq(header_name(&h.fields[3]), STR("To")));
	ck_assert(str_eq(header_value(&h.fields[3]), STR("a")));
	ck_assert(str_eq(header_value(&h.fields[0]), STR("")));
	ck_assert(str_eq(header_value(&h.fields[4]), STR("a\r\n\tb\r\n  c")));
	ck_assert_uint_eq(header_find(&h, "x-tab", 0), 1);
	ck_assert(header_find(&h, "X-Tab", 2) == STR_NONE);
	ck_assert(header_find(&h, "X", 0) == STR_NONE);
	header_release(&h);
}
END_TEST

START_TEST(bad_lines)
{
	struct fault f = FAULT_INIT;
	struct header h;
	header_init(&h);
	ck_assert(!header_add_line(&h, STR(" x"), &f));
	ck_assert_int_eq(f.kind, FAULT_DATA);
	ck_assert(!header_add_line(&h, STR("no field"), &f));
	ck_assert(!header_add_line(&h, STR(""), &f));
	ck_assert_uint_eq(h.count, 0);
	header_release(&h);
}
END_TEST

START_TEST(changes)
{
	struct fault f = FAULT_INIT;
	struct header h;
	fill(&h, "A: 1\nB : 2\nA: 3\nC:\n");
	ck_assert(header_insert(&h, 0, "First", STR("x"), &f));
	ck_assert(header_insert(&h, h.count, "Last", STR("y\r\n z"), &f));
	ck_assert(header_set_value(&h, 2, STR("new"), &f));
	check_header(&h, "First: x\r\nA: 1\r\nB : new\r\nA: 3\r\nC:\r\nLast: y\r\n z\r\n");
	ck_assert(str_eq(header_value(&h.fields[2]), STR("new")));
	ck_assert_uint_eq(header_remove_empty(&h, "A"), 0);
	ck_assert_uint_eq(header_remove_empty(&h, "c"), 1);
	ck_assert_uint_eq(header_remove_all(&h, "a"), 2);
	ck_assert_uint_eq(header_remove_all(&h, "a"), 0);
	header_remove(&h, 0);
	check_header(&h, "B : new\r\nLast: y\r\n z\r\n");
	header_release(&h);
}
END_TEST

START_TEST(size_limit)
{
	struct fault f = FAULT_INIT;
	char *text = mem_alloc(HEADER_MAX);
	memset(text, 'x', HEADER_MAX);
	text[1] = ':';
	struct header h;
	header_init(&h);
	ck_assert(!header_add_line(&h, str_make(text, HEADER_MAX - 1), &f));
	ck_assert_int_eq(f.kind, FAULT_DATA);
	ck_assert(strstr(f.text, "header over 1 MiB") != NULL);
	ck_assert(header_add_line(&h, str_make(text, HEADER_MAX - 2), &f));
	ck_assert_uint_eq(h.bytes, HEADER_MAX);
	ck_assert(!header_add_line(&h, STR(" y"), &f));
	ck_assert(!header_insert(&h, 0, "A", STR(""), &f));
	ck_assert(!header_set_value(&h, 0, str_make(text, HEADER_MAX), &f));
	ck_assert(header_set_value(&h, 0, STR("short"), &f));
	ck_assert(header_insert(&h, 0, "A", STR(""), &f));
	ck_assert_uint_eq(h.bytes, strlen("A: \r\nx: short\r\n"));
	header_release(&h);
	free(text);
}
END_TEST

static const struct date_case {
	int64_t wall;
	int zone;
	const char *want;
} date_cases[] = {
    {0, 0, "Thu, 1 Jan 1970 00:00:00 +0000"},
    {-1, 0, "Wed, 31 Dec 1969 23:59:59 +0000"},
    {INT64_C(1795290404), 60, "Sat, 21 Nov 2026 20:46:44 +0100"},
    {INT64_C(1795290404), -570, "Sat, 21 Nov 2026 10:16:44 -0930"},
    {INT64_C(951782400), 0, "Tue, 29 Feb 2000 00:00:00 +0000"},
    {INT64_C(951868800), 0, "Wed, 1 Mar 2000 00:00:00 +0000"},
    {INT64_C(4107542400), 0, "Mon, 1 Mar 2100 00:00:00 +0000"},
    {INT64_C(2147483648), 0, "Tue, 19 Jan 2038 03:14:08 +0000"},
    {INT64_C(253402300799), 0, "Fri, 31 Dec 9999 23:59:59 +0000"},
    {INT64_C(-62135596800), 0, "Mon, 1 Jan 0001 00:00:00 +0000"},
    {INT64_MAX, 840, "Fri, 31 Dec 9999 23:59:59 +1400"},
    {INT64_MIN, -720, "Mon, 1 Jan 0001 00:00:00 -1200"},
};

START_TEST(dates)
{
	const struct date_case *c = &date_cases[_i];
	struct buf out;
	buf_init(&out, 100);
	ck_assert(header_add_date(&out, c->wall, c->zone));
	ck_assert_str_eq(buf_cstr(&out), c->want);
	buf_release(&out);
	buf_init(&out, 10);
	ck_assert(!header_add_date(&out, c->wall, c->zone));
	ck_assert_uint_eq(out.len, 0);
}
END_TEST

START_TEST(message_id)
{
	const unsigned char random[16] = {0, 1, 0xFE, 0xFF};
	struct buf out;
	buf_init(&out, 100);
	ck_assert(header_add_msgid(&out, 1795290404, random, STR("host.example")));
	ck_assert_str_eq(buf_cstr(&out),
	                 "<1795290404.0001feff000000000000000000000000@host.example>");
	buf_clear(&out);
	ck_assert(header_add_msgid(&out, 1, random, STR("")));
	ck_assert(strstr(buf_cstr(&out), "@localhost>") != NULL);
	buf_release(&out);
	buf_init(&out, 20);
	ck_assert(!header_add_msgid(&out, 1, random, STR("host.example")));
	ck_assert_uint_eq(out.len, 0);
	buf_release(&out);
}
END_TEST

/* Encoded words are checked by hand against RFC 2047 sections 2, 4, 5 and 6. */
static const struct text_case {
	const char *value;
	const char *want;
} text_cases[] = {
    {"", ""},
    {"plain text", "plain text"},
    {"  kept  as\tit  is ", "  kept  as\tit  is "},
    {"=?utf-8?Q?x?= stays", "=?utf-8?Q?x?= stays"},
    {"caf\xC3\xA9", "=?utf-8?Q?caf=C3=A9?="},
    {"a caf\xC3\xA9 b", "a =?utf-8?Q?caf=C3=A9?= b"},
    {"caf\xC3\xA9 na\xC3\xAFve", "=?utf-8?Q?caf=C3=A9_na=C3=AFve?="},
    {"caf\xC3\xA9  x", "=?utf-8?Q?caf=C3=A9?=  x"},
    {"=?utf-8?Q?x?= caf\xC3\xA9", "=?utf-8?Q?x?= =?utf-8?Q?_caf=C3=A9?="},
    {"caf\xC3\xA9 =?utf-8?Q?x?=", "=?utf-8?Q?caf=C3=A9_?= =?utf-8?Q?x?="},
    {"caf\xC3\xA9 =?x?", "=?utf-8?Q?caf=C3=A9?= =?x?"},
    {"(espresso-caf\xC3\xA9)", "=?utf-8?Q?=28espresso-caf=C3=A9=29?="},
    {"espressocaf\xC3\xA9?_=", "=?utf-8?Q?espressocaf=C3=A9=3F=5F=3D?="},
    {"\xC3\xA9\xC3\xA8\xC3\xAA", "=?utf-8?B?w6nDqMOq?="},
    {"caf\xE9", "=?unknown-8bit?Q?caf=E9?="},
    {"caf\xE9 x \xC3\xA9", "=?unknown-8bit?Q?caf=E9?= x =?utf-8?B?w6k=?="},
    {"caf\xC3\xA9\r\n\tna\xC3\xAFve", "=?utf-8?Q?caf=C3=A9=09na=C3=AFve?="},
    {"caf\xC3\xA9\r\n\tplain", "=?utf-8?Q?caf=C3=A9?=\r\n\tplain"},
};

START_TEST(encode_text)
{
	const struct text_case *c = &text_cases[_i];
	struct buf out;
	buf_init(&out, 1000);
	ck_assert(header_encode_text(&out, str_of(c->value), 9));
	ck_assert_str_eq(buf_cstr(&out), c->want);
	buf_release(&out);
}
END_TEST

START_TEST(encode_long_text)
{
	struct buf value;
	size_t first = strlen("Subject: ");
	buf_init(&value, 10000);
	struct buf out;
	buf_init(&out, 100000);
	struct buf content;
	buf_init(&content, 10000);
	for (int i = 0; i < 300; i++)
		ck_assert(buf_add_str(&value, i % 7 ? STR("\xE2\x82\xAC") : STR(" ")));
	ck_assert(header_encode_text(&out, str_trim(buf_str(&value)), first));
	struct str rest = buf_str(&out);
	struct str line;
	while (str_cut(&rest, '\n', &line)) {
		struct str word = str_trim(line);
		ck_assert_uint_le(first + str_trim(line).len + (first ? 0 : 1), 76);
		ck_assert(word.len <= 75 && str_starts(word, STR("=?utf-8?B?")));
		ck_assert(str_ends(word, STR("?=")));
		word = str_from(str_first(word, word.len - 2), 10);
		buf_clear(&content);
		ck_assert(codec_unbase64(&content, word));
		ck_assert(codec_is_utf8(buf_str(&content)));
		ck_assert(!rest.at || rest.at[0] == ' ');
		first = 0;
	}
	buf_release(&value);
	buf_release(&out);
	buf_release(&content);
}
END_TEST

START_TEST(encode_full)
{
	struct buf out;
	buf_init(&out, 12);
	ck_assert(buf_add_char(&out, '-'));
	ck_assert(!header_encode_text(&out, STR("caf\xC3\xA9"), 9));
	ck_assert_uint_eq(out.len, 1);
	buf_release(&out);
}
END_TEST

static const struct address_case {
	const char *value;
	const char *want;
	bool mailbox8;
} address_cases[] = {
    {"a@x.example, \"B\" <b@y.example>", "a@x.example, \"B\" <b@y.example>", false},
    {"Jos\xC3\xA9 <j@x.example>", "=?utf-8?Q?Jos=C3=A9?= <j@x.example>", false},
    {"Jos\xC3\xA9<j@x.example>", "=?utf-8?Q?Jos=C3=A9?= <j@x.example>", false},
    {"\"M\xC3\xBCller, J.\" <j@x.example>", "=?utf-8?Q?M=C3=BCller=2C_J=2E?= <j@x.example>",
     false},
    {"Jos\xC3\xA9 Smith <j@x.example>", "=?utf-8?Q?Jos=C3=A9?= Smith <j@x.example>", false},
    {"Jos\xC3\xA9 \"P\xC3\xA9rez\" <j@x.example>",
     "=?utf-8?Q?Jos=C3=A9_P=C3=A9rez?= <j@x.example>", false},
    {"j@x.example (Jos\xC3\xA9)", "j@x.example (=?utf-8?Q?Jos=C3=A9?=)", false},
    {"j@x.example (a (Jos\xC3\xA9) \\) b)", "j@x.example (a (=?utf-8?Q?Jos=C3=A9?=) \\) b)",
     false},
    {"a@x.example,Jos\xC3\xA9 <j@x.example>",
     "a@x.example, =?utf-8?Q?Jos=C3=A9?= <j@x.example>", false},
    {"caf\xC3\xA9: a@x.example, b@y.example;",
     "=?utf-8?Q?caf=C3=A9?=: a@x.example, b@y.example;", false},
    {"caf\xE9 <a@x.example>", "=?unknown-8bit?Q?caf=E9?= <a@x.example>", false},
    {"j\xC3\xBC@x.example", "j\xC3\xBC@x.example", true},
    {"Jos\xC3\xA9 <j\xC3\xBC@x.example>", "=?utf-8?Q?Jos=C3=A9?= <j\xC3\xBC@x.example>", true},
    {"a@b\xC3\xBC.example", "a@b\xC3\xBC.example", true},
    {"\"\xC3\xBC\"@x.example", "\"\xC3\xBC\"@x.example", true},
    {"=?utf-8?Q?x?= \xC3\xBC <a@x.example>", "=?utf-8?Q?x?= =?utf-8?B?IMO8?= <a@x.example>",
     false},
};

START_TEST(encode_addresses)
{
	const struct address_case *c = &address_cases[_i];
	bool mailbox8 = !c->mailbox8;
	struct buf out;
	buf_init(&out, 1000);
	ck_assert(
	    header_encode_addresses(&out, str_of(c->value), 4, MAILBOXES_KEPT, &mailbox8));
	ck_assert_str_eq(buf_cstr(&out), c->want);
	ck_assert(mailbox8 == c->mailbox8);
	buf_release(&out);
}
END_TEST

static const struct foreign_case {
	const char *value;
	const char *mended, *domains, *ascii;
} foreign_cases[] = {
    {"jan\xC3\xBC, Doe <a@x.example>", "=?utf-8?Q?jan=C3=BC?=:;, Doe <a@x.example>", NULL,
     NULL},
    {"jan\xC3\xBC; a@x.example", "=?utf-8?Q?jan=C3=BC?=:;, a@x.example", NULL, NULL},
    {"<jan\xC3\xBC>, a@x.example", "=?utf-8?Q?jan=C3=BC?=:;, a@x.example", NULL, NULL},
    {"a@x.example,\r\n jan\xC3\xBC", "a@x.example,\r\n =?utf-8?Q?jan=C3=BC?=:;", NULL, NULL},
    {"all: jan\xC3\xBC, a@x.example;", "all: (=?utf-8?Q?jan=C3=BC?=), a@x.example;", NULL,
     NULL},
    {"all: Jan <j\xC3\xBC>, \"a)\" <a\xC3\xBC>;",
     "all: (Jan =?utf-8?B?PGrDvD4=?=), (=?utf-8?B?YSkgPGHDvD4=?=);", NULL, NULL},
    {"all: a) <j\xC3\xBC>;", "all: (=?utf-8?B?YSkgPGrDvD4=?=);", NULL, NULL},
    {"\xC3\xBC@x.example, b@x.example", "\xC3\xBC@x.example, b@x.example",
     "\xC3\xBC@x.example, b@x.example", "=?utf-8?Q?=C3=BC=40x=2Eexample?=:;, b@x.example"},
    {"Bob <\xC3\xBC@x.example>", "Bob <\xC3\xBC@x.example>", "Bob <\xC3\xBC@x.example>",
     "Bob =?utf-8?Q?=3C=C3=BC=40x=2Eexample=3E?=:;"},
    {"\"B\xC3\xBC, b\" <b@b\xC3\xBC.example>, c@b\xC3\xBC.example",
     "=?utf-8?Q?B=C3=BC=2C_b?= <b@b\xC3\xBC.example>, c@b\xC3\xBC.example",
     "=?utf-8?Q?B=C3=BC=2C_b?= <b@xn--b-eha.example>, c@xn--b-eha.example",
     "=?utf-8?Q?B=C3=BC=2C_b?= <b@xn--b-eha.example>, c@xn--b-eha.example"},
    {"a@x.example (\xC3\xBC)", "a@x.example (=?utf-8?B?w7w=?=)", NULL, NULL},
    {"<a@x.example(\xC3\xBC)>", "<a@x.example(\xC3\xBC)>", "<a@x.example>", "<a@x.example>"},
};

static void check_foreign(const char *value, enum header_mailboxes how, const char *want)
{
	struct buf out;
	buf_init(&out, 1000);
	bool mailbox8;
	ck_assert(header_encode_addresses(&out, str_of(value), 4, how, &mailbox8));
	ck_assert_str_eq(buf_cstr(&out), want);
	ck_assert(mailbox8 == !codec_is_ascii(buf_str(&out)));
	buf_release(&out);
}

START_TEST(foreign_addresses)
{
	const struct foreign_case *c = &foreign_cases[_i];
	check_foreign(c->value, MAILBOXES_MENDED, c->mended);
	check_foreign(c->value, MAILBOXES_DOMAINS, c->domains ? c->domains : c->mended);
	check_foreign(c->value, MAILBOXES_ASCII, c->ascii ? c->ascii : c->mended);
}
END_TEST

START_TEST(long_addresses_fold)
{
	struct buf value;
	buf_init(&value, 10000);
	struct buf out;
	buf_init(&out, 10000);
	for (int i = 0; i < 20; i++)
		ck_assert(
		    buf_add_str(&value, STR("Jos\xC3\xA9 Smith <somebody@host.example>, ")));
	bool mailbox8;
	ck_assert(header_encode_addresses(&out, str_trim(buf_str(&value)), 4, MAILBOXES_KEPT,
	                                  &mailbox8));
	struct str rest = buf_str(&out);
	struct str line;
	while (str_cut(&rest, '\n', &line))
		ck_assert_uint_le(line.len, 77);
	buf_release(&value);
	buf_release(&out);
}
END_TEST

static const struct text_case phrase_cases[] = {
    {"", ""},
    {"Name", "Name"},
    {"Full Name", "Full Name"},
    {"=?utf-8?Q?x?=", "=?utf-8?Q?x?="},
    {"J. Doe", "\"J. Doe\""},
    {"Doe, John", "\"Doe, John\""},
    {"a \"b\" \\", "\"a \\\"b\\\" \\\\\""},
    {"two  blanks", "\"two  blanks\""},
    {" x", "\" x\""},
    {"x ", "\"x \""},
    {"root@host", "\"root@host\""},
    {"Jos\xC3\xA9 P.", "=?utf-8?Q?Jos=C3=A9_P=2E?="},
    {"caf\xE9", "=?unknown-8bit?Q?caf=E9?="},
    {"a\nb", "=?utf-8?Q?a=0Ab?="},
};

START_TEST(phrases)
{
	const struct text_case *c = &phrase_cases[_i];
	struct buf out;
	buf_init(&out, 1000);
	ck_assert(header_add_phrase(&out, str_of(c->value)));
	if (c->value[0] != '\0')
		ck_assert_str_eq(buf_cstr(&out), c->want);
	buf_release(&out);
}
END_TEST

static const struct text_case params_cases[] = {
    {"text/plain; name=\"a b\"", "text/plain; name=\"a b\""},
    {"attachment; filename=\"\xC3\xA9 t\\\"x.txt\"; size=3",
     "attachment; filename*=utf-8''%C3%A9%20t%22x.txt; size=3"},
    {"attachment;\r\n\tfilename = \xC3\xA9.txt ;x=y",
     "attachment;\r\n\tfilename*=utf-8''%C3%A9.txt;x=y"},
    {"a; name=\"x;\xE9'*%\"", "a; name*=unknown-8bit''x%3B%E9%27%2A%25"},
    {"a; name*=utf-8''\xC3\xA9", "a; name*=utf-8''%C3%A9"},
    {"a; \xC3\xA9", "a; \xC3\xA9"},
    {"a; name=\"\xC3\xA9", "a; name*=utf-8''%C3%A9"},
    {"a; name*1=\xC3\xA9; name*0=\xC3\xA9 b", "a; name*1*=%C3%A9; name*0*=utf-8''%C3%A9%20b"},
    {"a (x=\xC3\xA9); y=1; name=\"\xC3\xA9;\" (c)",
     "a (x=\xC3\xA9); y=1; name*=utf-8''%C3%A9%3B (c)"},
    {"a; name=\xC3\xA9\r\n b; x", "a; name*=utf-8''%C3%A9%20b; x"},
    {"a; x=;; y=; name=\xC3\xA9", "a; x=;; y=; name*=utf-8''%C3%A9"},
    {"a; name=\"\xC3\xA9 aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee.pdf\"; x=y",
     "a; name*0*=utf-8''%C3%A9%20aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee.;\r\n"
     " name*1*=pdf; x=y"},
    {";=;", ";=;"},
};

START_TEST(encode_params)
{
	const struct text_case *c = &params_cases[_i];
	struct buf out;
	buf_init(&out, 1000);
	ck_assert(header_encode_params(&out, str_of(c->value)));
	ck_assert_str_eq(buf_cstr(&out), c->want);
	buf_release(&out);
	buf_init(&out, 2);
	ck_assert(!header_encode_params(&out, str_of(c->value)));
	ck_assert_uint_eq(out.len, 0);
	buf_release(&out);
}
END_TEST

/* Adds text n times; an assertion each would be slow. */
static void repeat(struct buf *out, struct str text, int n)
{
	bool fits = true;
	for (int i = 0; i < n && fits; i++)
		fits = buf_add_str(out, text);
	ck_assert(fits);
}

/* Adds what is no blank. */
static void add_solid(struct buf *out, struct str s)
{
	bool fits = true;
	for (size_t i = 0; i < s.len; i++)
		fits = fits && (s.at[i] == ' ' || buf_add_char(out, s.at[i]));
	ck_assert(fits);
}

/* Folds "X: " and n times unit: so many lines, the same text but for blanks. */
static void check_fold(const char *unit, int n, size_t lines)
{
	struct fault f = FAULT_INIT;
	struct buf line;
	size_t count = 0;
	buf_init(&line, HEADER_MAX);
	struct buf before;
	buf_init(&before, HEADER_MAX);
	struct buf after;
	buf_init(&after, HEADER_MAX);
	ck_assert(buf_add_str(&line, STR("X: ")));
	repeat(&line, str_of(unit), n);
	struct header h;
	header_init(&h);
	ck_assert(header_add_line(&h, buf_str(&line), &f));
	ck_assert(header_fold(&h, 0, &f));
	ck_assert_uint_eq(h.bytes, h.fields[0].len + 2);
	ck_assert(str_eq(header_name(&h.fields[0]), STR("X")));
	struct str rest = str_make(h.fields[0].text, h.fields[0].len);
	struct str piece;
	while (str_cut(&rest, '\n', &piece)) {
		if (str_ends(piece, STR("\r")))
			piece.len--;
		ck_assert(piece.len <= 998 && str_trim(piece).len > 0);
		ck_assert(codec_is_utf8(piece));
		ck_assert(count++ == 0 || piece.at[0] == ' ');
		add_solid(&after, piece);
	}
	ck_assert_uint_eq(count, lines);
	add_solid(&before, buf_str(&line));
	ck_assert(str_eq(buf_str(&after), buf_str(&before)));
	header_release(&h);
	buf_release(&line);
	buf_release(&before);
	buf_release(&after);
}

START_TEST(folds)
{
	check_fold("x", 995, 1);
	check_fold("x", 996, 2);
	check_fold("x", 997, 2);
	check_fold("x", 998, 3);
	check_fold(" x", 497, 1);
	check_fold(" x", 498, 2);
	check_fold(" x", 100000, 201);
	check_fold("\xE2\x82\xAC", 1000, 5);
	check_fold("a@example.org,", 100, 3);
}
END_TEST

START_TEST(fold_behind_comma)
{
	static const char *const values[] = {"ab@example.org,", "name*1*=value;"};
	struct str piece = str_of(values[_i]);
	struct fault f = FAULT_INIT;
	struct buf line;
	buf_init(&line, HEADER_MAX);
	ck_assert(buf_add_str(&line, STR("To: ")));
	repeat(&line, piece, 100);
	struct header h;
	header_init(&h);
	ck_assert(header_add_line(&h, buf_str(&line), &f) && header_fold(&h, 0, &f));
	struct str text = str_make(h.fields[0].text, h.fields[0].len);
	size_t lf = str_rfind(text, '\n');
	ck_assert(lf != STR_NONE && text.at[lf - 2] == piece.at[piece.len - 1] &&
	          text.at[lf + 2] == piece.at[0]);
	header_release(&h);
	buf_release(&line);
}
END_TEST

/* Blanks enough for a line of their own: they must not make one. */
START_TEST(fold_blanks)
{
	struct fault f = FAULT_INIT;
	struct header h;
	struct buf line;
	struct str rest, piece;
	for (int tail = 0; tail < 2; tail++) {
		buf_init(&line, HEADER_MAX);
		ck_assert(buf_add_str(&line, STR("X:")));
		repeat(&line, STR(" "), 5000);
		ck_assert(buf_add_str(&line, tail ? STR("x") : STR("")));
		header_init(&h);
		ck_assert(header_add_line(&h, buf_str(&line), &f) && header_fold(&h, 0, &f));
		rest = str_make(h.fields[0].text, h.fields[0].len);
		while (str_cut(&rest, '\n', &piece))
			ck_assert(piece.len <= 999 && str_trim(piece).len > 0);
		header_release(&h);
		buf_release(&line);
	}
}
END_TEST

int main(void)
{
	idna_use(idna_by_library);
	Suite *s = suite_create("header");
	TCase *t = unit_case(s, "header");
	tcase_add_loop_test(t, is_field, 0, COUNT(line_cases));
	tcase_add_test(t, name_limit);
	tcase_add_test(t, kept_as_they_came);
	tcase_add_test(t, bad_lines);
	tcase_add_test(t, changes);
	tcase_add_test(t, size_limit);
	tcase_add_loop_test(t, dates, 0, COUNT(date_cases));
	tcase_add_test(t, message_id);
	tcase_add_loop_test(t, encode_text, 0, COUNT(text_cases));
	tcase_add_test(t, encode_long_text);
	tcase_add_test(t, encode_full);
	tcase_add_loop_test(t, encode_addresses, 0, COUNT(address_cases));
	tcase_add_loop_test(t, foreign_addresses, 0, COUNT(foreign_cases));
	tcase_add_test(t, long_addresses_fold);
	tcase_add_loop_test(t, encode_params, 0, COUNT(params_cases));
	tcase_add_loop_test(t, phrases, 0, COUNT(phrase_cases));
	tcase_add_test(t, folds);
	tcase_add_loop_test(t, fold_behind_comma, 0, 2);
	tcase_add_test(t, fold_blanks);
	return unit_run(s);
}
