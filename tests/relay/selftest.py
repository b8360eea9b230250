#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the test relay: $BUILD/tests/relay, or the one named; more words choose tests.

Peers are smtplib, ssl and raw sockets of the standard library. The last line is a count.
"""

import base64
import hashlib
import hmac
import os
import shutil
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from process import Process  # pylint: disable=wrong-import-position

RELAY = os.path.abspath(sys.argv[1] if len(sys.argv) > 1
                        else os.path.join(os.environ.get("BUILD", "build"), "tests/relay"))
TOP = tempfile.mkdtemp(prefix="relay-selftest-")
CERTS = os.path.join(TOP, "certs")
MAIL = "From: a@example.org\r\nTo: b@example.org\r\n\r\nHello.\r\n.dot\r\n"
LOGIN = ("--user", "u@example.org", "--password", "se cret")


class Relay(Process):
    """A relay in a folder of its own; ends with the block."""

    def __init__(self, *options, certs=None, lines=()):
        super().__init__(RELAY, tempfile.mkdtemp(dir=TOP))
        error = self.start(*options, cert=certs and os.path.join(CERTS, certs), script=lines)
        assert not error, error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def closed(self, count=1):
        """The close events, when there are so many."""
        return self.wait_for("close", count)

    def violations(self):
        return [e["text"] for e in self.events("violation")]

    def stored(self):
        folder = os.path.join(self.dir, "new")
        return [open(os.path.join(folder, n), "rb").read() for n in sorted(os.listdir(folder))]

    def raw(self):
        return Raw(self.port)


class Raw:
    """A socket with the few words of a dialogue."""

    def __init__(self, port, sock=None):
        self.sock = sock or socket.create_connection(("127.0.0.1", port), 10)
        if self.sock.family != socket.AF_UNIX:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.settimeout(10)
        self.rest = b""

    def reply(self):
        lines = []
        while True:
            while b"\n" not in self.rest:
                more = self.sock.recv(65536)
                if not more:
                    raise EOFError(self.rest)
                self.rest += more
            line, _, self.rest = self.rest.partition(b"\n")
            lines.append(line.rstrip(b"\r").decode("latin-1"))
            if lines[-1][3:4] != "-":
                return "\n".join(lines)

    def say(self, data, replies=1):
        self.sock.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        got = [self.reply() for _ in range(replies)]
        return got[0] if replies == 1 else got

    def start(self, hello="EHLO"):
        self.reply()
        return self.say(f"{hello} client.test\r\n")

    def eof(self):
        try:
            return self.sock.recv(65536) == b""
        except ConnectionResetError:
            return False

    def reset(self):
        try:
            while self.sock.recv(65536):
                pass
        except ConnectionResetError:
            return True
        return False


def trust(ca="ca", check_name="relay.test"):
    context = ssl.create_default_context(cafile=f"{CERTS}/{ca}.pem")
    context.check_hostname = bool(check_name)
    return context


def wrap(raw, context=None):
    sock = (context or trust()).wrap_socket(raw.sock, server_hostname="relay.test")
    return Raw(0, sock)


def check(value, wanted):
    assert value == wanted, f"{value!r}, not {wanted!r}"


def starts(value, begin):
    assert value.startswith(begin), f"{value!r} does not start with {begin!r}"


def test_plain():
    with Relay() as relay:
        with smtplib.SMTP("127.0.0.1", relay.port) as client:
            client.sendmail("a@example.org", ["b@example.org", "c@example.org"], MAIL)
        check(relay.stored(), [MAIL.encode()])
        message, = relay.events("message")
        check(message["sender"], "a@example.org")
        check([r["address"] for r in message["recipients"]], ["b@example.org", "c@example.org"])
        check([r["verdict"] for r in message["recipients"]], [250, 250])
        check(message["size"], len(MAIL))
        check(message["violations"], [])
        check(message["how"], "DATA")
        check(relay.closed()[0]["how"], "QUIT")
        check(relay.violations(), [])


def session(raw, mail=MAIL):
    """What a good client does behind EHLO; to the end."""
    stuffed = mail.replace("\r\n.", "\r\n..")
    replies = raw.say("MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n", 3)
    check([r[:3] for r in replies], ["250", "250", "354"])
    starts(raw.say(stuffed + ".\r\n"), "250")
    starts(raw.say("QUIT\r\n"), "221")
    assert raw.eof()


def test_flights_plain():
    with Relay() as relay:
        raw = relay.raw()
        raw.start()
        session(raw)
        check(relay.closed()[0]["flights"], 5)
        check(relay.violations(), [])


def plain_token():
    return base64.b64encode(b"\0u@example.org\0se cret").decode()


def secure_flights(version, implicit):
    options = LOGIN + (("--tls",) if implicit else ())
    context = trust()
    context.minimum_version = context.maximum_version = version
    with Relay(*options, certs="server") as relay:
        raw = relay.raw()
        if implicit:
            raw = wrap(raw, context)
            raw.reply()
        else:
            raw.start()
            starts(raw.say("STARTTLS\r\n"), "220")
            raw = wrap(raw, context)
        raw.say("EHLO client.test\r\n")
        starts(raw.say(f"AUTH PLAIN {plain_token()}\r\n"), "235")
        raw.say("MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n", 3)
        starts(raw.say("x: y\r\n\r\nz\r\n.\r\n"), "250")
        starts(raw.say("QUIT\r\n"), "221")
        raw.sock.close()
        close, = relay.closed()
        check(close["how"], "QUIT")
        check(relay.violations(), [])
        return close["flights"]


def test_flights_starttls_13():
    check(secure_flights(ssl.TLSVersion.TLSv1_3, False), 9)


def test_flights_starttls_12():
    check(secure_flights(ssl.TLSVersion.TLSv1_2, False), 10)


def test_flights_tls_13():
    check(secure_flights(ssl.TLSVersion.TLSv1_3, True), 7)


def test_flights_tls_12():
    check(secure_flights(ssl.TLSVersion.TLSv1_2, True), 8)


def test_flights_with_delay():
    """Commands in several writes are one flight if the client does not wait."""
    with Relay("--delay", "60") as relay:
        raw = relay.raw()
        raw.start()
        for line in ("MAIL FROM:<a@x.test>\r\n", "RCPT TO:<b@x.test>\r\n", "DATA\r\n"):
            raw.sock.sendall(line.encode())
            time.sleep(0.01)
        check([raw.reply()[:3] for _ in range(3)], ["250", "250", "354"])
        starts(raw.say("x: y\r\n\r\n.\r\n"), "250")
        raw.say("QUIT\r\n")
        check(relay.closed()[0]["flights"], 5)


def test_auth_smtplib():
    for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5"):
        options = (*LOGIN, "--require-auth", "--mechanisms", mechanism)
        with Relay(*options, certs="server") as relay:
            with smtplib.SMTP("127.0.0.1", relay.port) as client:
                client.ehlo()
                assert not client.has_extn("auth")
                client._host = "relay.test"
                client.starttls(context=trust())
                client.ehlo()
                check(client.esmtp_features["auth"].strip(), mechanism)
                client.login("u@example.org", "se cret")
                client.sendmail("a@x.test", ["b@x.test"], MAIL)
            auth, = relay.events("auth")
            check((auth["mechanism"], auth["user"], auth["ok"]),
                  (mechanism, "u@example.org", True))
            tls, = relay.events("tls")
            check((tls["ok"], tls["protocol"], tls["sni"]), (True, "TLS1.3", "relay.test"))
            check(relay.violations(), [])


def test_auth_refused():
    with Relay(*LOGIN, "--clear-auth") as relay:
        raw = relay.raw()
        raw.start()
        wrong = base64.b64encode(b"\0u@example.org\0no").decode()
        starts(raw.say(f"AUTH PLAIN {wrong}\r\n"), "535 5.7.8")
        starts(raw.say("AUTH PLAIN !\r\n"), "501")
        starts(raw.say("AUTH LOGIN\r\n"), "334 VXNlcm5hbWU6")
        starts(raw.say("*\r\n"), "501")
        starts(raw.say("AUTH NOSUCH\r\n"), "504")
        starts(raw.say(f"AUTH PLAIN {plain_token()}\r\n"), "235")
        starts(raw.say(f"AUTH PLAIN {plain_token()}\r\n"), "503")
        lines = [e["line"] for e in relay.events("command")]
        assert f"AUTH PLAIN {wrong}" in lines


def test_auth_tokens():
    wrong = base64.b64encode(b"user=u@example.org\1auth=Bearer x\1\1").decode()
    right = base64.b64encode(b"user=u@example.org\1auth=Bearer se cret\1\1").decode()
    bearer = base64.b64encode(
        b"n,a=u@example.org,\1host=h\1port=1\1auth=Bearer se cret\1\1").decode()
    with Relay(*LOGIN, "--clear-auth", "--mechanisms", "XOAUTH2 OAUTHBEARER") as relay:
        raw = relay.raw()
        raw.start()
        error = raw.say(f"AUTH XOAUTH2 {wrong}\r\n")
        starts(error, "334 ")
        assert b"invalid_token" in base64.b64decode(error[4:])
        starts(raw.say("\r\n"), "535")
        starts(raw.say(f"AUTH XOAUTH2 {right}\r\n"), "235")
        raw = relay.raw()
        raw.start()
        starts(raw.say(f"AUTH OAUTHBEARER {bearer}\r\n"), "235")
        check(relay.violations(), [])


def scram(raw, name, password="se cret", gs2="n,,", binding=b""):
    """The client's side of RFC 5802; the last reply and whether the server proved itself."""
    digest = "sha256" if "256" in name else "sha1"
    bare = "n=u@example.org,r=clientnonce123"
    first = raw.say(f"AUTH {name} {base64.b64encode((gs2 + bare).encode()).decode()}\r\n")
    if first[:3] != "334":
        return first, False
    server = base64.b64decode(first[4:]).decode()
    fields = dict(part.split("=", 1) for part in server.split(","))
    salted = hashlib.pbkdf2_hmac(digest, password.encode(), base64.b64decode(fields["s"]),
                                 int(fields["i"]))
    mac = lambda key, text: hmac.new(key, text, digest).digest()
    final = "c=" + base64.b64encode(gs2.encode() + binding).decode() + ",r=" + fields["r"]
    message = ",".join((bare, server, final)).encode()
    key = mac(salted, b"Client Key")
    stored = hashlib.new(digest, key).digest()
    proof = bytes(a ^ b for a, b in zip(key, mac(stored, message)))
    final += ",p=" + base64.b64encode(proof).decode()
    last = raw.say(base64.b64encode(final.encode()).decode() + "\r\n")
    if last[:3] != "334":
        return last, False
    due = b"v=" + base64.b64encode(mac(mac(salted, b"Server Key"), message))
    return raw.say("\r\n"), base64.b64decode(last[4:]) == due


