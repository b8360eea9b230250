/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/addr.h"

#include <string.h>

#include "text/codec.h"

#define COMMENT_DEPTH 100
#define LOCAL_MAX     256
#define NAME_MAX_LEN  (1024 * 1024) /* no name is longer than the header it is in */
#define SHOWN_MAX     60            /* bytes of a bad address that a fault shows */

struct parser {
	struct str text;
	size_t at;
	size_t element;     /* where the present element begins */
	size_t counted_end; /* the element up to here has one kind of addresses */
	bool counted;
	size_t look_end; /* what decides the kind of the elements up to here ... */
	char look_char;  /* ... and what it is: < : , ; or 0 for the end */
	bool looked;
	bool in_group;
	bool null_ok; /* "<>" is an address */
	bool loose;   /* as in addr_parse_header */
	struct buf name;
	struct buf comment;
	struct buf local; /* local-part without quotes */
	struct buf mailbox;
	struct buf last; /* mailbox of the last address of a loose element */
	addr_each *each;
	void *context;
};

static bool bad(const struct parser *p, struct fault *f, const char *why)
{
	struct str rest = str_first(str_from(p->text, p->element), SHOWN_MAX);
	return fault_set(f, FAULT_DATA, "bad address \"%.*s\": %s", STR_FMT(rest), why);
}

static char peek(const struct parser *p)
{
	return p->at < p->text.len ? p->text.at[p->at] : '\0';
}

static bool at_end(const struct parser *p)
{
	return p->at == p->text.len;
}

/* Length of the blank at the place: blank, tab, or a fold; 0 if none. */
static size_t blank_len(const struct parser *p)
{
	struct str rest = str_from(p->text, p->at);
	if (rest.len > 0 && ascii_space(rest.at[0]))
		return 1;
	return rest.len > 2 && str_starts(rest, STR("\r\n")) && ascii_space(rest.at[2]) ? 2 : 0;
}

static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == 127;
}

static bool keep(struct parser *p, struct buf *into, struct fault *f)
{
	if (!buf_add_char(into, peek(p)))
		return bad(p, f, "too long");
	p->at++;
	return true;
}

/* A backslash and the byte it protects, at the place. */
static bool keep_escaped(struct parser *p, struct buf *into, struct fault *f)
{
	p->at++;
	if (at_end(p))
		return bad(p, f, "nothing behind the last backslash");
	if (is_control(peek(p)))
		return bad(p, f, "control byte");
	return keep(p, into, f);
}

/* The inside of a quoted string or comment: a byte, an escaped one or a fold. */
static bool keep_inside(struct parser *p, struct buf *into, struct fault *f)
{
	if (peek(p) == '\\')
		return keep_escaped(p, into, f);
	if (blank_len(p) > 1) {
		p->at += 2;
		return true;
	}
	if (is_control(peek(p)) && peek(p) != '\t')
		return bad(p, f, "control byte");
	return keep(p, into, f);
}

/* A comment; the first of an element is kept, as its name if it has no other. */
static bool skip_comment(struct parser *p, struct fault *f)
{
	size_t kept = p->comment.len;
	size_t depth = 0;
	do {
		if (at_end(p))
			return bad(p, f, "a parenthesis is not closed");
		if (peek(p) == '(') {
			if (++depth > COMMENT_DEPTH)
				return bad(p, f, "comments nest too deep");
			if (depth == 1) {
				p->at++;
				continue;
			}
		} else if (peek(p) == ')' && --depth == 0) {
			p->at++;
			continue;
		}
		if (!keep_inside(p, &p->comment, f))
			return false;
	} while (depth > 0);
	if (kept > 0)
		p->comment.len = kept;
	return true;
}

/* Blanks, folds and comments. */
static bool skip_between(struct parser *p, struct fault *f)
{
	for (;;) {
		size_t blank = blank_len(p);
		p->at += blank;
		if (blank == 0 && peek(p) != '(')
			return true;
		if (blank == 0 && !skip_comment(p, f))
			return false;
	}
}

static bool read_quoted(struct parser *p, struct buf *into, struct fault *f)
{
	p->at++;
	while (peek(p) != '"') {
		if (at_end(p))
			return bad(p, f, "a quote is not closed");
		if (!keep_inside(p, into, f))
			return false;
	}
	p->at++;
	return true;
}

/* Everything up to a blank or one of the stops, quotes undone. */
static bool read_run(struct parser *p, struct buf *into, const char *stops, struct fault *f)
{
	while (!at_end(p) && blank_len(p) == 0) {
		char c = peek(p);
		bool fine;
		if (c == '"')
			fine = read_quoted(p, into, f);
		else if (c == '\\')
			fine = keep_escaped(p, into, f);
		else if (is_control(c))
			fine = bad(p, f, "control byte");
		else if (strchr(stops, c))
			return true;
		else
			fine = keep(p, into, f);
		if (!fine)
			return false;
	}
	return true;
}

