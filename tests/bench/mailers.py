# SPDX-License-Identifier: GPL-3.0-or-later
"""The mailers that bench.py compares, each with its configuration and its queue, and the
test relay with what its log says.

Mail for plain.example, login.example and slow.example goes to the relay of that name: in
clear; with STARTTLS and a login; in clear, with a delay in front of every answer. Each
mailer is set up as its documentation says, to check the certificate where it can.
"""

import glob
import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

BUILD = os.environ["BENCH_BUILD"]
TOP = os.environ["BENCH_TOP"]
PEERS = os.environ["BENCH_PEERS"]
LOGIN = ("demo", "sesame")
DELAY_MS = 20
LIMIT = max(45, int(os.environ.get("BENCH_COUNT") or 0) // 50)  # seconds for one action


class Figures:
    """What one action cost: seconds, KiB. returned: until the caller got its prompt back;
    done: until all was over, or the relay had the mail."""

    def __init__(self, returned, done, cpu, rss, status=0):
        self.returned, self.done, self.cpu, self.rss = returned, done, cpu, rss
        self.status = status
        self.flights = self.connections = self.memory = None
        self.start = 0


def measure(argv, stdin=os.devnull, env=None, out=None):
    """Figures of a command; an error if it fails."""
    result = os.path.join(TOP, "measured")
    said = os.path.join(TOP, "said")
    with open(stdin, "rb") as source, open(out or said, "wb") as sink, \
            open(said + ".err", "wb") as err:
        process = subprocess.Popen([os.path.join(TOP, "measure"), result, *argv], stdin=source,
                                   stdout=sink, stderr=err, env={**os.environ, **(env or {})})
    try:
        process.wait(LIMIT)
    except subprocess.TimeoutExpired:
        for pid in reversed(tree_of(process.pid)):
            os.kill(pid, signal.SIGKILL)
        process.wait()
        raise RuntimeError(f"{os.path.basename(argv[0])}: no end after {LIMIT} s") from None
    with open(result, encoding="ascii") as file:
        start, returned, done, cpu, rss, status = map(int, file.read().split())
    if status:
        with open(said + ".err", encoding="utf-8", errors="replace") as file:
            raise RuntimeError(f"{' '.join(argv)}: exit {status}: {file.read()[-500:]}")
    figures = Figures(returned / 1e9, done / 1e9, cpu / 1e6, rss)
    figures.start = start / 1e9
    return figures


# Processes


def tree_of(pid):
    """A process and its descendants."""
    found = [pid]
    for parent in found:
        try:
            with open(f"/proc/{parent}/task/{parent}/children", encoding="ascii") as file:
                found += map(int, file.read().split())
        except OSError:
            pass
    return found


def number_in(path, label):
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith(label):
                    return int(line.split()[1])
    except (OSError, IndexError, ValueError):
        pass
    return 0


def tree_memory(pids):
    """KiB of all together: what they share counts once."""
    return sum(number_in(f"/proc/{pid}/smaps_rollup", "Pss:") for pid in pids)


def tree_cpu(root):
    """Seconds that a process, its descendants, and those of them that ended have used."""
    total, tick = 0.0, os.sysconf("SC_CLK_TCK")
    for pid in tree_of(root):
        try:
            with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0]) / 1e9
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                words = file.read().rpartition(")")[2].split()
            total += (int(words[13]) + int(words[14])) / tick
        except (OSError, IndexError):
            pass
    return total


class Watch:
    """The most memory that the measured command, and daemons, had at one time."""

    def __init__(self, daemon=None, wanted=True):
        self.daemon, self.peak, self.over = daemon, 0, threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True) if wanted else None

    def __enter__(self):
        if self.thread:
            self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        if self.thread:
            self.thread.join()

    def look(self):
        me = os.getpid()
        while not self.over.wait(0.02):
            pids = set()
            for pid in tree_of(me)[1:]:
                try:
                    with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                        name = file.read().strip()
                except OSError:
                    continue
                if name == "measure":
                    pids.update(tree_of(pid)[1:])
            if self.daemon:
                pids.update(tree_of(self.daemon))
            self.peak = max(self.peak, tree_memory(pids))


# The relay


