/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hold/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "text/crc.h"
#include "os/file.h"

#define CLAIM_TRIES    40 /* somebody who only looks has the lock for a moment */
#define CLAIM_PAUSE_MS 5
#define SAY_TRIES      3 /* whoever looks around has that lock for a moment */

/* In state/: whoever works on entries has a shared lock on it as long as they may. */
static const char working_name[] = "working";

static const char *const room_names[HOLD_ROOMS] = {"tmp", "hold", "failed", "corrupt", "state"};

const char *hold_room_name(enum hold_room room)
{
	return room_names[room];
}

static bool open_room(struct hold *h, enum hold_room room, struct fault *f)
{
	char *path = mem_printf("%s/%s", h->path, room_names[room]);
	bool ok = file_open_dir(AT_FDCWD, path, &h->rooms[room], f);
	if (!ok && !h->shared && f->sys == ENOENT)
		ok = h->looks || (file_make_dirs(path, 0700, f) &&
		                  file_open_dir(AT_FDCWD, path, &h->rooms[room], f));
	free(path);
	return ok;
}

/* A link may be turned elsewhere between two runs, and mail would be in two places. */
static bool is_linked(const char *path)
{
	struct stat st;
	struct fault f = FAULT_INIT;
	return file_stat_name(AT_FDCWD, path, &st, &f) && S_ISLNK(st.st_mode);
}

/* Of the system's hold: rooms are made, but the folder may be one that is to be mounted. */
static void say_who_makes(const char *path, struct fault *f)
{
	struct stat st;
	struct fault unused = FAULT_INIT;
	if (file_stat_name(AT_FDCWD, path, &st, &unused))
		fault_prefix(f, "flushq, run by root, makes what is missing");
	else
		fault_prefix(f, "%s is to be mounted, or made by make install", path);
}

static bool open_rooms(const char *path, struct hold *h, struct fault *f)
{
	h->path = mem_copy(str_of(path));
	h->working = -1;
	h->unsaid = SAY_TRIES;
	for (int i = 0; i < HOLD_ROOMS; i++)
		h->rooms[i] = -1;
	if (is_linked(path)) {
		hold_close(h);
		return fault_set(f, FAULT_TEMP,
		                 "the hold: %s is a symbolic link: name the folder itself",
		                 path);
	}
	for (int i = 0; i < HOLD_ROOMS; i++)
		if (!open_room(h, (enum hold_room)i, f)) {
			hold_close(h);
			if (f->kind == FAULT_IO)
				f->kind = FAULT_TEMP;
			if (h->shared && f->sys == ENOENT)
				say_who_makes(path, f);
			return fault_prefix(f, "the hold");
		}
	return true;
}

bool hold_open(const char *path, struct hold *h, struct fault *f)
{
	*h = (struct hold){.shared = false};
	return open_rooms(path, h, f);
}

bool hold_open_to_look(const char *path, struct hold *h, struct fault *f)
{
	*h = (struct hold){.looks = true};
	return open_rooms(path, h, f);
}

bool hold_open_shared(const char *path, struct hold *h, struct fault *f)
{
	*h = (struct hold){.shared = true};
	if (!open_rooms(path, h, f))
		return false;
	struct stat st;
	if (!file_stat(h->rooms[HOLD_QUEUE], path, &st, f)) {
		hold_close(h);
		return false;
	}
	h->owner = st.st_uid;
	return true;
}

void hold_close(struct hold *h)
{
	for (int i = 0; i < HOLD_ROOMS; i++)
		if (h->rooms[i] >= 0)
			close(h->rooms[i]);
	if (h->working >= 0)
		close(h->working);
	h->working = -1;
	free(h->path);
	h->path = NULL;
}

bool hold_is_guest(const struct hold *h)
{
	return h->shared && geteuid() != h->owner;
}

