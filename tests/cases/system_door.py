# SPDX-License-Identifier: GPL-3.0-or-later
"""What mailq and flushq do for somebody who may not open the hold: post becomes them, and they
write to what their caller writes to. By the set-gid program and through the socket."""

import select
import termios

from jail import *  # pylint: disable=wildcard-import,unused-wildcard-import

WAYS = ("set-gid", "socket")


class DoorJail(Jail):
    """Ann's calls go by that way, the set-gid program or the socket."""

    def __init__(self, name, way):
        super().__init__(name, gate=way == "socket")
        self.way = way

    def begin_as(self, user, program, *args, **more):
        if self.way == "socket" and user == "ann" and program in ("mailq", "flushq"):
            more["nnp"] = True
        return super().begin_as(user, program, *args, **more)


def full_pipe():
    """A pipe that nobody reads, with room for nothing more: to read and to write."""
    read, write = os.pipe()
    fcntl.fcntl(write, 1031, 4096)  # F_SETPIPE_SZ
    os.set_blocking(write, False)
    try:
        while True:
            os.write(write, b"x")
    except BlockingIOError:
        pass
    os.set_blocking(write, True)
    return read, write


def full_terminal(room):
    """A terminal that nobody reads, with room for about so many bytes: to read and to write."""
    def fill(write, most):
        os.set_blocking(write, False)
        done = 0
        try:
            while done < most:
                done += os.write(write, b"x" * min(64, most - done))
        except BlockingIOError:
            pass
        os.set_blocking(write, True)
        return done

    ends = open_terminal()
    most = fill(ends[1], 1 << 20)
    for fd in ends:
        os.close(fd)
    read, write = open_terminal()
    fill(write, most - room)
    return read, write


def stopped_terminal():
    read, write = open_terminal()
    termios.tcflow(write, termios.TCOOFF)
    return read, write


STANDING = {"a reader": full_pipe, "a terminal": stopped_terminal,
            "a terminal with room for a word": lambda: full_terminal(300)}


def behind(jail, name):
    """The program that post has become: not the caller's own of the same name."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        for pid, found, words in jail.looked_at(harness.arguments_of):
            if found == name and b" door\0" in words:
                return pid
        time.sleep(0.01)
    raise Wrong(f"no {name} behind post")


def wait_until_blocked(pid):
    """As far as can be told from its processor time: it has gone as far as it can."""
    last, since = None, time.monotonic()
    while time.monotonic() - since < 0.3:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            now = file.read().rpartition(")")[2].split()[11:13]
        if now != last:
            last, since = now, time.monotonic()
        time.sleep(0.02)


def interrupted(way, number):
    """Who interrupts his flushq ends what works for him: what is in hand, and nothing more."""
    with DoorJail("interrupted", way) as jail:
        relay = jail.simple("--on", "DOT wait 2000 normal", connections="1")
        ids = [hand_in(jail, "ann") for _ in range(4)]
        call = jail.begin_as("ann", "flushq", "--all")
        relay.wait_for("command", 4)
        call.process.send_signal(number)
        result = call.wait(5)
        same("exit", (result.code, result.out, result.err), (-number, "", ""))
        jail.wait_quiet()
        sent = len(relay.accepted())
        check(sent <= 1, f"{sent} were sent")
        same("held", len(jail.entries()), len(ids) - sent)


def caller_goes(way, number):
    """What still writes then does so no more."""
    with DoorJail("goes", way) as jail:
        jail.simple()
        hand_in(jail, "ann")
        read, write = full_pipe()
        call = jail.begin_as("ann", "mailq", then=lambda: os.dup2(write, 1), fds=(write,))
        os.close(write)
        wait_until_blocked(behind(jail, "mailq"))
        call.process.send_signal(number)
        same("exit", call.wait(5).code, -number)
        end = time.monotonic() + 5
        while jail.strays():
            check(time.monotonic() < end, "mailq goes on")
            time.sleep(0.01)
        os.close(read)


def reader_stops(way):
    """A listing that nobody reads on keeps nobody's mail waiting, not even its own."""
    with DoorJail("stopped", way) as jail:
        relay = jail.simple()
        for user in ("ann", "bob"):
            hand_in(jail, user)
        for args in ((), ("--json",), ("--count",), ("-v",)):
            read, write = full_pipe()
            call = jail.begin_as("ann", "mailq", *args, then=lambda w=write: os.dup2(w, 1),
                                 fds=(write,))
            os.close(write)
            wait_until_blocked(behind(jail, "mailq"))
            no_match("in hand", r"\*", jail.run_as("root", "mailq").out)
            call.process.kill()
            call.wait(5)
            os.close(read)
            jail.wait_quiet()
        read, write = full_pipe()
        call = jail.begin_as("ann", "mailq", then=lambda: os.dup2(write, 1), fds=(write,))
        wait_until_blocked(behind(jail, "mailq"))
        same("flushq", jail.run_as("root", "flushq", limit=10).code, 0)
        same("sent", len(relay.accepted()), 2)
        call.process.kill()
        call.wait(5)
        os.close(read)
        os.close(write)


