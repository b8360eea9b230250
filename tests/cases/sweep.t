#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kill at every system call, and each error at every system call.

A first run of a program numbers its calls; then it is run once for each call and each thing
that can go wrong there, every time from the same state. After that a flushq without any fault
runs, and the rules are checked:

  exit 0 of sendmail        the message is delivered or held: never lost
  exit not 0, not killed    it is nowhere, unless the text says where or that it may be held
  killed                    all of it is there, or nothing
  any fault                 each recipient gets one copy; a second one only where the fault came
                            between the server's answer and the mark
                            who is to wait waits; who was refused is in failed/, with one report
                            no damaged entry, nothing in corrupt/, no entry in two rooms
                            nothing in tmp/ (after a kill: one file)
                            an end within 20 seconds, not by another signal than ours
  EINTR, half a write ...   as if nothing had been
  linked                    (where rename cannot refuse to replace) a move cut short between link
                            and unlink is finished by the next flushq
  rate                      however a run was killed, the next one counts what it had sent, and
                            waits for nobody
  power                     (what a kill cannot show) a file is synced before it gets its name and
                            the directory after it; a mark is synced before the next word to the
                            server, and before the entry goes; of several in one flight the
                            directory is, when all have gone

A name on the command line chooses a scenario; five words as in a line of failure repeat one
run; VERBOSE=1 shows its calls.
Kills and what goes wrong with files come first, in full; of the rest one run in ten, always the
same, or with SWEEP=whole all. SWEEP_SECONDS (600 unless set; 0: without end) ends the rest
earlier; with sanitizers, which are slow, all of it (and is 150 there unless set).
"""

import collections
import concurrent.futures
import fcntl
import os
import queue
import random
import re
import shutil
import sys
import threading
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "proof")]
from harness import Case, MESSAGE, PAIR, SANITIZED, VERBOSE
from proof import *  # pylint: disable=wildcard-import,unused-wildcard-import
from entries import read_room, names_in, set_head

JOBS = int(os.environ.get("SWEEP_JOBS", "4"))
PART = {"quick": 10, "whole": 1}[os.environ.get("SWEEP") or "quick"]
SECONDS = int(os.environ.get("SWEEP_SECONDS") or ("150" if SANITIZED else "600"))
SHOWN = 6  # failures of a scenario in full
SENDER = "a@src.example"
ONE, TWO = PAIR
LATER, NEVER = "temp450@dest.example", "reject550@dest.example"
HELD = ("--hold", "-i", "-f", SENDER)
NOW = ("-i", "-f", SENDER)

# What can happen at a call. The first list: as if nothing had been.
HARMLESS = {
    "open": ["EINTR"], "create": ["EINTR"], "read": ["EINTR", "short"],
    "pread": ["EINTR", "short"], "write": ["EINTR", "short"], "pwrite": ["EINTR", "short"],
    "flock": ["EINTR"], "statvfs": ["EINTR"], "rename2": ["EINVAL"], "connect": ["EINTR"],
    "send": ["EINTR", "EAGAIN", "short"], "recv": ["EINTR", "EAGAIN", "short"],
    "poll": ["EINTR"], "ppoll": ["EINTR"],
}
HARMFUL = {
    "open": ["EMFILE", "EIO"], "create": ["ENOSPC", "EDQUOT", "EMFILE", "EROFS"],
    "read": ["EIO"], "pread": ["EIO"], "readdir": ["EIO"], "opendir": ["ENOMEM"],
    "write": ["ENOSPC", "EIO", "EDQUOT"], "pwrite": ["ENOSPC", "EIO"],
    "fsync": ["EIO", "ENOSPC", "EINTR"], "fdatasync": ["EIO", "EDQUOT", "EINTR"],
    "rename": ["EIO", "ENOSPC"], "rename2": ["EIO", "EDQUOT", "EACCES"], "link": ["EIO"],
    "unlink": ["EIO", "EROFS"], "mkdir": ["ENOSPC", "EACCES"], "stat": ["EIO"],
    "fstat": ["EIO"], "statvfs": ["EIO"], "flock": ["ENOLCK", "EAGAIN"],
    "close": ["EIO", "EINTR"], "socket": ["EMFILE", "ENFILE"], "socketpair": ["EMFILE"],
    "connect": ["ECONNREFUSED"], "send": ["EPIPE", "EIO"], "sendmsg": ["EPIPE"],
    "recv": ["ECONNRESET", "EIO"], "poll": ["ENOMEM"], "ppoll": ["ENOMEM"],
    "fork": ["EAGAIN"], "dup2": ["EMFILE"], "execv": ["ENOMEM"],
    "execvp": ["ENOMEM"],
}
FILE_CALLS = {"create", "write", "pwrite", "fsync", "fdatasync", "rename", "rename2", "link",
              "unlink", "flock", "pread"}
# Between the server's answer and the mark: only there may a copy be made twice.
WINDOW = {"poll", "recv", "pwrite", "fdatasync"}
SOFT_EXITS = {66, 71, 73, 74, 75, 77, 78}


class State:
    """What is in the hold and what the relay has been given."""

    def __init__(self, worker):
        hold = worker.case.hold
        worker.tail.settle()
        self.copies = collections.Counter(worker.tail.copies)
        self.sizes = {e["size"] for e in worker.tail.messages if e["sender"]}
        self.hold, self.failed = read_room(hold, "hold"), read_room(hold, "failed")
        self.tmp, self.corrupt = names_in(hold, "tmp"), names_in(hold, "corrupt")
        self.litter = [n for n in names_in(hold, "state")
                       if not n.startswith(("server.", "clock.", "counters", "working", "slots.",
                                            "rate.", "window."))]

    def slots(self, address, room=None, report=False):
        """The states of an address, in a room or in both, in reports or else in other mail."""
        entries = self.hold + self.failed if room is None else room
        return [entry.states[address] for entry in entries
                if entry.is_report() == report and address in entry.states]

    def summary(self):
        return (sorted(self.copies.items()), sorted(e.text() for e in self.hold),
                sorted(e.text() for e in self.failed))

    def show(self):
        return (f"accepted {dict(self.copies)}, hold {[e.text() for e in self.hold]}, "
                f"failed {[e.text() for e in self.failed]}, tmp {self.tmp}")


class Run:
    """One run with a fault and all that was seen of it."""

    def __init__(self, fault, ended, calls, first, last, plain=False, seen=None):
        self.plain = plain
        self.seen = seen  # by what finishes the scenario
        self.fault, self.ended, self.calls = fault, ended, calls
        self.first, self.last = first, last
        # Not each run has as many calls that wait: the fault may have met none.
        self.happened = any(line.startswith("!") for line in calls)
        self.met = fault.name if self.happened else None
        self.killed = self.happened and fault.is_kill()
        # Whether it was the program we called, and not one that it started.
        self.own = self.killed and ended.code == -9
        self.twice = 0
        self.flight = False  # several messages under way together

    def outcome(self):
        return (self.ended.code, self.first.summary(), self.last.summary())


# The rules

def check_common(run):
    fault, ended = run.fault, run.ended
    check(not ended.hung, ended.hung)
    mine = {"kill": -9, "killed": -9, "TERM": -15}.get(fault.deed if fault else "", 0)
    check(ended.code >= 0 or ended.code == mine, f"died of signal {-ended.code}")
    for when, state in (("after the fault", run.first), ("at the end", run.last)):
        check(not state.corrupt, f"{when} corrupt/ has {state.corrupt}")
        for entry in state.hold + state.failed:
            check(not entry.damage, f"{when} {entry.id} is damaged: {entry.damage}")
        both = {e.id for e in state.hold} & {e.id for e in state.failed}
        # Between link and unlink, and only until somebody looks after it.
        cut = run.plain and (run.killed or run.met == "unlink") and state is run.first
        check(not both or cut, f"{when} {both} is in two rooms")
        least = run.killed or run.met == "unlink"
        check(len(state.tmp) <= least, f"{when} tmp/ has {state.tmp}")
        check(len(state.litter) <= run.killed, f"{when} state/ has {state.litter}")
        check(len(state.sizes) <= 1, f"{when} the message was given in sizes {state.sizes}")


def check_order(run, who):
    names = " ".join(line.split(" ")[0] for line in run.calls)
    delivered = any(not report for report, _ in run.first.copies)
    for wrong, why in ((r"(?<!fsync )rename2", "a file gets its name before it is synced"),
                       (r"rename2(?! fsync)", "the directory is not synced after a rename"),
                       (r"recv (?:pwrite )+(?!pwrite|fdatasync)",
                        "a mark is not synced at once")):
        # Only what was delivered must be marked durably.
        check(not re.search(wrong, names) or "recv" in wrong and not delivered,
              f"{why}: {names}")
    if who == "flushq" and delivered:
        check("pwrite fdatasync" in names, f"no mark is synced: {names}")


def check_delivered(run, address, report=False):
    before, after = run.first.copies[report, address], run.last.copies[report, address]
    slots = run.first.slots(address, report=report)
    allowed = 1
    if before and "W" in slots:
        between = run.flight or run.fault and run.fault.name in WINDOW
        check(run.happened and between and run.fault.deed not in
              HARMLESS.get(run.fault.name, ()) and run.fault.deed != "TERM",
              f"{address} is given twice, and the fault was not between answer and mark")
        allowed, run.twice = 2, 1
    check(after >= 1, f"{address} is lost")
    check(after == allowed, f"{address} got {after} copies, wanted {allowed}")
    check("W" not in run.last.slots(address, report=report), f"{address} waits all the same")


def check_waiting(run, address):
    check(run.last.copies[False, address] == 0, f"{address} was refused and delivered")
    check(run.last.slots(address, run.last.hold) == ["W"], f"{address} does not wait")


def check_failed(run, address):
    check(run.last.copies[False, address] == 0, f"{address} was refused and delivered")
    check(set(run.last.slots(address)) == {"F"}, f"{address}: {run.last.show()}")
    copies = len(run.last.slots(address, run.last.failed))
    check(1 <= copies <= 1 + run.happened, f"{address} is in failed/ {copies} times")


def check_reports(run, least, most):
    count = run.last.copies[True, SENDER]
    # A report is mail: with a fault between the answer and the mark it is sent again.
    if count == most + 1 and run.happened and run.fault.name in WINDOW:
        most, run.twice = count, 1
    check(least <= count <= most, f"{count} reports, wanted {least} to {most}")


def check_message(run, ends, reports=0):
    """The message exists: each recipient comes to its end."""
    for address, end in ends.items():
        {"D": check_delivered, "W": check_waiting, "F": check_failed}[end](run, address)
    waits = "W" in ends.values()
    for entry in run.last.hold:
        check(waits and "W" in entry.states.values(), f"{entry.text()} does not leave the hold")
    check("F" in ends.values() or not run.last.failed, f"failed/: {run.last.show()}")
    if isinstance(reports, tuple):
        check_reports(run, *reports)
    else:
        check_reports(run, reports, reports)


def check_nothing(run):
    for state in (run.first, run.last):
        check(not state.hold and not state.failed and not state.copies,
              f"exit {run.ended.code}, but the message is there: {state.show()}")


def is_there(run):
    return bool(run.first.hold or run.first.failed or run.first.copies)


def kept_failed(run):
    """sendmail says that it put the message into failed/."""
    if "is kept in" not in run.ended.err:
        return False
    check(len(run.first.failed) == 1 and len(run.last.failed) == 1 and not run.last.hold,
          f"it is not kept in failed/: {run.first.show()}")
    check(not run.last.copies, "what is kept in failed/ was delivered")
    return True


def check_durable(run):
    """Who could not be sure of the disk may not say that all is well."""
    if run.met == "fsync" and run.fault.deed.startswith("E"):
        check(run.ended.code != 0, "exit 0 after a failed sync")


def was_taken(run, good):
    """Whether the message must be there, from what sendmail's caller can know."""
    code, err = run.ended.code, run.ended.err
    if run.fault and run.fault.who == "sendmail":
        check_durable(run)
    if code in good:
        return True
    if code == -9:
        return is_there(run)
    if code == -15:
        return False
    if code == 143:
        check("interrupted" in err, f"exit 143 without a word: {err!r}")
        return "is held as" in err
    check(code in SOFT_EXITS, f"exit {code}: {err!r}")
    check(err, f"exit {code} without a word")
    if "may be held" in err:
        return is_there(run)
    return False