uint32_t hold_machine(void)
{
	char name[HOST_NAME_MAX + 1] = "";
	gethostname(name, sizeof(name) - 1);
	return crc_add(0, name, strlen(name));
}

bool hold_has_space(const char *path, uint64_t min_free, struct fault *f)
{
	if (min_free == 0)
		return true;
	uint64_t bytes;
	if (!file_free_space(path, &bytes, f))
		return false;
	if (bytes < min_free)
		return fault_set(f, FAULT_TEMP,
		                 "%s: %llu MiB free, less than min_free (%llu MiB): make room, "
		                 "or lower min_free",
		                 path, (unsigned long long)(bytes >> 20),
		                 (unsigned long long)(min_free >> 20));
	return true;
}

/* The owner of the rooms writes for others: of their files the head says whose. */
static bool owner_tells(const struct hold_entry *he)
{
	return he->hold->shared && he->file_owner != he->hold->owner;
}

uid_t hold_uid(const struct hold_entry *he)
{
	return owner_tells(he) ? he->file_owner : he->entry.uid;
}

/* Before the entry is locked or read; one that says nothing belongs to nobody. */
static bool in_view(struct hold_entry *he)
{
	const struct hold *h = he->hold;
	return h->view != HOLD_OWN ||
	       ((owner_tells(he) || entry_peek_uid(he->fd, &he->entry.uid)) &&
	        hold_uid(he) == h->user);
}

static void note_file(struct hold_entry *he, const struct stat *st)
{
	he->seen = true;
	he->file_owner = st->st_uid;
	he->device = st->st_dev;
	he->inode = st->st_ino;
	he->linked = st->st_nlink > 1;
}

/* What kind of file it is, where that was not asked. */
static bool see(struct hold_entry *he, const char *id, struct fault *f)
{
	struct stat st;
	if (he->seen)
		return true;
	if (!file_is_regular(he->fd, id, &st, f))
		return false;
	note_file(he, &st);
	return true;
}

/* A file that may not be opened is another user's, and their affair; or one of our own that
 * somebody has closed, and nobody would hear that it is not sent. */
static bool is_ours(const struct hold *h, enum hold_room room, const char *id)
{
	struct stat st;
	struct fault unused = FAULT_INIT;
	return file_stat_name(h->rooms[room], id, &st, &unused) && st.st_uid == geteuid();
}

/* look: only to be read, and in a hold of our own, where nobody else has files, then not seen
 * yet. he is to be released only when the result is CLAIM_OK. */
static enum hold_claim open_entry(struct hold *h, enum hold_room room, const char *id,
                                  bool look, struct hold_entry *he, struct fault *f)
{
	*he = (struct hold_entry){.hold = h, .room = room, .fd = -1};
	/* Only an id is a name: anything else could lead out of the room. */
	if (!entry_is_id(id) || h->rooms[room] < 0)
		return CLAIM_GONE;
	struct stat st = {.st_nlink = 1};
	bool unseen = look && !h->shared;
	int dir = h->rooms[room];
	bool open = unseen ? file_open_unseen(dir, id, &he->fd, f)
	            : look ? file_open_plain(dir, id, &he->fd, &st, f)
	                   : file_open_update(dir, id, &he->fd, &st, f);
	if (!open) {
		if (f->kind == FAULT_NOPERM && (f->sys == EACCES || f->sys == EPERM) &&
		    !is_ours(h, room, id))
			return CLAIM_FOREIGN;
		return f->sys == ENOENT ? CLAIM_GONE : CLAIM_ERROR;
	}
	entry_init(&he->entry);
	if (!unseen)
		note_file(he, &st);
	enum hold_claim result = st.st_nlink == 0 ? CLAIM_GONE
	                         : in_view(he)    ? CLAIM_OK
	                                          : CLAIM_FOREIGN;
	if (result != CLAIM_OK)
		hold_release(he);
	return result;
}