def test_scram():
    with Relay(*LOGIN, "--clear-auth") as relay:
        for name in ("SCRAM-SHA-1", "SCRAM-SHA-256"):
            raw = relay.raw()
            raw.start()
            starts(scram(raw, name, "wrong")[0], "535")
            reply, proved = scram(raw, name)
            starts(reply, "235")
            assert proved


def test_scram_plus():
    context = trust()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with Relay(*LOGIN, "--tls", certs="server") as relay:
        raw = wrap(relay.raw(), context)
        raw.start()
        starts(scram(raw, "SCRAM-SHA-256", gs2="y,,")[0], "535")
        starts(scram(raw, "SCRAM-SHA-256-PLUS", gs2="p=tls-unique,,", binding=b"no")[0], "535")
        reply, proved = scram(raw, "SCRAM-SHA-256-PLUS", gs2="p=tls-unique,,",
                              binding=raw.sock.get_channel_binding("tls-unique"))
        starts(reply, "235")
        assert proved


def test_scram_plus_13():
    gs2 = "p=tls-server-end-point,,"
    with Relay(*LOGIN, "--tls", certs="server") as relay:
        raw = wrap(relay.raw())
        raw.start()
        binding = hashlib.sha256(raw.sock.getpeercert(True)).digest()
        starts(scram(raw, "SCRAM-SHA-1-PLUS", gs2="p=tls-unique,,", binding=b"x")[0], "535")
        reply, proved = scram(raw, "SCRAM-SHA-1-PLUS", gs2=gs2, binding=binding)
        starts(reply, "235")
        assert proved


