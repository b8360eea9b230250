/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fuzz_tls_roots - a bundle of roots that may be anything
 *
 * Oracles: what is found lies in bounds and has the wanted subject; the names
 * lie inside the certificate, the issuer before the subject; with the empty
 * list nothing is found.
 */
#include <stdint.h>
#include <stdlib.h>

#include "net/tls_roots.h"

static void require(bool holds)
{
	if (!holds)
		abort();
}

struct wanted {
	struct str subject;
	size_t count;
};

static void each(void *context, struct str der)
{
	struct wanted *wanted = context;
	struct str issuer, subject;
	require(tls_roots_names(der, &issuer, &subject));
	require(str_eq(subject, wanted->subject));
	wanted->count++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = str_make((const char *)data, size), issuer, subject;
	struct wanted wanted = {STR(""), 0};
	size_t cut = size > 0 ? data[0] : 0;
	if (tls_roots_names(all, &issuer, &subject)) {
		require(issuer.len >= 2 && subject.len >= 2);
		require(issuer.at >= all.at && issuer.at + issuer.len <= subject.at);
		require(subject.at + subject.len <= all.at + all.len);
	}
	int64_t from, until;
	if (tls_roots_dates(all, &from, &until))
		require(tls_roots_names(all, &issuer, &subject));
	/* The head of the input is the name, the rest the bundle. */
	wanted.subject = str_first(str_from(all, 1), cut);
	require(tls_roots_find(str_from(all, 1 + cut), &wanted.subject, 1, each, &wanted) ==
	        wanted.count);
	require(tls_roots_find(all, NULL, 0, each, &wanted) == 0);
	return 0;
}
