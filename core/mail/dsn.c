/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/dsn.h"

#include <stdio.h>
#include <string.h>

#include "text/codec.h"
#include "mail/header.h"

#define EXPLAINED_MAX 1000  /* recipients told of in words */
#define FLUSH_AT      16384 /* bytes gathered before the sink gets them */
#define TEXT_COLS     72    /* of people's part */
#define FIELD_COLS    76    /* of the status part */
#define WORD_MAX      900   /* a word longer than that is cut */
#define SUBJECT_MAX   500   /* a longer one is not repeated */
#define ID_MAX        900

/* Where in the original's header dsn_original is. */
enum writer_place { PLACE_LINE_BEGINS, PLACE_IN_LINE, PLACE_CR, PLACE_BEHIND };

struct writer {
	const struct dsn *r;
	dsn_sink *sink;
	void *context;
	struct buf out;
};

static bool full(struct fault *f)
{
	return fault_set(f, FAULT_TEMP, "internal limit reached while writing a report");
}

static bool is_wanted(const struct dsn *r, const struct rcpt *p)
{
	switch (r->kind) {
	case DSN_FAILED:
		return p->state == RCPT_FAILED && !p->told &&
		       (p->notify == 0 || (p->notify & NOTIFY_FAILURE));
	case DSN_DELAYED:
		return p->state == RCPT_WAITING &&
		       (p->notify == 0 || (p->notify & NOTIFY_DELAY));
	}
	return false;
}

size_t dsn_wanted(const struct dsn *r)
{
	size_t count = 0;
	for (size_t i = 0; i < r->envelope->rcpt_count; i++)
		count += is_wanted(r, &r->envelope->rcpts[i]) ? 1 : 0;
	return count;
}

static bool flush(struct writer *w, struct fault *f)
{
	struct str bytes = buf_str(&w->out);
	if (bytes.len == 0)
		return true;
	bool ok = w->sink(w->context, bytes, f);
	buf_clear(&w->out);
	return ok;
}

static bool put_str(struct writer *w, struct str text)
{
	return buf_add_str(&w->out, text);
}

static bool put(struct writer *w, const char *text)
{
	return put_str(w, str_of(text));
}

/* Text in lines of cols bytes or so, cut at blanks; each further line begins
 * with indent. col: bytes on the first line already. */
static bool put_wrapped(struct writer *w, struct str text, size_t col, const char *indent,
                        size_t cols)
{
	struct str word;
	for (bool first = true; str_cut(&text, ' ', &word); first = false) {
		if (!first && col + 1 + word.len <= cols) {
			if (!put(w, " "))
				return false;
			col++;
		} else if (!first) {
			if (!put(w, "\r\n") || !put(w, indent))
				return false;
			col = strlen(indent);
		}
		for (; word.len > WORD_MAX; word = str_from(word, WORD_MAX)) {
			if (!put_str(w, str_first(word, WORD_MAX)) || !put(w, "\r\n") ||
			    !put(w, indent))
				return false;
			col = strlen(indent);
		}
		if (!put_str(w, word))
			return false;
		col += word.len;
	}
	return put(w, "\r\n");
}

/* A paragraph of people's part, with an empty line behind it. */
static bool put_text(struct writer *w, const char *text)
{
	return put_wrapped(w, str_of(text), 0, "", TEXT_COLS) && put(w, "\r\n");
}

static bool put_date(struct writer *w, int64_t wall)
{
	return header_add_date(&w->out, wall, w->r->zone_min);
}

static bool put_boundary(struct writer *w)
{
	struct str random = str_make((const char *)w->r->random, sizeof(w->r->random));
	return put(w, "=_report_") && codec_hex(&w->out, random);
}

/* ---- the header ---- */

static bool any_8bit_address(const struct dsn *r)
{
	for (size_t i = 0; i < r->envelope->rcpt_count; i++) {
		const struct rcpt *p = &r->envelope->rcpts[i];
		if (is_wanted(r, p) && !codec_is_ascii(str_of(p->address)))
			return true;
	}
	return false;
}

static bool original_is_8bit(const struct dsn *r)
{
	return r->original_utf8 || (r->full && r->original_8bit);
}

