/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/mime_field.h"

#include <stdint.h>
#include <string.h>

#include "text/codec.h"
#include "mail/header.h"
#include "mail/mime_type.h"

#define SEGMENT_COLS 60 /* of an encoded parameter value on one line */

size_t mime_count_8bit(struct str s)
{
	size_t count = 0, at = 0;
	for (; at + 8 <= s.len; at += 8) {
		uint64_t word;
		memcpy(&word, s.at + at, sizeof(word));
		word &= UINT64_C(0x8080808080808080);
		if (word != 0)
			count += (size_t)__builtin_popcountll(word);
	}
	for (; at < s.len; at++)
		count += (unsigned char)s.at[at] >> 7;
	return count;
}

bool mime_has_8bit(struct str s)
{
	return mime_count_8bit(s) > 0;
}

static bool has_long_line(struct str raw)
{
	struct str line;
	while (str_cut(&raw, '\n', &line)) {
		if (str_ends(line, STR("\r")))
			line.len--;
		if (line.len > MIME_LINE_MAX)
			return true;
	}
	return false;
}

bool mime_field_bad(struct str raw, bool seven_bit)
{
	return (seven_bit && mime_has_8bit(raw)) || has_long_line(raw);
}

/* Stands for itself in an encoded parameter value (RFC 2231 section 7, the
 * characters that no old reader stumbles over). */
static bool is_attribute_char(char c)
{
	return ascii_alpha(c) || ascii_digit(c) || c == '-' || c == '.' || c == '_';
}

static bool add_percent(struct buf *out, char c)
{
	if (is_attribute_char(c))
		return buf_add_char(out, c);
	return buf_addf(out, "%%%02X", (unsigned char)c);
}

/* name=value with 8-bit text in the value, which comes with its quotes undone:
 * name*=charset''text, in numbered pieces if it is long. */
static bool add_encoded(struct buf *out, struct str name, struct str value)
{
	const char *charset = codec_is_utf8(value) ? "utf-8" : "unknown-8bit";
	size_t cols = 0, segment = 0;
	bool pieces = value.len * 3 > SEGMENT_COLS;
	if (!buf_add_str(out, name) || !buf_addf(out, pieces ? "*0*=%s''" : "*=%s''", charset))
		return false;
	for (size_t i = 0; i < value.len; i++) {
		size_t width = is_attribute_char(value.at[i]) ? 1 : 3;
		if (pieces && cols + width > SEGMENT_COLS) {
			cols = 0;
			if (!buf_add_str(out, STR(";\r\n ")) || !buf_add_str(out, name) ||
			    !buf_addf(out, "*%zu*=", ++segment))
				return false;
		}
		if (!add_percent(out, value.at[i]))
			return false;
		cols += width;
	}
	return true;
}

/* One parameter value, encoded if it is 8-bit. name is written here, too. */
static bool add_parameter(struct buf *out, struct str name, struct str raw)
{
	bool ok = true;
	if (!mime_has_8bit(raw)) {
		return buf_add_str(out, name) && buf_add_char(out, '=') &&
		       buf_add_str(out, raw);
	}
	struct buf plain;
	if (str_find(name, '*') == STR_NONE) {
		buf_init(&plain, HEADER_MAX);
		ok = mime_value_add(&plain, raw) && add_encoded(out, name, buf_str(&plain));
		buf_release(&plain);
		return ok;
	}
	ok = buf_add_str(out, name) && buf_add_char(out, '=');
	for (size_t i = 0; ok && i < raw.len; i++) {
		bool plain8 = (unsigned char)raw.at[i] > 127 && str_ends(name, STR("*"));
		ok = plain8 ? add_percent(out, raw.at[i]) : buf_add_char(out, raw.at[i]);
	}
	return ok;
}

static size_t name_end(struct str value, size_t at)
{
	while (at < value.len && (unsigned char)value.at[at] > ' ' &&
	       !memchr("=;(", value.at[at], 3))
		at++;
	return at;
}

