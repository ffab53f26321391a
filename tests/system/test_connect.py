# SPDX-License-Identifier: MIT
"""mailtrust connect: a mail program's session, held back until the service has allowed it."""
import base64
import ctypes
import functools
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
import unittest

from lab import mail, place, scripted, service, tunnel, tunnelled
from lab.scripted import flood, half_close, reset, secure
from lab.tunnelled import CANARY, EAGER, GREETING, LOGIN, PROTOCOLS, REFUSAL, TRUNCATED, Case, ScriptedCase, take_leave

LAB = CAST = None
LISTEN_TUNNELS_MAX = 48  # clients/connect/listen.h
MIB = 1024 * 1024


def setUpModule():
    global LAB, CAST
    LAB, CAST = tunnelled.set_up()


class RealServer(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.dovecot = mail.Dovecot(LAB, "good", CAST.good)

    def test_a_program_logs_in_through_the_tunnel_on_every_port(self):
        for listener, protocol in (("imaps", "imap"), ("imap", "imap"), ("pop3s", "pop3"), ("pop3", "pop3")):
            address = self.add(f"{listener}@example.test", protocol, self.dovecot.ports[listener],
                               "" if listener.endswith("s") else "/starttls")
            for through_socket in (False, True):
                with self.subTest(listener=listener, through_socket=through_socket):
                    one = self.connect(address, protocol, through_socket=through_socket)
                    one.until(b"\r\n")
                    one.say(LOGIN[protocol] % (mail.USER.encode(), mail.PASSWORD.encode()))
                    self.assertIn(b"Logging out", one.rest())
                    self.assertEqual((one.wait(), one.errors()), (service.ALLOW, ""))

    def test_a_program_that_says_everything_at_once_and_stops_talking_is_answered(self):
        one = self.connect("imaps@example.test", "imap")
        one.say(LOGIN["imap"] % (mail.USER.encode(), mail.PASSWORD.encode()))
        one.stop_talking()
        self.assertIn(b"a OK", one.rest())
        self.assertEqual(one.wait(), service.ALLOW)

    def test_a_wrong_password_is_told_by_the_server_itself(self):
        one = self.connect("imaps@example.test", "imap")
        one.say(b"a LOGIN me wrong\r\n")
        self.assertIn(b"a NO", one.until(b"a NO"))

    @unittest.skipUnless(mail.IS_ROOT, "Postfix needs root")
    def test_a_message_is_handed_in_through_the_tunnel(self):
        postfix = mail.Postfix(LAB, "good", CAST.good, self.dovecot)
        for listener, suffix in (("submissions", ""), ("submission", "/starttls")):
            with self.subTest(listener=listener):
                address = self.add(f"{listener}@example.test", "submission", postfix.ports[listener], suffix)
                one = self.connect(address, "submission")
                one.until(b"220 ")
                one.say(b"EHLO program.test\r\n")
                self.assertIn(b"AUTH PLAIN", one.until(b"CHUNKING"))
                one.say(b"QUIT\r\n")
                self.assertIn(b"\r\n221 ", one.rest())
                self.assertEqual(one.wait(), service.ALLOW)


class Allowed(ScriptedCase):
    def test_what_a_program_says_too_early_is_held_and_delivered_in_order(self):
        for protocol in PROTOCOLS:
            for implicit in (True, False):
                with self.subTest(protocol=protocol, implicit=implicit):
                    address, server = self.bent(protocol, implicit, greeting=(0.3, b"<greeting>"))
                    one = self.connect(address, protocol)
                    one.say(EAGER[protocol])
                    self.assertTrue(one.rest().startswith(GREETING[protocol]), one.said)
                    self.assertEqual((one.wait(), one.errors()), (service.ALLOW, ""))
                    self.assertTrue(server.await_end().talks[-1].secured().endswith(EAGER[protocol]))
                    self.assertNotIn(CANARY, server.talks[-1].clear())

    def test_64_kib_before_the_verdict_are_delivered_whole(self):
        address, server = self.bent("imap", greeting=(0.5, b"<greeting>"))
        one = self.connect(address, "imap")
        early = b"a1 NOOP " + b"x" * 4000 + b"\r\n"
        early = early * (64 * 1024 // len(early))
        one.say(early + b"a2 LOGOUT\r\n")
        one.rest()
        self.assertEqual(one.wait(), service.ALLOW)
        self.assertIn(early, server.await_end().talks[-1].secured())

    def test_the_greeting_names_the_capabilities_of_inside_tls_and_no_others(self):
        # D-STLS-02, D-STLS-11
        for implicit in (True, False):
            with self.subTest(implicit=implicit):
                address, _ = self.bent(
                    "imap", implicit, told=b"* CAPABILITY IMAP4rev1 AUTH=PLAIN EARLY<offer>\r\n<ok>",
                    told_in_tls=b"* CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-256\r\n<ok>")
                one = self.connect(address, "imap")
                self.assertTrue(one.until(b"\r\n").startswith(b"* OK [CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-256] "))

    def test_capabilities_too_many_for_the_greeting_are_left_to_the_program_to_ask(self):
        many = b" ".join(b"X-NUMBER-%d" % i for i in range(100))
        address, _ = self.bent("imap", told_in_tls=b"* CAPABILITY IMAP4rev1 " + many + b"\r\n<ok>")
        one = self.connect(address, "imap")
        one.say(b"a1 CAPABILITY\r\n")
        self.assertIn(b"* CAPABILITY IMAP4rev1 " + many, one.until(b"a1 OK"))
        self.assertNotIn(b"[CAPABILITY", one.said)

    def test_nothing_the_server_said_before_tls_reaches_the_program(self):
        # D-STLS-06, D-STLS-11
        evil = b"* OK [ALERT] evil\r\n* OK [REFERRAL imap://evil.test/] evil\r\n* 5 EXISTS\r\n* LIST () \"/\" evil\r\n"
        address, _ = self.bent("imap", False, greeting=b"* OK evil\r\n", told=evil + b"<told>")
        one = self.connect(address, "imap")
        one.say(b"a1 NOOP\r\n")
        self.assertNotIn(b"evil", one.until(b"a1 OK"))

    def test_what_the_server_adds_inside_tls_reaches_the_program(self):
        for implicit in (True, False):
            with self.subTest(implicit=implicit):
                address, _ = self.bent("imap", implicit, told_in_tls=b"<told>* OK [ALERT] full\r\n")
                self.assertIn(b"\r\n* OK [ALERT] full\r\n", self.connect(address, "imap").until(b"full\r\n"))

    def test_a_server_that_logs_in_inside_tls_is_shown_so(self):
        # D-SASL-09
        address, _ = self.bent("imap", greeting=b"* PREAUTH hello\r\n")
        self.assertTrue(self.connect(address, "imap").until(b"\r\n").startswith(b"* PREAUTH [CAPABILITY IMAP4rev1] "))

    def test_forty_programs_of_a_user_have_a_session_each_at_the_same_time(self):
        address, server = self.server("imap", True)
        many = [self.connect(address, "imap") for _ in range(40)]
        for one in many:
            self.assertTrue(one.until(b"\r\n").startswith(b"* OK "))
        for one in many:
            one.say(b"a1 NOOP\r\n")
            one.until(b"a1 OK")
        self.assertEqual(len(server.talks), 40)

    def test_a_program_and_a_server_that_both_send_without_reading_do_not_deadlock(self):
        address, server = self.bent("imap", ok=(flood(b"* 1 FETCH (BODY {1}\r\nx)\r\n", MIB), b"<ok>"))
        one = self.connect(address, "imap")
        one.until(b"\r\n")
        threading.Thread(target=one.say, args=(b"a1 FETCH\r\n" + b"a2 NOOP " + b"y" * (MIB // 4) + b"\r\n",)).start()
        one.until(b"a1 OK")
        one.until(b"a2 OK")
        self.assertGreater(len(one.said), MIB)

    def test_a_program_that_never_reads_holds_the_server_up_and_loses_nothing(self):
        address, server = self.bent("imap", ok=(flood(b"0123456789abcdef", 20 * MIB), b"<ok>"))
        one = self.connect(address, "imap")
        one.say(b"a1 FETCH\r\n")
        time.sleep(2)
        if not place.is_instrumented():
            self.assertLess(tunnelled.memory_kib(one), 16 * 1024)
        self.assertTrue(one.until(b"a1 OK").split(b"\r\n", 1)[1].startswith(b"0123456789abcdef" * (20 * MIB // 16)))


# name: (implicit or not, reason, parts of the server, only in these protocols)
ATTACKS = {
    "stripped": (False, "starttls.not-offered", {"words": {"offer": b""}}, PROTOCOLS),
    "refused": (False, "starttls.refused", {"go": (b"<no>",)}, PROTOCOLS),
    "injected": (False, "starttls.response-injected", {"go": (b"<go><ok>", secure)}, PROTOCOLS),
    "nonsense": (False, "starttls.bad-greeting", {"greeting": b"\0\1\2\r\n"}, PROTOCOLS),
    "endless line": (False, "starttls.bad-greeting", {"greeting": b"x" * 65536}, PROTOCOLS),
    "preauth": (False, "starttls.preauth-before-tls", {"greeting": b"* PREAUTH hello\r\n"}, ("imap",)),
    "hang-up": (False, "tls.handshake-failed", {"go": (b"<go>", half_close)}, PROTOCOLS),
    "wrong name": (False, "cert.identity-mismatch", {"certificate": "wrong_name"}, PROTOCOLS),
    "untrusted": (False, "cert.chain-untrusted", {"certificate": "self_signed"}, PROTOCOLS),
    "wrong name at once": (True, "cert.identity-mismatch", {"certificate": "wrong_name"}, PROTOCOLS),
    "untrusted at once": (True, "cert.chain-untrusted", {"certificate": "self_signed"}, PROTOCOLS),
    "expired at once": (True, "cert.expired", {"certificate": "expired"}, PROTOCOLS),
    "cleartext": (True, "transport.cleartext-on-tls-port", {"start": ()}, PROTOCOLS),
}


class Denied(ScriptedCase):
    def attack(self, name, protocol):
        """Return: (account, server, reason)."""
        implicit, reason, parts, _ = ATTACKS[name]
        parts = dict(parts)
        certificate = getattr(CAST, parts.pop("certificate", "good"))
        return *self.bent(protocol, implicit, certificate, **parts), reason

    def test_a_denied_program_hears_why_in_its_protocol_and_the_server_hears_nothing_of_it(self):
        # R-5.2-09, D-SYS-08
        for name, (_, _, _, protocols) in ATTACKS.items():
            for protocol in protocols:
                with self.subTest(attack=name, protocol=protocol):
                    address, server, reason = self.attack(name, protocol)
                    one = self.connect(address, protocol)
                    one.say(EAGER[protocol])
                    status, said = tunnel.refused(one)
                    self.assertEqual(status, service.DENY, one.errors())
                    self.assertTrue(said.startswith(REFUSAL[protocol]), said)
                    self.assertEqual(said.count(b"\r\n"), 1, said)
                    self.assertIn(reason, one.errors())
                    self.assert_saw_nothing(server, b"LOGIN", b"USER", b"AUTH")
                    self.assertEqual(len(server.talks), 1)  # D-STLS-07: one attempt

    def test_a_refused_certificate_is_told_by_an_alert_and_nothing_else(self):
        # D-ID-16: nothing of ours inside TLS
        for name in ("wrong name", "wrong name at once", "expired at once"):
            for protocol in PROTOCOLS:
                with self.subTest(attack=name, protocol=protocol):
                    address, server, _ = self.attack(name, protocol)
                    self.assertEqual(tunnel.refused(self.connect(address, protocol))[0], service.DENY)
                    self.assertEqual(server.await_end().talks[0].secured(), b"")

    def test_before_tls_only_capabilities_and_the_upgrade_are_asked_for(self):
        # R-5.2-09, D-STLS-16
        allowed = {b"CAPABILITY", b"STARTTLS", b"LOGOUT", b"CAPA", b"STLS", b"QUIT", b"EHLO"}
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol):
                address, server, _ = self.attack("wrong name", protocol)
                tunnel.refused(self.connect(address, protocol))
                for line in server.await_end().lines(secured=False):
                    words = line.split(b" ")
                    self.assertIn(words[1 if protocol == "imap" else 0], allowed)

    def test_10_mib_before_the_verdict_are_not_held(self):
        # D-SYS-08: 64 KiB, then closed
        for name in ("stripped", "wrong name at once"):
            for protocol in PROTOCOLS:
                with self.subTest(attack=name, protocol=protocol):
                    implicit, _, parts, _ = ATTACKS[name]
                    parts = {"certificate": "good"} | parts
                    parts["certificate"] = getattr(CAST, parts["certificate"])
                    address, server = self.bent(protocol, implicit, greeting=(1, b"<greeting>"),
                                                **{"start": (1, secure)} if implicit else {}, **parts)
                    one = self.connect(address, protocol)
                    taken = one.offer(EAGER[protocol] + b"x" * 10 * MIB)
                    self.assertLess(taken, 512 * 1024)
                    status, said = tunnel.refused(one)
                    self.assertEqual(status, service.DENY)
                    self.assertTrue(said.startswith(REFUSAL[protocol]), said)
                    self.assert_saw_nothing(server, b"xxxx")

    def test_a_program_that_is_denied_a_hundred_times_is_denied_the_same_each_time(self):
        # R-5.2-11: no fatigue
        address, server, reason = self.attack("stripped", "imap")
        heard = set()
        for _ in range(100):
            one = self.connect(address, "imap")
            heard.add((*tunnel.refused(one), one.errors()))
        self.assertEqual(len(heard), 1, heard)
        self.assertIn(reason, heard.pop()[2])

    def test_an_account_that_is_not_in_use_yet_is_denied(self):
        self.service.mailtrust("account", "add", "new@example.test", "--imap", f"localhost:{LAB.port()}")
        _, server = self.server("imap", True)
        self.service.mailtrust("account", "edit", "new@example.test", "--imap", f"localhost:{server.port}")
        one = self.connect("new@example.test", "imap")
        one.say(EAGER["imap"])
        self.assertEqual(tunnel.refused(one)[0], service.DENY)
        self.assertIn("account.setup", one.errors())
        self.assert_saw_nothing(server)


class Endings(ScriptedCase):
    def test_a_server_that_takes_its_leave_ends_the_session_well(self):
        # D-TLS-15
        for protocol in PROTOCOLS:
            for implicit in (True, False):
                with self.subTest(protocol=protocol, implicit=implicit):
                    address, _ = self.bent(protocol, implicit, ok=(b"last words\r\n", take_leave))
                    one = self.connect(address, protocol)
                    one.say(b"x\r\n")
                    self.assertTrue(one.rest().endswith(b"last words\r\n"))
                    self.assertEqual((one.wait(), one.errors()), (service.ALLOW, ""))

    def test_a_connection_that_breaks_off_is_reported_as_truncated(self):
        # D-TLS-15
        for end in (half_close, reset):
            for protocol in PROTOCOLS:
                with self.subTest(end=end.__name__, protocol=protocol):
                    address, _ = self.bent(protocol, ok=(b"half a li", 0.2, end))
                    one = self.connect(address, protocol)
                    one.say(b"x\r\n")
                    self.assertTrue(one.rest().endswith(b"half a li"))
                    self.assertEqual(one.wait(), TRUNCATED)
                    self.assertIn("without saying goodbye", one.errors())

    def test_a_program_that_stops_talking_is_told_to_the_server_and_still_answered(self):
        seen = []

        def hear_end(talk):
            with self.assertRaises(scripted.Gone):
                talk.line()
            seen.append("close_notify")
            talk.send(b"after the end\r\n")
            take_leave(talk)
        address, _ = self.bent("imap", ok=(b"<ok>", hear_end))
        one = self.connect(address, "imap")
        one.say(b"a1 NOOP\r\n")
        one.until(b"a1 OK")
        one.stop_talking()
        self.assertTrue(one.rest().endswith(b"after the end\r\n"))
        self.assertEqual((one.wait(), seen), (service.ALLOW, ["close_notify"]))

    def test_a_program_that_goes_away_is_followed_by_a_close_notify(self):
        # D-TLS-15: ours comes first, so the server need not guess
        for through_socket in (False, True):
            with self.subTest(through_socket=through_socket):
                ends = []

                def hear_end(talk):
                    try:
                        ends.append(talk.connection.recv(100))  # b"" is close_notify
                    except ssl.SSLError as error:
                        ends.append(error)
                    raise scripted.Gone
                address, _ = self.bent("imap", ok=(b"<ok>", hear_end))
                one = self.connect(address, "imap", through_socket=through_socket)
                one.say(b"a1 NOOP\r\n")
                one.until(b"a1 OK")
                started = time.monotonic()
                one.hang_up()
                self.assertEqual(one.wait(), service.ALLOW)
                self.assertLess(time.monotonic() - started, 3)
                place.wait_until(lambda: ends, "the server's end")
                self.assertEqual(ends, [b""])

    def test_the_last_words_of_a_program_that_goes_away_are_delivered(self):
        for through_socket in (False, True):
            with self.subTest(through_socket=through_socket):
                address, server = self.server("imap", True)
                one = self.connect(address, "imap", through_socket=through_socket)
                one.until(b"\r\n")
                one.say(b"a1 " + b"z" * 30000 + b"\r\na2 LOGOUT\r\n")
                one.hang_up()
                self.assertEqual(one.wait(), service.ALLOW)
                self.assertTrue(server.await_end().talks[-1].secured().endswith(b"z\r\na2 LOGOUT\r\n"))

    def test_a_program_may_go_away_at_every_moment(self):
        moments = {
            "greeting": ({"greeting": (1, b"<greeting>")}, False, 0.3),
            "upgrade": ({"go": (b"<go>", 1, secure)}, False, 0.5),
            "handshake": ({"start": (1, secure)}, True, 0.3),
            "capabilities": ({"told_in_tls": (1, b"<told>")}, True, 0.5),
            "at once": ({}, True, 0),
            "open": ({}, True, 0.5),
            "being answered": ({"ok": flood(b"* OK\r\n", 8 * MIB)}, True, 0.5),
        }
        for name, (parts, implicit, after) in moments.items():
            for through_socket in (False, True):
                with self.subTest(moment=name, through_socket=through_socket):
                    address, server = self.bent("imap", implicit, **parts)
                    one = self.connect(address, "imap", through_socket=through_socket)
                    one.say(b"a1 NOOP\r\n" if name == "being answered" else EAGER["imap"][:9])
                    time.sleep(after)
                    one.hang_up()
                    self.assertIn(one.wait(8), (service.ALLOW, TRUNCATED), one.errors())

    def test_a_server_may_go_away_at_every_moment(self):
        moments = {"greeting": ({"greeting": reset}, False), "upgrade": ({"go": reset}, False),
                   "handshake": ({"start": reset}, True), "capabilities": ({"told_in_tls": reset}, True)}
        for name, (parts, implicit) in moments.items():
            with self.subTest(moment=name):
                address, server = self.bent("imap", implicit, **parts)
                one = self.connect(address, "imap")
                one.say(EAGER["imap"])
                status, said = tunnel.refused(one)
                self.assertIn(status, (service.DENY, service.UNREACHABLE))
                self.assertTrue(said.startswith(REFUSAL["imap"]), said)
                self.assert_saw_nothing(server)


class NoService(ScriptedCase):
    """D-SYS-04: without the service the answer is no, and no byte is sent."""

    def assert_unavailable(self, one, protocol, server=None):
        status, said = tunnel.refused(one)
        self.assertEqual(status, service.NO_DAEMON, one.errors())
        self.assertTrue(said.startswith(REFUSAL[protocol]), said)
        self.assertIn(b"daemon.unavailable", said)
        self.assertIn("daemon.unavailable", one.errors())
        if server:
            self.assert_saw_nothing(server)

    def test_a_service_that_is_absent_is_a_refusal(self):
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol):
                program = [place.executable("mailtrust"), "--socket", LAB.path / "nothing", "connect"]
                one = self.connect("me@example.test", protocol, program=program)
                one.say(EAGER[protocol])
                self.assert_unavailable(one, protocol)

    def test_a_service_that_hangs_is_a_refusal_after_five_seconds(self):
        address, server = self.bent("imap", greeting=(1, b"<greeting>"))
        self.service.process.child.send_signal(signal.SIGSTOP)
        self.addCleanup(self.service.process.child.send_signal, signal.SIGCONT)
        started = time.monotonic()
        one = self.connect(address, "imap")
        one.say(EAGER["imap"])
        self.assert_unavailable(one, "imap", server)
        self.assertLess(time.monotonic() - started, 7)

    def test_a_service_that_hangs_or_dies_in_the_middle_is_a_refusal(self):
        for implicit in (True, False):
            for end in (signal.SIGSTOP, signal.SIGKILL):
                with self.subTest(implicit=implicit, end=end.name):
                    slow = {"start": (1, secure)} if implicit else {"go": (b"<go>", 1, secure)}
                    address, server = self.bent("imap", implicit, **slow)
                    one = self.connect(address, "imap")
                    one.say(EAGER["imap"])
                    place.wait_until(lambda: server.talks or one.child.poll() is not None, "the dialogue")
                    self.assertTrue(server.talks, one.child.poll() and one.errors())
                    time.sleep(0.3)
                    self.service.process.child.send_signal(end)
                    try:
                        self.assert_unavailable(one, "imap", server)
                    finally:
                        # one that stood still finds its workers late, and has to start others
                        self.service.process.child.send_signal(signal.SIGCONT)
                        self.service.restart()

    def test_a_service_that_answers_nonsense_is_a_refusal(self):
        for answer in (b"", b"OK 00\r\n" * 3, bytes(range(256)) * 40):
            with self.subTest(answer=answer[:8]):
                path = LAB.folder("nonsense") / f"socket-{len(answer)}"
                listener = socket.socket(socket.AF_UNIX)
                listener.bind(str(path))
                listener.listen()
                thread = threading.Thread(target=say_nonsense, args=(listener, answer), daemon=True)
                self.addCleanup(place.stop_accepting, listener, thread)
                thread.start()
                program = [place.executable("mailtrust"), "--socket", path, "connect"]
                one = self.connect("me@example.test", "imap", program=program)
                one.say(EAGER["imap"])
                self.assert_unavailable(one, "imap")


def say_nonsense(listener, answer):
    """Answers every connection with the same bytes, and goes on listening."""
    while True:
        try:
            connection = listener.accept()[0]
            connection.sendall(answer)
        except OSError:
            return


class CommandLine(ScriptedCase):
    def test_no_option_weakens_anything(self):
        # R-5.2-10
        address, server = self.server("imap", True)
        for word in ("--insecure", "--force", "--yes-really", "--no-verify", "--min-conf=off", "--pin=x", "--allow-awc",
                     "--transport=none", "--reduced-confidentiality", "--trust-anchors=/tmp"):
            with self.subTest(option=word):
                one = self.connect(address, "imap", word)
                self.assertEqual(tunnel.refused(one), (service.USAGE, b""))
        self.assertEqual(server.talks, [])
        words = self.service.mailtrust("help", "connect").stdout.split()
        self.assertEqual({w.strip("[") for w in words if w.strip("[").startswith("--")}, {"--listen", "--export-cb", "--sasl-external", "--authzid"})

    def test_an_account_nobody_added_is_refused_in_the_programs_protocol(self):
        one = self.connect("stranger@example.test", "imap")
        status, said = tunnel.refused(one)
        self.assertEqual(status, service.DENY)
        self.assertIn(b"* BYE mailtrust: There is no such account", said)

    def test_a_service_the_account_does_not_have_is_a_matter_of_usage(self):
        address, _ = self.server("imap", True)
        self.assertEqual(tunnel.refused(self.connect(address, "pop3"))[0], service.USAGE)
        self.assertEqual(tunnel.refused(self.connect(address, "gopher"))[0], service.USAGE)

    def test_a_server_that_does_not_answer_is_unreachable(self):
        address, server = self.server("pop3", True)
        server.close()
        status, said = tunnel.refused(self.connect(address, "pop3"))
        self.assertEqual(status, service.UNREACHABLE)
        self.assertTrue(said.startswith(b"-ERR mailtrust: localhost: "), said)


    def test_a_standard_end_that_is_closed_is_nothing_elses_place(self):
        argv = [place.executable("mailtrust"), "--socket", self.service.socket, "connect"]
        for closed in ((0,), (1,), (2,), (1, 2)):
            with self.subTest(closed=closed):
                address, server = self.server("imap", True)
                ends = [None if fd in closed else subprocess.PIPE for fd in range(3)]
                child = subprocess.Popen([*map(str, argv), address, "imap"], stdin=ends[0], stdout=ends[1], stderr=ends[2],
                                         env=LAB.environment(),
                                         preexec_fn=functools.partial(lambda fds: [os.close(fd) for fd in fds], closed))
                self.addCleanup(child.communicate)
                self.addCleanup(child.kill)
                place.wait_until(lambda s=server: s.talks and s.talks[-1].saw, "the session")
                found = {os.readlink(f"/proc/{child.pid}/fd/{fd}") for fd in closed}
                self.assertEqual(found, {"/dev/null"})
                if 1 not in closed:
                    self.assertTrue(child.stdout.readline().startswith(b"* OK "))


class Reduced(ScriptedCase):
    """An account whose owner has consented to less."""

    def lower(self, address):
        with self.service.connect() as connection:
            found = connection.call(None, service.ROOT_PATH, service.MANAGER, "FindAccount", "s", address).values()[0]
            for args in (("RecordConsent", "sa{sv}", "reduced-confidentiality", {"text_version": ("u", service.TEXT_VERSION)}),
                         ("SetMinimum", "a{ss}", {"min_conf": "off"})):
                reply = connection.call(None, found, service.ACCOUNT, *args)
                self.assertIsNone(reply.error(), reply.body)

    def test_a_session_without_confidentiality_says_so_and_exits_with_10(self):
        address, server = self.bent("imap", False)
        self.lower(address)
        server.script = scripted.imap(words={"offer": b""}, bye=(b"<bye>", take_leave))
        one = self.connect(address, "imap")
        one.say(EAGER["imap"])
        said = one.rest()
        self.assertEqual(one.wait(), service.AWC, one.errors())
        self.assertTrue(said.startswith(b"* OK localhost "), said)
        self.assertIn("tls.none", one.errors())
        self.assertTrue(server.await_end().talks[-1].clear().endswith(EAGER["imap"]))

    def test_it_takes_encryption_wherever_it_is_offered(self):
        # R-5.2-13
        address, server = self.bent("imap", False)
        one = self.connect(address, "imap")
        one.say(EAGER["imap"])
        one.rest()
        self.assertEqual(one.wait(), service.ALLOW, (one.errors(), server.await_end().told()))
        self.assertNotIn(CANARY, server.await_end().talks[-1].clear())


def speak_sasl(talk):
    """Answers what logs in: with a question for AUTHENTICATE and AUTH without more, no to "wrong"."""
    line = talk.saw[-1][1]
    tag, is_smtp = talk.words["tag"], talk.words["greeting"].startswith(b"220")
    verb = line.split()[1 if tag else 0].upper()
    if verb in (b"AUTHENTICATE", b"AUTH") and len(line.split()) == (3 if tag else 2):
        talk.send(b"334 \r\n" if is_smtp else b"+ \r\n")
        line = talk.line()
    if b"wrong" in line:
        talk.perform(b"<no>")
    elif verb == b"AUTH" and is_smtp:
        talk.send(b"235 2.7.0 welcome\r\n")
    else:
        talk.perform(b"<ok>")


def speak_literals(talk):
    """Answers a command in literals, asking for those that wait to be asked for."""
    line = talk.saw[-1][1].rstrip()
    while line.endswith(b"}"):
        if not line.endswith(b"+}"):
            talk.send(b"+ go on\r\n")
        line = talk.line()
    talk.perform(b"<ok>")


def exported(connection):
    """The server's end of the channel binding (RFC 9266); the ssl module does not tell it."""
    out, label = ctypes.create_string_buffer(32), b"EXPORTER-Channel-Binding"
    # an SSLSocket holds an _SSLSocket, whose object head is followed by a reference and its SSL *
    ssl_of = ctypes.c_void_p.from_address(id(connection._sslobj) + object.__basicsize__ + ctypes.sizeof(ctypes.c_void_p))
    done = ctypes.CDLL("libssl.so.3").SSL_export_keying_material(ssl_of, out, ctypes.c_size_t(32), label,
                                                                 ctypes.c_size_t(len(label)), None, ctypes.c_size_t(0), 1)
    assert done == 1
    return out.raw


class Mechanisms(ScriptedCase):
    """Where policy has a word in how a program logs in, the service is asked about its own command."""

    def restricted(self, protocol, field="auth_mechs=PLAIN", **parts):
        """Return: (account, server) of an account with that field."""
        address, server = self.bent(protocol, **{"ok": speak_sasl} | parts)
        done = self.service.mailtrust("account", "edit", address, "--set", field)
        self.assertEqual(done.returncode, 0, done.stderr)
        # the others are not to stay
        self.addCleanup(self.service.mailtrust, "account", "edit", address, "--set", "auth_mechs=any")
        self.addCleanup(self.service.mailtrust, "account", "edit", address, "--set", "channel_binding=prefer")
        return address, server

    def said_inside(self, server):
        """What the program said, without the dialogue's own commands."""
        return [line for line in server.await_end().lines(secured=True)[1:]]

    def assert_denied(self, one, protocol, reason):
        status, said = tunnel.refused(one)
        self.assertEqual(status, service.DENY, (said, one.errors()))
        self.assertIn(REFUSAL[protocol], said)
        self.assertIn(reason, one.errors())

    def test_an_allowed_mechanism_is_passed_on_with_its_answers(self):
        # D-SASL-10
        talks = {"imap": [b"a AUTHENTICATE PLAIN", b"c2VjcmV0", b"b SELECT INBOX", b"c LOGOUT"],
                 "pop3": [b"AUTH PLAIN", b"c2VjcmV0", b"STAT", b"QUIT"],
                 "submission": [b"EHLO x", b"AUTH PLAIN c2VjcmV0", b"MAIL FROM:<>", b"QUIT"]}
        for protocol, lines in talks.items():
            with self.subTest(protocol=protocol):
                address, server = self.restricted(protocol)
                one = self.connect(address, protocol)
                one.say(b"\r\n".join(lines) + b"\r\n")
                one.rest()
                self.assertEqual((one.wait(), one.errors()), (service.ALLOW, ""), one.said)
                self.assertEqual(self.said_inside(server), lines)

    def test_a_forbidden_mechanism_is_refused_and_its_command_goes_nowhere(self):
        commands = {"imap": [b"a LOGIN me " + CANARY, b"a AUTHENTICATE CRAM-MD5", b"a AUTHENTICATE X-NEW " + CANARY],
                    "pop3": [b"USER " + CANARY, b"PASS " + CANARY, b"APOP me " + CANARY, b"AUTH LOGIN"],
                    "submission": [b"AUTH LOGIN " + CANARY, b"AUTH CRAM-MD5"]}
        for protocol, lines in commands.items():
            for line in lines:
                with self.subTest(line=line):
                    address, server = self.restricted(protocol)
                    one = self.connect(address, protocol)
                    one.until(GREETING[protocol])
                    one.say(line + b"\r\n" + CANARY + b"\r\n")
                    self.assert_denied(one, protocol, "auth.mechanism-forbidden")
                    self.assert_saw_nothing(server, line[:9])

    def test_a_second_attempt_with_another_mechanism_is_asked_about_anew(self):
        address, server = self.restricted("imap")
        one = self.connect(address, "imap")
        one.say(b"a AUTHENTICATE PLAIN\r\n")
        one.until(b"\r\n+ ")
        one.say(b"wrong\r\nb LOGIN me " + CANARY + b"\r\n")
        self.assert_denied(one, "imap", "auth.mechanism-forbidden")
        self.assertIn(b"a NO", one.said)
        self.assert_saw_nothing(server, b"LOGIN")

    def test_a_second_attempt_with_the_same_mechanism_passes(self):
        address, server = self.restricted("pop3", "auth_mechs=USER")
        one = self.connect(address, "pop3")
        lines = [b"CAPA", b"USER me", b"PASS wrong", b"USER me", b"PASS right", b"STAT", b"QUIT"]
        one.say(b"\r\n".join(lines) + b"\r\n")
        one.rest()
        self.assertEqual(one.wait(), service.ALLOW, one.errors())
        self.assertEqual(self.said_inside(server), lines)

    def test_before_the_login_nothing_passes_that_is_no_question_about_capabilities(self):
        # D-SYS-08
        for protocol, line, expected in (("imap", b"a SELECT INBOX", b"a BAD"), ("imap", b"a ID NIL", b"a BAD"),
                                         ("imap", b"a STARTTLS", b"a BAD"), ("imap", b"nonsense", b"* BAD"),
                                         ("pop3", b"STAT", b"-ERR"), ("pop3", b"AUTH", b"-ERR"),
                                         ("submission", b"MAIL FROM:<a@b>", b"530"), ("submission", b"HELO x", b"530")):
            with self.subTest(line=line):
                address, server = self.restricted(protocol)
                one = self.connect(address, protocol)
                one.say(line + b"\r\n")
                one.until(b"\r\n" + expected)
                one.hang_up()
                self.assertEqual(one.wait(), service.ALLOW)
                self.assert_saw_nothing(server, line)

    def test_a_login_in_literals_is_passed_on_piece_by_piece(self):
        for login in (b"a LOGIN {2}\r\nme {6}\r\nsecret\r\n", b"a LOGIN {2+}\r\nme {6+}\r\nsecret\r\n"):
            with self.subTest(login=login):
                address, server = self.restricted("imap", "auth_mechs=LOGIN", ok=speak_literals)
                one = self.connect(address, "imap")
                one.say(login + b"b LOGOUT\r\n")
                one.rest()
                self.assertEqual(one.wait(), service.ALLOW, one.errors())
                self.assertTrue(server.await_end().talks[-1].secured().endswith(login + b"b LOGOUT\r\n"))

    def test_login_is_refused_where_the_server_disables_it(self):
        # D-SASL-05
        disabled = {"told_in_tls": b"* CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=PLAIN\r\n<ok>"}
        address, server = self.bent("imap", ok=speak_sasl, **disabled)
        one = self.connect(address, "imap")
        one.say(b"a LOGIN me " + CANARY + b"\r\n")
        self.assert_denied(one, "imap", "auth.login-disabled")
        self.assert_saw_nothing(server, b"LOGIN")
        address, server = self.bent("imap", ok=speak_sasl, **disabled)
        one = self.connect(address, "imap")
        one.say(b"a AUTHENTICATE PLAIN\r\nc2VjcmV0\r\nb LOGOUT\r\n")
        one.rest()
        self.assertEqual(one.wait(), service.ALLOW, one.errors())

    def test_a_binding_the_program_cannot_have_is_not_pretended(self):
        # D-CB-05
        for mechanism in (b"PLAIN", b"SCRAM-SHA-256-PLUS"):
            with self.subTest(mechanism=mechanism):
                address, server = self.restricted("imap", "channel_binding=require")
                one = self.connect(address, "imap")
                one.say(b"a AUTHENTICATE " + mechanism + b"\r\n" + CANARY + b"\r\n")
                self.assert_denied(one, "imap", "auth.channel-binding-missing")
                self.assert_saw_nothing(server, b"AUTHENTICATE")

    def test_a_program_that_asks_for_the_binding_gets_it_and_may_use_it(self):
        # D-CB-01, D-CB-05: both ends have the same value
        read_end, write_end = os.pipe()
        theirs = []

        def answer(talk):
            theirs.append(exported(talk.connection))
            speak_sasl(talk)
        address, server = self.restricted("imap", "channel_binding=require", ok=answer)
        one = self.connect(address, "imap", "--export-cb", str(write_end), pass_fds=[write_end])
        os.close(write_end)
        with open(read_end, "rb") as pipe:
            kind, value = pipe.read().split()
        one.say(b"a AUTHENTICATE SCRAM-SHA-256-PLUS\r\nc2VjcmV0\r\n")
        one.until(b"a OK")
        self.assertEqual((kind, base64.b64decode(value)), (b"tls-exporter", theirs[0]))

    def test_the_binding_does_not_help_who_does_not_use_it(self):
        address, server = self.restricted("imap", "channel_binding=require")
        read_end, write_end = os.pipe()
        one = self.connect(address, "imap", "--export-cb", str(write_end), pass_fds=[write_end])
        os.close(write_end)
        os.close(read_end)
        one.say(b"a AUTHENTICATE PLAIN\r\n")
        self.assert_denied(one, "imap", "auth.channel-binding-missing")

    def test_all_else_is_refused_before_the_program_is_greeted(self):
        address, server = self.restricted("imap")
        server.script = scripted.imap(CAST.expired, True)
        one = self.connect(address, "imap")
        one.say(EAGER["imap"])
        status, said = tunnel.refused(one)
        self.assertEqual((status, said[:6]), (service.DENY, b"* BYE "))
        self.assert_saw_nothing(server)

    def test_a_line_without_end_is_not_held(self):
        address, server = self.restricted("imap")
        one = self.connect(address, "imap")
        one.until(b"\r\n")
        self.assertLess(one.offer(b"a LOGIN " + b"x" * 10 * MIB), 512 * 1024)
        status, said = tunnel.refused(one)
        self.assertEqual(status, service.DENY)
        self.assert_saw_nothing(server, b"xxxx")

    def test_dovecot_lets_in_who_uses_the_mechanism_that_is_allowed(self):
        dovecot = mail.Dovecot(LAB, "mechanisms", CAST.good)
        for protocol in ("imap", "pop3"):
            with self.subTest(protocol=protocol):
                address = self.add(f"dovecot-{protocol}@example.test", protocol, dovecot.ports[protocol + "s"])
                word = {"imap": "LOGIN", "pop3": "USER"}[protocol]
                self.service.mailtrust("account", "edit", address, "--set", f"auth_mechs={word}")
                one = self.connect(address, protocol)
                one.say(LOGIN[protocol] % (mail.USER.encode(), mail.PASSWORD.encode()))
                self.assertIn(b"Logging out", one.rest())
                self.assertEqual(one.wait(), service.ALLOW)


class Listening(ScriptedCase):
    """connect --listen: for programs that cannot run a command."""

    def listen(self, address, protocol, place_, through=()):
        """Return: (process, where it listens)."""
        process = LAB.start([*through, place.executable("mailtrust"), "--socket", self.service.socket, "connect", "--listen", place_,
                             address, protocol], name=f"listen-{len(LAB.processes)}")
        self.addCleanup(process.end)
        place.wait_until(lambda: process.has_ended() or "listening at" in process.output(), "the listener")
        self.assertFalse(process.has_ended(), process.output())
        return process, process.output().split("listening at ")[1].split()[0]

    @staticmethod
    def dial(where):
        """A connection to a listener, as a file."""
        if where.startswith("unix:"):
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(where[5:])
        else:
            connection = socket.create_connection(("127.0.0.1", int(where.rpartition(":")[2])))
        connection.settimeout(20)
        return connection.makefile("rwb", buffering=0)

    def places(self, name):
        return f"unix:{LAB.folder('listening')}/{name}", "tcp:127.0.0.1:0"

    def test_each_connection_is_a_session_of_its_own(self):
        for where in self.places("sessions"):
            with self.subTest(where=where):
                address, server = self.server("imap", True)
                process, where = self.listen(address, "imap", where)
                ends = [self.dial(where) for _ in range(3)]
                for number, end in enumerate(ends):
                    self.assertTrue(end.readline().startswith(b"* OK [CAPABILITY "))
                    end.write(b"a%d NOOP\r\n" % number)
                    self.assertEqual(end.readline(), b"a%d OK done\r\n" % number)
                self.assertEqual(len(server.talks), 3)
                self.assertEqual(len({talk.connection.getpeername() for talk in server.talks}), 3)
                for end in ends:
                    end.write(b"b LOGOUT\r\n")
                    self.assertTrue(end.read().endswith(b"b OK done\r\n"))
                process.child.terminate()
                self.assertEqual(process.child.wait(5), 0)

    def test_a_denied_program_hears_why_there_too_and_the_server_hears_nothing(self):
        for protocol in PROTOCOLS:
            for where in self.places(f"denied-{protocol}"):
                with self.subTest(where=where, protocol=protocol):
                    address, server = self.bent(protocol, certificate=CAST.wrong_name)
                    end = self.dial(self.listen(address, protocol, where)[1])
                    end.write(EAGER[protocol])
                    said = end.read()
                    self.assertTrue(said.startswith(REFUSAL[protocol]), said)
                    self.assert_saw_nothing(server)

    def test_the_socket_is_its_owners_alone_and_goes_with_the_listener(self):
        address, _ = self.server("imap", True)
        process, where = self.listen(address, "imap", self.places("mode")[0])
        status = os.lstat(where[5:])
        self.assertEqual((status.st_mode & 0o777, status.st_uid), (0o600, os.getuid()))
        process.child.terminate()
        process.child.wait(5)
        self.assertFalse(os.path.exists(where[5:]))

    def test_signals_its_parent_has_ignored_neither_end_it_nor_hide_the_end_of_a_tunnel(self):
        address, _ = self.server("imap", True)
        process, where = self.listen(address, "imap", self.places("signals")[0],
                                     through=("env", "--ignore-signal=CHLD,HUP,INT"))
        for number in (signal.SIGHUP, signal.SIGINT):
            process.child.send_signal(number)
        for _ in range(LISTEN_TUNNELS_MAX + 1):  # more than there may be at a time
            with self.dial(where) as end:
                self.assertTrue(end.readline().startswith(b"* OK"))
                end.write(b"b LOGOUT\r\n")
                self.assertTrue(end.read().endswith(b"b OK done\r\n"))
        self.assertFalse(process.has_ended())
        process.child.terminate()
        self.assertEqual(process.child.wait(5), 0)

    def test_a_socket_left_over_is_replaced_and_one_in_use_is_not(self):
        address, _ = self.server("imap", True)
        where = self.places("left")[0]
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(where[5:])
        process, _ = self.listen(address, "imap", where)
        done = self.service.mailtrust("connect", "--listen", where, address, "imap")
        self.assertEqual(done.returncode, TRUNCATED, done.stderr)
        self.assertTrue(self.dial(where).readline().startswith(b"* OK"))

    def test_another_place_than_a_file_or_loopback_is_refused(self):
        address, _ = self.server("imap", True)
        for where in ("tcp:0.0.0.0:0", "tcp:[::]:0", "tcp:192.0.2.1:1143", "tcp:localhost:1143", "tcp:127.0.0.1:x", "x"):
            with self.subTest(where=where):
                self.assertEqual(self.service.mailtrust("connect", "--listen", where, address, "imap").returncode,
                                 service.USAGE)

    @unittest.skipUnless(mail.IS_ROOT, "only root can be two users")
    def test_another_user_is_refused_without_a_word(self):
        for where in self.places("stranger"):
            with self.subTest(where=where):
                address, server = self.server("imap", True)
                where = self.listen(address, "imap", where)[1]
                if where.startswith("unix:"):
                    os.chmod(where[5:], 0o666)  # the mode alone would keep them out
                done = LAB.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "python3", "-c",
                                STRANGER, where])
                self.assertEqual((done.stdout, done.stderr), ("b''\n", ""))
                self.assertEqual(server.talks, [])
                self.assertTrue(self.dial(where).readline().startswith(b"* OK"))


class Rejudged(ScriptedCase):
    """D-SYS-09: a change of policy is asked about while a session lives."""

    def live(self, protocol="imap", **parts):
        """Return: (account, server, tunnel) of a session that is under way."""
        self.servers.clear()  # what was made stricter stays so
        address, server = self.bent(protocol, **parts)
        one = self.connect(address, protocol)
        one.until(b"\r\n")
        one.say(b"a NOOP\r\n")
        one.until(b"OK done\r\n")
        return address, server, one

    def assert_closed(self, one, reason, started):
        one.rest()
        self.assertEqual(one.wait(), service.DENY, one.errors())
        self.assertLess(time.monotonic() - started, 1.5)
        self.assertIn(reason, one.errors())

    def assert_alive(self, one):
        one.say(b"z NOOP\r\n")
        one.until(b"z OK")

    def suspend(self, address):
        with self.service.connect() as connection:
            found = connection.call(None, service.ROOT_PATH, service.MANAGER, "FindAccount", "s", address).values()[0]
            reply = connection.call(None, service.ROOT_PATH, "org.mailtrust1.Admin", "Suspend", "o", found)
            self.assertIsNone(reply.error(), reply.body)

    def test_a_stricter_policy_closes_a_session_that_does_not_meet_it_within_a_second(self):
        address, server, one = self.live(tls={"newest": ssl.TLSVersion.TLSv1_2})
        started = time.monotonic()
        self.service.mailtrust("account", "edit", address, "--set", "tls_min=1.3")
        self.assert_closed(one, "tls.version-below-policy", started)
        self.assertNotIn(b"BYE", one.said)  # nothing is put between the server's words

    def test_a_stricter_policy_that_is_met_leaves_the_session_alone(self):
        address, server, one = self.live()
        self.service.mailtrust("account", "edit", address, "--set", "tls_min=1.3")
        time.sleep(0.5)
        self.assert_alive(one)

    def test_a_suspended_account_loses_its_sessions_at_once(self):
        address, server, one = self.live()
        started = time.monotonic()
        self.suspend(address)
        self.assert_closed(one, "account.suspended", started)

    def test_a_session_nobody_talks_in_is_closed_too_and_so_is_one_whose_program_does_not_read(self):
        address, server, one = self.live(ok=(b"<ok>", flood(b"x" * 1000, MIB)))
        time.sleep(0.5)
        started = time.monotonic()
        self.suspend(address)
        place.wait_until(lambda: server.talks[-1].connection.fileno() < 0 or not server.threads[-1].is_alive(), "the end")
        self.assertLess(time.monotonic() - started, 4)

    def test_restricting_how_to_log_in_closes_a_session_that_logged_in_otherwise(self):
        address, server, one = self.live()
        started = time.monotonic()
        self.service.mailtrust("account", "edit", address, "--set", "auth_mechs=EXTERNAL")
        self.assert_closed(one, "auth.mechanism-forbidden", started)

    def test_a_removed_account_loses_its_sessions(self):
        address, server, one = self.live("pop3")
        started = time.monotonic()
        self.service.mailtrust("--yes", "account", "remove", address)
        self.assert_closed(one, "account.unknown", started)

    def test_a_service_that_is_started_anew_keeps_the_sessions_and_asks_about_them(self):
        address, server, one = self.live(tls={"newest": ssl.TLSVersion.TLSv1_2})
        self.service.process.end()
        self.assert_alive(one)
        self.service.start()
        time.sleep(2.5)
        self.assert_alive(one)
        started = time.monotonic()
        self.service.mailtrust("account", "edit", address, "--set", "tls_min=1.3")
        self.assert_closed(one, "tls.version-below-policy", started)


STRANGER = """
import socket, sys
where = sys.argv[1]
if where.startswith("unix:"):
    s = socket.socket(socket.AF_UNIX)
    s.connect(where[5:])
else:
    s = socket.create_connection(("127.0.0.1", int(where.rpartition(":")[2])))
s.settimeout(20)
print(s.recv(100))
"""
