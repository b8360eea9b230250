/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * entry_private - what reading and writing an entry share
 */
#ifndef HOLD_ENTRY_PRIVATE_H
#define HOLD_ENTRY_PRIVATE_H

#include "hold/entry.h"

/* e->name, from its id. */
void entry_set_name(struct entry *e);
/* Where the state ends and the envelope begins. */
int64_t entry_slots_end(const struct entry *e);

#endif
