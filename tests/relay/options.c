/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "options.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char help[] =
    "relay: an SMTP server for tests: strict, and bad on demand\n"
    "usage: relay --dir DIR [options]\n"
    "       relay --make-certs DIR [--name HOST]... [--ip ADDRESS] [--variants]\n"
    "       relay --self-check\n"
    "\n"
    "Prints \"port N\" when it listens (\"socket PATH\" for a UNIX socket). Accepted messages "
    "go\n"
    "to DIR/new, events to DIR/log.jsonl. Ends on SIGTERM or SIGINT.\n"
    "  --listen ADDRESS     127.0.0.1 if not given; [::1]; unix:PATH\n"
    "  --port N             0 if not given: any\n"
    "  --sessions N         end after N connections\n"
    "  --at-once N          421 in place of the greeting when N connections are open\n"
    "  --rate N/MS          at most N messages in any MS milliseconds, counted at MAIL and at\n"
    "                       their ends; one too many hears --rate-reply TEXT, 454 if not "
    "given\n"
    "  --with-parent        end when standard input ends\n"
    "  --name HOST          name in the greeting: relay.test if not given\n"
    "  --lmtp               LMTP: LHLO, a reply for each recipient\n"
    "  --size N             largest message, 10485760 if not given; 0: no limit\n"
    "  --with LIST          further extensions: CHUNKING BINARYMIME REQUIRETLS\n"
    "  --without LIST       extensions not offered, of PIPELINING SIZE 8BITMIME SMTPUTF8 DSN\n"
    "                       ENHANCEDSTATUSCODES STARTTLS AUTH\n"
    "  --delay MS           answer each flight MS milliseconds later; what comes meanwhile\n"
    "                       belongs to the flight\n"
    "  --timeout S          drop a client that is silent for so long: 300 if not given\n"
    "  --receive-buffer N   SO_RCVBUF of connections, for stop-reading\n"
    "  --discard            accept messages, do not keep them\n"
    "TLS: STARTTLS is offered when there is a certificate.\n"
    "  --cert FILE --key FILE, --client-ca FILE, --require-client-cert\n"
    "  --tls                TLS from the first byte\n"
    "  --tls-priority TEXT  GnuTLS priority string, NORMAL if not given\n"
    "  --require-tls        nothing but EHLO and STARTTLS in clear\n"
    "  --no-tickets         no session resumption\n"
    "  --dh-1024            1024 bits for DHE suites\n"
    "Login: AUTH is offered when there is a user, in clear only with --clear-auth.\n"
    "  --user U --password P [--scram-password P]  the last is P after SASLprep\n"
    "  --mechanisms LIST    SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1\n"
    "                       CRAM-MD5 PLAIN LOGIN if not given; also EXTERNAL XOAUTH2\n"
    "                       OAUTHBEARER (the token is the password)\n"
    "  --require-auth       MAIL only after a login\n"
    "  --iterations N       of SCRAM, 4096 if not given\n"
    "  --scram-fault NAME   bad-v missing-v nonce i1 ibig empty-salt bad-salt long-salt m-ext\n"
    "                       error\n"
    "  --script FILE, --on \"EVENT [N] STEP ...\" (repeat)\n"
    "\n"
    "Recipients: a local part that begins with reject550, policy554, temp450 is refused at\n"
    "RCPT, with content554 or later451 the message is refused after its end.\n"
    "\n";

static const char *const extensions[EXT_COUNT] = {
    [EXT_PIPELINING] = "PIPELINING",
    [EXT_SIZE] = "SIZE",
    [EXT_8BITMIME] = "8BITMIME",
    [EXT_SMTPUTF8] = "SMTPUTF8",
    [EXT_DSN] = "DSN",
    [EXT_ENHANCEDSTATUSCODES] = "ENHANCEDSTATUSCODES",
    [EXT_CHUNKING] = "CHUNKING",
    [EXT_BINARYMIME] = "BINARYMIME",
    [EXT_REQUIRETLS] = "REQUIRETLS",
    [EXT_STARTTLS] = "STARTTLS",
    [EXT_AUTH] = "AUTH",
};

