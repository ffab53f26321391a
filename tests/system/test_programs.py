# SPDX-License-Identifier: MIT
"""Unmodified mail programs through the tunnel to real servers, as clients/connect/recipes/ configures them."""
import unittest

from lab import mail, pki, place, programs

LAB = CAST = None


def setUpModule():
    global LAB, CAST
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    CAST = pki.ServerPki(LAB.folder("pki"))
    programs.set_up(LAB, CAST)


@unittest.skipUnless(mail.IS_ROOT, "Postfix needs root")
class GoodServers(programs.Programs):
    @classmethod
    def setUpClass(cls):
        programs.install("pass", f"#!/bin/sh\n[ \"$*\" = \"show mail/{mail.USER}\" ] && echo {mail.PASSWORD}\n")
        cls.dovecot = mail.Dovecot(LAB, "good", CAST.good)
        cls.postfix = mail.Postfix(LAB, "good", CAST.good, cls.dovecot)
        inbox = cls.dovecot.folder / "mail" / "new"
        inbox.mkdir()
        (inbox / "1700000000.M1P1.friend").write_text(programs.MESSAGE)
        LAB.run(["chown", "-R", "65534:65534", cls.dovecot.folder / "mail"])
        cls.use_ports("s")

    @classmethod
    def use_ports(cls, tls):
        """Has the account use the ports that begin with TLS ("s"), or those that upgrade ("")."""
        cls.use({"imap": cls.dovecot.ports["imap" + tls], "pop3": cls.dovecot.ports["pop3" + tls],
                 "submission": cls.postfix.ports["submission" + tls]}, "" if tls else "/starttls")

    def accepted(self):
        """How many messages Postfix has taken."""
        return (self.postfix.folder / "postfix.log").read_text().count("status=sent")

    def assert_sends(self, send):
        before = self.accepted()
        done = send()
        self.assertEqual(done.returncode, 0, (done.stdout, done.stderr))
        place.wait_until(lambda: self.accepted() > before, "the message")

    def test_mbsync_reads_a_message(self):
        done, messages = self.read_with_mbsync()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(messages), 1)
        self.assertIn("the words of it", messages[0])

    def test_fetchmail_reads_a_message(self):
        for protocol in ("pop3", "imap"):
            with self.subTest(protocol=protocol):
                done, text = self.read_with_fetchmail(protocol)
                self.assertIn("the words of it", text, (done.stdout, done.stderr))
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_neomutt_reads_a_message(self):
        screen, text = self.read_with_mutt("neomutt")
        self.assertIn("the words of it", text, screen)

    def test_mutt_reads_a_message(self):
        screen, text = self.read_with_mutt("mutt")
        self.assertIn("the words of it", text, screen)

    def test_neomutt_sends_a_message(self):
        self.assert_sends(lambda: self.send_with_mutt("neomutt"))

    def test_mutt_sends_a_message(self):
        self.assert_sends(lambda: self.send_with_mutt("mutt"))

    def test_msmtp_sends_a_message(self):
        self.assert_sends(self.send_with_msmtp)

    def test_offlineimap_reads_a_message(self):
        done, messages = self.read_with_offlineimap()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(messages), 1, done.stderr)
        self.assertIn("the words of it", messages[0])

    def test_aerc_reads_a_message(self):
        shown, text = self.read_with_aerc()
        self.assertIn("the words of it", text, shown)

    def test_aerc_sends_a_message(self):
        before = self.accepted()
        shown, is_sent = self.send_with_aerc()
        self.assertTrue(is_sent, shown)
        place.wait_until(lambda: self.accepted() > before, "the message")

    def test_git_sends_a_patch(self):
        self.assert_sends(self.send_with_git)

    def test_all_of_them_do_so_over_starttls_too(self):
        self.use_ports("")
        self.assertEqual(len(self.read_with_mbsync()[1]), 1)
        self.assertIn("the words of it", self.read_with_fetchmail()[1])
        self.assertIn("the words of it", self.read_with_mutt("neomutt")[1])
        self.assert_sends(lambda: self.send_with_mutt("neomutt"))
        self.assert_sends(self.send_with_msmtp)
