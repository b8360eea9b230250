/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "net/hostname.h"
#include "unit.h"

static const struct hosts_case {
	const char *text, *own;
	bool found;
	const char *canonical;
} hosts_cases[] = {
    {"127.0.0.1 localhost\n127.0.1.1\tmdbox.home.lan mdbox\n", "mdbox", true, "mdbox.home.lan"},
    {"127.0.1.1 mdbox.home.lan mdbox", "MDBOX", true, "mdbox.home.lan"},
    {"127.0.1.1 mdbox mdbox.home.lan\r\n", "mdbox", true, "mdbox.home.lan"},
    {"127.0.1.1 mdbox\n192.0.2.1 mdbox.home.lan mdbox\n", "mdbox", true, "mdbox.home.lan"},
    {"127.0.1.1 host.example mdbox.home.lan\n", "mdbox.home.lan", true, "host.example"},
    {"127.0.0.1 localhost mdbox shop.test\n", "mdbox", true, ""},
    {"127.0.0.1 localhost.localdomain mdbox\n", "mdbox", true, ""},
    {"127.0.0.1 vm\n", "vm", true, ""},
    {"127.0.1.1 mdbox.home.lan # mdbox\n", "mdbox", false, ""},
    {"mdbox\n#127.0.1.1 mdbox.home.lan mdbox\n\n", "mdbox", false, ""},
    {"127.0.1.1 mdboxes.home.lan other\n", "mdbox", false, ""},
    {"", "mdbox", false, ""},
};

START_TEST(in_hosts)
{
	const struct hosts_case *c = &hosts_cases[_i];
	char canonical[DNS_NAME_MAX];
	ck_assert(hostname_in_hosts(str_of(c->text), str_of(c->own), canonical) == c->found);
	ck_assert_str_eq(canonical, c->canonical);
}
END_TEST

START_TEST(of_this_host)
{
	char own[DNS_NAME_MAX];
	ck_assert_int_eq(gethostname(own, sizeof(own)), 0);
	struct hostname h;
	hostname_find(&h, true, clock_deadline(3000));
	ck_assert_str_eq(h.own, own);
	if (strchr(own, '.'))
		ck_assert_str_eq(hostname_full(&h), own);
	else if (!strchr(hostname_full(&h), '.'))
		ck_assert_str_eq(hostname_full(&h), own);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hostname");
	TCase *t = unit_case(s, "hostname");
	tcase_add_loop_test(t, in_hosts, 0, COUNT(hosts_cases));
	tcase_add_test(t, of_this_host);
	return unit_run(s);
}
