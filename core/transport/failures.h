/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * failures - recipients that were refused while others of the entry still wait
 */
#ifndef TRANSPORT_FAILURES_H
#define TRANSPORT_FAILURES_H

#include "hold/hold.h"

/* How many failed recipients nobody has been told of yet. */
size_t failures_new(const struct envelope *e);

/* Copies the message with those recipients into an entry of its own in failed/,
 * then marks them as told, durably. A crash in between leaves one copy more in
 * failed/, where nothing is sent from. */
bool failures_split(struct hold_entry *he, struct fault *f) __attribute__((warn_unused_result));

#endif
