/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smtp/sasl_scram.h"

#include <stdlib.h>
#include <string.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "text/codec.h"
#include "smtp/saslprep.h"

#define ITERATIONS_MIN 4096
#define ITERATIONS_MAX 1000000
#define SALT_MAX       1024
#define HASH_MAX       32
#define TEXT_MAX       16384 /* of any of the messages */
#define SECRET_MAX     65536

struct scram {
	gnutls_mac_algorithm_t mac;
	gnutls_digest_algorithm_t hash;
	size_t hash_len;
	struct buf password; /* prepared */
	struct buf gs2;      /* "n,,", and the binding's data behind it for -PLUS */
	size_t gs2_header_len;
	struct buf bare; /* client-first-message-bare */
	char nonce[64];
	unsigned char signature[HASH_MAX]; /* what the server has to show */
	unsigned steps;
	bool proved;
};

static bool add_gs2(struct scram *s, const struct scram_setup *setup)
{
	const struct sasl_binding *b = setup->binding;
	bool bound = b && b->type;
	if (setup->plus) {
		if (!bound || !buf_addf(&s->gs2, "p=%s,,", b->type))
			return false;
	} else if (!buf_add_str(&s->gs2,
	                        bound && !setup->server_plus ? STR("y,,") : STR("n,,"))) {
		return false;
	}
	s->gs2_header_len = s->gs2.len;
	return !setup->plus || !bound || buf_add(&s->gs2, (const char *)b->data, b->len);
}

bool scram_saslname(struct buf *out, struct str name)
{
	for (size_t i = 0; i < name.len; i++) {
		struct str c = str_make(name.at + i, 1);
		if (c.at[0] == ',')
			c = STR("=2C");
		else if (c.at[0] == '=')
			c = STR("=3D");
		if (!buf_add_str(out, c))
			return false;
	}
	return true;
}

static bool prepare(struct scram *s, const struct scram_setup *setup, struct fault *f)
{
	struct buf user;
	buf_init(&user, SECRET_MAX);
	bool ok = saslprep(setup->user, "user", &user, f) &&
	          saslprep(setup->password, "password", &s->password, f);
	if (ok)
		ok = (buf_add_str(&s->bare, STR("n=")) &&
		      scram_saslname(&s->bare, buf_str(&user)) &&
		      buf_addf(&s->bare, ",r=%s", s->nonce) && add_gs2(s, setup)) ||
		     fault_set(f, FAULT_RELAY, "user or channel binding is too long for SCRAM");
	buf_release(&user);
	return ok;
}

struct scram *scram_new(const struct scram_setup *setup, struct fault *f)
{
	struct scram *s = mem_alloc(sizeof(*s));
	s->mac = setup->sha256 ? GNUTLS_MAC_SHA256 : GNUTLS_MAC_SHA1;
	s->hash = setup->sha256 ? GNUTLS_DIG_SHA256 : GNUTLS_DIG_SHA1;
	s->hash_len = setup->sha256 ? 32 : 20;
	buf_init(&s->password, SECRET_MAX);
	buf_init(&s->gs2, TEXT_MAX);
	buf_init(&s->bare, TEXT_MAX);
	if (setup->nonce.len < sizeof(s->nonce))
		memcpy(s->nonce, setup->nonce.at, setup->nonce.len);
	if (!prepare(s, setup, f)) {
		scram_free(s);
		return NULL;
	}
	return s;
}

void scram_free(struct scram *s)
{
	if (!s)
		return;
	buf_wipe(&s->password);
	buf_release(&s->password);
	buf_release(&s->gs2);
	buf_release(&s->bare);
	codec_wipe(s, sizeof(*s));
	free(s);
}

bool scram_first(struct scram *s, struct buf *out)
{
	return buf_add(out, s->gs2.at, s->gs2_header_len) &&
	       buf_add_str(out, buf_str(&s->bare));
}

static bool distrust(struct fault *f, const char *what)
{
	return fault_set(f, FAULT_RELAY, "SCRAM: %s; the login was given up", what);
}

/* Takes "NAME=value" off the front of *rest. */
static bool attribute(struct str *rest, char name, struct str *value)
{
	struct str piece;
	if (!str_cut(rest, ',', &piece) || piece.len < 2 || piece.at[0] != name ||
	    piece.at[1] != '=')
		return false;
	*value = str_from(piece, 2);
	return true;
}

struct server_first {
	struct str nonce;
	struct buf salt;
	unsigned iterations;
};

static bool check_nonce(const struct scram *s, struct str nonce)
{
	if (!str_starts(nonce, str_of(s->nonce)) || nonce.len == strlen(s->nonce))
		return false;
	for (size_t i = 0; i < nonce.len; i++)
		if (nonce.at[i] < 33 || nonce.at[i] > 126)
			return false;
	return true;
}

