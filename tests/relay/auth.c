/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "session.h"

#include <gnutls/crypto.h>
#include <string.h>
#include <strings.h>

#include "scram.h"

enum { AUTH_LINE_MOST = 12288 };

/* How an exchange came out. OVER: the connection is gone. */
enum outcome { AUTH_OK, AUTH_WRONG, AUTH_CANCELLED, AUTH_SYNTAX, AUTH_OVER };

struct exchange {
	struct session *session;
	const char *mechanism;
	struct text initial; /* as it stood in the command */
	bool has_initial;
	struct text user; /* that the client gave */
};

static bool is_plus(const char *mechanism)
{
	size_t len = strlen(mechanism);
	return len > 5 && !strcmp(mechanism + len - 5, "-PLUS");
}

void auth_offer(const struct session *s, struct text *list)
{
	const struct options *o = s->options;
	const char *at = o->mechanisms;
	if (!o->user || s->authenticated || (!s->stream.tls && !o->clear_auth))
		return;
	while (*at) {
		size_t len = strcspn(at, " ,");
		struct text name = {0};
		text_add(&name, at, len);
		if (len && (s->stream.tls || !is_plus(name.data)))
			text_printf(list, " %s", name.data);
		text_free(&name);
		at += len;
		at += strspn(at, " ,");
	}
}

/* Decodes what the client sent: "=" is an empty initial response (RFC 4954 section 4). */
static enum outcome decode(struct exchange *x, const struct text *line, bool initial,
                           struct text *response)
{
	text_clear(response);
	text_str(response, "");
	if (initial && !strcmp(line->data, "="))
		return AUTH_OK;
	if (!initial && !strcmp(line->data, "*"))
		return AUTH_CANCELLED;
	if (text_unbase64(response, line->data, line->len))
		return AUTH_OK;
	session_violation(x->session, "AUTH: not base64");
	return AUTH_SYNTAX;
}

/* Sends a challenge and reads the response. */
static enum outcome ask(struct exchange *x, const void *challenge, size_t len,
                        struct text *response)
{
	struct text line = {0};
	enum outcome outcome = AUTH_OVER;
	text_str(&line, "334 ");
	text_base64(&line, challenge, len);
	text_str(&line, "\r\n");
	session_say(x->session, line.data, line.len);
	text_clear(&line);
	struct event e;
	if (session_line(x->session, AUTH_LINE_MOST, &line)) {
		session_event(x->session, &e, "response");
		event_bytes(&e, "line", line.data, line.len);
		event_end(&e);
		outcome = decode(x, &line, false, response);
	}
	text_free(&line);
	return outcome;
}

/* The client's first message, from the command or after an empty challenge. */
static enum outcome first(struct exchange *x, struct text *response)
{
	if (x->has_initial)
		return decode(x, &x->initial, true, response);
	return ask(x, "", 0, response);
}

static bool same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

static enum outcome plain(struct exchange *x)
{
	const struct options *o = x->session->options;
	struct text r = {0};
	enum outcome outcome = first(x, &r);
	const char *end = text_z(&r) + r.len, *user, *password;
	if (outcome == AUTH_OK) {
		user = memchr(text_z(&r), '\0', r.len);
		password = user ? memchr(user + 1, '\0', (size_t)(end - user - 1)) : NULL;
		outcome = AUTH_SYNTAX;
		if (password && strlen(password + 1) == (size_t)(end - password - 1)) {
			text_str(&x->user, user + 1);
			outcome = same(o->user, user + 1) && same(o->password, password + 1)
			              ? AUTH_OK
			              : AUTH_WRONG;
		}
	}
	text_free(&r);
	return outcome;
}

static enum outcome login(struct exchange *x)
{
	const struct options *o = x->session->options;
	struct text password = {0};
	enum outcome outcome = x->has_initial ? decode(x, &x->initial, true, &x->user)
	                                      : ask(x, "Username:", 9, &x->user);
	if (outcome == AUTH_OK)
		outcome = ask(x, "Password:", 9, &password);
	if (outcome == AUTH_OK)
		outcome = same(o->user, x->user.data) && same(o->password, password.data)
		              ? AUTH_OK
		              : AUTH_WRONG;
	text_free(&password);
	return outcome;
}

static enum outcome cram_md5(struct exchange *x)
{
	const struct options *o = x->session->options;
	struct text challenge = {0}, r = {0};
	unsigned char mac[16];
	char hex[33];
	size_t hex_len = sizeof hex;
	gnutls_datum_t digest = {mac, sizeof mac};

