/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/rewrite.h"

#include "text/codec.h"
#include "text/idna.h"
#include "text/token.h"
#include "mail/addr.h"
#include "mail/field_kind.h"

/* A field's value being written anew, with other bytes for some addresses. */
struct edit {
	const struct rewrite *id;
	struct str value;
	size_t done;  /* bytes of value that are dealt with */
	size_t end;   /* of the address before */
	size_t count; /* addresses seen */
	bool rule;    /* from_rule is to be applied */
	bool changed;
	bool replaced; /* an address was, by another one */
	struct buf out;
};

static bool full(struct fault *f)
{
	return fault_set(f, FAULT_DATA, "an address field of the header is too long");
}

static bool row_matches(const struct rewrite *id, const struct rewrite_sender *row,
                        struct str mailbox)
{
	struct buf full;
	buf_init(&full, 2 * ADDR_MAX);
	bool matches;
	if (str_find(row->pattern, '@') == STR_NONE)
		matches = local_is_ours(id->local, mailbox) &&
		          addr_local_matches(addr_local(mailbox), row->pattern);
	else
		matches = addr_qualify(&full, mailbox, id->local->domain) &&
		          addr_matches(buf_str(&full), row->pattern);
	buf_release(&full);
	return matches;
}

bool rewrite_mailbox(const struct rewrite *id, struct str mailbox, struct buf *out)
{
	size_t before = out->len;
	for (size_t i = 0; i < id->sender_count; i++) {
		struct str address = id->senders[i].address;
		bool keeps = str_starts(address, STR("*@"));
		if (!row_matches(id, &id->senders[i], mailbox))
			continue;
		if ((!keeps || buf_add_str(out, addr_local(mailbox))) &&
		    buf_add_str(out, str_from(address, keeps ? 1 : 0)))
			return true;
		out->len = before;
		return false;
	}
	return false;
}

/* Does [mail] from take the place of mailbox (have), or of no address at all? */
static bool from_applies(const struct rewrite *id, bool have, struct str mailbox)
{
	if (id->from.len == 0)
		return false;
	switch (id->from_rule) {
	case FROM_MISSING:
		return !have;
	case FROM_LOCAL:
		return !have || local_is_ours(id->local, mailbox);
	case FROM_ALWAYS:
		return true;
	}
	return false;
}

/* The sender as [senders] leaves them; have: is there one at all (not only a login)? */
static bool find_sender(const struct rewrite *id, bool *have, struct str given, struct buf *out)
{
	struct buf login;
	buf_init(&login, ADDR_MAX);
	bool fits = *have || addr_add_local(&login, id->login);
	if (!*have)
		given = buf_str(&login);
	if (fits && rewrite_mailbox(id, given, out))
		*have = true;
	else
		fits = fits && buf_add_str(out, given);
	buf_release(&login);
	return fits;
}

bool rewrite_sender_is_local(const struct rewrite *id, bool have, struct str given)
{
	if (have && given.len == 0)
		return false;
	struct buf sender;
	buf_init(&sender, 2 * ADDR_MAX);
	bool local = find_sender(id, &have, given, &sender) &&
	             !from_applies(id, have, buf_str(&sender)) &&
	             local_is_ours(id->local, buf_str(&sender));
	buf_release(&sender);
	return local;
}

bool rewrite_sender(const struct rewrite *id, bool have, struct str given, struct buf *out,
                    struct fault *f)
{
	if (have && given.len == 0)
		return true;
	struct buf sender;
	buf_init(&sender, 2 * ADDR_MAX);
	bool fits = find_sender(id, &have, given, &sender);
	if (fits && from_applies(id, have, buf_str(&sender)))
		fits = addr_qualify(out, id->from, id->local->domain);
	else
		fits = fits && addr_qualify(out, buf_str(&sender), id->local->domain);
	buf_release(&sender);
	return fits || fault_set(f, FAULT_DATA, "sender address over %d bytes", ADDR_MAX);
}

