#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""mailq and flushq as a user and a monitor see them, through the programs."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import measured  # noqa: E402 pylint: disable=wrong-import-position
from harness import (  # noqa: E402 pylint: disable=wrong-import-position
    BUILD, Case, Result, Skip, check, copy_program, open_terminal, run_all, same)

HEADER = "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------"
MESSAGE = "Subject: shown\n\nl1\n.\nl2\n"
ENTRY = re.compile(r"^([0-9A-F]{12})([*!]?) +(\d+) "
                   r"((?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)  (\S.*)$")

class Place(Case):
    """A case whose relay is a port where nobody listens, until it is answered()."""

    def __init__(self, name):
        super().__init__(name)
        self.down = self.relay()
        self.down.stop()
        self.configure({"port": self.down.port})

    def move(self, folder):
        """To where another user can look."""
        self.dir = folder
        self.hold = os.path.join(folder, "hold")
        self.conf_path = os.path.join(folder, "postern.conf")
        for name in ("hold", "home"):
            os.mkdir(os.path.join(folder, name), 0o700)
        self.configure({"port": self.down.port})
        os.chmod(folder, 0o755)
        os.chmod(self.conf_path, 0o644)

    def answered(self):
        """By a relay that refuses whom their names say."""
        relay = self.relay()
        self.configure({"port": relay.port})
        return relay

    def run(self, program, *args, stdin="", stdout=None, **more):
        if stdout is None:
            return super().run(program, *args, feed=stdin.encode(), **more)
        done = subprocess.run([os.path.join(BUILD, program), "-C", self.conf_path, *args],
                              stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE,
                              env=dict(self.env, **more.get("env", {})), timeout=120, check=False)
        return Result(done.returncode, b"", done.stderr, 0, None)

    def mailq(self, *args, **more):
        return self.run("mailq", *args, **more)

    def flushq(self, *args, **more):
        return self.run("flushq", *args, **more)

    def send(self, *args, stdin=MESSAGE):  # pylint: disable=arguments-differ
        return self.run("sendmail", "-i", *args, stdin=stdin)

    def ids(self, *args):
        lines = self.mailq("-j", *args).out.splitlines()
        return [json.loads(line)["queue_id"] for line in lines]

    def id_of(self, *senders):
        """Of one second the order is anybody's."""
        entries = [json.loads(line) for line in self.mailq("-j").out.splitlines()]
        return [e["queue_id"] for s in senders for e in entries if e["sender"] == s]

    def path(self, id_, room="hold"):
        return os.path.join(self.hold, room, id_)


def quiet(r, code, what):
    same(what, (r.code, r.out, r.err), (code, "", ""))


def complains(r, code, pattern, what):
    same(what + ", exit", r.code, code)
    check(re.search(pattern, r.err, re.M), f"{what}: {pattern} on stderr", r.err)


def layout(text):
    """Takes the text form apart; [(id, mark, size, sender, [(reason, recipient)])]."""
    lines = text.split("\n")
    entries = []
    same("first line", lines[0], HEADER)
    same("ends with a line end", lines[-1], "")
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
    same("counter line", lines[-3], f"\t\tTotal requests: {n}")
    same("last line", lines[-2], f"-- {(size + 512) // 1024} Kbytes in {n} Request{'s' if n != 1 else ''}.")
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
    same("check_mailq -M sendmail", sendmail, n)
    if n == 0:
        same("empty", lines, ["Mail queue is empty"])
        return
    check(re.search(r"Kbytes in (\d+)", lines[-1]), "check_mailq -M postfix", lines[-1])
    same("netdata, awk", lines[-1].split(" ")[4], str(n))
    same("grep -c '^[A-F0-9]'", len([x for x in lines if re.match("[A-F0-9]", x)]), n)
    same("grep -c '^[0-9A-Z]'", len([x for x in lines if re.match("[0-9A-Z]", x)]), n)


