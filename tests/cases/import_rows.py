# SPDX-License-Identifier: GPL-3.0-or-later
"""What import.t gives to contrib/import, and what must come of it. The expected lines follow
from the manuals of the mailers: msmtp(1), ssmtp.conf(5) and ssmtp's parser, dma(8),
nullmailer-send(8), postconf(5)."""

SECRET = "Corr;ect ; h\"or'se#"


class Row:
    """files: name -> content. args: what import is called with. want: lines of the result;
    never: patterns that must not match it; notes: patterns of standard error. senders: what
    the result, read by sendmail, makes of senders."""

    def __init__(
        self, name, files, args, want=(), never=(), notes=(), secret=None, code=0, env=(),
        senders=()
    ):
        self.name, self.files, self.args = name, files, args
        self.senders = dict(senders)
        self.want, self.never, self.notes = want, never, notes
        self.secret, self.code, self.env = secret, code, dict(env)


MSMTP = """# a comment
defaults
port 587
tls on
tls_starttls on
tls_trust_file /etc/ssl/ca.pem
timeout 90
logfile ~/.msmtp.log
account freemail
host smtp.freemail.example
from joe@freemail.example
auth on
user joe.smith
password "p w"
account work : freemail
host mail.work.example
from *@work.example
auth scram-sha-256
passwordeval gpg2 --no-tty -q -d "/root/my file.gpg"
password
account default : freemail
from joe@freemail.example
"""
NULLCLIENT = """# a null client
compatibility_level = 3.6
myhostname = box.example.org
myorigin = $mydomain
relayhost = [smtp.isp.example]:submission
mydestination =
inet_interfaces = loopback-only
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = hash:${config_directory}/sasl_passwd
smtp_tls_security_level = %s
smtp_tls_CAfile =
  /etc/ssl/ca.pem
"""
LOGIN = "[smtp.isp.example]:submission  u@isp.example:" + SECRET


def msmtp(text, **more):
    return {"files": {"msmtprc": text}, "args": ["msmtprc"], **more}


def postfix(text, login=LOGIN, **more):
    return {
        "files": {"main.cf": text, "sasl_passwd": login},
        "args": ["main.cf"],
        "secret": SECRET,
        **more,
    }


def relay_of(text):
    """A null client with more of main.cf."""
    return "relayhost = [a.example]\nmydestination=\n" + text