# The scenarios

class Scenario:
    """program args: what is run with a fault, from a hold that setup made; who: the processes in
    which there is one; judge(run): the rules."""

    def __init__(self, name, program, args, who, judge, setup=None, feed=True, conf=None,
                 finish=None, base=0, plain=False):
        self.name, self.program, self.args, self.who, self.judge = name, program, args, who, judge
        self.setup, self.feed, self.conf, self.finish = setup, feed, conf, finish
        self.base = base if isinstance(base, tuple) else (base,)
        self.plain = plain
        self.template = None
        self.clean = {}
        self.runs = self.twice = 0
        self.failures = []


def judge_submit(run):
    if kept_failed(run):
        return
    if was_taken(run, (0,)):
        check_message(run, {ONE: "D", TWO: "D"})
    else:
        check_nothing(run)


def judge_refused(run):
    """Mode now and a recipient that is refused: the caller is told, or there is a report."""
    if kept_failed(run):
        return
    told = f"<{NEVER}>" in run.ended.err
    check(told or run.ended.code not in (67, 69), f"exit {run.ended.code} without a word")
    check(not told or run.ended.code in (67, 69, -9, 143), f"told, and exit {run.ended.code}")
    if was_taken(run, (0, 67, 69)):
        quiet = told and not run.happened
        check_message(run, {ONE: "D", NEVER: "F"}, 0 if quiet else (0 if told else 1, 1))
    else:
        check_nothing(run)


