# SPDX-License-Identifier: MIT
"""Where server settings come from beside SRV (RFC 8314 §5): real zones, real documents, a real service."""
import datetime
import json
import os
import signal
import time
import unittest

from lab import bus, mail, pki, place, resolver, service, settings, zones

LAB = CAST = ZONES = PROXY = PORTS = None
ME = "me@example.test"


def setUpModule():
    global LAB, CAST, ZONES, PROXY, PORTS
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    CAST = pki.ServerPki(LAB.folder("pki"))
    good = CAST.issue("hosts", CAST.ca, names=["DNS:mail.provider.test"] + [
        f"DNS:imap.{name}.test" for name in ("example", "good", "known", "clear")])
    PORTS = mail.Dovecot(LAB, "good", good).ports
    hosts = "imap IN A 127.0.0.1\nmail IN A 127.0.0.1\n"
    srv = f"_imaps._tcp IN SRV 0 0 {PORTS['imaps']} imap\n"
    ZONES = zones.Zones(LAB, {"example.test": ("unsigned", hosts + srv), "provider.test": ("unsigned", hosts),
                              "empty.test": ("unsigned", "www IN A 127.0.0.1\n")})
    PROXY = resolver.Resolver(LAB, ZONES.port)


def server(host, port=None, protocol="imap", transport="implicit"):
    return {"service": protocol, "host": host, "port": port or PORTS["imaps"], "transport": transport}


def issue(name, life=None):
    """A certificate of one host, or of one that was valid for so long."""
    return CAST.issue(f"{name}-{time.monotonic_ns()}", CAST.ca, names=[f"DNS:{name}"], life=life)


def an_hour_late():
    now = datetime.datetime.now(datetime.timezone.utc)
    return (now - datetime.timedelta(days=30), now - datetime.timedelta(hours=1))


class Case(unittest.TestCase):
    """Each class has a service of its own, with the sources it names and a directory of presets."""
    SOURCES = "admin srv"

    @classmethod
    def setUpClass(cls):
        cls.presets = LAB.folder(f"presets-{cls.__name__.lower()}")
        cls.prepare()
        cls.service = service.Service(LAB, cls.__name__.lower(), anchors=CAST.root.pem, options=[
            *cls.options(), "--discovery", cls.SOURCES, "--presets-dir", cls.presets])

    @classmethod
    def options(cls):
        return ZONES.options(PROXY)

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


class Words(unittest.TestCase):
    def test_what_is_unfinished_is_called_experimental_and_off_by_default(self):
        # D-DISC-09
        done = LAB.run([place.executable("mailtrustd"), "--help"])
        option = done.stdout.split("--discovery ")[1].split("--")[0]
        self.assertRegex(option, r"pacc and autoconfig \(both experimental\)")
        self.assertIn("(default: admin srv)", option)
        said = LAB.run([place.executable("mailtrust"), "help", "discover"]).stdout
        self.assertRegex(" ".join(said.split()), "both experimental, documents that the domain publishes by PACC")
        for page in ("README.md", "daemon/system/mailtrustd.8.in"):
            text = (place.ROOT / page).read_text()
            for name in ("pacc", "autoconfig"):
                self.assertRegex(text, rf"(?s)[Ee]xperimental.*draft-ietf-mailmaint-{name}")


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


@unittest.skipUnless(mail.IS_ROOT, "being the system's service needs root")
class SystemMode(unittest.TestCase):
    def test_only_what_is_roots_alone_presets_everybodys_servers(self):
        # R-5-02: as the configuration file (DESIGN, Commands)
        presets = LAB.folder("presets-system")
        for name, mode, owner in (("mine", 0o644, 0), ("shared", 0o664, 0), ("theirs", 0o644, 1)):
            path = presets / f"{name}.json"
            path.write_text(json.dumps({"domains": {f"{name}.test": [server(f"imap.{name}.test")]}}))
            path.chmod(mode)
            os.chown(path, owner, owner)
        presets.chmod(0o755)
        one = service.SystemService(LAB, "systems", bus.MessageBus(LAB), anchors=CAST.root.pem, options=[
            *ZONES.options(PROXY), "--discovery", "admin", "--presets-dir", presets])
        self.assertEqual([(c["source"], c["host"]) for c in one.ask("discover", "a@mine.test")[1]["candidates"]],
                         [("admin", "imap.mine.test")])
        for name, why in (("shared", "writable by root only"), ("theirs", "belong to root")):
            status, found = one.ask("discover", f"a@{name}.test")
            self.assertEqual((status, found["candidates"]), (75, []))
            self.assertRegex(one.log(), rf"{name}.json is not used: it must.*{why}")


