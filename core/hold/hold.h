/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hold - the directory of held messages
 *
 *   tmp/      being written
 *   hold/     to be sent: a file here is a complete, durable entry
 *   failed/   refused for good or expired, kept for people
 *   corrupt/  damaged, never touched again
 *   state/    dead relays, TLS tickets, counters, the clock, who works: may be lost;
 *             tokens (cmd/token/store)
 *
 * A message is published by: exclusive create in tmp/, lock, write, fsync,
 * rename without replacing into hold/, fsync of hold/. Only after the last is
 * it taken over. Whoever works on an entry holds an exclusive lock on its
 * file. What a crash leaves:
 *
 *   before the rename        a file in tmp/, swept when a day and a half old
 *   after it                 a complete entry, waiting: it is sent
 *   between the dot and the  an entry, waiting: sent again, the one duplicate
 *   mark                     that cannot be avoided; as many as were under way
 *   after the mark           an entry without waiting recipients: removed
 */
#ifndef HOLD_HOLD_H
#define HOLD_HOLD_H

#include <stdint.h>

#include "text/buf.h"
#include "text/fault.h"
#include "hold/entry.h"

enum hold_room { HOLD_TMP, HOLD_QUEUE, HOLD_FAILED, HOLD_CORRUPT, HOLD_STATE, HOLD_ROOMS };

/* Which entries a process may see. What it may not see it never
 * locks, not for a moment: a user can stop the process that works for them,
 * which would keep the others' mail where it is. */
enum hold_view {
	HOLD_ALL,
	HOLD_OWN,    /* those of one user */
	HOLD_COUNTED /* all, to count them: nothing is locked, and nobody seems busy */
};

const char *hold_room_name(enum hold_room room);

struct hold {
	char *path;
	int rooms[HOLD_ROOMS]; /* directory descriptors; -1: missing, where that may be */
	bool looks;            /* nothing is made or changed */
	bool shared;           /* of many users: the system's */
	uid_t owner;           /* of the rooms; only if it is shared */
	enum hold_view view;
	bool quiet;     /* only looked at: nobody works on any entry (hold_look_around) */
	bool unsettled; /* names are gone, and not durably yet (hold_settle) */
	int working;    /* descriptor that says that we do, or -1 */
	int unsaid;     /* claims left at which that is tried to be said */
	uid_t user;     /* who works on it: of HOLD_OWN, and for the log */
};

/* Opens a user's own hold, made first if it is missing (mode 0700, and its rooms). */
bool hold_open(const char *path, struct hold *h, struct fault *f)
    __attribute__((warn_unused_result));
/* The same only for hold_list and hold_look: what is missing is empty. */
bool hold_open_to_look(const char *path, struct hold *h, struct fault *f)
    __attribute__((warn_unused_result));
/* Opens the system's hold, which an installation makes, never a program: its
 * rooms belong to one user and group, and their sticky bit keeps users off
 * each other's entries. */
bool hold_open_shared(const char *path, struct hold *h, struct fault *f)
    __attribute__((warn_unused_result));
void hold_close(struct hold *h);

/* Does this process work on a shared hold as another user than the owner of its rooms? What
 * it finds out is then kept apart in state/: that user can stop it, or make it fail. */
bool hold_is_guest(const struct hold *h);
/* A number made of this machine's name: of machines that share a hold each remembers apart
 * in state/ what depends on its network or its uptime. */
uint32_t hold_machine(void);

/* Are min_free bytes (0: no limit) free on the file system of the hold? Else
 * FAULT_TEMP. The hold itself need not be open to the caller. */
bool hold_has_space(const char *path, uint64_t min_free, struct fault *f)
    __attribute__((warn_unused_result));

/* One message on its way in. */
struct hold_put {
	struct hold *hold;
	struct entry *entry;
	struct entry_writer writer;
	int fd; /* -1: nothing is open */
	char tmp[ENTRY_ID_LEN + 1];
};

/* Chooses an id, writes the envelope of e; e must live until the end. min_free:
 * bytes that must be free on the file system, else FAULT_TEMP. */
bool hold_put_begin(struct hold_put *p, struct hold *h, struct entry *e, uint64_t min_free,
                    struct fault *f) __attribute__((warn_unused_result));
bool hold_put_message(struct hold_put *p, struct str bytes, struct fault *f)
    __attribute__((warn_unused_result));
/* Makes it durable and visible in room (HOLD_QUEUE or HOLD_FAILED); e->id is
 * final then. On any failure nothing is left, or the text says that it may be. */
bool hold_put_end(struct hold_put *p, enum hold_room room, struct fault *f)
    __attribute__((warn_unused_result));
/* The same for a report on the entry of that id (e->report_of), which gets an
 * id made from that one, so that a report cut short by a crash is not made
 * twice: *exists says that it is there already, in hold/ or failed/. failed:
 * how many recipients of the entry have failed by now, whether told of or not;
 * it tells the reports on one entry apart. */
bool hold_put_end_report(struct hold_put *p, size_t failed, bool *exists, struct fault *f)
    __attribute__((warn_unused_result));
