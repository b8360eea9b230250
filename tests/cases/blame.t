#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose fault it is: what was wrong at one time or another in what a failure did to others,
each kind by the way a user met it. verdicts.t has the whole table, blame_system.t the same for
the mail of several users."""

import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403

# The words of postern(7) for recipients[].cause that are relied on here.
CAUSE = {
    "not understood": "not-understood",
    "not as this sender": "not-as-sender",
    "log in": "login-needed",
    "mechanism": "mechanism-refused",
    "busy": "server-busy",
    "too big": "too-big",
}
DUPLICATE = r"possible.duplicate"
MARK = re.compile(r"(server|dead)\.")
WORD = "wombat"  # only in what the relay says about POISON's mail
POISON, GOOD = "poison@src.example", "good@src.example"
TO, OTHER = "b@dest.example", "c@dest.example"
USER, SECRET = "u@example.org", "s3cret Wort"
LOGIN = {"user": USER, "password": SECRET, "allow_cleartext_auth": "yes"}
SERVER_LOGIN = ("--user", USER, "--password", SECRET, "--clear-auth")
BIG = MESSAGE + b"a line of a big message, sixty-three bytes with its end ......\n" * 100000
HELD = {"delivery.mode": "hold"}
POISONED = f"from {POISON}"


def rules(*lines):
    return [x for each in lines for x in ("--on", each)]


def case_of(*lines, options=(), keys=None, conf=None, **more):
    """A case with one relay that keeps these rules."""
    case = Case("blame")
    relay = case.relay(*options, *rules(*lines), **more)
    case.configure(dict({"connections": "1", "port": relay.port}, **(keys or {})), conf=conf)
    return case, relay


def send(case, sender, *recipients, **more):
    return case.send("-i", "-f", sender, *(recipients or (TO,)), **more)


def quiet(result):
    same("end", (result.code, result.out, result.err), (0, "", ""))


def told(result, code, pattern):
    same("exit", result.code, code)
    match("stderr", pattern, result.err)
    same("lines on stderr", len(result.err.splitlines()), 1)


def marks(case):
    folder = os.path.join(case.hold, "state")
    return [n for n in os.listdir(folder) if MARK.match(n)] if os.path.isdir(folder) else []


def no_mark(case):
    same("remembered of servers", marks(case), [])


def senders(relay, since=0):
    """Of the MAIL commands, in order."""
    return [re.search("<(.*)>", x).group(1) for x in relay.commands(since)
            if x.startswith("MAIL")]


def one(case, address=TO, *args):
    """The entry and the recipient in the listing."""
    for entry in case.listing(*args):
        for r in entry["recipients"]:
            if r["address"] == address:
                return entry, r
    raise Wrong(f"{address} is not listed: {case.listing(*args)}")


# An answer about one message is about nothing else

def others_go_on(reply, failed=False):
    """By a caller who waits, by flushq, and by a session of -bs."""
    def run():
        case, relay = case_of(f"MAIL {POISONED} reply {reply} {WORD}")
        with case:
            result = send(case, POISON)
            if failed:
                told(result, 69, rf"refused by .*{WORD}")
            else:
                quiet(result)
                same("waiting", case.waiting(), [TO])
            no_mark(case)
            quiet(send(case, GOOD, OTHER))
            same("the next caller's", relay.recipients(), [OTHER])
            talk = b"EHLO x\r\n" + b"".join(
                b"MAIL FROM:<" + who.encode() + b">\r\nRCPT TO:<d@dest.example>\r\nDATA\r\n"
                + wire_form(MESSAGE).replace(b"\r\n.", b"\r\n..") + b".\r\n"
                for who in (POISON, GOOD)) + b"QUIT\r\n"
            result = case.begin("sendmail", "-bs", feed=talk).wait(30)
            same("-bs", (result.code, result.err), (0, ""))
            case.wait_quiet()
            same("of the session", relay.recipients(),
                 [OTHER, "d@dest.example"] + [POISON] * failed)  # who is told by mail
            for who in (POISON, GOOD, POISON, GOOD):
                quiet(case.send("-odq", "-i", "-f", who, TO))
            since = relay.mark()
            case.flush("--all")
            delivered = [e["sender"] for e in relay.accepted(since) if e["sender"]]
            same("of the run", delivered, [GOOD, GOOD])
            no_mark(case)
            same("who waits", {e["sender"] for e in case.listing()}, set() if failed else {POISON})
            if not failed:
                entry, r = one(case)
                same("code", r["code"], int(reply[:3]))
                match("text", WORD, r["text"])
                match("host", r"127\.0\.0\.1.*\d", r["host"])
    return f"one refused: MAIL {reply}", run


REPLIES = [others_go_on(r) for r in ("530 5.7.1 not authorized to send as", "535 5.7.8 no",
                                     "538 5.7.11 no", "503 5.5.1 no", "550 5.7.60 no",
                                     "550 5.7.57 no", "534 5.7.9 no")] + [
    others_go_on(r, True) for r in ("534 SIZE=Message too big",
                                    "550 5.1.8 <auth.required@src.example> is refused")]


# In the middle of the message

def in_the_middle(reply, end, options=()):
    def run():
        case, relay = case_of(
            f'BODY 1000000 {POISONED} send "{reply} {WORD}\\r\\n" {end}',
            options=("--receive-buffer", "65536", *options), keys={"timeout": "10s"})
        with case:
            result = send(case, POISON, message=BIG)
            if reply[0] == "5":
                told(result, 69, rf"refused by .*{reply}.*{WORD}")
                same("failed", (len(case.entries("failed")), case.entries()), (1, []))
            else:
                quiet(result)
                _, r = one(case)
                same("code", r["code"], int(reply[:3]))
                no_match("log", DUPLICATE, case.log())
            same("sent once", len(senders(relay)), 1)
            no_mark(case)
            quiet(send(case, GOOD, OTHER))
            same("the next", relay.recipients(), [OTHER])
    return f"in the middle: {reply} in the message, {end}{' ' + options[-1] if options else ''}", run


MIDDLE = [in_the_middle(r, e, o) for r, e in (("552 5.3.4", "close"), ("552", "stall"),
                                              ("452 4.3.1", "close"))
          for o in ((), ("--with", "CHUNKING"), ("--without", "PIPELINING"))]


def for_the_first(reply, times, wanted):
    """By LMTP a reply is one recipient's, and in the middle of the message the first one's."""
    def run():
        case, relay = case_of(f'{times} on BODY 1000000 {POISONED} send "{reply} {WORD}\\r\\n" close',
                              options=("--lmtp", "--receive-buffer", "65536"), conf=HELD,
                              keys={"timeout": "10s", "protocol": "lmtp"})
        with case:
            quiet(send(case, POISON, TO, OTHER, message=BIG))
            case.flush()
            listed = case.listing() + case.listing("--failed")
            states = {r["address"]: r["status"] for e in listed if e["sender"] == POISON
                      for r in e["recipients"] if r["status"] != "delivered"}
            same("left", states, wanted)
            same("delivered", [r for r in relay.recipients() if r != POISON],
                 sorted({TO, OTHER} - set(wanted)))
            no_match("log", DUPLICATE, case.log())
            no_mark(case)
    return f"in the middle: LMTP, {reply} {times}", run


MIDDLE += [for_the_first("550 5.1.1", "once", {TO: "failed"}),
           for_the_first("452 4.2.2", "once", {TO: "waiting"}),
           for_the_first("552 5.3.4", "", {TO: "failed", OTHER: "failed"})]
NONSENSE = {"no code": f"{WORD}", "two codes": f"250-{WORD}\\r\\n550 x", "no reply": "",
            "too long": "250 " + 5000 * "x"}


def nonsense(name, text):
    def run():
        case, relay = case_of(f'MAIL {POISONED} send "{text}\\r\\n"', conf=HELD)
        with case:
            for who in (GOOD, POISON, GOOD, GOOD):
                quiet(send(case, who))
            case.flush("--all")
            same("the others", [e["sender"] for e in relay.accepted()], 3 * [GOOD])
            entry, _ = one(case)
            same("who waits", (entry["sender"], entry["attempts"]), (POISON, 1))
            no_mark(case)
            no_match("log", DUPLICATE, case.log())
    return f"in the middle: nonsense to MAIL: {name}", run


def nonsense_for_all():
    """When every message of every sender meets it the run ends, and those that were not offered
    have no try."""
    case, relay = case_of(f'MAIL send "{WORD}\\r\\n"', conf=HELD)
    with case:
        for n in range(40):
            quiet(send(case, f"s{n}@src.example"))
        case.flush("--all")
        offered = len(set(senders(relay)))
        check(2 <= offered < 40, f"{offered} of 40 were offered")
        check(len(relay.events("connect")) <= offered + 1, "connections for nothing")
        tries = sorted(e["attempts"] for e in case.listing())
        same("tries", tries, [0] * (40 - offered) + [1] * offered)
        same("failed", case.entries("failed"), [])


def many_recipients():
    """A message of many recipients is many transactions, and one message: it ends the run for
    itself and not for its sender's next."""
    many = [f"r{n}@dest.example" for n in range(10)]
    case, relay = case_of(*(f"DATA to {r} close" for r in many[::2]),
                          keys={"max_recipients": "2"}, conf=HELD)
    with case:
        quiet(send(case, GOOD, *many))
        time.sleep(1.1)
        quiet(send(case, GOOD))
        case.flush("--all")
        same("delivered", relay.recipients(), [TO])
        same("offered", len(senders(relay)), 4)
        entry, = case.listing()
        same("tries", entry["attempts"], 1)


