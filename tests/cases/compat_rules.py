# SPDX-License-Identifier: GPL-3.0-or-later
"""More rules of the classic interface, in the form of compat.json."""

import base64

HOST = "@harness.example"
ME = "{login}" + HOST
BASE = "From: a@example.org\nTo: b@example.net\nSubject: t\n\nhi\n"
BARE = "To: b@example.net\nSubject: t\n\nhi\n"
STAMPS = {"Date": "required", "Message-ID": "required"}
MINE = {"addresses": [ME], "names": ["{gecos}", ""]}


def code(text):
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def fields(text):
    """A header as raw expectations; a fold belongs to its field."""
    found = []
    for line in text.split("\n"):
        if line[:1] in (" ", "\t") and found:
            found[-1]["raw"] += "\n" + line
        elif line:
            found.append({"raw": line.encode().decode("latin-1")})
    return found


def addressed(field, *mailboxes):
    return {"field": field, "addresses": [m if isinstance(m, list) else ["", m]
                                          for m in mailboxes]}


def mail(rcpts=("b@example.net",), header="From: a@example.org\nTo: b@example.net\nSubject: t",
         body="hi\n", sender=ME, added=None, **more):
    header = fields(header) if isinstance(header, str) else header
    header = [h for one in header for h in (fields(one) if isinstance(one, str) else [one])]
    return {"sender": sender, "recipients": list(rcpts), "headers": header, "body": code(body),
            "added": STAMPS if added is None else dict(STAMPS, **added), **more}


def sends(*mails, **more):
    return {"exit": [0], "stdout": "empty", "stderr": "empty", "held": 0, "sent": list(mails),
            **more}


def fails(*codes, **more):
    return {"exit": list(codes), "stdout": "empty", "stderr": "error", "held": 0, "failed": 0,
            "sent": [], **more}


def case(name, args, expect, stdin=BASE, **more):
    form = {"expect_any": expect} if isinstance(expect, list) else {"expect": expect}
    return {"name": "rule: " + name, "argv": ["sendmail", *args], "stdin": code(stdin), **form,
            **more}


def accepted_options():
    rows = ("-t", "-B7BIT", "-B 8BITMIME", "-om", "-oee", "-oep", "-oew", "-em", "-ee", "-ep",
            "-ew", "-e m", "-odb", "-odi", "-odf", "-oo", "-oA/etc/aliases", "-oQ/tmp", "-oT5d",
            "-oh5", "-os", "-O opt=val", "-n", "-G", "-h5", "-pESMTP:host.example", "-p x",
            "-Ltag", "-Ac", "-A c", "-d", "-d8.99", "-E", "-J", "-x", "-s", "-c", "-T", "-M x",
            "-bm", "-b m", "--", "-Nnever", "-N never", "-R hdrs", "-V id", "-mnx", "-tiom",
            "-it -ti -i -t", "-toi", "-d -t", "-oe", "-X{tmp}/log", "-X {tmp}/log", "-D{tmp}/log",
            "-odi -oem -oi", "-Q")
    for row in rows:
        expect = sends(mail(), absent=["{tmp}/log"])
        yield case(f"option {row}", [*row.split(" "), "b@example.net"], expect)
    for row in ("-odq", "-odd", "-o dq", "--hold", "--delay 1h", "--delay=1h"):
        yield case(f"option {row}", [*row.split(" "), "b@example.net"], sends(held=1))
    yield case("-B junk", ["-Bjunk", "b@example.net"], [fails(64), sends(mail())])
    for row in ("-bt", "-ba", "-bS", "-bd", "-bD", "-bl", "-bz", "-bx", "-N junk", "-R junk",
                "-N never,success", "--relay none", "--delay x", "--bar", "--help",
                "--version x", "-t --", "--", "-V a\u00e9", "-"):
        args = row.split(" ")
        codes = [64, 65] if row in ("-t --", "-") else [64]
        stdin = "Subject: t\n\nhi\n" if row == "-t --" else BASE
        if row in ("--help", "-N junk", "-R junk", "--relay none", "--delay x", "--bar"):
            args.append("b@example.net")
        yield case(f"refused {row}", args, fails(*codes), stdin)
    for letter in "ZagjklPuwyz1_?:":
        yield case(f"unknown -{letter}", [f"-{letter}", "b@example.net"], fails(64))
        yield case(f"unknown -i{letter}", [f"-i{letter}", "b@example.net"], fails(64))
    for letter in "ABDFLMNORVXbefhopr":
        yield case(f"missing argument -{letter}", ["-t", f"-{letter}"], fails(64))


