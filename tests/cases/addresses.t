#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses of public test sets of address parsers, as operands and in a header.
addresses.json says what must come of each, and why where a set says otherwise."""

import json
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "addresses.json"),
          encoding="ascii") as table_file:
    TABLE = json.load(table_file)
ROWS = TABLE["rows"]
# Verdicts of is_email with which an address can be one of SMTP.
MAILABLE = ("valid", "dnsWarn", "rfc5321", "cfws", "deprecated")
FIRST, LAST, COPY = "first@dest.example", "last@dest.example", "copy@dest.example"
CONF = {"mail.hostname": "host.example", "mail.domain": "corp.example"}


def recipients(result):
    return re.findall(r"^recipient: <(.*)>$", result.out, re.M)


def outcome(result, address, others):
    """As the table has it. The other recipients are there, or all is refused."""
    if result.code:
        check(result.err, "refused without a reason")
        same("recipients of what is refused", recipients(result), [])
        return result.code
    found = recipients(result)
    for other in others:
        same(f"{other} among {found}", found.count(other), 1)
        found.remove(other)
    return "=" if found == [address] else found


def as_operand(case, row):
    result = case.run("sendmail", "--dry-run", "-i", "-f", "x@y.example", "--", row[1],
                      feed=b"Subject: s\n\nb\n")
    return outcome(result, row[1], ())


def in_header(case, row):
    """In the middle of a list: what is broken takes nothing of what is beside it along."""
    message = f"To: {FIRST}, {row[1]}, {LAST}\nCc: {COPY}\n\nb\n".encode()
    result = case.run("sendmail", "--dry-run", "-i", "-t", "-f", "x@y.example", feed=message)
    return outcome(result, row[1], (FIRST, LAST, COPY))


def all_rows(how, column):
    def run():
        with Case("addresses") as case, ThreadPoolExecutor(4) as pool:
            case.configure({}, conf=CONF)
            rows = [row for row in ROWS if row[column] is not None]
            wrong = []

            def one(row):
                try:
                    found = how(case, row)
                except Exception as reason:  # pylint: disable=broad-except
                    found = str(reason)
                if found != row[column]:
                    wrong.append(f"{row[1]!r}: {found!r}, wanted {row[column]!r}")

            list(pool.map(one, rows))
            check(not wrong, f"{len(wrong)} of {len(rows)}:\n" + "\n".join(sorted(wrong)))
    return how.__name__.replace("_", " "), run


def what_is_held(case, args, message):
    result = case.send("-i", "-f", "x@y.example", *args, message=message)
    return result.code, len(case.entries())


def held():
    """What is refused leaves nothing behind."""
    with Case("addresses") as case:
        case.configure({}, conf=dict(CONF, **{"delivery.mode": "hold"}))
        for row in [r for r in ROWS if r[4] == 65][::8]:
            message = f"To: {FIRST}, {row[1]}\n\nb\n".encode()
            same(row[1], what_is_held(case, ("-t",), message), (65, 0))
        same("good", what_is_held(case, ("-t",), f"To: {FIRST}\n\nb\n".encode()), (0, 1))


def table():
    """Each row that is not what its set says has a reason, each reason is used, no address
    stands twice."""
    used = set()
    for name, address, says, operand, header, reason in ROWS:
        check(name in TABLE["sets"], f"{address!r}: no set {name}")
        check(reason == "" or reason in TABLE["reasons"], f"{address!r}: no reason {reason}")
        used.add(reason)
        taken = says.startswith(MAILABLE)
        wanted = operand == header == "=" if taken else \
            isinstance(operand, int) and (header is None or isinstance(header, int))
        check(name == "own" or wanted or reason, f"{address!r}: why not as {says}?")
        check(name == "own" or not wanted or not reason, f"{address!r}: a reason for nothing")
    same("reasons", used - {""}, set(TABLE["reasons"]))
    same("addresses", len({row[1] for row in ROWS}), len(ROWS))


run_all([("the table", table), all_rows(as_operand, 3), all_rows(in_header, 4),
         ("nothing is held", held)])
