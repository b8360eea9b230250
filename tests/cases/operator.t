#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the person sees who keeps a machine's mail going: the configuration in effect, its
faults and warnings, what was done to messages, the log and the counters."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # pylint: disable=wildcard-import,unused-wildcard-import,wrong-import-position
from hold_tools import read_metrics  # pylint: disable=wrong-import-position

SECRET = "open sesame"


# The configuration in effect

def config_shown():
    with Case("config") as case:
        case.write("secret", SECRET + "\n")
        case.configure(("one", {"security": "tls", "port": None, "user": "u",
                                "password_file": "secret"}),
                       ("two", {"host": None, "mx": "yes", "port": None, "security": None}),
                       conf={"mail.from_name": "Jürgen", "delivery.wait": "90s"})
        result = case.run("sendmail", "--config")
        same("exit", (result.code, result.err), (0, ""))
        for line in ("from_name = Jürgen", "wait = 90s", "expire = 5d", "port = 465",
                     "port = 25", f"password_file = {case.dir}/secret", "security = starttls",
                     f"directory = {case.hold}", "[relay one]", "[relay two]"):
            check("\n" + line + "\n" in result.out, f"no line {line!r} in {result.out}")
        check(case.conf_path in result.out.splitlines()[0], "not said where it is from")
        case.check_secret(SECRET, result)
        with open("man/postern.conf.5", encoding="utf-8") as page:
            for key in re.findall(r"^\.It Ic (\w+) No =", page.read(), re.M):
                check(re.search(rf"^;?{key} =", result.out, re.M), f"no {key}")
        # It can be read again, and means the same.
        first = result.out.split("\n", 1)[1]
        case.write("postern.conf", result.out)
        result = case.run("sendmail", "--config")
        same("read again", (result.code, result.out.split("\n", 1)[1]), (0, first))


def config_senders():
    """The rows of [senders] too, and what is printed can be read again."""
    with Case("config senders") as case:
        case.configure({"port": 1}, tail="[senders]\nroot = x@y.example\n*@w.lan = *@y.example\n")
        first = case.run("sendmail", "--config").out
        match("rows", r"\n\[senders\]\nroot = x@y\.example\n\*@w\.lan = \*@y\.example\n", first)
        case.write("postern.conf", first)
        same("again", case.run("sendmail", "--config").out, first)


def config_password():
    with Case("config password") as case:
        case.configure({"user": "u", "password": SECRET})
        result = case.run("sendmail", "--config")
        same("exit", (result.code, result.err), (0, ""))
        match("the password", r"\n;password = \(set, not shown\)\n", result.out)
        case.check_secret(SECRET, result)


def config_faulty():
    with Case("config faulty") as case:
        case.configure({"hots": "a"})
        result = case.run("sendmail", "--config")
        same("exit", (result.code, result.out), (78, ""))
        match("the fault", r"unknown key 'hots'.*did you mean host", result.err)
        result = case.run("sendmail", "--config", "a@b.example")
        same("with the fault", result.code, 78)
        case.configure({})
        result = case.run("sendmail", "--config", "a@b.example")
        same("an operand", (result.code, result.out), (64, ""))


# Faults and warnings

def quoted(keys):
    """Quotes are no syntax here: what has them is told so, and nothing is sent."""
    with Case("quoted") as case:
        relay = case.relay()
        case.configure(dict({"port": relay.port}, **keys),
                       conf={"mail.from": '"ann@example.org"'} if not keys else None)
        result = case.send("b@dest.example")
        same("exit", result.code, 78)
        match("the fault", r"postern\.conf:\d+: \w+: quotes would be part of the value; leave"
              " them out", result.err)
        case.check_secret(SECRET, result)
        same("arrived", relay.accepted(), [])
        same("kept", len(case.entries("failed")), 1)


def warned(keys, conf, pattern):
    """A person is warned, a script is not; the mail is taken in any case."""
    with Case("warned") as case:
        case.configure(dict({"port": 1}, **keys), conf=conf)
        code, shown, _ = terminal(case, "sendmail", "-odq", "b@dest.example", feed=MESSAGE)
        same("exit", code, 0)
        match("the warning", r"sendmail: warning: \S*postern\.conf:\d+: " + pattern, shown)
        result = case.send("-odq", "b@dest.example")
        same("to a script", (result.code, result.err), (0, ""))
        same("held", len(case.entries()), 2)