def modes():
    for row in ("-bi", "-I", "-bh", "-bH", "-bP", "-q", "-q0", "-qf", "-q5m", "-qp", "-qRx",
                "-qSx", "-q!Rx", "-qG", "-qff"):
        yield case(f"mode {row}", [row], sends(), "")
    yield case("-bp", ["-bp"], sends(stdout={"is": "Mail queue is empty\n"}), "")
    yield case("-bpc", ["-bpc"], sends(stdout={"is": "0\n"}), "")
    yield case("-bv", ["-bv", "b@example.net", "root"], sends(stdout="any"))
    for args in ([], [""], ["undisclosed-recipients:;"], [" ", ","]):
        yield case(f"-bv of {args}", ["-bv", *args], fails(64))
    yield case("-bv of a bad address", ["-bv", "b@@example.net"], fails(64, 65, 67, stdout="any"))
    yield case("--dry-run", ["--dry-run", "-i", "b@example.net"], sends(stdout={"lines": [
        "b@example\\.net", "^Subject: t$", "^hi$", "(?i)^Message-ID: "], "never": ["\\r"]}))
    for name in ("newaliases", "hoststat", "purgestat"):
        yield case(f"called {name}", [], [sends(), fails(64)][:1 + (name != "newaliases")], "",
                   link=name, argv=[name])
    yield case("called runq", [], sends(), "", link="runq", argv=["runq"])
    yield case("called mailq with more", [], sends(stdout={"is": "Mail queue is empty\n"}), "",
               link="mailq", argv=["mailq", "-Ac", "-v", "-q"])
    yield case("called mailq --json", [], sends(), "", link="mailq", argv=["mailq", "--json"])
    yield case("called mailq, operand", [], dict(fails(64), stderr="some"), "", link="mailq",
               argv=["mailq", "b@example.net"])
    yield case("called smtpd", [], fails(64), "", link="smtpd", argv=["smtpd"])


def senders():
    for given, sender in (
            ("user", "user" + HOST), ("<user>", "user" + HOST), ("", ""), ("<>", ""),
            (" x@example.org ", "x@example.org"), ("(c) x@example.org", "x@example.org"),
            ('"q l"@example.org', '"q l"@example.org'),
            ("\u00dcber <x@example.org>", "x@example.org"),
            ("x@B\u00dcCHER.example", "x@xn--bcher-kva.example"),
            ("x+tag=y@example.org", "x+tag=y@example.org"), ("root@localhost", "~^root@"),
            ("x@[192.0.2.1]", "x@[192.0.2.1]"), ("-x@example.org", "-x@example.org")):
        for args in (["-f", given], ["-r", given]) + (([f"-f{given}"],) if given else ()):
            yield case(f"sender {args}", [*args, "b@example.net"], sends(mail(sender=sender)))
    for given in ("b@@x", "a@example.org, b@example.org", "<x@example.org", "x@", "a b c@x.example",
                  "x@exam_ple..org", "@example.org"):
        yield case(f"sender {given}", ["-f", given, "b@example.net"], fails(64, 65))
    for given in ("x\r@example.org", "x@example.org\n", "x\x7f@example.org"):
        yield case(f"sender {given!r}", ["-f", given, "b@example.net"], fails(64))
    yield case("no From, -f bare", ["-f", "user", "b@example.net"], sends(mail(
        header="To: b@example.net\nSubject: t", sender="user" + HOST,
        added={"From": {"addresses": ["user" + HOST], "names": None}})), BARE)
    for name in ("J\u00f6rg M\u00fcller", "a.b", "a (c)", "x@y", "Full  Name", "\\", "a,b;c:d"):
        yield case(f"-F {name}", ["-F", name, "b@example.net"], sends(mail(
            header="To: b@example.net\nSubject: t",
            added={"From": {"addresses": [ME], "names": [name, " ".join(name.split())]}})), BARE)
    for name in ("a\nBcc: z@example.net", "a\r\n\r\nb", "\x1b[2J", "", " "):
        yield case(f"NAME={name!r}", ["b@example.net"], sends(mail(
            header="To: b@example.net\nSubject: t",
            added={"From": {"addresses": [ME], "names": None}})), BARE, env={"NAME": name})
    yield case("a long -F", ["-F", "n" * 2000, "b@example.net"], [sends(mail(
        header="To: b@example.net\nSubject: t", line_limit=998,
        added={"From": {"addresses": [ME], "names": None}})), fails(64, 65)], BARE)


