#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""--check in system mode: what root is told of an installation that is broken in one way, and
what a user who may see less of it is."""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from jail import *  # pylint: disable=wildcard-import,unused-wildcard-import,wrong-import-position

WHOLE = {"mail.from": "alerts@src.example", "mail.admin": "admin@dest.example"}
GOOD = (r"^here: .*postern\.conf \(system mode\)", "^  host name .*gate.jail.example",
        rf"^  hold +{SPOOL}, \d+ MiB free", rf"^  post +{POST}: set-gid postern",
        "^  log +syslog, which is there", "^  aliases +/etc/aliases", "^  clock ",
        "^  last flush +none was seen yet; 0 held")


def in_spool(jail):
    """All that is there: a check changes nothing."""
    return sorted((os.path.join(where, n), os.lstat(os.path.join(where, n)).st_mode)
                  for where, folders, names in os.walk(jail.spool) for n in folders + names)


def looked_at(jail, user, code, shows, never=(), nnp=False):
    before = in_spool(jail)
    result = jail.run_as(user, "sendmail", "--check", nnp=nnp)
    same("end", (result.code, result.err), (code, ""))
    for pattern in shows:
        check(re.search(pattern, result.out, re.M), f"nothing like {pattern!r} in {result.out}")
    for pattern in never:
        check(not re.search(pattern, result.out, re.M), f"{pattern!r} in {result.out}")
    same("the spool", in_spool(jail), before)
    jail.check_secret(PASSWORD, result)
    return result


def healthy(user):
    with Jail("healthy") as jail:
        relay = jail.secure(conf=WHOLE)
        looked_at(jail, user, 0, (*GOOD, r"^  login +\d+ ms  SCRAM", "^  passed "))
        same("messages", relay.events("message"), [])
        jail.check_spool()


def by_user(user):
    """He sees what is everybody's, and of the rest that it is not for him."""
    closed = user != "carol"
    with Jail("by " + user) as jail:
        relay = jail.secure(conf=WHOLE)
        jail.send_as("bob", "-odq", *ARGS)
        shows = ["^  post .*lets this user in", "^  log +syslog", "^  host name "]
        shows += [f"^  hold +{SPOOL}: not for this user", "^  last flush +not for this user"] if \
            closed else [f"^  hold +{SPOOL}, ", "^  last flush .*1 held"]
        if closed:
            shows += [r"^  FAILED .*password in /etc/postern.secret .*Permission denied",
                      "^  to do .*run the check as root"]
        looked_at(jail, user, 75 if closed else 0, shows)
        same("mail", [x for x in relay.commands() if x.startswith("MAIL")][:1],
             [] if closed else ["MAIL FROM:<alerts@src.example>"])
        jail.simple(conf=WHOLE)
        looked_at(jail, user, 0, ("^  passed ",))


def broken(name, why, advice, prepare="", conf=None, users=("root",), code=75, warns=False,
           **more):
    """prepare: commands of root inside, after all mounts."""
    def run():
        with Jail(name, **more) as jail:
            jail.simple(conf=dict(WHOLE, **(conf or {})))
            error = jail.function_as("root", lambda: subprocess.run(
                ["sh", "-ec", prepare], capture_output=True, check=False).stderr.decode())
            same("preparing", error, "")
            for user in users:
                looked_at(jail, user, code, (f"^  {'warning' if warns else 'FAILED'} .*{why}",
                                             f"^  to do +.*{advice}", "^  passed "))
    return name, run


def secret(name, prepare, why, advice):
    def run():
        with Jail(name) as jail:
            jail.secure(conf=WHOLE)
            error = jail.function_as("root", lambda: subprocess.run(
                ["sh", "-ec", prepare], capture_output=True, check=False).stderr.decode())
            same("preparing", error, "")
            looked_at(jail, "root", 75, (*GOOD, f"^  FAILED .*{why}", f"^  to do +.*{advice}"))
    return name, run


def by_socket():
    """Where privileges are off the socket is the way in."""
    with Jail("by socket", gate=True, setgid=False) as jail:
        jail.simple(conf=WHOLE)
        looked_at(jail, "ann", 0, ("^  post .*lets this user in", "^  passed "), nnp=True)
        looked_at(jail, "root", 0, ("^  warning .*post: .*can be handed in at .*submit only",
                                    "^  to do .*chmod 2755"))


