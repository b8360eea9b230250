/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/send/options.h"

#include <string.h>

#include "text/codec.h"
#include "hold/layout.h"
#include "cmd/args.h"

enum sendmail_option {
	OPTION_IGNORED,
	OPTION_JOB,     /* the row's value is the mode */
	OPTION_MESSAGE, /* it is an enum message_option */
	OPTION_MODE,
	OPTION_QUEUE,
	OPTION_CONFIG,
	OPTION_CONFIGURE,
	OPTION_TAG,
	OPTION_ERRORS,
	OPTION_OLD,
	OPTION_VERBOSE,
	OPTION_HOLD,
	OPTION_DRY_RUN,
};

/* What is said about the message. */
enum message_option {
	MESSAGE_BODY,
	MESSAGE_FULL_NAME,
	MESSAGE_RELAYED,
	MESSAGE_NOTIFY,
	MESSAGE_RET,
	MESSAGE_UTF8,
	MESSAGE_ENVID,
	MESSAGE_FROM,
	MESSAGE_DOT,
	MESSAGE_RECIPIENTS,
	MESSAGE_RELAY,
	MESSAGE_DELAY,
};

static const struct args_row rows[] = {
    ARGS_HEADING("Options of Postern:"),
    {0, "--check", ARGS_NOTHING, NULL, OPTION_JOB, CALL_CHECK,
     "try this host and the relays (all, or those named); sends no mail"},
    {0, "--config", ARGS_NOTHING, NULL, OPTION_JOB, CALL_CONFIG,
     "print the configuration in effect"},
    {0, "--configure", ARGS_ARGUMENT, "ARG", OPTION_CONFIGURE, 0,
     "print a configuration for that address; writes no file"},
    {0, "--providers", ARGS_ALONE, NULL, OPTION_JOB, CALL_PROVIDERS,
     "the table of presets, as the only argument"},
#ifdef HAVE_OAUTH
    {0, "--login", ARGS_NOTHING, NULL, OPTION_JOB, CALL_LOGIN,
     "log in at the provider of the relay (oauth), and try the relay"},
    {0, "--logout", ARGS_NOTHING, NULL, OPTION_JOB, CALL_LOGOUT,
     "forget that, and revoke it if that is offered"},
#endif
    {0, "--dry-run", ARGS_NOTHING, NULL, OPTION_DRY_RUN, 0,
     "print envelope, route and message; send nothing"},
    {0, "--relay", ARGS_ARGUMENT, "ARG", OPTION_MESSAGE, MESSAGE_RELAY, "use that relay only"},
    {0, "--delay", ARGS_ARGUMENT, "ARG", OPTION_MESSAGE, MESSAGE_DELAY,
     "do not send before then: 30s 5m 2h 1d"},
    {0, "--hold", ARGS_NOTHING, NULL, OPTION_HOLD, 0, "hold only; flushq sends"},
    {0, "--help", ARGS_ALONE, NULL, OPTION_JOB, CALL_HELP, "this list, as the only argument"},
    {0, "--version", ARGS_ALONE, NULL, OPTION_JOB, CALL_VERSION,
     "the version, as the only argument"},
    ARGS_HEADING("Options of every sendmail:"),
    {'B', NULL, ARGS_ARGUMENT, "ARG", OPTION_MESSAGE, MESSAGE_BODY,
     "7BIT or 8BITMIME: kind of the body"},
    {'C', NULL, ARGS_ARGUMENT, "ARG", OPTION_CONFIG, 0,
     "personal mode with this configuration file"},
    {'F', NULL, ARGS_ARGUMENT, "ARG", OPTION_MESSAGE, MESSAGE_FULL_NAME,
     "full name, for a From that is missing"},
    {'G', NULL, ARGS_NOTHING, NULL, OPTION_MESSAGE, MESSAGE_RELAYED,
     "the message comes from elsewhere: from_rule and reply_to leave it alone"},
    {'I', NULL, ARGS_NOTHING, NULL, OPTION_JOB, CALL_NOTHING, "as -bi"},
    {'L', NULL, ARGS_ARGUMENT, "ARG", OPTION_TAG, 0,
     "the name under which this message is logged (own hold)"},
    {'N', NULL, ARGS_ARGUMENT, "ARG", OPTION_MESSAGE, MESSAGE_NOTIFY,
     "never, or success,failure,delay: reports wanted (DSN)"},
    {'R', NULL, ARGS_ARGUMENT, "ARG", OPTION_MESSAGE, MESSAGE_RET,
     "full or hdrs: how much a report returns (DSN)"},
    {'U', NULL, ARGS_NOTHING, NULL, OPTION_MESSAGE, MESSAGE_UTF8, "ask for SMTPUTF8"},
    {'V', NULL, ARGS_ARGUMENT, "ARG", OPTION_MESSAGE, MESSAGE_ENVID, "envelope id (DSN)"},
    {'b', NULL, ARGS_ARGUMENT, "ARG", OPTION_MODE, 0,
     "mode: m message, s SMTP, p list, i aliases, v verify"},
    {'e', NULL, ARGS_ARGUMENT, "ARG", OPTION_ERRORS, 0,
     "errors: q nothing on standard error; m p w e as ever"},
    {'f', NULL, ARGS_ARGUMENT, "ARG", OPTION_MESSAGE, MESSAGE_FROM,
     "envelope sender; empty or <>: the null sender"},
    {'i', NULL, ARGS_NOTHING, NULL, OPTION_MESSAGE, MESSAGE_DOT,
     "a line of a single dot does not end the message"},
    {'o', NULL, ARGS_ARGUMENT, "ARG", OPTION_OLD, 0,
     "old style: i, v, eX as -i -v -eX; di now, db behind, dq and dd hold; others ignored"},
    {'q', NULL, ARGS_ATTACHED, "[ARG]", OPTION_QUEUE, 0,
     "one run over the hold; I, R, S and text: only ids, recipients, senders with it"},
    {'r', NULL, ARGS_ARGUMENT, "ARG", OPTION_MESSAGE, MESSAGE_FROM, "as -f"},
    {'t', NULL, ARGS_NOTHING, NULL, OPTION_MESSAGE, MESSAGE_RECIPIENTS,
     "recipients from To, Cc and Bcc too"},
    {'v', NULL, ARGS_NOTHING, NULL, OPTION_VERBOSE, 0,
     "the conversation with the server on standard error"},
    ARGS_HEADING("Without effect:"),
    {'A', NULL, ARGS_ARGUMENT, "ARG", OPTION_IGNORED, 0,
     "ignored: chooses one of Sendmail's configurations"},
    {'D', NULL, ARGS_ARGUMENT, "ARG", OPTION_IGNORED, 0, "ignored: debug output into a file"},
    {'E', NULL, ARGS_ATTACHED, "[ARG]", OPTION_IGNORED, 0, "ignored: of other mailers"},
    {'J', NULL, ARGS_ATTACHED, "[ARG]", OPTION_IGNORED, 0, "ignored: of other mailers"},
    {'M', NULL, ARGS_ARGUMENT, "ARG", OPTION_IGNORED, 0, "ignored: macros of Sendmail"},
    {'O', NULL, ARGS_ARGUMENT, "ARG", OPTION_IGNORED, 0,
     "ignored: options of Sendmail's configuration"},
    {'Q', NULL, ARGS_ATTACHED, "[ARG]", OPTION_IGNORED, 0, "ignored: quarantine"},
    {'T', NULL, ARGS_NOTHING, NULL, OPTION_IGNORED, 0, "ignored: of other mailers"},
    {'X', NULL, ARGS_ARGUMENT, "ARG", OPTION_IGNORED, 0,
     "ignored: traffic into a file; see -v"},
    {'c', NULL, ARGS_NOTHING, NULL, OPTION_IGNORED, 0, "ignored: expensive mailers are held"},
    {'d', NULL, ARGS_ATTACHED, "[ARG]", OPTION_IGNORED, 0, "ignored: debug level"},
    {'h', NULL, ARGS_ARGUMENT, "ARG", OPTION_IGNORED, 0,
     "ignored: hop count; Received lines are counted"},
    {'m', NULL, ARGS_NOTHING, NULL, OPTION_IGNORED, 0,
     "ignored: the sender is never left out of an alias"},
    {'n', NULL, ARGS_NOTHING, NULL, OPTION_IGNORED, 0, "ignored: no aliasing"},
    {'p', NULL, ARGS_ARGUMENT, "ARG", OPTION_IGNORED, 0,
     "ignored: protocol and host of the sender"},
    {'s', NULL, ARGS_NOTHING, NULL, OPTION_IGNORED, 0, "ignored: From lines are never kept"},
    {'x', NULL, ARGS_NOTHING, NULL, OPTION_IGNORED, 0, "ignored: of AIX"},
};

