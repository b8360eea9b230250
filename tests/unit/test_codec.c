/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text/codec.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define OUT_MAX 1024

struct row {
	const char *plain;
	size_t len;
	const char *coded;
};

#define ROW(plain, coded)                       \
	{                                       \
		plain, sizeof(plain) - 1, coded \
	}

typedef bool codec_call(struct buf *out, struct str s);

static void same(struct str got, struct str want)
{
	ck_assert_uint_eq(got.len, want.len);
	ck_assert_int_eq(memcmp(got.at, want.at, want.len), 0);
}

/* Runs call on in behind "-" and checks for want (NULL: refused, out as before). */
static void check_call(codec_call *call, struct str in, const struct str *want)
{
	struct buf out;
	buf_init(&out, OUT_MAX);
	ck_assert(buf_add_char(&out, '-'));
	if (!want) {
		ck_assert_msg(!call(&out, in), "'%.*s' taken", STR_FMT(in));
		same(buf_str(&out), STR("-"));
	} else {
		ck_assert_msg(call(&out, in), "'%.*s' refused", STR_FMT(in));
		same(str_first(buf_str(&out), 1), STR("-"));
		same(str_from(buf_str(&out), 1), *want);
	}
	buf_release(&out);
}

/* One byte too little room is false and changes nothing; just enough is true. */
static void check_full(codec_call *call, struct str in, size_t need)
{
	if (need == 0)
		return;
	struct buf out;
	buf_init(&out, need - 1);
	ck_assert(!call(&out, in));
	ck_assert_uint_eq(out.len, 0);
	buf_release(&out);
	buf_init(&out, need);
	ck_assert(call(&out, in));
	ck_assert_uint_eq(out.len, need);
	buf_release(&out);
}

static void check_rows(codec_call *code, codec_call *uncode, const struct row *row, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct str plain = {row[i].plain, row[i].len}, coded = str_of(row[i].coded);
		check_call(code, plain, &coded);
		check_call(uncode, coded, &plain);
		check_full(code, plain, coded.len);
		check_full(uncode, coded, plain.len);
	}
}

static void check_refused(codec_call *call, const char *const *list)
{
	for (; *list != NULL; list++)
		check_call(call, str_of(*list), NULL);
}

static void check_all_bytes(codec_call *code, codec_call *uncode)
{
	char bytes[256];
	for (int i = 0; i < 256; i++)
		bytes[i] = (char)i;
	struct buf coded, plain;
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		buf_init(&coded, OUT_MAX);
		buf_init(&plain, OUT_MAX);
		ck_assert(code(&coded, str_make(bytes + 256 - len, len)));
		ck_assert(uncode(&plain, buf_str(&coded)));
		same(buf_str(&plain), str_make(bytes + 256 - len, len));
		buf_release(&coded);
		buf_release(&plain);
	}
}

/* RFC 4648 section 10, and the digits 62 and 63. */
START_TEST(base64)
{
	static const struct row row[] = {
	    ROW("", ""),
	    ROW("f", "Zg=="),
	    ROW("fo", "Zm8="),
	    ROW("foo", "Zm9v"),
	    ROW("foob", "Zm9vYg=="),
	    ROW("fooba", "Zm9vYmE="),
	    ROW("foobar", "Zm9vYmFy"),
	    ROW("\xFB\xFF\xFE", "+//+"),
	    ROW("\0user\0secret", "AHVzZXIAc2VjcmV0"),
	};
	static const char *const refused[] = {"Z",    "Zg",   "Zg=",        "Zg===",  "====",
	                                      "=",    "Z===", "Zg==Zg==",   "Zm9v\n", "Zm9\n",
	                                      "Zm 9", "Zm-_", "Zg=A",       "=Zg=",   "Zm9vZg",
	                                      "Zh==", "Zm9=", "\xC3\xA9==", NULL};
	check_rows(codec_base64, codec_unbase64, row, COUNT(row));
	check_refused(codec_unbase64, refused);
	check_call(codec_unbase64, STR("Zm\0v"), NULL);
	check_all_bytes(codec_base64, codec_unbase64);
}
END_TEST

