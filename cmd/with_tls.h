/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * with_tls - which of two programs sends, and where it is
 *
 * mailq is linked twice. As mailq (and flushq) it lists, steers, and sends where
 * nothing is encrypted and nobody logs in; as libexec/postern/flushq it has GnuTLS as
 * well, which takes longer to load than a message to be sent.
 */
#ifndef CMD_WITH_TLS_H
#define CMD_WITH_TLS_H

#include <stdbool.h>

#include "conf/settings.h"

/* Does sending by this configuration take the library? */
bool with_tls_needed(const struct settings *c);
/* Has it names that the library must convert, even where no server is asked? */
bool with_tls_for_names(const struct settings *c);

/* The path of flushq, that with TLS or that without: in the folder of our own program (a
 * build folder, another prefix), else where it was installed. To be freed. */
char *with_tls_program(bool tls);
/* The same of the program that has the tokens. */
char *with_tls_token(void);

#endif
