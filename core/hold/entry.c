/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hold/entry_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/crc_fold.h"
#include "os/file.h"
#include "mail/addr.h"

/* Where things stand in a slot. SLOT_MARK is ':' in this version; in version 1 a
 * blank, and then the text is one sentence. A slot says for itself which it is, so that
 * an entry of version 1 can be marked in place. */
enum {
	SLOT_STATE = 0,
	SLOT_TOLD = 1,
	SLOT_CODE = 2,
	SLOT_MARK = 5,
	SLOT_STATUS = 6,
	SLOT_STATUS_LEN = 11,
	SLOT_TEXT = 18
};

/* post checks with the one, and cannot see the other. */
_Static_assert(ENTRY_ADDRESS_MAX == ADDR_MAX, "an address that was taken can be read");

void entry_init(struct entry *e)
{
	memset(e, 0, sizeof(*e));
	/* Until its head says which. */
	memcpy(e->name, "entry", sizeof("entry"));
	envelope_init(&e->envelope);
}

void entry_release(struct entry *e)
{
	envelope_release(&e->envelope);
	memset(e, 0, sizeof(*e));
}

bool entry_is_id(const char *text)
{
	return strlen(text) == ENTRY_ID_LEN && strspn(text, "0123456789ABCDEF") == ENTRY_ID_LEN;
}

void entry_set_name(struct entry *e)
{
	memcpy(e->name + sizeof("entry"), e->id, sizeof(e->id));
	e->name[sizeof("entry") - 1] = ' ';
}

int64_t entry_slots_end(const struct entry *e)
{
	return ENTRY_HEAD + (int64_t)e->envelope.rcpt_count * ENTRY_SLOT;
}

static bool bad(const struct entry *e, const char *what, struct fault *f)
{
	return fault_set(f, FAULT_DATA, "%s is damaged: %s", e->name, what);
}

/* Fills out with exactly len bytes at a place; a shorter file is damaged. */
static bool read_exact(int fd, const struct entry *e, int64_t at, char *to, size_t len,
                       struct fault *f)
{
	while (len > 0) {
		size_t got;
		if (!file_read_at(fd, e->name, at, to, len, &got, f))
			return false;
		if (got == 0)
			return bad(e, "it is cut short", f);
		to += got;
		at += (int64_t)got;
		len -= got;
	}
	return true;
}

static bool read_part(const struct entry_start *b, int fd, const struct entry *e, int64_t at,
                      char *to, size_t len, struct fault *f)
{
	if ((uint64_t)at + len > b->len)
		return read_exact(fd, e, at, to, len, f);
	memcpy(to, b->bytes + at, len);
	return true;
}

/* The value in that line of the head, blanks off. */
static bool head_value(const char *at, size_t line, struct str *value)
{
	size_t len = strlen(layout_keys[line]);
	if (at[HEAD_LINE - 1] != '\n' || memcmp(at, layout_keys[line], len) != 0 ||
	    at[len] != ' ')
		return false;
	*value = str_trim(str_make(at + len + 1, HEAD_LINE - 1 - (len + 1)));
	return true;
}

bool entry_peek_uid(int fd, uid_t *uid)
{
	char line[HEAD_LINE];
	struct str value;
	struct fault f = FAULT_INIT;
	size_t got;
	long long number;
	if (!file_read_at(fd, "an entry", HEAD_UID * HEAD_LINE, line, sizeof(line), &got, &f) ||
	    got != sizeof(line) || !head_value(line, HEAD_UID, &value) ||
	    !str_number(value, &number))
		return false;
	*uid = (uid_t)number;
	return number == (long long)*uid;
}

static bool head_parse(struct entry *e, const char head[ENTRY_HEAD], size_t *rcpts,
                       int64_t *envelope_len, struct fault *f)
{
	long long v[HEAD_LINES] = {0};
	for (size_t i = 0; i < HEAD_LINES; i++) {
		struct str line;
		if (!head_value(head + i * HEAD_LINE, i, &line))
			return bad(e, "its head", f);
		if (i == HEAD_ID) {
			if (line.len != ENTRY_ID_LEN)
				return bad(e, "its id", f);
			memcpy(e->id, line.at, ENTRY_ID_LEN);
			e->id[ENTRY_ID_LEN] = '\0';
		} else if (!str_number(line, &v[i])) {
			return bad(e, layout_keys[i], f);
		}
	}
	if (!entry_is_id(e->id) || v[HEAD_VERSION] < ENTRY_VERSION_MIN ||
	    v[HEAD_VERSION] > ENTRY_VERSION || v[HEAD_RECIPIENTS] < 1 ||
	    v[HEAD_RECIPIENTS] > ENTRY_RCPT_MAX || v[HEAD_ENVELOPE] > ENTRY_ENVELOPE_MAX ||
	    v[HEAD_UID] != (long long)(uid_t)v[HEAD_UID])
		return bad(e, "its head", f);
	e->created = v[HEAD_CREATED];
	e->uid = (uid_t)v[HEAD_UID];
	e->facts.size = (uint64_t)v[HEAD_SIZE];
	e->facts.longest_line = (uint64_t)v[HEAD_LONGEST];
	e->facts.body_8bit = v[HEAD_8BIT] & EIGHT_BODY;
	e->facts.header_8bit = v[HEAD_8BIT] & EIGHT_HEADER;
	e->attempts = v[HEAD_ATTEMPTS];
	e->next_try = v[HEAD_NEXT];
	e->tried = v[HEAD_TRIED];
	e->uptime = v[HEAD_UPTIME];
	e->overdue = v[HEAD_OVERDUE];
	e->frozen = v[HEAD_FROZEN] != 0;
	e->warned = v[HEAD_WARNED] != 0;
	*rcpts = (size_t)v[HEAD_RECIPIENTS];
	*envelope_len = v[HEAD_ENVELOPE];
	return true;
}

