/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes: read whole and one by one they give the same replies, within the limits. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text/buf.h"
#include "text/fault.h"
#include "smtp/reply.h"

static void check(bool fine)
{
	if (!fine)
		abort();
}

/* One reply from bytes, in pieces of that many; how many were used. */
static bool read_reply(struct reply *r, struct str bytes, size_t piece, size_t *used)
{
	struct fault f = FAULT_INIT;
	*used = 0;
	size_t n;
	while (*used < bytes.len && !r->done) {
		struct str some = str_first(str_from(bytes, *used), piece);
		if (!reply_feed(r, some, &n, &f)) {
			check(f.kind == FAULT_PROTOCOL && f.text[0] != '\0');
			return false;
		}
		check(n <= some.len && (n == some.len || r->done));
		*used += n;
	}
	return true;
}

static void check_reply(const struct reply *r)
{
	if (!r->done)
		return;
	check(r->code >= 200 && r->code <= 599);
	check(r->text.len <= REPLY_BYTES_MAX && r->lines > 0 && r->lines <= REPLY_LINES_MAX);
	check(r->status[0] == '\0' || r->status[0] - '0' == r->code / 100);
	char shown[256];
	reply_printable(r, shown, sizeof(shown));
	check(strlen(shown) < sizeof(shown));
	for (const char *c = shown; *c != '\0'; c++)
		check(*c >= ' ' && *c <= '~');
}

/* One reply, read whole and byte by byte. */
static bool check_next(struct str bytes, size_t *used)
{
	struct reply whole;
	reply_init(&whole);
	struct reply single;
	reply_init(&single);
	bool ok = read_reply(&whole, bytes, bytes.len, used);
	size_t used_single;
	check(ok == read_reply(&single, bytes, 1, &used_single));
	if (ok) {
		check(*used == used_single && whole.done == single.done &&
		      whole.code == single.code);
		check(str_eq(buf_str(&whole.text), buf_str(&single.text)));
		check(strcmp(whole.status, single.status) == 0);
		check_reply(&whole);
	}
	reply_release(&whole);
	reply_release(&single);
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = str_make((const char *)data, size);
	size_t used;
	while (bytes.len > 0 && check_next(bytes, &used))
		bytes = str_from(bytes, used);
	return 0;
}