/* RFC 3461 section 4. */
START_TEST(xtext)
{
	static const struct row row[] = {
	    ROW("", ""),
	    ROW("user@example.org", "user@example.org"),
	    ROW("a+b=c", "a+2Bb+3Dc"),
	    ROW(" !~\x7F", "+20!~+7F"),
	    ROW("\0\xFF", "+00+FF"),
	};
	static const char *const refused[] = {"=",   "a b", "+",    "+2",   "+2b", "+b2", "+2g",
	                                      "+ 2", "a+2", "\x7F", "\xC3", "a\r", NULL};
	check_rows(codec_xtext, codec_unxtext, row, COUNT(row));
	check_refused(codec_unxtext, refused);
	for (size_t i = 0; refused[i] != NULL; i++)
		ck_assert(!codec_is_xtext(str_of(refused[i])));
	for (size_t i = 0; i < COUNT(row); i++)
		ck_assert(codec_is_xtext(str_of(row[i].coded)));
	check_all_bytes(codec_xtext, codec_unxtext);
}
END_TEST

START_TEST(hex)
{
	static const struct row row[] = {
	    ROW("", ""),
	    ROW("\x00\x9A\xFF", "009AFF"),
	    ROW("az", "617A"),
	};
	static const char *const refused[] = {"0", "0g", "g0", "000", " 00", "00 ", "0x", NULL};
	struct str want = STR("\xAB\xCD");
	check_rows(codec_hex, codec_unhex, row, COUNT(row));
	check_refused(codec_unhex, refused);
	check_call(codec_unhex, STR("aBCd"), &want);
	check_all_bytes(codec_hex, codec_unhex);
}
END_TEST

START_TEST(secrets)
{
	char text[] = "secret";
	ck_assert(codec_same_secret(STR("secret"), STR("secret")));
	ck_assert(codec_same_secret(STR(""), STR("")));
	ck_assert(!codec_same_secret(STR("secret"), STR("secreT")));
	ck_assert(!codec_same_secret(STR("Secret"), STR("secret")));
	ck_assert(!codec_same_secret(STR("secret"), STR("secre")));
	ck_assert(!codec_same_secret(STR(""), STR("s")));
	codec_wipe(text + 1, 4);
	ck_assert_int_eq(memcmp(text, "s\0\0\0\0t", 7), 0);
	codec_wipe(NULL, 0);
}
END_TEST

START_TEST(printable)
{
	static const struct {
		const char *in;
		size_t len, size;
		const char *want;
	} row[] = {
	    {"", 0, 10, ""},
	    {"abc ~", 5, 10, "abc ~"},
	    {"a\\b", 3, 10, "a\\\\b"},
	    {"\0\n\x7F\xFF", 4, 17, "\\x00\\x0A\\x7F\\xFF"},
	    {"\0\n\x7F\xFF", 4, 16, "\\x00\\x0A\\x7F"},
	    {"abcd", 4, 4, "abc"},
	    {"abcd", 4, 5, "abcd"},
	    {"ab\n", 3, 6, "ab"},
	    {"ab\n", 3, 7, "ab\\x0A"},
	    {"ab\\", 3, 4, "ab"},
	    {"ab\\", 3, 5, "ab\\\\"},
	    {"abc", 3, 1, ""},
	};
	char none = 'x';

	for (size_t i = 0; i < COUNT(row); i++) {
		char *to = malloc(row[i].size);
		size_t len = codec_printable(to, row[i].size, str_make(row[i].in, row[i].len));
		ck_assert_str_eq(to, row[i].want);
		ck_assert_uint_eq(len, strlen(to));
		free(to);
	}
	ck_assert_uint_eq(codec_printable(&none, 0, STR("abc")), 0);
	ck_assert_int_eq(none, 'x');
}
END_TEST

