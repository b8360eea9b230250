#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of a message: round trips, which relay, how long a caller waits, what he is told,
what is held, failed and reported, and what the tools for administrators say."""

import email
import email.policy
import json
import os
import re
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403

USER, SECRET = "u@example.org", "s3cret Wort"
SERVER_LOGIN = ("--user", USER, "--password", SECRET)
HOST = r"127\.0\.0\.1\[127\.0\.0\.1\]"
HEAD = (b"From: a@src.example\nTo: b@dest.example\nSubject: s\n"
        b"Date: Sat, 21 Nov 2026 20:00:00 +0000\nMessage-ID: <t@src.example>\n\n")
OLD = "NORMAL:-VERS-ALL:+VERS-TLS1.2"


def tls_keys(security="starttls", **more):
    return dict({"security": security, "tls_trust": certificates() + "/ca.pem",
                 "tls_name": "relay.test"}, **more)


def login_keys(security="starttls", **more):
    return tls_keys(security, user=USER, password=SECRET, **more)


def sent_quietly(result):
    same("end", (result.code, result.out, result.err), (0, "", ""))


# Round trips

def flights(name, wanted, options, cert, keys):
    def run():
        with Case(name) as case:
            relay = case.relay(*options, cert=cert)
            case.configure(dict(keys() if callable(keys) else keys, port=relay.port))
            sent_quietly(case.send(*ARGS))
            closed = relay.wait_for("close")[0]
            same("how it ended", closed["how"], "QUIT")
            same("violations", relay.violations(), [])
            same("flights", closed["flights"], wanted)
            same("delivered", relay.recipients(), sorted(PAIR))
    return "flights: " + name, run


PLAIN = {"auth": "PLAIN"}
FLIGHTS = [
    flights("plain", 5, (), None, {}),
    flights("plain, slow answers", 5, ("--delay", "60"), None, {}),
    flights("plain, CHUNKING", 4, ("--with", "CHUNKING"), None, {}),
    flights("STARTTLS, AUTH PLAIN, TLS 1.3", 9, SERVER_LOGIN, "server",
            lambda: login_keys(auth="PLAIN")),
    flights("STARTTLS, AUTH PLAIN, TLS 1.2", 10, (*SERVER_LOGIN, "--tls-priority", OLD), "server",
            lambda: login_keys(auth="PLAIN")),
    flights("TLS 1.3, AUTH PLAIN", 7, (*SERVER_LOGIN, "--tls"), "server",
            lambda: login_keys("tls", auth="PLAIN")),
    flights("TLS 1.2, AUTH PLAIN", 8, (*SERVER_LOGIN, "--tls", "--tls-priority", OLD), "server",
            lambda: login_keys("tls", auth="PLAIN")),
    flights("no PIPELINING", 8, ("--without", "PIPELINING"), None, {}),
]


def resumed():
    with Case("resume") as case:
        relay = case.relay(cert="server")
        case.configure(tls_keys(port=relay.port))
        for _ in range(2):
            sent_quietly(case.send(*ARGS))
        same("resumed", [e["resumed"] for e in relay.wait_for("tls", 2)], [False, True])


def resumed_each():
    """Two relays, whose names have one CRC-32, and whose servers bear one name."""
    with Case("resume each") as case:
        relays = {name: case.relay(cert="server") for name in ("out_backup_ses", "main-ses95")}
        case.configure(*((name, tls_keys(port=r.port)) for name, r in relays.items()))
        for _ in range(2):
            for name in relays:
                sent_quietly(case.send("--relay", name, *ARGS))
        for name, relay in relays.items():
            same("resumed at " + name, [e["resumed"] for e in relay.wait_for("tls", 2)],
                 [False, True])


def one_connection():
    """Twenty entries to one relay by one worker: one connection, one login."""
    with Case("reuse") as case:
        relay = case.relay(*SERVER_LOGIN, cert="server")
        case.configure(login_keys(port=relay.port, connections="1"),
                       conf={"delivery.mode": "hold"})
        for _ in range(20):
            sent_quietly(case.send(*ARGS))
        case.flush()
        same("delivered", len(relay.accepted()), 20)
        same("connections", (len(relay.events("connect")), len(relay.events("auth"))), (1, 1))
        same("violations", relay.violations(), [])


# Which relay

def failover():
    with Case("failover") as case:
        dead, strict, good = (case.relay(), case.relay(*SERVER_LOGIN, cert="server",),
                              case.relay())
        dead.stop()
        case.configure(("dead", {"port": dead.port}),
                       ("strict", tls_keys(port=strict.port, user=USER, password="wrong")),
                       ("good", {"port": good.port}))
        sent_quietly(case.send(*ARGS))
        same("delivered", good.recipients(), sorted(PAIR))
        same("held", case.entries(), [])
        tries = [x for x in strict.commands() if x.startswith("AUTH")]
        same("tries to log in", len({t.split()[1] for t in tries}), 1)
        check("MAIL" not in " ".join(strict.commands()), "mail to the one that refused the login")
        before = strict.mark()
        sent_quietly(case.send(*ARGS))
        same("the dead are remembered", strict.events("connect", before), [])
        same("delivered", len(good.accepted()), 2)


def backup(name, host, ports):
    def run():
        with Case("backup") as case:
            dead, good = case.relay(), case.relay()
            dead.stop()
            port = ports.format(dead=dead.port, good=good.port)
            case.configure({"host": host, "port": port})
            result = case.send(*ARGS)
            sent_quietly(result)
            check(result.seconds < 2, f"took {result.seconds:.1f} s")
            same("delivered", good.recipients(), sorted(PAIR))
    return "backup: " + name, run


def patterns():
    with Case("patterns") as case:
        work, home = case.relay(), case.relay()
        case.configure(("work", {"port": work.port, "recipients": "*@work.example"}),
                       ("home", {"port": home.port, "senders": "*@src.example",
                                 "recipients": "*@dest.example, *@home.example"}))
        sent_quietly(case.send("-i", "-f", "a@src.example", "x@work.example", "y@home.example",
                               "z@WORK.example"))
        same("work", work.recipients(), ["x@work.example", "z@WORK.example"])
        same("home", home.recipients(), ["y@home.example"])
        sent_quietly(case.send("-i", "-f", "b@other.example", "y@home.example"))
        same("nobody serves it", case.waiting(), ["y@home.example"])
        match("mailq", "senders|recipients", case.reasons())


def chosen_relay():
    with Case("--relay") as case:
        one, two = case.relay(), case.relay()
        case.configure(("one", {"port": one.port}), ("two", {"port": two.port}))
        sent_quietly(case.send("--relay", "two", *ARGS))
        same("delivered", (one.recipients(), two.recipients()), ([], sorted(PAIR)))
        result = case.send("--relay", "three", *ARGS)
        same("exit", result.code, 64)
        match("stderr", "three", result.err)
        two.stop()
        sent_quietly(case.send("--relay", "two", *ARGS))
        case.flush("--all")
        same("the choice is kept", (one.recipients(), case.waiting()), ([], sorted(PAIR)))


def remembered():
    """The next caller does not wait for a relay known to be dead."""
    with Case("dead") as case:
        relay = case.relay("--on", "CONNECT stall")
        case.configure({"port": relay.port, "timeout": "2s"})
        first = case.send(*ARGS)
        second = case.send(*ARGS)
        sent_quietly(first)
        sent_quietly(second)
        check(1.5 < first.seconds < 5, f"the first took {first.seconds:.1f} s")
        check(second.seconds < 1, f"the second took {second.seconds:.1f} s")
        same("connections", len(relay.events("connect")), 1)
        match("mailq", r"waited 2 s.*no greeting", case.reasons())
        case.flush()
        same("a plain flushq leaves it alone", len(relay.events("connect")), 1)
        case.flush(case.entries()[0])
        same("flushq ID asks once more", len(relay.events("connect")), 2)
        relay.good()
        case.flush("--all")
        same("delivered", len(relay.accepted()), 2)
        sent_quietly(case.send(*ARGS))
        same("alive again", len(relay.accepted()), 3)


# How long a caller waits

def wait_ends():
    with Case("wait") as case:
        relay = case.relay("--on", "DOT wait 2500 normal")
        case.configure({"port": relay.port, "timeout": "10s", "dot_timeout": "10s"},
                       conf={"delivery.wait": "1s"})
        result = case.send(*ARGS)
        sent_quietly(result)
        check(0.8 < result.seconds < 2.2, f"took {result.seconds:.1f} s")
        same("held meanwhile", len(case.entries()), 1)
        match("mailq shows that it is being sent", r"(?m)^[0-9A-F]{12}\*", case.reasons())
        case.wait_entries(0)
        same("delivered behind", relay.recipients(), sorted(PAIR))
        same("once", len(relay.accepted()), 1)


def late_refusal():
    """Nobody is there to be told any more: the sender gets a report."""
    with Case("late") as case:
        relay = case.relay("--on", "first 1 on RCPT 1 wait 2500 reply 550 5.1.1 no such user")
        case.configure({"port": relay.port, "timeout": "10s"}, conf={"delivery.wait": "1s"})
        result = case.send("-i", "-f", "a@src.example", "b@dest.example")
        sent_quietly(result)
        case.wait_entries(1, "failed")
        case.wait_quiet()
        case.flush("--all")
        report, = relay.accepted()
        same("report", (report["sender"], relay.recipients()), ("", ["a@src.example"]))


def modes(mode, args=(), delivered=True):
    def run():
        with Case("mode " + mode) as case:
            relay = case.relay("--on", "DOT wait 1500 normal")
            case.configure({"port": relay.port, "timeout": "10s", "dot_timeout": "10s"},
                           conf={"delivery.mode": mode})
            result = case.send(*args, *ARGS)
            sent_quietly(result)
            check(result.seconds < 1.3, f"took {result.seconds:.1f} s")
            same("durable", len(case.entries()), 1)
            if delivered:
                case.wait_entries(0)
            else:
                time.sleep(0.3)
                case.wait_quiet()
                same("connections", relay.events("connect"), [])
                case.flush()
            same("delivered", relay.recipients(), sorted(PAIR))
            same("once", len(relay.accepted()), 1)
    return f"mode {mode} {' '.join(args)}", run


def waits(mode, args):
    """The caller is told what became of it."""
    def run():
        with Case("waits") as case:
            relay = case.relay("--on", "DOT wait 600 normal")
            case.configure({"port": relay.port}, conf={"delivery.mode": mode})
            result = case.send(*args, *ARGS)
            sent_quietly(result)
            check(result.seconds > 0.6, f"took {result.seconds:.1f} s")
            same("delivered", relay.recipients(), sorted(PAIR))
            result = case.send(*args, "-i", "-f", "a@src.example", "reject550@dest.example")
            same("exit", result.code, 67)
    return f"mode {mode} {' '.join(args)}, the caller waits", run


def background_refused():
    with Case("background") as case:
        relay = case.relay()
        case.configure({"port": relay.port}, conf={"delivery.mode": "background"})
        sent_quietly(case.send("-i", "-f", "a@src.example", "reject550@dest.example"))
        case.wait_entries(1, "failed")
        case.wait_quiet()
        case.flush("--all")
        same("the report", relay.recipients(), ["a@src.example"])


def delayed(args, conf):
    def run():
        with Case("delay") as case:
            relay = case.relay()
            case.configure({"port": relay.port}, conf=conf)
            began = time.monotonic()
            result = case.send(*args, *ARGS)
            sent_quietly(result)
            check(result.seconds < 1, f"took {result.seconds:.1f} s")
            case.flush()
            same("too early", relay.events("connect"), [])
            while time.monotonic() < began + 8 and not relay.accepted():
                time.sleep(0.3)
                case.flush()
            took = time.monotonic() - began
            check(1.5 < took < 6, f"sent after {took:.1f} s")
            same("delivered", relay.recipients(), sorted(PAIR))
    return f"delay {' '.join(args)}", run


def retracted():
    with Case("retract") as case:
        relay = case.relay()
        case.configure({"port": relay.port})
        sent_quietly(case.send("--delay", "1h", *ARGS))
        ident, = case.entries()
        result = case.run("flushq", "--remove", ident)
        same("flushq --remove", (result.code, result.out), (0, ""))
        case.flush("--all")
        same("nothing", (case.entries(), relay.events("connect")), ([], []))


def only_its_id():
    """Neither --all nor a filter sends what its sender delayed; its ID does, at any length."""
    with Case("delayed all") as case:
        relay = case.relay()
        case.configure({"port": relay.port})
        for delay in ("1h", "366d"):
            sent_quietly(case.send("--delay", delay, *ARGS))
        sent_quietly(case.send("-odq", "-f", "other@src.example", "-i", "d@dest.example"))
        part = case.entries()[0][:3]
        for args in ((), ("--all",), ("--sender", "a@src"), ("--recipient", "b@dest"),
                     ("--sender", "!zzz"), ("--id", part), ("--id", "!zzz")):
            case.flush(*args)
        case.run("sendmail", "-qI" + part)
        same("sent", relay.recipients(), ["d@dest.example"])
        same("held", len(case.entries()), 2)
        for number, ident in enumerate(case.entries()):
            case.flush(*(("--id",) if number else ()), ident)
            same("sent", len(relay.accepted()), 2 + number)
        same("held", case.entries(), [])


def long_lines():
    """Lists over several lines, in a file that ends its lines as DOS does; a line that is too
    long is refused with its number."""
    with Case("long lines") as case:
        relay = case.relay()
        many = "".join(f"  nobody{i}@a-long-name-of-a-host.example,\n" for i in range(100))
        case.configure({"port": f"1,\n\t2\n   {relay.port}", "senders": f"\n{many}  *@src.example"})
        with open(case.conf_path, "rb") as file:
            text = file.read().replace(b"\n", b"\r\n")
        case.write("postern.conf", text)
        sent_quietly(case.send(*ARGS))
        same("delivered", relay.recipients(), sorted(PAIR))
        case.write("postern.conf", text + b"  " + b"x" * 200 + b"@y.example\r\n")
        result = case.send(*ARGS)
        same("too long", (result.code, result.out), (78, ""))
        match("stderr", rf":{text.count(bytes([10])) + 1}: the line is longer than 198 bytes",
              result.err)


def srv(targets, keys, good):
    """DNS may name a server for a domain only in that domain, or where the configuration says
    what its certificate is: else one forged answer gets the mail and the password."""
    def run():
        with Case("srv") as case:
            relay = case.relay()
            records = [("SRV", (i, 0, relay.port, t)) for i, t in enumerate(targets)]
            names = Names(lambda name, kind: ("records", [*records, ("A", "127.0.0.1")]))
            try:
                case.configure(dict({"host": None, "srv": "example.org", "port": None}, **keys),
                               conf={"dns.server": f"127.0.0.1:{names.port}"})
                result = case.send(*ARGS)
                same("sendmail", (result.code, result.out, result.err), (0, "", ""))
                case.wait_quiet()
                same("asked", sorted({n for n, k in names.asked if k == "SRV"}),
                     ["_submission._tcp.example.org"])
                same("delivered", len(relay.accepted()), int(good))
                if not good:
                    match("mailq", rf"{targets[0]} for srv = example.org.*tls_name",
                          case.reasons().replace("\n", " "))
                    same("asked", [n for n, k in names.asked if k != "SRV"], [])
                    result = case.run("sendmail", "--check")
                    check(result.code != 0, "--check finds it good")
                    match("--check", "tls_name", result.out + result.err)
            finally:
                names.close()
    return f"srv: {' '.join(targets)} {' '.join(keys)}", run


def wrong_delay():
    with Case("bad delay") as case:
        case.configure({"port": 25})
        for value in ("soon", "-5s", "5", "1y2", "", "367d", "400d", "8785h", "31622401s"):
            result = case.send("--delay", value, *ARGS)
            same(f"--delay {value}", (result.code, result.out), (64, ""))
            match("stderr", r"--delay", result.err)
        same("400d", case.send("--delay", "1h", "--delay", "400d", *ARGS).code, 64)
        same("held", case.entries(), [])


# What the caller is told

def on_terminal():
    with Case("tty") as case:
        relay = case.relay()
        case.configure({"port": relay.port})
        code, shown, out = terminal(case, "sendmail", *ARGS, feed=MESSAGE)
        same("delivered", (code, shown, out), (0, "", ""))
        relay.stop()
        code, shown, out = terminal(case, "sendmail", *ARGS, feed=MESSAGE)
        same("exit", (code, out), (0, ""))
        ident, = case.entries()
        check(re.fullmatch(rf"sendmail: held as {ident}: [ -~]*refused[ -~]*\r\n", shown),
              f"the terminal shows {shown!r}")
        code, shown, out = terminal(case, "sendmail", "--hold", *ARGS, feed=MESSAGE)
        check(re.fullmatch(r"sendmail: held as [0-9A-F]{12}: [ -~]+\r\n", shown),
              f"the terminal shows {shown!r}")


def told_by_v():
    """Where a script keeps what -v says, it is not silent on what a terminal would show."""
    with Case("-v") as case:
        relay = case.relay("--on", "RCPT 2 reply 451 4.2.0 later")
        case.configure({"port": relay.port})
        line = re.compile(r"^sendmail: held as ([0-9A-F]{12}): ([ -~]+)$", re.M)

        def held(*args, message=MESSAGE):
            result = case.run("sendmail", "-v", *args, feed=message)
            same("exit", (result.code, result.out), (0, ""))
            return line.findall(result.err)
        same("delivered", held("-i", "b@dest.example"), [])
        (_, why), = held(*ARGS)
        match("one of two", "451 4.2.0 later", why)
        relay.stop()
        for _ in range(2):
            (_, why), = held(*ARGS)
            match("no relay", "refused", why)
        (_, why), = held("-odq", *ARGS)
        match("-odq", "flushq sends it", why)
        (_, why), = held("--delay", "1h", *ARGS)
        match("--delay", "delayed", why)
        same("held", len(case.entries()), 5)
        same("without -v", case.send(*ARGS).err, "")


def flushq_terminal():
    with Case("progress") as case:
        relay = case.relay()
        case.configure({"port": relay.port}, conf={"delivery.mode": "hold"})
        for _ in range(5):
            sent_quietly(case.send(*ARGS))
        code, shown, _ = terminal(case, "flushq")
        same("exit", code, 0)
        match("progress", r"5 sent, 0 held, 0 failed", shown)
        code, shown, _ = terminal(case, "flushq")
        same("nothing to do", (code, shown.split("\r\n")[0]), (0, "flushq: nothing is due"))


def told_exactly():
    """A mixed result: one is delivered, one held, two refused."""
    with Case("mixed") as case:
        relay = case.relay()
        case.configure({"port": relay.port})
        who = ("b@dest.example", "temp450@dest.example", "reject550@dest.example",
               "policy554@dest.example")
        result = case.send("-i", "-f", "a@src.example", *who)
        case.wait_quiet()
        same("exit", result.code, 69)
        lines = sorted(result.err.splitlines())
        same("lines", len(lines), 2)
        for line, pattern in zip(lines, (
                rf"sendmail: <policy554@dest\.example>: refused by {HOST}: 554 5\.7\.1 .+",
                rf"sendmail: <reject550@dest\.example>: refused by {HOST}: 550 5\.1\.1 .+")):
            check(re.fullmatch(pattern, line), f"{line!r} is not {pattern}")
        same("delivered", relay.recipients(), ["b@dest.example"])
        same("waiting", case.waiting(), ["temp450@dest.example"])
        failed, = case.listing("--failed")
        same("kept in failed/", sorted(r["address"] for r in failed["recipients"]
                                       if r["status"] == "failed"),
             ["policy554@dest.example", "reject550@dest.example"])
        before = relay.mark()
        case.flush("--all")
        same("nobody twice, no report of what was told",
             [r for r in relay.recipients(before) if r != "a@src.example"], [])
        same("still waiting", "temp450@dest.example" in case.waiting(), True)


def told_all(name, who, code, args=()):
    def run():
        with Case(name) as case:
            relay = case.relay()
            case.configure({"port": relay.port})
            result = case.send(*args, "-i", "-f", "a@src.example", *who)
            case.wait_quiet()
            same("exit", result.code, code)
            same("lines", len(result.err.splitlines()),
                 0 if "-oeq" in args else len([w for w in who if not w.startswith("b@")]))
            same("failed", (len(case.entries()), len(case.entries("failed"))), (0, 1))
            before = relay.mark()
            case.flush("--all")
            same("the caller knows: no report", relay.recipients(before), [])
    return name, run


def verbose_is_masked(mechanism, ok=True):
    def run():
        with Case("-v " + mechanism) as case:
            options = SERVER_LOGIN if ok else ("--user", USER, "--password", "other")
            relay = case.relay(*options, "--mechanisms", mechanism, cert="server")
            case.configure(login_keys(port=relay.port, auth=mechanism))
            first = case.send("-v", *ARGS)
            same("exit", first.code, 0)
            match("transcript", r"^<<< 220 .*>>> EHLO gate\.harness\.example.*>>> AUTH "
                  + re.escape(mechanism), first.err)
            if ok:
                match("transcript", r">>> MAIL FROM:<a@src\.example>.*>>> QUIT", first.err)
                no_match("the message is not shown", "Hello", first.err)
            second = case.run("flushq", "-v", "--all")
            third = case.run("sendmail", "--check", "-v")
            same("--check", third.code == 0, ok)
            listing = case.run("mailq", "-v")
            case.check_secret(SECRET, first, second, third, listing)
            for line in first.err.splitlines():
                check(len(line) <= 600, f"a line of {len(line)}")
    return f"-v shows no secret: {mechanism}{'' if ok else ', refused'}", run


# Many recipients, many messages

def too_many_midlist():
    with Case("452") as case:
        relay = case.relay("--on", "RCPT 3 reply 452 4.5.3 too many recipients")
        case.configure({"port": relay.port})
        who = [f"r{i}@dest.example" for i in range(6)]
        sent_quietly(case.send("-i", "-f", "a@src.example", *who))
        same("delivered once each", relay.recipients(), who)
        same("transactions", len(relay.accepted()), 2)
        same("connections", len(relay.events("connect")), 1)
        same("held", case.entries(), [])


def too_many_from_there():
    """A server that takes two at a time."""
    with Case("452b") as case:
        rules = [x for n in (3, 4, 5, 8, 9, 12) for x in ("--on", f"RCPT {n} reply 452 4.5.3 no")]
        relay = case.relay(*rules)
        case.configure({"port": relay.port})
        who = [f"r{i}@dest.example" for i in range(5)]
        sent_quietly(case.send("-i", "-f", "a@src.example", *who))
        case.flush("--all")
        same("delivered once each", relay.recipients(), who)


def recipient_limit():
    with Case("max_recipients") as case:
        relay = case.relay()
        case.configure({"port": relay.port, "max_recipients": "3"})
        who = [f"r{i}@dest.example" for i in range(7)]
        sent_quietly(case.send("-i", "-f", "a@src.example", *who))
        same("delivered once each", relay.recipients(), who)
        same("a transaction", [len(e["recipients"]) for e in relay.accepted()], [3, 3, 1])
        same("connections", len(relay.events("connect")), 1)
        same("the same bytes", len(set(relay.stored())), 1)


def message_limit():
    with Case("max_messages") as case:
        relay = case.relay()
        case.configure({"port": relay.port, "max_messages": "2", "connections": "1"},
                       conf={"delivery.mode": "hold"})
        for _ in range(5):
            sent_quietly(case.send(*ARGS))
        case.flush()
        same("messages", len(relay.accepted()), 5)
        same("connections", len(relay.events("connect")), 3)


def in_order():
    with Case("order") as case:
        relay = case.relay()
        case.configure({"port": relay.port, "connections": "1"}, conf={"delivery.mode": "hold"})
        for i in range(3):
            sent_quietly(case.send(*ARGS, message=HEAD + b"%d\n" % i))
            time.sleep(1.05)
        case.flush()
        same("oldest first", [m[-3:-2] for m in relay.stored()], [b"0", b"1", b"2"])


def many_at_once():
    """Many callers and flushes at once: each message exactly once."""
    with Case("parallel") as case:
        relay = case.relay()
        case.configure({"port": relay.port})
        calls = [case.begin("sendmail", *ARGS, feed=HEAD + b"number %d.\n" % i)
                 for i in range(15)]
        calls += [case.begin("flushq", "--all") for _ in range(4)]
        waiters = [threading.Thread(target=call.wait) for call in calls]
        for waiter in waiters:
            waiter.start()
        for waiter in waiters:
            waiter.join()
        case.wait_quiet()
        case.flush("--all")
        same("held", case.entries(), [])
        bodies = sorted(re.search(rb"number (\d+)\.", m).group(1) for m in relay.stored())
        same("messages", bodies, sorted(b"%d" % i for i in range(15)))
        same("violations", relay.violations(), [])


def workers():
    """Forty entries by four workers: each once, never more than four connections at once."""
    with Case("workers") as case:
        relay = case.relay("--delay", "20")
        case.configure({"port": relay.port, "connections": "4"}, conf={"delivery.mode": "hold"})
        for i in range(40):
            sent_quietly(case.send(*ARGS, message=HEAD + b"number %d.\n" % i))
        case.flush()
        same("held", case.entries(), [])
        bodies = sorted(re.search(rb"number (\d+)\.", m).group(1) for m in relay.stored())
        same("messages", bodies, sorted(b"%d" % i for i in range(40)))
        relay.wait_for("close", len(relay.events("connect")))
        now = most = 0
        for event in relay.events():
            now += {"connect": 1, "close": -1}.get(event["type"], 0)
            most = max(most, now)
        check(2 <= most <= 4, f"{most} connections at once")
        check(len(relay.events("connect")) <= 5, f"{len(relay.events('connect'))} connections")


def broken_session():
    """A server that goes away between two messages: the second gets a new connection."""
    with Case("idle") as case:
        relay = case.relay("--on", "first 1 on MAIL 2 close")
        case.configure({"port": relay.port, "connections": "1"}, conf={"delivery.mode": "hold"})
        for _ in range(3):
            sent_quietly(case.send(*ARGS))
        case.flush()
        same("delivered", (len(relay.accepted()), case.entries()), (3, []))


def dirty_session():
    """One message is refused, the next goes over the same connection."""
    with Case("refused between") as case:
        relay = case.relay()
        case.configure({"port": relay.port, "connections": "1"}, conf={"delivery.mode": "hold"})
        for who in ("b@dest.example", "reject550@dest.example", "content554@dest.example",
                    "later451@dest.example", "c@dest.example"):
            sent_quietly(case.send("-i", "-f", "<>", who, message=HEAD + b"x\n"))
        case.flush()
        same("delivered", relay.recipients(), sorted(PAIR))
        same("connections", len(relay.events("connect")), 1)
        same("violations", relay.violations(), [])
        same("rooms", (len(case.entries()), len(case.entries("failed"))), (1, 2))


# Retries, expiry, reports

def expiry():
    with Case("expiry") as case:
        relay = case.relay()
        case.configure({"port": relay.port},
                       conf={"delivery.expire": "2s", "delivery.retry": "1s",
                             "delivery.retry_max": "1s"})
        relay.stop()
        sent_quietly(case.send(*ARGS))
        for _ in range(8):
            time.sleep(0.7)
            case.flush("--all")
            if case.entries("failed"):
                break
        same("failed", len(case.entries("failed")), 1)
        failed, = case.listing("--failed")
        same("tries of the message", failed["attempts"], 0)
        match("mailq --failed", "expired", case.reasons("--failed"))
        report, = case.listing()
        same("the report waits", (report["sender"] in ("", "MAILER-DAEMON"),
                                  report["recipients"][0]["address"]), (True, "a@src.example"))
        relay.good()
        case.flush("--all")
        parsed = parse_report(relay.stored()[0])
        for block in parsed["blocks"]:
            same("Action", block["Action"], "failed")
            check(block["Status"].startswith(("4.4", "5.4")), block["Status"])


def clock_jump():
    with Case("jump") as case:
        relay = case.relay("--on", "CONNECT close")
        case.configure({"port": relay.port})
        sent_quietly(case.send(*ARGS))
        for _ in range(3):
            case.flush("--all")
        for jump in (3653 * 86400, -3653 * 86400):
            case.flush("--all", env=dated(jump))
            same(f"held after {jump}", (len(case.entries()), case.entries("failed")), (1, []))
        relay.good()
        case.flush("--all")
        same("delivered", relay.recipients(), sorted(PAIR))


def backoff():
    """Attempts are counted, the next try lies in the future, a plain flush waits for it."""
    with Case("backoff") as case:
        relay = case.relay("--on", "MAIL reply 451 4.3.0 later")
        case.configure({"port": relay.port}, conf={"delivery.retry": "1h"})
        sent_quietly(case.send(*ARGS))
        first, = case.listing()
        same("attempts", first["attempts"], 1)
        wait = first["next_attempt"] - time.time()
        check(3000 < wait < 4200, f"next try in {wait:.0f} s")
        before = relay.mark()
        case.flush()
        same("too early", relay.events("connect", before), [])
        case.flush("--all")
        second, = case.listing()
        same("attempts", second["attempts"], 2)
        wait = second["next_attempt"] - time.time()
        check(6000 < wait < 8400, f"next try in {wait:.0f} s")


def parse_report(stored):
    message = email.message_from_bytes(stored, policy=email.policy.default)
    same("Content-Type", message.get_content_type(), "multipart/report")
    same("report-type", message["Content-Type"].params.get("report-type"), "delivery-status")
    parts = list(message.iter_parts())
    check(len(parts) in (2, 3), f"{len(parts)} parts")
    same("first part", parts[0].get_content_type(), "text/plain")
    same("second part", parts[1].get_content_type(), "message/delivery-status")
    blocks = parts[1].get_payload()
    check(blocks[0]["Reporting-MTA"], "no Reporting-MTA")
    for block in blocks[1:]:
        for field in ("Final-Recipient", "Action", "Status"):
            check(block[field], f"no {field} in {block.as_string()!r}")
    check(message["Auto-Submitted"] == "auto-replied", "Auto-Submitted")
    check(message["Date"] and message["Message-ID"] and message["From"], "Date, Message-ID, From")
    original = parts[2] if len(parts) == 3 else None
    if original is not None:
        check(original.get_content_type() in ("message/rfc822", "text/rfc822-headers"),
              original.get_content_type())
    return {"message": message, "text": parts[0].get_content(), "blocks": blocks[1:],
            "original": original}


def report():
    with Case("report") as case:
        relay = case.relay()
        case.configure({"port": relay.port}, conf={"delivery.mode": "hold"})
        sent_quietly(case.send("-i", "-f", "a@src.example", "b@dest.example",
                               "reject550@dest.example", "policy554@dest.example"))
        case.flush("--all")
        case.flush("--all")
        case.flush("--all")
        same("recipients", relay.recipients(), ["a@src.example", "b@dest.example"])
        event, = [e for e in relay.accepted() if e["sender"] == ""]
        with open(os.path.join(relay.dir, event["file"]), "rb") as file:
            parsed = parse_report(file.read())
        same("To", parsed["message"]["To"].addresses[0].addr_spec, "a@src.example")
        same("refused", sorted((b["Final-Recipient"].partition(";")[2].strip(), b["Action"],
                                b["Status"]) for b in parsed["blocks"]),
             [("policy554@dest.example", "failed", "5.7.1"),
              ("reject550@dest.example", "failed", "5.1.1")])
        for block in parsed["blocks"]:
            match("Diagnostic-Code", r"smtp; ?55\d", block["Diagnostic-Code"])
        match("text for people", "reject550@dest.example", parsed["text"])
        no_match("nobody else", "b@dest.example", parsed["text"])
        match("the original's header", "a row", parsed["original"].as_string())
        same("rooms", (len(case.entries()), len(case.entries("failed"))), (0, 1))
        same("violations", relay.violations(), [])


def no_report(name, args, who, conf=None):
    def run():
        with Case("no report") as case:
            relay = case.relay()
            case.configure({"port": relay.port}, conf=dict({"delivery.mode": "hold"},
                                                           **(conf or {})))
            sent_quietly(case.send("-i", *args, *who))
            case.flush("--all")
            case.flush("--all")
            same("sent", relay.recipients(), [])
            same("rooms", (len(case.entries()), len(case.entries("failed"))), (0, 1))
    return "no report: " + name, run


def refused_report():
    """A report that is refused goes to failed/, and that is the end of it."""
    with Case("refused report") as case:
        relay = case.relay()
        case.configure({"port": relay.port}, conf={"delivery.mode": "hold"})
        sent_quietly(case.send("-i", "-f", "reject550-me@src.example", "reject550@dest.example"))
        for _ in range(3):
            case.flush("--all")
        same("sent", relay.recipients(), [])
        same("rooms", (len(case.entries()), len(case.entries("failed"))), (0, 2))


def from_another(reply):
    """A relay takes no report from nobody: it goes once more from [mail] from, at once."""
    def run():
        with Case("from another") as case:
            relay = case.relay("--on", f"MAIL 2 reply {reply}")
            case.configure({"port": relay.port}, conf={
                "delivery.mode": "hold", "mail.from": "box@src.example",
                "mail.admin": "adm@src.example"})
            sent_quietly(case.send("-i", "-f", "a@src.example", "reject550@dest.example"))
            case.flush("--all")
            same("sent", [(e["sender"], [r["address"] for r in e["recipients"]])
                          for e in relay.accepted()], [("box@src.example", ["adm@src.example"])])
            match("report", r"multipart/report.*reject550@dest\.example",
                  relay.stored()[0].decode())
            same("rooms", (len(case.entries()), len(case.entries("failed"))), (0, 2))
    return f"report from another: {reply}", run


def reported_once():
    """A run that ends between the report and the move makes no second report."""
    with Case("once") as case:
        relay = case.relay()
        case.configure({"port": relay.port}, conf={"delivery.mode": "hold"})
        sent_quietly(case.send("-i", "-f", "a@src.example", "reject550@dest.example"))
        ident, = case.entries()
        case.flush("--all")
        case.flush("--all")
        same("reports", relay.recipients(), ["a@src.example"])
        same("retry", case.run("flushq", "--retry", ident).code, 0)
        case.flush("--all")
        case.flush("--all")
        check(len(relay.recipients()) <= 2, f"reports: {relay.recipients()}")
        same("rooms", (len(case.entries()), len(case.entries("failed"))), (0, 1))


def late_warning():
    with Case("warn") as case:
        relay = case.relay()
        case.configure({"port": relay.port}, conf={"delivery.warn": "1s"})
        sent_quietly(case.send("-i", "-f", "a@src.example", "temp450@dest.example"))
        for _ in range(5):
            time.sleep(0.6)
            case.flush("--all")
        same("one warning", relay.recipients(), ["a@src.example"])
        parsed = parse_report(relay.stored()[0])
        same("Action", [b["Action"] for b in parsed["blocks"]], ["delayed"])
        same("still waiting", case.waiting(), ["temp450@dest.example"])


def kept_for_a_while():
    with Case("keep_failed") as case:
        relay = case.relay()
        case.configure({"port": relay.port}, conf={"delivery.keep_failed": "1h"})
        case.send("-i", "-f", "<>", "reject550@dest.example")
        case.send("-i", "-f", "<>", "reject550@dest.example")
        old, new = case.entries("failed")
        path = os.path.join(case.hold, "failed", old)
        os.utime(path, (time.time() - 7200, time.time() - 7200))
        case.flush()
        left = case.entries("failed")
        check(left in ([new], [old, new]), f"failed/ has {left}")
        check(new in left, "the new one was removed")


def off_line(command, tried):
    def run():
        with Case("online") as case:
            relay = case.relay()
            case.configure({"port": relay.port}, conf={"delivery.online": command})
            sent_quietly(case.send(*ARGS))
            case.wait_quiet()
            same("delivered", relay.recipients(), sorted(PAIR) if tried else [])
            if not tried:
                entry, = case.listing()
                same("attempts", entry["attempts"], 0)
                same("connections", relay.events("connect"), [])
                case.configure({"port": relay.port}, conf={"delivery.online": "/bin/true"})
                case.flush()
                same("delivered on line", relay.recipients(), sorted(PAIR))
    return f"online = {command}", run


# Kills

def sendmail_killed(number):
    """The caller's end does not end the try."""
    def run():
        with Case("killed") as case:
            relay = case.relay("--on", "DOT wait 1200 normal")
            case.configure({"port": relay.port, "dot_timeout": "10s"})
            call = case.begin("sendmail", *ARGS, feed=None, stdin=open_feed(MESSAGE))
            relay.wait_for("connect")
            call.kill(number)
            call.wait(10)
            case.wait_entries(0)
            same("delivered once", len(relay.accepted()), 1)
    return f"sendmail killed by {number.name}", run


