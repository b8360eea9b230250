/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fuzz_dnsmsg - answers of a name server that says anything
 *
 * The first byte chooses the type, the rest is the message. Oracles: names are
 * bounded, printable and without empty labels; addresses have their length;
 * no more records than the message announces or its bytes could hold; a fault
 * is temporary; reading twice gives the same; a refusal by the receiver ends
 * the walk; appended bytes change nothing.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/dnsmsg.h"

#define RECORD_MIN 11 /* root name, type, kind, TTL, length */

struct seen {
	size_t count, limit; /* limit: the receiver refuses then; 0 never */
	unsigned long sum;
	enum dns_type type;
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_target(const char *target)
{
	size_t len = strnlen(target, DNS_NAME_MAX), label = 0;
	require(len <= 253);
	for (size_t i = 0; i < len; i++) {
		require(target[i] > ' ' && target[i] < 127 && target[i] != '%');
		if (target[i] == '.') {
			require(label > 0);
			label = 0;
		} else {
			require(++label <= 63);
		}
	}
	require(len == 0 || label > 0);
}

static bool each(void *context, const struct dns_record *r, struct fault *f)
{
	struct seen *seen = context;
	require(r->type == seen->type);
	require(r->data_len <= sizeof(r->data));
	if (r->type == DNS_A)
		require(r->data_len == 4);
	if (r->type == DNS_AAAA)
		require(r->data_len == 16);
	check_target(r->target);
	seen->count++;
	for (size_t i = 0; i < r->data_len; i++)
		seen->sum = seen->sum * 31 + r->data[i];
	for (const char *c = r->target; *c != '\0'; c++)
		seen->sum = seen->sum * 31 + (unsigned char)*c;
	seen->sum = seen->sum * 31 + r->preference + r->weight + r->port + r->ttl;
	if (seen->count == seen->limit)
		return fault_set(f, FAULT_DATA, "enough");
	return true;
}

static bool read_all(struct str message, enum dns_type type, struct seen *seen, size_t limit)
{
	struct fault f = FAULT_INIT;
	int rcode = -1;
	*seen = (struct seen){.type = type, .limit = limit};
	bool done = dnsmsg_answers(message, type, &rcode, each, seen, &f);
	require(rcode >= 0 && rcode <= 15);
	require(done == (f.kind == FAULT_NONE));
	require(done ||
	        f.kind == (limit > 0 && seen->count == limit ? FAULT_DATA : FAULT_TEMP));
	return done;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum dns_type types[] = {DNS_A, DNS_MX, DNS_AAAA, DNS_SRV, DNS_TLSA};
	if (size == 0)
		return 0;
	enum dns_type type = types[data[0] % 5];
	struct str message = str_make((const char *)data + 1, size - 1);
	struct seen first;
	bool done = read_all(message, type, &first, 0);
	require(first.count == 0 || message.len >= 12 + first.count * RECORD_MIN);
	struct seen again;
	require(done == read_all(message, type, &again, 0));
	require(first.count == again.count && first.sum == again.sum);
	if (first.count > 0) {
		require(!read_all(message, type, &again, 1));
		require(again.count == 1);
	}
	char *longer;
	if (done) {
		longer = calloc(1, message.len + 16);
		require(longer != NULL);
		memcpy(longer, message.at, message.len);
		require(read_all(str_make(longer, message.len + 16), type, &again, 0));
		require(first.count == again.count && first.sum == again.sum);
		free(longer);
	}
	return 0;
}
