/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/provider.h"
#include "smtp/sasl_name.h"
#include "unit.h"

#define DIGITS "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define RELAY  "[relay]\nhost = smtp.example.org\n"

/* All notes, one a line; warnings begin with "warning ". */
struct notes {
	struct buf text;
	size_t faults;
	size_t warnings;
};

static void take_note(void *context, bool warning, const char *text)
{
	struct notes *n = context;
	ck_assert(buf_addf(&n->text, "%s%s\n", warning ? "warning " : "", text));
	n->faults += !warning;
	n->warnings += warning;
}

static void notes_init(struct notes *n)
{
	*n = (struct notes){.faults = 0};
	buf_init(&n->text, 1 << 20);
}

static bool parse(struct str text, bool personal, struct settings *c, struct notes *n)
{
	notes_init(n);
	return settings_parse(text, "/etc/p.conf", personal, c, take_note, n);
}

/* A text without any fault or warning. */
static void parse_good(const char *text, struct settings *c)
{
	struct notes n;
	bool good = parse(str_of(text), true, c, &n);
	ck_assert_msg(good && n.text.len == 0, "%s\n%s", text, buf_cstr(&n.text));
	buf_release(&n.text);
}

START_TEST(four_lines_are_enough)
{
	struct settings c;
	parse_good("[relay]\n"
	           "host          = smtp.example.org\n"
	           "user          = alerts@example.org\n"
	           "password_file = /etc/postern.secret\n",
	           &c);
	ck_assert_uint_eq(c.relay_count, 1);
	const struct settings_relay *r = &c.relays[0];
	ck_assert_str_eq(r->name, "main");
	ck_assert_uint_eq(r->line, 1);
	ck_assert_uint_eq(r->host.count, 1);
	ck_assert_str_eq(r->host.words[0], "smtp.example.org");
	ck_assert_ptr_null(r->host.words[1]);
	ck_assert_str_eq(r->user, "alerts@example.org");
	ck_assert_str_eq(r->password_file, "/etc/postern.secret");
	settings_release(&c);
}
END_TEST

START_TEST(defaults_are_those_of_the_manual)
{
	struct settings c;
	parse_good(RELAY, &c);
	ck_assert_str_eq(c.path, "/etc/p.conf");
	ck_assert_ptr_null(c.hostname);
	ck_assert_ptr_null(c.domain);
	ck_assert_ptr_null(c.from);
	ck_assert_int_eq(c.from_rule, FROM_LOCAL);
	ck_assert_ptr_null(c.from_name);
	ck_assert_ptr_null(c.reply_to);
	ck_assert_ptr_null(c.admin);
	ck_assert_str_eq(c.aliases, "/etc/aliases");
	ck_assert(!c.received);
	ck_assert_int_eq(c.dot, DOT_SAFE);
	ck_assert_uint_eq(c.max_size, 50u * 1024 * 1024);
	ck_assert_int_eq(c.mode, MODE_NOW);
	ck_assert_int_eq(c.wait_ms, 30000);
	ck_assert_int_eq(c.delay, 0);
	ck_assert_int_eq(c.retry, 5 * 60);
	ck_assert_int_eq(c.retry_max, 4 * 3600);
	ck_assert_int_eq(c.expire, 5 * 86400);
	ck_assert_int_eq(c.warn, 0);
	ck_assert_int_eq(c.keep_failed, 7 * 86400);
	ck_assert_uint_eq(c.online.count, 0);
	ck_assert_ptr_null(c.directory);
	ck_assert_uint_eq(c.min_free, 64u * 1024 * 1024);
	ck_assert_uint_eq(c.dns_servers.count, 0);
	ck_assert_int_eq(c.log.to, LOG_TO_SYSLOG);
	ck_assert(!c.log_json);
	const struct settings_relay *r = &c.relays[0];
	ck_assert(!r->mx);
	ck_assert_int_eq(r->protocol, SETTINGS_SMTP);
	ck_assert_int_eq(r->security, SECURITY_STARTTLS);
	ck_assert_uint_eq(r->port.count, 1);
	ck_assert_int_eq(r->port.at[0], 587);
	ck_assert_uint_eq(r->auth.mechanisms, 0);
	ck_assert(!r->auth.none);
	ck_assert(!r->allow_cleartext_auth);
	ck_assert_int_eq(r->tls_trust.mode, TLS_TRUST_SYSTEM);
	ck_assert_ptr_null(r->tls_trust.file);
	ck_assert_ptr_null(r->tls_priority);
	ck_assert_int_eq(r->family, AF_UNSPEC);
	ck_assert_int_eq(r->connections, 3);
	ck_assert_int_eq(r->dead_max, 600);
	ck_assert_int_eq(r->window, 4);
	ck_assert_int_eq(r->max_messages, 100);
	ck_assert_int_eq(r->max_recipients, 100);
	ck_assert_int_eq(r->connect_timeout_ms, 10000);
	ck_assert_int_eq(r->timeout_ms, 300000);
	ck_assert_int_eq(r->dot_timeout_ms, 600000);
	settings_release(&c);
}
END_TEST

START_TEST(every_key_is_read)
{
	struct settings c;
	parse_good(
	    "[log]\nto = stderr\n[relay one]\nhost = a.example, [2001:db8::1] 192.0.2.1\n"
	    "port = 587, 2525 8025\nsecurity = tls\nuser = u\npassword = p\n"
	    "auth = plain SCRAM-SHA-256\nallow_cleartext_auth = yes\ntls_trust = /ca.pem\n"
	    "tls_name = mx.example\ntls_certificate = /c\ntls_key = /k\n"
	    "tls_priority = NORMAL\nsenders = *@a.example b@c\nrecipients = *@d, e\n"
	    "helo = [192.0.2.7]\nsource = fe80::1%eth0\nfamily = 6\n"
	    "proxy = socks5://localhost:1080\nrate = 14/s, 10000/d\nconnections = "
	    "1\nmax_messages = 2\nwindow = 7\n"
	    "max_recipients = 3\nconnect_timeout = 1s\ntimeout = 2s\ndot_timeout = 3s\n",
	    &c);
	const struct settings_relay *r = &c.relays[0];
	ck_assert_str_eq(r->name, "one");
	ck_assert_int_eq(c.log.to, LOG_TO_STDERR);
	ck_assert_uint_eq(r->host.count, 3);
	ck_assert_str_eq(r->host.words[1], "[2001:db8::1]");
	ck_assert_uint_eq(r->port.count, 3);
	ck_assert_int_eq(r->port.at[2], 8025);
	ck_assert_int_eq(r->security, SECURITY_TLS);
	ck_assert_str_eq(r->password, "p");
	ck_assert_uint_eq(r->auth.mechanisms, 1u << SASL_PLAIN | 1u << SASL_SCRAM_SHA256);
	ck_assert_str_eq(r->tls_trust.file, "/ca.pem");
	ck_assert_int_eq(r->tls_trust.mode, TLS_TRUST_FILE);
	ck_assert_str_eq(r->tls_name, "mx.example");
	ck_assert_str_eq(r->tls_certificate, "/c");
	ck_assert_str_eq(r->tls_key, "/k");
	ck_assert_uint_eq(r->senders.count, 2);
	ck_assert_str_eq(r->recipients.words[1], "e");
	ck_assert_uint_eq(r->rate.count, 2);
	ck_assert_int_eq(r->rate.at[0].count, 14);
	ck_assert_int_eq(r->rate.at[1].seconds, 86400);
	ck_assert_str_eq(r->helo, "[192.0.2.7]");
	ck_assert_str_eq(r->source.bare, "fe80::1%eth0");
	ck_assert_int_eq(r->source.family, AF_INET6);
	ck_assert_int_eq(r->family, AF_INET6);
	ck_assert_str_eq(r->proxy.host, "localhost");
	ck_assert_int_eq(r->proxy.port, 1080);
	ck_assert_int_eq(r->connections, 1);
	ck_assert_int_eq(r->dot_timeout_ms, 3000);
	settings_release(&c);
}
END_TEST

