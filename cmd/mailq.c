/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mailq, flushq - the program of the hold and of the network, by two names, linked
 * with and without TLS (cmd/with_tls); sendmail starts that for what it does not do itself (cmd/send/check_main).
 */
#include <string.h>

#include "os/file.h"
#include "text/idna.h"
#include "cmd/send/check_main.h"
#include "cmd/queue/mailq_main.h"
#include "net/tls.h"

int main(int argc, char **argv)
{
	file_std_open();
	idna_use(idna_by_library);
	if (tls_is_here() && argc == 3 && strcmp(argv[1], "--to-ascii") == 0)
		return to_ascii_main(argv[2]);
	if (tls_is_here() && argc > 0 && strcmp(argv[0], "sendmail") == 0)
		return check_main(argc, argv);
	return mailq_main(argc, argv);
}
