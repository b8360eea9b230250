/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the greeting to a session that is open: EHLO, STARTTLS, AUTH. */
#include "smtp/smtp_command.h"

#include <string.h>

#include "text/codec.h"

#define NAMES_MAX  160     /* of mechanisms, in a fault */
#define SECRET_MAX 262144u /* of a command that carries a secret */
#define SHOWN_MAX  64

static enum smtp_want start_login(struct smtp *s);

static enum smtp_want say_hello(struct smtp *s, enum verb verb, const char *name)
{
	struct buf line;
	buf_init(&line, 1024);
	bool ok = buf_addf(&line, "%s ", name) && buf_add_str(&line, s->setup.helo);
	if (!ok)
		buf_clear(&line);
	ok = smtp_command(s, verb, NO_RCPT, buf_str(&line), NULL);
	buf_release(&line);
	return ok ? SMTP_READ : SMTP_OVER;
}

enum smtp_want smtp_hello(struct smtp *s)
{
	return say_hello(s, VERB_EHLO, s->setup.lmtp ? "LHLO" : "EHLO");
}

static enum smtp_want blame(struct smtp *s, enum cause_phase phase, const struct reply *r)
{
	smtp_blame(s, phase, r);
	return smtp_leave(s);
}

enum smtp_want smtp_on_greeting(struct smtp *s, const struct command *c, const struct reply *r)
{
	(void)c;
	if (r->code != 220)
		return blame(s, AT_GREETING, r);
	return smtp_hello(s);
}

/* HELO has no extensions, so it will do only where none is needed. */
static bool helo_will_do(const struct smtp *s, int code)
{
	if (s->setup.lmtp || s->setup.login || smtp_must_encrypt(s))
		return false;
	return code == 500 || code == 501 || code == 502 || code == 504 || code == 550;
}

static enum smtp_want starttls_or_login(struct smtp *s)
{
	if (s->secured || s->setup.security == SECURITY_NONE)
		return start_login(s);
	if (s->ehlo.starttls)
		return smtp_command(s, VERB_STARTTLS, NO_RCPT, STR("STARTTLS"), NULL)
		           ? SMTP_READ
		           : SMTP_OVER;
	if (smtp_must_encrypt(s)) {
		fault_set(&s->fault, FAULT_RELAY,
		          "the server does not offer STARTTLS; check host and port, or set "
		          "security = tls (port 465) if it wants TLS from the first byte");
		fault_cause(&s->fault, CAUSE_NO_STARTTLS);
		return smtp_leave(s);
	}
	return start_login(s);
}

enum smtp_want smtp_on_ehlo(struct smtp *s, const struct command *c, const struct reply *r)
{
	(void)c;
	if (r->code == 250) {
		ehlo_parse(&s->ehlo, buf_str(&r->text));
		return starttls_or_login(s);
	}
	if (helo_will_do(s, r->code))
		return say_hello(s, VERB_HELO, "HELO");
	return blame(s, AT_EHLO, r);
}

enum smtp_want smtp_on_helo(struct smtp *s, const struct command *c, const struct reply *r)
{
	(void)c;
	if (r->code != 250)
		return blame(s, AT_EHLO, r);
	s->ehlo = (struct ehlo){0};
	return SMTP_READY;
}

enum smtp_want smtp_on_starttls(struct smtp *s, const struct command *c, const struct reply *r)
{
	(void)c;
	if (r->code == 220)
		return SMTP_HANDSHAKE;
	if (smtp_must_encrypt(s))
		return blame(s, AT_STARTTLS, r);
	return start_login(s);
}

/* What the server offers, for people. */
static void list_mechanisms(unsigned offered, char to[NAMES_MAX])
{
	size_t len = 0;
	memcpy(to, "none known here", sizeof("none known here"));
	for (unsigned i = 0; i < SASL_MECHANISMS; i++) {
		const char *name = sasl_name((enum sasl_mechanism)i);
		size_t n = strlen(name);
		if ((offered & 1u << i) == 0 || len + n + 2 > NAMES_MAX)
			continue;
		if (len > 0)
			to[len++] = ' ';
		memcpy(to + len, name, n + 1);
		len += n;
	}
}

static bool withhold(struct smtp *s)
{
	s->withheld = true;
	return fault_set(&s->fault, FAULT_RELAY,
	                 "the connection is not encrypted: the password was not sent; %s",
	                 s->ehlo.starttls
	                     ? "set security = starttls"
	                     : "the server offers no encryption on this port; "
	                       "allow_cleartext_auth = yes with security = none sends it");
}

