/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * crc_fold - text/crc at the speed of memory, for whole messages
 *
 * It takes a processor that multiplies without carry; with others it is crc_add. A module
 * of its own, for post is to be short and links text/crc alone.
 */
#ifndef TEXT_CRC_FOLD_H
#define TEXT_CRC_FOLD_H

#include <stddef.h>
#include <stdint.h>

/* As crc_add. */
uint32_t crc_fold(uint32_t crc, const void *bytes, size_t len);

#endif
