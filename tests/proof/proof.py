# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sweeps and the storm share: what the relay was given, and calls with a fault in them."""

import collections
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cases"))
from harness import BUILD, Wrong, check  # pylint: disable=wrong-import-position

FAULTS = os.path.join(BUILD, "tests", "faults.so")
LIMIT = 20  # seconds: no program hangs, whatever breaks


class Tail:
    """The relay's log, read as it grows: accepted recipients as (is it a report, address)."""

    def __init__(self, relay):
        self.path = os.path.join(relay.dir, "log.jsonl")
        self.at, self.rest = 0, b""
        self.connects = self.closes = 0
        self.copies = collections.Counter()
        self.messages = []

    def read(self):
        try:
            with open(self.path, "rb") as log:
                log.seek(self.at)
                data = log.read()
        except FileNotFoundError:
            return
        self.at += len(data)
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            if b'"type": "connect"' in line:
                self.connects += 1
            elif b'"type": "close"' in line:
                self.closes += 1
            elif b'"type": "message"' in line:
                self._message(json.loads(line))

    def _message(self, event):
        if not event["accepted"]:
            return
        self.messages.append(event)
        for rcpt in event["recipients"]:
            if rcpt["verdict"] // 100 == 2:
                self.copies[event["sender"] == "", rcpt["address"]] += 1

    def settle(self, seconds=LIMIT):
        """Until the relay is through with every connection."""
        end = time.monotonic() + seconds
        self.read()
        while self.connects != self.closes:
            check(time.monotonic() < end, "a connection to the relay stays open")
            time.sleep(0.001)
            self.read()

    def clear(self):
        self.copies.clear()
        self.messages.clear()


class Ended:
    """How a program and all that it started ended."""

    def __init__(self, code, out, err, hung):
        self.code, self.out, self.hung = code, out, hung
        self.err = err.decode("utf-8", "replace")


def wait_family(case, seconds):
    """Until no program of the case is left. False: one does not end."""
    end = time.monotonic() + seconds
    while case.strays():
        if time.monotonic() > end:
            case.end_strays()
            return False
        time.sleep(0.002)
    return True


def call(case, program, *args, conf=None, feed=None, env=None, limit=LIMIT, family=False):
    """Runs a program to its end, or with family that of the last process that it leaves behind.
    feed: a path."""
    stdin = open(feed, "rb") if feed else subprocess.DEVNULL
    process = subprocess.Popen(
        [os.path.join(BUILD, program), "-C", conf or case.conf_path, *args], stdin=stdin,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=dict(case.env, **(env or {})), cwd=os.path.join(case.dir, "home"))
    if feed:
        stdin.close()
    hung = ""
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        hung = f"{program} did not end"
    if family and not wait_family(case, limit):
        hung = hung or f"{program} left a process behind that does not end"
    return Ended(process.returncode, out, err, hung)


class Fault:
    """The deed at the call that is number at of this name, in the process who."""

    def __init__(self, who, name, at, deed):
        self.who, self.name, self.at, self.deed = who, name, at, deed

    def __str__(self):
        return f"{self.who} {self.name} {self.at} {self.deed}"

    def is_kill(self):
        return self.deed in ("kill", "killed")


def fault_env(case, who, fault=None, plain=False):
    log = os.path.join(case.dir, "calls")
    if os.path.exists(log):
        os.unlink(log)
    env = {"LD_PRELOAD": FAULTS, "FAULT_WHO": who, "FAULT_LOG": log,
           "ASAN_OPTIONS": case.env["ASAN_OPTIONS"] + ":verify_asan_link_order=0"}
    if plain:
        env["FAULT_PLAIN"] = "1"
    if fault:
        env.update(FAULT_CALL=fault.name, FAULT_AT=str(fault.at), FAULT_DO=fault.deed)
    return env


def read_calls(case):
    """The calls of the last run in order, "NAME ARGUMENT"; the one with the fault behind "!"."""
    try:
        with open(os.path.join(case.dir, "calls"), encoding="utf-8", errors="replace") as log:
            return log.read().splitlines()
    except FileNotFoundError:
        return []


__all__ = ["Ended", "FAULTS", "Fault", "LIMIT", "Tail", "Wrong", "call", "check", "fault_env",
           "read_calls"]