/* A certificate that TLS did not show logs nobody in. */
static unsigned means(const struct smtp *s)
{
	return (s->setup.password ? SASL_HAS_PASSWORD : 0u) |
	       (s->secured && s->setup.certificate ? SASL_HAS_CERTIFICATE : 0u) |
	       (s->binding.type ? SASL_HAS_BINDING : 0u);
}

static bool choose_mechanism(struct smtp *s)
{
	if (!s->ehlo.auth)
		return fault_set(&s->fault, FAULT_RELAY,
		                 "the server offers no login (AUTH)%s; check host and port",
		                 s->secured ? " after TLS" : " in clear");
	char names[NAMES_MAX];
	if (!sasl_choose(s->ehlo.mechanisms & ~s->spurned, s->setup.mechanisms, means(s),
	                 &s->mechanism)) {
		list_mechanisms(s->ehlo.mechanisms, names);
		return fault_set(
		    &s->fault, FAULT_RELAY,
		    "no way to log in that both sides have; the server offers: %s; "
		    "check auth, and that there is a password",
		    names);
	}
	if (!s->secured && sasl_needs_secret(s->mechanism) &&
	    (!s->setup.allow_cleartext_auth || s->setup.security == SECURITY_OPPORTUNISTIC))
		return withhold(s);
	return true;
}

/* Sends a line that carries a secret, in base64 behind head. */
static bool send_secret(struct smtp *s, struct str head, struct str secret, const char *shown)
{
	struct buf line;
	/* Memory of its final size at once: growing would leave copies behind. */
	buf_init(&line, SECRET_MAX);
	bool ok = buf_room(&line, head.len + 2 * secret.len + 8) &&
	          buf_room(&s->out, head.len + 2 * secret.len + 8) &&
	          buf_room(&s->answer, 2 * secret.len + 8) && buf_add_str(&line, head) &&
	          codec_base64(&line, secret) && codec_base64(&s->answer, secret);
	if (!ok) {
		struct fault f = FAULT_INIT;
		fault_set(&f, FAULT_RELAY, "user and password are too long to be sent");
		fault_cause(&f, CAUSE_NO_PASSWORD);
		smtp_drop(s, &f);
	} else {
		ok = smtp_command(s, VERB_AUTH, NO_RCPT, buf_str(&line), shown);
		s->wipe_until = s->written + smtp_output(s).len;
	}
	buf_wipe(&line);
	buf_release(&line);
	return ok;
}

static bool send_auth(struct smtp *s)
{
	const char *name = sasl_name(s->mechanism);
	struct buf initial;
	buf_init(&initial, SECRET_MAX / 2);
	struct buf text;
	buf_init(&text, SHOWN_MAX);
	/* At once, so that growing leaves no copies. */
	if (!buf_room(&initial, sasl_room(s->sasl, STR(""))))
		buf_clear(&initial);
	char head[SHOWN_MAX], shown[SHOWN_MAX];
	bool ok;
	if (!sasl_initial(s->sasl, &initial)) {
		ok = buf_addf(&text, "AUTH %s", name);
		ok = ok && smtp_command(s, VERB_AUTH, NO_RCPT, buf_str(&text), NULL);
	} else if (initial.len == 0) {
		/* An empty initial response is a "=" (RFC 4954 section 4). */
		ok = buf_addf(&text, "AUTH %s =", name);
		ok = ok && smtp_command(s, VERB_AUTH, NO_RCPT, buf_str(&text), NULL);
	} else {
		ok = buf_addf(&text, "AUTH %s ", name);
		memcpy(head, text.at, text.len);
		memcpy(shown, text.at, text.len);
		memcpy(shown + text.len, "****", sizeof("****"));
		ok = ok && send_secret(s, str_make(head, text.len), buf_str(&initial), shown);
	}
	buf_wipe(&initial);
	buf_release(&initial);
	buf_release(&text);
	return ok;
}

