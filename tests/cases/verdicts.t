#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""One message is one message: every phase of a session times every class of answer.

A cell holds five good messages of other senders and a poisoned one, at the first, the third or
the fifth place, and then runs one flushq --all. The relay answers badly to the poisoned one
only (or, up to the login, to the whole session). The good ones are delivered in that run, once;
the poisoned one is where verdicts.py says; nothing is lost, doubled or bounced; the server is
not remembered as dead; and nobody else sees what was said about it.

Where several messages are under way and the answer is none, those in the same flight may be in
doubt: they say so, and the next run delivers them. The same cells are there with window = 1.

The holds are copies of a few that were made through sendmail. One relay serves all cells of a
kind: its rules are for one client (the name in EHLO, which is the cell's) and one sender.
"""

import collections
import itertools
import json
import os
import re
import shutil
import sys
import tempfile
import threading
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
from verdicts import *  # noqa: E402,F403

# The words of the program that this file knows.
DUPLICATE = r"possible.duplicate"     # in the log, of a recipient
MARK = re.compile(r"(server|dead)\.")  # state/: what is remembered of a server
GOOD_ONES = [(f"s{n}@good.example", f"r{n}@dest.example") for n in range(1, 6)]
# More than all buffers hold (1 MB the relay's, 4 MB the sender's): it is going out when the
# relay speaks up.
BIG = 6_000_000
BODY_AT = 3000
NARROW = ("--receive-buffer", "65536")
PATIENT, HASTY = "10s", "2s"
CELL_WORKERS = int(os.environ.get("CASE_WORKERS", "8"))
USER, PASSWORD = "u@example.org", "s3cret Wort"

PLACE = in_memory()


# Holds to be copied

class Stock:
    """Entries from which holds are put together."""

    def __init__(self, name, recipients, size):
        message = MESSAGE + b"a line of a message that is a little longer than others\n" * (
            size // 56)
        self.dir = os.path.join(PLACE, "stock-" + name)
        self.spare, self.poison = [], []
        with Case("stock") as case:
            case.configure({"port": 1}, conf={"delivery.mode": "hold"})
            while not self.enough():
                for sender, recipient in GOOD_ONES:
                    self.take(case, self.spare, MESSAGE, sender, recipient)
                    self.take(case, self.poison, message, POISON, *recipients)
            shutil.copytree(case.hold, self.dir)

    def take(self, case, where, message, sender, *recipients):
        before = set(case.entries())
        same("sendmail", case.send("-i", "-f", sender, *recipients, message=message).code, 0)
        ident, = set(case.entries()) - before
        where.append((ident, sender))

    def pick(self, place):
        """Six entries, by name the poisoned one at that place; None if they do not give it."""
        newest = {}
        for ident, sender in self.spare:
            newest.setdefault(sender, []).append(ident)
        for ident, _ in self.poison:
            for good in itertools.islice(itertools.product(*newest.values()), 400):
                if sorted([*good, ident]).index(ident) == place:
                    return [*good, ident]
        return None

    def enough(self):
        return bool(self.poison) and all(self.pick(place) for place in (0, 2, 4))

    def fill(self, hold, place):
        os.mkdir(hold, 0o700)
        for room in os.listdir(self.dir):
            os.mkdir(os.path.join(hold, room), 0o700)
        chosen = self.picked(place)
        for name in chosen:
            shutil.copy2(os.path.join(self.dir, "hold", name), os.path.join(hold, "hold", name))
        return chosen[-1]

    def picked(self, place):
        with LOCK:
            if place not in PICKED.setdefault(self.dir, {}):
                PICKED[self.dir][place] = self.pick(place)
            return PICKED[self.dir][place]


LOCK = threading.RLock()
STOCKS, PICKED = {}, {}


def stock(name):
    with LOCK:
        if name not in STOCKS:
            STOCKS[name] = Stock(name, (FIRST, LATE) if "pair" in name else (LATE,),
                                 BIG if "big" in name else 0)
        return STOCKS[name]


# Relays that many cells share

class Watch:
    """A relay's log, read on as it grows; events by the name in EHLO."""

    def __init__(self, relay):
        self.path = os.path.join(relay.dir, "log.jsonl")
        self.at, self.rest = 0, b""
        self.early, self.names = {}, {}
        self.found = collections.defaultdict(list)
        self.lock = threading.Lock()

    def _read(self):
        with open(self.path, "rb") as file:
            file.seek(self.at)
            text = file.read()
        self.at += len(text)
        *lines, self.rest = (self.rest + text).split(b"\n")
        for each in lines:
            event = json.loads(each)
            conn = event["conn"]
            hello = re.match(r"(?i)[EL]HLO (\S+)", event.get("line", ""))
            if hello and conn not in self.names:
                self.names[conn] = hello.group(1)
                self.found[hello.group(1)] += self.early.pop(conn, [])
            if conn in self.names:
                self.found[self.names[conn]].append(event)
            else:
                self.early.setdefault(conn, []).append(event)

    def events(self, name):
        with self.lock:
            if os.path.exists(self.path):
                self._read()
            return list(self.found[name])


class Kind:
    """What cells have in common: the servers, the keys of the configuration."""

    def __init__(self, name, options=(), keys=None, how="DATA", second=None, pair=False,
                 secure=False):
        self.name, self.options, self.keys = name, options, keys or {}
        self.alone = None  # the same with one message after the other, if that is another
        self.how, self.second, self.pair, self.secure = how, second, pair, secure
        self.case, self.relays, self.watches, self.script, self.left = None, [], [], [], 0

    def open(self):
        with LOCK:
            if self.case:
                return
            case = Case(self.name)
            cert = "server" if self.secure else None
            self.relays = [case.relay("--discard", *self.options, script=self.script, cert=cert)]
            if self.second:
                self.relays.append(case.relay("--discard", *self.options, cert=cert))
            self.watches = [Watch(relay) for relay in self.relays]
            self.case = case

    def done(self):
        """The last cell turns off the light."""
        with LOCK:
            self.left -= 1
            case = self.case if self.left == 0 else None
        if case:
            case.__exit__(None, None, None)

    def configuration(self, hasty):
        wait = HASTY if hasty else PATIENT
        keys = dict({"timeout": wait, "dot_timeout": wait, "connections": "1"}, **self.keys)
        if self.secure:
            keys.update(security="starttls", tls_trust=certificates() + "/ca.pem",
                        tls_name="relay.test")
        ports = [relay.port for relay in self.relays]
        if self.second == "relay":
            return [("one", dict(keys, port=ports[0])), ("two", dict(keys, port=ports[1]))]
        return [dict(keys, port=", ".join(str(p) for p in ports))]

    def events(self, name):
        return [e for watch in self.watches for e in watch.events(name)]


# Cells

class Cell(Case):
    """A Case without its relays and its search for strays: flushq stays in the foreground."""

    def __init__(self, name):  # pylint: disable=super-init-not-called
        self.dir = tempfile.mkdtemp(dir=PLACE)
        self.hold = os.path.join(self.dir, "hold")
        self.conf_path = os.path.join(self.dir, "postern.conf")
        self.relays, self.calls, self.name = [], [], name
        os.mkdir(os.path.join(self.dir, "home"), 0o700)
        self.write("aliases", "")
        self.env = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC",
                    "HOME": os.path.join(self.dir, "home"),
                    "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")
                    + f":log_path={self.dir}/asan"}

    def __exit__(self, kind, *_):
        if kind is None:
            self.check_sanitizers()
        if not os.environ.get("KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)


class Outcome:
    """Where everything is after a run."""

    def __init__(self, cell, events):
        self.events, self.log = events, cell.log()
        self.held = cell.listing() if cell.entries() else []
        self.failed = cell.listing("--failed") if cell.entries("failed") else []
        self.taken = collections.Counter(
            r["address"] for e in events if e["type"] == "message" and e["accepted"]
            for r in e["recipients"] if r["verdict"] // 100 == 2)
        self.state = {}
        folder = os.path.join(cell.hold, "state")
        for name in os.listdir(folder) if os.path.isdir(folder) else ():
            with open(os.path.join(folder, name), "rb") as file:
                self.state[name] = file.read()

    def find(self, address):
        """The entry and the recipient in a listing, of those that are not delivered."""
        for entry in (*self.held, *self.failed):
            for r in entry["recipients"]:
                if r["address"] == address and r["status"] != "delivered":
                    return entry, r
        return None, None

    def fate(self, address):
        _, r = self.find(address)
        taken = self.taken[address]
        if not r:
            check(taken, f"{address} is lost")
            check(taken == 1, f"{address} got it {taken} times")
            return "D"
        if r["status"] == "failed":
            check(not taken, f"{address} got it, and it is said to have failed")
            return "F"
        marked = any(re.search(DUPLICATE, each) and address in each
                     for each in self.log.splitlines())
        check(taken <= 1, f"{address} got it {taken} times, and it is held")
        check(marked or not taken, f"{address} got it, is held, and nobody says so")
        return "Q" if marked else "H"

    def marks(self):
        return [name for name in self.state if MARK.match(name)]


def check_good(outcome, spared=True):
    """The five others."""
    fates = {r: outcome.fate(r) for _, r in GOOD_ONES}
    late = [r for r, fate in fates.items() if fate != "D"]
    check("F" not in fates.values(), f"others have failed: {fates}")
    check(not late if spared else len(late) <= 1, f"others wait: {fates}")
    for sender, recipient in GOOD_ONES:
        entry, r = outcome.find(recipient)
        check(not r or WORD not in json.dumps(entry) or not spared,
              f"what was said about another is shown with {sender}'s: {entry}")


def check_behind(cell, outcome):
    """Others that were under way with it: in doubt, and delivered by the next run."""
    late = [r for _, r in GOOD_ONES if outcome.fate(r) != "D"]
    check({outcome.fate(r) for r in late} <= {"Q"}, f"held, and not in doubt: {late}")
    check(len(late) < 4, f"more than fit into the window: {late}")
    if not late:
        return
    cell.flush("--all")
    after = Outcome(cell, cell.events())
    held = {r["address"] for e in after.held + after.failed for r in e["recipients"]
            if r["status"] != "delivered"}
    check(not held & set(late), f"not delivered by the next run: {held}")
    check(all(after.taken[r] in (1, 2) for r in late), f"taken: {after.taken}")


def check_report(outcome, failed):
    """The poisoned one's sender is told, and nobody else."""
    told = [r for r in outcome.taken if not r.endswith("@dest.example")]
    same("reports", told, [POISON] if failed else [])
    check(all(e["sender"] not in ("", "MAILER-DAEMON") for e in outcome.held), "a report waits")


def check_state(outcome, most):
    check(len(outcome.marks()) <= most, f"remembered: {outcome.state}")
    for name, text in outcome.state.items():
        check(WORD.encode() not in text, f"words of the server in state/{name}: {text!r}")


def check_words(outcome, address, code):
    """What JSON says of a clear answer."""
    number, status = split(code)
    entry, r = outcome.find(address)
    same("recipients[].code", r.get("code"), int(number))
    same("recipients[].enhanced", r.get("enhanced") or "", status)
    check(WORD in (r.get("text") or ""), f"the server's words are not in {r}")
    check("127.0.0.1" in (r.get("host") or ""), f"no host in {r}")
    check(r.get("cause"), f"no cause in {r}")
    if r["status"] == "waiting":
        same("attempts", entry["attempts"], 1)


def run_cell(kind, name, store, hasty, judge):
    kind.open()
    try:
        with Cell(name) as cell:
            cell.configure(*kind.configuration(hasty), conf={
                "mail.hostname": name, "delivery.mode": "hold"})
            cell.events = lambda: kind.events(name)
            stock(store).fill(cell.hold, zlib.crc32(name.encode()) % 3 * 2)
            try:
                result = cell.run("flushq", "--all")
                same("flushq", (result.code, result.out, result.err), (0, "", ""))
                judge(cell, Outcome(cell, kind.events(name)))
            except Wrong as why:
                if not VERBOSE:
                    raise
                talk = [e.get("line") or e.get("text") for e in kind.events(name)
                        if e["type"] in ("command", "reply")]
                raise Wrong(f"{why}\n    {talk}\n    {cell.log()[:3000]}") from None
    finally:
        kind.done()


JOBS = []
NUMBER = itertools.count(1)


def add(kind, title, rules, judge, store="plain", hasty=False):
    """A cell. rules: lines of the script; {helo} is its name."""
    name = f"c{next(NUMBER)}.cell.example"
    kind.script += [rule.replace("{helo}", "helo " + name) for rule in rules]
    kind.left += 1
    JOBS.append((f"{kind.name}: {title}",
                 lambda: run_cell(kind, name, store, hasty, judge)))


# From MAIL on

def answer(code):
    return line(f"{code} {WORD}") + (" close" if code.startswith("421") else "")


def judged(fates, code=None, busy=False, first="", spared=True, several=False):
    """fates of LATE; first: of FIRST, where it is there; several: others were under way."""
    def judge(cell, outcome):
        if several:
            check_behind(cell, outcome)
        else:
            check_good(outcome, spared)
        fate = outcome.fate(LATE)
        check(fate in fates, f"it is {fate}, wanted {fates}")
        if first:
            check(outcome.fate(FIRST) in first, f"{FIRST} is {outcome.fate(FIRST)}, not {first}")
        check_report(outcome, fate == "F")
        check_state(outcome, 1 if busy else 0)
        same("failed/", len(outcome.failed), int(fate == "F"))
        if code and fate in "HF":
            check_words(outcome, LATE, code)
    return judge


def with_second(kind, fates, about_account=False):
    """Where another relay, or another port, may be asked as well."""
    if about_account and kind.second == "relay":
        return "D"
    return fates + "D" if kind.second and "H" in fates else fates


WHO = {"MAIL": "{helo} from " + POISON, "DATA": "{helo} from " + POISON,
       "RCPT": "{helo} to " + LATE, "dot": "{helo} to " + LATE}


def first_fate(kind, phase, fates, clear):
    """Of the other recipient of the message."""
    if not kind.pair:
        return ""
    return "D" if phase in ("RCPT", "dot") and clear else fates


def clear_cells(kind, phase, codes, event=None, once=""):
    for code in codes:
        fates = fate_of_code(phase, code)
        if kind.pair and phase == "RCPT" and code.startswith("552"):
            fates = "HF"  # "too many": it may go alone
        first = first_fate(kind, phase, fates, True)
        if code.startswith("421"):
            # The connection is over, and with BDAT the message was in the same flight.
            first = first and "DH"
            fates += "Q" if kind.how in ONE_FLIGHT else ""
        add(kind, f"{phase} {code}", [f"{once}on {event or phase} {WHO[phase]} {answer(code)}"],
            judged(with_second(kind, fates, about_login(code)), code,
                   may_be_busy(phase, code), first),
            "pair" if kind.pair else "plain")


def alone(kind):
    """The same kind, one message after the other; the kind itself if it is so."""
    if "--lmtp" in kind.options or "PIPELINING" in kind.options:
        return kind
    if not kind.alone:
        kind.alone = Kind(kind.name + ", one by one", kind.options, dict(kind.keys, window="1"),
                          kind.how, kind.second, kind.pair, kind.secure)
    return kind.alone


def odd_cells(kind, phase, event=None, once=""):
    some_odd_cells(alone(kind), phase, event, once)
    if alone(kind) is not kind:
        some_odd_cells(kind, phase, event, once, several=True)


def some_odd_cells(kind, phase, event=None, once="", several=False):
    for name, steps in odd_answers(phase):
        fates = with_second(kind, fate_of_odd(phase, name, kind.how))
        first = first_fate(kind, phase, fates, name == "split")
        add(kind, f"{phase} {name}", [f"{once}on {event or phase} {WHO[phase]} {steps}"],
            judged(fates, busy=name.startswith("421"), several=several,
                   # Where it is only lost the first of two may have his answer.
                   first=first if name not in LOST else first and "DHQ"),
            "pair" if kind.pair else "plain", name == "silence")


BODY_ODD = {"close": "close", "reset": "reset", "silence": "stall",
            "a line without a code": line(WORD) + " close", "250": line(f"250 {WORD}") + " close",
            "two codes": line(f"250-{WORD}\\r\\n550 {WORD}") + " close",
            "550 doubled": line(f"550 {WORD}\\r\\n550 {WORD}") + " close",
            "450 doubled": line(f"450 {WORD}\\r\\n450 {WORD}") + " close"}


def body_cells(kind, codes):
    """In the middle of the message, which is a big one."""
    store = "big pair" if kind.pair else "big"
    where = f"on BODY {BODY_AT} {{helo}} from {POISON}"
    for code in codes:
        fates = fate_of_code("body", code)
        for how, end in (("", "close"), (", then reads on", "stall")):
            if how and code not in ("552", "451", "554", "550 5.7.60"):
                continue
            add(kind, f"message {code}{how}", [f"{where} {line(code + ' ' + WORD)} {end}"],
                judged(with_second(kind, fates, about_login(code)), code,
                       may_be_busy("body", code), first_fate(kind, "body", fates, True)), store)
    for name, steps in BODY_ODD.items():
        # Said twice, a refusal is one all the same as long as nobody can have the message.
        fates = with_second(kind, "HQ") + ("F" if name == "550 doubled" else "")
        for of in {alone(kind), kind}:
            add(of, f"message {name}", [f"{where} {steps}"],
                judged(fates, first=kind.pair and fates, several=of is not alone(kind)),
                store, name == "silence")


def early_cells(kind):
    """A reply too many that is there before a message begins is no answer to it."""
    for name, steps in odd_answers("RCPT"):
        if name.endswith(("doubled", "unasked")):
            for of in {alone(kind), kind}:
                add(of, f"RCPT {name}", [f"on RCPT {WHO['RCPT']} {steps}"],
                    judged("HQ", busy=name.startswith("421"), several=of is not alone(kind)), "big")


def bdat_cells(kind, codes):
    """To the first BDAT LAST only: what then comes by DATA is taken."""
    for code in codes:
        broken = split(code)[0] in BDAT_BROKEN
        fates = ("DH" if about_login(code) else "D") if broken else fate_of_code("dot", code)
        if code.startswith("421"):
            fates = "DHQ"  # asked again over a fresh connection, it is taken
        add(kind, f"BDAT {code}", [f"once on DOT {WHO['dot']} {answer(code)}"],
            judged(fates, code, may_be_busy("dot", code)))
    for name, steps in odd_answers("dot"):
        for of in {alone(kind), kind}:
            add(of, f"BDAT {name}", [f"once on DOT {WHO['dot']} {steps}"],
                judged(fate_of_odd("dot", name, "BDAT"), busy=name.startswith("421"),
                       several=of is not alone(kind)), hasty=name == "silence")


def between_cells(kind, codes):
    late = f"on DOT {{helo}} to {LATE}"
    for name, (steps, fates) in BETWEEN.items():
        add(kind, f"between {name}", [f"{late} {steps}"],
            judged(fates, busy=name.startswith("421"), spared=name in SPARES_NEXT),
            hasty=name == "silence")
    for what in (*codes, *ODD):
        if what in ("split", "421 unasked"):
            continue
        steps = ODD.get(what) or answer(what)
        add(kind, f"RSET {what}",
            [f"on RCPT {{helo}} to {LATE} reply 550 5.1.1 no",
             f"on RSET {{helo}} from {POISON} {steps}"],
            judged("FH", busy=what.startswith("421"), spared=what in LOST[:2]),
            hasty=what == "silence")
    for what in (*codes, *ODD):
        steps = (ODD.get(what) or answer(what)).replace("{text}", '"221 bye\\r\\n"')
        add(kind, f"QUIT {what}", [f"on QUIT {{helo}} {steps}"], judged("D"),
            hasty=what == "silence")


# Up to the login: the whole server

def all_held(_, outcome):
    fates = {r: outcome.fate(r) for r in [*(r for _, r in GOOD_ONES), LATE]}
    same("fates", set(fates.values()), {"H"})
    same("attempts", {e["attempts"] for e in outcome.held}, {0})
    same("failed/", outcome.failed, [])
    check_report(outcome, False)
    check_state(outcome, 1)


def all_delivered(_, outcome):
    fates = {r: outcome.fate(r) for r in [*(r for _, r in GOOD_ONES), LATE]}
    same("fates", set(fates.values()), {"D"})
    same("failed/", outcome.failed, [])
    check_report(outcome, False)
    check_state(outcome, 1)


def then_delivered(cell, outcome):
    """The first connection only: at the latest the next run sends all."""
    check("F" not in {outcome.fate(r) for r in [*(r for _, r in GOOD_ONES), LATE]}, "failed")
    if cell.entries():
        cell.flush("--all")
    same("held", cell.entries(), [])
    same("failed", cell.entries("failed"), [])
    check_state(Outcome(cell, outcome.events), 1)


LOGS_IN = {"user": USER, "password": PASSWORD, "allow_cleartext_auth": "yes", "auth": "PLAIN"}
SERVER_LOGIN = ("--user", USER, "--password", PASSWORD, "--clear-auth")


def before_kind(phase, second):
    secure = phase in ("STARTTLS", "TLS")
    login = phase in ("AUTH", "LOGIN")
    name = {None: "one server", "relay": "two relays", "port": "two ports"}[second]
    return Kind(f"{name}, {phase}", SERVER_LOGIN if login else (), LOGS_IN if login else {},
                second=second, secure=secure)


def before_cells(phase, second):
    judge = all_delivered if second else all_held
    kind = None if phase == "CONNECT" else before_kind(phase, second)
    for name, steps in before_answers(phase, BEFORE_FEW if second else BEFORE_CODES):
        # Nobody has a name before EHLO: a relay for each.
        of = kind or before_kind(phase, second)
        who = "" if phase == "CONNECT" else "{helo} "
        rules = [f"on {phase} {who}{steps}"]
        if phase == "EHLO":
            rules.append(f"on HELO {who}{steps}")
        add(of, name, rules, judge, hasty=name == "silence")


def once_cells(phase):
    kind = before_kind(phase, None)
    for name, steps in before_answers(phase):
        if name in BEFORE_CODES and name not in ("421", "451", "454", "535", "554"):
            continue
        add(kind, f"once {name}", [f"once on {phase} {{helo}} {steps}"], then_delivered,
            hasty=name == "silence")


def hello_cells():
    """No EHLO, but HELO: mail goes without extensions."""
    kind = Kind("HELO")
    for code in ("500", "502", "504", "550", "500 5.5.1", "502 5.5.2"):
        add(kind, f"EHLO {code}", [f"on EHLO {{helo}} {answer(code)}"], all_delivered)


# A caller who waits

def told(phase, code):
    """The poisoned message alone, handed in with the caller waiting."""
    fate = fate_of_code(phase, code)
    exits = (0,) if fate == "H" else exits_of_code(phase, code)
    if fate == "HF":
        exits = (0, *exits)

    def run(kind, name):
        kind.open()
        try:
            with Cell(name) as cell:
                os.mkdir(cell.hold, 0o700)
                cell.configure(*kind.configuration(False), conf={"mail.hostname": name})
                result = cell.send("-i", "-f", POISON, LATE)
                check(result.code in exits, f"exit {result.code}, not {exits}: {result.err!r}")
                same("held", len(cell.entries()), int(result.code == 0))
                same("failed/", len(cell.entries("failed")), int(result.code != 0))
                same("delivered", Outcome(cell, kind.events(name)).taken, {})
                if not result.code:
                    same("stderr", result.err, "")
                    return
                match("stderr", rf"\Asendmail: <{LATE}>: refused by .*127\.0\.0\.1.*: "
                      rf"{code} {WORD}\n\Z", result.err)
        finally:
            kind.done()
    return run


def told_cells(kind, phase, codes):
    for code in codes:
        name = f"c{next(NUMBER)}.cell.example"
        event = "DOT" if phase == "dot" else phase
        kind.script.append(f"on {event} helo {name} {answer(code)}")
        kind.left += 1
        run = told(phase, code)
        JOBS.append((f"{kind.name}: {phase} {code}",
                     lambda run=run, name=name: run(kind, name)))


def transaction_cells(kind, codes, phases=("MAIL", "RCPT", "DATA", "dot"), odd=None):
    """odd: the kind for the answers that are none, if it is another."""
    for phase in phases:
        event = "DOT" if phase == "dot" else None
        clear_cells(kind, phase, codes, event)
        odd_cells(odd or kind, phase, event)


def make_cells():
    no_pipe = ("--without", "PIPELINING")
    chunking = ("--with", "CHUNKING")
    plain, slow = Kind("DATA"), Kind("DATA, no PIPELINING", no_pipe)
    bdat = Kind("BDAT", chunking, how="BDAT")
    slow_bdat = Kind("BDAT, no PIPELINING", no_pipe + chunking, how="BDAT")
    lmtp = Kind("LMTP", ("--lmtp",), {"protocol": "lmtp"}, pair=True)
    slow_lmtp = Kind("LMTP, no PIPELINING", ("--lmtp",) + no_pipe, {"protocol": "lmtp"}, pair=True)
    relays, ports = Kind("two relays", second="relay"), Kind("two ports", second="port")
    many = Kind("three connections", keys={"connections": "3"})
    for phase in BEFORE:
        for second in (None, "relay", "port"):
            before_cells(phase, second)
    for phase in BEFORE[1:]:
        once_cells(phase)
    hello_cells()
    transaction_cells(plain, FULL, ("MAIL", "RCPT", "dot"))
    transaction_cells(plain, SHORT, ("DATA",))
    for kind in (slow, lmtp, relays, ports):
        transaction_cells(kind, SHORT)
    transaction_cells(slow_lmtp, SHORT, ("RCPT", "dot"))
    transaction_cells(many, SHORT, ("MAIL", "dot"))
    # A reply too many can be told only when it is there together with what follows.
    flights = Kind("BDAT, flight by flight", chunking + ("--delay", "10"), how="BDAT")
    transaction_cells(bdat, SHORT, ("MAIL", "RCPT"), flights)
    transaction_cells(bdat, SHORT, ("dot",))
    transaction_cells(slow_bdat, SHORT, ("dot",))
    for kind in (bdat, slow_bdat):
        bdat_cells(kind, SHORT)
    body_cells(Kind("big DATA", NARROW), SHORT)
    body_cells(Kind("big DATA, no PIPELINING", NARROW + no_pipe), SHORT)
    body_cells(Kind("big BDAT", NARROW + chunking, how="BDAT"), SHORT)
    for more in ((), no_pipe):
        early_cells(Kind("big BDAT, flight by flight" + ", no PIPELINING" * bool(more),
                         more + chunking + ("--delay", "10"), how="BDAT"))
    body_cells(Kind("big LMTP", NARROW + ("--lmtp",), {"protocol": "lmtp"}, pair=True), SHORT)
    between_cells(plain, ("250", "421", "450", "500", "502", "503", "550"))
    waiting = Kind("a caller waits")
    for phase, codes in (("MAIL", FULL), ("RCPT", SHORT), ("DATA", SHORT), ("dot", SHORT)):
        told_cells(waiting, phase, codes)


def main():
    make_cells()
    print(f"{len(JOBS)} cells")
    sys.stdout.flush()
    chosen = [j for j in JOBS if not sys.argv[1:] or any(c in j[0] for c in sys.argv[1:])]
    # All cells go through the same code, and the sanitizers look at that: a third will do.
    if SANITIZED and not sys.argv[1:]:
        chosen = chosen[::3]
    if sys.argv[1:]:
        kinds = collections.Counter(j[0].partition(": ")[0] for j in chosen)
        print(f"{len(chosen)} chosen: {dict(kinds)}")
    sys.argv[1:] = []
    run_all(chosen, CELL_WORKERS)


main()
