/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <string.h>

#include "text/buf.h"
#include "text/codec.h"
#include "text/fault.h"
#include "smtp/sasl.h"
#include "smtp/sasl_scram.h"
#include "smtp/saslprep.h"
#include "unit.h"

#define BIT(name) (1u << SASL_##name)

/* Names and choice */

START_TEST(names)
{
	enum sasl_mechanism m;
	for (unsigned i = 0; i < SASL_MECHANISMS; i++) {
		ck_assert(sasl_by_name(str_of(sasl_name((enum sasl_mechanism)i)), &m));
		ck_assert_uint_eq(m, i);
	}
	ck_assert(sasl_by_name(STR("scram-sha-256-plus"), &m));
	ck_assert_int_eq(m, SASL_SCRAM_SHA256_PLUS);
	ck_assert(!sasl_by_name(STR("SCRAM-SHA-256-"), &m));
	ck_assert(!sasl_by_name(STR(""), &m));
	ck_assert(!sasl_by_name(STR("NTLM"), &m));
}
END_TEST

struct choice {
	unsigned offered, allowed;
	unsigned means;
	int want; /* -1: none */
};

#define PASSWORD    SASL_HAS_PASSWORD
#define CERTIFICATE SASL_HAS_CERTIFICATE
#define BINDING     SASL_HAS_BINDING

static const struct choice choices[] = {
    {~0u, 0, PASSWORD | BINDING, SASL_SCRAM_SHA256_PLUS},
    {~0u, 0, PASSWORD, SASL_SCRAM_SHA256},
    {BIT(SCRAM_SHA1_PLUS) | BIT(SCRAM_SHA256), 0, PASSWORD | BINDING, SASL_SCRAM_SHA256},
    {BIT(SCRAM_SHA1_PLUS) | BIT(SCRAM_SHA1), 0, PASSWORD | BINDING, SASL_SCRAM_SHA1_PLUS},
    {BIT(PLAIN) | BIT(LOGIN) | BIT(CRAM_MD5), 0, PASSWORD, SASL_PLAIN},
    {BIT(LOGIN) | BIT(CRAM_MD5), 0, PASSWORD, SASL_LOGIN},
    {BIT(CRAM_MD5) | BIT(XOAUTH2) | BIT(OAUTHBEARER), 0, PASSWORD, -1},
    {BIT(CRAM_MD5) | BIT(XOAUTH2), BIT(CRAM_MD5), PASSWORD, SASL_CRAM_MD5},
    {~0u, BIT(XOAUTH2), PASSWORD, SASL_XOAUTH2},
    {~0u, BIT(SCRAM_SHA1) | BIT(PLAIN), PASSWORD | BINDING, SASL_SCRAM_SHA1},
    {BIT(PLAIN) | BIT(LOGIN), BIT(SCRAM_SHA256), PASSWORD, -1},
    {~0u, BIT(SCRAM_SHA256_PLUS), PASSWORD, -1},
    {~0u, 0, CERTIFICATE | BINDING, SASL_EXTERNAL},
    {BIT(EXTERNAL) | BIT(LOGIN), 0, PASSWORD | CERTIFICATE, SASL_LOGIN},
    {BIT(EXTERNAL), 0, PASSWORD | CERTIFICATE, -1},
    {BIT(EXTERNAL), BIT(EXTERNAL), PASSWORD | CERTIFICATE, SASL_EXTERNAL},
    {BIT(EXTERNAL), BIT(EXTERNAL), PASSWORD, -1},
    {~0u, 0, BINDING, -1},
    {0, 0, PASSWORD | CERTIFICATE | BINDING, -1},
};

START_TEST(choice)
{
	const struct choice *c = &choices[_i];
	enum sasl_mechanism m;
	bool ok = sasl_choose(c->offered, c->allowed, c->means, &m);

	ck_assert_int_eq(ok ? (int)m : -1, c->want);
}
END_TEST

