# SPDX-License-Identifier: MIT
"""A provider changes what DNS says, and the owner of an account is told: REQUIREMENTS 4.8, row by row.

Each row has a zone of its own, served by nsd before and after. Nothing of an account ever changes by it,
and the connection made right after goes to the saved server.
"""
import json
import os
import unittest

from lab import bus, clock, dbus, mail, pki, place, resolver, service, zones

LAB = ZONES = PROXY = SERVICE = CLOCK = CAST = HOST = WATCH = None
PORTS, PLAIN, MORTAL = {}, {}, []
MINUTE, HOUR = 60, 3600
# users every Debian has, with nothing running
USERS = {"alice": 1, "bob": 8}
# asked for at each look, and no others (D-SRV-01)
LABELS = ("_imaps", "_imap", "_pop3s", "_pop3", "_submissions", "_submission")

# row -> kind and records before, kind and records after; {port[…]} of the mail server
ROWS = {
    "s01": ("signed", "_imaps._tcp {ttl} IN SRV 0 1 {imaps} imap", "signed", "_imaps._tcp 77 IN SRV 0 1 {imaps} imap"),
    "s02": ("signed", "_imaps._tcp IN SRV 0 1 {imaps} imap", "signed", "_imaps._tcp IN SRV 7 9 {imaps} imap"),
    "s03": ("signed", "_imaps._tcp IN SRV 0 1 {imaps} imap", "signed",
            "_imaps._tcp IN SRV 0 1 {imaps} imap\n_imaps._tcp IN SRV 5 1 {imaps} two"),
    "s04": ("signed", "_imap._tcp IN SRV 0 1 {imap} imap", "signed",
            "_imap._tcp IN SRV 0 1 {imap} imap\n_imaps._tcp IN SRV 0 1 {imaps} imap"),
    "s05": ("signed", "", "signed", "_imaps._tcp IN SRV 0 1 {imaps} imap"),
    "s06": ("signed", "_imaps._tcp IN SRV 0 1 {imaps} imap", "signed", "_imaps._tcp IN SRV 0 1 {imaps} two"),
    "s07": ("unsigned", "_imaps._tcp IN SRV 0 1 {imaps} imap", "unsigned",
            "_imaps._tcp IN SRV 0 1 {imaps} imap.elsewhere.test."),
    "s08": ("signed", "_imaps._tcp IN SRV 0 1 {imaps} imap", "signed", "_imap._tcp IN SRV 0 1 {imap} imap"),
    "s09": ("signed", "_imaps._tcp IN SRV 0 1 {imaps} imap", "signed", "_imaps._tcp IN SRV 0 0 0 ."),
    "s10": ("signed", "_imaps._tcp IN SRV 0 1 {imaps} imap", "unsigned", "_imaps._tcp IN SRV 0 1 {imaps} imap"),
    "s11": ("unsigned", "_imaps._tcp IN SRV 0 1 {imaps} imap", "signed", "_imaps._tcp IN SRV 0 1 {imaps} imap"),
    "s12": ("signed", "_imaps._tcp IN SRV 0 1 {imaps} imap", "signed", "_imaps._tcp IN SRV 0 1 {imaps} imap"),
    "s13": ("signed", "_imaps._tcp IN SRV 0 1 {imaps} imap", "signed", "_imaps._tcp IN SRV 0 1 {imaps} imap"),
    "s14": ("signed", "_imaps._tcp IN SRV 0 1 {imaps} imap", "signed", ""),
    "d07": ("signed", "_imaps._tcp IN SRV 0 1 {imaps} imap", "signed", "_pop3s._tcp IN SRV 0 1 {pop3s} imap"),
    # for what is not a row
    "own": ("signed", "_imaps._tcp IN SRV 0 1 {imaps} imap", "signed", "_imaps._tcp IN SRV 0 1 {imaps} two"),
    "gone": ("signed", "", "signed", "_imaps._tcp IN SRV 0 1 {mortal} imap"),
    "two": ("signed", "_imaps._tcp IN SRV 0 1 {imaps} imap", "signed", "_imaps._tcp IN SRV 0 1 {imaps} two"),
    "off": ("signed", "", "signed", ""),
    "down": ("signed", "_imaps._tcp IN SRV 0 1 {imaps} imap", "signed", "_imaps._tcp IN SRV 0 1 {imaps} two"),
}
HOSTS = "imap IN A 127.0.0.1\ntwo IN A 127.0.0.1\n"


