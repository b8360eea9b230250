#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recipes of postern-recipes(7), as the page has them: what is literal in it is installed and
run, in a jail as after the installation of the package, and mail must arrive by it. Providers are
the test relay and the provider of tokens under their names, at their ports and with certificates
that the jail trusts, so nothing in a configuration has to be changed.

The programs are taken from build/callers (or $CALLERS), where tests/callers/fetch unpacks them,
or from the system; a recipe whose program is not there is skipped. What cannot run here is stood
in for by what it would call: smartd's script, for there is no disk; a script of ZED, for there is
no pool; what the unit of systemd starts, and what it hands on; and what podman does with an image.
"""

import argparse
import configparser
import contextlib
import email
import email.policy
import json
import os
import re
import shlex
import shutil
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from functools import partial

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from jail import *  # noqa: E402,F403
import harness  # noqa: E402
from system_port import Port  # noqa: E402
from oauth_provider import DEVICE, JWT, Provider, unpadded  # noqa: E402

PAGE = os.path.join(SOURCE, "man/postern-recipes.7")
TREE = os.path.abspath(os.path.join(
    os.environ.get("CALLERS") or os.path.join(HERE, "../../build/callers"), "tree"))
SECRET = "correct-horse"
YOU, FROM, ANN_AT = "you@example.org", "alerts@example.org", "ann@example.org"
BOB_AT = "bob@dest.example"
TEXT = "Subject: hello\n\nHello.\n"


# The page

@dataclass
class Block:
    """What is literal: kind is "file", "add", "root" or "user"."""

    kind: str
    path: str
    text: str


@dataclass
class Recipe:
    title: str
    prose: str = ""
    blocks: list = field(default_factory=list)


ESCAPES = {r"\e": "\\", r"\&": "", r"\-": "-", r"\(dq": '"'}


def plain(line):
    return re.sub(r"\\(?:\(dq|.)", lambda found: ESCAPES[found[0]], line)


def kind_of(before):
    """What the lines before a block say that it is."""
    path = re.fullmatch(r"\.Pa (\S+) :", before[-1])
    if path:
        return ("add" if before[-2].lower().endswith("add to") else "file"), path[1]
    for words, kind in (("As root:", "root"), ("As a user:", "user")):
        if before[-1].endswith(words):
            return kind, None
    raise Wrong(f"nobody says what the block behind {before[-1]!r} is")


def read_page():
    found, block, before = [], None, []
    with open(PAGE, encoding="utf-8") as page:
        for line in page.read().splitlines():
            if block is not None and line != ".Ed":
                block.text += plain(line) + "\n"
            elif line.startswith(".Bd"):
                block = Block(*kind_of(before), "")
                found[-1].blocks.append(block)
            elif line == ".Ed":
                block = None
            elif line.startswith(".Ss "):
                found.append(Recipe(line[4:]))
            elif found:
                found[-1].prose += line + "\n"
            before.append(line)
    return {recipe.title: recipe for recipe in found}


# Where it is installed

# Over the system's, and gone with the jail. What is in prefix was hidden by the first.
OVER = """mount -t tmpfs -o mode=755 recipes /mnt
mkdir /mnt/usr /mnt/usr.work /mnt/lib /mnt/lib.work
mount -t overlay -o lowerdir=%(usr)s,upperdir=/mnt/usr,workdir=/mnt/usr.work recipes /usr
mount --bind prefix %(prefix)s
mount -t overlay -o lowerdir=/var/lib,upperdir=/mnt/lib,workdir=/mnt/lib.work recipes /var/lib
for folder in /var/log /var/cache /var/mail /root; do
	mount -t tmpfs -o mode=755 recipes $folder
done
for folder in apt/lists fail2ban; do
	mkdir -p /var/lib/$folder
	mount -t tmpfs -o mode=755 recipes /var/lib/$folder
done
for link in /usr/sbin/sendmail /usr/lib/sendmail; do
	rm -f $link
	ln -s %(sendmail)s $link
