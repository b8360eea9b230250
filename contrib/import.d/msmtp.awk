# SPDX-License-Identifier: GPL-3.0-or-later
#
# msmtp.awk - msmtprc, of the system or of a user: accounts that inherit from
# the defaults and from each other. An account that is not the default one is
# chosen by its sender, so it becomes a relay with "senders".

BEGIN {
	known = " host port timeout connect_timeout protocol domain auth user password" \
		" passwordeval tls tls_starttls tls_trust_file tls_fingerprint tls_key_file" \
		" tls_cert_file tls_certcheck tls_priorities tls_host_override from" \
		" allow_from_override set_from_header logfile syslog aliases auto_from" \
		" maildomain source_ip proxy_host proxy_port socket from_full_name "
	mechanisms = " plain login cram-md5 scram-sha-1 scram-sha-1-plus scram-sha-256" \
		" scram-sha-256-plus external oauthbearer xoauth2 "
	nothing["tls_crl_file"] = "there are no revocation lists"
	nothing["tls_min_dh_prime_bits"] = "tls_priority can set such limits"
	nothing["tls_force_sslv3"] = "SSL is not spoken"
	nothing["ntlmdomain"] = "NTLM is not spoken"
	nothing["dsn_notify"] = "callers ask for reports with sendmail -N"
	nothing["dsn_return"] = "callers choose what reports return with sendmail -R"
	nothing["undisclosed_recipients"] = "To and Cc are kept; name such recipients in Bcc"
	nothing["logfile_time_format"] = "the log has its own format"
	nothing["set_date_header"] = "a Date is added where it is missing"
	nothing["add_missing_date_header"] = nothing["set_date_header"]
	nothing["set_msgid_header"] = "a Message-ID is added where it is missing"
	nothing["add_missing_from_header"] = "a From is added where it is missing"
	nothing["remove_bcc_headers"] = "Bcc is always removed"
	nothing["keepbcc"] = nothing["remove_bcc_headers"]
	nothing["eval"] = "commands are not run here; write what it prints in its place"
	shell_words = " . ! alias case cd command eval exec exit export for if read set source" \
		" time trap umask ulimit until while "
	accounts = 0
	current = -1 # 0: the defaults
}

function unquote(s)
{
	return length(s) >= 2 && s ~ /^".*"$/ ? substr(s, 2, length(s) - 2) : s
}

