# SPDX-License-Identifier: MIT
"""What goes into the tunnel, and what must not come of it: its first bytes, ends that do not read, words."""
import random
import threading
import time

from lab import place, scripted, service, tunnel, tunnelled
from lab.scripted import flood, listen
from lab.tunnelled import EAGER, GREETING, PROTOCOLS, ScriptedCase

LAB = CAST = None
MIB = 1024 * 1024
SERVER_NAME = 0  # RFC 6066 §3


def setUpModule():
    global LAB, CAST
    LAB, CAST = tunnelled.set_up()


def extensions_of(hello):
    """{type: body} of the extensions of a ClientHello, as a record."""
    at = 5 + 4 + 2 + 32  # record and message heads, version, random
    at += 1 + hello[at]  # session id
    at += 2 + int.from_bytes(hello[at:at + 2], "big")  # suites
    at += 1 + hello[at]  # compression
    end, found = at + 2 + int.from_bytes(hello[at:at + 2], "big"), {}
    at += 2
    while at < end:
        kind, size = int.from_bytes(hello[at:at + 2], "big"), int.from_bytes(hello[at + 2:at + 4], "big")
        found[kind] = hello[at + 4:at + 4 + size]
        at += 4 + size
    return found


class FirstBytes(ScriptedCase):
    def test_tls_begins_with_the_first_byte_or_after_the_plain_exchange_as_the_endpoint_says(self):
        # D-SRV-09
        exchange = {"imap": b"a1 CAPABILITY\r\na2 STARTTLS\r\n", "pop3": b"CAPA\r\nSTLS\r\n",
                    "submission": b"EHLO [127.0.0.1]\r\nSTARTTLS\r\n"}
        for protocol in PROTOCOLS:
            for implicit in (True, False):
                with self.subTest(protocol=protocol, implicit=implicit):
                    address, server = self.server(protocol, implicit)
                    one = self.connect(address, protocol)
                    one.until(b"\r\n")
                    one.hang_up()
                    one.wait()
                    talk = server.await_end().talks[-1]
                    self.assertEqual(talk.clear(), (b"" if implicit else exchange[protocol]) + b"<ClientHello>")

    def test_the_server_is_named_in_the_first_message(self):
        # D-SRV-10
        for protocol in PROTOCOLS:
            for implicit in (True, False):
                with self.subTest(protocol=protocol, implicit=implicit):
                    address, server = self.server(protocol, implicit)
                    self.connect(address, protocol).until(b"\r\n")
                    name = extensions_of(server.talks[-1].hello)[SERVER_NAME]
                    # one name, of type host_name; not the address's domain
                    self.assertEqual(name, b"\0\x0c\0\0\x09localhost")

    def test_a_server_known_by_its_address_is_not_named(self):
        # D-SRV-10: RFC 6066 §3, literals are not permitted
        _, server = self.server("imap", True)
        self.service.mailtrust("account", "add", "literal@example.test", "--imap", f"127.0.0.1:{server.port}")
        tunnel.refused(self.connect("literal@example.test", "imap"))
        self.assertNotIn(SERVER_NAME, extensions_of(server.talks[-1].hello))


class Afterwards(ScriptedCase):
    # D-SASL-07
    TOLD = {"imap": (b"a LOGIN me x\r\n", b"a OK", b"b CAPABILITY\r\n", b"* CAPABILITY IMAP4rev1 AFTER\r\n<ok>", b"AFTER\r\nb OK"),
            "pop3": (b"USER me\r\nPASS x\r\n", b"+OK done\r\n+OK done\r\n", b"CAPA\r\n", b"+OK\r\nAFTER\r\n.\r\n", b"AFTER\r\n."),
            "submission": (b"AUTH PLAIN eA==\r\n", b"250 done\r\n", b"EHLO x\r\n", b"250-x\r\n250 AFTER\r\n", b"250 AFTER\r\n")}

    def test_capabilities_asked_for_after_the_login_are_the_servers_of_then(self):
        for protocol, (login, done, question, told, expected) in self.TOLD.items():
            with self.subTest(protocol=protocol):
                asked = []

                def answer(talk, told=told, asked=asked):
                    asked.append(1)
                    talk.perform(b"<told>" if len(asked) == 1 else told)
                address, _ = self.bent(protocol, told_in_tls=answer)
                one = self.connect(address, protocol)
                one.say(login)
                one.until(done)
                self.assertNotIn(b"AFTER", one.said)
                one.say(question)
                one.until(expected)


