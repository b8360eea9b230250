/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/token/job.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmd/token/assertion.h"
#include "oauth/request.h"
#include "os/clock.h"
#include "text/codec.h"

#define GET_MS    40000
#define ASK_MS    20000 /* for one request: there may be a second */
#define FORM_MAX  65536
#define ERROR_MAX 64
#define WORD_MAX  32
#define WORDS_MAX 120 /* of a provider, in a text of ours */

bool job_begin(struct job *j, const struct order *o, int dir, int peer, struct fault *f)
{
	*j = (struct job){.order = o, .deadline = clock_deadline(GET_MS), .peer = peer};
	/* A token got for something else is another one. */
	char *provider =
	    mem_printf("%s %s %s %s", o->texts[TEXT_PROVIDER], o->texts[TEXT_GRANT],
	               o->texts[TEXT_TENANT], o->texts[TEXT_SCOPE]);
	const char *const identity[KEPT_IDENTITY] = {
	    o->texts[TEXT_RELAY], provider, o->texts[TEXT_CLIENT], o->texts[TEXT_USER]};
	kept_init(&j->kept, identity);
	free(provider);
	return store_open(&j->store, dir, o->texts[TEXT_RELAY], f);
}

void job_end(struct job *j)
{
	store_close(&j->store);
	kept_release(&j->kept);
	provider_release(&j->provider);
}

static bool send_all(const struct job *j, struct str rest)
{
	bool ok = true;
	while (ok && rest.len > 0) {
		ssize_t n = send(j->peer, rest.at, rest.len, MSG_NOSIGNAL);
		ok = n > 0 || errno == EINTR;
		rest = str_from(rest, n > 0 ? (size_t)n : 0);
	}
	return ok;
}

bool job_say(const struct job *j, enum order_said kind, const char *text)
{
	struct buf line;
	buf_init(&line, KEPT_TOKEN_MAX + 2);
	bool ok = buf_room(&line, KEPT_TOKEN_MAX + 2) &&
	          buf_addf(&line, "%c%s\n", kind, text) && send_all(j, buf_str(&line));
	buf_wipe(&line);
	buf_release(&line);
	return ok;
}

bool job_say_over(const struct job *j, int64_t since, const char *why)
{
	struct buf line;
	buf_init(&line, FAULT_TEXT_MAX + 32);
	bool ok = buf_addf(&line, "%c%lld", SAID_OVER, (long long)since) &&
	          buf_add_char(&line, '\0') && buf_addf(&line, "%s\n", why) &&
	          send_all(j, buf_str(&line));
	buf_release(&line);
	return ok;
}

/* RFC 6749 section 5.2: letters and underscores, in all that are known. */
const char *job_error(const struct answer *a)
{
	const char *error = answer_text(a, "error");
	if (!error || strlen(error) > ERROR_MAX || !kept_is_access(str_of(error)))
		return "";
	return error;
}

/* A refused person logs in again; of all else the administrator, or time, has to take care. */
static bool blame_login(const struct job *j, const char *why, struct fault *f)
{
	const char *relay = j->order->texts[TEXT_RELAY];
	return fault_set(f, FAULT_RELAY, "%s; log in again: sendmail --login %s", why, relay);
}

/* What sends our own secret back does not get it into a log: no word is so long. */
static bool is_prose(const char *words)
{
	size_t word = 0;
	for (; *words && word < WORD_MAX; words++)
		word = *words == ' ' ? 0 : word + 1;
	return word < WORD_MAX;
}

bool job_blame(const struct answer *a, long status, struct fault *f)
{
	const char *error = job_error(a), *words = answer_text(a, "error_description");
	if (!words || !is_prose(words))
		words = "";
	return fault_set(f, FAULT_TEMP, "the provider refuses (%ld%s%s)%s%.*s", status,
	                 error[0] ? " " : "", error, words[0] ? ": " : "",
	                 STR_FMT(str_first(str_of(words), WORDS_MAX)));
}

/* What was answered to a request of that time. */
static bool take(struct job *j, const struct answer *a, int64_t when, struct fault *f)
{
	const char *access = answer_text(a, "access_token"),
	           *type = answer_text(a, "token_type");
	const char *refresh = answer_text(a, "refresh_token");
	if (!access || !kept_is_access(str_of(access)) ||
	    (type && strcasecmp(type, "Bearer") != 0))
		return fault_set(f, FAULT_TEMP,
		                 "the provider's answer has no token that can be "
		                 "used");
	/* One that is sent takes the place of the old one (RFC 6749 section 6). */
	if (refresh && kept_is_token(str_of(refresh)))
		kept_set(&j->kept, KEPT_REFRESH, refresh);
	kept_renew(&j->kept, access, answer_number(a, "expires_in"), when);
	return true;
}

