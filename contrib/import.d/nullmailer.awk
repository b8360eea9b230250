# SPDX-License-Identifier: GPL-3.0-or-later
#
# nullmailer.awk - the control files of /etc/nullmailer: remotes (M), and the
# others, of which only the first line counts, each with a letter of its own.

BEGIN {
	SINGLE = "\047"
	split("m me h defaulthost d defaultdomain i idhost o helohost a adminaddr f allmailfrom" \
		" p pausetime x maxpause q queuelifetime s sendtimeout b doublebounceto" \
		" c bounceto l bouncelines", list, " ")
	for (i = 1; i in list; i += 2)
		control[list[i]] = list[i + 1]
	takes_value = " port user pass source x509certfile x509keyfile x509cafile x509crlfile "
	takes_none = " auth-login tls ssl starttls x509fmtder insecure tls-anon-auth "
}

function take(role, text, n)
{
	if (role != "M") {
		if (n == 1)
			value[role] = trim(text)
	} else if (want != "files") {
		take_remote(trim(text), n)
	}
}

# Splits s into words as nullmailer does; quotes and backslashes as in a shell.
function split_words(s,   count, i, c, quote, inside)
{
	split("", words)
	count = inside = 0
	quote = ""
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		if (quote == "" && (c == " " || c == "\t")) {
			inside = 0
			continue
		}
		if (!inside) {
			words[++count] = ""
			inside = 1
		}
		if (c == "\\" && quote != SINGLE && i < length(s))
			words[count] = words[count] substr(s, ++i, 1)
		else if (c == quote)
			quote = ""
		else if (quote == "" && (c == SINGLE || c == "\""))
			quote = c
		else
			words[count] = words[count] c
	}
	return count
}

function take_remote(text, n,   count, i, key, has)
{
	if (text == "" || text ~ /^#/)
		return
	split("", option)
	count = split_words(text)
	if (count >= 2 && words[2] != "smtp") {
		note("M", n, "", "its protocol is not smtp; left out")
		return
	}
	for (i = 3; i <= count; i++) {
		key = words[i]
		sub(/^--/, "", key)
		if (key == "-p")
			key = "port"
		has = index(key, "=")
		if (has) {
			text = substr(key, has + 1)
			key = substr(key, 1, has - 1)
		}
		if (index(takes_value, " " key " ") && (has || i < count))
			option[key] = has ? text : words[++i]
		else if (index(takes_none, " " key " ") && !has)
			option[key] = 1
		else
			note("M", n, "", "an option that is not known; left out")
	}
	make_relay(words[1], n)
}

function make_relay(host, n,   r, wrapped)
{
	r = new_relay("")
	if (!rput(r, "host", host, "M", n, "")) {
		no_relay()
		return
	}
	wrapped = "tls" in option || "ssl" in option
	relay[r, "security"] = wrapped ? "tls" : "starttls" in option ? "starttls" : "none"
	if (!("port" in option) || !rput(r, "port", option["port"], "M", n, "port"))
		relay[r, "port"] = wrapped ? 465 : 25
	make_trust(r, n)
	if ("source" in option && !rput(r, "source", option["source"], "M", n, "source"))
		note("M", n, "source", "source is an address, not a name")
	if ("auth-login" in option && "user" in option)
		relay[r, "auth"] = "LOGIN"
	if ("user" in option)
		login(r, option["user"], option["pass"], "M", n, "user")
	else if ("pass" in option)
		note("M", n, "pass", "a password without a user; left out")
	if (r in secret_relay && relay[r, "security"] == "none")
		cleartext(r, "M", n, "user")
}

function make_trust(r, n)
{
	if (relay[r, "security"] == "none")
		return
	if ("insecure" in option) {
		relay[r, "tls_trust"] = "none"
		note("M", n, "insecure", "kept as tls_trust = none: anybody on the way can pose as " \
			"the server")
	} else if ("x509cafile" in option) {
		rput(r, "tls_trust", option["x509cafile"], "M", n, "x509cafile")
	}
	if ("x509certfile" in option &&
		rput(r, "tls_certificate", option["x509certfile"], "M", n, "x509certfile") &&
		!rput(r, "tls_key", "x509keyfile" in option ? option["x509keyfile"] : \
			option["x509certfile"], "M", n, "x509keyfile"))
		delete relay[r, "tls_certificate"]
	if ("x509crlfile" in option)
		note("M", n, "x509crlfile", "no equivalent: there are no revocation lists")
	if ("x509fmtder" in option)
		note("M", n, "x509fmtder", "no equivalent: certificates are in PEM format")
	if ("tls-anon-auth" in option)
		note("M", n, "tls-anon-auth", "no equivalent: there is no TLS without certificate")
}

function get(role)
{
	return role in value ? value[role] : ""
}

# A name without a dot gets the default domain.
function whole(host)
{
	return host != "" && host !~ /\./ && host != "localhost" && get("d") != "" ? \
		host "." get("d") : host
}

function finish(   role, s, r)
{
	if (want == "files") {
		for (role in control)
			print "F" role " " control[role]
		return
	}
	if (get("m") != "")
		put("mail", "hostname", get("m"), "m", 1, "")
	s = whole(get("h") != "" ? get("h") : get("m"))
	if (s != "")
		put("mail", "domain", s, get("h") != "" ? "h" : "m", 1, "")
	if (get("i") != "")
		note("i", 1, "", "no equivalent: the Message-ID has the host name")
	for (r = 1; r <= relays && get("o") != ""; r++)
		rput(r, "helo", get("o"), "o", 1, "")
	make_addresses()
	make_times()
}

function make_addresses(   s)
{
	s = get("a")
	if (index(s, ","))
		note("a", 1, "", "admin is one address: the first; an alias in /etc/aliases takes more")
	sub(/,.*/, "", s)
	if (s != "")
		put("mail", "admin", trim(s), "a", 1, "")
	if (get("f") != "" && put("mail", "from", get("f"), "f", 1, "")) {
		conf["mail", "from_rule"] = "always"
		note("f", 1, "", "from_rule = always changes the From field too, not only the envelope")
	}
	if (get("b") != "")
		note("b", 1, "", "no equivalent: a report that cannot be delivered is kept in failed/")
	if (get("c") != "")
		note("c", 1, "", "no equivalent: reports go to the sender")
	if (get("l") != "")
		note("l", 1, "", "no equivalent: sendmail -R chooses what a report returns")
}

function make_times(   p, x)
{
	p = get("p")
	x = get("x")
	if (p == 0 && p != "")
		note("p", 1, "", "0 has no equivalent: run flushq from cron or a timer as you like")
	else if (p != "")
		put("delivery", "retry", duration(p), "p", 1, "")
	if (x != "" && (x + 0 < p + 0 || x + 0 < 300 && p == ""))
		note("x", 1, "", "shorter than the first wait; left out")
	else if (x != "")
		put("delivery", "retry_max", duration(x), "x", 1, "")
	if (get("q") != "")
		put("delivery", "expire", duration(get("q")), "q", 1, "")
	if (get("s") != "")
		note("s", 1, "", "no equivalent: there is a time for each step, see timeout and dot_timeout")
}
