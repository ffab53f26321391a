# SPDX-License-Identifier: MIT
"""A new account, a real server, one verdict: what a user does on the first day."""
import json
import time
import unittest

import jwt

from lab import mail, pki, place, service

ADDRESS = "me@example.test"
LAB = CAST = None


def setUpModule():
    global LAB, CAST
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    CAST = pki.ServerPki(LAB.folder("pki"))


class Case(unittest.TestCase):
    """Each class has a service of its own: probes are limited to ten a minute."""

    @classmethod
    def setUpClass(cls):
        cls.service = service.Service(LAB, cls.__name__.lower(), anchors=CAST.root.pem)

    def add(self, address, port, suffix="", protocol="imap"):
        """Adds an account with one server."""
        self.service.mailtrust("account", "add", address, f"--{protocol}", f"localhost:{port}{suffix}")

    def commit(self, address):
        """Return: the exit status."""
        return self.service.mailtrust("account", "commit", address).returncode


def flipped(token):
    """The token with one bit of its payload changed."""
    head, payload, signature = token.split(".")
    middle = len(payload) // 2
    return ".".join([head, payload[:middle] + ("A" if payload[middle] != "A" else "B") + payload[middle + 1:],
                     signature])


class GoodServer(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.dovecot = mail.Dovecot(LAB, "good", CAST.good)
        cls.port = cls.dovecot.ports["imaps"]

    def test_an_account_is_added_committed_and_its_server_allowed(self):
        for args in (("account", "add", ADDRESS, "--imap", f"localhost:{self.port}"),
                     ("account", "commit", ADDRESS), ("check", ADDRESS, "imap")):
            done = self.service.mailtrust(*args)
            self.assertEqual(done.returncode, service.ALLOW, (args, done.stdout, done.stderr, self.service.log()))

    def test_a_committed_account_is_active_and_protected(self):
        status, shown = self.service.ask("account", "show", ADDRESS)
        self.assertEqual((status, shown["State"], shown["Level"]), (0, "active", "protected"))

    def test_json_carries_decision_flag_reasons_and_token(self):
        status, answer = self.service.ask("check", ADDRESS, "imap")
        self.assertEqual(status, service.ALLOW)
        self.assertEqual((answer["decision"], answer["conf"]), ("allow", True))
        self.assertEqual(answer["reasons"][-1], "conf.met")
        self.assertIn("cert.pkix-valid", answer["reasons"])
        self.assertEqual(answer["token"].count("."), 2)

    def keys(self):
        done = self.service.mailtrust("key", "show", "--jwks")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def token(self):
        return self.service.ask("check", ADDRESS, "imap")[1]["token"]

    def decode(self, token):
        key = jwt.PyJWKSet.from_dict(self.keys())[jwt.get_unverified_header(token)["kid"]]
        return jwt.decode(token, key.key, algorithms=["ES256"], options={"verify_aud": False})

    def test_pyjwt_verifies_the_token_and_refuses_one_changed_character(self):
        token = self.token()
        claims = self.decode(token)
        self.assertEqual((claims["mt_decision"], claims["mt_conf"], claims["mt_op"]), ("allow", True, "test"))
        self.assertEqual((claims["mt_host"], claims["mt_port"]), ("localhost", self.port))
        self.assertGreater(claims["exp"], time.time())
        self.assertLessEqual(claims["exp"] - claims["iat"], 60)
        with self.assertRaises(jwt.InvalidTokenError):
            self.decode(flipped(token))

    def test_jose_verifies_the_token_and_refuses_one_changed_character(self):
        token = self.token()
        keys = LAB.path / "keys.jwks"
        keys.write_text(json.dumps(self.keys()))
        verify = ["jose", "jws", "ver", "-i", "-", "-k", keys, "-O", "-"]
        self.assertEqual(LAB.run(verify, input=token).returncode, 0)
        self.assertNotEqual(LAB.run(verify, input=flipped(token)).returncode, 0)

    def test_the_command_line_verifies_the_token_and_refuses_one_changed_character(self):
        token = self.token()
        self.assertEqual(self.service.mailtrust("verify", token).returncode, 0)
        self.assertEqual(self.service.mailtrust("verify", flipped(token)).returncode, service.DENY)

    def test_each_token_has_an_identifier_of_its_own(self):
        self.assertNotEqual(*(self.decode(self.token())["jti"] for _ in range(2)))

    def test_starttls_on_the_same_server_is_allowed_too(self):
        for protocol in ("imap", "pop3"):
            with self.subTest(protocol=protocol):
                address = f"starttls-{protocol}@example.test"
                self.add(address, self.dovecot.ports[protocol], "/starttls", protocol)
                self.assertEqual(self.commit(address), service.ALLOW)
                status, answer = self.service.ask("check", address, protocol)
                self.assertEqual((status, answer["decision"], answer["conf"]), (service.ALLOW, "allow", True))
                self.assertIn("transport.starttls-used", answer["reasons"])

    def test_pop3_with_implicit_tls_is_allowed(self):
        self.add("pop@example.test", self.dovecot.ports["pop3s"], protocol="pop3")
        self.assertEqual(self.commit("pop@example.test"), service.ALLOW)
        self.assertEqual(self.service.ask("check", "pop@example.test", "pop3")[1]["decision"], "allow")

    def test_a_check_leaves_no_credential_in_the_servers_log(self):
        self.service.mailtrust("check", ADDRESS, "imap")
        self.assertNotIn("Login", self.dovecot.log())
        self.assertNotIn("auth failed", self.dovecot.log())

    def test_accounts_survive_a_restart(self):
        self.service.restart()
        self.assertEqual(self.service.mailtrust("check", ADDRESS, "imap").returncode, service.ALLOW, self.service.log())


@unittest.skipUnless(mail.IS_ROOT, "Postfix needs root")
class Submission(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postfix = mail.Postfix(LAB, "good", CAST.good)

    def test_submission_is_allowed_with_implicit_tls_and_with_starttls(self):
        for listener, suffix in (("submissions", ""), ("submission", "/starttls")):
            with self.subTest(listener=listener):
                address = f"{listener}@example.test"
                self.add(address, self.postfix.ports[listener], suffix, "submission")
                self.assertEqual(self.commit(address), service.ALLOW)
                status, answer = self.service.ask("check", address, "submission")
                self.assertEqual((status, answer["decision"], answer["conf"]), (service.ALLOW, "allow", True))


class BadServers(Case):
    """Each bad twin, met by a new account. A new account requires the minimum (R-5.2-03)."""

    def refused(self, name, port, reasons, suffix=""):
        """Commit and check say no, for these reasons, and the account stays in setup."""
        address = f"{name}@example.test"
        self.add(address, port, suffix)
        self.assertEqual(self.commit(address), service.DENY)
        status, answer = self.service.ask("check", address, "imap")
        self.assertEqual((status, answer["decision"], answer["conf"]), (service.DENY, "deny", False), answer)
        for reason in reasons:
            self.assertIn(reason, answer["reasons"])
        self.assertEqual(self.service.ask("account", "show", address)[1]["State"], "setup")
        return answer

    def twin(self, name, certificate, *reasons):
        return self.refused(name, mail.Dovecot(LAB, name, certificate).ports["imaps"], reasons)

    def test_a_self_signed_certificate_is_refused_as_untrusted(self):
        self.twin("self-signed", CAST.self_signed, "cert.chain-untrusted")

    def test_a_certificate_for_another_name_is_refused(self):
        answer = self.twin("wrong-name", CAST.wrong_name, "cert.identity-mismatch")
        self.assertNotIn("cert.chain-untrusted", answer["reasons"])

    def test_an_expired_certificate_is_refused(self):
        answer = self.twin("expired", CAST.expired, "cert.expired")
        self.assertNotIn("cert.identity-mismatch", answer["reasons"])

    def test_a_certificate_of_the_future_is_refused(self):
        self.twin("future", CAST.future, "cert.not-yet-valid")

    def test_a_weak_key_is_refused(self):
        port = mail.Dovecot(LAB, "weak", CAST.weak, extra="ssl_cipher_list = ALL:@SECLEVEL=0\n").ports["imaps"]
        self.refused("weak", port, ["cert.weak-crypto"])

    def test_a_name_only_in_the_common_name_is_refused(self):
        self.twin("cn-only", CAST.common_name_only, "cert.identity-mismatch", "cert.cn-only")

    def test_a_server_without_tls_is_refused(self):
        port = mail.Dovecot(LAB, "cleartext").ports["imap"]
        self.refused("cleartext", port, ["tls.none"], "/none")

    def test_starttls_that_is_not_offered_is_refused(self):
        port = mail.Dovecot(LAB, "stripped").ports["imap"]
        self.refused("stripped", port, ["tls.none", "starttls.not-offered"], "/starttls")

    def test_a_server_that_greets_in_clear_where_tls_was_expected_is_refused(self):
        port = mail.Dovecot(LAB, "no-tls-there").ports["imap"]
        self.refused("no-tls-there", port, ["transport.cleartext-on-tls-port"])

    def test_a_refusal_is_told_in_words_with_its_code(self):
        done = self.service.mailtrust("check", "expired@example.test", "imap")
        self.assertIn("has expired", done.stdout + done.stderr)
        self.assertIn("cert.expired", done.stdout + done.stderr)


class RefusedCommit(Case):
    """One server is good, the other one is not: the account stays in setup."""
    ADDRESS = "half@example.test"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        good, expired = mail.Dovecot(LAB, "half-good", CAST.good), mail.Dovecot(LAB, "half-expired", CAST.expired)
        cls.service.mailtrust("account", "add", cls.ADDRESS, "--imap", f"localhost:{good.ports['imaps']}",
                              "--pop3", f"localhost:{expired.ports['pop3s']}")

    def test_a_refused_commit_says_which_fault_and_what_to_do(self):
        done = self.service.mailtrust("account", "commit", self.ADDRESS)
        self.assertEqual(done.returncode, service.DENY)
        first, *steps = done.stderr.splitlines()
        self.assertEqual(first, "mailtrust: the account stays in setup: not every server is good enough (cert.expired).")
        self.assertRegex(steps[0], "^Next: Ask your provider to repair")
        self.assertIn(f"'mailtrust account edit {self.ADDRESS} --pop3 SERVER'", steps[1])
        self.assertEqual(len(steps), 2)
        self.assertNotIn("op.not-permitted", done.stdout + done.stderr)

    def test_a_refused_commit_in_json_has_the_faults_the_servers_and_the_step(self):
        status, told = self.service.ask("account", "commit", self.ADDRESS)
        self.assertEqual(status, service.DENY)
        self.assertEqual(set(told), {"error", "reasons", "servers", "next"})
        self.assertEqual(told["reasons"], ["cert.expired"])
        self.assertEqual([(s["service"], s["decision"]) for s in told["servers"]], [("imap", "allow"), ("pop3", "deny")])
        self.assertRegex(told["next"], "^Ask your provider")

    def test_an_error_that_is_no_reason_speaks_for_itself(self):
        status, told = self.service.ask("account", "add", self.ADDRESS, "--imap", "localhost:1")
        self.assertEqual(status, service.DENY)
        self.assertEqual((told["reasons"], told["why"], told["next"]), ([], "There already is one.", None))


class NoServer(Case):
    def test_a_port_that_does_not_answer_is_unreachable_not_refused(self):
        self.add("nobody@example.test", LAB.port())
        self.assertEqual(self.service.mailtrust("check", "nobody@example.test", "imap").returncode, service.UNREACHABLE)

    def test_an_account_nobody_added_is_unknown(self):
        done = self.service.mailtrust("check", "stranger@example.test", "imap")
        self.assertEqual(done.returncode, service.DENY)
        self.assertIn("account.unknown", done.stdout + done.stderr)

    def test_without_the_service_the_answer_is_no(self):
        # D-SYS-04: never a yes by default
        done = LAB.run([place.executable("mailtrust"), "--socket", LAB.path / "nothing", "check", ADDRESS, "imap"])
        self.assertEqual(done.returncode, service.NO_DAEMON)


class RealCredentials(unittest.TestCase):
    def test_the_lab_server_would_have_taken_a_password(self):
        """Without this, no test above would show that a password was held back."""
        import imaplib
        import ssl
        context = ssl.create_default_context(cafile=CAST.root.pem)
        with imaplib.IMAP4_SSL("localhost", GoodServer.port, ssl_context=context) as session:
            self.assertEqual(session.login(mail.USER, mail.PASSWORD)[0], "OK")
