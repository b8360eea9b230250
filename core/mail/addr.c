/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/addr.h"

#include <string.h>
#include <sys/socket.h>

#include "text/codec.h"
#include "text/host.h"
#include "text/token.h"

static bool all_but(struct str text, const char *without)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.at[i];
		if (c < 32 || c == 127 || strchr(without, c))
			return false;
	}
	return true;
}

bool addr_is_wire(struct str mailbox)
{
	struct token first = token_first(mailbox, TOKEN_PATH);
	bool quoted = first.kind == TOKEN_QUOTED;
	struct str local = quoted ? first.text : str_first(mailbox, str_find(mailbox, '@'));
	struct str domain = str_from(mailbox, local.len);
	if (mailbox.len > ADDR_MAX || local.len == 0 || first.open)
		return false;
	if (!all_but(local, quoted ? "" : " \"\\()<>,:;[]"))
		return false;
	return domain.len == 0 || (domain.at[0] == '@' && domain.len > 1 &&
	                           all_but(str_from(domain, 1), " \"\\()<>,;@"));
}

size_t addr_find(struct str text, size_t at, const char *specials)
{
	struct str rest = str_from(text, at);
	bool angle = false, domain = false, literals = true;
	struct token t;
	while ((t = token_first(rest, domain ? TOKEN_DOMAIN : TOKEN_MAIL)).kind != TOKEN_END) {
		if (t.kind == TOKEN_LITERAL && t.open) {
			/* A bracket that nothing closes hides nothing; nor do those behind it. */
			domain = literals = false;
			continue;
		}
		if (t.kind == TOKEN_SPECIAL && !angle && strchr(specials, t.text.at[0]))
			break;
		angle = token_is(t, '<') || (angle && !token_is(t, '>'));
		/* Blanks and comments may stand before the literal (RFC 5322 section 3.4.1). */
		domain = !angle && literals &&
		         (token_is(t, '@') ||
		          (domain && (t.kind == TOKEN_BLANK || t.kind == TOKEN_COMMENT)));
		rest = str_from(rest, t.text.len);
	}
	return (size_t)(rest.at - text.at);
}

/* An "@" inside quotes is followed by the closing quote; a domain has none. */
static size_t at_sign(struct str mailbox)
{
	if (str_ends(mailbox, STR("\"")))
		return STR_NONE;
	return str_rfind(mailbox, '@');
}

struct str addr_local(struct str mailbox)
{
	size_t at = at_sign(mailbox);
	return at == STR_NONE ? mailbox : str_first(mailbox, at);
}

struct str addr_domain(struct str mailbox)
{
	size_t at = at_sign(mailbox);
	return at == STR_NONE ? str_from(mailbox, mailbox.len) : str_from(mailbox, at + 1);
}

bool addr_qualify(struct buf *out, struct str mailbox, struct str domain)
{
	size_t before = out->len;
	if (!buf_add_str(out, mailbox))
		return false;
	if (at_sign(mailbox) != STR_NONE || domain.len == 0)
		return true;
	if (buf_add_char(out, '@') && buf_add_str(out, domain))
		return true;
	out->len = before;
	return false;
}

bool addr_add_local(struct buf *out, struct str text)
{
	/* RFC 5321 section 4.1.2 with RFC 6531 section 3.3 */
	return token_is_dot_atom(text) ? buf_add_str(out, text) : token_add_quoted(out, text);
}

/* RFC 5321 section 4.1.3: the tag says that it is IPv6, and there is no zone. */
static bool is_literal(struct str text)
{
	struct host_address a;
	bool tagged = str_casestarts(text, STR("[IPv6:"));
	return host_literal(text, &a) && !a.zone[0] &&
	       a.family == (tagged ? AF_INET6 : AF_INET);
}

/* A host's name, but for what RFC 1123 section 2.1 does not have: a hyphen at either end of
 * a label. */
static bool is_name(struct str text)
{
	if (!host_is_name(text))
		return false;
	if (str_find(text, '-') == STR_NONE)
		return true;
	struct str label;
	while (str_cut(&text, '.', &label))
		if (str_starts(label, STR("-")) || str_ends(label, STR("-")))
			return false;
	return true;
}

bool addr_is_domain(struct str text)
{
	if (str_starts(text, STR("[")))
		return is_literal(text);
	return is_name(text) && !str_ends(text, STR(".")) && codec_is_utf8(text);
}

/* "*" matches any run of bytes. On a mismatch the last star takes one more. */
static bool glob(struct str text, struct str pattern, bool ignore_case)
{
	size_t t = 0, p = 0;
	size_t star = STR_NONE;
	size_t star_text = 0;
	while (t < text.len) {
		if (p < pattern.len && pattern.at[p] == '*') {
			star = p++;
			star_text = t;
		} else if (p < pattern.len && (pattern.at[p] == text.at[t] ||
		                               (ignore_case && ascii_lower(pattern.at[p]) ==
		                                                   ascii_lower(text.at[t])))) {
			p++;
			t++;
		} else if (star != STR_NONE) {
			p = star + 1;
			t = ++star_text;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.at[p] == '*')
		p++;
	return p == pattern.len;
}

bool addr_local_matches(struct str local, struct str pattern)
{
	return glob(local, pattern, false);
}

bool addr_matches(struct str mailbox, struct str pattern)
{
	struct str domain = addr_domain(mailbox);
	if (str_eq(pattern, STR("*")))
		return true;
	if (at_sign(pattern) == STR_NONE)
		return domain.len > 0 && glob(domain, pattern, true);
	return glob(addr_local(mailbox), addr_local(pattern), false) &&
	       glob(domain, addr_domain(pattern), true);
}
