# SPDX-License-Identifier: MIT
"""Setting an account up as the system's users do it: an unprivileged user at a terminal, one service for all of them,
polkit and the user's password before anything is protected less."""
import hashlib
import re
import shutil
import threading
import unittest

import test_setup

from lab import bus, dbus, place, service

# users every Debian has, with nothing running; each may probe ten times a minute
SYS, GAMES, MAN, NEWS, UUCP, PROXY, BACKUP, LIST, IRC = (3, 5, 6, 9, 10, 13, 34, 38, 39)
POLICY = place.ROOT / "daemon/org.mailtrust1.policy"
KEEPS = "Anything else keeps you protected: "
LAB = WORLD = BUS = SERVICE = None


def setUpModule():
    global LAB, WORLD, BUS, SERVICE
    if not bus.Polkit.is_possible() or not shutil.which("pkttyagent"):
        raise unittest.SkipTest("being several users, and polkitd, need root and the package polkitd")
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    WORLD = test_setup.World(LAB)
    BUS = bus.MessageBus(LAB)
    SERVICE = service.SystemService(LAB, "system", BUS, anchors=WORLD.cast.root.pem, options=WORLD.zones.options())
    bus.Polkit(LAB, BUS, [POLICY])
    BUS.await_name("org.freedesktop.PolicyKit1")


class Case(unittest.TestCase):
    def add(self, uid, address, *steps, code=0, options=()):
        """account add at a terminal. Return: what was shown."""
        status, seen = SERVICE.converse(uid, steps, *options, "account", "add", address)
        self.assertEqual(status, code, seen)
        return seen

    def accounts(self, uid):
        """What `account list` says, as text."""
        done = SERVICE.as_user(uid, "--json", "account", "list")
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def connect(self, uid):
        who = dbus.Connection(BUS.path, uid, is_bus=True, timeout=30)
        self.addCleanup(who.socket.close)
        return who

    def call(self, who, path, member, signature="", *values, interface=service.ACCOUNT):
        return who.call(service.NAME, path, interface, member, signature, *values)

    def manager(self, who, member, *args):
        return self.call(who, service.ROOT_PATH, member, *args, interface=service.MANAGER)

    def show(self, uid, address):
        who = self.connect(uid)
        path = self.manager(who, "FindAccount", "s", address).values()[0]
        return self.call(who, path, "GetAll", "s", service.ACCOUNT, interface=service.PROPERTIES).values()[0]

    def assertInOrder(self, text, *parts):
        at = 0
        for part in parts:
            found = text.find(part, at)
            self.assertGreaterEqual(found, 0, f"{part!r} does not come next in {text}")
            at = found + len(part)


class Signed(Case):
    def test_the_conversation_goes_from_what_dns_offers_to_an_account_in_use(self):
        # R-5.1-02, R-5.4-01
        seen = self.add(GAMES, "me@signed.test", ("these servers? [y/N] ", "y"))
        self.assertInOrder(seen, "offers, best first", "imap.signed.test", "STARTTLS", "Left out", "srv.service-not-offered", "Proposed for",
                           "TLS from the start, named by signed DNS", "[y/N]", "imap.signed.test", "cert.pkix-valid",
                           "out.signed.test", "cert.pkix-valid", "ready for use")
        # nothing is protected less, so there is nothing to confirm to polkit
        self.assertNotIn("AUTHENTICATING", seen)
        self.assertNotIn("WARNING", seen)
        shown = self.show(GAMES, "me@signed.test")
        self.assertEqual((shown["State"], shown["Level"]), ("active", "protected"))
        self.assertEqual([(e["host"], e["dnssec"], e["saved"], e["probe"]) for e in shown["Endpoints"]],
                         [("imap.signed.test", "secure", True, "confidential"),
                          ("out.signed.test", "secure", True, "confidential")])

    def test_another_user_sees_nothing_of_it(self):
        self.assertNotIn("signed.test", self.accounts(MAN))
        self.assertEqual(self.manager(self.connect(MAN), "FindAccount", "s", "me@signed.test").error(),
                         "UnknownAccount")


