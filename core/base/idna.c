/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/idna.h"

#include <gnutls/gnutls.h>
#include <stdlib.h>

#include "base/codec.h"

bool idna_mailbox(struct buf *out, struct str mailbox, struct fault *f)
{
	size_t at = str_rfind(mailbox, '@');
	struct str domain = at == STR_NONE ? str_of("") : str_from(mailbox, at + 1);
	gnutls_datum_t mapped = {NULL, 0};
	if (codec_is_ascii(domain))
		return buf_add_str(out, mailbox) ||
		       fault_set(f, FAULT_DATA, "the address is too long");
	int rc = gnutls_idna_map(domain.at, (unsigned)domain.len, &mapped, 0);
	if (rc < 0)
		return fault_set(f, FAULT_DATA, "the domain %.*s is no valid name: %s",
		                 STR_FMT(domain), gnutls_strerror(rc));
	bool ok = buf_add_str(out, str_first(mailbox, at + 1)) &&
	          buf_add(out, (const char *)mapped.data, mapped.size);
	gnutls_free(mapped.data);
	return ok || fault_set(f, FAULT_DATA, "the address is too long");
}
