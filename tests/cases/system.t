#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""System mode: an installed copy with its set-gid post, used by several people, and attacked
by one of them. The attacks are in system_attacks.py and system_post.py, mailq and flushq by who
may not open the hold in system_door.py, set-id
programs as callers in system_setid.py, files of others in system_trust.py."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from jail import *  # pylint: disable=wildcard-import,unused-wildcard-import,wrong-import-position
import system_attacks  # pylint: disable=wrong-import-position
import system_door  # pylint: disable=wrong-import-position
import system_post  # pylint: disable=wrong-import-position
import system_setid  # pylint: disable=wrong-import-position
import system_trust  # pylint: disable=wrong-import-position

HELD = ("-odq", *ARGS)
UNKNOWN = "0123456789AB"
# For a network without an answer: all of post's and flushq's threads can be looked at.
STALL = "CONNECT stall"


def arrived(jail, relay, count=1, since=0):
    """So many messages, whole, and nothing left behind."""
    relay.wait_for("message", count, since=since)
    jail.wait_quiet()
    same("recipients", relay.recipients(since), sorted(PAIR * count))
    for body in relay.stored(since):
        check(body.endswith(BODY), f"stored: {body!r}")
    same("violations", relay.violations(since), [])
    same("held", jail.entries(), [])
    jail.check_spool()


# Who may send, and how

def from_user(user, way):
    with Jail(f"from {user}", gate=way != "set-gid", setgid=way != "no set-gid") as jail:
        relay, uid = jail.secure(), USERS[user][0]
        nnp = way == "NoNewPrivileges"
        jail.send_as(user, nnp=nnp)
        arrived(jail, relay)
        relay.stop()
        jail.send_as(user, *HELD, nnp=nnp)
        jail.wait_quiet()
        same("held", len(jail.entries()), 1)
        info = os.lstat(jail.path(jail.entries()[0]))
        # Root never needs set-gid; for the others the socket's entries are postern's.
        owners = {uid} if way == "set-gid" else {uid, POSTERN}
        check(info.st_uid in owners, f"the entry belongs to {info.st_uid}")
        same("group, mode, links", (info.st_gid, oct(info.st_mode), info.st_nlink),
             (POSTERN, oct(0o100660), 1))
        same("uid", [e["uid"] for e in jail.listing_as("root")], [uid])
        same("his own", [e["uid"] for e in jail.listing_as(user, *jail.entries())], [uid])
        jail.check_spool()
        before = relay.mark()
        relay.restart(*relay.options, cert="server")
        same("flushq", jail.run_as("root", "flushq").code, 0)
        arrived(jail, relay, since=before)
        jail.check_no_gain()
        jail.check_secret(PASSWORD, *[c[2] for c in jail.calls])
        jail.check_log()


def session(user, nnp):
    """-bs, two messages in one session."""
    text = (b"EHLO me\r\n" + 2 * (
        b"MAIL FROM:<a@src.example>\r\nRCPT TO:<b@dest.example>\r\nRCPT TO:<c@dest.example>\r\n"
        b"DATA\r\n" + BODY.replace(b"\r\n.", b"\r\n..") + b".\r\n") + b"QUIT\r\n")
    with Jail("bs", gate=nnp) as jail:
        relay = jail.simple()
        result = jail.run_as(user, "sendmail", "-bs", feed=text, nnp=nnp)
        same("exit", (result.code, result.err), (0, ""))
        same("replies", re.findall(r"^(\d\d\d) ", result.out, re.M),
             ["220", "250"] + ["250", "250", "250", "354", "250"] * 2 + ["221"])
        arrived(jail, relay, 2)


def ahead(user, nnp):
    """-bs, a client that writes ahead: the second message has begun, and is far from its end,
    when the first is to be sent."""
    begin = (b"MAIL FROM:<a@src.example>\r\nRCPT TO:<b@dest.example>\r\n"
             b"RCPT TO:<c@dest.example>\r\nDATA\r\n")
    body = BODY.replace(b"\r\n.", b"\r\n..")
    text = (b"EHLO me\r\n" + begin + body + b".\r\n" +
            begin + b"Subject: long\r\n\r\n" + 10000 * (70 * b"x" + b"\r\n") + body +
            b".\r\nQUIT\r\n")
    with Jail("bs ahead", gate=nnp) as jail:
        relay = jail.simple()
        result = jail.run_as(user, "sendmail", "-bs", feed=text, nnp=nnp)
        same("exit", (result.code, result.err), (0, ""))
        same("replies", re.findall(r"^(\d\d\d) ", result.out, re.M),
             ["220", "250"] + ["250", "250", "250", "354", "250"] * 2 + ["221"])
        arrived(jail, relay, 2)


def inetd_of_systemd():
    """The socket as systemd itself hands it over."""
    program = shutil.which("systemd-socket-activate")
    if not program:
        raise Skip("no systemd-socket-activate")
    with Jail("activate", setgid=False) as jail:
        relay = jail.simple()
        call = jail.begin_as("root", program, "--accept", "--inetd", "-l", SOCKET, "setpriv",
                             f"--reuid={POSTERN}", f"--regid={POSTERN}", "--clear-groups", POST)
        try:
            end = time.monotonic() + 10
            while not os.path.exists(jail.dir + SOCKET):
                check(time.monotonic() < end, "no socket")
                time.sleep(0.01)
            os.chmod(jail.dir + SOCKET, 0o666)
            jail.send_as("ann", *HELD)
            same("uid", [e["uid"] for e in jail.listing_as("root")], [ANN])
            same("flushq", jail.run_as("ann", "flushq", nnp=True).code, 0)
            relay.wait_for("message")
        finally:
            call.kill()
            call.wait(10)
        arrived(jail, relay)


def many(count=24):
    """Everybody at once; each message arrives once."""
    with Jail("many", gate=True) as jail:
        relay = jail.simple()
        names = ("ann", "bob", "carol", "nobody", "ghost", "root")
        calls = [jail.begin_as(names[i % 6], "sendmail", *ARGS, feed=MESSAGE, nnp=i % 4 == 3)
                 for i in range(count)]
        for call in calls:
            result = call.wait(30)
            same("sendmail", (result.code, result.out, result.err), (0, "", ""))
        jail.wait_quiet()
        jail.run_as("root", "flushq", "--all")
        arrived(jail, relay, count)


