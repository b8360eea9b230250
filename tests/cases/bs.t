#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""SMTP on standard input and output: sendmail -bs as programs use it, and as nobody should."""

import os
import re
import signal
import smtplib
import socket
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # pylint: disable=wildcard-import,unused-wildcard-import,wrong-import-position

HEADER = "From: a@src.example\r\nTo: b@dest.example\r\nSubject: bs\r\n"
TEXT = HEADER + "\r\nHello.\r\n.\r\n"
ENVELOPE = ["EHLO me", "MAIL FROM:<a@src.example>", "RCPT TO:<b@dest.example>"]
HOLD = {"delivery.mode": "hold"}


def lines(*commands, end="\r\n"):
    return "".join(c + end for c in commands).encode()


def codes(result):
    """The codes of the replies, the greeting's first."""
    text = result.out_bytes
    check(text.endswith(b"\r\n") and b"\n" not in text.replace(b"\r\n", b""),
          f"replies are not lines with CRLF: {text!r}")
    found = []
    for line in text.decode("ascii").split("\r\n")[:-1]:
        check(re.match(r"[2345]\d\d[ -].", line) and len(line) <= 510, f"a bad reply: {line!r}")
        code = line[:3]
        if code not in ("220", "354") and not re.match(r"250.(gate|[A-Z0-9]+( \d+)?$)", line):
            check(re.match(rf"\d\d\d[ -]{code[0]}\.\d\.\d+ ", line), f"no status: {line!r}")
        if line[3] == " ":
            found.append(int(code))
    return found


def smtp(case, feed, *args, code=0, **more):
    """A session whose commands all come at once."""
    call = case.begin("sendmail", "-bs", *args, feed=feed, **more)
    result = call.wait()
    same("exit", (result.code, result.err if code == 0 else ""), (code, ""))
    return result


class Session:
    """A session in which each command waits for its reply."""

    def __init__(self, case, *args, greeting=220):
        self.process = subprocess.Popen(
            [os.path.join(BUILD, "sendmail"), "-C", case.conf_path, "-bs", *args],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=case.env,
            cwd=os.path.join(case.dir, "home"))
        self.last = ""
        if greeting:
            self.expect(greeting)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            try:
                pipe.close()
            except BrokenPipeError:
                pass

    def put(self, text):
        self.process.stdin.write(text if isinstance(text, bytes) else text.encode())
        self.process.stdin.flush()

    def expect(self, code):
        text = b""
        while True:
            line = self.process.stdout.readline()
            text += line
            if not line or line[3:4] == b" ":
                break
        self.last = text.decode("ascii")
        check(text[:3] == b"%d" % code, f"{text!r}, wanted {code}")

    def say(self, text, code, end="\r\n"):
        self.put(text + end)
        self.expect(code)

    def envelope(self, sender="a@src.example", *recipients):
        self.say(f"MAIL FROM:<{sender}>", 250)
        for recipient in recipients or ("b@dest.example",):
            self.say(f"RCPT TO:<{recipient}>", 250)

    def send(self, text=TEXT, code=250, sender="a@src.example", *recipients):
        self.envelope(sender, *recipients)
        self.say("DATA", 354)
        self.put(text)
        self.expect(code)

    def end(self, code=0):
        self.process.stdin.close()
        out = self.process.stdout.read()
        error = self.process.stderr.read()
        same("exit", (self.process.wait(30), error if code == 0 else b""), (code, b""))
        return out


def relayed(case, count=1):
    """The messages that arrived, when all has become quiet."""
    case.relays[0].wait_for("message", count)
    case.wait_quiet()
    same("violations", case.relays[0].violations(), [])
    same("held", case.entries(), [])
    return case.relays[0].stored()


def with_relay(name, *options, conf=None):
    """Decorator: a case with a good relay."""
    def wrap(function):
        def run():
            with Case("bs " + name) as case:
                relay = case.relay(*options)
                case.configure({"port": relay.port}, conf=conf)
                function(case)
        JOBS.append((name, run))
        return function
    return wrap


