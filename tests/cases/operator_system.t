#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's view in system mode: an installed copy, used by root and by others."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from jail import *  # pylint: disable=wildcard-import,unused-wildcard-import,wrong-import-position


def config_shown(user):
    """Nobody needs a right to see it, and nobody sees the secret."""
    with Jail(f"config {user}") as jail:
        jail.secure()
        result = jail.run_as(user, "sendmail", "--config")
        same("exit", (result.code, result.err), (0, ""))
        match("the file", rf"^; .*{CONF} .*system", result.out)
        for line in (f"password_file = {SECRET_FILE}", f"directory = {SPOOL}", "wait = 30s"):
            check("\n" + line + "\n" in result.out, f"no line {line!r} in {result.out}")
        jail.check_secret(PASSWORD, result)


def done_by(user, uid, args=("--remove",), nnp=False):
    """The log has the number of who asked, not of who did it for him."""
    with Jail(f"done by {user}", gate=nnp) as jail:
        jail.simple()
        jail.send_as("ann", "-odq", *ARGS)
        id_ = jail.entries()[0]
        result = jail.run_as(user, "flushq", "-v", *args, id_, nnp=nnp)
        same("exit", (result.code, result.out), (0, ""))
        same("said", result.err, f"{id_}: removed\nflushq: 1 message removed\n")
        time.sleep(0.3)
        match("log", rf"id={id_} .*status=removed by={uid}\b", jail.log())


def steer_by_text(nnp=False):
    """Through post too, and only what is his own."""
    with Jail("by text", gate=nnp) as jail:
        jail.simple()
        for user, to in (("ann", "x@dest.example"), ("ann", "y@dest.example"),
                         ("bob", "x@dest.example")):
            jail.send_as(user, "-odq", to)
        result = jail.run_as("ann", "flushq", "-v", "--remove", "--recipient", "x@", nnp=nnp)
        same("exit", (result.code, result.out), (0, ""))
        match("said", r"^[0-9A-F]{12}: removed\nflushq: 1 message removed\n$", result.err)
        same("left", sorted((e["uid"], e["recipients"][0]["address"])
                            for e in jail.listing_as("root")),
             [(ANN, "y@dest.example"), (BOB, "x@dest.example")])
        result = jail.run_as("ann", "flushq", "-v", "--freeze", "all", nnp=nnp)
        same("all", (result.code, result.err), (0, "flushq: 1 message frozen\n"))


def terminal_beyond():
    """A terminal is one behind post too."""
    with Jail("terminal beyond") as jail:
        jail.simple()
        jail.send_as("ann", "-odq", *ARGS)
        master, slave = open_terminal()
        call = jail.begin_as("ann", "flushq", "--remove", "all",
                             then=lambda: os.dup2(slave, 2), fds=(slave,))
        same("exit", call.wait(20).code, 0)
        os.set_blocking(master, False)
        same("shown", os.read(master, 4096).decode().split("\r\n")[0],
             "flushq: 1 message removed")
        os.close(master)
        os.close(slave)


def closed_to_lookers():
    with Jail("closed", setgid=False) as jail:
        jail.simple()
        result = jail.run_as("ann", "mailq")
        same("exit", (result.code, result.out), (77, ""))
        match("the text", r"^mailq: not permitted to use the system's hold", result.err)
        no_match("nothing is handed in", "hand in", result.err)


def accepted(user, args, nnp=False, to_file=False):
    """post knows who hands it in; who reads the log believes it."""
    uid = USERS[user][0]
    with Jail(f"accepted {user}", gate=nnp) as jail:
        relay = jail.simple(conf={"log.to": "/tmp/log"} if to_file else None)
        if to_file:
            put(jail.dir + "/tmp/log", "", 0o660, 0, POSTERN)
        jail.send_as(user, *args, nnp=nnp)
        jail.wait_quiet()
        time.sleep(0.3)
        log = jail.log()
        if to_file:
            with open(jail.dir + "/tmp/log", encoding="utf-8") as file:
                log = file.read()
        lines = log.splitlines()
        same("accepted", len([x for x in lines if "status=accepted" in x]), 1)
        match("accepted", rf"id=[0-9A-F]{{12}} uid={uid} from=a@src\.example nrcpt=2 size=\d+ "
              "status=accepted$", lines[0])
        for line in lines:
            match("uid", rf" uid={uid} ", line)
        same("lines", len(lines), 1 + len(relay.recipients()))


