# SPDX-License-Identifier: MIT
"""Evidence as no honest program would send it: a named error or reason, and the service lives on."""
import time
import unittest

from lab import dbus, pki, place, service

LAB = CAST = SERVICE = ACCOUNT = None


def setUpModule():
    global LAB, CAST, SERVICE, ACCOUNT
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    CAST = pki.ServerPki(LAB.folder("pki"))
    SERVICE = service.Service(LAB, anchors=CAST.root.pem)
    with SERVICE.connect() as connection:
        ACCOUNT = connection.call(None, service.ROOT_PATH, service.MANAGER, "AddAccount", "sa{sv}",
                                  "me@example.test", {}).values()[0]
        reply = connection.call(None, ACCOUNT, service.ACCOUNT, "SetEndpoint", "sssq", "imap", "implicit",
                                "localhost", 993)
        assert reply.error() is None, reply.body


def changed(**changes):
    return service.evidence(CAST.good, **changes)


class Check(unittest.TestCase):
    def setUp(self):
        self.connection = SERVICE.connect()
        self.addCleanup(self.connection.socket.close)

    def tearDown(self):
        self.assertFalse(SERVICE.process.has_ended(), SERVICE.log())

    def ask(self, evidence, operation="test", options=None, signature="sa{sv}a{sv}"):
        return self.connection.call(None, ACCOUNT, service.ACCOUNT, "Check", signature, operation, evidence,
                                    options or {})

    def verdict(self, evidence, operation="test", options=None):
        """Return: (decision, reasons, token, detail); the call must succeed."""
        reply = self.ask(evidence, operation, options)
        self.assertIsNone(reply.error(), reply.body)
        decision, _, reasons, token, detail = reply.values()
        return decision, reasons, token, detail

    def denied(self, evidence, reason, operation="test"):
        decision, reasons, _, _ = self.verdict(evidence, operation)
        self.assertEqual((decision, reasons[-1] if len(reasons) == 1 else reason), ("deny", reason), reasons)
        self.assertIn(reason, reasons)

    def refused(self, evidence, options=None):
        """The call fails with the error for malformed evidence."""
        reply = self.ask(evidence, options=options)
        self.assertEqual(reply.error(), "InvalidEvidence", reply.body)
        return reply.values()[0]


class GoodEvidence(Check):
    def test_good_evidence_is_allowed(self):
        """The others would prove nothing if this one failed."""
        decision, reasons, token, _ = self.verdict(changed())
        self.assertEqual((decision, reasons[-1]), ("allow", "conf.met"), reasons)
        self.assertIn("evidence.asserted-only", reasons)
        self.assertTrue(token)

    def test_a_nonce_comes_back_in_the_token_and_a_long_one_is_refused(self):
        import base64
        import json
        token = self.verdict(changed(), options={"nonce": ("ay", b"q" * 64)})[2]
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        nonce = claims["nonce"]
        self.assertEqual(base64.urlsafe_b64decode(nonce + "=" * (-len(nonce) % 4)), b"q" * 64)
        self.assertIsNotNone(self.ask(changed(), options={"nonce": ("ay", b"q" * 65)}).error())

    def test_phase_handshake_yields_no_token(self):
        handshake = changed(auth__logindisabled=None, auth__mechanism=None, exporter=None, established_at=None)
        decision, _, token, _ = self.verdict(handshake, options={"phase": ("s", "handshake")})
        self.assertEqual((decision, token), ("allow", ""))

    def test_a_request_can_only_be_stricter(self):
        stricter = {"request": ("a{ss}", {"tls_min": "1.3", "transport_min": "implicit"})}
        self.assertEqual(self.verdict(changed(), options=stricter)[0], "allow")
        weaker = {"request": ("a{ss}", {"min_conf": "off"})}
        decision, _, _, _ = self.verdict(service.evidence(transport=("s", "none"), port=("q", 143)), options=weaker)
        self.assertEqual(decision, "deny")


