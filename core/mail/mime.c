/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/mime.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text/codec.h"
#include "mail/encode.h"
#include "mail/header.h"
#include "mail/mime_code.h"
#include "mail/mime_type.h"
#include "mail/mime_walk.h"

#define SLICE     4096    /* of a leaf, encoded at once */
#define FLUSH_AT  16384   /* output gathered before the sink gets it */
#define PLANS_MAX 1000000 /* parts to be changed; they are kept in memory */

/* What is to be done with a part. Only parts that change have one. */
enum plan_flag {
	PLAN_FIELDS = 1,  /* mend its fields */
	PLAN_LABEL = 2,   /* the encoding is called 7bit now */
	PLAN_VERSION = 4, /* add MIME-Version */
	PLAN_ASCII = 8,   /* add Content-Type with that charset */
	PLAN_UTF8 = 16,
	PLAN_UNKNOWN = 32,
};

struct plan {
	uint32_t number;
	uint8_t coder; /* enum coder_kind */
	uint8_t flags;
};

/* Notes on a part, kept by the walk. */
enum note {
	NOTE_FIELDS = 1,  /* a field is bad */
	NOTE_CHANGED = 2, /* something in it will be changed */
	NOTE_FILLER = 4,  /* the text before its first part is bad */
	NOTE_PARTS = 8,   /* it has a part */
};

/* What the leaf, or the text between parts, being scanned is like. */
struct mime_leaf {
	uint64_t bytes;
	uint64_t high;
	bool too_long; /* has a line of more than HEADER_LINE_MAX */
	size_t line;   /* bytes on the line so far, its CR counted */
	bool not_utf8;
	size_t tail_len; /* bytes of a character cut by the end of a piece */
	char tail[4];
};

struct mime {
	bool seven_bit;
	bool needed;
	struct mime_walk *scan;
	struct mime_walk *convert;
	struct mime_leaf leaf;
	struct plan *plans;
	size_t plan_count;
	size_t plan_cap;
	struct buf scratch;
	/* second pass */
	size_t next_plan;
	const struct plan *plan; /* of the part whose header or leaf goes by, or NULL */
	bool code_written;
	size_t filler_line; /* bytes on the line so far */
	struct coder coder;
	struct buf out;
	mime_sink *sink;
	void *context;
};

static struct str next_line_at(struct str *rest)
{
	size_t at = str_find(*rest, '\n');
	struct str line = str_first(*rest, at == STR_NONE ? at : at + 1);
	*rest = str_from(*rest, line.len);
	return line;
}

static void measure_lines(struct mime_leaf *l, struct str bytes)
{
	while (bytes.len > 0) {
		struct str line = next_line_at(&bytes);
		bool ended = line.at[line.len - 1] == '\n';
		l->line += line.len - (ended ? 1 : 0);
		/* One more for the CR, which need not be the last byte of this piece. */
		if (l->line > HEADER_LINE_MAX + 1)
			l->too_long = true;
		if (ended)
			l->line = 0;
	}
}

static struct str skip_ascii(struct str bytes)
{
	uint64_t word;
	while (bytes.len >= sizeof(word)) {
		memcpy(&word, bytes.at, sizeof(word));
		if ((word & UINT64_C(0x8080808080808080)) != 0)
			break;
		bytes = str_from(bytes, sizeof(word));
	}
	while (bytes.len > 0 && (unsigned char)bytes.at[0] < 128)
		bytes = str_from(bytes, 1);
	return bytes;
}

/* Is it UTF-8 as far as it has come? Characters may be cut anywhere. */
static void measure_utf8(struct mime_leaf *l, struct str bytes)
{
	while (l->tail_len > 0 && bytes.len > 0 && !l->not_utf8) {
		l->tail[l->tail_len++] = bytes.at[0];
		bytes = str_from(bytes, 1);
		if (codec_utf8_len(str_make(l->tail, l->tail_len)) > 0)
			l->tail_len = 0;
		else if (l->tail_len == sizeof(l->tail))
			l->not_utf8 = true;
	}
	for (;;) {
		bytes = skip_ascii(bytes);
		if (bytes.len == 0 || l->not_utf8)
			return;
		size_t len = codec_utf8_len(bytes);
		if (len == 0 && bytes.len < sizeof(l->tail)) {
			memcpy(l->tail, bytes.at, bytes.len);
			l->tail_len = bytes.len;
			return;
		}
		l->not_utf8 = len == 0;
		bytes = str_from(bytes, len);
	}
}

static void measure(struct mime_leaf *l, struct str bytes)
{
	l->bytes += bytes.len;
	l->high += codec_count_8bit(bytes);
	measure_lines(l, bytes);
}

static bool leaf_bad(const struct mime *m)
{
	return m->leaf.too_long || (m->seven_bit && m->leaf.high > 0);
}

