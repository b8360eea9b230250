/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * unit - how a unit test with Check runs
 *
 *   int main(void)
 *   {
 *           Suite *s = suite_create("crc");
 *           TCase *c = unit_case(s, "crc");
 *           tcase_add_test(c, known);
 *           return unit_run(s);
 *   }
 */
#ifndef UNIT_H
#define UNIT_H

#include <check.h>

#include "text/buf.h" /* COUNT */

/* A part of the suite, with fixtures and a limit of its own; CK_RUN_CASE names it. */
TCase *unit_case(Suite *s, const char *name);
/* Runs all, as the variables of Check say, and releases s. Returns the exit code of main. */
int unit_run(Suite *s);

/* How often the one text is in the other. */
size_t unit_occurrences(const char *in, const char *of);

#endif
