/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/tls_roots.h"

#include <string.h>

#include "base/codec.h"

#define DER_MAX      65536 /* no root is that long */
#define HEAD_LEN     660   /* of base64: in nearly all roots the subject is in there */
#define TAG_INTEGER  0x02
#define TAG_SEQUENCE 0x30
#define TAG_VERSION  0xA0 /* [0] EXPLICIT, left out in version 1 */

/* The length of the element at the start of s, and where its content begins.
 * The content may be longer than s. */
static bool der_head(struct str s, unsigned char tag, size_t *at, size_t *len)
{

	size_t bytes;

	if (s.len < 2 || (unsigned char)s.at[0] != tag)
		return false;
	*at = 2;
	*len = (unsigned char)s.at[1];
	if (*len < 0x80)
		return true;
	bytes = *len & 0x7F;
	/* Three bytes of length are more than DER_MAX needs. */
	if (bytes == 0 || bytes > 3 || s.len < 2 + bytes)
		return false;
	*len = 0;
	for (size_t i = 0; i < bytes; i++)
		*len = *len << 8 | (unsigned char)s.at[2 + i];
	*at += bytes;
	return true;
}

/* Takes one element off *rest; *whole has its tag and length, *inside its content. */
static bool der_next(struct str *rest, unsigned char tag, struct str *whole, struct str *inside)
{
	size_t at, len;

	if (!der_head(*rest, tag, &at, &len) || len > rest->len - at)
		return false;
	*whole = str_first(*rest, at + len);
	*inside = str_from(*whole, at);
	*rest = str_from(*rest, at + len);
	return true;
}

/* Goes inside an element that is perhaps cut off. */
static bool der_enter(struct str *s, unsigned char tag)
{
	size_t at, len;

	if (!der_head(*s, tag, &at, &len))
		return false;
	*s = str_first(str_from(*s, at), len);
	return true;
}

/* The names in the first bytes of a certificate, as far as they are there.
 * RFC 5280 section 4.1: version, serial, signature, issuer, validity, subject ... */
static bool names_in_head(struct str fields, struct str *issuer, struct str *subject)
{
	struct str whole, inside;

	if (!der_enter(&fields, TAG_SEQUENCE) || !der_enter(&fields, TAG_SEQUENCE))
		return false;
	(void)der_next(&fields, TAG_VERSION, &whole, &inside);
	return der_next(&fields, TAG_INTEGER, &whole, &inside) &&
	       der_next(&fields, TAG_SEQUENCE, &whole, &inside) &&
	       der_next(&fields, TAG_SEQUENCE, issuer, &inside) &&
	       der_next(&fields, TAG_SEQUENCE, &whole, &inside) &&
	       der_next(&fields, TAG_SEQUENCE, subject, &inside);
}

bool tls_roots_names(struct str der, struct str *issuer, struct str *subject)
{
	struct str rest = der, whole, inside;

	return der_next(&rest, TAG_SEQUENCE, &whole, &inside) &&
	       der_next(&inside, TAG_SEQUENCE, &rest, &whole) &&
	       names_in_head(der, issuer, subject);
}

/* Where text begins in s, or STR_NONE. */
static size_t find_text(struct str s, struct str text)
{
	const char *at = s.len > 0 ? memmem(s.at, s.len, text.at, text.len) : NULL;

	return at ? (size_t)(at - s.at) : STR_NONE;
}

/* The base64 of the next certificate; false at the end. */
static bool next_block(struct str *rest, struct str *base64)
{
	static const struct str begin = {"-----BEGIN CERTIFICATE-----", 27};
	static const struct str end = {"-----END CERTIFICATE-----", 25};
	size_t at = find_text(*rest, begin);

	if (at == STR_NONE)
		return false;
	*rest = str_from(*rest, at + begin.len);
	at = find_text(*rest, end);
	if (at == STR_NONE)
		return false;
	*base64 = str_first(*rest, at);
	*rest = str_from(*rest, at + end.len);
	return true;
}

static bool decode(struct str base64, struct buf *joined, struct buf *der)
{
	struct str line;

	buf_clear(joined);
	buf_clear(der);
	while (str_cut(&base64, '\n', &line)) {
		if (!buf_add_str(joined, str_trim(line)))
			return false;
	}
	/* Where it was cut off, the last group may be incomplete. */
	return codec_unbase64(der, str_first(buf_str(joined), joined->len / 4 * 4));
}

static bool is_wanted(struct str subject, const struct str *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (str_eq(subject, names[i]))
			return true;
	}
	return false;
}

/* Is the certificate one of those? Most are ruled out by their first bytes: to
 * decode all of them would take most of the time. */
static bool is_match(struct str base64, const struct str *names, size_t count,
                     struct buf *joined, struct buf *der)
{
	struct str issuer, subject;

	if (decode(str_first(base64, HEAD_LEN), joined, der) &&
	    names_in_head(buf_str(der), &issuer, &subject) && !is_wanted(subject, names, count))
		return false;
	return decode(base64, joined, der) &&
	       tls_roots_names(buf_str(der), &issuer, &subject) &&
	       is_wanted(subject, names, count);
}

size_t tls_roots_find(struct str bundle, const struct str *names, size_t count,
                      tls_roots_each *each, void *context)
{
	struct buf joined, der;
	struct str base64;
	size_t found = 0;

	buf_init(&joined, 2 * DER_MAX);
	buf_init(&der, DER_MAX);
	while (next_block(&bundle, &base64)) {
		if (is_match(base64, names, count, &joined, &der)) {
			each(context, buf_str(&der));
			found++;
		}
	}
	buf_release(&joined);
	buf_release(&der);
	return found;
}
