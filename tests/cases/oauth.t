#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging in at a relay with a token (oauth): each grant, rotation, many processes at once, what
a provider may answer, and that a token is in no place but its file.

The relay of the tests takes the token as its password; the provider is oauth_provider.py. Where
this Postern was built without oauth, only that the key is refused is looked at.
"""

import base64
import os
import re
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
from oauth_provider import DEVICE, Reply, error  # noqa: E402
from oauth_setting import *  # noqa: E402,F403


def client(mechanism):
    def job():
        with Setting("client", mechanism=mechanism) as s:
            s.submit()
            s.deliver()
            s.submit()
            s.deliver(2)
            same("asked for tokens", s.provider.forms(),
                 [{"grant_type": "client_credentials", "scope": "mail", "client_id": "shop",
                   "client_secret": "shop-secret"}])
    return job


def basic():
    with Setting("basic") as s:
        s.provider.post_only = False
        s.submit()
        s.deliver()
        check(all("client_secret" not in dict(f) or a for _, f, a in s.provider.asked),
              "the secret is in the form", s.provider.asked)


def device():
    with Setting("device", grant="device") as s:
        s.submit()
        s.held("nobody has logged in; run: sendmail --login main")
        s.provider.replies = [error("authorization_pending"), error("slow_down")]
        result = s.log_in()
        match("what to do", r"Open https://127.0.0.1:\d+/enter .* code WDJB-MJHT", result.out)
        match("done", "relay main: logged in", result.out)
        same("exit", result.code, 0)
        same("grants", [f["grant_type"] for f in s.provider.forms()], [DEVICE] * 3)
        s.relay.mark()
        s.deliver()


def refused_device(name):
    def job():
        with Setting("refused " + name, grant="device") as s:
            s.provider.replies = [error(name)]
            result = s.log_in("main")
            check(result.code != 0, "exit", result.code)
            match("why", name, result.err)
            check(not os.path.exists(s.file()), "a file")
    return job


def rotation():
    with Setting("rotation", grant="device") as s:
        s.log_in()
        s.age(3590)
        s.relay.restart(*s.login(2), cert="server")
        s.submit()
        s.deliver()
        same("refresh tokens", [s.kept()["refresh"]], list(s.provider.refresh))
        s.age(3590)
        s.provider.replies = [error("invalid_grant", error_description="revoked")]
        s.submit()
        before = len(s.relay.accepted())
        s.case.flush("-a")
        same("accepted", len(s.relay.accepted()), before)
        match("reason", "log in again: sendmail --login main", s.case.run("mailq").out)
        asked = len(s.provider.forms())
        time.sleep(1.1)
        s.case.flush("-a")
        same("asked no more", len(s.provider.forms()), asked)
        s.relay.restart(*s.login(3), cert="server")
        same("log in", s.log_in().code, 0)
        s.case.flush("-a")
        same("held", s.case.waiting(), [])


def pasted():
    with Setting("code", grant="code") as s:
        call, read = s.begin_login("paste")
        address = s.provider.log_in(re.search(r"^https://\S+$", read, re.M).group(0))
        os.write(call.process.stdin.fileno(), address.encode() + b"\n")
        result = call.wait()
        same("exit", (result.code, result.err), (0, ""))
        s.submit()
        s.deliver()


def visit(target, request="GET {} HTTP/1.1\r\nHost: localhost:53682\r\n\r\n"):
    """What a browser on this machine is answered."""
    with socket.create_connection(("127.0.0.1", 53682), 10) as browser:
        browser.sendall(request.format(target).encode())
        return b"".join(iter(lambda: browser.recv(4096), b"")).decode()


def comes_back():
    """A browser on this machine ends at the redirect; others who come there change nothing."""
    with Setting("back", grant="code") as s:
        call, read = s.begin_login("paste")
        asked = re.search(r"^https://\S+$", read, re.M).group(0)
        target = s.provider.log_in(asked).partition(":53682")[2]
        for foreign in ("/favicon.ico", "/?code=code-1&state=other", "/?error=access_denied",
                        "/?state=", "/" + "x" * 9000):
            visit(foreign)
        match("not GET", "404", visit(target, "POST {} HTTP/1.1\r\n\r\n"))
        match("not HTTP", "404", visit(target, "GET {}\r\n\r\n"))
        same("asked", s.provider.forms(), [])
        said = visit(target)
        match("page", "^HTTP/1.1 200 OK\r\n.*terminal says", said)
        check("code-1" not in said, "it is sent back", said)
        result = call.wait()
        same("exit", (result.code, result.err), (0, ""))
        s.submit()
        s.deliver()


def log_in_anew():
    """A login that comes without a refresh token does not go on with the one before it."""
    with Setting("anew", grant="device") as s:
        same("log in", s.log_in().code, 0)
        before = s.kept()["refresh"]
        s.relay.restart(*s.login(2), cert="server")
        s.provider.replies = [s.provider.tokens(refresh=False)]
        match("said", "The provider gave no refresh token", s.log_in().out)
        check("refresh" not in s.kept(), "it is kept", s.kept())
        s.submit()
        s.deliver()
        s.age(3590)
        s.submit()
        s.case.flush("-a")
        match("reason", "nobody has logged in", s.case.run("mailq").out)
        check(before not in [f.get("refresh_token") for f in s.provider.forms()], "it was used")


def port_taken():
    """Somebody else has the port: pasting is left, and said."""
    with Setting("taken", grant="code") as s, socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 53682))
        other.listen()
        result = s.case.run("sendmail", "--login", feed=b"\n \nhttp://localhost:53682/?x=1\n")
        match("said", "which is taken here: paste", result.out)
        match("why", "not the address that this log-in ends at", result.err)


def denied():
    with Setting("denied", grant="code") as s:
        call, read = s.begin_login("paste")
        state = re.search(r"[?&]state=([^&\s]+)", read).group(1)
        visit("/?error=access_denied&state=" + state)
        match("why", "the provider refuses: access_denied", call.wait().err)


def other_provider():
    """One that sends the browser to another does not get that one's code."""
    with Setting("other", grant="code") as s:
        for issuer, good in (("https%3A%2F%2Fhonest.example", False), (s.provider.issuer, True)):
            call, read = s.begin_login("paste")
            address = s.provider.log_in(re.search(r"^https://\S+$", read, re.M).group(0))
            visit(f"{address.partition(':53682')[2]}&iss={issuer}")
            result = call.wait()
            same("why", result.err, "" if good else "sendmail: --login: the browser comes from "
                 f"another provider than {s.provider.issuer}\n")
            same("asked", len(s.provider.forms()), int(good))