def errors_stop(way, what):
    """What flushq -v has to say is not waited for without end: a terminal that stands still."""
    with DoorJail("silent", way) as jail:
        relay = jail.simple("--on", "CONNECT reply 220 " + "relay.test " * 40)
        for _ in range(20):
            hand_in(jail, "ann")
        read, write = STANDING[what]()
        call = jail.begin_as("ann", "flushq", "-v", then=lambda: os.dup2(write, 2), fds=(write,))
        same("exit", call.wait(20).code, 0)
        same("sent", len(relay.accepted()), 20)
        same("left", jail.entries(), [])
        os.close(read)
        os.close(write)


def reader_goes(way):
    """As any program into a pipe without a reader."""
    with DoorJail("pipe", way) as jail:
        jail.simple()
        hand_in(jail, "ann")
        read, write = os.pipe()
        os.close(read)
        call = jail.begin_as("ann", "mailq", then=lambda: os.dup2(write, 1), fds=(write,))
        os.close(write)
        result = call.wait(10)
        same("exit", (result.code, result.err), (-signal.SIGPIPE, ""))
        jail.wait_quiet()


def on_terminal(way, env, colour):
    """It is the caller's terminal that counts, and his wish."""
    with DoorJail("terminal", way) as jail:
        jail.simple()
        hand_in(jail, "ann", facts={"s": "a@src.example"})
        master, slave = open_terminal()
        call = jail.begin_as("ann", "mailq", "--summary", env=env,
                             then=lambda: os.dup2(slave, 1), fds=(slave,))
        same("exit", call.wait(20).code, 0)
        summary = os.read(master, 65536).decode()
        call = jail.begin_as("ann", "mailq", env=env, then=lambda: os.dup2(slave, 1), fds=(slave,))
        same("exit", call.wait(20).code, 0)
        check(select.select([master], [], [], 5)[0], "nothing is shown")
        listing = os.read(master, 65536).decode()
        match("listing", r"ago|due|next try|\d+s", listing)
        same("colour", "\x1b[" in summary + listing, colour)
        os.close(master)
        os.close(slave)


def zone(way):
    """Times are the caller's."""
    with DoorJail("zone", way) as jail:
        jail.simple()
        id_ = hand_in(jail, "ann")
        created = int(id_[:8], 16)
        for name, hours in (("UTC", 0), ("AAA-9", 9), ("<+0330>-3:30", 3.5)):
            shown = jail.run_as("ann", "mailq", env={"TZ": name})
            same("exit", (shown.code, shown.err), (0, ""))
            match(name, time.strftime("%H:%M:%S", time.gmtime(created + hours * 3600)), shown.out)
        for name in ("/etc/shadow", ":/etc/shadow", "../etc/shadow", "UTC\n--failed", "A" * 70000):
            shown = jail.run_as("ann", "mailq", env={"TZ": name})
            same("exit", (shown.code, shown.err), (0, ""))
            match("shown", id_, shown.out)


def to_a_file(way):
    """One that only its owner may open: it is open already."""
    with DoorJail("file", way) as jail:
        jail.simple()
        id_ = hand_in(jail, "ann")
        path = put(jail.dir + "/home/ann/list", "", 0o600, ANN, ANN)
        with open(path, "ab") as file:
            call = jail.begin_as("ann", "mailq", then=lambda: os.dup2(file.fileno(), 1),
                                 fds=(file.fileno(),))
            result = call.wait(20)
        same("exit", (result.code, result.err), (0, ""))
        with open(path, encoding="utf-8") as file:
            match("the file", rf"(?s)^-Queue ID-.*\n{id_} .*in 1 Request\.\n$", file.read())


