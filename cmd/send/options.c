/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/send/options.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <stdlib.h>
#include <string.h>

#include "text/codec.h"
#include "hold/layout.h"

enum takes {
	TAKES_NOTHING,
	TAKES_ARGUMENT, /* attached, or the next word */
	TAKES_ATTACHED, /* only attached, may be missing */
};

/* Does what the option asks; false: the argument is wrong, f says so. */
typedef bool option_effect(struct call *call, const char *argument, struct fault *f);

struct option_row {
	char letter;
	enum takes takes;
	option_effect *effect; /* NULL: accepted and ignored */
	const char *what;      /* what it does, or why it is ignored */
};

struct long_row {
	const char *name;
	enum takes takes;
	option_effect *effect;
	const char *what;
};

static bool take_recipients(struct call *call, const char *argument, struct fault *f)
{
	(void)argument, (void)f;
	call->message.take_recipients = true;
	return true;
}

static bool ignore_dot(struct call *call, const char *argument, struct fault *f)
{
	(void)argument, (void)f;
	call->message.dot = DOT_IGNORED;
	return true;
}

static bool verbose(struct call *call, const char *argument, struct fault *f)
{
	(void)argument, (void)f;
	call->verbose = true;
	return true;
}

static bool set_from(struct call *call, const char *argument, struct fault *f)
{
	(void)f;
	call->message.have_from = true;
	call->message.from = argument;
	return true;
}

static bool set_full_name(struct call *call, const char *argument, struct fault *f)
{
	(void)f;
	call->message.full_name = argument;
	return true;
}

static bool set_config(struct call *call, const char *argument, struct fault *f)
{
	(void)f;
	call->config = argument;
	return true;
}

static bool set_tag(struct call *call, const char *argument, struct fault *f)
{
	(void)f;
	call->tag = argument;
	return true;
}

static bool set_utf8(struct call *call, const char *argument, struct fault *f)
{
	(void)argument, (void)f;
	call->message.smtputf8 = true;
	return true;
}

static bool set_relayed(struct call *call, const char *argument, struct fault *f)
{
	(void)argument, (void)f;
	call->message.relayed = true;
	return true;
}