/* One message each way */

struct exchange {
	enum sasl_mechanism mechanism;
	const char *user, *password;
	const char *initial; /* NULL: none; "\0" stands as "@" for PLAIN */
	const char *challenges[3];
	const char *answers[3]; /* NULL: refused */
};

#define TOKEN "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="

static const struct exchange exchanges[] = {
    /* RFC 4616 section 4 */
    {SASL_PLAIN, "tim", "tanstaaftanstaaf", "|tim|tanstaaftanstaaf", {""}, {NULL}},
    {SASL_PLAIN, "\303\274", "\377 x", "|\303\274|\377 x", {NULL}, {NULL}},
    {SASL_LOGIN,
     "tim",
     "pass word",
     NULL,
     {"Username:", "Password:", ""},
     {"tim", "pass word", NULL}},
    /* RFC 2195 section 2 */
    {SASL_CRAM_MD5,
     "tim",
     "tanstaaftanstaaf",
     NULL,
     {"<1896.697170952@postoffice.reston.mci.net>", ""},
     {"tim b913a602c7eda7a495b4e6e7334d3890", NULL}},
    {SASL_EXTERNAL, "", "", "", {""}, {NULL}},
    {SASL_EXTERNAL, "tim", "", "tim", {""}, {NULL}},
    /* RFC 7628 section 4.1 and 4.3 */
    {SASL_OAUTHBEARER,
     "user@example.com",
     TOKEN,
     "n,a=user@example.com,\001host=server.example.com\001port=143\001auth=Bearer " TOKEN
     "\001\001",
     {"{\"status\":\"invalid_token\"}", ""},
     {"\001", NULL}},
    {SASL_OAUTHBEARER,
     "a,b=c",
     "t",
     "n,a=a=2Cb=3Dc,\001host=server.example.com\001port=143\001auth=Bearer t\001\001",
     {NULL},
     {NULL}},
    {SASL_XOAUTH2,
     "someuser@example.com",
     "ya29.vF9",
     "user=someuser@example.com\001auth=Bearer ya29.vF9\001\001",
     {"{\"status\":\"401\"}", ""},
     {"", NULL}},
};

static struct sasl *start(enum sasl_mechanism m, const char *user, const char *password,
                          struct fault *f)
{
	struct sasl_setup setup = {
	    .mechanism = m,
	    .user = str_of(user),
	    .password = str_of(password),
	    .host = STR("server.example.com"),
	    .port = 143,
	};
	memcpy(setup.random, "0123456789abcdefghijklmn", sizeof(setup.random));
	return sasl_new(&setup, f);
}

START_TEST(exchange)
{
	const struct exchange *e = &exchanges[_i];
	struct fault f = FAULT_INIT;
	struct sasl *s = start(e->mechanism, e->user, e->password, &f);
	struct buf out;
	buf_init(&out, 4096);
	ck_assert_msg(s != NULL, "%s", f.text);
	ck_assert(sasl_initial(s, &out) == (e->initial != NULL));
	for (size_t i = 0; e->mechanism == SASL_PLAIN && i < out.len; i++)
		if (out.at[i] == '\0')
			out.at[i] = '|';
	if (e->initial)
		ck_assert_str_eq(buf_cstr(&out), e->initial);
	for (size_t i = 0; i < 3 && e->challenges[i]; i++) {
		buf_clear(&out);
		bool ok = sasl_step(s, str_of(e->challenges[i]), &out, &f);
		ck_assert(ok == (e->answers[i] != NULL));
		if (ok)
			ck_assert_str_eq(buf_cstr(&out), e->answers[i]);
		else
			ck_assert_int_eq(f.kind, FAULT_RELAY);
	}
	ck_assert(sasl_done(s, &f));
	sasl_free(s);
	buf_release(&out);
}
END_TEST

