#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""An entry that was damaged on the disk, wherever: no server is given all of it, it goes to
corrupt/ and into the log, the others of the run are delivered, and no server is blamed."""

import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403

PIECE = 65536  # hold/entry
HEAD, SLOT, TRAILER = 512, 256, 64
SMALL, LARGE = 2000, 3 * PIECE + 1000
WORDS = b"The quick brown fox jumps over the lazy dog, again and again, all day.\n"
UMLAUTS = "Über Öl und Äpfel: größer als süß, öfter als übel, und so weiter fort.\n".encode()


def text(size, line):
    return (b"From: a@src.example\nTo: b@dest.example\nSubject: to be damaged\n"
            b"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
            b"Content-Transfer-Encoding: 8bit\n\n" + line * (size // len(line)))


class Held:
    """The file of an entry, and where its parts are."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as file:
            self.bytes = file.read()
        self.slots = HEAD + SLOT
        self.message = self.bytes.index(b"\n\n", self.slots) + 2
        self.end = len(self.bytes) - TRAILER

    def write(self, data):
        with open(self.path, "wb") as file:
            file.write(data)

    def flip(self, at, bit=1):
        data = bytearray(self.bytes)
        data[at] ^= bit
        self.write(data)

    def places(self):
        """Where a bit is turned: name, place."""
        yield "sender", self.bytes.index(b"a@src", self.slots) + 2
        yield "recipient", self.bytes.index(b"b@dest", self.slots) + 2
        yield "first byte", self.message
        yield "header", self.bytes.index(b"damaged", self.message)
        yield "end of the header", self.bytes.index(b"\r\n\r\n", self.message) + 1
        for n in range(self.slots + PIECE, self.end, PIECE):
            yield f"end of piece {n // PIECE}", n - 1
            yield f"piece {n // PIECE + 1}", n
        yield "line end", self.bytes.rindex(b"\r\n", 0, self.end - 90)
        yield "in the last piece", self.end - 40
        yield "last byte", self.end - 1
        yield "length", self.end + 20
        yield "checksum", len(self.bytes) - 25

    def damages(self):
        for name, at in self.places():
            yield f"a bit in {name}", lambda at=at: self.flip(at)
        size = re.search(rb"\nsize (\d+) ", self.bytes)
        for change in (-1, 1, PIECE):
            number = b"%d" % (int(size.group(1)) + change)
            yield f"size {change:+}", lambda number=number: self.write(
                self.bytes[:size.start(1)] + number.ljust(len(size.group(1))) +
                self.bytes[size.start(1) + max(len(number), len(size.group(1))):])
        for cut in (1, TRAILER, TRAILER + 1, 900):
            yield f"{cut} bytes less", lambda cut=cut: self.write(self.bytes[:-cut])
        middle = self.message + 500
        yield "a byte more", lambda: self.write(
            self.bytes[:middle] + b"x" + self.bytes[middle:])
        yield "a byte less", lambda: self.write(self.bytes[:middle] + self.bytes[middle + 1:])


def damaged(name, size, line, *options, converted=False):
    """Each damage, between two entries that are right."""
    message = text(size, line)

    def run():
        with Case("damage") as case:
            relay = case.relay(*options)
            case.configure({"port": relay.port, "connections": "1"},
                           conf={"delivery.mode": "hold"})
            seen, known = 0, None
            while known is None or seen < len(known):
                for to in "xyz":
                    case.send("-f", "a@src.example", f"{to}@other.example" if to != "y" else
                              "b@dest.example", message=message)
                victim, = (e["queue_id"] for e in case.listing()
                           if e["recipients"][0]["address"] == "b@dest.example")
                held = Held(os.path.join(case.hold, "hold", victim))
                todo = list(held.damages())
                known = known or [n for n, _ in todo]
                what, damage = todo[seen]
                since, log = len(relay.accepted()), len(case.log())
                damage()
                same(f"{what}: exit", case.run("flushq", "--all").code, 0)
                got = relay.accepted()[since:]
                same(f"{what}: delivered to", sorted(r["address"] for m in got for r in m["recipients"]),
                     ["x@other.example", "z@other.example"])
                same(f"{what}: rooms", (case.entries(), case.entries("failed"),
                                        case.entries("corrupt")), ([], [], [victim]))
                match(f"{what}: log", f"{victim}: .*damaged", case.log()[log:])
                check("unusable" not in case.log()[log:], f"{what}: the server is blamed")
                check(not any(n.startswith("server.") for n in os.listdir(
                    os.path.join(case.hold, "state"))), f"{what}: the server is remembered")
                os.unlink(os.path.join(case.hold, "corrupt", victim))
                seen += 1
    return name, run


