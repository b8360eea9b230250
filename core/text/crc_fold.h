/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TEXT_CRC_FOLD_H
#define TEXT_CRC_FOLD_H

#include <stddef.h>
#include <stdint.h>

/* crc_add at the speed of memory, where the processor multiplies without carry; for whole
 * messages. Not in text/crc, for post is to be short. */
uint32_t crc_fold(uint32_t crc, const void *bytes, size_t len);

#endif
