/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TEXT_CRC_H
#define TEXT_CRC_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32 (ISO 3309, as gzip) of len bytes, continued from crc; start with 0. */
uint32_t crc_add(uint32_t crc, const void *bytes, size_t len);

#endif
