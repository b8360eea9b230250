#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What callers of sendmail and monitors of mailq rely on: callers.json has calls of real
programs, compat.json the classic interface, one rule a case, compat_rules.py more of these.

BUILD (absolute) is the folder of the programs; words on the command line choose cases by a
part of their name; CASE_FILE names another file of cases. A case has a folder, a relay and a
hold of its own. The last line is the count.
"""

import fcntl
import json
import os
import pwd
import re
import selectors
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import harness  # pylint: disable=wrong-import-position
from compat_listing import check_listing, check_plugin
from compat_message import check_message, piece
from compat_rules import cases as rules
from harness import BUILD, Relay, Skip, Wrong, check, open_terminal, run_all, same

FILES = ("callers.json", "compat.json")
LIMIT = 60
ARRIVES = 4.0  # seconds until a message must have reached the relay
ALIASES = """\
postmaster: root
root: ops@alias.example
webteam: ann@alias.example, bob@alias.example
chain: link
link: webteam, carl@alias.example
"""
ENV = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
LOGIN = pwd.getpwuid(os.getuid())


def hidden_port():
    """A port where connections are refused, and the socket that keeps it ours."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    return sock.getsockname()[1], sock


class Feeder(threading.Thread):
    """Writes the input, and notes whether it was taken."""

    def __init__(self, fd, data, slow, shut=None):
        super().__init__(daemon=True)
        self.fd, self.slow, self.shut = fd, slow, shut
        half = len(data) // 2 if slow else len(data)
        self.pieces = [data[:half], data[half:]]
        self.broken = False
        self.start()

    def run(self):
        try:
            self.write(self.pieces[0])
            if self.slow:
                time.sleep(0.15)
            self.write(self.pieces[1])
        except OSError:
            self.broken = True
        if self.shut:
            self.shut()

    def write(self, data):
        view = memoryview(data)
        while view:
            view = view[os.write(self.fd, view[:65536]):]


class Input:
    """Standard input of a call: fd is for the child."""

    def __init__(self, place, step):
        self.kind = step.get("stdin_kind", "pipe")
        self.data = piece(step.get("stdin", ""))
        self.slow = bool(step.get("slow"))
        self.ours = self.fd = None
        self.feeder = None
        if self.kind == "pipe":
            self.fd, self.ours = os.pipe()
        elif self.kind == "file":
            self.fd = self.deleted_file(place)
        elif self.kind == "socket":
            ends = socket.socketpair()
            self.fd, self.ours = ends[0].detach(), ends[1].detach()
        elif self.kind == "directory":
            self.fd = os.open(place.dir, os.O_RDONLY | os.O_DIRECTORY)
        elif self.kind == "terminal":
            self.ours, self.fd = open_terminal()
        else:
            check(self.kind in ("null", "closed"), f"unknown stdin_kind {self.kind}")
            self.fd = os.open(os.devnull, os.O_RDONLY)

    def deleted_file(self, place):
        fd, path = tempfile.mkstemp(dir=place.dir)
        os.unlink(path)
        with os.fdopen(os.dup(fd), "wb") as file:
            file.write(self.data)
        os.lseek(fd, 0, os.SEEK_SET)
        return fd

    def begin(self):
        """After the start of the child."""
        if self.kind != "file":
            os.close(self.fd)
            self.fd = None
        if self.kind in ("pipe", "socket"):
            self.feeder = Feeder(self.ours, self.data, self.slow, self.shut)
        elif self.kind == "terminal":
            self.feeder = Feeder(self.ours, self.data, self.slow)
            threading.Thread(target=self.swallow, daemon=True).start()

    def shut(self):
        os.close(self.ours)
        self.ours = None

    def swallow(self):
        """A terminal shows what is typed."""
        try:
            while os.read(self.ours, 4096):
                continue
        except OSError:
            pass

    def drained(self):
        if self.kind == "file":
            return os.lseek(self.fd, 0, os.SEEK_CUR) == len(self.data)
        return not (self.feeder and self.feeder.broken)

    def close(self):
        if self.feeder and self.kind != "terminal":
            self.feeder.join(10)
        for fd in (self.fd, self.ours):
            if fd is not None:
                os.close(fd)


