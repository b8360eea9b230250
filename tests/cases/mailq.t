#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""mailq and flushq as a user and a monitor see them, through the programs.

BUILD names the folder of the programs. The relay is a small one of our own
that refuses recipients whose local part begins with "reject" (550) or "temp"
(450); "down" is a port where nobody listens. The last line is the count.
"""

import fcntl
import json
import os
import pty
import re
import shutil
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
import measured  # pylint: disable=wrong-import-position

BUILD = os.environ.get("BUILD", "build")
HEADER = "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------"
MESSAGE = "Subject: shown\n\nl1\n.\nl2\n"
ENTRY = re.compile(r"^([0-9A-F]{12})([*!]?) +(\d+) "
                   r"((?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)  (\S.*)$")

passed = failed = skipped = 0


def check(ok, what, got=""):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {case}: {what}")
        if got != "":
            print("     got:", got if isinstance(got, str) else repr(got))


def same(got, want, what):
    check(got == want, f"{what}: want {want!r}", repr(got))


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220 relay ESMTP\r\n")
        for line in self.rfile:
            word = line.strip().upper()
            if word.startswith(b"EHLO"):
                self.wfile.write(b"250-relay\r\n250 ENHANCEDSTATUSCODES\r\n")
            elif word.startswith(b"RCPT TO:<REJECT"):
                self.wfile.write(b"550 5.1.1 no such user\r\n")
            elif word.startswith(b"RCPT TO:<TEMP"):
                self.wfile.write(b"450 4.2.0 try later\r\n")
            elif word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                self.server.messages.append(self.message())
                self.wfile.write(b"250 2.0.0 ok\r\n")
            elif word == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 2.0.0 ok\r\n")

    def message(self):
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                break
            lines.append(line)
        return b"".join(lines)


class Relay(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Session)
        self.messages = []
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


def unused_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Place:
    """A folder with a configuration and a hold."""

    def __init__(self, port):
        self.dir = tempfile.mkdtemp(prefix="mailq.")
        self.hold = os.path.join(self.dir, "hold")
        self.conf = os.path.join(self.dir, "conf")
        os.mkdir(self.hold, 0o700)
        self.configure(port)

    def configure(self, port, more=""):
        with open(self.conf, "w") as f:
            f.write(f"[mail]\nhostname = gate.example\ndomain = example\n"
                    f"[hold]\ndirectory = {self.hold}\n[log]\nto = none\n"
                    f"[relay]\nhost = 127.0.0.1\nport = {port}\nsecurity = none\n{more}")

    def run(self, program, *args, stdin="", argv0=None, **more):
        env = {"PATH": os.environ.get("PATH", "/bin"), "HOME": self.dir, "TZ": "UTC0"}
        env.update(more.pop("env", {}))
        return subprocess.run([argv0 or program, "-C", self.conf, *args],
                              executable=os.path.join(BUILD, program), input=stdin, text=True,
                              stdout=more.pop("stdout", subprocess.PIPE),
                              stderr=subprocess.PIPE, timeout=120, env=env, **more)

    def mailq(self, *args, **more):
        return self.run("mailq", *args, **more)

    def flushq(self, *args, **more):
        return self.run("flushq", *args, **more)

    def send(self, *args, stdin=MESSAGE):
        return self.run("sendmail", "-i", *args, stdin=stdin)

    def ids(self, *args):
        lines = self.mailq("-j", *args).stdout.splitlines()
        return [json.loads(line)["queue_id"] for line in lines]

    def id_of(self, *senders):
        """Of one second the order is anybody's."""
        entries = [json.loads(line) for line in self.mailq("-j").stdout.splitlines()]
        return [e["queue_id"] for s in senders for e in entries if e["sender"] == s]

    def path(self, id_, room="hold"):
        return os.path.join(self.hold, room, id_)

    def gone(self):
        shutil.rmtree(self.dir)


def quiet(r, code, what):
    same((r.returncode, r.stdout, r.stderr), (code, "", ""), what)


def complains(r, code, pattern, what):
    same(r.returncode, code, what + ", exit")
    check(re.search(pattern, r.stderr, re.M), f"{what}: {pattern} on stderr", r.stderr)