ROWS = [
    # msmtp
    Row(
        "msmtp accounts",
        **msmtp(
            MSMTP,
            secret="p w",
            want=[
                "[relay work]",
                "host = mail.work.example",
                "senders = *@work.example",
                "auth = SCRAM-SHA-256",
                "password_command = gpg2 --no-tty -q -d \"/root/my file.gpg\"",
                "[relay default]",
                "host = smtp.freemail.example",
                "port = 587",
                "security = starttls",
                "tls_trust = /etc/ssl/ca.pem",
                "timeout = 90s",
                "user = joe.smith",
                "password_file = /etc/postern.secret",
                "from = joe@freemail.example",
                "[log]",
            ],
            never=[r"\[relay freemail\]"],
            notes=["msmtprc:21: account: the default relay stands last"],
        ),
    ),
    # One sender for all would choose one relay for all.
    Row(
        "msmtp set_from_header and several accounts",
        **msmtp(
            "defaults\nset_from_header on\naccount work\nhost mail.work.example\n"
            "from ann@work.example\naccount home\nhost smtp.home.example\n"
            "from ann@home.example\naccount default : home\n",
            want=["[relay work]", "senders = ann@work.example", "host = mail.work.example",
                  "host = smtp.home.example", "from = ann@home.example", "[senders]",
                  "ann@work.example = ann@work.example", "*@* = ann@home.example",
                  "from_rule = missing"],
            notes=["msmtprc:2: set_from_header: the rows of"],
            senders={"ann@work.example": "ann@work.example", "root": "ann@home.example",
                     "x@elsewhere.example": "ann@home.example"},
        ),
    ),
    Row(
        "msmtp allow_from_override and a wildcard",
        **msmtp(
            "defaults\nallow_from_override off\naccount work\nhost mail.work.example\n"
            "from *@work.example\naccount default\nhost smtp.home.example\n"
            "from ann@home.example\nfrom_full_name Ann A. Onymous\n",
            want=["*@work.example = *@work.example", "*@* = ann@home.example",
                  "from_name = Ann A. Onymous"],
            senders={"bob@work.example": "bob@work.example", "bob@x.example": "ann@home.example"},
        ),
    ),
    Row(
        "msmtp set_from_header and a pattern that no row can keep",
        **msmtp(
            "defaults\nset_from_header on\naccount work\nhost mail.work.example\n"
            "from ann@*.example\naccount default\nhost smtp.home.example\n"
            "from ann@home.example\n",
            want=["senders = ann@*.example"],
            never=[r"from_rule", r"\[senders\]"],
            notes=["msmtprc:2: set_from_header: with several accounts from_rule"],
        ),
    ),
    Row(
        "msmtp what is off is named",
        **msmtp(
            "host a.example\nfrom a@a.example\ntls_trust_file /ca.pem\nuser u\npassword x\n",
            want=["security = none"],
            notes=["msmtprc:3: tls_trust_file: tls is off", "msmtprc:4: user: auth is off",
                   "msmtprc:5: password: auth is off"],
        ),
    ),
    Row(
        "ssmtp AuthMethod",
        {"ssmtp.conf": "mailhub=a.example:587\nUseSTARTTLS=yes\nAuthUser=u\nAuthPass=x\n"
                       "AuthMethod=LOGIN\nTLSCert=/c\n"},
        ["ssmtp.conf"],
        want=["auth = LOGIN", "user = u"],
        notes=["ssmtp.conf:6: TLSCert: UseTLSCert is not set"],
    ),
    Row(
        "ssmtp AuthMethod without a login",
        {"ssmtp.conf": "mailhub=a.example\nAuthMethod=LOGIN\nAuthPass=x\n"},
        ["ssmtp.conf"],
        never=["^auth"],
        notes=["ssmtp.conf:2: AuthMethod: there is no AuthUser", "ssmtp.conf:3: AuthPass: "],
    ),
    Row(
        "postfix relays of senders",
        {
            "main.cf": "relayhost = [main.example]:587\nmydestination =\n"
            "smtp_tls_security_level = secure\nsmtp_sasl_auth_enable = yes\n"
            "smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd\n"
            "smtp_sender_dependent_authentication = yes\n"
            "sender_dependent_relayhost_maps = hash:/etc/postfix/sender_relay\n",
            "sasl_passwd": "[main.example]:587 main:one\nann@work.example ann:two\n"
            "@home.example home:three\nbob@main.example bob:four\n[other.example] x:five\n",
            "sender_relay": "# relays\n@home.example [mail.home.example]:587\n"
            "ann@work.example [mail.work.example]:587\n@skip.example DUNNO\n",
        },
        ["main.cf"],
        want=["[relay ann_work.example]", "senders = ann@work.example",
              "host = mail.work.example", "user = ann", "[relay bob_main.example]",
              "senders = bob@main.example", "user = bob", "[relay home.example]",
              "senders = *@home.example", "host = mail.home.example", "user = home",
              "[relay default]", "host = main.example", "user = main"],
        never=["five", "two", "senders = .*skip"],
        notes=["sasl_passwd: has entries for other servers", "sender_relay:4: no equivalent for a "
               "sender without", "relayhost: stands last"],
    ),
    Row(
        "exim4 smarthost",
        {
            "update-exim4.conf.conf": "# /etc/exim4/update-exim4.conf.conf\n"
            "dc_eximconfig_configtype='smarthost'\ndc_other_hostnames='box.example.org'\n"
            "dc_local_interfaces='127.0.0.1 ; ::1'\ndc_readhost='example.org'\n"
            "dc_relay_domains=''\ndc_minimaldns='false'\ndc_relay_nets=''\n"
            "dc_smarthost='smtp.isp.example::587'\nCFILEMODE='644'\n"
            "dc_use_split_config='false'\ndc_hide_mailname='true'\ndc_mailname_in_oh='true'\n"
            "dc_localdelivery='mail_spool'\n",
            "passwd.client": "# a comment\nother.example:x:y\n*.isp.example:u@isp.example:p::w^^1\n",
        },
        ["update-exim4.conf.conf"],
        secret="p:w^1",
        want=["[relay]", "host = smtp.isp.example", "port = 587", "security = starttls",
              "user = u@isp.example", "password_file = /etc/postern.secret", "[mail]",
              "domain = example.org"],
        notes=["passwd.client:2: a login for another server", "dc_other_hostnames: Postern delivers",
               "dc_localdelivery: "],
        never=["senders"],
    ),
    Row(
        "exim4 email-addresses",
        {
            "update-exim4.conf.conf": "dc_eximconfig_configtype='smarthost'\n"
            "dc_smarthost='a.example'\n",
            "email-addresses": "# local names\n\nroot: alerts@example.org\nAnn  ann@example.org\n"
            "root: other@example.org\nbob\n*: x@y.example\neve: \"e v\"@y.example\n",
        },
        ["update-exim4.conf.conf"],
        want=["[senders]", "root = alerts@example.org", "ann = ann@example.org"],
        never=["other", "bob", "y.example"],
        notes=["email-addresses:6: not LOGIN", "email-addresses:7: not LOGIN",
               "email-addresses:8: cannot be said in", "email-addresses: Exim changes the fields"],
        senders={"root": "alerts@example.org", "root@localhost": "alerts@example.org",
                 "ann": "ann@example.org", "root@z.example": "root@z.example"},
    ),
    Row(
        "exim4 satellite, two hosts, no login",
        {"update-exim4.conf.conf": "dc_eximconfig_configtype='satellite'\n"
         "dc_smarthost='a.example::465;b.example'\ndc_readhost='example.org'\n"},
        ["--from", "exim4", "update-exim4.conf.conf"],
        want=["host = a.example", "port = 465", "security = tls", "host = b.example",
              "port = 25", "security = opportunistic", "domain = example.org"],
        notes=["passwd.client cannot be read"],
    ),
    Row(
        "exim4 internet",
        {"update-exim4.conf.conf": "dc_eximconfig_configtype='internet'\n"},
        ["."],
        want=["mx = yes", "security = opportunistic"],
        notes=["dc_eximconfig_configtype: mail goes to the MX"],
    ),
    Row(
        "exim4 local",
        {"update-exim4.conf.conf": "dc_eximconfig_configtype='local'\n"},
        ["update-exim4.conf.conf"],
        notes=["sends nothing to other machines", "names no server"],
        code=78,
    ),
    Row(
        "exim4 a value for a shell",
        {"update-exim4.conf.conf": "dc_eximconfig_configtype='smarthost'\n"
         "dc_smarthost=$(id)\n"},
        ["update-exim4.conf.conf"],
        notes=["dc_smarthost: a value that only a shell"],
        code=78,
    ),
    Row(
        "msmtp one account",
        **msmtp(
            "host a.example\nfrom a@a.example\n",
            want=[
                "[relay]",
                "host = a.example",
                "port = 25",
                "security = none",
                "from = a@a.example",
            ],
        ),
    ),
    Row(
        "msmtp inheritance is of what is set",
        **msmtp(
            "defaults\nport 587\naccount one\nhost a.example\nfrom a@a.example\n"
            "defaults\nport 2525\naccount default : one\n",
            want=["[relay one]", "port = 587", "[relay default]", "port = 2525"],
        ),
    ),
    Row(
        "msmtp tls",
        **msmtp(
            "account default\nhost a.example\ntls\ntls_starttls off\ntls_fingerprint "
            + ":".join(["AB"] * 32)
            + "\ntls_trust_file /x\ntls_cert_file /c.pem\ntls_key_file /k.pem\n"
            "tls_host_override b.example\ntls_priorities NORMAL:-VERS-TLS1.2\n",
            want=[
                "security = tls",
                "port = 465",
                "tls_fingerprint = sha256:" + "ab" * 32,
                "tls_certificate = /c.pem",
                "tls_key = /k.pem",
                "tls_name = b.example",
                "tls_priority = NORMAL:-VERS-TLS1.2",
            ],
            never=["tls_trust"],
        ),
    ),
    Row(
        "msmtp tls unchecked, old fingerprint",
        **msmtp(
            "account default\nhost a.example\ntls on\ntls_certcheck off\n"
            "account b\nhost b.example\nfrom b@b.example\ntls on\ntls_fingerprint "
            + ":".join(["AB"] * 20)
            + "\n",
            want=["tls_trust = none"],
            never=["tls_fingerprint = "],
            notes=["msmtprc:4: tls_certcheck: ", "msmtprc:9: tls_fingerprint: only SHA-256"],
        ),
    ),
    Row(
        "msmtp connection",
        **msmtp(
            "account default\nhost a.example\nproxy_host ::1\nproxy_port 9050\nsource_ip 192.0.2.7\n"
            "domain gate.example\nprotocol lmtp\nport 24\ntimeout off\n",
            want=[
                "proxy = socks5://[::1]:9050",
                "source = 192.0.2.7",
                "helo = gate.example",
                "protocol = lmtp",
                "port = 24",
            ],
            never=["timeout"],
        ),
    ),
    Row(
        "msmtp socket",
        **msmtp(
            "account default\nsocket /run/x\nhost a.example\n",
            want=["socket = /run/x"],
            never=["host = ", "port = "],
        ),
    ),
    Row(
        "msmtp from",
        **msmtp(
            "account default\nhost a.example\nfrom %U@home.example\nset_from_header on\n",
            want=["domain = home.example"],
            never=["from = ", "from_rule"],
        ),
    ),
    Row(
        "msmtp from always",
        **msmtp(
            "account default\nhost a.example\nfrom a@a.example\nset_from_header on\naliases /etc/al\n",
            want=["from = a@a.example", "from_rule = always", "aliases = /etc/al"],
            senders={"root": "a@a.example", "b@b.example": "a@a.example"},
        ),
    ),
    Row(
        "msmtp, the aliases of all",
        **msmtp("account default\nhost a.example\naliases /etc/aliases\n", never=["aliases = "]),
    ),
    Row(
        "msmtp settings of one account of several",
        **msmtp(
            "account a\nhost a.example\nfrom a@a.example\naliases /etc/al\nlogfile /var/log/a\n"
            "account default\nhost b.example\nfrom b@b.example\n",
            want=["[relay a]", "[relay default]"],
            never=["aliases = ", "to = /var/log/a"],
            notes=[
                "msmtprc:4: aliases: is one setting for all relays here",
                "msmtprc:5: logfile: is one setting for all relays here",
            ],
        ),
    ),
    Row(
        "msmtp auto_from",
        **msmtp(
            "account default\nhost a.example\nauto_from on\nmaildomain m.example\n",
            want=["domain = m.example"],
        ),
    ),
    Row(
        "msmtp commands that need a shell",
        **msmtp(
            "".join(
                f"account a{i}\nhost a.example\nfrom a{i}@a.example\nauth on\nuser u\npasswordeval {c}\n"
                for i, c in enumerate(
                    (
                        "pass x | head -1",
                        "cat $HOME/x",
                        "echo `id`",
                        "a; b",
                        "a && b",
                        "X=1 pass y",
                        "cat < /x",
                        "cat /x*",
                        "exec cat /x",
                        "a 'b' \\c",
                        "a 'open",
                        "echo \"$(id)\"",
                        "x '1 ; 2'",
                        ". /x",
                        "cat #x",
                    )
                )
            ),
            want=["password_file = /etc/postern.secret"],
            never=["password_command"],
            notes=[
                "msmtprc:6: passwordeval: needs a shell",
                "msmtprc:90: passwordeval: needs a shell",
            ],
        ),
    ),
    Row(
        "msmtp no equivalent",
        **msmtp(
            "account default\nhost a.example\ndsn_notify failure\ndsn_return full\n"
            "undisclosed_recipients on\nremove_bcc_headers off\nset_date_header off\nsyslog LOG_USER\n"
            "eval echo password x\ntls_crl_file /x\nnonsense 5\nlogfile -\nauth ntlm\nuser u\n",
            want=["host = a.example", "user = u", "password_file = /etc/postern.secret"],
            never=["auth = "],
            notes=[
                "msmtprc:3: dsn_notify: no eq",
                "msmtprc:4: dsn_return: no eq",
                "msmtprc:5: undisclosed_recipients: no eq",
                "msmtprc:6: remove_bcc_headers: no eq",
                "msmtprc:7: set_date_header: no eq",
                "msmtprc:8: syslog: no eq",
                "msmtprc:9: eval: no eq",
                "msmtprc:10: tls_crl_file: no eq",
                "msmtprc:11: nonsense: unknown",
                "msmtprc:12: logfile: no eq",
                "msmtprc:13: auth: no eq",
                "msmtprc:14: user: the password is in a key ring",
            ],
        ),
    ),
    Row(
        "msmtp no login without auth",
        **msmtp(
            "account default\nhost a.example\nuser u\npassword qqqqqq\n",
            secret="qqqqqq",
            never=["user", "password"],
            notes=["msmtprc:3: user: auth is off"],
        ),
    ),
    Row(
        "msmtp password in clear",
        **msmtp(
            "account default\nhost a.example\nauth plain\nuser u\npassword qqqqqq\n",
            secret="qqqqqq",
            want=["#allow_cleartext_auth = yes", "security = none"],
            never=["\nallow_cleartext_auth"],
            notes=["msmtprc:3: auth: the password went over an unencrypted"],
        ),
    ),
    Row(
        "msmtp personal",
        {
            "home/.msmtprc": "account default\nhost a.example\nauth on\nuser u\n"
            "passwordeval cat ~/x\nlogfile ~/l\n"
        },
        [],
        want=["password_command = cat {home}/x", "to = {home}/l"],
        never=["postern.secret"],
    ),
    Row(
        "msmtp personal, XDG",
        {
            "home/.config/msmtp/config": "account default\nhost a.example\nauth on\n"
            "user u\npassword qqqqqq\n"
        },
        ["home/.config/msmtp"],
        secret="qqqqqq",
        want=["password_file = {home}/.config/postern.secret"],
        never=["-g postern"],
    ),
    Row(
        "msmtp names of relays",
        **msmtp(
            "".join(
                f"account {n}\nhost a.example\nfrom {i}@a.example\n"
                for i, n in enumerate(
                    ("a b]\\", "..", "../../x", "x" * 50, "y" * 50 + "1", "y" * 50 + "2")
                )
            ),
            want=["[relay " + "x" * 32 + "]", "[relay _.._x]"],
            never=[r"\]\S", r"relay \."],
        ),
    ),
    Row(
        "msmtp not known before",
        **msmtp(
            "account default : other\nhost a.example\naccount default\nhost b.example\n",
            want=["host = a.example"],
            never=["b.example"],
            notes=["msmtprc:1: account: inherits", "msmtprc:3: account: a second"],
        ),
    ),
    # ssmtp
    Row(
        "ssmtp",
        {
            "ssmtp.conf": "Root=postmaster\nMAILHUB=smtp.example.org:587\nrewriteDomain=x@example.org\n"
            "hostname=box.example.org\nFromLineOverride=YES\nUseSTARTTLS=YES\nAuthUser=me@example.org\n"
            "AuthPass=se:cr;et\nTLS_CA_File=/etc/ssl/ca.pem\nAuthMethod=cram-md5\n"
        },
        ["ssmtp.conf"],
        secret="se:cr;et",
        want=[
            "host = smtp.example.org",
            "port = 587",
            "security = starttls",
            "user = me@example.org",
            "password_file = /etc/postern.secret",
            "admin = postmaster",
            "domain = example.org",
            "hostname = box.example.org",
            "tls_trust = /etc/ssl/ca.pem",
            "auth = CRAM-MD5",
        ],
        never=["from_rule"],
    ),
    Row(
        "ssmtp with blanks and comments",
        {
            "ssmtp.conf": "mailhub = a.example # x\nUseTLS = YES\n"
            "UseTLSCert=YES\nTLSCert=/c.pem\nDebug=YES\nxyz=1\nAuthUser=u\nAuthPass=abc#def=ghi\nnothing\n"
        },
        ["ssmtp.conf"],
        secret="def=ghi",
        want=[
            "host = a.example",
            "port = 25",
            "security = tls",
            "tls_certificate = /c.pem",
            "tls_key = /c.pem",
        ],
        notes=[
            "ssmtp.conf:2: UseTLS: ssmtp checks no cert",
            "ssmtp.conf:5: Debug: no eq",
            "ssmtp.conf:6: xyz: unknown",
            "ssmtp.conf:8: AuthPass: for ssmtp a # begins",
            "ssmtp.conf:9: no =",
        ],
    ),
    Row(
        "ssmtp revaliases",
        {
            "ssmtp.conf": "mailhub=a.example\n",
            "revaliases": "# x\nroot:me@example.org:a.example\nann:me@example.org:b.example:587\n"
            "bob:bob@example.org:a.example",
        },
        ["ssmtp.conf"],
        want=[
            "[senders]", "root = me@example.org", "ann = me@example.org", "bob = bob@example.org",
            "[relay ann]", "senders = me@example.org", "host = b.example", "port = 587",
            "[relay default]", "host = a.example", "port = 25",
        ],
        never=["from = ", "from_rule"],
        notes=["mailhub: stands last", "ssmtp.conf: ssmtp writes each From anew"],
        senders={"root": "me@example.org", "bob@localhost": "bob@example.org",
                 "eve@x.example": "eve@x.example"},
    ),
    Row(
        "ssmtp revaliases, one server with a login",
        {
            "ssmtp.conf": "mailhub=a.example:587\nUseSTARTTLS=yes\nAuthUser=u\nAuthPass=qqqqqq\n"
            "FromLineOverride=YES\n",
            "revaliases": "root:alerts@example.org:a.example:587\nroot:second@example.org\n"
            "ann:a,b:c\nbob:bob:z.example\ncarl:carl@example.org:Z.example:25\n",
        },
        ["ssmtp.conf"],
        secret="qqqqqq",
        want=["root = alerts@example.org", "[relay carl]", "host = Z.example",
              "senders = carl@example.org", "[relay default]", "user = u",
              "password_file = /etc/postern.secret"],
        never=["second", "anew", "secret.default"],
        notes=["revaliases:3: cannot be said in", "revaliases:4: another mailhub"],
    ),
    Row(
        "ssmtp password in clear",
        {"ssmtp.conf": "mailhub=a.example\nAuthUser=u\nAuthPass=qqqqqq\n"},
        ["ssmtp.conf"],
        secret="qqqqqq",
        want=["security = none", "#allow_cleartext_auth = yes"],
        notes=["ssmtp.conf:2: AuthUser: the password went"],
    ),
    # dma
    Row(
        "dma",
        {
            "dma.conf": "SMARTHOST mail.example.org\nPORT 465\nAUTHPATH /nonexistent/auth.conf\n"
            "SECURETRANSFER\nMAILNAME box.example.org\nFINGERPRINT "
            + "0A" * 32
            + "\nCERTFILE /c.pem\n"
            "MASQUERADE me@example.org\nNULLCLIENT\nDEFER\nFULLBOUNCE\nSPOOLDIR /var/spool/dma\n",
            "auth.conf": "# x\nother|else.example:q\nuser|mail.example.org:" + SECRET + "\n",
        },
        ["dma.conf"],
        secret=SECRET,
        want=[
            "host = mail.example.org",
            "port = 465",
            "security = tls",
            "user = user",
            "tls_fingerprint = sha256:" + "0a" * 32,
            "tls_certificate = /c.pem",
            "tls_key = /c.pem",
            "from = me@example.org",
            "from_rule = always",
            "mode = hold",
            "aliases = /dev/null",
            "hostname = box.example.org",
            "domain = box.example.org",
        ],
        notes=[
            "dma.conf:11: FULLBOUNCE: no eq",
            "dma.conf:12: SPOOLDIR: no eq",
            "auth.conf:2: a login for another",
            "dma.conf:8: MASQUERADE: from_rule",
        ],
    ),
    Row(
        "dma opportunistic, in clear",
        {
            "dma.conf": "SMARTHOST a.example\nSECURETRANSFER\nSTARTTLS\n"
            "OPPORTUNISTIC_TLS\nALIASES /etc/al\nMASQUERADE example.org\nMAILNAME mailname\n"
        },
        ["dma.conf"],
        want=[
            "security = opportunistic",
            "port = 25",
            "aliases = /etc/al",
            "domain = example.org",
            "*@* = *@example.org",
        ],
        notes=["dma.conf: dma delivers to local users", "dma.conf:6: MASQUERADE: the row of"],
        senders={"root": "root@example.org", "ann@x.example": "ann@example.org"},
    ),
    Row(
        "dma insecure",
        {
            "dma.conf": "SMARTHOST a.example\nAUTHPATH auth.conf\nINSECURE\nSTARTTLS x\n",
            "auth.conf": "u|a.example qqqqqq",
        },
        ["dma.conf"],
        secret="qqqqqq",
        want=["allow_cleartext_auth = yes", "security = none", "user = u"],
        notes=["auth.conf:1: the password went", "dma.conf:4: STARTTLS: unknown, or with a value"],
    ),
    Row(
        "dma without smarthost",
        {"dma.conf": "MAILNAME /nonexistent/mailname\n"},
        ["dma.conf"],
        want=["mx = yes", "port = 25", "security = none"],
        notes=["dma.conf: no SMARTHOST", "dma.conf:1: MAILNAME: that file cannot be read"],
    ),
    Row(
        "dma masquerade of a name alone",
        {"dma.conf": "SMARTHOST a.example\nMASQUERADE alerts@\n"},
        ["dma.conf"],
        want=["from = alerts", "from_rule = always"],
        never=["hostname"],
    ),
    Row(
        "dma auth missing",
        {"dma.conf": "SMARTHOST a.example\nAUTHPATH /nonexistent/auth\n"},
        ["dma.conf"],
        want=["host = a.example"],
        notes=["dma.conf:2: AUTHPATH: cannot be read"],
    ),
    Row(
        "dma mailname in a file",
        {
            "dma.conf": "SMARTHOST a.example\nMAILNAME /nonexistent/name\n",
            "name": "file.example.org\n",
        },
        ["dma.conf"],
        want=["hostname = file.example.org"],
    ),
    # nullmailer
    Row(
        "nullmailer",
        {
            "nm/remotes": "# x\n\nsmart.example smtp port=2525 starttls user=user pass='"
            + "my pass ; phrase'\nb.example smtp --ssl --auth-login --user=x --pass=y\\ \"z q\" --insecure\n"
            "c.example\nd.example qmqp\ne.example smtp --wrong\n",
            "nm/me": "box.example.org\n",
            "nm/defaulthost": "mail\n",
            "nm/defaultdomain": "example.org\nx\n",
            "nm/adminaddr": "ann@example.org, bob@example.org\n",
            "nm/helohost": "helo.example.org\n",
            "nm/pausetime": "60\n",
            "nm/maxpause": "86400",
            "nm/queuelifetime": "604800\n",
            "nm/sendtimeout": "10\n",
            "nm/idhost": "x\n",
            "nm/allmailfrom": "all@example.org\n",
        },
        ["nm"],
        secret="my pass ; phrase",
        want=[
            "host = smart.example",
            "port = 2525",
            "security = starttls",
            "user = user",
            "[relay relay2]",
            "host = b.example",
            "port = 465",
            "security = tls",
            "auth = LOGIN",
            "user = x",
            "password_file = /etc/postern.secret.relay2",
            "tls_trust = none",
            "[relay relay3]",
            "host = c.example",
            "port = 25",
            "hostname = box.example.org",
            "domain = mail.example.org",
            "admin = ann@example.org",
            "helo = helo.example.org",
            "retry = 1m",
            "retry_max = 1d",
            "expire = 7d",
            "from = all@example.org",
            "from_rule = always",
        ],
        never=["d.example"],
        notes=[
            "remotes:4: insecure: kept",
            "remotes:6: its protocol",
            "remotes:7: an option that",
            "adminaddr:1: admin is one",
            "sendtimeout:1: no eq",
            "idhost:1: no eq",
        ],
    ),
    Row(
        "nullmailer, certificates",
        {
            "remotes": "a.example smtp tls x509cafile=/ca.pem x509certfile=/c.pem "
            "x509crlfile=/x x509fmtder source=192.0.2.1\nb.example smtp starttls source=host.example\n"
        },
        ["remotes"],
        want=[
            "tls_trust = /ca.pem",
            "tls_certificate = /c.pem",
            "tls_key = /c.pem",
            "source = 192.0.2.1",
        ],
        notes=["remotes:1: x509crlfile", "remotes:1: x509fmtder", "remotes:2: source"],
    ),
    Row(
        "dma, the aliases of all",
        {"dma.conf": "SMARTHOST a.example\nALIASES /etc/aliases\n"},
        ["dma.conf"],
        never=["aliases = "],
        notes=["dma.conf: dma delivers to local users"],
    ),
    # Postfix
    Row(
        "postfix, the aliases of all",
        **postfix(NULLCLIENT % "encrypt" + "alias_maps = hash:/etc/aliases\n",
                  never=["aliases = "],
                  notes=["main.cf:10: smtp_tls_security_level: at encrypt",
                         "main.cf: Postern has no daemon"]),
    ),
    Row(
        "postfix",
        **postfix(
            NULLCLIENT % "encrypt" + "maximal_queue_lifetime = 3\nminimal_backoff_time = 10m\n"
            "maximal_backoff_time = 2h\ndelay_warning_time = 4\nmessage_size_limit = 0\n"
            "inet_protocols = ipv4\nsmtp_helo_name = $myhostname\nalias_maps = hash:/etc/al\n",
            want=[
                "host = smtp.isp.example",
                "port = 587",
                "security = starttls",
                "user = u@isp.example",
                "tls_trust = /etc/ssl/ca.pem",
                "hostname = box.example.org",
                "domain = example.org",
                "expire = 3d",
                "retry = 10m",
                "retry_max = 2h",
                "warn = 4h",
                "max_size = 0",
                "family = 4",
                "helo = box.example.org",
                "aliases = /etc/al",
            ],
            notes=[
                "main.cf:10: smtp_tls_security_level: at encrypt",
                "main.cf: Postern has no daemon",
            ],
        ),
    ),
    *[
        Row(
            f"postfix level {level}",
            **postfix(NULLCLIENT % level, want=[f"security = {security}"]),
        )
        for level, security in (
            ("none", "none"),
            ("may", "opportunistic"),
            ("verify", "starttls"),
            ("secure", "starttls"),
            ("dane", "opportunistic"),
            ("dane-only", "starttls"),
        )
    ],
    Row(
        "postfix wrapper mode, fingerprints",
        **postfix(
            NULLCLIENT % "fingerprint"
            + "smtp_tls_wrappermode = yes\nsmtp_tls_fingerprint_digest = sha256\n"
            "smtp_tls_fingerprint_cert_match = "
            + ":".join(["AB"] * 32)
            + "\n   "
            + "cd" * 32
            + " "
            + "ee" * 16,
            want=[
                "security = tls",
                "tls_fingerprint = sha256:" + "ab" * 32 + ", sha256:" + "cd" * 32,
            ],
            never=["tls_trust"],
            notes=["main.cf:15: smtp_tls_fingerprint_cert_match: only SHA-256"],
        ),
    ),
    Row(
        "postfix relays",
        {
            "main.cf": "relayhost = [a.example]:smtps, b.example:2525\nmydestination=\n"
            "smtp_fallback_relay = [192.0.2.1]\n [2001:db8::1]:587 [ipv6:2001:db8::2]\n"
        },
        ["main.cf"],
        want=[
            "[relay]",
            "host = a.example",
            "port = 465",
            "[relay relay2]",
            "host = b.example",
            "port = 2525",
            "host = 192.0.2.1",
            "port = 25",
            "host = 2001:db8::1",
            "port = 587",
            "host = 2001:db8::2",
        ],
        notes=[r"main.cf:1: relayhost: without \[ \]"],
    ),
    Row(
        "postfix expansion",
        {
            "main.cf": relay_of(
                "mydomain = d.example\nmyhostname = ${host}.$(mydomain)\nhost = ${empty:{h}}\nempty =\n"
                "myorigin = ${host?{o}:{x}}.$mydomain\nluser_relay = ${none_set?x}a$$@x.example\n"
                "smtp_helo_name = ${a == b}\nmessage_size_limit = $loop\nloop = $loop1\nloop1 = $loop\n"
                "queue_minfree = 1\nqueue_minfree = 2048\n"
            )
        },
        ["main.cf"],
        want=["hostname = h.d.example", "domain = o.d.example", "min_free = 2048"],
        never=["admin", "helo", "max_size"],
        notes=[
            "main.cf:8: luser_relay: depends on",
            "main.cf:9: smtp_helo_name: depends on",
            "main.cf:10: message_size_limit: depends on",
        ],
    ),
    Row(
        "postfix expansion without end",
        {
            "main.cf": relay_of(
                "".join(f"v{i} = $v{i + 1}$v{i + 1}$v{i + 1}\n" for i in range(19))
                + "v19 =\nmyhostname = a$v0\n"
            )
        },
        ["main.cf"],
        never=["hostname"],
        notes=["myhostname: depends on"],
    ),
    Row(
        "postfix no equivalent",
        {
            "main.cf": relay_of(
                "".join(
                    f"{k} = hash:/x\n"
                    for k in (
                        "smtp_generic_maps",
                        "canonical_maps",
                        "sender_dependent_relayhost_maps",
                        "transport_maps",
                        "smtp_tls_policy_maps",
                        "smtpd_banner",
                        "header_checks",
                        "unheard_of",
                        "smtp_tls_CApath",
                    )
                )
            )
        },
        ["main.cf"],
        want=["host = a.example"],
        notes=[
            "smtp_generic_maps: a file of it cannot",
            "canonical_maps: a file of it cannot",
            "sender_dependent_relayhost_maps: write",
            "transport_maps: write",
            "smtp_tls_policy_maps: each",
            "smtpd_banner: about receiving",
            "header_checks: no eq",
            "main.cf:10: unheard_of: no eq",
            "smtp_tls_CApath: tls_trust takes",
        ],
    ),
    Row(
        "postfix generic",
        {
            "main.cf": relay_of("myhostname = box.lan\nsmtp_generic_maps = hash:/etc/postfix/generic\n"),
            "generic": "# senders\nroot alerts@example.org\n@box.lan  admin@example.org\n"
            "Ann@box.lan\n   ann@example.org\nroot@web1.lan web@example.org\n@web1.lan @example.org\n"
            "two a@x.example, b@x.example\na;b x@x.example\n",
        },
        ["main.cf"],
        want=["[senders]", "root = alerts@example.org", "*@box.lan = admin@example.org",
              "ann@box.lan = ann@example.org", "*@web1.lan = *@example.org"],
        never=["x.example"],
        notes=["main.cf:4: smtp_generic_maps: kept in", "generic:8: cannot be said",
               "generic:9: cannot be said"],
        senders={"root@box.lan": "alerts@example.org", "bob@box.lan": "admin@example.org",
                 "ann@box.lan": "ann@example.org", "root@web1.lan": "web@example.org",
                 "ann@web1.lan": "ann@example.org", "a@b.example": "a@b.example"},
    ),
    Row(
        "postfix canonical in four stages",
        {
            "main.cf": relay_of(
                "myhostname = box.lan\nmydomain = box.lan\nmasquerade_domains = $mydomain\n"
                "sender_canonical_maps = inline:{ root=adm, { ann = ann@step.example } }\n"
                "canonical_maps = texthash:/x/canonical, proxy:ldap:/x/y, hash:/none/two\n"
                "canonical_classes = envelope_sender\n"
                "smtp_generic_maps = lmdb:/x/generic\n"
                "sender_dependent_relayhost_maps = hash:/none/d\n"
            ),
            "canonical": "adm@box.lan adm@deep.box.lan\nann@step.example ann@step2.example\n"
            "ann@step2.example ann@step3.example\n@old.example @new.example\n",
            "generic": "adm@box.lan alerts@example.org\nann@new.example x@example.org\n",
        },
        ["main.cf"],
        want=["root = alerts@example.org", "ann = ann@step3.example",
              "*@old.example = *@new.example", "*@*.box.lan = *@box.lan"],
        notes=["main.cf:7: canonical_maps: a table of this type", "main.cf:7: canonical_maps: a file of",
               "canonical:4: another rule changes some", "main.cf:8: canonical_classes: ",
               "smtp_generic_maps: Postfix chooses the relay"],
        senders={"root": "alerts@example.org", "ann": "ann@step3.example",
                 "x@sub.box.lan": "x@box.lan", "adm@box.lan": "alerts@example.org"},
    ),
    Row(
        "postfix masquerade with exceptions, classes of others",
        {
            "main.cf": relay_of(
                "masquerade_domains = example.org\nmasquerade_exceptions = root\n"
                "canonical_maps = static:x@y.example\ncanonical_classes = header_recipient\n"
                "recipient_canonical_maps = hash:/x\n"
            )
        },
        ["main.cf"],
        never=[r"\[senders\]"],
        notes=["masquerade_domains: exceptions", "canonical_maps: is not about senders",
               "recipient_canonical_maps: no eq"],
    ),
    Row(
        "postfix static canonical",
        {"main.cf": relay_of("sender_canonical_maps = static:noreply@example.org\n")},
        ["main.cf"],
        want=["*@* = noreply@example.org"],
        senders={"root": "noreply@example.org", "a@b.example": "noreply@example.org"},
    ),
    Row(
        "postfix expressions",
        {
            "main.cf": relay_of("sender_canonical_maps = regexp:/x/senders pcre:/x/more regexp:/x/if\n"),
            "senders": "/^root@web[0-9]\\.lan$/ no@example.org\n/^root@web\\.lan$/ web@example.org\n"
            "/^(.*)@(.*)\\.lan$/ $1@example.org\n/^(.+)@host\\.test$/i ${1}@example.org\n"
            "/^x(.+)@host\\.lan$/ $1@example.org\nif /x/\n/@if\\.test$/ if@example.org\nendif\n"
            "!/^a/ not@example.org\n/@any.test$/ any@example.org\n/^adm@/ adm@example.org\n",
            "more": "~^own@(sub\\.)?x\\.test$~ no@example.org\n|^z.*@.+\\.test$| z@example.org\n",
            "if": "/^own@x\\.test$/i own@example.org\n/x/U no@example.org\n",
        },
        ["main.cf"],
        want=["root@web.lan = web@example.org", "*@*.lan = *@example.org",
              "*@host.test = *@example.org", "*@any.test = any@example.org",
              "adm@* = adm@example.org", "z*@*.test = z@example.org"],
        never=["no@", "if@", "not@", r"^x"],
        notes=["senders:1: cannot", "senders:5: cannot", "senders:6: cannot", "senders:7: cannot",
               "senders:8: cannot", "senders:9: cannot", "senders:10: a dot in it",
               "more:1: cannot", "if:2: cannot"],
        senders={"root@web.lan": "web@example.org", "ann@b.lan": "ann@example.org",
                 "ann@host.test": "ann@example.org", "z@any.test": "any@example.org",
                 "adm@b.example": "adm@example.org", "zed@a.test": "z@example.org",
                 "own@x.test": "own@example.org", "a@b.example": "a@b.example"},
    ),
    Row(
        "postfix one expression for all",
        {
            "main.cf": relay_of("smtp_generic_maps = pcre:/x/all\n"),
            "all": "/^root@web\\.lan$/ web@example.org\n/.*/ all@example.org\n",
        },
        ["main.cf"],
        want=["root@web.lan = web@example.org", "*@* = all@example.org"],
        senders={"root@web.lan": "web@example.org", "root": "all@example.org"},
    ),
    Row(
        "postfix static login",
        {
            "main.cf": relay_of(
                "smtp_tls_security_level=verify\nsmtp_sasl_auth_enable=yes\nsmtp_sasl_password_maps=static:u:qqqqqq\n"
                "smtp_sasl_mechanism_filter = plain, login\n"
            )
        },
        ["main.cf"],
        secret="qqqqqq",
        want=["user = u", "auth = PLAIN, LOGIN"],
    ),
    Row(
        "postfix login by host",
        **postfix(
            NULLCLIENT % "secure",
            login="# x\nann@x.example a:b\nSMTP.isp.example\tu:qq\n   qqq\n",
            want=["user = u"],
            notes=["sasl_passwd: has entries for other"],
        ),
    ),
    Row(
        "postfix without login",
        **postfix(
            NULLCLIENT % "secure",
            login="other u:p\n",
            never=["user"],
            notes=["sasl_passwd: has no entry"],
        ),
    ),
    Row(
        "postfix passwords elsewhere",
        {
            "main.cf": relay_of(
                "smtp_tls_security_level=secure\nsmtp_sasl_auth_enable=yes\nsmtp_sasl_password_maps=hash:/nonexistent/p\n"
            ),
            "else": "a.example me:qqqqqq\n",
        },
        ["main.cf", "else"],
        secret="qqqqqq",
        want=["user = me"],
    ),
    Row(
        "postfix passwords missing",
        {
            "main.cf": relay_of(
                "smtp_sasl_auth_enable=yes\nsmtp_sasl_password_maps=lmdb:/nonexistent/p\n"
            )
        },
        ["main.cf"],
        never=["user"],
        notes=["main.cf:4: smtp_sasl_password_maps: that file cannot be read"],
    ),
    Row(
        "postfix without relayhost",
        {"main.cf": "smtp_use_tls = yes\nsmtp_bind_address6 = 2001:db8::1\n"},
        ["main.cf"],
        want=["mx = yes", "port = 25", "security = opportunistic", "source = 2001:db8::1"],
        notes=["relayhost: none", "mydestination: Postern delivers"],
    ),
    # How the kind is told
    Row(
        "kind by content: postfix",
        {"x": "myhostname = a.example\nrelayhost = [b.example]\n"},
        ["x"],
        want=["host = b.example"],
    ),
    Row(
        "kind by content: ssmtp",
        {"x": "# c\nmailhub=b.example\n"},
        ["x"],
        want=["host = b.example"],
    ),
    Row("kind by content: dma", {"x": "SMARTHOST b.example\n"}, ["x"], want=["host = b.example"]),
    Row(
        "kind by content: msmtp",
        {"x": "\naccount default\nhost b.example\n"},
        ["x"],
        want=["host = b.example"],
    ),
    Row(
        "kind by content: nullmailer",
        {"x": "b.example smtp port=1\n"},
        ["x"],
        want=["host = b.example"],
    ),
    Row(
        "kind by option",
        {"x": "b.example\n"},
        ["--from", "nullmailer", "x"],
        want=["host = b.example"],
    ),
    Row("a directory", {"d/dma.conf": "SMARTHOST b.example\n"}, ["d/"], want=["host = b.example"]),
    Row(
        "CRLF, no last newline",
        {
            "dma.conf": "SMARTHOST b.example\r\nSECURETRANSFER\r\nAUTHPATH x\r\nPORT 587",
            "x": "u|b.example:qqqqqq\r\n",
        },
        ["dma.conf"],
        secret="qqqqqq",
        want=["host = b.example", "port = 587", "security = tls", "user = u"],
    ),
    # Refused
    Row("unknown kind", {"x": "hello\n"}, ["x"], code=64, notes=["say --from"]),
    Row("unknown option", {}, ["--frob"], code=64, notes=["unknown option"]),
    Row("unknown --from", {}, ["--from", "exim", "x"], code=64, notes=["--from takes"]),
    Row("too many", {}, ["a", "b", "c"], code=64),
    Row("missing file", {}, ["nowhere/main.cf"], code=66, notes=["no such file"]),
    Row("empty directory", {"d/x": ""}, ["d"], code=66, notes=["no configuration of a known"]),
    Row("no configuration at all", {}, [], code=66, notes=["usual places"]),
    Row("a device", {}, ["--from", "dma", "/dev/zero"], code=66, notes=["not a file"]),
    Row(
        "NUL bytes", {"main.cf": "relayhost = [a]\n\0"}, ["main.cf"], code=65, notes=["NUL bytes"]
    ),
    Row("too large", {"main.cf": "#" * 1100000}, ["main.cf"], code=65, notes=["1 MiB"]),
    Row(
        "no relay",
        {"msmtprc": "account default\nfrom a@b.example\n"},
        ["msmtprc"],
        code=78,
        notes=["msmtprc:1: account: without a host", "msmtprc: names no server"],
    ),
    Row("empty", {"dma.conf": ""}, ["--from", "msmtp", "dma.conf"], code=78),
]


