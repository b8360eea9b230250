/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <string.h>

#include "text/buf.h"
#include "text/fault.h"
#include "smtp/wire.h"
#include "unit.h"

struct row {
	const char *in;
	const char *out; /* NULL: refused */
};

static const struct row rows[] = {
    {"", ".\r\n"},
    {"a\r\n", "a\r\n.\r\n"},
    {"a", "a\r\n.\r\n"},
    {".", "..\r\n.\r\n"},
    {".\r\n", "..\r\n.\r\n"},
    {"..\r\n", "...\r\n.\r\n"},
    {"a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n.\r\n"},
    {"a.\r\n.b\r\n\r\n", "a.\r\n..b\r\n\r\n.\r\n"},
    {"\r\n\r\n", "\r\n\r\n.\r\n"},
    {"\377\001\r\n", "\377\001\r\n.\r\n"},
    {"a\nb\r\n", NULL},
    {"\n", NULL},
    {"a\r\n\n", NULL},
    {"a\rb\r\n", NULL},
    {"a\r.\r\n", NULL},
    {"a\r\r\n", NULL},
    {"\r", NULL},
    {"a\r\n.\r", NULL},
    {"a\n.\r\n", NULL},
};

/* The whole run, cut at one place or everywhere ((size_t)-1). */
static void check_row(const struct row *row, size_t cut)
{
	struct str in = str_of(row->in);
	struct fault f = FAULT_INIT;
	struct buf out;
	bool ok = true;
	buf_init(&out, 1024);
	struct wire w;
	wire_init(&w);
	for (size_t at = 0; ok && at < in.len;) {
		size_t len = cut == (size_t)-1 ? 1 : at < cut ? cut - at : in.len - at;
		ok = wire_data(&w, str_first(str_from(in, at), len), &out, &f);
		at += len;
	}
	ok = ok && wire_end(&w, &out, &f);
	if (!row->out) {
		ck_assert(!ok);
		ck_assert_int_eq(f.kind, FAULT_DATA);
	} else {
		ck_assert(ok);
		ck_assert_str_eq(buf_cstr(&out), row->out);
	}
	buf_release(&out);
}

START_TEST(stuffing)
{
	const struct row *row = &rows[_i];
	for (size_t cut = 0; cut <= strlen(row->in); cut++)
		check_row(row, cut);
	check_row(row, (size_t)-1);
}
END_TEST

START_TEST(no_room)
{
	struct fault f = FAULT_INIT;
	struct buf out;
	buf_init(&out, 4);
	struct wire w;
	wire_init(&w);
	ck_assert(wire_data(&w, STR("a\r\n"), &out, &f));
	ck_assert(!wire_end(&w, &out, &f));
	ck_assert_int_eq(f.kind, FAULT_DATA);
	buf_release(&out);
}
END_TEST

START_TEST(chunk_heads)
{
	struct fault f = FAULT_INIT;
	struct buf out;
	buf_init(&out, 64);
	ck_assert(wire_bdat(&out, 0, true, &f));
	ck_assert(wire_bdat(&out, 65536, false, &f));
	ck_assert_str_eq(buf_cstr(&out), "BDAT 0 LAST\r\nBDAT 65536\r\n");
	ck_assert(wire_bdat(&out, UINT64_MAX, true, &f));
	ck_assert(!wire_bdat(&out, 1, false, &f));
	ck_assert_int_eq(f.kind, FAULT_DATA);
	buf_release(&out);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("wire");
	TCase *c = unit_case(s, "wire");
	tcase_add_loop_test(c, stuffing, 0, COUNT(rows));
	tcase_add_test(c, no_room);
	tcase_add_test(c, chunk_heads);
	return unit_run(s);
}
