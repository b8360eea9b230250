# SPDX-License-Identifier: GPL-3.0-or-later
"""sendmail -bs for each connection, as systemd or an inetd starts it."""

import os
import socket
import subprocess
import threading
import time

from jail import SENDMAIL


class Port:
    """What systemd (Accept=yes) and an inetd do: sendmail -bs for each connection, which is its
    standard input, output and, as an inetd has it, error. address: where to listen, or a path
    inside the jail; number: of the port, or any."""

    def __init__(self, jail, address="127.0.0.1", user="postern", args=(), env=None,
                 number=0):
        self.jail, self.user, self.args = jail, user, args
        self.env = {**jail.env, **(env or {})}
        self.calls, self.over = [], False
        if address.startswith("/"):
            self.listener = socket.socket(socket.AF_UNIX)
            place = os.open(os.path.dirname(jail.dir + address), os.O_RDONLY | os.O_DIRECTORY)
            self.listener.bind(f"/proc/self/fd/{place}/{os.path.basename(address)}")
            os.close(place)
            os.chmod(jail.dir + address, 0o666)
            self.listener.listen(64)
            self.number = None
        else:
            six = ":" in address
            self.listener = socket.create_server(
                (address, number), family=socket.AF_INET6 if six else socket.AF_INET, backlog=512,
                dualstack_ipv6=address == "::")
            self.number = self.listener.getsockname()[1]
        self.listener.settimeout(0.1)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over = True
        self.thread.join(5)
        self.listener.close()
        for call in self.calls:
            if call.poll() is None:
                call.kill()
            call.wait()

    def serve(self):
        while not self.over:
            try:
                connection, _ = self.listener.accept()
            except socket.timeout:
                continue
            with connection:
                self.start(connection)

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
