/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What costs a library that takes longer to load than a message to be taken: it is
 * apart, for the programs that have it anyway.
 */
#include "text/idna.h"

#include <gnutls/gnutls.h>

#include "text/codec.h"

#define DOMAIN_MAX 253

/* The library maps as UTS 46 has it, and leaves out what it cannot: "ba_nk" with a wide
 * low line becomes "bank", which is somebody else. Letters may change their case,
 * and no more than that: each character must be there again, and none of other
 * scripts may have become ASCII. */
static bool is_same_name(struct str given, struct str back)
{
	while (given.len > 0 && back.len > 0) {
		size_t g = codec_utf8_len(given), b = codec_utf8_len(back);
		if (g == 0 || b == 0 || (g == 1) != (b == 1) ||
		    (g == 1 && ascii_lower(given.at[0]) != ascii_lower(back.at[0])))
			return false;
		given = str_from(given, g);
		back = str_from(back, b);
	}
	return given.len == 0 && back.len == 0;
}

/* IDNA 2008, without the fallback to what an older version made of a name. */
enum idna_mapped idna_by_library(struct buf *out, struct str domain, struct fault *f)
{
	gnutls_datum_t mapped = {NULL, 0}, back = {NULL, 0};
	(void)f;
	if (domain.len > 4 * DOMAIN_MAX || gnutls_idna_map(domain.at, (unsigned)domain.len,
	                                                   &mapped, GNUTLS_IDNA_FORCE_2008) < 0)
		return IDNA_NO_NAME;
	struct str ascii = str_make((const char *)mapped.data, mapped.size);
	bool ok = ascii.len > 0 && ascii.len <= DOMAIN_MAX && codec_is_ascii(ascii) &&
	          gnutls_idna_reverse_map(ascii.at, (unsigned)ascii.len, &back, 0) >= 0 &&
	          is_same_name(domain, str_make((const char *)back.data, back.size)) &&
	          buf_add_str(out, ascii);
	gnutls_free(mapped.data);
	gnutls_free(back.data);
	return ok ? IDNA_MAPPED : IDNA_NO_NAME;
}
