# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures Postern beside other mailers and prints tables; started by run, which sets
BENCH_BUILD, BENCH_TOP (a folder of ours) and BENCH_PEERS.

Every round measures each mailer once, one after the other, so that a busy moment of the
machine hits them all; what is printed are the medians. Behind each value stands its ratio
to Postern's: 2.00 is twice as much. No value makes this fail.

  returned  until the caller has its prompt back
  done      until everything it started has ended (Postfix: until the relay has the mail)
  CPU       user and system, of all processes (Postfix: its daemons too)
  largest   resident memory of the largest process at its peak, with shared libraries
  all memory  of all processes together, at the worst moment; what they share counts once
  waits     how often the client waited for the relay's answer, as the relay saw it
"""

import os
import platform
import statistics
import sys
import time
import traceback

import mailers
from mailers import BUILD, DELAY_MS, TOP, Relay, Watch
from postfix import Postfix

QUICK = os.environ.get("BENCH_QUICK", "") not in ("", "0")
COUNT = int(os.environ.get("BENCH_COUNT") or (200 if QUICK else 1000))
ONLY = os.environ.get("BENCH_ONLY", "").split()
LISTED = 2000 if QUICK else 10000
HUGE = (64 if QUICK else 1024) << 20


# Output


def seconds(value):
    if value < 0.01:
        return f"{value * 1000:.2f} ms"
    if value < 1:
        return f"{value * 1000:.0f} ms"
    return f"{value:.2f} s" if value < 100 else f"{value:.0f} s"


def memory(kib):
    return f"{kib / 1024:.1f} M"


RETURNED = ("returned", "returned", seconds)
DONE = ("done", "done", seconds)
CPU = ("CPU", "cpu", seconds)
LARGEST = ("largest", "rss", memory)
MEMORY = ("all memory", "memory", memory)
WAITS = ("waits", "flights", None)
CONNECTIONS = ("conn.", "connections", None)


def say(text=""):
    print(text, flush=True)


def median(figures, attribute):
    values = [getattr(f, attribute) for f in figures if getattr(f, attribute) is not None]
    return statistics.median(values) if values else None


def table(title, results, columns):
    """results: name of a mailer: its Figures. The first is what the others compare with."""
    say()
    say(title)
    line = " " * 10
    for label, _, unit in columns:
        line += f"{label:>9}{'':6}" if unit else f"{label:>7}"
    say(line.rstrip())
    base = next(iter(results.values()))
    for name, figures in results.items():
        line = f"{name:10}"
        for _, attribute, unit in columns:
            value, ours = median(figures, attribute), median(base, attribute)
            if not unit:
                line += f"{'-' if value is None else format(value, 'g'):>7}"
                continue
            if value is None:
                line += f"{'-':>9}{'':6}"
                continue
            ratio = value / ours if ours else 0
            line += f"{unit(value):>9}{ratio:6.{2 if ratio < 100 else 0}f}"
        say(line.rstrip())


def message(size, name):
    """A file with a message of about that size."""
    path = os.path.join(TOP, name)
    line = "The quick brown fox jumps over the lazy dog, and nobody minds it at all, 0123\n"
    with open(path, "w", encoding="ascii") as file:
        file.write("From: sender@client.example\nTo: rcpt@plain.example\nSubject: a test\n\n")
        block = line * 4096
        while size > len(block):
            file.write(block)
            size -= len(block)
        file.write(line * max(1, size // len(line)))
        file.flush()
        os.fsync(file.fileno())
    return path


# The measuring


class Bench:
    def __init__(self):
        self.mailers = []
        self.small = message(1024, "small")

    def find(self):
        for kind in (*mailers.ALL, Postfix):
            why = kind.missing()
            if not why:
                self.mailers.append(kind())
            else:
                say(f"left out: {kind.name}: {why}")

    def with_queue(self):
        return [m for m in self.mailers if m.queue]

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
                    m.empty()
                    say(f"left out: {m.name}: {error}")
                    gone.add(m)
                    del results[m.name]
                    continue
                if i >= warm and figures:
                    results[m.name].append(figures)
        return results

    def one(self, mailer, kind, relay, path, watched=False):
        """One message, all the way."""
        mailer.choose(kind)
        relay.forget()
        with Watch(mailer.daemon, watched) as watch:
            figures = mailer.send(kind, path, relay)
        relay.wait_for(1, limit=10)
        relay.wait_for(1, "close", limit=30)
        figures.flights = relay.flights()
        figures.memory = watch.peak
        return figures

    def stop(self):
        """Ends the daemons."""
        for m in self.mailers:
            m.stop()

    def empty(self):
        """The same, and nothing stays in a queue."""
        for m in self.mailers:
            m.empty()

    def part_1(self):
        count = 5 if QUICK else 15
        texts = {"plain": "1. One small message to a relay on the loopback, in clear",
                 "login": "2. The same with STARTTLS and AUTH PLAIN"}
        for kind, text in texts.items():
            with Relay(kind) as relay:
                results = self.rounds(count, self.mailers,
                                      lambda m: self.one(m, kind, relay, self.small))
            table(f"{text} ({count} rounds)", results, (RETURNED, DONE, CPU, LARGEST, WAITS))
        for m in self.mailers:
            if m.daemon:
                number, kib = m.standing()
                say(f"Between messages {m.name} has {number} processes of together "
                    f"{memory(kib)}; the others none.")
        say("dma and Postfix return when they hold the mail, the others when it is sent.")
        self.stop()

    def part_3(self):
        size, count = (8, 2) if QUICK else (20, 5)
        path = message(size << 20, "large")
        with Relay("plain") as relay:
            results = self.rounds(count, self.mailers,
                                  lambda m: self.one(m, "plain", relay, path))
        table(f"3. One message of {size} MiB, in clear ({count} rounds)", results,
              (RETURNED, DONE, CPU, LARGEST))
        self.stop()
        os.remove(path)

    def part_4(self):
        count = 5 if QUICK else 15
        for m in self.with_queue():
            m.choose("plain")
        results = self.rounds(count, self.with_queue(), lambda m: m.hold(self.small))
        table(f"4. Taking a small message over, relay down ({count} rounds)", results,
              (RETURNED, CPU, LARGEST))
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
                seen = file.read().count(b"rcpt@plain.example" if m.name != "nullmailer"
                                         else b"\n")
            if seen < LISTED:
                raise RuntimeError(f"lists {seen} of {LISTED}")
            return figures

        for m in self.with_queue():
            m.fill(LISTED, "plain", self.small)
        results = self.rounds(3, self.with_queue(), show)
        table(f"5a. mailq with {LISTED} held messages (3 rounds)", results,
              (DONE, CPU, LARGEST))
        self.empty()

    def flushing(self):
        some = [m for m in self.with_queue() if COUNT <= 1000 or m.name != "dma"]
        count = 1 if QUICK or COUNT > 1000 else 3
        results = self.rounds(count, some, lambda m: self.flush_between(m, COUNT), warm=False)
        table(f"5b. Flush of {COUNT} held messages, relay up again ({count} rounds)", results,
              (DONE, CPU, LARGEST, CONNECTIONS))
        self.empty()

    def flush_between(self, m, count, kind="plain"):
        """A queue filled while the relay is down; then the relay, and the flush."""
        m.empty()
        m.fill(count, kind, self.small)
        m.choose(kind)
        with Relay(kind) as relay:
            figures = m.flush(kind, relay, count)
            relay.wait_for(count, limit=60)
            time.sleep(0.05)
            if relay.count("message") != count:
                raise RuntimeError(f"{relay.count('message')} messages arrived of {count}")
            figures.connections = relay.count("connect")
            m.stop()
        return figures

    def in_vain(self):
        def flush(m):
            m.empty()
            m.fill(COUNT, "plain", self.small)
            m.choose("plain")
            with Relay("plain", "--on", "CONNECT close") as relay:
                if m.daemon:
                    figures = m.flush_in_vain(COUNT)
                else:
                    figures = m.flush("plain", relay, COUNT)
                figures.connections = relay.count("connect")
                m.stop()
            return figures

        some = [m for m in self.mailers if m.name in ("Postern", "postfix")]
        results = self.rounds(1, some, flush, warm=False)
        table(f"5c. Flush of {COUNT} held messages, a relay that hangs up at once", results,
              (DONE, CPU, LARGEST, CONNECTIONS))
        self.empty()

    def part_6(self):
        count = 3 if QUICK else 5
        with Relay("slow") as relay:
            results = self.rounds(count, self.mailers,
                                  lambda m: self.one(m, "slow", relay, self.small))
        table(f"6a. One small message, each answer {DELAY_MS} ms later ({count} rounds)",
              results, (RETURNED, DONE, CPU, WAITS))
        self.stop()
        count = 1 if QUICK else 2
        held = 20 if QUICK else 50
        results = self.rounds(count, self.with_queue(),
                              lambda m: self.flush_between(m, held, "slow"), warm=False)
        table(f"6b. Flush of {held} messages, each answer {DELAY_MS} ms later ({count} rounds)",
              results, (DONE, CPU, CONNECTIONS))
        self.empty()

    def part_7(self):
        path = message(HUGE, "huge")

        def once(m):
            os.sync()  # nobody waits for what the one before left to be written
            return self.one(m, "plain", relay, path, True)

        with Relay("plain") as relay:
            results = self.rounds(1, self.mailers, once, warm=False)
        table(f"7. One message of {HUGE >> 20} MiB, in clear", results,
              (DONE, CPU, LARGEST, MEMORY))
        self.stop()
        os.remove(path)


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
    say("beside " + ", ".join(f"{m.name} {m.version()}" for m in bench.mailers[1:])
        if len(bench.mailers) > 1 else "beside nothing")
    if sanitized():
        say("Postern is built with sanitizers: the figures mean nothing.")
    good = True
    for number in (1, 3, 4, 5, 6, 7):
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
