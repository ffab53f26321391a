# SPDX-License-Identifier: MIT
"""Hostile servers, byte by byte: what they get to see, and what comes of it."""
import ssl
import unittest

from lab import pki, place, scripted, service

LAB = CAST = SERVICE = None
# nothing but these may reach a server before it has proven itself (R-5.2-09)
HARMLESS = (b"CAPABILITY", b"STARTTLS", b"LOGOUT", b"NOOP")


def setUpModule():
    global LAB, CAST, SERVICE
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    CAST = pki.ServerPki(LAB.folder("pki"))
    SERVICE = service.Service(LAB, anchors=CAST.root.pem)


class Wire(unittest.TestCase):
    def check(self, script, suffix="/starttls"):
        """Checks an account against a scripted server. Return: (status, answer, server)."""
        server = scripted.ScriptedServer(LAB, script)
        address = f"{self._testMethodName.replace('_', '-')}@example.test"[-200:]
        SERVICE.mailtrust("account", "add", f"p{server.port}@example.test", "--imap",
                          f"localhost:{server.port}{suffix}")
        status, answer = SERVICE.ask("check", f"p{server.port}@example.test", "imap")
        self.assertTrue(server.talks, f"nobody connected for {address}")
        # with implicit TLS, what came before the handshake was its records
        for line in server.lines(None if suffix else True):
            verb = (line.split(b" ") + [b""])[1].upper()
            self.assertIn(verb, HARMLESS, line)
        return status, answer, server

    def denied(self, script, *reasons, suffix="/starttls"):
        status, answer, server = self.check(script, suffix)
        self.assertEqual((status, answer["decision"], answer["conf"]), (service.DENY, "deny", False), answer)
        for reason in reasons:
            self.assertIn(reason, answer["reasons"])
        return server

    def allowed(self, script, suffix="/starttls"):
        status, answer, server = self.check(script, suffix)
        self.assertEqual((status, answer["decision"]), (service.ALLOW, "allow"), answer)
        return server, answer


class Starttls(Wire):
    def test_an_honest_server_is_allowed(self):
        server, answer = self.allowed(scripted.imap(CAST.good))
        self.assertIn("transport.starttls-used", answer["reasons"])
        self.assertIn(b"STARTTLS", b"\n".join(server.lines(secured=False)))

    def test_capabilities_are_asked_for_again_inside_tls(self):
        server, _ = self.allowed(scripted.imap(CAST.good))
        self.assertTrue(any(b"CAPABILITY" in line for line in server.lines(secured=True)))

    def test_bytes_behind_the_starttls_reply_are_an_injection(self):
        self.denied(scripted.imap(CAST.good, injected=b"* CAPABILITY IMAP4rev1 AUTH=EVIL\r\n"),
                    "starttls.response-injected")

    def test_a_hidden_offer_is_refused(self):
        server = self.denied(scripted.imap(starttls=None), "tls.none", "starttls.not-offered")
        self.assertFalse(any(was_secured for talk in server.talks for was_secured, _ in talk.saw))

    def test_a_refused_upgrade_is_refused(self):
        self.denied(scripted.imap(CAST.good, starttls=b"NO not today"), "starttls.refused")
        self.denied(scripted.imap(CAST.good, starttls=b"BAD what"), "starttls.refused")

    def test_preauth_before_tls_is_refused(self):
        self.denied(scripted.imap(CAST.good, greeting=b"* PREAUTH welcome"), "starttls.preauth-before-tls")

    def test_a_greeting_that_makes_no_sense_is_refused(self):
        for greeting in (b"220 smtp.example.test ESMTP", b"+OK pop", b"\x16\x03\x03", b"* BYE go away"):
            with self.subTest(greeting=greeting):
                self.denied(scripted.imap(CAST.good, greeting=greeting), "starttls.bad-greeting")

    def test_a_line_without_end_does_not_grow_without_bound(self):
        def endless(talk):
            talk.send(b"* OK " + b"A" * 100_000)
            talk.rest()
        self.denied(endless)

    def test_endless_lines_do_not_go_on_for_ever(self):
        def chatter(talk):
            talk.send(b"* OK ready\r\n")
            while True:
                talk.send(b"* NOTHING of interest\r\n" * 50)
        self.denied(chatter)


