# SPDX-License-Identifier: MIT
"""An account set up from what DNS offers for its address (RFC 6186, RFC 8314 §5.1): real zones, real servers."""
import time
import unittest

from lab import door, mail, pki, place, resolver, service, zones

LAB = WORLD = CAST = ZONES = DOORS = None
LABELS = ["_imaps", "_imap", "_pop3s", "_pop3", "_submissions", "_submission"]
TARGET, REDUCED = "srv-target\n", "reduced-confidentiality\n"
GOOD = """
_imaps._tcp IN SRV 0 1 {good[imaps]} imap
_imap._tcp IN SRV 0 1 {good[imap]} imap
_pop3._tcp IN SRV 0 0 0 .
_submissions._tcp IN SRV 0 0 {out[submissions]} out
_submission._tcp IN SRV 0 0 {out[submission]} out
"""
DOMAINS = {  # kind, records
    "signed.test": ("signed", GOOD), "plain.test": ("unsigned", GOOD), "broken.test": ("expired", GOOD),
    "empty.test": ("signed", "www IN A 127.0.0.1\n"),
    "outside.test": ("unsigned", "_imaps._tcp IN SRV 0 0 {door} mail.provider.test.\n"),
    "abroad.test": ("signed", "_imaps._tcp IN SRV 0 0 {good[imaps]} mail.provider.test.\n"),
    "provider.test": ("unsigned", "mail IN A 127.0.0.1\n"),
    "clear.test": ("signed", "_imap._tcp IN SRV 0 0 {plain[imap]} imap\n_pop3._tcp IN SRV 0 0 {plain[pop3]} imap\n"),
    "better.test": ("signed", "_imap._tcp IN SRV 0 0 {plain[imap]} imap\n_pop3s._tcp IN SRV 20 0 {good[pop3s]} imap\n"),
    "spare.test": ("signed", "_imaps._tcp IN SRV 0 0 {closed} imap\n_imaps._tcp IN SRV 9 0 {good[imaps]} imap\n"),
    "lost.test": ("signed", "_imaps._tcp IN SRV 0 0 {closed} imap\n_imap._tcp IN SRV 0 0 {good[imap]} imap\n"),
    "expired.test": ("signed", "_imaps._tcp IN SRV 0 0 {expired[imaps]} imap\n"),
    "srvid.test": ("signed", "_imaps._tcp IN SRV 0 0 {srvid[imaps]} imap\n"),
}


class World:
    """The zones, the servers they name, and the one behind a door that counts who comes."""

    def __init__(self, lab):
        self.cast = pki.ServerPki(lab.folder("pki"))
        hosts = [f"DNS:*.{name}" for name in DOMAINS]
        good = self.cast.issue("hosts", self.cast.ca, names=hosts)
        late = self.cast.issue("late", self.cast.ca, names=hosts, life=(-90, -2))
        srvid = self.cast.issue("srvid", self.cast.ca, names=["otherName:1.3.6.1.5.5.7.8.7;IA5:_imaps.srvid.test"])
        dovecot = {name: mail.Dovecot(lab, name, certificate) for name, certificate in
                   (("good", good), ("plain", None), ("expired", late), ("srvid", srvid))}
        self.plain = dovecot["plain"]
        self.door = door.Door(lab, dovecot["good"].ports["imaps"])
        ports = {name: server.ports for name, server in dovecot.items()}
        ports["out"] = mail.Postfix(lab, "out", good, dovecot["good"]).ports if mail.IS_ROOT else \
            {"submission": dovecot["good"].ports["imap"], "submissions": dovecot["good"].ports["imaps"]}
        ports |= {"door": self.door.port, "closed": lab.port()}
        records = "imap IN A 127.0.0.1\nout IN A 127.0.0.1\n"
        self.zones = zones.Zones(lab, {name: (kind, (records if "imap" in text else "") + text.format(**ports))
                                       for name, (kind, text) in DOMAINS.items()})


def setUpModule():
    global LAB, WORLD, CAST, ZONES, DOORS
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    WORLD = World(LAB)
    CAST, ZONES, DOORS = WORLD.cast, WORLD.zones, WORLD.door