bool job_take(struct job *j, const struct answer *a, struct fault *f)
{
	return take(j, a, clock_wall(), f) && store_save(&j->store, &j->kept, f);
}

static bool is_persons(const struct job *j)
{
	enum order_grant grant = order_grant(j->order);
	return grant == GRANT_DEVICE || grant == GRANT_CODE;
}

/* Best effort: the file may have no room. */
static void save_times(const struct job *j)
{
	struct fault unsaved = FAULT_INIT;
	store_save(&j->store, &j->kept, &unsaved);
}

/* For as long as it says. What it answers to each message would be the same. */
static void leave_alone(struct job *j, int64_t seconds)
{
	kept_put_off(&j->kept, seconds, clock_wall());
	save_times(j);
}

static bool judge(struct job *j, const struct answer *a, const struct provider_said *said,
                  struct fault *f)
{
	int64_t now = clock_wall();
	if (said->good && take(j, a, now, f))
		return store_save(&j->store, &j->kept, f);
	if (!said->good)
		job_blame(a, said->status, f);
	if (is_persons(j) && said->status < 429 && strcmp(job_error(a), "invalid_grant") == 0) {
		char why[FAULT_TEXT_MAX];
		codec_one_line(why, sizeof(why) - 80, str_of(f->text));
		j->kept.times[KEPT_REFUSED] = now;
		blame_login(j, why, f);
		save_times(j);
	} else {
		leave_alone(j, said->later);
	}
	return false;
}

/* The answer to one that was ended before a login came of it. */
static bool catch_up(struct job *j, struct fault *f)
{
	struct fault unfit = FAULT_INIT;
	struct buf body;
	int64_t when = 0;
	bool ok = true;
	buf_init(&body, STORE_ANSWER_MAX);
	if (store_answer(&j->store, &j->kept, &body, &when, f)) {
		struct answer *a = answer_read(buf_str(&body));
		/* Half of one is nothing. */
		if (a && take(j, a, when, &unfit))
			ok = store_save(&j->store, &j->kept, f);
		/* Left there it would be taken once more, in place of what came later. */
		ok = ok && store_answered(&j->store, f);
		answer_free(a);
	}
	buf_wipe(&body);
	buf_release(&body);
	return ok && f->kind == FAULT_NONE;
}

bool job_lock(struct job *j, struct fault *f)
{
	return store_lock(&j->store, &j->kept, j->deadline, f) && catch_up(j, f);
}

bool job_open(struct job *j, struct fault *f)
{
	return job_lock(j, f) && provider_find(&j->provider, j->order, j->deadline, f);
}

static bool fill(struct job *j, struct buf *form, struct fault *f)
{
	switch (order_grant(j->order)) {
	case GRANT_DEVICE:
	case GRANT_CODE:
		return request_add(form, "grant_type", "refresh_token") &&
		       request_add(form, "refresh_token", j->kept.texts[KEPT_REFRESH]);
	case GRANT_CLIENT:
		return request_add(form, "grant_type", "client_credentials") &&
		       request_add(form, "scope", j->provider.scope);
	case GRANT_SERVICE:
		return request_add(form, "grant_type",
		                   "urn:ietf:params:oauth:grant-type:jwt-bearer") &&
		       assertion_add(form, &j->provider, clock_wall(), f);
	case GRANT_UNSET:
		break;
	}
	return false;
}

/* Is the provider to be asked at all? */
static bool may_ask(struct job *j, struct fault *f)
{
	if (j->kept.times[KEPT_REFUSED])
		return blame_login(j, "the provider has refused the login", f);
	j->nobody = is_persons(j) && !j->kept.texts[KEPT_REFRESH];
	if (j->nobody)
		return fault_set(f, FAULT_RELAY,
		                 "nobody has logged in; run: sendmail --login %s",
		                 j->order->texts[TEXT_RELAY]);
	if (kept_waits(&j->kept, clock_wall()))
		return fault_set(f, FAULT_TEMP,
		                 "the provider wants to be left alone for another "
		                 "%lld s",
		                 (long long)(j->kept.times[KEPT_LATER] - clock_wall()));
	return true;
}

