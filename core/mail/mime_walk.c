/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/mime_walk.h"

#include <stdlib.h>
#include <string.h>

#include "mail/header.h"

/* A boundary line: two dashes, the boundary, two dashes; the rest is for blanks. */
#define CANDIDATE_MAX 1000

enum walk_state { WALK_HEAD, WALK_BODY, WALK_BEFORE, WALK_BEHIND };

/* What is open around the current part. */
struct level {
	struct mime_part part;
	char *boundary; /* NULL for a message */
	size_t boundary_len;
};

struct mime_walk {
	const struct mime_hooks *hooks;
	void *context;
	enum walk_state state;
	struct mime_part part; /* the one whose header or leaf is being read */
	bool part_open;
	uint64_t number; /* of the next part */
	struct level *levels;
	size_t level_count;
	size_t level_cap;
	size_t bounds;       /* how many levels have a boundary */
	bool line_begins;    /* only meaningful where boundaries are looked for */
	struct buf line;     /* the beginning of a line that is needed whole */
	struct buf field;    /* the field being read */
	struct buf boundary; /* of the part whose header is being read */
};

static void part_begin(struct mime_walk *w, bool message)
{
	w->part = (struct mime_part){
	    .number = w->number++,
	    .message = message,
	    .inner = w->bounds > 0,
	};
	w->part_open = true;
	w->state = WALK_HEAD;
	w->line_begins = true;
	buf_clear(&w->line);
	buf_clear(&w->field);
	buf_clear(&w->boundary);
}

static void restart(struct mime_walk *w)
{
	while (w->level_count > 0)
		free(w->levels[--w->level_count].boundary);
	w->bounds = 0;
	w->number = 0;
	part_begin(w, true);
}

struct mime_walk *mime_walk_new(const struct mime_hooks *hooks, void *context)
{
	struct mime_walk *w = mem_alloc(sizeof(*w));
	w->hooks = hooks;
	w->context = context;
	buf_init(&w->line, HEADER_MAX);
	buf_init(&w->field, HEADER_MAX);
	buf_init(&w->boundary, MIME_BOUNDARY_MAX);
	restart(w);
	return w;
}

void mime_walk_free(struct mime_walk *w)
{
	if (!w)
		return;
	while (w->level_count > 0)
		free(w->levels[--w->level_count].boundary);
	free(w->levels);
	buf_release(&w->line);
	buf_release(&w->field);
	buf_release(&w->boundary);
	free(w);
}

static bool too_long(struct fault *f)
{
	return fault_set(
	    f, FAULT_DATA,
	    "the header of a MIME part has a field of more than %d bytes; make it shorter",
	    HEADER_MAX);
}

static struct mime_part *outer_part(struct mime_walk *w)
{
	return w->level_count > 0 ? &w->levels[w->level_count - 1].part : NULL;
}

static bool close_part(struct mime_walk *w, struct fault *f)
{
	if (!w->part_open)
		return true;
	w->part_open = false;
	return w->hooks->close(w->context, &w->part, outer_part(w), f);
}

static bool close_level(struct mime_walk *w, struct fault *f)
{
	struct level *l = &w->levels[--w->level_count];
	if (l->boundary)
		w->bounds--;
	free(l->boundary);
	return w->hooks->close(w->context, &l->part, outer_part(w), f);
}

/* The current part becomes one that others are in. */
static void push_level(struct mime_walk *w, struct str boundary)
{
	w->levels = mem_grow(w->levels, &w->level_cap, w->level_count + 1, sizeof(*w->levels));
	struct level *l = &w->levels[w->level_count++];

	*l = (struct level){.part = w->part};
	if (boundary.len > 0) {
		l->boundary = mem_copy(boundary);
		l->boundary_len = boundary.len;
		w->bounds++;
	}
	w->part_open = false;
}

/* Keeps what the walk needs of a field, the first of its name, and passes it on. */
static bool end_field(struct mime_walk *w, struct fault *f)
{
	if (w->field.len == 0)
		return true;
	struct str raw = buf_str(&w->field);
	size_t colon = str_find(raw, ':');
	struct str name = str_trim(str_first(raw, colon));
	struct str value = str_from(raw, colon + 1);
	struct mime_part *p = &w->part;

	if (str_caseeq(name, STR("Content-Type")) && !p->has_type) {
		p->has_type = true;
		p->type = mime_type_parse(value, &w->boundary);
	} else if (str_caseeq(name, STR("Content-Transfer-Encoding")) && !p->has_code) {
		p->has_code = true;
		p->code = mime_code_parse(value);
	} else if (str_caseeq(name, STR("MIME-Version"))) {
		p->has_version = true;
	}
	bool ok = w->hooks->field(w->context, p, raw, f);
	buf_clear(&w->field);
	return ok;
}