/* A local-part: words and dots. Quotes stand round a whole word: of bob"x"@y.example
 * nobody knows who is meant. In a header, "Bob"bob@x.example is a name and an address. */
static bool read_local(struct parser *p, struct fault *f)
{
	size_t start = p->at;
	size_t word = start;
	bool quoted = false; /* the word is, and is over */
	while (!at_end(p) && blank_len(p) == 0) {
		char c = peek(p);
		if (is_control(c))
			return bad(p, f, "control byte");
		if (strchr("()<>,;:@[]", c))
			return true;
		if (quoted && c != '.' && c != '"' && word == start && p->loose)
			return true;
		if ((quoted && c != '.') || (c == '"' && p->at > word))
			return bad(p, f, "quotes round a part of a word");
		quoted = c == '"';
		bool fine = quoted      ? read_quoted(p, &p->local, f)
		            : c == '\\' ? keep_escaped(p, &p->local, f)
		                        : keep(p, &p->local, f);
		if (!fine)
			return false;
		if (c == '.')
			word = p->at;
	}
	return true;
}

/* A display name or the name of a group, up to the byte end. */
static bool read_phrase(struct parser *p, char end, struct fault *f)
{
	for (;;) {
		if (!skip_between(p, f))
			return false;
		if (peek(p) == end)
			return true;
		size_t before = p->at;
		if (p->name.len > 0 && !buf_add_char(&p->name, ' '))
			return bad(p, f, "too long");
		if (!read_run(p, &p->name, end == ':' ? "()<>,;:@" : "()<>,;:", f))
			return false;
		if (p->at == before)
			return bad(p, f, "brackets do not match, or an @ or : too many");
	}
}

/* "@relay,@relay:" in front of an address (RFC 5321 appendix C): dropped. */
static bool skip_route(struct parser *p, struct fault *f)
{
	struct str rest = str_from(p->text, p->at);
	size_t colon = str_find(rest, ':');
	for (size_t i = 0; i < rest.len && i < colon; i++)
		if (is_control(rest.at[i]) || strchr("<>\"()\\;", rest.at[i]))
			return bad(p, f, "no local-part before the @");
	if (colon == STR_NONE)
		return bad(p, f, "no local-part before the @");
	p->at += colon + 1;
	return skip_between(p, f);
}

/* The domain behind an "@" goes to the mailbox. */
static bool read_domain(struct parser *p, struct addr *a, struct fault *f)
{
	size_t start = p->at;
	if (peek(p) == '[') {
		while (!at_end(p) && peek(p) != ']')
			p->at++;
		p->at += at_end(p) ? 0 : 1;
	}
	while (!at_end(p) && !is_control(peek(p)) && !strchr(" ()<>,;:@[]\"\\", peek(p)))
		p->at++;
	struct str domain = str_first(str_from(p->text, start), p->at - start);
	if (domain.len == 0)
		return bad(p, f, "no domain behind the @");
	if (domain.len > 1 && str_ends(domain, STR(".")))
		domain.len--;
	if (!addr_is_domain(domain))
		return bad(p, f, "the part behind the @ is not a domain name");
	a->bare = false;
	if (!buf_add_char(&p->mailbox, '@') || !buf_add_str(&p->mailbox, domain))
		return bad(p, f, "over 320 bytes");
	return true;
}

static bool add_local(struct parser *p, struct fault *f)
{
	struct str local = buf_str(&p->local);
	if (local.len == 0)
		return bad(p, f, "no local-part");
	if (!codec_is_utf8(local))
		return bad(p, f, "bytes over 127 that are not UTF-8");
	if (str_find(local, '\t') != STR_NONE)
		return bad(p, f, "control byte");
	buf_clear(&p->mailbox);
	if (!addr_add_local(&p->mailbox, local) || p->mailbox.len > LOCAL_MAX)
		return bad(p, f, "local-part over 256 bytes");
	return true;
}

/* local-part, or local-part "@" domain. */
static bool read_spec(struct parser *p, struct addr *a, struct fault *f)
{
	size_t start = p->at;
	buf_clear(&p->local);
	a->bare = true;
	a->escaped = peek(p) == '\\';
	if (!read_local(p, f) || !add_local(p, f))
		return false;
	size_t end = p->at;
	if (!skip_between(p, f))
		return false;
	if (peek(p) == '@') {
		p->at++;
		if (!skip_between(p, f) || !read_domain(p, a, f))
			return false;
		end = p->at;
	}
	a->escaped = a->escaped && a->bare;
	a->spec = str_first(str_from(p->text, start), end - start);
	a->mailbox = buf_str(&p->mailbox);
	return true;
}

