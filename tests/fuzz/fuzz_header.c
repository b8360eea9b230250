/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values encoded mean what they meant before; folded fields keep their text. */
#include <stdint.h>
#include <stdlib.h>

#include "text/buf.h"
#include "text/codec.h"
#include "text/fault.h"
#include "mail/header.h"
#include "mail/header_params.h"

static void check(bool fine)
{
	if (!fine)
		abort();
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The inside of an encoded word, decoded; false if word is none. */
static bool decode_word(struct buf *out, struct str word)
{
	if (word.len < 8 || !codec_is_ascii(word) || !str_starts(word, STR("=?")) ||
	    !str_ends(word, STR("?=")))
		return false;
	word = str_from(str_first(word, word.len - 2), 2);
	struct str charset, kind;
	if (!str_cut(&word, '?', &charset) || charset.len == 0 || !str_cut(&word, '?', &kind) ||
	    word.len == 0 || str_find(word, '?') != STR_NONE)
		return false;
	if (str_caseeq(kind, STR("B"))) {
		size_t before = out->len;
		if (!codec_unbase64(out, word)) {
			out->len = before;
			check(buf_add_str(out, word));
		}
		return true;
	}
	if (!str_caseeq(kind, STR("Q")))
		return false;
	for (size_t i = 0; i < word.len; i++)
		if (word.at[i] == '=' && word.len - i > 2 &&
		    codec_unhex(out, str_first(str_from(word, i + 1), 2)))
			i += 2;
		else
			check(buf_add_char(out, word.at[i] == '_' ? ' ' : word.at[i]));
	return true;
}

/* What a reader sees of a text: RFC 2047 section 6.2. */
static void show(struct buf *out, struct str text)
{
	bool was_word = false;
	size_t at = 0;
	while (at < text.len) {
		size_t blanks = out->len;
		for (; at < text.len && is_blank(text.at[at]); at++)
			if (text.at[at] != '\r' && text.at[at] != '\n')
				check(buf_add_char(out, text.at[at]));
		size_t start;
		for (start = at; at < text.len && !is_blank(text.at[at]);)
			at++;
		if (at == start)
			break;
		if (was_word) {
			struct buf word;
			struct str body = str_first(str_from(text, start), at - start);
			buf_init(&word, text.len * 2);
			if (decode_word(&word, body)) {
				out->len = blanks;
				check(buf_add_str(out, buf_str(&word)));
			} else {
				check(buf_add_str(out, body));
				was_word = false;
			}
			buf_release(&word);
			continue;
		}
		was_word = decode_word(out, str_first(str_from(text, start), at - start));
		if (!was_word)
			check(buf_add(out, text.at + start, at - start));
	}
}

static void check_lines(struct str text, size_t max, size_t first)
{
	struct str line;
	while (str_cut(&text, '\n', &line)) {
		check(!text.at || str_ends(line, STR("\r")));
		check(str_find(str_first(line, line.len - (text.at != NULL)), '\r') ==
		      STR_NONE);
		check(line.len + first <= max + 1);
		first = 0;
	}
}

static void fuzz_text(struct str value)
{
	struct buf out;
	buf_init(&out, HEADER_MAX);
	struct buf before;
	buf_init(&before, HEADER_MAX);
	struct buf after;
	buf_init(&after, HEADER_MAX);
	check(header_encode_text(&out, value, 9));
	check(codec_is_ascii(buf_str(&out)));
	show(&before, value);
	show(&after, buf_str(&out));
	check(str_eq(buf_str(&before), buf_str(&after)));
	if (codec_is_ascii(value))
		check(str_eq(buf_str(&out), value));
	buf_clear(&out);
	bool mailbox8;
	for (int how = MAILBOXES_KEPT; how <= MAILBOXES_ASCII; how++) {
		buf_clear(&out);
		check(header_encode_addresses(&out, value, 9, (enum header_mailboxes)how,
		                              &mailbox8));
		check(mailbox8 || codec_is_ascii(buf_str(&out)));
		check(!mailbox8 || how != MAILBOXES_ASCII);
	}
	buf_clear(&out);
	check(header_encode_params(&out, value));
	buf_clear(&out);
	check(header_add_phrase(&out, value));
	check(codec_is_ascii(buf_str(&out)));
	if (!codec_is_ascii(value))
		check_lines(buf_str(&out), 76, 0);
	buf_release(&out);
	buf_release(&before);
	buf_release(&after);
}

static bool same_text(struct str a, struct str b)
{
	size_t i = 0, j = 0;
	for (;;) {
		while (i < a.len && is_blank(a.at[i]))
			i++;
		while (j < b.len && is_blank(b.at[j]))
			j++;
		if (i == a.len || j == b.len)
			return i == a.len && j == b.len;
		if (a.at[i++] != b.at[j++])
			return false;
	}
}

static void fuzz_fold(struct header *h)
{
	for (size_t i = 0; i < h->count; i++) {
		struct fault f = FAULT_INIT;
		char *copy = mem_copy(str_make(h->fields[i].text, h->fields[i].len));
		struct str old = str_make(copy, h->fields[i].len);
		check(header_fold(h, i, &f));
		struct str text = str_make(h->fields[i].text, h->fields[i].len);
		check(same_text(old, text));
		check_lines(text, HEADER_LINE_MAX, 0);
		struct str line;
		while (str_cut(&text, '\n', &line))
			check(str_trim(line).len > 0);
		free(copy);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_make((const char *)data, size);
	struct header h;
	size_t bytes = 0;
	header_init(&h);
	struct str line;
	while (str_cut(&rest, '\n', &line)) {
		struct fault f = FAULT_INIT;
		if (str_find(line, '\r') != STR_NONE || str_find(line, '\0') != STR_NONE ||
		    str_trim(line).len == 0)
			continue;
		if (header_add_line(&h, line, &f))
			bytes += line.len + 2;
		check(h.bytes == bytes);
	}
	for (size_t i = 0; i < h.count; i++)
		fuzz_text(header_value(&h.fields[i]));
	fuzz_fold(&h);
	header_release(&h);
	return 0;
}
