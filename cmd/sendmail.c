/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sendmail - takes a message on standard input, holds it, and lets flushq try.
 */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "text/codec.h"
#include "os/file.h"
#include "text/idna.h"
#include "cmd/send/connection.h"
#include "cmd/send/inject.h"
#include "cmd/send/input.h"
#include "cmd/output.h"
#include "cmd/spawn.h"
#include "cmd/send/options.h"
#include "cmd/send/providers.h"
#include "cmd/place.h"
#include "cmd/rights.h"
#include "cmd/send/smtpd.h"
#include "transport/outlook.h"

#define CONFIG_TEXT_MAX (16 * 1024 * 1024)
#define PATH_SHOWN_MAX  4096

static void complain(const struct fault *f)
{
	fprintf(stderr, "sendmail: %s\n", f->text);
}

/* Standard input is then read to its end on any error. */
static bool reads_input(enum call_mode mode)
{
	return mode != CALL_CONFIG && mode != CALL_CONFIGURE;
}

/* A usage error comes with standard input still to be read by somebody. */
static int usage(const struct fault *f, enum call_mode mode)
{
	complain(f);
	fprintf(stderr, "usage: sendmail [-ti] [-f sender] [-F name] [recipient ...]\n"
	                "usage: sendmail --help lists all options\n");
	if (reads_input(mode))
		input_drain();
	return fault_exit(FAULT_USAGE);
}

static bool relay_known(const struct place *p, const char *name, struct fault *f)
{
	for (size_t i = 0; name && i < p->config.relay_count; i++)
		if (strcmp(p->config.relays[i].name, name) == 0)
			return true;
	return !name || fault_set(f, FAULT_USAGE, "--relay %s: %s has no [relay %s]", name,
	                          p->config_path, name);
}

/* Whoever speaks SMTP is told in SMTP what is wrong with the configuration. */
static int speak_smtp(struct place *p, const struct call *call, struct connection *c, bool good)
{
	struct fault f = FAULT_INIT;
	if (call->dry_run) {
		fault_set(&f, FAULT_USAGE, "--dry-run and -bs exclude each other");
		return usage(&f, call->mode);
	}
	bool open = connection_admit(c, p, good, &f);
	if (c->gone)
		return EX_OK;
	if (!good)
		open = fault_set(&f, FAULT_CONFIG, "%s is missing or wrong: see standard error",
		                 p->config_path);
	return smtpd_run(p, call, open ? NULL : &f, c->foreign);
}

/* What is not in the file but found out, as the hold, is said too. */
static int print_config(struct place *p, const struct call *call)
{
	struct fault f = FAULT_INIT;
	if (call->operand_count > 0) {
		fault_set(&f, FAULT_USAGE, "--config: no operand is taken here");
		return usage(&f, call->mode);
	}
	if (!p->config.directory && p->hold_path)
		p->config.directory = mem_copy(str_of(p->hold_path));
	char path[PATH_SHOWN_MAX];
	codec_printable(path, sizeof(path), str_of(p->config_path));
	struct buf text;
	buf_init(&text, CONFIG_TEXT_MAX);
	bool ok = buf_addf(&text, "; in effect, from %s (%s mode)\n", path,
	                   p->personal ? "personal" : "system") &&
	          settings_write(&p->config, &text);
	if (ok)
		fwrite(text.at, 1, text.len, stdout);
	else
		fprintf(stderr, "sendmail: --config: it is too long to be printed\n");
	buf_release(&text);
	return output_end("sendmail", ok ? EX_OK : fault_exit(FAULT_IO));
}

