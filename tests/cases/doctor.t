#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What --check says of a set-up that is broken in one way, and of one that is not; and a server
that waits for TLS where we wait for its greeting."""

import os
import re
import shutil
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403


def listening(port=0, address="127.0.0.1"):
    """A server that takes connections and says nothing."""
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind((address, port))
    except OSError as error:
        raise Skip(f"port {port}: {error}") from None
    server.listen(8)
    return server


def mute_port():
    """Port 465 with the default security: each side waits for the other to begin."""
    with Case("465") as case, listening(465):
        case.configure({"port": 465, "security": None, "timeout": "5m"})
        case.send(*ARGS)
        result = case.flush("-v", "--all")
        for text in (case.reasons(), case.log(), result.err):
            match("the hint", r"waited 10 s for the greeting; .*security = tls\?", text)
        listing = case.listing()
        same("cause", {r["cause"] for e in listing for r in e["recipients"]}, {"no-greeting"})


def mute_elsewhere():
    """On another port a greeting may take its time: the hint comes all the same."""
    with Case("silent") as case, listening() as server:
        case.configure({"port": server.getsockname()[1], "timeout": "2s"})
        case.send(*ARGS)
        match("the hint", r"waited 2 s for the greeting; .*security = tls\?", case.reasons())


def mute_behind_tls():
    """With TLS it is no riddle."""
    with Case("silent behind TLS") as case:
        relay = case.relay("--on", "CONNECT tls stall", cert="server")
        case.configure({"port": relay.port, "security": "tls", "timeout": "2s",
                        "tls_trust": certificates() + "/ca.pem", "tls_name": "relay.test"})
        case.send(*ARGS)
        text = case.reasons()
        match("the reason", "waited 2 s for the greeting", text)
        no_match("the hint", "security = tls", text)


USER, SECRET = "u@example.org", "s3cret Wort"
LOGIN = ("--user", USER, "--password", SECRET)
FROM, ADMIN = "alerts@src.example", "admin@dest.example"
WHOLE = {"mail.from": FROM, "mail.admin": ADMIN}
PIN = r"tls_fingerprint = sha256:[0-9A-F]{64}\n"


def tls_keys(security="starttls", **more):
    return dict({"security": security, "tls_trust": certificates() + "/ca.pem",
                 "tls_name": "relay.test"}, **more)


def login_keys(**more):
    return dict(tls_keys(user=USER, password=SECRET), **more)


def looked_at(case, code, shows, *args, err="", never=()):
    """Runs the check; shows: patterns of the table."""
    result = case.run("sendmail", "--check", *args)
    same("exit", (result.code, bool(result.err)), (code, bool(err)))
    match("stderr", err, result.err)
    for pattern in shows:
        check(re.search(pattern, result.out, re.M), f"nothing like {pattern!r} in {result.out}")
    for pattern in never:
        check(not re.search(pattern, result.out, re.M), f"{pattern!r} in {result.out}")
    same("FAILED", "FAILED" in result.out, code != 0)
    same("not all passed", "not all passed" in result.out.splitlines()[-1], code == 75)
    case.check_secret(SECRET, result)
    return result


def nothing_sent(relay):
    """Each that was asked was taken back, and no message went."""
    said = [x for x in relay.commands() if not x.startswith(("EHLO", "AUTH", "STARTTLS"))]
    check(not [x for x in said if x.startswith(("DATA", "BDAT"))], f"a message: {said}")
    same("messages", relay.events("message"), [])
    return said


def healthy():
    with Case("healthy") as case:
        relay = case.relay(*LOGIN, "--require-auth", "--require-tls", cert="server")
        case.configure(login_keys(port=relay.port), conf=WHOLE)
        case.send(*ARGS)
        case.flush()
        before = relay.mark()
        result = looked_at(case, 0, (
            r"^here: .*postern\.conf \(personal mode\)", r"^  host name +\d+ ms  gate\.harness",
            rf"^  hold .*{case.hold}, \d+ MiB free", "^  post .*not needed", "^  log .*can be written",
            "^  aliases .*aliases$", r"^  clock .*\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC",
            r"^  last flush .*\d+s ago; 0 held", f"^relay main: 127.0.0.1:{relay.port}$",
            r"^  connected +\d+ ms", r"^  TLS +\d+ ms  TLS1\.3", r"^  certificate +relay\.test, issued",
            r"^  expires +\d{4}-\d\d-\d\d \(\d+ days\)", "^  trusted by +a CA in .*/ca.pem",
            f"^  pin +{PIN}", "^  our name +gate.harness.example", r"^  login +\d+ ms  SCRAM",
            rf"^  sender +\d+ ms  MAIL FROM:<{FROM}> accepted \(from\)",
            rf"^  recipient +\d+ ms  RCPT TO:<{ADMIN}> accepted", r"^  reset +\d+ ms  RSET",
            r"^  passed +\d+ ms"))
        commands = [x.upper() for x in relay.commands(before)]
        same("commands", [x.split(":")[0].split()[0] for x in commands[-4:]],
             ["MAIL", "RCPT", "RSET", "QUIT"])
        same("accepted", len(relay.accepted(before)), 0)
        same("violations", relay.violations(before), [])
        # What it shows can be pasted.
        pin = re.search(PIN, result.out).group(0).split(" = ")[1].strip()
        case.configure(login_keys(port=relay.port, tls_trust=None, tls_fingerprint=pin),
                       conf=WHOLE)
        looked_at(case, 0, ("^  trusted by +its pin",))
        # What nobody can read has shown nothing.
        unprinted(case, "-C", case.conf_path, "--check")


def relay_fails(name, why, advice, *options, cert=None, keys=None, port=None, err="",
                files=(), mode=0o600):
    """One thing is wrong with the relay, or with its section."""
    def run():
        with Case(name) as case:
            relay = case.relay(*options, cert=cert)
            for file in files:
                os.chmod(case.write(file, ""), mode)
            number = port() if port else relay.port
            server = number if isinstance(number, socket.socket) else None
            more = keys() if callable(keys) else keys or {}
            case.configure(dict({"port": server.getsockname()[1] if server else number}, **more),
                           conf=WHOLE)
            looked_at(case, 75, (f"^  FAILED .*{why}", f"^  to do +.*{advice}"), err=err)
            nothing_sent(relay)
            if server:
                server.close()
    return name, run


def closed_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def check_465():
    """Both sides wait; the check says so at once, and the configuration is warned of."""
    with Case("check 465") as case, listening(465, "127.0.0.2"):
        case.configure({"host": "127.0.0.2", "port": 465, "security": None, "timeout": "5m"},
                       conf=WHOLE)
        result = looked_at(
            case, 75, ("^  FAILED +1[0-9]{4} ms .*waited 10 s for the greeting",
                       r"^  to do .*security = tls\? or, for starttls, port = 587\? "
                       r"\(a check waits 10 s, a message 300 s\)$"),
            err=r"^sendmail: warning: \S+postern.conf:\d+: relay main: port 465 is for security")
        check(result.seconds < 30, f"{result.seconds} s")


def silent_names(how, advice):
    """The server's name, or our own, cannot be looked up."""
    with Case("silent names") as case:
        server = Names(lambda name, kind: how)
        try:
            case.configure({"host": "mx.silent.example", "port": 25, "connect_timeout": "2s"},
                           conf=dict(WHOLE, **{"dns.server": f"127.0.0.1:{server.port}"}))
            result = looked_at(case, 75, ("^relay main: mx.silent.example:25$",
                                          r"^  FAILED +\d+ ms  .*look up mx\.silent\.example",
                                          "^  to do .*" + advice))
            check(result.seconds < 5, f"{result.seconds} s")
        finally:
            server.close()


