/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/send/providers.h"

#include "conf/provider.h"

#define COLUMNS  80
#define HOST_MAX 255

static void print_name(FILE *out, const struct provider *p)
{
	struct buf host;
	buf_init(&host, HOST_MAX);
	bool whole = provider_add_host(p, STR("REGION"), &host);
	fprintf(out, "\n%s%s\n", p->name, provider_has_regions(p) ? ":REGION" : "");
	fprintf(out, "  host %s, port %s, security %s\n", whole ? buf_cstr(&host) : p->host,
	        p->port, p->security);
	buf_release(&host);
}

static void print_more(FILE *out, bool *first, const char *what, const char *value)
{
	if (!value)
		return;
	fprintf(out, "%s%s %s", *first ? "  " : ", ", what, value);
	*first = false;
}

static void print_keys(FILE *out, const struct provider *p)
{
	bool first = true;
	print_more(out, &first, "user", p->user);
	print_more(out, &first, "auth", p->auth);
	print_more(out, &first, "connections", p->connections);
	print_more(out, &first, "max_recipients", p->max_recipients);
	print_more(out, &first, "rate", p->rate);
	print_more(out, &first, "OAuth 2 of", p->oauth);
	if (!first)
		fputc('\n', out);
}

static void print_domains(FILE *out, const struct provider *p)
{
	struct str rest = str_of(p->domains), domain;
	size_t column = 0;
	while (str_cut(&rest, ' ', &domain)) {
		if (domain.len == 0)
			continue;
		if (column == 0 || column + 2 + domain.len > COLUMNS) {
			fputs(column == 0 ? "  accounts @" : ",\n           @", out);
			column = 12;
		} else {
			fputs(", @", out);
			column += 3;
		}
		fprintf(out, "%.*s", STR_FMT(domain));
		column += domain.len;
	}
	if (column > 0)
		fputc('\n', out);
}

void providers_print(FILE *out)
{
	fputs("In a section [relay] of postern.conf, \"provider = NAME\" sets these keys;\n"
	      "a key that stands there itself counts.\n",
	      out);
	const struct provider *p;
	for (size_t i = 0; (p = provider_at(i)) != NULL; i++) {
		print_name(out, p);
		print_keys(out, p);
		print_domains(out, p);
		if (p->local_user)
			fputs("  the user is what is before the @ of the address\n", out);
		if (p->todo)
			fprintf(out, "  first: %s\n", p->todo);
		fprintf(out, "  %s\n", p->source);
	}
}
