# SPDX-License-Identifier: MIT
"""The asking end: which service is asked, what is believed to be one, and libmailtrust as others get it."""
import contextlib
import json
import re
import shutil
import signal
import socket
import threading
import time
import unittest

from lab import place, service

ADDRESS = "me@example.test"
HEADER = place.ROOT / "clients/lib/mailtrust.h"
LAB = None


def setUpModule():
    global LAB
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)


def mailtrust(*args, **env):
    """The command line, told nothing but by its environment. Return: subprocess.CompletedProcess."""
    return LAB.run([place.executable("mailtrust"), "--non-interactive", *args], env=env)


class Order(unittest.TestCase):
    """Each service knows an account of its own, and by that it is told apart."""

    @classmethod
    def setUpClass(cls):
        cls.named = service.Service(LAB, "named")
        cls.user = service.Service(LAB, "user", start=False)
        cls.user.socket = LAB.folder("run/mailtrust") / "socket"
        cls.user.argv[cls.user.argv.index("--socket") + 1] = cls.user.socket
        cls.user.start()
        for one in (cls.named, cls.user):
            one.mailtrust("account", "add", f"{one.name}@example.test", "--imap", "localhost:1143")

    def test_the_users_own_service_is_asked_where_it_is_wanted(self):
        self.assertIn("user@example.test", mailtrust("--user", "account", "list").stdout)

    def test_a_socket_named_in_the_environment_comes_first(self):
        self.assertIn("named@example.test", mailtrust("account", "list", MAILTRUST_SOCKET=str(self.named.socket)).stdout)

    def test_an_option_comes_before_the_environment(self):
        done = mailtrust("--user", "account", "list", MAILTRUST_SOCKET=str(self.named.socket))
        self.assertIn("user@example.test", done.stdout)
        done = mailtrust("--socket", str(self.named.socket), "account", "list", MAILTRUST_SOCKET="/nothing")
        self.assertIn("named@example.test", done.stdout)

    def test_where_the_named_one_is_missing_no_other_is_asked(self):
        done = mailtrust("account", "list", MAILTRUST_SOCKET=str(LAB.path / "nothing"))
        self.assertEqual((done.returncode, done.stdout), (service.NO_DAEMON, ""))


class Absent(unittest.TestCase):
    """Missing, silent and talking nonsense are one outcome (D-SYS-04)."""

    def refused(self, path, at_least=0, at_most=2):
        for command in (("check", ADDRESS), ("account", "add", ADDRESS, "--imap", "localhost:1143"), ("status",)):
            start = time.monotonic()
            done = mailtrust("--json", "--socket", str(path), *command)
            self.assertEqual(done.returncode, service.NO_DAEMON, (command, done.stdout, done.stderr))
            self.assertIn('"reasons":["daemon.unavailable"]', done.stdout)
            self.assertTrue(at_least <= time.monotonic() - start <= at_most, (command, time.monotonic() - start))
            if at_least:  # one command is enough to wait for
                return

    def listener(self, name, text=None):
        """A socket that says text to everybody; without text it lets nobody in."""
        path = LAB.path / name
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(path))
        server.listen(8)

        def talk():
            with contextlib.suppress(OSError):  # closed: the test is over
                while True:
                    peer, _ = server.accept()
                    with peer, contextlib.suppress(BrokenPipeError):
                        peer.sendall(text)

        thread = threading.Thread(target=talk, daemon=True)
        if text is None:
            self.addCleanup(server.close)
            return path
        self.addCleanup(place.stop_accepting, server, thread)
        thread.start()
        return path

    def test_a_missing_service_is_absent(self):
        self.refused(LAB.path / "missing")

    def test_a_service_that_speaks_something_else_is_absent(self):
        self.refused(self.listener("http", b"HTTP/1.1 400 Bad Request\r\n\r\n"))

    def test_a_service_that_never_lets_in_is_absent_after_five_seconds(self):
        self.refused(self.listener("mute"), 4.5, 7)

    def test_a_stopped_service_is_absent_after_five_seconds_and_back_afterwards(self):
        made = service.Service(LAB, "stopped")
        made.process.child.send_signal(signal.SIGSTOP)
        self.addCleanup(made.process.child.send_signal, signal.SIGCONT)
        self.refused(made.socket, 4.5, 7)
        made.process.child.send_signal(signal.SIGCONT)
        self.assertEqual(made.mailtrust("status").returncode, 0)


def sanitizers():
    """What a program must be built with as well, where the libraries are."""
    options = json.loads((place.BUILD / "meson-info/intro-buildoptions.json").read_text())
    used = next(option["value"] for option in options if option["name"] == "b_sanitize")
    return [] if used == "none" else [f"-fsanitize={used}"]