def flushq_killed(number, place):
    def run():
        with Case("flushq killed") as case:
            relay = case.relay("--on", f"{place} wait 800 normal")
            case.configure({"port": relay.port, "dot_timeout": "10s"},
                           conf={"delivery.mode": "hold"})
            sent_quietly(case.send(*ARGS))
            call = case.begin("flushq", "--all")
            relay.wait_for("connect")
            time.sleep(0.4)
            call.kill(number)
            result = call.wait(10)
            if number == signal.SIGTERM:
                same("it finishes what it has in hand",
                     (result.code, len(relay.accepted())), (0, 1))
            relay.wait_for("close")
            case.flush("--all")
            same("held", case.entries(), [])
            count = len(relay.accepted())
            check(1 <= count <= (2 if place in ("DOT", "QUIT") and number == signal.SIGKILL else 1),
                  f"accepted {count} times")
    return f"flushq killed by {number.name} while {place} waits", run


def open_feed(data):
    """A descriptor from which data can be read, and then the end."""
    read, write = os.pipe()
    os.write(write, data)
    os.close(write)
    return read


# Tools

def check_passes(name, options, cert, keys, shows):
    def run():
        with Case("check") as case:
            relay = case.relay(*options, cert=cert)
            case.configure(dict(keys() if callable(keys) else keys, port=relay.port))
            result = case.run("sendmail", "--check")
            same("end", (result.code, result.err), (0, ""))
            for pattern in shows:
                match("--check", pattern, result.out)
            same("MAIL is taken back", [x.split()[0] for x in relay.commands()
                                        if x.startswith(("MAIL", "DATA", "BDAT", "RSET"))],
                 ["MAIL", "RSET"])
            same("no mail", relay.events("message"), [])
            same("how it ended", relay.wait_for("close")[0]["how"], "QUIT")
            same("held", case.entries(), [])
            case.check_secret(SECRET, result)
    return "--check passes: " + name, run