/* One request for a token. */
static bool redeem(struct job *j, struct buf *form, struct provider_said *said, struct fault *f)
{
	struct http *h = &j->provider.http;
	struct answer *a = NULL;
	buf_clear(form);
	if (!fill(j, form, f))
		return f->kind == FAULT_NONE &&
		       fault_set(f, FAULT_DATA, "the request is too long");
	h->deadline = clock_sooner(clock_deadline(ASK_MS), j->deadline);
	if (!is_persons(j) ||
	    store_expect(&j->store, &j->kept, clock_wall(), &h->record, &h->record_at, f))
		a = provider_ask(&j->provider, j->provider.token, form, said, f);
	if (h->record >= 0)
		close(h->record);
	h->record = -1;
	bool ok = a && judge(j, a, said, f);
	if (!a && said->status != 0 && !said->lost)
		leave_alone(j, said->later);
	/* What is good and could not be saved is taken by whoever has the lock next. */
	struct fault ignored = FAULT_INIT;
	if (ok || (a && !said->good))
		store_answered(&j->store, &ignored);
	answer_free(a);
	return ok;
}

static bool renew(struct job *j, struct fault *f)
{
	sigset_t all, before;
	struct buf form;
	struct provider_said said = {.status = 0};
	sigfillset(&all);
	buf_init(&form, FORM_MAX);
	bool ok = buf_room(&form, FORM_MAX);
	sigprocmask(SIG_BLOCK, &all, &before);
	ok = ok && redeem(j, &form, &said, f);
	if (!ok && said.lost && is_persons(j)) {
		*f = FAULT_INIT;
		ok = redeem(j, &form, &said, f);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	buf_wipe(&form);
	buf_release(&form);
	return ok;
}

static bool will_do(const struct job *j)
{
	return kept_good(&j->kept, clock_wall()) &&
	       !(j->spurned && order_sum(str_of(j->kept.texts[KEPT_ACCESS])) == j->spurned_sum);
}

bool job_get(struct job *j, struct fault *f)
{
	if (!store_load(&j->store, &j->kept, f))
		return false;
	if (will_do(j))
		return true;
	/* Another may have renewed it while we waited for the lock. */
	if (!job_lock(j, f))
		return false;
	if (will_do(j))
		return true;
	bool early = kept_good(&j->kept, clock_wall());
	if (early && !kept_early(&j->kept, clock_wall()))
		return fault_set(f, FAULT_TEMP,
		                 "it was renewed for that reason "
		                 "within the hour");
	if (!may_ask(j, f))
		return false;
	if (!provider_find(&j->provider, j->order, j->deadline, f)) {
		if (j->provider.answered)
			leave_alone(j, 0);
		return false;
	}
	if (early)
		j->kept.times[KEPT_EARLY] = clock_wall();
	return renew(j, f);
}

bool job_is_over(const struct job *j, int64_t *since)
{
	const int64_t *times = j->kept.times;
	*since = times[KEPT_TOLD] ? 0 : times[KEPT_REFUSED];
	return times[KEPT_REFUSED] || j->nobody;
}

bool job_told(struct job *j, struct fault *f)
{
	if (!job_lock(j, f))
		return false;
	if (!j->kept.times[KEPT_REFUSED] || j->kept.times[KEPT_TOLD])
		return true;
	j->kept.times[KEPT_TOLD] = clock_wall();
	return store_save(&j->store, &j->kept, f);
}

/* RFC 7009: with the refresh token goes all that came of it. */
bool job_logout(struct job *j, struct fault *f)
{
	struct fault revoked = FAULT_INIT;
	struct buf form;
	if (!job_lock(j, f))
		return false;
	const char *refresh = j->kept.texts[KEPT_REFRESH], *access = j->kept.texts[KEPT_ACCESS];
	struct provider_said said = {.status = 0};
	buf_init(&form, FORM_MAX);
	if (!buf_room(&form, FORM_MAX) || (!refresh && !access)) {
		job_say(j, SAID_TEXT, "there was no login");
	} else if (provider_find(&j->provider, j->order, j->deadline, &revoked) &&
	           j->provider.revoke) {
		bool ok = request_add(&form, "token", refresh ? refresh : access) &&
		          request_add(&form, "token_type_hint",
		                      refresh ? "refresh_token" : "access_token");
		struct answer *a =
		    ok ? provider_ask(&j->provider, j->provider.revoke, &form, &said, &revoked)
		       : NULL;
		answer_free(a);
		job_say(j, SAID_TEXT,
		        said.status == 200
		            ? "revoked at the provider"
		            : "the provider could not be told; revoke it there by hand");
	} else {
		job_say(j, SAID_TEXT,
		        "this provider revokes by hand only; see your account there");
	}
	buf_wipe(&form);
	buf_release(&form);
	return store_forget(&j->store, f);
}
