#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The demonstration: try.sh BUILD
#
# Sends mail through the programs in BUILD to a relay on the loopback that asks for TLS and a
# login, then shows what happens when that relay is down. Works in a folder of its own under
# BUILD, or of $TMPDIR where BUILD is not safe from others (root in a user's checkout), which it
# removes; touches nothing else.

set -u
umask 077

# A hold is used only where nobody else can put another in its place.
ours() {
	while :; do
		[ -z "$(find "$1" -prune \( ! -user "$(id -u)" ! -user 0 \
			-o \( -perm -0020 -o -perm -0002 \) ! -perm -1000 \))" ] || return 1
		[ "$1" != / ] || return 0
		set -- "$(dirname "$1")"
	done
}

build=${1:?usage: try.sh BUILD}
here=$build/try.$$
ours "$build" || here=$(mktemp -d) || exit 1
conf=$here/postern.conf
relay_pid=
step=0

fail() {
	printf '\ntry: %s\n' "$1" >&2
	for file in "$here/log" "$here/relay.err"; do
		[ -s "$file" ] && { printf 'try: last lines of %s:\n' "${file##*/}"; tail -n 5 "$file"; } >&2
	done
	exit 1
}

clean_up() {
	status=$?
	trap - 0
	[ -n "$relay_pid" ] && kill "$relay_pid" 2>/dev/null
	rm -rf "$here"
	exit "$status"
}

say() {
	step=$((step + 1))
	printf '\n== %d. %s\n' "$step" "$1"
}

# Shows a command as one would type it, with the long paths cut short, and runs it.
run() {
	printf '$'
	for word in "$@"; do
		word=${word#"$here/"}
		printf ' %s' "${word#"$build/"}"
	done
	printf '\n'
	"$@"
}

# Starts the relay and waits until it listens. $1: the port, 0 for any.
start_relay() {
	: >"$here/relay.out"
	"$build/tests/relay" --dir "$here/relay" --port "$1" \
		--cert "$here/certs/server.pem" --key "$here/certs/server.key" --name localhost \
		--require-tls --require-auth --user demo --password 'open sesame' \
		>"$here/relay.out" 2>"$here/relay.err" </dev/null &
	relay_pid=$!
	tries=0
	until port=$(sed -n 's/^port //p' "$here/relay.out") && [ -n "$port" ]; do
		kill -0 "$relay_pid" 2>/dev/null || fail "the relay does not start"
		tries=$((tries + 1))
		[ "$tries" -le 50 ] || fail "the relay does not listen"
		sleep 0.1 2>/dev/null || sleep 1
	done
}

stop_relay() {
	kill "$relay_pid" && wait "$relay_pid"
	relay_pid=
}

arrived() {
	find "$here/relay/new" -type f | wc -l | tr -d ' '
}

# Sends a message with the subject $1.
send() {
	run "$build/sendmail" -C "$conf" -f demo@example.org friend@example.com <<-EOF
		From: Postern demonstration <demo@example.org>
		To: friend@example.com
		Subject: $1

		Sent from here, by hand.
	EOF
}

for program in sendmail mailq flushq tests/relay; do
	[ -x "$build/$program" ] || fail "$build/$program is missing: run \"make try\""
done
trap clean_up 0
trap 'exit 130' 1 2 15
rm -rf "$here"
mkdir -p "$here/hold" || fail "cannot make $here"

say "A relay on this machine, with TLS (a throw-away CA) and a login"
"$build/tests/relay" --make-certs "$here/certs" --name localhost || fail "no certificates"
start_relay 0
echo "It listens on localhost, port $port."

say "The configuration (what a real one needs is the first four lines)"
echo 'open sesame' >"$here/password"
cat >"$conf" <<-EOF
	[relay]
	host          = localhost
	user          = demo
	password_file = $here/password
	port          = $port
	tls_trust     = $here/certs/ca.pem
	[hold]
	directory     = $here/hold
	[log]
	to            = $here/log
EOF
cat "$conf"

say "Send a message: no output, so all is well"
send 'Hello' || fail "sendmail ended with $?"
[ "$(arrived)" = 1 ] || fail "the message did not arrive"

say "What arrived at the relay"
tr -d '\r' <"$(find "$here/relay/new" -type f)"

say "The relay goes down; another message is sent, and held: still no error"
stop_relay || fail "the relay did not stop"
send 'Hello again' || fail "sendmail ended with $?"

say "The message waits, with the reason"
run "$build/mailq" -C "$conf" || fail "mailq ended with $?"
[ "$("$build/mailq" -C "$conf" --count)" = 1 ] || fail "mailq should show one message"

say "The relay is back; flushq (from cron or a timer, else) tries again"
start_relay "$port"
run "$build/flushq" -C "$conf" -v --all || fail "flushq ended with $?"
[ "$(arrived)" = 2 ] || fail "the held message did not arrive"

say "Nothing is left"
run "$build/mailq" -C "$conf" || fail "mailq ended with $?"
"$build/mailq" -C "$conf" | grep -q '^Mail queue is empty' || fail "the queue is not empty"
stop_relay || fail "the relay did not stop"

printf '\nThat was all; nothing runs any more. See README for a real set-up.\n'
