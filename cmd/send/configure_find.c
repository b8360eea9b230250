/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/send/configure_find.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/dns.h"
#include "os/clock.h"
#include "text/codec.h"
#include "transport/srv.h"

#define LOOK_UP_MS 5000

static void add(struct configure_guesses *out, const struct configure_guess *g)
{
	for (size_t i = 0; g->provider && i < out->count; i++)
		if (out->at[i].provider == g->provider)
			return;
	if (out->count < CONFIGURE_MAX)
		out->at[out->count++] = *g;
}

static void add_provider(struct configure_guesses *out, const struct provider *p,
                         const char *why)
{
	const struct configure_guess g = {.provider = p, .why = why};
	if (p)
		add(out, &g);
}

/* It becomes part of a file and is connected to: a name, not an address, nothing else. */
static bool is_good_host(const char *name)
{
	struct host_address address;
	struct str s = str_of(name);
	return host_is_name(s) && codec_is_ascii(s) && str_find(s, '.') != STR_NONE &&
	       !host_address(s, &address);
}

static bool ask(const char *name, enum dns_type type, const struct host_addresses *dns,
                struct dns_records *records)
{
	const char *what = type == DNS_MX ? "MX" : "SRV";
	struct fault f = FAULT_INIT;
	enum dns_result result;
	if (!dns_records(name, type, dns, clock_deadline(LOOK_UP_MS), records, &result, &f))
		fprintf(stderr, "sendmail: %s of %s: %s\n", what, name, f.text);
	else if (result != DNS_FOUND || records->count == 0)
		fprintf(stderr, "sendmail: %s of %s: none\n", what, name);
	else
		return true;
	return false;
}

/* foreign: those outside of the domain, or those within. A host of the table is neither. */
static void add_service(const struct dns_records *records, const char *domain, bool tls,
                        bool foreign, struct configure_guesses *out)
{
	for (size_t i = 0; i < records->count; i++) {
		const struct dns_record *r = &records->at[i];
		struct str target = str_of(r->target);
		bool within = srv_is_within(target, str_of(domain));
		struct configure_guess g = {.port = r->port,
		                            .tls = tls,
		                            .foreign = foreign,
		                            .why =
		                                "DNS names this service of the domain (SRV)"};
		if (!is_good_host(r->target) || r->port == 0) {
			if (!foreign)
				fputs("sendmail: an SRV record names no usable server\n",
				      stderr);
		} else if (provider_of_host(target)) {
			add_provider(out, provider_of_host(target),
			             "DNS names a service of this provider (SRV)");
		} else if (within != foreign) {
			memcpy(g.host, r->target, sizeof(g.host));
			add(out, &g);
		}
	}
}

static void add_exchangers(const char *domain, const struct host_addresses *dns,
                           struct configure_guesses *out)
{
	struct dns_records records;
	if (!ask(domain, DNS_MX, dns, &records))
		return;
	for (size_t i = 0; i < records.count; i++)
		add_provider(out, provider_of_mx(str_of(records.at[i].target)),
		             "mail for the domain goes to this provider (MX)");
}

void configure_find(const char *domain, const struct host_addresses *dns,
                    struct configure_guesses *out)
{
	static const char *const services[] = {"_submissions", "_submission"};
	struct dns_records records[COUNT(services)];
	bool found[COUNT(services)];
	out->count = 0;
	/* Of a domain that the table has nothing is asked: DNS could be forged. */
	add_provider(out, provider_of_domain(str_of(domain)),
	             "the table of providers has the domain");
	if (out->count > 0)
		return;
	for (size_t i = 0; i < COUNT(services); i++) {
		char *name = mem_printf("%s._tcp.%s", services[i], domain);
		found[i] = ask(name, DNS_SRV, dns, &records[i]);
		free(name);
		if (found[i])
			add_service(&records[i], domain, i == 0, false, out);
	}
	add_exchangers(domain, dns, out);
	for (size_t i = 0; i < COUNT(services); i++)
		if (found[i])
			add_service(&records[i], domain, i == 0, true, out);
}
