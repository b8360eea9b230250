/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text/codec.h"

#include <limits.h>
#include <string.h>

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char hex_digits[] = "0123456789ABCDEF";

bool codec_base64(struct buf *out, struct str s)
{
	size_t groups = s.len / 3 + (s.len % 3 != 0);
	if (groups > SIZE_MAX / 4)
		return false;
	char *to = buf_room(out, groups * 4);
	if (!to)
		return false;
	for (size_t i = 0; i < s.len; i += 3) {
		size_t left = s.len - i;
		uint32_t bits = (uint32_t)(unsigned char)s.at[i] << 16;
		if (left > 1)
			bits |= (uint32_t)(unsigned char)s.at[i + 1] << 8;
		if (left > 2)
			bits |= (unsigned char)s.at[i + 2];
		*to++ = base64_digits[bits >> 18];
		*to++ = base64_digits[bits >> 12 & 63];
		*to++ = left > 1 ? base64_digits[bits >> 6 & 63] : '=';
		*to++ = left > 2 ? base64_digits[bits & 63] : '=';
	}
	buf_filled(out, groups * 4);
	return true;
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

bool codec_unbase64(struct buf *out, struct str s)
{
	size_t digits = s.len;
	uint32_t bits = 0;
	if (s.len % 4 != 0)
		return false;
	for (int pad = 0; pad < 2 && digits > 0 && s.at[digits - 1] == '='; pad++)
		digits--;
	size_t full = s.len / 4 * 3 - (s.len - digits);
	char *to = buf_room(out, full);
	if (!to)
		return false;
	for (size_t i = 0; i < digits; i++) {
		int value = base64_value(s.at[i]);
		if (value < 0)
			return false;
		bits = (bits << 6 | (uint32_t)value) & 0xFFFFFF;
		if (i % 4 == 1)
			*to++ = (char)(bits >> 4 & 255);
		else if (i % 4 == 2)
			*to++ = (char)(bits >> 2 & 255);
		else if (i % 4 == 3)
			*to++ = (char)(bits & 255);
	}
	/* Bits that no byte needs must be 0, so that each text has one form only. */
	if ((digits % 4 == 2 && (bits & 15) != 0) || (digits % 4 == 3 && (bits & 3) != 0))
		return false;
	buf_filled(out, full);
	return true;
}

static bool is_xchar(char c)
{
	return c >= '!' && c <= '~' && c != '+' && c != '=';
}

static bool add_hex(struct buf *out, char c)
{
	char *to = buf_room(out, 2);
	if (!to)
		return false;
	to[0] = hex_digits[(unsigned char)c >> 4];
	to[1] = hex_digits[(unsigned char)c & 15];
	buf_filled(out, 2);
	return true;
}

bool codec_xtext(struct buf *out, struct str s)
{
	size_t before = out->len;
	for (size_t i = 0; i < s.len; i++) {
		bool fits = is_xchar(s.at[i]) ? buf_add_char(out, s.at[i])
		                              : buf_add_char(out, '+') && add_hex(out, s.at[i]);
		if (!fits) {
			out->len = before;
			return false;
		}
	}
	return true;
}

bool codec_percent(struct buf *out, struct str s, const char *plain)
{
	size_t before = out->len;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		bool is_plain =
		    ascii_alpha(c) || ascii_digit(c) || (c != '\0' && strchr(plain, c));
		if (!(is_plain ? buf_add_char(out, c)
		               : buf_add_char(out, '%') && add_hex(out, c))) {
			out->len = before;
			return false;
		}
	}
	return true;
}

