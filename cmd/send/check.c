/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/send/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/clock.h"
#include "cmd/place_access.h"
#include "cmd/send/check_here.h"
#include "cmd/send/check_relay.h"
#include "cmd/send/check_table.h"
#include "cmd/send/login.h"
#include "mail/addr.h"
#include "mail/envelope.h"
#include "submit/sender.h"
#include "transport/sandbox_policy.h"

#define SENDERS_MAX 10 /* to be tried, each over each relay */

static void print_line(void *context, bool sent, struct str line)
{
	(void)context;
	fprintf(stderr, "%s %.*s\n", sent ? ">>>" : "<<<", STR_FMT(line));
}

static const char *words_of(enum call_mode mode)
{
	return mode == CALL_LOGIN ? "--login" : mode == CALL_LOGOUT ? "--logout" : "--check";
}

static const struct settings_relay *relay_named(const struct settings *c, const char *name)
{
	for (size_t i = 0; i < c->relay_count; i++)
		if (strcmp(c->relays[i].name, name) == 0)
			return &c->relays[i];
	struct fault f = FAULT_INIT;
	fault_set(&f, FAULT_USAGE, "%s has no [relay %s]", c->path, name);
	fprintf(stderr, "sendmail: --check: %s\n", f.text);
	return NULL;
}

/* As it goes to a server. */
static void add_sender(struct check_order *o, const struct local *l, const char *mailbox,
                       const char *why)
{
	struct fault f = FAULT_INIT;
	struct buf wire;
	buf_init(&wire, 4 * ADDR_MAX);
	bool ok =
	    o->sender_count < SENDERS_MAX && local_complete(l, str_of(mailbox), &wire, &f);
	for (size_t i = 0; ok && i < o->sender_count; i++)
		ok = !envelope_same_address(str_of(o->senders[i].mailbox), buf_str(&wire));
	if (ok)
		o->senders[o->sender_count++] =
		    (struct check_sender){mem_copy(buf_str(&wire)), why};
	buf_release(&wire);
}

/* Where nothing is configured, what a message of the caller would have. */
static void add_own(struct check_order *o, const struct place *p, const struct call *call)
{
	struct fault f = FAULT_INIT;
	struct sender sender;
	sender_find(&sender, p->user, &p->config, &p->host.local, &call->message);
	struct buf own;
	buf_init(&own, 4 * ADDR_MAX);
	if (rewrite_sender(&sender.rewrite, false, STR(""), &own, &f))
		add_sender(o, &p->host.local, buf_cstr(&own),
		           "from is not set: the caller's own");
	buf_release(&own);
	sender_release(&sender);
}

static void find_senders(struct check_order *o, const struct place *p, const struct call *call)
{
	const struct settings *c = &p->config;
	o->senders = mem_alloc(SENDERS_MAX * sizeof(*o->senders));
	if (c->from)
		add_sender(o, &p->host.local, c->from, "from");
	else
		add_own(o, p, call);
	for (size_t i = 0; i < c->sender_count; i++)
		if (!strchr(c->senders[i].address, '*'))
			add_sender(o, &p->host.local, c->senders[i].address, "[senders]");
}

static bool keep_first(void *context, struct str mailbox, struct fault *f)
{
	struct check_order *o = context;
	(void)f;
	if (!o->rcpt)
		o->rcpt = mem_copy(mailbox);
	return true;
}

/* Who gets what this host has to say. */
static void find_rcpt(struct check_order *o, struct place *p)
{
	struct fault f = FAULT_INIT;
	struct buf wire;
	buf_init(&wire, 4 * ADDR_MAX);
	if (p->config.admin) {
		if (local_complete(&p->host.local, str_of(p->config.admin), &wire, &f))
			o->rcpt = mem_copy(buf_str(&wire));
	} else if (alias_has(p->host.local.aliases, STR("root"))) {
		/* Where it leads nowhere there is nobody to try it with, as without it. */
		(void)!this_host_route(&p->host, STR("root"), false, keep_first, o, &f);
	}
	buf_release(&wire);
}

static bool check_relays(const struct check_order *o, const struct call *call)
{
	const struct settings *c = &o->place->config;
	bool ok = true;
	for (size_t i = 0; i < call->operand_count; i++)
		ok = check_relay(o, relay_named(c, call->operands[i])) && ok;
	for (size_t i = 0; call->operand_count == 0 && i < c->relay_count; i++)
		ok = check_relay(o, &c->relays[i]) && ok;
	return ok;
}

static void release(struct check_order *o)
{
	for (size_t i = 0; i < o->sender_count; i++)
		free(o->senders[i].mailbox);
	free(o->senders);
	free(o->rcpt);
}

/* *tokens: what the caller may use of them, or NULL; a log-in needs them. False: it is over,
 * and f says why. */
static bool begin_login(const struct place *p, const struct call *call, struct hold *h,
                        struct tokens **tokens, const struct settings_relay **relay,
                        struct fault *f)
{
	struct fault closed = FAULT_INIT;
	bool person = call->mode != CALL_CHECK;
	*relay = person ? login_relay(&p->config, call, f) : NULL;
	if (person && !*relay)
		return false;
	*tokens = login_open(p, h, &closed);
	if (person && !*tokens)
		*f = closed;
	return !person || (*tokens && login_run(*tokens, call, *relay, f));
}

static bool check_both(struct place *p, struct check_order *o, const struct call *call,
                       const struct settings_relay *login, int64_t names_ms)
{
	bool ok = check_here(p, names_ms);
	find_rcpt(o, p);
	sandbox_policy(&p->config, NULL);
	ok = (login ? check_relay(o, login) : check_relays(o, call)) && ok;
	/* The last line is what a hurried reader sees, and may be about the last relay only. */
	if (!ok)
		check_table_head(
		    "not all passed: see FAILED above, and what is to be done there");
	return ok;
}

int check_all(struct place *p, const struct call *call)
{
	const struct settings *c = &p->config;
	struct session_env env = {
	    .config = c, .trace = call->verbose ? print_line : NULL, .checks = true};
	struct check_order order = {.place = p, .env = &env};
	struct fault f = FAULT_INIT;
	struct tokens *tokens = NULL;
	const struct settings_relay *login = NULL;
	for (size_t i = 0; call->mode == CALL_CHECK && i < call->operand_count; i++)
		if (!relay_named(c, call->operands[i]))
			return fault_exit(FAULT_USAGE);
	/* Who calls is known only before root becomes another. */
	int64_t begin = clock_mono_ms();
	place_names(p);
	int64_t names_ms = clock_mono_ms() - begin;
	find_senders(&order, p, call);
	struct hold hold;
	bool ok = place_become(p, &f) && begin_login(p, call, &hold, &tokens, &login, &f);
	env.tokens = tokens;
	env.hostname = p->hostname;
	if (!ok)
		fprintf(stderr, "sendmail: %s: %s\n", words_of(call->mode), f.text);
	int code = ok ? 0 : fault_exit(f.kind);
	if (ok && call->mode != CALL_LOGOUT && !check_both(p, &order, call, login, names_ms))
		code = fault_exit(FAULT_TEMP);
	if (tokens)
		hold_close(&hold);
	tokens_free(tokens);
	release(&order);
	return code;
}