def free_ports(count):
    """Below those that the system gives to anybody who asks: they have to stay free while
    a relay is down."""
    found, port = [], 12000 + os.getpid() % 10000
    while len(found) < count:
        port += 7
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
    return found


class Relay:
    PORTS = dict(zip(("plain", "login", "slow"), free_ports(3)))
    CERTS = os.path.join(TOP, "certs")
    PROGRAM = os.path.join(BUILD, "tests", "relay")

    def __init__(self, kind, *options):
        if not os.path.isdir(self.CERTS):
            subprocess.run([self.PROGRAM, "--make-certs", self.CERTS, "--name", "localhost"],
                           check=True, stdout=subprocess.DEVNULL)
        folder = os.path.join(TOP, "relay-" + kind)
        shutil.rmtree(folder, ignore_errors=True)
        argv = [self.PROGRAM, "--dir", folder, "--port", str(self.PORTS[kind]), "--discard",
                "--size", "0", "--with-parent"]
        if kind == "login":
            argv += ["--cert", self.CERTS + "/server.pem", "--key", self.CERTS + "/server.key",
                     "--require-tls", "--require-auth", "--user", LOGIN[0],
                     "--password", LOGIN[1], "--mechanisms", "PLAIN LOGIN"]
        if kind == "slow":
            argv += ["--delay", str(DELAY_MS)]
        self.log = os.path.join(folder, "log.jsonl")
        self.at = 0
        self.process = subprocess.Popen([*argv, *options], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        if not self.process.stdout.readline().startswith(b"port "):
            raise RuntimeError("the relay does not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def forget(self):
        self.at = os.stat(self.log).st_size if os.path.exists(self.log) else 0

    def count(self, kind):
        """Events of a kind since the last forget."""
        word = f'"type": "{kind}"'.encode()
        with open(self.log, "rb") as file:
            file.seek(self.at)
            return file.read().count(word)

    def flights(self):
        """How often the clients of these connections waited for an answer, each."""
        with open(self.log, encoding="utf-8") as file:
            file.seek(self.at)
            events = [json.loads(line) for line in file if '"type": "close"' in line]
        return sum(e["flights"] for e in events) / max(1, len(events))

    def wait_for(self, count, kind="message", limit=600):
        """When there were so many: CLOCK_MONOTONIC."""
        end = time.monotonic() + limit
        while self.count(kind) < count:
            if time.monotonic() > end:
                raise RuntimeError(f"the relay has {self.count(kind)} of {count} ({kind})")
            time.sleep(0.001 if count < 100 else 0.01)
        return time.monotonic()


# The mailers


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


def version_in(tree, package):
    try:
        with gzip.open(f"{tree}/usr/share/doc/{package}/changelog.Debian.gz", "rt",
                       encoding="utf-8") as file:
            return file.readline().split("(")[1].split(")")[0]
    except (OSError, IndexError):
        return "?"


class Mailer:
    """What all of them can be asked for. queue: it keeps mail; daemon: the process of one
    that works on its own."""

    name = "?"
    queue = True
    daemon = None

    def __init__(self):
        self.tree = os.path.join(PEERS, self.name)
        self.dir = os.path.join(TOP, self.name.lower())
        os.makedirs(self.dir, exist_ok=True)

    @classmethod
    def missing(cls):
        """Why it cannot be run, or None."""
        if not os.path.isdir(os.path.join(PEERS, cls.name)):
            return f"not there; get it with tests/peers/fetch FOLDER {cls.name}"
        return None

    def version(self):
        return version_in(self.tree, self.name)

    def choose(self, kind):
        """Points it at a relay, outside of what is measured."""

    def send(self, kind, path, relay=None):
        """Hands in one message that goes to the relay at once; a daemon is done when the
        relay has it."""
        raise NotImplementedError

    def hold(self, path):
        """Hands in one message that stays."""
        raise NotImplementedError

    def fill(self, count, kind, path):
        """Puts so many messages into the queue, copied from one that it made itself."""
        raise NotImplementedError

    def list(self, out):
        raise NotImplementedError

    def flush(self, kind, relay, count):
        """Tries all that is held."""
        raise NotImplementedError

    def empty(self):
        """Throws away what is held; ends what runs."""

    def stop(self):
        """Ends what runs."""


class Postern(Mailer):
    name = "Postern"

    def __init__(self):
        super().__init__()
        self.held = os.path.join(self.dir, "hold", "hold")
        write(f"{self.dir}/password", LOGIN[1] + "\n", 0o600)
        for kind, port in Relay.PORTS.items():
            login = (f"security = starttls\nuser = {LOGIN[0]}\n"
                     f"password_file = {self.dir}/password\n"
                     f"tls_trust = {Relay.CERTS}/ca.pem\n")
            write(self.conf(kind),
                  "[mail]\nhostname = client.example\ndomain = client.example\n"
                  f"max_size = 0\n[hold]\ndirectory = {self.dir}/hold\n"
                  f"[log]\nto = {self.dir}/log\n[relay]\nhost = localhost\nfamily = 4\n"
                  f"port = {port}\n" + (login if kind == "login" else "security = none\n"),
                  0o600)

    @classmethod
    def missing(cls):
        return None

    def version(self):
        done = subprocess.run([f"{BUILD}/sendmail", "--version"], capture_output=True,
                              text=True, check=False)
        return (done.stdout.split() or ["?"])[-1]

    def conf(self, kind):
        return f"{self.dir}/{kind}.conf"

    def submit(self, kind, path, *more):
        return measure([f"{BUILD}/sendmail", "-C", self.conf(kind), *more, "-i",
                        f"rcpt@{kind}.example"], path)

    def send(self, kind, path, relay=None):
        return self.submit(kind, path)

    def hold(self, path):
        return self.submit("plain", path, "--hold")

    def fill(self, count, kind, path):
        self.submit(kind, path, "--hold")
        (first,) = os.listdir(self.held)
        with open(os.path.join(self.held, first), "rb") as file:
            entry = file.read()
        for i in range(1, count):
            name = f"{int(first, 16) + i:012X}"
            with open(os.path.join(self.held, name), "wb") as file:
                file.write(entry.replace(first.encode(), name.encode(), 1))

    def list(self, out):
        return measure([f"{BUILD}/mailq", "-C", self.conf("plain")], out=out)

    def flush(self, kind, relay, count):
        return measure([f"{BUILD}/flushq", "-C", self.conf(kind), "--all"])

    def empty(self):
        shutil.rmtree(f"{self.dir}/hold", ignore_errors=True)


class Msmtp(Mailer):
    name = "msmtp"
    queue = False

    @classmethod
    def missing(cls):
        return None if shutil.which("msmtp") else super().missing()

    def __init__(self):
        super().__init__()
        self.program = f"{self.tree}/usr/bin/msmtp"
        if not os.path.exists(self.program):
            self.program = shutil.which("msmtp")
        for kind, port in Relay.PORTS.items():
            login = (f"tls on\ntls_starttls on\ntls_trust_file {Relay.CERTS}/ca.pem\n"
                     f"auth plain\nuser {LOGIN[0]}\npassword {LOGIN[1]}\n")
            write(f"{self.dir}/{kind}",
                  "account default\nhost localhost\ndomain client.example\n"
                  f"from sender@client.example\nlogfile {self.dir}/log\nport {port}\n" +
                  (login if kind == "login" else ""), 0o600)

    def version(self):
        done = subprocess.run([self.program, "--version"], capture_output=True, text=True,
                              check=False)
        return done.stdout.split()[2]

    def send(self, kind, path, relay=None):
        return measure([self.program, "-C", f"{self.dir}/{kind}", "-i", "--",
                        f"rcpt@{kind}.example"], path)


class Dma(Mailer):
    name = "dma"

    def __init__(self):
        super().__init__()
        self.spool = f"{self.dir}/spool"
        self.program = f"{self.tree}/usr/sbin/dma"
        write("/etc/dma/auth.conf", f"{LOGIN[0]}|localhost:{LOGIN[1]}\n")
        self.empty()
        self.choose("plain")

    @classmethod
    def missing(cls):
        if not os.path.isdir("/etc/dma"):
            return "needs root, for a mount namespace"
        return super().missing()

    def choose(self, kind):
        login = ["SECURETRANSFER", "STARTTLS", "AUTHPATH /etc/dma/auth.conf"]
        lines = ["SMARTHOST localhost", f"PORT {Relay.PORTS[kind]}", f"SPOOLDIR {self.spool}",
                 "MAILNAME client.example", *(login if kind == "login" else ())]
        write("/etc/dma/dma.conf", "\n".join(lines) + "\n")

    def send(self, kind, path, relay=None):
        return measure([self.program, "-i", f"rcpt@{kind}.example"], path)

    def hold(self, path):
        return measure([self.program, "-bq", "-i", "rcpt@plain.example"], path)

    def fill(self, count, kind, path):
        self.hold(path)
        (first,) = (n[1:] for n in os.listdir(self.spool) if n.startswith("Q"))
        for i in range(1, count):
            name = f"{int(first.split('.')[0], 16) + i:x}.{first.split('.')[1]}"
            for letter in "MQ":
                with open(f"{self.spool}/{letter}{first}", encoding="utf-8") as file:
                    text = file.read()
                if letter == "Q":
                    text = text.replace(first, name)
                write(f"{self.spool}/{letter}{name}", text, 0o660)
                shutil.chown(f"{self.spool}/{letter}{name}", "root", "mail")

    def list(self, out):
        return measure([self.program, "-bp"], out=out)

    def flush(self, kind, relay, count):
        return measure([self.program, "-q"])

    def empty(self):
        shutil.rmtree(self.spool, ignore_errors=True)
        os.makedirs(self.spool)
        shutil.chown(self.spool, "root", "mail")
        os.chmod(self.spool, 0o2775)


class Nullmailer(Mailer):
    """Its daemon is told to end after one round of the queue, and its part is measured with
    the rest."""

    name = "nullmailer"

    def __init__(self):
        super().__init__()
        self.queued = f"{self.dir}/queue/queue"
        self.env = {"NULLMAILER_TEST_PREFIX": self.dir}
        # Copies lose the set-user-id bit, with which the folder could not be chosen.
        for here, there in (("usr/bin", "bin"), ("usr/sbin", "sbin"),
                            ("usr/lib/nullmailer", "protocols")):
            os.makedirs(f"{self.dir}/{there}", exist_ok=True)
            for path in glob.glob(f"{self.tree}/{here}/*"):
                shutil.copyfile(path, f"{self.dir}/{there}/{os.path.basename(path)}")
                os.chmod(f"{self.dir}/{there}/{os.path.basename(path)}", 0o755)
        write(f"{self.dir}/mailname", "client.example\n")
        write(f"{self.dir}/conf/pausetime", "0\n")
        self.choose("plain")
        self.empty()

    def choose(self, kind):
        login = (f" --starttls --user={LOGIN[0]} --pass={LOGIN[1]} "
                 f"--x509cafile={Relay.CERTS}/ca.pem" if kind == "login" else "")
        write(f"{self.dir}/conf/remotes", f"localhost smtp --port={Relay.PORTS[kind]}{login}\n",
              0o600)

    def send(self, kind, path, relay=None):
        both = '"$0/sbin/sendmail" -i "$1" && exec "$0/sbin/nullmailer-send"'
        return measure(["sh", "-c", both, self.dir, f"rcpt@{kind}.example"], path, self.env)

    def hold(self, path):
        return measure([f"{self.dir}/sbin/sendmail", "-i", "rcpt@plain.example"], path,
                       self.env)

    def fill(self, count, kind, path):
        self.hold(path)
        (first,) = os.listdir(self.queued)
        for i in range(1, count):
            shutil.copy(f"{self.queued}/{first}", f"{self.queued}/{first}{i:06d}")

    def list(self, out):
        return measure([f"{self.dir}/bin/mailq"], env=self.env, out=out)

    def flush(self, kind, relay, count):
        return measure([f"{self.dir}/sbin/nullmailer-send"], env=self.env)

    def empty(self):
        shutil.rmtree(f"{self.dir}/queue", ignore_errors=True)
        for name in ("queue", "tmp", "failed"):
            os.makedirs(f"{self.dir}/queue/{name}")
        os.mkfifo(f"{self.dir}/queue/trigger")


ALL = (Postern, Msmtp, Dma, Nullmailer)