def refused(command, reply):
    """A refusal of what is damaged is none of the message that was handed in."""
    def run():
        with Case("refused") as case:
            relay = case.relay("--on", f"{command} reply {reply}", *(() if command == "DATA" else ("--with", "CHUNKING")))
            case.configure({"port": relay.port}, conf={"delivery.mode": "hold"})
            for size in (SMALL, LARGE):
                case.send(*ARGS, message=text(size, WORDS))
                victim, = case.entries()
                held = Held(os.path.join(case.hold, "hold", victim))
                held.flip(held.end - 40)
                same("exit", case.run("flushq", "--all").code, 0)
                same("rooms", (case.entries(), case.entries("failed"),
                               case.entries("corrupt")), ([], [], [victim]))
                os.unlink(os.path.join(case.hold, "corrupt", victim))
            case.send(*ARGS, message=text(LARGE, WORDS))
            case.flush("--all")
            same("a sound one: failed", len(case.entries("failed")) > 0, True)
    return f"damaged, and {command} is refused", run


def sorts(room):
    """What may have become of an entry: name, the damage, whether a look tells of it, and where it
    is when all that can be sent is sent (None: it is)."""
    def held(ident):
        return Held(os.path.join(room, ident))

    def cut(size):
        return lambda i: held(i).write(held(i).bytes[:size])

    def instead(make):
        def put(ident):
            os.unlink(os.path.join(room, ident))
            make(os.path.join(room, ident))
        return put

    def second(ident):
        return f"{int(ident, 16) ^ 1 << 40:012X}"

    yield "a bit in the body", lambda i: held(i).flip(held(i).end - 40), False, "corrupt"
    yield "a bit in the checksum", lambda i: held(i).flip(held(i).end + 40), False, "corrupt"
    yield "a bit in the sender", lambda i: held(i).flip(held(i).slots + 3, 128), True, "corrupt"
    yield "a bit in a slot", lambda i: held(i).flip(HEAD, 128), True, "corrupt"
    yield "a bit in the head", lambda i: held(i).flip(40, 128), True, "corrupt"
    yield "no body", lambda i: cut(held(i).message)(i), False, "corrupt"
    yield "half an envelope", cut(HEAD + SLOT + 9), True, "corrupt"
    yield "half a slot", cut(HEAD + 9), True, "corrupt"
    yield "half a head", cut(99), True, "corrupt"
    yield "nothing", cut(0), True, "corrupt"
    yield "garbage", lambda i: held(i).write(os.urandom(3000)), True, "corrupt"
    yield "another id in it", lambda i: held(i).write(
        held(i).bytes.replace(i.encode(), b"0123456789AB", 1)), True, "corrupt"
    yield "a name elsewhere", lambda i: os.link(
        os.path.join(room, i), os.path.join(room, "..", "other")), False, None
    yield "a second name", lambda i: os.link(
        os.path.join(room, i), os.path.join(room, second(i))), False, None
    yield "a folder", instead(os.mkdir), True, "hold"
    yield "a pipe", instead(os.mkfifo), True, "hold"
    yield "a link to nothing", instead(lambda path: os.symlink("/nonexistent", path)), True, "hold"
    yield "a link to a file", instead(lambda path: os.symlink("/etc/passwd", path)), True, "hold"


