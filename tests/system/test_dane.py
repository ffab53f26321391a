# SPDX-License-Identifier: MIT
"""Servers whose identity signed DNS vouches for, or contradicts: real zones, a real mail server."""
import os
import signal
import time
import unittest

import jwt

from lab import mail, pki, place, resolver, service, zones

LAB = CAST = STRANGER = DOVECOT = ZONES = None
GOOD, PRIVATE, EXPIRED, PLAIN = "good", "private", "expired", "plain"


def setUpModule():
    global LAB, CAST, STRANGER, DOVECOT, ZONES
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    CAST, STRANGER = pki.ServerPki(LAB.folder("pki")), pki.ServerPki(LAB.folder("stranger"))
    # good: by the CA the service trusts, with a name every host here has in common with none
    good = CAST.issue("hosts", CAST.ca, names=["DNS:*.signed.test", "DNS:*.plain.test"])
    DOVECOT = {GOOD: mail.Dovecot(LAB, GOOD, good), PRIVATE: mail.Dovecot(LAB, PRIVATE, STRANGER.good),
               EXPIRED: mail.Dovecot(LAB, EXPIRED, STRANGER.expired), PLAIN: mail.Dovecot(LAB, PLAIN)}
    digest = {GOOD: good.spki_sha256(), PRIVATE: STRANGER.good.spki_sha256(), EXPIRED: STRANGER.expired.spki_sha256()}
    port = {name: server.ports["imaps"] for name, server in DOVECOT.items()}
    wrong = "00" * 32
    records = "".join(f"{host} IN A 127.0.0.1\n" for host in (
        "match", "late", "mismatch", "veto", "usage1", "unusable", "beside", "none", "clear", "short", "brief", "gone"))
    records += f"""
_{port[PRIVATE]}._tcp.match IN TLSA 3 1 1 {digest[PRIVATE]}
_{port[EXPIRED]}._tcp.late IN TLSA 3 1 1 {digest[EXPIRED]}
_{port[PRIVATE]}._tcp.mismatch IN TLSA 3 1 1 {wrong}
_{port[GOOD]}._tcp.veto IN TLSA 3 1 1 {wrong}
_{port[GOOD]}._tcp.usage1 IN TLSA 1 1 1 {digest[GOOD]}
_{port[PRIVATE]}._tcp.unusable IN TLSA 3 1 9 {digest[PRIVATE]}
_{port[PRIVATE]}._tcp.beside IN TLSA 3 1 1 {digest[PRIVATE][2:]}
_{port[PRIVATE]}._tcp.beside IN TLSA 3 1 1 {digest[PRIVATE]}
_{DOVECOT[PLAIN].ports["imap"]}._tcp.clear IN TLSA 3 1 1 {wrong}
_{port[PRIVATE]}._tcp.short 20 IN TLSA 3 1 1 {digest[PRIVATE]}
_{port[PRIVATE]}._tcp.brief 3 IN TLSA 3 1 1 {digest[PRIVATE]}
_{port[PRIVATE]}._tcp.gone 3 IN TLSA 3 1 1 {digest[PRIVATE]}
_993._tcp.match IN TLSA 2 0 1 {STRANGER.ca.sha256()}
"""
    ZONES = zones.Zones(LAB, {"signed.test": ("signed", records), "plain.test": ("unsigned", records),
                              "stripped.test": ("stripped", records)})


class Case(unittest.TestCase):
    options = ()

    @classmethod
    def setUpClass(cls):
        cls.proxy = resolver.Resolver(LAB, ZONES.port)
        cls.service = service.Service(LAB, f"{cls.__name__.lower()}-{cls.proxy.address[-5:]}", anchors=CAST.root.pem,
                                      options=[*ZONES.options(cls.proxy), *cls.options])
        cls.added = set()

    def check(self, host, server=PRIVATE, zone="signed.test", suffix="", listener="imaps"):
        """Adds an account once, and checks it. Return: (exit status, answer)."""
        address = f"{host}@{zone}"
        if address not in self.added:
            port = DOVECOT[server].ports[listener]
            done = self.service.mailtrust("account", "add", address, "--imap", f"{host}.{zone}:{port}{suffix}")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.added.add(address)
        return self.service.ask("check", address, "imap")

    def refused(self, reason, *args, **options):
        status, answer = self.check(*args, **options)
        self.assertEqual((status, answer["decision"], answer["conf"]), (service.DENY, "deny", False), answer)
        self.assertIn(reason, answer["reasons"])
        return answer

    def allowed(self, reasons, *args, **options):
        status, answer = self.check(*args, **options)
        self.assertEqual((status, answer["decision"], answer["conf"]), (service.ALLOW, "allow", True), answer)
        self.assertEqual([r for r in answer["reasons"] if r in reasons], reasons, answer)
        return answer