def linked_spool():
    """A spool that is a link is refused at once, or good for all programs alike: what is taken
    in is sent."""
    with Jail("linked", last=f"mv {SPOOL} {SPOOL}.other; ln -s {SPOOL}.other {SPOOL}") as jail:
        relay = jail.simple()
        result = jail.run_as("ann", "sendmail", *ARGS, feed=MESSAGE)
        if result.code:
            same("exit", result.code, 75)
            match("stderr", SPOOL, result.err)
            return
        relay.wait_for("message")
        jail.wait_quiet()
        same("recipients", relay.recipients(), list(PAIR))


# A password that only a service can have: what the configuration says, and what was there

def service(keys, credentials, gate, good):
    with Jail("service", gate=gate) as jail:
        relay = jail.secure(password_file=None, **keys)
        put(jail.dir + "/etc/pass", f"#!/bin/sh\nid -u >>/run/postern/ran\necho '{SAFE}'\n", 0o755)
        folder(jail.dir + "/run/postern", 0o1777)
        if credentials:
            folder(jail.dir + "/run/credentials", 0o700, POSTERN, POSTERN)
            put(jail.dir + "/run/credentials/relay.main.password", SAFE + "\n", 0o400, POSTERN,
                POSTERN)
            for each in jail.gates:
                each.env["CREDENTIALS_DIRECTORY"] = "/run/credentials"
        relay.restart("--user", LOGIN, "--password", SAFE, "--require-auth", cert="server")
        jail.send_as("ann", env={"CREDENTIALS_DIRECTORY": "/tmp"})
        jail.wait_quiet()
        same("accepted", len(relay.accepted()), int(good))
        same("held", len(jail.entries()), int(not good))
        if os.path.exists(jail.dir + "/run/postern/ran"):
            with open(jail.dir + "/run/postern/ran", encoding="ascii") as file:
                same("ran as", set(file.read().split()), {str(POSTERN)})
        jail.check_secret(SAFE, *[c[2] for c in jail.calls])


SAFE = "only-for-the-service"
COMMAND = {"password_command": "/etc/pass"}
SERVICES = (
    ("password_command, the socket", COMMAND, False, True, True),
    ("password_command, no socket", COMMAND, False, False, False),
    ("credentials, the socket", {}, True, True, True),
    ("credentials, no socket", {}, True, False, False),
)


# Who sees what

def three_entries(jail):
    """A message of ann's and one of bob's that are held, and a failed one of ann's."""
    ids = {}
    for key, user, room in (("A", "ann", "hold"), ("B", "bob", "hold"), ("F", "ann", "failed")):
        ids[key] = hand_in(jail, user, room=room, facts={"s": f"{user}@{room}.example"},
                           recipients=[f"friend-of-{user}@dest.example"])
    return ids


BOTH = r"friend-of-ann.*friend-of-bob|friend-of-bob.*friend-of-ann"
# user, program and arguments, exit, what is shown
VIEWS = (
    ("ann", "mailq", 0, "friend-of-ann@dest"),
    ("ann", "mailq -v", 0, "friend-of-ann@dest"),
    ("ann", "mailq --json", 0, "friend-of-ann@dest"),
    ("ann", "sendmail -bp", 0, "friend-of-ann@dest"),
    ("ann", "mailq {A}", 0, "friend-of-ann@dest"),
    ("ann", "mailq --show {A}", 0, "friend-of-ann@dest.*\nHello\\."),
    ("ann", "mailq --failed", 0, "{F}.*ann@failed"),
    ("ann", "mailq --failed --json", 0, "{F}.*ann@failed"),
    ("ann", "mailq --show {F}", 0, "\nHello\\."),
    ("ann", "mailq {B}", 77, "^$"),
    ("ann", "mailq -v {B}", 77, "^$"),
    ("ann", "mailq --json {B}", 77, "^$"),
    ("ann", "mailq --show {B}", 77, "^$"),
    ("ann", "mailq --show " + UNKNOWN, 65, "^$"),
    ("ann", "mailq --count", 0, "^2\n$"),
    ("bob", "mailq --failed", 0, "Mail queue is empty"),
    ("bob", "mailq --show {F}", 77, "^$"),
    ("nobody", "mailq", 0, "^Mail queue is empty\n$"),
    ("nobody", "mailq --json", 0, "^$"),
    ("nobody", "mailq --show {A}", 77, "^$"),
    ("nobody", "mailq --count", 0, "^2\n$"),
    ("nobody", "mailq --metrics", 0, r" 2\n"),
    ("ghost", "mailq --count", 0, "^2\n$"),
    ("root", "mailq", 0, BOTH),
    ("root", "mailq -v", 0, BOTH),
    ("root", "mailq --json", 0, BOTH),
    ("root", "mailq --show {B}", 0, "friend-of-bob"),
    ("root", "mailq --failed", 0, "ann@failed"),
    ("root", "mailq --count", 0, "^2\n$"),
    ("carol", "mailq", 0, BOTH),
    ("carol", "mailq --show {B}", 0, "friend-of-bob"),
    ("postern", "mailq", 0, BOTH),
)


def views(way):
    """All of VIEWS over one hold, which they leave as it was."""
    with Jail("views", gate=way == "socket", setgid=way != "socket") as jail:
        jail.simple()
        ids = three_entries(jail) if way != "socket" else three_by_socket(jail)
        before = system_attacks.snapshot(jail)
        faults = []
        for user, text, code, pattern in VIEWS:
            program, *args = text.format(**ids).split()
            result = jail.run_as(user, program, *args)
            wrong = view_fault(user, result, code, pattern.format(**ids))
            if wrong:
                faults.append(f"{user}: {text}: {wrong}")
        same("views", faults, [])
        same("the hold afterwards", system_attacks.snapshot(jail), before)
        jail.check_spool()


def three_by_socket(jail):
    ids = {}
    for key, user, room in (("A", "ann", "hold"), ("B", "bob", "hold"), ("F", "ann", "failed")):
        sock = socket.socket(socket.AF_UNIX)
        with Talk(jail.connected_as(user, sock)) as talk:
            talk.expect("H")
            talk.raw(b"".join(talk.record(*r) for r in message_records(
                room, {"s": f"{user}@{room}.example"}, [f"friend-of-{user}@dest.example"])))
            ids[key] = talk.expect("I").decode()
    return ids