def with_hold(name, conf=None):
    """Decorator: a case where everything stays held."""
    def wrap(function):
        def run():
            with Case("bs " + name) as case:
                case.configure({"port": 1}, conf=dict(HOLD, **(conf or {})))
                function(case)
        JOBS.append((name, run))
        return function
    return wrap


JOBS = []


def shown(case, which=-1):
    entry = case.entries()[which]
    result = case.run("mailq", "--show", entry)
    same("mailq's exit", result.code, 0)
    return result.out


# Sessions that go well

@with_relay("one message, waiting for each reply")
def plain(case):
    with Session(case) as s:
        match("greeting", r"^220 gate\.harness\.example ", s.last)
        s.say("EHLO me", 250)
        for word in ("PIPELINING", "SIZE 52428800", "8BITMIME", "DSN", "SMTPUTF8",
                     "ENHANCEDSTATUSCODES"):
            match("EHLO", rf"250[ -]{word}\r\n", s.last)
        match("EHLO", r"\A250-gate\.harness\.example", s.last)
        no_match("EHLO", "STARTTLS|AUTH|CHUNKING", s.last)
        s.send()
        match("reply", r"^250 2\.0\.0 .*[0-9A-F]{12}", s.last)
        s.say("QUIT", 221)
        s.end()
    stored, = relayed(case)
    match("message", r"\AFrom: a@src\.example\r\nTo: b@dest\.example\r\nSubject: bs\r\n"
          r"Date: [^\n]*\r\nMessage-ID: <[^>]*@gate\.harness\.example>\r\n\r\nHello\.\r\n\Z",
          stored.decode())


@with_relay("LF ends commands and lines")
def line_feeds(case):
    feed = lines(*ENVELOPE, "DATA", "Subject: lf", "", "..one", ".", "QUIT", end="\n")
    same("codes", codes(smtp(case, feed)), [220, 250, 250, 250, 354, 250, 221])
    check(relayed(case)[0].endswith(b"\r\n\r\n.one\r\n"), "the body")


def smuggle(name, mine, other):
    """A client passes text on that holds the other line end around a dot, and commands."""
    @with_relay(name)
    def run(case):
        hidden = other.join(("MAIL FROM:<evil@src.example>", "RCPT TO:<evil@dest.example>", "DATA",
                             "Subject: smuggled", "", "x"))
        for dot in (other + "." + other, mine + "." + other, other + "." + mine):
            if mine == "\n" and dot.endswith("\n.\n"):
                continue  # that is this client's own dot, which it would have doubled
            since = case.relays[0].mark()
            feed = (lines(*ENVELOPE, "DATA", "Subject: one", "", "first", end=mine)[:-len(mine)]
                    + dot.encode() + hidden.encode() + mine.encode()
                    + lines(".", "QUIT", end=mine))
            same("codes", codes(smtp(case, feed)), [220, 250, 250, 250, 354, 250, 221])
            case.relays[0].wait_for("message", since=since)
            stored = relayed(case)[-1]
            check(b"Subject: smuggled\r\n" in stored.partition(b"\r\n\r\n")[2], "not in the body")
            check(b"\n\n" not in stored and b"\r\r" not in stored, "line ends")
            same("recipients", case.relays[0].recipients(since), ["b@dest.example"])
    return run


smuggle("a dot between other line ends, CRLF", "\r\n", "\n")
smuggle("a dot between other line ends, LF", "\n", "\r\n")


@with_relay("everything at once, no QUIT")
def pipelined(case):
    feed = lines(*ENVELOPE, "RCPT TO:<c@dest.example>", "DATA") + TEXT.encode()
    same("codes", codes(smtp(case, feed)), [220, 250, 250, 250, 250, 354, 250])
    relayed(case)
    same("recipients", case.relays[0].recipients(), ["b@dest.example", "c@dest.example"])


@with_relay("a byte at a time")
def bytewise(case):
    feed = lines(*ENVELOPE, "DATA") + TEXT.encode() + lines("QUIT")
    pieces = [(0.001, feed[i:i + 1]) for i in range(len(feed))]
    same("codes", codes(smtp(case, pieces)), [220, 250, 250, 250, 354, 250, 221])
    relayed(case)