static bool scan_field(void *context, struct mime_part *p, struct str raw, struct fault *f)
{
	struct mime *m = context;
	if (!encode_part_needed(raw, m->seven_bit))
		return true;
	p->notes |= NOTE_FIELDS;
	buf_clear(&m->scratch);
	return encode_part(&m->scratch, raw, m->seven_bit, f);
}

static bool scan_head_end(void *context, struct mime_part *p, enum mime_head_end how,
                          struct fault *f)
{
	struct mime *m = context;
	(void)p;
	(void)how;
	(void)f;
	m->leaf = (struct mime_leaf){0};
	return true;
}

static bool locked(const struct mime *m, enum mime_lock lock, struct fault *f)
{
	const char *where = NULL;
	switch (lock) {
	case LOCK_NONE:
		return true;
	case LOCK_SIGNED:
		where =
		    "in a signed part, where a change would break the signature; sign it as "
		    "quoted-printable or base64";
		break;
	case LOCK_BOUNDARY:
		where =
		    "in a multipart without a usable boundary; give it one that its parts use";
		break;
	case LOCK_DEEP:
		where = "in parts nested more than 100 deep; nest them less";
		break;
	case LOCK_MESSAGE:
		where = "in a message part of a type that must not be encoded";
		break;
	case LOCK_PRIVATE:
		where = "in a part with a private encoding; use quoted-printable or base64";
		break;
	}
	if (m->leaf.too_long)
		return fault_set(f, FAULT_DATA,
		                 "the message has a line of more than 998 bytes %s", where);
	return fault_set(f, FAULT_DATA,
	                 "the server takes 7-bit text only, and the message has 8-bit text %s",
	                 where);
}

static bool scan_body(void *context, struct mime_part *p, struct str bytes, struct fault *f)
{
	struct mime *m = context;
	uint64_t high = m->leaf.high;
	measure(&m->leaf, bytes);
	if (p->message && !p->has_type && (m->leaf.high > high || m->leaf.tail_len > 0))
		measure_utf8(&m->leaf, bytes);
	return !leaf_bad(m) || locked(m, p->lock, f);
}

static bool scan_filler(void *context, struct mime_part *p, struct str bytes, struct fault *f)
{
	struct mime *m = context;
	(void)f;
	measure(&m->leaf, bytes);
	if (leaf_bad(m)) {
		m->needed = true;
		if (p)
			p->notes |= NOTE_FILLER;
	}
	return true;
}

static bool scan_boundary(void *context, struct str line, struct fault *f)
{
	struct mime *m = context;
	(void)line;
	(void)f;
	m->leaf = (struct mime_leaf){0};
	return true;
}

static enum coder_kind choose_coder(const struct mime_leaf *l, enum mime_code code)
{
	switch (code) {
	case CODE_QP:
		return CODER_MEND_QP;
	case CODE_BASE64:
		return CODER_MEND_BASE64;
	case CODE_NONE:
	case CODE_7BIT:
	case CODE_8BIT:
	case CODE_PRIVATE:
		break;
	}
	/* Text with some special letters stays readable; what is mostly other
	 * than ASCII would grow to thrice its size. */
	return l->high > l->bytes / 3 ? CODER_BASE64 : CODER_QP;
}

/* Fields that the header of a message needs once something in it is encoded. */
static unsigned missing_fields(const struct mime *m, const struct mime_part *p,
                               enum coder_kind coder)
{
	bool encoded = coder == CODER_QP || coder == CODER_BASE64;
	unsigned flags = 0;
	if (!p->message)
		return 0;
	if (!p->has_version && (encoded || p->has_type))
		flags |= PLAN_VERSION;
	if (!encoded || p->has_type)
		return flags;
	if (m->leaf.high == 0)
		return flags | PLAN_ASCII;
	if (m->leaf.not_utf8 || m->leaf.tail_len > 0)
		return flags | PLAN_UNKNOWN;
	return flags | PLAN_UTF8;
}

static bool add_plan(struct mime *m, const struct mime_part *p, enum coder_kind coder,
                     unsigned flags, struct fault *f)
{
	if (m->plan_count >= PLANS_MAX || p->number > UINT32_MAX)
		return fault_set(f, FAULT_DATA,
		                 "the message has more than %d parts to encode for the server",
		                 PLANS_MAX);
	m->plans = mem_grow(m->plans, &m->plan_cap, m->plan_count + 1, sizeof(*m->plans));
	m->plans[m->plan_count++] = (struct plan){
	    .number = (uint32_t)p->number, .coder = (uint8_t)coder, .flags = (uint8_t)flags};
	m->needed = true;
	return true;
}

