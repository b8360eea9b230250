/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smtp/serve_path.h"

#include "text/codec.h"

#define ENVID_MAX       100 /* RFC 3461 section 4.4 */
#define ORCPT_MAX       500 /* RFC 3461 section 4.2 */
#define SIZE_MAX_DIGITS 20

/* What a command gives, while its parameters are read. */
struct given {
	struct serve_mail mail;
	struct serve_rcpt rcpt;
	uint64_t size;
};

typedef bool take_value(struct given *g, struct str value);

struct parameter {
	const char *name;
	bool bare; /* has no value */
	take_value *take;
};

static bool take_size(struct given *g, struct str value)
{
	uint64_t size = 0;
	for (size_t i = 0; i < value.len; i++) {
		unsigned digit = (unsigned char)value.at[i] - '0';
		if (digit > 9)
			return false;
		size = size > (UINT64_MAX - digit) / 10 ? UINT64_MAX : size * 10 + digit;
	}
	g->size = size;
	return value.len <= SIZE_MAX_DIGITS;
}

static bool take_body(struct given *g, struct str value)
{
	if (str_caseeq(value, STR("7BIT")))
		g->mail.body = BODY_7BIT;
	else if (str_caseeq(value, STR("8BITMIME")))
		g->mail.body = BODY_8BITMIME;
	return g->mail.body != BODY_UNSET;
}

static bool take_ret(struct given *g, struct str value)
{
	if (str_caseeq(value, STR("FULL")))
		g->mail.ret = RET_FULL;
	else if (str_caseeq(value, STR("HDRS")))
		g->mail.ret = RET_HDRS;
	return g->mail.ret != RET_UNSET;
}

static bool take_envid(struct given *g, struct str value)
{
	g->mail.envid = value;
	return value.len <= ENVID_MAX && codec_is_xtext(value);
}

static bool take_utf8(struct given *g, struct str value)
{
	(void)value;
	g->mail.smtputf8 = true;
	return true;
}

/* Who wrote the message is of no use to a server that knows its caller
 * (RFC 4954 section 5 lets it be dropped). */
static bool take_auth(struct given *g, struct str value)
{
	(void)g;
	return str_eq(value, STR("<>")) || codec_is_xtext(value);
}

static bool take_notify(struct given *g, struct str value)
{
	return envelope_parse_notify(value, &g->rcpt.notify);
}

/* Raw UTF-8 (RFC 6533 section 3) could not go to every server, so such an
 * original address is left out. */
static bool take_orcpt(struct given *g, struct str value)
{
	size_t semicolon = str_find(value, ';');
	struct str type = str_first(value, semicolon);
	struct str address = str_from(value, type.len + 1);
	if (semicolon == STR_NONE || type.len == 0 || address.len == 0 || value.len > ORCPT_MAX)
		return false;
	for (size_t i = 0; i < type.len; i++)
		if (!ascii_alpha(type.at[i]) && !ascii_digit(type.at[i]) && type.at[i] != '-')
			return false;
	if (str_caseeq(type, STR("utf-8")) && !codec_is_ascii(address))
		return true;
	g->rcpt.orcpt = value;
	return codec_is_xtext(address);
}

static const struct parameter mail_parameters[] = {
    {"SIZE", false, take_size},   {"BODY", false, take_body},    {"RET", false, take_ret},
    {"ENVID", false, take_envid}, {"SMTPUTF8", true, take_utf8}, {"AUTH", false, take_auth},
};

static const struct parameter rcpt_parameters[] = {
    {"NOTIFY", false, take_notify},
    {"ORCPT", false, take_orcpt},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Where the path ends, brackets and quoted strings seen as wholes; STR_NONE if
 * one is not closed. */
static size_t path_end(struct str text)
{
	bool quoted = false;
	bool angle = str_starts(text, STR("<"));
	for (size_t at = 0; at < text.len; at++) {
		char c = text.at[at];
		if (quoted && c == '\\')
			at++;
		else if (c == '"')
			quoted = !quoted;
		else if (angle && !quoted && c == '>')
			return at + 1;
		else if (!angle && !quoted && ascii_space(c))
			return at;
	}
	return angle || quoted ? STR_NONE : text.len;
}

/* Takes prefix and path off *text. status: of a path that cannot be read. */
static bool read_path(struct str *text, struct str prefix, const char *status, struct str *path,
                      struct fault *f)
{
	if (!str_casestarts(*text, prefix))
		return fault_reply(f, FAULT_DATA, 501, "5.5.4", "%.*s<address> is expected",
		                   STR_FMT(prefix));
	*text = str_trim(str_from(*text, prefix.len));
	size_t end = path_end(*text);
	if (text->len == 0 || end == STR_NONE ||
	    (end < text->len && !ascii_space(text->at[end])))
		return fault_reply(f, FAULT_DATA, 501, status, "%.*s<address> is expected",
		                   STR_FMT(prefix));
	*path = str_first(*text, end);
	*text = str_from(*text, end);
	if (!codec_is_utf8(*path))
		return fault_reply(f, FAULT_DATA, 553, status,
		                   "the address is neither ASCII nor UTF-8");
	return true;
}

static bool take_parameter(struct str word, const struct parameter *known, size_t count,
                           unsigned *seen, struct given *g, struct fault *f)
{
	size_t equals = str_find(word, '=');
	struct str name = str_first(word, equals);
	struct str value = str_from(word, name.len + 1);
	size_t i = 0;
	while (i < count && !str_caseeq(name, str_of(known[i].name)))
		i++;
	if (i == count)
		return fault_reply(f, FAULT_DATA, 555, "5.5.4",
		                   "%.*s is no parameter known here",
		                   STR_FMT(str_first(name, 64)));
	if (*seen & 1U << i)
		return fault_reply(f, FAULT_DATA, 501, "5.5.4", "%s is given twice",
		                   known[i].name);
	*seen |= 1U << i;
	if (known[i].bare ? equals != STR_NONE : value.len == 0 || !known[i].take(g, value))
		return fault_reply(f, FAULT_DATA, 501, "5.5.4", "%s has a wrong value",
		                   known[i].name);
	return !known[i].bare || known[i].take(g, value);
}

static bool read_parameters(struct str text, const struct parameter *known, size_t count,
                            struct given *g, struct fault *f)
{
	unsigned seen = 0;
	for (text = str_trim(text); text.len > 0; text = str_trim(text)) {
		size_t len = 0;
		while (len < text.len && !ascii_space(text.at[len]))
			len++;
		if (!take_parameter(str_first(text, len), known, count, &seen, g, f))
			return false;
		text = str_from(text, len);
	}
	return true;
}

bool serve_read_mail(struct str text, struct serve_mail *mail, uint64_t *size, struct fault *f)
{
	struct given g = {0};
	if (!read_path(&text, STR("FROM:"), "5.1.7", &g.mail.path, f) ||
	    !read_parameters(text, mail_parameters, COUNT(mail_parameters), &g, f))
		return false;
	*mail = g.mail;
	*size = g.size;
	return true;
}

bool serve_read_rcpt(struct str text, struct serve_rcpt *rcpt, struct fault *f)
{
	struct given g = {0};
	if (!read_path(&text, STR("TO:"), "5.1.3", &g.rcpt.path, f) ||
	    !read_parameters(text, rcpt_parameters, COUNT(rcpt_parameters), &g, f))
		return false;
	*rcpt = g.rcpt;
	return true;
}
