#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A refresh token is not lost, whatever the process that renews it meets: it is ended at every
system call, and every call fails, by proof/faults.c.

A provider that rotates refresh tokens is of one of two kinds here. "grace": the old one is good
until the new one is used, as those have it that think of lost answers; no end may then make
anybody log in again. "strict": the old one is over as soon as it is used; an end between the
request and the first write of the answer loses it, and only that may.
"""

import collections
import json
import os
import signal
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "proof")]
# pylint: disable=wrong-import-position
from harness import BUILD, VERBOSE, Skip, Wrong, check, match, run_all, same
from proof import FAULTS
from oauth_provider import Reply
from oauth_setting import THERE, Setting, ask_directly

# Of calls that wait there are more or fewer from run to run: they are ended, but do not fail.
FAILS = {
    "open": ["EMFILE", "EIO"], "create": ["ENOSPC", "EDQUOT", "EROFS"],
    "read": ["EINTR", "EIO", "short"], "write": ["EINTR", "short", "ENOSPC", "EIO"],
    "pwrite": ["EINTR", "short", "ENOSPC", "EIO"], "fsync": ["EIO", "ENOSPC"],
    "fdatasync": ["EIO", "EDQUOT"], "rename": ["EIO", "ENOSPC"], "unlink": ["EIO", "EROFS"],
    "flock": ["ENOLCK"], "fstat": ["EIO"],
}


class Login(Setting):
    """A log-in whose access token is over, put back to that before each run."""

    def __init__(self, kind):
        super().__init__("kept " + kind, grant="device")
        self.provider.grace = kind == "grace"
        self.log_in()
        self.age(3590)
        with open(self.file(), "rb") as file:
            self.text = file.read()
        self.refresh = self.kept()["refresh"]
        self.calls_log = os.path.join(self.case.dir, "calls")

    def check_secrets(self):
        """These are its files, too, and what a fault left there is gone with the next run."""
        for name in ("fresh", "answer"):
            if os.path.exists(self.state(name)):
                same("mode", os.stat(self.state(name)).st_mode & 0o7777, 0o600)
                os.unlink(self.state(name))
        super().check_secrets()

    def state(self, name):
        return os.path.join(self.case.hold, "state", name + ".main")

    def put_back(self):
        for name in ("fresh", "answer"):
            if os.path.exists(self.state(name)):
                os.unlink(self.state(name))
        with open(self.file(), "wb") as file:
            file.write(self.text)
        self.provider.refresh = {self.refresh}

    def run(self, call="", number=0, deed=""):
        """A request with that fault; what came back, and the calls of who did the work."""
        self.put_back()
        if os.path.exists(self.calls_log):
            os.unlink(self.calls_log)
        env = {"LD_PRELOAD": FAULTS, "FAULT_WHO": "token+", "FAULT_LOG": self.calls_log,
               "FAULT_CALL": call, "FAULT_AT": str(number), "FAULT_DO": deed,
               "ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0"}
        said = ask_directly(self, ["env", *(f"{k}={v}" for k, v in env.items())])
        with open(self.calls_log, encoding="utf-8") as log:
            lines = log.read().splitlines()
        return said.decode(), lines

    def again(self):
        """The next request, without a fault: is anybody to log in again?"""
        said = ask_directly(self, ["env"]).decode()
        if "log in again" in said:
            return False
        match("said", "^Taccess-", said)
        check(self.kept()["refresh"] in self.provider.refresh, "not the last one", self.kept())
        return True

    def request(self, lines):
        """The place of the call by which the request leaves, and that of the first write of
        its answer."""
        write = next(n for n, line in enumerate(lines) if line.startswith("pwrite "))
        return max(n for n in range(write) if lines[n].startswith("send")), write


def numbered(lines):
    """(name, its number) of each call."""
    seen, found = collections.Counter(), []
    for line in lines:
        name = line.lstrip("!").split(" ")[0]
        seen[name] += 1
        found.append((name, seen[name]))
    return found


def ended(kind):
    def job():
        with Login(kind) as login:
            said, lines = login.run()
            match("said", "^Taccess-", said)
            check(not [l for l in lines if "/etc/ssl" in l], "the system's CAs are read", lines)
            lost = []
            for name, number in numbered(lines):
                _, met = login.run(name, number, "kill")
                if login.again():
                    continue
                check(kind == "strict", "lost, at a provider that takes the old one again",
                      (name, number))
                # Where it was ended, by the calls of this very run.
                first = next(n for n, line in enumerate(met) if line.startswith("!"))
                lost.append(f"{name} {number}")
                before = [line.split(" ")[0] for line in met[:first]]
                check("send" in before or "sendmsg" in before, "lost before it was asked", met)
                check("pwrite" not in before, "lost behind the write of the answer", met)
            # Nothing is done in between but to wait for the answer and to read it.
            same("lost at", {"pwrite 1" if l == "pwrite 1" else l.split(" ")[0] for l in lost}
                 - {"poll", "recv", "pwrite 1"}, set())
            if kind == "strict":
                sent, write = login.request(lines)
                check(lost, "this provider is not strict")
                if VERBOSE:
                    print(f"     {len(lines)} calls; between the request and the write of its "
                          f"answer {write - sent}: {lines[sent:write + 1]}; lost at {lost}")
    return job


def order():
    """What a kill cannot show, but a machine that stops: the file for the answer is on disk, with
    its name, before the request; the answer before it is read; the login before its name, and
    that before the token is handed out."""
    with Login("strict") as login:
        _, lines = login.run()
        calls = [line.split(" ")[0] for line in lines]
        sent, write = login.request(lines)
        before = " ".join(calls[:sent])
        match("the file for the answer", r"create write fsync fsync\b", before)
        behind = [c for c in calls[write:] if c not in ("poll", "recv", "fstat", "close")]
        same("the answer", behind[:2], ["pwrite", "fdatasync"])
        saved = ["unlink", "create", "write", "fsync", "rename", "fsync", "unlink"]
        same("the login", [c for c in behind[2:] if c != "send"][:7], saved)
        same("the token", behind[-1], "send")


def failing(call):
    """No error of the disk loses it, with the strictest of providers."""
    def job():
        with Login("strict") as login:
            _, lines = login.run()
            count = sum(line.split(" ")[0] == call for line in lines)
            for number in range(1, count + 1):
                for deed in FAILS[call]:
                    login.run(call, number, deed)
                    check(login.again(), f"lost: {call} {number} {deed}")
    return job


def asked_to_end():
    """SIGTERM, of a system that goes down, ends it before the request or behind the login."""
    with Login("strict") as login:
        _, lines = login.run()
        for name, number in numbered(lines):
            login.run(name, number, "TERM")
            check(login.again(), f"lost: {name} {number} TERM")


def answer_lost():
    """The connection breaks before the answer: it is asked for again at once, while a provider
    takes the old one yet; and if that does not work, by the next run."""
    for times, runs in ((1, 1), (2, 2)):
        with Login("grace") as login:
            login.relay.restart(*login.login(1 + times + 1), cert="server")
            login.provider.cut = times
            login.submit()
            for run in range(runs):
                same(f"accepted before run {run}", len(login.relay.accepted()), 0)
                login.case.flush("-a")
                time.sleep(1.1)
            same("accepted", len(login.relay.accepted()), 1)
            same("grants", [f["grant_type"] for f in login.provider.forms()][1:],
                 ["refresh_token"] * (times + 1))


def workers(login):
    """The processes of token that do the work, by their hold: those whose parent's parent is one,
    too."""
    parents = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/exe") != os.path.join(BUILD, "token") or \
                    os.readlink(f"/proc/{pid}/fd/3") != os.path.join(login.case.hold, "state"):
                continue
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                parents[int(pid)] = int(file.read().rpartition(")")[2].split()[1])
        except OSError:
            continue
    return [p for p, parent in parents.items() if parents.get(parent) in parents]


def one_ended():
    """Of the processes of a run the one that asks is ended, as by a system without memory: the
    same run goes on with another."""
    if os.geteuid() != 0:
        raise Skip("only root can look for a process that hides")
    with Login("grace") as login:
        login.relay.restart(*login.login(2), cert="server")
        login.provider.replies = [Reply(503, slow=5)]
        login.submit()
        call = login.case.begin("flushq", "-a")
        end = time.monotonic() + 10
        while len(login.provider.forms()) < 2 and time.monotonic() < end:
            time.sleep(0.02)
        found = workers(login)
        same("workers", len(found), 1)
        os.kill(found[0], signal.SIGKILL)
        same("flushq", call.wait().code, 0)
        same("accepted", len(login.relay.accepted()), 1)


def answered(login, user="u@example.org"):
    """As if one had been ended right behind the answer: the file that it left. The provider
    knows only what is in there."""
    login.put_back()
    head = [line for line in login.text.decode().splitlines()
            if line.split(" ")[0] in ("postern-login", "relay", "provider", "client")]
    answer = json.loads(login.provider.tokens().body)
    login.provider.refresh = {answer["refresh_token"]}
    head += ["user " + user, f"got {int(time.time())}", "end 1"]
    text = "\n".join(head) + "\n" + json.dumps(answer)
    login.case.write("hold/state/answer.main", text + " " * 1000)
    return text


def waiting_answer():
    """It is taken, once."""
    with Login("strict") as login:
        answered(login)
        check(login.again(), "it is not taken")
        same("asked", len(login.provider.forms()), 1)
        check(not os.path.exists(login.state("answer")), "it is there yet")


def other_answer():
    """Half of one, or one to somebody else, is not."""
    with Login("strict") as login:
        text = answered(login)
        login.case.write("hold/state/answer.main", text[:-20] + " " * 1020)
        check(not login.again(), "half of one is taken")
        answered(login, user="other@example.org")
        check(not login.again(), "that of another is taken")


def logged_out():
    """What waits goes with the login."""
    with Login("strict") as login:
        answered(login)
        same("exit", login.case.run("sendmail", "--logout").code, 0)
        left = [n for n in os.listdir(os.path.join(login.case.hold, "state"))
                if n.startswith(("login.", "answer.", "fresh."))]
        same("left", left, [])
        same("refresh tokens", login.provider.refresh, set())


JOBS = []
if THERE:
    JOBS += [("ended " + k, ended(k)) for k in ("grace", "strict")]
    JOBS += [("failing " + c, failing(c)) for c in FAILS]
    JOBS += [("asked to end", asked_to_end), ("answer lost", answer_lost),
             ("one ended", one_ended), ("waiting answer", waiting_answer),
             ("other answer", other_answer),
             ("logged out", logged_out), ("order", order)]

if __name__ == "__main__":
    run_all(JOBS)
