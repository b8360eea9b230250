#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Input that misbehaves: message bytes, addresses and arguments, the process's surroundings.

The final form of a message is computed here from the rules, not from what came out: lines end
in LF or CRLF (with any number of CR), another CR is a line end in the body and a blank in the
header, NUL is dropped, a last line gets its end, some header fields go and missing ones come.
"""

import email
import email.header
import email.policy
import os
import re
import shutil
import signal
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403

HEAD = (b"From: Ann <a@src.example>\nTo: b@dest.example\nSubject: s\n"
        b"Date: Sat, 21 Nov 2026 20:00:00 +0000\nMessage-ID: <in@src.example>\n")
TO_B = ("-f", "a@src.example", "b@dest.example")
GONE = (b"bcc", b"resent-bcc", b"return-path", b"content-length")
FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")


def fields_and_body(data, dot="i"):
    """The final form: the header fields that stay, and the body. dot: i, safe, classic."""
    data = data.replace(b"\0", b"")
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    fields = []
    while data:
        line, _, rest = data.partition(b"\n")
        line = line.rstrip(b"\r").replace(b"\r", b" ")
        if not line.strip(b" \t"):
            data = rest
            break
        if line[:1] in b" \t" and fields:
            fields[-1] += b"\r\n" + line
        elif re.match(rb">*From [^:]", line) and not fields:
            pass
        elif FIELD.match(line):
            fields.append(line)
        else:
            break
        data = rest
    lines = re.split(rb"\r*\n|\r", data)
    if lines[-1] == b"":
        lines.pop()
    if dot == "classic" and b"." in lines:
        lines = lines[:lines.index(b".")]
    if dot == "safe" and lines[-1:] == [b"."]:
        lines.pop()
    kept = [f for f in fields if f.partition(b":")[0].rstrip().lower() not in GONE]
    return kept, b"".join(line + b"\r\n" for line in lines)


def tidied(stored, _):
    """The first Date; one To for both."""
    check_form(stored, HEAD.replace(b"To: b@dest.example", b"To: b@dest.example,\n c@dest.example")
               + b"Message-ID: <two@src.example>\n\nb\n")


def split_stored(stored):
    head, empty, body = stored.partition(b"\r\n\r\n")
    check(empty, f"no empty line in {stored[:500]!r}")
    fields = re.split(rb"\r\n(?![ \t])", head)
    return fields, body


PATTERNS = {
    b"date": rb"Date: [A-Z][a-z]{2}, \d\d? [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}",
    b"message-id": rb"Message-ID: <[^<> ]+@gate\.harness\.example>",
    b"from": rb"From: (?:.* )?<?a@src\.example>?",
    b"to": rb"To: undisclosed-recipients:;",
}


def check_form(stored, message, dot="i", added=()):
    """added: names of fields that must have come, once each."""
    wanted, body = fields_and_body(message, dot)
    fields, got = split_stored(stored)
    for name in added:
        found = [f for f in fields if f.lower().startswith(name + b":") and f not in wanted]
        check(len(found) == 1, f"{name!r} added {len(found)} times in {fields}")
        check(re.fullmatch(PATTERNS[name], found[0]), f"the field added: {found[0]!r}")
        fields.remove(found[0])
    same("header", fields, wanted)
    if got != body:
        at = next((i for i, (x, y) in enumerate(zip(got, body)) if x != y),
                  min(len(got), len(body)))
        raise Wrong(f"the body differs at byte {at}: {got[max(0, at - 40):at + 40]!r}, wanted "
                    f"{body[max(0, at - 40):at + 40]!r}; {len(got)} and {len(body)} bytes")


class Bytes:
    """A message and how it must arrive; run with the relay up, and down and then flushed."""

    def __init__(self, name, message, args=("-i",), dot="i", added=(), to=("b@dest.example",),
                 rcpt=TO_B, conf=None, verify=None, chunks=None, violations=()):
        self.name, self.message, self.dot, self.added = name, message, dot, added
        self.args, self.rcpt, self.to, self.conf = args, rcpt, list(to), conf or {}
        self.verify, self.chunks, self.violations = verify, chunks, list(violations)

    def judge(self, relay):
        stored = relay.stored()
        same("messages at the relay", len(stored), 1)
        same("recipients", relay.recipients(), sorted(self.to))
        same("violations", relay.violations(), self.violations)
        same("bytes behind the message", relay.accepted()[0]["behind"], 0)
        if self.verify:
            self.verify(stored[0], relay)
        else:
            check_form(stored[0], self.message, self.dot, self.added)
        return stored[0]

    def run(self, down):
        with Case(self.name) as case:
            relay = case.relay()
            case.configure({"port": relay.port}, conf=self.conf)
            if down:
                relay.stop()
            feed = self.chunks or self.message
            result = case.send(*self.args, *self.rcpt, feed=feed)
            same("end", (result.code, result.out, result.err), (0, "", ""))
            case.check_cost(result)
            case.wait_quiet()
            if down:
                same("held", len(case.entries()), 1)
                relay.good()
                case.flush("--all")
            same("held in the end", case.entries(), [])
            self.judge(relay)


def b(name, body, **more):
    return Bytes(name, HEAD + b"\n" + body, **more)


def text_of(stored):
    """The decoded text of a message of one part, LF."""
    parsed = email.message_from_bytes(stored, policy=email.policy.default)
    return parsed.get_payload(decode=True).replace(b"\r\n", b"\n")


def decoded(body):
    """The relay may get it encoded, but a reader sees the same."""
    def verify(stored, relay):
        check(relay.accepted()[0]["longest"] <= 998, "a line over 998 bytes")
        same("the text", text_of(stored), body)
        check_parts(stored)
    return verify


def check_parts(stored):
    check(all(len(line) <= 998 for line in stored.split(b"\r\n")), "a line over 998 bytes")


def kept_fields(stored, message, changed):
    """All fields but the changed ones are there byte by byte."""
    wanted, _ = fields_and_body(message)
    fields, _ = split_stored(stored)
    for field in wanted:
        if field.partition(b":")[0].lower() not in changed:
            check(field in fields, f"{field!r} is not in {fields}")


def header_text(name, text):
    def verify(stored, _relay):
        head = stored.partition(b"\r\n\r\n")[0]
        check(head.isascii(), f"8-bit bytes in the header: {head!r}")
        raw = email.message_from_bytes(stored)[name]
        got = str(email.header.make_header(email.header.decode_header(re.sub(r"\r?\n", "", raw))))
        same(name, got, text)
    return verify


def ascii_header(stored, _relay):
    head = stored.partition(b"\r\n\r\n")[0]
    check(head.isascii(), f"8-bit bytes in the header: {head!r}")


def no_bcc(stored, relay):
    check(b"hidden" not in stored and not re.search(rb"(?im)^(resent-)?bcc[ \t]*:", stored),
          f"Bcc is there: {stored!r}")


SMUGGLED = (b"MAIL FROM:<x@evil.example>\r\nRCPT TO:<y@evil.example>\r\nDATA\r\n"
            b"x: y\r\n\r\nz\r\n.\r\n")
ENDS = (b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\n.\r", b"\r\n.\r", b"\r\n.\r\r\n", b"\0\n.\n",
        b"\n\0.\n", b"\n.\0\n", b"\r\n.\r\n", b"\n.\n", b"\r\r\n.\r\r\n", b"\n..\r\n", b"\r.\r\n",
        b"\n.\r.\n", b".\r\n.\r\n")

BODIES = [
    b("I1 dot, -i", b"a\n.\nb\n"),
    b("I1 dot, -oi", b"a\n.\nb\n", args=("-oi",)),
    b("I1 dot in the middle", b"a\n.\nb\n", args=(), dot="safe"),
    b("I1 dot at the end", b"a\nb\n.\n", args=(), dot="safe"),
    b("I1 dot CRLF at the end", b"a\r\nb\r\n.\r\n", args=(), dot="safe"),
    b("I1 dot without a newline at the end", b"a\n.", args=(), dot="safe"),
    b("I1 two dots at the end", b"a\n.\n.\n", args=(), dot="safe"),
    b("I1 only a dot", b".\n", args=(), dot="safe"),
    b("I1 dot at the end, -i", b"a\nb\n.\n"),
    b("I1 classic", b"a\n.\nb\n", args=(), dot="classic", conf={"mail.dot": "classic"}),
    b("I1 classic, CRLF", b"a\r\n.\r\nb\r\n", args=(), dot="classic",
      conf={"mail.dot": "classic"}),
    b("I1 classic, -i", b"a\n.\nb\n", conf={"mail.dot": "classic"}),
    b("I1 classic, much behind", b"a\n.\n" + 300000 * b"x", args=(), dot="classic",
      conf={"mail.dot": "classic"}),
    b("I1 dots not unstuffed", b"..\n..a\n.b\n...\n", args=(), dot="safe"),
    b("I3 CRLF", b"a\r\nb\r\n\r\nc\r\n"),
    Bytes("I3 all CRLF", (HEAD + b"\na\nb\n").replace(b"\n", b"\r\n")),
    Bytes("I3 CRLF header, LF body", HEAD.replace(b"\n", b"\r\n") + b"\r\na\nb\n"),
    b("I3 mixed", b"a\nb\r\nc\rd\r\r\ne\n\rf\r\n"),
    b("I3 CR only", b"a\rb\r\rc\r"),
    Bytes("I3 CR in the header", b"X-a: 1\r2\n" + HEAD + b"\nb\n"),
    Bytes("I3 CR CR LF in the header", b"X-a: 1\r\r\n" + HEAD + b"\nb\n"),
    b("I4 NUL", b"a\0b\n\0\n\0\0c\r\0\n"),
    Bytes("I4 NUL in the header", b"X-a: 1\x002\n" + HEAD + b"\nb\n"),
    b("I5 no newline at the end", b"a\nb"),
    b("I5 CR at the end", b"a\nb\r"),
    b("I5 CR LF CR at the end", b"a\nb\r\n\r"),
    Bytes("I5 end in the header", HEAD + b"X-a: b"),
    Bytes("I6 header only", HEAD),
    Bytes("I6 header and blank line only", HEAD + b"\n"),
    Bytes("I6 body only", b"only a body\n", added=(b"date", b"from", b"message-id")),
    Bytes("I6 empty", b"", added=(b"date", b"from", b"message-id")),
    Bytes("I6 blank first line", b"\nbody\n", added=(b"date", b"from", b"message-id")),
    Bytes("I6 no blank line", HEAD + b"this is no field\nb\n"),
    Bytes("I6 leading blank", b" x: y\nbody\n", added=(b"date", b"from", b"message-id")),
    Bytes("I7 From_ line", b"From a@x Sat Nov 21 20:00:00 2026\n>From b\n" + HEAD + b"\nb\n"),
    b("I7 From in the body", b"From me to you\n>From x\n"),
    Bytes("I7 UTF-8 mark", b"\xef\xbb\xbf" + HEAD + b"\nb\n"),
    Bytes("I7 field with a blank before the colon", b"X-a : b\n" + HEAD + b"\nb\n",
          verify=lambda stored, relay: check(re.match(rb"X-a ?: b\r\n", stored), f"{stored!r}")),
    Bytes("I12 twice", HEAD + b"Date: Fri, 20 Nov 2026 20:00:00 +0000\n"
          b"Message-ID: <two@src.example>\nTo: c@dest.example\n\nb\n", verify=tidied),
    Bytes("I12 no Date", HEAD.replace(b"Date", b"X-Date") + b"\nb\n", added=(b"date",)),
    Bytes("I12 no From", HEAD.replace(b"From", b"X-From") + b"\nb\n", added=(b"from",)),
    Bytes("I12 no Message-ID", HEAD.replace(b"Message-ID", b"X-Id") + b"\nb\n",
          added=(b"message-id",)),
    Bytes("I12 year 99999", HEAD.replace(b"2026", b"99999") + b"\nb\n"),
    Bytes("I13 Bcc, no -t", b"Bcc: hidden@x.example\n" + HEAD + b"\nb\n", verify=no_bcc),
    Bytes("I13 Bcc only, -t", b"Bcc: hidden@x.example,\n hidden2@x.example\n"
          b"From: a@src.example\n\nb\n", args=("-t",), rcpt=("-f", "a@src.example"),
          to=("hidden@x.example", "hidden2@x.example"), verify=no_bcc),
    Bytes("I13 bcc folded thrice, -t", HEAD + b"bCC: hidden@x.example,\n\thidden2@x.example,\n"
          b"  hidden3@x.example\nX-after: kept\n\nb\n", args=("-t",),
          rcpt=("-f", "a@src.example"),
          to=("b@dest.example", "hidden@x.example", "hidden2@x.example", "hidden3@x.example"),
          verify=lambda stored, relay: (no_bcc(stored, relay),
                                        check(b"X-after: kept" in stored, "a field was lost"))),
    Bytes("I13 Bcc twice", b"Bcc: hidden@x.example\n" + HEAD + b"BCC: hidden@y.example\n\nb\n",
          verify=no_bcc),
    Bytes("I13 Resent-Bcc", b"Resent-From: a@src.example\nResent-To: b@dest.example\n"
          b"Resent-Date: Sat, 21 Nov 2026 20:00:00 +0000\nResent-Message-ID: <r@src.example>\n"
          b"Resent-Bcc: hidden@x.example\n" + HEAD + b"\nb\n", verify=no_bcc),
    Bytes("I13 Return-Path, Content-Length", b"Return-Path: <x@y>\n" + HEAD
          + b"Content-Length: 17\nLines: 3\n\nb\n"),
    Bytes("I16 100 Received", 100 * b"Received: from x by y; Sat, 21 Nov 2026 20:00:00 +0000\n"
          + HEAD + b"\nb\n"),
    b("I17 998", b"short\n" + 998 * b"x" + b"\nend\n"),
    b("I17 997", 997 * b"x" + b"\n"),
    b("I17 998 dots", b"." + 997 * b"x" + b"\n"),
    Bytes("I17 header of 2,000",
          b"X-long: " + b" ".join([99 * b"w"] * 20) + b"\n" + HEAD + b"\nb\n",
          verify=lambda stored, relay: (
              check(relay.accepted()[0]["longest"] <= 998, "a line over 998"),
              same("X-long", re.sub(r"\s+", " ", email.message_from_bytes(stored)["X-long"]),
                   " ".join(["w" * 99] * 20)))),
    b("I18 three MB", b"a line of some length, to be repeated very often\n" * 60000),
] + [
    b(f"I2 {end!r}", b"a" + end + SMUGGLED.replace(b"\r\n.\r\n", b"\r\n\r\n")) for end in ENDS
] + [
    b(f"I2 {end!r} and real commands", b"a" + end + SMUGGLED) for end in ENDS[:6]
] + [
    b(f"I17 line of {n}", b"short\n" + (b"word " * (n // 5) + b"x" * n)[:n] + b"\n.end\n",
      verify=decoded(b"short\n" + (b"word " * (n // 5) + b"x" * n)[:n] + b"\n.end\n"))
    for n in (999, 1000, 1024, 4096, 65536)
] + [
    b(f"I17 UTF-8 line of {2 * n}", n * "\u00fc".encode() + b"\n",
      verify=decoded(n * "\u00fc".encode() + b"\n")) for n in (500, 40000)
] + [
    Bytes(f"I12 empty {name}", re.sub(rb"(?m)^" + name.encode() + rb": .*$",
                                      name.encode() + b":", HEAD) + b"\nb\n",
          verify=lambda stored, relay, key=name: check(
              (email.message_from_bytes(stored).get_all(key) or []) != [] and all(
                  x.strip() for x in email.message_from_bytes(stored).get_all(key)),
              f"{key}: {stored!r}"))
    for name in ("Date", "From", "Message-ID")
] + [
    Bytes("I11 8-bit Subject",
          HEAD.replace(b"Subject: s", "Subject: gr\u00fc\u00dfe \u20ac".encode()) + b"\nb\n",
          verify=header_text("Subject", "gr\u00fc\u00dfe \u20ac")),
    Bytes("I11 8-bit name", HEAD.replace(b"Ann", "J\u00fcrgen M\u00fcller".encode()) + b"\nb\n",
          verify=header_text("From", "J\u00fcrgen M\u00fcller <a@src.example>")),
    Bytes("I11 not UTF-8", HEAD.replace(b"Subject: s", b"Subject: gr\xfc\xdfe") + b"\nb\n",
          verify=ascii_header),
    Bytes("I11 long 8-bit Subject", HEAD.replace(b"Subject: s", b"Subject: "
                                                 + ("\u00fc" * 400).encode()) + b"\nb\n",
          verify=header_text("Subject", "\u00fc" * 400)),
]


# Many messages, one flush: every size of the pieces, every place of a dot

def swarm(name, feeds, messages):
    """feeds: what is written for each of messages."""
    def run():
        with Case(name) as case:
            relay = case.relay()
            case.configure({"port": relay.port, "connections": "1"},
                           conf={"delivery.mode": "hold"})
            wanted = []
            for feed, message in zip(feeds, messages):
                result = case.send("-i", *TO_B, feed=feed)
                same("end", (result.code, result.err), (0, ""))
                fields, body = fields_and_body(message)
                wanted.append(b"\r\n".join(fields) + b"\r\n\r\n" + body)
            case.flush("--all")
            same("held", case.entries(), [])
            same("violations", relay.violations(), [])
            stored = relay.stored()
            same("messages", len(stored), len(wanted))
            for i, form in enumerate(wanted):
                check(form in stored, f"message {i} did not arrive as it should: {form[-200:]!r}")
    return name, run


PUZZLE = HEAD + (b"\r\n.\r\n..\r\n.\ra\n\r\r\n.x\r\n" + b"abc\r\n.\n" * 8 + b"end\r")
PIECES = [[(0.0002, PUZZLE[i:i + n]) for i in range(0, len(PUZZLE), n)] for n in range(1, 65)]


def dots_at_edges():
    messages = []
    for edge in (4096, 8192, 16384, 32768, 65536, 131072):
        for shift in range(-3, 3):
            for dot in (b"\n.\n", b"\r\n.\r\n"):
                start = HEAD + b"\n"
                lines = b"filling, forty bytes a line with its end\n" * 4000
                pad = lines[:edge + shift - len(start) - 1]
                messages.append(start + pad + dot + b"end\n")
    return messages


# Refusals and limits

def refused(name, code, args, message=HEAD + b"\nb\n", why="", conf=None, codes=None, held=0):
    """Nothing is sent, nothing held, all input read, a line says why."""
    def run():
        with Case(name) as case:
            relay = case.relay()
            case.configure({"port": relay.port}, conf=conf)
            call = case.begin("sendmail", *args, feed=message + 200000 * b"more to be read\n")
            result = call.wait()
            case.check_output("sendmail", result)
            check(result.code in (codes or (code,)),
                  f"exit {result.code}, wanted {codes or code}: {result.err!r}")
            same("stdout", result.out, "")
            check(result.err, "nothing on stderr")
            for line in result.err.splitlines():
                check(re.fullmatch(r"(sendmail|usage): [ -~\u00a0-\U0010ffff]+", line),
                      f"stderr: {line!r}")
            if why:
                match("stderr", why, result.err)
            check(not call.broken, "the input was not read to its end")
            same("held", (len(case.entries()), case.entries("failed")), (held, []))
            same("left in tmp/", os.listdir(os.path.join(case.hold, "tmp"))
                 if os.path.isdir(os.path.join(case.hold, "tmp")) else [], [])
            same("connections", relay.events("connect"), [])
    return name, run


def limits(name, make, code, seconds, rss=RSS_KIB, conf=None):
    """A stream that is too much: refused while it is read, in little memory."""
    def run():
        with Case(name) as case:
            case.configure({"port": 9}, conf=dict({"delivery.mode": "hold"}, **(conf or {})))
            result = case.start_measured("sendmail", "-i", *TO_B, feed=make())
            same("exit", result.code, code)
            check(code == 0 or result.err, "no reason on stderr")
            same("held", len(case.entries()), 0 if code else 1)
            if not SANITIZED:
                check(result.rss <= rss, f"{result.rss} KiB of memory")
                check(result.cpu <= seconds, f"{result.cpu:.1f} s of CPU time")
    return name, run


def big_line():
    yield HEAD + b"\n"
    for _ in range(60):
        yield (1 << 20) * b"x"


def big_lines():
    yield HEAD + b"\n"
    for _ in range(60):
        yield 13107 * (79 * b"y" + b"\n")


def many_fields():
    for i in range(100):
        yield b"".join(b"X-%d: y\n" % (1000 * i + k) for k in range(1000))
    yield HEAD + b"\nb\n"


def long_field():
    yield b"X-long: "
    for _ in range(10):
        yield (1 << 20) * b"x"
    yield b"\n" + HEAD + b"\nb\n"


def continuations():
    yield b"X-folded: x\n"
    for _ in range(100):
        yield 10000 * b" x\n"
    yield HEAD + b"\nb\n"


def streamed():
    """64 MiB through both programs in little memory."""
    with Case("I8 64 MiB") as case:
        relay = case.relay("--size", "0", "--discard")
        case.configure({"port": relay.port, "timeout": "30s", "dot_timeout": "30s"},
                       conf={"delivery.mode": "hold", "mail.max_size": "0"})
        result = case.start_measured("sendmail", "-i", *TO_B, feed=big_lines())
        same("end", (result.code, result.err), (0, ""))
        flush = case.start_measured("flushq", "--all")
        same("flushq", (flush.code, flush.err), (0, ""))
        same("size", [e["size"] for e in relay.accepted()],
             [len(wire_form(b"".join(big_lines())))])
        same("held", case.entries(), [])
        if not SANITIZED:
            check(max(result.rss, flush.rss) <= RSS_KIB, f"{result.rss} and {flush.rss} KiB")
            check(result.cpu < 2 and flush.cpu < 2, f"{result.cpu:.1f} s and {flush.cpu:.1f} s")


def signed():
    """A signed part must stay as it is: refused rather than altered."""
    message = (HEAD + b'MIME-Version: 1.0\nContent-Type: multipart/signed; boundary="q";\n'
               b' micalg=pgp-sha256; protocol="application/pgp-signature"\n\n--q\n'
               b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
               b"gr\xc3\xbc\xc3\x9fe\n--q\nContent-Type: application/pgp-signature\n\nsig\n--q--\n")
    with Case("I15 signed") as case:
        relay = case.relay("--without", "8BITMIME")
        case.configure({"port": relay.port})
        result = case.send("-i", *TO_B, message=message)
        case.wait_quiet()
        same("exit", result.code, 65)
        match("stderr", "sendmail: <b@dest.example>: not sent: .*sign", result.err)
        same("failed", len(case.entries("failed")), 1)
        same("accepted", relay.accepted(), [])
        relay.good()
        since = relay.mark()
        same("retry", case.run("flushq", "--retry", "all").code, 0)
        case.flush("--all")
        same("unchanged at a server with 8BITMIME", relay.stored(since),
             [wire_form(message)])


def nested():
    """A hundred multiparts, one in the other, with 8-bit text inside, to a 7-bit server."""
    inner = (b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
             b"gr\xc3\xbc\xc3\x9fe\n")
    for i in range(100):
        edge = b"edge-%d" % i
        inner = (b'Content-Type: multipart/mixed; boundary="' + edge + b'"\n\n--' + edge + b"\n"
                 + inner + b"--" + edge + b"--\n")
    with Case("I15 nested") as case:
        relay = case.relay("--without", "8BITMIME")
        case.configure({"port": relay.port})
        result = case.send("-i", *TO_B, message=HEAD + b"MIME-Version: 1.0\n" + inner)
        case.wait_quiet()
        check(result.code in (0, 65), f"exit {result.code}")
        same("violations", relay.violations(), [])
        check(all(m.isascii() for m in relay.stored()), "8-bit bytes on the wire")
        same("somewhere", len(relay.stored()) + len(case.entries("failed")), 1)


def mime_odd(name, body, kind):
    """Odd MIME with 8-bit bytes to a 7-bit server: seven bits, or refused."""
    def run():
        with Case(name) as case:
            relay = case.relay("--without", "8BITMIME")
            case.configure({"port": relay.port})
            result = case.send("-i", *TO_B, message=HEAD + b"MIME-Version: 1.0\n" + kind + b"\n"
                               + body)
            case.wait_quiet()
            check(result.code in (0, 65), f"exit {result.code}")
            same("violations", relay.violations(), [])
            same("somewhere", len(relay.stored()) + len(case.entries("failed")), 1)
    return name, run


# 2 Addresses and arguments

def addressed(name, args, to, sender="a@src.example", message=HEAD + b"\nb\n", conf=None,
              aliases=None, code=0, err=None):
    """to: the addresses at the relay, bytes as Latin-1."""
    def run():
        with Case(name) as case:
            relay = case.relay()
            if aliases:
                case.write("aliases", aliases)
            case.configure({"port": relay.port}, conf=conf)
            result = case.send(*args, message=message)
            case.wait_quiet()
            same("end", (result.code, result.out), (code, ""))
            if err:
                match("stderr", err, result.err)
            else:
                same("stderr", result.err, "")
            same("recipients", relay.recipients(), sorted(to))
            same("violations", relay.violations(), [])
            same("held", case.entries(), [])
            if sender is not None:
                same("sender", {e["sender"] for e in relay.accepted()}, {sender})
    return name, run


def latin(text):
    return text.encode().decode("latin-1")


F = ("-i", "-f", "a@src.example")
LOCAL_64 = 64 * "l"
ADDRESS_254 = "l@" + ("d" * 60 + ".") * 4 + "d" * (254 - 2 - 244)
# Between the limits of the standard and these a server may say no; beyond, we do.
LONG_LOCAL, LONG_ADDRESS = 257 * "l" + "@x.example", 120 * "l" + ADDRESS_254[1:]
ALIASES = ("list: " + ", ".join(f"m{i}@alias.example" for i in range(1000)) + "\n"
           "loop1: loop2\nloop2: loop1, out@alias.example\n"
           "root: ops@alias.example\n")

SECTION_2 = [
    refused(f"I19 {what!r} in {option}", 64, (option + what, "b@dest.example"), codes=(64, 65))
    for option in ("-fa@x", "-ra@x", "-Fname", "-Nnever", "-Rfull", "-Vid", "-h7", "-B8BITMIME")
    for what in ("\r", "\n", "\r\nRCPT TO:<x@y>", "\x1b[31m", "\x7f")
] + [
    refused(f"I19 recipient {what!r}", 64, (*F, what), codes=(64, 65))
    for what in ("b@dest.example\nRCPT TO:<evil@x.example>", "b\r@dest.example",
                 "b@dest.example>", "b @dest.example\x00"[:-1] + "\x01", "\x7fb@x.example")
] + [
    refused(f"I19 sender {what!r}", 65, ("-i", "-f", what, "b@dest.example"), codes=(64, 65))
    for what in ("a@", "a@x>y", "a@b@c", "<a@b", "a@x, b@y")
] + [
    refused(f"I19 recipient {what!r}", 65, (*F, what), codes=(64, 65))
    for what in ("b@", "@x.example", "a@b@c", "<b@x.example", "b@x.example>", "", "   ", "-", "<>",
                 "a@[bad", "a@[300.1.2.3]", "a@x..y", LONG_LOCAL, LONG_ADDRESS,
                 "b@" + 1000 * "d" + ".example", "a@b\ufffdd.example",
                 "a@" + 64 * "d" + ".example")
] + [
    addressed("I20 -f ''", ("-i", "-f", "", "b@dest.example"), ["b@dest.example"], ""),
    addressed("I20 -f '<>'", ("-i", "-f", "<>", "b@dest.example"), ["b@dest.example"], ""),
    addressed("I20 -f<>", ("-i", "-f<>", "b@dest.example"), ["b@dest.example"], ""),
    addressed("I20 -f '<a@b>'", ("-i", "-f", "<x@src.example>", "b@dest.example"),
              ["b@dest.example"], "x@src.example"),
    addressed("I20 -f 'Name <a@b>'", ("-i", "-f", "Some Name <x@src.example>", "b@dest.example"),
              ["b@dest.example"], "x@src.example"),
    addressed("I20 -f twice", ("-f", "x@src.example", "-i", "-f", "y@src.example",
                               "b@dest.example"), ["b@dest.example"], "y@src.example"),
    addressed("I20 -f then -r", ("-fx@src.example", "-ry@src.example", "-i", "b@dest.example"),
              ["b@dest.example"], "y@src.example"),
    addressed("I20 bare -f", ("-i", "-f", "user", "b@dest.example"), ["b@dest.example"],
              "user@harness.example"),
    addressed("I20 -f behind --", (*F, "--", "-f", "b@dest.example"),
              ["-f@harness.example", "b@dest.example"]),
    addressed("I20 From: group", (*F, "b@dest.example"), ["b@dest.example"],
              message=HEAD.replace(b"Ann <a@src.example>", b"g: x@y.example, z@y.example;")
              + b"\nb\n"),
    addressed("I21 quoted", (*F, '"a b"@x.example'), ['"a b"@x.example']),
    addressed("I21 quoted quote", (*F, '"a\\"b"@x.example'), ['"a\\"b"@x.example']),
    addressed("I21 quoted at", (*F, '"a@b"@x.example'), ['"a@b"@x.example']),
    addressed("I21 local part of 64", (*F, LOCAL_64 + "@x.example"), [LOCAL_64 + "@x.example"]),
    addressed("I21 address of 254", (*F, ADDRESS_254), [ADDRESS_254]),
    addressed("I21 percent and bang", (*F, "u%h@x.example", "h!u@x.example"),
              ["u%h@x.example", "h!u@x.example"]),
    addressed("I22 list in one argument", (*F, "b@x.example,c@x.example, d@x.example"),
              ["b@x.example", "c@x.example", "d@x.example"]),
    addressed("I22 with names", (*F, "Bee <b@x.example>", "(c) c@x.example"),
              ["b@x.example", "c@x.example"]),
    addressed("I23 group, -t", ("-t", *F), ["x@g.example", "y@g.example"],
              message=b"From: a@src.example\nTo: g: x@g.example, y@g.example;\n\nb\n"),
    addressed("I23 empty group and one", ("-t", *F), ["y@g.example"],
              message=b"From: a@src.example\nTo: none:;, y@g.example\n\nb\n"),
    refused("I23 empty group only, -t", 65, ("-t", *F),
            b"From: a@src.example\nTo: undisclosed-recipients:;\n\nb\n"),
    addressed("I23 undisclosed-recipients: beside one", (*F, "undisclosed-recipients:",
                                                         "b@x.example"), ["b@x.example"]),
    refused("I23 undisclosed-recipients: alone", 64, (*F, "undisclosed-recipients:"),
            codes=(64, 65)),
    addressed("I25 IPv4 literal", (*F, "a@[127.0.0.1]"), ["a@[127.0.0.1]"]),
    addressed("I25 IPv6 literal", (*F, "a@[IPv6:::1]"), ["a@[IPv6:::1]"]),
    addressed("I26 IDN", (*F, "a@b\u00fccher.example"), ["a@xn--bcher-kva.example"]),
    addressed("I26 IDN in upper case", (*F, "a@B\u00dcCHER.example"), ["a@xn--bcher-kva.example"]),
    addressed("I26 A-label", (*F, "a@xn--bcher-kva.example"), ["a@xn--bcher-kva.example"]),
    addressed("I26 local part", (*F, "\u00fc@x.example"), [latin("\u00fc@x.example")]),
    addressed("I26 IDN in -f", ("-i", "-f", "a@b\u00fccher.example", "b@x.example"),
              ["b@x.example"], "a@xn--bcher-kva.example"),
    addressed("I27 bare", (*F, "someone"), ["someone@harness.example"]),
    addressed("I27 root by alias", (*F, "root"), ["ops@alias.example"], aliases=ALIASES),
    addressed("I27 root@localhost by alias", (*F, "root@localhost"), ["ops@alias.example"],
              aliases=ALIASES),
    addressed("I27 \\root", (*F, "\\root"), ["root@harness.example"], aliases=ALIASES),
    addressed("I27 list of 1,000", (*F, "list"),
              [f"m{i}@alias.example" for i in range(1000)], aliases=ALIASES),
    addressed("I28 1,000", (*F, *[f"r{i}@x.example" for i in range(1000)]),
              [f"r{i}@x.example" for i in range(1000)]),
    addressed("I28 duplicates", (*F, "b@x.example", "b@X.Example", "b@x.example,c@x.example"),
              ["b@x.example", "c@x.example"]),
    addressed("I28 local parts differ in case", (*F, "b@x.example", "B@x.example"),
              ["B@x.example", "b@x.example"]),
    addressed("I29 -t and operands", ("-t", *F, "c@dest.example", "b@dest.example"),
              ["b@dest.example", "c@dest.example"]),
    refused("I29 -t and no recipient", 65, ("-t", *F), b"From: a@src.example\n\nb\n"),
    refused("I29 none named", 64, F),
    addressed("I29 -- -x@y", (*F, "--", "-x@y.example"), ["-x@y.example"]),
    addressed("I29 -oi as a recipient", (*F, "b@x.example", "-oi"),
              ["-oi@harness.example", "b@x.example"]),
    refused("I30 unknown option", 64, (*F, "-Z", "b@x.example"), why="Z"),
    refused("I30 unknown long option", 64, (*F, "--foo", "b@x.example"), why="foo"),
    refused("I30 option without its value", 64, ("-f",), why="argument"),
    refused("I30 -bd", 64, ("-bd",), why="daemon"),
    refused("I30 -bt", 64, ("-bt",)),
    addressed("I30 classic ones", ("-oi", "-oem", "-oQ/x", "-odi", "-om", "-oA/etc/x", "-O",
                                   "DeliveryMode=i", "-Am", "-G", "-n", "-d0.1", "-h", "9", "-p",
                                   "smtp:h", "-X", "/nonexistent/x", "-fa@src.example",
                                   "b@x.example"), ["b@x.example"]),
    addressed("I30 clusters", ("-tifa@src.example",), ["b@dest.example"]),
    addressed("I31 many recipients in To", ("-t", *F), [f"r{i}@x.example" for i in range(300)],
              message=b"From: a@src.example\nTo: "
              + b",\n ".join(b"r%d@x.example" % i for i in range(300)) + b"\n\nb\n"),
]


def quiet_links():
    """I30: called by other names."""
    with Case("I30 names") as case:
        relay = case.relay()
        case.configure({"port": relay.port})
        for name, out in (("mailq", "Mail queue is empty\n"), ("newaliases", ""), ("runq", "")):
            path = os.path.join(case.dir, name)
            os.symlink(os.path.join(BUILD, "sendmail"), path)
            result = Call([path, "-C", case.conf_path], env=case.env).wait()
            same(name, (result.code, result.out, result.err), (0, out, ""))
        for args, out in ((("-bp",), "Mail queue is empty\n"), (("-bi",), ""), (("-q",), ""),
                          (("-q30m",), ""), (("-bpc",), "0\n")):
            result = case.run("sendmail", *args)
            same(str(args), (result.code, result.out, result.err), (0, out, ""))


def alias_loop():
    with Case("I27 loop") as case:
        relay = case.relay()
        case.write("aliases", ALIASES)
        case.configure({"port": relay.port})
        result = case.send(*F, "loop1")
        same("end", (result.code, result.err), (0, ""))
        check(result.seconds < 2, f"took {result.seconds:.1f} s")
        got = [a for a in relay.recipients() if not a.startswith("loop")]
        same("recipients", got, ["out@alias.example"])


def programs_in_aliases(target):
    def run():
        with Case("I27 aliases") as case:
            relay = case.relay()
            case.write("aliases", f"bad: {target}\ngood: g@alias.example\n")
            case.configure({"port": relay.port})
            result = case.send(*F, "bad", "good")
            case.wait_quiet()
            check(not os.path.exists(os.path.join(case.dir, "made")), "a program was run")
            # A name whose alias counts for nothing is a bare name, or refused.
            check(relay.recipients() in (["g@alias.example"], [],
                                         ["bad@harness.example", "g@alias.example"]),
                  f"delivered to {relay.recipients()}")
            check(result.code in (0, 65), f"exit {result.code}: {result.err!r}")
            if result.code == 0:
                same("silence", result.err, "")
    return f"I27 alias {target.replace('{dir}', '')}", run


# 3 Process environment and resources

def stdin_as(name, script, codes):
    """script: a shell's redirection of the input."""
    def run():
        with Case("I32 " + name) as case:
            relay = case.relay()
            case.configure({"port": relay.port})
            result = case.send("-i", *TO_B, wrap=("sh", "-c", f'exec "$@" {script}', "sh"))
            check(result.code in codes, f"exit {result.code}, wanted {codes}: {result.err!r}")
            check(result.err.startswith("sendmail: "), f"stderr {result.err!r}")
            same("held", case.entries(), [])
            same("sent", relay.events("connect"), [])
    return "I32 stdin is " + name, run


