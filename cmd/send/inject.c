/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/send/inject.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/log.h"
#include "cmd/send/input.h"
#include "cmd/send/progress.h"
#include "cmd/send/sinks.h"
#include "submit/submission.h"

#define CHUNK 65536

struct injection {
	struct place *place;
	const struct call *call;
	struct sinks sinks;
	struct submission *submission;
	char id[ENTRY_ID_LEN + 1]; /* of the held entry, afterwards; "" in a dry run */
};

/* Nothing of a message is told with -oeq. */
static int complain(const struct injection *in, const struct fault *f)
{
	if (!in->call->quiet)
		fprintf(stderr, "sendmail: %s\n", f->text);
	return fault_exit(f->kind);
}

static void print_alias(void *context, size_t line, const char *text)
{
	const struct place *p = context;
	fprintf(stderr, "sendmail: warning: %s:%zu: %s\n", p->config.aliases, line, text);
}

static void print_alias_on_terminal(void *context, size_t line, const char *text)
{
	if (isatty(STDERR_FILENO))
		print_alias(context, line, text);
}

void inject_prepare(struct place *p, bool loud)
{
	place_names(p);
	place_open_log(p, "sendmail");
	p->host.warn = loud ? print_alias : print_alias_on_terminal;
	p->host.context = p;
}

static void begin(struct injection *in)
{
	const struct call *call = in->call;
	const struct submission_env env = {&in->place->config, &in->place->host, in->sinks.sink,
	                                   in->place->user};
	struct submission_options o = call->message;
	if (o.dot == DOT_SAFE && isatty(STDIN_FILENO))
		o.dot = DOT_CLASSIC;
	inject_prepare(in->place, call->mode == CALL_VERIFY);
	in->submission = submission_new(&env, &o);
}

static bool take_operands(const struct injection *in, struct fault *f)
{
	const struct call *call = in->call;
	for (size_t i = 0; i < call->operand_count; i++) {
		/* Elsewhere it means standard input; nobody has such a mailbox. */
		if (strcmp(call->operands[i], "-") == 0)
			return fault_set(f, FAULT_DATA, "recipient -: not an address");
		if (!submission_recipients(in->submission, str_of(call->operands[i]),
		                           call->message.notify, STR(""), f))
			return fault_prefix(f, "recipient %.200s", call->operands[i]);
	}
	return true;
}

static bool read_message(const struct injection *in, struct fault *f)
{
	struct submission *s = in->submission;
	char *bytes = mem_room(CHUNK);
	bool ok;
	for (;;) {
		size_t got;
		ok = input_read(bytes, CHUNK, &got, f);
		if (!ok || got == 0)
			break;
		if (submission_ended(s))
			continue;
		ok = submission_bytes(s, str_make(bytes, got), f);
		if (!ok || (submission_ended(s) && isatty(STDIN_FILENO)))
			break;
	}
	free(bytes);
	return ok;
}

static bool take_message(struct injection *in, struct fault *f)
{
	struct submission *s = in->submission;
	if (!submission_sender(s, f) || !take_operands(in, f))
		return false;
	if (!in->call->message.take_recipients && submission_envelope(s)->rcpt_count == 0)
		return fault_set(f, FAULT_USAGE, "no recipient: name one, or use -t");
	submission_start(s);
	return read_message(in, f) && submission_end(s, in->id, f);
}

/* False: f says why, and nothing is held (f->sys is EINTR if a signal ended it). */
static bool take(struct injection *in, struct fault *f)
{
	begin(in);
	bool ok = take_message(in, f);
	if (!ok && f->sys != EINTR)
		input_drain();
	submission_free(in->submission);
	log_close();
	return ok;
}

int inject_failed(struct place *p, const struct call *call)
{
	struct injection in = {.place = p, .call = call};
	struct fault f = FAULT_INIT;
	sinks_choose(&in.sinks, p, false, HOLD_FAILED);
	bool open = sink_open(in.sinks.sink, &f);
	if (!open)
		input_drain();
	if (open && take(&in, &f))
		fprintf(stderr,
		        "sendmail: the message is kept in %s/failed/%s; when this is mended, "
		        "\"flushq --retry %s\" puts it back\n",
		        p->hold_path ? p->hold_path : POSTERN_SPOOLDIR, in.id, in.id);
	else
		fprintf(stderr, "sendmail: the message is not kept: %s\n", f.text);
	sink_close(in.sinks.sink);
	return fault_exit(FAULT_CONFIG);
}