def recipients():
    good = (
        (["a@x.example,b@y.example"], ["a@x.example", "b@y.example"]),
        (["a@x.example, b@y.example"], ["a@x.example", "b@y.example"]),
        (["a@x.example , c", "a@X.EXAMPLE"], ["a@x.example", "c" + HOST]),
        (["a@x.example", "A@x.example"], ["a@x.example", "A@x.example"]),
        (["Name <a@x.example>"], ["a@x.example"]), (["<a@x.example>"], ["a@x.example"]),
        (['"Last, First" <a@x.example>'], ["a@x.example"]),
        (["a@x.example (one (two))"], ["a@x.example"]),
        (["undisclosed-recipients:", "b@x.example"], ["b@x.example"]),
        (["x:;, b@x.example"], ["b@x.example"]),
        (["team: a@x.example, b@y.example;"], ["a@x.example", "b@y.example"]),
        (["b..c@x.example"], [["b..c@x.example", '"b..c"@x.example']]),
        ([".b@x.example"], [[".b@x.example", '".b"@x.example']]),
        (["u%h@x.example"], ["u%h@x.example"]), (["b@[192.0.2.9]"], ["b@[192.0.2.9]"]),
        (["b@[IPv6:2001:db8::1]"], ["b@[IPv6:2001:db8::1]"]),
        (["host!user"], [["host!user" + HOST, '"host!user"' + HOST]]),
        (["\\root"], ["root" + HOST]), (["root"], ["ops@alias.example"]),
        (["ROOT"], [["ops@alias.example"]]), (["chain"], ["ann@alias.example",
                                                          "bob@alias.example",
                                                          "carl@alias.example"]),
        (["root@gate.harness.example"], ["ops@alias.example"]),
        (["nobodyhere"], ["nobodyhere" + HOST]), (["a/b=c@x.example"], ["a/b=c@x.example"]),
        (["--", "-dash@x.example"], ["-dash@x.example"]),
        (["a@x.example\n".strip(), "  b@x.example  "], ["a@x.example", "b@x.example"]),
        (["a@xn--bcher-kva.example"], ["a@xn--bcher-kva.example"]),
        (["a@x.example."], [["a@x.example", "a@x.example."]]),
        (["\u00fc@b\u00fccher.example"], ["\u00fc@xn--bcher-kva.example"]),
    )
    for args, rcpts in good:
        yield case(f"recipients {args}", ["-i", *args], sends(mail(rcpts)))
    for arg in ("b@", "@x.example", "a@b@c.example", "<b@x.example", "b@x.example>", "a@x..example",
                "a@-x.example", "\"a@x.example", "a@x.example(", "<a@x.example",
                "a@[1.2.3", ":include:/etc/passwd", "a" * 257 + "@x.example",
                "a@" + "b" * 64 + ".example", "a@" + "x." * 140 + "example", "<>", "()", ";",
                ",", ":;"):
        yield case(f"bad recipient {arg[:40]}", ["-i", arg], fails(64, 65))
        yield case(f"bad recipient {arg[:40]} and a good one", ["-i", "b@example.net", arg],
                   [fails(64, 65)] if arg not in ("()", ",", ":;", ";", "<>") else
                   [fails(64, 65), sends(mail())])
    yield case("an array that was printed", ["[-i,", "-t]"], fails(64, 65))
    for arg in ("b@x.example\nRCPT TO:<e@y.example>", "b\x7f@x.example", "b@x.example\x1b[2J",
                "\x01"):
        yield case(f"control {arg!r}", ["-i", arg], fails(64))
    yield case("/path is no file", ["/etc/x"], [sends(mail(["/etc/x" + HOST])), fails(64, 65)])


def header_recipients():
    def row(name, header, rcpts, kept=None, args=(), **more):
        more.setdefault("added", None)
        return case(f"-t {name}", ["-t", *args], sends(mail(
            rcpts, kept if kept is not None else header, **more)), header + "\n\nhi\n")

    f = "From: a@example.org\n"
    yield row("all fields", f + "to: b@x.example\nCC: c@x.example\nbCc: d@x.example\nTo: e@x.example",
              ["b@x.example", "c@x.example", "d@x.example", "e@x.example"],
              f + "to: b@x.example,\n e@x.example\nCC: c@x.example")
    yield row("blank before the colon", f + "To : b@x.example\nSubject : x", ["b@x.example"])
    yield row("group", f + "To: friends: a@x.example, b@x.example;, c@x.example",
              ["a@x.example", "b@x.example", "c@x.example"])
    yield row("semicolons", f + "To: a@x.example; b@x.example", ["a@x.example", "b@x.example"])
    yield row("blanks", f + "To: a@x.example b@x.example", ["a@x.example", "b@x.example"])
    yield row("raw 8-bit name", f + "To: J\u00f6rg <b@x.example>", ["b@x.example"],
              [f, addressed("To", ["J\u00f6rg", "b@x.example"])])
    yield row("encoded name", f + "To: =?utf-8?Q?J=C3=B6rg?= <b@x.example>", ["b@x.example"])
    yield row("Bcc only", f + "Bcc: d@x.example", ["d@x.example"], f)
    yield row("Bcc folded", f + "Bcc: d@x.example,\n e@x.example\nSubject: s",
              ["d@x.example", "e@x.example"], f + "Subject: s")
    yield row("other fields do not count", f + "Apparently-To: z@x.example\nErrors-To: y@x.example\n"
              "Return-Receipt-To: w@x.example\nX-Envelope-To: v@x.example\nTo: b@x.example",
              ["b@x.example"])
    resent = {"Date": "optional", "Message-ID": "optional", "Resent-Date": "required",
              "Resent-Message-ID": "required"}
    yield row("Resent-Bcc", f + "To: b@x.example\nResent-From: r@x.example\nResent-Bcc: d@x.example",
              ["d@x.example"], f + "To: b@x.example\nResent-From: r@x.example", added=resent)
    yield row("only Resent-From", f + "To: b@x.example\nResent-From: r@x.example", ["b@x.example"],
              added=resent)
    yield row("bare names", f + "To: root, joe", ["ops@alias.example", "joe" + HOST],
              [f, addressed("To", "root" + HOST, "joe" + HOST)])
    yield row("same one twice", f + "To: b@x.example\nCc: b@X.example", ["b@x.example"])
    yield row("comment with a mailbox", f + "To: b@x.example (was: c@x.example)", ["b@x.example"])
    yield row("header ends at the first other line", f + "To: b@x.example\nnot a field\nBcc: c@x.example",
              ["b@x.example"], f + "To: b@x.example",
              body="not a field\nBcc: c@x.example\n\nhi\n")
    yield row("address in the next line", f + "To:\n b@x.example", ["b@x.example"])
    yield row("From_ line", "From x@y Sat Nov 21 20:00:00 2026\n" + f + "To: b@x.example",
              ["b@x.example"], f + "To: b@x.example")
    yield row("operand of a list", f + "To: b@x.example", ["b@x.example", "c@x.example",
                                                           "d@x.example"],
              args=["c@x.example,d@x.example"])
    yield row("undisclosed and Bcc", f + "To: undisclosed-recipients:;\nBcc: d@x.example",
              ["d@x.example"], f + "To: undisclosed-recipients:;")
    for name, text in (("a bad address", "To: b@@x.example"), ("none", "Subject: x"),
                       ("an empty To", "To:"), ("a bad and a good one", "To: b@, c@x.example"),
                       ("an unclosed quote", 'To: "b <b@x.example>')):
        yield case(f"-t {name}", ["-t"], fails(65), f + text + "\n\nhi\n")