/* What becomes a parameter of a command must not become two. */
static bool is_word(struct str text)
{
	return str_find(text, ' ') == STR_NONE;
}

static bool rcpt_fact(struct envelope *v, struct str key, struct str value)
{
	struct rcpt *r = v->rcpt_count ? &v->rcpts[v->rcpt_count - 1] : NULL;
	if (str_eq(key, STR("rcpt"))) {
		if (!addr_is_wire(value))
			return false;
		/* Each has its slot: one that is named twice, too. */
		envelope_append(v, value);
		return true;
	}
	if (!r)
		return false;
	if (str_eq(key, STR("notify")))
		return envelope_parse_notify(value, &r->notify);
	if (str_eq(key, STR("orcpt")) && !r->orcpt && is_word(value)) {
		r->orcpt = mem_copy(value);
		return true;
	}
	return false;
}

static bool once(char **slot, struct str value)
{
	if (*slot)
		return false;
	*slot = mem_copy(value);
	return true;
}

static bool report_fact(struct entry *e, struct str id)
{
	if (id.len != ENTRY_ID_LEN)
		return false;
	memcpy(e->report_of, id.at, ENTRY_ID_LEN);
	return entry_is_id(e->report_of);
}

static bool yes_fact(bool *fact, struct str value)
{
	*fact = true;
	return str_eq(value, STR("yes"));
}

static bool body_fact(struct envelope *v, struct str value)
{
	v->body =
	    str_eq(value, str_of(envelope_body_name(BODY_7BIT))) ? BODY_7BIT : BODY_8BITMIME;
	return str_eq(value, str_of(envelope_body_name(v->body)));
}

static bool ret_fact(struct envelope *v, struct str value)
{
	v->ret = str_eq(value, str_of(envelope_ret_name(RET_FULL))) ? RET_FULL : RET_HDRS;
	return str_eq(value, str_of(envelope_ret_name(v->ret)));
}

/* What is beyond ASCII is none: an address or a server may be called so. */
static bool is_control(char c)
{
	return (unsigned char)c < 32 || c == 127;
}

static bool envelope_fact(struct entry *e, struct str line)
{
	struct envelope *v = &e->envelope;
	struct str key;
	if (!str_cut(&line, ' ', &key))
		return false;
	for (size_t i = 0; i < line.len; i++)
		if (is_control(line.at[i]))
			return false;
	if (str_eq(key, STR("sender"))) {
		if (line.len > 0 && !addr_is_wire(line))
			return false;
		envelope_set_sender(v, line);
	} else if (str_eq(key, STR("sender-local")))
		return yes_fact(&v->sender_local, line);
	else if (str_eq(key, STR("body")))
		return body_fact(v, line);
	else if (str_eq(key, STR("smtputf8")))
		return yes_fact(&v->smtputf8, line);
	else if (str_eq(key, STR("ret")))
		return ret_fact(v, line);
	else if (str_eq(key, STR("report-of")))
		return report_fact(e, line);
	else if (str_eq(key, STR("envid")))
		return is_word(line) && once(&v->envid, line);
	else if (str_eq(key, STR("relay")))
		return once(&v->relay, line);
	else
		return rcpt_fact(v, key, line);
	return true;
}

static bool envelope_parse(struct entry *e, struct str text)
{
	struct str line;
	while (str_cut(&text, '\n', &line)) {
		if (line.len == 0)
			return text.len == 0;
		if (!envelope_fact(e, line))
			return false;
	}
	return false;
}

/* The text of a slot of version 1 was one sentence, with who said it in it. */
static enum cause cause_of_old(const struct rcpt *r, struct str status, struct str text)
{
	if (r->state == RCPT_FAILED && !str_eq(status, STR("4.4.7")))
		return CAUSE_MESSAGE_REFUSED;
	return r->state == RCPT_WAITING && text.len > 0 ? CAUSE_UNKNOWN : CAUSE_NONE;
}