class OnlyPresets(Case):
    SOURCES = "admin"

    @classmethod
    def prepare(cls):
        cls.preset("a.json", {"example.test": [server("imap.example.test")]})

    def test_dns_is_not_asked_for_servers(self):
        self.assertEqual(self.brief(self.discover()), [("admin", "imap.example.test", "admin")])
        self.assertEqual(PROXY.asked("SRV"), [])


@unittest.skipUnless(mail.IS_ROOT, "documents are asked for at ports 443 and 80")
class Documents(Case):
    """Sites are made by each class; zones name them, so that each has name servers of its own."""

    @classmethod
    def setUpClass(cls):
        cls.web = {}
        cls.names = zones.Zones(LAB, cls.domains())
        cls.proxy = resolver.Resolver(LAB, cls.names.port)
        super().setUpClass()

    @classmethod
    def options(cls):
        return [*cls.names.options(cls.proxy), "--fetch-local"]

    @classmethod
    def site(cls, name, **options):
        """A site of hosts that the good certificate, or that of options, names. Return: its A record's data."""
        cls.web[name] = settings.Site(LAB, **options)
        return cls.web[name].address

    @classmethod
    def pacc(cls, name, document=None, digest=None, certificate=None, page=None, imap="127.0.0.1"):
        """Records of a domain that publishes by PACC."""
        document = document or settings.pacc(imap=f"imap.{name}")
        at = cls.site(name, certificate=certificate or issue(f"ua-auto-config.{name}"),
                      pages={settings.PACC_PATH: document if page is None else page})
        return (f"ua-auto-config IN A {at}\n_ua-auto-config IN TXT {digest or settings.digest(document)}\n"
                f"imap IN A {imap}\n")

    @classmethod
    def autoconfig(cls, name, pages, host="autoconfig", certificate=None):
        """Records of a domain with an autoconfig site."""
        full = f"{host}.{name}" if host else name
        at = cls.site(full, certificate=certificate or issue(full), pages=pages)
        return f"{host or '@'} IN A {at}\nimap IN A 127.0.0.1\n"

    def setUp(self):
        self.proxy.behave = lambda name, kind: None
        self.proxy.queries.clear()
        for site in self.web.values():
            site.asked.clear()

    def why(self, found):
        return [(o["source"], o["why"]) for o in found["omissions"]]

    def set_up(self, address, protocol="_imaps", host=None, port=None):
        """An account whose server is what was discovered for it. Return: (its path's call, the error)."""
        connection = self.enterContext(self.service.connect())
        path = connection.call(None, service.ROOT_PATH, service.MANAGER, "AddAccount", "sa{sv}", address,
                               {}).values()[0]

        def call(method, *args):
            return connection.call(None, path, service.ACCOUNT, method, *args)
        self.service.ask("discover", address)
        return call, call("SetDiscovered", "ssq", protocol, host, port).error()

    def check(self, call, host, port, op="capability"):
        evidence = service.evidence(CAST.good, host=("s", host), port=("q", port))
        decision, _, reasons = call("Check", "sa{sv}a{sv}", op, evidence, {}).values()[:3]
        return decision, [r for r in reasons if r != "evidence.asserted-only"]


