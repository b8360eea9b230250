#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords that other programs keep: pass with gpg, the keyring by secret-tool, credentials of
systemd. The programs are real, with stores of their own that go with the case; what is missing
is left out. The lines of the configuration are those of the manual."""

import os
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # pylint: disable=wildcard-import,unused-wildcard-import,wrong-import-position

USER, SECRET = "alerts@example.org", "open sesame"
SESSION = ("DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR")


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Skip(program + " is missing")


def set_up(case, command=None):
    relay = case.relay("--user", USER, "--password", SECRET, "--require-auth", cert="server")
    keys = {"password_command": command} if command else {}
    case.configure(dict({"port": relay.port, "user": USER, "security": "starttls",
                         "tls_trust": certificates() + "/ca.pem", "tls_name": "relay.test"},
                        **keys))
    for name in (*SESSION, "GNUPGHOME", "PASSWORD_STORE_DIR", "CREDENTIALS_DIRECTORY", "DISPLAY"):
        case.env.pop(name, None)
    return relay


def done(case, *argv, feed="", env=None):
    """What is run by hand."""
    end = subprocess.run(argv, input=feed.encode(), env={**case.env, **(env or {})},
                         cwd=case.dir + "/home", capture_output=True, timeout=60, check=False)
    check(end.returncode == 0, f"{argv[0]}: {end.stderr.decode(errors='replace')}")
    return end.stdout.decode()


def taken(case, relay, count, **more):
    """A message, which arrives."""
    result = case.send(*ARGS, **more)
    same("sendmail", (result.code, result.err), (0, ""))
    same("arrived", len(relay.accepted()), count)


def held(case, relay, reason, **more):
    """A message, which stays, with what to do about it."""
    before = len(relay.accepted())
    result = case.send(*ARGS, **more)
    same("sendmail", (result.code, result.err), (0, ""))
    same("arrived", len(relay.accepted()), before)
    match("why", reason, case.reasons())
    case.run("flushq", "--remove", "all")


def kept_by_pass():
    """The agent of gpg has the key, or nobody can be asked for it. It needs no session: cron
    is as good."""
    need("pass", "gpg", "gpgconf")
    with Case("pass") as case, tempfile.TemporaryDirectory(prefix="gpg.") as keys:
        relay = set_up(case, "pass show mail/alerts")
        case.env.update(HOME=case.dir + "/home", GNUPGHOME=keys)
        loopback = ("gpg", "--batch", "-q", "--pinentry-mode", "loopback", "--passphrase", "word")
        try:
            done(case, *loopback, "--quick-gen-key", "ann@example.org", "future-default", "default",
                 "never")
            done(case, "pass", "init", "ann@example.org")
            done(case, "pass", "insert", "-e", "mail/alerts", feed=SECRET + "\n")
            done(case, *loopback, "-d", case.dir + "/home/.password-store/mail/alerts.gpg")
            taken(case, relay, 1)
            done(case, "gpgconf", "--kill", "gpg-agent")
            held(case, relay, "password_command pass failed with exit status 2; run it by hand")
        finally:
            done(case, "gpgconf", "--kill", "gpg-agent")
        no_match("the secret", SECRET, case.reasons())


def kept_by_keyring():
    """On the bus of the session; a job of cron has none, and is told so."""
    need("secret-tool", "gnome-keyring-daemon", "dbus-run-session")
    with Case("keyring") as case, tempfile.TemporaryDirectory(prefix="bus.") as bus:
        relay = set_up(case, f"secret-tool lookup service smtp user {USER}")
        case.env["HOME"] = case.dir + "/home"
        script = f"""printf word | gnome-keyring-daemon --unlock --components=secrets \\
                --control-directory={bus} >/dev/null 2>&1
            for _ in 1 2 3 4 5 6 7 8 9 10; do # the daemon takes a while until it has its name
                printf '{SECRET}' | secret-tool store --label=mail service smtp user {USER} \\
                    2>/dev/null && break
                sleep 0.5
            done
            test "$(secret-tool lookup service smtp user {USER} 2>/dev/null)" = '{SECRET}' || exit 99
            exec "$@" """
        wrap = ("dbus-run-session", "--", "sh", "-c", script, "sh")
        result = case.send(*ARGS, wrap=wrap)
        if result.code == 99:
            raise Skip("the keyring does not give back what it was given")
        same("exit", result.code, 0)
        case.wait_quiet()
        if not relay.accepted() and "password_command" not in case.reasons():
            raise Skip("no bus: " + result.err)
        check(len(relay.accepted()) == 1, f"held: {case.reasons()}")
        held(case, relay, r"secret-tool failed with exit status 1; run it by hand to see why, and "
             r"without a session, as under cron: DBUS_SESSION_BUS_ADDRESS is not set here")
        held(case, relay, r"failed with exit status 1; run it by hand to see why\)",
             env={"XDG_RUNTIME_DIR": bus})


def kept_by_systemd():
    """As its manager hands it to a service, once to us, once to its own program."""
    need("systemd-creds", "unshare")
    with Case("systemd") as case:
        relay = set_up(case)
        where = case.dir + "/credentials"
        os.mkdir(where, 0o700)
        script = """mount -t tmpfs none /var/lib/systemd || exit 77
            systemd-creds encrypt --with-key=host --name=relay.main.password - ../sealed &&
            systemd-creds decrypt --name=relay.main.password ../sealed "$1"/relay.main.password"""
        end = subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-c", script,
                              "sh", where], input=SECRET.encode() + b"\n", env=case.env,
                             cwd=case.dir + "/home", capture_output=True, timeout=60, check=False)
        if end.returncode != 0:
            raise Skip(end.stderr.decode(errors="replace").strip())
        with open(case.dir + "/sealed", encoding="ascii") as file:
            check(SECRET not in file.read(), "it is not encrypted")
        env = {"CREDENTIALS_DIRECTORY": where}
        taken(case, relay, 1, env=env)
        os.chmod(where + "/relay.main.password", 0o400)
        os.rename(where + "/relay.main.password", where + "/smtp")
        relay = set_up(case, "systemd-creds cat smtp")
        taken(case, relay, 1, env=env)
        held(case, relay, "password_command systemd-creds failed with exit status 1")


def jobs():
    yield "pass", kept_by_pass
    yield "secret-tool", kept_by_keyring
    yield "systemd-creds", kept_by_systemd


if __name__ == "__main__":
    run_all(list(jobs()))
