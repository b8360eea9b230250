/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/codec.h"

#define DOMAIN_MAX 255
#define LABEL_MAX  63

bool addr_is_atext(char c)
{
	return ascii_alpha(c) || ascii_digit(c) ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

size_t addr_token_end(struct str text, size_t at)
{
	char open = text.at[at];
	char close = open == '<' ? '>' : open == '@' ? ']' : open == '(' ? ')' : '"';
	size_t depth = 1;
	bool quoted = false;

	if (open == '\\')
		return text.len - at > 1 ? at + 2 : text.len;
	at++;
	if (open == '@' && (at == text.len || text.at[at] != '['))
		return at;
	if (open != '<' && open != '@' && open != '(' && open != '"')
		return at;
	for (; at < text.len && depth > 0; at++) {
		char c = text.at[at];

		if (c == '\\')
			at++;
		else if (c == '"' && open == '<')
			quoted = !quoted;
		else if (c == '(' && open == '(')
			depth++;
		else if (c == close && !quoted)
			depth--;
	}
	return at < text.len ? at : text.len;
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
	bool fits;

	if (is_dot_string(text))
		return buf_add_str(out, text);
	fits = buf_add_char(out, '"');
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
	char address[INET6_ADDRSTRLEN];
	unsigned char bytes[sizeof(struct in6_addr)];
	int family = AF_INET;

	if (!str_starts(text, STR("[")) || !str_ends(text, STR("]")) || text.len < 2)
		return false;
	text = str_from(str_first(text, text.len - 1), 1);
	if (str_casestarts(text, STR("IPv6:"))) {
		text = str_from(text, 5);
		family = AF_INET6;
	}
	if (text.len >= sizeof(address) || str_find(text, '\0') != STR_NONE)
		return false;
	memcpy(address, text.at, text.len);
	address[text.len] = '\0';
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
	struct str label;

	if (text.len == 0 || text.len > DOMAIN_MAX)
		return false;
	if (text.at[0] == '[')
		return is_literal(text);
	while (str_cut(&rest, '.', &label)) {
		if (!is_label(label))
			return false;
	}
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