class Case(unittest.TestCase):
    """Each class has a service of its own: probes are limited to ten a minute."""

    @classmethod
    def setUpClass(cls):
        cls.proxy = resolver.Resolver(LAB, ZONES.port)
        cls.service = service.Service(LAB, f"{cls.__name__.lower()}-{cls.proxy.address[-5:]}", anchors=CAST.root.pem,
                                      options=ZONES.options(cls.proxy))

    def setUp(self):
        self.proxy.behave = lambda name, kind: None
        self.proxy.queries.clear()

    def add(self, address, *options, code=service.ALLOW):
        status, answer = self.service.ask(*options, "account", "add", address)
        self.assertEqual(status, code, answer)
        return answer

    def type(self, typed, address, *options, code=service.ALLOW):
        done = self.service.type(typed, *options, "account", "add", address)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def endpoints(self, address):
        found = self.service.ask("account", "show", address)[1]
        self.assertEqual(found["State"], "active")
        return {e["protocol"]: e for e in found["Endpoints"]}

    def assertNothingStored(self):
        self.assertEqual(self.service.ask("account", "list")[1]["accounts"], [])


@unittest.skipUnless(mail.IS_ROOT, "Postfix is started by root")
class Signed(Case):
    ADDRESS = "me@signed.test"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.done = cls.service.mailtrust("--yes", "account", "add", cls.ADDRESS)
        cls.asked = cls.proxy.asked("SRV")

    def test_one_command_discovers_looks_and_puts_to_use(self):
        # R-5.1-02
        self.assertEqual(self.done.returncode, service.ALLOW, self.done.stderr)
        for text in ("best first", "Left out", "srv.service-not-offered", "Proposed for me@signed.test",
                     "TLS from the start, named by signed DNS", "srv.dnssec-secure", "ready for use"):
            self.assertIn(text, self.done.stdout)

    def test_the_six_labels_were_asked_for(self):
        # R-5.1-02, D-SRV-01
        self.assertEqual(set(self.asked), {f"{label}._tcp.signed.test" for label in LABELS})

    def test_what_is_stored_says_where_it_comes_from(self):
        # R-5.1-11
        self.assertEqual({(e["protocol"], e["label"], e["host"], e["transport"], e["discovery"], e["dnssec"],
                           e["saved"], e["probe"]) for e in self.endpoints(self.ADDRESS).values()},
                         {("imap", "_imaps", "imap.signed.test", "implicit", "srv", "secure", True, "confidential"),
                          ("submission", "_submissions", "out.signed.test", "implicit", "srv", "secure", True,
                           "confidential")})

    def test_what_dns_said_is_kept(self):
        answers = self.service.ask("srv", "show", self.ADDRESS)[1]["answers"]
        self.assertEqual({a["label"]: a["dnssec"] for a in answers}, dict.fromkeys(LABELS, "secure"))

    def test_reading_and_sending_are_allowed(self):
        for name in ("imap", "submission"):
            status, answer = self.service.ask("check", self.ADDRESS, name)
            self.assertEqual((status, answer["decision"], answer["conf"]), (service.ALLOW, "allow", True), answer)
            self.assertIn("srv.dnssec-secure", answer["reasons"])

    def test_a_restart_keeps_the_servers_and_asks_for_no_srv_record(self):
        # D-SRV-05, the first half
        before = self.endpoints(self.ADDRESS)
        self.service.restart()
        self.assertEqual(self.endpoints(self.ADDRESS), before)
        self.proxy.queries.clear()
        self.assertEqual(self.service.ask("check", self.ADDRESS, "imap")[0], service.ALLOW)
        self.assertEqual(self.proxy.asked("SRV"), [])


@unittest.skipUnless(mail.IS_ROOT, "Postfix is started by root")
class Unsigned(Case):
    def test_without_a_person_nothing_is_set_up(self):
        answer = self.add("me@plain.test", code=service.CONFIRM)
        self.assertIn("--yes", answer["error"])
        self.assertEqual(answer["candidates"][0]["host"], "imap.plain.test")
        self.assertNothingStored()

    def test_a_person_who_says_no_gets_nothing(self):
        self.type("n\n", "me@plain.test", code=service.CONFIRM)
        self.assertNothingStored()

    def test_a_server_inside_the_domain_is_accepted_as_insecure(self):
        # R-5.1-11
        answer = self.add("you@plain.test", "--yes")
        self.assertEqual((answer["state"], [s["host"] for s in answer["servers"]]),
                         ("active", ["imap.plain.test", "out.plain.test"]))
        self.assertTrue(all("srv.insecure" in s["reasons"] and s["trust"] == "in-domain" for s in answer["servers"]))
        self.assertEqual({e["dnssec"] for e in self.endpoints("you@plain.test").values()}, {"insecure"})
        self.service.mailtrust("--yes", "account", "remove", "you@plain.test")


