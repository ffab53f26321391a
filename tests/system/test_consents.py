# SPDX-License-Identifier: MIT
"""Warnings, what they let through, and what they do not: from the command line, and from a settings
tool of somebody else that calls the service directly (RFC 8314 §5.2, R-5.2-08, D-SYS-07)."""
import os
import signal
import time
import unittest

import jwt

from lab import mail, pki, place, service

LAB = CAST = None
REDUCED = "reduced-confidentiality\n"
WARNING = ("not encrypted", "thers can read your password and messages")
KINDS = ("reduced-confidentiality", "password-exposure", "pin", "srv-target", "downgrade")


def setUpModule():
    global LAB, CAST
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    CAST = pki.ServerPki(LAB.folder("pki"))


class Case(unittest.TestCase):
    """Each class has a service of its own: probes are limited to ten a minute."""

    @classmethod
    def setUpClass(cls):
        cls.service = service.Service(LAB, cls.__name__.lower(), anchors=CAST.root.pem)

    def show(self, address):
        return self.service.ask("account", "show", address)[1]

    def consents(self, address):
        return sorted(c["kind"] for c in self.show(address)["Consents"])

    def done(self, done, status=service.ALLOW):
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done


class Tool(Case):
    """A settings tool that never heard of our command line: plain calls on the direct socket."""

    def setUp(self):
        self.connection = self.service.connect()
        self.addCleanup(self.connection.socket.close)

    def call(self, path, member, signature="", *values):
        return self.connection.call(None, path, service.ACCOUNT, member, signature, *values)

    def add(self, address, port=993, transport="implicit"):
        path = self.connection.call(None, service.ROOT_PATH, service.MANAGER, "AddAccount", "sa{sv}", address,
                                    {}).values()[0]
        self.good(self.call(path, "SetEndpoint", "sssq", "imap", transport, "localhost", port))
        return path

    def good(self, reply):
        self.assertIsNone(reply.error(), reply.body)
        return reply.values()

    def switch_off(self, path):
        return self.call(path, "SetMinimum", "a{ss}", {"min_conf": "off"}).error()

    def consent(self, path, kind, at=993, version=service.TEXT_VERSION, leaf=None, **more):
        scope = {"text_version": ("u", version)}
        if kind != "reduced-confidentiality":
            scope["host"] = ("s", "localhost")
        if kind in ("password-exposure", "downgrade"):
            scope |= {"protocol": ("s", "imap"), "port": ("q", at)}
        if kind == "pin":
            scope["leaf_sha256"] = ("ay", leaf or bytes.fromhex(CAST.self_signed.sha256()))
        return self.call(path, "RecordConsent", "sa{sv}", kind, scope | more).error()

    def check(self, path, operation="test", **evidence):
        decision, _, reasons, _, detail = self.good(self.call(
            path, "Check", "sa{sv}a{sv}", operation, service.evidence(**evidence), {}))
        return decision, reasons[-1], detail.get("consent")

    def all_but(self, path, kind, **options):
        """Gives every consent there is but this one."""
        for other in KINDS:
            if other != kind:
                self.assertIsNone(self.consent(path, other, **options), other)

    def test_the_minimum_is_not_switched_off_without_its_own_consent(self):
        path = self.add("off@example.test")
        self.assertEqual(self.switch_off(path), "ConfWarningRequired")
        self.all_but(path, "reduced-confidentiality")
        self.assertEqual(self.switch_off(path), "ConfWarningRequired")
        self.assertIsNone(self.consent(path, "reduced-confidentiality"))
        self.assertIsNone(self.switch_off(path))

    def test_a_consent_to_words_of_another_version_is_none(self):
        path = self.add("version@example.test")
        for version in (0, service.TEXT_VERSION - 1, service.TEXT_VERSION + 1, 4294967295):
            self.assertEqual(self.consent(path, "reduced-confidentiality", version=version), "InvalidArguments")
        self.assertEqual(self.switch_off(path), "ConfWarningRequired")

    def test_a_consent_names_what_its_kind_is_bound_to_and_no_more(self):
        path = self.add("scope@example.test")
        for kind, more in (("reduced-confidentiality", {"host": ("s", "localhost")}),
                           ("srv-target", {"port": ("q", 993)}), ("pin", {"protocol": ("s", "imap")}),
                           ("downgrade", {"leaf_sha256": ("ay", bytes(range(32)))}),
                           ("downgrade", {"port": ("q", 994)}), ("srv-target", {"host": ("s", "imap.other.test")}),
                           ("pin", {"expires": ("x", 1 << 62)}), ("pin", {"uid": ("u", 0)})):
            with self.subTest(kind=kind, more=more):
                self.assertEqual(self.consent(path, kind, **more), "InvalidArguments")
        self.assertEqual(self.consents("scope@example.test"), [])

    def test_a_password_is_exposed_once_by_its_own_consent_alone(self):
        path = self.add("password@example.test")
        needed = ("confirm", "op.test-needs-warning", "password-exposure")
        self.all_but(path, "password-exposure")
        self.assertIsNone(self.switch_off(path))
        self.assertEqual(self.check(path, certificate=CAST.self_signed), needed)
        self.assertIsNone(self.consent(path, "password-exposure"))
        self.assertEqual(self.check(path, certificate=CAST.self_signed)[0], "awc")
        self.assertEqual(self.check(path, certificate=CAST.self_signed), needed)

    def test_with_the_minimum_on_no_consent_exposes_a_password(self):
        path = self.add("strict@example.test")
        for kind in KINDS:
            self.assertIsNone(self.consent(path, kind))
        self.assertEqual(self.check(path, certificate=CAST.self_signed)[:2], ("deny", "account.setup"))

    def test_a_pin_needs_an_offer_and_its_own_consent(self):
        port = mail.Dovecot(LAB, "tool", CAST.self_signed).ports["imaps"]
        path, leaf = self.add("pin@example.test", port), bytes.fromhex(CAST.self_signed.sha256())
        pin = lambda host="localhost", digest=leaf: self.call(path, "Pin", "say", host, digest).error()
        self.assertEqual(pin(), "PinNotOffered")
        self.all_but(path, "pin", at=port)
        self.assertIsNone(self.switch_off(path))
        self.assertEqual(pin(), "PinNotOffered")
        self.call(path, "SetMinimum", "a{ss}", {"min_conf": "off"})
        self.call(path, "Probe", "s", "imap")
        self.assertEqual(pin(), "PinNotOffered")  # the fresh consent to expose a password comes first (row 43)
        self.good(self.call(path, "Check", "sa{sv}a{sv}", "test",
                            service.evidence(CAST.self_signed, port=("q", port)), {}))
        self.good(self.call(path, "Probe", "s", "imap"))
        self.assertEqual(pin(), "ConfWarningRequired")
        self.assertIsNone(self.consent(path, "pin", leaf=bytes(range(32))))
        self.assertEqual(pin(), "ConfWarningRequired")
        self.assertIsNone(self.consent(path, "pin"))
        for host, digest in (("localhost", bytes(range(32))), ("imap.other.test", leaf), ("localhost", b""),
                             ("localhost", leaf[:31]), ("not a host", leaf)):
            self.assertIn(pin(host, digest), ("PinNotOffered", "InvalidArguments"))
        self.assertIsNone(pin())
        self.good(self.call(path, "Commit"))
        self.assertEqual((pin(), self.consent(path, "pin")), ("PinNotOfferedExisting", "PinNotOfferedExisting"))

    def test_what_was_better_protected_goes_on_by_its_own_consent_alone(self):
        port = mail.Dovecot(LAB, "better", CAST.good).ports["imap"]
        path = self.add("better@example.test", port, "starttls")
        self.good(self.call(path, "Probe", "s", "imap"))
        self.good(self.call(path, "Commit"))
        upgraded = {"port": ("q", port), "transport": ("s", "starttls"), "starttls.offered": ("b", True),
                    "starttls.refused": ("b", False), "starttls.buffered_bytes": ("u", 0),
                    "starttls.preauth": ("b", False), "starttls.bad_greeting": ("b", False),
                    "starttls.caps_refreshed": ("b", True)}
        self.assertEqual(self.check(path, "authenticate", certificate=CAST.good, **upgraded)[0], "allow")
        for kind in ("reduced-confidentiality", "password-exposure", "srv-target"):
            self.assertIsNone(self.consent(path, kind, port))
        self.assertIsNone(self.switch_off(path))
        clear = {"port": ("q", port), "transport": ("s", "none")}
        needed = ("confirm", "conf.downgraded", "downgrade")
        place.wait_until(lambda: self.check(path, "authenticate", **clear) == needed, "the level to be remembered")
        self.assertIsNone(self.consent(path, "downgrade", port))
        self.assertEqual(self.check(path, "authenticate", **clear)[0], "awc")

    def test_a_verdict_does_not_outlive_the_policy_it_rests_on(self):
        # 4.7: expiry removes permissions
        path = self.add("ending@example.test")
        ask = lambda: jwt.decode(self.good(self.call(path, "Check", "sa{sv}a{sv}", "test", service.evidence(CAST.good),
                                                     {}))[3], options={"verify_signature": False})
        claims = ask()
        self.assertEqual(claims["exp"] - claims["iat"], 60)
        ends = int(time.time()) + 30
        self.good(self.call(path, "SetMinimum", "a{ss}", {"not_after": str(ends)}))
        self.assertEqual(ask()["exp"], ends)

    def overtake(self, address, role, *calls):
        """Makes calls while a probe waits for a worker of a role. Return: the probe's reply, and what Commit said."""
        port = self.dovecot.ports["imap"]
        path = self.add(address, port, "starttls")
        workers = [pid for pid in self.service.workers() if f" {role} " in service.command_of(pid)]
        self.assertTrue(workers)
        with self.service.connect() as other:
            for pid in workers:
                os.kill(pid, signal.SIGSTOP)
            serial = other.send(None, path, service.ACCOUNT, "Probe", "s", "imap")
            time.sleep(1)  # as far as it comes without the worker
            for member, signature, *values in calls:
                self.good(self.call(path, member, signature, *(port if v == "PORT" else v for v in values)))
            for pid in workers:
                os.kill(pid, signal.SIGCONT)
            probed = other.reply(serial)
        return probed, self.call(path, "Commit").error()

    def test_what_a_probe_found_is_not_held_for_a_server_set_up_differently_meanwhile(self):
        type(self).dovecot = mail.Dovecot(LAB, "overtaken", CAST.good)
        cleartext = ("SetEndpoint", "sssq", "imap", "none", "localhost", "PORT")
        same = ("SetEndpoint", "sssq", "imap", "starttls", "LOCALHOST.", "PORT")
        for role in ("net", "chain"):
            with self.subTest(role=role):
                probed, committed = self.overtake(f"me@{role}-same.test", role, same)
                self.assertEqual((probed.error(), committed), (None, None))
                probed, committed = self.overtake(f"me@{role}-other.test", role, cleartext)
                self.assertEqual(committed, "EndpointNotProbed")
        self.assertEqual(self.show("me@chain-other.test")["State"], "setup")


