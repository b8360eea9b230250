# SPDX-License-Identifier: GPL-3.0-or-later
"""What bench.py measures with: what a command costs, what daemons use meanwhile, the test
relay, and the ways to it."""

import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.append(os.path.join(os.environ["BENCH_CODE"], "..", "relay"))
import path
from process import Process

BUILD = os.environ["BENCH_BUILD"]
TOP = os.environ["BENCH_TOP"]
CODE = os.environ["BENCH_CODE"]
PEERS = os.environ["BENCH_PEERS"]
APART = TOP == "/mnt/state"  # root, in namespaces of our own
LOGIN = ("demo", "sesame")
LIMIT = max(180, int(os.environ.get("BENCH_COUNT") or 0) // 50)  # seconds for one action
CERTS = os.path.join(TOP, "certs")
RECIPIENT = "rcpt@dest.example"
SENDER = "sender@client.example"


class Late(RuntimeError):
    """It took longer than it may."""


class Figures:
    """What one action cost: seconds, KiB. returned: until the caller got its prompt back;
    done: until all processes had ended; relay: until the relay had the mail."""

    def __init__(self, returned, done, cpu, rss, start=0):
        self.returned, self.done, self.cpu, self.rss = returned, done, cpu, rss
        self.start = start
        self.relay = self.connections = self.memory = None


serial = itertools.count()


def measure(argv, stdin=os.devnull, env=None, out=None, times=1, only_first=False,
            limit=LIMIT):
    """Figures of a command, started so often at once; an error if it fails. only_first: what
    it leaves running is ended."""
    said = os.path.join(TOP, f"said.{next(serial)}")
    options = [*(["-1"] if only_first else []), "-n", str(times)]
    with open(out or said, "wb") as sink, open(said + ".err", "wb") as err:
        process = subprocess.Popen(
            [f"{TOP}/bin/measure", *options, said + ".figures", stdin, *argv],
            stdin=subprocess.DEVNULL, stdout=sink, stderr=err,
            env={**os.environ, **(env or {})})
    try:
        process.wait(limit)
        with open(said + ".figures", encoding="ascii") as file:
            start, returned, done, cpu, rss, status = map(int, file.read().split())
        with open(said + ".err", encoding="utf-8", errors="replace") as file:
            complaint = file.read()[-500:].strip()
    except subprocess.TimeoutExpired:
        for pid in reversed(tree_of(process.pid)):
            os.kill(pid, signal.SIGKILL)
        process.wait()
        raise Late(f"{os.path.basename(argv[0])}: no end after {limit} s") from None
    finally:
        for name in (said, said + ".err", said + ".figures"):
            if os.path.exists(name):
                os.remove(name)
    if status:
        raise RuntimeError(f"{' '.join(argv)[:300]}: exit {status}: {complaint}")
    return Figures(returned / 1e9, done / 1e9, cpu / 1e6, rss, start / 1e9)


# Processes


def tree_of(pid):
    """A process and its descendants."""
    found = [pid]
    for parent in found:
        try:
            with open(f"/proc/{parent}/task/{parent}/children", encoding="ascii") as file:
                found += map(int, file.read().split())
        except OSError:
            pass
    return found


def number_in(name, label):
    try:
        with open(name, encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith(label):
                    return int(line.split()[1])
    except (OSError, IndexError, ValueError):
        pass
    return 0


def tree_memory(pids):
    """KiB of all together: what they share counts once."""
    return sum(number_in(f"/proc/{pid}/smaps_rollup", "Pss:") for pid in pids)


def tree_cpu(root):
    """Seconds that a process, its descendants, and those of them that ended have used. The
    last in ticks: good enough only where there are no cgroups."""
    total, tick = 0.0, os.sysconf("SC_CLK_TCK")
    for pid in tree_of(root):
        try:
            with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0]) / 1e9
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                words = file.read().rpartition(")")[2].split()
            total += (int(words[13]) + int(words[14])) / tick
        except (OSError, IndexError):
            pass
    return total


class Daemon:
    """A program that works on its own, and what it and its children use."""

    ROOMS = ("/sys/fs/cgroup/cpuacct", "/sys/fs/cgroup", "/sys/fs/cgroup/unified")

    def __init__(self, argv, env=None):
        self.room = self.make_room()
        enter = os.path.join(self.room, "cgroup.procs") if self.room else os.devnull
        self.process = subprocess.Popen(
            ["sh", "-c", 'echo 0 >"$0" && exec "$@"', enter, *argv],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, env={**os.environ, **(env or {})})
        self.pid = self.process.pid

    def make_room(self):
        for parent in self.ROOMS if APART else ():
            room = f"{parent}/bench.{time.monotonic_ns()}"
            try:
                os.mkdir(room)
            except OSError:
                continue
            self.room = room
            if self.room_cpu() is not None:
                return room
            os.rmdir(room)
        return None

    def room_cpu(self):
        try:
            with open(f"{self.room}/cpuacct.usage", encoding="ascii") as file:
                return int(file.read()) / 1e9
        except OSError:
            pass
        if not os.path.exists(f"{self.room}/cpu.stat"):
            return None
        return number_in(f"{self.room}/cpu.stat", "usage_usec") / 1e6

    def cpu(self):
        return self.room_cpu() if self.room else tree_cpu(self.pid)

    def idle(self):
        """Waits until nothing of it works any more. Seconds it has used."""
        before = -1
        while (now := self.cpu()) != before:
            before = now
            time.sleep(0.03)
        return now

    def around(self, action, over):
        """The figures of a command, and of the daemon until over() and its rest after it."""
        before = self.idle()
        for pid in tree_of(self.pid):
            try:
                with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as file:
                    file.write("5\n")
            except OSError:
                pass
        figures = action()
        figures.done = max(figures.done, (over() or 0) - figures.start)
        figures.rss = max(figures.rss, *(number_in(f"/proc/{pid}/status", "VmHWM:")
                                         for pid in tree_of(self.pid)))
        figures.cpu += self.idle() - before
        return figures

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        if self.room:
            for _ in range(100):
                try:
                    os.rmdir(self.room)
                    break
                except OSError:
                    time.sleep(0.02)