static const struct args_table table = {rows, COUNT(rows), true, 0};

static bool set_body(struct call *call, const char *argument, struct fault *f)
{
	return envelope_parse_body(str_of(argument), &call->message.body) ||
	       fault_set(f, FAULT_USAGE, "-B %s: 7BIT or 8BITMIME is expected", argument);
}

static bool set_notify(struct call *call, const char *argument, struct fault *f)
{
	if (envelope_parse_notify(str_of(argument), &call->message.notify))
		return true;
	return fault_set(f, FAULT_USAGE,
	                 "-N %s: never, or a list of success, failure, delay is expected",
	                 argument);
}

static bool set_ret(struct call *call, const char *argument, struct fault *f)
{
	return envelope_parse_ret(str_of(argument), &call->message.ret) ||
	       fault_set(f, FAULT_USAGE, "-R %s: full or hdrs is expected", argument);
}

static bool set_envid(struct call *call, const char *argument, struct fault *f)
{
	struct str a = str_of(argument);
	if (a.len == 0 || a.len > 100 || !codec_is_xtext(a))
		return fault_set(f, FAULT_USAGE,
		                 "-V %s: 1 to 100 characters of xtext (RFC 3461) are expected",
		                 argument);
	call->message.envid = argument;
	return true;
}

/* The last of several -b wins, as with all options. */
static bool set_mode(struct call *call, const char *argument, struct fault *f)
{
	static const struct {
		char letter;
		enum call_mode mode;
	} modes[] = {{'m', CALL_SUBMIT},  {'s', CALL_SMTP},   {'p', CALL_LIST},
	             {'i', CALL_NOTHING}, {'v', CALL_VERIFY}, {'h', CALL_NOTHING},
	             {'H', CALL_NOTHING}, {'P', CALL_NOTHING}};
	for (size_t i = 0; i < COUNT(modes); i++)
		if (argument[0] == modes[i].letter) {
			call->mode = modes[i].mode;
			call->count_only = call->mode == CALL_LIST && argument[1] == 'c';
			return true;
		}
	if (argument[0] && strchr("dDl", argument[0]))
		return fault_set(f, FAULT_USAGE, "-b%s: daemon mode is not supported",
		                 argument);
	return fault_set(f, FAULT_USAGE, "-b%s: this mode is not supported", argument);
}