START_TEST(values_of_the_first_sections)
{
	struct settings c;
	parse_good("# a comment\n; another\n\n[mail]\nhostname = auto\n"
	           "domain = example.org ; not the host\nfrom = a@example.org\n"
	           "from_rule = always\nadmin = ops\naliases = /a\nreceived = yes\n"
	           "dot = classic\n"
	           "from_name = J\xC3\xBCrgen #1\nreply_to = \"a b\"@example.org\n"
	           "max_size = 0\n"
	           "[delivery]\nmode = hold\nwarn = 4h\nkeep_failed = 0\nretry = 6h\n"
	           "wait = 0\ndelay = 30s\nexpire = 2d\n"
	           "online = /bin/test -e '/run/a b' \"c \\\" d\" e\\ f ''\n"
	           "[hold]\ndirectory = /h\nmin_free = 1G\n"
	           "[dns]\nserver = 192.0.2.53, [2001:db8::53]:5353 127.0.0.1:53\n"
	           "[log]\nto = /var/log/postern.log\nformat = json\n" RELAY
	           "tls_fingerprint = SHA256:"
	           "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"
	           "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff\n",
	           &c);
	ck_assert_ptr_null(c.hostname);
	ck_assert_str_eq(c.domain, "example.org");
	ck_assert_str_eq(c.from_name, "J\xC3\xBCrgen #1");
	ck_assert_str_eq(c.reply_to, "\"a b\"@example.org");
	ck_assert_uint_eq(c.max_size, 0);
	ck_assert_str_eq(c.from, "a@example.org");
	ck_assert_int_eq(c.from_rule, FROM_ALWAYS);
	ck_assert_str_eq(c.admin, "ops");
	ck_assert_str_eq(c.aliases, "/a");
	ck_assert(c.received);
	ck_assert_int_eq(c.dot, DOT_CLASSIC);
	ck_assert_int_eq(c.wait_ms, 0);
	ck_assert_int_eq(c.delay, 30);
	ck_assert_int_eq(c.expire, 2 * 86400);
	ck_assert_str_eq(c.directory, "/h");
	ck_assert_uint_eq(c.min_free, 1u << 30);
	ck_assert_uint_eq(c.dns_servers.count, 3);
	ck_assert_str_eq(c.dns_servers.at[0].bare, "192.0.2.53");
	ck_assert_int_eq(c.dns_servers.at[0].port, 0);
	ck_assert_str_eq(c.dns_servers.at[1].bare, "2001:db8::53");
	ck_assert_int_eq(c.dns_servers.at[1].port, 5353);
	ck_assert_int_eq(c.dns_servers.at[2].port, 53);
	ck_assert_int_eq(c.mode, MODE_HOLD);
	ck_assert_int_eq(c.warn, 4 * 3600);
	ck_assert_int_eq(c.retry, 6 * 3600);
	ck_assert_int_eq(c.retry_max, 6 * 3600);
	ck_assert_uint_eq(c.online.count, 6);
	ck_assert_str_eq(c.online.words[0], "/bin/test");
	ck_assert_str_eq(c.online.words[2], "/run/a b");
	ck_assert_str_eq(c.online.words[3], "c \" d");
	ck_assert_str_eq(c.online.words[4], "e f");
	ck_assert_str_eq(c.online.words[5], "");
	ck_assert_int_eq(c.log.to, LOG_TO_FILE);
	ck_assert_str_eq(c.log.file, "/var/log/postern.log");
	ck_assert(c.log_json);
	ck_assert_uint_eq(c.relays[0].tls_fingerprint.count, 1);
	ck_assert_uint_eq(c.relays[0].tls_fingerprint.at[0].sha256[1], 0x11);
	ck_assert_uint_eq(c.relays[0].tls_fingerprint.at[0].sha256[31], 0xff);
	settings_release(&c);
}
END_TEST

/* Mailboxes are kept as they go out. */
START_TEST(mailboxes)
{
	struct settings c;
	parse_good(
	    "[mail]\nfrom = a..b@example.org.\nadmin = \\root\nreply_to = a@[192.0.2.1]\n"
	    "[senders]\nroot = \"a b\"@c.example.\n*@d = *@e.example.\n" RELAY,
	    &c);
	ck_assert_str_eq(c.from, "\"a..b\"@example.org");
	ck_assert_str_eq(c.admin, "root");
	ck_assert_str_eq(c.reply_to, "a@[192.0.2.1]");
	ck_assert_str_eq(c.senders[0].address, "\"a b\"@c.example");
	ck_assert_str_eq(c.senders[1].address, "*@e.example");
	settings_release(&c);
}
END_TEST

START_TEST(quotes_inside_a_value_are_its_own)
{
	struct settings c;
	parse_good("[mail]\nfrom_name = \"Ann\" of \"Accounts\"\nreply_to = \"a b\"@c.example\n"
	           "[delivery]\nonline = \"/opt/is on\"\n" RELAY
	           "user = \"\npassword = \"a\"b\"\n",
	           &c);
	ck_assert_str_eq(c.from_name, "\"Ann\" of \"Accounts\"");
	ck_assert_str_eq(c.online.words[0], "/opt/is on");
	ck_assert_str_eq(c.relays[0].user, "\"");
	ck_assert_str_eq(c.relays[0].password, "\"a\"b\"");
	settings_release(&c);
}
END_TEST

START_TEST(ports_follow_security)
{
	static const struct {
		const char *lines;
		int port;
	} rows[] = {
	    {"host = a\nsecurity = tls\n", 465},
	    {"host = a\nsecurity = starttls\n", 587},
	    {"host = a\nsecurity = opportunistic\n", 587},
	    {"host = a\nsecurity = none\n", 25},
	    {"mx = yes\n", 25},
	    {"mx = no\nhost = a\n", 587},
	    {"security = tls\nhost = a\nport = 1465\n", 1465},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char *text = mem_printf("[relay]\n%s", rows[i].lines);
		struct settings c;
		parse_good(text, &c);
		ck_assert_uint_eq(c.relays[0].port.count, 1);
		ck_assert_int_eq(c.relays[0].port.at[0], rows[i].port);
		settings_release(&c);
		free(text);
	}
}
END_TEST