def judge_kept(run):
    if kept_failed(run) or run.ended.code == -9:
        check(not run.last.hold and not run.last.copies, f"it is sent: {run.last.show()}")
        return
    check(run.ended.code != 0, "exit 0 with a faulty configuration")
    if was_taken(run, ()):
        check(len(run.last.failed) == 1, "it is not in failed/")
    else:
        check_nothing(run)


def judge_flush(ends, reports=0):
    def judge(run):
        check(run.ended.code in SOFT_EXITS | {0, -9, -15}, f"exit {run.ended.code}")
        check_message(run, ends, reports)
    return judge


def judge_flight(ends):
    """All are answered before the first is marked: whatever is done for one is between the answer
    and the mark of the next."""
    def judge(run):
        run.flight = True
        judge_flush(ends)(run)
    return judge


def judge_again(run):
    """The first report still waits when another recipient fails: each is reported once."""
    check(run.ended.code in SOFT_EXITS | {0, -9, -15}, f"exit {run.ended.code}")
    reports = b"".join(e.data for e in run.last.hold if e.is_report())
    named = sorted(re.findall(rb"Final-Recipient: *rfc822; *(\S+)", reports))
    check(named == sorted(a.encode() for a in (LATER, NEVER)), f"the reports are on {named}")
    check(not run.last.slots(LATER, run.last.hold), f"it does not leave: {run.last.show()}")
    check_failed(run, NEVER)
    check_failed(run, LATER)


