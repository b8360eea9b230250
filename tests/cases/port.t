#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""sendmail -bs behind a port of the loopback or a UNIX socket, as systemd or an inetd starts it:
who handed in is who connected, and nobody but users of this machine is let in."""

import encodings.idna  # pylint: disable=unused-import # a jail has no modules to be read later
import os
import select
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from jail import *  # pylint: disable=wildcard-import,unused-wildcard-import,wrong-import-position
from system_port import Port  # pylint: disable=wrong-import-position

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
PR_SET_DUMPABLE = 4
USER_MAX = 32
RECIPIENT = "RCPT TO:<b@dest.example>"
QUIET = {"delivery.mode": "hold"}
SMTP_SOCKET = os.path.dirname(SOCKET) + "/smtp"


class Client:
    """A client. early: what is said before the greeting is read."""

    def __init__(self, to, source=None, early=None):
        self.file = None
        if isinstance(to, str):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(to)
        else:
            self.sock = socket.create_connection(to, 10, source)
        if early:
            self.sock.sendall(early)
        self.sock.settimeout(20)
        self.file = self.sock.makefile("rb")

    def reply(self):
        """The last line of a reply, or "" at the end."""
        while True:
            try:
                line = self.file.readline().decode("ascii")
            except ConnectionResetError:
                return "reset"
            if not line or (line.endswith("\r\n") and re.match(r"\d\d\d ", line)):
                return line.rstrip("\r\n")
            if not re.match(r"\d\d\d-.*\r\n$", line):
                return f"no reply: {line!r}"

    def say(self, text, end="\r\n"):
        self.sock.sendall((text + end).encode())
        return self.reply()

    def close(self):
        self.file.close()
        self.sock.close()


def session(to, *commands, message="Subject: by port\r\n\r\nHello.\r\n", source=None):
    """Greeting, EHLO, the commands, a message, QUIT: all last lines of replies."""
    client = Client(to, source)
    said = [client.reply()]
    if said[0].startswith("220"):
        said += [client.say(line) for line in ("EHLO me", *commands)]
        if message is not None:
            said += [client.say("DATA"), client.say(message + ".")]
        said.append(client.say("QUIT"))
    said.append(client.reply())
    client.close()
    return said


def codes(said):
    return [line[:3] for line in said]


TAKEN = ["220", "250", "250", "250", "354", "250", "221", ""]


def sends(jail, to, user, sender="MAIL FROM:<>", **more):
    said = jail.function_as(user, lambda: session(to, sender, RECIPIENT, **more))
    check(isinstance(said, list) and codes(said) == TAKEN, f"{user}: {said}")


def refused(jail, to, user, why, **more):
    """One line that says why, and the end."""
    said = jail.function_as(user, lambda: session(to, "MAIL FROM:<>", RECIPIENT, **more))
    check(isinstance(said, list) and len(said) == 2 and said[1] == "", f"{user}: {said}")
    match("greeting", rf"^421 4\.7\.0 gate\.jail\.example .*{why}", said[0])


def uids(jail):
    return sorted(e["uid"] for e in jail.listing_as("root"))


def logged(jail, pattern):
    end = time.monotonic() + 5
    while not re.search(pattern, jail.log(), re.M):
        check(time.monotonic() < end, f"no {pattern!r} in the log: {jail.log()!r}")
        time.sleep(0.02)


# Who is let in, and whose the message is

PLACES = (("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "::ffff:127.0.0.1"), ("::1", "::1"),
          ("::", "::1"), ("::", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"))


def attributed(listens, to, service):
    """As if they had called sendmail: owner, sender, names, log, what they may see and do."""
    with Jail("attributed") as jail:
        relay = jail.simple(conf={"mail.received": "yes"})
        with open(jail.dir + CONF, "a", encoding="ascii") as file:
            file.write("[senders]\nbob = robert@src.example\n")
        with Port(jail, listens, service) as port:
            for user in ("ann", "bob", "root", "ghost", "postern"):
                before, place = relay.mark(), (to, port.number)
                local = "uid60199" if user == "ghost" else user
                sends(jail, place, user, f"MAIL FROM:<{local}>")
                relay.wait_for("message", since=before)
                text = relay.stored(before)[0].decode()
                match("Received", rf"\(Postern, from userid {USERS[user][0]}\)", text)
                want = {"bob": "robert@src.example"}.get(user, f"{local}@jail.example")
                match("From", rf"(?m)^From: ([A-Z][a-z]+ <)?{re.escape(want)}>?\r$", text)
                logged(jail, rf"uid={USERS[user][0]} from={re.escape(want)} .*status=accepted")
            same("exit", set(port.codes()), {0})
        jail.wait_quiet()
        same("held", jail.entries(), [])
        jail.check_spool()
        jail.check_no_gain()


def own_mail():
    """It is theirs to see and to remove, and nobody else's."""
    with Jail("own") as jail:
        jail.simple(conf=QUIET)
        with Port(jail) as port:
            for user in ("ann", "bob"):
                sends(jail, ("127.0.0.1", port.number), user)
        same("uids", uids(jail), [ANN, BOB])
        for name in jail.entries():
            info = os.lstat(jail.path(name))
            same("owner, group, mode", (info.st_uid, info.st_gid, oct(info.st_mode)),
                 (POSTERN, POSTERN, oct(0o100660)))
        same("ann's", [e["uid"] for e in jail.listing_as("ann")], [ANN])
        theirs = [e["queue_id"] for e in jail.listing_as("bob")]
        same("bob's by ann", jail.run_as("ann", "flushq", "--remove", *theirs).code, 77)
        same("bob's by bob", jail.run_as("bob", "flushq", "--remove", *theirs).code, 0)
        same("left", uids(jail), [ANN])