def terminal_end(name, keys, dot_seen):
    def run():
        with Case("I32 tty") as case:
            relay = case.relay()
            case.configure({"port": relay.port})
            code, shown, _ = terminal(case, "sendmail", *TO_B, feed=keys, stdin_too=True)
            case.wait_quiet()
            same("exit", code, 0)
            stored, = relay.stored()
            check_form(stored, HEAD + b"\nfirst\n")
    return name, run


def begin_open(case, text):
    """A call whose input is not at its end: the call, and what keeps the input open."""
    read, write = os.pipe()
    os.write(write, text)
    call = case.begin("sendmail", "-i", *TO_B, feed=None, stdin=read)
    os.close(read)
    return call, write


def interrupted_tty():
    with Case("I32 ^C") as case:
        relay = case.relay()
        case.configure({"port": relay.port})
        call, write = begin_open(case, HEAD + b"\nhalf")
        time.sleep(0.4)
        call.kill(signal.SIGINT)
        result = call.wait(10)
        os.close(write)
        same("exit", result.code, 130)
        same("held", (case.entries(), relay.events("connect")), ([], []))


def stopped_while_reading(number):
    def run():
        with Case("I34") as case:
            relay = case.relay()
            case.configure({"port": relay.port})
            call, write = begin_open(case, HEAD + b"\n" + 600 * (99 * b"x" + b"\n"))
            time.sleep(0.5)
            call.kill(number)
            result = call.wait(10)
            os.close(write)
            same("exit", result.code, 128 + number)
            case.check_output("sendmail", result)
            same("held", (case.entries(), case.entries("failed")), ([], []))
            same("in tmp/", os.listdir(os.path.join(case.hold, "tmp")), [])
            same("sent", relay.events("connect"), [])
            check(result.cpu < 0.5, f"{result.cpu} s of CPU while waiting")
    return f"I34 signal {number} while reading", run


