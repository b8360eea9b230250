# SPDX-License-Identifier: GPL-3.0-or-later
"""What a program needs by itself. What wait4 says of a child counts the memory of whoever
started it, before it became the program: our Python's. So a smaller one starts it."""

import os
import sys

SCRIPT = ("import os,sys,resource\n"
          "fd=int(sys.argv[1]);pid=os.fork()\n"
          "if not pid:\n os.close(fd);os.execv(sys.argv[2],sys.argv[2:])\n"
          "s=os.wait4(pid,0)\n"
          "os.write(fd,b'%d %f'%(s[2].ru_maxrss,s[2].ru_utime+s[2].ru_stime))\n"
          "os._exit(os.waitstatus_to_exitcode(s[1])&255)\n")


def command(fd, program, *args):
    """Runs the program (a path) and ends as it does; fd, inherited, gets the figures."""
    return [sys.executable, "-ISc", SCRIPT, str(fd), program, *args]


def figures(fd):
    """KiB of memory and seconds of CPU, once it has ended."""
    rss, cpu = os.read(fd, 100).split()
    return int(rss), float(cpu)
