# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and folders that somebody else could have made, or could change: a configuration, the
system's or a user's, and a user's own hold. Nothing in them may count."""

from jail import *  # pylint: disable=wildcard-import,unused-wildcard-import

CONF_TEXT = """[mail]
hostname = own.jail.example
[delivery]
online = /tmp/evil
[hold]
directory = {hold}
[log]
to = /tmp/log-of-it
[relay]
host = 127.0.0.1
port = {port}
security = none
user = u
password_command = /tmp/evil
allow_cleartext_auth = yes
"""
EVIL = "#!/bin/sh\nid >>/tmp/ran\necho secret\n"
CALLS = (("sendmail", *ARGS), ("sendmail", "--dry-run", *ARGS), ("sendmail", "-bv", "b@dest.example"),
         ("sendmail", "--check"), ("sendmail", "-bp"), ("sendmail", "-q"), ("mailq",),
         ("mailq", "--json"), ("flushq",), ("flushq", "--all"), ("flushq", "--remove", "all"))


def prepare(jail, uid, mode, path, hold="/tmp/hold-of-it"):
    """A relay that nobody must reach, and a file that names it."""
    other = jail.relay()
    put(jail.dir + "/tmp/evil", EVIL, 0o755)
    put(jail.dir + path, CONF_TEXT.format(port=other.port, hold=hold), mode, uid, uid)
    return other


def check_unbelieved(jail, other):
    jail.wait_quiet()
    same("the other relay", other.events("connect"), [])
    for name in ("ran", "log-of-it", "hold-of-it"):
        check(not os.path.lexists(f"{jail.dir}/tmp/{name}"), f"{name} was made")
    jail.check_spool()


# The system's file: owner, mode, what is said; as a link: of the name, and owner of the file
SYSTEM = (
    ("owned by the caller", ANN, 0o644, "it is another user's (owner ann, mode 0644)"),
    ("owned by another user", BOB, 0o644, "it is another user's (owner bob, mode 0644)"),
    ("owned by postern", POSTERN, 0o640, "it is another user's (owner postern, mode 0640)"),
    ("owned by nobody", NOBODY, 0o644, "it is another user's (owner nobody, mode 0644)"),
    ("writable for all", 0, 0o646, "others can write to it (owner root, mode 0646)"),
    ("writable for a group", 0, 0o664, "others can write to it (owner root, mode 0664)"),
)


def system(uid, mode, text, link):
    """By anybody, the message is kept and nothing of the file counts."""
    with Jail("system's file") as jail:
        path = "/etc/real.conf" if link else CONF
        other = prepare(jail, uid, mode, path)
        os.chmod(jail.dir + path, mode)
        os.chown(jail.dir + path, uid, 0)
        if mode == 0o640:
            os.chown(jail.dir + path, uid, ANN)
        if link:
            os.symlink("real.conf", jail.dir + CONF)
        for user in ("ann", "root") if mode != 0o640 else ("ann",):
            result = jail.run_as(user, "sendmail", *ARGS, feed=MESSAGE)
            same("exit", (result.code, result.out), (78, ""))
            check(f"{CONF}:1: {text}; run: ch" in result.err
                  or f"{CONF}:1: {text}, and must be root's; run: chown root {CONF}"
                  in result.err, f"stderr: {result.err!r}")
            for program, *args in CALLS[3:]:
                code = jail.run_as(user, program, *args).code
                same(f"{program} {args} by {user}", code,
                     0 if program == "mailq" or args in (["-bp"], ["--remove", "all"]) else 78)
        check_unbelieved(jail, other)


