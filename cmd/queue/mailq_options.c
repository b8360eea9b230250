/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/queue/mailq_options.h"

#include <limits.h>
#include <string.h>

#include "cmd/args.h"
#include "hold/entry.h"

#define OPTIONS_MAX 32768 /* bytes */
#define EXCLUDED    "two options that exclude each other"

enum mailq_option {
	OPTION_IGNORED,
	OPTION_JOB,  /* the row's value says which */
	OPTION_VERB, /* of cmd/queue/admin, by the same name */
	OPTION_CONFIG,
	OPTION_VERBOSE,
	OPTION_FAILED,
	OPTION_ALL,
	OPTION_SHOW,
	OPTION_ID,
	OPTION_RECIPIENT,
	OPTION_SENDER,
};

/* What both know; of other mailers, to no effect, too. */
#define ROWS_OF_BOTH(verbose)                                                               \
	ARGS_HEADING("For all:"),                                                           \
	    {'v', NULL, ARGS_NOTHING, NULL, OPTION_VERBOSE, 0, (verbose)},                  \
	    {'C', NULL, ARGS_ARGUMENT, "FILE", OPTION_CONFIG, 0, "use this configuration"}, \
	    {0, "--help", ARGS_NOTHING, NULL, OPTION_JOB, JOB_HELP, "this text"},           \
	    {0, "--version", ARGS_NOTHING, NULL, OPTION_JOB, JOB_VERSION, "the version"},   \
	    ARGS_HEADING("Of other mailers:"),                                              \
	    {'A', NULL, ARGS_ATTACHED, "c|m", OPTION_IGNORED, 0, "ignored"},                \
	    {'q', NULL, ARGS_ATTACHED, "...", OPTION_IGNORED, 0, "ignored"},

static const struct args_row mailq_rows[] = {
    ARGS_HEADING("What is shown:"),
    {'j', "--json", ARGS_NOTHING, NULL, OPTION_JOB, JOB_JSON, "one JSON object a message"},
    {0, "--failed", ARGS_NOTHING, NULL, OPTION_FAILED, 0,
     "the failed messages instead of the held ones"},
    {0, "--show", ARGS_ARGUMENT, "ID", OPTION_SHOW, 0, "envelope, state and message"},
    {0, "--count", ARGS_NOTHING, NULL, OPTION_JOB, JOB_COUNT, "the number of messages"},
    {0, "--summary", ARGS_NOTHING, NULL, OPTION_JOB, JOB_SUMMARY,
     "how long mail has been waiting, and why"},
    {0, "--metrics", ARGS_NOTHING, NULL, OPTION_JOB, JOB_METRICS,
     "OpenMetrics text for monitoring"},
    ROWS_OF_BOTH("attempts, next try, relay and the last reply for each recipient")};

static const struct args_row flushq_rows[] = {
    ARGS_HEADING("What is tried:"),
    {'a', "--all", ARGS_NOTHING, NULL, OPTION_ALL, 0,
     "try everything that is not frozen, due or not"},
    ARGS_HEADING("Instead, with IDs, \"all\", or those chosen below:"),
    {0, "--remove", ARGS_NOTHING, NULL, OPTION_VERB, 0,
     "retract: the messages are not sent (any more)"},
    {0, "--freeze", ARGS_NOTHING, NULL, OPTION_VERB, 0,
     "keep the messages until they are thawed"},
    {0, "--thaw", ARGS_NOTHING, NULL, OPTION_VERB, 0, "undo --freeze; they are due now"},
    {0, "--retry", ARGS_NOTHING, NULL, OPTION_VERB, 0, "put failed messages back, as if new"},
    ARGS_HEADING("Only these messages, for all of the above:"),
    {0, "--recipient", ARGS_ARGUMENT, "TEXT", OPTION_RECIPIENT, 0, "with TEXT in a recipient"},
    {0, "--sender", ARGS_ARGUMENT, "TEXT", OPTION_SENDER, 0, "with TEXT in the sender"},
    {0, "--id", ARGS_ARGUMENT, "TEXT", OPTION_ID, 0, "with TEXT in the ID"},
    ROWS_OF_BOTH("say what was done, and show the conversation with the server")};

static const struct args_table mailq_table = {mailq_rows, COUNT(mailq_rows), false, 18};
static const struct args_table flushq_table = {flushq_rows, COUNT(flushq_rows), false, 18};

static const struct args_table *table_of(enum mailq_program program)
{
	return program == PROGRAM_FLUSHQ ? &flushq_table : &mailq_table;
}

/* The same job twice is no contradiction, two jobs are. */
static bool set_job(struct mailq_call *call, enum mailq_job job, struct fault *f)
{
	enum mailq_job none = call->program == PROGRAM_FLUSHQ ? JOB_TRY : JOB_LIST;
	if (call->job != none && call->job != job && job != JOB_HELP && job != JOB_VERSION)
		return fault_set(f, FAULT_USAGE, EXCLUDED);
	call->job = job;
	return true;
}

