/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "syntax.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { LOCAL_MOST = 64, DOMAIN_MOST = 255, LABEL_MOST = 63 };

static bool let_dig(unsigned char c)
{
	return isalnum(c) || c >= 0x80;
}

/* Well-formed UTF-8 without overlong forms and surrogates (RFC 3629 section 4). */
static bool is_utf8(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + len;
	while (p < end) {
		size_t more = *p < 0x80 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
		unsigned char lead = *p++;
		if (!more)
			continue;
		if (lead < 0xc2 || lead > 0xf4 || (size_t)(end - p) < more)
			return false;
		if ((lead == 0xe0 && *p < 0xa0) || (lead == 0xed && *p > 0x9f) ||
		    (lead == 0xf0 && *p < 0x90) || (lead == 0xf4 && *p > 0x8f))
			return false;
		while (more--)
			if ((*p++ & 0xc0) != 0x80)
				return false;
	}
	return true;
}

static const char *check_literal(const char *text, size_t len)
{
	char copy[64];
	if (len < 3 || len > sizeof copy || text[len - 1] != ']')
		return "bad address literal";
	memcpy(copy, text + 1, len - 2);
	copy[len - 2] = '\0';
	struct in6_addr address;
	if (!strncasecmp(copy, "IPv6:", 5))
		return inet_pton(AF_INET6, copy + 5, &address) == 1 ? NULL : "bad IPv6 literal";
	return inet_pton(AF_INET, copy, &address) == 1 ? NULL : "bad address literal";
}

const char *syntax_domain(const char *text, size_t len)
{
	size_t label = 0;
	if (!len || len > DOMAIN_MOST)
		return "domain empty or too long";
	if (*text == '[')
		return check_literal(text, len);
	if (!is_utf8(text, len))
		return "domain is not UTF-8";
	for (size_t i = 0; i <= len; i++) {
		if (i == len || text[i] == '.') {
			if (!label || text[i - 1] == '-')
				return "bad label in domain";
			label = 0;
			continue;
		}
		label++;
		if (!let_dig((unsigned char)text[i]) && text[i] != '_' &&
		    (text[i] != '-' || label == 1))
			return "bad character in domain";
		if (label > LABEL_MOST)
			return "label too long";
	}
	return NULL;
}

/* The length of the local part, 0: it is bad. */
static size_t local_part(const char *text, size_t len)
{
	static const char specials[] = "!#$%&'*+-/=?^_`{|}~";
	size_t i = 0;
	if (len && *text == '"') {
		for (i = 1; i < len && text[i] != '"'; i++) {
			if (text[i] == '\\')
				i++;
			if (i >= len || (unsigned char)text[i] < 32 || text[i] == 127)
				return 0;
		}
		return i < len ? i + 1 : 0;
	}
	for (; i < len && text[i] != '@' && text[i] != '>'; i++) {
		if (text[i] == '.' && (!i || text[i - 1] == '.'))
			return 0;
		if (text[i] != '.' && !let_dig((unsigned char)text[i]) &&
		    !(text[i] && strchr(specials, text[i])))
			return 0;
	}
	return i && text[i - 1] != '.' ? i : 0;
}

static const char *check_mailbox(const char *text, size_t len)
{
	size_t local = local_part(text, len);
	if (!local)
		return "bad local part";
	if (local > LOCAL_MOST)
		return "local part too long";
	if (local == len || text[local] != '@')
		return "no domain";
	if (!is_utf8(text, local))
		return "local part is not UTF-8";
	return syntax_domain(text + local + 1, len - local - 1);
}

/* The length of the path with its brackets; quoted strings may hold a bracket. */
static size_t path_length(const char *text, size_t len)
{
	bool quoted = false;
	for (size_t i = 1; i < len; i++)
		if (text[i] == '\\' && quoted)
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (text[i] == '>' && !quoted)
			return i + 1;
	return 0;
}

const char *syntax_path(const char *text, size_t len, bool null_ok, struct path *path,
                        size_t *used)
{
	size_t whole = len && *text == '<' ? path_length(text, len) : 0;
	*path = (struct path){0};
	*used = whole;
	if (!whole)
		return "no <path>";
	size_t inner = whole - 2;
	text_add(&path->address, text + 1, inner);
	for (size_t i = 0; i < inner; i++)
		if ((unsigned char)text[1 + i] >= 0x80)
			path->non_ascii = true;
	if (!inner)
		return null_ok ? NULL : "empty path";
	if (inner > 254)
		return "path too long";
	if (!null_ok && !strcasecmp(path->address.data, "postmaster"))
		return NULL;
	if (text[1] == '@')
		return "source route";
	return check_mailbox(path->address.data, inner);
}

