#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions at random: replies that are doubled, split, odd, missing, early or that nobody asked
for, refusals and lost connections, by one or two relays, with and without PIPELINING and
CHUNKING, by SMTP and LMTP. What holds whatever a server does:

- no recipient is lost: he has the message, or is held, or has failed
- he has failed only if a server that was in step clearly said a 5xx about him or his message
- he has the message twice only if the log called it a possible duplicate

A round is a hold of ten messages, several of which may be under way on a connection, three runs
of flushq against servers of that kind, and then runs against good ones, after which the hold is
empty. A session is a connection to a bad one.

Environment: SESSIONS, how many (2000); SEED, of all that is random (2 if not given);
ROUND, that one alone. All of a round is repeatable but the time.
"""

import collections
import concurrent.futures
import multiprocessing
import os
import random
import re
import select
import shutil
import socket
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403

DUPLICATE = r"possible.duplicate"  # in the log, of a recipient
SESSIONS = int(os.environ.get("SESSIONS", "2000"))
SEED = os.environ.get("SEED", "2")
ONLY = os.environ.get("ROUND")
CELL_WORKERS = int(os.environ.get("CASE_WORKERS", "8"))
RUNS = 3  # against bad servers, a round
PLACE = in_memory()

# Sender: recipients. The third message is a big one.
LETTERS = {f"s{n}@src.example": [f"r{n}{who}@dest.example" for who in "abc"[:n % 3 + 1]]
           for n in range(10)}
EVERYBODY = [r for rs in LETTERS.values() for r in rs]
BIG = 300_000

FINAL = ("550 5.1.1 no", "554 5.7.1 no", "552 5.3.4 no", "553 5.7.1 no", "550 no")
LATER = ("450 4.2.0 later", "451 4.3.0 later", "452 4.3.1 later", "451 later",
         "500 5.5.1 what", "503 5.5.1 order", "530 5.7.0 log in", "550 5.7.60 not as him")
ODD = ("hello", "999 x", "25 x", "", "250_x", "HTTP/1.1 400 x", "250-a\r\n550 b", "550-a\r\n250 b",
       "334 x", "220 x", "250 " + 5000 * "x", "550 " + 5000 * "x")
UNASKED = ("250 ok", "354 go", "550 5.1.1 no", "500 what", "450 later", "hello")
# With a pause before it nobody could tell another from the answer to what was said meanwhile.
AFTERWARDS = ("354 go", "220 x", "hello")
# What a reply may suffer, and how often.
FAULTS = {"doubled": 4, "odd": 4, "unasked": 4, "late": 2, "missing": 1, "close": 3, "reset": 1,
          "421": 2}


class Over(Exception):
    """The connection is at its end."""


class Peer:
    """One connection, from the server's side."""

    def __init__(self, world, sock, dice, good):
        self.world, self.sock, self.dice, self.good = world, sock, dice, good
        self.input, self.output = b"", b""
        self.in_step = True
        self.at_once = dice.random() < 0.3  # each reply in a write of its own
        # Which reply is spoilt, counted from the greeting.
        self.spoilt = {} if good or dice.random() < 0.3 else {
            int(dice.expovariate(0.12)): dice.choices([*FAULTS], [*FAULTS.values()])[0]
            for _ in range(dice.choice((1, 1, 1, 2)))}
        # A reply too many must be there together with what follows: nobody could tell else.
        self.too_many = not {"doubled", "unasked"}.isdisjoint(self.spoilt.values())
        self.at_once = self.at_once and not self.too_many
        self.refuses = 0 if good else dice.choice((0, 0.1, 0.2))
        self.count = -1
        self.extra = False  # in the flight under way a reply too many was said
        self.sender, self.accepted = None, []

    # Bytes

    def flush(self):
        output, self.output = self.output, b""
        if output:
            self.sock.sendall(output)

    def fill(self):
        wait = 0.02 if self.too_many and self.output else 0
        if not wait or not select.select([self.sock], [], [], wait)[0]:
            self.flush()
            self.extra = False
        more = self.sock.recv(65536)
        if not more:
            raise Over
        self.input += more

    def line(self):
        while b"\n" not in self.input:
            self.fill()
        line, _, self.input = self.input.partition(b"\n")
        line = line.rstrip(b"\r").decode("latin-1")
        self.trace(f"> {line}")
        return line

    def trace(self, text):
        if ONLY:
            self.world.talk.append(f"{id(self) % 997:03} {text[:70]!r}")

    def take(self, size):
        while len(self.input) < size:
            size -= len(self.input)
            self.input = b""
            self.fill()
        self.input = self.input[size:]

    def write(self, text):
        self.trace(f"  {text}")
        self.output += text.encode("latin-1")
        if self.at_once:
            self.flush()

    # Replies

    def say(self, text, about=()):
        """A reply, perhaps spoilt. about: whom a 5xx is about."""
        self.count += 1
        fault = self.spoilt.get(self.count)
        # One too many and one too few in a flight: that nobody could tell.
        if self.extra and fault in ("missing", "close", "reset", "421"):
            fault = None
        self.extra = self.extra or fault in ("doubled", "unasked")
        self.trace(f"< {text} {fault or ''}")
        odd = self.dice.choice(ODD) if fault == "odd" else ""
        if fault == "odd" and text.startswith("220") and odd == "220 x":
            text, fault = odd, None  # a greeting like any other
        if fault in ("doubled", "odd", "unasked", "missing"):
            self.in_step = False
        if self.in_step and text in FINAL and fault in (None, "late"):
            self.world.said.update(about)
        whole = text + "\r\n"
        if fault is None and self.dice.random() < 0.1 and not self.good and not self.too_many:
            self.flush()
            at = self.dice.randrange(len(whole))
            self.write(whole[:at])
            self.flush()
            time.sleep(0.003)
            self.write(whole[at:])
        elif fault is None:
            self.write(whole)
        elif fault == "doubled":
            self.write(whole + whole)
        elif fault == "odd":
            self.write(odd + "\r\n")
        elif fault == "unasked":
            extra = self.dice.choice(UNASKED)
            if text[:3] == "354" and extra in FINAL:  # while the message is going out it is clear
                self.world.said.update(about)
            self.write(whole + extra + "\r\n")
        elif fault == "late":
            self.write(whole)
            self.flush()
            time.sleep(0.01)
            self.in_step = False
            self.write(self.dice.choice(AFTERWARDS) + "\r\n")
        elif fault == "421":
            self.write("421 4.3.2 bye\r\n")
            self.end()
        elif fault != "missing":
            self.end(fault == "reset")

    def end(self, reset=False):
        self.flush()
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        raise Over

    def refusal(self):
        """A refusal instead of what is due, or nothing."""
        if self.dice.random() >= self.refuses:
            return None
        return self.dice.choice(FINAL if self.dice.random() < 0.5 else LATER)

    # Commands

    def run(self):
        self.say("220 peer.test")
        while True:
            line = self.line()
            verb = line.split(" ")[0].upper()
            if verb == "QUIT":
                self.say("221 bye")
                self.end()
            elif verb in ("EHLO", "LHLO"):
                self.reset()
                self.say("\r\n".join(f"250{'-' if i < len(self.world.offers) else ' '}{x}"
                                     for i, x in enumerate(["peer.test", *self.world.offers])))
            elif verb == "MAIL":
                self.mail(line)
            elif verb == "RCPT":
                self.rcpt(line)
            elif verb == "DATA":
                self.data()
            elif verb == "BDAT":
                self.bdat(line)
            else:
                self.reset()
                self.say("250 ok")

    def reset(self):
        self.sender, self.accepted, self.chunks = None, [], 0

    def mail(self, line):
        sender = re.search("<(.*)>", line).group(1)
        self.reset()
        no = self.refusal()
        if not no:
            self.sender = sender
        self.say(no or "250 2.1.0 ok", LETTERS.get(sender, ()))

    def rcpt(self, line):
        recipient = re.search("<(.*)>", line).group(1)
        if self.sender is None:
            self.say("503 5.5.1 MAIL first")
            return
        no = self.refusal()
        if not no:
            self.accepted.append(recipient)
        self.say(no or "250 2.1.5 ok", [recipient])

    def data(self):
        about = LETTERS.get(self.sender, ())
        no = self.refusal()
        if not self.accepted:
            self.say("503 5.5.1 nobody to take it")
            return
        self.say(no or "354 go", about)
        if no:
            return
        ended = b""
        while b"\r\n.\r\n" not in ended:
            if not self.input:
                self.fill()
            early = self.refusal() if len(ended) > 4 and self.dice.random() < 0.3 else None
            if early:
                self.say(early, about)
                self.end()
            ended = ended[-4:] + self.input
            self.input = b""
        ended, _, self.input = ended.partition(b"\r\n.\r\n")
        self.dot()

    def bdat(self, line):
        size, last = int(line.split()[1]), line.upper().endswith("LAST")
        self.take(size)
        if not self.accepted:
            self.say("503 5.5.1 nobody to take it")
        elif last:
            self.dot()
        else:
            self.say("250 ok")

    def dot(self):
        """The message is here. With LMTP a reply for each."""
        accepted, sender, self.accepted = self.accepted, self.sender, []
        groups = [[r] for r in accepted] if self.world.lmtp else [accepted]
        replies = [self.refusal() or "250 2.0.0 ok" for _ in groups]
        faults = [self.spoilt.get(self.count + 1 + n) for n in range(len(groups))]
        # Beyond help: an answer that is not there while the next is, and a server that takes a
        # message and says 421 to it.
        for n, fault in enumerate(faults):
            if fault == "missing" and n + 1 < len(groups):
                del self.spoilt[self.count + 1 + n]
        kept = faults.index("421") if "421" in faults else len(groups)
        for n, (group, reply) in enumerate(zip(groups, replies)):
            if n < kept and reply[0] == "2":
                self.world.taken.update(group)
        self.sender = None
        for group, reply in zip(groups, replies):
            self.say(reply, group if self.world.lmtp else LETTERS.get(sender, ()))


