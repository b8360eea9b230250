/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * kept - what is kept of a login between two uses: the file of a relay, and its times
 *
 * A text file of lines "NAME VALUE", the first "postern-login 1", the last "end 1". What is
 * read of another relay, provider, client or user is as if it were not there. The tokens are
 * of the characters of RFC 6749 appendix A, so no value has a line end in it.
 *
 * Times are seconds since 1970. A token is used from when it was got until a minute before
 * it expires: when the clock was set back to before it was got, nothing is known of it.
 */
#ifndef OAUTH_KEPT_H
#define OAUTH_KEPT_H

#include <stdint.h>

#include "text/buf.h"

#define KEPT_MAX       65536 /* bytes of a file */
#define KEPT_TOKEN_MAX 16384
#define KEPT_SPARE     60   /* seconds before it expires that a token is no longer used */
#define KEPT_LATER_MAX 3600 /* the longest that a provider keeps us from asking */
#define KEPT_EARLY_MIN 3600 /* a token that was refused is renewed once in so many */

enum kept_text {
	KEPT_RELAY,
	KEPT_PROVIDER,
	KEPT_CLIENT,
	KEPT_USER,
	KEPT_IDENTITY,
	KEPT_REFRESH = KEPT_IDENTITY,
	KEPT_ACCESS,
	KEPT_TEXTS
};
enum kept_time {
	KEPT_GOT,     /* the access token */
	KEPT_EXPIRES, /* the access token */
	KEPT_REFUSED, /* the login was refused then, and only a person can log in again */
	KEPT_LATER,   /* the provider is not asked before */
	KEPT_EARLY,   /* a token was renewed that was good by its time */
	KEPT_TOLD,    /* the administrator knows that it was refused */
	KEPT_TIMES
};

struct kept {
	char *texts[KEPT_TEXTS];   /* or NULL */
	int64_t times[KEPT_TIMES]; /* or 0 */
};

/* One line of text that has all that is allowed in a token. */
bool kept_is_token(struct str text);
/* Only what a bearer's token may have: no blank (RFC 6750 section 2.1). */
bool kept_is_access(struct str text);

/* k is empty then, but for its identity: the first KEPT_IDENTITY texts, copied. */
void kept_init(struct kept *k, const char *const identity[KEPT_IDENTITY]);
/* Fills the rest from a file, if that is of the same identity; false if it is damaged. */
bool kept_read(struct kept *k, struct str file);
/* out has to have its memory already, so that no copy stays behind. */
bool kept_write(const struct kept *k, struct buf *out) __attribute__((warn_unused_result));
/* What stands before an answer that has not become a login yet: a file without tokens, and
 * when the provider was asked. */
bool kept_write_head(const struct kept *k, int64_t when, struct buf *out)
    __attribute__((warn_unused_result));
/* Takes it off; false: there is none, or it is of another identity. */
bool kept_read_head(const struct kept *k, struct str *file, int64_t *when);
/* Copies; the one that was there is wiped. NULL: none. */
void kept_set(struct kept *k, enum kept_text which, const char *text);
void kept_release(struct kept *k); /* wipes */

/* Is there an access token for now? */
bool kept_good(const struct kept *k, int64_t now);
/* A new one, for so many seconds as the provider says (RFC 6749 section 5.1), or 0 if it
 * does not; what was refused or put off is over. */
void kept_renew(struct kept *k, const char *access, int64_t seconds, int64_t now);
/* The provider is left alone for so many seconds, 0: it did not say how many. */
void kept_put_off(struct kept *k, int64_t seconds, int64_t now);
/* A token was refused that is good by its time: may it be renewed before? */
bool kept_early(const struct kept *k, int64_t now);
/* Is it to be left alone now? */
bool kept_waits(const struct kept *k, int64_t now);

#endif
