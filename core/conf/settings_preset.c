/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/settings_preset.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "conf/provider.h"
#include "conf/settings_table.h"

#define HOST_MAX 255

static const struct {
	const char *key;
	size_t at; /* of its value in struct provider */
} filled[] = {
    {"host", offsetof(struct provider, host)},
    {"port", offsetof(struct provider, port)},
    {"security", offsetof(struct provider, security)},
    {"user", offsetof(struct provider, user)},
    {"auth", offsetof(struct provider, auth)},
    {"connections", offsetof(struct provider, connections)},
    {"rate", offsetof(struct provider, rate)},
    {"oauth", offsetof(struct provider, oauth)},
    {"max_recipients", offsetof(struct provider, max_recipients)},
};

static const struct settings_row *row_of(const char *key)
{
	return settings_row_find("relay", str_of(key));
}

static bool stands(const size_t *seen, const char *key)
{
	return seen[settings_row_index(row_of(key))] > 0;
}

/* Has the section the provider's way to encrypt, or one of its ports? */
static bool agrees(const struct settings_relay *relay, const struct provider *p,
                   const char *key)
{
	struct fault f = FAULT_INIT;
	struct settings_relay own;
	memset(&own, 0, sizeof(own));
	bool same = false;
	if (strcmp(key, "security") == 0) {
		same = settings_row_read(row_of(key), str_of(p->security), "/", &own, &f) &&
		       own.security == relay->security;
	} else if (settings_row_read(row_of(key), str_of(p->port), "/", &own, &f)) {
		for (size_t i = 0; i < own.port.count; i++)
			for (size_t k = 0; k < relay->port.count; k++)
				same = same || own.port.at[i] == relay->port.at[k];
		free(own.port.at);
	}
	return same;
}

/* Who names an application at the provider and no password means its tokens. */
static bool means_oauth(const size_t *seen)
{
	return (stands(seen, "client_id") || stands(seen, "service_account_file")) &&
	       !stands(seen, "password") && !stands(seen, "password_file") &&
	       !stands(seen, "password_command");
}

/* One target is enough. Port and security belong together: where one of them is set to
 * something else, the provider's other would not fit. */
static bool may_fill(const struct settings_relay *relay, const struct provider *p,
                     const size_t *seen, const char *key)
{
	if (stands(seen, key))
		return false;
	if (strcmp(key, "host") == 0)
		return !stands(seen, "srv") && !stands(seen, "socket") && !relay->mx;
	if (strcmp(key, "oauth") == 0)
		return means_oauth(seen);
	if (strcmp(key, "port") == 0)
		return !stands(seen, "security") || agrees(relay, p, "security");
	if (strcmp(key, "security") == 0)
		return !stands(seen, "port") || agrees(relay, p, "port");
	return true;
}

/* As it is in effect: the host with its region. */
static bool value_of(const struct provider *p, size_t i, struct str region, struct buf *out)
{
	const char *value;
	memcpy(&value, (const char *)p + filled[i].at, sizeof(value));
	if (value && value == p->host)
		return provider_add_host(p, region, out);
	return value && buf_add_str(out, str_of(value));
}

void settings_preset(struct settings_relay *relay, size_t *seen, struct settings_notes *n)
{
	if (!relay->provider)
		return;
	struct str region;
	const struct provider *p =
	    provider_named(provider_cut(str_of(relay->provider), &region));
	size_t line = seen[settings_row_index(row_of("provider"))];
	bool fills[COUNT(filled)];
	/* What it may fill depends on what stands there, not on what it has filled. */
	for (size_t i = 0; i < COUNT(filled); i++)
		fills[i] = may_fill(relay, p, seen, filled[i].key);
	struct buf value;
	buf_init(&value, HOST_MAX);
	for (size_t i = 0; i < COUNT(filled); i++) {
		const struct settings_row *row = row_of(filled[i].key);
		struct fault f = FAULT_INIT;
		buf_clear(&value);
		if (!fills[i] || !value_of(p, i, region, &value))
			continue;
		if (settings_row_read(row, buf_str(&value), "/", relay, &f))
			seen[settings_row_index(row)] = line;
		else
			settings_fault(n, line, "provider: %s: %s", row->name, f.text);
	}
	buf_release(&value);
}