class Tls(Wire):
    def implicit(self, certificate=None, **more):
        return scripted.imap(certificate or CAST.good, implicit=True, **more)

    def test_tls_12_and_13_are_allowed(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version=version.name):
                self.allowed(self.implicit(newest=version), "")

    def test_a_server_that_only_knows_tls_11_is_refused(self):
        self.denied(self.implicit(oldest=ssl.TLSVersion.TLSv1, newest=ssl.TLSVersion.TLSv1_1),
                    "tls.handshake-failed", suffix="")

    def test_the_client_hello_offers_nothing_older_than_tls_12(self):
        server, _ = self.allowed(self.implicit(), "")
        offered = client_hello_extension(server.talks[0].hello, 43)
        versions = {offered[i:i + 2] for i in range(1, len(offered), 2)}
        self.assertEqual(versions, {b"\3\3", b"\3\4"})

    def test_the_client_hello_names_the_server(self):
        server, _ = self.allowed(self.implicit(), "")
        self.assertIn(b"localhost", client_hello_extension(server.talks[0].hello, 0))

    def test_static_rsa_and_other_old_suites_are_not_offered(self):
        server, _ = self.allowed(self.implicit(), "")
        offered = client_hello_suites(server.talks[0].hello)
        self.assertLessEqual({0x1301, 0xC02B, 0xC02F}, offered)
        # RSA key transport, 3DES, RC4, NULL, export
        self.assertFalse(offered & {0x002F, 0x0035, 0x009C, 0x009D, 0x000A, 0x0005, 0x0001, 0x0003})

    def test_a_server_that_drops_the_handshake_is_refused(self):
        def drops(talk):
            talk.rest(0.2)
        self.denied(drops, "tls.handshake-failed", suffix="")

    def test_a_certificate_for_another_name_is_refused_before_any_command(self):
        server = self.denied(self.implicit(CAST.wrong_name), "cert.identity-mismatch", suffix="")
        self.assertFalse([line for line in server.lines(secured=True) if b"LOGIN" in line or b"AUTH" in line])


class Silence(Wire):
    def test_a_server_that_says_nothing_is_unreachable_in_time(self):
        """RFC 8314 says nothing of patience; a person waits half a minute at most."""
        server = scripted.ScriptedServer(LAB, lambda talk: talk.rest(60))
        SERVICE.mailtrust("account", "add", "silent@example.test", "--imap", f"localhost:{server.port}/starttls")
        done = SERVICE.mailtrust("check", "silent@example.test", "imap", timeout=60)
        self.assertIn(done.returncode, (service.DENY, service.UNREACHABLE), done.stderr)


def client_hello_body(hello):
    """The part behind the random, of a ClientHello in one record."""
    assert hello[0] == 0x16 and hello[5] == 1, hello[:8]
    at = 9 + 2 + 32
    return hello[at + 1 + hello[at]:]


def client_hello_suites(hello):
    body = client_hello_body(hello)
    size = int.from_bytes(body[:2], "big")
    return {int.from_bytes(body[2 + i:4 + i], "big") for i in range(0, size, 2)}


def client_hello_extension(hello, number):
    """The content of one extension; b"" where it is absent."""
    body = client_hello_body(hello)
    at = 2 + int.from_bytes(body[:2], "big")
    at += 1 + body[at] + 2
    while at + 4 <= len(body):
        kind, size = int.from_bytes(body[at:at + 2], "big"), int.from_bytes(body[at + 2:at + 4], "big")
        if kind == number:
            return body[at + 4:at + 4 + size]
        at += 4 + size
    return b""
