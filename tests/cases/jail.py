# SPDX-License-Identifier: GPL-3.0-or-later
"""System mode as an installed copy, without touching the machine: importing this module puts
the program into name spaces of its own (mounts, network, processes); each Jail in there has
its own /etc, /run, /home, /tmp, /dev, prefix and spool, and programs are run in it as one of
USERS. All processes end with the test program, and no mount outlives it.

Needs root and the permission to mount; else everything is skipped, with the reason.
"""

import array
import ctypes
import fcntl
import os
import shutil
import socket
import stat
import struct
import subprocess
import sys


def _skip_all(why):
    print(f"skip system mode: {why}")
    print("0 passed, 0 failed, 1 skipped")
    sys.exit(0)


def _loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(sock, 0x8913, request))[1]
        fcntl.ioctl(sock, 0x8914, struct.pack("16sH14x", b"lo", flags | 1))


def _enter():
    """Runs this program again inside. An inner shell reaps what has lost its parent."""
    if os.environ.pop("JAIL_INSIDE", ""):
        _loopback_up()
        return
    if os.geteuid() != 0:
        _skip_all("needs root")
    unshare = ["unshare", "-m", "-n", "-p", "-f", "--kill-child", "--mount-proc",
               "--propagation", "private"]
    try:
        test = subprocess.run([*unshare, "mount", "-t", "tmpfs", "none", "/mnt"], timeout=30,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError as error:
        _skip_all(error)
    if test.returncode != 0:
        _skip_all(test.stderr.decode(errors="replace").strip() or "mounting is not permitted")
    os.environ["JAIL_INSIDE"] = "1"
    os.execvp(unshare[0], [*unshare, "sh", "-c", '"$@"; exit $?', "sh", sys.executable,
                           *sys.argv])


_enter()

# pylint: disable=wildcard-import,unused-wildcard-import,wrong-import-position
from harness import *
import harness

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
POSTERN, ANN, BOB, CAROL, GHOST, NOBODY = 60042, 60101, 60102, 60103, 60199, 65534
# name: uid, gid, further groups. Carol may look after the mail; ghost is in no file.
USERS = {"root": (0, 0, (0, 4)), "postern": (POSTERN, POSTERN, ()), "ann": (ANN, ANN, ()),
         "bob": (BOB, BOB, ()), "carol": (CAROL, CAROL, (POSTERN,)),
         "ghost": (GHOST, GHOST, ()), "nobody": (NOBODY, NOBODY, ())}
ROOMS = {"tmp": 0o1770, "hold": 0o1770, "failed": 0o1770, "corrupt": 0o1770, "state": 0o770}
PASSWORD = "p\u00e4\"ss' %41\\$(id);#w\u00f6rd"
LOGIN = "gate@example.org"
CLONE_NEWNS = 0x20000
PR_SET_NO_NEW_PRIVS = 38
LIBC = ctypes.CDLL(None, use_errno=True)


def _configuration():
    """The config.mk that make takes for BUILD, as make names it."""
    own = os.path.join(BUILD, "config.mk")
    if not os.path.exists(own):
        return "build/config.mk"
    return own[len(SOURCE) + 1:] if own.startswith(SOURCE + "/") else own


CONFIGURATION = _configuration()


def _paths():
    """What is compiled in."""
    values = {}
    with open(os.path.join(SOURCE, CONFIGURATION), encoding="utf-8") as file:
        for line in file:
            name, equals, value = line.partition(" = ")
            if equals:
                values[name] = value.strip()
    return values


PATHS = _paths()
SPOOL, POSTDIR = PATHS["spooldir"], PATHS["postdir"]
CONF = PATHS["sysconfdir"] + "/postern.conf"
SECRET_FILE = PATHS["sysconfdir"] + "/postern.secret"
SOCKET = PATHS.get("socket", "/run/postern/submit")
SENDMAIL, FLUSHQ = PATHS["sbindir"] + "/sendmail", PATHS["sbindir"] + "/flushq"
MAILQ, POST = PATHS["bindir"] + "/mailq", POSTDIR + "/post"
PROGRAM = {"sendmail": SENDMAIL, "flushq": FLUSHQ, "mailq": MAILQ, "post": POST,
           "newaliases": PATHS["bindir"] + "/newaliases"}


def layout_fault():
    """Why the compiled-in paths cannot be put aside for a while, or None."""
    for path in (PATHS["prefix"], os.path.dirname(SPOOL)):
        if path in ("/", "/usr", "/var") or not os.path.isdir(path):
            return f"installed below {path}, which cannot be put aside for a while"
    for path in (PATHS["sbindir"], PATHS["bindir"], POSTDIR):
        if not path.startswith(PATHS["prefix"] + "/"):
            return f"{path} is not below {PATHS['prefix']}"
    if PATHS["sysconfdir"] != "/etc" or not SOCKET.startswith("/run/"):
        return "sysconfdir is not /etc, or the socket not below /run"
    if not os.path.exists(os.path.join(BUILD, "post")):
        return "post is not built"
    with open(os.path.join(BUILD, "post"), "rb") as program:
        if SANITIZED and b"__lsan_is_turned_off" not in program.read():
            return "this build looks for leaks, which a set-gid program does not let it"
    return None


def put(path, text, mode=0o644, uid=0, gid=0):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())
    os.chown(path, uid, gid)
    os.chmod(path, mode)
    return path