def many_messages():
    """A session of many messages: each is one, and all are sent."""
    with Jail("many messages") as jail:
        relay = jail.simple()
        with Port(jail) as port:
            def run():
                client = Client(("127.0.0.1", port.number))
                said = [client.reply(), client.say("EHLO me")]
                for _ in range(20):
                    said += [client.say(line) for line in (
                        "MAIL FROM:<a@src.example>", RECIPIENT, "DATA", "Subject: x\r\n\r\nx\r\n.")]
                said.append(client.say("QUIT"))
                client.close()
                return said
            same("codes", codes(jail.function_as("ann", run)),
                 ["220", "250"] + 20 * ["250", "250", "354", "250"] + ["221"])
            relay.wait_for("message", 20)
        jail.wait_quiet()
        same("held", jail.entries(), [])


def of_systemd(what):
    """The socket as systemd itself hands it over."""
    program = shutil.which("systemd-socket-activate")
    if not program:
        raise Skip("no systemd-socket-activate")
    with Jail("activate") as jail:
        relay = jail.simple()
        listen = SMTP_SOCKET if what == "unix" else f"{what}:2525"
        call = jail.begin_as("root", program, "--accept", "--inetd", "-l", listen, "setpriv",
                             f"--reuid={POSTERN}", f"--regid={POSTERN}", "--clear-groups",
                             SENDMAIL, "-bs")
        to = SMTP_SOCKET if what == "unix" else (what.strip("[]"), 2525)
        try:
            end = time.monotonic() + 10
            while True:
                if what == "unix" and os.path.exists(jail.dir + SMTP_SOCKET):
                    os.chmod(jail.dir + SMTP_SOCKET, 0o666)
                said = jail.function_as("ann", lambda: session(to, "MAIL FROM:<>", RECIPIENT))
                if isinstance(said, list):
                    break
                check(time.monotonic() < end, said)
                time.sleep(0.05)
            same("codes", codes(said), TAKEN)
            relay.wait_for("message")
        finally:
            call.kill()
            call.wait(10)
        jail.wait_quiet()
        logged(jail, f"uid={ANN} .*status=accepted")


