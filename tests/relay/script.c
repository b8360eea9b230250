/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "script.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* N: a number, T: a text, H: a number in hex, A: an optional handshake message,
 * R: a text or the rest of the line. */
struct word {
	const char *name;
	enum step_word word;
	const char *takes;
};

static const struct word words[] = {
    {"send", STEP_SEND, "T"},
    {"reply", STEP_REPLY, "R"},
    {"send-slow", STEP_SEND_SLOW, "NT"},
    {"split", STEP_SPLIT, "T"},
    {"split-at", STEP_SPLIT_AT, "N"},
    {"repeat", STEP_REPEAT, "NT"},
    {"drip", STEP_DRIP, "NT"},
    {"pace", STEP_PACE, "N"},
    {"wait", STEP_WAIT, "N"},
    {"expect", STEP_EXPECT, "T"},
    {"expect-data", STEP_EXPECT_DATA, ""},
    {"expect-eof", STEP_EXPECT_EOF, ""},
    {"read", STEP_READ, "N"},
    {"starttls", STEP_STARTTLS, ""},
    {"tls", STEP_TLS, ""},
    {"alert", STEP_ALERT, "NA"},
    {"warn", STEP_WARN, "N"},
    {"corrupt", STEP_CORRUPT, "N"},
    {"replay", STEP_REPLAY, "N"},
    {"cipher", STEP_CIPHER, "H"},
    {"close", STEP_CLOSE, ""},
    {"cut", STEP_CUT, ""},
    {"reset", STEP_RESET, ""},
    {"stall", STEP_STALL, ""},
    {"stop-reading", STEP_STOP_READING, ""},
    {"normal", STEP_NORMAL, ""},
    {"commit", STEP_COMMIT, ""},
    {"good", STEP_GOOD, ""},
};

static const char *const events[EVENT_COUNT] = {
    [ON_CONNECT] = "CONNECT",   [ON_TLS] = "TLS",   [ON_EHLO] = "EHLO",   [ON_HELO] = "HELO",
    [ON_STARTTLS] = "STARTTLS", [ON_AUTH] = "AUTH", [ON_LOGIN] = "LOGIN", [ON_MAIL] = "MAIL",
    [ON_RCPT] = "RCPT",         [ON_DATA] = "DATA", [ON_BDAT] = "BDAT",   [ON_BODY] = "BODY",
    [ON_DOT] = "DOT",           [ON_RSET] = "RSET", [ON_NOOP] = "NOOP",   [ON_QUIT] = "QUIT",
    [ON_OTHER] = "OTHER",
};

static const char *const messages[] = {"client-hello", "server-hello", "encrypted-extensions",
                                       "certificate",  "server-key",   "certificate-verify",
                                       "hello-done",   "client-key",   "finished"};

