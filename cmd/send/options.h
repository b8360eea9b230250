/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * options - the classic command line of sendmail, and ours
 *
 * One table row an option, as in cmd/args. Long options are ours alone and are known
 * only where no classic caller would write them.
 */
#ifndef CMD_SEND_OPTIONS_H
#define CMD_SEND_OPTIONS_H

#include <stdint.h>
#include <stdio.h>

#include "text/buf.h"
#include "text/fault.h"
#include "conf/settings.h"
#include "submit/submission_options.h"

enum call_mode {
	CALL_SUBMIT,  /* a message on standard input */
	CALL_SMTP,    /* -bs */
	CALL_LIST,    /* -bp */
	CALL_FLUSH,   /* -q */
	CALL_VERIFY,  /* -bv */
	CALL_NOTHING, /* -bi, -bh and the like: exit 0 */
	CALL_CHECK,
	CALL_LOGIN,
	CALL_LOGOUT,
	CALL_CONFIGURE,
	CALL_CONFIG,
	CALL_HELP,
	CALL_VERSION,
	CALL_PROVIDERS,
};

/* When it is sent; the last of them on the command line counts. */
enum call_delivery {
	CALL_AS_SET,     /* mode in [delivery] */
	CALL_NOW,        /* -odi */
	CALL_BACKGROUND, /* -odb */
	CALL_HOLD,       /* -odq, -odd, --hold */
};

/* What a command line asks for. Strings are borrowed from argv. */
struct call {
	enum call_mode mode;
	bool hold_program; /* called as mailq or runq, whose options were not looked at */
	struct submission_options message;
	enum call_delivery delivery;
	bool quiet; /* -oeq: nothing on standard error about the message */
	bool verbose;
	bool dry_run;
	bool count_only; /* -bpc */
	const char *config;
	const char *tag;       /* -L */
	const char *configure; /* the address */
	const char *only_id;   /* -qI, -qR, -qS: a part of it */
	const char *only_rcpt;
	const char *only_sender;
	char **operands;
	size_t operand_count;
};

/* FAULT_USAGE when the command line is wrong. The base name of
 * argv[0] may choose the mode. */
bool options_scan(int argc, char **argv, struct call *call, struct fault *f)
    __attribute__((warn_unused_result));

/* When the message is to be sent, as the call or else the configuration says. */
enum settings_mode options_delivery(const struct call *call, const struct settings *c);

/* One line a row, "-x ARG<tab>what", in groups, the most useful first: for --help
 * and the manual's check. */
void options_print(FILE *out);

#endif
