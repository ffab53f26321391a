# SPDX-License-Identifier: MIT
"""Revocation soft and hard (D-PKIX-04): what is fetched, from whom, and what comes of it."""
import datetime
import os
import signal
import threading
import time
import unittest

from lab import dbus, pki, place, revocation, scripted, service

LAB = MAKER = ROOT = CA = OTHER = RESPONDER = RECORDS = SERVICE = None
MEGABYTE = 1024 * 1024
UNKNOWN, REVOKED = "cert.revocation-unknown", "cert.revoked"


def setUpModule():
    global LAB, MAKER, ROOT, CA, OTHER, RESPONDER, RECORDS, SERVICE
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    MAKER = pki.Pki(LAB.folder("pki"))
    RESPONDER = revocation.Responder(LAB)
    ROOT = MAKER.issue("root", extensions=pki.CA, common_name="Throwaway root")
    CA = MAKER.issue("ca", ROOT, pki.CA + point("ca-crl"), common_name="Throwaway intermediate")
    OTHER = MAKER.issue("other", ROOT, pki.CA, common_name="Another authority")
    RECORDS = revocation.Records(MAKER, CA)
    RESPONDER.say["ca-crl"] = revocation.crl(ROOT)
    SERVICE = service.Service(LAB, anchors=ROOT.pem, options=["--fetch-local"])


def point(name):
    """Extensions that name a CRL."""
    return f"crlDistributionPoints=URI:{RESPONDER.url(name)}\n"


def responder(name):
    """Extensions that name an OCSP responder."""
    return f"authorityInfoAccess=OCSP;URI:{RESPONDER.url(name)}\n"


def leaf(name, extensions=""):
    return MAKER.issue(name, CA, pki.LEAF + extensions, names=["DNS:localhost"], common_name=name)


def crl_case(name, said):
    """A leaf whose CRL is what said makes of it."""
    made = leaf(name, point(name))
    RESPONDER.say[name] = said(made) if callable(said) else said
    return made


def ocsp_case(name, said):
    made = leaf(name, responder(name))
    RESPONDER.say[name] = said(made) if callable(said) else said
    return made


class Accounts:
    """One account for each value of the field, over one connection."""

    def __init__(self, its_service=None):
        self.connection = (its_service or SERVICE).connect()
        self.paths = {value: self.add(value) for value in ("off", "staple", "soft", "hard")}

    def add(self, value):
        path = self.connection.call(None, service.ROOT_PATH, service.MANAGER, "AddAccount", "sa{sv}",
                                    f"{value}{time.monotonic_ns()}@example.test", {}).values()[0]
        # off is below what an account begins with
        for member, signature, *values in (("RecordConsent", "sa{sv}", "reduced-confidentiality",
                                            {"text_version": ("u", service.TEXT_VERSION)}),
                                           ("SetMinimum", "a{ss}", {"revocation": value}),
                                           ("SetEndpoint", "sssq", "imap", "implicit", "localhost", 993)):
            reply = self.connection.call(None, path, service.ACCOUNT, member, signature, *values)
            if reply.error():
                raise place.Failure(f"{member}: {reply.body!r}")
        return path

    def check(self, value, certificate, **changes):
        """Return: (decision, reasons)."""
        reply = self.connection.call(None, self.paths[value], service.ACCOUNT, "Check", "sa{sv}a{sv}", "test",
                                     service.evidence(certificate, **changes), {})
        if reply.error():
            raise place.Failure(reply.body)
        decision, _, reasons, _, _ = reply.values()
        return decision, reasons


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.accounts = Accounts()
        cls.addClassCleanup(cls.accounts.connection.socket.close)

    def tearDown(self):
        self.assertFalse(SERVICE.process.has_ended(), SERVICE.log())

    def verdict(self, value, certificate, **changes):
        return self.accounts.check(value, certificate, **changes)

    def good(self, certificate):
        """Both policies allow, and have no doubt."""
        for value in ("soft", "hard"):
            decision, reasons = self.verdict(value, certificate)
            self.assertEqual((value, decision, reasons[-1]), (value, "allow", "conf.met"), reasons)
            self.assertNotIn(UNKNOWN, reasons)

    def revoked(self, certificate):
        for value in ("soft", "hard"):
            decision, reasons = self.verdict(value, certificate)
            self.assertEqual((value, decision), (value, "deny"), reasons)
            self.assertIn(REVOKED, reasons)

    def unknown(self, certificate):
        """Soft allows and says so, hard denies; neither says that it was revoked."""
        for value, expected in (("soft", "allow"), ("hard", "deny")):
            decision, reasons = self.verdict(value, certificate)
            self.assertEqual((value, decision), (value, expected), reasons)
            self.assertIn(UNKNOWN, reasons)
            self.assertNotIn(REVOKED, reasons)


