/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/settings_value.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define QUOTE_LEN   64
#define LITERAL_MAX 80 /* the longest address with its zone */
#define PORT_MAX    65535
#define PORTS_MAX   32
#define PIN_DIGITS  64

#define QUOTED(text) STR_FMT(str_first(text, QUOTE_LEN))

/* The names of the mechanisms in the order of smtp/sasl.h, which sets the bit
 * of each: conf/ does not include smtp/. */
static const char *const mechanisms[] = {
    "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "PLAIN", "LOGIN",
    "EXTERNAL",           "XOAUTH2",       "OAUTHBEARER",      "CRAM-MD5",
};

static void set_text(const struct settings_row *row, void *object, struct str text)
{
	char **to = settings_field(row, object);
	free(*to);
	*to = mem_copy(text);
}

/* An IPv4 or IPv6 address without brackets; a zone may follow ("fe80::1%eth0"). */
static bool is_address(struct str text)
{
	size_t zone = str_find(text, '%');
	if (text.len > LITERAL_MAX)
		return false;
	char *copy = mem_copy(str_first(text, zone));
	unsigned char to[sizeof(struct in6_addr)];
	bool good = inet_pton(AF_INET6, copy, to) == 1 ||
	            (zone == STR_NONE && inet_pton(AF_INET, copy, to) == 1);
	free(copy);
	return good;
}

/* "[192.0.2.1]", "[2001:db8::1]", "[IPv6:2001:db8::1]". */
static bool is_literal(struct str text)
{
	if (!str_starts(text, STR("[")) || !str_ends(text, STR("]")))
		return false;
	text = str_first(str_from(text, 1), text.len - 2);
	if (str_casestarts(text, STR("IPv6:")))
		text = str_from(text, 5);
	return is_address(text);
}

static bool read_port(struct str text, int *port)
{
	long long number;
	if (!str_number(text, &number) || number < 1 || number > PORT_MAX)
		return false;
	*port = (int)number;
	return true;
}

/* Splits "HOST:PORT" or "[ADDRESS]:PORT"; false if there is no port. */
static bool cut_port(struct str text, struct str *host, int *port)
{
	size_t colon = str_rfind(text, ':');
	if (colon == STR_NONE)
		return false;
	*host = str_first(text, colon);
	return read_port(str_from(text, colon + 1), port);
}

static bool check_host(struct str word, struct fault *f)
{
	if (settings_is_name(word) || is_address(word) || is_literal(word))
		return true;
	struct str host;
	int port;
	if (cut_port(word, &host, &port))
		return fault_set(f, FAULT_CONFIG,
		                 "'%.*s' has a port in it: that belongs in the key port",
		                 QUOTED(word));
	return fault_set(f, FAULT_CONFIG, "'%.*s' is not a host name or an address",
	                 QUOTED(word));
}

bool settings_read_hosts(const struct settings_row *row, struct str text, const char *folder,
                         void *object, struct fault *f)
{
	struct str rest = text, word;
	while (settings_next_word(&rest, &word))
		if (!check_host(word, f))
			return false;
	return settings_read_list(row, text, folder, object, f);
}

bool settings_read_helo(const struct settings_row *row, struct str text, const char *folder,
                        void *object, struct fault *f)
{
	(void)folder;
	if (!settings_is_name(text) && !is_literal(text))
		return fault_set(f, FAULT_CONFIG,
		                 "'%.*s' is not a host name or an address in brackets",
		                 QUOTED(text));
	set_text(row, object, text);
	return true;
}

bool settings_read_identity(const struct settings_row *row, struct str text, const char *folder,
                            void *object, struct fault *f)
{
	(void)folder;
	if (!settings_is_name(text) && !is_address(text))
		return fault_set(f, FAULT_CONFIG, "'%.*s' is not a host name or an address",
		                 QUOTED(text));
	set_text(row, object, text);
	return true;
}

bool settings_read_source(const struct settings_row *row, struct str text, const char *folder,
                          void *object, struct fault *f)
{
	(void)folder;
	if (!is_address(text))
		return fault_set(f, FAULT_CONFIG, "'%.*s' is not an IPv4 or IPv6 address",
		                 QUOTED(text));
	set_text(row, object, text);
	return true;
}

static bool is_server(struct str word)
{
	if (is_address(word) || is_literal(word))
		return true;
	struct str host;
	int port;
	return cut_port(word, &host, &port) &&
	       (is_literal(host) || (str_find(host, ':') == STR_NONE && is_address(host)));
}

bool settings_read_servers(const struct settings_row *row, struct str text, const char *folder,
                           void *object, struct fault *f)
{
	struct str rest = text;
	(void)folder;
	struct str word;
	while (settings_next_word(&rest, &word)) {
		if (!is_server(word))
			return fault_set(f, FAULT_CONFIG,
			                 "'%.*s' is not the address of a name server",
			                 QUOTED(word));
	}
	set_text(row, object, text);
	return true;
}