/* What a provider fills in: as --config has it, a line each. */
static const struct {
	const char *lines;
	const char *wanted[4];
} providers[] = {
    {"provider = gmail\n",
     {"\nprovider = gmail\nhost = smtp.gmail.com\n", "\nport = 465\nsecurity = tls\n",
      "\nauth = auto\n", "\nmax_recipients = 100\n"}},
    {"provider = microsoft\n",
     {"\nhost = smtp.office365.com\n", "\nport = 587\nsecurity = starttls\n",
      "\nauth = XOAUTH2\n", "\nconnections = 3\n"}},
    {"provider = ses:eu-west-1\n",
     {"\nprovider = ses:eu-west-1\nhost = email-smtp.eu-west-1.amazonaws.com\n",
      "\nport = 465, 2465\n", "\nmax_recipients = 50\n"}},
    {"provider = sendgrid\npassword = p\n", {"\nuser = apikey\n", "\nport = 587, 2525\n"}},
    {"provider = sendgrid\nuser = own\npassword = p\n", {"\nuser = own\n"}},
    {"provider = microsoft\nconnections = 1\nauth = plain\n",
     {"\nauth = PLAIN\n", "\nconnections = 1\n", "\nhost = smtp.office365.com\n"}},
    {"connections = 1\nauth = plain\nprovider = microsoft\n",
     {"\nauth = PLAIN\n", "\nconnections = 1\n", "\nhost = smtp.office365.com\n"}},
    {"provider = gmail\nhost = smtp.relay.example\n",
     {"\nhost = smtp.relay.example\n", "\nport = 465\nsecurity = tls\n"}},
    {"host = smtp.relay.example\nprovider = gmail\n",
     {"\nhost = smtp.relay.example\n", "\nport = 465\nsecurity = tls\n"}},
    {"srv = relay.example\nprovider = gmail\n",
     {"\n;host =\nsrv = relay.example\n", "\nsecurity = tls\n"}},
    {"provider = gmail\nmx = no\n", {"\nhost = smtp.gmail.com\n"}},
    /* Port and security go together. */
    {"provider = gmail\nsecurity = starttls\n", {"\nport = 587\nsecurity = starttls\n"}},
    {"security = starttls\nprovider = gmail\n", {"\nport = 587\nsecurity = starttls\n"}},
    {"provider = gmail\nport = 587\n", {"\nport = 587\nsecurity = starttls\n"}},
    {"provider = ses:eu-west-1\nport = 2465\n", {"\nport = 2465\nsecurity = tls\n"}},
    {"provider = sendgrid\nsecurity = starttls\npassword = p\n", {"\nport = 587, 2525\n"}},
};

static void write_text(struct str text, struct buf *out);

START_TEST(what_a_provider_fills_in)
{
	char *text = mem_printf("[relay]\n%s", providers[_i].lines);
	struct buf out;
	write_text(str_of(text), &out);
	for (size_t k = 0; k < 4 && providers[_i].wanted[k]; k++)
		ck_assert_msg(strstr(buf_cstr(&out), providers[_i].wanted[k]) != NULL,
		              "%s%s in\n%s", text, providers[_i].wanted[k], buf_cstr(&out));
	struct buf again;
	/* A password is not written, and a user is to have one. */
	if (!strstr(text, "password")) {
		write_text(buf_str(&out), &again);
		ck_assert_str_eq(buf_cstr(&out), buf_cstr(&again));
		buf_release(&again);
	}
	buf_release(&out);
	free(text);
}
END_TEST

/* In each relay anew, and with every value of the table. */
START_TEST(each_provider_is_read)
{
	struct buf text;
	buf_init(&text, 1 << 16);
	size_t count;
	const struct provider *p;
	for (count = 0; (p = provider_at(count)) != NULL; count++)
		ck_assert(buf_addf(&text, "[relay r%zu]\nprovider = %s%s\npassword = p\n%s",
		                   count, p->name, provider_has_regions(p) ? ":eu-west-1" : "",
		                   p->user ? "" : "user = me\n"));
	struct settings c;
	parse_good(buf_cstr(&text), &c);
	ck_assert_uint_eq(c.relay_count, count);
	for (size_t i = 0; i < count; i++) {
		p = provider_at(i);
		const struct settings_relay *r = &c.relays[i];
		ck_assert_uint_eq(r->host.count, 1);
		ck_assert_str_eq(r->user, p->user ? p->user : "me");
		ck_assert_int_eq(r->security == SECURITY_TLS, strcmp(p->security, "tls") == 0);
		ck_assert_int_eq(r->port.at[0] == SETTINGS_PORT_TLS,
		                 r->security == SECURITY_TLS);
	}
	settings_release(&c);
	buf_release(&text);
}
END_TEST

START_TEST(relays_keep_their_order)
{
	struct settings c;
	parse_good("[relay work]\nhost = a\nsenders = *@work.example\n"
	           "[mail]\nadmin = x@y\n"
	           "[relay]\nsocket = run/lmtp\nprotocol = lmtp\nsecurity = none\n"
	           "[ relay  last ] ; of three\n  host = c\n\thelo = h\n",
	           &c);
	ck_assert_uint_eq(c.relay_count, 3);
	ck_assert_str_eq(c.relays[0].name, "work");
	ck_assert_str_eq(c.relays[1].name, "main");
	ck_assert_str_eq(c.relays[1].socket, "/etc/run/lmtp");
	ck_assert_str_eq(c.relays[2].name, "last");
	ck_assert_str_eq(c.relays[2].host.words[0], "c");
	ck_assert_str_eq(c.relays[2].helo, "h");
	ck_assert_uint_eq(c.relays[2].line, 10);
	settings_release(&c);
}
END_TEST