def name_space():
    """Root of a name space of users is who made it."""
    def run(to):
        LIBC.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
        if LIBC.unshare(CLONE_NEWUSER) != 0:
            return "no user name spaces"
        with open("/proc/self/uid_map", "w", encoding="ascii") as file:
            file.write(f"0 {ANN} 1")
        return [os.getuid(), session(to, "MAIL FROM:<>", RECIPIENT)]
    with Jail("name space") as jail:
        jail.simple(conf=QUIET)
        with Port(jail) as port:
            got = jail.function_as("ann", lambda: run(("127.0.0.1", port.number)))
        if isinstance(got, str):
            raise Skip(got)
        same("root inside", (got[0], codes(got[1])), (0, TAKEN))
        same("uids", uids(jail), [ANN])


def unix_socket(service):
    with Jail("unix") as jail:
        jail.simple(conf=QUIET)
        with Port(jail, SMTP_SOCKET, service):
            sends(jail, SMTP_SOCKET, "ann")
            sends(jail, SMTP_SOCKET, "ghost")
        same("uids", uids(jail), [ANN, GHOST])


def pair_of_postern():
    """One of a pair is a pipe, whoever made it: the messages are the process' own."""
    with Jail("pair") as jail:
        jail.simple(conf=QUIET)
        near, far = socket.socketpair()
        with near:
            call = jail.begin_as("postern", "sendmail", "-bs", stdin=far)
            far.close()
            near.sendall(f"EHLO me\r\nGET /\r\nMAIL FROM:<>\r\n{RECIPIENT}\r\nDATA\r\n\r\nx\r\n"
                         ".\r\nQUIT\r\n".encode())
            same("exit", call.wait(10).code, 0)
        same("uids", uids(jail), [POSTERN])


# A service of one's own

def own_service(args):
    """It is for its user alone, at a port; a UNIX socket has a mode that says for whom."""
    with Jail("own service") as jail:
        jail.simple(conf=QUIET)
        if args:
            put(jail.dir + "/home/ann/c", open(jail.dir + CONF, "rb").read() +
                b"[hold]\ndirectory = /home/ann/hold\n", 0o600, ANN, ANN)
        with Port(jail, user="ann", args=args) as port:
            to = ("127.0.0.1", port.number)
            sends(jail, to, "ann")
            refused(jail, to, "bob", f"only for the user who runs this, and you are {BOB}")
            refused(jail, to, "root", "only for the user who runs this, and you are 0")
        with Port(jail, "/tmp/ann", "ann", args):
            sends(jail, "/tmp/ann", "bob")
        found = uids(jail) if not args else [
            e["uid"] for e in map(json.loads, jail.run_as(
                "ann", "mailq", "-C", "/home/ann/c", "--json").out.splitlines())]
        same("uids", found, [ANN, ANN])
        if not args:
            logged(jail, rf'uid={BOB} client=127\.0\.0\.1:\d+ status=refused reason="only for ')


# Who is not let in

def from_outside():
    """Another address of this machine, and another machine, at a port that is open to all."""
    with Jail("outside") as jail:
        jail.simple(conf=QUIET)
        with Port(jail, "0.0.0.0") as port:
            subprocess.run(["ip", "address", "add", "192.0.2.7/32", "dev", "lo"], check=False,
                           capture_output=True)
            refused(jail, ("192.0.2.7", port.number), "ann", "only for programs on this machine")
            refused(jail, ("127.0.0.1", port.number), "ann", "only for programs on this machine",
                    source=("192.0.2.7", 0))
            logged(jail, r'uid="" client=192\.0\.2\.7:\d+ status=refused reason="only for ')
            said = other_machine(port.number)
            check(isinstance(said, str) and said.startswith("421 4.7.0 "), said)
            match("greeting", "only for programs on this machine", said)
        same("held", jail.entries(), [])


