# SPDX-License-Identifier: GPL-3.0-or-later
"""Attacks on an installed copy. Around each: a message of bob's is held and must not change,
what was refused has left nothing, what was accepted (exit 0) is there once, nobody has gained
a group or a file, and the next person's mail goes through."""

import random

from jail import *  # pylint: disable=wildcard-import,unused-wildcard-import

HOUR = "3600"


def snapshot(jail):
    """All that is in the spool: kind, owner, mode, and the bytes."""
    found = {}
    for room in ROOMS:
        if room == "state":
            continue
        for name in sorted(os.listdir(f"{jail.spool}/{room}")):
            info = os.lstat(jail.path(name, room))
            text = b""
            if stat.S_ISREG(info.st_mode):
                with open(jail.path(name, room), "rb") as file:
                    text = file.read()
            found[f"{room}/{name}"] = (info.st_mode, info.st_uid, info.st_gid, info.st_nlink, text)
    return found


class Attack:
    """with Attack(name) as a: a.jail, a.relay; the rules are checked at its end. secure: with
    TLS and a login."""

    def __init__(self, name, secure=False, keys=None, **options):
        self.jail, self.secure, self.keys = Jail(name, **options), secure, keys or {}

    def __enter__(self):
        jail = self.jail.__enter__()
        try:
            self.relay = (jail.secure if self.secure else jail.simple)(**self.keys)
            hand_in(jail, "bob", facts={"s": "bob@src.example", "d": HOUR})
            self.before = snapshot(jail)
        except BaseException:
            self.jail.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, *rest):
        try:
            if kind is None:
                self.settle()
        except BaseException:
            self.jail.__exit__(*sys.exc_info())
            raise
        return self.jail.__exit__(kind, *rest)

    def extra(self):
        """Entries that were not there at the beginning."""
        return [n for n in self.jail.entries() if f"hold/{n}" not in self.before]

    def settle(self):
        """All goes on at once, and there is nothing but what was there."""
        jail = self.jail
        jail.wait_quiet()
        extra, since = self.extra(), self.relay.mark()
        jail.send_as("ann")
        same("the next message", self.relay.recipients(since), sorted(PAIR))
        jail.wait_quiet()
        if extra:
            same("flushq", jail.run_as("root", "flushq", *extra).code, 0)
        after = snapshot(jail)
        same("the spool", {k: v[:4] for k, v in after.items()},
             {k: v[:4] for k, v in self.before.items()})
        check(after == self.before, "bob's message has changed")
        jail.check_spool()
        jail.check_no_gain()
        jail.check_log()

    def tries(self, user, program, *args, want=None, limit=15, **more):
        """One call; what it took over is there exactly once. A call that a limit kills, or
        keeps from starting, may end in any way."""
        jail, since = self.jail, self.relay.mark()
        held = len(jail.entries())
        more.setdefault("feed", MESSAGE)
        try:
            result = jail.run_as(user, program, *args, limit=limit, **more)
        except (OSError, subprocess.SubprocessError) as error:
            check(want is None, f"not started: {error}")
            return None
        jail.wait_quiet()
        if want is not None:
            check(result.code in (want if isinstance(want, tuple) else (want,)),
                  f"exit {result.code}, wanted {want}; stderr {result.err!r}")
        taken = len(self.relay.accepted(since)) + len(jail.entries()) - held
        # What delivers may be killed between the server's answer and the record of it: the message
        # is sent and still held.
        most = 2 if any(n == resource.RLIMIT_CPU for n, _ in more.get("limits", ())) else 1
        if program == "sendmail" and not (args and args[0].startswith("-b")):
            check((1 <= taken <= most) if result.code == 0 else
                  taken == 0 or (result.code < 0 and taken <= 1),
                  f"exit {result.code}, but {taken} messages; stderr {result.err!r}")
        else:
            same("messages", taken, 0)
        same("left in tmp/", os.listdir(jail.spool + "/tmp"), [])
        same("left in failed/", jail.entries("failed"), [])
        return result


def several(name, rows, one, size=12):
    """Jobs: so many rows share a jail, and the rules are checked at their end. one(attack,
    row); row[0] is its name."""
    def run(part):
        with Attack(name) as a:
            faults = []
            for row in part:
                try:
                    one(a, row)
                except Wrong as why:
                    faults.append(f"{row[0]}: {why}")
            check(not faults, "\n     ".join(faults))

    for i in range(0, len(rows), size):
        part = rows[i:i + size]
        yield f"{name}: {part[0][0]} to {part[-1][0]}", lambda p=part: run(p)


# The environment

CANARY = r"""
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/stat.h>
__attribute__((constructor)) static void here(void)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "gid %d %d\n", (int)getgid(), (int)getegid());
	int fd = open("/tmp/canary", O_WRONLY | O_APPEND | O_CREAT, 0666);
	if (fd >= 0 && (fchmod(fd, 0666), write(fd, text, n)) == n)
		close(fd);
}
unsigned la_version(unsigned v);
unsigned la_version(unsigned v) { return v; }
int gconv_init(void *p);
int gconv_init(void *p) { (void)p; return 0; }
int gconv(void);
int gconv(void) { return 0; }
"""