/* Each text has one fault: in that line, with these words in it. */
static const struct {
	const char *text;
	int line;
	const char *words;
} faults[] = {
    {"", 1, "no relay"},
    {"\n\n[mail]\nadmin = a@b\n", 4, "no relay"},
    {RELAY "hots = a\n", 3, "unknown key 'hots' in [relay]; did you mean host?"},
    {RELAY "HELO = a\n", 3, "did you mean helo?"},
    {RELAY "pasword_flie = /a\n", 3, "did you mean password_file?"},
    {RELAY "mode = now\n", 3, "it belongs in [delivery]"},
    {"[relay]\nprovider = gmial\n", 2, "provider: 'gmial' is not known; did you mean gmail?"},
    {"[relay]\nprovider = Gmail\n", 2, "did you mean gmail?"},
    {"[relay]\nprovider = googlemail.com\n", 2, "did you mean gmail?"},
    {"[relay]\nprovider = outlook\n", 2, "did you mean outlook.com?"},
    {"[relay]\nprovider = nobody\n", 2, "'nobody' is not known (sendmail --providers"},
    {"[relay]\nprovider = sess:eu-west-1\n", 2, "did you mean ses?"},
    {"[relay]\nprovider = ses\n", 2, "'ses' lacks the region: write ses:REGION, such as"},
    {"[relay]\nprovider = ses:\n", 2, "'ses:' lacks the region"},
    {"[relay]\nprovider = ses:x.evil.example\n", 2, "no region such as eu-west-1"},
    {"[relay]\nprovider = gmail:eu-west-1\n", 2, "gmail has no regions"},
    {"[relay]\nprovider = gmail, fastmail\n", 2, "is not known"},
    {"[relay]\nprovider =\n", 2, "provider has no value"},
    {"[relay]\nprovider = gmail\nprovider = gmail\n", 3, "stands in line 2 already"},
    {"[relay]\nprovider = sendgrid\n", 2, "user, but no password"},
    {"[relay]\nprovider = gmail\npassword = hunter2\n", 3, "a password, but no user"},
    {"[relay]\nprovider = gmail\nhost = a b/c\n", 3, "'b/c' is not a host name"},
    {RELAY "nosuchkey = 1\n", 3, "unknown key 'nosuchkey' in [relay]"},
    {RELAY "username = a\n", 3, "unknown key 'username' in [relay]; did you mean user?"},
    {RELAY "smtp_port = 1\n", 3, "did you mean port?"},
    {RELAY "PASS = x\n", 3, "did you mean password?"},
    {RELAY "hostname = a\n", 3, "it belongs in [mail]"},
    {RELAY "password hunter2:x\n", 3, "not the name of a key"},
    {RELAY "password hunter2\n", 3, "no = in this line"},
    {RELAY "password hunter2", 3, "no = in this line"},
    {RELAY "password hunter2\n[mail]\n", 3, "no = in this line"},
    {"host = a\n" RELAY, 1, "'host' before any section; it belongs in [relay]"},
    {"xyzzyxyzzy = a\n" RELAY, 1, "before any section"},
    {"[mial]\nhost = a\n" RELAY, 1, "unknown section [mial]; did you mean [mail]?"},
    {"[Relay]\n" RELAY, 1, "did you mean [relay]?"},
    {"[general settings]\na = b\n" RELAY, 1, "unknown section [general settings]"},
    {"[relayx]\nhost = a\n" RELAY, 1, "unknown section"},
    {"[mail\nadmin = a@b\n" RELAY, 1, "without its ]"},
    {"[mail] admin = a@b\n" RELAY, 1, "behind the ]"},
    {RELAY "[relay]\nhost = b\n", 3, "a second relay 'main', the first is in line 1"},
    {RELAY "[relay a]\nhost = b\n[relay a]\nhost = c\n", 5, "first is in line 3"},
    {RELAY "[relay main]\nhost = b\n", 3, "a second relay 'main'"},
    {"[relay ../x]\nhost = b\n", 1, "cannot be the name"},
    {"[relay .x]\nhost = b\n", 1, "cannot be the name"},
    {"[relay a b]\nhost = b\n", 1, "cannot be the name"},
    {"[relay 123456789012345678901234567890123]\nhost = b\n", 1, "cannot be the name"},
    {RELAY "host = b\n", 3, "host stands in line 2 already"},
    {RELAY "[mail]\ndot = safe\n[log]\n[mail]\ndot = safe\n", 7, "stands in line 4"},
    {RELAY "helo =\n", 3, "helo has no value"},
    {RELAY "helo = ; nothing\n", 3, "helo has no value"},
    {RELAY "helo = a b\n", 3, "helo: 'a b' is not a host name"},
    {RELAY "helo = a..b\n", 3, "not a host name"},
    {RELAY "user = a\xFF\npassword = x\n", 3, "user is not valid UTF-8"},
    {RELAY "user = a\001\n", 3, "control byte 0x01"},
    {RELAY "# \033[31m\n", 3, "control byte 0x1B"},
    {RELAY "helo = a\rb\n", 3, "control byte 0x0D"},
    {RELAY "\r\nhelo = a\rb\r\n", 4, "control byte 0x0D"},
    {"[relay]\nhost = a\n  b\n  ca:fe\n  d\n", 4, "host: 'ca:fe"},
    {"[relay]\nhost = a\nport = 25,\n\t587,\n\t0,\n\t2525\n", 5, "port: '0'"},
    {"[relay]\nhost =\nhelo = a\n", 2, "host has no value"},
    {"[relay]\nhost =\n\n; x\n", 2, "host has no value"},
    {"[relay]\nhost = a\n  usr = b\n", 3, "did you mean user"},
    {"[relay]\nhost = a\n  [delivry]\n", 3, "did you mean [delivery]"},
    {"[relay]\nhost = a\nhelo = b\n  c\n", 4, "no = in this line"},
    {"[relay]\nhost = a\n[mail]\n  b\n", 4, "no = in this line"},
    {"[relay]\nhost = a\nb\n", 3, "no = in this line"},
    {"\xEF\xBB\xBF" RELAY, 1, "byte order mark"},
    /* targets */
    {"[relay]\n", 1, "no server; give one of host, srv, mx or socket"},
    {"[relay]\nmx = no\n", 1, "no server"},
    {"[relay]\nhelo = a\n[mail]\n", 1, "no server"},
    {RELAY "mx = yes\n", 3, "more than one of host, srv, mx and socket"},
    {"[relay]\nsrv = example.org\nsocket = /s\n", 3, "more than one of host"},
    {"[relay]\nsrv = example.org\nprotocol = lmtp\n", 3, "needs host or socket"},
    {"[relay]\nhost = smtp.example.org:587\n", 2, "belongs in the key port"},
    {"[relay]\nhost = a, b/c\n", 2, "'b/c' is not a host name or an address"},
    {"[relay]\nhost = ,\n", 2, "empty list"},
    {"[relay]\nhost = [192.0.2.300]\n", 2, "not a host name"},
    {"[relay]\nsocket = ~/lmtp\n", 2, "write the whole path"},
    {RELAY "port = 0\n", 3, "'0' is not a port from 1 to 65535"},
    {RELAY "port = 587, smtp\n", 3, "'smtp' is not a port"},
    {RELAY "port = 65536\n", 3, "'65536' is not a port"},
    {RELAY "port = -1\n", 3, "'-1' is not a port"},
    {RELAY "user = x\noauth =\n", 4, "oauth has no value"},
    {RELAY "rate = 14\n", 3, "'14' is not a rate such as 14/s"},
    {RELAY "rate = 14/s, 0/h\n", 3, "'0/h' is not a rate"},
    {RELAY "rate = 1000001/d\n", 3, "'1000001/d' is not a rate"},
    {RELAY "rate = 3/w\n", 3, "'3/w' is not a rate"},
    {RELAY "rate = 3/\n", 3, "'3/' is not a rate"},
    {RELAY "rate = /s\n", 3, "'/s' is not a rate"},
    {RELAY "rate = 3 /s\n", 3, "'3' is not a rate"},
    {RELAY "rate = 3/sec\n", 3, "'3/sec' is not a rate"},
    {RELAY "rate = 3/S\n", 3, "'3/S' is not a rate"},
    {RELAY "rate = 3//s\n", 3, "'3//s' is not a rate"},
    {RELAY "rate = 3/s/s\n", 3, "'3/s/s' is not a rate"},
    {RELAY "rate = -3/s\n", 3, "'-3/s' is not a rate"},
    {RELAY "rate = +3/s\n", 3, "'+3/s' is not a rate"},
    {RELAY "rate = 0.5/s\n", 3, "'0.5/s' is not a rate"},
    {RELAY "rate = 99999999999999999999/s\n", 3, "is not a rate"},
    {RELAY "rate = ,\n", 3, "empty list"},
    {RELAY "rate = 1/s 1/m 1/h 1/d 2/s 2/m 2/h 2/d 3/s\n", 3, "has more than 8 rates"},
    /* login */
    {RELAY "user = a\n", 3, "user, but no password"},
    {RELAY "password_file = /a\n", 3, "a password, but no user"},
    {RELAY "user = a\npassword_file = /a\npassword_command = b\n", 5, "more than one of"},
    {RELAY "password = x\nuser = a\npassword_file = /a\n", 5, "more than one of"},
    {RELAY "user = a\npassword_command = a 'b\n", 4, "a quote is not closed"},
    {RELAY "user = a\npassword_command = ''\n", 4, "names no program"},
    {RELAY "user = a\npassword_command = ~/x\n", 4, "write the whole path"},
    {RELAY "auth = PLAIN, SCRAM\n", 3, "'SCRAM' is neither auto, none nor"},
    {RELAY "auth = none PLAIN\n", 3, "'none' is neither auto, none nor"},
    {RELAY "allow_cleartext_auth = true\n", 3, "'true' is neither yes nor no"},
    /* TLS */
    {RELAY "security = ssl\n", 3, "'ssl' is none of tls, starttls, opportunistic, none"},
    {RELAY "tls_certificate = /c\n", 3, "tls_certificate needs tls_key"},
    {RELAY "tls_key = /k\n", 3, "tls_key needs tls_certificate"},
    {RELAY "tls_fingerprint = 00\n", 3, "64 hexadecimal digits"},
    {RELAY "tls_fingerprint = sha256:00\n", 3, "64 hexadecimal digits"},
    {RELAY "tls_fingerprint = ,\n", 3, "empty list"},
    {RELAY "auth = ,\n", 3, "empty list"},
    /* quotes */
    {RELAY "[mail]\nfrom = \"ann@example.org\"\n", 4, "from: quotes would be part"},
    {RELAY "[mail]\nfrom_name = 'Ann'\n", 4, "from_name: quotes would be part"},
    {RELAY "[mail]\nmax_size = \"50M\"\n", 4, "max_size: quotes would be part"},
    {RELAY "[mail]\naliases = \"/etc/aliases\"\n", 4, "leave them out"},
    {RELAY "user = \"a\"\npassword_file = /a\n", 3, "user: quotes would be part"},
    {RELAY "user = a\npassword = \"hunter2\"\n", 4, "goes into a password_file"},
    {RELAY "user = a\npassword_file = \"/a\"\n", 4, "password_file: quotes"},
    {"[relay]\nhost = \"a\", \"b\"\n[mail]\n", 2, "host: quotes would be part"},
    {RELAY "senders = \"*@a, *@b\"\n", 3, "senders: quotes would be part"},
    {RELAY "senders = *@a, '*@b'\n", 3, "senders: '*@b': quotes would be part"},
    {RELAY "tls_priority = \"NORMAL\"\n", 3, "leave them out"},
    /* the others */
    {RELAY "source = localhost\n", 3, "not an IPv4 or IPv6 address"},
    {RELAY "family = 5\n", 3, "'5' is none of any, 4, 6"},
    {RELAY "proxy = http://a:1\n", 3, "socks5://host:port"},
    {RELAY "proxy = socks5://a\n", 3, "socks5://host:port"},
    {RELAY "proxy = socks5h://a:1\n", 3, "socks5://host:port"},
    {RELAY "source = fe80::1%\n", 3, "not an IPv4 or IPv6 address"},
    {RELAY "source = [::1]\n", 3, "not an IPv4 or IPv6 address"},
    {RELAY "helo = [IPv6:192.0.2.1]\n", 3, "not a host name or an address in brackets"},
    {RELAY "[dns]\nserver = 192.0.2.1,ns.example.org\n", 4, "'ns.example.org' is not"},
    {RELAY "[dns]\nserver = ,\n", 4, "empty list"},
    {RELAY "connections = 0\n", 3, "'0' is not a number from 1 to 100"},
    {RELAY "connections = 101\n", 3, "'101' is not a number from 1 to 100"},
    {RELAY "timeout = never\n", 3, "timeout: 'never' is not a duration"},
    {RELAY "timeout = 60\n", 3, "'60' is not a duration"},
    {RELAY "timeout = 0\n", 3, "'0' is not within 1s and 1d"},
    {RELAY "timeout = 25h\n", 3, "'25h' is not within 1s and 1d"},
    {RELAY "[mail]\nmax_size = 50MB\n", 4, "not a size"},
    {RELAY "[mail]\nfrom = A <a@b>\n", 4, "without name and <>"},
    {RELAY "[mail]\nadmin = a@b, c@d\n", 4, "is not"},
    {RELAY "[mail]\nadmin = @b\n", 4, "not one mail address"},
    {RELAY "[mail]\nadmin = a@\n", 4, "no domain"},
    {RELAY "[mail]\nadmin = a b@c\n", 4, "not one mail address"},
    {RELAY "[mail]\nadmin = a(b)@c\n", 4, "without name and <>"},
    {RELAY "[mail]\nadmin = <a@b>\n", 4, "without name and <>"},
    {RELAY "[mail]\nadmin = a@b,\n", 4, "without name and <>"},
    {RELAY "[mail]\nadmin = a@b; c@d\n", 4, "not one mail address"},
    {RELAY "[mail]\nadmin = x:a@b;\n", 4, "without name and <>"},
    {RELAY "[mail]\nreply_to = a@[192.0.2\n", 4, "no domain"},
    {RELAY "[mail]\nreply_to = a@-b.example\n", 4, "no domain"},
    {RELAY "[mail]\nfrom = \"a@b\n", 4, "not one mail address"},
    {RELAY "[senders]\na = b c\n", 4, "a: 'b c' is not one mail address"},
    {RELAY "[senders]\na = b@c..d\n", 4, "no domain"},
    {RELAY "[senders]\na = *@c..d\n", 4, "a: '*@c..d': what is behind the @ is no domain"},
    {RELAY "[senders]\na = *\n", 4, "nor *@ and a domain"},
    {RELAY "[senders]\na = \"b@c.example\"\n", 4, "a: quotes would be part of the address"},
    {RELAY "[senders]\na = '*@c.example'\n", 4, "a: quotes would be part of the address"},
    {RELAY "[mail]\nhostname = a@b\n", 4, "not a host or domain name"},
    {RELAY "[mail]\nhostname = -\n", 4, "not a host or domain name"},
    {RELAY "[mail]\nhostname = [192.0.2.1]\n", 4, "not a host or domain name"},
    {RELAY "[mail]\ndomain = -a.example\n", 4, "not a host or domain name"},
    {RELAY "[mail]\ndomain = a-.example.\n", 4, "not a host or domain name"},
    {RELAY "[mail]\ndomain = a..\n", 4, "not a host or domain name"},
    {RELAY "[mail]\nfrom_rule = never\n", 4, "none of missing, local, always"},
    {RELAY "[log]\nto = sysolg\n", 4, "neither syslog, stderr, none nor the path"},
    {RELAY "[log]\nformat = xml\n", 4, "neither text nor json"},
    {RELAY "[dns]\nserver = resolver\n", 4, "not the address of a name server"},
    {RELAY "[delivery]\nretry = 1h\nretry_max = 1m\n", 5, "shorter than retry"},
};