/* The value of Content-Type or Content-Disposition, each parameter on a line
 * of its own, so that no fold is ever put into one. */
static bool encode_parameters(struct buf *out, struct str value)
{
	size_t at = 0;
	while ((at = mime_skip(value, at)) < value.len && value.at[at] != ';')
		at++;
	if (!buf_add_str(out, str_trim(str_first(value, at))))
		return false;
	while (at < value.len) {
		at = mime_skip(value, at);
		if (at < value.len && value.at[at] == ';') {
			at++;
			continue;
		}
		size_t end = name_end(value, at);
		struct str name = str_make(value.at + at, end - at);
		end = mime_skip(value, end);
		if (end >= value.len || value.at[end] != '=' || name.len == 0) {
			at = end > at ? end : at + 1;
			continue;
		}
		at = mime_skip(value, end + 1);
		end = mime_value_end(value, at);
		if (!buf_add_str(out, STR(";\r\n ")) ||
		    !add_parameter(out, name, str_make(value.at + at, end - at)))
			return false;
		at = end;
	}
	return true;
}

static bool in_list(struct str name, const char *const *list)
{
	for (; *list != NULL; list++)
		if (str_caseeq(name, str_of(*list)))
			return true;
	return false;
}

static bool is_addresses(struct str name)
{
	static const char *const names[] = {
	    "From",
	    "Sender",
	    "Reply-To",
	    "To",
	    "Cc",
	    "Bcc",
	    "Disposition-Notification-To",
	    "Return-Path",
	    "Errors-To",
	    "Mail-Followup-To",
	    NULL,
	};
	if (str_casestarts(name, STR("Resent-")))
		name = str_from(name, 7);
	return in_list(name, names);
}

static bool has_parameters(struct str name)
{
	static const char *const names[] = {"Content-Type", "Content-Disposition", NULL};
	return in_list(name, names);
}

static bool encode_value(struct buf *out, struct str name, struct str value, bool seven_bit,
                         struct fault *f)
{
	size_t first = name.len + 2;
	bool mailbox8, ok;
	if (has_parameters(name))
		ok = encode_parameters(out, value);
	else if (!seven_bit || !mime_has_8bit(value))
		ok = buf_add_str(out, value);
	else if (is_addresses(name))
		ok = header_encode_addresses(out, value, first, MAILBOXES_ASCII, &mailbox8);
	else
		ok = header_encode_text(out, value, first);
	return ok || fault_set(f, FAULT_DATA, "the %.*s field of a MIME part is too long",
	                       STR_FMT(name));
}

/* Takes the field apart into h, lines as they were. */
static bool read_field(struct header *h, struct str raw, struct fault *f)
{
	struct str line;
	while (str_cut(&raw, '\n', &line)) {
		if (str_ends(line, STR("\r")))
			line.len--;
		if (!header_add_line(h, line, f))
			return false;
	}
	return true;
}

static void replace_8bit(struct buf *out, size_t at)
{
	for (; at < out->len; at++)
		if ((unsigned char)out->at[at] > 127)
			out->at[at] = '?';
}

bool mime_field_mend(struct buf *out, struct str raw, bool seven_bit, struct fault *f)
{
	struct header h;
	size_t before = out->len;
	header_init(&h);
	struct buf value;
	buf_init(&value, HEADER_MAX);
	bool ok = read_field(&h, raw, f) &&
	          encode_value(&value, header_name(&h.fields[0]), header_value(&h.fields[0]),
	                       seven_bit, f) &&
	          header_set_value(&h, 0, buf_str(&value), f) && header_fold(&h, 0, f);
	if (ok && !header_write(out, &h))
		ok = fault_set(f, FAULT_DATA, "a header field of a MIME part is too long");
	if (ok && seven_bit)
		replace_8bit(out, before);
	buf_release(&value);
	header_release(&h);
	return ok;
}
