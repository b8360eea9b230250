#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Places that are made for one program, as containers are: a user that is in no file, without a
home and without a privilege to gain; nothing that can be written but a volume, no syslog, no
/tmp; configuration and password are mounted, as Kubernetes does it."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from jail import *  # pylint: disable=wildcard-import,unused-wildcard-import,wrong-import-position

VOLUME, SECRETS = "/mnt/state", "/mnt/secrets"
ENV = {"HOME": "/", "USER": None, "LOGNAME": None, "UID": None, "XDG_CONFIG_HOME": "/etc",
       "XDG_STATE_HOME": VOLUME, "PATH": f"/usr/bin:/bin:{PATHS['sbindir']}:{PATHS['bindir']}"}
# What is done before anything of ours is run.
MOUNTED = """
mount -t tmpfs none /mnt
mkdir -p {volume} {secrets}
{mount}
mount -t tmpfs none {secrets}
cd {secrets}
mkdir ..2026_11
printf '%s\\n' '{password}' >..2026_11/smtp
chown 0:{group} ..2026_11/smtp
chmod {mode} ..2026_11/smtp
ln -s ..2026_11 ..data
ln -s ..data/smtp smtp
mount -o remount,ro {secrets}
mount -o remount,bind,ro /mnt
rm -f /dev/log
mount -t tmpfs -o mode=0,ro none /tmp
mount -o remount,bind,ro /
cd /
"""
TMPFS = "mount -t tmpfs -o %s none " + VOLUME
GOOD = TMPFS % "mode=0777"
SIMPLE = "open sesame"
SERVER = ("--user", LOGIN, "--password", SIMPLE, "--require-auth", "--require-tls")


class Place(Jail):
    def __init__(self, name, mount=GOOD, mode="0444", group=0, conf=None, **keys):
        super().__init__(name, last=MOUNTED.format(volume=VOLUME, secrets=SECRETS, mount=mount,
                                                   password=SIMPLE, mode=mode, group=group))
        self.server = self.relay(*SERVER, cert="server")
        shutil.copy(certificates() + "/ca.pem", self.dir + "/etc/relay-ca.pem")
        os.chmod(self.dir + "/etc/relay-ca.pem", 0o644)
        more = {"log.to": "stderr", **(conf or {})}
        self.configure(dict({"port": self.server.port, "security": "starttls", "user": LOGIN,
                             "password_file": SECRETS + "/smtp", "tls_name": "relay.test",
                             "tls_trust": "/etc/relay-ca.pem"}, **keys), conf=more)

    def call(self, program, *args, env=None, **more):
        return self.run_as("ghost", program, *args, nnp=True, env={**ENV, **(env or {})}, **more)

    def check_output(self, program, result):
        """The log goes to standard error, too."""


# Where the hold is: how it is mounted; what is said if it cannot be used
VOLUMES = (
    ("as Kubernetes has it", GOOD, None),
    ("as Kubernetes has it, for a group", TMPFS % f"mode=2777,gid={GHOST}", None),
    ("a disk of Kubernetes, for a group", TMPFS % f"mode=2775,gid={GHOST}", None),
    ("sticky", TMPFS % "mode=1777", None),
    ("of the user's own", TMPFS % f"mode=0700,uid={GHOST}", None),
    ("a folder of the machine", f"mkdir /mnt/x; chmod 0777 /mnt/x; mount --bind /mnt/x {VOLUME}",
     None),
    ("a folder of the image", f"chmod 0777 {VOLUME}",
     r"others can write to it \(owner root, mode 0777\)"),
    ("another user's", TMPFS % f"mode=0777,uid={BOB}",
     r"it is another user's \(owner bob, mode 0777\)"),
    ("closed", TMPFS % "mode=0755", "cannot create directory /mnt/state/postern: Permission"),
    ("read-only", TMPFS % "mode=0777,ro", "cannot create directory .*: Read-only file system"),
)


