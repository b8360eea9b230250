# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what mailq prints, as a case of compat.t expects it and as monitors do."""

import json
import os
import re
import shutil
import subprocess

from harness import check, same

HEADER = "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------"
ENTRY = re.compile(r"(?P<id>[0-9A-F]{12})(?P<mark>[*!]?) +(?P<size>\d+) "
                   r"(?P<time>(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (?:Jan|Feb|Mar|Apr|May|Jun|Jul|"
                   r"Aug|Sep|Oct|Nov|Dec) [ 1-3]\d \d\d:\d\d:\d\d)  (?P<sender>\S.*)")
KEYS = ("queue_name queue_id arrival_time message_size forced_expire sender recipients "
        "attempts next_attempt uid frozen").split()
PLUGINS = ("/usr/lib/nagios/plugins", "/usr/lib/monitoring-plugins",
           "/usr/lib64/nagios/plugins", "/usr/libexec/monitoring-plugins")


def plural(count):
    return "Request" if count == 1 else "Requests"


def read_entry(lines, at, verbose):
    match = ENTRY.fullmatch(lines[at])
    check(match, f"not the first line of an entry: {lines[at]!r}")
    check(match.end("size") == 20, f"the size ends in another column: {lines[at]!r}")
    entry = {"id": match["id"], "mark": match["mark"], "recipients": [], "reasons": [],
             "sender": "" if match["sender"] == "MAILER-DAEMON" else match["sender"]}
    at += 1
    while lines[at]:
        line = lines[at]
        if re.fullmatch(r" {41}\S.*", line) and not line.endswith(")"):
            entry["recipients"].append(line[41:])
        elif re.fullmatch(r" *\(.*\)", line):
            check(line.startswith("(") or len(line) == 78 or len(line) == 77,
                  f"a reason neither flush left nor ending in its column: {line!r}")
            entry["reasons"].append(line.strip()[1:-1])
        else:
            check(verbose and line.startswith(" "), f"what is this line? {line!r}")
        at += 1
    return entry, at + 1


def read_text(text, verbose=False):
    """The entries of the text form, its layout checked."""
    if text == "Mail queue is empty\n":
        return []
    check(text.endswith("\n"), "no line end at the end")
    lines = text.split("\n")[:-1]
    same("the first line", lines[0], HEADER)
    entries, at = [], 1
    while at < len(lines) and not lines[at].startswith("\t\t"):
        entry, at = read_entry(lines, at, verbose)
        entries.append(entry)
    count = len(entries)
    same("the last lines", len(lines) - at, 2)
    same("Sendmail's count", lines[at], f"\t\tTotal requests: {count}")
    check(re.fullmatch(rf"-- \d+ Kbytes in {count} {plural(count)}\.", lines[-1]),
          f"the last line: {lines[-1]!r}")
    return entries


def read_json(text):
    entries = []
    for line in text.splitlines():
        one = json.loads(line)
        for key in KEYS:
            check(key in one, f"no {key} in {line}")
        for rcpt in one["recipients"]:
            check({"address", "status"} <= set(rcpt), f"a recipient without: {line}")
        entries.append({
            "id": one["queue_id"], "mark": "!" if one["frozen"] else "",
            "sender": "" if one["sender"] == "MAILER-DAEMON" else one["sender"],
            "recipients": [r["address"] for r in one["recipients"]],
            "reasons": [r["delay_reason"] for r in one["recipients"] if "delay_reason" in r],
            "attempts": one["attempts"]})
    return entries


def fits(entry, wanted, tried):
    left = list(entry["recipients"])
    for one in wanted["recipients"]:
        if one not in left:
            return False
        left.remove(one)
    left = [r for r in left if r not in wanted.get("recipients_optional", [])]
    return (not left and entry["sender"] == wanted["sender"]
            and ("mark" not in wanted or entry["mark"] == wanted["mark"])
            and ("reason" not in wanted
                 or any(re.search(wanted["reason"], r) for r in entry["reasons"]))
            and (not tried or entry["reasons"]))