class World:
    """A round: its servers, its hold, and what they did."""

    def __init__(self, number):
        self.number, self.dice = number, random.Random(f"{SEED}.{number}")
        self.lmtp = self.dice.random() < 0.25
        self.offers = [o for o in ("PIPELINING", "CHUNKING", "SIZE 10000000", "8BITMIME",
                                   "ENHANCEDSTATUSCODES") if self.dice.random() < 0.6]
        self.good = False
        self.said, self.taken = set(), collections.Counter()
        self.sessions, self.peers, self.talk = 0, [], []
        self.listeners = [self.listen(n) for n in range(self.dice.choice((1, 1, 2)))]

    def listen(self, number):
        listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.serve, args=(listener, number), daemon=True).start()
        return listener

    def serve(self, listener, server):
        for number in range(10 ** 6):
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            dice = random.Random(f"{SEED}.{self.number}.{server}.{number}")
            self.sessions += not self.good
            peer = threading.Thread(target=self.attend, args=(sock, dice, self.good), daemon=True)
            self.peers.append(peer)
            peer.start()

    def attend(self, sock, dice, good):
        with sock:
            sock.settimeout(20)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                Peer(self, sock, dice, good).run()
            except (Over, OSError):
                pass

    def close(self):
        for listener in self.listeners:
            try:
                listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            listener.close()

    def settle(self):
        """All that the servers did is known."""
        for peer in self.peers:
            peer.join(30)
        self.peers = []

    def configuration(self):
        relays = []
        for n, listener in enumerate(self.listeners):
            relays.append((f"r{n}", {
                "port": listener.getsockname()[1], "timeout": "1s", "dot_timeout": "1s",
                "connections": "1", "max_messages": self.dice.choice(("2", "100", "100")),
                "window": self.dice.choice(("1", "4", "4", "100")),
                "protocol": "lmtp" if self.lmtp else None}))
        return relays


