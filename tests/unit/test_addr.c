/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <string.h>

#include "text/buf.h"
#include "mail/addr.h"
#include "unit.h"

#define D10  "0123456789"
#define D60  D10 D10 D10 D10 D10 D10
#define D64  D60 "0123"
#define D250 D60 D60 D60 D60 D10

/* What a list gives, as "mailbox{name}" joined by blanks; "*" behind a mailbox
 * written \name, "&" behind one of a group. NULL: refused. */
static const struct list_case {
	const char *text;
	const char *want;
} list_cases[] = {
    {"", ""},
    {" \t ", ""},
    {"a@x.example", "a@x.example{}"},
    {"a@x.example,b@y.example", "a@x.example{} b@y.example{}"},
    {" a@x.example , b@y.example ", "a@x.example{} b@y.example{}"},
    {"root", "root{}"},
    {"a@x.example,, b@y.example,", "a@x.example{} b@y.example{}"},
    {"a@x.example; b@y.example;", "a@x.example{} b@y.example{}"},
    {"a@x.example b@y.example", "a@x.example{} b@y.example{}"},
    {"a@x.example,\r\n\tb@y.example\r\n  , c@z.example",
     "a@x.example{} b@y.example{} c@z.example{}"},
    {"-f, from@example.com", "-f{} from@example.com{}"},
    /* display names */
    {"<a@x.example>", "a@x.example{}"},
    {"Name <a@x.example>", "a@x.example{Name}"},
    {"Two  Names<a@x.example>", "a@x.example{Two Names}"},
    {"\"Doe, John\" <a@x.example>, b@y.example", "a@x.example{Doe, John} b@y.example{}"},
    {"\"a \\\"b\\\" (c)\" <a@x.example>", "a@x.example{a \"b\" (c)}"},
    {"J. R. Doe <a@x.example>", "a@x.example{J. R. Doe}"},
    {"b@y.example <a@x.example>", "a@x.example{b@y.example}"},
    {"[list] owner <a@x.example>", "a@x.example{[list] owner}"},
    {"=?utf-8?Q?J=C3=BC?= <a@x.example>", "a@x.example{=?utf-8?Q?J=C3=BC?=}"},
    {"J\xC3\xBC <a@x.example>", "a@x.example{J\xC3\xBC}"},
    {"\"(Cron Daemon)\" <root>", "root{(Cron Daemon)}"},
    {"root (Cron Daemon)", "root{Cron Daemon}"},
    {"<a@x.example> <b@y.example>", "a@x.example{} b@y.example{}"},
    /* comments */
    {"(c) b@x.example", "b@x.example{c}"},
    {"(one, two) b@x.example (x <y@z>), c@y.example", "b@x.example{one, two} c@y.example{}"},
    {"N (c) <a@x.example> (d)", "a@x.example{N}"},
    {"a (c) @ (d) x.example (e)", "a@x.example{c}"},
    {"a@x.example (a (b) \\) c)", "a@x.example{a (b) ) c}"},
    {"(only)", ""},
    /* groups */
    {"g: a@x.example, B <b@y.example>;", "a@x.example{}& b@y.example{B}&"},
    {"g: a@x.example; b@y.example", "a@x.example{}& b@y.example{}"},
    {"two words: a@x.example;, b@y.example", "a@x.example{}& b@y.example{}"},
    {"undisclosed-recipients:;", ""},
    {"undisclosed-recipients:", ""},
    {"g: ;, a@x.example", "a@x.example{}"},
    {"g: h: a@x.example;;", NULL},
    {":include:/etc/passwd", NULL},
    {"a@b:c", NULL},
    /* routes */
    {"<@relay.example:b@x.example>", "b@x.example{}"},
    {"<@r1.example,@r2.example:b@x.example>", "b@x.example{}"},
    {"<@relay.example>", NULL},
    /* local-parts */
    {"host!user", "host!user{}"},
    {"u%h@x.example", "u%h@x.example{}"},
    {"|/bin/cat", "|/bin/cat{}"},
    {"/path", "/path{}"},
    {"\\root", "root*{}"},
    {"\\root@x.example", "root@x.example{}"},
    {"b..c@x.example", "\"b..c\"@x.example{}"},
    {".b@x.example", "\".b\"@x.example{}"},
    {"b.@x.example", "\"b.\"@x.example{}"},
    {"\"quoted local\"@x.example", "\"quoted local\"@x.example{}"},
    {"\"a\\\"b\"@x.example", "\"a\\\"b\"@x.example{}"},
    {"\"a@b\"@x.example", "\"a@b\"@x.example{}"},
    {"\"plain\"@x.example", "plain@x.example{}"},
    {"\"a@b\"", "\"a@b\"{}"},
    {"\xC3\xBC@x.example", "\xC3\xBC@x.example{}"},
    {"\xFC@x.example", NULL},
    {"\"\"@x.example", NULL},
    {"\"\"", NULL},
    {"bob\"x\"@y.example", NULL},
    {"\"Bob\"bob@x.example", NULL},
    {"\"a\"\"b\"@x.example", NULL},
    {"\"a\"\\b@x.example", NULL},
    {"\"a\"b", NULL},
    {"\"a b\".c.\"d\"@x.example", "\"a b.c.d\"@x.example{}"},
    {"@x.example", NULL},
    {"<>", NULL},
    /* words beside an address, and addresses that touch */
    {"Backup Server root@x.example", NULL},
    {"test(comment)test@iana.org", NULL},
    {"\"quoted\" unquoted@example.com", NULL},
    {"a@x.example b", NULL},
    {"a@x.example(c)b@y.example", NULL},
    {"a@x.example\"b\"@y.example", NULL},
    {"a b", "a{} b{}"},
    /* domains */
    {"b@b\xC3\xBC"
     "cher.example",
     "b@b\xC3\xBC"
     "cher.example{}"},
    {"a@[192.0.2.9]", "a@[192.0.2.9]{}"},
    {"a@[IPv6:::1]", "a@[IPv6:::1]{}"},
    {"a@ [IPv6:::1], b@c", "a@[IPv6:::1]{} b@c{}"},
    {"a@(x)[IPv6:::1]", "a@[IPv6:::1]{x}"},
    {"<a@b(x>y)>, c@d", "a@b{x>y} c@d{}"},
    {"a@b. c", NULL},
    {"a@b .c", NULL},
    {"a@b., c@d", "a@b{} c@d{}"},
    {"a@[ipv6:2001:db8::1], b@x.example", "a@[ipv6:2001:db8::1]{} b@x.example{}"},
    {"a@x.example.", "a@x.example{}"},
    {"a@[192.0.2.999]", NULL},
    {"a@[192.0.2.9", NULL},
    {"a@[]", NULL},
    {"a@[IPv6:1]", NULL},
    {"a@[x.example]", NULL},
    {"a@", NULL},
    {"a@,b@x.example", NULL},
    {"a@.", NULL},
    {"a@x..example", NULL},
    {"a@-x.example", NULL},
    {"a@x!y", NULL},
    {"a@\xFC", NULL},
    {"a@@x.example", NULL},
    {"a@b@c", NULL},
    /* what does not close, and controls */
    {"<a@x.example", NULL},
    {"a@x.example>", NULL},
    {"<<a@x.example>>", NULL},
    {"<a@x.example> b", NULL},
    {"\"a@x.example", NULL},
    {"(a@x.example", NULL},
    {"a@x.example)", NULL},
    {"a\\", NULL},
    {"a\x01@x.example", NULL},
    {"a\x7F@x.example", NULL},
    {"a@x.example\nRCPT TO:<b@y.example>", NULL},
    {"a@x.example\r", NULL},
    {"a@x.example\r\nb@y.example", NULL},
    {"\"a\nb\" <a@x.example>", NULL},
    {"\"a\tb\"@x.example", NULL},
    {"\"a\tb\" <a@x.example>", "a@x.example{a\tb}"},
    /* limits: a local-part of 256 bytes, a domain of 255, 320 in all */
    {D64 "@x.example", D64 "@x.example{}"},
    {D64 "5@x.example", D64 "5@x.example{}"},
    {D250 "abcdef@x.example", D250 "abcdef@x.example{}"},
    {D250 "abcdefg@x.example", NULL},
    {"a@" D60 "." D60 "." D60 "." D60 "." D10 "a",
     "a@" D60 "." D60 "." D60 "." D60 "." D10 "a{}"},
    {"a@" D60 "." D60 "." D60 "." D60 "." D10 "ab", NULL},
    {"a@" D60 "012.example", "a@" D60 "012.example{}"},
    {"a@" D60 "0123.example", NULL},
    {D250 "@" D60 ".abcdefgh", D250 "@" D60 ".abcdefgh{}"},
    {D250 "@" D60 ".abcdefghi", NULL},
};