def check_fails(name, options, cert, keys, why, down=False):
    def run():
        with Case("check") as case:
            relay = case.relay(*options, cert=cert)
            case.configure(dict({"port": relay.port}, **(keys() if callable(keys) else keys)))
            if down:
                relay.stop()
            result = case.run("sendmail", "--check")
            check(result.code not in (0, 64, 70), f"exit {result.code}: {result.out!r}")
            match("what to change", why, result.out + result.err)
            same("no mail", [x for x in relay.commands() if x.startswith("MAIL")], [])
            case.check_secret(SECRET, result)
    return "--check fails: " + name, run


def check_named():
    with Case("check two") as case:
        dead, good = case.relay(), case.relay()
        dead.stop()
        case.configure(("one", {"port": dead.port}), ("two", {"port": good.port}))
        check(case.run("sendmail", "--check").code != 0, "one of two fails, yet exit 0")
        same("--check two", case.run("sendmail", "--check", "two").code, 0)
        same("--check three", case.run("sendmail", "--check", "three").code, 64)


def dry_run():
    with Case("dry run") as case:
        one, two = case.relay(), case.relay()
        case.configure(("one", {"port": one.port, "recipients": "*@none.example"}),
                       ("two", {"port": two.port}))
        result = case.send("--dry-run", "-t", "-i", "-f", "a@src.example",
                           message=b"To: b@dest.example\nBcc: c@dest.example\n\nHello.\n")
        same("end", (result.code, result.err), (0, ""))
        for pattern in ("a@src.example", "b@dest.example", "c@dest.example", "two", "Hello",
                        "(?m)^Message-ID: <", "(?m)^Date: ", "(?m)^From: .*a@src.example"):
            match("--dry-run", pattern, result.out)
        no_match("Bcc", "(?mi)^bcc:", result.out)
        same("nothing", (case.entries(), one.events("connect"), two.events("connect")),
             ([], [], []))


