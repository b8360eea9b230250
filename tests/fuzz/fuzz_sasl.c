/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first byte chooses the mechanism, the second where the rest is cut into
 * challenges: no SCRAM server is believed that did not prove itself, which
 * random bytes cannot. Prepared names are UTF-8 without control characters.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text/buf.h"
#include "text/codec.h"
#include "text/fault.h"
#include "smtp/sasl.h"
#include "smtp/saslprep.h"

static void check(bool fine)
{
	if (!fine)
		abort();
}

static void prepare(struct str s)
{
	struct fault f = FAULT_INIT;
	struct buf out;
	buf_init(&out, 1 << 20);
	if (saslprep(s, "user", &out, &f)) {
		check(codec_is_utf8(buf_str(&out)));
		for (size_t i = 0; i < out.len; i++)
			check((unsigned char)out.at[i] >= 32 && out.at[i] != 127);
	} else {
		check(f.kind == FAULT_RELAY);
	}
	buf_release(&out);
}

static bool is_scram(enum sasl_mechanism m)
{
	return strncmp(sasl_name(m), "SCRAM", 5) == 0;
}

/* Each challenge is "r=" and our nonce before the bytes, so that they get further. */
static bool step(struct sasl *s, struct str bytes, bool first)
{
	struct fault f = FAULT_INIT;
	struct buf challenge;
	buf_init(&challenge, 1 << 20);
	struct buf out;
	buf_init(&out, 1 << 20);
	if (first)
		check(buf_add_str(&challenge, STR("r=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")));
	check(buf_add_str(&challenge, bytes));
	bool ok = sasl_step(s, buf_str(&challenge), &out, &f);
	check(ok || f.kind == FAULT_RELAY);
	buf_release(&challenge);
	buf_release(&out);
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sasl_binding binding = {"tls-exporter", {1}, 32};
	struct sasl_setup setup = {.user = STR("u"), .password = STR("p"), .binding = &binding};
	struct fault f = FAULT_INIT;
	if (size < 2)
		return 0;
	setup.mechanism = (enum sasl_mechanism)(data[0] % SASL_MECHANISMS);
	size_t cut = data[1];
	prepare(str_make((const char *)data + 2, size - 2));
	struct sasl *s = sasl_new(&setup, &f);
	check(s != NULL);
	if (step(s, str_first(str_make((const char *)data + 2, size - 2), cut), data[0] < 128))
		step(s, str_from(str_make((const char *)data + 2, size - 2), cut), false);
	check(!is_scram(setup.mechanism) || !sasl_done(s, &f));
	sasl_free(s);
	return 0;
}