def canary():
    """A library that says where it was loaded."""
    path = os.path.join(harness.TOP, "canary.so")
    with harness._lock:  # pylint: disable=protected-access
        if os.path.exists(path):
            return path
        compiler = shutil.which("cc") or shutil.which("gcc")
        if not compiler:
            raise Skip("no C compiler")
        source = put(os.path.join(harness.TOP, "canary.c"), CANARY)
        subprocess.run([compiler, "-shared", "-fPIC", "-o", path, source], check=True, timeout=60)
        os.chmod(path, 0o755)
    return path


EVIL = "/tmp/evil"
# name, variables, further arguments of Attack.tries
ENVIRONMENTS = (
    ("LD_PRELOAD", {"LD_PRELOAD": EVIL + "/canary.so"}),
    ("LD_LIBRARY_PATH", {"LD_LIBRARY_PATH": EVIL + "/lib"}),
    ("LD_AUDIT", {"LD_AUDIT": EVIL + "/canary.so"}),
    ("LD_DEBUG_OUTPUT", {"LD_DEBUG": "all", "LD_DEBUG_OUTPUT": EVIL + "/debug"}),
    ("LD_PROFILE", {"LD_PROFILE": "libc.so.6", "LD_PROFILE_OUTPUT": EVIL}),
    ("LD_BIND_NOW, LD_SHOW_AUXV", {"LD_BIND_NOW": "1", "LD_ORIGIN_PATH": EVIL}),
    ("GCONV_PATH", {"GCONV_PATH": EVIL, "LANG": "de_DE.EVIL", "CHARSET": "EVIL"}),
    ("LOCPATH", {"LOCPATH": EVIL, "LC_ALL": "evil", "LANGUAGE": "../../tmp/evil"}),
    ("NLSPATH", {"NLSPATH": EVIL + "/%N", "LC_MESSAGES": "evil", "LANG": "%n%s"}),
    ("SSLKEYLOGFILE", {"SSLKEYLOGFILE": EVIL + "/keys"}),
    ("GNUTLS_DEBUG_LEVEL", {"GNUTLS_DEBUG_LEVEL": "99"}),
    ("GNUTLS_SYSTEM_PRIORITY_FILE", {"GNUTLS_SYSTEM_PRIORITY_FILE": EVIL + "/conf",
                                     "GNUTLS_FORCE_FIPS_MODE": "1", "P11_KIT_DEBUG": "all"}),
    ("HOSTALIASES", {"HOSTALIASES": EVIL + "/conf", "RESOLV_HOST_CONF": "/etc/shadow",
                     "RESOLV_MULTI": "off"}),
    ("RES_OPTIONS", {"RES_OPTIONS": "debug timeout:99", "LOCALDOMAIN": "evil.example"}),
    ("NSS_", {"NSS_WRAPPER_PASSWD": EVIL, "GETCONF_DIR": EVIL, "NIS_PATH": EVIL}),
    ("TZ, a path", {"TZ": EVIL + "/conf", "TZDIR": EVIL}),
    ("TZ, a secret", {"TZ": ":/etc/shadow"}),
    ("TZ, long", {"TZ": "A" * 100000}),
    ("MALLOC_", {"MALLOC_CHECK_": "3", "MALLOC_PERTURB_": "165", "MALLOC_TRACE": EVIL + "/trace",
                 "MALLOC_ARENA_MAX": "1", "GLIBC_TUNABLES": "glibc.malloc.check=3"}),
    ("GLIBC_TUNABLES, long", {"GLIBC_TUNABLES": "glibc.malloc.mxfast=" * 2 + "A" * 9000}),
    ("TMPDIR", {"TMPDIR": EVIL + "/none", "TMP": "/etc", "TEMP": "/etc"}),
    ("XDG_RUNTIME_DIR", {"XDG_RUNTIME_DIR": EVIL, "XDG_DATA_HOME": EVIL, "XDG_CACHE_HOME": EVIL,
                         "XDG_STATE_HOME": EVIL, "XDG_CONFIG_DIRS": EVIL}),
    ("HOME is a file", {"HOME": EVIL + "/conf", "XDG_CONFIG_HOME": "/etc/shadow"}),
    ("HOME is relative", {"HOME": "../../etc", "XDG_CONFIG_HOME": "tmp"}),
    ("IFS, ENV, BASH_ENV", {"IFS": "/", "ENV": EVIL + "/sh", "BASH_ENV": EVIL + "/sh",
                            "SHELLOPTS": "xtrace", "PS4": "$(id >/tmp/canary)"}),
    ("PATH", {"PATH": EVIL + "/bin:."}),
    ("PATH, empty", {"PATH": ""}),
    ("PATH, none", {"PATH": None}),
    ("CREDENTIALS_DIRECTORY", {"CREDENTIALS_DIRECTORY": EVIL}),
    ("LISTEN_FDS", {"LISTEN_FDS": "9999", "LISTEN_PID": "1", "NOTIFY_SOCKET": EVIL + "/n"}),
    ("USER, LOGNAME, UID", {"USER": "root", "LOGNAME": "postern", "UID": "0", "NAME": "root"}),
    ("a megabyte", {f"V{i}": "x" * 100000 for i in range(10)}),
    ("ten thousand", {f"V{i}": "" for i in range(10000)}),
    ("formats", {"LANG": "%n%n%n%n", "NAME": "%n%s%n", "USER": "%n"}),
    ("proxies", {"http_proxy": "http://127.0.0.1:1", "ALL_PROXY": "socks5://127.0.0.1:1",
                 "SOCKS_SERVER": "127.0.0.1:1"}),
    ("sanitizers", {"ASAN_OPTIONS": "log_path=/tmp/evil/a:verbosity=0",
                    "UBSAN_OPTIONS": "log_path=/tmp/evil/u"}),
)


