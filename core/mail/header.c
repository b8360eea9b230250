/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/header.h"

#include <stdlib.h>
#include <string.h>

#define CRLF_LEN   2
#define DAY_SECS   86400
#define ZONE_MAX   5999                  /* minutes: two digits of hours and two of minutes */
#define YEAR_FIRST INT64_C(-62135596800) /* 1 January of the year 1 */
#define YEAR_LAST  INT64_C(253402300799) /* last second of 9999 */

void header_init(struct header *h)
{
	*h = (struct header){0};
}

void header_release(struct header *h)
{
	for (size_t i = 0; i < h->count; i++)
		free(h->fields[i].text);
	free(h->fields);
	*h = (struct header){0};
}

static bool is_name_char(char c)
{
	return c > ' ' && c < 127 && c != ':';
}

static size_t name_length(struct str line)
{
	size_t len = 0;
	while (len < line.len && is_name_char(line.at[len]))
		len++;
	return len;
}

/* Where the colon is, blanks before it allowed; STR_NONE if line is no field. */
static size_t colon_at(struct str line, size_t name_len)
{
	size_t at = name_len;
	while (at < line.len && ascii_space(line.at[at]))
		at++;
	if (name_len == 0 || at == line.len || line.at[at] != ':')
		return STR_NONE;
	return at;
}

bool header_is_field(struct str line)
{
	size_t len = name_length(line);
	return len <= HEADER_NAME_MAX && colon_at(line, len) != STR_NONE;
}

bool header_may_be_field(struct str start)
{
	size_t at = name_length(start);
	while (at > 0 && at < start.len && ascii_space(start.at[at]))
		at++;
	return at == start.len && at <= HEADER_NAME_MAX;
}

static bool too_long(struct fault *f)
{
	return fault_set(f, FAULT_DATA, "header over %d MiB: put long text into the body",
	                 HEADER_MAX / 1024 / 1024);
}

/* Counts bytes into the limit; old ones are given back. */
static bool account(struct header *h, size_t old, size_t bytes, struct fault *f)
{
	size_t rest = h->bytes - old;
	if (bytes > HEADER_MAX || rest > HEADER_MAX - bytes)
		return too_long(f);
	h->bytes = rest + bytes;
	return true;
}

static void append(struct field *field, struct str s)
{
	field->text = mem_grow(field->text, &field->cap, field->len + s.len, 1);
	if (s.len > 0)
		memcpy(field->text + field->len, s.at, s.len);
	field->len += s.len;
}

/* An empty field at that place, to be filled. */
static struct field *make_room(struct header *h, size_t at)
{
	if (at > h->count)
		at = h->count;
	h->fields = mem_grow(h->fields, &h->cap, h->count + 1, sizeof(h->fields[0]));
	memmove(&h->fields[at + 1], &h->fields[at], (h->count - at) * sizeof(h->fields[0]));
	h->fields[at] = (struct field){0};
	h->count++;
	return &h->fields[at];
}

static void measure(struct field *field)
{
	struct str text = str_make(field->text, field->len);
	field->name_len = name_length(text);
	field->value_at = colon_at(text, field->name_len) + 1;
}

bool header_add_line(struct header *h, struct str line, struct fault *f)
{
	struct field *field;
	if (line.len > 0 && ascii_space(line.at[0])) {
		if (h->count == 0)
			return fault_set(f, FAULT_DATA,
			                 "header begins with a continuation line");
		if (!account(h, 0, line.len + CRLF_LEN, f))
			return false;
		field = &h->fields[h->count - 1];
		append(field, STR("\r\n"));
		append(field, line);
		return true;
	}
	if (!header_is_field(line))
		return fault_set(f, FAULT_DATA, "a line of the header is no field");
	if (!account(h, 0, line.len + CRLF_LEN, f))
		return false;
	field = make_room(h, h->count);
	append(field, line);
	measure(field);
	return true;
}

bool header_insert(struct header *h, size_t at, const char *name, struct str value,
                   struct fault *f)
{
	struct str name_str = str_of(name);
	if (!account(h, 0, name_str.len + 2 + value.len + CRLF_LEN, f))
		return false;
	struct field *field = make_room(h, at);
	append(field, name_str);
	append(field, STR(": "));
	append(field, value);
	measure(field);
	return true;
}

bool header_set_value(struct header *h, size_t at, struct str value, struct fault *f)
{
	struct field *old = &h->fields[at];
	struct field field = {0};
	if (!account(h, old->len, old->value_at + 1 + value.len, f))
		return false;
	append(&field, str_make(old->text, old->value_at));
	append(&field, STR(" "));
	append(&field, value);
	measure(&field);
	free(old->text);
	*old = field;
	return true;
}