def empty_hold(p):
    r = p.mailq()
    same("mailq", (r.code, r.out, r.err), (0, "Mail queue is empty\n", ""))
    monitors(r.out, 0)
    quiet(p.mailq("-j"), 0, "-j")
    same("--count", p.mailq("--count").out, "0\n")
    same("--failed --count", p.mailq("--failed", "--count").out, "0\n")
    same("--summary", p.mailq("--summary").out, "held       0 messages\n")
    metrics = p.mailq("--metrics").out
    check(metrics.endswith("\n# EOF\n") and "\npostern_held_messages 0\n" in metrics,
          "--metrics", metrics)
    same("Sendmail's options", p.mailq("-Ac", "-v", "-q5m").out, "Mail queue is empty\n")
    quiet(p.flushq(), 0, "flushq")
    quiet(p.flushq("--all"), 0, "flushq --all")
    quiet(p.flushq("--remove", "all"), 0, "flushq --remove all")


def text_form(p):
    p.send("-f", "one@x.example", "a@y.example", "b@y.example")
    p.send("-odq", "-f", "<>", "c@y.example")
    r = p.mailq()
    entries = sorted(layout(r.out), key=lambda e: e[3], reverse=True)
    same("exit", r.code, 0)
    same("senders", [e[3] for e in entries], ["one@x.example", "MAILER-DAEMON"])
    same("recipients", [x[1] for x in entries[0][4]], ["a@y.example", "b@y.example"])
    check("refused" in (entries[0][4][0][0] or ""), "reason", r.out)
    same("one reason line for both", r.out.count("refused"), 1)
    same("no reason before a first try", entries[1][4], [(None, "c@y.example")])
    monitors(r.out, 2)
    monitors(p.mailq("-v").out, 2)
    same("--count", p.mailq("--count").out, "2\n")
    verbose = p.mailq("-v").out
    check("0 attempts, next try in " in verbose and "relay main" in verbose, "-v", verbose)
    same("-v: the reply for each recipient", verbose.count("refused"), 2)
    first, second = [e[0] for e in entries]
    same("one ID", [e[0] for e in layout(p.mailq(second).out)], [second])
    r = p.mailq("000000000000", second)
    complains(r, 65, "^mailq: 000000000000: no such message$", "unknown ID")
    same("the other is listed", [e[0] for e in layout(r.out)], [second])
    for bad in ("x", second.lower(), second + "0", "all", ""):
        r = p.mailq(bad)
        complains(r, 64, "^mailq: .*no ID", f"operand {bad!r}")
        same("nothing on stdout", r.out, "")
    for bad in ("-x", "--nothing", "--remove"):
        complains(p.mailq(bad), 64, "^usage: mailq ", bad)
    r = p.mailq("000000000000")
    same("only unknown IDs", (r.code, r.out), (65, ""))
    return first


def json_form(p):
    p.send("-f", "one@x.example", "a@y.example")
    p.send("-odq", "-f", "j\u00f6rg@x.example", "c@y.example")
    lines = [json.loads(x) for x in p.mailq("--json").out.splitlines()]
    lines.sort(key=lambda x: "cause" in x["recipients"][0], reverse=True)
    same("objects", len(lines), 2)
    tried = lines[0]
    for key in ("queue_name queue_id arrival_time message_size forced_expire sender recipients "
                "attempts next_attempt uid frozen").split():
        check(key in tried, f"key {key}", tried)
    same("plain values", (tried["queue_name"], tried["forced_expire"], tried["frozen"]), ("deferred", False, False))
    same("attempts, uid", (tried["attempts"], tried["uid"]), (0, os.getuid()))
    same("cause, host", (tried["recipients"][0]["cause"], tried["recipients"][0]["host"].split(":")[0]), ("connection-refused", "127.0.0.1"))
    check("text" not in tried["recipients"][0], "nobody spoke", tried)
    now = time.time()
    check(abs(tried["arrival_time"] - now) < 60 and tried["next_attempt"] > now, "times", tried)
    recipient = tried["recipients"][0]
    same("recipient", (recipient["address"], recipient["status"]), ("a@y.example", "waiting"))
    check("refused" in recipient["delay_reason"] and isinstance(recipient["code"], int), "reason", recipient)
    check("delay_reason" not in lines[1]["recipients"][0], "no reason yet", lines[1])


