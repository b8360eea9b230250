/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <string.h>

#include "text/buf.h"
#include "text/idna.h"
#include "mail/rewrite.h"
#include "unit.h"

#define BOSS "boss@corp.example"

static struct rewrite make_rewrite(enum from_rule rule, const char *from)
{
	static const struct local local = {
	    .hostname = {"host.example", 12},
	    .domain = {"example.org", 11},
	};
	return (struct rewrite){
	    .local = &local,
	    .login = STR("user"),
	    .full_name = STR("A. User"),
	    .from_rule = rule,
	    .from = str_of(from),
	};
}

static const struct sender_case {
	enum from_rule rule;
	const char *from;
	const char *given; /* NULL: no -f */
	const char *want;
} sender_cases[] = {
    {FROM_LOCAL, NULL, NULL, "user@example.org"},
    {FROM_LOCAL, NULL, "", ""},
    {FROM_LOCAL, NULL, "root", "root@example.org"},
    {FROM_LOCAL, NULL, "a@x.example", "a@x.example"},
    {FROM_LOCAL, BOSS, NULL, BOSS},
    {FROM_LOCAL, BOSS, "", ""},
    {FROM_LOCAL, BOSS, "root", BOSS},
    {FROM_LOCAL, BOSS, "root@localhost", BOSS},
    {FROM_LOCAL, BOSS, "root@host.example", BOSS},
    {FROM_LOCAL, BOSS, "a@x.example", "a@x.example"},
    {FROM_MISSING, BOSS, NULL, BOSS},
    {FROM_MISSING, BOSS, "", ""},
    {FROM_MISSING, BOSS, "root", "root@example.org"},
    {FROM_MISSING, BOSS, "a@x.example", "a@x.example"},
    {FROM_ALWAYS, BOSS, NULL, BOSS},
    {FROM_ALWAYS, BOSS, "", ""},
    {FROM_ALWAYS, BOSS, "a@x.example", BOSS},
    {FROM_ALWAYS, NULL, "a@x.example", "a@x.example"},
    {FROM_ALWAYS, "boss", NULL, "boss@example.org"},
};

START_TEST(sender)
{
	const struct sender_case *c = &sender_cases[_i];
	struct rewrite id = make_rewrite(c->rule, c->from);
	struct fault f = FAULT_INIT;
	struct buf out;
	buf_init(&out, 320);
	ck_assert(rewrite_sender(&id, c->given != NULL, str_of(c->given), &out, &f));
	ck_assert_str_eq(buf_cstr(&out), c->want);
	buf_release(&out);
}
END_TEST

START_TEST(odd_login)
{
	struct rewrite id = make_rewrite(FROM_LOCAL, NULL);
	struct fault f = FAULT_INIT;
	struct buf out;
	buf_init(&out, 320);
	id.login = STR("uid4242");
	ck_assert(rewrite_sender(&id, false, STR(""), &out, &f));
	ck_assert_str_eq(buf_cstr(&out), "uid4242@example.org");
	buf_clear(&out);
	id.login = STR("two words");
	ck_assert(rewrite_sender(&id, false, STR(""), &out, &f));
	ck_assert_str_eq(buf_cstr(&out), "\"two words\"@example.org");
	buf_release(&out);
}
END_TEST