def judge(world, case, failed, held):
    log = case.log().splitlines()
    for who in EVERYBODY:
        taken, lost = world.taken[who], not world.taken[who]
        check(who in failed or who in held or not lost, f"{who} is lost")
        check(who not in failed or who in world.said, f"{who} has failed, and nobody said so")
        marks = len([x for x in log if who in x and re.search(DUPLICATE, x)])
        check(taken <= 1 + marks, f"{who} has it {taken} times, with {marks} warnings")


def listed(case, *args):
    room = "failed" if args else "hold"
    if not case.entries(room):
        return set()
    return {r["address"] for e in case.listing(*args) for r in e["recipients"]
            if r["status"] == ("failed" if args else "waiting")}


def play(number):
    """A round. What it came to: sessions, and what was wrong or ""."""
    with Case(f"round{number}") as case:
        world = World(number)
        shutil.rmtree(case.hold)
        case.hold = tempfile.mkdtemp(dir=PLACE)
        os.rmdir(case.hold)
        shutil.copytree(STOCK, case.hold)
        case.configure(*world.configuration(),
                       conf={"hold.directory": case.hold, "delivery.mode": "hold"})
        try:
            for _ in range(RUNS):
                if case.entries():
                    case.flush("--all")
            world.settle()
            judge(world, case, listed(case, "--failed"), listed(case))
            world.good = True
            for _ in range(2):
                if case.entries():
                    case.flush("--all")
            world.settle()
            same("held at the end", listed(case), set())
            judge(world, case, listed(case, "--failed"), set())
            return world.sessions, ""
        except Wrong as why:
            return world.sessions, "\n".join([str(why), *world.talk, case.log() if ONLY else ""])
        finally:
            world.close()
            shutil.rmtree(case.hold, ignore_errors=True)