# What was done to messages

def three(case):
    """ann's, bob's and carl's; bob's is frozen."""
    case.configure({"port": 1})
    for name in ("ann", "bob", "carl"):
        case.send("-odq", "-f", f"{name}@from.example", f"{name}@to.example")
    ids = {e["sender"].split("@")[0]: e["queue_id"] for e in case.listing()}
    case.run("flushq", "--freeze", ids["bob"])
    return ids


def steered(args, said, left):
    """-v says what was done to each ID, and how many there were."""
    with Case("steered") as case:
        ids = three(case)
        result = case.run("flushq", "-v", *[a.format(**ids) for a in args])
        same("exit", (result.code, result.out), (0, ""))
        same("said", result.err, "".join(line.format(**ids) + "\n" for line in said))
        same("left", sorted(n for n, i in ids.items() if i in case.entries()), sorted(left))


def steered_quietly():
    with Case("quietly") as case:
        ids = three(case)
        for args in (("--freeze", ids["ann"]), ("--thaw", "--sender", "ann@"),
                     ("--remove", "--recipient", "ann@"), ("--remove", "--recipient", "nobody"),
                     ("--remove", "all")):
            result = case.run("flushq", *args)
            same(f"{args}", (result.code, result.out, result.err), (0, "", ""))
        same("left", case.entries(), [])


def steered_on_terminal():
    with Case("on a terminal") as case:
        ids = three(case)
        code, shown, _ = terminal(case, "flushq", "--remove", ids["ann"])
        same("--remove ID", (code, shown.splitlines()),
             (0, [f"{ids['ann']}: removed", "flushq: 1 message removed"]))
        code, shown, _ = terminal(case, "flushq", "--remove", "all")
        same("--remove all", (code, shown.splitlines()), (0, ["flushq: 2 messages removed"]))
        code, shown, _ = terminal(case, "flushq")
        same("nothing due", (code, shown.splitlines()), (0, ["flushq: nothing is due"]))


def retried_by_text():
    """A failed message is found by the recipient that failed, and its state is what counts."""
    with Case("retried") as case:
        relay = case.relay("--on", "RCPT reply 550 5.1.1 no")
        case.configure({"port": relay.port})
        same("refused", case.send("ann@to.example").code, 67)
        case.send("bob@to.example")
        result = case.run("flushq", "-v", "--retry", "--recipient", "BOB@")
        match("said", r"^[0-9A-F]{12}: retried\nflushq: 1 message retried\n$", result.err)
        same("rooms", (len(case.entries()), len(case.entries("failed"))), (1, 1))
        result = case.run("flushq", "-v", "--remove", "--recipient", "@to.example")
        match("said", r"\nflushq: 2 messages removed\n$", result.err)


def forgotten():
    """An empty variable of a script does not stand for everything."""
    with Case("forgotten") as case:
        three(case)
        for option in ("--sender", "--recipient", "--id"):
            result = case.run("flushq", "--remove", option, "")
            same(option, result.code, 64)
            match(option, "without a text", result.err)
        # Options behind an operand are none.
        result = case.run("flushq", "--remove", "all", "--sender", "ann")
        same("behind all", result.code, 64)
        match("behind all", "--sender: options stand before", result.err)
        same("left", len(case.entries()), 3)


def tried(*args):
    with Case("tried") as case:
        relay = case.relay()
        ids = three(case)
        case.configure({"port": relay.port})
        result = case.run("flushq", "-v", *args)
        match("said", r"\nflushq: 2 sent, 0 held, 0 failed\n$", result.err)
        result = case.run("flushq", "-v", *args)
        same("then", (result.code, result.out), (0, ""))
        match("then", r"^flushq: (nothing is due|nothing was tried|nothing matches)\n$",
              result.err)
        same("left", case.entries(), [ids["bob"]])


def off_line():
    """Why nothing is tried is said: what is due is due."""
    with Case("off line") as case:
        three(case)
        case.configure({"port": 1}, conf={"delivery.online": "/bin/false"})
        for args in ((), ("--all",), (case.entries()[0],)):
            result = case.run("flushq", "-v", *args)
            same(f"{args}", (result.code, result.out), (0, ""))
            match(f"{args}", r"^flushq: off line, nothing was tried\b[ -~]*\n$", result.err)