static bool emit(struct parser *p, struct addr *a, struct fault *f)
{
	struct str source = str_from(str_first(p->text, p->at), p->element);
	a->source = str_trim(source);
	a->name = p->name.len > 0 ? buf_str(&p->name) : buf_str(&p->comment);
	a->in_group = p->in_group;
	return p->each(p->context, a, f);
}

/* [name] "<" address ">" */
static bool read_angle(struct parser *p, struct fault *f)
{
	struct addr a = {.angle = true};
	if (!read_phrase(p, '<', f))
		return false;
	p->at++;
	if (!skip_between(p, f))
		return false;
	if (peek(p) == '>' && p->null_ok) {
		a.spec = a.mailbox = str_first(str_from(p->text, p->at), 0);
	} else {
		if (peek(p) == '@' && !skip_route(p, f))
			return false;
		if (!read_spec(p, &a, f) || !skip_between(p, f))
			return false;
	}
	if (peek(p) != '>')
		return bad(p, f, "< is not closed");
	p->at++;
	if (!skip_between(p, f))
		return false;
	if (!at_end(p) && !strchr(",;<", peek(p)))
		return bad(p, f, "no comma behind the >");
	return emit(p, &a, f);
}

/* The addresses of an element without angle brackets. */
struct counts {
	size_t bare, full;
	bool touching; /* two of them have no blank between them */
	bool torn;     /* so may be one, with a comment in it where none can be */
};

static bool element_over(const struct parser *p)
{
	return at_end(p) || strchr(",;", peek(p));
}

static bool read_one(struct parser *p, struct addr *a, struct fault *f)
{
	if (!read_spec(p, a, f) || !skip_between(p, f))
		return false;
	/* Two addresses may have a blank between them, but this is more likely one,
	 * mistyped, and mail to a stranger cannot be taken back. A name may be short
	 * for something. */
	bool dot = str_ends(a->spec, STR(".")) && !(p->loose && a->bare);
	if (!element_over(p) && (dot || peek(p) == '.'))
		return bad(p, f, "a blank beside a dot");
	return true;
}

/* Reads on to the end of the element, or to its second kind if that will do. */
static bool count_element(struct parser *p, bool all, struct counts *n, struct fault *f)
{
	struct addr before = {0};
	struct str between = {0};
	bool touched = false;
	while (!element_over(p) && (all || n->bare == 0 || n->full == 0)) {
		struct addr a = {0};
		if (!read_one(p, &a, f))
			return false;
		n->bare += a.bare ? 1 : 0;
		n->full += a.bare ? 0 : 1;
		if (touched && between.len > 0)
			n->torn = n->torn || (a.bare && !before.bare) ||
			          (!a.bare && str_ends(before.spec, STR(".")));
		between = str_from(str_first(p->text, p->at),
		                   (size_t)(a.spec.at + a.spec.len - p->text.at));
		touched = !element_over(p) && str_find(between, ' ') == STR_NONE &&
		          str_find(between, '\t') == STR_NONE;
		n->touching = n->touching || touched;
		before = a;
	}
	return true;
}

static bool add_word(struct parser *p, struct fault *f)
{
	if ((p->name.len == 0 || buf_add_char(&p->name, ' ')) &&
	    buf_add_str(&p->name, buf_str(&p->local)))
		return true;
	return bad(p, f, "too long");
}

/* Words and addresses: words are the name of the address behind them, those at
 * the end of the last one. */
static bool read_loose(struct parser *p, size_t full, struct fault *f)
{
	struct addr last = {0};
	while (!element_over(p)) {
		struct addr a = {0};
		if (!read_one(p, &a, f))
			return false;
		if (a.bare) {
			if (!add_word(p, f))
				return false;
			continue;
		}
		a.loose = true;
		last = a;
		if (--full == 0) {
			buf_clear(&p->last);
			if (!buf_add_str(&p->last, a.mailbox))
				return bad(p, f, "too long");
			continue;
		}
		if (!emit(p, &a, f))
			return false;
		p->element = p->at;
		buf_clear(&p->name);
		buf_clear(&p->comment);
	}
	last.mailbox = buf_str(&p->last);
	return emit(p, &last, f);
}

