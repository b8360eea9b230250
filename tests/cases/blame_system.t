#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose fault it is, in system mode: one user's message, or one user's process, and the mail of
the others. By the set-gid program and through the socket."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from jail import *  # pylint: disable=wildcard-import,unused-wildcard-import,wrong-import-position

WORD = "wombat"  # only in what the relay says about ANNS mail
ANNS, BOBS = "ann@src.example", "bob@src.example"
MARK = re.compile(r"(server|dead)\.")
CLONE_NEWNET = 0x40000000
WAYS = ("set-gid", "socket")


def send(jail, user, sender, to, *args, **more):
    jail.send_as(user, *args, "-i", "-f", sender, to, **more)
    jail.wait_quiet()


def marks(jail):
    return [n for n in os.listdir(jail.spool + "/state") if MARK.match(n)]


def look_for_words(jail):
    """What was said about ann's mail is ann's, and root's to see."""
    for args in ((), ("-v",), ("--json",)):
        shown = jail.run_as("bob", "mailq", *args).out
        no_match(f"mailq {args} by bob", f"{WORD}|{ANNS}", shown)
    for name in os.listdir(jail.spool + "/state"):
        with open(f"{jail.spool}/state/{name}", "rb") as file:
            no_match(f"state/{name}", f"{WORD}|{ANNS}", file.read().decode("latin-1"))


def another_goes_on(line, way):
    """ann's message meets it; bob's goes through, then and in a run of both."""
    def run():
        with Jail("blame", gate=way == "socket", setgid=way != "socket") as jail:
            relay = jail.simple("--on", f"MAIL from {ANNS} {line}", connections="1")
            send(jail, "ann", ANNS, "a1@dest.example")
            same("remembered", marks(jail), [])
            send(jail, "bob", BOBS, "b1@dest.example")
            same("bob's", relay.recipients(), ["b1@dest.example"])
            for user, sender, to in (("ann", ANNS, "a2"), ("bob", BOBS, "b2"),
                                     ("ann", ANNS, "a3"), ("bob", BOBS, "b3")):
                send(jail, user, sender, to + "@dest.example", "-odq")
            same("flushq", jail.run_as("root", "flushq", "--all").code, 0)
            jail.wait_quiet()
            same("delivered", relay.recipients(), [f"b{n}@dest.example" for n in (1, 2, 3)])
            same("waiting", {e["sender"] for e in jail.listing_as("root")}, {ANNS})
            same("remembered", marks(jail), [])
            send(jail, "bob", BOBS, "b4@dest.example", "-odq")
            look_for_words(jail)
            match("ann's own", WORD, jail.run_as("ann", "mailq", "--json").out
                  if "send" not in line else WORD)
            jail.check_spool()
    return f"one refused, words: {line} by {way}", run


def one_of_many_names(line, way):
    """ann calls herself this and that, and each such message breaks the session or makes the
    server want less: it is hers alone that are not offered any more."""
    def run():
        rules = [x for n in range(5) for x in ("--on", f"MAIL from ann{n}@src.example {line}")]
        with Jail("names", gate=way == "socket", setgid=way != "socket") as jail:
            relay = jail.simple(*rules, connections="1")
            for n in range(5):
                send(jail, "ann", f"ann{n}@src.example", "a@dest.example", "-odq")
            time.sleep(1.1)  # hers are older
            for n in range(2):
                send(jail, "bob", BOBS, f"b{n}@dest.example", "-odq")
            jail.run_as("root", "flushq")
            same("bob's", relay.recipients(), ["b0@dest.example", "b1@dest.example"])
            same("remembered", marks(jail), [])
            tries = sorted(e["attempts"] for e in jail.listing_as("ann"))
            same("tries of ann's", tries, [0, 0, 1, 1, 1])
    return f"one of many names: {line} by {way}", run


def while_down(way):
    """The relay is gone: what ann's message met before is not the reason of bob's."""
    def run():
        with Jail("words", gate=way == "socket", setgid=way != "socket") as jail:
            relay = jail.simple("--on", f"MAIL from {ANNS} reply 530 5.7.1 <{ANNS}> {WORD}")
            send(jail, "ann", ANNS, "a1@dest.example")
            relay.stop()
            for n in range(2):
                send(jail, "bob", BOBS, f"b{n}@dest.example")
            look_for_words(jail)
            jail.run_as("root", "flushq", "--all")
            look_for_words(jail)
            same("attempts of bob's", [e["attempts"] for e in jail.listing_as("bob")], [0, 0])
    return f"words, no try: the relay goes, by {way}", run


def by_session():
    """Two messages of one -bs session, of which the first meets it."""
    with Jail("bs") as jail:
        relay = jail.simple("--on", f"MAIL from {ANNS} reply 550 5.7.60 {WORD}")
        talk = b"EHLO me\r\n" + b"".join(
            b"MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n%s.\r\n"
            % (sender.encode(), to, BODY.replace(b"\r\n.", b"\r\n.."))
            for sender, to in ((ANNS, b"a@dest.example"), (BOBS, b"b@dest.example"))) + b"QUIT\r\n"
        result = jail.run_as("ann", "sendmail", "-bs", feed=talk)
        same("exit", (result.code, result.err), (0, ""))
        jail.wait_quiet()
        same("delivered", relay.recipients(), ["b@dest.example"])
        same("remembered", marks(jail), [])
        entry, = jail.listing_as("ann")
        same("held", (entry["sender"], entry["attempts"]), (ANNS, 1))


def without_network():
    """A first try in a process without a network says nothing of the server."""
    with Jail("net") as jail:
        relay = jail.simple()
        send(jail, "root", ANNS, "a@dest.example", then=lambda: LIBC.unshare(CLONE_NEWNET))
        same("held", len(jail.entries()), 1)
        same("remembered", marks(jail), [])
        send(jail, "bob", BOBS, "b@dest.example")
        same("bob's", relay.recipients(), ["b@dest.example"])
        jail.run_as("root", "flushq", "--all")
        same("both", relay.recipients(), ["a@dest.example", "b@dest.example"])


def main():
    lines = (f"reply 530 5.7.1 not authorized to send as {WORD}", f"reply 503 5.5.1 {WORD}",
             f'send "{WORD}\\r\\n"', f'reply "421 4.3.2 {WORD}\\r\\n" close')
    run_all([another_goes_on(line, way) for line in lines for way in WAYS]
            + [one_of_many_names(line, way) for way in WAYS for line in (
                "close", 'send "x\\r\\n"', "reply 452 4.3.1 full",
                'reply "421 4.3.2 bye\\r\\n" close')]
            + [while_down(way) for way in WAYS]
            + [("one refused: by -bs", by_session), ("our own lack: no network", without_network)])


main()
