/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http - one request over HTTPS, by libcurl
 *
 * Nothing but https, TLS 1.2 or newer, a certificate that is checked; no redirect is
 * followed, no environment, .netrc or cookie is read. An answer has HTTP_MAX bytes at most
 * and comes by the deadline. Faults are FAULT_TEMP and name the host; what was sent is in
 * no text.
 *
 * An answer that may not be lost is written to a file, and synced, each piece as it comes.
 * That the file cannot be written is no fault: the answer is there all the same.
 */
#ifndef CMD_TOKEN_HTTP_H
#define CMD_TOKEN_HTTP_H

#include <stdint.h>

#include "text/buf.h"
#include "text/fault.h"

#define HTTP_MAX 65536

struct http {
	const char *trust; /* a file of CAs; "" is the system's */
	const char *proxy; /* HOST:PORT, SOCKS5, which looks the name up; "" none */
	int64_t deadline;  /* monotonic ms */
	int record;        /* descriptor: an answer with status 200 is written there; -1 none */
	int64_t record_at; /* from this byte on */
};

struct http_answer {
	long status;
	int64_t later; /* Retry-After in seconds, or 0 */
	bool lost;     /* with a fault: the request went out, and no whole answer came back */
	struct buf body;
};

/* form NULL: GET; else POST. login: the value of Authorization, or NULL. *a is to be
 * released if the result is true. */
bool http_ask(const struct http *h, const char *url, const struct buf *form, const char *login,
              struct http_answer *a, struct fault *f);
void http_release(struct http_answer *a); /* wipes */

#endif
