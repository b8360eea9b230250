/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/list/json.h"

#include "text/codec.h"
#include "cmd/list/format.h"

/* One character; more than one byte only if it is valid. */
static bool add_character(struct buf *out, struct str c)
{
	unsigned char byte = (unsigned char)c.at[0];
	if (codec_is_c1(c))
		return buf_addf(out, "\\u%04X", (unsigned char)c.at[1]);
	if (c.len > 1)
		return buf_add_str(out, c);
	if (byte == '"' || byte == '\\')
		return buf_addf(out, "\\%c", byte);
	if (byte < 32 || byte == 127)
		return buf_addf(out, "\\u%04X", byte);
	if (byte > 127)
		return buf_add_str(out, STR("\xEF\xBF\xBD"));
	return buf_add_char(out, (char)byte);
}

bool json_string(struct buf *out, struct str s)
{
	bool ok = buf_add_char(out, '"');
	while (ok && s.len > 0) {
		size_t len = codec_utf8_len(s);
		if (len == 0)
			len = 1;
		ok = add_character(out, str_first(s, len));
		s = str_from(s, len);
	}
	return ok && buf_add_char(out, '"');
}

/* Postfix's names of its queues, as far as there is something like them here. */
static const char *queue_name(const struct entry *e, bool busy, bool failed)
{
	if (failed)
		return "failed";
	if (busy)
		return "active";
	return e->frozen ? "hold" : "deferred";
}

/* ", "KEY": "TEXT"", if there is a text. */
static bool member(struct buf *out, const char *key, const char *text)
{
	return !text || !text[0] ||
	       (buf_addf(out, ", \"%s\": ", key) && json_string(out, str_of(text)));
}

static bool recipient(struct buf *out, const struct rcpt *r, bool failed)
{
	const struct verdict *v = &r->verdict;
	bool waits = r->state != RCPT_DELIVERED;
	char reason[VERDICT_LINE_MAX];
	format_reason(r, failed, reason);
	return buf_addf(out, "{\"address\": ") && json_string(out, str_of(r->address)) &&
	       member(out, "delay_reason", waits ? reason : NULL) &&
	       buf_addf(out, ", \"status\": \"%s\", \"code\": %d", format_state(r->state),
	                v->code) &&
	       member(out, "enhanced", v->status) &&
	       member(out, "cause",
	              v->cause == CAUSE_NONE ? NULL : cause_row(v->cause)->word) &&
	       member(out, "host", v->host) &&
	       member(out, "text", v->code > 0 ? v->text : NULL) && buf_add_char(out, '}');
}

bool json_entry(struct buf *out, const struct entry *e, bool busy, bool failed)
{
	const struct envelope *v = &e->envelope;
	bool ok =
	    buf_addf(out,
	             "{\"queue_name\": \"%s\", \"queue_id\": \"%s\", \"arrival_time\": %lld, "
	             "\"message_size\": %llu, \"forced_expire\": false, \"sender\": ",
	             queue_name(e, busy, failed), e->id, (long long)e->created,
	             (unsigned long long)e->facts.size) &&
	    json_string(out, str_of(format_sender(v))) &&
	    buf_addf(out,
	             ", \"attempts\": %lld, \"next_attempt\": %lld, \"uid\": %llu, "
	             "\"frozen\": %s, \"recipients\": [",
	             (long long)e->attempts, failed ? 0 : (long long)e->next_try,
	             (unsigned long long)e->uid, e->frozen ? "true" : "false");
	for (size_t i = 0; ok && i < v->rcpt_count; i++)
		ok = (i == 0 || buf_add_str(out, STR(", "))) &&
		     recipient(out, &v->rcpts[i], failed);
	return ok && buf_add_str(out, STR("]}\n"));
}