static bool read_plain(struct parser *p, struct fault *f)
{
	size_t begin = p->at, comment = p->comment.len;
	struct counts n = {0};
	struct addr a = {0};
	if (!p->counted || begin >= p->counted_end) {
		if (!count_element(p, p->loose, &n, f))
			return false;
		p->counted = true;
		p->counted_end = p->at;
		p->at = begin;
		p->comment.len = comment;
		if (!p->loose && n.bare > 0 && n.full > 0)
			return bad(p, f,
			           "words beside an address: write \"name\" <address>, or a "
			           "comma between two addresses");
		if (n.torn || (n.touching && (!p->loose || n.full == 0)))
			return bad(p, f, "two addresses with no comma between them");
		if (n.bare > 0 && n.full > 0)
			return read_loose(p, n.full, f);
	}
	return read_one(p, &a, f) && emit(p, &a, f);
}

static bool begin_group(struct parser *p, struct fault *f)
{
	if (p->in_group)
		return bad(p, f, "a group inside a group");
	if (!read_phrase(p, ':', f))
		return false;
	if (p->name.len == 0)
		return bad(p, f, "a group without a name");
	p->at++;
	p->in_group = true;
	return true;
}

/* What kind of element comes: looked for once for all of them up to there. */
static char look_ahead(struct parser *p)
{
	size_t at = p->at;
	if (p->looked && at <= p->look_end)
		return p->look_char;
	while (at < p->text.len && (p->text.at[at] == '\0' || !strchr("<:,;", p->text.at[at])))
		at = addr_token_end(p->text, at);
	p->looked = true;
	p->look_end = at;
	p->look_char = at < p->text.len ? p->text.at[at] : '\0';
	return p->look_char;
}

static bool read_list(struct parser *p, struct fault *f)
{
	for (;;) {
		while (blank_len(p) > 0)
			p->at += blank_len(p);
		p->element = p->at;
		buf_clear(&p->name);
		buf_clear(&p->comment);
		if (!skip_between(p, f))
			return false;
		if (at_end(p))
			return true;
		if (peek(p) == ',' || peek(p) == ';') {
			p->in_group = p->in_group && peek(p) == ',';
			p->at++;
			continue;
		}
		char kind = look_ahead(p);
		bool fine;
		if (kind == '<')
			fine = read_angle(p, f);
		else if (kind == ':')
			fine = begin_group(p, f);
		else
			fine = read_plain(p, f);
		if (!fine)
			return false;
	}
}

enum how { HOW_STRICT, HOW_LOOSE, HOW_ONE };

static bool parse(struct str text, enum how how, addr_each *each, void *context,
                  struct fault *f)
{
	struct parser p = {.text = text,
	                   .null_ok = how == HOW_ONE,
	                   .loose = how == HOW_LOOSE,
	                   .each = each,
	                   .context = context};
	buf_init(&p.last, ADDR_MAX);
	buf_init(&p.name, NAME_MAX_LEN);
	buf_init(&p.comment, NAME_MAX_LEN);
	buf_init(&p.local, LOCAL_MAX);
	buf_init(&p.mailbox, ADDR_MAX);
	bool fine = read_list(&p, f);
	buf_release(&p.name);
	buf_release(&p.comment);
	buf_release(&p.local);
	buf_release(&p.mailbox);
	buf_release(&p.last);
	return fine;
}

bool addr_parse_list(struct str text, addr_each *each, void *context, struct fault *f)
{
	return parse(text, HOW_STRICT, each, context, f);
}

bool addr_parse_header(struct str text, addr_each *each, void *context, struct fault *f)
{
	return parse(text, HOW_LOOSE, each, context, f);
}

struct one {
	struct buf mailbox;
	size_t count;
};

static bool take_one(void *context, const struct addr *a, struct fault *f)
{
	struct one *one = context;
	if (a->in_group)
		return fault_set(f, FAULT_DATA, "a group where one address is wanted");
	if (one->count++ > 0)
		return fault_set(f, FAULT_DATA, "more than one address where one is wanted");
	return buf_add_str(&one->mailbox, a->mailbox) ||
	       fault_set(f, FAULT_DATA, "address over %d bytes", ADDR_MAX);
}

bool addr_parse_one(struct str text, struct buf *out, struct fault *f)
{
	struct one one = {.count = 0};
	if (str_trim(text).len == 0)
		return true;
	buf_init(&one.mailbox, ADDR_MAX);
	bool fine = parse(text, HOW_ONE, take_one, &one, f);
	if (fine && one.count == 0)
		fine = fault_set(f, FAULT_DATA, "no address in \"%.*s\"",
		                 STR_FMT(str_first(text, SHOWN_MAX)));
	if (fine && !buf_add_str(out, buf_str(&one.mailbox)))
		fine = fault_set(f, FAULT_DATA, "address over %d bytes", ADDR_MAX);
	buf_release(&one.mailbox);
	return fine;
}
