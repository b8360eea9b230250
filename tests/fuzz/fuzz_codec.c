/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fuzz_codec - every encoding, both ways, on any bytes
 *
 * Oracles: what is encoded decodes to the same bytes; what decodes and has one
 * form only (base64, xtext without needless escapes) encodes to itself again;
 * a refused text leaves the output alone; an escaped text is printable.
 */
#include <stdint.h>
#include <stdlib.h>

#include "text/codec.h"

typedef bool codec_call(struct buf *out, struct str s);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_forth(codec_call *code, codec_call *uncode, struct str s)
{
	struct buf coded;
	buf_init(&coded, SIZE_MAX);
	struct buf plain;
	buf_init(&plain, s.len);
	require(code(&coded, s));
	require(codec_is_ascii(buf_str(&coded)));
	require(uncode(&plain, buf_str(&coded)));
	require(str_eq(buf_str(&plain), s));
	buf_release(&coded);
	buf_release(&plain);
}

static void check_back(codec_call *code, codec_call *uncode, struct str s, bool one_form)
{
	struct buf coded;
	buf_init(&coded, SIZE_MAX);
	struct buf plain;
	buf_init(&plain, SIZE_MAX);
	require(buf_add_char(&plain, '-'));
	if (uncode(&plain, s)) {
		require(plain.len - 1 <= s.len);
		require(code(&coded, str_from(buf_str(&plain), 1)));
		require(one_form ? str_eq(buf_str(&coded), s) : coded.len <= s.len);
	} else {
		require(str_eq(buf_str(&plain), STR("-")));
	}
	buf_release(&coded);
	buf_release(&plain);
}

static void check_printable(struct str s)
{
	size_t size = s.len > 0 ? (unsigned char)s.at[0] : 0;
	char *to = malloc(size + 1);
	require(to != NULL);
	size_t len = codec_printable(to, size, s);
	require(len < size || (len == 0 && size == 0));
	for (size_t i = 0; i < len; i++)
		require(to[i] >= ' ' && to[i] <= '~');
	require(size == 0 || to[len] == '\0');
	free(to);
}

/* Valid bytes stay valid when cut between two characters, and in any order. */
static void check_utf8(struct str s)
{
	struct str rest = s;
	size_t len;
	while ((len = codec_utf8_len(rest)) > 0) {
		require(len <= 4 && len <= rest.len);
		require(codec_is_utf8(str_first(rest, len)));
		require(len == 1 || !codec_is_utf8(str_first(rest, len - 1)));
		rest = str_from(rest, len);
	}
	require(codec_is_utf8(s) == (rest.len == 0));
	require(!codec_is_ascii(s) || codec_is_utf8(s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = str_make((const char *)data, size);
	size_t half = size / 2;
	check_forth(codec_base64, codec_unbase64, s);
	check_forth(codec_xtext, codec_unxtext, s);
	check_forth(codec_hex, codec_unhex, s);
	check_back(codec_base64, codec_unbase64, s, true);
	check_back(codec_xtext, codec_unxtext, s, false);
	check_back(codec_hex, codec_unhex, s, false);
	struct buf plain;
	buf_init(&plain, size);
	require(codec_is_xtext(s) == codec_unxtext(&plain, s));
	buf_release(&plain);
	check_printable(s);
	check_utf8(s);
	require(codec_same_secret(str_first(s, half), str_from(s, size - half)) ==
	        str_eq(str_first(s, half), str_from(s, size - half)));
	return 0;
}
