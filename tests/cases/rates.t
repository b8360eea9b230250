#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a relay allows us, over all processes of a hold: its connections, however many processes
want one and however they end, and its rate. For want of one a message waits, nobody is blamed,
and no try is counted."""

import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
from hold_tools import *  # noqa: E402,F403

HELD = {"delivery.mode": "hold"}


def quiet(result):
    same("end", (result.code, result.out, result.err), (0, "", ""))


def once_each(numbers, wanted):
    same("delivered", sorted(numbers), sorted(wanted))


def wait_for(what, seconds=15):
    due = time.monotonic() + seconds
    while not what() and time.monotonic() < due:
        time.sleep(0.02)
    check(what(), "it does not come to that")


def callers(connections):
    """Twelve at once, each of which waits for its message."""
    def run():
        with Case("callers") as case, Server(slow=0.3) as server:
            case.configure({"port": server.port, "connections": str(connections)})
            calls = [case.begin("sendmail", "-i", "-f", "a@src.example",
                                f"n{n}@dest.example", feed=b"Subject: x\n\nx\n")
                     for n in range(12)]
            for call in calls:
                quiet(call.wait())
            case.wait_quiet()
            same("held", case.entries(), [])
            same("delivered", len(server.delivered), 12)
            check(server.most <= connections, f"{server.most} connections at once")
    return f"12 callers, {connections} connections", run


def flushes():
    """Twelve runs over one hold, each of which would start workers."""
    with Case("flushes") as case, Server(slow=0.02) as server:
        case.configure({"port": server.port}, conf=HELD)
        enqueue(case, 60)
        calls = [case.begin("flushq") for _ in range(12)]
        for call in calls:
            quiet(call.wait())
        case.wait_quiet()
        case.flush()
        once_each(server.numbers(), range(60))
        check(server.most <= 3, f"{server.most} connections at once")


def taken(case, server):
    """A run that has the only connection, at a server that says nothing."""
    enqueue(case, 1)
    server.mode = "hang"
    call = case.begin("flushq")
    wait_for(lambda: server.connections == 1)
    return call


def killed():
    """It frees what it had, and nobody has to clear up."""
    with Case("killed") as case, Server() as server:
        case.configure({"port": server.port, "connections": "1"}, conf=HELD)
        call = taken(case, server)
        call.kill(signal.SIGKILL)
        call.wait()
        server.mode = "good"
        begun = time.monotonic()
        case.flush()
        check(time.monotonic() - begun < 3, "it waited for the dead")
        once_each(server.numbers(), range(1))


def none_free(mode, wait, least, most):
    """It waits as long as its caller does, or some seconds; then the message is held."""
    def run():
        with Case("none free") as case, Server() as server:
            keys = {"port": server.port, "connections": "1", "timeout": "1m"}
            case.configure(keys, conf=HELD)
            call = taken(case, server)
            case.configure(keys, conf={"delivery.mode": mode, "delivery.wait": wait})
            begun = time.monotonic()
            quiet(case.send("-i", "-f", "a@src.example", "late@dest.example"))
            if mode == "hold":
                case.flush()
            took = time.monotonic() - begun
            check(least <= took <= most, f"{took:.1f} s")
            late, = (e for e in case.listing()
                     if e["recipients"][0]["address"] == "late@dest.example")
            same("attempts", late["attempts"], 0)
            same("cause", late["recipients"][0]["cause"], "connections")
            match("mailq -v", "as many connections as allowed are open",
                  case.run("mailq", "-v").out)
            same("blamed", [n for n in os.listdir(os.path.join(case.hold, "state"))
                            if n.startswith("server.")], [])
            same("connections", server.connections, 1)
            call.kill(signal.SIGKILL)
            call.wait()
            server.mode = "good"
            case.flush()
            same("held", case.entries(), [])
    return f"none free in mode {mode}", run


class Times(list):
    """Commands of a server, and when each MAIL came."""

    def __init__(self):
        super().__init__()
        self.mails = []

    def append(self, command):
        super().append(command)
        if command.upper().startswith("MAIL"):
            self.mails.append(time.monotonic())


def kept_to(server, count, period, least=0.0):
    """In no period that the server saw came more, nor in all of them much less than it takes;
    it is the server's own clock that says so, not ours."""
    mails = sorted(server.commands.mails)
    for n in range(len(mails) - count):
        took = mails[n + count] - mails[n]
        check(took >= period, f"{count + 1} messages in {took:.3f} s, from {n} on")
    if least and len(mails) > count:
        # The first may leave all at once.
        rate = (len(mails) - count) / (mails[-1] - mails[count - 1])
        check(rate >= least * count / period, f"{rate:.1f} a second")


def together():
    """Thirty callers at once: each waits for its message, none goes too soon."""
    with Case("together") as case, Server() as server:
        server.commands = Times()
        case.configure({"port": server.port, "rate": "10/s"})
        calls = [case.begin("sendmail", "-i", "-f", "a@src.example", f"n{n}@dest.example",
                            feed=b"Subject: x\n\nx\n") for n in range(30)]
        for call in calls:
            quiet(call.wait())
        case.wait_quiet()
        same("held", case.entries(), [])
        same("delivered", len(server.delivered), 30)
        kept_to(server, 10, 1)


def one_run():
    """Several workers, each with several messages under way."""
    with Case("one run") as case, Server() as server:
        server.commands = Times()
        case.configure({"port": server.port, "rate": "50/s, 10000/d"}, conf=HELD)
        enqueue(case, 300)
        case.flush()
        once_each(server.numbers(), range(300))
        kept_to(server, 50, 1, least=0.9)


def reached():
    """What would wait for long is held for that, and goes when it may."""
    with Case("reached") as case, Server() as server:
        case.configure({"port": server.port, "rate": "2/h"},
                       conf={"delivery.wait": "5s"})
        begun = time.monotonic()
        for n in range(3):
            quiet(case.send("-i", "-f", "a@src.example", f"n{n}@dest.example"))
        check(time.monotonic() - begun < 4, "it waited for nothing")
        same("delivered", len(server.delivered), 2)
        late, = case.listing()
        same("attempts", late["attempts"], 0)
        same("cause", late["recipients"][0]["cause"], "rate")
        match("mailq -v", "the rate that is set for the relay is reached",
              case.run("mailq", "-v").out)
        same("blamed", [n for n in os.listdir(os.path.join(case.hold, "state"))
                        if n.startswith("server.")], [])
        case.flush("--all")
        same("delivered", len(server.delivered), 2)
        same("connections", server.connections, 2)
        case.configure({"port": server.port, "rate": "3/h"})
        case.flush()
        same("held", case.entries(), [])


def throttled():
    """A server that says that it is too much gets half of it."""
    with Case("throttled") as case:
        relay = case.relay("--on", "MAIL 1 reply 452 4.3.2 too fast")
        case.configure({"port": relay.port, "rate": "2/s"}, conf=HELD)
        enqueue(case, 1)
        case.flush()
        relay.restart()
        enqueue(case, 5, first=1)
        time.sleep(1.1)
        begun = time.monotonic()
        case.flush("--all")
        took = time.monotonic() - begun
        same("held", case.entries(), [])
        check(took > 4, f"{took:.1f} s")


JOBS = [
    callers(3), callers(1),
    ("12 runs", flushes),
    ("a killed process", killed),
    none_free("now", "3s", 2, 8), none_free("hold", "30s", 4, 12),
    ("30 callers at a rate", together), ("a run at a rate", one_run),
    ("a rate that is reached", reached), ("too fast", throttled),
]

run_all(JOBS)