# What was put off goes behind what was not tried

def put_off():
    case, relay = case_of(f"MAIL {POISONED} close", conf=dict(HELD, **{"delivery.retry": "1s"}))
    with case:
        quiet(send(case, POISON))
        case.flush("--all")
        time.sleep(1.2)
        for _ in range(3):
            quiet(send(case, GOOD))
        since = relay.mark()
        case.flush("--all")
        order = [w for i, w in enumerate(senders(relay, since)) if i == 0 or w != POISON]
        same("order", senders(relay, since)[:3], 3 * [GOOD])
        check(POISON in senders(relay, since), f"it was not tried: {order}")


def put_off_longest():
    """Of those put off, first the one that waits longest, whichever came first."""
    case, relay = case_of("first 2 on MAIL reply 450 4.2.0 later",
                          conf=dict(HELD, **{"delivery.retry": "1s"}))
    with case:
        quiet(send(case, POISON))
        time.sleep(1.1)
        quiet(send(case, GOOD))
        older, newer = sorted(case.entries())
        for ident in (newer, older):
            case.flush(ident)
            time.sleep(1.1)
        since = relay.mark()
        case.flush("--all")
        same("order", senders(relay, since), [GOOD, POISON])


# What was said about one message is shown with no other

def look_for_words(case):
    for entry in case.listing():
        if entry["sender"] == GOOD:
            no_match("another's entry", WORD, json.dumps(entry))
    folder = os.path.join(case.hold, "state")
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as file:
            no_match(f"state/{name}", f"{WORD}|{POISON}", file.read().decode("latin-1"))