static int with_place(const struct call *call)
{
	struct fault f = FAULT_INIT;
	struct connection connection = {.kind = PEER_NONE};
	if (call->mode == CALL_SMTP)
		connection_find(&connection);
	if (!rights_begin(call->config, &f)) {
		complain(&f);
		/* Whoever speaks SMTP waits for us to speak first. */
		if (call->mode != CALL_SMTP)
			input_drain();
		return fault_exit(f.kind);
	}
	struct place p;
	bool good = place_find(&p, "sendmail", call->config, false, false);
	p.tag = call->tag;
	int code;
	if (!good && call->mode == CALL_SUBMIT && !call->dry_run)
		code = inject_failed(&p, call);
	else if (!good && call->mode == CALL_SMTP)
		code = speak_smtp(&p, call, &connection, false);
	else if (!good) {
		if (reads_input(call->mode))
			input_drain();
		code = fault_exit(FAULT_CONFIG);
	} else if (!relay_known(&p, call->message.relay, &f))
		code = usage(&f, call->mode);
	else if (call->mode == CALL_CONFIG)
		code = print_config(&p, call);
	else if (call->mode == CALL_VERIFY)
		code = inject_verify(&p, call);
	else if (call->mode == CALL_SMTP)
		code = speak_smtp(&p, call, &connection, true);
	else
		code = inject_message(&p, call);
	place_release(&p);
	return code;
}

/* The hold's own program lists and flushes. */
static int as_mailq(const struct call *call)
{
	const char *argv[16];
	int n = 0;
	argv[n++] = call->mode == CALL_LIST ? "mailq" : "flushq";
	if (call->config) {
		argv[n++] = "-C";
		argv[n++] = call->config;
	}
	if (call->verbose)
		argv[n++] = "-v";
	if (call->count_only)
		argv[n++] = "--count";
	const char *const filters[][2] = {{"--id", call->only_id},
	                                  {"--recipient", call->only_rcpt},
	                                  {"--sender", call->only_sender}};
	for (size_t i = 0; call->mode == CALL_FLUSH && i < 3; i++)
		if (filters[i][1]) {
			argv[n++] = filters[i][0];
			argv[n++] = filters[i][1];
		}
	argv[n] = NULL;
	/* As execv(3) has it, which changes no word. */
	return spawn_become("sendmail", false, (char *const *)argv);
}

/* The name it is known by there. */
static int as_check(char **argv)
{
	char sendmail[] = "sendmail";
	argv[0] = sendmail;
	return spawn_become("sendmail", true, argv);
}

static int help(void)
{
	printf("usage: sendmail [-ti] [-f sender] [-F name] [option ...] [recipient ...]\n"
	       "       sendmail -bs | -bp | -q | -bv recipient ...\n"
	       "       sendmail --check [relay ...] | --config\n"
	       "       sendmail --configure address | --providers\n");
	options_print(stdout);
	return output_end("sendmail", EX_OK);
}

int main(int argc, char **argv)
{
	struct fault f = FAULT_INIT;
	file_std_open();
	idna_use(spawn_to_ascii);
	struct call call;
	bool good = options_scan(argc, argv, &call, &f);
	if (good && call.hold_program)
		return spawn_become("sendmail", false, argv);
	/* The hold's program is to end by signals as any other. */
	if (!good || (call.mode != CALL_LIST && call.mode != CALL_FLUSH &&
	              call.mode != CALL_CHECK && call.mode != CALL_CONFIGURE &&
	              call.mode != CALL_LOGIN && call.mode != CALL_LOGOUT))
		input_take_signals();
	if (!good)
		return usage(&f, CALL_SUBMIT);
	switch (call.mode) {
	case CALL_SUBMIT:
	case CALL_VERIFY:
	case CALL_CONFIG:
	case CALL_SMTP:
		return with_place(&call);
	case CALL_LIST:
	case CALL_FLUSH:
		return as_mailq(&call);
	case CALL_CHECK:
	case CALL_LOGIN:
	case CALL_LOGOUT:
	case CALL_CONFIGURE:
		return as_check(argv);
	case CALL_NOTHING:
		return EX_OK;
	case CALL_HELP:
		return help();
	case CALL_PROVIDERS:
		providers_print(stdout);
		return output_end("sendmail", EX_OK);
	case CALL_VERSION:
		printf("Postern %s\n", POSTERN_VERSION);
		return output_end("sendmail", EX_OK);
	}
	return EX_SOFTWARE;
}
