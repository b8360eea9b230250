/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/tls_roots.h"
#include "tls_peer.h"

static void count_root(void *context, struct str der)
{
	struct buf *out = context;
	ck_assert(buf_add_str(out, der));
}

START_TEST(roots)
{
	const struct peer_spec one_spec = {.cn = "One", .ca = true};
	const struct peer_spec two_spec = {.cn = "Two", .ca = true, .rsa_bits = 4096};
	struct peer_cert one = peer_make(&one_spec, NULL), two = peer_make(&two_spec, &one);
	gnutls_datum_t pem[2];
	peer_must(gnutls_x509_crt_export2(one.crt, GNUTLS_X509_FMT_PEM, &pem[0]));
	peer_must(gnutls_x509_crt_export2(two.crt, GNUTLS_X509_FMT_PEM, &pem[1]));
	gnutls_datum_t raw[2];
	peer_must(gnutls_x509_crt_export2(one.crt, GNUTLS_X509_FMT_DER, &raw[0]));
	peer_must(gnutls_x509_crt_export2(two.crt, GNUTLS_X509_FMT_DER, &raw[1]));
	struct buf bundle;
	buf_init(&bundle, 65536);
	struct buf got;
	buf_init(&got, 65536);
	ck_assert(buf_addf(&bundle, "# a remark\n-----BEGIN CERTIFICATE-----\n?\n"
	                            "-----END CERTIFICATE-----\n"));
	struct str der[2], issuer[2], subject[2];
	for (size_t i = 0; i < 2; i++) {
		der[i] = str_make((const char *)raw[i].data, raw[i].size);
		ck_assert(tls_roots_names(der[i], &issuer[i], &subject[i]));
		ck_assert(buf_add(&bundle, (const char *)pem[i].data, pem[i].size));
		/* Every shorter one is refused or gives names inside its bounds. */
		for (size_t n = 0; n < der[i].len; n++) {
			struct str a, b;
			ck_assert(!tls_roots_names(str_first(der[i], n), &a, &b));
		}
	}
	ck_assert(str_eq(issuer[0], subject[0]));
	ck_assert(str_eq(issuer[1], subject[0]));
	ck_assert(!str_eq(subject[1], subject[0]));
	struct str whole = buf_str(&bundle);
	ck_assert_uint_eq(tls_roots_find(whole, &issuer[1], 1, count_root, &got), 1);
	ck_assert(str_eq(buf_str(&got), der[0]));
	buf_clear(&got);
	ck_assert_uint_eq(tls_roots_find(whole, subject, 2, count_root, &got), 2);
	ck_assert_uint_eq(tls_roots_find(whole, subject, 0, count_root, &got), 0);
	ck_assert_uint_eq(
	    tls_roots_find(str_first(whole, whole.len - 30), subject, 2, count_root, &got), 1);
	ck_assert_uint_eq(tls_roots_find(STR(""), subject, 2, count_root, &got), 0);
	for (size_t i = 0; i < 2; i++) {
		gnutls_free(pem[i].data);
		gnutls_free(raw[i].data);
	}
	buf_release(&bundle);
	buf_release(&got);
	peer_drop(&one);
	peer_drop(&two);
}
END_TEST

#define FROM       \
	"\x17\x0D" \
	"260102030405Z"
#define UNTIL      \
	"\x18\x0F" \
	"20511231235959Z"

/* What is inside of the validity, and what is read there. */
static const struct {
	const char *dates;
	bool good;
	int64_t from, until;
} validities[] = {
    {FROM UNTIL, true, 1767323045, 2587679999},
    {"\x17\x0D"
     "490101000000Z"
     "\x17\x0D"
     "500101000000Z",
     true, 2493072000, -631152000},
    {"\x18\x0F"
     "19700101000000Z"
     "\x18\x0F"
     "99991231235959Z",
     true, 0, 253402300799},
    {FROM, false, 0, 0},
    {FROM UNTIL FROM, false, 0, 0},
    {FROM "\x17\x0B"
          "2601020304Z",
     false, 0, 0},
    {FROM "\x17\x11"
          "260102030405+0100",
     false, 0, 0},
    {FROM "\x17\x0D"
          "260102030405 ",
     false, 0, 0},
    {FROM "\x17\x0D"
          "261302030405Z",
     false, 0, 0},
    {FROM "\x17\x0D"
          "260100030405Z",
     false, 0, 0},
    {FROM "\x17\x0D"
          "2601:2030405Z",
     false, 0, 0},
    {FROM "\x18\x0F"
          "2a260102030405Z",
     false, 0, 0},
    {FROM "\x17\x00", false, 0, 0},
    {FROM "\x04\x0D"
          "260102030405Z",
     false, 0, 0},
};

static struct buf wrapped(struct str inside)
{
	struct buf b;
	buf_init(&b, 256);
	ck_assert_uint_lt(inside.len, 128);
	ck_assert(buf_add_char(&b, 0x30) && buf_add_char(&b, (char)inside.len) &&
	          buf_add_str(&b, inside));
	return b;
}

/* The same on a machine where GnuTLS has a narrower time_t than we have. */
START_TEST(dates)
{
	struct buf validity = wrapped(str_of(validities[_i].dates)), fields, tbs, der;
	int64_t from = 0, until = 0;
	buf_init(&fields, 256);
	/* Serial number, algorithm, issuer; behind the validity the subject. */
	ck_assert(buf_add(&fields, "\x02\x01\x01\x30\x00\x30\x00", 7) &&
	          buf_add_str(&fields, buf_str(&validity)) && buf_add(&fields, "\x30\x00", 2));
	tbs = wrapped(buf_str(&fields));
	der = wrapped(buf_str(&tbs));
	ck_assert_int_eq(tls_roots_dates(buf_str(&der), &from, &until), validities[_i].good);
	if (validities[_i].good) {
		ck_assert_int_eq(from, validities[_i].from);
		ck_assert_int_eq(until, validities[_i].until);
	}
	for (size_t n = 0; n < der.len; n++)
		ck_assert(!tls_roots_dates(str_first(buf_str(&der), n), &from, &until));
	buf_release(&validity);
	buf_release(&fields);
	buf_release(&tbs);
	buf_release(&der);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tls_roots");
	TCase *c = tcase_create("tls_roots");
	tcase_set_timeout(c, 60);
	tcase_add_test(c, roots);
	tcase_add_loop_test(c, dates, 0, (int)(sizeof(validities) / sizeof(validities[0])));
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int n = srunner_ntests_failed(r);
	srunner_free(r);
	return n ? 1 : 0;
}
