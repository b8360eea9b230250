/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tally - counts over the hold: how much mail waits, how long, and why
 *
 * Reasons are counted by recipient. A reason is a cause, the code, and who gave it:
 * not the words, which differ from message to message; at most TALLY_REASONS are
 * told apart, the rest is counted together. Pure.
 */
#ifndef CMD_LIST_STATS_H
#define CMD_LIST_STATS_H

#include <stdint.h>

#include "text/buf.h"
#include "hold/entry.h"

#define TALLY_REASONS    256
#define TALLY_REASON_MAX 160 /* bytes kept of one */
#define TALLY_AGES       6

struct tally_reason {
	char text[TALLY_REASON_MAX];
	uint32_t hash; /* private */
	uint64_t recipients;
};

struct tally {
	bool discreet;                         /* set by the caller: no host is named */
	uint64_t held, held_bytes, recipients; /* recipients that wait */
	uint64_t frozen, active, untried;      /* of the held messages */
	uint64_t failed, failed_bytes;
	uint64_t damaged; /* files in corrupt/: counted by the caller */
	uint64_t ages[TALLY_AGES];
	int64_t oldest; /* age in seconds of the oldest held message; 0: none */
	char oldest_id[ENTRY_ID_LEN + 1];
	int64_t next_try; /* the earliest of a message that is not frozen; 0: none */
	struct tally_reason *reasons;
	size_t reason_count, reason_cap;
	uint64_t other_recipients; /* with reasons beyond the limit */
};

void tally_init(struct tally *t);
void tally_release(struct tally *t);

void tally_held(struct tally *t, const struct entry *e, bool busy, int64_t now);
void tally_failed(struct tally *t, const struct entry *e);
/* Orders the reasons, the most frequent first. */
void tally_sort(struct tally *t);

/* "under 5m" and so on: the age class i of TALLY_AGES. */
const char *tally_age_name(size_t i);
/* "connection refused (smtp.example.org)", "refused for now: 450 4.2.0 (...)". */
void tally_reason_text(char to[TALLY_REASON_MAX], const struct verdict *v, bool discreet);

#endif
