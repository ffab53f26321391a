# SPDX-License-Identifier: MIT
"""Unmodified mail programs, configured as clients/connect/recipes/ says, that are refused.

Each program meets a server that is stripped, one that shows another's certificate, and a good one whose
account was suspended. It fails, a person reads why, and no server sees a credential.
"""
import unittest

from lab import pki, place, programs, scripted, service

LAB = CAST = None


def setUpModule():
    global LAB, CAST
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    CAST = pki.ServerPki(LAB.folder("pki"))
    programs.set_up(LAB, CAST)
    programs.install("pass", f"#!/bin/sh\necho {programs.mail.PASSWORD}\n")


# name: (what a person is told, parts of the server, its certificate, whether the account is suspended)
REFUSED = {
    "stripped": ("The connection to the mail server is not encrypted.", {"words": {"offer": b""}}, "good", False),
    "wrong certificate": ("The certificate belongs to a different server.", {}, "wrong_name", False),
    "suspended": ("The account is suspended by policy.", {}, "good", True),
}


class Refused(programs.Programs):
    @classmethod
    def setUpClass(cls):
        cls.servers = {p: scripted.ScriptedServer(LAB, scripted.server(p, CAST.good)) for p in scripted.PROTOCOLS}
        cls.use({p: server.port for p, server in cls.servers.items()}, "/starttls")

    def suspend(self, suspended):
        with self.service.connect() as connection:
            found = connection.call(None, service.ROOT_PATH, service.MANAGER, "FindAccount", "s", programs.mail.USER)
            reply = connection.call(None, service.ROOT_PATH, "org.mailtrust1.Admin", "Suspend" if suspended else "Resume",
                                    "o", found.values()[0])
            self.assertIsNone(reply.error(), reply.body)

    def assert_refused(self, protocol, run, failed):
        """run() gives what a person sees and what came of it; failed says whether that is a failure."""
        server = self.servers[protocol]
        for name, (sentence, parts, certificate, suspended) in REFUSED.items():
            with self.subTest(refused=name, protocol=protocol):
                server.script = scripted.server(protocol, getattr(CAST, certificate), **parts)
                server.talks.clear()
                server.threads.clear()
                if suspended:
                    self.suspend(True)
                try:
                    text, result = run()
                finally:
                    if suspended:
                        self.suspend(False)
                self.assertTrue(failed(result), (text, result))
                self.assertIn("mailtrust: ", text)
                self.assertIn(sentence, " ".join(text.split()))
                self.assert_no_credential(server)

    def assert_no_credential(self, server):
        server.await_end()
        self.assertTrue(server.talks)
        for talk in server.talks:
            for word in programs.CREDENTIALS:
                self.assertNotIn(word, talk.clear() + talk.secured())

    @staticmethod
    def text_of(done):
        return done.stdout + done.stderr

    def reading(self, read):
        """run() of a program that stores messages: (exit status, messages) must say failure and none."""
        def run():
            done, messages = read()
            return self.text_of(done), (done.returncode, messages)
        return run

    def sending(self, send):
        def run():
            done = send()
            return self.text_of(done), done.returncode
        return run

    def test_mbsync_fails_clearly_and_sends_no_credential(self):
        self.assert_refused("imap", self.reading(self.read_with_mbsync), lambda r: r[0] != 0 and not r[1])

    def test_offlineimap_fails_clearly_and_sends_no_credential(self):
        self.assert_refused("imap", self.reading(self.read_with_offlineimap), lambda r: r[0] != 0 and not r[1])

    def test_fetchmail_fails_clearly_and_sends_no_credential(self):
        for protocol in ("pop3", "imap"):
            self.assert_refused(protocol, self.reading(lambda p=protocol: self.read_with_fetchmail(p)),
                                lambda r: r[0] not in (0, 1) and not r[1])

    def test_neomutt_fails_clearly_and_sends_no_credential(self):
        self.assert_mutt_is_refused("neomutt")

    def test_mutt_fails_clearly_and_sends_no_credential(self):
        self.assert_mutt_is_refused("mutt")

    def assert_mutt_is_refused(self, program):
        self.assert_refused("imap", lambda: self.read_with_mutt(program), lambda text: not text)
        self.assert_refused("submission", self.sending(lambda: self.send_with_mutt(program)), lambda status: status != 0)

    def test_msmtp_fails_clearly_and_sends_no_credential(self):
        self.assert_refused("submission", self.sending(self.send_with_msmtp), lambda status: 64 <= status <= 78)

    def test_git_fails_clearly_and_sends_no_credential(self):
        self.assert_refused("submission", self.sending(self.send_with_git), lambda status: status != 0)

    def test_aerc_fails_clearly_and_sends_no_credential(self):
        self.assert_refused("imap", self.read_with_aerc, lambda text: not text)
        self.assert_refused("submission", self.send_with_aerc, lambda is_sent: not is_sent)
