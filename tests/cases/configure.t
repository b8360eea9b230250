#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""sendmail --configure, with name servers and relays that are right, wrong or hostile; and
sendmail --providers."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403

NONE = ("rcode", 3)
ADDRESS = "127.0.46.1"  # a loopback address of this file's own, for the ports below 1024


def names_of(table):
    """A name server with these records alone: {(name, type): data or a list of it}."""
    def answer(name, kind):
        data = table.get((name, kind))
        if data is None:
            known = any(n == name for n, _ in table)
            return ("records", []) if known else NONE
        if isinstance(data, tuple) and data[0] == "rcode":
            return data
        return ("records", [(kind, d) for d in (data if isinstance(data, list) else [data])])
    return Names(answer)


def asked(case, names, address, *args, certs="relay.test", **keys):
    """What --configure prints, with that name server and the CA of the test."""
    case.configure(dict({"tls_trust": certificates(certs) + "/ca.pem"}, **keys),
                   conf={"dns.server": f"127.0.0.1:{names.port}"})
    return case.run("sendmail", "--configure", address, *args)


def usable(case, text, **wanted):
    """The text is a configuration, and says this."""
    for line in text.splitlines():
        match("line", r"^(#.*|\[[a-z]+\]|[a-z_]+ = \S.*|)$", line)
    path = case.write("found.conf", text)
    result = Call([os.path.join(BUILD, "sendmail"), "-C", path, "--config"], env=case.env).wait()
    same("--config", (result.code, result.err), (0, ""))
    for key, value in wanted.items():
        match(key, rf"(?m)^{key} = {re.escape(value)}$", result.out)
    return result.out


def nothing_said(relay):
    """It was asked for its extensions, and nothing was sent: no login, no mail."""
    for command in relay.commands():
        check(not re.match("(?i)AUTH|MAIL|RCPT|DATA", command), f"{command!r} was sent")


def service(name, tls, options, **more):
    """SRV names a server in the domain."""
    def run():
        with Case(name) as case:
            relay = case.relay(*(["--tls"] if tls else []), *options, cert="server")
            kind = "_submissions" if tls else "_submission"
            names = names_of({(f"{kind}._tcp.relay.test", "SRV"): (0, 0, relay.port, "relay.test"),
                              ("relay.test", "A"): "127.0.0.1"})
            result = asked(case, names, "ann@relay.test")
            names.close()
            same("exit", result.code, more.get("code", 0))
            match("stderr", more.get("err", "answers, encrypted, with a login"), result.err)
            if result.code == 0:
                usable(case, result.out, host="relay.test", port=str(relay.port),
                       security="tls" if tls else "starttls", user="ann@relay.test")
                match("from", r"(?m)^from = ann@relay\.test$", result.out)
            else:
                template(result)
            nothing_said(relay)
    return name, run


OAUTH = os.path.exists(os.path.join(BUILD, "token"))
LOGIN = ("--user", "u", "--password", "p")


def template(result):
    """Nothing was found: one line says so, and what is printed are comments alone."""
    same("exit", result.code, 69)
    match("stderr", r"(?m)^sendmail: --configure: no server was found for ", result.err)
    for line in result.out.splitlines():
        check(line.startswith("#"), f"{line!r} is no comment")
    match("template", r"(?m)^# \[relay\]$", result.out)
    folder = "/.*/" if os.getuid() == 0 else ""
    match("its password", rf"(?m)^# password_file = {folder}postern\.secret$", result.out)


def wrong_name():
    """The certificate is another's."""
    with Case("wrong name") as case:
        relay = case.relay("--tls", *LOGIN, cert="server")
        names = names_of({("_submissions._tcp.dest.example", "SRV"):
                          (0, 0, relay.port, "mail.dest.example"),
                          ("mail.dest.example", "A"): "127.0.0.1"})
        result = asked(case, names, "ann@dest.example")
        names.close()
        match("stderr", "certificate", result.err)
        template(result)
        nothing_said(relay)


def outside():
    """A server that DNS alone speaks for is taken last, and with a doubt."""
    with Case("outside") as case:
        relay = case.relay("--tls", *LOGIN, cert="server")
        names = names_of({("_submissions._tcp.dest.example", "SRV"):
                          (0, 0, relay.port, "relay.test"), ("relay.test", "A"): "127.0.0.1"})
        result = asked(case, names, "ann@dest.example")
        names.close()
        same("exit", result.code, 0)
        match("stderr", "doubt: relay.test is not in the domain, and DNS can be forged", result.err)
        match("comment", "(?m)^# It is not in the domain", result.out)
        usable(case, result.out, host="relay.test", port=str(relay.port), security="tls")


