# SPDX-License-Identifier: MIT
"""mailtrustd and mailtrust, as a user would start them: no root, no installation, no system bus."""
import contextlib
import fcntl
import json
import os
import pathlib
import pty
import pwd
import select
import signal
import subprocess
import termios
import time

from lab import dbus, place

NAME, ROOT_PATH = "org.mailtrust1", "/org/mailtrust1"
MANAGER, ACCOUNT = "org.mailtrust1.Manager", "org.mailtrust1.Account"
PROPERTIES = "org.freedesktop.DBus.Properties"
TEXT_VERSION = 2  # of the warnings, policy/consent-text.h
ALLOW, AWC, CONFIRM, DENY, NO_DAEMON, USAGE, UNREACHABLE = 0, 10, 20, 30, 40, 64, 69


class Service:
    """One mailtrustd with a state directory and a socket of its own."""

    def __init__(self, lab, name="service", anchors=None, bus="none", options=(), env=None, start=True):
        self.lab, self.name, self.env = lab, name, env or {}
        self.folder = lab.folder(name)
        self.state, self.socket = self.folder / "state", self.folder / "socket"
        self.argv = [place.executable("mailtrustd"), "--user", "--state-dir", self.state, "--socket", self.socket]
        self.argv += ["--trust-anchors", anchors] if anchors else []
        self.argv += ["--bus", bus] if bus else []
        self.argv += options
        self.process = None
        if start:
            self.start()

    def start(self):
        """Returns when the service may store something: its store was checked, for better or worse."""
        self.process = self.lab.start(self.argv, name=self.name, env=self.env).await_address(self.socket)
        place.wait_until(lambda: self.ask("status")[1]["service"]["store"] != "checking", "the store's check")
        return self

    def restart(self):
        self.process.end()
        return self.start()

    def log(self):
        return self.process.output()

    def mailtrust(self, *args, **options):
        """Runs the command line against this service. Return: subprocess.CompletedProcess."""
        return self.lab.run([place.executable("mailtrust"), "--socket", self.socket, "--non-interactive", *args],
                            **options)

    def ask(self, *args, **options):
        """Runs the command line with --json. Return: (exit status, object)."""
        done = self.mailtrust("--json", *args, **options)
        try:
            return done.returncode, json.loads(done.stdout)
        except ValueError:
            raise place.Failure(f"mailtrust {args}: {done.returncode}: {done.stdout!r} {done.stderr!r}") from None

    def type(self, typed, *args, env=None, timeout=60):
        """Runs the command line with somebody at the terminal who types these lines.
        Return: subprocess.CompletedProcess with text."""
        ours, theirs = pty.openpty()
        try:
            os.write(ours, typed.encode())
            argv = [place.executable("mailtrust"), "--socket", self.socket, *args]
            return subprocess.run([str(a) for a in argv], stdin=theirs, capture_output=True, text=True, check=False,
                                  timeout=timeout, env=self.lab.environment(**(env or {})), start_new_session=True)
        finally:
            os.close(ours)
            os.close(theirs)

    def connect(self, **options):
        """A raw connection to the direct socket."""
        return dbus.Connection(self.socket, **options)

    def workers(self):
        """Process ids of mailtrust-worker processes below this service."""
        found = []
        for pid in self.process.descendants():
            if "mailtrust-worker" in command_of(pid):
                found.append(pid)
        return found


