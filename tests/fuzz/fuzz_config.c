/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text/codec.h"
#include "conf/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

struct seen {
	size_t lines; /* in the file, counted here on its own */
	size_t faults;
};

/* Each note is "f:LINE: TEXT", printable, and of a line that exists. */
static void take_note(void *context, bool warning, const char *text)
{
	struct seen *seen = context;
	struct str rest = str_of(text);
	long long line = 0;
	seen->faults += !warning;
	for (size_t i = 0; i < rest.len; i++)
		require(rest.at[i] >= 32 && rest.at[i] < 127);
	struct str piece;
	require(str_cut(&rest, ':', &piece) && str_eq(piece, STR("/f")));
	require(str_cut(&rest, ':', &piece) && str_number(piece, &line));
	require(line >= 1 && ((size_t)line <= seen->lines || line == 1));
	require(str_starts(rest, STR(" ")) && rest.len > 1);
}

static void check_relay(const struct settings_relay *r, bool good)
{
	require(r->name != NULL);
	require(r->port_count >= 1);
	for (size_t i = 0; i < r->port_count; i++)
		require(r->ports[i] >= 1 && r->ports[i] <= 65535);
	require(r->connections >= 1 && r->max_messages >= 1 && r->max_recipients >= 1);
	require(r->connect_timeout >= 1 && r->timeout >= 1 && r->dot_timeout >= 1);
	if (!good)
		return;
	require(!strchr(r->name, '/') && r->name[0] != '.');
	require((r->host.count > 0) + (r->srv != NULL) + r->mx + (r->socket != NULL) == 1);
	require((r->password_file != NULL) + (r->password_command.count > 0) +
	            (r->password != NULL) <=
	        1);
	require((r->tls_certificate != NULL) == (r->tls_key != NULL));
	require(!r->user || codec_is_utf8(str_of(r->user)));
	for (size_t i = 0; i < r->tls_fingerprint.count; i++)
		require(strlen(r->tls_fingerprint.words[i]) == 7 + 64);
}

static void check(const struct settings *c, bool good)
{
	require(c->path && c->aliases);
	require(c->retry_max >= c->retry && c->expire >= 1 && c->wait >= 0);
	require((c->log_to == LOG_TO_FILE) == (c->log_file != NULL));
	require(!good || c->relay_count >= 1);
	for (size_t i = 0; i < c->relay_count; i++) {
		check_relay(&c->relays[i], good);
		for (size_t j = 0; good && j < i; j++)
			require(strcmp(c->relays[i].name, c->relays[j].name) != 0);
	}
}

static size_t longest_line(struct str text)
{
	size_t longest = 0;
	struct str line;
	while (str_cut(&text, '\n', &line))
		longest = line.len > longest ? line.len : longest;
	return longest;
}

static void take_no_fault(void *context, bool warning, const char *text)
{
	(void)context, (void)text;
	require(warning);
}

/* What is written is read again as the same, but for what is not shown and for
 * what made absolute became too long. */
static void check_written(const struct settings *c)
{
	for (size_t i = 0; i < c->relay_count; i++)
		if (c->relays[i].password)
			return;
	struct buf first;
	buf_init(&first, 1 << 24);
	struct buf second;
	buf_init(&second, 1 << 24);
	require(settings_write(c, &first));
	struct settings again;
	if (longest_line(buf_str(&first)) < 200) {
		require(
		    settings_parse(buf_str(&first), "/f", true, &again, take_no_fault, NULL));
		require(settings_write(&again, &second));
		require(str_eq(buf_str(&first), buf_str(&second)));
		settings_release(&again);
	}
	buf_release(&first);
	buf_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	for (int personal = 0; personal < 2; personal++) {
		struct seen seen = {0, 0};
		for (size_t i = 0; i < size; i++)
			seen.lines += data[i] == '\n' || i + 1 == size;
		struct settings c;
		bool good = settings_parse(text, "/f", personal != 0, &c, take_note, &seen);
		require(good == (seen.faults == 0));
		require(!good || !memchr(data, '\0', size));
		require(!good || personal || !c.relays[0].password);
		check(&c, good);
		if (good && personal)
			check_written(&c);
		settings_release(&c);
	}
	return 0;
}
