/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc.h"
#include "cmd/words.h"

#define MARK_LEN    10 /* a server's mark in a reply has at least so many characters, */
#define MARK_DIGITS 3  /* digits among them, */
#define MARK_ALPHA  1  /* and letters */

static const struct age_class {
	int64_t below; /* seconds */
	const char *name;
} age_classes[TALLY_AGES] = {
    {5 * 60, "under 5m"},     {3600, "under 1h"},      {6 * 3600, "under 6h"},
    {24 * 3600, "under 24h"}, {3 * 86400, "under 3d"}, {INT64_MAX, "3d or more"},
};

const char *tally_age_name(size_t i)
{
	return age_classes[i].name;
}

void tally_init(struct tally *t)
{
	memset(t, 0, sizeof(*t));
}

void tally_release(struct tally *t)
{
	free(t->reasons);
	tally_init(t);
}

static bool of_mark(char c)
{
	return ascii_alpha(c) || ascii_digit(c) || c == '.' || c == '-' || c == '_';
}

/* Is the word one that a server made up for this message ("4Xz9k17Qbz2-1")?
 * Numbers, addresses and host names say something; they stay. */
static bool is_mark(struct str word)
{
	size_t digits = 0, letters = 0, dot = str_rfind(word, '.');
	for (size_t i = 0; i < word.len; i++) {
		digits += ascii_digit(word.at[i]);
		letters += ascii_alpha(word.at[i]);
	}
	if (word.len < MARK_LEN || digits < MARK_DIGITS || letters < MARK_ALPHA)
		return false;
	if (dot == STR_NONE)
		return true;
	struct str label = str_from(word, dot + 1);
	for (size_t i = 0; i < label.len; i++)
		if (ascii_digit(label.at[i]))
			return true;
	return false;
}

void tally_reason_text(char to[TALLY_REASON_MAX], struct str reason, struct str address)
{
	struct buf out;
	bool ok = true;
	buf_init(&out, TALLY_REASON_MAX - 1);
	while (ok && reason.len > 0) {
		size_t n = 0;
		while (n < reason.len && of_mark(reason.at[n]))
			n++;
		if (address.len > 0 && str_casestarts(reason, address)) {
			ok = buf_add_str(&out, STR("..."));
			n = address.len;
		} else if (is_mark(str_first(reason, n))) {
			ok = buf_add_str(&out, STR("..."));
		} else {
			n = n > 0 ? n : 1;
			ok = words_add_reason(&out, str_first(reason, n));
		}
		reason = str_from(reason, n);
	}
	snprintf(to, TALLY_REASON_MAX, "%s", buf_cstr(&out));
	buf_release(&out);
}

static void count_reason(struct tally *t, const char *text)
{
	uint32_t hash = crc_add(0, text, strlen(text));
	for (size_t i = 0; i < t->reason_count; i++) {
		struct tally_reason *r = &t->reasons[i];
		if (r->hash == hash && strcmp(r->text, text) == 0) {
			r->recipients++;
			return;
		}
	}
	if (t->reason_count == TALLY_REASONS) {
		t->other_recipients++;
		return;
	}
	t->reasons =
	    mem_grow(t->reasons, &t->reason_cap, t->reason_count + 1, sizeof(*t->reasons));
	struct tally_reason *r = &t->reasons[t->reason_count++];
	snprintf(r->text, sizeof(r->text), "%s", text);
	r->hash = hash;
	r->recipients = 1;
}

/* Why a waiting recipient waits. What a person or the configuration decided
 * comes before what a server said at some earlier try. */
static void count_waiting(struct tally *t, const struct entry *e, const struct rcpt *r,
                          int64_t now)
{
	char text[TALLY_REASON_MAX];
	if (e->frozen) {
		count_reason(t, "frozen");
	} else if (r->reply && t->discreet) {
		snprintf(text, sizeof(text), "%03d %s", r->code, r->status);
		count_reason(t, r->code || r->status[0] ? text : "no relay reached");
	} else if (r->reply) {
		tally_reason_text(text, str_of(r->reply), str_of(r->address));
		count_reason(t, text);
	} else {
		count_reason(t, e->attempts == 0 && e->next_try > now
		                    ? "not to be sent yet (delay)"
		                    : "not tried yet");
	}
}

void tally_held(struct tally *t, const struct entry *e, bool busy, int64_t now)
{
	int64_t age = now > e->created ? now - e->created : 0;
	size_t class = 0;
	while (age >= age_classes[class].below)
		class ++;
	t->ages[class]++;
	if (t->held == 0 || age > t->oldest) {
		t->oldest = age;
		memcpy(t->oldest_id, e->id, sizeof(t->oldest_id));
	}
	t->held++;
	t->held_bytes += e->facts.size;
	t->active += busy;
	t->frozen += e->frozen;
	t->untried += e->attempts == 0;
	if (!e->frozen && (t->next_try == 0 || e->next_try < t->next_try))
		t->next_try = e->next_try;
	for (size_t i = 0; i < e->envelope.rcpt_count; i++)
		if (e->envelope.rcpts[i].state == RCPT_WAITING) {
			t->recipients++;
			count_waiting(t, e, &e->envelope.rcpts[i], now);
		}
}

void tally_failed(struct tally *t, const struct entry *e)
{
	t->failed++;
	t->failed_bytes += e->facts.size;
}

static int by_count(const void *a, const void *b)
{
	const struct tally_reason *x = a, *y = b;
	if (x->recipients != y->recipients)
		return x->recipients > y->recipients ? -1 : 1;
	return strcmp(x->text, y->text);
}

void tally_sort(struct tally *t)
{
	if (t->reason_count > 1)
		qsort(t->reasons, t->reason_count, sizeof(*t->reasons), by_count);
}
