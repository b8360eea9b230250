/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/mime_type.h"

#include "mail/header_params.h"

static bool is_boundary(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] < ' ' || text.at[i] > '~')
			return false;
	return text.len > 0;
}

/* Finds the parameter behind the subtype. Blanks at the end of a boundary
 * would be lost on the way, so they are no part of it (RFC 2046 section 5.1.1). */
static void find_boundary(struct str rest, struct buf *boundary)
{
	struct header_param p;
	do {
		if (!header_next_param(&rest, &p))
			return;
	} while (!str_caseeq(p.name, STR("boundary")));
	bool fits = p.value.text.len <= MIME_BOUNDARY_MAX && token_add(boundary, p.value);
	while (boundary->len > 0 && ascii_space(boundary->at[boundary->len - 1]))
		boundary->len--;
	if (!fits || !is_boundary(buf_str(boundary)))
		buf_clear(boundary);
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
	struct token type = token_take_next(&value, TOKEN_MIME);
	bool slash = token_is(token_take_next(&value, TOKEN_MIME), '/');
	struct token sub = token_take_next(&value, TOKEN_MIME);
	if (type.kind != TOKEN_ATOM || !slash || sub.kind != TOKEN_ATOM)
		return TYPE_NONE;
	if (str_caseeq(type.text, STR("message")))
		return message_type(sub.text);
	if (!str_caseeq(type.text, STR("multipart")))
		return TYPE_LEAF;
	if (str_caseeq(sub.text, STR("signed")))
		return TYPE_SIGNED;
	find_boundary(value, boundary);
	return str_caseeq(sub.text, STR("digest")) ? TYPE_DIGEST : TYPE_MULTIPART;
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
	struct str word = token_take_next(&value, TOKEN_MIME).text;

	for (size_t i = 0; i < COUNT(codes); i++)
		if (str_caseeq(word, str_of(codes[i].name)))
			return codes[i].code;
	return str_casestarts(word, STR("x-")) ? CODE_PRIVATE : CODE_NONE;
}
