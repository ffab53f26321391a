# SPDX-License-Identifier: MIT
"""Where server settings come from beside SRV (RFC 8314 §5): real zones, real documents, a real service."""
import json
import signal
import unittest

from lab import mail, pki, place, resolver, service, zones

LAB = CAST = ZONES = PROXY = PORTS = None
ME = "me@example.test"


def setUpModule():
    global LAB, CAST, ZONES, PROXY, PORTS
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    CAST = pki.ServerPki(LAB.folder("pki"))
    good = CAST.issue("hosts", CAST.ca, names=["DNS:imap.example.test", "DNS:mail.provider.test"])
    PORTS = mail.Dovecot(LAB, "good", good).ports
    hosts = "imap IN A 127.0.0.1\nmail IN A 127.0.0.1\n"
    srv = f"_imaps._tcp IN SRV 0 0 {PORTS['imaps']} imap\n"
    ZONES = zones.Zones(LAB, {"example.test": ("unsigned", hosts + srv), "provider.test": ("unsigned", hosts),
                              "empty.test": ("unsigned", "www IN A 127.0.0.1\n")})
    PROXY = resolver.Resolver(LAB, ZONES.port)


def server(host, port=None, protocol="imap", transport="implicit"):
    return {"service": protocol, "host": host, "port": port or PORTS["imaps"], "transport": transport}


class Case(unittest.TestCase):
    """Each class has a service of its own, with the sources it names and a directory of presets."""
    SOURCES = "admin srv"

    @classmethod
    def setUpClass(cls):
        cls.presets = LAB.folder(f"presets-{cls.__name__.lower()}")
        cls.prepare()
        cls.service = service.Service(LAB, cls.__name__.lower(), anchors=CAST.root.pem, options=[
            *ZONES.options(PROXY), "--discovery", cls.SOURCES, "--presets-dir", cls.presets])

    @classmethod
    def prepare(cls):
        pass

    @classmethod
    def preset(cls, name, domains):
        (cls.presets / name).write_text(domains if isinstance(domains, str) else json.dumps({"domains": domains}))

    def setUp(self):
        PROXY.behave = lambda name, kind: None
        PROXY.queries.clear()

    def discover(self, address=ME, code=0):
        status, found = self.service.ask("discover", address)
        self.assertEqual(status, code, found)
        return found

    def brief(self, found):
        return [(c["source"], c["host"], c["trust"]) for c in found["candidates"]]

    def endpoint(self, address):
        return self.service.ask("account", "show", address)[1]["Endpoints"][0]


class Administrator(Case):
    @classmethod
    def prepare(cls):
        cls.preset("10-example.json", {"example.test": [server("mail.provider.test")],
                                       "empty.test": [server("imap.example.test")]})

    def test_a_preset_is_what_a_domain_without_srv_has(self):
        # R-5-02
        found = self.discover("a@empty.test")
        self.assertEqual(self.brief(found), [("admin", "imap.example.test", "admin")])
        done = self.service.mailtrust("discover", "a@empty.test")
        self.assertIn("your administrator", done.stdout)

    def test_it_comes_before_what_dns_says_and_both_are_shown(self):
        # D-DISC-01
        self.assertEqual(self.brief(self.discover()), [("admin", "mail.provider.test", "admin"),
                                                       ("srv", "imap.example.test", "in-domain")])
        self.assertEqual(self.discover()["detail"]["sources"], ["admin", "srv"])

    def test_an_account_is_set_up_from_it_without_a_question_about_the_name(self):
        # R-5-02
        status, answer = self.service.ask("--yes", "account", "add", ME)
        self.assertEqual((status, answer["state"]), (service.ALLOW, "active"), answer)
        shown = self.endpoint(ME)
        self.assertEqual((shown["discovery"], shown["host"], shown["saved"]), ("admin", "mail.provider.test", True))
        status, answer = self.service.ask("check", ME, "imap")
        self.assertEqual((status, answer["conf"]), (service.ALLOW, True), answer)
        self.assertEqual([r for r in answer["reasons"] if r.startswith(("srv.", "discovery."))], [])

    def test_a_server_that_several_name_is_the_better_ones(self):
        self.preset("20-both.json", {"provider.test": [server("mail.provider.test")]})
        self.service.process.child.send_signal(signal.SIGHUP)
        place.wait_until(lambda: self.service.ask("discover", "b@provider.test")[0] == 0, "the presets")
        self.service.mailtrust("account", "add", "b@provider.test", "--imap", "mail.provider.test")
        with self.service.connect() as connection:
            path = connection.call(None, service.ROOT_PATH, service.MANAGER, "FindAccount", "s",
                                   "b@provider.test").values()[0]

            def set_to(host):
                return connection.call(None, path, service.ACCOUNT, "SetDiscovered", "ssq", "_imaps", host,
                                       PORTS["imaps"]).error()
            self.assertEqual(set_to("evil.test"), "NotInThisState")  # whatever its caller says
            self.assertIsNone(set_to("mail.provider.test"))
        shown = [e["discovery"] for e in self.service.ask("account", "show", "b@provider.test")[1]["Endpoints"]]
        self.assertIn("admin", shown)

    def test_a_file_that_is_broken_is_named_and_a_domain_without_preset_waits(self):
        self.preset("99-broken.json", '{"domains": {"www.example.test": [{"speed": "implicit"}]}}')
        self.service.process.child.send_signal(signal.SIGHUP)
        place.wait_until(lambda: "99-broken.json" in self.service.log(), "the log")
        try:
            self.assertIn("speed", self.service.log())
            self.assertFalse(self.discover("a@empty.test")["detail"]["incomplete"])
            found = self.service.ask("discover", "a@www.example.test")[1]
            self.assertTrue(found["detail"]["incomplete"])
            self.assertEqual([(o["source"], o["why"]) for o in found["omissions"]], [("admin", "source-broken")])
            self.assertEqual(self.service.ask("--yes", "account", "add", "a@www.example.test")[0], 75)
        finally:
            (self.presets / "99-broken.json").unlink()
            self.service.process.child.send_signal(signal.SIGHUP)


class Nobody(Case):
    SOURCES = "none"

    @classmethod
    def prepare(cls):
        cls.preset("a.json", {"example.test": [server("imap.example.test")]})

    def test_with_every_source_off_nothing_is_found_and_nobody_asked(self):
        # R-5-02
        found = self.discover(code=service.CONFIRM)
        self.assertEqual((found["candidates"], found["omissions"], found["answers"]), ([], [], []))
        self.assertEqual(found["detail"]["sources"], [])
        self.assertEqual(PROXY.queries, [])

    def test_no_account_is_set_up_with_a_guess(self):
        # R-5-02
        self.assertEqual(self.service.mailtrust("--yes", "account", "add", ME).returncode, service.CONFIRM)
        self.assertEqual(self.service.ask("account", "list")[1]["accounts"], [])
        self.assertEqual(PROXY.queries, [])


class OnlyPresets(Case):
    SOURCES = "admin"

    @classmethod
    def prepare(cls):
        cls.preset("a.json", {"example.test": [server("imap.example.test")]})

    def test_dns_is_not_asked_for_servers(self):
        self.assertEqual(self.brief(self.discover()), [("admin", "imap.example.test", "admin")])
        self.assertEqual(PROXY.asked("SRV"), [])