class Pacc(Documents):
    SOURCES = "pacc"

    @classmethod
    def domains(cls):
        cls.door = settings.Door(LAB, 993, PORTS["imaps"])
        outside = settings.pacc(imap="mail.provider.test")
        late = issue("ua-auto-config.late.test", an_hour_late())
        twice = settings.digest(settings.pacc(imap="old.changing.test"))
        long = settings.pacc(imap="m" * 63 + ".provider.test")
        return {
            "long.test": ("unsigned", cls.pacc("long.test", long)),
            "good.test": ("unsigned", cls.pacc("good.test", imap=cls.door.address)),
            "changing.test": ("unsigned", cls.pacc("changing.test") + f"_ua-auto-config IN TXT {twice}\n"),
            "outside.test": ("unsigned", cls.pacc("outside.test", outside)),
            "abroad.test": ("signed", cls.pacc("abroad.test", outside)),
            "mismatch.test": ("unsigned", cls.pacc("mismatch.test", digest=settings.digest(b"another"))),
            "bare.test": ("unsigned", cls.pacc("bare.test", digest='"v=spf1 -all"')),
            "wrong.test": ("unsigned", cls.pacc("wrong.test", certificate=issue("other.test"))),
            "self.test": ("unsigned", cls.pacc("self.test", certificate=CAST.self_signed)),
            "late.test": ("unsigned", cls.pacc("late.test", certificate=late)),
            "html.test": ("unsigned", cls.pacc("html.test", b"<html></html>")),
            "hangs.test": ("unsigned", cls.pacc("hangs.test")),
            "endless.test": ("unsigned", cls.pacc("endless.test", page=(settings.endless,))),
            "moved.test": ("unsigned", cls.pacc("moved.test", page=settings.redirect("https://ua-auto-config.good.test"
                                                                                   + settings.PACC_PATH))),
            "none.test": ("unsigned", "www IN A 127.0.0.1\n"),
        }

    @classmethod
    def prepare(cls):
        cls.web["hangs.test"].pages[settings.PACC_PATH] = None

    def test_a_document_that_dns_vouches_for_names_the_servers(self):
        # D-DISC-07
        found = self.discover("a@good.test")
        self.assertEqual(self.brief(found), [("pacc", "imap.good.test", "https")])
        self.assertEqual((found["candidates"][0]["label"], found["candidates"][0]["port"]), ("_imaps", 993))
        self.assertEqual(found["detail"]["pacc-digest"], "insecure")
        self.assertIn("PACC over HTTPS", self.service.mailtrust("discover", "a@good.test").stdout)

    def test_one_of_several_digests_is_enough(self):
        self.assertEqual(self.brief(self.discover("a@changing.test")), [("pacc", "imap.changing.test", "https")])

    def test_another_digest_rejects_the_source(self):
        # D-DISC-07
        for name in ("mismatch.test", "bare.test"):
            with self.subTest(domain=name):
                found = self.discover(f"a@{name}", service.CONFIRM)
                self.assertEqual((found["candidates"], self.why(found)), ([], [("pacc", "source-digest-mismatch")]))

    def test_a_certificate_that_is_not_valid_drops_the_source(self):
        # D-DISC-06: nor one that expired an hour ago
        for name in ("wrong.test", "self.test", "late.test"):
            with self.subTest(domain=name):
                found = self.discover(f"a@{name}", 75)
                self.assertEqual((found["candidates"], self.why(found)), ([], [("pacc", "source-untrusted")]))
                self.assertEqual(self.service.mailtrust("--yes", "account", "add", f"a@{name}").returncode, 75)

    def test_what_is_no_document_is_left_out(self):
        self.assertEqual(self.why(self.discover("a@html.test", service.CONFIRM)), [("pacc", "source-malformed")])

    def test_it_is_not_followed_out_of_the_domain(self):
        found = self.discover("a@moved.test", 75)
        self.assertEqual(self.why(found), [("pacc", "source-elsewhere")])
        self.assertEqual(self.web["good.test"].asked, [])

    def test_a_site_that_hangs_or_never_ends_costs_four_seconds(self):
        for name in ("hangs.test", "endless.test"):
            with self.subTest(domain=name):
                began = time.monotonic()
                found = self.discover(f"a@{name}", 75)
                self.assertLess(time.monotonic() - began, 5)
                self.assertEqual(self.why(found), [("pacc", "source-silent")])

    def test_a_domain_without_one_is_no_failure(self):
        found = self.discover("a@none.test", service.CONFIRM)
        self.assertEqual((found["candidates"], found["omissions"], found["detail"]["incomplete"]), ([], [], False))

    def test_dns_that_keeps_the_digest_back_makes_the_answer_incomplete(self):
        self.proxy.behave = lambda name, kind: "servfail" if kind == "TXT" or kind == "16" else None
        self.assertTrue(self.discover("a@x.good.test", 75)["detail"]["incomplete"])

    def test_nothing_of_the_address_but_its_domain_is_sent(self):
        self.discover("canary@good.test")
        self.assertEqual(self.web["good.test"].asked, [settings.PACC_PATH])
        self.assertNotIn(b"canary", self.web["good.test"].requests())
        self.assertNotIn(b"ookie", self.web["good.test"].requests())

    def test_an_account_is_set_up_from_it(self):
        status, answer = self.service.ask("--yes", "account", "add", "me@good.test")
        self.assertEqual((status, answer["state"]), (service.ALLOW, "active"), answer)
        self.assertEqual([(s["source"], s["trust"]) for s in answer["servers"]], [("pacc", "https")])
        self.assertEqual(self.endpoint("me@good.test")["discovery"], "pacc")
        self.assertEqual(self.service.ask("check", "me@good.test", "imap")[0], service.ALLOW)

    def test_a_server_outside_of_the_domain_is_confirmed_as_of_srv(self):
        # D-DISC-02, R-5.1-12
        self.assertEqual(self.brief(self.discover("a@outside.test")), [("pacc", "mail.provider.test", "unconfirmed")])
        status, answer = self.service.ask("--yes", "account", "add", "a@outside.test")
        self.assertEqual((status, answer["reasons"]), (service.CONFIRM, ["srv.target-out-of-domain"]))
        self.assertEqual([q for q in self.proxy.asked("A", "AAAA") if q.startswith("mail.")], [])

    def test_a_server_to_be_confirmed_is_shown_whole(self):
        # D-DISC-05
        for args in (("discover", "a@long.test"), ("--yes", "account", "add", "a@long.test")):
            done = self.service.mailtrust(*args)
            self.assertIn("m" * 63 + ".provider.test", done.stdout)

    def test_a_signed_digest_signs_the_document(self):
        found = self.discover("a@abroad.test")
        self.assertEqual(self.brief(found), [("pacc", "mail.provider.test", "dnssec")])
        self.assertEqual(found["detail"]["pacc-digest"], "secure")

    def test_a_worker_that_dies_meanwhile_is_a_silence_and_nothing_worse(self):
        with self.service.connect() as connection:
            connection.send(None, service.ROOT_PATH, service.MANAGER, "Discover", "sa{sv}", "a@hangs.test", {})
            place.wait_until(lambda: self.web["hangs.test"].asked, "the question")
            for pid in self.service.workers():
                os.kill(pid, signal.SIGKILL)
            found, omissions, _, detail = connection.receive().values()
        self.assertEqual((found, [o["why"] for o in omissions], detail["incomplete"]), ([], ["source-silent"], True))
        place.wait_until(lambda: self.service.ask("discover", "a@good.test")[0] == 0, "the next worker")

    def test_who_hangs_up_is_waited_for_by_nobody(self):
        with self.service.connect() as connection:
            connection.send(None, service.ROOT_PATH, service.MANAGER, "Discover", "sa{sv}", "a@hangs.test", {})
            place.wait_until(lambda: self.web["hangs.test"].asked, "the question")
        threads = self.web["hangs.test"].server.threads
        place.wait_until(lambda: not any(t.is_alive() for t in threads), "the end of the connection", 3)