def test_scram_faults():
    for fault in ("bad-v", "nonce", "i1", "m-ext", "empty-salt"):
        with Relay(*LOGIN, "--clear-auth", "--scram-fault", fault) as relay:
            raw = relay.raw()
            raw.start()
            _, proved = scram(raw, "SCRAM-SHA-256")
            if fault == "bad-v":
                assert not proved
            assert any("SCRAM: the client" in v for v in relay.violations()), fault
    with Relay(*LOGIN, "--clear-auth", "--scram-fault", "missing-v") as relay:
        raw = relay.raw()
        raw.start()
        check(scram(raw, "SCRAM-SHA-1")[0][:3], "235")


def test_external():
    with Relay(*LOGIN, "--tls", "--client-ca", f"{CERTS}/ca.pem", "--mechanisms", "EXTERNAL",
               certs="server") as relay:
        raw = wrap(relay.raw())
        raw.start()
        starts(raw.say("AUTH EXTERNAL =\r\n"), "535")
        context = trust()
        context.load_cert_chain(f"{CERTS}/client.pem", f"{CERTS}/client.key")
        raw = wrap(relay.raw(), context)
        raw.start()
        starts(raw.say("AUTH EXTERNAL =\r\n"), "235")


def test_resumption():
    context = trust()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with Relay("--tls", certs="server") as relay:
        raw = wrap(relay.raw(), context)
        raw.reply()
        sock = context.wrap_socket(relay.raw().sock, server_hostname="relay.test",
                                   session=raw.sock.session)
        Raw(0, sock).reply()
        check([e["resumed"] for e in relay.events("tls")], [False, True])
        check([e["flights"] for e in relay.events("tls")], [2, 1])


def test_certificates():
    bad = {"expired": "expired", "future": "not yet valid", "self-signed": "self-signed",
           "unknown-ca": "unable to get local issuer", "wrong-host": "mismatch",
           "client-eku": "purpose", "email-eku": "purpose", "rsa1024": "too weak",
           "ip": "mismatch", "wildcard": "mismatch"}
    good = ("server", "chain", "rsa2048", "must-staple")
    for name in (*bad, *good, "sha1", "sha1-chain", "cn-only"):
        with Relay("--tls", certs=name) as relay:
            try:
                wrap(relay.raw()).reply()
                result = "good"
            except (ssl.SSLError, ConnectionResetError) as error:
                result = str(error)
            if name in bad:
                assert bad[name] in result, (name, result)
            elif name in good:
                check((name, result), (name, "good"))


def test_pipelining_rules():
    with Relay() as relay:
        raw = relay.raw()
        raw.start()
        raw.say("NOOP\r\nRSET\r\n", 2)
        check(relay.violations(), ["command behind NOOP before its reply"])
        raw.say("MAIL FROM:<a@x.test>\r\nRCPT TO:<reject550@x.test>\r\n"
                "RCPT TO:<b@x.test>\r\n", 3)
        raw.say("DATA\r\nx\r\n", 1)
        check(len(relay.violations()), 2)
    with Relay("--without", "PIPELINING") as relay:
        raw = relay.raw()
        assert "PIPELINING" not in raw.start()
        raw.say("RSET\r\nRSET\r\n", 2)
        check(len(relay.violations()), 1)
        check([e["pipelined"] for e in relay.events("command")], [False, False, True])


