# SPDX-License-Identifier: GPL-3.0-or-later
"""post, the one program with a privilege, without our own client in front of it: forged
messages, nonsense, a descriptor 0 that is no conversation, other people's entries."""

import array
import random

from jail import *  # pylint: disable=wildcard-import,unused-wildcard-import
from system_attacks import HOUR, Attack, several, uid_in_head


def refused(a, talk, codes=(64, 65)):
    """X with one of the codes, or just the end; and nothing is kept."""
    talk.end()
    got = talk.verdict()
    check(got is None or (got[0] == "X" and got[1] in codes), f"post says {got}")
    result = talk.finish()
    check(result.code >= 0, f"post was killed by {-result.code}")
    same("stdout, stderr", (result.out, result.err), ("", ""))
    a.jail.wait_quiet()
    same("kept", a.extra(), [])
    same("failed", a.jail.entries("failed"), [])
    same("in tmp/", os.listdir(a.jail.spool + "/tmp"), [])


def facts(**more):
    found = {"s": "a@src.example"}
    found.update(more)
    return {"facts": {k: v for k, v in found.items() if v is not None}}


def rcpt(address, *more):
    return {"recipients": [(address, more)]}


# Messages that our own client would never send
FORGED = (
    ("sender with a parameter", facts(s="a@b> SIZE=1")),
    ("sender with a line", facts(s="a@b>\r\nRCPT TO:<x@y")),
    ("sender with LF", facts(s="a@b\n")),
    ("sender with NUL", facts(s=b"a@b\0c")),
    ("sender with a blank", facts(s="a b@c.example")),
    ("sender with <", facts(s="<a@b.example>")),
    ("sender, long", facts(s="a" * 1100 + "@b.example")),
    ("sender, 64 KiB", facts(s="a" * 65000 + "@b.example")),
    ("sender, a quote left open", facts(s='"a b@c.example')),
    ("sender, DEL", facts(s="a\x7f@b.example")),
    ("no sender", facts(s=None)),
    ("recipient with a blank", rcpt("a b@c.example")),
    ("recipient with a parameter", rcpt("a@b.example> NOTIFY=NEVER")),
    ("recipient with a line", rcpt("a@b.example>\r\nDATA")),
    ("recipient, empty", rcpt("")),
    ("recipient, <>", rcpt("<>")),
    ("recipient, long", rcpt("a" * 1100 + "@b.example")),
    ("recipient, NUL", rcpt(b"a@b.example\0")),
    ("no recipient", {"recipients": []}),
    ("notify, nonsense", rcpt("b@dest.example", ("n", "SOMETIMES"))),
    ("notify, a parameter", rcpt("b@dest.example", ("n", "NEVER ORCPT=x"))),
    ("notify, a line", rcpt("b@dest.example", ("n", "NEVER\r\nDATA"))),
    ("notify, NEVER and more", rcpt("b@dest.example", ("n", "NEVER,DELAY"))),
    ("notify, empty", rcpt("b@dest.example", ("n", ""))),
    ("notify, order", rcpt("b@dest.example", ("n", "DELAY,SUCCESS"))),
    ("orcpt before notify", rcpt("b@dest.example", ("o", "rfc822;a@b"), ("n", "NEVER"))),
    ("notify twice", rcpt("b@dest.example", ("n", "NEVER"), ("n", "NEVER"))),
    ("orcpt with a blank", rcpt("b@dest.example", ("o", "rfc822;a b"))),
    ("orcpt with a line", rcpt("b@dest.example", ("o", "rfc822;a\r\nDATA"))),
    ("orcpt twice", rcpt("b@dest.example", ("o", "rfc822;a@b"), ("o", "rfc822;a@b"))),
    ("envid with a blank", facts(e="a b")),
    ("envid with a line", facts(e="a\r\nDATA")),
    ("envid, 8 bit", facts(e=b"a\xff")),
    ("body, nonsense", facts(b="9BIT")),
    ("body, a line", facts(b="8BITMIME\r\nX")),
    ("ret, nonsense", facts(r="SOME")),
    ("relay with LF", facts(l="main\nuid 0")),
    ("relay, 8 bit", facts(l=b"m\xc3\xa4in")),
    ("relay, long", facts(l="m" * 2000)),
    ("delay, negative", facts(d="-1")),
    ("delay, no number", facts(d="x")),
    ("delay, huge", facts(d="9" * 40)),
    ("delay, over 366 days", facts(d="31622401")),
    ("delay, empty", facts(d="")),
    ("delay, hex", facts(d="0x10")),
    ("smtputf8 with a value", facts(u="x")),
    ("wrong order", {"facts": {"b": "7BIT", "s": "a@src.example"}}),
    ("room: corrupt", {"room": "corrupt"}),
    ("room: a path", {"room": "../../../tmp"}),
    ("room: empty", {"room": ""}),
    ("room: hold with NUL", {"room": "hold\0"}),
    ("room: two words", {"room": "hold failed"}),
    ("one recipient too few", {"count": 2}),
    ("one recipient too many", {"count": 1, "recipients": ("b@dest.example", "c@dest.example")}),
    ("count: 0", {"count": 0}),
    ("count: 0, no recipients", {"count": 0, "recipients": []}),
    ("count: negative", {"count": -1}),
    ("count: too many", {"count": 200001}),
    ("count: huge", {"count": 2**64 + 1}),
    ("count: none", {"count": ""}),
    ("count: more", {"count": "1 1"}),
    ("count: hex", {"count": "0x1"}),
    ("body: bare LF", {"body": b"A: b\r\n\r\nx\ny\r\n"}),
    ("body: bare CR", {"body": b"A: b\r\n\r\nx\ry\r\n"}),
    ("body: CR CR LF", {"body": b"A: b\r\n\r\nx\r\r\n"}),
    ("body: NUL", {"body": b"A: b\r\n\r\nx\0y\r\n"}),
    ("body: no line end", {"body": b"A: b\r\n\r\nx"}),
    ("body: ends in CR", {"body": b"A: b\r\n\r\nx\r"}),
    ("body: empty", {"body": b""}),
    ("body: none", {"body": None}),
    ("no end", {"end": False}),
)


