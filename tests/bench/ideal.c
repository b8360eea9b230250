/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ideal - the floor that bench.py sets every mailer beside
 *
 *   ideal smtp SECURITY HOST PORT CA SESSION USER PASSWORD RECIPIENT ...
 *             sends standard input, a file, in one process that keeps nothing,
 *             with as few waits as the RFCs allow. SECURITY is none, starttls or
 *             tls; CA a file or "system"; SESSION a file for TLS tickets
 *   ideal write FOLDER
 *             writes standard input to a file that outlasts a crash: what any
 *             mailer must do that says it holds a message
 *   ideal look FOLDER
 *             reads the beginning of each file there: what a list of them must do
 *   ideal drain HOST PORT FOLDER RECIPIENT
 *             sends each file there by BDAT, four in a flight, or by DATA, the next
 *             behind the dot, and removes them, which is durable before more is sent
 *   ideal take WAY PORT
 *             takes connections one after the other and all mail over them, at once;
 *             WAY is bdat or data
 *   ideal raw HOST PORT CA
 *             standard input over TLS to "ideal sink", without SMTP
 *   ideal sink CERTIFICATE KEY PORT
 *             takes connections one after the other and throws all away
 *
 * Built twice: without WITH_TLS it links libc only, because a client that speaks
 * in clear need not load a TLS library. Not a mailer: it tries once, trusts
 * its message to be well formed (lines that end in LF, ASCII), and gives up on any
 * answer it does not expect.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef WITH_TLS
#include <gnutls/gnutls.h>
#else
typedef void *gnutls_session_t;
#endif

#define PART        65536      /* of a message, and of a chunk before conversion */
#define OUT_MAX     (4 * PART) /* bytes sent by one call */
#define ARG_MAX_LEN 128
#define FLIGHT      4 /* messages that drain has under way */

struct peer {
	int fd;
	gnutls_session_t tls; /* NULL: in clear */
	bool chunking;
	size_t at, got, used;
	char in[4096];
	char out[OUT_MAX];
};

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "ideal: %s: %s\n", what, errno ? strerror(errno) : "refused");
	exit(1);
}

/* Bytes */

static void flush(struct peer *p)
{
	for (size_t done = 0; done < p->used;) {
		ssize_t n;
#ifdef WITH_TLS
		if (p->tls)
			n = gnutls_record_send(p->tls, p->out + done, p->used - done);
		else
#endif
			n = send(p->fd, p->out + done, p->used - done, MSG_NOSIGNAL);
		if (n <= 0)
			fail("send");
		done += (size_t)n;
	}
	p->used = 0;
}

static void put(struct peer *p, const char *bytes, size_t len)
{
	if (len > OUT_MAX - p->used)
		flush(p);
	memcpy(p->out + p->used, bytes, len);
	p->used += len;
}

static __attribute__((format(printf, 2, 3))) void say(struct peer *p, const char *format, ...)
{
	char line[1024];
	va_list args;
	va_start(args, format);
	int len = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(line))
		fail("a line too long");
	put(p, line, (size_t)len);
}

static ssize_t receive(struct peer *p)
{
#ifdef WITH_TLS
	if (p->tls) {
		ssize_t n;
		do
			n = gnutls_record_recv(p->tls, p->in, sizeof(p->in));
		while (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED);
		return n;
	}
#endif
	return recv(p->fd, p->in, sizeof(p->in), 0);
}

static int next_byte(struct peer *p)
{
	if (p->at == p->got) {
		ssize_t n = receive(p);
		if (n <= 0)
			fail("the server's answer");
		p->got = (size_t)n;
		p->at = 0;
	}
	return (unsigned char)p->in[p->at++];
}

/* One reply, all its lines. code: its first digit must be this one's. */
static void expect(struct peer *p, int code)
{
	char line[1024] = "";
	do {
		size_t len = 0;
		int c;
		while ((c = next_byte(p)) != '\n')
			if (len + 1 < sizeof(line))
				line[len++] = (char)c;
		line[len] = '\0';
		if (!strncmp(line + 4, "CHUNKING", 8))
			p->chunking = true;
		errno = 0;
		if (line[0] - '0' != code)
			fail(line);
	} while (line[3] == '-');
}