def words_stay(line):
    def run():
        case, relay = case_of(f"MAIL {POISONED} {line}", conf=HELD)
        with case:
            quiet(send(case, POISON))
            quiet(send(case, GOOD, OTHER))
            case.flush("--all")
            look_for_words(case)
            quiet(send(case, GOOD, "d@dest.example"))
            case.flush()
            look_for_words(case)
            relay.stop()
            quiet(send(case, GOOD, "e@dest.example"))
            case.flush("--all")
            look_for_words(case)
    return f"words: {line[:40]}", run


WORDS = [words_stay(x) for x in (f"reply 530 5.7.1 <{POISON}> {WORD}", f'send "{WORD}\\r\\n"',
                                 f'reply "421 4.3.2 {WORD}\\r\\n" close')]


# About this process, not about the server

def without_network():
    if os.getuid() != 0 or subprocess.run(["unshare", "-n", "true"], check=False,
                                          capture_output=True).returncode:
        raise Skip("no name spaces here")
    case, relay = case_of()
    with case:
        quiet(case.send("-i", "-f", GOOD, TO, wrap=("unshare", "-n")))
        case.wait_quiet()
        same("held", len(case.entries()), 1)
        no_mark(case)
        entry, _ = one(case)
        same("attempts", entry["attempts"], 0)
        quiet(send(case, GOOD, OTHER))
        same("the next", relay.recipients(), [OTHER])


def without_descriptors():
    if not shutil.which("prlimit"):
        raise Skip("no prlimit")
    case, relay = case_of(conf=HELD)
    with case:
        quiet(send(case, GOOD))
        for most in range(6, 12):
            case.run("flushq", "--all", wrap=("prlimit", f"--nofile={most}"))
            no_mark(case)
        case.flush()
        same("held or sent", len(case.entries()) + len(relay.accepted()), 1)


# Out of step

def twice_then_refused():
    """MAIL is answered twice, and the message refused: one reply too many is no success."""
    case, relay = case_of("MAIL normal normal", "DOT reply 550 5.7.1 no",
                          options=("--with", "CHUNKING", "--delay", "20"))
    with case:
        quiet(send(case, GOOD))
        same("accepted", relay.recipients(), [])
        same("waiting", case.waiting(), [TO])
        relay.good()
        case.flush("--all")
        same("delivered", relay.recipients(), [TO])


def begun(name, *lines):
    """Of the reply that shows it only the beginning is there when all seems answered."""
    def run():
        case, relay = case_of("MAIL normal normal", *lines,
                              options=("--with", "CHUNKING", "--delay", "20"))
        with case:
            quiet(send(case, GOOD))
            same("accepted", relay.recipients(), [])
            same("waiting", case.waiting(), [TO])
            match("log", DUPLICATE, case.log())
    return f"out of step: {name} of a reply", run


BEGUN = [begun("a line", 'DOT send "550-5.7.1 no\\r\\n" wait 150 send "550 5.7.1 no\\r\\n"'),
         begun("a byte", 'DOT send "5" wait 150 send "50 5.7.1 no\\r\\n"'),
         begun("the beginning, and no more,", 'DOT send "550-5.7.1 no\\r\\n" stall'),
         begun("the beginning, and the end,", 'DOT send "550-5.7.1 no\\r\\n" close')]


def closing_in_pieces():
    """What has begun may as well be the server's leave, which takes nothing back."""
    case, relay = case_of('DOT normal send "421" wait 150 send " 4.3.2 bye\\r\\n" close')
    with case:
        quiet(send(case, GOOD))
        same("delivered", relay.recipients(), [TO])
        same("held", case.entries(), [])


