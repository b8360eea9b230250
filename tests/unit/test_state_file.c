/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hold/state_file.h"

#include <check.h>
#include <string.h>

#include "text/buf.h"
#include "unit.h"

#define TEN   "0123456789"
#define FORTY TEN TEN TEN TEN

static const struct {
	enum state_kind kind;
	const char *about, *name;
} rows[] = {
    {STATE_RATE, "main", "rate.main"},
    {STATE_SLOTS, "A-b_9", "slots.A-b_9"},
    {STATE_SLOTS, "smtp.1000", "slots.smtp%2E1000"},
    {STATE_RATE, "", "rate."},
    {STATE_SERVER, "main mx.example:25", "server.main%20mx%2Eexample%3A25"},
    {STATE_WINDOW, "main /run/lmtp~", "window.main%20%2Frun%2Flmtp%7E"},
    {STATE_TICKET, "../a%20\xC3\xBC\n", "ticket.%2E%2E%2Fa%2520%C3%BC%0A"},
    /* The longest that a relay can be called. */
    {STATE_RATE, "a...............................",
     "rate.a%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E"
     "%2E%2E%2E%2E"},
    {STATE_SERVER, FORTY FORTY TEN "012345", "server." FORTY FORTY TEN "012345"},
    {STATE_SERVER, FORTY FORTY TEN "0123456", "server." TEN TEN "012345678~29E2D836"},
    {STATE_SERVER, FORTY FORTY TEN "0123457", "server." TEN TEN "012345678~5EE5E8A0"},
};

START_TEST(names)
{
	char name[STATE_NAME_SIZE];
	size_t len = state_file_name(name, rows[_i].kind, rows[_i].about);
	ck_assert_str_eq(name, rows[_i].name);
	ck_assert_uint_eq(len, strlen(name));
	ck_assert_uint_le(len + 40, STATE_NAME_SIZE - 1);
	ck_assert(state_file_is(name));
}
END_TEST

/* Whatever is in it, and however long it is. */
START_TEST(all_fit)
{
	char about[600] = "", name[STATE_NAME_SIZE];
	for (size_t len = 0; len < sizeof(about); len++) {
		ck_assert_uint_le(state_file_name(name, STATE_SERVER, about) + 40,
		                  STATE_NAME_SIZE - 1);
		ck_assert_ptr_null(strchr(name, '/'));
		memset(about, '/', len);
	}
}
END_TEST

START_TEST(others)
{
	static const char *const other[] = {"login.main", "fresh.main",    "answer.main",
	                                    "lock.main",  "clock.0123",    "counters",
	                                    "telling",    ".server.a.1.0", "server"};
	static const char *const earlier[] = {"server.0123ABCD.89ABCDEF.60101", "rate.0123ABCD",
	                                      "slots.smtp.1000", "window.0123ABCD.89ABCDEF",
	                                      "ticket.0123ABCD"};
	for (size_t i = 0; i < COUNT(other); i++)
		ck_assert_msg(!state_file_is(other[i]), "%s", other[i]);
	for (size_t i = 0; i < COUNT(earlier); i++)
		ck_assert_msg(state_file_is(earlier[i]), "%s", earlier[i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("state_file");
	TCase *c = unit_case(s, "names");
	tcase_add_loop_test(c, names, 0, COUNT(rows));
	tcase_add_test(c, all_fit);
	tcase_add_test(c, others);
	return unit_run(s);
}
