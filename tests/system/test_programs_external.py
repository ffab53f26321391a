# SPDX-License-Identifier: MIT
"""Unmodified mail programs that log in by the tunnel's client certificate, as clients/connect/recipes/external.md says."""
import unittest

from lab import mail, pki, place, programs, scripted

LAB = CAST = None


def setUpModule():
    global LAB, CAST
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    CAST = pki.ServerPki(LAB.folder("pki"))
    programs.set_up(LAB, CAST)


def speak_external(talk):
    """A submission server that logs in by certificate alone, and takes a message."""
    line = talk.saw[-1][1].rstrip()
    if line.startswith(b"AUTH"):
        talk.send(b"235 2.7.0 welcome\r\n" if line == b"AUTH EXTERNAL =" and talk.client_certificate else b"535 no\r\n")
    elif line == b"DATA":
        talk.send(b"354 go on\r\n")
        while talk.line() != b".":
            pass
        talk.send(b"250 taken\r\n")
    else:
        talk.perform(b"<ok>")


class CertificateLogins(programs.Programs):
    """No program has a password that a server would take."""

    PAGES = {"neomutt": ("external", 0), "mbsync": ("external", 1), "fetchmail": ("external", 2), "msmtp": ("external", 3)}
    CLIENT = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\n"

    @classmethod
    def setUpClass(cls):
        client = CAST.issue("client", CAST.ca, cls.CLIENT, common_name=mail.USER)
        file = CAST.folder / "client-whole.pem"
        file.write_bytes(client.chain.read_bytes() + client.key.read_bytes())
        file.chmod(0o600)
        cls.dovecot = mail.Dovecot(LAB, "external", CAST.good, extra=mail.DOVECOT_EXTERNAL.format(ca=CAST.root))
        inbox = cls.dovecot.folder / "mail" / "new"
        inbox.mkdir()
        (inbox / "1700000000.M1P1.friend").write_text(programs.MESSAGE)
        if mail.IS_ROOT:
            LAB.run(["chown", "-R", "65534:65534", cls.dovecot.folder / "mail"])
        honest = scripted.server("submission", CAST.good, True, tls={"asks_certificate": CAST.root}, ok=speak_external,
                                 told_in_tls=b"250-mail.example.test\r\n250 AUTH EXTERNAL\r\n")
        cls.submission = scripted.ScriptedServer(LAB, honest)
        cls.use({"imap": cls.dovecot.ports["imaps"], "pop3": cls.dovecot.ports["pop3s"], "submission": cls.submission.port})
        done = cls.service.mailtrust("cert", "allow", mail.USER, file)
        assert done.returncode == 0, (done.stdout, done.stderr)

    def assert_sends(self, send):
        self.submission.talks.clear()
        self.submission.threads.clear()
        done = send()
        self.assertEqual(done.returncode, 0, (done.stdout, done.stderr))
        said = self.submission.await_end().talks[-1].secured()
        self.assertIn(b"RCPT TO:<friend@example.test>", said)
        self.assertIn(b"words", said)
        self.assertEqual(said.count(b"AUTH"), 1, said)

    def test_mbsync_reads_a_message_and_knows_no_password(self):
        done, messages = self.read_with_mbsync()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(messages), 1)
        self.assertIn("the words of it", messages[0])

    def test_neomutt_and_mutt_read_a_message_and_know_no_password(self):
        for program in ("neomutt", "mutt"):
            with self.subTest(program=program):
                screen, text = self.read_with_mutt(program)
                self.assertIn("the words of it", text, screen)

    def test_fetchmail_reads_a_message_with_a_password_that_is_none(self):
        done, text = self.read_with_fetchmail()
        self.assertIn("the words of it", text, (done.stdout, done.stderr))
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_neomutt_mutt_and_msmtp_send_a_message_and_know_no_password(self):
        for program in ("neomutt", "mutt"):
            with self.subTest(program=program):
                self.assert_sends(lambda p=program: self.send_with_mutt(p))
        self.assert_sends(self.send_with_msmtp)