class NobodyReads(ScriptedCase):
    def test_a_server_that_never_reads_holds_the_program_up(self):
        address, server = self.bent("imap", ok=listen)
        server.script = scripted.server("imap", CAST.good, True, ok=lambda talk: time.sleep(8))
        one = self.connect(address, "imap")
        one.until(b"\r\n")
        one.say(b"a APPEND\r\n")
        taken = one.offer(b"x" * 40 * MIB, 1.0)
        self.assertLess(taken, 20 * MIB)  # what the sockets between take, and no more
        if not place.is_instrumented():
            self.assertLess(tunnelled.memory_kib(one), 16 * 1024)

    def test_a_server_that_sends_without_end_before_the_verdict_is_not_listened_to(self):
        # while the service is asked nothing is read: the flood waits where it comes from
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol):
                address, server = self.bent(protocol, told_in_tls=(b"<told>", flood(b"* OK x\r\n", 10 * MIB)))
                one = self.connect(address, protocol)
                one.until(b"\r\n")
                self.assertTrue(one.said.startswith(GREETING[protocol]))
                if not place.is_instrumented():
                    self.assertLess(tunnelled.memory_kib(one), 16 * 1024)

    def test_a_program_that_never_reads_its_refusal_does_not_hold_the_tunnel(self):
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol):
                address, server = self.bent(protocol, certificate=CAST.wrong_name)
                one = self.connect(address, protocol)
                threading.Thread(target=one.offer, args=(EAGER[protocol] + b"x" * MIB,), daemon=True).start()
                self.assertEqual(one.wait(15), service.DENY)
                self.assert_saw_nothing(server)


class Words(ScriptedCase):
    """R-5.2-10: nothing that can be said on the command line opens what is denied."""

    FIELDS = ("min-conf", "min_conf", "tls-min", "proof", "revocation", "pin", "consent", "policy", "anchors", "verify", "insecure",
              "force", "yes", "transport", "starttls", "cleartext", "state", "allow", "awc", "reduced-confidentiality",
              "no-daemon", "socket", "user", "system", "export-cb", "operation", "evidence", "attested", "sasl-external")
    VALUES = ("off", "none", "0", "1", "false", "true", "any", "allow", "skip", "never", "/dev/null", "/tmp", "9", "2", "-1", "imap", "")

    def argument(self, dice):
        name, value = dice.choice(self.FIELDS), dice.choice(self.VALUES)
        return dice.choice(([f"--{name}"], [f"--{name}={value}"], [f"--no-{name}"], [f"--{name}", value], [f"-{name[0]}"],
                            [f"-{name[0]}{value}"], [name], [f"{name}={value}"], ["--"], ["-"], [f"--{name[:3]}"]))

    def test_no_words_on_the_command_line_open_what_is_denied(self):
        address, server = self.bent("imap", False, words={"offer": b""})
        dice = random.Random(8314)
        for number in range(150):
            words = [word for _ in range(dice.randrange(1, 4)) for word in self.argument(dice)]
            before = dice.random() < 0.5
            argv = [place.executable("mailtrust-connect"), "--socket", self.service.socket]
            one = tunnel.Tunnel(self.service, address, "imap", *(words if before else ()), program=argv)
            try:
                if not before:  # behind what it is about
                    one.end()
                    one = tunnel.Tunnel(self.service, "imap", words[0], *words[1:], program=[*argv, address])
                one.offer(EAGER["imap"], 0)
                status, said = tunnel.refused(one)
            finally:
                one.end()
            with self.subTest(words=words):
                self.assertIn(status, (service.USAGE, service.DENY, service.NO_DAEMON), said)
                self.assertNotIn(b"* OK", said)
        self.assert_saw_nothing(server)

    def test_what_help_names_is_all_there_is_and_none_of_it_weakens(self):
        done = LAB.run([place.executable("mailtrust-connect"), "--help"])
        named = {word.strip("[]|") for word in done.stderr.split() if word.strip("[]|").startswith("--")}
        self.assertTrue({"--user", "--system", "--socket", "--listen", "--export-cb"} <= named, done.stderr)
        for word in named:
            for field in ("min", "conf", "proof", "pin", "verify", "anchor", "insecure", "force", "consent", "policy", "tls"):
                self.assertNotIn(field, word)
        self.assertEqual(done.returncode, service.USAGE)