def foreign_address():
    with Setting("foreign", grant="code") as s:
        result = s.case.run("sendmail", "--login",
                            feed=b"http://localhost:53682/?code=code-1&state=other\n")
        check(result.code != 0, "exit", result.code)
        match("why", "not the address that this log-in ends at", result.err)
        same("asked", s.provider.forms(), [])


# What becomes of the file with the secret of the application, and what is said
SECRETS = (
    ("missing", os.unlink, r"cannot open \S+/client.secret: No such file"),
    ("open to all", lambda path: os.chmod(path, 0o644), r"client.secret is open to everybody"),
    ("empty", lambda path: os.truncate(path, 0), r"the first line of \S+/client.secret is empty"),
)


def no_secret(spoil, why):
    """Nothing is asked for without it."""
    with Setting("no secret") as s:
        spoil(os.path.join(s.case.dir, "client.secret"))
        s.submit()
        s.held(why)
        same("asked", s.provider.forms(), [])


def service_account():
    with Setting("service", grant="service_account",
                 keys={"service_account_file": "{dir}/account.json", "client_id": None,
                       "client_secret_file": None}) as s:
        s.case.write("account.json", s.provider.service_account(s.case.dir))
        s.submit()
        s.deliver()


def many(grant, renewals):
    """Twenty processes find the token over at once; one of them asks for another."""
    with Setting("many", grant=grant) as s:
        if grant == "device":
            s.log_in()
            s.age(3590)
            s.relay.restart(*s.login(2), cert="server")
        for _ in range(20):
            s.submit()
        calls = [s.case.begin("flushq", ident) for ident in s.case.entries()]
        for call in calls:
            same("flushq", call.wait().code, 0)
        s.case.wait_quiet()
        s.case.flush("-a")
        same("accepted", len(s.relay.accepted()), 20)
        same("requests for a token", [f["grant_type"] for f in s.provider.forms()], renewals)