def forged(a, row):
    with a.jail.post_as("nobody") as talk:
        talk.expect("H")
        talk.raw(b"".join(talk.record(*r) for r in message_records(**row[1])))
        refused(a, talk)


def split_message(step):
    """The same message in pieces is the same message."""
    with Attack("split") as a:
        with a.jail.post_as("nobody") as talk:
            talk.expect("H")
            data = b"".join(talk.record(*r) for r in message_records())
            for i in range(0, len(data), step):
                talk.raw(data[i:i + step])
            id_ = talk.expect("I").decode()
            same("the new entry", a.extra(), [id_])
            with open(a.jail.path(id_), "rb") as file:
                check(BODY in file.read(), "the message is not in it")


def descriptors_sent():
    """Descriptors that come along with the records are not kept."""
    with Attack("descriptors") as a:
        with a.jail.post_as("nobody") as talk:
            talk.expect("H")
            records = message_records()
            fds = array.array("i", [0] * 200)
            for record in records[:-1]:
                talk.sock.sendmsg([talk.record(*record)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                                            fds)])
            time.sleep(0.1)
            check(len(os.listdir(f"/proc/{talk.call.pid}/fd")) < 20, "post keeps descriptors")
            talk.put(*records[-1])
            talk.expect("I")


def killed_post(number):
    """post is the caller's own process: he may end it, and has lost only his message."""
    with Attack("killed post") as a:
        jail = a.jail
        call = jail.begin_as("nobody", "sendmail", *ARGS, feed=[(0, b""), (3600, b"")])
        os.write(call.process.stdin.fileno(), MESSAGE * 2000)
        pid = jail.named("post")
        jail.function_as("nobody", lambda: os.kill(pid, number))
        call.chunks = [(0, MESSAGE)]
        result = call.wait(10)
        same("exit", (result.code, result.out), (75, ""))
        match("stderr", r"^sendmail: [ -~]+\n$", result.err)
        jail.wait_quiet()
        same("held", a.extra(), [])
        for name in os.listdir(jail.spool + "/tmp"):
            os.unlink(f"{jail.spool}/tmp/{name}")