@with_relay("several messages, each sent at once")
def several(case):
    with Session(case) as s:
        s.say("HELO me", 250)
        for number in (1, 2, 3):
            s.send()
            case.relays[0].wait_for("message", number)
        s.say("QUIT", 221)
        s.end()
    same("messages", len(relayed(case, 3)), 3)


@with_relay("five hundred messages at once", conf={"hold.min_free": "0"})
def storm(case):
    count = 500
    one = lines(*ENVELOPE[1:], "DATA") + TEXT.encode()
    call = case.begin("sendmail", "-bs", feed=lines("EHLO me") + count * one + lines("QUIT"))
    most, over = [0], [False]

    def watch():
        while not over[0]:
            most[0] = max(most[0], len(case.strays()))
            time.sleep(0.02)
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        result = call.wait()
    finally:
        over[0] = True
        watcher.join()
    same("exit", (result.code, result.err), (0, ""))
    same("codes", codes(result), [220, 250] + count * [250, 250, 354, 250] + [221])
    check(most[0] <= 40, f"{most[0]} processes for a session")
    case.wait_quiet(40)
    same("messages", len(relayed(case, count)), count)


@with_relay("smtplib over a socket")
def library(case):
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = subprocess.Popen(
                [os.path.join(BUILD, "sendmail"), "-C", case.conf_path, "-bs"], stdin=theirs,
                stdout=theirs, stderr=subprocess.PIPE, env=case.env)
        client = smtplib.SMTP(local_hostname="me")
        client.sock = ours
        client.file = None
        same("greeting", client.getreply()[0], 220)
        client.sendmail("a@src.example", ["b@dest.example", "c@dest.example"],
                        "Subject: lib\n\n.\nx\n..\n",
                        mail_options=["BODY=8BITMIME"], rcpt_options=["NOTIFY=FAILURE"])
        same("VRFY", client.verify("root")[0], 252)
        client.quit()
        error = process.stderr.read()
        same("exit", (process.wait(20), error), (0, b""))
        process.stderr.close()
    check(relayed(case)[0].endswith(b"\r\n\r\n.\r\nx\r\n..\r\n"), "the body")


@with_relay("what MAIL and RCPT say goes on")
def parameters(case):
    feed = lines("EHLO me", "MAIL FROM:<a@src.example> SIZE=100 RET=HDRS ENVID=en+2Bv AUTH=<>",
                 "RCPT TO:<b@dest.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;o+2Bb@dest.example",
                 "RCPT TO:<c@dest.example> NOTIFY=NEVER", "RCPT TO:<d@dest.example>",
                 "DATA") + TEXT.encode() + lines("QUIT")
    smtp(case, feed, "-N", "failure", "-R", "full", "-V", "other", "-f", "x@other.example",
         "-i", "-oem", "-odb", "-F", "Ann", "ignored@other.example")
    relayed(case)
    said = "\n".join(case.relays[0].commands())
    match("MAIL", r"MAIL FROM:<a@src\.example>.* RET=HDRS ENVID=en\+2Bv", said)
    match("RCPT", r"RCPT TO:<b@dest\.example> (?=.*NOTIFY=SUCCESS,DELAY).*"
                  r"ORCPT=rfc822;o\+2Bb@dest\.example", said)
    match("RCPT", r"RCPT TO:<c@dest\.example> NOTIFY=NEVER(\n|\Z)", said)
    match("RCPT", r"RCPT TO:<d@dest\.example>(\n|\Z)", said)
    no_match("all", "other", said)


@with_relay("SMTPUTF8 and an international domain")
def international(case):
    feed = ("EHLO me\r\nMAIL FROM:<jörg@src.example> SMTPUTF8\r\nRCPT TO:<ann@bücher.example>\r\n"
            "DATA\r\nSubject: grün\r\nTo: ann@bücher.example\r\n\r\nGrüße\r\n.\r\nQUIT\r\n")
    result = smtp(case, feed.encode())
    same("codes", codes(result), [220, 250, 250, 250, 354, 250, 221])
    stored, = relayed(case)
    check("Subject: grün\r\n".encode() in stored, f"{stored!r}")
    said = "\n".join(case.relays[0].commands()).encode("latin-1").decode()
    match("MAIL", r"MAIL FROM:<jörg@src\.example>.*SMTPUTF8", said)
    same("recipients", case.relays[0].recipients(), ["ann@xn--bcher-kva.example"])


