# SPDX-License-Identifier: GPL-3.0-or-later
#
# exim4.awk - Exim as Debian sets it up: update-exim4.conf.conf (M), lines of
# NAME='VALUE', passwd.client (P), lines of HOST:USER:PASSWORD, and
# /etc/email-addresses (E), lines of LOGIN: ADDRESS.

BEGIN {
	used = " dc_eximconfig_configtype dc_smarthost dc_readhost dc_hide_mailname "
	silent = " dc_use_split_config dc_minimaldns CFILEMODE dc_mailname_in_oh "
	nothing["dc_other_hostnames"] = "Postern delivers nothing here: mail for local names needs an " \
		"alias, or admin in [mail]"
	nothing["dc_localdelivery"] = nothing["dc_other_hostnames"]
	nothing["dc_local_interfaces"] = "Postern has no daemon: programs call sendmail"
	nothing["dc_relay_domains"] = nothing["dc_relay_nets"] = nothing["dc_local_interfaces"]
}

function take(role, text, n,   key)
{
	text = trim(text)
	if (text == "" || text ~ /^#/)
		return
	if (role == "E") {
		take_address(text, n)
		return
	}
	if (role == "P") {
		logins++
		login_text[logins] = text
		login_line[logins] = n
		return
	}
	key = text
	sub(/=.*/, "", key)
	if (key == text || key !~ /^[A-Za-z0-9_]+$/) {
		note("M", n, "", "not NAME='VALUE'; left out")
		return
	}
	text = substr(text, length(key) + 2)
	if (text ~ /^'[^']*'$/ || text ~ /^"[^"$`\\]*"$/)
		text = substr(text, 2, length(text) - 2)
	else if (text ~ /['"$`\\ \t]/) {
		note("M", n, key, "a value that only a shell understands; left out")
		return
	}
	if (!(key in value))
		names[++name_count] = key
	value[key] = text
	line[key] = n
}

# Behind the key there is a colon, or blanks, or both; the key has no case.
function take_address(text, n,   who, address)
{
	who = text
	sub(/[: \t].*/, "", who)
	address = substr(text, length(who) + 1)
	sub(/^[ \t]*:?[ \t]*/, "", address)
	who = tolower(who)
	if (who ~ /[@*]/ || address == "")
		note("E", n, "", "not LOGIN: ADDRESS; left out")
	else
		sput(who, address, "E", n, "")
}

function get(key)
{
	return key in value ? value[key] : ""
}

function finish(   key, type, list, count, i)
{
	if (want == "files") {
		print "FP passwd.client"
		print "FE /etc/email-addresses"
		return
	}
	for (i = 1; i <= name_count; i++) {
		key = names[i]
		if (value[key] != "" && !index(used silent, " " key " "))
			note("M", line[key], key, key in nothing ? nothing[key] : "unknown; left out")
	}
	type = get("dc_eximconfig_configtype")
	if (type == "internet")
		make_direct()
	else if (type == "smarthost" || type == "satellite") {
		count = split(get("dc_smarthost"), list, /[ \t]*;[ \t]*/)
		for (i = 1; i <= count; i++)
			if (list[i] != "")
				make_relay(list[i])
	} else
		note("M", line["dc_eximconfig_configtype"] + 0, "dc_eximconfig_configtype",
			"this kind sends nothing to other machines")
	name_logins()
	if (get("dc_readhost") != "" && (type == "satellite" || get("dc_hide_mailname") == "true"))
		put("mail", "domain", get("dc_readhost"), "M", line["dc_readhost"], "dc_readhost")
	else if (get("dc_readhost") != "")
		note("M", line["dc_readhost"], "dc_readhost", "without dc_hide_mailname it has no effect; " \
			"left out")
	if (senders)
		note("E", 0, "", "Exim changes the fields Sender and Reply-To as well; [senders] is for From " \
			"and the envelope")
	note("M", 0, "", "macros and further files of Exim are not read")
}

function make_direct(   r)
{
	r = new_relay("")
	relay[r, "mx"] = "yes"
	relay[r, "security"] = "opportunistic"
	note("M", line["dc_eximconfig_configtype"], "dc_eximconfig_configtype", "mail goes to the MX " \
		"of each domain (mx = yes); many servers take no mail from such hosts")
}

# HOST or HOST::PORT, an IPv6 address with its colons doubled or in brackets.
function make_relay(text,   host, port, r)
{
	host = text
	port = 25
	if (match(host, /::[0-9]+$/)) {
		port = substr(host, RSTART + 2)
		host = substr(host, 1, RSTART - 1)
	}
	gsub(/::/, ":", host)
	host = unbracket(host)
	r = new_relay("")
	if (!rput(r, "host", host, "M", line["dc_smarthost"], "dc_smarthost")) {
		no_relay()
		return
	}
	if (!rput(r, "port", port, "M", line["dc_smarthost"], "dc_smarthost"))
		relay[r, "port"] = 25
	relay[r, "security"] = relay[r, "port"] == 465 ? "tls" : "opportunistic"
	make_login(r, tolower(host))
}

function matches(pattern, host)
{
	pattern = tolower(pattern)
	if (pattern == "*" || pattern == host)
		return 1
	return pattern ~ /^\*/ && length(host) >= length(pattern) &&
		substr(host, length(host) - length(pattern) + 2) == substr(pattern, 2)
}

# The field behind the first single colon; doubled ones are part of a field.
function cut(s,   i)
{
	for (i = 1; i <= length(s); i++) {
		if (substr(s, i, 1) != ":")
			continue
		if (substr(s, i + 1, 1) != ":")
			return i
		i++
	}
	return 0
}

function plain(s)
{
	gsub(/::/, ":", s)
	gsub(/\^\^/, "^", s)
	return s
}

function make_login(r, host,   i, s, at, user)
{
	for (i = 1; i <= logins; i++) {
		s = login_text[i]
		at = index(s, ":")
		if (!at || !matches(substr(s, 1, at - 1), host))
			continue
		login_used[i] = 1
		s = substr(s, at + 1)
		at = cut(s)
		if (at < 2) {
			note("P", login_line[i], "", "not HOST:USER:PASSWORD; left out")
			return
		}
		user = substr(s, 1, at - 1)
		s = substr(s, at + 1)
		at = cut(s)
		if (at)
			s = substr(s, 1, at - 1)
		login(r, plain(user), plain(s), "P", login_line[i], "")
		if (relay[r, "security"] == "opportunistic")
			relay[r, "security"] = "starttls"
		note("P", login_line[i], "", "Exim sends it over TLS without a check of the certificate; " \
			"Postern checks it, for one of your own set tls_trust")
		return
	}
	if (index(ENVIRON["IMPORT_MISSING"], "P"))
		note("M", line["dc_smarthost"], "dc_smarthost", "passwd.client cannot be read; if it has a " \
			"login add user and password_file, or run this as root")
}

function name_logins(   i)
{
	for (i = 1; i <= logins; i++)
		if (!(i in login_used))
			note("P", login_line[i], "", "a login for another server; left out")
}
