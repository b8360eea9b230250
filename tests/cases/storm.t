#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many senders and flushers at once, killed at random for STORM_SECONDS (default 10).

What sendmail took over (exit 0) reaches the relay; copies too many are no more than kills; the
hold is empty at the end, and nothing in it was ever damaged.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "proof")]
from harness import BUILD, Case, same
from proof import LIMIT, Tail, Wrong, call, check
from entries import names_in, read_room

SECONDS = float(os.environ.get("STORM_SECONDS", "10"))
SENDERS, FLUSHERS = 20, 4
WAYS = ((), (), ("-odb",), ("--hold",))  # mode now twice as often
MESSAGE = (b"From: a@src.example\nTo: somebody@dest.example\nSubject: storm\n\n"
           + b"a line of a message in a storm\n" * 200)


class Storm:
    """What goes on, and what was seen of it."""

    def __init__(self, case):
        self.case = case
        # A sanitizer that looks for leaks at exit does so from a process of its own; killed,
        # that one is waited for for ever.
        case.env["ASAN_OPTIONS"] = "detect_leaks=0"
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.taken, self.lost_calls, self.wrong = [], [], []
        self.kills = {"sendmail": 0, "flushq": 0}
        self.random = random.Random()

    def start(self, program, *args):
        return subprocess.Popen(
            [os.path.join(BUILD, program), "-C", self.case.conf_path, *args],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=self.case.env, cwd=self.case.dir)

    def end(self, process, what, feed):
        try:
            _, err = process.communicate(feed, timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            self.wrong.append(f"{what} hangs")
            return None
        if process.returncode not in (0, -signal.SIGKILL) or err:
            self.wrong.append(f"{what}: exit {process.returncode}, {err!r}")
        return process.returncode

    def send(self, number):
        count = 0
        while not self.over.is_set():
            count += 1
            address = f"m{number}.{count}@dest.example"
            way = self.random.choice(WAYS)
            process = self.start("sendmail", *way, "-i", "-f", "a@src.example", address)
            code = self.end(process, f"sendmail {way}", MESSAGE)
            with self.lock:
                (self.taken if code == 0 else self.lost_calls).append(address)

    def flush(self):
        while not self.over.is_set():
            self.end(self.start("flushq", "--all"), "flushq", b"")
            time.sleep(self.random.random() * 0.1)

    def programs(self):
        """(pid, name) of the programs of this case."""
        found = []
        for pid in self.case.strays():
            try:
                with open(f"/proc/{pid}/comm", encoding="ascii", errors="replace") as file:
                    name = file.read().strip()
            except OSError:
                continue
            found.append((pid, "sendmail" if name == "sendmail" else "flushq"))
        return found

    def kill_some(self):
        """From the list to the kill a process may end, but its number is not given out again
        so soon."""
        while not self.over.is_set():
            running = self.programs()
            self.random.shuffle(running)
            for pid, name in sorted(running[:8], key=lambda p: p[1])[:2]:
                try:
                    os.kill(pid, signal.SIGKILL)
                    self.kills[name] += 1
                except ProcessLookupError:
                    pass
            time.sleep(self.random.random() * 0.03)

    def rage(self):
        threads = [threading.Thread(target=self.send, args=(n,)) for n in range(SENDERS)]
        threads += [threading.Thread(target=self.flush) for _ in range(FLUSHERS)]
        threads.append(threading.Thread(target=self.kill_some))
        for thread in threads:
            thread.start()
        time.sleep(SECONDS)
        self.over.set()
        for thread in threads:
            thread.join()


def calm(case):
    """Until the hold is empty."""
    for _ in range(10):
        ended = call(case, "flushq", "--all", limit=120)
        same("flushq after the storm", (ended.code, ended.err, ended.hung), (0, "", ""))
        if not names_in(case.hold, "hold"):
            return
    raise Wrong(f"the hold does not empty: {case.reasons()[:2000]}")


def judge(storm, case, copies):
    lost = [a for a in storm.taken if copies[False, a] == 0]
    check(not lost, f"{len(lost)} of {len(storm.taken)} lost: {lost[:5]}")
    extra = sum(count - 1 for count in copies.values())
    kills = sum(storm.kills.values())
    check(extra <= storm.kills["flushq"], f"{extra} copies too many after {storm.kills}")
    check(not storm.wrong, f"{len(storm.wrong)} calls that nobody killed: {storm.wrong[:3]}")
    check(not names_in(case.hold, "corrupt"), "corrupt/ is not empty")
    check(not names_in(case.hold, "failed"), "failed/ is not empty")
    left = names_in(case.hold, "tmp")
    check(len(left) <= kills, f"{len(left)} files in tmp/ after {kills} kills")
    check(storm.taken and kills, "nothing happened")
    print(f"{len(storm.taken)} taken, {len(storm.lost_calls)} calls killed, {storm.kills}, "
          f"{extra} copies too many, {len(left)} left in tmp/")


def main():
    try:
        with Case("storm") as case:
            # A relay that takes its time is more often hit in the middle.
            relay = case.relay("--discard", "--delay", "5")
            case.configure({"port": relay.port, "timeout": "20s", "dot_timeout": "20s"})
            storm, tail = Storm(case), Tail(relay)
            storm.rage()
            case.wait_quiet(60)
            for entry in read_room(case.hold, "hold"):
                check(not entry.damage, f"{entry.id} is damaged: {entry.damage}")
            calm(case)
            tail.settle(LIMIT)
            judge(storm, case, tail.copies)
        result = 1, 0
    except Wrong as why:
        print(f"FAIL storm: {why}")
        result = 0, 1
    print("%d passed, %d failed" % result)
    sys.exit(result[1])


main()
