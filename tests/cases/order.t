#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of system calls on which durability rests, seen with strace; and what is there when
a program is killed at one of them, or when one of them fails.

Before sendmail ends with 0 the entry has been written, synced and renamed into hold/, and the
folder synced. Before flushq says QUIT the mark on the entry has been synced.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403

CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+|\?)")
NO_LEAKS = {"ASAN_OPTIONS": "detect_leaks=0"}  # which strace does not go with


def traced(case, program, *args, feed=b"", inject=(), follow=False, name=None):
    """Runs under strace: the result and the calls as (name, arguments, value). name: in place
    of the program's own, as argv[0]."""
    path = os.path.join(case.dir, f"trace{len(os.listdir(case.dir))}")
    wrap = ["strace", "-y", "-s", "80", "-o", path] + (["-f"] if follow else [])
    for rule in inject:
        wrap += ["-e", "inject=" + rule]
    if name:
        wrap += ["bash", "-c", 'exec -a "$0" "$@"', name]
    result = case.run(program, *args, feed=feed, wrap=wrap, env=NO_LEAKS)
    with open(path, encoding="latin-1") as file:
        calls = [m.groups() for m in map(CALL.match, file) if m]
    return result, calls


def place(calls, what, start, *patterns):
    """The index of the first call from start on that fits; a failure if there is none."""
    for i in range(start, len(calls)):
        name, arguments, value = calls[i]
        if re.fullmatch(patterns[0], name) and value != "-1" and all(
                re.search(p, arguments) for p in patterns[1:]):
            return i
    after = ", ".join(c[0] for c in calls[start:start + 40])
    raise Wrong(f"no {what} behind call {start}: {after}")


def setting(case, *rules, mode="hold"):
    relay = case.relay(*[x for r in rules for x in ("--on", r)])
    case.configure({"port": relay.port, "connections": "1"}, conf={"delivery.mode": mode})
    return relay


def publish():
    with Case("publish") as case:
        setting(case)
        result, calls = traced(case, "sendmail", *ARGS, feed=MESSAGE)
        same("end", (result.code, result.err), (0, ""))
        ident, = case.entries()
        hold = re.escape(os.path.realpath(case.hold))
        made = place(calls, "exclusive create in tmp/", 0, "openat|open", r"O_EXCL")
        flags = calls[made][1]
        for flag in ("O_CREAT", "O_NOFOLLOW", "O_CLOEXEC"):
            check(flag in flags, f"no {flag} in {flags}")
        written = place(calls, "write to the entry", made, r"p?write(v|64)?", rf"^\d+<{hold}/tmp/")
        last = max(i for i, c in enumerate(calls) if re.fullmatch(r"p?write(v|64)?", c[0])
                   and re.search(rf"^\d+<{hold}/tmp/", c[1]))
        synced = place(calls, "sync of the entry", last, "fsync|fdatasync", rf"^\d+<{hold}/tmp/")
        renamed = place(calls, "rename", synced, r"renameat2?|linkat|rename", ident)
        folder = place(calls, "sync of hold/", renamed, "fsync", rf"^\d+<{hold}/hold>")
        ended = place(calls, "end", folder, "exit_group", "^0$")
        check(made < written <= last < synced < renamed < folder < ended, "order")
        for name, arguments, _ in calls[folder:ended]:
            check(not re.search(rf"<{hold}/(tmp|hold)/", arguments) or name in
                  ("close", "fcntl", "flock"), f"{name}({arguments}) behind the last sync")
        if "rename" in calls[renamed][0]:
            check("RENAME_NOREPLACE" in calls[renamed][1], f"{calls[renamed]}")