static bool aliases_mode(struct call *call, const char *argument, struct fault *f)
{
	(void)argument, (void)f;
	call->mode = CALL_NOTHING;
	return true;
}

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
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
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
static bool set_errors(struct call *call, const char *argument, struct fault *f)
{
	(void)f;
	call->quiet = argument[0] == 'q';
	return true;
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

/* -o: an old-style option, a letter and its value. */
static bool set_old(struct call *call, const char *argument, struct fault *f)
{
	switch (argument[0]) {
	case 'i':
		return ignore_dot(call, argument, f);
	case 'v':
		return verbose(call, argument, f);
	case 'e':
		return set_errors(call, argument + 1, f);
	case 'd':
		set_delivery(call, argument[1]);
		return true;
	default: /* queue directory, timeouts, limits ...: nothing of that kind here */
		return true;
	}
}

/* -q: one run over the hold; intervals are for daemons and mean one run too. */
static bool set_queue(struct call *call, const char *argument, struct fault *f)
{
	(void)f;
	call->mode = CALL_FLUSH;
	if (!argument)
		return true;
	/* All but some: trying those as well does no harm. */
	if (argument[0] == '!')
		return true;
	if (argument[0] == 'I')
		call->only_id = argument + 1;
	else if (argument[0] == 'R')
		call->only_rcpt = argument + 1;
	else if (argument[0] == 'S')
		call->only_sender = argument + 1;
	return true;
}

static const struct option_row rows[] = {
    {'A', TAKES_ARGUMENT, NULL, "ignored: chooses one of Sendmail's configurations"},
    {'B', TAKES_ARGUMENT, set_body, "7BIT or 8BITMIME: kind of the body"},
    {'C', TAKES_ARGUMENT, set_config, "personal mode with this configuration file"},
    {'D', TAKES_ARGUMENT, NULL, "ignored: debug output into a file"},
    {'E', TAKES_ATTACHED, NULL, "ignored: of other mailers"},
    {'F', TAKES_ARGUMENT, set_full_name, "full name, for a From that is missing"},
    {'G', TAKES_NOTHING, set_relayed,
     "the message comes from elsewhere: from_rule and reply_to leave it alone"},
    {'I', TAKES_NOTHING, aliases_mode, "as -bi"},
    {'J', TAKES_ATTACHED, NULL, "ignored: of other mailers"},
    {'L', TAKES_ARGUMENT, set_tag, "the name under which this message is logged (own hold)"},
    {'M', TAKES_ARGUMENT, NULL, "ignored: macros of Sendmail"},
    {'N', TAKES_ARGUMENT, set_notify, "never, or success,failure,delay: reports wanted (DSN)"},
    {'O', TAKES_ARGUMENT, NULL, "ignored: options of Sendmail's configuration"},
    {'Q', TAKES_ATTACHED, NULL, "ignored: quarantine"},
    {'R', TAKES_ARGUMENT, set_ret, "full or hdrs: how much a report returns (DSN)"},
    {'T', TAKES_NOTHING, NULL, "ignored: of other mailers"},
    {'U', TAKES_NOTHING, set_utf8, "ask for SMTPUTF8"},
    {'V', TAKES_ARGUMENT, set_envid, "envelope id (DSN)"},
    {'X', TAKES_ARGUMENT, NULL, "ignored: traffic into a file; see -v"},
    {'b', TAKES_ARGUMENT, set_mode, "mode: m message, s SMTP, p list, i aliases, v verify"},
    {'c', TAKES_NOTHING, NULL, "ignored: expensive mailers are held"},
    {'d', TAKES_ATTACHED, NULL, "ignored: debug level"},
    {'e', TAKES_ARGUMENT, set_errors, "errors: q nothing on standard error; m p w e as ever"},
    {'f', TAKES_ARGUMENT, set_from, "envelope sender; empty or <>: the null sender"},
    {'h', TAKES_ARGUMENT, NULL, "ignored: hop count; Received lines are counted"},
    {'i', TAKES_NOTHING, ignore_dot, "a line of a single dot does not end the message"},
    {'m', TAKES_NOTHING, NULL, "ignored: the sender is never left out of an alias"},
    {'n', TAKES_NOTHING, NULL, "ignored: no aliasing"},
    {'o', TAKES_ARGUMENT, set_old,
     "old style: i, v, eX as -i -v -eX; di now, db behind, dq and dd hold; others ignored"},
    {'p', TAKES_ARGUMENT, NULL, "ignored: protocol and host of the sender"},
    {'q', TAKES_ATTACHED, set_queue,
     "one run over the hold; I, R, S and text: only ids, recipients, senders with it"},
    {'r', TAKES_ARGUMENT, set_from, "as -f"},
    {'s', TAKES_NOTHING, NULL, "ignored: From lines are never kept"},
    {'t', TAKES_NOTHING, take_recipients, "recipients from To, Cc and Bcc too"},
    {'v', TAKES_NOTHING, verbose, "the conversation with the server on standard error"},
    {'x', TAKES_NOTHING, NULL, "ignored: of AIX"},
};

static bool set_relay(struct call *call, const char *argument, struct fault *f)
{
	(void)f;
	call->message.relay = argument;
	return true;
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

static bool set_hold(struct call *call, const char *argument, struct fault *f)
{
	(void)argument, (void)f;
	call->delivery = CALL_HOLD;
	return true;
}

static bool set_dry_run(struct call *call, const char *argument, struct fault *f)
{
	(void)argument, (void)f;
	call->dry_run = true;
	return true;
}

static bool check_mode(struct call *call, const char *argument, struct fault *f)
{
	(void)argument, (void)f;
	call->mode = CALL_CHECK;
	return true;
}

#ifdef HAVE_OAUTH
static bool login_mode(struct call *call, const char *argument, struct fault *f)
{
	(void)argument, (void)f;
	call->mode = CALL_LOGIN;
	return true;
}

static bool logout_mode(struct call *call, const char *argument, struct fault *f)
{
	(void)argument, (void)f;
	call->mode = CALL_LOGOUT;
	return true;
}
#endif

static bool settings_mode(struct call *call, const char *argument, struct fault *f)
{
	(void)argument, (void)f;
	call->mode = CALL_CONFIG;
	return true;
}

static const struct long_row long_rows[] = {
    {"--check", TAKES_NOTHING, check_mode,
     "try this host and the relays (all, or those named); sends no mail"},
    {"--config", TAKES_NOTHING, settings_mode, "print the configuration in effect"},
#ifdef HAVE_OAUTH
    {"--login", TAKES_NOTHING, login_mode,
     "log in at the provider of the relay (oauth), and try the relay"},
    {"--logout", TAKES_NOTHING, logout_mode, "forget that, and revoke it if that is offered"},
#endif
    {"--dry-run", TAKES_NOTHING, set_dry_run,
     "print envelope, route and message; send nothing"},
    {"--relay", TAKES_ARGUMENT, set_relay, "use that relay only"},
    {"--delay", TAKES_ARGUMENT, set_delay, "do not send before then: 30s 5m 2h 1d"},
    {"--hold", TAKES_NOTHING, set_hold, "hold only; flushq sends"},
    {"--help", TAKES_NOTHING, NULL, "this list, as the only argument"},
    {"--version", TAKES_NOTHING, NULL, "the version, as the only argument"},
};

static const struct option_row *find_row(char letter)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].letter == letter)
			return &rows[i];
	return NULL;
}