class Outside(Case):
    ADDRESS = "me@outside.test"

    def test_a_program_gets_twenty_and_nothing_stored_and_nobody_is_connected_to(self):
        # R-5.1-12
        before, doors = self.accounts(MAN), WORLD.door.count
        for address in (self.ADDRESS, "me@signed.test", "me@clear.test"):
            for options in (["--non-interactive"], ["--json"]):
                seen = self.add(MAN, address, code=service.CONFIRM, options=options)
                self.assertIn("not added", seen)
        self.assertEqual((self.accounts(MAN), WORLD.door.count), (before, doors))

    def test_nothing_connects_before_the_target_was_confirmed_by_its_whole_name(self):
        # R-5.1-12, D-DISC-05
        before, doors = self.accounts(MAN), WORLD.door.count
        seen = self.add(MAN, self.ADDRESS, (KEEPS, "yes"), code=service.CONFIRM)
        self.assertInOrder(seen, "WARNING for mail.provider.test, account me@outside.test", "type  srv-target")
        self.assertEqual((self.accounts(MAN), WORLD.door.count), (before, doors))
        self.add(MAN, self.ADDRESS, (KEEPS, "srv-target"), ("[y/N] ", "n"), code=service.CONFIRM)
        self.assertEqual((self.accounts(MAN), WORLD.door.count), (before, doors))
        seen = self.add(MAN, self.ADDRESS, (KEEPS, "srv-target"), ("[y/N] ", "y"))
        self.assertInOrder(seen, "srv-target", "mail.provider.test", "srv.insecure", "ready for use")
        self.assertNotIn("AUTHENTICATING", seen)
        self.assertGreater(WORLD.door.count, doors)
        self.assertEqual([(e["host"], e["confirmed"]) for e in self.show(MAN, self.ADDRESS)["Endpoints"]],
                         [("mail.provider.test", True)])


class References(Case):
    """What a certificate is held against is settled before there is one."""

    @staticmethod
    def events(event, host):
        """The log's lines of an event about a host, each as a dictionary."""
        lines = [dict(re.findall(r'(MT_\w+)=(\S+)', line)) for line in SERVICE.log().splitlines()]
        return [line for line in lines if (line["MT_EVENT"], line.get("MT_HOST")) == (event, host)]

    def test_the_names_a_server_may_prove_are_fixed_before_the_handshake(self):
        # D-ID-10
        host, doors = "mail.provider.test", WORLD.door.count
        seen = [len(self.events(event, host)) for event in ("probe", "validation")]
        WORLD.door.is_open.clear()
        self.addCleanup(WORLD.door.is_open.set)
        running = threading.Thread(target=self.add, args=(IRC, "me@outside.test", (KEEPS, "srv-target"), ("[y/N] ", "y")))
        running.start()
        place.wait_until(lambda: WORLD.door.count > doors, "the service at the door")
        # it is connected, the server has said nothing yet, and the names are written down
        probes, validations = self.events("probe", host), self.events("validation", host)
        self.assertEqual([len(probes), len(validations)], [seen[0] + 1, seen[1]])
        WORLD.door.is_open.set()
        running.join(60)
        fixed, judged = probes[-1], self.events("validation", host)[seen[1]]
        self.assertEqual(judged["MT_REFERENCES"], "dns:mail.provider.test,dns:outside.test,srv:_imaps.outside.test")
        self.assertEqual(fixed["MT_REFERENCES_SHA256"], hashlib.sha256(judged["MT_REFERENCES"].encode()).hexdigest())
        self.assertEqual(judged["MT_REFERENCES_SHA256"], fixed["MT_REFERENCES_SHA256"])
        self.assertEqual((judged["MT_IDENTITY_TYPE"], judged["MT_IDENTITY"]), ("dns", host))

    def test_each_server_was_validated_before_the_account_was_put_to_use(self):
        # R-5.4-01
        self.add(SYS, "you@signed.test", ("these servers? [y/N] ", "y"))
        account = [e for e in map(lambda line: dict(re.findall(r"(MT_\w+)=(\S+)", line)), SERVICE.log().splitlines())
                   if e.get("MT_UID") == str(SYS)]
        begun = [i for i, e in enumerate(account) if e.get("MT_STATE_BEFORE") == "setup" and e["MT_STATE"] == "active"]
        self.assertEqual(len(begun), 1)
        self.assertEqual({e["MT_HOST"] for e in account[:begun[0]] if e["MT_EVENT"] == "validation"},
                         {"imap.signed.test", "out.signed.test"})