START_TEST(unusable)
{
	struct fault f = FAULT_INIT;
	struct sasl_setup nul = {
	    .mechanism = SASL_PLAIN, .user = STR("a"), .password = str_make("b\0c", 3)};
	ck_assert(!sasl_new(&nul, &f));
	ck_assert_int_eq(f.kind, FAULT_RELAY);
	nul.password = STR("b");
	nul.user = str_make("a\0", 2);
	ck_assert(!sasl_new(&nul, &f));
	ck_assert(!start(SASL_PLAIN, "", "x", &f));
	ck_assert(!start(SASL_PLAIN, "x", "", &f));
	ck_assert(!start(SASL_SCRAM_SHA256_PLUS, "x", "y", &f));
	ck_assert(!start(SASL_SCRAM_SHA256, "x", "y\001", &f));
	ck_assert(!start(SASL_SCRAM_SHA256, "x", "y\377", &f));
	ck_assert_int_eq(f.kind, FAULT_RELAY);
	ck_assert(strstr(f.text, "UTF-8") != NULL);
}
END_TEST

START_TEST(long_password)
{
	static const enum sasl_mechanism all[] = {SASL_PLAIN, SASL_SCRAM_SHA256, SASL_LOGIN};
	struct fault f = FAULT_INIT;
	char password[4097];
	memset(password, 'p', sizeof(password) - 1);
	password[sizeof(password) - 1] = '\0';
	for (size_t i = 0; i < COUNT(all); i++) {
		struct sasl *s = start(all[i], "u", password, &f);
		ck_assert(s != NULL);
		sasl_free(s);
	}
}
END_TEST

/* What holds a secret stays where it was made room for. */
START_TEST(room)
{
	struct fault f = FAULT_INIT;
	char user[1001], password[4097];
	memset(user, ',', sizeof(user) - 1);
	user[sizeof(user) - 1] = '\0';
	memset(password, 'p', sizeof(password) - 1);
	password[sizeof(password) - 1] = '\0';
	for (unsigned m = 0; m < SASL_MECHANISMS; m++) {
		struct sasl *s = start((enum sasl_mechanism)m, user, password, &f);
		/* Without a binding some cannot be had. */
		if (!s)
			continue;
		struct buf out;
		buf_init(&out, 1 << 20);
		const char *at = buf_room(&out, sasl_room(s, STR("")));
		sasl_initial(s, &out);
		ck_assert_ptr_eq(out.at, at);
		buf_clear(&out);
		at = buf_room(&out, sasl_room(s, STR("<1@x>")));
		for (bool more = true; more;)
			more = sasl_step(s, STR("<1@x>"), &out, &f);
		ck_assert_ptr_eq(out.at, at);
		ck_assert_uint_lt(out.cap, 16384);
		sasl_free(s);
		buf_release(&out);
	}
}
END_TEST

/* SCRAM */

struct vector {
	bool sha256;
	const char *nonce, *first, *server_first, *final, *server_final;
};

#define NONCE1 "fyko+d2lbbFgONRv9qkxdawL"
#define ALL1   NONCE1 "3rfcNHYJY1ZVvWVs7j"
#define NONCE2 "rOprNGfwEbeRWgbNEkqO"
#define ALL2   NONCE2 "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define SALT1  ",s=QSXCR+Q6sek8bf92"
#define FINAL1 "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="