class CommandLine(Case):
    """The warning comes first, and only a person who types answers it."""
    ADDRESS = "me@example.test"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.good = mail.Dovecot(LAB, "good", CAST.good)
        cls.bad = mail.Dovecot(LAB, "expired", CAST.expired)
        cls.clear = mail.Dovecot(LAB, "clear")
        cls.port = cls.good.ports["imaps"]

    def edit(self, *args, typed=None):
        run = self.service.mailtrust if typed is None else lambda *a: self.service.type(typed, *a)
        return run("account", "edit", self.ADDRESS, *args)

    def endpoints(self):
        return [(e["host"], e["port"], e["transport"], e["saved"]) for e in self.show(self.ADDRESS)["Endpoints"]]

    def in_use(self):
        self.assertEqual(self.endpoints(), [("localhost", self.port, "implicit", True)])
        self.assertEqual(self.service.ask("check", self.ADDRESS, "imap")[1]["decision"], "allow")

    def test_nothing_but_typing_adds_an_account_without_the_requirement(self):
        for options in (["--yes"], ["--non-interactive"], ["--yes", "--non-interactive"], ["--json"]):
            done = self.done(self.service.mailtrust(*options, "account", "add", "off@example.test", "--imap",
                                                    f"localhost:{self.port}", "--reduced-confidentiality",
                                                    input=REDUCED), service.CONFIRM)
            for text in WARNING:
                self.assertIn(text, done.stderr)
        self.assertEqual(self.service.ask("account", "list")[1]["accounts"], [])

    def test_another_word_than_the_consents_name_is_no_consent(self):
        for typed in ("yes\n", "y\n", "\n", "pin\n", "password-exposure\n"):
            self.done(self.service.type(typed, "--yes", "account", "add", "off@example.test", "--imap",
                                        f"localhost:{self.port}", "--reduced-confidentiality"), service.CONFIRM)
        self.assertEqual(self.service.ask("account", "list")[1]["accounts"], [])

    def test_an_account_is_added_with_the_requirement(self):
        self.done(self.service.mailtrust("account", "add", self.ADDRESS, "--imap", f"localhost:{self.port}"))
        self.done(self.service.mailtrust("account", "commit", self.ADDRESS))
        self.assertEqual(self.show(self.ADDRESS)["Minimum"]["min_conf"], "on")

    def test_a_new_server_that_is_not_good_enough_leaves_the_old_one_in_use(self):
        for server, reason in ((f"localhost:{self.bad.ports['imaps']}", "cert.expired"),
                               (f"localhost:{self.clear.ports['imap']}/none", "tls.none")):
            done = self.done(self.edit("--imap", server), service.DENY)
            self.assertIn(reason, done.stderr)
            self.in_use()

    def test_a_new_server_that_does_not_answer_leaves_the_old_one_in_use(self):
        self.done(self.edit("--imap", f"localhost:{LAB.port()}"), service.UNREACHABLE)
        self.in_use()

    def test_a_new_server_that_is_good_enough_takes_the_place_of_the_old_one(self):
        starttls = self.good.ports["imap"]
        self.done(self.edit("--imap", f"localhost:{starttls}/starttls"))
        self.assertEqual(self.endpoints(), [("localhost", starttls, "starttls", True)])
        self.done(self.edit("--imap", f"localhost:{self.port}"))
        self.in_use()

    def test_a_requirement_is_raised_freely_and_lowered_after_the_warning(self):
        self.done(self.edit("--set", "tls_min=1.3"))
        done = self.done(self.edit("--set", "tls_min=1.2"), service.CONFIRM)
        self.assertIn(WARNING[0], done.stderr)
        self.done(self.edit("--set", "tls_min=1.2", typed="no\n"), service.CONFIRM)
        self.assertEqual(self.show(self.ADDRESS)["Minimum"]["tls_min"], "1.3")
        self.assertEqual(self.consents(self.ADDRESS), [])
        self.done(self.edit("--set", "tls_min=1.2", typed=REDUCED))
        self.assertEqual(self.show(self.ADDRESS)["Minimum"]["tls_min"], "1.2")

    def test_switching_it_off_warns_first_and_keeps_the_consent_with_its_version(self):
        done = self.done(self.edit("--min-conf=off"), service.CONFIRM)
        self.assertEqual((self.show(self.ADDRESS)["Level"], self.consents(self.ADDRESS)), ("protected", []))
        done = self.done(self.edit("--min-conf=off", typed=REDUCED))
        for text in WARNING:
            self.assertIn(text, done.stderr)
        shown = self.show(self.ADDRESS)
        self.assertEqual((shown["Level"], shown["Consents"][0]["text_version"]),
                         ("reduced", service.TEXT_VERSION))
        self.assertRegex(self.service.log(), "MT_EVENT=consent .*MT_CONSENT=reduced-conf.* .*MT_TEXT_VERSION=2")

    def test_switched_on_again_it_takes_the_warning_to_switch_it_off(self):
        self.done(self.edit("--min-conf=on"))
        self.assertEqual(self.show(self.ADDRESS)["Level"], "protected")
        self.done(self.edit("--min-conf=off"), service.CONFIRM)

    def test_the_warning_for_one_server_is_shown_by_a_command_of_its_own(self):
        command = ("consent", self.ADDRESS, "downgrade", "imap")
        done = self.done(self.service.mailtrust("--yes", *command), service.CONFIRM)
        self.assertIn(WARNING[0], done.stderr)
        self.done(self.service.type("reduced-confidentiality\n", *command), service.CONFIRM)
        self.assertEqual(self.consents(self.ADDRESS), [])
        self.done(self.service.type("downgrade\n", *command))
        self.assertEqual(self.consents(self.ADDRESS), ["downgrade"])
        for kind in ("pin", "reduced-confidentiality", "everything"):
            self.done(self.service.mailtrust("consent", self.ADDRESS, kind, "imap"), service.USAGE)