def layout(text):
    """Takes the text form apart; [(id, mark, size, sender, [(reason, recipient)])]."""
    lines = text.split("\n")
    entries = []
    same(lines[0], HEADER, "first line")
    same(lines[-1], "", "ends with a line end")
    reason = None
    for line in lines[1:-3]:
        match = ENTRY.match(line)
        if match:
            entries.append((match[1], match[2], int(match[3]), match[5], []))
            reason = None
        elif re.match(r"^ *\(.*\)$", line):
            reason = line.strip()[1:-1]
            check(len(line) == 78 or (line[0] == "(" and len(line) > 78), "reason's place", line)
        elif re.match(r"^ {41}\S", line):
            entries[-1][4].append((reason, line.strip()))
        else:
            check(line == "", "a line of no kind", line)
    n, size = len(entries), sum(e[2] for e in entries)
    same(lines[-3], f"\t\tTotal requests: {n}", "counter line")
    same(lines[-2], f"-- {(size + 512) // 1024} Kbytes in {n} Request{'s' if n != 1 else ''}.",
         "last line")
    return entries


def monitors(text, n):
    """What other people's programs read out of it."""
    lines = text.splitlines()
    sendmail = 0
    for line in lines:
        if re.search("mqueue", line) and re.search(r" \((\d+) request", line):
            sendmail = int(re.search(r" \((\d+) request", line)[1])
        elif re.search(r"^\s+Total\sRequests:\s(\d+)$", line, re.I):
            sendmail = int(re.search(r"(\d+)$", line)[1])
    same(sendmail, n, "check_mailq -M sendmail")
    if n == 0:
        same(lines, ["Mail queue is empty"], "empty")
        return
    check(re.search(r"Kbytes in (\d+)", lines[-1]), "check_mailq -M postfix", lines[-1])
    same(lines[-1].split(" ")[4], str(n), "netdata, awk")
    same(len([x for x in lines if re.match("[A-F0-9]", x)]), n, "grep -c '^[A-F0-9]'")
    same(len([x for x in lines if re.match("[0-9A-Z]", x)]), n, "grep -c '^[0-9A-Z]'")


def empty_hold(p):
    r = p.mailq()
    same((r.returncode, r.stdout, r.stderr), (0, "Mail queue is empty\n", ""), "mailq")
    monitors(r.stdout, 0)
    quiet(p.mailq("-j"), 0, "-j")
    same(p.mailq("--count").stdout, "0\n", "--count")
    same(p.mailq("--failed", "--count").stdout, "0\n", "--failed --count")
    same(p.mailq("--summary").stdout, "held       0 messages\n", "--summary")
    metrics = p.mailq("--metrics").stdout
    check(metrics.endswith("\n# EOF\n") and "\npostern_held_messages 0\n" in metrics,
          "--metrics", metrics)
    same(p.mailq("-Ac", "-v", "-q5m").stdout, "Mail queue is empty\n", "Sendmail's options")
    quiet(p.flushq(), 0, "flushq")
    quiet(p.flushq("--all"), 0, "flushq --all")
    quiet(p.flushq("--remove", "all"), 0, "flushq --remove all")


def text_form(p):
    p.send("-f", "one@x.example", "a@y.example", "b@y.example")
    p.send("-odq", "-f", "<>", "c@y.example")
    r = p.mailq()
    entries = sorted(layout(r.stdout), key=lambda e: e[3], reverse=True)
    same(r.returncode, 0, "exit")
    same([e[3] for e in entries], ["one@x.example", "MAILER-DAEMON"], "senders")
    same([x[1] for x in entries[0][4]], ["a@y.example", "b@y.example"], "recipients")
    check("refused" in (entries[0][4][0][0] or ""), "reason", r.stdout)
    same(r.stdout.count("refused"), 1, "one reason line for both")
    same(entries[1][4], [(None, "c@y.example")], "no reason before a first try")
    monitors(r.stdout, 2)
    monitors(p.mailq("-v").stdout, 2)
    same(p.mailq("--count").stdout, "2\n", "--count")
    verbose = p.mailq("-v").stdout
    check("0 attempts, next try in " in verbose and "relay main" in verbose, "-v", verbose)
    same(verbose.count("refused"), 2, "-v: the reply for each recipient")
    first, second = [e[0] for e in entries]
    same([e[0] for e in layout(p.mailq(second).stdout)], [second], "one ID")
    r = p.mailq("000000000000", second)
    complains(r, 65, "^mailq: 000000000000: no such message$", "unknown ID")
    same([e[0] for e in layout(r.stdout)], [second], "the other is listed")
    for bad in ("x", second.lower(), second + "0", "all", ""):
        r = p.mailq(bad)
        complains(r, 64, "^mailq: .*no ID", f"operand {bad!r}")
        same(r.stdout, "", "nothing on stdout")
    for bad in ("-x", "--nothing", "--remove"):
        complains(p.mailq(bad), 64, "^usage: mailq ", bad)
    r = p.mailq("000000000000")
    same((r.returncode, r.stdout), (65, ""), "only unknown IDs")
    return first


