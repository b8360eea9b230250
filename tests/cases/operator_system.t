#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's view in system mode: an installed copy, used by root and by others."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from jail import *  # pylint: disable=wildcard-import,unused-wildcard-import,wrong-import-position


def config_shown(user):
    """Nobody needs a right to see it, and nobody sees the secret."""
    with Jail(f"config {user}") as jail:
        jail.secure()
        result = jail.run_as(user, "sendmail", "--config")
        same("exit", (result.code, result.err), (0, ""))
        match("the file", rf"^; .*{CONF} .*system", result.out)
        for line in (f"password_file = {SECRET_FILE}", f"directory = {SPOOL}", "wait = 30s"):
            check("\n" + line + "\n" in result.out, f"no line {line!r} in {result.out}")
        jail.check_secret(PASSWORD, result)


def jobs():
    for user in ("root", "ann", "ghost"):
        yield f"--config by {user}", lambda u=user: config_shown(u)


if __name__ == "__main__":
    run_all(list(jobs()))
