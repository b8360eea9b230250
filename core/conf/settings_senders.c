/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/settings_senders.h"

#include <stdlib.h>
#include <string.h>

#include "text/codec.h"
#include "mail/addr.h"
#include "conf/settings_value.h"

#define PATTERN_MAX 320

/* NAME or NAME@DOMAIN, either with stars in it. */
static bool is_pattern(struct str text)
{
	size_t at = str_find(text, '@');
	struct str domain = at == STR_NONE ? str_of("") : str_from(text, at + 1);
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.at[i] <= ' ' || strchr("<>,;()\"\\", text.at[i]))
			return false;
	return text.len > 0 && text.len <= PATTERN_MAX && codec_is_utf8(text) && at != 0 &&
	       (at == STR_NONE || domain.len > 0) && str_find(domain, '@') == STR_NONE;
}

/* A mailbox; "*" in front of the domain is the name that the sender had. */
static bool take_address(struct str text, char **to, struct fault *f)
{
	struct str domain = str_from(text, 2);
	bool keeps = str_starts(text, STR("*@"));
	if (settings_is_quoted(text))
		return fault_set(f, FAULT_CONFIG,
		                 "quotes would be part of the address; leave them out");
	if (str_find(keeps ? domain : text, '*') != STR_NONE || !codec_is_utf8(text))
		return fault_set(f, FAULT_CONFIG,
		                 "'%.*s' is not a mail address, nor *@ and a domain",
		                 SETTINGS_QUOTED(text));
	if (!keeps)
		return settings_take_mailbox(text, to, f);
	if (domain.len > 1 && str_ends(domain, STR(".")))
		domain.len--;
	if (!addr_is_domain(domain))
		return fault_set(f, FAULT_CONFIG, "'%.*s': what is behind the @ is no domain",
		                 SETTINGS_QUOTED(text));
	*to = mem_printf("*@%.*s", STR_FMT(domain));
	return true;
}

bool settings_senders_add(struct settings *c, struct str pattern, struct str address,
                          size_t line, struct fault *f)
{
	if (!is_pattern(pattern))
		return fault_set(f, FAULT_CONFIG,
		                 "what is before the = is not a pattern such as root, "
		                 "root@web1.lan or *@web1.lan");
	for (size_t i = 0; i < c->sender_count; i++)
		if (str_eq(pattern, str_of(c->senders[i].pattern)))
			return fault_set(f, FAULT_CONFIG, "%s stands in line %zu already",
			                 c->senders[i].pattern, c->senders[i].line);
	char *wire;
	if (!take_address(address, &wire, f))
		return fault_prefix(f, "%.*s", SETTINGS_QUOTED(pattern));
	size_t cap = c->sender_count;
	c->senders = mem_grow(c->senders, &cap, c->sender_count + 1, sizeof(*c->senders));
	c->senders[c->sender_count++] = (struct settings_sender){mem_copy(pattern), wire, line};
	return true;
}

void settings_senders_release(struct settings *c)
{
	for (size_t i = 0; i < c->sender_count; i++) {
		free(c->senders[i].pattern);
		free(c->senders[i].address);
	}
	free(c->senders);
}