const char script_help[] =
    "Script: one step a line, # starts a comment\n"
    "  send TEXT           these bytes\n"
    "  reply TEXT          these bytes, and CRLF if they do not end in LF; TEXT may be bare\n"
    "  send-slow MS TEXT   byte by byte, MS milliseconds apart\n"
    "  split TEXT          each byte in a segment of its own\n"
    "  split-at N          the next output in two segments, N bytes in the first\n"
    "  repeat N TEXT       N times\n"
    "  drip MS TEXT        like send-slow, over and over until the client goes\n"
    "  pace MS             from here on send everything byte by byte (also handshakes)\n"
    "  wait MS             pause\n"
    "  expect TEXT         read a line that begins with TEXT (upper and lower case alike)\n"
    "  expect-data         read up to and with CRLF . CRLF\n"
    "  expect-eof          wait for the client to close\n"
    "  read N              read N bytes; on TLS read 1 waits for the ClientHello (no "
    "handshake\n"
    "                      can follow)\n"
    "  starttls            expect \"STARTTLS\", answer 220, handshake\n"
    "  tls                 handshake\n"
    "  alert N [MESSAGE]   fatal TLS alert N in place of going on at this handshake message:\n"
    "                      client-hello server-hello encrypted-extensions certificate\n"
    "                      server-key certificate-verify hello-done client-key finished\n"
    "  warn N              warning alert N at the client-hello (112: unrecognized_name)\n"
    "  corrupt N           spoil the Nth write after the handshake\n"
    "  replay N            send the Nth write after the handshake twice\n"
    "  cipher HHHH         put this cipher suite into the ServerHello\n"
    "  close, cut, reset   FIN (under TLS with close_notify; cut: without); RST\n"
    "  stall               keep open and silent until the client goes, reading on\n"
    "  stop-reading        the same without reading, with the smallest window (see\n"
    "                      --receive-buffer)\n"
    "  normal              what would have happened without the rule, with its reply\n"
    "  commit              the same without the reply\n"
    "  good                end of the steps: behave well\n"
    "Rules: [once | first COUNT] on EVENT [N] [helo NAME] [from ADDRESS] [to ADDRESS] STEP "
    "...\n"
    "  N: the Nth one, BODY: after N bytes\n"
    "  events: CONNECT TLS EHLO HELO STARTTLS AUTH LOGIN MAIL RCPT DATA BDAT BODY DOT RSET\n"
    "  NOOP QUIT OTHER. EHLO covers LHLO; LOGIN is the verdict that ends an AUTH exchange;\n"
    "  DOT is the end of the message (with LMTP for each recipient), BDAT a chunk before it.\n"
    "  once alone on a line: all steps of the file for the first connection only.\n"
    "  helo, from, to: only for that client, in transactions of that sender or with that\n"
    "  recipient (LMTP's DOT: his reply); once and first then count how often it is played.\n"
    "  on EHLO reply \"250-t\\r\\n250 AUTH PLAIN\"    what is listed there is on offer\n"
    "  on RCPT 2 reply 451 4.3.0 later\n"
    "  on RCPT normal send \"354 go\\r\\n250 queued\\r\\n\"\n"
    "  on DOT commit close                         accepts, says nothing\n"
    "  on BODY 1000 reset\n"
    "  on TLS read 1 send \"500 x\\r\\n\" close\n"
    "  once on MAIL reply \"421 busy\\r\\n\" close\n"
    "  on MAIL from bad@example.org reply 550 5.7.1 not you\n";

struct source {
	const char *name;
	unsigned line;
	const char *at;
};

static _Noreturn void wrong(const struct source *in, const char *what)
{
	if (in->line)
		die("%s:%u: %s, at \"%s\"", in->name, in->line, what, in->at);
	die("%s: %s, at \"%s\"", in->name, what, in->at);
}

static void skip_blank(struct source *in)
{
	while (*in->at == ' ' || *in->at == '\t' || *in->at == '\r')
		in->at++;
}

static bool at_end(struct source *in)
{
	skip_blank(in);
	return !*in->at || *in->at == '#';
}

/* Takes the word if it is next. */
static bool take(struct source *in, const char *word)
{
	size_t len = strlen(word);
	skip_blank(in);
	if (strncasecmp(in->at, word, len) || (in->at[len] && !strchr(" \t\r#\"", in->at[len])))
		return false;
	in->at += len;
	return true;
}

static long take_number(struct source *in, int base)
{
	skip_blank(in);
	errno = 0;
	char *end;
	long n = strtol(in->at, &end, base);
	if (end == in->at || errno || n < 0 || (*end && !strchr(" \t\r#", *end)))
		wrong(in, "a number is due");
	in->at = end;
	return n;
}

static void take_escape(struct source *in, struct text *text)
{
	static const char from[] = "rnte0\\\"", to[] = "\r\n\t\033\0\\\"";
	const char *found = *in->at ? strchr(from, *in->at) : NULL;
	if (found) {
		text_char(text, to[found - from]);
	} else if (*in->at == 'x' && isxdigit((unsigned char)in->at[1]) &&
	           isxdigit((unsigned char)in->at[2])) {
		const char hex[3] = {in->at[1], in->at[2], '\0'};
		text_char(text, (char)strtol(hex, NULL, 16));
		in->at += 2;
	} else {
		wrong(in, "unknown escape");
	}
	in->at++;
}

static void take_text(struct source *in, struct text *text, bool bare)
{
	skip_blank(in);
	if (bare && *in->at != '"') {
		size_t len = strcspn(in->at, "\r\n");
		if (!len)
			wrong(in, "a text is due");
		text_add(text, in->at, len);
		in->at += len;
		return;
	}
	if (*in->at++ != '"')
		wrong(in, "a quoted text is due");
	text_str(text, "");
	while (*in->at != '"') {
		if (!*in->at)
			wrong(in, "the closing quote is missing");
		if (*in->at != '\\') {
			text_char(text, *in->at++);
			continue;
		}
		in->at++;
		take_escape(in, text);
	}
	in->at++;
}

