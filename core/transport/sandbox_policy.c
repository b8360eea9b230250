/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/sandbox_policy.h"

#include <stdlib.h>
#include <time.h>

#include "os/log.h"
#include "os/sandbox.h"

#define FILES_OF_RELAY 4

/* As secret_read has it: a file comes first. */
static bool runs_program(const struct settings *c)
{
	for (size_t i = 0; i < c->relay_count; i++) {
		const struct settings_relay *r = &c->relays[i];
		if (r->password_command.count > 0 && !r->command_closed && !r->password_file)
			return true;
	}
	return false;
}

unsigned sandbox_policy(const struct settings *c, const struct hold *hold)
{
	const char **files = mem_alloc((c->relay_count * FILES_OF_RELAY + 2) * sizeof(*files));
	struct sandbox_wishes wishes = {.files = files, .programs = runs_program(c)};
	for (size_t i = 0; i < c->relay_count; i++) {
		const struct settings_relay *r = &c->relays[i];
		files[wishes.file_count++] = r->password_file;
		files[wishes.file_count++] = r->tls_trust.file;
		files[wishes.file_count++] = r->tls_certificate;
		files[wishes.file_count++] = r->tls_key;
	}
	/* For reports to local names. */
	files[wishes.file_count++] = c->aliases;
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	if (credentials && credentials[0] == '/')
		files[wishes.file_count++] = credentials;
	if (hold) {
		wishes.rooms = hold->rooms;
		wishes.room_count = HOLD_ROOMS;
	}
	log_keep();
	/* TZ may name a file anywhere, and the C library reads it at the first use. */
	tzset();
	if (c->log.to == LOG_TO_FILE)
		wishes.append = c->log.file;
	sandbox_hide();
	/* A user's own password manager may be set-gid, or ask sudo: without privileges it
	 * would fail here, and work when they run it to see why. */
	bool may_gain = wishes.programs && !(hold && hold->shared);
	unsigned done = may_gain ? 0 : sandbox(&wishes);
	free(files);
	return done;
}
