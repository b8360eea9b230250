/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/queue/mailq_options.h"

#include <limits.h>
#include <string.h>

#include "cmd/args.h"
#include "hold/entry.h"

#define OPTIONS_MAX 32768 /* bytes */
#define EXCLUDED    "two options that exclude each other"

#define FOR_MAILQ  PROGRAM_MAILQ
#define FOR_FLUSHQ PROGRAM_FLUSHQ
#define FOR_BOTH   (PROGRAM_MAILQ | PROGRAM_FLUSHQ)

enum option {
	OPTION_IGNORED,
	OPTION_JOB,  /* the row says which */
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

enum takes {
	TAKES_NOTHING,
	TAKES_ARGUMENT, /* attached, or the next word */
	TAKES_ATTACHED, /* only attached, may be missing */
};

struct row {
	char letter;      /* 0: none */
	const char *name; /* with its dashes, or NULL */
	enum takes takes;
	unsigned programs;
	enum option option;
	enum mailq_job job;   /* of OPTION_JOB and OPTION_VERB */
	const char *argument; /* its name, or NULL */
	const char *what;
};

/* A row without letter and name is a heading of --help. */
#define HEADING(programs, text)                                                 \
	{                                                                       \
		0, NULL, TAKES_NOTHING, programs, OPTION_IGNORED, 0, NULL, text \
	}

static const struct row rows[] = {
    {0, NULL, TAKES_NOTHING, FOR_MAILQ, OPTION_IGNORED, 0, NULL, "What is shown:"},
    {'j', "--json", TAKES_NOTHING, FOR_MAILQ, OPTION_JOB, JOB_JSON, NULL,
     "one JSON object a message"},
    {0, "--failed", TAKES_NOTHING, FOR_MAILQ, OPTION_FAILED, 0, NULL,
     "the failed messages instead of the held ones"},
    {0, "--show", TAKES_ARGUMENT, FOR_MAILQ, OPTION_SHOW, 0, "ID",
     "envelope, state and message"},
    {0, "--count", TAKES_NOTHING, FOR_MAILQ, OPTION_JOB, JOB_COUNT, NULL,
     "the number of messages"},
    {0, "--summary", TAKES_NOTHING, FOR_MAILQ, OPTION_JOB, JOB_SUMMARY, NULL,
     "how long mail has been waiting, and why"},
    {0, "--metrics", TAKES_NOTHING, FOR_MAILQ, OPTION_JOB, JOB_METRICS, NULL,
     "OpenMetrics text for monitoring"},
    {0, NULL, TAKES_NOTHING, FOR_FLUSHQ, OPTION_IGNORED, 0, NULL, "What is tried:"},
    {'a', "--all", TAKES_NOTHING, FOR_FLUSHQ, OPTION_ALL, 0, NULL,
     "try everything that is not frozen, due or not"},
    {0, NULL, TAKES_NOTHING, FOR_FLUSHQ, OPTION_IGNORED, 0, NULL,
     "Instead, with IDs, \"all\", or those chosen below:"},
    {0, "--remove", TAKES_NOTHING, FOR_FLUSHQ, OPTION_VERB, JOB_ADMIN, NULL,
     "retract: the messages are not sent (any more)"},
    {0, "--freeze", TAKES_NOTHING, FOR_FLUSHQ, OPTION_VERB, JOB_ADMIN, NULL,
     "keep the messages until they are thawed"},
    {0, "--thaw", TAKES_NOTHING, FOR_FLUSHQ, OPTION_VERB, JOB_ADMIN, NULL,
     "undo --freeze; they are due now"},
    {0, "--retry", TAKES_NOTHING, FOR_FLUSHQ, OPTION_VERB, JOB_ADMIN, NULL,
     "put failed messages back, as if new"},
    {0, NULL, TAKES_NOTHING, FOR_FLUSHQ, OPTION_IGNORED, 0, NULL,
     "Only these messages, for all of the above:"},
    {0, "--recipient", TAKES_ARGUMENT, FOR_FLUSHQ, OPTION_RECIPIENT, 0, "TEXT",
     "with TEXT in a recipient"},
    {0, "--sender", TAKES_ARGUMENT, FOR_FLUSHQ, OPTION_SENDER, 0, "TEXT",
     "with TEXT in the sender"},
    {0, "--id", TAKES_ARGUMENT, FOR_FLUSHQ, OPTION_ID, 0, "TEXT", "with TEXT in the ID"},
    {0, NULL, TAKES_NOTHING, FOR_BOTH, OPTION_IGNORED, 0, NULL, "For all:"},
    {'v', NULL, TAKES_NOTHING, FOR_MAILQ, OPTION_VERBOSE, 0, NULL,
     "attempts, next try, relay and the last reply for each recipient"},
    {'v', NULL, TAKES_NOTHING, FOR_FLUSHQ, OPTION_VERBOSE, 0, NULL,
     "say what was done, and show the conversation with the server"},
    {'C', NULL, TAKES_ARGUMENT, FOR_BOTH, OPTION_CONFIG, 0, "FILE", "use this configuration"},
    {0, "--help", TAKES_NOTHING, FOR_BOTH, OPTION_JOB, JOB_HELP, NULL, "this text"},
    {0, "--version", TAKES_NOTHING, FOR_BOTH, OPTION_JOB, JOB_VERSION, NULL, "the version"},
    {0, NULL, TAKES_NOTHING, FOR_BOTH, OPTION_IGNORED, 0, NULL, "Of other mailers:"},
    {'A', NULL, TAKES_ATTACHED, FOR_BOTH, OPTION_IGNORED, 0, "c|m", "ignored"},
    {'q', NULL, TAKES_ATTACHED, FOR_BOTH, OPTION_IGNORED, 0, "...", "ignored"},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct row *row_of_letter(enum mailq_program program, char letter)
{
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].letter == letter && (rows[i].programs & program))
			return &rows[i];
	return NULL;
}

