/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/srv.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"

START_TEST(within_a_domain)
{
	static const struct {
		const char *name, *domain;
		bool within;
	} rows[] = {
	    {"example.org", "example.org", true},
	    {"mail.example.org", "example.org", true},
	    {"a.b.example.org", "example.org", true},
	    {"MAIL.Example.ORG", "eXample.org", true},
	    {"mail.example.org.", "example.org", true},
	    {"mail.example.org", "example.org.", true},
	    {"evilexample.org", "example.org", false},
	    {"mail-example.org", "example.org", false},
	    {"example.org.evil.net", "example.org", false},
	    {"example.com", "example.org", false},
	    {"org", "example.org", false},
	    {"xample.org", "example.org", false},
	    {".example.org", "example.org", false},
	    {"mail.example.org..", "example.org", false},
	    {"", "example.org", false},
	    {".", "example.org", false},
	    {"mail.example.org", "", false},
	    {"mail.example.org", ".", false},
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		ck_assert_msg(srv_is_within(str_of(rows[i].name), str_of(rows[i].domain)) ==
		                  rows[i].within,
		              "%s in %s", rows[i].name, rows[i].domain);
}
END_TEST

static void fill(struct dns_records *records, const char *const *targets)
{
	memset(records, 0, sizeof(*records));
	for (; targets[records->count]; records->count++)
		snprintf(records->at[records->count].target, sizeof(records->at[0].target),
		         "%s", targets[records->count]);
}

START_TEST(who_is_believed)
{
	static const char *const mixed[] = {"a.example.org", "b.evil.net", "c.example.org",
	                                    NULL};
	static const char *const foreign[] = {"b.evil.net", "a.evil.net", NULL};
	static const char *const none[] = {"", NULL};
	static char domain[] = "example.org", name[] = "smtp.host.example";
	struct settings_relay relay = {.srv = domain};
	struct dns_records records;
	struct fault f = FAULT_INIT;
	fill(&records, mixed);
	ck_assert(srv_keep_believed(&relay, &records, &f));
	ck_assert_uint_eq(records.count, 2);
	ck_assert_str_eq(records.at[0].target, "a.example.org");
	ck_assert_str_eq(records.at[1].target, "c.example.org");
	fill(&records, none);
	ck_assert(srv_keep_believed(&relay, &records, &f));
	ck_assert_uint_eq(records.count, 1);
	fill(&records, foreign);
	ck_assert(!srv_keep_believed(&relay, &records, &f));
	ck_assert_int_eq(f.kind, FAULT_RELAY);
	ck_assert_str_eq(f.text, "DNS names b.evil.net for srv = example.org, which is not in "
	                         "that domain: if it is right, set tls_name = b.evil.net (or "
	                         "host instead of srv)");
	relay.tls_name = name;
	ck_assert(srv_keep_believed(&relay, &records, &f));
	ck_assert_uint_eq(records.count, 2);
	relay.tls_name = NULL;
	relay.tls_fingerprint.count = 1;
	ck_assert(srv_keep_believed(&relay, &records, &f));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("srv");
	TCase *t = unit_case(s, "srv");
	tcase_add_test(t, within_a_domain);
	tcase_add_test(t, who_is_believed);
	return unit_run(s);
}
