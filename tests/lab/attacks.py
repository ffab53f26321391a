# SPDX-License-Identifier: MIT
"""What hostile servers do: protocol x attack x outcome, for tests of whoever meets them.

Each sentence of ATTACKS is a case, and each of its rows an attack in one or more protocols. A row
tells what comes of it when `mailtrust check` meets it (decision and reasons, or that no mail server
was reached) and, to the byte, what the server gets to see:

    ask up hello | ask bye

is the capability command, the upgrade and a ClientHello, and behind the bar, inside TLS, the
capability command and the farewell; a dash is a command that was not sent after all.
"""
import collections
import dataclasses

from lab import pki, scripted
from lab.scripted import drip, flood, half_close, hear_record, listen, reset, secure, server_hello

TLS = scripted.ssl.TLSVersion
MIB = 1024 * 1024
# a dialogue may take 25 s (MT_DIALOGUE_USEC); the rest is start, question and a busy machine
DEADLINE_SEC = 30
# attacks under way at a time: those that work, and those that wait
QUICK, SLOW = 5, 96
ALL = tuple(scripted.PROTOCOLS)
IMAP, POP3, SUBMISSION = ALL[:1], ALL[1:2], ALL[2:]

# what the client may say
COMMANDS = {"imap": {"ask": b"CAPABILITY", "up": b"STARTTLS", "bye": b"LOGOUT"},
            "pop3": {"ask": b"CAPA", "up": b"STLS", "bye": b"QUIT"},
            "submission": {"ask": b"EHLO [127.0.0.1]", "up": b"STARTTLS", "bye": b"QUIT"}}
# what the attacks say, where that differs by protocol
WORDS = {
    "imap": {"evil": b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n", "stranger": b"220 mail.example.test ESMTP\r\n",
             "farewell": b"* BYE go away\r\n", "bad": b"<tag> BAD what\r\n", "unknown": b"* MAYBE\r\n",
             "early": b"* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK\r\n", "agreed": b"a2 OK go ahead\r\n",
             "more": b"* 5 EXISTS\r\n", "begun": b"* CAPAB", "lead": b"* OK "},
    "pop3": {"evil": b"+OK 2 messages\r\n", "stranger": b"* OK IMAP4rev1 ready\r\n", "farewell": b"-ERR go away\r\n",
             "bad": b"-ERR\r\n", "unknown": b"+MAYBE\r\n", "early": b"+OK\r\nSTLS\r\n.\r\n",
             "agreed": b"+OK go ahead\r\n", "more": b"X-EVIL\r\n", "begun": b"+OK\r\nSA", "lead": b"+OK "},
    "submission": {"evil": b"250 AUTH PLAIN LOGIN\r\n", "stranger": b"+OK POP3 ready\r\n",
                   "farewell": b"554 5.3.2 go away\r\n", "bad": b"501-5.5.4\r\n501 5.5.4 what\r\n",
                   "unknown": b"999 ready\r\n", "early": b"250-mail.example.test\r\n250 STARTTLS\r\n",
                   "agreed": b"220 go ahead\r\n", "more": b"250-X-EVIL\r\n", "begun": b"250-mail.exa",
                   "lead": b"220 "},
}

UPGRADED = "allow transport.starttls-used cert.pkix-valid conf.met"
IMPLICIT = "allow cert.pkix-valid conf.met"
IGNORED = "allow starttls.pretls-data-ignored transport.starttls-used cert.pkix-valid conf.met"
STRIPPED = "deny tls.none starttls.not-offered"
REFUSED = "deny tls.none starttls.refused"
IGNORED_AND_REFUSED = "deny starttls.pretls-data-ignored tls.none starttls.refused"
INJECTED = "deny starttls.response-injected"
NONSENSE = "deny starttls.bad-greeting"
NO_HANDSHAKE = "deny tls.handshake-failed"
STALE = "deny starttls.capabilities-stale"
CLEARTEXT = "deny transport.cleartext-on-tls-port"
UNREACHABLE = "unreachable"
# OpenSSL ends a handshake that selects what was not offered since 3.0.15; before that, row 17 does
HAS_STRICT_ALPN = scripted.ssl.OPENSSL_VERSION_INFO >= (3, 0, 0, 15)
WRONG_ALPN, AFTER_ALPN = (NO_HANDSHAKE, "") if HAS_STRICT_ALPN else ("deny tls.alpn-mismatch", " | ask bye")