def zone(row, after=False):
    kind, records = ROWS[row][2:] if after else ROWS[row][:2]
    return kind, HOSTS + records.format(ttl=300, **PORTS) + "\n"


def setUpModule():
    global LAB, ZONES, PROXY, SERVICE, CLOCK, CAST, HOST, WATCH
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    CAST = pki.ServerPki(LAB.folder("pki"))
    HOST = CAST.issue("hosts", CAST.ca, names=[f"DNS:{host}.{row}.test" for row in ROWS for host in ("imap", "two")])
    PORTS.update(mail.Dovecot(LAB, "good", HOST).ports)
    MORTAL.append(mail.Dovecot(LAB, "mortal", HOST))
    PORTS["mortal"] = MORTAL[0].ports["imaps"]
    PLAIN.update(mail.Dovecot(LAB, "plain").ports)
    ZONES = zones.Zones(LAB, {f"{row}.test": zone(row) for row in ROWS} | {"elsewhere.test": ("unsigned", HOSTS)})
    PROXY = resolver.Resolver(LAB, ZONES.port)
    CLOCK = clock.Clock(LAB)
    SERVICE = service.Service(LAB, anchors=CAST.root.pem, options=ZONES.options(PROXY), env=CLOCK.env)


def ask(*args):
    return SERVICE.ask(*args, env=CLOCK.env)


def do(*args, code=0):
    done = SERVICE.mailtrust(*args, env=CLOCK.env)
    assert done.returncode == code, f"{args}: {done.returncode}: {done.stdout} {done.stderr}"
    return done


def forget():
    """What the worker itself remembers is gone, so that DNS is asked."""
    SERVICE.restart()


class Watcher:
    """`mailtrust watch`, and what it printed."""

    def __init__(self):
        self.process = LAB.start([place.executable("mailtrust"), "--json", "--socket", SERVICE.socket, "watch"],
                                 name=f"watch-{len(LAB.processes)}", env=CLOCK.env)
        self.n_seen = 0
        place.wait_until(self.catch_up, "watch")

    def catch_up(self):
        """It has printed all there was: another account comes and goes, which it prints behind it."""
        do("account", "add", "wake@wake.test", "--imap", "imap.wake.test")
        do("--yes", "account", "remove", "wake@wake.test")
        n = len(self.lines())
        self.n_seen, before = n, self.n_seen
        return n > before and self.lines()[-1]["signal"] == "InterfacesRemoved"

    def lines(self):
        return [json.loads(line) for line in self.process.output().splitlines()]

    def of(self, account):
        """(signal, arguments behind the account) of what was told about an account's provider."""
        names = ("ConfigChanged", "UpgradeAvailable", "SecurityAlert")
        return [(line["signal"], line["arguments"][1:]) for line in self.lines()
                if line.get("id") == account and line["signal"] in names]


