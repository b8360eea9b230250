/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/header_fixup.h"

#include <string.h>

#include "text/codec.h"
#include "mail/addr.h"
#include "mail/encode.h"

#define HOPS_MAX  100
#define VALUE_MAX 512 /* bytes of a Date or Message-ID value */

static const char *const sources[] = {"To", "Cc", "Bcc"};
static const char *const resent_sources[] = {"Resent-To", "Resent-Cc", "Resent-Bcc"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool check_hops(const struct header *h, struct fault *f)
{
	size_t hops = 0;
	for (size_t i = 0; i < h->count; i++)
		hops += str_caseeq(header_name(&h->fields[i]), STR("Received"));
	if (hops <= HOPS_MAX)
		return true;
	return fault_reply(f, FAULT_REFUSED, 0, "5.4.6",
	                   "mail loop: the message has %zu Received fields, over %d", hops,
	                   HOPS_MAX);
}

static bool give_recipient(void *context, const struct addr *a, struct fault *f)
{
	const struct message_hooks *hooks = context;
	return hooks->recipient(hooks->context, a->mailbox, a->escaped, f);
}

static bool take_recipients(const struct header *h, const struct message_hooks *hooks,
                            struct fault *f)
{
	const char *const *names = sources;
	struct message_hooks copy = *hooks;
	for (size_t i = 0; i < COUNT(resent_sources); i++)
		if (header_find(h, resent_sources[i], 0) != STR_NONE)
			names = resent_sources;
	for (size_t i = 0; i < h->count; i++) {
		const struct field *field = &h->fields[i];
		if (!str_caseamong(header_name(field), names, COUNT(sources)))
			continue;
		if (!addr_parse_header(header_value(field), give_recipient, &copy, f))
			return fault_prefix(f, "%.*s", STR_FMT(header_name(field)));
	}
	return true;
}

/* Nothing but what separates addresses, or the brackets of none? */
static bool is_void(struct str value)
{
	for (size_t i = 0; i < value.len; i++)
		if (!ascii_space(value.at[i]) && !strchr("\r\n,;<>", value.at[i]))
			return false;
	return true;
}

/* Of the fields of that name one stays: the first with a value, to which those of
 * the others are added if it is a list. */
static bool keep_once(struct header *h, const char *name, bool list, struct fault *f)
{
	struct buf all;
	size_t first = STR_NONE, at = 0, values = 0;
	bool fine = true;
	buf_init(&all, HEADER_MAX);
	while (fine && (at = header_find(h, name, at)) != STR_NONE) {
		struct str value = header_value(&h->fields[at]);
		bool counts = !is_void(value) && (list || first == STR_NONE);
		if (counts)
			fine = (values++ == 0 || buf_add_str(&all, STR(",\r\n "))) &&
			       buf_add_str(&all, value);
		if (counts && first == STR_NONE)
			first = at++;
		else
			header_remove(h, at);
	}
	if (!fine)
		fault_set(f, FAULT_DATA, "%s: too long", name);
	else if (values > 1)
		fine = header_set_value(h, first, buf_str(&all), f);
	buf_release(&all);
	return fine;
}

/* Large receivers refuse an address field that is empty, and a second one of a kind
 * that may be there once (RFC 5322 section 3.6), as programs write them that add
 * a header of their own to one that was handed to them. */
static bool tidy_fields(struct header *h, struct fault *f)
{
	return keep_once(h, "To", true, f) && keep_once(h, "Cc", true, f) &&
	       keep_once(h, "Reply-To", true, f) && keep_once(h, "Sender", false, f) &&
	       keep_once(h, "Date", false, f);
}

/* A receiver may add the recipients of a message without destination fields
 * as Apparently-To; that must not happen to those of Bcc. */
static bool remove_fields(struct header *h, bool resent, struct fault *f)
{
	size_t hidden = header_remove_all(h, "Bcc");
	header_remove_all(h, "Resent-Bcc");
	header_remove_all(h, "Return-Path");
	header_remove_all(h, "Content-Length");
	if (hidden == 0 || resent || header_find(h, "To", 0) != STR_NONE ||
	    header_find(h, "Cc", 0) != STR_NONE)
		return true;
	return header_insert(h, h->count, "To", STR("undisclosed-recipients:;"), f);
}

/* Behind all fields, a Resent- one in front of the first of its kind. */
static bool add_field(struct header *h, const char *name, struct str value, bool resent,
                      struct fault *f)
{
	size_t at = resent ? header_find_resent(h) : h->count;
	return header_insert(h, at == STR_NONE ? h->count : at, name, value, f);
}

static bool add_date(struct header *h, const struct message_rules *rules, bool resent,
                     struct fault *f)
{
	const char *name = resent ? "Resent-Date" : "Date";
	header_remove_empty(h, name);
	if (header_find(h, name, 0) != STR_NONE)
		return true;
	struct buf value;
	buf_init(&value, VALUE_MAX);
	bool fine = header_add_date(&value, rules->wall, rules->zone_min) ||
	            fault_set(f, FAULT_DATA, "Date too long");
	fine = fine && add_field(h, name, buf_str(&value), resent, f);
	buf_release(&value);
	return fine;
}

static bool add_message_id(struct header *h, const struct message_rules *rules, bool resent,
                           struct fault *f)
{
	const char *name = resent ? "Resent-Message-ID" : "Message-ID";
	header_remove_empty(h, name);
	if (header_find(h, name, 0) != STR_NONE)
		return true;
	struct buf value;
	buf_init(&value, VALUE_MAX);
	bool fine = header_add_msgid(&value, rules->wall, rules->random,
	                             rules->identity->local->hostname) ||
	            fault_set(f, FAULT_DATA, "Message-ID too long: shorten the host name");
	fine = fine && add_field(h, name, buf_str(&value), resent, f);
	buf_release(&value);
	return fine;
}

static bool encode_and_fold(struct header *h, bool smtputf8, struct fault *f)
{
	for (size_t i = 0; i < h->count; i++) {
		struct str value = header_value(&h->fields[i]);
		bool stays = smtputf8 && codec_is_utf8(value);
		if (!stays && !encode_field(h, i, MAILBOXES_MENDED, f))
			return false;
		if (h->fields[i].len > HEADER_LINE_MAX && !header_fold(h, i, f))
			return false;
	}
	return true;
}

bool header_fixup(struct header *h, const struct message_rules *rules,
                  const struct message_hooks *hooks, struct fault *f)
{
	bool resent = header_find_resent(h) != STR_NONE;
	if (!check_hops(h, f) || (rules->take_recipients && !take_recipients(h, hooks, f)))
		return false;
	if (!tidy_fields(h, f) || !remove_fields(h, resent, f) ||
	    !add_date(h, rules, resent, f))
		return false;
	if (!rewrite_apply(rules->identity, rules->have_from, rules->from, resent, h, f))
		return false;
	if (!add_message_id(h, rules, resent, f))
		return false;
	if (rules->received && !header_insert(h, 0, "Received", str_of(rules->received), f))
		return false;
	return encode_and_fold(h, rules->smtputf8, f);
}