def kept_is_not_accepted():
    with Jail("kept") as jail:
        jail.configure({"port": 1, "hots": "x"})
        same("exit", jail.run_as("ann", "sendmail", *ARGS, feed=MESSAGE).code, 78)
        jail.wait_quiet()
        same("kept", len(jail.entries("failed")), 1)
        no_match("log", "status=accepted", jail.log())


def empty_spool(name, commands, again=True):
    """An empty volume: who hands in is told what to do, and root's flushq does it."""
    with Jail("empty " + name, last=commands) as jail:
        relay = jail.simple()
        result = jail.run_as("ann", "sendmail", *ARGS, feed=MESSAGE)
        same("exit", (result.code, result.out), (75, ""))
        match("the hint", f"^sendmail: {SPOOL} .*flushq, run by root", result.err)
        for who in ("ann", "postern"):
            result = jail.run_as(who, "flushq")
            check(result.code in (75, 77), f"flushq by {who}: {result.code} {result.err!r}")
        result = jail.run_as("root", "flushq", "-v")
        same("exit", (result.code, result.out), (0, "") if again else (75, ""))
        if not again:
            return
        match("said", f"^flushq: made the rooms of {SPOOL}\n", result.err)
        modes = jail.function_as("root", lambda: {
            n: (os.stat(f"{SPOOL}/{n}").st_mode & 0o7777, os.stat(f"{SPOOL}/{n}").st_uid,
                os.stat(f"{SPOOL}/{n}").st_gid) for n in [".", *ROOMS]})
        same("modes", modes, {".": [0o710, 0, POSTERN],
                              **{n: [m, POSTERN, POSTERN] for n, m in ROOMS.items()}})
        jail.send_as("ann", *ARGS)
        jail.wait_quiet()
        same("sent", len(relay.accepted()), 1)
        result = jail.run_as("root", "flushq")
        same("nothing more", (result.code, result.err), (0, ""))


def no_spool():
    """Where the folder itself is missing, root's flushq makes nothing, and does not say that it
    would: something may have to be mounted there."""
    with Jail("no spool", last=f"mount -t tmpfs none {os.path.dirname(SPOOL)}") as jail:
        jail.simple()
        result = jail.run_as("root", "flushq")
        same("exit", (result.code, result.out), (75, ""))
        match("said", f"^flushq: the hold: {SPOOL} is to be mounted, or made by make install: ",
              result.err)


def handed_over(options, mode, good, below=""):
    """A secret as Docker, Podman and Kubernetes mount it. Who looks is told who else can."""
    at = "/run/secret"
    commands = (f"mkdir -p {at}; mount -t tmpfs none {at}; cd {at}; mkdir -p ./{below}\n"
                f"cd ./{below}; cat {SECRET_FILE} >password; ln -s password link\n"
                f"chmod {mode} password; {options}")
    with Jail("handed over", last="") as jail:
        relay = jail.secure(password_file=f"{at}/{below}link")
        result = jail.function_as("root", lambda: subprocess.run(
            ["sh", "-ec", commands], capture_output=True, check=False).stderr.decode())
        same("mounting", result, "")
        jail.send_as("ann", *ARGS)
        jail.wait_quiet()
        same("sent", len(relay.accepted()), int(good))
        report = jail.run_as("root", "sendmail", "--check").out
        if good:
            match("who can read it", f"\n  password +{at}/link: all in this container", report)
        else:
            match("why", "open to everybody", jail.run_as("ann", "mailq").out)
            match("the check", "FAILED .*open to everybody", report)