HOSTILE = [
    "evil.example\nhost = x.example", "a b.evil.example", "evil.example ;x", "#.evil.example",
    "x=y.evil.example", "127.0.0.1", "evil", "[relay].evil.example", "\x1b[31m.evil.example",
    "é.evil.example"]


def hostile_names():
    """Nothing but host names gets in, or is connected to."""
    with Case("hostile names") as case:
        for name in HOSTILE:
            names = names_of({("_submissions._tcp.evil.example", "SRV"): (0, 0, 465, name),
                              ("_submission._tcp.evil.example", "SRV"): (0, 0, 587, name),
                              ("evil.example", "MX"): (1, name)})
            result = asked(case, names, "ann@evil.example")
            names.close()
            template(result)
            for line in result.err.splitlines():
                match("line", r"^sendmail: [ -~]*$", line)
            no_match(f"tried {name!r}", r"(?m):(465|587): ", result.err)
            same(f"looked up {name!r}", [q for q in names.asked if q[1] in ("A", "AAAA")], [])


def hostile_server():
    """What a server says is told, one printable line, and is not printed as configuration."""
    with Case("hostile server") as case:
        relay = case.relay("--tls", "--on", "CONNECT reply 554 \x1b[2Jhost = evil.example",
                           cert="server")
        names = names_of({("_submissions._tcp.relay.test", "SRV"): (0, 0, relay.port, "relay.test"),
                          ("relay.test", "A"): "127.0.0.1"})
        result = asked(case, names, "ann@relay.test")
        names.close()
        template(result)
        no_match("stdout", "evil|\x1b", result.out)
        no_match("stderr", "\x1b", result.err)


def preset(name, address, records, provider, questions, **wanted):
    """The table knows whose it is; no server answers here, which is a doubt and no more."""
    def run():
        with Case(name) as case:
            names = names_of(records)
            result = asked(case, names, address)
            names.close()
            same("exit", result.code, 0)
            match("stderr", f"doubt: no port of {provider} could be tried", result.err)
            usable(case, result.out, provider=provider, **wanted)
            same("asked of DNS", {k for _, k in names.asked if k in ("MX", "SRV")}, questions)
    return name, run


def low_port(case, port, *options):
    try:
        return case.relay(*options, "--listen", ADDRESS, *LOGIN, port=port, cert="server",
                          certs=certificates("smtp.gmail.com"))
    except (OSError, Wrong) as error:
        raise Skip(f"port {port}: {error}") from error


def other_port():
    """The provider's own port is closed on the way, the other is not."""
    with Case("other port") as case:
        names = names_of({("smtp.gmail.com", "A"): ADDRESS})
        relay = low_port(case, 587)
        result = asked(case, names, "ann@gmail.com", certs="smtp.gmail.com")
        same("exit", result.code, 0)
        match("stderr", "smtp.gmail.com:587: answers, encrypted, with a login", result.err)
        usable(case, result.out, provider="gmail", port="587", security="starttls")
        own = low_port(case, 465, "--tls")
        result = asked(case, names, "ann@gmail.com", certs="smtp.gmail.com")
        names.close()
        match("stderr", "smtp.gmail.com:465: answers, encrypted, with a login", result.err)
        usable(case, result.out, provider="gmail", port="465", security="tls")
        no_match("own port", "(?m)^port", result.out)
        nothing_said(relay)
        nothing_said(own)


def wrong_calls():
    with Case("wrong calls") as case:
        for args, code, why in (
                (["--configure"], 64, "--configure requires an argument"),
                (["--configure", "a@b.example", "x"], 64, "one address is taken"),
                (["--configure", "root"], 65, "an address such as"),
                (["--configure", ""], 65, "an address such as"),
                (["--configure", "a@localhost"], 65, "an address such as"),
                (["--configure", "a@[127.0.0.1]"], 65, "an address such as"),
                (["--configure", "a@b.example, c@d.example"], 65, ""),
                (["--configure", "a@b.example\nhost = c"], 64, "control byte")):
            result = case.run("sendmail", *args, conf=False)
            same(f"{args}", (result.code, result.out), (code, ""))
            match(f"{args}", why, result.err)
        names = names_of({})
        result = asked(case, names, "\"a ;b\"@gmail.com")
        names.close()
        same("address", (result.code, result.out), (65, ""))
        match("address", "cannot stand in a configuration", result.err)
        case.write("postern.conf", "[relay]\nhots = x\n")
        result = case.run("sendmail", "--configure", "a@b.example")
        same("faulty -C", (result.code, result.out), (78, ""))
        match("faulty -C", r"postern\.conf:2: unknown key", result.err)