def no_names():
    """The system's resolver has nobody who answers, and a full name is to be had from it."""
    with Jail("no names") as jail:
        silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            silent.bind(("127.0.0.1", 53))
            jail.configure({"host": "mx.silent.example", "port": 25, "connect_timeout": "3s"},
                           conf=dict(WHOLE, **{"mail.hostname": None}))
            put(jail.dir + "/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:30\n")
            put(jail.dir + "/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
            result = looked_at(jail, "root", 75, (
                r"^  FAILED +5\d{3} ms  host name: .*\(from the system; the resolver tells no full",
                r"^  FAILED +3\d{3} ms  .*look up mx\.silent\.example: no answer in time",
                "^  to do +no name server answered within 3 s: look at /etc/resolv.conf"))
            check(result.seconds < 12, f"{result.seconds} s")
        finally:
            silent.close()


def no_roots():
    """What a small system lacks is a package, and not the file of some CA."""
    with Jail("no roots") as jail:
        jail.secure(conf=WHOLE, tls_trust=None)
        result = looked_at(jail, "root", 75, ("^  FAILED .*TLS: the certificate of relay.test",))
        if "issued by an unknown CA" in result.out:
            raise Skip("the roots of this system are not below /etc")
        match("said", "  to do +install .* the package ca-certificates; or name the CA's file",
              result.out)


def no_way_in():
    with Jail("no way in", setgid=False) as jail:
        jail.simple(conf=WHOLE)
        looked_at(jail, "ann", 75, ("^  FAILED .*post: not permitted",))


def jobs():
    for user in ("root", "postern"):
        yield f"healthy, by {user}", lambda u=user: healthy(u)
    for user in ("ann", "carol", "nobody"):
        yield f"by {user}", lambda u=user: by_user(u)
    rooms = "flushq, run by root, makes"
    yield broken("a room is missing", f"hold: .*{SPOOL}/hold: No such", rooms,
                 f"rm -r {SPOOL}/hold")
    yield broken("no rooms at all", "hold: .*No such file", rooms, f"rm -r {SPOOL}/*")
    yield broken("a room of another mode", f"hold: {SPOOL}/tmp: owner postern, mode 0555",
                 f"chmod 1770 {SPOOL}/tmp", f"chmod 0555 {SPOOL}/tmp")
    yield broken("a room of another user", f"hold: {SPOOL}/hold: owner ann",
                 f"chown postern:postern {SPOOL}/hold", f"chown {ANN} {SPOOL}/hold")
    yield broken("a hold open to all", f"hold: {SPOOL}: owner root, mode 0777",
                 "chown root:postern", f"chmod 0777 {SPOOL}")
    yield broken("a hold that cannot be written", "hold: .*cannot be written: Read-only",
                 "read-only", f"mount --bind {SPOOL} {SPOOL}; mount -o remount,bind,ro {SPOOL}")
    yield broken("post is missing", f"post: {POST}: No such file", "make install", f"rm {POST}",
                 copy=True)
    yield broken("post has no set-gid bit", f"post: {POST}: it has no set-gid", "chmod 2755",
                 f"chmod 0755 {POST}", copy=True)
    yield broken("post is of another group", "post: .*not belong to the group postern",
                 "chgrp postern", f"chown 0:{ANN} {POST}; chmod 2755 {POST}", copy=True)
    nosuid = PATHS["prefix"]
    yield broken("post is mounted nosuid", "post: .*mounted nosuid", "without nosuid",
                 f"mount --bind {nosuid} {nosuid}; mount -o remount,bind,nosuid {nosuid}")
    yield "the socket alone", by_socket
    yield "no way in", no_way_in
    yield broken("a configuration of root's alone", f"{CONF}: mode 0640: mail of those",
                 f"chmod 644 {CONF}", f"chmod 640 {CONF}")
    yield "no name server", no_names
    yield "no roots", no_roots
    yield broken("a log of root's", "log: .*/tmp/log: Permission denied",
                 "install -m 660 -o postern", ": >/tmp/log; chmod 600 /tmp/log",
                 conf={"log.to": "/tmp/log"})
    yield broken("a log in root's folder", "log: /tmp/root/log cannot be made in /tmp/root: Permission",
                 "install -m 660 -o postern", "mkdir -m 755 /tmp/root",
                 conf={"log.to": "/tmp/root/log"})
    yield broken("no syslog", "nobody listens at /dev/log", "start a syslog", "rm /dev/log",
                 users=("root", "ann"), code=0, warns=True)
    yield secret("a secret of root's alone", f"chmod 600 {SECRET_FILE}; chown 0:0 {SECRET_FILE}",
                 "Permission denied", f"chgrp postern {SECRET_FILE} && chmod 640")
    yield secret("no secret", f"rm {SECRET_FILE}", "No such file", "install -m 640 -o root")
    yield secret("an empty secret", f": >{SECRET_FILE}", "is empty",
                 f"first line of password_file, {SECRET_FILE}$")
    yield secret("a secret that all can read", f"chmod 644 {SECRET_FILE}", "open to everybody",
                 f"password_file is to be closed to others: chmod 640 {SECRET_FILE}$")


if __name__ == "__main__":
    run_all(list(jobs()))
