# SPDX-License-Identifier: GPL-3.0-or-later
"""The hold as its file format describes it, read without the programs under test."""

import os
import re
import zlib

HEAD, LINE, SLOT, TRAILER = 512, 32, 256, 64
ROOMS = ("tmp", "hold", "failed", "corrupt", "state")


class Entry:
    """One file. damage: what is wrong with it, or an empty text."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        self.id = os.path.basename(path)
        self.head, self.sender, self.states, self.damage = {}, None, {}, ""
        try:
            self._parse()
        except (ValueError, IndexError, KeyError) as why:
            self.damage = f"{type(why).__name__}: {why}"

    def _parse(self):
        lines = [self.data[i:i + LINE] for i in range(0, HEAD, LINE)]
        for line in lines:
            if len(line) != LINE or line[-1:] != b"\n":
                raise ValueError(f"head line {line!r}")
            key, _, value = line.decode("ascii").strip().partition(" ")
            self.head[key] = value
        if self.head["id"] != self.id:
            raise ValueError(f"it says that it is {self.head['id']}")
        count = int(self.head["recipients"])
        begin = HEAD + count * SLOT
        end = begin + int(self.head["envelope"]) + int(self.head["size"])
        envelope = self.data[begin:begin + int(self.head["envelope"])].decode(
            "utf-8", "surrogateescape").split("\n")
        recipients = [x[5:] for x in envelope if x.startswith("rcpt ")]
        self.sender = [x[7:] for x in envelope if x.startswith("sender ")][0]
        if len(recipients) != count:
            raise ValueError(f"{count} slots for {len(recipients)} recipients")
        for number, address in enumerate(recipients):
            slot = self.data[HEAD + number * SLOT:HEAD + (number + 1) * SLOT]
            if not re.fullmatch(rb"[WDF][ *]\d{3}[ :][^\x00-\x1f]{249}\n", slot):
                raise ValueError(f"slot {slot!r}")
            self.states[address] = slot[:1].decode()
        crc = zlib.crc32(self.data[begin:end])
        trailer = f"postern-end {end - begin:020d} {crc:08X}".encode()
        if self.data[end:].rstrip() != trailer or len(self.data) != end + TRAILER:
            raise ValueError(f"trailer {self.data[end:]!r}, wanted {trailer!r}")

    def is_report(self):
        return self.sender == ""

    def is_frozen(self):
        return self.head["frozen"] != "0"

    def text(self):
        return (self.sender, tuple(sorted(self.states.items())), self.is_frozen())


def set_head(path, **values):
    """Writes numbers into the head of an entry, in place."""
    with open(path, "r+b") as file:
        for at in range(0, HEAD, LINE):
            file.seek(at)
            key = file.read(LINE).split(b" ", 1)[0].decode()
            if key in values:
                file.seek(at)
                file.write(f"{key} {values[key]}".ljust(LINE - 1).encode() + b"\n")


def read_room(hold, room):
    folder = os.path.join(hold, room)
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    return [Entry(os.path.join(folder, n)) for n in names if re.fullmatch(r"[0-9A-F]{12}", n)]


def names_in(hold, room):
    try:
        return sorted(os.listdir(os.path.join(hold, room)))
    except FileNotFoundError:
        return []
