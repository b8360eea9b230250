/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"
#include "os/trust.h"
#include "conf/settings_note.h"
#include "conf/settings_parse.h"
#include "conf/settings_senders.h"
#include "conf/settings_table.h"

#define FILE_MAX_LEN (1U << 20)

static bool open_it(const char *path, int *fd, struct stat *st, struct fault *f)
{
	if (file_open_regular(AT_FDCWD, path, fd, st, f))
		return true;
	/* That is how a socket says it. */
	if (f->sys == 0 || f->sys == ENXIO)
		return fault_set(f, FAULT_CONFIG, "is not a regular file");
	if (f->sys == ENOENT)
		return fault_set(f, FAULT_CONFIG,
		                 "cannot be read: No such file or directory; four lines are "
		                 "enough, see postern.conf(5)");
	return fault_sys(f, FAULT_CONFIG, f->sys, "cannot be read");
}

/* What is believed is what was opened, wherever the name leads by now. */
static bool read_file(const char *path, uid_t owner, struct buf *text, struct stat *st,
                      struct fault *f)
{
	int fd = -1;
	if (!open_it(path, &fd, st, f))
		return false;
	bool done = trust_it(st, path, owner, f) && file_read_all(fd, path, text, f);
	close(fd);
	if (done || f->kind == FAULT_CONFIG)
		return done;
	if (f->kind == FAULT_DATA)
		return fault_set(f, FAULT_CONFIG, "is longer than %u bytes", FILE_MAX_LEN);
	return fault_sys(f, FAULT_CONFIG, f->sys, "cannot be read");
}

/* Who can read the passwords in a user's file. */
static void check_passwords(struct settings_notes *n, const struct settings *c,
                            const struct stat *st, uid_t owner)
{
	if (st->st_uid == owner && (st->st_mode & 077) == 0)
		return;
	for (size_t i = 0; i < c->relay_count; i++) {
		if (!c->relays[i].password)
			continue;
		char who[TRUST_OWNER_MAX];
		trust_owner(st, who);
		settings_fault(n, c->relays[i].line,
		               "relay %s: a password, but the file is not yours alone (%s); it "
		               "must belong to uid %lu and be closed to others: chmod 600 %s",
		               c->relays[i].name, who, (unsigned long)owner, n->name);
		return;
	}
}

/* Without /etc/aliases there are no aliases; a file that was named should be there. */
static void check_aliases(struct settings_notes *n, const struct settings *c)
{
	struct fault f = FAULT_INIT;
	struct stat st;
	if (c->aliases_line == 0 || stat(c->aliases, &st) == 0)
		return;
	fault_sys(&f, FAULT_CONFIG, errno, "aliases: %s", c->aliases);
	settings_warning(n, c->aliases_line, "%s", f.text);
}

bool settings_load(const char *path, bool personal, uid_t owner, struct settings *c,
                   settings_note *note, void *context)
{
	struct settings_notes n = {.name = path, .note = note, .context = context};
	struct fault f = FAULT_INIT;
	struct buf text;
	buf_init(&text, FILE_MAX_LEN);
	struct stat st;
	if (!read_file(path, personal ? owner : 0, &text, &st, &f)) {
		settings_begin(c, path);
		/* A fault of the whole file has line 1: all have one form. */
		settings_fault(&n, 1, "%s", f.text);
	} else {
		n.faulty = !settings_parse(buf_str(&text), path, personal, c, note, context);
		if (personal)
			check_passwords(&n, c, &st, owner);
		check_aliases(&n, c);
	}
	settings_tell(&n);
	buf_wipe(&text);
	buf_release(&text);
	return !n.faulty;
}

void settings_release(struct settings *c)
{
	settings_empty(c);
	for (size_t i = 0; i < c->relay_count; i++)
		free(c->relays[i].name);
	settings_senders_release(c);
	free(c->path);
	free(c->relays);
	*c = (struct settings){.path = NULL};
}