def judge_steer(job):
    def judge(run):
        first, last, ok = run.first, run.last, run.ended.code == 0
        check_durable(run)
        check(run.ended.code in SOFT_EXITS | {0, 65, -9, -15}, f"exit {run.ended.code}")
        check(not first.copies, f"something was sent: {first.show()}")
        check(ok or run.ended.code < 0 or run.ended.err, "no word of the fault")
        if job == "--remove":
            check(not ok or not first.hold + first.failed, f"not removed: {first.show()}")
            check(not last.hold + last.failed and not last.copies, f"left: {last.show()}")
            return
        check(len({e.id for e in first.hold + first.failed}) == 2, f"an entry is missing: {first.show()}")
        if ok and job in ("--freeze", "--thaw"):
            want = job == "--freeze"
            check([e.is_frozen() for e in first.hold] == [want], f"{job}: {first.show()}")
        check_delivered(run, ONE)
        if job == "--retry":
            check(not ok or first.slots(TWO, first.hold) == ["W"], "not retried")
            check_delivered(run, TWO)
            check(not last.hold + last.failed, f"left: {last.show()}")
        else:
            check(last.slots(TWO, last.failed) == ["F"] and not last.hold, f"{last.show()}")
    return judge


def judge_list(run):
    listed = SCENARIOS["list"].clean["mailq"].ended
    check(run.ended.code in SOFT_EXITS | {0, -9, -15}, f"exit {run.ended.code}")
    check(run.first.summary() == SCENARIOS["list"].clean["mailq"].first.summary(),
          f"looking changed it: {run.first.show()}")
    # A lock that is held by somebody else is shown as such.
    if run.ended.code == 0 and (run.met, run.fault and run.fault.deed) != ("flock", "EAGAIN"):
        check(run.ended.out == listed.out, f"exit 0, and it shows {run.ended.out!r}")


