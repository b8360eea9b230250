/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/token/store.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"
#include "text/codec.h"

#define STEP_MS  20
#define WORD_MAX 200

bool store_open(struct store *s, int dir, const char *relay, struct fault *f)
{
	struct buf word;
	*s = (struct store){.dir = dir, .locked = -1};
	buf_init(&word, WORD_MAX);
	bool ok = relay[0] != '\0' && codec_percent(&word, str_of(relay), "-_");
	if (ok) {
		s->name = mem_printf("login.%s", buf_cstr(&word));
		s->fresh = mem_printf("fresh.%s", buf_cstr(&word));
		s->lock = mem_printf("lock.%s", buf_cstr(&word));
		s->answer = mem_printf("answer.%s", buf_cstr(&word));
	}
	buf_release(&word);
	return ok || fault_set(f, FAULT_CONFIG, "the relay's name is too long for a login");
}

void store_close(struct store *s)
{
	free(s->name);
	free(s->fresh);
	free(s->lock);
	free(s->answer);
	if (s->locked >= 0)
		close(s->locked);
	s->locked = -1;
}

static bool read_file(int fd, const char *name, struct kept *k, struct fault *f)
{
	struct buf bytes;
	buf_init(&bytes, KEPT_MAX);
	bool ok = buf_room(&bytes, KEPT_MAX) && file_read_all(fd, name, &bytes, f);
	/* A file that breaks off or is none of ours is as good as no log-in. */
	if (ok)
		kept_read(k, buf_str(&bytes));
	buf_wipe(&bytes);
	buf_release(&bytes);
	return ok;
}

static bool is_closed(const struct stat *st, const char *name, struct fault *f)
{
	return (st->st_uid == geteuid() && (st->st_mode & 077) == 0) ||
	       fault_set(f, FAULT_CONFIG,
	                 "%s in the hold's state/ is not its owner's alone: log in again",
	                 name);
}

static bool load(const struct store *s, const char *name, struct kept *k, struct fault *f)
{
	struct stat st;
	int fd;
	kept_set(k, KEPT_REFRESH, NULL);
	kept_set(k, KEPT_ACCESS, NULL);
	memset(k->times, 0, sizeof(k->times));
	if (!file_open_plain(s->dir, name, &fd, &st, f)) {
		if (f->sys != ENOENT)
			return false;
		*f = FAULT_INIT;
		return true;
	}
	bool ok = is_closed(&st, name, f) && read_file(fd, name, k, f);
	close(fd);
	return ok;
}

bool store_load(const struct store *s, struct kept *k, struct fault *f)
{
	return load(s, s->name, k, f);
}

static bool recover(const struct store *s, struct kept *k, struct fault *f)
{
	struct stat st;
	int fd;
	struct fault none = FAULT_INIT;
	if (!file_open_plain(s->dir, s->fresh, &fd, &st, &none))
		return true;
	bool found =
	    load(s, s->fresh, k, &none) && (k->texts[KEPT_REFRESH] || k->texts[KEPT_ACCESS]);
	bool ok = !found || (file_sync(fd, s->fresh, f) &&
	                     file_rename(s->dir, s->fresh, s->dir, s->name, f) &&
	                     file_sync(s->dir, "state", f));
	close(fd);
	return ok;
}

static bool lock_until(int fd, const char *name, int64_t deadline, struct fault *f)
{
	bool locked;
	while (file_try_lock(fd, name, &locked, f) && !locked) {
		if (clock_left_ms(deadline) == 0)
			return fault_set(f, FAULT_TEMP,
			                 "another process renews the login for too long");
		clock_pause_ms(STEP_MS);
	}
	return locked;
}

bool store_lock(struct store *s, struct kept *k, int64_t deadline, struct fault *f)
{
	int fd;
	if (s->locked >= 0)
		return store_load(s, k, f);
	if (!file_open_append(s->dir, s->lock, 0600, &fd, f))
		return false;
	if (!lock_until(fd, s->lock, deadline, f)) {
		close(fd);
		return false;
	}
	s->locked = fd;
	return recover(s, k, f) && store_load(s, k, f);
}

