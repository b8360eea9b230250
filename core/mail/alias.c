/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/alias.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text/codec.h"
#include "text/token.h"
#include "mail/addr.h"

#define SHOWN 80 /* bytes of a foreign text in a warning */

/* One address that a name stands for. */
struct value {
	char *mailbox;
	size_t entry; /* the alias of that name, to be followed, or STR_NONE */
	bool follow;  /* bare and not escaped, so it may have one */
	bool escaped;
};

struct alias_entry {
	char *name; /* in lower case */
	size_t line;
	size_t first; /* of its values */
	size_t count;
};

struct alias {
	struct value *values;
	size_t value_count;
	size_t value_cap;
	struct alias_entry *entries; /* sorted by name */
	size_t entry_count;
	size_t entry_cap;
	size_t rest; /* the entry of all other names, or STR_NONE */
};

/* The state of alias_parse. */
struct alias_reader {
	struct alias *alias;
	alias_warn *warn;
	void *context;
	size_t line;     /* of the entry, then of the value */
	struct buf body; /* the values of one entry, its line ends in it */
};

static void warn_about(const struct alias_reader *r, struct str what, const char *why)
{
	struct fault text = FAULT_INIT;
	if (!r->warn)
		return;
	char shown[SHOWN];
	codec_printable(shown, sizeof(shown), str_trim(what));
	fault_set(&text, FAULT_DATA, "%s: %s", shown, why);
	r->warn(r->context, r->line, text.text);
}

static bool begins_blank(struct str text)
{
	return token_first(text, TOKEN_TEXT).kind == TOKEN_BLANK;
}

/* The name as it is looked up: without quotes, in lower case. */
static char *key_of(struct str name)
{
	struct token t = token_first(name, TOKEN_PATH);
	bool quoted = t.kind == TOKEN_QUOTED && t.text.len == name.len && !t.open;
	struct buf key;
	buf_init(&key, name.len);
	bool fits = quoted ? token_add(&key, t) : buf_add_str(&key, name);
	for (size_t i = 0; i < key.len; i++)
		key.at[i] = ascii_lower(key.at[i]);
	char *copy = mem_copy(fits ? buf_str(&key) : STR(""));
	buf_release(&key);
	return copy;
}

/* Of two with one name the first in the file is first. */
static int by_name(const void *a, const void *b)
{
	const struct alias_entry *p = a, *q = b;
	int order = strcmp(p->name, q->name);
	return order != 0 ? order : (p->line > q->line) - (p->line < q->line);
}

static int to_name(const void *key, const void *entry)
{
	return strcmp(key, ((const struct alias_entry *)entry)->name);
}

static size_t find_entry(const struct alias *a, struct str name)
{
	char *key = key_of(name);
	const struct alias_entry *found = NULL;
	if (a->entry_count > 0)
		found = bsearch(key, a->entries, a->entry_count, sizeof(*found), to_name);
	free(key);
	return found ? (size_t)(found - a->entries) : STR_NONE;
}

/* The entry that the name has, be it that of all others; or STR_NONE. */
static size_t find_name(const struct alias *a, struct str name)
{
	size_t at = find_entry(a, name);
	return at != STR_NONE ? at : a->rest;
}

/* dma and Exim have "*", msmtp has "default". */
static void find_rest(struct alias *a)
{
	size_t star = find_entry(a, STR("*")), word = find_entry(a, STR("default"));
	a->rest = star != STR_NONE ? star : word;
}

/* What makes the value something that is never followed, or NULL. */
static const char *refusal(struct str value)
{
	if (str_starts(value, STR("\"")))
		value = str_trim(str_from(value, 1));
	if (str_starts(value, STR("|")))
		return "programs are never run from aliases; left out";
	if (str_starts(value, STR("/")))
		return "files are never written from aliases; left out";
	if (str_casestarts(value, STR(":include:")))
		return "lists are never included in aliases; left out";
	if (str_starts(value, STR(":")))
		return "this is no address; left out";
	return NULL;
}