	unsigned char noise[8];
	gnutls_rnd(GNUTLS_RND_NONCE, noise, sizeof noise);
	text_printf(&challenge, "<%u.%02x%02x%02x%02x@%s>", x->session->conn, noise[0],
	            noise[1], noise[2], noise[3], o->name);
	enum outcome outcome =
	    x->has_initial ? AUTH_SYNTAX : ask(x, challenge.data, challenge.len, &r);
	if (outcome == AUTH_OK) {
		const char *space = strrchr(r.data, ' ');
		gnutls_hmac_fast(GNUTLS_MAC_MD5, o->password, strlen(o->password),
		                 challenge.data, challenge.len, mac);
		gnutls_hex_encode(&digest, hex, &hex_len);
		if (space)
			text_add(&x->user, r.data, (size_t)(space - r.data));
		outcome = !space ? AUTH_SYNTAX
		          : same(o->user, text_z(&x->user)) && same(hex, space + 1)
		              ? AUTH_OK
		              : AUTH_WRONG;
	}
	text_free(&challenge);
	text_free(&r);
	return outcome;
}

/* A client has no business going on after what the faults of the first message say. */
static void note_fault(struct exchange *x, const struct scram *scram)
{
	switch (scram->fault) {
	case SCRAM_NONCE:
	case SCRAM_I1:
	case SCRAM_IBIG:
	case SCRAM_EMPTY_SALT:
	case SCRAM_BAD_SALT:
	case SCRAM_LONG_SALT:
	case SCRAM_M_EXT:
		session_violation(x->session,
		                  "SCRAM: the client went on after a bad server-first");
		break;
	case SCRAM_HONEST:
	case SCRAM_BAD_V:
	case SCRAM_MISSING_V:
	case SCRAM_ERROR:
		break;
	}
}

static enum outcome scram_rest(struct exchange *x, struct scram *scram)
{
	struct session *s = x->session;
	struct text r = {0}, binding = {0}, reply = {0};
	const char *wrong = NULL;
	text_add(&x->user, scram->user_given.data, scram->user_given.len);
	enum outcome outcome = ask(x, scram->server_first.data, scram->server_first.len, &r);
	if (outcome == AUTH_OK) {
		note_fault(x, scram);
		if (scram->plus &&
		    !tls_binding(s->tls, &s->stream, scram->binding_name.data, &binding))
			wrong = "no such channel binding";
		if (!wrong)
			wrong = scram_final(scram, r.data, r.len, &binding, &reply);
		if (wrong) {
			session_violation(s, "SCRAM: %s", wrong);
			outcome = AUTH_WRONG;
		}
	}
	if (outcome == AUTH_OK && reply.len) {
		outcome = ask(x, reply.data, reply.len, &r);
		if (outcome == AUTH_OK && r.len)
			outcome = AUTH_SYNTAX;
		if (outcome == AUTH_OK && scram->fault != SCRAM_HONEST)
			session_violation(s, "SCRAM: the client took a bad server-final");
	}
	text_free(&r);
	text_free(&binding);
	text_free(&reply);
	return outcome;
}

static enum outcome scram_login(struct exchange *x)
{
	struct session *s = x->session;
	struct scram scram = {.sha256 = strstr(x->mechanism, "256") != NULL,
	                      .plus = is_plus(x->mechanism),
	                      .user = s->options->user,
	                      .password = s->options->scram_password,
	                      .iterations = s->options->iterations,
	                      .fault = s->options->scram_fault};
	struct text offered = {0}, r = {0};
	enum outcome outcome = first(x, &r);
	/* "-PLUS " of the same hash; the list was sent in upper case or as the script has it. */
	text_printf(&offered, " SCRAM-SHA-%s-PLUS ", scram.sha256 ? "256" : "1");
	scram.plus_offered = strcasestr(text_z(&s->mechanisms), offered.data) != NULL;
	const char *wrong;
	if (outcome == AUTH_OK) {
		wrong = scram_first(&scram, r.data, r.len);
		if (wrong) {
			session_violation(s, "SCRAM: %s", wrong);
			outcome = AUTH_WRONG;
		} else {
			outcome = scram_rest(x, &scram);
		}
	}
	text_free(&offered);
	text_free(&r);
	scram_free(&scram);
	return outcome;
}

static enum outcome external(struct exchange *x)
{
	struct session *s = x->session;
	enum outcome outcome = first(x, &x->user);
	if (outcome != AUTH_OK)
		return outcome;
	if (x->user.len && !same(s->options->user, x->user.data))
		return AUTH_WRONG;
	return s->tls_result.client_trusted ? AUTH_OK : AUTH_WRONG;
}

/* XOAUTH2 and OAUTHBEARER (RFC 7628): the whole message has one right form but for host and
 * port. After a refusal the client answers the error once more. */
