# SPDX-License-Identifier: MIT
"""Unmodified mail programs through the tunnel, as clients/connect/recipes/ configures them.

Each recipe's own text is what is run: only the address, the password and paths are put in.
"""
import re
import shutil
import unittest

from lab import mail, pki, place, scripted, service

LAB = CAST = None
RECIPES = place.ROOT / "clients" / "connect" / "recipes"
MESSAGE = """From: friend@example.test
To: me@example.test
Subject: a letter
Message-ID: <1@example.test>
Date: Mon, 1 Jan 2024 00:00:00 +0000

the words of it
"""
# neomutt wants a terminal to read with
KEYS = "push '<pipe-message>cat > {out}<enter><quit>'"
CREDENTIALS = (mail.PASSWORD.encode(), b"AG1lQGV4YW1wbGUudGVzdA", b"LOGIN", b"AUTH", b"PASS", b"USER")


def setUpModule():
    global LAB, CAST
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    CAST = pki.ServerPki(LAB.folder("pki"))


def install(name, text):
    """An executable file of the user's."""
    path = LAB.folder("bin") / name
    path.write_text(text)
    path.chmod(0o755)


def recipe(name, changes=()):
    """The configuration a recipe shows, for this lab's user."""
    text = re.search(r"^```\n(.*?)^```", (RECIPES / f"{name}.md").read_text(), re.S | re.M).group(1)
    text = text.replace("me@example.org", mail.USER).replace("me%40example.org", mail.USER.replace("@", "%40"))
    for old, new in changes:
        assert old in text, (name, old)
        text = text.replace(old, str(new))
    return text.replace("your-password", mail.PASSWORD).replace("~/", f"{LAB.folder('home')}/")


class Programs(unittest.TestCase):
    """What each program does, whatever the server."""

    service = None

    @classmethod
    def use(cls, ports, suffix=""):
        """A new service, whose account has these servers, by protocol."""
        name = f"service-{len(LAB.processes)}"
        Programs.service = service.Service(LAB, name, anchors=CAST.root.pem)
        cls.service.mailtrust("account", "add", mail.USER, *(f"--{p}=localhost:{port}{suffix}" for p, port in ports.items()))
        done = cls.service.mailtrust("account", "commit", mail.USER)
        assert done.returncode == 0, (done.stdout, done.stderr)

    def run_program(self, *argv, **options):
        env = {"PATH": f"{LAB.folder('bin')}:{place.BUILD}:/usr/sbin:/usr/bin:/sbin:/bin", "TERM": "xterm",
               "MAILTRUST_SOCKET": str(self.service.socket), "HOME": str(LAB.folder("home"))}
        return LAB.run(argv, env=env, **options)

    def write(self, name, text):
        path = LAB.folder("home") / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def read_with_mutt(self, program):
        """Return: (what happened on the screen, the message it read)."""
        out = LAB.folder("home") / f"{program}.out"
        out.unlink(missing_ok=True)
        rc = self.write("muttrc", recipe("neomutt"))
        keys = KEYS.format(out=out)
        inbox = f"imap://{mail.USER.replace('@', '%40')}@imap.example.org/INBOX"
        command = f"{program} -n -F {rc} -f {inbox} -e 'set quit=yes wait_key=no move=no' -e \"{keys}\""
        done = self.run_program("timeout", "20", "script", "-qefc", command, "/dev/null")
        return done.stdout + done.stderr, out.read_text(errors="replace") if out.exists() else ""

    def send_with_mutt(self, program):
        rc = self.write("muttrc", recipe("neomutt"))
        return self.run_program("timeout", "20", program, "-n", "-F", rc, "-s", "a reply", "friend@example.test",
                                input="my words\n")

    def read_with_mbsync(self):
        """Return: (CompletedProcess, the messages it has stored)."""
        folder = LAB.folder("home") / "Mail"
        for old in (folder, LAB.folder("home") / ".mbsync"):
            shutil.rmtree(old, ignore_errors=True)
        folder.mkdir()
        done = self.run_program("timeout", "20", "mbsync", "-c", self.write("mbsyncrc", recipe("mbsync")), "-a")
        return done, [p.read_text() for p in folder.rglob("*") if p.is_file() and p.parent.name in ("new", "cur")]

    def read_with_fetchmail(self, protocol="pop3"):
        """Return: (CompletedProcess, what it delivered)."""
        out = LAB.folder("home") / "fetched"
        out.unlink(missing_ok=True)
        text = recipe("fetchmail", [("/usr/bin/procmail -d %T", f"cat >> {out}")]).replace("pop3", protocol)
        home = LAB.folder("home")
        done = self.run_program("timeout", "20", "fetchmail", "-f", self.write("fetchmailrc", text), "--nodetach",
                                "--nosyslog", "--keep", "--all", "-i", home / "fetchids", "--pidfile", home / "fetchmail.pid")
        return done, out.read_text() if out.exists() else ""

    def send_with_msmtp(self):
        rc = self.write("msmtprc", recipe("msmtp"))
        command = re.search(r"connect (--listen \S+ \S+ \S+) &", (RECIPES / "msmtp.md").read_text()).group(1)
        words = command.replace("$HOME", str(LAB.folder("home"))).replace("me@example.org", mail.USER).split()
        listener = LAB.start([place.executable("mailtrust"), "connect", *words], name="listener",
                             env={"MAILTRUST_SOCKET": str(self.service.socket)})
        try:
            place.wait_until(lambda: listener.has_ended() or "listening" in listener.output(), "the listener")
            return self.run_program("timeout", "20", "msmtp", "-C", rc, "friend@example.test", input=MESSAGE)
        finally:
            listener.end()
            listener.log.unlink()