/* -e: how errors are told. We always tell on standard error and by the exit
 * code; q wants silence. */
static void set_errors(struct call *call, const char *argument)
{
	call->quiet = argument[0] == 'q';
}

static void set_delivery(struct call *call, char letter)
{
	if (letter == 'i')
		call->delivery = CALL_NOW;
	else if (letter == 'b')
		call->delivery = CALL_BACKGROUND;
	else if (letter == 'q' || letter == 'd')
		call->delivery = CALL_HOLD;
}

/* -o: an old-style option, a letter and its value. All others, such as the queue's directory,
 * timeouts and limits, are about nothing that there is here. */
static void set_old(struct call *call, const char *argument)
{
	if (argument[0] == 'i')
		call->message.dot = DOT_IGNORED;
	else if (argument[0] == 'v')
		call->verbose = true;
	else if (argument[0] == 'e')
		set_errors(call, argument + 1);
	else if (argument[0] == 'd')
		set_delivery(call, argument[1]);
}

/* -q: one run over the hold; intervals are for daemons and mean one run too. */
static void set_queue(struct call *call, const char *argument)
{
	call->mode = CALL_FLUSH;
	/* "!", all but some: trying those as well does no harm. */
	if (!argument || argument[0] == '!')
		return;
	if (argument[0] == 'I')
		call->only_id = argument + 1;
	else if (argument[0] == 'R')
		call->only_rcpt = argument + 1;
	else if (argument[0] == 'S')
		call->only_sender = argument + 1;
}