def shown(p):
    p.send("-f", "one@x.example", "a@y.example", "z@y.example")
    id_ = p.ids()[0]
    r = p.mailq("--show", id_)
    same("exit", r.code, 0)
    check("\r" not in r.out, "LF line ends")
    head, _, message = r.out.partition("\n\n")
    for part in (id_, "<one@x.example>", "<a@y.example>", "<z@y.example>", "waiting", "refused"):
        check(part in head, f"head has {part}", head)
    check(message.startswith("Subject: shown\n") and message.endswith("\n\nl1\n.\nl2\n"), "message", message)
    complains(p.mailq("--show", "000000000000"), 65, "no such message", "unknown")
    complains(p.mailq("--show", "no"), 64, "no ID", "malformed")


def freezing(p):
    p.send("-f", "one@x.example", "a@y.example")
    p.send("-f", "two@x.example", "b@y.example")
    first, second = p.id_of("one@x.example", "two@x.example")
    quiet(p.flushq("--freeze", first), 0, "--freeze")
    same("marks", {e[0]: e[1] for e in layout(p.mailq().out)}, {first: "!", second: ""})
    same("json", json.loads(p.mailq("-j", first).out)["frozen"], True)
    relay = p.answered()
    quiet(p.flushq("--all"), 0, "flushq --all")
    same("the frozen one stays", p.ids(), [first])
    quiet(p.flushq("--recipient", "a@"), 0, "chosen by a part")
    same("it still stays", p.ids(), [first])
    quiet(p.flushq("--thaw", "all"), 0, "--thaw all")
    quiet(p.flushq(), 0, "flushq: it is due")
    same("sent", p.ids(), [])


def busy(p):
    p.send("-odq", "-f", "one@x.example", "a@y.example")
    p.send("-odq", "-f", "two@x.example", "b@y.example")
    first, second = p.id_of("one@x.example", "two@x.example")
    with open(p.path(first), "r+b") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        same("marks", {e[0]: e[1] for e in layout(p.mailq().out)}, {first: "*", second: ""})
        same("json", json.loads(p.mailq("-j", first).out)["queue_name"], "active")
        complains(p.flushq("--remove", first, second), 75, f"^flushq: {first}: is being sent$", "--remove")
        same("only the other is gone", p.ids(), [first])
        complains(p.flushq("--freeze", "all"), 75, "is being sent", "--freeze")
    quiet(p.flushq("--remove", first), 0, "--remove afterwards")
    same("gone", p.ids(), [])


def removing(p):
    for i in range(3):
        p.send("-odq", "-f", "one@x.example", f"r{i}@y.example")
    ids = p.ids()
    complains(p.flushq("--remove", "0123456789AB", ids[0]), 65,
              "^flushq: 0123456789AB: no such message$", "unknown ID")
    same("the known one is gone", p.ids(), ids[1:])
    quiet(p.flushq("--remove", "all"), 0, "all")
    same("none left", p.ids(), [])
    complains(p.flushq("--remove"), 64, "^usage: flushq", "no operand")
    complains(p.flushq("--remove", "../x"), 65, "no such message", "no id at all")
    complains(p.flushq("--remove", "--freeze", "all"), 64, "exclude", "two actions")