def unprintable(*args):
    """What nobody can read was not printed."""
    with Case("unprintable") as case:
        case.configure({"port": 1})
        unprinted(case, *(case.conf_path if a == "CONF" else a for a in args))


def usage(program, *args):
    """A wrong call says how to learn of the right one."""
    with Case("usage") as case:
        case.configure({"port": 1})
        result = case.run(program, *args)
        same("exit", result.code, 64)
        match("the way", rf"{program} --help", result.err)


def help_text(program, first):
    """Useful options come first, in groups."""
    with Case("help") as case:
        result = case.run(program, "--help", conf=False)
        same("exit", (result.code, result.err), (0, ""))
        groups = [g.splitlines() for g in result.out.split("\n\n")]
        check(len(groups) >= 4, "no groups")
        for group in groups[1:]:
            check(re.match(r"[A-Z].*:$", group[0]), f"no heading: {group[0]}")
        check(first in groups[1][1], f"{first} is not first: {groups[1]}")
        match("ignored ones are last", "ignored", groups[-1][-1] + groups[-1][1])


# The log

def accepted(args, tried_):
    """A line says who handed it in, before it is tried; so do all that follow."""
    with Case("accepted") as case:
        relay = case.relay()
        case.configure({"port": relay.port})
        case.send(*args)
        case.wait_quiet()
        lines = case.log().splitlines()
        uid = os.getuid()
        match("accepted", rf"id=[0-9A-F]{{12}} uid={uid} from=a@src\.example nrcpt=2 size=\d+ "
              "status=accepted$", lines[0])
        same("lines", len(lines), 3 if tried_ else 1)
        for line in lines:
            match("uid", rf"id=[0-9A-F]{{12}} uid={uid} ", line)
        case.run("flushq", "--remove", "all")
        for line in case.log().splitlines():
            match("uid", rf"id=[0-9A-F]{{12}} uid={uid} ", line)


def accepted_by_smtp():
    with Case("accepted by SMTP") as case:
        relay = case.relay()
        case.configure({"port": relay.port})
        mail = (b"MAIL FROM:<a@src.example>\r\nRCPT TO:<b@dest.example>\r\nDATA\r\n"
                b"Subject: x\r\n\r\nx\r\n.\r\n")
        case.begin("sendmail", "-bs", feed=b"EHLO me\r\n" + 2 * mail + b"QUIT\r\n").wait()
        case.wait_quiet()
        same("lines", len(re.findall("status=accepted", case.log())), 2)


def not_accepted():
    """What is refused, or kept because of the configuration, was not taken."""
    with Case("not accepted") as case:
        case.configure({"port": 1})
        case.send("-t", message=b"Subject: none\n\nx\n")
        case.configure({"port": 1, "hots": "x"})
        case.send("b@dest.example")
        same("kept", len(case.entries("failed")), 1)
        no_match("log", "status=accepted", case.log())


class Log:
    """The system's log, in a mount name space of its own for those who are called in it."""

    def __init__(self, case):
        if os.geteuid() != 0 or not shutil.which("unshare"):
            raise Skip("needs root and unshare")
        self.dev = os.path.join(case.dir, "dev")
        os.mkdir(self.dev)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        fd = os.open(self.dev, os.O_RDONLY | os.O_DIRECTORY)
        self.socket.bind(f"/proc/self/fd/{fd}/log")
        os.close(fd)
        for node in ("null", "zero", "full", "random", "urandom"):
            open(os.path.join(self.dev, node), "w").close()
        script = (f'for n in null zero full random urandom; do mount --bind /dev/$n {self.dev}/$n'
                  f' || exit 99; done; mount --rbind {self.dev} /dev && exec "$@"')
        self.wrap = ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh"]
        if subprocess.run([*self.wrap, "true"], capture_output=True, check=False).returncode:
            raise Skip("mounting is not permitted")

    def lines(self):
        found = []
        self.socket.settimeout(0.3)
        try:
            while True:
                found.append(self.socket.recv(65536).decode().rstrip("\0"))
        except TimeoutError:
            return found


