/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/line.h"

#include <string.h>

#include "text/scan.h"

/* Where in the bytes being fed the next LF, CR and NUL are: each is looked for
 * again only when it has been passed, so every byte is looked at three times
 * at most, whatever their mix. */
struct scan {
	const char *at;
	const char *end;
	const char *lf;
	const char *cr;
	const char *nul;
};

static const char *find(const char *at, const char *end, char c)
{
	const char *found = memchr(at, c, (size_t)(end - at));
	return found ? found : end;
}

/* The first of the three at or behind s->at, or the end. */
static const char *next_special(struct scan *s)
{
	if (s->lf < s->at)
		s->lf = find(s->at, s->end, '\n');
	if (s->cr < s->at)
		s->cr = find(s->at, s->end, '\r');
	if (s->nul < s->at)
		s->nul = find(s->at, s->end, '\0');
	const char *first = s->lf < s->cr ? s->lf : s->cr;
	return first < s->nul ? first : s->nul;
}

static bool put(struct line *l, struct str piece, bool ends, struct fault *f)
{
	unsigned flags = (l->open ? 0u : LINE_BEGINS) | (ends ? LINE_ENDS : 0u);
	l->open = !ends;
	return l->sink(l->context, piece, flags, f);
}

/* The CRs seen were not followed by LF. */
static bool settle_crs(struct line *l, struct fault *f)
{
	while (l->crs > 0) {
		l->crs--;
		if (l->header ? !put(l, STR(" "), false, f) : !put(l, STR(""), true, f))
			return false;
	}
	return true;
}

/* Bytes without LF, CR or NUL, and how long the line end behind them is. */
static bool put_text(struct line *l, const struct scan *s, const char *stop, size_t *end_len,
                     struct fault *f)
{
	struct str text = str_make(s->at, (size_t)(stop - s->at));
	*end_len = 0;
	if (stop < s->end && *stop == '\n')
		*end_len = 1;
	else if (s->end - stop > 1 && stop[0] == '\r' && stop[1] == '\n')
		*end_len = 2;
	return settle_crs(l, f) && put(l, text, *end_len > 0, f);
}

void line_init(struct line *l, line_sink *sink, void *context)
{
	*l = (struct line){.sink = sink, .context = context};
}

bool line_feed(struct line *l, struct str bytes, struct fault *f)
{
	if (bytes.len == 0)
		return true;
	struct scan s;
	s.at = bytes.at;
	s.end = bytes.at + bytes.len;
	s.lf = find(s.at, s.end, '\n');
	s.cr = find(s.at, s.end, '\r');
	s.nul = find(s.at, s.end, '\0');
	while (s.at < s.end) {
		const char *stop = next_special(&s);
		if (stop > s.at) {
			size_t end_len;
			if (!put_text(l, &s, stop, &end_len, f))
				return false;
			s.at = stop + end_len;
			continue;
		}
		s.at++;
		if (*stop == '\r') {
			l->crs++;
		} else if (*stop == '\n') {
			l->crs = 0;
			if (!put(l, STR(""), true, f))
				return false;
		}
	}
	return true;
}

bool line_end(struct line *l, struct fault *f)
{
	if (l->header && l->crs > 0) {
		l->crs = 0;
		return put(l, STR(""), true, f);
	}
	if (!settle_crs(l, f))
		return false;
	return !l->open || put(l, STR(""), true, f);
}

/* A line end at from that needs nothing more to be known; 0: there is none. */
static size_t end_len(const char *from, const char *end)
{
	if (*from == '\n')
		return 1;
	return *from == '\r' && end - from > 1 && from[1] == '\n' ? 2 : 0;
}

size_t line_copy(struct line *l, struct str bytes, struct line_copy *c)
{
	const char *at = bytes.at, *end = at + bytes.len;
	char *to = c->to, *begin = to; /* of what is here of the line */
	if (l->header || l->crs > 0)
		return 0;
	while (at < end) {
		if (c->stops_at_dots && *at == '.' && to == begin && c->len == 0)
			break;
		size_t n = scan_copy(to, at, (size_t)(end - at), &c->has_8bit);
		at += n;
		to += n;
		if (at == end)
			break;
		n = end_len(at, end);
		if (n > 0) {
			c->len += (uint64_t)(to - begin);
			c->longest = c->len > c->longest ? c->len : c->longest;
			c->len = 0;
			*to++ = '\r';
			*to++ = '\n';
			begin = to;
		} else if (*at == '\0' || *at == '\r') {
			break;
		} else {
			*to++ = *at;
			n = 1;
		}
		at += n;
	}
	c->to = to;
	c->len += (uint64_t)(to - begin);
	l->open = c->len > 0;
	return (size_t)(at - bytes.at);
}