def noise(seed):
    source = random.Random(seed)
    found = []
    for _ in range(8):
        found.append(source.randbytes(source.choice((1, 4, 5, 6, 100, 5000, 70000))))
    for kind in b"PsbruedlRnoMEGLQHXISDZ\0\xff":
        length = source.choice((0, 1, 12, 1000, 65536))
        found.append(bytes([kind]) + length.to_bytes(4, "big") + source.randbytes(length))
    return found


GARBAGE = (
    ("nothing", [b""]),
    ("a half head", [b"P", b"P\0\0"]),
    ("a half payload", [b"P\0\0\0\x04ho", b"P\0\0\xff\xff" + b"x" * 100]),
    ("too long", [b"P\0\1\0\1" + b"x" * 65537, b"P\xff\xff\xff\xff",
                  b"M\x7f\xff\xff\xff" + b"x" * 9]),
    ("64 KiB", [bytes([k]) + b"\0\1\0\0" + b"x" * 65536 for k in b"PsLQGM?"]),
    ("zeros", [bytes(65536), bytes(1)]),
    ("SMTP", [b"EHLO me\r\nMAIL FROM:<a@b>\r\n"]),
    ("HTTP", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"]),
    ("our own words", [Talk.record(k, p) for k in "HXISDZ" for p in (b"", b"postern 1")]),
    ("out of order", [Talk.record(k) for k in "sbureldRnoME"]),
    ("an end first", [Talk.record("E") + Talk.record("P", "hold")]),
    ("two begins", [Talk.record("P", "hold") * 2]),
    ("go, nonsense", [Talk.record("G", p) for p in (b"x", b"ll", b"l v", b"\0", b"v" * 1000)]),
    ("list, nonsense", [Talk.record("L", p) for p in (
        b"", b"x", b"hf ../x", b"hf 0123456789ab", b"hf 0123456789AB 0123456789AB", b"+", b"+x",
        b"hf /etc/passwd", b"hf " + b"A" * 13, b"h" * 1000, b"hf\n", b"hf \0", b"t", b"c", b"s")]),
    ("a command, nonsense", [Talk.record("Q", p) for p in (
        b"", b"x", b"\n", b"mailq", b"flushq\n--all", b"sh\n-c\nid", b"/bin/sh", b"mailq \n-v",
        b"Mailq", b"mailq\0", b"mailq\n" + b"\n" * 65000, b"flushq\n" + b"0123456789AB\n" * 5000,
        b"mailq\n-C\n/etc/shadow", b"mailq\n-", b"flushq\n--", b"flushq\n---all")]),
    ("a command, then something else", [Talk.record("Q", "mailq") + more for more in (
        Talk.record("O"), b"O", b"O\0\0\0\0\0", Talk.record("E"), Talk.record("G", "l"),
        Talk.record("Q", "mailq"), bytes(5), b"x" * 70000)]),
    ("outputs first", [Talk.record("O"), Talk.record("O") + Talk.record("Q", "mailq")]),
    *((f"noise {n}", noise(n)) for n in range(4)),
)


def garbage(pieces):
    """post ends at once on nonsense: no message, no file, no signal."""
    with Attack("garbage") as a:
        for piece in pieces:
            with a.jail.post_as("nobody") as talk:
                talk.raw(piece)
                talk.end()
                ended = False
                while not ended:
                    got = talk.get()
                    check(got is None or got[0] in "HX", f"{piece[:60]!r}: post says {got}")
                    ended = got is None
                result = talk.finish()
                check(0 <= result.code < 126, f"{piece[:60]!r}: exit {result.code}")
            same("kept", (a.extra(), os.listdir(a.jail.spool + "/tmp")), ([], []))


# Things on descriptor 0 that are no conversation: how to make it, and whose post it is

def zero_tty():
    return open_terminal()[1]


def zero_udp():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    return sock


def zero_listener():
    sock = socket.socket(socket.AF_UNIX)
    sock.bind("")
    sock.listen()
    return sock


def zero_tcp():
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
    with far:
        far.sendall(b"".join(Talk.record(*r) for r in message_records()))
    return near


ZEROS = (
    ("a file", lambda: open("/etc/hostname", "rb")),
    ("a file of records", lambda: records_file()),  # pylint: disable=unnecessary-lambda
    ("/dev/null", lambda: open("/dev/null", "rb")),
    ("/dev/zero", lambda: open("/dev/zero", "rb")),
    ("a folder", lambda: os.open("/etc", os.O_RDONLY)),
    ("a pipe", lambda: os.pipe()[0]),
    ("a terminal", zero_tty),
    ("a UDP socket", zero_udp),
    ("a listening socket", zero_listener),
    ("datagrams", lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0]),
    ("packets", lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)[0]),
)