def faults_listed():
    """Every fault of the configuration, with its place; the message is kept."""
    with Case("faults") as case:
        relay = case.relay()
        case.configure({"port": relay.port})
        with open(case.conf_path, encoding="ascii") as file:
            good = file.read()
        count = len(good.splitlines())
        case.write("postern.conf", good + "timeout = soon\ncolour = red\nfamily = 5\n"
                   "prot = 25\n")
        result = case.send(*ARGS)
        same("exit", result.code, 78)
        for line in range(count + 1, count + 5):
            match("stderr", rf"(?m)^sendmail: {re.escape(case.conf_path)}:{line}: .+", result.err)
        match("a hint", r"prot.*\bport\b", result.err)
        ident, = case.entries("failed")
        match("stderr says where it is", ident, result.err)
        case.write("postern.conf", good)
        same("retry", case.run("flushq", "--retry", ident).code, 0)
        case.flush("--all")
        same("delivered after all", relay.recipients(), sorted(PAIR))
        same("other programs", [case.run(p, conf=True).code for p in ("flushq", "mailq")], [0, 0])
        case.write("postern.conf", good + "colour = red\n")
        result = case.run("flushq")
        same("flushq", result.code, 78)
        match("stderr", rf":{count + 1}: ", result.err)
        check(case.run("mailq").code in (0, 78), "mailq")


