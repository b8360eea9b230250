# SPDX-License-Identifier: GPL-3.0-or-later
"""The mailers that bench.py compares, each with its configuration and its queue.

Each is set up as its documentation says, with what a route needs and little else: the name
of the host is found out, not given, where a program can do so, the log goes where it goes
by default. Certificates are checked where a program can.
"""

import glob
import gzip
import os
import shutil
import subprocess

from measuring import APART, BUILD, LOGIN, PEERS, RECIPIENT, SENDER, TOP, Daemon, measure


def write(name, text, mode=0o644):
    os.makedirs(os.path.dirname(name), exist_ok=True)
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(name, mode)


def version_in(tree, package):
    try:
        with gzip.open(f"{tree}/usr/share/doc/{package}/changelog.Debian.gz", "rt",
                       encoding="utf-8") as file:
            return file.readline().split("(")[1].split(")")[0]
    except (OSError, IndexError):
        return "?"


class Mailer:
    """What all of them can be asked for. queue: it keeps mail; daemon: what of it works on its
    own; beside: no mailer, no peer."""

    name = "?"
    program = ""
    queue = False
    beside = False
    daemon = None
    env = None

    def __init__(self):
        self.tree = os.path.join(PEERS, self.name)
        self.dir = os.path.join(TOP, self.name.lower())
        self.route = None
        os.makedirs(self.dir, exist_ok=True)
        there = f"{self.tree}/{self.program}"
        self.command = there if os.path.exists(there) else shutil.which(
            os.path.basename(self.program))

    @classmethod
    def missing(cls):
        """Why it cannot be run, or None."""
        if os.path.exists(os.path.join(PEERS, cls.name, cls.program)):
            return None
        if shutil.which(os.path.basename(cls.program)):
            return None
        return f"not there; get it with tests/peers/fetch FOLDER {cls.name}"

    def version(self):
        return version_in(self.tree, self.name)

    def choose(self, route):
        """Points it at a relay, outside of what is measured. RuntimeError: it cannot."""
        self.route = route
        self.configure(route)

    def configure(self, route):
        raise NotImplementedError

    def argv(self, recipients, text):
        """Hands in the message on standard input, that is the file text."""
        raise NotImplementedError

    def send(self, text, over, recipients=(RECIPIENT,), times=1):
        """Hands in a message that goes to the relay at once. over() waits until that has it
        and returns when that was."""
        return measure(self.argv(recipients, text), text, self.env, times=times,
                       limit=120 + os.path.getsize(text) / 4e6)

    def call(self, text, limit):
        """Hands in a message with nobody to take it, and looks no further."""
        return measure(self.argv((RECIPIENT,), text), text, self.env, only_first=True,
                       limit=limit)

    def hold(self, text):
        """Hands in one message that stays."""
        return self.call(text, 60)

    def fill(self, count, text):
        """Puts so many messages into the queue, copied from one that it made itself."""
        raise NotImplementedError

    def list(self, out):
        raise NotImplementedError

    def flush(self, over):
        """Tries all that is held."""
        raise NotImplementedError

    def empty(self):
        """Throws away what is held; ends what runs."""

    def stop(self):
        """Ends what runs."""