def evil_folder(jail):
    """What an attacker has prepared."""
    top = folder(jail.dir + EVIL, 0o777, NOBODY, NOBODY)
    folder(top + "/bin"), folder(top + "/lib")
    shutil.copy(canary(), top + "/canary.so")
    for name in ("libc.so.6", "libgnutls.so.30", "libinih.so.1", "libnss_files.so.2"):
        put(f"{top}/lib/{name}", "not a library")
    for name in ("flushq", "post", "mailq", "sh", "setpriv"):
        put(f"{top}/bin/{name}", "#!/bin/sh\nid >>/tmp/canary\n", 0o755)
    put(top + "/gconv-modules", "module EVIL// INTERNAL /tmp/evil/canary 1\n"
        "module INTERNAL EVIL// /tmp/evil/canary 1\n")
    put(top + "/conf", "[overrides]\ntls-disabled-cipher = x\nrelay evil.example\n")
    put(top + "/sh", "id >>/tmp/canary\n")
    put(top + "/relay.password", "evil\n")
    put(top + "/relay..password", "evil\n")


def check_canary(jail):
    """It may have been loaded by what runs as its owner, never by what has our group."""
    try:
        with open(jail.dir + "/tmp/canary", encoding="utf-8", errors="replace") as file:
            text = file.read()
    except FileNotFoundError:
        return
    for line in text.splitlines():
        check(line == f"gid {NOBODY} {NOBODY}", f"evil code ran as: {line}")


# Of these a sanitizer has an opinion of its own, or shows a leak of the C library.
NOT_SANITIZED = ("LD_", "GLIBC_", "MALLOC_", "LOCPATH")


def environment(env):
    if SANITIZED and any(n.startswith(NOT_SANITIZED) for n in env):
        raise Skip("not with sanitizers")
    with Attack("environment") as a:
        evil_folder(a.jail)
        for program, args in (("sendmail", ARGS), ("mailq", ()), ("flushq", ()),
                              ("sendmail", ("-odq", *ARGS))):
            result = a.tries("nobody", program, *args, env=env, want=None)
            check(result is not None, "not started")
            loader = any(n.startswith(("LD_", "GLIBC_", "MALLOC", "GNUTLS", "P11")) for n in env)
            if loader and result.code == 127:
                continue  # the loader did not even start it
            same("exit", result.code, 0)
            if not loader:
                same("stderr", result.err, "")
            check("canary-of-shadow" not in result.out + result.err, "shows /etc/shadow")
        check_canary(a.jail)
        for where, _, names in os.walk(a.jail.dir + EVIL):
            for name in names:
                info = os.lstat(os.path.join(where, name))
                check(info.st_gid in (0, NOBODY), f"{name} has group {info.st_gid}")
        with open(a.jail.dir + "/etc/shadow", encoding="ascii") as file:
            same("/etc/shadow", file.read(), "root:canary-of-shadow:1::::::\n")


# Descriptors, limits, masks, signals

def descriptors(closed):
    with Attack("descriptors") as a:
        want = 66 if 0 in closed else 0
        feed = b"" if 0 in closed else MESSAGE
        a.tries("nobody", "sendmail", *ARGS, feed=feed, close=closed, want=want)
        a.tries("nobody", "mailq", feed=b"", close=closed, want=(0, 74))
        a.tries("nobody", "flushq", feed=b"", close=closed, want=0)
        a.tries("ann", "post", feed=b"", close=closed)
        same("newaliases", a.tries("nobody", "newaliases", feed=b"", close=closed).code, 0)


