/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/message.h"

#include <stdlib.h>
#include <string.h>

#include "text/codec.h"
#include "mail/header_fixup.h"
#include "mail/line.h"

#define OUT_SIZE  262144 /* the fewer calls, the fewer pages of a file are written twice */
#define OUT_LEAST 4096   /* that there is room for when lines are copied */
#define MARK      "\xEF\xBB\xBF" /* U+FEFF, which some programs put in front of UTF-8 */

enum phase { PHASE_HEADER, PHASE_BODY, PHASE_ENDED };

/* What the present line of the header is. Only its beginning may be known. */
enum kind {
	KIND_OPEN,    /* not yet decided */
	KIND_FIELD,   /* or a continuation of one */
	KIND_DROPPED, /* a mailbox's "From " line */
	KIND_BLANK,   /* ends the header */
	KIND_BODY,    /* the first line of the body; there is no blank one */
};

/* A line of a single dot that may be the last. */
enum dot { DOT_NONE, DOT_BEGUN, DOT_HELD };

struct message {
	const struct message_rules *rules;
	struct message_hooks hooks;
	struct line line;
	struct header header;
	enum phase phase;
	enum kind kind;
	enum dot dot;
	bool unmarked;   /* this line has no UTF-8 mark, or none any more */
	struct buf text; /* the present line of the header, or its beginning */
	uint64_t line_len;
	struct message_facts facts;
	size_t out_len;
	char *out; /* OUT_SIZE bytes: the sink gets large pieces */
};

/* Bytes of the final form go out. */
static bool give(struct message *m, struct str bytes, struct fault *f)
{
	uint64_t max = m->rules->max_size;
	m->facts.size += bytes.len;
	if (max > 0 && m->facts.size > max)
		return fault_set(f, FAULT_DATA, "message over max_size (%llu bytes)",
		                 (unsigned long long)max);
	return m->hooks.sink(m->hooks.context, bytes, f);
}

static bool flush_body(struct message *m, struct fault *f)
{
	struct str bytes = str_make(m->out, m->out_len);
	m->out_len = 0;
	if (bytes.len == 0)
		return true;
	return give(m, bytes, f);
}

static bool put_body(struct message *m, struct str bytes, struct fault *f)
{
	m->facts.body_8bit = m->facts.body_8bit || codec_has_8bit(bytes);
	while (bytes.len > 0) {
		size_t room = OUT_SIZE - m->out_len;
		size_t len = bytes.len < room ? bytes.len : room;
		memcpy(m->out + m->out_len, bytes.at, len);
		m->out_len += len;
		bytes = str_from(bytes, len);
		if (m->out_len == OUT_SIZE && !flush_body(m, f))
			return false;
	}
	return true;
}

static bool put_line(struct message *m, struct str piece, bool ends, struct fault *f)
{
	m->line_len += piece.len;
	if (!put_body(m, piece, f))
		return false;
	if (!ends)
		return true;
	if (m->line_len > m->facts.longest_line)
		m->facts.longest_line = m->line_len;
	m->line_len = 0;
	return put_body(m, STR("\r\n"), f);
}

static bool end_dot_line(struct message *m)
{
	m->dot = DOT_NONE;
	if (m->rules->dot == DOT_CLASSIC)
		m->phase = PHASE_ENDED;
	else
		m->dot = DOT_HELD;
	return true;
}

static bool body_piece(struct message *m, struct str piece, bool ends, struct fault *f)
{
	if (m->rules->dot == DOT_IGNORED)
		return put_line(m, piece, ends, f);
	if (m->dot == DOT_BEGUN) {
		if (piece.len == 0)
			return !ends || end_dot_line(m);
		m->dot = DOT_NONE;
		return put_line(m, STR("."), false, f) && put_line(m, piece, ends, f);
	}
	if (m->dot == DOT_HELD) {
		m->dot = DOT_NONE;
		if (!put_line(m, STR("."), true, f))
			return false;
	}
	if (m->line_len == 0 && str_eq(piece, STR("."))) {
		m->dot = DOT_BEGUN;
		return !ends || end_dot_line(m);
	}
	return put_line(m, piece, ends, f);
}

