# SPDX-License-Identifier: MIT
"""Starting where something is wrong: one line that says what, and never a weaker answer."""
import os
import subprocess
import time
import unittest

from lab import mail, pki, place, service

ADDRESS = "me@example.test"
LAB = CAST = DOVECOT = None


def setUpModule():
    global LAB, CAST, DOVECOT
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    CAST = pki.ServerPki(LAB.folder("pki"))
    DOVECOT = mail.Dovecot(LAB, "good", CAST.good)


def prepared(name):
    """A service that is stopped, with one active account in its store."""
    made = service.Service(LAB, name, anchors=CAST.root.pem)
    made.mailtrust("account", "add", ADDRESS, "--imap", f"localhost:{DOVECOT.ports['imaps']}")
    assert made.mailtrust("account", "commit", ADDRESS).returncode == 0
    made.process.end()
    return made


def store_of(made):
    """The store's file."""
    found = [p for p in made.state.rglob("*.tdb")]
    assert len(found) == 1, found
    return found[0]


class RefusesToStart(unittest.TestCase):
    def refused(self, *options, name="refused", **env):
        """Runs mailtrustd, which must end by itself with one line. Return: the line."""
        made = service.Service(LAB, name, anchors=CAST.root.pem, start=False)
        argv = list(made.argv)
        if options[0] in argv:  # each option may be given once
            at = argv.index(options[0])
            del argv[at:at + 2]
        done = LAB.run([*argv, *options], env=env, timeout=20)
        self.assertNotIn(done.returncode, (0, -6, -11), done.stderr)
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        self.assertEqual(len(lines), 1, lines)
        return lines[0]

    @unittest.skipIf(os.geteuid() == 0, "root may write anywhere")
    def test_a_read_only_state_directory_is_named(self):
        folder = LAB.folder("read-only")
        folder.chmod(0o500)
        self.assertIn(str(folder), self.refused("--state-dir", folder / "state"))

    def test_a_state_directory_that_is_a_file_is_named(self):
        path = LAB.path / "not-a-folder"
        path.write_text("x")
        self.assertIn(str(path), self.refused("--state-dir", path))

    def test_a_state_directory_below_nothing_is_named(self):
        path = LAB.path / "not-a-folder-either"
        path.write_text("x")
        self.assertIn(str(path), self.refused("--state-dir", path / "state"))

    def test_a_store_in_use_is_named_as_such(self):
        running = service.Service(LAB, "locked", anchors=CAST.root.pem)
        line = self.refused("--state-dir", running.state)
        self.assertIn(str(running.state), line)
        self.assertFalse(running.process.has_ended())

    def test_trust_anchors_that_cannot_be_read_are_named(self):
        self.assertIn("no-such-anchors.pem", self.refused("--trust-anchors", LAB.path / "no-such-anchors.pem"))

    def test_a_socket_path_that_is_too_long_is_named(self):
        self.assertIn("socket", self.refused("--socket", LAB.path / ("x" * 120)))

    def test_an_unknown_option_is_a_usage_error(self):
        made = service.Service(LAB, "usage", start=False)
        self.assertEqual(LAB.run([*made.argv, "--no-such-option"]).returncode, service.USAGE)

    def test_an_unknown_configuration_key_is_told_with_file_and_line(self):
        path = LAB.path / "bad.conf"
        path.write_text("# ours\nno-such-key = 1\n")
        line = self.refused("--config", path)
        self.assertIn(str(path), line)
        self.assertIn("2", line.replace(str(path), ""))