class WithoutTls(Case):
    """No server of clear.test has TLS."""
    SERVERS = ("with these servers? [y/N] ", "y"), ("instead? [y/N] ", "y")
    PHRASE = (KEEPS, "reduced-confidentiality")

    def test_a_wrong_password_ends_it_and_leaves_nothing(self):
        before = self.accounts(NEWS)
        seen = self.add(NEWS, "me@clear.test", *self.SERVERS, self.PHRASE, ("Password: ", "a guess"), code=service.DENY)
        self.assertInOrder(seen, "srv.candidate-below-minimum", "srv.no-tls-advertised", "not encrypted",
                           "Others can read your password and messages", "AUTHENTICATING FOR", "AUTHENTICATION FAILED",
                           "polkit refuses it")
        self.assertEqual(self.accounts(NEWS), before)

    def test_the_right_one_puts_the_reduced_account_to_use_after_the_warning(self):
        # R-5.1-06, R-5.1-07, D-SYS-07
        ask = ("Password: ", SERVICE.PASSWORD)
        seen = self.add(NEWS, "me@clear.test", *self.SERVERS, self.PHRASE, ask, ask)
        self.assertInOrder(seen, "srv.no-tls-advertised", "not encrypted", "AUTHENTICATING FOR",
                           "AUTHENTICATION COMPLETE", "ready for use")
        shown = self.show(NEWS, "me@clear.test")
        self.assertEqual((shown["Level"], shown["Minimum"]["min_conf"], [c["kind"] for c in shown["Consents"]]),
                         ("reduced", "off", ["reduced-confidentiality"]))


    def test_what_became_of_an_account_stands_in_words_wherever_it_is_named(self):
        # R-5-07, as far as commands and D-Bus go
        for uid, address, level, other in ((NEWS, "me@clear.test", "reduced", "protected"),
                                           (GAMES, "me@signed.test", "protected", "reduced")):
            for command in (("account", "list"), ("account", "show", address), ("status",)):
                said = SERVICE.as_user(uid, *command).stdout
                self.assertRegex(said, rf"\b{level}\b", command)
                self.assertNotRegex(said, rf"\b{other}\b", command)
            levels = self.manager(self.connect(uid), "Levels").values()[0]
            self.assertEqual([(row[1], row[2]) for row in levels], [(address, level)])


class GivenUp(Case):
    def test_a_setup_given_up_half_way_can_be_done_again_as_if_it_had_never_been(self):
        # REQUIREMENTS 4.9
        before = self.accounts(UUCP)
        for _ in range(2):
            self.add(UUCP, "me@clear.test", *WithoutTls.SERVERS, (KEEPS, "no"), code=service.CONFIRM)
            self.assertEqual(self.accounts(UUCP), before)
        ask = ("Password: ", SERVICE.PASSWORD)
        self.add(UUCP, "me@clear.test", *WithoutTls.SERVERS, WithoutTls.PHRASE, ask, ask)
        self.assertEqual(self.show(UUCP, "me@clear.test")["State"], "active")


    def test_one_broken_off_by_hand_says_how_to_go_on_or_give_it_up(self):
        # ^C where the next server is asked about: the account is there, and in setup
        ours = SERVICE.as_user_until(UUCP, "instead? [y/N]", "account", "add", "off@clear.test", typed="y\n")
        self.assertIn("srv.candidate-below-minimum", ours)
        self.assertEqual(self.show(UUCP, "off@clear.test")["State"], "setup")
        seen = self.add(UUCP, "off@clear.test", ("these servers? [y/N] ", "y"), code=service.DENY)
        self.assertInOrder(seen, "There already is one", "It is in setup", "'mailtrust account commit off@clear.test'",
                           "'mailtrust account remove off@clear.test' gives it up")
        self.assertEqual(SERVICE.as_user(UUCP, "--yes", "account", "remove", "off@clear.test").returncode, 0)
        self.assertNotIn("off@clear.test", self.accounts(UUCP))


