/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/session_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/clock.h"
#include "os/random.h"
#include "conf/secret.h"
#include "hold/state_file.h"
#include "net/conn.h"
#include "net/dial.h"
#include "net/tls.h"
#include "transport/tokens.h"

#define REPLY_READ   4096 /* more would only spread the stack over more pages */
#define BEARERS      (1u << SASL_XOAUTH2 | 1u << SASL_OAUTHBEARER)
#define QUIT_WAIT_MS 1000
/* Who closes does so at once; who goes on may look through the message before that. */
#define LEAVE_WAIT_MS 10000

static int64_t shorter(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t reply_wait_ms(const struct session *s)
{
	int64_t wait = s->target.relay->timeout_ms;
	return s->env->checks ? shorter(wait, SESSION_CHECK_MS) : wait;
}

/* Minutes are for a server that is slow to greet (RFC 5321 section 4.5.3.2.1). On the
 * port where TLS comes first none greets in clear: it waits for us, as we for it, and
 * each try would take minutes to come to nothing. */
static int64_t greeting_wait_ms(const struct session *s)
{
	const struct settings_relay *r = s->target.relay;
	bool mute = s->target.port == SETTINGS_PORT_TLS && r->security != SECURITY_TLS;
	return mute || s->env->checks ? shorter(r->timeout_ms, SESSION_SILENT_MS)
	                              : r->timeout_ms;
}

static int64_t phase_wait_ms(const struct session *s)
{
	switch (smtp_phase(s->smtp)) {
	case PHASE_DOT:
		return s->target.relay->dot_timeout_ms;
	case PHASE_LEAVE:
		return shorter(reply_wait_ms(s), LEAVE_WAIT_MS);
	case PHASE_QUIT:
		return QUIT_WAIT_MS;
	case PHASE_GREETING:
		return greeting_wait_ms(s);
	case PHASE_COMMAND:
	case PHASE_DATA:
		break;
	}
	return reply_wait_ms(s);
}

/* A server may refuse in the middle of the message and stop reading; its
 * reason is then waiting to be read. */
static void hear_last_words(struct session *s)
{
	char bytes[4096];
	size_t got;
	struct fault f = FAULT_INIT;
	int64_t deadline = clock_deadline(LAST_WORDS_MS);
	while (smtp_want(s->smtp) != SMTP_OVER &&
	       conn_read(s->conn, bytes, sizeof(bytes), &got, deadline, &f) && got > 0)
		smtp_feed(s->smtp, str_make(bytes, got));
}

/* The budget is used up, with the last wait of so many milliseconds. */
static void too_slow(struct session *s, int64_t last)
{
	struct fault f = FAULT_INIT;
	fault_set(&f, FAULT_RELAY, "the server is too slow: waited %lld s for it in all",
	          (long long)((s->budget.waited_ms + last) / 1000));
	smtp_too_slow(s->smtp, &f);
}

/* False: the connection is gone, and the machine knows. */
bool session_write(struct session *s)
{
	struct fault f = FAULT_INIT;
	struct str out = smtp_output(s->smtp);
	if (out.len == 0)
		return true;
	/* What the server has taken is over for good before anything more is said to it. */
	if (s->env->hold)
		hold_settle(s->env->hold);
	int64_t begin = clock_mono_ms();
	int64_t limit = clock_deadline(s->budget.left_ms + budget_worth_ms(out.len));
	bool ok = conn_write(s->conn, out, phase_wait_ms(s), limit, &f);
	budget_bytes(&s->budget, out.len);
	budget_spend(&s->budget, clock_mono_ms() - begin);
	if (ok) {
		smtp_written(s->smtp, out.len);
		return true;
	}
	/* Not written, as far as the machine knows: no reply can be an answer to it. */
	hear_last_words(s);
	if (smtp_want(s->smtp) == SMTP_OVER)
		return false;
	if (f.sys == ETIMEDOUT && clock_left_ms(limit) == 0)
		too_slow(s, 0);
	else
		smtp_failed(s->smtp, &f);
	return false;
}

static const char *const phase_names[] = {
    [PHASE_GREETING] = "the greeting",           [PHASE_COMMAND] = "an answer",
    [PHASE_DATA] = "leave to send the message",  [PHASE_DOT] = "the answer to the message",
    [PHASE_LEAVE] = "the end of the connection", [PHASE_QUIT] = "the answer to QUIT",
};

/* A server that is silent from the beginning may be waiting for TLS, unless it is there. */
static void blame_silence(const struct session *s, int64_t wait_ms, struct fault *f)
{
	enum smtp_phase phase = smtp_phase(s->smtp);
	bool hint = phase == PHASE_GREETING && !conn_tls(s->conn);
	fault_text(f, "waited %lld s for %s%s%s", (long long)(wait_ms / 1000),
	           phase_names[phase], hint ? "; " : "",
	           hint ? cause_row(CAUSE_NO_GREETING)->hint : "");
}

/* No answer by its deadline. */
static void no_answer(struct session *s, int64_t wait, struct fault *f)
{
	if (wait < phase_wait_ms(s)) {
		too_slow(s, wait);
		return;
	}
	blame_silence(s, wait, f);
	smtp_failed(s->smtp, f);
}

/* One reply, or what there is of it. Its deadline is its own: a server that drips bytes
 * does not move it. */
static void read_reply(struct session *s, int64_t wait)
{
	char bytes[REPLY_READ];
	size_t got;
	struct fault f = FAULT_INIT;
	int64_t deadline = clock_deadline(wait);
	size_t replies = smtp_replies(s->smtp);
	do {
		if (!conn_read(s->conn, bytes, sizeof(bytes), &got, deadline, &f)) {
			if (f.sys == ETIMEDOUT)
				no_answer(s, wait, &f);
			else
				smtp_failed(s->smtp, &f);
			return;
		}
		if (got == 0)
			smtp_eof(s->smtp);
		else
			smtp_feed(s->smtp, str_make(bytes, got));
	} while (smtp_want(s->smtp) == SMTP_READ && smtp_replies(s->smtp) == replies);
}

static void read_some(struct session *s)
{
	if (smtp_phase(s->smtp) == PHASE_DOT && s->answering <= smtp_settled(s->smtp)) {
		budget_message(&s->budget, phase_wait_ms(s));
		s->answering = smtp_settled(s->smtp) + 1;
	}
	int64_t begin = clock_mono_ms();
	read_reply(s, budget_wait_ms(&s->budget, phase_wait_ms(s)));
	budget_spend(&s->budget, clock_mono_ms() - begin);
}

/* Of a server that is to bear that name. */
static char *ticket_path(const struct session *s, const char *name)
{
	char file[STATE_NAME_SIZE];
	char *about = mem_printf("%s %s", s->target.relay->name, name);
	state_file_name(file, STATE_TICKET, about);
	free(about);
	return mem_printf("%s/%s/%s", s->env->hold->path, hold_room_name(HOLD_STATE), file);
}

static struct tls_trust *make_trust(struct session *s, struct fault *f)
{
	const struct settings_relay *r = s->target.relay;
	char *ticket = NULL;
	struct tls_setup setup = {
	    .mode = r->tls_fingerprint.count ? TLS_TRUST_PINS : r->tls_trust.mode,
	    .ca_file = r->tls_trust.file,
	    .pins = r->tls_fingerprint.at,
	    .pin_count = r->tls_fingerprint.count,
	    .name = r->tls_name      ? r->tls_name
	            : s->target.host ? s->target.host
	                             : r->socket,
	    .certificate = r->tls_certificate,
	    .key = r->tls_key,
	    .priority = r->tls_priority,
	    .wall = clock_wall(),
	};
	if (s->env->hold)
		ticket = ticket_path(s, setup.name);
	setup.ticket_file = ticket;
	struct tls_trust *trust = tls_trust_new(&setup, f);
	free(ticket);
	return trust;
}

/* For who has to decide whether it is the right one all the same. */
static void note_refused(struct session *s)
{
	struct session_contact *c = &s->contact;
	const struct tls_info *shown = conn_tls_refused(s->conn);
	c->tls_flaw = conn_tls_flaw(s->conn);
	if (!shown)
		return;
	memcpy(c->refused_names, shown->subject, sizeof(c->refused_names));
	memcpy(c->refused_pin, shown->pin, sizeof(c->refused_pin));
}

static void secure(struct session *s)
{
	struct fault f = FAULT_INIT;
	struct sasl_binding binding = {.type = NULL};
	size_t leftover = conn_pending(s->conn);
	int64_t begin = clock_mono_ms();
	if (leftover > 0 && s->setup.security != SECURITY_TLS) {
		smtp_secured(s->smtp, NULL, leftover);
		return;
	}
	int64_t wait = budget_wait_ms(&s->budget, reply_wait_ms(s));
	s->trust = make_trust(s, &f);
	bool ok = s->trust && conn_start_tls(s->conn, s->trust, clock_deadline(wait), &f);
	budget_spend(&s->budget, clock_mono_ms() - begin);
	if (!ok) {
		s->tls_failed = true;
		note_refused(s);
		fault_cause(&f, f.kind == FAULT_RELAY || f.kind == FAULT_PROTOCOL
		                    ? CAUSE_TLS
		                    : CAUSE_SETTINGS);
		f.kind = f.kind == FAULT_PROTOCOL ? FAULT_PROTOCOL : FAULT_RELAY;
		smtp_failed(s->smtp, &f);
		return;
	}
	s->facts.tls_ms = clock_mono_ms() - begin;
	const struct tls_info *info = conn_tls(s->conn);
	s->facts.tls = info;
	if (info->binding_type && info->binding_len <= sizeof(binding.data)) {
		binding.type = info->binding_type;
		binding.len = info->binding_len;
		memcpy(binding.data, info->binding, binding.len);
	}
	smtp_secured(s->smtp, binding.type ? &binding : NULL, 0);
}

static void give_secret(struct session *s)
{
	struct fault f = FAULT_INIT;
	const struct settings_relay *relay = s->target.relay;
	int64_t deadline = clock_deadline(relay->timeout_ms);
	s->login_begun = clock_mono_ms();
	struct secret *secret =
	    relay->oauth ? session_token(s, &f) : secret_read(relay, deadline, &f);
	smtp_secret(s->smtp, secret ? secret_view(secret) : str_of(""), secret ? NULL : &f);
	secret_free(secret);
}

/* What the machine wants is done, if it is not for its user to do. */
static bool converse_once(struct session *s)
{
	switch (smtp_want(s->smtp)) {
	case SMTP_READ:
		if (session_write(s))
			read_some(s);
		return true;
	case SMTP_HANDSHAKE:
		if (session_write(s))
			secure(s);
		return true;
	case SMTP_SECRET:
		give_secret(s);
		return true;
	case SMTP_OVER:
		s->last = *smtp_fault(s->smtp);
		return false;
	case SMTP_READY:
	case SMTP_MESSAGE:
	case SMTP_SETTLED:
		break;
	}
	return false;
}

/* Until the machine wants something that only its user can give. What it has
 * to say when it wants the message goes out with the message, in one write. */
enum smtp_want session_converse(struct session *s)
{
	while (converse_once(s))
		continue;
	return smtp_want(s->smtp);
}

/* What we call ourselves: RFC 5321 section 4.1.4 has a full name or a literal. */
static struct str helo_name(struct session *s)
{
	const char *helo = s->target.relay->helo;
	struct str name = str_of(helo ? helo : s->env->hostname);
	if (name.len > 1 && str_ends(name, STR(".")))
		name.len--;
	bool known = str_find(name, '.') != STR_NONE || str_starts(name, STR("["));
	return known || !conn_literal(s->conn, s->literal) ? name : str_of(s->literal);
}

static void setup_machine(struct session *s)
{
	const struct settings_relay *r = s->target.relay;
	s->setup = (struct smtp_setup){
	    .lmtp = r->protocol == SETTINGS_LMTP,
	    .helo = helo_name(s),
	    .security = s->in_clear ? SECURITY_NONE : r->security,
	    .host = str_of(s->target.host ? s->target.host : r->socket),
	    .port = s->facts.port,
	    .login = !r->auth.none && (r->user || (r->tls_certificate && r->auth.mechanisms)),
	    .user = str_of(r->user),
	    .certificate = r->tls_certificate != NULL,
	    .password = secret_exists(r),
	    .mechanisms = r->oauth && !r->auth.mechanisms ? BEARERS : r->auth.mechanisms,
	    .allow_cleartext_auth = r->allow_cleartext_auth && !s->in_clear,
	    .no_chunking = s->target.no_chunking,
	    .trace = s->env->trace,
	    .trace_context = s->env->trace_context,
	};
	random_fill(s->setup.random, sizeof(s->setup.random));
	s->smtp = smtp_new(&s->setup);
}

/* Addresses that came to nothing in this attempt. */
struct tried {
	char peers[DIAL_AVOID_MAX][sizeof(((struct dialed *)0)->peer)];
	const char *list[DIAL_AVOID_MAX];
	size_t count;
};

static bool connect_to(struct session *s, struct tried *tried, struct fault *f)
{
	const struct settings_relay *r = s->target.relay;
	struct dial d = {
	    .host = s->target.host,
	    .unix_path = s->target.host ? NULL : r->socket,
	    .ports = &s->target.port,
	    .port_count = 1,
	    .family = r->family,
	    .source = &r->source,
	    .proxy = &r->proxy,
	    .dns = &s->env->config->dns_servers,
	    .deadline = clock_deadline(r->connect_timeout_ms),
	    .avoid = tried->list,
	    .avoid_count = tried->count,
	};
	struct dialed dialed;
	char *peer = s->contact.peer;
	if (!dial(&d, &dialed, f))
		return false;
	s->conn = conn_new(dialed.fd);
	s->facts.port = s->contact.port = dialed.port;
	snprintf(s->facts.address, sizeof(s->facts.address), "%s", dialed.address);
	if (!s->target.host)
		snprintf(peer, SESSION_PEER_MAX, "%s", r->socket);
	else
		snprintf(peer, SESSION_PEER_MAX, "%s[%s]:%d", s->target.host,
		         dialed.address[0] ? dialed.address : s->target.host, dialed.port);
	if (tried->count < DIAL_AVOID_MAX) {
		char *to = tried->peers[tried->count];
		memcpy(to, dialed.peer, sizeof(dialed.peer));
		tried->list[tried->count++] = to;
	}
	return true;
}

static void note_contact(struct session *s, bool ready)
{
	struct session_contact *c = &s->contact;
	const char *clear = ready ? "no" : "";
	const struct ehlo *e = smtp_ehlo(s->smtp);
	c->has_starttls = e->starttls;
	c->has_auth = e->auth;
	c->withheld = smtp_withheld(s->smtp);
	snprintf(c->tls, sizeof(c->tls), "%s", s->facts.tls ? s->facts.tls->protocol : clear);
	if (ready)
		snprintf(c->auth, sizeof(c->auth), "%s",
		         s->facts.auth[0] ? s->facts.auth : clear);
}

/* One connection to one address. s->contact says how far it came. */
static bool open_once(struct session *s, struct tried *tried, struct fault *f)
{
	int64_t begin = clock_mono_ms();
	s->facts.tls_ms = s->facts.login_ms = -1;
	s->facts.host = s->target.host ? s->target.host : s->target.relay->socket;
	if (!connect_to(s, tried, f))
		return false;
	s->facts.dialed_ms = clock_mono_ms() - begin;
	setup_machine(s);
	s->facts.helo = s->setup.helo;
	enum smtp_want want = session_converse(s);
	s->facts.ready_ms = clock_mono_ms() - begin;
	if (s->login_begun)
		s->facts.login_ms = clock_mono_ms() - s->login_begun;
	s->facts.ehlo = smtp_ehlo(s->smtp);
	s->facts.auth = smtp_auth_used(s->smtp);
	note_contact(s, want == SMTP_READY);
	if (want == SMTP_READY)
		return true;
	*f = s->last;
	if (f->code == 0)
		fault_prefix(f, "%s", s->contact.peer);
	return false;
}

static struct session *session_new(const struct session_env *env,
                                   const struct session_target *target, bool in_clear)
{
	struct session *s = mem_alloc(sizeof(*s));
	s->env = env;
	s->target = *target;
	s->in_clear = in_clear;
	s->budget = budget_open(target->relay->timeout_ms);
	return s;
}

/* The same address once more in clear, where opportunistic TLS failed: no TLS is better
 * than no mail, and the machine sends no password then. */
static bool may_go_clear(const struct session *s, const struct fault *f)
{
	return s->tls_failed && !s->in_clear &&
	       s->target.relay->security == SECURITY_OPPORTUNISTIC && f->kind != FAULT_PROTOCOL;
}

struct session *session_open(const struct session_env *env, const struct session_target *target,
                             struct session_contact *contact, struct fault *f)
{
	struct tried tried;
	tried.count = 0;
	bool in_clear = false, renewed = false;
	for (;;) {
		struct fault now = FAULT_INIT;
		struct session *s = session_new(env, target, in_clear);
		bool first = (tried.count == 0 && !renewed) || in_clear,
		     ok = open_once(s, &tried, &now);
		/* What the first address said counts, unless a later one came further. */
		if (ok || first) {
			*contact = s->contact;
			*f = now;
		}
		if (ok)
			return s;
		bool connected = s->contact.port > 0;
		in_clear = may_go_clear(s, &now);
		/* Once: what that comes to is the same as the first time, or good. */
		bool anew = !renewed && session_token_renewed(s, &now);
		renewed = renewed || anew;
		bool again = in_clear || anew ||
		             (connected && target->host && !target->relay->proxy.host &&
		              tried.count < DIAL_AVOID_MAX &&
		              cause_row(now.cause)->next == NEXT_ADDRESS);
		if (in_clear || anew)
			tried.count--;
		if (env->look && connected)
			env->look(env->look_context, &s->facts, &s->contact);
		session_drop(s);
		if (!again)
			return NULL;
	}
}

const struct session_facts *session_facts(const struct session *s)
{
	return &s->facts;
}

const struct session_contact *session_contact(const struct session *s)
{
	return &s->contact;
}

const char *session_relay(const struct session *s)
{
	return s->target.relay->name;
}

const char *session_peer(const struct session *s)
{
	return s->contact.peer;
}

/* The step that the next reply is about. */
static enum session_step step_behind(enum session_step done, const struct session_probe *p)
{
	return done == STEP_MAIL && p->rcpt ? STEP_RCPT : STEP_RSET;
}

/* Each command goes by itself, and takes its own time. */
static void ask(struct session *s, struct session_probe *p)
{
	enum session_step step = STEP_MAIL;
	int64_t begin = clock_mono_ms();
	while (p->failed = step, smtp_want(s->smtp) == SMTP_READ) {
		size_t replies = smtp_replies(s->smtp);
		converse_once(s);
		if (smtp_replies(s->smtp) == replies)
			continue;
		p->ms[step] = clock_mono_ms() - begin;
		if (smtp_want(s->smtp) == SMTP_OVER)
			break; /* this reply ended it */
		begin = clock_mono_ms();
		step = step_behind(step, p);
	}
	/* Leaves the reason, if it is over. */
	session_converse(s);
}

static bool refused(const struct verdict *v, struct fault *f)
{
	fault_reply(f, FAULT_RELAY, v->code, v->status, "%s", v->text ? v->text : "");
	return fault_cause(f, v->cause);
}

bool session_probe(struct session *s, struct session_probe *p, struct fault *f)
{
	/* Where nobody is to be asked for, the machine still wants somebody. */
	struct rcpt rcpt = {.address = (char *)(uintptr_t)(p->rcpt ? p->rcpt : "")};
	struct rcpt *rcpts[] = {&rcpt};
	struct envelope e = {.sender = (char *)(uintptr_t)p->sender};
	struct smtp_transaction t = {
	    .probe = p->rcpt ? PROBE_RCPT : PROBE_MAIL,
	    .envelope = &e,
	    .rcpts = rcpts,
	    .rcpt_count = 1,
	};
	rcpt.state = RCPT_WAITING;
	for (int i = 0; i < SESSION_STEPS; i++)
		p->ms[i] = -1;
	smtp_start(s->smtp, &t);
	ask(s, p);
	bool over = smtp_want(s->smtp) == SMTP_OVER;
	smtp_commit(s->smtp, NULL, NULL);
	bool ok = !over && rcpt.verdict.cause == CAUSE_NONE;
	if (!ok && rcpt.verdict.cause != CAUSE_NONE) {
		p->failed = p->ms[STEP_RCPT] >= 0 ? STEP_RCPT : STEP_MAIL;
		refused(&rcpt.verdict, f);
	} else if (!ok) {
		*f = s->last;
	}
	verdict_release(&rcpt.verdict);
	return ok;
}

bool session_usable(const struct session *s)
{
	return smtp_want(s->smtp) == SMTP_READY || smtp_want(s->smtp) == SMTP_SETTLED;
}

bool session_settled(const struct session *s)
{
	return smtp_want(s->smtp) == SMTP_SETTLED || smtp_want(s->smtp) == SMTP_OVER;
}

bool session_chunking_broken(const struct session *s)
{
	return smtp_chunking_broken(s->smtp);
}

bool session_lost_several(const struct session *s)
{
	return s->lost_several;
}

size_t session_messages(const struct session *s)
{
	return s->messages;
}

void session_drop(struct session *s)
{
	if (!s)
		return;
	conn_free(s->conn);
	smtp_free(s->smtp);
	tls_trust_free(s->trust);
	free(s);
}
