/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mailq, flushq - the program of the hold and of the network, by two names, linked
 * with and without TLS (cmd/with_tls). sendmail starts it for what it does not do itself
 * (cmd/send/check_main).
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/file.h"
#include "text/idna.h"
#include "cmd/send/check_main.h"
#include "cmd/queue/mailq_main.h"
#include "net/tls.h"

/* Without what libraries do at the end of a program: it costs as much as a handshake's key, and
 * gives back memory that is the system's in a moment. What was printed has left by now. */
static _Noreturn void end(int code)
{
#ifdef ORDERLY_EXIT
	exit(code);
#else
	_exit(code);
#endif
}

int main(int argc, char **argv)
{
	file_std_open();
	idna_use(idna_by_library);
	if (tls_is_here() && argc == 3 && strcmp(argv[1], "--to-ascii") == 0)
		return to_ascii_main(argv[2]);
	if (tls_is_here() && argc > 0 && strcmp(argv[0], "sendmail") == 0)
		return check_main(argc, argv);
	end(mailq_main(argc, argv));
}
