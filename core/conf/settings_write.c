/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/settings.h"

#include <string.h>

#include "conf/settings_table.h"
#include "conf/settings_senders.h"

/* A secret, and what has no value, is a comment: what is read again has it not,
 * rather than something that is not it. */
static bool write_row(const struct settings_row *row, const void *object, struct buf *out)
{
	const void *field = (const char *)object + row->at;
	size_t begin = out->len;
	if (!row->kind->write) {
		char *const *secret = field;
		return buf_addf(out, ";%s =%s\n", row->name,
		                *secret ? " (set, not shown)" : "");
	}
	if (!buf_addf(out, "%s = ", row->name))
		return false;
	size_t value = out->len;
	if (!row->kind->write(row, field, out))
		return false;
	if (out->len > value)
		return buf_add_char(out, '\n');
	out->len = begin;
	return buf_addf(out, ";%s =\n", row->name);
}

static bool write_section(const char *section, const void *object, struct buf *out)
{
	for (size_t i = 0; i < settings_rows(); i++) {
		const struct settings_row *row = settings_row(i);
		if (strcmp(row->section, section) == 0 && !write_row(row, object, out))
			return false;
	}
	return true;
}

static bool write_relays(const struct settings *c, struct buf *out)
{
	for (size_t i = 0; i < c->relay_count; i++)
		if (!buf_addf(out, "\n[relay %s]\n", c->relays[i].name) ||
		    !write_section("relay", &c->relays[i], out))
			return false;
	return true;
}

/* Rows whose keys are patterns stand in no table. */
static bool write_senders(const struct settings *c, struct buf *out)
{
	bool ok = c->sender_count == 0 || buf_addf(out, "\n[" SETTINGS_SENDERS "]\n");
	for (size_t i = 0; ok && i < c->sender_count; i++)
		ok = buf_addf(out, "%s = %s\n", c->senders[i].pattern, c->senders[i].address);
	return ok;
}

bool settings_write(const struct settings *c, struct buf *out)
{
	const char *last = "";
	/* The sections stand together in the table. */
	for (size_t i = 0; i < settings_rows(); i++) {
		const char *section = settings_row(i)->section;
		if (strcmp(section, last) == 0)
			continue;
		last = section;
		if (strcmp(section, "relay") == 0 ? !write_relays(c, out)
		                                  : !buf_addf(out, "\n[%s]\n", section) ||
		                                        !write_section(section, c, out))
			return false;
	}
	return write_senders(c, out);
}

bool settings_write_key(const struct settings *c, const struct settings_relay *relay,
                        const char *name, struct buf *out)
{
	for (size_t i = 0; i < settings_rows(); i++) {
		const struct settings_row *row = settings_row(i);
		bool of_relay = strcmp(row->section, "relay") == 0;
		if (of_relay != (relay != NULL) || strcmp(row->name, name) != 0)
			continue;
		size_t begin = out->len;
		const void *object = relay ? (const void *)relay : c;
		if (!row->kind->write || !buf_addf(out, "%s = ", name))
			return false;
		size_t value = out->len;
		if (!row->kind->write(row, (const char *)object + row->at, out))
			return false;
		if (!str_eq(str_from(buf_str(out), value), str_of(row->standard)))
			return buf_add_char(out, '\n');
		out->len = begin;
		return true;
	}
	return false;
}