def input_forms():
    def row(name, stdin, args=("-i",), **more):
        return case(f"input {name}", [*args, "b@example.net"], sends(mail(**more)), stdin)

    head = "From: a@example.org\nTo: b@example.net\nSubject: t\n"
    yield row("dot as the last line, no -i", head + "\na\n.\n", (), body="a\n")
    yield row("dot at the end without line end", head + "\na\n.", (), body="a\n")
    yield row("dot as the last line, -i", head + "\na\n.\n", body="a\n.\n")
    yield row("dots with -i", head + "\n.\n..\n...\n.a\n", body=".\n..\n...\n.a\n")
    yield row("two dots, no -i", head + "\na\n..\nb\n", (), body="a\n..\nb\n")
    yield row("dot and blank lines", head + "\na\n.\n\n", (), body="a\n.\n\n")
    yield row("CR CR LF", head + "\na\r\r\nb\n", body="a\nb\n")
    yield row("bare CR", head + "\na\rb\n", body="a\nb\n")
    yield row("mixed line ends", head.replace("\n", "\r\n") + "\r\na\nb\r\n", body="a\nb\n")
    yield row("several From_ lines", "From x y\n>From z\n" + BASE)
    yield row("From_ in the body", head + "\nFrom here\n>From\n", body="From here\n>From\n")
    yield row("blank separator line", head + " \t\nbody\n", body="body\n")
    yield row("BOM", b"\xef\xbb\xbf" + BASE.encode())
    yield row("header only", head.rstrip("\n"), body="")
    yield row("header and blank line only", head + "\n", body="")
    yield row("no line end", head + "\nhi", body="hi\n")
    yield row("many blank lines", head + "\n\n\n\n", body="\n\n\n")
    yield row("Latin-1 in the body", head.encode() + b"\n\xe9\n", body=b"\xe9\n",
              mail_params={"BODY": "8BITMIME"})
    yield row("form feed and others", head + "\na\x0cb\x01\x7f\n", body="a\x0cb\x01\x7f\n")
    yield row("tab and trailing blanks", head + "\n\ta  \n \n", body="\ta  \n \n")
    yield row("998", head + "\n" + "y" * 998 + "\n", body="y" * 998 + "\n", line_limit=998)
    mime = {"Content-Transfer-Encoding": "optional", "Content-Type": "optional",
            "MIME-Version": "optional"}
    for size in (999, 2049, 70000):
        yield row(f"a line of {size}", head + "\n" + "y" * size + "\nz\n",
                  body="y" * size + "\nz\n", body_loose=True, line_limit=998, added=mime)
    mine = {"From": MINE}
    yield row("nothing", "", header="", body="", added=mine)
    yield row("empty, null", "", header="", body="", added=mine)
    yield row("blank line first", "\nTo: x\n", header="", body="To: x\n", added=mine)
    yield row("blank first", " x: y\nb\n", header="", body=" x: y\nb\n", added=mine)
    yield row("colon first", ": x\nb\n", header="", body=": x\nb\n", added=mine)
    long = "X-L: " + " ".join(["word"] * 400)
    yield row("a long field with blanks", f"From: a@example.org\n{long}\n\nhi\n", line_limit=998,
              header=["From: a@example.org",
                      {"field": "X-L", "words": code("word" * 400)}])
    yield row("8-bit Subject", "From: a@example.org\nSubject: gr\u00fc\u00dfe\n\nhi\n",
              header="From: a@example.org\nSubject: gr\u00fc\u00dfe")
    yield row("Latin-1 Subject", b"From: a@example.org\nSubject: gr\xfc\n\nhi\n",
              header=["From: a@example.org", {"raw": "Subject: gr\u00fc"}])
    yield row("two From fields", "From: a@example.org\nFrom: c@example.org\n\nhi\n",
              header="From: a@example.org\nFrom: c@example.org")
    yield row("a bad Date", "From: a@example.org\nDate: yesterday\n\nhi\n",
              header="From: a@example.org\nDate: yesterday")
    yield row("empty From and Date", "From: \nDate:\nTo: b@example.net\n\nhi\n",
              header="To: b@example.net", added=mine)
    for kind in ("file", "socket", "pipe"):
        yield case(f"input by {kind}, slow", ["-i", "b@example.net"], sends(mail()),
                   stdin_kind=kind, slow=True)
    yield case("input null", ["b@example.net"], sends(mail(header="", body="", added=mine)), "",
               stdin_kind="null")
    yield case("input closed", ["b@example.net"], fails(66, 74), "", stdin_kind="closed")
    yield case("input a directory", ["b@example.net"], fails(66, 74), "", stdin_kind="directory")
    yield case("input a terminal", ["b@example.net"], sends(mail(body="a\n")),
               "From: a@example.org\nTo: b@example.net\nSubject: t\n\na\n.\n",
               stdin_kind="terminal")
    yield case("output closed", ["b@example.net"], sends(mail()), stdout_kind="closed")
    yield case("all closed but input", ["b@example.net"], sends(mail()), stdout_kind="closed",
               stderr_kind="closed")
    yield case("error output a terminal", ["b@example.net"], sends(mail(), stderr="any"),
               stderr_kind="terminal")
    yield case("error output a terminal, relay down", ["b@example.net"], sends(held=1, stderr={
        "lines": ["^sendmail: held as [0-9A-F]{12}: ."], "count": 1}), stderr_kind="terminal",
        relay={"down": True})
    yield case("110 Received", ["-i", "b@example.net"], fails(65, 69),
               "Received: x\n" * 110 + BASE)
    yield case("a header of 2 MB", ["-i", "b@example.net"], [fails(65), sends(mail(
        header=["From: a@example.org", {"field": "X", "words": code("y")}]))],
        "From: a@example.org\n" + "X-Y: zzzzzzzzzzzzzzzzzzzzzzzz\n" * 80000 + "\nhi\n")


