# SPDX-License-Identifier: GPL-3.0-or-later
#
# postfix.awk - main.cf of a null client (M), the table of passwords in its
# text form (P), the relays of senders (D), a file that myorigin names (O), and
# the tables of postfix_senders.awk (small letters).

BEGIN {
	ports["smtp"] = 25
	ports["submission"] = 587
	ports["smtps"] = ports["submissions"] = ports["urd"] = 465
	value["config_directory"] = "/etc/postfix"
	value["default_database_type"] = "hash"
	mechanisms = " PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 EXTERNAL XOAUTH2 OAUTHBEARER "

	receiving = "^(smtpd|postscreen|milter|non_smtpd|virtual|mailbox|local|home|relay_domains" \
		"|permit|disable_vrfy|strict_rfc821|unknown|unverified|header_size|lmtp|dovecot" \
		"|cyrus|maps_rbl|rbl|tlsproxy|address_verify|submission|policy)"

	# Where programs live, and what is done as well without being asked for.
	silent = " biff readme_directory html_directory manpage_directory sample_directory" \
		" compatibility_level mail_owner setgid_group command_directory daemon_directory" \
		" data_directory queue_directory config_directory meta_directory shlib_directory" \
		" sendmail_path mailq_path newaliases_path debug_peer_level debugger_command" \
		" append_dot_mydomain append_at_myorigin alias_database smtputf8_enable" \
		" default_database_type mynetworks mynetworks_style inet_interfaces mydomain" \
		" smtp_tls_session_cache_database smtp_tls_session_cache_timeout smtp_tls_loglevel" \
		" smtp_sasl_security_options smtp_sasl_tls_security_options smtp_sasl_type" \
		" smtp_tls_note_starttls_offer smtp_tls_note_offer mail_name mail_version local_transport" \
		" smtp_tls_fingerprint_digest recipient_delimiter smtp_dns_support_level smtp_host_lookup "
	used = " relayhost smtp_fallback_relay fallback_relay smtp_sasl_auth_enable" \
		" smtp_sasl_password_maps smtp_tls_security_level smtp_use_tls smtp_enforce_tls" \
		" smtp_tls_wrappermode smtp_tls_CAfile smtp_tls_fingerprint_cert_match" \
		" smtp_tls_cert_file smtp_tls_key_file smtp_helo_name smtp_bind_address" \
		" smtp_bind_address6 inet_protocols smtp_sasl_mechanism_filter myhostname myorigin" \
		" mydestination alias_maps luser_relay message_size_limit queue_minfree" \
		" maximal_queue_lifetime minimal_backoff_time maximal_backoff_time" \
		" delay_warning_time defer_transports smtp_connect_timeout smtp_data_done_timeout" \
		" smtp_destination_concurrency_limit smtp_destination_recipient_limit" \
		" sender_dependent_relayhost_maps smtp_sender_dependent_authentication" \
		" smtp_generic_maps canonical_maps canonical_classes sender_canonical_maps" \
		" sender_canonical_classes masquerade_domains masquerade_classes masquerade_exceptions "

	nothing["recipient_canonical_maps"] = "no equivalent: only senders are replaced, see [senders]"
	nothing["sender_dependent_default_transport_maps"] = "write a [relay NAME] with senders = for " \
		"each entry"
	nothing["transport_maps"] = "write a [relay NAME] with recipients = for each entry"
	nothing["default_transport"] = nothing["relay_transport"] = "all mail goes to the relays"
	nothing["smtp_tls_policy_maps"] = "each relay has its own security, tls_trust, tls_fingerprint"
	nothing["smtp_tls_CApath"] = "tls_trust takes a file; without it the system's CAs count"
	nothing["smtp_tls_chain_files"] = "name the two files with tls_certificate and tls_key"
	nothing["virtual_alias_maps"] = "no equivalent but aliases, for local names"
	unchanged = "no equivalent: messages are not changed"
	nothing["header_checks"] = nothing["smtp_header_checks"] = unchanged
	nothing["body_checks"] = nothing["content_filter"] = unchanged
	nothing["always_bcc"] = nothing["sender_bcc_maps"] = nothing["recipient_bcc_maps"] = \
		"no equivalent: no copies are sent"
	nothing["soft_bounce"] = "no equivalent: what is refused for good is kept in failed/ and " \
		"flushq --retry sends it again"
	nothing["queue_run_delay"] = "the timer or crontab line of flushq sets it"
	nothing["bounce_queue_lifetime"] = "no equivalent: expire holds for all messages"
	nothing["notify_classes"] = "no equivalent: reports go to the sender"
}

