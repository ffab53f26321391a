# SPDX-License-Identifier: MIT
"""The ClientHello as it leaves the program; what servers make of it is test_hostile.py's."""
import unittest

from lab import pki, place, scripted, service

LAB = HELLO = None


def setUpModule():
    global LAB, HELLO
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    cast = pki.ServerPki(LAB.folder("pki"))
    made = service.Service(LAB, anchors=cast.root.pem)
    server = scripted.ScriptedServer(LAB, scripted.server("imap", cast.good, implicit=True))
    made.mailtrust("account", "add", "me@example.test", "--imap", f"localhost:{server.port}")
    made.mailtrust("check", "me@example.test", "imap")
    HELLO = server.await_end().talks[0].hello


class Hello(unittest.TestCase):
    def test_the_client_hello_offers_nothing_older_than_tls_12(self):
        offered = extension(43)
        versions = {offered[i:i + 2] for i in range(1, len(offered), 2)}
        self.assertEqual(versions, {b"\3\3", b"\3\4"})

    def test_the_client_hello_names_the_server(self):
        self.assertIn(b"localhost", extension(0))

    def test_static_rsa_and_other_old_suites_are_not_offered(self):
        offered = suites()
        self.assertLessEqual({0x1301, 0xC02B, 0xC02F}, offered)
        # RSA key transport, 3DES, RC4, NULL, export
        self.assertFalse(offered & {0x002F, 0x0035, 0x009C, 0x009D, 0x000A, 0x0005, 0x0001, 0x0003})


def body():
    """The part behind the random, of a ClientHello in one record."""
    assert HELLO[0] == 0x16 and HELLO[5] == 1, HELLO[:8]
    at = 9 + 2 + 32
    return HELLO[at + 1 + HELLO[at]:]


def suites():
    size = int.from_bytes(body()[:2], "big")
    return {int.from_bytes(body()[2 + i:4 + i], "big") for i in range(0, size, 2)}


def extension(number):
    """The content of one extension; b"" where it is absent."""
    data = body()
    at = 2 + int.from_bytes(data[:2], "big")
    at += 1 + data[at] + 2
    while at + 4 <= len(data):
        kind, size = int.from_bytes(data[at:at + 2], "big"), int.from_bytes(data[at + 2:at + 4], "big")
        if kind == number:
            return data[at + 4:at + 4 + size]
        at += 4 + size
    return b""
