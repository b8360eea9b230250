/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>

#include "text/idna.h"

#include "unit.h"

/* NULL: refused. */
static const struct idna_case {
	const char *domain, *want;
} idna_cases[] = {
    {"example.org", "example.org"},
    {"EXAMPLE.org", "EXAMPLE.org"},
    {"a_b.example", "a_b.example"},
    {"xn--bcher-kva.example", "xn--bcher-kva.example"},
    {"bücher.example", "xn--bcher-kva.example"},
    {"BÜCHER.Example", "xn--bcher-kva.example"},
    {"faß.example", "xn--fa-hia.example"},
    {"ΒΌΛΟΣ.example", "xn--nxasmq6b.example"},
    {"βόλος.example", "xn--nxasmm1c.example"},
    {"مثال.example", "xn--mgbh0fb.example"},
    {"例え.example", "xn--r8jz45g.example"},
    {"क्‍ष.example", "xn--11b2ezcw70k.example"},
    /* what became another name */
    {"ba＿nk.example", NULL},
    {"x＠evil.example", NULL},
    {"a　b.example", NULL},
    {"ü／x.example", NULL},
    {"☃faß.example", NULL},
    {"☃.example", NULL},
    {"ﬀ.example", NULL},
    {"ＡＢＣ.example", NULL},
    {"a。b", NULL},
    {"①.example", NULL},
    {"e\xC2\xADx\xC3\xBC.example", NULL},
    {"a\xE2\x80\x8B\xC3\xBC.example", NULL},
    {"ö\xE2\x80\x8D.example", NULL},
    {"ü_x.example", NULL},
    {"ü x.example", NULL},
    {"-ü.example", NULL},
    {"ab--ü.example", NULL},
    {"u\xCC\x88.example", NULL},
    {"İ.example", NULL},
    {"\xFC.example", NULL},
};

START_TEST(domains)
{
	const struct idna_case *c = &idna_cases[_i];
	struct fault f = FAULT_INIT;
	struct buf out;
	buf_init(&out, 400);
	bool fine = idna_domain(&out, str_of(c->domain), &f);
	ck_assert_msg(fine == (c->want != NULL), "%s: %s", c->domain, buf_cstr(&out));
	ck_assert_str_eq(buf_cstr(&out), fine ? c->want : "");
	ck_assert(fine || f.kind == FAULT_DATA);
	buf_release(&out);
}
END_TEST

START_TEST(mailboxes)
{
	struct fault f = FAULT_INIT;
	struct buf out;
	buf_init(&out, 400);
	ck_assert(idna_mailbox(&out, STR("ü@bücher.example"), &f));
	ck_assert_str_eq(buf_cstr(&out), "ü@xn--bcher-kva.example");
	ck_assert(!idna_mailbox(&out, STR("a@ba＿nk.example"), &f));
	ck_assert_str_eq(buf_cstr(&out), "ü@xn--bcher-kva.example");
	buf_clear(&out);
	ck_assert(idna_mailbox(&out, STR("ü"), &f));
	ck_assert_str_eq(buf_cstr(&out), "ü");
	buf_release(&out);
}
END_TEST

int main(void)
{
	idna_use(idna_by_library);
	Suite *s = suite_create("idna");
	TCase *t = unit_case(s, "idna");
	tcase_add_loop_test(t, domains, 0, COUNT(idna_cases));
	tcase_add_test(t, mailboxes);
	return unit_run(s);
}