/* True too where there is none. */
static bool remove_name(const struct store *s, const char *name, struct fault *f)
{
	struct fault now = FAULT_INIT;
	if (file_unlink(s->dir, name, &now) || now.sys == ENOENT)
		return true;
	*f = now;
	return false;
}

/* A new file, which is on disk when it is true. */
static bool create(const struct store *s, const char *name, struct str bytes, int *fd,
                   struct fault *f)
{
	struct fault unremoved = FAULT_INIT;
	/* What one that was ended here left behind. */
	bool removed = remove_name(s, name, &unremoved);
	if (!file_create(s->dir, name, 0600, fd, f)) {
		if (!removed)
			*f = unremoved;
		return false;
	}
	if (file_write(*fd, name, bytes, f) && file_sync(*fd, name, f))
		return true;
	close(*fd);
	return false;
}

static bool write_fresh(const struct store *s, struct str bytes, struct fault *f)
{
	int fd;
	return create(s, s->fresh, bytes, &fd, f) && file_close(fd, s->fresh, f);
}

bool store_save(const struct store *s, const struct kept *k, struct fault *f)
{
	struct buf bytes;
	buf_init(&bytes, KEPT_MAX);
	bool ok = buf_room(&bytes, KEPT_MAX) &&
	          (kept_write(k, &bytes) ||
	           fault_set(f, FAULT_DATA, "the login is too long to be kept"));
	ok = ok && write_fresh(s, buf_str(&bytes), f) &&
	     file_rename(s->dir, s->fresh, s->dir, s->name, f) && file_sync(s->dir, "state", f);
	buf_wipe(&bytes);
	buf_release(&bytes);
	return ok;
}

bool store_forget(const struct store *s, struct fault *f)
{
	return store_answered(s, f) && remove_name(s, s->name, f) &&
	       file_sync(s->dir, "state", f);
}

bool store_expect(const struct store *s, const struct kept *k, int64_t now, int *fd,
                  int64_t *at, struct fault *f)
{
	struct buf bytes;
	buf_init(&bytes, STORE_ANSWER_MAX);
	bool ok = (kept_write_head(k, now, &bytes) && buf_room(&bytes, HTTP_MAX)) ||
	          fault_set(f, FAULT_DATA, "the login is too long to be kept");
	*at = (int64_t)bytes.len;
	if (ok) {
		memset(bytes.at + bytes.len, ' ', HTTP_MAX);
		buf_filled(&bytes, HTTP_MAX);
	}
	ok = ok && create(s, s->answer, buf_str(&bytes), fd, f);
	buf_release(&bytes);
	if (!ok || file_sync(s->dir, "state", f))
		return ok;
	close(*fd);
	return false;
}

bool store_answer(const struct store *s, const struct kept *k, struct buf *out, int64_t *when,
                  struct fault *f)
{
	struct stat st;
	struct buf bytes;
	struct fault gone = FAULT_INIT;
	int fd;
	if (!file_open_plain(s->dir, s->answer, &fd, &st, &gone)) {
		if (gone.sys != ENOENT)
			*f = gone;
		return false;
	}
	buf_init(&bytes, STORE_ANSWER_MAX);
	bool ok = is_closed(&st, s->answer, f) && buf_room(&bytes, STORE_ANSWER_MAX) &&
	          file_read_all(fd, s->answer, &bytes, f);
	struct str rest = buf_str(&bytes);
	ok = ok && kept_read_head(k, &rest, when) && buf_room(out, rest.len) &&
	     buf_add_str(out, rest);
	buf_wipe(&bytes);
	buf_release(&bytes);
	close(fd);
	return ok;
}

bool store_answered(const struct store *s, struct fault *f)
{
	return remove_name(s, s->answer, f);
}
