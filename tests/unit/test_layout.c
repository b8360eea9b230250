/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hold/entry.h"
#include "hold/layout.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"

/* The whole line at "at", which is len long. */
static void check_line(const char *at, size_t len, const char *text)
{
	char want[ENTRY_HEAD];
	snprintf(want, sizeof(want), "%-*s\n", (int)len - 1, text);
	ck_assert_uint_eq(strlen(want), len);
	if (memcmp(at, want, len) != 0)
		ck_abort_msg("'%.*s', wanted '%s'", (int)len, at, want);
}

START_TEST(head)
{
	static const char *const lines[HEAD_LINES] = {
	    "postern-entry 2",    "id 6920C8F13A7B",
	    "created 1763746004", "uid 4294967294",
	    "recipients 200000",  "size 9223372036854775807",
	    "longest 998",        "8bit 3",
	    "attempts 0",         "next 1763746005",
	    "tried -1",           "uptime 12",
	    "overdue 13",         "frozen 1",
	    "warned 0",           "envelope 134217728"};
	const long long values[HEAD_LINES] = {
	    7,   7, 1763746004, 4294967294, 200000, 9223372036854775807,
	    998, 3, 0,          1763746005, -1,     12,
	    13,  1, 0,          134217728};
	char all[ENTRY_HEAD + 1];
	memset(all, 'x', sizeof(all));
	layout_head(all, "6920C8F13A7B", values);
	for (size_t i = 0; i < HEAD_LINES; i++)
		check_line(all + i * HEAD_LINE, HEAD_LINE, lines[i]);
	ck_assert_int_eq(HEAD_LINES * HEAD_LINE, ENTRY_HEAD);
	ck_assert_int_eq(all[ENTRY_HEAD], 'x');
}
END_TEST

/* A number that does not fit is cut, and the next line begins where it must. */
START_TEST(head_full)
{
	long long values[HEAD_LINES];
	for (size_t i = 0; i < HEAD_LINES; i++)
		values[i] = -9223372036854775807 - 1;
	char all[ENTRY_HEAD];
	layout_head(all, "6920C8F13A7B", values);
	check_line(all + HEAD_RECIPIENTS * HEAD_LINE, HEAD_LINE,
	           "recipients -9223372036854775808");
	for (size_t i = 0; i < HEAD_LINES; i++)
		ck_assert_int_eq(all[(i + 1) * HEAD_LINE - 1], '\n');
}
END_TEST

static const struct {
	char state;
	bool told;
	int code;
	const char *status, *text, *want;
} slots[] = {
    {'W', false, 0, "", "", "W 000:            "},
    {'D', false, 250, "2.0.0", "ok", "D 250:2.0.0       ok"},
    {'F', true, 550, "5.1.1", "no such user", "F*550:5.1.1       no such user"},
    {'F', true, 550, "5.123.4567890", "cut", "F*550:5.123.45678 cut"},
};

START_TEST(slot)
{
	char line[ENTRY_SLOT + 1];
	line[ENTRY_SLOT] = 'x';
	layout_slot(line, slots[_i].state, slots[_i].told, slots[_i].code, slots[_i].status,
	            slots[_i].text);
	check_line(line, ENTRY_SLOT, slots[_i].want);
	ck_assert_int_eq(line[ENTRY_SLOT], 'x');
}
END_TEST

/* Texts of every length about the end of the slot. */
START_TEST(slot_full)
{
	for (size_t len = 230; len < 300; len++) {
		char text[300];
		memset(text, 'a', len);
		text[len] = '\0';
		char line[ENTRY_SLOT];
		layout_slot(line, 'W', false, 451, "4.3.0", text);
		ck_assert(memcmp(line, "W 451:4.3.0       a", 19) == 0);
		for (size_t i = 18; i < ENTRY_SLOT - 1; i++)
			ck_assert_int_eq(line[i], i < 18 + len ? 'a' : ' ');
		ck_assert_int_eq(line[ENTRY_SLOT - 1], '\n');
	}
}
END_TEST

START_TEST(trailer)
{
	char line[ENTRY_TRAILER];
	layout_trailer(line, 1234567, 0xCBF43926);
	check_line(line, ENTRY_TRAILER, "postern-end 00000000000001234567 CBF43926");
	layout_trailer(line, UINT64_MAX, 0xA);
	check_line(line, ENTRY_TRAILER, "postern-end 18446744073709551615 0000000A");
}
END_TEST

static const struct {
	const char *text;
	bool is_id;
} ids[] = {
    {"6920C8F13A7B", true},   {"000000000000", true},
    {"FFFFFFFFFFFF", true},   {"", false},
    {"6920C8F13A7", false},   {"6920C8F13A7B0", false},
    {"6920c8f13a7b", false},  {"6920C8F13A7G", false},
    {" 920C8F13A7B", false},  {"../../../etc", false},
    {"6920C8F13A7B ", false}, {"6920C8F13A7\n", false},
};

START_TEST(is_id)
{
	ck_assert_int_eq(entry_is_id(ids[_i].text), ids[_i].is_id);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("layout");
	TCase *c = unit_case(s, "layout");
	tcase_add_test(c, head);
	tcase_add_test(c, head_full);
	tcase_add_loop_test(c, slot, 0, COUNT(slots));
	tcase_add_test(c, slot_full);
	tcase_add_test(c, trailer);
	tcase_add_loop_test(c, is_id, 0, COUNT(ids));
	return unit_run(s);
}