def view_fault(user, result, code, pattern):
    if result.code != code:
        return f"exit {result.code}, wanted {code}; stderr {result.err!r}"
    if not re.search(pattern, result.out, re.S):
        return f"no {pattern!r} in {result.out!r}"
    text = result.out + result.err
    foreign = [n for n in ("ann", "bob") if n != user]
    if user not in ("root", "carol", "postern") and any(
            f"friend-of-{n}" in text or f"{n}@" in text for n in foreign):
        return f"shows a foreign address: {text!r}"
    if code and not re.match(r"mailq: [ -~]+\n$", result.err):
        return f"stderr {result.err!r}"
    if not code and result.err:
        return f"stderr {result.err!r}"
    return None


# What each may do: user, arguments of flushq, exit, what is in hold/, in failed/, how many
# messages the relay gets. f: frozen.
ACTIONS = (
    ("ann", "", 0, "B", "F", 1),
    ("ann", "--all", 0, "B", "F", 1),
    ("ann", "{A}", 0, "B", "F", 1),
    ("ann", "{B}", 77, "AB", "F", 0),
    ("ann", "{B} {A}", 77, "B", "F", 1),
    ("ann", UNKNOWN, 65, "AB", "F", 0),
    ("ann", UNKNOWN + " {A}", 65, "B", "F", 1),
    ("ann", "--remove {A}", 0, "B", "F", 0),
    ("ann", "--remove {B}", 77, "AB", "F", 0),
    ("ann", "--remove {B} {A}", 77, "B", "F", 0),
    ("ann", f"--remove {UNKNOWN} {{A}}", 65, "B", "F", 0),
    ("ann", "--remove all", 0, "B", None, 0),
    ("ann", "--freeze {A}", 0, "AfB", "F", 0),
    ("ann", "--freeze all", 0, "AfB", "F", 0),
    ("ann", "--freeze {B}", 77, "AB", "F", 0),
    ("ann", "--thaw {B}", 77, "AB", "F", 0),
    ("ann", "--retry {F}", 0, None, "", None),
    ("bob", "--retry {F}", 77, "AB", "F", 0),
    ("bob", "--remove {F}", 77, "AB", "F", 0),
    ("bob", "--retry all", 0, "AB", "F", 0),
    ("nobody", "", 0, "AB", "F", 0),
    ("nobody", "--all", 0, "AB", "F", 0),
    ("nobody", "--remove all", 0, "AB", "F", 0),
    ("nobody", "--freeze {A} {B}", 77, "AB", "F", 0),
    ("root", "", 0, "", "F", 2),
    ("postern", "", 0, "", "F", 2),
    ("root", "{A}", 0, "B", "F", 1),
    ("root", "--freeze {A} {B}", 0, "AfBf", "F", 0),
    ("root", "--remove {B}", 0, "A", "F", 0),
    ("root", "--retry {F}", 0, None, "", None),
    ("carol", "--freeze {B}", 77, "AB", "F", 0),
)


def action(user, text, code, hold, failed, sent, way="set-gid"):
    with Jail("action", gate=way == "socket") as jail:
        relay = jail.simple()
        ids = three_entries(jail)
        names = {v: k for k, v in ids.items()}
        result = jail.run_as(user, "flushq", *text.format(**ids).split(), nnp=way == "socket")
        jail.wait_quiet()
        same("exit", (result.code, result.out), (code, ""))
        if code:
            match("stderr", r"^(flushq: [ -~]+\n)+$", result.err)
            no_match("stderr", r"friend-of|@(hold|failed)", result.err)
        else:
            same("stderr", result.err, "")
        state = "".join(sorted(names[e["queue_id"]] + "f" * e["frozen"]
                               for e in jail.listing_as("root")))
        if hold is not None:
            same("in hold/", state, hold)
        if failed is not None:
            same("in failed/", "".join(names[i] for i in jail.entries("failed")), failed)
        if sent is not None:
            same("sent", len(relay.accepted()), sent)
        jail.check_spool()
        if "f" in state and user == "ann":
            same("thaw", jail.run_as(user, "flushq", "--thaw", ids["A"]).code, 0)
            same("frozen", [e["frozen"] for e in jail.listing_as(user)], [False])


# As whom it connects

# way, program and arguments; uids, gids of the process that holds the connection
CONNECTIONS = (
    ("flushq by root", "root", "flushq", {}, POSTERN, {POSTERN}),
    ("flushq by postern", "postern", "flushq", {}, POSTERN, {POSTERN}),
    ("flushq by ann", "ann", "flushq", {}, ANN, {ANN, POSTERN}),
    ("flushq by ann through the socket", "ann", "flushq", {"nnp": True}, POSTERN, {POSTERN}),
    ("sendmail by bob", "bob", "sendmail", {}, BOB, {BOB, POSTERN}),
    ("sendmail by root", "root", "sendmail", {}, POSTERN, {POSTERN}),
)


def connection(user, program, more, uid, gids):
    with Jail("connection", gate=bool(more)) as jail:
        relay = jail.simple("--on", STALL, timeout="20s", connect_timeout="20s")
        if program == "flushq":
            hand_in(jail, "ann")
        env = {"SECRET_OF_THE_CALLER": "x", "LANG": "C"}
        mine = os.open(put(jail.dir + "/home/lock", ""), os.O_RDONLY)
        call = jail.begin_as(user, program, *(ARGS if program == "sendmail" else ()), env=env,
                             feed=MESSAGE if program == "sendmail" else b"", fds=(mine,),
                             cwd="/tmp", **more).fed()
        os.close(mine)
        relay.wait_for("connect")
        owners = [o for o in connection_owners(relay.port) if o[1]]
        check(owners, "nobody holds the connection")
        same("uid of the sockets", {o[0] for o in owners}, {uid})
        for pid in {p for _, pids in owners for p in pids}:
            uids, have, groups = identity(pid)
            same("uids", set(uids), {uid})
            check(set(have) <= gids and have[1] == POSTERN, f"gids {have}")
            check(set(groups) <= gids, f"groups {groups}")
            if user != "postern":
                environment_is_ours(pid, user, program)
            with open(f"/proc/{pid}/limits", encoding="ascii") as file:
                match("limits", r"Max core file size +0 +0 ", file.read())
        for _, name, who in jail.looked_at(identity):
            if name in ("flushq", "mailq"):
                check(0 not in who[0] or user != "root", f"{name} stays root beside it")
        jail.end_strays()
        call.wait(10)
        jail.wait_quiet()
        same("held", len(jail.entries()), 1)
        jail.check_spool()