static enum smtp_want begin_auth(struct smtp *s, struct str password)
{
	const unsigned plus = 1u << SASL_SCRAM_SHA256_PLUS | 1u << SASL_SCRAM_SHA1_PLUS;
	struct sasl_setup setup = {
	    .mechanism = s->mechanism,
	    .user = s->setup.user,
	    .password = password,
	    .host = s->setup.host,
	    .port = s->setup.port,
	    .binding = s->binding.type ? &s->binding : NULL,
	    .server_plus = (s->ehlo.mechanisms & plus) != 0,
	};
	memcpy(setup.random, s->setup.random, sizeof(setup.random));
	s->sasl = sasl_new(&setup, &s->fault);
	if (!s->sasl) {
		fault_cause(&s->fault, CAUSE_NO_PASSWORD);
		return smtp_leave(s);
	}
	return send_auth(s) ? SMTP_READ : SMTP_OVER;
}

static enum smtp_want start_login(struct smtp *s)
{
	if (!s->setup.login)
		return SMTP_READY;
	if (!choose_mechanism(s)) {
		fault_cause(&s->fault, CAUSE_NO_LOGIN);
		return smtp_leave(s);
	}
	return sasl_needs_secret(s->mechanism) ? SMTP_SECRET : begin_auth(s, STR(""));
}

void smtp_secret(struct smtp *s, struct str password, const struct fault *f)
{
	if (s->want != SMTP_SECRET || smtp_out_of_step(s))
		return;
	if (!f || f->kind == FAULT_NONE) {
		s->want = begin_auth(s, password);
		return;
	}
	/* A password that cannot be had is about us: no mail may fail for it. */
	s->fault = *f;
	s->fault.kind = FAULT_RELAY;
	fault_cause(&s->fault, CAUSE_NO_PASSWORD);
	s->want = smtp_leave(s);
}

/* Ends the exchange; s->fault says why (RFC 4954 section 4). */
static enum smtp_want cancel(struct smtp *s)
{
	fault_cause(&s->fault, CAUSE_LOGIN_REFUSED);
	return smtp_command(s, VERB_CANCEL, NO_RCPT, STR("*"), NULL) ? SMTP_READ : SMTP_OVER;
}

enum smtp_want smtp_on_cancel(struct smtp *s, const struct command *c, const struct reply *r)
{
	(void)c;
	(void)r;
	return smtp_leave(s);
}

static enum smtp_want answer_challenge(struct smtp *s, struct str text)
{
	struct buf challenge;
	buf_init(&challenge, REPLY_BYTES_MAX);
	struct buf answer;
	buf_init(&answer, SECRET_MAX / 2);
	/* Servers have been seen to prompt for LOGIN in plain words; they are not looked at. */
	bool ok = codec_unbase64(&challenge, str_trim(text)) || s->mechanism == SASL_LOGIN;
	if (!ok)
		fault_set(&s->fault, FAULT_RELAY, "%s: the server's challenge is not base64",
		          sasl_name(s->mechanism));
	ok = ok && buf_room(&answer, sasl_room(s->sasl, buf_str(&challenge))) &&
	     sasl_step(s->sasl, buf_str(&challenge), &answer, &s->fault);
	ok = ok && send_secret(s, STR(""), buf_str(&answer), "****");
	buf_wipe(&answer);
	buf_release(&answer);
	buf_release(&challenge);
	if (s->want == SMTP_OVER)
		return SMTP_OVER;
	return ok ? SMTP_READ : cancel(s);
}

/* 504 is about the mechanism and not about the password (RFC 4954 section 4): is there
 * another that both sides have? */
static enum smtp_want other_mechanism(struct smtp *s, const struct reply *r)
{
	s->spurned |= 1u << s->mechanism;
	sasl_free(s->sasl);
	s->sasl = NULL;
	if (choose_mechanism(s))
		return sasl_needs_secret(s->mechanism) ? SMTP_SECRET : begin_auth(s, STR(""));
	s->fault = FAULT_INIT;
	return blame(s, AT_AUTH, r);
}

/* The server did not prove that it knows the password. */
static enum smtp_want failed_login(struct smtp *s)
{
	fault_cause(&s->fault, CAUSE_LOGIN_REFUSED);
	return smtp_leave(s);
}

enum smtp_want smtp_on_auth(struct smtp *s, const struct command *c, const struct reply *r)
{
	(void)c;
	if (r->code == 334)
		return answer_challenge(s, buf_str(&r->text));
	if (r->code == 504)
		return other_mechanism(s, r);
	enum smtp_want next;
	if (r->code != 235)
		next = blame(s, AT_AUTH, r);
	else if (!sasl_done(s->sasl, &s->fault))
		next = failed_login(s);
	else
		next = SMTP_READY;
	s->logged_in = next == SMTP_READY;
	sasl_free(s->sasl);
	s->sasl = NULL;
	return next;
}