/* Does the name, now that the lock is ours, mean this file? */
static bool still_there(const struct hold_entry *he, enum hold_room room, const char *id,
                        bool *there, struct fault *f)
{
	*there = false;
	struct stat st;
	if (!file_stat_name(he->hold->rooms[room], id, &st, f))
		return f->sys == ENOENT;
	*there = st.st_dev == he->device && st.st_ino == he->inode && S_ISREG(st.st_mode);
	return true;
}

/* f says why. Not everybody who may work on an entry may move it. */
static void to_corrupt(struct hold_entry *he, const char *id, struct fault *f)
{
	struct fault unused = FAULT_INIT;
	struct hold *h = he->hold;
	if (!file_rename(h->rooms[he->room], id, h->rooms[HOLD_CORRUPT], id, &unused))
		return;
	he->room = HOLD_CORRUPT;
	fault_prefix(f, "moved to %s/corrupt", h->path);
}

static enum hold_claim read_claimed(struct hold_entry *he, const char *id, bool move,
                                    struct fault *f)
{
	bool ok = entry_read(he->fd, &he->entry, f);
	if (ok && strcmp(he->entry.id, id) != 0)
		ok = fault_set(f, FAULT_DATA, "entry %s is damaged: it says it is %s", id,
		               he->entry.id);
	if (ok)
		return CLAIM_OK;
	bool damaged = see(he, id, f) && f->kind == FAULT_DATA;
	/* A name that is not ours: it may be a link to anything. */
	bool linked = he->linked;
	if (damaged && move && !linked)
		to_corrupt(he, id, f);
	hold_release(he);
	return !damaged ? CLAIM_ERROR : linked ? CLAIM_GONE : CLAIM_DAMAGED;
}

/* Removes the other name once this one is durable. Who may not has to leave it. */
static void drop_name(struct hold_entry *he, enum hold_room keep, enum hold_room room,
                      const char *name)
{
	struct hold *h = he->hold;
	struct fault unused = FAULT_INIT;
	if (file_sync(h->rooms[keep], room_names[keep], &unused))
		file_unlink(h->rooms[room], name, &unused);
}

/* Whoever moved it held the lock, so they are not about to finish it themselves. From
 * tmp/ it came into the hold; between hold/ and failed/ it went to where its
 * state belongs, which is written first. False: it is gone from he->room. */
static bool finish_move(struct hold_entry *he)
{
	struct hold *h = he->hold;
	struct fault unused = FAULT_INIT;
	const char *id = he->entry.id;
	bool waits = envelope_count(&he->entry.envelope, RCPT_WAITING) > 0, there = false;
	enum hold_room keep = waits ? HOLD_QUEUE : HOLD_FAILED;
	enum hold_room old = waits ? HOLD_FAILED : HOLD_QUEUE;
	if (still_there(he, keep, id, &there, &unused) && there &&
	    still_there(he, old, id, &there, &unused) && there) {
		drop_name(he, keep, old, id);
		if (he->room == old)
			return false;
	}
	hold_id *ids;
	size_t count;
	if (hold_list(h, HOLD_TMP, &ids, &count, &unused)) {
		for (size_t i = 0; i < count; i++)
			if (still_there(he, HOLD_TMP, ids[i], &there, &unused) && there)
				drop_name(he, he->room, HOLD_TMP, ids[i]);
		free(ids);
	}
	struct stat st;
	he->linked = file_stat(he->fd, id, &st, &unused) && st.st_nlink > 1;
	return true;
}

/* For those who look around. Where it cannot be said the mail is sent all the same. */
static void say_working(struct hold *h)
{
	struct fault unused = FAULT_INIT;
	int state = h->rooms[HOLD_STATE];
	bool locked = false;
	if (h->unsaid == 0)
		return;
	h->unsaid--;
	if (h->working < 0 &&
	    !file_open_or_create(state, working_name, 0660, &h->working, &unused))
		return;
	if (file_try_share(h->working, working_name, &locked, &unused) && locked)
		h->unsaid = 0;
}

