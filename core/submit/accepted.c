/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "submit/accepted.h"

#include <stdio.h>
#include <syslog.h>

#include "os/log.h"
#include "hold/counters.h"

void accepted_note(const struct hold *h, const char *id, uid_t uid, const struct entry *e)
{
	char user[32], count[32], size[32];
	snprintf(user, sizeof(user), "%lld", (long long)uid);
	snprintf(count, sizeof(count), "%zu", e ? e->envelope.rcpt_count : 0);
	snprintf(size, sizeof(size), "%llu", e ? (unsigned long long)e->facts.size : 0);
	const struct log_pair pairs[] = {
	    {"id", str_of(id)},
	    {"uid", str_of(user)},
	    {"from", str_of(e ? e->envelope.sender : "")},
	    {"nrcpt", str_of(e ? count : "")},
	    {"size", str_of(e ? size : "")},
	    {"status", STR("accepted")},
	    {NULL, {NULL, 0}},
	};
	counters_add(h, &(struct counters){.accepted = 1});
	log_event(LOG_INFO, pairs);
}
