/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/envelope.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "mail/addr.h"

#define INDEX_FIRST  64 /* slots of the first index, a power of two */
#define NO_RECIPIENT 0  /* an empty slot; others hold the place plus one */

static const struct notify_word {
	const char *word;
	unsigned bit;
} notify_words[] = {
    {"SUCCESS", NOTIFY_SUCCESS},
    {"FAILURE", NOTIFY_FAILURE},
    {"DELAY", NOTIFY_DELAY},
};

/* FNV-1a over the local-part as it is and the domain in lower case. */
static uint64_t address_hash(struct str address)
{
	size_t domain = address.len - addr_domain(address).len;
	uint64_t hash = UINT64_C(14695981039346656037);
	for (size_t i = 0; i < address.len; i++) {
		char c = address.at[i];
		hash ^= (unsigned char)(i < domain ? c : ascii_lower(c));
		hash *= UINT64_C(1099511628211);
	}
	return hash;
}

bool envelope_same_address(struct str a, struct str b)
{
	return a.len == b.len && str_eq(addr_local(a), addr_local(b)) &&
	       str_caseeq(addr_domain(a), addr_domain(b));
}

void envelope_init(struct envelope *e)
{
	*e = (struct envelope){.sender = mem_copy(STR(""))};
}

void envelope_release(struct envelope *e)
{
	for (size_t i = 0; i < e->rcpt_count; i++) {
		free(e->rcpts[i].address);
		free(e->rcpts[i].orcpt);
		verdict_release(&e->rcpts[i].verdict);
	}
	free(e->rcpts);
	free(e->index);
	free(e->sender);
	free(e->envid);
	free(e->relay);
	*e = (struct envelope){0};
}

void envelope_set_sender(struct envelope *e, struct str address)
{
	char *sender = mem_copy(address);
	free(e->sender);
	e->sender = sender;
}

/* The slot that holds address, or the empty one where it belongs. */
static size_t *find_slot(const struct envelope *e, struct str address)
{
	size_t mask = e->index_size - 1;
	size_t at = (size_t)address_hash(address) & mask;
	while (e->index[at] != NO_RECIPIENT) {
		const struct rcpt *r = &e->rcpts[e->index[at] - 1];
		if (envelope_same_address(str_of(r->address), address))
			break;
		at = (at + 1) & mask;
	}
	return &e->index[at];
}

/* Keeps the index at most half full. */
static void grow_index(struct envelope *e)
{
	if (e->index_size > 0 && e->rcpt_count < e->index_size / 2)
		return;
	free(e->index);
	e->index_size = e->index_size ? e->index_size * 2 : INDEX_FIRST;
	e->index = mem_alloc(e->index_size * sizeof(e->index[0]));
	for (size_t i = 0; i < e->rcpt_count; i++)
		*find_slot(e, str_of(e->rcpts[i].address)) = i + 1;
}

struct rcpt *envelope_add(struct envelope *e, struct str address)
{
	struct rcpt *r = envelope_find(e, address);
	return r ? r : envelope_append(e, address);
}

struct rcpt *envelope_append(struct envelope *e, struct str address)
{
	grow_index(e);
	size_t *slot = find_slot(e, address);
	struct rcpt *r;
	if (e->rcpt_count == e->rcpt_cap)
		e->rcpts = mem_grow(e->rcpts, &e->rcpt_cap, e->rcpt_count + 1, sizeof(*r));
	r = &e->rcpts[e->rcpt_count];
	*r = (struct rcpt){.address = mem_copy(address), .state = RCPT_WAITING};
	e->rcpt_count++;
	if (*slot == NO_RECIPIENT)
		*slot = e->rcpt_count;
	return r;
}

struct rcpt *envelope_find(const struct envelope *e, struct str address)
{
	if (e->index_size == 0)
		return NULL;
	size_t *slot = find_slot(e, address);
	return *slot == NO_RECIPIENT ? NULL : &e->rcpts[*slot - 1];
}

bool rcpt_expired(const struct rcpt *r)
{
	return r->state == RCPT_FAILED && cause_row(r->verdict.cause)->fate == FATE_WAIT;
}

void rcpt_reason(const struct rcpt *r, char to[VERDICT_LINE_MAX])
{
	if (!rcpt_expired(r)) {
		verdict_line(&r->verdict, to);
		return;
	}
	char line[VERDICT_LINE_MAX];
	verdict_line(&r->verdict, line);
	if (snprintf(to, VERDICT_LINE_MAX, "expired: %s",
	             line[0] ? line : "not delivered in time") >= VERDICT_LINE_MAX)
		to[VERDICT_LINE_MAX - 1] = '\0';
}

size_t envelope_count(const struct envelope *e, enum rcpt_state state)
{
	size_t count = 0;
	for (size_t i = 0; i < e->rcpt_count; i++)
		count += e->rcpts[i].state == state;
	return count;
}

static unsigned notify_bit(struct str word)
{
	for (size_t i = 0; i < COUNT(notify_words); i++)
		if (str_caseeq(word, str_of(notify_words[i].word)))
			return notify_words[i].bit;
	return 0;
}

bool envelope_parse_notify(struct str text, unsigned *notify)
{
	unsigned bits = 0;
	struct str rest = text;
	if (str_caseeq(text, STR("NEVER"))) {
		*notify = NOTIFY_NEVER;
		return true;
	}
	struct str word;
	while (str_cut(&rest, ',', &word)) {
		unsigned bit = notify_bit(word);
		if (bit == 0)
			return false;
		bits |= bit;
	}
	if (bits == 0 || str_ends(text, STR(",")))
		return false;
	*notify = bits;
	return true;
}

void envelope_format_notify(unsigned notify, char to[32])
{
	size_t len = 0;
	to[0] = '\0';
	if (notify & NOTIFY_NEVER) {
		snprintf(to, 32, "NEVER");
		return;
	}
	for (size_t i = 0; i < COUNT(notify_words); i++) {
		if (notify & notify_words[i].bit)
			len += (size_t)snprintf(to + len, 32 - len, "%s%s", len ? "," : "",
			                        notify_words[i].word);
	}
}

static const char *const body_names[] = {[BODY_7BIT] = "7BIT", [BODY_8BITMIME] = "8BITMIME"};
static const char *const ret_names[] = {[RET_FULL] = "FULL", [RET_HDRS] = "HDRS"};

/* Which of the names it is; 0 if none. The first is that of nothing set, and NULL. */
static size_t name_at(const char *const *names, size_t count, struct str text)
{
	for (size_t i = 1; i < count; i++)
		if (str_caseeq(text, str_of(names[i])))
			return i;
	return 0;
}

const char *envelope_body_name(enum envelope_body body)
{
	return body_names[body];
}

const char *envelope_ret_name(enum envelope_ret ret)
{
	return ret_names[ret];
}

bool envelope_parse_body(struct str text, enum envelope_body *body)
{
	size_t at = name_at(body_names, COUNT(body_names), text);
	if (at > 0)
		*body = (enum envelope_body)at;
	return at > 0;
}

bool envelope_parse_ret(struct str text, enum envelope_ret *ret)
{
	size_t at = name_at(ret_names, COUNT(ret_names), text);
	if (at > 0)
		*ret = (enum envelope_ret)at;
	return at > 0;
}