def stopped_after_publish(number, place):
    """The message is ours: it stays held or is sent, once."""
    def run():
        with Case("I34 after") as case:
            relay = case.relay("--on", f"{place} wait 1500 normal")
            case.configure({"port": relay.port, "timeout": "10s"})
            call, write = begin_open(case, HEAD + b"\nb\n")
            os.close(write)
            case.wait_entries(1)
            relay.wait_for("connect")
            time.sleep(0.3)
            call.kill(number)
            result = call.wait(10)
            check(result.seconds < 1.6, f"took {result.seconds:.1f} s")
            check(result.code in (75, 128 + number), f"exit {result.code}")
            match("stderr", "sendmail: .*held", result.err)
            case.wait_quiet()
            case.flush("--all")
            same("delivered", relay.recipients(), ["b@dest.example"])
            same("held", case.entries(), [])
    return f"I34 signal {number} while {place} waits", run


def file_size_limit():
    with Case("I37") as case:
        relay = case.relay()
        case.configure({"port": relay.port})
        result = case.send("-i", *TO_B, message=HEAD + b"\n" + 1000000 * b"x\n",
                           wrap=("sh", "-c", 'ulimit -f 64; exec "$@"', "sh"))
        check(result.code in (71, 73, 74, 75), f"exit {result.code}: {result.err!r}")
        match("stderr", "sendmail: .*(too large|limit|space)", result.err)
        same("held", case.entries(), [])
        same("in tmp/", os.listdir(os.path.join(case.hold, "tmp")), [])
        same("sent", relay.events("connect"), [])