def other_machine(number):
    """The greeting that a process in another network gets."""
    read, write = os.pipe()
    ready, go = os.pipe()
    pid = os.fork()
    if pid == 0:
        close_but(write, ready)
        said = "no name space"
        if LIBC.unshare(CLONE_NEWNET) == 0:
            os.write(write, b"+")
            os.read(ready, 1)
            subprocess.run("ip address add 198.51.100.2/24 dev far && ip link set far up",
                           shell=True, check=False)
            try:
                said = Client(("198.51.100.1", number)).reply()
            except OSError as error:
                said = str(error)
        os.write(write, said.encode())
        os._exit(0)
    os.close(write)
    try:
        if os.read(read, 1) == b"+":
            subprocess.run(
                f"ip link add near type veth peer name far netns {pid} && "
                "ip address add 198.51.100.1/24 dev near && ip link set near up", shell=True,
                check=False)
        os.write(go, b"x")
        return os.read(read, 4096).decode()
    finally:
        os.waitpid(pid, 0)
        for fd in (read, ready, go):
            os.close(fd)


HTTP = (b"POST / HTTP/1.1\r\nHost: localhost:25\r\nContent-Type: text/plain\r\n\r\n"
        b"EHLO me\r\nMAIL FROM:<a@src.example>\r\nRCPT TO:<b@dest.example>\r\nDATA\r\n\r\nx\r\n"
        b".\r\nQUIT\r\n")


def early(bytes_, ahead):
    """A browser, or something else that was made to speak to us: at once, or when it was
    greeted. What is said to it comes, although it is not listened to."""
    def run(to):
        client = Client(to, early=bytes_ if ahead else None)
        said = [client.reply()]
        if not ahead:
            client.sock.sendall(bytes_)
            said.append(client.reply())
        said.append(client.reply())
        client.close()
        return said
    with Jail("early") as jail:
        jail.simple(conf=QUIET)
        with Port(jail) as port:
            if ahead:
                start = port.start
                port.start = lambda c: (select.select([c], [], [], 5), start(c))
            said = jail.function_as("ann", lambda: run(("127.0.0.1", port.number)))
            same("ended", codes(said), ["421", ""] if ahead else ["220", "421", ""])
            match("said", "you spoke before you were greeted" if ahead else
                  "SMTP is spoken here", said[-2])
            if ahead:
                logged(jail, rf"uid={ANN} client=127.0.0.1:\d+ status=refused reason=\"you spoke")
            check(port.codes()[0] >= 0, f"killed: {port.codes()}")
        same("held", jail.entries(), [])


def gone(how):
    """Who has gone before we looked is nobody, and no noise in the log; above all not root."""
    with Jail("gone") as jail:
        jail.simple(conf=QUIET)
        with Port(jail) as port:
            waiting = threading.Event()
            start = port.start
            port.start = lambda c: (waiting.wait(5), start(c))

            def run():
                sock = socket.create_connection(("127.0.0.1", port.number))
                if how != "closed":
                    sock.sendall(HTTP.partition(b"\r\n\r\n")[2])
                if how == "half closed":
                    sock.shutdown(socket.SHUT_WR)
                    waiting.set()
                    sock.settimeout(5)
                    return sock.recv(4096).decode()
                if how == "reset":
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.close()
                return ""
            # The parent's event is not the child's.
            threading.Timer(0.3, waiting.set).start()
            said = jail.function_as("ann", run)
            end = time.monotonic() + 10
            while not port.calls:
                check(time.monotonic() < end, "nothing was started")
                time.sleep(0.01)
            port.codes()
            if how == "half closed":
                match("said", "^421 4.7.0 .*no program of this machine", said)
        same("held", jail.entries(), [])
        no_match("log", "uid=0|accepted", jail.log())
        if how == "closed":
            same("log", jail.log(), "")