static bool show(void *context, const struct addr *a, struct fault *f)
{
	struct buf *out = context;
	(void)f;
	ck_assert(addr_is_wire(a->mailbox));
	if (out->len > 0)
		ck_assert(buf_add_char(out, ' '));
	ck_assert(buf_add_str(out, a->mailbox));
	if (a->escaped)
		ck_assert(buf_add_char(out, '*'));
	ck_assert(buf_add_char(out, '{') && buf_add_str(out, a->name) &&
	          buf_add_char(out, '}'));
	if (a->in_group)
		ck_assert(buf_add_char(out, '&'));
	ck_assert(a->bare == (addr_domain(a->mailbox).len == 0));
	return true;
}

START_TEST(lists)
{
	const struct list_case *c = &list_cases[_i];
	struct fault f = FAULT_INIT;
	struct buf out;
	buf_init(&out, 1000);
	bool fine = addr_parse_list(str_of(c->text), show, &out, &f);
	ck_assert_msg(fine == (c->want != NULL), "%s: %s", c->text, fine ? "taken" : f.text);
	if (fine)
		ck_assert_str_eq(buf_cstr(&out), c->want);
	else
		ck_assert(f.kind == FAULT_DATA && f.text[0] != '\0');
	buf_release(&out);
}
END_TEST

