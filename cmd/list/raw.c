/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/list/raw.h"

#include <stdlib.h>

#include "os/file.h"
#include "post/record.h"

struct sending {
	struct hold *hold;
	bool whole;
	bool found, foreign; /* the one that was asked for */
	bool lost;           /* nobody listens any more */
	char *bytes;         /* RECORD_MAX */
};

static void say(struct sending *s, enum record_kind kind, struct str text)
{
	s->lost = s->lost || record_write(RAW_FD, kind, text.at, text.len, RECORD_IDLE_MS) != 0;
}

static void say_fault(struct sending *s, const struct fault *f)
{
	char *text = mem_printf("%d %s", fault_exit(f->kind), f->text);
	say(s, RECORD_ERROR, str_of(text));
	free(text);
}

static void send_file(struct sending *s, const struct hold_entry *he)
{
	struct stat st;
	struct fault f = FAULT_INIT;
	size_t got = 1;
	int64_t end = he->entry.message_at;
	if (s->whole)
		end = file_stat(he->fd, he->entry.id, &st, &f) ? (int64_t)st.st_size : 0;
	for (int64_t at = 0; got > 0 && at < end && !s->lost; at += (int64_t)got) {
		size_t most = end - at < RECORD_MAX ? (size_t)(end - at) : RECORD_MAX;
		if (!file_read_at(he->fd, he->entry.id, at, s->bytes, most, &got, &f))
			got = 0;
		if (got > 0)
			say(s, RECORD_DATA, str_make(s->bytes, got));
	}
}

static void send_entry(struct sending *s, enum hold_room room, const char *id)
{
	struct hold_entry he;
	struct fault f = FAULT_INIT;
	enum hold_claim result = hold_look(s->hold, room, id, &he, &f);
	s->foreign = s->foreign || result == CLAIM_FOREIGN;
	if (result != CLAIM_OK && result != CLAIM_DAMAGED)
		return;
	s->found = true;
	char *text = mem_printf("%c %d %s", room == HOLD_FAILED ? 'f' : 'h', he.busy, id);
	say(s, RECORD_ENTRY, str_of(text));
	free(text);
	/* Its bytes are no use; without any the other side says that it is damaged. */
	if (result == CLAIM_DAMAGED)
		return;
	send_file(s, &he);
	hold_release(&he);
}

static bool send_room(struct sending *s, enum hold_room room, struct fault *f)
{
	hold_id *ids;
	size_t count;
	if (!hold_list(s->hold, room, &ids, &count, f))
		return false;
	for (size_t i = 0; i < count && !s->lost; i++)
		send_entry(s, room, ids[i]);
	free(ids);
	return true;
}

int raw_send(struct hold *h, const char *what, const char *id)
{
	struct sending s = {.hold = h, .whole = *what == '+'};
	struct fault f = FAULT_INIT;
	bool ok = true;
	s.bytes = mem_alloc(RECORD_MAX);
	for (const char *at = what + s.whole; ok && *at && !(id && s.found); at++) {
		enum hold_room room = *at == 'f' ? HOLD_FAILED : HOLD_QUEUE;
		if (id)
			send_entry(&s, room, id);
		else
			ok = send_room(&s, room, &f);
	}
	if (ok && id && !s.found)
		ok = s.foreign ? fault_set(&f, FAULT_NOPERM, "is another user's")
		               : fault_set(&f, FAULT_DATA, "no such message");
	if (ok)
		say(&s, RECORD_DONE, STR("0"));
	else
		say_fault(&s, &f);
	free(s.bytes);
	return 0;
}
