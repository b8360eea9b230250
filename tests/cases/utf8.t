#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses beyond ASCII, and servers without SMTPUTF8: who cannot be served is refused alone."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403

SENDER, ASCII, OTHER, FOREIGN = ("a@src.example", "b@dest.example", "c@dest.example",
                                 "\u00fc@dest.example")
PLAIN = ("--without", "SMTPUTF8")
OLD = ("--without", "SMTPUTF8 8BITMIME")
HELD = {"delivery.mode": "hold"}
WORDS = "=?utf-8?Q?"
NOT_SENT = r"\Asendmail: <{}>: not sent: [^\n]*SMTPUTF8[^\n]*\n\Z"


def latin(address):
    """As the relay's log has its bytes."""
    return address.encode().decode("latin-1")


def message(to, more="", body="b\n"):
    return f"From: {SENDER}\nTo: {to}\nSubject: s\n{more}\n{body}".encode()


def case_with(*options, conf=None, **keys):
    case = Case("utf8")
    relay = case.relay(*options)
    case.configure({"port": relay.port, **keys}, conf=conf)
    return case, relay


def fields(relay, name, number=0):
    head = relay.stored()[number].partition(b"\r\n\r\n")[0].decode()
    return re.findall(rf"(?m)^{name}: (.*)$", re.sub(r"\r\n(?=[ \t])|\r", "", head))


def refused_alone(result, relay, address, *others):
    same("exit", result.code, 65)
    match("stderr", NOT_SENT.format(re.escape(address)), result.err)
    same("delivered", relay.recipients(), sorted(others))
    same("violations", relay.violations(), [])


def naked_word():
    """A name that was cut in two at its comma."""
    case, relay = case_with(*PLAIN)
    with case:
        sent = case.send("-t", "-i", "-f", SENDER, message=message(f"J\u00fcrgen, Doe <{ASCII}>"))
        refused_alone(sent, relay, "J\u00fcrgen@harness.example", ASCII)
        same("To", fields(relay, "To"), [f"{WORDS}J=C3=BCrgen?=:;, Doe <{ASCII}>"])
        same("failed", len(case.entries("failed")), 1)


def naked_word_aside():
    """In the header only, it is nobody's business."""
    for to in ("J\u00fcrgen, Doe <{}>", "Doe <{}>, J\u00fcrgen", "<J\u00fcrgen>, Doe <{}>",
               "Doe <{}>, <J\u00fcrgen <x>", "Doe <{}>, J\u00fcrgen@", "J\u00fcrgen; Doe <{}>"):
        case, relay = case_with(*PLAIN)
        with case:
            sent = case.send("-i", "-f", SENDER, ASCII, message=message(to.format(ASCII)))
            same(f"end, {to}", (sent.code, sent.err), (0, ""))
            same(f"delivered, {to}", relay.recipients(), [ASCII])
            same(f"violations, {to}", relay.violations(), [])
            check(f"Doe <{ASCII}>" in fields(relay, "To")[0], f"{fields(relay, 'To')}")


def naked_author():
    """A From that is but a name is the name of the sender."""
    case, relay = case_with(*PLAIN)
    with case:
        sent = case.send("-i", "-f", SENDER, ASCII, message="From: J\u00fcrgen\n\nb\n".encode())
        same("end", (sent.code, sent.err), (0, ""))
        same("From", fields(relay, "From"), [f"{WORDS}J=C3=BCrgen?= <{SENDER}>"])


def alone(name, *options, body="b\n", **keys):
    """The address stands in the header too."""
    def run():
        case, relay = case_with(*options, **keys)
        with case:
            to = f"J\u00fcrgen <{FOREIGN}>, {ASCII}"
            cc = f"Cc: friends: {OTHER}, {FOREIGN};\nReply-To: \u00fc@b\u00fccher.example\n"
            sent = case.send("-t", "-i", "-f", SENDER, message=message(to, cc, body))
            refused_alone(sent, relay, FOREIGN, ASCII, OTHER)
            same("To", fields(relay, "To"),
                 [f"{WORDS}J=C3=BCrgen?= {WORDS}_=3C=C3=BC=40dest=2Eexample=3E?=:;, {ASCII}"])
            same("Cc", fields(relay, "Cc"),
                 [f"friends: {OTHER}, ({WORDS}=C3=BC=40dest=2Eexample?=);"])
            match("Reply-To", r"\A=\?utf-8\?Q\?[^ ?]+\?=:;\Z", fields(relay, "Reply-To")[0])
            # What was refused is kept as it was.
            failed, = case.listing("--failed")
            same("refused", [r["address"] for r in failed["recipients"]
                             if r["status"] == "failed"], [FOREIGN])
            check(f"<{FOREIGN}>" in case.run("mailq", "--show", failed["queue_id"]).out, "the header")
    return name, run


