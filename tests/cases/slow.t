#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that answer each command just in time: all waits together have a limit that grows with
what was done. Here a reply has two seconds, so a connection that has done nothing four."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403

SENDER = "a@src.example"
MANY = [f"b{i}@dest.example" for i in range(30)]
LATE = "wait 1500 normal"
TIMES = {"timeout": "2s", "dot_timeout": "2s"}
USER, SECRET = "u@example.org", "s3cret Wort"
LOGIN = {"user": USER, "password": SECRET, "allow_cleartext_auth": "yes"}
SERVER_LOGIN = ("--user", USER, "--password", SECRET, "--clear-auth")


def rules(*lines):
    return [x for line in lines for x in ("--on", line)]


def slow_case(*lines, options=(), **keys):
    case = Case("slow")
    relay = case.relay(*options, *rules(*lines))
    case.configure({"port": relay.port, **TIMES, **keys}, conf={"delivery.mode": "hold"})
    return case, relay


def put(case, *recipients):
    result = case.send("-i", "-f", SENDER, *recipients)
    same("end", (result.code, result.err), (0, ""))


def causes(case):
    return {r["cause"] for e in case.listing() for r in e["recipients"]
            if r["status"] == "waiting"}


def recipients():
    """Thirty of them, each with an answer in time: 45 s were there no limit."""
    case, relay = slow_case(f"RCPT {LATE}", options=("--without", "PIPELINING"))
    with case:
        put(case, *MANY)
        case.flush("--all")
        same("causes", causes(case), {"too-slow"})
        match("reason", r"127\.0\.0\.1\S*: the server is too slow: waited (9|1[0-4]) s", case.reasons())
        same("waiting", len(case.waiting()), len(MANY))
        asked = len([x for x in relay.commands() if x.startswith("RCPT")])
        check(asked < 10, f"{asked} recipients were asked for")
        same("taken", relay.stored(), [])


def another():
    """Another server gets the message in the same try; for others the slow one is asked again."""
    with Case("slow") as case:
        slow = case.relay("--without", "PIPELINING", *rules(f"RCPT to {MANY[0]} {LATE}",
                                                             f"MAIL from {SENDER} {LATE}",
                                                             "RSET " + LATE, "DATA " + LATE,
                                                             f"RCPT to {MANY[1]} {LATE}",
                                                             f"RCPT to {MANY[2]} {LATE}"))
        quick = case.relay()
        case.configure(("slow", {"port": slow.port, **TIMES}), ("quick", {"port": quick.port}),
                       conf={"delivery.mode": "hold"})
        put(case, *MANY[:3])
        result = case.send("-i", "-f", "other@src.example", "c@dest.example")
        same("end", (result.code, result.err), (0, ""))
        case.flush("--all")
        same("by the quick one", quick.recipients(), MANY[:3])
        same("by the slow one", slow.recipients(), ["c@dest.example"])
        same("held", case.entries(), [])


def login():
    """It has not done anything yet: as a server that is silent."""
    case, relay = slow_case(f"CONNECT {LATE}", f"EHLO {LATE}", f"LOGIN {LATE}",
                            options=SERVER_LOGIN, **LOGIN)
    with case:
        put(case, MANY[0])
        case.flush("--all")
        same("causes", causes(case), {"silent"})
        match("reason", "the server is too slow: waited 4 s", case.reasons())
        same("MAIL", [x for x in relay.commands() if "MAIL" in x], [])
        same("attempts", [e["attempts"] for e in case.listing()], [0])


def handshake():
    """The bytes of a handshake, one by one, have no time of their own."""
    with Case("slow") as case:
        relay = case.relay(*rules(f"CONNECT {LATE}", f"EHLO {LATE}", "TLS pace 20"), cert="server")
        case.configure({"port": relay.port, "security": "starttls", "tls_trust": "none", **TIMES},
                       conf={"delivery.mode": "hold"})
        put(case, MANY[0])
        case.flush("--all")
        check(causes(case) in ({"tls-failed"}, {"silent"}), f"{causes(case)}")


def lmtp():
    """Who was answered for has the message; for the others that is not known."""
    case, relay = slow_case(f"DOT {LATE}", options=("--lmtp",), protocol="lmtp")
    with case:
        put(case, *MANY)
        case.flush("--all")
        same("causes", causes(case), {"possible-duplicate"})
        entry, = case.listing()
        done = [r for r in entry["recipients"] if r["status"] == "delivered"]
        check(3 <= len(done) < 12, f"{len(done)} delivered")


def honest():
    """Each answer is slow, and the message is sent; again over the same connection."""
    late = "wait 500 normal"
    case, relay = slow_case(f"CONNECT {late}", f"EHLO {late}", f"MAIL {late}", f"RCPT {late}",
                            f"DATA {late}", "DOT wait 1200 normal",
                            options=("--without", "PIPELINING"), connections="1")
    with case:
        for _ in range(3):
            put(case, *MANY[:2])
        case.flush("--all")
        same("delivered", len(relay.accepted()), 3)
        same("connections", len(relay.events("connect")), 1)


run_all([("recipients", recipients), ("another", another), ("login", login),
         ("handshake", handshake), ("LMTP", lmtp), ("honest", honest)])