def failing(p):
    relay = p.answered()
    r = p.send("-f", "one@x.example", "reject550@y.example", "ok@y.example")
    same("refused", r.code, 67)
    same("not held", p.mailq().out, "Mail queue is empty\n")
    entries = layout(p.mailq("--failed").out)
    same("--failed", len(entries), 1)
    same("delivered ones are not shown", [x[1] for x in entries[0][4]], ["reject550@y.example"])
    check("550" in entries[0][4][0][0], "reason", entries)
    id_ = entries[0][0]
    same("--count", p.mailq("--count", "--failed").out, "1\n")
    status = json.loads(p.mailq("-j", "--failed").out)["recipients"]
    same("json", [(x["status"], x["code"]) for x in status], [("failed", 550), ("delivered", 250)])
    same("tried once", json.loads(p.mailq("-j", "--failed").out)["attempts"], 1)
    same("found by its ID", layout(p.mailq(id_).out)[0][0], id_)
    check("state       failed" in p.mailq("--show", id_).out, "--show")
    complains(p.flushq(id_), 65, "has failed", "flushq ID")
    complains(p.flushq("--freeze", id_), 65, "has failed", "--freeze")
    check("failed     1 message" in p.mailq("--summary").out, "--summary")
    check("\npostern_failed_messages 1\n" in p.mailq("--metrics").out, "--metrics")
    # Long ago, so that a kept arrival time would be seen.
    head = open(p.path(id_, "failed"), "r+b")
    head.seek(64)
    head.write(b"created 1000000".ljust(31))
    head.close()
    quiet(p.flushq("--retry", id_), 0, "--retry")
    same("not failed any more", p.ids("--failed"), [])
    again = json.loads(p.mailq("-j").out)
    same("only the refused one waits", [x["status"] for x in again["recipients"]], ["waiting", "delivered"])
    same("attempts", again["attempts"], 0)
    check(abs(again["arrival_time"] - time.time()) < 60, "as if new", again)
    check(again["next_attempt"] <= time.time(), "due", again)
    complains(p.flushq("--retry", id_), 65, "has not failed", "--retry of a held one")
    quiet(p.flushq(), 0, "flushq")
    same("failed once more", p.ids("--failed"), [id_])
    quiet(p.flushq("--retry", "all"), 0, "--retry all")
    same("held", id_ in p.ids(), True)
    complains(p.flushq("--retry", "000000000000"), 65, "no such", "unknown")
    quiet(p.flushq("--remove", "all"), 0, "--remove all")
    same("nothing left anywhere", (p.ids(), p.ids("--failed")), ([], []))


def awaited(p):
    """What waits for its server is due when that is asked again: the list and --summary agree."""
    p.send("-f", "one@x.example", "a@y.example")
    listed, summary = p.mailq("-v").out, p.mailq("--summary").out
    check("next try in " in listed, "-v", listed)
    check("\nnext try   in " in summary, "--summary", summary)


def kept(p):
    """Handed in while the configuration is faulty: it is said why it is among the failed."""
    with open(p.conf_path, encoding="ascii") as file:
        good = file.read()
    p.write("postern.conf", good + "[mail]\nfrmo = a@x.example\n")
    same("refused", p.send("-f", "one@x.example", "ok@y.example").code, 78)
    p.write("postern.conf", good)
    id_, = p.ids("--failed")
    why = "kept, for the configuration was faulty; flushq --retry puts it back"
    entry, = layout(p.mailq("--failed").out)
    same("text", [tuple(x) for x in entry[4]], [(why, "ok@y.example")])
    same("json", json.loads(p.mailq("-j", "--failed").out)["recipients"][0]["delay_reason"], why)
    check(f"waiting: {why}\n" in p.mailq("--show", id_).out, "--show")
    quiet(p.flushq("--retry", id_), 0, "--retry")
    check("faulty" not in p.mailq().out + p.mailq("--show", id_).out, "not any more")


