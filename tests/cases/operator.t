#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the person sees who keeps a machine's mail going: the configuration in effect, its
faults and warnings, what was done to messages, the log and the counters."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # pylint: disable=wildcard-import,unused-wildcard-import,wrong-import-position

SECRET = "open sesame"


# The configuration in effect

def config_shown():
    with Case("config") as case:
        case.write("secret", SECRET + "\n")
        case.configure(("one", {"security": "tls", "port": None, "user": "u",
                                "password_file": "secret"}),
                       ("two", {"host": None, "mx": "yes", "port": None, "security": None}),
                       conf={"mail.from_name": "Jürgen", "delivery.wait": "90s"})
        result = case.run("sendmail", "--config")
        same("exit", (result.code, result.err), (0, ""))
        for line in ("from_name = Jürgen", "wait = 90s", "expire = 5d", "port = 465",
                     "port = 25", f"password_file = {case.dir}/secret", "security = starttls",
                     f"directory = {case.hold}", "[relay one]", "[relay two]"):
            check("\n" + line + "\n" in result.out, f"no line {line!r} in {result.out}")
        check(case.conf_path in result.out.splitlines()[0], "not said where it is from")
        case.check_secret(SECRET, result)
        with open("man/postern.conf.5", encoding="utf-8") as page:
            for key in re.findall(r"^\.It Ic (\w+) No =", page.read(), re.M):
                check(re.search(rf"^;?{key} =", result.out, re.M), f"no {key}")
        # It can be read again, and means the same.
        first = result.out.split("\n", 1)[1]
        case.write("postern.conf", result.out)
        result = case.run("sendmail", "--config")
        same("read again", (result.code, result.out.split("\n", 1)[1]), (0, first))


def config_password():
    with Case("config password") as case:
        case.configure({"user": "u", "password": SECRET})
        result = case.run("sendmail", "--config")
        same("exit", (result.code, result.err), (0, ""))
        match("the password", r"\n;password = \(set, not shown\)\n", result.out)
        case.check_secret(SECRET, result)


def config_faulty():
    with Case("config faulty") as case:
        case.configure({"hots": "a"})
        result = case.run("sendmail", "--config")
        same("exit", (result.code, result.out), (78, ""))
        match("the fault", r"unknown key 'hots'.*did you mean host", result.err)
        result = case.run("sendmail", "--config", "a@b.example")
        same("with the fault", result.code, 78)
        case.configure({})
        result = case.run("sendmail", "--config", "a@b.example")
        same("an operand", (result.code, result.out), (64, ""))


# Faults and warnings

def quoted(keys):
    """Quotes are no syntax here: what has them is told so, and nothing is sent."""
    with Case("quoted") as case:
        relay = case.relay()
        case.configure(dict({"port": relay.port}, **keys),
                       conf={"mail.from": '"ann@example.org"'} if not keys else None)
        result = case.send("b@dest.example")
        same("exit", result.code, 78)
        match("the fault", r"postern\.conf:\d+: \w+: quotes would be part of the value; leave"
              " them out", result.err)
        case.check_secret(SECRET, result)
        same("arrived", relay.accepted(), [])
        same("kept", len(case.entries("failed")), 1)


def jobs():
    yield "--config", config_shown
    yield "--config with a password", config_password
    yield "--config, faulty", config_faulty
    yield "quotes around from", lambda: quoted({})
    yield "quotes around user", lambda: quoted({"user": '"u"', "password": "x"})
    yield "quotes around password", lambda: quoted({"user": "u", "password": f'"{SECRET}"'})
    yield "quotes around host", lambda: quoted({"host": '"127.0.0.1"'})


if __name__ == "__main__":
    run_all(list(jobs()))