def environment_is_ours(pid, user, program):
    """What post started has nothing of the caller's environment in any sense."""
    if user == "root" and program == "flushq":
        return
    same("folder", os.readlink(f"/proc/{pid}/cwd"), "/")
    for name in os.listdir(f"/proc/{pid}/fd"):
        no_match("descriptors", "home/lock", os.readlink(f"/proc/{pid}/fd/{name}"))
    with open(f"/proc/{pid}/environ", "rb") as file:
        names = {v.partition(b"=")[0] for v in file.read().split(b"\0") if v}
    check(names <= {b"PATH"}, f"flushq's environment has {names}")


# Personal mode beside it

PERSONAL = """[mail]
hostname = own.jail.example
[log]
to = none
[relay]
host = 127.0.0.1
port = {port}
security = none
"""


def personal(by_option):
    with Jail("personal") as jail:
        relay = jail.simple()
        own = jail.relay("--on", "DOT stall")
        path = "/home/ann/own.conf" if by_option else "/home/ann/.config/postern.conf"
        put(jail.dir + path, PERSONAL.format(port=own.port), 0o600, ANN, ANN)
        if not by_option:
            os.chown(jail.dir + "/home/ann/.config", ANN, ANN)
        call = jail.begin_as("ann", "sendmail", *(("-C", path) if by_option else ()), *ARGS,
                             feed=MESSAGE).fed()
        own.wait_for("connect")
        for _, _, who in jail.looked_at(identity):
            same("identity", who, ([ANN] * 4, [ANN] * 4, []))
        check(all(n != "post" for _, n in jail.processes()), "post runs")
        jail.end_strays()
        call.wait(10)
        jail.wait_quiet()
        same("the system's relay", relay.events("connect"), [])
        same("the system's hold", jail.entries(), [])
        info = os.lstat(jail.dir + "/home/ann/.local/state/postern")
        same("the hold", (info.st_uid, oct(info.st_mode & 0o777)), (ANN, oct(0o700)))
        jail.check_spool()
        jail.check_no_gain()


def own_file_of_the_sender():
    """A privileged flushq goes by no file of its caller's, whatever the account says."""
    with Jail("own file") as jail:
        relay = jail.simple()
        evil = jail.relay()
        for place in ("/home/ann/.config", "/home/root/.config", "/home/postern/.config",
                      "/.config"):
            if place != "/.config":
                put(f"{jail.dir}{place}/postern.conf", PERSONAL.format(port=evil.port), 0o644)
        jail.send_as("ann", env={"HOME": "/nonexistent"})
        arrived(jail, relay)
        jail.send_as("root", "-odq", *ARGS, env={"XDG_CONFIG_HOME": "/home/ann/.config",
                                                 "HOME": "/home/ann"})
        same("flushq by root", jail.run_as("root", "flushq").code, 0)
        arrived(jail, relay, 2)
        hand_in(jail, "ann", recipients=PAIR)
        same("flushq by ann", jail.run_as("ann", "flushq", env={"HOME": "/none"}).code, 0)
        arrived(jail, relay, 3)
        with jail.post_as("ann", env={"HOME": "/home/ann"}) as talk:
            talk.expect("H")
            talk.raw(b"".join(talk.record(*r) for r in message_records(recipients=PAIR)))
            talk.expect("I")
            talk.put("G")
        arrived(jail, relay, 4)
        same("the other relay", evil.events("connect"), [])


# Ways that are closed (the spool): name, jail, commands inside, exit, text

IN_SPOOL = f"cd {SPOOL} && "
CLOSED = (
    ("post without set-gid, no socket", {"setgid": False}, "", 77, "set-gid|postern/submit"),
    ("no new privileges, no socket", {"nnp": True}, "", 77, "set-gid|privileges|postern/submit"),
    ("no post, no socket", {"copy": True}, f"rm {POST}", 77, "post|postern/submit"),
    ("post is no program", {"copy": True}, f": >{POST}", 75, "post"),
    ("a dead socket", {"setgid": False, "gate": "dead"}, "", 77, "postern/submit"),
    ("a silent post", {"copy": True}, f"printf '#!/bin/sh\\nexit 0\\n' >{POST}", 75, "post"),
    ("spool missing", {}, f"rm -r {SPOOL}", 75, SPOOL + ".*No such file"),
    ("spool is a file", {}, f"rm -r {SPOOL}; : >{SPOOL}", 75, SPOOL),
    ("spool is read-only", {}, f"mount --bind {SPOOL} {SPOOL}\n"
     f"mount -o remount,bind,ro {SPOOL}", 75, SPOOL + ".*Read-only"),
    ("spool is closed", {}, f"chmod 0700 {SPOOL}", 77, SPOOL + "|postern/submit"),
    ("hold/ missing", {}, f"rm -r {SPOOL}/hold", 75, SPOOL),
    ("hold/ is a file", {}, IN_SPOOL + "rm -r hold; : >hold", 75, SPOOL),
    ("hold/ is a link to nothing", {}, IN_SPOOL + "rmdir hold; ln -s other hold", 75, SPOOL),
    ("tmp/ missing", {}, f"rm -r {SPOOL}/tmp", 75, SPOOL),
    ("tmp/ is a link", {}, IN_SPOOL + "mv tmp other; ln -s /tmp tmp", (73, 75), ""),
    ("hold/ is closed", {}, f"chmod 0700 {SPOOL}/hold", 77, SPOOL + "|postern/submit"),
    ("tmp/ is closed", {}, f"chmod 0700 {SPOOL}/tmp", 77, SPOOL + "|postern/submit"),
)


