#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""oauth in system mode: the login is root's to make, the tokens are postern's, in the hold's
state/, and nobody else sees them or asks for one."""

import os
import re
import shutil
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
from jail import *  # pylint: disable=wildcard-import,unused-wildcard-import
from oauth_provider import Provider, error
from oauth_setting import CERTS, THERE, USER

CA = "/etc/provider-ca.pem"
HANDED = "/mnt/shop.secret"
# As engines hand a secret over, or as somebody made it there.
MOUNTED = f"""
mount -t tmpfs none /mnt
echo shop-secret >{HANDED}
chmod 444 {HANDED}
mount -o remount,%s /mnt
"""


class Login:
    """A jail with a provider, and a relay that takes its token of that number."""

    def __init__(self, name, grant="device", number=1, secret=SECRET_FILE, **more):
        self.jail = Jail(name, **more)
        self.provider = Provider(CERTS)
        self.relay = self.jail.relay(*self.login(number), cert="server", certs=CERTS)
        shutil.copy(CERTS + "/ca.pem", self.jail.dir + CA)
        os.chmod(self.jail.dir + CA, 0o644)
        put(self.jail.dir + SECRET_FILE, "shop-secret\n", 0o640, 0, POSTERN)
        self.jail.configure(
            {"port": self.relay.port, "security": "starttls", "tls_trust": CA, "user": USER,
             "oauth": self.provider.issuer, "oauth_trust": CA, "client_id": "shop",
             "client_secret_file": secret, "grant": grant, "scope": "mail",
             "dead_max": "1s", "timeout": "30s"},
            conf={"mail.admin": "admin@dest.example", "mail.from": "a@src.example"})

    def login(self, number):
        return ("--user", USER, "--password", self.provider.access(number), "--mechanisms",
                "XOAUTH2", "--require-auth")

    def __enter__(self):
        self.jail.__enter__()
        return self

    def __exit__(self, *what):
        self.provider.close()
        self.jail.__exit__(*what)

    def file(self, name="login.main"):
        return os.path.join(self.jail.spool, "state", name)

    def is_closed(self):
        info = os.lstat(self.file())
        same("owner and mode", (info.st_uid, oct(info.st_mode & 0o7777)), (POSTERN, "0o600"))


def by_root(gate):
    """Root logs in, ann sends, and root's flush, or the service of the socket, delivers."""
    with Login("by root", gate=gate) as s:
        jail = s.jail
        result = jail.run_as("root", "sendmail", "--login")
        same("exit", (result.code, result.err), (0, ""))
        s.is_closed()
        results = [result, jail.run_as("ann", "sendmail", *ARGS, feed=MESSAGE, nnp=gate)]
        same("ann's exit", results[-1].code, 0)
        jail.wait_quiet()
        results.append(jail.run_as("root", "flushq", "--all"))
        s.relay.wait_for("message")
        jail.wait_quiet()
        same("held", jail.entries(), [])
        # Root's next login is for the same file, and its owner stays who he is.
        same("again", jail.run_as("root", "sendmail", "--login").code, 75)
        s.is_closed()
        same("logout", jail.run_as("root", "sendmail", "--logout").code, 0)
        check(not os.path.exists(s.file()), "it is there yet")
        secrets = [s.provider.access(n) for n in range(1, s.provider.count + 1)]
        for secret in (*secrets, "shop-secret", "device-1-secret"):
            jail.check_secret(secret, *results)


def by_others(user):
    """Who is not root has no business with it, even where he may look after the mail."""
    with Login("by " + user) as s:
        same("root", s.jail.run_as("root", "sendmail", "--login").code, 0)
        for option in ("--login", "--logout"):
            result = s.jail.run_as(user, "sendmail", option)
            same(option, result.code, 77)
            match("why", "for root", result.err)
        s.is_closed()

        def read():
            try:
                with open(os.path.join(SPOOL, "state", "login.main"), "rb") as file:
                    return file.read()
            except PermissionError:
                return "closed"
        same("the file", s.jail.function_as(user, read), "closed")


def told():
    """A refusal found by ann's message: admin hears of it, from postern, and the file is as it
    was."""
    with Login("told") as s:
        same("root", s.jail.run_as("root", "sendmail", "--login").code, 0)
        with open(s.file(), encoding="ascii") as file:
            text = re.sub(r"(?m)^expires \d+$", "expires 1", file.read())
        with open(s.file(), "w", encoding="ascii") as file:
            file.write(text)
        s.provider.replies = [error("invalid_grant")]
        s.jail.send_as("ann", "-odq", *ARGS)
        s.jail.run_as("root", "flushq", "--all")
        s.jail.wait_quiet()
        entries = s.jail.listing_as("root")
        reports = [e for e in entries if e["recipients"][0]["address"] == "admin@dest.example"]
        same("reports", [(e["sender"], e["uid"]) for e in reports], [("MAILER-DAEMON", POSTERN)])
        same("entries", len(entries), 2)
        s.is_closed()
        s.jail.check_spool()


def handed(mount):
    """A secret that all in a container can read is used if it was handed over so."""
    with Login("handed " + mount, grant="client", secret=HANDED, last=MOUNTED % mount) as s:
        s.jail.send_as("ann", "-odq", *ARGS)
        result = s.jail.run_as("root", "flushq", "--all")
        s.jail.wait_quiet()
        same("sent", len(s.relay.accepted()), int(mount == "ro"))
        if mount != "ro":
            match("why", "is open to everybody", s.jail.run_as("root", "mailq").out)
        s.jail.check_secret("shop-secret", result)


JOBS = []
if THERE:
    JOBS += [("handed over " + m, lambda m=m: handed(m)) for m in ("ro", "rw")]
    JOBS += [("by root", lambda: by_root(False)), ("by the socket", lambda: by_root(True)),
             ("told", told)]
    JOBS += [("by " + u, lambda u=u: by_others(u)) for u in ("ann", "carol")]

if __name__ == "__main__":
    run_all(JOBS)