static enum mime_lock lock_of(const struct mime_walk *w)
{
	const struct mime_part *p = &w->part;
	bool encoded = p->code == CODE_QP || p->code == CODE_BASE64;
	switch (p->type) {
	case TYPE_NONE:
	case TYPE_LEAF:
		return p->code == CODE_PRIVATE ? LOCK_PRIVATE : LOCK_NONE;
	case TYPE_SIGNED:
		return LOCK_SIGNED;
	case TYPE_REPORT:
		return encoded ? LOCK_NONE : LOCK_MESSAGE;
	case TYPE_MESSAGE:
		return w->level_count >= MIME_DEPTH_TOTAL ? LOCK_DEEP : LOCK_NONE;
	case TYPE_MULTIPART:
	case TYPE_DIGEST:
		break;
	}
	if (w->boundary.len == 0)
		return LOCK_BOUNDARY;
	if (w->bounds >= MIME_DEPTH || w->level_count >= MIME_DEPTH_TOTAL)
		return LOCK_DEEP;
	return LOCK_NONE;
}

static bool end_head(struct mime_walk *w, enum mime_head_end how, struct fault *f)
{
	struct mime_part *p = &w->part;
	const struct mime_part *outer = outer_part(w);
	if (!end_field(w, f))
		return false;
	if (p->type == TYPE_NONE && outer && outer->type == TYPE_DIGEST)
		p->type = TYPE_MESSAGE;
	p->lock = lock_of(w);
	if (!w->hooks->head_end(w->context, p, how, f))
		return false;
	w->state = WALK_BODY;
	if (how == HEAD_NOTHING || p->lock != LOCK_NONE)
		return true;
	if (p->type == TYPE_MULTIPART || p->type == TYPE_DIGEST) {
		push_level(w, buf_str(&w->boundary));
		w->state = WALK_BEFORE;
	} else if (p->type == TYPE_MESSAGE && p->code != CODE_QP && p->code != CODE_BASE64) {
		push_level(w, STR(""));
		part_begin(w, true);
	}
	return true;
}

/* Which level's boundary is this line (without its end)? STR_NONE if none. */
static size_t match_boundary(const struct mime_walk *w, struct str line, bool *last)
{
	if (w->bounds == 0 || !str_starts(line, STR("--")))
		return STR_NONE;
	while (line.len > 2 && ascii_space(line.at[line.len - 1]))
		line.len--;
	line = str_from(line, 2);
	for (size_t i = w->level_count; i > 0; i--) {
		const struct level *l = &w->levels[i - 1];
		if (!l->boundary || l->boundary_len > line.len ||
		    memcmp(line.at, l->boundary, l->boundary_len) != 0)
			continue;
		struct str rest = str_from(line, l->boundary_len);
		*last = str_eq(rest, STR("--"));
		if (*last || rest.len == 0)
			return i - 1;
	}
	return STR_NONE;
}

/* The part that is open, and the levels above so many. */
static bool close_down_to(struct mime_walk *w, size_t levels, struct fault *f)
{
	if (!close_part(w, f))
		return false;
	while (w->level_count > levels)
		if (!close_level(w, f))
			return false;
	return true;
}

static bool take_boundary(struct mime_walk *w, size_t level, bool last, struct str raw,
                          struct fault *f)
{
	if (w->state == WALK_HEAD && !end_head(w, HEAD_NOTHING, f))
		return false;
	if (!close_down_to(w, level + 1, f))
		return false;
	if (last && !close_level(w, f))
		return false;
	if (!w->hooks->boundary(w->context, raw, f))
		return false;
	w->line_begins = true;
	w->state = WALK_BEHIND;
	if (!last)
		part_begin(w, false);
	return true;
}

static bool give_body(struct mime_walk *w, struct str bytes, struct fault *f)
{
	if (bytes.len == 0)
		return true;
	if (w->state == WALK_BODY)
		return w->hooks->body(w->context, &w->part, bytes, f);
	return w->hooks->filler(w->context, w->state == WALK_BEFORE ? outer_part(w) : NULL,
	                        bytes, f);
}

