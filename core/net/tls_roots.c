/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/tls_roots.h"

#include <string.h>
#include <time.h>

#include "text/codec.h"

#define DER_MAX      65536 /* no root is that long */
#define HEAD_LEN     660   /* of base64: in nearly all roots the subject is in there */
#define TAG_INTEGER  0x02
#define TAG_UTC_TIME 0x17
#define TAG_TIME     0x18
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

struct facts {
	struct str issuer, subject; /* whole */
	struct str dates;           /* what is inside */
};

/* The first bytes of a certificate, as far as they are there. RFC 5280 section
 * 4.1: version, serial, signature, issuer, validity, subject ... */
static bool read_head(struct str fields, struct facts *facts)
{
	if (!der_enter(&fields, TAG_SEQUENCE) || !der_enter(&fields, TAG_SEQUENCE))
		return false;
	struct str whole, inside;
	der_next(&fields, TAG_VERSION, &whole, &inside);
	return der_next(&fields, TAG_INTEGER, &whole, &inside) &&
	       der_next(&fields, TAG_SEQUENCE, &whole, &inside) &&
	       der_next(&fields, TAG_SEQUENCE, &facts->issuer, &inside) &&
	       der_next(&fields, TAG_SEQUENCE, &whole, &facts->dates) &&
	       der_next(&fields, TAG_SEQUENCE, &facts->subject, &inside);
}

/* Is it one whole certificate? */
static bool read_whole(struct str der, struct facts *facts)
{
	struct str rest = der, whole, inside;
	return der_next(&rest, TAG_SEQUENCE, &whole, &inside) &&
	       der_next(&inside, TAG_SEQUENCE, &rest, &whole) && read_head(der, facts);
}

bool tls_roots_names(struct str der, struct str *issuer, struct str *subject)
{
	struct facts facts;
	if (!read_whole(der, &facts))
		return false;
	*issuer = facts.issuer;
	*subject = facts.subject;
	return true;
}

/* Two digits, or more than any of a date. */
static int two_digits(struct str s, size_t at)
{
	if (at + 2 > s.len || !ascii_digit(s.at[at]) || !ascii_digit(s.at[at + 1]))
		return 100;
	return (s.at[at] - '0') * 10 + s.at[at + 1] - '0';
}

/* YYMMDDHHMMSSZ, of 1950 to 2049, or YYYYMMDDHHMMSSZ: RFC 5280 section 4.1.2.5. */
static bool take_date(struct str *dates, int64_t *seconds)
{
	struct str whole, text;
	struct tm tm = {0};
	int century;
	if (der_next(dates, TAG_UTC_TIME, &whole, &text)) {
		century = two_digits(text, 0) < 50 ? 20 : 19;
	} else if (der_next(dates, TAG_TIME, &whole, &text)) {
		century = two_digits(text, 0);
		text = str_from(text, 2);
	} else {
		return false;
	}
	tm.tm_year = (century - 19) * 100 + two_digits(text, 0);
	tm.tm_mon = two_digits(text, 2) - 1;
	tm.tm_mday = two_digits(text, 4);
	tm.tm_hour = two_digits(text, 6);
	tm.tm_min = two_digits(text, 8);
	tm.tm_sec = two_digits(text, 10);
	if (text.len != 13 || text.at[12] != 'Z' || century > 99 || tm.tm_year > 8099 ||
	    tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
	    tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59)
		return false;
	*seconds = timegm(&tm);
	return true;
}

bool tls_roots_dates(struct str der, int64_t *from, int64_t *until)
{
	struct facts facts;
	return read_whole(der, &facts) && take_date(&facts.dates, from) &&
	       take_date(&facts.dates, until) && facts.dates.len == 0;
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
	buf_clear(joined);
	buf_clear(der);
	struct str line;
	while (str_cut(&base64, '\n', &line))
		if (!buf_add_str(joined, str_trim(line)))
			return false;
	/* Where it was cut off, the last group may be incomplete. */
	return codec_unbase64(der, str_first(buf_str(joined), joined->len / 4 * 4));
}

static bool is_wanted(struct str subject, const struct str *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(subject, names[i]))
			return true;
	return false;
}

/* Is the certificate one of those? Most are ruled out by their first bytes: to
 * decode all of them would take most of the time. */
static bool is_match(struct str base64, const struct str *names, size_t count,
                     struct buf *joined, struct buf *der)
{
	struct facts facts;
	if (decode(str_first(base64, HEAD_LEN), joined, der) &&
	    read_head(buf_str(der), &facts) && !is_wanted(facts.subject, names, count))
		return false;
	return decode(base64, joined, der) && read_whole(buf_str(der), &facts) &&
	       is_wanted(facts.subject, names, count);
}

size_t tls_roots_find(struct str bundle, const struct str *names, size_t count,
                      tls_roots_each *each, void *context)
{
	struct buf joined;
	size_t found = 0;
	buf_init(&joined, 2 * DER_MAX);
	struct buf der;
	buf_init(&der, DER_MAX);
	struct str base64;
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
