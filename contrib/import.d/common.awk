# SPDX-License-Identifier: GPL-3.0-or-later
#
# common.awk - what the readers of all kinds share; see contrib/import.
#
# Input: the lines of all files, each with a letter in front that says which
# file it is of (M: the configuration itself). A reader, KIND.awk, has
#   take(role, text, n)   gets each line: letter, text, number
#   finish()              puts what it found into sections, or asks for files
# Output: lines that begin with
#   N  a note, for standard error      C  a line of the configuration
#   S  number and file of a password   F  letter and path of a file to be read
#   P  a password (only where IMPORT_WANT is "secret")
#
# Nothing of a file gets out unchecked: put() and rput() take a value only if
# it is of the kind that the key wants and means the same to the INI reader.
# Notes name keys and lines, never values: those may be half a password.
#
# Only POSIX awk, in the C locale.

BEGIN {
	want = ENVIRON["IMPORT_WANT"]
	LINE_MAX = 198
	NOTES_MAX = 500
	relays = notes = secrets = failed = senders = 0
	MINUTE = 60
	DAY = 86400
	define("mail", "hostname", "name")
	define("mail", "domain", "name")
	define("mail", "from", "address")
	define("mail", "from_rule", "word")
	define("mail", "from_name", "text")
	define("mail", "admin", "address")
	define("mail", "aliases", "path")
	define("mail", "max_size", "number")
	define("delivery", "mode", "word")
	define("delivery", "retry", "duration", 0, 30 * DAY)
	define("delivery", "retry_max", "duration", 0, 30 * DAY)
	define("delivery", "expire", "duration", 1, 365 * DAY)
	define("delivery", "warn", "duration", 0, 365 * DAY)
	define("hold", "min_free", "number")
	define("log", "to", "path")
	define("relay", "host", "host")
	define("relay", "mx", "word")
	define("relay", "socket", "path")
	define("relay", "protocol", "word")
	define("relay", "port", "port")
	define("relay", "security", "word")
	define("relay", "senders", "pattern")
	define("relay", "user", "text")
	define("relay", "password_file", "path")
	define("relay", "password_command", "text")
	define("relay", "auth", "mechanisms")
	define("relay", "allow_cleartext_auth", "word")
	define("relay", "tls_trust", "path")
	define("relay", "tls_fingerprint", "fingerprints")
	define("relay", "tls_name", "host")
	define("relay", "tls_certificate", "path")
	define("relay", "tls_key", "path")
	define("relay", "tls_priority", "priority")
	define("relay", "helo", "helo")
	define("relay", "source", "ip")
	define("relay", "family", "word")
	define("relay", "proxy", "proxy")
	define("relay", "connections", "number", 1, 100)
	define("relay", "max_recipients", "number", 1, 1000000)
	define("relay", "connect_timeout", "duration", 1, 60 * MINUTE)
	define("relay", "timeout", "duration", 1, DAY)
	define("relay", "dot_timeout", "duration", 1, DAY)
}

{
	role = substr($0, 1, 1)
	text = substr($0, 2)
	lines[role]++
	sub(/\r$/, "", text)
	if (length(text) > 4096)
		note(role, lines[role], "", "too long; the line is left out")
	else if (text ~ /[\001-\010\013-\037\177]/)
		note(role, lines[role], "", "control bytes in it; the line is left out")
	else
		take(role, text, lines[role])
}

END {
	finish()
	if (want == "files")
		exit 0
	if (relays == 0) {
		note("M", 0, "", "names no server that mail can be sent to")
		failed = 1
	}
	for (i = 1; i <= notes; i++)
		if (want == "conf")
			print "N" note_text[i]
	if (failed)
		exit 78
	if (want == "conf")
		print_all()
	else
		print "P" secret_text[ENVIRON["IMPORT_NUMBER"] + 0]
}

function define(section, key, kind, least, most)
{
	kinds[section, key] = kind
	least_of[section, key] = least
	most_of[section, key] = most
	keys[section] = keys[section] " " key
}

# ---- text ----

function trim(s)
{
	gsub(/^[ \t]+|[ \t]+$/, "", s)
	return s
}