class Outside(Case):
    ADDRESS = "me@outside.test"

    def test_no_option_confirms_a_target_outside_of_the_domain(self):
        # R-5.1-12
        before = DOORS.count
        answer = self.add(self.ADDRESS, "--yes", code=service.CONFIRM)
        self.assertEqual(answer["reasons"], ["srv.target-out-of-domain"])
        self.assertNothingStored()
        self.assertEqual(DOORS.count, before)
        self.assertEqual([q for q in self.proxy.asked("A", "AAAA") if "provider" in q], [])

    def test_a_person_who_types_something_else_gets_nothing(self):
        before = DOORS.count
        self.type("yes\n", self.ADDRESS, "--yes", code=service.CONFIRM)
        self.assertNothingStored()
        self.assertEqual(DOORS.count, before)

    def test_a_confirmed_target_is_connected_to_and_remembered_as_confirmed(self):
        # R-5.1-12
        before = DOORS.count
        done = self.type(TARGET + "y\n", self.ADDRESS)
        self.assertIn("mail.provider.test, account me@outside.test", done.stderr)
        self.assertGreater(DOORS.count, before)
        endpoint = self.endpoints(self.ADDRESS)["imap"]
        self.assertEqual((endpoint["discovery"], endpoint["dnssec"], endpoint["confirmed"]), ("srv", "insecure", True))
        self.assertEqual(self.service.ask("check", self.ADDRESS, "imap")[0], service.ALLOW)
        self.service.mailtrust("--yes", "account", "remove", self.ADDRESS)

    def test_the_confirmation_is_configuration_and_outlives_the_accounts_policy(self):
        # REQUIREMENTS 4.7
        self.type(TARGET + "y\n", self.ADDRESS)
        end = int(time.time()) + 2
        self.service.mailtrust("account", "edit", self.ADDRESS, "--set", f"not_after={end}")
        time.sleep(max(0, end + 0.2 - time.time()))
        status, answer = self.service.ask("check", self.ADDRESS, "imap")
        self.assertEqual((status, answer["reasons"][-1]), (service.ALLOW, "conf.met"), answer)
        self.assertIn("policy.expired", answer["reasons"])
        self.service.mailtrust("--yes", "account", "remove", self.ADDRESS)

    def test_the_service_itself_connects_to_no_unconfirmed_target(self):
        # R-5.1-12: whoever asks it
        before = DOORS.count
        with self.service.connect() as c:
            added = c.call(None, service.ROOT_PATH, service.MANAGER, "AddAccount", "sa{sv}", "raw@outside.test", {})
            path = added.values()[0]
            set_one = (None, path, service.ACCOUNT, "SetDiscovered", "ssq", "_imaps", "mail.provider.test", DOORS.port)
            self.assertEqual(c.call(*set_one).error(), "NotInThisState")  # nobody has looked
            c.call(None, service.ROOT_PATH, service.MANAGER, "Discover", "sa{sv}", "raw@outside.test", {})
            self.assertIsNone(c.call(*set_one).error())
            for method in ("Probe", "Resolve"):
                self.assertEqual(c.call(None, path, service.ACCOUNT, method, "s", "imap").error(), "TargetUnconfirmed")
            other = c.call(None, path, service.ACCOUNT, "SetDiscovered", "ssq", "_imaps", "evil.test", 993)
            self.assertEqual(other.error(), "NotInThisState")
        status, answer = self.service.ask("check", "raw@outside.test", "imap")
        self.assertEqual((status, answer["reasons"]), (service.CONFIRM, ["srv.target-out-of-domain"]))
        self.assertEqual(DOORS.count, before)
        self.service.mailtrust("--yes", "account", "remove", "raw@outside.test")

    def test_signed_data_may_name_any_domain(self):
        # D-ID-19, row 6
        answer = self.add("me@abroad.test", "--yes")
        self.assertEqual([(s["host"], s["trust"]) for s in answer["servers"]], [("mail.provider.test", "dnssec")])
        self.service.mailtrust("--yes", "account", "remove", "me@abroad.test")


