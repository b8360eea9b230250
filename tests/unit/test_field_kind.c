/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "mail/field_kind.h"
#include "unit.h"

static const struct kind_case {
	const char *name;
	enum field_form form;
	unsigned uses;
} cases[] = {
    {"From", FIELD_ADDRESSES, FIELD_COMPLETED | FIELD_AUTHOR},
    {"fROM", FIELD_ADDRESSES, FIELD_COMPLETED | FIELD_AUTHOR},
    {"Resent-From", FIELD_ADDRESSES, FIELD_COMPLETED | FIELD_AUTHOR},
    {"Reply-To", FIELD_ADDRESSES, FIELD_COMPLETED | FIELD_AUTHOR},
    {"Cc", FIELD_ADDRESSES, FIELD_COMPLETED | FIELD_RECIPIENTS},
    {"resent-bcc", FIELD_ADDRESSES, FIELD_RECIPIENTS},
    {"Errors-To", FIELD_ADDRESSES, 0},
    {"Resent-Message-ID", FIELD_IDS, 0},
    {"Content-Disposition", FIELD_PARAMS, 0},
    {"Received", FIELD_OTHER, 0},
    {"List-Post", FIELD_LISTS, 0},
    {"List-", FIELD_LISTS, 0},
    {"Subject", FIELD_TEXT, 0},
    {"Fro", FIELD_TEXT, 0},
    {"From ", FIELD_TEXT, 0},
    {"Resent-", FIELD_TEXT, 0},
    {"Resent-Resent-To", FIELD_TEXT, 0},
    {"", FIELD_TEXT, 0},
};

START_TEST(kinds)
{
	const struct kind_case *c = &cases[_i];
	const struct field_kind *kind = field_kind(str_of(c->name));

	ck_assert_int_eq(kind->form, c->form);
	ck_assert_uint_eq(kind->uses, c->uses);
}
END_TEST

START_TEST(resent)
{
	ck_assert(field_is_resent(STR("Resent-To")) && field_is_resent(STR("resent-x")));
	ck_assert(!field_is_resent(STR("To")) && !field_is_resent(STR("Resent")));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("field_kind");
	TCase *t = unit_case(s, "field_kind");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, kinds, 0, COUNT(cases));
	tcase_add_test(t, resent);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
