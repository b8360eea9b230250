/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smtp/sasl_cram.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

bool cram_digest(struct str password, struct str challenge, unsigned char to[CRAM_DIGEST_LEN])
{
	return gnutls_hmac_fast(GNUTLS_MAC_MD5, password.at, password.len, challenge.at,
	                        challenge.len, to) == 0;
}