def hold_one(*recipients):
    def setup(worker):
        worker.good("sendmail", *HELD, *recipients, feed=worker.feed)
    return setup


def hold_three(worker):
    for number in range(3):
        worker.good("sendmail", *HELD, f"x{number}@dest.example", f"y{number}@dest.example",
                    feed=worker.feed)


def hold_large(worker):
    """More than is read at once, so that a piece is out before the checksum is known."""
    feed = worker.case.write("large", MESSAGE + b"another line of it, as long as any\n" * 4500)
    worker.good("sendmail", *HELD, ONE, TWO, feed=feed)


def met_dead(setup=None):
    """The relay of dead.conf is known as dead, for longer than a sweep takes."""
    def run(worker):
        dead = os.path.join(worker.case.dir, "dead.conf")
        (setup or hold_one(ONE))(worker)
        call(worker.case, "flushq", "--all", conf=dead)
        for name in names_in(worker.case.hold, "state"):
            if not name.startswith("server."):
                continue
            with open(os.path.join(worker.case.hold, "state", name), "r+b") as file:
                text = re.sub(rb"\nuntil \d+\nlimit \d+\n",
                              b"\nuntil %d\nlimit 80000\n" % (time.time() + 70000), file.read())
                file.seek(0)
                file.write(text[:1023] + b"\n")
        if not setup:
            worker.good("flushq", "--remove", "all")
    return run