void header_remove(struct header *h, size_t at)
{
	h->bytes -= h->fields[at].len + CRLF_LEN;
	free(h->fields[at].text);
	h->count--;
	memmove(&h->fields[at], &h->fields[at + 1], (h->count - at) * sizeof(h->fields[0]));
}

static size_t remove_named(struct header *h, const char *name, bool only_empty)
{
	struct str name_str = str_of(name);
	size_t kept = 0;
	for (size_t i = 0; i < h->count; i++) {
		struct field *field = &h->fields[i];
		if (str_caseeq(header_name(field), name_str) &&
		    (!only_empty || header_value(field).len == 0)) {
			h->bytes -= field->len + CRLF_LEN;
			free(field->text);
		} else {
			h->fields[kept++] = *field;
		}
	}
	size_t removed = h->count - kept;
	h->count = kept;
	return removed;
}

size_t header_remove_all(struct header *h, const char *name)
{
	return remove_named(h, name, false);
}

size_t header_remove_empty(struct header *h, const char *name)
{
	return remove_named(h, name, true);
}

size_t header_find(const struct header *h, const char *name, size_t from)
{
	struct str name_str = str_of(name);
	for (size_t i = from; i < h->count; i++)
		if (str_caseeq(header_name(&h->fields[i]), name_str))
			return i;
	return STR_NONE;
}

size_t header_find_resent(const struct header *h)
{
	for (size_t i = 0; i < h->count; i++)
		if (str_casestarts(header_name(&h->fields[i]), STR("Resent-")))
			return i;
	return STR_NONE;
}

struct str header_name(const struct field *field)
{
	return str_make(field->text, field->name_len);
}

struct str header_value(const struct field *field)
{
	return str_trim(str_from(str_make(field->text, field->len), field->value_at));
}

bool header_write(struct buf *out, const struct header *h)
{
	for (size_t i = 0; i < h->count; i++) {
		const struct field *field = &h->fields[i];
		if (!buf_add(out, field->text, field->len) || !buf_add_str(out, STR("\r\n")))
			return false;
	}
	return true;
}

/* Year, month and day of a day counted from 1970-01-01, in the Gregorian
 * calendar: years are taken to begin in March, so that the leap day is last. */
static void civil_date(int64_t day, int *year, int *month, int *mday)
{
	int64_t since = day + 719468; /* days since 1 March of the year 0 */
	int64_t era = since / 146097; /* 400 years each; since is positive here */
	int64_t in_era = since % 146097;
	int64_t y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	int64_t in_year = in_era - (365 * y + y / 4 - y / 100);
	int64_t march = (5 * in_year + 2) / 153; /* 0 is March */
	*mday = (int)(in_year - (153 * march + 2) / 5 + 1);
	*month = (int)(march < 10 ? march + 3 : march - 9);
	*year = (int)(era * 400 + y + (*month <= 2));
}

bool header_add_date(struct buf *out, int64_t wall, int zone_min)
{
	static const char days[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	if (zone_min < -ZONE_MAX || zone_min > ZONE_MAX)
		zone_min = 0;
	int zone = zone_min < 0 ? -zone_min : zone_min;
	wall = wall < YEAR_FIRST ? YEAR_FIRST : wall > YEAR_LAST ? YEAR_LAST : wall;
	wall += (int64_t)zone_min * 60;
	wall = wall < YEAR_FIRST ? YEAR_FIRST : wall > YEAR_LAST ? YEAR_LAST : wall;
	/* YEAR_FIRST is a whole number of days. */
	int64_t secs = (wall - YEAR_FIRST) % DAY_SECS;
	int64_t day = (wall - secs) / DAY_SECS;
	int year, month, mday;
	civil_date(day, &year, &month, &mday);
	/* 719166: weeks enough to make every day positive. */
	return buf_addf(out, "%.3s, %d %.3s %04d %02d:%02d:%02d %c%02d%02d",
	                days + (day + 719166) % 7 * 3, mday, months + (month - 1) * 3, year,
	                (int)(secs / 3600), (int)(secs / 60 % 60), (int)(secs % 60),
	                zone_min < 0 ? '-' : '+', zone / 60, zone % 60);
}

bool header_add_msgid(struct buf *out, int64_t wall, const unsigned char random[16],
                      struct str host)
{
	size_t before = out->len;
	bool fits = buf_addf(out, "<%lld.", (long long)wall);
	for (size_t i = 0; i < 16 && fits; i++)
		fits = buf_addf(out, "%02x", random[i]);
	if (fits && buf_add_char(out, '@') &&
	    buf_add_str(out, host.len > 0 ? host : STR("localhost")) && buf_add_char(out, '>'))
		return true;
	out->len = before;
	return false;
}