def little_room():
    with Case("min_free") as case:
        relay = case.relay()
        case.configure({"port": relay.port}, conf={"hold.min_free": "900000G"})
        result = case.send(*ARGS)
        same("exit", result.code, 75)
        match("stderr", r"sendmail: .*(min_free|free|space)", result.err)
        same("nothing", (case.entries(), relay.events("connect")), ([], []))


def ids():
    """freeze, thaw, retry, remove; unknown ids; the text of mailq."""
    with Case("ids") as case:
        relay = case.relay()
        case.configure({"port": relay.port}, conf={"delivery.mode": "hold"})
        for _ in range(3):
            sent_quietly(case.send(*ARGS))
        one, two, three = case.entries()
        result = case.run("flushq", "--freeze", one, "FFFFFFFFFFFF")
        same("an unknown id", result.code, 65)
        match("stderr", r"FFFFFFFFFFFF", result.err)
        match("mailq", rf"(?m)^{one}! +\d+ ", case.reasons())
        frozen = {e["queue_id"]: e["frozen"] for e in case.listing()}
        same("frozen", frozen, {one: True, two: False, three: False})
        case.flush("--all")
        same("the frozen one stays", (case.entries(), len(relay.accepted())), ([one], 2))
        same("thaw", case.run("flushq", "--thaw", "all").code, 0)
        case.flush()
        same("sent", (case.entries(), len(relay.accepted())), ([], 3))
        sent_quietly(case.send(*ARGS))
        result = case.run("flushq", "--remove", "xyz", *case.entries())
        same("a bad id", result.code, 65)
        match("stderr", "xyz", result.err)
        same("the others are done", case.entries(), [])
        same("count", case.run("mailq", "--count").out, "0\n")
        same("empty", case.run("mailq").out, "Mail queue is empty\n")
        same("json", case.run("mailq", "--json").out, "")


