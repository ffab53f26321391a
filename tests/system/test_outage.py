# SPDX-License-Identifier: MIT
"""Accounts in use while DNS is silent: what works on what is remembered, and what is denied (D-SRV-05, D-DANE-01)."""
import pathlib
import time
import unittest

from lab import mail, pki, place, resolver, service, tunnel, zones

LAB = CAST = DOVECOT = ZONES = None


def setUpModule():
    global LAB, CAST, DOVECOT, ZONES
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    CAST = pki.ServerPki(LAB.folder("pki"))
    good = CAST.issue("hosts", CAST.ca, names=[f"DNS:*.{zone}" for zone in ("signed.test", "plain.test", "lab.example")])
    DOVECOT = mail.Dovecot(LAB, "good", good)
    port = DOVECOT.ports["imaps"]
    # all that could be remembered of brief ends after two seconds, that there is no other address too
    records = f"""
imap IN A 127.0.0.1
brief 2 IN A 127.0.0.1
brief 2 IN AAAA ::1
_{port}._tcp.brief 2 IN TLSA 3 1 1 {good.spki_sha256()}
_imaps._tcp 2 IN SRV 0 0 {port} brief
"""
    ZONES = zones.Zones(LAB, {name: (kind, records) for name, kind in
                              (("signed.test", "signed"), ("plain.test", "unsigned"))})


class Case(unittest.TestCase):
    """Each case begins with a name server that answers and one account in use, and then there is none."""

    def begin(self, address, host=None, server=None):
        """An account of a server typed by hand, or of what SRV names."""
        made = service.Service(LAB, address.replace("@", "-"), anchors=CAST.root.pem, options=ZONES.options(server))
        done = made.mailtrust("--yes", "account", "add", address,
                              *(["--imap", f"{host}:{DOVECOT.ports['imaps']}"] if host else []))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(made.ask("account", "show", address)[1]["State"], "active")
        self.account = address
        return made

    def silence(self):
        ZONES.stop()
        self.addCleanup(ZONES.start)

    def check(self, made):
        status, answer = made.ask("check", self.account, "imap")
        return status, [reason for reason in answer["reasons"] if reason != "evidence.asserted-only"]

    def endpoint(self, made):
        return made.ask("account", "show", self.account)[1]["Endpoints"][0]


class Unsigned(Case):
    def test_an_account_survives_a_restart_and_an_outage(self):
        # D-SRV-05
        made = self.begin("me@plain.test", "imap.plain.test")
        before = made.ask("account", "show", self.account)[1]
        self.silence()
        made.restart()
        self.assertEqual(made.ask("account", "show", self.account)[1], before)
        self.assertEqual(self.check(made), (service.ALLOW, ["cert.pkix-valid", "conf.met"]))
        self.assertIn("DNS is silent; the last addresses of imap.plain.test are", made.log())
        one = tunnel.Tunnel(made, self.account, "imap")
        self.assertIn(b"* OK", one.until(b"\r\n"))
        one.say(b"a LOGOUT\r\n")
        one.rest()
        self.assertEqual(one.wait(), 0, one.errors())

    def test_what_serves_says_how_old_it_is(self):
        made = self.begin("age@plain.test", "imap.plain.test")
        started = time.time()
        known = self.endpoint(made)
        self.assertEqual(known["addresses"], ["127.0.0.1"])
        self.assertLess(abs(known["addresses-at"] / 1_000_000 - started), 30)
        self.silence()
        made.restart()
        self.check(made)
        # what was answered from memory has not become younger
        self.assertEqual(self.endpoint(made)["addresses-at"], known["addresses-at"])

    def test_past_the_ttl_nobody_knows_whether_the_host_is_signed_and_it_is_denied(self):
        # D-DANE-01, REQUIREMENTS 4.7: the address still serves, the proof does not
        made = self.begin("brief@plain.test", "brief.plain.test")
        self.silence()
        time.sleep(3)
        for _ in range(2):
            self.assertEqual(self.check(made), (service.DENY, ["dane.undetermined"]))
            made.restart()

    def test_a_name_that_was_withdrawn_is_not_remembered_against_dns(self):
        # an answer is no silence
        proxy = resolver.Resolver(LAB, ZONES.port)
        made = self.begin("gone@plain.test", "imap.plain.test", proxy)
        made.restart()
        proxy.behave = lambda name, kind: (lambda query: resolver.response(query, [], 3)) \
            if name == "imap.plain.test" else None
        done = made.mailtrust("check", self.account, "imap")
        self.assertEqual(done.returncode, service.UNREACHABLE, done.stdout)

    def test_where_unsigned_srv_named_the_server_there_is_no_tlsa_to_miss(self):
        # D-DANE-02: unsigned SRV, so DANE has no say, silent or not
        made = self.begin("srv@plain.test")
        self.silence()
        time.sleep(3)
        made.restart()
        self.assertEqual(self.check(made), (service.ALLOW, ["srv.insecure", "cert.pkix-valid", "conf.met"]))


class Signed(Case):
    def test_within_its_ttl_what_the_service_has_heard_holds(self):
        # D-DANE-14
        made = self.begin("me@signed.test", "imap.signed.test")
        self.assertEqual(self.check(made)[0], service.ALLOW)
        self.silence()
        self.assertEqual(self.check(made), (service.ALLOW, ["cert.pkix-valid", "conf.met"]))

    def test_after_a_restart_nothing_says_that_there_is_no_tlsa_and_it_is_denied(self):
        # D-DANE-01
        made = self.begin("again@signed.test", "imap.signed.test")
        self.silence()
        made.restart()
        self.assertEqual(self.check(made), (service.DENY, ["dane.undetermined"]))
        one = tunnel.Tunnel(made, self.account, "imap")
        self.assertEqual(tunnel.refused(one)[0], service.DENY)

    def test_past_its_ttl_it_is_denied(self):
        # REQUIREMENTS 4.7
        made = self.begin("brief@signed.test", "brief.signed.test")
        self.silence()
        time.sleep(3)
        self.assertEqual(self.check(made), (service.DENY, ["dane.undetermined"]))


@unittest.skipUnless(mail.IS_ROOT, "another /etc/hosts takes root")
class HostsFile(Case):
    def test_a_host_of_the_hosts_file_needs_no_dns(self):
        # D-SRV-05: root named it, so it is no DNS data and has no TLSA
        hosts = LAB.path / "etc-hosts"
        hosts.write_text(pathlib.Path("/etc/hosts").read_text() + "127.0.0.1 imap.lab.example\n")
        made = service.Service(LAB, "hosts", anchors=CAST.root.pem, options=ZONES.options(), start=False)
        made.argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                     f'mount --bind {hosts} /etc/hosts && exec "$@"', "sh", *made.argv]
        self.silence()
        made.start()
        self.account = "hosts@lab.example"
        made.mailtrust("account", "add", self.account, "--imap", f"imap.lab.example:{DOVECOT.ports['imaps']}")
        done = made.mailtrust("account", "commit", self.account)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr + made.log())
        self.assertEqual(self.check(made), (service.ALLOW, ["cert.pkix-valid", "conf.met"]))
