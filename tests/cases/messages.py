# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages by chance, from the grammar of RFC 5322 with its obsolete forms and with what programs
write in its stead. An address comes with what it means, so that nobody has to parse it.
"""

import random

ATOMS = ("ann", "bob", "Cas", "d", "e-mail", "f_g", "x1", "o'neil", "user+tag", "=?", "a*b",
         "!#$%&")
WORDS = ("Ann", "Bob", "von", "der", "Gro\u00df", "J\u00fcrgen", "\u65e5\u672c", "O'Neil", "III",
         "=?utf-8?q?J=C3=BC?=", "=?ISO-8859-1?B?5Pb8?=")
LABELS = ("example", "dest", "Src", "a", "x-y", "mail2", "b\u00fccher", "org")
LITERALS = ("[127.0.0.1]", "[192.0.2.255]", "[IPv6:2001:db8::1]", "[IPv6:::1]")
INSIDE = "abcXYZ019 .,:;<>()[]@\\\"\t!\u00fc"
COMMENT = "abc XYZ 019.,:;<>[]@\"\u00fc\u2713'"
SUBJECT = ("hello", "world", "Re:", "[list]", "Gr\u00fc\u00dfe", "\u8acb\u6c42", "100%", "a=b",
           "=?utf-8?q?=C3=BC?=", "?=", "\u2713" * 30, "x" * 90, "tab\tbed", "(no comment)",
           "\"quoted\"")


class Maker:
    """Everything from one seed."""

    def __init__(self, seed):
        self.r = random.Random(seed)
        self.kinds = set()  # what is unusual in the address under way

    def often(self, part):
        return self.r.random() < part

    def pick(self, *choices):
        return self.r.choice(choices)

    def some(self, alphabet, most):
        return "".join(self.r.choice(alphabet) for _ in range(self.r.randrange(most + 1)))

    # Blanks and comments

    def comment(self, depth=0):
        text = ""
        for c in self.some(COMMENT, 10):
            text += c
        if self.often(0.2):
            text += self.pick("\\(", "\\)", "\\\\")
        if depth < 3 and self.often(0.2):
            text += self.comment(depth + 1)
        if self.often(0.1):
            text += "\n more"
        return "(" + text + ")"

    def fold(self):
        return self.pick(" ", " ", "  ", "\t", "\n ", "\n\t", " \n  ")

    def gap(self, part=0.15):
        """Between two tokens: mostly nothing."""
        text = ""
        if self.often(part):
            text += self.fold()
        if self.often(part / 3):
            self.kinds.add("comment")
            text += self.comment() + self.pick("", self.fold())
        return text

    # Addresses: the text, and (local-part without quotes, domain) or its bare name

    def quoted(self, most=10):
        text = self.some(INSIDE, most)
        return text, '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def local(self):
        way = self.r.randrange(20)
        if way < 12:
            name = self.pick(*ATOMS)
        elif way < 16:
            name = ".".join(self.r.choices(ATOMS, k=self.r.randrange(1, 4)))
        elif way == 16:
            name = self.pick("j\u00fcrgen", "\u7528\u6237", "a.\u00fc")
        elif way == 17:
            self.kinds.add("dots")
            name = self.pick("a..b", ".a", "a.", "...")
        else:
            text, written = self.quoted()
            text = text.replace("\t", "")
            if not text:
                text = "x y"
            self.kinds.add("quoted")
            return text, '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return name, name

    def domain(self):
        if self.often(0.05):
            return self.pick(*LITERALS)
        return ".".join(self.r.choices(LABELS, k=self.r.randrange(1, 5)))

    def spec(self):
        local, written = self.local()
        if self.often(0.1):
            if "@" in local:
                self.kinds.add("@ in a bare name")
            return written, (local, "")
        domain = self.domain()
        before, behind = self.gap(0.03), self.gap(0.03)
        if before or behind:
            self.kinds.add("gap at @")
        if "(" in behind and domain.startswith("["):
            self.kinds.add("comment in an address")
        return written + before + "@" + behind + domain, (local, domain)

    def phrase(self):
        words = []
        for _ in range(self.r.randrange(1, 4)):
            if self.often(0.3):
                words.append(self.quoted()[1])
            elif self.often(0.1):
                words.append(self.pick("J.", "Dr.", "a.b"))
            else:
                words.append(self.pick(*WORDS))
        return self.fold().join(words) if self.often(0.3) else " ".join(words)

    def mailbox(self):
        spec, meaning = self.spec()
        if self.often(0.4):
            return spec, meaning
        route = ""
        if self.often(0.02):
            self.kinds.add("route")
            route = self.pick("@a.example:", "@a.example,@b.example:")
        name = self.phrase() + self.gap(0.9) if self.often(0.8) else ""
        before, behind = self.gap(), self.gap()
        if "(" in before + spec + behind:
            self.kinds.add("comment in an address")
        return name + "<" + before + route + spec + behind + ">", meaning

    def group(self):
        self.kinds.add("group")
        text, meanings = self.addresses(self.r.randrange(4), groups=False)
        return self.pick("undisclosed-recipients", "A group", '"a, group"') + ":" + text + ";", \
            meanings

    def addresses(self, count, groups=True):
        """A list: its text and the meanings, in their order."""
        parts, meanings = [], []
        for _ in range(count):
            if groups and self.often(0.04):
                text, more = self.group()
                meanings += more
            else:
                text, meaning = self.mailbox()
                meanings.append(meaning)
            parts.append(self.gap() + text + self.gap())
            if self.often(0.03):
                self.kinds.add("empty")
                parts.append(self.gap())
        return ",".join(parts), meanings

    # Fields and messages

    def address_field(self, name):
        """The field, the meanings, and what is unusual in it."""
        self.kinds = set()
        text, meanings = self.addresses(self.r.choice((1, 1, 1, 2, 3, 5)))
        name = self.pick(name, name, name.upper(), name.lower())
        blank = self.pick(" ", " ", " ", "", "\n ", "\t")
        return name + ":" + blank + text, meanings, self.kinds

    def text(self):
        words = self.r.choices(SUBJECT, k=self.r.randrange(7))
        return self.pick(" ", "\n ", "  ").join(words)

    def body(self):
        lines = []
        for _ in range(self.r.randrange(6)):
            lines.append(self.pick("", ".", "..", ".a", "From me", "To: not@a.field", "a " * 40,
                                   "Gr\u00fc\u00dfe", "  indented", "a blank ", "x" * 200))
        return "\n".join(lines) + self.pick("\n", "\n", "")

    def spoil(self, text):
        """Something is missing, doubled or in the wrong place."""
        at = self.r.randrange(len(text))
        way = self.r.randrange(3)
        if way == 0:
            return text[:at] + text[at + 1:]
        if way == 1:
            return text[:at] + self.pick(*"<>()\",:;@\\. ") + text[at:]
        return text[:at] + text[at:at + 5] * 2 + text[at + 5:]