static const char *const scram_faults[] = {
    [SCRAM_HONEST] = "none",
    [SCRAM_BAD_V] = "bad-v",
    [SCRAM_MISSING_V] = "missing-v",
    [SCRAM_NONCE] = "nonce",
    [SCRAM_I1] = "i1",
    [SCRAM_IBIG] = "ibig",
    [SCRAM_EMPTY_SALT] = "empty-salt",
    [SCRAM_BAD_SALT] = "bad-salt",
    [SCRAM_LONG_SALT] = "long-salt",
    [SCRAM_M_EXT] = "m-ext",
    [SCRAM_ERROR] = "error",
};

const char *extension_name(enum extension extension)
{
	return extensions[extension];
}

enum kind { FLAG, STRING, NUMBER };

struct row {
	const char *name;
	enum kind kind;
	void *where;
};

static unsigned long long number(const char *option, const char *value)
{
	errno = 0;
	char *end;
	unsigned long long n = strtoull(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || errno)
		die("%s: \"%s\" is not a number", option, value);
	return n;
}

static void set_extensions(struct options *o, const char *list, bool value)
{
	char *copy = strdup(list), *rest = copy;
	if (!copy)
		die("out of memory");
	char *word;
	while ((word = strtok_r(rest, ", ", &rest))) {
		int i = 0;
		while (i < EXT_COUNT && strcasecmp(extensions[i], word))
			i++;
		if (i == EXT_COUNT)
			die("no extension %s", word);
		o->extensions[i] = value;
	}
	free(copy);
}

static void set_scram_fault(struct options *o, const char *name)
{
	const int count = sizeof scram_faults / sizeof *scram_faults;
	for (int i = 0; i < count; i++)
		if (!strcmp(scram_faults[i], name)) {
			o->scram_fault = (enum scram_fault)i;
			return;
		}
	die("no SCRAM fault %s", name);
}

static void set_rate(struct options *o, const char *value)
{
	char *end;
	unsigned long count = strtoul(value, &end, 10),
	              ms = *end ? strtoul(end + 1, NULL, 10) : 0;
	if (*end != '/' || count < 1 || count > 1000000 || ms < 1 || ms > INT_MAX)
		die("--rate %s: N/MS is due", value);
	o->rate_count = (unsigned)count;
	o->rate_ms = (unsigned)ms;
}

/* The options that do more than set a value. */
static bool take_special(struct options *o, const char *option, const char *value)
{
	const unsigned most = sizeof o->names / sizeof *o->names;
	if (!strcmp(option, "--script")) {
		script_file(&o->script, value);
	} else if (!strcmp(option, "--on")) {
		script_on(&o->script, value);
	} else if (!strcmp(option, "--with")) {
		set_extensions(o, value, true);
	} else if (!strcmp(option, "--without")) {
		set_extensions(o, value, false);
	} else if (!strcmp(option, "--scram-fault")) {
		set_scram_fault(o, value);
	} else if (!strcmp(option, "--rate")) {
		set_rate(o, value);
	} else if (!strcmp(option, "--size")) {
		o->size = number(option, value);
	} else if (!strcmp(option, "--name")) {
		if (o->name_count == most)
			die("too many names");
		o->name = o->names[o->name_count++] = value;
	} else {
		return false;
	}
	return true;
}

