#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""post, spoken to record by record: what it takes over is whole, what it does not take leaves
nothing, whatever is said and wherever the words end. What it must refuse from a hostile caller
is in system_post.py.

SWEEP_SECONDS limits the faults at its system calls (default 60; 0: all of them)."""

import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "proof")]
# pylint: disable=wildcard-import,unused-wildcard-import,wrong-import-position
from jail import *
from entries import Entry, names_in, set_head

SECONDS = int(os.environ.get("SWEEP_SECONDS", "60"))
FULL = message_records(
    facts={"s": "a@src.example", "b": "8BITMIME", "u": "", "r": "HDRS", "e": "x+20y",
           "l": "main relay", "d": "60"},
    recipients=(('"a b"@dest.example', (("n", "SUCCESS,DELAY"), ("o", "rfc822;a+40b"))),
                ("c@dest.example", (("n", "NEVER"),)), "d@dest.example"),
    body=b"Subject: x\r\n\r\nhello\r\n")
OPTIONAL = "bureldno"


def stream(records):
    return b"".join(Talk.record(*r) for r in records)


def kept(jail):
    return {room: names_in(jail.spool, room) for room in ("tmp", "hold", "failed")}


NOTHING = {"tmp": [], "hold": [], "failed": []}


def tell(jail, data, user="ann", end=True):
    """What post makes of those bytes: ("I", id), ("X", code) or None."""
    with jail.post_as(user) as talk:
        same("hello", talk.expect("H"), b"postern 1")
        talk.raw(data)
        if end:
            talk.end()
        got = talk.verdict()
        check(talk.finish().code == 0, f"exit {talk.result.code}")
        return got


def whole(jail, id_, room="hold", uid=ANN):
    """The entry, checked by a reader that is not ours."""
    path = jail.path(id_, room)
    info = os.lstat(path)
    same("owner and mode", (info.st_uid, info.st_gid, oct(info.st_mode), info.st_nlink),
         (uid, POSTERN, oct(0o100660), 1))
    entry = Entry(path)
    check(not entry.damage, f"{id_}: {entry.damage}")
    return entry


def judged(jail, data, what):
    """Taken and whole, or refused and nowhere."""
    got = tell(jail, data)
    if got and got[0] == "I":
        found = kept(jail)
        same(f"{what}: kept", found["tmp"] + found["hold"] + found["failed"], [got[1]])
        room = "hold" if found["hold"] else "failed"
        whole(jail, got[1], room)
        jail.listing_as("root", *(["--failed"] if room == "failed" else []))
        os.unlink(jail.path(got[1], room))
        return "taken"
    check(got is None or got[1] in (64, 65), f"{what}: post says {got}")
    same(f"{what}: kept", kept(jail), NOTHING)
    return "refused"


def written():
    """Every byte of an entry."""
    with Jail("written") as jail:
        jail.simple()
        before = int(time.time())
        id_ = tell(jail, stream(FULL))[1]
        after = int(time.time())
        data, created = whole(jail, id_).data, int(id_[:8], 16)
        check(before <= created <= after, f"id of second {created}")
        values = {"created": created, "uid": ANN, "recipients": 3, "size": 21, "longest": 10,
                  "8bit": 0, "attempts": 0, "next": created + 61, "tried": 0, "uptime": 0,
                  "overdue": 0, "frozen": 0, "warned": 0}
        envelope = ('sender a@src.example\nbody 8BITMIME\nsmtputf8 yes\nret HDRS\nenvid x+20y\n'
                    'relay main relay\nrcpt "a b"@dest.example\nnotify SUCCESS,DELAY\n'
                    'orcpt rfc822;a+40b\nrcpt c@dest.example\nnotify NEVER\n'
                    'rcpt d@dest.example\n\n')
        head = ["postern-entry 2", f"id {id_}", *(f"{k} {v}" for k, v in values.items()),
                f"envelope {len(envelope)}"]
        wanted = "".join(line.ljust(31) + "\n" for line in head)
        wanted += ("W 000:".ljust(255) + "\n") * 3 + envelope + "Subject: x\r\n\r\nhello\r\n"
        same("the file", data[:len(wanted)].decode(), wanted)
        same("the rest", len(data) - len(wanted), 64)


# header and body: longest line, 8-bit
FACTS = (
    (b"A: b\r\n\r\nx\r\n", 4, 0), (b"\r\n", 0, 0), (b"\r\n\xc3\xa4\r\n", 2, 1),
    (b"A: \xc3\xa4\r\n\r\nx\r\n", 5, 2), (b"A: \xff\r\n\r\n\r\n\xff\r\n", 4, 3),
    (b"A: b\r\n\r\n" + b"x" * 70000 + b"\r\n", 70000, 0), (b"A: b\r\n", 4, 0))


def facts():
    with Jail("facts") as jail:
        for body, longest, eight in FACTS:
            for cut in (1, 2, 3, 65536):
                if len(body) > 1000 > cut:
                    continue
                records = message_records(body=None, end=False)
                records += [("M", body[i:i + cut]) for i in range(0, len(body), cut)]
                got = tell(jail, stream(records + [("E", b"")]))
                entry = whole(jail, got[1])
                same(f"{body[:20]!r}", (entry.head["size"], entry.head["longest"],
                                        entry.head["8bit"]),
                     (str(len(body)), str(longest), str(eight)))
                check(entry.data[:-64].endswith(body), "the message is another")


def readable():
    """mailq reads it too, but not as if the hold were somebody's own."""
    with Jail("readable") as jail:
        jail.simple()
        put(jail.dir + "/etc/own.conf", f"[hold]\ndirectory = {SPOOL}\n[relay]\nhost = localhost\n")
        id_ = tell(jail, stream(FULL))[1]
        found = jail.run_as("root", "mailq", "--json")
        same("mailq", (found.code, found.err), (0, ""))
        entry = json.loads(found.out)
        same("entry", (entry["queue_name"] and entry["queue_id"], entry["sender"],
                       [r["address"] for r in entry["recipients"]]),
             (id_, "a@src.example", ['"a b"@dest.example', "c@dest.example", "d@dest.example"]))
        refused = jail.run_as("root", "mailq", "-C", "/etc/own.conf", "--json")
        same("mailq -C", (refused.code, refused.out), (78, ""))
        match("mailq -C", "it is another user's .owner postern", refused.err)


