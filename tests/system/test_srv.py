# SPDX-License-Identifier: MIT
"""What DNS said about an account's servers: kept, shown, and never what a connection depends on."""
import time
import unittest

from lab import mail, pki, place, resolver, service, zones

LAB = ZONES = PROXY = SERVICE = HOST = PORTS = None
LABELS = ["_imaps", "_imap", "_pop3s", "_pop3", "_submissions", "_submission"]
ME = "me@signed.test"


def setUpModule():
    global LAB, ZONES, PROXY, SERVICE, HOST, PORTS
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    cast = pki.ServerPki(LAB.folder("pki"))
    HOST = cast.issue("hosts", cast.ca, names=["DNS:imap.signed.test", "DNS:imap.plain.test", "DNS:imap.brief.test"])
    PORTS = mail.Dovecot(LAB, "good", HOST).ports
    port = PORTS["imaps"]
    records = f"imap IN A 127.0.0.1\n_imaps._tcp IN SRV 0 1 {port} imap\n_pop3._tcp IN SRV 0 0 0 .\n"
    ZONES = zones.Zones(LAB, {"signed.test": ("signed", records), "plain.test": ("unsigned", records),
                              "brief.test": ("signed", records.replace("_tcp IN", "_tcp 9 IN"))})
    PROXY = resolver.Resolver(LAB, ZONES.port)
    SERVICE = service.Service(LAB, anchors=cast.root.pem, options=ZONES.options(PROXY))
    for args in (("account", "add", ME, "--imap", f"imap.signed.test:{port}"), ("account", "commit", ME)):
        done = SERVICE.mailtrust(*args)
        assert done.returncode == 0, done.stderr


def show(account=ME):
    status, found = SERVICE.ask("srv", "show", account)
    assert status == 0, found
    return {a["label"]: a for a in found["answers"]}


class Case(unittest.TestCase):
    def setUp(self):
        PROXY.behave = lambda name, kind: None
        PROXY.queries.clear()


class Kept(Case):
    def setUp(self):
        super().setUp()
        self.assertEqual(SERVICE.ask("discover", ME)[0], 0)

    def test_what_a_look_gave_is_kept_with_when_and_whom_it_was_asked(self):
        answers = show()
        self.assertEqual(list(answers), LABELS)
        port = answers["_imaps"]["records"][0].split()[2]
        self.assertEqual(answers["_imaps"]["records"], [f"0 1 {port} imap.signed.test"])
        self.assertEqual(answers["_pop3"]["records"], ["0 0 0 ."])
        self.assertEqual({a["dnssec"] for a in answers.values()}, {"secure"})
        self.assertEqual({a["resolver"] for a in answers.values()}, {PROXY.address})
        self.assertLess(max(a["age"] for a in answers.values()), 30)
        self.assertTrue(all(0 < a["ttl"] <= 300 for a in answers.values()))

    def test_that_there_is_none_is_kept_too(self):
        self.assertEqual({n: a["state"] for n, a in show().items() if a["state"] != "found"},
                         dict.fromkeys(["_imap", "_pop3s", "_submissions", "_submission"], "absent"))

    def test_a_restart_keeps_it(self):
        before = show()
        SERVICE.restart()
        after = show()
        for answers in (before, after):
            for answer in answers.values():
                del answer["age"]
        self.assertEqual(after, before)

    def test_a_resolver_that_fails_overwrites_nothing(self):
        before = show()
        for how in ("servfail", "drop"):
            with self.subTest(how=how):
                SERVICE.restart()  # what the worker itself remembers is gone
                PROXY.behave = lambda name, kind, how=how: how if kind == "SRV" else None
                self.assertEqual(SERVICE.ask("discover", ME)[0], 75)
                self.assertEqual({n: (a["state"], a["records"], a["asked-at"]) for n, a in show().items()},
                                 {n: (a["state"], a["records"], a["asked-at"]) for n, a in before.items()})

    def test_a_person_reads_state_and_age(self):
        done = SERVICE.mailtrust("srv", "show", ME)
        self.assertEqual(done.returncode, 0, done.stderr)
        for text in ("_imaps", "imap.signed.test", "secure", "second", " ago", PROXY.address, "TTL"):
            self.assertIn(text, done.stdout)

    def test_showing_asks_nobody(self):
        PROXY.queries.clear()
        show()
        self.assertEqual(PROXY.queries, [])


class Owner(Case):
    def test_only_what_belongs_to_an_account_is_kept(self):
        self.assertEqual(SERVICE.ask("discover", "a@plain.test")[0], 0)
        added = SERVICE.mailtrust("account", "add", "a@plain.test", "--imap", "imap.plain.test")
        self.assertEqual(added.returncode, 0, added.stderr)
        self.assertEqual(show("a@plain.test"), {})
        self.assertIn("Nothing is kept", SERVICE.mailtrust("srv", "show", "a@plain.test").stdout)
        self.assertEqual(SERVICE.mailtrust("--yes", "account", "remove", "a@plain.test").returncode, 0)

    def test_it_goes_with_the_last_account_of_the_domain(self):
        for name in ("b", "c"):
            SERVICE.mailtrust("account", "add", f"{name}@plain.test", "--imap", "imap.plain.test")
        self.assertEqual(SERVICE.ask("discover", "b@plain.test")[0], 0)
        SERVICE.mailtrust("--yes", "account", "remove", "b@plain.test")
        self.assertEqual(list(show("c@plain.test")), LABELS)
        SERVICE.mailtrust("--yes", "account", "remove", "c@plain.test")
        SERVICE.mailtrust("account", "add", "c@plain.test", "--imap", "imap.plain.test")
        self.assertEqual(show("c@plain.test"), {})

    def test_an_account_nobody_has_is_unknown(self):
        self.assertEqual(SERVICE.mailtrust("srv", "show", "nobody@signed.test").returncode, service.DENY)
        self.assertEqual(SERVICE.mailtrust("srv", "show").returncode, service.USAGE)