def outlived():
    """The token of a session is over when the next begins, and the run goes on with another."""
    with Setting("outlived", grant="device", keys={"max_messages": "1", "connections": "1"},
                 life=1) as s:
        s.provider.same = True
        s.log_in()
        before = len(s.provider.forms())
        for _ in range(3):
            s.submit()
        s.case.flush("-a")
        same("accepted", len(s.relay.accepted()), 3)
        same("renewals", len(s.provider.forms()) - before, 3)


def refused_early():
    """The relay refuses a token that is good by its time: another is got once, at once."""
    with Setting("early", number=2) as s:
        s.submit()
        s.deliver()
        same("requests for a token", len(s.provider.forms()), 2)
        # It refuses the next, too: that is told, and the provider is not asked on and on.
        s.relay.restart(*s.login(9), cert="server")
        s.submit()
        for _ in range(3):
            s.case.flush("-a")
            time.sleep(1.1)
        same("accepted", len(s.relay.accepted()), 1)
        match("reason", "535", s.case.run("mailq").out)
        same("requests for a token", len(s.provider.forms()), 2)


def told():
    """The provider refuses the login: admin is told of it once, whoever finds it out."""
    with Setting("told", grant="device") as s:
        s.log_in()
        for number in (1, 2):
            s.age(3590)
            s.provider.replies = [error("invalid_grant", error_description="revoked")]
            for _ in range(5):
                s.submit()
            for call in [s.case.begin("flushq", ident) for ident in s.case.entries()]:
                same("flushq", call.wait().code, 0)
            s.case.wait_quiet()
            for _ in range(2):
                time.sleep(1.1)
                s.case.flush("-a")
            reports = [e for e in s.case.listing() if e["recipients"][0]["address"] ==
                       "admin@dest.example"]
            same(f"reports of refusal {number}", [e["sender"] for e in reports],
                 ["MAILER-DAEMON"])
            text = s.case.run("mailq", "--show", reports[0]["queue_id"]).out
            match("text", "Subject: Log in again at the relay main\n.*Auto-Submitted: auto-gen"
                  ".*sendmail --login main.*(invalid_grant.: revoked|has refused the login)", text)
            # All that waits says so, what found the relay skipped, too.
            same("reasons", s.case.reasons().count("log in again: sendmail --login"), 6)
            s.relay.restart(*s.login(1 + number), cert="server")
            same("log in", s.log_in().code, 0)
            s.case.flush("-a")
            same("held", s.case.waiting(), [])
        same("accepted", len(s.relay.accepted()), 12)


def told_unlocked():
    """What keeps two from telling at once cannot be had: admin is told all the same, and the log
    says why it may be twice."""
    with Setting("told unlocked", grant="device") as s:
        s.log_in()
        s.age(3590)
        s.provider.replies = [error("invalid_grant", error_description="revoked")]
        telling = os.path.join(s.case.hold, "state", "telling")
        os.mkdir(telling)
        s.submit()
        for _ in range(2):
            s.case.flush("-a")
            time.sleep(1.1)
        same("told", [e["sender"] for e in s.case.listing() if e["recipients"][0]["address"] ==
                      "admin@dest.example"], ["MAILER-DAEMON"])
        match("log", "admin may be told again that somebody has to log in: "
              f"{s.case.hold}/state: cannot create telling: ", s.case.log())


def answers(name, reply, pattern, seconds=30):
    def job():
        with Setting("answer " + name) as s:
            s.provider.replies = [reply]
            s.submit()
            began = time.monotonic()
            s.held(pattern)
            check(time.monotonic() - began < seconds, "it took too long")
    return job