def choosing(p):
    for name in ("ann", "bob", "carl"):
        p.send("-odq", "-f", f"{name}@from.example", f"{name}@to.example")
    relay = p.answered()
    before = len(relay.stored())
    quiet(p.flushq("--sender", "nobody"), 0, "none matches")
    quiet(p.flushq("--id", "000000000000"), 0, "no such part")
    same("nothing was sent", (len(p.ids()), len(relay.stored())), (3, before))
    quiet(p.flushq("--sender", "ANN@", "--recipient", "bob"), 0, "both must match")
    same("nothing was sent", len(p.ids()), 3)
    quiet(p.flushq("--sender", "ANN@"), 0, "--sender")
    same("ann's is sent", sorted(json.loads(x)["sender"] for x in p.mailq("-j").out.splitlines()), ["bob@from.example", "carl@from.example"])
    quiet(p.flushq("--recipient", "!carl@"), 0, "--recipient, turned round")
    ids = p.ids()
    same("bob's is sent", len(ids), 1)
    complains(p.flushq("000000000000", ids[0]), 65, "no such message", "an unknown ID")
    same("the other is sent", p.ids(), [])
    complains(p.flushq("--sender", "x", ids[0]), 64, "choose", "no ID")


def by_name(p):
    p.send("-odq", "-f", "one@x.example", "a@y.example")
    want = p.mailq().out
    link = os.path.join(p.dir, "mailq")
    os.symlink(os.path.join(os.path.abspath(BUILD), "sendmail"), link)
    r = subprocess.run([link, "-C", p.conf_path], capture_output=True, text=True, env=p.env,
                       timeout=60, check=False)
    same("sendmail as mailq", (r.returncode, r.stdout), (0, want))
    same("sendmail -bp", p.run("sendmail", "-bp").out, want)
    same("sendmail -bpc", p.run("sendmail", "-bpc").out, "1\n")
    quiet(p.run("mailq", argv0="runq"), 0, "runq")
    same("runq tried it", layout(p.mailq().out)[0][4][0][0] is None, False)
    for program in ("mailq", "flushq"):
        r = p.run(program, "--help")
        check(r.code == 0 and r.out.startswith(f"usage: {program}") and not r.err,
              "--help", r.out)
        check(re.match(program + r" [0-9]", p.run(program, "--version").out), "--version")


def on_terminal(p):
    p.send("-f", "one@x.example", "a@y.example")

    def look(env, *args):
        master, slave = open_terminal()
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
    check("\033" not in p.mailq(env={"TERM": "xterm"}).out, "no colour in a pipe")
    p.send("-odq", "-f", "two@x.example", "b@y.example", stdin="Subject: x\n\n\033[2Jboo\u00e9\n")
    id_ = p.id_of("two@x.example")[0]
    text = look({"TERM": "xterm"}, "--show", id_)
    check("\033" not in text and "\\x1B[2Jboo\u00e9" in text, "a message gives no commands", text)
    check("\033[2Jboo" in p.begin("mailq", "--show", id_).wait().out, "as it is, into a pipe")


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
    same("the other is listed", [e[0] for e in layout(r.out)], [second])
    os.unlink(p.path(first))
    os.symlink("/etc/passwd", p.path(first))
    r = p.mailq()
    same("not through a link", [e[0] for e in layout(r.out)], [second])
    check("root:" not in r.out + r.err, "nothing of it is seen")
    os.unlink(p.path(first))
    os.mkfifo(p.path(first))
    same("not waiting on a FIFO", [e[0] for e in layout(p.mailq().out)], [second])
    os.unlink(p.path(first))
    p.configure({"port": 1, "nonsense": "yes"})
    r = p.mailq()
    same("a faulty configuration does not hide the mail", r.code, 0)
    check("nonsense" in r.err, "but is told", r.err)
    same("listed", [e[0] for e in layout(r.out)], [second])
    complains(p.flushq(), 78, "nonsense", "flushq needs a good one")
    same("steering does not", p.flushq("--freeze", second).code, 0)


