# SPDX-License-Identifier: MIT
"""Client certificates: allowed by their owner for one account, and named for a connection by the service alone
(RFC 8314 §5.5)."""
import json
import os
import shutil
import stat
import unittest

from lab import bus, dbus, mail, pki, place, service

CLIENT = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\n"
PASSPHRASE = "correct horse"
# users every Debian has, with nothing running
ALICE, BOB = 1, 8
LAB = CAST = DOVECOT = ANN = BEA = None


def setUpModule():
    global LAB, CAST, DOVECOT, ANN, BEA
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    CAST = pki.ServerPki(LAB.folder("pki"))
    DOVECOT = mail.Dovecot(LAB, "good", CAST.good)
    ANN = CAST.issue("Ann", CAST.ca, CLIENT, names=["email:ann@example.test"])
    BEA = CAST.issue("Bea", CAST.ca, CLIENT)


def write(name, *parts):
    """A file of PEM blocks, by certificates' own files or as bytes."""
    path = CAST.folder / name
    path.write_bytes(b"".join(p if isinstance(p, bytes) else p.read_bytes() for p in parts))
    return path


def whole(certificate):
    """The owner's file: certificate, issuers, key."""
    return write(f"{certificate.pem.stem}-whole.pem", certificate.chain, certificate.key)


def fingerprint(certificate):
    digits = certificate.sha256().upper()
    return ":".join(digits[i:i + 2] for i in range(0, 64, 2))


class Case(unittest.TestCase):
    """Each class has a service and a data folder of its own."""

    @classmethod
    def setUpClass(cls):
        cls.service = service.Service(LAB, cls.__name__.lower(), anchors=CAST.root.pem)
        cls.data = LAB.folder(f"{cls.__name__.lower()}-data")
        cls.env = {"XDG_DATA_HOME": str(cls.data)}

    def run_cli(self, *args, **options):
        return self.service.mailtrust(*args, env=self.env, **options)

    def done(self, *args):
        """Runs a command that must succeed. Return: its output."""
        done = self.run_cli(*args)
        self.assertEqual(done.returncode, 0, (args, done.stdout, done.stderr, self.service.log()))
        return done.stdout

    def ask(self, *args):
        done = self.run_cli("--json", *args)
        return done.returncode, json.loads(done.stdout)

    def refused(self, *args):
        """Runs a command that must not work, because of what it was given. Return: what it says."""
        done = self.run_cli(*args)
        self.assertEqual((done.returncode, done.stdout), (service.USAGE, ""), done.stderr)
        return done.stderr

    def add(self, address, suffix="", port="imaps"):
        """An account that is in use. Return: its id."""
        self.done("account", "add", address, "--imap", f"localhost:{DOVECOT.ports[port]}{suffix}")
        self.done("account", "commit", address)
        return self.ask("account", "show", address)[1]["Id"]

    def listed(self, address):
        """Thumbprints in hex, in their order."""
        status, shown = self.ask("cert", "list", address)
        self.assertEqual(status, 0, shown)
        return [c["sha256"].replace(":", "").lower() for c in shown["certificates"]]

    def files(self, account):
        """What is kept for an account."""
        folder = self.data / "mailtrust/client-certificates" / account
        return sorted(p.name for p in folder.iterdir()) if folder.exists() else []

    def path_of(self, account):
        return f"{service.ROOT_PATH}/account/{account}"

    def evidence(self, port=None, **changes):
        return service.evidence(CAST.good, port=("q", port or DOVECOT.ports["imaps"]), **changes)

    def check(self, account, evidence, phase, **options):
        """Return: (decision, reasons, token, detail)."""
        with self.service.connect(**options) as connection:
            reply = connection.call(None, self.path_of(account), service.ACCOUNT, "Check", "sa{sv}a{sv}",
                                    "authenticate", evidence, {"phase": ("s", phase)})
        self.assertIsNone(reply.error(), reply.body)
        decision, _, reasons, token, detail = reply.values()
        return decision, reasons, token, detail

    def named(self, account, evidence=None):
        """The certificate that may be presented, as the service says while the handshake waits; None: none."""
        handshake = {k: v for k, v in (evidence or self.evidence()).items()
                     if not k.startswith("auth.") and k not in ("exporter", "established_at")}
        decision, reasons, token, detail = self.check(account, handshake, "handshake")
        self.assertEqual((decision, token), ("allow", ""), (reasons, detail))
        thumbprint = detail.get("client-certificate")
        return bytes(thumbprint).hex() if thumbprint is not None else None

    def final(self, account, presented=None, requested=None, **changes):
        """(decision, reasons about client certificates) of the connection once it stands."""
        if requested is not None:
            changes["clientcert.requested"] = ("b", requested)
        if presented:
            changes["clientcert.presented_thumbprint"] = ("ay", bytes.fromhex(presented.sha256()))
        decision, reasons, _, _ = self.check(account, self.evidence(**changes), "final")
        return decision, [r for r in reasons if r.startswith("clientcert.")]