/* Headers with LF here; given NULL is no -f. */
static const struct apply_case {
	const char *name;
	enum from_rule rule;
	const char *from;
	const char *given;
	bool resent;
	const char *header;
	const char *want;
} apply_cases[] = {
    {"From written", FROM_LOCAL, NULL, NULL, false, "To: a@x.example\n",
     "To: a@x.example\nFrom: \"A. User\" <user@example.org>\n"},
    {"From written with -f", FROM_LOCAL, NULL, "b@y.example", false, "Subject: x\n",
     "Subject: x\nFrom: \"A. User\" <b@y.example>\n"},
    {"From written with bare -f", FROM_LOCAL, NULL, "b", false, "",
     "From: \"A. User\" <b@example.org>\n"},
    {"From written with null -f", FROM_LOCAL, NULL, "", false, "",
     "From: \"A. User\" <user@example.org>\n"},
    {"empty From", FROM_LOCAL, NULL, NULL, false, "From:\nTo: a@x.example\n",
     "To: a@x.example\nFrom: \"A. User\" <user@example.org>\n"},
    {"an empty and a full From", FROM_LOCAL, NULL, NULL, false, "From: \nFrom: b@x.example\n",
     "From: b@x.example\n"},
    {"From written by the rule", FROM_LOCAL, BOSS, NULL, false, "",
     "From: \"A. User\" <" BOSS ">\n"},
    {"From written, -f foreign", FROM_LOCAL, BOSS, "b@y.example", false, "",
     "From: \"A. User\" <b@y.example>\n"},
    {"kept", FROM_LOCAL, BOSS, NULL, false, "from:  \"N\"  <b@y.example> (c)\n",
     "from:  \"N\"  <b@y.example> (c)\n"},
    {"local replaced", FROM_LOCAL, BOSS, NULL, false, "From: root (Cron Daemon)\n",
     "From: " BOSS " (Cron Daemon)\n"},
    {"local replaced, name kept", FROM_LOCAL, BOSS, NULL, false,
     "From: \"(Cron)\" <root@host.example>\n", "From: \"(Cron)\" <" BOSS ">\n"},
    {"one of two replaced", FROM_LOCAL, BOSS, NULL, false, "From: root, b@y.example\n",
     "From: " BOSS ", b@y.example\n"},
    {"missing does not replace", FROM_MISSING, BOSS, NULL, false, "From: root\n",
     "From: root@example.org\n"},
    {"missing writes", FROM_MISSING, BOSS, NULL, false, "", "From: \"A. User\" <" BOSS ">\n"},
    {"always", FROM_ALWAYS, BOSS, NULL, false, "From: Bob <b@y.example>\nTo: a@x.example\n",
     "From: Bob <" BOSS ">\nTo: a@x.example\nReply-To: Bob <b@y.example>\n"},
    {"always, bare", FROM_ALWAYS, BOSS, NULL, false, "From: root\n",
     "From: " BOSS "\nReply-To: root@example.org\n"},
    {"always, two", FROM_ALWAYS, BOSS, NULL, false, "From: A <a@x.example>, b@y.example\n",
     "From: A <" BOSS ">\nReply-To: A <a@x.example>, b@y.example\n"},
    {"always, Reply-To there", FROM_ALWAYS, BOSS, NULL, false,
     "From: b@y.example\nReply-To: c@z.example\n", "From: " BOSS "\nReply-To: c@z.example\n"},
    {"always, Reply-To empty", FROM_ALWAYS, BOSS, NULL, false, "Reply-To:\nFrom: b@y.example\n",
     "From: " BOSS "\nReply-To: b@y.example\n"},
    {"always, the same", FROM_ALWAYS, BOSS, NULL, false, "From: B <" BOSS ">\n",
     "From: B <" BOSS ">\n"},
    {"bare ones completed", FROM_LOCAL, NULL, NULL, false,
     "From: root\nSender: \"S\" <s>\nReply-To: r (c)\nTo: a, B <b>,\n\tc@x.example, g: d;\n"
     "Cc: \\root\nX-To: root\n",
     "From: root@example.org\nSender: \"S\" <s@example.org>\nReply-To: r@example.org (c)\n"
     "To: a@example.org, B <b@example.org>,\n\tc@x.example, g: d@example.org;\n"
     "Cc: root@example.org\nX-To: root\n"},
    {"blanks between addresses", FROM_LOCAL, NULL, NULL, false,
     "From: a@x.example\nTo: root@localhost, set escape\nCc: ann\n bob (C) c\n"
     "Resent-To: a@x.example b@y.example\n",
     "From: a@x.example\nTo: root@localhost, set@example.org, escape@example.org\n"
     "Cc: ann@example.org,\n bob@example.org (C), c@example.org\n"
     "Resent-To: a@x.example b@y.example\n"},
    {"not parsed", FROM_LOCAL, BOSS, NULL, false, "From: <a\nTo: a@@b\n",
     "From: <a\nTo: a@@b\n"},
    {"always, not parsed", FROM_ALWAYS, BOSS, NULL, false, "From: <a\nTo: a@@b\n",
     "From: \"<a\" <" BOSS ">\nTo: a@@b\n"},
    {"always, a group", FROM_ALWAYS, BOSS, NULL, false, "From: nobody:;\n",
     "From: \"nobody:;\" <" BOSS ">\n"},
    {"always, not ours", FROM_ALWAYS, BOSS, NULL, true, "From: <a\nResent-From: b@x.example\n",
     "From: <a\nResent-From: " BOSS "\nReply-To: b@x.example\n"},
    {"words and an address", FROM_LOCAL, BOSS, NULL, false,
     "From: Backup Server root@localhost\n", "From: \"Backup Server\" <" BOSS ">\n"},
    {"words and an address, kept", FROM_LOCAL, NULL, NULL, false,
     "From: Backup Server root@x.example\nTo: Bob B. b@x.example, c (C)\n",
     "From: \"Backup Server\" <root@x.example>\nTo: \"Bob B.\" <b@x.example>, "
     "c@example.org (C)\n"},
    {"words and an address, always", FROM_ALWAYS, BOSS, NULL, false,
     "From: Backup Server root@x.example\n",
     "From: \"Backup Server\" <" BOSS ">\nReply-To: \"Backup Server\" <root@x.example>\n"},
    {"words behind an address", FROM_LOCAL, NULL, NULL, false,
     "From: root@x.example Backup Server\n", "From: \"Backup Server\" <root@x.example>\n"},
    {"comma in a name", FROM_LOCAL, NULL, NULL, false,
     "From: Acme, Inc. <a@x.example>\nReply-To: Doe, John <j@x.example>\n",
     "From: \"Acme, Inc.\" <a@x.example>\nReply-To: \"Doe, John\" <j@x.example>\n"},
    {"comma in a name, quotes", FROM_LOCAL, NULL, NULL, false,
     "From: \"Acme\",\n Inc. <a@x.example>\n", "From: \"Acme, Inc.\" <a@x.example>\n"},
    {"comma in a name, replaced", FROM_LOCAL, BOSS, NULL, false, "From: Acme, Inc. <root>\n",
     "From: \"Acme, Inc.\" <" BOSS ">\n"},
    {"only words", FROM_LOCAL, NULL, "b@y.example", false, "From: Backup Server\n",
     "From: \"Backup Server\" <b@y.example>\n"},
    {"two authors", FROM_LOCAL, NULL, NULL, false, "From: A, B <a@x.example>, c@x.example\n",
     "From: A@example.org, B <a@x.example>, c@x.example\n"},
    {"encoded words and an address", FROM_LOCAL, NULL, NULL, false,
     "From: =?utf-8?Q?B=C3=BC?= S a@x.example\n",
     "From: =?utf-8?Q?B=C3=BC?= S <a@x.example>\n"},
    {"no addresses", FROM_LOCAL, NULL, NULL, false,
     "From: a@x.example\nTo: undisclosed-recipients:;\nCc:\n",
     "From: a@x.example\nTo: undisclosed-recipients:;\nCc:\n"},
    {"resent", FROM_LOCAL, NULL, NULL, true, "To: a@x.example\nResent-To: b\n",
     "To: a@x.example\nResent-From: \"A. User\" <user@example.org>\nResent-To: "
     "b@example.org\n"},
    {"resent, rule", FROM_LOCAL, BOSS, NULL, true, "From: b@y.example\nResent-From: root\n",
     "From: b@y.example\nResent-From: " BOSS "\n"},
};

