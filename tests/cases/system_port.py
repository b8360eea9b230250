# SPDX-License-Identifier: GPL-3.0-or-later
"""sendmail -bs for each connection, as systemd or an inetd starts it."""

import socket
import subprocess
import time

from jail import Acceptor, SENDMAIL, listener_at


class Port(Acceptor):
    """What systemd (Accept=yes) and an inetd do: sendmail -bs for each connection, which is its
    standard input, output and, as an inetd has it, error. address: where to listen, or a path
    inside the jail; number: of the port, or any."""

    def __init__(self, jail, address="127.0.0.1", user="postern", args=(), env=None,
                 number=0):
        self.jail, self.user, self.args = jail, user, args
        self.env = {**jail.env, **(env or {})}
        if address.startswith("/"):
            self.number = None
            listener = listener_at(jail.dir + address)
        else:
            six = ":" in address
            listener = socket.create_server(
                (address, number), family=socket.AF_INET6 if six else socket.AF_INET, backlog=512,
                dualstack_ipv6=address == "::")
            self.number = listener.getsockname()[1]
        super().__init__(listener)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def start(self, connection):
        connection.setblocking(True)
        self.calls.append(subprocess.Popen(
            [SENDMAIL, "-bs", *self.args], stdin=connection, stdout=connection,
            stderr=connection, env=self.env, preexec_fn=self.jail.enter(self.user)))

    def codes(self, seconds=20):
        """The exit codes of all, ended. A client may have heard all before one is noted here."""
        end = time.monotonic() + seconds
        while not self.calls and time.monotonic() < end:
            time.sleep(0.01)
        return [call.wait(max(0.1, end - time.monotonic())) for call in self.calls]
