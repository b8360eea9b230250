#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of held mail: when it is tried again and when it is given up, whatever the
clock does; relays that are dead or refuse; several workers and several runs at once;
reports; the delay in which a message can be taken back; what monitors read."""

import fcntl
import os
import re
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
from hold_tools import *  # noqa: E402,F403

HELD = {"delivery.mode": "hold"}
TEXT = (b"From: a@src.example\nTo: b@dest.example\nSubject: what it is about\n"
        b"Date: Sat, 21 Nov 2026 20:00:00 +0000\nMessage-ID: <h@src.example>\n\n"
        b"The text itself.\n")


def quiet(result):
    same("end", (result.code, result.out, result.err), (0, "", ""))


def rooms(case, hold, failed):
    same("entries in hold/ and failed/", (len(case.entries()), len(case.entries("failed"))),
         (hold, failed))


def once_each(what, numbers, wanted):
    same(what + ": missing", sorted(set(wanted) - set(numbers)), [])
    same(what + ": twice", sorted({n for n in numbers if numbers.count(n) > 1}), [])


# When it is tried again

def backoff():
    """The wait doubles up to retry_max, give or take a tenth; a plain flushq keeps to it."""
    with Dated("backoff") as case, Server() as server:
        case.configure({"port": server.port},
                       conf={"delivery.retry": "10m", "delivery.retry_max": "1h"})
        case.age(0)
        quiet(case.send("-i", "-f", "a@src.example", "temp@dest.example"))
        for tries, wait in enumerate((10, 20, 40, 60, 60, 60), 1):
            entry, = case.listing()
            same("attempts", entry["attempts"], tries)
            left = (entry["next_attempt"] - case.now()) / MINUTE
            check(0.88 * wait < left < 1.12 * wait, f"{left:.1f} min after try {tries}")
            known, due = server.connections, entry["next_attempt"] - time.time()
            case.age(int(due) - 15)
            case.flush()
            same(f"connections, too early for try {tries + 1}", server.connections, known)
            same("attempts", case.listing()[0]["attempts"], tries)
            case.age(int(due) + 5)
            case.flush()
            same(f"connections, try {tries + 1}", server.connections, known + 1)


def jitter():
    """Entries that fail together are not all tried again in the same second."""
    with Case("jitter") as case, Server() as server:
        case.configure({"port": server.port, "connections": "1"},
                       conf=dict(HELD, **{"delivery.retry": "1h"}))
        enqueue(case, 24, to="temp{}@dest.example")
        began = time.time()
        case.flush()
        waits = [e["next_attempt"] - began for e in case.listing()]
        same("tried", len(waits), 24)
        check(all(0.89 * HOUR < w < 1.11 * HOUR + 30 for w in waits), f"waits {waits}")
        check(len({int(w) for w in waits}) > 6 and max(waits) - min(waits) > 0.05 * HOUR,
              f"no jitter: {sorted(waits)}")


def no_attempt_counted():
    """A relay known as dead, or asked before an entry is due, costs no attempt."""
    with Case("not counted") as case, Server("close") as server:
        case.configure({"port": server.port}, conf={"delivery.retry": "1s",
                                                    "delivery.retry_max": "1s"})
        quiet(case.send(*ARGS))
        begun = time.monotonic()
        same("attempts", case.listing()[0]["attempts"], 0)
        time.sleep(1.3)
        for _ in range(4):
            case.flush()
        same("attempts", case.listing()[0]["attempts"], 0)
        # It is left alone for six seconds at least; a busy machine may have taken longer.
        check(server.connections == 1 or time.monotonic() - begun > 5,
              f"{server.connections} connections")
        match("mailq -v", "next try (in|when the relay answers)",
              case.run("mailq", "-v").out)
        server.mode = "good"
        quiet(case.send("-i", "-f", "a@src.example", "--relay", "main", "new@dest.example"))
        rooms(case, 2, 0)
        case.flush(case.entries()[0])
        case.flush()
        rooms(case, 0, 0)


def left_alone(host):
    """mailq finds out when a server is asked again, however it was written down."""
    def run():
        with Case("left alone") as case, Server("close") as server:
            case.configure({"port": server.port, "host": host})
            quiet(case.send(*ARGS))
            same("attempts", case.listing()[0]["attempts"], 0)
            check(case.listing()[0]["next_attempt"] > time.time(), "it is to be tried now")
    return f"left alone, as {host}", run


# When it is given up

def expiry(server_mode, status):
    def run():
        with Dated("expiry") as case, Server(server_mode) as server:
            case.configure({"port": server.port})
            who = "temp@dest.example" if server_mode == "good" else "b@dest.example"
            case.age(0)
            quiet(case.send("-i", "-f", "a@src.example", who))
            for when in (3 * DAY, 5 * DAY - HOUR):
                case.age(when)
                case.flush()
                rooms(case, 1, 0)
            case.age(5 * DAY + HOUR)
            case.flush("--all")
            # The report is mail too: where the server takes mail the same run sends it.
            rooms(case, 0 if server_mode == "good" else 1, 1)
            failed, = case.listing("--failed")
            # Where the server never came as far as MAIL it is no try of the message.
            same("attempts", failed["attempts"], 0 if server_mode == "close" else 4)
            match("mailq --failed", "expired", case.reasons("--failed"))
            match("log", r"status=failed[^\n]*expired", case.log())
            for report in case.listing():
                same("the report", report["recipients"][0]["address"], "a@src.example")
            server.mode = "good"
            case.flush("--all")
            rooms(case, 0, 1)
            sender_report = read_report(server.delivered[0][1])
            same("recipients", list(sender_report["rcpts"]), [who])
            fields = sender_report["rcpts"][who]
            same("Action", fields["Action"], "failed")
            match("Status", status, fields["Status"])
            match("MAIL", "MAIL FROM:<>", " ".join(server.commands))
    return f"expire, {server_mode}", run


def too_few_tries():
    """Three attempts at least, one of them after the time: a machine that was off for long."""
    with Dated("off for long") as case, Server("close") as server:
        case.configure({"port": server.port}, conf=HELD)
        case.age(0)
        enqueue(case, 1)
        for when in (10 * DAY, 10 * DAY + HOUR):
            case.age(when)
            case.flush("--all")
            rooms(case, 1, 0)
            same("attempts", case.listing()[0]["attempts"], 0)
        case.age(10 * DAY + 3 * HOUR)
        server.mode = "good"
        case.flush("--all")
        same("delivered", server.numbers(), [0])


def untried_since():
    """Three attempts before the time, none after it: not given up without another try."""
    with Dated("untried") as case, Server("close") as server:
        case.configure({"port": server.port}, conf=HELD)
        case.age(0)
        enqueue(case, 1)
        for when in (0, HOUR, 2 * HOUR):
            case.age(when)
            case.flush("--all")
        server.mode = "good"
        case.age(30 * DAY)
        case.flush()
        same("delivered after a month", server.numbers(), [0])
        rooms(case, 0, 0)


def clock_jump(years, tries, everything):
    """Only the wall clock jumps, between two tries; then it is right again."""
    def run():
        with Dated("jump") as case, Server("close") as server:
            case.configure({"port": server.port}, conf={"delivery.warn": "off", **HELD})
            case.jump(0)
            enqueue(case, 2)
            for _ in range(tries):
                case.flush("--all")
            case.jump(years * YEAR)
            enqueue(case, 1, first=2)
            case.flush(*(["--all"] if everything else []))
            rooms(case, 3, 0)
            case.jump(0)
            case.flush(*(["--all"] if everything else []))
            rooms(case, 3, 0)
            server.mode = "good"
            # Whatever times were written meanwhile, one wait is enough.
            case.age(0)
            for when in (0, 5 * HOUR):
                case.age(when)
                case.flush()
            once_each("delivered", server.numbers(), range(3))
            rooms(case, 0, 0)
            same("reports", [r for r in server.recipients() if "src" in r], [])
    what = "--all" if everything else "what is due"
    return f"the clock jumps {years:+d} years after {tries} tries, {what}", run


def to_and_fro():
    """A clock that is wrong in both directions, with tries at each."""
    with Dated("to and fro") as case, Server("close") as server:
        case.configure({"port": server.port}, conf=HELD)
        case.jump(0)
        enqueue(case, 2)
        for years in (0, 0, 0, 10, -10, 10, 0, -10, 0, 10):
            case.jump(years * YEAR)
            case.flush("--all")
            rooms(case, 2, 0)
        case.jump(0)
        server.mode = "good"
        case.flush()
        once_each("delivered", server.numbers(), range(2))


def all_expire(count):
    """One connection a flush is enough to give up all entries in time."""
    def run():
        with Dated("all expire") as case, Server("close") as server:
            case.configure({"port": server.port}, conf=HELD)
            case.age(0)
            enqueue(case, count, sender="<>")
            for days in (0, 1, 2, 3, 4, 4.9):
                case.age(days * DAY)
                case.flush()
                rooms(case, count, 0)
            for hours in (1, 6, 11):
                case.age(5 * DAY + hours * HOUR)
                case.flush()
            check(server.connections <= 9, f"{server.connections} connections in 9 runs")
            rooms(case, 0, count)
    return f"{count} entries expire though a dead relay is asked once a flush", run


def jump_dead(years):
    """A relay remembered by a clock that was wrong is not dead for years."""
    def run():
        with Dated("jump, dead") as case, Server("close") as server:
            case.configure({"port": server.port})
            case.jump(years * YEAR)
            quiet(case.send(*ARGS))
            case.jump(0)
            server.mode = "good"
            quiet(case.send("-i", "-f", "a@src.example", "new@dest.example"))
            same("the next message", server.recipients(), ["new@dest.example"])
            case.flush()
            rooms(case, 0, 0)
    return f"a relay died when the clock was {years:+d} years off", run


def jump_failed():
    """keep_failed and the sweep of tmp/ with a clock that is wrong for a while: what it removes
    is at most old mail that failed, never mail that waits."""
    with Dated("jump, failed") as case, Server("close") as server:
        case.configure({"port": server.port}, conf=HELD)
        case.jump(0)
        enqueue(case, 3)
        for years in (10, -10):
            case.jump(years * YEAR)
            case.flush()
            rooms(case, 3, 0)
        case.jump(0)
        server.mode = "good"
        case.flush("--all")
        once_each("delivered", server.numbers(), range(3))


# The sender is told that it is late

def late(args, told):
    def run():
        with Dated("late") as case, Server() as server:
            case.configure({"port": server.port}, conf={"delivery.warn": "4h"})
            case.age(0)
            quiet(case.send("-i", "-f", "a@src.example", *args, "temp@dest.example"))
            case.age(3 * HOUR)
            case.flush("--all")
            same("not before its time", case.listing()[0]["sender"], "a@src.example")
            for hours in (5, 6, 30, 60):
                case.age(hours * HOUR)
                case.flush("--all")
                case.flush("--all")
                same("told", server.recipients(), ["a@src.example"] if told else [])
            same("waits on", case.waiting(), ["temp@dest.example"])
            rooms(case, 1, 0)
            if not told:
                return
            match("null sender", "MAIL FROM:<>", " ".join(server.commands))
            report = read_report(server.delivered[0][1])
            same("recipients", list(report["rcpts"]), ["temp@dest.example"])
            fields = report["rcpts"]["temp@dest.example"]
            same("Action", fields["Action"], "delayed")
            match("Status", r"^4\.", fields["Status"])
            check("Will-Retry-Until" in fields, f"no Will-Retry-Until in {fields}")
            match("words", "temp@dest.example", report["words"])
    return f"warn{' ' if args else ''}{' '.join(args)}", run


def late_report():
    """Nobody is told that a report is late."""
    with Dated("late report") as case, Server() as server:
        case.configure({"port": server.port}, conf={"delivery.warn": "4h", **HELD})
        case.age(0)
        quiet(case.send("-i", "-f", "temp@src.example", "reject@dest.example"))
        for hours in (0, 5, 10, 30):
            case.age(hours * HOUR)
            case.flush("--all")
            rooms(case, 1, 1)
        same("sent", server.recipients(), [])


def failing_report(who, conf):
    """A report that fails is kept, and that is the end."""
    def run():
        with Dated("failing report") as case, Server() as server:
            case.configure({"port": server.port}, conf={"delivery.keep_failed": "0", **HELD,
                                                        **conf})
            case.age(0)
            quiet(case.send("-i", "-f", who, "reject@dest.example"))
            for hours in (0, 1, 2, 3, 7 * 24, 7 * 24 + 2):
                case.age(hours * HOUR)
                case.flush("--all")
                case.flush("--all")
            rooms(case, 0, 2)
            same("sent", server.recipients(), [])
            report, = [e for e in case.listing("--failed")
                       if e["recipients"][0]["address"] == who]
            check(report["sender"] in ("", "MAILER-DAEMON"), f"sender {report['sender']!r}")
            shown = case.run("mailq", "--show", report["queue_id"])
            match("the report is there to be read", r"multipart/report.*reject@dest\.example",
                  shown.out)
    return f"a report fails: {who}", run


# What is kept and what is swept

def keep_failed(value, kept):
    def run():
        with Dated("keep_failed") as case, Server() as server:
            case.configure({"port": server.port}, conf={"delivery.keep_failed": value, **HELD})
            case.age(0)
            quiet(case.send("-i", "-f", "<>", "reject@dest.example"))
            case.flush()
            case.configure({"port": server.port},
                           conf={"delivery.keep_failed": value, "delivery.expire": "90d",
                                 **HELD})
            quiet(case.send("--delay", "60d", *ARGS))
            for days, there in kept:
                case.age(days * DAY)
                case.flush()
                rooms(case, 1, there)
    return f"keep_failed = {value}", run


def sweep_tmp():
    """Old leftovers go; young ones, what is being written, and held mail stay."""
    with Case("sweep") as case:
        case.configure({"port": 9}, conf=HELD)
        enqueue(case, 1)
        held, = case.entries()
        now, paths = time.time(), {}
        for room, name, age in (("tmp", "5F00000000AA", 40), ("tmp", "5F00000000BB", 34),
                                ("tmp", "5F00000000CC", 40), ("hold", held, 400)):
            paths[name] = os.path.join(case.hold, room, name)
            if room == "tmp":
                with open(paths[name], "wb") as file:
                    file.write(b"half an entry")
            os.utime(paths[name], (now - age * HOUR, now - age * HOUR))
        clock_agrees(case.hold)
        with open(paths["5F00000000CC"], "rb") as writer:
            fcntl.flock(writer, fcntl.LOCK_EX)
            case.flush()
            same("what is left", {n for n, p in paths.items() if os.path.exists(p)},
                 {"5F00000000BB", "5F00000000CC", held})
        case.flush()
        same("what is left, no writer", {n for n, p in paths.items() if os.path.exists(p)},
             {"5F00000000BB", held})


def wrong_clock(days, boot=False):
    """A flush, or some, with a clock that is wrong sweep nothing; then all goes on as ever."""
    def run():
        with Dated("wrong clock") as case, Server() as server:
            case.configure({"port": server.port}, conf=HELD)
            case.jump(0)
            quiet(case.send("-i", "-f", "<>", "reject@dest.example"))
            left = os.path.join(case.hold, "tmp", "5F00000000AA")
            with open(left, "wb") as file:
                file.write(b"half an entry")
            if not boot:
                case.flush()
            case.jump(days * DAY)
            for _ in range(3):
                case.flush("--all")
                same("failed", len(case.entries("failed")), 1)
                check(os.path.exists(left), "tmp/ was swept")
            case.jump(0)
            case.flush("--all")
            same("failed", len(case.entries("failed")), 1)
            case.age(HOUR)
            case.flush()
            case.age(8 * DAY)
            case.flush()
            same("failed, in time", case.entries("failed"), [])
            check(not os.path.exists(left), "tmp/ is not swept")
    return f"a clock {days} days off, {'first seen so' if boot else 'a jump'}", run


# Dead relays

def dead_doubles():
    """Between runs the wait is drawn below a limit that grows from 1 to 10 minutes; a plain
    flushq keeps to it."""
    with Dated("dead") as case, Server("close") as server:
        case.configure({"port": server.port},
                       conf={"delivery.retry": "1s", "delivery.retry_max": "1s"})
        case.age(0)
        quiet(case.send(*ARGS))
        same("connections", server.connections, 1)
        at = 0
        for count, limit in enumerate((1, 2, 4, 8, 10, 10, 10), 1):
            case.age(at + limit * MINUTE // 10 - 3)
            case.flush()
            same(f"connections at once, limit {limit} min", server.connections, count)
            at += limit * MINUTE + 10
            case.age(at)
            case.flush()
            same(f"connections when {limit} min are over", server.connections, count + 1)
        quiet(case.send(*ARGS))
        case.flush()
        same("nobody else asks", server.connections, 8)
        rooms(case, 2, 0)


def dead_cleared():
    """A success ends it: the next death begins with a minute again."""
    with Dated("cleared") as case, Server("close") as server:
        case.configure({"port": server.port},
                       conf={"delivery.retry": "1s", "delivery.retry_max": "1s"})
        case.age(0)
        quiet(case.send(*ARGS))
        for when in (70, 300, 800):
            case.age(when)
            case.flush()
        same("connections", server.connections, 4)
        server.mode = "good"
        case.flush("--all")
        rooms(case, 0, 0)
        quiet(case.send(*ARGS))
        same("the next caller", len(server.delivered), 2)
        server.mode, known = "close", server.connections
        quiet(case.send(*ARGS))
        for when, count in ((3, 1), (80, 2)):
            case.age(800 + when)
            case.flush()
            same(f"connections {when} s after its second death", server.connections - known,
                 count)


def callers_do_not_wait(count):
    """Every relay accepts and hangs: the first caller waits, the next ones do not."""
    def run():
        servers = [Server("hang") for _ in range(count)]
        with Case("hanging") as case:
            case.configure(*[(f"r{i}", {"port": s.port, "timeout": "3s"})
                             for i, s in enumerate(servers)])
            first = case.send(*ARGS)
            quiet(first)
            check(2.9 * count < first.seconds < 3 * count + 6, f"the first: {first.seconds:.1f} s")
            for what, args in (("next", ARGS), ("chosen relay", ("--relay", "r0", *ARGS))):
                result = case.send(*args)
                quiet(result)
                check(result.seconds < 2.7, f"{what}: {result.seconds:.1f} s")
            same("connections", [s.connections for s in servers], [1] * count)
            case.flush()
            same("plain flushq", [s.connections for s in servers], [1] * count)
            for entry in case.listing():
                for rcpt in entry["recipients"]:
                    match("the reason", r"waited 3 s|no answer|no greeting|time",
                          rcpt["delay_reason"])
            case.flush("--all")
            same("--all asks once more", [s.connections for s in servers], [2] * count)
            for server in servers:
                server.mode = "good"
            case.flush(case.entries()[0])
            same("ID asks once more, and it is back", len(servers[0].delivered), 1)
            quiet(case.send(*ARGS))
            same("the next caller's message goes at once", len(servers[0].delivered), 2)
        for server in servers:
            server.__exit__()
    return f"{count} hanging relay{'s' if count > 1 else ''}: callers do not wait", run


def unreachable_not_waited():
    """The same where no connection is made at all."""
    with Case("blackhole") as case:
        hole = Blackhole()
        try:
            case.configure({"port": hole.port, "connect_timeout": "1s"})
            first, second = case.send(*ARGS), case.send(*ARGS)
            quiet(first)
            quiet(second)
            check(0.9 < first.seconds < 4, f"the first: {first.seconds:.1f} s")
            check(second.seconds < 0.8, f"the second: {second.seconds:.1f} s")
        finally:
            hole.close()


def dead_one_connection(mode, count):
    """Many entries wait, several workers: a dead relay is asked once in a flush."""
    def run():
        with Case("flush, dead") as case, Server(mode) as server:
            case.configure({"port": server.port, "connections": "8", "timeout": "1s"},
                           conf=HELD)
            enqueue(case, count)
            for run, args in ((1, ()), (2, ("--all",)), (3, ("--all",))):
                result = case.flush(*args)
                same(f"connections after run {run}", server.connections, run)
                check(result.seconds < 1 + count / 25, f"run {run}: {result.seconds:.1f} s")
            rooms(case, count, 0)
            same("attempts", {e["attempts"] for e in case.listing()}, {0})
            server.mode = "good"
            case.flush("--all")
            once_each("delivered", server.numbers(), range(count))
    return f"{count} entries, a relay that {mode}s: one connection a flush", run


def dead_parallel():
    """Three flushq at once, each asks a hanging relay once at most, and none waits for long."""
    with Case("dead, parallel") as case, Server("hang") as server:
        case.configure({"port": server.port, "timeout": "1s"}, conf=HELD)
        enqueue(case, 60)
        calls = [case.begin("flushq") for _ in range(3)]
        for call in calls:
            result = call.wait()
            quiet(result)
            check(result.seconds < 6, f"{result.seconds:.1f} s")
        check(1 <= server.connections <= 3, f"{server.connections} connections")
        rooms(case, 60, 0)


def dies_midway():
    """The relay goes down while four workers send: each notices once, and the first of them
    asks once more when the others have ended."""
    with Case("dies") as case, Server(die_after=30) as server:
        case.configure({"port": server.port, "connections": "4"}, conf=HELD)
        enqueue(case, 200)
        case.flush()
        check(server.connections - server.died_at <= 5,
              f"{server.connections - server.died_at} connections after its death")
        same("delivered before", len(server.delivered), 30)
        rooms(case, 170, 0)
        server.mode, server.died_at, server.die_after = "good", None, 0
        case.flush("--all")
        once_each("delivered", server.numbers(), range(200))


def dead_first_of_two():
    """The first of two relays is dead, many entries: it costs one connection, and everything
    goes by the second."""
    with Case("first dead") as case, Server("hang") as dead, Server() as good:
        relays = ("one", {"port": dead.port, "timeout": "4s"}), ("two", {"port": good.port})
        case.configure(*relays, conf=HELD)
        enqueue(case, 80)
        case.flush()
        once_each("delivered", good.numbers(), range(80))
        same("connections to the dead", dead.connections, 1)
        check(2 <= good.most <= 4, f"{good.most} connections at once to the good")
        case.configure(*relays)
        result = case.send(*ARGS)
        quiet(result)
        check(result.seconds < 3.7, f"{result.seconds:.1f} s")
        same("connections to the dead", dead.connections, 1)
        same("delivered", len(good.delivered), 81)


# Failover

def three_relays():
    """A dead one, one that refuses the login, a good one."""
    with Case("three") as case, Server("close") as dead, Server() as good:
        strict = case.relay("--user", "u@example.org", "--password", "right", cert="server")
        keys = {"port": strict.port, "security": "starttls", "tls_name": "relay.test",
                "tls_trust": certificates() + "/ca.pem", "user": "u@example.org",
                "password": "wrong"}
        case.configure(("dead", {"port": dead.port}), ("strict", keys),
                       ("good", {"port": good.port}))
        quiet(case.send(*ARGS))
        same("delivered", good.recipients(), sorted(PAIR))
        rooms(case, 0, 0)
        same("connections", (dead.connections, len(strict.events("connect"))), (1, 1))
        log = case.log()
        for pattern in (r"relay=dead [^\n]*status=\w+[^\n]*reply=", r"relay=strict [^\n]*535",
                        r"to=b@dest\.example [^\n]*relay=good [^\n]*status=delivered"):
            match("what was tried is in the log", pattern, log)
        quiet(case.send(*ARGS))
        same("the next one", len(good.delivered), 2)
        same("connections", (dead.connections, good.connections), (1, 2))
        # And when the third is gone as well.
        good.mode = "busy"
        quiet(case.send(*ARGS))
        shown = case.reasons("-v")
        for name in ("dead", "strict", "good"):
            match("what was tried is in mailq -v", rf"\b{name}\b", shown)
        match("mailq -v", "421", shown)
        good.mode = "good"
        case.flush("--all")
        same("delivered in the end", len(good.delivered), 3)


def passed_over(what, first, keys=None):
    """Trouble between us and the relay: the next relay gets the message at the first try."""
    def run():
        with Case("passed over") as case, Server(first) as bad, Server() as good:
            case.configure(("bad", dict({"port": bad.port, "timeout": "1s"}, **(keys or {}))),
                           ("good", {"port": good.port}))
            quiet(case.send(*ARGS))
            same("delivered", good.recipients(), sorted(PAIR))
            rooms(case, 0, 0)
            match("log", r"relay=bad [^\n]*status=(?!delivered)", case.log())
    return "passed over: " + what, run


def not_passed_over(who, hold, failed):
    """Trouble with the message or the recipient is not shopped around."""
    def run():
        with Case("not passed over") as case, Server() as one, Server() as two:
            case.configure(("one", {"port": one.port}), ("two", {"port": two.port}))
            case.send("-i", "-f", "a@src.example", who)
            same("connections", (one.connections, two.connections), (1, 0))
            rooms(case, hold, failed)
    return f"not passed over: {who}", run


def host_list():
    """The second host serves; the first is not asked again for the next message."""
    with Case("hosts") as case, Server() as good:
        with Server("close", address="127.0.0.78", port=good.port) as bad:
            case.configure({"host": "127.0.0.78, 127.0.0.1", "port": good.port})
            for i in range(3):
                quiet(case.send(*ARGS))
                same("delivered", len(good.delivered), i + 1)
            same("connections to the first", bad.connections, 1)
            match("log", r"127\.0\.0\.78", case.log())
            bad.mode = "good"
            case.configure({"host": "127.0.0.1, 127.0.0.78", "port": good.port})
            quiet(case.send(*ARGS))
            same("in order", (len(good.delivered), len(bad.delivered)), (4, 0))


def port_list(first):
    """A port that is closed, or filtered on the way."""
    def run():
        with Case("ports") as case, Server() as good:
            hole = Blackhole()
            closed = case.relay()
            closed.stop()
            port = {"closed": closed.port, "filtered": hole.port}[first]
            try:
                case.configure({"port": f"{port}, {good.port}", "connect_timeout": "4s"})
                result = case.send(*ARGS)
                quiet(result)
                same("delivered", good.recipients(), sorted(PAIR))
                check(result.seconds < 5, f"{result.seconds:.1f} s")
            finally:
                hole.close()
    return f"port list, the first {first}", run


def transactions():
    """Each recipient by the relay that serves it, in as few transactions as relays."""
    with Case("routes") as case:
        work, home, rest = case.relay(), case.relay(), case.relay()
        case.configure(("work", {"port": work.port,
                                 "recipients": "*@work.example, boss@x.example"}),
                       ("home", {"port": home.port, "recipients": "*@home.example",
                                 "senders": "a@src.example"}),
                       ("rest", {"port": rest.port}))
        who = {"work": ["p@work.example", "boss@x.example", "q@WORK.example", "r@work.example"],
               "home": ["p@home.example", "q@home.example"],
               "rest": ["worker@x.example", "p@notwork.example", "work.example@y.example"]}
        mixed = [w[i] for i in range(4) for w in who.values() if i < len(w)]
        quiet(case.send("-i", "-f", "a@src.example", *mixed))
        for relay, name in ((work, "work"), (home, "home"), (rest, "rest")):
            same(name, (relay.recipients(), len(relay.accepted())), (sorted(who[name]), 1))
        quiet(case.send("-i", "-f", "other@src.example", *who["home"], *who["rest"]))
        same("another sender", (len(home.accepted()), len(rest.accepted())), (1, 2))
        same("all of them by rest", rest.recipients(), sorted(2 * who["rest"] + who["home"]))
        # With work down its recipients go by rest: nothing is left behind.
        work.stop()
        quiet(case.send("-i", "-f", "a@src.example", *mixed))
        rooms(case, 0, 0)
        check(len(rest.accepted()) <= 4, f"{len(rest.accepted()) - 2} transactions by rest")


# Workers

def parallel_flushes():
    """Four flushq over three hundred entries: each is delivered once, over as few connections
    as max_messages allows."""
    with Case("four") as case, Server() as server:
        case.configure({"port": server.port, "connections": "4", "max_messages": "20"},
                       conf=HELD)
        enqueue(case, 300)
        calls = [case.begin("flushq") for _ in range(4)]
        results = []
        waiters = [threading.Thread(target=lambda c=c: results.append(c.wait())) for c in calls]
        for waiter in waiters:
            waiter.start()
        for waiter in waiters:
            waiter.join()
        for result in results:
            quiet(result)
        case.wait_quiet()
        once_each("delivered", server.numbers(), range(300))
        rooms(case, 0, 0)
        check(server.most <= 16, f"{server.most} connections at once")
        check(server.connections <= 16 + 300 // 20, f"{server.connections} connections")


def one_connection_for_many(messages, count, connections):
    def run():
        with Case("reuse") as case, Server() as server:
            case.configure({"port": server.port, "connections": "1", "max_messages": messages},
                           conf=HELD)
            enqueue(case, count)
            case.flush()
            once_each("delivered", server.numbers(), range(count))
            same("connections", server.connections, connections)
    return f"{count} entries, max_messages = {messages}", run


def at_once():
    """connections is reached, and never passed."""
    with Case("at once") as case, Server(slow=0.03) as server:
        case.configure({"port": server.port, "connections": "3"}, conf=HELD)
        enqueue(case, 45)
        case.flush()
        once_each("delivered", server.numbers(), range(45))
        same("connections", (server.most, server.connections), (3, 3))


def oldest_first():
    with Dated("order") as case, Server() as server:
        case.configure({"port": server.port, "connections": "1"}, conf=HELD)
        for first, when in ((20, 0), (0, -2 * HOUR), (10, -HOUR)):
            case.jump(when)
            enqueue(case, 10, first=first)
        case.jump(0)
        case.flush()
        same("order", [n // 10 for n in server.numbers()], [0] * 10 + [1] * 10 + [2] * 10)


def bad_entry(deed, bad, connections, runs=1):
    """Entries on which the relay drops the connection, older than the good ones, which must go
    in that many runs all the same."""
    def run():
        with Dated("bad") as case, Server() as server:
            case.configure({"port": server.port, "connections": connections}, conf=HELD)
            case.age(-HOUR)
            enqueue(case, bad, to=deed + "{}@dest.example")
            case.age(0)
            enqueue(case, 25, first=100)
            for minutes in (0, 6, 18, 40, 90)[:runs]:
                case.age(minutes * MINUTE)
                case.flush()
            once_each("delivered", server.numbers(), range(100, 125))
            rooms(case, bad, 0)
            # The relay is not to blame: new mail goes at once.
            case.age(4 * HOUR)
            case.flush()
            rooms(case, bad, 0)
            case.configure({"port": server.port})
            quiet(case.send(*ARGS))
            same("new mail", len(server.delivered), 26)
    return f"{bad} that the relay drops ({deed}), {connections} workers", run


def one_at_a_time():
    """A relay that takes one connection at a time turns the other workers away: that costs
    each of them an entry at most, and the first goes on with the rest."""
    with Dated("one at a time") as case, Server(limit=1, slow=0.01) as server:
        case.configure({"port": server.port, "connections": "4"}, conf=HELD)
        case.age(0)
        enqueue(case, 40)
        case.flush()
        case.wait_quiet()
        check(len(server.numbers()) >= 37, f"only {len(server.numbers())} delivered in one run")
        check(server.connections <= 4, f"{server.connections} connections in one run")
        case.age(6 * MINUTE)
        case.flush()
        once_each("delivered", server.numbers(), range(40))


def terminated(connections):
    """SIGTERM: every transaction in hand is finished and marked, nothing else is begun."""
    def run():
        with Case("SIGTERM") as case, Server(slow=1.5) as server:
            # What is only announced when it comes: see window.t.
            case.configure({"port": server.port, "connections": connections, "window": "1",
                            "dot_timeout": "10s"}, conf=HELD)
            enqueue(case, 12)
            call = case.begin("flushq")
            # The first goes alone; then all are at it.
            begun = connections + 1 if connections > 1 else 1
            wait_until("the workers' messages",
                       lambda: server.commands.count("DATA") == begun)
            began = time.monotonic()
            call.kill(signal.SIGTERM)
            result = call.wait(20)
            quiet(result)
            case.wait_quiet(2)
            check(time.monotonic() - began < 4, f"{time.monotonic() - began:.1f} s to end")
            same("transactions", server.commands.count("DATA"), begun)
            done = server.numbers()
            same("delivered", len(done), begun)
            same("marked", len(case.entries()), 12 - begun)
            same("not counted", {e["attempts"] for e in case.listing()}, {0})
            same("QUIT", server.commands.count("QUIT"), server.connections)
            server.slow = 0
            case.flush()
            once_each("delivered", server.numbers(), range(12))
    return f"SIGTERM with {connections} connections", run


def online():
    """The command is run once a flush; off line nothing is tried, counted, warned about or
    given up."""
    with Dated("online") as case, Server() as server:
        command = case.write("online", f"#!/bin/sh\necho x >>{case.dir}/asked\n"
                             f"exec test -e {case.dir}/up\n", 0o755)
        case.configure({"port": server.port},
                       conf={"delivery.online": command, "delivery.warn": "1h", **HELD})
        case.age(0)
        enqueue(case, 20)
        for run, when in enumerate((0, 2 * HOUR, 6 * DAY, 7 * DAY), 1):
            case.age(when)
            case.flush(*(["--all"] if run > 2 else []))
            with open(f"{case.dir}/asked", encoding="ascii") as file:
                same("runs of the command", len(file.readlines()), run)
        same("connections", server.connections, 0)
        rooms(case, 20, 0)
        same("attempts", {e["attempts"] for e in case.listing()}, {0})
        case.write("up", "")
        case.flush()
        once_each("on line", server.numbers(), range(20))
        with open(f"{case.dir}/asked", encoding="ascii") as file:
            same("runs of the command", len(file.readlines()), 5)


def enqueue_beside():
    """Callers put mail in while a flush runs."""
    with Case("beside") as case, Server(slow=0.02) as server:
        case.configure({"port": server.port}, conf=HELD)
        enqueue(case, 50)
        call = case.begin("flushq")
        wait_until("the flush is under way", lambda: server.delivered)
        enqueue(case, 20, first=50)
        case.configure({"port": server.port})
        quiet(case.send(*ARGS, message=TEXT + b"number 70.\n"))
        quiet(call.wait())
        case.wait_quiet()
        case.flush()
        once_each("delivered", server.numbers(), range(71))
        rooms(case, 0, 0)


# Reports

def three_verdicts():
    """One delivered, one held, one refused: each is seen in mailq and in the log; the sender
    hears of the refused one, and later of the one that never went."""
    with Dated("three verdicts") as case:
        relay = case.relay()
        case.configure({"port": relay.port}, conf=HELD)
        case.age(0)
        quiet(case.send("-i", "-f", "a@src.example", "b@dest.example", "temp450@dest.example",
                        "reject550@dest.example", message=TEXT))
        ident, = case.entries()
        case.flush(ident)
        entry, = [e for e in case.listing() if e["queue_id"] == ident]
        seen = {r["address"].partition("@")[0]: (r["status"], r["code"])
                for r in entry["recipients"]}
        same("mailq --json", {k: v for k, v in seen.items() if k != "reject550"},
             {"b": ("delivered", 250), "temp450": ("waiting", 450)})
        failed = [r for e in case.listing("--failed") for r in e["recipients"]]
        same("mailq --json --failed", [(r["address"], r["status"], r["code"]) for r in failed],
             [("reject550@dest.example", "failed", 550)])
        same("tries, of both", [e["attempts"] for e in case.listing("--failed")
                                + [entry]], [1, 1])
        for who, status in (("b", "delivered"), ("temp450", "held"), ("reject550", "failed")):
            lines = [x for x in case.log().splitlines() if f"to={who}@dest.example " in x]
            same(f"log lines of {who}", len(lines), 1)
            match("log", rf"id={ident} .*status={status} ", lines[0])
        for _ in range(2):
            case.flush("--all")
        (to, report), = reports_at(relay)
        same("report to", to, ["a@src.example"])
        same("about", list(report["rcpts"]), ["reject550@dest.example"])
        same("delivered", relay.recipients(), ["a@src.example", "b@dest.example"])
        # The one that waits expires: a second report, about it alone.
        case.age(6 * DAY)
        for _ in range(3):
            case.flush("--all")
        (_, _), (to, report) = reports_at(relay)
        same("second report", (to, list(report["rcpts"])),
             (["a@src.example"], ["temp450@dest.example"]))
        same("Status", report["rcpts"]["temp450@dest.example"]["Status"], "4.4.7")
        same("delivered", relay.recipients(), ["a@src.example"] * 2 + ["b@dest.example"])
        same("held", case.entries(), [])
        failed = sorted(r["address"] for e in case.listing("--failed") for r in e["recipients"]
                        if r["status"] == "failed")
        same("failed/, each once", failed, ["reject550@dest.example", "temp450@dest.example"])
        same("violations", relay.violations(), [])


def report_fields():
    """What a program reads in a report: RFC 3464."""
    with Case("fields") as case:
        relay = case.relay()
        case.configure({"port": relay.port}, conf=HELD)
        smtp_in(case, ("<a@src.example> ENVID=QQ+2B314+2Bx RET=HDRS", [
            "<b@dest.example> NOTIFY=FAILURE ORCPT=rfc822;first+2Bb@orig.example",
            "<reject550@dest.example> NOTIFY=FAILURE,DELAY ORCPT=rfc822;Bob+2Bx@orig.example",
            "<policy554@dest.example>",
            "<reject550-silent@dest.example> NOTIFY=NEVER",
            "<reject550-success@dest.example> NOTIFY=SUCCESS"], TEXT))
        for _ in range(3):
            case.flush("--all")
        (to, report), = reports_at(relay)
        same("to", to, ["a@src.example"])
        same("To", report["message"]["To"].addresses[0].addr_spec, "a@src.example")
        same("From", report["message"]["From"].addresses[0].addr_spec,
             "MAILER-DAEMON@gate.harness.example")
        same("In-Reply-To", report["message"]["In-Reply-To"], "<h@src.example>")
        same("Original-Envelope-Id", report["whole"]["Original-Envelope-Id"], "QQ+314+x")
        same("Reporting-MTA", report["whole"]["Reporting-MTA"].replace(" ", ""),
             "dns;gate.harness.example")
        same("about", sorted(report["rcpts"]),
             ["policy554@dest.example", "reject550@dest.example"])
        one, two = (report["rcpts"][w + "@dest.example"] for w in ("reject550", "policy554"))
        same("Action, Status", [(x["Action"], x["Status"]) for x in (one, two)],
             [("failed", "5.1.1"), ("failed", "5.7.1")])
        match("Diagnostic-Code", r"^smtp; ?550 5\.1\.1 \S", one["Diagnostic-Code"])
        match("Diagnostic-Code", r"^smtp; ?554 5\.7\.1 \S", two["Diagnostic-Code"])
        same("Original-Recipient", one["Original-Recipient"].replace(" ", ""),
             "rfc822;Bob+x@orig.example")
        same("Original-Recipient that was not given", two.get("Original-Recipient"), None)
        for pattern in ("reject550@dest.example", "policy554@dest.example"):
            match("words", pattern, report["words"])
        for pattern in ("silent", "success", r"\bb@dest"):
            no_match("words", pattern, report["words"])
        same("RET=HDRS", report["kind"], "text/rfc822-headers")
        check(b"what it is about" in report["original"], "the original's header is missing")
        check(b"The text itself" not in report["original"], "the whole message is there")
        same("held", case.entries(), [])
        same("violations", relay.violations(), [])


def returned(ret, kind, whole):
    def run():
        with Case("ret") as case:
            relay = case.relay()
            case.configure({"port": relay.port}, conf=HELD)
            if ret.startswith("-R"):
                quiet(case.send("-i", "-f", "a@src.example", *ret.split(), "-V", "env1",
                                "reject550@dest.example", message=TEXT))
            else:
                smtp_in(case, (f"<a@src.example>{ret}", ["<reject550@dest.example>"], TEXT))
            for _ in range(2):
                case.flush("--all")
            (_, report), = reports_at(relay)
            same("type", report["kind"], kind)
            same("its text is there", b"The text itself." in report["original"], whole)
            check(b"Message-ID: <h@src.example>" in report["original"], "its header is not")
            same("Original-Envelope-Id", report["whole"]["Original-Envelope-Id"],
                 "env1" if ret.startswith("-R") else None)
    return f"returned with {ret.strip() or 'nothing said'}", run


def unwanted(name, mail, rcpt):
    """No report; the message is kept all the same."""
    def run():
        with Case("unwanted") as case:
            relay = case.relay()
            case.configure({"port": relay.port}, conf=HELD)
            smtp_in(case, (mail, [rcpt], TEXT))
            for _ in range(3):
                case.flush("--all")
            same("sent", relay.recipients(), [])
            rooms(case, 0, 1)
    return "no report: " + name, run


def report_to(name, sender, wanted, conf, aliases=""):
    """Where a report goes when the sender is somebody of this host."""
    def run():
        with Case("report to") as case:
            relay = case.relay()
            case.configure({"port": relay.port}, conf={**HELD, **conf})
            case.write("aliases", aliases)
            quiet(case.send("-i", "-f", sender, "reject550@dest.example", message=TEXT))
            for _ in range(2):
                case.flush("--all")
            (to, _), = reports_at(relay)
            same("to", to, wanted)
    return "report to " + name, run


HERE = {"mail.domain": "gate.harness.example"}
ADMIN = {"mail.admin": "boss@corp.example", **HERE}


def background_report():
    """Mode background: nobody listens, so the sender gets a report, once."""
    with Case("background") as case:
        relay = case.relay()
        case.configure({"port": relay.port}, conf={"delivery.mode": "background"})
        quiet(case.send("-i", "-f", "a@src.example", "b@dest.example",
                        "reject550@dest.example"))
        case.wait_entries(1, "failed")
        case.wait_quiet()
        for _ in range(3):
            case.flush("--all")
        same("sent", relay.recipients(), ["a@src.example", "b@dest.example"])
        rooms(case, 0, 1)


# Two names

def second_name():
    """A copy made of links hides nothing: listed, logged, sent once."""
    with Case("second name") as case, Server() as server:
        case.configure({"port": server.port}, conf=HELD)
        enqueue(case, 2)
        ids = case.entries()
        shutil.copytree(case.hold, os.path.join(case.dir, "copy"), copy_function=os.link)
        same("listed", sorted(e["queue_id"] for e in case.listing()), ids)
        same("--count", case.run("mailq", "--count").out, "2\n")
        for ident in ids:
            match("mailq", rf"^{ident} ", case.run("mailq", ident).out.partition("\n")[2])
            match("--show", "number", case.run("mailq", "--show", ident).out)
        same("--remove", case.run("flushq", "--remove", ids[1]).code, 0)
        case.flush("--all")
        # Which of the two it was: IDs of one second are in no order.
        same("sent", len(server.numbers()), 1)
        match("log", rf"{ids[0]}[^\n]*second name", case.log())
        same("left", case.entries(), [])
        case.flush("--all")
        same("sent again", len(server.numbers()), 1)


def cut_short(room, other, ident=None):
    """The link was made, the old name is there: the next flush finishes it."""
    def run():
        with Case("cut short") as case, Server() as server:
            case.configure({"port": server.port}, conf=HELD)
            enqueue(case, 1)
            entry, = case.entries()
            path = os.path.join(case.hold, "hold", entry)
            if "failed" in (room, other):
                with open(path, "r+b") as file:
                    file.seek(512)
                    file.write(b"F 550" if room == "failed" else b"W")
            os.link(path, os.path.join(case.hold, other if room == "hold" else room,
                                       ident or entry))
            same("listed", [e["queue_id"] for e in case.listing()], [entry])
            case.flush()
            same("rooms", [case.entries("tmp"), case.entries("hold"), case.entries("failed")],
                 [[], [], [entry] if room == "failed" else []])
            same("sent", len(server.delivered), int(room == "hold"))
    return f"a move to {room}/ cut short, {ident or 'same'} name in {other}/", run


# The delay

def delay(args, conf):
    """Ten minutes in which a message can be taken back."""
    def run():
        with Dated("delay") as case, Server() as server:
            case.configure({"port": server.port}, conf=conf)
            case.age(0)
            for i in range(2):
                result = case.send(*args, "-i", "-f", "a@src.example", f"b{i}@dest.example",
                                   message=TEXT + b"number %d.\n" % i)
                quiet(result)
                check(result.seconds < 1.5, f"took {result.seconds:.1f} s")
            ids = {e["recipients"][0]["address"]: e["queue_id"] for e in case.listing()}
            left = [(e["next_attempt"] - case.now()) / MINUTE for e in case.listing()]
            check(all(9.5 < x <= 10.02 for x in left), f"due in {left} min")
            for minutes in (0, 5, 9.7):
                case.age(int(minutes * MINUTE))
                case.flush()
            same("too early", server.connections, 0)
            result = case.run("flushq", "--remove", ids["b0@dest.example"])
            same("--remove", (result.code, result.out), (0, ""))
            rooms(case, 1, 0)
            for minutes in (11, 30):
                case.age(minutes * MINUTE)
                case.flush()
            same("sent", server.numbers(), [1])
            same("nothing is left", (case.entries(), case.entries("failed")), ([], []))
            no_match("log", r"to=b0@dest\.example[^\n]*status=delivered", case.log())
    return "delay: " + (" ".join(args) or "delay = 10m"), run


def long_delay():
    """A delay longer than any wait between tries is one all the same."""
    with Dated("long delay") as case, Server() as server:
        case.configure({"port": server.port})
        case.age(0)
        quiet(case.send("--delay", "3d", *ARGS))
        for days, sent in ((0, 0), (1, 0), (2.9, 0), (3.1, 1)):
            case.age(int(days * DAY))
            case.flush()
            same(f"sent after {days} days", len(server.delivered), sent)


# Monitors

def monitoring(mode):
    def run():
        with Case("check_mailq") as case:
            case.configure({"port": 9}, conf=HELD)
            for first, count, warn, critical, wanted, word in (
                    (0, 0, 1, 3, 0, "OK"), (0, 1, 2, 3, 0, "OK"), (1, 1, 2, 4, 1, "WARNING"),
                    (2, 1, 1, 3, 2, "CRITICAL")):
                if count:
                    enqueue(case, count, first=first)
                code, out = check_mailq(case, mode, warn, critical)
                same(f"exit with {first + count} held ({out.strip()})", code, wanted)
                match("output", word, out)
                if count:
                    match("output", rf"\b{first + count}\b", out)
    return f"check_mailq -M {mode}", run


def named():
    """A name for the log cannot be taken for the rest of its line."""
    with Case("named") as case, Server("close") as server:
        case.configure({"port": server.port}, conf=dict(HELD, **{"log.to": "stderr"}))
        lines = case.send("-odi", "-L", "job 7: id=X", "-i", "-f", "a@src.example",
                          "b@dest.example").err.splitlines()
        check(lines and all(line.startswith("job_7__id_X: ") for line in lines), str(lines))


def metrics():
    with Case("metrics") as case, Server() as server:
        case.configure({"port": server.port}, conf=HELD)
        empty = case.run("mailq", "--metrics")
        same("exit", (empty.code, empty.err), (0, ""))
        found = read_metrics(empty.out)
        same("held", found[("postern_held_messages", "")], 0)
        enqueue(case, 3, to="temp{}@dest.example")
        enqueue(case, 1, to="reject{}@dest.example", sender="<>")
        case.flush()
        enqueue(case, 4, first=10)
        frozen, = [e["queue_id"] for e in case.listing()
                   if e["recipients"][0]["address"] == "b13@dest.example"]
        same("freeze", case.run("flushq", "--freeze", frozen).code, 0)
        with open(os.path.join(case.hold, "corrupt", "5F00000000AA"), "wb"):
            pass
        found = read_metrics(case.run("mailq", "--metrics").out)
        for name, value in (("held", 7), ("frozen", 1), ("active", 0), ("untried", 4),
                            ("failed", 1), ("damaged", 1)):
            same(name, found[(f"postern_{name}_messages", "")], value)
        sizes = sum(e["message_size"] for e in case.listing())
        same("bytes", found[("postern_held_bytes", "")], sizes)
        waiting = {k[1]: v for k, v in found.items() if k[0] == "postern_waiting_recipients"}
        same("waiting", sum(waiting.values()), 7)
        check(any("450" in k and v == 3 for k, v in waiting.items()), f"reasons: {waiting}")


def hostile_metrics():
    """A server's words become labels: they must not break the format."""
    with Case("hostile") as case:
        relay = case.relay("--on",
                           r'RCPT reply "450 4.2.0 a \"b\" \\ c {d=\"e\"} # EOF \xe9\x07"')
        case.configure({"port": relay.port}, conf=HELD)
        enqueue(case, 2)
        case.flush()
        found = read_metrics(case.run("mailq", "--metrics").out)
        same("held", found[("postern_held_messages", "")], 2)
        same("--json", len(case.listing()), 2)


