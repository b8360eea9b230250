/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * eyeballs - the first of many addresses to which a connection can be made
 *
 * Happy eyeballs (RFC 8305 section 5): one attempt is started after the other,
 * 250 ms apart, or at once when none is under way any more; the first that is
 * made wins, the others are closed. Used by net/dial only.
 */
#ifndef NET_EYEBALLS_H
#define NET_EYEBALLS_H

#include <stdint.h>
#include <sys/socket.h>

#include "text/buf.h"
#include "text/fault.h"

#define EYEBALLS_STAGGER_MS 250
#define EYEBALLS_OPEN_MAX   32 /* attempts under way at once */

struct eyeballs {
	const struct sockaddr_storage *at; /* with ports */
	size_t count;
	const struct sockaddr_storage *source; /* or NULL; of the same family as all of at */
	int64_t deadline;
};

/* The socket and the index of its address. On failure *index is the address
 * that the fault is about; the text is only the reason. An unreachable network
 * or family is reported only if nothing else went wrong. */
bool eyeballs_run(const struct eyeballs *r, int *fd, size_t *index, struct fault *f)
    __attribute__((warn_unused_result));

#endif
