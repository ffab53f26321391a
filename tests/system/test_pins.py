# SPDX-License-Identifier: MIT
"""Certificates accepted by hand: in setup, for one host of one account, and never more than that
(RFC 8314 §5.4)."""
import contextlib
import time
import unittest

from lab import dbus, mail, pki, place, scripted, service, tunnel

LAB = CAST = None
REDUCED, PIN = "reduced-confidentiality\n", "pin\n"


def setUpModule():
    global LAB, CAST
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    CAST = pki.ServerPki(LAB.folder("pki"))


def fingerprint(certificate):
    digits = certificate.sha256().upper()
    return ":".join(digits[i:i + 2] for i in range(0, 64, 2))


class Case(unittest.TestCase):
    """Each class has a service of its own: probes are limited to ten a minute."""

    @classmethod
    def setUpClass(cls):
        cls.service = service.Service(LAB, cls.__name__.lower(), anchors=CAST.root.pem)

    def add(self, address, port, suffix="", reduced=True):
        """Adds an account in setup with one server."""
        args = ["account", "add", address, "--imap", f"localhost:{port}{suffix}"]
        done = self.service.type(REDUCED + "n\n", *args, "--reduced-confidentiality") if reduced else \
            self.service.mailtrust(*args)
        self.assertEqual(done.returncode, service.ALLOW, done.stderr)

    def pin(self, address, typed=PIN):
        return self.service.type(typed, "pin", "add", address)

    def add_pinned(self, address, port, suffix=""):
        """Adds an account, accepts its server's certificate, puts it to use."""
        self.add(address, port, suffix)
        done = self.pin(address)
        self.assertEqual(done.returncode, service.ALLOW, done.stderr)
        self.assertEqual(self.service.mailtrust("account", "commit", address).returncode, service.ALLOW)

    def check(self, address):
        """Whose word the evidence is (evidence.asserted-only: the command line's) is left out."""
        status, answer = self.service.ask("check", address, "imap")
        reasons = [r for r in answer["reasons"] if r != "evidence.asserted-only"]
        return status, answer["decision"], answer["conf"], reasons

    def pins(self, address):
        return self.service.ask("pin", "list", address)[1]["pins"]