@with_relay("a refused recipient: a report to the sender", conf={"mail.admin": None})
def refused(case):
    with Session(case) as s:
        s.say("EHLO me", 250)
        s.send(TEXT, 250, "a@src.example", "b@dest.example", "reject550@dest.example")
        s.say("QUIT", 221)
        s.end()
    case.wait_quiet()
    case.flush("--all")
    case.relays[0].wait_for("message", 2)
    same("recipients", case.relays[0].recipients(), ["a@src.example", "b@dest.example"])
    same("failed", len(case.entries("failed")), 1)


# The envelope and the header

@with_hold("aliases, bare names, the same one twice")
def aliases(case):
    case.write("aliases", "root: ops@alias.example\nteam: ann@alias.example, root\n"
                          "bad: ann@alias.example, \"a b\"@x@y, carl@alias.example\n")
    feed = lines("EHLO me", "MAIL FROM:<me>", "RCPT TO:<root>", "RCPT TO:<Team>",
                 "RCPT TO:<\\root>", "RCPT TO:<bob@gate.harness.example>", "RCPT TO:<postmaster>",
                 "RCPT TO: dan@dest.example", "DATA") + TEXT.encode() + lines("QUIT")
    same("codes", codes(smtp(case, feed)), [220] + 8 * [250] + [354, 250, 221])
    same("recipients", case.waiting(),
         ["ann@alias.example", "bob@harness.example", "dan@dest.example", "ops@alias.example",
          "postmaster@harness.example", "root@harness.example"])
    same("sender", case.listing()[0]["sender"], "me@harness.example")


@with_hold("the header's fix-ups, no recipients from it")
def header(case):
    feed = lines(*ENVELOPE, "DATA", "To: b@dest.example, local", "Cc: c@dest.example",
                 "Bcc: d@dest.example", "", "x", ".", "QUIT")
    smtp(case, feed, "-t", "-F", "Ann B.")
    same("recipients", case.waiting(), ["b@dest.example"])
    text = shown(case)
    no_match("Bcc", "(?im)^bcc|d@dest", text)
    match("From", r'\nFrom: "?Ann B\."? <a@src\.example>\n', text)
    match("To", r"\nTo: b@dest\.example, local@harness\.example\n", text)
    match("Date", r"\nDate: ", text)


@with_hold("the null sender")
def null_sender(case):
    feed = lines("EHLO me", "MAIL FROM:<>", ENVELOPE[2], "DATA") + TEXT.encode()
    smtp(case, feed)
    match("sender", r"\nsender +<>\n", shown(case))


@with_hold("transactions do not mix")
def separate(case):
    with Session(case) as s:
        s.say("EHLO me", 250)
        s.say("MAIL FROM:<one@src.example> ENVID=one", 250)
        s.say("RCPT TO:<x@dest.example>", 250)
        s.say("RSET", 250)
        s.say("RCPT TO:<x@dest.example>", 503)
        s.say("MAIL FROM:<two@src.example>", 250)
        s.say("RCPT TO:<y@dest.example>", 250)
        s.say("EHLO again", 250)
        s.say("DATA", 503)
        s.send(TEXT, 250, "three@src.example", "z@dest.example")
        s.say("DATA", 503)
        s.say("QUIT", 221)
        s.end()
    same("entries", len(case.entries()), 1)
    same("recipients", case.waiting(), ["z@dest.example"])
    no_match("envelope", "one|two@|y@dest", shown(case))


# Durable before 250, nothing before

@with_hold("killed behind the 250")
def killed(case):
    with Session(case) as s:
        s.say("EHLO me", 250)
        s.send()
        s.envelope()
        s.say("DATA", 354)
        s.put("Subject: half\r\n\r\n" + 200000 * "x")
        time.sleep(0.1)
        s.process.kill()
        s.process.wait()
    same("entries", len(case.entries()), 1)
    match("the message", "Hello", shown(case))