/* Copies the value up to to, as it is. */
static bool copy_up_to(struct edit *e, size_t to)
{
	struct str piece = str_from(str_first(e->value, to), e->done);
	e->done = to;
	return buf_add_str(&e->out, piece);
}

/* A comma in front of an address that has none: where blanks alone stand between two,
 * as in "ann bob", both are taken, but no receiver has to understand it. It alone is
 * no reason to write the field anew. */
static bool add_comma(struct edit *e, const struct addr *a)
{
	size_t source = (size_t)(a->source.at - e->value.at), before = e->end;
	struct str gap = str_from(str_first(e->value, source), before);
	e->end = source + a->source.len;
	if (e->count == 0 || str_trim(gap).len > 0)
		return true;
	return copy_up_to(e, before) && buf_add_char(&e->out, ',');
}

/* An international domain would need SMTPUTF8 all the way; its ASCII form needs
 * nothing. A local-part beyond ASCII needs SMTPUTF8 anyway. */
static bool ascii_form(struct str mailbox, struct buf *out)
{
	struct fault ignored = FAULT_INIT;
	return codec_is_ascii(addr_local(mailbox)) && !codec_is_ascii(addr_domain(mailbox)) &&
	       idna_mailbox(out, mailbox, &ignored);
}

/* A display name that somebody wrote without care: quoted, for it may hold what has
 * a meaning there. Encoded words would have none in quotes. */
static bool add_loose_name(struct buf *out, struct str name)
{
	bool quoted = codec_is_ascii(name) && str_find(name, '?') == STR_NONE;
	return quoted ? token_add_quoted(out, name) : header_add_phrase(out, name);
}

/* What [senders] and from_rule make of an address of From; false: they leave it. */
static bool replaced_by(const struct rewrite *id, struct str mailbox, struct buf *out)
{
	bool row = rewrite_mailbox(id, mailbox, out);
	if (!from_applies(id, true, row ? buf_str(out) : mailbox))
		return row;
	buf_clear(out);
	return buf_add_str(out, id->from);
}

/* Words beside an address become its name. */
static bool edit_loose(struct edit *e, const struct addr *a, struct fault *f)
{
	size_t source = (size_t)(a->source.at - e->value.at);
	struct buf ascii;
	buf_init(&ascii, 4 * ADDR_MAX);
	struct buf other;
	buf_init(&other, 2 * ADDR_MAX);
	bool replace = e->rule && replaced_by(e->id, a->mailbox, &other);
	struct str address = replace ? buf_str(&other) : a->mailbox;
	if (ascii_form(address, &ascii))
		address = buf_str(&ascii);
	bool fits = copy_up_to(e, source) && add_loose_name(&e->out, a->name) &&
	            buf_add_str(&e->out, STR(" <")) &&
	            addr_qualify(&e->out, address, e->id->local->domain) &&
	            buf_add_char(&e->out, '>');
	e->done = source + a->source.len;
	e->count++;
	e->changed = true;
	e->replaced = e->replaced || (replace && !str_caseeq(a->mailbox, buf_str(&other)));
	buf_release(&ascii);
	buf_release(&other);
	return fits || full(f);
}

/* A word beyond ASCII is half a name that was cut in two at its comma, rather than a user
 * here: with a domain it would be an address that only SMTPUTF8 can carry. */
static bool is_word(const struct edit *e, const struct addr *a)
{
	return !e->id->smtputf8 && !codec_is_ascii(a->mailbox);
}

