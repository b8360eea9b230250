/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text/crc.h"

#define LANES 8
#define LONG  512 /* bytes from which tables made for the occasion pay */

/* What a byte does: eight steps, a bit each. */
static uint32_t step(uint32_t c)
{
	for (int bit = 0; bit < 8; bit++)
		c = c & 1 ? c >> 1 ^ 0xEDB88320 : c >> 1;
	return c;
}

uint32_t crc_add(uint32_t crc, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;
	uint32_t t[LANES][256]; /* lane k: what a byte does that k more follow */
	size_t blocks = len >= LONG ? len / LANES : 0;
	for (size_t k = 0; blocks > 0 && k < LANES; k++)
		for (uint32_t n = 0; n < 256; n++)
			t[k][n] = k == 0 ? step(n) : t[k - 1][n] >> 8 ^ t[0][t[k - 1][n] & 255];
	crc = ~crc;
	len -= blocks * LANES;
	for (; blocks > 0; blocks--, at += LANES) {
		crc ^= (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
		       (uint32_t)at[3] << 24;
		crc = t[7][crc & 255] ^ t[6][crc >> 8 & 255] ^ t[5][crc >> 16 & 255] ^
		      t[4][crc >> 24] ^ t[3][at[4]] ^ t[2][at[5]] ^ t[1][at[6]] ^ t[0][at[7]];
	}
	for (; len > 0; len--)
		crc = crc >> 8 ^ step((crc ^ *at++) & 255);
	return ~crc;
}
