/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sendmail - takes a message on standard input, holds it, and lets flushq try.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "os/clock.h"
#include "text/codec.h"
#include "os/file.h"
#include "text/idna.h"
#include "cmd/send/progress.h"
#include "cmd/send/intake.h"
#include "cmd/spawn.h"
#include "cmd/send/options.h"
#include "cmd/place.h"
#include "cmd/rights.h"
#include "cmd/send/smtpd.h"
#include "transport/outlook.h"

#define CONFIG_TEXT_MAX (16 * 1024 * 1024)
#define PATH_SHOWN_MAX  4096

static volatile sig_atomic_t stop_signal;

static void note_signal(int number)
{
	stop_signal = number;
}

/* Signals that ask us to end are blocked but where we wait for somebody. */
static void set_signals(void)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction note = {.sa_handler = note_signal}, ignore = {.sa_handler = SIG_IGN};
	struct sigaction usual = {.sa_handler = SIG_DFL};
	sigset_t blocked;
	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct sigaction before;
		/* nohup(1) and shells in the background ignore some on purpose. */
		if (sigaction(ends[i], NULL, &before) == 0 && before.sa_handler == SIG_IGN)
			continue;
		sigaction(ends[i], &note, NULL);
		sigaddset(&blocked, ends[i]);
	}
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGXFSZ, &ignore, NULL);
	sigaction(SIGCHLD, &usual, NULL);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
}

static void complain(const struct fault *f)
{
	fprintf(stderr, "sendmail: %s\n", f->text);
}

/* Standard input is then read to its end on any error. */
static bool reads_input(enum call_mode mode)
{
	return mode != CALL_CONFIG;
}

/* A usage error comes with standard input still to be read by somebody. */
static int usage(const struct fault *f, enum call_mode mode)
{
	complain(f);
	fprintf(stderr, "usage: sendmail [-ti] [-f sender] [-F name] [recipient ...]\n"
	                "usage: sendmail --help lists all options\n");
	if (reads_input(mode))
		intake_drain(&stop_signal);
	return fault_exit(FAULT_USAGE);
}

/* How a message gets in: the caller's own hold, or the gate of the system's. */
struct way {
	struct hold hold;
	struct post_client gate;
};

static bool open_way(const struct place *p, struct way *way, struct intake *in, struct fault *f)
{
	if (p->personal && place_open_hold(p, false, &way->hold, f))
		in->hold = &way->hold;
	else if (!p->personal && place_open_gate(p, false, &way->gate, f))
		in->gate = &way->gate;
	return in->hold || in->gate;
}

static void close_way(const struct place *p, struct way *way)
{
	if (p->personal)
		hold_close(&way->hold);
	else
		post_client_close(&way->gate);
}

/* Without a good configuration nothing can be sent, but what was handed in can
 * be kept for people. */
static int keep_failed(struct place *p, const struct call *call)
{
	struct way way;
	struct fault f = FAULT_INIT;
	struct intake in = {
	    .place = p, .call = call, .room = HOLD_FAILED, .stop = &stop_signal};
	bool open = open_way(p, &way, &in, &f);
	if (!open)
		intake_drain(&stop_signal);
	if (open && intake_take(&in, &f))
		fprintf(stderr,
		        "sendmail: the message is kept in %s/failed/%s; when this is mended, "
		        "\"flushq --retry %s\" puts it back\n",
		        p->hold_path ? p->hold_path : POSTERN_SPOOLDIR, in.id, in.id);
	else
		fprintf(stderr, "sendmail: the message is not kept: %s\n", f.text);
	if (open)
		close_way(p, &way);
	return fault_exit(FAULT_CONFIG);
}

static void say_held(const char *id, const char *reason)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "sendmail: held as %s: %s\n", id, reason);
}

/* Mode now: listens while flushq tries, as long as a caller is to wait. */
static int await_try(const struct place *p, const struct call *call, const char *id, int fd)
{
	struct progress_result result;
	progress_listen(fd, clock_deadline(p->config.wait * 1000), call->quiet, call->verbose,
	                &stop_signal, &result);
	close(fd);
	if (result.interrupted) {
		fprintf(stderr, "sendmail: interrupted: the message is held as %s\n", id);
		return 128 + stop_signal;
	}
	if (result.late)
		say_held(id, "still being tried");
	else if (result.held)
		say_held(id, result.reason);
	else if (!result.done)
		say_held(id, "flushq was cut short");
	if (result.refused == 0)
		return EX_OK;
	return result.code;
}

/* In mode now the caller hears of a try, or of what comes to the same. */
static bool put_off(const struct place *p, struct hold *hold, const char *id, bool listen)
{
	char reason[VERDICT_LINE_MAX] = "";
	if (!outlook_put_off(&p->config, hold, id, reason))
		return false;
	if (listen)
		say_held(id, reason);
	return true;
}

static enum settings_mode delivery_mode(const struct settings *c, const struct call *call)
{
	switch (call->delivery) {
	case CALL_NOW:
		return MODE_NOW;
	case CALL_BACKGROUND:
		return MODE_BACKGROUND;
	case CALL_HOLD:
		return MODE_HOLD;
	case CALL_AS_SET:
		break;
	}
	return c->mode;
}

