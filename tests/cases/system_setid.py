# SPDX-License-Identifier: GPL-3.0-or-later
"""A set-uid or set-gid program that does nothing but run ours, with arguments of its own, and
a caller of it who has prepared what ours might read, run or write with that program's rights."""

from jail import *  # pylint: disable=wildcard-import,unused-wildcard-import

GAMES = 60200
# Its caller chooses no argument.
TOOL = r"""
#include <unistd.h>
int main(void)
{
	static char *const argv[] = {%s, (char *)0};
	execv("%s", argv);
	return 126;
}
"""
# name: owner, group, mode, as whom the message is in the hold
TOOLS = {"set-uid root": (0, 0, 0o4755, 0), "set-gid": (0, GAMES, 0o2755, ANN),
         "set-uid bob": (BOB, BOB, 0o4755, BOB), "set-uid and set-gid": (0, GAMES, 0o6755, 0)}

OWN = """[mail]
hostname = own.jail.example
aliases = /home/ann/aliases
[delivery]
online = /home/ann/evil
[hold]
directory = /tmp/evil-hold
[log]
to = /etc/evil-log
[relay]
host = 127.0.0.1
port = {port}
security = none
"""
EVIL = "#!/bin/sh\nid >>/tmp/ran\n"
VARIABLES = {"XDG_CONFIG_HOME": "/home/ann/.config", "XDG_STATE_HOME": "/etc/evil-state",
             "NAME": "Evil Name", "CREDENTIALS_DIRECTORY": "/home/ann", "PATH": "/home/ann/bin",
             "LOCALDOMAIN": "evil.example", "TMPDIR": "/etc"}


def tool(jail, kind, program, *args):
    """The program, in /tmp."""
    uid, gid, mode, _ = TOOLS[kind]
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        raise Skip("no C compiler")
    quoted = ", ".join('"' + a + '"' for a in (program, *args))
    source = put(jail.dir + "/tool.c", TOOL % (quoted, PROGRAM[program]))
    path = jail.dir + "/tmp/tool"
    subprocess.run([compiler, "-o", path, source], check=True, timeout=60)
    os.chown(path, uid, gid)
    os.chmod(path, mode)
    return "/tmp/tool"


def prepare(jail):
    """All that ann can do beforehand. The relay that her file names."""
    own = jail.relay()
    text = OWN.format(port=own.port)
    for place in ("/home/ann/.config/postern.conf", "/home/ann/own.conf"):
        put(jail.dir + place, text, 0o600, ANN, ANN)
    os.chown(jail.dir + "/home/ann/.config", ANN, ANN)
    put(jail.dir + "/home/ann/evil", EVIL, 0o755, ANN, ANN)
    put(jail.dir + "/home/ann/aliases", "b: evil@evil.example\n", 0o644, ANN, ANN)
    put(jail.dir + "/home/ann/relay.main.password", "evil\n", 0o600, ANN, ANN)
    for name in ("post", "flushq", "mailq"):
        put(jail.dir + "/home/ann/bin/" + name, EVIL, 0o755, ANN, ANN)
    return own


def check_nothing(jail, own):
    """Nothing of it was read, run or written."""
    jail.wait_quiet()
    same("the other relay", own.events("connect"), [])
    for place in ("/tmp/ran", "/tmp/evil-hold", "/etc/evil-log", "/etc/evil-state",
                  "/home/ann/.local"):
        check(not os.path.lexists(jail.dir + place), f"{place} was made")
    os.unlink(jail.dir + "/tmp/tool")
    jail.check_spool()
    jail.check_no_gain()
    jail.check_log()


def sends(kind, args=ARGS):
    """The message goes the system's way, at once."""
    with Jail("set-id") as jail:
        relay = jail.simple()
        own = prepare(jail)
        same("exit", (lambda r: (r.code, r.out, r.err))(
            jail.run_as("ann", tool(jail, kind, "sendmail", *args), feed=MESSAGE,
                        env=VARIABLES)), (0, "", ""))
        relay.wait_for("message")
        jail.wait_quiet()
        same("recipients", relay.recipients(), list(PAIR))
        same("held", jail.entries(), [])
        check_nothing(jail, own)


