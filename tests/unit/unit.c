/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit.h"

#include <string.h>

TCase *unit_case(Suite *s, const char *name)
{
	TCase *c = tcase_create(name);
	suite_add_tcase(s, c);
	return c;
}

int unit_run(Suite *s)
{
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed > 0;
}

size_t unit_occurrences(const char *in, const char *of)
{
	size_t n = 0;
	for (const char *at = in; (at = strstr(at, of)); at++)
		n++;
	return n;
}
