#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose name is this, and where does its mail go: the names of a host, its aliases and its
administrator, for mail, for reports and for -bv alike."""

import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
from hold_tools import Server  # noqa: E402

BODY = b"Subject: s\n\nb\n"
HOST = {"mail.hostname": "host.example", "mail.domain": "corp.example",
        "delivery.mode": "hold"}
UNSHARE = ["unshare", "-m", "-u"] + ([] if os.geteuid() == 0 else ["-U", "-r"])
INSIDE = 'echo "$0" >/proc/sys/kernel/hostname && mount --bind "$1" /etc/hosts && shift && exec "$@"'


def named_host_works():
    try:
        return subprocess.run([*UNSHARE, "sh", "-c", INSIDE, "mdbox", "/dev/null", "true"],
                              capture_output=True, timeout=20, check=False).returncode == 0
    except OSError:
        return False


NAMED = named_host_works()


def host(case, name="mdbox", hosts="127.0.0.1 localhost\n127.0.1.1 mdbox.home.lan mdbox\n"):
    """How to run a program on a host of that name."""
    if not NAMED:
        raise Skip("no name spaces for a host of another name")
    return {"wrap": [*UNSHARE, "sh", "-c", INSIDE, name, case.write("hosts", hosts, 0o644)]}


def started(case, server, conf, aliases=""):
    case.configure({"port": server.port}, conf=conf)
    case.write("aliases", aliases, 0o644)


def report(name, sender, conf, aliases, wanted, how=False):
    """The report on mail of a sender goes where mail to him goes."""
    def run():
        with Case("report") as case, Server() as server:
            more = host(case) if how else {}
            started(case, server, dict(HOST, **conf), aliases)
            args = ("-f", sender) if sender else ()
            result = case.send("-i", *args, "reject@dest.example", message=BODY, **more)
            same("exit", (result.code, result.err), (0, ""))
            case.run("flushq", "--all", **more)
            case.run("flushq", "--all", **more)
            same("report to", server.recipients(), [wanted])
            if not sender:
                return
            result = case.send("-bv", sender, **more)
            same("-bv", result.out.split("... ")[0], wanted)
            case.send("-i", "-f", "x@y.example", sender, message=BODY, **more)
            case.run("flushq", "--all", **more)
            same("mail to", server.recipients(), [wanted, wanted])
    return name, run


def goes(name, rcpt, conf, aliases, wanted, hosts=None):
    """Mail for a name of a host called mdbox."""
    def run():
        with Case("goes") as case:
            more = host(case, **({"hosts": hosts} if hosts else {}))
            case.configure({}, conf=dict({"mail.hostname": None, "mail.domain": None}, **conf))
            case.write("aliases", aliases, 0o644)
            result = case.send("--dry-run", "-f", "x@y.example", rcpt, message=BODY, **more)
            same("exit", (result.code, result.err), (0, ""))
            same("recipients", re.findall(r"^recipient: <(.*)>$", result.out, re.M), wanted)
    return name, run


def sent_as(name, args, message, sender, header, hosts=None, conf=None):
    """from_rule on a host called mdbox."""
    def run():
        with Case("as") as case:
            more = host(case, **({"hosts": hosts} if hosts else {}))
            case.configure({}, conf=dict({"mail.hostname": None, "mail.domain": None,
                                          "mail.from": "box@corp.example"}, **(conf or {})))
            result = case.send("--dry-run", *args, "b@dest.example", message=message, **more)
            same("exit", (result.code, result.err), (0, ""))
            same("sender", re.findall(r"^sender: <(.*)>$", result.out, re.M), [sender])
            same("From", re.findall(r"^From: (.*)$", result.out, re.M), [header])
    return name, run


ADMIN = {"mail.admin": "adm@z.example"}
JOBS = [
    report("report to root@localhost", "root@localhost", {}, "", "root@corp.example"),
    report("report to root@localhost, alias", "root@localhost", {}, "root: ann@x.example\n",
           "ann@x.example"),
    report("report to root@localhost, admin", "root@localhost", ADMIN, "", "adm@z.example"),
    report("report to root@host.example", "root@host.example", {}, "", "root@corp.example"),
    report("report to root", "root", {}, "", "root@corp.example"),
    report("report to root, alias", "root", {}, "root: ann@x.example\n", "ann@x.example"),
    report("report to root, admin", "root", ADMIN, "", "adm@z.example"),
    report("report to the caller, admin", None, ADMIN, "", "adm@z.example"),
    report("report to one elsewhere", "ann@corp.example", ADMIN, "ann: bob@x.example\n",
           "ann@corp.example"),
    report("report to root@mdbox", "root@mdbox", ADMIN, "", "adm@z.example", how=True),
    report("report to root@mdbox.home.lan", "root@mdbox.home.lan", {}, "root: a@x.example\n",
           "a@x.example", how=True),
] + [
    goes(f"mail to {rcpt}, {what}", rcpt, conf, aliases, wanted)
    for rcpt in ("root", "root@localhost", "root@mdbox", "root@mdbox.home.lan",
                 "root@MDBOX.Home.Lan.", "Root Person <root@mdbox>")
    for what, conf, aliases, wanted in (
        ("admin", ADMIN, "", ["adm@z.example"]),
        ("alias", ADMIN, "root: ann@x.example\n", ["ann@x.example"]),
        ("neither", {"mail.domain": "corp.example"}, "", ["root@corp.example"]),
        ("hostname set", dict(ADMIN, **{"mail.hostname": "host.example"}), "",
         ["adm@z.example"]))
] + [
    goes("mail to root@host.example", "root@host.example",
         dict(ADMIN, **{"mail.hostname": "host.example"}), "", ["adm@z.example"]),
    goes("mail to the domain of others", "root@corp.example",
         dict(ADMIN, **{"mail.domain": "corp.example"}), "", ["root@corp.example"]),
    goes("mail to the domain that is this host's", "root@mdbox.corp.example",
         dict(ADMIN, **{"mail.domain": "mdbox.corp.example"}), "", ["adm@z.example"]),
    goes("an alias that names the host", "root", {}, "root: ann@mdbox\nann: ann@x.example\n",
         ["ann@x.example"]),
    goes("an alias that leads back through a host name", "root", {"mail.domain": "corp.example"},
         "root: root@localhost, ann@x.example\n", ["root@corp.example", "ann@x.example"]),
] + [
    sent_as(f"from {who}", ("-f", who), f"From: <{who}>\n\n".encode(), "box@corp.example",
            "<box@corp.example>")
    for who in ("root@mdbox", "root@mdbox.home.lan", "root@localhost")
] + [
    sent_as("from another host", ("-f", "root@mdbox.example"), b"From: root@mdbox.example\n\n",
            "root@mdbox.example", "root@mdbox.example"),
]


def says(name, wanted, hosts="127.0.0.1 localhost mdbox\n", conf=None, relay_conf=None):
    """What is said in EHLO on a host called mdbox."""
    def run():
        with Case("says") as case:
            relay = case.relay()
            more = host(case, hosts=hosts)
            case.configure(dict({"port": relay.port}, **(relay_conf or {})),
                           conf=dict({"mail.hostname": None, "mail.domain": "corp.example"},
                                     **(conf or {})))
            same("exit", case.send(*ARGS, message=MESSAGE, **more).code, 0)
            same("EHLO", [c for c in relay.commands() if c.startswith("EHLO")],
                 ["EHLO " + wanted])
            same("violations", relay.violations(), [])
    return name, run


JOBS += [
    says("EHLO, no full name", "[127.0.0.1]"),
    says("EHLO, the name in hosts", "mdbox.home.lan", "127.0.1.1 mdbox.home.lan mdbox\n"),
    says("EHLO, hostname bare", "[127.0.0.1]", conf={"mail.hostname": "mdbox"}),
    says("EHLO, hostname ends in a dot", "mdbox.example", conf={"mail.hostname": "mdbox.example."}),
    says("EHLO, helo bare", "[127.0.0.1]", relay_conf={"helo": "box."}),
    says("EHLO, helo ends in a dot", "box.example", relay_conf={"helo": "box.example."}),
    says("EHLO, helo a literal", "[192.0.2.1]", relay_conf={"helo": "[192.0.2.1]"}),
    goes("admin ends in a dot", "root", {"mail.admin": "adm@z.example."}, "", ["adm@z.example"]),
    goes("domain ends in a dot", "root", {"mail.domain": "corp.example."}, "",
         ["root@corp.example"]),
]


def written(name, field, want, conf=None, absent=None):
    """A field of the header as it leaves."""
    def run():
        with Case("written") as case:
            case.configure({}, conf=dict({"mail.hostname": "host.example",
                                          "mail.domain": "corp.example"}, **(conf or {})))
            result = case.send("--dry-run", "-f", "x@y.example", "b@dest.example",
                               message=field.encode() + b"\n\nb\n")
            same("exit", (result.code, result.err), (0, ""))
            lines = re.sub(r"\n[ \t]+", " ", result.out.partition("message:\n")[2]).split("\n")
            check(want in lines, f"no {want!r} in {lines}")
            names = [line.partition(":")[0] for line in lines[:lines.index("")]]
            check(absent not in names, f"{absent} in {names}")
            same("fields twice", sorted({n for n in names if names.count(n) > 1}), [])
    return name, run


BOX = {"mail.from": "box@corp.example", "mail.from_rule": "always"}
JOBS += [
    written("always, brackets do not match", "From: <a", 'From: "<a" <box@corp.example>', BOX),
    written("always, two @", "From: a@@b", 'From: "a@@b" <box@corp.example>', BOX),
    written("always, no address", "From: nobody:;", 'From: "nobody:;" <box@corp.example>', BOX),
    written("local, words", "From: Backup Server root@localhost",
            'From: "Backup Server" <box@corp.example>', {"mail.from": "box@corp.example"}),
    written("words", "From: Backup Server root@x.example",
            'From: "Backup Server" <root@x.example>'),
    written("words only", "From: Backup Server", 'From: "Backup Server" <x@y.example>'),
    written("a comma in the name", "From: Acme, Inc. <a@x.example>",
            'From: "Acme, Inc." <a@x.example>'),
    written("a comma in Reply-To", "Reply-To: Acme, Inc. <a@x.example>",
            'Reply-To: "Acme, Inc." <a@x.example>'),
    written("a colon in the name", "From: Backup: web1 <a@x.example>",
            'From: "Backup: web1" <a@x.example>'),
    written("a colon in the name, local", "From: Backup: web1 <root@localhost>",
            'From: "Backup: web1" <box@corp.example>', {"mail.from": "box@corp.example"}),
    written("a colon in the name, always", "From: Backup: web1 <a@x.example>",
            'From: "Backup: web1" <box@corp.example>', BOX),
    written("a colon and an address", "From: Backup: a@x.example", 'From: "Backup:" <a@x.example>'),
    written("a colon, words only", "From: Backup: web1", 'From: "Backup: web1" <x@y.example>'),
    written("a colon in Reply-To", "Reply-To: Backup: web1 <a@x.example>",
            'Reply-To: "Backup: web1" <a@x.example>'),
    written("a group", "From: team: Ann <a@x.example>;", "From: team: Ann <a@x.example>;"),
    written("brackets in the name", "From: [web1] Backup <a@x.example>",
            'From: "[web1] Backup" <a@x.example>'),
    written("an @ in the name", 'From: Backup @ "web1" <a@x.example>',
            'From: "Backup @ web1" <a@x.example>'),
    written("a name that can stand", 'From: J. "D" Doe (x) <a@x.example>',
            'From: J. "D" Doe (x) <a@x.example>'),
    written("brackets beside an encoded word", "From: =?utf-8?Q?=C3=BC?= [1] <a@x.example>",
            "From: =?utf-8?Q?=C3=BC?= [1] <a@x.example>"),
    written("words in To", "To: Bob Bee b@x.example", 'To: "Bob Bee" <b@x.example>'),
    written("quoted words in To", 'To: "quoted" unquoted@example.com',
            'To: "quoted" <unquoted@example.com>'),
    written("no comma in To", "To: root@localhost, ann bob",
            "To: root@localhost, ann@corp.example, bob@corp.example"),
]


JOBS += [
    written(f"an empty {name}", f"{name}:{value}\nX-Other: x", "X-Other: x", absent=name)
    for name in ("To", "Cc", "Sender", "Reply-To", "Resent-To", "Errors-To",
                 "Disposition-Notification-To")
    for value in ("", " ", " ,", " ;\n ", " <>")
] + [
    written("two To", "To: a@x.example\nX-Other: x\nTo: B <b@x.example>",
            "To: a@x.example, B <b@x.example>"),
    written("three Cc, one empty", "Cc: a@x.example\ncc: \nCC: c@x.example",
            "Cc: a@x.example, c@x.example"),
    written("two Reply-To", "Reply-To: a@x.example\nReply-To: b",
            "Reply-To: a@x.example, b@corp.example"),
    written("two Sender", "Sender: \nSender: a@x.example\nSender: b@x.example",
            "Sender: a@x.example"),
    written("two Date", "Date: Sat, 21 Nov 2026 20:00:00 +0000\nDate: today",
            "Date: Sat, 21 Nov 2026 20:00:00 +0000"),
]


def ambiguous(what):
    """Nobody knows who was meant, so nobody gets it."""
    def run():
        with Case("ambiguous") as case:
            case.configure({})
            result = case.send("-i", "-f", "x@y.example", what, message=BODY)
            same("exit", result.code, 65)
            same("held", case.entries(), [])
    return f"operand {what}", run


def no_name(domain, how):
    """A domain that IDNA 2008 does not allow is not taken for a similar one."""
    def run():
        with Case("no name") as case:
            case.configure({})
            address, message, args = "a@" + domain, BODY, ("-f", "x@y.example", "a@" + domain)
            if how == "sender":
                args = ("-f", address, "b@dest.example")
            elif how == "-t":
                args, message = ("-f", "x@y.example", "-t"), f"To: {address}\n\nb\n".encode()
            result = case.send("-i", *args, message=message)
            same("exit", result.code, 65)
            match("stderr", "IDNA 2008", result.err)
            same("held", case.entries(), [])
    return f"{how} {domain}", run


JOBS += [no_name(domain, how) for how in ("operand", "sender", "-t")
         for domain in ("ba\uff3fnk.example", "x\uff20evil.example", "a\u3000b.example",
                        "\u2603fa\u00df.example", "\uff21.example", "a\u3002b")]


def from_header(name, to, want):
    """-t: one recipient for each element in which there is an address."""
    def run():
        with Case("header") as case:
            case.configure({})
            result = case.send("--dry-run", "-t", "-f", "x@y.example",
                               message=f"To: {to}\n\nb\n".encode())
            same("exit", (result.code, result.err), (0, ""))
            same("recipients", re.findall(r"^recipient: <(.*)>$", result.out, re.M), want)
    return name, run


JOBS += [ambiguous(what) for what in (
    "test(comment)test@iana.org", '"quoted" unquoted@example.com', "Bob b@x.example",
    "b@x.example Bob", "a@x.example(c)b@y.example")]
JOBS += [
    from_header("-t, quoted word", '"quoted" unquoted@example.com', ["unquoted@example.com"]),
    from_header("-t, comment", "test(comment)test@iana.org", ["test@iana.org"]),
    from_header("-t, words", "Bob Bee b@x.example, c@x.example", ["b@x.example", "c@x.example"]),
]


def bad_aliases():
    """Lines that are refused are logged once, and shown by -bv."""
    with Case("bad aliases") as case:
        case.configure({}, conf={"delivery.mode": "hold"})
        case.write("aliases", "root: ann@x.example\ncat: |/bin/cat\nno line\n", 0o644)
        result = case.send("-i", "-f", "x@y.example", "root", "postmaster", message=BODY)
        same("exit", (result.code, result.err), (0, ""))
        log = [line for line in case.log().splitlines() if "aliases" in line]
        same("each once", [line for line in set(log) if log.count(line) > 1], [])
        for number in (2, 3):
            check(any(f"aliases:{number}: " in x for x in log), f"line {number} not in {log}")
        for rcpt in ("root", "b@dest.example"):
            result = case.send("-bv", rcpt)
            same("exit", result.code, 0)
            for number in (2, 3):
                match("-bv", rf"sendmail: warning: {case.dir}/aliases:{number}: ", result.err)


JOBS += [goes(f"catch-all {name} for {rcpt}", rcpt, ADMIN, f"{name}: all@x.example\nann: ann@x.example\n",
              [want])
         for name in ("*", "default")
         for rcpt, want in (("eve", "all@x.example"), ("ann", "ann@x.example"),
                            ("eve@localhost", "all@x.example"), ("e@d.example", "e@d.example"))]


def rewritten(name, rows, args, message, sender, header=None, conf=None):
    """[senders]: the envelope and From alike."""
    def run():
        with Case("rewritten") as case:
            case.configure({}, conf=dict({"mail.hostname": "host.example",
                                          "mail.domain": "corp.example"}, **(conf or {})),
                           tail="[senders]\n" + rows)
            result = case.send("--dry-run", *args, "b@dest.example", message=message)
            same("exit", (result.code, result.err), (0, ""))
            same("sender", re.findall(r"^sender: <(.*)>$", result.out, re.M), [sender])
            if header is not None:
                same("From", re.findall(r"^From: (.*)$", result.out, re.M), [header])
            result = case.send("-bv", *args, "b@dest.example")
            same("-bv", result.out.splitlines(),
                 ["b@dest.example... deliverable: through a relay", f"sender: <{sender}>"])
    return name, run


ROWS = "root = alerts@example.org\n*@web1.lan = *@example.org\n"
JOBS += [
    rewritten("senders, bare", ROWS, ("-f", "root"), b"From: root (Cron)\n\n",
              "alerts@example.org", "alerts@example.org (Cron)"),
    rewritten("senders, at localhost", ROWS, ("-f", "root@localhost"),
              b"From: \"Cron\" <root@host.example>\n\n", "alerts@example.org",
              '"Cron" <alerts@example.org>'),
    rewritten("senders, no From", ROWS, ("-F", "Root", "-f", "root"), b"\n",
              "alerts@example.org", "Root <alerts@example.org>"),
    rewritten("senders, keeps the user", ROWS, ("-f", "www-data@web1.lan"),
              b"From: shop@Web1.lan\n\n", "www-data@example.org", "shop@example.org"),
    rewritten("senders, bare and the domain", "*@corp.example = *@example.org\n", ("-f", "ann"),
              b"From: bob\n\n", "ann@example.org", "bob@example.org"),
    rewritten("senders, others stay", ROWS, ("-f", "root@web2.lan"), b"From: root@web2.lan\n\n",
              "root@web2.lan", "root@web2.lan"),
    rewritten("senders, null", "* = x@y.example\n", ("-f", "<>"), b"From: a@b.example\n\n", "",
              "a@b.example"),
    rewritten("senders, first counts", "r* = one@x.example\nroot = two@x.example\n",
              ("-f", "root"), b"From: root\n\n", "one@x.example", "one@x.example"),
    rewritten("senders, then from_rule", ROWS + "adm = adm@localhost\n", ("-f", "adm"),
              b"From: root\n\n", "box@x.example", "alerts@example.org",
              {"mail.from": "box@x.example"}),
    rewritten("senders, then always", ROWS, ("-f", "root"), b"From: root\n\n", "box@x.example",
              "box@x.example", {"mail.from": "box@x.example", "mail.from_rule": "always"}),
    rewritten("senders, to a bare name", "root = ops\n", ("-f", "root"), b"From: root\n\n",
              "ops@corp.example", "ops@corp.example"),
    rewritten("senders, relayed", ROWS, ("-G", "-f", "root@web1.lan"), b"From: a@web1.lan\n\n",
              "root@web1.lan", "a@web1.lan"),
    rewritten("senders, words beside it", ROWS, ("-f", "root"), b"From: Web Shop s@web1.lan\n\n",
              "alerts@example.org", '"Web Shop" <s@example.org>'),
]


def bad_senders():
    """All faults of the rows, with their lines."""
    with Case("bad senders") as case:
        case.configure({}, tail="[senders]\nroot = a@x.example\na b = c@x.example\n"
                       "<a> = c@x.example\nx@ = c@x.example\nc = a@\nd = *x@y.example\n"
                       "root = b@x.example\ne = *@x..y\ng = *\nh =\n")
        with open(case.conf_path, encoding="utf-8") as file:
            first = file.read().splitlines().index("[senders]") + 2
        result = case.send("--dry-run", "b@dest.example")
        same("exit", result.code, 78)
        found = [int(n) for n in re.findall(r"postern\.conf:(\d+): ", result.err)]
        same("lines", found, [first + n for n in range(1, 10)])
        match("hint", "root stands in line", result.err)
        case.configure({}, tail="[sender]\nroot = a@x.example\n")
        match("hint", r"did you mean \[senders\]", case.send("--dry-run", "b@x.example").err)


def report_from(name, conf, wanted):
    """Relays that take only an account's own address look at From too."""
    def run():
        with Case("report from") as case, Server() as server:
            started(case, server, dict(HOST, **conf))
            case.send("-i", "-f", "x@y.example", "reject@dest.example", message=BODY)
            case.run("flushq", "--all")
            case.run("flushq", "--all")
            same("report to", server.recipients(), ["x@y.example"])
            match("From", rf"^From: Mail Delivery System <{wanted}>\r\n".replace("^", "\r\n"),
                  server.delivered[0][1].decode())
    return name, run