def cut(name, feed, code):
    @with_hold(f"the input ends {name}")
    def run(case):
        smtp(case, feed, code=code)
        same("entries", case.entries(), [])
        same("half ones", os.listdir(os.path.join(case.hold, "tmp"))
             if os.path.isdir(os.path.join(case.hold, "tmp")) else [], [])
    return run


cut("at once", b"", 0)
cut("behind MAIL", lines(*ENVELOPE[:2]), 0)
cut("inside a command", lines(*ENVELOPE) + b"DAT", 0)
cut("behind DATA", lines(*ENVELOPE, "DATA"), 74)
cut("inside the header", lines(*ENVELOPE, "DATA", "Subject: x"), 74)
cut("inside the body", lines(*ENVELOPE, "DATA", "Subject: x", "", "half"), 74)
cut("behind a dot", lines(*ENVELOPE, "DATA", "Subject: x", "", "half") + b".", 74)
cut("behind a dot and CR", lines(*ENVELOPE, "DATA", "Subject: x", "", "half") + b".\r", 74)


@with_hold("SIGTERM inside a message")
def terminated(case):
    with Session(case) as s:
        s.say("EHLO me", 250)
        s.send()
        s.envelope()
        s.say("DATA", 354)
        s.put("Subject: half\r\n\r\nhalf\r\n")
        time.sleep(0.1)
        s.process.send_signal(signal.SIGTERM)
        s.expect(421)
        out = s.end(128 + signal.SIGTERM)
        same("behind it", out, b"")
    same("entries", len(case.entries()), 1)
    same("half ones", os.listdir(os.path.join(case.hold, "tmp")), [])


@with_hold("SIGTERM while the input never ends")
def terminated_busy(case):
    with open("/dev/zero", "rb") as endless:
        call = subprocess.Popen([os.path.join(BUILD, "sendmail"), "-C", case.conf_path, "-bs"],
                                stdin=endless, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, env=case.env)
        time.sleep(0.3)
        call.terminate()
        try:
            same("exit", call.wait(5), 128 + signal.SIGTERM)
        finally:
            call.kill()
            call.wait()


@with_hold("standard output is closed half-way")
def deaf(case):
    with Session(case) as s:
        s.say("EHLO me", 250)
        s.send()
        s.process.stdout.close()
        end = time.monotonic() + 10
        while s.process.poll() is None and time.monotonic() < end:
            # For a moment another thread's child may have its end of the pipe.
            try:
                s.put(lines("NOOP"))
            except BrokenPipeError:
                pass
            time.sleep(0.05)
        same("exit", s.process.poll(), 74)
    same("entries", len(case.entries()), 1)


def input_of(name, redirect, code):
    @with_hold(f"standard input is {name}")
    def run(case):
        result = subprocess.run(
            ["sh", "-c", f'exec "$0" -C "$1" -bs {redirect}', os.path.join(BUILD, "sendmail"),
             case.conf_path], stdin=subprocess.DEVNULL, capture_output=True, env=case.env,
            timeout=20, check=False)
        same("exit", result.returncode, code)
        match("stdout", r"\A220 ", result.stdout.decode())
        check(code == 0 or re.match(rb"sendmail: .*standard input", result.stderr),
              f"stderr {result.stderr!r}")
    return run


input_of("closed", "<&-", 66)
input_of("a directory", "</tmp", 66)
input_of("/dev/null", "</dev/null", 0)


# What cannot be taken

@with_hold("too big", conf={"mail.max_size": "10K"})
def too_big(case):
    with Session(case) as s:
        s.say("EHLO me", 250)
        match("EHLO", "250-SIZE 10240\r\n", s.last)
        s.say("MAIL FROM:<a@src.example> SIZE=10241", 552)
        match("status", r"^552 5\.3\.4 ", s.last)
        s.send(HEADER + "\r\n" + 300 * (70 * "x" + "\r\n") + ".\r\n", 552)
        match("status", r"^552 5\.3\.4 ", s.last)
        s.send()
        s.say("QUIT", 221)
        s.end()
    same("entries", len(case.entries()), 1)


