# SPDX-License-Identifier: GPL-3.0-or-later
#
# postfix_senders.awk - the tables with which Postfix writes senders anew, as rows
# of [senders]; see postfix.awk.
#
# Postfix takes an address through up to four stages, each a list of tables, and a
# table is asked for the whole address, for the name alone where the address is one
# of this host, then for @domain. In [senders] the first row that matches is all. So
# each rule becomes a row whose address is what all stages make of it in the end, in
# the order in which they would be found.

BEGIN {
	STAGES = split("sender_canonical_maps canonical_maps masquerade_domains smtp_generic_maps",
		stage_key, " ")
	MASQUERADE = 3
	GENERIC = 4
	LETTERS = "abcdefghijklmnop"
	WHOLE = 0 # what a rule is for, in the order of look-up
	LOGIN = 1
	DOMAIN = 2
	rules = tables = 0
}

# ---- lists of tables ----

# The elements of a list of tables into maps[]; what is in { } is not divided.
function split_maps(s,   count, i, c, depth, fresh)
{
	split("", maps)
	fresh = 1
	count = depth = 0
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		depth += (c == "{") - (c == "}")
		if (depth <= 0 && c ~ /[ \t,]/) {
			fresh = 1
			continue
		}
		if (fresh)
			maps[++count] = ""
		fresh = 0
		maps[count] = maps[count] c
	}
	return count
}

# Each file of a table gets a letter, the same whenever this is called.
function list_tables(ask,   stage, count, i, type, rest)
{
	tables = 0
	for (stage = 1; stage <= STAGES; stage++) {
		if (stage == MASQUERADE)
			continue
		count = split_maps(get(stage_key[stage]))
		for (i = 1; i <= count; i++) {
			sub(/^proxy:/, "", maps[i])
			type = maps[i] ~ /^\// ? "hash" : maps[i]
			sub(/:.*/, "", type)
			rest = maps[i]
			sub(/^[a-z]*:/, "", rest)
			table_stage[++tables] = stage
			table_type[tables] = type
			table_rest[tables] = rest
			table_letter[tables] = rest ~ /^\// ? substr(LETTERS, tables, 1) : ""
			if (ask && table_letter[tables] != "")
				print "F" table_letter[tables] " " rest
		}
	}
}

function add_rule(stage, kind, key, value, role, n)
{
	rules++
	rule_stage[rules] = stage
	rule_kind[rules] = kind
	rule_key[rules] = key
	rule_value[rules] = value ~ /^@/ ? "*" value : value
	rule_role[rules] = role
	rule_line[rules] = n
	if (kind == WHOLE && key ~ /[*]/)
		pattern_rule[stage, ++patterns[stage]] = rules
	else if (!((stage, kind, key) in rule_of))
		rule_of[stage, kind, key] = rules
	if (kind == LOGIN)
		has_logins[stage] = 1
	else if (kind == WHOLE && key !~ /[*]/)
		divides[stage, substr(key, index(key, "@") + 1)] = 1
}

# A key of a table that is looked up; Postfix has those in small letters.
function add_key(stage, key, value, role, n)
{
	key = tolower(key)
	if (key ~ /[*]/ || !is_pattern(key ~ /^@/ ? "*" key : key))
		note(role, n, "", "cannot be said in [senders]; left out")
	else if (key ~ /^@/)
		add_rule(stage, DOMAIN, "*" key, value, role, n)
	else
		add_rule(stage, key ~ /@/ ? WHOLE : LOGIN, key, value, role, n)
}

function take_table(t,   i, role, s, key)
{
	role = table_letter[t]
	for (i = 1; i <= raws[role]; i++) {
		s = raw[role, i]
		if (table_type[t] ~ /^(regexp|pcre)$/) {
			take_expression(table_stage[t], s, role, raw_line[role, i])
			continue
		}
		key = s
		sub(/[ \t].*/, "", key)
		add_key(table_stage[t], key, trim(substr(s, length(key) + 1)), role, raw_line[role, i])
	}
}

# inline:{ key=value, {key = value}, ... }
function take_inline(t, n,   s, count, i, equals)
{
	s = table_rest[t]
	if (s !~ /^\{.*\}$/) {
		note("M", n, stage_key[table_stage[t]], "inline: without { }; left out")
		return
	}
	count = split_maps(substr(s, 2, length(s) - 2))
	for (i = 1; i <= count; i++) {
		s = trim(maps[i])
		if (s ~ /^\{.*\}$/)
			s = trim(substr(s, 2, length(s) - 2))
		equals = index(s, "=")
		add_key(table_stage[t], trim(substr(s, 1, equals - 1)), trim(substr(s, equals + 1)), "M", n)
	}
}

