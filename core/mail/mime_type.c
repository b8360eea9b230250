/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/mime_type.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The end of the comment that begins at. An unclosed one reaches the end. */
static size_t comment_end(struct str value, size_t at)
{
	size_t depth = 0;
	for (; at < value.len; at++)
		if (value.at[at] == '\\' && at + 1 < value.len)
			at++;
		else if (value.at[at] == '(')
			depth++;
		else if (value.at[at] == ')' && --depth == 0)
			return at + 1;
	return value.len;
}

size_t mime_skip(struct str value, size_t at)
{
	while (at < value.len)
		if (value.at[at] == '(')
			at = comment_end(value, at);
		else if (is_blank(value.at[at]))
			at++;
		else
			break;
	return at;
}

size_t mime_value_end(struct str value, size_t at)
{
	if (at < value.len && value.at[at] == '"') {
		for (at++; at < value.len; at++) {
			if (value.at[at] == '"')
				return at + 1;
			if (value.at[at] == '\\' && at + 1 < value.len)
				at++;
		}
		return value.len;
	}
	while (at < value.len && value.at[at] != ';' && !is_blank(value.at[at]))
		at++;
	return at;
}

bool mime_value_add(struct buf *out, struct str raw)
{
	if (raw.len == 0 || raw.at[0] != '"')
		return buf_add_str(out, raw);
	for (size_t i = 1; i < raw.len && raw.at[i] != '"'; i++) {
		if (raw.at[i] == '\\' && i + 1 < raw.len)
			i++;
		if (raw.at[i] != '\r' && raw.at[i] != '\n' && !buf_add_char(out, raw.at[i]))
			return false;
	}
	return true;
}

/* A token from at on: up to a blank, a comment or one of "/;=". */
static struct str token(struct str value, size_t at)
{
	size_t end = at;
	while (end < value.len && !is_blank(value.at[end]) && value.at[end] != '/' &&
	       value.at[end] != ';' && value.at[end] != '=' && value.at[end] != '(')
		end++;
	return str_make(value.at + at, end - at);
}

static bool is_boundary(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] < ' ' || text.at[i] > '~')
			return false;
	return text.len > 0;
}

/* Finds the parameter behind the subtype. Blanks at the end of a boundary
 * would be lost on the way, so they are no part of it (RFC 2046 section 5.1.1). */
static void find_boundary(struct str value, size_t at, struct buf *boundary)
{
	while (at < value.len) {
		at = mime_skip(value, at);
		if (at < value.len && value.at[at] == ';') {
			at++;
			continue;
		}
		struct str name = token(value, at);
		at = mime_skip(value, at + name.len);
		if (at >= value.len || value.at[at] != '=') {
			at = name.len == 0 ? at + 1 : at;
			continue;
		}
		at = mime_skip(value, at + 1);
		size_t end = mime_value_end(value, at);
		if (str_caseeq(name, STR("boundary"))) {
			bool ok = end - at <= MIME_BOUNDARY_MAX &&
			          mime_value_add(boundary, str_make(value.at + at, end - at));
			while (boundary->len > 0 && is_blank(boundary->at[boundary->len - 1]))
				boundary->len--;
			if (!ok || !is_boundary(buf_str(boundary)))
				buf_clear(boundary);
			return;
		}
		at = end;
	}
}

static enum mime_type message_type(struct str sub)
{
	if (str_caseeq(sub, STR("rfc822")) || str_caseeq(sub, STR("news")))
		return TYPE_MESSAGE;
	/* RFC 6532 section 3.7 and RFC 6533 allow any encoding for these. */
	if (str_casestarts(sub, STR("global")))
		return TYPE_LEAF;
	return TYPE_REPORT;
}

enum mime_type mime_type_parse(struct str value, struct buf *boundary)
{
	buf_clear(boundary);
	size_t at = mime_skip(value, 0);
	struct str type = token(value, at);
	at = mime_skip(value, at + type.len);
	if (type.len == 0 || at >= value.len || value.at[at] != '/')
		return TYPE_NONE;
	at = mime_skip(value, at + 1);
	struct str sub = token(value, at);
	at += sub.len;
	if (sub.len == 0)
		return TYPE_NONE;
	if (str_caseeq(type, STR("message")))
		return message_type(sub);
	if (!str_caseeq(type, STR("multipart")))
		return TYPE_LEAF;
	if (str_caseeq(sub, STR("signed")))
		return TYPE_SIGNED;
	find_boundary(value, at, boundary);
	return str_caseeq(sub, STR("digest")) ? TYPE_DIGEST : TYPE_MULTIPART;
}

enum mime_code mime_code_parse(struct str value)
{
	static const struct {
		const char *name;
		enum mime_code code;
	} codes[] = {
	    {"7bit", CODE_7BIT},           {"8bit", CODE_8BIT},     {"binary", CODE_8BIT},
	    {"quoted-printable", CODE_QP}, {"base64", CODE_BASE64}, {"uuencode", CODE_PRIVATE},
	    {"uue", CODE_PRIVATE},
	};
	struct str word = token(value, mime_skip(value, 0));

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (str_caseeq(word, str_of(codes[i].name)))
			return codes[i].code;
	return str_casestarts(word, STR("x-")) ? CODE_PRIVATE : CODE_NONE;
}