def json_form(p):
    p.send("-f", "one@x.example", "a@y.example")
    p.send("-odq", "-f", "j\u00f6rg@x.example", "c@y.example")
    lines = [json.loads(x) for x in p.mailq("--json").stdout.splitlines()]
    lines.sort(key=lambda x: "cause" in x["recipients"][0], reverse=True)
    same(len(lines), 2, "objects")
    tried = lines[0]
    for key in ("queue_name queue_id arrival_time message_size forced_expire sender recipients "
                "attempts next_attempt uid frozen").split():
        check(key in tried, f"key {key}", tried)
    same((tried["queue_name"], tried["forced_expire"], tried["frozen"]),
         ("deferred", False, False), "plain values")
    same((tried["attempts"], tried["uid"]), (0, os.getuid()), "attempts, uid")
    same((tried["recipients"][0]["cause"], tried["recipients"][0]["host"].split(":")[0]), ("connection-refused", "127.0.0.1"), "cause, host")
    check("text" not in tried["recipients"][0], "nobody spoke", tried)
    now = time.time()
    check(abs(tried["arrival_time"] - now) < 60 and tried["next_attempt"] > now, "times", tried)
    recipient = tried["recipients"][0]
    same((recipient["address"], recipient["status"]), ("a@y.example", "waiting"), "recipient")
    check("refused" in recipient["delay_reason"] and isinstance(recipient["code"], int), "reason", recipient)
    check("delay_reason" not in lines[1]["recipients"][0], "no reason yet", lines[1])


def shown(p):
    p.send("-f", "one@x.example", "a@y.example", "z@y.example")
    id_ = p.ids()[0]
    r = p.mailq("--show", id_)
    same(r.returncode, 0, "exit")
    check("\r" not in r.stdout, "LF line ends")
    head, _, message = r.stdout.partition("\n\n")
    for part in (id_, "<one@x.example>", "<a@y.example>", "<z@y.example>", "waiting", "refused"):
        check(part in head, f"head has {part}", head)
    check(message.startswith("Subject: shown\n") and message.endswith("\n\nl1\n.\nl2\n"), "message", message)
    complains(p.mailq("--show", "000000000000"), 65, "no such message", "unknown")
    complains(p.mailq("--show", "no"), 64, "no ID", "malformed")


def freezing(p, relay):
    p.send("-f", "one@x.example", "a@y.example")
    p.send("-f", "two@x.example", "b@y.example")
    first, second = p.id_of("one@x.example", "two@x.example")
    quiet(p.flushq("--freeze", first), 0, "--freeze")
    same({e[0]: e[1] for e in layout(p.mailq().stdout)}, {first: "!", second: ""}, "marks")
    same(json.loads(p.mailq("-j", first).stdout)["frozen"], True, "json")
    p.configure(relay.server_address[1])
    quiet(p.flushq("--all"), 0, "flushq --all")
    same(p.ids(), [first], "the frozen one stays")
    quiet(p.flushq("--recipient", "a@"), 0, "chosen by a part")
    same(p.ids(), [first], "it still stays")
    quiet(p.flushq("--thaw", "all"), 0, "--thaw all")
    quiet(p.flushq(), 0, "flushq: it is due")
    same(p.ids(), [], "sent")


