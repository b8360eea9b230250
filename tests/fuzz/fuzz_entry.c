/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The input is the file of an entry, which others may have touched. What can be read of it
 * is within its bounds, and can be marked and read again. A message is given whole if the
 * checksum is right, by each way to read it, and else never to its end.
 */
#include <stdint.h>
#include <stdlib.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/file.h"
#include "hold/entry.h"

#define ROOM (16u * 1024 * 1024)

static void require(bool truth)
{
	if (!truth)
		abort();
}

static bool collect(void *context, struct str bytes, struct fault *f)
{
	(void)f;
	require(bytes.len > 0 && bytes.len <= ENTRY_PIECE);
	return buf_add_str(context, bytes);
}

static void check_message(int fd, const struct entry *e)
{
	struct fault f = FAULT_INIT;
	struct buf once, again, room;
	struct str message = {NULL, 0};
	buf_init(&once, ROOM);
	buf_init(&again, ROOM);
	buf_init(&room, ENTRY_PIECE + ENTRY_TRAILER);
	bool sound = entry_each_sound(fd, e, collect, &once, &f);
	require(sound == entry_verify(fd, e, &f));
	require(sound ? once.len == e->facts.size : once.len < e->facts.size || once.len == 0);
	if (sound) {
		require(entry_each(fd, e, collect, &again, &f));
		require(str_eq(buf_str(&once), buf_str(&again)));
	}
	if (entry_is_small(e)) {
		require(entry_read_small(fd, e, &room, &message, &f) == sound);
		require(!sound || str_eq(message, buf_str(&once)));
	}
	buf_release(&once);
	buf_release(&again);
	buf_release(&room);
}

static void check_marks(int fd, struct entry *e)
{
	struct fault f = FAULT_INIT;
	struct entry back;
	size_t last = e->envelope.rcpt_count - 1;
	e->envelope.rcpts[last].state = RCPT_DELIVERED;
	require(entry_mark_rcpt(fd, e, last, &f) && entry_mark_head(fd, e, &f));
	entry_init(&back);
	require(entry_read(fd, &back, &f));
	require(back.envelope.rcpt_count == last + 1 && back.message_at == e->message_at &&
	        back.facts.size == e->facts.size &&
	        back.envelope.rcpts[last].state == RCPT_DELIVERED);
	entry_release(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fault f = FAULT_INIT;
	struct entry e, head;
	struct entry_start start;
	char name[] = "/tmp/fuzz_entry.XXXXXX";
	int fd = mkstemp(name);
	require(fd >= 0 && unlink(name) == 0 &&
	        file_write(fd, "it", str_make((const char *)data, size), &f));
	entry_init(&e);
	entry_init(&head);
	bool good = entry_read(fd, &e, &f);
	require(entry_read_head(fd, &head, &start, &f) || !good);
	if (good) {
		check_message(fd, &e);
		check_marks(fd, &e);
	}
	entry_release(&head);
	entry_release(&e);
	close(fd);
	return 0;
}
