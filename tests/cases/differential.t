#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ten thousand messages by chance (messages.py): what mail/message makes of them, by way of
$BUILD/tests/extract, against what they were made to mean and against both parsers of Python's
email package. A tenth is spoiled: nobody knows what these mean, and only the parsers are compared.

Each difference must be one of the list DIFFERENCES below, with its reason.

Environment: BUILD; COUNT and SEED for other messages; VERBOSE=1 counts the differences.
"""

import collections
import email
import email.policy
import email.utils
import io
import os
import quopri
import re
import subprocess
import sys
from base64 import b64decode
from functools import partial

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

# pylint: disable=wrong-import-position
from harness import BUILD, VERBOSE, check, run_all
from messages import Maker

COUNT = int(os.environ.get("COUNT", "10000"))
SEED = int(os.environ.get("SEED", "1"))
DOMAIN = "harness.example"
SHOWN = 3  # of the messages that are wrong in the same way

WORD = re.compile(r"=\?([^?\s]+)\?([bBqQ])\?([^?\s]*)\?=")


# What messages are made of

class Message:
    """One of them: its bytes, what it means, what came out, and what Python makes of it."""

    def __init__(self, maker):
        self.kinds = set()
        self.recipients = []
        self.fields = []  # (name, value with folds), the Bcc fields too
        self.spoiled = False
        for name in maker.r.sample(("To", "Cc", "Bcc"), maker.r.choice((1, 1, 1, 2, 3))):
            self.add_addresses(maker, name)
        if maker.often(0.5):
            self.fields.insert(0, ("From", " " + maker.pick(
                "Ann <a@src.example>", "a@src.example (Ann)", "J\u00fcrgen <a@src.example>")))
        for name in ("Subject", "X-Text"):
            if maker.often(0.7):
                self.fields.insert(maker.r.randrange(len(self.fields) + 1),
                                   (name, maker.pick(" ", "", "\n ") + "x " + maker.text()))
        self.body = maker.body()
        self.bytes = self.write(maker)
        self.refused = self.found = self.final = self.facts = None

    def add_addresses(self, maker, name):
        field, meanings, kinds = maker.address_field(name)
        name, _, value = field.partition(":")
        if maker.often(0.1) and not self.spoiled and value.strip():
            self.spoiled, value = True, maker.spoil(value).rstrip("\n")
        self.kinds |= kinds
        self.recipients += meanings
        self.fields.append((name, value))

    def write(self, maker):
        lines = []
        if maker.often(0.03):
            lines.append("From boss@src.example Sat Nov 21 20:00:00 2026")
        for name, value in self.fields:
            blank = ""
            if maker.often(0.005):
                self.kinds.add("blank before colon")
                blank = " "
            if re.search(r"\n[ \t]*(\n|$)", value):
                self.kinds.add("line of blanks")
            if re.search(r"\n[^ \t]", value):  # only if it is spoiled
                self.kinds.add("broken fold")
            lines += (name + blank + ":" + value).split("\n")
        if maker.often(0.02):
            self.kinds.add("no blank line")
            self.body = "This is no field\n" + self.body
        else:
            lines.append("")
        lines += self.body.split("\n")
        end = maker.pick(["\n"], ["\n"], ["\r\n"], ["\n", "\r\n"])
        text = "".join(line + maker.pick(*end) for line in lines[:-1]) + lines[-1]
        return text.encode()

    def take(self, stream):
        """What extract says of it."""
        words = stream.readline().decode("utf-8", "replace").split(" ", 1)
        if words[0] == "refused":
            self.refused = words[1].strip()
            return
        check(words[0] == "taken", f"extract said {words}")
        count, size, longest, body8, header8 = (int(w) for w in words[1].split())
        self.found = [canonical(stream.readline().decode().rstrip("\n")) for _ in range(count)]
        self.final = stream.read(size)
        self.facts = {"size": size, "longest": longest, "body8": body8, "header8": header8}

    def values(self, *names):
        """The fields of these names as Python sees them, unfolded."""
        parsed = email.message_from_bytes(self.bytes)
        return [re.sub(r"\r?\n(?=[ \t])", "", utf8(value)) for name, value in parsed.raw_items()
                if name.lower() in names]


def utf8(text):
    return text.encode("ascii", "surrogateescape").decode("utf-8", "surrogateescape")


def canonical(mailbox):
    """(local-part without its quotes, domain); the domain is empty for a bare name."""
    local, at, domain = mailbox.rpartition("@")
    if not at or mailbox.endswith('"'):
        local, domain = mailbox, ""
    if len(local) > 1 and local[0] == local[-1] == '"':
        local = re.sub(r"\\(.)", r"\1", local[1:-1], flags=re.S)
    return local, domain.lower()


_messages = []


def messages():
    """All of them, with what came out; made once."""
    if not _messages:
        maker = Maker(SEED)
        made = [Message(maker) for _ in range(COUNT)]
        feed = b"".join(b"%d\n" % len(m.bytes) + m.bytes for m in made)
        path = os.path.join(BUILD, "tests", "extract")
        done = subprocess.run([path], input=feed, stdout=subprocess.PIPE, timeout=600, check=True)
        stream = io.BytesIO(done.stdout)
        for message in made:
            message.take(stream)
        check(not stream.read(), "extract said too much")
        _messages.extend(made)
    return _messages


# The two parsers of Python

def lenient(values):
    """Display names and addresses as getaddresses sees them."""
    try:
        found = email.utils.getaddresses(values, strict=False)
    except TypeError:  # before 3.11.10
        found = email.utils.getaddresses(values)
    return [(name, canonical(address)) for name, address in found if name or address]


def getaddresses(values):
    return [address for _, address in lenient(values)], []


def registry(values):
    """The addresses and the defects that it sees, or None and why it failed."""
    found, defects = [], []
    for value in values:
        try:
            header = email.policy.default.header_factory("To", value)
            found += [(a.username, a.domain.lower()) for a in header.addresses]
        except Exception as why:  # pylint: disable=broad-except
            return None, [f"{type(why).__name__}: {why}"]
        defects += [str(d) for d in header.defects]
    return found, defects


# Where we differ, and why. Each has a function of the message, of its address fields without
# their quoted strings and comments, of what Python found (None: it failed) and of its defects.

STRING = re.compile(r'"(?:\\.|[^"\\])*"', re.S)


def outside(values):
    """A box in place of each quoted string, a blank in place of each comment."""
    text, at, kept = "\n".join(values), 0, ""
    while at < len(text):
        string = STRING.match(text, at)
        end = comment_end(text, at) if text[at] == "(" else at
        if string:
            kept, at = kept + "\u25a1", string.end()
        elif end > at:
            kept, at = kept + " ", end
        else:
            kept, at = kept + text[at], at + 1
    return kept


def comment_end(text, at):
    """Behind the comment that begins there; if it has no end, there."""
    start, depth = at, 0
    while at < len(text):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 2 if text[at] == "\\" else 1
        if depth == 0:
            return at
    return start


OBSOLETE = re.compile("obsolete|dot-atom .contains CFWS|with no content|period in|without atom|"
                      "no domain|non-ASCII")


def malformed(text, defects):
    """Not only in a way that RFC 5322 calls obsolete."""
    return (re.search(r'[()"]|<[^>]*<|(^|[,>])[^<,]*>', text, re.M)
            or any(not OBSOLETE.search(d) for d in defects))


DIFFERENCES = (
    ("a blank before the colon", "Python takes the line for the beginning of the body",
     lambda m, text, theirs, defects: "blank before colon" in m.kinds),
    ("a line of blanks", "ends the header, as its writer surely meant; Python has it as a fold",
     lambda m, text, theirs, defects: "line of blanks" in m.kinds),
    ("a line that begins with a colon", "begins the body; Python has it as a field without name",
     lambda m, text, theirs, defects: m.spoiled and "broken fold" in m.kinds),
    ("headerregistry fails", "on some group names, phrases and dots: nothing to compare with",
     lambda m, text, theirs, defects: theirs is None),
    ("an empty address for a group", "is what headerregistry says since Python 3.14 where it failed",
     lambda m, text, theirs, defects: "invalid address in address-list" in defects
     and [a for a in theirs if a != ("", "")] == m.found),
    ("a route", "its relays are no recipients; getaddresses counts them if a name is before it",
     lambda m, text, theirs, defects: re.search(r"@[^<>]*,\s*@[^<>]*:", text)),
    ("a quoted name alone", "getaddresses takes an @ in it for that of an address",
     lambda m, text, theirs, defects: "@ in a bare name" in m.kinds or m.spoiled
     and any(local.find("@") >= 0 and not domain for local, domain in m.found or ())),
    ("an empty address", "is what headerregistry has where dots are in a row, and more",
     lambda m, text, theirs, defects: ("", "") in theirs and (m.spoiled or ".." in text
                                                             or re.search(r"\.@|[\s<,]\.", text))),
    # The rest: only what is spoiled.
    ("refused: malformed", "Python guesses; a wrong guess would be somebody else's mail",
     lambda m, text, theirs, defects: m.spoiled and m.refused and malformed(
         text, registry(m.values("to", "cc", "bcc"))[1])),
    ("refused: a control byte", "a backslash may not protect the end of a line",
     lambda m, text, theirs, defects: m.spoiled and "control byte" in (m.refused or "")),
    ("refused: no domain", "Python does not look at names and literals behind the @",
     lambda m, text, theirs, defects: m.spoiled and "is not a domain" in (m.refused or "")),
    ("blanks at dots", "RFC 5322 section 4.4 allows them; here a blank separates addresses",
     lambda m, text, theirs, defects: m.spoiled and re.search(r"\.\s|\s\.", text)),
    ("blanks or ; between addresses", "separate them, as in other sendmails",
     lambda m, text, theirs, defects: m.spoiled and m.found is not None
     and len(m.found) > len(theirs) and re.search(r"[^\s,:<(]\s+[^\s,;:>)]|;", text)),
    ("a backslash outside quotes", "protects the next byte and goes; Python keeps it",
     lambda m, text, theirs, defects: m.spoiled and "\\" in text),
    ("a dot behind the domain", "is that of the root: dropped",
     lambda m, text, theirs, defects: m.spoiled and re.search(r"\.\s*([>,;\s]|$)", text)),
    ("a quoted string at a word", "is one local-part with it; Python drops one of them",
     lambda m, text, theirs, defects: m.spoiled
     and re.search(r"\u25a1[^\s@,;:<>]|[^\s@,;:<>]\u25a1", text)),
    ("a word beside an address", "is a name, or belongs to nothing; Python joins the two",
     lambda m, text, theirs, defects: m.spoiled and m.found is not None
     and len(m.found) == len(theirs)
     and (any(re.search(r"\s", a[0]) for a in theirs)
          or re.search(r"@[^\s,;:<>]*\s+[^\s,;:<>@]", text))),
    ("an encoded word as a local-part", "is none; headerregistry decodes it",
     lambda m, text, theirs, defects: m.spoiled and any(
         a[0].startswith("=?") and a[0].endswith("?=") for a in m.found or ())),
    ("an address before <>", "is a display name; Python makes two addresses of it",
     lambda m, text, theirs, defects: m.spoiled and re.search(r"@[^,<>]*<", text)),
)


def compare(parser):
    """Our recipients against those of one of Python's parsers."""
    counts, wrong = collections.Counter(), []
    for m in messages():
        values = m.values("to", "cc", "bcc")
        theirs, defects = parser(values)
        if m.found == theirs:
            continue
        text = outside(values)
        for name, _, holds in DIFFERENCES:
            if holds(m, text, theirs, defects):
                counts[name] += 1
                break
        else:
            wrong.append(f"{values}\n  ours   {m.refused or m.found}\n  theirs {theirs} {defects}")
    if VERBOSE:
        print("".join(f"     {counts[name]:6} {name}: {why}\n"
                      for name, why, _ in DIFFERENCES if counts[name]), end="")
    tell(wrong)