def mark_before_quit(chunking):
    def run():
        with Case("mark") as case:
            relay = case.relay(*(("--with", "CHUNKING") if chunking else ()))
            case.configure({"port": relay.port}, conf={"delivery.mode": "hold"})
            same("exit", case.send(*ARGS).code, 0)
            ident, = case.entries()
            result, calls = traced(case, "flushq", "--all")
            same("end", (result.code, result.err), (0, ""))
            entry = re.escape(os.path.join(os.path.realpath(case.hold), "hold", ident))
            send = "sendto|sendmsg|write|writev|send"
            body = place(calls, "the message", 0, send, "MAIL FROM")
            mark = place(calls, "the mark", body, "pwrite64|write|pwritev", rf"^\d+<{entry}>")
            synced = place(calls, "sync of the mark", mark, "fdatasync|fsync", rf"^\d+<{entry}>")
            last = max(i for i, c in enumerate(calls[:synced]) if c[0] in ("pwrite64", "pwritev")
                       and re.search(rf"^\d+<{entry}>", c[1]))
            check(last < synced, "a mark behind the sync")
            leave = place(calls, "QUIT", 0, send, r'"QUIT\\r\\n')
            check(synced < leave, "QUIT was said before the mark was synced")
            gone = place(calls, "removal", synced, "unlinkat|unlink", ident)
            check(mark < gone, "removed before the mark")
            reads = [c for c in calls[mark:synced] if c[0] in ("recvfrom", "poll", "ppoll", "read")]
            same("waits between the 250 and the sync", reads, [])
    return f"the mark is synced before QUIT{', CHUNKING' if chunking else ''}", run


def marks_of_each():
    """All recipients of a transaction are marked with one sync."""
    with Case("marks") as case:
        relay = setting(case)
        who = [f"r{i}@dest.example" for i in range(20)]
        same("exit", case.send("-i", "-f", "a@src.example", *who).code, 0)
        _, calls = traced(case, "flushq", "--all")
        same("delivered", len(relay.recipients()), 20)
        syncs = [c for c in calls if c[0] in ("fdatasync", "fsync") and "/hold/" in c[1]
                 and not c[1].endswith("/hold>")]
        check(len(syncs) <= 2, f"{len(syncs)} syncs of one entry")


def marks_of_a_flight():
    """Messages that were under way together share one sync, that of the folder which they left;
    it is made before another byte goes to the server."""
    with Case("flight") as case:
        relay = case.relay("--with", "CHUNKING")
        case.configure({"port": relay.port, "connections": "1", "window": "4"},
                       conf={"delivery.mode": "hold"})
        for i in range(9):
            same("exit", case.send("-i", "-f", "a@src.example", f"b{i}@dest.example").code, 0)
        hold = re.escape(os.path.join(os.path.realpath(case.hold), "hold"))
        _, calls = traced(case, "flushq", "--all")
        same("delivered", len(relay.accepted()), 9)
        marked, gone, syncs = set(), set(), 0
        for name, arguments, _ in calls:
            entry = re.match(rf"\d+<{hold}/(\w+)>", arguments)
            if name == "pwrite64" and entry and '"D ' in arguments:
                marked.add(entry[1])
            elif name == "unlinkat" and re.match(rf"\d+<{hold}>", arguments):
                gone.add(re.search(r'"(\w+)"', arguments)[1])
            elif name in ("fdatasync", "fsync") and entry:
                marked.discard(entry[1])
                syncs += 1
            elif name == "fsync" and re.match(rf"\d+<{hold}>", arguments):
                marked -= gone
                syncs += 1
            elif name in ("sendto", "sendmsg") and re.match(r"\d+<(TCP|socket)", arguments):
                same("marked, and not synced when more is said", marked, set())
        same("left", (marked, len(gone)), (set(), 9))
        check(syncs <= 5, f"{syncs} syncs for 9 messages, four at a time")


def one_write_a_flight():
    with Case("writes") as case:
        setting(case)
        same("exit", case.send(*ARGS).code, 0)
        _, calls = traced(case, "flushq", "--all")
        sends = [c for c in calls if c[0] in ("send", "sendto", "sendmsg", "write", "writev")
                 and re.match(r"\d+<(TCP|socket|TCPv6)", c[1])]
        same("writes to the server", len(sends), 4)  # EHLO; MAIL RCPT DATA; message; QUIT


def killed_publishing(call, when):
    """sendmail is killed at that call: nothing, or a good entry, is there."""
    def run():
        with Case("kill") as case:
            relay = setting(case)
            result, _ = traced(case, "sendmail", *ARGS, feed=MESSAGE,
                               inject=[f"{call}:signal=SIGKILL:when={when}"])
            check(result.code in (-9, 0, 137), f"exit {result.code}")
            entries = case.entries()
            check(result.code or entries, "exit 0 and no entry")
            case.flush("--all")
            same("delivered", len(relay.accepted()), len(entries))
            same("held", case.entries(), [])
            if relay.accepted():
                same("the bytes", relay.stored()[0], wire_form(MESSAGE))
    return f"sendmail killed at {call} {when}", run


