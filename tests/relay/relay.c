/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An SMTP server for tests and for the demonstration: strict, scripted, and independent of
 * the mailer. See --help.
 */
#include <stdio.h>

#include "certs.h"
#include "options.h"
#include "scram.h"
#include "server.h"

static int self_check(void)
{
	bool ok = scram_self_check();
	puts(ok ? "ok" : "failed");
	return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct options options;
	int status = 0;
	options_read(&options, argc, argv);
	if (options.make_certs)
		certs_make(&options);
	else if (options.self_check)
		status = self_check();
	else
		server_run(&options);
	options_free(&options);
	return status;
}