def removed_while_sent():
    with Case("busy") as case:
        relay = case.relay("--on", "DOT wait 1500 normal")
        case.configure({"port": relay.port, "dot_timeout": "10s"},
                       conf={"delivery.mode": "background"})
        sent_quietly(case.send(*ARGS))
        relay.wait_for("connect")
        time.sleep(0.2)
        ident, = case.entries()
        result = case.run("flushq", "--remove", ident)
        check(result.code != 0 and result.err, f"removed while it was sent: {result.code}")
        case.flush("--all")
        case.wait_entries(0)
        same("delivered once", len(relay.accepted()), 1)


def layout():
    """Postfix's layout, as monitors read it."""
    with Case("layout") as case:
        relay = case.relay()
        relay.stop()
        case.configure({"port": relay.port})
        sent_quietly(case.send(*ARGS))
        lines = case.reasons().splitlines()
        same("first", lines[0],
             "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------")
        check(re.fullmatch(r"[0-9A-F]{12} +\d+ [A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d "
                           r"\d\d:\d\d:\d\d  a@src\.example", lines[1]), lines[1])
        check(re.fullmatch(r" *\(relay main: .*refused.*\)", lines[2]), lines[2])
        same("recipients", lines[3:5], [" " * 41 + PAIR[0], " " * 41 + PAIR[1]])
        same("the end", lines[5:], ["", "\t\tTotal requests: 1", "-- 0 Kbytes in 1 Request."])
        for _ in range(2):
            sent_quietly(case.send("--hold", *ARGS))
        lines = case.reasons().splitlines()
        same("the end", lines[-2:], ["\t\tTotal requests: 3", "-- 1 Kbytes in 3 Requests."])
        same("count", case.run("mailq", "--count").out, "3\n")
        entry = case.listing()[0]
        for key in ("queue_name", "queue_id", "arrival_time", "message_size", "forced_expire",
                    "sender", "recipients", "attempts", "next_attempt", "uid", "frozen"):
            check(key in entry, f"no {key} in {entry}")
        same("uid", entry["uid"], os.getuid())
        ident = entry["queue_id"]
        shown = case.run("mailq", "--show", ident)
        same("--show", (shown.code, "\r" in shown.out), (0, False))
        match("--show", r"b@dest\.example.*Hello\.\n\.dot\n", shown.out)