def speaks(kind):
    text = (b"EHLO me\r\nMAIL FROM:<a@src.example>\r\nRCPT TO:<b@dest.example>\r\n"
            b"RCPT TO:<c@dest.example>\r\nDATA\r\n" + BODY.replace(b"\r\n.", b"\r\n..")
            + b".\r\nQUIT\r\n")
    with Jail("set-id -bs") as jail:
        relay = jail.simple()
        own = prepare(jail)
        result = jail.run_as("ann", tool(jail, kind, "sendmail", "-bs"), feed=text, env=VARIABLES)
        same("exit", (result.code, result.err), (0, ""))
        relay.wait_for("message")
        check_nothing(jail, own)


def holds(kind):
    """Whose it is: that of him whose rights it came with. Its caller's own list and flush stay
    the system's too."""
    with Jail("set-id held") as jail:
        relay = jail.simple()
        own = prepare(jail)
        path = tool(jail, kind, "sendmail", "-odq", *ARGS)
        same("sendmail", jail.run_as("ann", path, feed=MESSAGE, env=VARIABLES).code, 0)
        uid = TOOLS[kind][3]
        same("uid", [e["uid"] for e in jail.listing_as("root")], [uid])
        same("owner", os.lstat(jail.path(jail.entries()[0])).st_uid, uid)
        shown = jail.run_as("ann", tool(jail, kind, "mailq"), env=VARIABLES)
        same("mailq", (shown.code, shown.err), (0, ""))
        match("mailq", "a@src.example", shown.out)
        same("sent", relay.events("connect"), [])
        done = jail.run_as("ann", tool(jail, kind, "flushq"), env=VARIABLES)
        same("flushq", (done.code, done.out, done.err), (0, "", ""))
        relay.wait_for("message")
        jail.wait_quiet()
        same("held", jail.entries(), [])
        check_nothing(jail, own)


def nameless():
    """The author's name is that of the account, not one that the caller made up."""
    with Jail("set-id name") as jail:
        relay = jail.simple()
        prepare(jail)
        path = tool(jail, "set-uid root", "sendmail", "-t")
        same("exit", jail.run_as("ann", path, feed=b"To: b@dest.example\n\nx\n",
                                 env=VARIABLES).code, 0)
        relay.wait_for("message")
        no_match("message", "Evil", relay.stored()[0].decode())


def own_file(kind, program, *args):
    """-C is refused, before the file is looked at."""
    with Jail("set-id -C") as jail:
        relay = jail.simple()
        own = prepare(jail)
        for path in ("/home/ann/own.conf", "/home/ann/none.conf"):
            result = jail.run_as("ann", tool(jail, kind, program, "-C", path, *args),
                                 feed=MESSAGE, env=VARIABLES)
            same("exit", (result.code, result.out), (77, ""))
            match("stderr", rf"^\w+: -C {path}: not for a set-user-ID [ -~]+\n$", result.err)
        same("sent", relay.events("connect"), [])
        same("held", jail.entries() + jail.entries("failed"), [])
        check_nothing(jail, own)


def ordinary():
    """The same calls without a set-id bit are personal mode, as ever."""
    with Jail("no set-id") as jail:
        relay = jail.simple()
        own = jail.relay()
        put(jail.dir + "/home/ann/.config/postern.conf",
            OWN.format(port=own.port).replace("/home/ann/evil", "/bin/true")
            .replace("to = /etc/evil-log", "to = none"), 0o600, ANN, ANN)
        os.chown(jail.dir + "/home/ann/.config", ANN, ANN)
        TOOLS["none"] = (0, 0, 0o755, ANN)
        path = tool(jail, "none", "sendmail", *ARGS)
        same("exit", jail.run_as("ann", path, feed=MESSAGE).code, 0)
        own.wait_for("message")
        jail.wait_quiet()
        same("the system's relay", relay.events("connect"), [])


def jobs():
    for kind in TOOLS:
        yield f"{kind}: sendmail", lambda k=kind: sends(k)
        yield f"{kind}: held, listed, flushed", lambda k=kind: holds(k)
        yield f"{kind}: sendmail -bs", lambda k=kind: speaks(k)
        for program, *args in (("sendmail", *ARGS), ("sendmail", "-bv", "b@dest.example"),
                               ("sendmail", "--check"), ("sendmail", "-bp"), ("sendmail", "-q"),
                               ("mailq",), ("flushq",)):
            yield (f"{kind}: {program} {' '.join(args[:1])} -C",
                   lambda k=kind, p=program, a=args: own_file(k, p, *a))
    yield "set-uid: NAME", nameless
    yield "no set-id", ordinary
