# SPDX-License-Identifier: GPL-3.0-or-later
"""Postfix as a host that only passes mail on has it. Its daemons run all the time: what they
use while they work on a message is counted as part of that message's cost."""

import os
import pwd
import shutil
import time

import mailers
from mailers import Mailer
from measuring import APART, LOGIN, RECIPIENT, Daemon, measure, tree_memory, tree_of

MASTER = """
pickup    unix n - n 60 1 pickup
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
flush     unix n - n 1000? 0 flush
smtp      unix - - n - - smtp
showq     unix n - n - - showq
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
scache    unix - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""
MAIN = """
compatibility_level = 3.6
queue_directory = {dir}/spool
data_directory = {dir}/data
daemon_directory = {tree}/usr/lib/postfix/sbin
command_directory = {tree}/usr/sbin
shlib_directory = {tree}/usr/lib/postfix
meta_directory = {dir}/etc
maillog_file = {dir}/mail.log
maillog_file_prefixes = /mnt
mydestination =
inet_interfaces = loopback-only
inet_protocols = ipv4
smtp_host_lookup = native
alias_maps =
alias_database =
message_size_limit = 0
mailbox_size_limit = 0
smtp_tls_session_cache_database = btree:{dir}/data/sessions
relayhost = [{host}]:{port}
"""
LOGGED_IN = """
smtp_tls_security_level = secure
smtp_tls_wrappermode = {wrapper}
smtp_tls_CAfile = {ca}
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = inline:{{ {{ [{host}]:{port} = {user}:{password} }} }}
smtp_sasl_security_options = noanonymous
"""
ROOTS = "/etc/ssl/certs/ca-certificates.crt"
FOLDERS = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming",
           "maildrop", "pid", "private", "public", "saved", "trace")


class Postfix(Mailer):
    name = "postfix"
    program = "usr/sbin/postfix"
    queue = True

    def __init__(self):
        super().__init__()
        self.sbin = f"{self.tree}/usr/sbin"
        self.spool = f"{self.dir}/spool"
        self.log = f"{self.dir}/mail.log"
        self.env = {"MAIL_CONFIG": f"{self.dir}/etc"}
        mailers.write(f"{self.dir}/etc/master.cf", MASTER)
        os.makedirs(f"{self.dir}/data", exist_ok=True)
        shutil.chown(f"{self.dir}/data", "postfix")
        self.empty()

    @classmethod
    def missing(cls):
        return super().missing() if APART else "needs root, for a mount namespace"

    # The daemons

    def start(self):
        if self.daemon:
            return
        before = self.log_count("daemon started")
        self.daemon = Daemon(
            [f"{self.tree}/usr/lib/postfix/sbin/master", "-d", "-c", f"{self.dir}/etc"])
        self.wait_log("daemon started", before + 1)

    def stop(self):
        if self.daemon:
            self.daemon.stop()
        self.daemon = None

    def log_count(self, text):
        try:
            with open(self.log, "rb") as file:
                return file.read().count(text.encode())
        except OSError:
            return 0

    def wait_log(self, text, count, limit=300):
        end = time.monotonic() + limit
        while self.log_count(text) < count:
            if time.monotonic() > end or self.daemon.process.poll() is not None:
                raise RuntimeError(f"Postfix: {self.log_count(text)} of {count} {text!r}")
            time.sleep(0.02)
        return time.monotonic()

    def standing(self):
        """How many processes wait for mail, and the memory of all, KiB."""
        pids = tree_of(self.daemon.pid)
        return len(pids), tree_memory(pids)

    # What is measured

    def configure(self, route):
        self.stop()
        text = MAIN + (LOGGED_IN if route.login else "")
        mailers.write(f"{self.dir}/etc/main.cf", text.format(
            dir=self.dir, tree=self.tree, host=route.host, port=route.port, user=LOGIN[0],
            password=LOGIN[1], ca=ROOTS if route.system else route.ca,
            wrapper="yes" if route.security == "tls" else "no"))

    def argv(self, recipients, text):
        return [f"{self.sbin}/sendmail", "-i", *recipients]

    def send(self, text, over, recipients=(RECIPIENT,), times=1):
        self.start()
        return self.daemon.around(
            lambda: super(Postfix, self).send(text, over, recipients, times), over)

    def call(self, text, limit):
        self.start()
        return super().call(text, limit)

    def fill(self, count, text):
        """As in a queue whose relay was down: a file for the message, one for the reason."""
        self.empty()
        self.start()
        self.hold(text)
        self.wait_log("status=deferred", 1)
        self.stop()
        (first,) = os.listdir(f"{self.spool}/defer/{self.one('defer')}")
        user = pwd.getpwnam("postfix").pw_uid
        for room, mode in (("deferred", 0o700), ("defer", 0o600)):
            with open(f"{self.spool}/{room}/{first[0]}/{first}", "rb") as file:
                content = file.read()
            for i in range(1, count):
                name = f"{i * 4099 & 0xFFFFF:05X}{0xABC000 + i:X}"
                folder = f"{self.spool}/{room}/{name[0]}"
                if not os.path.isdir(folder):
                    os.mkdir(folder, 0o700)
                    os.chown(folder, user, -1)
                with open(f"{folder}/{name}", "wb") as file:
                    file.write(content)
                os.chown(f"{folder}/{name}", user, -1)
                os.chmod(f"{folder}/{name}", mode)
                # Not due: to be sent when asked for.
                os.utime(f"{folder}/{name}", (time.time() + 3600,) * 2)
        os.utime(f"{self.spool}/deferred/{first[0]}/{first}", (time.time() + 3600,) * 2)
        os.truncate(self.log, 0)
        self.start()

    def one(self, room):
        return next(n for n in os.listdir(f"{self.spool}/{room}")
                    if os.listdir(f"{self.spool}/{room}/{n}"))

    def list(self, out):
        return self.daemon.around(
            lambda: measure([f"{self.sbin}/postqueue", "-p"], env=self.env, out=out), lambda: 0)

    def flush(self, over):
        return self.daemon.around(
            lambda: measure([f"{self.sbin}/postqueue", "-f"], env=self.env), over)

    def flush_in_vain(self, count):
        return self.flush(lambda: self.wait_log("status=deferred", count))

    def empty(self):
        self.stop()
        shutil.rmtree(self.spool, ignore_errors=True)
        for name in FOLDERS:
            os.makedirs(f"{self.spool}/{name}")
            if name != "pid":
                shutil.chown(f"{self.spool}/{name}", "postfix")
                os.chmod(f"{self.spool}/{name}", 0o700)
        for name in ("maildrop", "public"):
            shutil.chown(f"{self.spool}/{name}", None, "postdrop")
            os.chmod(f"{self.spool}/{name}", 0o1730 if name == "maildrop" else 0o2710)
        if os.path.exists(self.log):
            os.truncate(self.log, 0)