def volume(mount, wrong):
    """The check says before what becomes of a message."""
    with Place("volume", mount) as place:
        before = place.call("sendmail", "--check").out
        result = place.call("sendmail", *ARGS, feed=MESSAGE)
        if wrong:
            match("the check", r"\n  FAILED +(the )?hold: .*\n  to do ", before)
            match("said", f"^sendmail: the hold: {wrong}", result.err)
            same("lines", result.err.count("\n"), 1)
            check(result.code in (73, 77, 78), f"exit {result.code}")
            return
        match("the check", rf"\n  hold +{VOLUME}/postern is made with the first message\n", before)
        same("exit", result.code, 0)
        place.wait_quiet()
        same("sent", len(place.server.accepted()), 1)
        match("the log", r"status=accepted.*\n.*status=delivered", result.err)
        report = place.call("sendmail", "--check").out
        for row in (rf"hold +{VOLUME}/postern, ", "post +not needed", "log +standard error",
                    rf"password +{SECRETS}/smtp: all in this container can read it",
                    r"login +\d+ ms  SCRAM"):
            match("the check", rf"\n  {row}", report)
        no_match("the check", "FAILED", report)


# How the secret is mounted: mode and group; what the check says of it, and does not
HANDED = (
    ("as it comes", "0444", 0, r"password +\S+/smtp: all in this container", "FAILED"),
    ("for fsGroup", "0440", GHOST, r"login +\d+ ms  SCRAM", "all in this|FAILED"),
    ("for root", "0400", 0, r"FAILED .*\(owner root, mode 0400\): Permission denied\n  to do +"
     rf"it has to be yours: chown {GHOST} \S+/smtp && chmod 600 \S+/smtp, where it is handed to "
     "this container", "all in this"),
)


def handed(mode, group, said, never):
    with Place("handed", mode=mode, group=group) as place:
        report = place.call("sendmail", "--check").out
        match("the check", rf"\n  {said}", report)
        no_match("the check", never, report)
        place.call("sendmail", *ARGS, feed=MESSAGE)
        place.wait_quiet()
        same("sent", len(place.server.accepted()), int("FAILED" in never))


ENTRY = PATHS["datarootdir"].replace("${prefix}", PATHS["prefix"]) + "/postern/entry"
# They keep a message, whatever the relay does.
KEEP = "printf 'Subject: kept\\n\\ntext\\n' | sendmail -odq b@dest.example"


def entered(place, *argv, flush=None, limit=30, env=None, **more):
    """How it ends, and what it says beside the log."""
    result = place.call(ENTRY, *argv, limit=limit, env={"POSTERN_FLUSH": flush, **(env or {})},
                        **more)
    return result.code, result.out, re.sub(r"^(sendmail|flushq): id=.*\n", "", result.err, flags=re.M)


def runs_a_command():
    with Place("command") as place:
        same("as it is", entered(place, "sh", "-c", 'cat; echo "$1" >&2; exit 3', "sh", "a  b",
                                 feed=b"input\n"), (3, "input\n", "a  b\n"))
        same("no input", entered(place, "cat", close=(0,))[:2], (0, ""))
        same("not there", entered(place, "/nonexistent/program")[0], 127)
        same("sent", place.server.accepted(), [])


def tries_meanwhile():
    with Place("meanwhile") as place:
        script = f'{KEEP}; until test "$(mailq --count)" = 0; do sleep 0.1; done; echo gone'
        same("sent", entered(place, "sh", "-c", script, flush="1"), (0, "gone\n", ""))
        same("once", len(place.server.accepted()), 1)


def tries_at_the_end():
    with Place("the end") as place:
        place.server.stop()
        same("held", entered(place, "sh", "-c", KEEP, flush="600"),
             (0, "", "postern: still held: 1\n"))
        place.server.start(*SERVER, cert="server")
        # A server that was dead is asked again.
        same("sent", entered(place, "false", flush="600"), (1, "", ""))
        same("once", len(place.server.accepted()), 1)


def is_told_to_end(number, argv, code, out):
    with Place("told") as place:
        call = place.begin_as("ghost", ENTRY, *argv, nnp=True, env={**ENV, "POSTERN_FLUSH": "600"})
        end = time.monotonic() + 20
        while [n for _, n in place.processes()].count("sleep") < 1 + len(argv[:1]):
            check(time.monotonic() < end, "it does not begin")
            time.sleep(0.05)
        place.call("sendmail", "-odq", *ARGS, feed=MESSAGE)
        os.kill(call.pid, number)
        result = call.wait(20)
        same("end", (result.code, result.out), (code, out))
        same("sent before", len(place.server.accepted()), 1)