void hold_look_around(struct hold *h)
{
	struct fault unused = FAULT_INIT;
	bool locked = false;
	h->quiet = false;
	int fd;
	/* Who may not open it cannot tell; and where it is missing nobody could say so. */
	if (h->view == HOLD_COUNTED || h->rooms[HOLD_STATE] < 0 ||
	    !file_open_update(h->rooms[HOLD_STATE], working_name, &fd, NULL, &unused))
		return;
	h->quiet = file_try_lock(fd, working_name, &locked, &unused) && locked;
	close(fd);
}

enum hold_claim hold_claim(struct hold *h, enum hold_room room, const char *id,
                           struct hold_entry *he, struct fault *f)
{
	bool locked = false, there = false;
	say_working(h);
	enum hold_claim result = open_entry(h, room, id, false, he, f);
	if (result != CLAIM_OK)
		return result;
	bool ok = file_try_lock(he->fd, id, &locked, f) &&
	          (!locked || still_there(he, room, id, &there, f));
	if (ok && there) {
		result = read_claimed(he, id, true, f);
		if (result != CLAIM_OK || !he->linked || finish_move(he))
			return result;
		there = false;
	}
	hold_release(he);
	return !ok ? CLAIM_ERROR : locked ? CLAIM_GONE : CLAIM_BUSY;
}

enum hold_claim hold_claim_soon(struct hold *h, enum hold_room room, const char *id,
                                struct hold_entry *he, struct fault *f)
{
	enum hold_claim result;
	for (int tries = 0;; tries++) {
		result = hold_claim(h, room, id, he, f);
		if (result != CLAIM_BUSY || tries == CLAIM_TRIES)
			return result;
		clock_pause_ms(CLAIM_PAUSE_MS);
	}
}

enum hold_claim hold_look(struct hold *h, enum hold_room room, const char *id,
                          struct hold_entry *he, struct fault *f)
{
	enum hold_claim result = open_entry(h, room, id, true, he, f);
	if (result != CLAIM_OK)
		return result;
	bool asks = h->view != HOLD_COUNTED && !h->quiet;
	if (asks && !file_lock_seen(he->fd, id, &he->busy, f)) {
		hold_release(he);
		return CLAIM_ERROR;
	}
	return read_claimed(he, id, false, f);
}

bool hold_peek(struct hold *h, enum hold_room room, const char *id, struct hold_entry *he,
               struct entry_start *start)
{
	struct fault f = FAULT_INIT;
	if (open_entry(h, room, id, true, he, &f) != CLAIM_OK)
		return false;
	if (entry_read_head(he->fd, &he->entry, start, &f) && strcmp(he->entry.id, id) == 0)
		return true;
	hold_release(he);
	return false;
}

bool hold_peek_rest(struct hold_entry *he, const struct entry_start *start)
{
	struct fault unused = FAULT_INIT;
	return see(he, he->entry.id, &unused) &&
	       entry_read_rest(he->fd, &he->entry, start, &unused);
}

static bool sync_marks(struct hold_entry *he, struct fault *f)
{
	he->unsynced = false;
	return file_sync_data(he->fd, he->entry.id, f);
}

void hold_release(struct hold_entry *he)
{
	struct fault unused = FAULT_INIT;
	/* If that fails it is as if no mark was made: after a crash it may be sent again. */
	if (he->unsynced)
		(void)!sync_marks(he, &unused);
	if (he->fd >= 0)
		close(he->fd);
	he->fd = -1;
	entry_release(&he->entry);
}

bool hold_verify(struct hold_entry *he, struct fault *f)
{
	he->sound = he->sound || entry_verify(he->fd, &he->entry, f);
	if (!he->sound && f->kind == FAULT_DATA)
		to_corrupt(he, he->entry.id, f);
	return he->sound;
}