Attack = collections.namedtuple("Attack", "name outcome seen protocols implicit slow certificate script")


def attack(name, outcome, seen, protocols=ALL, implicit=False, slow=False, certificate="good", **script):
    return Attack(name, outcome, seen, protocols, implicit, slow, certificate, script)


def implicit(name, outcome, seen, *protocols, **more):
    return attack("implicit: " + name, outcome, seen, *protocols, implicit=True, **more)


def handshake(name, outcome, seen, *acts, **more):
    """Acts in place of the handshake, behind the upgrade and where TLS comes first."""
    return [attack(name, outcome, "ask up " + seen, go=(b"<go>", *acts), **more),
            implicit(name, outcome, seen, start=acts, **more)]


def inside(name, acts, **more):
    """Acts in place of the capabilities inside TLS."""
    return [attack(name + " inside TLS", STALE, "ask up hello | ask bye", told_in_tls=acts, **more),
            implicit(name + " inside TLS", UNREACHABLE, "hello | ask bye", told_in_tls=acts, **more)]


def alpn(name):
    """The extension of a ServerHello that selects a protocol (RFC 7301 §3.1)."""
    names = bytes([len(name)]) + name
    return b"\0\x10" + (len(names) + 2).to_bytes(2, "big") + len(names).to_bytes(2, "big") + names


def broken_off(name, end, bye="bye"):
    """The connection ends at each step; bye is the farewell, where it can still be heard."""
    rows = [
        attack(name + " in place of a greeting", NONSENSE, "bye", greeting=end),
        attack(name + " within the greeting", NONSENSE, "bye", greeting=(b"<lead>", end)),
        attack(name + " after the greeting", NONSENSE, "ask bye", told=end),
        attack(name + " within the capabilities", NONSENSE, "ask bye", told=(b"<begun>", end)),
        attack(name + " at the upgrade", REFUSED, "ask up", go=end),
        attack(name + " within the agreement", REFUSED, "ask up", go=(b"<lead>", end)),
        attack(name + " after the agreement", NO_HANDSHAKE, "ask up hello", go=(b"<go>", hear_record, end)),
        attack(name + " inside TLS", STALE, "ask up hello | ask bye", told_in_tls=end),
        attack(name + " within the capabilities inside TLS", STALE, "ask up hello | ask bye",
               told_in_tls=(b"<begun>", end)),
        implicit(name + " in place of a handshake", NO_HANDSHAKE, "hello", start=(hear_record, end)),
        implicit(name + " in place of a greeting", UNREACHABLE, "hello | bye", greeting=end),
        implicit(name + " inside TLS", UNREACHABLE, "hello | ask bye", told_in_tls=end),
    ]
    return [row._replace(seen=row.seen.replace("bye", bye)) for row in rows]