def small_disk():
    if os.getuid() != 0:
        raise Skip("needs root")
    with Case("I38") as case:
        relay = case.relay()
        case.configure({"port": relay.port})
        script = ('mount -t tmpfs -o size=64k,mode=700 none "$HOLD" || exit 99; "$@"; code=$?; '
                  'find "$HOLD" -type f >&2; exit $code')
        result = case.send("-i", *TO_B, message=HEAD + b"\n" + 200000 * b"x\n",
                           env={"HOLD": case.hold},
                           wrap=("unshare", "-m", "sh", "-c", script, "sh"))
        if result.code in (1, 99):
            raise Skip(f"no mount namespace here: {result.err!r}")
        check(result.code in (73, 74, 75), f"exit {result.code}: {result.err!r}")
        no_match("left behind", re.escape(case.hold) + r"/\S*/[0-9A-F]{12}", result.err)
        match("stderr", "No space|space", result.err)
        same("sent", relay.events("connect"), [])


def bad_hold(name, prepare, codes=(73, 75, 77), user=False, may_work=False):
    def run():
        with Case("I40 " + name) as case:
            relay = case.relay()
            case.configure({"port": relay.port})
            wrap = ()
            if user:
                if os.getuid() != 0 or not shutil.which("setpriv"):
                    raise Skip("needs root and setpriv")
                wrap = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                        "--no-new-privs")
            prepare(case)
            if user:
                open_path(case)
            result = case.send("-i", *TO_B, wrap=wrap)
            check(result.seconds <= 4, f"took {result.seconds:.1f} s")
            if may_work and result.code == 0:
                case.wait_quiet()
                same("delivered", relay.recipients(), ["b@dest.example"])
                return
            check(result.code in codes, f"exit {result.code}, wanted {codes}: {result.err!r}")
            match("stderr", re.escape(case.hold), result.err)
            same("sent", relay.events("connect"), [])
    return "I40 hold: " + name, run