class Output:
    """Standard output or error: a pipe, a terminal, or nothing."""

    def __init__(self, kind):
        self.kind = kind
        self.got = b""
        if kind == "terminal":
            self.ours, self.fd = open_terminal()
        else:
            self.ours, self.fd = os.pipe()

    def begin(self):
        os.close(self.fd)
        self.fd = None

    def read(self):
        """False: the end."""
        try:
            some = os.read(self.ours, 65536)
        except OSError:
            some = b""
        self.got += some
        return bool(some)

    def text(self):
        return self.got.replace(b"\r\n", b"\n") if self.kind == "terminal" else self.got

    def close(self):
        for fd in (self.fd, self.ours):
            if fd is not None:
                os.close(fd)


class Ended:
    def __init__(self, code, out, err, drained):
        self.code = code
        self.out, self.err = out.decode("utf-8", "replace"), err.decode("utf-8", "replace")
        self.out_bytes, self.err_bytes = out, err
        self.drained = drained


class Place(harness.Case):
    """The folder of a case, its relay, and calls as some user."""

    def __init__(self, case):
        super().__init__(case["name"].encode("ascii", "replace").decode())
        self.case = case
        self.up = None
        self.keep = None
        self.ids = []
        steps = case.get("steps", [case])
        self.uid = next((s["uid"] for s in (case, *steps) if "uid" in s), None)
        os.mkdir(os.path.join(self.dir, "work"), 0o700)
        self.write("aliases", ALIASES, 0o644)
        rules = case.get("relay") or {}
        self.without = ["--without", ",".join(rules["without"])] if "without" in rules else []
        self.port, self.keep = hidden_port()
        self.relay_state("down" if rules.get("down") else "up")
        self.set_config()
        if self.uid is not None:
            self.hand_over()

    def __exit__(self, *args):
        if self.keep:
            self.keep.close()
        super().__exit__(*args)

    def filled(self, text):
        values = {"login": LOGIN.pw_name, "gecos": LOGIN.pw_gecos.partition(",")[0],
                  "uid": str(self.uid if self.uid is not None else os.getuid()),
                  "dir": self.dir, "tmp": os.path.join(self.dir, "tmp"), "conf": self.conf_path,
                  **{f"id{i + 1}": id_ for i, id_ in enumerate(self.ids)}}
        if "{disk}" in text:
            disk = os.statvfs(self.dir)
            values["disk"] = str((disk.f_blocks * disk.f_frsize >> 20) + 1)
        return re.sub(r"\{(\w+)\}", lambda m: values.get(m[1], m[0]), text)

    def deep_filled(self, value):
        if isinstance(value, str):
            return self.filled(value)
        if isinstance(value, list):
            return [self.deep_filled(v) for v in value]
        if isinstance(value, dict):
            return {k: self.deep_filled(v) for k, v in value.items()}
        return value

    def set_config(self):
        values = {"mail.hostname": "gate.harness.example", "mail.domain": "harness.example",
                  "mail.aliases": "{dir}/aliases", "hold.directory": "{dir}/hold",
                  "log.to": "none", "relay.host": "127.0.0.1", "relay.port": str(self.port),
                  "relay.security": "none"}
        values.update(self.case.get("config", {}))
        sections = {"mail": [], "hold": [], "log": [], "delivery": [], "dns": [], "relay": []}
        for key, value in values.items():
            section, _, name = key.partition(".")
            sections[section].append(f"{name} = {self.filled(str(value))}")
        sections["relay"] += self.case.get("config_lines", [])
        self.write("postern.conf", "".join(
            f"[{name}]\n" + "".join(f"{line}\n" for line in lines)
            for name, lines in sections.items() if lines))

    def hand_over(self):
        """Everything to the user of the case, who must also find the programs."""
        if os.getuid() != 0:
            raise Skip("needs root, to become another user")
        path = BUILD
        while path != "/":
            if not os.stat(path).st_mode & stat.S_IXOTH:
                raise Skip(f"{path} is closed to other users")
            path = os.path.dirname(path)
        os.chmod(harness.TOP, 0o711)
        for folder, folders, names in os.walk(self.dir):
            for name in [".", *folders, *names]:
                if not name.startswith("relay"):
                    os.chown(os.path.join(folder, name), self.uid, self.uid)

    def relay_state(self, state):
        if state == "up" and not (self.relays and self.relays[0].process):
            self.keep.close()
            self.keep = None
            if self.relays:
                self.relays[0].restart(*self.without)
            else:
                Relay(self, *self.without, port=self.port)
        elif state == "down" and self.relays and self.relays[0].process:
            self.relays[0].stop()
            self.keep = socket.socket()
            self.keep.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.keep.bind(("127.0.0.1", self.port))

    # Calls

    def environment(self, step):
        env = dict(ENV, HOME=os.path.join(self.dir, "home"))
        if harness.SANITIZED:
            env.update({k: v for k, v in self.env.items() if k.endswith("SAN_OPTIONS")})
        for key, value in {**(self.case.get("env") or {}), **(step.get("env") or {})}.items():
            if value is None:
                env.pop(key, None)
            else:
                env[key] = self.filled(value)
        return env

    def command(self, step):
        """The executable, and argv."""
        program = step.get("program", "sendmail")
        path = os.path.join(BUILD, program)
        if "link" in step:
            folder = os.path.join(self.dir, "bin")
            os.makedirs(folder, exist_ok=True)
            path = os.path.join(folder, step["link"])
            if not os.path.lexists(path):
                os.symlink(os.path.join(BUILD, program), path)
        argv = step.get("argv")
        if argv is None:
            argv = [step.get("argv0", step.get("link", program)), *step.get("args", [])]
        argv = [os.fsencode(self.filled(a)) for a in argv]
        if step.get("conf", self.case.get("conf", True)):
            argv[1:1] = [b"-C", os.fsencode(self.conf_path)]
        return path, argv

    def spawn(self, step, fds):
        path, argv = self.command(step)
        closed = [n for n, kind in enumerate(("stdin_kind", "stdout_kind", "stderr_kind"))
                  if step.get(kind) == "closed"]
        more = {}
        if closed:
            more["preexec_fn"] = lambda: [os.close(n) for n in closed]
        if self.uid is not None:
            more.update(user=self.uid, group=self.uid, extra_groups=[])
        return subprocess.Popen(argv, executable=path, stdin=fds[0], stdout=fds[1],
                                stderr=fds[2], env=self.environment(step),
                                cwd=os.path.join(self.dir, "work"), **more)

    def gather(self, process, outs):
        """Reads until nobody holds the other ends."""
        end = time.monotonic() + LIMIT
        ended = None
        with selectors.DefaultSelector() as selector:
            for out in outs:
                selector.register(out.ours, selectors.EVENT_READ, out)
            while selector.get_map():
                if time.monotonic() > end:
                    process.kill()
                    process.wait()
                    raise Wrong(f"no end after {LIMIT} s")
                for key, _ in selector.select(0.05):
                    if not key.data.read():
                        selector.unregister(key.fileobj)
                if ended is None and process.poll() is not None:
                    ended = time.monotonic()
                check(ended is None or time.monotonic() < ended + 10,
                      "somebody keeps the caller's output open after the end")
        return process.wait(LIMIT)

    def call(self, step):
        source = Input(self, step)
        outs = [Output(step.get("stdout_kind")), Output(step.get("stderr_kind"))]
        try:
            process = self.spawn(step, [source.fd, outs[0].fd, outs[1].fd])
            for out in outs:
                out.begin()
            source.begin()
            code = self.gather(process, outs)
            if source.feeder and source.kind != "terminal":
                source.feeder.join(10)
            return Ended(code, outs[0].text(), outs[1].text(), source.drained())
        finally:
            source.close()
            for out in outs:
                out.close()

    def talk(self, step):
        """-bs, one command after the other."""
        ours, theirs = os.pipe(), os.pipe()
        if step.get("stdin_kind") == "socket":
            ends = socket.socketpair()
            os.close(ours[0])
            os.close(ours[1])
            ours = (ends[0].detach(), ends[1].detach())
        out, err = Output(None), Output(step.get("stderr_kind"))
        os.close(theirs[0])
        os.close(theirs[1])
        process = self.spawn(step, [ours[0], out.fd, err.fd])
        os.close(ours[0])
        out.begin()
        err.begin()
        try:
            for turn in step["dialogue"]:
                self.take_turn(turn, ours[1], out)
            os.close(ours[1])
            ours = None
            code = self.gather(process, [out, err])
            return Ended(code, out.text(), err.text(), True)
        finally:
            if ours:
                os.close(ours[1])
            if process.poll() is None:
                process.kill()
                process.wait()
            out.close()
            err.close()

    @staticmethod
    def take_turn(turn, fd, out):
        begin, command = len(out.got), piece(turn["send"])
        try:
            view = memoryview(command)
            while view:
                view = view[os.write(fd, view[:65536]):]
        except BrokenPipeError:
            raise Wrong(f"it ended before {command[:60]!r}: {out.got!r}") from None
        if not turn["reply"]:
            return
        end = time.monotonic() + LIMIT / 2
        while not re.search(rb"(?m)^\d{3}( [^\n]*)?\r?\n\Z", out.got[begin:]):
            check(time.monotonic() < end, f"no reply to {command[:60]!r}: {out.got!r}")
            with selectors.DefaultSelector() as selector:
                selector.register(out.ours, selectors.EVENT_READ)
                if selector.select(1):
                    check(out.read(), f"it ended at {command[:60]!r}: {out.got!r}")
        reply = out.got[begin:].decode("utf-8", "replace")
        check(reply.startswith(tuple(turn["reply"].split("|"))),
              f"to {command[:60]!r}: {reply!r}, wanted {turn['reply']}")
        for word in turn.get("has", []):
            check(word in reply, f"to {command[:60]!r}: {reply!r} without {word}")

    # Expectations

    def run_step(self, step):
        if "relay" in step and isinstance(step["relay"], str):
            self.relay_state(step["relay"])
        mark = self.relays[0].mark() if self.relays else 0
        result = self.talk(step) if "dialogue" in step else self.call(step)
        if "listing" in step:
            self.check_listing_step(step, result)
        wanted = step.get("expect_any") or ([step["expect"]] if "expect" in step else [])
        wrongs = []
        for one in wanted:
            try:
                self.check_result(result, self.deep_filled(one), mark)
                return
            except Wrong as wrong:
                wrongs.append(f"{wrong} (exit {result.code}, stderr {result.err[:300]!r})")
        check(not wrongs, "; or ".join(wrongs))

    def check_listing_step(self, step, result):
        same("exit", (result.code, result.err), (0, ""))
        ids = check_listing(self.deep_filled(step), result.out)
        if ids is not None:
            self.ids = ids
        if step.get("plugin"):
            check_plugin(self.dir, os.path.join(BUILD, "mailq"), self.conf_path,
                         len(step["listing"]))

    def check_result(self, result, wanted, mark):
        check(result.code in wanted["exit"], f"exit {result.code}, wanted {wanted['exit']}")
        for what, text in (("stdout", result.out), ("stderr", result.err)):
            if what in wanted:
                check_stream(what, text, wanted[what])
        if wanted.get("drain") or result.code != 0:
            check(result.drained, "the input was not read to its end")
        if "sent" in wanted:
            self.check_sent(wanted["sent"], mark)
        self.check_count("held", wanted, [])
        self.check_count("failed", wanted, ["--failed"])
        if "after_flush" in wanted:
            self.check_flush(wanted)
        for path in wanted.get("absent", []):
            check(not os.path.lexists(path), f"there is {path}")
        for folder in ("home", "work", "tmp"):
            same(f"the {folder} folder", os.listdir(os.path.join(self.dir, folder)), [])

    def check_count(self, what, wanted, options):
        if what not in wanted or not self.case.get("conf", True):
            return
        got = self.call({"program": "mailq", "args": ["--count", *options], "stdin_kind": "null"})
        same(f"{what} (mailq: {got.err!r})", (got.code, got.out), (0, f"{wanted[what]}\n"))

    def check_sent(self, wanted, mark):
        end = time.monotonic() + ARRIVES
        relay = self.relays[0] if self.relays else None
        while relay and len(relay.accepted(mark)) < len(wanted) and time.monotonic() < end:
            time.sleep(0.02)
        while self.strays() and time.monotonic() < end:
            time.sleep(0.02)
        events = relay.accepted(mark) if relay else []
        same("messages sent", len(events), len(wanted))
        if not relay:
            return
        same("what the relay complains of",
             [e["text"] for e in relay.events("violation", mark)], [])
        left = list(zip(events, relay.stored(mark)))
        for one in wanted:
            wrongs = []
            for event, raw in left:
                try:
                    check_message(event, raw, one)
                    left.remove((event, raw))
                    wrongs = None
                    break
                except Wrong as wrong:
                    wrongs.append(str(wrong))
            check(wrongs is None, "; or ".join(wrongs or []))

    def check_flush(self, wanted):
        self.relay_state("up")
        mark = self.relays[0].mark()
        got = self.call({"program": "flushq", "args": ["--all"], "stdin_kind": "null"})
        same("flushq --all", (got.code, got.out, got.err), (0, "", ""))
        self.check_sent(wanted["after_flush"], mark)
        self.check_count("held", {"held": 0}, [])