static bool is_repeatable_id(struct str id)
{
	for (size_t i = 0; i < id.len; i++)
		if (id.at[i] <= ' ' || id.at[i] > '~')
			return false;
	return id.len > 2 && id.len <= ID_MAX && id.at[0] == '<' && id.at[id.len - 1] == '>';
}

static const char *subject_of(enum dsn_kind kind)
{
	switch (kind) {
	case DSN_FAILED:
		return "Your message could not be delivered";
	case DSN_DELAYED:
		return "Your message is late";
	}
	return "";
}

static bool put_subject(struct writer *w)
{
	struct str old = str_trim(w->r->subject);
	const char *own = subject_of(w->r->kind);
	if (!put(w, "Subject: ") || !put(w, own))
		return false;
	if (old.len > 0 && old.len <= SUBJECT_MAX) {
		size_t col = strlen("Subject: ") + strlen(own) + 2;
		if (!put(w, ": ") || !header_encode_text(&w->out, old, col))
			return false;
	}
	return put(w, "\r\n");
}

static bool put_threading(struct writer *w)
{
	struct str id = str_trim(w->r->message_id);
	if (!is_repeatable_id(id))
		return true;
	return put(w, "In-Reply-To: ") && put_str(w, id) && put(w, "\r\nReferences: ") &&
	       put_str(w, id) && put(w, "\r\n");
}

static bool put_header(struct writer *w, bool text_8bit)
{
	const struct dsn *r = w->r;
	bool is_8bit = text_8bit || original_is_8bit(r);
	return put(w, "Date: ") && put_date(w, r->wall) &&
	       put(w, "\r\nFrom: Mail Delivery System <") &&
	       (r->from.len > 0 ? put_str(w, r->from)
	                        : put(w, "MAILER-DAEMON@") && put_str(w, r->hostname)) &&
	       put(w, ">\r\nTo: <") && put(w, r->to) && put(w, ">\r\n") && put_subject(w) &&
	       put(w, "Message-ID: ") &&
	       header_add_msgid(&w->out, r->wall, r->random, r->hostname) && put(w, "\r\n") &&
	       put_threading(w) &&
	       put(w, "Auto-Submitted: auto-replied\r\n"
	              "MIME-Version: 1.0\r\n"
	              "Content-Type: multipart/report; report-type=delivery-status;\r\n"
	              " boundary=\"") &&
	       put_boundary(w) && put(w, "\"\r\n") &&
	       put(w, is_8bit ? "Content-Transfer-Encoding: 8bit\r\n" : "") && put(w, "\r\n");
}

/* ---- for people ---- */

/* An address as it is, unless it would not be text. */
static bool put_address(struct writer *w, struct str address)
{
	if (codec_is_utf8(address))
		return put_str(w, address);
	char shown[1024];
	codec_printable(shown, sizeof(shown), address);
	return put(w, shown);
}

static bool put_reason(struct writer *w, const struct rcpt *p)
{
	char lead[VERDICT_LINE_MAX] = "    The reason: ", reason[VERDICT_LINE_MAX];
	verdict_line(&p->verdict, reason);
	if (rcpt_expired(p)) {
		snprintf(lead, sizeof(lead),
		         "    The time for trying is over. The last problem was: ");
	} else if (w->r->kind == DSN_DELAYED) {
		snprintf(lead, sizeof(lead), "    The last problem was: ");
	} else if (verdict_spoken(&p->verdict)) {
		char host[VERDICT_HOST_MAX];
		verdict_host_text(p->verdict.host, host);
		snprintf(lead, sizeof(lead), "    The mail server %s said: ", host);
		verdict_reply(&p->verdict, reason);
	}
	if (reason[0] == '\0')
		return put(w, "    No reason is known.\r\n");
	return put(w, lead) &&
	       put_wrapped(w, str_of(reason), strlen(lead), "      ", TEXT_COLS);
}

static bool put_explained(struct writer *w, size_t wanted, struct fault *f)
{
	size_t done = 0;
	bool ok = true;
	for (size_t i = 0; ok && i < w->r->envelope->rcpt_count && done < EXPLAINED_MAX; i++) {
		const struct rcpt *p = &w->r->envelope->rcpts[i];
		if (!is_wanted(w->r, p))
			continue;
		done++;
		ok = put(w, "  ") && put_address(w, str_of(p->address)) && put(w, "\r\n") &&
		     put_reason(w, p) && put(w, "\r\n");
		if (w->out.len >= FLUSH_AT && !flush(w, f))
			return false;
	}
	if (ok && wanted > done)
		ok = buf_addf(
		    &w->out,
		    "  ... and %zu more; all of them are in the technical part of this "
		    "report.\r\n\r\n",
		    wanted - done);
	return ok;
}

