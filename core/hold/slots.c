/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hold/slots.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "text/crc.h"
#include "os/file.h"

#define NAME_SIZE 32

static bool open_file(const struct hold *h, const char *name, int *fd)
{
	int state = h->rooms[HOLD_STATE];
	struct fault f = FAULT_INIT;
	/* Another process may make it in between. */
	return file_open_update(state, name, fd, NULL, &f) ||
	       (f.sys == ENOENT && (file_create(state, name, 0660, fd, &f) ||
	                            file_open_update(state, name, fd, NULL, &f)));
}

int slots_others(int fd)
{
	int count = 0;
	int64_t at = 0;
	while (fd >= 0 && file_byte_taken(fd, &at)) {
		count++;
		at++;
	}
	return count;
}

bool slots_take(const struct hold *h, const char *relay, int most, int *fd)
{
	char name[NAME_SIZE];
	snprintf(name, sizeof(name), "slots.%08lX",
	         (unsigned long)crc_add(0, relay, strlen(relay)));
	*fd = -1;
	if (!open_file(h, name, fd)) {
		*fd = -1;
		return true;
	}
	/* Those above the limit count too: it may have been higher. */
	bool full = slots_others(*fd) >= most;
	for (int at = hold_is_guest(h) && most > 1; !full && at < most; at++) {
		switch (file_take_byte(*fd, at)) {
		case BYTE_TAKEN:
			return true;
		case BYTE_BUSY:
			break;
		case BYTE_NO_LOCKS:
			close(*fd);
			*fd = -1;
			return true;
		}
	}
	close(*fd);
	*fd = -1;
	return false;
}
