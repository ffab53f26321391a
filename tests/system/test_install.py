# SPDX-License-Identifier: MIT
"""What is installed, and what the tunnel's word is worth then.

The real installation is made by root in a mount namespace of its own: the prefix is an empty folder
there, and /etc a copy, so that the machine gets neither files nor a group.
"""
import json
import os
import pathlib
import shutil
import subprocess
import unittest

from lab import mail, place, scripted, service, tunnel, tunnelled

LAB = CAST = PREFIX = None
GROUP = "mailtrust-attest"
NOBODY = 4802  # the overflow uid has no account anywhere
AS_NOBODY = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
ADDRESS = "me@example.test"


def setUpModule():
    global LAB, CAST, PREFIX
    LAB, CAST = tunnelled.set_up()
    options = json.loads((place.BUILD / "meson-info/intro-buildoptions.json").read_text())
    PREFIX = next(pathlib.Path(o["value"]) for o in options if o["name"] == "prefix")


def installed(name):
    return PREFIX / {"mailtrust": "bin", "mailtrustd": "sbin"}.get(name, "libexec/mailtrust") / name


class Destdir(unittest.TestCase):
    def test_a_destdir_gets_every_program_and_no_group_of_ours(self):
        folder = LAB.folder("destdir")
        done = LAB.run([place.ROOT / "bootstrap", "install"], timeout=250,
                       env={"DESTDIR": str(folder), "PREFIX": str(PREFIX), "BUILD": str(place.BUILD)})
        self.assertEqual(done.returncode, 0, (done.stdout, done.stderr))
        for name in ("mailtrust", "mailtrustd", "mailtrust-worker", "mailtrust-connect"):
            path = folder / installed(name).relative_to("/")
            self.assertTrue(os.access(path, os.X_OK), path)
            self.assertEqual(path.stat().st_mode & 0o7777, 0o755, path)
        # a package gives the group in its own way, and says so itself
        script = place.ROOT / "clients/connect/install-attest"
        done = LAB.run([script, "libexec/mailtrust/mailtrust-connect"],
                       env={"DESTDIR": str(folder), "MESON_INSTALL_DESTDIR_PREFIX": f"{folder}{PREFIX}"})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"not setgid {GROUP}", done.stdout)
        self.assertEqual((folder / installed("mailtrust-connect").relative_to("/")).stat().st_mode & 0o7777, 0o755)


