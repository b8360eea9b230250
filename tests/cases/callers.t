#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real programs that send their mail through sendmail: what each was given to send must reach
the relay, once, and the program must be content. They are taken from build/callers (or $CALLERS),
where tests/callers/fetch unpacks them, or from the system, and run as tests/callers/alone says.
A line for each; one that is not there, or cannot be run here, is skipped.
"""

import email
import email.policy
import email.utils
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import partial

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

# pylint: disable=wrong-import-position
import harness
from harness import BUILD, Case, Skip, check, match, run_all, same

TREE = os.path.join(os.environ.get("CALLERS") or os.path.join(HERE, "../../build/callers"), "tree")
ALONE = os.path.join(HERE, "../callers/alone")
UNSHARE = ["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
LIMIT = 120  # seconds for a program

BOSS, NAMED = "boss@src.example", "Big Boss <boss@src.example>"
BOB, CAS, DAN = "bob@dest.example", "cas@dest.example", "dan@dest.example"
ANN, ROOT = "ann@harness.example", "root@harness.example"

# What they are given, in files named subject and text, and plain for those who know no MIME.
SUBJECT = "Gr\u00fc\u00dfe \u2013 all is well"
TEXT = ("Ein fr\u00f6hlicher Text.\n.\n..two\n.three\nFrom here on\nblanks at the end  \n"
        "a=3D b %s $HOME\n\nEnd.\n")
PLAIN = TEXT.replace("\u00f6", "oe")

# In front of each script. All ends with it, so it waits for what sendmail does behind the
# caller's back, and with "called" for callers who do the same.
PRELUDE = """
called() {
	for turn in $(seq 300); do
		cat calls/*/exit >/dev/null 2>&1 && return
		sleep 0.2
	done
	echo 'sendmail was not called'
}
sent() {
	for turn in $(seq 100); do
		test -z "$(ls -A hold/hold 2>/dev/null)" && return
		sleep 0.1
	done
}
trap sent EXIT
"""


@dataclass
class Caller:
    """A program, with what it needs below /usr, and what must come of it."""

    name: str
    needs: str
    start: str  # the script that runs it, in the folder of its files
    before: str = ""  # another one, run by root in advance
    files: dict = field(default_factory=dict)
    user: str = "ann"  # who calls sendmail
    keys: tuple = ()  # it runs on a terminal: what appears there, the answer to it
    output: str = ""  # what it may say: a pattern
    calls: int = 1
    smtp: bool = False  # sendmail -bs, which answers

    sender: str = BOSS
    author: str = None  # in From; the sender if not given
    recipients: tuple = (BOB, CAS)
    subject: str = SUBJECT
    text: str = TEXT  # a pattern if it begins with ^
    params: dict = field(default_factory=dict)  # of MAIL, among others
    recipient_params: dict = field(default_factory=dict)

    def missing(self):
        for path in self.needs.split():
            if not any(os.path.exists(f"{top}/usr/{path}") for top in (TREE, "")):
                return f"/usr/{path} is not there; sh tests/callers/fetch gets it"
        return None


# Mail readers

NMH = {"profile": "Path: /tmp/Mail\npostproc: /mnt/state/post\n",
       "draft": f"From: {BOSS}\nTo: {BOB}\nCc: {CAS}\nSubject: a draft\n--------\n{PLAIN}"}
ALPINE = {"pinerc": "user-domain=src.example\npersonal-name=Big Boss\ninbox-path=/tmp/inbox\n"
                    "default-fcc=\"\"\nfeature-list=quell-flowed-text\n"}
ALPINE_KEYS = ((rb"Message Text", b"\x18"), (rb"Send message", b"y"))


def nmh(name, how, **more):
    post = f"#!/bin/sh\nexec /usr/lib/mh/post -mts {how} \"$@\"\n"
    return Caller(name, "bin/mh/send lib/mh/post",
                  "chmod +x post; PATH=$PATH:/usr/bin/mh\n"
                  "MH=/mnt/state/profile send /mnt/state/draft",
                  files=dict(NMH, post=post), subject="a draft", text=PLAIN, **more)


def alpine(name, option, **more):
    return Caller(name, "bin/alpine",
                  f"stty cols 80 rows 24; alpine -p pinerc -P /dev/null {option} {BOB} <plain",
                  files=ALPINE, keys=ALPINE_KEYS, author="ann@src.example", recipients=(BOB,),
                  subject="", text=PLAIN, output=".*", **more)


READERS = (
    Caller("bsd-mailx", "bin/bsd-mailx",
           f'bsd-mailx -s "$(cat subject)" -r {BOSS} -c {CAS} -b {DAN} {BOB} <text',
           recipients=(BOB, CAS, DAN)),
    Caller("bsd-mailx, no more than needed", "bin/bsd-mailx",
           f"bsd-mailx -s hello {BOB} {CAS} <plain", sender=ANN, subject="hello", text=PLAIN),
    Caller("s-nail", "bin/s-nail",
           "s-nail -n -S mta=/usr/sbin/sendmail -S ttycharset=utf-8 -S sendwait "
           f'-r {BOSS} -s "$(cat subject)" -c {CAS} -b {DAN} {BOB} <text',
           recipients=(BOB, CAS, DAN)),
    Caller("mutt", "bin/mutt",
           f'mutt -n -F muttrc -s "$(cat subject)" -c {CAS} -b {DAN} -- {BOB} <text',
           files={"muttrc": f"set from='{NAMED}' use_envelope_from charset=utf-8 copy=no\n"
                            "set dsn_notify='failure,delay' dsn_return=hdrs\n"},
           recipients=(BOB, CAS, DAN), params={"RET": "HDRS"},
           recipient_params={"NOTIFY": {"FAILURE", "DELAY"}}),
    Caller("mutt, 8BITMIME and an attachment", "bin/mutt",
           f'mutt -n -F muttrc -s "$(cat subject)" -a image -- {BOB} {CAS} <text',
           files={"muttrc": f"set from='{NAMED}' use_envelope_from charset=utf-8 copy=no\n"
                            "set use_8bitmime allow_8bit\n",
                  "image": bytes(range(256)) * 300}, params={"BODY": "8BITMIME"}),
    nmh("nmh, sendmail/pipe", "sendmail/pipe", sender=ANN, author=BOSS),
    nmh("nmh, sendmail/smtp", "sendmail/smtp", smtp=True),
    alpine("alpine, -bs", "", smtp=True, sender="ann@src.example"),
    alpine("alpine, -t", "-sendmail-path='/usr/sbin/sendmail -oem -t -oi'", sender=ANN),
)


# Languages and their libraries

# Only an installation makes the files that load these.
PHP = """
set -- -d display_errors=1 -d error_reporting=-1
for name in ctype iconv mbstring tokenizer; do
	php.default -m | grep -q "^$name$" || set -- "$@" -d "extension=$name"
done
php.default "$@" """.rstrip()

def php(name, needs, script, argument="", **more):
    return Caller(name, f"bin/php.default {needs}", PHP + f" mail.php {argument}",
                  files={"mail.php": "<?php\n$text = file_get_contents('text');\n"
                                     "$subject = trim(file_get_contents('subject'));\n" + script},
                  recipients=(BOB, CAS, DAN), **more)


PHP_MAIL = f"""
$header = "From: {NAMED}\\r\\nCc: {CAS}\\r\\nBcc: {DAN}\\r\\nMIME-Version: 1.0\\r\\n"
    . "Content-Type: text/plain; charset=utf-8\\r\\nContent-Transfer-Encoding: 8bit";
exit(mail('{BOB}', $subject, $text, $header, '-f{BOSS}') ? 0 : 1);
"""
PHPMAILER = f"""
require 'libphp-phpmailer/autoload.php';
$mail = new PHPMailer\\PHPMailer\\PHPMailer(true);
$mail->METHOD();
$mail->CharSet = 'utf-8';
$mail->setFrom('{BOSS}', 'Big Boss');
$mail->addAddress('{BOB}');
$mail->addCC('{CAS}');
$mail->addBCC('{DAN}');
$mail->Subject = $subject;
$mail->Body = $text;
$mail->send();
"""
SYMFONY = f"""
require 'Symfony/Component/Mailer/autoload.php';
require 'Symfony/Component/Mime/autoload.php';
$mail = new Symfony\\Component\\Mime\\Email();
$mail->from('{NAMED}')->to('{BOB}')->cc('{CAS}')->bcc('{DAN}')->subject($subject)->text($text);
$transport = Symfony\\Component\\Mailer\\Transport::fromDsn($argv[1]);
(new Symfony\\Component\\Mailer\\Mailer($transport))->send($mail);
"""
PERL_LITE = f"""
use strict; use MIME::Lite; use Encode;
sub all {{ local (@ARGV, $/) = @_; <> }}
my $subject = decode('utf-8', all('subject'));
chomp $subject;
MIME::Lite->new(From => '{NAMED}', To => '{BOB}', Cc => '{CAS}', Bcc => '{DAN}',
    Subject => encode('MIME-Header', $subject), Data => all('text'),
    Type => 'text/plain; charset=utf-8', Encoding => '8bit')
    ->send('sendmail', FromSender => '{BOSS}') or die 'not sent';
"""
PERL_SENDER = f"""
use strict; use Email::Sender::Simple 'sendmail'; use Email::Sender::Transport::Sendmail;
sub all {{ local (@ARGV, $/) = @_; <> }}
sendmail(all('message'), {{ from => '{BOSS}', to => ['{BOB}', '{CAS}'],
    transport => Email::Sender::Transport::Sendmail->new }});
"""
PYTHON = f"""
import os, subprocess, sys
from email.message import EmailMessage
from email import policy
def message(policy=policy.default):
    mail = EmailMessage(policy)
    mail["From"], mail["To"], mail["Cc"], mail["Bcc"] = "{NAMED}", "{BOB}", "{CAS}", "{DAN}"
    mail["Subject"] = open("subject", encoding="utf-8").read().strip()
    mail.set_content(open("text", encoding="utf-8").read())
    return mail.as_bytes()
"""
RUBY = f"""
require 'mail'
mail = Mail.new(charset: 'UTF-8') do
  from '{NAMED}'
  to '{BOB}'
  cc '{CAS}'
  bcc '{DAN}'
  subject File.read('subject', encoding: 'UTF-8').strip
  body File.read('text', encoding: 'UTF-8')
end
mail.delivery_method :sendmail, {{OPTIONS}}
mail.deliver!
"""
NODE = f"""
const fs = require('fs');
const mail = {{from: '{NAMED}', to: '{BOB}', cc: '{CAS}', bcc: '{DAN}',
    subject: fs.readFileSync('subject', 'utf8').trim(), text: fs.readFileSync('text', 'utf8')}};
require('nodemailer').createTransport({{sendmail: true, OPTIONS}}).sendMail(mail, (error) => {{
    if (error) {{
        console.error(error);
        process.exit(1);
    }}
}});
"""
HEADER = (f"From: {NAMED}\nTo: {BOB}\nCc: {CAS}\nSubject: {SUBJECT}\nMIME-Version: 1.0\n"
          "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n")


def python(name, code, **more):
    return Caller(name, "bin/python3", "python3 mail.py", files={"mail.py": PYTHON + code}, **more)


def ruby(name, options):
    return Caller(name, "bin/ruby lib/ruby/vendor_ruby/mail.rb", "ruby mail.rb",
                  files={"mail.rb": RUBY.replace("OPTIONS", options)}, recipients=(BOB, CAS, DAN))


def node(name, options):
    return Caller(name, "bin/node share/nodejs/nodemailer/package.json",
                  "NODE_PATH=/usr/share/nodejs node mail.js",
                  files={"mail.js": NODE.replace("OPTIONS", options)}, recipients=(BOB, CAS, DAN))


LANGUAGES = (
    Caller("git send-email", "lib/git-core/git-send-email",
           "git config --global user.name 'Big Boss'\n"
           f"git config --global user.email {BOSS}\n"
           f"git send-email --quiet --to={BOB} --cc={CAS} --bcc={DAN} --suppress-cc=all "
           "--confirm=never --envelope-sender=auto --transfer-encoding=8bit patch",
           files={"patch": f"From {'0' * 40} Mon Sep 17 00:00:00 2001\n"
                           f"From: {NAMED}\nDate: Sat, 21 Nov 2026 20:00:00 +0000\n"
                           f"Subject: {SUBJECT}\nMIME-Version: 1.0\n"
                           "Content-Type: text/plain; charset=UTF-8\n"
                           f"Content-Transfer-Encoding: 8bit\n\n{TEXT}"},
           recipients=(BOB, CAS, DAN), output=f"Sent {SUBJECT}"),
    php("PHP mail()", "", PHP_MAIL),
    php("PHPMailer, isMail", "share/php/libphp-phpmailer/autoload.php",
        PHPMAILER.replace("METHOD", "isMail")),
    php("PHPMailer, isSendmail", "share/php/libphp-phpmailer/autoload.php",
        PHPMAILER.replace("METHOD", "isSendmail")),
    php("Symfony Mailer, -bs", "share/php/Symfony/Component/Mailer/autoload.php", SYMFONY,
        "sendmail://default", smtp=True),
    php("Symfony Mailer, -t", "share/php/Symfony/Component/Mailer/autoload.php", SYMFONY,
        "'sendmail://default?command=/usr/sbin/sendmail%20-t%20-i'"),
    Caller("Perl MIME::Lite", "share/perl5/MIME/Lite.pm", "perl -w mail.pl",
           files={"mail.pl": PERL_LITE}, recipients=(BOB, CAS, DAN)),
    Caller("Perl Email::Sender", "share/perl5/Email/Sender/Simple.pm", "perl -w mail.pl",
           files={"mail.pl": PERL_SENDER, "message": HEADER + "\n" + TEXT}),
    python("Python, run sendmail -t -oi",
           'subprocess.run(["/usr/sbin/sendmail", "-t", "-oi"], input=message(), check=True)\n',
           sender=ANN, author=BOSS, recipients=(BOB, CAS, DAN)),
    python("Python, Popen with CRLF",
           f'p = subprocess.Popen(["/usr/lib/sendmail", "-i", "-f", "{BOSS}", "{BOB}", "{CAS}"],\n'
           "                     stdin=subprocess.PIPE)\n"
           "p.communicate(message(policy.SMTP))\nsys.exit(p.returncode)\n"),
    python("Python, os.popen",
           f'p = os.popen("/usr/sbin/sendmail -t -i", "w")\np.write("To: {BOB}, {CAS}\\n")\n'
           'p.write("Subject: hello\\n")\np.write("\\n")\np.write(open("plain").read())\n'
           "sys.exit(p.close())\n", sender=ANN, subject="hello", text=PLAIN),
    ruby("Ruby Mail", ""),
    ruby("Ruby Mail, -i -t", "arguments: '-i -t'"),
    node("nodemailer", ""),
    node("nodemailer, LF and -t", "newline: 'unix', args: ['-t', '-f', '{BOSS}']"
         .replace("{BOSS}", BOSS)),
)

# The system

CRONTAB = f"MAILTO={BOB},{CAS}\n@reboot cat /mnt/state/plain\n"
MESSAGE = f"From: {NAMED}\nTo: somebody@else.example\nSubject: hello\n\n{PLAIN}"
MDADM = ("^This is an automatically generated mail message.*TestMessage event .* /dev/md0")

SYSTEM = (
    Caller("cron", "sbin/cron", "called",
           "rm -rf /etc/cron.d/*; : >/etc/crontab\n"
           "mkdir -p /var/spool/cron/crontabs; cd /var/spool/cron/crontabs\n"
           "cp /mnt/state/crontab ann; chown ann ann; chmod 600 ann\ncron -f &\n",
           files={"crontab": CRONTAB}, sender=ANN, author=ROOT, text=PLAIN,
           subject="Cron <ann@gate> cat /mnt/state/plain"),
    Caller("anacron", "sbin/anacron",
           "mkdir /tmp/spool; anacron -d -f -n -s -t anacrontab -S /tmp/spool; called",
           files={"anacrontab": f"MAILTO={BOB}\n1 0 job cat /mnt/state/plain\n"},
           user="root", sender=ROOT, recipients=(BOB,), text=PLAIN, output=".*",
           subject="Anacron job 'job' on gate.harness.example"),
    Caller("at", "bin/at sbin/atd", "echo cat /mnt/state/plain | at -m now; called",
           "mkdir /var/spool/cron; cd /var/spool/cron; mkdir -m 1770 atjobs atspool\n"
           "touch atjobs/.SEQ; chmod 600 atjobs/.SEQ; chown -R daemon:daemon at*\natd -f &\n",
           sender=ANN, recipients=(ANN,), text=PLAIN, output=r"warning: .*\njob 1 at .*",
           subject="Output from your job        1"),
    Caller("sudo, a wrong password", "bin/sudo", "echo wrong | sudo -S -p '' true || called",
           f"printf 'Defaults mail_badpass, mailto=\"{BOB}\"\\nann ALL=(ALL) ALL\\n' >/etc/sudoers",
           sender=ANN, recipients=(BOB,), text="^gate.harness.example : .* incorrect password",
           subject="*** SECURITY information for gate.harness.example ***", output=".*password.*"),
    Caller("mdadm", "sbin/mdadm", f"mdadm --monitor --test --oneshot -m {BOB} /dev/md0",
           user="root", sender=ROOT, author="root@gate.harness.example",
           recipients=(BOB,), text=MDADM,
           subject="TestMessage event on /dev/md0:gate.harness.example"),
    Caller("procmail", "bin/procmail", "procmail -m ./rc <message; called",
           files={"rc": f"SENDMAIL=/usr/sbin/sendmail\n:0\n! {BOB} {CAS}\n", "message": MESSAGE},
           sender=ANN, author=BOSS, subject="hello", text=PLAIN),
    Caller("formail -s", "bin/formail", f"formail -s /usr/sbin/sendmail -oi {BOB} {CAS} <mbox",
           files={"mbox": "".join(f"From boss@src.example  Sat Nov 21 20:00:00 2026\n{m}\n"
                                  for m in [MESSAGE.replace("From here", ">From here")] * 3)},
           calls=3, sender=ANN, author=BOSS, subject="hello",
           text=PLAIN.replace("From here", ">From here") + "\n"),
)


class World(Case):
    """A case with the folder that its caller sees as /mnt/state."""

    def __init__(self, caller):
        super().__init__(caller.name)
        self.caller = caller
        self.state = os.path.join(self.dir, "state")
        for name in ("state", "state/hold", "state/calls"):
            os.mkdir(os.path.join(self.dir, name), 0o700)
        self.sink = self.relay()
        self.configure({"port": self.sink.port}, conf={
            "mail.aliases": None, "hold.directory": "/mnt/state/hold", "log.to": "/mnt/state/log"})
        os.rename(self.conf_path, os.path.join(self.state, "postern.conf"))
        files = {"subject": SUBJECT + "\n", "text": TEXT, "plain": PLAIN,
                 "start": PRELUDE + caller.start + "\n", **caller.files}
        if caller.before:
            files["before"] = caller.before
        for name, text in files.items():
            self.write(f"state/{name}", text, 0o644)

    def read(self, name):
        with open(os.path.join(self.state, name), encoding="utf-8", errors="replace") as file:
            return file.read()

    def start(self):
        """Runs the caller: its exit code and all that it said."""
        argv = [*UNSHARE, "sh", ALONE, TREE, BUILD, self.state, self.caller.user]
        if self.caller.keys:
            return self.typed(argv)
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=LIMIT, check=False)
        return done.returncode, done.stdout.decode("utf-8", "replace")

    def typed(self, argv):
        """The same on a terminal, with the answers to what appears."""
        master, slave = pty.openpty()
        keys, said, seen = list(self.caller.keys), b"", b""
        with subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave,
                              start_new_session=True) as process:
            os.close(slave)
            end = time.monotonic() + LIMIT
            while time.monotonic() < end:
                # Asked before the look: what it wrote at its end is there then.
                ended = process.poll() is not None
                if select.select([master], [], [], 0 if ended else 0.2)[0]:
                    try:
                        piece = os.read(master, 65536)
                    except OSError:  # nobody has the other end any more
                        break
                    seen, said = seen + piece, said + piece
                elif ended:
                    break
                elif keys and re.search(keys[0][0], seen):
                    seen = b""
                    os.write(master, keys.pop(0)[1])
            os.close(master)
            if process.poll() is None and time.monotonic() >= end:
                process.kill()
        check(not keys, f"it waits, and {keys[:1]} is due: {said[-2000:]!r}")
        return process.returncode, said.decode("utf-8", "replace")


def look_at_calls(world, said):
    """sendmail was called so often as is due, and never had to say anything."""
    caller = world.caller
    calls = os.listdir(os.path.join(world.state, "calls"))
    for call in calls:
        told = {what: world.read(f"calls/{call}/{what}") for what in ("err", "out", "exit")}
        same("sendmail's exit and stderr", (told["exit"], told["err"]), ("0\n", ""))
        if caller.smtp:
            match("the session", r"\A220 .*\n2\d\d 2\.0\.0 [^\n]*\n\Z", told["out"])
            check(not re.search(r"(?m)^[45]", told["out"]), f"refused: {told['out']}")
        else:
            same("sendmail's stdout", told["out"], "")
    check(len(calls) == caller.calls, f"{len(calls)} calls of sendmail; it said {said!r}")


def text_of(message):
    part = message.get_body(("plain",))
    # Ruby encodes its own CR. One that sendmail made would be a violation at the relay.
    return part.get_content().replace("\r", "") if part else ""


def look_at_message(world, event, raw):
    caller = world.caller
    same("the sender", event["sender"], caller.sender)
    same("recipients", sorted(r["address"] for r in event["recipients"]),
         sorted(caller.recipients))
    for name, value in caller.params.items():
        same(f"{name} of MAIL", event["params"].get(name), value)
    for recipient in event["recipients"]:
        for name, value in caller.recipient_params.items():
            same(f"{name} of RCPT", set(recipient["params"].get(name, "").split(",")), value)
    message = email.message_from_bytes(raw, policy=email.policy.default)
    for name in ("From", "Date", "Message-ID"):
        same(f"fields {name}", len(message.get_all(name, [])), 1)
    for name in ("Bcc", "Resent-Bcc", "Return-Path"):
        same(f"fields {name}", message.get_all(name, []), [])
    check(DAN.encode() not in raw, f"the blind recipient is in the message: {raw!r}")
    same("From", [a.addr_spec for a in message["From"].addresses],
         [caller.author or caller.sender])
    same("Subject", str(message["Subject"] or ""), caller.subject)
    text = text_of(message)
    if caller.text.startswith("^"):
        match("the text", caller.text, text)
    else:
        same("the text", text.rstrip("\n"), caller.text.rstrip("\n"))
    if "image" in caller.files:
        same("attachments", [p.get_content() for p in message.iter_attachments()],
             [caller.files["image"]])


def run(caller):
    with World(caller) as world:
        code, said = world.start()
        reports = [n for n in os.listdir(world.state) if n.startswith("asan.")]
        check(not reports, "sanitizer: " + "".join(world.read(r)[:3000] for r in reports))
        look_at_calls(world, said)
        check(re.fullmatch(caller.output, said.strip(), re.S), f"it said {said!r}")
        same("its exit", code, 0)
        same("violations", world.sink.violations(), [])
        events, stored = world.sink.accepted(), world.sink.stored()
        same("messages", len(events), caller.calls)
        for event, raw in zip(events, stored):
            look_at_message(world, event, raw)
        held = sum((names for _, _, names in os.walk(os.path.join(world.state, "hold"))), [])
        same("entries held", [n for n in held if re.fullmatch(r"[0-9A-F]{12}", n)], [])


def isolation():
    """Why nothing can be run here, or None."""
    if not os.path.isdir(TREE):
        return "nothing is fetched; sh tests/callers/fetch does it"
    if os.geteuid() != 0:
        return "needs root, for a mount namespace"
    for tool in ("unshare", "setpriv"):
        if not shutil.which(tool):
            return f"needs {tool} of util-linux"
    done = subprocess.run([*UNSHARE, "mount", "-t", "tmpfs", "callers", "/mnt"], timeout=30,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        return "no namespace to be had: " + done.stderr.decode("utf-8", "replace").strip()
    return None


def absent(why):
    raise Skip(why)


def jobs():
    reason = isolation()
    for caller in READERS + LANGUAGES + SYSTEM:
        why = reason or caller.missing()
        yield caller.name, partial(absent, why) if why else partial(run, caller)


harness.VERBOSE = True
run_all(list(jobs()), workers=4)
