/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "text/codec.h"
#include "text/token.h"

#define DOMAIN_MAX 255
#define LABEL_MAX  63

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

static bool is_literal(struct str text)
{
	int family = AF_INET;
	if (!str_starts(text, STR("[")) || !str_ends(text, STR("]")) || text.len < 2)
		return false;
	text = str_from(str_first(text, text.len - 1), 1);
	if (str_casestarts(text, STR("IPv6:"))) {
		text = str_from(text, 5);
		family = AF_INET6;
	}
	char address[INET6_ADDRSTRLEN];
	if (text.len >= sizeof(address) || str_find(text, '\0') != STR_NONE)
		return false;
	memcpy(address, text.at, text.len);
	address[text.len] = '\0';
	unsigned char bytes[sizeof(struct in6_addr)];
	return inet_pton(family, address, bytes) == 1;
}

static bool is_label(struct str label)
{
	bool ascii = true;
	for (size_t i = 0; i < label.len; i++) {
		char c = label.at[i];
		ascii = ascii && (unsigned char)c < 128;
		if (!ascii_alpha(c) && !ascii_digit(c) && c != '-' && c != '_' &&
		    (unsigned char)c < 128)
			return false;
	}
	return label.len > 0 && (!ascii || label.len <= LABEL_MAX) && label.at[0] != '-' &&
	       label.at[label.len - 1] != '-';
}

bool addr_is_domain(struct str text)
{
	struct str rest = text;
	if (text.len == 0 || text.len > DOMAIN_MAX)
		return false;
	if (text.at[0] == '[')
		return is_literal(text);
	struct str label;
	while (str_cut(&rest, '.', &label))
		if (!is_label(label))
			return false;
	return !str_ends(text, STR(".")) && codec_is_utf8(text);
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