function take_tables(   t, key, n)
{
	list_tables(0)
	for (t = 1; t <= tables; t++) {
		key = stage_key[table_stage[t]]
		n = line[key]
		if (!about_senders(table_stage[t], key))
			continue
		if (table_type[t] == "static" && table_rest[t] != "") {
			gsub(/^\{[ \t]*|[ \t]*\}$/, "", table_rest[t])
			add_rule(table_stage[t], WHOLE, "*@*", table_rest[t], "M", n)
		} else if (table_type[t] == "inline")
			take_inline(t, n)
		else if (table_type[t] !~ /^(hash|btree|lmdb|cdb|dbm|texthash|sdbm|regexp|pcre)$/ ||
			table_letter[t] == "")
			note("M", n, key, "a table of this type is not read; write its rows into [senders]")
		else if (index(ENVIRON["IMPORT_MISSING"], table_letter[t]))
			note("M", n, key, "a file of it cannot be read; write its rows into [senders], or run " \
				"this as root")
		else
			take_table(t)
	}
}

# Says what [senders] does not do, or does as well.
function about_senders(stage, key,   classes, s)
{
	if (stage == GENERIC) {
		note("M", line[key], key, "kept in [senders] for senders only, in the envelope and in " \
			"From; Postfix changes recipients and other fields too")
		if ("sender_dependent_relayhost_maps" in line)
			note("M", line[key], key, "Postfix chooses the relay by the sender before this table, " \
				"Postern by the one behind it: see that senders of [relay NAME] fit")
		return 1
	}
	classes = stage == 1 ? "sender_canonical_classes" : stage == 2 ? "canonical_classes" : \
		"masquerade_classes"
	s = get(classes)
	if (s != "" && s !~ /(envelope|header)_sender/) {
		note("M", line[key], key, "is not about senders; left out")
		return 0
	}
	if (s != "" && s !~ /envelope_sender.*header_sender|header_sender.*envelope_sender/)
		note("M", line[classes], classes, "[senders] changes the envelope and From alike")
	note("M", line[key], key, stage == 2 ? \
		"kept in [senders] for senders only, in the envelope and in From; Postfix changes " \
		"recipients and other fields too" : \
		"kept in [senders] for the envelope and From; Postfix changes other fields of the " \
		"sender too")
	return 1
}

function take_masquerade(   key, s, list, count, i)
{
	key = stage_key[MASQUERADE]
	s = get(key)
	if (s == "" || !about_senders(MASQUERADE, key))
		return
	if (s ~ /!/ || get("masquerade_exceptions") != "") {
		note("M", line[key], key, "exceptions cannot be said in [senders]; left out")
		return
	}
	count = split(s, list, /[ \t,]+/)
	for (i = 1; i <= count; i++)
		add_rule(MASQUERADE, WHOLE, "*@*." tolower(list[i]), "*@" tolower(list[i]), "M", line[key])
}

# ---- expressions ----

# Where the element that begins with delimiter ends, or 0.
function closing_delimiter(s,   i)
{
	for (i = 2; i <= length(s); i++) {
		if (substr(s, i, 1) == "\\")
			i++
		else if (substr(s, i, 1) == substr(s, 1, 1))
			return i
	}
	return 0
}

# The pattern of [senders] that means the same as the expression, or "". Sets
# whole_name if its first group is all that stands before the @, and loose_dot if a
# dot that stands for any byte is taken for a dot.
function pattern_of(s,   result, c, group, groups, at_start, literal)
{
	# As a string: within brackets not every awk takes "\/" for a slash alone.
	literal = "^[A-Za-z0-9_@=~%#&'/!,:;<>\"-]"
	whole_name = loose_dot = groups = 0
	result = sub(/^\^/, "", s) ? "" : "*"
	group = ""
	at_start = 1
	while (s != "" && s != "$") {
		c = substr(s, 1, 1)
		if (match(s, /^(\.|\[\^@\])[*+]/)) {
			result = result "*"
			s = substr(s, RLENGTH + 1)
			if (group != "" && s ~ /^\)/)
				continue
		} else if (c == "(" && group == "" && s ~ /^\((\.|\[\^@\])[*+]\)/) {
			group = ++groups
			s = substr(s, 2)
			continue
		} else if (c == ")" && group != "") {
			whole_name = whole_name || groups == 1 && at_start && s ~ /^\)@/
			at_start = 0
			group = ""
			s = substr(s, 2)
		} else if (c == "\\" && s ~ /^\\[^A-Za-z0-9*]/) {
			result = result substr(s, 2, 1)
			s = substr(s, 3)
		} else if (c ~ literal || c == "." && s !~ /^\.[?{]/) {
			loose_dot = loose_dot || c == "."
			result = result c
			s = substr(s, 2)
		} else
			return ""
		if (s ~ /^[*+?{]/)
			return ""
		at_start = 0
	}
	if (s == "")
		result = result "*"
	gsub(/[*]+/, "*", result)
	return result == "*" ? "*@*" : index(result, "@") && is_pattern(result) ? result : ""
}

