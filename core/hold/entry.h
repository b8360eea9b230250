/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * entry - one held message: an envelope and a message in one file
 *
 * Text, in three parts. The state: a head of sixteen lines of 32 bytes, then a
 * slot of 256 bytes a recipient; only these are ever overwritten, in place,
 * and none crosses a 512-byte sector, so that a full disk or a torn write
 * cannot spoil a mark. The envelope: a line a fact, ended by an empty line.
 * The message in its final form, and behind it a trailer of ENTRY_TRAILER
 * bytes with the length and CRC-32 of the last two parts.
 *
 * What is read is checked: an entry is a file that others may have touched.
 * A malformed one is FAULT_DATA.
 */
#ifndef HOLD_ENTRY_H
#define HOLD_ENTRY_H

#include <stdint.h>
#include <sys/types.h>

#include "text/buf.h"
#include "text/fault.h"
#include "mail/envelope.h"
#include "mail/message.h"
#include "hold/layout.h"

struct entry {
	char id[ENTRY_ID_LEN + 1];
	int64_t created; /* seconds since 1970, as all times here */
	uid_t uid;       /* who handed it in */
	struct message_facts facts;
	int64_t attempts; /* tries that reached a verdict or a failure */
	int64_t next_try; /* not before then */
	int64_t tried;    /* the last try, 0: none */
	int64_t uptime;   /* of the machine at the last try */
	int64_t overdue;  /* uptime at the first failed try past the expiry; 0: none yet */
	bool frozen;
	bool warned;                      /* the sender was told that it is late */
	char report_of[ENTRY_ID_LEN + 1]; /* the entry that this is a report on, or "" */
	struct envelope envelope;
	int64_t message_at; /* where part 3 begins */
	char name[32];      /* for texts */
};

void entry_init(struct entry *e);
void entry_release(struct entry *e);

/* Is text an id: 12 upper-case hexadecimal digits? */
bool entry_is_id(const char *text);

/* Writing. The envelope must be complete; begin writes parts 1 and 2. */
struct entry_writer {
	int fd;
	struct entry *entry;
	uint32_t crc;
	uint64_t length;  /* of parts 2 and 3 so far */
	uint64_t message; /* of part 3 so far */
	uint64_t hurried; /* of these, on their way to the disk */
};

bool entry_write_begin(struct entry_writer *w, int fd, struct entry *e, struct fault *f)
    __attribute__((warn_unused_result));
bool entry_write_message(struct entry_writer *w, struct str bytes, struct fault *f)
    __attribute__((warn_unused_result));
/* Writes the trailer, then the head again with the facts (e->facts). No sync. */
bool entry_write_end(struct entry_writer *w, struct fault *f)
    __attribute__((warn_unused_result));

/* How a file begins: of most entries all that is looked at, so that it comes by one read. */
struct entry_start {
	char bytes[2048]; /* of an entry with five recipients, all */
	size_t len;
	size_t rcpts; /* private: what the head says of the rest */
	int64_t envelope_len;
};

/* Reads the head alone, without the envelope; then, if that is wanted, the rest of parts 1
 * and 2. e must be fresh (entry_init). */
bool entry_read_head(int fd, struct entry *e, struct entry_start *start, struct fault *f)
    __attribute__((warn_unused_result));
bool entry_read_rest(int fd, struct entry *e, const struct entry_start *start, struct fault *f)
    __attribute__((warn_unused_result));
/* Both. */
bool entry_read(int fd, struct entry *e, struct fault *f) __attribute__((warn_unused_result));
/* The head's uid alone, for those who must know whose it is before they lock it;
 * false if the head does not say. */
bool entry_peek_uid(int fd, uid_t *uid) __attribute__((warn_unused_result));
/* Length and CRC of the whole file. */
bool entry_verify(int fd, const struct entry *e, struct fault *f)
    __attribute__((warn_unused_result));
#define ENTRY_PIECE 65536
/* Gives the whole message to sink, in pieces; false stops and is passed on. */
typedef bool entry_sink(void *context, struct str bytes, struct fault *f);
bool entry_each(int fd, const struct entry *e, entry_sink *sink, void *context, struct fault *f)
    __attribute__((warn_unused_result));
/* The same in one pass with the check of length and CRC, which are of the whole file: the
 * last piece, at most ENTRY_PIECE bytes, is given only once they were found right. Else
 * false with FAULT_DATA: whatever was given of it must come to nothing. */
bool entry_each_sound(int fd, const struct entry *e, entry_sink *sink, void *context,
                      struct fault *f) __attribute__((warn_unused_result));
/* Is it so small that all behind the state comes with one read? */
bool entry_is_small(const struct entry *e);
/* Reads a small one into room, an empty buffer; message is then in it, and checked. */
bool entry_read_small(int fd, const struct entry *e, struct buf *room, struct str *message,
                      struct fault *f) __attribute__((warn_unused_result));
/* Message bytes from at (0: its first); 0 in *got: its end. */
bool entry_read_message(int fd, const struct entry *e, uint64_t at, char *to, size_t len,
                        size_t *got, struct fault *f) __attribute__((warn_unused_result));

/* Adds the raw value of the message's first field of that name, folds and all;
 * nothing if there is none in its first 64 KiB. */
void entry_field(int fd, const struct entry *e, const char *name, struct buf *out);

/* Overwrites the head, or the slot of recipient i, in place. No sync. */
bool entry_mark_head(int fd, const struct entry *e, struct fault *f)
    __attribute__((warn_unused_result));
bool entry_mark_rcpt(int fd, const struct entry *e, size_t i, struct fault *f)
    __attribute__((warn_unused_result));

#endif
