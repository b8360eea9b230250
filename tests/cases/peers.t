#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs against real servers: Postfix, Exim and OpenSMTPD, as tests/peers/fetch unpacked
them into build/peers (or $PEERS). Each case has a server of its own. A server that is not there,
or cannot be run here, is one case skipped.
"""

import base64
import email
import email.header
import email.policy
import os
import re
import sys
from functools import partial

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "peers")]

# pylint: disable=wrong-import-position
from harness import Skip, check, match, run_all, same
from servers import ALL, DOMAIN, ENVID, LOGIN, PeerCase, Tap, isolation

MIB = 1 << 20
TRACE = {"return-path", "x-original-to", "delivered-to", "received", "envelope-to",
         "delivery-date"}

# A text that a careless sender spoils: dots, long lines, blanks at the end, a line as of mbox.
AWKWARD = ("Gr\u00fc\u00dfe aus K\u00f6ln, \u65e5\u672c\u8a9e.\n.\n..\n.two\n...three\n\n"
           "From here on\n"
           "blanks at the end  \n\t\n=3D =\n-- \n" + "x" * 998 + "\n" + "." * 998 + "\n"
           + "\u00fc" * 499 + "\n\n.\n").encode()

SUBJECT = ("Rechnung f\u00fcr M\u00e4rz \u2013 \u8acb\u6c42\u66f8\u306e\u9001\u4ed8\u306b\u3064"
           "\u3044\u3066, and a tail that makes this too long for a single encoded word \u2713")
FROM = ("J\u00fcrgen Gro\u00df", f"ann@{DOMAIN}")
TO = (("Zo\u00eb \u00c5ngstr\u00f6m", f"bob@{DOMAIN}"), ("Doe, Jan\u00e9", f"cas@{DOMAIN}"))
BCC = ("K\u00e4ufer, geheim", f"dan@{DOMAIN}")
FIELDS = ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "X-Kept")
KEPT = "as  it was,\n\tfolded   by hand"


def big_message(size):
    """A message with attachments of that size together: (all of it, its body)."""
    parts = [b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
             + AWKWARD]
    for number, share in enumerate((size // 3, size - size // 3)):
        parts.append(b"Content-Type: application/octet-stream\n"
                     b"Content-Transfer-Encoding: base64\n"
                     b"Content-Disposition: attachment; filename=part%d.bin\n\n" % number
                     + base64.encodebytes(os.urandom(share)))
    mark = "=_" + os.urandom(12).hex()
    between = f"\n--{mark}\n".encode()
    body = (b"To whom reads this: it is MIME.\n" + between + between.join(parts)
            + f"\n--{mark}--\nand an epilogue\n".encode())
    header = (f"From: {FROM[0]} <{FROM[1]}>\n"
              f"To: {TO[0][0]} <{TO[0][1]}>,\n \"{TO[1][0]}\" <{TO[1][1]}>\n"
              f"Bcc: \"{BCC[0]}\" <{BCC[1]}>\n"
              f"Subject: {SUBJECT}\n"
              "Date: Sat, 21 Nov 2026 20:00:00 +0000\n"
              "Message-ID: <big@src.example>\nMIME-Version: 1.0\n"
              f"Content-Type: multipart/mixed; boundary=\"{mark}\"\nX-Kept: {KEPT}\n\n")
    return header.encode() + body, body


def split(message):
    """The fields of our own as (name, value as it stands), and the body."""
    header, gap, body = message.partition(b"\n\n")
    check(gap, f"no end of the header in {message[:500]!r}")
    fields = []
    for line in header.decode("latin-1").split("\n"):
        if line[:1] in " \t":
            fields[-1][1] += "\n" + line
        else:
            name, _, value = line.partition(":")
            fields.append([name, value.lstrip(" ")])
    while fields and fields[0][0].lower() in TRACE:
        fields.pop(0)
    return [tuple(f) for f in fields], body


def words(value):
    return str(email.header.make_header(email.header.decode_header(value.replace("\n", ""))))


def people(value):
    parsed = email.policy.default.header_factory("To", value.replace("\n", ""))
    same("defects of an address field", list(parsed.defects), [])
    return tuple((a.display_name, a.addr_spec) for a in parsed.addresses)


def check_big(message, body):
    """Byte for byte; the header by the rules."""
    check(b"\r" not in message, "a CR in the maildir")
    fields, got = split(message)
    if got != body:
        at = next((i for i, (a, b) in enumerate(zip(got, body)) if a != b), len(body))
        check(False, f"the body ({len(got)} bytes, wanted {len(body)}) differs from byte {at}: "
                     f"{got[at:at + 80]!r}, wanted {body[at:at + 80]!r}")
    same("fields", tuple(name for name, _ in fields), FIELDS)
    values = dict(fields)
    for name, value in fields:
        check(value.isascii(), f"{name} is not ASCII: {value!r}")
        for line in f"{name}: {value}".split("\n"):
            check("=?" not in line or len(line) <= 76,
                  f"RFC 2047, 2: a line of {len(line)}: {line}")
            for word in re.findall(r"=\?\S*\?=", line):
                check(len(word) <= 75, f"an encoded word of {len(word)}: {word}")
    same("Subject", words(values["Subject"]), SUBJECT)
    same("From", people(values["From"]), (FROM,))
    same("To", people(values["To"]), TO)
    same("X-Kept", values["X-Kept"], KEPT)
    same("Date", values["Date"], "Sat, 21 Nov 2026 20:00:00 +0000")
    same("Message-ID", values["Message-ID"], "<big@src.example>")


def small(to, subject="small", body="Hello.\n.\n..dots\nEnd.\n", extra=""):
    return (f"From: Ann <ann@{DOMAIN}>\nTo: {to}\nSubject: {subject}\n"
            f"Date: Sat, 21 Nov 2026 20:00:00 +0000\nMessage-ID: <small@src.example>\n{extra}\n"
            f"{body}").encode()


def user(name):
    return f"{name}@{DOMAIN}"


def begin(case, peer, tap=None, **relay):
    keys = peer.relay(**relay)
    if tap:
        keys["port"] = str(tap.port)
    case.configure(keys, conf={"delivery.wait": "2m", "mail.hostname": "gate.src.example"})


def silent(what, result):
    same(what, (result.code, result.out, result.err), (0, "", ""))


# Each case: a function of the class of a server.

def check_everybody_big(peer, body):
    peer.expect(bob=1, cas=1, dan=1)
    for name in ("bob", "cas", "dan"):
        check_big(peer.messages(name)[0], body)


def big(kind):
    """20 MiB, through TLS and after a login where the server has them."""
    with PeerCase(kind.name) as case:
        peer = kind(case)
        begin(case, peer)
        message, body = big_message(20 * MIB)
        # bob is named twice and gets it once.
        silent("sendmail", case.send("-t", "-i", "-f", user("ann"), user("bob"), message=message))
        same("entries", case.entries(), [])
        if peer.security != "none":
            match("the log", r"tls=TLSv?1\.[23]", case.log())
        if peer.login:
            match("the log", r"auth=PLAIN", case.log())
        check_everybody_big(peer, body)


def big_held(kind):
    """The same with the server down, and up again."""
    with PeerCase(kind.name) as case:
        peer = kind(case)
        begin(case, peer)
        peer.stop()
        message, body = big_message(20 * MIB)
        silent("sendmail", case.send("-t", "-i", "-f", user("ann"), message=message))
        number, = case.entries()
        match("mailq", rf"^{number}\s+2\d{{7}} .*{user('ann')}\n *\(.*Connection refused.*\)\n"
                       rf"\s+{user('bob')}\n.*-- \d+ Kbytes in 1 Request\.\n$",
              case.reasons().partition("\n")[2])
        same("waiting", case.waiting(), [user("bob"), user("cas"), user("dan")])
        silent("a plain flush leaves a dead relay alone", case.flush())
        peer.start()
        case.flush("--all", limit=120)
        same("entries", case.entries(), [])
        same("mailq", case.reasons(), "Mail queue is empty\n")
        check_everybody_big(peer, body)
        case.flush("--all")
        check_everybody_big(peer, body)


def one_refused(kind):
    """One of three recipients does not exist."""
    with PeerCase(kind.name) as case:
        peer = kind(case)
        begin(case, peer)
        sent = case.send("-i", "-f", user("ann"), user("bob"), user("nobody"), user("cas"),
                         message=small(user("bob")))
        check(sent.code in (67, 69), f"exit {sent.code}")
        match("stderr", rf"^sendmail: <{user('nobody')}>: refused by \S+: 55\d [^\n]*\n$", sent.err)
        if re.search(r": 550 5\.1\.", sent.err):
            same(f"exit for 5.1.x, {sent.err}", sent.code, 67)
        peer.expect(bob=1, cas=1)
        same("hold", case.entries(), [])
        check(len(case.entries("failed")) == 1, f"failed: {case.entries('failed')}")
        failed, = case.listing("--failed")
        same("failed for", [r["address"] for r in failed["recipients"] if r["status"] == "failed"],
             [user("nobody")])


def one_later(kind):
    """One of three recipients is put off; nobody else gets it again."""
    with PeerCase(kind.name) as case:
        peer = kind(case)
        begin(case, peer)
        silent("sendmail", case.send("-i", "-f", user("ann"), user("bob"), user("later"),
                                     user("cas"), message=small(user("bob"))))
        peer.expect(bob=1, cas=1)
        same("waiting", case.waiting(), [user("later")])
        match("mailq", r"\(.*4\d\d .*later, please.*\)", case.reasons())
        case.flush("--all")
        same("waiting still", case.waiting(), [user("later")])
        peer.stop()
        peer.defer = False
        peer.start()
        case.flush("--all")
        same("entries", case.entries(), [])
        peer.expect(bob=1, cas=1, later=1)


def too_large(kind):
    """The server's limit is known before the message is sent."""
    with PeerCase(kind.name) as case:
        peer = kind(case, security="none", size=200000)
        with Tap(peer.port) as tap:
            begin(case, peer, tap)
            body = "No such luck.\n" * 70000
            sent = case.send("-i", "-f", user("ann"), user("bob"),
                             message=small(user("bob"), body=body))
            same("exit", sent.code, 65)
            match("stderr", user("bob"), sent.err)
            check(b"No such luck" not in tap.sent() and len(tap.sent()) < 2000,
                  f"{len(tap.sent())} bytes were sent")
        peer.expect()
        same("hold", (case.entries(), len(case.entries("failed"))), ([], 1))