def header_rules():
    def row(name, header, kept, args=(), **more):
        return case(f"header {name}", ["-i", *args, "b@example.net"], sends(mail(
            header=kept, **more)), header + "\n\nhi\n")

    yield row("bare names everywhere", "From: joe\nSender: root\nReply-To: ann, bob <bob>\n"
              "To: a\nCc: \"C, D\" <c>", [
                  addressed("From", "joe" + HOST), addressed("Sender", "root" + HOST),
                  addressed("Reply-To", "ann" + HOST, ["bob", "bob" + HOST]),
                  addressed("To", "a" + HOST), addressed("Cc", ["C, D", "c" + HOST])])
    yield row("removed", "Return-Path: <x@y>\nBcc: z@x.example\nContent-Length: 4\n"
              "Resent-Bcc: z@x.example\nFrom: a@example.org\nX: y", "From: a@example.org\nX: y",
              added={"Resent-Date": "optional", "Resent-Message-ID": "optional",
                     "Resent-From": "optional", **{k: "optional" for k in STAMPS}})
    yield row("Sender kept, none added", "From: a@example.org", "From: a@example.org",
              ["-f", "other@example.org"], sender="other@example.org")
    yield row("Resent without its own", "From: a@example.org\nResent-To: b@example.net",
              "From: a@example.org\nResent-To: b@example.net",
              added={"Date": "optional", "Message-ID": "optional", "Resent-Date": "required",
                     "Resent-Message-ID": "required", "Resent-From": MINE})
    yield row("Message-ID empty", "From: a@example.org\nmessage-id:  ", "From: a@example.org")
    yield row("fold kept", "From: a@example.org\nX: a\n  b\n\tc", "From: a@example.org\nX: a\n  b\n\tc")
    yield row("From with a group", "From: a@example.org\nTo: x: b@example.net;",
              "From: a@example.org\nTo: x: b@example.net;")
    yield row("MIME untouched", "From: a@example.org\nMIME-Version: 1.0\n"
              "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit",
              "From: a@example.org\nMIME-Version: 1.0\n"
              "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit")
    yield case("header 8-bit mailbox", ["-t"], sends(mail(
        ["\u00fc@example.net"], "From: a@example.org\nTo: \u00fc@example.net",
        mail_params={"SMTPUTF8": ""})), "From: a@example.org\nTo: \u00fc@example.net\n\nhi\n")
    yield case("IDN in the header, relay without SMTPUTF8", ["-t"], sends(mail(
        ["b@xn--bcher-kva.example"], ["From: a@example.org",
                                      addressed("To", "b@xn--bcher-kva.example")])),
        "From: a@example.org\nTo: b@b\u00fccher.example\n\nhi\n", relay={"without": ["SMTPUTF8"]})
    yield case("8-bit body, relay without 8BITMIME", ["-i", "b@example.net"], sends(mail(
        body="gr\u00fc\u00dfe\n", body_loose=True, no_mail_params=["BODY"], added={
            "Content-Transfer-Encoding": "optional", "Content-Type": "optional",
            "MIME-Version": "optional"})),
        "From: a@example.org\nTo: b@example.net\nSubject: t\n\ngr\u00fc\u00dfe\n",
        relay={"without": ["8BITMIME"]})
    yield case("helo", ["-i", "b@example.net"], sends(mail(helo="gate.harness.example")))
    yield case("helo of the relay section", ["-i", "b@example.net"], sends(mail(helo="x.example")),
               config={"relay.helo": "x.example"})
    for missing in ("PIPELINING", "SIZE", "ENHANCEDSTATUSCODES", "DSN", "SMTPUTF8"):
        yield case(f"without {missing}", ["-i", "b@example.net"], sends(mail()),
                   relay={"without": [missing]})