class SelfSigned(Case):
    """A server with a certificate of its own making, met by one account after another."""
    ADDRESS = "me@example.test"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.port = mail.Dovecot(LAB, "self-signed", CAST.self_signed).ports["imaps"]

    def test_in_setup_without_the_minimum_a_pin_is_offered(self):
        self.add(self.ADDRESS, self.port)
        status, decision, conf, reasons = self.check(self.ADDRESS)
        self.assertEqual((status, decision, conf), (service.CONFIRM, "confirm", False))
        self.assertEqual(reasons[-3:], ["cert.chain-untrusted", "pin.offer-available", "op.test-needs-warning"])

    def test_the_prompt_tells_the_dangers_and_shows_the_fingerprint(self):
        done = self.pin(self.ADDRESS, "yes\n")
        self.assertEqual(done.returncode, service.CONFIRM)
        for text in (fingerprint(CAST.self_signed), "attacker", "cannot be withdrawn", "not renewed",
                     "Compare the fingerprint with your provider by another way", "cert.chain-untrusted", "localhost",
                     "not encrypted", "password and messages"):
            self.assertIn(text, done.stderr)
        self.assertEqual(self.pins(self.ADDRESS), [])

    def test_no_option_accepts_it(self):
        for args in (["--yes"], ["--yes", "--non-interactive"], ["--non-interactive"], ["--json"]):
            done = self.service.mailtrust(*args, "pin", "add", self.ADDRESS, input="pin\n")
            self.assertEqual(done.returncode, service.CONFIRM, args)
        shown = self.service.ask("account", "show", self.ADDRESS)[1]
        self.assertEqual(([c["kind"] for c in shown["Consents"]], shown["Pins"]), (["reduced-confidentiality"], []))

    def test_accepted_and_committed_it_is_used_without_confidentiality(self):
        self.assertEqual(self.pin(self.ADDRESS).returncode, service.ALLOW)
        self.assertEqual(self.service.mailtrust("account", "commit", self.ADDRESS).returncode, service.ALLOW)
        self.assertEqual(self.check(self.ADDRESS), (service.AWC, "awc", False, [
            "cert.chain-untrusted", "pin.matched", "conf.disabled-by-user"]))
        self.assertEqual(self.service.ask("account", "show", self.ADDRESS)[1]["Level"], "reduced")

    def test_what_was_accepted_is_shown_with_its_consent_and_age(self):
        shown = self.service.ask("account", "show", self.ADDRESS)[1]
        consent = [c for c in shown["Consents"] if c["kind"] == "pin"]
        self.assertEqual([(c["host"], c["text_version"]) for c in consent], [("localhost", service.TEXT_VERSION)])
        pinned = self.pins(self.ADDRESS)
        self.assertEqual([(p["host"], p["sha256"], p["superseded"]) for p in pinned],
                         [("localhost", fingerprint(CAST.self_signed), False)])
        self.assertRegex(self.service.mailtrust("account", "show", self.ADDRESS).stdout,
                         r"(?m)^  pin, localhost, on 20")
        for args in (("pin", "list"), ("account", "show", self.ADDRESS)):
            text = self.service.mailtrust(*args).stdout
            self.assertIn(fingerprint(CAST.self_signed), text)
            self.assertRegex(text, r"accepted by hand on 20\d\d-\d\d-\d\d")
            self.assertNotIn("protected", text)

    def test_the_consent_is_in_the_log_with_its_text_version(self):
        self.assertRegex(self.service.log(), r"MT_EVENT=consent .*MT_CONSENT=pin .*MT_TEXT_VERSION=2")

    def test_the_same_certificate_is_nothing_to_an_account_with_the_minimum_on(self):
        self.add("strict@example.test", self.port, reduced=False)
        status, decision, _, reasons = self.check("strict@example.test")
        self.assertEqual((status, decision), (service.DENY, "deny"))
        self.assertFalse([r for r in reasons if r.startswith("pin.")], reasons)
        self.assertEqual(self.pin("strict@example.test").returncode, service.DENY)

    def test_it_is_nothing_to_another_account_of_the_same_user_and_only_the_log_says_so(self):
        self.add("other@example.test", self.port)
        _, decision, _, reasons = self.check("other@example.test")
        self.assertEqual((decision, "pin.matched" in reasons), ("confirm", False))
        self.assertIn("pin.other-account", self.service.log())
        self.assertNotIn("pin.other-account", str(reasons))

    def test_with_the_minimum_back_on_it_is_not_sufficient(self):
        self.assertEqual(self.service.mailtrust("account", "edit", self.ADDRESS, "--min-conf=on").returncode, 0)
        self.assertEqual(self.check(self.ADDRESS), (service.DENY, "deny", False, [
            "cert.chain-untrusted", "pin.matched", "pin.not-sufficient"]))
        done = self.service.type(REDUCED, "account", "edit", self.ADDRESS, "--min-conf=off")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.check(self.ADDRESS)[1], "awc")

    def test_removed_it_does_not_match_any_more_and_subscribers_are_told(self):
        with self.service.connect() as watcher:
            self.assertIsNone(watcher.call(None, service.ROOT_PATH, service.MANAGER, "Subscribe").error())
            self.assertEqual(self.service.mailtrust("pin", "remove", self.ADDRESS, "localhost").returncode, 0)
            watcher.call(None, service.ROOT_PATH, service.MANAGER, "Levels")
            told = {m.fields[dbus.MEMBER]: m.values() for m in watcher.signals}
        self.assertEqual(told["PinChanged"][1], [])
        self.assertIn("PolicyChanged", told)  # live connections are asked about again
        _, decision, conf, reasons = self.check(self.ADDRESS)
        self.assertEqual((decision, conf, "pin.matched" in reasons), ("awc", False, False), reasons)
        self.assertEqual(self.pins(self.ADDRESS), [])
        self.assertNotIn("pin", [c["kind"] for c in self.service.ask("account", "show", self.ADDRESS)[1]["Consents"]])

    def test_what_is_not_there_cannot_be_removed(self):
        self.assertEqual(self.service.mailtrust("pin", "remove", self.ADDRESS, "localhost").returncode, service.USAGE)

    def test_an_account_in_use_is_offered_none_and_no_way_around_is_named(self):
        done = self.pin(self.ADDRESS)
        self.assertEqual(done.returncode, service.DENY)
        self.assertIn("pin.not-offered-existing", done.stderr)
        for word in ("remove the account", "account remove", "add it again"):
            self.assertNotIn(word, done.stdout + done.stderr)
        self.assertEqual(self.pins(self.ADDRESS), [])


