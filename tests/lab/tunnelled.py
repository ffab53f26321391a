# SPDX-License-Identifier: MIT
"""What the tests of the tunnel share: accounts whose servers are bent, and programs that talk first.

What a program says begins with a canary, and whoever refuses it must not have seen that.
"""
import contextlib
import pathlib
import unittest

from lab import pki, place, scripted, service, tunnel

LAB = CAST = None
CANARY = b"canary-7f3a"
PROTOCOLS = tuple(scripted.PROTOCOLS)
# what programs say at once, without waiting for anybody
EAGER = {"imap": b"a1 LOGIN me " + CANARY + b"\r\na2 LOGOUT\r\n",
         "pop3": b"USER me\r\nPASS " + CANARY + b"\r\nQUIT\r\n",
         "submission": b"EHLO program.test\r\nAUTH PLAIN " + CANARY + b"\r\nQUIT\r\n"}
GREETING = {"imap": b"* OK", "pop3": b"+OK", "submission": b"220 "}
REFUSAL = {"imap": b"* BYE mailtrust: ", "pop3": b"-ERR mailtrust: ", "submission": b"421 mailtrust: "}
LOGIN = {"imap": b"a LOGIN %s %s\r\nb LOGOUT\r\n", "pop3": b"USER %s\r\nPASS %s\r\nQUIT\r\n"}
TRUNCATED = 75


def set_up():
    """For setUpModule(). Return: (lab, certificates)."""
    global LAB, CAST
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    CAST = pki.ServerPki(LAB.folder("pki"))
    return LAB, CAST


def take_leave(talk):
    """close_notify where there is TLS, then the end of TCP."""
    if talk.is_secured:
        with contextlib.suppress(OSError, ValueError):
            talk.connection.settimeout(2)
            talk.connection = talk.connection.unwrap()
    raise scripted.Gone


def memory_kib(one):
    """Resident memory of a tunnel."""
    status = pathlib.Path(f"/proc/{one.child.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


class Case(unittest.TestCase):
    """Each class has a service of its own: probes are limited to ten a minute."""

    @classmethod
    def setUpClass(cls):
        cls.service = service.Service(LAB, cls.__name__.lower(), anchors=CAST.root.pem)

    def add(self, address, protocol, port, suffix=""):
        """An account that is in use."""
        for args in (("add", address, f"--{protocol}", f"localhost:{port}{suffix}"), ("commit", address)):
            done = self.service.mailtrust("account", *args)
            self.assertEqual(done.returncode, service.ALLOW, (args, done.stdout, done.stderr, self.service.log()))
        return address

    def connect(self, address, protocol, *options, **more):
        one = tunnel.Tunnel(self.service, address, protocol, *options, **more)
        self.addCleanup(one.end)
        return one


class ScriptedCase(Case):
    """One account for each protocol and transport, with a server that is honest while it is looked at."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = {}

    def server(self, protocol, implicit, script=None):
        """Return: (account, server), the server forgetful of what it saw, and bent from now on."""
        key = protocol, implicit
        if key not in self.servers:
            honest = scripted.ScriptedServer(LAB, scripted.server(protocol, CAST.good, implicit))
            address = f"{protocol}-{'tls' if implicit else 'starttls'}-{honest.port}@example.test"
            self.servers[key] = self.add(address, protocol, honest.port, "" if implicit else "/starttls"), honest
        address, server = self.servers[key]
        server.script = script or scripted.server(protocol, CAST.good, implicit, bye=(b"<bye>", take_leave))
        server.talks.clear()
        server.threads.clear()
        return address, server

    def bent(self, protocol, implicit=True, certificate=None, **parts):
        parts.setdefault("bye", (b"<bye>", take_leave))
        return self.server(protocol, implicit,
                           scripted.server(protocol, certificate or CAST.good, implicit, **parts))

    def assert_saw_nothing(self, server, *words):
        """No byte of the program's, in the clear or inside TLS."""
        server.await_end()
        for talk in server.talks:
            for word in (CANARY, *words):
                self.assertNotIn(word, talk.secured() + talk.clear())