def utf8_address(kind):
    """SMTPUTF8 where it is offered; else refused for that recipient alone."""
    with PeerCase(kind.name) as case:
        peer = kind(case, security="none")
        name = user("j\u00fcrgen")
        message = small(name)
        with Tap(peer.port) as tap:
            begin(case, peer, tap)
            sent = case.send("-i", "-f", user("ann"), name, user("bob"), message=message)
            if kind.smtputf8:
                silent("sendmail", sent)
                peer.expect(bob=1, juergen=1)
                mail, = tap.line(b"MAIL FROM")
                match("MAIL", r" SMTPUTF8\b", mail.decode())
                fields, _ = split(peer.messages("j\u00fcrgen")[0])
                check(("To", name.encode().decode("latin-1")) in fields, f"the fields are {fields}")
            else:
                same("exit", sent.code, 65)
                match("stderr", rf"^sendmail: <{name}>: [^\n]+SMTPUTF8[^\n]*\n$", sent.err)
                peer.expect(bob=1)
                check(name.encode() not in b"".join(tap.line(b"RCPT")), "sent to the server")
                same("hold", (case.entries(), len(case.entries("failed"))), ([], 1))


def dsn(kind):
    """The parameters of DSN are taken, and the report that was asked for comes."""
    with PeerCase(kind.name) as case:
        peer = kind(case, security="none")
        with Tap(peer.port) as tap:
            begin(case, peer, tap)
            silent("sendmail", case.send(
                "-i", "-f", user("ann"), "-N", "success,failure", "-R", "hdrs", "-V", ENVID,
                user("bob"), message=small(user("bob"))))
            mail, rcpt = tap.line(b"MAIL FROM") + tap.line(b"RCPT TO")
            match("MAIL", r" RET=HDRS\b", mail.decode())
            match("MAIL", rf" ENVID={re.escape(ENVID)}(\s|$)", mail.decode())
            match("RCPT", r" NOTIFY=SUCCESS,FAILURE\b", rcpt.decode())
        peer.expect(ann=1, bob=1)
        report = peer.messages("ann")[0].decode()
        match("the report", r"\nAction: (delivered|relayed)\n", report)
        match("the report", rf"\nFinal-Recipient: rfc822; ?{user('bob')}\n", report)
        if kind.envid:
            match("the report", rf"\nOriginal-Envelope-Id: {re.escape(kind.envid)}\n", report)