def make_stock():
    folder = os.path.join(PLACE, "stock")
    with Case("stock") as case:
        case.configure({"port": 1}, conf={"delivery.mode": "hold"})
        for n, (sender, recipients) in enumerate(LETTERS.items()):
            message = MESSAGE + (b"a line of a big message\n" * (BIG // 24) if n == 2 else b"")
            # Always in this order, by name too: else a seed is worth nothing.
            while len(case.entries()) <= n:
                before = case.entries()
                result = case.send("-i", "-f", sender, *recipients, message=message)
                same("sendmail", result.code, 0)
                new, = set(case.entries()) - set(before)
                if before and new < before[-1]:
                    os.unlink(os.path.join(case.hold, "hold", new))
        shutil.copytree(case.hold, folder)
    return folder


STOCK = make_stock()


def main():
    if ONLY:
        sessions, wrong = play(int(ONLY))
        print(f"{sessions} sessions\n{wrong}\n{int(not wrong)} passed, {int(bool(wrong))} failed")
        sys.exit(bool(wrong))
    sessions, rounds, failures = 0, 0, []
    fork = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(CELL_WORKERS, fork) as pool:
        waiting = {}
        while sessions < SESSIONS or waiting:
            while sessions < SESSIONS and len(waiting) < CELL_WORKERS:
                waiting[pool.submit(play, rounds)] = rounds
                rounds += 1
            done, _ = concurrent.futures.wait(
                waiting, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in done:
                number = waiting.pop(future)
                more, wrong = future.result()
                sessions += more
                if wrong:
                    failures.append(number)
                    print(f"FAIL SEED={SEED} ROUND={number}: {wrong.strip()[:500]}")
                    sys.stdout.flush()
    print(f"{sessions} sessions in {rounds} rounds, SEED={SEED}")
    print(f"{rounds - len(failures)} passed, {len(failures)} failed")
    sys.exit(bool(failures))


main()