# The conversation, spoilt

def prefixes():
    with Jail("prefixes") as jail:
        data = stream(FULL)
        for length in range(len(data)):
            same(f"after {length} bytes", judged(jail, data[:length], length), "refused")


def changed(byte):
    with Jail("changed") as jail:
        jail.simple()
        data = stream(FULL)
        for at in range(len(data)):
            new = data[:at] + bytes([byte(data[at])]) + data[at + 1:]
            if new != data:
                judged(jail, new, f"byte {at} {data[at]:#x} as {new[at]:#x}")


def removed():
    with Jail("removed") as jail:
        jail.simple()
        data = stream(FULL)
        for at in range(len(data)):
            judged(jail, data[:at] + data[at + 1:], f"without byte {at}")


def order():
    """Each record left out, doubled, moved behind the next, or of another kind."""
    with Jail("order") as jail:
        jail.simple()
        for i, (kind, payload) in enumerate(FULL):
            name = f"{i}: {kind}"
            left_out = judged(jail, stream(FULL[:i] + FULL[i + 1:]), f"without {name}")
            same(f"without {name}", left_out, "taken" if kind in OPTIONAL else "refused")
            twice = judged(jail, stream(FULL[:i + 1] + FULL[i:]), f"twice {name}")
            same(f"twice {name}", twice, "taken" if kind in "ME" else "refused")
            if i + 1 < len(FULL):
                swapped = FULL[:i] + [FULL[i + 1], FULL[i]] + FULL[i + 2:]
                # What belongs to a recipient may belong to the next.
                moved = kind == "n" and FULL[i + 1][0] == "R"
                same(f"{name} later", judged(jail, stream(swapped), name),
                     "taken" if moved else "refused")
            for other in "PsbureldRnoMEGLQHXISDZ\0\xff":
                if other != kind:
                    new = FULL[:i] + [(other, payload)] + FULL[i + 1:]
                    judged(jail, stream(new), f"{name} as {other!r}")


def lines():
    """CR, LF and NUL where records meet."""
    with Jail("lines") as jail:
        jail.simple()
        for end, begin, wanted in (
                (b"x\r", b"\ny\r\n", "taken"), (b"x", b"\r\n", "taken"), (b"x\r\n", b"", "taken"),
                (b"", b"x\r\n", "taken"), (b"x\r", b"y\r\n", "refused"), (b"x", b"\ny\r\n", "refused"),
                (b"x\r", b"\r\n", "refused"), (b"x\r\n", b"\ny\r\n", "refused"),
                (b"x\r", b"", "refused"), (b"x\r\n", b"\r", "refused"), (b"x\r\n", b"y", "refused"),
                (b"x\r\n", b"\0\r\n", "refused"), (b"\0", b"\r\n", "refused"), (b"", b"", "refused")):
            records = message_records(body=None, end=False) + [("M", end), ("M", begin), ("E", b"")]
            same(f"{end!r} {begin!r}", judged(jail, stream(records), "lines"), wanted)