static bool set_delay(struct call *call, const char *argument, struct fault *f)
{
	if (!settings_duration(str_of(argument), &call->message.delay))
		return fault_set(f, FAULT_USAGE,
		                 "--delay %s: a time such as 30s, 5m, 2h is expected",
		                 argument);
	return call->message.delay <= ENTRY_DELAY_MAX ||
	       fault_set(f, FAULT_USAGE, "--delay %s: the longest is %dd", argument,
	                 ENTRY_DELAY_MAX / 86400);
}

static bool apply_message(struct call *call, enum message_option option, const char *argument,
                          struct fault *f)
{
	struct submission_options *m = &call->message;
	switch (option) {
	case MESSAGE_BODY:
		return set_body(call, argument, f);
	case MESSAGE_NOTIFY:
		return set_notify(call, argument, f);
	case MESSAGE_RET:
		return set_ret(call, argument, f);
	case MESSAGE_ENVID:
		return set_envid(call, argument, f);
	case MESSAGE_DELAY:
		return set_delay(call, argument, f);
	case MESSAGE_UTF8:
		return m->smtputf8 = true;
	case MESSAGE_RELAYED:
		return m->relayed = true;
	case MESSAGE_RECIPIENTS:
		return m->take_recipients = true;
	case MESSAGE_FULL_NAME:
		m->full_name = argument;
		break;
	case MESSAGE_FROM:
		m->have_from = true;
		m->from = argument;
		break;
	case MESSAGE_DOT:
		m->dot = DOT_IGNORED;
		break;
	case MESSAGE_RELAY:
		m->relay = argument;
		break;
	}
	return true;
}

static bool apply(struct call *call, const struct args *a, struct fault *f)
{
	const char *argument = a->argument;
	switch ((enum sendmail_option)a->row->option) {
	case OPTION_IGNORED:
		break;
	case OPTION_JOB:
		call->mode = (enum call_mode)a->row->value;
		break;
	case OPTION_MODE:
		return set_mode(call, argument, f);
	case OPTION_QUEUE:
		set_queue(call, argument);
		break;
	case OPTION_CONFIG:
		call->config = argument;
		break;
	case OPTION_CONFIGURE:
		call->mode = CALL_CONFIGURE;
		call->configure = argument;
		break;
	case OPTION_TAG:
		call->tag = argument;
		break;
	case OPTION_ERRORS:
		set_errors(call, argument);
		break;
	case OPTION_OLD:
		set_old(call, argument);
		break;
	case OPTION_VERBOSE:
		return call->verbose = true;
	case OPTION_HOLD:
		call->delivery = CALL_HOLD;
		break;
	case OPTION_DRY_RUN:
		return call->dry_run = true;
	case OPTION_MESSAGE:
		return apply_message(call, (enum message_option)a->row->value, argument, f);
	}
	return true;
}

/* The name by which we were called may choose what to do. */
static bool mode_by_name(const char *program, struct call *call, struct fault *f)
{
	const char *slash = strrchr(program, '/');
	struct str name = str_of(slash ? slash + 1 : program);
	if (str_eq(name, STR("mailq")) || str_eq(name, STR("runq")))
		call->hold_program = true;
	else if (str_eq(name, STR("newaliases")) || str_eq(name, STR("hoststat")) ||
	         str_eq(name, STR("purgestat")))
		call->mode = CALL_NOTHING;
	else if (str_eq(name, STR("smtpd")))
		return fault_set(f, FAULT_USAGE, "smtpd: daemon mode is not supported");
	return true;
}

bool options_scan(int argc, char **argv, struct call *call, struct fault *f)
{
	*call = (struct call){.mode = CALL_SUBMIT, .message = {.dot = DOT_SAFE, .delay = -1}};
	if (!mode_by_name(argc > 0 ? argv[0] : "sendmail", call, f))
		return false;
	if (call->hold_program)
		return true;
	if (!args_printable(argc, argv, f))
		return false;
	struct args a = {.table = &table, .argc = argc, .argv = argv, .at = 1};
	do {
		if (!args_next(&a, f) || (a.row && !apply(call, &a, f)))
			return false;
	} while (a.row);
	int first = a.at < argc ? a.at : argc;
	call->operands = argv + first;
	call->operand_count = (size_t)(argc - first);
	return true;
}

enum settings_mode options_delivery(const struct call *call, const struct settings *c)
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

void options_print(FILE *out)
{
	args_help(&table, out);
}