static void take_message(struct source *in, struct text *text)
{
	for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
		if (take(in, messages[i])) {
			text_str(text, messages[i]);
			return;
		}
	text_str(text, messages[0]);
}

static void take_step(struct source *in, struct steps *steps)
{
	struct step step = {0};
	const struct word *w = words, *end = words + sizeof words / sizeof *words;
	while (w < end && !take(in, w->name))
		w++;
	if (w == end)
		wrong(in, "unknown step");
	step.word = w->word;
	for (const char *t = w->takes; *t; t++)
		if (*t == 'N')
			step.number = take_number(in, 10);
		else if (*t == 'H')
			step.number = take_number(in, 16);
		else if (*t == 'A')
			take_message(in, &step.text);
		else
			take_text(in, &step.text, *t == 'R');
	if (step.word == STEP_REPLY &&
	    (!step.text.len || step.text.data[step.text.len - 1] != '\n'))
		text_str(&step.text, "\r\n");
	steps->list = realloc(steps->list, (steps->count + 1) * sizeof step);
	if (!steps->list)
		die("out of memory");
	steps->list[steps->count++] = step;
}

/* From MAIL to the end of the transaction. */
static bool in_mail(enum script_event event)
{
	return (event >= ON_MAIL && event <= ON_DOT) || event == ON_RSET;
}

static void check_rule(struct source *in, const struct rule *rule)
{
	if (rule->helo && rule->event == ON_CONNECT)
		wrong(in, "before EHLO no client has a name");
	if ((rule->from || rule->to) && !in_mail(rule->event))
		wrong(in, "from and to are for what belongs to a transaction");
	if (rule->to && rule->event == ON_MAIL)
		wrong(in, "at MAIL no recipient is known");
	for (size_t i = 0; i < rule->steps.count; i++)
		if (rule->event == ON_AUTH && rule->steps.list[i].word == STEP_NORMAL)
			wrong(in, "AUTH knows no normal: use LOGIN");
	if (!rule->steps.count)
		wrong(in, "a step is due");
	if (rule->event == ON_BODY && rule->nth < 0)
		wrong(in, "BODY needs a number of bytes");
}

/* A name or an address, quoted or up to the next blank. */
static struct text *take_name(struct source *in)
{
	struct text *name = calloc(1, sizeof *name);
	if (!name)
		die("out of memory");
	skip_blank(in);
	if (*in->at == '"') {
		take_text(in, name, false);
		return name;
	}
	while (*in->at && !strchr(" \t\r", *in->at))
		text_char(name, *in->at++);
	if (!name->len)
		wrong(in, "a name or an address is due");
	return name;
}

static void take_who(struct source *in, struct rule *rule)
{
	for (;;) {
		struct text **who = take(in, "helo")   ? &rule->helo
		                    : take(in, "from") ? &rule->from
		                    : take(in, "to")   ? &rule->to
		                                       : NULL;
		if (!who)
			return;
		if (*who)
			wrong(in, "said twice");
		*who = take_name(in);
	}
}

static void take_rule(struct source *in, struct script *script, unsigned first)
{
	struct rule rule = {.first = first, .event = EVENT_COUNT};
	for (int i = 0; i < EVENT_COUNT && rule.event == EVENT_COUNT; i++)
		if (take(in, events[i]))
			rule.event = (enum script_event)i;
	if (rule.event == EVENT_COUNT)
		wrong(in, "unknown event");
	skip_blank(in);
	if (isdigit((unsigned char)*in->at))
		rule.nth = take_number(in, 10);
	else if (rule.event == ON_BODY)
		rule.nth = -1;
	take_who(in, &rule);
	if (first && (rule.helo || rule.from || rule.to)) {
		rule.played = calloc(1, sizeof *rule.played);
		if (!rule.played)
			die("out of memory");
	}
	while (!at_end(in))
		take_step(in, &rule.steps);
	check_rule(in, &rule);
	script->rules = realloc(script->rules, (script->rule_count + 1) * sizeof rule);
	if (!script->rules)
		die("out of memory");
	script->rules[script->rule_count++] = rule;
}

static unsigned take_first(struct source *in)
{
	if (take(in, "once"))
		return 1;
	if (take(in, "first"))
		return (unsigned)take_number(in, 10);
	return 0;
}