def no_configuration():
    """Said in one line, and the line is all."""
    with Jail("no configuration") as jail:
        jail.simple(conf=QUIET)
        put(jail.dir + CONF, "[relay]\nnonsense = 1\n")
        for service in ("postern", "root"):
            with Port(jail, user=service) as port:
                said = jail.function_as("ann", lambda p=port: session(("127.0.0.1", p.number)))
                same("said", [line[:9] for line in said], ["421 4.3.5", ""])


# Limits

def crowd():
    """A user with all connections keeps out himself alone."""
    with Jail("crowd") as jail:
        jail.simple(conf=QUIET)
        with Port(jail) as port:
            to = ("127.0.0.1", port.number)

            def run():
                # Whose a socket is says the effective user.
                os.setresuid(ANN, ANN, 0)
                clients = [Client(to) for _ in range(300)]
                said = [c.reply() for c in clients]
                pid = os.fork()
                if pid == 0:
                    os.seteuid(0)
                    os.setresuid(BOB, BOB, BOB)
                    bob = session(to, "MAIL FROM:<>", RECIPIENT)
                    os._exit(codes(bob) != TAKEN)
                bob = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                one = next(c for c, line in zip(clients, said) if line.startswith("220"))
                last = one.say("QUIT")
                for client in clients:
                    client.close()
                return [said, bob, last]
            got = jail.function_as("root", run)
            check(isinstance(got, list), got)
            said, bob, last = got
            same("let in", [codes(said).count(c) for c in ("220", "421")],
                 [USER_MAX, 300 - USER_MAX])
            match("the others", f"you have {USER_MAX} connections open",
                  [line for line in said if line[0] == "4"][0])
            logged(jail, rf'uid={ANN} client=127\.0\.0\.1:\d+ status=refused reason="you have ')
            same("bob", bob, 0)
            same("ann, who was let in", last[:3], "221")
            port.codes(30)
            sends(jail, to, "ann")
        same("uids", uids(jail), [ANN, BOB])


def full_disk():
    """A user who begins many large messages at once does not take the last of the disk: not
    even while they come."""
    rooms = "".join(f"mkdir {SPOOL}/{n}; chown {POSTERN}:{POSTERN} {SPOOL}/{n}; "
                    f"chmod {m:o} {SPOOL}/{n}\n" for n, m in ROOMS.items())
    last = f"mount -t tmpfs -o size=64M,mode=0710,gid={POSTERN} none {SPOOL}\n{rooms}"
    clients, lines = 4, 20 * (b"y" * 998 + b"\r\n") * 1000
    with Jail("full disk", last=last) as jail:
        jail.simple(conf={**QUIET, "hold.min_free": "16M"})
        with Port(jail) as port:
            def run():
                open_ = [Client(("127.0.0.1", port.number)) for _ in range(clients)]
                for client in open_:
                    client.reply()
                    for line in ("EHLO me", "MAIL FROM:<>", RECIPIENT, "DATA"):
                        client.say(line)
                for client in open_:
                    client.sock.sendall(b"Subject: x\r\n\r\n" + lines)
                said = [client.say(".") for client in open_]
                for client in open_:
                    client.close()
                return said
            least = []
            over = threading.Event()

            def watch():
                while not over.wait(0.005):
                    least.append(jail.function_as("root", free))

            def free():
                fs = os.statvfs(SPOOL)
                return fs.f_bavail * fs.f_frsize
            watcher = threading.Thread(target=watch)
            watcher.start()
            said = jail.function_as("ann", run)
            over.set()
            watcher.join()
        check(isinstance(said, list), said)
        taken = sum(line.startswith("250") for line in said)
        check(taken < clients, f"all were taken: {said}")
        for line in said:
            match("reply", "^(250|451 4.3.0 .* less than min_free)", line)
        check(min(least) >= (16 - clients - 1) << 20, f"{min(least) >> 20} MiB were left")
        same("in tmp/", jail.function_as("root", lambda: os.listdir(SPOOL + "/tmp")), [])