static bool take_address(void *context, const struct addr *found, struct fault *f)
{
	struct alias_reader *r = context;
	struct alias *a = r->alias;
	const char *why = found->bare ? refusal(found->mailbox) : NULL;
	(void)f;
	if (why) {
		warn_about(r, found->mailbox, why);
		return true;
	}
	a->values = mem_grow(a->values, &a->value_cap, a->value_count + 1, sizeof(*a->values));
	a->values[a->value_count++] = (struct value){
	    .mailbox = mem_copy(found->mailbox),
	    .entry = STR_NONE,
	    .follow = found->bare && !found->escaped,
	    .escaped = found->escaped,
	};
	return true;
}

static void read_value(struct alias_reader *r, struct str value)
{
	struct fault f = FAULT_INIT;
	size_t before = r->alias->value_count;
	value = str_trim(value);
	if (value.len == 0)
		return;
	const char *why = refusal(value);
	if (why) {
		warn_about(r, value, why);
	} else if (!addr_parse_list(value, take_address, r, &f)) {
		while (r->alias->value_count > before)
			free(r->alias->values[--r->alias->value_count].mailbox);
		warn_about(r, value, f.text);
	}
}

static size_t count_lines(struct str text)
{
	size_t lines = 0;
	for (size_t i = 0; i < text.len; i++)
		lines += text.at[i] == '\n' ? 1 : 0;
	return lines;
}

static void read_values(struct alias_reader *r, struct str rest)
{
	while (rest.len > 0) {
		/* A value is on the line where its first byte is. */
		struct token blank = token_first(rest, TOKEN_TEXT);
		if (blank.kind == TOKEN_BLANK) {
			r->line += count_lines(blank.text);
			rest = str_from(rest, blank.text.len);
		}
		size_t end = addr_find(rest, 0, ",");
		struct str value = str_first(rest, end);
		read_value(r, value);
		r->line += count_lines(value);
		rest = str_from(rest, end + 1);
	}
}

/* The colon behind the name, or STR_NONE. */
static size_t name_end(struct str text)
{
	struct str rest = text;
	struct token t;
	do {
		t = token_take(&rest, TOKEN_PATH);
		if (token_is(t, ':'))
			return (size_t)(t.text.at - text.at);
	} while (t.kind != TOKEN_END && str_find(t.text, '\n') == STR_NONE);
	return STR_NONE;
}

static bool is_name(struct str name)
{
	bool quoted = str_starts(name, STR("\""));
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.at[i];
		if (c < ' ' || c == 127 || (!quoted && (c == ' ' || c == ',')))
			return false;
	}
	return name.len > 0 && name.len <= ADDR_MAX && !str_eq(name, STR("\"\""));
}

/* One entry, from its name to the last continuation line. */
static void read_entry(struct alias_reader *r)
{
	struct str text = buf_str(&r->body);
	struct alias *a = r->alias;
	size_t colon = name_end(text), line = r->line, first = a->value_count;
	struct str name = str_trim(str_first(text, colon == STR_NONE ? 0 : colon));
	if (str_trim(text).len == 0)
		return;
	/* A continuation line with nothing to continue may stand at the top. */
	if (colon == STR_NONE || !is_name(name) || begins_blank(text)) {
		warn_about(r, text, "this is no line \"name: address, address\"; left out");
		return;
	}
	read_values(r, str_from(text, colon + 1));
	r->line = line;
	if (a->value_count == first) {
		warn_about(r, name, "no address is left, so it is no alias");
		return;
	}
	a->entries =
	    mem_grow(a->entries, &a->entry_cap, a->entry_count + 1, sizeof(*a->entries));
	a->entries[a->entry_count++] = (struct alias_entry){.name = key_of(name),
	                                                    .line = line,
	                                                    .first = first,
	                                                    .count = a->value_count - first};
}

/* Cuts the text into entries. Comments and empty lines stand between them or
 * in them; they are left out but for their line ends, which count lines. */
static void read_entries(struct alias_reader *r, struct str text)
{
	struct str line;
	size_t number = 0;
	while (str_cut(&text, '\n', &line)) {
		bool inside = begins_blank(line);
		struct str shown = str_trim(line);
		number++;
		if (shown.len == 0 || shown.at[0] == '#') {
			line.len = 0;
		} else if (!inside) {
			read_entry(r);
			buf_clear(&r->body);
			r->line = number;
		}
		if (!buf_add_str(&r->body, line) || !buf_add_char(&r->body, '\n'))
			buf_clear(&r->body);
	}
	read_entry(r);
}