/* As it is written if it is to go on to another program. */
static bool note(struct mailq_call *call, const struct args *a)
{
	const struct args_row *row = a->row;
	if (row->option == OPTION_IGNORED || row->option == OPTION_CONFIG)
		return true;
	const char letter[] = {'-', row->letter, '\0'};
	return buf_addf(&call->options, "\n%s%s%s", row->name ? row->name : letter,
	                a->argument ? "=" : "", a->argument ? a->argument : "");
}

static bool set_verb(struct mailq_call *call, const char *verb, struct fault *f)
{
	if (call->verb && strcmp(call->verb, verb) != 0)
		return fault_set(f, FAULT_USAGE, EXCLUDED);
	call->verb = verb;
	return set_job(call, JOB_ADMIN, f);
}

static bool apply(struct mailq_call *call, const struct args *a, struct fault *f)
{
	if (!note(call, a))
		return fault_set(f, FAULT_USAGE, "too long a command line");
	switch ((enum mailq_option)a->row->option) {
	case OPTION_IGNORED:
		break;
	case OPTION_JOB:
		return set_job(call, (enum mailq_job)a->row->value, f);
	case OPTION_VERB:
		return set_verb(call, a->row->name + 2, f);
	case OPTION_CONFIG:
		call->config = a->argument;
		break;
	case OPTION_VERBOSE:
		call->verbose = true;
		break;
	case OPTION_FAILED:
		call->failed = true;
		break;
	case OPTION_ALL:
		call->all = true;
		break;
	case OPTION_SHOW:
		call->show = a->argument;
		return set_job(call, JOB_SHOW, f);
	case OPTION_ID:
		call->only_id = a->argument;
		break;
	case OPTION_RECIPIENT:
		call->only_rcpt = a->argument;
		break;
	case OPTION_SENDER:
		call->only_sender = a->argument;
		break;
	}
	return true;
}

static bool check_operands(struct mailq_call *call, struct fault *f)
{
	for (size_t i = 0; i < call->id_count; i++) {
		/* "--remove all --sender x" must not become "--remove all". */
		if (call->ids[i][0] == '-')
			return fault_set(f, FAULT_USAGE, "%s: options stand before the IDs",
			                 call->ids[i]);
		if (call->program == PROGRAM_FLUSHQ)
			/* A word that is no id is one that is not known: the others are done. */
			call->all = call->all || strcmp(call->ids[i], "all") == 0;
		else if (!entry_is_id(call->ids[i]))
			return fault_set(
			    f, FAULT_USAGE,
			    "\"%s\" is no ID: 12 digits 0-9 A-F as mailq shows them",
			    call->ids[i]);
	}
	if (call->job == JOB_SHOW && !entry_is_id(call->show))
		return fault_set(f, FAULT_USAGE, "--show: \"%s\" is no ID", call->show);
	return true;
}

static bool check_call(const struct mailq_call *call, struct fault *f)
{
	if (call->for_user && call->config)
		return fault_set(f, FAULT_USAGE, "for a user of the system's hold: no -C");
	bool filtered = call->only_id || call->only_rcpt || call->only_sender;
	if (call->job == JOB_ADMIN && !call->all && call->id_count == 0 && !filtered)
		return fault_set(f, FAULT_USAGE,
		                 "which messages? IDs, \"all\", --id, --recipient or --sender");
	/* What a script forgot to fill in does not stand for everybody. */
	if (call->job == JOB_ADMIN &&
	    ((call->only_id && !call->only_id[0]) || (call->only_rcpt && !call->only_rcpt[0]) ||
	     (call->only_sender && !call->only_sender[0])))
		return fault_set(f, FAULT_USAGE,
		                 "--id, --recipient or --sender without a text");
	if (filtered && call->id_count > 0 && !call->all)
		return fault_set(f, FAULT_USAGE,
		                 "--id, --recipient and --sender choose among all messages; "
		                 "they go with no ID");
	if (call->id_count > 0 && (call->job == JOB_COUNT || call->job == JOB_SUMMARY ||
	                           call->job == JOB_METRICS || call->job == JOB_SHOW))
		return fault_set(f, FAULT_USAGE, "no further ID is taken here");
	return true;
}

/* A word of argv[0]; the last may have blanks. False: none of ours. */
static bool set_private(struct mailq_call *call, struct str word)
{
	const struct str user = STR("for="), tag = STR("tag=");
	long long number;
	if (str_starts(word, user)) {
		call->for_user =
		    str_number(str_from(word, user.len), &number) && number <= UINT32_MAX;
		call->user = call->for_user ? (uid_t)number : 0;
		return call->for_user;
	}
	if (str_starts(word, tag))
		call->tag = word.at + tag.len;
	else if (str_eq(word, STR("door")))
		call->door = true;
	else if (str_eq(word, STR("caller")))
		call->caller = CHILD_FD;
	else if (str_eq(word, STR("first")))
		call->first = true;
	else if (str_eq(word, STR("accepted")))
		call->job = JOB_ACCEPTED;
	else
		return false;
	return true;
}

