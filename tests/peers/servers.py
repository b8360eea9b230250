# SPDX-License-Identifier: GPL-3.0-or-later
"""Postfix, Exim and OpenSMTPD, each run from its unpacked packages (see fetch and alone) for one
case: on the loopback, on a port of its own, delivering into maildirs below the case's folder.

All of them know the domain peer.example. The users ann, bob, cas, dan and jürgen have a
maildir; whoever is called later is put off for as long as Peer.defer is set; the rest is
refused. Where they can be told, they offer everything they have.
"""

import os
import random
import shutil
import socket
import subprocess
import threading
import time

import harness

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.abspath(os.environ.get("PEERS")
                         or os.path.join(HERE, "..", "..", "build", "peers"))
DOMAIN = "peer.example"
USERS = ("ann", "bob", "cas", "dan", "j\u00fcrgen", "later")
LOGIN = ("demo", "open sesame")
ENVID = "QQ+2B3141+3D59"  # as xtext
UNSHARE = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")


def isolation():
    """Why no server can be run here, or None."""
    if os.geteuid() != 0:
        return "needs root, for a mount namespace"
    if not shutil.which("unshare"):
        return "needs unshare of util-linux"
    done = subprocess.run([*UNSHARE, "mount", "-t", "tmpfs", "peers", "/mnt"], timeout=30,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        return "no namespace to be had: " + done.stderr.decode("utf-8", "replace").strip()
    return None


_ports = set()


def free_port():
    """One that the system gives to nobody who asks for any: it has to stay free while the
    server is down."""
    while True:
        port = random.randrange(12000, 32000)
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _ports:
            _ports.add(port)
            return port


class PeerCase(harness.Case):
    """A case with servers, which end with it."""

    def __init__(self, name):
        super().__init__(name)
        self.peers = []

    def __exit__(self, *exception):
        try:
            for peer in self.peers:
                peer.stop()
        finally:
            super().__exit__(*exception)


class Peer:
    """A server. security: "tls", "starttls", or "none", if not what is usual for it; cert: which
    certificate of the harness; size: the largest message it takes; without: extensions that it
    is to keep quiet about. Where it can, and there is TLS, it asks for LOGIN. Ends with the case
    (a PeerCase) at the latest."""

    name = "?"
    users = ()  # that it wants to find on the system
    usual = "none"
    can_login = False
    can_hide = ()  # extensions
    smtputf8 = chunking = pipelining = True
    envid = "QQ+3141=59"  # what it makes of ENVID in a report

    def __init__(self, case, security=None, cert="server", size=40 << 20, without=()):
        self.case, self.security, self.cert = case, security or self.usual, cert
        self.size, self.without = size, without
        self.login = self.can_login and self.security != "none"
        self.defer = True
        self.process = None
        self.port = free_port()
        self.state = os.path.join(case.dir, self.name)
        self.tree = os.path.join(FOLDER, self.name)
        os.makedirs(os.path.join(self.state, "home"))
        case.peers.append(self)
        self.write("users", "\n".join(("vmail", *self.users)) + "\n")
        self.start()

    @classmethod
    def present(cls):
        return os.path.isdir(os.path.join(FOLDER, cls.name))

    def write(self, name, text):
        path = os.path.join(self.state, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def set_up(self):
        """Writes the configuration and STATE/start."""
        raise NotImplementedError

    def start(self):
        folder = harness.certificates("localhost")
        for end in ("pem", "key"):
            shutil.copy(os.path.join(folder, f"{self.cert}.{end}"),
                        os.path.join(self.state, f"server.{end}"))
            os.chmod(os.path.join(self.state, f"server.{end}"), 0o600 if end == "key" else 0o644)
        self.set_up()
        with open(os.path.join(self.state, "out"), "ab") as out:
            self.process = subprocess.Popen(
                [*UNSHARE, "sh", os.path.join(HERE, "alone"), self.tree, self.state],
                stdin=subprocess.PIPE, stdout=out, stderr=out)
        end = time.monotonic() + 30
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > end:
                raise harness.Wrong(f"{self.name} does not start: {self.log()[-2000:]}")
            time.sleep(0.05)

    def answers(self):
        """Is it there and, unless TLS comes first, does it greet us?"""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as sock:
                return self.security == "tls" or sock.recv(4) == b"220 "
        except OSError:
            return False

    def stop(self):
        if not self.process:
            return
        process, self.process = self.process, None
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        end = time.monotonic() + 10
        while self.answers():
            harness.check(time.monotonic() < end, f"{self.name} does not go away")
            time.sleep(0.05)

    def log(self):
        text = ""
        for folder, _, names in os.walk(self.state):
            for name in sorted(names):
                path = os.path.join(folder, name)
                if os.path.isfile(path) and (name == "out" or name.endswith("log")):
                    with open(path, encoding="utf-8", errors="replace") as file:
                        text += file.read()
        return text

    def relay(self, **more):
        """Our [relay] for it."""
        keys = {"host": "localhost", "family": "4", "port": str(self.port),
                "security": self.security, "timeout": "30s", "dot_timeout": "60s"}
        if self.security != "none":
            keys["tls_trust"] = os.path.join(harness.certificates("localhost"), "ca.pem")
        if self.login:
            self.case.write("password", LOGIN[1] + "\n")
            keys.update(user=LOGIN[0], password_file="{dir}/password")
        keys.update(more)
        return keys

    # What arrived

    def messages(self, user):
        folder = os.path.join(self.state, "mail", user, "new")
        try:
            names = sorted(os.listdir(folder))
        except FileNotFoundError:
            return []
        found = []
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                found.append(file.read())
        return found

    def count(self):
        """How many each user has, of those who have any."""
        counts = {}
        for user in USERS:
            try:
                number = len(os.listdir(os.path.join(self.state, "mail", user, "new")))
            except FileNotFoundError:
                continue
            if number:
                counts[user] = number
        return counts

    def expect(self, seconds=60, **counts):
        """Waits until these users, and no other, have so many messages each."""
        wanted = {{"juergen": "j\u00fcrgen"}.get(k, k): v for k, v in counts.items() if v}
        end = time.monotonic() + seconds
        while self.count() != wanted:
            got = self.count()
            over = any(n > wanted.get(user, 0) for user, n in got.items())
            if over or time.monotonic() > end:
                raise harness.Wrong(f"{self.name} has for its users {got}, wanted {wanted}; "
                                    f"it says: {self.log()[-1500:]}")
            time.sleep(0.05)
        time.sleep(0.3)
        harness.same("messages a moment later", self.count(), wanted)


class Postfix(Peer):
    name = "postfix"
    users = ("postfix", "postdrop")
    usual = "starttls"
    can_hide = ("8BITMIME", "CHUNKING", "PIPELINING", "SMTPUTF8", "SIZE", "DSN")

    MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
postlog   unix-dgram n - n - 1 postlogd
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
flush     unix n - n 1000? 0 flush
error     unix - - n - - error
retry     unix - - n - - error
virtual   unix - n n - - virtual
anvil     unix - - n - 1 anvil
"""
    # Not dropping Bcc for us.
    MAIN = """
compatibility_level = 3.6
queue_directory = /mnt/state/spool
data_directory = /mnt/state/data
daemon_directory = /mnt/tree/usr/lib/postfix/sbin
command_directory = /mnt/tree/usr/sbin
shlib_directory = /mnt/tree/usr/lib/postfix
meta_directory = /mnt/state/etc
maillog_file = /mnt/state/mail.log
maillog_file_prefixes = /mnt
myhostname = localhost
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = peer.example
virtual_mailbox_base = /mnt/state/mail
virtual_mailbox_maps = inline:{{ {boxes} }}
virtual_mailbox_limit = 0
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{uid}
virtual_minimum_uid = 1
message_drop_headers =
message_size_limit = {size}
smtputf8_enable = yes
smtpd_peername_lookup = no
smtpd_error_sleep_time = 0
smtpd_discard_ehlo_keywords = {hidden}
smtpd_recipient_restrictions =
    check_recipient_access inline:{{ {deferred} }}, reject_unauth_destination
smtpd_tls_security_level = {tls}
smtpd_tls_cert_file = /mnt/state/server.pem
smtpd_tls_key_file = /mnt/state/server.key
"""
    START = """
cd /mnt/state
chown vmail:vmail mail
mkdir -p data spool
chown postfix data
cd spool
mkdir -p active bounce corrupt defer deferred flush hold incoming private trace saved pid public
chown postfix active bounce corrupt defer deferred flush hold incoming private trace saved public
chmod 700 active bounce corrupt defer deferred flush hold incoming private trace saved
chgrp postdrop public
chmod 2710 public
exec /mnt/tree/usr/lib/postfix/sbin/master -d -c /mnt/state/etc
"""

    def set_up(self):
        hidden = [w.lower() for w in self.without]
        if self.security == "none":
            hidden.append("starttls")
        boxes = ", ".join(f"{{ {user}@{DOMAIN} = {user}/ }}" for user in USERS)
        access = "DEFER_IF_PERMIT later, please" if self.defer else "DUNNO"
        self.write("etc/main.cf", self.MAIN.format(
            boxes=boxes, uid=VMAIL, size=self.size, hidden=", ".join(hidden),
            deferred=f"{{ later@{DOMAIN} = {access} }}",
            tls={"none": "none", "starttls": "encrypt"}[self.security]))
        self.write("etc/master.cf", self.MASTER.format(port=self.port))
        os.makedirs(os.path.join(self.state, "mail"), exist_ok=True)
        self.write("start", self.START)


class Exim(Peer):
    name = "exim"
    users = ("Debian-exim",)
    usual = "tls"
    can_login = True
    envid = ENVID
    can_hide = ("8BITMIME", "CHUNKING", "PIPELINING", "SMTPUTF8", "DSN")

    CONF = """
primary_hostname = localhost
qualify_domain = peer.example
exim_path = /mnt/tree/usr/sbin/exim4
spool_directory = /mnt/state/spool
log_file_path = /mnt/state/logs/%slog
pid_file_path = /mnt/state/exim.pid
deliver_drop_privilege = true
keep_environment =
add_environment = PATH=/usr/bin:/bin
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
tls_on_connect_ports = {tls_port}
tls_advertise_hosts = {tls_hosts}
tls_certificate = /mnt/state/server.pem
tls_privatekey = /mnt/state/server.key
auth_advertise_hosts = {login_hosts}
chunking_advertise_hosts = {CHUNKING}
dsn_advertise_hosts = {DSN}
smtputf8_advertise_hosts = {SMTPUTF8}
pipelining_advertise_hosts = {PIPELINING}
accept_8bitmime = {eight}
message_size_limit = {size}
smtp_accept_queue_per_connection = 0
host_lookup =
rfc1413_query_timeout = 0s
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
log_selector = +all

begin acl
rcpt:
{deferred}
  deny message = 530 5.7.0 Authentication required
    condition = {login}
    !authenticated = *
  accept domains = peer.example
    local_parts = {boxes}
  deny message = 5.1.1 no such user here

begin routers
boxes:
  driver = accept
  domains = peer.example
  local_parts = {boxes}
  transport = maildir

begin transports
maildir:
  driver = appendfile
  directory = /mnt/state/mail/$local_part_data
  maildir_format
  create_directory
  return_path_add
  delivery_date_add
  envelope_to_add

begin retry
* * F,1h,1m

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_advertise_condition = ${{if def:tls_in_cipher}}
  server_prompts = :
  server_condition = ${{if and {{ {{eq{{$auth2}}{{{user}}}}} {{eq{{$auth3}}{{{password}}}}} }} }}
  server_set_id = $auth2
"""
    START = """
cd /mnt/state
mkdir -p spool logs
chown Debian-exim: spool logs mail . server.key
exec /mnt/tree/usr/sbin/exim4 -C /mnt/state/exim.conf -bdf -q1m
"""

    def set_up(self):
        shown = {w: "" if w in self.without else "*" for w in self.can_hide}
        deferred = (f"  defer message = 4.2.1 later, please\n    local_parts = later\n"
                    f"    domains = {DOMAIN}" if self.defer else "")
        self.write("exim.conf", self.CONF.format(
            port=self.port, tls_port=self.port if self.security == "tls" else "",
            tls_hosts="" if self.security == "none" else "*",
            login_hosts="*" if self.login else "", login="yes" if self.login else "no",
            eight="false" if "8BITMIME" in self.without else "true", size=self.size,
            deferred=deferred, boxes=" : ".join(USERS), user=LOGIN[0], password=LOGIN[1],
            **shown))
        os.makedirs(os.path.join(self.state, "mail"), exist_ok=True)
        self.write("start", self.START)


class OpenSMTPD(Peer):
    name = "opensmtpd"
    users = ("opensmtpd", "opensmtpq")
    # No TLS: that of the release which Debian 12 has does not work with OpenSSL 3.
    smtputf8 = chunking = pipelining = False
    envid = None

    CONF = """
table users {{ {boxes} }}
table boxes {{ {expand} }}
table deferred {{ "later@peer.example" }}
filter later phase rcpt-to match {negate}rcpt-to <deferred> {verdict}
smtp max-message-size {size}
listen on 127.0.0.1 port {port} hostname localhost filter later
action store maildir "/mnt/state/mail/%{{rcpt.user}}" virtual <boxes>
match from any for rcpt-to <users> action store
"""
    START = """
mkdir -p /var/lib/opensmtpd/empty /var/spool/mail /mnt/state/queue /var/spool/smtpd
mount --bind /mnt/state/queue /var/spool/smtpd
chmod 711 /var/spool/smtpd
mount -t tmpfs -o mode=755 peers /usr/libexec
mkdir /usr/libexec/opensmtpd
mount --bind /mnt/tree/usr/libexec/opensmtpd /usr/libexec/opensmtpd
chown vmail: /mnt/state/mail
chown root: /mnt/state/smtpd.conf
exec /mnt/tree/usr/sbin/smtpd -dv -f /mnt/state/smtpd.conf
"""

    def set_up(self):
        boxes = [f'"{user}@{DOMAIN}"' for user in USERS if user.isascii()]
        self.write("smtpd.conf", self.CONF.format(
            boxes=", ".join(boxes), expand=", ".join(f"{box} = vmail" for box in boxes),
            size=self.size, port=self.port,
            negate="" if self.defer else "!",
            verdict='reject "451 4.2.1 later, please"' if self.defer else "bypass"))
        os.makedirs(os.path.join(self.state, "mail"), exist_ok=True)
        self.write("start", self.START)


VMAIL = 64801  # vmail is the first of the users that alone adds
ALL = (Postfix, Exim, OpenSMTPD)


class Tap:
    """Stands between us and a server and keeps what we sent, as it came."""

    def __init__(self, port):
        self.target = port
        self.pieces = []  # of bytes, in order; several connections one after another
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(20)
        self.port = self.listener.getsockname()[1]
        self.over = False
        threading.Thread(target=self.serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over = True
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def serve(self):
        while not self.over:
            try:
                ours, _ = self.listener.accept()
                theirs = socket.create_connection(("127.0.0.1", self.target), 10)
            except OSError:
                return
            for pair in ((ours, theirs, self.pieces), (theirs, ours, None)):
                threading.Thread(target=self.pass_on, args=pair, daemon=True).start()

    @staticmethod
    def pass_on(source, sink, store):
        try:
            while piece := source.recv(1 << 20):
                if store is not None:
                    store.append(piece)
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def sent(self):
        return b"".join(self.pieces)

    def line(self, start):
        """Our command lines that begin so."""
        return [line for line in self.sent().split(b"\r\n") if line.startswith(start)]