class Postern(Mailer):
    name = "Postern"
    queue = True

    def __init__(self):
        super().__init__()
        self.held = os.path.join(self.dir, "hold", "hold")
        self.conf = f"{self.dir}/conf"
        self.more = self.keys = ""
        write(f"{self.dir}/password", LOGIN[1] + "\n", 0o600)

    @classmethod
    def missing(cls):
        return None

    def version(self):
        done = subprocess.run([f"{BUILD}/sendmail", "--version"], capture_output=True,
                              text=True, check=False)
        return (done.stdout.split() or ["?"])[-1]

    def configure(self, route):
        login = (f"user = {LOGIN[0]}\npassword_file = {self.dir}/password\n"
                 if route.login else "")
        trust = f"tls_trust = {route.ca}\n" if route.login else ""
        write(self.conf,
              f"[relay]\nhost = {route.host}\nport = {route.port}\n"
              f"security = {route.security}\n{login}{trust}{self.keys}"
              f"[hold]\ndirectory = {self.dir}/hold\n[mail]\nmax_size = 0\n{self.more}", 0o600)

    def argv(self, recipients, text):
        return [f"{BUILD}/sendmail", "-C", self.conf, "-i", *recipients]

    def hold(self, text):
        self.more = "[delivery]\nmode = hold\n"
        self.configure(self.route)
        self.more = ""
        return measure(self.argv((RECIPIENT,), text), text)

    def fill(self, count, text):
        self.hold(text)
        self.configure(self.route)
        (first,) = os.listdir(self.held)
        with open(os.path.join(self.held, first), "rb") as file:
            entry = file.read()
        for i in range(1, count):
            name = f"{int(first, 16) + i:012X}"
            with open(os.path.join(self.held, name), "wb") as file:
                file.write(entry.replace(first.encode(), name.encode(), 1))

    def list(self, out):
        return measure([f"{BUILD}/mailq", "-C", self.conf], out=out)

    def flush(self, over):
        return self.call_queue("flushq", "--all")

    def call_queue(self, program, *options, out=None):
        return measure([f"{BUILD}/{program}", "-C", self.conf, *options], out=out)

    def empty(self):
        shutil.rmtree(f"{self.dir}/hold", ignore_errors=True)


class Ideal(Mailer):
    """See ideal.c: the floor, no mailer."""

    name = "ideal"
    beside = True

    @classmethod
    def missing(cls):
        return None

    def version(self):
        return "client"

    def configure(self, route):
        self.command = f"{TOP}/bin/ideal-tls" if route.login else f"{TOP}/bin/ideal"
        self.empty()

    def argv(self, recipients, text):
        user, password = LOGIN if self.route.login else ("", "")
        return [self.command, "smtp", self.route.security, self.route.host,
                str(self.route.port), self.route.ca, f"{self.dir}/session", user, password,
                *recipients]

    def hold(self, text):
        return measure([f"{TOP}/bin/ideal", "write", self.dir], text)

    def fill(self, count, text):
        """Files as large as an entry of that message."""
        with open(text, "rb") as file:
            content = file.read()
        for i in range(count):
            with open(os.path.join(self.dir, f"{i:012X}"), "wb") as file:
                file.write(content)

    def look(self):
        return measure([f"{TOP}/bin/ideal", "look", self.dir])

    def drain(self):
        return measure([f"{TOP}/bin/ideal", "drain", self.route.host, str(self.route.port),
                        self.dir, RECIPIENT])

    def empty(self):
        for name in glob.glob(f"{self.dir}/*"):
            os.remove(name)


class Msmtp(Mailer):
    name = "msmtp"
    program = "usr/bin/msmtp"

    def configure(self, route):
        text = f"account default\nhost {route.host}\nport {route.port}\nfrom {SENDER}\n"
        if route.login:
            text += f"tls on\nauth plain\nuser {LOGIN[0]}\npassword {LOGIN[1]}\n"
            text += "" if route.security == "starttls" else "tls_starttls off\n"
            text += "" if route.system else f"tls_trust_file {route.ca}\n"
        write(f"{self.dir}/conf", text, 0o600)

    def argv(self, recipients, text):
        return [self.command, "-C", f"{self.dir}/conf", "-i", "--", *recipients]


class Esmtp(Mailer):
    """Knows STARTTLS only, and no roots but the system's: with a login it has more to read than
    those that are given one root. Waits for ever where a server sends TLS tickets."""

    name = "esmtp"
    program = "usr/bin/esmtp"

    def configure(self, route):
        if route.security == "tls":
            raise RuntimeError("knows STARTTLS only")
        if route.login and not APART:
            raise RuntimeError("trusts the system's roots only")
        text = f"hostname={route.host}:{route.port}\n"
        if route.login:
            text += f'username="{LOGIN[0]}"\npassword="{LOGIN[1]}"\nstarttls=required\n'
        self.env = {"HOME": self.dir}
        write(f"{self.dir}/conf", text, 0o600)

    def argv(self, recipients, text):
        return [self.command, "-C", f"{self.dir}/conf", "-f", SENDER, *recipients]