static bool edit_plain(struct edit *e, const struct addr *a, struct fault *f)
{
	size_t spec = (size_t)(a->spec.at - e->value.at);
	struct str domain = e->id->local->domain, written = STR("");
	struct buf ascii;
	bool fits = true;
	buf_init(&ascii, 4 * ADDR_MAX);
	struct buf other;
	buf_init(&other, 2 * ADDR_MAX);
	e->count++;
	if (e->rule && replaced_by(e->id, a->mailbox, &other)) {
		written = buf_str(&other);
		e->replaced = e->replaced || !str_caseeq(a->mailbox, written);
	} else if (ascii_form(a->mailbox, &ascii)) {
		written = buf_str(&ascii);
	} else if (a->bare && a->escaped) {
		written = a->mailbox;
	} else if (a->bare && !is_word(e, a) && domain.len > 0) {
		fits = copy_up_to(e, spec + a->spec.len) && buf_add_char(&e->out, '@') &&
		       buf_add_str(&e->out, domain);
		e->changed = true;
	}
	if (written.len > 0) {
		fits = copy_up_to(e, spec) && addr_qualify(&e->out, written, domain);
		e->done = spec + a->spec.len;
		e->changed = true;
	}
	buf_release(&ascii);
	buf_release(&other);
	return fits || full(f);
}

static bool edit_address(void *context, const struct addr *a, struct fault *f)
{
	struct edit *e = context;
	if (!add_comma(e, a))
		return full(f);
	return a->loose ? edit_loose(e, a, f) : edit_plain(e, a, f);
}

/* Only the first address, from replaced by [mail] from: the rule always. */
static bool edit_first(void *context, const struct addr *a, struct fault *f)
{
	struct edit *e = context;
	size_t source = (size_t)(a->source.at - e->value.at);
	if (e->count > 0) {
		e->count++;
		e->replaced = true;
		return true;
	}
	e->done = source;
	if (!edit_address(e, a, f))
		return false;
	return copy_up_to(e, source + a->source.len) || full(f);
}

/* Fills e->out; false, without a fault, if the value cannot be parsed. */
static bool edit_value(struct edit *e, addr_each *each)
{
	struct fault ignored = FAULT_INIT;
	return addr_parse_header(e->value, each, e, &ignored) && e->count > 0;
}

static bool complete_field(const struct rewrite *id, struct header *h, size_t at,
                           struct fault *f)
{
	struct edit e = {.id = id, .value = header_value(&h->fields[at])};
	bool fine = true;
	buf_init(&e.out, HEADER_MAX);
	if (edit_value(&e, edit_address) && e.changed) {
		fine = copy_up_to(&e, e.value.len) || full(f);
		fine = fine && header_set_value(h, at, buf_str(&e.out), f);
	}
	buf_release(&e.out);
	return fine;
}

static bool complete_all(const struct rewrite *id, struct header *h, struct fault *f)
{
	for (size_t at = 0; at < h->count; at++)
		if ((field_kind(header_name(&h->fields[at]))->uses & FIELD_COMPLETED) &&
		    !complete_field(id, h, at, f))
			return false;
	return true;
}

static bool write_from(const struct rewrite *id, bool have, struct str given, bool resent,
                       struct header *h, struct fault *f)
{
	struct str name = id->full_name;
	if (id->from_name.len > 0 && !id->name_given)
		name = id->from_name;
	struct buf value;
	buf_init(&value, HEADER_MAX);
	bool fine = name.len == 0 ||
	            (header_add_phrase(&value, name) && buf_add_str(&value, STR(" <")));
	if (!fine)
		full(f);
	fine = fine && rewrite_sender(id, have && given.len > 0, given, &value, f);
	if (fine && name.len > 0 && !buf_add_char(&value, '>'))
		fine = full(f);
	fine = fine && header_add(h, resent ? "Resent-From" : "From", buf_str(&value), f);
	buf_release(&value);
	return fine;
}

static bool add_reply_to(struct header *h, struct str value, struct fault *f)
{
	return header_find(h, "Reply-To", 0) != STR_NONE || header_add(h, "Reply-To", value, f);
}

/* What stands in a field that is to name one person. */
struct author {
	struct str value;
	size_t count;         /* addresses, with bare words */
	size_t angles, fulls; /* those in angle brackets, and those with a domain */
	struct str spec;      /* of the last in angle brackets, or else with a domain */
	bool bare;            /* it has no domain */
	bool grouped;         /* the last of all is in a group */
};