def refused_twice():
    """A 5xx that is said twice, of a message that others got."""
    case, relay = case_of(f"RCPT to {TO} send \"550 5.1.1 no\\r\\n550 5.1.1 no\\r\\n\"",
                          options=("--delay", "20"))
    with case:
        quiet(send(case, GOOD, TO, OTHER))
        same("failed", case.entries("failed"), [])
        same("waiting", case.waiting(), [TO, OTHER])


def lmtp_doubled():
    """The second's reply is the first's again: he must not be lost."""
    case, relay = case_of(f"DOT to {TO} normal normal", f"DOT to {OTHER} reply 450 4.2.0 later",
                          options=("--lmtp", "--delay", "20"), keys={"protocol": "lmtp"})
    with case:
        quiet(send(case, GOOD, TO, OTHER))
        same("waiting", case.waiting(), [TO, OTHER])
        match("log", DUPLICATE, case.log())
        relay.restart("--lmtp")
        case.flush("--all")
        check(OTHER in relay.recipients(), "the second is lost")


def leave_and_answer():
    """A 421 before the last answer: the message may have been taken, and it is said."""
    case, relay = case_of(f'DOT to {TO} normal send "421 4.3.2 bye\\r\\n"',
                          options=("--lmtp",), keys={"protocol": "lmtp"})
    with case:
        quiet(send(case, GOOD, TO, OTHER))
        same("taken", relay.recipients(), [TO, OTHER])
        same("waiting", case.waiting(), [TO, OTHER])
        for who in (TO, OTHER):
            match("log", f"to={who} .*{DUPLICATE}", case.log())


def no_leave(*lines, options, keys=None):
    """A 421 that closes nothing is one recipient's: the other of that message, and those whose
    messages are under way behind it, have theirs, and get it once."""
    case, relay = case_of(*lines, options=options, keys=keys, conf=HELD)
    with case:
        quiet(send(case, GOOD, OTHER))
        time.sleep(1.1)
        quiet(send(case, POISON, TO, OTHER))
        for n in range(3):
            quiet(send(case, f"good{n}@src.example", f"d{n}@dest.example"))
        case.flush("--all")
        wanted = [OTHER, OTHER] + [f"d{n}@dest.example" for n in range(3)]
        same("delivered", relay.recipients(), wanted)
        entry, r = one(case)
        same("waiting", (case.waiting(), entry["sender"], r["code"]), ([TO], POISON, 421))
        relay.restart(*options)
        case.flush("--all")
        same("all of it", (relay.recipients(), case.listing()), (sorted(wanted + [TO]), []))
        no_match("log", DUPLICATE, case.log())
        no_mark(case)


def leave_and_look():
    """Behind a 421 that closes nothing the server looks through the message for some seconds: who
    is taken gets it once."""
    case, relay = case_of(f"RCPT to {TO} reply 421 4.7.0 not now", "DOT wait 2000 normal",
                          options=("--with", "CHUNKING"), conf=HELD)
    with case:
        quiet(send(case, GOOD, OTHER, TO))
        case.flush("--all")
        case.flush("--all")
        same("delivered", (relay.recipients(), case.waiting()), ([OTHER], [TO]))
        no_match("log", DUPLICATE, case.log())


def one_too_many(code, pause=""):
    """Behind one message's 250: it is not the next one's answer."""
    def run():
        case, relay = case_of(f'DOT {POISONED} normal {pause} send "{code} {WORD}\\r\\n"',
                              conf=HELD)
        with case:
            for who in (POISON, GOOD, POISON, GOOD):
                quiet(send(case, who))
            case.flush("--all")
            same("failed", case.entries("failed"), [])
            check(len(relay.accepted()) + len(case.entries()) >= 4, "lost")
            relay.good()
            case.flush("--all")
            same("held", case.entries(), [])
            check(len([e for e in relay.accepted() if e["sender"] == GOOD]) == 2, "doubled")
    return f"out of step: {code} behind a 250 {pause}", run


# What is about us is so at every phase

HINT = {"not understood": "check helo", "not as this sender": "from_rule",
        "log in": "check user"}


def about_us(phase, reply, cause, options=(), keys=None):
    def run():
        case, relay = case_of(f"{phase} reply {reply} {WORD}", options=options, keys=keys)
        with case:
            quiet(send(case, GOOD))
            same("failed", case.entries("failed"), [])
            _, r = one(case)
            same("cause", r.get("cause"), CAUSE[cause])
            same("code", (r["code"], r.get("enhanced")), (int(reply[:3]), reply.split()[1]))
            match("hint", HINT[cause], case.reasons("-v"))
            no_mark(case)
            relay.restart(*options)
            case.flush("--all")
            same("delivered", relay.recipients(), [TO])
    return f"{phase} {reply}{' ' + options[-1] if options else ''}", run


ABOUT_US = [("not understood: " + n, f) for n, f in (
    about_us(phase, reply, "not understood") for phase in ("MAIL", "RCPT", "DATA", "DOT")
    for reply in ("504 5.5.2 <gate>: Helo command rejected", "500 5.5.1 what", "502 5.5.2 no"))]