LIMITS = (
    *((f"NOFILE {n}", [(resource.RLIMIT_NOFILE, n)], None) for n in range(3, 13)),
    *((f"AS {n} MiB", [(resource.RLIMIT_AS, n << 20)], None) for n in (4, 8, 16, 24, 64)),
    ("FSIZE 0", [(resource.RLIMIT_FSIZE, 0)], (73, 74, 75)),
    ("FSIZE 1", [(resource.RLIMIT_FSIZE, 1)], (73, 74, 75)),
    ("FSIZE 1024", [(resource.RLIMIT_FSIZE, 1024)], (73, 74, 75)),
    ("FSIZE 4096", [(resource.RLIMIT_FSIZE, 4096)], 0),
    ("NPROC 0", [(resource.RLIMIT_NPROC, 0)], None),
    ("NPROC 1", [(resource.RLIMIT_NPROC, 1)], None),
    ("NPROC 2", [(resource.RLIMIT_NPROC, 2)], None),
    ("CPU 0", [(resource.RLIMIT_CPU, 0)], None),
    ("STACK 64 KiB", [(resource.RLIMIT_STACK, 65536)], None),
    ("STACK 8 KiB", [(resource.RLIMIT_STACK, 8192)], None),
    ("DATA 64 KiB", [(resource.RLIMIT_DATA, 65536)], None),
    ("MEMLOCK 0", [(resource.RLIMIT_MEMLOCK, 0)], 0),
    ("SIGPENDING 0", [(11, 0)], 0),
    ("RSS 0", [(resource.RLIMIT_RSS, 0)], 0),
)


def skip_if_sanitized(limits):
    """The sanitizers need memory, descriptors and a thread."""
    hard = (resource.RLIMIT_AS, resource.RLIMIT_DATA, resource.RLIMIT_STACK, resource.RLIMIT_NPROC,
            resource.RLIMIT_NOFILE)
    if SANITIZED and any(n in hard for n, _ in limits):
        raise Skip("not with sanitizers")


def limit_row(limits, want):
    skip_if_sanitized(limits)
    with Attack("limits") as a:
        for user in ("nobody", "root"):
            a.tries(user, "sendmail", *ARGS, limits=limits, want=want)
            a.tries(user, "mailq", feed=b"", limits=limits)
            a.tries(user, "flushq", feed=b"", limits=limits)


# The same beside a login over TLS, which needs more of everything. What his own limits keep him
# from must not look to the others like the relay's fault.
OWN_LIMITS = (
    [("NOFILE", n, [(resource.RLIMIT_NOFILE, n)]) for n in range(5, 17)]
    + [("FSIZE", n, [(resource.RLIMIT_FSIZE, n)]) for n in (1024, 1536, 2048, 4096)]
    + [("AS", n, [(resource.RLIMIT_AS, n << 20)]) for n in (12, 14, 16, 18, 20, 24, 28, 32, 40)]
    + [("DATA", n, [(resource.RLIMIT_DATA, n << 10)]) for n in (256, 512, 1024, 2048)]
    + [("NPROC", n, [(resource.RLIMIT_NPROC, n)]) for n in (1, 2, 3)]
    + [("MEMLOCK", 0, [(resource.RLIMIT_MEMLOCK, 0)])])


def own_limit(limits):
    skip_if_sanitized(limits)
    with Attack("own limit", secure=True) as a:
        a.tries("nobody", "sendmail", *ARGS, limits=limits)
        search_secret(a.jail)


def search_secret(jail):
    jail.check_secret(PASSWORD, *[c[2] for c in jail.calls])


def core_unlimited():
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    with Attack("core") as a:
        a.tries("nobody", "sendmail", *ARGS, limits=[(resource.RLIMIT_CORE, most)], want=0)


def umasks(mask):
    with Attack("umask") as a:
        a.tries("nobody", "sendmail", *ARGS, umask=mask, want=0)
        a.tries("nobody", "sendmail", "-odq", *ARGS, umask=mask, want=0)
        for id_ in a.extra():
            same("mode", oct(os.lstat(a.jail.path(id_)).st_mode), oct(0o100660))
        a.tries("nobody", "flushq", "--freeze", *a.extra(), umask=mask, want=0)
        a.tries("nobody", "flushq", "--thaw", *a.extra(), umask=mask, want=0)


FATAL = {signal.SIGKILL, signal.SIGSTOP}


def signals(how):
    """All signals blocked or ignored in the caller: nothing of it may reach post or flushq."""
    numbers = [n for n in signal.valid_signals() if n not in FATAL and n < 32]
    with Attack("signals") as a:
        a.tries("nobody", "sendmail", *ARGS, want=0, **{how: numbers})
        a.tries("nobody", "flushq", feed=b"", want=0, **{how: numbers})
        a.tries("nobody", "mailq", feed=b"", want=0, **{how: numbers})
        relay = a.relay
        relay.restart("--on", "CONNECT stall")
        call = a.jail.begin_as("nobody", "sendmail", *ARGS, feed=MESSAGE,
                                **{how: numbers}).fed()
        relay.wait_for("connect", since=relay.mark() - 1)
        pid = a.jail.named("flushq")
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            text = dict(line.split(":\t", 1) for line in file if ":\t" in line)
        same("blocked", int(text["SigBlk"], 16) & 0x7fffffff, 0)
        hard = sum(1 << (int(n) - 1) for n in (signal.SIGTERM, signal.SIGSEGV, signal.SIGALRM,
                                               signal.SIGCHLD, signal.SIGABRT))
        same("ignored", int(text["SigIgn"], 16) & hard, 0)
        a.jail.end_strays()
        call.wait(10)
        relay.good()