class Expiry(Case):
    """4.7: expiry may remove permissions, never obligations."""
    ADDRESS = "me@example.test"

    def test_an_expired_policy_permits_nothing_and_is_renewed_after_the_warning(self):
        port = mail.Dovecot(LAB, "cleartext").ports["imap"]
        self.done(self.service.type(REDUCED + "n\n", "account", "add", self.ADDRESS, "--imap",
                                    f"localhost:{port}/none", "--reduced-confidentiality"))
        self.done(self.service.mailtrust("account", "commit", self.ADDRESS))
        self.assertEqual(self.service.ask("check", self.ADDRESS, "imap")[0], service.AWC)
        end = int(time.time()) + 2
        self.done(self.service.mailtrust("account", "edit", self.ADDRESS, "--set", f"not_after={end}"))
        time.sleep(max(0, end + 0.2 - time.time()))
        status, answer = self.service.ask("check", self.ADDRESS, "imap")
        reasons = [r for r in answer["reasons"] if r != "evidence.asserted-only"]
        self.assertEqual((status, reasons), (service.DENY, ["policy.expired", "tls.none", "starttls.not-offered"]))
        renew = ("account", "edit", self.ADDRESS, "--set", "not_after=never")
        done = self.done(self.service.mailtrust(*renew), service.CONFIRM)
        self.assertIn(WARNING[0], done.stderr)
        self.assertEqual(self.service.ask("check", self.ADDRESS, "imap")[0], service.DENY)
        self.done(self.service.type(REDUCED, *renew))
        self.assertEqual(self.service.ask("check", self.ADDRESS, "imap")[0], service.AWC)

    def expire(self, address, *settings):
        """Has the account's policy end in a moment, and waits for it."""
        end = int(time.time()) + 2
        self.done(self.service.mailtrust("account", "edit", address, "--set", f"not_after={end}", *settings))
        time.sleep(max(0, end + 0.2 - time.time()))

    def reasons(self, address):
        status, answer = self.service.ask("check", address, "imap")
        return status, [r for r in answer["reasons"] if r != "evidence.asserted-only"]

    def test_one_that_suspends_denies_everything_until_its_owner_renews_it(self):
        port = mail.Dovecot(LAB, "suspends", CAST.good).ports["imaps"]
        self.done(self.service.mailtrust("account", "add", "s@example.test", "--imap", f"localhost:{port}"))
        self.done(self.service.mailtrust("account", "commit", "s@example.test"))
        self.expire("s@example.test", "--set", "on_expiry=suspend")
        self.assertEqual(self.reasons("s@example.test"), (service.DENY, ["policy.expired", "account.suspended"]))
        with self.service.connect() as c:
            path = c.call(None, service.ROOT_PATH, service.MANAGER, "FindAccount", "s", "s@example.test").values()[0]
            for op in ("capability", "starttls", "test", "authenticate", "access", "submit"):
                evidence = service.evidence(CAST.good, port=("q", port))
                decision = c.call(None, path, service.ACCOUNT, "Check", "sa{sv}a{sv}", op, evidence, {}).values()[0]
                self.assertEqual(decision, "deny", op)
        self.assertEqual(self.show("s@example.test")["Level"], "blocked")
        self.assertIn("blocked", self.service.mailtrust("account", "list").stdout)
        self.done(self.service.mailtrust("account", "edit", "s@example.test", "--set", "not_after=never"))
        self.assertEqual(self.reasons("s@example.test"), (service.ALLOW, ["cert.pkix-valid", "conf.met"]))

    def test_what_was_accepted_by_hand_is_not_used_any_more(self):
        port = mail.Dovecot(LAB, "accepted", CAST.self_signed).ports["imaps"]
        self.done(self.service.type(REDUCED + "n\n", "account", "add", "p@example.test", "--imap", f"localhost:{port}",
                                    "--reduced-confidentiality"))
        self.done(self.service.type("pin\n", "pin", "add", "p@example.test"))
        self.done(self.service.mailtrust("account", "commit", "p@example.test"))
        self.assertEqual(self.reasons("p@example.test")[0], service.AWC)
        self.expire("p@example.test")
        status, reasons = self.reasons("p@example.test")
        self.assertEqual((status, reasons[:2]), (service.DENY, ["policy.expired", "cert.chain-untrusted"]), reasons)
        self.assertNotIn("pin.matched", reasons)
        self.assertEqual(len(self.show("p@example.test")["Pins"]), 1)  # unused, not lost