ADDRESSES = (
    ("a@b", True), ("a", True), ("a@[IPv6:::1]", True), ('"a b"@c', True), ('"a\\"b"@c', True),
    ('"<>,;@"@c', True), ("\u00e4@\u00f6.example", True), ("a" * 318 + "@b", True),
    ("a" * 319 + "@b", False), ("", False), ("@b", False), ("a@", False), ("a@b@c", False),
    ('"a@b', False), ('"a\\"@b', False), ('"a"b@c', False), ('a"b"@c', False), ("a b@c", False),
    ("a@b c", False), ("<a@b>", False), ("a,b@c", False), ("a@b,c", False), ("a(b)@c", False),
    ("a@b\x7f", False), ("a\t@b", False), ('"a\tb"@c', False), ("a\\b@c", False), ('""', True))


def addresses():
    """What is taken as an address can be read by flushq, and goes on the wire as one."""
    with Jail("addresses") as jail:
        jail.simple()
        for text, good in ADDRESSES:
            wanted = "taken" if good else "refused"
            same(f"recipient {text!r}", judged(jail, stream(message_records(recipients=(text,))),
                                               text), wanted)
            same(f"sender {text!r}", judged(jail, stream(message_records(facts={"s": text})), text),
                 wanted if text else "taken")
        twice = message_records(recipients=("a@b", "a@B", "a@b"))
        same("named twice", judged(jail, stream(twice), "twice"), "taken")


def silent():
    """While the client says nothing, post waits and does nothing; then it goes on."""
    with Jail("silent") as jail:
        data = stream(FULL)
        with jail.post_as("ann") as talk:
            talk.expect("H")
            for at in range(0, len(data), 40):
                talk.raw(data[at:at + 40])
                time.sleep(0.1)
            pid = talk.call.pid
            talk.expect("I")
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                ticks = sum(int(x) for x in file.read().rpartition(")")[2].split()[11:13])
            check(ticks <= 5, f"{ticks} ticks of time for waiting")


def large():
    with Jail("large") as jail:
        jail.simple()
        names = [(f"user{i}@dest.example", (("n", "FAILURE"),)) for i in range(200000)]
        began = time.monotonic()
        with jail.post_as("ann") as talk:
            talk.expect("H")
            talk.sock.settimeout(60)
            talk.raw(stream(message_records(recipients=names)))
            id_ = talk.expect("I").decode()
            with open(f"/proc/{talk.call.pid}/status", encoding="ascii") as file:
                memory = int(re.search(r"VmHWM:\s+(\d+)", file.read()).group(1))
        check(SANITIZED or memory < 4096, f"{memory} KiB of memory")
        check(time.monotonic() - began < 60, "slow")
        same("recipients", len(whole(jail, id_).states), 200000)
        os.unlink(jail.path(id_))
        body = b"A: b\r\n\r\n" + (b"x" * 998 + b"\r\n") * 20000
        same("20 MB", judged(jail, stream(message_records(body=body)), "20 MB"), "taken")
        for count, wanted in ((200000, "refused"), (200001, "refused"), (0, "refused"), (1, "taken")):
            data = stream(message_records(count=count))
            same(f"{count} announced", judged(jail, data, count), wanted)


# The door

def listed(jail, user, *words):
    """The ids, of a command without our own client."""
    code, out, err = jail.door_as(user, "mailq", "--json", *words)
    same(f"mailq {words} by {user}", (code, err), (0, ""))
    return [json.loads(line)["queue_id"] for line in out.splitlines()]