class DamagedStore(unittest.TestCase):
    """Whatever is wrong with the store: a start with one line of warning and nothing but deny, or no start."""

    def denies(self, made):
        process = LAB.start(made.argv, name=made.name)
        made.process = process
        place.wait_until(lambda: process.has_ended() or place.is_listening(made.socket), "mailtrustd")
        if process.has_ended():
            self.assertNotIn(process.child.returncode, (0, -6, -11))
            self.assertEqual(len(process.output().strip().splitlines()), 1, process.output())
            return
        status, answer = made.ask("check", ADDRESS, "imap")
        self.assertEqual(status, service.DENY, answer)
        self.assertIn("daemon.degraded", answer["reasons"])
        self.assertIn(str(made.state), made.log())

    def test_a_truncated_store_denies(self):
        made = prepared("truncated")
        path = store_of(made)
        data = path.read_bytes()
        # the file ends in free space: what is cut off must have held something
        path.write_bytes(data[:len(data.rstrip(b"\0B")) // 2])
        self.denies(made)

    def test_a_store_that_lost_only_free_space_lost_nothing(self):
        made = prepared("short")
        path = store_of(made)
        data = path.read_bytes()
        path.write_bytes(data[:(len(data.rstrip(b"\0B")) + len(data)) // 2])
        made.start()
        self.assertEqual(made.mailtrust("check", ADDRESS, "imap").returncode, service.ALLOW)
        self.assertEqual(made.mailtrust("account", "add", "you@example.test", "--imap", "localhost:1").returncode, 0)

    def test_a_store_with_a_torn_header_denies(self):
        made = prepared("torn")
        data = bytearray(store_of(made).read_bytes())
        data[:64] = bytes(64)
        store_of(made).write_bytes(data)
        self.denies(made)

    def test_a_store_that_is_no_store_denies(self):
        made = prepared("foreign")
        store_of(made).write_bytes(b"something else entirely\n" * 500)
        self.denies(made)

    def test_a_changed_byte_in_an_account_denies_for_that_account(self):
        made = prepared("flipped")
        data = bytearray(store_of(made).read_bytes())
        at = data.find(b"localhost")
        self.assertGreater(at, 0, "the endpoint's host is in the store")
        for _ in range(data.count(b"localhost")):
            data[at] ^= 1
            at = max(data.find(b"localhost"), 0)
        store_of(made).write_bytes(data)
        made.start()
        status, answer = made.ask("check", ADDRESS, "imap")
        self.assertEqual(status, service.DENY, answer)
        self.assertNotIn("conf.met", answer["reasons"])

    def test_the_damaged_file_is_kept(self):
        made = prepared("kept")
        damaged = b"something else entirely\n" * 500
        store_of(made).write_bytes(damaged)
        process = LAB.start(made.argv, name=made.name)
        place.wait_until(lambda: process.has_ended() or place.is_listening(made.socket), "mailtrustd")
        process.end()
        self.assertIn(damaged, [p.read_bytes() for p in made.state.rglob("*") if p.is_file()])


@unittest.skipIf(place.is_instrumented(), "a sanitizer's runtime has to come first")
class WhileTheStoreIsChecked(unittest.TestCase):
    """DESIGN §7: nothing is committed until the check has reported; a script must not notice."""

    def begin(self, name, msec):
        """A service with one active account whose store, and then its snapshot, takes so long to check."""
        made = prepared(name)
        env = {"LD_PRELOAD": str(place.BUILD / "tests/slow-check.so"), "MT_SLOW_CHECK_MSEC": str(msec)}
        made.process = LAB.start(made.argv, name=name, env=env).await_address(made.socket)
        self.assertEqual(made.ask("status")[1]["service"]["store"], "checking")
        return made

    def test_what_changes_something_waits_until_the_check_has_reported(self):
        made = self.begin("patient", 1250)
        started = time.monotonic()
        adding = subprocess.Popen([str(place.executable("mailtrust")), "--socket", str(made.socket),
                                   "--non-interactive", "account", "add", "you@example.test", "--imap", "localhost:1"],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=LAB.environment())
        # what only asks does not
        self.assertEqual(made.ask("check", ADDRESS, "imap")[0], service.ALLOW)
        self.assertEqual(made.ask("status")[1]["service"]["store"], "checking")
        self.assertLess(time.monotonic() - started, 2)
        out, _ = adding.communicate(timeout=20)
        self.assertEqual(adding.returncode, 0, out)
        self.assertEqual(made.ask("status")[1]["service"]["store"], "ready")
        self.assertEqual([a["address"] for a in made.ask("account", "list")[1]["accounts"]],
                         [ADDRESS, "you@example.test"])

    def test_it_waits_no_longer_than_its_caller_and_is_not_done_behind_his_back(self):
        made = self.begin("impatient", 3000)
        done = made.mailtrust("account", "add", "you@example.test", "--imap", "localhost:1")
        self.assertEqual(done.returncode, 75, done.stderr)
        place.wait_until(lambda: made.ask("status")[1]["service"]["store"] == "ready", "the store's check")
        self.assertEqual([a["address"] for a in made.ask("account", "list")[1]["accounts"]], [ADDRESS])


class EmptyState(unittest.TestCase):
    def test_an_absent_state_directory_is_made_for_its_owner_only(self):
        made = service.Service(LAB, "fresh", anchors=CAST.root.pem)
        self.assertEqual(made.state.stat().st_mode & 0o777, 0o700)

    def test_a_stale_socket_is_taken_over(self):
        made = service.Service(LAB, "stale", anchors=CAST.root.pem)
        made.process.child.kill()
        made.process.child.wait()
        self.assertTrue(made.socket.exists())
        made.start()
        self.assertEqual(made.mailtrust("account", "list").returncode, 0)

    def test_no_bus_at_all_is_no_obstacle(self):
        made = service.Service(LAB, "no-bus", anchors=CAST.root.pem, bus=None)
        self.assertEqual(made.mailtrust("status").returncode, 0)