def left_alone():
    with Setting("left alone") as s:
        s.provider.replies = [error("temporarily_unavailable", 429)]
        s.provider.replies[0].headers = (("Retry-After", "100"),)
        s.submit()
        s.held("429")
        time.sleep(1.1)
        s.held(r"left alone for another \d+ s")
        same("requests", len(s.provider.forms()), 1)
        s.age(100)
        time.sleep(1.1)
        s.deliver()


def wrong_certificate():
    with Setting("certificate", keys={"oauth_trust": None}) as s:
        s.submit()
        s.held("certificate")
        same("asked", s.provider.asked, [])


def other_issuer():
    with Setting("issuer") as s:
        s.provider.issuer += "/other"
        s.submit()
        s.held("does not describe itself as that issuer")


def logout():
    with Setting("logout", grant="device") as s:
        s.log_in()
        result = s.case.run("sendmail", "--logout")
        same("exit", (result.code, result.err), (0, ""))
        match("said", "revoked at the provider.*logged out", result.out)
        check(not os.path.exists(s.file()), "the file is there")
        same("refresh tokens", s.provider.refresh, set())


def whose():
    """Which relay cannot be told, or has no oauth."""
    with Setting("whose", grant="device") as s:
        for args, why in ((("x",), r"no \[relay x\] with oauth$"),
                          (("main", "x"), "the name of one relay is taken$")):
            result = s.case.run("sendmail", "--login", *args)
            same("exit", result.code, 64)
            match("said", why, result.err)
        s.case.configure({"port": s.relay.port})
        result = s.case.run("sendmail", "--login")
        same("exit", result.code, 64)
        match("said", r"has no relay with oauth$", result.err)


def complete_file():
    """Written, but not renamed when its process ended."""
    with Setting("complete", grant="device") as s:
        s.log_in()
        fresh = os.path.join(s.case.hold, "state", "fresh.main")
        os.rename(s.file(), fresh)
        s.submit()
        s.deliver()
        check(not os.path.exists(fresh), "it is there")
        same("grants", [f["grant_type"] for f in s.provider.forms()], [DEVICE])
        # Half of it is nothing.
        with open(s.file(), "rb") as file:
            text = file.read()
        s.case.write("hold/state/fresh.main", text[:-20])
        s.age(3590)
        s.relay.restart(*s.login(2), cert="server")
        s.submit()
        s.case.flush("-a")
        same("held", s.case.waiting(), [])


def open_to_others():
    with Setting("open", grant="device") as s:
        s.log_in()
        os.chmod(s.file(), 0o640)
        s.submit()
        s.held("is not its owner's alone")
        os.chmod(s.file(), 0o600)


def its_process():
    """Nothing is in its arguments or environment, it has no core, and it is narrowed."""
    with Setting("process") as s:
        s.provider.replies = [Reply(503, b"", slow=2)]
        s.submit()
        call = s.case.begin("flushq", "-a")
        end, found = time.monotonic() + 10, []
        while not s.provider.forms() and time.monotonic() < end:
            time.sleep(0.02)
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{pid}/exe") == os.path.join(BUILD, "token") and \
                        os.readlink(f"/proc/{pid}/fd/3") == os.path.join(s.case.hold, "state"):
                    found.append(pid)
            except OSError:
                continue
        check(found, "no process")
        for pid in found:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                same("arguments", file.read(), os.path.join(BUILD, "token").encode() + b"\0")
            with open(f"/proc/{pid}/environ", "rb") as file:
                same("environment", file.read(), b"")
            with open(f"/proc/{pid}/limits", encoding="ascii") as file:
                match("core", r"Max core file size +0 +0", file.read())
            with open(f"/proc/{pid}/status", encoding="ascii") as file:
                match("calls", "NoNewPrivs:\t1.*Seccomp:\t2", file.read())
        same("flushq", call.wait().code, 0)


def memory_of(pid):
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as maps, \
            open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            begin, end = (int(n, 16) for n in line.split(" ")[0].split("-"))
            try:
                memory.seek(begin)
                yield memory.read(end - begin)
            except (OSError, OverflowError, ValueError):
                continue  # not to be read, such as that of the kernel


