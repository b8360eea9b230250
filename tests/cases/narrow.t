#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A delivering process gives up what it does not need before it reads from the network, and all
of its work goes on: TLS, logins, moves between the rooms, the log, several processes, programs
that give passwords. What it is refused then is tried from inside by the unit test.
"""

import os
import platform
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403

USER, SECRET = "u@example.org", "s3cret Wort"
SERVER_LOGIN = ("--user", USER, "--password", SECRET)
# linux/capability.h: chown, dac_override, fowner, fsetid, sys_resource; and sys_ptrace, which
# sanitizers are left.
FOR_FILES = 1 << 0 | 1 << 1 | 1 << 3 | 1 << 4 | 1 << 24 | 1 << 19
STALL = ("--on", "DOT wait 1500 normal")
WAITING = {"timeout": "10s", "dot_timeout": "10s"}


def tls_keys(**more):
    return dict({"security": "starttls", "tls_trust": certificates() + "/ca.pem",
                 "tls_name": "relay.test", "user": USER}, **more)


def status(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def seccomp_here():
    """Does this kernel have filters? One without says nothing of them."""
    return status(os.getpid()).get("Seccomp") is not None


def check_narrow(pid, privileges=False):
    """privileges: a program may be run that needs some, so none are given up."""
    seen = status(pid)
    with open(f"/proc/{pid}/limits", encoding="ascii") as file:
        match("limits", r"core file size +0 +0 ", file.read())
    if privileges:
        same(f"NoNewPrivs of {seen['Name']}", seen["NoNewPrivs"], "0")
        return
    same(f"NoNewPrivs of {seen['Name']}", seen["NoNewPrivs"], "1")
    if seccomp_here():
        same(f"Seccomp of {seen['Name']}", seen["Seccomp"], "2")
    for kind in "CapPrm", "CapEff", "CapInh":
        same(f"{kind} of {seen['Name']}, beyond files", int(seen[kind], 16) & ~FOR_FILES, 0)


def flushqs(case):
    found = []
    for pid in case.strays():
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if os.path.basename(file.read().split(b"\0")[0]) == b"flushq":
                    found.append(pid)
        except OSError:
            continue
    return found


def sent(result):
    same("end", (result.code, result.out, result.err), (0, "", ""))


def login(name, source):
    """TLS, a login and a message, by a process that is looked at meanwhile. source: keys that
    give the password."""
    def run():
        with Case("login") as case:
            case.write("home/secret", SECRET + "\n")
            relay = case.relay(*SERVER_LOGIN, *STALL, cert="server")
            case.configure(tls_keys(port=relay.port, **WAITING,
                                    **{k: v.format(dir=case.dir) for k, v in source.items()}),
                           conf={"delivery.mode": "hold"})
            sent(case.send(*ARGS))
            call = case.begin("flushq", "--all")
            relay.wait_for("auth")
            running = flushqs(case)
            check(running, "nobody delivers")
            for pid in running:
                check_narrow(pid, "password_command" in source)
            sent(call.wait())
            same("delivered", (relay.recipients(), case.entries()), (sorted(PAIR), []))
            same("logins", len(relay.events("auth")), 1)
            match("log", r"b@dest\.example", case.log())
            check([n for n in os.listdir(case.hold + "/state") if n.startswith("ticket.")],
                  "no TLS ticket was kept")
            sent(case.send(*ARGS))
            case.flush("--all")
            same("resumed", [e["resumed"] for e in relay.events("tls")], [False, True])
    return "login: " + name, run


def credentials():
    with Case("credentials") as case:
        os.mkdir(os.path.join(case.dir, "tmp", "cred"))
        case.write("tmp/cred/relay.main.password", SECRET + "\n")
        relay = case.relay(*SERVER_LOGIN, cert="server")
        case.configure(tls_keys(port=relay.port), conf={"delivery.mode": "hold"})
        env = {"CREDENTIALS_DIRECTORY": os.path.join(case.dir, "tmp", "cred")}
        sent(case.send(*ARGS, env=env))
        case.flush("--all", env=env)
        same("delivered", relay.recipients(), sorted(PAIR))


def client_certificate():
    """The key is read when the handshake begins."""
    with Case("certificate") as case:
        relay = case.relay(cert="server")
        folder = certificates()
        case.configure(tls_keys(port=relay.port, user=None, tls_certificate=folder + "/server.pem",
                                tls_key=folder + "/server.key"))
        sent(case.send(*ARGS))
        same("delivered", relay.recipients(), sorted(PAIR))


def workers():
    """All of a run's processes, and several entries at once."""
    with Case("workers") as case:
        relay = case.relay("--on", "DOT wait 700 normal")
        case.configure({"port": relay.port, "connections": "3", **WAITING},
                       conf={"delivery.mode": "hold"})
        for _ in range(6):
            sent(case.send(*ARGS))
        call = case.begin("flushq", "--all")
        relay.wait_for("connect", 3)
        running = flushqs(case)
        same("processes", len(running), 3)
        for pid in running:
            check_narrow(pid)
        same("flushq", call.wait().code, 0)
        same("delivered", len(relay.accepted()), 6)
        same("held", case.entries(), [])