def refused_at(name, rule, why, advice, never=(), options=(), cert=None, keys=None, conf=None):
    """The login is fine, and a message would be refused."""
    def run():
        with Case(name) as case:
            relay = case.relay(*options, *(["--on", rule] if rule else []), cert=cert)
            case.configure(dict(keys() if keys else {}, port=relay.port),
                           conf=dict(WHOLE, **(conf or {})))
            shows = [f"^  FAILED .*{why}", *([f"^  to do +.*{advice}"] if advice else [])]
            looked_at(case, 75, shows, never=never)
            nothing_sent(relay)
    return name, run


def senders():
    """All that may be the sender are tried, each over the relay that it goes to."""
    with Case("senders") as case:
        one = case.relay("--on", "MAIL from root@one.example reply 553 5.7.1 not yours")
        two = case.relay()
        case.configure(
            ("one", {"port": one.port, "senders": "*@one.example, *@src.example"}),
            ("two", {"port": two.port, "senders": "boss@two.example"}),
            ("three", {"port": two.port, "senders": "*@three.example",
                       "recipients": "*@three.example"}),
            conf=WHOLE, tail="[senders]\nroot = root@one.example\n*@web.lan = *@one.example\n")
        looked_at(case, 75, (
            "^  senders +2 rows", rf"^  sender .*<{FROM}> accepted \(from\)",
            r"^  FAILED .*MAIL FROM:<root@one\.example> \(\[senders\]\): .*said: 553 5\.7\.1",
            "^  to do .*from", r"^  sender .*<boss@two\.example> accepted",
            "^  sender +MAIL is left out", "^  recipient +RCPT is left out: this relay"))
        same("one", [x for x in nothing_sent(one) if x.startswith("RCPT")],
             [f"RCPT TO:<{ADMIN}>"])
        looked_at(case, 0, ("^relay two",), "two", never=("^relay one",))