# A name from a file, fit to be shown; anything else is not shown.
function shown(key)
{
	return key ~ /^[A-Za-z0-9_-]+$/ && length(key) <= 40 ? key : "a word"
}

function file_name(role)
{
	return ENVIRON["IMPORT_NAME_" role]
}

# n 0: the file as a whole. key "": the line.
function note(role, n, key, text,   s)
{
	s = file_name(role) (n ? ":" n : "") ": " (key == "" ? "" : shown(key) ": ") text
	if (s in note_seen || notes > NOTES_MAX)
		return
	note_seen[s] = 1
	if (notes == NOTES_MAX)
		s = file_name(role) ": more than " NOTES_MAX " notes; the rest is not shown"
	note_text[++notes] = s
}

# ---- values ----

function is_utf8(s)
{
	if (s !~ /[\200-\377]/)
		return 1
	gsub(/[\302-\337][\200-\277]/, "", s)
	gsub(/\340[\240-\277][\200-\277]/, "", s)
	gsub(/[\341-\354\356\357][\200-\277][\200-\277]/, "", s)
	gsub(/\355[\200-\237][\200-\277]/, "", s)
	gsub(/\360[\220-\277][\200-\277][\200-\277]/, "", s)
	gsub(/[\361-\363][\200-\277][\200-\277][\200-\277]/, "", s)
	gsub(/\364[\200-\217][\200-\277][\200-\277]/, "", s)
	return s !~ /[\200-\377]/
}