void hold_put_abort(struct hold_put *p); /* removes what begin made; harmless after end */

/* The ids in a room, oldest first; *ids is freed by the caller. */
typedef char hold_id[ENTRY_ID_LEN + 1];
bool hold_list(const struct hold *h, enum hold_room room, hold_id **ids, size_t *count,
               struct fault *f) __attribute__((warn_unused_result));

enum hold_claim {
	CLAIM_OK,
	CLAIM_BUSY,    /* somebody else works on it */
	CLAIM_GONE,    /* not there (any more) */
	CLAIM_DAMAGED, /* f says why */
	CLAIM_FOREIGN, /* out of our view, or another's and not to be opened by us */
	CLAIM_ERROR    /* cannot tell: f says why */
};

/* An entry that is ours as long as fd is open. */
struct hold_entry {
	struct hold *hold;
	enum hold_room room;
	int fd;
	bool seen; /* the next three and linked are known; else only looked at, in one's own */
	uid_t file_owner;
	dev_t device; /* which file it is */
	ino_t inode;
	bool busy;     /* only looked at: somebody works on it */
	bool sound;    /* its length and checksum were found right */
	bool unsynced; /* its marks are not durable (hold_mark_over) */
	bool linked;   /* the file has a name elsewhere, too (a hard link) */
	struct entry entry;
};

/* Takes an entry to work on; he is to be released if the result is CLAIM_OK, and only
 * then. A move that was cut short, where the system can only link and unlink, is
 * finished: what has two names in the hold keeps the new one, and is GONE under the
 * other. A file with other names that is no entry is none of ours, and GONE. A damaged
 * one is moved to corrupt/ if that may be. */
enum hold_claim hold_claim(struct hold *h, enum hold_room room, const char *id,
                           struct hold_entry *he, struct fault *f)
    __attribute__((warn_unused_result));
/* The same with some patience: somebody who only looks has the lock for a moment. */
enum hold_claim hold_claim_soon(struct hold *h, enum hold_room room, const char *id,
                                struct hold_entry *he, struct fault *f)
    __attribute__((warn_unused_result));
/* Before many are looked at: finds out with one lock whether anybody works on any entry of
 * the hold. If nobody does, hold_look asks of none. */
void hold_look_around(struct hold *h);
/* The same only to look: no lock is kept. Damaged entries are left where they are. */
enum hold_claim hold_look(struct hold *h, enum hold_room room, const char *id,
                          struct hold_entry *he, struct fault *f)
    __attribute__((warn_unused_result));
/* The head alone, without a lock, to choose and to order; he, without an envelope, is to be
 * released. False: it is out of our view, or cannot be read. */
bool hold_peek(struct hold *h, enum hold_room room, const char *id, struct hold_entry *he,
               struct entry_start *start) __attribute__((warn_unused_result));
/* The rest of what was peeked at; false: it cannot be read. */
bool hold_peek_rest(struct hold_entry *he, const struct entry_start *start)
    __attribute__((warn_unused_result));
void hold_release(struct hold_entry *he);

/* Whose entry it is. In a shared hold that is the owner of the file: what is
 * written in it counts only if the owner of the rooms wrote it. */
uid_t hold_uid(const struct hold_entry *he);

/* Whether length and checksum are right; a damaged entry goes to corrupt/. */
bool hold_verify(struct hold_entry *he, struct fault *f) __attribute__((warn_unused_result));
/* Gives the whole message to sink, as entry_each; where it is not known yet whether the entry
 * is sound that is found out meanwhile, and the last piece is given only then. */
bool hold_each(struct hold_entry *he, entry_sink *sink, void *context, struct fault *f)
    __attribute__((warn_unused_result));
/* Writes the verdicts of these recipients into their slots; with sync they are durable
 * then, and what was written before is, too. */
bool hold_mark(struct hold_entry *he, const size_t *rcpts, size_t count, bool sync,
               struct fault *f) __attribute__((warn_unused_result));
/* The same of an entry that is over and is removed next: many of them share one sync. What was
 * removed so is durably gone after hold_settle; of one that is not removed the marks are
 * synced, at the latest when it is released. */
bool hold_mark_over(struct hold_entry *he, const size_t *rcpts, size_t count, struct fault *f)
    __attribute__((warn_unused_result));
/* Nothing to do where nothing was removed since. A sync that fails is as one that was not made:
 * after a crash such an entry may be there again. */
void hold_settle(struct hold *h);
bool hold_mark_head(struct hold_entry *he, struct fault *f) __attribute__((warn_unused_result));
/* In a shared hold somebody may be allowed to work on an entry and not to remove
 * it: then nobody waits in it any more, and the owner of the rooms removes it
 * the next time they find it (a flush, or hold/sweep). */
bool hold_remove(struct hold_entry *he, struct fault *f) __attribute__((warn_unused_result));
/* Is everybody served, and only the file left to be removed? */
bool hold_is_over(const struct hold_entry *he);
/* Between hold/ and failed/, durably. */
bool hold_move(struct hold_entry *he, enum hold_room to, struct fault *f)
    __attribute__((warn_unused_result));

#endif