def closed(name, options, commands, code, pattern):
    nnp = options.get("nnp", False)
    options = {k: v for k, v in options.items() if k != "nnp"}
    dead = options.pop("gate", None)
    with Jail("closed " + name, last=commands, **options) as jail:
        relay = jail.simple()
        if dead:
            jail.open_gate()
            jail.gates[0].close()
        result = jail.run_as("ann", "sendmail", *ARGS, feed=MESSAGE, nnp=nnp)
        check(result.code in (code if isinstance(code, tuple) else (code,)) and not result.out,
              f"exit {result.code}, wanted {code}; {result.err!r}")
        match("stderr", r"^sendmail: [ -~]+\n$", result.err)
        match("stderr", pattern, result.err)
        check(result.seconds < (5 if SANITIZED else 3), f"took {result.seconds:.1f} s")
        jail.wait_quiet()
        same("sent", relay.events("connect"), [])
        for where, _, names in os.walk(jail.dir + "/spool"):
            same(where, names if os.path.basename(where) in ROOMS else [], [])


# size of a small file system for the spool, exit
FULL = (("no space", "size=16k", 75), ("no inodes", "nr_inodes=8", 75))


def full(options):
    rooms = "".join(f"mkdir {SPOOL}/{n}; chown {POSTERN}:{POSTERN} {SPOOL}/{n}; "
                    f"chmod {m:o} {SPOOL}/{n}\n" for n, m in ROOMS.items())
    last = (f"mount -t tmpfs -o {options},mode=0710,gid={POSTERN} none {SPOOL}\n{rooms}"
            f"for i in 0 1 2 3; do touch {SPOOL}/x$i || break; done 2>/dev/null\n")
    with Jail("full", last=last) as jail:
        relay = jail.simple(conf={"delivery.mode": "hold"})
        big = MESSAGE + b"a line of sixty-three bytes, so that the disk is full soon .....\n" * 2000
        result = jail.run_as("ann", "sendmail", *ARGS, feed=big)
        same("exit", (result.code, result.out), (75, ""))
        match("stderr", r"^sendmail: [ -~]+\n$", result.err)
        jail.wait_quiet()
        rooms = jail.function_as("root", lambda: [os.listdir(f"{SPOOL}/{n}")
                                                  for n in ("tmp", "hold", "failed")])
        same("left", rooms, [[], [], []])
        same("sent", relay.events("connect"), [])


def last_hundredth():
    """A user who takes all files that the file system has for him leaves the rest to work with:
    what he handed in can be sent."""
    rooms = "".join(f"mkdir {SPOOL}/{n}; chown {POSTERN}:{POSTERN} {SPOOL}/{n}; "
                    f"chmod {m:o} {SPOOL}/{n}\n" for n, m in ROOMS.items())
    last = (f"mount -t tmpfs -o size=8M,nr_inodes=600,mode=0710,gid={POSTERN} none {SPOOL}\n"
            f"{rooms}i=0; while test $i -lt 570; do : >{SPOOL}/corrupt/x$i; i=$((i+1)); done\n")
    with Jail("inodes", last=last) as jail:
        relay = jail.simple(conf={"delivery.mode": "hold", "hold.min_free": "0"})

        def left():
            fs = os.statvfs(SPOOL)
            return fs.f_favail, fs.f_files // 100

        taken, code = 0, 0
        while taken < 40 and code == 0:
            result = jail.run_as("ann", "sendmail", *ARGS, feed=MESSAGE)
            code = result.code
            taken += code == 0
        same("exit", (code, result.out), (75, ""))
        match("stderr", rf"^sendmail: {SPOOL}: No space left", result.err)
        check(10 < taken < 40, f"{taken} were taken")
        free, hundredth = jail.function_as("root", left)
        check(free >= hundredth > 0, f"{free} files are left, a hundredth is {hundredth}")
        same("in tmp/", jail.function_as("root", lambda: os.listdir(SPOOL + "/tmp")), [])
        same("flushq", jail.run_as("root", "flushq").code, 0)
        same("accepted", len(relay.accepted()), taken)


# A service that sees the system read-only, or /var as an empty place: what it does first

NOT_SET_UP = rf"{SPOOL} is not set up \([^\n]*\): No such file or directory"
HIDDEN = (
    ("read-only", f"mount --bind {SPOOL} {SPOOL}; mount -o remount,bind,ro {SPOOL}",
     f"{SPOOL}/tmp: Read-only file system"),
    ("/var/spool is empty", f"mount -t tmpfs none {os.path.dirname(SPOOL)}",
     NOT_SET_UP),
    ("the spool is empty", f"mount -t tmpfs none {SPOOL}", NOT_SET_UP),
)


def hidden(commands, text, user, gate):
    """The socket is asked before anything is given up; without one, both are named."""
    with Jail("hidden", gate=gate) as jail:
        relay = jail.simple()
        uid, gid, _ = USERS[user]

        def run(program, *args, feed=b""):
            return jail.run_as("root", "unshare", "-m", "sh", "-c", commands + '; exec "$@"',
                               "sh", "setpriv", f"--reuid={uid}", f"--regid={gid}",
                               "--clear-groups", PROGRAM[program], *args, feed=feed)

        result = run("sendmail", "-odq", *ARGS, feed=MESSAGE)
        if not gate:
            same("exit", (result.code, result.out), (75, ""))
            match("stderr", rf"^sendmail: {text}[^\n]*{SOCKET}: No such", result.err)
            same("lines", result.err.count("\n"), 1)
            same("held", jail.entries(), [])
            return
        same("sendmail", (result.code, result.out, result.err), (0, "", ""))
        same("uid", [e["uid"] for e in jail.listing_as("root")], [uid])
        if user != "root":
            result = run("mailq")
            same("mailq", (result.code, result.err), (0, ""))
            match("mailq", "a@src.example", result.out)
            same("flushq", run("flushq").code, 0)
            relay.wait_for("message")
        before = relay.mark()
        same("sendmail", run("sendmail", *ARGS, feed=MESSAGE).code, 0)
        relay.wait_for("message", since=before)
        jail.wait_quiet()
        jail.check_spool()


def shut_out(gate):
    """Root without root's rights over files, as on a disk of another machine."""
    with Jail("shut out", gate=gate, last="" if gate else f"chmod 0700 {SPOOL}/*") as jail:
        jail.simple()
        if gate:
            for name in ROOMS:
                os.chmod(f"{jail.spool}/{name}", 0o700)
        result = jail.run_as("root", "setpriv", "--bounding-set=-dac_override,-dac_read_search",
                             "--inh-caps=-dac_override,-dac_read_search", "--clear-groups",
                             SENDMAIL, "-odq", *ARGS, feed=MESSAGE)
        if gate:
            same("sendmail", (result.code, result.err), (0, ""))
            return
        same("exit", (result.code, result.out), (77, ""))
        match("stderr", rf"^sendmail: {SPOOL}/tmp: Permission denied, even for root: [ -~]+root_squash"
              r"[ -~]+\n$", result.err)
        no_match("stderr", "set-gid", result.err)


