# SPDX-License-Identifier: MIT
"""Client certificates through the tunnel, and logging in with them: RFC 8314 §5.5, SASL EXTERNAL."""
import base64
import contextlib
import functools
import os
import pathlib
import re
import signal
import ssl
import time
import unittest

from lab import mail, pki, place, scripted, service, tunnel, tunnelled, wire, zones
from lab.scripted import secure
from lab.tunnelled import CANARY, EAGER, PROTOCOLS, REFUSAL

LAB = CAST = DOVECOT = CLIENT = OTHER = STRANGER = None
EXTENSIONS = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\n"
FORBIDDEN = "auth.mechanism-forbidden"
OFFER = {"imap": b"* CAPABILITY IMAP4rev1 SASL-IR AUTH=EXTERNAL AUTH=PLAIN\r\n<ok>",
         "pop3": b"+OK\r\nUSER\r\nSASL PLAIN EXTERNAL\r\n.\r\n",
         "submission": b"250-mail.example.test\r\n250 AUTH PLAIN EXTERNAL\r\n"}
WITHOUT = {"imap": b"* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\r\n<ok>", "pop3": b"+OK\r\nSASL PLAIN\r\n.\r\n",
           "submission": b"250-mail.example.test\r\n250 AUTH PLAIN\r\n"}
COMMAND = {"imap": b"x1 AUTHENTICATE EXTERNAL", "pop3": b"AUTH EXTERNAL", "submission": b"AUTH EXTERNAL"}
GREETING = {"imap": b"* PREAUTH ", "pop3": b"+OK ", "submission": b"220 "}
FIRST_1_3 = bytes.fromhex("0304")


def setUpModule():
    global LAB, CAST, DOVECOT, CLIENT, OTHER, STRANGER
    LAB, CAST = tunnelled.set_up()
    CLIENT = CAST.issue("client", CAST.ca, EXTENSIONS, common_name=mail.USER)
    OTHER = CAST.issue("other", CAST.ca, EXTENSIONS, common_name="other@example.test")
    STRANGER = CAST.issue("stranger", extensions=EXTENSIONS, common_name=mail.USER)
    DOVECOT = mail.Dovecot(LAB, "external", CAST.good, extra=mail.DOVECOT_EXTERNAL.format(ca=CAST.root))


def whole(certificate):
    """What `cert allow` takes: certificate, issuers, key."""
    path = CAST.folder / f"{certificate.pem.stem}-whole.pem"
    path.write_bytes(certificate.chain.read_bytes() + certificate.key.read_bytes())
    path.chmod(0o600)
    return path


def speak_external(talk, also=()):
    """Logs in whom the certificate names; also are identities that it may act for besides."""
    line = talk.saw[-1][1].rstrip()
    tag, is_smtp = talk.words["tag"], talk.words["greeting"].startswith(b"220")
    words = line.split(b" ")[1 if tag else 0:]
    if words[0].upper() not in (b"AUTHENTICATE", b"AUTH"):
        talk.perform(b"<ok>")
        return
    response = words[2] if len(words) > 2 else None
    if response is None:
        talk.send(b"334 \r\n" if is_smtp else b"+ \r\n")
        response = talk.line()
    authzid = base64.b64decode(b"" if response == b"=" else response)
    if not talk.client_certificate or authzid not in (b"", *also):
        talk.perform(b"<no>")
    else:
        talk.send(b"235 2.7.0 welcome\r\n" if is_smtp else b"%s OK welcome\r\n" % tag if tag else b"+OK welcome\r\n")


def private_number(key):
    """The secret of a private key, as bytes."""
    text = LAB.run(["openssl", "pkey", "-in", key, "-noout", "-text"]).stdout
    digits = re.search(r"(?:priv|privateExponent):\n((?: +[0-9a-f:]+\n)+)", text).group(1)
    return bytes.fromhex(re.sub(r"[^0-9a-f]", "", digits)).lstrip(b"\0")


def memory_of(pid):
    """All that a process has mapped to write to."""
    data = b""
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
            start, end = (int(n, 16) for n in line.split()[0].split("-"))
            if "w" in line.split()[1]:
                with contextlib.suppress(OSError, ValueError):
                    memory.seek(start)
                    data += memory.read(end - start)
    return data