def test_strict():
    cases = (
        ("MAIL FROM: <a@x.test>", "501"), ("MAIL FROM:a@x.test", "501"),
        ("MAIL FROM:<a@x.test> ", "501"), ("MAIL FROM:<a>", "501"),
        ("MAIL FROM:<a@x..y>", "501"),
        ("MAIL FROM:<a..b@x.test>", "501"), ("MAIL FROM:<a@x.test> SIZE", "501"),
        ("MAIL FROM:<a@x.test> SIZE=1 SIZE=1", "501"),
        ("MAIL FROM:<a@x.test> SIZE=99999999", "552"),
        ("MAIL FROM:<a@x.test> BODY=9BIT", "501"), ("MAIL FROM:<a@x.test> FOO=BAR", "555"),
        ("MAIL FROM:<a@x.test> REQUIRETLS", "555"), ("MAIL FROM:<a@x.test> ENVID=a+zz", "501"),
        ("MAIL FROM:<\xc3\xa9@x.test>", "553"), ("MAIL FROM:<\xff@x.test> SMTPUTF8", "501"),
        ("MAIL FROM:<" + 65 * "a" + "@x.test>", "501"), ("RCPT TO:<b@x.test>", "503"),
        ("DATA", "503"), ("DATA x", "501"), ("FOO", "500"), ("BDAT 0", "502"),
        ("STARTTLS", "502"), ("AUTH PLAIN x", "502"), ("NO\0OP", "500"), ("NOOP\rX", "500"),
        ("", "500"),
        ("NOOP \x1b", "500"), (600 * "x", "500"), ("RSET x", "501"), ("EHLO a b", "501"),
    )
    for line, code in cases:
        with Relay() as relay:
            raw = relay.raw()
            raw.start()
            check((line, raw.say(line + "\r\n")[:3]), (line, code))
    good = ("MAIL FROM:<>", 'MAIL FROM:<"a b\\" >"@x.test>', "MAIL FROM:<a@[127.0.0.1]>",
            "MAIL FROM:<a@[IPv6:::1]>", "mail from:<a@x.test> body=8bitmime size=12",
            "MAIL FROM:<a@x.test> RET=HDRS ENVID=a+2B", "MAIL FROM:<\xc3\xa9@x.test> SMTPUTF8")
    with Relay() as relay:
        raw = relay.raw()
        raw.start()
        for line in good:
            starts(raw.say(line + "\r\n"), "250")
            for to in ("RCPT TO:<b@x.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+40x.test",
                       "RCPT TO:<Postmaster>"):
                starts(raw.say(to + "\r\n"), "250")
            starts(raw.say("RCPT TO:<b@x.test> NOTIFY=NEVER,DELAY\r\n"), "501")
            raw.say("RSET\r\n")
    with Relay("--without", "DSN") as relay:
        raw = relay.raw()
        raw.start()
        starts(raw.say("MAIL FROM:<a@x.test> RET=FULL\r\n"), "555")


def test_bare_line_ends():
    bodies = ((b"a\nb\r\n.\r\n", "bare LF"), (b"a\rb\r\n.\r\n", "bare CR"),
              (b"a\0b\r\n.\r\n", "NUL"), (b"a\n.\r\n\r\n.\r\n", "bare LF"),
              (b"a\r\n.\n\r\n.\r\n", "bare LF"),
              (b"a\r.\r\n.\r\n", "bare CR"), (b"a\r\n.\rb\r\n.\r\n", "bare CR"))
    for body, complaint in bodies:
        with Relay() as relay:
            raw = relay.raw()
            raw.start()
            raw.say("MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n", 3)
            starts(raw.say(b"x: y\r\n\r\n" + body), "554 5.6.0")
            message, = relay.events("message")
            assert complaint in message["violations"], (body, message)
            check((message["accepted"], message["file"]), (False, None))
            check(relay.stored(), [])
    with Relay() as relay:
        raw = relay.raw()
        raw.start()
        check(raw.say(b"NOOP\n")[:3], "500")
        check(relay.violations(), ["bare LF in a command"])


def test_body_complaints():
    body = b"x: \xe4\r\n\r\n.unstuffed\r\n" + 999 * b"a" + b"\r\n.\r\n"
    with Relay() as relay:
        raw = relay.raw()
        raw.start()
        raw.say("MAIL FROM:<a@x.test> SIZE=5\r\nRCPT TO:<b@x.test>\r\nDATA\r\n", 3)
        starts(raw.say(body), "250")
        message, = relay.events("message")
        check(message["violations"],
              ["dot not stuffed", "line over 998 octets", "8-bit without BODY=8BITMIME",
               "8-bit header without SMTPUTF8", "larger than SIZE said"])
        check(message["longest"], 999)


