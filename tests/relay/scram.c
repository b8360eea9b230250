/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scram.h"

#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HASH_MOST = 32, LONG_SALT = 1 << 20 };

static gnutls_mac_algorithm_t mac_of(const struct scram *s)
{
	return s->sha256 ? GNUTLS_MAC_SHA256 : GNUTLS_MAC_SHA1;
}

static size_t hash_len(const struct scram *s)
{
	return s->sha256 ? 32 : 20;
}

static void hmac(const struct scram *s, const void *key, const char *text, size_t len,
                 unsigned char out[HASH_MOST])
{
	if (gnutls_hmac_fast(mac_of(s), key, hash_len(s), text, len, out))
		die("hmac failed");
}

/* Takes "x=value" up to a comma or the end. */
static bool attribute(const char **at, const char *end, char name, struct text *value)
{
	if (end - *at < 2 || (*at)[0] != name || (*at)[1] != '=')
		return false;
	*at += 2;
	const char *comma = memchr(*at, ',', (size_t)(end - *at));
	if (!comma)
		comma = end;
	text_clear(value);
	text_add(value, *at, (size_t)(comma - *at));
	*at = comma < end ? comma + 1 : end;
	return true;
}

/* "=2C" is a comma, "=3D" an equals sign; nothing else may follow "=". */
static bool unescape(struct text *name)
{
	struct text plain = {0};
	for (size_t i = 0; i < name->len; i++) {
		if (name->data[i] != '=') {
			text_char(&plain, name->data[i]);
			continue;
		}
		if (!strncmp(name->data + i, "=2C", 3)) {
			text_char(&plain, ',');
		} else if (!strncmp(name->data + i, "=3D", 3)) {
			text_char(&plain, '=');
		} else {
			text_free(&plain);
			return false;
		}
		i += 2;
	}
	text_free(name);
	*name = plain;
	return true;
}

static const char *read_gs2(struct scram *s, const char **at, const char *end)
{
	struct text authzid = {0};
	const char *begin = *at;
	if (end - begin < 3)
		return "message too short";
	if (*begin == 'p') {
		if (!s->plus)
			return "channel binding with a mechanism that has none";
		if (!attribute(at, end, 'p', &s->binding_name))
			return "bad gs2 header";
	} else {
		if (s->plus)
			return "no channel binding with a -PLUS mechanism";
		if (*begin == 'y' && s->plus_offered)
			return "the client says \"y\" though -PLUS was offered";
		if ((*begin != 'y' && *begin != 'n') || begin[1] != ',')
			return "bad gs2 header";
		*at += 2;
	}
	if (!attribute(at, end, 'a', &authzid)) {
		if (*at >= end || **at != ',')
			return "bad gs2 header";
		*at += 1;
	}
	text_free(&authzid);
	text_add(&s->gs2, begin, (size_t)(*at - begin));
	return NULL;
}

static void make_salt(const struct scram *s, struct text *salt)
{
	if (s->salt_base64) {
		text_str(salt, s->salt_base64);
		return;
	}
	if (s->fault == SCRAM_BAD_SALT) {
		text_str(salt, "!not*base64!");
		return;
	}
	unsigned char bytes[20];
	gnutls_hash_fast(GNUTLS_DIG_SHA1, s->user, strlen(s->user), bytes);
	if (s->fault == SCRAM_LONG_SALT) {
		struct text plain = {0};
		while (plain.len < LONG_SALT)
			text_add(&plain, bytes, 16);
		text_base64(salt, plain.data, plain.len);
		text_free(&plain);
		return;
	}
	if (s->fault != SCRAM_EMPTY_SALT)
		text_base64(salt, bytes, 16);
}

static void make_nonce(struct scram *s, const struct text *client)
{
	unsigned char bytes[18];
	gnutls_rnd(GNUTLS_RND_NONCE, bytes, sizeof bytes);
	if (s->fault != SCRAM_NONCE)
		text_add(&s->nonce, client->data, client->len);
	if (s->server_nonce)
		text_str(&s->nonce, s->server_nonce);
	else
		text_base64(&s->nonce, bytes, sizeof bytes);
}

const char *scram_first(struct scram *s, const char *message, size_t len)
{
	const char *at = message, *end = message + len, *wrong = read_gs2(s, &at, end);
	struct text nonce = {0}, salt = {0};
	unsigned i = s->fault == SCRAM_I1     ? 1
	             : s->fault == SCRAM_IBIG ? 2147483648U
	                                      : s->iterations;
	if (wrong)
		return wrong;
	text_add(&s->first_bare, at, (size_t)(end - at));
	if (!attribute(&at, end, 'n', &s->user_given) || !unescape(&s->user_given))
		return "bad user name";
	if (!attribute(&at, end, 'r', &nonce) || nonce.len < 8) {
		text_free(&nonce);
		return "no nonce, or a short one";
	}
	if (at != end) {
		text_free(&nonce);
		return "unknown extension";
	}
	make_nonce(s, &nonce);
	make_salt(s, &salt);
	text_printf(&s->server_first, "%sr=%s,s=%s,i=%u",
	            s->fault == SCRAM_M_EXT ? "m=something," : "", s->nonce.data, text_z(&salt),
	            i);
	text_free(&nonce);
	text_free(&salt);
	return NULL;
}