JOBS += [
    report_from("report, no from", {}, "MAILER-DAEMON@host.example"),
    report_from("report, from", {"mail.from": "box@x.example"}, "box@x.example"),
    report_from("report, bare from", {"mail.from": "box"}, "box@corp.example"),
]


JOBS += [
    written("UTF-8 in References", "References: <\u00fc@x.example>\n <a@x.example>",
            "References: <=C3=BC@x.example> <a@x.example>"),
    written("UTF-8 in Message-ID", "Message-ID: <\u00fc@x.example>",
            "Message-ID: <=C3=BC@x.example>"),
    written("UTF-8 in Content-Type", "MIME-Version: 1.0\nContent-Type: t\u00ebxt",
            "Content-Type: t=C3=ABxt"),
    written("UTF-8 in List-Post", "List-Post: <mailto:\u00fc@x.example>",
            "List-Post: <mailto:%C3%BC@x.example>"),
]


def only_its_own(field):
    """Nothing but an address makes a message need SMTPUTF8."""
    def run():
        with Case("ascii") as case, Server() as server:
            started(case, server, {})
            result = case.send("-i", "-f", "x@y.example", "b@dest.example",
                               message=field.encode() + b"\n\nb\n")
            same("exit", (result.code, result.err), (0, ""))
            same("to", server.recipients(), ["b@dest.example"])
    return f"no SMTPUTF8 for {field}", run


