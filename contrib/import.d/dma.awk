# SPDX-License-Identifier: GPL-3.0-or-later
#
# dma.awk - dma.conf (M), the file named by AUTHPATH (A) with its lines
# USER|HOST:PASSWORD, and one named by MAILNAME (N).

BEGIN {
	strings = " SMARTHOST PORT ALIASES SPOOLDIR AUTHPATH CERTFILE MAILNAME MASQUERADE FINGERPRINT "
	flags = " STARTTLS OPPORTUNISTIC_TLS SECURETRANSFER SECURETRANS DEFER INSECURE" \
		" NULLCLIENT VERIFYCERT "
	nothing["SPOOLDIR"] = "the hold is made with Postern; empty the old spool with dma -q first"
	nothing["FULLBOUNCE"] = "a report returns what the caller asked for with sendmail -R"
	nothing["VERBOSE"] = "sendmail -v and flushq -v show the conversation"
	nothing["DEBUGLOG"] = nothing["VERBOSE"]
	nothing["NOHELO"] = "HELO is tried where EHLO is not known"
	nothing["SECURE"] = "it has no meaning in dma either"
	logins = 0
}

function take(role, text, n,   key)
{
	if (role == "A") {
		if (text != "" && text !~ /^#/)
			take_login(text, n)
		return
	}
	if (role == "N") {
		if (n == 1)
			mailname = trim(text)
		return
	}
	sub(/#.*/, "", text)
	text = trim(text)
	if (text == "")
		return
	key = text
	sub(/[ \t].*/, "", key)
	text = trim(substr(text, length(key) + 1))
	if (key in nothing) {
		note("M", n, key, "no equivalent: " nothing[key])
	} else if (index(strings, " " key " ") && text != "") {
		value[key] = text
		line[key] = n
	} else if (index(flags, " " key " ") && text == "") {
		value[key] = 1
		line[key] = n
	} else {
		note("M", n, key, "unknown, or with a value where none belongs; left out")
	}
}

# The password is all that is behind the first colon or blank after the host.
function take_login(text, n,   bar, host, rest)
{
	bar = index(text, "|")
	rest = substr(text, bar + 1)
	if (!bar || !match(rest, /[: \t]/)) {
		note("A", n, "", "not USER|HOST:PASSWORD; left out")
		return
	}
	host = substr(rest, 1, RSTART - 1)
	login_user[++logins] = substr(text, 1, bar - 1)
	login_host[logins] = host
	login_password[logins] = substr(rest, RSTART + 1)
	login_line[logins] = n
}

function get(key)
{
	return key in value ? value[key] : ""
}

function finish(   r)
{
	if (want == "files") {
		if ("AUTHPATH" in value)
			print "FA " value["AUTHPATH"]
		if (get("MAILNAME") ~ /^\// && get("MAILNAME") != "/etc/mailname")
			print "FN " value["MAILNAME"]
		return
	}
	r = new_relay("")
	if (!("SMARTHOST" in value)) {
		relay[r, "mx"] = "yes"
		note("M", 0, "", "no SMARTHOST, so mx = yes: many servers take no mail from such hosts")
	} else if (!rput(r, "host", value["SMARTHOST"], "M", line["SMARTHOST"], "SMARTHOST")) {
		no_relay()
		return
	}
	if (!("PORT" in value) || !rput(r, "port", value["PORT"], "M", line["PORT"], "PORT"))
		relay[r, "port"] = 25
	make_security(r)
	make_login(r)
	make_mail()
}

function make_security(r,   pin)
{
	if (!("SECURETRANSFER" in value) && !("SECURETRANS" in value))
		relay[r, "security"] = "none"
	else if (!("STARTTLS" in value))
		relay[r, "security"] = "tls"
	else
		relay[r, "security"] = "OPPORTUNISTIC_TLS" in value ? "opportunistic" : "starttls"
	if (relay[r, "security"] == "none")
		return
	pin = fingerprint(get("FINGERPRINT"))
	if (pin != "")
		relay[r, "tls_fingerprint"] = pin
	else if ("FINGERPRINT" in value)
		note("M", line["FINGERPRINT"], "FINGERPRINT", "not 64 hex digits; the certificate is " \
			"checked against the CAs instead")
	else if (!("VERIFYCERT" in value) && relay[r, "security"] != "opportunistic")
		note("M", line["SECURETRANSFER"] + line["SECURETRANS"], "SECURETRANSFER",
			"dma checks no certificate, Postern does; for one of your own set tls_trust")
	if ("CERTFILE" in value &&
		rput(r, "tls_certificate", value["CERTFILE"], "M", line["CERTFILE"], "CERTFILE"))
		relay[r, "tls_key"] = value["CERTFILE"]
}

function make_login(r,   i, mine)
{
	if ("AUTHPATH" in value && index(ENVIRON["IMPORT_MISSING"], "A"))
		note("M", line["AUTHPATH"], "AUTHPATH", "cannot be read; add user and password_file, " \
			"or run this as root")
	for (i = 1; i <= logins; i++)
		if (login_host[i] == get("SMARTHOST"))
			mine = i
	for (i = 1; i <= logins; i++)
		if (i != mine)
			note("A", login_line[i], "", "a login for another server than SMARTHOST; left out")
	if (!mine)
		return
	login(r, login_user[mine], login_password[mine], "A", login_line[mine], "")
	if (relay[r, "security"] != "none" || !(r in secret_relay))
		return
	if ("INSECURE" in value)
		relay[r, "allow_cleartext_auth"] = "yes"
	cleartext(r, "A", login_line[mine], "")
}

function make_mail(   s, at)
{
	s = get("MAILNAME")
	if (s ~ /^\//)
		s = s == "/etc/mailname" ? "" : mailname
	if (s != "" && put("mail", "hostname", s, "M", line["MAILNAME"], "MAILNAME"))
		conf["mail", "domain"] = s
	else if (s == "" && get("MAILNAME") ~ /^\// && get("MAILNAME") != "/etc/mailname")
		note("M", line["MAILNAME"], "MAILNAME", "that file cannot be read; set hostname")
	make_masquerade(line["MASQUERADE"] + 0)
	if ("NULLCLIENT" in value) {
		conf["mail", "aliases"] = "/dev/null"
	} else {
		if ("ALIASES" in value)
			put_aliases(value["ALIASES"], line["ALIASES"], "ALIASES")
		note("M", 0, "", "dma delivers to local users' mailboxes; Postern sends all mail on, " \
			"so give local names an alias, or set admin in [mail]")
	}
	if ("DEFER" in value)
		conf["delivery", "mode"] = "hold"
}

# USER@HOST, USER@ or HOST; with the last each user keeps his name.
function make_masquerade(at,   s, host)
{
	if (!at)
		return
	s = value["MASQUERADE"]
	sub(/^@/, "", s)
	if (!index(s, "@")) {
		if (put("mail", "domain", s, "M", at, "MASQUERADE") &&
			sput("*@*", "*@" s, "M", at, "MASQUERADE"))
			note("M", at, "MASQUERADE", "the row of [senders] changes the From field too, not " \
				"only the envelope")
		return
	}
	host = s
	sub(/^.*@/, "", host)
	if (host == "" && ("mail", "hostname") in conf)
		host = conf["mail", "hostname"]
	sub(/@[^@]*$/, "", s)
	if (host != "")
		s = s "@" host
	if (put("mail", "from", s, "M", at, "MASQUERADE")) {
		conf["mail", "from_rule"] = "always"
		note("M", at, "MASQUERADE", "from_rule = always changes the From field too, not only " \
			"the envelope")
	}
}