ATTACKS = {
    "an_honest_server_is_allowed": [
        attack("honest", UPGRADED, "ask up hello | ask bye"),
        attack("honest, TLS 1.2", UPGRADED, "ask up hello | ask bye", tls={"newest": TLS.TLSv1_2}),
        attack("honest, TLS 1.3", UPGRADED, "ask up hello | ask bye", tls={"oldest": TLS.TLSv1_3}),
        attack("honest, greets a byte a second", UPGRADED, "ask up hello | ask bye", slow=True,
               greeting=drip(b"<greeting>")),
        implicit("honest", IMPLICIT, "hello | ask bye"),
        implicit("honest, TLS 1.2", IMPLICIT, "hello | ask bye", tls={"newest": TLS.TLSv1_2}),
        implicit("honest, TLS 1.3", IMPLICIT, "hello | ask bye", tls={"oldest": TLS.TLSv1_3}),
        implicit("PREAUTH inside TLS", IMPLICIT, "hello | ask bye", IMAP, greeting=b"* PREAUTH welcome\r\n"),
    ],
    "an_upgrade_that_is_not_offered_is_told_and_not_tried": [
        attack("capability stripped", STRIPPED, "ask bye", words={"offer": b""}),
        attack("capability misspelt", STRIPPED, "ask bye", IMAP, words={"offer": b" STARTTLSX XSTARTTLS"}),
        attack("capabilities refused", STRIPPED, "ask bye", told=b"<bad>"),
    ],
    "an_upgrade_that_is_refused_is_told_and_not_tried_again": [
        attack("refused", REFUSED, "ask up bye", go=b"<no>"),
        attack("refused as unknown", REFUSED, "ask up bye", go=b"<bad>"),
        attack("refused for good", REFUSED, "ask up bye", SUBMISSION, go=b"554 5.7.0 never\r\n"),
        attack("agreed to as something else", REFUSED, "ask up bye", SUBMISSION, go=b"250 fine\r\n"),
        attack("farewell", REFUSED, "ask up", IMAP, go=b"<farewell>"),
        attack("nonsense for an agreement", REFUSED, "ask up", go=b"\x01\x02<stranger>"),
        attack("silence at the upgrade", REFUSED, "ask up", slow=True, go=listen),
        attack("agreement a byte a second", REFUSED, "ask up", slow=True, go=drip(b"<lead>and so on for ever", 9)),
        attack("agreement without an end", REFUSED, "ask up", slow=True, go=(b"<lead>", listen)),
    ],
    "bytes_behind_the_agreement_end_the_attempt": [
        attack("injected in one segment", INJECTED, "ask up", go=(b"<go><evil>", listen)),
        attack("injected, and on as if nothing was", INJECTED, "ask up", go=(b"<go><evil>", secure)),
        attack("injected in another segment", INJECTED, "ask up hello", go=(b"<go>", 0.3, b"<evil>", listen)),
        attack("injected, cut within the line's end", INJECTED, "ask up",
               go=(b"<lead>", 0.1, b"\r", 0.1, b"\n<evil>", listen), protocols=POP3 + SUBMISSION),
        attack("injected without CRLF in one segment", INJECTED, "ask up", go=(b"<go>N", listen)),
        attack("injected without CRLF in another segment", INJECTED, "ask up hello",
               go=(b"<go>", 0.3, b"N", listen)),
        attack("injected TLS record in one segment", INJECTED, "ask up",
               go=(b"<go>\x15\3\3\0\2\2\x28", listen)),
        attack("injected behind the question", INJECTED, "ask", told=(b"<told><agreed>", listen)),
    ],
    "a_reply_before_its_question_is_not_believed": [
        attack("everything said at once", NONSENSE, "- bye", greeting=(b"<greeting><early><agreed>", listen)),
        attack("capabilities with the greeting", NONSENSE, "- bye", greeting=(b"<greeting><early>", listen)),
    ],
    "a_login_claimed_before_tls_ends_the_attempt": [
        attack("PREAUTH", "deny tls.none starttls.preauth-before-tls", "bye", IMAP, greeting=b"* PREAUTH hello\r\n"),
        attack("PREAUTH and all the rest", "deny tls.none starttls.preauth-before-tls", "bye", IMAP,
               greeting=b"* PREAUTH hello\r\n<early><agreed>"),
    ],
    "what_nobody_asked_for_before_tls_has_no_effect": [
        attack("untagged data with the capabilities", IGNORED, "ask up hello | ask bye", IMAP,
               told=b"* LIST () \"/\" evil\r\n* 5 EXISTS\r\n* 1 FETCH (UID 1)\r\n* 1 EXPUNGE\r\n<told>"),
        attack("untagged data before the agreement", IGNORED, "ask up hello | ask bye", IMAP,
               go=(b"* 5 EXISTS\r\n* BAD evil\r\n<go>", secure)),
        attack("alert with the greeting", UPGRADED, "ask up hello | ask bye", greeting=b"<lead>[ALERT] evil\r\n"),
        attack("alert with the capabilities", IGNORED, "ask up hello | ask bye", IMAP,
               told=b"* OK [ALERT] evil\r\n<told>"),
        attack("alert with the refusal", REFUSED, "ask up bye", IMAP, go=b"<tag> NO [ALERT] evil\r\n"),
        attack("referral with the greeting", UPGRADED, "ask up hello | ask bye",
               greeting=b"<lead>[REFERRAL <trap>]\r\n"),
        attack("referral with the capabilities", IGNORED, "ask up hello | ask bye", IMAP,
               told=b"* OK [REFERRAL <trap>] evil\r\n<told>"),
        attack("referral with the refusal", REFUSED, "ask up bye", IMAP, go=b"<tag> NO [REFERRAL <trap>] evil\r\n"),
        attack("referral with the refusal", REFUSED, "ask up bye", POP3, go=b"-ERR [REFERRAL <trap>] evil\r\n"),
        attack("referral with the refusal", REFUSED, "ask up bye", SUBMISSION, go=b"551 5.7.1 try <trap>\r\n"),
        attack("referral inside TLS", UPGRADED, "ask up hello | ask bye", IMAP,
               told_in_tls=b"* OK [REFERRAL <trap>] evil\r\n<told>"),
        attack("upgrade offered again inside TLS", UPGRADED, "ask up hello | ask bye", told_in_tls=b"<early>",
               protocols=POP3 + SUBMISSION),
        attack("upgrade offered again inside TLS", UPGRADED, "ask up hello | ask bye", IMAP,
               told_in_tls=b"* CAPABILITY IMAP4rev1 STARTTLS\r\n<ok>"),
    ],
    "a_greeting_that_makes_no_sense_ends_the_attempt": [
        attack("another protocol's greeting", NONSENSE, "bye", greeting=b"<stranger>"),
        attack("unknown status", NONSENSE, "bye", greeting=b"<unknown>"),
        attack("farewell for a greeting", NONSENSE, "bye", greeting=b"<farewell>"),
        attack("empty line for a greeting", NONSENSE, "bye", greeting=b"\r\n<greeting>"),
        attack("binary greeting", NONSENSE, "bye", greeting=bytes(range(1, 256)) + b"\r\n"),
        attack("TLS for a greeting", NONSENSE, "bye", greeting=server_hello(0x1301) + b"\r\n"),
        attack("greeting without an end", NONSENSE, "bye", slow=True, greeting=(b"<lead>", listen)),
        attack("greeting of a byte a second", NONSENSE, "bye", slow=True,
               greeting=drip(b"<lead>and so on for ever", 9)),
        attack("silence", NONSENSE, "bye", slow=True, greeting=listen),
        attack("silence after the greeting", NONSENSE, "ask bye", slow=True, told=listen),
        implicit("greeting that makes no sense inside TLS", UNREACHABLE, "hello | bye", greeting=b"<stranger>"),
        implicit("silence for a greeting inside TLS", UNREACHABLE, "hello | bye", slow=True, greeting=listen),
    ],
    "lines_and_replies_without_measure_end_the_attempt": [
        attack("greeting of 10 MiB", NONSENSE, "bye", greeting=(b"<lead>", flood(b"A", 10 * MIB), b"\r\n")),
        attack("greeting of 64 KiB", NONSENSE, "bye", greeting=(b"<lead>", flood(b"A", 65536), b"\r\n")),
        attack("capability line of 10 MiB", NONSENSE, "ask bye", told=(b"<begun>", flood(b"A", 10 * MIB), b"\r\n")),
        attack("agreement of 10 MiB", REFUSED, "ask up", go=(b"<lead>", flood(b"A", 10 * MIB), b"\r\n")),
        attack("10 000 responses in the capabilities", NONSENSE, "ask bye",
               told=(b"<begun>\r\n", flood(b"<more>", 160_000), b"<told>")),
        attack("10 000 responses before the agreement", IGNORED_AND_REFUSED, "ask up", IMAP,
               go=(flood(b"<more>", 160_000), b"<go>")),
        attack("10 000 lines of refusal", REFUSED, "ask up", SUBMISSION, go=(flood(b"454-no\r\n", 80_000), b"<no>")),
        attack("responses for ever", NONSENSE, "ask bye", told=(b"<begun>\r\n", flood(b"<more>", 200 * MIB))),
        *inside("capability line of 10 MiB", (b"<begun>", flood(b"A", 10 * MIB), b"\r\n")),
        *inside("10 000 responses", (b"<begun>\r\n", flood(b"<more>", 160_000), b"<told>")),
    ],
    "bytes_that_no_line_holds_end_the_attempt": [
        attack("NUL before the greeting", NONSENSE, "bye", greeting=b"\0<greeting>"),
        attack("NUL within the greeting", NONSENSE, "bye", greeting=b"<lead>\0\r\n"),
        attack("NUL within the capabilities", NONSENSE, "ask bye", told=b"<begun>\0\r\n<told>"),
        attack("NUL within the agreement", REFUSED, "ask up", go=b"<lead>\0\r\n"),
        attack("literal in the greeting", NONSENSE, "bye", IMAP, greeting=b"* OK {5}\r\nready\r\n"),
        attack("literal in the capabilities", NONSENSE, "ask bye", IMAP,
               told=b"* CAPABILITY {8}\r\nSTARTTLS\r\n<ok>"),
        attack("literal in untagged data", NONSENSE, "ask bye", IMAP, told=b"* X {2147483647+}\r\n<told>"),
        attack("literal in the agreement", REFUSED, "ask up", IMAP, go=b"<tag> OK {3}\r\nyes\r\n"),
        attack("braces that are no literal", UPGRADED, "ask up hello | ask bye", POP3 + SUBMISSION,
               greeting=b"<lead>{5}\r\n"),
        *inside("NUL", b"<begun>\0\r\n<told>"),
        *inside("literal", b"* CAPABILITY {8}\r\nSTARTTLS\r\n<ok>", protocols=IMAP),
    ],
    "a_tag_that_was_never_sent_ends_the_attempt": [
        attack("capabilities for another tag", NONSENSE, "ask bye", IMAP,
               told=b"* CAPABILITY IMAP4rev1 STARTTLS\r\nz9 OK\r\n"),
        attack("capabilities for the tag to come", NONSENSE, "ask bye", IMAP,
               told=b"* CAPABILITY IMAP4rev1 STARTTLS\r\na2 OK\r\n"),
        attack("capabilities for a longer tag", NONSENSE, "ask bye", IMAP,
               told=b"* CAPABILITY IMAP4rev1 STARTTLS\r\n<tag>0 OK\r\n"),
        attack("agreement for another tag", REFUSED, "ask up", IMAP, go=b"z9 OK go ahead\r\n"),
        attack("agreement for the tag before", REFUSED, "ask up", IMAP, go=b"a1 OK go ahead\r\n"),
        attack("request to go on", REFUSED, "ask up", IMAP, go=b"+ go ahead\r\n"),
        *inside("another tag", b"* CAPABILITY IMAP4rev1\r\nz9 OK\r\n", protocols=IMAP),
    ],
    "a_connection_that_ends_early_is_judged_by_how_far_it_came": [
        *broken_off("half-close", half_close),
        *broken_off("reset", (0.2, reset), bye=""),
        attack("no close_notify after the capabilities", UPGRADED, "ask up hello | ask bye",
               told_in_tls=(b"<told>", half_close)),
        implicit("no close_notify after the capabilities", IMPLICIT, "hello | ask bye",
                 told_in_tls=(b"<told>", half_close)),
    ],
    "a_handshake_below_the_floor_fails_and_is_not_tried_again": [
        attack("TLS 1.1 only", NO_HANDSHAKE, "ask up hello", tls={"oldest": TLS.TLSv1, "newest": TLS.TLSv1_1}),
        implicit("TLS 1.1 only", NO_HANDSHAKE, "hello", tls={"oldest": TLS.TLSv1, "newest": TLS.TLSv1_1}),
        *handshake("TLS 1.1 forced", NO_HANDSHAKE, "hello alert:70", hear_record, server_hello(0xC013, b"\3\2"),
                   listen),
        attack("anonymous suite only", NO_HANDSHAKE, "ask up hello",
               tls={"newest": TLS.TLSv1_2, "ciphers": "AECDH:ADH:@SECLEVEL=0"}),
        implicit("anonymous suite only", NO_HANDSHAKE, "hello",
                 tls={"newest": TLS.TLSv1_2, "ciphers": "AECDH:ADH:@SECLEVEL=0"}),
        *handshake("anonymous suite forced", NO_HANDSHAKE, "hello alert:47", hear_record, server_hello(0xC018), listen),
        *handshake("suite without encryption forced", NO_HANDSHAKE, "hello alert:47", hear_record,
                   server_hello(0xC010), listen),
        *handshake("refused by alert", NO_HANDSHAKE, "hello", hear_record, b"\x15\3\3\0\2\2\x28", listen),
    ],
    "a_protocol_that_was_not_offered_ends_the_attempt": [
        attack("wrong ALPN", WRONG_ALPN, "ask up hello" + AFTER_ALPN, IMAP + POP3, tls={"forced_alpn": b"http/1.1"}),
        implicit("wrong ALPN", WRONG_ALPN, "hello" + AFTER_ALPN, IMAP + POP3, tls={"forced_alpn": b"http/1.1"}),
        *handshake("ALPN that was not asked for", NO_HANDSHAKE, "hello alert:110", hear_record,
                   server_hello(0xC02F, extensions=alpn(b"http/1.1")), listen, protocols=SUBMISSION),
    ],
    "a_handshake_that_makes_no_sense_fails": [
        *handshake("record of nothing known", NO_HANDSHAKE, "hello alert:10", hear_record,
                   b"\x16\3\3\0\5\xff\0\0\1\0", listen),
        *handshake("record too long", NO_HANDSHAKE, "hello alert:22", hear_record, b"\x16\3\3\xff\xff",
                   flood(b"A", 65535), listen),
        *handshake("silence for a handshake", NO_HANDSHAKE, "hello", listen, slow=True),
        *handshake("handshake of a byte a second", NO_HANDSHAKE, "hello", hear_record, drip(server_hello(0x1301)),
                   slow=True),
        *handshake("endless requests to begin again", NO_HANDSHAKE, "hello", hear_record,
                   flood(b"\x16\3\3\0\4\0\0\0\0", 10 * MIB), half_close),
    ],
    "a_certificate_that_is_too_much_ends_the_attempt": [
        attack("certificate message of 1 MiB", NO_HANDSHAKE, "ask up hello", certificate="huge"),
        implicit("certificate message of 1 MiB", NO_HANDSHAKE, "hello", certificate="huge"),
        attack("chain of 11", "deny transport.starttls-used cert.malformed", "ask up hello | ask bye",
               certificate="long"),
        implicit("chain of 11", "deny cert.malformed", "hello | ask bye", certificate="long"),
    ],
    "a_certificate_for_another_name_gets_the_capability_command_and_no_more": [
        attack("certificate of another name", "deny transport.starttls-used cert.identity-mismatch",
               "ask up hello | ask bye", certificate="wrong_name"),
        implicit("certificate of another name", "deny cert.identity-mismatch", "hello | ask bye",
                 certificate="wrong_name"),
    ],
    "a_request_for_a_client_certificate_is_answered_with_none": [
        attack("certificate asked for", UPGRADED, "ask up hello | ask bye", tls={"asks_certificate": "root"}),
        implicit("certificate asked for", IMPLICIT, "hello | ask bye", tls={"asks_certificate": "root"}),
    ],
    "cleartext_where_tls_comes_first_is_neither_read_nor_answered": [
        implicit("cleartext greeting", CLEARTEXT, "hello", start=(), greeting=(b"<greeting>", listen)),
        implicit("cleartext greeting, later", CLEARTEXT, "hello", start=(), greeting=(0.3, b"<greeting>", listen)),
        implicit("cleartext without end", CLEARTEXT, "hello", start=(), greeting=(flood(b"A", 10 * MIB), listen)),
        implicit("cleartext offer to upgrade", CLEARTEXT, "hello", start=(),
                 greeting=(b"<greeting><early><agreed>", listen)),
    ],
    "nonsense_inside_tls_is_no_mail_server": [
        *inside("another protocol", b"<stranger>", protocols=IMAP + SUBMISSION),
        *inside("farewell", b"<farewell>", protocols=IMAP),
        *inside("silence", listen, slow=True),
        *inside("capabilities a byte a second", drip(b"<begun>and so on for ever", 9), slow=True),
    ],
}