/* The message is ours; what happens now changes only when it is sent. */
static int pass_on(const struct place *p, const struct call *call, const struct intake *in)
{
	const char *id = in->id;
	const struct settings *c = &p->config;
	int64_t delay = call->delay >= 0 ? call->delay : c->delay;
	enum settings_mode mode = delivery_mode(c, call);
	bool listen = mode == MODE_NOW || call->verbose;
	struct fault f = FAULT_INIT;
	int fd = -1;
	if (mode == MODE_HOLD) {
		say_held(id, "flushq sends it");
		return EX_OK;
	}
	if (delay > 0) {
		say_held(id, "delayed as asked");
		return EX_OK;
	}
	if (in->hold && put_off(p, in->hold, id, listen))
		return EX_OK;
	pid_t pid;
	if (!(in->gate ? post_client_go(in->gate, call->verbose, listen, &fd, &f)
	               : spawn_flushq(p, id, call->verbose, listen, &fd, &pid, &f))) {
		say_held(id, f.text);
		return EX_OK;
	}
	return listen ? await_try(p, call, id, fd) : EX_OK;
}

static int interrupted(void)
{
	fprintf(stderr, "sendmail: interrupted: nothing was taken\n");
	return 128 + stop_signal;
}

static int submit(struct place *p, const struct call *call)
{
	struct way way;
	struct fault f = FAULT_INIT;
	struct intake in = {.place = p, .call = call, .room = HOLD_QUEUE, .stop = &stop_signal};
	int code = EX_OK;
	if (!call->dry_run && !open_way(p, &way, &in, &f)) {
		complain(&f);
		intake_drain(&stop_signal);
		return fault_exit(f.kind);
	}
	bool ok = intake_take(&in, &f);
	if (!ok && stop_signal) {
		code = interrupted();
	} else if (!ok) {
		complain(&f);
		code = fault_exit(f.kind);
	} else if (!call->dry_run) {
		code = pass_on(p, call, &in);
	}
	if (!call->dry_run)
		close_way(p, &way);
	return code;
}

static bool relay_known(const struct place *p, const char *name, struct fault *f)
{
	for (size_t i = 0; name && i < p->config.relay_count; i++)
		if (strcmp(p->config.relays[i].name, name) == 0)
			return true;
	return !name || fault_set(f, FAULT_USAGE, "--relay %s: %s has no [relay %s]", name,
	                          p->config_path, name);
}

static int verify(struct place *p, const struct call *call)
{
	struct fault f = FAULT_INIT;
	struct intake in = {.place = p, .call = call, .stop = &stop_signal};
	if (call->operand_count == 0)
		fault_set(&f, FAULT_USAGE, "-bv: no recipient named");
	else if (intake_verify(&in, &f))
		return EX_OK;
	complain(&f);
	intake_drain(&stop_signal);
	return fault_exit(f.kind);
}

/* Whoever speaks SMTP is told in SMTP what is wrong with the configuration. */
static int speak_smtp(struct place *p, const struct call *call, bool good)
{
	struct fault f = FAULT_INIT;
	if (call->dry_run) {
		fault_set(&f, FAULT_USAGE, "--dry-run and -bs exclude each other");
		return usage(&f, call->mode);
	}
	if (!good)
		fault_set(&f, FAULT_CONFIG, "%s is missing or wrong: see standard error",
		          p->config_path);
	return smtpd_run(p, call, good ? NULL : &f, &stop_signal);
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
	ok = ok && fwrite(text.at, 1, text.len, stdout) == text.len && fflush(stdout) == 0;
	if (!ok)
		fprintf(stderr, "sendmail: cannot write: %s\n", strerror(errno));
	buf_release(&text);
	return ok ? EX_OK : fault_exit(FAULT_IO);
}

static int with_place(const struct call *call)
{
	struct fault f = FAULT_INIT;
	if (!rights_begin(call->config, &f)) {
		complain(&f);
		/* Whoever speaks SMTP waits for us to speak first. */
		if (call->mode != CALL_SMTP)
			intake_drain(&stop_signal);
		return fault_exit(f.kind);
	}
	struct place p;
	bool good = place_find(&p, "sendmail", call->config, false, false);
	p.tag = call->tag;
	int code;
	if (!good && call->mode == CALL_SUBMIT && !call->dry_run)
		code = keep_failed(&p, call);
	else if (!good && call->mode == CALL_SMTP)
		code = speak_smtp(&p, call, false);
	else if (!good) {
		if (reads_input(call->mode))
			intake_drain(&stop_signal);
		code = fault_exit(FAULT_CONFIG);
	} else if (!relay_known(&p, call->relay, &f))
		code = usage(&f, call->mode);
	else if (call->mode == CALL_CONFIG)
		code = print_config(&p, call);
	else if (call->mode == CALL_VERIFY)
		code = verify(&p, call);
	else if (call->mode == CALL_SMTP)
		code = speak_smtp(&p, call, true);
	else
		code = submit(&p, call);
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
	       "       sendmail --check [relay ...] | --config\n");
	options_print(stdout);
	return EX_OK;
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
	if (!good ||
	    (call.mode != CALL_LIST && call.mode != CALL_FLUSH && call.mode != CALL_CHECK))
		set_signals();
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
		return as_check(argv);
	case CALL_NOTHING:
		return EX_OK;
	case CALL_HELP:
		return help();
	case CALL_VERSION:
		printf("Postern %s\n", POSTERN_VERSION);
		return EX_OK;
	}
	return EX_SOFTWARE;
}