def logged_lines():
    with Case("log") as case:
        relay = case.relay()
        case.configure({"port": relay.port})
        case.send("-i", "-f", "a@src.example", "b@dest.example", "temp450@dest.example",
                  "reject550@dest.example")
        case.wait_quiet()
        case.check_log()
        lines = case.log().splitlines()
        for who, status, code in (("b", "delivered", 250), ("temp450", "held", 450),
                                  ("reject550", "failed", 550)):
            line = [x for x in lines if f"to={who}@dest.example" in x]
            same(f"lines of {who}", len(line), 1)
            for pattern in (r"id=[0-9A-F]{12} ", "from=a@src.example", "msgid=<row@src.example>",
                            "relay=main", r"host=\S*127\.0\.0\.1", f"port={relay.port}", "tls=",
                            "auth=", r"size=\d+", r"delay=\d+", f"status={status}",
                            f"code={code}", "reply="):
                match("log", pattern, line[0])
        case.configure({"port": relay.port}, conf={"log.format": "json", "log.to": "{dir}/json"})
        case.send(*ARGS)
        case.wait_quiet()
        with open(os.path.join(case.dir, "json"), encoding="utf-8") as file:
            entries = [json.loads(line) for line in file]
        same("statuses", [e["status"] for e in entries if "to" in e], ["delivered", "delivered"])


def lmtp():
    with Case("lmtp") as case:
        path = os.path.join(TOP, f"lmtp-{os.getpid()}")
        relay = case.relay("--lmtp", "--listen", "unix:" + path)
        case.configure({"host": None, "socket": path, "protocol": "lmtp"})
        result = case.send("-i", "-f", "a@src.example", "b@dest.example", "later451@dest.example",
                           "content554@dest.example", "reject550@dest.example")
        case.wait_quiet()
        same("exit", result.code, 69)
        same("lines", len(result.err.splitlines()), 2)
        same("delivered", relay.recipients(), ["b@dest.example"])
        same("waiting", case.waiting(), ["later451@dest.example"])
        same("violations", relay.violations(), [])
        relay.stop()
        os.path.exists(path) and os.unlink(path)


def password_command():
    with Case("password_command") as case:
        relay = case.relay(*SERVER_LOGIN, cert="server")
        case.configure(tls_keys(port=relay.port, user=USER,
                                password_command=f"/bin/echo '{SECRET}'"))
        result = case.send(*ARGS)
        sent_quietly(result)
        same("delivered", relay.recipients(), sorted(PAIR))
        case.configure(tls_keys(port=relay.port, user=USER, password_command="/bin/false"))
        sent_quietly(case.send(*ARGS))
        same("held", case.waiting(), sorted(PAIR))
        match("mailq", "password_command|/bin/false", case.reasons())


def certificate_login(keys):
    with Case("external") as case:
        certs = certificates()
        relay = case.relay(*SERVER_LOGIN, "--client-ca", certs + "/ca.pem", "--mechanisms",
                           "EXTERNAL PLAIN", cert="server")
        case.configure(tls_keys(port=relay.port, tls_certificate=certs + "/client.pem",
                                tls_key=certs + "/client.key", **keys))
        sent_quietly(case.send(*ARGS))
        same("delivered", relay.recipients(), sorted(PAIR))
        same("login", [(e["mechanism"], e["ok"]) for e in relay.events("auth")],
             [("EXTERNAL", True)])


class Socks:
    """A SOCKS5 proxy without a login that leads every name to one port."""

    def __init__(self, port):
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.names = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.session, args=(client,), daemon=True).start()

    def session(self, client):
        def take(n):
            data = b""
            while len(data) < n:
                piece = client.recv(n - len(data))
                if not piece:
                    raise OSError("short")
                data += piece
            return data
        try:
            methods = take(2)
            take(methods[1])
            client.sendall(b"\5\0")
            head = take(4)
            if head[3] == 3:
                self.names.append(take(take(1)[0]).decode())
            else:
                take(4 if head[3] == 1 else 16)
            take(2)
            server = socket.create_connection(("127.0.0.1", self.target), 5)
            client.sendall(b"\5\0\0\1\x7f\0\0\1\0\0")
            back = threading.Thread(target=self.copy, args=(server, client), daemon=True)
            back.start()
            self.copy(client, server)
            back.join()
        except OSError:
            pass
        finally:
            client.close()

    @staticmethod
    def copy(source, sink):
        try:
            while piece := source.recv(65536):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def proxied():
    with Case("socks") as case:
        relay = case.relay()
        proxy = Socks(relay.port)
        case.configure({"host": "far.relay.test", "port": 25,
                        "proxy": f"socks5://127.0.0.1:{proxy.port}"})
        result = case.send(*ARGS)
        sent_quietly(result)
        same("delivered", relay.recipients(), sorted(PAIR))
        same("the proxy looks the name up", proxy.names, ["far.relay.test"])
        proxy.listener.close()


