/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text/idna.h"

#include "text/codec.h"

static idna_map *map;

void idna_use(idna_map *by)
{
	map = by;
}

bool idna_domain(struct buf *out, struct str domain, struct fault *f)
{
	if (codec_is_ascii(domain))
		return buf_add_str(out, domain) ||
		       fault_set(f, FAULT_DATA, "the domain is too long");
	struct str shown = str_first(domain, 100);
	switch (map ? map(out, domain, f) : IDNA_FAILED) {
	case IDNA_MAPPED:
		return true;
	case IDNA_NO_NAME:
		return fault_set(f, FAULT_DATA,
		                 "the domain %.*s is no name that can be registered (IDNA "
		                 "2008 does not allow it)",
		                 STR_FMT(shown));
	case IDNA_FAILED:
		break;
	}
	if (f->kind == FAULT_NONE)
		fault_set(f, FAULT_SYSTEM, "no converter is set");
	return fault_prefix(f, "the domain %.*s cannot be converted", STR_FMT(shown));
}

bool idna_mailbox(struct buf *out, struct str mailbox, struct fault *f)
{
	size_t before = out->len, at = str_rfind(mailbox, '@');
	if (at == STR_NONE || codec_is_ascii(str_from(mailbox, at)))
		return buf_add_str(out, mailbox) ||
		       fault_set(f, FAULT_DATA, "the address is too long");
	if (!buf_add_str(out, str_first(mailbox, at + 1)))
		return fault_set(f, FAULT_DATA, "the address is too long");
	if (idna_domain(out, str_from(mailbox, at + 1), f))
		return true;
	out->len = before;
	return false;
}
