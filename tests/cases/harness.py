# SPDX-License-Identifier: GPL-3.0-or-later
"""What the end-to-end tests share: a folder and a configuration a case, the test relay,
calls of the built programs with their exit, output, time and memory, and the hold after it.

Everything has a time limit; nothing outlives the case that began it. Programs are taken from
$BUILD, and only the loopback is used.

Environment: BUILD; VERBOSE=1 a line for each case; KEEP=1 leave the folders of the cases;
CASE_WORKERS=N cases at once. Arguments choose cases by a part of their names.
"""

import atexit
import base64
import concurrent.futures
import fcntl
import json
import os
import pty
import re
import resource
import selectors
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import zlib
from urllib.parse import quote

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "relay"))
import measured
from process import Process, Wrong

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
VERBOSE = os.environ.get("VERBOSE", "") not in ("", "0")
WORKERS = int(os.environ.get("CASE_WORKERS", "10"))
RELAY = os.path.join(BUILD, "tests", "relay")
LIMIT = 60  # seconds: no call of ours takes longer, whatever the case
RSS_KIB = 32 * 1024
CPU_SECONDS = 1.0


# What is ignored here (nohup, a job in the background) would be ignored in the programs.
for _number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, signal.SIG_DFL)


class Skip(Exception):
    """A case that cannot be run here, and why."""


def check(condition, text, seen=None):
    if not condition:
        raise Wrong(text if seen is None else f"{text}: {seen!r}")


def same(what, value, wanted):
    check(value == wanted, f"{what}: {value!r}, wanted {wanted!r}")


def match(what, pattern, text):
    check(re.search(pattern, text, re.S | re.I), f"{what}: nothing like {pattern!r} in {text!r}")


def no_match(what, pattern, text):
    found = re.search(pattern, text, re.S)
    check(not found, f"{what}: {found and found.group(0)!r} in {text!r}")


def sanitized():
    with open(os.path.join(BUILD, "sendmail"), "rb") as program:
        return b"__asan_init" in program.read()


def dated(seconds, uptime=False):
    """The environment of a program whose clock is set; uptime: all clocks, as when time
    passes. See proof/dated.c."""
    return {"LD_PRELOAD": os.path.join(BUILD, "tests", "dated.so"), "DATED": f"{int(seconds):+d}",
            "DATED_UPTIME": "1" if uptime else None}


def hurried(speed):
    """The environment of programs all of whose clocks run so many times as fast."""
    return dict(dated(0), DATED_SPEED=str(speed), DATED_FROM=str(int(time.monotonic())))


def copy_program(path, to):
    """By another process: what this one has open to write, a program that is just being started
    has open for a moment, too, and nobody can run it then."""
    subprocess.run(["cp", path, to], check=True)


def is_ours(path):
    """Can nobody else put another folder there? Root in a user's checkout cannot say so."""
    while True:
        info = os.stat(path)
        others = info.st_mode & 0o022 and not info.st_mode & stat.S_ISVTX
        if others or info.st_uid not in (0, os.geteuid()):
            return False
        if path == "/":
            return True
        path = os.path.dirname(path)


def make_top():
    parent = os.path.join(BUILD, "cases-tmp")
    try:
        os.makedirs(parent, exist_ok=True)
        parent = parent if is_ours(os.path.realpath(parent)) else None
    except OSError:
        parent = None
    return tempfile.mkdtemp(prefix="case-", dir=parent)


SANITIZED = sanitized()
TOP = make_top()
OWNER = os.getpid()
FOLDERS = [TOP]


def clean_up():
    if os.getpid() == OWNER and not os.environ.get("KEEP"):
        for folder in FOLDERS:
            shutil.rmtree(folder, ignore_errors=True)


def in_memory():
    """A folder that costs no disk where there is one: for many holds that no crash is to
    outlive."""
    try:
        FOLDERS.append(tempfile.mkdtemp(prefix="postern-cases.", dir="/dev/shm"))
    except OSError:
        FOLDERS.append(tempfile.mkdtemp(dir=TOP))
    return FOLDERS[-1]