def killed_sending(call, when):
    """flushq is killed at that call: one copy, or two, never none."""
    def run():
        with Case("kill") as case:
            relay = setting(case)
            same("exit", case.send(*ARGS).code, 0)
            traced(case, "flushq", "--all", inject=[f"{call}:signal=SIGKILL:when={when}"])
            case.wait_quiet()
            time.sleep(0.05)
            first = len(relay.accepted())
            case.flush("--all")
            same("held", (case.entries(), case.entries("failed")), ([], []))
            total = len(relay.accepted())
            check(total in ((1, 2) if first else (1,)), f"{first} copies, then {total}")
            same("copies are the same", len(set(relay.stored())), 1)
    return f"flushq killed at {call} {when}", run


def killed_after_mark():
    """Row 115: between the mark and its sync, with the power on: no second copy."""
    with Case("115") as case:
        relay = setting(case)
        same("exit", case.send(*ARGS).code, 0)
        traced(case, "flushq", "--all", inject=["fdatasync:signal=SIGKILL:when=1"])
        same("accepted", len(relay.accepted()), 1)
        same("the entry is there", len(case.entries()), 1)
        case.flush("--all")
        same("accepted", (len(relay.accepted()), case.entries()), (1, []))


def own_calls(case, program, args, call, feed=b""):
    """How many such calls the loader and the libraries make before ours, which begin with the
    one that reads the configuration."""
    _, calls = traced(case, program, *args, feed=feed)
    begun = next(i for i, c in enumerate(calls) if case.conf_path in c[1] and c[0] != "execve")
    return sum(c[0] == call for c in calls[:begun])


def failing(call, error, when, codes=(71, 73, 74, 75, 78)):
    """A call of sendmail fails: the caller is told, and nothing is there; or all is well.
    when: which of our own calls, and with + all from there."""
    def run():
        with Case("fail") as case:
            relay = setting(case)
            before = own_calls(case, "sendmail", ARGS, call, MESSAGE)
            case.flush("--all")
            relay.restart()
            number, more = int(str(when).rstrip("+")), "+" if str(when).endswith("+") else ""
            started = relay.mark()
            result, _ = traced(case, "sendmail", *ARGS, feed=MESSAGE,
                                   inject=[f"{call}:error={error}:when={before + number}{more}"])
            check(result.code in (0, *codes), f"exit {result.code}: {result.err!r}")
            entries = case.entries()
            if result.code == 0:
                same("entries", len(entries), 1)
            else:
                check(re.match(r"sendmail: [ -~]+\n", result.err), f"stderr {result.err!r}")
                maybe = "may be" in result.err
                check(not entries or maybe, f"exit {result.code}, yet held: {result.err!r}")
                same("in tmp/", [] if maybe else os.listdir(os.path.join(case.hold, "tmp")), [])
            count = len(entries)
            case.flush("--all")
            same("delivered", len(relay.accepted(started)), count)
    return f"sendmail: {call} {when} fails with {error}", run


def failing_flush(call, error, when):
    """A call of flushq fails: the message is delivered, or held; never lost."""
    def run():
        with Case("fail") as case:
            relay = setting(case)
            before = own_calls(case, "flushq", ("--all",), call)
            number, more = int(str(when).rstrip("+")), "+" if str(when).endswith("+") else ""
            same("exit", case.send(*ARGS).code, 0)
            traced(case, "flushq", "--all",
                   inject=[f"{call}:error={error}:when={before + number}{more}"])
            case.wait_quiet()
            first = len(relay.accepted())
            case.flush("--all")
            same("held", (case.entries(), case.entries("failed")), ([], []))
            total = len(relay.accepted())
            check(1 <= total <= 2, f"{first} copies, then {total}")
    return f"flushq: {call} {when} fails with {error}", run


