/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * provider - what is known of those who relay mail for others: the table of presets
 *
 * One row a provider, with the address of the page that says so. Values are written as the
 * keys of [relay] have them; conf/settings_provider fills a relay from them, sendmail
 * --providers prints them, and --configure finds a row by a domain. Pure.
 */
#ifndef CONF_PROVIDER_H
#define CONF_PROVIDER_H

#include "text/buf.h"

/* NULL: nothing is known, or the key's default does. Lists have blanks between. */
struct provider {
	const char *name;
	const char *host; /* a "*" in it is what stands behind the colon of "ses:REGION" */
	const char *port; /* a list with commas, as the key has it */
	const char *security;
	const char *user; /* the same for all accounts */
	const char *auth;
	const char *connections;
	const char *max_recipients;
	const char *rate;
	const char *oauth;   /* whose tokens log in */
	bool passwords;      /* they do, too, where there is oauth */
	bool local_user;     /* the user is what is before the @ of the address */
	const char *domains; /* of addresses that have their accounts there */
	const char *mx;      /* where the MX of their customers' domains lie */
	const char *todo;    /* what has to be done there first */
	const char *source;
};

/* Cuts "NAME:REGION"; the region is empty if there is none. */
struct str provider_cut(struct str given, struct str *region);
/* NULL past the end. */
const struct provider *provider_at(size_t i);
/* NULL if there is none of that name; the rest likewise. */
const struct provider *provider_named(struct str name);
/* Whose accounts have addresses in that domain, or in one below it? */
const struct provider *provider_of_domain(struct str domain);

/* Whose customers have that host as their MX? */
const struct provider *provider_of_mx(struct str host);
/* Whose server has that name? */
const struct provider *provider_of_host(struct str host);

/* Does its host depend on a region? */
bool provider_has_regions(const struct provider *p);
/* "eu-west-1": words in small letters with "-" between, and a number. */
bool provider_is_region(struct str text);
/* Adds its host; region is not looked at where it has none. */
bool provider_add_host(const struct provider *p, struct str region, struct buf *out)
    __attribute__((warn_unused_result));

#endif
