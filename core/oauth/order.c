/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "oauth/order.h"

#include <stdlib.h>
#include <string.h>

#include "text/crc.h"

uint32_t order_sum(struct str token)
{
	return crc_add(0, token.at, token.len);
}

bool order_write(struct buf *out, const char *const texts[ORDER_TEXTS])
{
	bool ok = buf_add_char(out, ORDER_RELAY);
	for (size_t i = 0; ok && i < ORDER_TEXTS; i++)
		ok = buf_add_str(out, str_of(texts[i])) && buf_add_char(out, '\0');
	return ok;
}

bool order_read(struct str bytes, struct order *o)
{
	size_t i = 0;
	struct str text;
	memset(o, 0, sizeof(*o));
	while (i < ORDER_TEXTS && str_find(bytes, '\0') != STR_NONE &&
	       (str_cut(&bytes, '\0', &text)))
		o->texts[i++] = mem_copy(text);
	if (i == ORDER_TEXTS && bytes.len == 0 && order_grant(o) != GRANT_UNSET)
		return true;
	order_release(o);
	return false;
}

enum order_grant order_grant(const struct order *o)
{
	const char *text = o->texts[TEXT_GRANT];
	if (strlen(text) != 1 || text[0] < '0' + GRANT_DEVICE || text[0] > '0' + GRANT_SERVICE)
		return GRANT_UNSET;
	return (enum order_grant)(text[0] - '0');
}

void order_release(struct order *o)
{
	for (size_t i = 0; i < ORDER_TEXTS; i++)
		free(o->texts[i]);
	memset(o, 0, sizeof(*o));
}
