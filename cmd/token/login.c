/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/token/login.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmd/token/redirect.h"
#include "oauth/request.h"
#include "os/clock.h"
#include "os/random.h"
#include "os/wait.h"
#include "text/codec.h"

#define FORM_MAX     65536
#define LINE_MAX     8192
#define TEXT_MAX     1024
#define CODE_MAX     256
#define SHOWN_MAX    64 /* of a code that a person types */
#define URL_MAX      1024
#define PERSON_MS    900000 /* at most, whatever the provider says */
#define ASK_MS       30000
#define INTERVAL     5 /* seconds (RFC 8628 section 3.2) */
#define INTERVAL_MAX 60
#define DIGEST_LEN   32

/* Only what is one word in our text: nothing of theirs becomes a sentence of ours. */
static bool is_shown(const char *text, size_t most)
{
	return text && strlen(text) <= most && kept_is_access(str_of(text));
}

static bool show_code(const struct job *j, const struct answer *a, struct fault *f)
{
	char text[TEXT_MAX];
	const char *code = answer_text(a, "user_code"),
	           *url = answer_text(a, "verification_uri");
	/* The name that Google had for it before there was a standard. */
	url = url ? url : answer_text(a, "verification_url");
	if (!is_shown(code, SHOWN_MAX) || !is_shown(url, URL_MAX / 2) ||
	    !str_starts(str_of(url), STR("https://")) || !answer_text(a, "device_code"))
		return fault_set(f, FAULT_TEMP, "the provider's answer is not understood");
	snprintf(text, sizeof(text), "Open %s in any browser and enter the code %s", url, code);
	return job_say(j, SAID_TEXT, text) ||
	       fault_set(f, FAULT_TEMP, "nobody is there any more");
}

/* Waits for so many seconds, unless the person goes. */
static bool still_there(const struct job *j, int64_t seconds)
{
	int64_t until = clock_sooner(clock_deadline(seconds * 1000), j->deadline);
	return wait_until(j->peer, POLLIN, until) == ETIMEDOUT;
}

enum polled { POLL_DONE, POLL_FAILED, POLL_AGAIN, POLL_SLOWER };

/* RFC 8628 section 3.5. */
static enum polled poll_once(struct job *j, const char *device_code, int64_t *later,
                             struct fault *f)
{
	struct buf form;
	struct provider_said said = {.status = 0};
	enum polled how = POLL_FAILED;
	struct answer *a = NULL;
	buf_init(&form, FORM_MAX);
	bool ok =
	    buf_room(&form, FORM_MAX) &&
	    request_add(&form, "grant_type", "urn:ietf:params:oauth:grant-type:device_code") &&
	    request_add(&form, "device_code", device_code);
	j->provider.http.deadline = clock_sooner(clock_deadline(ASK_MS), j->deadline);
	if (ok)
		a = provider_ask(&j->provider, j->provider.token, &form, &said, f);
	if (!a)
		/* The network may be back the next time. */
		how = POLL_SLOWER;
	else if (said.good)
		how = job_take(j, a, f) ? POLL_DONE : POLL_FAILED;
	else if (strcmp(job_error(a), "authorization_pending") == 0)
		how = POLL_AGAIN;
	else if (strcmp(job_error(a), "slow_down") == 0 || said.status == 429 ||
	         said.status >= 500)
		how = POLL_SLOWER;
	else
		job_blame(a, said.status, f);
	*later = said.later;
	answer_free(a);
	buf_wipe(&form);
	buf_release(&form);
	return how;
}

static bool poll_for_it(struct job *j, const struct answer *a, struct fault *f)
{
	const char *code = answer_text(a, "device_code");
	int64_t given = answer_number(a, "interval"), life = answer_number(a, "expires_in");
	int64_t interval = given > 0 && given < INTERVAL_MAX ? given : INTERVAL;
	int64_t most = PERSON_MS / 1000, later = 0;
	j->deadline = clock_deadline((life > 0 && life < most ? life : most) * 1000);
	while (clock_left_ms(j->deadline) > 0) {
		if (!still_there(j, later > interval ? later : interval))
			return fault_set(f, FAULT_TEMP, "nobody is there any more");
		struct fault now = FAULT_INIT;
		enum polled how = poll_once(j, code, &later, &now);
		if (how == POLL_DONE || how == POLL_FAILED) {
			*f = now;
			return how == POLL_DONE;
		}
		interval += how == POLL_SLOWER && interval < INTERVAL_MAX ? INTERVAL : 0;
	}
	return fault_set(f, FAULT_TEMP, "the code was not entered in time");
}