def no_arguments(program):
    with Attack("argc 0") as a:
        result = a.tries("nobody", program, argv=[], feed=b"", limit=5)
        check(result is None or 0 <= result.code < 126, f"exit {result and result.code}")
        result = a.tries("nobody", program, argv=[""], feed=b"", limit=5)
        check(0 <= result.code < 126, f"exit {result.code}")


# Options of somebody without rights. Nothing may be made anywhere.

OPTIONS = (
    ("-X/tmp/x", ("-X/tmp/x", *ARGS), 0),
    ("-X /tmp/x", ("-X", "/tmp/x", *ARGS), 0),
    ("-X /etc/x", ("-X", "/etc/x", *ARGS), 0),
    ("-O", ("-O", "QueueDirectory=/tmp/x", "-OLogFile=/tmp/x", *ARGS), 0),
    ("-D", ("-D", "/tmp/x", *ARGS), 0),
    ("-oQ", ("-oQ/tmp/x", *ARGS), (0, 64)),
    ("-oA", ("-oA/tmp/aliases", *ARGS), 0),
    ("-oQ, -oA, -X, -C", ("-oQ/tmp", "-oA/tmp/aliases", "-X/tmp/x", "-C/tmp/none", *ARGS), 78),
    ("-C, missing", ("-C", "/tmp/none", *ARGS), 78),
    ("-C, of the system", ("-C", "/etc/postern.conf", *ARGS), None),
    ("-C, the secret", ("-C", "/etc/postern.secret", *ARGS), 78),
    ("-C, shadow", ("-C", "/etc/shadow", *ARGS), 78),
    ("-C, a device", ("-C", "/dev/zero", *ARGS), 78),
    ("-C, a terminal", ("-C", "/dev/tty", *ARGS), 78),
    ("--relay, unknown", ("--relay", "none", *ARGS), (0, 64, 78)),
    ("--relay, a path", ("--relay", "../../../tmp/x", *ARGS), (0, 64, 78)),
    ("--for", ("--for", "0", *ARGS), 64),
    ("--caller", ("--caller", "3", *ARGS), 64),
    ("--delay, huge", ("--delay", "99999999999d", *ARGS), 64),
    ("--delay, negative", ("--delay=-1d", *ARGS), 64),
    ("-bd", ("-bd",), 64),
    ("-bD", ("-bD",), 64),
    ("-bt", ("-bt",), None),
    ("-bi", ("-bi",), 0),
    ("-f root", ("-i", "-f", "root", "b@dest.example"), 0),
    ("-f -C", ("-f", "-C/etc/shadow", "b@dest.example"), None),
    ("a recipient of 1 MB", ("-i", *["a" * 100000 + "@x.example"] * 10), 65),
    ("10,000 options", ("-i",) * 10000 + ARGS, 0),
)
# flushq and mailq: what our own programs say to each other, in argv[0], is not for people
PRIVATE = (
    ("flushq for=0", ""), (f"flushq for={BOB}", ""), ("flushq for=-1", ""),
    ("flushq for=4294967296", ""), ("flushq for=4294967295", ""), ("flushq for=", ""),
    (f"flushq for={BOB}", "--remove all"), (f"flushq for={BOB}", "--all"),
    ("flushq caller", ""), ("flushq caller first for=0", ""), ("flushq first", ""),
    (f"flushq for={BOB} door", "--remove all"), (f"flushq for={BOB} accepted", "{B}"),
    ("flushq door", ""), ("flushq tag=x\ny", ""), ("flushq nonsense", ""),
    (f"flushq for={BOB}", "-C /dev/null"), (f"mailq for={BOB}", "-C /etc/postern.conf"),
    (f"mailq for={BOB}", ""), (f"mailq for={BOB}", "--json"), ("mailq for=0", "--count"),
    (f"mailq for={BOB}", "--show {B}"), (f"mailq for={BOB} door", "TZ=/etc/shadow --show {B}"),
    (f"flushq for={BOB} door", "--first"), ("mailq", f"for={BOB}"), ("flushq", "--for 0"),
)


def option(args, want):
    with Attack("option") as a:
        there = {n: set(os.listdir(f"{a.jail.dir}/{n}")) for n in ("tmp", "etc")}
        result = a.tries("nobody", "sendmail", *args, want=want)
        for name, before in there.items():
            same("in /" + name, set(os.listdir(f"{a.jail.dir}/{name}")) - before, set())
        check("canary-of-shadow" not in result.err, "shows /etc/shadow")