static const struct row *row_of_name(enum mailq_program program, struct str name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].name && str_eq(str_of(rows[i].name), name) &&
		    (rows[i].programs & program))
			return &rows[i];
	return NULL;
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
static bool note(struct mailq_call *call, const struct row *row, const char *argument)
{
	if (row->option == OPTION_IGNORED || row->option == OPTION_CONFIG)
		return true;
	const char letter[] = {'-', row->letter, '\0'};
	return buf_addf(&call->options, "\n%s%s%s", row->name ? row->name : letter,
	                argument ? "=" : "", argument ? argument : "");
}

static bool apply(struct mailq_call *call, const struct row *row, const char *argument,
                  struct fault *f)
{
	if (!note(call, row, argument))
		return fault_set(f, FAULT_USAGE, "too long a command line");
	switch (row->option) {
	case OPTION_IGNORED:
		break;
	case OPTION_JOB:
		return set_job(call, row->job, f);
	case OPTION_VERB:
		if (call->verb && strcmp(call->verb, row->name + 2) != 0)
			return fault_set(f, FAULT_USAGE, EXCLUDED);
		call->verb = row->name + 2;
		return set_job(call, row->job, f);
	case OPTION_CONFIG:
		call->config = argument;
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
		call->show = argument;
		return set_job(call, JOB_SHOW, f);
	case OPTION_ID:
		call->only_id = argument;
		break;
	case OPTION_RECIPIENT:
		call->only_rcpt = argument;
		break;
	case OPTION_SENDER:
		call->only_sender = argument;
		break;
	}
	return true;
}

/* The words of a command line and how far they have been read. */
struct words {
	int argc;
	char **argv;
	int at;
};