class Case(unittest.TestCase):
    """One account in the zone of a row, in use."""

    maxDiff = None

    def setUp(self):
        CLOCK.set(0)  # a worker, which probes, has the machine's clock

    def start(self, row, *servers):
        """Sets the account up; without servers, from what DNS offers."""
        self.row, self.address = row, f"me@{row}.test"
        PROXY.behave = lambda name, kind: None
        if servers:
            do("account", "add", self.address, *servers)
            ask("discover", self.address)
            do("account", "commit", self.address)
        else:
            do("--yes", "account", "add", self.address)
        self.begin()

    def begin(self):
        self.id = ask("account", "show", self.address)[1]["Id"]
        self.before = do("account", "show", self.address, "--raw").stdout
        self.endpoints = ask("account", "show", self.address)[1]["Endpoints"]

    def change(self):
        """The provider changes its zone. Whoever watches is told from here on."""
        if ROWS[self.row][:2] != ROWS[self.row][2:]:
            ZONES.change(f"{self.row}.test", *zone(self.row, after=True))
        self.restart()
        PROXY.queries.clear()

    def restart(self):
        """DNS is asked again, and somebody watches."""
        forget()
        self.watcher = Watcher()
        self.addCleanup(self.watcher.process.end)

    def look(self, code):
        """srv check. Return: (row, class, reasons, pending), host."""
        status, found = ask("srv", "check", self.address)
        self.assertEqual(status, code, found)
        self.looked = found
        return (found["row"], found["class"], found["reasons"], found["pending"]), found.get("host")

    def told(self, n):
        """What was told, at least n of it; of what would have come before, nothing is missing."""
        place.wait_until(self.watcher.catch_up, "watch")
        place.wait_until(lambda: len(self.watcher.of(self.id)) >= n, f"{n} signals")
        return self.watcher.of(self.id)

    def asked(self):
        suffix = f"._tcp.{self.row}.test"
        return sorted(name.removesuffix(suffix) for name in PROXY.asked("SRV") if name.endswith(suffix))

    def assert_asked(self, looks):
        """So many looks asked for the six labels, each once at most: what signed data has proved absent the
        worker need not ask (RFC 8198)."""
        asked = self.asked()
        self.assertLessEqual(set(asked), set(LABELS))
        self.assertEqual(max(map(asked.count, asked), default=0), looks, asked)

    def assert_untouched(self, looks=1):
        """The stored record is the same byte for byte, each look asked once, and a connection uses the
        saved server."""
        self.assertEqual(do("account", "show", self.address, "--raw").stdout, self.before)
        self.assertEqual(ask("account", "show", self.address)[1]["Endpoints"], self.endpoints)
        self.assert_asked(looks)
        PROXY.behave = lambda name, kind: None
        status, answer = ask("check", self.address, "imap")
        self.assertEqual((status, answer["decision"]), (service.ALLOW, "allow"), answer)
        self.assertIn(f"MT_HOST={self.endpoints[0]['host']} ", [line for line in SERVICE.log().splitlines()
                                                             if "MT_EVENT=decision" in line][-1])
        self.assert_asked(looks)