def pipelining(kind):
    """The envelope in one go, and the message by BDAT where that is offered."""
    with PeerCase(kind.name) as case:
        peer = kind(case, security="none")
        with Tap(peer.port) as tap:
            begin(case, peer, tap)
            silent("sendmail", case.send("-i", "-f", user("ann"), user("bob"), user("cas"),
                                         message=small(user("bob"))))
            together = [p for p in tap.pieces if b"MAIL FROM:" in p]
            same("recipients sent with MAIL", [p.count(b"RCPT TO:") for p in together],
                 [2 if kind.pipelining else 0])
            if kind.chunking:
                same("DATA", tap.line(b"DATA"), [])
                match("BDAT", r"^BDAT \d+ LAST$", tap.line(b"BDAT")[-1].decode())
            else:
                same("DATA", tap.line(b"DATA"), [b"DATA"])
        peer.expect(bob=1, cas=1)
        for name in ("bob", "cas"):
            fields, body = split(peer.messages(name)[0])
            same("the body", body, b"Hello.\n.\n..dots\nEnd.\n")
            check(("Message-ID", "<small@src.example>") in fields, f"fields {fields}")


def eight_bit(kind):
    """8-bit text goes as it is, with DATA."""
    with PeerCase(kind.name) as case:
        peer = kind(case, security="none", without=("CHUNKING",) if kind.chunking else ())
        with Tap(peer.port) as tap:
            begin(case, peer, tap)
            silent("sendmail", case.send(
                "-i", "-f", user("ann"), user("bob"), message=small(
                    user("bob"), body=AWKWARD.decode(), extra="MIME-Version: 1.0\n"
                    "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n")))
            mail, = tap.line(b"MAIL FROM")
            match("MAIL", r" BODY=8BITMIME\b", mail.decode())
            same("DATA", (tap.line(b"DATA"), tap.line(b"BDAT")), ([b"DATA"], []))
        peer.expect(bob=1)
        same("the body", split(peer.messages("bob")[0])[1], AWKWARD)


