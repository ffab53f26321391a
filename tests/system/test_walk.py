# SPDX-License-Identifier: MIT
"""What a user of discovery, DANE and pins goes through, from one end to the other, on real nsd, Dovecot and Postfix:
what is printed, and with which status each command ends."""
import unittest

from lab import door, mail, pki, place, resolver, service, zones

LAB = CAST = PRIVATE = SERVERS = DOOR = ZONES = None
REDUCED, TARGET = "reduced-confidentiality\n", "srv-target\n"
OFFER = "_imaps._tcp IN SRV 0 0 {imaps} imap\n_submissions._tcp IN SRV 0 0 {submissions} out\n"
HOSTS = "imap IN A 127.0.0.1\nout IN A 127.0.0.1\n"


def setUpModule():
    global LAB, CAST, PRIVATE, SERVERS, DOOR, ZONES
    if not mail.IS_ROOT:
        raise unittest.SkipTest("Postfix is started by root")
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    CAST, PRIVATE = pki.ServerPki(LAB.folder("pki")), pki.ServerPki(LAB.folder("private"))
    names = [f"DNS:*.{zone}" for zone in ("example.test", "plain.test", "broken.test", "provider.test")]
    good = CAST.issue("hosts", CAST.ca, names=names)
    SERVERS = {"good": mail.Dovecot(LAB, "good", good), "private": mail.Dovecot(LAB, "private", PRIVATE.good),
               "self-signed": mail.Dovecot(LAB, "self-signed", CAST.self_signed)}
    out = mail.Postfix(LAB, "out", good, SERVERS["good"])
    DOOR = door.Door(LAB, SERVERS["self-signed"].ports["imap"])
    offer = HOSTS + OFFER.format(**SERVERS["good"].ports | out.ports)
    abroad = f"_imaps._tcp IN SRV 0 0 {SERVERS['good'].ports['imaps']} mail.provider.test.\n"
    ZONES = zones.Zones(LAB, {"example.test": ("signed", offer), "plain.test": ("unsigned", offer),
                              "outside.test": ("unsigned", abroad), "provider.test": ("unsigned", "mail IN A 127.0.0.1\n"),
                              "broken.test": ("expired", offer), "dane.test": ("signed", tlsa(PRIVATE.good))})


def tlsa(certificate):
    """The records of dane.test, whose server has a certificate of an authority nobody knows."""
    port = SERVERS["private"].ports["imaps"]
    return HOSTS + f"_{port}._tcp.imap IN TLSA 3 1 1 {certificate.spki_sha256()}\n"


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.proxy = resolver.Resolver(LAB, ZONES.port)
        cls.service = service.Service(LAB, cls.__name__.lower(), anchors=CAST.root.pem, options=ZONES.options(cls.proxy))

    def run_command(self, code, *args, typed=None):
        """Return: all that was printed."""
        done = self.service.mailtrust(*args) if typed is None else self.service.type(typed, *args)
        printed = done.stdout + done.stderr
        self.assertEqual(done.returncode, code, printed)
        return printed

    def check(self, code, decision, address, *reasons):
        """check, for a person and for a program."""
        printed = self.run_command(code, "check", address, "imap")
        status, answer = self.service.ask("check", address, "imap")
        seen = [reason for reason in answer["reasons"] if reason != "evidence.asserted-only"]
        self.assertEqual((status, answer["decision"], seen), (code, decision, list(reasons)))
        for reason in reasons:
            self.assertIn(f"[{reason}]", printed)

    def assertSays(self, printed, *texts):
        for text in texts:
            self.assertIn(text, printed)


class Discovery(Case):
    """(a) Four kinds of domains."""

    def test_a_signed_domain_is_discovered_and_set_up_with_one_question(self):
        printed = self.run_command(0, "discover", "a@example.test")
        self.assertSays(printed, "imap.example.test", "out.example.test", "TLS from the start", "signed DNS")
        printed = self.run_command(0, "account", "add", "a@example.test", typed="y\n")
        self.assertSays(printed, "Proposed for a@example.test", "named by signed DNS", "[srv.dnssec-secure]",
                        "[cert.pkix-valid]", "The account is ready for use.")

    def test_an_unsigned_domain_is_set_up_inside_of_itself_and_said_to_be_unsigned(self):
        self.assertSays(self.run_command(0, "discover", "a@plain.test"), "imap.plain.test", "unsigned DNS")
        printed = self.run_command(0, "account", "add", "a@plain.test", typed="y\n")
        self.assertSays(printed, "[srv.insecure]", "[cert.pkix-valid]", "The account is ready for use.")

    def test_a_target_outside_of_an_unsigned_domain_takes_a_person(self):
        self.assertSays(self.run_command(0, "discover", "a@outside.test"), "mail.provider.test")
        printed = self.run_command(service.CONFIRM, "--yes", "account", "add", "a@outside.test")
        self.assertSays(printed, "mail.provider.test, account a@outside.test", "srv.target-out-of-domain")
        printed = self.run_command(0, "account", "add", "a@outside.test", typed=TARGET + "y\n")
        self.assertSays(printed, "The account is ready for use.")

    def test_a_bogus_domain_is_refused(self):
        self.assertSays(self.run_command(service.DENY, "discover", "a@broken.test"), "srv.bogus")
        self.assertSays(self.run_command(service.DENY, "--yes", "account", "add", "a@broken.test"), "srv.bogus")
        self.run_command(service.DENY, "account", "show", "a@broken.test")

    def test_fifty_checks_of_an_account_in_use_ask_nsd_for_no_srv_record(self):
        # (c) R-5.1-13
        before = ZONES.count("SRV")
        self.assertGreaterEqual(before, 6)  # nsd does count them
        for _ in range(50):
            self.assertEqual(self.service.mailtrust("check", "a@example.test", "imap").returncode, 0)
        self.assertEqual(ZONES.count("SRV"), before)


