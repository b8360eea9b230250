# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares a message that reached the relay with what a case of compat.t expects of it."""

import base64
import binascii
import email.utils
import hashlib
import quopri
import re
import time

from harness import Wrong, check, same

NEVER = {b"bcc", b"resent-bcc", b"return-path", b"content-length"}
WORD = re.compile(rb"=\?([^?\s]+)\?([bBqQ])\?([^?\s]*)\?=")


def piece(value):
    """Bytes of a case: base64, or parts that are repeated."""
    if isinstance(value, dict):
        return b"".join(base64.b64decode(p["base64"]) * p.get("times", 1)
                        for p in value["parts"])
    return base64.b64decode(value)


def domain_folded(address):
    local, at, domain = address.rpartition("@")
    return local + at + domain.lower() if at else address


def mail_text(logged):
    """The relay logs a character a byte."""
    return logged.encode("latin-1").decode("utf-8", "replace")


def split(raw):
    """A message with CRLF: the list of raw fields (folds as LF), and the body with LF."""
    if raw.startswith(b"\r\n"):
        header, body = b"", raw[2:]
    else:
        header, _, body = raw.partition(b"\r\n\r\n")
        header += b"\r\n"
    fields = []
    for line in header.split(b"\r\n")[:-1]:
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1] += b"\n" + line
        else:
            fields.append(line)
    return fields, body.replace(b"\r\n", b"\n")


def name_of(field):
    return field.partition(b":")[0].strip().lower()


def value_of(field):
    return field.partition(b":")[2]


def undo_words(value):
    """Encoded words (RFC 2047) as the bytes that they stand for."""
    value = re.sub(rb"(\?=)\s+(?==\?)", rb"\1", value)

    def undo(match):
        text = match.group(3)
        if match.group(2) in b"bB":
            try:
                return base64.b64decode(text, validate=True)
            except binascii.Error:
                return match.group(0)
        return quopri.decodestring(text, header=True)

    return WORD.sub(undo, value)


def squeezed(value):
    return re.sub(rb"[\s\"\\]+", b" ", value).strip()


def same_raw(field, wanted):
    if field == wanted:
        return True
    tight = re.sub(rb"^([^:\s]+)[ \t]+:", rb"\1:", wanted)
    if field == tight:
        return True
    return (any(c > 127 for c in wanted) and not any(c > 127 for c in field)
            and squeezed(undo_words(field)) == squeezed(tight))


def addresses(value):
    """(display name, address) of each mailbox of a list."""
    text = value.replace(b"\n", b"").decode("utf-8", "surrogateescape")
    found = []
    for name, address in email.utils.getaddresses([text]):
        name = undo_words(name.encode("utf-8", "surrogateescape")).decode("utf-8", "replace")
        if address or name:
            found.append((name, domain_folded(address)))
    return found


def same_addresses(value, wanted):
    found = addresses(value)
    return len(found) == len(wanted) and all(
        name == want[0] and address in [domain_folded(a) for a in want[1:]]
        for (name, address), want in zip(found, wanted))


def hashes(field):
    forms = [field, field.replace(b"\n", b"\r\n")]
    forms += [f + end for f, end in zip(forms, (b"\n", b"\r\n"))]
    return {hashlib.sha256(f).hexdigest() for f in forms}


def same_field(field, wanted):
    if "raw" in wanted:
        return same_raw(field, wanted["raw"].encode("latin-1"))
    if name_of(field) != wanted["field"].lower().encode():
        return False
    if "addresses" in wanted:
        return same_addresses(value_of(field), wanted["addresses"])
    if "words" in wanted:
        plain = [re.sub(rb"\s+", b"", v)
                 for v in (value_of(field), undo_words(value_of(field)))]
        return re.sub(rb"\s+", b"", piece(wanted["words"])) in plain
    return wanted["sha256"] in hashes(field)


def same_fields(fields, wanted):
    """All of them in order, but for the optional ones."""
    if not wanted:
        return not fields
    if fields and same_field(fields[0], wanted[0]) and same_fields(fields[1:], wanted[1:]):
        return True
    return bool(wanted[0].get("optional")) and same_fields(fields, wanted[1:])


def check_date(value):
    when = email.utils.parsedate_to_datetime(value.decode("ascii").strip())
    check(abs(when.timestamp() - time.time()) < 300, f"a date that is not now: {value!r}")


def check_added(name, field, wanted):
    value = value_of(field)
    if name in ("date", "resent-date"):
        check_date(value)
    elif name in ("message-id", "resent-message-id"):
        check(re.fullmatch(rb" <[!-;=?A-~]+@gate\.harness\.example>", value),
              f"{name} that was added: {value!r}")
    if isinstance(wanted, dict):
        found = addresses(value)
        check(len(found) == 1, f"{name} that was added: {value!r}")
        allowed = [domain_folded(a) for a in wanted["addresses"]]
        check(found[0][1] in allowed, f"{name} that was added: {value!r}, wanted {allowed}")
        check(wanted["names"] is None or found[0][0] in wanted["names"],
              f"{name} that was added: {value!r}, wanted a name of {wanted['names']}")