function take(role, text, n,   key)
{
	if (role == "O") {
		if (n == 1)
			origin = trim(text)
		return
	}
	if (trim(text) == "" || trim(text) ~ /^#/)
		return
	if (text ~ /^[ \t]/) {
		if (last[role] != "")
			raw[role, last[role]] = raw[role, last[role]] " " trim(text)
		else
			note(role, n, "", "continues nothing; left out")
		return
	}
	last[role] = ++raws[role]
	raw[role, last[role]] = trim(text)
	raw_line[role, last[role]] = n
}

# ---- main.cf ----

function take_parameters(   i, text, key, equals)
{
	for (i = 1; i <= raws["M"]; i++) {
		text = raw["M", i]
		equals = index(text, "=")
		key = trim(substr(text, 1, equals - 1))
		if (!equals || key !~ /^[A-Za-z0-9_]+$/) {
			note("M", raw_line["M", i], "", "not NAME = VALUE; left out")
			continue
		}
		value[key] = trim(substr(text, equals + 1))
		line[key] = raw_line["M", i]
		if (!(key in rank))
			names[rank[key] = ++name_count] = key
	}
}

# What a parameter is when the file does not set it, as far as that is known.
function standard(key,   s)
{
	if (key == "mydomain" && "myhostname" in value) {
		s = expand(value["myhostname"], 1)
		return sub(/^[^.]*\./, "", s) && index(s, ".") ? s : expand(value["myhostname"], 1)
	}
	unknown = 1
	return ""
}

function variable(key, depth)
{
	return key in value ? expand(value[key], depth + 1) : standard(key)
}

# The end of the bracket that opens at i, or 0.
function closing(s, i,   open, close_, depth, c)
{
	open = substr(s, i, 1)
	close_ = open == "{" ? "}" : ")"
	for (depth = 0; i <= length(s); i++) {
		c = substr(s, i, 1)
		depth += (c == open) - (c == close_)
		if (depth == 0)
			return i
	}
	return 0
}

# $name ${name} $(name) ${name?yes} ${name:no} ${name?{yes}:{no}} $$; sets
# unknown where the result depends on something that is not in the file.
function expand(s, depth,   result, i, end, body)
{
	if (depth > 20 || length(s) > 4000 || ++steps > 10000) {
		unknown = 1
		return ""
	}
	result = ""
	for (;;) {
		i = index(s, "$")
		if (!i)
			return result s
		result = result substr(s, 1, i - 1)
		s = substr(s, i + 1)
		if (s ~ /^\$/) {
			result = result "$"
			s = substr(s, 2)
		} else if (s ~ /^[{(]/ && (end = closing(s, 1))) {
			body = trim(substr(s, 2, end - 2))
			s = substr(s, end + 1)
			result = result conditional(body, depth)
		} else if (match(s, /^[A-Za-z0-9_]+/)) {
			body = substr(s, 1, RLENGTH)
			s = substr(s, RLENGTH + 1)
			result = result variable(body, depth)
		} else {
			unknown = 1
			return ""
		}
		if (length(result) > 4000)
			unknown = 1
		if (unknown)
			return ""
	}
}

function conditional(body, depth,   key, rest, before, is_set, when_set, when_not, end)
{
	if (!match(body, /^[A-Za-z0-9_]+/)) {
		unknown = 1
		return ""
	}
	key = substr(body, 1, RLENGTH)
	rest = trim(substr(body, RLENGTH + 1))
	if (rest == "")
		return variable(key, depth)
	is_set = key in value && variable(key, depth) != ""
	if (!(key in value))
		unknown = 1
	before = substr(rest, 1, 1)
	rest = trim(substr(rest, 2))
	when_set = rest
	when_not = ""
	if (rest ~ /^\{/ && (end = closing(rest, 1))) {
		when_set = trim(substr(rest, 2, end - 2))
		rest = trim(substr(rest, end + 1))
		if (before == "?" && rest ~ /^:/) {
			when_not = trim(substr(rest, 2))
			if (when_not ~ /^\{/ && closing(when_not, 1) == length(when_not))
				when_not = trim(substr(when_not, 2, length(when_not) - 2))
			rest = ""
		}
		if (rest != "")
			unknown = 1
	}
	if (before == "?")
		return expand(is_set ? when_set : when_not, depth + 1)
	if (before == ":")
		return is_set ? variable(key, depth) : expand(when_set, depth + 1)
	unknown = 1
	return ""
}

# The value of a parameter, "" if there is none or it cannot be known.
function get(key,   s)
{
	if (!(key in line))
		return ""
	unknown = 0
	s = trim(expand(value[key], 0))
	if (!unknown)
		return s
	note("M", line[key], key, "depends on a value that is not in this file; left out")
	return ""
}

function yes(key)
{
	return get(key) == "yes"
}

# Seconds of a time whose unit may be left out.
function time(s, unit,   factor)
{
	if (s !~ /^[0-9]+[smhdw]?$/ || length(s) > 9)
		return s
	if (s ~ /[smhdw]$/) {
		unit = substr(s, length(s))
		s = substr(s, 1, length(s) - 1)
	}
	factor = unit == "w" ? 7 * DAY : unit == "d" ? DAY : unit == "h" ? 3600 : unit == "m" ? 60 : 1
	return s * factor ""
}

# The file of the first table in s that is one, its type removed.
function table_file(s,   list, count, i)
{
	count = split(s, list, /[ \t,]+/)
	for (i = 1; i <= count; i++) {
		sub(/^proxy:/, "", list[i])
		if (list[i] ~ /^(hash|btree|lmdb|cdb|dbm|texthash|sdbm):\//) {
			sub(/^[a-z]*:/, "", list[i])
			return list[i]
		}
		if (list[i] ~ /^\//)
			return list[i]
	}
	return ""
}

function finish(   i, s)
{
	take_parameters()
	if (want == "files") {
		s = table_file(get("smtp_sasl_password_maps"))
		if (s != "")
			print "FP " s
		s = table_file(get("sender_dependent_relayhost_maps"))
		if (s != "")
			print "FD " s
		if (get("myorigin") ~ /^\// && get("myorigin") != "/etc/mailname")
			print "FO " get("myorigin")
		list_tables(1)
		return
	}
	for (i = 1; i <= name_count; i++)
		name_others(names[i])
	take_passwords()
	make_relays()
	make_mail()
	make_senders()
	make_delivery()
	note("M", 0, "", "Postern has no daemon: nothing listens on port 25, programs call sendmail; " \
		"master.cf is not read")
}

function name_others(key,   n)
{
	n = line[key]
	if (index(used silent, " " key " ") || value[key] == "")
		return
	if (key in nothing)
		note("M", n, key, nothing[key])
	else if (key ~ receiving)
		note("M", n, key, "about receiving or storing mail, which Postern does not do")
	else if (key ~ /^smtp_tls_.*(protocols|ciphers|exclude)|^tls_/)
		note("M", n, key, "no equivalent: tls_priority takes a GnuTLS priority string")
	else
		note("M", n, key, "no equivalent; left out")
}

# ---- passwords ----

function take_passwords(   i, text, key)
{
	for (i = 1; i <= raws["P"]; i++) {
		text = raw["P", i]
		key = text
		sub(/[ \t].*/, "", key)
		text = trim(substr(text, length(key) + 1))
		key = tolower(key)
		if (key in password)
			continue
		password[key] = text
		password_line[key] = raw_line["P", i]
	}
}

# The key under which destination, as it stands in main.cf, has its login.
function password_key(destination, host,   s)
{
	s = tolower(destination)
	host = tolower(host)
	if (host in password)
		return host
	if (s in password)
		return s
	if (("[" host "]") in password)
		return "[" host "]"
	return ""
}

# The login of a sender counts before that of the server.
function sender_key(sender,   domain)
{
	if (sender == "" || !yes("smtp_sender_dependent_authentication"))
		return ""
	if (sender in password)
		return sender
	domain = substr(sender, index(sender, "@"))
	return domain in password ? domain : ""
}

function make_login(r, destination, host, sender,   maps, key, s, colon, role, n)
{
	if (!yes("smtp_sasl_auth_enable"))
		return
	maps = get("smtp_sasl_password_maps")
	n = line["smtp_sasl_password_maps"]
	if (maps ~ /^static:/) {
		s = substr(maps, 8)
		role = "M"
	} else if (table_file(maps) == "") {
		note("M", n, "smtp_sasl_password_maps", "only tables made from a text file are read; " \
			"add user and password_file")
		return
	} else if (index(ENVIRON["IMPORT_MISSING"], "P")) {
		note("M", n, "smtp_sasl_password_maps", "that file cannot be read; add user and " \
			"password_file, or run this as root")
		return
	} else {
		key = sender_key(sender)
		if (key == "")
			key = password_key(destination, host)
		if (key == "") {
			note("P", 0, "", "has no entry for this relay; add user and password_file")
			return
		}
		password_used[key] = 1
		s = password[key]
		n = password_line[key]
		role = "P"
	}
	colon = index(s, ":")
	if (colon < 2) {
		note(role, n, "", "not USER:PASSWORD; left out")
		return
	}
	login(r, substr(s, 1, colon - 1), substr(s, colon + 1), role, n, "")
	if (r in secret_relay && relay[r, "security"] == "none")
		cleartext(r, role, n, "")
	make_mechanisms(r)
}

function make_mechanisms(r,   s, list, count, i)
{
	s = toupper(get("smtp_sasl_mechanism_filter"))
	count = split(s, list, /[ \t,]+/)
	for (i = 1; i <= count; i++)
		if (!index(mechanisms, " " list[i] " ")) {
			note("M", line["smtp_sasl_mechanism_filter"], "smtp_sasl_mechanism_filter",
				"only plain names of known methods are taken; chosen automatically")
			return
		}
	gsub(/[ \t,]+/, ", ", s)
	if (s != "")
		relay[r, "auth"] = s
}

# ---- relays ----

# A table's rows of full addresses, then those of whole domains, as Postfix looks
# them up.
function make_sender_relays(   i, kind, sender, s, first)
{
	if (table_file(get("sender_dependent_relayhost_maps")) == "" &&
		get("sender_dependent_relayhost_maps") != "")
		note("M", line["sender_dependent_relayhost_maps"], "sender_dependent_relayhost_maps",
			"write a [relay NAME] with senders = for each entry; only text files are read")
	else if (index(ENVIRON["IMPORT_MISSING"], "D"))
		note("M", line["sender_dependent_relayhost_maps"], "sender_dependent_relayhost_maps",
			"write a [relay NAME] with senders = for each entry; that file cannot be read")
	for (kind = 0; kind < 2; kind++) {
		for (i = 1; i <= raws["D"]; i++) {
			s = raw["D", i]
			sender = tolower(s)
			sub(/[ \t].*/, "", sender)
			if ((sender ~ /^@/) == kind)
				make_sender_relay(sender, trim(substr(s, length(sender) + 1)), i)
		}
		for (i = 1; i <= raws["P"]; i++) {
			sender = tolower(raw["P", i])
			sub(/[ \t].*/, "", sender)
			split(get("relayhost"), first, /[ \t,]+/)
			if (sender ~ /@/ && (sender ~ /^@/) == kind && first[1] != "" &&
				yes("smtp_sender_dependent_authentication") && !(sender in password_used))
				make_relay(first[1], "relayhost", sender)
		}
	}
	sender_relays = relays
	if (relays)
		note("M", line["relayhost"] + 0, "relayhost", "stands last; it is also asked where the " \
			"relay of a sender cannot be reached")
}

function make_sender_relay(sender, destination, i)
{
	if (sender in sender_seen)
		return
	sender_seen[sender] = 1
	if (toupper(destination) == "DUNNO" || destination == "")
		note("D", raw_line["D", i], "", "no equivalent for a sender without a relay of its own; " \
			"left out")
	else if (sender !~ /@/)
		note("D", raw_line["D", i], "", "not an address or @domain; left out")
	else
		make_relay(destination, "sender_dependent_relayhost_maps", sender)
}

function make_relays(   list, count, i, s, key)
{
	make_sender_relays()
	s = get("relayhost")
	count = split(s, list, /[ \t,]+/)
	for (i = 1; i <= count; i++)
		make_relay(list[i], "relayhost")
	if (s == "" && !("relayhost" in line && unknown)) {
		i = new_relay("")
		relay[i, "mx"] = "yes"
		relay[i, "port"] = 25
		make_security(i)
		make_connection(i)
		note("M", line["relayhost"] + 0, "relayhost", "none, so mx = yes: many servers take no " \
			"mail from such hosts")
	}
	key = "smtp_fallback_relay" in line ? "smtp_fallback_relay" : "fallback_relay"
	count = split(get(key), list, /[ \t,]+/)
	for (i = 1; i <= count; i++)
		make_relay(list[i], key)
	for (key in password)
		unused = unused || !(key in password_used)
	if (unused)
		note("P", 0, "", "has entries for other servers or senders; left out")
}

# [host]:port, host:port, [host] or host
function make_relay(destination, key, sender,   r, host, port, n)
{
	n = line[key]
	host = destination
	port = ""
	if (match(host, /:[A-Za-z0-9]+$/) && (host ~ /\]:/ || host !~ /:.*:/)) {
		port = substr(host, RSTART + 1)
		host = substr(host, 1, RSTART - 1)
	}
	if (port in ports)
		port = ports[port]
	if (host !~ /^\[.*\]$/ && is_name(host) && !is_ip4(host))
		note("M", n, key, "without [ ] Postfix looks up the MX of this name; Postern connects " \
			"to the name itself")
	host = unbracket(host)
	# A relay without a name is the first one, and not that of one sender.
	r = new_relay(sender == "" ? (sender_relays ? "default" : "") : sender ~ /^@/ ? substr(sender, 2) : sender)
	if (!rput(r, "host", host, "M", n, key) ||
		sender != "" && !rput(r, "senders", (sender ~ /^@/ ? "*" : "") sender, "M", n, key)) {
		no_relay()
		return
	}
	if (port == "" || !rput(r, "port", port, "M", n, key))
		relay[r, "port"] = 25
	make_security(r)
	make_login(r, destination, host, sender)
	make_connection(r)
}

function level(   s)
{
	s = get("smtp_tls_security_level")
	if (s == "")
		s = yes("smtp_enforce_tls") ? "verify" : yes("smtp_use_tls") ? "may" : "none"
	return s
}

function make_security(r,   s, n)
{
	s = level()
	n = line["smtp_tls_security_level"]
	if (s !~ /^(none|may|encrypt|verify|secure|fingerprint|dane|dane-only)$/) {
		note("M", n, "smtp_tls_security_level", "unknown; STARTTLS is required")
		s = "secure"
	}
	relay[r, "security"] = s == "none" ? "none" : s ~ /^(may|dane)$/ ? "opportunistic" : "starttls"
	if (s ~ /^dane/)
		note("M", n, "smtp_tls_security_level", "no equivalent for DANE; certificates are " \
			"checked against the CAs")
	if (s == "encrypt")
		note("M", n, "smtp_tls_security_level", "at encrypt Postfix checks no certificate, " \
			"Postern does; for one of your own set tls_trust")
	if (yes("smtp_tls_wrappermode"))
		relay[r, "security"] = "tls"
	if (relay[r, "security"] == "none")
		return
	if (s == "fingerprint" && make_pins(r))
		return
	if (get("smtp_tls_CAfile") != "")
		rput(r, "tls_trust", get("smtp_tls_CAfile"), "M", line["smtp_tls_CAfile"], "smtp_tls_CAfile")
}

function make_pins(r,   list, count, i, pins, pin)
{
	count = split(get("smtp_tls_fingerprint_cert_match"), list, /[ \t,|]+/)
	for (i = 1; i <= count; i++) {
		pin = fingerprint(list[i])
		if (pin != "")
			pins = pins (pins == "" ? "" : ", ") pin
		else
			note("M", line["smtp_tls_fingerprint_cert_match"], "smtp_tls_fingerprint_cert_match",
				"only SHA-256 (64 hex digits) is taken")
	}
	if (pins == "")
		return 0
	if (get("smtp_tls_fingerprint_digest") == "")
		note("M", line["smtp_tls_fingerprint_cert_match"], "smtp_tls_fingerprint_cert_match",
			"must be the fingerprint of the certificate, not of its key")
	return rput(r, "tls_fingerprint", pins, "M", line["smtp_tls_fingerprint_cert_match"],
		"smtp_tls_fingerprint_cert_match")
}

function make_connection(r,   s, key)
{
	if (relay[r, "security"] != "none" && get("smtp_tls_cert_file") != "" &&
		rput(r, "tls_certificate", get("smtp_tls_cert_file"), "M", line["smtp_tls_cert_file"],
			"smtp_tls_cert_file")) {
		key = get("smtp_tls_key_file") != "" ? "smtp_tls_key_file" : "smtp_tls_cert_file"
		if (!rput(r, "tls_key", get(key), "M", line[key], key))
			delete relay[r, "tls_certificate"]
	}
	set_if(r, "helo", "smtp_helo_name", get("smtp_helo_name"))
	s = get("smtp_bind_address")
	set_if(r, "source", "smtp_bind_address", unbracket(s))
	if (s == "")
		set_if(r, "source", "smtp_bind_address6", unbracket(get("smtp_bind_address6")))
	else if (get("smtp_bind_address6") != "")
		note("M", line["smtp_bind_address6"], "smtp_bind_address6",
			"there is one source address; left out")
	s = get("inet_protocols")
	if (s == "ipv4" || s == "ipv6")
		relay[r, "family"] = substr(s, 4)
	s = get("smtp_connect_timeout")
	if (s != "0")
		set_if(r, "connect_timeout", "smtp_connect_timeout", duration(time(s, "s")))
	key = "smtp_data_done_timeout"
	set_if(r, "dot_timeout", key, duration(time(get(key), "s")))
	key = "smtp_destination_concurrency_limit"
	set_if(r, "connections", key, get(key))
	key = "smtp_destination_recipient_limit"
	set_if(r, "max_recipients", key, get(key))
}

function set_if(r, key, name, s)
{
	if (s != "")
		rput(r, key, s, "M", line[name], name)
}

# ---- the rest ----

function make_mail(   s)
{
	s = get("myhostname")
	if (s != "")
		put("mail", "hostname", s, "M", line["myhostname"], "myhostname")
	s = "myorigin" in line ? get("myorigin") : s
	if (s ~ /^\// && s != "/etc/mailname") {
		if (origin == "")
			note("M", line["myorigin"], "myorigin", "that file cannot be read; set domain")
		s = origin
	}
	if (s != "" && s != "/etc/mailname")
		put("mail", "domain", s, "M", "myorigin" in line ? line["myorigin"] : line["myhostname"],
			"myorigin" in line ? "myorigin" : "myhostname")
	s = table_file(get("alias_maps"))
	if (s != "")
		put_aliases(s, line["alias_maps"], "alias_maps")
	else if ("alias_maps" in line && value["alias_maps"] == "")
		conf["mail", "aliases"] = "/dev/null"
	else if ("alias_maps" in line)
		note("M", line["alias_maps"], "alias_maps", "only a text file is read; aliases is /etc/aliases")
	if (get("luser_relay") != "")
		put("mail", "admin", get("luser_relay"), "M", line["luser_relay"], "luser_relay")
	if (!("mydestination" in line) || value["mydestination"] != "")
		note("M", line["mydestination"] + 0, "mydestination", "Postern delivers nothing here: mail " \
			"for local names needs an alias, or admin in [mail]")
	s = get("message_size_limit")
	if (s != "")
		put("mail", "max_size", s, "M", line["message_size_limit"], "message_size_limit")
}

function make_delivery(   s, first)
{
	s = time(get("maximal_queue_lifetime"), "d")
	if (s == "0")
		note("M", line["maximal_queue_lifetime"], "maximal_queue_lifetime", "no equivalent for one " \
			"try only; left out")
	else if (s != "")
		put("delivery", "expire", duration(s), "M", line["maximal_queue_lifetime"],
			"maximal_queue_lifetime")
	first = time(get("minimal_backoff_time"), "s")
	if (first != "")
		put("delivery", "retry", duration(first), "M", line["minimal_backoff_time"],
			"minimal_backoff_time")
	s = time(get("maximal_backoff_time"), "s")
	if (s != "" && s + 0 < (first == "" ? 300 : first + 0))
		note("M", line["maximal_backoff_time"], "maximal_backoff_time", "shorter than the first " \
			"wait; left out")
	else if (s != "")
		put("delivery", "retry_max", duration(s), "M", line["maximal_backoff_time"],
			"maximal_backoff_time")
	s = time(get("delay_warning_time"), "h")
	if (s != "" && s != "0")
		put("delivery", "warn", duration(s), "M", line["delay_warning_time"], "delay_warning_time")
	if (get("defer_transports") ~ /(^|[ \t,])smtp([ \t,]|$)/)
		conf["delivery", "mode"] = "hold"
	s = get("queue_minfree")
	if (s != "" && s != "0")
		put("hold", "min_free", s, "M", line["queue_minfree"], "queue_minfree")
}
