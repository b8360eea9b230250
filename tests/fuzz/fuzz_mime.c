/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The input is put into final form, then converted whole and in pieces. The
 * output must be the same, fit for the server, need no second conversion, and
 * have the same leaves when decoded.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text/buf.h"
#include "text/fault.h"
#include "mail/mime.h"
#include "mail/mime_field.h"
#include "mail/mime_walk.h"

#define ROOM (64u * 1024 * 1024)

static void require(bool truth)
{
	if (!truth)
		abort();
}

static void add(struct buf *b, const char *at, size_t len)
{
	require(buf_add(b, at, len));
}

/* Two bytes stand for long text, so that small inputs have long lines. */
static void make_final(struct buf *b, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		char c = (char)data[i];
		if (c == 2)
			for (int n = 0; n < 990; n++)
				add(b, "x", 1);
		else if (c == 3)
			for (int n = 0; n < 200; n++)
				add(b, "word ", 5);
		else if (c == '\n')
			add(b, "\r\n", 2);
		else if (c != '\r' && c != '\0')
			add(b, &c, 1);
	}
	if (!str_ends(buf_str(b), STR("\n")))
		add(b, "\r\n", 2);
}

static bool collect(void *context, struct str bytes, struct fault *f)
{
	(void)f;
	add(context, bytes.at, bytes.len);
	return true;
}

/* Pieces of 1 to 64 bytes as seed says; 0: the whole. */
static size_t piece_len(unsigned *seed)
{
	if (*seed == 0)
		return STR_NONE;
	*seed = *seed * 1103515245u + 12345u;
	return 1 + (*seed >> 16) % 64;
}

static bool run(struct str in, bool seven_bit, unsigned seed, struct buf *out, bool *needed)
{
	struct mime *m = mime_new(seven_bit);
	struct fault f = FAULT_INIT;
	unsigned scan_seed = seed, convert_seed = seed;
	bool ok = true;
	for (struct str rest = in; ok && rest.len > 0;) {
		struct str piece = str_first(rest, piece_len(&scan_seed));
		rest = str_from(rest, piece.len);
		ok = mime_scan(m, piece, &f);
	}
	ok = ok && mime_scan_end(m, &f);
	if (ok) {
		*needed = mime_needed(m);
		for (struct str rest = in; rest.len > 0;) {
			struct str piece = str_first(rest, piece_len(&convert_seed));
			rest = str_from(rest, piece.len);
			require(mime_convert(m, piece, collect, out, &f));
		}
		require(mime_convert_end(m, collect, out, &f));
	} else {
		require(f.kind == FAULT_DATA);
	}
	mime_free(m);
	return ok;
}

static bool fit(struct str s, bool seven_bit)
{
	size_t line = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (seven_bit && (unsigned char)s.at[i] > 127)
			return false;
		if (s.at[i] == '\r') {
			require(i + 1 < s.len && s.at[i + 1] == '\n');
		} else if (s.at[i] == '\n') {
			require(i > 0 && s.at[i - 1] == '\r');
			line = 0;
		} else if (++line > 998) {
			return false;
		}
	}
	return true;
}

static int hex_value(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = memchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c, 16);
	return !at ? -1 : (int)(at - digits);
}

static void decode_qp_line(struct buf *out, struct str line, bool last)
{
	while (line.len > 0 && strchr(" \t\r", line.at[line.len - 1]))
		line.len--;
	bool soft = str_ends(line, STR("="));
	if (soft)
		line.len--;
	for (size_t i = 0; i < line.len; i++) {
		char c = line.at[i];
		if (c == '=' && i + 2 < line.len && hex_value(line.at[i + 1]) >= 0 &&
		    hex_value(line.at[i + 2]) >= 0) {
			c = (char)(hex_value(line.at[i + 1]) * 16 + hex_value(line.at[i + 2]));
			i += 2;
		}
		add(out, &c, 1);
	}
	if (!soft && !last)
		add(out, "\r\n", 2);
}

static void decode_qp(struct buf *out, struct str s)
{
	for (;;) {
		size_t at = str_find(s, '\n');
		decode_qp_line(out, str_first(s, at), at == STR_NONE);
		if (at == STR_NONE)
			return;
		s = str_from(s, at + 1);
	}
}