class Chains(Check):
    def test_eleven_certificates_are_malformed(self):
        ders = CAST.good.ders()
        self.denied(changed(chain=("aay", ders + [ders[1]] * (11 - len(ders)))), "cert.malformed")

    def test_more_than_64_kib_of_certificates_are_malformed(self):
        self.denied(changed(chain=("aay", [CAST.good.der(), bytes(65536)])), "cert.malformed")

    def test_a_chain_that_is_not_der_is_malformed(self):
        for junk in (b"\0", b"-----BEGIN CERTIFICATE-----", b"\x30\x80" * 40, bytes(range(256))):
            with self.subTest(junk=junk[:8]):
                self.denied(changed(chain=("aay", [junk])), "cert.malformed")

    def test_an_empty_certificate_is_no_evidence(self):
        self.assertIn("chain", self.refused(changed(chain=("aay", [b""]))))

    def test_a_byte_behind_the_certificate_is_malformed(self):
        self.denied(changed(chain=("aay", [CAST.good.der() + b"\0"])), "cert.malformed")

    def test_a_truncated_certificate_is_malformed(self):
        der = CAST.good.der()
        for size in (1, 4, len(der) // 2, len(der) - 1):
            with self.subTest(size=size):
                self.denied(changed(chain=("aay", [der[:size]])), "cert.malformed")

    def test_any_flipped_byte_of_the_leaf_is_never_allowed(self):
        der = CAST.good.der()
        for at in range(0, len(der), max(1, len(der) // 24)):
            with self.subTest(at=at):
                bad = bytearray(der)
                bad[at] ^= 0x10
                reply = self.ask(changed(chain=("aay", [bytes(bad), *CAST.good.ders()[1:]])))
                self.assertEqual(reply.values()[0], "deny")

    def test_no_chain_at_all_is_incomplete(self):
        self.denied(changed(chain=None), "evidence.incomplete")


class Keys(Check):
    def test_an_unknown_key_is_refused_by_name(self):
        self.assertIn("tls.colour", self.refused({**changed(), "tls.colour": ("s", "blue")}))

    def test_provenance_is_not_the_callers_to_say(self):
        self.refused({**changed(), "provenance": ("s", "attested")})

    def test_a_key_stated_twice_is_refused_by_name(self):
        entries = list(changed().items())
        for name in ("host", "chain", "tls.version"):
            with self.subTest(name=name):
                twice = entries + [(name, changed()[name])]
                self.assertIn(name, self.refused(Pairs(twice)))

    def test_a_mistyped_key_is_refused_by_name(self):
        for name, value in (("port", ("s", "993")), ("port", ("u", 993)), ("host", ("ay", b"localhost")),
                            ("tls.resumed", ("s", "false")), ("chain", ("ay", b"x")), ("chain", ("as", ["x"])),
                            ("observed_at", ("t", 1)), ("exporter", ("s", "x" * 32)), ("proto", ("v", ("s", "imap")))):
            with self.subTest(name=name, type=value[0]):
                self.assertIn(name, self.refused({**changed(), name: value}))

    def test_a_value_nobody_knows_is_refused(self):
        for name, value in (("proto", "gopher"), ("transport", "magic"), ("tls.version", "1.4"), ("host", ""),
                            ("host", "x" * 300), ("host", "a..b"), ("host", "a b"), ("host", "bücher.test")):
            with self.subTest(name=name, value=value):
                self.assertIn(name, self.refused({**changed(), name: ("s", value)}))

    def test_every_required_key_is_missed(self):
        for name in ("proto", "host", "port", "transport", "observed_at", "tls.version", "tls.cipher", "tls.resumed",
                     "tls.early_data", "tls.alpn", "established_at", "auth.logindisabled"):
            with self.subTest(name=name):
                without = {k: v for k, v in changed().items() if k != name}
                decision, reasons, _, detail = self.verdict(without)
                self.assertEqual((decision, reasons), ("deny", ["evidence.incomplete"]))
                self.assertIn(name, detail["missing"])

    def test_nothing_at_all_is_incomplete(self):
        self.denied({}, "evidence.incomplete")


class Contradictions(Check):
    def test_contradictions_are_inconsistent(self):
        now = int(time.time() * 1_000_000)
        for name, evidence in {
            "TLS facts without TLS": changed(transport=("s", "none")),
            "failed TLS with a version": changed(tls__failed=("b", True)),
            "established after it was observed": changed(established_at=("x", now + 60_000_000)),
            "tls-unique under 1.3": changed(auth__cb_type=("s", "tls-unique"), auth__cb_value=("ay", b"x" * 12)),
        }.items():
            with self.subTest(name):
                self.denied(evidence, "evidence.inconsistent")

    def test_a_stated_leaf_digest_must_be_the_leafs(self):
        reply = self.ask({**changed(), "leaf_sha256": ("ay", bytes(32))})
        if reply.error() is None:
            self.assertEqual(reply.values()[0], "deny")
        else:
            self.assertEqual(reply.error(), "InvalidEvidence")

    def test_old_evidence_and_evidence_of_the_future_are_stale(self):
        now = int(time.time() * 1_000_000)
        for seconds in (-31, -3600, 3, 3600):
            with self.subTest(seconds=seconds):
                at = now + seconds * 1_000_000
                self.denied(changed(observed_at=("x", at), established_at=("x", at - 1)), "evidence.stale")


class Messages(Check):
    def dies_or_errs(self, send):
        """The peer is refused or hung up on; the service serves the next one."""
        try:
            send()
            reply = self.connection.receive()
            self.assertEqual(reply.kind, dbus.ERROR, reply)
        except (ConnectionError, BrokenPipeError):
            pass
        with SERVICE.connect() as other:
            self.assertIsNone(other.call(None, service.ROOT_PATH, service.MANAGER, "Levels").error())

    def test_a_message_of_a_million_bytes_is_refused(self):
        big = {**changed(), "staple": ("ay", bytes(1_000_000))}
        self.dies_or_errs(lambda: self.connection.send(None, ACCOUNT, service.ACCOUNT, "Check", "sa{sv}a{sv}",
                                                       "test", big, {}))

    def test_a_body_that_is_not_what_its_signature_says_is_refused(self):
        for body in (b"", b"\xff" * 64, b"\4\0\0\0test\0" + b"\xff\xff\xff\x7f"):
            with self.subTest(body=body[:8]):
                self.connection = SERVICE.connect()
                self.addCleanup(self.connection.socket.close)
                self.dies_or_errs(lambda b=body: self.connection.send(None, ACCOUNT, service.ACCOUNT, "Check",
                                                                      "sa{sv}a{sv}", body=b))

    def test_wrong_arguments_and_members_are_errors(self):
        for member, signature, values in (("Check", "", []), ("Check", "s", ["test"]), ("Nonsense", "", []),
                                          ("Check", "sa{ss}a{sv}", ["test", {}, {}])):
            with self.subTest(member=member, signature=signature):
                reply = self.connection.call(None, ACCOUNT, service.ACCOUNT, member, signature, *values)
                self.assertIsNotNone(reply.error())

    def test_an_unknown_operation_is_not_permitted(self):
        for operation in ("", "delete-everything", "AUTHENTICATE", "x" * 5000):
            with self.subTest(operation=operation[:20]):
                reply = self.ask(changed(), operation)
                if reply.error() is None:
                    self.assertEqual((reply.values()[0], reply.values()[2]), ("deny", ["op.not-permitted"]))

    def test_garbage_instead_of_authentication_harms_nobody(self):
        import socket
        for junk in (b"GET / HTTP/1.0\r\n\r\n", b"\0AUTH ANONYMOUS\r\n", bytes(4096), b"\0" + b"A" * 70000):
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(5)
                s.connect(str(SERVICE.socket))
                try:
                    s.sendall(junk)
                except OSError:
                    pass
        self.assertEqual(self.verdict(changed())[0], "allow")

    def test_many_outstanding_requests_are_all_answered(self):
        serials = [self.connection.send(None, ACCOUNT, service.ACCOUNT, "Check", "sa{sv}a{sv}", "test", changed(), {})
                   for _ in range(200)]
        answered = {self.connection.receive().fields[dbus.REPLY_SERIAL] for _ in serials}
        self.assertEqual(answered, set(serials))


class Pairs(dict):
    """Dictionary entries in order, repeats and all."""

    def __init__(self, pairs):
        super().__init__(pairs)
        self.pairs = pairs

    def items(self):
        return self.pairs