class Identity(Case):
    def test_a_private_ca_with_a_matching_record_in_a_signed_zone_is_allowed(self):
        # R-5.3-03, G-18
        self.allowed(["dane.matched", "cert.chain-untrusted", "conf.met"], "match")

    def test_usage_3_looks_at_neither_dates_nor_names(self):
        # D-DANE-03
        self.allowed(["dane.matched", "cert.expired", "conf.met"], "late", EXPIRED)

    def test_another_key_is_a_mismatch(self):
        self.refused("dane.mismatch", "mismatch")

    def test_a_mismatch_beats_a_valid_chain(self):
        # G-19
        self.refused("dane.mismatch", "veto", GOOD)

    def test_an_unsigned_zone_vouches_for_nobody(self):
        # D-DANE-01
        answer = self.refused("cert.chain-untrusted", "match", zone="plain.test")
        self.assertFalse([r for r in answer["reasons"] if r.startswith("dane.")])

    def test_an_unsigned_zone_contradicts_nobody(self):
        self.allowed(["cert.pkix-valid", "conf.met"], "veto", GOOD, zone="plain.test")

    def test_usages_of_public_cas_are_unusable_and_pkix_decides(self):
        # D-DANE-05, G-21
        self.allowed(["dane.unusable", "cert.pkix-valid", "conf.met"], "usage1", GOOD)

    def test_only_unusable_records_leave_it_to_pkix(self):
        # D-DANE-08
        answer = self.refused("cert.chain-untrusted", "unusable")
        self.assertIn("dane.unusable", answer["reasons"])

    def test_a_malformed_record_harms_no_good_one_beside_it(self):
        # D-DANE-06
        self.allowed(["dane.matched"], "beside")

    def test_a_signed_host_without_records_is_judged_by_pkix(self):
        self.allowed(["cert.pkix-valid", "conf.met"], "none", GOOD)

    def test_a_server_without_tls_where_dns_promises_it_is_refused_for_that(self):
        # D-DANE-09, row 21
        self.refused("dane.tls-required", "clear", PLAIN, suffix="/none", listener="imap")


class Broken(Case):
    """Each in a service that has no answer yet. The server is one that PKIX alone would accept."""

    def setUp(self):
        self.setUpClass()

    def misbehave(self, how, *kinds):
        self.proxy.behave = lambda name, kind: how if kind in kinds else None

    def test_a_broken_signature_of_tlsa_is_bogus_even_with_a_valid_chain(self):
        # G-20
        self.misbehave("strip", "TLSA")
        self.refused("dane.bogus", "usage1", GOOD)

    def test_forged_tlsa_is_bogus(self):
        forged = resolver.record(52, b"\3\1\1" + bytes.fromhex(STRANGER.good.spki_sha256()))
        self.misbehave(lambda query: resolver.response(query, [forged]), "TLSA")
        self.refused("dane.bogus", "match")

    def test_a_resolver_silent_about_tlsa_leaves_it_undetermined_before_a_client_gives_up(self):
        self.misbehave("drop", "TLSA")
        began = time.monotonic()
        answer = self.refused("dane.undetermined", "usage1", GOOD)
        self.assertNotIn("cert.pkix-valid", answer["reasons"])
        self.assertTrue(3.5 < time.monotonic() - began < 5)

    def test_a_servfail_about_tlsa_denies(self):
        self.misbehave("servfail", "TLSA")
        answer = self.refused("dane.undetermined", "usage1", GOOD)
        self.assertNotIn("conf.met", answer["reasons"])

    def test_a_failure_is_not_asked_about_by_every_verdict(self):
        self.misbehave("drop", "TLSA")
        self.refused("dane.undetermined", "usage1", GOOD)
        self.proxy.queries.clear()
        self.refused("dane.undetermined", "usage1", GOOD)
        self.assertEqual(self.proxy.asked("TLSA"), [])

    def test_after_a_failure_the_next_answer_counts(self):
        self.misbehave("drop", "TLSA")
        self.refused("dane.undetermined", "match")
        self.proxy.behave = lambda name, kind: None
        place.wait_until(lambda: self.check("match")[0] == service.ALLOW, "the failure to be forgotten")


