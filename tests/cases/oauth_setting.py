# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of oauth share: a case with a provider, a relay that takes one of its tokens as
its password, and a configuration; and a request to the program token itself."""

import os
import re
import socket
import subprocess
import time

from harness import BUILD, Case, RELAY, Skip, TOP, check, match, same
from oauth_provider import Provider

USER = "u@example.org"
THERE = os.path.exists(os.path.join(BUILD, "token"))
ARGS = ("-i", "-f", "a@src.example", "b@dest.example")
TEXT = b"Subject: s\n\nhello\n"


def provider_certificates():
    folder = os.path.join(TOP, "certs-provider")
    if not os.path.exists(folder):
        subprocess.run([RELAY, "--make-certs", folder, "--name", "relay.test", "--ip",
                        "127.0.0.1"], check=True, timeout=60, stdin=subprocess.DEVNULL)
    return folder


CERTS = provider_certificates() if THERE else None


def wait_for_port(number, shared=False):
    """Bound and not listened on: no other program is given it, and who shares it may listen."""
    port = socket.socket()
    if shared:
        port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for _ in range(1200):
        try:
            port.bind(("127.0.0.1", number))
            return port
        except OSError:
            time.sleep(0.1)
    port.close()
    raise Skip(f"port {number} is taken")


class Turn:
    """The port that browsers are sent back to is one for the whole machine, whoever tests there:
    who has the one before it may use it. Until then any program may be given it."""

    def __init__(self):
        self.turn = wait_for_port(53681)
        try:
            self.port = wait_for_port(53682, shared=True)
        except Skip:
            self.turn.close()
            raise

    def close(self):
        self.port.close()
        self.turn.close()


class Setting:
    """A case with a provider, a relay that takes its first token, and a configuration."""

    def __init__(self, name, grant="client", mechanism="XOAUTH2", secret="shop-secret", keys=None,
                 number=1, cert=CERTS, provider=Provider, **more):
        self.case = Case(name)
        self.turn = Turn() if grant == "code" else None
        self.provider = provider(cert, **more)
        self.mechanism = mechanism
        self.relay = self.case.relay(*self.login(number), cert="server", certs=CERTS)
        self.case.write("client.secret", secret + "\n")
        self.keys = {
            "port": self.relay.port, "security": "starttls", "tls_trust": CERTS + "/ca.pem",
            "user": USER, "oauth": self.provider.issuer, "oauth_trust": CERTS + "/ca.pem",
            "client_id": "shop", "client_secret_file": "{dir}/client.secret", "grant": grant,
            "scope": "mail", "dead_max": "1s", "timeout": "30s"}
        self.keys.update(keys or {})
        self.case.configure(self.keys, conf={"mail.admin": "admin@dest.example",
                                             "delivery.mode": "hold", "delivery.retry": "0"})

    def login(self, number):
        return ("--user", USER, "--password", self.provider.access(number), "--mechanisms",
                "PLAIN LOGIN " + self.mechanism, "--require-auth")

    def __enter__(self):
        self.case.__enter__()
        return self

    def __exit__(self, *what):
        try:
            if what[0] is None:
                self.check_secrets()
        finally:
            self.provider.close()
            if self.turn:
                self.turn.close()
            self.case.__exit__(*what)

    def file(self):
        return os.path.join(self.case.hold, "state", "login.main")

    def kept(self):
        with open(self.file(), encoding="ascii") as file:
            return dict(line.rstrip("\n").split(" ", 1) for line in file)

    def check_secrets(self):
        """Looked for everywhere but in the file of the login, which is its owner's alone."""
        kept = self.file()
        if os.path.exists(kept):
            same("mode", os.stat(kept).st_mode & 0o7777, 0o600)
            os.unlink(kept)
        results = [r for _, _, r in self.case.calls]
        for number in range(1, self.provider.count + 1):
            self.case.check_secret(self.provider.access(number), *results)
        for secret in list(self.provider.refresh) + ["shop-secret", "device-1-secret"]:
            self.case.check_secret(secret, *results)

    def submit(self):
        same("sendmail", self.case.send(*ARGS, message=TEXT).code, 0)

    def deliver(self, count=1):
        self.case.flush("-a")
        same("accepted", len(self.relay.accepted()), count)
        same("violations", self.relay.violations(), [])

    def held(self, pattern):
        """A try that comes to nothing, and why."""
        self.case.flush("-a")
        same("accepted", self.relay.accepted(), [])
        match("reason", pattern, self.case.run("mailq").out)

    def log_in(self, *args):
        return self.case.run("sendmail", "--login", *args)

    def begin_login(self, until):
        """The call, and what it has said when that is among it."""
        call = self.case.begin("sendmail", "--login", feed=None, stdin=subprocess.PIPE)
        said = b""
        while not re.search(until, said.decode(), re.S):
            piece = os.read(call.process.stdout.fileno(), 4096)
            check(piece, "it ended", said)
            said += piece
        return call, said.decode()

    def age(self, seconds):
        """As if the token had been got so many seconds earlier."""
        lines = []
        with open(self.file(), encoding="ascii") as file:
            for line in file:
                name, _, value = line.rstrip("\n").partition(" ")
                if name in ("got", "expires", "later"):
                    value = str(int(value) - seconds)
                lines.append(f"{name} {value}\n")
        with open(self.file(), "w", encoding="ascii") as file:
            file.write("".join(lines))


def ask_directly(s, wrap):
    """A request to the program token itself, as flushq makes one: what came back."""
    texts = ("main", s.provider.issuer, "shop", os.path.join(s.case.dir, "client.secret"), "",
             "mail", USER, "", CERTS + "/ca.pem", "", "1")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    here, there = socket.socketpair()
    state = os.path.join(s.case.hold, "state")
    with subprocess.Popen(["sh", "-c", 'exec 3<"$0"; exec "$@"', state, *wrap,
                           os.path.join(BUILD, "token")], stdin=theirs,
                          env={"ASAN_OPTIONS": "detect_leaks=0", "PATH": "/usr/bin:/bin"},
                          stderr=subprocess.DEVNULL) as token:
        theirs.close()
        try:
            ours.send(b"R" + b"".join(t.encode() + b"\0" for t in texts))
            socket.send_fds(ours, [b"Gmain"], [there.fileno()])
        except BrokenPipeError:
            pass  # it was ended before it came so far
        there.close()
        here.settimeout(30)
        said = b"".join(iter(lambda: here.recv(65536), b""))
        here.close()
        ours.close()
        token.wait(30)
    return said