class Case(tunnelled.ScriptedCase):
    """A data folder for each class, and servers that ask for certificates of our CA."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = {"XDG_DATA_HOME": str(LAB.folder(f"{cls.__name__.lower()}-data"))}
        cls.allowed = set()

    def run_cli(self, *args):
        done = self.service.mailtrust(*args, env=self.env)
        self.assertEqual(done.returncode, 0, (args, done.stdout, done.stderr, self.service.log()))
        return done

    def connect(self, address, protocol, *options, **more):
        return super().connect(address, protocol, *options, env=self.env, **more)

    def external(self, address, protocol, *options):
        return self.connect(address, protocol, "--sasl-external", *options)

    def allow(self, address, certificate=None):
        self.run_cli("cert", "allow", address, whole(certificate or CLIENT))

    def asking(self, protocol, implicit=True, ask=True, tls=None, **parts):
        """Return: (account, server), the server one that asks and offers EXTERNAL, the account one that may."""
        tls = {"asks_certificate": CAST.root if ask else None} | (tls or {})
        parts = {"told_in_tls": OFFER[protocol], "ok": speak_external} | parts
        address, server = self.bent(protocol, implicit, tls=tls, **parts)
        if address not in self.allowed:
            self.allow(address)
            self.allowed.add(address)
        return address, server

    def another(self, address, server):
        """An account on the same server, which may use nothing."""
        script, server.script = server.script, scripted.server("imap", CAST.good, True)
        self.add(address, "imap", server.port)
        server.script = script
        server.talks.clear()
        return address

    def certificate_files(self, address):
        account = self.service.ask("account", "show", address)[1]["Id"]
        folder = pathlib.Path(self.env["XDG_DATA_HOME"], "mailtrust/client-certificates", account)
        return sorted(folder.glob("*.pem"))

    def assert_refused(self, one, protocol, status, *words):
        self.assertEqual(tunnel.refused(one)[0], status, (one.said, one.errors()))
        self.assertTrue(one.said.startswith(REFUSAL[protocol]), one.said)
        for word in words:
            self.assertIn(word, one.errors())
            self.assertIn(word.encode(), one.said)

    def said(self, server):
        """The lines inside TLS that the tunnel said after it had asked for capabilities."""
        return server.await_end().lines(secured=True)[1:]


class RealServer(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.accounts = {}

    def account(self, protocol, certificate=None):
        """An account on Dovecot that may use a certificate."""
        certificate = certificate or CLIENT
        address = f"{protocol}-{certificate.pem.stem}@example.test"
        if address not in self.accounts:
            self.accounts[address] = self.add(address, protocol, DOVECOT.ports[protocol + "s"])
            self.allow(address, certificate)
        return address

    def test_imap_is_handed_over_logged_in_with_the_capabilities_of_after_the_login(self):
        # R-5.5-11, D-SASL-07
        one = self.external(self.account("imap"), "imap")
        greeting = one.until(b"\r\n")
        self.assertTrue(greeting.startswith(b"* PREAUTH [CAPABILITY IMAP4rev1 "), greeting)
        self.assertIn(b" THREAD=REFS ", greeting)  # which Dovecot has for those who are logged in
        self.assertNotIn(b"AUTH=", greeting)
        one.say(b"a SELECT INBOX\r\nb LOGOUT\r\n")
        self.assertIn(b"a OK [READ-WRITE]", one.rest())
        self.assertEqual((one.wait(), one.errors()), (service.ALLOW, ""))

    @unittest.skipUnless(os.geteuid() == 0, "only root reads another process's memory")
    @unittest.skipIf(place.is_instrumented(), "it maps terabytes, and keeps what was freed")
    def test_neither_a_session_under_way_nor_its_asker_holds_the_key(self):
        one = self.external(self.account("imap"), "imap")
        one.until(b"\r\n")
        key = private_number(CLIENT.key)
        children = pathlib.Path(f"/proc/{one.child.pid}/task/{one.child.pid}/children").read_text().split()
        self.assertEqual(len(children), 1)
        for pid in (one.child.pid, *children):
            memory = memory_of(pid)
            self.assertIn(b"org.mailtrust1", memory)  # it is that process's, and readable
            self.assertFalse(key in memory or key[::-1] in memory, service.command_of(pid))

    def test_pop3_is_handed_over_logged_in(self):
        # R-5.5-09
        for words in (b"STAT\r\nQUIT\r\n", b"CAPA\r\nUSER me\r\nPASS " + CANARY + b"\r\nSTAT\r\nQUIT\r\n"):
            with self.subTest(words=words):
                one = self.external(self.account("pop3"), "pop3")
                one.say(words)
                self.assertIn(b"+OK 0 0\r\n+OK Logging out", one.rest())
                self.assertEqual((one.wait(), one.errors()), (service.ALLOW, ""))
        self.assertNotIn(CANARY.decode(), DOVECOT.log())

    def test_whom_the_certificate_names_may_be_named_and_nobody_else(self):
        # D-SASL-01
        for protocol in ("imap", "pop3"):
            with self.subTest(protocol=protocol):
                address = self.account(protocol)
                one = self.external(address, protocol, "--authzid", mail.USER)
                self.assertTrue(one.until(b"\r\n").startswith(GREETING[protocol]), one.said)
                one.say(b"a LOGOUT\r\n" if protocol == "imap" else b"QUIT\r\n")
                one.rest()
                self.assertEqual((one.wait(), one.errors()), (service.ALLOW, ""))
                one = self.external(address, protocol, "--authzid", "other@example.test")
                self.assert_refused(one, protocol, service.UNREACHABLE, "the server does not log this certificate in")

    def test_a_program_may_also_log_in_itself_by_the_certificate_that_was_shown(self):
        # R-5.5-01
        one = self.connect(self.account("imap"), "imap")
        self.assertTrue(one.until(b"\r\n").startswith(b"* OK "), one.said)
        one.say(b"a AUTHENTICATE EXTERNAL =\r\nb LOGOUT\r\n")
        self.assertIn(b"a OK", one.rest())
        self.assertEqual((one.wait(), one.errors()), (service.ALLOW, ""))

    def test_a_certificate_the_server_does_not_know_logs_nobody_in(self):
        for protocol in ("imap", "pop3"):
            with self.subTest(protocol=protocol):
                one = self.external(self.account(protocol, STRANGER), protocol)
                one.say(EAGER[protocol])
                self.assert_refused(one, protocol, service.UNREACHABLE, "the server does not log this certificate in")
        self.assertNotIn(CANARY.decode(), DOVECOT.log())

    def test_taking_the_certificate_back_closes_the_session_within_a_second(self):
        # D-SYS-09
        address = self.account("imap", OTHER)
        sessions = [self.external(address, "imap"), self.connect(address, "imap")]
        for one in sessions:
            one.until(b"\r\n")
        began = time.monotonic()
        self.run_cli("cert", "revoke", address, OTHER.sha256())
        for one in sessions:
            one.rest()
            self.assertLess(time.monotonic() - began, 1.5)
            self.assertEqual(one.wait(), service.DENY, one.errors())
            self.assertIn("clientcert.not-authorized", one.errors())
        del self.accounts[address]


class Transcripts(Case):
    """Every byte of the login, in three protocols."""

    def test_the_empty_response_goes_with_the_command(self):
        # R-5.5-09, R-5.5-10, R-5.5-11, D-SASL-01 to -04
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol):
                address, server = self.asking(protocol)
                one = self.external(address, protocol)
                self.assertTrue(one.until(b"\r\n").startswith(GREETING[protocol]), one.said)
                one.hang_up()
                self.assertEqual(one.wait(), service.ALLOW, one.errors())
                self.assertEqual(self.said(server)[0], COMMAND[protocol] + b" =")
                self.assertEqual(server.talks[-1].client_certificate, CLIENT.der())

    def test_the_identity_to_act_for_goes_with_it_in_base64(self):
        # D-SASL-01
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol):
                address, server = self.asking(protocol, ok=functools.partial(speak_external, also=(b"joe",)))
                one = self.external(address, protocol, "--authzid", "joe")
                one.until(b"\r\n")
                one.hang_up()
                self.assertEqual(one.wait(), service.ALLOW, one.errors())
                self.assertEqual(self.said(server)[0], COMMAND[protocol] + b" am9l")

    def test_imap_without_sasl_ir_gets_the_response_after_the_challenge(self):
        # D-SASL-03
        for capabilities, words in ((b"IMAP4rev1 AUTH=EXTERNAL", [COMMAND["imap"], b""]),
                                    (b"IMAP4rev2 AUTH=EXTERNAL", [COMMAND["imap"] + b" ="])):
            with self.subTest(capabilities=capabilities):
                address, server = self.asking("imap", told_in_tls=b"* CAPABILITY " + capabilities + b"\r\n<ok>")
                one = self.external(address, "imap")
                one.until(b"\r\n")
                one.hang_up()
                self.assertEqual(one.wait(), service.ALLOW, one.errors())
                self.assertEqual(self.said(server)[:len(words) + 1], [*words, b"a1 CAPABILITY"])

    def test_a_response_too_long_for_the_command_goes_after_the_challenge(self):
        # D-SASL-02, D-SASL-04
        for protocol, size in (("imap", 1000), ("pop3", 250), ("submission", 500)):
            with self.subTest(protocol=protocol):
                name = b"n" * size
                address, server = self.asking(protocol, ok=functools.partial(speak_external, also=(name,)))
                one = self.external(address, protocol, "--authzid", name.decode())
                one.until(b"\r\n")
                one.hang_up()
                self.assertEqual(one.wait(), service.ALLOW, one.errors())
                self.assertEqual(self.said(server)[:2], [COMMAND[protocol], base64.b64encode(name)])

    def test_a_server_that_asks_for_more_is_told_to_stop_and_the_program_why(self):
        def ask_more(talk):
            talk.send(b"334 bW9yZQ==\r\n" if talk.words["greeting"].startswith(b"220") else b"+ bW9yZQ==\r\n")
            talk.line()
            talk.perform(b"<no>")
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol):
                address, server = self.asking(protocol, ok=ask_more)
                one = self.external(address, protocol)
                one.say(EAGER[protocol])
                self.assert_refused(one, protocol, service.UNREACHABLE, "the server asks for more than a certificate")
                self.assertEqual(self.said(server)[:2], [COMMAND[protocol] + b" =", b"*"])
                self.assert_saw_nothing(server)

    def test_a_server_that_answers_nonsense_or_nothing_hands_over_no_session(self):
        for answer in (b"nonsense\r\n", b"x" * 20000, scripted.half_close, scripted.reset):
            for protocol in PROTOCOLS:
                with self.subTest(answer=answer, protocol=protocol):
                    address, server = self.asking(protocol, ok=answer)
                    one = self.external(address, protocol)
                    one.say(EAGER[protocol])
                    self.assert_refused(one, protocol, service.UNREACHABLE)
                    self.assert_saw_nothing(server)

    def test_an_answer_that_came_before_the_command_is_none(self):
        early = {"imap": b"x1 OK welcome\r\n", "pop3": b"+OK welcome\r\n", "submission": b"235 welcome\r\n"}
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol):
                address, server = self.asking(protocol, told_in_tls=OFFER[protocol] + early[protocol], ok=())
                one = self.external(address, protocol)
                self.assert_refused(one, protocol, service.UNREACHABLE)

    def test_what_imap_adds_behind_the_capabilities_reaches_the_program_after_the_greeting(self):
        told = iter((OFFER["imap"], b"* CAPABILITY IMAP4rev1 MOVE\r\n<ok>* OK [ALERT] full\r\n"))
        address, server = self.asking("imap", told_in_tls=lambda talk: talk.perform(next(told)))
        one = self.external(address, "imap")
        self.assertTrue(one.until(b"full\r\n").startswith(b"* PREAUTH [CAPABILITY IMAP4rev1 MOVE] "), one.said)
        self.assertEqual(one.said.count(b"\r\n"), 2)


class Programs(Case):
    """What a program says that is logged in and does not know it."""

    TALKS = {"pop3": [(b"USER me\r\n", b"+OK"), (b"PASS " + CANARY + b"\r\n", b"+OK")],
             "submission": [(b"EHLO program.test\r\n", b"250 AUTH PLAIN EXTERNAL"),
                            (b"AUTH PLAIN " + CANARY + b"\r\n", b"235 ")]}
    LAST = {"pop3": b"STAT", "submission": b"MAIL FROM:<me@example.test>"}

    def run_talk(self, protocol, talk):
        address, server = self.asking(protocol)
        one = self.external(address, protocol)
        one.until(b"\r\n")
        for words, answer in talk:
            before = len(one.said)
            one.say(words)
            while b"\r\n" not in one.said[before:] or answer not in one.said[before:]:
                self.assertTrue(one.read(), one.said)
        one.say(self.LAST[protocol] + b"\r\nQUIT\r\n")
        one.rest()
        self.assertEqual((one.wait(), one.errors()), (service.ALLOW, ""), one.said)
        self.assert_saw_nothing(server)
        self.assertEqual(self.said(server)[-2:], [self.LAST[protocol], b"QUIT"])
        return self.said(server)

    def test_a_password_is_taken_with_thanks_and_goes_nowhere(self):
        # R-5.5-09, R-5.5-10
        for protocol, talk in self.TALKS.items():
            with self.subTest(protocol=protocol):
                self.run_talk(protocol, talk)

    def test_so_it_is_whichever_way_it_is_said(self):
        ask = {"pop3": b"+ ", "submission": b"334 "}
        good = {"pop3": b"+OK", "submission": b"235 "}
        no = {"pop3": b"-ERR", "submission": b"504 "}
        stop = {"pop3": b"-ERR", "submission": b"501 "}
        for protocol in self.LAST:
            for talk in ([(b"AUTH PLAIN\r\n", ask), (CANARY + b"\r\n", good)],
                         [(b"auth login\r\n", ask), (CANARY + b"\r\n", ask), (CANARY + b"\r\n", good)],
                         [(b"AUTH LOGIN " + CANARY + b"\r\n", ask), (CANARY + b"\r\n", good)],
                         [(b"AUTH PLAIN\r\n", ask), (b"*\r\n", stop), (b"AUTH EXTERNAL =\r\n", good)],
                         [(b"AUTH CRAM-MD5\r\n", no), (b"AUTH SCRAM-SHA-256 " + CANARY + b"\r\n", no)],
                         []):
                with self.subTest(protocol=protocol, talk=talk):
                    self.run_talk(protocol, [(words, answer[protocol]) for words, answer in talk])

    def test_all_at_once_is_answered_in_order(self):
        address, server = self.asking("pop3")
        one = self.external(address, "pop3")
        one.say(b"CAPA\r\nUSER me\r\nPASS " + CANARY + b"\r\nSTAT\r\nQUIT\r\n")
        lines = one.rest().split(b"\r\n")
        self.assertEqual(lines[1:5], [b"+OK", b"USER", b"SASL PLAIN EXTERNAL", b"."])
        self.assertTrue(all(line.startswith(b"+OK mailtrust: ") for line in lines[5:7]), lines)
        self.assertEqual(lines[7:], [b"+OK done", b"+OK done", b""])
        self.assert_saw_nothing(server)

    def test_in_imap_a_password_is_bad_and_goes_nowhere(self):
        # R-5.5-11; RFC 9051 §3.2
        for preauth in (False, True):
            with self.subTest(preauth=preauth):
                address, server = self.asking("imap", **({"greeting": b"* PREAUTH hello\r\n"} if preauth else {}))
                one = self.connect(address, "imap") if preauth else self.external(address, "imap")
                one.say(b"a LOGIN me " + CANARY + b"\r\nb CAPABILITY\r\nc LOGIN {2+}\r\nme {11}\r\n")
                one.until(b"\r\n+ ")
                one.say(CANARY + b"\r\nd AUTHENTICATE PLAIN\r\n")
                one.until(b"\r\nd BAD")
                one.say(CANARY + b"\r\ne SELECT INBOX\r\nf LOGOUT\r\n")
                one.rest()
                for words in (b"a BAD mailtrust: ", b"b OK", b"c BAD mailtrust: ", b"e OK"):
                    self.assertIn(b"\r\n" + words, one.said)
                self.assertEqual((one.wait(), one.errors()), (service.ALLOW, ""))
                self.assert_saw_nothing(server, b"LOGIN", b"PLAIN")
                self.assertEqual(self.said(server)[-3:], [b"b CAPABILITY", b"e SELECT INBOX", b"f LOGOUT"])

    def test_commands_that_need_no_login_do_not_end_its_readiness(self):
        said = self.run_talk("submission", [(b"HELO x\r\n", b"250 "), (b"NOOP\r\n", b"250 "),
                                            (b"AUTH PLAIN " + CANARY + b"\r\n", b"235 ")])
        self.assertEqual(said[1:3], [b"HELO x", b"NOOP"])


class Presented(Case):
    """When one is shown, and when not."""

    def session(self, address, protocol, status=service.ALLOW):
        """A session without a login of the tunnel's own."""
        one = self.connect(address, protocol)
        one.until(b"\r\n")
        one.hang_up()
        self.assertEqual(one.wait(), status, one.errors())

    def test_one_that_is_asked_for_and_allowed_is_shown_whoever_logs_in(self):
        # R-5.5-01
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol):
                address, server = self.asking(protocol)
                self.session(address, protocol)
                self.assertEqual(server.await_end().talks[-1].client_certificate, CLIENT.der())
                self.assertEqual(self.said(server), [])

    def test_an_account_that_is_allowed_none_shows_none_and_goes_on(self):
        # R-5.5-03
        address = self.another("none@example.test", self.asking("imap")[1])
        server = self.asking("imap")[1]
        self.session(address, "imap")
        self.assertIsNone(server.await_end().talks[-1].client_certificate)

    def test_what_one_account_is_allowed_another_on_the_same_server_does_not_show(self):
        # R-5.5-05
        address, server = self.asking("imap")
        second = self.another("second@example.test", server)
        self.session(second, "imap")
        self.assertIsNone(server.await_end().talks[-1].client_certificate)
        self.assert_refused(self.external(second, "imap"), "imap", service.DENY, FORBIDDEN,
                            "no client certificate may be shown")
        self.session(address, "imap")
        self.assertEqual(server.await_end().talks[-1].client_certificate, CLIENT.der())

    def test_after_an_upgrade_none_is_shown_and_nobody_logs_in_with_it(self):
        # R-5.5-01, D-SASL-08
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol):
                address, server = self.asking(protocol, implicit=False)
                self.session(address, protocol)
                self.assertIsNone(server.await_end().talks[-1].client_certificate)
                one = self.external(address, protocol)
                one.say(EAGER[protocol])
                self.assert_refused(one, protocol, service.DENY, FORBIDDEN, "begins with TLS")
                self.assertIsNone(server.await_end().talks[-1].client_certificate)
                self.assert_saw_nothing(server, b"EXTERNAL")

    def test_a_file_that_is_gone_is_missed_aloud(self):
        address, server = self.asking("imap")
        (path,) = self.certificate_files(address)
        path.rename(path.with_suffix(".away"))
        self.addCleanup(path.with_suffix(".away").rename, path)
        one = self.external(address, "imap")
        self.assert_refused(one, "imap", service.DENY, FORBIDDEN, "is not in the account's folder")
        self.session(address, "imap")

    def test_a_file_others_can_read_is_not_used_and_its_owner_is_told(self):
        address, server = self.asking("imap")
        (path,) = self.certificate_files(address)
        path.chmod(0o644)
        self.addCleanup(path.chmod, 0o600)
        one = self.external(address, "imap")
        self.assert_refused(one, "imap", service.DENY, FORBIDDEN)
        self.assertIn("a client certificate is left out: it is not a file of yours", one.errors())
        self.assertIsNone(server.await_end().talks[-1].client_certificate)

    def test_a_service_that_dies_in_the_handshake_leaves_the_server_without_it(self):
        # R-8-03, D-SYS-04
        for end in (signal.SIGKILL, signal.SIGSTOP):
            with self.subTest(end=end.name):
                address, server = self.asking("imap", start=(1, secure))
                one = self.external(address, "imap")
                one.say(EAGER["imap"])
                place.wait_until(lambda s=server: s.talks, "the connection")
                time.sleep(0.3)
                self.service.process.child.send_signal(end)
                try:
                    self.assert_refused(one, "imap", service.NO_DAEMON, "daemon.unavailable")
                finally:
                    if end == signal.SIGSTOP:
                        self.service.process.child.send_signal(signal.SIGCONT)
                    else:
                        self.service.restart()
                self.assertIsNone(server.await_end().talks[-1].client_certificate)
                self.assertEqual(server.talks[-1].secured(), b"")

    def test_a_login_that_policy_does_not_name_is_not_tried(self):
        # D-SASL-10
        address, server = self.asking("imap")
        self.addCleanup(self.service.mailtrust, "account", "edit", address, "--set", "auth_mechs=any")
        self.run_cli("account", "edit", address, "--set", "auth_mechs=PLAIN")
        self.assert_refused(self.external(address, "imap"), "imap", service.DENY, FORBIDDEN)
        self.assert_saw_nothing(server, b"EXTERNAL")
        self.run_cli("account", "edit", address, "--set", "auth_mechs=EXTERNAL")
        one = self.external(address, "imap")
        self.assertTrue(one.until(b"\r\n").startswith(b"* PREAUTH"), one.said)

    def test_where_a_login_has_to_be_bound_a_certificate_is_no_way_out(self):
        # D-CB-05: EXTERNAL has no channel binding
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol):
                address, server = self.asking(protocol)
                self.addCleanup(self.service.mailtrust, "account", "edit", address, "--set", "channel_binding=prefer")
                self.run_cli("account", "edit", address, "--set", "channel_binding=require")
                one = self.external(address, protocol)
                one.say(EAGER[protocol])
                self.assert_refused(one, protocol, service.DENY, "auth.channel-binding-missing")
                self.assertIn("-PLUS, in the mail program's settings; a client certificate is none.", one.errors())
                self.assert_saw_nothing(server, b"EXTERNAL")

    def test_it_is_not_tried_where_the_server_does_not_offer_it_or_does_not_ask(self):
        # R-5.5-11, D-SASL-08, R-5.5-02
        for protocol in PROTOCOLS:
            for bent, why in (({"told_in_tls": WITHOUT[protocol]}, "the server does not offer EXTERNAL"),
                              ({"ask": False}, "the server does not ask for a client certificate")):
                with self.subTest(protocol=protocol, why=why):
                    address, server = self.asking(protocol, **bent)
                    one = self.external(address, protocol)
                    one.say(EAGER[protocol])
                    self.assert_refused(one, protocol, service.DENY, FORBIDDEN, why)
                    self.assert_saw_nothing(server, b"EXTERNAL", b"LOGIN", b"USER")

    def test_a_server_that_has_logged_in_already_is_not_asked_to(self):
        # D-SASL-09
        address, server = self.asking("imap", greeting=b"* PREAUTH hello\r\n")
        one = self.external(address, "imap")
        self.assertTrue(one.until(b"\r\n").startswith(b"* PREAUTH [CAPABILITY "), one.said)
        one.hang_up()
        self.assertEqual(one.wait(), service.ALLOW, one.errors())
        self.assert_saw_nothing(server, b"EXTERNAL")

    def test_a_bad_certificate_of_the_server_ends_it_before_ours_is_shown(self):
        for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
            with self.subTest(version=version):
                address, server = self.asking("imap")
                server.script = scripted.server("imap", CAST.wrong_name, True,
                                                tls={"asks_certificate": CAST.root, "newest": version})
                self.assert_refused(self.external(address, "imap"), "imap", service.DENY, "cert.identity-mismatch")
                self.assertIsNone(server.await_end().talks[-1].client_certificate)

    def test_a_server_that_refuses_it_in_the_handshake_is_quoted(self):
        address = self.another("stranger@example.test", self.asking("imap")[1])
        self.allow(address, STRANGER)
        # under TLS 1.2 the handshake does not come about; under 1.3 it has when the refusal comes
        for version, status in ((ssl.TLSVersion.TLSv1_2, service.DENY), (ssl.TLSVersion.TLSv1_3, service.UNREACHABLE)):
            for options in (("--sasl-external",), ()):
                with self.subTest(version=version, options=options):
                    server = self.asking("imap", tls={"newest": version})[1]
                    one = self.connect(address, "imap", *options)
                    one.say(EAGER["imap"])
                    self.assert_refused(one, "imap", status)
                    self.assertIn("the server refuses the client certificate: its issuer is not known", one.errors())
                    self.assert_saw_nothing(server)

    def test_options_that_make_no_sense_are_a_matter_of_usage(self):
        address, server = self.asking("imap")
        for options in (("--authzid", "joe"), ("--sasl-external", "--authzid", ""), ("--sasl-external", "--authzid", "a\nb"),
                        ("--sasl-external", "--authzid", "n" * 1025), ("--sasl-external", "--export-cb", "9")):
            with self.subTest(options=options):
                self.assertEqual(tunnel.refused(self.connect(address, "imap", *options)), (service.USAGE, b""))
        self.assertEqual(server.talks, [])

    def test_a_listener_hands_over_sessions_that_are_logged_in(self):
        address, server = self.asking("submission", ok=functools.partial(speak_external, also=(b"joe",)))
        where = LAB.folder("listening") / "submission"
        process = LAB.start([place.executable("mailtrust"), "--socket", self.service.socket, "connect", "--listen",
                             f"unix:{where}", "--sasl-external", "--authzid", "joe", address, "submission"],
                            name="listen-external", env=self.env)
        self.addCleanup(process.end)
        place.wait_until(lambda: process.has_ended() or "listening at" in process.output(), "the listener")
        done = LAB.run(["python3", "-c", "import socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\n"
                        "print(s.recv(100))", where])
        self.assertIn("b'220 ", done.stdout, process.output())
        self.assertEqual(self.said(server)[0], b"AUTH EXTERNAL am9l")