def records_file():
    path = os.path.join(tempfile.mkdtemp(dir=harness.TOP), "records")
    put(path, b"".join(Talk.record(*r) for r in message_records()))
    return open(path, "rb")


def zero(a, row):
    thing = row[2]()
    try:
        result = a.jail.begin_as(row[1], "post", stdin=thing).wait(5)
    finally:
        if isinstance(thing, int):
            os.close(thing)
        else:
            thing.close()
    check(0 <= result.code < 126, f"exit {result.code}")
    same("output", result.out, "")
    check(result.seconds < 3, f"took {result.seconds:.1f} s")
    a.jail.wait_quiet()
    same("kept", (a.extra(), os.listdir(a.jail.spool + "/tmp")), ([], []))


def arguments(args):
    with Attack("arguments") as a:
        with a.jail.post_as("nobody", *args) as talk:
            talk.raw(b"".join(talk.record(*r) for r in message_records()))
            got = talk.verdict()
            check(got in (None, ("X", 64)), f"post says {got}")
            same("exit", talk.finish().code, 64)
        same("kept", (a.extra(), os.listdir(a.jail.spool + "/tmp")), ([], []))


# Whose message it is

def by_peer(starter, listener, wanted):
    """starter runs post on a connection to listener's socket."""
    with Attack("peer") as a:
        place = folder(f"{a.jail.dir}/tmp/meet", 0o1777)
        server, client = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        fd = os.open(place, os.O_RDONLY)
        server.bind(f"/proc/self/fd/{fd}/s")
        os.close(fd)
        os.chmod(place + "/s", 0o777)
        a.jail.function_as(listener, server.listen, keep=[server.fileno()])
        a.jail.function_as(starter, lambda: client.connect("/tmp/meet/s"),
                           keep=[client.fileno()])
        far, _ = server.accept()
        call = a.jail.begin_as(starter, "post", stdin=client)
        client.close()
        server.close()
        with Talk(far, call) as talk:
            talk.raw(b"".join(talk.record(*r) for r in message_records()))
            got = talk.verdict()
        same("taken", got and got[0], "I")
        same("uid", [e["uid"] for e in a.jail.listing_as("root", got[1])], [wanted])
        info = os.lstat(a.jail.path(got[1]))
        check(info.st_uid in (wanted, POSTERN), f"owner {info.st_uid}")


def forged_uid():
    """Somebody's own entry says in its head that it is bob's: bob does not see it, and its
    owner does."""
    with Attack("forged uid") as a:
        jail = a.jail
        id_ = hand_in(jail, "ann", facts={"s": "ann@src.example", "d": HOUR})
        with open(jail.path(id_), "rb") as file:
            text = bytes(uid_in_head(bytearray(file.read())))
        check(str(BOB).encode() in text[:512], "the head has no uid")
        with open(jail.path(id_), "r+b") as file:
            file.write(text)
        same("seen by bob", [e["queue_id"] for e in jail.listing_as("bob") if e["queue_id"] == id_],
             [])
        same("removed by bob", jail.run_as("bob", "flushq", "--remove", id_).code, 77)
        same("removed by ann", jail.run_as("ann", "flushq", "--remove", id_).code, 0)