static struct str cut_word(struct str *rest)
{
	struct str word;
	if (!str_cut(rest, ' ', &word) || str_eq(word, STR("-")))
		return STR("");
	return word;
}

/* What is not there: the empty view of a word is no C string. */
static char *word_copy(struct str word)
{
	return word.len > 0 ? mem_copy(word) : NULL;
}

/* The text was escaped when it was put in; it must not be escaped again. */
static void slot_verdict(struct rcpt *r, int code, bool old, struct str status, struct str text)
{
	struct verdict *v = &r->verdict;
	verdict_release(v);
	v->code = code;
	memcpy(v->status, status.at, status.len);
	v->status[status.len] = '\0';
	if (old) {
		v->cause = cause_of_old(r, status, text);
		if (str_starts(text, STR("expired: ")))
			text = str_from(text, sizeof("expired: ") - 1);
	} else if (text.len > 0) {
		v->cause = cause_by_word(cut_word(&text));
		v->relay = word_copy(cut_word(&text));
		v->host = word_copy(cut_word(&text));
	}
	v->text = word_copy(text);
}

static bool slot_parse(struct rcpt *r, struct str slot)
{
	long long code;
	char mark = slot.at[SLOT_MARK];
	if (slot.at[ENTRY_SLOT - 1] != '\n' || !strchr("WDF", slot.at[SLOT_STATE]) ||
	    (mark != ':' && mark != ' ') ||
	    !str_number(str_make(slot.at + SLOT_CODE, 3), &code))
		return false;
	size_t len = ENTRY_SLOT - 1;
	while (slot.at[len - 1] == ' ')
		len--;
	for (size_t i = 0; i < len; i++)
		if (is_control(slot.at[i]))
			return false;
	r->state = (enum rcpt_state)slot.at[SLOT_STATE];
	r->told = slot.at[SLOT_TOLD] == '*';
	slot_verdict(r, (int)code, mark == ' ',
	             str_trim(str_make(slot.at + SLOT_STATUS, SLOT_STATUS_LEN)),
	             str_trim(str_make(slot.at + SLOT_TEXT, ENTRY_SLOT - 1 - SLOT_TEXT)));
	return true;
}

static bool slots_read(const struct entry_start *b, int fd, struct entry *e, struct fault *f)
{
	enum { BATCH = 16 };
	struct envelope *v = &e->envelope;
	char slots[BATCH * ENTRY_SLOT];
	for (size_t i = 0; i < v->rcpt_count; i++) {
		size_t left = v->rcpt_count - i, in = i % BATCH;
		if (in == 0 && !read_part(b, fd, e, ENTRY_HEAD + (int64_t)i * ENTRY_SLOT, slots,
		                          (left < BATCH ? left : BATCH) * ENTRY_SLOT, f))
			return false;
		if (!slot_parse(&v->rcpts[i], str_make(slots + in * ENTRY_SLOT, ENTRY_SLOT)))
			return bad(e, "the state of a recipient", f);
	}
	return true;
}

bool entry_read_head(int fd, struct entry *e, struct entry_start *start, struct fault *f)
{
	char head[ENTRY_HEAD];
	if (!file_read_at(fd, e->name, 0, start->bytes, sizeof(start->bytes), &start->len, f) ||
	    !read_part(start, fd, e, 0, head, ENTRY_HEAD, f) ||
	    !head_parse(e, head, &start->rcpts, &start->envelope_len, f))
		return false;
	entry_set_name(e);
	return true;
}

bool entry_read_rest(int fd, struct entry *e, const struct entry_start *start, struct fault *f)
{
	size_t rcpts = start->rcpts, len = (size_t)start->envelope_len;
	int64_t at = ENTRY_HEAD + (int64_t)rcpts * ENTRY_SLOT;
	struct buf text;
	buf_init(&text, ENTRY_ENVELOPE_MAX + 1);
	char *room = buf_room(&text, len + 1);
	bool ok = read_part(start, fd, e, at, room, len, f);
	if (ok && (!envelope_parse(e, str_make(room, len)) || e->envelope.rcpt_count != rcpts))
		ok = bad(e, "its envelope", f);
	buf_release(&text);
	e->message_at = at + start->envelope_len;
	return ok && slots_read(start, fd, e, f);
}

bool entry_read(int fd, struct entry *e, struct fault *f)
{
	struct entry_start start;
	return entry_read_head(fd, e, &start, f) && entry_read_rest(fd, e, &start, f);
}

/* Parts 2 and 3, as far as the pass over them has come. */
struct pass {
	int64_t at, end;
	uint32_t crc;
	uint64_t length;
};