class Connections(Case):
    def test_fifty_connections_ask_for_no_srv_record(self):
        # R-5.1-13
        for _ in range(50):
            status, answer = SERVICE.ask("check", ME, "imap")
            self.assertEqual((status, answer["decision"]), (service.ALLOW, "allow"), answer)
        self.assertEqual(PROXY.asked("SRV"), [])

    def test_a_forged_record_that_appears_meanwhile_changes_nothing(self):
        # R-5.1-13
        def forge(query):
            target = b"\x04evil\x04test\0"
            return resolver.response(query, [resolver.record(33, b"\0\0\0\0\x03\xe1" + target)])
        before = SERVICE.ask("account", "show", ME)[1]["Endpoints"]
        PROXY.behave = lambda name, kind: forge if kind == "SRV" else None
        for _ in range(3):
            self.assertEqual(SERVICE.ask("check", ME, "imap")[0], service.ALLOW)
        self.assertEqual(SERVICE.ask("account", "show", ME)[1]["Endpoints"], before)
        self.assertEqual(PROXY.asked("SRV"), [])


class Live(Case):
    """srv_mode=live: an account in use of the STARTTLS port, and connections to what SRV names."""

    def check(self, zone, port=None, mode="live", op="authenticate"):
        address = f"live@{zone}"
        if SERVICE.mailtrust("account", "show", address).returncode:
            SERVICE.mailtrust("account", "add", address, "--imap", f"imap.{zone}:{PORTS['imap']}/starttls")
            self.assertEqual(SERVICE.mailtrust("account", "commit", address).returncode, 0)
        done = SERVICE.mailtrust("account", "edit", address, "--set", f"srv_mode={mode}")
        self.assertEqual(done.returncode, 0, done.stderr)
        PROXY.queries.clear()
        evidence = service.evidence(HOST, host=("s", f"imap.{zone}"), port=("q", port or PORTS["imaps"]))
        with SERVICE.connect() as connection:
            path = connection.call(None, service.ROOT_PATH, service.MANAGER, "FindAccount", "s", address).values()[0]
            reply = connection.call(None, path, service.ACCOUNT, "Check", "sa{sv}a{sv}", op, evidence, {})
            self.assertIsNone(reply.error())
            decision, _, reasons, _, detail = reply.values()
        self.expires_usec = detail["expires-at"]
        return decision, [r for r in reasons if r != "evidence.asserted-only"]

    def test_a_saved_account_is_asked_about_nothing(self):
        # R-5.1-13
        self.assertEqual(self.check("signed.test", mode="saved"), ("deny", ["endpoint.not-configured"]))
        self.assertEqual(PROXY.asked("SRV"), [])

    def test_signed_data_may_name_the_server_of_a_connection(self):
        # R-5.1-13
        SERVICE.restart()  # what the worker itself remembers is gone
        decision, reasons = self.check("signed.test")
        self.assertEqual((decision, "srv.dnssec-secure" in reasons, reasons[-1]), ("allow", True, "conf.met"), reasons)
        self.assertEqual(PROXY.asked("SRV"), ["_imaps._tcp.signed.test"])
        shown = SERVICE.ask("account", "show", "live@signed.test")[1]["Endpoints"]
        self.assertEqual([e["port"] for e in shown], [PORTS["imap"]])

    def test_a_verdict_does_not_outlive_the_data_that_named_its_server(self):
        self.assertEqual(self.check("brief.test")[0], "allow")
        self.assertLess(self.expires_usec / 1_000_000 - time.time(), 10)
        self.check("signed.test")
        self.assertGreater(self.expires_usec / 1_000_000 - time.time(), 30)

    def test_signed_data_that_names_another_port_does_not(self):
        self.assertEqual(self.check("signed.test", port=PORTS["pop3s"]), ("deny", ["endpoint.not-configured"]))

    def test_unsigned_data_may_not(self):
        # R-5.1-13, G-32
        self.assertEqual(self.check("plain.test"), ("deny", ["endpoint.not-configured"]))

    def test_forged_data_is_refused_as_such(self):
        # R-5.1-13
        self.check("signed.test")
        SERVICE.restart()
        PROXY.behave = lambda name, kind: "strip" if kind == "SRV" else None
        self.assertEqual(self.check("signed.test"), ("deny", ["srv.bogus"]))

    def test_no_answer_is_no_leave(self):
        self.check("signed.test")
        SERVICE.restart()
        PROXY.behave = lambda name, kind: "servfail" if kind == "SRV" else None
        self.assertEqual(self.check("signed.test"), ("deny", ["endpoint.not-configured"]))

    def test_a_server_of_the_account_is_never_asked_about(self):
        self.check("signed.test")
        PROXY.queries.clear()
        self.assertEqual(SERVICE.ask("check", "live@signed.test", "imap")[0], service.ALLOW)
        self.assertEqual(PROXY.asked("SRV"), [])
