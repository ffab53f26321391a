# SPDX-License-Identifier: MIT
"""What DNS says, and how far it can be believed: signed, broken, hostile and silent zones."""
import json
import socket
import time
import unittest

from lab import place, resolver, zones

LAB = ZONES = PROXY = None
DIGEST = "ab" * 32
MAIL = f"""
imap IN A 127.0.0.1
alias IN CNAME imap
_imaps._tcp IN SRV 10 5 993 imap
_imaps._tcp IN SRV 20 0 1993 alias
_pop3._tcp IN SRV 0 0 0 .
_pop3s._tcp IN SRV 0 0 995 mail.other.test.
_imap._tcp IN CNAME _imaps._tcp
_submissions._tcp IN SRV 0 0 0 imap
_submission._tcp IN SRV 0 65535 587 imap
_993._tcp.imap IN TLSA 3 1 1 {DIGEST}
_993._tcp.imap IN TLSA 3 1 1 {DIGEST[2:]}
_993._tcp.imap IN TLSA 3 1 9 {DIGEST}
_995._tcp.imap IN CNAME _993._tcp.imap
_465._tcp.imap IN CNAME tlsa.plain.test.
leaves IN CNAME imap.plain.test.
_993._tcp.leaves IN TLSA 3 1 1 {DIGEST}
"""
MANY = "".join(f"_imaps._tcp IN SRV {n} 0 993 server{n}\n" for n in range(1000))
# the whole RRset is just below what a DNS message can carry, and just above
FULL = "".join(f"_imaps._tcp IN SRV 0 0 {n} a\n" for n in range(1, 2400))
HUGE = "".join(f"_imaps._tcp IN SRV {n} 0 993 {'x' * 60}{n}\n" for n in range(1000))


def setUpModule():
    global LAB, ZONES, PROXY
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    ZONES = zones.Zones(LAB, {
        "example.test": ("signed", MAIL), "plain.test": ("unsigned", MAIL + f"tlsa IN TLSA 3 1 1 {DIGEST}\n"),
        "expired.test": ("expired", MAIL), "future.test": ("future", MAIL), "forged.test": ("forged", MAIL),
        "stripped.test": ("stripped", MAIL), "nsec3.test": ("nsec3", MAIL), "broken.test": ("broken", MAIL),
        "many.test": ("signed", MANY), "full.test": ("signed", FULL), "huge.test": ("signed", HUGE)})
    PROXY = resolver.Resolver(LAB, ZONES.port)