START_TEST(each_fault_names_its_line)
{
	struct settings c;
	struct notes n;
	ck_assert(!parse(str_of(faults[_i].text), true, &c, &n));
	char *start = mem_printf("/etc/p.conf:%d: ", faults[_i].line);
	ck_assert_msg(n.faults == 1 && n.warnings == 0, "%s\n%s", faults[_i].text,
	              buf_cstr(&n.text));
	ck_assert_msg(str_starts(buf_str(&n.text), str_of(start)) &&
	                  strstr(buf_cstr(&n.text), faults[_i].words) != NULL,
	              "%s\n%s", faults[_i].text, buf_cstr(&n.text));
	ck_assert_ptr_null(strstr(buf_cstr(&n.text), "hunter2"));
	free(start);
	buf_release(&n.text);
	settings_release(&c);
}
END_TEST

START_TEST(all_faults_are_listed)
{
	struct settings c;
	struct notes n;
	ck_assert(!parse(STR("[relay]\nhost = a\ntimeout = never\nnosuchkey = 1\n"
	                     "[hold]\ndirectory = /h\n[mial]\n"),
	                 true, &c, &n));
	ck_assert_str_eq(buf_cstr(&n.text),
	                 "/etc/p.conf:3: timeout: 'never' is not a duration such as 30s, 5m, "
	                 "4h or 5d\n"
	                 "/etc/p.conf:4: unknown key 'nosuchkey' in [relay]\n"
	                 "/etc/p.conf:7: unknown section [mial]; did you mean [mail]?\n");
	/* What was understood is there, and every key has a value. */
	ck_assert_str_eq(c.directory, "/h");
	ck_assert_int_eq(c.relays[0].timeout_ms, 300000);
	buf_release(&n.text);
	settings_release(&c);
}
END_TEST

/* What is found when a section ends is told where it stands, not behind all else. */
START_TEST(faults_in_order)
{
	struct settings c;
	struct notes n;
	ck_assert(
	    !parse(STR("[relay]\nhost = a\npassword_file = /p\nusername = u\n"), true, &c, &n));
	ck_assert_str_eq(
	    buf_cstr(&n.text),
	    "/etc/p.conf:3: relay main: a password, but no user\n"
	    "/etc/p.conf:4: unknown key 'username' in [relay]; did you mean user?\n");
	buf_release(&n.text);
	settings_release(&c);
}
END_TEST

