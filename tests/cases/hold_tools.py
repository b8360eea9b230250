# SPDX-License-Identifier: GPL-3.0-or-later
"""What hold.t needs besides harness.py: a case whose clock can be set, a small server that
counts and can be made bad at any moment, many messages in one call, and strict readers of
reports and metrics."""

import email
import email.policy
import glob
import os
import re
import shutil
import socket
import subprocess
import threading
import time

from harness import BUILD, Case, Skip, Wrong, check, dated, match, same

MINUTE, HOUR, DAY, YEAR = 60, 3600, 86400, 365 * 86400


class Dated(Case):
    """A case in which time can be set. With age() the machine's uptime goes along, as when
    time passes; with jump() only the wall clock moves. One case does not mix the two, but
    for jumps back to 0."""

    def __init__(self, name):
        super().__init__(name)
        self.offset = 0

    def set(self, seconds, uptime):
        self.offset = seconds
        self.env.update(dated(seconds, uptime))

    def age(self, seconds):
        self.set(seconds, True)

    def jump(self, seconds):
        self.set(seconds, False)

    def now(self):
        return time.time() + self.offset


class Server:
    """A server that does what the recipient's local part says (drop-rcpt, drop-data,
    drop-body, drop-dot; busy-rcpt, busy-dot: 421; reject, temp), and that can be told at any
    moment (mode): good; close (at once); hang (never a greeting); busy (421); gone (554);
    nonsense. limit: connections at once, further ones hear 421. die_after: messages, then
    close. slow: seconds until the dot is answered."""

    GREETINGS = {"busy": b"421 4.3.2 not now\r\n", "gone": b"554 5.3.2 no service\r\n",
                 "nonsense": b"HTTP/1.1 400 Bad Request\r\n\r\n"}

    def __init__(self, mode="good", limit=0, die_after=0, slow=0, address="127.0.0.1", port=0):
        self.mode, self.limit, self.die_after, self.slow = mode, limit, die_after, slow
        self.lock = threading.Lock()
        self.connections = self.open = self.most = 0
        self.died_at = None  # connections there had been
        self.delivered = []  # (recipients, message)
        self.commands, self.here = [], set()
        self.listener = socket.create_server((address, port), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.mode = "close"
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()

    def serve(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                self.here.add(sock)
                self.open += 1
                self.most = max(self.most, self.open)
            threading.Thread(target=self.attend, args=(sock,), daemon=True).start()

    def attend(self, sock):
        sock.settimeout(30)
        try:
            with sock, sock.makefile("rb") as lines:
                self.converse(sock, lines)
        except OSError:
            pass
        finally:
            self.leave(sock)

    def leave(self, sock):
        """Once a connection: at QUIT, when the client may go on to the next, or at its end."""
        with self.lock:
            if sock in self.here:
                self.here.remove(sock)
                self.open -= 1

    def converse(self, sock, lines):
        full = self.limit and self.open > self.limit
        if full or self.mode in self.GREETINGS:
            sock.sendall(self.GREETINGS["busy" if full else self.mode])
            return
        if self.mode == "hang":
            lines.read()
        if self.mode != "good":
            return
        sock.sendall(b"220 server.test ESMTP\r\n")
        recipients = []
        for line in lines:
            text = line.decode("latin-1").strip()
            verb = text.upper()
            self.commands.append(text)
            if self.mode != "good":
                return
            if verb.startswith("EHLO"):
                sock.sendall(b"250-server.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n"
                             b"250 ENHANCEDSTATUSCODES\r\n")
            elif verb.startswith("MAIL") or verb == "RSET":
                recipients = []
                sock.sendall(b"250 2.0.0 ok\r\n")
            elif verb.startswith("RCPT"):
                if not self.recipient(sock, text, recipients):
                    return
            elif verb == "DATA":
                if not self.data(sock, lines, recipients):
                    return
                recipients = []
            elif verb == "QUIT":
                self.leave(sock)
                sock.sendall(b"221 2.0.0 bye\r\n")
                return
            else:
                sock.sendall(b"500 5.5.1 what?\r\n")

    @staticmethod
    def recipient(sock, text, recipients):
        """False: the connection is to be dropped."""
        address = re.search("<(.*)>", text)[1]
        if address.startswith("busy-rcpt"):
            sock.sendall(b"421 4.7.0 closing\r\n")
        if address.startswith(("busy-rcpt", "drop-rcpt")):
            return False
        if address.startswith("reject"):
            sock.sendall(b"550 5.1.1 no such user\r\n")
        elif address.startswith("temp"):
            sock.sendall(b"450 4.2.0 later\r\n")
        else:
            recipients.append(address)
            sock.sendall(b"250 2.1.5 ok\r\n")
        return True

    def data(self, sock, lines, recipients):
        deed = recipients[0].partition("@")[0] if recipients else "none"
        if deed.startswith("drop-data"):
            return False
        if deed == "none":
            sock.sendall(b"503 5.5.1 no recipient\r\n")
            return True
        sock.sendall(b"354 go on\r\n")
        if deed.startswith("drop-body"):
            lines.readline()
            return False
        message = []
        for line in lines:
            if line == b".\r\n":
                break
            message.append(line)
        else:
            return False
        time.sleep(self.slow)
        if deed.startswith("busy-dot"):
            sock.sendall(b"421 4.7.0 closing\r\n")
        if deed.startswith(("busy-dot", "drop-dot")):
            return False
        with self.lock:
            if self.died_at is not None:
                return False
            self.delivered.append((recipients, b"".join(message)))
            if len(self.delivered) == self.die_after:
                self.died_at, self.mode = self.connections, "close"
        sock.sendall(b"250 2.0.0 taken\r\n")
        return True

    def numbers(self):
        """Of the messages that enqueue() made, in the order of delivery."""
        with self.lock:
            return [int(re.search(rb"number (\d+)\.", m)[1]) for _, m in self.delivered]

    def recipients(self):
        with self.lock:
            return sorted(r for rcpts, _ in self.delivered for r in rcpts)


def numbers_of(relay):
    return [int(re.search(rb"number (\d+)\.", m)[1]) for m in relay.stored()]


def smtp_in(case, *transactions):
    """Hands messages in over sendmail -bs. A transaction: the MAIL line, RCPT lines, and the
    text of the message."""
    feed = [b"EHLO harness\r\n"]
    for mail, rcpts, text in transactions:
        feed.append(f"MAIL FROM:{mail}\r\n".encode())
        feed += [f"RCPT TO:{rcpt}\r\n".encode() for rcpt in rcpts]
        feed.append(b"DATA\r\n" + text.replace(b"\n", b"\r\n") + b".\r\n")
    feed.append(b"QUIT\r\n")
    result = case.begin("sendmail", "-bs", feed=b"".join(feed)).wait()
    same("-bs", (result.code, result.err), (0, ""))
    bad = [line for line in result.out.splitlines() if not re.match("[23]", line)]
    same("-bs: replies", bad, [])


def enqueue(case, count, first=0, to="b{}@dest.example", sender="<a@src.example>"):
    """Numbered messages. The configuration's mode should be hold."""
    smtp_in(case, *[(sender, [f"<{to.format(i)}>"],
                     b"From: a@src.example\nTo: b@dest.example\nSubject: s\n"
                     b"Date: Sat, 21 Nov 2026 20:00:00 +0000\nMessage-ID: <n%d@src.example>\n\n"
                     b"number %d.\n" % (i, i)) for i in range(first, first + count)])


def read_report(stored):
    """A report (RFC 3464, RFC 6522), taken apart: header, words, fields of the message and of
    each recipient, type and text of what is returned."""
    message = email.message_from_bytes(stored, policy=email.policy.default)
    same("defects", message.defects, [])
    same("Content-Type", message.get_content_type(), "multipart/report")
    same("report-type", message["Content-Type"].params.get("report-type"), "delivery-status")
    same("Auto-Submitted", message["Auto-Submitted"], "auto-replied")
    for field in ("Date", "Message-ID", "From", "To", "Subject", "MIME-Version"):
        same(f"{field} fields", len(message.get_all(field, [])), 1)
    same("From", message["From"].addresses[0].username.upper(), "MAILER-DAEMON")
    parts = list(message.iter_parts())
    same("parts", len(parts), 3)
    same("first part", parts[0].get_content_type(), "text/plain")
    same("second part", parts[1].get_content_type(), "message/delivery-status")
    whole, *blocks = parts[1].get_payload()
    match("Reporting-MTA", r"^dns; ?\S+$", whole["Reporting-MTA"])
    check(whole["Arrival-Date"], "no Arrival-Date")
    rcpts = {}
    for block in blocks:
        for field in block.keys():
            same(f"{field} fields", len(block.get_all(field)), 1)
        kind, _, address = block["Final-Recipient"].partition(";")
        same("Final-Recipient's type", kind.strip(), "rfc822")
        match("Status", r"^[245]\.\d{1,3}\.\d{1,3}$", block["Status"])
        rcpts[address.strip()] = {name: " ".join(str(value).split())
                                  for name, value in block.items()}
    original = parts[2]
    kind = original.get_content_type()
    text = (original.get_payload()[0].as_bytes() if kind == "message/rfc822"
            else original.get_content())
    if isinstance(text, str):
        text = text.encode()
    return {"message": message, "words": parts[0].get_content(), "whole": whole,
            "rcpts": rcpts, "kind": kind, "original": text}


def reports_at(relay, since=0):
    """The accepted reports as (recipients, report); all others are no reports."""
    found = []
    for event in relay.accepted(since):
        if event["sender"] == "":
            with open(os.path.join(relay.dir, event["file"]), "rb") as file:
                found.append(([r["address"] for r in event["recipients"]],
                              read_report(file.read())))
    return found


NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)?\}})? (-?[0-9]+(?:\.[0-9]+)?)")


