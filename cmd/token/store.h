/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * store - the file of a login in the hold's state/, and who may renew it
 *
 * login.NAME is replaced as a whole: written under another name, synced, renamed, and the
 * directory synced, so that whatever breaks off leaves the old one or the new one. It is
 * its owner's alone, and not believed if it is anybody else's. lock.NAME, which stays, is
 * locked by whoever is about to renew it: one in all processes.
 *
 * answer.NAME is for the time between a provider's answer, from which on the refresh token
 * that was used may be worth nothing, and the complete login. It has its size and is on disk
 * before the provider is asked, so that no full disk is found out about too late; the answer
 * goes into it as it comes, before anybody looks at it. It is a login without tokens, which
 * says whose it is, then what came, then blanks, which mean nothing in JSON.
 */
#ifndef CMD_TOKEN_STORE_H
#define CMD_TOKEN_STORE_H

#include <stdint.h>

#include "cmd/token/http.h"
#include "oauth/kept.h"
#include "text/fault.h"

#define STORE_ANSWER_MAX (KEPT_MAX + HTTP_MAX) /* bytes of answer.NAME */

struct store {
	int dir; /* borrowed */
	char *name, *fresh, *lock, *answer;
	int locked; /* descriptor, or -1 */
};

bool store_open(struct store *s, int dir, const char *relay, struct fault *f);
/* Fills what k lacks. A file that is missing leaves it so, one that is damaged too. */
bool store_load(const struct store *s, struct kept *k, struct fault *f);
/* Waits for others until the deadline, then loads. A file that was complete when its process
 * was ended before it could rename it is taken: it may have the only refresh token that the
 * provider still knows. */
bool store_lock(struct store *s, struct kept *k, int64_t deadline, struct fault *f);
/* On disk when it is true. Only while it is locked. */
bool store_save(const struct store *s, const struct kept *k, struct fault *f);
bool store_forget(const struct store *s, struct fault *f);

/* Makes answer.NAME, for an answer of at most HTTP_MAX bytes: into *fd, from *at on; *fd is the
 * caller's to close. Only while it is locked. */
bool store_expect(const struct store *s, const struct kept *k, int64_t now, int *fd,
                  int64_t *at, struct fault *f);
/* The answer that is there, if it is to a request for this login, with the blanks behind it,
 * and when that was made. False: none, or f says why it cannot be read. */
bool store_answer(const struct store *s, const struct kept *k, struct buf *out, int64_t *when,
                  struct fault *f);
/* It is in the login, or worth nothing. */
bool store_answered(const struct store *s, struct fault *f);
void store_close(struct store *s);

#endif