static void measure_header(struct message *m, struct str bytes)
{
	m->facts.header_8bit = codec_has_8bit(bytes);
	struct str line;
	while (str_cut(&bytes, '\n', &line))
		if (line.len > m->facts.longest_line + 1)
			m->facts.longest_line = line.len - 1;
}

static bool finish_header(struct message *m, struct fault *f)
{
	m->phase = PHASE_BODY;
	m->line.header = false;
	if (!header_fixup(&m->header, m->rules, &m->hooks, f) ||
	    (m->hooks.header_done && !m->hooks.header_done(m->hooks.context, f)))
		return false;
	struct buf out;
	buf_init(&out, HEADER_MAX + 2);
	bool fine = (header_write(&out, &m->header) && buf_add_str(&out, STR("\r\n"))) ||
	            fault_set(f, FAULT_DATA, "header over %d MiB", HEADER_MAX / 1024 / 1024);
	if (fine) {
		measure_header(m, buf_str(&out));
		fine = give(m, buf_str(&out), f);
	}
	buf_release(&out);
	header_release(&m->header);
	buf_release(&m->text);
	return fine;
}

/* The line began the body without a blank line before it. */
static bool begin_body(struct message *m, bool ends, struct fault *f)
{
	struct buf text = m->text;
	buf_init(&m->text, 0);
	bool fine = finish_header(m, f) && body_piece(m, buf_str(&text), ends, f);
	buf_release(&text);
	return fine;
}

/* False while it cannot be known whether a line before all fields has a mark. */
static bool drop_mark(struct message *m, bool ends)
{
	struct str text = buf_str(&m->text);
	if (m->unmarked)
		return true;
	if (!ends && text.len < strlen(MARK) && str_starts(STR(MARK), text))
		return false;
	if (str_starts(text, STR(MARK)))
		buf_drop(&m->text, strlen(MARK));
	m->unmarked = true;
	return true;
}

/* The line with which a mailbox file begins a message, quoted or not; "From :"
 * is a field. KIND_BODY: it is none. */
static enum kind mailbox_line(struct str text, bool ends)
{
	while (str_starts(text, STR(">")))
		text = str_from(text, 1);
	if (!str_starts(text, STR("From ")))
		return !ends && str_starts(STR("From "), text) ? KIND_OPEN : KIND_BODY;
	text = str_from(text, strlen("From "));
	while (text.len > 0 && ascii_space(text.at[0]))
		text = str_from(text, 1);
	if (text.len == 0 && !ends)
		return KIND_OPEN;
	return text.len > 0 && text.at[0] == ':' ? KIND_BODY : KIND_DROPPED;
}

static enum kind line_kind(const struct message *m, bool ends)
{
	struct str text = buf_str(&m->text);
	bool may_wait = !ends && text.len <= HEADER_NAME_MAX;
	if (str_trim(text).len == 0) {
		if (ends)
			return KIND_BLANK;
		if (may_wait)
			return KIND_OPEN;
	}
	if (ascii_space(text.at[0]))
		return m->header.count > 0 ? KIND_FIELD : KIND_BODY;
	if (m->header.count == 0) {
		enum kind kind = mailbox_line(text, !may_wait);
		if (kind != KIND_BODY)
			return kind;
	}
	if (header_is_field(text))
		return KIND_FIELD;
	return may_wait && header_may_be_field(text) ? KIND_OPEN : KIND_BODY;
}

