# SPDX-License-Identifier: GPL-3.0-or-later
"""A long way to the relay, in a network namespace of its own: path.py MILLISECONDS

A TUN device whose packets come back after half a round trip, with source and destination
changed for each other. So a connection to FAR arrives here at NEAR, as one from FAR, and all
of it, from the first SYN on, takes its time; checksums stay right. What goes to HOLE is lost.
Prints a line when it is ready. Kernels often lack netem, which could do the same.
"""

import collections
import fcntl
import os
import select
import struct
import subprocess
import sys
import time

NEAR, FAR, HOLE = "10.9.0.1", "10.9.0.2", "10.9.0.3"
DEVICE = b"far0"
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000


def main():
    delay = float(sys.argv[1]) / 2000
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", DEVICE, IFF_TUN | IFF_NO_PI))
    for words in (("addr", "add", NEAR + "/24", "dev", "far0"),
                  ("link", "set", "far0", "up", "txqueuelen", "10000")):
        subprocess.run(("ip", *words), check=True)
    hole = bytes(map(int, HOLE.split(".")))
    print("ready", flush=True)
    under_way = collections.deque()
    while True:
        wait = max(0, under_way[0][0] - time.monotonic()) if under_way else None
        if select.select([tun], [], [], wait)[0]:
            packet = os.read(tun, 65536)
            if packet[0] >> 4 == 4 and packet[16:20] != hole:
                turned = packet[:12] + packet[16:20] + packet[12:16] + packet[20:]
                under_way.append((time.monotonic() + delay, turned))
        while under_way and under_way[0][0] <= time.monotonic():
            os.write(tun, under_way.popleft()[1])


if __name__ == "__main__":
    main()
