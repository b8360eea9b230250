#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging in at a provider that others have made and certified: oidc-provider, as
tests/oidc/fetch downloaded it into build/oidc (or $OIDC). Each case has one of its own, and a
relay that takes the token that the provider gave. Where it is not there its cases are skipped.
"""

import base64
import html.parser
import http.cookiejar
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

# pylint: disable=wrong-import-position
from harness import Skip, check, match, run_all, same
from oauth_setting import THERE, Setting

OIDC = os.environ.get("OIDC") or os.path.join(HERE, "../../build/oidc")
SERVER = os.path.join(HERE, "../oidc/provider.mjs")
SECRET = "client-secret"


class RealProvider:
    """Its process."""

    count, refresh = 0, ()  # nothing that Setting could foretell

    def __init__(self, certs):
        self.process = subprocess.Popen(
            ["node", SERVER, OIDC, f"{certs}/server.pem", f"{certs}/server.key"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        # It has warnings first, of what is for tests only.
        self.issuer = next((line.strip() for line in self.process.stdout
                            if line.startswith("https://")), None)
        if not self.issuer:
            self.close()
            raise Skip("oidc-provider does not run here")
        self.web = ssl.create_default_context(cafile=certs + "/ca.pem")

    def access(self, _number):
        return "not yet known"

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)

    def is_active(self, token, client="basic"):
        """RFC 7662: what the provider itself says of it."""
        form = urllib.parse.urlencode({"token": token}).encode()
        request = urllib.request.Request(self.issuer + "/token/introspection", form)
        pair = f"{client}:{SECRET}".encode()
        request.add_header("Authorization", "Basic " + base64.b64encode(pair).decode())
        with urllib.request.urlopen(request, context=self.web, timeout=20) as answer:
            return json.load(answer)["active"]


class Form(html.parser.HTMLParser):
    """The first form of a page: where it goes, and its hidden fields."""

    def __init__(self, page):
        super().__init__()
        self.action, self.fields = None, {}
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag == "form" and self.action is None:
            self.action = found.get("action")
        if tag == "input" and "name" in found:
            self.fields.setdefault(found["name"], found.get("value") or "")


class Gone(Exception):
    """The browser was sent to an address that is none of the provider's."""


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req, fp, code, msg, headers, newurl):
        if not newurl.startswith("https://"):
            raise Gone(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class Browser:
    """Somebody who logs in and agrees to all."""

    def __init__(self, provider):
        self.open = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()), Stay,
            urllib.request.HTTPSHandler(context=provider.web)).open

    def go(self, address, form=None):
        """Fills forms until there is none; the last page, or where it was sent at the end."""
        for _ in range(12):
            data = urllib.parse.urlencode(form).encode() if form else None
            try:
                with self.open(address, data, timeout=20) as answer:
                    page, here = answer.read().decode(), answer.geturl()
            except Gone as end:
                return str(end)
            except urllib.error.HTTPError as error:
                raise AssertionError(f"{error}: {error.read()[:400]}") from error
            found = Form(page)
            if found.action is None:
                return page
            form = dict(found.fields)
            for name, value in (("login", "u@example.org"), ("password", "any")):
                if name in form:
                    form[name] = value
            address = urllib.parse.urljoin(here, found.action)
        raise AssertionError("it never ends: " + page[:400])