def hostile_values():
    """Values that would be something else in an INI file."""
    evil = (
        "a\x01b",
        "a ; b",
        ";b",
        "x" * 250,
        "\xff\xfe",
        "a\tb\x1b[2J",
        "a]\\b ;[relay x]",
        "[relay x]",
        "a,b",
        "a b",
        "../x",
        "$(id)",
        "`id`",
        "a\x7f",
        "a\rb",
        "=",
        "%n%n",
        "-x",
        "--secret",
        '"x"',
        "'x'",
        '"a", "b"',
    )
    for i, value in enumerate(evil):
        yield Row(
            f"hostile {i} msmtp",
            **msmtp(
                f"defaults\nhost ok.example\naccount {value}\nfrom {value}\nuser {value}\nauth on\ntls on\n"
                f"tls_trust_file {value}\ntls_priorities {value}\nport {value}\npassword {value}{i}\ndomain {value}\n"
                f"logfile {value}\naccount default\nhost ok.example\nfrom {value}\ndomain {value}\n{value} {value}\n",
                secret=value + str(i) if len(value) > 6 else None,
            ),
        )
        yield Row(
            f"hostile {i} ssmtp",
            {
                "ssmtp.conf": f"mailhub=ok.example\nroot={value}\nrewriteDomain={value}\n"
                f"hostname={value}\nAuthUser={value}\nAuthPass={value}{i}\n{value}={value}\nTLSCert={value}\n",
                "revaliases": f"{value}:{value}:{value}\nx:{value}\n{value}:a@b.example:{value}\n",
            },
            ["ssmtp.conf"],
        )
        yield Row(
            f"hostile {i} dma",
            {
                "dma.conf": f"SMARTHOST ok.example\nPORT {value}\nALIASES {value}\n"
                f"AUTHPATH {value}\nMAILNAME {value}\nMASQUERADE {value}\n{value}\nCERTFILE {value}\n"
                "SECURETRANSFER\n"
            },
            ["dma.conf"],
        )
        yield Row(
            f"hostile {i} exim4",
            {
                "update-exim4.conf.conf": "dc_eximconfig_configtype='smarthost'\n"
                f"dc_smarthost='x.example;{value}'\ndc_smarthost='ok.example'\n"
                f"dc_readhost='{value}'\n"
                f"dc_hide_mailname='true'\n{value}='{value}'\ndc_relay_nets={value}\n",
                "passwd.client": f"*:{value}:{value}{i}\n{value}\n",
                "email-addresses": f"{value}: {value}\nx{i}: {value}\n{value}: a@b.example\n",
            },
            ["update-exim4.conf.conf"],
        )
        yield Row(
            f"hostile {i} nullmailer",
            {
                "remotes": f"ok.example\n{value} smtp\nok.example smtp "
                f"user={value} pass={value}{i}x x509cafile={value} tls port={value} {value}\n",
                "me": value,
                "adminaddr": value,
                "pausetime": value,
                "defaulthost": value,
                "helohost": value,
            },
            ["remotes"],
        )
        yield Row(
            f"hostile {i} postfix",
            {
                "main.cf": f"relayhost = [ok.example]\nmyhostname = {value}\n"
                f"myorigin = {value}\nsmtp_helo_name = {value}\nluser_relay = {value}\n{value}\n"
                f"alias_maps = {value}\nsmtp_sasl_auth_enable = yes\nsmtp_tls_CAfile = {value}\n"
                f"smtp_sasl_password_maps = static:{value}:{value}{i}\nmessage_size_limit = {value}\n"
                f"smtp_tls_security_level = {value}\n"
                "sender_dependent_relayhost_maps = hash:/x/senders\n"
                f"sender_canonical_maps = inline:{{ {value}={value} }} regexp:/x/expressions\n"
                "smtp_generic_maps = hash:/x/generic\n",
                "generic": f"{value} {value}\n@{value} @{value}\n{value}@x.example {value}@y.example\n",
                "expressions": f"/^{value}@x$/ {value}\n{value}\n/x/{value} {value}\n",
                "senders": f"a@src.example {value}\n{value} ok.example\n@{value} [ok.example]\n",
            },
            ["main.cf"],
        )