@unittest.skipUnless(mail.IS_ROOT, "Postfix needs root")
class GoodServers(Programs):
    @classmethod
    def setUpClass(cls):
        install("pass", f"#!/bin/sh\n[ \"$*\" = \"show mail/{mail.USER}\" ] && echo {mail.PASSWORD}\n")
        cls.dovecot = mail.Dovecot(LAB, "good", CAST.good)
        cls.postfix = mail.Postfix(LAB, "good", CAST.good, cls.dovecot)
        inbox = cls.dovecot.folder / "mail" / "new"
        inbox.mkdir()
        (inbox / "1700000000.M1P1.friend").write_text(MESSAGE)
        LAB.run(["chown", "-R", "65534:65534", cls.dovecot.folder / "mail"])
        cls.use_ports("s")

    @classmethod
    def use_ports(cls, tls):
        """Has the account use the ports that begin with TLS ("s"), or those that upgrade ("")."""
        cls.use({"imap": cls.dovecot.ports["imap" + tls], "pop3": cls.dovecot.ports["pop3" + tls],
                 "submission": cls.postfix.ports["submission" + tls]}, "" if tls else "/starttls")

    def accepted(self):
        """How many messages Postfix has taken."""
        return (self.postfix.folder / "postfix.log").read_text().count("status=sent")

    def assert_sends(self, send):
        before = self.accepted()
        done = send()
        self.assertEqual(done.returncode, 0, (done.stdout, done.stderr))
        place.wait_until(lambda: self.accepted() > before, "the message")

    def test_mbsync_reads_a_message(self):
        done, messages = self.read_with_mbsync()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(messages), 1)
        self.assertIn("the words of it", messages[0])

    def test_fetchmail_reads_a_message(self):
        for protocol in ("pop3", "imap"):
            with self.subTest(protocol=protocol):
                done, text = self.read_with_fetchmail(protocol)
                self.assertIn("the words of it", text, (done.stdout, done.stderr))
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_neomutt_reads_a_message(self):
        screen, text = self.read_with_mutt("neomutt")
        self.assertIn("the words of it", text, screen)

    def test_mutt_reads_a_message(self):
        screen, text = self.read_with_mutt("mutt")
        self.assertIn("the words of it", text, screen)

    def test_neomutt_sends_a_message(self):
        self.assert_sends(lambda: self.send_with_mutt("neomutt"))

    def test_mutt_sends_a_message(self):
        self.assert_sends(lambda: self.send_with_mutt("mutt"))

    def test_msmtp_sends_a_message(self):
        self.assert_sends(self.send_with_msmtp)

    def test_all_of_them_do_so_over_starttls_too(self):
        self.use_ports("")
        self.assertEqual(len(self.read_with_mbsync()[1]), 1)
        self.assertIn("the words of it", self.read_with_fetchmail()[1])
        self.assertIn("the words of it", self.read_with_mutt("neomutt")[1])
        self.assert_sends(lambda: self.send_with_mutt("neomutt"))
        self.assert_sends(self.send_with_msmtp)


class BadServers(Programs):
    """Each program meets a server that was good when the account was made."""

    # what a person is told, on 80 columns: parts of the server
    BENT = {"The connection to the mail server is not encrypted.": {"words": {"offer": b""}},
            "The certificate belongs to a different server.": {}}

    @classmethod
    def setUpClass(cls):
        install("pass", f"#!/bin/sh\necho {mail.PASSWORD}\n")
        cls.servers = {p: scripted.ScriptedServer(LAB, scripted.server(p, CAST.good)) for p in scripted.PROTOCOLS}
        cls.use({p: server.port for p, server in cls.servers.items()}, "/starttls")

    def assert_fails_clearly(self, protocol, run, failed):
        """run() gives what a person sees and whether it worked; failed says so of that."""
        server = self.servers[protocol]
        for sentence, parts in self.BENT.items():
            with self.subTest(sentence=sentence):
                certificate = CAST.good if parts else CAST.wrong_name
                server.script = scripted.server(protocol, certificate, **parts)
                server.talks.clear()
                server.threads.clear()
                text, result = run()
                self.assertTrue(failed(result), (text, result))
                self.assertIn("mailtrust: ", text)
                self.assertIn(sentence, text)
                server.await_end()
                self.assertTrue(server.talks)
                for talk in server.talks:
                    for word in CREDENTIALS:
                        self.assertNotIn(word, talk.clear() + talk.secured())

    @staticmethod
    def text_of(done):
        return done.stdout + done.stderr

    def test_mbsync_fails_clearly_and_sends_no_credential(self):
        def run():
            done, messages = self.read_with_mbsync()
            return self.text_of(done), (done.returncode, messages)
        self.assert_fails_clearly("imap", run, lambda result: result[0] != 0 and not result[1])

    def test_fetchmail_fails_clearly_and_sends_no_credential(self):
        for protocol in ("pop3", "imap"):
            def run(protocol=protocol):
                done, text = self.read_with_fetchmail(protocol)
                return self.text_of(done), (done.returncode, text)
            self.assert_fails_clearly(protocol, run, lambda result: result[0] not in (0, 1) and not result[1])

    def test_neomutt_fails_clearly_and_sends_no_credential(self):
        for program in ("neomutt", "mutt"):
            self.assert_fails_clearly("imap", lambda p=program: self.read_with_mutt(p), lambda text: not text)

            def send(program=program):
                done = self.send_with_mutt(program)
                return self.text_of(done), done.returncode
            self.assert_fails_clearly("submission", send, lambda status: status != 0)

    def test_msmtp_fails_clearly_and_sends_no_credential(self):
        def run():
            done = self.send_with_msmtp()
            return self.text_of(done), done.returncode
        self.assert_fails_clearly("submission", run, lambda status: 64 <= status <= 78)
