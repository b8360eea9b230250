/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "text/codec.h"

#define DOMAIN_MAX 255
#define LABEL_MAX  63

bool addr_is_atext(char c)
{
	return ascii_alpha(c) || ascii_digit(c) ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

/* Behind the close that ends what was opened at at; a backslash takes the next byte along. */
static size_t closed_at(struct str text, size_t at, char close)
{
	for (at++; at < text.len; at++)
		if (text.at[at] == '\\')
			at++;
		else if (text.at[at] == close)
			return at + 1;
	return text.len;
}

/* Comments nest. */
static size_t comment_end(struct str text, size_t at)
{
	size_t depth = 0;
	for (; at < text.len; at++) {
		char c = text.at[at];
		if (c == '\\')
			at++;
		else if (c == '(')
			depth++;
		else if (c == ')' && --depth == 0)
			return at + 1;
	}
	return text.len;
}

/* In angle brackets there may be quoted strings and comments, with brackets of their own. */
static size_t angle_end(struct str text, size_t at)
{
	at++;
	while (at < text.len && text.at[at] != '>') {
		char c = text.at[at];
		at = c == '"'    ? closed_at(text, at, '"')
		     : c == '('  ? comment_end(text, at)
		     : c == '\\' ? at + 2
		                 : at + 1;
	}
	return at < text.len ? at + 1 : text.len;
}

/* Blanks and comments may stand before the literal (RFC 5322 section 3.4.1). */
static size_t domain_begin(struct str text, size_t at)
{
	while (at < text.len) {
		char c = text.at[at];
		if (c == '(')
			at = comment_end(text, at);
		else if (ascii_space(c) || c == '\r' || c == '\n')
			at++;
		else
			break;
	}
	return at;
}

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
	bool quoted = mailbox.len > 0 && mailbox.at[0] == '"';
	size_t end = quoted ? closed_at(mailbox, 0, '"') : str_find(mailbox, '@');
	struct str local = str_first(mailbox, end), domain = str_from(mailbox, local.len);
	if (mailbox.len > ADDR_MAX || local.len == 0)
		return false;
	if (quoted ? local.len < 2 || !str_ends(local, STR("\"")) || !all_but(local, "")
	           : !all_but(local, " \"\\()<>,:;[]"))
		return false;
	return domain.len == 0 || (domain.at[0] == '@' && domain.len > 1 &&
	                           all_but(str_from(domain, 1), " \"\\()<>,;@"));
}

size_t addr_token_end(struct str text, size_t at)
{
	switch (text.at[at]) {
	case '\\':
		return text.len - at > 1 ? at + 2 : text.len;
	case '(':
		return comment_end(text, at);
	case '"':
		return closed_at(text, at, '"');
	case '<':
		return angle_end(text, at);
		size_t domain;
	case '@':
		domain = domain_begin(text, at + 1);
		return domain < text.len && text.at[domain] == '['
		           ? closed_at(text, domain, ']')
		           : at + 1;
	default:
		return at + 1;
	}
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

/* RFC 5321 section 4.1.2 with RFC 6531 section 3.3: atoms and single dots. */
static bool is_dot_string(struct str text)
{
	bool dot = true;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];
		if (c == '.' ? dot : !addr_is_atext(c) && (unsigned char)c < 128)
			return false;
		dot = c == '.';
	}
	return !dot;
}

bool addr_add_local(struct buf *out, struct str text)
{
	size_t before = out->len;
	if (is_dot_string(text))
		return buf_add_str(out, text);
	bool fits = buf_add_char(out, '"');
	for (size_t i = 0; i < text.len && fits; i++) {
		if (text.at[i] == '"' || text.at[i] == '\\')
			fits = buf_add_char(out, '\\');
		fits = fits && buf_add_char(out, text.at[i]);
	}
	if (fits && buf_add_char(out, '"'))
		return true;
	out->len = before;
	return false;
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
