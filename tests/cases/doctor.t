#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What --check says of a set-up that is broken in one way, and of one that is not; and a server
that waits for TLS where we wait for its greeting."""

import os
import re
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403


def listening(port=0):
    """A server that takes connections and says nothing."""
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind(("127.0.0.1", port))
    except OSError as error:
        raise Skip(f"port {port}: {error}") from None
    server.listen(8)
    return server


def mute_port(address="127.0.0.1"):
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


JOBS = [
    ("port 465 with starttls, a try", mute_port),
    ("a silent port, a try", mute_elsewhere),
    ("silent behind TLS, a try", mute_behind_tls),
]

run_all(JOBS)