class Causes(Case):
    """RFC 8314 §5.4 names three: expired, no chain of trust, no matching name. Nothing else."""

    def offered(self, name, certificate, extra=""):
        address = f"{name}@example.test"
        self.add(address, mail.Dovecot(LAB, name, certificate, extra=extra).ports["imaps"])
        reasons = self.check(address)[3]
        done = self.pin(address)
        self.assertEqual(done.returncode == service.ALLOW, "pin.offer-available" in reasons, done.stderr)
        return "pin.offer-available" in reasons

    def test_an_expired_certificate_or_one_for_another_name_may_be_accepted(self):
        self.assertTrue(self.offered("expired", CAST.expired))
        self.assertTrue(self.offered("wrong-name", CAST.wrong_name))

    def test_one_not_yet_valid_or_of_a_weak_key_may_not(self):
        self.assertFalse(self.offered("future", CAST.future))
        self.assertFalse(self.offered("weak", CAST.weak, "ssl_cipher_list = ALL:@SECLEVEL=0\n"))

    def test_an_expired_pin_is_reminded_of(self):
        self.assertTrue(self.pins("expired@example.test")[0]["expired"])
        self.assertIn("has expired", self.service.mailtrust("pin", "list", "expired@example.test").stdout)


class Changes(Case):
    """What a server whose certificate was accepted may turn into."""

    def server(self):
        """A server whose certificate can be exchanged, and whose STARTTLS can be stripped."""
        state = {"certificate": CAST.self_signed, "words": {}}

        def script(talk):
            with contextlib.suppress(scripted.Gone):
                scripted.imap(state["certificate"], words=state["words"])(talk)
        return state, scripted.ScriptedServer(LAB, script).port

    def test_another_certificate_is_a_mismatch_and_no_new_offer(self):
        state, port = self.server()
        self.add_pinned("changed@example.test", port, "/starttls")
        state["certificate"] = CAST.expired
        status, decision, _, reasons = self.check("changed@example.test")
        self.assertEqual((status, decision, reasons[-1]), (service.DENY, "deny", "pin.mismatch"))
        self.assertNotIn("pin.offer-available", reasons)

    def test_a_host_without_any_certificate_is_a_mismatch(self):
        state, port = self.server()
        self.add_pinned("stripped@example.test", port, "/starttls")
        self.assertEqual(self.check("stripped@example.test")[1], "awc")
        state["words"] = {"offer": b""}
        self.assertEqual(self.check("stripped@example.test"), (service.DENY, "deny", False, [
            "tls.none", "starttls.not-offered", "pin.mismatch"]))

    def test_a_valid_certificate_supersedes_it_and_says_so(self):
        state, port = self.server()
        self.add_pinned("mended@example.test", port, "/starttls")
        state["certificate"] = CAST.good
        status, decision, conf, reasons = self.check("mended@example.test")
        self.assertEqual((status, decision, conf, "pin.superseded" in reasons), (service.ALLOW, "allow", True, True))
        told = self.service.mailtrust("check", "mended@example.test", "imap").stdout
        self.assertIn("pin.superseded", told)
        self.assertIn("'mailtrust pin remove'", told)


class AgainAndAgain(Case):
    def test_a_server_that_is_replaced_takes_its_pin_along(self):
        port = mail.Dovecot(LAB, "replaced", CAST.self_signed).ports["imaps"]
        self.add("replaced@example.test", port)
        self.assertEqual(self.pin("replaced@example.test").returncode, service.ALLOW)
        for host in ("imap.example.test", "localhost"):
            self.service.mailtrust("account", "edit", "replaced@example.test", "--imap", f"{host}:{port}")
        self.assertEqual(self.pins("replaced@example.test"), [])



class Live(Case):
    def test_a_session_that_relies_on_a_pin_ends_within_a_second_of_its_removal(self):
        # R-5.4-08
        server = scripted.ScriptedServer(LAB, scripted.imap(CAST.self_signed, implicit=True))
        self.add_pinned("live@example.test", server.port)
        one = tunnel.Tunnel(self.service, "live@example.test", "imap")
        one.until(b"\r\n")
        one.say(b"a NOOP\r\n")
        one.until(b"OK done\r\n")
        started = time.monotonic()
        self.assertEqual(self.service.mailtrust("pin", "remove", "live@example.test", "localhost").returncode, 0)
        one.rest()
        self.assertNotEqual(one.wait(), service.ALLOW)
        self.assertLess(time.monotonic() - started, 1.5)
        self.assertNotIn(b"BYE", one.said)
