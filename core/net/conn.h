/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conn - one stream to a server, clear at first, then perhaps TLS
 *
 * Every call has an absolute deadline (os/clock, monotonic ms). Reads give
 * what is there; writes end when all is written. End of stream is a result of
 * its own, not an error. TLS never starts while clear bytes are waiting.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include <stdint.h>

#include "text/buf.h"
#include "text/fault.h"
#include "net/tls.h"

#define CONN_LITERAL_MAX 64

struct conn;

/* Takes over a connected, non-blocking socket. */
struct conn *conn_new(int fd);
void conn_free(struct conn *c); /* closes at once; no TLS goodbye */

/* At most len bytes; 0 in *got is the end of the stream. What is there already
 * is given even if the deadline has passed. Time-out and errors are FAULT_RELAY,
 * with errno in f->sys (ETIMEDOUT). */
bool conn_read(struct conn *c, char *to, size_t len, size_t *got, int64_t deadline,
               struct fault *f) __attribute__((warn_unused_result));
/* All of it. The deadline moves on while the server takes bytes: it is stall_ms from the
 * last progress, so that a long message is not cut; but not beyond limit. */
bool conn_write(struct conn *c, struct str bytes, int64_t stall_ms, int64_t limit,
                struct fault *f) __attribute__((warn_unused_result));
/* Clear bytes that have arrived and not been read (0 without waiting). */
size_t conn_pending(struct conn *c);

/* The address literal of our end (RFC 5321 section 4.1.3); false if it has none, as
 * on a UNIX socket. */
bool conn_literal(const struct conn *c, char to[CONN_LITERAL_MAX]);

/* The handshake, verified inside (net/tls). Bytes in clear that wait to be read
 * are FAULT_PROTOCOL; on a connection on which nothing was said yet an SMTP
 * greeting is FAULT_RELAY with a hint at security = starttls. After a failure
 * the connection is good for conn_free only. */
bool conn_start_tls(struct conn *c, struct tls_trust *trust, int64_t deadline, struct fault *f)
    __attribute__((warn_unused_result));
/* NULL before TLS. */
const struct tls_info *conn_tls(const struct conn *c);
/* After conn_start_tls failed: what the server had shown by then, or NULL. */
const struct tls_info *conn_tls_refused(const struct conn *c);
/* After it failed: why, if that is known. */
enum tls_flaw conn_tls_flaw(const struct conn *c);
/* The end of a session that went well: keeps the TLS ticket, sends close_notify. */
void conn_goodbye(struct conn *c, int64_t deadline);

#endif
