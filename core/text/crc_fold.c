/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text/crc_fold.h"

#include <stdbool.h>

#include "text/crc.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#ifdef __has_include
#if __has_include(<sys/platform/x86.h>)
#include <sys/platform/x86.h>
#endif
#endif

#define BLOCK   16
#define STREAMS 4 /* multiplications under way at once */
#define FOLDING __attribute__((target("pclmul,sse2")))

/* What 16 bytes do to those that stand some way behind them, added to those. */
FOLDING static __m128i fold(__m128i x, __m128i way, __m128i to)
{
	return _mm_xor_si128(_mm_xor_si128(_mm_clmulepi64_si128(x, way, 0x00),
	                                   _mm_clmulepi64_si128(x, way, 0x11)),
	                     to);
}

FOLDING static __m128i block_at(const unsigned char *at)
{
	return _mm_loadu_si128((const void *)at);
}

/* Carry-less multiplication: Gopal and others, "Fast CRC Computation for Generic Polynomials
 * Using PCLMULQDQ", Intel 2009. Multiplied by x to the power of a distance, modulo the
 * polynomial, a block can be taken away and added that far behind; the last one is left
 * to crc_add. The numbers are those powers, for a distance of four blocks and of one. */
FOLDING static uint32_t by_folding(uint32_t crc, const unsigned char *at, size_t len)
{
	const __m128i four = _mm_set_epi64x(0x01C6E41596, 0x0154442BD4);
	const __m128i one = _mm_set_epi64x(0x00CCAA009E, 0x01751997D0);
	__m128i x[STREAMS];
	unsigned char last[BLOCK];
	for (int i = 0; i < STREAMS; i++)
		x[i] = block_at(at + i * BLOCK);
	x[0] = _mm_xor_si128(x[0], _mm_cvtsi32_si128((int)~crc));
	at += STREAMS * BLOCK;
	len -= STREAMS * BLOCK;
	for (; len >= STREAMS * BLOCK; len -= STREAMS * BLOCK, at += STREAMS * BLOCK)
		for (int i = 0; i < STREAMS; i++)
			x[i] = fold(x[i], four, block_at(at + i * BLOCK));
	for (int i = 1; i < STREAMS; i++)
		x[i] = fold(x[i - 1], one, x[i]);
	for (; len >= BLOCK; len -= BLOCK, at += BLOCK)
		x[STREAMS - 1] = fold(x[STREAMS - 1], one, block_at(at));
	_mm_storeu_si128((void *)last, x[STREAMS - 1]);
	/* The register is the CRC with all bits turned round. */
	return crc_add(crc_add(~0U, last, BLOCK), at, len);
}

/* glibc has asked the processor already. The compiler's own way asks once more, at the start
 * of every program that it is in; to a virtual machine each question is a way out and back. */
static bool can_fold(void)
{
#ifdef CPU_FEATURE_ACTIVE
	return CPU_FEATURE_ACTIVE(PCLMULQDQ);
#else
	return __builtin_cpu_supports("pclmul");
#endif
}

uint32_t crc_fold(uint32_t crc, const void *bytes, size_t len)
{
	return len >= STREAMS * BLOCK && can_fold() ? by_folding(crc, bytes, len)
	                                            : crc_add(crc, bytes, len);
}

#else

uint32_t crc_fold(uint32_t crc, const void *bytes, size_t len)
{
	return crc_add(crc, bytes, len);
}

#endif