class Autoconfig(Documents):
    SOURCES = "autoconfig"

    @classmethod
    def domains(cls):
        imap, at = PORTS["imap"], settings.AUTOCONFIG_PATH

        def own(name, how="SSL", port=None, host=None):
            return settings.autoconfig(("imap", host or f"imap.{name}", port or PORTS["imaps"], how))
        clear = cls.site("clear.test", pages={at: own("clear.test")})
        return {
            "good.test": ("unsigned", cls.autoconfig("good.test", {at: settings.autoconfig(
                ("pop3", "pop.good.test", 995, "SSL"), ("imap", "imap.%EMAILDOMAIN%", imap, "STARTTLS"))})),
            "known.test": ("unsigned", cls.autoconfig("known.test", {settings.WELL_KNOWN_PATH: own("known.test")}, "")),
            "plain.test": ("unsigned", cls.autoconfig("plain.test", {at: settings.autoconfig(
                ("imap", "imap.plain.test", 143, "plain"), ("imap", "imap.plain.test", imap, "STARTTLS"))})),
            "bare.test": ("unsigned", cls.autoconfig("bare.test", {at: own("bare.test", "plain", 143)})),
            "wrong.test": ("unsigned", cls.autoconfig("wrong.test", {at: own("wrong.test")},
                                                      certificate=issue("other.test"))),
            "clear.test": ("unsigned", f"autoconfig IN A {clear}\nimap IN A 127.0.0.1\n"),
            "bomb.test": ("unsigned", cls.autoconfig("bomb.test", {at: b'<!DOCTYPE clientConfig [<!ENTITY a "aaaa">'
                                                                       b"]><clientConfig>&a;</clientConfig>"})),
            "down.test": ("unsigned", cls.autoconfig("down.test", {at: settings.redirect(
                "http://autoconfig.clear.test" + at)})),
            "away.test": ("unsigned", cls.autoconfig("away.test", {at: settings.redirect(
                "https://autoconfig.good.test" + at)})),
            "round.test": ("unsigned", cls.autoconfig("round.test", {at: settings.redirect(
                "https://autoconfig.round.test" + at)})),
            "moved.test": ("unsigned", cls.autoconfig("moved.test", {at: settings.redirect(
                "https://new.moved.test/x")}) + cls.autoconfig("moved.test", {"/x": own("moved.test")}, "new")
                .replace("imap IN A 127.0.0.1\n", "")),
            "forged.test": ("unsigned", cls.autoconfig("forged.test", {at: settings.redirect(
                "https://new.forged.test/x")}) + cls.autoconfig("forged.test", {"/x": own("forged.test")}, "new",
                                                                issue("other.test"))
                .replace("imap IN A 127.0.0.1\n", "")),
            "hangs.test": ("unsigned", cls.autoconfig("hangs.test", {at: None})),
            "cut.test": ("unsigned", cls.autoconfig("cut.test", {at: (b"HTTP/1.1 200 OK\r\n\r\n"
                                                                      + own("cut.test"),)})),
            "none.test": ("unsigned", "www IN A 127.0.0.1\n"),
        }

    def test_a_document_over_https_names_servers_in_its_order(self):
        # D-DISC-03
        found = self.discover("a@good.test")
        self.assertEqual([(c["label"], c["host"], c["trust"]) for c in found["candidates"]],
                         [("_pop3s", "pop.good.test", "https"), ("_imap", "imap.good.test", "https")])
        self.assertNotIn(b"a@", self.web["autoconfig.good.test"].requests())
        self.assertEqual(self.web["autoconfig.good.test"].asked, [settings.AUTOCONFIG_PATH])

    def test_the_well_known_place_is_asked_as_well(self):
        self.assertEqual(self.brief(self.discover("a@known.test")), [("autoconfig", "imap.known.test", "https")])

    def test_plain_is_a_candidate_below_the_minimum(self):
        # D-DISC-03
        found = self.discover("a@plain.test")
        self.assertEqual([c["transport"] for c in found["candidates"]], ["starttls"])
        self.assertEqual([(o["why"], o["host"], o["port"]) for o in found["omissions"]],
                         [("srv.candidate-below-minimum", "imap.plain.test", 143)])

    def test_nothing_but_plain_sets_nobody_up(self):
        # R-5.1-06
        found = self.discover("a@bare.test", service.CONFIRM)
        self.assertEqual((found["candidates"], found["detail"]["no-tls"]), ([], True))
        self.assertEqual(self.service.mailtrust("--yes", "account", "add", "a@bare.test").returncode, service.CONFIRM)

    def test_in_clear_nobody_is_asked_by_default(self):
        # D-DISC-02
        self.assertEqual(self.discover("a@clear.test", service.CONFIRM)["candidates"], [])
        self.assertEqual(self.web["clear.test"].asked, [])

    def test_bad_sites_are_left_out_each_with_its_reason(self):
        for name, why in (("wrong", "untrusted"), ("bomb", "malformed"), ("down", "elsewhere"), ("away", "elsewhere"),
                          ("round", "elsewhere"), ("forged", "untrusted"), ("hangs", "silent"), ("cut", "silent")):
            with self.subTest(domain=name):
                began = time.monotonic()
                found = self.discover(f"a@{name}.test", service.CONFIRM)
                self.assertEqual((found["candidates"], self.why(found)), ([], [("autoconfig", f"source-{why}")]))
                self.assertLess(time.monotonic() - began, 5)
        self.assertEqual((self.web["clear.test"].asked, self.web["autoconfig.good.test"].asked), ([], []))
        self.assertEqual(len(self.web["autoconfig.round.test"].asked), 3)

    def test_a_redirect_within_the_domain_is_followed_to_a_host_with_its_own_certificate(self):
        self.assertEqual(self.brief(self.discover("a@moved.test")), [("autoconfig", "imap.moved.test", "https")])

    def test_a_domain_without_one_is_no_failure(self):
        found = self.discover("a@none.test", service.CONFIRM)
        self.assertEqual((found["omissions"], found["detail"]["incomplete"]), ([], False))

    def test_an_account_is_set_up_from_it(self):
        status, answer = self.service.ask("--yes", "account", "add", "me@known.test")
        self.assertEqual((status, answer["state"]), (service.ALLOW, "active"), answer)
        self.assertEqual(self.endpoint("me@known.test")["discovery"], "autoconfig")
        self.assertEqual(self.service.ask("check", "me@known.test", "imap")[0], service.ALLOW)

    def test_what_a_caller_says_was_found_has_to_have_been(self):
        _, error = self.set_up("b@known.test", host="imap.evil.test", port=993)
        self.assertEqual(error, "NotInThisState")
        self.service.mailtrust("--yes", "account", "remove", "b@known.test")