static bool parse_first(const struct scram *s, struct str text, struct server_first *first,
                        struct fault *f)
{
	if (str_starts(text, STR("m=")))
		return distrust(f, "the server demands an extension that is not known here");
	struct str salt, count;
	if (!attribute(&text, 'r', &first->nonce) || !attribute(&text, 's', &salt) ||
	    !attribute(&text, 'i', &count))
		return distrust(f, "the server's first message is malformed");
	if (!check_nonce(s, first->nonce))
		return distrust(f, "the server's nonce does not extend ours");
	if (!codec_unbase64(&first->salt, salt) || first->salt.len == 0)
		return distrust(f, "the server's salt is empty, too long or not base64");
	long long n;
	if (!str_number(count, &n) || n < ITERATIONS_MIN || n > ITERATIONS_MAX)
		return distrust(f, "the server's iteration count is not from 4096 to 1000000");
	first->iterations = (unsigned)n;
	return true;
}

static bool hmac(const struct scram *s, const void *key, struct str text, unsigned char *to)
{
	return gnutls_hmac_fast(s->mac, key, s->hash_len, text.at, text.len, to) == 0;
}

/* RFC 5802 section 3; proof is hash_len bytes. */
static bool prove(struct scram *s, const struct server_first *first, struct str auth_message,
                  unsigned char *proof)
{
	gnutls_datum_t key = {(unsigned char *)s->password.at, (unsigned)s->password.len};
	gnutls_datum_t salt = {(unsigned char *)first->salt.at, (unsigned)first->salt.len};
	bool ok;

	unsigned char salted[HASH_MAX], client[HASH_MAX], stored[HASH_MAX], server[HASH_MAX];
	ok = gnutls_pbkdf2(s->mac, &key, &salt, first->iterations, salted, s->hash_len) == 0 &&
	     hmac(s, salted, STR("Client Key"), client) &&
	     gnutls_hash_fast(s->hash, client, s->hash_len, stored) == 0 &&
	     hmac(s, stored, auth_message, proof) &&
	     hmac(s, salted, STR("Server Key"), server) &&
	     hmac(s, server, auth_message, s->signature);
	for (size_t i = 0; ok && i < s->hash_len; i++)
		proof[i] ^= client[i];
	codec_wipe(salted, sizeof(salted));
	codec_wipe(client, sizeof(client));
	codec_wipe(stored, sizeof(stored));
	codec_wipe(server, sizeof(server));
	return ok;
}

static bool client_final(struct scram *s, struct str challenge,
                         const struct server_first *first, struct buf *out)
{
	bool ok = buf_add_str(out, STR("c=")) && codec_base64(out, buf_str(&s->gs2)) &&
	          buf_add_str(out, STR(",r=")) && buf_add_str(out, first->nonce);
	struct buf message;
	buf_init(&message, (size_t)3 * TEXT_MAX);
	ok = ok && buf_add_str(&message, buf_str(&s->bare)) && buf_add_char(&message, ',') &&
	     buf_add_str(&message, challenge) && buf_add_char(&message, ',') &&
	     buf_add_str(&message, buf_str(out));
	unsigned char proof[HASH_MAX];
	ok = ok && prove(s, first, buf_str(&message), proof) && buf_add_str(out, STR(",p=")) &&
	     codec_base64(out, str_make((const char *)proof, s->hash_len));
	buf_release(&message);
	return ok;
}

static bool step_first(struct scram *s, struct str challenge, struct buf *out, struct fault *f)
{
	struct server_first first = {0};
	buf_init(&first.salt, SALT_MAX);
	buf_clear(out);
	bool ok = parse_first(s, challenge, &first, f);
	if (ok && !client_final(s, challenge, &first, out))
		ok = distrust(f, "the proof could not be computed");
	buf_release(&first.salt);
	return ok;
}

static bool step_final(struct scram *s, struct str challenge, struct fault *f)
{
	struct str value, rest = challenge;
	if (attribute(&rest, 'e', &value)) {
		char shown[81];
		codec_printable(shown, sizeof(shown), value);
		return fault_set(f, FAULT_RELAY,
		                 "SCRAM: the server reports \"%s\"; check user and "
		                 "password",
		                 shown);
	}
	rest = challenge;
	struct buf given;
	buf_init(&given, HASH_MAX);
	s->proved = attribute(&rest, 'v', &value) && codec_unbase64(&given, value) &&
	            codec_same_secret(buf_str(&given),
	                              str_make((const char *)s->signature, s->hash_len));
	buf_release(&given);
	return s->proved || distrust(f, "the server did not prove that it knows the password");
}

bool scram_step(struct scram *s, struct str challenge, struct buf *out, struct fault *f)
{
	switch (s->steps++) {
	case 0:
		return step_first(s, challenge, out, f);
	case 1:
		return step_final(s, challenge, f);
	}
	return distrust(f, "the server asks once too often");
}

bool scram_proved(const struct scram *s)
{
	return s->proved;
}