/* Adds lines with LF to a header. */
static void fill(struct header *h, const char *text)
{
	struct str rest = str_of(text);
	struct fault f = FAULT_INIT;
	header_init(h);
	struct str line;
	while (str_cut(&rest, '\n', &line))
		ck_assert(header_add_line(h, line, &f));
}

static void check_header(struct header *h, const char *name, const char *want)
{
	struct buf out;
	buf_init(&out, HEADER_MAX);
	struct buf plain;
	buf_init(&plain, HEADER_MAX);
	ck_assert(header_write(&out, h));
	for (size_t i = 0; i < out.len; i++)
		if (out.at[i] != '\r')
			ck_assert(buf_add_char(&plain, out.at[i]));
	ck_assert_msg(strcmp(buf_cstr(&plain), want) == 0, "%s: %s", name, buf_cstr(&plain));
	header_release(h);
	buf_release(&out);
	buf_release(&plain);
}

START_TEST(apply)
{
	const struct apply_case *c = &apply_cases[_i];
	struct rewrite id = make_rewrite(c->rule, c->from);
	struct fault f = FAULT_INIT;
	struct header h;
	fill(&h, c->header);
	ck_assert(rewrite_apply(&id, c->given != NULL, str_of(c->given), c->resent, &h, &f));
	check_header(&h, c->name, c->want);
}
END_TEST

