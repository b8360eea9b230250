/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whatever the file says: warnings are printable, no program, file or list is
 * ever a result, each result is an address, and an alias stands for something.
 */
#include <stdint.h>
#include <stdlib.h>

#include "text/buf.h"
#include "text/fault.h"
#include "mail/addr.h"
#include "mail/alias.h"

static void require(bool truth)
{
	if (!truth)
		abort();
}

static void check_warning(void *context, size_t line, const char *text)
{
	(void)context;
	require(line > 0 && *text != '\0');
	for (; *text != '\0'; text++)
		require(*text >= ' ' && *text <= '~');
}

static void check_mailbox(struct str mailbox)
{
	struct buf again;
	struct fault f = FAULT_INIT;
	buf_init(&again, 2 * ADDR_MAX);
	require(addr_parse_one(mailbox, &again, &f));
	require(str_eq(buf_str(&again), mailbox));
	buf_release(&again);
}

static bool check_result(void *context, struct str mailbox, struct fault *f)
{
	size_t *results = context;
	struct str bare = str_from(mailbox, str_starts(mailbox, STR("\"")) ? 1 : 0);
	(void)f;
	++*results;
	check_mailbox(mailbox);
	if (addr_domain(mailbox).len == 0) {
		require(!str_starts(bare, STR("|")));
		require(!str_starts(bare, STR("/")));
		require(!str_casestarts(bare, STR(":include:")));
	}
	return true;
}

/* Every word of the file is looked up as if it were a name. */
static void check_word(const struct alias *a, struct str word)
{
	struct fault f = FAULT_INIT;
	size_t results = 0;
	if (!alias_has(a, word))
		return;
	require(alias_expand(a, word, check_result, &results, &f));
	require(results > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size), rest = text, line;
	struct alias *a = alias_parse(text, check_warning, NULL);
	while (str_cut(&rest, '\n', &line))
		check_word(a, str_trim(str_first(line, str_find(line, ':'))));
	alias_free(a);
	return 0;
}