class Rows(Case):
    def test_s01_the_same_with_another_ttl_is_no_change(self):
        self.start("s01")
        self.change()
        self.assertEqual(self.look(0), (("S-01", "none", [], False), None))
        self.assertEqual(self.told(0), [])
        self.assert_untouched()

    def test_s02_other_priorities_are_noted_and_not_told(self):
        self.start("s02")
        self.change()
        self.assertEqual(self.look(0), (("S-02", "none", [], False), None))
        self.assertIn("MT_ROW=2", SERVICE.log())
        self.assertEqual(self.told(0), [])
        self.assert_untouched()
        CLOCK.go(2 * MINUTE)
        self.assertEqual(self.look(0)[0][0], "S-01")  # the snapshot followed

    def test_s03_further_servers_are_told_once(self):
        self.start("s03")
        self.change()
        self.assertEqual(self.look(0), (("S-03", "same-level", ["srv.changed"], False), None))
        name, arguments = self.told(1)[0]
        self.assertEqual((name, arguments[:2]), ("ConfigChanged", ["same-level", ["srv.changed"]]))
        self.assert_untouched()
        CLOCK.go(2 * MINUTE)
        self.assertEqual(self.look(0)[0][0], "S-01")
        self.assertEqual(len(self.told(1)), 1)

    def test_s04_a_server_encrypted_from_the_start_is_offered_to_who_uses_starttls(self):
        self.start("s04", "--imap", f"imap.s04.test:{PORTS['imap']}/starttls")
        self.change()
        self.assertEqual(self.look(0)[0], ("S-04", "stronger", ["srv.changed", "srv.upgrade-available"], False))
        told = dict(self.told(2))
        self.assertEqual(told["ConfigChanged"][:2], ["stronger", ["srv.changed", "srv.upgrade-available"]])
        self.assertEqual(told["UpgradeAvailable"][:2], ["imap", "implicit"])
        self.assert_untouched()

    def test_s06_a_server_that_is_not_named_any_more_is_told_with_its_successor(self):
        self.start("s06")
        self.change()
        self.assertEqual(self.look(service.CONFIRM), (("S-06", "removed", ["srv.changed"], False), "two.s06.test"))
        name, arguments = self.told(1)[0]
        self.assertEqual((name, arguments[:2]), ("ConfigChanged", ["removed", ["srv.changed"]]))
        self.assertEqual(arguments[2]["host"], "two.s06.test")
        self.assert_untouched()
        CLOCK.go(2 * MINUTE)
        self.assertEqual(self.look(service.CONFIRM)[0][0], "S-06")  # the snapshot was kept,
        self.assertEqual(len(self.told(1)), 1)          # and it is told once

    def test_s07_a_server_outside_of_the_domain_is_told_when_two_looks_agree(self):
        self.start("s07")
        self.change()
        expected = ("S-07", "out-of-domain", ["srv.changed"])
        self.assertEqual(self.look(75), ((*expected, True), "imap.elsewhere.test"))
        CLOCK.go(9 * MINUTE)
        self.assertEqual(self.look(75)[0], (*expected, True))
        self.assertEqual(self.told(0), [])
        CLOCK.go(MINUTE + 1)
        self.restart()
        self.assertEqual(self.look(service.CONFIRM), ((*expected, False), "imap.elsewhere.test"))
        name, arguments = self.told(1)[0]
        self.assertEqual((name, arguments[:2]), ("ConfigChanged", ["out-of-domain", ["srv.changed"]]))
        self.assertEqual(do("account", "show", self.address, "--raw").stdout, self.before)
        self.assertEqual(PROXY.asked("A").count("imap.elsewhere.test"), 0)
        self.assertEqual(ask("check", self.address, "imap")[0], service.ALLOW)

    def test_s08_encrypted_servers_that_are_withdrawn_alarm(self):
        self.start("s08")
        self.change()
        self.assertEqual(self.look(service.DENY)[0], ("S-08", "weaker", ["srv.changed-weaker"], False))
        name, arguments = self.told(1)[0]
        self.assertEqual((name, arguments[0]), ("SecurityAlert", ["srv.changed-weaker"]))
        self.assert_untouched()

    def test_s09_a_service_that_is_not_offered_any_more_is_told(self):
        self.start("s09")
        self.change()
        self.assertEqual(self.look(service.CONFIRM)[0], ("S-09", "removed", ["srv.service-not-offered"], False))
        name, arguments = self.told(1)[0]
        self.assertEqual((name, arguments[:2]), ("ConfigChanged", ["removed", ["srv.service-not-offered"]]))
        self.assert_untouched()

    def test_s10_a_zone_that_is_not_signed_any_more_alarms(self):
        self.start("s10")
        self.change()
        expected = ("S-10", "weaker", ["srv.changed-weaker"])
        self.assertEqual(self.look(75)[0], (*expected, True))
        CLOCK.go(11 * MINUTE)
        self.restart()
        self.assertEqual(self.look(service.DENY)[0], (*expected, False))
        name, arguments = self.told(1)[0]
        self.assertEqual((name, arguments[0]), ("SecurityAlert", ["srv.changed-weaker"]))
        self.assert_untouched(looks=2)

    def test_s11_a_zone_that_is_signed_now_is_noted(self):
        self.start("s11")
        self.change()
        self.assertEqual(self.look(0)[0], ("S-11", "none", ["srv.dnssec-secure"], False))
        self.assertIn("MT_ROW=11", SERVICE.log())
        self.assertEqual(self.told(0), [])
        self.assert_untouched()
        CLOCK.go(2 * MINUTE)
        self.assertEqual(self.look(0)[0][0], "S-01")

    def test_s12_forged_data_alarms_once_a_day(self):
        self.start("s12")
        self.change()
        PROXY.behave = lambda name, kind: "strip" if kind == "SRV" else None
        for wait, alarms in ((0, 1), (12 * HOUR, 0), (11 * HOUR, 0), (2 * HOUR, 1)):
            CLOCK.go(wait)
            self.restart()
            self.assertEqual(self.look(service.DENY)[0], ("S-12", "weaker", ["srv.bogus"], False))
            self.assertEqual([name for name, _ in self.told(alarms)], ["SecurityAlert"] * alarms)
        self.assertEqual(self.told(1)[0][1][0], ["srv.bogus"])
        self.assertEqual(do("account", "show", self.address, "--raw").stdout, self.before)
        self.assertEqual(ask("check", self.address, "imap")[0], service.ALLOW)

    def test_s13_a_resolver_that_fails_is_noted_and_not_told(self):
        self.start("s13")
        self.change()
        PROXY.behave = lambda name, kind: "servfail" if kind == "SRV" else None
        self.assertEqual(self.look(75)[0], ("S-13", "none", [], False))
        self.assertIn("MT_ROW=13", SERVICE.log())
        self.assertEqual(self.told(0), [])
        self.assertEqual(do("account", "show", self.address, "--raw").stdout, self.before)
        PROXY.behave = lambda name, kind: None
        self.assertEqual(ask("check", self.address, "imap")[0], service.ALLOW)
        CLOCK.go(2 * MINUTE)
        forget()
        self.assertEqual(self.look(0)[0][0], "S-01")

    def test_s14_absence_is_told_after_three_looks_over_a_day(self):
        self.start("s14")
        self.change()
        for wait in (0, 11 * MINUTE, 12 * HOUR):
            CLOCK.go(wait)
            self.assertEqual(self.look(75)[0], ("S-14", "removed", ["srv.changed"], True))
        self.assertEqual(self.told(0), [])
        CLOCK.go(12 * HOUR)
        self.assertEqual(self.look(service.CONFIRM)[0], ("S-14", "removed", ["srv.changed"], False))
        name, arguments = self.told(1)[0]
        self.assertEqual((name, arguments[:2]), ("ConfigChanged", ["removed", ["srv.changed"]]))
        self.assertEqual(do("account", "show", self.address, "--raw").stdout, self.before)
        self.assertEqual(ask("check", self.address, "imap")[0], service.ALLOW)

    def test_an_account_that_reads_by_imap_is_not_moved_to_pop3(self):
        # D-SRV-07
        self.start("d07")
        self.change()
        self.assertEqual(self.look(service.CONFIRM), (("S-06", "removed", ["srv.changed"], False), None))
        name, arguments = self.told(1)[0]
        self.assertEqual((name, arguments[:2]), ("ConfigChanged", ["removed", ["srv.changed"]]))
        self.assertEqual([e["protocol"] for e in ask("account", "show", self.address)[1]["Endpoints"]], ["imap"])
        self.assert_untouched()