static bool look_at_author(void *context, const struct addr *a, struct fault *f)
{
	struct author *author = context;
	(void)f;
	author->count++;
	author->angles += a->angle ? 1 : 0;
	author->fulls += !a->bare && !a->angle ? 1 : 0;
	author->grouped = a->in_group;
	if (a->angle || (author->angles == 0 && !a->bare)) {
		author->spec = a->spec;
		author->bare = a->bare;
	}
	return true;
}

/* Is it a group that nothing ends: words and a colon? */
static bool has_colon(const struct author *author)
{
	return author->grouped && str_find(author->value, ';') == STR_NONE;
}

/* Should it be quoted before an address? It needs it (RFC 5322 section 3.2.5, but for the dots
 * of 4.1), and has no encoded word, which would be shown as it stands then. */
static bool wants_quotes(struct str text, bool needs)
{
	for (;;) {
		struct token t = token_take(&text, TOKEN_MAIL);
		bool word = t.kind == TOKEN_ATOM || t.kind == TOKEN_QUOTED;
		if (t.kind == TOKEN_END)
			return needs;
		if (t.kind == TOKEN_ATOM && str_starts(t.text, STR("=?")) &&
		    str_ends(t.text, STR("?=")))
			return false;
		needs = needs || (!word && t.kind != TOKEN_BLANK && t.kind != TOKEN_COMMENT &&
		                  !token_is(t, '.'));
	}
}

/* Of one that is in need of it: the address, and what stands before and behind it, which is
 * the name. */
static bool find_name(const struct author *author, struct str *before, struct str *behind)
{
	bool one = author->count == 1 && author->angles + author->fulls == 1;
	bool words = author->count > 1 && author->angles == 1 && author->fulls == 0;
	if (!one && !words)
		return false;
	size_t open = (size_t)(author->spec.at - author->value.at);
	size_t close = open + author->spec.len;
	if (author->angles > 0) {
		size_t end = str_find(str_from(author->value, close), '>');
		open = str_rfind(str_first(author->value, open), '<');
		if (open == STR_NONE || end == STR_NONE)
			return false;
		close += end + 1;
	}
	*before = str_first(author->value, open);
	*behind = str_from(author->value, close);
	bool closed = author->grouped && !has_colon(author);
	return words || (!closed && wants_quotes(*before, has_colon(author)));
}

/* The text of a display name out of raw pieces of a field: without quotes and
 * folds, with single blanks. */
static bool add_raw_name(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];
		if (c == '"' || (c == '\\' && i + 1 < text.len))
			continue;
		if ((unsigned char)c <= ' ' || c == 127)
			c = ' ';
		if (c == ' ' && (out->len == 0 || out->at[out->len - 1] == ' '))
			continue;
		if (!buf_add_char(out, c))
			return false;
	}
	return true;
}

/* No user's name is beyond ASCII: a single word that is stands for no mailbox. */
static bool name_only(const struct author *author)
{
	bool some = author->count > 1 || has_colon(author) || !codec_is_ascii(author->value);
	return some && author->count > 0 && author->angles == 0 && author->fulls == 0 &&
	       str_find(author->value, ',') == STR_NONE &&
	       str_find(author->value, ';') == STR_NONE;
}

/* Sets "NAME" <address>; before and behind are what the name is made of. */
static bool set_author(struct header *h, size_t at, struct str before, struct str behind,
                       struct str address, struct fault *f)
{
	struct buf name;
	buf_init(&name, HEADER_MAX);
	struct buf value;
	buf_init(&value, HEADER_MAX);
	bool fine = add_raw_name(&name, before) &&
	            (behind.len == 0 || buf_add_char(&name, ' ')) &&
	            add_raw_name(&name, behind);
	fine = fine && (str_trim(buf_str(&name)).len == 0 ||
	                add_loose_name(&value, str_trim(buf_str(&name))));
	fine = fine && buf_add_str(&value, value.len > 0 ? STR(" <") : STR("<")) &&
	       buf_add_str(&value, address) && buf_add_char(&value, '>');
	fine = (fine || full(f)) && header_set_value(h, at, buf_str(&value), f);
	buf_release(&name);
	buf_release(&value);
	return fine;
}