def dead_without_a_process(mode):
    """While its relay is known as dead sendmail starts nothing, and the entry is as after a try
    by flushq."""
    def run():
        with Case("known dead") as case, socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            case.configure({"host": "127.0.0.1", "port": deaf.getsockname()[1]},
                           conf={"delivery.mode": mode})
            case.send(*ARGS)
            first, = case.entries()
            case.wait_quiet()
            known = case.log()
            result, calls = traced(case, "sendmail", *ARGS, feed=MESSAGE, follow=True)
            same("end", (result.code, result.err), (0, ""))
            same("processes", [c for c in calls if re.fullmatch("v?fork|clone3?|connect", c[0])
                               and "AF_UNIX" not in c[1]], [])
            second, = set(case.entries()) - {first}
            case.send("-odq", *ARGS)
            third, = set(case.entries()) - {first, second}
            case.run("flushq", third, argv0="flushq first")
            held = {e["queue_id"]: (e["attempts"], e["recipients"]) for e in case.listing()}
            same("as after a try", held[second], held[third])
            log = case.log()[len(known):]
            same("log", *[re.sub(i + r"|msgid=\S+|\w{3} .*?\]:|\S*T\S*", "", "\n".join(
                line for line in log.splitlines() if i in line)) for i in (second, third)])
    return f"mode {mode}: a relay known as dead starts no process", run


def tls_only_to_send():
    """The program with TLS is started when a server is to be asked, and not to find that out."""
    with Case("no TLS") as case, socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        case.configure({"host": "127.0.0.1", "port": deaf.getsockname()[1],
                        "security": "starttls"}, conf={"delivery.mode": "hold"})
        case.send(*ARGS)
        entry, = case.entries()
        for args, wanted, name in ((["--all"], True, None), ([], False, None),
                                   ([entry], False, "flushq first"),
                                   ([entry], True, None), (["--all"], True, None)):
            result, calls = traced(case, "flushq", *args, name=name)
            same(f"end of {args}", (result.code, result.out, result.err), (0, "", ""))
            loads = any(c[0] == "openat" and "gnutls" in c[1] and c[2] != "-1" for c in calls)
            same(f"TLS, flushq {args}", loads, wanted)
            same("held", case.entries(), [entry])
        case.run("flushq", "--remove", entry)
        _, calls = traced(case, "flushq")
        check(not any("gnutls" in c[1] for c in calls), "TLS for an empty hold")


def list_left_to_who_sends():
    """The program without TLS looks no further than to the first entry that asks a server: the
    other one makes the list."""
    with Case("the list") as case, socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        case.configure({"host": "127.0.0.1", "port": deaf.getsockname()[1],
                        "security": "starttls"}, conf={"delivery.mode": "hold"})
        for _ in range(5):
            case.send(*ARGS)
        _, calls = traced(case, "flushq", "--all")
        then = max(i for i, c in enumerate(calls) if c[0] == "execve")
        same("looked at", [[re.search(r"[0-9A-F]{12}", c[1])[0] for c in part
                            if c[0] == "openat" and re.search(r"hold>, \"[0-9A-F]{12}\"", c[1])
                            and "O_RDONLY" in c[1]] for part in (calls[:then], calls[then:])],
             [case.entries()[:1], case.entries()])


def dead_read_once():
    """Of many entries whose server is found dead one is taken in hand."""
    with Case("many, dead") as case, socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        case.configure({"host": "127.0.0.1", "port": deaf.getsockname()[1]},
                       conf={"delivery.mode": "hold"})
        for i in range(8):
            case.send("-f", "a@src.example", f"b{i}@dest.example")
        case.flush("--all")
        reasons = case.listing()
        odd = case.entries()[3]
        case.run("flushq", "--freeze", odd)
        case.run("flushq", "--thaw", odd)
        _, calls = traced(case, "flushq", "--all")
        entry = rf"<{re.escape(os.path.realpath(case.hold))}/hold/[0-9A-F]{{12}}>"
        same("locks", len([c for c in calls if c[0] == "flock" and re.search(entry, c[1])]), 1)
        # The list, and twice the one that is tried: state, message for the log.
        reads = [c for c in calls if c[0] == "pread64" and re.search(entry, c[1])]
        check(len(reads) <= 8 + 5, f"{len(reads)} reads")
        same("connections", len([c for c in calls if c[0] == "connect" and "AF_INET" in c[1]]), 1)
        same("as they were", case.listing(), reasons)


def nobody_looked_up():
    """To send a user's own mail nobody is looked up: the users of a host may be on a server."""
    with Case("nobody") as case:
        setting(case)
        case.send(*ARGS)
        result, calls = traced(case, "flushq", "--all")
        same("end", (result.code, result.err, case.entries()), (0, "", []))
        same("asked for", [c for c in calls if re.search(r'nscd/socket|/etc/(passwd|group)"', c[1])],
             [])