def open_path(case):
    """Lets another user in, as far as the case needs it."""
    os.chown(case.conf_path, 65534, 65534)
    os.chmod(case.dir, 0o711)
    path = os.path.dirname(case.dir)
    while path != "/":
        if os.stat(path).st_uid == os.getuid() and not os.stat(path).st_mode & 1:
            if path == TOP:
                os.chmod(path, 0o711)
            else:
                raise Skip(f"{path} is closed to others")
        path = os.path.dirname(path)


def remake(kind):
    def prepare(case):
        os.rmdir(case.hold)
        if kind == "file":
            case.write("hold", "x")
        elif kind == "link":
            os.mkdir(case.hold + "2")
            os.symlink(case.hold + "2", case.hold)
        elif kind == "dangling":
            os.symlink(case.hold + "2", case.hold)
    return prepare


def closed_to_user(case):
    os.chmod(case.hold, 0o700)


def configured(name, text, line=None, code=78, kept=True, where="postern.conf", mode=0o600):
    """text: the whole file, with {good} for what is right."""
    def run():
        with Case("I44 " + name) as case:
            relay = case.relay()
            case.configure({"port": relay.port})
            with open(case.conf_path, encoding="ascii") as file:
                good = file.read()
            data = text(good) if callable(text) else text
            case.write("postern.conf", data.encode("latin-1"), mode)
            result = case.send("-i", *TO_B)
            case.wait_quiet()
            same("exit", result.code, code)
            if code == 0:
                same("delivered", relay.recipients(), ["b@dest.example"])
                return
            same("sent", relay.events("connect"), [])
            if line is not None:
                number = line(good) if callable(line) else line
                match("stderr", rf"sendmail: {re.escape(case.conf_path)}:{number}: ", result.err)
            same("kept in failed/", len(case.entries("failed")), 1 if kept else 0)
            if kept:
                case.write("postern.conf", good)
                same("retry", case.run("flushq", "--retry", "all").code, 0)
                case.flush("--all")
                same("delivered after all", relay.recipients(), ["b@dest.example"])
    return "I44 configuration: " + name, run


