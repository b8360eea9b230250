#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rate and the connections of a relay where many users have one hold."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from jail import *  # noqa: E402,F403  # pylint: disable=wildcard-import,unused-wildcard-import


def causes(jail):
    return [e["recipients"][0]["cause"] for e in jail.listing()]


def one_rate():
    """Whoever sends, it is one count; and nobody of them can do away with it."""
    with Jail("one rate") as jail:
        relay = jail.simple("--rate", "3/3600000", rate="3/h", conf={"delivery.wait": "5s"})
        for user in ("ann", "bob", "ann", "bob", "root"):
            same(user, jail.send_as(user, "-i", "b@dest.example").code, 0)
        jail.wait_quiet()
        for user in ("ann", "root"):
            same("flushq", jail.run_as(user, "flushq", "--all").code, 0)
        same("delivered", len(relay.accepted()), 3)
        same("refused", [e for e in relay.events("rate") if not e["taken"]], [])
        same("held for", causes(jail), ["rate"] * 2)
        file, = (n for n in os.listdir(jail.path("", "state")) if n.startswith("rate."))
        for user in ("ann", "bob"):
            for what in (os.unlink, lambda path: open(path, "r+b").close()):
                check(jail.function_as(user, lambda w=what: tried(
                    w, jail.path(file, "state"))) == "denied", f"{user} may change it")


def tried(what, path):
    try:
        what(path)
    except OSError:
        return "denied"
    return "done"


def stopped():
    """A user who stops what has a connection for him keeps it; the last one he cannot have."""
    with Jail("stopped") as jail:
        relay = jail.simple("--on", "once DOT wait 20000 normal", connections="2",
                            conf={"delivery.wait": "3s"})
        hand_in(jail, "ann")
        call = jail.begin_as("ann", "flushq", "--all")
        relay.wait_for("command", 4)
        pids = [pid for pid, name in jail.processes() if name in ("flushq", "mailq")]
        same("stopped", jail.function_as("ann", lambda: [os.kill(pid, signal.SIGSTOP)
                                                         for pid in pids]), [None] * len(pids))
        same("bob's", jail.send_as("bob", "-i", "-f", "bob@src.example",
                                   "b@dest.example").code, 0)
        bobs, = (e for e in jail.listing_as("bob"))
        same("held for", (bobs["recipients"][0]["cause"], bobs["attempts"]), ("connections", 0))
        same("flushq", jail.run_as("root", "flushq").code, 0)
        same("of bob's", sum(e["sender"] == "bob@src.example" for e in relay.accepted()), 1)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        call.wait(5)
        jail.wait_quiet()


def locked():
    """A user who stops a process of his in the moment in which it counts ends no count by it,
    and nobody waits for him with each message."""
    with Jail("locked") as jail:
        relay = jail.simple("--rate", "3/3600000", rate="3/h")
        hand_in(jail, "ann")
        same("flushq", jail.run_as("ann", "flushq", "--all").code, 0)
        file, = (n for n in os.listdir(jail.path("", "state")) if n.startswith("rate."))
        with open(jail.path(file, "state"), "rb") as stopped_at:
            fcntl.flock(stopped_at, fcntl.LOCK_EX)
            for _ in range(3):
                hand_in(jail, "bob")
            for user in ("bob", "root"):
                same("flushq", jail.run_as(user, "flushq", "--all").code, 0)
        same("delivered", len(relay.accepted()), 3)
        same("refused", [e for e in relay.events("rate") if not e["taken"]], [])
        same("held for", causes(jail), ["rate"])
        jail.check_spool()


def read_only():
    """Where nothing can be counted nothing can be marked either, and nothing goes."""
    with Jail("read-only") as jail:
        relay = jail.simple("--rate", "3/3600000", rate="3/h")
        for _ in range(2):
            hand_in(jail, "ann")
        same("mount", jail.function_as("root", lambda: os.system(
            f"mount --bind {SPOOL} {SPOOL} && mount -o remount,bind,ro {SPOOL}")), 0)
        result = jail.run_as("root", "flushq", "--all")
        same("delivered", relay.accepted(), [])
        same("mount", jail.function_as("root", lambda: os.system(f"umount {SPOOL}")), 0)
        check(result.code in (0, 71, 73, 74, 75), f"exit {result.code}")
        same("flushq", jail.run_as("root", "flushq", "--all").code, 0)
        same("delivered", len(relay.accepted()), 2)


if __name__ == "__main__":
    run_all([("two users, one rate", one_rate), ("stopped with a connection", stopped),
             ("stopped with the lock", locked),
             ("a hold that is read-only", read_only)])