def first_process():
    """What others have left behind is not left as zombies."""
    script = """sh -c 'sleep 0.2 & sleep 0.2 &'; sleep 1
        cat /proc/[0-9]*/stat 2>/dev/null | grep -c ' Z ' """
    with Place("first", mount=GOOD) as place:
        result = place.run_as("root", "unshare", "-p", "-f", "--mount-proc", ENTRY, "sh", "-c",
                              script, env={"PATH": ENV["PATH"]}, limit=30)
        same("zombies", (result.code, result.out, result.err), (1, "0\n", ""))


# What is missing: how it is mounted, the environment; exit code, and the one line that says it;
# another configuration
LACKS = (
    ("a number of seconds", GOOD, {"POSTERN_FLUSH": "2m"}, 64,
     "postern: POSTERN_FLUSH=2m is no number of seconds"),
    ("a second", GOOD, {"POSTERN_FLUSH": "00"}, 64,
     "postern: POSTERN_FLUSH=00 is no number of seconds"),
    ("a number that can be waited for", GOOD, {"POSTERN_FLUSH": "9" * 20}, 64,
     "postern: POSTERN_FLUSH=9{20} is no number of seconds"),
    ("a relay", GOOD, {}, 78, r"sendmail: /etc/postern\.conf:\d+: no relay; .*", ("", 0o644)),
    ("a configuration that can be read", GOOD, {}, 78,
     r"sendmail: /etc/postern\.conf:1: cannot be read: Permission denied", ("", 0o600)),
    ("a volume", "true", {}, 73,
     r"flushq: the hold: cannot create directory /mnt/state/postern: Read-only file system"),
    ("a volume for this user", TMPFS % "mode=0755", {}, 77,
     r"flushq: the hold: cannot create directory /mnt/state/postern: Permission denied"),
    ("a word for where the hold is", GOOD, {"XDG_STATE_HOME": None, "HOME": None}, 78,
     r"flushq: /etc/postern\.conf: no hold: set directory in \[hold\], or HOME"),
    ("a configuration of the user's own", GOOD, {"XDG_CONFIG_HOME": None}, 77,
     r"flushq: not permitted to use the system's hold \(.*"),
)


def unusable():
    """A message that comes while the file has faults: where it would be kept is not there."""
    with Place("unusable") as place:
        put(place.dir + CONF, "[relay]\nhots = a\n", 0o644)
        result = place.call("sendmail", *ARGS, feed=MESSAGE)
        same("exit", result.code, 78)
        match("said", r"\nsendmail: the message is not kept: no hold is there yet, and none is made "
              r"with faults in /etc/postern\.conf\n$", result.err)


def lacks(mount, env, code, line, conf=None):
    with Place("lack", mount=mount) as place:
        if conf:
            put(place.dir + CONF, *conf)
        got, out, err = entered(place, "echo", "begun", env=env)
        same("end", (got, out), (code, ""))
        check(re.fullmatch(line + "\n", err), f"{err!r}")


def jobs():
    for row in VOLUMES:
        yield f"volume: {row[0]}", lambda r=row: volume(*r[1:])
    for row in HANDED:
        yield f"secret: {row[0]}", lambda r=row: handed(*r[1:])
    yield "a faulty configuration, and no hold yet", unusable
    yield "entry: a command", runs_a_command
    yield "entry: meanwhile", tries_meanwhile
    yield "entry: at the end", tries_at_the_end
    waits = ("sh", "-c", "trap 'echo told; exit 7' TERM; sleep 60 >/dev/null 2>&1 & wait")
    for number in (signal.SIGTERM, signal.SIGINT):
        yield (f"entry: {number.name} for a command",
               lambda n=number: is_told_to_end(n, waits, 7, "told\n"))
        yield f"entry: {number.name}", lambda n=number: is_told_to_end(n, (), 0, "")
    yield "entry: the first process", first_process
    for row in LACKS:
        yield f"entry lacks {row[0]}", lambda r=row: lacks(*r[1:])


if __name__ == "__main__":
    run_all(list(jobs()))