done
ln -sfn %(share)s/postern /usr/share/postern
%(more)s
"""
FROM_SYSTEM = ("alternatives", "pam.d", "security", "perl", "php")
_numbers = iter(range(1, 250))


class House(Jail):
    """A jail with the fetched programs in its /usr and /etc. more: shell commands, inside."""

    def __init__(self, name, needs="", more="", gate=True, **options):
        for path in needs.split():
            if not any(os.path.exists(f"{top}/usr/{path}") for top in (TREE, "")):
                raise Skip(f"/usr/{path} is not there: contrib/setup, tests/callers/fetch")
        with harness._lock:  # pylint: disable=protected-access
            self.net, self.hosts = f"127.1.{next(_numbers)}", 0
        usr = f"{TREE}/usr:/usr" if os.path.isdir(TREE) else "/usr"
        super().__init__(name, early=OVER % {
            "usr": usr, "prefix": PATHS["prefix"], "sendmail": SENDMAIL, "more": more,
            "share": PATHS["datarootdir"]}, gate=gate, **options)
        self.env["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        self.furnish()

    def furnish(self):
        """What the programs need below /etc."""
        fetched = os.listdir(f"{TREE}/etc") if os.path.isdir(f"{TREE}/etc") else ()
        for top, names in (("/etc", FROM_SYSTEM), (f"{TREE}/etc", fetched)):
            for name in names:
                if os.path.isdir(f"{top}/{name}"):
                    shutil.copytree(f"{top}/{name}", f"{self.dir}/etc/{name}", symlinks=True,
                                    dirs_exist_ok=True)
        with open(f"{self.dir}/etc/hosts", "a", encoding="ascii") as hosts:
            hosts.write(f"127.0.1.1 web1.jail.example {socket.gethostname()}\n")
        put(f"{self.dir}/etc/crontab", "")

    def host(self, name):
        """An address of its own for a name, and a certificate that the jail trusts."""
        self.hosts += 1
        address = f"{self.net}.{self.hosts}"
        with open(f"{self.dir}/etc/hosts", "a", encoding="ascii") as hosts:
            hosts.write(f"{address} {name}\n")
        bundle = folder(f"{self.dir}/etc/ssl/certs") + "/ca-certificates.crt"
        with open(certificates(name) + "/ca.pem", "rb") as ours, open(bundle, "ab") as all_:
            all_.write(ours.read())
        return address

    def server(self, name, port, *options, user=None, secret=SECRET):
        """A relay of that name. With a user, nobody else may send."""
        if user:
            options = ("--user", user, "--password", secret, "--require-auth", *options)
        if port == 587:
            options = ("--require-tls", *options)
        address = self.host(name)
        return self.relay("--listen", address, "--name", name, *options,
                          *(("--tls",) if port == 465 else ()), cert="server",
                          certs=certificates(name), port=port)

    def base(self):
        """Any relay, as what has something to say needs. Only root is you."""
        put(self.dir + "/etc/aliases", f"root: {YOU}\n")
        return self.simple(conf={"mail.from": FROM, "mail.admin": "nobody@example.org",
                                 "mail.hostname": None, "mail.domain": None})

    def place(self, path, places):
        """Where a file of the page goes, as seen from here, and whose it is."""
        if path in places:
            return self.dir + places[path], "root"
        if path.startswith("~/"):
            return f"{self.dir}/home/ann/{path[2:]}", "ann"
        check(path.startswith("/etc/"), f"no place for {path}")
        return self.dir + path, "root"

    def install(self, block, places):
        path, owner = self.place(block.path, places)
        text = block.text
        if block.kind == "add" and os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                text = file.read() + text
        put(path, text, 0o644, *USERS[owner][:2])
        if owner == "ann":
            os.chown(os.path.dirname(path), ANN, ANN)

    def follow(self, recipe, places=None, feed="", said=".*"):
        """Does what the recipe says. feed: what its commands read; said: what they print."""
        for block in recipe.blocks:
            if block.path:
                self.install(block, places or {})
            else:
                user = "ann" if block.kind == "user" else "root"
                result = self.shell(block.text, user, feed=feed.encode(), umask=0o077)
                match("it says", f"^{said}$", result.out + result.err)

    def shell(self, script, user="root", env=None, **more):
        """Commands, of which none may fail."""
        home = "/root" if user == "root" else f"/home/{user}"
        result = self.run_as(user, "/bin/sh", "-e", "-c", script, limit=LIMIT, cwd=home,
                             env={"HOME": home, **(env or {})}, **more)
        same(f"exit of {script!r}, which says {result.out + result.err!r}", result.code, 0)
        return result

    def is_checked(self, user="root"):
        result = self.run_as(user, "sendmail", "--check", limit=LIMIT)
        same(f"sendmail --check: {result.out + result.err}", result.code, 0)

    def nothing_left(self):
        end = time.monotonic() + 10
        while os.listdir(f"{self.spool}/hold"):
            check(time.monotonic() < end, "held: " + self.run_as("root", "mailq", "-v").out)
            time.sleep(0.05)
        self.check_sanitizers()


def arrived(relay, sender, recipients, subject="hello", text="Hello", count=1):
    """The last of so many messages, as it came to the relay. subject and text are patterns."""
    events = relay.wait_for("message", count, seconds=20)
    same("messages", len(events), count)
    same("violations", relay.violations(), [])
    event, raw = events[-1], relay.stored()[-1]
    same("the sender", event["sender"], sender)
    same("recipients", sorted(r["address"] for r in event["recipients"]), sorted(recipients))
    message = email.message_from_bytes(raw, policy=email.policy.default)
    for name in ("From", "Date", "Message-ID", "Subject"):
        same(f"fields {name}", len(message.get_all(name, [])), 1)
    same("From", [a.addr_spec for a in message["From"].addresses], [sender])
    match("Subject", f"^{subject}$", str(message["Subject"]))
    part = message.get_body(("plain",))
    match("the text", text, part.get_content().replace("\r\n", "\n"))
    return message


def goes_out(house, relay, sender=FROM):
    """What a user sends, and what is for root."""
    house.is_checked()
    house.send_as("ann", "-i", BOB_AT, message=TEXT.encode())
    arrived(relay, sender, [BOB_AT])
    house.send_as("root", "-i", "root", message=TEXT.encode())
    arrived(relay, sender, [YOU], count=2)
    house.nothing_left()


# Stands in for the one that asks the first process.
SYSTEMCTL = """rm -f /usr/bin/systemctl
cat >/usr/bin/systemctl <<'END'
#!/bin/sh
test "$1" = status || exec echo "$*" >>/run/systemctl
echo "Hello, $*"
exit 3
END
chmod 755 /usr/bin/systemctl"""
UNITS = SOURCE + "/contrib/systemd"


def told_systemctl(house):
    with open(house.dir + "/run/systemctl", encoding="utf-8") as file:
        return file.read().splitlines()


def setting_of_unit(path, section, name):
    """As systemd joins the lines."""
    unit = configparser.ConfigParser(interpolation=None)
    with open(path, encoding="utf-8") as file:
        unit.read_string(re.sub(r"\\\n", " ", file.read()))
    return unit[section][name]


# Relays

EDITOR = f"printf '#!/bin/sh\\necho {SECRET} >$1\\n' >/usr/bin/editor\nchmod 755 /usr/bin/editor"


def password(recipe):
    with House("password", more="rm -f /usr/bin/editor\n" + EDITOR) as house:
        house.follow(recipe)
        info = os.stat(house.dir + SECRET_FILE)
        same("owner and mode", (info.st_uid, info.st_gid, oct(info.st_mode & 0o7777)),
             (0, POSTERN, oct(0o640)))
        with open(house.dir + SECRET_FILE, encoding="utf-8") as file:
            same("the file", file.read(), SECRET + "\n")


def keep_password(house, secret=SECRET):
    put(house.dir + SECRET_FILE, secret + "\n", 0o640, 0, POSTERN)


def provider(recipe, host, user, sender=FROM, backup=None):
    with House("provider") as house:
        relay = house.server(host, 465, user=user)
        if backup:
            house.relay(*relay.options, cert="server", certs=relay.certs, port=backup)
        keep_password(house)
        house.follow(recipe)
        goes_out(house, relay, sender)


class Microsoft(Provider):
    """Under the path of the tenant, as that has it."""

    HEAD = "/example.org/oauth2/v2.0"

    def answer(self, path, form):
        same("client", form["client_id"], "11111111-2222-3333-4444-555555555555")
        if path == self.HEAD + "/devicecode":
            return super().answer("/device", form)
        return super().answer("/token" if path == self.HEAD + "/token" else path, form)


def need_oauth():
    if not os.path.exists(os.path.join(BUILD, "token")):
        raise Skip("built without oauth")


def microsoft(recipe, grant, scope):
    need_oauth()
    with House("microsoft") as house:
        login = "login.microsoftonline.com"
        tokens = Microsoft(certificates(login), address=(house.host(login), 443))
        try:
            relay = house.server("smtp.office365.com", 587, "--mechanisms", "LOGIN XOAUTH2",
                                 user=FROM, secret=tokens.access(1))
            keep_password(house, "shop-secret")
            house.follow(recipe, said=".*code WDJB-MJHT.*logged in.*")
            goes_out(house, relay)
            asked = [form for path, form, _ in tokens.asked if "scope" in form]
            same("scope", {form["scope"] for form in asked}, {scope})
            same("grant", {f["grant_type"] for _, f, _ in tokens.asked if "grant_type" in f},
                 {grant})
        finally:
            tokens.close()


def workspace(recipe):
    need_oauth()
    with House("workspace") as house:
        login = "oauth2.googleapis.com"
        tokens = Provider(certificates(login), address=(house.host(login), 443))
        tokens.issuer, tokens.user = "https://" + login, FROM
        try:
            relay = house.server("smtp.gmail.com", 465, "--mechanisms", "PLAIN LOGIN XOAUTH2",
                                 user=FROM, secret=tokens.access(1))
            put(house.dir + "/tmp/key.json", tokens.service_account(house.dir), 0o600)
            house.shell("cp /tmp/key.json .")
            house.follow(recipe, said="")
            goes_out(house, relay)
            form, = tokens.forms()
            same("grant", form["grant_type"], JWT)
            claims = json.loads(unpadded(form["assertion"].split(".")[1]))
            match("the page names the scope", f"(?m)^.Lk {claims['scope']} [.]$", recipe.prose)
        finally:
            tokens.close()


def company(recipe):
    with House("company") as house:
        relay = house.server("relay.example.org", 25, "--require-tls")
        house.follow(recipe)
        goes_out(house, relay)
        # Nor does one without TLS keep the mail waiting.
        relay.restart("--listen", relay.options[1])
        house.send_as("ann", "-i", BOB_AT, message=TEXT.encode())
        arrived(relay, FROM, [BOB_AT], count=3)


def direct(recipe):
    with House("direct") as house:
        # One without TLS, as there are.
        relays = {name: house.server("mx." + name, 25, *more) for name, more in (
            ("dest.example", ("--require-tls",)), ("example.org", ("--without", "STARTTLS")))}

        def answer(name, kind):
            if name in relays and kind == "MX":
                return ("records", [("MX", (10, "mx." + name))])
            if name[3:] in relays and kind == "A":
                return ("records", [("A", relays[name[3:]].options[1])])
            return ("records", []) if name in relays or name[3:] in relays else ("rcode", 3)

        names = Names(answer, port=53)
        try:
            house.follow(recipe)
            house.is_checked()
            house.send_as("ann", "-i", BOB_AT, "root", message=TEXT.encode())
            for name, recipient in (("dest.example", BOB_AT), ("example.org", YOU)):
                arrived(relays[name], FROM, [recipient])
                same("EHLO", {c for c in relays[name].commands() if c.startswith("EHLO")},
                     {"EHLO web1.example.org"})
            house.nothing_left()
        finally:
            names.close()


GPG = "gpg --batch --quiet --passphrase '' --quick-gen-key ann default default never\npass init ann"


def from_pass(recipe):
    with House("pass", "bin/pass bin/gpg") as house:
        relay = house.server("smtp.example.org", 587, user=ANN_AT)
        house.shell(GPG, "ann")
        house.follow(recipe, feed=f"{SECRET}\n{SECRET}\n")
        house.is_checked("ann")
        house.send_as("ann", "-i", "-f", ANN_AT, BOB_AT, message=TEXT.encode())
        arrived(relay, ANN_AT, [BOB_AT])


BUS = """echo "$DBUS_SESSION_BUS_ADDRESS"
mkdir -m 700 /tmp/bus
printf word | gnome-keyring-daemon --unlock --components=secrets --control-directory=/tmp/bus \\
    >/dev/null 2>&1
