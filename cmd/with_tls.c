/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/with_tls.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/codec.h"

static bool is_ascii(const char *text)
{
	return !text || !text[0] || codec_is_ascii(str_of(text));
}

/* A server that is not asked to encrypt, and offers no login, is spoken to without. Names
 * are the library's to convert. */
static bool relay_needs(const struct config_relay *r)
{
	bool ascii = is_ascii(r->srv);
	for (size_t i = 0; i < r->host.count; i++)
		ascii = ascii && is_ascii(r->host.words[i]);
	return r->security != CONFIG_CLEAR || r->user || r->tls_certificate || !ascii;
}

bool with_tls_needed(const struct config *c)
{
	bool needed = !is_ascii(c->hostname) || !is_ascii(c->from) || !is_ascii(c->admin);
	for (size_t i = 0; i < c->relay_count; i++)
		needed = needed || relay_needs(&c->relays[i]);
	for (size_t i = 0; i < c->sender_count; i++)
		needed = needed || !is_ascii(c->senders[i].address);
	return needed;
}

/* Where our own program is, without a slash at its end; at is NULL if that is not known. */
static struct str own_folder(char own[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", own, PATH_MAX);
	if (n <= 0 || n >= PATH_MAX)
		return str_make(NULL, 0);
	struct str path = str_make(own, (size_t)n);
	return str_first(path, str_rfind(path, '/'));
}

/* NULL if it is not there. */
static char *program_in(struct str folder, const char *name)
{
	if (!folder.at)
		return NULL;
	char *path = mem_printf("%.*s/%s", STR_FMT(folder), name);
	if (access(path, X_OK) == 0)
		return path;
	free(path);
	return NULL;
}

char *with_tls_program(bool tls)
{
	char own[PATH_MAX];
	char *beside = program_in(own_folder(own), tls ? "tls/flushq" : "flushq");
	if (beside)
		return beside;
	return mem_copy(tls ? STR(POSTERN_LIBEXECDIR "/flushq")
	                    : STR(POSTERN_SBINDIR "/flushq"));
}

char *with_tls_flushq(void)
{
	char own[PATH_MAX];
	struct str folder = own_folder(own);
	char *found = NULL;
	if (str_ends(folder, STR("/tls"))) {
		folder.len -= sizeof("/tls") - 1;
		found = program_in(folder, "flushq");
	} else if (!str_eq(folder, STR(POSTERN_LIBEXECDIR))) {
		found = program_in(folder, "flushq");
	}
	return found ? found : mem_copy(STR(POSTERN_SBINDIR "/flushq"));
}