JOBS += [only_its_own(field) for field in (
    "References: <\u00fc@x.example>", "In-Reply-To: \u00fc", "Message-ID: <\u00fc>",
    "MIME-Version: 1.0\nContent-Type: t\u00ebxt/plain; =\u00fc; x", "Received: from \u00fc by x",
    "MIME-Version: 1.0\nContent-Type: \u00fc", "Content-Transfer-Encoding: \u00fc",
    "Content-Disposition: \u00fc", "List-Id: <\u00fc.x>", "Date: \u00fc")]


def no_resolver():
    """The full name of a host that stands in /etc/hosts costs no look-up."""
    with Case("no resolver") as case:
        more = host(case)
        case.configure({}, conf={"mail.hostname": None, "mail.domain": None})
        more["wrap"] += ["strace", "-f", "-o", os.path.join(case.dir, "trace")]
        if not shutil.which("strace"):
            raise Skip("no strace")
        result = case.send("--dry-run", "-f", "x@y.example", "root", message=BODY,
                           env={"ASAN_OPTIONS": "detect_leaks=0"}, **more)
        match("recipient", "recipient: <root@mdbox.home.lan>", result.out)
        with open(os.path.join(case.dir, "trace"), encoding="latin-1") as file:
            no_match("trace", r"\b(fork|vfork|clone|clone3)\([^\n]*|sin6?_port=htons\(53\)",
                     file.read())


run_all(JOBS + [("bad senders", bad_senders), ("bad aliases", bad_aliases), ("no resolver", no_resolver)])
