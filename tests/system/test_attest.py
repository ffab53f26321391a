# SPDX-License-Identifier: MIT
"""The tunnel as it is installed: setgid, and therefore believed.

The group exists only in a copy of /etc/group that the service alone sees; the machine's own files
are not touched.
"""
import os
import pathlib
import shutil
import socket
import unittest

from lab import mail, pki, place, scripted, service, tunnel

LAB = CAST = None
GROUP, GID = "mailtrust-attest", 61207


def setUpModule():
    global LAB, CAST
    if not mail.IS_ROOT:
        raise unittest.SkipTest("only root can make a file setgid to another group")
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    CAST = pki.ServerPki(LAB.folder("pki"))


def ids(pid, which):
    """Real, effective, saved and file system ids of a process."""
    return pathlib.Path(f"/proc/{pid}/status").read_text().split(f"{which}:")[1].splitlines()[0].split()


class Attest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        groups = LAB.path / "group"
        groups.write_text(pathlib.Path("/etc/group").read_text() + f"{GROUP}:x:{GID}:\n")
        cls.service = service.Service(LAB, anchors=CAST.root.pem, start=False)
        script = "mount --bind \"$1\" /etc/group && shift && exec \"$@\""
        cls.service.argv = ["unshare", "--mount", "sh", "-c", script, "sh", groups, *cls.service.argv]
        cls.service.start()
        cls.program = LAB.path / "mailtrust-connect"
        shutil.copy(place.executable("mailtrust-connect"), cls.program)
        os.chown(cls.program, 0, GID)
        cls.program.chmod(0o2755)
        cls.server = scripted.ScriptedServer(LAB, scripted.imap(CAST.good, True))
        for args in (("add", "me@example.test", "--imap", f"localhost:{cls.server.port}"), ("commit", "me@example.test"),
                     ("edit", "me@example.test", "--set", "evidence_min=attested")):
            done = cls.service.mailtrust("account", *args)
            assert done.returncode == 0, (args, done.stdout, done.stderr)

    def connect(self, *program, env=None):
        one = tunnel.Tunnel(self.service, "me@example.test", "imap", program=program, env=env)
        self.addCleanup(one.end)
        return one

    def test_a_program_without_the_group_only_asserts(self):
        one = self.connect(place.executable("mailtrust-connect"), "--socket", self.service.socket)
        self.assertEqual(tunnel.refused(one)[0], service.DENY)
        self.assertIn("evidence.asserted-only", one.errors())

    def test_the_installed_tunnel_attests(self):
        one = self.connect(self.program, "--socket", self.service.socket)
        self.assertTrue(one.until(b"\r\n").startswith(b"* OK "))

    def test_the_installed_tunnel_logs_in_with_a_certificate_of_its_user(self):
        # R-5.5-11: the files are the user's, opened after the group was given up
        client = CAST.issue("client", CAST.ca, "extendedKeyUsage=clientAuth\n")
        file = CAST.folder / "whole.pem"
        file.write_bytes(client.chain.read_bytes() + client.key.read_bytes())
        file.chmod(0o600)
        done = self.service.mailtrust("cert", "allow", "me@example.test", file)
        self.assertEqual(done.returncode, 0, done.stderr)
        honest, self.server.script = self.server.script, scripted.imap(
            CAST.good, True, tls={"asks_certificate": CAST.root},
            told_in_tls=b"* CAPABILITY IMAP4rev1 SASL-IR AUTH=EXTERNAL\r\n<ok>")
        self.addCleanup(setattr, self.server, "script", honest)
        one = self.connect(self.program, "--socket", self.service.socket, "--sasl-external")
        self.assertTrue(one.until(b"\r\n").startswith(b"* PREAUTH "), one.said)
        self.assertEqual(self.server.talks[-1].client_certificate, client.der())

    def test_it_does_not_keep_the_group_and_cannot_be_looked_into(self):
        one = self.connect(self.program, "--socket", self.service.socket)
        one.until(b"\r\n")
        self.assertEqual(set(ids(one.child.pid, "Gid")), {str(os.getgid())})
        # what is not dumpable belongs to root, whoever runs it, and takes a tracer's privilege
        one.end()
        shared = [LAB.path, self.service.folder]
        user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        self.assertTrue(all(path.stat().st_mode & 0o005 for path in shared))
        sleeper = self.connect(*user, self.program, "--socket", self.stopped_socket())
        place.wait_until(lambda: "mailtrust-connect" in service.command_of(sleeper.child.pid), "the tunnel")
        place.wait_until(lambda: set(ids(sleeper.child.pid, "Gid")) == {"65534"} or sleeper.child.poll() is not None,
                         "the group's end")
        self.assertIsNone(sleeper.child.poll())
        self.assertEqual(os.stat(f"/proc/{sleeper.child.pid}/environ").st_uid, 0)

    def stopped_socket(self):
        """A socket of root's that accepts and says nothing."""
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        path = LAB.path / "silent"
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        path.chmod(0o666)
        listener.listen()
        return path

    def test_the_environment_does_not_say_where_the_service_is(self):
        one = self.connect(self.program, env={"MAILTRUST_SOCKET": str(self.service.socket)})
        self.assertEqual(tunnel.refused(one)[0], service.NO_DAEMON)

    def test_somebody_else_who_listens_is_not_the_service(self):
        path = LAB.folder("stranger")
        path.chmod(0o777)
        stranger = LAB.start(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "python3", "-c",
                              "import socket, sys, time; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]);"
                              "s.listen(); time.sleep(60)", path / "socket"], name="stranger")
        stranger.await_address(path / "socket")
        one = self.connect(self.program, "--socket", path / "socket")
        self.assertEqual(tunnel.refused(one)[0], service.NO_DAEMON)
        self.assertIn("somebody else listens", one.errors())

    def test_a_listener_has_no_group_and_its_tunnels_attest(self):
        where = LAB.path / "listening"
        process = LAB.start([self.program, "--socket", self.service.socket, "--listen", f"unix:{where}",
                             "me@example.test", "imap"], name="listener")
        place.wait_until(lambda: "listening" in process.output() or process.has_ended(), "the listener")
        self.assertEqual(set(ids(process.pid, "Gid")), {str(os.getgid())})
        with socket.socket(socket.AF_UNIX) as end:
            end.connect(str(where))
            end.settimeout(20)
            self.assertTrue(end.recv(100).startswith(b"* OK "))

    def test_after_the_service_was_started_anew_the_tunnel_only_asserts(self):
        one = self.connect(self.program, "--socket", self.service.socket)
        one.until(b"\r\n")
        self.service.restart()
        one.rest()
        self.assertEqual(one.wait(), service.DENY)
        self.assertIn("evidence.asserted-only", one.errors())