def check_error(text):
    lines = text.splitlines()
    check(text.endswith("\n") and lines[0].startswith("sendmail: "), f"stderr {text!r}")
    for line in lines:
        check(re.match(r"(sendmail|usage): .", line) and line.isprintable(), f"stderr {text!r}")


def check_lines(what, text, wanted):
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    for pattern in wanted.get("lines", []):
        check(any(re.search(pattern, line) for line in lines),
              f"{what}: no line like {pattern!r} in {text!r}")
    for pattern in wanted.get("never", []):
        check(not any(re.search(pattern, line) for line in lines),
              f"{what}: a line like {pattern!r} in {text!r}")
    if "count" in wanted:
        same(f"lines of {what} ({text!r})", len(lines), wanted["count"])


def check_stream(what, text, wanted):
    if isinstance(wanted, dict):
        if "is" in wanted:
            same(what, text, wanted["is"])
        check_lines(what, text, wanted)
    elif wanted == "empty":
        same(what, text, "")
    elif wanted == "some":
        check(text.strip(), f"nothing on {what}")
    elif wanted == "error":
        check_error(text)
    elif wanted == "smtp":
        check(re.fullmatch(r"([2-5]\d\d[ -][ -~]*\r\n|[2-5]\d\d\r\n)*", text),
              f"{what} has other than replies: {text!r}")
    else:
        check(wanted == "any", f"unknown expectation {wanted!r}")


def run_case(case):
    with Place(case) as place:
        for number, step in enumerate(case.get("steps", [case]), 1):
            try:
                place.run_step(step)
            except Wrong as wrong:
                if "steps" not in case:
                    raise
                raise Wrong(f"step {number} {step.get('args')}: {wrong}") from None


def load():
    folder = os.path.dirname(os.path.abspath(__file__))
    files = os.environ.get("CASE_FILE")
    found = []
    for path in [files] if files else [os.path.join(folder, name) for name in FILES]:
        with open(path, encoding="utf-8") as file:
            found += json.load(file)
    if not files:
        found += rules()
    return [(case["name"], lambda case=case: run_case(case)) for case in found]


if __name__ == "__main__":
    run_all(load(), int(os.environ.get("CASE_WORKERS", "8")))