# May s stand behind "KEY = "? There " ;" begins a comment, and what is all in
# quotes is refused, but for a command.
function fits(key, s)
{
	if (key !~ /_command$/ && s ~ /^(("([^"\\]|\\.)*"|'[^']*')[, \t]*)+$/)
		return 0
	return s != "" && s == trim(s) && s !~ /[\001-\037\177]/ && s !~ /^;|[ \t];/ &&
		length(key) + 3 + length(s) <= LINE_MAX && is_utf8(s)
}

function is_name(s,   parts, count, i)
{
	sub(/\.$/, "", s)
	if (s == "" || length(s) > 253 || s !~ /^[A-Za-z0-9_.\200-\377-]+$/)
		return 0
	count = split(s, parts, ".")
	for (i = 1; i <= count; i++)
		if (parts[i] == "" || length(parts[i]) > 63)
			return 0
	return 1
}

function is_ip4(s,   parts, i)
{
	if (s !~ /^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$/)
		return 0
	split(s, parts, ".")
	for (i = 1; i <= 4; i++)
		if (length(parts[i]) > 3 || parts[i] > 255 || parts[i] ~ /^0[0-9]/)
			return 0
	return 1
}

function is_ip6(s,   parts, count, i, groups, gap, tail)
{
	sub(/%[A-Za-z0-9_.-]+$/, "", s)
	if (s !~ /^[0-9A-Fa-f:.]+$/ || s ~ /:::/ || s ~ /::.*::/ || s !~ /:/)
		return 0
	if (s ~ /\./) {
		tail = s
		sub(/^.*:/, "", tail)
		if (!is_ip4(tail))
			return 0
		s = substr(s, 1, length(s) - length(tail)) "0:0"
	}
	if (s ~ /^:[^:]/ || s ~ /[^:]:$/)
		return 0
	gap = s ~ /::/
	count = split(s, parts, ":")
	for (i = 1; i <= count; i++) {
		if (length(parts[i]) > 4)
			return 0
		groups += parts[i] != ""
	}
	return gap ? groups < 8 : groups == 8
}

function is_host(s)
{
	return is_name(s) || is_ip4(s) || is_ip6(s)
}

# As is_name, with the hyphens where RFC 1123 has them.
function is_domain(s)
{
	return is_name(s) && s !~ /(^|\.)-|-(\.|$)/
}

function is_address(s,   at)
{
	at = index(s, "@")
	if (s ~ /[][ \t,;:<>()"\\]/ || s ~ /@.*@/ || s ~ /^@/ || s == "")
		return 0
	return !at || is_domain(substr(s, at + 1))
}

function is_number(s, least, most)
{
	return s ~ /^[0-9]+$/ && length(s) <= 15 && s + 0 >= least + 0 &&
		(most == "" || s + 0 <= most + 0)
}

function all_match(s, pattern,   parts, count, i)
{
	count = split(s, parts, /, */)
	for (i = 1; i <= count; i++)
		if (parts[i] !~ pattern)
			return 0
	return count > 0
}

function is_good(section, key, s,   kind)
{
	kind = kinds[section, key]
	if (!fits(key, s))
		return 0
	if (kind == "name")
		return is_domain(s)
	if (kind == "address")
		return is_address(s)
	if (kind == "host")
		return is_host(s)
	if (kind == "helo")
		return is_name(s) || s ~ /^\[[0-9A-Za-z.:]+\]$/ &&
			(is_ip4(unbracket(s)) || is_ip6(unbracket(s)))
	if (kind == "ip")
		return is_ip4(s) || is_ip6(s)
	if (kind == "path")
		return s ~ /^\// || key == "tls_trust" && s ~ /^(none|system)$/ ||
			key == "to" && s ~ /^(syslog|stderr|none)$/
	if (kind == "pattern")
		return s !~ /[ \t,]/
	if (kind == "port")
		return is_number(s, 1, 65535)
	if (kind == "number")
		return is_number(s, least_of[section, key], most_of[section, key])
	if (kind == "duration")
		return is_number(seconds(s), least_of[section, key], most_of[section, key])
	if (kind == "mechanisms")
		return s ~ /^[A-Za-z0-9, -]+$/
	if (kind == "fingerprints")
		return all_match(s, "^sha256:[0-9a-f]+$")
	if (kind == "priority")
		return s ~ /^[A-Za-z0-9:+!%@_.,-]+$/
	if (kind == "proxy")
		return s ~ /^socks5:\/\/[^ \t,]+:[0-9]+$/
	return 1
}

function unbracket(s)
{
	gsub(/^\[|\]$/, "", s)
	sub(/^[Ii][Pp][Vv]6:/, "", s)
	return s
}

# Seconds as a duration, and back. Anything but a number of seconds stays.
function duration(s)
{
	if (s !~ /^[0-9]+$/ || length(s) > 9)
		return s
	s += 0
	if (s == 0)
		return "0"
	if (s % DAY == 0)
		return s / DAY "d"
	if (s % 3600 == 0)
		return s / 3600 "h"
	if (s % 60 == 0)
		return s / 60 "m"
	return s "s"
}

function seconds(s,   unit)
{
	if (s !~ /^[0-9]+[smhd]?$/)
		return ""
	unit = substr(s, length(s))
	sub(/[smhd]$/, "", s)
	return s * (unit == "d" ? DAY : unit == "h" ? 3600 : unit == "m" ? 60 : 1)
}

# The SHA-256 fingerprint in s as the key tls_fingerprint has it, or "".
function fingerprint(s)
{
	gsub(/[: ]/, "", s)
	return s ~ /^[0-9A-Fa-f]+$/ && length(s) == 64 ? "sha256:" tolower(s) : ""
}

# ---- sections ----

# name is the key of the other mailer, for the note if the value is no good.
function put(section, key, value, role, n, name)
{
	if (is_good(section, key, value)) {
		conf[section, key] = value
		return 1
	}
	note(role, n, name, "the value cannot be used for " key "; left out")
	return 0
}

# There Postern looks by itself, and a file that is missing is a fault only where it is named.
function put_aliases(path, n, name)
{
	if (path != "/etc/aliases")
		put("mail", "aliases", path, "M", n, name)
}

# A name or an address, with stars in it perhaps: as a key of the INI file.
function is_pattern(s)
{
	return s != "" && s !~ /[ \t,;:=<>()"\\]/ && s !~ /^[[#@]/ && s !~ /@.*@/ && s !~ /@$/
}

# One address; "*" in front of the @ is the name that the sender had.
function is_sender(s)
{
	return s ~ /^\*@/ ? is_domain(substr(s, 3)) : s !~ /[*]/ && is_address(s)
}

# A row of [senders]. The first that matches counts, so a second one of the same
# pattern has no effect.
function sput(pattern, address, role, n, name)
{
	if (pattern in sender_row)
		return 1
	if (!is_pattern(pattern) || !is_sender(address) || !fits(pattern, address) ||
		!is_utf8(pattern)) {
		note(role, n, name, "cannot be said in [senders]; left out")
		return 0
	}
	sender_row[pattern] = ++senders
	sender_pattern[senders] = pattern
	sender_address[senders] = address
	return 1
}

function new_relay(name)
{
	relays++
	gsub(/[^A-Za-z0-9_.-]/, "_", name)
	sub(/^\.+/, "", name)
	name = substr(name, 1, 32)
	if (relays > 1 && (name == "" || name in relay_names))
		name = "relay" relays
	relay_names[name] = 1
	relay_name[relays] = name
	return relays
}

# Takes back the relay made last.
function no_relay(   key, list, count, i)
{
	delete relay_names[relay_name[relays]]
	count = split(keys["relay"], list, " ")
	for (i = 1; i <= count; i++)
		delete relay[relays, list[i]]
	delete comment[relays]
	relays--
}

function rput(r, key, value, role, n, name)
{
	if (is_good("relay", key, value)) {
		relay[r, key] = value
		return 1
	}
	note(role, n, name, "the value cannot be used for " key "; left out")
	return 0
}

# The log in of relay r; password "" if it is not in the files.
function login(r, user, password, role, n, name,   path)
{
	if (!rput(r, "user", user, role, n, name))
		return
	path = ENVIRON["IMPORT_SECRET"] (secrets++ ? "." (relay_name[r] == "" ? r : relay_name[r]) : "")
	relay[r, "password_file"] = path
	secret_text[secrets] = password
	secret_path[secrets] = path
	secret_relay[r] = secrets
}

function cleartext(r, role, n, name)
{
	relay[r, "cleartext"] = 1
	note(role, n, name, "the password went over an unencrypted connection; Postern sends " \
		"none there unless allow_cleartext_auth = yes; security = starttls or tls is better")
}

# ---- output ----

function out(s)
{
	print "C" s
}

function title(s)
{
	out("")
	out("[" s "]")
}

# A comment may not be longer than a line of the configuration.
function out_comment(s)
{
	gsub(/[^ -~]/, "?", s)
	out("# " substr(s, 1, LINE_MAX - 2))
}

function print_section(section,   list, count, i, head)
{
	count = split(keys[section], list, " ")
	for (i = 1; i <= count; i++) {
		if (!((section, list[i]) in conf))
			continue
		if (!head++)
			title(section)
		out(list[i] " = " conf[section, list[i]])
	}
}

function print_secret(number,   path, user)
{
	path = secret_path[number]
	user = ENVIRON["IMPORT_PERSONAL"]
	if (ENVIRON["IMPORT_WRITE"] && secret_text[number] != "") {
		print "S" number " " path
		return
	}
	out_comment("the first line of that file is the password; make it with")
	if (user)
		out_comment("  (umask 077; : >" path ")")
	else
		out_comment("  umask 077; install -m 640 -g postern /dev/null " path)
	out_comment("and write it there with an editor" \
		(secret_text[number] != "" ? ", or let import --secret FILE write it" : ""))
}

function print_relay(r,   list, count, i)
{
	title("relay" (relay_name[r] == "" ? "" : " " relay_name[r]))
	if (r in comment)
		out_comment(comment[r])
	count = split(keys["relay"], list, " ")
	for (i = 1; i <= count; i++) {
		if (!((r, list[i]) in relay))
			continue
		out(list[i] " = " relay[r, list[i]])
		if (list[i] == "password_file" && r in secret_relay)
			print_secret(secret_relay[r])
	}
	if ((r, "cleartext") in relay && !((r, "allow_cleartext_auth") in relay))
		out("#allow_cleartext_auth = yes")
}

function print_all(   i)
{
	out_comment("postern.conf, made by contrib/import from " file_name("M"))
	out_comment("\"sendmail --check\" tries it without sending mail.")
	if (notes)
		out("#")
	for (i = 1; i <= notes; i++)
		out_comment(note_text[i])
	print_section("mail")
	if (senders)
		title("senders")
	for (i = 1; i <= senders; i++)
		out(sender_pattern[i] " = " sender_address[i])
	print_section("delivery")
	print_section("hold")
	print_section("log")
	for (i = 1; i <= relays; i++)
		print_relay(i)
}