def test_split_everywhere():
    """The whole dialogue, cut in two at each byte of the body."""
    stream = b"x: y\r\n\r\n..a\r\n.\r\n"
    for cut in range(1, len(stream)):
        with Relay() as relay:
            raw = relay.raw()
            raw.start()
            raw.say("MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n", 3)
            raw.sock.sendall(stream[:cut])
            time.sleep(0.003)
            starts(raw.say(stream[cut:]), "250")
            check(relay.stored(), [b"x: y\r\n\r\n.a\r\n"])


def test_refused_recipients():
    with Relay() as relay:
        raw = relay.raw()
        raw.start()
        raw.say("MAIL FROM:<a@x.test>\r\n")
        starts(raw.say("RCPT TO:<reject550-1@x.test>\r\n"), "550 5.1.1")
        starts(raw.say("RCPT TO:<policy554@x.test>\r\n"), "554 5.7.1")
        starts(raw.say("RCPT TO:<temp450@x.test>\r\n"), "450 4.2.0")
        starts(raw.say("DATA\r\n"), "554 5.5.1")
        starts(raw.say("RCPT TO:<later451@x.test>\r\n"), "250")
        starts(raw.say("DATA\r\n"), "354")
        starts(raw.say("x: y\r\n\r\n.\r\n"), "451 4.3.0")
        raw.say("MAIL FROM:<a@x.test>\r\nRCPT TO:<content554@x.test>\r\nDATA\r\n", 3)
        starts(raw.say("x: y\r\n\r\n.\r\n"), "554 5.6.0")
        check(relay.stored(), [])


def test_bdat():
    with Relay("--with", "CHUNKING") as relay:
        raw = relay.raw()
        assert "CHUNKING" in raw.start()
        replies = raw.say("MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\n"
                          "BDAT 6\r\nx: y\r\nBDAT 8 LAST\r\n\r\n.\r\nz\r\n", 4)
        starts(replies[3], "250 2.0.0 ok")
        check(relay.stored(), [b"x: y\r\n\r\n.\r\nz\r\n"])
    with Relay("--with", "CHUNKING") as relay:
        raw = relay.raw()
        raw.start()
        check([r[:3] for r in raw.say("MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\n"
                                      "BDAT 8 LAST\r\nx: y\r\n\r\n", 3)], ["250"] * 3)
        raw.say("QUIT\r\n")
        message, = relay.events("message")
        check((message["how"], message["chunks"], message["violations"]), ("BDAT", 1, []))
        check(relay.closed()[0]["flights"], 4)
        check(relay.stored(), [b"x: y\r\n\r\n"])
    with Relay("--with", "CHUNKING") as relay:
        raw = relay.raw()
        raw.start()
        check([r[:3] for r in raw.say("MAIL FROM:<a@x.test>\r\nRCPT TO:<reject550@x.test>\r\n"
                                      "BDAT 8 LAST\r\nx: y\r\n\r\n", 3)], ["250", "550", "554"])
        starts(raw.say("NOOP\r\n"), "250")


def test_lmtp():
    path = os.path.join(TOP, "lmtp.socket")
    with Relay("--lmtp", "--listen", "unix:" + path) as relay:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(path)
        raw = Raw(0, sock)
        raw.reply()
        starts(raw.say("EHLO client.test\r\n"), "500")
        starts(raw.say("LHLO client.test\r\n"), "250")
        raw.say("MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nRCPT TO:<reject550@x.test>\r\n"
                "RCPT TO:<later451@x.test>\r\nDATA\r\n", 5)
        replies = raw.say("x: y\r\n\r\n.\r\n", 2)
        check([r[:3] for r in replies], ["250", "451"])
        message, = relay.events("message")
        check([r["verdict"] for r in message["recipients"]], [250, 550, 451])
        check(len(relay.stored()), 1)


def test_size():
    with Relay("--size", "100") as relay:
        raw = relay.raw()
        assert "SIZE 100" in raw.start()
        raw.say("MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n", 3)
        starts(raw.say("x: y\r\n\r\n" + 200 * "a\r\n" + ".\r\n"), "552")
        check(relay.stored(), [])


def test_many_at_once():
    with Relay("--sessions", "20") as relay:
        all_raw = [relay.raw() for _ in range(20)]
        for raw in all_raw:
            raw.start()
        for raw in all_raw:
            session(raw)
        check(relay.process.wait(10), 0)
        check(len(relay.stored()), 20)
        check(sorted(e["conn"] for e in relay.events("close")), list(range(1, 21)))


def test_data_before_tls():
    with Relay(certs="server") as relay:
        raw = relay.raw()
        raw.start()
        starts(raw.say("STARTTLS\r\nNOOP\r\n"), "554")
        check(relay.violations(), ["bytes behind STARTTLS before its reply"])
        check(relay.closed()[0]["how"], "refused")
    with Relay("--require-tls", certs="server") as relay:
        raw = relay.raw()
        raw.start()
        starts(raw.say("MAIL FROM:<a@x.test>\r\n"), "530")