def unloggable(to, reason):
    """A log that cannot be written goes to syslog, with the reason, once a process."""
    with Case("unloggable") as case:
        log = Log(case)
        relay = case.relay()
        case.configure({"port": relay.port}, conf={"log.to": to})
        case.send(*ARGS, wrap=log.wrap)
        case.wait_quiet()
        lines = log.lines()
        for program, count in (("sendmail", 1), ("flushq", 2)):
            mine = [x for x in lines if f" {program}[" in x]
            match("the reason", rf"cannot log to \S+: {reason}[a-z ]*; logging here instead", mine[0])
            same(f"lines of {program}", len(mine), 1 + count)
        same("delivered", len([x for x in lines if "status=delivered" in x]), 2)


def stderr_of_caller(mode):
    """to = stderr: who waits has the lines, of the first try too; who does not is not made to
    wait for the end of standard error."""
    with Case("stderr") as case:
        relay = case.relay("--on", "DOT wait 2500 normal")
        case.configure({"port": relay.port, "dot_timeout": "9s"},
                       conf={"log.to": "stderr", "delivery.mode": mode})
        result = case.send(*ARGS)
        same("exit", (result.code, result.out), (0, ""))
        match("accepted", r"^sendmail: id=\S+ uid=\d+ .*status=accepted\n", result.err)
        delivered = len(re.findall("^flushq: .*status=delivered", result.err, re.M))
        same("delivered lines", delivered, 2 if mode == "now" else 0)
        if mode != "now":
            check(result.seconds < 2, f"waited {result.seconds:.1f} s")
        case.wait_quiet()
        same("delivered", len(relay.accepted()), 1)