def header_only():
    """Only the header has it: nobody is refused, and a server that can take it gets it."""
    for options, plain in ((PLAIN, True), ((), False)):
        case, relay = case_with(*options)
        with case:
            sent = case.send("-i", "-f", SENDER, ASCII, message=message(f"{FOREIGN}, {ASCII}"))
            same("end", (sent.code, sent.err), (0, ""))
            same("delivered", relay.recipients(), [ASCII])
            same("violations", relay.violations(), [])
            to = f"{WORDS}=C3=BC=40dest=2Eexample?=:;" if plain else FOREIGN
            same("To", fields(relay, "To"), [f"{to}, {ASCII}"])
            same("SMTPUTF8", "SMTPUTF8" in relay.accepted()[0]["params"], not plain)


def another_relay():
    """Who is refused by the first is sent by the second, which gets the header as it is."""
    with Case("utf8") as case:
        first, second = case.relay(*PLAIN), case.relay()
        case.configure(("first", {"port": first.port}), ("second", {"port": second.port}))
        sent = case.send("-t", "-i", "-f", SENDER, message=message(f"{FOREIGN}, {ASCII}"))
        same("end", (sent.code, sent.err), (0, ""))
        same("by the first", first.recipients(), [ASCII])
        same("by the second", second.recipients(), [latin(FOREIGN)])
        same("To", fields(second, "To"), [f"{FOREIGN}, {ASCII}"])
        same("violations", first.violations() + second.violations(), [])


def exchangers():
    """Each domain's server gets what it can take."""
    with Case("utf8") as case:
        plain = case.relay(*PLAIN)
        able = case.relay("--listen", "127.0.0.2", "--port", str(plain.port))
        hosts = {"dest.example": "127.0.0.1", "able.example": "127.0.0.2"}

        def answer(name, kind):
            if kind == "MX":
                return ("records", [])
            return ("records", [("A", hosts[name])])
        names = Names(answer)
        case.configure({"host": None, "mx": "yes", "port": plain.port},
                       conf={"dns.server": f"127.0.0.1:{names.port}"})
        foreign = "\u00fc@able.example"
        sent = case.send("-t", "-i", "-f", SENDER, message=message(f"{foreign}, {ASCII}, {FOREIGN}"))
        names.close()
        refused_alone(sent, plain, FOREIGN, ASCII)
        same("by the able one", able.recipients(), [latin(foreign)])
        same("To", fields(able, "To"), [f"{foreign}, {ASCII}, {FOREIGN}"])
        same("violations", able.violations(), [])


def by_smtp():
    """Handed in with SMTPUTF8, all of the header is UTF-8."""
    case, relay = case_with(*PLAIN, conf=HELD)
    with case:
        feed = (f"EHLO me\r\nMAIL FROM:<{SENDER}> SMTPUTF8\r\nRCPT TO:<{FOREIGN}>\r\n"
                f"RCPT TO:<{ASCII}>\r\nDATA\r\nFrom: J\u00fcrgen <{SENDER}>\r\nSubject: gr\u00fcn\r\n"
                f"To: {FOREIGN}, c@b\u00fccher.example\r\nMessage-ID: <\u00fc@x>\r\n\r\n"
                "Gr\u00fc\u00dfe\r\n.\r\nQUIT\r\n")
        same("exit", case.begin("sendmail", "-bs", feed=feed.encode()).wait(60).code, 0)
        case.flush("--all")
        message, report = relay.stored()
        same("delivered", relay.recipients(), sorted([ASCII, SENDER]))
        same("violations", relay.violations(), [])
        same("From", fields(relay, "From"), [f"{WORDS}J=C3=BCrgen?= <{SENDER}>"])
        same("Subject", fields(relay, "Subject"), [f"{WORDS}gr=C3=BCn?="])
        same("To", fields(relay, "To"),
             [f"{WORDS}=C3=BC=40dest=2Eexample?=:;, c@xn--bcher-kva.example"])
        same("Message-ID", fields(relay, "Message-ID"), ["<=C3=BC@x>"])
        check(message.endswith("\r\n\r\nGr\u00fc\u00dfe\r\n".encode()), f"{message!r}")
        check(b"Status: 5.6.7" in report, f"{report!r}")


