/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "oauth/kept.h"

#include <stdlib.h>
#include <string.h>

#include "oauth/order.h"
#include "oauth/request.h"
#include "unit.h"

#define NOW 1700000000

static const char *const identity[KEPT_IDENTITY] = {"main", "https://i.example 1  s", "", "u"};

static void write_to(const struct kept *k, struct buf *out)
{
	buf_init(out, KEPT_MAX);
	ck_assert(kept_write(k, out));
}

START_TEST(what_is_written_is_read)
{
	struct kept k, back;
	struct buf file;
	kept_init(&k, identity);
	kept_set(&k, KEPT_REFRESH, "a refresh token");
	kept_renew(&k, "access", 600, NOW);
	write_to(&k, &file);
	kept_init(&back, identity);
	ck_assert(kept_read(&back, buf_str(&file)));
	ck_assert_str_eq(back.texts[KEPT_REFRESH], "a refresh token");
	ck_assert_str_eq(back.texts[KEPT_ACCESS], "access");
	ck_assert_int_eq(back.times[KEPT_EXPIRES], NOW + 600);
	kept_release(&back);
	kept_release(&k);
	buf_release(&file);
}
END_TEST

START_TEST(a_part_of_a_file_is_nothing)
{
	struct kept k, back;
	struct buf file;
	kept_init(&k, identity);
	kept_set(&k, KEPT_REFRESH, "refresh");
	kept_renew(&k, "access", 600, NOW);
	write_to(&k, &file);
	for (size_t len = 0; len < file.len; len++) {
		kept_init(&back, identity);
		ck_assert(!kept_read(&back, str_make(file.at, len)));
		ck_assert_ptr_null(back.texts[KEPT_REFRESH]);
		ck_assert_ptr_null(back.texts[KEPT_ACCESS]);
		kept_release(&back);
	}
	kept_release(&k);
	buf_release(&file);
}
END_TEST

START_TEST(of_another_it_is_nothing)
{
	struct kept k, back;
	struct buf file;
	kept_init(&k, identity);
	kept_renew(&k, "access", 600, NOW);
	write_to(&k, &file);
	for (size_t i = 0; i < KEPT_IDENTITY; i++) {
		const char *other[KEPT_IDENTITY];
		memcpy(other, identity, sizeof(other));
		other[i] = "another";
		kept_init(&back, other);
		ck_assert(kept_read(&back, buf_str(&file)));
		ck_assert(!kept_good(&back, NOW));
		ck_assert_ptr_null(back.texts[KEPT_ACCESS]);
		kept_release(&back);
	}
	kept_release(&k);
	buf_release(&file);
}
END_TEST

/* What stands before an answer, and what is behind it, at every length. */
START_TEST(an_answer_has_a_head)
{
	struct kept k;
	struct buf file;
	const char *other[KEPT_IDENTITY] = {"main", "", "", "another"};
	int64_t when = 0;
	kept_init(&k, identity);
	kept_set(&k, KEPT_REFRESH, "refresh");
	buf_init(&file, KEPT_MAX);
	ck_assert(kept_write_head(&k, NOW, &file));
	ck_assert(str_find(buf_str(&file), '{') == STR_NONE);
	size_t head = file.len;
	ck_assert(buf_add_str(&file, STR("{\"a\":\n1}")));
	for (size_t len = 0; len <= file.len; len++) {
		struct str rest = str_make(file.at, len);
		ck_assert_int_eq(kept_read_head(&k, &rest, &when), len >= head);
		ck_assert(len < head || (when == NOW && rest.len == len - head));
	}
	kept_release(&k);
	kept_init(&k, other);
	struct str rest = buf_str(&file);
	ck_assert(!kept_read_head(&k, &rest, &when));
	kept_release(&k);
	buf_release(&file);
}
END_TEST

START_TEST(times)
{
	struct kept k;
	kept_init(&k, identity);
	ck_assert(!kept_good(&k, NOW));
	kept_renew(&k, "access", 600, NOW);
	ck_assert(kept_good(&k, NOW));
	ck_assert(kept_good(&k, NOW + 600 - KEPT_SPARE - 1));
	ck_assert(!kept_good(&k, NOW + 600 - KEPT_SPARE));
	/* The clock was set back. */
	ck_assert(!kept_good(&k, NOW - 1));
	k.times[KEPT_REFUSED] = NOW;
	ck_assert(!kept_good(&k, NOW));
	kept_put_off(&k, 10, NOW);
	ck_assert(kept_waits(&k, NOW + 9));
	ck_assert(!kept_waits(&k, NOW + 10));
	kept_put_off(&k, INT64_MAX, NOW);
	ck_assert(!kept_waits(&k, NOW + KEPT_LATER_MAX));
	ck_assert(!kept_waits(&k, NOW - 1));
	ck_assert(kept_early(&k, NOW));
	k.times[KEPT_EARLY] = NOW;
	ck_assert(!kept_early(&k, NOW + KEPT_EARLY_MIN - 1));
	ck_assert(kept_early(&k, NOW + KEPT_EARLY_MIN) && kept_early(&k, NOW - 1));
	k.times[KEPT_TOLD] = NOW;
	kept_renew(&k, "access", INT64_MAX, NOW);
	ck_assert_int_eq(k.times[KEPT_TOLD], 0);
	ck_assert_int_eq(k.times[KEPT_EARLY], NOW);
	ck_assert(!kept_good(&k, NOW + 86400));
	kept_renew(&k, "access", -1, NOW);
	ck_assert(kept_good(&k, NOW + 3000));
	ck_assert_int_eq(k.times[KEPT_REFUSED] + k.times[KEPT_LATER], 0);
	kept_release(&k);
}
END_TEST

