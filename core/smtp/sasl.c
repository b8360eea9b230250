/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smtp/sasl.h"

#include <stdlib.h>
#include <string.h>

#include "text/codec.h"
#include "smtp/sasl_cram.h"
#include "smtp/sasl_scram.h"

#define AROUND_MAX 1024 /* words of the protocols, our nonce, a binding and a proof */

struct sasl {
	enum sasl_mechanism mechanism;
	char *user;
	char *password; /* the token for the OAuth ones; wiped */
	char *host;
	int port;
	struct scram *scram; /* or NULL */
	unsigned steps;
};

/* A mechanism without a shape of its own is SCRAM. */
struct mechanism {
	bool (*initial)(struct sasl *s, struct buf *out);
	bool (*step)(struct sasl *s, struct str challenge, struct buf *out, struct fault *f);
	bool by_name; /* never chosen by "auto" */
	bool secret;  /* needs the password or token */
	bool plus, sha256;
};

static bool add_separated(struct buf *out, const char *const *pieces, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!buf_add_str(out, str_of(pieces[i])))
			return false;
	return true;
}

/* The server asks although we have nothing more to say. */
static bool step_none(struct sasl *s, struct str challenge, struct buf *out, struct fault *f)
{
	(void)challenge;
	(void)out;
	return fault_set(f, FAULT_RELAY, "%s: the server asks once too often",
	                 sasl_name(s->mechanism));
}

static bool initial_plain(struct sasl *s, struct buf *out)
{
	return buf_add_char(out, '\0') && buf_add_str(out, str_of(s->user)) &&
	       buf_add_char(out, '\0') && buf_add_str(out, str_of(s->password));
}

static bool step_login(struct sasl *s, struct str challenge, struct buf *out, struct fault *f)
{
	if (s->steps > 2)
		return step_none(s, challenge, out, f);
	return buf_add_str(out, str_of(s->steps == 1 ? s->user : s->password)) ||
	       fault_set(f, FAULT_RELAY, "LOGIN: the answer is too long");
}

static bool step_cram(struct sasl *s, struct str challenge, struct buf *out, struct fault *f)
{
	if (s->steps > 1)
		return step_none(s, challenge, out, f);
	unsigned char digest[CRAM_DIGEST_LEN];
	if (!cram_digest(str_of(s->password), challenge, digest))
		return fault_set(f, FAULT_RELAY,
		                 "CRAM-MD5: MD5 is not available on this system; set auth");
	if (!buf_add_str(out, str_of(s->user)) || !buf_add_char(out, ' '))
		return fault_set(f, FAULT_RELAY, "CRAM-MD5: the answer is too long");
	for (size_t i = 0; i < sizeof(digest); i++)
		if (!buf_addf(out, "%02x", digest[i]))
			return fault_set(f, FAULT_RELAY, "CRAM-MD5: the answer is too long");
	return true;
}

static bool initial_external(struct sasl *s, struct buf *out)
{
	return buf_add_str(out, str_of(s->user));
}

static bool initial_xoauth2(struct sasl *s, struct buf *out)
{
	const char *const pieces[] = {"user=", s->user, "\001auth=Bearer ", s->password,
	                              "\001\001"};
	return add_separated(out, pieces, COUNT(pieces));
}

/* The challenge tells what is wrong; the refusal comes after an empty answer. */
static bool step_xoauth2(struct sasl *s, struct str challenge, struct buf *out, struct fault *f)
{
	return s->steps == 1 || step_none(s, challenge, out, f);
}

static bool initial_oauthbearer(struct sasl *s, struct buf *out)
{
	const char *const pieces[] = {"\001auth=Bearer ", s->password, "\001\001"};
	if (!buf_add_str(out, STR("n,a=")) || !scram_saslname(out, str_of(s->user)) ||
	    !buf_add_str(out, STR(",")))
		return false;
	if (s->host[0] != '\0' && !buf_addf(out, "\001host=%s", s->host))
		return false;
	if (s->port > 0 && !buf_addf(out, "\001port=%d", s->port))
		return false;
	return add_separated(out, pieces, COUNT(pieces));
}

/* RFC 7628 section 3.2.3: a lone ^A ends the exchange. */
static bool step_oauthbearer(struct sasl *s, struct str challenge, struct buf *out,
                             struct fault *f)
{
	if (s->steps > 1)
		return step_none(s, challenge, out, f);
	return buf_add_char(out, '\001') ||
	       fault_set(f, FAULT_RELAY, "OAUTHBEARER: the answer is too long");
}

static bool initial_scram(struct sasl *s, struct buf *out)
{
	return scram_first(s->scram, out);
}

static bool step_scram(struct sasl *s, struct str challenge, struct buf *out, struct fault *f)
{
	return scram_step(s->scram, challenge, out, f);
}