class NotLocal(Documents):
    SOURCES = "pacc autoconfig"

    @classmethod
    def options(cls):
        return cls.names.options(cls.proxy)

    @classmethod
    def domains(cls):
        page = settings.autoconfig(("imap", "imap.near.test", 993, "SSL"))
        return {"near.test": ("unsigned", cls.autoconfig("near.test", {settings.AUTOCONFIG_PATH: page})),
                "told.test": ("unsigned", cls.pacc("told.test"))}

    def test_a_document_makes_nobody_talk_to_this_machine(self):
        for name, code in (("near.test", service.CONFIRM), ("told.test", 75)):
            self.assertEqual(self.discover(f"a@{name}", code)["candidates"], [])
        self.assertEqual([len(site.server.talks) for site in self.web.values()], [0, 0])


class InClear(Documents):
    SOURCES = "autoconfig"

    @classmethod
    def domains(cls):
        at = settings.AUTOCONFIG_PATH
        cls.door = settings.Door(LAB, 1993, PORTS["imaps"])
        sites = {name: cls.site(name, pages={at: page}) for name, page in (
            ("clear.test", settings.autoconfig(("imap", "imap.clear.test", 1993, "SSL"))),
            ("moved.test", settings.redirect("http://autoconfig.clear.test" + at)))}
        return {name: ("unsigned", f"autoconfig IN A {where}\nimap IN A {cls.door.address}\n")
                for name, where in sites.items()}

    @classmethod
    def options(cls):
        return [*super().options(), "--autoconfig-http"]

    def test_every_server_waits_for_a_person(self):
        # D-DISC-02
        before = self.door.count
        self.assertEqual(self.brief(self.discover("a@clear.test")),
                         [("autoconfig-http", "imap.clear.test", "unconfirmed")])
        status, answer = self.service.ask("--yes", "account", "add", "a@clear.test")
        self.assertEqual((status, answer["reasons"]), (service.CONFIRM, ["discovery.unverified-source"]))
        self.assertEqual(self.door.count, before)

    def test_a_redirect_in_clear_is_not_followed(self):
        self.assertEqual(self.why(self.discover("a@moved.test", service.CONFIRM)),
                         [("autoconfig-http", "source-elsewhere")])

    def test_nothing_connects_before_and_the_verdict_is_confirm(self):
        # D-DISC-02
        before = self.door.count
        call, error = self.set_up("b@clear.test", host="imap.clear.test", port=1993)
        self.assertIsNone(error)
        self.assertEqual(self.check(call, "imap.clear.test", 1993),
                         ("confirm", ["discovery.unverified-source"]))
        self.assertEqual(call("Probe", "s", "imap").error(), "TargetUnconfirmed")
        self.assertEqual(call("Resolve", "s", "imap").error(), "TargetUnconfirmed")
        self.assertEqual(self.door.count, before)
        scope = {"text_version": ("u", service.TEXT_VERSION), "host": ("s", "imap.clear.test")}
        self.assertIsNone(call("RecordConsent", "sa{sv}", "srv-target", scope).error())
        self.assertIsNone(call("Probe", "s", "imap").error())
        self.assertIsNone(call("Commit", "").error())
        self.assertEqual(self.endpoint("b@clear.test")["discovery"], "autoconfig-http")

    def test_a_person_reads_the_warning_and_confirms(self):
        done = self.service.type("srv-target\ny\n", "account", "add", "c@clear.test")
        self.assertEqual(done.returncode, service.ALLOW, done.stdout + done.stderr)
        for text in ("may be forged", "autoconfig in clear: check it", "imap.clear.test"):
            self.assertIn(text, done.stdout + done.stderr)