class Real(Setting):
    """A Setting with the real provider."""

    def __init__(self, client, **more):
        if not os.path.isdir(os.path.join(OIDC, "node_modules")) or not shutil.which("node"):
            raise Skip("no oidc-provider; see tests/oidc/fetch")
        keys = {"client_id": client, "scope": "mail"}
        if client in ("device", "browser"):
            keys.update(client_secret_file=None, scope="openid offline_access mail")
        super().__init__("oidc " + client, keys=keys, secret=SECRET, provider=RealProvider, **more)
        self.secrets = {SECRET}

    def token(self):
        """The access token that is kept, which the relay is to take from now on."""
        kept = self.kept()
        self.secrets.update(kept[k] for k in ("access", "refresh") if k in kept)
        check(self.provider.is_active(kept["access"]), "the provider does not know the token")
        self.relay.restart("--user", "u@example.org", "--password", kept["access"], "--mechanisms",
                           "PLAIN LOGIN " + self.mechanism, "--require-auth", cert="server")
        return kept

    def check_secrets(self):
        kept = self.file()
        if os.path.exists(kept):
            os.unlink(kept)
        results = [r for _, _, r in self.case.calls]
        for secret in self.secrets:
            self.case.check_secret(secret, *results)

    def sent(self):
        """Once more, with the token that the relay takes."""
        self.case.flush("-a")
        self.submit()
        self.case.flush("-a")
        same("held", self.case.waiting(), [])
        check(self.relay.accepted(), "nothing was sent")


def client(name, mechanism):
    def job():
        with Real(name, mechanism=mechanism) as s:
            s.submit()
            s.case.flush("-a")
            s.token()
            s.sent()
    return job


def log_in_by_device(s):
    call, said = s.begin_login("enter the code [A-Z]")
    found = re.search(r"Open (\S+) in any browser and enter the code (\S+)", said)
    page = Browser(s.provider).go(found.group(1) + "?user_code=" + found.group(2))
    match("page", "success", page)
    result = call.wait()
    s.case.calls.append(("sendmail", ("--login",), result))
    match("logged in", "relay main: logged in", result.out)


def device():
    with Real("device", grant="device") as s:
        log_in_by_device(s)
        first = s.token()
        s.sent()
        # Rotation: each is used once, and the last one counts.
        for _ in range(3):
            before = s.kept()["refresh"]
            s.age(3590)
            s.submit()
            s.case.flush("-a")
            now = s.token()
            check(now["refresh"] != before, "it was not rotated")
            check(now["access"] != first["access"], "the old token")
            s.sent()
        same("exit", s.case.run("sendmail", "--logout").code, 0)
        check(not s.provider.is_active(now["refresh"]), "it was not revoked")


def used_twice():
    """The provider takes a refresh token once: who comes with it again has stolen it. Then a
    person is to log in again."""
    with Real("device", grant="device") as s:
        log_in_by_device(s)
        s.age(3590)
        with open(s.file(), "rb") as file:
            old = file.read()
        s.submit()
        s.case.flush("-a")
        with open(s.file(), "wb") as file:
            file.write(old)
        s.case.flush("-a")
        match("reason", "log in again: sendmail --login main", s.case.run("mailq").out)


def browser():
    with Real("browser", grant="code") as s:
        call, said = s.begin_login("paste")
        address = Browser(s.provider).go(re.search(r"^https://\S+$", said, re.M).group(0))
        match("redirect", r"^http://(localhost|127\.0\.0\.1):53682/\?code=", address)
        os.write(call.process.stdin.fileno(), address.encode() + b"\n")
        match("logged in", "relay main: logged in", call.wait().out)
        s.token()
        s.sent()
        # Once more, with a browser on this machine, which comes back by itself.
        call, said = s.begin_login("paste")
        address = Browser(s.provider).go(re.search(r"^https://\S+$", said, re.M).group(0))
        with urllib.request.urlopen(address.replace("localhost", "127.0.0.1"), timeout=20) as page:
            same("page", page.status, 200)
        match("logged in", "relay main: logged in", call.wait().out)
        s.token()
        s.sent()
        s.age(3590)
        s.submit()
        s.case.flush("-a")
        s.token()
        s.sent()


JOBS = []
if THERE:
    JOBS += [("client basic", client("basic", "XOAUTH2")),
             ("client post", client("post", "OAUTHBEARER")), ("device", device),
             ("used twice", used_twice), ("code", browser)]

if __name__ == "__main__":
    run_all(JOBS)