def killed_between(age):
    """post was killed when its file was still its caller's alone: in time it goes."""
    with Jail("stale") as jail:
        jail.simple()
        path = put(jail.path("5F00000000AA", "tmp"), "half", 0o600, ANN, POSTERN)
        when = time.time() - age * 3600
        os.utime(path, (when, when))
        clock_agrees(jail.spool, POSTERN)
        for user in ("ann", "root"):
            same("flushq", jail.run_as(user, "flushq").code, 0)
            same(f"there after {user}'s flushq", os.path.exists(path), user == "ann" or age < 36)


# Who only looks needs no disk that can be written to

def looking(commands, hold):
    with Jail("looking") as jail:
        jail.simple()
        jail.send_as("ann", *HELD)
        put(jail.dir + "/home/ann/own.conf", PERSONAL.format(port=1), 0o600, ANN, ANN)
        mine = ("-C", "/home/ann/own.conf")
        if hold:
            jail.send_as("ann", *mine, *HELD)

        def run(user, program, *args):
            uid, gid, _ = USERS[user]
            return jail.run_as("root", "unshare", "-m", "sh", "-c", commands + '; exec "$@"',
                               "sh", "setpriv", f"--reuid={uid}", f"--regid={gid}",
                               "--clear-groups", "env", "HOME=/home/ann", PROGRAM[program], *args)

        for args in ((), ("-v",), ("--json",)):
            result = run("ann", "mailq", *mine, *args)
            same("mailq -C", (result.code, result.err), (0, ""))
            check(("a@src.example" in result.out) == hold, f"mailq -C {args}: {result.out!r}")
        same("--count", run("ann", "mailq", *mine, "--count").out, f"{int(hold)}\n")
        result = run("root", "mailq")
        same("mailq by root", (result.code, result.err), (0, ""))
        match("mailq by root", "a@src.example", result.out)


LOOKING = (
    ("a read-only disk", "mount --bind /home /home; mount -o remount,bind,ro /home; "
     f"mount --bind {SPOOL} {SPOOL}; mount -o remount,bind,ro {SPOOL}", True),
    ("a full disk, and no hold", f"mount -t tmpfs -o nr_inodes=1,mode=0700,uid={ANN} none /mnt; "
     "mkdir -p /home/ann/.local; mount --bind /mnt /home/ann/.local", False),
)


# The configuration: what it is, exit, text, is the message kept in failed/

CONFIGS = (
    ("missing", None, 0o644, 78, CONF, True),
    ("empty", "", 0o644, 78, CONF, True),
    ("a fault", "[relay]\nhost = 127.0.0.1\nhots = x\n", 0o644, 78, CONF + ":3:", True),
    ("a password in it", "[relay]\nhost = 127.0.0.1\nuser = u\npassword = pass-in-conf\n", 0o644,
     78, CONF + ":4:", True),
    ("closed to the user", "[relay]\nhost = 127.0.0.1\n", 0o600, 78, CONF, True),
    ("writable for all", "[relay]\nhost = 127.0.0.1\n", 0o666, 78, CONF, True),
    ("a directory", "/", 0o755, 78, CONF, True),
)


def config(text, mode, code, pattern, kept):
    with Jail("config") as jail:
        if text == "/":
            os.mkdir(jail.dir + CONF)
        elif text is not None:
            put(jail.dir + CONF, text, mode)
        result = jail.run_as("ann", "sendmail", *ARGS, feed=MESSAGE)
        same("exit", (result.code, result.out), (code, ""))
        match("stderr", pattern, result.err)
        no_match("stderr", "pass-in-conf", result.err)
        jail.wait_quiet()
        same("kept", len(jail.entries("failed")), int(kept))
        same("held", jail.entries(), [])
        for id_ in jail.entries("failed"):
            info = os.lstat(jail.path(id_, "failed"))
            same("owner", (info.st_uid, info.st_gid), (ANN, POSTERN))
            with open(jail.path(id_, "failed"), "rb") as file:
                check(b"\r\n\r\nHello.\r\n" in file.read(), "the message is not whole")


# The secret

def forms(secret):
    """All that must be seen nowhere."""
    plain = secret.encode()
    found = {plain, plain.hex().encode(), plain.hex().upper().encode(), quote(secret).encode(),
             base64.b64encode(plain), base64.b64encode(f"\0{LOGIN}\0{secret}".encode()),
             base64.b64encode(plain).rstrip(b"=")}
    for before in (b"", b"x", b"xx", f"\0{LOGIN}\0".encode()):
        cut = len(before) % 3
        code = base64.b64encode(b"x" * cut + plain).rstrip(b"=")
        found.add(code[4 if cut else 0:-1])
    return found


def search(places, secret=PASSWORD):
    for place, text in places:
        for form in forms(secret):
            check(form not in text, f"the secret ({form!r}) is in {place}: {text[-400:]!r}")


def everywhere(jail):
    """All that was printed, logged and written."""
    places = [("syslog", jail.log().encode())]
    for program, args, result in jail.calls:
        places += [(f"stdout of {program} {args}", result.out_bytes),
                   (f"stderr of {program} {args}", result.err_bytes)]
    for top in ("spool", "tmp", "home", "run"):
        for where, _, names in os.walk(f"{jail.dir}/{top}"):
            for name in names:
                path = os.path.join(where, name)
                if stat.S_ISREG(os.lstat(path).st_mode):
                    with open(path, "rb") as file:
                        places.append((path, file.read()))
    return places


def sample(jail):
    """Command lines and environments of all our processes."""
    places = []
    for pid in jail.strays():
        for what in ("cmdline", "environ"):
            try:
                with open(f"/proc/{pid}/{what}", "rb") as file:
                    places.append((f"{what} of {pid}", file.read()))
            except OSError:
                continue
    return places