def next_line(text):
    return len(text.splitlines()) + 1


def logged(name, target, prepare=None):
    """Where the log goes never changes the result."""
    def run():
        with Case("I45 " + name) as case:
            relay = case.relay()
            case.configure({"port": relay.port}, conf={"log.to": target})
            if prepare:
                prepare(case)
            result = case.send("-i", *TO_B)
            case.wait_quiet()
            same("end", (result.code, result.err), (0, ""))
            check(result.seconds < 4, f"took {result.seconds:.1f} s")
            same("delivered", relay.recipients(), ["b@dest.example"])
    return "I45 log: " + name, run


def fifo_log(case):
    os.mkfifo(os.path.join(case.dir, "fifo"))


def reset_socket():
    """A reset in the middle of the input is a read error, never the end of the message."""
    with Case("I33") as case:
        relay = case.relay()
        case.configure({"port": relay.port})
        with socket.create_server(("127.0.0.1", 0)) as server:
            client = socket.create_connection(server.getsockname())
            peer, _ = server.accept()
        call = case.begin("sendmail", "-i", *TO_B, feed=None, stdin=peer.fileno())
        peer.close()
        client.sendall(HEAD + b"\nhalf of it\n")
        time.sleep(0.3)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        result = call.wait(10)
        same("exit", result.code, 74)
        match("stderr", "sendmail: .*(reset|read)", result.err)
        same("held", (case.entries(), relay.events("connect")), ([], []))


