/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/header.h"

#include <string.h>

#include "text/codec.h"
#include "text/idna.h"
#include "mail/addr.h"

#define WORD_MAX    75 /* bytes of an encoded word (RFC 2047 section 2) */
#define WORD_LINE   76 /* bytes of a line that has one */
#define WORD_ROOM   16 /* with less left for its text, a word begins a new line */
#define WORD_SIGNS  7  /* "=?", "?Q?" and "?=" */
#define PHRASE_LINE 16 /* where a phrase is taken to begin */

/* What a run of words is, and so what its quotes and backslashes mean. */
enum words_kind { WORDS_TEXT, WORDS_COMMENT, WORDS_PHRASE };

/* The value being written. */
struct words {
	struct buf *out;
	size_t col;    /* bytes on the line so far */
	size_t tail;   /* bytes left free behind a word, for \")\" and \",\" */
	bool encoded;  /* the line has an encoded word */
	bool begun;    /* something has been written */
	bool touching; /* the last thing written is an encoded word */
};

struct word {
	struct str lead; /* blanks before it */
	struct str body;
};

/* How a text is encoded. */
struct code {
	const char *charset;
	size_t frame; /* bytes of an encoded word besides the text */
	bool utf8;
	bool base64;
};

static bool has_8bit(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.at[i] > 127)
			return true;
	return false;
}

static bool is_fold(char c)
{
	return ascii_space(c) || c == '\r' || c == '\n';
}

/* Stands for itself in kind Q, wherever the word is (RFC 2047 section 5 (3)). */
static bool is_plain(char c)
{
	return ascii_alpha(c) || ascii_digit(c) || (c != '\0' && strchr("!*+-/", c));
}

/* "=?" charset "?" Q or B "?" text "?=" */
static bool is_encoded_word(struct str s)
{
	if (s.len <= WORD_SIGNS || !str_starts(s, STR("=?")) || !str_ends(s, STR("?=")))
		return false;
	s = str_from(str_first(s, s.len - 2), 2);
	struct str charset, kind;
	return str_cut(&s, '?', &charset) && charset.len > 0 && str_cut(&s, '?', &kind) &&
	       (str_caseeq(kind, STR("Q")) || str_caseeq(kind, STR("B"))) && s.len > 0 &&
	       str_find(s, '?') == STR_NONE;
}

static struct str without_blanks_at_end(struct str s)
{
	while (s.len > 0 && is_fold(s.at[s.len - 1]))
		s.len--;
	return s;
}

static bool put(struct words *w, struct str s)
{
	size_t lf = str_rfind(s, '\n');
	if (s.len == 0)
		return true;
	w->begun = true;
	w->touching = false;
	w->encoded = w->encoded && lf == STR_NONE;
	w->col = lf == STR_NONE ? w->col + s.len : s.len - lf - 1;
	return buf_add_str(w->out, s);
}

/* A word as it is. Only a line with an encoded word is kept short. */
static bool put_plain(struct words *w, struct str lead, struct str body)
{
	bool fold = w->encoded && lead.len > 0 && str_find(lead, '\n') == STR_NONE &&
	            w->col + lead.len + body.len + w->tail > WORD_LINE;
	return (!fold || put(w, STR("\r\n"))) && put(w, lead) && put(w, body);
}

/* Bytes that kind Q writes as three. */
static size_t escapes(struct str s)
{
	size_t count = 0;
	for (size_t i = 0; i < s.len; i++)
		count += !is_plain(s.at[i]) && s.at[i] != ' ';
	return count;
}

static size_t coded_length(const struct code *code, struct str s)
{
	return code->base64 ? (s.len + 2) / 3 * 4 : s.len + 2 * escapes(s);
}

/* Kind Q while most can be read without decoding (RFC 2047 section 4). */
static struct code choose_code(struct str content)
{
	bool utf8 = codec_is_utf8(content);
	const char *charset = utf8 ? "utf-8" : "unknown-8bit";
	return (struct code){.charset = charset,
	                     .frame = strlen(charset) + WORD_SIGNS,
	                     .utf8 = utf8,
	                     .base64 = escapes(content) > content.len / 2};
}