def read_metrics(text):
    """OpenMetrics text of gauges and counters, strictly: {(name, labels): value}."""
    check(text.endswith("\n# EOF\n"), f"the end: {text[-80:]!r}")
    families, samples, current = {}, {}, None
    for line in text.splitlines()[:-1]:
        about = re.fullmatch(rf"# (TYPE|UNIT|HELP) ({NAME}) (.+)", line)
        if about:
            kind, name, value = about.groups()
            if name != current:
                check(name not in families, f"{name} comes twice")
                current, families[name] = name, {}
            check(kind not in families[name], f"{kind} of {name} comes twice")
            check("samples" not in families[name], f"{kind} of {name} behind a sample")
            families[name][kind] = value
            if kind == "UNIT":
                check(name.endswith("_" + value), f"{name} has the unit {value}")
            if kind == "HELP":
                check(re.fullmatch(r'(?:[^\\\n]|\\[\\"n])*', value), f"HELP: {value!r}")
            continue
        sample = SAMPLE.fullmatch(line)
        check(sample, f"no line of OpenMetrics: {line!r}")
        name, labels, value = sample.groups()
        family = name
        if families.get(current, {}).get("TYPE") == "counter":
            check(name.endswith("_total"), f"the counter {name}")
            family = name[:-len("_total")]
        same(f"the family of {line!r}", family, current)
        check(families[family].get("TYPE") in ("gauge", "counter"), f"TYPE of {name}")
        families[family]["samples"] = True
        bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', labels or "")
        names = re.findall(r'([a-zA-Z_]\w*)="', bare)
        same(f"labels of {line!r}", len(names), len(set(names)))
        key = (name, labels or "")
        check(key not in samples, f"{line!r} comes twice")
        samples[key] = float(value)
    return samples


