/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An entry is written, and its state overwritten.
 */
#include "hold/entry_private.h"

#include "text/crc_fold.h"
#include "os/file.h"

#define HURRY_AT (4 << 20) /* bytes of a message */

/* Bytes of a slot's words; what is left is the text's. */
#define CAUSE_WORD_MAX 24
#define RELAY_MAX      32 /* as long as a name in the configuration may be */
#define HOST_MAX       96

static void head_format(const struct entry *e, char head[ENTRY_HEAD])
{
	long long values[HEAD_LINES] = {
	    [HEAD_CREATED] = e->created,
	    [HEAD_UID] = (long long)e->uid,
	    [HEAD_RECIPIENTS] = (long long)e->envelope.rcpt_count,
	    [HEAD_SIZE] = (long long)e->facts.size,
	    [HEAD_LONGEST] = (long long)e->facts.longest_line,
	    [HEAD_8BIT] = (e->facts.body_8bit ? EIGHT_BODY : 0) |
	                  (e->facts.header_8bit ? EIGHT_HEADER : 0),
	    [HEAD_ATTEMPTS] = e->attempts,
	    [HEAD_NEXT] = e->next_try,
	    [HEAD_TRIED] = e->tried,
	    [HEAD_UPTIME] = e->uptime,
	    [HEAD_OVERDUE] = e->overdue,
	    [HEAD_FROZEN] = e->frozen,
	    [HEAD_WARNED] = e->warned,
	    [HEAD_ENVELOPE] = e->message_at - entry_slots_end(e),
	};
	layout_head(head, e->id, values);
}

static bool is_blank(char c)
{
	return (unsigned char)c <= ' ' || c == 127;
}

/* A word in a slot: nothing blank, "-" if there is none, cut if it is long. */
static bool put_word(struct buf *out, const char *text, size_t most)
{
	struct str s = str_first(str_of(text), most);
	bool ok = s.len > 0 || buf_add_char(out, '-');
	while (ok && s.len > 0) {
		size_t n = 0;
		while (n < s.len && !is_blank(s.at[n]))
			n++;
		ok =
		    buf_add_str(out, str_first(s, n)) && (n == s.len || buf_add_char(out, '_'));
		s = str_from(s, n + (n < s.len));
	}
	return ok && buf_add_char(out, ' ');
}

/* Cause, relay, host, and what was said, in the last part of the slot. */
static void slot_format(const struct rcpt *r, char slot[ENTRY_SLOT])
{
	const struct verdict *v = &r->verdict;
	struct buf text;
	buf_init(&text, 2 * ENTRY_SLOT + VERDICT_TEXT_MAX);
	bool known = v->cause != CAUSE_NONE || v->code > 0 || v->text;
	if (known &&
	    !(put_word(&text, cause_row(v->cause)->word, CAUSE_WORD_MAX) &&
	      put_word(&text, v->relay, RELAY_MAX) && put_word(&text, v->host, HOST_MAX) &&
	      buf_add_str(&text, str_of(v->text))))
		buf_clear(&text);
	layout_slot(slot, (char)r->state, r->told, v->code, v->status, buf_cstr(&text));
	buf_release(&text);
}

static bool add_fact(struct buf *out, const char *key, const char *value)
{
	return !value || buf_addf(out, "%s %s\n", key, value);
}

static bool envelope_format(const struct entry *entry, struct buf *out)
{
	const struct envelope *e = &entry->envelope;
	if (!add_fact(out, "report-of", entry->report_of[0] ? entry->report_of : NULL) ||
	    !buf_addf(out, "sender %s\n", e->sender) ||
	    !add_fact(out, "sender-local", e->sender_local ? "yes" : NULL) ||
	    !add_fact(out, "body", envelope_body_name(e->body)) ||
	    !add_fact(out, "smtputf8", e->smtputf8 ? "yes" : NULL) ||
	    !add_fact(out, "ret", envelope_ret_name(e->ret)) ||
	    !add_fact(out, "envid", e->envid) || !add_fact(out, "relay", e->relay))
		return false;
	for (size_t i = 0; i < e->rcpt_count; i++) {
		const struct rcpt *r = &e->rcpts[i];
		char notify[32] = "";
		if (r->notify)
			envelope_format_notify(r->notify, notify);
		if (!add_fact(out, "rcpt", r->address) ||
		    !add_fact(out, "notify", r->notify ? notify : NULL) ||
		    !add_fact(out, "orcpt", r->orcpt))
			return false;
	}
	return buf_add_char(out, '\n');
}