static void take_line(struct source *in, struct script *script)
{
	if (at_end(in))
		return;
	unsigned first = take_first(in);
	if (take(in, "on")) {
		take_rule(in, script, first);
		return;
	}
	if (first && at_end(in)) {
		script->first = first;
		return;
	}
	while (!at_end(in))
		take_step(in, &script->steps);
}

void script_file(struct script *script, const char *path)
{
	struct source in = {.name = path};
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	if (!file)
		die("%s: %s", path, strerror(errno));
	ssize_t len;
	while ((len = getline(&line, &room, file)) >= 0) {
		if (len && line[len - 1] == '\n')
			line[len - 1] = '\0';
		in.line++;
		in.at = line;
		take_line(&in, script);
	}
	free(line);
	fclose(file);
}

void script_on(struct script *script, const char *line)
{
	struct source in = {.name = "--on", .at = line};
	unsigned first = take_first(&in);
	take(&in, "on");
	take_rule(&in, script, first);
}

static void steps_free(struct steps *steps)
{
	for (size_t i = 0; i < steps->count; i++)
		text_free(&steps->list[i].text);
	free(steps->list);
}

static void name_free(struct text *name)
{
	if (name)
		text_free(name);
	free(name);
}

void script_free(struct script *script)
{
	steps_free(&script->steps);
	for (size_t i = 0; i < script->rule_count; i++) {
		struct rule *rule = &script->rules[i];
		steps_free(&rule->steps);
		name_free(rule->helo);
		name_free(rule->from);
		name_free(rule->to);
		free(rule->played);
	}
	free(script->rules);
	*script = (struct script){0};
}

static bool is_named(const struct text *wanted, const char *name)
{
	return !wanted || (name && !strcasecmp(text_z(wanted), name));
}

static bool has_recipient(const struct text *wanted, const struct occasion *where)
{
	for (size_t i = 0; wanted && i < where->count; i++)
		if (is_named(wanted, where->recipients[i]))
			return true;
	return !wanted;
}

/* Whatever the number of the event may be. */
static bool fits(const struct rule *rule, const struct occasion *where)
{
	unsigned before = rule->played ? atomic_load(rule->played) : where->conn - 1;
	return (!rule->first || before < rule->first) && is_named(rule->helo, where->helo) &&
	       is_named(rule->from, where->sender) && has_recipient(rule->to, where);
}

const struct steps *script_find(const struct script *script, enum script_event event,
                                const struct occasion *where)
{
	for (size_t i = 0; i < script->rule_count; i++) {
		const struct rule *rule = &script->rules[i];
		bool each = !rule->nth && event != ON_BODY;
		bool of_mail = (rule->from || rule->to) && event != ON_BODY;
		if (rule->event != event || !fits(rule, where))
			continue;
		if (!each && rule->nth != (of_mail ? where->nth_of_mail : where->nth))
			continue;
		if (!rule->played || atomic_fetch_add(rule->played, 1) < rule->first)
			return &rule->steps;
	}
	return NULL;
}

long script_body_stop(const struct script *script, const struct occasion *where, long after)
{
	long best = -1;
	for (size_t i = 0; i < script->rule_count; i++) {
		const struct rule *rule = &script->rules[i];
		if (rule->event == ON_BODY && rule->nth > after && fits(rule, where) &&
		    (best < 0 || rule->nth < best))
			best = rule->nth;
	}
	return best;
}

int script_code(const struct steps *steps, int normal)
{
	for (size_t i = 0; i < steps->count; i++) {
		const struct step *step = &steps->list[i];
		const char *text = text_z(&step->text);
		switch (step->word) {
		case STEP_NORMAL:
		case STEP_COMMIT:
			return normal;
		case STEP_SEND:
		case STEP_REPLY:
		case STEP_SEND_SLOW:
		case STEP_SPLIT:
			return atoi(text);
		case STEP_SPLIT_AT:
		case STEP_REPEAT:
		case STEP_DRIP:
		case STEP_PACE:
		case STEP_WAIT:
		case STEP_EXPECT:
		case STEP_EXPECT_DATA:
		case STEP_EXPECT_EOF:
		case STEP_READ:
		case STEP_STARTTLS:
		case STEP_TLS:
		case STEP_ALERT:
		case STEP_WARN:
		case STEP_CORRUPT:
		case STEP_REPLAY:
		case STEP_CIPHER:
		case STEP_CLOSE:
		case STEP_CUT:
		case STEP_RESET:
		case STEP_STALL:
		case STEP_STOP_READING:
		case STEP_GOOD:
			break;
		}
	}
	return 0;
}