def until_ended(client, words, pause):
    """Says them again and again. Seconds until it cannot be done any more, or something was
    said."""
    began = time.monotonic()
    client.sock.setblocking(False)
    while time.monotonic() - began < 15:
        heard, room, _ = select.select([client.sock] if pause else [], [client.sock], [], 0.1)
        if heard:
            break
        try:
            if room:
                client.sock.send(words)
        except OSError:
            break
        time.sleep(pause)
    client.sock.settimeout(10)
    return time.monotonic() - began


def silence(what, fast, words, pause):
    """Nothing is waited for without end: not for a client who says nothing or reads nothing,
    nor for one who says a little now and then. Time passes faster here."""
    def run(number):
        client = Client(("127.0.0.1", number))
        said = [client.reply()]
        if what == "in a message":
            said += [client.say(line) for line in ("EHLO me", "MAIL FROM:<>", RECIPIENT, "DATA")]
        seconds = until_ended(client, words, pause)
        return [seconds, *said, *([client.reply(), client.reply()] if pause else ())]
    with Jail("silence") as jail:
        jail.simple(conf=QUIET)
        shutil.copy(f"{BUILD}/tests/dated.so", jail.dir + "/run/dated.so")
        jail.env["ASAN_OPTIONS"] = jail.env.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        env = {name: value for name, value in hurried(fast).items() if value is not None}
        with Port(jail, env=dict(env, LD_PRELOAD="/run/dated.so")) as port:
            got = jail.function_as("ann", lambda: run(port.number))
            check(isinstance(got, list), got)
            check(1 < got[0] < 12, f"after {got[0]:.1f} s")
            if pause:
                match("said", "^421 4.3.2 .*you took too long", got[-2])
                same("the end", got[-1], "")
            check(port.codes(10)[0] >= 0, f"killed: {port.codes()}")
        same("held", jail.entries(), [])


# How many times as fast time passes, what is said, and how often
SILENCES = (("without a word", 100, b"", 0.1), ("a byte now and then", 1200, b"x", 0.02),
            ("in a message", 1200, b"x", 0.02), ("deaf", 100, b"HELP\r\n" * 10000, 0))


def jobs():
    for listens, to in PLACES:
        yield f"at {listens}, to {to}", lambda a=listens, b=to: attributed(a, b, "postern")
    yield "started by root", lambda: attributed("127.0.0.1", "127.0.0.1", "root")
    yield "own mail", own_mail
    yield "many messages", many_messages
    for what in ("127.0.0.1", "[::1]", "unix"):
        yield f"the socket of systemd, {what}", lambda w=what: of_systemd(w)
    yield "a name space of users", name_space
    for service in ("postern", "root"):
        yield f"a UNIX socket, {service}", lambda s=service: unix_socket(s)
    yield "a pair of sockets", pair_of_postern
    for args in ((), ("-C", "/home/ann/c")):
        yield f"one's own service {' '.join(args)}", lambda a=args: own_service(a)
    yield "from outside", from_outside
    for name, bytes_ in (("HTTP", HTTP), ("TLS", b"\x16\x03\x01\x00\xf4\x01\x00\n" + bytes(200)),
                         ("a megabyte", HTTP + (1 << 20) * b"x")):
        for ahead in (True, False):
            yield f"{name}, {'at once' if ahead else 'when greeted'}", \
                lambda b=bytes_, a=ahead: early(b, a)
    for how in ("closed", "half closed", "reset", "closed behind a message"):
        yield f"gone: {how}", lambda h=how: gone(h)
    yield "no configuration", no_configuration
    yield "a crowd", crowd
    yield "a disk that fills", full_disk
    for row in SILENCES:
        yield f"silence: {row[0]}", lambda r=row: silence(*r)


if __name__ == "__main__":
    run_all(list(jobs()))