def downgrade(kind):
    """A server without 8BITMIME, CHUNKING and PIPELINING: what arrives says the same."""
    with PeerCase(kind.name) as case:
        peer = kind(case, security="none", without=kind.can_hide)
        with Tap(peer.port) as tap:
            begin(case, peer, tap)
            message, body = big_message(MIB)
            silent("sendmail", case.send("-t", "-i", "-f", user("ann"), message=message))
            check(tap.sent().isascii(), "8-bit bytes were sent")
            same("DATA", (tap.line(b"DATA"), tap.line(b"BDAT")), ([b"DATA"], []))
            same("MAIL", tap.line(b"MAIL"), [f"MAIL FROM:<{user('ann')}>".encode()])
            for piece in tap.pieces:
                check(not (b"MAIL FROM" in piece and b"RCPT" in piece), "pipelined")
        peer.expect(bob=1, cas=1, dan=1)
        wanted = email.message_from_bytes(message)
        for name in ("bob", "cas", "dan"):
            got = email.message_from_bytes(peer.messages(name)[0])
            for ours, theirs in zip(wanted.get_payload(), got.get_payload(), strict=True):
                check(ours.get_payload(decode=True) == theirs.get_payload(decode=True),
                      f"another content of {theirs.items()}")
                same("type", theirs["Content-Type"], ours["Content-Type"])
        check(body.isascii() is False, "the case is none")