def tell(wrong):
    check(not wrong, f"{len(wrong)} of {COUNT} (SEED={SEED}):\n" + "\n".join(wrong[:SHOWN]))


def meaning():
    """What was written is what is found."""
    wrong = []
    for m in messages():
        due = [(local, domain.lower()) for local, domain in m.recipients]
        if not m.spoiled and "line of blanks" not in m.kinds and m.found != due:
            wrong.append(f"{m.fields}\n  ours   {m.refused or m.found}\n  wanted {due}")
    tell(wrong)


# The final form

def undo(found):
    """The text of an encoded word."""
    charset, code, data = found.groups()
    data = data.encode("ascii")
    data = b64decode(data) if code in "bB" else quopri.decodestring(data, header=True)
    return data.decode(charset, "surrogateescape")


def plain(text):
    """Encoded words undone (RFC 2047), blanks between two of them gone, others as one."""
    text = re.sub(rf"({WORD.pattern})\s+(?={WORD.pattern})", r"\1", text)
    # A comment of encoded words may begin with a blank, where the line can be folded.
    return re.sub(r"\(\s+", "(", re.sub(r"\s+", " ", WORD.sub(undo, text))).strip()


def people(value):
    """Display names, without blanks (there may be something between that Python has dropped),
    and whole addresses. A word beyond ASCII without a domain becomes a name with no address."""
    return [(re.sub(r"\s", "", plain(name)), local, ascii_domain(domain) or DOMAIN)
            for name, (local, domain) in lenient([value]) if domain or local.isascii()]


