/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first byte says which: the file of a login, what stands before an answer, a record for
 * the program token, the address that a browser was sent to. What is read is written as it was,
 * and a part of a file is none.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oauth/kept.h"
#include "oauth/order.h"
#include "oauth/request.h"

#define URL_MAX  4096
#define CUTS_MAX 400 /* longer inputs are not cut everywhere */

static const char *const identity[KEPT_IDENTITY] = {"main", "p", "c", "u"};

static void check(bool fine)
{
	if (!fine)
		abort();
}

static bool is_empty(const struct kept *k)
{
	for (size_t i = 0; i < KEPT_TIMES; i++)
		if (k->times[i])
			return false;
	return !k->texts[KEPT_REFRESH] && !k->texts[KEPT_ACCESS];
}

static void read_kept(struct kept *k, struct str file)
{
	kept_init(k, identity);
	kept_read(k, file);
	check(!k->texts[KEPT_ACCESS] || kept_is_token(str_of(k->texts[KEPT_ACCESS])));
}

static void try_kept(struct str file)
{
	struct kept k, again;
	struct buf out;
	read_kept(&k, file);
	buf_init(&out, KEPT_MAX);
	if (!is_empty(&k)) {
		check(kept_write(&k, &out));
		read_kept(&again, buf_str(&out));
		check(memcmp(k.times, again.times, sizeof(k.times)) == 0);
		kept_release(&again);
		for (size_t len = 0; len < file.len && len < CUTS_MAX; len++) {
			read_kept(&again, str_first(file, len));
			check(is_empty(&again) ||
			      str_ends(str_first(file, len), STR("\nend 1\n")));
			kept_release(&again);
		}
	}
	kept_good(&k, 1);
	kept_waits(&k, 1);
	buf_release(&out);
	kept_release(&k);
}

static void try_head(struct str file)
{
	struct kept k;
	struct str rest = file;
	int64_t when;
	kept_init(&k, identity);
	if (kept_read_head(&k, &rest, &when)) {
		check(when != 0 && rest.len <= file.len);
		check(rest.len == 0 || rest.at + rest.len == file.at + file.len);
	}
	kept_release(&k);
}

static void try_order(struct str record)
{
	struct order o;
	struct buf out;
	if (!order_read(record, &o))
		return;
	buf_init(&out, record.len + 1);
	check(order_write(&out, (const char *const *)o.texts));
	check(str_eq(str_from(buf_str(&out), 1), record));
	buf_release(&out);
	order_release(&o);
}

static void try_url(struct str url)
{
	struct buf out;
	buf_init(&out, URL_MAX);
	if (request_find(&out, url, "code"))
		check(out.len <= url.len && str_find(url, '?') != STR_NONE);
	buf_clear(&out);
	if (request_is_url(url))
		check(str_find(url, ' ') == STR_NONE && str_find(url, '\n') == STR_NONE &&
		      str_starts(url, STR("https://")));
	if (request_is_url(url) && request_described_at(&out, url, 0))
		check(request_is_url(buf_str(&out)));
	buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const tries[])(struct str) = {try_kept, try_head, try_order, try_url};
	if (size > 0)
		tries[data[0] % COUNT(tries)](str_make((const char *)data + 1, size - 1));
	return 0;
}
