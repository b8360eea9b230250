/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "oauth/kept.h"

#include <stdlib.h>
#include <string.h>

#include "text/codec.h"

#define END      "end 1"
#define LAST     "\n" END "\n" /* nothing of it is missing */
#define HEAD     "postern-login 1"
#define LIFE     3600 /* seconds, where the provider does not say */
#define LIFE_MAX 86400
#define LATER    30

static const char *const names[KEPT_TEXTS] = {"relay", "provider", "client",
                                              "user",  "refresh",  "access"};
static const char *const times[KEPT_TIMES] = {"got",   "expires", "refused",
                                              "later", "early",   "told"};

static bool is_of(struct str text, char least)
{
	bool good = text.len > 0 && text.len <= KEPT_TOKEN_MAX;
	for (size_t i = 0; good && i < text.len; i++)
		good = text.at[i] >= least && text.at[i] <= '~';
	return good;
}

bool kept_is_token(struct str text)
{
	return is_of(text, ' ');
}

bool kept_is_access(struct str text)
{
	return is_of(text, '!');
}

void kept_init(struct kept *k, const char *const identity[KEPT_IDENTITY])
{
	memset(k, 0, sizeof(*k));
	for (size_t i = 0; i < KEPT_IDENTITY; i++)
		k->texts[i] = mem_copy(str_of(identity[i]));
}

void kept_set(struct kept *k, enum kept_text which, const char *text)
{
	char *before = k->texts[which];
	k->texts[which] = text ? mem_copy(str_of(text)) : NULL;
	if (before)
		codec_wipe(before, strlen(before));
	free(before);
}

void kept_release(struct kept *k)
{
	for (unsigned i = 0; i < KEPT_TEXTS; i++)
		kept_set(k, (enum kept_text)i, NULL);
	memset(k, 0, sizeof(*k));
}

static bool take_line(struct kept *k, struct str name, struct str value, size_t *same)
{
	for (unsigned i = 0; i < KEPT_TEXTS; i++) {
		if (!str_eq(name, str_of(names[i])))
			continue;
		if (i < KEPT_IDENTITY) {
			*same += str_eq(value, str_of(k->texts[i]));
			return true;
		}
		if (!kept_is_token(value) || k->texts[i])
			return false;
		k->texts[i] = mem_copy(value);
		return true;
	}
	for (size_t i = 0; i < KEPT_TIMES; i++) {
		long long number;
		if (!str_eq(name, str_of(times[i])))
			continue;
		if (!str_number(value, &number))
			return false;
		k->times[i] = number;
		return true;
	}
	return false;
}

bool kept_read(struct kept *k, struct str file)
{
	struct str line;
	size_t same = 0;
	bool good = str_ends(file, STR(LAST));
	file.len -= good ? STR(LAST).len - 1 : 0;
	good = good && str_cut(&file, '\n', &line) && str_eq(line, STR(HEAD));
	while (good && str_cut(&file, '\n', &line)) {
		size_t blank = str_find(line, ' ');
		good = blank != STR_NONE &&
		       take_line(k, str_first(line, blank), str_from(line, blank + 1), &same);
	}
	if (good && same == KEPT_IDENTITY)
		return true;
	kept_set(k, KEPT_REFRESH, NULL);
	kept_set(k, KEPT_ACCESS, NULL);
	memset(k->times, 0, sizeof(k->times));
	return good;
}

bool kept_write(const struct kept *k, struct buf *out)
{
	bool ok = buf_add_str(out, STR(HEAD "\n"));
	for (size_t i = 0; ok && i < KEPT_TEXTS; i++)
		if (k->texts[i])
			ok = buf_addf(out, "%s %s\n", names[i], k->texts[i]);
	for (size_t i = 0; ok && i < KEPT_TIMES; i++)
		if (k->times[i])
			ok = buf_addf(out, "%s %lld\n", times[i], (long long)k->times[i]);
	return ok && buf_add_str(out, str_from(STR(LAST), 1));
}

bool kept_write_head(const struct kept *k, int64_t when, struct buf *out)
{
	struct kept head;
	kept_init(&head, (const char *const *)k->texts);
	head.times[KEPT_GOT] = when;
	bool ok = kept_write(&head, out);
	kept_release(&head);
	return ok;
}

bool kept_read_head(const struct kept *k, struct str *file, int64_t *when)
{
	struct str rest = *file, line;
	struct kept head;
	while (str_cut(&rest, '\n', &line) && !str_eq(line, STR(END)))
		continue;
	kept_init(&head, (const char *const *)k->texts);
	kept_read(&head, str_first(*file, file->len - rest.len));
	*when = head.times[KEPT_GOT];
	kept_release(&head);
	*file = rest;
	return *when != 0;
}

bool kept_good(const struct kept *k, int64_t now)
{
	return k->texts[KEPT_ACCESS] && !k->times[KEPT_REFUSED] && now >= k->times[KEPT_GOT] &&
	       now < k->times[KEPT_EXPIRES] - KEPT_SPARE;
}

void kept_renew(struct kept *k, const char *access, int64_t seconds, int64_t now)
{
	int64_t life = seconds > LIFE_MAX ? LIFE_MAX : seconds > 0 ? seconds : LIFE;
	kept_set(k, KEPT_ACCESS, access);
	k->times[KEPT_GOT] = now;
	k->times[KEPT_EXPIRES] = now + life;
	k->times[KEPT_REFUSED] = k->times[KEPT_LATER] = k->times[KEPT_TOLD] = 0;
}

void kept_put_off(struct kept *k, int64_t seconds, int64_t now)
{
	k->times[KEPT_LATER] = now + (seconds > KEPT_LATER_MAX ? KEPT_LATER_MAX
	                              : seconds > 0            ? seconds
	                                                       : LATER);
}

bool kept_early(const struct kept *k, int64_t now)
{
	int64_t last = k->times[KEPT_EARLY];
	return now < last || now >= last + KEPT_EARLY_MIN;
}

bool kept_waits(const struct kept *k, int64_t now)
{
	return now < k->times[KEPT_LATER] && now + KEPT_LATER_MAX >= k->times[KEPT_LATER];
}