def in_memory(grant):
    """Once it has logged in, no process of a run has a token in its memory, in no form."""
    def job():
        if os.geteuid() != 0 or SANITIZED:
            raise Skip("only root can look into a process that hides, and no sanitizer keeps it")
        with Setting("memory", grant=grant) as s:
            if grant == "device":
                s.log_in()
            s.relay.restart(*s.login(1), "--on", "DOT wait 3000 normal", cert="server")
            s.submit()
            call = s.case.begin("flushq", "-a")
            s.relay.wait_for("message")
            tokens = [s.provider.access(1), *s.provider.refresh, "shop-secret"]
            forms = {form for token in tokens for form in (
                token.encode(), token.encode().hex().encode(), base64.b64encode(token.encode()))}
            # As the login has it, in base64 behind something of any length.
            forms |= {base64.b64encode(before + b"\1auth=Bearer " + tokens[0].encode())[40:80]
                      for before in (b"", b"x", b"xx")}
            seen = [p for p in filter(str.isdigit, os.listdir("/proc")) if is_of(s, p)]
            check(len(seen) >= 2, "processes", seen)
            known = 0
            for pid in seen:
                where = os.path.basename(os.readlink(f"/proc/{pid}/exe"))
                for piece in memory_of(pid):
                    known += USER.encode() in piece
                    for form in forms:
                        check(form not in piece, f"{form!r} is in the memory of {where}")
            check(known >= len(seen), "what they know is not found either", known)
            same("flushq", call.wait().code, 0)
    return job


def is_of(s, pid):
    """One of the programs that deliver for that hold, or have its tokens?"""
    try:
        program = os.readlink(f"/proc/{pid}/exe")
        if program == os.path.join(BUILD, "token"):
            return os.readlink(f"/proc/{pid}/fd/3") == os.path.join(s.case.hold, "state")
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return s.case.conf_path.encode() in file.read()
    except OSError:
        return False


def slow():
    with Setting("slow", keys={"timeout": "2s"}) as s:
        s.provider.replies = [Reply(200, b"{}", slow=6)]
        s.submit()
        began = time.monotonic()
        s.held("waiting for the token")
        check(time.monotonic() - began < 5, "it waited too long")


def configuration(keys, pattern):
    def job():
        with Case("configuration") as case:
            case.configure(dict({"user": USER, "security": "starttls"}, **keys))
            result = case.run("sendmail", "--config")
            same("exit", result.code, 78)
            match("why", pattern, result.err)
    return job


GOOD = {"oauth": "microsoft", "client_id": "x"}
CONFIGURATIONS = (
    ("client_id missing", {"oauth": "microsoft"}, "oauth needs client_id"),
    ("user missing", dict(GOOD, user=None), "oauth needs user"),
    ("in clear", dict(GOOD, oauth="http://issuer.example"), "https:// URL"),
    ("with a password", dict(GOOD, password_file="/x"), "oauth and a password"),
    ("with PLAIN", dict(GOOD, auth="PLAIN"), "auth is XOAUTH2, OAUTHBEARER or both"),
    ("opportunistic", dict(GOOD, security="opportunistic"), "security = starttls or tls"),
    ("client_id alone", {"client_id": "x"}, "needs oauth"),
    ("tenant elsewhere", dict(GOOD, oauth="google", tenant="x"), "tenant"),
    ("grant client without tenant", dict(GOOD, grant="client", client_secret_file="/x"), "tenant"),
    ("account for another grant", dict(GOOD, grant="device", service_account_file="/x"),
     "is for grant = service_account"),
)

def preset(keys, wanted):
    """A provider's preset, an application's id and no password: its tokens are meant."""
    def job():
        with Case("preset") as case:
            case.configure(dict({"user": USER, "host": None, "security": None}, **keys))
            result = case.run("sendmail", "--config")
            match("--config", wanted, result.out + result.err)
    return job


