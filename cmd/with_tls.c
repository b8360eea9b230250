/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/with_tls.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "text/buf.h"
#include "text/codec.h"

/* A server that is not asked to encrypt, and offers no login, is spoken to without. Names
 * are the library's to convert. */
static bool relay_needs(const struct settings_relay *r)
{
	bool ascii = codec_is_ascii(str_of(r->srv));
	for (size_t i = 0; i < r->host.count; i++)
		ascii = ascii && codec_is_ascii(str_of(r->host.words[i]));
	return r->security != SECURITY_NONE || r->user || r->tls_certificate || !ascii;
}

bool with_tls_for_names(const struct settings *c)
{
	bool ascii = codec_is_ascii(str_of(c->hostname)) && codec_is_ascii(str_of(c->from)) &&
	             codec_is_ascii(str_of(c->admin));
	for (size_t i = 0; i < c->sender_count; i++)
		ascii = ascii && codec_is_ascii(str_of(c->senders[i].address));
	return !ascii;
}

bool with_tls_needed(const struct settings *c)
{
	bool needed = with_tls_for_names(c);
	for (size_t i = 0; i < c->relay_count; i++)
		needed = needed || relay_needs(&c->relays[i]);
	return needed;
}

/* Where our programs are, without a slash at its end; at is NULL if that is not known. The one
 * with TLS is below that, or where it was installed, by itself. */
static struct str own_folder(char own[PATH_MAX])
{
	const struct str none = {NULL, 0}, below = STR("/tls");
	ssize_t n = readlink("/proc/self/exe", own, PATH_MAX);
	if (n <= 0 || n >= PATH_MAX)
		return none;
	struct str path = str_make(own, (size_t)n);
	struct str folder = str_first(path, str_rfind(path, '/'));
	if (str_eq(folder, STR(POSTERN_LIBEXECDIR)))
		return none;
	return str_ends(folder, below) ? str_first(folder, folder.len - below.len) : folder;
}

/* To be freed; NULL: there is none of that name. */
static char *own_program(const char *name)
{
	char own[PATH_MAX];
	struct str folder = own_folder(own);
	char *path = folder.at ? mem_printf("%.*s/%s", STR_FMT(folder), name) : NULL;
	if (path && access(path, X_OK) == 0)
		return path;
	free(path);
	return NULL;
}

char *with_tls_program(bool tls)
{
	char *path = own_program(tls ? "tls/flushq" : "flushq");
	return path ? path
	            : mem_copy(tls ? STR(POSTERN_LIBEXECDIR "/flushq")
	                           : STR(POSTERN_SBINDIR "/flushq"));
}

char *with_tls_token(void)
{
	char *path = own_program("token");
	return path ? path : mem_copy(STR(POSTERN_LIBEXECDIR "/token"));
}
