/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/settings_net.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "text/host.h"
#include "net/tls_pin.h"
#include "smtp/sasl_name.h"

#define QUOTED(text) SETTINGS_QUOTED(text)

static bool keep_text(const struct settings_value *v)
{
	char **to = v->field;
	*to = mem_copy(v->given);
	return true;
}

/* ---- names and addresses ---- */

static bool check_host(struct str word, struct fault *f)
{
	struct host_address address;
	if (host_is_name(word) || host_address(word, &address))
		return true;
	struct str host;
	int port;
	if (host_cut_port(word, &host, &port))
		return fault_set(f, FAULT_CONFIG,
		                 "'%.*s' has a port in it: that belongs in the key port",
		                 QUOTED(word));
	return fault_set(f, FAULT_CONFIG, "'%.*s' is not a host name or an address",
	                 QUOTED(word));
}

static bool read_hosts(const struct settings_value *v, struct fault *f)
{
	struct str rest = v->given, word;
	while (settings_next_word(&rest, &word))
		if (!check_host(word, f))
			return false;
	return settings_read_words(v, f);
}

const struct settings_kind settings_hosts = {read_hosts, settings_write_words,
                                             settings_release_words, true, false};

static bool read_helo(const struct settings_value *v, struct fault *f)
{
	struct host_address address;
	if (!host_is_name(v->given) && !host_literal(v->given, &address))
		return fault_set(f, FAULT_CONFIG,
		                 "'%.*s' is not a host name or an address in brackets",
		                 QUOTED(v->given));
	return keep_text(v);
}

const struct settings_kind settings_helo = {read_helo, settings_write_text,
                                            settings_release_pointer, false, false};

static bool read_identity(const struct settings_value *v, struct fault *f)
{
	struct host_address address;
	if (!host_is_name(v->given) && !host_bare(v->given, &address))
		return fault_set(f, FAULT_CONFIG, "'%.*s' is not a host name or an address",
		                 QUOTED(v->given));
	return keep_text(v);
}

const struct settings_kind settings_identity = {read_identity, settings_write_text,
                                                settings_release_pointer, false, false};

static bool read_source(const struct settings_value *v, struct fault *f)
{
	return host_bare(v->given, v->field) ||
	       fault_set(f, FAULT_CONFIG, "'%.*s' is not an IPv4 or IPv6 address",
	                 QUOTED(v->given));
}

static bool write_source(const struct settings_row *row, const void *field, struct buf *out)
{
	const struct host_address *source = field;
	(void)row;
	return buf_add_str(out, str_of(source->bare));
}

const struct settings_kind settings_source = {read_source, write_source, NULL, false, false};

static bool take_server(struct str word, void *field)
{
	struct host_addresses *servers = field;
	size_t cap = servers->count;
	servers->at = mem_grow(servers->at, &cap, servers->count + 1, sizeof(*servers->at));
	return host_server(word, &servers->at[servers->count++]);
}

static bool read_servers(const struct settings_value *v, struct fault *f)
{
	return settings_each_word(v, take_server, "not the address of a name server", f);
}

static bool write_servers(const struct settings_row *row, const void *field, struct buf *out)
{
	const struct host_addresses *servers = field;
	bool good = true;
	(void)row;
	for (size_t i = 0; good && i < servers->count; i++) {
		const struct host_address *a = &servers->at[i];
		char *word = a->port == 0
		                 ? mem_copy(str_of(a->bare))
		                 : mem_printf(a->family == AF_INET6 ? "[%s]:%d" : "%s:%d",
		                              a->bare, a->port);
		good = settings_write_word(out, i == 0, word);
		free(word);
	}
	return good;
}

const struct settings_kind settings_servers = {read_servers, write_servers,
                                               settings_release_pointer, true, false};

static const struct str socks5 = {"socks5://", 9};

static bool read_proxy(const struct settings_value *v, struct fault *f)
{
	return (str_starts(v->given, socks5) &&
	        host_port_of(str_from(v->given, socks5.len), v->field)) ||
	       fault_set(f, FAULT_CONFIG, "'%.*s' is not of the form socks5://host:port",
	                 QUOTED(v->given));
}

static bool write_proxy(const struct settings_row *row, const void *field, struct buf *out)
{
	const struct host_port *proxy = field;
	(void)row;
	return !proxy->host ||
	       buf_addf(out, "%.*s%s:%d", STR_FMT(socks5), proxy->host, proxy->port);
}

const struct settings_kind settings_proxy = {read_proxy, write_proxy, settings_release_pointer,
                                             false, false};

static bool take_port(struct str word, void *field)
{
	struct settings_ports *ports = field;
	size_t cap = ports->count;
	ports->at = mem_grow(ports->at, &cap, ports->count + 1, sizeof(*ports->at));
	return host_read_port(word, &ports->at[ports->count++]);
}

static bool read_ports(const struct settings_value *v, struct fault *f)
{
	return settings_each_word(v, take_port, "not a port from 1 to 65535", f);
}

static bool write_ports(const struct settings_row *row, const void *field, struct buf *out)
{
	const struct settings_ports *ports = field;
	(void)row;
	for (size_t i = 0; i < ports->count; i++)
		if (!buf_addf(out, "%s%d", i > 0 ? ", " : "", ports->at[i]))
			return false;
	return true;
}

const struct settings_kind settings_ports = {read_ports, write_ports, settings_release_pointer,
                                             true, false};

/* ---- rates ---- */