def busy(p):
    p.send("-odq", "-f", "one@x.example", "a@y.example")
    p.send("-odq", "-f", "two@x.example", "b@y.example")
    first, second = p.id_of("one@x.example", "two@x.example")
    with open(p.path(first), "r+b") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        same({e[0]: e[1] for e in layout(p.mailq().stdout)}, {first: "*", second: ""}, "marks")
        same(json.loads(p.mailq("-j", first).stdout)["queue_name"], "active", "json")
        complains(p.flushq("--remove", first, second), 75, f"^flushq: {first}: is being sent$", "--remove")
        same(p.ids(), [first], "only the other is gone")
        complains(p.flushq("--freeze", "all"), 75, "is being sent", "--freeze")
    quiet(p.flushq("--remove", first), 0, "--remove afterwards")
    same(p.ids(), [], "gone")


def removing(p):
    for i in range(3):
        p.send("-odq", "-f", "one@x.example", f"r{i}@y.example")
    ids = p.ids()
    complains(p.flushq("--remove", "0123456789AB", ids[0]), 65,
              "^flushq: 0123456789AB: no such message$", "unknown ID")
    same(p.ids(), ids[1:], "the known one is gone")
    quiet(p.flushq("--remove", "all"), 0, "all")
    same(p.ids(), [], "none left")
    complains(p.flushq("--remove"), 64, "^usage: flushq", "no operand")
    complains(p.flushq("--remove", "../x"), 65, "no such message", "no id at all")
    complains(p.flushq("--remove", "--freeze", "all"), 64, "exclude", "two actions")


def failing(p, relay):
    p.configure(relay.server_address[1])
    r = p.send("-f", "one@x.example", "reject1@y.example", "ok@y.example")
    same(r.returncode, 67, "refused")
    same(p.mailq().stdout, "Mail queue is empty\n", "not held")
    entries = layout(p.mailq("--failed").stdout)
    same(len(entries), 1, "--failed")
    same([x[1] for x in entries[0][4]], ["reject1@y.example"], "delivered ones are not shown")
    check("550" in entries[0][4][0][0], "reason", entries)
    id_ = entries[0][0]
    same(p.mailq("--count", "--failed").stdout, "1\n", "--count")
    status = json.loads(p.mailq("-j", "--failed").stdout)["recipients"]
    same([(x["status"], x["code"]) for x in status], [("failed", 550), ("delivered", 250)], "json")
    same(layout(p.mailq(id_).stdout)[0][0], id_, "found by its ID")
    check("state       failed" in p.mailq("--show", id_).stdout, "--show")
    complains(p.flushq(id_), 65, "has failed", "flushq ID")
    complains(p.flushq("--freeze", id_), 65, "has failed", "--freeze")
    check("failed     1 message" in p.mailq("--summary").stdout, "--summary")
    check("\npostern_failed_messages 1\n" in p.mailq("--metrics").stdout, "--metrics")
    # Long ago, so that a kept arrival time would be seen.
    head = open(p.path(id_, "failed"), "r+b")
    head.seek(64)
    head.write(b"created 1000000".ljust(31))
    head.close()
    quiet(p.flushq("--retry", id_), 0, "--retry")
    same(p.ids("--failed"), [], "not failed any more")
    again = json.loads(p.mailq("-j").stdout)
    same([x["status"] for x in again["recipients"]], ["waiting", "delivered"], "only the refused one waits")
    same(again["attempts"], 0, "attempts")
    check(abs(again["arrival_time"] - time.time()) < 60, "as if new", again)
    check(again["next_attempt"] <= time.time(), "due", again)
    complains(p.flushq("--retry", id_), 65, "has not failed", "--retry of a held one")
    quiet(p.flushq(), 0, "flushq")
    same(p.ids("--failed"), [id_], "failed once more")
    quiet(p.flushq("--retry", "all"), 0, "--retry all")
    same(id_ in p.ids(), True, "held")
    complains(p.flushq("--retry", "000000000000"), 65, "no such", "unknown")
    quiet(p.flushq("--remove", "all"), 0, "--remove all")
    same((p.ids(), p.ids("--failed")), ([], []), "nothing left anywhere")