static bool slots_write(struct entry_writer *w, struct fault *f)
{
	const struct envelope *v = &w->entry->envelope;
	struct buf slots;
	bool ok = true;
	buf_init(&slots, 256 * ENTRY_SLOT);
	for (size_t i = 0; ok && i < v->rcpt_count; i++) {
		char slot[ENTRY_SLOT];
		slot_format(&v->rcpts[i], slot);
		if (!buf_add(&slots, slot, ENTRY_SLOT)) {
			ok = file_write(w->fd, w->entry->name, buf_str(&slots), f);
			buf_clear(&slots);
			ok = ok && buf_add(&slots, slot, ENTRY_SLOT);
		}
	}
	ok = ok && file_write(w->fd, w->entry->name, buf_str(&slots), f);
	buf_release(&slots);
	return ok;
}

bool entry_write_begin(struct entry_writer *w, int fd, struct entry *e, struct fault *f)
{
	entry_set_name(e);
	*w = (struct entry_writer){.fd = fd, .entry = e};
	if (e->envelope.rcpt_count == 0 || e->envelope.rcpt_count > ENTRY_RCPT_MAX)
		return fault_set(f, FAULT_DATA, "%zu recipients: 1 to %d can be held",
		                 e->envelope.rcpt_count, ENTRY_RCPT_MAX);
	struct buf text;
	buf_init(&text, ENTRY_ENVELOPE_MAX);
	if (!envelope_format(e, &text)) {
		buf_release(&text);
		return fault_set(f, FAULT_DATA, "the envelope is over %d bytes",
		                 ENTRY_ENVELOPE_MAX);
	}
	e->message_at = entry_slots_end(e) + (int64_t)text.len;
	char head[ENTRY_HEAD];
	head_format(e, head);
	bool ok = file_write(fd, e->name, str_make(head, ENTRY_HEAD), f) && slots_write(w, f) &&
	          file_write(fd, e->name, buf_str(&text), f);
	w->crc = crc_fold(0, text.at, text.len);
	w->length = text.len;
	buf_release(&text);
	return ok;
}

bool entry_write_message(struct entry_writer *w, struct str bytes, struct fault *f)
{
	w->crc = crc_fold(w->crc, bytes.at, bytes.len);
	w->length += bytes.len;
	w->message += bytes.len;
	if (!file_write(w->fd, w->entry->name, bytes, f))
		return false;
	/* The disk works while the rest comes in. */
	uint64_t fresh = w->message - w->hurried;
	if (fresh >= HURRY_AT) {
		file_hurry(w->fd, w->entry->message_at + (int64_t)w->hurried, (int64_t)fresh);
		w->hurried = w->message;
	}
	return true;
}

bool entry_write_end(struct entry_writer *w, struct fault *f)
{
	char trailer[ENTRY_TRAILER];
	layout_trailer(trailer, w->length, w->crc);
	w->entry->facts.size = w->message;
	return file_write(w->fd, w->entry->name, str_make(trailer, ENTRY_TRAILER), f) &&
	       entry_mark_head(w->fd, w->entry, f);
}

bool entry_mark_head(int fd, const struct entry *e, struct fault *f)
{
	char head[ENTRY_HEAD];
	head_format(e, head);
	return file_write_at(fd, e->name, 0, str_make(head, ENTRY_HEAD), f);
}

bool entry_mark_rcpt(int fd, const struct entry *e, size_t i, struct fault *f)
{
	char slot[ENTRY_SLOT];
	slot_format(&e->envelope.rcpts[i], slot);
	return file_write_at(fd, e->name, ENTRY_HEAD + (int64_t)i * ENTRY_SLOT,
	                     str_make(slot, ENTRY_SLOT), f);
}