def test_script_steps():
    lines = ('# a dialogue', 'send "220-a\\r\\n220 \\x62\\e\\r\\n"', 'expect "ehlo"',
             'split "250 t\\r\\n"', 'expect "MAIL"', 'reply 250 ok', 'expect "RCPT"',
             'send-slow 1 "250 ok\\r\\n"', 'expect "DATA"', 'reply "354 go"', 'expect-data',
             'reply "250 ok"', 'expect "QUIT"', 'close')
    with Relay(lines=lines) as relay:
        raw = relay.raw()
        check(raw.reply(), "220-a\n220 b\x1b")
        raw.say("EHLO x\r\n")
        raw.say("MAIL FROM:<a@x.test>\r\n")
        raw.say("RCPT TO:<b@x.test>\r\n")
        raw.say("DATA\r\n")
        raw.say("x\r\n..\r\n.\r\n")
        raw.sock.sendall(b"QUIT\r\n")
        assert raw.eof()
        check(relay.violations(), [])
        check(relay.closed()[0]["how"], "close")
    with Relay(lines=('once', 'send "554 no\\r\\n"', 'close')) as relay:
        raw = relay.raw()
        starts(raw.reply(), "554")
        assert raw.eof()
        raw = relay.raw()
        raw.start()
        session(raw)
    with Relay(lines=('send "220 x\\r\\n"', 'good')) as relay:
        raw = relay.raw()
        raw.start()
        session(raw)
    with Relay(lines=('send "220 x\\r\\n"', 'expect "EHLO"')) as relay:
        raw = relay.raw()
        raw.reply()
        raw.sock.sendall(b"HELO x\r\n")
        assert raw.eof()
        check(len(relay.violations()), 1)


def test_rules():
    with Relay("--on", "RCPT 2 reply 451 4.3.0 later") as relay:
        raw = relay.raw()
        raw.start()
        replies = raw.say("MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nRCPT TO:<c@x.test>\r\n"
                          "DATA\r\n", 4)
        check([r[:3] for r in replies], ["250", "250", "451", "354"])
        starts(raw.say("x: y\r\n\r\n.\r\n"), "250")
        message, = relay.events("message")
        check([r["verdict"] for r in message["recipients"]], [250, 451])
    for rule, stored in (("DOT commit close", 1), ("DOT close", 0), ("DOT reply 451 no", 0),
                         ("DOT reset", 0), ("DOT commit reset", 1)):
        with Relay("--on", rule) as relay:
            raw = relay.raw()
            raw.start()
            raw.say("MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n", 3)
            raw.sock.sendall(b"x: y\r\n\r\n.\r\n")
            if "close" in rule:
                assert raw.eof(), rule
            elif "reset" in rule:
                assert raw.reset(), rule
            else:
                starts(raw.reply(), "451")
            check(len(relay.stored()), stored)
    with Relay("--on", 'RCPT normal send "354 go\\r\\n250 queued\\r\\n"') as relay:
        raw = relay.raw()
        raw.start()
        raw.say("MAIL FROM:<a@x.test>\r\n")
        check([r[:3] for r in raw.say("RCPT TO:<b@x.test>\r\n", 3)], ["250", "354", "250"])
    with Relay("--on", 'EHLO reply "250-t\\r\\n250 size"') as relay:
        raw = relay.raw()
        check(raw.start(), "250-t\n250 size")
        starts(raw.say("MAIL FROM:<a@x.test> SIZE=1\r\n"), "250")
        raw.say("RSET\r\n")
        starts(raw.say("MAIL FROM:<a@x.test> RET=FULL\r\n"), "555")


def test_rules_once_and_body():
    with Relay("--on", 'first 2 on MAIL reply "421 busy\\r\\n" close') as relay:
        raw = relay.raw()
        raw.start()
        starts(raw.say("MAIL FROM:<a@x.test>\r\n"), "421")
        assert raw.eof()
    with Relay("--on", "once BODY 10 reset") as relay:
        raw = relay.raw()
        raw.start()
        raw.say("MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n", 3)
        raw.sock.sendall(b"x: y\r\n\r\nabcdefgh\r\n")
        assert raw.reset()
        relay.closed()
        check([e["size"] for e in relay.events("partial")], [10])
        raw = relay.raw()
        raw.start()
        session(raw)
    with Relay("--on", "BODY 0 close") as relay:
        raw = relay.raw()
        raw.start()
        raw.say("MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n", 3)
        assert raw.eof()


def mail(raw, sender, *recipients):
    """The codes of a transaction up to its end; DATA only if somebody is there."""
    codes = [raw.say(f"MAIL FROM:<{sender}>\r\n")[:3]]
    codes += [raw.say(f"RCPT TO:<{r}>\r\n")[:3] for r in recipients]
    if codes[0] != "250" or "250" not in codes[1:]:
        raw.say("RSET\r\n")
        return codes
    codes.append(raw.say("DATA\r\n")[:3])
    if codes[-1] == "354":
        codes.append(raw.say("x: y\r\n\r\nz\r\n.\r\n")[:3])
    return codes