atexit.register(clean_up)


class Result:
    """How a call ended."""

    def __init__(self, code, out, err, seconds, usage):
        self.code = code
        self.out = out.decode("utf-8", "surrogateescape")
        self.err = err.decode("utf-8", "surrogateescape")
        self.out_bytes = out
        self.err_bytes = err
        self.seconds = seconds
        self.cpu = usage.ru_utime + usage.ru_stime if usage else 0
        self.rss = usage.ru_maxrss if usage else 0


class Call:
    """A program under way. feed: bytes, a list of (seconds to wait before, bytes), or None
    for a descriptor given as stdin."""

    def __init__(self, argv, feed=b"", stdin=None, env=None, cwd=None, argv0=None):
        self.began = time.monotonic()
        self.chunks = [(0, feed)] if isinstance(feed, bytes) else list(feed or [])
        self.process = subprocess.Popen(
            argv if argv0 is None else [argv0, *argv[1:]], executable=argv[0],
            stdin=subprocess.PIPE if stdin is None else stdin, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=env, cwd=cwd)
        self.pid = self.process.pid
        self.out, self.err = [], []
        self.broken = False  # it did not read all its input

    def kill(self, number=signal.SIGKILL):
        os.kill(self.pid, number)

    def _feed(self, pipe, selector, due):
        """Writes what is due; the new time of the next piece."""
        if time.monotonic() < due:
            return due
        if self.chunks:
            wait, piece = self.chunks[0]
            try:
                done = os.write(pipe.fileno(), piece[:65536]) if piece else 0
            except BlockingIOError:
                return due
            except BrokenPipeError:
                self.broken = True
                self.chunks = []
                done = 0
            if self.chunks and done == len(piece):
                self.chunks.pop(0)
                due = time.monotonic() + (self.chunks[0][0] if self.chunks else 0)
            elif self.chunks:
                self.chunks[0] = (wait, piece[done:])
        if not self.chunks:
            selector.unregister(pipe)
            pipe.close()
        return due

    def wait(self, limit=LIMIT):
        process, end = self.process, time.monotonic() + limit
        with selectors.DefaultSelector() as selector:
            for pipe, store in ((process.stdout, self.out), (process.stderr, self.err)):
                selector.register(pipe, selectors.EVENT_READ, store)
            due = time.monotonic() + (self.chunks[0][0] if self.chunks else 0)
            if process.stdin:
                os.set_blocking(process.stdin.fileno(), False)
                selector.register(process.stdin, selectors.EVENT_WRITE, None)
            while selector.get_map():
                if time.monotonic() > end:
                    self.abandon(f"no end after {limit} s")
                for key, _ in selector.select(min(1, end - time.monotonic())):
                    if key.data is None:
                        due = self._feed(key.fileobj, selector, due)
                        if time.monotonic() < due:
                            time.sleep(0.0005)
                        continue
                    piece = os.read(key.fileobj.fileno(), 65536)
                    if piece:
                        key.data.append(piece)
                    else:
                        selector.unregister(key.fileobj)
        return self._reap(end)

    def _reap(self, end):
        while True:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > end:
                self.abandon("output closed, but no end")
            time.sleep(0.001)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self._close()
        return Result(self.process.returncode, b"".join(self.out), b"".join(self.err),
                      time.monotonic() - self.began, usage)

    def _close(self):
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe and not pipe.closed:
                pipe.close()

    def abandon(self, why):
        self.process.kill()
        self.process.wait()
        self._close()
        raise Wrong(f"{why}; stderr so far: {b''.join(self.err)!r}")