static bool by_device(struct job *j, struct fault *f)
{
	struct buf form;
	struct provider_said said = {.status = 0};
	if (!j->provider.device)
		return fault_set(f, FAULT_CONFIG, "this provider has no grant = device");
	buf_init(&form, FORM_MAX);
	struct answer *a = NULL;
	if (buf_room(&form, FORM_MAX) && request_add(&form, "scope", j->provider.scope))
		a = provider_ask(&j->provider, j->provider.device, &form, &said, f);
	bool ok = a && (said.good || job_blame(a, said.status, f)) && show_code(j, a, f) &&
	          poll_for_it(j, a, f);
	answer_free(a);
	buf_wipe(&form);
	buf_release(&form);
	return ok;
}

/* One line of the person's. */
static bool read_line(const struct job *j, struct buf *line, struct fault *f)
{
	char c = '\0';
	while (wait_byte(j->peer, &c, j->deadline)) {
		if (c == '\n')
			return true;
		if (!buf_add_char(line, c))
			break;
	}
	return fault_set(f, FAULT_TEMP, "no address was pasted");
}

static bool add_random(struct buf *out)
{
	unsigned char random[DIGEST_LEN];
	random_fill(random, sizeof(random));
	bool ok = request_base64url(out, str_make((const char *)random, sizeof(random)));
	codec_wipe(random, sizeof(random));
	return ok;
}

static bool ask_browser(struct job *j, const char *state, struct str verifier, bool listens,
                        struct fault *f)
{
	unsigned char digest[DIGEST_LEN];
	struct buf query, challenge;
	buf_init(&query, LINE_MAX);
	buf_init(&challenge, CODE_MAX);
	bool ok =
	    gnutls_hash_fast(GNUTLS_DIG_SHA256, verifier.at, verifier.len, digest) == 0 &&
	    request_base64url(&challenge, str_make((const char *)digest, sizeof(digest))) &&
	    request_add(&query, "response_type", "code") &&
	    request_add(&query, "client_id", j->order->texts[TEXT_CLIENT]) &&
	    request_add(&query, "redirect_uri", REDIRECT) &&
	    request_add(&query, "scope", j->provider.scope) &&
	    request_add(&query, "state", state) &&
	    request_add(&query, "login_hint", j->order->texts[TEXT_USER]) &&
	    request_add(&query, "code_challenge", buf_cstr(&challenge)) &&
	    request_add(&query, "code_challenge_method", "S256") &&
	    /* Google gives a refresh token only when asked so. */
	    request_add(&query, "access_type", "offline") &&
	    request_add(&query, "prompt", "consent");
	char *text = mem_printf("%s?%s", j->provider.authorize, ok ? buf_cstr(&query) : "");
	ok = ok && job_say(j, SAID_TEXT, "Open this in a browser and log in:") &&
	     job_say(j, SAID_TEXT, text) &&
	     job_say(j, listens ? SAID_OFFER : SAID_ASK,
	             listens ? "That is all if the browser is on this machine. One elsewhere "
	                       "finds nothing at " REDIRECT
	                       " at the end: paste the whole address that it shows then:"
	                     : "At the end the browser does not find us at " REDIRECT
	                       ", which is taken here: paste the whole address that it "
	                       "shows then:");
	free(text);
	buf_release(&query);
	buf_release(&challenge);
	return ok || fault_set(f, FAULT_TEMP, "nobody is there any more");
}

/* The state proves that this is the answer to our question (RFC 6749 section 10.12); of
 * another one nothing is believed. */
static bool is_answer(struct str url, const char *state)
{
	struct buf text;
	buf_init(&text, LINE_MAX);
	bool same = request_find(&text, url, "state") &&
	            codec_same_secret(buf_str(&text), str_of(state));
	buf_release(&text);
	return same;
}

/* The code of another provider is not carried to ours: it may have sent the browser there, to
 * get that (RFC 9207). Many do not say who they are. */
static bool is_from(const struct job *j, struct str url)
{
	const char *issuer = j->order->texts[TEXT_PROVIDER];
	struct buf text;
	buf_init(&text, LINE_MAX);
	bool same = !request_is_url(str_of(issuer)) || !request_find(&text, url, "iss") ||
	            str_eq(buf_str(&text), str_of(issuer));
	buf_release(&text);
	return same;
}