def ascii_domain(domain):
    """With the A-labels that a name gets where its relay may not know the others."""
    return ".".join(x if x.isascii() else x.encode("idna").decode() for x in domain.split("."))


def same_value(name, before, after):
    if name.lower() in ("from", "to", "cc"):
        old, new = people(before), people(after)
        # Python takes names from comments otherwise once a domain beside them is ASCII.
        if any(not domain.isascii() for _, (_, domain) in lenient([before])):
            old, new = [x[1:] for x in old], [x[1:] for x in new]
        return old == new
    return plain(before) == plain(after)


def ordinary():
    """Those that are taken and whose header Python sees as we do."""
    for m in messages():
        if m.final is not None and not m.kinds & {"line of blanks", "blank before colon",
                                                  "broken fold"}:
            yield m


def fields(data):
    return [(name, re.sub(r"\r?\n(?=[ \t])", "", utf8(value)))
            for name, value in email.message_from_bytes(data).raw_items()]


def header():
    """All fields but Bcc stay, in their order, and mean the same; what is missing is added."""
    wrong = []
    for m in ordinary():
        given = [f for f in fields(m.bytes) if f[0].lower() != "bcc"]
        final = fields(m.final)
        names = [name.lower() for name, _ in final]
        added = sorted(names[len(given):])
        due = {"date", "message-id", "from", "to"} - {name.lower() for name, _ in given}
        if {"cc"} & set(names):
            due -= {"to"}
        if [n for n, _ in final[:len(given)]] != [n for n, _ in given] or added != sorted(due):
            wrong.append(f"{given}\n  became {final}")
            continue
        if m.spoiled or m.kinds & {"route", "@ in a bare name"}:
            continue  # Python's view of these is no measure
        for (name, before), (_, after) in zip(given, final):
            if not same_value(name, before, after):
                wrong.append(f"{name}:{before!r}\n  became {after!r}\n"
                             f"  {people(before)}\n  {people(after)}")
    tell(wrong)


