/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes in any pieces (the first byte is their size): what goes out ends
 * at exactly one place, its last byte, and a receiver gets back what was given.
 * Bytes with a bare CR or LF are refused whole.
 */
#include <stdint.h>
#include <stdlib.h>

#include "text/buf.h"
#include "text/fault.h"
#include "smtp/wire.h"

static void check(bool fine)
{
	if (!fine)
		abort();
}

static bool only_crlf(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] == '\n' && (i == 0 || s.at[i - 1] != '\r'))
			return false;
		if (s.at[i] == '\r' && (i + 1 == s.len || s.at[i + 1] != '\n'))
			return false;
	}
	return true;
}

/* What a receiver makes of it (RFC 5321 section 4.5.2), taking a line to end
 * at any LF, as lax ones do: where it ends is returned. */
static size_t receive(struct str wire, struct buf *to)
{
	size_t at = 0;
	while (at < wire.len) {
		struct str rest = str_from(wire, at);
		size_t end = str_find(rest, '\n');
		check(end != STR_NONE && end > 0 && rest.at[end - 1] == '\r');
		struct str line = str_first(rest, end + 1);
		at += line.len;
		if (str_eq(line, STR(".\r\n")))
			return at;
		if (line.at[0] == '.')
			line = str_from(line, 1);
		check(buf_add_str(to, line));
	}
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fault f = FAULT_INIT;
	bool ok = true;
	if (size == 0)
		return 0;
	struct str rest;
	struct str given = rest = str_make((const char *)data + 1, size - 1);
	struct buf out;
	buf_init(&out, 4 * size + 16);
	struct buf back;
	buf_init(&back, 4 * size + 16);
	struct wire w;
	wire_init(&w);
	while (ok && rest.len > 0) {
		struct str piece = str_first(rest, data[0] > 0 ? data[0] : rest.len);
		ok = wire_data(&w, piece, &out, &f);
		rest = str_from(rest, piece.len);
	}
	ok = ok && wire_end(&w, &out, &f);
	check(ok == only_crlf(given));
	check(ok || f.kind == FAULT_DATA);
	if (ok) {
		check(receive(buf_str(&out), &back) == out.len);
		if (given.len > 0 && given.at[given.len - 1] != '\n') {
			check(str_ends(buf_str(&back), STR("\r\n")));
			back.len -= 2;
		}
		check(str_eq(buf_str(&back), given));
	}
	buf_release(&out);
	buf_release(&back);
	return 0;
}