def test_rules_for_one_sender():
    lines = ('on MAIL from "" reply 450 not now', "on RCPT 2 from two@x.test reply 451 later",
             "once on DATA from data@x.test reply 452 once", "on DOT from Dot@x.test reply 453 no")
    with Relay(lines=lines) as relay:
        raw = relay.raw()
        raw.start()
        check(mail(raw, "", "b@x.test")[:1], ["450"])
        check(mail(raw, "good@x.test", "b@x.test", "c@x.test"), 3 * ["250"] + ["354", "250"])
        for _ in range(2):
            check(mail(raw, "two@x.test", "b@x.test", "c@x.test"),
                  ["250", "250", "451", "354", "250"])
        check(mail(raw, "data@x.test", "b@x.test"), ["250", "250", "452"])
        raw.say("RSET\r\n")
        again = relay.raw()
        again.start()
        check(mail(again, "data@x.test", "b@x.test"), ["250", "250", "354", "250"])
        check(mail(again, "DOT@x.test", "b@x.test"), ["250", "250", "354", "453"])


def test_rules_for_one_recipient():
    with Relay("--on", "RCPT to bad@x.test reply 450 no", "--on", "DOT to late@x.test reply 451 no",
               "--on", "once RSET from gone@x.test reply 452 no") as relay:
        raw = relay.raw()
        raw.start()
        check(mail(raw, "a@x.test", "b@x.test", "bad@x.test", "c@x.test"),
              ["250", "250", "450", "250", "354", "250"])
        check(mail(raw, "a@x.test", "b@x.test", "late@x.test"), 3 * ["250"] + ["354", "451"])
        check(mail(raw, "a@x.test", "b@x.test"), ["250", "250", "354", "250"])
        raw.say("MAIL FROM:<gone@x.test>\r\n")
        starts(raw.say("RSET\r\n"), "452")
        starts(raw.say("RSET\r\n"), "250")
    with Relay("--lmtp", "--on", "DOT to late@x.test reply 451 no") as relay:
        raw = relay.raw()
        raw.start("LHLO")
        raw.say("MAIL FROM:<a@x.test>\r\nRCPT TO:<late@x.test>\r\nRCPT TO:<b@x.test>\r\n", 3)
        raw.say("DATA\r\n")
        check([r[:3] for r in raw.say("x: y\r\n\r\nz\r\n.\r\n", 2)], ["451", "250"])
        check([r["verdict"] for r in relay.events("message")[0]["recipients"]], [451, 250])


def test_rules_for_one_client():
    with Relay("--on", "EHLO helo one.test reply 450 not you",
               "--on", "first 2 MAIL helo two.test reply 451 later",
               "--on", "BODY 4 helo three.test from a@x.test reset") as relay:
        raw = relay.raw()
        raw.reply()
        starts(raw.say("EHLO one.test\r\n"), "450")
        starts(raw.say("EHLO two.test\r\n"), "250")
        for wanted in ("451", "451", "250"):
            check(mail(raw, "a@x.test", "b@x.test")[0], wanted)
        starts(raw.say("EHLO three.test\r\n"), "250")
        check(mail(raw, "other@x.test", "b@x.test"), ["250", "250", "354", "250"])
        raw.say("MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n", 3)
        raw.sock.sendall(b"x: y\r\n")
        assert raw.reset()


def test_so_many_at_once():
    with Relay("--at-once", "1") as relay:
        raw = relay.raw()
        raw.start()
        other = relay.raw()
        starts(other.reply(), "421")
        assert other.eof()
        session(raw)
        raw = relay.raw()
        raw.start()
        session(raw)


def test_rate():
    """Over all connections; in any period, and as well at the ends as at MAIL."""
    with Relay("--rate", "2/700", "--rate-reply", "432 4.3.2 too fast") as relay:
        raws = [relay.raw() for _ in range(4)]
        for raw in raws:
            raw.start()
        for raw in raws[:2]:
            raw.say("MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n", 3)
        check(raws[2].say("MAIL FROM:<a@x.test>\r\n"), "432 4.3.2 too fast")
        time.sleep(0.75)
        for raw in raws[:2]:
            starts(raw.say("x: y\r\n\r\n.\r\n"), "250")
        check(mail(raws[3], "a@x.test", "b@x.test"), ["250", "250", "354", "432"])
        time.sleep(0.75)
        check(mail(raws[3], "a@x.test", "b@x.test")[-1], "250")
        check([(e["at"], e["taken"]) for e in relay.events("rate")],
              [("MAIL", True)] * 2 + [("MAIL", False)] + [("end", True)] * 2 +
              [("MAIL", True), ("end", False), ("MAIL", True), ("end", True)])


def test_stall_and_stop():
    for rule in ("CONNECT stall", "EHLO stall", "CONNECT stop-reading", 'CONNECT drip 5 "x"'):
        with Relay("--on", rule) as relay:
            raw = relay.raw()
            raw.sock.sendall(b"EHLO x\r\n")
            time.sleep(0.05)
            relay.stop()
            check(relay.closed()[0]["how"], "stop")
    with Relay("--on", "EHLO stall") as relay:
        raw = relay.raw()
        raw.reply()
        raw.sock.sendall(b"EHLO x\r\n")
        raw.sock.close()
        check(relay.closed()[0]["how"], "EOF")
    with Relay("--timeout", "1") as relay:
        relay.raw().reply()
        raw = relay.raw()
        check(relay.closed()[0]["how"], "EOF")
        check(relay.closed(2)[1]["how"], "timeout")