class Warm(Case):
    """A warm verdict costs no question; an answer is never used past its time."""

    def test_a_warm_verdict_costs_no_question_to_dns(self):
        self.allowed(["dane.matched"], "match")
        self.allowed(["cert.pkix-valid"], "none", GOOD)
        self.proxy.queries.clear()
        for _ in range(5):
            self.allowed(["dane.matched"], "match")
            self.allowed(["cert.pkix-valid"], "none", GOOD)
        self.assertEqual(self.proxy.queries, [])

    def test_a_literal_and_localhost_are_never_asked_about(self):
        self.proxy.queries.clear()
        for host in ("127.0.0.1", "localhost"):
            server = f"{host}:{DOVECOT[GOOD].ports['imaps']}"
            self.service.mailtrust("account", "add", f"{host}@example.test", "--imap", server)
            status, answer = self.service.ask("check", f"{host}@example.test", "imap")
            self.assertIn("cert.identity-mismatch", answer["reasons"], answer)
        self.assertEqual(self.proxy.queries, [])

    def claims(self, *args):
        return jwt.decode(self.allowed(*args)["token"], options={"verify_signature": False})

    def test_a_token_does_not_outlive_the_record_it_rests_on(self):
        # D-DANE-14
        claims = self.claims(["dane.matched"], "short")
        self.assertLessEqual(claims["exp"] - claims["iat"], 20)
        self.assertEqual(claims["mt_id"], {"type": "dane-ee", "value": "short.signed.test"})
        claims = self.claims(["cert.pkix-valid"], "none", GOOD)
        self.assertEqual(claims["exp"] - claims["iat"], 60)

    def test_an_answer_in_use_is_renewed_before_anybody_waits_for_it(self):
        self.allowed(["dane.matched"], "brief")
        name = f"_{DOVECOT[PRIVATE].ports['imaps']}._tcp.brief.signed.test"
        place.wait_until(lambda: self.proxy.asked("TLSA").count(name) >= 2, "the answer to be renewed", 8)
        self.allowed(["dane.matched"], "brief")

    def test_with_the_resolver_down_an_answer_holds_for_its_ttl_and_no_longer(self):
        # 4.7
        self.allowed(["dane.matched"], "gone")
        began = time.monotonic()
        self.proxy.behave = lambda name, kind: "drop" if "gone" in name else None
        self.allowed(["dane.matched"], "gone")
        self.assertLess(time.monotonic() - began, 3)
        time.sleep(5 - (time.monotonic() - began))  # resolvers count whole seconds
        self.refused("dane.undetermined", "gone")


class Overtaken(Case):
    def test_a_server_set_while_its_chain_is_judged_is_not_accepted_without_dns(self):
        # D-DANE-01: DNS had no say when the question came, and has one when it is answered
        host, port = "veto.signed.test", DOVECOT[GOOD].ports["imaps"]
        certificate = CAST.issue("overtaken", CAST.ca, names=[f"DNS:{host}"])
        workers = self.service.workers()
        with self.service.connect() as connection:
            path = connection.call(None, service.ROOT_PATH, service.MANAGER, "AddAccount", "sa{sv}", f"me@{host}",
                                   {}).values()[0]
            for pid in workers:
                os.kill(pid, signal.SIGSTOP)
            evidence = service.evidence(certificate, host=("s", host), port=("q", port))
            asked = connection.send(None, path, service.ACCOUNT, "Check", "sa{sv}a{sv}", "test", evidence, {})
            connection.call(None, path, service.ACCOUNT, "SetEndpoint", "sssq", "imap", "implicit", host, port).values()
            for pid in workers:
                os.kill(pid, signal.SIGCONT)
            decision, confidential, reasons = connection.reply(asked).values()[:3]
        self.assertEqual((decision, confidential), ("deny", False), reasons)
        self.assertIn("dane.undetermined", reasons)


class Dated(Case):
    LIFE_SEC = 6

    def test_what_usage_2_accepted_is_accepted_no_longer_than_its_dates_hold(self):
        # D-DANE-04: remembered or not
        ends = time.time() + self.LIFE_SEC
        leaf = STRANGER.issue("brief", STRANGER.ca, names=["DNS:match.signed.test"], life=(-1, self.LIFE_SEC / 86400))
        account = self.service.ask("account", "add", "me@signed.test", "--imap", "match.signed.test:993")[1]
        with self.service.connect() as connection:
            def check():
                path = f"{service.ROOT_PATH}/account/{account['id']}"
                evidence = service.evidence(leaf, host=("s", "match.signed.test"))
                return connection.call(None, path, service.ACCOUNT, "Check", "sa{sv}a{sv}", "test", evidence,
                                       {}).values()[:3]

            decision, _, reasons = check()
            self.assertEqual(decision, "allow", reasons)
            self.assertIn("dane.matched", reasons)
            time.sleep(max(0, ends + 2 - time.time()))  # notAfter is the last second that counts
            decision, _, reasons = check()
            self.assertEqual((decision, [r for r in reasons if r.startswith("dane.")]), ("deny", ["dane.mismatch"]))


class NegativeAnchor(Case):
    options = ("--dns-negative-anchor", "stripped.test")

    def test_below_a_negative_anchor_pkix_decides(self):
        self.refused("cert.chain-untrusted", "match", zone="stripped.test")


class NobodyAsks(Case):
    def test_a_host_that_is_no_server_of_the_account_is_not_asked_about(self):
        account = self.service.ask("account", "add", "me@signed.test", "--imap", "match.signed.test:993")[1]
        self.proxy.queries.clear()
        with self.service.connect() as connection:
            path = f"{service.ROOT_PATH}/account/{account['id']}"
            evidence = service.evidence(CAST.good, host=("s", "mismatch.signed.test"))
            reply = connection.call(None, path, service.ACCOUNT, "Check", "sa{sv}a{sv}", "authenticate", evidence, {})
        self.assertIn("endpoint.not-configured", reply.values()[2])
        self.assertEqual(self.proxy.queries, [])