def own(user, uid, mode, path, text, option, link=False):
    """A user's file, or root's -C."""
    with Jail("own file") as jail:
        relay = jail.simple()
        real = "/tmp/real.conf" if link else path
        other = prepare(jail, uid, mode, real)
        if link:
            folder(os.path.dirname(jail.dir + path), 0o755, *USERS[user][:2])
            os.symlink(real, jail.dir + path)
        wanted = f"{path}:1: {text}"
        for program, *args in CALLS:
            more = ("-C", path) if option else ()
            result = jail.run_as(user, program, *more, *args, feed=MESSAGE)
            same(f"{program} {args}", (result.code, result.out), (78, ""))
            check(result.err.startswith(f"{program}: {wanted}")
                  or f"\n{program}: {wanted}" in "\n" + result.err
                  or wanted in result.err, f"stderr: {result.err!r}")
        same("sent", relay.events("connect"), [])
        same("held", jail.entries() + jail.entries("failed"), [])
        check_unbelieved(jail, other)


HOME = "/home/ann/.config/postern.conf"
BOBS = "it is another user's (owner bob, mode 0644), and must belong to you (uid {}) or root: "
OPEN = "others can write to it (owner ann, mode {}); run: chmod go-w "
OWN = (
    ("bob's", "ann", BOB, 0o644, HOME, BOBS.format(ANN), False),
    ("writable for all", "ann", ANN, 0o666, HOME, OPEN.format("0666"), False),
    ("writable for a group", "ann", ANN, 0o620, HOME, OPEN.format("0620"), False),
    ("a link to bob's", "ann", BOB, 0o644, HOME, BOBS.format(ANN), False, True),
    ("-C, bob's", "ann", BOB, 0o644, "/tmp/own.conf", BOBS.format(ANN), True),
    ("-C, writable for all", "ann", ANN, 0o602, "/tmp/own.conf", OPEN.format("0602"), True),
    ("-C by root, bob's", "root", BOB, 0o644, "/tmp/own.conf",
     "it is another user's (owner bob, mode 0644), and must be root's; run: chown root ", True),
    ("-C by root, a link to bob's", "root", BOB, 0o644, "/tmp/link/own.conf",
     "it is another user's (owner bob, mode 0644), and must be root's; run: chown root ", True,
     True),
)


def roots_file():
    """Root may set a user up."""
    with Jail("root's file") as jail:
        jail.simple()
        own_relay = jail.relay()
        put(jail.dir + "/tmp/online", "#!/bin/sh\nid -un >>/home/ann/ran\n", 0o755)
        put(jail.dir + "/tmp/own.conf", "[delivery]\nonline = /tmp/online\n"
            + PERSONAL.format(port=own_relay.port, hold="/home/ann/hold"))
        jail.send_as("ann", "-C", "/tmp/own.conf", *ARGS)
        own_relay.wait_for("message")
        jail.wait_quiet()
        same("flushq", jail.run_as("ann", "flushq", "-C", "/tmp/own.conf").code, 0)
        with open(jail.dir + "/home/ann/ran", encoding="ascii") as file:
            same("ran as", set(file.read().split()), {"ann"})