PLAIN_LINE = "AUTH PLAIN " + base64.b64encode(f"\0{LOGIN}\0{PASSWORD}".encode()).decode()
PLAIN_HEX = PASSWORD.encode().hex()
# name, rules of the relay, further keys; the outcome of the first message
SECRETS = (
    ("good login", (), {}, True),
    ("PLAIN is good", (), {"auth": "PLAIN"}, True),
    ("PLAIN is refused, and repeated", (f"AUTH reply 535 5.7.8 bad: {PLAIN_LINE}",),
     {"auth": "PLAIN"}, False),
    ("PLAIN is refused, and repeated in clear", (
        f"AUTH reply 535-5.7.8 bad password {LOGIN} {PASSWORD}\\r\\n535 5.7.8 {PLAIN_HEX}",),
     {"auth": "PLAIN"}, False),
    ("LOGIN is refused, and repeated", (
        f"LOGIN reply 535 5.7.8 {base64.b64encode(PASSWORD.encode()).decode()}",),
     {"auth": "LOGIN"}, False),
    ("another password", ("LOGIN reply 535 5.7.8 Error",), {}, False),
    ("a log file", (f"AUTH reply 535 5.7.8 bad: {PLAIN_LINE}",), {"auth": "PLAIN"}, False),
)


def secret(name, rules, keys, good):
    with Jail("secret " + name) as jail:
        conf = {}
        if name == "a log file":
            put(jail.dir + "/run/postern/log", "", 0o660, 0, POSTERN)
            conf["log.to"] = "/run/postern/log"
        relay = jail.secure(*[x for r in rules for x in ("--on", r)], conf=conf, **keys)
        result = jail.run_as("ann", "sendmail", *ARGS, feed=MESSAGE)
        same("exit", result.code, 0)
        same("accepted", len(relay.accepted()), int(bool(good)))
        for user in ("ann", "root"):
            jail.run_as(user, "sendmail", "-v", *ARGS, feed=MESSAGE)
            jail.run_as(user, "flushq", "-v", "--all")
            for args in ((), ("-v",), ("--json",), ("--failed", "-v"), ("--failed", "--json")):
                jail.run_as(user, "mailq", *args)
            for room in ("hold", "failed"):
                for id_ in jail.entries(room):
                    jail.run_as(user, "mailq", "--show", id_)
            jail.run_as(user, "sendmail", "--check")
            jail.run_as(user, "sendmail", "--dry-run", *ARGS, feed=MESSAGE)
        jail.wait_quiet()
        jail.check_log()
        places = everywhere(jail)
        check(any(b"from=" in text for place, text in places
                  if place.endswith("log")), "nothing was logged")
        search(places)


def secret_file(name, mode, uid, gid):
    """A password file that is not as it should be is not used; the mail waits."""
    with Jail("secret file") as jail:
        relay = jail.secure()
        if mode is None:
            os.unlink(jail.dir + SECRET_FILE)
        else:
            os.chown(jail.dir + SECRET_FILE, uid, gid)
            os.chmod(jail.dir + SECRET_FILE, mode)
        jail.send_as("ann")
        jail.wait_quiet()
        same("logins", [c for c in relay.commands() if c.upper().startswith("AUTH")], [])
        same("held", len(jail.entries()), 1)
        match(name, "postern.secret", jail.run_as("ann", "mailq").out)
        search(everywhere(jail))


def stalled_login(check_it, *args, auth="PLAIN"):
    """check_it(jail, pid of flushq) while the server keeps ann's flushq waiting for the verdict
    on its password."""
    with Jail("stalled") as jail:
        relay = jail.secure("--on", "AUTH stall", auth=auth, timeout="30s")
        core = [(resource.RLIMIT_CORE, resource.getrlimit(resource.RLIMIT_CORE)[1])]
        call = jail.begin_as("ann", "sendmail", "-v", *ARGS, feed=MESSAGE,
                             limits=core).fed()
        end = time.monotonic() + 15
        while not any(c.startswith("AUTH") for c in relay.commands()):
            check(time.monotonic() < end, "no login")
            time.sleep(0.01)
        pid = jail.named("flushq")
        search(sample(jail))
        check_it(jail, pid, *args)
        jail.end_strays()
        result = call.wait(15)
        jail.calls.append(("sendmail", ("-v",), result))
        jail.wait_quiet()
        same("held", len(jail.entries()), 1)
        search(everywhere(jail))


def peek(pid, ptrace):
    """What a debugger of the same user would try: what was let through."""
    open_to = []
    for name, mode in (("mem", os.O_RDONLY), ("mem", os.O_RDWR), ("environ", os.O_RDONLY),
                       ("auxv", os.O_RDONLY), ("maps", os.O_RDONLY), ("syscall", os.O_RDONLY)):
        try:
            fd = os.open(f"/proc/{pid}/{name}", mode)
            if os.read(fd, 1) or name == "mem":
                open_to.append(name)
            os.close(fd)
        except OSError:
            pass
    for name in ("fd", "map_files"):
        try:
            open_to += [f"{name}/{n}" for n in os.listdir(f"/proc/{pid}/{name}")]
        except OSError:
            pass
    for name in ("cwd", "root", "exe"):
        try:
            os.readlink(f"/proc/{pid}/{name}")
            open_to.append(name)
        except OSError:
            pass
    for request in (16, 0x4206):  # PTRACE_ATTACH, PTRACE_SEIZE
        if ptrace(request, pid, None, None) == 0:
            open_to.append(f"ptrace {request:#x}")
    buffer = ctypes.create_string_buffer(8)
    for limit in (resource.RLIMIT_CORE, resource.RLIMIT_NOFILE):
        try:
            resource.prlimit(pid, limit, (7, 7))
            open_to.append("prlimit")
        except OSError:
            pass
    pidfd = os.pidfd_open(pid)
    if LIBC.syscall(438, pidfd, 3, 0) >= 0:  # pidfd_getfd
        open_to.append("pidfd_getfd")
    vector = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 8)
    if LIBC.process_vm_readv(pid, vector, 1, vector, 1, 0) >= 0:
        open_to.append("process_vm_readv")
    return open_to


def debugger(jail, pid):
    LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    same("open to its user", jail.function_as("ann", lambda: peek(pid, LIBC.ptrace)), [])