for _ in 1 2 3 4 5 6 7 8 9 10; do
    printf x | secret-tool store --label=try try this 2>/dev/null
    test "$(secret-tool lookup try this 2>/dev/null)" != x || { echo ready; exec cat; }
    sleep 0.5
done
echo nothing"""


def from_keyring(recipe):
    needs = "bin/secret-tool bin/gnome-keyring-daemon bin/dbus-run-session"
    with House("keyring", needs) as house:
        relay = house.server("smtp.example.org", 587, user=ANN_AT)
        session = house.begin_as("ann", "/usr/bin/dbus-run-session", "--", "sh", "-c", BUS)
        try:
            house.env["DBUS_SESSION_BUS_ADDRESS"] = session.process.stdout.readline().decode()[:-1]
            match("the bus", "^unix:", house.env["DBUS_SESSION_BUS_ADDRESS"])
            if session.process.stdout.readline() != b"ready\n":
                raise Skip("the keyring does not give back what it was given")
            house.follow(recipe, feed=SECRET)
            house.is_checked("ann")
            house.send_as("ann", "-i", "-f", ANN_AT, BOB_AT, message=TEXT.encode())
            arrived(relay, ANN_AT, [BOB_AT])
        finally:
            session.fed().wait(10)


def from_systemd(recipe):
    with House("systemd", "bin/systemd-creds", more=SYSTEMCTL) as house:
        relay = house.server("smtp.example.org", 587, user=FROM)
        put(house.dir + "/etc/machine-id", "0123456789abcdef" * 2 + "\n")
        house.follow(recipe, feed=SECRET + "\n")
        same("systemctl", told_systemctl(house), ["daemon-reload"])
        path = recipe.blocks[1].path
        start, end = re.fullmatch(r"/etc/systemd/system/(.*-)([.]service)[.]d/.*[.]conf",
                                  path).groups()
        services = [name for name in os.listdir(UNITS) if name.endswith(end)]
        same("for all services", [s for s in services if not s.startswith(start)], [])
        name, source = setting_of_unit(house.dir + path, "Service",
                                       "LoadCredentialEncrypted").split(":")
        same("mode of the folder", oct(os.stat(house.dir + os.path.dirname(source)).st_mode),
             oct(0o40700))
        house.shell(f"mkdir -m 700 /tmp/given\nsystemd-creds decrypt --name={name} {source} "
                    f"/tmp/given/{name}\nchown -R postern /tmp/given")
        for gate in house.gates:
            gate.env["CREDENTIALS_DIRECTORY"] = "/tmp/given"
        for user, to, recipient in (("ann", BOB_AT, BOB_AT), ("root", "root", YOU)):
            before = relay.mark()
            house.send_as(user, "-i", to, message=TEXT.encode())
            relay.wait_for("message", since=before)
            arrived(relay, FROM, [recipient], count=1 + (user == "root"))


def senders(recipe):
    with House("senders") as house:
        relay = house.base()
        house.follow(recipe)
        for count, (user, sender) in enumerate((("ann", ANN_AT), ("bob", "office@example.org"),
                                                ("carol", FROM)), 1):
            house.send_as(user, "-i", BOB_AT, message=TEXT.encode())
            arrived(relay, sender, [BOB_AT], count=count)


MSMTP = (f"defaults\nauth on\ntls on\ntls_starttls on\naccount default\nhost smtp.example.org\n"
         f"port 587\nfrom {FROM}\nuser {FROM}\npassword {SECRET}\n")
SSMTP = (f"root={YOU}\nmailhub=smtp.example.org:587\nUseSTARTTLS=YES\nAuthUser={FROM}\n"
         f"AuthPass={SECRET}\n")


def moved_in(recipe):
    for path, text, sender in (("/etc/msmtprc", MSMTP, FROM),
                               ("/etc/ssmtp/ssmtp.conf", SSMTP, "ann@web1.jail.example")):
        with House("import") as house:
            relay = house.server("smtp.example.org", 587, user=FROM)
            put(house.dir + path, text, 0o600)
            house.follow(recipe)
            house.is_checked()
            house.send_as("ann", "-i", BOB_AT, message=TEXT.encode())
            arrived(relay, sender, [BOB_AT])
            house.nothing_left()


# Services

def cron(recipe):
    with House("cron", "sbin/cron", copy=True) as house:
        relay = house.base()
        house.follow(recipe)
        put(house.dir + "/prefix/sbin/backup", "#!/bin/sh\necho Hello from $LOGNAME\n", 0o755)
        folder(house.dir + "/spool/cron/crontabs")
        # Its time is now.
        job = house.dir + "/etc/cron.d/backup"
        with open(job, encoding="utf-8") as file:
            text, count = re.subn(r"(?m)^15 3 \* \* \*", "@reboot", file.read())
        same("times", count, 1)
        put(job, text)
        house.begin_as("root", "/usr/sbin/cron", "-f").fed()
        arrived(relay, FROM, ["backup@example.org"], "Cron <root@.*> /usr/local/sbin/backup",
                "Hello from root")
        house.nothing_left()


def filled_in(text, **values):
    return re.sub("%(.)", lambda found: values[found[1]], text)


def unit_fails(recipe):
    with House("unit", more=SYSTEMCTL) as house:
        relay = house.base()
        house.follow(recipe)
        units = house.dir + "/etc/systemd/system"
        put(units + "/backup.service", "[Service]\nExecStart=/bin/false\n")
        same("systemctl", told_systemctl(house), ["daemon-reload"])
        here = socket.gethostname()
        started = setting_of_unit(units + "/backup.service.d/mail.conf", "Unit", "OnFailure")
        same("the unit that is started", filled_in(started, n="backup.service"),
             "mail-failed@backup.service.service")
        command = setting_of_unit(units + "/mail-failed@.service", "Service", "ExecStart")
        argv = shlex.split(filled_in(command, i="backup.service", H=here))
        result = house.run_as("root", *argv)
        same("exit and output", (result.code, result.out, result.err), (0, "", ""))
        arrived(relay, FROM, [YOU], f"backup.service failed on {here}",
                "Hello, status --full backup.service")
        house.nothing_left()
        if os.path.exists("/usr/bin/systemd-analyze"):
            result = house.shell("systemd-analyze --man=no verify backup.service "
                                 "mail-failed@backup.service.service")
            no_match("systemd-analyze", "/etc/systemd.*", result.err)


MAIL = "ln -sf bsd-mailx /usr/bin/mail"


def smartd(recipe):
    with House("smartd", "sbin/smartd bin/bsd-mailx", more=MAIL) as house:
        relay = house.base()
        house.follow(recipe)
        # It takes the file, and says then that there is no disk.
        result = house.run_as("root", "/usr/sbin/smartd", "-c", "/etc/smartd.conf", "-q", "onecheck")
        match("smartd", "Configuration file /etc/smartd.conf was parsed, found DEVICESCAN",
              result.out)
        _, *words = recipe.blocks[0].text.split()
        options = list(zip(words[::2], words[1::2]))
        same("a test", ("-M", "test") in options, True)
        house.shell("/usr/share/smartmontools/smartd_warning.sh", env={
            "SMARTD_ADDRESS": dict(options)["-m"], "SMARTD_MAILER": "",
            "SMARTD_FAILTYPE": "EmailTest", "SMARTD_MESSAGE": "TEST EMAIL from smartd",
            "SMARTD_DEVICE": "/dev/sda", "SMARTD_DEVICETYPE": "sat", "SMARTD_PREVCNT": "0",
            "SMARTD_DEVICEINFO": "a disk", "SMARTD_DEVICESTRING": "/dev/sda"})
        arrived(relay, FROM, [YOU], r"SMART error \(EmailTest\) detected on host: .*",
                "TEST EMAIL from smartd")
        house.nothing_left()


def mdadm(recipe):
    with House("mdadm", "sbin/mdadm") as house:
        relay = house.base()
        # An array that need not be there, as on this machine there is none.
        recipe.blocks[-1].text = recipe.blocks[-1].text.rstrip("\n") + " /dev/md0\n"
        house.follow(recipe)
        arrived(relay, FROM, [YOU], "TestMessage event on /dev/md0:.*", "generated mail message")
        house.nothing_left()


ZPOOL = "printf '#!/bin/sh\\necho no disk\\n' >/usr/sbin/zpool\nchmod 755 /usr/sbin/zpool"


def zed(recipe):
    with House("zed", "lib/zfs-linux/zed.d/scrub_finish-notify.sh", more=ZPOOL) as house:
        relay = house.base()
        house.follow(recipe)
        folder(house.dir + "/run/lock")
        house.shell("/usr/lib/zfs-linux/zed.d/scrub_finish-notify.sh", env={
            "PATH": "/bin:/sbin:/usr/bin:/usr/sbin", "ZED_ZEDLET_DIR": "/etc/zfs/zed.d",
            "ZPOOL": "/usr/sbin/zpool", "ZED_PID": "1", "ZEVENT_POOL": "tank", "ZEVENT_EID": "7",
            "ZEVENT_SUBCLASS": "scrub_finish", "ZEVENT_TIME_STRING": "2026-11-21 20:00:00+0000"})
        arrived(relay, FROM, [YOU], "ZFS scrub_finish event for tank on .*",
                "ZFS has finished a scrub:.*eid: 7.*no disk")
        house.nothing_left()


# It bans nobody, and watches an empty file.
FAIL2BAN = """[DEFAULT]
banaction = dummy
[sshd]
enabled = true
backend = polling
logpath = /etc/nobody.log
"""


def fail2ban(recipe):
    with House("fail2ban", "bin/fail2ban-client") as house:
        relay = house.base()
        house.follow(recipe)
        put(house.dir + "/etc/fail2ban/jail.d/test.local", FAIL2BAN)
        put(house.dir + "/etc/nobody.log", "")
        folder(house.dir + "/run/fail2ban")
        house.shell("fail2ban-client start\nfail2ban-client set sshd banip 192.0.2.7")
        try:
            arrived(relay, FROM, [YOU], r"\[Fail2Ban\] sshd: banned 192.0.2.7 from .*",
                    "192.0.2.7 has just been banned", count=2)
        finally:
            house.shell("fail2ban-client stop")
        house.nothing_left()


# Though there is nothing new.
ALWAYS = 'Unattended-Upgrade::MailReport "always";\n'


def unattended(recipe):
    with House("unattended", "bin/unattended-upgrade lib/python3/dist-packages/apt") as house:
        relay = house.base()
        house.follow(recipe)
        put(house.dir + "/etc/apt/apt.conf.d/99test", ALWAYS)
        house.shell("unattended-upgrade")
        arrived(relay, FROM, [YOU], "unattended-upgrades result for .*: SUCCESS",
                "Unattended upgrade result")
        house.nothing_left()


# Programs

def php(recipe):
    with House("php", "bin/php.default") as house:
        relay = house.base()
        house.follow(recipe, places={"php.ini": "/tmp/php.ini"})
        house.shell("php.default -c /tmp/php.ini -r 'exit(mail(\"bob@dest.example\", \"hello\", "
                    "\"Hello.\") ? 0 : 1);'", "ann")
        arrived(relay, "shop@example.org", [BOB_AT])
        house.nothing_left()


SHOP = """import django
django.setup()
from django.core.mail import EmailMessage
sent = EmailMessage("hello", "Hello.\\n.\\nEnd.", to=["bob@dest.example"], cc=["cas@dest.example"],
                    bcc=["dan@dest.example"]).send()