static bool header_piece(struct message *m, struct str piece, unsigned flags, struct fault *f)
{
	bool ends = (flags & LINE_ENDS) != 0;
	if (flags & LINE_BEGINS) {
		buf_clear(&m->text);
		m->kind = KIND_OPEN;
		m->unmarked = m->header.count > 0;
	}
	if (m->kind == KIND_DROPPED)
		return true;
	if (!buf_add_str(&m->text, piece))
		return fault_set(f, FAULT_DATA,
		                 "header over %d MiB: put long text into the body",
		                 HEADER_MAX / 1024 / 1024);
	if (!drop_mark(m, ends))
		return true;
	if (m->kind == KIND_OPEN)
		m->kind = line_kind(m, ends);
	switch (m->kind) {
	case KIND_OPEN:
	case KIND_DROPPED:
		return true;
	case KIND_FIELD:
		return !ends || header_add_line(&m->header, buf_str(&m->text), f);
	case KIND_BLANK:
		return finish_header(m, f);
	case KIND_BODY:
		break;
	}
	return begin_body(m, ends, f);
}

static bool take_piece(void *context, struct str piece, unsigned flags, struct fault *f)
{
	struct message *m = context;
	switch (m->phase) {
	case PHASE_HEADER:
		return header_piece(m, piece, flags, f);
	case PHASE_BODY:
		return body_piece(m, piece, (flags & LINE_ENDS) != 0, f);
	case PHASE_ENDED:
		return true;
	}
	return true;
}

struct message *message_new(const struct message_rules *rules,
                            const struct message_hooks *hooks)
{
	struct message *m = mem_alloc(sizeof(*m));
	m->rules = rules;
	m->hooks = *hooks;
	m->out = mem_room(OUT_SIZE);
	line_init(&m->line, take_piece, m);
	m->line.header = true;
	header_init(&m->header);
	buf_init(&m->text, HEADER_MAX);
	return m;
}

void message_free(struct message *m)
{
	if (!m)
		return;
	header_release(&m->header);
	buf_release(&m->text);
	free(m->out);
	free(m);
}

/* Lines of the body that need no decision, as many as there are next and find room. */
static bool copy_lines(struct message *m, struct str *bytes, struct fault *f)
{
	if (OUT_SIZE - m->out_len < OUT_LEAST && !flush_body(m, f))
		return false;
	struct line_copy c = {m->out + m->out_len, m->line_len, m->facts.longest_line,
	                      m->facts.body_8bit, m->rules->dot != DOT_IGNORED};
	size_t most = (OUT_SIZE - m->out_len) / 2;
	size_t taken = line_copy(&m->line, str_first(*bytes, most), &c);
	m->out_len = (size_t)(c.to - m->out);
	m->line_len = c.len;
	m->facts.longest_line = c.longest;
	m->facts.body_8bit = c.has_8bit;
	*bytes = str_from(*bytes, taken);
	return true;
}

/* To the next LF, or all. */
static struct str cut_some(struct str *bytes)
{
	size_t at = str_find(*bytes, '\n');
	struct str some = str_first(*bytes, at == STR_NONE ? bytes->len : at + 1);
	*bytes = str_from(*bytes, some.len);
	return some;
}

bool message_feed(struct message *m, struct str bytes, struct fault *f)
{
	while (bytes.len > 0 && m->phase != PHASE_ENDED) {
		size_t before = bytes.len;
		if (m->phase == PHASE_BODY && m->dot == DOT_NONE && !copy_lines(m, &bytes, f))
			return false;
		if (bytes.len == before && !line_feed(&m->line, cut_some(&bytes), f))
			return false;
	}
	return true;
}

bool message_ended(const struct message *m)
{
	return m->phase == PHASE_ENDED;
}

bool message_end(struct message *m, struct fault *f)
{
	if (m->phase != PHASE_ENDED && !line_end(&m->line, f))
		return false;
	if (m->phase == PHASE_HEADER && !finish_header(m, f))
		return false;
	return flush_body(m, f);
}

const struct message_facts *message_facts(const struct message *m)
{
	return &m->facts;
}
