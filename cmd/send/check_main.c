/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/send/check_main.h"

#include <signal.h>
#include <stdio.h>

#include "text/idna.h"
#include "os/sandbox.h"
#include "cmd/send/check.h"
#include "cmd/send/configure.h"
#include "cmd/send/options.h"
#include "cmd/output.h"
#include "cmd/place.h"
#include "cmd/rights.h"

#define ASCII_MAX 1024

static int complain(const struct fault *f)
{
	fprintf(stderr, "sendmail: %s\n", f->text);
	return fault_exit(f->kind);
}

int check_main(int argc, char **argv)
{
	struct call call;
	struct fault f = FAULT_INIT;
	int code = fault_exit(FAULT_CONFIG);
	if (!options_scan(argc, argv, &call, &f))
		return complain(&f);
	if (call.mode != CALL_CHECK && call.mode != CALL_CONFIGURE && call.mode != CALL_LOGIN &&
	    call.mode != CALL_LOGOUT) {
		fault_set(&f, FAULT_USAGE, "this is mailq; it takes no mail");
		return complain(&f);
	}
	if (!rights_begin(call.config, &f))
		return complain(&f);
	signal(SIGPIPE, SIG_IGN);
	if (call.mode == CALL_CONFIGURE)
		return configure_main(&call);
	/* It reads a password, later. */
	sandbox_hide();
	struct place p;
	if (place_find(&p, "sendmail", call.config, false, true))
		code = check_all(&p, &call);
	place_release(&p);
	return output_end("sendmail", code);
}

int to_ascii_main(const char *domain)
{
	struct buf out;
	struct fault f = FAULT_INIT;
	buf_init(&out, ASCII_MAX);
	bool found = idna_by_library(&out, str_of(domain), &f) == IDNA_MAPPED;
	printf("%s\n", found ? buf_cstr(&out) : "");
	buf_release(&out);
	return fflush(stdout) == 0 ? 0 : fault_exit(FAULT_IO);
}
