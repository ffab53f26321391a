# SPDX-License-Identifier: MIT
"""The tunnel once it has dialled: confined, with an asker beside it, which is confined too."""
import contextlib
import os
import pathlib
import signal
import time
import unittest

from lab import place, service, tunnel, tunnelled
from lab.scripted import secure
from lab.tunnelled import EAGER, REFUSAL, ScriptedCase, take_leave

LAB = CAST = None


def setUpModule():
    global LAB, CAST
    LAB, CAST = tunnelled.set_up()


def status_of(pid):
    """The fields of /proc/PID/status."""
    return dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())


def files_of(pid):
    """{descriptor: what it is} of a process."""
    files = {}
    for path in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            files[int(path.name)] = os.readlink(path)
    return files


def kind_of(pid, descriptor):
    """"tcp", "unix", "netlink", or what else a descriptor is."""
    link = files_of(pid)[descriptor]
    inode = link.removeprefix("socket:[").rstrip("]")
    for kind, name in (("tcp", "tcp"), ("tcp", "tcp6"), ("unix", "unix"), ("netlink", "netlink")):
        if link.startswith("socket:") and inode in pathlib.Path(f"/proc/{pid}/net/{name}").read_text().split():
            return kind
    return link.split(":")[0]


def asker_of(pid):
    """The process beside a tunnel."""
    return place.wait_until(lambda: pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split(), "the asker")[0]


def has_ended(pid):
    """There is no such process, or only what its parent has not taken note of."""
    try:
        return status_of(pid)["State"].startswith("Z")
    except OSError:
        return True


class Confined(ScriptedCase):
    def live(self, **more):
        """Return: (account, server, tunnel) of a session that is under way."""
        address, server = self.server("imap", True)
        one = self.connect(address, "imap", **more)
        one.say(b"a NOOP\r\n")
        one.until(b"OK done\r\n")
        return address, server, one

    def test_a_running_tunnel_and_its_asker_show_filter_and_no_new_privileges(self):
        _, _, one = self.live()
        for pid in (one.child.pid, asker_of(one.child.pid)):
            with self.subTest(command=service.command_of(pid)):
                self.assertEqual((status_of(pid)["Seccomp"], status_of(pid)["NoNewPrivs"]), ("2", "1"))
                # what is not dumpable belongs to root, whoever runs it
                self.assertEqual(os.stat(f"/proc/{pid}/mem").st_uid, 0)

    def test_it_is_confined_before_the_server_has_said_a_byte(self):
        address, server = self.bent("imap", True, start=(2, secure))
        one = self.connect(address, "imap")
        place.wait_until(lambda: server.talks, "the connection")
        place.wait_until(lambda: status_of(one.child.pid)["Seccomp"] == "2", "the filter", 1)
        self.assertEqual(server.talks[0].saw, [])
        one.hang_up()

    def test_the_tunnel_holds_the_server_and_the_program_and_no_way_to_the_service(self):
        left_open = os.open("/etc/passwd", os.O_RDONLY)
        self.addCleanup(os.close, left_open)
        _, server, one = self.live(pass_fds=[left_open])
        pid, asker = one.child.pid, asker_of(one.child.pid)
        kinds = [kind_of(pid, fd) for fd in sorted(files_of(pid))]
        # standard input, output and error; then the server, and the asker
        self.assertEqual(kinds[:3], ["pipe", "pipe", "pipe"])
        self.assertEqual(sorted(kinds[3:]), ["tcp", "unix"])
        # standard error; then the service, and the tunnel
        self.assertEqual([kind_of(asker, fd) for fd in sorted(files_of(asker))], ["pipe", "unix", "unix"])
        shared = {files_of(pid)[fd] for fd in files_of(pid)} & {files_of(asker)[fd] for fd in files_of(asker)}
        self.assertEqual(shared, {files_of(pid)[2]})

    def test_the_asker_ends_with_its_tunnel(self):
        for end in (signal.SIGKILL, signal.SIGTERM, None):
            with self.subTest(end=end):
                _, _, one = self.live()
                asker = asker_of(one.child.pid)
                one.child.send_signal(end) if end else one.hang_up()
                one.wait()
                place.wait_until(lambda: has_ended(asker), "the asker's end", 1)

    def test_a_tunnel_whose_asker_dies_allows_nothing_more(self):
        # D-SYS-04: before the verdict
        address, server = self.bent("imap", True, start=(1, secure))
        one = self.connect(address, "imap")
        one.say(EAGER["imap"])
        place.wait_until(lambda: server.talks, "the connection")
        os.kill(int(asker_of(one.child.pid)), signal.SIGKILL)
        status, said = tunnel.refused(one)
        self.assertEqual(status, service.NO_DAEMON, one.errors())
        self.assertTrue(said.startswith(REFUSAL["imap"]), said)
        self.assert_saw_nothing(server)

    def test_a_session_whose_asker_dies_is_ended_since_nobody_would_tell_of_changes(self):
        # D-SYS-09
        _, server, one = self.live()
        os.kill(int(asker_of(one.child.pid)), signal.SIGKILL)
        one.rest()
        self.assertEqual(one.wait(), service.NO_DAEMON, one.errors())
        server.await_end()

    def test_a_service_that_is_started_anew_is_found_from_inside(self):
        self.servers.clear()  # what was made stricter stays so
        address, _, one = self.live()
        self.addCleanup(self.servers.clear)
        self.service.process.child.kill()
        self.service.restart()
        time.sleep(1.5)
        one.say(b"b NOOP\r\n")
        one.until(b"b OK")
        started = time.monotonic()
        self.service.mailtrust("account", "edit", address, "--set", "auth_mechs=EXTERNAL")
        one.rest()
        self.assertEqual(one.wait(), service.DENY, one.errors())
        self.assertLess(time.monotonic() - started, 1.5)

    @unittest.skipUnless(os.geteuid() == 0, "a tracer needs a privilege there")
    def test_the_tunnel_makes_no_call_that_its_filter_refuses(self):
        # what is refused quietly would be a limp nobody sees
        address, server = self.bent("imap", True, bye=(b"<bye>", take_leave))
        trace = LAB.path / "trace"
        program = ["strace", "-f", "-qq", "-o", trace, "-e", "status=failed", place.executable("mailtrust"), "--socket",
                   self.service.socket, "connect"]
        one = self.connect(address, "imap", program=program)
        one.say(EAGER["imap"])
        one.rest()
        self.assertEqual(one.wait(), service.ALLOW, one.errors())
        refused = [line for line in trace.read_text().splitlines() if "EPERM" in line]
        self.assertEqual(refused, [])
