/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "text/buf.h"
#include "smtp/ehlo.h"
#include "unit.h"

struct row {
	const char *text;
	const char
	    *flags; /* S starttls, P pipelining, C chunking, 8, U, D, E, Z size, A auth, R */
	uint64_t size_max;
	unsigned mechanisms;
};

#define M(name) (1u << SASL_##name)

static const struct row rows[] = {
    {"", "", 0, 0},
    {"relay.example at your service", "", 0, 0},
    /* The first line is the greeting, whatever it says. */
    {"STARTTLS", "", 0, 0},
    {"t\nSTARTTLS\nPIPELINING\nCHUNKING\n8BITMIME\nSMTPUTF8\nDSN\nENHANCEDSTATUSCODES\nREQUIRET"
     "LS",
     "SPC8UDER", 0, 0},
    {"t\nstarttls\nPipelining \n\tchunking\t", "SPC", 0, 0},
    {"t\nSTARTTLSX\nXPIPELINING\nPIPE LINING", "", 0, 0},
    {"t\nSIZE", "Z", 0, 0},
    {"t\nSIZE 10485760", "Z", 10485760, 0},
    {"t\nsize\t 42 ", "Z", 42, 0},
    {"t\nSIZE=42", "Z", 42, 0},
    {"t\nSIZE 0", "Z", 0, 0},
    {"t\nSIZE -1", "Z", 0, 0},
    {"t\nSIZE many", "Z", 0, 0},
    {"t\nSIZE 99999999999999999999", "Z", 0, 0},
    {"t\nAUTH PLAIN LOGIN", "A", 0, M(PLAIN) | M(LOGIN)},
    {"t\nAUTH=PLAIN LOGIN", "A", 0, M(PLAIN) | M(LOGIN)},
    {"t\nauth = plain\n", "A", 0, M(PLAIN)},
    {"t\nAUTH PLAIN\nAUTH=LOGIN", "A", 0, M(PLAIN) | M(LOGIN)},
    {"t\nAUTH", "A", 0, 0},
    {"t\nAUTH GSSAPI NTLM", "A", 0, 0},
    {"t\nAUTH scram-sha-256-plus SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 XOAUTH2 OAUTHBEARER "
     "EXTERNAL",
     "A", 0,
     M(SCRAM_SHA256_PLUS) | M(SCRAM_SHA256) | M(SCRAM_SHA1) | M(CRAM_MD5) | M(XOAUTH2) |
         M(OAUTHBEARER) | M(EXTERNAL)},
    {"t\n\n\nDSN", "D", 0, 0},
};

static void flags_of(const struct ehlo *e, char to[16])
{
	snprintf(to, 16, "%s%s%s%s%s%s%s%s%s%s", e->starttls ? "S" : "",
	         e->pipelining ? "P" : "", e->chunking ? "C" : "", e->eightbitmime ? "8" : "",
	         e->smtputf8 ? "U" : "", e->dsn ? "D" : "", e->enhanced ? "E" : "",
	         e->size ? "Z" : "", e->auth ? "A" : "", e->requiretls ? "R" : "");
}

START_TEST(keywords)
{
	const struct row *row = &rows[_i];
	struct ehlo e;
	memset(&e, 1, sizeof(e.mechanisms));
	ehlo_parse(&e, str_of(row->text));
	char flags[16];
	flags_of(&e, flags);
	ck_assert_str_eq(flags, row->flags);
	ck_assert_uint_eq(e.size_max, row->size_max);
	ck_assert_uint_eq(e.mechanisms, row->mechanisms);
}
END_TEST

START_TEST(crowd_of_unknown_keywords)
{
	struct buf text;
	buf_init(&text, 1 << 20);
	ck_assert(buf_add_str(&text, STR("t")));
	for (int i = 0; i < 2000; i++)
		ck_assert(buf_addf(&text, "%cX%d", i % 16 == 0 ? '\n' : ' ', i));
	ck_assert(buf_add_str(&text, STR("\nPIPELINING")));
	struct ehlo e;
	ehlo_parse(&e, buf_str(&text));
	ck_assert(e.pipelining);
	ck_assert(!e.auth);
	buf_release(&text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ehlo");
	TCase *c = unit_case(s, "ehlo");
	tcase_add_loop_test(c, keywords, 0, COUNT(rows));
	tcase_add_test(c, crowd_of_unknown_keywords);
	return unit_run(s);
}