/* The same in a field of a header. */
static const struct list_case header_cases[] = {
    {"Backup Server root@x.example", "root@x.example{Backup Server}"},
    {"test(comment)test@iana.org", "test@iana.org{test}"},
    {"\"quoted\" unquoted@example.com", "unquoted@example.com{quoted}"},
    {"\"Bob\"bob@x.example", "bob@x.example{Bob}"},
    {"\"Bob\".b@x.example", "Bob.b@x.example{}"},
    {"a.\"b\"c@x.example", NULL},
    {"bob\"x\"@y.example", NULL},
    {"\"a\"b", NULL},
    {"\"a\"\"b\"@x.example", NULL},
    {"root(c)admin", NULL},
    /* One address with a comment in it: half of it is a stranger's. */
    {"a.(c)b@x.example", NULL},
    {"a@b(c)x.example", NULL},
    {"a@b.example(c)x", NULL},
    {"b@x.example\"Bob\"", "b@x.example{Bob}"},
    {"a. b@x.example", "b@x.example{a.}"},
    {"a (c)b@x.example", "b@x.example{a}"},
    {"a@b.example (c) x", "a@b.example{x}"},
    {"a@x.example b", "a@x.example{b}"},
    {"A a@x.example B b@y.example C, d", "a@x.example{A} b@y.example{B C} d{}"},
    {"a b, c d@x.example", "a{} b{} d@x.example{c}"},
    {"g: A a@x.example;", "a@x.example{A}&"},
    {"a@x.example b@y.example", "a@x.example{} b@y.example{}"},
    {"Ann a@", NULL},
};

