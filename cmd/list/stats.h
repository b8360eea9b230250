/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stats - counts over the hold: how much mail waits, how long, and why
 *
 * Reasons are counted by recipient. A reason is a cause, the code, and who gave it:
 * not the words, which differ from message to message; at most STATS_REASONS are
 * told apart, the rest is counted together. Pure.
 */
#ifndef CMD_LIST_STATS_H
#define CMD_LIST_STATS_H

#include <stdint.h>

#include "text/buf.h"
#include "hold/entry.h"

#define STATS_REASONS    256
#define STATS_REASON_MAX 160 /* bytes kept of one */
#define STATS_AGES       6

struct stats_reason {
	char text[STATS_REASON_MAX];
	uint32_t hash; /* private */
	uint64_t recipients;
};

struct stats {
	bool discreet;                         /* set by the caller: no host is named */
	uint64_t held, held_bytes, recipients; /* recipients that wait */
	uint64_t frozen, active, untried;      /* of the held messages */
	uint64_t failed, failed_bytes;
	uint64_t damaged; /* files in corrupt/: counted by the caller */
	uint64_t ages[STATS_AGES];
	int64_t oldest; /* age in seconds of the oldest held message; 0: none */
	char oldest_id[ENTRY_ID_LEN + 1];
	int64_t next_try; /* the earliest of a message that is not frozen; 0: none */
	struct stats_reason *reasons;
	size_t reason_count, reason_cap;
	uint64_t other_recipients; /* with reasons beyond the limit */
};

void stats_init(struct stats *t);
void stats_release(struct stats *t);

/* next: its next try, or that of the server that it waits for. */
void stats_held(struct stats *t, const struct entry *e, bool busy, int64_t next, int64_t now);
void stats_failed(struct stats *t, const struct entry *e);
/* Orders the reasons, the most frequent first. */
void stats_sort(struct stats *t);

/* "under 5m" and so on: the age class i of STATS_AGES. */
const char *stats_age_name(size_t i);
/* "connection refused (smtp.example.org)", "refused for now: 450 4.2.0 (...)". */
void stats_reason_text(char to[STATS_REASON_MAX], const struct verdict *v, bool discreet);

#endif