/* The number of arguments taken, 0: no such option. */
static int take_plain(struct options *o, const char *option, const char *value)
{
	const struct row rows[] = {
	    {"--dir", STRING, &o->dir},
	    {"--listen", STRING, &o->listen},
	    {"--port", NUMBER, &o->port},
	    {"--lmtp", FLAG, &o->lmtp},
	    {"--tls", FLAG, &o->tls},
	    {"--discard", FLAG, &o->discard},
	    {"--with-parent", FLAG, &o->with_parent},
	    {"--require-auth", FLAG, &o->require_auth},
	    {"--require-tls", FLAG, &o->require_tls},
	    {"--clear-auth", FLAG, &o->clear_auth},
	    {"--require-client-cert", FLAG, &o->require_client_cert},
	    {"--user", STRING, &o->user},
	    {"--password", STRING, &o->password},
	    {"--scram-password", STRING, &o->scram_password},
	    {"--mechanisms", STRING, &o->mechanisms},
	    {"--iterations", NUMBER, &o->iterations},
	    {"--cert", STRING, &o->cert},
	    {"--key", STRING, &o->key},
	    {"--client-ca", STRING, &o->client_ca},
	    {"--tls-priority", STRING, &o->tls_priority},
	    {"--dh-1024", FLAG, &o->dh_1024},
	    {"--no-tickets", FLAG, &o->no_tickets},
	    {"--delay", NUMBER, &o->delay_ms},
	    {"--timeout", NUMBER, &o->timeout_s},
	    {"--sessions", NUMBER, &o->sessions},
	    {"--at-once", NUMBER, &o->at_once},
	    {"--rate-reply", STRING, &o->rate_reply},
	    {"--receive-buffer", NUMBER, &o->receive_buffer},
	    {"--make-certs", STRING, &o->make_certs},
	    {"--ip", STRING, &o->ip},
	    {"--variants", FLAG, &o->variants},
	    {"--self-check", FLAG, &o->self_check},
	};
	const struct row *r = rows, *end = rows + sizeof rows / sizeof *rows;
	while (r < end && strcmp(r->name, option))
		r++;
	if (r == end)
		return 0;
	if (r->kind == FLAG) {
		*(bool *)r->where = true;
		return 1;
	}
	if (!value)
		die("%s needs a value", option);
	if (r->kind == STRING) {
		*(const char **)r->where = value;
	} else {
		unsigned long long n = number(option, value);
		if (n > INT_MAX)
			die("%s: %s is too much", option, value);
		*(unsigned *)r->where = (unsigned)n;
	}
	return 2;
}

static void check(struct options *o)
{
	if (o->make_certs || o->self_check)
		return;
	if (!o->dir)
		die("--dir is missing; see --help");
	if (!o->cert != !o->key)
		die("--cert and --key belong together");
	if ((o->tls || o->require_tls) && !o->cert && !strstr(o->tls_priority, "ANON"))
		die("TLS needs --cert and --key");
	if (o->user && !o->password)
		die("--user needs --password");
	if (!o->scram_password)
		o->scram_password = o->password;
}

void options_read(struct options *o, int argc, char **argv)
{
	*o = (struct options){
	    .listen = "127.0.0.1",
	    .name = "relay.test",
	    .tls_priority = "NORMAL",
	    .mechanisms = "SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 "
	                  "CRAM-MD5 PLAIN LOGIN",
	    .rate_reply = "454 4.7.0 Throttling failure: Maximum sending rate exceeded.",
	    .iterations = 4096,
	    .size = 10485760,
	    .timeout_s = 300,
	};
	set_extensions(
	    o, "PIPELINING SIZE 8BITMIME SMTPUTF8 DSN ENHANCEDSTATUSCODES STARTTLS AUTH", true);
	for (int i = 1; i < argc;) {
		if (!strcmp(argv[i], "--help")) {
			printf("%s%s", help, script_help);
			exit(0);
		}
		if (i + 1 < argc && take_special(o, argv[i], argv[i + 1])) {
			i += 2;
			continue;
		}
		int taken = take_plain(o, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
		if (!taken)
			die("%s: no such option, or its value is missing; see --help", argv[i]);
		i += taken;
	}
	check(o);
}

void options_free(struct options *o)
{
	script_free(&o->script);
}
