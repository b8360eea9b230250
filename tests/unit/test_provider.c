/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/provider.h"

#include <string.h>

#include "text/host.h"
#include "unit.h"

START_TEST(each_row_can_be_shown)
{
	const struct provider *p;
	struct buf host;
	buf_init(&host, 255);
	size_t i;
	for (i = 0; (p = provider_at(i)) != NULL; i++) {
		ck_assert_ptr_eq(provider_named(str_of(p->name)), p);
		buf_clear(&host);
		ck_assert(provider_add_host(p, STR("eu-west-1"), &host));
		ck_assert_msg(host_is_name(buf_str(&host)), "%s", p->name);
		ck_assert_msg(p->port && p->security, "%s", p->name);
		ck_assert_msg(p->source && str_starts(str_of(p->source), STR("https://")),
		              "%s has no source", p->name);
		ck_assert_msg(!p->todo || strlen(p->todo) <= 80, "%s", p->name);
		ck_assert_msg(strlen(p->source) <= 98, "%s", p->name);
		ck_assert_msg(strcmp(p->security, "none") != 0, "%s", p->name);
	}
	buf_release(&host);
	ck_assert_uint_gt(i, 25);
	ck_assert_ptr_null(provider_named(STR("")));
	ck_assert_ptr_null(provider_named(STR("gmail ")));
}
END_TEST

static const struct {
	const struct provider *(*find)(struct str);
	const char *name, *provider;
} found[] = {
    {provider_of_domain, "gmail.com", "gmail"},
    {provider_of_domain, "GMAIL.com.", "gmail"},
    {provider_of_domain, "firm.onmicrosoft.com", "microsoft"},
    {provider_of_domain, "hotmail.com", "outlook.com"},
    {provider_of_domain, "me.com", "icloud"},
    {provider_of_domain, "home.com", NULL},
    {provider_of_domain, "notgmail.com", NULL},
    {provider_of_domain, "gmail.com.example", NULL},
    {provider_of_domain, "com", NULL},
    {provider_of_domain, ".", NULL},
    {provider_of_domain, "", NULL},
    {provider_of_mx, "aspmx.l.google.com", "gmail"},
    {provider_of_mx, "example-org.mail.protection.outlook.com.", "microsoft"},
    {provider_of_mx, "eur.olc.protection.outlook.com", "outlook.com"},
    {provider_of_mx, "in1-smtp.messagingengine.com", "fastmail"},
    {provider_of_mx, "mail.evilgoogle.com", NULL},
    {provider_of_mx, "", NULL},
    {provider_of_host, "SMTP.gmail.com.", "gmail"},
    {provider_of_host, "x.smtp.gmail.com", NULL},
    {provider_of_host, "", NULL},
};

START_TEST(names_find_their_rows)
{
	const struct provider *p = found[_i].find(str_of(found[_i].name));
	const char *name = p ? p->name : "none";
	ck_assert_msg(strcmp(name, found[_i].provider ? found[_i].provider : "none") == 0,
	              "%s: %s", found[_i].name, name);
}
END_TEST

static const struct {
	const char *text;
	bool good;
} regions[] = {
    {"eu-west-1", true},
    {"us-gov-west-1", true},
    {"ap-southeast-12", true},
    {"", false},
    {"eu", false},
    {"1", false},
    {"eu-west", false},
    {"eu-1-west", false},
    {"EU-west-1", false},
    {"eu--west-1", false},
    {"-eu-west-1", false},
    {"eu-west-1-", false},
    {"eu-west-1a", false},
    {"eu-west-1.evil.example", false},
    {"eu-west-1/", false},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-1", false},
};

START_TEST(regions_have_a_grammar)
{
	ck_assert_msg(provider_is_region(str_of(regions[_i].text)) == regions[_i].good, "%s",
	              regions[_i].text);
}
END_TEST

START_TEST(a_region_is_part_of_the_host)
{
	struct buf out;
	buf_init(&out, 255);
	ck_assert(provider_add_host(provider_named(STR("ses")), STR("eu-west-1"), &out));
	ck_assert_str_eq(buf_cstr(&out), "email-smtp.eu-west-1.amazonaws.com");
	buf_clear(&out);
	ck_assert(provider_add_host(provider_named(STR("gmail")), STR(""), &out));
	ck_assert_str_eq(buf_cstr(&out), "smtp.gmail.com");
	buf_release(&out);
	ck_assert(provider_has_regions(provider_named(STR("ses"))));
	ck_assert(!provider_has_regions(provider_named(STR("gmail"))));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("provider");
	TCase *t = unit_case(s, "provider");
	tcase_add_test(t, each_row_can_be_shown);
	tcase_add_loop_test(t, names_find_their_rows, 0, COUNT(found));
	tcase_add_loop_test(t, regions_have_a_grammar, 0, COUNT(regions));
	tcase_add_test(t, a_region_is_part_of_the_host);
	return unit_run(s);
}
