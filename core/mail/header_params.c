/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/header_params.h"

#include "text/codec.h"
#include "mail/header.h"

#define PIECE_COLS 60 /* of an encoded value on one line */

bool header_next_param(struct str *rest, struct header_param *p)
{
	struct token t;
	while ((t = token_take_next(rest, TOKEN_MIME)).kind != TOKEN_END) {
		struct str behind = *rest;
		if (t.kind != TOKEN_ATOM ||
		    !token_is(token_take_next(&behind, TOKEN_MIME), '='))
			continue;
		p->name = t.text;
		p->value = token_take_next(&behind, TOKEN_VALUE);
		*rest = behind;
		if (token_is(p->value, ';')) {
			*rest = str_make(p->value.text.at, behind.len + 1);
			p->value.text.len = 0;
		}
		return true;
	}
	return false;
}

/* Stands for itself in an encoded value: of what RFC 2231 section 7 allows the characters
 * that no old reader stumbles over. */
static bool is_plain(char c)
{
	return ascii_alpha(c) || ascii_digit(c) || c == '-' || c == '.' || c == '_';
}

static bool add_percent(struct buf *out, char c)
{
	return is_plain(c) ? buf_add_char(out, c) : buf_addf(out, "%%%02X", (unsigned char)c);
}

/* name*=charset''text, or that in pieces: name*0*=charset''text; name*1*=text. What is a
 * numbered piece itself has the charset only if it is the first. */
static bool add_extended(struct buf *out, struct str name, struct str text)
{
	const char *charset = codec_is_utf8(text) ? "utf-8''" : "unknown-8bit''";
	bool numbered = str_find(name, '*') != STR_NONE;
	size_t cols = 0, piece = 0;
	for (size_t i = 0; i < text.len; i++)
		cols += is_plain(text.at[i]) ? 1 : 3;
	bool pieces = !numbered && cols > PIECE_COLS;
	if (numbered && !str_ends(name, STR("*0")))
		charset = "";
	if (!buf_add_str(out, name) || !buf_addf(out, pieces ? "*0*=%s" : "*=%s", charset))
		return false;
	cols = 0;
	for (size_t i = 0; i < text.len; i++) {
		cols += is_plain(text.at[i]) ? 1 : 3;
		if (pieces && cols > PIECE_COLS) {
			cols = is_plain(text.at[i]) ? 1 : 3;
			if (!buf_add_str(out, STR(";\r\n ")) || !buf_add_str(out, name) ||
			    !buf_addf(out, "*%zu*=", ++piece))
				return false;
		}
		if (!add_percent(out, text.at[i]))
			return false;
	}
	return true;
}

/* A parameter with 8-bit text in its value. */
static bool add_param(struct buf *out, struct str name, struct token value)
{
	if (str_ends(name, STR("*"))) {
		bool fits = buf_add_str(out, name) && buf_add_char(out, '=');
		for (size_t i = 0; i < value.text.len && fits; i++)
			fits = (unsigned char)value.text.at[i] > 127
			           ? add_percent(out, value.text.at[i])
			           : buf_add_char(out, value.text.at[i]);
		return fits;
	}
	struct buf plain;
	buf_init(&plain, HEADER_MAX);
	bool fits = value.kind != TOKEN_QUOTED || token_add(&plain, value);
	struct str rest = value.kind != TOKEN_QUOTED ? value.text : STR("");
	while (fits && rest.len > 0) /* there may be folds in it */
		fits = token_add(&plain, token_take(&rest, TOKEN_TEXT));
	fits = fits && add_extended(out, name, buf_str(&plain));
	buf_release(&plain);
	return fits;
}

/* The whole value up to the semicolon: without quotes there may be blanks in it, too. */
static void widen(struct token *value, struct str *rest)
{
	struct str all = str_make(value->text.at, value->text.len + rest->len);
	struct str whole = str_first(all, str_find(all, ';'));
	value->text = str_trim(whole);
	*rest = str_from(all, whole.len);
}

bool header_encode_params(struct buf *out, struct str value)
{
	struct str rest = value, kept = value;
	struct header_param p;
	size_t before = out->len;
	bool fits = true;
	while (fits && header_next_param(&rest, &p)) {
		if (p.value.kind == TOKEN_ATOM)
			widen(&p.value, &rest);
		if (!codec_has_8bit(p.value.text) || codec_has_8bit(p.name))
			continue;
		fits = buf_add_str(out, str_first(kept, (size_t)(p.name.at - kept.at))) &&
		       add_param(out, p.name, p.value);
		kept = rest;
	}
	if (fits && buf_add_str(out, kept))
		return true;
	out->len = before;
	return false;
}