class Relay(Process):
    """The test relay in a folder of the case. It ends with the case at the latest."""

    def __init__(self, case, *options, cert=None, port=0, script=(), certs=None, env=None):
        self.case = case
        self.number = len(case.relays)
        env = env and {k: v for k, v in dict(case.env, **env).items() if v is not None}
        super().__init__(RELAY, os.path.join(case.dir, f"relay{self.number}"), env)
        self.options, self.cert, self.certs = options, cert, certs
        # Bound but not listening: nobody else is given the port while the relay is down.
        self.keep = socket.socket()
        self.keep.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.keep.bind(("127.0.0.1", port))
        self.port = self.keep.getsockname()[1]
        case.relays.append(self)
        self.start(*options, cert=cert, script=script)

    def start(self, *options, cert=None, script=()):
        if cert:
            cert = os.path.join(self.certs or certificates(), cert)
        for _ in range(20):
            error = super().start("--port", str(self.port), *options, cert=cert, script=script)
            if not error:
                return
            if "in use" not in error:
                break
            time.sleep(0.1)
        raise Wrong(f"the relay does not start: {error}")

    def restart(self, *options, cert=None, script=()):
        """Again on the same port, as someone else."""
        self.stop()
        self.start(*options, cert=cert, script=script)

    def good(self, *extra):
        self.restart(*extra, cert=self.cert)

    def mark(self):
        """A place in the log: events(since=...)."""
        return len(self.events())

    def accepted(self, since=0):
        return [e for e in self.events("message", since) if e["accepted"]]

    def recipients(self, since=0):
        """Each recipient of each accepted message."""
        return sorted(r["address"] for e in self.accepted(since) for r in e["recipients"]
                      if r["verdict"] // 100 == 2)

    def stored(self, since=0):
        """The bytes of the accepted messages."""
        return [open(os.path.join(self.dir, e["file"]), "rb").read()
                for e in self.accepted(since)]

    def commands(self, since=0):
        return [e["line"] for e in self.events("command", since)]

    def violations(self, since=0):
        found = [e["text"] for e in self.events("violation", since)]
        for e in self.events("message", since):
            found += e["violations"]
        return found


DEFAULTS = {
    "mail.hostname": "gate.harness.example",
    "mail.domain": "harness.example",
    "mail.aliases": "{dir}/aliases",
    "hold.directory": "{dir}/hold",
    "hold.min_free": "0",
    "log.to": "{dir}/log",
}
RELAY_DEFAULTS = {
    "host": "127.0.0.1",
    "security": "none",
    "connect_timeout": "5s",
    "timeout": "3s",
    "dot_timeout": "4s",
}


KERNEL_THREAD = 0x00200000  # of the flags in /proc/PID/stat


def arguments_of(pid):
    """Of a program that runs, as bytes. One that is just being started has none yet, and is
    waited for: it may be what follows a program of ours."""
    for _ in range(50):
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        if fields[0] == "Z" or int(fields[6]) & KERNEL_THREAD:
            return b""
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            line = file.read()
        if line:
            return line
        time.sleep(0.001)
    return b""


class Case:
    """A folder, a configuration, relays and calls. Use it in a with block."""

    def __init__(self, name="case"):
        safe = re.sub(r"[^A-Za-z0-9.+-]", "_", name)[:60]
        self.dir = tempfile.mkdtemp(prefix=safe + ".", dir=TOP)
        self.hold = os.path.join(self.dir, "hold")
        self.conf_path = os.path.join(self.dir, "postern.conf")
        self.relays, self.calls = [], []
        for folder in ("hold", "home", "tmp"):
            os.mkdir(os.path.join(self.dir, folder), 0o700)
        with open(os.path.join(self.dir, "aliases"), "w", encoding="ascii"):
            pass
        self.env = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8", "TZ": "UTC",
                    "HOME": os.path.join(self.dir, "home"),
                    "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")
                    + f":log_path={self.dir}/asan:verify_asan_link_order=0",
                    "UBSAN_OPTIONS": os.environ.get("UBSAN_OPTIONS", "")
                    + f":log_path={self.dir}/asan"}

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            for relay in self.relays:
                relay.stop()
                relay.keep.close()
        finally:
            self.end_strays()
        if kind is None:
            self.check_sanitizers()
            if not os.environ.get("KEEP"):
                shutil.rmtree(self.dir, ignore_errors=True)

    def relay(self, *options, **more):
        return Relay(self, *options, **more)

    # Configuration

    def configure(self, *relays, conf=None, tail=""):
        """relays: dictionaries of [relay] keys, or pairs (name, dictionary)."""
        values = dict(DEFAULTS, **(conf or {}))
        text, section = [], None
        for key in sorted(values):
            name, _, what = key.partition(".")
            if values[key] is None:
                continue
            if name != section:
                text.append(f"[{name}]")
                section = name
            text.append(f"{what} = {values[key]}".replace("{dir}", self.dir))
        for relay in relays:
            name, keys = relay if isinstance(relay, tuple) else (None, relay)
            text.append(f"[relay {name}]" if name else "[relay]")
            for key, value in dict(RELAY_DEFAULTS, **keys).items():
                if value is not None:
                    text.append(f"{key} = {value}".replace("{dir}", self.dir))
        self.write("postern.conf", "\n".join(text) + "\n" + tail)

    def write(self, name, text, mode=0o600):
        path = os.path.join(self.dir, name)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        os.chmod(path, mode)
        return path

    # Calls

    def begin(self, program, *args, feed=b"", conf=True, **more):
        env = dict(self.env, **(more.pop("env", None) or {}))
        env = {k: v for k, v in env.items() if v is not None}
        argv = [os.path.join(BUILD, program)]
        if conf:
            argv += ["-C", self.conf_path]
        wrap = list(more.pop("wrap", ()))
        argv = wrap + argv + list(args)
        if wrap:
            argv[0] = shutil.which(wrap[0]) or wrap[0]
        return Call(argv, feed, env=env, cwd=os.path.join(self.dir, "home"), **more)

    def run(self, program, *args, limit=LIMIT, **more):
        result = self.begin(program, *args, **more).wait(limit)
        self.calls.append((program, args, result))
        self.check_output(program, result)
        return result

    def send(self, *args, message=None, **more):
        more.setdefault("feed", MESSAGE if message is None else message)
        return self.run("sendmail", *args, **more)

    def flush(self, *args, **more):
        result = self.run("flushq", *args, **more)
        same("flushq's exit", (result.code, result.out), (0, ""))
        if "-v" not in args:
            same("flushq's stderr", result.err, "")
        return result

    def start_measured(self, program, *args, **more):
        """As run, but memory and time are the program's alone."""
        read, write = os.pipe()
        os.set_inheritable(write, True)
        argv = measured.command(write, os.path.join(BUILD, program), "-C", self.conf_path, *args)
        limit = more.pop("limit", LIMIT)
        process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=self.env, cwd=os.path.join(self.dir, "home"), pass_fds=(write,))
        os.close(write)
        began = time.monotonic()
        feeder = threading.Thread(target=pour, args=(process.stdin, more.pop("feed", b"")))
        feeder.start()
        try:
            out = process.stdout.read()
            err = process.stderr.read()
            code = process.wait(limit)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            feeder.join(5)
            process.stdout.close()
            process.stderr.close()
        result = Result(code, out, err, time.monotonic() - began, None)
        result.rss, result.cpu = measured.figures(read)
        os.close(read)
        self.check_output(program, result)
        return result

    # The hold

    def entries(self, room="hold"):
        try:
            names = os.listdir(os.path.join(self.hold, room))
        except FileNotFoundError:
            return []
        return sorted(n for n in names if re.fullmatch(r"[0-9A-F]{12}", n))

    def listing(self, *args):
        """mailq --json as a list of objects."""
        result = self.run("mailq", "--json", *args)
        same("mailq --json", (result.code, result.err), (0, ""))
        return [json.loads(line) for line in result.out.splitlines()]

    def waiting(self):
        """Addresses that wait."""
        return sorted(r["address"] for e in self.listing() for r in e["recipients"]
                      if r["status"] == "waiting")

    def reasons(self, *args):
        result = self.run("mailq", *args)
        same("mailq's exit", result.code, 0)
        return result.out

    def wait_entries(self, count, room="hold", seconds=15):
        end = time.monotonic() + seconds
        while len(self.entries(room)) != count:
            check(time.monotonic() < end,
                  f"{room}/ holds {self.entries(room)}, wanted {count} entries")
            time.sleep(0.01)

    def wait_quiet(self, seconds=15):
        """Until no flushq of ours is left behind."""
        end = time.monotonic() + seconds
        while self.strays():
            check(time.monotonic() < end, f"still running: {self.strays()}")
            time.sleep(0.01)

    def log(self):
        try:
            with open(os.path.join(self.dir, "log"), encoding="utf-8", errors="replace") as log:
                return log.read()
        except FileNotFoundError:
            return ""

    # What must hold in every case

    def check_output(self, program, result):
        """V4: no control bytes."""
        for what, text in (("stderr", result.err_bytes), ("stdout", result.out_bytes)):
            bad = re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", text)
            check(not bad, f"{program}: a control byte on {what}: {text[-300:]!r}")

    def check_log(self):
        bad = re.search(r"[\x00-\x09\x0b-\x1f\x7f]", self.log())
        check(not bad, f"a control byte in the log: {self.log()!r}")
        for line in self.log().splitlines():
            check(len(line.encode()) <= 700, f"a log line of {len(line)}: {line!r}")

    def check_secret(self, secret, *results):
        """V3 on our side: the secret in no form, nowhere."""
        plain = secret.encode()
        forms = {plain, plain.hex().encode(), plain.hex().upper().encode(), base64.b64encode(plain),
                 quote(secret).encode()}
        for before in (b"\0u@example.org\0", b"\0demo\0", b"x", b"xx"):
            code = base64.b64encode(before + plain).rstrip(b"=")
            forms.add(code[-8:] if len(code) > 8 else code)
        places = [("log", self.log().encode())]
        for result in results:
            places += [("stdout", result.out_bytes), ("stderr", result.err_bytes)]
        for folder, _, names in os.walk(self.hold):
            for name in names:
                try:
                    with open(os.path.join(folder, name), "rb") as file:
                        places.append((name, file.read()))
                except FileNotFoundError:
                    continue  # of a run behind us that has just renamed it
        for place, text in places:
            for form in forms:
                check(form not in text, f"the secret ({form!r}) is in {place}: {text!r}")

    def check_sanitizers(self):
        reports = [n for n in os.listdir(self.dir) if n.startswith("asan.")]
        if reports:
            with open(os.path.join(self.dir, reports[0]), encoding="utf-8",
                      errors="replace") as file:
                raise Wrong("sanitizer: " + file.read()[:3000])

    def check_cost(self, result, cpu=CPU_SECONDS):
        """V2. Our own memory counts too until the program takes our place."""
        if SANITIZED:
            return
        check(result.cpu <= cpu, f"{result.cpu:.2f} s of CPU")
        floor = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        check(result.rss <= max(RSS_KIB, floor + 1024), f"{result.rss} KiB of memory")

    # Programs of ours that are still there

    def strays(self):
        found = []
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                line = arguments_of(name)
            except OSError:
                continue
            if self.conf_path.encode() in line and int(name) != os.getpid():
                found.append(int(name))
        return found

    def end_strays(self):
        for pid in self.strays():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def pour(pipe, feed):
    """Writes bytes, or all pieces of an iterator, and closes."""
    try:
        for piece in ([feed] if isinstance(feed, bytes) else feed):
            pipe.write(piece)
        pipe.close()
    except BrokenPipeError:
        pass