def lists():
    with Jail("lists") as jail:
        jail.simple()
        own = [hand_in(jail, "ann") for _ in range(5)]
        failed = [hand_in(jail, "ann", room="failed") for _ in range(3)]
        bob = hand_in(jail, "bob")
        # One that post wrote for ann behind the socket, and one that bob says is ann's.
        own.append(hand_in(jail, "ann"))
        os.chown(jail.path(own[-1]), POSTERN, POSTERN)
        set_head(jail.path(bob), uid=ANN)
        same("held", listed(jail, "ann"), sorted(own))
        same("failed", listed(jail, "ann", "--failed"), sorted(failed))
        for id_ in own + failed:
            code, out, err = jail.door_as("ann", "mailq", f"--show={id_}")
            same(id_, (code, err), (0, ""))
            check(out.encode().endswith(BODY.replace(b"\r\n", b"\n")), f"{id_}: {out!r}")
        for user in ("bob", "nobody", "root", "ghost"):
            same(user, listed(jail, user) + listed(jail, user, "--failed"),
                 [bob] if user == "bob" else [])
        for user, id_, wanted in (("bob", own[0], 77), ("bob", own[-1], 77), ("ann", bob, 77),
                                  ("ann", "0123456789AB", 65), ("bob", failed[0], 77),
                                  ("ann", own[-1], 0), ("ann", failed[0], 0)):
            code, out, _ = jail.door_as(user, "mailq", "--json", id_)
            same(f"{user}, {id_}", (code, out.count("\n")), (wanted, int(wanted == 0)))
        code, out, _ = jail.door_as("ann", "mailq", "--failed", own[0])
        same("the other room", (code, out), (65, ""))


