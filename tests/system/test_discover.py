# SPDX-License-Identifier: MIT
"""What DNS offers for an address, as a person and as a program see it."""
import time
import unittest

from lab import place, resolver, service, zones

LAB = ZONES = PROXY = SERVICE = None
LABELS = ["_imaps", "_imap", "_pop3s", "_pop3", "_submissions", "_submission"]
FULL = """
_imaps._tcp IN SRV 0 1 993 imap
_imap._tcp IN SRV 0 1 143 imap
_pop3s._tcp IN SRV 10 0 995 pop.example.net.
_pop3._tcp IN SRV 0 0 0 .
_submissions._tcp IN SRV 10 0 465 out
_submission._tcp IN SRV 0 0 587 out
"""
OUTSIDE = "_imaps._tcp IN SRV 0 0 993 " + "m" * 63 + ".provider.test.\n"


def setUpModule():
    global LAB, ZONES, PROXY, SERVICE
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    ZONES = zones.Zones(LAB, {
        "example.test": ("signed", FULL), "plain.test": ("unsigned", FULL), "outside.test": ("unsigned", OUTSIDE),
        "broken.test": ("expired", FULL), "empty.test": ("signed", "www IN A 127.0.0.1\n"),
        "xn--bcher-kva.test": ("unsigned", "_imaps._tcp IN SRV 0 0 993 imap\n"),
        "many.test": ("unsigned", "".join(f"_imaps._tcp IN SRV {n} 0 993 imap{n}\n" for n in range(1000)))})
    PROXY = resolver.Resolver(LAB, ZONES.port)
    SERVICE = service.Service(LAB, options=ZONES.options(PROXY))


def discover(address, code=0):
    status, found = SERVICE.ask("discover", address)
    assert status == code, (status, found)
    return found


def brief(found):
    return [(c["label"], f"{c['host']}:{c['port']}", c["trust"]) for c in found["candidates"]]


class Case(unittest.TestCase):
    def setUp(self):
        PROXY.behave = lambda name, kind: None
        PROXY.queries.clear()


class Offers(Case):
    def test_a_signed_domain_is_shown_ranked_with_its_dnssec_state(self):
        # R-5-01, R-5.1-01
        found = discover("a@example.test")
        self.assertEqual(brief(found), [
            ("_imaps", "imap.example.test:993", "dnssec"), ("_imap", "imap.example.test:143", "dnssec"),
            ("_pop3s", "pop.example.net:995", "dnssec"),
            ("_submissions", "out.example.test:465", "dnssec"), ("_submission", "out.example.test:587", "dnssec")])
        self.assertEqual(found["candidates"][0], {
            "label": "_imaps", "protocol": "imap", "transport": "implicit", "host": "imap.example.test", "port": 993,
            "priority": 0, "weight": 1, "source": "srv", "dnssec": "secure", "trust": "dnssec", "reduced": False})
        self.assertEqual([(o["label"], o["why"]) for o in found["omissions"]], [("_pop3", "srv.service-not-offered")])
        self.assertEqual({a["label"]: a["dnssec"] for a in found["answers"]}, dict.fromkeys(LABELS, "secure"))
        self.assertEqual(found["detail"], {"domain": "example.test", "no-tls": False, "incomplete": False,
                                           "sources": ["admin", "srv"]})

    def test_exactly_the_six_names_are_asked_and_no_address(self):
        # D-SRV-01, D-SRV-02: nor a guess for what is not offered
        discover("a@plain.test")
        self.assertEqual(set(PROXY.asked("SRV")), {f"{label}._tcp.plain.test" for label in LABELS})
        self.assertEqual([q for q in PROXY.asked("A", "AAAA") if q != "test"], [])

    def test_a_domain_in_other_letters_is_asked_by_its_a_label(self):
        self.assertEqual(brief(discover("a@B\u00dccher.test")),
                         [("_imaps", "imap.xn--bcher-kva.test:993", "in-domain")])
        self.assertIn("_imaps._tcp.xn--bcher-kva.test", PROXY.asked("SRV"))

    def test_an_unsigned_domain_is_trusted_inside_of_itself_only(self):
        # R-5.1-11, R-5.1-12
        trust = {c["host"]: (c["dnssec"], c["trust"]) for c in discover("a@plain.test")["candidates"]}
        self.assertEqual(trust, {"imap.plain.test": ("insecure", "in-domain"),
                                 "out.plain.test": ("insecure", "in-domain"),
                                 "pop.example.net": ("insecure", "unconfirmed")})

    def test_a_target_outside_is_shown_whole_and_not_looked_up(self):
        # R-5.1-12, D-DISC-05
        done = SERVICE.mailtrust("discover", "a@outside.test")
        self.assertEqual(done.returncode, 0)
        self.assertIn("m" * 63 + ".provider.test:993", done.stdout)
        self.assertIn("check it", done.stdout)
        self.assertEqual([q for q in PROXY.asked("A", "AAAA") if "provider" in q], [])

    def test_of_a_thousand_records_the_best_are_shown_and_the_rest_counted(self):
        found = discover("a@many.test")
        self.assertEqual([c["priority"] for c in found["candidates"]], list(range(32)))
        self.assertEqual([(o["why"], o["count"]) for o in found["omissions"]], [("too-many", 968)])

    def test_what_a_person_reads_says_the_same(self):
        done = SERVICE.mailtrust("discover", "a@example.test")
        self.assertEqual(done.returncode, 0)
        for text in ("imap.example.test:993", "TLS from the start", "STARTTLS", "signed DNS", "Left out",
                     "srv.service-not-offered"):
            self.assertIn(text, done.stdout)
        self.assertNotIn("smtps", done.stdout)

    def test_an_accounts_own_policy_applies(self):
        added = SERVICE.mailtrust("account", "add", "me@plain.test", "--imap", "imap.plain.test")
        self.assertEqual(added.returncode, 0, added.stderr)
        for field, value, expected in (("srv_trust", "in-domain", "srv.target-out-of-domain"),
                                       ("transport_min", "implicit", "srv.candidate-below-minimum"),
                                       ("srv_trust", "dnssec", "srv.insecure")):
            with self.subTest(field=field):
                done = SERVICE.mailtrust("account", "edit", "me@plain.test", "--set", f"{field}={value}")
                self.assertEqual(done.returncode, 0, done.stderr)
                found = SERVICE.ask("discover", "me@plain.test")[1]
                self.assertIn(expected, [o["why"] for o in found["omissions"]])
        self.assertEqual(found["candidates"], [])

    def test_discovery_is_written_to_the_log_without_the_local_part(self):
        discover("canary@example.test")
        line = [line for line in SERVICE.log().splitlines() if "MT_EVENT=discover" in line][-1]
        self.assertIn("MT_SOURCE=srv", line)
        self.assertIn("MT_DOMAIN=example.test", line)
        self.assertNotIn("canary", SERVICE.log())

    def test_nothing_is_stored(self):
        discover("nobody@example.test")
        self.assertNotIn("nobody", SERVICE.mailtrust("account", "list").stdout)