PRESETS = (
    ("microsoft", {"provider": "microsoft", "client_id": "x"},
     r"\noauth = microsoft\nclient_id = x\n.*\ngrant = device\n.*\nauth = XOAUTH2\n"),
    ("microsoft client", {"provider": "microsoft", "client_id": "x", "grant": "client",
                          "tenant": "t", "client_secret_file": "{dir}/s"},
     r"\noauth = microsoft\n"),
    ("gmail", {"provider": "gmail", "client_id": "x"}, r"\noauth = google\n.*grant = code"),
    ("gmail account", {"provider": "gmail", "service_account_file": "{dir}/a"},
     r"\noauth = google\n.*grant = service_account"),
    ("gmail password", {"provider": "gmail", "password_file": "{dir}/p"}, r"\n;oauth =\n"),
    ("gmail both", {"provider": "gmail", "password_file": "{dir}/p", "client_id": "x"},
     "this key needs oauth"),
    ("own", {"provider": "microsoft", "oauth": "https://issuer.example", "client_id": "x"},
     r"\noauth = https://issuer.example\n"),
    ("fastmail", {"provider": "fastmail", "client_id": "x"}, "this key needs oauth"),
)

TOO_LONG = b'{"access_token": "' + b"x" * 70000 + b'"}'
ANSWERS = (
    *((name, error(name, error_description="words of theirs"), name + "[)]: words of theirs")
      for name in ("invalid_request", "invalid_client", "invalid_grant", "unauthorized_client",
                   "unsupported_grant_type", "invalid_scope")),
    ("a secret sent back", error("invalid_scope", error_description="you said " + "x" * 40),
     "400 invalid_scope[)]\\)"),
    ("401", error("invalid_client", 401), "401 invalid_client"),
    ("500", Reply(500, b"<html>"), "refuses .500"),
    ("503", Reply(503, b"", (("Retry-After", "7"),)), "refuses .503"),
    ("garbage", Reply(200, b"\0\1\2 garbage"), "not understood"),
    ("empty", Reply(200, b""), "no token that can be used"),
    ("a list", Reply(200, b"[1]"), "not understood"),
    ("no token", Reply(200, {"token_type": "bearer"}), "no token that can be used"),
    ("other type", Reply(200, {"access_token": "x", "token_type": "mac"}), "no token"),
    ("a blank in it", Reply(200, {"access_token": "x y", "token_type": "bearer"}), "no token"),
    ("a control byte in it", Reply(200, {"access_token": "x\1y"}), "no token"),
    ("too long", Reply(200, TOO_LONG), "too long"),
    ("endless", Reply(200, endless=True), "too long"),
    ("redirect", Reply(307, b"", (("Location", "https://127.0.0.1:1/"),)), "sends us elsewhere"),
)

JOBS = [("key " + n, configuration(k, p)) for n, k, p in CONFIGURATIONS]
if THERE:
    JOBS += [("preset " + n, preset(k, w)) for n, k, w in PRESETS]
    JOBS += [("client XOAUTH2", client("XOAUTH2")), ("client OAUTHBEARER", client("OAUTHBEARER")),
             ("basic", basic), ("device", device), ("rotation", rotation), ("code", pasted),
             ("anew", log_in_anew), ("other provider", other_provider),
             ("foreign address", foreign_address), ("comes back", comes_back),
             ("port taken", port_taken), ("denied", denied),
              ("service account", service_account),
             ("many processes", lambda: many("client", ["client_credentials"])),
             ("many processes rotate", lambda: many("device", [DEVICE, "refresh_token"])),
             ("outlived", outlived), ("early", refused_early), ("told", told),
             ("told unlocked", told_unlocked),
             ("left alone", left_alone),
             ("certificate", wrong_certificate), ("other issuer", other_issuer),
             ("logout", logout), ("whose", whose), ("complete file", complete_file), ("slow", slow),
             ("open to others", open_to_others), ("process", its_process),
             ("memory client", in_memory("client")), ("memory device", in_memory("device"))]
    JOBS += [("device " + n, refused_device(n)) for n in ("access_denied", "expired_token")]
    JOBS += [("answer " + n, answers(n, r, p)) for n, r, p in ANSWERS]
    JOBS += [("secret " + n, lambda s=s, w=w: no_secret(s, w)) for n, s, w in SECRETS]
else:
    JOBS = [("built without", configuration(GOOD, "built without it"))]

if __name__ == "__main__":
    run_all(JOBS)
