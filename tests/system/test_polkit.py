# SPDX-License-Identifier: MIT
"""The system's service and polkit: what weakens an account is confirmed by its user, through a real
polkitd, and a polkit that is absent, silent or says no is a refusal (D-SYS-07, R-5.2-07)."""
import os
import shutil
import time
import unittest

from lab import bus, dbus, mail, pki, place, service

# users every Debian has, with nothing running
ALICE, BOB, CAROL = (("daemon", 1), ("mail", 8), ("games", 5))
POLICY = place.ROOT / "daemon/org.mailtrust1.policy"
EDIT, AGAIN = "org.mailtrust1.edit-own-account", "org.mailtrust1.pin-again"
# Alice confirms everything of her own, but has no administrator; Bob refuses; nobody asks Carol.
# What is asked about wendy@ is refused, whoever asks, by what the question says of it.
RULES = f"""
polkit.addRule(function(action, subject) {{
  if (action.id == "{EDIT}" && action.lookup("account") == "wendy@example.test")
    return polkit.Result.NO;
  if (action.id == "{EDIT}" && action.lookup("what") == "downgrade")
    return polkit.Result.NO;
  if (subject.user == "{ALICE[0]}") return action.id == "{AGAIN}" && action.lookup("account") != "again@example.test" ?
    polkit.Result.NO : polkit.Result.YES;
  if (subject.user == "{BOB[0]}") return polkit.Result.NO;
}});
"""
LAB = CAST = None


def setUpModule():
    global LAB, CAST
    if not bus.Polkit.is_possible():
        raise unittest.SkipTest("being several users, and polkitd, need root and the package polkitd")
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    CAST = pki.ServerPki(LAB.folder("pki"))


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bus = bus.MessageBus(LAB, cls.__name__.lower())
        cls.service = service.SystemService(LAB, "sys-" + cls.__name__.lower(), cls.bus, anchors=CAST.root.pem)

    def connect(self, user, direct=False):
        who = self.service.connect(uid=user[1], timeout=30) if direct else \
            dbus.Connection(self.bus.path, user[1], is_bus=True, timeout=30)
        self.addCleanup(who.socket.close)
        return who

    def call(self, who, path, member, signature="", *values, interface=service.ACCOUNT):
        return who.call(service.NAME if who.name else None, path, interface, member, signature, *values)

    def add(self, who, address):
        reply = self.call(who, service.ROOT_PATH, "AddAccount", "sa{sv}", address, {}, interface=service.MANAGER)
        self.assertIsNone(reply.error(), reply.body)
        return reply.values()[0]

    def consent(self, who, path, kind="reduced-confidentiality", **scope):
        scope = {"text_version": ("u", service.TEXT_VERSION)} | scope
        return self.call(who, path, "RecordConsent", "sa{sv}", kind, scope)

    def minimum(self, who, path, **fields):
        return self.call(who, path, "SetMinimum", "a{ss}", fields).error()

    def show(self, who, path):
        return self.call(who, path, "GetAll", "s", service.ACCOUNT, interface=service.PROPERTIES).values()[0]