/* How many bytes of s go into an encoded word with that room for text, in
 * whole characters; one character at least. */
static size_t fitting(const struct code *code, struct str s, size_t room)
{
	size_t taken = 0;
	while (taken < s.len) {
		size_t len = code->utf8 ? codec_utf8_len(str_from(s, taken)) : 1;
		if (taken > 0 && coded_length(code, str_first(s, taken + len)) > room)
			break;
		taken += len;
	}
	return taken;
}

static bool put_q(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		bool fits;
		if (is_plain(c))
			fits = buf_add_char(out, c);
		else if (c == ' ')
			fits = buf_add_char(out, '_');
		else
			fits = buf_addf(out, "=%02X", (unsigned char)c);
		if (!fits)
			return false;
	}
	return true;
}

static bool put_encoded_word(struct words *w, const struct code *code, struct str piece)
{
	size_t before = w->out->len;
	if (!buf_addf(w->out, "=?%s?%c?", code->charset, code->base64 ? 'B' : 'Q'))
		return false;
	if (code->base64 ? !codec_base64(w->out, piece) : !put_q(w->out, piece))
		return false;
	if (!buf_add_str(w->out, STR("?=")))
		return false;
	w->col += w->out->len - before;
	w->encoded = w->begun = w->touching = true;
	return true;
}

/* A new line if there is little room left for a word of that many bytes. */
static bool make_room(struct words *w, const struct code *code, struct str lead, size_t text)
{
	size_t least = code->frame + (text < WORD_ROOM ? text : WORD_ROOM);
	if (w->col + lead.len + least + w->tail <= WORD_LINE ||
	    str_find(lead, '\n') != STR_NONE)
		return true;
	return put(w, STR("\r\n")) && (lead.len > 0 || put(w, STR(" ")));
}

/* content as one encoded word or more, the further ones on lines of their own. */
static bool put_encoded(struct words *w, struct str lead, struct str content)
{
	struct code code = choose_code(content);
	if (!make_room(w, &code, lead, coded_length(&code, content)) || !put(w, lead))
		return false;
	while (content.len > 0) {
		size_t used = w->col + w->tail;
		size_t room = used < WORD_LINE ? WORD_LINE - used : 0;
		if (room > WORD_MAX)
			room = WORD_MAX;
		room = room > code.frame ? room - code.frame : 0;
		struct str piece = str_first(content, fitting(&code, content, room));
		if (!put_encoded_word(w, &code, piece))
			return false;
		content = str_from(content, piece.len);
		if (content.len > 0 && !put(w, STR("\r\n ")))
			return false;
	}
	return true;
}

/* Behind the word that begins at at: a blank, in a phrase one outside quotes. */
static size_t word_end(struct str text, size_t at, enum words_kind kind)
{
	bool quoted = false;
	while (at < text.len) {
		char c = text.at[at];
		if (kind != WORDS_TEXT && c == '\\')
			at++;
		else if (kind == WORDS_PHRASE && c == '"')
			quoted = !quoted;
		else if (!quoted && is_fold(c))
			break;
		at++;
	}
	return at < text.len ? at : text.len;
}

/* False when only blanks are left, which are in word->lead then. */
static bool next_word(struct str *text, enum words_kind kind, struct word *word)
{
	size_t lead = 0;
	while (lead < text->len && is_fold(text->at[lead]))
		lead++;
	size_t end = word_end(*text, lead, kind);
	word->lead = str_first(*text, lead);
	word->body = str_from(str_first(*text, end), lead);
	*text = str_from(*text, end);
	return word->body.len > 0;
}

/* Adds what s stands for: folds, quotes and backslashes undone. */
static bool add_meaning(struct buf *content, struct str s, enum words_kind kind)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		if (c == '\r' || c == '\n' || (kind == WORDS_PHRASE && c == '"'))
			continue;
		if (kind != WORDS_TEXT && c == '\\' && i + 1 < s.len)
			c = s.at[++i];
		if (!buf_add_char(content, c))
			return false;
	}
	return true;
}