static enum outcome bearer(struct exchange *x, bool xoauth2)
{
	static const char error[] = "{\"status\":\"invalid_token\",\"scope\":\"mail\"}";
	const struct options *o = x->session->options;
	struct text due = {0}, auth = {0}, r = {0};
	enum outcome outcome = first(x, &r);
	bool ok;
	if (outcome != AUTH_OK)
		goto out;
	text_printf(&auth, "\001auth=Bearer %s\001\001", o->password);
	text_printf(&due, xoauth2 ? "user=%s" : "n,a=%s,", o->user);
	ok = r.len >= due.len + auth.len && !memcmp(r.data, due.data, due.len) &&
	     !memcmp(r.data + r.len - auth.len, auth.data, auth.len) &&
	     (!xoauth2 || r.len == due.len + auth.len);
	text_str(&x->user, o->user);
	if (ok)
		goto out;
	outcome = ask(x, error, sizeof error - 1, &r);
	if (outcome == AUTH_OK && strcmp(text_z(&r), xoauth2 ? "" : "\001") != 0)
		session_violation(x->session, "%s: wrong answer to the error", x->mechanism);
	if (outcome == AUTH_OK)
		outcome = AUTH_WRONG;
out:
	text_free(&due);
	text_free(&auth);
	text_free(&r);
	return outcome;
}

static enum outcome run(struct exchange *x)
{
	const char *m = x->mechanism;
	if (!strcmp(m, "PLAIN"))
		return plain(x);
	if (!strcmp(m, "LOGIN"))
		return login(x);
	if (!strcmp(m, "CRAM-MD5"))
		return cram_md5(x);
	if (!strncmp(m, "SCRAM-SHA-", 10))
		return scram_login(x);
	if (!strcmp(m, "EXTERNAL"))
		return external(x);
	return bearer(x, !strcmp(m, "XOAUTH2"));
}

static bool conclude(struct exchange *x, enum outcome outcome)
{
	static const char *const replies[] = {
	    [AUTH_OK] = "235 2.7.0 accepted\r\n",
	    [AUTH_WRONG] = "535 5.7.8 authentication credentials invalid\r\n",
	    [AUTH_CANCELLED] = "501 5.7.0 cancelled\r\n",
	    [AUTH_SYNTAX] = "501 5.5.2 cannot decode the response\r\n",
	};
	struct session *s = x->session;
	if (outcome == AUTH_OVER)
		return false;
	struct plan plan;
	plan_make(s, ON_LOGIN, replies[outcome], &plan);
	s->authenticated = plan.code == 235;
	struct event e;
	session_event(s, &e, "auth");
	event_string(&e, "mechanism", x->mechanism);
	event_bytes(&e, "user", text_z(&x->user), x->user.len);
	event_flag(&e, "ok", outcome == AUTH_OK);
	event_number(&e, "code", plan.code);
	event_flag(&e, "tls", s->stream.tls != NULL);
	event_end(&e);
	return plan_play(s, &plan);
}

/* A rule for AUTH takes the place of the exchange. */
static bool by_rule(struct exchange *x, struct plan *plan)
{
	struct text ignored = {0};
	struct session *s = x->session;
	s->authenticated = plan->code == 235;
	if (plan->code != 334)
		return plan_play(s, plan);
	bool go_on = plan_play(s, plan) && session_line(s, AUTH_LINE_MOST, &ignored) &&
	             conclude(x, AUTH_WRONG);
	text_free(&ignored);
	return go_on;
}

static const char *refusal(struct session *s, const char *mechanism)
{
	struct text name = {0};
	const char *reply = NULL;
	text_printf(&name, " %s ", mechanism);
	if (s->authenticated)
		reply = "503 5.5.1 already logged in\r\n";
	else if (!s->greeted || s->mail.open)
		reply = "503 5.5.1 not now\r\n";
	else if (!s->offered[EXT_AUTH])
		reply = "502 5.5.1 AUTH is not offered\r\n";
	else if (!*mechanism)
		reply = "501 5.5.4 a mechanism is due\r\n";
	else if (!strcasestr(text_z(&s->mechanisms), name.data))
		reply = "504 5.5.4 mechanism not offered\r\n";
	text_free(&name);
	if (reply)
		session_violation(s, "AUTH: %.*s", (int)strcspn(reply + 10, "\r"), reply + 10);
	return reply;
}

bool auth_command(struct session *s, const char *args, size_t len)
{
	struct exchange x = {.session = s};
	struct text mechanism = {0};
	size_t name = strcspn(args, " ");
	(void)len;
	text_str(&mechanism, "");
	for (size_t i = 0; i < name; i++)
		text_char(&mechanism,
		          (char)(args[i] >= 'a' && args[i] <= 'z' ? args[i] - 32 : args[i]));
	x.mechanism = mechanism.data;
	x.has_initial = args[name] == ' ';
	text_str(&x.initial, args[name] ? args + name + 1 : "");
	const char *reply = refusal(s, mechanism.data);
	if (x.has_initial && !x.initial.len && !reply) {
		reply = "501 5.5.2 empty initial response\r\n";
		session_violation(s, "AUTH: empty initial response");
	}
	struct plan plan;
	plan_make(s, ON_AUTH, reply ? reply : "", &plan);
	session_alone(s, "AUTH");
	bool go_on;
	if (plan.steps)
		go_on = by_rule(&x, &plan);
	else if (reply)
		go_on = plan_play(s, &plan);
	else
		go_on = conclude(&x, run(&x));
	text_free(&plan.reply);
	text_free(&mechanism);
	text_free(&x.initial);
	text_free(&x.user);
	return go_on;
}