static bool put_what_failed(struct writer *w, size_t wanted)
{
	if (wanted == 1)
		return put_text(w,
		                "Your message could not be delivered to the address below. It "
		                "will not be tried again.");
	return put_text(w,
	                "Your message could not be delivered to the addresses below. They will "
	                "not be tried again.");
}

static bool put_what_is_late(struct writer *w, size_t wanted)
{
	return put_text(w, "You need not do anything: this is only a warning.") &&
	       put_text(w, wanted == 1
	                       ? "Your message has not been delivered to the address below yet."
	                       : "Your message has not been delivered to the addresses below "
	                         "yet.") &&
	       put(w, "It will be tried again until ") && put_date(w, w->r->expires) &&
	       put(w, ".\r\nIf that fails you will be told.\r\n\r\n");
}

static bool put_advice(struct writer *w)
{
	if (w->r->kind == DSN_DELAYED)
		return true;
	return put_text(
	    w, "If an address is mistyped, send the message again to the right one. If "
	       "it is right, the words above tell the people who look after mail, "
	       "yours or the recipient's, what went wrong: show them this report. "
	       "Recipients that are not named above are not concerned.");
}

static bool put_about(struct writer *w)
{
	const struct dsn *r = w->r;
	return put(w, "The message was taken in on ") && put_date(w, r->arrived) &&
	       put(w, "\r\nby ") && put_str(w, r->hostname) && put(w, " as ") &&
	       put(w, r->id) &&
	       put(w,
	           r->full ? ".\r\nIt is attached.\r\n" : ".\r\nIts header is attached.\r\n");
}

static bool put_people(struct writer *w, bool text_8bit, struct fault *f)
{
	size_t wanted = dsn_wanted(w->r);
	return put(w, "This is a report in MIME format.\r\n\r\n--") && put_boundary(w) &&
	       put(w, "\r\nContent-Description: Notification\r\nContent-Type: text/plain; "
	              "charset=") &&
	       put(w, text_8bit ? "utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
	                        : "us-ascii\r\n\r\n") &&
	       (w->r->kind == DSN_FAILED ? put_what_failed(w, wanted)
	                                 : put_what_is_late(w, wanted)) &&
	       put_explained(w, wanted, f) && put_advice(w) && put_about(w);
}

/* ---- for programs ---- */

/* The 7-bit form of an address that is not ASCII: \x{HEX} (RFC 6533 section 3). */
static bool put_utf8_address(struct writer *w, struct str s)
{
	while (s.len > 0) {
		size_t len = codec_utf8_len(s);
		const unsigned char *at = (const unsigned char *)s.at;
		unsigned long point = at[0];
		if (len > 1) {
			point &= 0xFFu >> (len + 1);
			for (size_t i = 1; i < len; i++)
				point = point << 6 | (at[i] & 0x3F);
		}
		bool ok;
		if (len == 0)
			ok = put(w, "?");
		else if (point <= ' ' || point > '~' || strchr("\\+=", (int)point))
			ok = buf_addf(&w->out, "\\x{%02lX}", point);
		else
			ok = put_str(w, str_first(s, 1));
		if (!ok)
			return false;
		s = str_from(s, len == 0 ? 1 : len);
	}
	return true;
}

/* Text for a field, where a control or 8-bit byte has no place. */
static bool put_clean(struct writer *w, struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];
		if (!buf_add_char(&w->out, c >= ' ' && c <= '~' ? c : '?'))
			return false;
	}
	return true;
}

static bool put_typed(struct writer *w, struct str address)
{
	if (codec_is_ascii(address))
		return put(w, "rfc822; ") && put_clean(w, address);
	return put(w, "utf-8; ") && put_utf8_address(w, address);
}

/* ORCPT is a type and xtext; what it stood for before is given back (RFC 3461
 * section 5.2.8). Another type than rfc822 is passed on as it is. */