def outcomes():
    def refused(*names):
        return {"lines": [f"^sendmail: <{n}@example\\.net>: refused by \\S.*: {n[-3:]}[ -]"
                          for n in names], "count": len(names)}

    def row(name, args, code_, expect, **more):
        return case(name, args, {"exit": [code_], "stdout": "empty", "sent": [], **expect}, **more)

    yield row("550", ["reject550@example.net"], 67,
              {"held": 0, "failed": 1, "stderr": refused("reject550")})
    yield row("554", ["policy554@example.net"], 69,
              {"held": 0, "failed": 1, "stderr": refused("policy554")})
    yield row("554 of the message", ["content554@example.net"], 69,
              {"held": 0, "failed": 1, "stderr": refused("content554")})
    yield row("good and 550", ["b@example.net", "reject550@example.net"], 67,
              {"held": 0, "failed": 1, "stderr": refused("reject550"), "sent": [mail()]})
    yield row("450 and 550", ["temp450@example.net", "reject550@example.net"], 67,
              {"held": 1, "stderr": refused("reject550")})
    yield row("good and 450", ["b@example.net", "temp450@example.net"], 0,
              {"held": 1, "failed": 0, "stderr": "empty", "sent": [mail()]})
    yield row("550, silent", ["-oeq", "reject550@example.net"], 67,
              {"held": 0, "failed": 1, "stderr": "empty"})
    for args, code in ((["b@@x"], 65), ([], 64), (["-t"], 65), (["undisclosed:;"], 64)):
        yield case(f"{args}, silent", ["-oeq", *args], dict(fails(code), stderr="empty"),
                   "Subject: t\n\nhi\n")
    yield row("down", ["b@example.net"], 0, {"held": 1, "stderr": "empty", "after_flush": [mail()]},
              relay={"down": True})
    yield row("-odq", ["-odq", "b@example.net"], 0,
              {"held": 1, "stderr": "empty", "after_flush": [mail()]})
    yield row("mode background", ["b@example.net"], 0,
              {"held": 0, "stderr": "empty", "sent": [mail()]},
              config={"delivery.mode": "background"})
    yield row("mode hold", ["b@example.net"], 0,
              {"held": 1, "stderr": "empty", "after_flush": [mail()]},
              config={"delivery.mode": "hold"})
    yield row("550 in mode background", ["-f", "", "reject550@example.net"], 0,
              {"stderr": "empty"}, config={"delivery.mode": "background"})
    yield case("no such configuration", ["-C", "{dir}/none", "b@example.net"],
               fails(78, held=None, failed=None), conf=False)
    yield case("uid without passwd entry", ["b@example.net"], sends(mail(
        header="To: b@example.net\nSubject: t", sender="uid4242" + HOST,
        added={"From": {"addresses": ["uid4242" + HOST], "names": None}})), BARE, uid=4242)
    yield case("uid without passwd entry, USER", ["-f", "x", "b@example.net"], sends(mail(
        sender="x" + HOST)), uid=4242, env={"USER": "root", "HOME": None})
    yield case("hold not writable", ["b@example.net"], fails(71, 73, 75, 77, held=None,
                                                             failed=None),
               config={"hold.directory": "{dir}/aliases/there"})
    yield case("min_free", ["b@example.net"], fails(75), config={"hold.min_free": "{disk}M"})
    yield case("too big", ["-i", "b@example.net"], fails(65), BASE + "x" * 70 + "\n" * 70000,
               config={"mail.max_size": "64K"}, slow=True)
    for args in (["-Z"], ["-N", "junk", "b@example.net"], ["b@@x"], ["-t", "-Bjunk"],
                 ["--relay", "no", "b@example.net"], ["-bt"], ["-bd"]):
        yield case(f"drained {args}", args, fails(64, 65), BASE + "more\n" * 40000, slow=True)
    yield case("drained, bad configuration", ["b@example.net"], dict(
        fails(78), stderr="some", failed=None, held=None), BASE + "more\n" * 40000, slow=True,
        config_lines=["x = y"])


def turn(reply, send="", *has):
    return {"send": code(send), "reply": reply, **({"has": list(has)} if has else {})}


GREETED = [turn("220"), turn("250", "EHLO me\r\n")]
FROM_X, TO_B = "MAIL FROM:<x@example.org>\r\n", "RCPT TO:<b@example.net>\r\n"
TEXT = BASE.replace("\n", "\r\n") + ".\r\n"
DONE = turn("221", "QUIT\r\n")