@with_hold("no limit", conf={"mail.max_size": "0"})
def unlimited(case):
    match("EHLO", r"250-SIZE( 0)?\r\n", smtp(case, lines("EHLO me", "QUIT")).out)


@with_hold("the hold cannot be made", conf={"hold.directory": "{dir}/aliases/hold"})
def no_hold(case):
    result = smtp(case, lines(*ENVELOPE, "DATA", "QUIT"))
    same("codes", codes(result), [220, 250, 451, 503, 503, 221])
    match("reason", r"\r\n451 4\.3\.\d .*aliases/hold", result.out)


@with_hold("no room", conf={"hold.min_free": "900000G"})
def no_room(case):
    result = smtp(case, lines(*ENVELOPE, "DATA") + TEXT.encode() + lines("QUIT"))
    check(codes(result)[:5] == [220, 250, 250, 250, 354] and codes(result)[5] in (451, 452)
          and codes(result)[6:] == [221], f"{result.out!r}")
    match("reason", "min_free", result.out)
    same("entries", case.entries(), [])


@with_hold("a loop")
def loop(case):
    hops = "".join(f"Received: from a{i} by b{i}; Sat, 21 Nov 2026 20:00:00 +0000\r\n"
                   for i in range(101))
    result = smtp(case, lines(*ENVELOPE, "DATA") + (hops + TEXT).encode() + lines("QUIT"))
    same("codes", codes(result), [220, 250, 250, 250, 354, 554, 221])
    match("status", r"\r\n554 5\.4\.6 ", result.out)


@with_hold("the configuration is wrong")
def wrong_configuration(case):
    case.write("postern.conf", "[relay]\nhots = x\n")
    result = smtp(case, lines(*ENVELOPE, "QUIT"), code=78)
    same("codes", codes(result), [421, 421, 421, 421, 221])
    match("stderr", r"sendmail: .*postern\.conf:2: ", result.err)


@with_hold("--dry-run, an unknown relay")
def usage(case):
    for args in (["--dry-run"], ["--relay", "none"]):
        result = smtp(case, lines("QUIT"), *args, code=64)
        match("stderr", r"\Asendmail: .*(dry-run|relay)", result.err)
        same("stdout", result.out, "")


# Errors of the client (RFC 5321 sections 4.2.4, 4.3.2)

ERRORS = [
    ("order", ["RCPT TO:<b@x.example>", "DATA", "MAIL FROM:<a@x.example>", "EHLO me",
               "RCPT TO:<b@x.example>", "DATA", "MAIL FROM:<a@x.example>", "DATA",
               "MAIL FROM:<a@x.example>", "RSET", "DATA"],
     [503, 503, 503, 250, 503, 503, 250, 503, 503, 250, 503]),
    ("syntax", ["EHLO", "HELO me", "MAIL", "MAIL FROM", "MAIL FROM:", "MAIL FROM:<a@x.example",
                "MAIL TO:<a@x.example>", "MAIL FROM:<a@x.example>x", "NOOP x", "RSET x",
                "QUIT now", "DATA now", "VRFY"],
     [501, 250, 501, 501, 501, 501, 501, 501, 250, 501, 501, 501, 501]),
    ("unknown", ["FOO", "", "MAILFROM:<a>", "STARTTLS", "AUTH PLAIN AAAA", "BDAT 1", "EXPN a",
                 "HELP", "VRFY root", "\x80\xff"],
     [500, 500, 500, 502, 502, 502, 502, 214, 252, 500]),
    ("addresses", ["EHLO me", "MAIL FROM:<a b@x.example>", "MAIL FROM:<a@x..example>",
                   "MAIL FROM:<@>", "MAIL FROM:<a@b@c>", "MAIL FROM:<a@x.example>", "RCPT TO:<>",
                   "RCPT TO:<@x.example>", "RCPT TO:<b@x.example,c@x.example>",
                   "RCPT TO:<:include:/etc/passwd>", "RCPT TO:<" + 400 * "x" + "@x.example>",
                   "DATA", "RCPT TO:<b@[192.0.2.1]>", 'RCPT TO:<"a b"@x.example>'],
     [250, 553, 553, 553, 553, 250, 553, 553, 553, 553, 553, 554, 250, 250]),
    ("parameters", ["EHLO me", "MAIL FROM:<a@x.example> FOO=1", "MAIL FROM:<a@x.example> BODY=9BIT",
                    "MAIL FROM:<a@x.example> SIZE=big", "MAIL FROM:<a@x.example> RET=FULL",
                    "RCPT TO:<b@x.example> NOTIFY=NEVER,SUCCESS", "RCPT TO:<b@x.example> FOO",
                    "RCPT TO:<b@x.example> ORCPT=b@x.example"],
     [250, 555, 501, 501, 250, 501, 555, 501]),
]