class Offers(Case):
    """An account that need not be encrypted, and is not."""

    def start_off(self, row, port):
        self.row, self.address = row, f"me@{row}.test"
        PROXY.behave = lambda name, kind: None
        with SERVICE.connect() as bus:
            def call(path, member, *args, interface=service.ACCOUNT):
                reply = bus.call(None, path, interface, member, *args)
                self.assertIsNone(reply.error(), member)
                return reply.values()
            path = call(service.ROOT_PATH, "AddAccount", "sa{sv}", self.address, {}, interface=service.MANAGER)[0]
            call(path, "RecordConsent", "sa{sv}", "reduced-confidentiality", {"text_version": ("u", service.TEXT_VERSION)})
            call(path, "SetMinimum", "a{ss}", {"min_conf": "off"})
            call(path, "SetEndpoint", "sssq", "imap", "none", f"imap.{row}.test", port)
            call(path, "Probe", "s", "imap")
            ask("discover", self.address)
            call(path, "Commit")
        self.begin()

    def test_s05_encryption_that_appears_is_offered_and_accepted(self):
        # S-05, R-5-14, R-5.1-16
        self.start_off("s05", PLAIN["imap"])
        self.change()
        found = self.look(0)
        self.assertEqual(found, (("S-05", "stronger", ["srv.upgrade-available"], False), "imap.s05.test"))
        told = dict(self.told(2))
        self.assertEqual(told["ConfigChanged"][:2], ["stronger", ["srv.upgrade-available"]])
        self.assertEqual(told["UpgradeAvailable"][:2], ["imap", "implicit"])
        self.assertEqual(told["UpgradeAvailable"][2]["host"], "imap.s05.test")
        # nothing has changed by itself
        self.assertEqual(do("account", "show", self.address, "--raw").stdout, self.before)
        self.assert_asked(1)
        self.assertEqual(ask("check", self.address, "imap")[1]["conf"], False)
        self.assertIn("account accept", do("account", "show", self.address).stdout)
        # until the owner says so
        status, answer = ask("account", "accept", self.address)
        self.assertEqual((status, answer["accepted"], answer["required"]), (0, "imap-implicit", True), answer)
        shown = ask("account", "show", self.address)[1]
        self.assertEqual([(e["host"], e["port"], e["transport"], e["saved"]) for e in shown["Endpoints"]],
                         [("imap.s05.test", PORTS["imaps"], "implicit", True)])
        self.assertEqual((shown["Minimum"]["min_conf"], shown["Offers"]), ("on", []))
        self.assertEqual(ask("check", self.address, "imap")[1]["conf"], True)
        do("account", "accept", self.address, code=service.USAGE)

    def test_a_server_that_is_gone_when_it_is_accepted_changes_nothing(self):
        self.start_off("gone", PLAIN["imap"])
        self.change()
        self.assertEqual(self.look(0)[0][0], "S-05")
        self.told(2)
        MORTAL[0].process.end()
        do("account", "accept", self.address, "imap", code=service.UNREACHABLE)
        self.assertEqual(do("account", "show", self.address, "--raw").stdout, self.before)
        self.assertEqual([o["offer"] for o in ask("account", "show", self.address)[1]["Offers"]], ["imap-implicit"])

    def test_a_server_that_begins_to_offer_starttls_is_noticed_and_declined(self):
        # R-5-14: no record says so
        self.start_off("off", PORTS["imap"])
        self.change()
        self.assertEqual(self.look(0)[0][0], "S-01")
        name, arguments = self.told(1)[0]
        self.assertEqual((name, arguments[:2]), ("UpgradeAvailable", ["imap", "starttls"]))
        self.assertEqual(do("account", "show", self.address, "--raw").stdout, self.before)
        do("account", "decline", self.address, "imap")
        self.assertEqual(ask("account", "show", self.address)[1]["Offers"], [])
        self.assertEqual(ask("account", "show", self.address)[1]["Endpoints"], self.endpoints)
        do("account", "decline", self.address, "imap", code=service.USAGE)


