/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * crc - the CRC-32 of ISO 3309, as gzip has it
 */
#ifndef TEXT_CRC_H
#define TEXT_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Of len bytes, continued from crc; start with 0. */
uint32_t crc_add(uint32_t crc, const void *bytes, size_t len);

#endif