def choosing(p, relay):
    for name in ("ann", "bob", "carl"):
        p.send("-odq", "-f", f"{name}@from.example", f"{name}@to.example")
    p.configure(relay.server_address[1])
    before = len(relay.messages)
    quiet(p.flushq("--sender", "nobody"), 0, "none matches")
    quiet(p.flushq("--id", "000000000000"), 0, "no such part")
    same((len(p.ids()), len(relay.messages)), (3, before), "nothing was sent")
    quiet(p.flushq("--sender", "ANN@", "--recipient", "bob"), 0, "both must match")
    same(len(p.ids()), 3, "nothing was sent")
    quiet(p.flushq("--sender", "ANN@"), 0, "--sender")
    same(sorted(json.loads(x)["sender"] for x in p.mailq("-j").stdout.splitlines()),
         ["bob@from.example", "carl@from.example"], "ann's is sent")
    quiet(p.flushq("--recipient", "!carl@"), 0, "--recipient, turned round")
    ids = p.ids()
    same(len(ids), 1, "bob's is sent")
    complains(p.flushq("000000000000", ids[0]), 65, "no such message", "an unknown ID")
    same(p.ids(), [], "the other is sent")
    complains(p.flushq("--sender", "x", ids[0]), 64, "choose", "no ID")


def by_name(p):
    p.send("-odq", "-f", "one@x.example", "a@y.example")
    want = p.mailq().stdout
    link = os.path.join(p.dir, "mailq")
    os.symlink(os.path.join(os.path.abspath(BUILD), "sendmail"), link)
    r = subprocess.run([link, "-C", p.conf], capture_output=True, text=True,
                       env={"TZ": "UTC0", "HOME": p.dir}, timeout=60)
    same((r.returncode, r.stdout), (0, want), "sendmail as mailq")
    same(p.run("sendmail", "-bp").stdout, want, "sendmail -bp")
    same(p.run("sendmail", "-bpc").stdout, "1\n", "sendmail -bpc")
    quiet(p.run("mailq", argv0="runq"), 0, "runq")
    same(layout(p.mailq().stdout)[0][4][0][0] is None, False, "runq tried it")
    for program in ("mailq", "flushq"):
        r = p.run(program, "--help")
        check(r.returncode == 0 and r.stdout.startswith(f"usage: {program}") and not r.stderr,
              "--help", r.stdout)
        check(re.match(program + r" [0-9]", p.run(program, "--version").stdout), "--version")


def on_terminal(p):
    global skipped
    try:
        os.close(pty.openpty()[0])
    except OSError as error:
        print(f"skip: no terminals here: {error}")
        skipped += 1
        return
    p.send("-f", "one@x.example", "a@y.example")

    def look(env, *args):
        master, slave = pty.openpty()
        p.mailq(*args, stdout=slave, env=env)
        os.close(slave)
        text = b""
        while True:
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            text += piece
        os.close(master)
        return text.decode().replace("\r\n", "\n")

    text = look({"TERM": "xterm"})
    check("\033[" in text and "age " in text and "next try in" in text, "colour and age", text)
    for env in ({"TERM": "xterm", "NO_COLOR": "1"}, {"TERM": "dumb"}):
        text = look(env)
        check("\033" not in text and "next try in" in text, f"plain with {env}", text)
        monitors(text, 1)
    check("\033" not in p.mailq(env={"TERM": "xterm"}).stdout, "no colour in a pipe")
    p.send("-odq", "-f", "two@x.example", "b@y.example", stdin="Subject: x\n\n\033[2Jboo\u00e9\n")
    id_ = p.id_of("two@x.example")[0]
    text = look({"TERM": "xterm"}, "--show", id_)
    check("\033" not in text and "\\x1B[2Jboo\u00e9" in text, "a message gives no commands", text)
    check("\033[2Jboo" in p.mailq("--show", id_).stdout, "as it is, into a pipe")