assert sent == 1
"""


_port_25 = threading.Lock()


@contextlib.contextmanager
def enabled(house, name):
    """What systemd does for a socket of ours that is enabled."""
    with open(f"{UNITS}/{name}", encoding="utf-8") as file:
        places = re.findall(r"(?m)^ListenStream=(.*):(\d+)$", file.read())
    with open(UNITS + "/" + name.replace(".socket", "@.service"), encoding="utf-8") as file:
        same("what it starts, and as whom",
             re.findall(r"(?m)^(?:ExecStart|User)=(.*)", file.read()),
             ["-@sbindir@/sendmail -bs", "@user@"])
    with _port_25, contextlib.ExitStack() as stack:
        for address, number in places:
            stack.enter_context(Port(house, address.strip("[]"), number=int(number)))
        yield


SMTP_ONLY = """import smtplib
with smtplib.SMTP("%s", %s) as smtp:
    smtp.sendmail("ann@web1.jail.example", "%s", "Subject: hello\\n\\nHello.\\n")
"""


def smtp_only(recipe):
    with House("smtp", more=SYSTEMCTL) as house:
        relay = house.base()
        house.follow(recipe, said="")
        line, = told_systemctl(house)
        words = line.split()
        same("systemctl", words[:-1], ["enable", "--now"])
        place = re.search(r"(?m)^[.]Ql (\S+) ,\nport (\d+),", recipe.prose).groups()
        with enabled(house, words[-1]):
            for count, (to, recipient) in enumerate(((BOB_AT, BOB_AT), ("root", YOU)), 1):
                put(house.dir + "/tmp/program", SMTP_ONLY % (*place, to))
                house.shell("/usr/bin/python3 /tmp/program", "ann")
                arrived(relay, FROM, [recipient], count=count)
        match("the log", rf"(uid={ANN} [^\n]*status=accepted.*){{2}}", house.log())
        house.nothing_left()


def django(recipe):
    with House("django", "bin/django-admin bin/python3") as house, \
            enabled(house, "postern-smtp.socket"):
        relay = house.base()
        house.follow(recipe, {"settings.py": "/tmp/settings.py"})
        sells(house, relay)


def sells(house, relay):
    put(house.dir + "/tmp/shop.py", SHOP)
    house.shell("DJANGO_SETTINGS_MODULE=settings exec /usr/bin/python3 -B /tmp/shop.py", "ann")
    message = arrived(relay, "shop@example.org",
                      [n + "@dest.example" for n in ("bob", "cas", "dan")],
                      text=r"Hello\.\n\.\nEnd\.")
    same("From", str(message["From"]), "Shop <shop@example.org>")
    house.nothing_left()


def backend(recipe):
    with House("django", "bin/django-admin bin/python3") as house:
        relay = house.base()
        places = {name: "/tmp/" + name for name in ("sendmail_backend.py", "settings.py")}
        house.follow(recipe, places)
        sells(house, relay)
        relay.restart("--on", "RCPT reply 550 5.1.1 no")
        result = house.run_as("ann", "/usr/bin/python3", "-B", "/tmp/shop.py",
                              env={"DJANGO_SETTINGS_MODULE": "settings"})
        match("a refusal is an error", "CalledProcessError", result.err)


PATCH = (f"From {'0' * 40} Mon Sep 17 00:00:00 2001\nFrom: Ann <{ANN_AT}>\n"
         "Date: Sat, 21 Nov 2026 20:00:00 +0000\nSubject: hello\n\nHello.\n")


def git(recipe):
    with House("git", "lib/git-core/git-send-email") as house:
        relay = house.base()
        house.follow(recipe)
        put(house.dir + "/tmp/patch", PATCH)
        house.shell("git config --global user.name Ann\n"
                    f"git config --global user.email {ANN_AT}\n"
                    f"git send-email --confirm=never --to={BOB_AT} --suppress-cc=all /tmp/patch",
                    "ann")
        arrived(relay, ANN_AT, [BOB_AT])
        house.nothing_left()


def mutt(recipe):
    with House("mutt", "bin/mutt") as house:
        relay = house.base()
        house.follow(recipe)
        house.shell(f"echo Hello | mutt -s hello -- {BOB_AT}", "ann")
        arrived(relay, ANN_AT, [BOB_AT])
        house.nothing_left()


def accounts(recipe):
    with House("accounts", "bin/mutt") as house:
        work = house.server("smtp.work.example", 587, user="ann")
        home = house.server("smtp.example.org", 587, user=ANN_AT, secret="at home")
        house.follow(recipe)
        for name, secret in (("work", SECRET), ("home", "at home")):
            put(f"{house.dir}/home/ann/.config/{name}.secret", secret + "\n", 0o600, ANN, ANN)
        house.is_checked("ann")
        for address in ("boss@work.example", BOB_AT, "work@example.org"):
            house.shell(f"echo Hello | mutt -s hello -- {address}", "ann")
        arrived(work, "ann@work.example", ["boss@work.example"])
        arrived(home, ANN_AT, ["work@example.org"], count=2)


APP = f"""#!/bin/sh
sendmail --check >&2 || exit
sendmail -i {BOB_AT} root </tmp/message
exec sleep 60
"""
APT = """rm -f /usr/bin/apt-get
printf '#!/bin/sh\\necho "$*" >>/tmp/apt-get\\n' >/usr/bin/apt-get
chmod 755 /usr/bin/apt-get"""
# What is below it belongs to the image.
VAR = "mount -t tmpfs -o mode=755 var /var\nmkdir -p /run/secrets"


def steps(text):
    """Of a Containerfile: instruction and what it says."""
    lines = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", text)).splitlines()
    return [line.split(maxsplit=1) for line in lines if line]


class Words(argparse.ArgumentParser):
    def error(self, message):
        raise Wrong(message)


class Engine:
    """What podman does for the commands of the page, with the jail in place of the image.
    place: the folder that they are given in."""

    def __init__(self, house, place):
        self.house, self.place = house, place
        self.secrets, self.image, self.call = {}, {}, None

    def do(self, command):
        program, verb, *words = shlex.split(command)
        same("the program", program, "podman")
        getattr(self, verb)(*words)

    def build(self, option, name, place):
        same("build", (option, place), ("-t", "."))
        self.image = {"name": name}
        with open(f"{self.house.dir}{self.place}/Containerfile", encoding="utf-8") as file:
            found = steps(file.read())
        for instruction, text in found:
            if instruction == "COPY":
                self.house.shell(f"cp {self.place}/{text}")
            elif instruction == "RUN":
                self.house.shell(text, umask=0o022)
            else:
                self.image[instruction] = text

    def secret(self, verb, name, file):
        same("secret", verb, "create")
        self.secrets[name] = f"{self.place}/{file}"

    def run(self, *words):
        parser = Words()
        parser.add_argument("--secret")
        parser.add_argument("-v", action="append")
        parser.add_argument("image")
        given = parser.parse_args(words)
        same("the image", given.image, self.image["name"])
        script = ["set -e", "hostname 7d4b9c6f5", "mount -t tmpfs -o mode=755 secrets /run/secrets",
                  f"cp {self.secrets[given.secret]} /run/secrets/{given.secret}",
                  f"chmod 444 /run/secrets/{given.secret}",
                  "mount -o remount,ro,bind /run/secrets"]
        for volume in given.v:
            source, target, *mode = volume.split(":")
            check(mode in ([], ["ro"]), f"the volume {volume}")
            if source.startswith("./"):
                source = self.place + source[1:]
                script.append(f"test -e {target} || : >{target}")
            else:
                # A new one becomes like the folder of the image.
                source = "/tmp/" + source
                script.append(f"mkdir {source}; chmod $(stat -c %a {target}) {source}")
            script += [f"mount --bind {source} {target}",
                       f"mount -o remount,bind,{mode[0] if mode else 'rw'} {target}"]
        user = self.image["USER"]
        script.append(f"exec setpriv --no-new-privs --reuid {user} --regid {user} --clear-groups "
                      f'env {self.image["ENV"]} "$@"')
        first = json.loads(self.image["ENTRYPOINT"]) + json.loads(self.image["CMD"])
        self.call = self.house.begin_as(
            "root", "/usr/bin/unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child",
            "--mount-proc", "sh", "-c", "\n".join(script), "sh", *first,
            env={"HOME": "/", "USER": None, "LOGNAME": None, "UID": None, "POSTERN_FLUSH": "1"})

    def stop(self):
        with open(f"/proc/{self.call.pid}/task/{self.call.pid}/children", encoding="ascii") as file:
            os.kill(int(file.read()), signal.SIGTERM)
        return self.call.wait(10)


def container(recipe):
    with House("container", more=APT, last=VAR, gate=False, copy=True) as house:
        relay = house.server("smtp.example.org", 587, user=FROM)
        relay.restart(*relay.options, "--on", "DATA reply 451 4.3.0 later", cert="server")
        place = "/tmp/image"
        put(house.dir + "/prefix/bin/app", APP, 0o755)
        put(house.dir + "/tmp/message", TEXT)
        put(f"{house.dir}{place}/smtp.txt", SECRET + "\n", 0o600)
        put(f"{house.dir}{place}/postern_0_all.deb", "")
        put(f"{house.dir}{place}/Containerfile", "FROM debian\n")
        *files, commands = recipe.blocks
        house.follow(Recipe(recipe.title, blocks=files),
                     {block.path: f"{place}/{block.path}" for block in files})
        with open(f"{house.dir}{place}/postern.conf", "a", encoding="utf-8") as file:
            file.write("[delivery]\nretry = 1s\n")
        like_ours(files[0].text)
        engine = Engine(house, place)
        for command in re.sub(r"\\\n", "", commands.text).splitlines():
            engine.do(command)
        with open(house.dir + "/tmp/apt-get", encoding="utf-8") as file:
            same("apt-get", file.read().splitlines(),
                 ["update", "install -y ca-certificates /tmp/postern_0_all.deb"])
        relay.wait_for("close", 2, seconds=20)
        relay.good(*relay.options)
        arrived(relay, FROM, [BOB_AT, YOU])
        same("EHLO", {c for c in relay.commands() if c.startswith("EHLO")},
             {"EHLO app.example.org"})
        result = engine.stop()
        same("exit", result.code, 128 + signal.SIGTERM)
        match("its log", "status=held.*status=delivered", result.err)
        same("left", os.listdir(house.dir + "/tmp/mail/postern/hold"), [])
        house.check_sanitizers()


def like_ours(text):
    """What the page has of it, the Containerfile that is built by tests/packages has."""
    with open(SOURCE + "/contrib/container/Containerfile", encoding="utf-8") as file:
        ours = steps(file.read())
    for instruction, words in steps(text):
        if instruction != "CMD" and "apt-get" not in words:
            check([instruction, words] in ours, f"{instruction} {words}: ours has it not")


OUTLOOK = "https://outlook.office"
RECIPES = {
    "The password": password,
    "Gmail": partial(provider, host="smtp.gmail.com", user="alerts@gmail.com",
                     sender="alerts@gmail.com"),
    "Google Workspace, with nobody to log in": workspace,
    "Microsoft 365": partial(microsoft, grant=DEVICE,
                             scope=OUTLOOK + ".com/SMTP.Send offline_access"),
    "Microsoft 365, with nobody to log in": partial(microsoft, grant="client_credentials",
                                                    scope=OUTLOOK + "365.com/.default"),
    "Amazon SES": partial(provider, host="email-smtp.eu-west-1.amazonaws.com", user="AKIAEXAMPLE",
                          backup=2465),
    "A relay of the company": company,
    "Direct delivery": direct,
    "A password from pass": from_pass,
    "A password from the keyring of the desktop": from_keyring,
    "A password from systemd": from_systemd,
    "A sender for each user": senders,
    "Instead of msmtp or ssmtp": moved_in,
    "cron": cron,
    "A unit of systemd that fails": unit_fails,
    "smartd": smartd,
    "mdadm": mdadm,
    "ZED": zed,
    "fail2ban": fail2ban,
    "unattended-upgrades": unattended,
    "PHP": php,
    "A program that knows only SMTP": smtp_only,
    "Django": django,
    "Django without the port": backend,
    "git": git,
    "mutt": mutt,
    "Several accounts in mutt": accounts,
    "A container": container,
}


def complete(page):
    """Each recipe has its test, and each has something to test."""
    same("recipes", sorted(page), sorted(RECIPES))
    for recipe in page.values():
        check(recipe.blocks, f"nothing is literal in {recipe.title}")


def jobs():
    page = read_page()
    yield "all recipes", partial(complete, page)
    for title, test in RECIPES.items():
        if title in page:
            yield title, partial(test, page[title])


if __name__ == "__main__":
    run_all(list(jobs()), workers=min(harness.WORKERS, 4))