def run_rated(worker):
    """What goes out, after what has gone out, by a rate of two an hour."""
    worker.good("flushq", "--all", conf=os.path.join(worker.case.dir, "rate.conf"))
    worker.tail.settle()
    state = os.path.join(worker.case.hold, "state")
    for name in names_in(worker.case.hold, "state"):
        if name.startswith("rate."):
            with open(os.path.join(state, name), "rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return len(worker.tail.messages)


def judge_rate(run):
    judge_flush(MANY)(run)
    if run.killed or not run.happened:
        check(run.seen <= 2, f"{run.seen} messages at a rate of 2")
    # What was counted may not have gone: by each of the processes one.
    check(run.seen >= 1 or run.met, f"{run.seen} messages at a rate of 2")


MANY = {f"{letter}{n}@dest.example": "D" for n in range(3) for letter in "xy"}


def hold_again(worker):
    """One recipient has failed, its report cannot be delivered, and the other one expires."""
    worker.good("sendmail", "--hold", "-i", "-f", "temp450@src.example", NEVER, LATER,
                feed=worker.feed)
    worker.good("flushq", "--all")
    let_expire(worker)


def hold_expiring(worker):
    worker.good("sendmail", *HELD, LATER, feed=worker.feed)
    let_expire(worker)


def let_expire(worker):
    now, uptime = int(time.time()), int(time.clock_gettime(time.CLOCK_BOOTTIME))
    for entry in read_room(worker.case.hold, "hold"):
        if entry.is_report():
            continue
        set_head(os.path.join(worker.case.hold, "hold", entry.id), created=now - 6 * 86400,
                 attempts=5, tried=now - 60, uptime=max(1, uptime - 60), next=now - 30)


def hold_and_fail(*then):
    """One held and one failed, which the relay would take now."""
    def setup(worker):
        worker.good("sendmail", *HELD, TWO, feed=worker.feed)
        for entry in read_room(worker.case.hold, "hold"):
            path = os.path.join(worker.case.hold, "hold", entry.id)
            with open(path, "r+b") as file:
                file.seek(512)
                file.write(b"F 550")
            os.rename(path, os.path.join(worker.case.hold, "failed", entry.id))
        worker.good("sendmail", *HELD, ONE, feed=worker.feed)
        for job in then:
            worker.good("flushq", job, "all")
    return setup


def finish_steer(job):
    """What the administrator does when it went wrong: the same again."""
    def finish(worker):
        worker.good("flushq", job, "all")
        if job == "--freeze":
            worker.good("flushq", "--thaw", "all")
    return finish


def steering(name, *then, plain=False):
    job = "--" + name
    return Scenario("linked-" * plain + name, "flushq", (job, "all"), ("flushq",),
                    judge_steer(job), setup=hold_and_fail(*then), feed=False,
                    finish=finish_steer(job), plain=plain)


SCENARIOS = {s.name: s for s in (
    Scenario("hold", "sendmail", (*HELD, ONE, TWO), ("sendmail",), judge_submit),
    Scenario("now", "sendmail", (*NOW, ONE, TWO), ("sendmail", "sendmail+", "flushq"),
             judge_submit),
    Scenario("background", "sendmail", ("-odb", *NOW, ONE, TWO), ("sendmail+", "flushq"),
             judge_submit),
    Scenario("now-refused", "sendmail", (*NOW, ONE, NEVER), ("sendmail", "flushq"),
             judge_refused, base=(67, 69)),
    Scenario("faulty-conf", "sendmail", (*NOW, ONE, TWO), ("sendmail",), judge_kept,
             conf="faulty.conf", base=78),
    Scenario("flush", "flushq", ("--all",), ("flushq",),
             judge_flush({ONE: "D", LATER: "W", NEVER: "F"}, 1),
             setup=hold_one(ONE, LATER, NEVER), feed=False),
    Scenario("flush-many", "flushq", ("--all",), ("flushq", "flushq+"), judge_flush(MANY),
             setup=hold_three, feed=False),
    Scenario("flush-rate", "flushq", ("--all",), ("flushq",), judge_rate,
             setup=hold_three, feed=False, conf="rate.conf", finish=run_rated),
    Scenario("flush-flight", "flushq", ("--all",), ("flushq",), judge_flight(MANY),
             setup=hold_three, feed=False, conf="flight.conf"),
    Scenario("flush-dead", "flushq", ("--all",), ("flushq",),
             judge_flush({ONE: "D", TWO: "D"}), setup=hold_one(ONE, TWO), feed=False,
             conf="dead.conf"),
    Scenario("now-dead", "sendmail", (*NOW, ONE, TWO), ("sendmail",), judge_submit,
             setup=met_dead(), conf="dead.conf"),
    Scenario("flush-dead-again", "flushq", ("--all",), ("flushq",), judge_flush(MANY),
             setup=met_dead(hold_three), feed=False, conf="dead.conf"),
    Scenario("flush-due-dead", "flushq", (), ("flushq",), judge_flush(MANY),
             setup=met_dead(hold_three), feed=False, conf="dead.conf"),
    Scenario("flush-large", "flushq", ("--all",), ("flushq",),
             judge_flush({ONE: "D", TWO: "D"}), setup=hold_large, feed=False),
    Scenario("report", "flushq", ("--all",), ("flushq",),
             judge_flush({ONE: "D", NEVER: "F"}, 1), setup=hold_one(ONE, NEVER), feed=False),
    Scenario("report-again", "flushq", ("--all",), ("flushq",), judge_again, setup=hold_again,
             feed=False),
    Scenario("expire", "flushq", ("--all",), ("flushq",), judge_flush({LATER: "F"}, 1),
             setup=hold_expiring, feed=False),
    Scenario("linked-hold", "sendmail", (*HELD, ONE, TWO), ("sendmail",), judge_submit,
             plain=True),
    Scenario("linked-report", "flushq", ("--all",), ("flushq",),
             judge_flush({ONE: "D", NEVER: "F"}, 1), setup=hold_one(ONE, NEVER), feed=False,
             plain=True),
    steering("retry", plain=True),
    steering("remove"),
    steering("freeze"),
    steering("thaw", "--freeze"),
    steering("retry"),
    Scenario("list", "mailq", ("--json",), ("mailq",), judge_list, setup=hold_three, feed=False),
)}


# The runs

class Worker:
    """A folder, a configuration and a relay; one run after the other."""

    def __init__(self):
        self.case = Case("sweep")
        self.relay = self.case.relay("--discard")
        chunking = self.case.relay("--discard", "--with", "CHUNKING")
        self.tails = {None: Tail(self.relay), "flight.conf": Tail(chunking)}
        self.tail = self.tails[None]
        self.feed = self.case.write("message", MESSAGE)
        keys = {"port": self.relay.port, "connections": "2"}
        self.case.configure(dict(keys, port=1))
        os.rename(self.case.conf_path, os.path.join(self.case.dir, "dead.conf"))
        self.case.configure(dict(keys, rate="2/h, 100/d", connections="1"))
        os.rename(self.case.conf_path, os.path.join(self.case.dir, "rate.conf"))
        self.case.configure(dict(keys, port=chunking.port, connections="1"))
        os.rename(self.case.conf_path, os.path.join(self.case.dir, "flight.conf"))
        self.case.configure(keys, tail="bogus = 1\n")
        os.rename(self.case.conf_path, os.path.join(self.case.dir, "faulty.conf"))
        self.case.configure(keys)

    def good(self, program, *args, feed=None, conf=None):
        """A call without a fault that must work."""
        ended = call(self.case, program, *args, feed=feed, conf=conf)
        check((ended.code, ended.err, ended.hung) == (0, "", ""),
              f"{program} {args} without a fault: exit {ended.code} {ended.hung} {ended.err!r}")

    def empty(self):
        shutil.rmtree(self.case.hold)

    def prepare(self, scenario):
        """The hold from which each run starts, made once."""
        self.empty()
        self.good("flushq")
        if scenario.setup:
            scenario.setup(self)
        scenario.template = os.path.join(self.case.dir, "template-" + scenario.name)
        shutil.copytree(self.case.hold, scenario.template)

    def recover(self, scenario):
        seen = scenario.finish(self) if scenario.finish else None
        if scenario.name == "list":
            return seen
        for _ in range(3):
            before = names_in(self.case.hold, "hold")
            self.good("flushq", "--all", conf=scenario.conf in self.tails and self.conf(scenario))
            now = names_in(self.case.hold, "hold")
            if not now or now == before:
                break
        return seen

    def conf(self, scenario):
        return scenario.conf and os.path.join(self.case.dir, scenario.conf)

    def run(self, scenario, who, fault=None):
        self.empty()
        self.tail = self.tails.get(scenario.conf, self.tails[None])
        shutil.copytree(scenario.template, self.case.hold)
        self.tail.settle()
        self.tail.clear()
        ended = call(self.case, scenario.program, *scenario.args, conf=self.conf(scenario),
                     feed=self.feed if scenario.feed else None,
                     env=fault_env(self.case, who, fault, scenario.plain), family=len(scenario.who) > 1)
        calls = read_calls(self.case)
        first = State(self)
        seen = self.recover(scenario)
        return Run(fault, ended, calls, first, State(self), scenario.plain, seen)


def faults_of(who, calls):
    """Everything that is to go wrong, with the calls of a run where nothing did: what must be
    tried, and the rest."""
    must, rest, seen = [], [], collections.Counter()
    for name in (line.split(" ")[0] for line in calls):
        seen[name] += 1
        must.append(Fault(who, name, seen[name], "kill"))
        others = must if name in FILE_CALLS else rest
        for deed in HARMLESS.get(name, []) + HARMFUL.get(name, []):
            others.append(Fault(who, name, seen[name], deed))
        rest.append(Fault(who, name, seen[name], "TERM"))
    must.append(Fault(who, name, seen[name], "killed"))
    return must, rest


def judge_run(scenario, run):
    check_common(run)
    scenario.judge(run)
    fault = run.fault
    if run.happened and fault.deed in HARMLESS.get(run.met, ()):
        usual = scenario.clean[fault.who].outcome()
        check(run.outcome() == usual, f"not as usual: {run.outcome()}, usually {usual}")


def judge_clean(scenario, who, run):
    """Without a fault all must be well, or nothing else can be judged."""
    check(run.calls, f"no call of {who} was seen")
    check(run.ended.code in scenario.base, f"exit {run.ended.code}: {run.ended.err!r}")
    judge_run(scenario, run)
    check_order(run, who)
    check(not run.twice, "a copy too many")


def explain(run):
    return (f"exit {run.ended.code}, stderr {run.ended.err!r}; after it: {run.first.show()}; "
            f"at the end: {run.last.show()}")


class Sweep:
    """All runs of all scenarios, some at a time."""

    def __init__(self, names):
        self.scenarios = [SCENARIOS[n] for n in names]
        self.workers = queue.Queue()
        self.lock = threading.Lock()
        self.passed = self.failed = self.left = 0
        self.end = time.monotonic() + SECONDS if SECONDS else None

    def count(self, scenario, fault, wrong, run=None):
        if fault and VERBOSE:
            print("     " + "\n     ".join(run.calls))
        with self.lock:
            scenario.runs += 1
            scenario.twice += run.twice if run and not wrong else 0
            if not wrong:
                self.passed += 1
                return
            self.failed += 1
            scenario.failures.append(wrong)
            if len(scenario.failures) > SHOWN and not VERBOSE:
                return
            print(f"FAIL {scenario.name}: {fault or 'no fault'}: {wrong}")
            if run:
                print(f"     {explain(run)}"[:1500])
            sys.stdout.flush()

    def one(self, scenario, fault, must):
        if (SANITIZED or not must) and self.end and time.monotonic() > self.end:
            with self.lock:
                self.left += 1
            return
        worker = self.workers.get()
        run, wrong = None, ""
        try:
            run = worker.run(scenario, fault.who, fault)
            judge_run(scenario, run)
        except Wrong as why:
            wrong = str(why)
        finally:
            self.workers.put(worker)
        self.count(scenario, fault, wrong, run)

    def begin(self, scenario):
        """The run without a fault; (what must be tried, the rest)."""
        worker = self.workers.get()
        must, rest, wrong, run = [], [], "", None
        try:
            worker.prepare(scenario)
            for who in scenario.who:
                run = worker.run(scenario, who)
                scenario.clean[who] = run
                judge_clean(scenario, who, run)
                more = faults_of(who, run.calls)
                must += more[0]
                rest += more[1]
        except Wrong as why:
            wrong = str(why)
        finally:
            self.workers.put(worker)
        self.count(scenario, None, wrong, run)
        return must, rest

    def go(self, only=None):
        workers = [Worker() for _ in range(JOBS)]
        for worker in workers:
            self.workers.put(worker)
        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            must, rest = [], []
            for scenario, found in zip(self.scenarios, pool.map(self.begin, self.scenarios)):
                must += [(scenario, fault, True) for fault in found[0]]
                rest += [(scenario, fault, False) for fault in found[1]]
            random.Random(1).shuffle(must)
            random.Random(1).shuffle(rest)
            few = must + rest[::PART]
            jobs = [j for j in must + rest if str(j[1]) == only] if only else few
            self.left = 0 if only else len(must + rest) - len(few)
            for future in [pool.submit(self.one, *job) for job in jobs]:
                future.result()
        for worker in workers:
            try:
                worker.case.__exit__(None)
            except Wrong as why:
                self.failed += 1
                print(f"FAIL {why}")

    def tell(self):
        for scenario in self.scenarios:
            print(f"{scenario.name:12} {scenario.runs:5} runs, {len(scenario.failures)} failed, "
                  f"{scenario.twice} with a copy twice in the window")
        if self.left:
            print(f"{self.left} runs left out (SWEEP=whole, without SWEEP_SECONDS: none)")
        print(f"{self.passed} passed, {self.failed} failed")
        sys.exit(1 if self.failed else 0)


def main():
    if not sys.platform.startswith("linux"):
        print("skip sweep: no LD_PRELOAD and clocks as on Linux")
        print("0 passed, 0 failed, 1 skipped")
        return
    names = sys.argv[1:]
    only = " ".join(names[1:]) if len(names) == 5 and names[3].isdigit() else None
    sweep = Sweep(names[:1] if only else names or list(SCENARIOS))
    sweep.go(only)
    sweep.tell()


main()