MESSAGE = (b"From: Ann <a@src.example>\nTo: b@dest.example, c@dest.example\n"
           b"Subject: a row\nDate: Sat, 21 Nov 2026 20:00:00 +0000\n"
           b"Message-ID: <row@src.example>\n\nHello.\n.dot\n..dots\nEnd.\n")
PAIR = ("b@dest.example", "c@dest.example")
ARGS = ("-i", "-f", "a@src.example", "b@dest.example", "c@dest.example")


def wire_form(message):
    """MESSAGE and its like as the relay must store them."""
    return message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def clock_agrees(hold, uid=0):
    """As if a flush had seen both clocks an hour ago, so that this one believes them."""
    name = f"clock.{zlib.crc32(socket.gethostname().encode()):08X}"
    uptime = int(time.clock_gettime(time.CLOCK_BOOTTIME))
    back = min(3600, uptime - 1)
    path = os.path.join(hold, "state", name)
    with open(path, "w", encoding="ascii") as file:
        file.write(f"{int(time.time()) - back} {uptime - back} 0\n")
    os.chown(path, uid, uid)


# Things to meet at the other end besides the relay

class Blackhole:
    """A port where connections are neither made nor refused: its queue is full."""

    def __init__(self, address="127.0.0.1", port=0, family=socket.AF_INET):
        self.listener = socket.socket(family)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            self.listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.listener.bind((address, port))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.fill = []
        target = "::1" if family == socket.AF_INET6 else (
            "127.0.0.1" if address in ("", "0.0.0.0") else address)
        for _ in range(3):
            sock = socket.socket(family)
            sock.setblocking(False)
            sock.connect_ex((target, self.port))
            self.fill.append(sock)
        time.sleep(0.05)

    def close(self):
        for sock in (self.listener, *self.fill):
            sock.close()