START_TEST(fields)
{
	const struct list_case *c = &header_cases[_i];
	struct fault f = FAULT_INIT;
	struct buf out;
	buf_init(&out, 1000);
	bool fine = addr_parse_header(str_of(c->text), show, &out, &f);
	ck_assert_msg(fine == (c->want != NULL), "%s: %s", c->text, fine ? "taken" : f.text);
	ck_assert_str_eq(buf_cstr(&out), fine ? c->want : "");
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

START_TEST(nested_comments)
{
	struct fault f = FAULT_INIT;
	struct buf text, out;
	for (int depth = 100; depth <= 101; depth++) {
		buf_init(&text, 1000);
		buf_init(&out, 1000);
		repeat(&text, STR("("), depth);
		repeat(&text, STR(")"), depth);
		ck_assert(buf_add_str(&text, STR("a@x.example")));
		ck_assert(addr_parse_list(buf_str(&text), show, &out, &f) == (depth == 100));
		buf_release(&text);
		buf_release(&out);
	}
}
END_TEST

struct views {
	struct str source;
	struct str spec;
};

static bool keep_views(void *context, const struct addr *a, struct fault *f)
{
	struct views *v = context;
	(void)f;
	v->source = a->source;
	v->spec = a->spec;
	return true;
}

static const struct view_case {
	const char *text;
	const char *source;
	const char *spec;
} view_cases[] = {
    {" root (Cron) ", "root (Cron)", "root"},
    {"\"(Cron)\" <root>", "\"(Cron)\" <root>", "root"},
    {"x,  N < a@x.example > (c) ", "N < a@x.example > (c)", "a@x.example"},
    {"<@r.example:a@x.example>", "<@r.example:a@x.example>", "a@x.example"},
    {"(c) \"a b\"", "(c) \"a b\"", "\"a b\""},
    {"g: b@y.example, root;", "root", "root"},
    {"a @ x.example", "a @ x.example", "a @ x.example"},
    {"\\root", "\\root", "\\root"},
};

START_TEST(views)
{
	const struct view_case *c = &view_cases[_i];
	struct fault f = FAULT_INIT;
	struct views v = {{0}, {0}};
	ck_assert(addr_parse_list(str_of(c->text), keep_views, &v, &f));
	ck_assert(str_eq(v.source, str_of(c->source)));
	ck_assert(str_eq(v.spec, str_of(c->spec)));
}
END_TEST

static bool stop(void *context, const struct addr *a, struct fault *f)
{
	(void)a;
	++*(int *)context;
	return fault_set(f, FAULT_TEMP, "stop");
}

START_TEST(each_stops)
{
	struct fault f = FAULT_INIT;
	int calls = 0;
	ck_assert(!addr_parse_list(STR("a, b, c"), stop, &calls, &f));
	ck_assert_int_eq(calls, 1);
	ck_assert_int_eq(f.kind, FAULT_TEMP);
}
END_TEST

static const struct one_case {
	const char *text;
	const char *want;
} one_cases[] = {
    {"", ""},
    {" ", ""},
    {"<>", ""},
    {" <> ", ""},
    {"< >", ""},
    {"a@x.example", "a@x.example"},
    {"<a@x.example>", "a@x.example"},
    {"Name <a@x.example>", "a@x.example"},
    {"user", "user"},
    {"\"a b\"@x.example", "\"a b\"@x.example"},
    {"a@x.example, b@y.example", NULL},
    {"a b", NULL},
    {"g: a@x.example;", NULL},
    {"g:;", NULL},
    {"(c)", NULL},
    {"a@x.example\n", NULL},
    {"a@", NULL},
    {"<>,<>", NULL},
};

START_TEST(one)
{
	const struct one_case *c = &one_cases[_i];
	struct fault f = FAULT_INIT;
	struct buf out;
	buf_init(&out, ADDR_MAX + 1);
	ck_assert(buf_add_char(&out, '-'));
	bool fine = addr_parse_one(str_of(c->text), &out, &f);
	ck_assert_msg(fine == (c->want != NULL), "%s", c->text);
	ck_assert_str_eq(buf_cstr(&out) + 1, fine ? c->want : "");
	buf_release(&out);
}
END_TEST

static const struct part_case {
	const char *mailbox;
	const char *local;
	const char *domain;
	const char *qualified; /* with d.example */
} part_cases[] = {
    {"a@x.example", "a", "x.example", "a@x.example"},
    {"a", "a", "", "a@d.example"},
    {"\"a@b\"", "\"a@b\"", "", "\"a@b\"@d.example"},
    {"\"a@b\"@x.example", "\"a@b\"", "x.example", "\"a@b\"@x.example"},
    {"a@[192.0.2.1]", "a", "[192.0.2.1]", "a@[192.0.2.1]"},
};

START_TEST(parts)
{
	const struct part_case *c = &part_cases[_i];
	ck_assert(str_eq(addr_local(str_of(c->mailbox)), str_of(c->local)));
	ck_assert(str_eq(addr_domain(str_of(c->mailbox)), str_of(c->domain)));
	struct buf out;
	buf_init(&out, 100);
	ck_assert(addr_qualify(&out, str_of(c->mailbox), STR("d.example")));
	ck_assert_str_eq(buf_cstr(&out), c->qualified);
	buf_release(&out);
	buf_init(&out, strlen(c->qualified) - 1);
	ck_assert(!addr_qualify(&out, str_of(c->mailbox), STR("d.example")));
	ck_assert_uint_eq(out.len, 0);
	buf_release(&out);
}
END_TEST

static const struct match_case {
	const char *mailbox;
	const char *pattern;
	bool match;
} match_cases[] = {
    {"a@work.example", "*@work.example", true},
    {"a@Work.Example", "*@work.example", true},
    {"a@notwork.example", "*@work.example", false},
    {"a@sub.work.example", "*@work.example", false},
    {"a@sub.work.example", "*@*.work.example", true},
    {"a@work.example", "work.example", true},
    {"a@work.example", "WORK.example", true},
    {"a@x.work.example", "work.example", false},
    {"a@x.work.example", "*.example", true},
    {"root@x.example", "root@*", true},
    {"toor@x.example", "root@*", false},
    {"Root@x.example", "root@*", false},
    {"root", "root@*", true},
    {"root", "x.example", false},
    {"a+b@x.example", "a+*@x.example", true},
    {"abcbd@x.example", "a*b*d@x.example", true},
    {"abcbe@x.example", "a*b*d@x.example", false},
    {"a@x.example", "a@x.example", true},
    {"a@x.example", "", false},
    {"a@x.example", "*", true},
    {"root", "*", true},
    {"", "*", true},
    {"", "*@work.example", false},
    {"", "work.example", false},
};

START_TEST(matches)
{
	const struct match_case *c = &match_cases[_i];
	ck_assert_msg(addr_matches(str_of(c->mailbox), str_of(c->pattern)) == c->match, "%s %s",
	              c->mailbox, c->pattern);
}
END_TEST

static const struct domain_case {
	const char *text;
	bool valid;
} domain_cases[] = {
    {"example.org", true}, {"localhost", true},
    {"a_b.example", true}, {"1.2.3.4", true},
    {"xn--a.b", true},     {"b\xC3\xBC.example", true},
    {"[192.0.2.1]", true}, {"[IPv6:::]", true},
    {"", false},           {".", false},
    {"a.", false},         {".a", false},
    {"a..b", false},       {"-a.b", false},
    {"a-.b", false},       {"a b", false},
    {"a@b", false},        {"[1.2.3]", false},
    {"[::1]", false},      {"[", false},
    {"[]", false},         {"b\xFC.example", false},
    {"a\n", false},
};

START_TEST(domains)
{
	const struct domain_case *c = &domain_cases[_i];
	ck_assert_msg(addr_is_domain(str_of(c->text)) == c->valid, "%s", c->text);
}
END_TEST

START_TEST(many)
{
	struct fault f = FAULT_INIT;
	struct buf text;
	int calls = 0;
	buf_init(&text, 8 * 1024 * 1024);
	repeat(&text, STR("a "), 400000);
	ck_assert(!addr_parse_list(buf_str(&text), stop, &calls, &f));
	ck_assert(buf_add_str(&text, STR(", (")));
	repeat(&text, STR(",\"x\" <a@x.example>"), 200000);
	ck_assert(!addr_parse_list(buf_str(&text), keep_views, &(struct views){{0}, {0}}, &f));
	ck_assert_int_eq(f.kind, FAULT_DATA);
	buf_release(&text);
}
END_TEST

static const struct {
	const char *text;
	bool wire;
} wire_cases[] = {
    {"a@x.example", true},
    {"a", true},
    {"a@[IPv6:::1]", true},
    {"\"a b\"@x.example", true},
    {"\"a>b\"@x.example", true},
    {"\"a\\\"b\"@x.example", true},
    {"\xC3\xA9@\xC3\xA9.example", true},
    {"", false},
    {"@x.example", false},
    {"a@", false},
    {"a b@x.example", false},
    {"a@x.example> SIZE=1", false},
    {"a@x.example>", false},
    {"<a@x.example", false},
    {"a@x.example\tb", false},
    {"a@x.example\r\nDATA", false},
    {"\"a\nb\"@x.example", false},
    {"\"a@x.example> SIZE=1", false},
    {"\"a\\\"@x.example> SIZE=1", false},
    {"\"a\"> SIZE=1@x.example", false},
    {"\"", false},
    {"\"a\\\"", false},
    {"a@b@c", false},
    {"a@x.example,b@x.example", false},
    {"a\\ @x.example", false},
};

START_TEST(wire)
{
	ck_assert_msg(addr_is_wire(str_of(wire_cases[_i].text)) == wire_cases[_i].wire, "%s",
	              wire_cases[_i].text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("addr");
	TCase *t = unit_case(s, "addr");
	tcase_add_loop_test(t, fields, 0, COUNT(header_cases));
	tcase_add_loop_test(t, lists, 0, COUNT(list_cases));
	tcase_add_test(t, nested_comments);
	tcase_add_loop_test(t, views, 0, COUNT(view_cases));
	tcase_add_test(t, each_stops);
	tcase_add_loop_test(t, one, 0, COUNT(one_cases));
	tcase_add_loop_test(t, parts, 0, COUNT(part_cases));
	tcase_add_loop_test(t, matches, 0, COUNT(match_cases));
	tcase_add_loop_test(t, domains, 0, COUNT(domain_cases));
	tcase_add_loop_test(t, wire, 0, COUNT(wire_cases));
	tcase_add_test(t, many);
	return unit_run(s);
}