def check_listing(step, out):
    """The IDs in the listing."""
    form, wanted = step.get("form", "text"), step["listing"]
    if form == "count":
        same("the count", out, f"{len(wanted)}\n")
        return None
    entries = read_json(out) if form == "json" else read_text(out, form == "verbose")
    if step.get("tools"):
        check_tools(out, len(wanted))
    left, ids = list(entries), []
    for one in wanted:
        found = [e for e in left
                 if fits(e, one, one.get("tried") or (step.get("tried") and form == "json"))]
        check(found, f"nothing like {one} in {out!r}")
        left.remove(found[0])
        ids.append(found[0]["id"])
    check(not left, f"more than {wanted} in {out!r}")
    return ids


# What monitors make of it

def sendmail_mode(lines):
    """check_mailq -M sendmail: no line that it knows counts as nothing."""
    for line in lines:
        match = re.search(r"mqueue", line) and re.search(r" \((\d+) request", line)
        match = match or re.search(r"^\s+Total\sRequests:\s(\d+)$", line, re.I)
        if match:
            return int(match[1])
    return 0


def postfix_mode(lines):
    match = re.search(r"Kbytes in (\d+)", lines[-1])
    if match:
        return int(match[1])
    return 0 if re.search("Mail queue is empty", lines[-1]) else "unknown"


def netdata(lines):
    words = lines[-1].split(" ")
    return 0 if words[0] == "Mail" else int(words[4])


def shell(command, text):
    result = subprocess.run(["sh", "-c", command], input=text.encode(), capture_output=True,
                            timeout=30, check=False, env={"PATH": os.environ["PATH"]})
    return result.stdout.decode().strip()


def check_tools(text, count):
    lines = text.splitlines()
    same("check_mailq -M sendmail", sendmail_mode(lines), count)
    same("check_mailq -M postfix", postfix_mode(lines), count)
    same("netdata", netdata(lines), count)
    same("grep A-F0-9", shell("grep -c '^[A-F0-9]'", text), str(count))
    first = shell("head -1", text)
    if count == 0:
        same("head -1", first, "Mail queue is empty")
        return
    same("head -1", first, HEADER)
    same("grep 0-9A-Z", shell("grep -c '^[0-9A-Z]'", text), str(count))
    same("tail, awk", shell("tail -n1 | awk '{print $5}'", text), str(count))
    same("awk", shell("awk '/^-- [0-9]+ Kbytes in/ {print $5}'", text), str(count))
    if count > 1:
        for reader, pattern in (("telegraf", r"-- (\d+) Kbytes in (\d+) Requests\."),
                                ("mackerel", r"^-- (\d+) Kbytes in (\d+) Requests\.$")):
            match = re.search(pattern, lines[-1])
            check(match and int(match[2]) == count, f"{reader}: {lines[-1]!r}")


def check_plugin(folder, mailq, config, count):
    """The real check_mailq, which looks for its paths in utils.pm beside it. False: none."""
    home = next((p for p in PLUGINS if os.path.exists(f"{p}/check_mailq")), None)
    if not home:
        return False
    copy = os.path.join(folder, f"plugin{count}")
    os.makedirs(copy, exist_ok=True)
    wrapper = os.path.join(copy, "mailq")
    with open(wrapper, "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\nexec '{mailq}' -C '{config}' \"$@\"\n")
    os.chmod(wrapper, 0o755)
    shutil.copy(f"{home}/check_mailq", copy)
    with open(f"{home}/utils.pm", encoding="utf-8") as file:
        utils = file.read()
    with open(f"{copy}/utils.pm", "w", encoding="utf-8") as file:
        file.write(re.sub(r"(PATH_TO_MAILQ\s*=\s*)\S+;", rf'\1"{wrapper}";', utils))
    for mode in ("postfix", "sendmail"):
        result = subprocess.run([f"{copy}/check_mailq", "-M", mode, "-w", "1", "-c", "100"],
                                capture_output=True, timeout=60, check=False)
        out = result.stdout.decode("utf-8", "replace")
        same(f"check_mailq -M {mode}: {out!r}", result.returncode, 1 if count >= 1 else 0)
        if count:
            check(re.search(rf"\b{count}\b", out), f"check_mailq -M {mode}: {out!r}")
    return True
