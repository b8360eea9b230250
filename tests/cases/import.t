#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""contrib/import: configurations of other mailers and the lines that must come of them. Each
result is loaded by sendmail; some are used to send. Everything runs with each awk and shell
that is installed, and must give the same bytes."""

import hashlib
import os
import re
import ssl
import stat
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position,wildcard-import,unused-wildcard-import
from import_rows import LOGIN, NULLCLIENT, ROWS, SECRET, Row, hostile_values
from harness import *

TREE = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
IMPORT = os.path.join(TREE, "contrib", "import")
USUAL = (
    "/etc/msmtprc",
    "/etc/ssmtp/ssmtp.conf",
    "/etc/dma/dma.conf",
    "/etc/nullmailer/remotes",
    "/etc/postfix/main.cf",
)
CLEAN = b"Subject: an import\nFrom: a@src.example\nTo: b@dest.example\n\nHello.\n"


def interpreters():
    """(name, PATH in front, shell): every awk with dash or sh, and every shell with one awk."""
    awks = [a for a in ("mawk", "gawk", "original-awk", "busybox") if shutil.which(a)]
    found = []
    for awk in awks or ["awk"]:
        folder = os.path.join(TOP, "awk-" + awk)
        os.mkdir(folder)
        os.symlink(shutil.which(awk), os.path.join(folder, "awk"))
        found.append((awk, folder, ["sh"]))
    for shell in (["bash", "--posix"], ["busybox", "sh"], ["zsh", "--emulate", "sh"], ["ksh"]):
        if shutil.which(shell[0]):
            found.append((shell[0] + " as shell", found[0][1], shell))
    return found


INTERPRETERS = interpreters()


def call(case, row, index=0, extra=()):
    _, folder, shell = INTERPRETERS[index]
    env = {"PATH": f"{folder}:/usr/bin:/bin", "HOME": os.path.join(case.dir, "home"), **row.env}
    return subprocess.run(
        [*shell, IMPORT, *extra, *row.args],
        cwd=case.dir,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )


def place(case, files):
    for name, content in files.items():
        path = os.path.join(case.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content.encode("latin-1"))


def check_text(row, out, err):
    for what, text in (("stdout", out), ("stderr", err)):
        bad = re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", text)
        check(not bad, f"a control byte on {what}: {text!r}")
        check(not row.secret or row.secret.encode("latin-1") not in text, f"the secret on {what}")
    for line in err.decode("latin-1").splitlines():
        check(line.startswith("import: "), f"stderr: {line!r}")
    for line in out.splitlines():
        check(len(line) < 200, f"a line of {len(line)} bytes: {line!r}")


def load(case, out):
    """sendmail takes it; what it says of it."""
    case.write("postern.conf", out)
    result = case.run(
        "sendmail", "--dry-run", "-i", "-f", "a@ok.example", "b@dest.example", feed=CLEAN
    )
    check(
        result.code == 0 or "matches" in result.err or "no relay" in result.err,
        f"sendmail refuses it: {result.err}\n{out.decode('latin-1')}",
    )
    return result


def sent_as(case, sender):
    """What the configuration that is loaded makes of a sender, in the envelope and in From."""
    result = case.run(
        "sendmail", "--dry-run", "-i", "-f", sender, "b@dest.example",
        feed=f"From: {sender}\nTo: b@dest.example\n\nHello.\n".encode(),
    )
    found = re.findall(r"^(?:sender: <(.*)>|From: (.*))$", result.out, re.M)
    whole = sorted({a or b for a, b in found})
    return whole[0] if len(whole) == 1 else f"{whole} {result.err}"


def one_row(row):
    if not row.args and any(os.path.isfile(path) for path in USUAL):
        raise Skip("another mailer is configured on this machine")
    with Case("import") as case:
        place(case, row.files)
        first = call(case, row)
        out, err = first.stdout, first.stderr
        same("exit " + err.decode("latin-1"), first.returncode, row.code)
        check_text(row, out, err)
        for note in row.notes:
            match("the notes", note, err.decode("latin-1"))
        text = out.decode("latin-1")
        for i in range(1, len(INTERPRETERS)):
            other = call(case, row, i)
            same(
                f"with {INTERPRETERS[i][0]}",
                (other.returncode, other.stdout, other.stderr),
                (first.returncode, out, err),
            )
        if row.code:
            same("stdout of a failure", text, "")
            check(err.count(b"\n") >= 1, "no reason given")
            return
        home = os.path.join(case.dir, "home")
        for line in row.want:
            check(
                line.replace("{home}", home) in text.splitlines(), f"no line {line!r} in\n{text}"
            )
        body = "".join(l + "\n" for l in text.splitlines() if not l.startswith("# "))
        for pattern in row.never:
            no_match("the configuration", pattern, body)
        for note in err.decode("latin-1").splitlines():
            check(
                "# " + note[len("import: ") :][:197] in text.splitlines(), f"no comment {note!r}"
            )
        load(case, out)
        for given, want in row.senders.items():
            same("sender " + given, sent_as(case, given), want)
        check(not [n for n in os.listdir(case.dir) if "secret" in n], "a secret was written")


def hostile(row):
    """What comes out has no section and no key that the input did not ask for."""
    with Case("import") as case:
        place(case, row.files)
        result = call(case, row)
        check(result.returncode == 0, f"exit {result.returncode}: {result.stderr!r}")
        check_text(row, result.stdout, result.stderr)
        for line in result.stdout.decode("latin-1").splitlines():
            check(
                re.match(
                    r"$|#|\[(mail|senders|delivery|hold|log|relay|relay [A-Za-z0-9_.-]{1,32})\]$"
                    r"|[a-z_]+ = \S|[^][ \t;:=#\"(),<>\\][^ \t;:=\"(),<>\\]* = [^ ]+$",
                    line,
                ),
                f"a line of another form: {line!r}",
            )
            check(" ;" not in line or line.startswith("#"), f"a comment within a line: {line!r}")
        load(case, result.stdout)


def secrets():
    """--secret: the file is new, closed, and holds the password, which is nowhere else."""
    with Case("import") as case:
        place(case, {"main.cf": NULLCLIENT % "secure", "sasl_passwd": LOGIN})
        row = Row("", {}, ["--secret", "s", "main.cf"], secret=SECRET)
        path = os.path.join(case.dir, "s")
        result = call(case, row)
        same("exit", (result.returncode, result.stderr.count(b"\n")), (0, 1))
        check_text(row, result.stdout, result.stderr)
        check(f"password_file = {path}" in result.stdout.decode().splitlines(), "password_file")
        same("content", open(path, encoding="latin-1").read(), SECRET + "\n")
        same("mode", stat.S_IMODE(os.stat(path).st_mode), 0o600)
        load(case, result.stdout)
        os.truncate(path, 0)
        result = call(case, row)
        same(
            "a second time",
            (result.returncode, result.stdout, os.path.getsize(path)),
            (73, b"", 0),
        )
        os.unlink(path)
        os.symlink("elsewhere", path)
        same("a link", call(case, row).returncode, 73)
        check(not os.path.exists(os.path.join(case.dir, "elsewhere")), "the link was followed")
        row.args[1] = "missing/s"
        same("no such directory", call(case, row).returncode, 73)
        row.args[1] = "a\nb"
        same("a strange name", call(case, row).returncode, 64)


def two_secrets():
    with Case("import") as case:
        place(
            case,
            {"remotes": "a.example smtp tls user=a pass=one\nb.example smtp tls user=b pass=two"},
        )
        result = call(case, Row("", {}, ["--secret=s", "remotes"]))
        same("exit", result.returncode, 0)
        for name, want in (("s", "one\n"), ("s.relay2", "two\n")):
            same(name, open(os.path.join(case.dir, name), encoding="ascii").read(), want)
        load(case, result.stdout)


def read_only():
    """The command of eval and passwordeval is not run; the files stay as they are."""
    with Case("import") as case:
        text = (
            f"account default\nhost a.example\nauth on\nuser u\neval touch {case.dir}/ran\n"
            f"passwordeval touch {case.dir}/ran\n"
        )
        place(case, {"msmtprc": text})
        before = sorted(os.listdir(case.dir))
        same("exit", call(case, Row("", {}, ["msmtprc"])).returncode, 0)
        same("the folder", sorted(os.listdir(case.dir)), before)


def help_text():
    with Case("import") as case:
        result = call(case, Row("", {}, ["--help"]))
        same("exit", (result.returncode, result.stderr), (0, b""))
        match("the help", "usage: import .*--from.*--secret", result.stdout.decode())


def send(name, files, args, tls=True):
    """From the configuration of the other mailer to the message at the relay."""
    with Case("import") as case:
        options = (
            ("--user", "u@isp.example", "--password", SECRET, "--require-auth") if tls else ()
        )
        relay = case.relay(*options, cert="server" if tls else None)
        values = {"PORT": str(relay.port)}
        if tls:
            folder = certificates()
            with open(f"{folder}/server.pem", encoding="ascii") as file:
                der = ssl.PEM_cert_to_DER_cert(
                    file.read().split("-----END")[0] + "-----END CERTIFICATE-----\n"
                )
            values.update(CA=f"{folder}/ca.pem", PIN=hashlib.sha256(der).hexdigest().upper())
        for key, value in values.items():
            files = {n: c.replace("{" + key + "}", value) for n, c in files.items()}
        place(case, files)
        result = call(case, Row("", {}, [*args]), extra=("--secret", os.path.join(case.dir, "s")))
        same("exit " + result.stderr.decode(), result.returncode, 0)
        conf = result.stdout.decode() + f"[hold]\ndirectory = {case.hold}\nmin_free = 0\n"
        if "[log]" not in conf:
            conf += f"[log]\nto = {case.dir}/log\n"
        case.write("postern.conf", conf)
        result = case.send(*ARGS)
        same(f"sendmail with what {name} had", (result.code, result.err), (0, ""))
        same("arrived", relay.recipients(), sorted(PAIR))
        if tls:
            same(
                "login",
                [(e["user"], e["ok"]) for e in relay.events("auth")],
                [("u@isp.example", True)],
            )
            case.check_secret(SECRET, result)


SENDS = [
    (
        "msmtp",
        {
            "msmtprc": "defaults\ntls on\ntls_trust_file {CA}\naccount x\nhost 127.0.0.1\nport {PORT}\n"
            "tls_host_override relay.test\nfrom a@src.example\nauth on\nuser u@isp.example\n"
            f"password {SECRET}\naccount default : x\n"
        },
        ["msmtprc"],
    ),
    (
        "dma",
        {
            "dma.conf": "SMARTHOST 127.0.0.1\nPORT {PORT}\nSECURETRANSFER\nSTARTTLS\nFINGERPRINT {PIN}\n"
            "AUTHPATH /etc/dma/auth.conf\nMAILNAME box.example.org\n",
            "auth.conf": f"u@isp.example|127.0.0.1:{SECRET}\n",
        },
        ["dma.conf"],
    ),
    (
        "nullmailer",
        {
            "remotes": "127.0.0.1 smtp port={PORT} starttls insecure user=u@isp.example pass="
            + "\""
            + SECRET.replace("\"", "\\\"")
            + "\"\n",
            "me": "box.example.org",
        },
        ["remotes"],
    ),
    (
        "postfix",
        {
            "main.cf": "relayhost = [127.0.0.1]:{PORT}\nmydestination =\nmyhostname = box.example.org\n"
            "smtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd\n"
            "smtp_tls_security_level = fingerprint\nsmtp_tls_fingerprint_digest = sha256\n"
            "smtp_tls_fingerprint_cert_match = {PIN}\n",
            "sasl_passwd": f"[127.0.0.1]:{{PORT}} u@isp.example:{SECRET}\n",
        },
        ["main.cf"],
    ),
]
CLEAR = (
    "ssmtp",
    {"ssmtp.conf": "mailhub=127.0.0.1:{PORT}\nhostname=box.example.org\nFromLineOverride=YES\n"},
    ["ssmtp.conf"],
)

JOBS = [(row.name, lambda row=row: one_row(row)) for row in ROWS]
JOBS += [(row.name, lambda row=row: hostile(row)) for row in hostile_values()]
JOBS += [
    ("--secret", secrets),
    ("--secret twice", two_secrets),
    ("read only", read_only),
    ("--help", help_text),
]
JOBS += [("send as " + s[0], lambda s=s: send(*s)) for s in SENDS]
JOBS += [("send as " + CLEAR[0], lambda: send(*CLEAR, tls=False))]
run_all(JOBS, workers=4)