TLS_1_2 = {"tls__version": ("s", "1.2"), "tls__cipher": ("s", "ECDHE-ECDSA-AES128-GCM-SHA256"),
           "tls__ems": ("b", True), "tls__reneg_info": ("b", True), "tls__compression": ("b", False)}
STARTTLS = {"transport": ("s", "starttls"), "starttls__offered": ("b", True), "starttls__refused": ("b", False),
            "starttls__buffered_bytes": ("u", 0), "starttls__preauth": ("b", False),
            "starttls__bad_greeting": ("b", False), "starttls__caps_refreshed": ("b", True)}


class Files(Case):
    """What `cert allow` takes, and what it says."""
    ADDRESS = "me@example.test"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.id = Case.add(cls("test_pem_is_taken_with_its_issuers_and_the_person_is_told"), cls.ADDRESS)

    def setUp(self):
        self.addCleanup(self.revoke_all)

    def revoke_all(self):
        for thumbprint in self.listed(self.ADDRESS):
            self.done("cert", "revoke", self.ADDRESS, thumbprint)
        self.assertEqual(self.files(self.id), [])

    def secret(self, text):
        return write("secret", f"{text}\nsecond line\n".encode())

    def encrypted(self):
        key = CAST.folder / "encrypted.key"
        pki.openssl("pkcs8", "-topk8", "-in", ANN.key, "-out", key, "-passout", f"pass:{PASSPHRASE}")
        return write("encrypted.pem", key, ANN.chain)

    def store(self, passphrase, *options):
        path = CAST.folder / "ann.p12"
        pki.openssl("pkcs12", "-export", "-inkey", ANN.key, "-in", ANN.chain, "-out", path, "-passout",
                    f"pass:{passphrase}", *options)
        return path

    def assert_kept(self, certificate):
        """The account allows it, and its file is as the tunnel wants it."""
        self.assertEqual(self.listed(self.ADDRESS), [certificate.sha256()])
        self.assertEqual(self.files(self.id), [f"{certificate.sha256()}.pem"])
        path = self.data / "mailtrust/client-certificates" / self.id
        modes = [stat.S_IMODE(p.stat().st_mode) for p in (path.parent.parent, path.parent, path,
                                                         path / f"{certificate.sha256()}.pem")]
        self.assertEqual(modes, [0o700, 0o700, 0o700, 0o600])
        text = (path / f"{certificate.sha256()}.pem").read_text()
        self.assertEqual((text.count("BEGIN CERTIFICATE"), text.count("BEGIN PRIVATE KEY")), (2, 1), text)
        self.assertTrue(self.ask("cert", "list", self.ADDRESS)[1]["certificates"][0]["usable"])

    def test_pem_is_taken_with_its_issuers_and_the_person_is_told(self):
        said = self.done("cert", "allow", self.ADDRESS, whole(ANN))
        self.assert_kept(ANN)
        end = pki.openssl("x509", "-in", ANN.pem, "-noout", "-enddate", "-dateopt", "iso_8601").decode()
        for text in ("CN=Ann", "CN=Throwaway intermediate", fingerprint(ANN), "no other account",
                     "until " + end.partition("=")[2][:10]):
            self.assertIn(text, said)
        self.assertNotIn("Warning", said)

    def test_what_tls_1_2_gives_away_is_said_with_the_way_to_avoid_it(self):
        said = self.done("cert", "allow", self.ADDRESS, whole(ANN))
        for text in ("TLS 1.2", "in the\nclear", "who you are", "TLS 1.3 hides it", "client_cert_tls_min=1.3"):
            self.assertIn(text, said)
        _, answer = self.ask("cert", "allow", self.ADDRESS, whole(ANN))
        self.assertIn("TLS 1.2", answer["note"])

    def test_the_order_of_a_file_is_nothing_to_it(self):
        for number, parts in enumerate(((ANN.key, CAST.ca.pem, ANN.pem), (CAST.ca.pem, ANN.key, ANN.pem),
                                        (CAST.root.pem, ANN.pem, CAST.ca.pem, ANN.key),
                                        (BEA.pem, CAST.good.pem, ANN.chain, ANN.key))):
            with self.subTest(number):
                self.done("cert", "allow", self.ADDRESS, write("mixed.pem", *parts))
                kept = self.data / "mailtrust/client-certificates" / self.id / f"{ANN.sha256()}.pem"
                blocks = kept.read_text().split("-----END CERTIFICATE-----")
                self.assertIn(ANN.pem.read_text().splitlines()[2], blocks[0])
                self.assertIn(CAST.ca.pem.read_text().splitlines()[2], blocks[1])
                self.assertEqual(len(blocks), 4 if number == 2 else 3)  # a root may be there, strangers not

    def test_a_key_in_openssls_older_form_is_taken(self):
        old = pki.openssl("ec", "-in", ANN.key)
        parameters = pki.openssl("ecparam", "-name", "prime256v1")
        self.done("cert", "allow", self.ADDRESS, write("old.pem", parameters, old, ANN.chain))
        self.assert_kept(ANN)

    def test_an_encrypted_key_is_opened_with_the_passphrase_of_a_file(self):
        self.done("cert", "allow", self.ADDRESS, self.encrypted(), "--passphrase-file", self.secret(PASSPHRASE))
        self.assert_kept(ANN)

    def test_an_encrypted_key_is_opened_with_what_is_typed_and_it_is_not_shown(self):
        done = self.service.type(PASSPHRASE + "\n", "cert", "allow", self.ADDRESS, self.encrypted(), env=self.env)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Passphrase", done.stderr)
        self.assertNotIn(PASSPHRASE, done.stdout + done.stderr)
        self.assert_kept(ANN)

    def test_pkcs12_is_opened_with_its_passphrase_or_without_one(self):
        for passphrase in (PASSPHRASE, ""):
            self.done("cert", "allow", self.ADDRESS, self.store(passphrase), "--passphrase-file",
                      self.secret(PASSPHRASE))
            self.assert_kept(ANN)
            self.revoke_all()
        self.done("cert", "allow", self.ADDRESS, self.store(""))
        self.assert_kept(ANN)

    def test_a_wrong_passphrase_is_named_and_nothing_is_kept(self):
        for path in (self.encrypted(), self.store(PASSPHRASE)):
            said = self.refused("cert", "allow", self.ADDRESS, path, "--passphrase-file", self.secret("sesame"))
            self.assertIn("the passphrase does not open", said)
            done = self.service.type("sesame\n", "cert", "allow", self.ADDRESS, path, env=self.env)
            self.assertEqual(done.returncode, service.USAGE)
            self.assertIn("the passphrase does not open", done.stderr)
        self.assertEqual((self.listed(self.ADDRESS), self.files(self.id)), ([], []))

    def test_where_nobody_can_say_the_passphrase_that_is_named(self):
        for path in (self.encrypted(), self.store(PASSPHRASE)):
            self.assertIn("--passphrase-file", self.refused("cert", "allow", self.ADDRESS, path))
            said = self.refused("cert", "allow", self.ADDRESS, path, "--passphrase-file", "/nonexistent")
            self.assertIn("passphrase file cannot be read: No such file", said)

    def test_what_is_wrong_with_a_file_has_a_name(self):
        large = write("large.pem", ANN.chain, ANN.key, b"\n" * 65536)
        for path, text in ((ANN.pem, "no private key"), (ANN.key, "no certificate"),
                           (write("not-hers.pem", ANN.chain, BEA.key), "belongs to none of its certificates"),
                           (CAST.config, "neither PEM nor PKCS#12"), (write("empty"), "neither PEM nor PKCS#12"),
                           (write("cut.pem", ANN.pem.read_bytes()[:-40], ANN.key), "cannot be read"),
                           ("/nonexistent", "No such file"), (CAST.folder, "Is a directory"),
                           (large, "more than 65536 bytes"), ("/dev/zero", "more than 65536 bytes"),
                           (whole(CAST.weak), "too weak"),
                           (self.store(PASSPHRASE, "-legacy"), "OpenSSL has retired")):
            with self.subTest(path=path):
                said = self.refused("cert", "allow", self.ADDRESS, path, "--passphrase-file",
                                    self.secret(PASSPHRASE))
                self.assertIn(text, said)
                status, answer = self.ask("cert", "allow", self.ADDRESS, path, "--passphrase-file",
                                          self.secret(PASSPHRASE))
                self.assertEqual(status, service.USAGE)
                self.assertIn(text, answer["why"])
        self.assertEqual((self.listed(self.ADDRESS), self.files(self.id)), ([], []))

    def test_an_expired_certificate_is_taken_with_a_warning(self):
        self.assertIn("Warning: it has expired", self.done("cert", "allow", self.ADDRESS, whole(CAST.expired)))
        self.assertIn("it has expired", self.done("cert", "list", self.ADDRESS))
        self.assertIn("not valid yet", self.done("cert", "allow", self.ADDRESS, whole(CAST.future)))
        self.assertIn("not issued for logging in", self.done("cert", "allow", self.ADDRESS, whole(CAST.good)))

    def test_an_unknown_account_is_named_and_nothing_is_kept(self):
        done = self.run_cli("cert", "allow", "nobody@example.test", whole(ANN))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("There is no such account", done.stderr)
        for args in (("cert", "list", "nobody@example.test"), ("cert", "revoke", "nobody@example.test", "00" * 32)):
            self.assertEqual(self.run_cli(*args).returncode, done.returncode)
        self.assertEqual(self.files(self.id), [])

    def test_a_folder_that_others_may_write_to_is_not_used(self):
        folder = self.data / "mailtrust"
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)
        self.addCleanup(folder.chmod, 0o700)
        done = self.run_cli("cert", "allow", self.ADDRESS, whole(ANN))
        self.assertEqual(done.returncode, service.USAGE)
        self.assertIn("others may write to it", done.stderr)
        folder.chmod(0o700)
        self.assertEqual(self.listed(self.ADDRESS), [])

    def test_one_too_many_is_refused_and_leaves_no_file(self):
        eight = [CAST.issue(f"client{i}", CAST.ca, CLIENT) for i in range(8)]
        for certificate in eight:
            self.done("cert", "allow", self.ADDRESS, whole(certificate))
        self.assertNotEqual(self.run_cli("cert", "allow", self.ADDRESS, whole(ANN)).returncode, 0)
        self.assertEqual(self.listed(self.ADDRESS), [c.sha256() for c in eight])
        self.assertNotIn(f"{ANN.sha256()}.pem", self.files(self.id))

    def test_a_beginning_of_the_thumbprint_is_enough_where_it_is_the_only_one(self):
        self.done("cert", "allow", self.ADDRESS, whole(ANN))
        self.done("cert", "allow", self.ADDRESS, whole(BEA))
        for text in (ANN.sha256()[:5], fingerprint(ANN)[:5], "zzzzzzzz", "", "00" * 33, fingerprint(ANN) + ":00"):
            self.assertIn("begins so", self.refused("cert", "revoke", self.ADDRESS, text), text)
        self.done("cert", "revoke", self.ADDRESS, fingerprint(ANN)[:8])
        self.assertEqual(self.listed(self.ADDRESS), [BEA.sha256()])
        self.done("cert", "revoke", self.ADDRESS, BEA.sha256()[:6].upper())
        self.assertEqual((self.listed(self.ADDRESS), self.files(self.id)), ([], []))

    def test_one_whose_file_is_gone_is_listed_so_and_can_be_revoked(self):
        self.done("cert", "allow", self.ADDRESS, whole(ANN))
        shutil.rmtree(self.data / "mailtrust")
        shown = self.ask("cert", "list", self.ADDRESS)[1]["certificates"]
        self.assertEqual([(c["usable"], c["subject"]) for c in shown], [(False, "CN=Ann")])
        self.assertIn("cannot be presented by you here", self.done("cert", "list", self.ADDRESS))
        self.done("cert", "revoke", self.ADDRESS, ANN.sha256())
        self.assertEqual(self.listed(self.ADDRESS), [])
        self.assertIn("nothing to revoke", self.refused("cert", "revoke", self.ADDRESS, ANN.sha256()))

    def test_the_account_is_shown_with_them(self):
        self.done("cert", "allow", self.ADDRESS, whole(ANN))
        said = self.done("account", "show", self.ADDRESS)
        for text in ("Client certificates", "CN=Ann", fingerprint(ANN)):
            self.assertIn(text, said)
        shown = self.ask("account", "show", self.ADDRESS)[1]["ClientCertificates"]
        self.assertEqual([c["subject"] for c in shown], ["CN=Ann"])

    def test_the_list_is_no_requirement_to_be_edited(self):
        said = self.refused("account", "edit", self.ADDRESS, "--set", f"client_cert_allow={ANN.sha256()}")
        self.assertIn("cert allow", said)

    def test_nothing_of_the_key_reaches_the_service(self):
        self.done("cert", "allow", self.ADDRESS, self.encrypted(), "--passphrase-file", self.secret(PASSPHRASE))
        scalar = pki.openssl("pkey", "-in", ANN.key, "-text", "-noout").split(b"priv:")[1].split(b"pub:")[0]
        scalar = bytes.fromhex(scalar.replace(b":", b"").replace(b" ", b"").replace(b"\n", b"").decode())
        for path in [p for p in self.service.state.rglob("*") if p.is_file()]:
            content = path.read_bytes()
            self.assertNotIn(scalar[-32:], content, path)
            self.assertNotIn(PASSPHRASE.encode(), content, path)
        self.assertNotIn(PASSPHRASE, self.service.log())