def test_stop_reading():
    rules = ("--on", "BODY 1000 stop-reading", "--receive-buffer", "4096")
    with Relay(*rules) as relay:
        raw = relay.raw()
        raw.start()
        raw.say("MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n", 3)
        raw.sock.settimeout(0.5)
        try:
            raw.sock.sendall(10000000 * b"a")
            raise AssertionError("it read on")
        except TimeoutError:
            pass


def test_other_addresses():
    with Relay("--listen", "[::1]") as relay:
        raw = Raw(0, socket.create_connection(("::1", relay.port), 10))
        raw.start()
        session(raw)
    path = os.path.join(TOP, "smtp.socket")
    with Relay("--listen", "unix:" + path) as relay:
        check(relay.where, path)


def test_tls_faults():
    def shake(*rules, context=None):
        options = [x for rule in rules for x in ("--on", rule)]
        with Relay(*options, certs="server") as relay:
            raw = relay.raw()
            raw.start()
            raw.say("STARTTLS\r\n")
            try:
                raw = wrap(raw, context)
                raw.say("EHLO x\r\n")
                return "good"
            except (ssl.SSLError, OSError, EOFError) as error:
                return str(error) or type(error).__name__

    old = trust()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    check(shake(), "good")
    assert "HANDSHAKE_FAILURE" in shake("TLS alert 40").upper()
    for message in ("server-hello", "certificate", "finished"):
        assert "INTERNAL_ERROR" in shake("TLS alert 80 " + message).upper(), message
    for message in ("server-key", "hello-done", "client-key"):
        assert "INTERNAL_ERROR" in shake("TLS alert 80 " + message, context=old).upper()
    check(shake("TLS warn 112", context=old), "good")
    assert shake("TLS corrupt 1") != "good"
    assert shake("TLS replay 1", context=old) in ("good",)
    assert "WRONG" in shake("TLS cipher 002f").upper()
    plain = shake('TLS read 1 send "500 x\\r\\n" close')
    assert "WRONG_VERSION" in plain.upper(), plain
    check(shake("TLS pace 0"), "good")
    check(shake("TLS split-at 10"), "good")
    rule = 'STARTTLS reply "220 go\\r\\n250-INJECTED\\r\\n"'
    with Relay("--on", rule, certs="server") as relay:
        raw = relay.raw()
        raw.start()
        starts(raw.say("STARTTLS\r\n"), "220")
        assert raw.rest == b"250-INJECTED\r\n"


def test_old_protocols():
    for priority in ("NORMAL:-VERS-ALL:+VERS-TLS1.1", "NORMAL:-VERS-ALL:+VERS-TLS1.0",
                     "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ANON-ECDH",
                     "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+NULL:+SHA1:+SHA256:+RSA",
                     "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+3DES-CBC",
                     "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+ARCFOUR-128"):
        with Relay("--tls", "--tls-priority", priority, "--on", "CONNECT normal",
                   certs="rsa2048") as relay:
            try:
                wrap(relay.raw())
                raise AssertionError("a modern client took " + priority)
            except (ssl.SSLError, ConnectionResetError):
                pass
            # A library that has forgotten them does not begin.
            assert not [e for e in relay.events("tls") if e["ok"]]
    context = trust()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0")
    with Relay("--tls", "--dh-1024", "--tls-priority", "NORMAL:-KX-ALL:+DHE-RSA:%NO_EXTENSIONS",
               certs="rsa2048") as relay:
        context.check_hostname = False
        wrap(relay.raw(), context).reply()


def test_restart_on_the_same_port():
    with Relay() as relay:
        raw = relay.raw()
        raw.start()
        session(raw)
        relay.stop()
        with Relay("--port", str(relay.port)) as again:
            check(again.port, relay.port)
            raw = again.raw()
            raw.start()
            session(raw)


def test_wrong_scripts():
    for rule in ("FOO close", "RCPT", "RCPT foo", 'RCPT send "x', 'RCPT send "\\q"',
                 "BODY close", "AUTH normal", "DOT wait", "RCPT 2", "MAIL to b@x.test close",
                 "CONNECT helo x.test close", "EHLO from a@x.test close", "RCPT from close",
                 "RCPT from a@x.test from b@x.test close"):
        run = subprocess.run([RELAY, "--dir", TOP, "--on", rule], capture_output=True,
                             timeout=10)
        check((rule, run.returncode), (rule, 2))
        assert run.stderr.startswith(b"relay: --on: "), run.stderr


def test_scram_examples():
    run = subprocess.run([RELAY, "--self-check"], capture_output=True, timeout=10)
    check((run.returncode, run.stdout), (0, b"ok\n"))


def main():
    passed = failed = 0
    subprocess.run([RELAY, "--make-certs", CERTS, "--name", "relay.test", "--variants"],
                   check=True)
    try:
        for name, test in list(globals().items()):
            if not name.startswith("test_") or (sys.argv[2:] and name not in sys.argv[2:]):
                continue
            try:
                test()
                passed += 1
            except Exception as error:
                failed += 1
                line = error.__traceback__
                while line.tb_next and line.tb_next.tb_frame.f_code.co_name not in (
                        "check", "starts", "closed", "reply"):
                    line = line.tb_next
                print(f"{name}: line {line.tb_lineno}: {type(error).__name__}: {error}")
    finally:
        shutil.rmtree(TOP)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