class Library(unittest.TestCase):
    """What a distribution would package: header, libraries and pkg-config file, in a folder of its own."""

    @classmethod
    def setUpClass(cls):
        cls.root = LAB.folder("installed")
        LAB.run(["meson", "install", "-C", place.BUILD, "--no-rebuild", "--destdir", cls.root]).check_returncode()
        cls.shared = next(cls.root.rglob("libmailtrust.so"))
        cls.static = next(cls.root.rglob("libmailtrust.a"))
        cls.env = {"PKG_CONFIG_PATH": str(next(cls.root.rglob("mailtrust.pc")).parent),
                   "PKG_CONFIG_SYSROOT_DIR": str(cls.root), "LD_LIBRARY_PATH": str(cls.shared.parent)}

    def pkg_config(self, *options):
        done = LAB.run(["pkg-config", *options, "mailtrust"], env=self.env)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.split()

    def build(self, name, libraries):
        """Compiles the mail program against the installed header alone. Return: its path."""
        program = LAB.path / name
        done = LAB.run(["cc", "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", *sanitizers(),
                        place.ROOT / "tests/system/mail-program.c", *self.pkg_config("--cflags"),
                        "-o", program, *libraries], env=self.env)
        self.assertEqual(done.returncode, 0, done.stderr)
        return program

    def works(self, program):
        """With a service it gives that one's answer, without one it denies."""
        made = service.Service(LAB, f"for-{program.name}")
        made.mailtrust("account", "add", ADDRESS, "--imap", "localhost:1143/none")
        done = LAB.run([program, ADDRESS], env=self.env | {"MAILTRUST_SOCKET": str(made.socket)})
        self.assertEqual(done.returncode, 0, done.stderr)
        level, decision, *reasons = done.stdout.splitlines()
        self.assertEqual(level, made.ask("account", "show", ADDRESS)[1]["Level"])
        self.assertEqual(decision, "allow")
        self.assertNotIn("daemon.unavailable", reasons)
        done = LAB.run([program, ADDRESS], env=self.env | {"MAILTRUST_SOCKET": str(LAB.path / "nothing")})
        self.assertEqual(done.stdout.splitlines(), ["blocked", "deny", "daemon.unavailable"])

    def test_a_program_is_built_and_run_with_the_shared_library(self):
        self.works(self.build("with-shared", self.pkg_config("--libs")))

    def test_a_program_is_built_and_run_with_the_static_library(self):
        others = [flag for flag in self.pkg_config("--static", "--libs") if flag != "-lmailtrust"]
        program = self.build("with-static", [self.static, *others])
        self.assertNotIn("libmailtrust", LAB.run(["ldd", program]).stdout)
        self.works(program)

    @unittest.skipUnless(shutil.which("c++", path="/usr/bin"), "no C++ compiler here")
    def test_the_header_is_cpp_too(self):
        done = LAB.run(["c++", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-x", "c++", HEADER])
        self.assertEqual(done.returncode, 0, done.stderr)

    def declared(self):
        """The functions of the header."""
        text = re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.S)
        return set(re.findall(r"\b(mailtrust_\w+)\(", text))

    def test_the_shared_library_shows_the_functions_of_the_header_and_nothing_else(self):
        done = LAB.run(["nm", "-D", "--defined-only", "--format=posix", self.shared])
        shown = {line.split("@")[0].split()[0] for line in done.stdout.splitlines()}
        shown.remove("MAILTRUST_0")
        self.assertEqual(shown, self.declared())

    def test_the_static_library_shows_the_functions_of_the_header_and_nothing_else(self):
        done = LAB.run(["nm", "-g", "--defined-only", "--format=posix", self.static])
        self.assertEqual({line.split()[0] for line in done.stdout.splitlines() if len(line.split()) > 1}, self.declared())

    def test_the_shared_library_needs_no_event_loop_and_no_resolver(self):
        needed = LAB.run(["readelf", "-d", self.shared]).stdout
        for unneeded in ("event", "unbound", "tdb", "seccomp", "idn2"):
            self.assertNotIn(f"[lib{unneeded}", needed)

    def test_the_header_explains_every_key_of_evidence(self):
        keys = re.findall(r'\[MT_EV_\w+\]\s*= \{"([\w.]+)"', (place.ROOT / "policy/evidence.c").read_text())
        self.assertGreater(len(keys), 30)
        told = HEADER.read_text()
        self.assertEqual([key for key in keys if key != "chain" and f'"{key}"' not in told], [])