def nobody_set():
    """Without from and admin: what a message of ours has, and nobody is asked for."""
    with Case("nobody") as case:
        relay = case.relay()
        case.configure({"port": relay.port})
        looked_at(case, 0, (r"^  sender .*@harness\.example> accepted \(from is not set",
                            "^  recipient +RCPT is left out: there is no admin"))
        case.write("aliases", "root: ann@dest.example\n")
        looked_at(case, 0, (r"^  recipient .*RCPT TO:<ann@dest\.example> accepted",))
        nothing_sent(relay)


def two_relays():
    with Case("two") as case:
        relay = case.relay()
        case.configure(("bad", {"port": closed_port()}), ("good", {"port": relay.port}),
                       conf=WHOLE)
        result = case.run("sendmail", "--check")
        same("exit", result.code, 75)
        for pattern in ("^  FAILED .*Connection refused", "^  to do .*host, port and security",
                        "^relay good.*\n(.*\n)*  passed"):
            check(re.search(pattern, result.out, re.M), f"{pattern!r} not in {result.out}")
        looked_at(case, 0, ("^relay good",), "good")
        same("unknown", case.run("sendmail", "--check", "good", "ugly").code, 64)
        odd = case.run("sendmail", "--check", "\u009b2J")
        same("unknown, and no text", (odd.code, odd.out), (64, ""))
        match("escaped", r"has no \[relay \\xC2\\x9B2J\]", odd.err)


def here_fails(name, why, advice, prepare=None, conf=None, code=75, warns=False, err=""):
    """The relay is fine."""
    def run():
        with Case(name) as case:
            relay = case.relay()
            case.configure({"port": relay.port}, conf=dict(WHOLE, **(conf or {})))
            if prepare:
                prepare(case)
            row = f"^  warning .*{why}" if warns else f"^  FAILED .*{why}"
            looked_at(case, code, (row, f"^  to do +.*{advice}"), err=err)
            nothing_sent(relay)
    return name, run


def no_flush(case):
    """A message that is due for two hours, and nobody who sent it."""
    case.send("-odq", *ARGS)
    name = case.entries()[0]
    path = os.path.join(case.hold, "hold", name)
    with open(path, "r+b") as file:
        head = file.read(512)
        old = int(re.search(rb"created (\d+)", head).group(1)) - 7200
        for key in (b"created", b"next"):
            at = head.index(b"\n" + key + b" ") + 1
            file.seek(at)
            file.write((key + b" %d" % old).ljust(31))


def some_flush():
    """The same, but somebody flushes; and mail that is frozen waits for nobody."""
    with Case("some flush") as case:
        relay = case.relay()
        case.configure({"port": relay.port}, conf=WHOLE)
        no_flush(case)
        case.run("flushq", "--freeze", "all")
        looked_at(case, 0, ("^  last flush +none was seen yet; 1 held, 0 of them due",))
        case.flush()
        looked_at(case, 0, (r"^  last flush +\d+s ago; 1 held",))