# /EXPRESSION/FLAGS VALUE, where VALUE may have $1 for the name.
function take_expression(stage, s, role, n,   end, flags, value, pattern)
{
	if (s ~ /^(if|endif)([^A-Za-z0-9]|$)/)
		within[role] += s ~ /^if/ ? 1 : -1
	end = s ~ /^[^A-Za-z0-9!]/ && within[role] <= 0 ? closing_delimiter(s) : 0
	flags = substr(s, end + 1)
	sub(/[ \t].*/, "", flags)
	value = trim(substr(s, end + length(flags) + 1))
	pattern = end && flags ~ /^i?$/ ? pattern_of(substr(s, 2, end - 2)) : ""
	if (pattern != "" && whole_name && match(value, /^\$(1|\{1\}|\(1\))@/))
		value = "*" substr(value, RLENGTH)
	if (pattern == "" || value ~ /\$/) {
		note(role, n, "", "cannot be said in [senders]; left out")
		return
	}
	if (loose_dot)
		note(role, n, "", "a dot in it without a backslash is taken for a dot only")
	add_rule(stage, WHOLE, tolower(pattern), value, role, n)
}

# ---- what the stages make of an address ----

function is_ours(domain)
{
	return domain == "" || domain == "localhost" || \
		("mail", "domain") in conf && domain == tolower(conf["mail", "domain"]) || \
		("mail", "hostname") in conf && domain == tolower(conf["mail", "hostname"])
}

function glob(pattern, s,   parts, count, i, at)
{
	count = split(pattern, parts, "*")
	if (count == 1)
		return s == pattern
	if (substr(s, 1, length(parts[1])) != parts[1])
		return 0
	s = substr(s, length(parts[1]) + 1)
	for (i = 2; i < count; i++) {
		at = index(s, parts[i])
		if (parts[i] != "" && !at)
			return 0
		if (parts[i] != "")
			s = substr(s, at + length(parts[i]))
	}
	return length(s) >= length(parts[count]) &&
		substr(s, length(s) - length(parts[count]) + 1) == parts[count]
}

# Is there a rule for some of what the address "*@domain" stands for, but not all?
function is_divided(stage, address,   domain, i, key)
{
	domain = substr(address, 3)
	if ((stage, domain) in divides || (stage in has_logins) && is_ours(domain))
		return 1
	for (i = 1; i <= patterns[stage]; i++) {
		key = rule_key[pattern_rule[stage, i]]
		if (key !~ /^\*@/ && glob(substr(key, index(key, "@") + 1), domain))
			return 1
	}
	return 0
}

# The rule of a stage that is found for an address, or 0.
function found_rule(stage, address,   at, i, name, domain)
{
	at = index(address, "@")
	name = at ? substr(address, 1, at - 1) : address
	domain = substr(address, length(name) + 2)
	at = (stage, WHOLE, address) in rule_of ? rule_of[stage, WHOLE, address] : 0
	for (i = 1; i <= patterns[stage]; i++)
		if (glob(rule_key[pattern_rule[stage, i]], address))
			return at && at < pattern_rule[stage, i] ? at : pattern_rule[stage, i]
	if (at)
		return at
	if (is_ours(domain) && (stage, LOGIN, name) in rule_of)
		return rule_of[stage, LOGIN, name]
	return (stage, DOMAIN, "*@" domain) in rule_of ? rule_of[stage, DOMAIN, "*@" domain] : 0
}

# What one stage makes of an address ("*@domain": of all names there).
function one_step(stage, address,   i, at)
{
	at = index(address, "@")
	if (address ~ /^\*@/ && is_divided(stage, tolower(address)))
		divided = 1
	i = found_rule(stage, tolower(address))
	if (!i)
		return address
	if (rule_value[i] ~ /^\*@/ && at)
		return substr(address, 1, at - 1) substr(rule_value[i], 2)
	return rule_value[i]
}

# The canonical tables are asked again until nothing changes.
function through(stage, address,   step, next_address)
{
	for (step = 0; step < 10; step++) {
		next_address = one_step(stage, address)
		if (tolower(next_address) == tolower(address) || stage > 2)
			return next_address
		address = next_address
	}
	return address
}

function make_senders(   stage, kind, i, k, address)
{
	take_tables()
	take_masquerade()
	for (stage = 1; stage <= STAGES; stage++) {
		for (kind = WHOLE; kind <= DOMAIN; kind++) {
			for (i = 1; i <= rules; i++) {
				if (rule_stage[i] != stage || rule_kind[i] != kind)
					continue
				divided = 0
				address = rule_value[i]
				if (!index(address, "@") && (("mail", "domain") in conf))
					address = address "@" conf["mail", "domain"]
				for (k = stage + (stage > 2); k <= STAGES; k++)
					address = through(k, address)
				if (divided)
					note(rule_role[i], rule_line[i], "", "another rule changes some of what this one " \
						"makes; see with sendmail -bv that [senders] is right")
				sput(rule_key[i], address, rule_role[i], rule_line[i], "")
			}
		}
	}
}