ABOUT_US += [("at every phase: " + n, f) for n, f in (
    about_us(phase, reply, cause, options, {"protocol": "lmtp"} if "--lmtp" in options else None)
    for reply, cause in (("550 5.7.60 no", "not as this sender"), ("530 5.7.57 no", "log in"))
    for phase, options in (("MAIL", ()), ("RCPT", ()), ("DATA", ()), ("DOT", ()),
                           ("DOT", ("--with", "CHUNKING")), ("DOT", ("--lmtp",))))]


def echoed():
    """What the server repeats of an address is no reason."""
    who = "authentication.required@dest.example"
    case, _ = case_of(f"RCPT to {who} reply 550 5.1.1 <{who}>: authentication required unknown")
    with case:
        told(send(case, GOOD, who), 67, r"refused by .*550 5\.1\.1")
        same("held", case.entries(), [])


# A mechanism is refused

def other_mechanism():
    case, relay = case_of("AUTH 1 reply 504 5.5.4 not this one",
                          options=(*SERVER_LOGIN, "--mechanisms", "PLAIN LOGIN"), keys=LOGIN)
    with case:
        quiet(send(case, GOOD))
        same("delivered", relay.recipients(), [TO])
        same("by", [e["mechanism"] for e in relay.events("auth")], ["LOGIN"])


def no_mechanism():
    case, _ = case_of("AUTH reply 504 5.5.4 no", keys=LOGIN,
                      options=(*SERVER_LOGIN, "--mechanisms", "PLAIN LOGIN"))
    with case:
        quiet(send(case, GOOD))
        entry, r = one(case)
        same("attempts, cause", (entry["attempts"], r.get("cause")), (0, CAUSE["mechanism"]))
        match("hint", "set auth", case.reasons("-v"))
        no_match("hint", "password", case.reasons("-v"))


# Busy is not dead

def crowd():
    case, relay = case_of("DOT wait 300 normal", options=("--at-once", "2"))
    with case:
        with concurrent.futures.ThreadPoolExecutor(30) as pool:
            for result in pool.map(lambda n: send(case, f"s{n}@src.example",
                                                  f"r{n}@dest.example"), range(30)):
                quiet(result)
        case.wait_quiet()
        now = time.time()
        for entry in case.listing():
            same("attempts", entry["attempts"], 0)
            check(entry["next_attempt"] <= now + 62, f"put off for long: {entry}")
            same("cause", {r.get("cause") for r in entry["recipients"]}, {CAUSE["busy"]})
        for _ in range(10):
            if case.entries():
                case.flush("--all")
        same("delivered", relay.recipients(), sorted(f"r{n}@dest.example" for n in range(30)))
        same("failed", case.entries("failed"), [])


def fresh_connection(reply):
    """A connection that has carried mail and takes no more: the same over a fresh one."""
    def run():
        case, relay = case_of(f"MAIL 2 {reply}", conf=HELD)
        with case:
            for _ in range(3):
                quiet(send(case, GOOD))
            case.flush("--all")
            same("delivered", len(relay.accepted()), 3)
            no_mark(case)
    return f"busy: {reply}", run


FRESH = [fresh_connection(r) for r in ("reply 450 4.7.1 rate", "reply 454 4.3.0 Throttling",
                                       "reply 432 4.3.2 slow down", "reply 451 4.7.0 enough",
                                       'reply "421 4.7.0 enough\\r\\n" close', "close")]


def one_in_doubt(case, relay):
    """Of three good messages all are taken; of one that is not known, and it waits."""
    for _ in range(3):
        quiet(send(case, GOOD))
    case.flush("--all")
    same("taken", len(relay.accepted()), 3)
    same("held", len(case.entries()), 1)
    match("log", DUPLICATE, case.log())


def taken_in_silence(words, name):
    """Who closes a connection that has carried mail, when the whole of the next message is out
    with its MAIL, may have that message."""
    def run():
        case, relay = case_of("MAIL 2 commit", "RCPT 2 commit", f"DOT 2 commit {words}",
                              options=("--with", "CHUNKING"), keys={"window": "1"}, conf=HELD)
        with case:
            one_in_doubt(case, relay)
            no_mark(case)
    return f"busy: taken, and {name}", run


def taken_of_several(words, name):
    """And those that were under way behind it."""
    def run():
        case, relay = case_of("MAIL 2 commit", "RCPT 2 commit", f"DOT 2 commit {words}",
                              options=("--with", "CHUNKING"), conf=HELD)
        with case:
            for _ in range(5):
                quiet(send(case, GOOD))
            case.flush("--all")
            same("taken", len(relay.accepted()), 2)
            same("held", len(case.entries()), 4)
            same("in doubt", len(re.findall(DUPLICATE, case.log())), 4)
            no_mark(case)
            # One after the other from now on.
            case.flush("--all")
            same("held", len(case.entries()), 2)
    return f"busy: taken of several, and {name}", run