def trouble(p):
    p.send("-odq", "-f", "one@x.example", "a@y.example")
    p.send("-odq", "-f", "two@x.example", "b@y.example")
    first, second = p.id_of("one@x.example", "two@x.example")
    with open("/dev/full", "w") as full:
        complains(p.mailq(stdout=full), 74, "^mailq: cannot write", "a full disk")
    with open(p.path(first), "r+b") as f:
        f.write(b"?")
    r = p.mailq()
    complains(r, 65, f"^mailq: {first}: .*damaged", "a damaged entry")
    same([e[0] for e in layout(r.stdout)], [second], "the other is listed")
    os.unlink(p.path(first))
    os.symlink("/etc/passwd", p.path(first))
    r = p.mailq()
    same([e[0] for e in layout(r.stdout)], [second], "not through a link")
    check("root:" not in r.stdout + r.stderr, "nothing of it is seen")
    os.unlink(p.path(first))
    os.mkfifo(p.path(first))
    same([e[0] for e in layout(p.mailq().stdout)], [second], "not waiting on a FIFO")
    os.unlink(p.path(first))
    p.configure(1, "nonsense = yes\n")
    r = p.mailq()
    same(r.returncode, 0, "a faulty configuration does not hide the mail")
    check("nonsense" in r.stderr, "but is told", r.stderr)
    same([e[0] for e in layout(r.stdout)], [second], "listed")
    complains(p.flushq(), 78, "nonsense", "flushq needs a good one")
    same(p.flushq("--freeze", second).returncode, 0, "steering does not")


def looking(p):
    """A hold that is not there is an empty one, and is not made by looking."""
    shutil.rmtree(p.hold)
    for args, out in (((), "Mail queue is empty\n"), (("-v",), "Mail queue is empty\n"),
                      (("--failed",), "Mail queue is empty\n"), (("--json",), ""),
                      (("--count",), "0\n"), (("--count", "--failed"), "0\n")):
        r = p.run("mailq", *args)
        same((r.returncode, r.stdout, r.stderr), (0, out, ""), f"mailq {args}")
    for args in (("--metrics",), ("--summary",)):
        r = p.run("mailq", *args)
        same((r.returncode, r.stderr), (0, ""), f"mailq {args}")
    r = p.run("sendmail", "-bp")
    same((r.returncode, r.stdout, r.stderr), (0, "Mail queue is empty\n", ""), "sendmail -bp")
    complains(p.run("mailq", "--show", "0123456789AB"), 65, "no such message", "--show")
    complains(p.run("mailq", "0123456789AB"), 65, "no such message", "an ID")
    same(os.path.lexists(p.hold), False, "the hold was made")
    os.makedirs(os.path.join(p.hold, "failed"), 0o700)
    same(p.run("mailq", "--failed").stdout, "Mail queue is empty\n", "one room only")
    same(os.listdir(p.hold), ["failed"], "rooms were made")


def another_user(p):
    global skipped
    if os.geteuid() != 0:
        print("skip: another user's entries need root")
        skipped += 1
        return
    p.send("-odq", "-f", "one@x.example", "a@y.example")
    p.send("-odq", "-f", "two@x.example", "b@y.example")
    p.send("-odq", "-f", "three@x.example", "c@y.example")
    mine, theirs, closed = p.id_of("one@x.example", "two@x.example", "three@x.example")
    os.chmod(p.dir, 0o755)
    for top, folders, files in os.walk(p.hold):
        for name in [top] + [os.path.join(top, x) for x in files]:
            os.chown(name, 65534, 65534)
    for id_, uid in ((mine, 65534), (theirs, 1234)):
        with open(p.path(id_), "r+b") as f:
            f.seek(96)
            f.write(b"uid %d" % uid)
            f.write(b" " * (127 - f.tell()))
    os.chown(p.path(closed), 0, 0)
    os.chmod(p.path(closed), 0o600)
    tools = tempfile.mkdtemp(prefix="mailq.bin.")
    os.chmod(tools, 0o755)
    shutil.copy(os.path.join(BUILD, "mailq"), tools)
    os.symlink("mailq", os.path.join(tools, "flushq"))

    def nobody(program, *args):
        return subprocess.run([os.path.join(tools, program), "-C", p.conf, *args], text=True,
                              capture_output=True, user=65534, group=65534, extra_groups=[],
                              env={"TZ": "UTC0", "HOME": p.dir}, timeout=60, cwd="/")

    r = nobody("mailq")
    same((r.returncode, r.stderr), (0, ""), "mailq")
    same([e[0] for e in layout(r.stdout)], [mine], "only his own")
    for id_ in (theirs, closed):
        complains(nobody("mailq", "--show", id_), 77, "another user's", "--show")
        complains(nobody("flushq", "--remove", id_), 77, "another user's", "--remove")
        complains(nobody("flushq", id_), 77, "another user's", "flushq ID")
    complains(nobody("flushq", "--remove", "000000000000", theirs, mine), 77, "another user's", "three")
    same(sorted(os.listdir(os.path.join(p.hold, "hold"))), sorted([theirs, closed]),
         "only his own is gone")
    complains(p.run("mailq"), 78, "another user's", "root, in a hold that is not his")
    shutil.rmtree(tools)


