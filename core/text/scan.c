/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text/scan.h"

#include <stdint.h>
#include <string.h>

/* A block is as wide as every processor of the kind can take. copy_block copies one whole
 * and returns how many of its bytes, from the first on, are plain; their bits are added to
 * seen. */
#ifdef __SSE2__
#include <emmintrin.h>

typedef __m128i block;

static size_t copy_block(char *to, const char *from, block *seen)
{
	const __m128i last = _mm_set1_epi8(SCAN_LAST);
	__m128i b = _mm_loadu_si128((const void *)from);
	_mm_storeu_si128((void *)to, b);
	/* What is not above it becomes 0. */
	unsigned low = (unsigned)_mm_movemask_epi8(
	    _mm_cmpeq_epi8(_mm_subs_epu8(b, last), _mm_setzero_si128()));
	if (low == 0) {
		*seen = _mm_or_si128(*seen, b);
		return sizeof(b);
	}
	size_t len = (size_t)__builtin_ctz(low);
	unsigned high = (unsigned)_mm_movemask_epi8(b) & ((1U << len) - 1);
	*seen = _mm_or_si128(*seen, _mm_set1_epi8((char)(high ? -1 : 0)));
	return len;
}

static bool has_high(block seen)
{
	return _mm_movemask_epi8(seen) != 0;
}

#else

#define EACH (~(uint64_t)0 / 255) /* a 1 in each byte */

typedef uint64_t block;

static size_t copy_block(char *to, const char *from, block *seen)
{
	uint64_t b;
	memcpy(&b, from, sizeof(b));
	memcpy(to, &b, sizeof(b));
	/* The first that is not above it borrows from its highest bit. */
	if (((b - EACH * (SCAN_LAST + 1)) & ~b & EACH * 128) == 0) {
		*seen |= b;
		return sizeof(b);
	}
	size_t len = 0;
	for (; (unsigned char)from[len] > SCAN_LAST; len++)
		*seen |= (unsigned char)from[len];
	return len;
}

static bool has_high(block seen)
{
	return seen & EACH * 128;
}

#endif

size_t scan_copy(char *to, const char *from, size_t len, bool *has_8bit)
{
	size_t at = 0, n = sizeof(block);
	block seen = {0};
	while (n == sizeof(block) && len - at >= sizeof(block)) {
		n = copy_block(to + at, from + at, &seen);
		at += n;
	}
	bool high = has_high(seen);
	for (; n == sizeof(block) && at < len && (unsigned char)from[at] > SCAN_LAST; at++) {
		to[at] = from[at];
		high = high || (unsigned char)from[at] > 127;
	}
	*has_8bit = *has_8bit || high;
	return at;
}