def body():
    """Every line stays, with CRLF; Python finds the same body before and after."""
    wrong = []
    for m in ordinary():
        text = m.body.encode().replace(b"\n", b"\r\n")
        text += b"" if not text or text.endswith(b"\r\n") else b"\r\n"
        final = m.final.partition(b"\r\n\r\n")[2]
        theirs = email.message_from_bytes(m.bytes).get_payload(decode=True)
        theirs = theirs.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        theirs += b"" if not theirs or theirs.endswith(b"\r\n") else b"\r\n"
        if not final == text == theirs:
            wrong.append(f"{m.bytes!r}\n  became {final!r}")
    tell(wrong)


def wire():
    """What leaves is as RFC 5321 and 2047 want it, and the facts about it are right. Comments
    inside <> and in front of a literal stay as they are."""
    wrong = []
    for m in messages():
        if m.final is None:
            continue
        head, gap, text = m.final.partition(b"\r\n\r\n")
        lines = (head + gap + text).split(b"\r\n")
        facts = {"size": len(m.final), "longest": max(len(line) for line in lines),
                 "body8": int(not text.isascii()), "header8": int(not head.isascii())}
        words = [w.group(0) for w in WORD.finditer(head.decode("utf-8", "replace"))]
        mailbox8 = not all((local + domain).isascii() for _, (local, domain) in lenient(
            [v for n, v in fields(m.final) if n.lower() in ("from", "to", "cc")]))
        if (m.facts != facts or re.search(rb"\r(?!\n)|(?<!\r)\n|\0", m.final)
                or max((len(w) for w in words), default=0) > 75
                or max(len(line) for line in head.split(b"\r\n")) > 998
                or facts["header8"] and not mailbox8 and not m.spoiled
                and not m.kinds & {"comment in an address", "blank before colon"}):
            wrong.append(f"{m.bytes!r}\n  became {m.final!r}\n  {m.facts}, wanted {facts}")
    tell(wrong)


messages()
run_all([("meaning", meaning), ("getaddresses", partial(compare, getaddresses)),
         ("headerregistry", partial(compare, registry)), ("header", header), ("body", body),
         ("wire", wire)], workers=1)
