/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/passage.h"

#include "text/codec.h"
#include "mail/encode.h"

#define LINE_MAX_WIRE 998 /* RFC 5321 section 4.5.3.1.6, without CRLF */

static const struct message_facts *facts_of(const struct passage *p)
{
	return &p->he->entry.facts;
}

/* The header, up to and with its blank line. */
struct passage_head {
	struct buf text;
	size_t len; /* 0: its end has not come yet */
};

static bool find_end(void *context, struct str bytes, struct fault *f)
{
	struct passage_head *head = context;
	size_t at = head->text.len > 3 ? head->text.len - 3 : 0;
	if (!buf_add_str(&head->text, bytes))
		return fault_set(f, FAULT_DATA, "the header is too long");
	for (; head->len == 0 && at + 4 <= head->text.len; at++)
		if (str_starts(str_from(buf_str(&head->text), at), STR("\r\n\r\n")))
			head->len = at + 4;
	return head->len == 0; /* what comes behind is of no interest */
}

/* The message as the entry has it. */
static bool each(struct passage *p, entry_sink *sink, void *context, struct fault *f)
{
	if (!entry_is_small(&p->he->entry))
		return hold_each(p->he, sink, context, f);
	return p->message.len == 0 || sink(context, p->message, f);
}

static bool read_small(struct passage *p, struct fault *f)
{
	struct hold_entry *he = p->he;
	if (!entry_read_small(he->fd, &he->entry, &p->room, &p->message, f))
		return false;
	he->sound = true;
	return true;
}

static bool change_header(struct passage *p, struct fault *f)
{
	struct passage_head head = {.len = 0};
	buf_init(&head.text, 2 * HEADER_MAX);
	bool ok = each(p, find_end, &head, f) || head.len > 0;
	if (ok && head.len == 0)
		head.len = head.text.len;
	ok = ok && encode_header(&p->header, str_first(buf_str(&head.text), head.len), f);
	p->old_header = head.len;
	buf_release(&head.text);
	return ok;
}

/* From the entry: a new header in place of the old one. */
static bool through_header(void *context, struct str bytes, struct fault *f)
{
	struct passage *p = context;
	if (p->old_header > 0 && p->passed == 0 && !p->sink(p->context, buf_str(&p->header), f))
		return false;
	uint64_t left = p->old_header - p->passed;
	size_t some = left < bytes.len ? (size_t)left : bytes.len;
	p->passed += some;
	bytes = str_from(bytes, some);
	return bytes.len == 0 || p->sink(p->context, bytes, f);
}

static bool pass(struct passage *p, mime_sink *sink, void *context, struct fault *f)
{
	p->passed = 0;
	p->sink = sink;
	p->context = context;
	return each(p, through_header, p, f);
}

static bool scan_piece(void *context, struct str bytes, struct fault *f)
{
	struct passage *p = context;
	return mime_scan(p->mime, bytes, f);
}

bool passage_open(struct passage *p, struct hold_entry *he, const struct ehlo *server,
                  struct fault *f)
{
	*p = (struct passage){.he = he};
	buf_init(&p->header, 2 * HEADER_MAX);
	buf_init(&p->room, ENTRY_PIECE + ENTRY_TRAILER);
	if (entry_is_small(&he->entry) && !read_small(p, f))
		return false;
	if (facts_of(p)->header_8bit && !server->smtputf8 && !change_header(p, f))
		return false;
	bool seven_bit = facts_of(p)->body_8bit && !server->eightbitmime;
	if (!seven_bit && facts_of(p)->longest_line <= LINE_MAX_WIRE)
		return true;
	p->mime = mime_new(seven_bit);
	if (!pass(p, scan_piece, p, f) || !mime_scan_end(p->mime, f))
		return false;
	if (!mime_needed(p->mime)) {
		mime_free(p->mime);
		p->mime = NULL;
	}
	return true;
}

void passage_close(struct passage *p)
{
	mime_free(p->mime);
	buf_release(&p->header);
	buf_release(&p->room);
	p->mime = NULL;
}

uint64_t passage_size(const struct passage *p)
{
	return p->mime ? 0 : facts_of(p)->size - p->old_header + p->header.len;
}

bool passage_needs_utf8(const struct passage *p)
{
	return p->old_header > 0 ? !codec_is_ascii(buf_str(&p->header))
	                         : facts_of(p)->header_8bit;
}

bool passage_is_8bit(const struct passage *p, const struct ehlo *server)
{
	/* BODY= speaks of all that follows DATA: the header may be what is 8-bit. */
	return server->eightbitmime && (facts_of(p)->body_8bit || passage_needs_utf8(p));
}

/* A message through its converter. */
struct conversion {
	struct mime *mime;
	mime_sink *sink;
	void *context;
};

static bool convert_piece(void *context, struct str bytes, struct fault *f)
{
	struct conversion *c = context;
	return mime_convert(c->mime, bytes, c->sink, c->context, f);
}

bool passage_give(struct passage *p, mime_sink *sink, void *context, struct fault *f)
{
	struct conversion c = {p->mime, sink, context};
	if (!p->mime)
		return pass(p, sink, context, f);
	return pass(p, convert_piece, &c, f) && mime_convert_end(p->mime, sink, context, f);
}
