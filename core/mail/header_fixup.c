/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/header_fixup.h"

#include <string.h>

#include "text/codec.h"
#include "mail/addr.h"
#include "mail/encode.h"
#include "mail/field_kind.h"

#define HOPS_MAX  100
#define VALUE_MAX 512 /* bytes of a Date or Message-ID value */

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

static bool names_recipients(const struct field *field)
{
	return field_kind(header_name(field))->uses & FIELD_RECIPIENTS;
}

static bool take_recipients(const struct header *h, const struct message_hooks *hooks,
                            struct fault *f)
{
	struct message_hooks copy = *hooks;
	bool resent = false;
	for (size_t i = 0; i < h->count; i++)
		resent = resent || (names_recipients(&h->fields[i]) &&
		                    field_is_resent(header_name(&h->fields[i])));
	for (size_t i = 0; i < h->count; i++) {
		const struct field *field = &h->fields[i];
		if (!names_recipients(field) || field_is_resent(header_name(field)) != resent)
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

/* Fields that are to hold addresses and hold none; Bcc says that there were some. */
static void remove_void(struct header *h)
{
	for (size_t at = h->count; at-- > 0;) {
		struct str name = header_name(&h->fields[at]);
		if (field_kind(name)->form == FIELD_ADDRESSES &&
		    !str_caseends(name, STR("Bcc")) && is_void(header_value(&h->fields[at])))
			header_remove(h, at);
	}
}

/* Large receivers refuse an address field that is empty, and a second one of a kind
 * that may be there once (RFC 5322 section 3.6), as programs write them that add
 * a header of their own to one that was handed to them. */
static bool tidy_fields(struct header *h, struct fault *f)
{
	remove_void(h);
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
	return header_add(h, "To", STR("undisclosed-recipients:;"), f);
}

static bool make_date(const struct message_rules *rules, struct buf *value, struct fault *f)
{
	return header_add_date(value, rules->wall, rules->zone_min) ||
	       fault_set(f, FAULT_DATA, "Date too long");
}

static bool make_message_id(const struct message_rules *rules, struct buf *value,
                            struct fault *f)
{
	return header_add_msgid(value, rules->wall, rules->random,
	                        rules->rewrite->local->hostname) ||
	       fault_set(f, FAULT_DATA, "Message-ID too long: shorten the host name");
}

typedef bool field_maker(const struct message_rules *rules, struct buf *value, struct fault *f);

/* If there is none, or an empty one. */
static bool add_made(struct header *h, const char *name, field_maker *make,
                     const struct message_rules *rules, struct fault *f)
{
	header_remove_empty(h, name);
	if (header_find(h, name, 0) != STR_NONE)
		return true;
	struct buf value;
	buf_init(&value, VALUE_MAX);
	bool fine = make(rules, &value, f) && header_add(h, name, buf_str(&value), f);
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
	    !add_made(h, resent ? "Resent-Date" : "Date", make_date, rules, f))
		return false;
	if (!rewrite_apply(rules->rewrite, rules->have_from, rules->from, resent, h, f))
		return false;
	if (!add_made(h, resent ? "Resent-Message-ID" : "Message-ID", make_message_id, rules,
	              f))
		return false;
	if (rules->received && !header_insert(h, 0, "Received", str_of(rules->received), f))
		return false;
	return encode_and_fold(h, rules->smtputf8, f);
}