def folder(path, mode=0o755, uid=0, gid=0):
    os.makedirs(path, exist_ok=True)
    os.chown(path, uid, gid)
    os.chmod(path, mode)
    return path


def install():
    """make install, once, and what root does on the running system. Nothing is built."""
    with harness._lock:  # pylint: disable=protected-access
        target = os.path.join(harness.TOP, "installed")
        if os.path.isdir(target):
            return target
        env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
        done = subprocess.run(
            ["make", "-C", SOURCE, "-o", "all", "-o", CONFIGURATION, "install", f"BUILD={BUILD}",
             f"DESTDIR={target}.new"], env=env, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=60, check=False)
        check(done.returncode == 0, f"make install: {done.stderr.decode(errors='replace')}")
        post = f"{target}.new{POST}"
        os.chown(post, 0, POSTERN)
        os.chmod(post, 0o2755)
        os.rename(f"{target}.new", target)
        return target


def etc(top):
    """A small /etc with our users."""
    base = folder(top + "/etc")
    for name in ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "protocols", "services",
                 "gnutls", "crypto-policies"):
        if os.path.isdir("/etc/" + name):
            shutil.copytree("/etc/" + name, f"{base}/{name}", symlinks=True)
        elif os.path.exists("/etc/" + name):
            shutil.copy("/etc/" + name, f"{base}/{name}")
    known = {n: u for n, u in USERS.items() if n != "ghost"}
    put(base + "/passwd", "".join(f"{n}:x:{u}:{g}:{n.title()}:/home/{n}:/bin/sh\n"
                                  for n, (u, g, _) in known.items()))
    put(base + "/group", "".join(f"{n}:x:{g}:{'carol' if n == 'postern' else ''}\n"
                                 for n, (_, g, _) in known.items()))
    put(base + "/shadow", "root:canary-of-shadow:1::::::\n", 0o640)
    put(base + "/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n")
    put(base + "/hosts", "127.0.0.1 localhost gate.jail.example\n")
    put(base + "/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    put(base + "/aliases", "")
    for name in known:
        uid, gid, _ = USERS[name]
        folder(f"{top}/home/{name}", 0o700, uid, gid)


MOUNTS = """set -e
cd "$1"
for node in null zero full random urandom tty; do
	: >dev/$node
	mount --bind /dev/$node dev/$node
done
mount --bind prefix %(prefix)s
%(early)s
mount --bind etc /etc
mount --bind spool %(spool)s
mount --bind run /run
mount --bind home /home
mount --rbind dev /dev
mount --bind tmp /tmp
%(last)s
echo ready
exec cat
"""


def close_but(*keep):
    """All descriptors but these and the first three."""
    last = 2
    for fd in (*sorted(keep), 1 << 20):
        os.closerange(last + 1, fd)
        last = fd


class Jail(Case):
    """An installed copy. copy: the programs are this jail's own, to be spoilt; gate: the
    socket is there; setgid: post is; last: shell commands inside, after all mounts; early:
    before those that may hide where the source is."""

    def __init__(self, name="jail", copy=False, gate=False, setgid=True, last="", early=""):
        super().__init__(name)
        os.chmod(self.dir, 0o755)
        self.spool = self.dir + "/spool/" + os.path.basename(SPOOL)
        self.hold = self.spool
        self.fault, self.gates, self.syslog, self.lock = None, [], [], threading.Lock()
        copied = copy or not setgid
        if copied:
            shutil.copytree(install() + PATHS["prefix"], self.dir + "/prefix", symlinks=True)
            post = self.dir + "/prefix" + POST[len(PATHS["prefix"]):]
            os.chown(post, 0, POSTERN if setgid else 0)
            os.chmod(post, 0o2755 if setgid else 0o755)
        else:
            os.symlink(install() + PATHS["prefix"], self.dir + "/prefix")
        folder(self.dir + "/home")
        etc(self.dir)
        self.make_spool()
        folder(self.dir + "/run")
        folder(self.dir + "/dev")
        folder(self.dir + "/tmp", 0o1777)
        folder(self.dir + "/run/postern", 0o755)
        self.env = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8", "TZ": "UTC"}
        if SANITIZED:
            self.env.update({n: os.environ.get(n, "") + ":log_path=/tmp/asan"
                             for n in ("ASAN_OPTIONS", "UBSAN_OPTIONS")})
        self.listen_log()
        self.mount(last, early)
        if gate:
            self.open_gate()

    def make_spool(self):
        folder(self.spool, 0o710, 0, POSTERN)
        for name, mode in ROOMS.items():
            folder(f"{self.spool}/{name}", mode, POSTERN, POSTERN)

    def mount(self, last, early):
        script = MOUNTS % {"prefix": PATHS["prefix"], "spool": os.path.dirname(SPOOL),
                           "last": last, "early": early}
        holder = subprocess.Popen(
            ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", self.dir],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            if holder.stdout.readline() != b"ready\n":
                raise Skip("mounting: " + holder.stderr.read().decode(errors="replace"))
            self.ns = os.open(f"/proc/{holder.pid}/ns/mnt", os.O_RDONLY)
            self.ns_name = os.readlink(f"/proc/{holder.pid}/ns/mnt")
        finally:
            holder.stdin.close()
            holder.wait(60)
            holder.stdout.close()
            holder.stderr.close()

    def __exit__(self, kind, *rest):
        for gate in self.gates:
            gate.close()
        try:
            super().__exit__(kind, *rest)
        finally:
            self.log_socket.close()
            os.close(self.ns)

    # Configuration

    def configure(self, *relays, conf=None, tail="", mode=0o644):
        own = {"hold.directory": None, "log.to": None, "mail.aliases": None,
               "mail.hostname": "gate.jail.example", "mail.domain": "jail.example"}
        super().configure(*relays, conf=dict(own, **(conf or {})), tail=tail)
        with open(self.conf_path, "rb") as file:
            put(self.dir + CONF, file.read(), mode)

    def simple(self, *options, conf=None, **keys):
        """A relay without anything, and a configuration for it."""
        relay = self.relay(*options)
        self.configure(dict(keys, port=relay.port), conf=conf)
        return relay

    def secure(self, *options, conf=None, password=PASSWORD, **keys):
        """A relay with STARTTLS and a login."""
        relay = self.relay("--user", LOGIN, "--password", PASSWORD, "--require-auth",
                           "--require-tls", *options, cert="server")
        shutil.copy(certificates() + "/ca.pem", self.dir + "/etc/relay-ca.pem")
        os.chmod(self.dir + "/etc/relay-ca.pem", 0o644)
        put(self.dir + SECRET_FILE, password + "\n", 0o640, 0, POSTERN)
        self.configure(dict({"port": relay.port, "security": "starttls", "user": LOGIN,
                             "password_file": SECRET_FILE, "tls_name": "relay.test",
                             "tls_trust": "/etc/relay-ca.pem"}, **keys), conf=conf)
        return relay

    # Programs

    def enter(self, user, nnp=False, umask=None, limits=(), ignore=(), block=(), close=(),
              cwd="/", then=None):
        """What a child does before it becomes the program."""
        uid, gid, groups = USERS[user]

        def child():
            if LIBC.setns(self.ns, CLONE_NEWNS) != 0:
                os._exit(125)
            os.chdir(cwd)
            os.setsid()
            os.setgroups(groups)
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
            if nnp and LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
                os._exit(124)
            os.umask(0o022 if umask is None else umask)
            for number in ignore:
                signal.signal(number, signal.SIG_IGN)
            if block:
                signal.pthread_sigmask(signal.SIG_BLOCK, block)
            for fd in close:
                os.close(fd)
            for what, limit in limits:
                resource.setrlimit(what, (limit, limit))
            if then:
                then()
        return child

    def environment(self, user, env):
        uid = USERS[user][0]
        home = {"HOME": f"/home/{user}", "USER": user, "LOGNAME": user, "UID": str(uid)}
        if user == "ghost":
            home = {"HOME": "/nonexistent"}
        full = {**self.env, **home, **(env or {})}
        return {k: v for k, v in full.items() if v is not None}

    def begin_as(self, user, program, *args, feed=b"", env=None, argv=None, stdin=None, fds=(),
                 **more):
        path = PROGRAM.get(program, program)
        return JailCall(path, [path, *args] if argv is None else argv, feed, stdin,
                        self.environment(user, env), self.enter(user, **more), fds)

    def run_as(self, user, program, *args, limit=20, **more):
        result = self.begin_as(user, program, *args, **more).wait(limit)
        self.calls.append((program, args, result))
        if program in PROGRAM and "-bs" not in args:
            self.check_output(program, result)
        return result

    def send_as(self, user, *args, message=None, **more):
        """A message that must be taken over in silence."""
        more.setdefault("feed", MESSAGE if message is None else message)
        result = self.run_as(user, "sendmail", *(args or ARGS), **more)
        same(f"sendmail by {user}", (result.code, result.out, result.err), (0, "", ""))
        return result

    def begin(self, program, *args, user="root", **more):
        return self.begin_as(user, program, *args, **more)

    def function_as(self, user, function, keep=(), **more):
        """What function returns, called in a child as that user, inside. keep: the descriptors
        that it needs; the others are of other cases, who wait for the end of a pipe."""
        read, write = os.pipe()
        prepare = self.enter(user, **more)
        pid = os.fork()
        if pid == 0:
            try:
                prepare()
                close_but(write, *keep)
                text = json.dumps(function())
            except BaseException as error:  # pylint: disable=broad-except
                text = json.dumps(f"{type(error).__name__}: {error}")
            os.write(write, text.encode())
            os._exit(0)
        os.close(write)
        with os.fdopen(read, "rb") as file:
            text = file.read()
        os.waitpid(pid, 0)
        return json.loads(text)

    def post_as(self, user, *args, **more):
        """post with a conversation on descriptor 0."""
        ours, theirs = socket.socketpair()
        try:
            call = self.begin_as(user, "post", *args, stdin=theirs, **more)
        finally:
            theirs.close()
        return Talk(ours, call)

    def door_as(self, user, *words, sock=None):
        """What a command said to post, without our own client, comes to: its exit code, or what
        post says instead; output; errors. sock: to the gate."""
        talk = Talk(sock) if sock else self.post_as(user)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, talk:
            talk.expect("H")
            talk.command(words, [out.fileno(), err.fileno()])
            got = talk.get()
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read().decode("utf-8", "replace"))
        return (got and (int(got[1]) if got[0] == "Z" else got[0] + got[1][:2].decode()), *texts)

    # The second way in

    def open_gate(self):
        self.gates.append(Gate(self))

    def connected_as(self, user, sock):
        """sock, connected to the gate by that user."""
        self.function_as(user, lambda: sock.connect(SOCKET), keep=[sock.fileno()])
        return sock

    # What is there

    def path(self, id_, room="hold"):
        return f"{self.spool}/{room}/{id_}"

    def processes(self):
        """Ours: pid and name of all that live in this jail."""
        found = []
        for name in os.listdir("/proc"):
            try:
                if not name.isdigit() or os.readlink(f"/proc/{name}/ns/mnt") != self.ns_name:
                    continue
                with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as file:
                    text = file.read()
                if text.rpartition(")")[2].split()[0] != "Z":
                    found.append((int(name), text[text.index("(") + 1:text.rindex(")")]))
            except OSError:
                continue
        return found

    def looked_at(self, look):
        """Of each that has not ended meanwhile: pid, name, and what look(pid) found."""
        for pid, name in self.processes():
            try:
                found = look(pid)
            except OSError:
                continue
            yield pid, name, found

    def strays(self):
        return [pid for pid, _ in self.processes()]

    def named(self, name, seconds=10):
        """The pid of the process of that name, waited for."""
        end = time.monotonic() + seconds
        while True:
            found = [p for p, n in self.processes() if n == name]
            if found:
                return found[0]
            check(time.monotonic() < end, f"no {name} runs")
            time.sleep(0.01)

    def listing_as(self, user, *args):
        result = self.run_as(user, "mailq", "--json", *args)
        same("mailq --json", (result.code, result.err), (0, ""))
        return [json.loads(line) for line in result.out.splitlines()]

    def check_spool(self):
        info = os.lstat(self.spool)
        same("the spool", (oct(info.st_mode & 0o7777), info.st_uid, info.st_gid),
             (oct(0o710), 0, POSTERN))
        for name, mode in ROOMS.items():
            info = os.lstat(f"{self.spool}/{name}")
            same(name, (oct(info.st_mode & 0o7777), info.st_uid, info.st_gid),
                 (oct(mode), POSTERN, POSTERN))
        same("in tmp/", os.listdir(self.spool + "/tmp"), [])
        same("in corrupt/", os.listdir(self.spool + "/corrupt"), [])

    def check_no_gain(self):
        """Nothing outside the spool was made with our group or user, or set-id."""
        for place in ("tmp", "home", "run", "etc"):
            for where, folders, names in os.walk(f"{self.dir}/{place}"):
                for name in folders + names:
                    path = os.path.join(where, name)
                    info = os.lstat(path)
                    if path in (self.dir + SECRET_FILE, self.dir + "/home/postern"):
                        continue
                    check(info.st_gid != POSTERN and info.st_uid != POSTERN,
                          f"{path} belongs to postern")
                    check(stat.S_ISDIR(info.st_mode) or not info.st_mode & 0o6000,
                          f"{path} is set-id")

    def check_sanitizers(self):
        for name in os.listdir(self.dir + "/tmp"):
            if name.startswith("asan"):
                with open(f"{self.dir}/tmp/{name}", encoding="utf-8", errors="replace") as file:
                    raise Wrong("sanitizer: " + file.read()[:3000])

    # The log

    def listen_log(self):
        self.log_socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.log_socket.settimeout(0.5)
        fd = os.open(self.dir + "/dev", os.O_RDONLY | os.O_DIRECTORY)
        self.log_socket.bind(f"/proc/self/fd/{fd}/log")
        os.close(fd)
        os.chmod(self.dir + "/dev/log", 0o666)
        threading.Thread(target=self.read_log, daemon=True).start()

    def read_log(self):
        while True:
            try:
                self.syslog.append(self.log_socket.recv(65536))
            except socket.timeout:
                continue
            except OSError:
                return

    def log(self):
        return b"\n".join(line.rstrip(b"\n\0") for line in list(self.syslog)).decode(
            "utf-8", "replace")


class JailCall(Call):
    """As Call, with a child prepared by Jail.enter."""

    # pylint: disable-next=super-init-not-called
    def __init__(self, path, argv, feed, stdin, env, prepare, fds):
        self.began = time.monotonic()
        self.chunks = [(0, feed)] if isinstance(feed, bytes) else list(feed or [])
        self.process = subprocess.Popen(
            argv, executable=path, stdin=subprocess.PIPE if stdin is None else stdin,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, preexec_fn=prepare,
            pass_fds=fds)
        self.pid = self.process.pid
        self.out, self.err = [], []
        self.broken = False

    def fed(self):
        """Everything is on its way; for a call that is not waited for yet."""
        for _, piece in self.chunks:
            self.process.stdin.write(piece)
        self.process.stdin.close()
        self.process.stdin, self.chunks = None, []
        return self


def listener_at(path):
    """A UNIX socket there, for everybody, however long the path is."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    place = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
    listener.bind(f"/proc/self/fd/{place}/{os.path.basename(path)}")
    os.close(place)
    os.chmod(path, 0o666)
    listener.listen(64)
    return listener


class Acceptor:
    """What systemd does for a socket with Accept=yes: start(connection) makes a program for each
    connection, and adds it to calls."""

    def __init__(self, listener):
        self.listener, self.calls, self.over = listener, [], False
        self.listener.settimeout(0.1)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while not self.over:
            try:
                connection, _ = self.listener.accept()
            except socket.timeout:
                continue
            except OSError:
                return
            with connection:
                self.start(connection)

    def close(self):
        if self.over:
            return
        self.over = True
        self.thread.join(5)
        # A child on its way to becoming a program may have it open for a moment more.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for call in self.calls:
            if call.poll() is None:
                call.kill()
            call.wait()


class Gate(Acceptor):
    """post as postern for each connection."""

    def __init__(self, jail):
        self.jail, self.env = jail, {"PATH": "/usr/bin:/bin"}
        super().__init__(listener_at(jail.dir + SOCKET))

    def start(self, connection):
        self.calls = [call for call in self.calls if call.poll() is None]
        self.calls.append(subprocess.Popen(
            [POST], stdin=connection, stdout=connection, stderr=subprocess.DEVNULL, env=self.env,
            preexec_fn=self.jail.enter("postern")))


class Talk:
    """Records to and from post."""

    def __init__(self, sock, call=None):
        self.sock, self.call, self.have, self.result = sock, call, b"", None
        sock.settimeout(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.finish()

    def finish(self):
        """How post ended, once we have gone."""
        self.sock.close()
        if self.call and not self.result:
            self.result = self.call.wait(10)
        return self.result

    @staticmethod
    def record(kind, payload=b""):
        payload = payload if isinstance(payload, bytes) else payload.encode()
        return kind.encode("latin-1") + len(payload).to_bytes(4, "big") + payload

    def put(self, kind, payload=b""):
        self.raw(self.record(kind, payload))

    def command(self, words, fds):
        """A command, and where its output and its errors are to go."""
        self.put("Q", "\n".join(words))
        try:
            self.sock.sendmsg([self.record("O")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                                    array.array("i", fds))])
        except (BrokenPipeError, ConnectionResetError):
            pass

    def raw(self, data):
        """post may have gone already: what it said is still to be read."""
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def end(self):
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _fill(self, count):
        while len(self.have) < count:
            try:
                piece = self.sock.recv(65536)
            except ConnectionResetError:
                piece = b""
            except socket.timeout:
                raise Wrong("post says nothing for 10 s") from None
            if not piece:
                return False
            self.have += piece
        return True

    def get(self):
        """(kind, payload), or None at the end."""
        if not self._fill(5):
            check(not self.have, f"post ended inside a record: {self.have!r}")
            return None
        length = int.from_bytes(self.have[1:5], "big")
        check(length <= 65536, f"a record of {length} bytes")
        check(self._fill(5 + length), "post ended inside a record")
        kind, payload = chr(self.have[0]), self.have[5:5 + length]
        self.have = self.have[5 + length:]
        return kind, payload

    def expect(self, kind):
        got = self.get()
        check(got and got[0] == kind, f"post said {got}, wanted {kind}")
        return got[1]

    def verdict(self):
        """("I", id), or ("X", code), or None if it just ended; all else is skipped."""
        while True:
            got = self.get()
            if got is None:
                return None
            if got[0] == "I":
                return "I", got[1].decode()
            if got[0] == "X":
                check(re.fullmatch(rb"\d\d [ -~]{1,400}", got[1]), f"X says {got[1]!r}")
                return "X", int(got[1][:2])


BODY = wire_form(MESSAGE)


def message_records(room="hold", facts=None, recipients=("b@dest.example",), body=BODY, end=True,
                    count=None):
    """The records of a message: facts in the order given, then recipients: an address or
    (address, [(kind, text), ...])."""
    found = [("P", f"{room} {len(recipients) if count is None else count}")]
    found += list((facts if facts is not None else {"s": "a@src.example"}).items())
    for recipient in recipients:
        address, more = (recipient, ()) if isinstance(recipient, (str, bytes)) else recipient
        found += [("R", address), *more]
    if body is not None:
        found += [("M", body[i:i + 65536]) for i in range(0, len(body), 65536)]
    return found + ([("E", b"")] if end else [])


def hand_in(jail, user, **message):
    """A message straight into post: its id."""
    with jail.post_as(user) as talk:
        same("hello", talk.expect("H"), b"postern 1")
        talk.raw(b"".join(talk.record(*r) for r in message_records(**message)))
        return talk.expect("I").decode()


def connection_owners(port):
    """uid and pids that hold the client's end of the connections to that port."""
    found = []
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in list(table)[1:]]
    for row in rows:
        if int(row[2].rpartition(":")[2], 16) != port or row[3] != "01":
            continue
        pids = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                for fd in os.listdir(f"/proc/{pid}/fd"):
                    if os.readlink(f"/proc/{pid}/fd/{fd}") == f"socket:[{row[9]}]":
                        pids.append(int(pid))
            except OSError:
                continue
        found.append((int(row[7]), sorted(set(pids))))
    return found


def identity(pid):
    """The four uids, the four gids, and the further groups of a process."""
    found = {}
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        for line in file:
            name, _, value = line.partition(":")
            found[name] = value.split()
    return ([int(x) for x in found["Uid"]], [int(x) for x in found["Gid"]],
            [int(x) for x in found["Groups"]])


def tmpfs_for_top():
    """Everything of ours on a file system in memory where set-id works, unless it is to be
    kept."""
    if not os.environ.get("KEEP"):
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755,suid,dev", "none",
                               harness.TOP], check=False, capture_output=True)
        if done.returncode == 0:
            return
    os.chmod(harness.TOP, 0o755)
    if os.statvfs(harness.TOP).f_flag & os.ST_NOSUID:
        harness.clean_up()
        _skip_all(f"{harness.TOP} lies on a file system without set-id")


def leave():
    subprocess.run(["umount", "-l", harness.TOP], check=False, capture_output=True)


if layout_fault():
    harness.clean_up()
    _skip_all(layout_fault())
tmpfs_for_top()
atexit.register(leave)