def ask(*questions, forward=None, anchors=None, negative=()):
    """Asks a fresh net worker. Return: one object a question."""
    argv = [place.BUILD / "tests" / "ask-dns", place.executable("mailtrust-worker")]
    argv += ["--forward", (forward or ZONES).address]
    for anchor in [ZONES.anchor] if anchors is None else anchors:
        argv += ["--anchor", anchor]
    for name in negative:
        argv += ["--negative", name]
    done = LAB.run(argv + " ".join(questions).split())
    if done.returncode:
        raise place.Failure(f"ask-dns {questions}: {done.returncode}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


class Case(unittest.TestCase):
    def expect(self, answer, **values):
        for name, value in values.items():
            self.assertEqual(answer[name], value, answer)


class Srv(Case):
    def srv(self, zone, label="_imaps", **options):
        return ask(f"srv {label}._tcp.{zone}", **options)[0]

    def test_a_signed_answer_is_secure_with_ttl_and_the_end_of_its_signature(self):
        answer = self.srv("example.test")
        self.expect(answer, state="found", dnssec="secure", canonical="", unusable=0, omitted=0, records=[
            [10, 5, 993, "imap.example.test"], [20, 0, 1993, "alias.example.test"]])
        self.assertTrue(0 < answer["ttl"] <= 300)
        self.assertGreater(answer["signed_until"], time.time())

    def test_an_unsigned_answer_is_insecure(self):
        self.expect(self.srv("plain.test"), state="found", dnssec="insecure", signed_until=0)

    def test_an_absence_is_authenticated_where_the_zone_is_signed_and_not_where_it_is_not(self):
        for zone, dnssec in (("example.test", "secure"), ("plain.test", "insecure")):
            for name in ("_nothing", "_x.imap"):
                with self.subTest(zone=zone, name=name):
                    answer = self.srv(zone, name)
                    self.expect(answer, state="absent", dnssec=dnssec, records=[])
                    self.assertTrue(0 < answer["ttl"] <= 60)

    def test_a_zone_with_nsec3_is_validated_and_its_absences_too(self):
        self.expect(self.srv("nsec3.test"), state="found", dnssec="secure")
        self.expect(ask("srv imap.nsec3.test")[0], state="absent", dnssec="secure")
        # opt-out proves no names away (RFC 5155 §6)
        self.expect(self.srv("nsec3.test", "_nothing"), state="absent", dnssec="insecure")

    def test_signatures_out_of_date_a_forged_key_and_stripped_signatures_are_bogus_and_yield_no_records(self):
        for zone in ("expired.test", "future.test", "forged.test", "stripped.test"):
            with self.subTest(zone=zone):
                self.expect(self.srv(zone), state="servfail", dnssec="bogus", records=[], ttl=0)

    def test_servfail_in_a_signed_zone_is_undetermined(self):
        self.expect(self.srv("broken.test"), state="servfail", dnssec="undetermined", records=[])

    def test_a_target_of_a_dot_a_port_and_a_weight_of_zero_arrive_as_they_are(self):
        self.assertEqual(self.srv("example.test", "_pop3")["records"], [[0, 0, 0, "."]])
        self.assertEqual(self.srv("example.test", "_submissions")["records"], [[0, 0, 0, "imap.example.test"]])
        self.assertEqual(self.srv("example.test", "_submission")["records"], [[0, 65535, 587, "imap.example.test"]])

    def test_an_alias_at_the_label_is_followed_and_named(self):
        answer = self.srv("example.test", "_imap")
        self.expect(answer, state="found", dnssec="secure", canonical="_imaps._tcp.example.test")
        self.assertEqual(len(answer["records"]), 2)

    def test_a_target_that_is_an_alias_keeps_its_own_name(self):
        # D-SRV-13
        self.assertIn([20, 0, 1993, "alias.example.test"], self.srv("example.test")["records"])

    def test_of_a_thousand_records_the_best_are_kept(self):
        answer = self.srv("many.test")
        self.expect(answer, state="found", dnssec="secure", omitted=968)
        self.assertEqual([r[0] for r in answer["records"]], list(range(32)))

    def test_an_rrset_that_fills_a_message_is_answered_or_failed_and_harms_nobody(self):
        answers = ask("srv _imaps._tcp.full.test", "srv _imaps._tcp.huge.test", "srv _imaps._tcp.example.test")
        self.assertEqual([len(a["records"]) for a in answers[1:]], [0, 2])
        self.expect(answers[1], state="servfail")
        self.assertIn(answers[0]["state"], ("found", "servfail"))


class Tlsa(Case):
    def tlsa(self, host, port=993, **options):
        return ask(f"tlsa {host} {port}", **options)[0]

    def test_signed_records_of_a_signed_host_are_secure_and_keep_what_is_unusable(self):
        answer = self.tlsa("imap.example.test")
        self.expect(answer, state="found", dnssec="secure", address="secure", status="secure")
        self.assertCountEqual(answer["records"], [[3, 1, 1, 32], [3, 1, 1, 31], [3, 1, 9, 32]])

    def test_an_alias_at_the_tlsa_name_is_followed(self):
        self.expect(self.tlsa("imap.example.test", 995), status="secure", canonical="_993._tcp.imap.example.test")

    def test_an_alias_out_of_the_signed_tree_is_insecure(self):
        self.expect(self.tlsa("imap.example.test", 465), status="insecure")

    def test_a_host_whose_address_leads_out_of_the_signed_tree_has_none(self):
        # D-DANE-02: A unsigned, hence not used
        self.expect(self.tlsa("leaves.example.test"), status="insecure", address="insecure", records=[])

    def test_a_host_that_is_an_alias_is_asked_about_under_its_own_name(self):
        # D-DANE-02, D-SRV-13: _993._tcp.alias has none, though _993._tcp.imap has
        PROXY.queries.clear()
        self.expect(self.tlsa("alias.example.test", forward=PROXY), status="absent", address="secure")
        self.assertEqual(set(PROXY.asked("TLSA")), {"_993._tcp.alias.example.test"})

    def test_a_signed_host_without_records_is_absent(self):
        self.expect(self.tlsa("imap.example.test", 143), state="absent", status="absent", dnssec="secure")

    def test_an_address_proven_insecure_is_not_followed_by_a_question_for_tlsa(self):
        PROXY.queries.clear()
        self.expect(self.tlsa("imap.plain.test", forward=PROXY), status="insecure", records=[])
        self.assertIn("imap.plain.test", PROXY.asked("A"))
        self.assertEqual(PROXY.asked("TLSA"), [])

    def test_broken_zones_are_bogus_and_a_servfail_is_undetermined(self):
        for zone, status in (("expired", "bogus"), ("future", "bogus"), ("forged", "bogus"), ("stripped", "bogus"),
                             ("broken", "undetermined")):
            with self.subTest(zone=zone):
                self.expect(self.tlsa(f"imap.{zone}.test"), status=status, records=[], ttl=0)

    def test_a_literal_and_this_host_have_none_and_nobody_is_asked(self):
        PROXY.queries.clear()
        answers = ask("tlsa localhost 993", "tlsa imap.localhost 993", forward=PROXY)
        self.assertEqual([a["status"] for a in answers], ["insecure"] * 2)
        self.assertEqual(PROXY.queries, [])


class Resolvers(Case):
    """The resolver is on the network, and so may be anybody (adversary 1)."""

    def setUp(self):
        self.proxy = resolver.Resolver(LAB, ZONES.port)

    def misbehave(self, kinds, how, question, **options):
        self.proxy.behave = lambda name, kind: how if kind in kinds else None
        return ask(question, forward=self.proxy, **options)[0]

    def test_a_silent_resolver_is_undetermined_within_its_deadline(self):
        began = time.monotonic()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            forward = type("Silent", (), {"address": f"127.0.0.1@{silent.getsockname()[1]}"})
            answers = ask("srv _imaps._tcp.example.test", "tlsa imap.example.test 993", forward=forward)
        self.expect(answers[0], state="timeout", dnssec="undetermined", records=[], ttl=0)
        self.expect(answers[1], state="timeout", status="undetermined", records=[])
        self.assertTrue(3.5 < time.monotonic() - began < 6)

    def test_a_resolver_that_drops_only_tlsa_leaves_it_undetermined(self):
        answer = self.misbehave(("TLSA",), "drop", "tlsa imap.example.test 993")
        self.expect(answer, state="timeout", address="secure", status="undetermined")

    def test_a_resolver_that_fails_only_tlsa_leaves_it_undetermined(self):
        self.assertIn(self.misbehave(("TLSA",), "servfail", "tlsa imap.example.test 993")["status"],
                      ("undetermined", "bogus"))

    def test_a_resolver_that_drops_the_keys_leaves_it_undetermined(self):
        self.expect(self.misbehave(("DNSKEY", "DS"), "drop", "tlsa imap.example.test 993"), status="undetermined")

    def test_signatures_stripped_on_the_way_are_bogus_not_insecure(self):
        for kinds in (("TLSA",), ("A", "AAAA"), ("A", "AAAA", "TLSA", "DS", "DNSKEY")):
            with self.subTest(kinds=kinds):
                self.assertIn(self.misbehave(kinds, "strip", "tlsa imap.example.test 993")["status"],
                              ("bogus", "undetermined"))

    def test_the_ad_bit_of_a_resolver_makes_nothing_secure(self):
        # D-DANE-10
        answer = self.misbehave(("A", "AAAA", "TLSA"), "lie", "tlsa imap.example.test 993")
        self.assertNotEqual(answer["status"], "secure")
        answer = self.misbehave(("SRV",), "lie", "srv _imaps._tcp.plain.test")
        self.expect(answer, state="found", dnssec="insecure")

    def test_forged_tlsa_in_a_signed_zone_is_bogus(self):
        forge = lambda query: resolver.response(query, [resolver.record(52, b"\3\1\1" + bytes(32))])
        self.expect(self.misbehave(("TLSA",), forge, "tlsa imap.example.test 993"), status="bogus", records=[])

    def test_a_denial_without_proof_is_bogus(self):
        soa = resolver.record(6, b"\0\0" + bytes(16) + b"\0\0\0\x3c")
        def forge(query):
            good = resolver.response(query, [soa], 3, 0)
            return good[:6] + b"\0\1\0\0" + good[10:]  # the record is in the authority section
        self.assertIn(self.misbehave(("TLSA",), forge, "tlsa imap.example.test 993")["status"], ("bogus", "undetermined"))

    def test_targets_that_are_no_host_names_are_left_out_and_counted(self):
        # plain.test is unsigned, so that what is forged is believed as far as an unsigned zone is
        bad = [b"\x03192\x010\x012\x017\0", b"\x07b\xc3\xbccher\x04test\0", b"\x03a.b\x04test\0",
               b"\x05-mail\x04test\0", b"\x04mail\x04te\0t\0"]
        good = b"\x04mail\x05plain\x04test\0"
        records = [resolver.record(33, b"\0\0\0\0\x03\xe1" + target) for target in [*bad, good]]
        forge = lambda query: resolver.response(query, records)
        answer = self.misbehave(("SRV",), forge, "srv _imaps._tcp.plain.test")
        self.expect(answer, state="found", dnssec="insecure", unusable=len(bad), records=[[0, 0, 993, "mail.plain.test"]])

    def test_garbage_ends_nothing(self):
        for how in (lambda q: b"", lambda q: b"\x81\x80" + b"\xff" * 500, lambda q: resolver.response(q, [], 0, 65535),
                    lambda q: resolver.response(q, [b"\xc0\x0c\0\x21\0\1\0\0\0\1\xff\xff"]),
                    lambda q: resolver.response(q, [b"\xc0\xff" * 600])):
            answer = self.misbehave(("SRV",), how, "srv _imaps._tcp.plain.test")
            self.assertIn(answer["state"], ("servfail", "timeout", "absent"))
            self.assertEqual(answer["records"], [])

    def test_many_questions_at_once_are_answered_each(self):
        answers = ask(*[f"srv _imaps._tcp.{zone}" for zone in ("example.test", "plain.test", "expired.test") * 60])
        self.assertEqual([a["dnssec"] for a in answers], ["secure", "insecure", "bogus"] * 60)


class Anchors(Case):
    def test_below_a_negative_anchor_nothing_is_validated(self):
        answers = ask("srv _imaps._tcp.expired.test", "tlsa imap.expired.test 993", "srv _imaps._tcp.example.test",
                      negative=["expired.test"])
        self.expect(answers[0], state="found", dnssec="insecure")
        self.expect(answers[1], status="insecure")
        self.expect(answers[2], dnssec="secure")

    def test_an_anchor_of_ones_own_leaves_the_distributions_in_force(self):
        # the lab's resolver knows no root: with the root's key in force this cannot be "insecure"
        self.assertNotEqual(ask("srv _imaps._tcp.example.net")[0]["dnssec"], "insecure")

    def test_a_clock_years_off_proves_nothing(self):
        for kind in ("expired", "future"):
            with self.subTest(kind=kind), place.Lab() as lab:
                tree = zones.Zones(lab, {"example.test": (kind, MAIL), "plain.test": ("unsigned", MAIL)}, parent=kind)
                answers = ask("srv _imaps._tcp.example.test", "tlsa imap.example.test 993", "tlsa imap.plain.test 993",
                              forward=tree, anchors=[tree.anchor])
                self.assertIn(answers[0]["dnssec"], ("bogus", "undetermined"))
                self.assertEqual(answers[0]["records"], [])
                for answer in answers[1:]:  # not even that a zone is unsigned
                    self.assertIn(answer["status"], ("bogus", "undetermined"))