static struct str without_end(struct str raw)
{
	if (str_ends(raw, STR("\n")))
		raw.len--;
	if (str_ends(raw, STR("\r")))
		raw.len--;
	return raw;
}

/* A line of a header; *used is false if it belongs to the body instead. */
static bool head_line(struct mime_walk *w, struct str line, bool *used, struct fault *f)
{
	*used = true;
	if (line.len == 0)
		return end_head(w, HEAD_BLANK, f);
	if (ascii_space(line.at[0]) && w->field.len > 0) {
		if (!buf_add_str(&w->field, STR("\r\n")) || !buf_add_str(&w->field, line))
			return too_long(f);
		return true;
	}
	if (header_is_field(line)) {
		if (!end_field(w, f))
			return false;
		return buf_add_str(&w->field, line) ? true : too_long(f);
	}
	*used = false;
	return end_head(w, HEAD_BODY, f);
}

/* A whole line, its end still on it, at a place where it may be a boundary or
 * a part of a header. One that is no field may end several headers, a message
 * inside a message, before it finds its place; each may open a multipart. */
static bool whole_line(struct mime_walk *w, struct str raw, struct fault *f)
{
	struct str line = without_end(raw);
	bool used = false, last = false;
	while (!used) {
		size_t level = match_boundary(w, line, &last);
		if (level != STR_NONE)
			return take_boundary(w, level, last, raw, f);
		if (w->state != WALK_HEAD) {
			w->line_begins = true;
			return give_body(w, raw, f);
		}
		if (!head_line(w, line, &used, f))
			return false;
	}
	w->line_begins = true;
	return true;
}

/* Takes the rest of a line, at most limit bytes, to what is kept of it. *done:
 * the line is whole and has been looked at. */
static bool gather_line(struct mime_walk *w, struct str *bytes, size_t limit, bool *done,
                        struct fault *f)
{
	size_t at = str_find(str_first(*bytes, limit), '\n');
	struct str piece = str_first(*bytes, at == STR_NONE ? limit : at + 1);
	struct str raw = piece;
	*done = at != STR_NONE;
	*bytes = str_from(*bytes, piece.len);
	if (!*done || w->line.len > 0) {
		if (!buf_add_str(&w->line, piece))
			return too_long(f);
		raw = buf_str(&w->line);
	}
	if (!*done)
		return true;
	bool ok = whole_line(w, raw, f);
	buf_clear(&w->line);
	return ok;
}

static bool is_candidate(struct str line)
{
	return line.len < CANDIDATE_MAX && str_starts(line, str_first(STR("--"), line.len));
}

/* Body bytes up to a line that may be a boundary, which is then gathered. */
static bool feed_body(struct mime_walk *w, struct str *bytes, struct fault *f)
{
	bool done;
	if (w->line.len > 0 || (w->line_begins && bytes->at[0] == '-')) {
		if (!gather_line(w, bytes, CANDIDATE_MAX - w->line.len, &done, f))
			return false;
		if (done || is_candidate(buf_str(&w->line)))
			return true;
		w->line_begins = false;
		bool ok = give_body(w, buf_str(&w->line), f);
		buf_clear(&w->line);
		return ok;
	}
	const char *end = bytes->at + bytes->len, *at = bytes->at;
	while ((at = memchr(at, '\n', (size_t)(end - at)))) {
		at++;
		if (at == end || *at == '-')
			break;
	}
	w->line_begins = at != NULL;
	struct str piece = str_first(*bytes, !at ? bytes->len : (size_t)(at - bytes->at));
	*bytes = str_from(*bytes, piece.len);
	return give_body(w, piece, f);
}

bool mime_walk_feed(struct mime_walk *w, struct str bytes, struct fault *f)
{
	bool done;
	while (bytes.len > 0) {
		if (w->state == WALK_HEAD) {
			if (!gather_line(w, &bytes, STR_NONE, &done, f))
				return false;
		} else if (w->bounds == 0) {
			return give_body(w, bytes, f);
		} else if (!feed_body(w, &bytes, f)) {
			return false;
		}
	}
	return true;
}

bool mime_walk_end(struct mime_walk *w, struct fault *f)
{
	if (w->line.len > 0) {
		bool ok = whole_line(w, buf_str(&w->line), f);
		buf_clear(&w->line);
		if (!ok)
			return false;
	}
	if (w->state == WALK_HEAD && !end_head(w, HEAD_NOTHING, f))
		return false;
	if (!close_down_to(w, 0, f))
		return false;
	restart(w);
	return true;
}
