# SPDX-License-Identifier: GPL-3.0-or-later
"""What an answer of a server means, as a table: (phase, answer) -> where the message is then,
and what a caller who waits is told. verdicts.t plays each row through the built programs.

Fates of a recipient, as letters; a row names all that are right:
    D  delivered, once
    H  held: the server has nothing of it
    Q  held, and said to be a possible duplicate: the server may have the message
    F  failed for good: it is in failed/, and its sender was told
"""

WORD = "quokka"  # in all that the server says about the poisoned message, and nowhere else
POISON, LATE = "poison@src.example", "late@dest.example"
FIRST = "first@dest.example"  # of the poisoned message too, ahead of LATE; with LMTP only

# Codes and enhanced statuses (RFC 5321, RFC 4954, RFC 5248's registry, and Exchange's own)

PLAIN = ("421", "432", "450", "451", "452", "454", "500", "501", "502", "503", "504", "530",
         "534", "535", "538", "550", "551", "552", "553", "554", "555")
ACCOUNT = ("530 5.7.0", "530 5.7.1", "530 5.7.57", "534 5.7.9", "535 5.7.8", "538 5.7.11",
           "550 5.7.8", "550 5.7.9", "550 5.7.10", "523 5.7.10", "550 5.7.11", "550 5.7.57",
           "550 5.7.60", "554 5.7.60")
SHORT = PLAIN + ("450 4.7.1", "432 4.3.2", "534 5.7.9", "550 5.1.1", "550 5.7.1", "550 5.7.60",
                 "504 5.5.2", "553 5.1.3", "552 5.3.4")
FULL = PLAIN + ACCOUNT + (
    "421 4.3.2", "421 4.7.0", "432 4.3.2", "432 4.7.12", "450 4.1.1", "450 4.1.8", "450 4.2.0",
    "450 4.2.1", "450 4.7.0", "450 4.7.1", "450 4.7.25", "451 4.3.0", "451 4.3.2", "451 4.3.5",
    "451 4.4.1", "451 4.4.3", "451 4.7.1", "451 4.7.24", "452 4.2.2", "452 4.3.1", "452 4.5.3",
    "454 4.3.0", "454 4.7.0", "455 4.5.4", "500 5.5.2", "501 5.1.7", "501 5.5.4", "502 5.5.1",
    "503 5.5.1", "504 5.5.2", "504 5.5.4", "521 5.3.2", "534 5.3.4", "550 5.0.0", "550 5.1.0",
    "550 5.1.1", "550 5.1.2", "553 5.1.3", "550 5.1.4", "551 5.1.6", "553 5.1.7", "553 5.1.8",
    "550 5.1.9", "556 5.1.10", "550 5.2.0", "550 5.2.1", "552 5.2.2", "552 5.2.3", "550 5.2.4",
    "550 5.3.0", "554 5.3.3", "552 5.3.4", "550 5.4.1", "554 5.4.6", "554 5.5.0", "552 5.5.3",
    "555 5.5.4", "554 5.6.0", "554 5.6.1", "554 5.6.3", "554 5.6.6", "553 5.6.7", "550 5.7.0",
    "550 5.7.1", "550 5.7.2", "554 5.7.3", "554 5.7.5", "554 5.7.7", "550 5.7.20", "550 5.7.21",
    "550 5.7.22", "550 5.7.23", "550 5.7.24", "550 5.7.25", "550 5.7.26", "550 5.7.27",
    "550 5.7.509", "554 5.7.606")

ABOUT_US = ("500", "502", "503", "504")  # "I do not understand", "I do not like your name"
LOGIN_CODES = ("530", "535", "538")
LOGIN_STATUSES = ("5.7.8", "5.7.9", "5.7.10", "5.7.11", "5.7.57", "5.7.60")
BDAT_BROKEN = ABOUT_US + ("554",)
# Said by a server that is busy: it may be remembered that it is, as for nothing else here.
BUSY = ("421", "432", "454")
# A plain 5xx by its code, "I do not understand" by its status: both are right.
EITHER = ("5.5.0", "5.5.1", "5.5.2", "5.5.4")


def split(code):
    number, _, status = code.partition(" ")
    return number, status


def about_login(code):
    number, status = split(code)
    return number in LOGIN_CODES or status in LOGIN_STATUSES or (
        number == "534" and status.startswith("5.7."))


def may_be_busy(phase, code):
    number, status = split(code)
    return number in BUSY or status == "4.3.2" or status.startswith("4.7.") or (
        (phase, number) == ("MAIL", "452"))


def fate_of_code(phase, code):
    """H or F, for one recipient of a message that the server answers so."""
    number, status = split(code)
    if number[0] == "4" or about_login(code) or number in ABOUT_US:
        return "H"
    if number == "501" and phase not in ("MAIL", "RCPT"):
        return "H"
    return "HF" if status in EITHER else "F"


def exits_of_code(phase, code):
    """Of a caller who waits, where that failed for good."""
    number, status = split(code)
    if phase == "RCPT":
        return (67,) if status.startswith("5.1.") else (69,) if status else (67, 69)
    return (65, 69) if number == "552" or status == "5.3.4" else (69,)


# Answers that are none. {text} is what a good server says.

def line(text):
    return f'send "{text}\\r\\n"'