static void dial(struct peer *p, const char *host, const char *port)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *list;
	if (getaddrinfo(host, port, &hints, &list))
		fail(host);
	int on = 1;
	p->fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->fd < 0 || connect(p->fd, list->ai_addr, list->ai_addrlen) ||
	    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
		fail(host);
	freeaddrinfo(list);
}

static int listen_at(const char *port)
{
	struct sockaddr_in here = {.sin_family = AF_INET,
	                           .sin_port = htons((unsigned short)atoi(port)),
	                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&here, sizeof(here)) || listen(fd, 8))
		fail("listen");
	return fd;
}

/* TLS */

#ifdef WITH_TLS
static void resume(struct peer *p, const char *file)
{
	char data[16384];
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, data, sizeof(data));
	if (n > 0)
		gnutls_session_set_data(p->tls, data, (size_t)n);
	if (fd >= 0)
		close(fd);
}

static void remember(struct peer *p, const char *file)
{
	gnutls_datum_t data;
	if (!*file || !(gnutls_session_get_flags(p->tls) & GNUTLS_SFLAGS_SESSION_TICKET) ||
	    gnutls_session_get_data2(p->tls, &data))
		return;
	FILE *out = fopen(file, "we");
	if (!out || fwrite(data.data, data.size, 1, out) != 1 || fclose(out))
		fail(file);
	gnutls_free(data.data);
}

static void start_tls(struct peer *p, const char *host, const char *ca, const char *session)
{
	gnutls_certificate_credentials_t trust;
	int roots;
	if (gnutls_certificate_allocate_credentials(&trust) ||
	    gnutls_init(&p->tls, GNUTLS_CLIENT) || gnutls_set_default_priority(p->tls))
		fail("TLS");
	if (strcmp(ca, "system"))
		roots = gnutls_certificate_set_x509_trust_file(trust, ca, GNUTLS_X509_FMT_PEM);
	else
		roots = gnutls_certificate_set_x509_system_trust(trust);
	if (roots <= 0 || gnutls_credentials_set(p->tls, GNUTLS_CRD_CERTIFICATE, trust) ||
	    gnutls_server_name_set(p->tls, GNUTLS_NAME_DNS, host, strlen(host)))
		fail(ca);
	gnutls_session_set_verify_cert(p->tls, host, 0);
	gnutls_transport_set_int(p->tls, p->fd);
	if (*session)
		resume(p, session);
	int code;
	do
		code = gnutls_handshake(p->tls);
	while (code < 0 && !gnutls_error_is_fatal(code));
	errno = 0;
	if (code < 0)
		fail(gnutls_strerror(code));
}

static void sink(const char *certificate, const char *key, const char *port)
{
	gnutls_certificate_credentials_t own;
	int fd = listen_at(port);
	if (gnutls_certificate_allocate_credentials(&own) ||
	    gnutls_certificate_set_x509_key_file(own, certificate, key, GNUTLS_X509_FMT_PEM))
		fail("sink");
	puts("ready");
	fflush(stdout);
	static char rest[OUT_MAX];
	for (;;) {
		gnutls_session_t tls;
		int client = accept(fd, NULL, NULL);
		if (client < 0 || gnutls_init(&tls, GNUTLS_SERVER) ||
		    gnutls_set_default_priority(tls) ||
		    gnutls_credentials_set(tls, GNUTLS_CRD_CERTIFICATE, own))
			fail("sink");
		gnutls_transport_set_int(tls, client);
		if (!gnutls_handshake(tls))
			while (gnutls_record_recv(tls, rest, sizeof(rest)) > 0)
				;
		gnutls_deinit(tls);
		close(client);
	}
}
#else
static void remember(struct peer *p, const char *file)
{
	if (p->tls && *file)
		fail(file);
}

