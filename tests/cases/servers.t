#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that misbehave. A row is a server, perhaps some configuration, and what must come
of a message to two recipients; what must hold in every row is checked in every row.

OK        delivered once, nothing held
HOLD      exit 0, exactly the undelivered recipients are held; a flush against a good server
          delivers each of them exactly once
HOLD?     as HOLD, but the server may have taken the message: 1 or 2 copies, never none
CONF      as HOLD; the fault is ours or the relay's, so it is never a failure of the mail, and
          a flush makes one attempt
PERM n    refused for good: exit n, a line for each recipient, the message is in failed/
"""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403

SECRET = "s3cret Wort"
USER = "u@example.org"
ADDRESS = {"b": PAIR[0], "c": PAIR[1]}
TLS = {"security": "starttls", "tls_trust": "{certs}/ca.pem", "tls_name": "relay.test"}
IMPLICIT = dict(TLS, security="tls")
LOGIN = dict(TLS, user=USER, password=SECRET)
SERVER_LOGIN = ("--user", USER, "--password", SECRET)
STUFFED = wire_form(MESSAGE).replace(b"\r\n.", b"\r\n..")
BIG = MESSAGE + b"a line of a big message, sixty-three bytes with its end ......\n" * 60000


class Row:
    """A server and what must come of it; see run_row for the fields."""

    def __init__(self, name, outcome, why="", on=(), opt=(), cert=None, relay=None, **more):
        self.name, self.outcome, self.why = name, outcome, why
        self.on = (on,) if isinstance(on, str) else on
        self.opt, self.cert, self.relay = tuple(opt), cert, relay or {}
        self.certs = more.pop("certs", None)         # where the certificates are
        self.message = more.pop("message", MESSAGE)
        self.args = more.pop("args", ARGS)
        self.to = more.pop("to", None)               # recipients as the relay must see them
        self.delivered = more.pop("delivered", None)  # letters
        self.waiting = more.pop("waiting", None)
        self.failed = more.pop("failed", None)
        self.within = more.pop("within", 9)           # seconds
        self.connects = more.pop("connects", 1)       # most connections in one run
        self.measure = more.pop("measure", False)     # of flushq: memory and time
        self.cpu = more.pop("cpu", CPU_SECONDS)
        self.verify = more.pop("verify", None)        # verify(case, relay, result)
        self.then = more.pop("then", None)            # relay keys that mend the configuration
        self.cured = more.pop("cured", ())            # options of the good server
        self.good_cert = more.pop("good_cert", "server")
        self.port_shut = more.pop("port_shut", False)
        self.quits = more.pop("quits", None)          # must QUIT be said, or must not
        self.clear_secret = more.pop("clear_secret", False)
        self.violations = more.pop("violations", 0)   # is the relay to complain
        assert not more, more


def split_outcome(row):
    """Letters delivered, waiting, failed at the first try."""
    word = row.outcome.split()[0]
    usual = {"OK": ("bc", "", ""), "PERM": ("", "", "bc")}.get(word, ("", "bc", ""))
    given = (row.delivered, row.waiting, row.failed)
    if any(g is not None for g in given):
        return tuple(g or "" for g in given)
    return usual


def no_command(*words):
    def verify(_case, relay, _result):
        for line in relay.commands():
            check(line.split(" ")[0].upper() not in words, f"the client said {line!r}")
    return verify


def no_body(_case, relay, _result):
    same("bytes of the body", [e["size"] for e in relay.events("body")
                               + relay.events("message") + relay.events("partial")
                               if e["size"] > 0], [])


def tokens(text):
    """Addresses behind letters."""
    return sorted(ADDRESS[letter] for letter in text)


def check_clear(row, relay):
    """V3: no credential over an unencrypted connection."""
    if row.clear_secret:
        return
    for event in relay.events("command"):
        check(event.get("tls") or not event["line"].upper().startswith("AUTH"),
              f"in clear: {event['line']!r}")


def check_runs(row, relay, since):
    """V8: connections of one run."""
    count = len(relay.events("connect", since))
    check(count <= row.connects, f"{count} connections in one run")


def check_reason(row, case):
    if not row.why:
        return
    text = case.reasons()
    match("mailq", row.why, text)
    match("log", r"status=held|status=failed", case.log())


def check_refusals(row, result, failed):
    lines = result.err.splitlines()
    same("lines on stderr", len(lines), len(failed))
    for letter in failed:
        address = re.escape(ADDRESS[letter])
        check(any(re.fullmatch(rf"sendmail: <{address}>: .+", line) for line in lines),
              f"no line for {ADDRESS[letter]} in {lines}")
    if row.why:
        match("stderr", row.why, result.err)


def fill_in(keys, folder):
    return {k: v.replace("{certs}", folder or "") if isinstance(v, str) else v
            for k, v in keys.items()}


def set_up(row, case):
    rules = [x for rule in row.on for x in ("--on", rule)]
    folder = certificates() if row.cert or "{certs}" in str(row.relay) else None
    relay = case.relay(*row.opt, *rules, cert=row.cert)
    if row.port_shut:
        relay.stop()
    keys = {"port": relay.port, "timeout": "2s", "dot_timeout": "3s"}
    case.configure(dict(keys, **fill_in(row.relay, folder)),
                   conf={"delivery.mode": "hold"} if row.measure else None)
    return relay, keys, folder


def first_try(row, case, relay):
    if not row.measure:
        return case.send(*row.args, message=row.message)
    same("exit", case.send(*row.args, message=row.message).code, 0)
    result = case.start_measured("flushq", "--all")
    same("flushq", (result.code, result.err), (0, ""))
    if not SANITIZED:
        check(result.rss <= RSS_KIB, f"{result.rss} KiB of memory")
        check(result.cpu <= row.cpu, f"{result.cpu:.2f} s of CPU")
    return result


def flush_good(row, case, relay, keys, folder, waiting):
    """The server is good again: exactly those who wait get it, once."""
    keep = ("--user", "--password", "--scram-password", "--mechanisms")
    kept = [o for i, o in enumerate(row.opt)
            if o == "--clear-auth" or o in keep or (i and row.opt[i - 1] in keep)]
    relay.restart(*(row.cured or kept), cert=row.good_cert if row.cert else None)
    if row.then is not None:
        case.configure(dict(keys, **fill_in(dict(row.relay, **row.then), folder)))
    since = relay.mark()
    case.flush("--all")
    same("delivered by the flush", relay.recipients(since), waiting)
    same("held after the flush", case.entries(), [])
    check(len(relay.events("connect", since)) <= 1, "more than one connection in the flush")
    same("violations", relay.violations(since), [])


def run_row(row):
    with Case(row.name) as case:
        relay, keys, folder = set_up(row, case)
        result = first_try(row, case, relay)
        case.wait_quiet()
        delivered, waiting, failed = (tokens(x) for x in split_outcome(row))
        if row.to:
            delivered, waiting = (row.to, []) if delivered else ([], row.to)
        check(result.seconds <= row.within, f"took {result.seconds:.1f} s")
        case.check_cost(result)
        check_runs(row, relay, 0)
        check_clear(row, relay)
        word, _, codes = row.outcome.partition(" ")
        same("stdout", result.out, "")
        check(str(result.code) in codes.split("|") if codes else result.code == 0,
              f"exit {result.code}, wanted {codes or 0}; stderr {result.err!r}; "
              f"log {case.log()!r}")
        if codes and "-oeq" not in row.args:
            check_refusals(row, result, split_outcome(row)[2])
        elif "-v" not in row.args:
            same("stderr", result.err, "")
        if word == "HOLD?":
            check(relay.recipients() in ([], tokens("bc")), f"accepted: {relay.recipients()}")
            match("log", "possible duplicate", case.log())
        else:
            same("accepted", relay.recipients(), delivered)
        same("entries held", len(case.entries()), 1 if waiting else 0)
        same("waiting", case.waiting(), waiting)
        same("entries failed", len(case.entries("failed")), 1 if failed else 0)
        if waiting or row.measure:
            check_reason(row, case)
        if row.quits is not None:
            same("QUIT", "QUIT" in relay.commands(), row.quits)
        if not row.violations:
            same("violations", relay.violations(), [])
        if row.verify:
            row.verify(case, relay, result)
        if word == "CONF":
            before = relay.mark()
            case.flush("--all")
            check_runs(row, relay, before)
            check_clear(row, relay)
            same("waiting after a second try", case.waiting(), waiting)
            same("never failed", case.entries("failed"), [])
        if waiting:
            first = relay.stored()
            flush_good(row, case, relay, keys, folder, waiting)
            if word == "HOLD?" and first:
                same("both copies", relay.stored()[0] == relay.stored()[1], True)
        case.check_secret(SECRET, *[c[2] for c in case.calls])
        case.check_log()


# 1 Connect and greeting

GREETINGS = (
    Row("1 port closed", "HOLD", "refused", port_shut=True),
    Row("3 greeting never comes", "HOLD", "waited 2 s|timed out", "CONNECT stall"),
    Row("4 closed at once", "HOLD", "closed", "CONNECT close", measure=True, cpu=0.2),
    Row("5 reset at once", "HOLD", "reset|closed", "CONNECT reset"),
    Row("6 554 greeting", "HOLD", "554", "CONNECT reply 554 no", quits=True),
    Row("7 421 greeting", "HOLD", "421 busy", 'CONNECT reply "421 busy\\r\\n" close'),
    Row("8 greeting of many lines", "OK",
        on='CONNECT send "220-a\\r\\n220-a\\r\\n220-a\\r\\n220 b\\r\\n"'),
    Row("9 bare 220", "OK", on='CONNECT send "220\\r\\n"'),
    Row("10 LF only", "OK", on='CONNECT send "220 x\\n"'),
    Row("11 HTTP", "HOLD", "not an SMTP server",
        'CONNECT send "HTTP/1.1 400 Bad Request\\r\\nServer: x\\r\\n\\r\\n" close', quits=False),
    Row("11 HTTP, left open", "HOLD", "not an SMTP server",
        'CONNECT send "HTTP/1.1 400 Bad Request\\r\\nServer: x\\r\\n\\r\\n" stall', quits=False),
    Row("11 SSH", "HOLD", "not an SMTP server", 'CONNECT send "SSH-2.0-OpenSSH_9.2\\r\\n" stall'),
    Row("12 TLS record as the greeting", "CONF", "implicit TLS|security = tls",
        'CONNECT send "\\x15\\x03\\x03\\0\\2\\x02\\x46" close'.replace("\\2", "\\x02")),
    Row("12 greeting in clear to a TLS client", "CONF", "starttls|clear|not.*TLS",
        relay=IMPLICIT, then={"security": "none"}, violations=1),
    Row("14 greeting in drips", "OK", on='CONNECT send-slow 60 "220 a slow server\\r\\n"',
        violations=1),  # the relay looks 60 ms after the last byte
    Row("15 drips without end", "HOLD", "waited 2 s|timed out",
        ('CONNECT send "220 " drip 100 "x"',), within=6),
    Row("17 a line of 1 MiB", "HOLD", "long|4,?096", 'CONNECT send "220 " repeat 1048576 "x" stall',
        measure=True),
    Row("17 a line of 64 MiB", "HOLD", "long|4,?096",
        'CONNECT send "220 " repeat 65536 "' + 1024 * "x" + '" stall', measure=True),
    Row("17 lines without end", "HOLD", "lines|128|long|bytes",
        'CONNECT repeat 1000000 "220-more\\r\\n" stall', measure=True),
    Row("18 control bytes in the text", "OK",
        on='CONNECT send "220 a\\0b\\xff\\e[31mred\\x07\\r\\n"', args=("-v", *ARGS)),
    Row("18 control bytes in a refusal", "HOLD", "554",
        'CONNECT send "554 a\\0b\\xff\\e[31mred\\x07\\r\\n"'),
    Row("19 text behind the greeting", "HOLD", "nothing asked|unasked|unexpected",
        'CONNECT send "220 a\\r\\n250 b\\r\\n" stall', quits=False),
) + tuple(
    Row(f"11 greeting {text!r}", "HOLD", "", f'CONNECT send "{text}\\r\\n" stall', quits=False)
    for text in ("250 x", "999 x", "2", "22", "2200", " 220 x", "", "ok", "220-a\\r\\n250 b"))

# 2 EHLO

OFFERS = ("250-size 1000000 \\r\\n250-pipelining\\t\\r\\n250-auth=PLAIN LOGIN\\r\\n250 8bitmime",
          "250-SIZE\\r\\n250 HELP", "250-SIZE 99999999999999999999\\r\\n250 HELP",
          "250-SIZE -1\\r\\n250 HELP", "250-SIZE 0\\r\\n250 HELP", "250-SIZE 12x\\r\\n250 HELP",
          "250-\\r\\n250-  \\r\\n250 X", "250")
CROWD = "".join("250-" + " ".join(f"X{i}K{k}" for k in range(16)) + "\\r\\n" for i in range(125))
EHLO = tuple(
    Row(f"21 EHLO {code}, HELO taken", "OK", on=(f"EHLO reply {code} no",))
    for code in (500, 502, 504, 550)) + (
    Row("21 no EHLO, TLS required", "CONF", "TLS|STARTTLS", ("EHLO reply 502 no",), cert="server",
        relay=TLS, verify=no_command("MAIL", "AUTH")),
    Row("21 no EHLO, login required", "CONF", "AUTH|log ?in|login", ("EHLO reply 502 no",),
        ("--clear-auth", *SERVER_LOGIN), relay={"user": USER, "password": SECRET,
                                                "allow_cleartext_auth": "yes"},
        verify=no_command("MAIL", "AUTH"), clear_secret=True, violations=0),
    Row("22 EHLO 421", "HOLD", "421", 'EHLO reply "421 bye\\r\\n" close'),
    Row("22 EHLO 451", "HOLD", "451", "EHLO reply 451 later"),
    Row("23 EHLO never answered", "HOLD", "waited 2 s|timed out", "EHLO stall"),
    Row("24 closed at EHLO", "HOLD", "closed", "EHLO close"),
    Row("25 codes of EHLO differ", "HOLD", "", 'EHLO send "250-a\\r\\n251 b\\r\\n" stall'),
    Row("27 2,000 keywords", "OK", on=f'EHLO reply "250-x\\r\\n{CROWD}250 PIPELINING"'),
    Row("27 129 lines", "HOLD", "lines|128",
        'EHLO send "' + 128 * "250-x\\r\\n" + '250 y\\r\\n" stall'),
    Row("28 our name is refused", "HOLD", "501|name",
        ("EHLO reply 501 bad name", "HELO reply 501 bad name")),
    Row("29 a byte a segment", "OK",
        on='EHLO split "250-relay.test\\r\\n250-PIPELINING\\r\\n250 SIZE\\r\\n"'),
) + tuple(Row(f"26 offer {i}", "OK", on=f'EHLO reply "250-relay.test\\r\\n{text}"')
          for i, text in enumerate(OFFERS))

REPLY_29 = "250-relay.test\\r\\n250-PIPELINING\\r\\n250-SIZE 10485760\\r\\n250 8BITMIME\\r\\n"
SPLITS = tuple(Row(f"29 split at {n}", "OK", on=f'EHLO split-at {n} send "{REPLY_29}"')
               for n in range(1, len(REPLY_29.replace("\\r\\n", "xx"))))

# 3 STARTTLS and TLS

OLD = "NORMAL:-VERS-ALL:+VERS-TLS1.2"
PROTOCOLS = {
    "52 TLS 1.0": "NORMAL:-VERS-ALL:+VERS-TLS1.0",
    "52 TLS 1.1": "NORMAL:-VERS-ALL:+VERS-TLS1.1",
    "53 NULL": OLD + ":-CIPHER-ALL:+NULL:+SHA1:+SHA256:+RSA",
    "53 anonymous": OLD + ":-KX-ALL:+ANON-ECDH",
    "53 3DES": OLD + ":-CIPHER-ALL:+3DES-CBC",
    "53 RC4": OLD + ":-CIPHER-ALL:+ARCFOUR-128",
}
CERTIFICATES = {
    "40 expired": ("expired", "expired"),
    "41 not yet valid": ("future", "not yet|not valid before"),
    "42 self-signed": ("self-signed", "issuer|self-signed|trust"),
    "43 unknown CA": ("unknown-ca", "issuer|unknown|trust"),
    "44 another host's": ("wrong-host", "relay.test"),
    "45 *.test": ("wildcard", "name|relay.test"),
    "46 common name only": ("cn-only", "name|SAN|alternative"),
    "47 for clients": ("client-eku", "purpose|server"),
    "48 for mail": ("email-eku", "purpose|server"),
    "49 SHA-1": ("sha1", "insecure|SHA1|algorithm|weak|trust"),
    "49 SHA-1 intermediate": ("sha1-chain", "insecure|SHA1|algorithm|weak|trust"),
    "50 RSA 1024": ("rsa1024", "insecure|weak|algorithm|short|bits|trust"),
    "56 must-staple": ("must-staple", "staple|OCSP|status|feature"),
}
MESSAGES_13 = ("client-hello", "server-hello", "encrypted-extensions", "certificate",
               "certificate-verify", "finished")
MESSAGES_12 = ("server-key", "hello-done", "client-key")
NEVER_CLEAR = {"security": "opportunistic", "tls_trust": "{certs}/ca.pem", "tls_name": "relay.test",
               "user": USER, "password": SECRET}

SECURE = (
    Row("30 TLS", "OK", cert="server", relay=TLS),
    Row("30 implicit TLS", "OK", opt=("--tls",), cert="server", relay=IMPLICIT),
    Row("30 chain with an intermediate", "OK", cert="chain", relay=TLS),
    Row("30 RSA 2048, TLS 1.2", "OK", opt=("--tls-priority", OLD), cert="rsa2048", relay=TLS),
    Row("32 STARTTLS not offered", "CONF", "STARTTLS", opt=("--without", "STARTTLS"), cert="server",
        relay=LOGIN, verify=no_command("MAIL", "AUTH"), cured=SERVER_LOGIN),
    Row("32 not offered, opportunistic with a password", "CONF", "TLS|encrypt|clear",
        opt=("--without", "STARTTLS", "--clear-auth", *SERVER_LOGIN), cert="server",
        relay=NEVER_CLEAR, verify=no_command("MAIL", "AUTH")),
    Row("32 not offered, opportunistic", "OK", opt=("--without", "STARTTLS"), cert="server",
        relay=dict(TLS, security="opportunistic")),
    Row("34 data behind the 220", "HOLD", "data before TLS",
        'STARTTLS reply "220 go\\r\\n250-INJECTED\\r\\n250 AUTH PLAIN\\r\\n"', cert="server",
        relay=TLS, violations=1),
    Row("36 no AUTH after TLS", "CONF", "AUTH|log ?in|mechanism",
        ('EHLO 1 reply "250-x\\r\\n250-STARTTLS\\r\\n250 AUTH PLAIN"',
         'EHLO 2 reply "250-x\\r\\n250 SIZE"'), SERVER_LOGIN, cert="server", relay=LOGIN,
        verify=no_command("MAIL", "AUTH")),
    Row("36 no AUTH in clear, AUTH after TLS", "OK",
        on='EHLO 1 reply "250-x\\r\\n250 STARTTLS"', opt=SERVER_LOGIN, cert="server", relay=LOGIN),
    Row("38 220, then nothing", "HOLD", "TLS|waited|timed out|hand", "TLS stall", cert="server",
        relay=TLS, violations=1),
    Row("38 220, then closed", "HOLD", "TLS|closed|hand", "TLS close", cert="server", relay=TLS,
        violations=1),
    Row("38 220, then reset", "HOLD", "TLS|reset|hand", "TLS reset", cert="server", relay=TLS,
        violations=1),
    Row("38 220, then clear text", "HOLD", "TLS|hand", 'TLS read 1 send "500 x\\r\\n" close',
        cert="server", relay=TLS, violations=1),
    Row("39 handshake in drips", "HOLD", "TLS|waited|timed out", "TLS pace 300", cert="server",
        relay=TLS, violations=1, within=7),
    Row("39 handshake a byte a segment", "OK", on="TLS pace 0", cert="server", relay=TLS),
    Row("39 handshake split", "OK", on="TLS split-at 10", cert="server", relay=TLS),
    Row("54 address, and the certificate has it", "OK", cert="ip",
        relay=dict(TLS, tls_name=None)),
    Row("54 address, and it has not", "CONF", "127.0.0.1", cert="server",
        relay=dict(TLS, tls_name=None), good_cert="ip", violations=1),
    Row("57 pin differs", "CONF", "fingerprint|pin", cert="server", violations=1,
        relay=dict(TLS, tls_fingerprint="sha256:" + 64 * "0"),
        then={"tls_fingerprint": None}),
    Row("57 pin differs, trust none", "CONF", "fingerprint|pin", cert="server", violations=1,
        relay=dict(TLS, tls_trust="none", tls_fingerprint="sha256:" + 64 * "0"),
        then={"tls_fingerprint": None}),
    Row("57 pin fits, self-signed", "OK", cert="self-signed",
        relay=dict(TLS, tls_trust=None, tls_fingerprint="{pin:self-signed}")),
    Row("59 warning unrecognized_name", "OK", on="TLS warn 112", opt=("--tls-priority", OLD),
        cert="server", relay=TLS),
    Row("60 trust none", "OK", cert="self-signed", relay=dict(TLS, tls_trust="none")),
    Row("63 a client certificate is asked for", "OK", opt=("--client-ca", "{certs}/ca.pem"),
        cert="server", relay=TLS),
    Row("63 and required", "CONF", "certificate|TLS|closed",
        opt=("--client-ca", "{certs}/ca.pem", "--require-client-cert"), cert="server", relay=TLS,
        violations=1),
    Row("63 required and given", "OK",
        opt=("--client-ca", "{certs}/ca.pem", "--require-client-cert"), cert="server",
        relay=dict(TLS, tls_certificate="{certs}/client.pem", tls_key="{certs}/client.key")),
    Row("64 cipher not offered", "HOLD", "TLS|hand", "TLS cipher 002f", cert="server", relay=TLS,
        violations=1),
    Row("64 corrupt record", "HOLD", "TLS|MAC|decr|record", "TLS corrupt 1", cert="server",
        relay=TLS, violations=1),
    Row("64 corrupt record, TLS 1.2", "HOLD", "TLS|MAC|decr|record", "TLS corrupt 1", cert="server",
        opt=("--tls-priority", OLD), relay=TLS, violations=1),
    Row("64 record replayed, TLS 1.2", "HOLD", "TLS|MAC|decr|record", "TLS replay 1",
        opt=("--tls-priority", OLD), cert="server", relay=TLS, violations=1),
) + tuple(
    Row(f"33 STARTTLS {code}", "CONF", f"{code}", f"STARTTLS reply {code} not now",
        opt=("--clear-auth", *SERVER_LOGIN), cert="server", relay=LOGIN,
        verify=no_command("MAIL", "AUTH"))
    for code in (454, 502, 554, 421)) + tuple(
    Row(f"33 STARTTLS {code}, opportunistic with a password", "CONF", "",
        f"STARTTLS reply {code} not now", opt=("--clear-auth", *SERVER_LOGIN), cert="server",
        relay=NEVER_CLEAR, verify=no_command("MAIL", "AUTH"))
    for code in (454, 502)) + tuple(
    Row(name, "CONF", why, cert=cert, relay=TLS, violations=1,
        verify=no_command("MAIL", "AUTH"))
    for name, (cert, why) in CERTIFICATES.items()) + tuple(
    Row(name, "CONF", "TLS|hand|protocol|version", opt=("--tls-priority", priority),
        cert="rsa2048", relay=TLS, violations=1)
    for name, priority in PROTOCOLS.items()) + tuple(
    Row(f"59 alert at {message}", "HOLD", "TLS|alert|hand", f"TLS alert 80 {message}",
        cert="server", relay=TLS, violations=1)
    for message in MESSAGES_13) + tuple(
    Row(f"59 alert at {message}, TLS 1.2", "HOLD", "TLS|alert|hand", f"TLS alert 80 {message}",
        opt=("--tls-priority", OLD), cert="server", relay=TLS, violations=1)
    for message in MESSAGES_12)

# 4 AUTH

ALL = "SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN"


def logs_in_by(mechanism):
    def verify(_case, relay, _result):
        same("logins", [(e["mechanism"], e["user"], e["ok"]) for e in relay.events("auth")],
             [(mechanism, USER, True)])
    return verify


def one_login(_case, relay, _result):
    check(len([x for x in relay.commands() if x.upper().startswith("AUTH")]) <= 1,
          f"more than one AUTH: {relay.commands()}")
    no_command("MAIL")(None, relay, None)


def empty_answer(_case, relay, _result):
    one_login(None, relay, None)
    check("" in [e["line"] for e in relay.events("response")], "no empty line to the 334")


PICKS = (("auto", ALL, "SCRAM-SHA-256-PLUS"),
         ("auto", "LOGIN PLAIN SCRAM-SHA-1 SCRAM-SHA-256", "SCRAM-SHA-256"),
         ("auto", "LOGIN PLAIN SCRAM-SHA-1-PLUS SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"),
         ("auto", "LOGIN PLAIN SCRAM-SHA-1", "SCRAM-SHA-1"),
         ("auto", "LOGIN CRAM-MD5 PLAIN", "PLAIN"), ("auto", "LOGIN CRAM-MD5", "LOGIN"),
         ("CRAM-MD5", ALL, "CRAM-MD5"), ("PLAIN", ALL, "PLAIN"), ("LOGIN", ALL, "LOGIN"),
         ("SCRAM-SHA-256", ALL, "SCRAM-SHA-256"), ("XOAUTH2", "PLAIN XOAUTH2", "XOAUTH2"),
         ("OAUTHBEARER", "PLAIN OAUTHBEARER", "OAUTHBEARER"))
FAULTS = ("bad-v", "missing-v", "nonce", "i1", "ibig", "empty-salt", "bad-salt", "long-salt",
          "m-ext", "error")
PASSWORDS = (("non-ASCII", "p\u00e4ss w\u00f6rt", None), ("no-break space", "a\u00a0b", "a b"),
             ("spaces", "  two  blanks  ", None), ("4 KiB", 4096 * "k", None))


def password_rows():
    for name, password, prepared in PASSWORDS:
        for mechanism in ("SCRAM-SHA-256", "PLAIN"):
            if mechanism == "SCRAM-SHA-256" and len(password) > 1000:
                continue
            options = ("--user", "o'b=r,ien", "--password", password,
                       "--mechanisms", mechanism) + (
                ("--scram-password", prepared) if prepared else ())
            yield Row(f"73 {name}, {mechanism}", "OK", opt=options, cert="server",
                      relay=dict(TLS, user="o'b=r,ien", password_file="{secret:" + password + "}"))


AUTH = (
    Row("65 login in clear is not allowed", "CONF", "allow_cleartext_auth|encrypt|clear",
        opt=("--clear-auth", *SERVER_LOGIN), relay={"user": USER, "password": SECRET},
        verify=no_command("MAIL", "AUTH"), then={"allow_cleartext_auth": "yes"},
        clear_secret=False),
    Row("66 SCRAM is used once it is there", "OK", opt=SERVER_LOGIN, cert="server",
        relay=dict(LOGIN, auth="SCRAM-SHA-256"), verify=logs_in_by("SCRAM-SHA-256")),
    Row("65 login in clear is allowed", "OK", opt=("--clear-auth", *SERVER_LOGIN),
        relay={"user": USER, "password": SECRET, "allow_cleartext_auth": "yes"},
        clear_secret=True),
    Row("66 SCRAM pinned, not offered", "CONF", "check auth",
        opt=(*SERVER_LOGIN, "--mechanisms", "PLAIN LOGIN"), cert="server",
        relay=dict(LOGIN, auth="SCRAM-SHA-256"), verify=no_command("MAIL", "AUTH"),
        cured=SERVER_LOGIN),
    Row("66 only CRAM-MD5, not by itself", "CONF", "CRAM-MD5.*check auth",
        opt=(*SERVER_LOGIN, "--mechanisms", "CRAM-MD5"), cert="server", relay=LOGIN,
        verify=no_command("MAIL", "AUTH"), cured=SERVER_LOGIN),
    Row("67 too few iterations", "CONF", "iteration|SCRAM",
        opt=(*SERVER_LOGIN, "--iterations", "4095"), cert="server", relay=LOGIN, violations=1,
        verify=one_login),
    Row("67 too many iterations", "CONF", "iteration|SCRAM",
        opt=(*SERVER_LOGIN, "--iterations", "1000001"), cert="server", relay=LOGIN,
        violations=1, verify=one_login),
    Row("67 100,000 iterations", "OK", opt=(*SERVER_LOGIN, "--iterations", "100000"),
        cert="server", relay=LOGIN),
    Row("68 login refused", "CONF", "535.*(password|user)", "LOGIN reply 535 5.7.8 bad credentials",
        SERVER_LOGIN, cert="server", relay=LOGIN, verify=one_login, quits=True),
    Row("68 wrong password", "CONF", "535", opt=("--user", USER, "--password", "other"),
        cert="server", relay=LOGIN, verify=one_login, cured=SERVER_LOGIN, violations=1),
    Row("69 AUTH 454", "HOLD", "454", "LOGIN reply 454 4.7.0 later", SERVER_LOGIN, cert="server",
        relay=LOGIN, verify=one_login),
    Row("69 AUTH 432", "HOLD", "432", "AUTH reply 432 4.7.12 transition", SERVER_LOGIN,
        cert="server", relay=LOGIN, verify=one_login),
    Row("69 AUTH 421", "HOLD", "421", 'AUTH reply "421 bye\\r\\n" close', SERVER_LOGIN,
        cert="server", relay=LOGIN, verify=one_login),
    Row("70 AUTH 534", "CONF", "534", "AUTH reply 534 5.7.9 too weak", SERVER_LOGIN,
        cert="server", relay=LOGIN, verify=one_login),
    Row("70 AUTH 538", "CONF", "538", "AUTH reply 538 5.7.11 encrypt", SERVER_LOGIN,
        cert="server", relay=LOGIN, verify=one_login),
    Row("70 MAIL 530", "CONF", "530", "MAIL reply 530 5.7.0 log in first", violations=0),
    Row("71 AUTH closed", "HOLD", "closed", "AUTH close", SERVER_LOGIN, cert="server",
        relay=LOGIN),
    Row("71 AUTH never answered", "HOLD", "waited 2 s|timed out", "AUTH stall", SERVER_LOGIN,
        cert="server", relay=LOGIN),
    Row("72 AUTH 250", "HOLD", "", "AUTH reply 250 sure", SERVER_LOGIN, cert="server",
        relay=LOGIN, verify=no_command("MAIL")),
    Row("72 endless challenges", "HOLD", "",
        'AUTH reply "334 VXNlcm5hbWU6" expect "" reply "334 VXNlcm5hbWU6" expect "" '
        'reply "334 VXNlcm5hbWU6" expect "" reply "334 VXNlcm5hbWU6" stall', SERVER_LOGIN,
        cert="server", relay=dict(LOGIN, auth="LOGIN"), verify=no_command("MAIL")),
    Row("74 XOAUTH2 refused", "CONF", "535",
        opt=("--user", USER, "--password", "other", "--mechanisms", "XOAUTH2"), cert="server",
        relay=dict(LOGIN, auth="XOAUTH2"), verify=empty_answer, violations=1,
        cured=(*SERVER_LOGIN, "--mechanisms", "XOAUTH2")),
    Row("74 OAUTHBEARER refused", "CONF", "535",
        opt=("--user", USER, "--password", "other", "--mechanisms", "OAUTHBEARER"), cert="server",
        relay=dict(LOGIN, auth="OAUTHBEARER"), verify=one_login, violations=1,
        cured=(*SERVER_LOGIN, "--mechanisms", "OAUTHBEARER")),
    Row("75 logged in, MAIL 530", "CONF", "530", "MAIL reply 530 5.7.0 auth required",
        SERVER_LOGIN, cert="server", relay=LOGIN),
    Row("75 user, but AUTH is not offered", "CONF", "AUTH|log ?in", opt=("--without", "AUTH"),
        cert="server", relay=LOGIN, verify=no_command("MAIL"), cured=SERVER_LOGIN),
) + tuple(
    Row(f"66 {asked} of {offered}", "OK", opt=(*SERVER_LOGIN, "--mechanisms", offered),
        cert="server", relay=dict(LOGIN, auth=asked), verify=logs_in_by(used))
    for asked, offered, used in PICKS) + tuple(
    Row(f"67 SCRAM {fault}", "CONF", "SCRAM|535|server|4,?096",
        opt=(*SERVER_LOGIN, "--scram-fault", fault), cert="server",
        relay=dict(LOGIN, auth="SCRAM-SHA-256"), violations=1, verify=one_login)
    for fault in FAULTS) + tuple(password_rows())

# 5 Envelope

JUNK = ("354 x", "999 x", "000 x", "199 x", "2", "25", "2500", " 250", "25O", "", "ok", "220 x",
        "250_x", "-250 x", "250-a\\r\\n251 b", "250-a\\r\\nb")
PLACES = (("MAIL", "MAIL"), ("RCPT 1", "RCPT 1"), ("RCPT 2", "RCPT 2"), ("DATA", "DATA"))
EIGHT = (b"From: a@src.example\nTo: b@dest.example\nSubject: 8 bits\n"
         b"Date: Sat, 21 Nov 2026 20:00:00 +0000\nMessage-ID: <8@src.example>\n"
         b"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
         b"Content-Transfer-Encoding: 8bit\n\ngr\xc3\xbc\xc3\x9fe = \xe2\x82\xac\n.dot\n")


def seven_bit(_case, relay, _result):
    stored, = relay.stored()
    check(stored.isascii(), "8-bit bytes are on the wire")
    head, _, body = stored.partition(b"\r\n\r\n")
    import email
    parsed = email.message_from_bytes(stored)
    check(parsed["Content-Transfer-Encoding"].lower() in ("quoted-printable", "base64"),
          f"encoding {parsed['Content-Transfer-Encoding']!r} in {head!r}")
    text = parsed.get_payload(decode=True).replace(b"\r\n", b"\n")
    same("the text", text, EIGHT.partition(b"\n\n")[2])


def parameters_gone(_case, relay, _result):
    lines = [x for x in relay.commands() if x.startswith("MAIL")]
    check(len(lines) == 2 and lines[1].rstrip().endswith("<a@src.example>"), f"{lines}")


def lone_dot(_case, relay, _result):
    for event in relay.events("message"):
        same("size of the message for nobody", event["size"], 0)
    no_body(None, relay, None)


def by_data(_case, relay, _result):
    same("how", [e["how"] for e in relay.accepted()], ["DATA"])


def by_bdat(_case, relay, _result):
    same("how", [e["how"] for e in relay.accepted()], ["BDAT"])


def no_dsn(_case, relay, _result):
    for event in relay.accepted():
        same("parameters", [k for k in event["params"] if k in ("RET", "ENVID")], [])
        same("of RCPT", [r["params"] for r in event["recipients"]], [{}, {}])


def named(text):
    def verify(_case, _relay, result):
        match("stderr", text, result.err)
    return verify


def retry_failed(case, relay, _result):
    """What was kept in failed/ can be sent to those that were refused, and only to them."""
    relay.good()
    since = relay.mark()
    ident, = case.entries("failed")
    same("flushq --retry", case.run("flushq", "--retry", ident).code, 0)
    case.flush("--all")
    same("delivered after --retry", relay.recipients(since), tokens("c"))
    same("failed", case.entries("failed"), [])


ENVELOPE = (
    Row("76 MAIL 451", "HOLD", "451", "MAIL reply 451 4.3.0 later"),
    Row("76 MAIL 452", "HOLD", "452", "MAIL reply 452 4.3.1 full"),
    Row("77 MAIL 550", "PERM 69", "550", "MAIL reply 550 go away"),
    Row("77 MAIL 553", "PERM 69", "553", "MAIL reply 553 5.7.1 go away"),
    Row("77 MAIL 550, the sender is unknown", "PERM 69", "550", "MAIL reply 550 5.1.8 who"),
    Row("77 MAIL 535", "CONF", "535", "MAIL reply 535 5.7.8 log in"),
    Row("77 MAIL 550 5.7.60", "CONF", "550", "MAIL reply 550 5.7.60 not your address"),
    Row("77 MAIL 550 5.7.60, in its second line", "CONF", "550 5.7.60 not yours",
        r'MAIL reply "550-not yours\r\n550 5.7.60 see https://mail.example/60"'),
    Row("77 MAIL 503", "HOLD", "503", "MAIL reply 503 5.5.1 order"),
    Row("78 MAIL 555 with parameters", "OK", on="MAIL 1 reply 555 5.5.4 what",
        verify=parameters_gone),
    Row("78 MAIL 555 always", "PERM 69", "555", "MAIL reply 555 5.5.4 what"),
    Row("79 MAIL 552", "PERM 69", "552", "MAIL reply 552 5.3.4 too big", verify=no_body),
    Row("79 SIZE is smaller", "PERM 65", "not sent: .*bytes", opt=("--size", "100"),
        verify=no_body),
    Row("80 c refused", "PERM 67", "c@dest.example.*550", "RCPT 2 reply 550 5.1.1 unknown",
        delivered="b", failed="c", verify=retry_failed),
    Row("80 b refused", "PERM 69", "b@dest.example.*554", "RCPT 1 reply 554 5.7.1 policy",
        delivered="c", failed="b"),
    Row("80 no PIPELINING", "PERM 67", "c@dest.example.*550", "RCPT 2 reply 550 5.1.1 unknown",
        opt=("--without", "PIPELINING"), delivered="b", failed="c"),
    Row("81 c later", "HOLD", "451", "RCPT 2 reply 451 4.2.0 later", delivered="b", waiting="c"),
    Row("82 b refused, c later", "PERM 67", "550|451",
        ("RCPT 1 reply 550 5.1.1 no", "RCPT 2 reply 451 4.2.0 later"), waiting="c", failed="b",
        verify=no_body),
    Row("83 all 550", "PERM 67", "550", "RCPT reply 550 5.1.1 no", verify=no_body),
    Row("83 all 550, no PIPELINING", "PERM 67", "550", "RCPT reply 550 5.1.1 no",
        opt=("--without", "PIPELINING"), verify=no_command("DATA")),
    Row("83 all 451", "HOLD", "451", "RCPT reply 451 4.2.0 no", verify=no_body),
    Row("83 different codes", "PERM 69", "55",
        ("RCPT 1 reply 550 5.1.1 no", "RCPT 2 reply 550 5.7.1 no")),
    Row("84 RCPT 530", "CONF", "530", "RCPT reply 530 5.7.0 log in"),
    Row("86 RCPT 251", "OK", on="RCPT reply 251 will forward"),
    Row("86 RCPT 252", "OK", on="RCPT reply 252 cannot verify"),
    Row("86 RCPT 551", "PERM 67", "551", "RCPT reply 551 5.1.6 try elsewhere"),
    Row("90 a reply a byte a segment", "OK", on='MAIL normal', opt=()),
    Row("91 replies run ahead", "HOLD", "",
        'RCPT 2 send "250 ok\\r\\n354 go\\r\\n250 queued\\r\\n" stall'),
    Row("91 replies run ahead of DATA", "HOLD", "",
        'RCPT 2 send "250 ok\\r\\n354 go\\r\\n250 queued\\r\\n" stall',
        ("--without", "PIPELINING")),
    Row("91 at once behind DATA", "HOLD", "", 'DATA send "354 go\\r\\n250 queued\\r\\n" stall'),
    Row("91 twice to MAIL", "HOLD", "", 'MAIL send "250 ok\\r\\n250 ok\\r\\n" stall',
        ("--without", "PIPELINING")),
    Row("93 354 for nobody", "PERM 67", "550", ("RCPT reply 550 5.1.1 no", "DATA reply 354 go"),
        verify=lone_dot),
    Row("93 354 for nobody, all later", "HOLD", "451",
        ("RCPT reply 451 4.1.1 no", "DATA reply 354 go"), verify=lone_dot),
    Row("94 no 8BITMIME", "OK", opt=("--without", "8BITMIME"), message=EIGHT, verify=seven_bit),
    Row("94 no 8BITMIME nor ESMTP", "OK", on="EHLO reply 502 no", message=EIGHT,
        verify=seven_bit),
    Row("96 no DSN", "OK", opt=("--without", "DSN"),
        args=("-N", "success,failure", "-R", "hdrs", "-V", "id+2B1", *ARGS), verify=no_dsn),
    Row("98 CHUNKING", "OK", opt=("--with", "CHUNKING"), verify=by_bdat),
    Row("98 CHUNKING, big", "OK", opt=("--with", "CHUNKING"), message=BIG, verify=by_bdat),
) + tuple(
    Row(f"98 BDAT {code}", "OK", on=f"DOT 1 reply {code} no BDAT", opt=("--with", "CHUNKING"),
        verify=by_data)
    for code in (500, 503, 554)) + tuple(
    Row(f"87 {verb} -> {text!r}", "HOLD", "", f'{verb} send "{text}\\r\\n" stall', quits=False)
    for verb in ("MAIL", "RCPT 1", "RCPT 2") for text in JUNK
    if verb == "MAIL" or text in JUNK[:7]) + tuple(
    Row(f"88 421 to {name}{how}", "HOLD", "421", f'{rule} reply "421 bye\\r\\n" close', opt=opt)
    for name, rule in PLACES for how, opt in (("", ()), (", no PIPELINING",
                                                         ("--without", "PIPELINING")))) + tuple(
    Row(f"89 {step} after {name}{how}", "HOLD", "", f"{rule} {step}", opt=opt)
    for step in ("close", "reset", "stall") for name, rule in PLACES
    for how, opt in (("", ()), (", no PIPELINING", ("--without", "PIPELINING"))))

# 6 DATA and the dot

HALF = len(STUFFED) // 2
DATA = (
    Row("99 DATA 250", "HOLD", "", "DATA reply 250 ok", verify=no_body),
    Row("100 DATA 451", "HOLD", "451", "DATA reply 451 4.3.0 later", verify=no_body),
    Row("100 DATA 554", "PERM 69", "554", "DATA reply 554 5.6.0 no", verify=no_body),
    Row("100 DATA 503", "HOLD", "503", "DATA reply 503 5.5.1 order", verify=no_body),
    Row("101 closed in the middle of a big one", "HOLD", "closed|reset|broken pipe",
        "BODY 2000000 close", message=BIG),
    Row("101 reset in the middle of a big one", "HOLD", "closed|reset|broken pipe",
        "BODY 2000000 reset", message=BIG),
    Row("102 the server stops reading", "HOLD", "", "BODY 1000 stop-reading",
        ("--receive-buffer", "4096"), message=BIG, within=12),
    Row("103 refused in the middle of a big one", "PERM 69", "refused by .*554 5.7.1 no",
        'BODY 1000 send "554 5.7.1 no\\r\\n" close',
        message=BIG + BIG[len(MESSAGE):] + BIG[len(MESSAGE):2600000]),
    Row("104 250 of many lines", "OK", on='DOT reply "250-2.0.0 a\\r\\n250-b\\r\\n250 c\\r\\n"'),
    Row("104 bare 250", "OK", on='DOT reply "250\\r\\n"'),
    Row("104 250 and 4 KiB", "OK", on='DOT reply "250 ' + 4090 * "x" + '"'),
    Row("105 250 in drips", "OK", on='DOT commit send-slow 50 "250 2.0.0 ok\\r\\n"'),
    Row("106 dot 451", "HOLD", "451", "DOT reply 451 4.3.0 later"),
    Row("106 dot 452", "HOLD", "452", "DOT reply 452 4.3.1 full"),
    Row("107 dot 550", "PERM 69", "550", "DOT reply 550 5.7.1 spam"),
    Row("107 dot 552", "PERM 69", "552", "DOT reply 552 5.3.4 big"),
    Row("107 dot 554", "PERM 69", "554", "DOT reply 554 5.6.0 no"),
    Row("108 commits, closes", "HOLD?", "duplicate", "DOT commit close"),
    Row("108 commits, resets", "HOLD?", "duplicate", "DOT commit reset"),
    Row("108 commits, hangs", "HOLD?", "duplicate", "DOT commit stall"),
    Row("108 closes", "HOLD?", "duplicate", "DOT close"),
    Row("108 hangs", "HOLD?", "duplicate", "DOT stall"),
    Row("108 commits, nonsense", "HOLD?", "duplicate", 'DOT commit send "what\\r\\n" stall'),
    Row("108 commits, 354", "HOLD?", "duplicate", 'DOT commit send "354 more\\r\\n" stall'),
    Row("108 BDAT, commits, closes", "HOLD?", "duplicate", "DOT commit close",
        ("--with", "CHUNKING")),
    Row("113 dot 421", "HOLD", "421", 'DOT reply "421 bye\\r\\n" close'),
    Row("114 QUIT closes", "OK", on="QUIT close"),
    Row("114 QUIT resets", "OK", on="QUIT reset"),
    Row("114 QUIT hangs", "OK", on="QUIT stall", within=4),
    Row("114 QUIT 500", "OK", on="QUIT reply 500 what"),
    Row("114 QUIT drips", "OK", on='QUIT drip 50 "2"', within=4),
    Row("114 closes behind the 250", "OK", on='DOT reply "250 2.0.0 ok\\r\\n" close'),
    Row("114 resets behind the 250", "OK", on='DOT normal wait 50 reset'),
) + tuple(
    Row(f"101 {step} after {n} bytes", "HOLD", "", f"BODY {n} {step}")
    for step in ("close", "reset") for n in (0, 1, HALF, len(STUFFED))) + tuple(
    Row(f"108 DOT -> {text!r}", "HOLD?", "duplicate", f'DOT send "{text}\\r\\n" stall')
    for text in ("354 x", "999 x", "25", "", "ok"))


# Rows that are more than a server

def two_relays(name, *options, shut=False):
    def run():
        with Case("20 " + name) as case:
            first, second = case.relay(*options), case.relay()
            if shut:
                first.stop()
            case.configure(("one", {"port": first.port, "timeout": "1s"}),
                           ("two", {"port": second.port}))
            result = case.send(*ARGS)
            same("end", (result.code, result.out, result.err), (0, "", ""))
            case.wait_entries(0)
            same("by the first", first.recipients(), [])
            same("by the second", second.recipients(), tokens("bc"))
    return f"20 two relays, the first: {name}", run


def blackholed():
    with Case("2") as case:
        hole = Blackhole()
        case.configure({"port": hole.port, "connect_timeout": "2s"})
        result = case.send(*ARGS)
        case.wait_quiet()
        hole.close()
        same("end", (result.code, result.err), (0, ""))
        check(1.5 < result.seconds < 6, f"took {result.seconds:.1f} s")
        same("waiting", case.waiting(), tokens("bc"))
        match("mailq", "timed out", case.reasons())
        relay = case.relay(port=hole.port)
        case.flush("--all")
        same("delivered", relay.recipients(), tokens("bc"))


def refused_once():
    """Three entries, one dead relay: one connection a flush."""
    with Case("1b") as case:
        relay = case.relay("--on", "CONNECT close")
        case.configure({"port": relay.port}, conf={"delivery.mode": "hold"})
        for _ in range(3):
            same("exit", case.send(*ARGS).code, 0)
        case.flush("--all")
        same("connections", len(relay.events("connect")), 1)
        same("held", len(case.entries()), 3)
        case.flush()
        same("a plain flush leaves the relay alone", len(relay.events("connect")), 1)
        relay.good()
        since = relay.mark()
        case.flush("--all")
        same("delivered", relay.recipients(since), sorted(3 * tokens("bc")))
        check(len(relay.events("connect", since)) <= 3, "more connections than entries")


def three_entries(name, wanted, options, cert=None, keys=None):
    """V8, and one login a run, with more than one entry: wanted is the count of connections
    (the counts that may be, where several workers share the entries)."""
    def run():
        with Case("3 " + name) as case:
            relay = case.relay(*options, cert=cert)
            case.configure(dict(fill_in(keys or {}, certificates() if cert else None),
                                port=relay.port, timeout="2s"), conf={"delivery.mode": "hold"})
            for _ in range(3):
                same("exit", case.send(*ARGS).code, 0)
            case.flush("--all")
            count = len(relay.events("connect"))
            check(count in (wanted if isinstance(wanted, tuple) else (wanted,)),
                  f"{count} connections, wanted {wanted}")
            check(len([x for x in relay.commands() if x.startswith("AUTH")]) <= 1,
                  "more than one login")
            same("held", (len(case.entries()), case.entries("failed")), (3, []))
            case.flush()
            same("a plain flush", len(relay.events("connect")), count)
    return "three entries, " + name, run


def utf8_missing():
    with Case("95") as case:
        relay = case.relay("--without", "SMTPUTF8")
        case.configure({"port": relay.port})
        result = case.send("-i", "-f", "a@src.example", "\u00fc@dest.example",
                           "b@b\u00fccher.example")
        case.wait_quiet()
        same("exit", result.code, 65)
        match("stderr", "sendmail: <\u00fc@dest.example>: not sent: .*SMTPUTF8", result.err)
        same("delivered", relay.recipients(), ["b@xn--bcher-kva.example"])
        same("violations", relay.violations(), [])
        same("failed", len(case.entries("failed")), 1)


def utf8_there():
    with Case("95b") as case:
        relay = case.relay()
        case.configure({"port": relay.port})
        result = case.send("-i", "-f", "a@src.example", "\u00fc@dest.example")
        same("end", (result.code, result.err), (0, ""))
        same("delivered", relay.recipients(),
             ["\u00fc@dest.example".encode().decode("latin-1")])
        same("SMTPUTF8", "SMTPUTF8" in relay.accepted()[0]["params"], True)
        same("violations", relay.violations(), [])


def pinned_row(row):
    """Puts in what has to be computed: a pin, a file with a password."""
    def run():
        keys, certs = {}, certificates()
        for key, value in row.relay.items():
            value = str(value)
            if value.startswith("{pin:"):
                with open(f"{certs}/{value[5:-1]}.pem", encoding="ascii") as pem:
                    body = re.search("-----BEGIN CERTIFICATE-----(.*?)-----END", pem.read(),
                                     re.S).group(1)
                value = "sha256:" + hashlib.sha256(base64.b64decode(body)).hexdigest()
            elif value.startswith("{secret:"):
                path = os.path.join(TOP, "secret-" + hashlib.sha1(value.encode()).hexdigest())
                with open(path, "wb") as file:
                    file.write(value[8:-1].encode() + b"\n")
                os.chmod(path, 0o600)
                value = path
            keys[key] = None if row.relay[key] is None else value
        row.relay = keys
        row.opt = tuple(o.replace("{certs}", certs) for o in row.opt)
        run_row(row)
    return run


def nul_password():
    with Case("73n") as case:
        relay = case.relay(*SERVER_LOGIN, cert="server")
        path = case.write("secret", b"a\0b\n")
        case.configure(dict(fill_in(TLS, certificates()), port=relay.port, user=USER,
                            password_file=path))
        result = case.send(*ARGS)
        case.wait_quiet()
        same("exit", result.code, 0)
        same("waiting", case.waiting(), tokens("bc"))
        match("mailq", "NUL", case.reasons())
        no_command("AUTH", "MAIL")(case, relay, result)


def open_password():
    with Case("73o") as case:
        relay = case.relay(*SERVER_LOGIN, cert="server")
        path = case.write("secret", SECRET + "\n", 0o644)
        case.configure(dict(fill_in(TLS, certificates()), port=relay.port, user=USER,
                            password_file=path))
        case.send(*ARGS)
        case.wait_quiet()
        same("waiting", case.waiting() or len(case.entries("failed")), tokens("bc"))
        match("mailq", re.escape(path), case.reasons())
        no_command("AUTH", "MAIL")(case, relay, None)


def implicit_mixup():
    """A server that waits for TLS says nothing: the hint must still be there."""
    with Case("12s") as case:
        relay = case.relay("--tls", cert="server")
        case.configure({"port": relay.port, "timeout": "2s"})
        case.send(*ARGS)
        case.wait_quiet()
        same("waiting", case.waiting(), tokens("bc"))
        match("mailq", "greeting", case.reasons())


# 7 Names

HOST = "mail.relay.test"


def lookup(name, answer, why, outcome="HOLD", within=9, **keys):
    def run():
        with Case("7 " + name) as case:
            names = Names(answer)
            relay = case.relay()
            usual = {"host": HOST, "port": relay.port, "connect_timeout": "3s"}
            case.configure(dict(usual, **keys), conf={"dns.server": f"127.0.0.1:{names.port}"})
            result = case.send(*ARGS)
            case.wait_quiet()
            check(result.seconds <= within, f"took {result.seconds:.1f} s")
            same("end", (result.code, result.err), (0, ""))
            if outcome == "OK":
                same("delivered", relay.recipients(), tokens("bc"))
                same("held", case.entries(), [])
            else:
                same("accepted", relay.recipients(), [])
                same("waiting", case.waiting(), tokens("bc"))
                match("mailq", why, case.reasons())
                names.answer = lambda *_: ("records", [("A", "127.0.0.1")])
                case.flush("--all")
                same("delivered by the flush", relay.recipients(), tokens("bc"))
            names.close()
    return name, run


def hundred_addresses():
    with Case("120") as case:
        hole = Blackhole("0.0.0.0")
        names = Names(lambda *_: ("records", [("A", f"127.0.1.{n}") for n in range(1, 101)]))
        case.configure({"host": HOST, "port": hole.port, "connect_timeout": "3s"},
                       conf={"dns.server": f"127.0.0.1:{names.port}"})
        result = case.send(*ARGS)
        case.wait_quiet()
        hole.close()
        names.close()
        check(result.seconds < 7, f"took {result.seconds:.1f} s")
        same("exit", result.code, 0)
        same("waiting", case.waiting(), tokens("bc"))


def second_family():
    with Case("122") as case:
        relay = case.relay()
        try:
            hole = Blackhole("::1", relay.port, socket.AF_INET6)
        except OSError as error:
            raise Skip(f"no IPv6 on the loopback: {error}") from error
        names = Names(lambda *_: ("records", [("A", "127.0.0.1"), ("AAAA", "::1")]))
        case.configure({"host": HOST, "port": relay.port},
                       conf={"dns.server": f"127.0.0.1:{names.port}"})
        result = case.send(*ARGS)
        hole.close()
        names.close()
        check(result.seconds < 3, f"took {result.seconds:.1f} s")
        same("delivered", relay.recipients(), tokens("bc"))


def exchangers(name, records, expected, codes=(0,)):
    def run():
        with Case("mx " + name) as case:
            relay = case.relay()

            def answer(_, kind):
                if kind == "MX":
                    return ("records", records)
                return ("records", [("A", "127.0.0.1")])
            names = Names(answer)
            case.configure({"host": None, "mx": "yes", "port": relay.port},
                           conf={"dns.server": f"127.0.0.1:{names.port}"})
            result = case.send(*ARGS)
            case.wait_quiet()
            names.close()
            check(result.code in codes, f"exit {result.code}: {result.err!r} {case.log()}")
            same("delivered", relay.recipients(), expected)
            if not expected:
                match("stderr", "null MX|no mail", result.err)
                same("failed", len(case.entries("failed")), 1)
    return name, run


def literal(name, host, listen):
    def run():
        with Case(name) as case:
            try:
                relay = case.relay("--listen", listen)
            except Wrong as error:
                raise Skip(f"cannot listen there: {error}") from error
            case.configure({"host": host, "port": relay.port})
            same("end", (case.send(*ARGS).code, relay.recipients()), (0, tokens("bc")))
    return name, run


def bad_literal(host):
    def run():
        with Case("127") as case:
            case.configure({"host": host, "port": 25})
            result = case.send(*ARGS)
            same("exit", result.code, 78)
            match("stderr", r"postern\.conf:\d+: .*host|postern\.conf:\d+:", result.err)
    return f"127 host = {host}", run


def no_resolver(name, command):
    def run():
        if os.getuid() != 0:
            raise Skip("needs root")
        wrap = ("unshare", "-m", "sh", "-c", command + ' && exec "$@"', "sh")
        if subprocess.run([*wrap, "true"], capture_output=True, timeout=20,
                          check=False).returncode:
            raise Skip("no mount namespace here")
        with Case("128") as case:
            case.configure({"host": HOST, "port": 25, "connect_timeout": "3s"})
            result = case.send(*ARGS, wrap=wrap)
            case.wait_quiet()
            same("end", (result.code, result.err), (0, ""))
            check(result.seconds < 7, f"took {result.seconds:.1f} s")
            same("waiting", case.waiting(), tokens("bc"))
            match("mailq", HOST, case.reasons())
    return f"128 resolv.conf {name}", run


# The group of RFC 2409 section 6.2.
OAKLEY_2 = bytes.fromhex(
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e"
    "3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff"
    "5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece65381ffffffffffffffff")


def short_dh():
    """OpenSSL, since GnuTLS as a server takes the groups that the client offers."""
    openssl = shutil.which("openssl")
    if not openssl:
        raise Skip("no openssl program")
    with Case("51") as case:
        body = b"\x02\x81\x81\0" + OAKLEY_2 + b"\x02\1\2"
        pem = base64.encodebytes(b"\x30\x81" + bytes([len(body)]) + body)
        path = case.write("dh.pem", b"-----BEGIN DH PARAMETERS-----\n" + pem
                          + b"-----END DH PARAMETERS-----\n")
        certs = certificates()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = subprocess.Popen(
            [openssl, "s_server", "-accept", f"127.0.0.1:{port}", "-tls1_2", "-dhparam", path,
             "-cipher", "DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0", "-cert", f"{certs}/rsa2048.pem",
             "-key", f"{certs}/rsa2048.key"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        try:
            while b"ACCEPT" not in server.stdout.readline():
                if server.poll() is not None:
                    raise Skip("openssl s_server does not take these settings")
            case.configure(dict(fill_in(IMPLICIT, certs), port=port, timeout="3s"))
            result = case.send(*ARGS)
            case.wait_quiet()
            same("end", (result.code, result.err), (0, ""))
            same("waiting", case.waiting(), tokens("bc"))
            match("mailq", "TLS.*(prime|DH|Diffie|bits|secur)", case.reasons())
        finally:
            server.kill()
            server.communicate(timeout=10)


def skipped(name, why):
    def run():
        raise Skip(why)
    return name, run


GOOD_A = ("records", [("A", "127.0.0.1")])
OTHERS = [
    ("2 blackholed", blackholed),
    ("1 one refusal a flush", refused_once),
    ("12 implicit TLS, clear client", implicit_mixup),
    ("51 DH of 1024 bits", short_dh),
    ("73 NUL in the password", nul_password),
    ("73 password open to others", open_password),
    ("95 no SMTPUTF8", utf8_missing),
    ("95 SMTPUTF8", utf8_there),
    two_relays("port closed", shut=True),
    two_relays("silent", "--on", "CONNECT stall"),
    two_relays("closes", "--on", "CONNECT close"),
    two_relays("resets", "--on", "CONNECT reset"),
    two_relays("554", "--on", "CONNECT reply 554 no"),
    two_relays("421", "--on", 'CONNECT reply "421 busy\\r\\n" close'),
    two_relays("nonsense", "--on", 'CONNECT send "HTTP/1.1 400 x\\r\\n"'),
    two_relays("EHLO 554, HELO 554", "--on", "EHLO reply 554 x", "--on", "HELO reply 554 x"),
    two_relays("out of step", "--on", 'MAIL send "354 x\\r\\n" stall'),
    three_entries("nonsense", 3, ("--on", 'MAIL send "354 x\\r\\n" stall')),
    three_entries("nonsense in the greeting", 1, ("--on", 'CONNECT send "x\\r\\n" stall')),
    three_entries("554 greeting", 1, ("--on", "CONNECT reply 554 no")),
    three_entries("login refused", 1, ("--on", "LOGIN reply 535 5.7.8 no", *SERVER_LOGIN),
                  "server", LOGIN),
    three_entries("bad certificate", 1, (), "wrong-host", TLS),
    three_entries("MAIL 530", (1, 2, 3), ("--on", "MAIL reply 530 5.7.0 log in")),
    lookup("117 no such name", lambda *_: ("rcode", 3), HOST),
    lookup("118 no address", lambda *_: ("records", []), HOST),
    lookup("119 SERVFAIL", lambda *_: ("rcode", 2), HOST),
    lookup("119 REFUSED", lambda *_: ("rcode", 5), HOST),
    lookup("119 silence", lambda *_: "silence", HOST),
    lookup("119 truncated, no TCP", lambda *_: "truncate", HOST),
    lookup("119 wrong id", lambda *_: "wrong-id", HOST),
    lookup("119 an address", lambda *_: GOOD_A, "", "OK"),
    lookup("123 IPv6 only, no route", lambda *_: ("records", [("AAAA", "2001:db8::1")]),
           "2001:db8::1|unreachable|" + HOST),
    ("120 a hundred dead addresses", hundred_addresses),
    ("122 IPv6 dead, IPv4 good", second_family),
    exchangers("124 MX", [("MX", (10, "mx.dest.example"))], tokens("bc")),
    exchangers("124 no MX, an address", [], tokens("bc")),
    exchangers("125 null MX", [("MX", (0, "."))], [], (65,)),
    literal("127 [127.0.0.1]", "[127.0.0.1]", "127.0.0.1"),
    literal("127 [IPv6:::1]", "[IPv6:::1]", "[::1]"),
    literal("127 [::1]", "[::1]", "[::1]"),
    bad_literal("[127.0.0"),
    bad_literal("[::1"),
    bad_literal("[127.0.0.300]"),
    bad_literal("a..b"),
    no_resolver("empty", "mount --bind /dev/null /etc/resolv.conf"),
    no_resolver("missing", "mount -t tmpfs none /etc"),
    skipped("52 SSLv3", "no library here can speak it, on either side"),
    skipped("56 revoked staple", "the relay cannot make OCSP answers"),
    skipped("97 REQUIRETLS", "no option asks for it"),
    skipped("115 killed between the 250 and the mark", "see order.t"),
]


def main():
    rows = (*GREETINGS, *EHLO, *SECURE, *AUTH, *ENVELOPE, *DATA, *SPLITS)
    jobs = [(row.name, pinned_row(row)) for row in rows]
    # Those that wait longest go first.
    jobs.sort(key=lambda job: not re.search("stall|hang|never|drip|stops|87|99", job[0]))
    run_all(OTHERS + jobs)


main()
