# SPDX-License-Identifier: MIT
"""check --starttls-injection: does a server obey inside TLS what was said before it (D-STLS-05)?"""
import unittest

from lab import mail, pki, place, scripted, service

LAB = CAST = SERVICE = None


def setUpModule():
    global LAB, CAST, SERVICE
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    CAST = pki.ServerPki(LAB.folder("pki"))
    SERVICE = service.Service(LAB, anchors=CAST.root.pem)


# protocol: greeting, end of the capabilities, agreement, answer to a NOOP
SPEECH = {
    "imap": (b"* OK ready", b"* CAPABILITY IMAP4rev1 STARTTLS\r\n%s OK done", b"%s OK begin", b"%s OK noop"),
    "pop3": (b"+OK ready", b"+OK\r\nSTLS\r\n.", b"+OK begin", b"-ERR not now"),
    "submission": (b"220 ready", b"250-here\r\n250 STARTTLS", b"220 begin", b"250 ok"),
}


def obedient(protocol, inside=True):
    """A script: a server that keeps what came behind STARTTLS and answers it, inside TLS or before."""
    greeting, capabilities, agreement, answer = SPEECH[protocol]

    def say(talk, text, line):
        talk.send((text.replace(b"%s", line.split(b" ")[0])) + b"\r\n")

    def script(talk):
        talk.send(greeting + b"\r\n")
        say(talk, capabilities, talk.line())
        upgrade, injected = talk.line(), talk.line()
        say(talk, agreement, upgrade)
        if not inside:
            say(talk, answer, injected)
        talk.secure(CAST.good)
        if inside:
            say(talk, answer, injected)
        talk.rest(5)
    return script


class Injection(unittest.TestCase):
    def diagnose(self, protocol, port):
        """Return: (exit status, finding)."""
        address = f"{protocol}-{port}@example.test"
        SERVICE.mailtrust("account", "add", address, f"--{protocol}", f"localhost:{port}/starttls")
        status, answer = SERVICE.ask("check", address, protocol, "--starttls-injection")
        return status, answer["starttls-injection"]

    def test_a_server_that_obeys_inside_tls_what_was_said_before_is_found_out(self):
        for protocol in SPEECH:
            with self.subTest(protocol=protocol):
                server = scripted.ScriptedServer(LAB, obedient(protocol))
                self.assertEqual(self.diagnose(protocol, server.port), (service.DENY, "answered"))
                self.assertIn(b"NOOP", server.lines(secured=False)[-1])
                asked = [line.split(b" ")[-1] for line in server.lines(secured=True)]
                self.assertLessEqual(set(asked), {b"LOGOUT", b"QUIT"})

    def test_a_server_that_answers_before_tls_is_not_vulnerable(self):
        server = scripted.ScriptedServer(LAB, obedient("imap", inside=False))
        self.assertEqual(self.diagnose("imap", server.port), (service.ALLOW, "early"))

    def test_dovecot_throws_away_what_was_said_before_tls(self):
        dovecot = mail.Dovecot(LAB, "good", CAST.good)
        for protocol in ("imap", "pop3"):
            with self.subTest(protocol=protocol):
                status, finding = self.diagnose(protocol, dovecot.ports[protocol])
                self.assertEqual(status, service.ALLOW)
                self.assertIn(finding, ("dropped", "broken-off"))

    @unittest.skipUnless(mail.IS_ROOT, "Postfix needs root")
    def test_postfix_throws_away_what_was_said_before_tls(self):
        postfix = mail.Postfix(LAB, "good", CAST.good)
        self.assertEqual(self.diagnose("submission", postfix.ports["submission"]), (service.ALLOW, "dropped"))

    def test_a_server_without_starttls_cannot_be_tested(self):
        dovecot = mail.Dovecot(LAB, "cleartext")
        self.assertEqual(self.diagnose("imap", dovecot.ports["imap"]), (service.ALLOW, "untested"))

    def test_an_ordinary_check_sends_nothing_behind_starttls(self):
        server = scripted.ScriptedServer(LAB, scripted.imap(CAST.good))
        address = f"plain-{server.port}@example.test"
        SERVICE.mailtrust("account", "add", address, "--imap", f"localhost:{server.port}/starttls")
        SERVICE.mailtrust("check", address, "imap")
        self.assertTrue(server.lines(secured=False)[-1].endswith(b"STARTTLS"), server.lines())