class Everybody(Documents):
    """Sources that say different things."""
    SOURCES = "admin srv pacc autoconfig"

    @classmethod
    def options(cls):
        return [*super().options(), "--autoconfig-http"]

    @classmethod
    def domains(cls):
        at, text = settings.AUTOCONFIG_PATH, {}
        for name, kind in (("all.test", "unsigned"), ("signed.test", "signed")):
            clear = cls.site(f"clear.{name}", pages={settings.WELL_KNOWN_PATH: settings.autoconfig(
                ("imap", f"clear.{name}", 993, "SSL"))})
            text[name] = (kind, cls.pacc(name, settings.pacc(imap=f"pacc.{name}")) + cls.autoconfig(
                name, {at: settings.autoconfig(("imap", f"auto.{name}", 993, "SSL"))}).replace(
                    "imap IN A 127.0.0.1\n", "") + f"@ IN A {clear}\n_imaps._tcp IN SRV 0 0 993 srv\n")
        slow = cls.autoconfig("slow.test", {at: None})
        return text | {"slow.test": ("unsigned", slow + "_imaps._tcp IN SRV 0 0 993 srv\n")}

    @classmethod
    def prepare(cls):
        cls.preset("a.json", {"all.test": [server("admin.all.test", 993)]})

    def test_conflicting_sources_are_ranked_and_all_shown(self):
        # D-DISC-01
        self.assertEqual([(c["source"], c["host"].split(".")[0]) for c in self.discover("a@all.test")["candidates"]],
                         [("admin", "admin"), ("pacc", "pacc"), ("autoconfig", "auto"), ("srv", "srv"),
                          ("autoconfig-http", "clear")])
        self.assertEqual([(c["source"], c["trust"]) for c in self.discover("a@signed.test")["candidates"]],
                         [("srv", "dnssec"), ("pacc", "dnssec"), ("autoconfig", "https"),
                          ("autoconfig-http", "unconfirmed")])

    def test_a_slow_source_holds_the_others_up_for_four_seconds(self):
        began = time.monotonic()
        found = self.discover("a@slow.test")
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(self.brief(found), [("srv", "srv.slow.test", "in-domain")])
        self.assertIn(("autoconfig", "source-silent"), self.why(found))

    def test_each_source_has_a_line_in_the_log(self):
        self.discover("canary@all.test")
        log = self.service.log()
        for name in ("admin", "srv", "pacc", "autoconfig", "autoconfig-http"):
            self.assertRegex(log, f"MT_EVENT=discover .*MT_SOURCE={name} .*MT_DOMAIN=all.test")
        self.assertNotIn("canary", log)