/* Gathers word and the words behind it that need encoding too. A blank between
 * two encoded words is not shown (RFC 2047 section 6.2), so it goes inside. */
static bool gather(struct buf *content, struct str *text, const struct word *word, bool beside,
                   enum words_kind kind)
{
	struct str rest = *text;
	if (beside && !add_meaning(content, word->lead, WORDS_TEXT))
		return false;
	if (!add_meaning(content, word->body, kind))
		return false;
	struct word next;
	while (next_word(&rest, kind, &next)) {
		if (!has_8bit(next.body))
			return !is_encoded_word(next.body) ||
			       add_meaning(content, next.lead, WORDS_TEXT);
		if (!add_meaning(content, next.lead, WORDS_TEXT) ||
		    !add_meaning(content, next.body, kind))
			return false;
		*text = rest;
	}
	return true;
}

static bool put_words(struct words *w, struct str text, enum words_kind kind)
{
	bool beside = false; /* the word before is an encoded word already */
	struct buf content;
	bool fits = true;
	buf_init(&content, HEADER_MAX);
	struct word word;
	while (fits && next_word(&text, kind, &word)) {
		if (!has_8bit(word.body)) {
			fits = put_plain(w, word.lead, word.body);
			beside = is_encoded_word(word.body);
			continue;
		}
		buf_clear(&content);
		fits = gather(&content, &text, &word, beside, kind);
		if (kind == WORDS_PHRASE && word.lead.len == 0 && w->begun)
			word.lead = STR(" ");
		fits = fits && put_encoded(w, word.lead, buf_str(&content));
		beside = false;
	}
	buf_release(&content);
	return fits && put(w, word.lead);
}

bool header_encode_text(struct buf *out, struct str value, size_t first)
{
	struct words w = {.out = out, .col = first};
	size_t before = out->len;
	if (!has_8bit(value))
		return buf_add_str(out, value);
	if (put_words(&w, value, WORDS_TEXT))
		return true;
	out->len = before;
	return false;
}

/* Where the element of an address list ends, before its separator; *phrase is
 * where its display name ends ("<" or the ":" of a group), 0 if it has none. */
static size_t element_end(struct str text, size_t *phrase)
{
	size_t at = 0;
	*phrase = 0;
	while (at < text.len) {
		char c = text.at[at];
		if (c == ':' && *phrase == 0) {
			*phrase = at;
			return at;
		}
		if (c == ',' || c == ';')
			return at;
		if (c == '<' && *phrase == 0)
			*phrase = at;
		at = addr_token_end(text, at);
	}
	return at;
}

/* A comment with its parentheses, which may have comments in it. */
static bool put_comment(struct words *w, struct str text)
{
	size_t from = 0;
	for (size_t at = 0; at < text.len; at++) {
		char c = text.at[at];
		if (c == '\\') {
			at++;
		} else if (c == '(' || c == ')') {
			if (!put_words(w, str_first(str_from(text, from), at - from),
			               WORDS_COMMENT) ||
			    !put(w, str_make(&text.at[at], 1)))
				return false;
			from = at + 1;
		}
	}
	return put_words(w, str_from(text, from), WORDS_COMMENT);
}

/* What lies between comments: a display name, or an address as it is. */
static bool put_between(struct words *w, struct str text, bool phrase, bool *mailbox8)
{
	struct str body = str_trim(text);
	size_t lead = body.len > 0 ? (size_t)(body.at - text.at) : text.len;
	if (phrase)
		return put_words(w, text, WORDS_PHRASE);
	*mailbox8 = *mailbox8 || has_8bit(body);
	if (w->touching && lead == 0 && body.len > 0 && !put(w, STR(" ")))
		return false;
	return put_plain(w, str_first(text, lead), body) &&
	       put(w, str_from(text, lead + body.len));
}

