/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smtp/saslprep.h"

#include <stdint.h>

#ifdef HAVE_UNISTRING
#include <gnutls/gnutls.h>
#include <uninorm.h>
#include <unistr.h>
#endif

#include "text/codec.h"

#define LONGER_MOST 11 /* times: U+FDFA, three bytes, stands for 33 */
#define SPARE       16 /* bytes that the library wants to have beside */

static bool too_long(const char *what, struct fault *f)
{
	return fault_set(f, FAULT_RELAY, "the %s is too long", what);
}

static bool control(const char *what, struct fault *f)
{
	return fault_set(f, FAULT_RELAY, "the %s has a control character, which SCRAM forbids",
	                 what);
}

#ifdef HAVE_UNISTRING
struct range {
	uint32_t first, last;
};

/* RFC 3454 table C.1.2: a blank. */
static const struct range blanks[] = {
    {0x00A0, 0x00A0}, {0x1680, 0x1680}, {0x2000, 0x200B},
    {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000},
};

/* RFC 3454 table B.1: nothing. */
static const struct range invisible[] = {
    {0x00AD, 0x00AD}, {0x034F, 0x034F}, {0x1806, 0x1806}, {0x180B, 0x180D},
    {0x200C, 0x200D}, {0x2060, 0x2060}, {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF},
};

static bool in_ranges(const struct range *ranges, size_t count, uint32_t c)
{
	for (size_t i = 0; i < count; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

/* RFC 4013 section 2.1; s is valid UTF-8. */
static bool map(struct str s, const char *what, struct buf *out, struct fault *f)
{
	while (s.len > 0) {
		ucs4_t c;
		size_t len = (size_t)u8_mbtouc(&c, (const uint8_t *)s.at, s.len);
		if (c < 0x20 || c == 0x7F)
			return control(what, f);
		bool fits = in_ranges(blanks, COUNT(blanks), c) ? buf_add_char(out, ' ')
		            : in_ranges(invisible, COUNT(invisible), c)
		                ? true
		                : buf_add_str(out, str_first(s, len));
		if (!fits)
			return too_long(what, f);
		s = str_from(s, len);
	}
	return true;
}

/* Section 2.2. */
static bool normalize(struct str s, const char *what, struct buf *out, struct fault *f)
{
	size_t len = LONGER_MOST * s.len + SPARE;
	uint8_t *to = (uint8_t *)buf_room(out, len);
	if (!to)
		return too_long(what, f);
	if (u8_normalize(UNINORM_NFKC, (const uint8_t *)s.at, s.len, to, &len) != to)
		return fault_set(f, FAULT_RELAY, "the %s cannot be prepared for SCRAM", what);
	buf_filled(out, len);
	return true;
}

/* In place of section 2.3: what no password may have by RFC 8264, which knows the characters
 * that came since. */
static bool allowed(struct str s, const char *what, struct fault *f)
{
	gnutls_datum_t same = {NULL, 0};
	if (gnutls_utf8_password_normalize((const unsigned char *)s.at, (unsigned)s.len, &same,
	                                   0) != 0)
		return fault_set(f, FAULT_RELAY,
		                 "the %s has a character that SCRAM forbids; set auth = plain",
		                 what);
	codec_wipe(same.data, same.size);
	gnutls_free(same.data);
	return true;
}

static bool prepare_wide(struct str s, const char *what, struct buf *mapped, struct buf *normal,
                         struct fault *f)
{
	/* Room at once, so that no copy is left behind by growing. */
	if (!buf_room(mapped, s.len))
		return too_long(what, f);
	if (!map(s, what, mapped, f))
		return false;
	s = buf_str(mapped);
	if (codec_is_ascii(s))
		return buf_add_str(normal, s) || too_long(what, f);
	return normalize(s, what, normal, f) && allowed(buf_str(normal), what, f);
}
#else
static bool prepare_wide(struct str s, const char *what, struct buf *mapped, struct buf *normal,
                         struct fault *f)
{
	(void)s;
	(void)mapped;
	(void)normal;
	return fault_set(
	    f, FAULT_RELAY,
	    "the %s is not ASCII, and this program was built without libunistring, "
	    "which SCRAM needs then; set auth = plain",
	    what);
}
#endif

static bool prepare(struct str s, const char *what, struct buf *mapped, struct buf *normal,
                    struct fault *f)
{
	if (!codec_is_ascii(s))
		return prepare_wide(s, what, mapped, normal, f);
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.at[i] < 0x20 || s.at[i] == 0x7F)
			return control(what, f);
	return buf_add_str(normal, s) || too_long(what, f);
}

bool saslprep(struct str s, const char *what, struct buf *out, struct fault *f)
{
	if (!codec_is_utf8(s))
		return fault_set(f, FAULT_RELAY,
		                 "the %s is not UTF-8, which SCRAM needs; set auth = plain",
		                 what);
	struct buf mapped, normal;
	buf_init(&mapped, s.len + SPARE);
	buf_init(&normal, LONGER_MOST * s.len + SPARE);
	bool ok = prepare(s, what, &mapped, &normal, f);
	if (ok && !(buf_room(out, normal.len) && buf_add_str(out, buf_str(&normal))))
		ok = too_long(what, f);
	buf_wipe(&mapped);
	buf_release(&mapped);
	buf_wipe(&normal);
	buf_release(&normal);
	return ok;
}
