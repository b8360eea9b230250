/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/list/show.h"

#include <string.h>

#include "text/codec.h"
#include "cmd/list/format.h"

#define CHUNK    16384
#define HEAD_MAX (256 * 1024 * 1024)
#define UTF8_MAX 4

static bool text_line(struct buf *out, const char *name, const char *before, const char *text,
                      const char *behind)
{
	return !text || (buf_addf(out, "%-11s %s", name, before) &&
	                 format_add(out, str_of(text)) && buf_addf(out, "%s\n", behind));
}

static bool time_line(struct buf *out, const char *name, int64_t wall, int64_t now)
{
	char when[FORMAT_TIME];
	format_time(when, wall);
	char age[FORMAT_TIME];
	format_age(age, wall > now ? wall - now : now - wall);
	return buf_addf(out, "%-11s %s (%s%s%s)\n", name, when, wall > now ? "in " : "", age,
	                wall > now ? "" : " ago");
}

static bool state(struct buf *out, const struct show *s, const struct entry *e)
{
	bool timed = !s->failed && !e->frozen;
	return text_line(out, "id", "", e->id, "") &&
	       text_line(out, "state", "",
	                 s->failed   ? "failed"
	                 : s->busy   ? "being sent"
	                 : e->frozen ? "frozen"
	                             : "held",
	                 "") &&
	       time_line(out, "arrived", e->created, s->now) &&
	       (e->tried == 0 || time_line(out, "tried", e->tried, s->now)) &&
	       (!timed || time_line(out, "next try", e->next_try, s->now)) &&
	       buf_addf(out, "attempts    %lld\nuid         %llu\nsize        %llu\n",
	                (long long)e->attempts, (unsigned long long)e->uid,
	                (unsigned long long)e->facts.size);
}

static bool envelope(struct buf *out, const struct entry *e)
{
	const struct envelope *v = &e->envelope;
	return text_line(out, "report on", "", e->report_of[0] ? e->report_of : NULL, "") &&
	       text_line(out, "relay", "", v->relay, "") &&
	       text_line(out, "sender", "<", v->sender, ">") &&
	       text_line(out, "body", "", envelope_body_name(v->body), "") &&
	       text_line(out, "smtputf8", "", v->smtputf8 ? "yes" : NULL, "") &&
	       text_line(out, "ret", "", envelope_ret_name(v->ret), "") &&
	       text_line(out, "envid", "", v->envid, "");
}

static bool recipient(struct buf *out, const struct show *s, const struct rcpt *r)
{
	const struct verdict *v = &r->verdict;
	char notify[32];
	envelope_format_notify(r->notify, notify);
	char reason[VERDICT_LINE_MAX];
	format_reason(r, s->failed, reason);
	if (!text_line(out, "recipient", "<", r->address, ">") ||
	    !buf_addf(out, "%11s %s", "", format_state(r->state)) ||
	    (v->code > 0 && !buf_addf(out, " %d", v->code)) ||
	    (v->status[0] && !(buf_add_char(out, ' ') && format_add(out, str_of(v->status)))) ||
	    (reason[0] && !(buf_addf(out, ": ") && format_add_reason(out, str_of(reason)))) ||
	    !buf_add_char(out, '\n'))
		return false;
	return text_line(out, "", "notify ", r->notify ? notify : NULL, "") &&
	       text_line(out, "", "orcpt ", r->orcpt, "");
}

bool show_head(struct buf *out, const struct show *s, const struct entry *e)
{
	bool ok = state(out, s, e) && envelope(out, e);
	for (size_t i = 0; ok && i < e->envelope.rcpt_count; i++)
		ok = recipient(out, s, &e->envelope.rcpts[i]);
	return ok && buf_add_char(out, '\n');
}

/* The bytes of the character at the start of s: 1, or more if it is UTF-8 that
 * no terminal takes for a command. */
static size_t harmless(struct str s)
{
	size_t len = codec_utf8_len(s);
	return len == 0 || codec_is_c1(s) ? 1 : len;
}

static bool add_character(struct buf *out, bool terminal, struct str c)
{
	unsigned char byte = (unsigned char)c.at[0];
	if (!terminal || c.len > 1 || byte == '\n' || byte == '\t' ||
	    (byte >= 32 && byte < 127))
		return buf_add_str(out, c);
	return buf_addf(out, "\\x%02X", byte);
}

bool show_bytes(struct buf *out, bool terminal, struct str bytes, bool end, size_t *used)
{
	*used = 0;
	while (*used < bytes.len && (end || bytes.len - *used >= UTF8_MAX)) {
		struct str rest = str_from(bytes, *used);
		size_t len = terminal ? harmless(rest) : 1;
		bool crlf = str_starts(rest, STR("\r\n"));
		if (!crlf && !add_character(out, terminal, str_first(rest, len)))
			return false;
		*used += len;
	}
	return true;
}

static bool print(FILE *out, struct buf *text)
{
	bool ok = fwrite(text->at, 1, text->len, out) == text->len;
	buf_clear(text);
	return ok;
}

static bool show_message(FILE *out, const struct show *s, const struct hold_entry *he,
                         struct buf *text, struct fault *f)
{
	char chunk[CHUNK];
	size_t have = 0, got = 1, used;
	for (uint64_t at = 0; got > 0; at += got) {
		if (!entry_read_message(he->fd, &he->entry, at, chunk + have, CHUNK - have,
		                        &got, f))
			return false;
		have += got;
		if (!show_bytes(text, s->terminal, str_make(chunk, have), got == 0, &used))
			return fault_set(f, FAULT_TEMP, "too large to show");
		if (!print(out, text))
			return true; /* the caller looks at the stream */
		memmove(chunk, chunk + used, have - used);
		have -= used;
	}
	return true;
}

bool show_entry(FILE *out, const struct show *s, const struct hold_entry *he, struct fault *f)
{
	struct buf text;
	buf_init(&text, HEAD_MAX);
	bool ok = show_head(&text, s, &he->entry) ||
	          fault_set(f, FAULT_TEMP, "its envelope is too large to show");
	if (ok && print(out, &text))
		ok = show_message(out, s, he, &text, f);
	buf_release(&text);
	return ok;
}
