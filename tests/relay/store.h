/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the relay puts what it saw: accepted messages in the maildir DIR (written to DIR/tmp,
 * published in DIR/new), and one JSON object a line in DIR/log.jsonl.
 *
 * Each event is one write, made before the reply that it leads to is sent: a client that has
 * its answer finds the event in the log. Strings are bytes, one character each (Latin-1).
 * Every event has conn (the number of the connection, from 1), ms (since it began) and type.
 * Usable from several threads.
 */
#ifndef RELAY_STORE_H
#define RELAY_STORE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "text.h"

struct store {
	const char *dir;
	bool discard; /* accept messages, keep none of them */
	int log;
	pthread_mutex_t lock;
	unsigned next; /* number for the next message */
};

/* Makes the folders and opens the log, adding to one that is there; ends the program when
 * it cannot. */
void store_open(struct store *store, const char *dir, bool discard);
void store_close(struct store *store);

/* A message that is on its way in. path is in tmp/ until it is kept; then it is in new/. */
struct letter {
	FILE *file;
	struct text path;
};

void letter_begin(struct letter *letter, struct store *store);
void letter_write(struct letter *letter, const void *bytes, size_t len);

/* Publishes it; afterwards path names it, relative to DIR ("new/..."). */
void letter_keep(struct letter *letter, struct store *store);

/* Closes it and removes what was not kept. Any number of times. */
void letter_drop(struct letter *letter, struct store *store);

struct event {
	struct store *store;
	struct text line;
};

void event_begin(struct event *e, struct store *store, unsigned conn, long long ms,
                 const char *type);
void event_bytes(struct event *e, const char *key, const void *bytes, size_t len);
void event_string(struct event *e, const char *key, const char *string);
void event_number(struct event *e, const char *key, long long number);
void event_flag(struct event *e, const char *key, bool value);

/* Adds JSON that the caller has made. */
void event_raw(struct event *e, const char *key, const char *json);
void event_end(struct event *e);

#endif
