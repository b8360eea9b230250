/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smtp/ehlo.h"

#include <stddef.h>

struct keyword {
	const char *name;
	size_t flag; /* offset of the bool in struct ehlo */
};

static const struct keyword keywords[] = {
    {"STARTTLS", offsetof(struct ehlo, starttls)},
    {"PIPELINING", offsetof(struct ehlo, pipelining)},
    {"CHUNKING", offsetof(struct ehlo, chunking)},
    {"8BITMIME", offsetof(struct ehlo, eightbitmime)},
    {"SMTPUTF8", offsetof(struct ehlo, smtputf8)},
    {"DSN", offsetof(struct ehlo, dsn)},
    {"ENHANCEDSTATUSCODES", offsetof(struct ehlo, enhanced)},
    {"SIZE", offsetof(struct ehlo, size)},
    {"AUTH", offsetof(struct ehlo, auth)},
    {"REQUIRETLS", offsetof(struct ehlo, requiretls)},
};

/* The next word: separated by blanks, tabs, or the "=" of old servers. */
static struct str cut_word(struct str *rest)
{
	size_t start = 0;
	while (start < rest->len && (ascii_space(rest->at[start]) || rest->at[start] == '='))
		start++;
	size_t end = start;
	while (end < rest->len && !ascii_space(rest->at[end]) && rest->at[end] != '=')
		end++;
	struct str word = str_first(str_from(*rest, start), end - start);
	*rest = str_from(*rest, end);
	return word;
}

static void parse_size(struct ehlo *e, struct str word)
{
	long long limit;
	/* No number, or one too long to be a limit for anybody: no limit. */
	if (str_number(word, &limit))
		e->size_max = (uint64_t)limit;
}

static void parse_auth(struct ehlo *e, struct str rest)
{
	enum sasl_mechanism m;
	struct str word;
	while (word = cut_word(&rest), word.len > 0)
		if (sasl_by_name(word, &m))
			e->mechanisms |= 1u << m;
}

static void parse_line(struct ehlo *e, struct str line)
{
	struct str word = cut_word(&line);
	for (size_t i = 0; i < COUNT(keywords); i++)
		if (str_caseeq(word, str_of(keywords[i].name)))
			*(bool *)((char *)e + keywords[i].flag) = true;
	if (str_caseeq(word, STR("SIZE")))
		parse_size(e, cut_word(&line));
	else if (str_caseeq(word, STR("AUTH")))
		parse_auth(e, line);
}

void ehlo_parse(struct ehlo *e, struct str text)
{
	*e = (struct ehlo){0};
	struct str line;
	if (!str_cut(&text, '\n', &line))
		return;
	while (str_cut(&text, '\n', &line))
		parse_line(e, line);
}