def counted():
    """Each user counts in a file that he cannot reach; all can see the sums."""
    with Jail("counted") as jail:
        relay = jail.simple()

        def number(user, name):
            text = jail.run_as(user, "mailq", "--metrics").out
            return int((re.search(rf"^postern_{name} (\d+)$", text, re.M) or [0, -1])[1])

        for user in ("ann", "ann", "bob", "root"):
            jail.send_as(user, *ARGS)
        jail.send_as("bob", "-odq", *ARGS)
        jail.wait_quiet()
        for user in ("root", "ann", "nobody"):
            same(f"accepted, seen by {user}", number(user, "messages_accepted_total"), 5)
            same(f"delivered, seen by {user}", number(user, "messages_delivered_total"), 4)
        jail.run_as("bob", "flushq")
        same("bob's flush is not one of all",
             number("ann", "last_flush_timestamp_seconds"), -1)
        same("delivered", number("ann", "messages_delivered_total"), 5)
        jail.run_as("root", "flushq")
        check(number("ann", "last_flush_timestamp_seconds") > 0, "root's is")
        state = jail.spool + "/state"
        names = {n: os.lstat(f"{state}/{n}") for n in os.listdir(state)
                 if n.startswith("counters")}
        same("files", {n: s.st_uid for n, s in names.items()},
             {"counters": POSTERN, f"counters.{ANN}": ANN, f"counters.{BOB}": BOB})
        same("reached by ann", jail.function_as("ann", lambda: os.access(SPOOL, os.X_OK)), False)
        same("all", len(relay.accepted()), 5)


def jobs():
    for user in ("root", "ann", "ghost"):
        yield f"--config by {user}", lambda u=user: config_shown(u)
    for row in (("root", 0), ("ann", ANN), ("postern", POSTERN)):
        yield f"removed by {row[0]}", lambda r=row: done_by(*r)
    yield "removed by ann, socket", lambda: done_by("ann", ANN, nnp=True)
    yield "actions by text", steer_by_text
    yield "actions by text, socket", lambda: steer_by_text(True)
    yield "a terminal behind post", terminal_beyond
    for user in ("root", "ann", "nobody"):
        yield f"accepted from {user}", lambda u=user: accepted(u, ARGS)
        yield f"accepted from {user}, held", lambda u=user: accepted(u, ("-odq", *ARGS))
    yield "accepted, socket", lambda: accepted("ann", ARGS, nnp=True)
    yield "accepted and held, socket", lambda: accepted("ann", ("-odq", *ARGS), nnp=True)
    yield "accepted, to a file", lambda: accepted("ann", ARGS, to_file=True)
    yield "accepted and held, to a file", lambda: accepted("ann", ("-odq", *ARGS), to_file=True)
    yield "kept is not accepted", kept_is_not_accepted
    tmpfs = f"mount -t tmpfs -o mode=%s none {SPOOL}"
    yield "an empty spool", lambda: empty_spool("root", tmpfs % "0755")
    yield "an empty spool, open to all", lambda: empty_spool("open", tmpfs % "0777")
    yield "an empty file system", lambda: empty_spool(
        "file system", tmpfs % "0755" + f"; mkdir -m 700 {SPOOL}/lost+found")
    yield "no spool", no_spool
    yield "a spool that lacks a room", lambda: empty_spool("room", f"rm -r {SPOOL}/hold")
    yield "a spool with something else", lambda: empty_spool(
        "other", tmpfs % "0755" + f"; : >{SPOOL}/data", False)
    yield "a spool of somebody else", lambda: empty_spool(
        "somebody", tmpfs % "0755" + f"; chown {ANN} {SPOOL}", False)
    yield "a room of somebody else", lambda: empty_spool(
        "planted", tmpfs % "0777" + f"; mkdir {SPOOL}/hold; chown {ANN} {SPOOL}/hold", False)
    ro = "cd /; mount -o remount,ro /run/secret"
    yield "a secret of Docker", lambda: handed_over(ro, "0444", True)
    yield "a secret of Kubernetes", lambda: handed_over(ro, "0644", True)
    bind = "mount --bind password password"
    yield "a secret of Podman", lambda: handed_over(bind, "0444", True)
    yield "a secret that all could write, mounted", lambda: handed_over(bind, "0446", False)
    yield "a secret on a disk that is shown", lambda: handed_over(
        ro, "0444", False, "home/ann/")
    yield "a secret that can be changed", lambda: handed_over("", "0444", False)
    yield "a secret that all could write", lambda: handed_over(ro, "0666", False)
    yield "counted", counted
    yield "mailq without a way in", closed_to_lookers


if __name__ == "__main__":
    run_all(list(jobs()))