class Nothing(Case):
    def test_a_broken_zone_is_refused_and_nothing_stored(self):
        # R-5.1-11
        answer = self.add("me@broken.test", "--yes", code=service.DENY)
        self.assertEqual(answer["reasons"], ["srv.bogus"])
        done = self.service.mailtrust("--yes", "account", "add", "me@broken.test")
        self.assertEqual(done.returncode, service.DENY)
        self.assertIn("srv.bogus", done.stderr)
        self.assertNothingStored()

    def test_no_answer_however_bent_sets_anything_up(self):
        # RFC 2782; DESIGN 14: a named reason, nothing stored, and the service lives on
        literal, zero = b"\x03192\x010\x012\x017\0", b"\x04imap\x05plain\x04test\0"
        srv = lambda port, target: resolver.record(33, b"\0\0\0\0" + port.to_bytes(2, "big") + target)
        for name, records in (("an address for a name", [srv(993, literal)] * 3), ("no port", [srv(0, zero)]),
                              ("bytes of no host name", [srv(993, b"\x07b\xc3\xbccher\x04test\0")]),
                              ("a thousand addresses", [srv(993, literal)] * 1000),
                              ("cut short", [srv(993, zero)[:-4]]), ("64 KiB", [srv(993, b"\x3f" + b"a" * 63 + zero)] * 650)):
            with self.subTest(name):
                self.proxy.behave = lambda name, kind, r=records: (lambda query: resolver.response(query, r)) \
                    if kind == "SRV" else None
                done = self.service.mailtrust("--yes", "account", "add", "me@plain.test")
                self.assertIn(done.returncode, (service.CONFIRM, service.DENY, 75, service.UNREACHABLE), done.stderr)
                self.assertNothingStored()
                self.service.restart()  # what the worker has heard is gone

    def test_one_label_without_an_answer_is_a_reason_to_wait(self):
        self.proxy.behave = lambda name, kind: "servfail" if name.startswith("_imaps._tcp.signed") else None
        self.add("me@signed.test", "--yes", code=75)
        self.assertNothingStored()

    def test_where_nothing_is_offered_a_program_is_told_so_and_no_name_guessed(self):
        # D-SRV-08
        self.add("me@empty.test", "--yes", code=service.CONFIRM)
        self.assertNothingStored()
        self.assertEqual([q for q in self.proxy.asked("A", "AAAA") if "empty" in q], [])

    def test_where_nothing_is_offered_a_person_is_asked_for_the_server(self):
        # D-SRV-08
        done = self.type("no server\nimap.signed.test\n\nn\n", "me@empty.test")
        self.assertIn("Server for reading mail", done.stderr)
        self.assertIn("neither a host name nor an address", done.stderr)
        shown = self.service.ask("account", "show", "me@empty.test")[1]
        self.assertEqual([(e["host"], e["port"], e["discovery"]) for e in shown["Endpoints"]],
                         [("imap.signed.test", 993, "manual")])
        self.service.mailtrust("--yes", "account", "remove", "me@empty.test")

    def test_where_nothing_is_offered_and_nothing_typed_nothing_is_stored(self):
        self.type("\n\n", "me@empty.test", code=service.CONFIRM)
        self.assertNothingStored()


class Tls(Case):
    def test_a_server_without_tls_is_left_out_for_one_with_it_whatever_its_priority(self):
        # R-5.1-03, R-5.1-05, R-5.1-06
        answer = self.add("me@better.test", "--yes")
        self.assertEqual([s["label"] for s in answer["servers"]], ["_pop3s"])
        self.assertEqual([(o["label"], o["why"]) for o in answer["omissions"]],
                         [("_imap", "srv.candidate-below-minimum")])
        self.assertEqual(list(self.endpoints("me@better.test")), ["pop3"])
        self.service.mailtrust("--yes", "account", "remove", "me@better.test")

    def test_without_tls_anywhere_nobody_but_a_person_goes_on(self):
        # R-5.1-06
        answer = self.add("me@clear.test", "--yes", code=service.CONFIRM)
        self.assertEqual(answer["reasons"], ["srv.no-tls-advertised"])
        self.assertEqual({o["why"] for o in answer["omissions"]}, {"srv.candidate-below-minimum"})
        self.assertNothingStored()

    def test_a_person_is_warned_and_may_go_on_without_tls(self):
        # R-5.1-04, R-5.1-06, R-5.1-07
        done = self.type("y\ny\n" + REDUCED, "me@clear.test")
        for text in ("srv.no-tls-advertised", "not encrypted", "Others can read your password and messages"):
            self.assertIn(text, done.stdout + done.stderr)
        shown = self.service.ask("account", "show", "me@clear.test")[1]
        self.assertEqual((shown["Level"], shown["Minimum"]["min_conf"]), ("reduced", "off"))
        self.assertEqual([c["kind"] for c in shown["Consents"]], ["reduced-confidentiality"])
        self.assertEqual(list(self.endpoints("me@clear.test")), ["imap"])
        self.service.mailtrust("--yes", "account", "remove", "me@clear.test")


