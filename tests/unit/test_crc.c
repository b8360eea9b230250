/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text/crc.h"

#include <check.h>
#include <string.h>

/* The check value of this CRC is that of "123456789". */
START_TEST(known)
{
	static const char s[] = "123456789";
	const size_t len = strlen(s);
	ck_assert_uint_eq(crc_add(0, "", 0), 0);
	ck_assert_uint_eq(crc_add(7, "", 0), 7);
	ck_assert_uint_eq(crc_add(0, s, len), 0xCBF43926);
	ck_assert_uint_eq(crc_add(0, "a", 1), 0xE8B7BE43);
	for (size_t at = 0; at <= len; at++)
		ck_assert_uint_eq(crc_add(crc_add(0, s, at), s + at, len - at), 0xCBF43926);
}
END_TEST

/* The value is that of zlib for the same bytes; pieces of any length agree with it. */
START_TEST(long_pieces)
{
	enum { LEN = 20003 };
	static char bytes[LEN];
	static const size_t cuts[] = {0, 1, 7, 8191, 8192, 8193, 10001, LEN - 1, LEN};

	for (uint32_t i = 0; i < LEN; i++)
		bytes[i] = (char)((i * i * 31 + i * 7) & 255);
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		uint32_t half = crc_add(0, bytes, cuts[i]);
		ck_assert_uint_eq(crc_add(half, bytes + cuts[i], LEN - cuts[i]), 0xEF8FF753);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("crc");
	TCase *c = tcase_create("crc");
	tcase_add_test(c, known);
	tcase_add_test(c, long_pieces);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