/* name, text, the words of host or senders */
static const struct {
	const char *name, *in, *want;
} lists[] = {
    {"one line", "host = a b\n", "a b"},
    {"a second line", "host = a\n  b\n", "a b"},
    {"a tab, and commas", "host = a,\n\tb,\n\tc\n", "a b c"},
    {"nothing behind the =", "host =\n  a\n  b\n", "a b"},
    {"a comment behind the =", "host = ; of these\n  a ; the first\n  b\t;the second\n", "a b"},
    {"comments and empty lines between", "host = a\n\n  ; x\n# y\n \t\n  b\n", "a b"},
    {"CR LF", "host = a\r\n  b\r\n\r\n  c\r\n", "a b c"},
    {"no end of the last line", "host = a\n  b", "a b"},
    {"an indented key", "  host = a\n  helo = b\n", "a"},
    {"an indented key without blanks", "host = a\n  b\n  helo=c\n", "a b"},
    {"an indented section", "host = a\n  [mail]\n  admin = x@y\n", "a"},
    {"address literals", "host = [192.0.2.1]\n  [2001:db8::1]\n  192.0.2.2\n",
     "[192.0.2.1] [2001:db8::1] 192.0.2.2"},
    {"what looks like a key", "host = a\nsenders = a@b\n  prvs=1234=x@y.example\n  *@c\n", "a"},
};

START_TEST(lists_over_several_lines)
{
	struct settings c;
	char *text = mem_printf("[relay]\n%s", lists[_i].in);
	parse_good(text, &c);
	struct buf got;
	buf_init(&got, 1000);
	for (size_t i = 0; i < c.relays[0].host.count; i++)
		ck_assert(buf_addf(&got, "%s%s", i > 0 ? " " : "", c.relays[0].host.words[i]));
	ck_assert_msg(strcmp(buf_cstr(&got), lists[_i].want) == 0, "%s: %s", lists[_i].name,
	              buf_cstr(&got));
	if (c.relays[0].senders.count > 0) {
		ck_assert_uint_eq(c.relays[0].senders.count, 3);
		ck_assert_str_eq(c.relays[0].senders.words[1], "prvs=1234=x@y.example");
	}
	buf_release(&got);
	settings_release(&c);
	free(text);
}
END_TEST

START_TEST(long_lists)
{
	struct buf text;
	buf_init(&text, 1 << 20);
	ck_assert(buf_add_str(&text, STR("[relay]\nhost = a\ntls_fingerprint =\n")));
	for (int i = 0; i < 3; i++)
		ck_assert(buf_addf(&text, "\tsha256:%064x\n", i));
	ck_assert(buf_add_str(&text, STR("port = 587,\n  2525, 8025\nsenders =\n")));
	for (int i = 0; i < 5000; i++)
		ck_assert(buf_addf(&text, "  user%d@very-long-name.example.org, *@%d.example\n",
		                   i, i));
	struct settings c;
	parse_good(buf_cstr(&text), &c);
	ck_assert_uint_eq(c.relays[0].tls_fingerprint.count, 3);
	ck_assert_uint_eq(c.relays[0].port.count, 3);
	ck_assert_int_eq(c.relays[0].port.at[2], 8025);
	ck_assert_uint_eq(c.relays[0].senders.count, 10000);
	ck_assert_str_eq(c.relays[0].senders.words[9999], "*@4999.example");
	settings_release(&c);
	/* A line of it is as short as any other. */
	ck_assert(buf_addf(&text, "  %0200d\n", 1));
	struct notes n;
	notes_init(&n);
	ck_assert(!settings_parse(buf_str(&text), "/etc/p.conf", true, &c, take_note, &n));
	ck_assert_uint_eq(n.faults, 1);
	ck_assert_msg(strstr(buf_cstr(&n.text), ":5010: the line is longer than 198 bytes"),
	              "%s", buf_cstr(&n.text));
	settings_release(&c);
	buf_release(&n.text);
	buf_release(&text);
}
END_TEST

START_TEST(lines_up_to_198_bytes)
{
	for (int len = 195; len <= 205; len++) {
		char *text = mem_printf("[relay]\nhost = a\n[mail]\nfrom_name = %0*d\n[log]\n",
		                        len - 12, 7);
		struct settings c;
		struct notes n;
		bool good = parse(str_of(text), true, &c, &n);
		ck_assert_int_eq(good, len < 199);
		if (good)
			ck_assert_uint_eq(strlen(c.from_name), (size_t)len - 12);
		else
			ck_assert_ptr_nonnull(strstr(buf_cstr(&n.text),
			                             "/etc/p.conf:4: the line is longer than"));
		free(text);
		buf_release(&n.text);
		settings_release(&c);
	}
}
END_TEST

START_TEST(a_nul_is_refused)
{
	struct settings c;
	struct notes n;
	ck_assert(!parse(STR("[relay]\nhost = a\nhelo = a\0b\n"), true, &c, &n));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&n.text), "/etc/p.conf:3: control byte 0x00"));
	buf_release(&n.text);
	settings_release(&c);
}
END_TEST

START_TEST(passwords_only_in_personal_files)
{
	static const char text[] = RELAY "user = a\npassword = b\n";
	struct settings c;
	struct notes n;
	ck_assert(!parse(str_of(text), false, &c, &n));
	ck_assert_ptr_nonnull(
	    strstr(buf_cstr(&n.text), "/etc/p.conf:4: relay main: everybody"));
	buf_release(&n.text);
	settings_release(&c);
	parse_good(text, &c);
	settings_release(&c);
}
END_TEST

/* What is allowed but worth a word. */
START_TEST(warnings_are_no_faults)
{
	static const struct {
		const char *lines;
		const char *words;
	} rows[] = {
	    {"user = a\npassword = b\nsecurity = none\n", ":5: relay main: security is none"},
	    {"tls_trust = none\n", ":3: relay main: tls_trust is none"},
	};
	static const char *const quiet[] = {
	    "user = a\npassword = b\nsecurity = none\nallow_cleartext_auth = yes\n",
	    "user = a\npassword = b\nsecurity = none\nauth = none\n",
	    "user = a\npassword = b\nsecurity = opportunistic\n",
	    "security = none\ntls_trust = none\n",
	    "user = a\nauth = none\n",
	    "user = a\ntls_certificate = /c\ntls_key = /k\n",
	};
	struct settings c;
	struct notes n;

	for (size_t i = 0; i < COUNT(rows); i++) {
		char *text = mem_printf("%s%s", RELAY, rows[i].lines);
		ck_assert(parse(str_of(text), true, &c, &n));
		ck_assert_uint_eq(n.warnings, 1);
		ck_assert_ptr_nonnull(strstr(buf_cstr(&n.text), rows[i].words));
		buf_release(&n.text);
		settings_release(&c);
		free(text);
	}
	for (size_t i = 0; i < COUNT(quiet); i++) {
		char *text = mem_printf("%s%s", RELAY, quiet[i]);
		parse_good(text, &c);
		settings_release(&c);
		free(text);
	}
}
END_TEST

START_TEST(user_without_password_may_be_a_credential)
{
	struct settings c;
	struct notes n;
	/* In system mode only the service sees it. */
	ck_assert(parse(STR(RELAY "user = a\n"), false, &c, &n));
	buf_release(&n.text);
	settings_release(&c);
	ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", "/run/credentials/x", 1), 0);
	parse_good(RELAY "user = a\n", &c);
	settings_release(&c);
	unsetenv("CREDENTIALS_DIRECTORY");
}
END_TEST