static bool put_element(struct words *w, struct str text, bool phrase, bool *mailbox8)
{
	size_t from = 0;
	size_t at = 0;
	while (at < text.len) {
		size_t end = addr_token_end(text, at);
		if (text.at[at] == '(') {
			struct str before = str_first(str_from(text, from), at - from);
			if (!put_between(w, before, phrase, mailbox8) ||
			    (w->touching && !put(w, STR(" "))) ||
			    !put_comment(w, str_first(str_from(text, at), end - at)))
				return false;
			from = end;
		}
		at = end;
	}
	return put_between(w, str_from(text, from), phrase, mailbox8);
}

/* An address list being written. */
struct list {
	enum header_mailboxes how;
	bool in_group;
	bool mailbox8; /* an address beyond ASCII is left */
};

static bool address_has_8bit(struct str text)
{
	size_t at = 0;
	while (at < text.len) {
		size_t end = addr_token_end(text, at);
		if (text.at[at] != '(' && has_8bit(str_from(str_first(text, end), at)))
			return true;
		at = end;
	}
	return false;
}

/* Its name, and an address that is ASCII again. */
static bool put_ascii(struct words *w, struct str name, struct str rest, struct str mailbox,
                      struct list *l)
{
	bool angle = name.len > 0 || str_starts(str_trim(rest), STR("<"));
	struct str lead = w->begun || name.len > 0 ? STR(" ") : STR("");
	if (!put_element(w, name, true, &l->mailbox8))
		return false;
	if (!angle)
		return put_plain(w, lead, mailbox);
	return put_plain(w, lead, STR("<")) && put(w, mailbox) && put(w, STR(">"));
}

/* May it stand in a comment as it is? */
static bool fits_comment(struct str name)
{
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)name.at[i] > 127 || strchr("()\"\\", name.at[i]))
			return false;
	return true;
}

/* Within a group, which cannot hold another: a comment, with the name in it. */
static bool put_as_comment(struct words *w, struct str name, struct str lead, struct str body)
{
	struct str own = str_trim(name);
	bool apart = own.len > 0 && fits_comment(name);
	struct buf content;
	buf_init(&content, HEADER_MAX);
	bool fits = put(w, name.len > 0 ? str_first(name, (size_t)(own.at - name.at)) : lead) &&
	            put(w, STR("("));
	if (apart)
		fits = fits && put(w, own) && put(w, STR(" "));
	else if (own.len > 0)
		fits = fits && add_meaning(&content, own, WORDS_PHRASE) &&
		       buf_add_char(&content, ' ');
	fits = fits && add_meaning(&content, body, WORDS_PHRASE) &&
	       put_encoded(w, STR(""), buf_str(&content)) && put(w, STR(")"));
	buf_release(&content);
	return fits;
}

/* An element without an address: as an empty group (RFC 6857 section 3.1), which relays
 * leave alone, and readers see its name. */
static bool put_as_name(struct words *w, struct str name, struct str rest, struct list *l)
{
	struct str body = str_trim(rest), lead = str_first(rest, (size_t)(body.at - rest.at));
	if (name.len == 0 && str_starts(body, STR("<")) && str_ends(body, STR(">")))
		body = str_trim(str_from(str_first(body, body.len - 1), 1));
	if (l->in_group)
		return put_as_comment(w, name, lead, body);
	struct buf content;
	buf_init(&content, HEADER_MAX);
	bool fits = put_element(w, name, true, &l->mailbox8);
	/* Between two encoded words a blank is not shown. */
	if (fits && name.len > 0 && str_ends(buf_str(w->out), STR("?=")))
		fits = buf_add_char(&content, ' ');
	if (name.len > 0)
		lead = STR(" ");
	w->tail++;
	fits = fits && add_meaning(&content, body, WORDS_PHRASE) &&
	       put_encoded(w, lead, buf_str(&content)) && put(w, STR(":;"));
	w->tail--;
	buf_release(&content);
	return fits;
}