class Ssmtp(Mailer):
    """Sleeps a second by itself. Checks no certificate."""

    name = "ssmtp"
    program = "usr/sbin/ssmtp"

    def configure(self, route):
        if route.system:
            raise RuntimeError("checks no certificate")
        text = f"mailhub={route.host}:{route.port}\nhostname=client.example\nroot=\n"
        text += "FromLineOverride=YES\n"
        if route.login:
            text += f"UseTLS=YES\nAuthUser={LOGIN[0]}\nAuthPass={LOGIN[1]}\nAuthMethod=LOGIN\n"
            text += "UseSTARTTLS=YES\n" if route.security == "starttls" else ""
        write(f"{self.dir}/conf", text, 0o600)

    def argv(self, recipients, text):
        return [self.command, "-C" + f"{self.dir}/conf", "-i", *recipients]


class Snail(Mailer):
    name = "s-nail"
    program = "usr/bin/s-nail"

    def configure(self, route):
        scheme = "smtps" if route.security == "tls" else "smtp"
        login = f"{LOGIN[0]}:{LOGIN[1]}@" if route.login else ""
        options = ["v15-compat=yes", f"mta={scheme}://{login}{route.host}:{route.port}",
                   f"from={SENDER}", "smtp-auth=" + ("plain" if route.login else "none")]
        if route.login:
            options += ["tls-verify=strict"]
            options += [] if route.system else [f"tls-ca-file={route.ca}", "tls-ca-no-defaults"]
        if route.security == "starttls":
            options += ["smtp-use-starttls"]
        self.options = [word for option in options for word in ("-S", option)]
        self.env = {"HOME": self.dir, "LC_ALL": "C.UTF-8"}

    def argv(self, recipients, text):
        return [self.command, "-:/", *self.options, "-s", "a test", *recipients]


class Curl(Mailer):
    name = "curl"
    program = "usr/bin/curl"

    def version(self):
        done = subprocess.run([self.command, "--version"], capture_output=True, text=True,
                              check=False)
        return (done.stdout.split() + ["?"] * 2)[1]

    def configure(self, route):
        self.options = [f"{'smtps' if route.security == 'tls' else 'smtp'}://"
                        f"{route.host}:{route.port}/client.example"]
        if route.login:
            self.options += ["--ssl-reqd", "--user", ":".join(LOGIN)]
            self.options += [] if route.system else ["--cacert", route.ca]

    def argv(self, recipients, text):
        to = [word for r in recipients for word in ("--mail-rcpt", r)]
        return [self.command, "-q", "-sS", "--crlf", *self.options, "--mail-from", SENDER, *to,
                "-T", text]


class Dma(Mailer):
    """Checks no certificate. Returns when it holds the mail; what sends it is its child."""

    name = "dma"
    program = "usr/sbin/dma"
    queue = True

    def __init__(self):
        super().__init__()
        self.spool = f"{self.dir}/spool"
        write("/etc/dma/auth.conf", f"{LOGIN[0]}|relay.example:{LOGIN[1]}\n"
                                    f"{LOGIN[0]}|far.example:{LOGIN[1]}\n")
        self.empty()

    @classmethod
    def missing(cls):
        return super().missing() if APART else "needs root, for a mount namespace"

    def configure(self, route):
        if route.system:
            raise RuntimeError("checks no certificate")
        lines = [f"SMARTHOST {route.host}", f"PORT {route.port}", f"SPOOLDIR {self.spool}"]
        if route.login:
            lines += ["SECURETRANSFER", "AUTHPATH /etc/dma/auth.conf"]
            lines += ["STARTTLS"] if route.security == "starttls" else []
        write("/etc/dma/dma.conf", "\n".join(lines) + "\n")

    def argv(self, recipients, text):
        return [self.command, "-i", *recipients]

    def hold(self, text):
        return measure([self.command, "-bq", "-i", RECIPIENT], text)

    def fill(self, count, text):
        self.hold(text)
        (first,) = (n[1:] for n in os.listdir(self.spool) if n.startswith("Q"))
        for i in range(1, count):
            name = f"{int(first.split('.')[0], 16) + i:x}.{first.split('.')[1]}"
            for letter in "MQ":
                with open(f"{self.spool}/{letter}{first}", encoding="utf-8") as file:
                    content = file.read()
                if letter == "Q":
                    content = content.replace(first, name)
                write(f"{self.spool}/{letter}{name}", content, 0o660)
                shutil.chown(f"{self.spool}/{letter}{name}", "root", "mail")

    def list(self, out):
        return measure([self.command, "-bp"], out=out)

    def flush(self, over):
        return measure([self.command, "-q"])

    def empty(self):
        shutil.rmtree(self.spool, ignore_errors=True)
        os.makedirs(self.spool)
        shutil.chown(self.spool, "root", "mail")
        os.chmod(self.spool, 0o2775)