/* Did the walk go into it? Then it has no bytes of its own but filler. */
static bool was_open(const struct mime_part *p)
{
	bool encoded = p->code == CODE_QP || p->code == CODE_BASE64;
	if (p->lock != LOCK_NONE)
		return false;
	return p->type == TYPE_MULTIPART || p->type == TYPE_DIGEST ||
	       (p->type == TYPE_MESSAGE && !encoded);
}

/* A part is over, so all is known of it; a leaf comes with its own measures. */
static bool scan_close(void *context, struct mime_part *p, struct mime_part *outer,
                       struct fault *f)
{
	struct mime *m = context;
	enum coder_kind coder = CODER_NONE;
	unsigned flags = p->notes & NOTE_FIELDS ? PLAN_FIELDS : 0;
	bool changed = p->notes & NOTE_CHANGED;
	if (outer)
		outer->notes |= NOTE_PARTS;
	if (!was_open(p))
		coder = leaf_bad(m) ? choose_coder(&m->leaf, p->code) : CODER_NONE;
	else if ((p->notes & NOTE_FILLER) && !(p->notes & NOTE_PARTS))
		return locked(m, LOCK_BOUNDARY, f);
	else if (p->code == CODE_8BIT && changed && m->seven_bit)
		flags |= PLAN_LABEL;
	changed = changed || coder != CODER_NONE;
	if (changed)
		flags |= missing_fields(m, p, coder);
	if (outer && (changed || flags != 0))
		outer->notes |= NOTE_CHANGED;
	m->leaf = (struct mime_leaf){0};
	return (coder == CODER_NONE && flags == 0) || add_plan(m, p, coder, flags, f);
}

static bool flush(struct mime *m, struct fault *f)
{
	struct str bytes = buf_str(&m->out);
	if (bytes.len == 0)
		return true;
	bool ok = m->sink(m->context, bytes, f);
	buf_clear(&m->out);
	return ok;
}

/* out holds what a slice or a field makes; anything more is our mistake. */
static bool full(struct fault *f)
{
	return fault_set(f, FAULT_TEMP, "internal limit reached while encoding a message");
}

static bool put(struct mime *m, struct str bytes, struct fault *f)
{
	if (bytes.len >= SLICE)
		return flush(m, f) && m->sink(m->context, bytes, f);
	if (!buf_add_str(&m->out, bytes))
		return full(f);
	return m->out.len < FLUSH_AT || flush(m, f);
}

static void find_plan(struct mime *m, const struct mime_part *p)
{
	m->plan = NULL;
	if (m->next_plan < m->plan_count && m->plans[m->next_plan].number == p->number)
		m->plan = &m->plans[m->next_plan];
}

static const char *code_name(const struct plan *plan)
{
	switch ((enum coder_kind)plan->coder) {
	case CODER_QP:
		return "quoted-printable";
	case CODER_BASE64:
		return "base64";
	case CODER_NONE:
		return plan->flags & PLAN_LABEL ? "7bit" : NULL;
	case CODER_MEND_QP:
	case CODER_MEND_BASE64:
		break;
	}
	return NULL;
}

/* Content-Transfer-Encoding, once, where the old one was or at the end. */
static bool put_code(struct mime *m, struct fault *f)
{
	const char *name = m->plan ? code_name(m->plan) : NULL;
	if (!name || m->code_written)
		return true;
	m->code_written = true;
	return buf_addf(&m->out, "Content-Transfer-Encoding: %s\r\n", name) || full(f);
}

static bool convert_field(void *context, struct mime_part *p, struct str raw, struct fault *f)
{
	struct mime *m = context;
	find_plan(m, p);
	if (!m->plan)
		return put(m, raw, f) && put(m, STR("\r\n"), f);
	struct str name = str_trim(str_first(raw, str_find(raw, ':')));
	if (code_name(m->plan) && str_caseeq(name, STR("Content-Transfer-Encoding")))
		return put_code(m, f);
	if (!encode_part_needed(raw, m->seven_bit))
		return put(m, raw, f) && put(m, STR("\r\n"), f);
	return flush(m, f) && encode_part(&m->out, raw, m->seven_bit, f);
}

static bool put_missing(struct mime *m, struct fault *f)
{
	const char *charset = m->plan->flags & PLAN_ASCII     ? "us-ascii"
	                      : m->plan->flags & PLAN_UTF8    ? "utf-8"
	                      : m->plan->flags & PLAN_UNKNOWN ? "unknown-8bit"
	                                                      : NULL;
	if ((m->plan->flags & PLAN_VERSION) && !put(m, STR("MIME-Version: 1.0\r\n"), f))
		return false;
	if (charset && !buf_addf(&m->out, "Content-Type: text/plain; charset=%s\r\n", charset))
		return full(f);
	return put_code(m, f);
}

