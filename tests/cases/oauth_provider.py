# SPDX-License-Identifier: GPL-3.0-or-later
"""A provider of OAuth 2 tokens on the loopback, over TLS with the certificate of the tests: it
describes itself, has the grants of client credentials, refresh token (which it rotates), device
code, authorization code with PKCE and signed assertions, and revokes. What a test puts into
replies takes the place of its own answers to the token endpoint."""

import base64
import hashlib
import http.server
import json
import ssl
import subprocess
import threading
import time
from urllib.parse import parse_qs, urlsplit

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Reply:
    """status, a JSON object or bytes, headers; slow: seconds before it; endless: it never stops;
    cut: its body comes in two, cut there; drip: byte by byte, so many seconds apart."""

    def __init__(self, status, body=b"", headers=(), slow=0, endless=False, cut=None, drip=None):
        self.status, self.headers, self.slow, self.endless = status, headers, slow, endless
        self.cut, self.drip = cut, drip
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()


def error(name, status=400, **more):
    return Reply(status, dict({"error": name}, **more))


class Provider:
    def __init__(self, folder, cert="server", life=3600, address=("127.0.0.1", 0)):
        self.asked = []     # (path, form, Authorization)
        self.replies = []   # for the token endpoint, before its own
        self.refresh = set()
        self.count = 0
        self.grace = False  # the refresh token before the last is good, too
        self.cut = 0        # so many answers are lost on their way
        self.life = life
        self.same = False   # all access tokens are the first
        self.challenges = {}
        self.public_key = None
        self.user = "u@example.org"  # for whom an account may speak
        self.post_only = True
        self.replies_at = {}  # for other places than the token endpoint
        self.lock = threading.Lock()
        self.server = http.server.ThreadingHTTPServer(address, self.handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{folder}/{cert}.pem", f"{folder}/{cert}.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.server.handle_error = lambda *_: None
        self.issuer = f"https://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def access(self, number):
        """The token that it gave as the number-th."""
        number = 1 if self.same else number
        return f"access-{number}-" + hashlib.sha256(f"{self.issuer}{number}".encode()).hexdigest()

    def forms(self, path="/token"):
        return [form for where, form, _ in self.asked if where == path]

    def tokens(self, refresh=True):
        self.count += 1
        found = {"access_token": self.access(self.count), "token_type": "bearer",
                 "expires_in": self.life}
        if refresh:
            found["refresh_token"] = f"refresh-{self.count}-" + self.access(self.count)[-32:]
            self.refresh.add(found["refresh_token"])
        return Reply(200, found)

    def answer(self, path, form):
        if path in self.replies_at:
            return self.replies_at[path]
        if path == "/.well-known/openid-configuration":
            method = "client_secret_post" if self.post_only else "client_secret_basic"
            return Reply(200, {
                "issuer": self.issuer, "token_endpoint": self.issuer + "/token",
                "device_authorization_endpoint": self.issuer + "/device",
                "authorization_endpoint": self.issuer + "/authorize",
                "revocation_endpoint": self.issuer + "/revoke",
                "token_endpoint_auth_methods_supported": [method]})
        if path == "/device":
            return Reply(200, {"device_code": "device-1-secret", "user_code": "WDJB-MJHT",
                               "verification_uri": self.issuer + "/enter", "interval": 1,
                               "expires_in": 60})
        if path == "/revoke":
            self.refresh.discard(form.get("token"))
            return Reply(200)
        if path == "/token":
            return self.replies.pop(0) if self.replies else self.grant(form)
        return Reply(404, b"no such thing")

    def grant(self, form):
        kind = form.get("grant_type")
        if kind == "client_credentials":
            return self.tokens(refresh=False) if form.get("client_secret") == "shop-secret" \
                else error("invalid_client", 401)
        if kind == DEVICE and form.get("device_code") == "device-1-secret":
            return self.tokens()
        if kind == "refresh_token" and form.get("refresh_token") in self.refresh:
            used = form["refresh_token"]
            # The ones before the one that is used are over at any rate.
            self.refresh = {used} if self.grace else self.refresh - {used}
            return self.tokens()
        if kind == "authorization_code":
            digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            if self.challenges.get(form.get("code")) == digest:
                return self.tokens()
        if kind == JWT and self.is_signed(form.get("assertion", "")):
            return self.tokens(refresh=False)
        return error("invalid_grant")

    def service_account(self, folder):
        """The JSON file of one, which is good from now on."""
        key, self.public_key = folder + "/key.pem", folder + "/public.pem"
        for argv in (("genrsa", "-out", key, "2048"),
                     ("rsa", "-in", key, "-pubout", "-out", self.public_key)):
            subprocess.run(["openssl", *argv], check=True, capture_output=True)
        with open(key, encoding="ascii") as file:
            return json.dumps({"type": "service_account", "client_email": "robot@example.org",
                               "private_key_id": "key-1", "private_key": file.read()})

    def is_signed(self, jwt):
        head, claims, signature = jwt.split(".")
        said = json.loads(unpadded(claims))
        folder = self.public_key.rpartition("/")[0]
        with open(folder + "/signature", "wb") as file:
            file.write(unpadded(signature))
        good = subprocess.run(["openssl", "dgst", "-sha256", "-verify", self.public_key,
                               "-signature", folder + "/signature"],
                              input=f"{head}.{claims}".encode(), capture_output=True, timeout=20,
                              check=False)
        return good.returncode == 0 and said["aud"] == self.issuer + "/token" and \
            said["iat"] <= time.time() + 5 < said["exp"] and json.loads(unpadded(head)) == \
            {"alg": "RS256", "typ": "JWT", "kid": "key-1"} and said["sub"] == self.user

    def log_in(self, address):
        """What a browser would: the address that it ends at."""
        asked = {k: v[0] for k, v in parse_qs(urlsplit(address).query).items()}
        assert asked["code_challenge_method"] == "S256" and asked["response_type"] == "code"
        self.challenges["code-1"] = unpadded(asked["code_challenge"])
        return f"{asked['redirect_uri']}?code=code-1&state={asked['state']}"

    def handler(provider):  # pylint: disable=no-self-argument
        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                self.do_POST()

            def do_POST(self):
                length = int(self.headers.get("Content-Length") or 0)
                form = {k: v[0] for k, v in parse_qs(self.rfile.read(length).decode()).items()}
                with provider.lock:
                    provider.asked.append((self.path, form, self.headers.get("Authorization")))
                    basic = self.headers.get("Authorization", "")
                    if basic.startswith("Basic ") and not provider.post_only:
                        name, _, secret = base64.b64decode(basic[6:]).decode().partition(":")
                        form.update(client_id=name, client_secret=secret)
                    reply = provider.answer(self.path, form)
                if self.path == "/token" and provider.cut > 0:
                    provider.cut -= 1
                    self.close_connection = True
                    return
                time.sleep(reply.slow)
                self.send_response(reply.status)
                for name, value in reply.headers:
                    self.send_header(name, value)
                if not reply.endless:
                    self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                for at in range(len(reply.body) if reply.drip is not None else 0):
                    self.wfile.write(reply.body[at:at + 1])
                    time.sleep(reply.drip)
                if reply.drip is None:
                    self.wfile.write(reply.body[:reply.cut])
                if reply.cut is not None:
                    time.sleep(0.005)
                    self.wfile.write(reply.body[reply.cut:])
                while reply.endless:
                    self.wfile.write(b"x" * 1024)

        return Handler