def no_dns():
    """Name servers that fail: nothing found, in time."""
    with Case("no DNS") as case:
        names = Names(lambda *_: ("rcode", 2))
        result = asked(case, names, "ann@dest.example")
        names.close()
        match("stderr", "SRV of _submissions._tcp.dest.example: ", result.err)
        template(result)
        check(result.seconds < 20, f"{result.seconds} s")


def no_service():
    """A target of "." is a no (RFC 2782)."""
    with Case("no service") as case:
        names = names_of({("_submissions._tcp.dest.example", "SRV"): (0, 0, 0, "."),
                          ("_submission._tcp.dest.example", "SRV"): (0, 0, 0, "."),
                          ("dest.example", "MX"): (10, "mx.dest.example")})
        result = asked(case, names, "ann@dest.example")
        names.close()
        template(result)


def printed_table():
    with Case("providers") as case:
        result = case.run("sendmail", "--providers", conf=False)
        same("exit", (result.code, result.err), (0, ""))
        rows = re.split(r"\n\n", result.out.strip())[1:]
        check(len(rows) > 25, f"{len(rows)} rows")
        for row in rows:
            match("row", r"^[a-z0-9.-]+(:REGION)?\n  host [a-zA-Z0-9.-]+, port [0-9, ]+, "
                  r"security (tls|starttls)\n(  .*\n)*  https://\S+$", row)
        check(max(map(len, result.out.splitlines())) <= 100, "a line is too long")
        conf = "".join(f"[relay r{i}]\nprovider = {row.split()[0].replace('REGION', 'eu-west-1')}\n"
                       "user = u\npassword = p\n" for i, row in enumerate(rows))
        case.write("postern.conf", conf)
        same("all of them", case.run("sendmail", "--config").code, 0)
        for args in (["--providers", "x"], ["--providers", "--config"], ["-i", "--providers"]):
            same(f"{args}", case.run("sendmail", *args, conf=False).code, 64)


JOBS = [
    service("SRV, TLS from the first byte", True, LOGIN),
    service("SRV, STARTTLS", False, LOGIN),
    service("SRV, no STARTTLS", False, ("--without", "STARTTLS"), code=69, err="STARTTLS"),
    service("SRV, no login", True, (), err="doubt: it offers no login"),
    ("certificate of another", wrong_name),
    ("outside of the domain", outside),
    ("hostile names", hostile_names),
    ("hostile server", hostile_server),
    preset("domain of the table", "ann@gmail.com",
           {("_submissions._tcp.gmail.com", "SRV"): (0, 0, 465, "evil.gmail.com")}, "gmail", set(),
           host="smtp.gmail.com", user="ann@gmail.com", port="465", security="tls"),
    preset("passwords have ended", "ann@hotmail.com", {}, "outlook.com", set(), auth="XOAUTH2",
           **({"client_id": "id-of-your-application", "oauth": "microsoft"} if OAUTH else
              {"password_command": "/usr/local/bin/access-token"})),
    preset("user without the domain", "ann@web.de", {}, "web.de", set(), user="ann"),
    preset("MX at a provider", "ann@dest.example",
           {("dest.example", "MX"): [(10, "mx.other.example"), (20, "ASPMX.l.google.com")]},
           "gmail", {"MX", "SRV"}, user="ann@dest.example"),
    preset("SRV at a provider", "ann@dest.example",
           {("_submissions._tcp.dest.example", "SRV"): (0, 0, 465, "smtp.fastmail.com")},
           "fastmail", {"MX", "SRV"}, user="ann@dest.example"),
    ("the other port", other_port),
    ("wrong calls", wrong_calls),
    ("name servers fail", no_dns),
    ("no service", no_service),
    ("the table is printed", printed_table),
]

run_all(JOBS)