class Names:
    """A name server on the loopback. answer(name, type) -> what to do:
    ("rcode", N), ("records", [(type, data)]), "silence", "truncate", "wrong-id"."""

    TYPES = {1: "A", 28: "AAAA", 15: "MX", 33: "SRV", 5: "CNAME"}

    def __init__(self, answer, port=0):
        self.answer = answer
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", port))
        self.sock.settimeout(0.1)
        self.port = self.sock.getsockname()[1]
        self.asked = []
        self.over = False
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while not self.over:
            try:
                query, peer = self.sock.recvfrom(4096)
            except socket.timeout:
                continue
            except OSError:
                break
            for reply in self.reply(query):
                self.sock.sendto(reply, peer)

    def reply(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1"))
            at += 1 + query[at]
        kind = self.TYPES.get(int.from_bytes(query[at + 1:at + 3], "big"), "?")
        question = query[12:at + 5]
        name = ".".join(labels).lower()
        self.asked.append((name, kind))
        what = self.answer(name, kind)
        if what == "silence":
            return []
        if what == "truncate":
            return [query[:2] + b"\x83\x80\0\1\0\0\0\0\0\0" + question]
        if what == "wrong-id":
            forged = bytes([query[0] ^ 255, query[1] ^ 255])
            return [forged + b"\x81\x80\0\1\0\1\0\0\0\0" + question
                    + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1"]
        if what[0] == "rcode":
            return [query[:2] + bytes([0x81, 0x80 | what[1]]) + b"\0\1\0\0\0\0\0\0" + question]
        records = [r for r in what[1] if r[0] == kind]
        body = b"".join(self.record(*r) for r in records)
        return [query[:2] + b"\x81\x80\0\1" + len(records).to_bytes(2, "big") + b"\0\0\0\0"
                + question + body]

    @staticmethod
    def name(text):
        parts = [p for p in text.rstrip(".").split(".") if p]
        return b"".join(bytes([len(p)]) + p.encode() for p in parts) + b"\0"

    def record(self, kind, data):
        number = {v: k for k, v in self.TYPES.items()}[kind]
        if kind == "A":
            body = socket.inet_aton(data)
        elif kind == "AAAA":
            body = socket.inet_pton(socket.AF_INET6, data)
        elif kind == "MX":
            body = data[0].to_bytes(2, "big") + self.name(data[1])
        else:
            body = b"".join(n.to_bytes(2, "big") for n in data[:3]) + self.name(data[3])
        return (b"\xc0\x0c" + number.to_bytes(2, "big") + b"\0\1\0\0\0\x3c"
                + len(body).to_bytes(2, "big") + body)

    def close(self):
        self.over = True
        self.thread.join(2)
        self.sock.close()


_certificates = {}
_lock = threading.Lock()


def certificates(name="relay.test"):
    """A folder with the relay's certificates and their variants, made once."""
    with _lock:
        if name not in _certificates:
            folder = os.path.join(TOP, "certs-" + name)
            subprocess.run([RELAY, "--make-certs", folder, "--name", name, "--variants"],
                           check=True, timeout=60, stdin=subprocess.DEVNULL)
            _certificates[name] = folder
        return _certificates[name]


def unprinted(case, *args):
    """sendmail fails and says why where its standard output takes nothing, as on a full disk."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run([os.path.join(BUILD, "sendmail"), *args], input=MESSAGE,
                              env=case.env, stdout=full, stderr=subprocess.PIPE, check=False,
                              timeout=LIMIT)
    same("exit", done.returncode, 74)
    match("why", r"^sendmail: [ -~]*No space left[ -~]*\n$", done.stderr.decode())


def open_terminal():
    """A new terminal: our end and the program's. A bare chroot has none."""
    try:
        return pty.openpty()
    except OSError as error:
        raise Skip(f"no terminals here: {error}") from None


def terminal(case, program, *args, feed=b"", limit=30, stdin_too=False, env=None):
    """Runs a program with its standard error (and perhaps input) on a terminal: the exit code
    and what the terminal showed."""
    master, slave = open_terminal()
    out_read, out_write = os.pipe()
    process = subprocess.Popen(
        [os.path.join(BUILD, program), "-C", case.conf_path, *args],
        stdin=slave if stdin_too else subprocess.PIPE, stdout=out_write, stderr=slave,
        env=dict(case.env, TERM="dumb", **(env or {})), start_new_session=True,
        cwd=os.path.join(case.dir, "home"))
    os.close(slave)
    os.close(out_write)
    shown, out, end = b"", b"", time.monotonic() + limit
    try:
        if stdin_too:
            os.write(master, feed)
        else:
            process.stdin.write(feed)
            process.stdin.close()
        os.set_blocking(master, False)
        while True:
            # Asked before the read: what it wrote at its end is there then.
            ended = process.poll() is not None
            try:
                shown += os.read(master, 65536)
            except BlockingIOError:
                if ended:
                    break
                time.sleep(0.01)
            except OSError:
                break
            if time.monotonic() > end:
                process.kill()
                raise Wrong(f"{program} on a terminal: no end after {limit} s: {shown!r}")
        process.wait(5)
        out = os.read(out_read, 65536)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(master)
        os.close(out_read)
    return process.returncode, shown.decode("utf-8", "replace"), out.decode("utf-8", "replace")


# Running

def run_all(jobs, workers=WORKERS):
    """jobs: (name, function). Runs them, several at once; prints the count; exits. Names on
    the command line choose."""
    chosen = sys.argv[1:]
    if chosen:
        jobs = [j for j in jobs if any(j[0] == c or j[0].startswith(c + " ") or c in j[0]
                                       for c in chosen)]
    counts = {"passed": 0, "failed": 0, "skipped": 0}

    def one(name, function):
        began = time.monotonic()
        try:
            function()
            outcome, text = "passed", ""
        except Skip as why:
            outcome, text = "skipped", str(why)
        except Wrong as why:
            outcome, text = "failed", str(why)
        except Exception as why:  # pylint: disable=broad-except
            frame = traceback.extract_tb(why.__traceback__)[-1]
            outcome = "failed"
            where = f"{os.path.basename(frame.filename)}:{frame.lineno}"
            text = f"{type(why).__name__}: {why} ({where})"
        with _lock:
            counts[outcome] += 1
            if outcome == "failed":
                print(f"FAIL {name}: {text[:2000]}")
            elif outcome == "skipped":
                print(f"skip {name}: {text}")
            elif VERBOSE:
                print(f"ok   {name} ({time.monotonic() - began:.1f} s)")
            sys.stdout.flush()

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for future in [pool.submit(one, *job) for job in jobs]:
            future.result()
    line = f"{counts['passed']} passed, {counts['failed']} failed"
    if counts["skipped"]:
        line += f", {counts['skipped']} skipped"
    print(line)
    sys.stdout.flush()
    sys.exit(1 if counts["failed"] else 0)