def take_added(fields, added, wanted):
    """Removes the fields that were to be added, after a look at them."""
    kept = {w["raw"].partition(":")[0].strip().lower() if "raw" in w else w["field"].lower()
            for w in wanted}
    for name, how in added.items():
        low = name.lower()
        if low in kept:
            continue
        found = [f for f in fields if name_of(f) == low.encode()]
        check(len(found) <= 1 and (found or how == "optional"), f"{len(found)} times {name}")
        if found:
            check_added(low, found[0], how)
            fields.remove(found[0])


def check_header(fields, wanted):
    for field in fields:
        check(name_of(field) not in NEVER, f"a field that must go: {field!r}")
    if "received" in wanted:
        check(fields and name_of(fields[0]) == b"received"
              and re.search(wanted["received"], fields.pop(0).decode("latin-1")),
              f"no Received of ours on top: {fields[:2]}")
    take_added(fields, wanted.get("added", {}), wanted["headers"])
    given = {name_of(f) for f in fields}
    if not given & {b"cc"}:
        none = [f for f in fields if squeezed(f).lower() == b"to: undisclosed-recipients:;"]
        if none and not same_fields(fields, wanted["headers"]):
            fields.remove(none[0])
    check(same_fields(fields, wanted["headers"]),
          f"header {fields}\n  wanted {wanted['headers']}")


def closed(body):
    return body if not body or body.endswith(b"\n") else body + b"\n"


def check_body(fields, body, wanted):
    due = wanted["body"] if isinstance(wanted["body"], list) else [wanted["body"]]
    due = [closed(piece(b)) for b in due]
    if not wanted.get("body_loose"):
        check(closed(body) in due, f"body {body[:400]!r}, wanted {due[0][:400]!r}")
        return
    coding = [value_of(f).strip().lower() for f in fields
              if name_of(f) == b"content-transfer-encoding"]
    if coding == [b"quoted-printable"]:
        body = quopri.decodestring(body)
    elif coding == [b"base64"]:
        body = base64.b64decode(body)
    bare = re.sub(rb"\s+", b"", body)
    check(bare in [re.sub(rb"\s+", b"", b) for b in due], f"text {bare[:400]!r}")


def check_sender(sender, wanted):
    allowed = wanted if isinstance(wanted, list) else [wanted]
    for one in allowed:
        if one.startswith("~") and re.search(one[1:], sender):
            return
        if domain_folded(sender) == domain_folded(one):
            return
    raise Wrong(f"sender {sender!r}, wanted {wanted!r}")


def check_recipients(event, wanted):
    left = [domain_folded(mail_text(r["address"])) for r in event["recipients"] if r["code"] // 100 == 2]
    got = list(left)
    for one in wanted["recipients"]:
        forms = [domain_folded(a) for a in (one if isinstance(one, list) else [one])]
        found = [a for a in left if a in forms]
        check(found, f"recipients {got}, wanted {wanted['recipients']}")
        left.remove(found[0])
    for one in wanted.get("recipients_optional", []):
        if domain_folded(one) in left:
            left.remove(domain_folded(one))
    check(not left, f"recipients {got}, wanted {wanted['recipients']}")


def check_params(event, wanted):
    params = {k.upper(): v for k, v in event["params"].items()}
    for key, value in wanted.get("mail_params", {}).items():
        check(key in params, f"MAIL has no {key}: {params}")
        check(not value or (params[key] or "").upper() in value.upper().split("|"),
              f"MAIL has {key}={params[key]}, wanted {value}")
    for key in wanted.get("no_mail_params", []):
        check(key not in params, f"MAIL has {key}")
    if "notify" not in wanted:
        return
    for rcpt in event["recipients"]:
        notify = {k.upper(): v for k, v in rcpt["params"].items()}.get("NOTIFY")
        same("NOTIFY", sorted(notify.upper().split(",")) if notify else [], wanted["notify"])


def check_wire(event, raw, wanted):
    same("what the relay complains of", event["violations"], [])
    bare = re.sub(rb"\r\n", b"", raw)
    check(not re.search(rb"[\r\n\0]", bare), f"a bare CR, LF or NUL: {raw[:400]!r}")
    check(not raw or raw.endswith(b"\r\n"), "no line end at the end")
    if "line_limit" in wanted:
        longest = max(len(line) for line in raw.split(b"\r\n"))
        check(longest <= wanted["line_limit"], f"a line of {longest} bytes")


def check_message(event, raw, wanted):
    """event: of the relay's log. raw: the bytes it stored. wanted: of the case."""
    check_wire(event, raw, wanted)
    check_sender(mail_text(event["sender"]), wanted["sender"])
    check_recipients(event, wanted)
    check_params(event, wanted)
    if "helo" in wanted:
        same("EHLO", event["helo"], wanted["helo"])
    fields, body = split(raw)
    check_body(fields, body, wanted)
    check_header(list(fields), wanted)