START_TEST(durations_and_sizes)
{
	static const struct {
		const char *text;
		int64_t want; /* -1: refused */
	} durations[] = {
	    {"0", 0},
	    {"0s", 0},
	    {"30s", 30},
	    {"5m", 300},
	    {"4h", 14400},
	    {"5d", 432000},
	    {"3650d", 315360000},
	    {"3651d", -1},
	    {"30", -1},
	    {"s", -1},
	    {"", -1},
	    {"1.5h", -1},
	    {"-1s", -1},
	    {"1h30m", -1},
	    {"5 m", -1},
	    {"5M", -1},
	    {"1w", -1},
	    {"+1s", -1},
	    {"99999999999999999999d", -1},
	    {"999999999999999999d", -1},
	};
	static const struct {
		const char *text;
		int64_t want;
	} sizes[] = {
	    {"0", 0},
	    {"1", 1},
	    {"500K", 512000},
	    {"64M", 67108864},
	    {"1G", 1073741824},
	    {"1048576G", INT64_C(1) << 50},
	    {"1048577G", -1},
	    {"", -1},
	    {"M", -1},
	    {"1T", -1},
	    {"1KB", -1},
	    {"-1", -1},
	    {"999999999999999999G", -1},
	};
	uint64_t bytes;
	int64_t seconds;

	for (size_t i = 0; i < COUNT(durations); i++) {
		bool good = settings_duration(str_of(durations[i].text), &seconds);
		ck_assert_msg(good == (durations[i].want >= 0), "%s", durations[i].text);
		if (good)
			ck_assert_int_eq(seconds, durations[i].want);
	}
	for (size_t i = 0; i < COUNT(sizes); i++) {
		bool good = settings_size(str_of(sizes[i].text), &bytes);
		ck_assert_msg(good == (sizes[i].want >= 0), "%s", sizes[i].text);
		if (good)
			ck_assert_uint_eq(bytes, (uint64_t)sizes[i].want);
	}
	ck_assert(!settings_size(str_make("1\0", 2), &bytes));
	ck_assert(!settings_duration(str_make("1\0", 2), &seconds));
}
END_TEST

/* What settings_write makes of a text, or of what it made of it before. */
static void write_text(struct str text, struct buf *out)
{
	struct settings c;
	struct notes n;
	bool good = parse(text, true, &c, &n);
	ck_assert_msg(good, "%s", buf_cstr(&n.text));
	buf_init(out, 1 << 20);
	ck_assert(settings_write(&c, out));
	settings_release(&c);
	buf_release(&n.text);
}

START_TEST(what_is_written_is_read_again)
{
	static const char *const lines[] = {
	    "\nhostname = auto\n",
	    "\nfrom_name = J\xC3\xBCrgen #1\n",
	    "\n;admin =\n",
	    "\nserver = 192.0.2.53, [2001:db8::53]:5353, fe80::1%eth0, 127.0.0.1:53\n",
	    "\nsource = 2001:DB8::1%eth0\nfamily = 6\nproxy = socks5://[::1]:1080\n",
	    "\nmax_size = 1536K\n",
	    "\nwarn = off\n",
	    "\nwait = 90s\n",
	    "\nexpire = 2d\n",
	    "\ndelay = 0\n",
	    "\nmin_free = 1000\n",
	    "\nonline = /bin/test -e \"/run/a b\" \"c \\\" d\" \"\" \"x \\;y\"\n",
	    "\nto = /etc/./mail.log\nformat = json\n",
	    "\n\n[relay main]\n;provider =\nhost = a.example, 192.0.2.1\n",
	    "\nport = 587, 2525\n",
	    "\nauth = SCRAM-SHA-256, PLAIN\n",
	    "\ntls_trust = none\n",
	    "\ntls_fingerprint = sha256:" DIGITS ", sha256:" DIGITS "\n",
	    "\nsenders = ,;odd, *@a\n",
	    "\n\n[relay two]\n;provider =\n;host =\n;srv =\nmx = yes\n",
	    "\nport = 25\n",
	    "\ntls_trust = /etc/ca.pem\n",
	    "\nauth = none\n",
	};
	struct buf first;
	write_text(
	    STR("[mail]\nfrom_name = J\xC3\xBCrgen #1\nmax_size = 1536K\n"
	        "[delivery]\nwait = 90s\nexpire = 48h\n"
	        "online = /bin/test -e '/run/a b' \"c \\\" d\" '' \"x \\;y\"\n"
	        "[dns]\nserver = [192.0.2.53],[2001:db8::53]:5353 fe80::1%eth0 127.0.0.1:53,\n"
	        "[hold]\nmin_free = 1000\n[log]\nto = ./mail.log\nformat = json\n"
	        "[relay]\nhost = a.example 192.0.2.1\nport = 587 2525\n"
	        "source = 2001:DB8::1%eth0\nproxy = socks5://[::1]:1080\nfamily = 6\n"
	        "auth = plain scram-sha-256\ntls_trust = none\n"
	        "tls_fingerprint = sha256:" DIGITS "\n  SHA256:" DIGITS
	        "\nsenders = ,;odd *@a\n"
	        "[relay two]\nmx = yes\ntls_trust = ca.pem\nauth = none\n"),
	    &first);
	for (size_t i = 0; i < COUNT(lines); i++)
		ck_assert_msg(strstr(buf_cstr(&first), lines[i]) != NULL, "%s in\n%s", lines[i],
		              buf_cstr(&first));
	const char *name, *section, *standard;
	for (size_t i = 0; settings_key(i, &section, &name, &standard); i++) {
		char *value = mem_printf("\n%s = ", name), *none = mem_printf("\n;%s =", name);
		ck_assert_msg(strstr(buf_cstr(&first), value) ||
		                  strstr(buf_cstr(&first), none) != NULL,
		              "no %s", name);
		free(value);
		free(none);
	}
	struct buf second;
	write_text(buf_str(&first), &second);
	ck_assert_str_eq(buf_cstr(&first), buf_cstr(&second));
	buf_release(&first);
	buf_release(&second);
}
END_TEST

START_TEST(rates)
{
	static const struct {
		const char *text, *again;
		int64_t count, seconds; /* of the last */
	} rows[] = {{"1/d", "1/d", 1, 86400},
	            {"1000000/s", "1000000/s", 1000000, 1},
	            {"007/m", "7/m", 7, 60},
	            {"14/s 30/m,500/h , 10000/d", "14/s, 30/m, 500/h, 10000/d", 10000, 86400},
	            {"1/s 1/m 1/h 1/d 2/s 2/m 2/h 2/d",
	             "1/s, 1/m, 1/h, 1/d, 2/s, 2/m, 2/h, 2/d", 2, 86400}};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct settings c;
		struct buf out;
		char *text = mem_printf(RELAY "rate = %s\n", rows[i].text),
		     *line = mem_printf("\nrate = %s\n", rows[i].again);
		parse_good(text, &c);
		const struct settings_rates *r = &c.relays[0].rate;
		ck_assert_int_eq(r->at[r->count - 1].count, rows[i].count);
		ck_assert_int_eq(r->at[r->count - 1].seconds, rows[i].seconds);
		settings_release(&c);
		write_text(str_of(text), &out);
		ck_assert_msg(strstr(buf_cstr(&out), line) != NULL, "%s", rows[i].text);
		buf_release(&out);
		free(text);
		free(line);
	}
}
END_TEST

START_TEST(a_password_is_not_written)
{
	struct buf out;
	write_text(STR(RELAY "user = a\npassword = hunter2\n"), &out);
	ck_assert_ptr_null(strstr(buf_cstr(&out), "hunter2"));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "\n;password = (set, not shown)\n"));
	buf_release(&out);
}
END_TEST