def some_failed():
    """What failed is told of, and is no fault of what is here now."""
    with Case("some failed") as case:
        relay = case.relay()
        case.configure({"port": relay.port}, conf=WHOLE)
        looked_at(case, 0, (), never=("^  failed ",))
        for count in ("1 message", "2 messages"):
            case.send("-i", "-f", "a@src.example", "reject550@dest.example")
            looked_at(case, 0, (rf"^  failed +{count}: mailq --failed says why$",))


def from_the_future(case):
    case.send("-odq", *ARGS)
    path = os.path.join(case.hold, "hold", case.entries()[0])
    name = "%08X0001" % (int(time.time()) + 7200)
    os.rename(path, os.path.join(case.hold, "hold", name))


def old_clock():
    """By the clock, the program is not made yet."""
    with Case("old clock") as case:
        relay = case.relay()
        case.configure({"port": relay.port}, conf=WHOLE)
        os.mkdir(case.dir + "/tls")
        for name in ("sendmail", "tls/flushq"):
            path = os.path.join(case.dir, name)
            copy_program(os.path.join(BUILD, name), path)
            os.utime(path, (time.time() + 3 * 86400,) * 2)
        result = Call([case.dir + "/sendmail", "-C", case.conf_path, "--check"], env=case.env).wait()
        same("exit", result.code, 75)
        match("clock", "FAILED +clock: it says .* which is before this program was made",
              result.out)


def mx():
    """Its servers are those of the domain of who is asked for."""
    with Case("mx") as case:
        relay = case.relay()
        names = Names(lambda name, kind: ("records", [
            ("MX", (10, "in.dest.example")), ("A", "127.0.0.1")]))
        try:
            case.configure({"host": None, "mx": "yes", "port": relay.port},
                           conf=dict(WHOLE, **{"dns.server": f"127.0.0.1:{names.port}"}))
            looked_at(case, 0, (rf"^relay main: in\.dest\.example:{relay.port}$",
                                r"^  looked up +\d+ ms  1 address$",
                                rf"^  recipient +\d+ ms  RCPT TO:<{ADMIN}>"))
            nothing_sent(relay)
            case.configure({"host": None, "mx": "yes", "port": relay.port},
                           conf={"dns.server": f"127.0.0.1:{names.port}"})
            looked_at(case, 0, ("^  recipient +nothing is tried: there is no admin",))
        finally:
            names.close()


def no_such_domain():
    """What is to be looked at is the key that names it, and not a host that nobody set."""
    with Case("no such domain") as case:
        names = Names(lambda name, kind: ("rcode", 3))
        dns = {"dns.server": f"127.0.0.1:{names.port}"}
        try:
            for keys, whose, key in (({"mx": "yes"}, "dest.example", "admin"),
                                     ({"srv": "isp.example"}, "isp.example", "srv")):
                case.configure({"host": None, **keys}, conf=dict(WHOLE, **dns))
                looked_at(case, 75, (rf"^relay main: the servers of {whose}$",
                                     rf"^  to do +look at the spelling of {key}, and at /etc"))
        finally:
            names.close()


def other_ways():
    """LMTP over a socket, and a server without PIPELINING that does not know EHLO."""
    with Case("other ways") as case:
        path = os.path.join(case.dir, "lmtp")
        one = case.relay("--listen", "unix:" + path, "--lmtp")
        two = case.relay("--without", "PIPELINING", "--on", "EHLO reply 502 what")
        case.configure(("one", {"host": None, "socket": path, "protocol": "lmtp"}),
                       ("two", {"port": two.port}), conf=WHOLE)
        looked_at(case, 0, (f"^relay one: {path}$", f"^  connected +\\d+ ms  {path}$",
                            "^relay two:"))
        for relay in (one, two):
            said = nothing_sent(relay)
            same("commands", [x.split()[0] for x in said if x.split()[0] in
                              ("MAIL", "RCPT", "RSET")], ["MAIL", "RCPT", "RSET"])
            same("violations", relay.violations(), [])


def filtered():
    hole = Blackhole()
    try:
        with Case("filtered") as case:
            case.configure({"port": hole.port, "connect_timeout": "2s"}, conf=WHOLE)
            looked_at(case, 75, (r"^  FAILED +\d+ ms  .*connect to", "^  to do .*firewall"))
    finally:
        hole.close()


