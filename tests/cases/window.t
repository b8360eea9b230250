#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several messages under way on one connection ("window"): how many waits they cost, and what
becomes of them when the connection breaks at any reply, or the server is out of step.

Each message arrives; it arrives twice only if the log called it a possible duplicate, and
never more than "window" are doubled by one bad connection; nobody gets another's verdict.
"""

import collections
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403

COUNT = 9
WINDOW = 4
PAUSE = 0.01  # what comes within belongs to the same flight


class Over(Exception):
    """The connection is at its end."""


class Server:
    """By number of the connection, faults by number of the reply: {0: {7: "close"}}. slow:
    seconds until the second message is answered."""

    def __init__(self, case, faults=None, chunking=True, refuse=(), slow=0):
        self.slow, self.messages = slow, 0
        self.faults, self.chunking, self.refuse = faults or {}, chunking, refuse
        self.case, self.taken = case, collections.Counter()
        self.lines, self.behind, self.flights = [], [], []
        self.begun = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        for number in range(1000):
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.lines.append([])
            self.behind.append(0)
            self.flights.append(0)
            try:
                with sock:
                    sock.settimeout(20)
                    Peer(self, sock, number).run()
            except (Over, OSError):
                pass

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()


class Peer:
    def __init__(self, server, sock, number):
        self.server, self.sock, self.number = server, sock, number
        self.faults = server.faults.get(number, {})
        self.input, self.output, self.count = b"", b"", -1
        self.ended, self.silent = False, False

    def fill(self):
        """More input. What was said is sent when nothing more comes at once."""
        if self.output and not select.select([self.sock], [], [], PAUSE)[0]:
            self.flush()
        more = self.sock.recv(1 << 20)
        if not more:
            raise Over
        self.input += more

    def flush(self):
        output, self.output, self.ended = self.output, b"", False
        if output:
            self.server.flights[self.number] += 1
            self.sock.sendall(output)

    def say(self, text):
        """A reply, or what is to be instead of it."""
        self.count += 1
        fault = self.faults.get(self.count, "")
        if fault == "close":
            self.flush()
            raise Over
        if fault == "reset":
            self.flush()
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            raise Over
        if fault == "421":
            self.output += b"421 4.3.2 bye\r\n"
            self.flush()
            raise Over
        if fault == "leave":  # goes on without a word
            self.output += b"421 4.3.2 bye\r\n"
            self.silent = True
        if self.silent:
            return
        if fault == "deaf":  # what had come is thrown away, as if it had not
            self.output += text.encode() + b"\r\n"
            self.flush()
            self.input = b""
            while self.sock.recv(65536):
                pass
            raise Over
        if fault.startswith("half"):
            self.output += text.encode()[:-2]
            self.flush()
            raise Over
        if fault.startswith("say "):
            self.output += fault[4:].encode() + b"\r\n"
        if fault != "missing":
            self.output += text.encode() + b"\r\n"
        if fault == "doubled":
            self.output += text.encode() + b"\r\n"

    def line(self):
        while b"\r\n" not in self.input:
            self.fill()
        line, _, self.input = self.input.partition(b"\r\n")
        self.server.lines[self.number].append(line.decode())
        return line.decode()

    def run(self):
        self.say("220 peer.test")
        sender, rcpts = None, []
        while True:
            line = self.line()
            verb = line.split(" ")[0].upper()
            refused = [w for w in self.server.refuse if w in line]
            if verb == "EHLO":
                self.say("250-peer.test\r\n" + ("250-CHUNKING\r\n" if self.server.chunking else "")
                         + "250 PIPELINING")
            elif verb == "QUIT":
                self.say("221 bye")
                self.flush()
                return
            elif verb == "MAIL" and sender is not None:
                self.say("503 5.5.1 nested MAIL")
            elif verb == "MAIL":
                self.server.behind[self.number] += self.ended
                no = refused and refused[0].startswith("mail")
                sender, rcpts = (None, []) if no else (line, [])
                self.say("550 5.7.1 not him" if no else "250 2.1.0 ok")
            elif verb == "RCPT" and sender is None:
                self.say("503 5.5.1 MAIL first")
            elif verb == "RCPT":
                no = refused and refused[0].startswith("rcpt")
                if not no:
                    rcpts.append(re.search("<(.*)>", line).group(1))
                self.say("550 5.1.1 nobody" if no else "250 2.1.5 ok")
            elif verb in ("DATA", "BDAT"):
                self.content(line, verb, rcpts, sender)
                if rcpts:
                    sender, rcpts = None, []
            else:
                sender, rcpts = None, []
                self.say("250 2.0.0 ok")

    def content(self, line, verb, rcpts, sender):
        if verb == "BDAT":
            self.take(int(line.split()[1]))
            if not rcpts:
                self.say("503 5.5.1 nobody to take it")
                return
        else:
            if not rcpts:
                self.say("503 5.5.1 nobody to take it")
                return
            self.say("354 go")
            while not b"\r\n.\r\n" in self.input:
                self.fill()
            _, _, self.input = self.input.partition(b"\r\n.\r\n")
        self.ended = True
        self.server.messages += 1
        if self.server.messages == 2:
            self.server.begun.set()
            time.sleep(self.server.slow)
        no = [w for w in self.server.refuse if w.startswith("text") and w in sender]
        # One that takes a message and says 421 to it is beyond help.
        if not no and self.faults.get(self.count + 1) not in ("421", "leave"):
            self.server.taken.update(rcpts)
        self.say("554 5.6.0 not that" if no else "250 2.0.0 taken")

    def take(self, size):
        while len(self.input) < size:
            self.fill()
        self.input = self.input[size:]


def hold(case, server, count=COUNT, names=None, **keys):
    keys = dict({"port": server.port, "connections": "1", "timeout": "1s", "dot_timeout": "1s"},
                **keys)
    case.configure(keys, conf={"delivery.mode": "hold"})
    names = names or [f"m{n}" for n in range(count)]
    for name in names:
        same("exit", case.send("-i", "-N", "never", "-f", f"{name}@src.example",
                              f"{name}@dest.example").code, 0)
    return [f"{name}@dest.example" for name in names]


def doubted(case):
    return {m for line in case.log().splitlines() if "possible-duplicate" in line
            or "possible duplicate" in line for m in re.findall(r"to=<?([\w.]+@dest\.example)", line)}


def judge(case, server, who, refused=()):
    """At the end of all runs."""
    same("held", case.entries(), [])
    taken, doubts = server.taken, doubted(case)
    same("missing", [r for r in who if not taken[r] and r not in refused], [])
    more = {r: n for r, n in taken.items() if n > 1}
    check(set(more) <= doubts, f"{more}, and the log has {doubts} in doubt")
    check(sum(n - 1 for n in more.values()) <= WINDOW, f"doubled: {more}")
    if case.entries("failed"):
        failed = {r["address"] for e in case.listing("--failed") for r in e["recipients"]
                  if r["status"] == "failed"}
    else:
        failed = set()
    check(failed <= set(refused), f"failed: {failed - set(refused)}")
    return failed, doubts


def run_until_empty(case, runs=6):
    for _ in range(runs):
        if case.entries():
            case.flush("--all")


# Waits

def waits(chunking, window, most):
    def run():
        with Case("waits") as case:
            server = Server(case, chunking=chunking)
            try:
                who = hold(case, server, 17, window=str(window))
                case.flush("--all")
                failed, doubts = judge(case, server, who)
                same("failed, in doubt, twice", (failed, doubts, max(server.taken.values())),
                     (set(), set(), 1))
                same("connections", len(server.flights), 1)
                check(server.flights[0] <= most, f"{server.flights[0]} waits, not {most}")
                check(window > 1 or server.behind == [0], "begun before its turn")
            finally:
                server.close()
    return f"waits of 17 messages, {'BDAT' if chunking else 'DATA'}, window = {window}", run


def one_worker_each():
    """Four connections, each with its own window."""
    with Case("workers") as case:
        server = case.relay("--with", "CHUNKING", "--delay", "20")
        case.configure({"port": server.port, "connections": "4"}, conf={"delivery.mode": "hold"})
        who = [f"m{n}@dest.example" for n in range(40)]
        for name in who:
            same("exit", case.send("-i", "-f", "a@src.example", name).code, 0)
        case.flush("--all")
        same("delivered", server.recipients(), sorted(who))
        same("violations", server.violations(), [])
        same("held", case.entries(), [])


def by_lmtp():
    """One after the other."""
    with Case("lmtp") as case:
        server = case.relay("--lmtp", "--with", "CHUNKING", "--delay", "10")
        case.configure({"port": server.port, "connections": "1", "protocol": "lmtp"},
                       conf={"delivery.mode": "hold"})
        for n in range(5):
            same("exit", case.send("-i", "-f", "a@src.example", f"m{n}@dest.example").code, 0)
        case.flush("--all")
        same("delivered", len(server.recipients()), 5)
        same("violations", server.violations(), [])
        check(server.wait_for("close")[0]["flights"] >= 15, "not one after the other")


def limit():
    """max_messages counts those under way."""
    with Case("limit") as case:
        server = Server(case)
        try:
            who = hold(case, server, 10, max_messages="3")
            case.flush("--all")
            judge(case, server, who)
            ends = [sum("BDAT" in x for x in lines) for lines in server.lines]
            same("messages a connection", ends, [3, 3, 3, 1])
        finally:
            server.close()


# Verdicts

REFUSED = ["m0", "rcpt1", "m2", "text3", "m4", "mail5", "m6", "rcpt7", "text8", "m9"]


def each_its_own(chunking):
    def run():
        with Case("own") as case:
            server = Server(case, chunking=chunking,
                            refuse=[n + "@" for n in REFUSED if n[0] != "m" or n[1] == "a"])
            try:
                who = hold(case, server, names=REFUSED)
                case.flush("--all")
                bad = {f"{n}@dest.example" for n in REFUSED if n[0] != "m" or n[1] == "a"}
                failed, doubts = judge(case, server, who, bad)
                same("failed", failed, bad)
                same("in doubt", doubts, set())
                same("taken", sorted(server.taken), sorted(set(who) - bad))
                same("connections", len(server.flights), 1)
            finally:
                server.close()
    return f"each its own verdict, {'BDAT' if chunking else 'DATA'}", run


# What breaks at each reply

def broken(fault, chunking, at):
    def run():
        with Case("broken") as case:
            server = Server(case, {0: {at: fault}}, chunking)
            try:
                who = hold(case, server)
                run_until_empty(case)
                judge(case, server, who)
                late = any(server.behind[1:]) and fault not in ("421",)
                broke = server.behind[0] and doubted(case)
                check(not (broke and late), f"several again: {server.behind}")
            finally:
                server.close()
    return f"{fault} at reply {at}, {'BDAT' if chunking else 'DATA'}", run


def refused_and_broken(fault, chunking, at):
    def run():
        with Case("broken") as case:
            bad = [n + "@" for n in REFUSED if n[0] != "m" or n[1] == "a"]
            server = Server(case, {0: {at: fault}}, chunking, bad)
            try:
                who = hold(case, server, names=REFUSED)
                run_until_empty(case)
                bad = {b + "dest.example" for b in bad}
                failed, _ = judge(case, server, who, bad)
                same("failed", failed, bad)
            finally:
                server.close()
    return f"refusals, and {fault} at reply {at}, {'BDAT' if chunking else 'DATA'}", run


def closing():
    """A server that closes after so many messages, with 421: nothing is in doubt, and it is
    not told apart from others for that."""
    with Case("421") as case:
        # Greeting, EHLO, the first by itself, then the second and the RSET behind it.
        server = Server(case, {0: {8: "421"}})
        try:
            who = hold(case, server)
            run_until_empty(case)
            _, doubts = judge(case, server, who)
            same("in doubt", doubts, set())
            same("twice", [r for r in who if server.taken[r] != 1], [])
            check(server.behind[1] > 0, "no window any more")
        finally:
            server.close()


def closing_soon():
    """After two messages: each connection carries two, and all go in one run."""
    with Case("421") as case:
        server = Server(case, {n: {8: "421"} for n in range(9)})
        try:
            who = hold(case, server)
            case.flush("--all")
            _, doubts = judge(case, server, who)
            same("in doubt", doubts, set())
        finally:
            server.close()


def terminated(chunking):
    """SIGTERM while several are under way: whose message is out is marked, and who was only
    announced is as he was."""
    def run():
        with Case("term") as case:
            server = Server(case, chunking=chunking, slow=0.5)
            try:
                who = hold(case, server, 12, dot_timeout="5s", timeout="5s")
                call = case.begin("flushq", "--all")
                check(server.begun.wait(10), "no second message")
                call.kill(signal.SIGTERM)
                result = call.wait(20)
                same("end", (result.code, result.err), (0, ""))
                same("taken", len(server.taken), 5 if chunking else 2)
                same("held", len(case.entries()), 12 - len(server.taken))
                same("tries", {e["attempts"] for e in case.listing()}, {0})
                run_until_empty(case)
                _, doubts = judge(case, server, who)
                same("in doubt, most", (doubts, max(server.taken.values())), (set(), 1))
            finally:
                server.close()
    return f"SIGTERM, {'BDAT' if chunking else 'DATA'}", run


def killed(call, when, chunking):
    """flushq is killed at that call: what was under way, and no more, may go twice."""
    def run():
        with Case("kill") as case:
            server = Server(case, chunking=chunking)
            try:
                who = hold(case, server, 12)
                case.run("flushq", "--all", env={"ASAN_OPTIONS": "detect_leaks=0"}, wrap=[
                    "strace", "-o", "/dev/null", "-e", f"inject={call}:signal=SIGKILL:when={when}"])
                case.wait_quiet()
                run_until_empty(case)
                same("held", case.entries(), [])
                same("missing", [r for r in who if not server.taken[r]], [])
                same("more than twice", [r for r in who if server.taken[r] > 2], [])
                twice = [r for r in who if server.taken[r] > 1]
                check(len(twice) <= WINDOW, f"doubled: {twice}")
            finally:
                server.close()
    return f"killed at {call} {when}, {'BDAT' if chunking else 'DATA'}", run


def remembered():
    """Once out of step: one after the other, in the next run too."""
    with Case("remembered") as case:
        server = Server(case, {0: {7: "doubled"}})
        try:
            who = hold(case, server)
            case.flush("--all")
            check(server.behind[0] > 0, "nothing was under way")
            same("begun early later on", sum(server.behind[1:]), 0)
            same("files", len([n for n in os.listdir(os.path.join(case.hold, "state"))
                               if n.startswith("window.")]), 1)
            run_until_empty(case)
            judge(case, server, who)
            hold(case, server, 3, names=["n1", "n2", "n3"])
            case.flush("--all")
            same("begun early in the last run", sum(server.behind[1:]), 0)
        finally:
            server.close()


JOBS = [
    waits(False, 4, 3 + 2 + 17), waits(False, 1, 3 + 2 * 17), waits(True, 4, 2 + 1 + 4 + 1),
    waits(True, 1, 3 + 17), waits(True, 100, 2 + 1 + 1 + 1),
    ("four workers", one_worker_each), ("LMTP", by_lmtp), ("max_messages", limit),
    each_its_own(True), each_its_own(False),
    terminated(True), terminated(False),
    ("421 after some", closing), ("421 after two, each time", closing_soon), ("one by one is remembered", remembered),
    *[broken(fault, chunking, at) for chunking in (True, False)
      for fault in ("close", "reset", "421", "doubled", "say 550 5.1.1 no", "say 354 go", "half")
      for at in range(2, 24)],
    *[broken(fault, chunking, at) for chunking in (True, False) for fault in ("missing", "deaf", "leave")
      for at in range(5, 16)],
    *[refused_and_broken(fault, chunking, at) for chunking in (True, False)
      for fault in ("close", "421", "doubled") for at in range(5, 30, 2)],
]

KILLS = [killed(call, when, chunking) for chunking in (True, False)
         for call, most in (("sendto", 14), ("recvfrom", 16), ("pwrite64", 24), ("fdatasync", 12),
                            ("fsync", 5), ("unlinkat", 12))
         for when in range(2, most)]


def works():
    """Can a program be traced here?"""
    strace = shutil.which("strace")
    return strace and subprocess.run([strace, "-o", "/dev/null", "true"], capture_output=True,
                                     timeout=20, check=False).returncode == 0


def no_strace():
    raise Skip("no strace, or it may not trace here")


run_all(JOBS + (KILLS if works() else [("kills", no_strace)]))