static _Noreturn void start_tls(struct peer *p, const char *host, const char *ca,
                                const char *session)
{
	p->tls = NULL;
	fprintf(stderr, "ideal: %s, %s, %s: ", host, ca, session);
	fail("built without TLS");
}

static _Noreturn void sink(const char *certificate, const char *key, const char *port)
{
	fprintf(stderr, "ideal: %s, %s, %s: ", certificate, key, port);
	fail("built without TLS");
}
#endif

/* SMTP */

/* The message as it travels: CRLF at the end of lines, and, unless it goes in
 * chunks, a dot more before one at their start. */
static size_t convert(char *to, const char *from, size_t len, bool dots, bool *fresh)
{
	char *start = to;
	for (const char *end = from + len; from < end;) {
		if (dots && *fresh && *from == '.')
			*to++ = '.';
		const char *lf = memchr(from, '\n', (size_t)(end - from));
		size_t part = lf ? (size_t)(lf - from) : (size_t)(end - from);
		memcpy(to, from, part);
		to += part;
		from += part;
		*fresh = lf;
		if (lf) {
			memcpy(to, "\r\n", 2);
			to += 2;
			++from;
		}
	}
	return (size_t)(to - start);
}

/* Standard input. Returns how many replies are still to come. */
static int send_message(struct peer *p)
{
	static char text[PART], wire[2 * PART];
	struct stat st;
	if (fstat(0, &st) || st.st_size == 0)
		fail("standard input must be a file");
	bool fresh = true;
	int chunks = 0;
	for (off_t left = st.st_size; left;) {
		ssize_t n = read(0, text, left < PART ? (size_t)left : PART);
		if (n <= 0)
			fail("standard input");
		left -= n;
		size_t len = convert(wire, text, (size_t)n, !p->chunking, &fresh);
		if (p->chunking) {
			say(p, "BDAT %zu%s\r\n", len, left ? "" : " LAST");
			++chunks;
		}
		put(p, wire, len);
	}
	if (!p->chunking)
		say(p, "%s.\r\n", fresh ? "" : "\r\n");
	return p->chunking ? chunks : 1;
}

static void login(struct peer *p, const char *user, const char *password)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char plain[2 * ARG_MAX_LEN + 3] = "", text[4 * ARG_MAX_LEN] = "", *to = text;
	size_t len = strlen(user) + strlen(password) + 2;
	if (len >= 2 * ARG_MAX_LEN)
		fail("the password's length");
	memcpy(plain + 1, user, strlen(user));
	memcpy(plain + 2 + strlen(user), password, strlen(password));
	for (size_t i = 0; i < len; i += 3) {
		unsigned word = (unsigned)(unsigned char)plain[i] << 16 |
		                (unsigned)(unsigned char)plain[i + 1] << 8 |
		                (unsigned char)plain[i + 2];
		for (int shift = 18; shift >= 0; shift -= 6)
			*to++ = digits[word >> shift & 63];
	}
	for (size_t i = 0; i < (3 - len % 3) % 3; ++i)
		to[-1 - (int)i] = '=';
	say(p, "AUTH PLAIN %s\r\n", text);
	flush(p);
	expect(p, 2);
}

static void greet(struct peer *p, char **args)
{
	const char *security = args[0];
	dial(p, args[1], args[2]);
	if (!strcmp(security, "tls"))
		start_tls(p, args[1], args[3], args[4]);
	expect(p, 2);
	say(p, "EHLO client.example\r\n");
	flush(p);
	expect(p, 2);
	if (!strcmp(security, "starttls")) {
		say(p, "STARTTLS\r\n");
		flush(p);
		expect(p, 2);
		start_tls(p, args[1], args[3], args[4]);
		say(p, "EHLO client.example\r\n");
		flush(p);
		expect(p, 2);
	}
	if (*args[5])
		login(p, args[5], args[6]);
}