START_TEST(what_is_a_token)
{
	ck_assert(kept_is_token(STR("a b~")) && kept_is_access(STR("a-b~")));
	ck_assert(!kept_is_access(STR("a b")) && !kept_is_access(STR("")));
	ck_assert(!kept_is_token(STR("a\nb")) && !kept_is_token(STR("a\001b")) &&
	          !kept_is_token(STR("\303\244")) && !kept_is_token(STR("a\0b")));
}
END_TEST

START_TEST(orders)
{
	const char *texts[ORDER_TEXTS] = {[TEXT_RELAY] = "main", [TEXT_GRANT] = "3"};
	struct order o;
	struct buf record;
	buf_init(&record, ORDER_MAX);
	ck_assert(order_write(&record, texts));
	struct str bytes = str_from(buf_str(&record), 1);
	ck_assert(order_read(bytes, &o));
	ck_assert_str_eq(o.texts[TEXT_RELAY], "main");
	ck_assert_str_eq(o.texts[TEXT_SCOPE], "");
	ck_assert_int_eq(order_grant(&o), GRANT_CLIENT);
	order_release(&o);
	for (size_t len = 0; len < bytes.len; len++)
		ck_assert(!order_read(str_first(bytes, len), &o));
	buf_clear(&record);
	texts[TEXT_GRANT] = "9";
	ck_assert(order_write(&record, texts));
	ck_assert(!order_read(str_from(buf_str(&record), 1), &o));
	buf_release(&record);
}
END_TEST

START_TEST(forms)
{
	struct buf out;
	buf_init(&out, 1000);
	ck_assert(request_add(&out, "a", "b c&d=\303\244") && request_add(&out, "e", NULL) &&
	          request_add(&out, "f", "~g"));
	ck_assert_str_eq(buf_cstr(&out), "a=b%20c%26d%3D%C3%A4&f=%7Eg");
	buf_clear(&out);
	ck_assert(request_basic(&out, "a:b", "c"));
	ck_assert_str_eq(buf_cstr(&out), "Basic YSUzQWI6Yw==");
	buf_clear(&out);
	/* RFC 7515 appendix C */
	ck_assert(request_base64url(&out, STR("\003\354\377\340\301")));
	ck_assert_str_eq(buf_cstr(&out), "A-z_4ME");
	buf_release(&out);
}
END_TEST

START_TEST(urls)
{
	static const char *const bad[] = {"http://a.example",     "https://",
	                                  "https:///x",           "https://a.example?x",
	                                  "https://u@a.example/", "https://a.example/#x",
	                                  "https://a.example/ x", ""};
	struct buf out;
	buf_init(&out, 1000);
	ck_assert(request_is_url(STR("https://a.example:8443/x/y")));
	for (size_t i = 0; i < COUNT(bad); i++)
		ck_assert_msg(!request_is_url(str_of(bad[i])), "%s", bad[i]);
	ck_assert(request_described_at(&out, STR("https://a.example/x/"), 0));
	ck_assert_str_eq(buf_cstr(&out),
	                 "https://a.example/.well-known/oauth-authorization-server/x");
	buf_clear(&out);
	ck_assert(request_described_at(&out, STR("https://a.example/x"), 1));
	ck_assert_str_eq(buf_cstr(&out),
	                 "https://a.example/x/.well-known/openid-configuration");
	buf_clear(&out);
	const struct str end =
	    STR("http://localhost/?xcode=1&code=a%2Fb+c&state=&bad=%2#code=2");
	ck_assert(request_find(&out, end, "code"));
	ck_assert_str_eq(buf_cstr(&out), "a/b c");
	ck_assert(request_find(&out, end, "state"));
	ck_assert(!request_find(&out, end, "bad") && !request_find(&out, end, "none"));
	ck_assert_str_eq(buf_cstr(&out), "a/b c");
	buf_release(&out);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kept");
	TCase *c = unit_case(s, "kept");
	tcase_add_test(c, what_is_written_is_read);
	tcase_add_test(c, a_part_of_a_file_is_nothing);
	tcase_add_test(c, of_another_it_is_nothing);
	tcase_add_test(c, an_answer_has_a_head);
	tcase_add_test(c, times);
	tcase_add_test(c, what_is_a_token);
	tcase_add_test(c, orders);
	tcase_add_test(c, forms);
	tcase_add_test(c, urls);
	return unit_run(s);
}