def busy():
    with Jail("busy") as jail:
        jail.simple()
        id_ = hand_in(jail, "ann")
        with open(jail.path(id_), "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            match("locked", rf"(?m)^{id_}\*", jail.door_as("ann", "mailq")[1])
        match("free", rf"(?m)^{id_} ", jail.door_as("ann", "mailq")[1])


def strange():
    """Things in hold/ that are no entries are never opened, shown, or waited for."""
    with Jail("strange") as jail:
        jail.simple()
        room, ids = jail.spool + "/hold", [f"0123456789A{n}" for n in "0123456789"]
        put(jail.dir + "/etc/secret", b"canary")
        put(jail.dir + "/etc/canary", b"canary", uid=ANN)
        os.symlink("/etc/canary", f"{room}/{ids[0]}")
        os.mkfifo(f"{room}/{ids[1]}")
        os.link(jail.dir + "/etc/canary", f"{room}/{ids[2]}")
        os.mkdir(f"{room}/{ids[3]}")
        os.mknod(f"{room}/{ids[4]}", 0o666 | stat.S_IFCHR, os.makedev(1, 5))
        os.symlink("/etc/secret", f"{room}/{ids[5]}")
        with socket.socket(socket.AF_UNIX) as sock:
            fd = os.open(room, os.O_RDONLY)
            sock.bind(f"/proc/self/fd/{fd}/{ids[6]}")
            os.close(fd)
        for name in ids[:7]:
            os.chown(f"{room}/{name}", ANN, POSTERN, follow_symlinks=False)
        # These are ann's own, but cannot be read: she is told that they are there.
        put(f"{room}/{ids[7]}", b"", 0o660, ANN, POSTERN)
        put(f"{room}/{ids[8]}", b"x" * 2000, 0o660, ANN, POSTERN)
        put(f"{room}/{ids[9]}", b"canary", 0o600, BOB, BOB)
        put(f"{room}/short", b"canary", 0o660, ANN, POSTERN)
        for words in ((), ("--json",), ("-v",)):
            code, out, err = jail.door_as("ann", "mailq", *words)
            check(code != 0, f"exit {code}")
            same("listed", (out, re.findall(r"(?m)^mailq: (\w+): ", err)), ("", ids[7:9]))
        for id_ in ids[:7] + ids[9:]:
            for words in ((id_,), (f"--show={id_}",)):
                code, out, err = jail.door_as("ann", "mailq", *words)
                check(code in (65, 77) and not out and "canary" not in err,
                      f"{id_}: {code} {out!r} {err!r}")
        # Their names are taken; a message gets another.
        id_ = hand_in(jail, "ann")
        whole(jail, id_)


# Faults

# post handles no signal: its calls on files are never interrupted.
HARMLESS = {"rename2": ["EINVAL"], "poll": ["EINTR"], "recv": ["EINTR", "short"],
            "sendmsg": ["EINTR"]}
HARMFUL = {"open": ["EMFILE", "EACCES"], "create": ["ENOSPC", "EDQUOT", "EACCES", "EROFS"],
           "pwrite": ["ENOSPC", "EIO"], "pread": ["EIO"], "fsync": ["EIO", "ENOSPC"],
           "rename2": ["EIO", "EDQUOT", "EACCES"], "unlink": ["EIO"], "fstat": ["EIO"],
           "stat": ["EIO"], "flock": ["ENOLCK", "EAGAIN"], "recv": ["ECONNRESET"],
           "sendmsg": ["EPIPE"], "poll": ["ENOMEM"], "close": ["EIO"]}
CODES = {"ENOSPC": 75, "EDQUOT": 75, "EACCES": 77}


def faulty(jail, fault=None):
    """post by the owner of the hold, who may load the fault: no set-gid program lets one."""
    log = jail.dir + "/tmp/calls"
    if os.path.exists(log):
        os.unlink(log)
    env = {"LD_PRELOAD": "/etc/faults.so", "FAULT_WHO": "post", "FAULT_LOG": "/tmp/calls",
           "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
    if fault:
        env.update(zip(("FAULT_CALL", "FAULT_AT", "FAULT_DO"), fault))
    with jail.post_as("postern", env=env) as talk:
        talk.raw(stream(FULL))
        talk.end()
        try:
            got = talk.verdict()
        except Wrong as why:
            check("inside a record" in str(why), str(why))
            got = None
        code = talk.finish().code
    with open(log, encoding="utf-8", errors="replace") as file:
        return got, code, file.read().splitlines()


def sweep_one(jail, name, number, deed):
    got, code, calls = faulty(jail, (name, str(number), deed))
    found, killed = kept(jail), deed in ("kill", "killed", "TERM")
    happened = any(line.startswith("!") for line in calls)
    check(code >= 0 or killed, f"died of signal {-code}")
    if got and got[0] == "I":
        same("kept", found["hold"], [got[1]])
        check(not happened or killed or name not in HARMFUL or deed in HARMLESS.get(name, ()) or
              name in ("close", "stat", "unlink", "poll", "recv", "sendmsg"),
              f"taken although {name} failed")
    elif not killed and name != "sendmsg":
        same("kept", found["hold"], [])
        check(not happened or deed not in HARMLESS.get(name, ()), "a harmless fault, refused")
        if got and name in ("create", "rename2", "fsync", "pwrite"):
            wanted = CODES.get(deed, 75 if name in ("fsync", "pwrite") else 73)
            same("code", got[1], wanted)
    check(len(found["tmp"]) <= int(killed or name == "unlink"), f"tmp/ has {found['tmp']}")
    same("failed/", found["failed"], [])
    for id_ in found["hold"]:
        whole(jail, id_, uid=POSTERN)
    for room, ids in found.items():
        for id_ in ids:
            os.unlink(jail.path(id_, room))


def sweep():
    with Jail("sweep", setgid=False) as jail:
        library = os.path.join(BUILD, "tests", "faults.so")
        if not os.path.exists(library):
            raise Skip("faults.so is not built")
        shutil.copy(library, jail.dir + "/etc/faults.so")
        got, _, calls = faulty(jail)
        check(got and got[0] == "I", f"without a fault: {got}")
        os.unlink(jail.path(got[1]))
        names = [line.split()[0] for line in calls]
        for name in ("create", "flock", "pwrite", "fsync", "rename2"):
            check(name in names, f"{name} was not seen: {calls}")
        text = " ".join(names)
        check(re.search(r"pwrite fsync (poll )?rename2 fsync", text), f"the order of putting: {text}")
        end = time.monotonic() + SECONDS
        for name in sorted(set(names), key=lambda n: n in ("recv", "sendmsg", "poll")):
            deeds = ["kill", "killed", "TERM"] + HARMLESS.get(name, []) + HARMFUL.get(name, [])
            for number in range(1, names.count(name) + 1):
                for deed in deeds:
                    if SECONDS and time.monotonic() > end:
                        return
                    try:
                        sweep_one(jail, name, number, deed)
                    except Wrong as why:
                        raise Wrong(f"{name} {number} {deed}: {why}") from why


def jobs():
    yield "what is written", written
    yield "facts of a message", facts
    yield "readable by mailq", readable
    yield "every prefix", prefixes
    yield "a byte removed", removed
    for name, byte in (("zero", lambda b: 0), ("255", lambda b: 255), ("one more", lambda b: (b + 1) & 255),
                       ("LF", lambda b: 10), ("a blank", lambda b: 32)):
        yield f"a byte changed to {name}", lambda b=byte: changed(b)
    yield "order", order
    yield "line ends where records meet", lines
    yield "addresses", addresses
    yield "a slow client", silent
    yield "large", large
    yield "lists", lists
    yield "busy", busy
    yield "strange files", strange
    yield "sweep", sweep


if __name__ == "__main__":
    run_all(list(jobs()))