ODD = {
    "split": "split {text}",
    "close": "close",
    "reset": "reset",
    "silence": "stall",
    "a line without a code": line(WORD),
    "HTTP": line(f"HTTP/1.1 400 {WORD}"),
    "999": line(f"999 {WORD}"),
    "a short code": line(f"25 {WORD}"),
    "an empty line": line(""),
    "334": line(f"334 {WORD}"),
    "220": line(f"220 {WORD}"),
    "221": line(f"221 {WORD}"),
    "two codes": line(f"250-{WORD}\\r\\n550 {WORD}"),
    "two other codes": line(f"550-{WORD}\\r\\n250 {WORD}"),
    "an over-long line": f'send "250 {WORD}" repeat 5000 "x" {line("")}',
    "an over-long refusal": f'send "550 {WORD}" repeat 5000 "x" {line("")}',
    "doubled": "normal normal",
    "450 doubled": line(f"450 4.2.0 {WORD}\\r\\n450 4.2.0 {WORD}"),
    "550 doubled": line(f"550 5.1.1 {WORD}\\r\\n550 5.1.1 {WORD}"),
    "250 unasked": "normal " + line(f"250 {WORD}"),
    "550 unasked": "normal " + line(f"550 {WORD}"),
    "500 unasked": "normal " + line(f"500 {WORD}"),
    "nonsense unasked": "normal " + line(WORD),
    "421 unasked": "normal " + line(f"421 {WORD}") + " close",
}
WRONG = {"MAIL": ("354",), "RCPT": ("354",), "DATA": ("250", "235"), "dot": ("354",)}
GOOD = {"MAIL": "250 2.1.0 ok", "RCPT": "250 2.1.5 ok", "DATA": "354 go", "dot": "250 2.0.0 ok"}
LOST = ("close", "reset", "silence")  # the connection ends, but was in step
# The whole message may be there before the answer to the command: all goes in one flight.
ONE_FLIGHT = ("BDAT",)


def odd_answers(phase):
    for name, steps in ODD.items():
        yield name, steps.replace("{text}", f'"{GOOD[phase]}\\r\\n"')
    for code in WRONG[phase]:
        yield code, line(f"{code} {WORD}")


def fate_of_odd(phase, name, how):
    """Of the recipient; how: DATA or BDAT."""
    if name == "split":
        return "D"
    if name == "421 unasked":  # a server that goes away behind its answer is in step
        return "DQ" if phase == "dot" else "HQ"
    if phase == "dot":
        return "Q"
    if how in ONE_FLIGHT:
        return "HQ"
    if phase == "DATA" and name == "550 unasked":  # behind the 354: a refusal of the message
        return "HQF"
    # The second reply may come when the message is on its way to its end.
    return "HQ" if phase == "DATA" and name.endswith(("doubled", "unasked")) else "H"


# Behind the answer to the message, and before the next command.
BETWEEN = {
    "close": ("normal close", "D"),
    "close, later": ("normal wait 20 close", "D"),
    "421, later": ("normal wait 20 " + line(f"421 {WORD}") + " close", "D"),
    "reset, later": ("normal wait 20 reset", "DQ"),
    "silence": ("normal stall", "D"),
    "250, later": ("normal wait 20 " + line(f"250 {WORD}"), "DQ"),
    "450, later": ("normal wait 20 " + line(f"450 {WORD}"), "DQ"),
    "550, later": ("normal wait 20 " + line(f"550 5.1.1 {WORD}"), "DQ"),
    "500, later": ("normal wait 20 " + line(f"500 {WORD}"), "DQ"),
    "nonsense, later": ("normal wait 20 " + line(WORD), "DQ"),
}
# The next message meets what is left over. It may wait for another run, and no more than that.
SPARES_NEXT = ("close", "close, later", "421, later")

# Up to and including the login

BEFORE = ("CONNECT", "EHLO", "STARTTLS", "TLS", "AUTH", "LOGIN")
BEFORE_CODES = PLAIN + ("421 4.3.2", "450 4.7.1", "454 4.7.0", "535 5.7.8", "554 5.7.1",
                        "550 5.1.1")
# Where another server is asked next it is the same way for all.
BEFORE_FEW = ("421", "432", "450", "454", "500", "502", "504", "530", "534", "535", "550", "554")
BEFORE_ODD = {
    "close": "close",
    "reset": "reset",
    "silence": "stall",
    "a line without a code": line(WORD),
    "HTTP": line(f"HTTP/1.1 400 {WORD}"),
    "999": line(f"999 {WORD}"),
    "354": line(f"354 {WORD}"),
    "two codes": line(f"250-{WORD}\\r\\n550 {WORD}"),
    "an over-long line": f'send "250 {WORD}" repeat 5000 "x" {line("")}',
    "an over-long refusal": f'send "550 {WORD}" repeat 5000 "x" {line("")}',
    "550 doubled": line(f"550 5.1.1 {WORD}\\r\\n550 5.1.1 {WORD}"),
    "nonsense unasked": "normal " + line(WORD),
    "550 unasked": "normal " + line(f"550 5.1.1 {WORD}"),
}
HANDSHAKE = {
    "close": "close",
    "reset": "reset",
    "silence": "stall",
    "clear text": 'read 1 send "500 x\\r\\n" close',
    "alert": "alert 80",
    "alert at the certificate": "alert 80 certificate",
    "alert at the end": "alert 80 finished",
    "another cipher": "cipher 002f",
    "a corrupt record": "corrupt 1",
}


def before_answers(phase, codes=BEFORE_CODES):
    """(name, steps); the same for all entries, which are about none of them."""
    if phase == "TLS":
        yield from HANDSHAKE.items()
        return
    for code in codes:
        end = " close" if code.startswith("421") else ""
        yield code, line(f"{code} {WORD}") + end
    for name, steps in BEFORE_ODD.items():
        if phase != "AUTH" or "normal" not in steps:
            yield name, steps
    if phase != "EHLO":
        yield "250", line(f"250 {WORD}")
