/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any text: only known bits are set, and case changes nothing. */
#include <stdint.h>
#include <stdlib.h>

#include "text/buf.h"
#include "smtp/ehlo.h"

static void check(bool fine)
{
	if (!fine)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size);
	struct ehlo e;
	ehlo_parse(&e, text);
	check((e.mechanisms & ~((1u << SASL_MECHANISMS) - 1)) == 0);
	check(e.mechanisms == 0 || e.auth);
	check(e.size_max == 0 || e.size);
	struct buf folded;
	buf_init(&folded, size + 1);
	for (size_t i = 0; i < text.len; i++)
		check(buf_add_char(&folded, ascii_lower(text.at[i])));
	struct ehlo lower;
	ehlo_parse(&lower, buf_str(&folded));
	check(e.mechanisms == lower.mechanisms && e.size_max == lower.size_max);
	check(e.starttls == lower.starttls && e.pipelining == lower.pipelining &&
	      e.chunking == lower.chunking && e.auth == lower.auth);
	buf_release(&folded);
	return 0;
}