def smtp():
    def row(name, turns, *mails, **more):
        more.setdefault("stdout", "smtp")
        config = more.pop("config", {})
        relay = more.pop("relay", {})
        return case(f"-bs {name}", ["-bs"], sends(*mails, **more), dialogue=turns, config=config,
                    relay=relay)

    x = mail(sender="x@example.org")
    whole = [turn("250", FROM_X), turn("250", TO_B), turn("354", "DATA\r\n"), turn("250", TEXT)]
    yield row("two messages", [*GREETED, *whole, *whole, DONE], x, x)
    yield row("bare LF", [turn("220"), *[turn(t["reply"], base64.b64decode(t["send"]).replace(
        b"\r\n", b"\n")) for t in [*GREETED[1:], *whole, DONE]]], x)
    yield row("small letters", [turn("220"), turn("250", "ehlo me\r\n"),
                                turn("250", "mail from:<x@example.org>\r\n"),
                                turn("250", "rcpt to:<b@example.net>\r\n"),
                                turn("354", "data\r\n"), turn("250", TEXT),
                                turn("221", "quit\r\n")], x)
    yield row("blank behind the colon", [*GREETED, turn("250", "MAIL FROM: <x@example.org>\r\n"),
                                         turn("250", "RCPT TO: <b@example.net>\r\n"),
                                         turn("354", "DATA\r\n"), turn("250", TEXT), DONE], x)
    yield row("RSET", [*GREETED, turn("250", FROM_X), turn("250", "RCPT TO:<c@example.net>\r\n"),
                       turn("250", "RSET\r\n"), turn("503|554", "DATA\r\n"), *whole, DONE], x)
    yield row("null sender", [*GREETED, turn("250", "MAIL FROM:<>\r\n"), *whole[1:], DONE],
              mail(sender=""))
    yield row("alias and bare names", [*GREETED, turn("250", FROM_X),
                                       turn("250", "RCPT TO:<root>\r\n"),
                                       turn("250", "RCPT TO:<webteam>\r\n"), *whole[2:], DONE],
              mail(["ops@alias.example", "ann@alias.example", "bob@alias.example"],
                   sender="x@example.org"))
    yield row("bad recipient and a good one", [*GREETED, turn("250", FROM_X),
                                               turn("5", "RCPT TO:<b@@example.net>\r\n"),
                                               turn("5", "RCPT TO:<>\r\n"),
                                               turn("5", "RCPT\r\n"), *whole[1:], DONE], x)
    yield row("unknown commands", [turn("220"), turn("50", "FOO\r\n"), turn("50", "\r\n"),
                                   turn("2", "HELP\r\n"), turn("5", "AUTH PLAIN\r\n"),
                                   turn("5", "STARTTLS\r\n"), turn("250", "NOOP\r\n"), DONE])
    yield row("dots", [*GREETED, *whole[:3], turn("250", "From: a@example.org\r\n\r\n..\r\n"
                                                  "...\r\n.a\r\n.\r\n"), DONE],
              mail(header="From: a@example.org", body=".\n..\na\n", sender="x@example.org"))
    yield row("DSN", [*GREETED, turn("250", "MAIL FROM:<x@example.org> RET=HDRS ENVID=ab\r\n"),
                      turn("250", "RCPT TO:<b@example.net> NOTIFY=SUCCESS,DELAY "
                           "ORCPT=rfc822;b@example.net\r\n"), *whole[2:], DONE],
              mail(sender="x@example.org", mail_params={"RET": "HDRS", "ENVID": "ab"},
                   notify=["DELAY", "SUCCESS"]))
    yield row("8BITMIME and SIZE", [turn("220"), turn("250", "EHLO me\r\n", "8BITMIME", "SIZE"),
                                    turn("250", "MAIL FROM:<x@example.org> BODY=8BITMIME "
                                         "SIZE=100\r\n"), turn("250", TO_B),
                                    turn("354", "DATA\r\n"),
                                    turn("250", "From: a@example.org\r\n\r\n\u00fc\r\n.\r\n"),
                                    DONE],
              mail(header="From: a@example.org", body="\u00fc\n", sender="x@example.org",
                   mail_params={"BODY": "8BITMIME"}))
    yield row("too big", [*GREETED, turn("552", "MAIL FROM:<x@example.org> SIZE=900000000\r\n"),
                          *whole[:3], turn("552", "x" * 60 + "\r\n" + ("y" * 70 + "\r\n") * 2000
                                           + ".\r\n"), *whole, DONE], x,
              config={"mail.max_size": "64K"})
    yield row("end without QUIT", [*GREETED, *whole], x)
    yield row("relay down", [*GREETED, *whole, *whole, DONE], held=2, relay={"down": True})
    yield row("Bcc goes", [*GREETED, *whole[:3], turn(
        "250", "From: a@example.org\r\nBcc: z@example.net\r\n\r\nhi\r\n.\r\n"), DONE],
        mail(header="From: a@example.org", sender="x@example.org"))
    everything = "".join(base64.b64decode(t["send"]).decode() for t in [GREETED[1], *whole, DONE])
    for kind in ("pipe", "file", "socket"):
        yield case(f"-bs all at once, {kind}", ["-bs"], sends(x, stdout="smtp"), everything,
                   stdin_kind=kind)
    yield case("-bs nothing", ["-bs"], sends(stdout="smtp"), "", stdin_kind="null")


def step(args, expect=None, program="sendmail", stdin=BASE, **more):
    how = {"stdin": code(stdin)} if program == "sendmail" else {"stdin_kind": "null"}
    return {"program": program, "args": args, **({"expect": expect} if expect else {}), **how,
            **more}


def listed(args, *entries, **more):
    return step(args, program="mailq", listing=list(entries), **more)


def quiet(**more):
    return {"exit": [0], "stdout": "empty", "stderr": "empty", **more}


