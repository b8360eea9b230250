/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any list: what is taken from it is sound, and stays itself when read again. */
#include <stdint.h>
#include <stdlib.h>

#include "text/buf.h"
#include "text/codec.h"
#include "text/fault.h"
#include "mail/addr.h"

static void check(bool fine)
{
	if (!fine)
		abort();
}

static bool inside(struct str part, struct str whole)
{
	return part.at >= whole.at && part.at + part.len <= whole.at + whole.len;
}

static bool look(void *context, const struct addr *a, struct fault *f)
{
	const struct str *text = context;
	struct str domain = addr_domain(a->mailbox);
	check(a->mailbox.len > 0 && a->mailbox.len <= ADDR_MAX);
	check(inside(a->spec, *text) && inside(a->source, *text));
	check(a->bare == (domain.len == 0) && !(a->escaped && !a->bare));
	check(a->bare || addr_is_domain(domain));
	check(codec_is_utf8(a->mailbox));
	for (size_t i = 0; i < a->mailbox.len; i++)
		check((unsigned char)a->mailbox.at[i] >= ' ' && a->mailbox.at[i] != 127);
	struct buf again;
	buf_init(&again, ADDR_MAX);
	check(addr_parse_one(a->mailbox, &again, f));
	check(str_eq(buf_str(&again), a->mailbox));
	buf_release(&again);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size);
	struct fault f = FAULT_INIT;
	struct fault f1 = FAULT_INIT;
	if (!addr_parse_list(text, look, &text, &f))
		check(f.kind == FAULT_DATA && f.text[0] != '\0');
	if (!addr_parse_header(text, look, &text, &f))
		check(f.kind == FAULT_DATA && f.text[0] != '\0');
	struct buf one;
	buf_init(&one, ADDR_MAX);
	if (!addr_parse_one(text, &one, &f1))
		check(f1.kind == FAULT_DATA && one.len == 0);
	buf_release(&one);
	addr_matches(text, str_first(text, size / 2));
	return 0;
}