static const struct mechanism mechanisms[SASL_MECHANISMS] = {
    [SASL_SCRAM_SHA256_PLUS] = {initial_scram, step_scram, .secret = true, .plus = true,
                                .sha256 = true},
    [SASL_SCRAM_SHA256] = {initial_scram, step_scram, .secret = true, .sha256 = true},
    [SASL_SCRAM_SHA1_PLUS] = {initial_scram, step_scram, .secret = true, .plus = true},
    [SASL_SCRAM_SHA1] = {initial_scram, step_scram, .secret = true},
    [SASL_PLAIN] = {initial_plain, step_none, .secret = true},
    [SASL_LOGIN] = {NULL, step_login, .secret = true},
    [SASL_EXTERNAL] = {initial_external, step_none, .secret = false},
    [SASL_XOAUTH2] = {initial_xoauth2, step_xoauth2, .by_name = true, .secret = true},
    [SASL_OAUTHBEARER] = {initial_oauthbearer, step_oauthbearer, .by_name = true,
                          .secret = true},
    [SASL_CRAM_MD5] = {NULL, step_cram, .by_name = true, .secret = true},
};

bool sasl_needs_secret(enum sasl_mechanism m)
{
	return mechanisms[m].secret;
}

bool sasl_choose(unsigned offered, unsigned allowed, unsigned means, enum sasl_mechanism *m)
{
	bool password = means & SASL_HAS_PASSWORD;
	for (unsigned i = 0; i < SASL_MECHANISMS; i++) {
		const struct mechanism *one = &mechanisms[i];
		bool able = one->secret ? password : (means & SASL_HAS_CERTIFICATE) != 0;
		if ((offered & 1u << i) == 0 || !able ||
		    (one->plus && !(means & SASL_HAS_BINDING)))
			continue;
		if (allowed != 0 ? (allowed & 1u << i) == 0
		                 : one->by_name || (!one->secret && password))
			continue;
		*m = (enum sasl_mechanism)i;
		return true;
	}
	return false;
}

static bool usable(const struct sasl_setup *setup, struct fault *f)
{
	const struct mechanism *m = &mechanisms[setup->mechanism];
	if (str_find(setup->user, '\0') != STR_NONE ||
	    str_find(setup->password, '\0') != STR_NONE)
		return fault_set(f, FAULT_RELAY, "user or password has a NUL byte");
	if (m->secret && setup->user.len == 0)
		return fault_set(f, FAULT_RELAY, "%s needs a user: set user",
		                 sasl_name(setup->mechanism));
	if (m->secret && setup->password.len == 0)
		return fault_set(f, FAULT_RELAY, "the password is empty");
	if (m->plus && (!setup->binding || !setup->binding->type))
		return fault_set(f, FAULT_RELAY, "%s needs channel binding, and there is none",
		                 sasl_name(setup->mechanism));
	return true;
}

static bool start_scram(struct sasl *s, const struct sasl_setup *setup, struct fault *f)
{
	struct scram_setup scram = {
	    .sha256 = mechanisms[s->mechanism].sha256,
	    .plus = mechanisms[s->mechanism].plus,
	    .server_plus = setup->server_plus,
	    .binding = setup->binding,
	    .user = setup->user,
	    .password = setup->password,
	};
	struct str random = str_make((const char *)setup->random, sizeof(setup->random));
	struct buf nonce;
	/* The base64 letters are all allowed in a nonce. */
	buf_init(&nonce, 2 * sizeof(setup->random));
	if (codec_base64(&nonce, random))
		scram.nonce = buf_str(&nonce);
	s->scram = scram_new(&scram, f);
	buf_release(&nonce);
	return s->scram != NULL;
}

struct sasl *sasl_new(const struct sasl_setup *setup, struct fault *f)
{
	if (!usable(setup, f))
		return NULL;
	struct sasl *s;
	s = mem_alloc(sizeof(*s));
	s->mechanism = setup->mechanism;
	s->user = mem_copy(setup->user);
	s->host = mem_copy(setup->host);
	s->port = setup->port;
	if (mechanisms[s->mechanism].initial != initial_scram)
		s->password = mem_copy(setup->password);
	else if (!start_scram(s, setup, f)) {
		sasl_free(s);
		return NULL;
	}
	return s;
}

void sasl_free(struct sasl *s)
{
	if (!s)
		return;
	if (s->password)
		codec_wipe(s->password, strlen(s->password));
	free(s->password);
	free(s->user);
	free(s->host);
	scram_free(s->scram);
	free(s);
}

size_t sasl_room(const struct sasl *s, struct str challenge)
{
	/* Of a name any byte may take three; of a challenge the nonce comes back. */
	return AROUND_MAX + 3 * str_of(s->user).len + str_of(s->password).len +
	       str_of(s->host).len + challenge.len;
}

bool sasl_initial(struct sasl *s, struct buf *out)
{
	return mechanisms[s->mechanism].initial && mechanisms[s->mechanism].initial(s, out);
}

bool sasl_step(struct sasl *s, struct str challenge, struct buf *out, struct fault *f)
{
	s->steps++;
	return mechanisms[s->mechanism].step(s, challenge, out, f);
}

bool sasl_done(const struct sasl *s, struct fault *f)
{
	if (!s->scram || scram_proved(s->scram))
		return true;
	return fault_set(f, FAULT_RELAY,
	                 "%s: the server let us in without proving that it knows the password; "
	                 "it may not be the one it claims to be",
	                 sasl_name(s->mechanism));
}