def one_read_an_entry():
    """Of many: whoever only lists them, or finds none due, opens each, reads it, and closes it."""
    with Case("looked at") as case:
        setting(case)
        for _ in range(3):
            same("exit", case.send(*ARGS, feed=MESSAGE).code, 0)
        case.run("flushq", "--freeze", *case.entries())
        for program in ("mailq", "flushq"):
            result, calls = traced(case, program)
            same("exit", result.code, 0)
            for ident in case.entries():
                same(f"{program}: calls", [c[0] for c in calls if f"{ident}" in c[1]
                                           and c[0] != "write"], ["openat", "pread64", "close"])


def rename_fallback():
    """A file system that cannot rename without replacing."""
    with Case("noreplace") as case:
        relay = setting(case)
        result, calls = traced(case, "sendmail", *ARGS, feed=MESSAGE,
                               inject=["renameat2:error=EINVAL"])
        same("end", (result.code, result.err), (0, ""))
        same("entries", len(case.entries()), 1)
        case.flush("--all")
        same("delivered", len(relay.accepted()), 1)


JOBS = [
    ("entry: written, synced, renamed, folder synced, exit 0", publish),
    mark_before_quit(False),
    mark_before_quit(True),
    ("one sync for all recipients", marks_of_each),
    ("one sync for all messages of a flight", marks_of_a_flight),
    ("one write a flight", one_write_a_flight),
    ("115 killed between the mark and its sync", killed_after_mark),
    ("TLS is loaded to send, not to look", tls_only_to_send),
    ("the list is left to who sends", list_left_to_who_sends),
    ("nobody is looked up to send one's own mail", nobody_looked_up),
    ("a dead relay: one entry of many is taken in hand", dead_read_once),
    dead_without_a_process("now"),
    dead_without_a_process("background"),
    ("an entry that is looked at costs one read", one_read_an_entry),
    ("rename without replacing is not to be had", rename_fallback),
    *[killed_publishing(call, when) for call, when in (
        ("write", 1), ("write", 2), ("pwrite64", 1), ("fsync", 1), ("fsync", 2), ("fdatasync", 1),
        ("renameat2", 1), ("linkat", 1), ("flock", 1), ("exit_group", 1))],
    *[killed_sending(call, when) for call, when in (
        ("connect", 1), ("sendto", 1), ("sendto", 2), ("sendto", 3), ("sendto", 4),
        ("recvfrom", 3), ("recvfrom", 4), ("pwrite64", 1), ("pwrite64", 2), ("pwrite64", 3),
        ("fdatasync", 1), ("unlinkat", 1), ("unlinkat", 2), ("fsync", 1), ("exit_group", 1))],
    *[failing(call, error, when) for call, error, when in (
        ("write", "ENOSPC", 1), ("write", "EIO", 2), ("pwrite64", "EIO", 1),
        ("fsync", "EIO", 1), ("fsync", "EIO", 2), ("fsync", "EIO", "1+"), ("fsync", "ENOSPC", 1),
        ("fdatasync", "EIO", 1), ("renameat2", "ENOSPC", 1), ("renameat2", "EDQUOT", 1),
        ("renameat2", "EIO", "1+"), ("openat", "ENFILE", 2),
        *[("openat", "EMFILE", f"{n}+") for n in range(1, 8)],
        *[("close", "EIO", n) for n in range(1, 8)], ("flock", "ENOLCK", 1),
        ("fstatfs", "EIO", 1))],
    *[failing_flush(call, error, when) for call, error, when in (
        ("pwrite64", "EIO", 1), ("pwrite64", "ENOSPC", 2), ("fdatasync", "EIO", 1),
        ("unlinkat", "EIO", 1), ("unlinkat", "EACCES", "1+"), ("fsync", "EIO", 1),
        ("socket", "EMFILE", 1), ("socket", "ENFILE", "1+"), ("connect", "ENETUNREACH", 1),
        ("flock", "ENOLCK", 1), ("pread64", "EIO", 2), ("recvfrom", "ECONNRESET", 4),
        ("sendto", "EPIPE", 2), *[("openat", "EMFILE", f"{n}+") for n in range(1, 9)])],
]


def works():
    """Can a program be traced here?"""
    strace = shutil.which("strace")
    return strace and subprocess.run([strace, "-o", "/dev/null", "true"], capture_output=True,
                                     timeout=20, check=False).returncode == 0


def no_strace():
    raise Skip("no strace, or it may not trace here")


run_all(JOBS if works() else [("all", no_strace)])