static bool put_original_recipient(struct writer *w, const char *orcpt)
{
	struct str text = str_of(orcpt);
	if (text.len == 0)
		return true;
	if (!put(w, "Original-Recipient: "))
		return false;
	struct buf plain;
	buf_init(&plain, text.len);
	bool known =
	    str_casestarts(text, STR("rfc822;")) && codec_unxtext(&plain, str_from(text, 7));
	bool ok = known ? put_typed(w, buf_str(&plain)) : put_clean(w, text);
	buf_release(&plain);
	return ok && put(w, "\r\n");
}

/* A report that says "delayed" has a status of class 4; one that says "failed"
 * has class 5, or says that the time was over (RFC 3463 section 3.5). */
static bool put_status(struct writer *w, const struct rcpt *p)
{
	struct str status = str_of(p->verdict.status);
	bool known = status.len >= 5 && status.at[1] == '.';
	if (w->r->kind == DSN_DELAYED)
		return put(w, "Action: delayed\r\nStatus: 4") &&
		       put_str(w, known ? str_from(status, 1) : STR(".0.0"));
	if (rcpt_expired(p))
		return put(w, "Action: failed\r\nStatus: 4.4.7");
	return put(w, "Action: failed\r\nStatus: ") &&
	       (known && status.at[0] == '5' ? put_str(w, status) : put(w, "5.0.0"));
}

/* Only what a server said (RFC 3464 sections 2.3.5 and 2.3.6), and which. */
static bool put_diagnostic(struct writer *w, const struct rcpt *p)
{
	static const char lead[] = "Diagnostic-Code: smtp; ";
	struct str host = verdict_host(p->verdict.host);
	if (!verdict_spoken(&p->verdict))
		return true;
	char reply[VERDICT_LINE_MAX];
	verdict_reply(&p->verdict, reply);
	return put(w, "Remote-MTA: dns; ") &&
	       put_clean(w, str_first(host, str_find(host, '['))) && put(w, "\r\n") &&
	       put(w, lead) &&
	       put_wrapped(w, str_of(reply), sizeof(lead) - 1, "  ", FIELD_COLS);
}

static bool put_recipient(struct writer *w, const struct rcpt *p)
{
	if (!put(w, "\r\n") || !put_original_recipient(w, p->orcpt) ||
	    !put(w, "Final-Recipient: ") || !put_typed(w, str_of(p->address)) ||
	    !put(w, "\r\n") || !put_status(w, p) || !put(w, "\r\n") || !put_diagnostic(w, p) ||
	    !put(w, "Last-Attempt-Date: ") || !put_date(w, w->r->wall) || !put(w, "\r\n"))
		return false;
	if (w->r->kind != DSN_DELAYED)
		return true;
	return put(w, "Will-Retry-Until: ") && put_date(w, w->r->expires) && put(w, "\r\n");
}

static bool put_envid(struct writer *w)
{
	struct str envid = str_of(w->r->envelope->envid);
	if (envid.len == 0)
		return true;
	struct buf plain;
	buf_init(&plain, envid.len);
	if (codec_unxtext(&plain, envid))
		envid = buf_str(&plain);
	bool ok = put(w, "Original-Envelope-Id: ") && put_clean(w, envid) && put(w, "\r\n");
	buf_release(&plain);
	return ok;
}

static bool put_programs(struct writer *w, struct fault *f)
{
	const struct dsn *r = w->r;
	if (!put(w, "\r\n--") || !put_boundary(w) ||
	    !put(w, "\r\nContent-Description: Delivery report\r\n"
	            "Content-Type: message/delivery-status\r\n\r\n") ||
	    !put_envid(w) || !put(w, "Reporting-MTA: dns; ") || !put_str(w, r->hostname) ||
	    !put(w, "\r\nX-Postern-Entry: ") || !put(w, r->id) ||
	    !put(w, "\r\nArrival-Date: ") || !put_date(w, r->arrived) || !put(w, "\r\n"))
		return false;
	for (size_t i = 0; i < r->envelope->rcpt_count; i++) {
		const struct rcpt *p = &r->envelope->rcpts[i];
		if (is_wanted(r, p) && !put_recipient(w, p))
			return false;
		if (w->out.len >= FLUSH_AT && !flush(w, f))
			return false;
	}
	return true;
}