class Nullmailer(Mailer):
    """Its daemon waits for mail, as on any machine that has it. Only for a flush it is started
    anew and told to end after one round of the queue."""

    name = "nullmailer"
    program = "usr/sbin/nullmailer-send"
    queue = True

    def __init__(self):
        super().__init__()
        self.queued = f"{self.dir}/queue/queue"
        self.env = {"NULLMAILER_TEST_PREFIX": self.dir}
        # Copies lose the set-user-id bit, with which the folder could not be chosen.
        for here, there in (("usr/bin", "bin"), ("usr/sbin", "sbin"),
                            ("usr/lib/nullmailer", "protocols")):
            os.makedirs(f"{self.dir}/{there}", exist_ok=True)
            for name in glob.glob(f"{self.tree}/{here}/*"):
                shutil.copyfile(name, f"{self.dir}/{there}/{os.path.basename(name)}")
                os.chmod(f"{self.dir}/{there}/{os.path.basename(name)}", 0o755)
        write(f"{self.dir}/mailname", "client.example\n")
        self.empty()

    def configure(self, route):
        login = ""
        if route.login:
            login = f" --{'ssl' if route.security == 'tls' else 'starttls'}"
            login += f" --user={LOGIN[0]} --pass={LOGIN[1]}"
            login += "" if route.system else f" --x509cafile={route.ca}"
        write(f"{self.dir}/conf/remotes", f"{route.host} smtp --port={route.port}{login}\n",
              0o600)

    def argv(self, recipients, text):
        return [f"{self.dir}/sbin/sendmail", "-i", *recipients]

    def send(self, text, over, recipients=(RECIPIENT,), times=1):
        if not self.daemon:
            write(f"{self.dir}/conf/pausetime", "60\n")
            self.daemon = Daemon([f"{self.dir}/sbin/nullmailer-send"], self.env)
        return self.daemon.around(lambda: super(Nullmailer, self).send(
            text, over, recipients, times), over)

    def fill(self, count, text):
        self.hold(text)
        (first,) = os.listdir(self.queued)
        for i in range(1, count):
            shutil.copy(f"{self.queued}/{first}", f"{self.queued}/{first}{i:06d}")

    def list(self, out):
        return measure([f"{self.dir}/bin/mailq"], env=self.env, out=out)

    def flush(self, over):
        write(f"{self.dir}/conf/pausetime", "0\n")
        return measure([f"{self.dir}/sbin/nullmailer-send"], env=self.env)

    def stop(self):
        if self.daemon:
            self.daemon.stop()
        self.daemon = None

    def empty(self):
        self.stop()
        shutil.rmtree(f"{self.dir}/queue", ignore_errors=True)
        for name in ("queue", "tmp", "failed"):
            os.makedirs(f"{self.dir}/queue/{name}")
        os.mkfifo(f"{self.dir}/queue/trigger")


ALL = (Postern, Ideal, Msmtp, Esmtp, Ssmtp, Snail, Curl, Dma, Nullmailer)