def private(a, row):
    name, text = row[1:]
    bob = a.jail.entries()[0]
    for user in ("nobody", "carol"):
        result = a.tries(user, name.split()[0], feed=b"", want=None, limit=10,
                         argv=[name, *text.format(B=bob).split()])
        check(result.code >= 0, f"killed by {-result.code}")
        if f"for={BOB}" in name:
            check(result.code != 0, f"{user} speaks for bob")
        check("bob@" not in result.out + result.err and "dest.example" not in result.out
              or (user == "carol" and name.startswith("mailq") and "for=" not in name),
              f"shows {result.out!r} {result.err!r}")


TAKES_VALUE = ("-f", "-r", "-F", "-N", "-R", "-V", "-B", "-h", "-C", "-L", "--relay", "--delay", "")
BAD_VALUES = ("a\nb@x.example", "a\r\nRCPT TO:<x@y>", "\n", "a@x.example\r", "x\x1b[2Jy", "\x7f@x")


def line_ends(name):
    """Neither a line end nor any other control byte comes through an argument."""
    with Attack("line ends") as a:
        for value in BAD_VALUES:
            for args in ([name, value] if name else [value], [name + "=" + value
                         if name.startswith("--") else name + value]):
                result = a.tries("nobody", "sendmail", *args, *ARGS, want=None)
                lax = (0,) if name in ("-h", "-L", "-V") else ()
                check(result.code in (64, 65, 78, *lax), f"{args}: exit {result.code}")
        for command in a.relay.commands():
            check("RCPT TO:<x@y>" not in command.upper(), f"the relay got {command!r}")
        for program in ("mailq", "flushq"):
            for value in BAD_VALUES:
                result = a.tries("nobody", program, value, feed=b"")
                check(result.code in (64, 65), f"{program} {value!r}: exit {result.code}")


# Things planted in the spool