class SystemService(Service):
    """mailtrustd as the system runs it: for all users, its own bus name, workers under a user of
    their own. That user exists in the service's mount namespace alone. Root only."""

    PASSWORD = "correct horse battery staple"
    USERS = {"passwd": "mailtrust-worker:x:4801:4801::/nonexistent:/usr/sbin/nologin\n",
             "group": "mailtrust-worker:x:4801:\n"}

    def __init__(self, lab, name, bus, anchors=None, options=(), **more):
        super().__init__(lab, name, anchors, bus.address, ("--probe-local", *options), start=False, **more)
        self.argv.remove("--user")
        script = ""
        for file, line in self.USERS.items():
            copy = self.folder / file
            copy.write_text(pathlib.Path("/etc", file).read_text() + line)
            script += f"mount --bind {copy} /etc/{file} && "
        self.state.mkdir(mode=0o700)
        config = self.folder / "mailtrustd.conf"
        config.touch()
        self.argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script + 'exec "$@"', "sh",
                     *self.argv, "--config", config]
        self.bus = bus
        self.start()

    def start(self):
        """The socket is there before the name."""
        super().start()
        self.bus.await_name(NAME)
        return self

    def as_user(self, uid, *args, typed="", env=None, timeout=90):
        """Runs the command line as another user with somebody at the terminal, as type()."""
        ours, theirs = pty.openpty()
        try:
            os.write(ours, typed.encode())
            os.fchown(theirs, uid, -1)
            return subprocess.run(self.command(args), stdin=theirs, text=True, check=False, timeout=timeout,
                                  capture_output=True, start_new_session=True, **self.who(uid, env))
        finally:
            os.close(ours)
            os.close(theirs)

    def as_user_until(self, uid, text, *args, typed="", env=None, timeout=30):
        """The same at a controlling terminal, interrupted (^C) once a text is shown there. Return: what was shown."""
        ours, theirs = pty.openpty()
        os.write(ours, typed.encode())
        os.fchown(theirs, uid, -1)
        child = subprocess.Popen(self.command(args), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
                                 preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0), **self.who(uid, env))
        os.close(theirs)
        seen, deadline = "", time.monotonic() + timeout
        while text not in seen and time.monotonic() < deadline:
            if select.select([ours], [], [], 0.2)[0]:
                seen += os.read(ours, 4096).decode(errors="replace")
        os.killpg(child.pid, signal.SIGINT)
        child.wait(timeout)
        os.close(ours)
        return seen

    def converse(self, uid, steps, *args, env=None, timeout=60):
        """Runs the command line as another user at a controlling terminal, as that user's login would: with the bus
        at its usual place and a password of the place's own (PASSWORD). steps: (text to wait for, line to type).
        Return: (exit status, what was shown)."""
        ours, theirs = pty.openpty()
        os.fchown(theirs, uid, -1)
        child = subprocess.Popen(self.as_at_a_login(uid, self.command(args)), stdin=theirs, stdout=theirs,
                                 stderr=theirs, start_new_session=True, env=self.lab.environment(**(env or {})),
                                 preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(theirs)
        seen, at, deadline = "", 0, time.monotonic() + timeout
        steps = list(steps)
        while time.monotonic() < deadline:
            if steps and (found := seen.find(steps[0][0], at)) >= 0:
                at = found + len(steps[0][0])
                if steps[0][0].startswith("Password:"):  # what is typed before the echo is off is thrown away
                    place.wait_until(lambda: not termios.tcgetattr(ours)[3] & termios.ECHO, "a hidden answer")
                os.write(ours, steps.pop(0)[1].encode() + b"\n")
            if select.select([ours], [], [], 0.2)[0]:
                try:
                    seen += os.read(ours, 4096).decode(errors="replace")
                except OSError:  # nobody has the terminal open any more
                    break
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        os.close(ours)
        return child.wait(timeout), seen

    def as_at_a_login(self, uid, argv):
        """A command in a mount namespace where the user has a password, and the private bus is the system's."""
        shadow = self.folder / "shadow"
        if not shadow.exists():
            names = {str(u.pw_uid): u.pw_name for u in pwd.getpwall()}
            hashed = self.lab.run(["openssl", "passwd", "-6", self.PASSWORD]).stdout.strip()
            shadow.touch(mode=0o600)
            shadow.write_text("".join(f"{name}:{hashed}:20000:0:99999:7:::\n" for name in names.values()))
        usual = self.bus.path.with_name("system_bus_socket")
        if not usual.is_symlink():
            usual.symlink_to(self.bus.path.name)
        script = (f"mount --bind {shadow} /etc/shadow && mount --bind {usual.parent} /run/dbus && "
                  f"exec setpriv --reuid {uid} --regid {uid} --clear-groups \"$@\"")
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", *argv]

    def command(self, args):
        return [str(a) for a in (place.executable("mailtrust"), "--socket", self.socket, *args)]

    def who(self, uid, env):
        return {"env": self.lab.environment(**(env or {})), "user": uid, "group": uid, "extra_groups": []}


def command_of(pid):
    """A process's command line, words parted by spaces; "" where there is none."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def evidence(certificate=None, **changes):
    """Evidence of a good connection to imap on localhost:993, as dictionary for a{sv}.

    Keywords replace keys (dots written as __); None leaves a key out.
    """
    now = int(time.time() * 1_000_000)
    keys = {"proto": ("s", "imap"), "host": ("s", "localhost"), "port": ("q", 993), "transport": ("s", "implicit"),
            "observed_at": ("x", now), "auth.logindisabled": ("b", False), "auth.mechanism": ("s", "PLAIN")}
    if certificate:
        keys |= {"tls.version": ("s", "1.3"), "tls.cipher": ("s", "TLS_AES_128_GCM_SHA256"),
                 "tls.resumed": ("b", False), "tls.early_data": ("b", False), "tls.alpn": ("s", "none"),
                 "established_at": ("x", now - 100_000), "chain": ("aay", certificate.ders()),
                 "exporter": ("ay", bytes(range(32))), "peer": ("s", "127.0.0.1"), "local_port": ("q", 40000)}
    keys |= {name.replace("__", "."): value for name, value in changes.items()}
    return {name: value for name, value in keys.items() if value is not None}