class Dane(Case):
    """(b) A server of a private authority, vouched for by its signed zone alone."""
    ADDRESS = "a@dane.test"

    def setUp(self):
        self.proxy.behave = lambda name, kind: None

    def change(self, **how):
        """The zone changes, and all that was remembered of it has run out."""
        ZONES.change("dane.test", **how)
        self.service.restart()

    def test_a_matching_record_makes_it_confidential(self):
        self.run_command(0, "account", "add", self.ADDRESS, "--imap", f"imap.dane.test:{SERVERS['private'].ports['imaps']}")
        self.run_command(0, "account", "commit", self.ADDRESS)
        self.check(0, "allow", self.ADDRESS, "dane.matched", "cert.chain-untrusted", "cert.identity-mismatch", "conf.met")

    def test_another_record_denies(self):
        self.change(records=tlsa(CAST.good))
        self.check(service.DENY, "deny", self.ADDRESS, "dane.mismatch")

    def test_a_broken_signature_denies(self):
        self.change(kind="expired", records=tlsa(PRIVATE.good))
        self.check(service.DENY, "deny", self.ADDRESS, "dane.bogus")

    def test_a_silent_resolver_denies(self):
        self.change(kind="signed")
        self.proxy.behave = lambda name, kind: "drop" if "dane.test" in name else None
        self.check(service.DENY, "deny", self.ADDRESS, "dane.undetermined")

    def test_an_unsigned_zone_vouches_for_nobody(self):
        self.change(kind="unsigned")
        self.check(service.DENY, "deny", self.ADDRESS, "cert.chain-untrusted", "cert.identity-mismatch",
                   "pin.not-offered-existing")

    def test_signed_again_it_is_confidential_again(self):
        self.change(kind="signed")
        self.check(0, "allow", self.ADDRESS, "dane.matched", "cert.chain-untrusted", "cert.identity-mismatch", "conf.met")


class Pins(Case):
    """(d) A server with a certificate of its own making, behind a door that can strip its offer to encrypt."""
    ADDRESS = "a@example.test"

    def test_in_setup_with_the_minimum_off_the_pin_is_offered_and_the_account_is_reduced(self):
        printed = self.run_command(0, "account", "add", self.ADDRESS, "--imap", f"localhost:{DOOR.port}/starttls",
                                   "--reduced-confidentiality", typed=REDUCED + "n\n")
        self.assertSays(printed, "WARNING for a@example.test", "password and messages")
        self.check(service.CONFIRM, "confirm", self.ADDRESS, "transport.starttls-used", "cert.chain-untrusted",
                   "pin.offer-available", "op.test-needs-warning")
        printed = self.run_command(0, "pin", "add", self.ADDRESS, typed="pin\n")
        self.assertSays(printed, "attacker", "cannot be withdrawn", "not renewed")
        self.run_command(0, "account", "commit", self.ADDRESS)
        self.check(service.AWC, "awc", self.ADDRESS, "transport.starttls-used", "cert.chain-untrusted", "pin.matched",
                   "conf.disabled-by-user")
        self.assertSays(self.run_command(0, "account", "list"), "reduced")

    def test_the_same_certificate_is_denied_to_an_account_with_the_minimum_on(self):
        self.run_command(0, "account", "add", "b@example.test", "--imap", f"localhost:{DOOR.port}/starttls")
        self.check(service.DENY, "deny", "b@example.test", "transport.starttls-used", "cert.chain-untrusted",
                   "account.setup")
        self.run_command(service.DENY, "account", "commit", "b@example.test")

    def test_with_starttls_stripped_the_pinned_host_is_a_mismatch(self):
        DOOR.strips = b"STARTTLS "
        self.addCleanup(setattr, DOOR, "strips", b"")
        self.check(service.DENY, "deny", self.ADDRESS, "tls.none", "starttls.not-offered", "pin.mismatch")

    def test_with_the_minimum_back_on_it_is_denied(self):
        self.run_command(0, "account", "edit", self.ADDRESS, "--min-conf=on")
        self.check(service.DENY, "deny", self.ADDRESS, "transport.starttls-used", "cert.chain-untrusted", "pin.matched",
                   "pin.not-sufficient")
        self.run_command(0, "account", "edit", self.ADDRESS, "--min-conf=off", typed=REDUCED)

    def test_removed_the_pin_matches_no_more(self):
        self.run_command(0, "pin", "remove", self.ADDRESS, "localhost")
        self.check(service.AWC, "awc", self.ADDRESS, "transport.starttls-used", "cert.chain-untrusted",
                   "conf.disabled-by-user")
        self.run_command(0, "account", "edit", self.ADDRESS, "--min-conf=on")
        self.check(service.DENY, "deny", self.ADDRESS, "transport.starttls-used", "cert.chain-untrusted",
                   "pin.not-offered-existing")