def no_output(way):
    with DoorJail("closed", way) as jail:
        jail.simple()
        hand_in(jail, "ann")
        full = os.open("/dev/full", os.O_WRONLY)
        result = jail.begin_as("ann", "mailq", then=lambda: os.dup2(full, 1), fds=(full,)).wait(20)
        os.close(full)
        same("exit", (result.code, result.err), (74, "mailq: cannot write: No space left on device\n"))


def over_tls(way):
    """flushq becomes the one with TLS in the middle; the caller waits for that one."""
    with DoorJail("tls", way) as jail:
        relay = jail.secure()
        for args, count in ((("--all",), 1), ((), 2), (("-v",), 3)):
            hand_in(jail, "ann")
            result = jail.run_as("ann", "flushq", *args)
            same("exit", (result.code, result.out), (0, ""))
            same("said", bool(result.err), "-v" in args)
            same("sent", len(relay.accepted()), count)
        id_ = hand_in(jail, "ann")
        call = jail.begin_as("ann", "flushq", id_)
        same("exit", call.wait(20).code, 0)
        jail.wait_quiet()
        same("held", jail.entries(), [])


def many_ids(way):
    """More than one command can take."""
    with DoorJail("ids", way) as jail:
        jail.simple()
        id_ = hand_in(jail, "ann")
        none = [f"{n:012X}" for n in range(9000)]
        result = jail.run_as("ann", "flushq", "--freeze", *none, id_, limit=60)
        same("exit", (result.code, result.out), (65, ""))
        same("said", re.findall(r"(?m)^flushq: (\w+): no such message$", result.err), none)
        same("frozen", [e["frozen"] for e in jail.listing_as("ann")], [True])


def debugger(jail, peek):
    """What reads for ann is not hers to look into."""
    jail.simple()
    hand_in(jail, "ann")
    read, write = full_pipe()
    call = jail.begin_as("ann", "mailq", then=lambda: os.dup2(write, 1), fds=(write,))
    pid = behind(jail, "mailq")
    wait_until_blocked(pid)
    peek(jail, pid)
    with open(f"/proc/{pid}/environ", "rb") as file:
        same("environment", {v.partition(b"=")[0] for v in file.read().split(b"\0") if v},
             {b"PATH"})
    same("folder", os.readlink(f"/proc/{pid}/cwd"), "/")
    same("input", os.readlink(f"/proc/{pid}/fd/0"), "/dev/null")
    call.process.kill()
    call.wait(5)
    os.close(read)
    os.close(write)


def jobs(peek):
    """peek: what a debugger of ann's would try."""
    for way in WAYS:
        for number in (signal.SIGINT, signal.SIGKILL):
            yield f"door: interrupted, {number.name}, {way}", lambda w=way, n=number: interrupted(w, n)
            yield f"door: the caller goes, {number.name}, {way}", lambda w=way, n=number: caller_goes(w, n)
        yield f"door: the reader stops, {way}", lambda w=way: reader_stops(w)
        for what in STANDING:
            yield f"door: {what} of errors stops, {way}", lambda w=way, n=what: errors_stop(w, n)
        yield f"door: the reader goes, {way}", lambda w=way: reader_goes(w)
        for env, colour in (({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False),
                            ({"TERM": "xterm", "NO_COLOR": "1"}, False)):
            yield (f"door: a terminal, {env}, {way}",
                   lambda w=way, e=env, c=colour: on_terminal(w, e, c))
        yield f"door: TZ, {way}", lambda w=way: zone(w)
        yield f"door: into a file, {way}", lambda w=way: to_a_file(w)
        yield f"door: a full disk, {way}", lambda w=way: no_output(w)
        yield f"door: over TLS, {way}", lambda w=way: over_tls(w)
        yield f"door: many IDs, {way}", lambda w=way: many_ids(w)

    def looked_into():
        with DoorJail("debugger", "set-gid") as jail:
            debugger(jail, peek)

    yield "door: a debugger on mailq", looked_into