class Defaults(Case):
    def test_for_every_service_the_default_is_tls_from_the_start(self):
        # D-STLS-14
        self.service.mailtrust("account", "add", "a@plain.test", "--imap", "imap.plain.test", "--pop3", "imap.plain.test",
                               "--submission", "out.plain.test")
        shown = self.service.ask("account", "show", "a@plain.test")[1]
        self.assertEqual({(e["protocol"], e["transport"], e["port"]) for e in shown["Endpoints"]},
                         {("imap", "implicit", 993), ("pop3", "implicit", 995), ("submission", "implicit", 465)})
        # and where a person is asked for them
        self.type("imap.signed.test\nout.signed.test\nn\n", "b@empty.test")
        shown = self.service.ask("account", "show", "b@empty.test")[1]
        self.assertEqual({(e["protocol"], e["transport"], e["port"]) for e in shown["Endpoints"]},
                         {("imap", "implicit", 993), ("submission", "implicit", 465)})
        for address in ("a@plain.test", "b@empty.test"):
            self.service.mailtrust("--yes", "account", "remove", address)

    def test_cleartext_that_was_typed_is_put_to_use_by_no_option(self):
        # D-STLS-14, R-5.2-06
        port = WORLD.plain.ports
        for protocol in ("imap", "pop3"):
            address = f"{protocol}@plain.test"
            done = self.service.mailtrust("--yes", "account", "add", address, f"--{protocol}",
                                          f"imap.plain.test:{port[protocol]}/none")
            self.assertEqual(done.returncode, service.DENY, done.stdout + done.stderr)
            self.assertIn("tls.none", done.stdout + done.stderr)
            self.assertEqual(self.service.ask("account", "show", address)[1]["State"], "setup")
            self.service.mailtrust("--yes", "account", "remove", address)


class Servers(Case):
    def test_the_next_target_of_a_service_is_for_when_the_first_does_not_answer(self):
        answer = self.add("me@spare.test", "--yes")
        self.assertEqual(len(answer["servers"]), 1)
        self.assertEqual(self.endpoints("me@spare.test")["imap"]["port"], answer["servers"][0]["port"])

    def test_silence_does_not_choose_another_service(self):
        #
        self.add("me@lost.test", "--yes", code=service.UNREACHABLE)
        self.assertEqual(self.service.ask("srv", "show", "me@lost.test")[0], service.DENY)

    def test_a_server_that_is_not_good_enough_leaves_the_account_in_setup(self):
        answer = self.add("me@expired.test", "--yes", code=service.DENY)
        self.assertIn("cert.expired", answer["reasons"])
        self.assertEqual(self.service.ask("account", "show", "me@expired.test")[1]["State"], "setup")
        done = self.service.mailtrust("--yes", "account", "add", "you@expired.test")
        self.assertIn("account edit you@expired.test --imap", done.stderr)

    def test_a_certificate_for_the_service_of_the_domain_counts_where_srv_named_the_server(self):
        # D-ID-19, rows 1 and 6: the label is stored with the server
        answer = self.add("me@srvid.test", "--yes")
        port = answer["servers"][0]["port"]
        self.assertEqual(self.service.ask("check", "me@srvid.test", "imap")[0], service.ALLOW)
        self.service.mailtrust("account", "add", "you@srvid.test", "--imap", f"imap.srvid.test:{port}")
        status, answer = self.service.ask("check", "you@srvid.test", "imap")
        self.assertEqual((status, "cert.identity-mismatch" in answer["reasons"]), (service.DENY, True), answer)

    def test_an_account_there_is_is_not_added_again(self):
        self.service.mailtrust("account", "add", "twice@spare.test", "--imap", "imap.spare.test")
        self.add("twice@spare.test", "--yes", code=service.DENY)
        self.assertEqual(self.service.ask("account", "show", "twice@spare.test")[1]["State"], "setup")