def go_on_foreign():
    """post starts flushq and mailq only on what it has just taken, or on the caller's own."""
    with Attack("go") as a:
        bob = a.jail.entries()[0]
        for verb in ((), ("--remove",), ("--freeze",), ("--thaw",), ("--retry",)):
            code, out, err = a.jail.door_as("nobody", "flushq", *verb, bob)
            same(f"{verb}", (code, out), (77, ""))
            no_match(f"{verb}", "bob@|dest.example", out + err)
            code, out, err = a.jail.door_as("nobody", "flushq", "-v", *verb, "all")
            same(f"{verb} all", (code, out), (0, ""))
            no_match(f"{verb} all", "bob@|dest.example|" + bob, err)
        for words in ((), ("--failed",), ("--json",), ("-v",), ("--summary",)):
            code, out, err = a.jail.door_as("nobody", "mailq", *words)
            same(f"{words}", (code, err), (0, ""))
            no_match(f"{words}", "bob@|dest.example|" + bob, out)
        for words in ((bob,), ("-v", bob), (f"--show={bob}",)):
            same(f"{words}", a.jail.door_as("nobody", "mailq", *words),
                 (77, "", f"mailq: {bob}: is another user's\n"))


# Commands that our own client would never send: name, words, exit or what post says, shown.
# None lets its words be taken for what only our own programs say to each other.
USAGE = "^(mailq|flushq): .*usage: "
COMMANDS = (
    ("a file", ("mailq", "-C", "/etc/shadow"), "X64", "^$"),
    ("a file, attached", ("mailq", "-C/etc/shadow"), "X64", "^$"),
    ("a file, in a cluster", ("mailq", "-vC", "/etc/shadow"), "X64", "^$"),
    ("a file, long", ("mailq", "--config=/etc/shadow"), 64, USAGE),
    ("for root", ("mailq", "--for=0", "--json"), 64, USAGE),
    ("for bob", ("mailq", f"for={BOB}", "--json"), 64, USAGE),
    ("for bob, flushq", ("flushq", f"for={BOB}"), 65, f"for={BOB}: no such message"),
    ("caller", ("flushq", "--caller=3"), 64, USAGE),
    ("first", ("flushq", "--first"), 64, USAGE),
    ("another name", ("flushq for=0", "--all"), "X64", "^$"),
    ("sendmail", ("sendmail", "--check"), "X64", "^$"),
    ("to ASCII", ("flushq", "--to-ascii", "x"), "X64", "^$"),
    ("capitals", ("flushq", "--ALL"), "X64", "^$"),
    ("no letter", ("flushq", "--", "all"), "X64", "^$"),
    ("a bare dash", ("flushq", "-"), "X64", "^$"),
    ("three dashes", ("flushq", "---all"), "X64", "^$"),
    ("a letter with a text", ("mailq", "-v=x"), "X64", "^$"),
    ("an option that there is not", ("flushq", "--nonsense"), 64, USAGE),
    ("an option behind", ("flushq", "0123456789AB", "--all"), 64, USAGE),
    ("escapes", ("flushq", "\x1b[2J"), 64, "^flushq: argument 1 has a control byte"),
    ("a path", ("flushq", "--remove", "../hold/0123456789AB"), 65, "no such message"),
    ("a path to show", ("mailq", "--show=../../../etc/shadow"), 64, USAGE),
    ("a variable", ("mailq", "LD_PRELOAD=/tmp/x", "--json"), 64, "no ID"),
    ("a variable of flushq", ("flushq", "TZ=/etc/shadow"), 65, "TZ=/etc/shadow: no such"),
    ("a zone that is a path", ("mailq", "TZ=/etc/shadow", "--count"), 0, "^1\n$"),
    ("a zone with a way up", ("mailq", "TZ=a/../../../../etc/shadow", "--count"), 0, "^1\n$"),
    ("4097 words", ("flushq", *["0123456789AB"] * 4097), "X64", "^$"),
    ("4096 words", ("flushq", *["x"] * 4096), 65, "no such message"),
    ("help", ("mailq", "--help"), 0, "usage: mailq"),
)


def command(a, row):
    got = a.jail.door_as("nobody", *row[1])
    same("exit", got[0], row[2])
    match("shown", "(?s)" + row[3], got[1] + got[2])
    no_match("shown", "bob@|dest.example|canary", got[1] + got[2])


# What output and errors may not lead to: name, how many descriptors, how one of them is made

