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

char *with_tls_program(bool tls)
{
	const char *name = tls ? "tls/flushq" : "flushq";
	char own[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", own, sizeof(own));
	if (n > 0 && n < (ssize_t)sizeof(own)) {
		struct str path = str_make(own, (size_t)n);
		size_t slash = str_rfind(path, '/');
		char *beside = mem_printf("%.*s/%s", STR_FMT(str_first(path, slash)), name);
		if (access(beside, X_OK) == 0)
			return beside;
		free(beside);
	}
	return mem_copy(tls ? STR(POSTERN_LIBEXECDIR "/flushq")
	                    : STR(POSTERN_SBINDIR "/flushq"));
}