def debugger_on_post():
    with Jail("debugger") as jail:
        jail.simple()
        with jail.post_as("ann") as talk:
            talk.expect("H")
            talk.raw(b"".join(talk.record(*r) for r in message_records(end=False)))
            debugger(jail, talk.call.pid)


def crash(jail, pid, number):
    """No core file, whatever limits ann asked for."""
    jail.function_as("ann", lambda: os.kill(pid, number))
    end = time.monotonic() + 5
    while any(p == pid for p, _ in jail.processes()):
        check(time.monotonic() < end, "it survived")
        time.sleep(0.01)
    with open("/proc/sys/kernel/core_pattern", encoding="ascii") as file:
        pattern = file.read().strip()
    where = [jail.dir + "/" + n for n in ("spool", "tmp", "home", "run")]
    if pattern.startswith("/"):
        where.append(os.path.dirname(pattern))
    for top in where:
        for place, _, names in os.walk(top):
            found = [n for n in names if n == "core" or n.startswith("core.")
                     or n.endswith(f".{pid}")]
            same(f"core files in {place}", found, [])
    check(not os.path.exists("/core") and not os.path.exists(f"/core.{pid}"), "a core file in /")


# What lies around

def tree():
    """Nothing that root runs can be written by others, nothing but post is set-id."""
    with Jail("tree") as jail:
        special, count = [], 0
        for where, folders, names in os.walk(install() + PATHS["prefix"]):
            for name in folders + names:
                path = os.path.join(where, name)
                info = os.lstat(path)
                count += 1
                if stat.S_ISLNK(info.st_mode):
                    check(os.path.exists(path), f"{path} leads nowhere")
                    continue
                check(info.st_uid == 0 and not info.st_mode & 0o022,
                      f"{path}: owner {info.st_uid}, mode {info.st_mode:o}")
                check(info.st_gid == 0 or not info.st_mode & 0o020, f"{path}: group writes")
                if info.st_mode & 0o6000:
                    special.append((path.rpartition(PATHS["prefix"])[2], oct(info.st_mode & 0o7777),
                                    info.st_gid))
        check(count > 5, "nothing installed")
        same("set-id", special, [(POST[len(PATHS["prefix"]):], oct(0o2755), POSTERN)])
        jail.simple()
        jail.send_as("ann", *HELD)
        for where, folders, names in os.walk(jail.spool):
            for name in folders + names:
                info = os.lstat(os.path.join(where, name))
                check(not info.st_mode & 0o6007, f"{name}: mode {info.st_mode:o}")
        with open(install() + POST, "rb") as file:
            text = file.read()
        if not SANITIZED:
            libraries = set(re.findall(rb"lib[a-z]+[-\w.+]*\.so[.\d]*", text))
            check(all(re.match(rb"lib(c|pthread|rt|dl|resolv)\.|libc\.musl", n) for n in libraries),
                  f"post is linked with {libraries}")


def jobs():
    users = [("set-gid", u) for u in USERS if u != "postern"]
    users += [("NoNewPrivileges", u) for u in ("ann", "nobody", "ghost")]
    users += [("no set-gid", u) for u in ("ann", "root")]
    yield from ((f"from {u}, {w}", lambda u=u, w=w: from_user(u, w)) for w, u in users)
    for nnp in (False, True):
        yield f"-bs{', NoNewPrivileges' if nnp else ''}", lambda n=nnp: session("ann", n)
        yield f"-bs ahead{', NoNewPrivileges' if nnp else ''}", lambda n=nnp: ahead("ann", n)
    yield "the socket of systemd", inetd_of_systemd
    yield "many at once", many
    for way in ("set-gid", "socket"):
        yield f"views, {way}", lambda w=way: views(w)
    for row in ACTIONS:
        yield f"flushq {row[1]} by {row[0]}", lambda r=row: action(*r)
    for row in (ACTIONS[0], ACTIONS[3], ACTIONS[7], ACTIONS[16]):
        yield f"flushq {row[1]} by {row[0]}, socket", lambda r=row: action(*r, way="socket")
    yield "a spool that is linked elsewhere", linked_spool
    for row in SERVICES:
        yield f"service: {row[0]}", lambda r=row: service(*r[1:])
    for row in CONNECTIONS:
        yield f"connects: {row[0]}", lambda r=row: connection(*r[1:])
    yield "personal mode by -C", lambda: personal(True)
    yield "personal mode by the own file", lambda: personal(False)
    yield "the sender's own file", own_file_of_the_sender
    for row in CLOSED:
        yield f"closed: {row[0]}", lambda r=row: closed(*r)
    for row in FULL:
        yield f"full: {row[0]}", lambda r=row: full(r[1])
    yield "full: the last hundredth of the files", last_hundredth
    for row in HIDDEN:
        for user in ("ann", "root"):
            for gate in (True, False):
                yield (f"hidden: {row[0]}, {user}, {'socket' if gate else 'no socket'}",
                       lambda r=row, u=user, g=gate: hidden(*r[1:], u, g))
    for gate in (False, True):
        yield f"root is shut out, {'socket' if gate else 'no socket'}", lambda g=gate: shut_out(g)
    for age in (35, 37):
        yield f"post was killed, {age} h ago", lambda a=age: killed_between(a)
    for row in LOOKING:
        yield f"looking: {row[0]}", lambda r=row: looking(*r[1:])
    for row in CONFIGS:
        yield f"configuration: {row[0]}", lambda r=row: config(*r[1:])
    for row in SECRETS:
        yield f"secret: {row[0]}", lambda r=row: secret(*r)
    for row in (("missing", None, 0, 0), ("open to all", 0o644, 0, POSTERN),
                ("closed to postern", 0o600, 0, 0)):
        yield f"secret file: {row[0]}", lambda r=row: secret_file(*r)
    yield "a debugger on flushq", lambda: stalled_login(debugger)
    yield "a debugger on post", debugger_on_post
    for number in (signal.SIGABRT, signal.SIGSEGV, signal.SIGQUIT):
        yield f"a crash, {number.name}", lambda n=number: stalled_login(crash, n)
    yield "what is installed", tree
    yield from system_attacks.jobs()
    yield from system_door.jobs(debugger)
    yield from system_post.jobs()
    yield from system_setid.jobs()
    yield from system_trust.jobs()


if __name__ == "__main__":
    run_all(list(jobs()))