/* SaltedPassword, from what the server really said. */
static bool salted_password(const struct scram *s, unsigned char out[HASH_MOST])
{
	struct text salt = {0};
	const char *at = strstr(s->server_first.data, ",s=") + 3;
	const char *i = strstr(at, ",i=");
	const gnutls_datum_t key = {(unsigned char *)(size_t)s->password,
	                            (unsigned)strlen(s->password)};
	gnutls_datum_t salt_datum;
	bool ok = text_unbase64(&salt, at, (size_t)(i - at)) && s->fault != SCRAM_IBIG;

	salt_datum = (gnutls_datum_t){(unsigned char *)salt.data, (unsigned)salt.len};
	ok = ok && !gnutls_pbkdf2(mac_of(s), &key, &salt_datum, (unsigned)atoi(i + 3), out,
	                          hash_len(s));
	text_free(&salt);
	return ok;
}

/* Checks the proof; signature gets the server's. */
static bool check_proof(const struct scram *s, const char *without_proof, size_t len,
                        const struct text *proof, unsigned char signature[HASH_MOST])
{
	unsigned char salted[HASH_MOST], client[HASH_MOST], stored[HASH_MOST],
	    server[HASH_MOST], sig[HASH_MOST];
	struct text message = {0};
	size_t n = hash_len(s);
	if (!salted_password(s, salted) || proof->len != n)
		return false;
	text_printf(&message, "%s,%s,", s->first_bare.data, s->server_first.data);
	text_add(&message, without_proof, len);
	hmac(s, salted, "Client Key", 10, client);
	hmac(s, salted, "Server Key", 10, server);
	gnutls_hash_fast(s->sha256 ? GNUTLS_DIG_SHA256 : GNUTLS_DIG_SHA1, client, n, stored);
	hmac(s, stored, message.data, message.len, sig);
	hmac(s, server, message.data, message.len, signature);
	text_free(&message);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)((unsigned char)proof->data[i] ^ sig[i]) != client[i])
			return false;
	return true;
}

static void say_final(const struct scram *s, unsigned char signature[HASH_MOST],
                      struct text *reply)
{
	if (s->fault == SCRAM_MISSING_V)
		return;
	if (s->fault == SCRAM_ERROR) {
		text_str(reply, "e=other-error");
		return;
	}
	if (s->fault == SCRAM_BAD_V)
		signature[0] ^= 1;
	text_str(reply, "v=");
	text_base64(reply, signature, hash_len(s));
}

const char *scram_final(struct scram *s, const char *message, size_t len,
                        const struct text *binding, struct text *reply)
{
	struct text given = {0}, due = {0}, nonce = {0}, proof = {0}, raw = {0};
	const char *at = message, *end = message + len, *before = NULL, *wrong = NULL;
	text_add(&due, s->gs2.data, s->gs2.len);
	if (s->plus && binding)
		text_add(&due, binding->data, binding->len);
	text_base64(&raw, due.data, due.len);
	if (!attribute(&at, end, 'c', &given) || !attribute(&at, end, 'r', &nonce))
		wrong = "bad final message";
	before = at - 1;
	if (!wrong && !attribute(&at, end, 'p', &proof))
		wrong = "no proof, or an unknown extension";
	if (!wrong && at != end)
		wrong = "bytes after the proof";
	if (!wrong && strcmp(text_z(&given), text_z(&raw)) != 0)
		wrong = "channel binding does not match";
	if (!wrong && strcmp(text_z(&nonce), s->nonce.data) != 0)
		wrong = "nonce does not match";
	text_clear(&raw);
	if (!wrong && !text_unbase64(&raw, text_z(&proof), proof.len))
		wrong = "the proof is not base64";
	unsigned char signature[HASH_MOST];
	if (!wrong && (strcmp(text_z(&s->user_given), s->user) != 0 ||
	               !check_proof(s, message, (size_t)(before - message), &raw, signature)))
		wrong = "wrong user or password";
	if (!wrong)
		say_final(s, signature, reply);
	text_free(&given);
	text_free(&due);
	text_free(&nonce);
	text_free(&proof);
	text_free(&raw);
	return wrong;
}

void scram_free(struct scram *s)
{
	text_free(&s->gs2);
	text_free(&s->binding_name);
	text_free(&s->first_bare);
	text_free(&s->nonce);
	text_free(&s->server_first);
	text_free(&s->user_given);
}

struct example {
	bool sha256;
	const char *server_nonce, *salt, *client_first, *client_final, *server_final;
};

static bool check_example(const struct example *e)
{
	struct scram s = {.sha256 = e->sha256,
	                  .user = "user",
	                  .password = "pencil",
	                  .iterations = 4096,
	                  .salt_base64 = e->salt,
	                  .server_nonce = e->server_nonce};
	struct text reply = {0};
	const char *wrong = scram_first(&s, e->client_first, strlen(e->client_first));
	if (!wrong)
		wrong = scram_final(&s, e->client_final, strlen(e->client_final), NULL, &reply);
	bool ok = !wrong && !strcmp(text_z(&reply), e->server_final);
	if (!ok)
		printf("SCRAM-SHA-%s: %s\n", e->sha256 ? "256" : "1",
		       wrong ? wrong : "wrong signature");
	text_free(&reply);
	scram_free(&s);
	return ok;
}

bool scram_self_check(void)
{
	static const struct example rfc5802 = {
	    false,
	    "3rfcNHYJY1ZVvWVs7j",
	    "QSXCR+Q6sek8bf92",
	    "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
	    "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
	    "p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
	    "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="};
	static const struct example rfc7677 = {
	    true,
	    "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
	    "W22ZaJ0SNY7soEsUEjb6gQ==",
	    "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
	    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
	    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
	    "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="};
	bool ok = check_example(&rfc5802);
	return check_example(&rfc7677) && ok;
}