JOBS = [
    ("4 flushq, 300 entries", parallel_flushes),
    dead_one_connection("close", 200),
    dead_one_connection("hang", 60),
    ("3 flushq, a relay that hangs", dead_parallel),
    ("the relay dies midway", dies_midway),
    ("the first of two relays is dead", dead_first_of_two),
    ("backoff doubles up to retry_max", backoff),
    ("jitter", jitter),
    ("a dead relay costs no attempt", no_attempt_counted),
    *[left_alone(host) for host in ("127.0.0.1", "[127.0.0.1]", "localhost")],
    expiry("good", r"^[45]\.4\.7$"),
    expiry("close", r"^[45]\.4\.7$"),
    ("given up after three tries at least", too_few_tries),
    ("given up only after a try", untried_since),
    *[clock_jump(years, tries, everything) for years in (10, -10) for tries in (0, 1, 3, 6)
      for everything in (False, True)],
    ("the clock jumps to and fro", to_and_fro),
    all_expire(12),
    jump_dead(10),
    jump_dead(-10),
    ("nothing that waits is swept by a wrong clock", jump_failed),
    late((), True),
    late(("-N", "delay,failure"), True),
    late(("-N", "failure"), False),
    late(("-N", "never"), False),
    ("a late report", late_report),
    ("a name in the log", named),
    failing_report("reject@src.example", {}),
    failing_report("temp@src.example", {}),
    failing_report("temp2@src.example", {"delivery.warn": "1h"}),
    keep_failed("7d", ((6, 1), (8, 0))),
    keep_failed("1d", ((0.9, 1), (1.1, 0))),
    keep_failed("0", ((8, 1), (50, 1))),
    ("sweep of tmp/", sweep_tmp),
    ("a dead relay: limits of 1 to 10 minutes", dead_doubles),
    ("a dead relay is cleared by a success", dead_cleared),
    callers_do_not_wait(1),
    callers_do_not_wait(3),
    ("an unreachable relay: callers do not wait", unreachable_not_waited),
    ("dead, login refused, good", three_relays),
    passed_over("closes at once", "close"),
    passed_over("hangs", "hang"),
    passed_over("421", "busy"),
    passed_over("554", "gone"),
    passed_over("nonsense", "nonsense"),
    passed_over("no STARTTLS", "good", {"security": "starttls"}),
    passed_over("no AUTH", "good", {"user": "u", "password": "p",
                                    "allow_cleartext_auth": "yes"}),
    not_passed_over("temp@dest.example", 1, 0),
    not_passed_over("reject@dest.example", 0, 1),
    ("host list", host_list),
    port_list("closed"),
    port_list("filtered"),
    ("as few transactions as relays", transactions),
    one_connection_for_many("100", 60, 1),
    one_connection_for_many("7", 30, 5),
    one_connection_for_many("1", 5, 5),
    ("connections at once", at_once),
    ("oldest first", oldest_first),
    *[bad_entry(deed, 1, n) for deed in ("drop-rcpt", "drop-data", "drop-body", "drop-dot")
      for n in (1, 4)],
    *[bad_entry(deed, 1, n, 2) for deed in ("busy-rcpt", "busy-dot") for n in (1, 4)],
    bad_entry("drop-rcpt", 2, 1),
    bad_entry("drop-rcpt", 6, 1, 4),
    bad_entry("drop-body", 6, 4, 4),
    bad_entry("drop-dot", 6, 2, 4),
    ("a relay that takes one connection at a time", one_at_a_time),
    terminated(1),
    terminated(3),
    ("online", online),
    ("mail comes in beside a flush", enqueue_beside),
    ("three verdicts", three_verdicts),
    ("fields of a report", report_fields),
    returned(" RET=FULL", "message/rfc822", True),
    returned(" RET=HDRS", "text/rfc822-headers", False),
    returned("", "text/rfc822-headers", False),
    returned("-R full", "message/rfc822", True),
    returned("-R hdrs", "text/rfc822-headers", False),
    unwanted("null sender", "<>", "<reject550@dest.example>"),
    unwanted("NOTIFY=NEVER", "<a@src.example>", "<reject550@dest.example> NOTIFY=NEVER"),
    unwanted("NOTIFY=SUCCESS", "<a@src.example>", "<reject550@dest.example> NOTIFY=SUCCESS"),
    report_to("admin", "bob", ["boss@corp.example"], ADMIN),
    report_to("an alias", "bob", ["bob@corp.example"], ADMIN, "bob: bob@corp.example\n"),
    report_to("each of an alias", "bob", ["b1@corp.example", "b2@corp.example"], ADMIN,
              "bob: b1@corp.example, b2@corp.example\n"),
    report_to("admin by an alias", "bob", ["boss@corp.example"], ADMIN, "bob: other\n"),
    report_to("a sender elsewhere", "bob@src.example", ["bob@src.example"], ADMIN,
              "bob: wrong@corp.example\n"),
    report_to("the sender, without admin", "bob", ["bob@gate.harness.example"], HERE),
    ("report in mode background", background_report),
    ("a copy of links", second_name),
    wrong_clock(30),
    wrong_clock(3650),
    wrong_clock(30, boot=True),
    cut_short("hold", "tmp"),
    cut_short("hold", "tmp", "0123456789AB"),
    cut_short("hold", "failed"),
    cut_short("failed", "hold"),
    delay(("--delay", "10m"), {}),
    delay((), {"delivery.delay": "10m"}),
    ("a delay of days", long_delay),
    monitoring("postfix"),
    monitoring("sendmail"),
    ("metrics", metrics),
    ("metrics of hostile replies", hostile_metrics),
]

run_all(JOBS)
