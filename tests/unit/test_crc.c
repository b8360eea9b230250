/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text/crc.h"

#include <check.h>
#include <string.h>

#include "text/crc_fold.h"
#include "unit.h"

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
	for (size_t i = 0; i < COUNT(cuts); i++) {
		uint32_t half = crc_add(0, bytes, cuts[i]);
		ck_assert_uint_eq(crc_add(half, bytes + cuts[i], LEN - cuts[i]), 0xEF8FF753);
	}
}
END_TEST

/* As ISO 3309 has it, a bit after the other. */
static uint32_t by_bits(uint32_t crc, const unsigned char *at, size_t len)
{
	crc = ~crc;
	for (; len > 0; len--) {
		crc ^= *at++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0xEDB88320 : crc >> 1;
	}
	return ~crc;
}

/* Whatever way a length and a place in memory choose, and however it is cut. */
START_TEST(as_by_bits)
{
	enum { LEN = 700, PLACES = 17 };
	static unsigned char bytes[LEN + PLACES];
	uint32_t random = 1;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)((random = random * 1664525 + 1013904223) >> 24);
	for (size_t at = 0; at < PLACES; at++)
		for (size_t len = 0; len <= LEN; len++) {
			uint32_t crc = (uint32_t)at * 0x01234567U;
			uint32_t wanted = by_bits(crc, bytes + at, len);
			ck_assert_uint_eq(crc_add(crc, bytes + at, len), wanted);
			ck_assert_uint_eq(crc_fold(crc, bytes + at, len), wanted);
		}
	uint32_t whole = by_bits(0, bytes, LEN);
	for (size_t cut = 0; cut <= LEN; cut++) {
		uint32_t first = crc_fold(0, bytes, cut);
		ck_assert_uint_eq(crc_add(0, bytes, cut), first);
		ck_assert_uint_eq(crc_fold(first, bytes + cut, LEN - cut), whole);
		ck_assert_uint_eq(crc_add(first, bytes + cut, LEN - cut), whole);
	}
}
END_TEST

/* Every flip of one bit shows. */
START_TEST(flips_show)
{
	enum { LEN = 300 };
	unsigned char bytes[LEN] = {0};
	const uint32_t whole = crc_fold(0, bytes, LEN);
	for (size_t bit = 0; bit < 8 * LEN; bit++) {
		bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
		ck_assert_uint_ne(crc_fold(0, bytes, LEN), whole);
		bytes[bit / 8] = 0;
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("crc");
	TCase *c = unit_case(s, "crc");
	tcase_add_test(c, known);
	tcase_add_test(c, long_pieces);
	tcase_add_test(c, as_by_bits);
	tcase_add_test(c, flips_show);
	return unit_run(s);
}