class Captured(Case):
    """The bytes of the handshake themselves."""

    def through_wire(self, newest, *fields, ask=True):
        """Return: (account, server, wire) of a server that speaks that version at most."""
        honest = scripted.ScriptedServer(LAB, None)
        relay = wire.Wire(LAB, honest.port)
        honest.script = scripted.server("imap", CAST.good, True)
        address = self.add(f"wire-{relay.port}@example.test", "imap", relay.port)
        self.allow(address)
        for field in fields:
            self.run_cli("account", "edit", address, "--set", field)
        honest.script = scripted.server("imap", CAST.good, True, told_in_tls=OFFER["imap"], ok=speak_external,
                                        tls={"asks_certificate": CAST.root if ask else None, "newest": newest})
        honest.talks.clear()
        relay.said = b""
        return address, honest, relay

    def certificates(self, relay):
        """Bodies of the client's Certificate messages that anybody on the path can read."""
        return [body for kind, body in wire.handshake(relay.said) if kind == wire.CERTIFICATE]

    def test_under_tls_1_2_everybody_on_the_path_sees_it(self):
        # R-8-02
        address, server, relay = self.through_wire(ssl.TLSVersion.TLSv1_2)
        one = self.external(address, "imap")
        one.until(b"\r\n")
        one.hang_up()
        self.assertEqual(one.wait(), service.ALLOW, one.errors())
        (shown,) = self.certificates(relay)
        self.assertIn(CLIENT.der(), shown)

    def test_where_policy_wants_tls_1_3_for_it_a_1_2_server_gets_an_empty_list(self):
        # R-8-02, R-8-04
        address, server, relay = self.through_wire(ssl.TLSVersion.TLSv1_2, "client_cert_tls_min=1.3")
        self.assert_refused(self.external(address, "imap"), "imap", service.DENY, FORBIDDEN)
        self.assertEqual(self.certificates(relay), [b"\0\0\0"])
        self.assertNotIn(CLIENT.der(), relay.said)
        self.assert_saw_nothing(server, b"EXTERNAL")

    def test_a_server_that_does_not_ask_gets_no_message_about_it(self):
        # R-5.5-02, R-5.5-08
        address, server, relay = self.through_wire(ssl.TLSVersion.TLSv1_2, ask=False)
        self.assert_refused(self.external(address, "imap"), "imap", service.DENY, FORBIDDEN)
        self.assertEqual(self.certificates(relay), [])
        self.assertNotIn(CLIENT.der(), relay.said)

    def test_tls_1_3_is_offered_first_and_hides_it(self):
        # R-8-04
        address, server, relay = self.through_wire(ssl.TLSVersion.TLSv1_3, "client_cert_tls_min=1.3")
        one = self.external(address, "imap")
        self.assertTrue(one.until(b"\r\n").startswith(b"* PREAUTH"), one.said)
        self.assertEqual(server.talks[-1].client_certificate, CLIENT.der())
        versions = wire.extensions(relay.said)[wire.SUPPORTED_VERSIONS]
        self.assertEqual(versions[1:3], FIRST_1_3)
        self.assertNotIn(CLIENT.der(), relay.said)
        self.assertEqual(self.certificates(relay), [])

    def test_no_connection_resumes_another(self):
        # D-TLS-12
        for newest in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
            with self.subTest(version=newest):
                address, server, relay = self.through_wire(newest)
                for _ in range(2):
                    relay.said = b""
                    one = self.external(address, "imap")
                    one.until(b"\r\n")
                    one.hang_up()
                    one.wait()
                    self.assertFalse({wire.PRE_SHARED_KEY, wire.SESSION_TICKET} & wire.extensions(relay.said).keys())
                    kind, body = wire.handshake(relay.said)[0]
                    if newest == ssl.TLSVersion.TLSv1_2:
                        self.assertEqual(len(self.certificates(relay)), 1)  # the handshake was a whole one

    def test_the_name_that_is_dialled_is_the_name_that_is_asked_for_and_never_a_literal(self):
        # D-SRV-10
        numbered = CAST.issue("numbered", CAST.ca, names=["IP:127.0.0.1", "DNS:localhost"])
        server = scripted.ScriptedServer(LAB, scripted.server("imap", numbered, True))
        for host, expected in (("localhost", "localhost"), ("127.0.0.1", None)):
            with self.subTest(host=host):
                address = f"me@{host}.example.test"
                self.run_cli("account", "add", address, "--imap", f"{host}:{server.port}")
                self.run_cli("account", "commit", address)
                one = self.connect(address, "imap")
                one.until(b"\r\n")
                self.assertEqual(wire.server_name(server.talks[-1].hello), expected)


class SignedZone(Case):
    @classmethod
    def setUpClass(cls):
        cls.private = pki.ServerPki(LAB.folder("private"))
        cls.scripted = scripted.ScriptedServer(LAB, scripted.server("imap", cls.private.good, True))
        records = f"""mx IN A 127.0.0.1
_{cls.scripted.port}._tcp.mx IN TLSA 3 1 1 {cls.private.good.spki_sha256()}
"""
        cls.zones = zones.Zones(LAB, {"signed.test": ("signed", records)})
        cls.service = service.Service(LAB, "signedzone", anchors=CAST.root.pem, options=cls.zones.options())
        cls.servers, cls.env = {}, {}

    def test_where_dane_decides_the_name_asked_for_is_the_tlsa_base_domain(self):
        # D-DANE-13, D-SRV-10
        self.run_cli("account", "add", "me@signed.test", "--imap", f"mx.signed.test:{self.scripted.port}")
        self.run_cli("account", "commit", "me@signed.test")
        one = self.connect("me@signed.test", "imap")
        self.assertTrue(one.until(b"\r\n").startswith(b"* OK"), one.said)
        for talk in self.scripted.talks:
            self.assertEqual(wire.server_name(talk.hello), "mx.signed.test")