class Answers(Case):
    def test_a_good_certificate_is_allowed_after_ocsp(self):
        self.good(ocsp_case("ocsp-good", revocation.response))

    def test_a_good_certificate_is_allowed_after_a_crl(self):
        self.good(crl_case("crl-good", revocation.crl(CA)))

    def test_a_certificate_revoked_by_ocsp_is_denied(self):
        self.revoked(ocsp_case("ocsp-revoked", lambda made: revocation.response(made, status="revoked")))

    def test_a_certificate_revoked_by_a_crl_is_denied(self):
        self.revoked(crl_case("crl-revoked", lambda made: revocation.crl(CA, [made])))

    def test_what_the_openssl_command_answers_is_understood(self):
        kept, lost = (ocsp_case(name, lambda _: revocation.openssl_responder(RECORDS)) for name in ("kept", "lost"))
        listed = leaf("openssl-listed", point("openssl-crl"))
        RECORDS.revoke(lost)
        RECORDS.revoke(listed)
        RESPONDER.say["openssl-crl"] = RECORDS.crl()
        self.good(kept)
        self.revoked(lost)
        self.revoked(listed)
        self.good(leaf("openssl-unlisted", point("openssl-crl")))

    def test_a_revoked_intermediate_is_denied(self):
        lost = MAKER.issue("lost-ca", ROOT, pki.CA + point("lost-ca"), common_name="Revoked intermediate")
        RESPONDER.say["lost-ca"] = revocation.crl(ROOT, [lost])
        made = MAKER.issue("of-lost-ca", lost, pki.LEAF + responder("of-lost-ca"), names=["DNS:localhost"])
        RESPONDER.say["of-lost-ca"] = revocation.response(made)
        self.revoked(made)

    def test_a_staple_makes_a_fetch_for_the_leaf_superfluous(self):
        made = ocsp_case("stapled", b"never asked")
        staple = revocation.response(made)
        for value in ("soft", "hard"):
            decision, reasons = self.verdict(value, made, staple=("ay", staple))
            self.assertEqual(decision, "allow", reasons)
            self.assertNotIn(UNKNOWN, reasons)
        self.assertNotIn("stapled", [path.split("/")[1] for path in RESPONDER.asked])

    def test_a_crl_of_nearly_a_megabyte_is_read(self):
        self.revoked(crl_case("crl-large", lambda made: revocation.crl(CA, [made], padding=1_000_000)))
        self.assertGreater(len(RESPONDER.say["crl-large"]), 1_000_000)


