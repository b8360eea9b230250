# SPDX-License-Identifier: GPL-3.0-or-later
#
# ssmtp.awk - ssmtp.conf (M) and revaliases (R). A # begins a comment anywhere,
# and a value ends at a blank or a further =, also in a password.

BEGIN {
	nothing["useoldauth"] = "AUTH LOGIN is done in the usual way"
	nothing["debug"] = "sendmail -v and flushq -v show the conversation"
	nothing["addheader"] = "header fields are not added"
	nothing["minuserid"] = "admin gets the mail of all local names without an alias"
	nothing["tls_ca_dir"] = "tls_trust takes a file"
	known = " root mailhub remoteport rewritedomain hostname fromlineoverride usetls" \
		" usestarttls usetlscert tlscert tls_ca_file authuser authpass authmethod "
	tls = starttls = aliases = first_login = 0
}

function take(role, text, n,   key, lower, whole, cut)
{
	cut = text ~ /=.*[^= \t]#/
	sub(/#.*/, "", text)
	if (role == "R") {
		take_alias(trim(text), n)
		return
	}
	text = trim(text)
	if (text == "")
		return
	if (!index(text, "=")) {
		note("M", n, "", "no = in it; ssmtp ignores it too")
		return
	}
	key = text
	sub(/[= \t].*/, "", key)
	lower = tolower(key)
	whole = substr(text, length(key) + 1)
	sub(/^[ \t]*=?[ \t]*/, "", whole)
	text = whole
	sub(/[= \t].*/, "", text)
	if (lower in nothing) {
		note("M", n, key, "no equivalent: " nothing[lower])
		return
	}
	if (!index(known, " " lower " ")) {
		note("M", n, key, "unknown; left out")
		return
	}
	if (cut)
		note("M", n, key, "for ssmtp a # begins a comment, so the value ends there")
	if (text != whole)
		note("M", n, key, "ssmtp takes only what is before the first blank or =; so does this")
	# The first login counts, of all others the last.
	if (lower ~ /^auth/ && lower in value)
		return
	value[lower] = text
	line[lower] = n
	name[lower] = key
	if (lower == "usetls") {
		tls = tolower(text) == "yes"
		starttls = starttls && tls
	} else if (lower == "usestarttls") {
		starttls = tolower(text) == "yes"
		tls = tls || starttls
	}
}

# LOGIN:ADDRESS[:MAILHUB[:PORT]]; of two lines for a login the first counts.
function take_alias(text, n,   parts, count)
{
	if (text == "" || !index(text, ":"))
		return
	count = split(text, parts, /[: \t]+/)
	if (count < 2 || parts[2] == "" || parts[1] in alias_of)
		return
	alias_of[parts[1]] = ++aliases
	alias_login[aliases] = parts[1]
	alias_address[aliases] = parts[2]
	alias_hub[aliases] = count > 2 ? parts[3] : ""
	alias_port[aliases] = count > 3 ? parts[4] : ""
	alias_line[aliases] = n
}

# What a login has in revaliases is a row of [senders], and where it has a server
# of its own, a relay for that sender.
function make_senders(   i, r)
{
	for (i = 1; i <= aliases; i++) {
		if (!sput(alias_login[i], alias_address[i], "R", alias_line[i], "") ||
			alias_hub[i] == "" || tolower(alias_hub[i]) == hub_host() ||
			alias_address[i] in alias_relay)
			continue
		alias_relay[alias_address[i]] = 1
		if (!index(alias_address[i], "@") || !is_good("relay", "senders", alias_address[i])) {
			note("R", alias_line[i], "", "another mailhub for this user: add a [relay NAME] with " \
				"senders = that address")
			continue
		}
		r = make_relay(alias_hub[i], alias_port[i] == "" ? 25 : alias_port[i], "R",
			alias_line[i], "", alias_login[i])
		if (r)
			relay[r, "senders"] = alias_address[i]
	}
	if (relays)
		note("M", line["mailhub"], name["mailhub"], "stands last; it is also asked where the " \
			"relay of a sender cannot be reached")
}

function hub_host(   s)
{
	s = get("mailhub")
	sub(/:.*/, "", s)
	return tolower(s)
}

function get(key)
{
	return key in value ? value[key] : ""
}

function finish(   host, port)
{
	if (want == "files") {
		print "FR revaliases"
		return
	}
	host = get("mailhub") == "" ? "mail" : get("mailhub")
	port = 25
	if (index(host, ":")) {
		port = substr(host, index(host, ":") + 1)
		host = substr(host, 1, index(host, ":") - 1)
	}
	if ("remoteport" in value && (line["remoteport"] > line["mailhub"] || port == 25))
		port = get("remoteport")
	if (get("mailhub") == "") {
		note("M", 0, "", "no mailhub")
		return
	}
	make_senders()
	make_relay(host, port, "M", line["mailhub"], name["mailhub"], relays ? "default" : "")
	make_mail()
}

# 0 if the host is none.
function make_relay(host, port, role, n, key, label,   r)
{
	r = new_relay(label)
	if (!rput(r, "host", host, role, n, key)) {
		no_relay()
		return 0
	}
	if (!rput(r, "port", port, role, n, key))
		relay[r, "port"] = 25
	make_security(r)
	make_login(r)
	return r
}

function make_security(r)
{
	relay[r, "security"] = starttls ? "starttls" : tls ? "tls" : "none"
	if (!tls) {
		name_unused("tls_ca_file", "UseTLS is not set, so it is left out")
		name_unused("tlscert", "UseTLS is not set, so it is left out")
		return
	}
	if (tolower(get("usetlscert")) != "yes")
		name_unused("tlscert", "UseTLSCert is not set, so it is left out")
	if (get("tls_ca_file") != "")
		rput(r, "tls_trust", get("tls_ca_file"), "M", line["tls_ca_file"], name["tls_ca_file"])
	else
		note("M", starttls ? line["usestarttls"] : line["usetls"],
			starttls ? name["usestarttls"] : name["usetls"],
			"ssmtp checks no certificate, Postern does; for one of your own set tls_trust")
	if (tolower(get("usetlscert")) == "yes" && get("tlscert") != "" &&
		rput(r, "tls_certificate", get("tlscert"), "M", line["tlscert"], name["tlscert"]))
		relay[r, "tls_key"] = get("tlscert")
}

function name_unused(key, text)
{
	if (get(key) != "")
		note("M", line[key], name[key], text)
}

function make_login(r,   method)
{
	if (get("authuser") == "") {
		name_unused("authpass", "there is no AuthUser, so it is left out")
		name_unused("authmethod", "there is no AuthUser, so it is left out")
		return
	}
	method = tolower(get("authmethod"))
	if (method == "cram-md5")
		relay[r, "auth"] = "CRAM-MD5"
	else if (method == "login")
		relay[r, "auth"] = "LOGIN"
	else if (method != "")
		note("M", line["authmethod"], name["authmethod"], "for ssmtp this is LOGIN; here the method is " \
			"chosen automatically")
	# There is one login for all servers.
	if (first_login) {
		relay[r, "user"] = relay[first_login, "user"]
		relay[r, "password_file"] = relay[first_login, "password_file"]
	} else {
		login(r, get("authuser"), get("authpass"), "M", line["authuser"], name["authuser"])
		first_login = r in secret_relay ? r : 0
	}
	if (!tls && (r, "user") in relay && method != "cram-md5")
		cleartext(r, "M", line["authuser"], name["authuser"])
}

function make_mail(   domain, root)
{
	domain = get("rewritedomain")
	sub(/^.*@/, "", domain)
	if (get("hostname") != "")
		put("mail", "hostname", get("hostname"), "M", line["hostname"], name["hostname"])
	if (domain != "")
		put("mail", "domain", domain, "M", line["rewritedomain"], name["rewritedomain"])
	else if (("mail", "hostname") in conf)
		conf["mail", "domain"] = get("hostname")
	root = get("root")
	if (root != "")
		put("mail", "admin", root, "M", line["root"], name["root"])
	if (tolower(get("fromlineoverride")) != "yes")
		note("M", line["fromlineoverride"] + 0, name["fromlineoverride"],
			"ssmtp writes each From anew; Postern keeps a From that is no name of this host " \
			"unless [mail] has from, and from_rule = always")
}