static const struct name_case {
	const char *from_name;
	const char *full_name;
	bool given;
	const char *want;
} name_cases[] = {
    {NULL, NULL, false, "From: user@example.org\n"},
    {NULL, "Full Name", false, "From: Full Name <user@example.org>\n"},
    {"Config", "Gecos", false, "From: Config <user@example.org>\n"},
    {"Config", NULL, false, "From: Config <user@example.org>\n"},
    {"Config", "Option", true, "From: Option <user@example.org>\n"},
    {NULL, "Doe, J", true, "From: \"Doe, J\" <user@example.org>\n"},
    {NULL, "Jos\xC3\xA9 P", true, "From: =?utf-8?Q?Jos=C3=A9_P?= <user@example.org>\n"},
};

START_TEST(names)
{
	const struct name_case *c = &name_cases[_i];
	struct rewrite id = make_rewrite(FROM_LOCAL, NULL);
	struct fault f = FAULT_INIT;
	id.from_name = str_of(c->from_name);
	id.full_name = str_of(c->full_name);
	id.name_given = c->given;
	struct header h;
	fill(&h, "");
	ck_assert(rewrite_apply(&id, false, STR(""), false, &h, &f));
	check_header(&h, "name", c->want);
}
END_TEST

START_TEST(reply_to)
{
	struct rewrite id = make_rewrite(FROM_LOCAL, NULL);
	struct fault f = FAULT_INIT;
	id.reply_to = STR("help@corp.example");
	struct header h;
	fill(&h, "From: a@x.example\n");
	ck_assert(rewrite_apply(&id, false, STR(""), false, &h, &f));
	check_header(&h, "added", "From: a@x.example\nReply-To: help@corp.example\n");
	fill(&h, "From: a@x.example\nReply-To: me\n");
	ck_assert(rewrite_apply(&id, false, STR(""), false, &h, &f));
	check_header(&h, "there", "From: a@x.example\nReply-To: me@example.org\n");
	fill(&h, "From: a@x.example\nReply-To:\n");
	ck_assert(rewrite_apply(&id, false, STR(""), false, &h, &f));
	check_header(&h, "empty", "From: a@x.example\nReply-To: help@corp.example\n");
}
END_TEST

START_TEST(international_domains)
{
	struct rewrite id = make_rewrite(FROM_LOCAL, NULL);
	struct fault f = FAULT_INIT;
	struct header h;
	const char *text = "From: a@x.example\nTo: B <b@b\xC3\xBC.example>, c@y,\n"
	                   " \xC3\xBC@b\xC3\xBC.example\nX-To: d@b\xC3\xBC.example\n";
	fill(&h, text);
	ck_assert(rewrite_apply(&id, false, STR(""), false, &h, &f));
	check_header(&h, "in ASCII where the local-part is",
	             "From: a@x.example\nTo: B <b@xn--b-eha.example>, c@y,\n"
	             " \xC3\xBC@b\xC3\xBC.example\nX-To: d@b\xC3\xBC.example\n");
}
END_TEST

int main(void)
{
	idna_use(idna_by_library);
	Suite *s = suite_create("rewrite");
	TCase *t = unit_case(s, "rewrite");
	tcase_add_loop_test(t, sender, 0, COUNT(sender_cases));
	tcase_add_test(t, odd_login);
	tcase_add_loop_test(t, apply, 0, COUNT(apply_cases));
	tcase_add_loop_test(t, names, 0, COUNT(name_cases));
	tcase_add_test(t, reply_to);
	tcase_add_test(t, international_domains);
	return unit_run(s);
}