def worker_ended():
    """One of a run's processes is ended, as by a call that it may not make: the log says so, and
    the others go on."""
    with Case("worker ended") as case:
        relay = case.relay("--on", "DOT wait 700 normal")
        case.configure({"port": relay.port, "connections": "2", **WAITING},
                       conf={"delivery.mode": "hold"})
        for _ in range(4):
            sent(case.send(*ARGS))
        call = case.begin("flushq", "--all")
        relay.wait_for("connect", 2)
        worker, = [pid for pid in flushqs(case) if int(pid) != call.process.pid]
        os.kill(int(worker), signal.SIGSYS)
        same("flushq", call.wait().code, 0)
        match("log", f"a process of this run was ended by signal {signal.SIGSYS:d}", case.log())
        check(len(case.entries()) <= 1, f"held: {case.entries()}")
        case.flush("--all")
        same("held", case.entries(), [])


def refused():
    """hold/ to failed/, a report made in tmp/ and moved, and sent in the same run."""
    with Case("refused") as case:
        relay = case.relay("--on", "RCPT reply 550 5.1.1 nobody")
        case.configure({"port": relay.port}, conf={"delivery.mode": "hold"})
        sent(case.send(*ARGS))
        case.flush("--all")
        same("failed", len(case.entries("failed")) >= 1, True)
        check(not case.entries("corrupt"), "an entry in corrupt/")
        same("tmp", os.listdir(case.hold + "/tmp"), [])


def dead_relay():
    with Case("dead") as case:
        relay = case.relay()
        relay.stop()
        case.configure({"port": relay.port})
        sent(case.send(*ARGS))
        check([n for n in os.listdir(case.hold + "/state") if n.startswith("server.")],
              "the dead relay is not remembered")


def renamed_log():
    """A log that is put away while a run goes on: no line is lost."""
    with Case("log") as case:
        relay = case.relay(*STALL)
        case.configure({"port": relay.port, **WAITING}, conf={"delivery.mode": "hold"})
        sent(case.send(*ARGS))
        call = case.begin("flushq", "--all")
        relay.wait_for("command", 4)
        time.sleep(0.3)
        path = os.path.join(case.dir, "log")
        os.rename(path, path + ".1")
        same("flushq", call.wait().code, 0)
        lines = case.log()
        with open(path + ".1", encoding="utf-8") as file:
            lines += file.read()
        match("log", r"b@dest\.example", lines)


def online():
    """Programs of the configuration that are run before."""
    with Case("online") as case:
        relay = case.relay()
        case.configure({"port": relay.port}, conf={"delivery.online": "/bin/true"})
        sent(case.send(*ARGS))
        same("delivered", relay.recipients(), sorted(PAIR))


def names():
    """Names are looked up by a child that is narrowed too."""
    with Case("names") as case:
        server = Names(lambda name, kind: ("records", [("A", "127.0.0.1")]))
        try:
            relay = case.relay()
            case.configure({"port": relay.port, "host": "relay.harness.example"},
                           conf={"dns.server": f"127.0.0.1:{server.port}"})
            sent(case.send(*ARGS))
            same("delivered", relay.recipients(), sorted(PAIR))
        finally:
            server.close()


def checked():
    with Case("check") as case:
        case.write("home/secret", SECRET + "\n")
        relay = case.relay(*SERVER_LOGIN, "--on", "LOGIN wait 1500 normal", cert="server")
        case.configure(tls_keys(port=relay.port, password_file=case.dir + "/home/secret",
                                **WAITING))
        call = case.begin("sendmail", "--check")
        relay.wait_for("tls")
        time.sleep(0.2)
        check_narrow(call.pid)
        result = call.wait()
        same("end", (result.code, result.err), (0, ""))
        match("rows", r"login +\d+ ms +[A-Z]", result.out)


def here():
    """What this kernel takes, told by the unit test; so that a log shows it."""
    program = os.path.join(BUILD, "tests", "test_sandbox")
    if not os.path.exists(program):
        raise Skip("no unit test")
    result = subprocess.run([program], capture_output=True, timeout=60, check=False,
                            stdin=subprocess.DEVNULL)
    told = re.search(r"here: (.*)", result.stderr.decode())
    check(told, "nothing is told")
    check("privileges yes" in told.group(1), told.group(1))
    if seccomp_here() and platform.machine() in ("x86_64", "aarch64", "riscv64", "armv7l", "i686"):
        check("calls yes" in told.group(1), told.group(1))


JOBS = [
    login("password", {"password": SECRET}),
    login("password_file", {"password_file": "{dir}/home/secret"}),
    login("password_command", {"password_command": "/bin/cat {dir}/home/secret"}),
    ("credentials of systemd", credentials),
    ("a client's certificate", client_certificate),
    ("workers", workers),
    ("a worker is ended", worker_ended),
    ("refused: a report, and failed/", refused),
    ("a dead relay is remembered", dead_relay),
    ("the log is renamed during a run", renamed_log),
    ("online", online),
    ("names", names),
    ("--check", checked),
    ("what was done here", here),
]


def no_status():
    raise Skip("no /proc with NoNewPrivs here")


try:
    KNOWN = "NoNewPrivs" in status(os.getpid())
except OSError:
    KNOWN = False
run_all(JOBS if KNOWN else [("all", no_status)])