def bad_lines(case):
    case.write("aliases", "root: |/bin/rot\nann: a@dest.example\nbob: /var/mail/bob\n")


def alias_unknown():
    """admin is not set: the alias of root is whom they do not know."""
    with Case("alias of root") as case:
        relay = case.relay()
        case.configure({"port": relay.port}, conf={"mail.from": FROM})
        case.write("aliases", "root: reject550@dest.example\n")
        looked_at(case, 75, (r"^  FAILED .*RCPT TO:<reject550@dest\.example>: .* said: 550",
                             "^  to do +check the alias of root$"))


def room_a_file(case):
    case.send("-odq", *ARGS)
    path = os.path.join(case.hold, "hold")
    shutil.rmtree(path)
    open(path, "x").close()


def foreign_hold():
    if os.getuid() != 0:
        raise Skip("only root gives a directory away")
    with Case("hold of another user") as case:
        relay = case.relay()
        case.configure({"port": relay.port}, conf=WHOLE)
        case.send("-odq", *ARGS)
        os.chown(case.hold, 65534, 65534)
        looked_at(case, 75, (
            r"^  FAILED +the hold: .* is another user's",
            rf"^  to do +chown root {case.hold}, or set directory in \[hold\]$"))
        os.chown(case.hold, 0, 0)


OF_NO_DATE = ("see whether this host's clock is right; else tell whose server it is, and use "
              "another host of theirs, or, if you know the certificate, pin it for now with "
              "tls_fingerprint$")