def make_cast(lab):
    """A ServerPki, and two chains that are too much."""
    cast = pki.ServerPki(lab.folder("pki"))
    for name, n in (("huge", MIB // len(cast.ca.der()) + 1), ("long", 9)):
        path = lab.path / f"{name}.chain"
        path.write_bytes(cast.good.chain.read_bytes() + cast.ca.pem.read_bytes() * n)
        setattr(cast, name, dataclasses.replace(cast.good, chain=path))
    return cast


def script_of(protocol, row, cast, trap_port):
    """The server that makes this attack; a trap is where no referral may lead."""
    script = dict(row.script)
    words = WORDS[protocol] | {"trap": b"%s://localhost:%d/" % (protocol.encode(), trap_port)}
    words |= script.pop("words", {})
    tls = {k: getattr(cast, v) if k == "asks_certificate" else v for k, v in script.pop("tls", {}).items()}
    return scripted.server(protocol, getattr(cast, row.certificate), row.implicit, tls, words, **script)


def expected_bytes(protocol, seen):
    """What a row's words mean: [before TLS, inside TLS]."""
    sides, number = [b"", b""], 0
    for side, words in enumerate(seen.split("|")):
        for word in words.split():
            if word == "-":
                number += 1
            elif word in COMMANDS[protocol]:
                number += 1
                sides[side] += (b"a%d " % number if protocol == "imap" else b"") + COMMANDS[protocol][word] + b"\r\n"
            else:
                sides[side] += b"<ClientHello>" if word == "hello" else b"<alert %s>" % word[6:].encode()
    return sides


def readable(data):
    return data.replace(b"\r\n", b"; ").decode("ascii", "backslashreplace").strip("; ")