def same_bytes():
    """Every try sends the same bytes."""
    with Case("same") as case:
        relay = case.relay("--on", "DOT commit close")
        case.configure({"port": relay.port})
        sent_quietly(case.send(*ARGS, message=b"To: b@dest.example\n\nHello.\n"))
        case.flush("--all")
        relay.good()
        time.sleep(1.1)
        case.flush("--all")
        stored = relay.stored()
        same("copies", (len(stored), len(set(stored))), (3, 1))


WRONG = ("--user", USER, "--password", "other")
JOBS = FLIGHTS + [
    ("TLS session is resumed", resumed),
    ("TLS session of each relay is resumed", resumed_each),
    ("one connection for twenty", one_connection),
    ("failover: dead, login refused, good", failover),
    backup("two hosts", "127.0.0.77, 127.0.0.1", "{good}"),
    backup("two ports", "127.0.0.1", "{dead}, {good}"),
    ("senders and recipients choose the relay", patterns),
    ("--relay", chosen_relay),
    ("a dead relay is remembered", remembered),
    ("wait ends", wait_ends),
    ("refused after the wait", late_refusal),
    modes("background"),
    modes("hold", delivered=False),
    modes("now", ("--hold",), False),
    modes("now", ("-odq",), False),
    modes("now", ("-odd",), False),
    modes("background", ("-odb",)),
    modes("now", ("-odb",)),
    modes("hold", ("-odb",)),
    modes("now", ("-odi", "-odb")),
    modes("background", ("-odb", "-odq"), False),
    *[waits(mode, args) for mode, args in (
        ("now", ()), ("background", ("-odi",)), ("hold", ("-odi",)), ("now", ("-odf",)),
        ("background", ("-odq", "-odi")))],
    ("background, refused", background_refused),
    delayed(("--delay", "2s"), {}),
    delayed((), {"delivery.delay": "2s"}),
    ("--delay and --remove", retracted),
    ("--delay: only its ID sends it", only_its_id),
    ("lists over several lines, CR LF", long_lines),
    srv(("mail.example.org",), {}, True),
    srv(("EXAMPLE.org",), {}, True),
    srv(("mail.evil.net",), {}, False),
    srv(("evilexample.org",), {}, False),
    srv(("example.org.evil.net", "mail.evil.net"), {}, False),
    srv(("mail.evil.net", "mail.example.org"), {}, True),
    srv(("mail.evil.net",), {"tls_name": "mail.evil.net"}, True),
    ("--delay with a bad value", wrong_delay),
    ("on a terminal", on_terminal),
    ("told by -v", told_by_v),
    *(from_another(reply) for reply in ("553 5.7.1 who", "550 5.7.60 not as this one")),
    ("flushq on a terminal", flushq_terminal),
    ("told exactly", told_exactly),
    told_all("all unknown", ("reject550@dest.example", "reject550b@dest.example"), 67),
    told_all("unknown and delivered", ("b@dest.example", "reject550@dest.example"), 67),
    told_all("unknown and policy", ("reject550@dest.example", "policy554@dest.example"), 69),
    told_all("content", ("content554@dest.example",), 69),
    told_all("-oeq", ("reject550@dest.example",), 67, ("-oeq",)),
    *[verbose_is_masked(m) for m in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1",
                                     "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER")],
    *[verbose_is_masked(m, False) for m in ("PLAIN", "LOGIN", "XOAUTH2")],
    ("452 in the middle of the list", too_many_midlist),
    ("452 from the third on", too_many_from_there),
    ("max_recipients", recipient_limit),
    ("max_messages", message_limit),
    ("oldest first", in_order),
    ("many at once", many_at_once),
    ("four workers", workers),
    ("connection lost between messages", broken_session),
    ("a refused message between others", dirty_session),
    ("expiry", expiry),
    ("a clock that jumps", clock_jump),
    ("backoff", backoff),
    ("report", report),
    no_report("null sender", ("-f", "<>"), ("reject550@dest.example",)),
    no_report("NOTIFY=NEVER", ("-f", "a@src.example", "-N", "never"),
              ("reject550@dest.example",)),
    ("a refused report", refused_report),
    ("reported once", reported_once),
    ("late warning", late_warning),
    ("keep_failed", kept_for_a_while),
    off_line("/bin/false", False),
    off_line("/bin/true", True),
    sendmail_killed(signal.SIGKILL),
    sendmail_killed(signal.SIGTERM),
    *[flushq_killed(n, place) for n in (signal.SIGKILL, signal.SIGTERM)
      for place in ("EHLO", "RCPT", "DATA", "DOT", "QUIT")],
    check_passes("clear", (), None, {}, (r"\bms\b", "PIPELINING", "relay main")),
    check_passes("TLS and a login", SERVER_LOGIN, "server", login_keys,
                 ("TLS ?1.3", "SCRAM-SHA-256-PLUS", r"\d+ days", "relay.test")),
    check_fails("port closed", (), None, {}, "refused", down=True),
    check_fails("no such host", (), None, {"host": "no.such.host.invalid"},
                "no.such.host.invalid"),
    check_fails("no STARTTLS", ("--without", "STARTTLS"), "server", tls_keys, "STARTTLS.*security"),
    check_fails("unknown CA", (), "unknown-ca", tls_keys, "tls_trust|tls_fingerprint"),
    check_fails("wrong host", (), "wrong-host", tls_keys, "tls_name"),
    check_fails("expired", (), "expired", tls_keys, "expired"),
    check_fails("wrong password", WRONG, "server", login_keys, "535.*(user|password)"),
    check_fails("no mechanism in common", (*SERVER_LOGIN, "--mechanisms", "CRAM-MD5"), "server",
                login_keys, "auth"),
    check_fails("password in clear", ("--clear-auth", *SERVER_LOGIN), None,
                {"user": USER, "password": SECRET}, "allow_cleartext_auth|security"),
    check_fails("not TLS", (), None, lambda: tls_keys("tls"), "security|starttls"),
    ("--check NAME", check_named),
    ("--dry-run", dry_run),
    ("faults of the configuration", faults_listed),
    ("min_free", little_room),
    ("freeze, thaw, remove", ids),
    ("removed while it is sent", removed_while_sent),
    ("layout of mailq", layout),
    ("log lines", logged_lines),
    ("LMTP over a socket", lmtp),
    ("password_command", password_command),
    ("login by certificate, as a user", lambda: certificate_login({"user": USER})),
    ("login by certificate, EXTERNAL named", lambda: certificate_login({"auth": "EXTERNAL"})),
    ("SOCKS5", proxied),
    ("every try the same bytes", same_bytes),
]

run_all(JOBS)