@unittest.skipUnless(mail.IS_ROOT, "only root may install for all")
class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        etc, prefix = LAB.path / "etc", LAB.folder("prefix")
        shutil.copytree("/etc", etc, symlinks=True, ignore_dangling_symlinks=True)
        os.chmod(etc, 0o755)
        script = f"mount --bind {etc} /etc && mount --bind {prefix} {PREFIX} && echo ready && exec sleep 1000"
        cls.holder = LAB.start(["unshare", "--mount", "--propagation", "private", "sh", "-c", script], name="namespace")
        place.wait_until(lambda: "ready" in cls.holder.output() or cls.holder.has_ended(), "the namespace")
        assert not cls.holder.has_ended(), cls.holder.output()
        cls.install()
        cls.server = scripted.ScriptedServer(LAB, scripted.imap(CAST.good, True))
        LAB.folder("run").chmod(0o777)
        cls.service = cls.make_service("service")

    @classmethod
    def inside(cls, *argv):
        return ["nsenter", f"--target={cls.holder.pid}", "--mount", "--wd=/", *argv]

    @classmethod
    def install(cls):
        """As `./bootstrap install` does it as root. Return: what it said."""
        done = LAB.run(cls.inside("meson", "install", "--no-rebuild", "-C", place.BUILD), timeout=120)
        assert done.returncode == 0, (done.stdout, done.stderr)
        return done.stdout

    @classmethod
    def make_service(cls, name, who=()):
        """The installed daemon, of one user, with an account that demands attested evidence."""
        made = service.Service(LAB, name, anchors=CAST.root.pem, start=False)
        made.folder.chmod(0o777)
        CAST.root.pem.chmod(0o644)
        made.argv = cls.inside(*who, installed("mailtrustd"), *made.argv[1:])
        made.start = None
        made.process = LAB.start(made.argv, name=name).await_address(made.socket)
        made.mailtrust = lambda *args, **more: LAB.run(
            cls.inside(*who, installed("mailtrust"), "--socket", made.socket, "--non-interactive", *args), **more)
        place.wait_until(lambda: b"checking" not in made.mailtrust("--json", "status").stdout.encode(), "the store's check")
        for args in (("add", ADDRESS, "--imap", f"localhost:{cls.server.port}"), ("commit", ADDRESS),
                     ("edit", ADDRESS, "--set", "evidence_min=attested")):
            done = made.mailtrust("account", *args)
            assert done.returncode == 0, (args, done.stdout, done.stderr, made.log())
        return made

    def stat(self, path):
        """[mode, owner, group] as seen inside."""
        return LAB.run(self.inside("stat", "--format=%a %U %G", path)).stdout.split()

    def connect(self, *before, target=None, program="mailtrust-connect", env=None, words=("--socket",)):
        """A tunnel from the installed file."""
        target = target or self.service
        argv = self.inside(*before, installed(program), *(["--socket", target.socket] if words else []),
                           *(["connect"] if program == "mailtrust" else []))
        one = tunnel.Tunnel(target, ADDRESS, "imap", program=argv, env=env)
        self.addCleanup(one.end)
        return one

    def assert_attested(self, one):
        self.assertTrue(one.until(b"\r\n").startswith(b"* OK "), one.said)

    def assert_only_asserted(self, one):
        self.assertEqual(tunnel.refused(one)[0], service.DENY, one.errors())
        self.assertIn("evidence.asserted-only", one.errors())

    def test_the_tunnel_is_setgid_to_a_group_of_its_own_without_members(self):
        self.assertEqual(self.stat(installed("mailtrust-connect")), ["2755", "root", GROUP])
        entry = LAB.run(self.inside("getent", "group", GROUP)).stdout.strip().split(":")
        self.assertEqual(entry[3], "")
        self.assertLess(int(entry[2]), 1000)  # a system group
        self.assertEqual(LAB.run(["getent", "group", GROUP]).stdout, LAB.run(["grep", f"^{GROUP}:", "/etc/group"]).stdout)
        for name in ("mailtrust", "mailtrustd", "mailtrust-worker"):
            self.assertEqual(self.stat(installed(name))[0], "755")

    def test_installing_again_keeps_group_and_mode(self):
        before = LAB.run(self.inside("getent", "group", GROUP)).stdout
        self.install()
        self.assertEqual(LAB.run(self.inside("getent", "group", GROUP)).stdout, before)
        self.assertEqual(self.stat(installed("mailtrust-connect")), ["2755", "root", GROUP])

    def test_the_installed_tunnel_attests_by_itself_and_by_the_command(self):
        for program in ("mailtrust-connect", "mailtrust"):
            with self.subTest(program=program):
                self.assert_attested(self.connect(program=program))

    def test_a_copy_of_it_only_asserts(self):
        copy = LAB.path / "copy"
        self.assertEqual(LAB.run(self.inside("install", "-m", "755", installed("mailtrust-connect"), copy)).returncode, 0)
        one = tunnel.Tunnel(self.service, ADDRESS, "imap", program=self.inside(copy, "--socket", self.service.socket))
        self.addCleanup(one.end)
        self.assert_only_asserted(one)

    def test_a_hostile_environment_changes_nothing(self):
        # LD_*: ld.so(8), secure-execution mode; the others name files a library would load
        preload = LAB.path / "preload.so"
        source = LAB.path / "preload.c"
        source.write_text("#include <stdio.h>\n#include <stdlib.h>\n#include <unistd.h>\n"
                          "__attribute__((constructor)) static void f(void) { fputs(\"loaded\\n\", stderr); _exit(99); }\n")
        done = LAB.run(["gcc", "-shared", "-fPIC", "-o", preload, source])
        self.assertEqual(done.returncode, 0, done.stderr)
        config = LAB.path / "openssl.cnf"
        config.write_text(f"openssl_conf = a\n[a]\nproviders = b\n[b]\nevil = c\n[c]\nmodule = {preload}\nactivate = 1\n")
        hostile = [{"LD_PRELOAD": str(preload)}, {"LD_AUDIT": str(preload)}, {"LD_LIBRARY_PATH": str(LAB.path)},
                   {"OPENSSL_CONF": str(config)}, {"OPENSSL_MODULES": str(LAB.path)}, {"GCONV_PATH": str(LAB.path)},
                   {"MALLOC_CHECK_": "3", "MALLOC_TRACE": str(LAB.path / "trace")}, {"SSLKEYLOGFILE": str(LAB.path / "keys")},
                   {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nowhere", "DBUS_SESSION_BUS_ADDRESS": "unixexec:path=/bin/false"},
                   {"MAILTRUST_SOCKET": "/nowhere"}]
        for env in hostile:
            with self.subTest(env=env):
                # nsenter and setpriv are not setgid: the environment begins behind them
                setting = [f"{name}={value}" for name, value in env.items()]
                one = self.connect("env", *setting)
                self.assert_attested(one)
                one.hang_up()
                one.wait()
                self.assertNotIn("loaded", one.errors())
        self.assertFalse((LAB.path / "trace").exists())
        self.assertFalse((LAB.path / "keys").exists())

    def test_a_socket_in_the_environment_is_not_believed(self):
        one = self.connect("env", f"MAILTRUST_SOCKET={self.service.socket}", words=())
        self.assertEqual(tunnel.refused(one)[0], service.NO_DAEMON)

    def test_a_service_of_the_users_own_is_no_service_for_anybody_else(self):
        # a fake one that another user runs where the tunnel is told to look
        folder = LAB.folder("fake")
        folder.chmod(0o777)
        fake = LAB.start([*AS_NOBODY, "python3", "-c",
                          "import socket, sys, time; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]);"
                          "s.listen(); time.sleep(100)", folder / "socket"], name="fake").await_address(folder / "socket")
        self.assertFalse(fake.has_ended())
        one = tunnel.Tunnel(self.service, ADDRESS, "imap",
                            program=self.inside(installed("mailtrust-connect"), "--socket", folder / "socket"))
        self.addCleanup(one.end)
        self.assertEqual(tunnel.refused(one)[0], service.NO_DAEMON)
        self.assertIn("somebody else listens", one.errors())

    def test_where_the_system_has_a_service_one_of_the_users_own_is_none(self):
        # DESIGN §3: the tunnel's peer is root or mailtrust; no option sidesteps the organisation (R-5.2-10)
        target = self.make_service("own", AS_NOBODY)
        folder = LAB.folder("system-services")
        activated = "/usr/share/dbus-1/system-services"
        script = f'mount --bind {folder} {activated} && exec "$@"'
        elsewhere = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", *AS_NOBODY]
        self.assert_attested(self.connect(*elsewhere, target=target))
        (folder / "org.mailtrust1.service").touch()
        one = self.connect(*elsewhere, target=target)
        self.assertEqual(tunnel.refused(one)[0], service.NO_DAEMON)
        self.assertIn("somebody else listens", one.errors())

    def test_the_user_cannot_trace_it_and_traced_from_the_start_it_only_asserts(self):
        target = self.make_service("nobodys", AS_NOBODY)
        self.assert_attested(self.connect(*AS_NOBODY, target=target))
        # execve(2): a traced program does not get the group
        trace = LAB.folder("traces")
        trace.chmod(0o777)
        self.assert_only_asserted(self.connect(*AS_NOBODY, "strace", "-f", "-o", trace / "trace", target=target))
        one = self.connect(*AS_NOBODY, target=target)
        one.until(b"\r\n")
        attached = subprocess.run([*AS_NOBODY, "timeout", "5", "strace", "-p", str(one.child.pid)], capture_output=True,
                                  text=True, check=False)
        self.assertNotEqual(attached.returncode, 0)
        self.assertRegex(attached.stderr, "not permitted|ptrace")
        for file in ("environ", "mem", "maps"):
            done = LAB.run([*AS_NOBODY, "head", "-c1", f"/proc/{one.child.pid}/{file}"])
            self.assertNotEqual(done.returncode, 0, file)
        one.say(b"z NOOP\r\n")
        one.until(b"z OK")

    def test_a_listener_from_the_installed_file_attests_for_its_user_and_refuses_another(self):
        target = self.make_service("listened", AS_NOBODY)
        folder = LAB.folder("listening")
        folder.chmod(0o777)
        for where in (f"unix:{folder / 'socket'}", "tcp:127.0.0.1:0"):
            with self.subTest(where=where):
                process = LAB.start(self.inside(*AS_NOBODY, installed("mailtrust-connect"), "--socket", target.socket,
                                                "--listen", where, ADDRESS, "imap"), name=f"listener-{len(LAB.processes)}")
                place.wait_until(lambda p=process: "listening at" in p.output() or p.has_ended(), "the listener")
                found = process.output().split("listening at ")[1].split()[0]
                if found.startswith("unix:"):
                    self.assertEqual(self.stat(found[5:])[0], "600")
                    os.chmod(found[5:], 0o666)  # the mode alone would keep them out
                self.assertTrue(self.heard(AS_NOBODY, found).startswith("b'* OK "), process.output())
                stranger = ["setpriv", "--reuid", "65533", "--regid", "65533", "--clear-groups"]
                self.assertEqual(self.heard(stranger, found), "b''")
                self.assertEqual(self.heard([], found), "b''")  # root is another user, too

    def heard(self, who, where):
        """What a user hears of a listener first."""
        text = ("import socket, sys; w = sys.argv[1]\n"
                "s = socket.socket(socket.AF_UNIX if w.startswith('unix:') else socket.AF_INET); s.settimeout(20)\n"
                "s.connect(w[5:] if w.startswith('unix:') else ('127.0.0.1', int(w.rpartition(':')[2])))\n"
                "print(s.recv(100))")
        return LAB.run([*who, "python3", "-c", text, where]).stdout.strip()
