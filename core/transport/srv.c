/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/srv.h"

static struct str without_dot(struct str name)
{
	return str_ends(name, STR(".")) ? str_first(name, name.len - 1) : name;
}

bool srv_is_within(struct str name, struct str domain)
{
	name = without_dot(name);
	domain = without_dot(domain);
	if (domain.len == 0 || name.len < domain.len)
		return false;
	size_t before = name.len - domain.len;
	return str_caseeq(str_from(name, before), domain) &&
	       (before == 0 || (before > 1 && name.at[before - 1] == '.'));
}

bool srv_keep_believed(const struct settings_relay *relay, struct dns_records *records,
                       struct fault *f)
{
	const struct dns_record *foreign = NULL;
	size_t kept = 0;
	if (relay->tls_name || relay->tls_fingerprint.count > 0)
		return true;
	for (size_t i = 0; i < records->count; i++) {
		/* The root is a "no" (RFC 2782), not a server. */
		bool own = !records->at[i].target[0] ||
		           srv_is_within(str_of(records->at[i].target), str_of(relay->srv));
		if (!own && !foreign)
			foreign = &records->at[i];
		if (own && kept++ != i)
			records->at[kept - 1] = records->at[i];
	}
	if (kept == 0 && foreign)
		return fault_set(f, FAULT_RELAY,
		                 "DNS names %.70s for srv = %.50s, which is not in that "
		                 "domain: if it is right, set tls_name = %.70s (or host "
		                 "instead of srv)",
		                 foreign->target, relay->srv, foreign->target);
	records->count = kept;
	return true;
}