def of_all_sorts():
    """Between as many that are sound: a look tells of each once, and shows the others; whether the
    server is there or not, each is told of and logged once in a run, and put where it belongs; the
    others wait, and are sent."""
    with Case("all sorts") as case:
        relay = case.relay()
        case.configure({"port": relay.port}, conf={"delivery.mode": "hold"})
        room = os.path.join(case.hold, "hold")
        kinds = list(sorts(room))
        for i in range(2 * len(kinds)):
            case.send("-f", "a@src.example", f"b{i}@dest.example", message=text(SMALL, WORDS))
        listed = {e["queue_id"]: e["recipients"][0]["address"] for e in case.listing()}
        idents = case.entries()
        harmed = dict(zip(idents[::2], kinds))
        for ident, (_, damage, _, _) in harmed.items():
            damage(ident)
        seen = sorted(i for i, (_, _, told, _) in harmed.items() if told)

        def told(program, *args):
            """The ids in its lines on stderr, one each."""
            result = case.run(program, *args)
            lines = result.err.splitlines()
            ids = [re.match(rf"{program}: ([0-9A-F]{{12}}): ", line)[1] for line in lines]
            return result, sorted(ids)

        def logged():
            return sorted(re.search(r"[0-9A-F]{12}", line)[0] for line in case.log().splitlines()
                          if "damaged" in line or "cannot" in line)

        for args in ((), ("--json",), ("--summary",)):
            result, ids = told("mailq", *args)
            same(f"mailq {args}: told of", ids, seen)
            check(result.code != 0, "mailq: exit 0")
            if args == ("--json",):
                same("listed", sorted(json.loads(x)["queue_id"] for x in result.out.splitlines()),
                     sorted(set(idents) - set(seen)))
        same("mailq changes nothing", case.entries("corrupt"), [])
        relay.stop()
        result, ids = told("flushq", "--all")
        same("relay down", (result.code, ids, logged()), (0, seen, seen))
        now = [i for i in seen if harmed[i][3] == "corrupt"]
        same("corrupt", sorted(case.entries("corrupt")), now)
        result, ids = told("mailq", "--json")
        same("wait for a reason", [
            (e["queue_id"], e["recipients"][0].get("cause"), e["attempts"])
            for e in map(json.loads, result.out.splitlines())],
            [(i, "connection-refused", 0) for i in idents if i not in seen])
        relay.restart()
        result, ids = told("flushq", "--all")
        same("relay up: exit", result.code, 0)
        same("told of", ids, sorted(i for i, (_, _, _, end) in harmed.items() if end and i not in now))
        same("sent", sorted(r["address"] for m in relay.accepted() for r in m["recipients"]),
             sorted(a for i, a in listed.items() if i not in harmed or harmed[i][3] is None))
        case.run("flushq", "--all")  # a second name is seen to be none
        ends = {room: sorted(i for i, (_, _, _, end) in harmed.items() if end == room)
                for room in ("hold", "corrupt")}
        same("left", case.entries(), ends["hold"])
        same("corrupt in the end", sorted(set(case.entries("corrupt")) & set(idents)),
             ends["corrupt"])
        same("failed", case.entries("failed"), [])


run_all([
    ("of all sorts", of_all_sorts),
    damaged("DATA, small", SMALL, WORDS),
    damaged("DATA, large", LARGE, WORDS),
    damaged("BDAT, small", SMALL, WORDS, "--with", "CHUNKING"),
    damaged("BDAT, large", LARGE, WORDS, "--with", "CHUNKING"),
    damaged("DATA, without PIPELINING", LARGE, WORDS, "--without", "PIPELINING"),
    damaged("DATA, converted, small", SMALL, UMLAUTS, "--without", "8BITMIME,SMTPUTF8"),
    damaged("DATA, converted, large", LARGE, UMLAUTS, "--without", "8BITMIME,SMTPUTF8"),
    damaged("BDAT, converted, large", LARGE, UMLAUTS, "--without", "8BITMIME,SMTPUTF8",
            "--with", "CHUNKING"),
    refused("MAIL", "550 no"),
    refused("RCPT", "550 no"),
    refused("DATA", "550 no"),
])
