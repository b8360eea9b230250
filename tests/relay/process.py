# SPDX-License-Identifier: GPL-3.0-or-later
"""The test relay as a process: its options, its log, its end. The cases, the tests of the
relay and the measurements each have a class of this with what they need beside it."""

import json
import os
import subprocess
import time


class Wrong(Exception):
    """A program that did not do what it should."""


class Process:
    """A relay with a folder. It ends with the process that started it at the latest. env: its
    environment; None: ours."""

    def __init__(self, program, folder, env=None):
        self.program, self.dir, self.env = program, folder, env
        self.process = self.where = self.port = None

    def start(self, *options, cert=None, script=()):
        """cert: the path of a certificate and its key, without their endings; script: lines.
        What it says if it does not start, else nothing."""
        argv = [self.program, "--dir", self.dir, "--with-parent", *options]
        if cert:
            argv += ["--cert", f"{cert}.pem", "--key", f"{cert}.key"]
        if script:
            os.makedirs(self.dir, exist_ok=True)
            path = os.path.join(self.dir, "script")
            with open(path, "w", encoding="latin-1") as file:
                file.write("\n".join(script) + "\n")
            argv += ["--script", path]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=self.env)
        word, _, self.where = self.process.stdout.readline().decode().strip().partition(" ")
        if word not in ("port", "socket"):
            return self.end()[1] or "nothing"
        if word == "port":
            self.port = int(self.where)
        return ""

    def end(self):
        """Its exit code and what it said of itself, if it runs; else 0 and nothing."""
        process, self.process = self.process, None
        if not process:
            return 0, ""
        if process.poll() is None:
            process.terminate()
        try:
            code = process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        error = process.stderr.read().decode("utf-8", "replace")
        for pipe in (process.stdin, process.stdout, process.stderr):
            pipe.close()
        return code, error

    def stop(self):
        code, error = self.end()
        if code != 0:
            raise Wrong(f"the relay ended with {code}: {error}")

    def events(self, kind=None, since=0):
        try:
            with open(os.path.join(self.dir, "log.jsonl"), encoding="utf-8") as log:
                events = [json.loads(line) for line in log if line.endswith("\n")]
        except FileNotFoundError:
            return []
        return [e for e in events[since:] if kind in (None, e["type"])]

    def wait_for(self, kind, count=1, seconds=10, since=0):
        """The events of that kind, when there are so many."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.events(kind, since)
            if len(found) >= count:
                return found
            time.sleep(0.01)
        raise Wrong(f"no {kind} event of the relay in {seconds} s: {self.events()[-5:]}")
