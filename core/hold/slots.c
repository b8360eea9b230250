/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hold/slots.h"

#include <stdio.h>
#include <unistd.h>

#include "os/file.h"
#include "hold/state_file.h"

#define SEEN_EVERY 60 /* seconds */

static int64_t place_of(int64_t at)
{
	return at * (int64_t)sizeof(int64_t);
}

static void write_seen(struct slot *slot, const char *name, int64_t at, int64_t wall)
{
	struct fault f = FAULT_INIT;
	slot->seen = wall;
	/* Where it cannot be written the slot may be taken for silent: a connection too many. */
	(void)!file_write_at(slot->fd, name, place_of(at),
	                     str_make((const char *)&wall, sizeof(wall)), &f);
}

/* Was who has that one not seen for too long? */
static bool is_silent(int fd, const char *name, int64_t at, int64_t wall)
{
	int64_t seen;
	size_t got;
	struct fault f = FAULT_INIT;
	return file_read_at(fd, name, place_of(at), (char *)&seen, sizeof(seen), &got, &f) &&
	       got == sizeof(seen) && seen > 0 && seen < wall - SLOT_SILENT;
}

static bool is_taken(int fd, int64_t at)
{
	int64_t first = at;
	return file_byte_taken(fd, &first) && first == at;
}

/* How many more there may be for those that are silent: not more than twice as many. */
static int silent(int fd, const char *name, int most, int64_t wall)
{
	int count = 0;
	for (int64_t at = 0; count < most && file_byte_taken(fd, &at); at++)
		count += is_silent(fd, name, at, wall);
	return count;
}

int slots_others(const struct slot *slot)
{
	int count = 0;
	int64_t at = 0;
	while (slot->fd >= 0 && file_byte_taken(slot->fd, &at)) {
		count++;
		at++;
	}
	return count;
}

void slots_seen(struct slot *slot, int64_t wall)
{
	if (slot->fd >= 0 && (wall - slot->seen >= SEEN_EVERY || wall < slot->seen))
		write_seen(slot, "slots", slot->at, wall);
}

void slots_release(struct slot *slot)
{
	if (slot->fd >= 0)
		close(slot->fd);
	slot->fd = -1;
}

static bool take(const struct hold *h, const char *name, int most, int64_t wall,
                 struct slot *slot)
{
	struct fault f = FAULT_INIT;
	if (!file_open_or_create(h->rooms[HOLD_STATE], name, 0660, &slot->fd, &f))
		return true;
	int first = hold_is_guest(h) && most > 1;
	most += silent(slot->fd, name, most, wall);
	/* Those above the limit count too: it may have been higher. */
	bool full = slots_others(slot) >= most;
	for (int at = first; !full && at < most; at++) {
		/* When it was seen stands there before it is taken: nobody is to find it taken and
		 * the time of whoever had it last. */
		if (is_taken(slot->fd, at))
			continue;
		write_seen(slot, name, at, wall);
		slot->at = at;
		switch (file_take_byte(slot->fd, at)) {
		case BYTE_TAKEN:
			return true;
		case BYTE_BUSY:
			break;
		case BYTE_NO_LOCKS:
			slots_release(slot);
			return true;
		}
	}
	slots_release(slot);
	return false;
}

bool slots_take(const struct hold *h, const char *relay, int most, int64_t wall,
                struct slot *slot)
{
	char name[STATE_NAME_SIZE];
	state_file_name(name, STATE_SLOTS, relay);
	return take(h, name, most, wall, slot);
}

bool slots_take_user(const struct hold *h, uid_t user, int most, int64_t wall,
                     struct slot *slot)
{
	char name[STATE_NAME_SIZE];
	size_t len = state_file_name(name, STATE_SLOTS, "smtp");
	snprintf(name + len, sizeof(name) - len, ".%lu", (unsigned long)user);
	return take(h, name, most, wall, slot);
}