# A user's own hold: folders that are made (path, uid, mode), links (path, to, uid), the hold,
# and what is said of it; None: it is good
HOLD = "/tmp/x/hold"
HOLDS = (
    ("missing", (), (), HOLD, None),
    ("there", (("/tmp/x", ANN, 0o755), (HOLD, ANN, 0o700)), (), HOLD, None),
    ("root's folder above it", (("/tmp/x", 0, 0o755), (HOLD, ANN, 0o700)), (), HOLD, None),
    ("a sticky folder above it", (("/tmp/x", 0, 0o1777), (HOLD, ANN, 0o700)), (), HOLD, None),
    ("readable", (("/tmp/x", ANN, 0o755), (HOLD, ANN, 0o755)), (), HOLD, None),
    ("her group's folder above it", (("/tmp/x", ANN, 0o775), (HOLD, ANN, 0o700)), (), HOLD, None),
    ("her link", (("/tmp/y", ANN, 0o755), ("/tmp/y/hold", ANN, 0o700)), (("/tmp/x", "y", ANN),),
     HOLD, None),
    ("open to all", (("/tmp/x", ANN, 0o755), (HOLD, ANN, 0o777)), (), HOLD,
     r"others can write to it \(owner ann, mode 0777\); run: chmod go-w /tmp/x/hold$"),
    ("open to a group", (("/tmp/x", ANN, 0o755), (HOLD, ANN, 0o770)), (), HOLD,
     r"others can write to it \(owner ann, mode 0770\); run: chmod go-w /tmp/x/hold$"),
    ("sticky", (("/tmp/x", ANN, 0o755), (HOLD, ANN, 0o1777)), (), HOLD,
     r"others can write to it \(owner ann, mode 1777\)"),
    ("bob's", (("/tmp/x", ANN, 0o755), (HOLD, BOB, 0o777)), (), HOLD,
     r"it is another user's \(owner bob, mode 0777\)"),
    ("an open folder above it", (("/tmp/x", ANN, 0o777), (HOLD, ANN, 0o700)), (), HOLD,
     r"others can write to it \(owner ann, mode 0777\); run: chmod go-w /tmp/x$"),
    ("a group's folder above it", (("/tmp/x", 0, 0o775), (HOLD, ANN, 0o700)), (), HOLD,
     r"others can write to it \(owner root, mode 0775\)"),
    ("bob's folder above it", (("/tmp/x", BOB, 0o755), (HOLD, ANN, 0o700)), (), HOLD,
     r"it is another user's \(owner bob, mode 0755\).*: /tmp/x$"),
    ("bob's folder above it, missing", (("/tmp/x", BOB, 0o777),), (), HOLD,
     r"it is another user's \(owner bob, mode 0777\)"),
    ("bob's link", (("/tmp/y", ANN, 0o755), ("/tmp/y/hold", ANN, 0o700)),
     (("/tmp/x", "y", BOB),), HOLD, r"it is another user's \(owner bob, mode 0777\).*: /tmp/x$"),
    ("a room open to all", (("/tmp/x", ANN, 0o755), (HOLD, ANN, 0o700),
                            (HOLD + "/hold", ANN, 0o777)), (), HOLD,
     r"others can write to it \(owner ann, mode 0777\); run: chmod go-w /tmp/x/hold/\*$"),
    ("a room of bob's", (("/tmp/x", ANN, 0o755), (HOLD, ANN, 0o700),
                         (HOLD + "/state", BOB, 0o777)), (), HOLD,
     r"it is another user's \(owner bob, mode 0777\)"),
)


def hold(folders, links, path, pattern):
    with Jail("own hold") as jail:
        jail.simple()
        relay = jail.relay()
        for name, uid, mode in folders:
            folder(jail.dir + name, mode, uid, uid if uid else CAROL)
        for name, to, uid in links:
            os.symlink(to, jail.dir + name)
            os.lchown(jail.dir + name, uid, uid)
        put(jail.dir + HOME, PERSONAL.format(port=relay.port, hold=path), 0o600, ANN, ANN)
        os.chown(jail.dir + "/home/ann/.config", ANN, ANN)
        for program, *args in (("sendmail", *ARGS), ("mailq",), ("flushq",)):
            result = jail.run_as("ann", program, *args, feed=MESSAGE)
            same(program, (result.code, result.out if pattern else ""), (78 if pattern else 0, ""))
            if pattern:
                match(program, rf"^{program}: the hold: ", result.err)
                match(program, pattern, result.err.strip())
                same("lines", result.err.count("\n"), 1)
        if not pattern:
            relay.wait_for("message")
        jail.wait_quiet()
        same("messages", len(relay.accepted()), int(not pattern))
        jail.check_spool()


PERSONAL = """[mail]
hostname = own.jail.example
[hold]
directory = {hold}
[log]
to = none
[relay]
host = 127.0.0.1
port = {port}
security = none
"""


def jobs():
    for row in SYSTEM:
        for link in (False, True):
            yield (f"trust: the system's file, {row[0]}{', a link' if link else ''}",
                   lambda r=row, k=link: system(*r[1:], k))
    for row in OWN:
        yield f"trust: own file, {row[0]}", lambda r=row: own(*r[1:])
    yield "trust: root's file for a user", roots_file
    for row in HOLDS:
        yield f"trust: hold, {row[0]}", lambda r=row: hold(*r[1:])