OUTPUTS = (
    ("none", 0, lambda: os.open("/dev/null", os.O_WRONLY)),
    ("one", 1, lambda: os.open("/dev/null", os.O_WRONLY)),
    ("three", 3, lambda: os.open("/dev/null", os.O_WRONLY)),
    ("two hundred", 200, lambda: os.open("/dev/null", os.O_WRONLY)),
    ("a folder", 2, lambda: os.open("/etc", os.O_RDONLY)),
    ("a folder's name", 2, lambda: os.open("/etc", os.O_PATH)),
    ("datagrams", 2, lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].detach()),
    ("packets", 2, lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)[0].detach()),
    ("UDP", 2, lambda: zero_udp().detach()),
    ("polling", 2, lambda: LIBC.epoll_create1(0)),
    ("an event", 2, lambda: LIBC.eventfd(0, 0)),
)


def outputs(a, row):
    fd = row[2]()
    try:
        with a.jail.post_as("nobody") as talk:
            talk.expect("H")
            talk.put("Q", "mailq")
            try:
                talk.sock.sendmsg([talk.record("O")], [(
                    socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd] * row[1]))]
                    if row[1] else [])
            except OSError as error:
                raise Wrong(f"sendmsg: {error}") from error
            same("answer", talk.verdict(), ("X", 64))
            same("more", talk.get(), None)
    finally:
        os.close(fd)


def unwritable():
    """What cannot be written to is found out by writing."""
    with Attack("unwritable") as a:
        for name, flags in (("read only", os.O_RDONLY), ("only a name", os.O_PATH)):
            fd = os.open(put(a.jail.dir + "/tmp/file", "old"), flags)
            with a.jail.post_as("nobody") as talk:
                talk.expect("H")
                talk.command(("mailq",), [fd, fd])
                same(name, talk.get(), ("Z", b"74"))
            os.close(fd)
        with open(a.jail.dir + "/tmp/file", encoding="ascii") as file:
            same("the file", file.read(), "old")


def kinds_of_output():
    """A file is written where its owner stands in it, a pipe, a socket, a terminal."""
    with Attack("kinds") as a:
        path = put(a.jail.dir + "/tmp/file", "before\n")
        with open(path, "ab") as file:
            for way in ("append", "once more"):
                with a.jail.post_as("nobody") as talk:
                    talk.expect("H")
                    talk.command(("mailq", "--count"), [file.fileno()] * 2)
                    same(way, talk.get(), ("Z", b"0"))
        with open(path, encoding="ascii") as file:
            same("the file", file.read(), "before\n1\n1\n")
        near, far = socket.socketpair()
        read, write = os.pipe()
        master, slave = open_terminal()
        for out, end in ((near.fileno(), far.fileno()), (write, read), (slave, master)):
            with a.jail.post_as("nobody") as talk:
                talk.expect("H")
                talk.command(("mailq", "--count"), [out, out])
                same("exit", talk.get(), ("Z", b"0"))
            same("written", os.read(end, 100).decode().strip(), "1")
        for fd in (read, write, master, slave):
            os.close(fd)
        near.close()
        far.close()


def jobs():
    yield from several("forged", FORGED, forged)
    for step in (1, 3, 7, 1000):
        yield f"records in pieces of {step}", lambda s=step: split_message(s)
    for row in GARBAGE:
        yield f"garbage: {row[0]}", lambda r=row: garbage(r[1])
    zeros = [(f"{name}, {user}", user, make) for name, make in ZEROS
             for user in ("nobody", "postern")] + [("TCP, postern", "postern", zero_tcp)]
    yield from several("descriptor 0", zeros, zero)
    for args in (("-C", "/tmp/x"), ("--help",), ("",), ("x",) * 1000):
        yield f"post with {args[0]!r} x {len(args)}", lambda a=args: arguments(a)
    for row in (("ann", "bob", ANN), ("ann", "root", ANN), ("root", "bob", 0),
                ("postern", "ann", ANN), ("nobody", "postern", NOBODY)):
        yield f"post by {row[0]} on {row[1]}'s socket", lambda r=row: by_peer(*r)
    yield "an entry that says it is another's", forged_uid
    yield "go on others' entries", go_on_foreign
    yield from several("command", COMMANDS, command, 10)
    yield from several("outputs", OUTPUTS, outputs)
    yield "outputs that cannot be written to", unwritable
    yield "outputs of all kinds", kinds_of_output
    yield "descriptors in the records", descriptors_sent
    for number in (signal.SIGKILL, signal.SIGTERM):
        yield f"killed: post, {number.name}", lambda n=number: killed_post(n)
