# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures Postern beside other mailers and prints one table; started by run, which sets
BENCH_BUILD, BENCH_CODE, BENCH_TOP (a folder of ours) and BENCH_PEERS.

Every round measures each mailer once, one after the other, so that a busy moment of the
machine hits them all; what is printed are medians, and ratios to Postern's of the same
rounds. No value makes this fail.

  returned    until the caller has its prompt back
  relay has   until the relay has the mail, whoever brings it there
  ended       until all that was started has ended
  CPU         user and system, of all processes (of daemons too)
  largest     resident memory of the largest process at its peak, with shared libraries
  all memory  of all processes together, at the worst moment; what they share counts once
  waits       how often the client waits for the far relay: what a message takes longer at
              the longer of two distances, in round trips

The column "ideal" is the floor, see ideal.c: a client that keeps nothing and waits as little
as the RFCs allow; where a message is only taken, a file that outlasts a crash.
"""

import os
import platform
import re
import subprocess
import sys
import threading
import time
import traceback

import mailers
from measuring import (APART, BUILD, CERTS, RECIPIENT, TOP, Arrival, Distance, Late, Relay,
                       Route, Watch, measure)
from postfix import Postfix
from report import Table, memory, median, rate, say, seconds

QUICK = os.environ.get("BENCH_QUICK", "") not in ("", "0")
COUNT = int(os.environ.get("BENCH_COUNT") or (100 if QUICK else 1000))
ONLY = os.environ.get("BENCH_ONLY", "").split()
ROUNDS = int(os.environ.get("BENCH_ROUNDS") or (3 if QUICK else 9))
LISTED = 2000 if QUICK else 10000
FULL = 5000 if QUICK else 100000
HUGE = (64 if QUICK else 1024) << 20
LARGE = (8 if QUICK else 100) << 20
NEARER, FARTHER = 50, 200  # milliseconds there and back
AT_ONCE = 50
PATIENCE = 15  # seconds that a caller may be kept by a relay that does not answer

RETURNED = ("returned", "returned", seconds)
ARRIVED = ("relay has it", "relay", seconds)
ENDED = ("ended", "done", seconds)
CPU = ("CPU", "cpu", seconds)
LARGEST = ("largest", "rss", memory)
MEMORY = ("all memory", "memory", memory)
CONNECTIONS = ("connections", "connections", None)


def message(size, name):
    """A file with a message of about that size."""
    file_name = os.path.join(TOP, name)
    line = "The quick brown fox jumps over the lazy dog, and nobody minds it at all, 0123\n"
    with open(file_name, "w", encoding="ascii") as file:
        file.write(f"From: sender@client.example\nTo: {RECIPIENT}\nSubject: a test\n\n")
        block = line * 4096
        while size > len(block):
            file.write(block)
            size -= len(block)
        file.write(line * max(1, size // len(line)))
        file.flush()
        os.fsync(file.fileno())
    return file_name


class Bench:
    def __init__(self):
        self.mailers = []
        self.small = message(1024, "small")
        self.told = set()
        self.table = None

    def find(self):
        for kind in (*mailers.ALL, Postfix):
            why = kind.missing()
            if not why:
                self.mailers.append(kind())
            else:
                say(f"left out: {kind.name}: {why}")
        self.table = Table([m.name for m in self.mailers])

    def with_queue(self):
        return [m for m in self.mailers if m.queue]

    def leave_out(self, m, error):
        """Says so, once for the same reason."""
        m.empty()
        line = f"   left out: {m.name}: {error}"
        if line not in self.told:
            say(line)
        self.told.add(line)

    def rounds(self, count, contestants, action, warm=True):
        """Figures of each, by name. One that fails is left out, with a line that says so."""
        results = {m.name: [] for m in contestants}
        gone = set()
        for i in range(count + warm):
            for m in contestants:
                if m in gone:
                    continue
                try:
                    figures = action(m)
                except (RuntimeError, OSError, ValueError) as error:
                    self.leave_out(m, error)
                    gone.add(m)
                    del results[m.name]
                    continue
                if i >= warm and figures:
                    results[m.name].append(figures)
        return results

    def choose(self, route, contestants=None):
        """Those that can take this route, pointed at it."""
        able = []
        for m in contestants or self.mailers:
            try:
                m.choose(route)
                able.append(m)
            except RuntimeError as error:
                self.leave_out(m, error)
        return able

    @staticmethod
    def one(m, relay, text, recipients=(RECIPIENT,), times=1, watched=False):
        """Messages all the way to the relay: one, or so many at once."""
        arrival = Arrival(relay, times, len(recipients) if len(recipients) > 1 else 0)
        with Watch(m.daemon, watched) as watch:
            figures = m.send(text, arrival.wait, recipients, times)
        figures.relay = arrival.wait() - figures.start
        figures.memory = watch.peak
        # Nothing of this message runs into the next one's time.
        relay.when(relay.count("connect"), "close", limit=30)
        return figures

    def stop(self):
        """Ends the daemons."""
        for m in self.mailers:
            m.stop()

    def empty(self):
        """The same, and nothing stays in a queue."""
        for m in self.mailers:
            m.empty()

    def measure(self, route, wanted, *options, count=ROUNDS, warm=True, **how):
        """One message, by all that can, and the rows of it. Returns what was measured."""
        text = how.pop("text", self.small)
        some = self.choose(route, how.pop("some", None))
        with Relay(route, *options) as relay:
            results = self.rounds(count, some, lambda m: self.one(m, relay, text, **how),
                                  warm=warm)
        self.table.rows(results, wanted)
        return results

    def part_1(self):
        self.table.group("1. One small message over the loopback, in clear")
        self.measure(Route(), (RETURNED, ARRIVED, CPU, LARGEST))
        for m in self.mailers:
            if hasattr(m, "standing"):
                number, kib = m.standing()
                say(f"   (between messages {m.name} has {number} processes of together "
                    f"{memory(kib)})")
        self.stop()

    def part_2(self):
        wanted = (RETURNED, ARRIVED, CPU)
        for security, name in (("starttls", "STARTTLS"), ("tls", "TLS")):
            self.table.group(f"2. The same with {name} and a login, each handshake in full")
            self.measure(Route(security), (*wanted, LARGEST), "--no-tickets")
            self.table.group(f"   {name}, a session resumed by who can")
            self.measure(Route(security), wanted,
                         some=[m for m in self.mailers if m.name != "esmtp"])
            self.stop()
        self.table.group("   TLS, the roots of the system in place of a file with one")
        if APART:
            self.measure(Route("tls", system=True), wanted, "--no-tickets")
        else:
            say("   left out: needs root, to add one to them")
        self.stop()

    def part_3(self):
        count = 2 if QUICK else 3
        text = message(LARGE, "large")
        for security, name in (("none", "in clear"), ("tls", "over TLS")):
            self.table.group(f"3. One message of {LARGE >> 20} MiB, {name}")
            self.measure(Route(security), (RETURNED, ARRIVED, CPU, LARGEST), text=text,
                         count=count, some=self.patient(), warm=False)
            self.stop()
        self.table.group(f"   Parts of it: {LARGE >> 20} MiB")
        sending, raw = self.sending(text)
        self.table.row("sent over TLS, beside raw TLS", {"Postern": sending, "ideal": raw},
                       seconds)
        some = [m for m in self.mailers if m.name in ("Postern", "ideal")]
        self.choose(Route(), some)
        results = self.rounds(ROUNDS, some, lambda m: m.hold(text))
        self.table.rows(results, (("taken, beside a durable file", "returned", seconds),))
        self.empty()
        os.remove(text)

    def patient(self):
        """Without those that read a large message for minutes."""
        return [m for m in self.mailers if QUICK or m.name not in ("s-nail", "ssmtp")]

    def sending(self, text):
        """Seconds for a held message until the relay has it, and for raw TLS."""
        route = Route("tls")
        postern = self.mailers[0]
        postern.choose(route)
        port = Route().port
        sink = subprocess.Popen([f"{TOP}/bin/ideal-tls", "sink", CERTS + "/server.pem",
                                 CERTS + "/server.key", str(port)], stdout=subprocess.PIPE)
        sent, raw = [], []
        with Relay(route) as relay:
            sink.stdout.readline()
            for _ in range(ROUNDS):
                postern.hold(text)
                postern.choose(route)
                arrival = Arrival(relay, 1)
                figures = postern.flush(arrival.wait)
                figures.relay = arrival.wait() - figures.start
                sent.append(figures)
                raw.append(measure([f"{TOP}/bin/ideal-tls", "raw", route.host, str(port), route.ca],
                                   text))
        sink.kill()
        sink.stdout.close()
        sink.wait()
        return median(sent, "relay"), median(raw, "returned")

    def part_4(self):
        self.table.group("4. Taking a small message over, mode = hold, relay down")
        some = [m for m in self.mailers if m.queue or m.name == "ideal"]
        self.choose(Route(), some)
        results = self.rounds(ROUNDS, some, lambda m: m.hold(self.small))
        self.table.rows(results, (RETURNED, CPU, LARGEST))
        self.empty()

    def part_5(self):
        self.listing()
        self.flushing()
        self.in_vain()

    def listing(self):
        out = os.path.join(TOP, "listing")

        def show(m):
            figures = m.list(out)
            with open(out, "rb") as file:
                seen = file.read().count(RECIPIENT.encode() if m.name != "nullmailer"
                                         else b"\n")
            if seen < LISTED:
                raise RuntimeError(f"lists {seen} of {LISTED}")
            return figures

        self.table.group(f"5. mailq with {LISTED} held messages")
        for m in self.choose(Route(), self.with_queue()):
            m.fill(LISTED, self.small)
        self.table.rows(self.rounds(3, self.with_queue(), show), (ENDED, CPU, LARGEST))
        self.empty()

    def flushing(self):
        some = [m for m in self.with_queue() if COUNT <= 1000 or m.name != "dma"]
        count = 1 if QUICK or COUNT > 1000 else 2
        self.table.group(f"   Flush of {COUNT} held messages, relay up again")
        route = Route()
        results = self.rounds(count, some, lambda m: self.flush_between(m, route, COUNT),
                              warm=False)
        self.table.rows(results, (ARRIVED, ENDED, CPU, LARGEST, CONNECTIONS))
        self.empty()

    def flush_between(self, m, route, count):
        """A queue filled while the relay is down; then the relay, and the flush."""
        m.empty()
        m.choose(route)
        m.fill(count, self.small)
        with Relay(route) as relay:
            arrival = Arrival(relay, count)
            figures = m.flush(arrival.wait)
            figures.relay = arrival.wait() - figures.start
            time.sleep(0.05)
            if relay.count("message") != count:
                raise RuntimeError(f"{relay.count('message')} messages arrived of {count}")
            figures.connections = relay.count("connect")
            m.stop()
        return figures

    def in_vain(self):
        route = Route()

        def flush(m):
            m.empty()
            m.choose(route)
            m.fill(COUNT, self.small)
            with Relay(route, "--on", "CONNECT close") as relay:
                figures = (m.flush_in_vain(COUNT) if m.daemon else m.flush(None))
                figures.connections = relay.count("connect")
                m.stop()
            return figures

        self.table.group(f"   Flush of {COUNT}, a relay that hangs up at once")
        some = [m for m in self.mailers if m.name in ("Postern", "postfix")]
        self.table.rows(self.rounds(1, some, flush, warm=False), (ENDED, CPU, CONNECTIONS))
        self.empty()

    def part_6(self):
        self.table.group(f"6. Waits for a relay {NEARER} to {FARTHER} ms away, a small message")
        if not APART:
            say("   left out: needs root, for a network of its own")
            return
        for security, name in (("none", "clear"), ("starttls", "STARTTLS"), ("tls", "TLS")):
            # The peers have no CHUNKING.
            for chunking, some in ((True, self.mailers[:2]), (False, self.mailers)):
                self.waits(Route(security, far=True), some, chunking,
                           f"{name}, {'CHUNKING' if chunking else 'DATA'}")
                self.stop()
        held = 20 if QUICK else 100
        self.table.group(f"   Flush of {held} messages, {NEARER} ms away")
        route = Route(far=True)
        with Distance(NEARER):
            results = self.rounds(1, self.with_queue(),
                                  lambda m: self.flush_between(m, route, held), warm=False)
        for figures in (f for each in results.values() for f in each):
            figures.rate = held / figures.relay
        self.table.rows(results, (("messages a second", "rate", rate), CPU, CONNECTIONS))
        self.empty()

    def waits(self, route, some, chunking, label):
        """Two rows. The least of the rounds: a busy machine can only make it more."""
        some = self.choose(route, some)
        walls = []
        for ms in (NEARER, FARTHER):
            with Distance(ms), Relay(route, "--no-tickets", chunking=chunking) as relay:
                results = self.rounds(2 if QUICK else 3, some,
                                      lambda m: self.one(m, relay, self.small), warm=False)
            walls.append({name: [min(getattr(f, end) for f in figures)
                                 for end in ("returned", "relay")]
                          for name, figures in results.items()})
        for i, end in enumerate(("returned", "relay has it")):
            self.table.row(f"{label}: {end}", {
                m.name: (walls[1][m.name][i] - walls[0][m.name][i]) / (FARTHER - NEARER) * 1000
                for m in some if m.name in walls[0] and m.name in walls[1]
                # Those that only take it do not wait.
                and (i or not m.queue or m.name == "Postern")}, None)

    def part_7(self):
        text = message(HUGE, "huge")
        self.table.group(f"7. One message of {HUGE >> 20} MiB, in clear")
        os.sync()
        self.measure(Route(), (ARRIVED, CPU, LARGEST, MEMORY), text=text, count=1, warm=False,
                     watched=True, some=self.patient())
        self.stop()
        os.remove(text)

    def part_8(self):
        few = ("Postern", "ideal", "esmtp", "postfix")
        for number, some in ((1000, self.mailers),
                             (50000, [m for m in self.mailers if m.name in few])):
            if QUICK and number > 1000:
                continue
            self.table.group(f"8. One message to {number} recipients, in clear")
            names = [f"rcpt{i}@dest.example" for i in range(number)]
            self.measure(Route(), (RETURNED, ARRIVED, CPU, LARGEST), recipients=names,
                         count=2 if number == 1000 else 1, warm=False, some=some)
            self.empty()

    def part_9(self):
        for security, name in (("none", "in clear"), ("tls", "with TLS and a login")):
            self.table.group(f"9. {AT_ONCE} callers at once, {name}: the last of them")
            self.measure(Route(security), (RETURNED, ARRIVED, CPU), count=2 if QUICK else 3,
                         times=AT_ONCE)
            self.stop()

    def part_10(self):
        self.table.group("10. Callers in a row, relay refuses connections (*: fails)")
        some = self.choose(Route())

        def call(m):
            try:
                return m.call(self.small, PATIENCE)
            except RuntimeError as error:
                found = re.search(r"exit \d+", str(error))
                if m.queue or not found:
                    raise
                failed.add(m.name)
                return None

        failed = set()
        results = self.rounds(ROUNDS, some, call)
        values = {n: "*" if n in failed else median(f, "returned") for n, f in results.items()}
        self.table.row("returned", values, seconds)
        self.table.row("CPU", {n: median(f, "cpu") for n, f in results.items()
                               if n not in failed}, seconds)
        self.empty()
        self.black_hole()

    def black_hole(self):
        self.table.group(f"    A relay that never answers (late: {PATIENCE} s are not enough)")
        if not APART:
            say("    left out: needs root, for a network of its own")
            return
        some = self.choose(Route(hole=True), [m for m in self.mailers if not m.beside])
        with Distance(NEARER):
            for which in ("first caller back", "second caller back"):
                values = {}
                # At once, because they only wait.
                threads = [threading.Thread(target=self.fall_in, args=(m, values)) for m in some]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                self.table.row(which, values, seconds)
                some = [m for m in some if values[m.name] != "late"]
        self.empty()

    def fall_in(self, m, values):
        try:
            values[m.name] = m.call(self.small, PATIENCE).returned
        except Late:
            values[m.name] = "late"
        except RuntimeError:
            values[m.name] = "fails"


    def part_11(self):
        postern, ideal, *_ = self.mailers
        text = message(4096, "usual")
        self.full_hold(postern, ideal, text)
        for way in ("bdat", "data"):
            self.fast_sink(postern, ideal, text, way)

    def full_hold(self, postern, ideal, text):
        """Beside ideal, which only opens, reads and closes as many files."""
        self.table.group(f"11. A hold with {FULL} messages of 4 KiB, relay down")
        route = Route()
        for m in self.choose(route, [postern, ideal]):
            m.fill(FULL, text)
        os.sync()
        floor = [ideal.look() for _ in range(4)][1:]

        def row(label, *call, again=3):
            results = {"Postern": [postern.call_queue(*call) for _ in range(again)],
                       "ideal": floor}
            self.table.rows(results, ((label, "returned", seconds), ("CPU", "cpu", seconds)))
            return results["Postern"]

        with Relay(route, "--on", "CONNECT close") as relay:
            row("flushq --all, never tried", "flushq", "--all", again=1)
            row("flushq --all, tried before", "flushq", "--all", again=1)
            self.table.row("connections of both", {"Postern": relay.count("connect")}, None)
        for label, call in (("mailq", ["mailq"]), ("mailq --count", ["mailq", "--count"])):
            figures = row(label, *call)
        postern.call_queue("flushq", "--freeze", "all")
        figures = row("flushq, nothing due", "flushq")
        self.table.rows({"Postern": figures, "ideal": floor}, (LARGEST,))
        self.empty()

    def fast_sink(self, postern, ideal, text, way):
        """One connection, and a relay that does nothing but answer."""
        count = FULL // 10
        self.table.group(f"    Flush of {count} messages of 4 KiB, one connection, no distance, "
                         f"{'CHUNKING' if way == 'bdat' else 'DATA'}")
        route, results = Route(), {"Postern": [], "ideal": []}
        with subprocess.Popen([f"{TOP}/bin/ideal", "take", way, str(route.port)],
                              stdout=subprocess.PIPE) as sink:
            sink.stdout.readline()
            postern.keys = "connections = 1\nmax_messages = 100000\n"
            for m in [postern, ideal] * (1 if QUICK else 3):
                m.empty()
                m.choose(route)
                m.fill(count, text)
                os.sync()
                figures = m.flush(None) if m is postern else m.drain()
                figures.rate = count / figures.done
                figures.each = figures.cpu / count
                results[m.name].append(figures)
            sink.kill()
        postern.keys = ""
        self.table.rows(results, (("messages a second", "rate", rate),
                                  ("CPU of a message", "each", seconds), LARGEST))
        self.empty()


def machine():
    model = "?"
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            model = next(line.split(":")[1].strip() for line in file if "model name" in line)
    except (OSError, StopIteration):
        pass
    return (f"{os.cpu_count()} x {model}, {platform.system()} {platform.release()} "
            f"{platform.machine()}, load {os.getloadavg()[0]:.1f}")


def sanitized():
    with open(os.path.join(BUILD, "sendmail"), "rb") as program:
        return b"__asan_init" in program.read()


def main():
    began = time.monotonic()
    bench = Bench()
    say(machine())
    bench.find()
    say(", ".join(f"{m.name} {m.version()}" for m in bench.mailers))
    say(f"medians of {ROUNDS} rounds in parts 1, 2, 4 and 10, of fewer elsewhere; Postern's "
        "value, the others' ratio to it")
    if not APART:
        say("without root: the relay is \"localhost\", which costs no look-up")
    if sanitized():
        say("Postern is built with sanitizers: the figures mean nothing.")
    bench.table.head()
    good = True
    for number in range(1, 12):
        if ONLY and str(number) not in ONLY:
            continue
        try:
            getattr(bench, f"part_{number}")()
        except BrokenPipeError:
            return 1
        except (RuntimeError, OSError, ValueError, KeyError):
            traceback.print_exc()
            good = False
        finally:
            bench.empty()
    say()
    say(f"{time.monotonic() - began:.0f} s; machine: {machine()}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