def nonblocking_pipe():
    with Case("I33b") as case:
        relay = case.relay()
        case.configure({"port": relay.port})
        read, write = os.pipe()
        os.set_blocking(read, False)
        call = case.begin("sendmail", "-i", *TO_B, feed=None, stdin=read)
        os.close(read)
        for piece in (HEAD, b"\na\n", b"b\n"):
            time.sleep(0.2)
            os.write(write, piece)
        os.close(write)
        result = call.wait(10)
        same("end", (result.code, result.err), (0, ""))
        check(result.cpu < 0.3, f"{result.cpu} s of CPU")
        check_form(relay.stored()[0], HEAD + b"\na\nb\n")


def unix_socket():
    with Case("I33c") as case:
        relay = case.relay()
        case.configure({"port": relay.port})
        ours, theirs = socket.socketpair()
        call = case.begin("sendmail", "-i", *TO_B, feed=None, stdin=theirs.fileno())
        theirs.close()
        ours.sendall(HEAD + b"\na\n")
        ours.close()
        same("end", (call.wait(10).code, len(relay.stored())), (0, 1))


def unlinked_file():
    with Case("I33d") as case:
        relay = case.relay()
        case.configure({"port": relay.port})
        path = case.write("input", HEAD + b"\na\n.\n")
        with open(path, "rb") as file:
            os.unlink(path)
            call = case.begin("sendmail", *TO_B, feed=None, stdin=file.fileno())
            result = call.wait(10)
        same("end", (result.code, result.err), (0, ""))
        check_form(relay.stored()[0], HEAD + b"\na\n.\n", "safe")