/* One word of options, from its letter at on; may take the next word. */
static bool scan_cluster(char **argv, int argc, int *i, struct call *call, struct fault *f)
{
	for (const char *at = argv[*i] + 1; *at; at++) {
		const struct option_row *row = find_row(*at);
		const char *argument = NULL;
		if (!row)
			return fault_set(f, FAULT_USAGE, "illegal option -- %c", *at);
		if (row->takes != TAKES_NOTHING && at[1])
			argument = at + 1;
		else if (row->takes == TAKES_ARGUMENT && *i + 1 < argc)
			argument = argv[++*i];
		else if (row->takes == TAKES_ARGUMENT)
			return fault_set(f, FAULT_USAGE, "option requires an argument -- %c",
			                 *at);
		if (row->effect && !row->effect(call, argument, f))
			return false;
		if (row->takes != TAKES_NOTHING)
			return true;
	}
	return true;
}

static bool scan_long(char **argv, int argc, int *i, struct call *call, struct fault *f)
{
	struct str word = str_of(argv[*i]);
	size_t equals = str_find(word, '=');
	struct str name = str_first(word, equals == STR_NONE ? word.len : equals);
	for (size_t k = 0; k < sizeof(long_rows) / sizeof(long_rows[0]); k++) {
		const struct long_row *row = &long_rows[k];
		const char *argument = equals == STR_NONE ? NULL : argv[*i] + equals + 1;
		if (!str_eq(name, str_of(row->name)) || !row->effect)
			continue;
		if (row->takes == TAKES_NOTHING && argument)
			return fault_set(f, FAULT_USAGE, "%s takes no argument", row->name);
		if (row->takes == TAKES_ARGUMENT && !argument) {
			if (*i + 1 == argc)
				return fault_set(f, FAULT_USAGE, "%s requires an argument",
				                 row->name);
			argument = argv[++*i];
		}
		return row->effect(call, argument, f);
	}
	return fault_set(f, FAULT_USAGE, "unknown option %s", argv[*i]);
}

bool options_printable(int argc, char **argv, struct fault *f)
{
	for (int i = 1; i < argc; i++)
		for (const char *c = argv[i]; *c; c++)
			if (((unsigned char)*c < 32 && *c != '\t') || *c == 127)
				return fault_set(f, FAULT_USAGE,
				                 "argument %d has a control byte (code %d)", i,
				                 *c);
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
	int i = 1;
	*call = (struct call){.mode = CALL_SUBMIT, .message = {.dot = DOT_SAFE, .delay = -1}};
	if (!mode_by_name(argc > 0 ? argv[0] : "sendmail", call, f))
		return false;
	if (call->hold_program)
		return true;
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		call->mode = CALL_HELP;
	else if (argc == 2 && strcmp(argv[1], "--version") == 0)
		call->mode = CALL_VERSION;
	if (call->mode == CALL_HELP || call->mode == CALL_VERSION)
		return true;
	if (!options_printable(argc, argv, f))
		return false;
	for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		if (argv[i][1] == '-' ? !scan_long(argv, argc, &i, call, f)
		                      : !scan_cluster(argv, argc, &i, call, f))
			return false;
	}
	call->operands = argv + (i < argc ? i : argc);
	call->operand_count = i < argc ? (size_t)(argc - i) : 0;
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

/* Those with an effect, or those without. */
static void print_letters(FILE *out, bool effect)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if ((rows[i].effect != NULL) == effect)
			fprintf(out, "  -%c%s\t%s\n", rows[i].letter,
			        rows[i].takes == TAKES_ARGUMENT   ? " ARG"
			        : rows[i].takes == TAKES_ATTACHED ? "[ARG]"
			                                          : "",
			        rows[i].what);
}

void options_print(FILE *out)
{
	fputs("\nOptions of Postern:\n", out);
	for (size_t i = 0; i < sizeof(long_rows) / sizeof(long_rows[0]); i++)
		fprintf(out, "  %s%s\t%s\n", long_rows[i].name,
		        long_rows[i].takes == TAKES_ARGUMENT ? " ARG" : "", long_rows[i].what);
	fputs("\nOptions of every sendmail:\n", out);
	print_letters(out, true);
	fputs("\nWithout effect:\n", out);
	print_letters(out, false);
}