static void smtp(char **args, char **recipients)
{
	static struct peer peer;
	struct peer *p = &peer;
	greet(p, args);
	say(p, "MAIL FROM:<sender@client.example>\r\n");
	int count = 0;
	for (; recipients[count]; ++count)
		say(p, "RCPT TO:<%s>\r\n", recipients[count]);
	int last = 0;
	if (p->chunking)
		last = send_message(p);
	else
		say(p, "DATA\r\n");
	flush(p);
	for (int i = 0; i < count + 1; ++i)
		expect(p, 2);
	if (!p->chunking) {
		expect(p, 3);
		last = send_message(p);
		flush(p);
	}
	while (last--)
		expect(p, 2);
	if (p->tls)
		remember(p, args[4]);
	say(p, "QUIT\r\n");
	flush(p);
	close(p->fd);
}

/* Is there something to read? What was said goes out before that is waited for. */
static bool has_more(struct peer *p)
{
	if (p->at < p->got)
		return true;
	flush(p);
	ssize_t n = receive(p);
	p->at = 0;
	p->got = n > 0 ? (size_t)n : 0;
	return n > 0;
}

/* The next command, and the bytes of a chunk. False: the client has gone. */
static bool take_command(struct peer *p, char *line, size_t size)
{
	size_t len = 0;
	do {
		if (!has_more(p))
			return false;
		line[len] = p->in[p->at++];
	} while (line[len] != '\n' && ++len + 1 < size);
	line[len] = '\0';
	size_t left = strncasecmp(line, "BDAT", 4) ? 0 : strtoul(line + 4, NULL, 10);
	while (left > 0) {
		if (!has_more(p))
			return false;
		size_t n = p->got - p->at < left ? p->got - p->at : left;
		p->at += n;
		left -= n;
	}
	return true;
}

/* What DATA is followed by, up to the dot. */
static void take_data(struct peer *p, char *line, size_t size)
{
	say(p, "354 go on\r\n");
	while (take_command(p, line, size) && strcmp(line, ".\r"))
		continue;
}

static void take(bool chunking, const char *port)
{
	static struct peer peer;
	struct peer *p = &peer;
	int fd = listen_at(port), on = 1;
	puts("ready");
	fflush(stdout);
	while ((p->fd = accept(fd, NULL, NULL)) >= 0) {
		char line[1024] = "";
		p->at = p->got = p->used = 0;
		setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		say(p, "220 relay.example\r\n");
		while (strncasecmp(line, "QUIT", 4) && take_command(p, line, sizeof(line))) {
			if (!strncasecmp(line, "EHLO", 4))
				say(p,
				    "250-relay.example\r\n250-PIPELINING\r\n"
				    "250-8BITMIME\r\n250-SIZE 0\r\n%s",
				    chunking ? "250-CHUNKING\r\n" : "");
			else if (!strcasecmp(line, "DATA\r"))
				take_data(p, line, sizeof(line));
			say(p, "250 fine\r\n");
		}
		flush(p);
		close(p->fd);
	}
}

/* Files */

static int enter(const char *folder, DIR **list)
{
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*list = dir < 0 ? NULL : opendir(folder);
	if (!*list || fchdir(dir))
		fail(folder);
	return dir;
}

/* The next file's first bytes; 0: there is none. */
static size_t next_file(DIR *list, char *name, char *text, size_t size)
{
	struct dirent *d;
	while ((d = readdir(list)) && d->d_name[0] == '.')
		continue;
	if (!d)
		return 0;
	snprintf(name, 256, "%s", d->d_name);
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, size);
	close(fd);
	if (n <= 0)
		fail(name);
	return (size_t)n;
}

static void look(const char *folder)
{
	static char name[256], text[2048];
	DIR *list;
	enter(folder, &list);
	while (next_file(list, name, text, sizeof(text)))
		continue;
}

static void announce(struct peer *p, const char *recipient)
{
	say(p, "MAIL FROM:<sender@client.example>\r\nRCPT TO:<%s>\r\n", recipient);
}

