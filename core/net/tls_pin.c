/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/tls_pin.h"

#include <stdio.h>
#include <string.h>

#include "text/codec.h"

static const struct str lead = {"sha256:", 7};

bool tls_pin_parse(struct str text, struct tls_pin *to)
{
	struct str rest = str_from(text, lead.len);
	char hex[2 * TLS_PIN_LEN];
	struct buf bytes;
	size_t len = 0;
	if (!str_casestarts(text, lead))
		return false;
	for (size_t i = 0; i < rest.len; i++) {
		if (rest.at[i] == ':' && len > 0 && len % 2 == 0 && i + 1 < rest.len)
			continue;
		if (len == sizeof(hex))
			return false;
		hex[len++] = rest.at[i];
	}
	buf_init(&bytes, TLS_PIN_LEN);
	bool good = len == sizeof(hex) && codec_unhex(&bytes, str_make(hex, len));
	if (good)
		memcpy(to->sha256, bytes.at, TLS_PIN_LEN);
	buf_release(&bytes);
	return good;
}

void tls_pin_text(const struct tls_pin *pin, char to[TLS_PIN_TEXT_MAX])
{
	size_t len = lead.len;
	memcpy(to, lead.at, len);
	for (size_t i = 0; i < TLS_PIN_LEN; i++, len += 2)
		snprintf(to + len, TLS_PIN_TEXT_MAX - len, "%02X", pin->sha256[i]);
}