static const struct vector vectors[] = {
    /* RFC 5802 section 5, RFC 7677 section 3 */
    {false, NONCE1, "n,,n=user,r=" NONCE1, "r=" ALL1 SALT1 ",i=4096",
     "c=biws,r=" ALL1 ",p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", FINAL1},
    {true, NONCE2, "n,,n=user,r=" NONCE2, "r=" ALL2 ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
     "c=biws,r=" ALL2 ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
     "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
};

static struct scram *start_scram(bool sha256, const char *nonce, struct fault *f)
{
	struct scram_setup setup = {
	    .sha256 = sha256,
	    .user = STR("user"),
	    .password = STR("pencil"),
	    .nonce = str_of(nonce),
	};
	return scram_new(&setup, f);
}

START_TEST(scram_vectors)
{
	const struct vector *v = &vectors[_i];
	struct fault f = FAULT_INIT;
	struct scram *s = start_scram(v->sha256, v->nonce, &f);
	ck_assert(s != NULL);
	struct buf out;
	buf_init(&out, 4096);
	ck_assert(scram_first(s, &out));
	ck_assert_str_eq(buf_cstr(&out), v->first);
	ck_assert_msg(scram_step(s, str_of(v->server_first), &out, &f), "%s", f.text);
	ck_assert_str_eq(buf_cstr(&out), v->final);
	ck_assert(!scram_proved(s));
	buf_clear(&out);
	ck_assert_msg(scram_step(s, str_of(v->server_final), &out, &f), "%s", f.text);
	ck_assert(scram_proved(s));
	ck_assert_uint_eq(out.len, 0);
	ck_assert(!scram_step(s, STR(""), &out, &f));
	scram_free(s);
	buf_release(&out);
}
END_TEST

/* Server messages behind which nobody may be believed. */
static const char *const bad_firsts[] = {
    "",
    "r=" ALL1,
    "r=" ALL1 SALT1,
    "r=" ALL1 ",s=,i=4096",
    "r=" ALL1 ",s=QSXCR+Q6sek8bf9,i=4096",
    "r=" ALL1 ",s=!!!!,i=4096",
    "r=" ALL1 SALT1 ",i=1",
    "r=" ALL1 SALT1 ",i=4095",
    "r=" ALL1 SALT1 ",i=1000001",
    "r=" ALL1 SALT1 ",i=2147483648",
    "r=" ALL1 SALT1 ",i=99999999999999999999",
    "r=" ALL1 SALT1 ",i=-4096",
    "r=" ALL1 SALT1 ",i=",
    "r=" ALL1 ",i=4096" SALT1,
    "r=" NONCE1 SALT1 ",i=4096",
    "r=X" ALL1 SALT1 ",i=4096",
    "r=fyko" SALT1 ",i=4096",
    "r=" ALL1 "\001" SALT1 ",i=4096",
    "m=ext,r=" ALL1 SALT1 ",i=4096",
    "e=other-error",
};

START_TEST(scram_bad_first)
{
	struct fault f = FAULT_INIT;
	struct scram *s = start_scram(false, NONCE1, &f);
	struct buf out;
	buf_init(&out, 4096);
	ck_assert(!scram_step(s, str_of(bad_firsts[_i]), &out, &f));
	ck_assert_int_eq(f.kind, FAULT_RELAY);
	ck_assert_uint_eq(out.len, 0);
	ck_assert(!scram_proved(s));
	scram_free(s);
	buf_release(&out);
}
END_TEST

START_TEST(scram_good_limits)
{
	static const char *const firsts[] = {
	    "r=" ALL1 SALT1 ",i=4096,x=unknown",
	    "r=" ALL1 SALT1 ",i=10000",
	    "r=" ALL1 ",s=AA==,i=4096",
	};
	for (size_t i = 0; i < COUNT(firsts); i++) {
		struct fault f = FAULT_INIT;
		struct scram *s = start_scram(false, NONCE1, &f);
		struct buf out;
		buf_init(&out, 4096);
		ck_assert(scram_step(s, str_of(firsts[i]), &out, &f));
		scram_free(s);
		buf_release(&out);
	}
}
END_TEST

static const char *const bad_finals[] = {
    "",
    "v=",
    "v=!",
    "v=rmF9pqV8S7suAoZWja4dJRkFsKU=",
    "v=rmF9pqV8S7suAoZWja4dJRkFsA==",
    "v=rmF9pqV8S7suAoZWja4dJRkFsKQA",
    "x=v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    "e=invalid-proof",
    "V=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
};

START_TEST(scram_bad_final)
{
	struct fault f = FAULT_INIT;
	struct scram *s = start_scram(false, NONCE1, &f);
	struct buf out;
	buf_init(&out, 4096);
	ck_assert(scram_step(s, str_of(vectors[0].server_first), &out, &f));
	ck_assert(!scram_step(s, str_of(bad_finals[_i]), &out, &f));
	ck_assert_int_eq(f.kind, FAULT_RELAY);
	ck_assert(!scram_proved(s));
	scram_free(s);
	buf_release(&out);
}
END_TEST

/* 235 without the server's proof is not believed. */
START_TEST(scram_must_prove)
{
	struct fault f = FAULT_INIT;
	struct sasl *s = start(SASL_SCRAM_SHA1, "user", "pencil", &f);
	ck_assert(s != NULL);
	ck_assert(!sasl_done(s, &f));
	ck_assert_int_eq(f.kind, FAULT_RELAY);
	sasl_free(s);
}
END_TEST

struct flag {
	enum sasl_mechanism mechanism;
	bool binding, server_plus;
	const char *header; /* of the first message */
	const char *bound;  /* what c= carries */
};

static const struct flag flags[] = {
    {SASL_SCRAM_SHA256, false, false, "n,,", "n,,"},
    {SASL_SCRAM_SHA256, false, true, "n,,", "n,,"},
    {SASL_SCRAM_SHA256, true, false, "y,,", "y,,"},
    {SASL_SCRAM_SHA1, true, true, "n,,", "n,,"},
    {SASL_SCRAM_SHA256_PLUS, true, true, "p=tls-exporter,,", "p=tls-exporter,,\001\002\003"},
    {SASL_SCRAM_SHA1_PLUS, true, true, "p=tls-exporter,,", "p=tls-exporter,,\001\002\003"},
};

START_TEST(channel_binding)
{
	const struct flag *flag = &flags[_i];
	struct sasl_binding binding = {"tls-exporter", {1, 2, 3}, 3};
	struct sasl_setup setup = {
	    .mechanism = flag->mechanism,
	    .user = STR("a,b=c"),
	    .password = STR("pencil"),
	    .binding = flag->binding ? &binding : NULL,
	    .server_plus = flag->server_plus,
	};
	struct fault f = FAULT_INIT;
	struct sasl *s = sasl_new(&setup, &f);
	ck_assert(s != NULL);
	struct buf out;
	buf_init(&out, 4096);
	struct buf want;
	buf_init(&want, 4096);
	struct buf challenge;
	buf_init(&challenge, 4096);
	ck_assert(sasl_initial(s, &out));
	/* 24 bytes of zero are 32 letters A in base64. */
	ck_assert(
	    buf_addf(&want, "%sn=a=2Cb=3Dc,r=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", flag->header));
	ck_assert_str_eq(buf_cstr(&out), buf_cstr(&want));
	ck_assert(
	    buf_addf(&challenge, "r=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAx%s", SALT1 ",i=4096"));
	buf_clear(&out);
	ck_assert(sasl_step(s, buf_str(&challenge), &out, &f));
	buf_clear(&want);
	ck_assert(buf_add_str(&want, STR("c=")));
	ck_assert(codec_base64(&want, str_of(flag->bound)));
	ck_assert(buf_add_str(&want, STR(",r=")));
	ck_assert(str_starts(buf_str(&out), buf_str(&want)));
	sasl_free(s);
	buf_release(&out);
	buf_release(&want);
	buf_release(&challenge);
}
END_TEST

/* SASLprep */

#define LONGEST                                                      \
	"\330\265\331\204\331\211 \330\247\331\204\331\204\331\207 " \
	"\330\271\331\204\331\212\331\207 \331\210\330\263\331\204\331\205"

struct prepared {
	const char *in, *out; /* out NULL: refused */
};

static const struct prepared prepareds[] = {
    {"", ""},
    {"user", "user"},
    {"USER", "USER"},
    {" a  b ", " a  b "},
    /* RFC 4013 section 3 */
    {"I\302\255X", "IX"},
    {"\302\252", "a"},
    {"\342\205\250", "IX"},
    {"\007", NULL},
    {"a\tb", NULL},
    {"a\177", NULL},
    /* blanks: U+00A0, U+3000, U+2003 */
    {"a\302\240b\343\200\200c\342\200\203", "a b c "},
    /* U+200C, U+FEFF, U+FE0F vanish */
    {"a\342\200\214b\357\273\277c\357\270\217", "abc"},
    {"\342\200\214", ""},
    /* keyboard characters: superscript 2, micro, acute, one half, trade mark, ellipsis */
    {"m\302\262", "m2"},
    {"\302\265m", "\316\274m"},
    {"\302\264", " \314\201"},
    {"\302\275", "1\342\201\2042"},
    {"\342\204\242", "TM"},
    {"\342\200\246", "..."},
    {"\357\254\201", "fi"},
    /* full-width A b 1 */
    {"\357\274\241\357\275\202\357\274\221", "Ab1"},
    /* a and combining diaeresis compose; o-umlaut stays */
    {"a\314\210", "\303\244"},
    {"\303\266", "\303\266"},
    /* U+212B is A with ring */
    {"\342\204\253", "\303\205"},
    /* kept: euro, sharp s, CJK, an emoji */
    {"\342\202\254\303\237", "\342\202\254\303\237"},
    {"\345\257\206", "\345\257\206"},
    {"\360\237\230\200", "\360\237\230\200"},
    /* half-width katakana, also with its mark apart; mathematical A; Hangul letters */
    {"\357\275\261", "\343\202\242"},
    {"\357\275\266\357\276\236", "\343\202\254"},
    {"\360\235\220\200", "A"},
    {"\343\204\261\343\205\217", "\352\260\200"},
    /* CJK: a square unit, a compatibility ideograph */
    {"\343\216\217", "kg"},
    {"\357\244\200", "\350\261\210"},
    /* the one that becomes longest */
    {"\357\267\272\357\267\272", LONGEST LONGEST},
    /* newer than Unicode 3.2 */
    {"\341\264\254", "A"},
    /* private use, no character, a tag, an unassigned one */
    {"\356\200\200", NULL},
    {"\357\277\276", NULL},
    {"\363\240\200\201", NULL},
    {"\360\237\277\277", NULL},
    {"\377", NULL},
    {"\303", NULL},
};

START_TEST(prepare)
{
	const struct prepared *p = &prepareds[_i];
	struct fault f = FAULT_INIT;
	struct buf out;
	buf_init(&out, 1024);
	bool ok = saslprep(str_of(p->in), "password", &out, &f);
	ck_assert(ok == (p->out != NULL));
	if (ok)
		ck_assert_str_eq(buf_cstr(&out), p->out);
	else
		ck_assert_int_eq(f.kind, FAULT_RELAY);
	buf_release(&out);
}
END_TEST

#define LOOP(test, table) tcase_add_loop_test(c, test, 0, COUNT(table))

int main(void)
{
	Suite *s = suite_create("sasl");
	TCase *c = unit_case(s, "sasl");
	tcase_add_test(c, names);
	LOOP(choice, choices);
	LOOP(exchange, exchanges);
	tcase_add_test(c, unusable);
	tcase_add_test(c, long_password);
	tcase_add_test(c, room);
	LOOP(scram_vectors, vectors);
	LOOP(scram_bad_first, bad_firsts);
	tcase_add_test(c, scram_good_limits);
	LOOP(scram_bad_final, bad_finals);
	tcase_add_test(c, scram_must_prove);
	LOOP(channel_binding, flags);
	LOOP(prepare, prepareds);
	return unit_run(s);
}
