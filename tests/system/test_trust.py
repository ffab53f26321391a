# SPDX-License-Identifier: MIT
"""The trust anchors change under a running service: a fresh generation takes over, nothing is lost."""
import os
import signal
import threading
import time
import unittest

from lab import mail, pki, place, service

ADDRESS = "me@example.test"
LAB = CAST = OTHER = DOVECOT = None


def setUpModule():
    global LAB, CAST, OTHER, DOVECOT
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    CAST, OTHER = (pki.ServerPki(LAB.folder(name)) for name in ("pki", "other"))
    DOVECOT = mail.Dovecot(LAB, "good", CAST.good)


class Anchors(unittest.TestCase):
    def setUp(self):
        self.anchors = LAB.folder(self._testMethodName) / "anchors.pem"
        self.put(CAST)
        self.service = service.Service(LAB, f"s-{self.id()[-40:]}", anchors=self.anchors)
        self.service.mailtrust("account", "add", ADDRESS, "--imap", f"localhost:{DOVECOT.ports['imaps']}")
        self.assertEqual(self.service.mailtrust("account", "commit", ADDRESS).returncode, 0)

    def tearDown(self):
        self.service.process.end()

    def put(self, cast):
        """As packages do: a new file takes the name of the old one."""
        fresh = self.anchors.with_suffix(".new")
        fresh.write_bytes(cast.root.pem.read_bytes())
        fresh.rename(self.anchors)

    def check(self):
        return self.service.mailtrust("check", ADDRESS, "imap").returncode

    def test_an_anchor_that_is_withdrawn_trusts_nobody_any_more(self):
        self.assertEqual(self.check(), service.ALLOW)
        self.put(OTHER)
        place.wait_until(lambda: self.check() == service.DENY, "the new anchors")
        self.assertIn("cert.chain-untrusted", self.service.ask("check", ADDRESS, "imap")[1]["reasons"])
        self.put(CAST)
        place.wait_until(lambda: self.check() == service.ALLOW, "the old anchors to come back")

    def test_a_hangup_signal_reads_them_anew(self):
        before = self.service.workers()
        os.kill(self.service.process.pid, signal.SIGHUP)
        place.wait_until(lambda: set(self.service.workers()) - set(before), "a fresh worker")
        self.assertEqual(self.check(), service.ALLOW)

    def test_no_request_is_lost_while_generations_change(self):
        seen, stop = [], threading.Event()

        def ask():
            while not stop.is_set():
                seen.append(self.check())
        asker = threading.Thread(target=ask)
        asker.start()
        for _ in range(6):
            os.kill(self.service.process.pid, signal.SIGHUP)
            time.sleep(0.2)
        stop.set()
        asker.join()
        self.assertGreater(len(seen), 5)
        self.assertEqual(set(seen), {service.ALLOW})

    def test_anchors_that_vanish_leave_the_old_ones_for_a_while(self):
        self.anchors.unlink()
        place.wait_until(lambda: "the old ones stay" in self.service.log(), "the failed reading")
        self.assertEqual(self.check(), service.ALLOW)


class NoAnchors(unittest.TestCase):
    def test_anchors_that_hold_no_certificate_trust_nobody(self):
        path = LAB.path / "empty.pem"
        path.write_text("no certificate\n")
        made = service.Service(LAB, "empty", anchors=path)
        made.mailtrust("account", "add", ADDRESS, "--imap", f"localhost:{DOVECOT.ports['imaps']}")
        self.assertEqual(made.mailtrust("account", "commit", ADDRESS).returncode, service.DENY)
        self.assertIn("cert.chain-untrusted", made.ask("check", ADDRESS, "imap")[1]["reasons"])