static bool convert_head_end(void *context, struct mime_part *p, enum mime_head_end how,
                             struct fault *f)
{
	struct mime *m = context;
	/* A missing blank line is put in: fields may come to stand before the body. */
	bool blank = how == HEAD_BLANK || (how == HEAD_BODY && p->lock == LOCK_NONE);
	find_plan(m, p);
	if (m->plan) {
		if (!put_missing(m, f))
			return false;
		m->next_plan++;
	}
	m->code_written = false;
	m->filler_line = 0;
	coder_begin(&m->coder, m->plan != NULL ? m->plan->coder : CODER_NONE, p->inner);
	return !blank || put(m, STR("\r\n"), f);
}

static bool convert_body(void *context, struct mime_part *p, struct str bytes, struct fault *f)
{
	struct mime *m = context;
	(void)p;
	if (m->coder.kind == CODER_NONE)
		return put(m, bytes, f);
	while (bytes.len > 0) {
		if (!coder_feed(&m->coder, str_first(bytes, SLICE), &m->out))
			return full(f);
		if (m->out.len >= FLUSH_AT && !flush(m, f))
			return false;
		bytes = str_from(bytes, SLICE);
	}
	return true;
}

/* Text between the parts, which nobody is shown: cut into lines that cannot be
 * taken for a boundary, 8-bit bytes replaced. */
static bool convert_filler(void *context, struct mime_part *p, struct str bytes,
                           struct fault *f)
{
	struct mime *m = context;
	(void)p;
	for (size_t i = 0; i < bytes.len; i++) {
		char c = bytes.at[i];
		if (c == '\n' || c == '\r') {
			m->filler_line = 0;
		} else if (m->filler_line++ == HEADER_LINE_MAX) {
			m->filler_line = 2;
			if (!put(m, STR("\r\n "), f))
				return false;
		}
		if (m->seven_bit && (unsigned char)c > 127)
			c = '?';
		if (!put(m, str_make(&c, 1), f))
			return false;
	}
	return true;
}

static bool convert_boundary(void *context, struct str line, struct fault *f)
{
	struct mime *m = context;
	m->filler_line = 0;
	return put(m, line, f);
}

static bool convert_close(void *context, struct mime_part *p, struct mime_part *outer,
                          struct fault *f)
{
	struct mime *m = context;
	(void)p;
	(void)outer;
	bool ok = coder_end(&m->coder, &m->out);
	coder_begin(&m->coder, CODER_NONE, false);
	return ok || full(f);
}

static const struct mime_hooks scan_hooks = {
    .field = scan_field,
    .head_end = scan_head_end,
    .body = scan_body,
    .filler = scan_filler,
    .boundary = scan_boundary,
    .close = scan_close,
};

static const struct mime_hooks convert_hooks = {
    .field = convert_field,
    .head_end = convert_head_end,
    .body = convert_body,
    .filler = convert_filler,
    .boundary = convert_boundary,
    .close = convert_close,
};

struct mime *mime_new(bool seven_bit)
{
	struct mime *m = mem_alloc(sizeof(*m));
	m->seven_bit = seven_bit;
	m->scan = mime_walk_new(&scan_hooks, m);
	m->convert = mime_walk_new(&convert_hooks, m);
	coder_init(&m->coder);
	buf_init(&m->scratch, 4 * HEADER_MAX);
	buf_init(&m->out, 4 * HEADER_MAX);
	return m;
}

void mime_free(struct mime *m)
{
	if (!m)
		return;
	mime_walk_free(m->scan);
	mime_walk_free(m->convert);
	coder_release(&m->coder);
	buf_release(&m->scratch);
	buf_release(&m->out);
	free(m->plans);
	free(m);
}

bool mime_scan(struct mime *m, struct str bytes, struct fault *f)
{
	return mime_walk_feed(m->scan, bytes, f);
}

static int by_number(const void *a, const void *b)
{
	const struct plan *p = a, *q = b;
	return p->number < q->number ? -1 : p->number > q->number;
}

bool mime_scan_end(struct mime *m, struct fault *f)
{
	if (!mime_walk_end(m->scan, f))
		return false;
	/* Plans were made when the parts ended, outer ones last. */
	if (m->plan_count > 0)
		qsort(m->plans, m->plan_count, sizeof(*m->plans), by_number);
	return true;
}

bool mime_needed(const struct mime *m)
{
	return m->needed;
}

bool mime_convert(struct mime *m, struct str bytes, mime_sink *sink, void *context,
                  struct fault *f)
{
	if (!m->needed)
		return bytes.len == 0 || sink(context, bytes, f);
	m->sink = sink;
	m->context = context;
	return mime_walk_feed(m->convert, bytes, f) && flush(m, f);
}

bool mime_convert_end(struct mime *m, mime_sink *sink, void *context, struct fault *f)
{
	if (!m->needed)
		return true;
	m->sink = sink;
	m->context = context;
	if (!mime_walk_end(m->convert, f) || !flush(m, f))
		return false;
	m->next_plan = 0;
	return true;
}