def many(p, count=10000):
    p.send("-f", "one@x.example", "a@y.example", "b@y.example")
    id_ = p.ids()[0]
    data = open(p.path(id_), "rb").read()
    base = int(id_[:8], 16) - 100
    for i in range(count - 1):
        new = b"%08X%04X" % (base, i)
        with open(p.path(new.decode()), "wb") as f:
            f.write(data.replace(b"id " + id_.encode(), b"id " + new))
    sanitized = b"__asan_init" in open(os.path.join(BUILD, "mailq"), "rb").read()
    for args in ((), ("-j",), ("--summary",), ("--metrics",), ("--count",)):
        out = tempfile.TemporaryFile()
        begun = time.monotonic()
        read, write = os.pipe()
        status = subprocess.call(
            measured.command(write, os.path.join(BUILD, "mailq"), "-C", p.conf, *args), stdout=out,
            pass_fds=(write,))
        spent = time.monotonic() - begun
        same(status, 0, f"{args} exit")
        # The time is CPU time where the machine is busy with other tests.
        rss, cpu = measured.figures(read)
        os.close(read)
        os.close(write)
        if not sanitized:
            check(min(cpu, spent) < 1, f"{args}: under a second", f"{spent:.2f}s, {cpu:.2f}s of them CPU")
            check(rss < 32768, f"{args}: under 32 MiB", f"{rss} KiB")
        out.seek(0)
        text = out.read().decode()
        if args == ():
            check(text.endswith(f" Kbytes in {count} Requests.\n"), "last line", text[-60:])
        elif args == ("-j",):
            same(text.count("\n"), count, "-j lines")
        elif args == ("--count",):
            same(text, f"{count}\n", "--count")
        elif args == ("--summary",):
            check(re.search(r"connection refused \(127.0.0.1\)\n +%d  #{40}\n" % (2 * count), text), "--summary", text)
        else:
            check(f"\npostern_held_messages {count}\n" in text and text.endswith("\n# EOF\n"),
                  "--metrics")


def hostile(p):
    """An entry is a file that others may have touched."""
    p.send("-odq", "-f", "one@x.example", "aaaaaaaaaaaaaaaaaaaaaaaaaaa@y.example")
    id_ = p.ids()[0]
    data = open(p.path(id_), "rb").read()
    bad = data.replace(b"rcpt aaaaaaaaaaaaaaaaaaaaaaaaaaa", b'rcpt "\xff\xc2\x9b\\\\\\"\\6920C8F13A7C*aaaa"')
    check(len(bad) == len(data) and bad != data, "prepared")
    with open(p.path(id_), "wb") as f:
        f.write(bad)
    for args in ((), ("-v",), ("-j",), ("--summary",), ("--metrics",)):
        r = subprocess.run([os.path.join(BUILD, "mailq"), "-C", p.conf, *args],
                           capture_output=True, timeout=60)
        raw = r.stdout + r.stderr
        check(b"\033" not in raw and b"\xc2\x9b" not in raw, f"{args}: no control bytes", repr(raw))
        check(args != ("-j",) or json.loads(r.stdout.decode())["recipients"], "JSON", repr(raw))


def main():
    global case
    relay = Relay()
    down = unused_port()
    for test, arguments in ((empty_hold, ()), (text_form, ()), (json_form, ()), (shown, ()),
                            (freezing, (relay,)), (busy, ()), (removing, ()), (failing, (relay,)),
                            (choosing, (relay,)), (by_name, ()), (on_terminal, ()), (trouble, ()),
                            (looking, ()), (another_user, ()), (hostile, ()), (many, ())):
        case = test.__name__
        p = Place(down)
        try:
            test(p, *arguments)
        except Exception as e:  # one broken case must not hide the others
            check(False, f"{type(e).__name__}: {e} (line {e.__traceback__.tb_next.tb_lineno})")
        finally:
            p.gone()
    relay.shutdown()
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return failed > 0


case = ""
sys.exit(main())