def asked_for():
    """What the caller asks for is said to the server, needed or not, where it is on offer."""
    for options in ((), OLD):
        case, relay = case_with(*options)
        with case:
            for call in (("-B", "8BITMIME"), ("-B7BIT",), ("-U",), ()):
                result = case.send("-i", *call, "-f", SENDER, ASCII)
                same(f"{call}", (result.code, result.err), (0, ""))
            said = [["SMTPUTF8" in a["params"], "8BITMIME" in str(a["params"])]
                    for a in relay.accepted()]
            same("asked", said, [[False, not options], [False, False],
                                 [not options, False], [False, False]])


def author():
    """Whose author cannot be named is not sent; others are."""
    case, relay = case_with(*PLAIN)
    with case:
        sent = case.send("-i", "-f", SENDER, ASCII,
                         message=f"From: {FOREIGN}\nTo: {ASCII}\n\nb\n".encode())
        same("exit", sent.code, 65)
        match("stderr", NOT_SENT.format(ASCII).replace("SMTPUTF8", "SMTPUTF8.*From"), sent.err)
        sent = case.send("-i", "-f", FOREIGN, ASCII, message=message(ASCII))
        same("exit", sent.code, 65)
        match("stderr", NOT_SENT.format(ASCII).replace("SMTPUTF8", "SMTPUTF8.*sender"), sent.err)
        same("delivered", relay.recipients(), [])


def same_bytes():
    """A second try sends what the first did."""
    case, relay = case_with(*PLAIN, "--on", "DOT 1 reply 451 later")
    with case:
        sent = case.send("-i", "-f", SENDER, ASCII, message=message(f"{FOREIGN}, {ASCII}"))
        same("end", (sent.code, sent.err), (0, ""))
        case.flush("--all")
        sizes = [e["size"] for e in relay.events("message")]
        same("sizes", sizes, sizes[:1] * 2)
        same("SIZE", [re.findall(r"SIZE=(\d+)", x)[0] for x in relay.commands() if "MAIL" in x],
             [str(sizes[0])] * 2)


def named_server():
    """A relay whose name is not ASCII cannot be reached: the mail waits, and is read again."""
    case, relay = case_with(*PLAIN)
    with case:
        case.configure({"host": None, "socket": "{dir}/gr\u00fcn", "port": None, "dead_max": "1s"})
        for _ in range(2):
            sent = case.send("-i", "-f", SENDER, ASCII, message=message(ASCII))
            same("end", (sent.code, sent.err), (0, ""))
        same("flushq", case.run("flushq", "--all").err, "")
        match("mailq", "/gr.*\n.*Total requests: 2", case.run("mailq", "-v").out)
        same("entries", len(case.entries()), 2)
        case.configure({"port": relay.port})
        case.flush("--all")
        same("delivered", (len(relay.accepted()), case.entries()), (2, []))


def commands():
    """What a terminal may take for a command is no letter, in an address neither."""
    case, _ = case_with(*PLAIN)
    with case:
        sent = case.send("-i", "-f", SENDER, "\u00fc\u009b31m@dest.example")
        same("exit", sent.code, 65)
        match("stderr", NOT_SENT.format(r"\u00fc\\xC2\\x9B31m@dest\.example"), sent.err)


def inside():
    """A message inside the message, with an address like that, for a server of 7 bits."""
    case, relay = case_with(*OLD)
    with case:
        text = message(ASCII, "MIME-Version: 1.0\nContent-Type: message/rfc822\n"
                       "Content-Transfer-Encoding: 8bit\n",
                       f"From: {FOREIGN}\nTo: {ASCII}\nSubject: gr\u00fcn\n\nb\n")
        sent = case.send("-i", "-f", SENDER, ASCII, message=text)
        same("end", (sent.code, sent.err), (0, ""))
        same("violations", relay.violations(), [])


run_all([
    ("naked word, -t", naked_word),
    ("naked word in the header", naked_word_aside),
    ("naked word in From", naked_author),
    alone("refused alone", *PLAIN),
    alone("refused alone, CHUNKING", *PLAIN, "--with", "CHUNKING"),
    alone("refused alone, one command at a time", "--without", "SMTPUTF8 PIPELINING"),
    alone("refused alone, LMTP", *PLAIN, "--lmtp", protocol="lmtp"),
    alone("refused alone, 7 bits", *OLD, body="gr\u00fcn\n"),
    ("in the header only", header_only),
    ("another relay can", another_relay),
    ("by SMTP", by_smtp),
    ("asked for", asked_for),
    ("MX", exchangers),
    ("the author's", author),
    ("the same bytes", same_bytes),
    ("a message inside", inside),
    ("a server's name", named_server),
    ("commands for a terminal", commands),
])
