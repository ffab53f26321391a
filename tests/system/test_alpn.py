# SPDX-License-Identifier: MIT
"""check: does a server mind which protocol its client names (D-TLS-17)?"""
import unittest

from lab import mail, pki, place, scripted, service

LAB = CAST = SERVICE = None


def setUpModule():
    global LAB, CAST, SERVICE
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    CAST = pki.ServerPki(LAB.folder("pki"))
    SERVICE = service.Service(LAB, anchors=CAST.root.pem)


class Alpn(unittest.TestCase):
    def check(self, port, protocol="imap", transport=""):
        """Return: (decision, what is said of ALPN, what a person is told)."""
        address = f"{protocol}-{port}@example.test"
        SERVICE.mailtrust("account", "add", address, f"--{protocol}", f"localhost:{port}{transport}")
        answer = SERVICE.ask("check", address, protocol)[1]
        return answer["decision"], answer["alpn"], SERVICE.mailtrust("check", address, protocol).stdout

    def server(self, implicit=True, certificate=None, **tls):
        return scripted.ScriptedServer(LAB, scripted.imap(certificate or CAST.good, implicit=implicit, tls=tls))

    def test_a_server_that_knows_no_alpn_takes_any_and_check_notes_it(self):
        # D-TLS-17: Dovecot 2.3 is one
        port = mail.Dovecot(LAB, "good", CAST.good).ports
        for protocol, listener, transport in (("imap", "imaps", ""), ("imap", "imap", "/starttls"), ("pop3", "pop3s", "")):
            with self.subTest(listener=listener):
                decision, alpn, said = self.check(port[listener], protocol, transport)
                self.assertEqual((decision, alpn), ("allow", "any"))
                self.assertIn("Note: this server takes whatever protocol is named (ALPN)", said)

    def test_a_server_that_names_ours_and_takes_another_too_is_found_out(self):
        # D-TLS-17
        for implicit in (True, False):
            server = self.server(implicit, alpn=("imap",))
            self.assertEqual(self.check(server.port, transport="" if implicit else "/starttls")[:2], ("allow", "any"))
            self.assertEqual(len(server.talks), 4)  # two checks, of two connections each

    def test_a_server_that_refuses_what_is_not_its_own_gets_no_note(self):
        for implicit in (True, False):
            server = self.server(implicit, strict_alpn=b"imap")
            decision, alpn, said = self.check(server.port, transport="" if implicit else "/starttls")
            self.assertEqual((decision, alpn), ("allow", "minded"))
            self.assertNotIn("ALPN", said)

    def test_a_server_that_is_refused_is_not_connected_to_again(self):
        server = self.server(certificate=CAST.expired, alpn=("imap",))
        self.assertEqual(self.check(server.port)[:2], ("deny", "unknown"))
        self.assertEqual(len(server.talks), 2)

    def test_no_credential_and_no_command_goes_to_the_second_connection_but_those_of_a_first(self):
        server = self.server(alpn=("imap",))
        self.check(server.port)
        verbs = {line.split(b" ")[-1] for line in server.await_end().lines(secured=True)}
        self.assertEqual(verbs, {b"CAPABILITY", b"LOGOUT"})