class Watch:
    """The most memory that the measured command, and a daemon, had at one time."""

    def __init__(self, daemon=None, wanted=True):
        self.daemon, self.peak, self.over = daemon, 0, threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True) if wanted else None

    def __enter__(self):
        if self.thread:
            self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        if self.thread:
            self.thread.join()

    def look(self):
        me = os.getpid()
        while not self.over.wait(0.02):
            pids = set()
            for pid in tree_of(me)[1:]:
                try:
                    with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                        name = file.read().strip()
                except OSError:
                    continue
                if name == "measure":
                    pids.update(tree_of(pid)[1:])
            if self.daemon:
                pids.update(tree_of(self.daemon.pid))
            self.peak = max(self.peak, tree_memory(pids))


# Ways to the relay


def free_ports():
    """Below those that the system gives to anybody who asks: they have to stay free while
    a relay is down."""
    port = 12000 + os.getpid() % 10000
    while True:
        port += 7
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        yield port


PORTS = free_ports()


class Route:
    """What a mailer is told about the relay. security: none, starttls or tls, the last two
    with a login; system: the roots of the system, not a file with the one that is needed."""

    def __init__(self, security="none", far=False, system=False, hole=False):
        self.security, self.far, self.system = security, far, system
        self.login = security != "none"
        self.listen = path.NEAR if far else "127.0.0.1"
        self.host = "relay.example" if APART else "localhost"
        if far:
            self.host = "far.example"
        if hole:
            self.host = "hole.example"
        self.port = next(PORTS)
        self.ca = "system" if system else CERTS + "/ca.pem"


class Distance:
    """The way to a far relay, that many milliseconds there and back."""

    def __init__(self, ms):
        self.process = subprocess.Popen([sys.executable, f"{CODE}/path.py", str(ms)],
                                        stdout=subprocess.PIPE)
        if not self.process.stdout.readline():
            self.process.wait()
            raise RuntimeError("no TUN device to be had")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.stdout.close()
        self.process.wait()


class Relay(Process):
    """The test relay at the end of a route."""

    def __init__(self, route, *options, chunking=True):
        folder = os.path.join(TOP, f"relay-{route.port}")
        shutil.rmtree(folder, ignore_errors=True)
        super().__init__(os.path.join(BUILD, "tests", "relay"), folder)
        argv = ["--listen", route.listen, "--port", str(route.port), "--discard", "--size", "0",
                *(["--with", "CHUNKING"] if chunking else [])]
        if route.login:
            argv += ["--require-tls", "--require-auth", "--user", LOGIN[0],
                     "--password", LOGIN[1], "--mechanisms", "PLAIN LOGIN"]
        if route.security == "tls":
            argv += ["--tls"]
        self.log = os.path.join(folder, "log.jsonl")
        self.at = 0
        error = self.start(*argv, *options, cert=CERTS + "/server" if route.login else None)
        if error:
            raise RuntimeError(f"the relay does not start: {error}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def size(self):
        return os.stat(self.log).st_size if os.path.exists(self.log) else 0

    def forget(self):
        self.at = self.size()

    def count(self, kind):
        """Events of a kind since the last forget."""
        word = f'"type": "{kind}"'.encode()
        if not os.path.exists(self.log):
            return 0
        with open(self.log, "rb") as file:
            file.seek(self.at)
            return file.read().count(word)

    def recipients(self):
        """How many of the messages since the last forget."""
        with open(self.log, encoding="utf-8") as file:
            file.seek(self.at)
            events = [json.loads(line) for line in file
                      if '"type": "message"' in line and line.endswith("\n")]
        return sum(len(e["recipients"]) for e in events)

    def when(self, count, kind="message", limit=LIMIT, enough=None):
        """When there were so many: CLOCK_MONOTONIC."""
        end, seen = time.monotonic() + limit, -1
        enough = enough or (lambda: self.count(kind) >= count)
        while True:
            now, size = time.monotonic(), self.size()
            if size != seen and enough():
                return now
            if now > end:
                raise RuntimeError(f"the relay has {self.count(kind)} of {count} ({kind})")
            seen = size
            time.sleep(0.001)


class Arrival:
    """Notes when the relay has so many messages, or recipients, while they are sent."""

    def __init__(self, relay, count, recipients=0):
        self.at = self.error = None
        enough = (lambda: relay.recipients() >= recipients) if recipients else None
        self.thread = threading.Thread(target=self.look, args=(relay, count, enough), daemon=True)
        relay.forget()
        self.thread.start()

    def look(self, relay, count, enough):
        try:
            self.at = relay.when(count, enough=enough)
        except RuntimeError as error:
            self.error = error

    def wait(self):
        self.thread.join()
        if self.error:
            raise self.error
        return self.at
