/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * provider - who gives tokens: where it is asked, and how we log in there
 *
 * Microsoft and Google are known; any other describes itself (RFC 8414, or OpenID Connect
 * Discovery) and must call itself by the URL that it was asked under.
 */
#ifndef CMD_TOKEN_PROVIDER_H
#define CMD_TOKEN_PROVIDER_H

#include "cmd/token/http.h"
#include "oauth/answer.h"
#include "oauth/order.h"

struct provider {
	const struct order *order; /* borrowed */
	struct http http;
	char *token, *device, *authorize, *revoke; /* URLs, or NULL */
	const char *scope;                         /* of the order, or what does for mail */
	bool basic;    /* our secret goes into a header; else into the form */
	bool answered; /* when it was asked to describe itself, be it with nonsense */
};

bool provider_find(struct provider *p, const struct order *o, int64_t deadline,
                   struct fault *f);
void provider_release(struct provider *p);

struct provider_said {
	long status;   /* 0: no answer came */
	bool good;     /* 200, and no error in it, as some have it */
	int64_t later; /* seconds that it wants to be left alone, or 0 */
	bool lost;     /* it was asked, and its answer did not come whole */
};

/* Sends the form, with who we are added to it. NULL: f says why; else to be freed, whatever
 * the status. */
struct answer *provider_ask(const struct provider *p, const char *url, struct buf *form,
                            struct provider_said *said, struct fault *f);
/* A file with a secret, which others cannot read, or which this container was handed. */
bool provider_secret(const char *path, struct buf *out, struct fault *f);

#endif