CLEAR_LOGIN = {"user": USER, "password": SECRET}
CLEAR_AUTH = (*LOGIN, "--clear-auth", "--mechanisms", "PLAIN")
NOT_SENT = "warning: .*the password will not be sent"
FLUSHQ = re.escape(os.path.join(BUILD, "flushq"))
STARTTLS_530 = "MAIL reply 530 5.7.0 Must issue a STARTTLS command first"
JOBS = [
    ("port 465 with starttls, a try", mute_port),
    ("a silent port, a try", mute_elsewhere),
    ("silent behind TLS, a try", mute_behind_tls),
    ("healthy", healthy),
    relay_fails("wrong host", "no.such.host.invalid", "spelling of host",
                keys={"host": "no.such.host.invalid"}),
    relay_fails("port closed", "Connection refused", "host, port and security",
                port=closed_port),
    relay_fails("nobody at the proxy", "proxy: .*Connection refused", "look at proxy, and at host",
                keys=lambda: {"proxy": f"socks5://127.0.0.1:{closed_port()}"}),
    relay_fails("port silent", r"waited 3 s for the greeting; .* is silent: security = tls\?$",
                r"security = tls\? or, for starttls, port = 587\? "
                r"\(a check waits 10 s, a message 3 s\)$", port=listening),
    ("port 465 with starttls", check_465),
    relay_fails("tls on a starttls port", r"security = starttls\?",
                r"set security = starttls, or the port on which it begins with TLS \(465\?\)$",
                keys=lambda: tls_keys("tls"), cert="server"),
    relay_fails("starttls is not there", "does not offer STARTTLS", "port and security",
                "--without", "STARTTLS", keys=tls_keys, cert="server"),
    relay_fails("certificate expired", "expired on", OF_NO_DATE, keys=tls_keys, cert="expired"),
    relay_fails("certificate not valid yet", "not valid before", OF_NO_DATE, keys=tls_keys,
                cert="future"),
    relay_fails("certificate of an unknown CA", "unknown CA",
                "name the CA's file in tls_trust, or pin the certificate with tls_fingerprint$",
                keys=tls_keys, cert="unknown-ca"),
    relay_fails("certificate self-signed", "self-signed",
                "get the certificate from whose server it is: its file is for tls_trust, or its "
                "pin, if it is the one above, for tls_fingerprint$", keys=tls_keys,
                cert="self-signed"),
    relay_fails("certificate of another host", "certificate is for .*tls_name",
                "set host to a name in the certificate, or tls_name if you know that this server "
                "bears it$", keys=tls_keys, cert="wrong-host"),
    relay_fails("certificate too weak", "weak key", "tell whose server it is; use another host of "
                "theirs, or, if you know the certificate, pin it for now with tls_fingerprint$",
                keys=tls_keys, cert="rsa1024"),
    relay_fails("certificate for other use", "not for TLS servers", "tell whose server it is; use "
                "another host", keys=tls_keys, cert="client-eku"),
    relay_fails("certificate with another pin", "not in tls_fingerprint", "whose server it is",
                keys=lambda: tls_keys(tls_trust=None, tls_fingerprint="sha256:" + 64 * "0"),
                cert="server"),
    relay_fails("wrong password", "said: 535", rf"check user, {USER}, and its password$",
                "--user", USER, "--password", "other", keys=login_keys, cert="server"),
    relay_fails("no AUTH in clear", r"offers no login \(AUTH\) in clear",
                "this server offers neither a login nor encryption on this port: try its other "
                "port$", keys=CLEAR_LOGIN, err=NOT_SENT),
    relay_fails("no AUTH before STARTTLS", r"offers no login \(AUTH\) in clear",
                "set security = starttls$", *LOGIN, keys=CLEAR_LOGIN, cert="server", err=NOT_SENT),
    relay_fails("login in clear, where STARTTLS is not", "the password was not sent",
                "this server offers no encryption on this port: try its other port, or "
                "allow_cleartext_auth = yes if nobody can listen on the way$",
                *CLEAR_AUTH, keys=CLEAR_LOGIN, err=NOT_SENT),
    relay_fails("login in clear, where STARTTLS is", "the password was not sent",
                "set security = starttls$", *CLEAR_AUTH, cert="server", keys=CLEAR_LOGIN,
                err=NOT_SENT),
    relay_fails("opportunistic login in clear", "the password was not sent",
                "try its other port, or allow_cleartext_auth = yes with security = none if nobody "
                "can listen on the way$", *CLEAR_AUTH,
                keys=dict(CLEAR_LOGIN, security="opportunistic")),
    relay_fails("opportunistic login in clear, allowed", "the password was not sent",
                "try its other port, or security = none if nobody can listen on the way$",
                *CLEAR_AUTH, keys=dict(CLEAR_LOGIN, security="opportunistic",
                                       allow_cleartext_auth="yes")),
    relay_fails("no mechanism in common, in clear", "no way to log in that both sides have",
                "set auth to one that the server offers, or remove it$", *CLEAR_AUTH,
                keys=dict(CLEAR_LOGIN, auth="xoauth2"), err=NOT_SENT),
    relay_fails("no AUTH at all", r"offers no login \(AUTH\) after TLS", "host, port",
                keys=login_keys, cert="server"),
    refused_at("not owned at MAIL", "MAIL reply 553 5.7.1 sender address rejected: not owned",
               rf"MAIL FROM:<{FROM}> \(from\): .* said: 553 5\.7\.1", "set from to an address",
               never=("check user",)),
    refused_at("530 at MAIL in clear", STARTTLS_530, "said: 530",
               "set security = starttls first; if it then wants a login, user and password_file$",
               never=("check user",), cert="server"),
    refused_at("530 at MAIL in clear, where STARTTLS is not", STARTTLS_530, "said: 530",
               r"it offers no encryption on this port: try its other port, with security = tls or "
               r"starttls; or log in here \(user, password_file\)$", never=("check user",)),
    refused_at("530 at MAIL after a login in clear", STARTTLS_530, "said: 530",
               "set security = starttls$", options=CLEAR_AUTH, cert="server",
               keys=lambda: dict(CLEAR_LOGIN, allow_cleartext_auth="yes")),
    refused_at("530 at MAIL without a login", "MAIL reply 530 5.7.0 Authentication required",
               "said: 530", "set user and password_file", keys=tls_keys, cert="server"),
    refused_at("530 at MAIL after a login", "MAIL reply 530 5.7.1 not for you", "said: 530",
               "check user, from", keys=login_keys, cert="server", options=LOGIN),
    refused_at("5.7.60 at MAIL", "MAIL reply 550 5.7.60 no right to send as", "said: 550 5.7.60",
               "from and from_rule"),
    refused_at("admin is unknown", None, r"RCPT TO:<reject550@dest\.example>: .* said: 550",
               "check admin$", conf={"mail.admin": "reject550@dest.example"}),
    ("the alias of root is unknown", alias_unknown),
    refused_at("no relaying for admin", "RCPT reply 554 5.7.1 Relay access denied",
               "said: 554 5.7.1 Relay", "login first"),
    refused_at("admin is greylisted", "RCPT reply 450 4.7.1 Greylisted", "said: 450 4.7.1",
               "check again"),
    refused_at("closed at MAIL", "MAIL close", "MAIL FROM.*closed the connection", ""),
    ("senders", senders),
    ("neither from nor admin", nobody_set),
    ("two relays", two_relays),
    ("mx", mx),
    ("no such domain", no_such_domain),
    ("LMTP, and no EHLO", other_ways),
    ("port filtered", filtered),
    refused_at("silent at EHLO", "EHLO stall", "waited 3 s for an answer",
               "a check waits 30 s, a message 3 s"),
    refused_at("RSET is refused", "RSET reply 500 what", "RSET refused", ""),
    refused_at("421 at RCPT", "RCPT reply 421 4.3.0 going down close", "RCPT TO.* said: 421", ""),
    ("clock behind the program", old_clock),
    ("name server silent", lambda: silent_names(
        "silence", r"no name server answered within 2 s: look at server in \[dns\]")),
    ("name server fails", lambda: silent_names(("rcode", 2), "resolv.conf")),
    here_fails("log file not openable", "log: .*nosuch.*syslog instead", "to in \\[log\\]",
               conf={"log.to": "{dir}/nosuch/deep/log"},
               prepare=lambda case: case.write("nosuch", "")),
    here_fails("aliases file missing", "aliases: .*nosuch", r"aliases in \[mail\]",
               conf={"mail.aliases": "{dir}/nosuch"}, err="warning: .*nosuch"),
    here_fails("aliases with bad lines", r"aliases: \S+aliases:1: ", "relays only",
               prepare=bad_lines, code=0, warns=True),
    here_fails("host name not full", r"host name: web1 \(from hostname in \[mail\]\) is no full",
               r"give hostname in \[mail\] its full name, or remove it$",
               conf={"mail.hostname": "web1"}),
    here_fails("room of the hold a file", r"hold: \S+/hold/hold is not a directory",
               r"move it away: mv \S+/hold/hold \S+/hold/hold\.old$", prepare=room_a_file),
    here_fails("hold a file", r"hold: \S+/file is not a directory",
               r"move it away, or set directory in \[hold\]$",
               conf={"hold.directory": "{dir}/file"}, prepare=lambda case: case.write("file", "")),
    ("hold of another user", foreign_hold),
    here_fails("hold on a full disk", "hold: .*less than min_free", "refused",
               conf={"hold.min_free": "1000000G"}),
    here_fails("held mail and no flush", "last flush: none was seen yet, and 1 message is due, "
               "the oldest for (119m|120m|2h)$", "to send it now: " + FLUSHQ + r" -C \S+$",
               prepare=no_flush),
    here_fails("nobody flushes", "last flush",
               rf"a line for crontab -e: \*/5 \* \* \* \* {FLUSHQ} -C \S+$", prepare=no_flush),
    ("held mail and a flush", some_flush),
    ("failed mail", some_failed),
    here_fails("clock behind", "clock: .*before the youngest message", "set the clock",
               prepare=from_the_future),
    relay_fails("secret missing", "password in .*No such file",
                r"make it: \(umask 077; editor \S+/nosuch\), or correct password_file$",
                *LOGIN, cert="server",
                keys=lambda: login_keys(password=None, password_file="{dir}/nosuch")),
    relay_fails("secret empty", "first line of .* is empty",
                r"write the password into the first line of password_file, \S+/home/secret$", *LOGIN,
                cert="server", files=("home/secret",),
                keys=lambda: login_keys(password=None, password_file="{dir}/home/secret")),
    relay_fails("secret open to all", "open to everybody", r"password_file is to be closed to others: chmod 600 \S+/home/secret$", *LOGIN,
                cert="server", files=("home/secret",), mode=0o644,
                keys=lambda: login_keys(password=None, password_file="{dir}/home/secret")),
]

run_all(JOBS)