def plant(jail, kind, path):
    victim = put(jail.dir + "/etc/victim", "victim\n", 0o600)
    if kind == "symlink":
        os.symlink("/etc/victim", path)
    elif kind == "dangling symlink":
        os.symlink("/tmp/made-by-postern", path)
    elif kind == "symlink to an entry":
        os.symlink(os.path.join("../hold", jail.entries()[0]), path)
    elif kind == "FIFO":
        os.mkfifo(path, 0o666)
        os.chmod(path, 0o666)
    elif kind == "device":
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))
        os.chmod(path, 0o666)
    elif kind == "folder":
        os.mkdir(path, 0o777)
        put(path + "/inside", "x")
    elif kind == "hard link":
        os.link(victim, path)
    elif kind == "hard link to an entry":
        os.link(jail.path(jail.entries()[0]), path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as sock:
            fd = os.open(os.path.dirname(path), os.O_RDONLY)
            sock.bind(f"/proc/self/fd/{fd}/{os.path.basename(path)}")
            os.close(fd)
    return victim


KINDS = ("symlink", "dangling symlink", "symlink to an entry", "FIFO", "device", "folder",
         "hard link", "hard link to an entry", "socket")
PLANTED = "0123456789AB"


def planted(kind):
    """In each room, under the name of an entry: nobody hangs on it, follows it or removes what
    it leads to; other mail goes on."""
    with Attack("planted") as a:
        jail, lost = a.jail, []
        for room in ("hold", "failed", "tmp", "corrupt"):
            path = jail.path(PLANTED, room)
            victim = plant(jail, kind, path)
            old = os.lstat(path)
            if room == "tmp":
                os.utime(path, (1, 1), follow_symlinks=False)
            hand_in(jail, "ann")
            for user, program, *args in (
                    ("root", "flushq"), ("root", "flushq", "--all"), ("postern", "flushq"),
                    ("root", "flushq", PLANTED), ("root", "mailq"), ("root", "mailq", "-v"),
                    ("root", "mailq", "--failed"), ("root", "mailq", "--show", PLANTED),
                    ("ann", "flushq", PLANTED), ("ann", "mailq"), ("root", "mailq", "--count"),
                    ("ann", "mailq", "--show", PLANTED), ("ann", "flushq", "--remove", PLANTED),
                    ("ann", "flushq", "--retry", PLANTED), ("root", "flushq", "--retry", PLANTED),
                    ("root", "flushq", "--freeze", PLANTED)):
                if "--all" in args:
                    args = [i for i in a.extra() if i != PLANTED] or ["-v"]
                result = jail.run_as(user, program, *args, limit=8)
                check(0 <= result.code <= 78, f"{program} {args}: exit {result.code}")
                check("victim" not in result.out + result.err, f"shows the victim: {result.out!r}")
            jail.wait_quiet()
            with open(victim, encoding="ascii") as file:
                same("the victim", file.read(), "victim\n")
            info = os.lstat(victim)
            same("its owner and mode", (info.st_uid, info.st_gid, oct(info.st_mode)),
                 (0, 0, oct(0o100600)))
            if os.path.lexists(path):
                now = os.lstat(path)
                same(f"what was planted in {room}/", (now.st_ino, now.st_mode, now.st_uid,
                     now.st_size, now.st_gid), (old.st_ino, old.st_mode, old.st_uid, old.st_size,
                                                old.st_gid))
                if stat.S_ISDIR(now.st_mode):
                    shutil.rmtree(path)
                else:
                    os.unlink(path)
            else:
                lost.append(room)
            same("ann's mail", [i for i in a.extra() if i != PLANTED], [])
        check(set(lost) <= {"tmp"}, f"removed from {lost}")
        check(not os.path.exists(jail.dir + "/tmp/made-by-postern"), "followed the link")


def damaged(name, change):
    """An entry whose owner has changed it: it harms nobody else's mail."""
    with Attack("damaged") as a:
        jail = a.jail
        id_ = hand_in(jail, "ann", facts={"s": "ann@src.example", "d": HOUR})
        with open(jail.path(id_), "r+b") as file:
            text = bytearray(file.read())
            text = change(text)
            file.seek(0)
            file.truncate()
            file.write(text)
        for user in ("ann", "root", "postern"):
            for program, *args in (("mailq",), ("mailq", "--json"), ("mailq", "--show", id_),
                                   ("flushq",), ("flushq", id_)):
                result = jail.run_as(user, program, *args, limit=8)
                check(0 <= result.code < 80, f"{program} {args} by {user}: exit {result.code}")
        for room in ("hold", "corrupt"):
            if os.path.exists(jail.path(id_, room)):
                os.unlink(jail.path(id_, room))
        check(name is not None, "")


def uid_in_head(text):
    """Says that it is bob's."""
    return bytearray(re.sub(rb"(?m)^uid( +)%d( *)$" % ANN, rb"uid\g<1>%d\g<2>" % BOB, bytes(text),
                            count=1))


DAMAGES = (
    ("empty", lambda t: b""), ("cut in the head", lambda t: t[:100]),
    ("cut in the message", lambda t: t[:-80]), ("zeros", lambda t: bytes(len(t))),
    ("uid of bob", uid_in_head),
    ("many recipients", lambda t: bytearray(re.sub(rb"(?m)^recipients( +)2( *)$",
                                                   b"recipients 4294967295".ljust(31), bytes(t)))),
    ("noise", lambda t: bytes(random.Random(5).randbytes(len(t)))),
    ("long", lambda t: bytes(t) + b"x" * 2000000),
)


# Stopped processes of one beside the mail of others

def stopped_sender():
    with Attack("stopped sender") as a:
        jail = a.jail
        call = jail.begin_as("nobody", "sendmail", *ARGS, feed=[(0, MESSAGE[:60]),
                                                                (3600, MESSAGE[60:])])
        for chunk in call.chunks[:1]:
            os.write(call.process.stdin.fileno(), chunk[1])
        end = time.monotonic() + 5
        while len(jail.processes()) < 1:
            check(time.monotonic() < end, "no sender")
            time.sleep(0.01)
        time.sleep(0.2)
        for pid, _ in jail.processes():
            os.kill(pid, signal.SIGSTOP)
        hand_in(jail, "ann")
        result = jail.run_as("root", "flushq", limit=10)
        same("flushq", (result.code, result.out, result.err), (0, "", ""))
        same("sent", a.relay.recipients(), ["b@dest.example"])
        same("mailq", jail.run_as("root", "mailq", limit=5).code, 0)
        jail.end_strays()
        call.chunks = []
        call.wait(10)
        for name in os.listdir(jail.spool + "/tmp"):
            os.unlink(f"{jail.spool}/tmp/{name}")


def stopped_flushq():
    with Attack("stopped flushq") as a:
        jail, relay = a.jail, a.relay
        relay.restart("--on", "DATA stall", "--on", "DOT stall")
        call = jail.begin_as("nobody", "sendmail", *ARGS, feed=MESSAGE).fed()
        pid = jail.named("flushq")
        relay.wait_for("command", 2)
        jail.function_as("nobody", lambda: os.kill(pid, signal.SIGSTOP))
        stuck = a.extra()
        relay.good()
        since = relay.mark()
        hand_in(jail, "ann")
        result = jail.run_as("root", "flushq", limit=10)
        same("flushq", (result.code, result.out, result.err), (0, "", ""))
        same("sent", relay.recipients(since), ["b@dest.example"])
        same("left", a.extra(), stuck)
        match("mailq", r"\*", jail.run_as("root", "mailq", limit=5).out)
        jail.end_strays()
        call.wait(10)


def seems_dead():
    """Who stops his own flushq until it thinks that the relay is gone harms nobody else."""
    with Attack("seems dead") as a:
        jail, relay = a.jail, a.relay
        relay.restart("--on", "CONNECT wait 300 normal", "--timeout", "1")
        call = jail.begin_as("nobody", "sendmail", *ARGS, feed=MESSAGE).fed()
        relay.wait_for("connect")
        pid = jail.named("flushq")
        for number, seconds in ((signal.SIGSTOP, 3), (signal.SIGCONT, 0)):
            jail.function_as("nobody", lambda n=number: os.kill(pid, n))
            time.sleep(seconds)
        call.wait(10)
        jail.wait_quiet()
        relay.good()
        since = relay.mark()
        jail.send_as("carol")
        same("of the next one", len(relay.accepted(since)), 1)


def killed(number):
    """A caller that kills what works for him loses nothing."""
    with Attack("killed") as a:
        jail, relay = a.jail, a.relay
        relay.restart("--on", "DATA stall", "--on", "DOT stall")
        call = jail.begin_as("nobody", "sendmail", *ARGS, feed=MESSAGE).fed()
        pid = jail.named("flushq")
        relay.wait_for("command", 2)
        jail.function_as("nobody", lambda: os.kill(pid, number))
        result = call.wait(10)
        same("exit", result.code, 0)
        same("held", len(a.extra()), 1)
        relay.good()


def name_space(how, gate):
    """Who is root in a user name space of his own is who he was to us; set-gid has no effect
    there, so only the socket is open. His own view of the files is nobody else's."""
    conf = "/tmp/evil/postern.conf"
    script = 'exec "$@"' if how == "-Ur" else f'mount --bind {conf} /etc/postern.conf; exec "$@"'
    with Attack("name space", gate=gate) as a:
        jail = a.jail
        if jail.run_as("nobody", "unshare", how, "true").code != 0:
            raise Skip("no user name spaces for users")
        evil_folder(jail)
        other = jail.relay()
        put(jail.dir + conf, "[mail]\nhostname = evil.example\ndomain = evil.example\n"
            f"[relay]\nhost = 127.0.0.1\nport = {other.port}\nsecurity = none\n")
        since = a.relay.mark()
        result = jail.run_as("nobody", "unshare", how, "sh", "-c", script, "sh", SENDMAIL, *ARGS,
                             feed=MESSAGE)
        jail.wait_quiet()
        same("the other relay", other.events("connect"), [])
        same("exit", result.code, 0 if gate else 77)
        same("accepted", len(a.relay.accepted(since)), int(gate))
        if gate:
            jail.run_as("nobody", "unshare", how, "sh", "-c", script, "sh", SENDMAIL, "-odq",
                        *ARGS, feed=MESSAGE)
            same("uid", [e["uid"] for e in jail.listing_as("root", *a.extra())], [NOBODY])
        listing = jail.run_as("nobody", "unshare", how, "sh", "-c", script, "sh", MAILQ)
        check("bob@" not in listing.out, "shows bob's mail")


def crowd():
    """A hundred connections that say nothing keep nobody from sending."""
    with Attack("crowd", gate=True) as a:
        socks = []
        for _ in range(100):
            sock = socket.socket(socket.AF_UNIX)
            socks.append(a.jail.connected_as("nobody", sock))
        a.jail.send_as("ann", nnp=True)
        a.jail.send_as("ann")
        for sock in socks:
            sock.close()
        a.jail.wait_quiet()


def jobs():
    for row in ENVIRONMENTS:
        yield f"environment: {row[0]}", lambda r=row: environment(r[1])
    for number in range(8):
        closed = [fd for fd in range(3) if number >> fd & 1]
        yield f"descriptors closed: {closed}", lambda c=closed: descriptors(c)
    for row in LIMITS:
        yield f"limit: {row[0]}", lambda r=row: limit_row(*r[1:])
    for what, number, limits in OWN_LIMITS:
        yield f"own limits beside a login: {what} {number}", lambda n=limits: own_limit(n)
    yield "limit: CORE unlimited", core_unlimited
    for mask in (0, 0o777):
        yield f"umask {mask:04o}", lambda m=mask: umasks(m)
    for how in ("ignore", "block"):
        yield f"signals: {how}", lambda h=how: signals(h)
    for program in PROGRAM:
        yield f"argc 0: {program}", lambda p=program: no_arguments(p)
    for row in OPTIONS:
        yield f"option {row[0]}", lambda r=row: option(*r[1:])
    yield from several("private", [(" ".join(r), *r) for r in PRIVATE], private, 9)
    for name in TAKES_VALUE:
        yield f"line ends in {name or 'an operand'}", lambda n=name: line_ends(n)
    for kind in KINDS:
        yield f"planted: {kind}", lambda k=kind: planted(k)
    for row in DAMAGES:
        yield f"damaged: {row[0]}", lambda r=row: damaged(*r)
    yield "stopped: a sender", stopped_sender
    yield "stopped: a flushq", stopped_flushq
    yield "stopped until the relay seems dead", seems_dead
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV):
        yield f"killed: flushq, {number.name}", lambda n=number: killed(n)
    for how in ("-Ur", "-Urm"):
        for gate in (False, True):
            yield (f"user name space {how}, {'socket' if gate else 'no socket'}",
                   lambda h=how, g=gate: name_space(h, g))
    yield "a crowd at the socket", crowd