def taken_after_bdat_failed():
    """What is wrong with BDAT was seen at one message: the next, by DATA, is in doubt like any
    other."""
    case, relay = case_of("once on DOT 1 reply 500 5.5.1 what",
                          "once on DOT 3 commit close", options=("--with", "CHUNKING"), conf=HELD)
    with case:
        one_in_doubt(case, relay)


def closed_between():
    """One that has closed before the next message was sent does not have it. The relay closes
    only after it has answered: where it is kept from that for too long, we cannot know."""
    for last in (False, False, True):
        case, relay = case_of("DOT 1 normal close", options=("--with", "CHUNKING"), conf=HELD)
        with case:
            for _ in range(3):
                quiet(send(case, GOOD))
            case.flush("--all")
            if last or not re.search(DUPLICATE, case.log()):
                same("delivered", len(relay.accepted()), 3)
                same("held", case.entries(), [])
                no_match("log", DUPLICATE, case.log())
                return


def refused_at_mail(reply, senders, commands):
    """A server that takes nothing at MAIL now does not get a connection for each message, and
    one that wants less hears no more of it than it must."""
    def run():
        case, relay = case_of(f"MAIL reply {reply}", conf=HELD)
        with case:
            for n in range(12):
                quiet(send(case, f"s{n % senders}@src.example"))
            case.flush("--all")
            same("connections", len(relay.events("connect")), 1)
            same("MAIL commands", len([x for x in relay.commands() if x.startswith("MAIL")]),
                 commands)
            same("held", len(case.entries()), 12)
    return f"busy: all MAIL {reply}, {senders} senders", run


AT_MAIL = [refused_at_mail("450 4.1.8 no such domain", 12, 12),
           refused_at_mail("451 4.3.0 later", 12, 12), refused_at_mail("450 4.7.1 rate", 12, 3),
           refused_at_mail("452 4.3.1 full", 2, 6)]


# Each port is a server of its own

def next_port(name, *options, keys=None, good=(), cert=None):
    def run():
        with Case("port") as case:
            folder = certificates() if cert else ""
            bad, relay = case.relay(*options, cert=cert), case.relay(*good,
                                                                     cert=cert and "server")
            more = {k: v.replace("{certs}", folder) for k, v in (keys or {}).items()}
            case.configure(dict({"port": f"{bad.port}, {relay.port}", "timeout": "2s"}, **more))
            quiet(send(case, GOOD))
            same("delivered", relay.recipients(), [TO])
            same("not by the other", bad.recipients(), [])
            since = bad.mark()
            quiet(send(case, GOOD, OTHER))
            same("the next", relay.recipients(), [TO, OTHER])
            same("asked again at once", bad.events("connect", since), [])
    return f"ports: first port: {name}", run


TLS = {"security": "starttls", "tls_trust": "{certs}/ca.pem", "tls_name": "relay.test"}
PORTS = [
    next_port("HTTP", *rules('CONNECT send "HTTP/1.1 400 x\\r\\n\\r\\n" close')),
    next_port("no AUTH", keys=LOGIN, good=SERVER_LOGIN),
    next_port("another certificate", keys=TLS, cert="wrong-host"),
    next_port("554", *rules("CONNECT reply 554 no")),
    next_port("silence", *rules("CONNECT stall")),
    next_port("login refused", "--user", USER, "--password", "another", "--clear-auth",
              keys=LOGIN, good=SERVER_LOGIN),
]


# What Postern itself cannot send

UTF8 = ("--without", "SMTPUTF8")
LONG = MESSAGE + b"a line of a message that is too long for it\n" * 400
# The report of it is shorter than the message.
OURS = {"too big": (("--size", "10000"), TO), "SMTPUTF8": (UTF8, "\u00fc@dest.example")}


def not_sent(name):
    options, to = OURS[name]

    def run():
        case, relay = case_of(options=options)
        with case:
            told(send(case, GOOD, to, message=LONG), 65, rf"\Asendmail: <{to}>: not sent: ")
            same("bytes of it", [e["size"] for e in relay.events("message")], [])
            case.configure({"port": relay.port}, conf=HELD)
            quiet(send(case, GOOD, to, message=LONG))
            case.flush("--all")
            report, = relay.stored() or [b""]
            match("report", "Status: 5", report.decode())
            no_match("report", r"(?im)^(Diagnostic-Code: smtp|Remote-MTA)", report.decode())
    return f"ours: {name}", run


def another_can(name):
    options, to = OURS[name]

    def run():
        with Case("able") as case:
            small, able = case.relay(*options), case.relay()
            case.configure(("small", {"port": small.port}), ("able", {"port": able.port}))
            quiet(send(case, GOOD, to, message=LONG))
            same("delivered", (len(able.accepted()), len(small.accepted())), (1, 0))
            quiet(send(case, GOOD, to, message=LONG))
            small.good()
            quiet(send(case, GOOD, to, message=LONG))
            same("the first is asked again", len(small.accepted()), 1)
    return f"ours: {name}, another relay can", run