class Looks(Case):
    def test_a_look_is_forced_once_a_minute_and_says_what_to_do(self):
        # R-5.1-14
        self.start("own")
        self.change()
        done = do("srv", "check", self.address, code=service.CONFIRM)
        for text in ("not named any more", "class removed", "S-06", "two.own.test", "srv.changed", "account edit"):
            self.assertIn(text, done.stdout)
        again = do("srv", "check", self.address, code=75)
        self.assertIn("within the last minute", again.stderr)
        self.assertIn("not named any more", do("account", "show", self.address).stdout)
        self.assert_asked(1)
        self.assertEqual(SERVICE.mailtrust("srv", "check", "nobody@own.test").returncode, service.DENY)
        self.assertEqual(SERVICE.mailtrust("srv", "check").returncode, service.USAGE)

    def test_a_connection_that_fails_causes_one_look_an_hour(self):
        # D-SRV-06
        server = mail.Dovecot(LAB, "down", HOST)
        self.start("down", "--imap", f"imap.down.test:{server.ports['imaps']}")
        self.change()
        self.assertEqual(ask("check", self.address, "imap")[0], service.ALLOW)
        self.assertEqual(self.asked(), [])
        server.process.end()
        for _ in range(3):
            self.assertEqual(ask("check", self.address, "imap")[0], service.UNREACHABLE)
        done = SERVICE.mailtrust("connect", self.address, "imap", env=CLOCK.env)
        self.assertEqual(done.returncode, service.UNREACHABLE, done.stderr)
        place.wait_until(lambda: "_imaps" in self.asked(), "a look")
        self.assert_asked(1)
        self.assertEqual(do("account", "show", self.address, "--raw").stdout, self.before)
        CLOCK.go(HOUR)
        forget()
        self.assertEqual(ask("check", self.address, "imap")[0], service.UNREACHABLE)
        place.wait_until(lambda: self.asked().count("_imaps") == 2, "another look")
        self.assert_asked(2)

    def test_a_person_reads_signals_line_by_line(self):
        watch = LAB.start([place.executable("mailtrust"), "--socket", SERVICE.socket, "watch"], name="watch-people",
                          env=CLOCK.env)

        def was_told():
            do("account", "add", "line@wake.test", "--imap", "imap.wake.test")
            do("--yes", "account", "remove", "line@wake.test")
            return "AccountStateChanged" in watch.output()
        place.wait_until(was_told, "a line")
        self.assertRegex(watch.output().splitlines()[0], r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  \w+  ")


@unittest.skipUnless(os.geteuid() == 0, "being two users needs root")
class TwoUsers(unittest.TestCase):
    """Two users of one machine with accounts in one domain: neither learns of the other's (D-SYS-02)."""

    def setUp(self):
        CLOCK.set(0)
        PROXY.behave = lambda name, kind: None
        message_bus = bus.MessageBus(LAB)
        self.service = service.Service(LAB, "shared", anchors=CAST.root.pem, bus=message_bus.address,
                                       options=ZONES.options(PROXY), env=CLOCK.env)
        message_bus.await_name(service.NAME)
        self.users = {name: dbus.Connection(message_bus.path, uid, is_bus=True) for name, uid in USERS.items()}
        for user in self.users.values():
            self.addCleanup(user.socket.close)
        self.addCleanup(self.service.process.end)

    def call(self, name, path, interface, member, *args):
        reply = self.users[name].call(service.NAME, path, interface, member, *args)
        self.assertIsNone(reply.error(), member)
        return reply.values()

    def set_up(self, name):
        path = self.call(name, service.ROOT_PATH, service.MANAGER, "AddAccount", "sa{sv}", f"{name}@two.test", {})[0]
        self.call(name, path, service.ACCOUNT, "SetEndpoint", "sssq", "imap", "implicit", "imap.two.test", PORTS["imaps"])
        self.call(name, path, service.ACCOUNT, "Probe", "s", "imap")
        self.call(name, service.ROOT_PATH, service.MANAGER, "Discover", "sa{sv}", f"{name}@two.test", {})
        self.call(name, path, service.ACCOUNT, "Commit")
        self.call(name, service.ROOT_PATH, service.MANAGER, "Subscribe")
        return path

    def told(self, name):
        """What a user was told so far: the reply to a call comes behind it."""
        self.call(name, service.ROOT_PATH, service.MANAGER, "Levels")
        signals = [(m.fields[dbus.MEMBER], m.values()[0]) for m in self.users[name].signals
                   if m.fields.get(dbus.INTERFACE) == service.MANAGER]
        return [s for s in signals if s[0] in ("ConfigChanged", "UpgradeAvailable", "SecurityAlert")]

    def test_what_one_owner_is_told_the_other_is_not(self):
        paths = {name: self.set_up(name) for name in USERS}
        ZONES.change("two.test", *zone("two", after=True))
        self.service.restart()
        for name in USERS:
            self.call(name, service.ROOT_PATH, service.MANAGER, "Subscribe")
        change, reasons, _ = self.call("alice", paths["alice"], service.ACCOUNT, "CheckServers")
        self.assertEqual((change, reasons), ("removed", ["srv.changed"]))
        self.assertEqual(self.told("alice"), [("ConfigChanged", paths["alice"])])
        self.assertEqual(self.told("bob"), [])
        seen = self.call("bob", paths["bob"], service.PROPERTIES, "Get", "ss", service.ACCOUNT, "Change")[0]
        self.assertEqual(seen, {})


if __name__ == "__main__":
    unittest.main()