/* Of two entries with one name the first in the file is taken. */
static void drop_doubles(struct alias_reader *r)
{
	struct alias *a = r->alias;
	size_t kept = 0;
	for (size_t i = 0; i < a->entry_count; i++) {
		struct alias_entry *e = &a->entries[i];
		if (kept > 0 && strcmp(e->name, a->entries[kept - 1].name) == 0) {
			r->line = e->line;
			warn_about(r, str_of(e->name), "this alias is there already; left out");
			free(e->name);
		} else {
			a->entries[kept++] = *e;
		}
	}
	a->entry_count = kept;
}

static void link_values(struct alias *a)
{
	for (size_t i = 0; i < a->value_count; i++) {
		struct value *v = &a->values[i];
		if (v->follow)
			v->entry = find_name(a, str_of(v->mailbox));
	}
}

struct alias *alias_parse(struct str text, alias_warn *warn, void *context)
{
	struct alias *a = mem_alloc(sizeof(*a));
	struct alias_reader r = {.alias = a, .warn = warn, .context = context, .line = 1};
	a->rest = STR_NONE;
	buf_init(&r.body, SIZE_MAX / 4);
	read_entries(&r, text);
	buf_release(&r.body);
	if (a->entry_count > 0)
		qsort(a->entries, a->entry_count, sizeof(*a->entries), by_name);
	drop_doubles(&r);
	find_rest(a);
	link_values(a);
	return a;
}

void alias_follow(struct alias *a, alias_ours *ours, const void *context)
{
	for (size_t i = 0; i < a->value_count; i++) {
		struct value *v = &a->values[i];
		struct str mailbox = str_of(v->mailbox);
		if (!v->follow && !v->escaped && ours(context, mailbox))
			v->entry = find_name(a, addr_local(mailbox));
	}
}

void alias_free(struct alias *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->value_count; i++)
		free(a->values[i].mailbox);
	for (size_t i = 0; i < a->entry_count; i++)
		free(a->entries[i].name);
	free(a->values);
	free(a->entries);
	free(a);
}

bool alias_has(const struct alias *a, struct str name)
{
	return a && find_name(a, name) != STR_NONE;
}

enum visit { VISIT_NEW, VISIT_OPEN, VISIT_DONE };

/* One alias on the way from the name that was asked for. */
struct step {
	size_t entry;
	size_t next; /* of its values */
};

struct expansion {
	const struct alias *alias;
	unsigned char *visits; /* enum visit of each entry */
	struct step *steps;
	size_t depth;
	size_t cap;
	size_t results;
};

static void enter(struct expansion *x, size_t entry)
{
	x->steps = mem_grow(x->steps, &x->cap, x->depth + 1, sizeof(*x->steps));
	x->steps[x->depth++] = (struct step){entry, 0};
	x->visits[entry] = VISIT_OPEN;
}

static bool expand(struct expansion *x, alias_each *each, void *context, struct fault *f)
{
	const struct alias *a = x->alias;
	while (x->depth > 0) {
		struct step *step = &x->steps[x->depth - 1];
		const struct alias_entry *e = &a->entries[step->entry];
		if (step->next == e->count) {
			x->visits[step->entry] = VISIT_DONE;
			x->depth--;
			continue;
		}
		const struct value *v = &a->values[e->first + step->next++];
		enum visit visit = v->entry == STR_NONE ? VISIT_OPEN : x->visits[v->entry];
		if (visit == VISIT_NEW) {
			enter(x, v->entry);
		} else if (visit == VISIT_OPEN) {
			if (x->results++ == ALIAS_MAX)
				return fault_set(f, FAULT_DATA,
				                 "an alias stands for more than %d addresses; "
				                 "make it shorter",
				                 ALIAS_MAX);
			if (!each(context, str_of(v->mailbox), f))
				return false;
		}
	}
	return true;
}

bool alias_expand(const struct alias *a, struct str name, alias_each *each, void *context,
                  struct fault *f)
{
	size_t entry = a ? find_name(a, name) : STR_NONE;
	if (entry == STR_NONE)
		return each(context, name, f);
	struct expansion x = {.alias = a, .visits = mem_alloc(a->entry_count)};
	enter(&x, entry);
	bool ok = expand(&x, each, context, f);
	free(x.visits);
	free(x.steps);
	return ok;
}
