/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/header.h"

#include <string.h>

#include "text/codec.h"
#include "mail/addr.h"

/* Stands for itself in an extended value (RFC 2231 section 7). */
static bool is_attribute_char(char c)
{
	return c == '.' || (addr_is_atext(c) && !strchr("*'%/?=", c));
}

static bool is_fold(char c)
{
	return ascii_space(c) || c == '\r' || c == '\n';
}

/* Behind the parameter that begins at at: the next ";" outside quotes. */
static size_t parameter_end(struct str value, size_t at)
{
	while (at < value.len && value.at[at] != ';')
		at = value.at[at] == '"' ? addr_token_end(value, at) : at + 1;
	return at;
}

static struct str without_blanks_at_end(struct str s)
{
	while (s.len > 0 && is_fold(s.at[s.len - 1]))
		s.len--;
	return s;
}

/* What a token or quoted string stands for. */
static bool unquote(struct buf *out, struct str s)
{
	bool quoted = str_starts(s, STR("\""));
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		if (c == '\r' || c == '\n' || (quoted && c == '"'))
			continue;
		if (quoted && c == '\\' && i + 1 < s.len)
			c = s.at[++i];
		if (!buf_add_char(out, c))
			return false;
	}
	return true;
}

static bool add_extended(struct buf *out, struct str text)
{
	if (!buf_add_str(out, codec_is_utf8(text) ? STR("utf-8''") : STR("unknown-8bit''")))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];
		if (is_attribute_char(c) ? !buf_add_char(out, c)
		                         : !buf_addf(out, "%%%02X", (unsigned char)c))
			return false;
	}
	return true;
}

/* One parameter, blanks and folds before it too. */
static bool add_parameter(struct buf *out, struct str text)
{
	size_t equals = str_find(text, '=');
	struct str name = str_first(text, equals == STR_NONE ? 0 : equals);
	struct str value = without_blanks_at_end(str_from(text, name.len + 1));
	while (value.len > 0 && is_fold(value.at[0]))
		value = str_from(value, 1);
	name = without_blanks_at_end(name);
	if (str_trim(name).len == 0 || !codec_is_ascii(name) || str_ends(name, STR("*")) ||
	    codec_is_ascii(value))
		return buf_add_str(out, text);
	struct buf plain;
	buf_init(&plain, HEADER_MAX);
	bool fits = unquote(&plain, value) && buf_add_str(out, name) &&
	            buf_add_str(out, STR("*=")) && add_extended(out, buf_str(&plain));
	buf_release(&plain);
	return fits;
}

bool header_encode_params(struct buf *out, struct str value)
{
	size_t before = out->len;
	size_t at = parameter_end(value, 0);
	bool fits = buf_add_str(out, str_first(value, at));
	while (fits && at < value.len) {
		size_t end = parameter_end(value, at + 1);
		struct str text = str_from(str_first(value, end), at + 1);
		fits = buf_add_char(out, ';') && add_parameter(out, text);
		at = end;
	}
	if (!fits)
		out->len = before;
	return fits;
}