def hold():
    def row(name, *steps, down=True):
        return {"name": f"rule: hold, {name}", "steps": list(steps), "relay": {"down": down}}

    one = {"sender": "x@example.org", "recipients": ["b@example.net"]}
    message = mail(sender="x@example.org")
    send = step(["-f", "x@example.org", "b@example.net"], quiet(held=1, sent=[]))
    yield row("frozen is not sent", send, listed([], dict(one, mark=""), tools=True),
              step(["--freeze", "{id1}"], quiet(held=1), "flushq"),
              listed([], dict(one, mark="!"), tools=True),
              listed(["-j"], dict(one, mark="!"), form="json"),
              step(["--all"], quiet(held=1, sent=[]), "flushq", relay="up"),
              step(["--thaw", "{id1}"], quiet(held=1), "flushq"), listed([], dict(one, mark="")),
              step(["-a"], quiet(held=0, sent=[message]), "flushq"))
    yield row("tried, in JSON", send, listed(["--json"], dict(one, reason="refused", tried=True),
                                             form="json"),
              listed(["-j", "{id1}"], one, form="json"), listed(["{id1}"], one),
              listed(["-v"], one, form="verbose"), listed(["--count"], one, form="count"),
              listed(["--failed"], tools=True), listed(["-Ac"], one), listed(["-v", "-q"], one,
                                                                           form="verbose"))
    yield row("null sender, two recipients", step(
        ["-f", "", "root", "b@example.net"], quiet(held=1, sent=[])),
        listed([], {"sender": "", "recipients": ["ops@alias.example", "b@example.net"]},
               tools=True),
        listed(["-j"], {"sender": "", "recipients": ["b@example.net", "ops@alias.example"]},
               form="json"))
    yield row("failed, then again", step(["-f", "x@example.org", "reject550@example.net"], {
        "exit": [67], "stderr": "error", "held": 0, "failed": 1}),
        listed([]), listed(["--failed"], {"sender": "x@example.org", "reason": "550",
                                          "recipients": ["reject550@example.net"]}),
        step(["--retry", "{id1}"], quiet(held=1, failed=0), "flushq", relay="down"), down=False)
    yield row("refused for good and for now", step(
        ["-f", "x@example.org", "reject550@example.net", "temp450@example.net"],
        {"exit": [67], "stderr": "error", "held": 1, "failed": 1, "sent": []}),
        listed([], {"sender": "x@example.org", "recipients": ["temp450@example.net"],
                    "reason": "450"}, tools=True),
        listed(["--failed"], {"sender": "x@example.org", "recipients": ["reject550@example.net"],
                              "reason": "550"}), down=False)
    yield row("one of two by ID", send, step(["-f", "y@example.org", "c@example.net"], quiet(
        held=2)), listed([], one, {"sender": "y@example.org", "recipients": ["c@example.net"]},
                         tools=True),
        step(["{id1}"], quiet(held=1, sent=[message]), "flushq", relay="up"),
        listed([], {"sender": "y@example.org", "recipients": ["c@example.net"]}))
    yield row("by sendmail", send, listed([], one),
              step(["-bp"], {"exit": [0], "stdout": {"lines": [
                  "^[0-9A-F]{12} .* x@example\\.org$", "^-- \\d+ Kbytes in 1 Request\\.$"]}}),
              step(["-bpc"], {"exit": [0], "stdout": {"is": "1\n"}}),
              step(["-qRnobody"], quiet(held=1, sent=[]), relay="up"),
              step(["-qI{id1}"], quiet(held=0, sent=[message])))
    yield row("-q sends what is due", step(["-odq", "-f", "x@example.org", "b@example.net"],
                                           quiet(held=1)), step(["-q"], quiet(held=0, sent=[
                                               message])), down=False)
    yield row("-qR chooses", step(["-odq", "-f", "x@example.org", "b@example.net"], quiet(held=1)),
              step(["-odq", "-f", "x@example.org", "c@example.net"], quiet(held=2)),
              step(["-qRb@example.net"], quiet(held=1, sent=[message])), down=False)
    yield row("called runq", step(["-odq", "-f", "x@example.org", "b@example.net"], quiet(held=1)),
              step([], quiet(held=0, sent=[message]), link="runq"), down=False)
    yield row("delayed", step(["--delay", "1h", "-f", "x@example.org", "b@example.net"], quiet(
        held=1)), step([], quiet(held=1, sent=[]), "flushq"), listed([], one), down=False)
    yield row("unknown and foreign IDs", send, listed([], one),
              step(["0123456789AB"], {"exit": [65], "stderr": "some", "held": 1}, "flushq"),
              step(["xyz"], {"exit": [64, 65], "stderr": "some", "held": 1}, "flushq"),
              step(["--show", "0123456789AB"], {"exit": [65], "stderr": "some", "stdout": "empty"},
                   "mailq"),
              step(["--freeze", "0123456789AB", "{id1}"], {"exit": [65], "held": 1}, "flushq"),
              listed([], dict(one, mark="!")),
              step(["--remove", "all"], quiet(held=0), "flushq"), listed([], tools=True))
    yield row("nothing to do", step([], quiet(held=0), "flushq"), step(["-a"], quiet(), "flushq"),
              step(["-v"], {"exit": [0]}, "flushq"), listed([], tools=True, plugin=True),
              listed(["-j"], form="json"), listed(["--count"], form="count"), down=False)
    yield row("show", send, listed([], one), step(["--show", "{id1}"], {"exit": [0], "stdout": {
        "lines": ["x@example\\.org", "b@example\\.net", "^Subject: t$", "^hi$"],
        "never": ["\\r"]}, "stderr": "empty"}, "mailq"))


def cases():
    for group in (smtp, hold, accepted_options, modes, senders, recipients, header_recipients, input_forms,
                  header_rules, outcomes):
        for one in group():
            for expect in one.get("expect_any", [one.get("expect", {})]):
                for key in [k for k, v in expect.items() if v is None]:
                    del expect[key]
            if "link" in one and "argv" in one:
                one["argv"] = [one["link"], *one["argv"][1:]]
            yield one
