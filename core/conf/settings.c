/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text/codec.h"
#include "os/file.h"
#include "os/trust.h"
#include "conf/settings_parse.h"
#include "conf/settings_senders.h"

#define FILE_MAX_LEN (1U << 20)

/* What settings_load works with. */
struct loading {
	const char *path;
	settings_note *note;
	void *context;
};

/* Always false. A fault of the whole file has line 1: all have one form. */
static bool load_fault(const struct loading *l, size_t line, const struct fault *f)
{
	settings_put_note(l->note, l->context, false, l->path, line, f->text);
	return false;
}

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
static bool check_passwords(const struct loading *l, const struct settings *c,
                            const struct stat *st, uid_t owner)
{
	char who[TRUST_OWNER_MAX];
	struct fault f = FAULT_INIT;
	trust_owner(st, who);
	for (size_t i = 0; i < c->relay_count; i++) {
		if (!c->relays[i].password || (st->st_uid == owner && (st->st_mode & 077) == 0))
			continue;
		fault_set(&f, FAULT_CONFIG,
		          "relay %s: a password, but the file is not yours alone (%s); it must "
		          "belong to uid %lu and be closed to others: chmod 600 %s",
		          c->relays[i].name, who, (unsigned long)owner, l->path);
		return load_fault(l, c->relays[i].line, &f);
	}
	return true;
}

/* Without /etc/aliases there are no aliases; a file that was named should be there. */
static void check_aliases(const struct loading *l, const struct settings *c)
{
	struct fault f = FAULT_INIT;
	struct stat st;
	if (c->aliases_line == 0 || stat(c->aliases, &st) == 0)
		return;
	fault_sys(&f, FAULT_CONFIG, errno, "aliases: %s", c->aliases);
	settings_put_note(l->note, l->context, true, l->path, c->aliases_line, f.text);
}

bool settings_load(const char *path, bool personal, uid_t owner, struct settings *c,
                   settings_note *note, void *context)
{
	struct loading l = {path, note, context};
	struct fault f = FAULT_INIT;
	struct buf text;
	buf_init(&text, FILE_MAX_LEN);
	struct stat st;
	bool good;
	if (!read_file(path, personal ? owner : 0, &text, &st, &f)) {
		settings_begin(c, path);
		good = load_fault(&l, 1, &f);
	} else {
		good = settings_parse(buf_str(&text), path, personal, c, note, context);
		good = (!personal || check_passwords(&l, c, &st, owner)) && good;
		check_aliases(&l, c);
	}
	buf_wipe(&text);
	buf_release(&text);
	return good;
}

static void release_relay(struct settings_relay *relay)
{
	if (relay->password)
		codec_wipe(relay->password, strlen(relay->password));
	settings_list_release(&relay->host);
	settings_list_release(&relay->password_command);
	settings_list_release(&relay->tls_fingerprint);
	settings_list_release(&relay->senders);
	settings_list_release(&relay->recipients);
	free(relay->name);
	free(relay->srv);
	free(relay->socket);
	free(relay->ports);
	free(relay->user);
	free(relay->password_file);
	free(relay->password);
	free(relay->tls_trust);
	free(relay->tls_name);
	free(relay->tls_certificate);
	free(relay->tls_key);
	free(relay->tls_priority);
	free(relay->helo);
	free(relay->source);
	free(relay->proxy);
}

void settings_release(struct settings *c)
{
	for (size_t i = 0; i < c->relay_count; i++)
		release_relay(&c->relays[i]);
	settings_senders_release(c);
	settings_list_release(&c->online);
	free(c->path);
	free(c->hostname);
	free(c->domain);
	free(c->from);
	free(c->from_name);
	free(c->reply_to);
	free(c->admin);
	free(c->aliases);
	free(c->directory);
	free(c->dns_server);
	free(c->log_file);
	free(c->relays);
	*c = (struct settings){.path = NULL};
}