START_TEST(the_table_can_be_listed)
{
	const char *section, *name, *standard;
	bool port = false;
	size_t i;
	for (i = 0; settings_key(i, &section, &name, &standard); i++) {
		if (strcmp(section, "relay") == 0 && strcmp(name, "port") == 0)
			port = true;
		if (strcmp(name, "max_size") == 0)
			ck_assert_str_eq(standard, "50M");
	}
	ck_assert(port);
	ck_assert_uint_eq(i, 68);
}
END_TEST

/* ---- files ---- */

static char folder[] = "/tmp/test_settings.XXXXXX";
static char *path;

static void make_folder(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	path = mem_printf("%s/postern.conf", folder);
}

static void remove_folder(void)
{
	unlink(path);
	rmdir(path);
	rmdir(folder);
	free(path);
}

static void put_file(const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
}

static void load_expect(bool personal, unsigned owner, const char *words)
{
	struct notes n;
	notes_init(&n);
	struct settings c;
	bool good = settings_load(path, personal, owner, &c, take_note, &n);
	ck_assert_msg(good == (!words), "%s", buf_cstr(&n.text));
	if (words) {
		ck_assert_uint_eq(n.faults, 1);
		ck_assert_msg(strstr(buf_cstr(&n.text), words) != NULL, "%s",
		              buf_cstr(&n.text));
		ck_assert(str_starts(buf_str(&n.text), str_of(path)));
	}
	/* Whatever happened, every key has a value. */
	ck_assert_uint_eq(c.min_free, 64u * 1024 * 1024);
	ck_assert_str_eq(c.path, path);
	buf_release(&n.text);
	settings_release(&c);
}

START_TEST(files_that_cannot_be_read)
{
	load_expect(true, getuid(),
	            ":1: cannot be read: No such file or directory; four lines");
	ck_assert_int_eq(mkdir(path, 0700), 0);
	load_expect(true, getuid(), ":1: is not a regular file");
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	load_expect(true, getuid(), ":1: is not a regular file");
	unlink(path);
	put_file("", 0600);
	load_expect(true, getuid(), ":1: no relay");
	ck_assert_int_eq(truncate(path, 1 << 30), 0);
	load_expect(true, getuid(), ":1: is longer than 1048576 bytes");
}
END_TEST

static void load_as_system(const char *words)
{
	/* The system's file has to be root's, and not every run of this test is. */
	if (getuid() == 0)
		load_expect(false, getuid(), words);
	else
		load_expect(false, getuid(), ":1: it is another user's (owner ");
}

START_TEST(files_that_others_can_write)
{
	static const mode_t modes[] = {0666, 0620, 0602, 0660, 0646};

	put_file(RELAY, 0644);
	load_as_system(NULL);
	load_expect(true, getuid(), NULL);
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		char words[32];
		snprintf(words, sizeof(words), ", mode %04o)", (unsigned)modes[i]);
		put_file(RELAY, modes[i]);
		load_as_system(":1: others can write to it (owner ");
		load_expect(true, getuid(), ":1: others can write to it (owner ");
		load_expect(true, getuid(), words);
	}
	/* Nothing in such a file counts. */
	put_file(RELAY "[hold]\ndirectory = /x\nmin_free = 1\nhots = x\n", 0666);
	load_expect(true, getuid(), ":1: others can write to it (owner ");
}
END_TEST

START_TEST(files_of_others)
{
	static const char others[] = ":1: it is another user's (owner ";
	put_file(RELAY, 0644);
	/* Root's is good for all. */
	load_expect(true, getuid() + 1, getuid() == 0 ? NULL : others);
	if (getuid() != 0)
		return;
	ck_assert_int_eq(chown(path, 12345, 0), 0);
	load_expect(true, 12345, NULL);
	load_expect(true, 12346,
	            ":1: it is another user's (owner uid 12345, mode 0644), and "
	            "must belong to you (uid 12346) or root: ");
	load_expect(true, 0, others);
	char want[64];
	snprintf(want, sizeof(want), "and must be root's; run: chown root %s", path);
	load_expect(false, 12345, want);
	/* What is opened counts, not who made a link to it. */
	char *real = mem_printf("%s/real", folder);
	ck_assert_int_eq(rename(path, real), 0);
	ck_assert_int_eq(symlink(real, path), 0);
	load_expect(true, 0, others);
	ck_assert_int_eq(lchown(path, 12345, 0), 0);
	ck_assert_int_eq(chown(real, 0, 0), 0);
	load_expect(true, 0, NULL);
	unlink(real);
	free(real);
}
END_TEST

START_TEST(files_with_a_password)
{
	static const char text[] = RELAY "user = a\npassword = b\n";
	put_file(text, 0600);
	load_expect(true, getuid(), NULL);
	load_expect(true, getuid() + 1,
	            getuid() == 0 ? ":1: relay main: a password, but the file is not yours"
	                          : ":1: it is another user's (owner ");
	put_file(text, 0400);
	load_expect(true, getuid(), NULL);
	put_file(text, 0640);
	load_expect(true, getuid(), ", mode 0640)");
	put_file(text, 0604);
	load_expect(true, getuid(), ", mode 0604)");
}
END_TEST

START_TEST(relative_names_start_from_the_file)
{
	char *want = mem_printf("%s/keys/secret", folder);
	put_file(RELAY "user = a\npassword_file = keys/secret\n", 0600);
	struct notes n;
	notes_init(&n);
	ck_assert_int_eq(chdir(folder), 0);
	struct settings c;
	ck_assert(settings_load("postern.conf", true, getuid(), &c, take_note, &n));
	ck_assert_str_eq(c.path, path);
	ck_assert_str_eq(c.relays[0].password_file, want);
	free(want);
	buf_release(&n.text);
	settings_release(&c);
	ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config");
	TCase *bytes = unit_case(s, "bytes");
	TCase *files = unit_case(s, "files");
	unsetenv("CREDENTIALS_DIRECTORY");
	tcase_add_test(bytes, four_lines_are_enough);
	tcase_add_test(bytes, defaults_are_those_of_the_manual);
	tcase_add_test(bytes, every_key_is_read);
	tcase_add_test(bytes, values_of_the_first_sections);
	tcase_add_test(bytes, mailboxes);
	tcase_add_test(bytes, quotes_inside_a_value_are_its_own);
	tcase_add_test(bytes, ports_follow_security);
	tcase_add_loop_test(bytes, what_a_provider_fills_in, 0, COUNT(providers));
	tcase_add_test(bytes, each_provider_is_read);
	tcase_add_test(bytes, relays_keep_their_order);
	tcase_add_loop_test(bytes, each_fault_names_its_line, 0, COUNT(faults));
	tcase_add_test(bytes, all_faults_are_listed);
	tcase_add_test(bytes, faults_in_order);
	tcase_add_test(bytes, lines_up_to_198_bytes);
	tcase_add_loop_test(bytes, lists_over_several_lines, 0, sizeof(lists) / sizeof(*lists));
	tcase_add_test(bytes, long_lists);
	tcase_add_test(bytes, a_nul_is_refused);
	tcase_add_test(bytes, passwords_only_in_personal_files);
	tcase_add_test(bytes, warnings_are_no_faults);
	tcase_add_test(bytes, user_without_password_may_be_a_credential);
	tcase_add_test(bytes, durations_and_sizes);
	tcase_add_test(bytes, what_is_written_is_read_again);
	tcase_add_test(bytes, a_password_is_not_written);
	tcase_add_test(bytes, rates);
	tcase_add_test(bytes, the_table_can_be_listed);
	tcase_add_checked_fixture(files, make_folder, remove_folder);
	tcase_add_test(files, files_that_cannot_be_read);
	tcase_add_test(files, files_that_others_can_write);
	tcase_add_test(files, files_of_others);
	tcase_add_test(files, files_with_a_password);
	tcase_add_test(files, relative_names_start_from_the_file);
	return unit_run(s);
}
