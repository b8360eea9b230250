/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>

#include "text/idna.h"
#include "mail/local.h"
#include "unit.h"

static const char *const names[] = {"mdbox", "mdbox.home.lan"};

static const char aliases[] = "root: ann@x.example, logs\n"
                              "logs: bob@mdbox\n"
                              "bob: bob@y.example\n"
                              "op: op, root@localhost\n";

static struct local make_local(void)
{
	return (struct local){
	    .hostname = STR("host.example"),
	    .domain = STR("corp.example"),
	    .names = names,
	    .name_count = COUNT(names),
	};
}

static const struct ours_case {
	const char *mailbox;
	bool ours;
} ours_cases[] = {
    {"root", true},
    {"root@host.example", true},
    {"root@HOST.example", true},
    {"root@localhost", true},
    {"root@LocalHost.LocalDomain", true},
    {"root@[127.0.0.1]", false},
    {"root@mdbox", true},
    {"root@MDBOX.home.lan", true},
    {"root@corp.example", false},
    {"root@x.host.example", false},
    {"root@host", false},
    {"\"a@host.example\"@x.example", false},
};

START_TEST(ours)
{
	struct local l = make_local();
	ck_assert_msg(local_is_ours(&l, str_of(ours_cases[_i].mailbox)) == ours_cases[_i].ours,
	              "%s", ours_cases[_i].mailbox);
}
END_TEST

static const struct name_case {
	const char *domain, *own;
	bool is;
} name_cases[] = {
    {"mdbox.home.lan", "mdbox", true},    {"mdbox.home.lan", "MDBOX.home.lan", true},
    {"mdbox.home.lan", "mdbox.x", true},  {"example.org", "example", false},
    {"example.org", "example.org", true}, {"corp.example.org", "mdbox", false},
    {"corp.example.org", "", false},
};

START_TEST(host_name)
{
	const struct name_case *c = &name_cases[_i];
	ck_assert_msg(local_is_host_name(str_of(c->domain), str_of(c->own)) == c->is, "%s %s",
	              c->domain, c->own);
}
END_TEST

/* Results in their order, a blank behind each. */
static const struct route_case {
	const char *admin, *mailbox;
	bool escaped;
	const char *want;
} route_cases[] = {
    {"", "c@d.example", false, "c@d.example "},
    {"", "eve", false, "eve@corp.example "},
    {"", "eve@localhost", false, "eve@corp.example "},
    {"", "eve@mdbox", false, "eve@corp.example "},
    {"", "root", false, "ann@x.example bob@y.example "},
    {"", "root@mdbox.home.lan", false, "ann@x.example bob@y.example "},
    {"", "root@corp.example", false, "root@corp.example "},
    {"", "root", true, "root@corp.example "},
    {"adm@z.example", "eve", false, "adm@z.example "},
    {"adm@z.example", "eve@localhost", false, "adm@z.example "},
    {"adm@z.example", "eve@HOST.example", false, "adm@z.example "},
    {"adm@z.example", "eve@corp.example", false, "eve@corp.example "},
    {"adm@z.example", "root@localhost", false, "ann@x.example bob@y.example "},
    {"adm@z.example", "root", true, "adm@z.example "},
    {"adm", "eve", false, "adm@corp.example "},
    {"adm@z.example", "op", false, "adm@z.example ann@x.example bob@y.example "},
    {"", "a@b\xC3\xBC.example", false, "a@xn--b-eha.example "},
};

static const struct rest_case {
	const char *aliases, *admin, *mailbox, *want;
} rest_cases[] = {
    {"*: ann@x.example\n", "adm@z.example", "eve", "ann@x.example "},
    {"default: ann@x.example\n", "", "eve@localhost", "ann@x.example "},
    {"default: d@x.example\n*: ann@x.example\n", "", "eve", "ann@x.example "},
    {"*: ann@x.example\nroot: bob@y.example\n", "", "root", "bob@y.example "},
    {"*: ann@x.example\nroot: eve\n", "", "root", "ann@x.example "},
    {"*: eve, ann@x.example\n", "", "bob", "eve@corp.example ann@x.example "},
    {"*: root\nroot: ann@x.example\n", "", "eve", "ann@x.example "},
    {"*: ann@x.example\nroot: \\eve\n", "", "root", "eve@corp.example "},
    {"*: ann@x.example\n", "", "eve@corp.example", "eve@corp.example "},
};

static bool note(void *context, struct str mailbox, struct fault *f)
{
	(void)f;
	return buf_add_str(context, mailbox) && buf_add_char(context, ' ');
}

START_TEST(route)
{
	const struct route_case *c = &route_cases[_i];
	struct local l = make_local();
	struct fault f = FAULT_INIT;
	struct alias *a = alias_parse(str_of(aliases), NULL, NULL);
	struct buf out;
	buf_init(&out, 4096);
	l.admin = str_of(c->admin);
	local_aliases(&l, a);
	ck_assert(local_route(&l, str_of(c->mailbox), c->escaped, note, &out, &f));
	ck_assert_str_eq(buf_cstr(&out), c->want);
	buf_release(&out);
	alias_free(a);
}
END_TEST

START_TEST(rest)
{
	const struct rest_case *c = &rest_cases[_i];
	struct local l = make_local();
	struct fault f = FAULT_INIT;
	struct alias *a = alias_parse(str_of(c->aliases), NULL, NULL);
	struct buf out;
	buf_init(&out, 4096);
	l.admin = str_of(c->admin);
	local_aliases(&l, a);
	ck_assert(local_route(&l, str_of(c->mailbox), false, note, &out, &f));
	ck_assert_str_eq(buf_cstr(&out), c->want);
	buf_release(&out);
	alias_free(a);
}
END_TEST

START_TEST(empty)
{
	struct local l = make_local();
	struct fault f = FAULT_INIT;
	ck_assert(!local_route(&l, STR(""), false, note, NULL, &f));
	ck_assert_int_eq(f.kind, FAULT_DATA);
}
END_TEST

int main(void)
{
	idna_use(idna_by_library);
	Suite *s = suite_create("local");
	TCase *t = unit_case(s, "local");
	tcase_add_loop_test(t, ours, 0, COUNT(ours_cases));
	tcase_add_loop_test(t, host_name, 0, COUNT(name_cases));
	tcase_add_loop_test(t, route, 0, COUNT(route_cases));
	tcase_add_loop_test(t, rest, 0, COUNT(rest_cases));
	tcase_add_test(t, empty);
	return unit_run(s);
}