static bool scan_long(struct mailq_call *call, struct words *w, struct fault *f)
{
	const char *word = w->argv[w->at++];
	size_t len = strcspn(word, "=");
	const char *argument = word[len] ? word + len + 1 : NULL;
	const struct row *row = row_of_name(call->program, str_make(word, len));
	if (!row)
		return fault_set(f, FAULT_USAGE, "unknown option %s", word);
	if (row->takes == TAKES_NOTHING && argument)
		return fault_set(f, FAULT_USAGE, "%s takes no argument", row->name);
	if (row->takes == TAKES_ARGUMENT && !argument) {
		if (w->at == w->argc)
			return fault_set(f, FAULT_USAGE, "%s needs an argument (%s)", row->name,
			                 row->argument);
		argument = w->argv[w->at++];
	}
	return apply(call, row, argument, f);
}

static bool scan_letters(struct mailq_call *call, struct words *w, struct fault *f)
{
	for (const char *p = w->argv[w->at++] + 1; *p; p++) {
		const struct row *row = row_of_letter(call->program, *p);
		const char *argument = p[1] ? p + 1 : NULL;
		if (!row)
			return fault_set(f, FAULT_USAGE, "unknown option -%c", *p);
		if (row->takes == TAKES_NOTHING) {
			if (!apply(call, row, NULL, f))
				return false;
			continue;
		}
		if (!argument && row->takes == TAKES_ARGUMENT) {
			if (w->at == w->argc)
				return fault_set(f, FAULT_USAGE, "-%c needs an argument (%s)",
				                 *p, row->argument);
			argument = w->argv[w->at++];
		}
		return apply(call, row, argument, f);
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
		                 "which messages? IDs, \"all\", --recipient or --sender");
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
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
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
	struct words w = {argc, argv, 1};
	*call = (struct mailq_call){.program = program, .caller = -1};
	call->job = program == PROGRAM_FLUSHQ ? JOB_TRY : JOB_LIST;
	buf_init(&call->options, OPTIONS_MAX);
	if (!scan_private(call, argc > 0 ? argv[0] : "", f) || !args_printable(argc, argv, f))
		return false;
	while (w.at < argc && set_variable(call, str_of(argv[w.at])))
		w.at++;
	while (w.at < argc && argv[w.at][0] == '-' && argv[w.at][1]) {
		if (strcmp(argv[w.at], "--") == 0) {
			w.at++;
			break;
		}
		if (!(argv[w.at][1] == '-' ? scan_long(call, &w, f)
		                           : scan_letters(call, &w, f)))
			return false;
	}
	if (call->job == JOB_HELP || call->job == JOB_VERSION)
		return true;
	if (w.at < argc) {
		call->ids = argv + w.at;
		call->id_count = (size_t)(argc - w.at);
	}
	return check_operands(call, f) && check_call(call, f);
}

void mailq_options_usage(enum mailq_program program, FILE *out)
{
	fputs(program == PROGRAM_FLUSHQ
	          ? "usage: flushq [-C FILE] [-v] [-a] [--recipient TEXT] [--sender TEXT] [ID "
	            "...]\n"
	            "       flushq [-C FILE] --remove|--freeze|--thaw|--retry ID ...|all\n"
	            "       flushq --help\n"
	          : "usage: mailq [-C FILE] [-v] [-j] [--failed] [--count] [ID ...]\n"
	            "       mailq [-C FILE] --summary|--metrics|--show ID\n"
	            "       mailq --help\n",
	      out);
}

void mailq_options_help(enum mailq_program program, FILE *out)
{
	mailq_options_usage(program, out);
	for (size_t i = 0; i < ROWS; i++) {
		const struct row *r = &rows[i];
		if (!(r->programs & program))
			continue;
		if (!r->letter && !r->name) {
			fprintf(out, "\n%s\n", r->what);
			continue;
		}
		int n = 0;
		char left[64];
		if (r->letter)
			n = snprintf(left, sizeof(left), "-%c%s", r->letter,
			             r->name ? ", " : "");
		snprintf(left + n, sizeof(left) - (size_t)n, "%s%s%s", r->name ? r->name : "",
		         r->argument && r->takes == TAKES_ARGUMENT ? " " : "",
		         r->argument ? r->argument : "");
		fprintf(out, "  %-18s %s\n", left, r->what);
	}
}