function take(role, text, n,   command, argument)
{
	text = trim(text)
	if (text == "" || text ~ /^#/)
		return
	command = text
	sub(/[ \t].*/, "", command)
	argument = unquote(trim(substr(text, length(command) + 1)))
	if (command == "defaults") {
		current = 0
		return
	}
	if (command == "account") {
		begin_account(argument, n)
		return
	}
	if (current < 0)
		begin_account("default", n)
	if (command in nothing)
		note("M", n, command, "no equivalent: " nothing[command])
	else if (!index(known, " " command " "))
		note("M", n, command, "unknown; left out")
	else
		set(current, command == "connect_timeout" ? "timeout" : command, argument, n)
}

function set(a, key, argument, n)
{
	value[a, key] = argument
	line[a, key] = n
	own[a, key] = 1
}

function begin_account(s, n,   parents, list, count, i, k, names)
{
	parents = ""
	if (index(s, ":")) {
		parents = substr(s, index(s, ":") + 1)
		s = substr(s, 1, index(s, ":") - 1)
	}
	s = unquote(trim(s))
	current = ++accounts
	account[current] = s
	account_line[current] = n
	if (s in number)
		note("M", n, "account", "a second account of this name; the first counts")
	else
		number[s] = current
	count = split(known, names, " ")
	for (k = 1; k <= count; k++)
		copy(0, current, names[k], 0)
	i = split(parents, list, ",")
	for (k = 1; k <= i; k++)
		inherit(current, unquote(trim(list[k])), n)
}

function copy(from, to, key, mark)
{
	if (!((from, key) in value))
		return
	value[to, key] = value[from, key]
	line[to, key] = line[from, key]
	if (mark)
		own[to, key] = 1
}

# Only what the other account sets itself, not what it has of the defaults.
function inherit(a, name, n,   names, count, k)
{
	if (!(name in number) || number[name] == a) {
		note("M", n, "account", "inherits from an account that is not defined before it")
		return
	}
	count = split(known, names, " ")
	for (k = 1; k <= count; k++)
		if ((number[name], names[k]) in own)
			copy(number[name], a, names[k], 1)
}

function get(a, key)
{
	return (a, key) in value ? value[a, key] : ""
}

function has(a, key)
{
	return get(a, key) != ""
}

# For keys whose empty argument means "on".
function is_on(a, key, standard)
{
	if (!((a, key) in value))
		return standard
	return value[a, key] == "" || value[a, key] == "on"
}

function path_of(s)
{
	return s ~ /^~\// ? ENVIRON["HOME"] substr(s, 2) : s
}

function same_account(a, b,   names, count, k)
{
	count = split(known, names, " ")
	for (k = 1; k <= count; k++)
		if (get(a, names[k]) != get(b, names[k]))
			return 0
	return 1
}

function finish(   a, standard)
{
	if (want == "files")
		return
	standard = "default" in number ? number["default"] : 0
	if (!standard && accounts == 1)
		standard = 1
	if (!standard && accounts)
		note("M", 0, "", "no default account; mail that fits no relay below stays held")
	for (a = 1; a <= accounts; a++) {
		if (a == standard || number[account[a]] != a)
			continue
		if (standard && same_account(a, standard))
			continue
		if (!has(a, "from") || get(a, "from") ~ /%/)
			note("M", account_line[a], "account", "without a from of its own, so only " \
				"msmtp -a chose it; left out")
		else {
			make_relay(a, 0)
			name_rest(a, standard)
		}
	}
	if (standard) {
		if (relays)
			note("M", account_line[standard], "account", "the default relay stands " \
				"last; it is also asked where a relay before it cannot be reached")
		make_relay(standard, 1)
		make_mail(standard)
	}
}

# What is said once for all mail here, and here by an account of several.
function name_rest(a, standard,   names, count, k)
{
	count = split("aliases allow_from_override auto_from from_full_name logfile maildomain" \
		" set_from_header syslog", names, " ")
	for (k = 1; k <= count; k++)
		if ((a, names[k]) in own && get(a, names[k]) != get(standard, names[k]))
			note("M", line[a, names[k]], names[k], "is one setting for all relays here; " \
				"that of the default account counts")
}

function make_relay(a, standard,   r, at)
{
	at = account_line[a]
	r = new_relay(standard && !relays ? "" : account[a])
	if (has(a, "socket")) {
		rput(r, "socket", path_of(get(a, "socket")), "M", line[a, "socket"], "socket")
	} else if (!has(a, "host") ||
		!rput(r, "host", get(a, "host"), "M", line[a, "host"], "host")) {
		note("M", at, "account", "without a host that can be used; left out")
		no_relay()
		return
	}
	if (!standard)
		make_senders(r, a)
	make_security(r, a)
	make_port(r, a)
	make_login(r, a)
	make_connection(r, a)
}

function make_senders(r, a,   from)
{
	from = get(a, "from")
	if (from ~ /[?[]/ || !rput(r, "senders", from, "M", line[a, "from"], "from")) {
		note("M", line[a, "from"], "from", "only * is a wildcard in senders; the relay " \
			"serves nobody until you change it")
		relay[r, "senders"] = "nobody@invalid"
	}
}

function make_security(r, a,   pin, at)
{
	relay[r, "security"] = !is_on(a, "tls", 0) ? "none" : \
		is_on(a, "tls_starttls", 1) ? "starttls" : "tls"
	if (!is_on(a, "tls", 0)) {
		name_unused(a, "tls_trust_file tls_fingerprint tls_cert_file tls_key_file " \
			"tls_host_override tls_priorities", "tls is off, so it is left out")
		return
	}
	at = line[a, "tls_fingerprint"]
	pin = fingerprint(get(a, "tls_fingerprint"))
	if (!is_on(a, "tls_certcheck", 1)) {
		relay[r, "tls_trust"] = "none"
		note("M", line[a, "tls_certcheck"], "tls_certcheck", "off is kept as tls_trust = " \
			"none: anybody on the way can pose as the server")
	} else if (pin != "") {
		relay[r, "tls_fingerprint"] = pin
	} else {
		if (has(a, "tls_fingerprint"))
			note("M", at, "tls_fingerprint", "only SHA-256 (64 hex digits) is taken; " \
				"the certificate is checked against the CAs instead")
		if (has(a, "tls_trust_file") && get(a, "tls_trust_file") != "system")
			rput(r, "tls_trust", path_of(get(a, "tls_trust_file")), "M",
				line[a, "tls_trust_file"], "tls_trust_file")
	}
	if (has(a, "tls_cert_file") && has(a, "tls_key_file") &&
		rput(r, "tls_certificate", path_of(get(a, "tls_cert_file")), "M",
			line[a, "tls_cert_file"], "tls_cert_file") &&
		!rput(r, "tls_key", path_of(get(a, "tls_key_file")), "M",
			line[a, "tls_key_file"], "tls_key_file"))
		delete relay[r, "tls_certificate"]
	if (has(a, "tls_host_override"))
		rput(r, "tls_name", get(a, "tls_host_override"), "M", line[a, "tls_host_override"],
			"tls_host_override")
	if (get(a, "tls_priorities") ~ /(PROTOCOLS|CIPHERS|ECDHECURVES)=/)
		note("M", line[a, "tls_priorities"], "tls_priorities", "no equivalent: this is " \
			"for libtls; tls_priority takes a GnuTLS priority string")
	else if (has(a, "tls_priorities"))
		rput(r, "tls_priority", get(a, "tls_priorities"), "M", line[a, "tls_priorities"],
			"tls_priorities")
}

function name_unused(a, list, text,   names, count, k)
{
	count = split(list, names, " ")
	for (k = 1; k <= count; k++)
		if ((a, names[k]) in own && has(a, names[k]))
			note("M", line[a, names[k]], names[k], text)
}

function make_port(r, a,   port)
{
	if (has(a, "protocol") && get(a, "protocol") == "lmtp")
		relay[r, "protocol"] = "lmtp"
	else if (has(a, "protocol") && get(a, "protocol") != "smtp")
		note("M", line[a, "protocol"], "protocol", "unknown; left out")
	port = relay[r, "security"] == "tls" ? 465 : 25
	if ((r, "protocol") in relay)
		port = 24
	if (has(a, "port") && rput(r, "port", get(a, "port"), "M", line[a, "port"], "port"))
		return
	if (!((r, "socket") in relay))
		relay[r, "port"] = port
}

function make_login(r, a,   auth, at)
{
	auth = tolower(get(a, "auth"))
	at = line[a, "auth"]
	if (!is_on(a, "auth", 0) && (auth == "off" || auth == "")) {
		name_unused(a, "user password passwordeval", "auth is off, so it is left out")
		return
	}
	if (auth != "" && auth != "on") {
		if (index(mechanisms, " " auth " "))
			relay[r, "auth"] = toupper(auth)
		else
			note("M", at, "auth", "no equivalent for this method; chosen automatically")
	}
	if (!has(a, "user")) {
		if (auth != "external")
			note("M", at, "auth", "no user is given; add user and password_file")
		return
	}
	login(r, get(a, "user"), get(a, "password"), "M", line[a, "user"], "user")
	if (!((r, "user") in relay))
		return
	if (auth == "external")
		drop_password(r)
	else if (has(a, "passwordeval") && !has(a, "password"))
		make_command(r, a)
	else if (!has(a, "password"))
		note("M", line[a, "user"], "user", "the password is in a key ring, in netrc or " \
			"typed in; put it into password_file")
	if (relay[r, "security"] == "none" && (auth == "plain" || auth == "login"))
		cleartext(r, "M", at, "auth")
}

function drop_password(r)
{
	delete relay[r, "password_file"]
	delete secret_relay[r]
	secrets--
}

# Plain words and quotes mean to Postern what they mean to the shell. (A string
# as pattern: within brackets not every awk takes "\/" for a slash alone.)
function is_plain(s,   first)
{
	first = s
	sub(/[ \t].*/, "", first)
	if (first ~ /=/ || index(shell_words, " " first " "))
		return 0
	gsub(/'[^']*'/, "", s)
	gsub(/"[^"$`\\!]*"/, "", s)
	return s !~ "[^A-Za-z0-9_./:=@%+, \t-]"
}

function make_command(r, a,   s, at)
{
	s = " " get(a, "passwordeval")
	at = line[a, "passwordeval"]
	if (ENVIRON["HOME"] ~ "^/[A-Za-z0-9_./-]+$")
		gsub(/[ \t]~\//, " " ENVIRON["HOME"] "/", s)
	s = trim(s)
	if (!is_plain(s) || !fits("password_command", s)) {
		note("M", at, "passwordeval", "needs a shell, which Postern does not run; put it " \
			"into a script for password_command, or the password into password_file")
		return
	}
	drop_password(r)
	relay[r, "password_command"] = s
	if (!ENVIRON["IMPORT_PERSONAL"])
		note("M", at, "passwordeval", "in system mode password_command runs as the user postern")
}

function make_connection(r, a,   s)
{
	s = get(a, "timeout")
	if (s != "" && s != "off")
		rput(r, "timeout", duration(s), "M", line[a, "timeout"], "timeout")
	s = get(a, "domain")
	if (s ~ /%/)
		note("M", line[a, "domain"], "domain", "patterns are not taken; helo is this " \
			"host's name unless it is set")
	else if (s != "" && s != "localhost")
		rput(r, "helo", s, "M", line[a, "domain"], "domain")
	if (has(a, "source_ip"))
		rput(r, "source", get(a, "source_ip"), "M", line[a, "source_ip"], "source_ip")
	if (has(a, "proxy_host") && !has(a, "socket")) {
		s = get(a, "proxy_host")
		s = (is_ip6(s) ? "[" s "]" : s) ":" (has(a, "proxy_port") ? get(a, "proxy_port") : 1080)
		if (!is_host(get(a, "proxy_host")))
			s = ""
		rput(r, "proxy", "socks5://" s, "M", line[a, "proxy_host"], "proxy_host")
	}
}

function make_mail(a,   from, at)
{
	from = get(a, "from")
	at = line[a, "from"]
	if (is_on(a, "auto_from", 0)) {
		if (has(a, "maildomain"))
			put("mail", "domain", get(a, "maildomain"), "M", line[a, "maildomain"], "maildomain")
	} else if (from ~ /^%U@[^%]+$/) {
		put("mail", "domain", substr(from, 4), "M", at, "from")
	} else if (from ~ /[%*?[]/ && from !~ /^%U(@%[HCM])?$/) {
		note("M", at, "from", "patterns are not taken; without from, senders are LOGIN@domain")
	} else if (from != "" && from !~ /%/) {
		put("mail", "from", from, "M", at, "from")
	}
	if (get(a, "set_from_header") == "off")
		note("M", line[a, "set_from_header"], "set_from_header", "no equivalent for off: " \
			"a From is added where it is missing")
	if (("mail", "from") in conf && ((a, "set_from_header") in value &&
		is_on(a, "set_from_header", 0) || get(a, "allow_from_override") == "off"))
		make_rule(a)
	if (has(a, "from_full_name"))
		put("mail", "from_name", get(a, "from_full_name"), "M", line[a, "from_full_name"],
			"from_full_name")
	if (has(a, "aliases"))
		put_aliases(path_of(get(a, "aliases")), line[a, "aliases"], "aliases")
	make_log(a)
}

# The sender chooses the relay: one sender for all would choose one for all. So the
# senders of the other accounts stay, and all others become the default one's.
function make_rule(a,   key, r, s, own_rows)
{
	key = (a, "set_from_header") in value ? "set_from_header" : "allow_from_override"
	if (relays == 1) {
		conf["mail", "from_rule"] = "always"
		return
	}
	for (r = 1; r < relays; r++) {
		s = relay[r, "senders"]
		own_rows += s != "nobody@invalid" && is_pattern(s) && is_sender(unchanged(s))
	}
	if (own_rows < relays - 1) {
		note("M", line[a, key], key, "with several accounts from_rule = always would send " \
			"all mail through the default one; each sender keeps his address and his relay")
		return
	}
	for (r = 1; r < relays; r++)
		sput(relay[r, "senders"], unchanged(relay[r, "senders"]), "M", line[a, key], key)
	if (!sput("*@*", conf["mail", "from"], "M", line[a, key], key))
		return
	conf["mail", "from_rule"] = "missing"
	note("M", line[a, key], key, "the rows of [senders] leave the senders of each account as " \
		"they are, and make all others that of the default one")
}

# The address that leaves what the pattern matches as it is, or "".
function unchanged(s,   domain)
{
	domain = substr(s, index(s, "@"))
	if (!index(s, "@") || index(domain, "*"))
		return ""
	return index(s, "*") ? "*" domain : s
}

function make_log(a,   s)
{
	s = get(a, "syslog")
	if (s != "" && s != "on" && s != "off" && s != "LOG_MAIL")
		note("M", line[a, "syslog"], "syslog", "no equivalent for the facility: it is mail")
	s = get(a, "logfile")
	if (s == "-") {
		note("M", line[a, "logfile"], "logfile", "no equivalent: nothing is logged to " \
			"standard output")
	} else if (s != "" && put("log", "to", path_of(s), "M", line[a, "logfile"], "logfile")) {
		if ((a, "syslog") in value && get(a, "syslog") != "off")
			note("M", line[a, "syslog"], "syslog", "there is one log: the file")
		if (!ENVIRON["IMPORT_PERSONAL"])
			note("M", line[a, "logfile"], "logfile", "in system mode the user postern must " \
				"be able to write it")
	}
}