def certificate(kind, cert, reason):
    """A certificate that does not fit: held, and nothing said to that server."""
    with PeerCase(kind.name) as case:
        peer = kind(case, cert=cert)
        begin(case, peer)
        silent("sendmail", case.send("-i", "-f", user("ann"), user("bob"),
                                     message=small(user("bob"))))
        same("waiting", case.waiting(), [user("bob")])
        match("mailq", reason, case.reasons())
        if peer.login:
            case.check_secret(LOGIN[1])
        peer.expect()
        peer.stop()
        peer.cert = "server"
        peer.start()
        case.flush("--all")
        same("entries", case.entries(), [])
        peer.expect(bob=1)


def wrong_password(kind):
    """The login fails: held, and delivered with the right one."""
    with PeerCase(kind.name) as case:
        peer = kind(case)
        begin(case, peer)
        case.write("password", "open barley\n")
        silent("sendmail", case.send("-i", "-f", user("ann"), user("bob"),
                                     message=small(user("bob"))))
        same("waiting", case.waiting(), [user("bob")])
        match("mailq", r"\(.*535.*\)", case.reasons())
        case.check_secret("open barley")
        peer.expect()
        case.write("password", LOGIN[1] + "\n")
        case.flush("--all")
        same("entries", case.entries(), [])
        peer.expect(bob=1)


def many(kind):
    """Forty held messages over several connections at once, each once."""
    with PeerCase(kind.name) as case:
        peer = kind(case)
        begin(case, peer, connections=4, max_messages=7)
        for number in range(40):
            silent("sendmail", case.send("-odq", "-i", "-f", user("ann"), user("bob"), user("cas"),
                                         message=small(user("bob"), subject=f"number {number}")))
        same("held", len(case.entries()), 40)
        case.flush("--all", limit=120)
        same("entries", case.entries(), [])
        peer.expect(bob=40, cas=40)
        for name in ("bob", "cas"):
            subjects = sorted(email.message_from_bytes(m)["Subject"] for m in peer.messages(name))
            same("subjects", subjects, sorted(f"number {n}" for n in range(40)))


def check_connection(kind):
    """sendmail --check says yes, and after that no."""
    with PeerCase(kind.name) as case:
        peer = kind(case)
        begin(case, peer)
        good = case.run("sendmail", "--check")
        same("exit of --check", good.code, 0)
        if peer.security != "none":
            match("--check", r"TLS ?v?1\.[23]", good.out)
        peer.stop()
        check(case.run("sendmail", "--check").code != 0, "exit 0 without a server")


CERTIFICATES = (("wrong-host", r"\(.*(name|host).*\)"), ("unknown-ca", r"\(.*(trust|CA|issue).*\)"),
                ("expired", r"\(.*expired.*\)"))
CASES = (big, big_held, one_refused, one_later, too_large, utf8_address, dsn, pipelining, eight_bit,
         many, check_connection)


def absent(why):
    raise Skip(why)


def jobs():
    reason = isolation()
    for kind in ALL:
        why = reason if kind.present() else "not fetched; sh tests/peers/fetch does"
        if why:
            yield kind.name, partial(absent, why)
            continue
        for case in CASES:
            yield f"{kind.name} {case.__name__}", partial(case, kind)
        if kind.can_hide:
            yield f"{kind.name} downgrade", partial(downgrade, kind)
        if kind.can_login:
            yield f"{kind.name} wrong_password", partial(wrong_password, kind)
        for cert, said in CERTIFICATES if kind.usual != "none" else ():
            yield f"{kind.name} certificate {cert}", partial(certificate, kind, cert, said)


run_all(list(jobs()), workers=4)