static void decode_base64(struct buf *out, struct str s)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned bits = 0;
	int count = 0;

	for (size_t i = 0; i < s.len; i++) {
		const char *at = memchr(digits, s.at[i], 64);
		if (!at)
			continue;
		bits = bits << 6 | (unsigned)(at - digits);
		count += 6;
		if (count >= 8) {
			count -= 8;
			char c = (char)(bits >> count & 255);
			add(out, &c, 1);
		}
	}
}

/* The decoded leaves of a message, a byte of 1 behind each. */
struct reader {
	struct buf leaf;
	struct buf all;
};

static bool read_field(void *context, struct mime_part *p, struct str raw, struct fault *f)
{
	(void)context;
	(void)p;
	(void)raw;
	(void)f;
	return true;
}

static bool read_head_end(void *context, struct mime_part *p, enum mime_head_end how,
                          struct fault *f)
{
	(void)context;
	(void)p;
	(void)how;
	(void)f;
	return true;
}

static bool read_body(void *context, struct mime_part *p, struct str bytes, struct fault *f)
{
	struct reader *r = context;
	(void)p;
	return collect(&r->leaf, bytes, f);
}

static bool read_filler(void *context, struct mime_part *p, struct str bytes, struct fault *f)
{
	return read_field(context, p, bytes, f);
}

static bool read_boundary(void *context, struct str line, struct fault *f)
{
	return read_field(context, NULL, line, f);
}

static bool read_close(void *context, struct mime_part *p, struct mime_part *outer,
                       struct fault *f)
{
	struct reader *r = context;
	struct str leaf = buf_str(&r->leaf);
	(void)outer;
	(void)f;
	if (p->inner && str_ends(leaf, STR("\r\n")))
		leaf.len -= 2;
	if (p->code == CODE_QP)
		decode_qp(&r->all, leaf);
	else if (p->code == CODE_BASE64)
		decode_base64(&r->all, leaf);
	else
		add(&r->all, leaf.at, leaf.len);
	add(&r->all, "\1", 1);
	buf_clear(&r->leaf);
	return true;
}

static void read_leaves(struct str in, struct buf *all)
{
	static const struct mime_hooks hooks = {
	    .field = read_field,
	    .head_end = read_head_end,
	    .body = read_body,
	    .filler = read_filler,
	    .boundary = read_boundary,
	    .close = read_close,
	};
	struct reader r;
	struct fault f = FAULT_INIT;
	buf_init(&r.leaf, ROOM);
	buf_init(&r.all, ROOM);
	struct mime_walk *w = mime_walk_new(&hooks, &r);
	require(mime_walk_feed(w, in, &f) && mime_walk_end(w, &f));
	mime_walk_free(w);
	buf_release(&r.leaf);
	*all = r.all;
}

static void check_leaves(struct str in, struct str out)
{
	struct buf a;
	read_leaves(in, &a);
	struct buf b;
	read_leaves(out, &b);
	require(str_eq(buf_str(&a), buf_str(&b)));
	buf_release(&a);
	buf_release(&b);
}

static void check_output(struct str in, struct str out, bool seven_bit, bool needed)
{
	bool again_needed = true;
	require(needed || str_eq(in, out));
	require(needed == !fit(in, seven_bit));
	require(fit(out, seven_bit));
	struct buf again;
	buf_init(&again, ROOM);
	require(run(out, seven_bit, 0, &again, &again_needed) && !again_needed);
	buf_release(&again);
	check_leaves(in, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool needed = false, split_needed = false;
	if (size < 2)
		return 0;
	bool seven_bit = data[0] & 1;
	struct buf in;
	buf_init(&in, ROOM);
	struct buf whole;
	buf_init(&whole, ROOM);
	struct buf split;
	buf_init(&split, ROOM);
	make_final(&in, data + 2, size - 2);
	bool ok = run(buf_str(&in), seven_bit, 0, &whole, &needed);
	bool split_ok = run(buf_str(&in), seven_bit, 1u + data[1], &split, &split_needed);
	require(ok == split_ok && needed == split_needed);
	require(str_eq(buf_str(&whole), buf_str(&split)));
	if (ok)
		check_output(buf_str(&in), buf_str(&whole), seven_bit, needed);
	buf_release(&in);
	buf_release(&whole);
	buf_release(&split);
	return 0;
}