def closed_outputs():
    """Standard output and error closed: no descriptor of ours takes their place."""
    with Case("I32 closed") as case:
        relay = case.relay()
        case.configure({"port": relay.port})
        result = case.send("-i", *TO_B, wrap=("sh", "-c", 'exec "$@" >&- 2>&-', "sh"))
        case.wait_quiet()
        same("exit", result.code, 0)
        check_form(relay.stored()[0], MESSAGE)


OTHERS = [
    swarm("I17 pieces of 1 to 64 bytes", PIECES, [PUZZLE] * 64),
    swarm("I17 dots at the edges of buffers", dots_at_edges(), dots_at_edges()),
    limits("I8 a line of 60 MiB", big_line, 65, 10),
    limits("I8 60 MiB in lines", big_lines, 65, 10),
    limits("I9 100,000 fields", many_fields, 65, 4, 64 * 1024),
    limits("I9 a field of 10 MiB", long_field, 65, 4, 64 * 1024),
    limits("I9 a million continuation lines", continuations, 65, 4, 64 * 1024),
    ("I8 64 MiB streamed", streamed),
    ("I15 signed, 7-bit server", signed),
    ("I15 nested", nested),
    mime_odd("I15 boundary of 100", b"--" + 100 * b"b" + b"\n\n\xc3\xbc\n--" + 100 * b"b" + b"--\n",
             b"Content-Type: multipart/mixed; boundary=" + 100 * b"b" + b"\n"),
    mime_odd("I15 no end", b"--q\nContent-Type: text/plain\n\n\xc3\xbc\n",
             b"Content-Type: multipart/mixed; boundary=q\n"),
    mime_odd("I15 8-bit in base64", b"\xc3\xbcabc=\n", b"Content-Transfer-Encoding: base64\n"),
    mime_odd("I15 unknown encoding", b"\xc3\xbc\n", b"Content-Transfer-Encoding: x-what\n"),
    refused("I16 200 Received", 69, ("-i", *TO_B),
            200 * b"Received: from x by y; Sat, 21 Nov 2026 20:00:00 +0000\n" + HEAD + b"\nb\n",
            why="loop|hop|Received"),
    refused("I16 101 Received", 69, ("-i", *TO_B),
            101 * b"Received: from x by y; Sat, 21 Nov 2026 20:00:00 +0000\n" + HEAD + b"\nb\n"),
    refused("I8 over max_size", 65, ("-i", *TO_B), HEAD + b"\n" + 2000 * b"x",
            why="max_size|1000|size", conf={"mail.max_size": "1000"}),
    ("I30 called by other names", quiet_links),
    ("I27 alias loop", alias_loop),
    programs_in_aliases('"|touch {dir}/made"'),
    programs_in_aliases("/tmp/postern-test-file"),
    programs_in_aliases(":include:/etc/passwd"),
    stdin_as("closed", "<&-", (66,)),
    stdin_as("write-only", "0>/dev/null", (66, 74)),
    stdin_as("a directory", "</tmp", (66,)),
    terminal_end("I32 terminal, Ctrl-D", HEAD + b"\nfirst\n\x04", False),
    terminal_end("I32 terminal, dot", HEAD + b"\nfirst\n.\n", True),
    ("I32 interrupted", interrupted_tty),
    ("I32 outputs closed", closed_outputs),
    ("I33 socket reset", reset_socket),
    ("I33 pipe that does not block", nonblocking_pipe),
    ("I33 socket", unix_socket),
    ("I33 deleted file", unlinked_file),
    *[stopped_while_reading(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP,
                                         signal.SIGQUIT)],
    *[stopped_after_publish(n, place) for n, place in (
        (signal.SIGINT, "CONNECT"), (signal.SIGTERM, "RCPT"), (signal.SIGHUP, "DATA"),
        (signal.SIGQUIT, "DOT"), (signal.SIGTERM, "DOT"))],
    ("I37 file size limit", file_size_limit),
    ("I38 full disk", small_disk),
    bad_hold("missing", remake("none"), may_work=True),
    bad_hold("a file", remake("file")),
    bad_hold("a link", remake("link")),
    bad_hold("a dangling link", remake("dangling")),
    bad_hold("closed to the user", closed_to_user, codes=(77,), user=True),
    configured("empty", "", 1, kept=False),
    configured("comment only", "; nothing\n", kept=False),
    configured("NUL", lambda good: good + "\0\n", next_line),
    configured("UTF-8 mark", lambda good: "\xef\xbb\xbf" + good, 1),
    configured("CRLF", lambda good: good.replace("\n", "\r\n"), code=0),
    configured("unknown key", lambda good: good + "colour = red\n", next_line),
    configured("unknown section", lambda good: good + "[colour]\nred = yes\n", next_line),
    configured("duplicate key", lambda good: good + "host = other.example\n", next_line),
    configured("bad value", lambda good: good + "timeout = soon\n", next_line),
    configured("no key", lambda good: good + "just words\n", next_line),
    configured("long line", lambda good: good + "helo = " + 5000 * "x" + "\n", next_line),
    configured("no relay", lambda good: good.partition("[relay]")[0]),
    logged("nowhere", "none"),
    logged("folder missing", "{dir}/missing/log"),
    logged("full", "/dev/full"),
    logged("a folder", "{dir}"),
    logged("a pipe nobody reads", "{dir}/fifo", fifo_log),
    logged("syslog", "syslog"),
]


def missing_configuration():
    with Case("I44 missing") as case:
        case.conf_path += ".not"
        result = case.send("-i", *TO_B)
        same("exit", result.code, 78)
        match("stderr", "sendmail: .*postern.conf.not", result.err)


def huge_configuration():
    with Case("I44 huge") as case:
        case.configure({"port": 25})
        with open(case.conf_path, "a", encoding="ascii") as file:
            file.truncate(1 << 30)
        result = case.start_measured("sendmail", "-i", *TO_B, feed=MESSAGE)
        same("exit", result.code, 78)
        check(result.seconds < 3, f"took {result.seconds:.1f} s")
        if not SANITIZED:
            check(result.rss < RSS_KIB, f"{result.rss} KiB")


def open_configuration():
    with Case("I44 open") as case:
        case.configure({"port": 25, "user": "u", "password": "geheim",
                        "security": "starttls"})
        os.chmod(case.conf_path, 0o666)
        result = case.send("-i", *TO_B)
        same("exit", result.code, 78)
        match("stderr", r"sendmail: .*postern\.conf.*(666|mode|others|write)", result.err)
        no_match("stderr", "geheim", result.err)


OTHERS += [
    ("I44 configuration: missing", missing_configuration),
    ("I44 configuration: 1 GiB", huge_configuration),
    ("I44 configuration: a password, open to all", open_configuration),
]


def main():
    jobs = []
    for row in BODIES:
        jobs.append((row.name + " (up)", lambda row=row: row.run(False)))
        jobs.append((row.name + " (down, flushed)", lambda row=row: row.run(True)))
    run_all(OTHERS + SECTION_2 + jobs)


main()