def stderr_of_container():
    """What nobody waits for goes to the standard error of process 1."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        raise Skip("needs root and unshare")
    with Case("container") as case:
        relay = case.relay("--on", "DOT wait 500 normal")
        case.configure({"port": relay.port}, conf={"log.to": "stderr",
                                                   "delivery.mode": "background"})
        # Some shells change their own standard error for as long as a command is started.
        script = f'''sh -c 'exec {BUILD}/sendmail -C {case.conf_path} {" ".join(ARGS)} 2>/dev/null'
for i in $(seq 100); do sleep 0.2; grep -Eqs "^(sendmail|flushq)" /proc/[0-9]*/comm || break; done'''
        result = subprocess.run(
            ["unshare", "-p", "-f", "--mount-proc", "--propagation", "private", "--kill-child",
             "sh", "-c", script], input=MESSAGE, env=case.env, capture_output=True, timeout=30,
            check=False)
        if b"unshare" in result.stderr:
            raise Skip(result.stderr.decode().strip())
        same("delivered", len(relay.accepted()), 1)
        same("lines", len(re.findall(r"^flushq: .*status=delivered", result.stderr.decode(), re.M)),
             2)


def handed_over():
    """A mount that is read-only is not enough on a machine: its users see it. What is said
    can be done there."""
    if os.stat("/proc/self/ns/pid").st_ino != 0xEFFFFFFC:
        raise Skip("in a container")
    with Case("handed over") as case:
        log = Log(case)
        relay = case.relay("--user", "u", "--password", SECRET, "--clear-auth")
        at = "/mnt"  # in the name space of the call
        case.configure({"port": relay.port, "user": "u", "password_file": at + "/p",
                        "allow_cleartext_auth": "yes"})
        wrap = [*log.wrap, "sh", "-c", f"mount -t tmpfs none {at} && echo '{SECRET}' >{at}/p &&"
                f' chmod 444 {at}/p && mount -o remount,ro {at} && exec "$@"', "sh"]
        case.send(*ARGS, wrap=wrap)
        case.wait_quiet()
        same("sent", relay.accepted(), [])
        match("advice", "read-only mount.*defaultMode.*password_command.*credential",
              case.listing()[0]["recipients"][0]["delay_reason"])


# The counters

def numbers(case, **more):
    result = case.run("mailq", "--metrics", **more)
    same("exit", (result.code, result.err), (0, ""))
    found = read_metrics(result.out)
    return {k[0][len("postern_"):]: int(v) for k, v in found.items() if not k[1]}


def counted():
    with Case("counted") as case:
        relay = case.relay()
        case.configure({"port": relay.port})
        began = int(time.time())
        first = numbers(case)
        for name in ("messages_accepted", "messages_delivered", "messages_failed",
                     "recipients_delivered", "recipients_failed", "delivered_bytes"):
            same(name, first[name + "_total"], 0)
        check("last_success_timestamp_seconds" not in first, "success before there was any")
        case.send(*ARGS)
        size = len(relay.stored()[0])
        same("refused", case.send("-f", "a@src.example", "reject550@dest.example").code, 67)
        case.send("-f", "a@src.example", "b@dest.example", "reject550@dest.example")
        case.send("-f", "a@src.example", "temp450@dest.example")
        case.wait_quiet()
        now = numbers(case)
        for name, value in (("messages_accepted", 4), ("messages_delivered", 1),
                            ("messages_failed", 2), ("recipients_delivered", 3),
                            ("recipients_failed", 2)):
            same(name, now[name + "_total"], value)
        sizes = sum(len(x) for x in relay.stored())
        same("bytes", now["delivered_bytes_total"], sizes)
        check(sizes > size and now["last_success_timestamp_seconds"] >= began, "success")
        check("last_flush_timestamp_seconds" not in now, "a first try is no flush")
        case.run("flushq", "--all")
        now = numbers(case)
        same("accepted once", now["messages_accepted_total"], 4)
        check(now["last_flush_timestamp_seconds"] >= began, "flush")
        # Losing it costs nothing.
        shutil.rmtree(os.path.join(case.hold, "state"))
        case.send(*ARGS)
        case.wait_quiet()
        same("begins again", numbers(case)["messages_delivered_total"], 1)


def counted_by_many(count=40):
    """Workers and several flushes at once count what they do, each message once."""
    with Case("counted by many") as case:
        relay = case.relay()
        case.configure({"port": relay.port, "connections": "4"})
        for i in range(count):
            case.send("-odq", "-f", "a@src.example", f"b{i}@dest.example")
        calls = [case.begin("flushq") for _ in range(3)]
        for call in calls:
            same("exit", call.wait().code, 0)
        case.wait_quiet()
        same("delivered", numbers(case)["messages_delivered_total"], len(relay.accepted()))


# What the notes say

def saved_by_hand():
    """contrib/doc/HOLD has the command that gets a message out of its file."""
    with Case("by hand") as case:
        case.configure({"port": 1})
        case.send("-odq", *ARGS)
        path = os.path.join(case.hold, "hold", case.entries()[0])
        with open(path, "rb") as file:
            head = dict(line.split() for line in file.read(512).decode().splitlines())
        with open("contrib/doc/HOLD", encoding="utf-8") as notes:
            command = re.search(r"tail -c .* SIZE", notes.read())[0]
        for word, value in (("RECIPIENTS", head["recipients"]), ("ENVELOPE", head["envelope"]),
                            ("FILE", path), ("SIZE", head["size"])):
            command = command.replace(word, value)
        out = subprocess.run(["sh", "-c", command], capture_output=True, timeout=20, check=True)
        shown = case.run("mailq", "--show", os.path.basename(path)).out_bytes
        check(shown.endswith(b"\n\n" + out.stdout.replace(b"\r\n", b"\n")), "the message")
        check(out.stdout.startswith(b"From: Ann") and out.stdout.endswith(b"\r\n"), "whole")


def web_pages():
    if not shutil.which("mandoc"):
        raise Skip("no mandoc")
    with Case("pages") as case:
        # A make around this one would be asked for its jobs.
        env = {n: v for n, v in os.environ.items() if n not in ("MAKEFLAGS", "MAKELEVEL")}
        made = subprocess.run(["make", "-s", "html", f"BUILD={case.dir}/build"], env=env,
                              capture_output=True, timeout=60, check=False)
        same("make html", (made.returncode, made.stderr), (0, b""))
        pages = os.listdir(case.dir + "/build/html")
        same("pages", sorted(pages), sorted(n + ".html" for n in os.listdir("man")))
        with open(case.dir + "/build/html/postern.7.html", encoding="utf-8") as page:
            check('href="sendmail.8.html"' in page.read(), "no link")


# Completion

def completed(line, wanted, *relays):
    """What bash offers for the last word."""
    bash = shutil.which("bash")
    if not bash:
        raise Skip("no bash")
    with Case("completion") as case:
        case.configure(*relays)
        words = line.format(conf=case.conf_path).split(" ")
        script = ('. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))\n'
                  '_postern "$1"; printf "%s\\n" "${COMPREPLY[@]}"\n')
        out = subprocess.run([bash, "-c", script, "bash", "contrib/completion/postern.bash",
                              *words], env=dict(case.env, PATH=f"{BUILD}:{case.env['PATH']}"),
                             capture_output=True, timeout=20, check=False)
        same("offered", (out.stdout.decode().split(), out.stderr), (wanted, b""))


def jobs():
    yield "--config", config_shown
    yield "--config, senders", config_senders
    yield "--config with a password", config_password
    yield "--config, faulty", config_faulty
    yield "quotes around from", lambda: quoted({})
    yield "quotes around user", lambda: quoted({"user": '"u"', "password": "x"})
    yield "quotes around password", lambda: quoted({"user": "u", "password": f'"{SECRET}"'})
    yield "quotes around host", lambda: quoted({"host": '"127.0.0.1"'})
    yield "aliases that are missing", lambda: warned(
        {}, {"mail.aliases": "{dir}/nosuchfile"}, r"aliases: \S*nosuchfile: No such file")
    yield "port 465 without tls", lambda: warned(
        {"port": "587, 465", "security": "starttls"}, {}, "relay main: port 465 is for security = tls")
    yield "what was done, IDs", lambda: steered(
        ["--remove", "{ann}", "{carl}"],
        ["{ann}: removed", "{carl}: removed", "flushq: 2 messages removed"], ["bob"])
    yield "what was done, all", lambda: steered(
        ["--freeze", "all"], ["flushq: 3 messages frozen"], ["ann", "bob", "carl"])
    yield "what was done, by recipient", lambda: steered(
        ["--remove", "--recipient", "BOB@"], ["{bob}: removed", "flushq: 1 message removed"],
        ["ann", "carl"])
    yield "what was done, by sender", lambda: steered(
        ["--thaw", "--sender", "bob@"], ["{bob}: thawed", "flushq: 1 message thawed"],
        ["ann", "bob", "carl"])
    yield "what was done, nothing", lambda: steered(
        ["--remove", "--sender", "dora@"], ["flushq: 0 messages removed"],
        ["ann", "bob", "carl"])
    yield "what was done, all but one", lambda: steered(
        ["--remove", "--sender", "!bob@", "--recipient", "carl", "all"],
        ["{carl}: removed", "flushq: 1 message removed"], ["ann", "bob"])
    yield "what was done, quietly", steered_quietly
    yield "what was done, on a terminal", steered_on_terminal
    yield "what was done, retried by text", retried_by_text
    yield "an action without a text", forgotten
    for args in ((), ("--all",), ("--sender", "@from.example")):
        yield f"tried: {args}", lambda a=args: tried(*a)
    yield "off line", off_line
    for args in (("--help",), ("--version",), ("--providers",), ("-C", "CONF", "--config"),
                 ("-C", "CONF", "-bv", "a"), ("-C", "CONF", "--dry-run", *ARGS)):
        yield f"unprintable {args[-1]}", lambda a=args: unprintable(*a)
    for row in (("sendmail", "--wrong"), ("sendmail", "-f"), ("mailq", "--wrong"),
                ("flushq", "--remove"), ("flushq", "-x")):
        yield f"usage of {row}", lambda r=row: usage(*r)
    yield "accepted", lambda: accepted(ARGS, True)
    yield "accepted and held", lambda: accepted(("-odq", *ARGS), False)
    yield "accepted by SMTP", accepted_by_smtp
    yield "not accepted", not_accepted
    yield "a log file that cannot be", lambda: unloggable("/nosuch/folder/log", "No such file")
    yield "a log file that is full", lambda: unloggable("/dev/full", "No space left")
    for mode in ("now", "background"):
        yield f"stderr of the caller, {mode}", lambda m=mode: stderr_of_caller(m)
    yield "stderr of a container", stderr_of_container
    yield "counted", counted
    yield "counted by many", counted_by_many
    yield "a secret open to the machine", handed_over
    yield "a message saved by hand", saved_by_hand
    yield "the manual as web pages", web_pages
    two = ({"port": 1}, ("work-2", {"port": 1}))
    yield "completion, --relay", lambda: completed(
        "sendmail -C {conf} --relay ", ["main", "work-2"], *two)
    yield "completion, --check", lambda: completed(
        "sendmail -C {conf} --check m", ["main"], *two)
    yield "completion, no relay", lambda: completed("sendmail -C {conf} a", [], *two)
    for row in (("sendmail", "--check"), ("mailq", "--json"), ("flushq", "--all")):
        yield f"--help of {row[0]}", lambda r=row: help_text(*r)


if __name__ == "__main__":
    run_all(list(jobs()))