class WithPolkit(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.polkit = bus.Polkit(LAB, cls.bus, [POLICY], RULES)
        cls.bus.await_name("org.freedesktop.PolicyKit1")

    def test_who_confirms_may_weaken_an_account_of_his_own(self):
        for direct in (False, True):
            who = self.connect(ALICE, direct)
            path = self.add(who, f"a{direct:d}@example.test")
            self.assertEqual(self.minimum(who, path, min_conf="off"), "ConfWarningRequired")
            self.assertIsNone(self.consent(who, path).error())
            self.assertIsNone(self.minimum(who, path, min_conf="off"))
            self.assertEqual(self.show(who, path)["Minimum"]["min_conf"], "off")

    def test_who_does_not_confirm_weakens_nothing(self):
        for user, why in ((BOB, b"polkit refuses it"), (CAROL, b"nobody could be asked")):
            for direct in (False, True):
                with self.subTest(user=user, direct=direct):
                    who = self.connect(user, direct)
                    path = self.add(who, f"{user[0]}{direct:d}@example.test")
                    reply = self.consent(who, path)
                    self.assertEqual(reply.error(), "NotAuthorized")
                    self.assertIn(why, reply.body)
                    self.assertEqual(self.minimum(who, path, downgrade_action="notify"), "NotAuthorized")
                    shown = self.show(who, path)
                    self.assertEqual((shown["Consents"], shown["Minimum"]["downgrade_action"]), ([], "confirm"))

    def test_what_strengthens_is_confirmed_by_nobody(self):
        who = self.connect(BOB)
        path = self.add(who, "stronger@example.test")
        self.assertIsNone(self.minimum(who, path, tls_min="1.3", downgrade_action="deny"))
        self.assertEqual(self.call(who, path, "Unpin", "say", "localhost", b"").error(), "InvalidArguments")

    def test_to_name_a_server_is_confirmed_by_nobody(self):
        who = self.connect(BOB)
        path = self.add(who, "server@example.test")
        self.assertIsNone(self.call(who, path, "SetEndpoint", "sssq", "imap", "implicit", "localhost", 993).error())
        self.assertIsNone(self.consent(who, path, "srv-target", host=("s", "localhost")).error())

    def test_a_client_certificate_is_confirmed_by_nobody_but_its_owner(self):
        """R-5.5-04: that the user configures it for the account is authorisation enough."""
        who = self.connect(BOB)
        path = self.add(who, "certificate@example.test")
        self.assertIsNone(self.call(who, path, "AllowClientCertificate", "ays", bytes(32), "CN=Bob").error())
        self.assertEqual([c["subject"] for c in self.show(who, path)["ClientCertificates"]], ["CN=Bob"])
        self.assertIsNone(self.call(who, path, "RevokeClientCertificate", "ay", bytes(32)).error())
        self.assertEqual(self.show(who, path)["ClientCertificates"], [])

    def test_every_consent_that_weakens_is_confirmed(self):
        who = self.connect(BOB)
        path = self.add(who, "kinds@example.test")
        self.call(who, path, "SetEndpoint", "sssq", "imap", "implicit", "localhost", 993)
        host = {"host": ("s", "localhost")}
        endpoint = host | {"protocol": ("s", "imap"), "port": ("q", 993)}
        for kind, scope in (("reduced-confidentiality", {}), ("password-exposure", endpoint), ("downgrade", endpoint),
                            ("pin", host | {"leaf_sha256": ("ay", bytes(range(32)))})):
            self.assertEqual(self.consent(who, path, kind, **scope).error(), "NotAuthorized", kind)

    def test_rules_see_the_account_and_what_is_to_be_done(self):
        who = self.connect(ALICE)
        self.assertEqual(self.consent(who, self.add(who, "wendy@example.test")).error(), "NotAuthorized")
        path = self.add(who, "details@example.test")
        self.call(who, path, "SetEndpoint", "sssq", "imap", "implicit", "localhost", 993)
        endpoint = {"host": ("s", "localhost"), "protocol": ("s", "imap"), "port": ("q", 993)}
        self.assertEqual(self.consent(who, path, "downgrade", **endpoint).error(), "NotAuthorized")
        self.assertIsNone(self.consent(who, path, "password-exposure", **endpoint).error())

    def test_nobody_is_asked_about_what_is_refused_anyway(self):
        """Carol would be asked for a password; what she gets is the reason."""
        who = self.connect(CAROL)
        path = self.add(who, "refused@example.test")
        self.assertEqual(self.minimum(who, path, min_conf="off"), "ConfWarningRequired")
        self.assertEqual(self.minimum(who, path, static_pins="x"), "InvalidArguments")

    def test_another_users_account_is_unknown_before_polkit_is_asked(self):
        path = self.add(self.connect(ALICE), "hers@example.test")
        for user in (BOB, CAROL):
            who = self.connect(user)
            self.assertEqual(self.consent(who, path).error(), "UnknownAccount")
            self.assertEqual(self.minimum(who, path, min_conf="off"), "UnknownAccount")

    def pinnable(self, who, address, port):
        path = self.add(who, address)
        self.assertIsNone(self.call(who, path, "SetEndpoint", "sssq", "imap", "implicit", "localhost", port).error())
        self.assertIsNone(self.consent(who, path).error())
        self.assertIsNone(self.minimum(who, path, min_conf="off"))
        reply = self.call(who, path, "Probe", "s", "imap")
        self.assertIsNone(reply.error(), (reply.body, self.service.log()))
        self.assertIn("pin.offer-available", reply.values()[3])
        leaf = bytes.fromhex(CAST.self_signed.sha256())
        self.assertIsNone(self.consent(who, path, "pin", host=("s", "localhost"), leaf_sha256=("ay", leaf)).error())
        return path, self.call(who, path, "Pin", "say", "localhost", leaf).error()

    def remove(self, who, path, used=True):
        if used:
            self.assertIsNone(self.call(who, path, "Commit").error())
        self.assertIsNone(self.call(who, path, "Remove").error())

    def test_removed_and_added_again_a_pin_takes_an_administrator(self):
        port = mail.Dovecot(LAB, "again", CAST.self_signed).ports["imaps"]
        who = self.connect(ALICE)
        path, error = self.pinnable(who, "once@example.test", port)
        self.assertIsNone(error)
        self.remove(who, path)
        for _ in range(2):
            path, error = self.pinnable(who, "once@example.test", port)
            self.assertEqual((error, self.show(who, path)["Pins"]), ("NotAuthorized", []))
            # nor is giving that setup up a way round
            self.remove(who, path, used=False)
        # again@ is what the rules let her have an administrator for
        path, error = self.pinnable(who, "again@example.test", port)
        self.remove(who, path)
        path, error = self.pinnable(who, "again@example.test", port)
        self.assertEqual((error, len(self.show(who, path)["Pins"])), (None, 1))

    def test_a_setup_that_was_given_up_is_no_account_in_use_added_again(self):
        # REQUIREMENTS 4.9: removed, pins and consents erased
        port = mail.Dovecot(LAB, "given-up", CAST.self_signed).ports["imaps"]
        who = self.connect(ALICE)
        for _ in range(2):
            path, error = self.pinnable(who, "given-up@example.test", port)
            self.assertEqual((error, len(self.show(who, path)["Pins"])), (None, 1))
            self.remove(who, path, used=False)
            shown = self.show(who, self.add(who, "given-up@example.test"))
            self.assertEqual((shown["Pins"], shown["Consents"], shown["Minimum"]["min_conf"]), ([], [], "on"))
            found = self.call(who, service.ROOT_PATH, "FindAccount", "s", "given-up@example.test",
                              interface=service.MANAGER)
            self.remove(who, found.values()[0], used=False)

    def test_a_server_less_encrypted_than_before_is_confirmed(self):
        dovecot = mail.Dovecot(LAB, "weaker", CAST.good)
        for user, error in ((ALICE, None), (BOB, "NotAuthorized")):
            who = self.connect(user)
            path = self.add(who, f"weaker-{user[0]}@example.test")
            self.call(who, path, "SetEndpoint", "sssq", "imap", "implicit", "localhost", dovecot.ports["imaps"])
            self.assertIsNone(self.call(who, path, "Probe", "s", "imap").error())
            self.assertIsNone(self.call(who, path, "Commit").error())
            self.assertEqual(self.call(who, path, "SetEndpoint", "sssq", "imap", "starttls", "localhost",
                                       dovecot.ports["imap"]).error(), error)


class WithoutPolkit(Case):
    def test_an_absent_polkit_is_a_refusal(self):
        for direct in (False, True):
            who = self.connect(ALICE, direct)
            path = self.add(who, f"absent{direct:d}@example.test")
            reply = self.consent(who, path)
            self.assertEqual(reply.error(), "AuthorityUnreachable")
            self.assertIn(b"there is no polkit", reply.body)
            self.assertEqual(self.show(who, path)["Consents"], [])
            self.assertIsNone(self.minimum(who, path, tls_min="1.3"))

    def test_the_command_line_says_so_and_exits_75(self):
        # the account is root's, whom polkit is not asked about; so the caller is somebody else
        done = self.service.as_user(ALICE[1], "account", "add", "cli@example.test", "--imap", "localhost:993",
                                    "--reduced-confidentiality", typed="reduced-confidentiality\n")
        self.assertEqual(done.returncode, 75, done.stderr)
        self.assertIn("polkit, which cannot be asked", done.stderr)
        self.assertIn("in setup, with the requirement on", done.stderr)
        who = self.connect(ALICE)
        found = self.call(who, service.ROOT_PATH, "FindAccount", "s", "cli@example.test", interface=service.MANAGER)
        shown = self.show(who, found.values()[0])
        self.assertEqual((shown["Minimum"]["min_conf"], shown["Consents"], len(shown["Endpoints"])), ("on", [], 1))

    def test_root_confirms_nothing_to_polkit(self):
        who = self.connect(("root", 0))
        path = self.add(who, "root@example.test")
        self.assertIsNone(self.consent(who, path).error())


class SilentPolkit(Case):
    """Something owns the name and never answers."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mute = dbus.Connection(cls.bus.path, is_bus=True)
        cls.addClassCleanup(cls.mute.socket.close)
        cls.mute.call(*dbus.BUS, "RequestName", "su", "org.freedesktop.PolicyKit1", 4)

    def test_a_silent_polkit_is_a_refusal_and_holds_up_nothing_else(self):
        who, other = self.connect(ALICE), self.connect(ALICE)
        path = self.add(who, "silent@example.test")
        started = time.monotonic()
        serial = who.send(service.NAME, path, service.ACCOUNT, "RecordConsent", "sa{sv}", "reduced-confidentiality",
                          {"text_version": ("u", service.TEXT_VERSION)})
        self.assertEqual(self.call(other, path, "Check", "sa{sv}a{sv}", "test", service.evidence(
            transport=("s", "none"), port=("q", 1430)), {}).values()[0], "deny")
        self.assertLess(time.monotonic() - started, 2)
        self.assertEqual(who.reply(serial).error(), "AuthorityUnreachable")
        self.assertLess(time.monotonic() - started, 10)
        self.assertEqual(self.show(who, path)["Consents"], [])

    def test_a_caller_who_goes_away_takes_his_question_along(self):
        who = self.connect(ALICE)
        path = self.add(who, "gone@example.test")
        who.send(service.NAME, path, service.ACCOUNT, "RecordConsent", "sa{sv}", "reduced-confidentiality",
                 {"text_version": ("u", service.TEXT_VERSION)})
        seen = []
        while "CheckAuthorization" not in seen:
            seen.append(self.mute.receive().fields.get(dbus.MEMBER))
        who.socket.close()
        while "CancelCheckAuthorization" not in seen:
            seen.append(self.mute.receive().fields.get(dbus.MEMBER))
        other = self.connect(ALICE)
        self.assertEqual(self.show(other, path)["Consents"], [])


class TextAgent(Case):
    """At a terminal the command line brings an agent that can ask for the password."""

    def test_the_agent_is_there_while_the_service_may_ask_and_gone_afterwards(self):
        folder = LAB.folder("agent")
        log = folder / "log"
        agent = folder / "pkttyagent"
        agent.write_text(f"#!/bin/sh\necho \"$@\" >>{log}\necho $$ >{folder}/pid\nexec sleep 60 4>&- 5>&- 6>&- 7>&-\n")
        agent.chmod(0o755)
        log.touch()
        log.chmod(0o666)
        folder.chmod(0o777)
        done = self.service.as_user(ALICE[1], "account", "add", "agent@example.test", "--imap", "localhost:993",
                                    "--reduced-confidentiality", typed="reduced-confidentiality\n",
                                    env={"PATH": f"{folder}:/usr/bin:/bin"})
        self.assertEqual(done.returncode, 75, done.stderr)
        self.assertRegex(log.read_text(), r"^--process \d+ --notify-fd \d+\n$")
        self.assertFalse(os.path.exists(f"/proc/{(folder / 'pid').read_text().strip()}"))

    def test_where_nobody_is_at_a_terminal_there_is_none(self):
        folder = LAB.folder("agent")
        (folder / "log").write_text("")
        self.service.as_user(ALICE[1], "--non-interactive", "account", "add", "agent2@example.test", "--imap",
                             "localhost:993", env={"PATH": f"{folder}:/usr/bin:/bin"})
        self.assertEqual((folder / "log").read_text(), "")


@unittest.skipUnless(shutil.which("pkttyagent"), "needs pkttyagent")
class RealAgent(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.polkit = bus.Polkit(LAB, cls.bus, [POLICY], name="polkit-agent")
        cls.bus.await_name("org.freedesktop.PolicyKit1")

    def test_the_user_is_asked_for_the_password_with_the_account_named(self):
        seen = self.service.as_user_until(
            CAROL[1], "Password:", "account", "add", "carol@example.test", "--imap", "localhost:993",
            "--reduced-confidentiality", typed="reduced-confidentiality\n",
            env={"DBUS_SYSTEM_BUS_ADDRESS": self.bus.address})
        self.assertIn(f"AUTHENTICATING FOR {EDIT}", seen)
        self.assertIn("mail account carol@example.test", seen)
        self.assertIn("Password:", seen)
        who = self.connect(CAROL)
        found = self.call(who, service.ROOT_PATH, "FindAccount", "s", "carol@example.test", interface=service.MANAGER)
        self.assertEqual(self.show(who, found.values()[0])["Consents"], [])


@unittest.skipUnless(shutil.which("pkttyagent"), "needs pkttyagent")
class Password(Case):
    """The whole way: the warning, the phrase, pkttyagent, the setuid helper, PAM, polkit, the change."""

    PHRASE = ("Anything else keeps you protected: ", "reduced-confidentiality")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.polkit = bus.Polkit(LAB, cls.bus, [POLICY], name="polkit-password")
        cls.bus.await_name("org.freedesktop.PolicyKit1")

    def edit(self, address, *steps, options=()):
        who = self.connect(CAROL)
        path = self.add(who, address)
        code, seen = self.service.converse(CAROL[1], steps, *options, "account", "edit", address, "--min-conf=off")
        shown = self.show(who, path)
        return code, seen, shown["Minimum"]["min_conf"], [c["kind"] for c in shown["Consents"]]

    def test_the_right_password_lets_the_requirement_be_switched_off(self):
        # R-5.2-07, D-SYS-07
        ask = ("Password: ", self.service.PASSWORD)
        code, seen, *stored = self.edit("right@example.test", self.PHRASE, ask, ask)
        self.assertEqual((code, stored), (0, ["off", ["reduced-confidentiality"]]), seen)
        self.assertLess(seen.index("password and messages"), seen.index("AUTHENTICATING FOR"), seen)
        self.assertNotIn(self.service.PASSWORD, seen)

    def test_a_wrong_password_changes_nothing(self):
        code, seen, *stored = self.edit("wrong@example.test", self.PHRASE, ("Password: ", "a guess"))
        self.assertIn("AUTHENTICATION FAILED", seen)
        self.assertEqual((code, stored), (service.DENY, ["on", []]), seen)
        self.assertIn("polkit refuses it", seen)

    def test_without_a_terminal_nobody_is_asked_and_nothing_changed(self):
        code, seen, *stored = self.edit("nobody@example.test", options=["--non-interactive"])
        self.assertNotIn("AUTHENTICATING", seen)
        self.assertEqual((code, stored), (service.CONFIRM, ["on", []]), seen)