static struct pass pass_over(const struct entry *e)
{
	int64_t at = entry_slots_end(e), end = e->message_at + (int64_t)e->facts.size;
	return (struct pass){.at = at, .end = end, .length = (uint64_t)(end - at)};
}

/* The next piece, into room for one and a trailer. With the last comes the trailer, and the
 * piece is none if that is wrong. */
static bool pass_piece(struct pass *p, int fd, const struct entry *e, char *room, size_t *len,
                       struct fault *f)
{
	bool last = p->end - p->at <= ENTRY_PIECE;
	size_t n = last ? (size_t)(p->end - p->at) : ENTRY_PIECE;
	if (!read_exact(fd, e, p->at, room, last ? n + ENTRY_TRAILER : n, f))
		return false;
	p->crc = crc_fold(p->crc, room, n);
	p->at += (int64_t)n;
	*len = n;
	if (!last)
		return true;
	char want[ENTRY_TRAILER];
	layout_trailer(want, p->length, p->crc);
	return memcmp(room + n, want, ENTRY_TRAILER) == 0 ||
	       bad(e, "its checksum does not agree", f);
}

bool entry_each_sound(int fd, const struct entry *e, entry_sink *sink, void *context,
                      struct fault *f)
{
	struct pass p = pass_over(e);
	char *room = mem_room(ENTRY_PIECE + ENTRY_TRAILER);
	bool ok = true;
	while (ok && p.at < p.end) {
		int64_t skip = p.at < e->message_at ? e->message_at - p.at : 0;
		size_t len;
		ok = pass_piece(&p, fd, e, room, &len, f);
		if (ok && skip < (int64_t)len)
			ok = sink(context, str_from(str_make(room, len), (size_t)skip), f);
	}
	free(room);
	return ok;
}

static bool no_sink(void *context, struct str bytes, struct fault *f)
{
	(void)context;
	(void)bytes;
	(void)f;
	return true;
}

bool entry_verify(int fd, const struct entry *e, struct fault *f)
{
	return entry_each_sound(fd, e, no_sink, NULL, f);
}

bool entry_is_small(const struct entry *e)
{
	return pass_over(e).length <= ENTRY_PIECE;
}

bool entry_read_small(int fd, const struct entry *e, struct buf *room, struct str *message,
                      struct fault *f)
{
	struct pass p = pass_over(e);
	size_t envelope = (size_t)(e->message_at - p.at), len;
	char *at = buf_room(room, (size_t)p.length + ENTRY_TRAILER);
	if (!pass_piece(&p, fd, e, at, &len, f))
		return false;
	buf_filled(room, len);
	*message = str_from(buf_str(room), envelope);
	return true;
}

bool entry_read_message(int fd, const struct entry *e, uint64_t at, char *to, size_t len,
                        size_t *got, struct fault *f)
{
	*got = 0;
	if (at >= e->facts.size)
		return true;
	if (len > e->facts.size - at)
		len = (size_t)(e->facts.size - at);
	if (!file_read_at(fd, e->name, e->message_at + (int64_t)at, to, len, got, f))
		return false;
	if (*got == 0)
		return bad(e, "it is cut short", f);
	return true;
}

bool entry_each(int fd, const struct entry *e, entry_sink *sink, void *context, struct fault *f)
{
	char *chunk = mem_room(ENTRY_PIECE);
	uint64_t at = 0;
	size_t got;
	bool ok;
	while ((ok = entry_read_message(fd, e, at, chunk, ENTRY_PIECE, &got, f)) && got > 0) {
		ok = sink(context, str_make(chunk, got), f);
		if (!ok)
			break;
		at += got;
	}
	free(chunk);
	return ok;
}

/* Takes the field that text begins with, continuation lines and all. */
static struct str cut_field(struct str *text)
{
	struct str all = *text, line;
	while (str_cut(text, '\n', &line) && text->len > 0 && ascii_space(text->at[0]))
		continue;
	return str_first(all, all.len - text->len);
}

void entry_field(int fd, const struct entry *e, const char *name, struct buf *out)
{
	size_t size = e->facts.size < ENTRY_PIECE ? (size_t)e->facts.size : ENTRY_PIECE;
	char *chunk = mem_room(size);
	size_t got = 0;
	struct fault f = FAULT_INIT;
	if (!entry_read_message(fd, e, 0, chunk, size, &got, &f))
		got = 0;
	struct str rest = str_make(chunk, got), wanted = str_of(name);
	while (rest.len > 0) {
		struct str field = cut_field(&rest), value = str_from(field, wanted.len + 1);
		if (str_trim(field).len == 0)
			break;
		if (str_casestarts(field, wanted) && field.len > wanted.len &&
		    field.at[wanted.len] == ':') {
			/* A value too long for its use is not used. */
			if (!buf_add_str(out, str_trim(value)))
				buf_clear(out);
			break;
		}
	}
	free(chunk);
}