static const struct rate_unit {
	char letter;
	int64_t seconds;
} rate_units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};

static bool read_rate(struct str word, int64_t least, int64_t most, struct settings_rate *rate)
{
	struct str number;
	long long count;
	if (!str_cut(&word, '/', &number) || !str_number(number, &count) || count < least ||
	    count > most || word.len != 1)
		return false;
	*rate = (struct settings_rate){.count = count};
	for (size_t i = 0; i < COUNT(rate_units); i++)
		if (word.at[0] == rate_units[i].letter)
			rate->seconds = rate_units[i].seconds;
	return rate->seconds > 0;
}

static bool read_rates(const struct settings_value *v, struct fault *f)
{
	struct settings_rates *rates = v->field;
	struct str rest = v->given, word;
	rates->at = mem_alloc(SETTINGS_RATES_MAX * sizeof(*rates->at));
	while (settings_next_word(&rest, &word)) {
		if (rates->count == SETTINGS_RATES_MAX)
			return fault_set(f, FAULT_CONFIG, "has more than %d rates",
			                 SETTINGS_RATES_MAX);
		if (!read_rate(word, v->row->least, v->row->most, &rates->at[rates->count++]))
			return fault_set(f, FAULT_CONFIG,
			                 "'%.*s' is not a rate such as 14/s, 30/m, 500/h or "
			                 "10000/d",
			                 QUOTED(word));
	}
	return rates->count > 0 ||
	       fault_set(f, FAULT_CONFIG, "'%.*s' is an empty list", QUOTED(v->given));
}

static bool write_rates(const struct settings_row *row, const void *field, struct buf *out)
{
	const struct settings_rates *rates = field;
	(void)row;
	for (size_t i = 0; i < rates->count; i++) {
		size_t unit = 0;
		while (rate_units[unit].seconds != rates->at[i].seconds)
			unit++;
		if (!buf_addf(out, "%s%lld/%c", i > 0 ? ", " : "",
		              (long long)rates->at[i].count, rate_units[unit].letter))
			return false;
	}
	return true;
}

const struct settings_kind settings_rates = {read_rates, write_rates, settings_release_pointer,
                                             true, false};

/* ---- logins ---- */

static bool take_mechanism(struct str word, void *field)
{
	struct settings_auth *auth = field;
	enum sasl_mechanism m;
	if (!sasl_by_name(word, &m))
		return false;
	auth->mechanisms |= 1U << m;
	return true;
}

static bool read_auth(const struct settings_value *v, struct fault *f)
{
	struct settings_auth *auth = v->field;
	auth->none = str_caseeq(v->given, STR("none"));
	return auth->none || str_caseeq(v->given, STR("auto")) ||
	       settings_each_word(v, take_mechanism,
	                          "neither auto, none nor the name of a known mechanism", f);
}

static bool write_auth(const struct settings_row *row, const void *field, struct buf *out)
{
	const struct settings_auth *auth = field;
	bool first = true;
	(void)row;
	if (auth->none || auth->mechanisms == 0)
		return buf_add_str(out, str_of(auth->none ? "none" : "auto"));
	for (unsigned m = 0; m < SASL_MECHANISMS; m++) {
		if ((auth->mechanisms & 1U << m) == 0)
			continue;
		if (!settings_write_word(out, first, sasl_name((enum sasl_mechanism)m)))
			return false;
		first = false;
	}
	return true;
}

const struct settings_kind settings_auth = {read_auth, write_auth, NULL, true, false};

/* ---- TLS ---- */

static bool take_pin(struct str word, void *field)
{
	struct settings_pins *pins = field;
	size_t cap = pins->count;
	pins->at = mem_grow(pins->at, &cap, pins->count + 1, sizeof(*pins->at));
	return tls_pin_parse(word, &pins->at[pins->count++]);
}

static bool read_pins(const struct settings_value *v, struct fault *f)
{
	return settings_each_word(v, take_pin, "not sha256: with 64 hexadecimal digits", f);
}

static bool write_pins(const struct settings_row *row, const void *field, struct buf *out)
{
	const struct settings_pins *pins = field;
	(void)row;
	for (size_t i = 0; i < pins->count; i++) {
		char text[TLS_PIN_TEXT_MAX];
		tls_pin_text(&pins->at[i], text);
		for (char *c = text; *c; c++)
			*c = ascii_lower(*c);
		if (!settings_write_word(out, i == 0, text))
			return false;
	}
	return true;
}

const struct settings_kind settings_pins = {read_pins, write_pins, settings_release_pointer,
                                            true, false};

static bool read_trust(const struct settings_value *v, struct fault *f)
{
	struct settings_trust *trust = v->field;
	struct settings_value file = *v;
	if (str_eq(v->given, STR("none")))
		trust->mode = TLS_TRUST_NONE;
	else if (str_eq(v->given, STR("system")))
		trust->mode = TLS_TRUST_SYSTEM;
	else
		trust->mode = TLS_TRUST_FILE;
	file.field = &trust->file;
	return trust->mode != TLS_TRUST_FILE || settings_read_path(&file, f);
}

static bool write_trust(const struct settings_row *row, const void *field, struct buf *out)
{
	const struct settings_trust *trust = field;
	bool none = trust->mode == TLS_TRUST_NONE;
	(void)row;
	return buf_add_str(out, trust->file ? str_of(trust->file)
	                        : none      ? STR("none")
	                                    : STR("system"));
}

const struct settings_kind settings_trust = {read_trust, write_trust, settings_release_pointer,
                                             false, false};