class OneAccount(Case):
    """What is allowed for one account, on which connections, and that it ends there."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls("test_it_is_named_for_its_own_account_alone")
        cls.id, cls.other = case.add("a@example.test"), case.add("b@example.test")

    def setUp(self):
        self.done("cert", "allow", "a@example.test", whole(ANN))

    def tearDown(self):
        for address in ("a@example.test", "b@example.test"):
            for thumbprint in self.listed(address):
                self.done("cert", "revoke", address, thumbprint)
        self.done("account", "edit", "a@example.test", "--set", "client_cert_tls_min=1.2")

    def test_it_is_named_for_its_own_account_alone(self):
        self.assertEqual(self.named(self.id), ANN.sha256())
        self.assertIsNone(self.named(self.other))
        self.assertEqual(self.files(self.other), [])
        # importing it there is the only way
        self.done("cert", "allow", "b@example.test", whole(ANN))
        self.assertEqual(self.named(self.other), ANN.sha256())

    def test_it_is_named_after_a_restart(self):
        self.service.restart()
        self.assertEqual(self.named(self.id), ANN.sha256())
        self.assertEqual([c["subject"] for c in self.ask("cert", "list", "a@example.test")[1]["certificates"]],
                         ["CN=Ann"])

    def test_of_several_the_one_allowed_last_is_named(self):
        self.done("cert", "allow", "a@example.test", whole(BEA))
        self.assertEqual(self.listed("a@example.test"), [ANN.sha256(), BEA.sha256()])
        self.assertEqual(self.named(self.id), BEA.sha256())
        self.done("cert", "allow", "a@example.test", whole(ANN))
        self.assertEqual(self.listed("a@example.test"), [BEA.sha256(), ANN.sha256()])
        self.assertEqual(self.named(self.id), ANN.sha256())
        self.done("cert", "revoke", "a@example.test", ANN.sha256())
        self.assertEqual(self.named(self.id), BEA.sha256())

    def test_tls_1_2_may_be_kept_out(self):
        self.assertEqual(self.named(self.id, self.evidence(**TLS_1_2)), ANN.sha256())
        self.done("account", "edit", "a@example.test", "--set", "client_cert_tls_min=1.3")
        self.assertIsNone(self.named(self.id, self.evidence(**TLS_1_2)))
        self.assertEqual(self.named(self.id), ANN.sha256())

    def test_with_tls_1_2_the_verdict_says_who_could_read_it_or_denies(self):
        self.assertEqual(self.final(self.id, ANN, True, **TLS_1_2),
                         ("allow", ["clientcert.authorized", "clientcert.identity-exposed"]))
        self.done("account", "edit", "a@example.test", "--set", "client_cert_tls_min=1.3")
        self.assertEqual(self.final(self.id, ANN, True, **TLS_1_2), ("deny", ["clientcert.identity-exposed"]))
        self.assertEqual(self.final(self.id, ANN, True), ("allow", ["clientcert.authorized"]))

    def test_none_is_named_for_a_connection_that_is_refused(self):
        broken = service.evidence(CAST.expired, port=("q", DOVECOT.ports["imaps"]), auth__logindisabled=None,
                                  auth__mechanism=None, exporter=None, established_at=None)
        decision, _, _, detail = self.check(self.id, broken, "handshake")
        self.assertEqual((decision, "client-certificate" in detail), ("deny", False))

    def test_none_is_named_once_the_connection_stands(self):
        decision, _, _, detail = self.check(self.id, self.evidence(), "final")
        self.assertEqual((decision, "client-certificate" in detail), ("allow", False))

    def test_what_was_presented_is_judged(self):
        self.assertEqual(self.final(self.id), ("allow", []))
        self.assertEqual(self.final(self.id, requested=True), ("allow", []))
        self.assertEqual(self.final(self.id, ANN, True), ("allow", ["clientcert.authorized"]))
        self.assertEqual(self.final(self.id, BEA, True), ("deny", ["clientcert.not-authorized"]))
        self.assertEqual(self.final(self.other, ANN, True), ("deny", ["clientcert.not-authorized"]))
        self.assertEqual(self.final(self.id, ANN, False), ("deny", ["clientcert.not-requested"]))
        self.assertEqual(self.final(self.id, ANN), ("deny", ["clientcert.not-requested"]))

    def test_an_account_made_like_it_does_not_have_it(self):
        with self.service.connect() as connection:
            own = connection.call(None, self.path_of(self.id), service.PROPERTIES, "Get", "ss", service.ACCOUNT,
                                  "Minimum").values()[0]
            self.assertEqual(own["client_cert_allow"], ANN.sha256())
            reply = connection.call(None, self.path_of(self.other), service.ACCOUNT, "SetMinimum", "a{ss}", own)
            self.assertIsNone(reply.error(), reply.body)
        self.assertEqual(self.listed("b@example.test"), [])
        self.assertEqual(self.final(self.other, ANN, True), ("deny", ["clientcert.not-authorized"]))

    def test_subscribers_ask_again_about_a_connection_whose_certificate_was_revoked(self):
        with self.service.connect() as watcher:
            self.assertIsNone(watcher.call(None, service.ROOT_PATH, service.MANAGER, "Subscribe").error())
            before = self.check(self.id, self.evidence(), "final")[3]["policy-epoch"]
            self.done("cert", "revoke", "a@example.test", ANN.sha256())
            watcher.call(None, service.ROOT_PATH, service.MANAGER, "Levels")
            told = {m.fields[dbus.MEMBER]: m.values() for m in watcher.signals}
        self.assertGreater(told["PolicyChanged"][0], before)
        self.assertEqual(self.final(self.id, ANN, True), ("deny", ["clientcert.not-authorized"]))

    def test_removed_and_added_again_an_account_has_none_and_no_file_is_left(self):
        account = self.add("again@example.test")
        self.done("cert", "allow", "again@example.test", whole(ANN))
        self.assertEqual(self.files(account), [f"{ANN.sha256()}.pem"])
        self.done("--yes", "account", "remove", "again@example.test")
        self.assertFalse((self.data / "mailtrust/client-certificates" / account).exists())
        again = self.add("again@example.test")
        self.assertEqual(self.listed("again@example.test"), [])
        self.assertIsNone(self.named(again))

    def test_what_is_no_thumbprint_or_no_plain_subject_is_refused(self):
        thumbprint = bytes(32)
        with self.service.connect() as connection:
            for values in ((b"", "x"), (bytes(31), "x"), (bytes(33), "x"), (thumbprint, "x" * 256),
                           (thumbprint, "a\nb"), (thumbprint, "\x1b[2J"), (thumbprint, "\u202e")):
                reply = connection.call(None, self.path_of(self.id), service.ACCOUNT, "AllowClientCertificate",
                                        "ays", *values)
                self.assertEqual(reply.error(), "InvalidArguments", values)
            for value in (b"", bytes(31), bytes(33), thumbprint):
                reply = connection.call(None, self.path_of(self.id), service.ACCOUNT, "RevokeClientCertificate",
                                        "ay", value)
                self.assertEqual(reply.error(), "InvalidArguments", value)
        self.assertEqual(self.listed("a@example.test"), [ANN.sha256()])


class Starttls(Case):
    def test_none_is_named_where_tls_began_later_and_one_that_is_shown_denies(self):
        port = DOVECOT.ports["imap"]
        account = self.add("starttls@example.test", "/starttls", "imap")
        self.done("cert", "allow", "starttls@example.test", whole(ANN))
        self.assertIsNone(self.named(account, self.evidence(port, **STARTTLS)))
        kept_back = self.check(account, self.evidence(port, clientcert__requested=("b", True), **STARTTLS), "final")
        self.assertEqual(kept_back[0], "allow")
        self.assertIn("clientcert.not-implicit", kept_back[1])
        shown = self.evidence(port, clientcert__requested=("b", True), **STARTTLS)
        shown["clientcert.presented_thumbprint"] = ("ay", bytes.fromhex(ANN.sha256()))
        decision, reasons, _, _ = self.check(account, shown, "final")
        self.assertEqual((decision, reasons[-1]), ("deny", "clientcert.not-implicit"))


@unittest.skipUnless(os.geteuid() == 0, "being two users needs root")
class TwoUsers(unittest.TestCase):
    def test_another_user_sees_no_certificate_and_changes_none(self):
        shared = bus.MessageBus(LAB)
        service.Service(LAB, "shared", anchors=CAST.root.pem, bus=shared.address)
        with dbus.Connection(shared.path, ALICE, is_bus=True) as alice, \
                dbus.Connection(shared.path, BOB, is_bus=True) as bob:
            def call(who, path, *args):
                return who.call(service.NAME, path, service.ACCOUNT, *args)

            path = alice.call(service.NAME, service.ROOT_PATH, service.MANAGER, "AddAccount", "sa{sv}",
                              "me@example.test", {}).values()[0]
            nobodys = path.rpartition("/")[0] + "/" + "0123456789abcdef" * 2
            self.assertIsNone(call(alice, path, "AllowClientCertificate", "ays", bytes(32), "CN=Alice").error())
            for member, signature, values in (("AllowClientCertificate", "ays", (bytes(32), "CN=Bob")),
                                              ("RevokeClientCertificate", "ay", (bytes(32),))):
                seen = [call(bob, at, member, signature, *values).what_the_caller_sees() for at in (path, nobodys)]
                self.assertEqual(*[str(s).replace(path, "").replace(nobodys, "") for s in seen])
                self.assertNotIn("Alice", str(seen))
            seen = [bob.call(service.NAME, at, service.PROPERTIES, "GetAll", "s", service.ACCOUNT)
                    .what_the_caller_sees() for at in (path, nobodys)]
            self.assertEqual(*[str(s).replace(path, "").replace(nobodys, "") for s in seen])
            own = alice.call(service.NAME, path, service.PROPERTIES, "Get", "ss", service.ACCOUNT,
                             "ClientCertificates").values()[0]
            self.assertEqual([(bytes(c["thumbprint"]), c["subject"]) for c in own], [(bytes(32), "CN=Alice")])