class AnotherTool(Case):
    """A settings program of somebody else's, which speaks D-Bus and knows no manners, meets the same gates."""

    def begin(self, uid, address, label):
        """Adds an account, and sets the first server that DNS offers under a label."""
        who = self.connect(uid)
        path = self.manager(who, "AddAccount", "sa{sv}", address, {}).values()[0]
        offered = {c["label"]: c for c in self.manager(who, "Discover", "sa{sv}", address, {}).values()[0]}
        one = offered[label]
        reply = self.call(who, path, "SetDiscovered", "ssq", label, one["host"], one["port"])
        self.assertIsNone(reply.error(), reply.body)
        return who, path

    def consent(self, who, path, kind, **scope):
        return self.call(who, path, "RecordConsent", "sa{sv}", kind, {"text_version": ("u", service.TEXT_VERSION)} | scope).error()

    def test_it_puts_no_account_to_use_that_nobody_looked_at(self):
        # R-5.4-01
        who, path = self.begin(PROXY, "tool@signed.test", "_imaps")
        self.assertEqual(self.call(who, path, "Commit").error(), "EndpointNotProbed")
        self.assertIsNone(self.call(who, path, "Probe", "s", "imap").error())
        self.assertIsNone(self.call(who, path, "Commit").error())

    def test_it_reaches_no_unconfirmed_target(self):
        # R-5.1-12
        doors = WORLD.door.count
        who, path = self.begin(PROXY, "tool@outside.test", "_imaps")
        for member in ("Probe", "Resolve"):
            self.assertEqual(self.call(who, path, member, "s", "imap").error(), "TargetUnconfirmed")
        self.assertEqual(self.call(who, path, "Commit").error(), "EndpointNotProbed")
        self.assertEqual(self.call(who, path, "Check", "sa{sv}a{sv}", "capability", service.evidence(
            host=("s", "mail.provider.test"), port=("q", WORLD.door.port)), {}).values()[0], "confirm")
        self.assertEqual(WORLD.door.count, doors)

    def test_it_gives_up_no_protection_without_the_users_password(self):
        # R-5.2-08, D-SYS-07
        who, path = self.begin(BACKUP, "tool@clear.test", "_imap")
        off = ("SetMinimum", "a{ss}", {"min_conf": "off"})
        self.assertEqual(self.call(who, path, *off).error(), "ConfWarningRequired")
        self.assertEqual(self.consent(who, path, "reduced-confidentiality"), "NotAuthorized")
        self.assertEqual(self.call(who, path, *off).error(), "ConfWarningRequired")
        self.assertIsNone(self.call(who, path, "Probe", "s", "imap").error())
        self.assertEqual(self.call(who, path, "Commit").error(), "MinimumNotMet")

    def test_it_pins_nothing_without_the_users_password(self):
        # R-5.4-02, Q-14
        who, path = self.begin(LIST, "tool@expired.test", "_imaps")
        offered = self.call(who, path, "Probe", "s", "imap").values()[3]
        self.assertNotIn("pin.offer-available", offered)
        leaf, host = bytes(range(32)), "imap.expired.test"
        self.assertEqual(self.consent(who, path, "pin", host=("s", host), leaf_sha256=("ay", leaf)), "NotAuthorized")
        self.assertEqual(self.call(who, path, "Pin", "say", host, leaf).error(), "PinNotOffered")
        self.assertEqual(self.call(who, path, "Commit").error(), "MinimumNotMet")