static bool take_code(const struct job *j, struct str url, struct buf *code, struct fault *f)
{
	struct buf text;
	if (!is_from(j, url))
		return fault_set(f, FAULT_TEMP,
		                 "the browser comes from another provider than %s",
		                 j->order->texts[TEXT_PROVIDER]);
	buf_init(&text, LINE_MAX);
	bool refused = request_find(&text, url, "error");
	if (refused)
		fault_set(f, FAULT_TEMP, "the provider refuses: %.*s",
		          STR_FMT(str_first(buf_str(&text), CODE_MAX / 2)));
	buf_release(&text);
	return !refused && (request_find(code, url, "code") ||
	                    fault_set(f, FAULT_DATA, "there is no code in this address"));
}

/* The address at which the browser ended: it came here, or the person has pasted it. */
static bool await_address(const struct job *j, int listener, const char *state,
                          struct buf *line, struct fault *f)
{
	for (;;) {
		struct pollfd fds[] = {{.fd = j->peer, .events = POLLIN},
		                       {.fd = listener, .events = POLLIN}};
		int left = clock_left_ms(j->deadline);
		if (left == 0 || wait_open(fds, COUNT(fds), left) < 0)
			return fault_set(f, FAULT_TEMP, "nobody has logged in in time");
		if (fds[0].revents) {
			buf_clear(line);
			return read_line(j, line, f) &&
			       (is_answer(str_trim(buf_str(line)), state) ||
			        fault_set(f, FAULT_DATA,
			                  "this is not the address that this log-in ends at"));
		}
		/* Anybody on this machine can come; who knows not the state came in vain. */
		buf_clear(line);
		if (fds[1].revents && redirect_take(listener, line) &&
		    is_answer(buf_str(line), state))
			return true;
	}
}

static bool redeem_code(struct job *j, const char *code, const char *verifier, struct fault *f)
{
	struct buf form;
	buf_init(&form, FORM_MAX);
	bool ok = buf_room(&form, FORM_MAX) &&
	          request_add(&form, "grant_type", "authorization_code") &&
	          request_add(&form, "code", code) &&
	          request_add(&form, "redirect_uri", REDIRECT) &&
	          request_add(&form, "code_verifier", verifier);
	j->provider.http.deadline = clock_sooner(clock_deadline(ASK_MS), j->deadline);
	struct provider_said said = {.status = 0};
	struct answer *a = NULL;
	if (ok)
		a = provider_ask(&j->provider, j->provider.token, &form, &said, f);
	ok = a && (said.good ? job_take(j, a, f) : job_blame(a, said.status, f));
	answer_free(a);
	buf_wipe(&form);
	buf_release(&form);
	return ok;
}

static bool by_code(struct job *j, struct fault *f)
{
	struct buf state, verifier, line, code;
	if (!j->provider.authorize)
		return fault_set(f, FAULT_CONFIG, "this provider has no grant = code");
	buf_init(&state, CODE_MAX);
	buf_init(&verifier, CODE_MAX);
	buf_init(&line, LINE_MAX);
	buf_init(&code, LINE_MAX);
	j->deadline = clock_deadline(PERSON_MS);
	int listener = redirect_listen();
	bool ok = add_random(&state) && add_random(&verifier) && buf_room(&line, LINE_MAX) &&
	          buf_room(&code, LINE_MAX) &&
	          ask_browser(j, buf_cstr(&state), buf_str(&verifier), listener >= 0, f) &&
	          await_address(j, listener, buf_cstr(&state), &line, f) &&
	          take_code(j, str_trim(buf_str(&line)), &code, f) &&
	          redeem_code(j, buf_cstr(&code), buf_cstr(&verifier), f);
	if (listener >= 0)
		close(listener);
	buf_wipe(&verifier);
	buf_wipe(&line);
	buf_wipe(&code);
	buf_release(&state);
	buf_release(&verifier);
	buf_release(&line);
	buf_release(&code);
	return ok;
}

bool login_person(struct job *j, struct fault *f)
{
	enum order_grant grant = order_grant(j->order);
	if (grant != GRANT_DEVICE && grant != GRANT_CODE) {
		/* Nobody is needed; that it works is seen by getting one anew. */
		return job_lock(j, f) && store_forget(&j->store, f) && job_get(j, f);
	}
	if (!job_open(j, f))
		return false;
	/* Of the login before, which may be another person's, nothing goes on in this one. */
	kept_set(&j->kept, KEPT_REFRESH, NULL);
	bool ok = grant == GRANT_DEVICE ? by_device(j, f) : by_code(j, f);
	if (ok && !j->kept.texts[KEPT_REFRESH])
		job_say(j, SAID_TEXT,
		        "The provider gave no refresh token: this lasts until the access token "
		        "expires (scope offline_access?)");
	return ok;
}
