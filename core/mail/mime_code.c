/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/mime_code.h"

#include <string.h>

#include "text/codec.h"

#define LINE_COLS   75   /* of quoted-printable, without the "=" of a soft line end */
#define BASE64_COLS 76   /* of base64 */
#define BLANKS_MAX  4096 /* more than that at the end of a line are kept as text */

static const char hex[] = "0123456789ABCDEF";

void coder_init(struct coder *c)
{
	memset(c, 0, sizeof(*c));
	buf_init(&c->blanks, BLANKS_MAX);
}

void coder_release(struct coder *c)
{
	buf_release(&c->blanks);
}

void coder_begin(struct coder *c, enum coder_kind kind, bool inner)
{
	struct buf blanks = c->blanks;
	memset(c, 0, sizeof(*c));
	c->blanks = blanks;
	buf_clear(&c->blanks);
	c->kind = kind;
	c->inner = inner;
}

/* Stands for itself in quoted-printable (blanks: unless a line ends behind them). */
static bool is_plain(char c)
{
	return (c >= ' ' && c <= '~' && c != '=') || c == '\t';
}

static bool soft_break(struct coder *c, struct buf *out)
{
	c->col = 0;
	return buf_add_str(out, STR("=\r\n"));
}

/* Columns that a byte needs so that the character it begins stays on one line. */
static size_t columns(unsigned char byte)
{
	if (byte >= 0xF0 && byte <= 0xF4)
		return 12;
	if (byte >= 0xE0 && byte <= 0xEF)
		return 9;
	return byte >= 0xC2 && byte <= 0xDF ? 6 : 3;
}

static bool put_escape(struct coder *c, unsigned char byte, struct buf *out)
{
	char text[3] = {'=', hex[byte >> 4], hex[byte & 15]};
	if (c->col + columns(byte) > LINE_COLS && c->col > 0 && !soft_break(c, out))
		return false;
	c->col += sizeof(text);
	return buf_add(out, text, sizeof(text));
}

/* Bytes that stand for themselves; the last is no blank before a line end. */
static bool put_plain(struct coder *c, struct str run, struct buf *out)
{
	while (run.len > 0) {
		if (c->col >= LINE_COLS && !soft_break(c, out))
			return false;
		if (c->col == 0 && c->inner && run.at[0] == '-') {
			if (!put_escape(c, '-', out))
				return false;
			run = str_from(run, 1);
			continue;
		}
		struct str piece = str_first(run, LINE_COLS - c->col);
		if (!buf_add_str(out, piece))
			return false;
		c->col += piece.len;
		run = str_from(run, piece.len);
	}
	return true;
}

static bool put_blank(struct coder *c, struct buf *out)
{
	char blank = c->blank;
	c->blank = 0;
	return blank == 0 || put_plain(c, str_make(&blank, 1), out);
}

static bool put_line_end(struct coder *c, struct buf *out)
{
	char blank = c->blank;
	c->blank = 0;
	if (blank != 0 && !put_escape(c, (unsigned char)blank, out))
		return false;
	c->col = 0;
	return buf_add_str(out, STR("\r\n"));
}

static bool put_byte(struct coder *c, char byte, struct buf *out)
{
	if (!put_blank(c, out))
		return false;
	if (ascii_space(byte)) {
		c->blank = byte;
		return true;
	}
	if (is_plain(byte))
		return put_plain(c, str_make(&byte, 1), out);
	return put_escape(c, (unsigned char)byte, out);
}

/* As many bytes as stand for themselves, but not the last if it is a blank. */
static struct str plain_run(struct str bytes)
{
	size_t len = 0;
	while (len < bytes.len && is_plain(bytes.at[len]))
		len++;
	if (len > 0 && ascii_space(bytes.at[len - 1]))
		len--;
	return str_first(bytes, len);
}

static bool feed_qp(struct coder *c, struct str bytes, struct buf *out)
{
	while (bytes.len > 0) {
		char byte = bytes.at[0];
		if (c->cr) {
			c->cr = false;
			if (byte == '\n') {
				if (!put_line_end(c, out))
					return false;
				bytes = str_from(bytes, 1);
				continue;
			}
			if (!put_byte(c, '\r', out))
				return false;
		}
		struct str run = plain_run(bytes);
		if (run.len > 0) {
			if (!put_blank(c, out) || !put_plain(c, run, out))
				return false;
			bytes = str_from(bytes, run.len);
			continue;
		}
		bytes = str_from(bytes, 1);
		if (byte == '\r')
			c->cr = true;
		else if (!put_byte(c, byte, out))
			return false;
	}
	return true;
}

/* A leaf that does not end with its line does not gain one, but inside a
 * multipart, where the boundary needs it. */
static bool end_qp(struct coder *c, struct buf *out)
{
	if (c->cr && !put_byte(c, '\r', out))
		return false;
	c->cr = false;
	if (c->blank != 0) {
		unsigned char blank = (unsigned char)c->blank;
		c->blank = 0;
		if (!put_escape(c, blank, out))
			return false;
	}
	if (c->soft || (c->col > 0 && !c->inner))
		return soft_break(c, out);
	return c->col == 0 || put_line_end(c, out);
}

/* What was kept back turns out to be text. */
static bool release_kept(struct coder *c, struct buf *out)
{
	for (size_t i = 0; i < c->escape_len; i++)
		if (!put_byte(c, c->escape[i], out))
			return false;
	c->escape_len = 0;
	for (size_t i = 0; i < c->blanks.len; i++)
		if (!put_byte(c, c->blanks.at[i], out))
			return false;
	buf_clear(&c->blanks);
	return true;
}