/* Of a field that is to name one person, and has one address in angle brackets
 * and other words ("Acme, Inc. <a@x>"), all these are the name; where there are
 * only words (sender is then the address) they are too. With always, so is what
 * cannot be parsed. */
static bool mend_author(struct header *h, size_t at, struct str sender, bool always,
                        struct fault *f)
{
	struct author author = {.value = header_value(&h->fields[at])};
	struct fault ignored = FAULT_INIT;
	bool parsed = addr_parse_header(author.value, look_at_author, &author, &ignored);
	if (sender.len > 0 &&
	    (parsed ? name_only(&author) || (always && author.count == 0) : always))
		return set_author(h, at, author.value, STR(""), sender, f);
	struct str before, behind;
	if (!parsed || !find_name(&author, &before, &behind))
		return true;
	/* Replies can go to several, and names of this host be among them. */
	if (author.count > 1 && author.bare &&
	    str_caseends(header_name(&h->fields[at]), STR("Reply-To")))
		return true;
	return set_author(h, at, before, behind, author.spec, f);
}

/* from_rule on a From that is there. */
static bool replace_from(const struct rewrite *id, struct header *h, size_t at, struct fault *f)
{
	bool always = id->from.len > 0 && id->from_rule == FROM_ALWAYS;
	struct edit e = {.id = id, .value = header_value(&h->fields[at]), .rule = true};
	bool fine = true;
	buf_init(&e.out, HEADER_MAX);
	if (edit_value(&e, always ? edit_first : edit_address) && e.replaced) {
		fine = always || copy_up_to(&e, e.value.len) || full(f);
		fine = fine && (!always || add_reply_to(h, e.value, f));
		fine = fine && header_set_value(h, at, buf_str(&e.out), f);
	}
	buf_release(&e.out);
	return fine;
}

/* own: the field that is ours to write, and so to fill. */
static bool mend_authors(const struct rewrite *id, bool have, struct str given, const char *own,
                         struct header *h, struct fault *f)
{
	bool always = id->from.len > 0 && id->from_rule == FROM_ALWAYS;
	struct buf sender;
	buf_init(&sender, 2 * ADDR_MAX);
	bool fine = rewrite_sender(id, have && given.len > 0, given, &sender, f);
	for (size_t i = 0; fine && i < h->count; i++) {
		struct str name = header_name(&h->fields[i]);
		bool ours = str_caseeq(name, str_of(own));
		if (field_kind(name)->uses & FIELD_AUTHOR)
			fine = mend_author(h, i, ours ? buf_str(&sender) : STR(""),
			                   always && ours, f);
	}
	buf_release(&sender);
	return fine;
}

bool rewrite_apply(const struct rewrite *id, bool have, struct str given, bool resent,
                   struct header *h, struct fault *f)
{
	const char *from = resent ? "Resent-From" : "From";
	bool rule = (id->from.len > 0 && id->from_rule != FROM_MISSING) || id->sender_count > 0;
	header_remove_empty(h, from);
	if (id->reply_to.len > 0 || rule)
		header_remove_empty(h, "Reply-To");
	if (!mend_authors(id, have, given, from, h, f))
		return false;
	size_t at = header_find(h, from, 0);
	if (at == STR_NONE && !write_from(id, have, given, resent, h, f))
		return false;
	for (; rule && at != STR_NONE; at = header_find(h, from, at + 1))
		if (!replace_from(id, h, at, f))
			return false;
	if (id->reply_to.len > 0 && !add_reply_to(h, id->reply_to, f))
		return false;
	return complete_all(id, h, f);
}