/* RFC 3629 section 3 and 4: the first and last of each length, and their neighbours. */
START_TEST(utf8)
{
	static const struct {
		const char *s;
		size_t first; /* bytes of the first character, 0 if malformed */
		bool valid;
	} row[] = {
	    {"", 0, true},
	    {"plain", 1, true},
	    {"\x7F", 1, true},
	    {"\x80", 0, false},
	    {"\xC0\x80", 0, false},
	    {"\xC1\xBF", 0, false},
	    {"\xC2\x80", 2, true},
	    {"\xC2", 0, false},
	    {"\xC2\x7F", 0, false},
	    {"\xC2\xC0", 0, false},
	    {"\xDF\xBF", 2, true},
	    {"\xE0\x9F\xBF", 0, false},
	    {"\xE0\xA0\x80", 3, true},
	    {"\xE0\xA0", 0, false},
	    {"\xED\x9F\xBF", 3, true},
	    {"\xED\xA0\x80", 0, false},
	    {"\xED\xBF\xBF", 0, false},
	    {"\xEE\x80\x80", 3, true},
	    {"\xEF\xBF\xBF", 3, true},
	    {"\xF0\x8F\xBF\xBF", 0, false},
	    {"\xF0\x90\x80\x80", 4, true},
	    {"\xF0\x90\x80", 0, false},
	    {"\xF4\x8F\xBF\xBF", 4, true},
	    {"\xF4\x90\x80\x80", 0, false},
	    {"\xF5\x80\x80\x80", 0, false},
	    {"\xFF", 0, false},
	    {"J\xC3\xBCrgen", 1, true},
	    {"J\xFCrgen", 1, false},
	    {"\xC3\xBC\xC3", 2, false},
	};

	for (size_t i = 0; i < COUNT(row); i++) {
		struct str s = str_of(row[i].s);
		ck_assert_msg(codec_is_utf8(s) == row[i].valid, "row %zu", i);
		ck_assert_msg(codec_utf8_len(s) == row[i].first, "row %zu", i);
	}
	ck_assert(codec_is_c1(STR("\xC2\x80")) && codec_is_c1(STR("\xC2\x9Fx")));
	ck_assert(!codec_is_c1(STR("\xC2\xA0")) && !codec_is_c1(STR("\xC2\x7F")));
	ck_assert(!codec_is_c1(STR("\xC2")) && !codec_is_c1(STR("\xC3\x80")));
	ck_assert(codec_is_utf8(STR("a\0b")));
	ck_assert(codec_is_ascii(STR("")));
	ck_assert(codec_is_ascii(STR("\x01 a\x7F")));
	ck_assert(!codec_is_ascii(STR("a\0")));
	ck_assert(!codec_is_ascii(STR("a\x80")));
}
END_TEST

static bool percent(struct buf *out, struct str s)
{
	return codec_percent(out, s, "-_");
}

START_TEST(percent_for_what_is_not_plain)
{
	static const struct row row[] = {
	    ROW("", ""),
	    ROW("azAZ09-_", "azAZ09-_"),
	    ROW("a.b/c%2F ~", "a%2Eb%2Fc%252F%20%7E"),
	    ROW("\0\x01\x7F\xFF", "%00%01%7F%FF"),
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		struct str coded = str_of(row[i].coded);
		check_call(percent, str_make(row[i].plain, row[i].len), &coded);
		check_full(percent, str_make(row[i].plain, row[i].len), coded.len);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("codec");
	TCase *c = unit_case(s, "all");
	tcase_add_test(c, base64);
	tcase_add_test(c, xtext);
	tcase_add_test(c, percent_for_what_is_not_plain);
	tcase_add_test(c, hex);
	tcase_add_test(c, secrets);
	tcase_add_test(c, printable);
	tcase_add_test(c, utf8);
	return unit_run(s);
}