/* The end of an encoded line: blanks before it are not part of it, and "="
 * alone says that the line goes on (RFC 2045 section 6.7). */
static bool mend_line_end(struct coder *c, struct buf *out)
{
	buf_clear(&c->blanks);
	if (c->escape_len == 1) {
		c->escape_len = 0;
		c->soft = true;
		return true;
	}
	c->soft = false;
	return release_kept(c, out) && put_line_end(c, out);
}

static bool mend_byte(struct coder *c, char byte, struct buf *out)
{
	if (byte == '\n')
		return mend_line_end(c, out);
	c->soft = false;
	if (ascii_space(byte)) {
		if (c->escape_len == 2 && !release_kept(c, out))
			return false;
		return buf_add_char(&c->blanks, byte) ||
		       (release_kept(c, out) && put_byte(c, byte, out));
	}
	bool in_escape = c->escape_len > 0 && c->blanks.len == 0;
	if (in_escape && codec_hex_value(byte) >= 0) {
		if (c->escape_len == 1) {
			c->escape[c->escape_len++] = byte;
			return true;
		}
		int high = codec_hex_value(c->escape[1]);
		c->escape_len = 0;
		return put_byte(c, (char)(high * 16 + codec_hex_value(byte)), out);
	}
	if (!release_kept(c, out))
		return false;
	if (byte != '=')
		return put_byte(c, byte, out);
	c->escape[c->escape_len++] = byte;
	return true;
}

static bool feed_mend_qp(struct coder *c, struct str bytes, struct buf *out)
{
	for (size_t i = 0; i < bytes.len; i++)
		if (bytes.at[i] != '\r' && !mend_byte(c, bytes.at[i], out))
			return false;
	return true;
}

static bool end_mend_qp(struct coder *c, struct buf *out)
{
	buf_clear(&c->blanks);
	if (c->escape_len == 1) {
		c->escape_len = 0;
		c->soft = true;
	}
	return release_kept(c, out) && end_qp(c, out);
}

static bool put_group(struct coder *c, struct buf *out)
{
	struct str group = str_make((const char *)c->group, c->group_len);
	c->group_len = 0;
	return group.len == 0 || (codec_base64(out, group) && buf_add_str(out, STR("\r\n")));
}

static bool put_group_bytes(struct coder *c, struct str bytes, struct buf *out)
{
	while (bytes.len > 0) {
		struct str piece = str_first(bytes, sizeof(c->group) - c->group_len);
		memcpy(c->group + c->group_len, piece.at, piece.len);
		c->group_len += piece.len;
		bytes = str_from(bytes, piece.len);
		if (c->group_len == sizeof(c->group) && !put_group(c, out))
			return false;
	}
	return true;
}

static bool put_kept_line_end(struct coder *c, struct buf *out)
{
	bool line_end = c->line_end, cr = c->cr;
	c->line_end = false;
	c->cr = false;
	if (line_end && !put_group_bytes(c, STR("\r\n"), out))
		return false;
	return !cr || put_group_bytes(c, STR("\r"), out);
}

/* The last line end is kept back until it is known that no boundary follows. */
static bool feed_base64(struct coder *c, struct str bytes, struct buf *out)
{
	while (bytes.len > 0) {
		if (c->cr && bytes.at[0] == '\n') {
			c->cr = false;
			if (!put_kept_line_end(c, out))
				return false;
			c->line_end = true;
			bytes = str_from(bytes, 1);
			continue;
		}
		if (c->cr && !put_kept_line_end(c, out))
			return false;
		if (bytes.at[0] == '\r') {
			c->cr = true;
			bytes = str_from(bytes, 1);
			continue;
		}
		size_t at = str_find(bytes, '\r');
		struct str run = str_first(bytes, at);
		if (!put_kept_line_end(c, out) || !put_group_bytes(c, run, out))
			return false;
		bytes = str_from(bytes, run.len);
	}
	return true;
}

static bool end_base64(struct coder *c, struct buf *out)
{
	if (c->inner)
		c->line_end = false;
	return put_kept_line_end(c, out) && put_group(c, out);
}

static bool feed_mend_base64(struct coder *c, struct str bytes, struct buf *out)
{
	for (size_t i = 0; i < bytes.len; i++) {
		char byte = bytes.at[i];
		if (!ascii_alpha(byte) && !ascii_digit(byte) && byte != '+' && byte != '/' &&
		    byte != '=')
			continue;
		if (!buf_add_char(out, byte))
			return false;
		if (++c->col < BASE64_COLS)
			continue;
		c->col = 0;
		if (!buf_add_str(out, STR("\r\n")))
			return false;
	}
	return true;
}

bool coder_feed(struct coder *c, struct str bytes, struct buf *out)
{
	switch (c->kind) {
	case CODER_NONE:
		return buf_add_str(out, bytes);
	case CODER_QP:
		return feed_qp(c, bytes, out);
	case CODER_BASE64:
		return feed_base64(c, bytes, out);
	case CODER_MEND_QP:
		return feed_mend_qp(c, bytes, out);
	case CODER_MEND_BASE64:
		return feed_mend_base64(c, bytes, out);
	}
	return false;
}

bool coder_end(struct coder *c, struct buf *out)
{
	switch (c->kind) {
	case CODER_NONE:
		return true;
	case CODER_QP:
		return end_qp(c, out);
	case CODER_BASE64:
		return end_base64(c, out);
	case CODER_MEND_QP:
		return end_mend_qp(c, out);
	case CODER_MEND_BASE64:
		return c->col == 0 || buf_add_str(out, STR("\r\n"));
	}
	return false;
}