def looking(p):
    """A hold that is not there is an empty one, and is not made by looking."""
    shutil.rmtree(p.hold)
    for args, out in (((), "Mail queue is empty\n"), (("-v",), "Mail queue is empty\n"),
                      (("--failed",), "Mail queue is empty\n"), (("--json",), ""),
                      (("--count",), "0\n"), (("--count", "--failed"), "0\n")):
        r = p.run("mailq", *args)
        same(f"mailq {args}", (r.code, r.out, r.err), (0, out, ""))
    for args in (("--metrics",), ("--summary",)):
        r = p.run("mailq", *args)
        same(f"mailq {args}", (r.code, r.err), (0, ""))
    r = p.run("sendmail", "-bp")
    same("sendmail -bp", (r.code, r.out, r.err), (0, "Mail queue is empty\n", ""))
    complains(p.run("mailq", "--show", "0123456789AB"), 65, "no such message", "--show")
    complains(p.run("mailq", "0123456789AB"), 65, "no such message", "an ID")
    same("the hold was made", os.path.lexists(p.hold), False)
    os.makedirs(os.path.join(p.hold, "failed"), 0o700)
    same("one room only", p.run("mailq", "--failed").out, "Mail queue is empty\n")
    same("rooms were made", os.listdir(p.hold), ["failed"])


def another_user(p):
    if os.geteuid() != 0:
        raise Skip("another user's entries need root")
    p.move(tempfile.mkdtemp(prefix="mailq."))
    p.send("-odq", "-f", "one@x.example", "a@y.example")
    p.send("-odq", "-f", "two@x.example", "b@y.example")
    p.send("-odq", "-f", "three@x.example", "c@y.example")
    mine, theirs, closed = p.id_of("one@x.example", "two@x.example", "three@x.example")
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
    copy_program(os.path.join(BUILD, "mailq"), tools)
    os.symlink("mailq", os.path.join(tools, "flushq"))

    def nobody(program, *args):
        done = subprocess.run([os.path.join(tools, program), "-C", p.conf_path, *args],
                              capture_output=True, user=65534, group=65534, extra_groups=[],
                              env=p.env, timeout=60, cwd="/", check=False)
        return Result(done.returncode, done.stdout, done.stderr, 0, None)

    r = nobody("mailq")
    same("mailq", (r.code, r.err), (0, ""))
    same("only his own", [e[0] for e in layout(r.out)], [mine])
    for id_ in (theirs, closed):
        complains(nobody("mailq", "--show", id_), 77, "another user's", "--show")
        for verb in ("--remove", "--freeze", "--thaw", "--retry"):
            complains(nobody("flushq", verb, id_), 77, "another user's", verb)
        complains(nobody("flushq", id_), 77, "another user's", "flushq ID")
    complains(nobody("flushq", "--remove", "000000000000", theirs, mine), 77, "another user's", "three")
    os.rename(p.path(theirs), os.path.join(p.hold, "failed", theirs))
    for verb in ("--remove", "--freeze", "--thaw", "--retry"):
        complains(nobody("flushq", verb, theirs), 77, "another user's", verb + ", of a failed one")
    os.rename(os.path.join(p.hold, "failed", theirs), p.path(theirs))
    same("only his own is gone", sorted(os.listdir(os.path.join(p.hold, "hold"))), sorted([theirs, closed]))
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
            measured.command(write, os.path.join(BUILD, "mailq"), "-C", p.conf_path, *args), stdout=out,
            pass_fds=(write,))
        spent = time.monotonic() - begun
        same(f"{args} exit", status, 0)
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
            same("-j lines", text.count("\n"), count)
        elif args == ("--count",):
            same("--count", text, f"{count}\n")
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
        r = subprocess.run([os.path.join(BUILD, "mailq"), "-C", p.conf_path, *args],
                           capture_output=True, timeout=60)
        raw = r.stdout + r.stderr
        check(b"\033" not in raw and b"\xc2\x9b" not in raw, f"{args}: no control bytes", repr(raw))
        check(args != ("-j",) or json.loads(r.stdout.decode())["recipients"], "JSON", repr(raw))


TESTS = (empty_hold, text_form, json_form, shown, freezing, busy, removing, failing, awaited, kept,
         choosing, by_name, on_terminal, trouble, looking, another_user, hostile, many)


def job(test):
    def run():
        with Place(test.__name__) as place:
            test(place)
    return test.__name__, run


run_all([job(test) for test in TESTS])