class NoAnswers(Case):
    def test_a_responder_that_knows_nothing(self):
        self.unknown(ocsp_case("ocsp-unknown", lambda made: revocation.response(made, status="unknown")))

    def test_a_certificate_that_names_no_place(self):
        self.unknown(leaf("nowhere"))

    def test_an_intermediate_that_names_no_place(self):
        made = MAKER.issue("of-other", OTHER, pki.LEAF + responder("of-other"), names=["DNS:localhost"])
        RESPONDER.say["of-other"] = revocation.response(made)
        self.unknown(made)

    def test_a_stale_ocsp_response(self):
        self.unknown(ocsp_case("ocsp-stale", lambda made: revocation.response(
            made, since=-2 * revocation.DAY, until=-revocation.DAY)))

    def test_an_ocsp_response_of_the_future(self):
        self.unknown(ocsp_case("ocsp-future", lambda made: revocation.response(
            made, since=revocation.DAY, until=2 * revocation.DAY)))

    def test_an_old_ocsp_response_without_an_end(self):
        self.unknown(ocsp_case("ocsp-endless", lambda made: revocation.response(made, until=None)))

    def test_a_stale_crl(self):
        self.unknown(crl_case("crl-stale", revocation.crl(
            CA, since=-2 * revocation.DAY, until=-datetime.timedelta(minutes=1))))

    def test_an_ocsp_response_that_somebody_else_signed(self):
        stranger = MAKER.issue("stranger", CA, pki.LEAF, names=["DNS:localhost"])
        self.unknown(ocsp_case("ocsp-stranger", lambda made: revocation.response(made, signer=stranger)))
        self.unknown(ocsp_case("ocsp-other", lambda made: revocation.response(made, signer=OTHER)))

    def test_a_crl_that_somebody_else_signed(self):
        self.unknown(crl_case("crl-other", revocation.crl(CA, signer=OTHER)))

    def test_answers_about_another_certificate(self):
        self.unknown(ocsp_case("ocsp-subject", lambda made: revocation.response(made, subject=leaf("subject"))))
        self.unknown(crl_case("crl-issuer", revocation.crl(OTHER)))

    def test_garbage(self):
        for i, said in enumerate((b"\x30\x84\xff\xff\xff\xff", bytes(range(256)) * 64, b"<html>no</html>", b"\0")):
            with self.subTest(i):
                self.unknown(crl_case(f"garbage-{i}", said))

    def test_errors_and_replies_that_are_not_http(self):
        for i, said in enumerate((b"HTTP/1.1 404 Not Found\r\n\r\n", b"HTTP/1.1 500 No\r\n\r\n", b"220 ready\r\n", b"",
                                  b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                                  b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")):
            with self.subTest(said):
                self.unknown(crl_case(f"error-{i}", lambda _, said=said: lambda talk, path: talk.send(said)))

    def test_a_crl_of_more_than_a_megabyte(self):
        large = revocation.crl(CA, padding=MEGABYTE)
        self.assertGreater(len(large), MEGABYTE)
        self.unknown(crl_case("crl-too-large", large))

    def test_nobody_is_there(self):
        made = leaf("nobody", f"crlDistributionPoints=URI:http://127.0.0.1:{LAB.port()}/\n")
        self.unknown(made)

    def test_https_and_ldap_are_not_fetched(self):
        made = leaf("schemes", "crlDistributionPoints=URI:ldap://127.0.0.1/cn=x,URI:https://127.0.0.1/x\n")
        self.unknown(made)


class Hostile(Case):
    """Servers that cost time; a verdict comes within the five seconds a client waits."""

    def unknown_in_time(self, certificate):
        began = time.monotonic()
        self.unknown(certificate)
        self.assertLess(time.monotonic() - began, 5)

    def test_a_silent_responder(self):
        def say(talk, path):
            talk.rest(10)
        self.unknown_in_time(crl_case("silent", lambda _: say))

    def test_a_body_without_end(self):
        def say(talk, path):
            talk.send(b"HTTP/1.0 200 OK\r\n\r\n")
            while True:
                talk.send(bytes(65536))
        self.unknown_in_time(crl_case("endless", lambda _: say))

    def test_a_head_without_end(self):
        def say(talk, path):
            talk.send(b"HTTP/1.0 200 OK\r\n")
            while True:
                talk.send(b"X: y\r\n" * 100)
        self.unknown_in_time(crl_case("headers", lambda _: say))

    def test_a_byte_now_and_then(self):
        def say(talk, path):
            talk.send(b"HTTP/1.0 200 OK\r\n\r\n")
            for _ in range(100):
                talk.send(b"0")
                time.sleep(0.2)
        self.unknown_in_time(crl_case("drip", lambda _: say))

    def test_a_loop_of_redirects_is_left(self):
        def say(talk, path):
            talk.send(b"HTTP/1.1 302 Found\r\nLocation: " + RESPONDER.url("loop").encode() + b"\r\n\r\n")
        made = crl_case("loop", lambda _: say)
        self.unknown_in_time(made)
        self.assertEqual(sum(path == "/loop" for path in RESPONDER.asked), 3)

    def test_a_redirect_is_followed_within_http_only(self):
        def to(url):
            return lambda talk, path: talk.send(b"HTTP/1.1 301 Moved\r\nLocation: " + url.encode() + b"\r\n\r\n")
        RESPONDER.say["moved"] = revocation.crl(CA)
        self.good(crl_case("redirect", lambda _: to(RESPONDER.url("moved"))))
        self.unknown(crl_case("elsewhere", lambda _: to("https" + RESPONDER.url("moved")[4:])))
        self.unknown(crl_case("file", lambda _: to("file:///etc/passwd")))

    def test_many_connections_at_once_are_all_answered(self):
        made = crl_case("many", lambda _: lambda talk, path: (
            time.sleep(0.5), talk.send(b"HTTP/1.0 200 OK\r\n\r\n" + revocation.crl(CA))))
        connection, path = self.accounts.connection, self.accounts.paths["hard"]
        serials = [connection.send(None, path, service.ACCOUNT, "Check", "sa{sv}a{sv}", "test",
                                   service.evidence(made), {}) for _ in range(10)]
        replies = [connection.receive() for _ in serials]
        self.assertEqual({r.fields[dbus.REPLY_SERIAL] for r in replies}, set(serials))
        self.assertEqual({r.values()[0] for r in replies}, {"allow"})


class Cost(Case):
    def asked(self, name):
        return sum(path.split("/")[1] == name for path in RESPONDER.asked)

    def test_off_and_staple_fetch_nothing(self):
        made = ocsp_case("lenient", lambda made: revocation.response(made, status="revoked"))
        before = len(RESPONDER.asked)
        for value in ("off", "staple"):
            decision, reasons = self.verdict(value, made)
            self.assertEqual(decision, "allow", reasons)
            self.assertNotIn(UNKNOWN, reasons)
        self.assertEqual(len(RESPONDER.asked), before)
        # and what they remember is not what the others go by
        self.revoked(made)

    def test_an_answer_is_remembered(self):
        made = ocsp_case("once", revocation.response)
        for _ in range(3):
            self.good(made)
        self.assertEqual(self.asked("once"), 1)

    def test_an_answer_is_remembered_no_longer_than_it_holds(self):
        made = crl_case("brief", revocation.crl(CA, until=datetime.timedelta(seconds=2)))
        self.good(made)
        RESPONDER.say["brief"] = revocation.crl(CA, [made])
        time.sleep(3.5)
        self.revoked(made)

    def test_no_answer_is_remembered_for_a_while(self):
        made = crl_case("absent", b"garbage")
        self.unknown(made)
        self.unknown(made)
        self.assertEqual(self.asked("absent"), 1)

    def test_a_chain_that_is_not_trusted_is_asked_nothing(self):
        before = len(RESPONDER.asked)
        stranger = MAKER.issue("self-made", extensions=pki.LEAF + point("self-made"), names=["DNS:localhost"])
        other_name = MAKER.issue("other-name", CA, pki.LEAF + point("other-name"), names=["DNS:x.test"])
        for made in (stranger, other_name):
            decision, reasons = self.verdict("hard", made)
            self.assertEqual(decision, "deny", reasons)
        self.assertEqual(len(RESPONDER.asked), before)


class Local(unittest.TestCase):
    """Without fetch-local a certificate cannot make the daemon talk to its own machine."""

    def test_loopback_is_not_visited_by_default(self):
        made = crl_case("not-here", revocation.crl(CA))
        by_name = leaf("by-name", point("not-here").replace("127.0.0.1", "localhost"))
        before = len(RESPONDER.asked)
        strict = service.Service(LAB, "strict", anchors=ROOT.pem)
        accounts = Accounts(strict)
        self.addCleanup(accounts.connection.socket.close)
        for certificate in (made, by_name):
            for value, expected in (("soft", "allow"), ("hard", "deny")):
                decision, reasons = accounts.check(value, certificate)
                self.assertEqual((value, decision), (value, expected), reasons)
                self.assertIn(UNKNOWN, reasons)
        self.assertEqual(len(RESPONDER.asked), before)
        self.assertIn("fetch-local", strict.log())


class CommandLine(unittest.TestCase):
    def test_a_user_sets_the_policy_and_a_revoked_server_is_refused(self):
        made = ocsp_case("server", lambda made: revocation.response(made))
        server = scripted.ScriptedServer(LAB, scripted.imap(made, implicit=True))
        SERVICE.mailtrust("account", "add", "cli@example.test", "--imap", f"localhost:{server.port}")
        done = SERVICE.mailtrust("account", "edit", "cli@example.test", "--set", "revocation=hard")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(SERVICE.mailtrust("check", "cli@example.test", "imap").returncode, service.ALLOW)

        lost = ocsp_case("lost-server", lambda made: revocation.response(made, status="revoked"))
        server = scripted.ScriptedServer(LAB, scripted.imap(lost, implicit=True))
        SERVICE.mailtrust("account", "add", "lost@example.test", "--imap", f"localhost:{server.port}")
        SERVICE.mailtrust("account", "edit", "lost@example.test", "--set", "revocation=soft")
        status, answer = SERVICE.ask("check", "lost@example.test", "imap")
        self.assertEqual((status, answer["decision"]), (service.DENY, "deny"), answer)
        self.assertIn(REVOKED, answer["reasons"])


class Workers(Case):
    def test_a_net_worker_that_dies_while_fetching_weakens_nothing(self):
        def say(talk, path):
            talk.rest(10)
        made = crl_case("interrupted", lambda _: say)

        def kill():
            place.wait_until(lambda: "/interrupted" in RESPONDER.asked, "the fetch")
            for pid in SERVICE.workers():
                if " net" in service.command_of(pid):
                    os.kill(pid, signal.SIGKILL)
        killer = threading.Thread(target=kill)
        killer.start()
        decision, reasons = self.verdict("hard", made)
        killer.join()
        self.assertEqual(decision, "deny", reasons)
        self.assertIn(UNKNOWN, reasons)
        place.wait_until(lambda: any(" net" in service.command_of(p) for p in SERVICE.workers()), "a new worker")
        self.good(crl_case("afterwards", revocation.crl(CA)))