class NoOffers(Case):
    def test_a_domain_without_records_leaves_it_to_the_person(self):
        # D-SRV-08
        found = discover("a@empty.test", service.CONFIRM)
        self.assertEqual((found["candidates"], found["omissions"]), ([], []))
        done = SERVICE.mailtrust("discover", "a@empty.test")
        self.assertEqual(done.returncode, service.CONFIRM)
        self.assertIn("ask your provider", done.stdout)

    def test_a_broken_zone_offers_nothing_and_says_why(self):
        # R-5.1-11
        found = discover("a@broken.test", service.DENY)
        self.assertEqual(found["candidates"], [])
        self.assertEqual({o["why"] for o in found["omissions"]}, {"srv.bogus"})
        self.assertTrue(found["detail"]["incomplete"])

    def test_a_silent_resolver_is_a_temporary_failure_within_the_clients_patience(self):
        PROXY.behave = lambda name, kind: "drop" if "nowhere" in name else None
        began = time.monotonic()
        found = discover("a@nowhere.plain.test", 75)
        self.assertEqual([o["why"] for o in found["omissions"]], ["no-answer"] * 6)
        self.assertLess(time.monotonic() - began, 5)

    def test_one_label_that_is_dropped_makes_the_rest_incomplete(self):
        PROXY.behave = lambda name, kind: "drop" if name.startswith("_imaps._tcp.dropped") else None
        found = SERVICE.ask("discover", "a@dropped.example.test")[1]
        self.assertTrue(found["detail"]["incomplete"])


class Bad(Case):
    def call(self, connection, address, options=None):
        return connection.call(None, service.ROOT_PATH, service.MANAGER, "Discover", "sa{sv}", address, options or {})

    def test_what_is_no_address_is_refused(self):
        with SERVICE.connect() as connection:
            for address in ("", "a", "a@", "@example.test", "a@[192.0.2.7]", "a@192.0.2.7", "a@" + "x" * 64 + ".test",
                            "a@-x.test", "a@" + "a." * 120 + "testing", "a\n@example.test"):
                with self.subTest(address=address):
                    self.assertEqual(self.call(connection, address).error(), "InvalidArguments")
            self.assertEqual(self.call(connection, "a@example.test", {"x": ("b", True)}).error(), "InvalidArguments")
        self.assertEqual(PROXY.queries, [])

    def test_usage_is_told(self):
        for args in ((), ("a@b.test", "c@d.test"), ("--help-me",)):
            self.assertEqual(SERVICE.mailtrust("discover", *args).returncode, service.USAGE)

    def test_one_caller_has_a_few_under_way_and_others_are_served(self):
        PROXY.behave = lambda name, kind: "drop" if "flood" in name else None
        with SERVICE.connect() as connection:
            for n in range(8):
                connection.send(None, service.ROOT_PATH, service.MANAGER, "Discover", "sa{sv}",
                                f"a@flood{n}.plain.test", {})
            errors = [connection.receive().error() for _ in range(4)]
            self.assertEqual(errors, ["LimitExceeded"] * 4)
        # gone, but what it asked is not: who asks and hangs up gets no more of the worker than who waits
        with SERVICE.connect() as connection:
            self.assertEqual(self.call(connection, "a@example.test").error(), "LimitExceeded")
        place.wait_until(lambda: SERVICE.ask("discover", "a@example.test")[0] == 0, "room for others")
        self.assertEqual(brief(discover("a@example.test"))[0][0], "_imaps")