bool hold_each(struct hold_entry *he, entry_sink *sink, void *context, struct fault *f)
{
	if (he->sound)
		return entry_each(he->fd, &he->entry, sink, context, f);
	he->sound = entry_each_sound(he->fd, &he->entry, sink, context, f);
	return he->sound;
}

bool hold_mark(struct hold_entry *he, const size_t *rcpts, size_t count, bool sync,
               struct fault *f)
{
	for (size_t i = 0; i < count; i++)
		if (!entry_mark_rcpt(he->fd, &he->entry, rcpts[i], f))
			return false;
	return !sync || sync_marks(he, f);
}

bool hold_mark_over(struct hold_entry *he, const size_t *rcpts, size_t count, struct fault *f)
{
	he->unsynced = true;
	return hold_mark(he, rcpts, count, false, f);
}

void hold_settle(struct hold *h)
{
	struct fault unused = FAULT_INIT;
	if (h->unsettled)
		(void)!file_sync(h->rooms[HOLD_QUEUE], room_names[HOLD_QUEUE], &unused);
	h->unsettled = false;
}

bool hold_mark_head(struct hold_entry *he, struct fault *f)
{
	return entry_mark_head(he->fd, &he->entry, f);
}

bool hold_is_over(const struct hold_entry *he)
{
	const struct envelope *v = &he->entry.envelope;
	return envelope_count(v, RCPT_DELIVERED) == v->rcpt_count;
}

static bool end_all(struct hold_entry *he, struct fault *f)
{
	struct envelope *v = &he->entry.envelope;
	for (size_t i = 0; i < v->rcpt_count; i++) {
		v->rcpts[i].state = RCPT_DELIVERED;
		if (!hold_mark(he, &i, 1, i + 1 == v->rcpt_count, f))
			return false;
	}
	return true;
}

bool hold_remove(struct hold_entry *he, struct fault *f)
{
	bool unsynced = he->unsynced;
	he->unsynced = false;
	if (file_unlink(he->hold->rooms[he->room], he->entry.id, f)) {
		he->hold->unsettled = he->hold->unsettled || unsynced;
		return true;
	}
	he->unsynced = unsynced;
	return he->hold->shared && f->kind == FAULT_NOPERM && end_all(he, f);
}

bool hold_move(struct hold_entry *he, enum hold_room to, struct fault *f)
{
	struct hold *h = he->hold;
	if (!file_sync(he->fd, he->entry.id, f) ||
	    !file_publish(h->rooms[he->room], he->entry.id, h->rooms[to], he->entry.id, f))
		return false;
	he->room = to;
	return file_sync(h->rooms[to], room_names[to], f);
}

static int id_order(const void *a, const void *b)
{
	return memcmp(a, b, ENTRY_ID_LEN);
}

bool hold_list(const struct hold *h, enum hold_room room, hold_id **ids, size_t *count,
               struct fault *f)
{
	size_t cap = 0;
	*ids = NULL;
	*count = 0;
	if (h->rooms[room] < 0)
		return true;
	DIR *dir;
	if (!file_open_list(h->rooms[room], ".", &dir, f))
		return fault_prefix(f, "%s/%s", h->path, room_names[room]);
	for (struct dirent *d; errno = 0, (d = readdir(dir));) {
		if (!entry_is_id(d->d_name))
			continue;
		*ids = mem_grow(*ids, &cap, *count + 1, sizeof(**ids));
		memcpy((*ids)[*count], d->d_name, ENTRY_ID_LEN + 1);
		++*count;
	}
	int sys = errno;
	closedir(dir);
	if (sys) {
		free(*ids);
		*ids = NULL;
		*count = 0;
		return fault_sys(f, FAULT_IO, sys, "%s/%s", h->path, room_names[room]);
	}
	if (*count > 1)
		qsort(*ids, *count, sizeof(**ids), id_order);
	return true;
}
