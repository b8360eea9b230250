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
       "XDG_STATE_HOME": VOLUME}
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


class Place(Jail):
    def __init__(self, name, mount=GOOD, mode="0444", group=0, conf=None, **keys):
        super().__init__(name, last=MOUNTED.format(volume=VOLUME, secrets=SECRETS, mount=mount,
                                                   password=SIMPLE, mode=mode, group=group))
        self.server = self.relay("--user", LOGIN, "--password", SIMPLE, "--require-auth",
                                 "--require-tls", cert="server")
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


def jobs():
    for row in VOLUMES:
        yield f"volume: {row[0]}", lambda r=row: volume(*r[1:])


if __name__ == "__main__":
    run_all(list(jobs()))