def another_could(name, *lines):
    """The first could take it, but not now: what the second cannot take is not final."""
    options, to = OURS[name]

    def run():
        with Case("could") as case:
            able, small = case.relay(*rules(*lines)), case.relay(*options)
            case.configure(("able", {"port": able.port}), ("small", {"port": small.port}))
            quiet(send(case, GOOD, to, message=LONG))
            same("failed", case.entries("failed"), [])
            entry, r = one(case, to)
            same("asked first", (r["status"], len(entry["recipients"])), ("waiting", 1))
            check(r["cause"] not in ("too-big", "needs-smtputf8"), f"it waits for {r['cause']}")
            able.good()
            case.flush("--all")
            same("delivered", (len(able.accepted()), case.entries()), (1, []))
    return f"ours: {name}, another could: {lines[0]}", run


def in_the_servers_words():
    """The report of what a server refused names it."""
    case, relay = case_of(f"RCPT to {TO} reply 550 5.1.1 {WORD}", conf=HELD)
    with case:
        quiet(send(case, GOOD))
        case.flush("--all")
        report, = relay.stored()
        match("report", rf"Diagnostic-Code: smtp; *550[ -]5\.1\.1 {WORD}", report.decode())
        match("report", r"Remote-MTA: dns; *\S*127\.0\.0\.1", report.decode())


# What is known is logged

def logged(rule):
    def run():
        case, relay = case_of(rule, options=SERVER_LOGIN, keys=LOGIN)
        with case:
            quiet(send(case, GOOD))
            line, = [x for x in case.log().splitlines() if "status=held" in x]
            match("log", rf"host=\S*127\.0\.0\.1\S* port={relay.port} tls=no auth=[A-Z]", line)
    return f"logged: {rule}", run


# 67 is for recipients

def exit_of(rule, wanted):
    def run():
        case, _ = case_of(rule)
        with case:
            told(send(case, GOOD), wanted, "refused by")
    return f"exit: {rule}", run


EXITS = [exit_of(f"{phase} reply 55{n}", wanted) for phase, n, wanted in (
    ("MAIL", "3 5.1.3 no", 69), ("MAIL", "0 5.1.8 no", 69), ("MAIL", "0 5.1.1 no", 69),
    ("DATA", "4 5.1.1 no", 69), ("DOT", "0 5.1.1 no", 69), ("RCPT", "0 5.1.1 no", 67),
    ("RCPT", "3 5.1.3 no", 67), ("RCPT", "4 5.7.1 no", 69))]


# A failed connection is no try of the entries

def no_try(name, rule):
    def run():
        case, relay = case_of(*([rule] if rule else []), conf=HELD, options=SERVER_LOGIN,
                              keys=LOGIN)
        with case:
            if not rule:
                relay.stop()
            for _ in range(3):
                quiet(send(case, GOOD))
            for _ in range(3):
                case.flush("--all")
            same("attempts", {e["attempts"] for e in case.listing()}, {0})
            check(len(marks(case)) <= 1, f"{marks(case)}")
            relay.restart(*SERVER_LOGIN)
            case.flush("--all")
            same("delivered", len(relay.accepted()), 3)
            if "421" not in rule:  # that it was busy may be known for a while
                no_mark(case)
    return f"no try: {name}", run


# Too many recipients

def too_many(reply):
    def run():
        case, relay = case_of(f"RCPT 2 reply {reply} too many")
        with case:
            quiet(send(case, GOOD, TO, OTHER))
            same("delivered", relay.recipients(), [TO, OTHER])
            same("held", case.entries(), [])
    return f"too many: {reply}", run


def poisonous(last, line="close", tries=3, options=(), keys=None):
    """At one recipient the server goes away; at the next tries the others are apart from them."""
    def run():
        rcpts = [f"{x}@dest.example" for x in "bcd"]
        bad = rcpts[-1 if last else 0]
        case, relay = case_of(f"RCPT to {bad} {line}", options=options, keys=keys, conf=HELD)
        with case:
            quiet(send(case, GOOD, *rcpts))
            for _ in range(tries):
                case.flush("--all")
            same("delivered", relay.recipients(), [x for x in rcpts if x != bad])
            same("waiting", case.waiting(), [bad])
    return f"poisonous recipient, {'last' if last else 'first'}: {line} {' '.join(options)}", run


# Passed over for one transaction only

def passed_over():
    with Case("over") as case:
        first = case.relay(*rules(f"MAIL {POISONED} reply 530 5.7.1 {WORD}"))
        second = case.relay()
        case.configure(("first", {"port": first.port}), ("second", {"port": second.port}),
                       conf=HELD)
        for who in (GOOD, POISON, GOOD):
            quiet(send(case, who))
        case.flush("--all")
        same("by the first", [e["sender"] for e in first.accepted()], [GOOD, GOOD])
        same("by the second", [e["sender"] for e in second.accepted()], [POISON])
        no_mark(case)
        quiet(send(case, GOOD))
        case.flush()
        same("still the first", len(first.accepted()), 3)