bool settings_read_proxy(const struct settings_row *row, struct str text, const char *folder,
                         void *object, struct fault *f)
{
	(void)folder;
	struct str host;
	int port;
	if (!str_starts(text, STR("socks5://")) || !cut_port(str_from(text, 9), &host, &port) ||
	    (!settings_is_name(host) && !is_literal(host)))
		return fault_set(f, FAULT_CONFIG,
		                 "'%.*s' is not of the form socks5://host:port", QUOTED(text));
	set_text(row, object, text);
	return true;
}

bool settings_read_ports(const struct settings_row *row, struct str text, const char *folder,
                         void *object, struct fault *f)
{
	struct settings_relay *relay = object;
	struct str rest = text;
	size_t count = 0;
	(void)row;
	(void)folder;
	int ports[PORTS_MAX];
	struct str word;
	while (settings_next_word(&rest, &word)) {
		if (count == PORTS_MAX)
			return fault_set(f, FAULT_CONFIG, "more than %d ports", PORTS_MAX);
		if (!read_port(word, &ports[count++]))
			return fault_set(f, FAULT_CONFIG, "'%.*s' is not a port from 1 to %d",
			                 QUOTED(word), PORT_MAX);
	}
	if (count == 0)
		return fault_set(f, FAULT_CONFIG, "'%.*s' is an empty list", QUOTED(text));
	free(relay->ports);
	relay->ports = mem_alloc(count * sizeof(*ports));
	memcpy(relay->ports, ports, count * sizeof(*ports));
	relay->port_count = count;
	relay->port_given = true;
	return true;
}

const char *settings_mechanism(size_t i)
{
	return i < sizeof(mechanisms) / sizeof(*mechanisms) ? mechanisms[i] : NULL;
}

static bool mechanism_bit(struct str word, unsigned *bit)
{
	for (size_t i = 0; i < sizeof(mechanisms) / sizeof(*mechanisms); i++) {
		if (str_caseeq(word, str_of(mechanisms[i]))) {
			*bit = 1U << i;
			return true;
		}
	}
	return false;
}

bool settings_read_auth(const struct settings_row *row, struct str text, const char *folder,
                        void *object, struct fault *f)
{
	struct settings_relay *relay = object;
	struct str rest = text;
	unsigned all = 0, bit = 0;
	bool none = str_caseeq(text, STR("none"));
	(void)row;
	(void)folder;
	struct str word;
	if (!none && !str_caseeq(text, STR("auto"))) {
		while (settings_next_word(&rest, &word)) {
			if (!mechanism_bit(word, &bit))
				return fault_set(
				    f, FAULT_CONFIG,
				    "'%.*s' is neither auto, none nor the name of a "
				    "known mechanism",
				    QUOTED(word));
			all |= bit;
		}
		if (all == 0)
			return fault_set(f, FAULT_CONFIG, "'%.*s' is an empty list",
			                 QUOTED(text));
	}
	relay->auth_none = none;
	relay->auth = all;
	return true;
}

/* Adds the lower-case digits of one fingerprint; colons between them are left out. */
static bool add_pin(struct settings_list *list, struct str word)
{
	struct str digits = str_from(word, 7);
	struct buf pin;
	bool good = str_casestarts(word, STR("sha256:"));
	buf_init(&pin, 7 + PIN_DIGITS);
	good = good && buf_add_str(&pin, STR("sha256:"));
	for (size_t i = 0; good && i < digits.len; i++) {
		char c = ascii_lower(digits.at[i]);
		if (c == ':')
			continue;
		good = (ascii_digit(c) || (c >= 'a' && c <= 'f')) && buf_add_char(&pin, c);
	}
	good = good && pin.len == 7 + PIN_DIGITS;
	if (good)
		settings_list_add(list, buf_str(&pin));
	buf_release(&pin);
	return good;
}

bool settings_read_pins(const struct settings_row *row, struct str text, const char *folder,
                        void *object, struct fault *f)
{
	struct settings_list list = {NULL, 0};
	struct str rest = text;
	(void)folder;
	struct str word;
	while (settings_next_word(&rest, &word)) {
		if (!add_pin(&list, word)) {
			settings_list_release(&list);
			return fault_set(f, FAULT_CONFIG,
			                 "'%.*s' is not sha256: with 64 hexadecimal digits",
			                 QUOTED(word));
		}
	}
	if (list.count == 0)
		return fault_set(f, FAULT_CONFIG, "'%.*s' is an empty list", QUOTED(text));
	settings_list_replace(settings_field(row, object), &list);
	return true;
}