static void remove_durably(int dir, char (*names)[256], int count)
{
	for (int i = 0; i < count; ++i)
		if (unlink(names[i]))
			fail(names[i]);
	if (count > 0 && fsync(dir))
		fail("the folder");
}

static void drain_by_bdat(struct peer *p, int dir, DIR *list, const char *recipient)
{
	static char names[FLIGHT][256], text[PART];
	int count;
	do {
		size_t len;
		for (count = 0; count < FLIGHT; ++count) {
			len = next_file(list, names[count], text, sizeof(text));
			if (len == 0)
				break;
			announce(p, recipient);
			say(p, "BDAT %zu LAST\r\n", len);
			put(p, text, len);
		}
		flush(p);
		for (int i = 0; i < 3 * count; ++i)
			expect(p, 2);
		remove_durably(dir, names, count);
	} while (count == FLIGHT);
}

static void drain_by_data(struct peer *p, int dir, DIR *list, const char *recipient)
{
	static char names[2][256], text[PART];
	size_t len = next_file(list, names[1], text, sizeof(text));
	for (bool first = true; len > 0; first = false) {
		if (first) {
			announce(p, recipient);
			say(p, "DATA\r\n");
			flush(p);
		}
		expect(p, 2);
		expect(p, 2);
		expect(p, 3);
		if (!first)
			remove_durably(dir, names, 1);
		put(p, text, len);
		say(p, ".\r\n");
		memcpy(names[0], names[1], sizeof(names[0]));
		len = next_file(list, names[1], text, sizeof(text));
		if (len > 0) {
			announce(p, recipient);
			say(p, "DATA\r\n");
		}
		flush(p);
		expect(p, 2);
	}
	if (names[0][0])
		remove_durably(dir, names, 1);
}

static void drain(char **args)
{
	static struct peer peer;
	struct peer *p = &peer;
	DIR *list;
	char *route[] = {"none", args[0], args[1], "", "", "", ""};
	greet(p, route);
	int dir = enter(args[2], &list);
	if (p->chunking)
		drain_by_bdat(p, dir, list, args[3]);
	else
		drain_by_data(p, dir, list, args[3]);
	say(p, "QUIT\r\n");
	flush(p);
}

/* Bytes alone */

static void raw(char **args)
{
	static struct peer peer;
	dial(&peer, args[0], args[1]);
	start_tls(&peer, args[0], args[2], "");
	ssize_t n;
	while ((n = read(0, peer.out, OUT_MAX)) > 0) {
		peer.used = (size_t)n;
		flush(&peer);
	}
	/* The sink's end tells that it has read everything. */
	shutdown(peer.fd, SHUT_WR);
	receive(&peer);
}

static void durable(const char *folder)
{
	static char bytes[OUT_MAX];
	char name[] = "message.XXXXXX";
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || fchdir(dir))
		fail(folder);
	int fd = mkstemp(name);
	ssize_t n = 0;
	while (fd >= 0 && (n = read(0, bytes, sizeof(bytes))) > 0)
		if (write(fd, bytes, (size_t)n) != n)
			fail(folder);
	if (fd < 0 || n || fsync(fd) || fsync(dir))
		fail(folder);
}

int main(int argc, char **argv)
{
	if (argc >= 10 && !strcmp(argv[1], "smtp"))
		smtp(argv + 2, argv + 9);
	else if (argc == 3 && !strcmp(argv[1], "write"))
		durable(argv[2]);
	else if (argc == 3 && !strcmp(argv[1], "look"))
		look(argv[2]);
	else if (argc == 6 && !strcmp(argv[1], "drain"))
		drain(argv + 2);
	else if (argc == 4 && !strcmp(argv[1], "take"))
		take(!strcmp(argv[2], "bdat"), argv[3]);
	else if (argc == 5 && !strcmp(argv[1], "raw"))
		raw(argv + 2);
	else if (argc == 5 && !strcmp(argv[1], "sink"))
		sink(argv[2], argv[3], argv[4]);
	else {
		fprintf(stderr, "ideal: see the head of ideal.c\n");
		return 2;
	}
	return 0;
}