_lock = threading.Lock()


def plugin_folder():
    """Where the real check_mailq is: installed, or unpacked into the build folder."""
    unpacked = os.path.join(BUILD, "check_mailq")
    places = ["/usr/lib/nagios/plugins", "/usr/lib64/nagios/plugins",
              "/usr/lib/monitoring-plugins", unpacked + "/usr/lib/nagios/plugins"]

    def find():
        return next((p for p in places if os.path.exists(f"{p}/check_mailq")
                     and os.path.exists(f"{p}/utils.pm")), None)

    with _lock:
        if find() or not shutil.which("apt-get") or not shutil.which("dpkg"):
            return find() or no_plugin()
        os.makedirs(unpacked, exist_ok=True)
        try:
            subprocess.run(["apt-get", "-qq", "download", "monitoring-plugins-common",
                            "monitoring-plugins-standard"], cwd=unpacked, timeout=20,
                           stdin=subprocess.DEVNULL, capture_output=True, check=True)
            for package in glob.glob(unpacked + "/*.deb"):
                subprocess.run(["dpkg", "-x", package, unpacked], timeout=20, check=True,
                               stdin=subprocess.DEVNULL, capture_output=True)
                os.unlink(package)
        except (OSError, subprocess.SubprocessError):
            pass
        return find() or no_plugin()


def no_plugin():
    raise Skip("no check_mailq (package monitoring-plugins-standard)")


def check_mailq(case, mode, warn, critical):
    """Runs the plugin: its exit code and what it says. It takes the path of mailq from
    utils.pm beside it, and sets PATH itself."""
    home = plugin_folder()
    folder = os.path.join(case.dir, "plugin")
    if not os.path.isdir(folder):
        os.mkdir(folder)
        wrapper = case.write("plugin/mailq", f"#!/bin/sh\nexec '{BUILD}/mailq' -C "
                             f"'{case.conf_path}' \"$@\"\n", 0o755)
        shutil.copy(f"{home}/check_mailq", folder)
        with open(f"{home}/utils.pm", encoding="utf-8") as file:
            case.write("plugin/utils.pm", re.sub(r"(PATH_TO_MAILQ\s*=\s*)\S+;",
                                                 rf'\1"{wrapper}";', file.read()))
    result = subprocess.run(["perl", f"{folder}/check_mailq", "-M", mode, "-w", str(warn), "-c",
                             str(critical)], capture_output=True, timeout=60, check=False,
                            env=dict(case.env, PATH=f"{folder}:{case.env['PATH']}",
                                     PERL5LIB=folder))
    same("the plugin's stderr", result.stderr, b"")
    return result.returncode, result.stdout.decode()


def wait_until(what, condition, seconds=15):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Wrong(f"{what}: not within {seconds} s")
        time.sleep(0.01)