/* An element of which the address is not ASCII. */
static bool put_foreign(struct words *w, struct str name, struct str rest, struct list *l)
{
	struct buf mailbox;
	struct fault ignored = FAULT_INIT;
	buf_init(&mailbox, ADDR_MAX);
	struct buf ascii;
	buf_init(&ascii, 4 * ADDR_MAX);
	bool whole;
	whole =
	    addr_parse_one(rest, &mailbox, &ignored) && addr_domain(buf_str(&mailbox)).len > 0;
	bool local = whole && codec_is_ascii(addr_local(buf_str(&mailbox)));
	bool fits;
	if (local && l->how != MAILBOXES_MENDED &&
	    idna_mailbox(&ascii, buf_str(&mailbox), &ignored))
		fits = put_ascii(w, name, rest, buf_str(&ascii), l);
	else if (whole && l->how != MAILBOXES_ASCII)
		fits = put_element(w, name, true, &l->mailbox8) &&
		       put_element(w, rest, false, &l->mailbox8);
	else
		fits = put_as_name(w, name, rest, l);
	buf_release(&mailbox);
	buf_release(&ascii);
	return fits;
}

static bool put_addresses(struct words *w, struct str text, struct list *l)
{
	while (text.len > 0) {
		size_t phrase;
		size_t end = element_end(text, &phrase);
		struct str name = without_blanks_at_end(str_first(text, phrase));
		struct str rest = str_from(str_first(text, end), name.len);
		struct str stop = str_first(str_from(text, end), 1);
		bool foreign = l->how != MAILBOXES_KEPT && address_has_8bit(rest);
		if (foreign ? !put_foreign(w, name, rest, l)
		            : !put_element(w, name, true, &l->mailbox8) ||
		                  !put_element(w, rest, false, &l->mailbox8))
			return false;
		/* Some write it as a comma; it would end the group of our own once more. */
		if (foreign && !l->in_group && str_eq(stop, STR(";")))
			stop = STR(",");
		if (!put(w, stop))
			return false;
		l->in_group = str_eq(stop, STR(":")) || (l->in_group && str_eq(stop, STR(",")));
		text = str_from(text, end + 1);
	}
	return true;
}

bool header_encode_addresses(struct buf *out, struct str value, size_t first,
                             enum header_mailboxes how, bool *mailbox8)
{
	struct words w = {.out = out, .col = first, .tail = 2};
	struct list list = {.how = how};
	size_t before = out->len;
	*mailbox8 = false;
	if (!has_8bit(value))
		return buf_add_str(out, value);
	bool fits = put_addresses(&w, value, &list);
	*mailbox8 = list.mailbox8;
	if (!fits)
		out->len = before;
	return fits;
}

static bool is_atom(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!addr_is_atext(s.at[i]))
			return false;
	return s.len > 0;
}

/* Only atoms, one blank between them? */
static bool is_atoms(struct str s)
{
	if (str_ends(s, STR(" ")))
		return false;
	struct str word;
	while (str_cut(&s, ' ', &word))
		if (!is_atom(word))
			return false;
	return true;
}

static bool is_printable(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] < ' ' || s.at[i] > '~')
			return false;
	return true;
}

bool header_add_phrase(struct buf *out, struct str name)
{
	struct words w = {.out = out, .col = PHRASE_LINE, .tail = 2};
	size_t before = out->len;
	bool fits = true;
	if (is_atoms(name))
		return buf_add_str(out, name);
	if (!is_printable(name)) {
		fits = put_encoded(&w, STR(""), name);
	} else {
		fits = buf_add_char(out, '"');
		for (size_t i = 0; i < name.len && fits; i++) {
			if (name.at[i] == '"' || name.at[i] == '\\')
				fits = buf_add_char(out, '\\');
			fits = fits && buf_add_char(out, name.at[i]);
		}
		fits = fits && buf_add_char(out, '"');
	}
	if (!fits)
		out->len = before;
	return fits;
}