/* ---- the original ---- */

static bool put_original_head(struct writer *w)
{
	const struct dsn *r = w->r;
	const char *type;
	if (r->full)
		type = r->original_utf8 ? "message/global" : "message/rfc822";
	else
		type = r->original_utf8 ? "message/global-headers" : "text/rfc822-headers";
	return put(w, "\r\n--") && put_boundary(w) && put(w, "\r\nContent-Description: ") &&
	       put(w, r->full ? "Undelivered message" : "Header of the undelivered message") &&
	       put(w, "\r\nContent-Type: ") && put(w, type) && put(w, "\r\n") &&
	       put(w, original_is_8bit(r) ? "Content-Transfer-Encoding: 8bit\r\n" : "") &&
	       put(w, "\r\n");
}

bool dsn_begin(struct dsn *r, dsn_sink *sink, void *context, struct fault *f)
{
	struct writer w = {.r = r, .sink = sink, .context = context};
	bool text_8bit = any_8bit_address(r);
	r->place = PLACE_LINE_BEGINS;
	buf_init(&w.out, 16 * FLUSH_AT);
	f->kind = FAULT_NONE;
	bool ok = put_header(&w, text_8bit) && put_people(&w, text_8bit, f) &&
	          put_programs(&w, f) && put_original_head(&w) && flush(&w, f);
	buf_release(&w.out);
	/* Either the sink has said why, or out was full, which its bounds rule out. */
	if (!ok && f->kind == FAULT_NONE)
		return fault_set(f, FAULT_TEMP,
		                 "internal limit reached while writing a report");
	return ok;
}

/* The next place behind c. A line end right at the beginning of a line is the
 * blank line that ends the header. */
static enum writer_place next_place(enum writer_place at, char c)
{
	switch (at) {
	case PLACE_LINE_BEGINS:
	case PLACE_CR:
		if (c == '\n')
			return PLACE_BEHIND;
		return c == '\r' && at == PLACE_LINE_BEGINS ? PLACE_CR : PLACE_IN_LINE;
	case PLACE_IN_LINE:
		return c == '\n' ? PLACE_LINE_BEGINS : PLACE_IN_LINE;
	case PLACE_BEHIND:
		break;
	}
	return PLACE_BEHIND;
}

/* Passes on the lines of the header. A CR that may begin the blank line is
 * kept back, and comes late if it did not. */
static bool put_header_part(struct dsn *r, struct str bytes, struct buf *out)
{
	for (size_t i = 0; i < bytes.len && r->place != PLACE_BEHIND; i++) {
		enum writer_place before = (enum writer_place)r->place,
		                  now = next_place(before, bytes.at[i]);
		r->place = (unsigned char)now;
		if (now == PLACE_BEHIND || now == PLACE_CR)
			continue;
		if (before == PLACE_CR && !buf_add_char(out, '\r'))
			return false;
		if (!buf_add_char(out, bytes.at[i]))
			return false;
	}
	return true;
}

bool dsn_original(struct dsn *r, struct str bytes, dsn_sink *sink, void *context,
                  struct fault *f)
{
	if (r->full)
		return bytes.len == 0 || sink(context, bytes, f);
	struct buf out;
	buf_init(&out, FLUSH_AT + 1);
	bool ok = true;
	while (ok && bytes.len > 0 && r->place != PLACE_BEHIND) {
		struct str piece = str_first(bytes, FLUSH_AT / 2);
		bytes = str_from(bytes, piece.len);
		buf_clear(&out);
		ok = put_header_part(r, piece, &out)
		         ? out.len == 0 || sink(context, buf_str(&out), f)
		         : fault_set(f, FAULT_TEMP,
		                     "internal limit reached while writing a report");
	}
	buf_release(&out);
	return ok;
}

bool dsn_end(const struct dsn *r, dsn_sink *sink, void *context, struct fault *f)
{
	struct writer w = {.r = r};
	buf_init(&w.out, FLUSH_AT);
	bool ok = put(&w, "\r\n--") && put_boundary(&w) && put(&w, "--\r\n");
	ok = ok ? sink(context, buf_str(&w.out), f) : full(f);
	buf_release(&w.out);
	return ok;
}
