# SPDX-License-Identifier: MIT
"""What each process may do, seen from outside: system calls, filters, death of a worker."""
import os
import pathlib
import re
import shutil
import signal
import time
import unittest

from lab import mail, pki, place, service

ADDRESS = "me@example.test"
LAB = CAST = SERVICE = None


def setUpModule():
    global LAB, CAST, SERVICE
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    CAST = pki.ServerPki(LAB.folder("pki"))
    SERVICE = service.Service(LAB, anchors=CAST.root.pem)
    dovecot = mail.Dovecot(LAB, "good", CAST.good)
    SERVICE.mailtrust("account", "add", ADDRESS, "--imap", f"localhost:{dovecot.ports['imaps']}")
    SERVICE.mailtrust("account", "commit", ADDRESS)


def check():
    return SERVICE.mailtrust("check", ADDRESS, "imap")


def status_of(pid):
    """/proc/PID/status as dictionary."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def can_trace():
    if not shutil.which("strace"):
        return False
    done = place.subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False)
    return done.returncode == 0


class Filters(unittest.TestCase):
    def test_keeper_and_workers_run_under_a_seccomp_filter(self):
        check()
        place.wait_until(lambda: len(SERVICE.workers()) >= 2, "net and chain")
        workers = SERVICE.workers()
        for pid in [SERVICE.process.pid, *workers]:
            with self.subTest(command=service.command_of(pid)):
                self.assertEqual(status_of(pid)["Seccomp"], "2")
                self.assertEqual(status_of(pid)["NoNewPrivs"], "1")

    def test_the_keeper_cannot_be_dumped_by_its_own_user(self):
        # a non-dumpable process' files in /proc belong to root, and only root may trace it
        shown = SERVICE.lab.run(["cat", f"/proc/{SERVICE.process.pid}/coredump_filter"])
        if os.geteuid() == 0:
            done = LAB.run(["setpriv", "--reuid", "1", "--regid", "1", "--clear-groups", "cat",
                            f"/proc/{SERVICE.process.pid}/environ"])
            self.assertNotEqual(done.returncode, 0)
        else:
            self.assertNotEqual(shown.returncode, 0)

    def test_no_process_has_the_key_file_open_but_the_keeper(self):
        for pid in SERVICE.workers():
            with self.subTest(command=service.command_of(pid)):
                links = [os.readlink(f) for f in pathlib.Path(f"/proc/{pid}/fd").iterdir() if f.is_symlink()]
                self.assertEqual([path for path in links if path.startswith(str(SERVICE.state))], [])

    @unittest.skipUnless(can_trace(), "strace cannot trace here")
    def test_the_keeper_opens_no_internet_socket_and_reads_no_certificate_file(self):
        trace = LAB.path / "keeper.strace"
        strace = LAB.start(["strace", "-p", SERVICE.process.pid, "-o", trace, "-s", "64", "-e",
                            "trace=socket,connect,openat,open,bind,sendto,recvfrom,execve"])
        place.wait_until(lambda: trace.exists() and "attached" in strace.output(), "strace")
        self.assertEqual(check().returncode, service.ALLOW)
        strace.child.send_signal(signal.SIGINT)
        strace.child.wait(10)
        text = trace.read_text()
        self.assertEqual(re.findall(r".*AF_INET.*", text), [])
        self.assertEqual(re.findall(r".*execve.*", text), [])
        opened = re.findall(r'open(?:at)?\((?:AT_FDCWD, )?"([^"]*)"', text)
        foreign = [p for p in opened if re.search(r"\.(pem|crt|cer|der|key)$|/certs/|ssl", p)]
        self.assertEqual(foreign, [])


class DeathOfAWorker(unittest.TestCase):
    def kill(self, role):
        victims = [pid for pid in SERVICE.workers() if role in service.command_of(pid)]
        self.assertTrue(victims, f"there is a {role} worker")
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        return victims

    def test_a_killed_worker_denies_at_worst_and_is_replaced(self):
        for role in ("chain", "net"):
            with self.subTest(role=role):
                old = self.kill(role)
                done = check()
                if done.returncode != service.ALLOW:
                    self.assertEqual(done.returncode, service.DENY, done.stderr)
                    self.assertIn("daemon.degraded", done.stdout + done.stderr)
                place.wait_until(lambda: check().returncode == service.ALLOW, f"a new {role} worker")
                new = [pid for pid in SERVICE.workers() if role in service.command_of(pid)]
                self.assertTrue(new)
                self.assertFalse(set(new) & set(old))

    def test_a_worker_killed_while_it_works_denies_at_worst(self):
        seen = set()
        for delay in (0.0, 0.002, 0.005, 0.01, 0.02, 0.05):
            running = place.subprocess.Popen(
                [place.executable("mailtrust"), "--socket", SERVICE.socket, "check", ADDRESS, "imap"],
                stdout=place.subprocess.DEVNULL, stderr=place.subprocess.DEVNULL, env=LAB.environment())
            time.sleep(delay)
            for pid in SERVICE.workers():
                if "chain" in service.command_of(pid):
                    os.kill(pid, signal.SIGKILL)
            seen.add(running.wait(30))
        self.assertLessEqual(seen, {service.ALLOW, service.DENY})
        place.wait_until(lambda: check().returncode == service.ALLOW, "the service to recover")

    def test_the_keeper_outlives_its_workers(self):
        self.assertFalse(SERVICE.process.has_ended())

    def test_workers_do_not_outlive_the_keeper(self):
        doomed = service.Service(LAB, "doomed", anchors=CAST.root.pem)
        workers = {pid: place.started_at(pid) for pid in doomed.process.descendants()}
        self.assertTrue(workers)
        os.kill(doomed.process.pid, signal.SIGKILL)
        place.wait_until(lambda: all(place.started_at(p) != t or status_of(p)["State"].startswith("Z")
                                     for p, t in workers.items()), "the workers to end", 10)


class Secrets(unittest.TestCase):
    def test_the_signing_key_and_the_store_are_for_their_owner_only(self):
        self.assertEqual(SERVICE.state.stat().st_mode & 0o077, 0)
        for path in SERVICE.state.rglob("*"):
            with self.subTest(path=path.name):
                self.assertEqual(path.stat().st_mode & 0o077, 0)

    def test_the_log_names_no_local_part_and_no_key(self):
        check()
        self.assertNotIn(ADDRESS, SERVICE.log())
        self.assertNotIn("PRIVATE KEY", SERVICE.log())