def errors(name, commands, wanted):
    @with_hold(f"errors: {name}")
    def run(case):
        feed = b"".join(c.encode("latin-1") + b"\r\n" for c in commands)
        got = codes(smtp(case, feed))
        same("replies", len(got), len(commands) + 1)
        for command, code, want in zip(commands, got[1:], wanted):
            check(want in (None, code), f"{command[:60]!r}: {code}, wanted {want}")
        same("entries", case.entries(), [])
    return run


for row in ERRORS:
    errors(*row)


@with_hold("control bytes and long lines")
def hostile(case):
    feed = (b"EHLO me\r\nNO\0OP\r\nNOOP\r\r\nNOOP\rQUIT\r\nNOOP \x1b[2J\r\nNOOP " + 65531 * b"x"
            + b"\r\n" + b"NOOP " + 65532 * b"x" + b"\r\n" + b"NOOP " + 3000000 * b"x" + b"\r\nNOOP\n")
    result = smtp(case, feed)
    same("codes", codes(result), [220, 250, 500, 500, 500, 500, 250, 500, 500, 250])


@with_hold("nothing but the end ends the data")
def smuggling(case):
    inner = lines("MAIL FROM:<evil@src.example>", "RCPT TO:<victim@dest.example>", "DATA").decode()
    tricks = "".join(f"x{before}.{after}{inner}" for before, after in
                     (("\r", "\r\n"), ("\r\n", "\r"), ("\n", "\r\r\n"), ("\r\n", " \r\n"),
                      ("\r", "\r"), ("\n", "\0\n"), ("\0\r", "\n")))
    feed = lines(*ENVELOPE, "DATA") + (HEADER + "\r\n" + tricks).encode() + b"\r\n.\r\n" + \
        lines("QUIT")
    same("codes", codes(smtp(case, feed)), [220, 250, 250, 250, 354, 250, 221])
    same("recipients", case.waiting(), ["b@dest.example"])
    same("in the message", shown(case).count("victim"), 7)


@with_hold("a hundred thousand recipients, replies not read")
def many(case):
    count = 100000
    feed = (lines(*ENVELOPE[:2]) + b"".join(b"RCPT TO:<u%d@dest.example>\r\n" % i
                                            for i in range(count))
            + lines("DATA") + TEXT.encode() + lines("QUIT"))
    with Session(case, greeting=None) as s:
        writer = threading.Thread(target=s.put, args=(feed,), daemon=True)
        writer.start()
        writer.join(40)
        check(not writer.is_alive(), "it stopped reading before all was written")
        out = s.end()
    same("replies", out.count(b"\r\n250 2.1.5 "), count)
    check(out.endswith(b" closes\r\n") and b"\r\n250 2.0.0 held as " in out, f"{out[-200:]!r}")
    same("recipients", len(case.listing()[0]["recipients"]), count)


@with_hold("over 200000 recipients")
def too_many(case):
    count = 200001
    feed = (lines(*ENVELOPE[:2]) + b"".join(b"RCPT TO:<%d@d.example>\r\n" % i
                                            for i in range(count))
            + lines("RCPT TO:<7@d.example>", "RCPT TO:<more@d.example>", "RSET", "QUIT"))
    result = smtp(case, feed)
    same("taken", result.out.count("\r\n250 2.1.5 "), 200001)
    same("last", codes(result)[-5:], [452, 250, 452, 250, 221])


def main():
    run_all(JOBS)


main()