const char *syntax_params(const char *text, size_t len, struct param_list *params)
{
	size_t at = 0;
	*params = (struct param_list){0};
	while (at < len) {
		struct param *p = &params->list[params->count];
		if (text[at++] != ' ')
			return "a space is due before a parameter";
		if (params->count == PARAM_MOST)
			return "too many parameters";
		params->count++;
		*p = (struct param){0};
		text_str(&p->name, "");
		text_str(&p->value, "");
		while (at < len && (isalnum((unsigned char)text[at]) || text[at] == '-'))
			text_char(&p->name, (char)toupper((unsigned char)text[at++]));
		if (!p->name.len || *p->name.data == '-')
			return "bad parameter name or stray space";
		p->has_value = at < len && text[at] == '=';
		if (p->has_value)
			at++;
		while (p->has_value && at < len && (unsigned char)text[at] > 32 &&
		       text[at] != '=' && text[at] != 127)
			text_char(&p->value, text[at++]);
		if (p->has_value && !p->value.len)
			return "parameter with an empty value";
		if (params_find(params, p->name.data) != p)
			return "parameter given twice";
	}
	return NULL;
}

void params_free(struct param_list *params)
{
	for (size_t i = 0; i < params->count; i++) {
		text_free(&params->list[i].name);
		text_free(&params->list[i].value);
	}
	params->count = 0;
}

const struct param *params_find(const struct param_list *params, const char *name)
{
	for (size_t i = 0; i < params->count; i++)
		if (!strcmp(params->list[i].name.data, name))
			return &params->list[i];
	return NULL;
}

void params_json(const struct param_list *params, struct text *json)
{
	text_char(json, '{');
	for (size_t i = 0; i < params->count; i++) {
		const struct param *p = &params->list[i];
		if (i)
			text_str(json, ", ");
		text_json(json, p->name.data, p->name.len);
		text_str(json, ": ");
		if (p->has_value)
			text_json(json, p->value.data, p->value.len);
		else
			text_str(json, "null");
	}
	text_char(json, '}');
}

static bool is_digits(const char *v)
{
	return *v && strspn(v, "0123456789") == strlen(v) && strlen(v) <= 20;
}

/* RFC 3461 section 4: "+" only before two upper-case hex digits. */
static bool is_xtext(const char *v)
{
	for (; *v; v++) {
		if ((unsigned char)*v >= 0x80 || *v == '=')
			return false;
		if (*v != '+')
			continue;
		for (int i = 0; i < 2; i++)
			if (!*++v || !strchr("0123456789ABCDEF", *v))
				return false;
	}
	return true;
}

static bool is_size(const char *v)
{
	return is_digits(v);
}

static bool is_body(const char *v)
{
	return !strcasecmp(v, "7BIT") || !strcasecmp(v, "8BITMIME") ||
	       !strcasecmp(v, "BINARYMIME");
}

static bool is_ret(const char *v)
{
	return !strcasecmp(v, "FULL") || !strcasecmp(v, "HDRS");
}

static bool is_envid(const char *v)
{
	return strlen(v) <= 100 && is_xtext(v);
}

static bool is_auth(const char *v)
{
	return is_xtext(v);
}

static bool is_orcpt(const char *v)
{
	const char *semicolon = strchr(v, ';');
	return semicolon && semicolon != v && strlen(v) <= 500 && is_xtext(semicolon + 1);
}

static bool is_notify(const char *v)
{
	static const char *const words[] = {"SUCCESS", "FAILURE", "DELAY"};
	bool seen[3] = {false, false, false};
	if (!strcasecmp(v, "NEVER"))
		return true;
	for (;;) {
		size_t len = strcspn(v, ","), i = 0;
		while (i < 3 && (len != strlen(words[i]) || strncasecmp(v, words[i], len)))
			i++;
		if (i == 3 || seen[i])
			return false;
		seen[i] = true;
		if (!v[len])
			return true;
		v += len + 1;
	}
}

const char *syntax_param(const struct param *param, bool of_mail, enum extension *extension)
{
	static const struct {
		const char *name;
		bool of_mail;
		enum extension extension;
		bool (*check)(const char *value); /* null: takes no value */
	} known[] = {
	    {"SIZE", true, EXT_SIZE, is_size},          {"BODY", true, EXT_8BITMIME, is_body},
	    {"SMTPUTF8", true, EXT_SMTPUTF8, NULL},     {"RET", true, EXT_DSN, is_ret},
	    {"ENVID", true, EXT_DSN, is_envid},         {"AUTH", true, EXT_AUTH, is_auth},
	    {"REQUIRETLS", true, EXT_REQUIRETLS, NULL}, {"NOTIFY", false, EXT_DSN, is_notify},
	    {"ORCPT", false, EXT_DSN, is_orcpt},
	};

	*extension = EXT_COUNT;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		if (known[i].of_mail != of_mail || strcmp(known[i].name, param->name.data))
			continue;
		*extension = known[i].extension;
		if (!known[i].check != !param->has_value)
			return "parameter with or without a value, wrongly";
		if (known[i].check && !known[i].check(param->value.data))
			return "bad parameter value";
	}
	return NULL;
}