int codec_hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that two digits at s[at] stand for, or -1. */
static int hex_pair(struct str s, size_t at)
{
	if (at >= s.len || s.len - at < 2)
		return -1;
	int high = codec_hex_value(s.at[at]);
	int low = codec_hex_value(s.at[at + 1]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static bool is_lower_hex(char c)
{
	return c >= 'a' && c <= 'f';
}

/* The next byte of xtext at *at, which moves on; -1 if it is not xtext. */
static int xtext_next(struct str s, size_t *at)
{
	if (is_xchar(s.at[*at]))
		return (unsigned char)s.at[(*at)++];
	if (s.at[*at] != '+')
		return -1;
	int value = hex_pair(s, *at + 1);
	if (value < 0 || is_lower_hex(s.at[*at + 1]) || is_lower_hex(s.at[*at + 2]))
		return -1;
	*at += 3;
	return value;
}

bool codec_unxtext(struct buf *out, struct str s)
{
	size_t before = out->len;
	for (size_t i = 0; i < s.len;) {
		int value = xtext_next(s, &i);
		if (value < 0 || !buf_add_char(out, (char)value)) {
			out->len = before;
			return false;
		}
	}
	return true;
}

bool codec_is_xtext(struct str s)
{
	for (size_t i = 0; i < s.len;)
		if (xtext_next(s, &i) < 0)
			return false;
	return true;
}

bool codec_hex(struct buf *out, struct str s)
{
	size_t before = out->len;
	for (size_t i = 0; i < s.len; i++) {
		if (!add_hex(out, s.at[i])) {
			out->len = before;
			return false;
		}
	}
	return true;
}

bool codec_unhex(struct buf *out, struct str s)
{
	size_t before = out->len;
	for (size_t i = 0; i < s.len; i += 2) {
		int value = hex_pair(s, i);
		if (value < 0 || !buf_add_char(out, (char)value)) {
			out->len = before;
			return false;
		}
	}
	return true;
}

bool codec_same_secret(struct str a, struct str b)
{
	volatile unsigned char differ = 0;
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		differ = (unsigned char)(differ | (unsigned char)(a.at[i] ^ b.at[i]));
	return differ == 0;
}

void codec_wipe(void *at, size_t len)
{
	if (len > 0)
		explicit_bzero(at, len);
}

static size_t escape(char *to, size_t size, struct str s, bool double_backslash)
{
	size_t len = 0;
	if (size == 0)
		return 0;
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		size_t need = c < 32 || c > 126 ? 4 : c == '\\' && double_backslash ? 2 : 1;
		if (need >= size - len)
			break;
		if (need > 1)
			to[len++] = '\\';
		if (need < 4) {
			to[len++] = (char)c;
		} else {
			to[len++] = 'x';
			to[len++] = hex_digits[c >> 4];
			to[len++] = hex_digits[c & 15];
		}
	}
	to[len] = '\0';
	return len;
}

size_t codec_printable(char *to, size_t size, struct str s)
{
	return escape(to, size, s, true);
}

size_t codec_one_line(char *to, size_t size, struct str s)
{
	return escape(to, size, s, false);
}

size_t codec_utf8_len(struct str s)
{
	unsigned char low = 0x80, high = 0xBF;
	if (s.len == 0)
		return 0;
	unsigned char first = (unsigned char)s.at[0];
	if (first < 0x80)
		return 1;
	if (first < 0xC2 || first > 0xF4)
		return 0;
	size_t len = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
	if (s.len < len)
		return 0;
	if (first == 0xE0)
		low = 0xA0;
	else if (first == 0xED)
		high = 0x9F;
	else if (first == 0xF0)
		low = 0x90;
	else if (first == 0xF4)
		high = 0x8F;
	for (size_t i = 1; i < len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		if (c < low || c > high)
			return 0;
		low = 0x80;
		high = 0xBF;
	}
	return len;
}

bool codec_is_c1(struct str s)
{
	return s.len >= 2 && (unsigned char)s.at[0] == 0xC2 && (unsigned char)s.at[1] >= 0x80 &&
	       (unsigned char)s.at[1] < 0xA0;
}

bool codec_is_utf8(struct str s)
{
	while (s.len > 0) {
		size_t len = codec_utf8_len(s);
		if (len == 0)
			return false;
		s = str_from(s, len);
	}
	return true;
}

bool codec_is_ascii(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		if (c == 0 || c > 127)
			return false;
	}
	return true;
}

#define HIGH_BITS UINT64_C(0x8080808080808080)

size_t codec_count_8bit(struct str s)
{
	size_t count = 0, at = 0;
	for (; s.len - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
		uint64_t eight;
		memcpy(&eight, s.at + at, sizeof(eight));
		/* The product adds the bytes, 0 or 1 each, in its highest one. */
		if (eight & HIGH_BITS)
			count +=
			    ((eight & HIGH_BITS) >> 7) * UINT64_C(0x0101010101010101) >> 56;
	}
	for (; at < s.len; at++)
		count += (unsigned char)s.at[at] >> 7;
	return count;
}

bool codec_has_8bit(struct str s)
{
	uint64_t all = 0;
	size_t at = 0;
	for (; s.len - at >= sizeof(all); at += sizeof(all)) {
		uint64_t eight;
		memcpy(&eight, s.at + at, sizeof(eight));
		all |= eight;
	}
	for (; at < s.len; at++)
		all |= (unsigned char)s.at[at];
	return all & HIGH_BITS;
}