/* What stands behind the name, where that is how our programs call each other. */
static struct str private_words(const char *argv0)
{
	const struct str names[] = {STR("mailq "), STR("flushq ")}, line = str_of(argv0);
	for (size_t i = 0; i < COUNT(names); i++)
		if (str_starts(line, names[i]))
			return str_from(line, names[i].len);
	return STR("");
}

static bool scan_private(struct mailq_call *call, const char *argv0, struct fault *f)
{
	struct str rest = private_words(argv0), word;
	while (rest.len > 0) {
		bool last = str_starts(rest, STR("tag="));
		if (last || !str_cut(&rest, ' ', &word))
			word = rest;
		if (!set_private(call, word))
			return fault_set(f, FAULT_USAGE, "called by a name with unknown words");
		if (last)
			break;
	}
	return true;
}

/* How a client of the door wants mailq to show things, in front of the options. A zone that is no
 * name below the system's folder of zones is none: it would be read with our rights. */
static bool set_variable(struct mailq_call *call, struct str word)
{
	if (!call->door || call->program != PROGRAM_MAILQ)
		return false;
	if (str_eq(word, STR("NO_COLOR=1")))
		return call->plain = true;
	if (!str_starts(word, STR("TZ=")))
		return false;
	const char *zone = word.at + 3;
	bool up = strstr(zone, ".."); /* texts: the caller's own, not a server's */
	if (strlen(zone) <= MAILQ_ZONE_MAX && !memchr("/.:", zone[0], 3) && !up)
		call->zone = zone;
	return true;
}

enum mailq_program mailq_options_program(const char *argv0)
{
	struct str name = str_of(argv0);
	if (private_words(argv0).len > 0)
		name = str_first(name, str_find(name, ' '));
	size_t slash = str_rfind(name, '/');
	name = slash == STR_NONE ? name : str_from(name, slash + 1);
	return str_eq(name, STR("flushq")) || str_eq(name, STR("runq")) ? PROGRAM_FLUSHQ
	                                                                : PROGRAM_MAILQ;
}

void mailq_options_release(struct mailq_call *call)
{
	buf_release(&call->options);
}

bool mailq_options_scan(enum mailq_program program, int argc, char **argv,
                        struct mailq_call *call, struct fault *f)
{
	*call = (struct mailq_call){.program = program, .caller = -1};
	call->job = program == PROGRAM_FLUSHQ ? JOB_TRY : JOB_LIST;
	buf_init(&call->options, OPTIONS_MAX);
	if (!scan_private(call, argc > 0 ? argv[0] : "", f) || !args_printable(argc, argv, f))
		return false;
	struct args a = {.table = table_of(program), .argc = argc, .argv = argv, .at = 1};
	while (a.at < argc && set_variable(call, str_of(argv[a.at])))
		a.at++;
	do {
		if (!args_next(&a, f) || (a.row && !apply(call, &a, f)))
			return false;
	} while (a.row);
	if (call->job == JOB_HELP || call->job == JOB_VERSION)
		return true;
	if (a.at < argc) {
		call->ids = argv + a.at;
		call->id_count = (size_t)(argc - a.at);
	}
	return check_operands(call, f) && check_call(call, f);
}

/* "--remove|--freeze|..." */
static void print_verbs(FILE *out)
{
	const char *between = "";
	for (size_t i = 0; i < COUNT(flushq_rows); i++) {
		const struct args_row *row = &flushq_rows[i];
		if (!row->name || row->option != OPTION_VERB)
			continue;
		fprintf(out, "%s%s", between, row->name);
		between = "|";
	}
}

void mailq_options_usage(enum mailq_program program, FILE *out)
{
	if (program != PROGRAM_FLUSHQ) {
		fputs("usage: mailq [-C FILE] [-v] [-j] [--failed] [--count] [ID ...]\n"
		      "       mailq [-C FILE] --summary|--metrics|--show ID\n"
		      "       mailq --help\n",
		      out);
		return;
	}
	fputs(
	    "usage: flushq [-C FILE] [-v] [-a] [--id|--recipient|--sender TEXT ...] [ID ...]\n"
	    "       flushq [-C FILE] [-v] ",
	    out);
	print_verbs(out);
	fputs("\n"
	      "              [--id|--recipient|--sender TEXT ...] [ID ...|all]\n"
	      "       flushq --help\n",
	      out);
}

void mailq_options_help(enum mailq_program program, FILE *out)
{
	mailq_options_usage(program, out);
	args_help(table_of(program), out);
}