def second_address():
    """A name with two addresses: one that greets with 554 is not the whole name."""
    with Case("addresses") as case:
        bad = case.relay("--on", "CONNECT reply 554 5.3.2 not here", "--listen", "127.0.0.2")
        good = case.relay(port=bad.port)
        names = Names(lambda *_: ("records", [("A", "127.0.0.2"), ("A", "127.0.0.1")]))
        case.configure({"host": "mail.relay.test", "port": bad.port},
                       conf={"dns.server": f"127.0.0.1:{names.port}"})
        quiet(send(case, GOOD))
        names.close()
        same("delivered", good.recipients(), [TO])


# What was never offered does not expire behind another

SOON = dict(HELD, **{"delivery.retry": "1s", "delivery.expire": "3s"})


def expires(lines, last, wanted):
    """Flushes for some seconds; what has failed then, by sender. last: of the good ones'."""
    case, relay = case_of(*lines, conf=SOON)
    with case:
        if not lines:
            relay.stop()
        quiet(send(case, POISON))
        for n in range(last):
            quiet(send(case, f"good{n}@src.example"))
        end = time.monotonic() + 8
        while time.monotonic() < end and case.entries():
            case.flush("--all")
            time.sleep(0.9)
        senders_of = sorted({e["sender"] for e in case.listing("--failed")}
                            - {"MAILER-DAEMON", ""})
        same("failed", senders_of, wanted)
        delivered = sorted(e["sender"] for e in relay.accepted() if e["sender"])
        check(not lines or delivered == [f"good{n}@src.example" for n in range(last)],
              f"delivered: {delivered}")


def main():
    jobs = [*REPLIES, *MIDDLE, *(nonsense(*n) for n in NONSENSE.items()),
            ("in the middle: nonsense for all", nonsense_for_all),
            ("in the middle: of a message to many", many_recipients),
            ("order: behind what was not tried", put_off), ("order: longest ago first", put_off_longest),
            *WORDS,
            ("our own lack: no network", without_network), ("our own lack: no descriptors", without_descriptors),
            ("out of step: MAIL twice, BDAT refused", twice_then_refused), *BEGUN,
            ("out of step: the leave in pieces", closing_in_pieces),
            ("out of step: refused twice", refused_twice), ("out of step: LMTP doubled", lmtp_doubled),
            ("out of step: 421 and an answer", leave_and_answer),
            ("out of step: 421, and on", lambda: no_leave(
                f"RCPT to {TO} reply 421 4.7.0 not now", options=("--with", "CHUNKING"))),
            ("out of step: 421, and on, by LMTP", lambda: no_leave(
                f"DOT to {TO} reply 421 4.7.0 not now", options=("--lmtp",),
                keys={"protocol": "lmtp"})),
            ("out of step: 421, and on after a while", leave_and_look),
            *(one_too_many(c, p) for c in ("500", "550 5.1.1", "250", "450")
              for p in ("", "wait 30")),
            *ABOUT_US, ("at every phase: an echo", echoed),
            ("mechanism: another mechanism", other_mechanism), ("mechanism: none", no_mechanism),
            ("busy: thirty callers", crowd), *FRESH, *AT_MAIL,
            taken_in_silence("close", "closed"), taken_in_silence("reset", "reset"),
            taken_of_several("close", "closed"), taken_of_several("reset", "reset"),
            ("in doubt: after BDAT has failed", taken_after_bdat_failed),
            ("busy: closed in between", closed_between), *PORTS,
            *(f(n) for n in OURS for f in (not_sent, another_can)),
            *(another_could(n, line) for n in OURS for line in (
                "MAIL close", "RCPT reply 530 5.7.0 log in", 'MAIL send "x\\r\\n"',
                "CONNECT close")),
            ("ours: in the server's words", in_the_servers_words),
            *(logged(r) for r in ("DATA close", "MAIL stall", 'RCPT send "x\\r\\n"')), *EXITS,
            *(no_try(n, r) for n, r in (("closed port", ""), ("554", "CONNECT reply 554 no"),
                                        ("EHLO 421", 'EHLO reply "421 x\\r\\n" close'),
                                        ("nonsense", 'CONNECT send "x\\r\\n" close'),
                                        ("login", "LOGIN reply 535 5.7.8 no"))),
            *(too_many(r) for r in ("552", "552 5.5.3", "452 4.5.3", "452", "550 5.5.3",
                                    "554 5.5.3", "451 4.5.3")),
            poisonous(False), poisonous(True),
            *(poisonous(last, *how) for last in (False, True) for how in (
                ('reply "421 4.7.0 no" close', 4), ("close", 5, ("--with", "CHUNKING")),
                ('reply "421 4.7.0 no" close', 4, ("--lmtp",), {"protocol": "lmtp"}))),
            ("passed over: a relay", passed_over), ("passed over: an address", second_address),
            ("expiry: behind a bad one", lambda: expires([f"MAIL {POISONED} reply 530 5.7.1 no"], 2,
                                                     [POISON])),
            ("expiry: the server is dead", lambda: expires([], 1, ["good0@src.example", POISON]))]
    run_all(jobs)


main()