/* To a person, or whoever asks for it. */
static void say_held(const struct injection *in, const char *reason)
{
	if (in->call->verbose || isatty(STDERR_FILENO))
		fprintf(stderr, "sendmail: held as %s: %s\n", in->id, reason);
}

/* Mode now: listens while flushq tries, as long as a caller is to wait. */
static int await_try(const struct injection *in, int fd)
{
	const struct call *call = in->call;
	struct progress_result result;
	unsigned how =
	    (call->quiet ? PROGRESS_QUIET : 0u) | (call->verbose ? PROGRESS_TO_END : 0u);
	progress_listen(fd, clock_deadline(in->place->config.wait_ms), how, &result);
	close(fd);
	if (result.interrupted) {
		fprintf(stderr, "sendmail: interrupted: the message is held as %s\n", in->id);
		return 128 + input_stopped();
	}
	if (result.late)
		say_held(in, "still being tried");
	else if (result.held)
		say_held(in, result.reason);
	else if (!result.done)
		say_held(in, "flushq was cut short");
	if (result.refused == 0)
		return EX_OK;
	return result.code;
}

/* The message is ours; what happens now changes only when it is sent. */
static int pass_on(const struct injection *in)
{
	const struct settings *c = &in->place->config;
	const struct call *call = in->call;
	enum settings_mode mode = options_delivery(call, c);
	struct sink_try attempt = {.id = in->id,
	                           .verbose = call->verbose,
	                           .listen = mode == MODE_NOW || call->verbose};
	struct fault f = FAULT_INIT;
	if (mode == MODE_HOLD) {
		say_held(in, "flushq sends it");
		return EX_OK;
	}
	if (submission_delay(&call->message, c) > 0) {
		say_held(in, "delayed as asked");
		return EX_OK;
	}
	if (!sink_start(in->sinks.sink, &attempt, &f)) {
		say_held(in, f.text);
		return EX_OK;
	}
	return attempt.listen ? await_try(in, attempt.fd) : EX_OK;
}

int inject_message(struct place *p, const struct call *call)
{
	struct injection in = {.place = p, .call = call};
	struct fault f = FAULT_INIT;
	int code = EX_OK;
	sinks_choose(&in.sinks, p, call->dry_run, HOLD_QUEUE);
	if (!sink_open(in.sinks.sink, &f)) {
		code = complain(&in, &f);
		input_drain();
		return code;
	}
	bool ok = take(&in, &f);
	if (!ok && input_stopped()) {
		fprintf(stderr, "sendmail: interrupted: nothing was taken\n");
		code = 128 + input_stopped();
	} else if (!ok) {
		code = complain(&in, &f);
	} else if (in.id[0]) {
		code = pass_on(&in);
	}
	sink_close(in.sinks.sink);
	return code;
}

static bool print_operands(struct injection *in, struct fault *f)
{
	const struct envelope *e = submission_envelope(in->submission);
	/* Whether one of them is local or not: this is where people look. */
	if (!this_host_aliases(&in->place->host, f) || !take_operands(in, f))
		return false;
	if (e->rcpt_count == 0)
		return fault_set(f, FAULT_USAGE, "-bv: no recipient named");
	for (size_t i = 0; i < e->rcpt_count; i++)
		printf("%s... deliverable: through a relay\n", e->rcpts[i].address);
	/* Rows that change it are easily wrong. */
	if (in->place->config.sender_count > 0) {
		if (!submission_sender(in->submission, f))
			return false;
		printf("sender: <%s>\n", e->sender);
	}
	return fflush(stdout) == 0 || fault_sys(f, FAULT_IO, errno, "standard output");
}

int inject_verify(struct place *p, const struct call *call)
{
	struct injection in = {.place = p, .call = call};
	struct fault f = FAULT_INIT;
	/* One that holds nothing. */
	sinks_choose(&in.sinks, p, true, HOLD_QUEUE);
	begin(&in);
	bool ok = print_operands(&in, &f);
	submission_free(in.submission);
	if (ok)
		return EX_OK;
	int code = complain(&in, &f);
	input_drain();
	return code;
}
