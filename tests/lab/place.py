# SPDX-License-Identifier: MIT
"""A place for one test program: a temporary folder, free ports, and processes that end with it.

Everything is on loopback and below the folder. Processes are ended by their own process id, and by
that of the session they lead, never by name.
"""
import contextlib
import errno
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MT_BUILD_ROOT", ROOT / "build"))
# below the range from which the kernel takes the ports of outgoing connections
PORTS = range(20000, 32000)
PATIENCE_SEC = float(os.environ.get("MT_PATIENCE_SEC", "20"))


class Failure(Exception):
    """Something of the lab did not come up, or did not behave."""


def wait_until(condition, what, patience_sec=PATIENCE_SEC):
    """Returns the first true value of condition(); raises Failure when that takes too long."""
    deadline = time.monotonic() + patience_sec
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"waited {patience_sec} s for {what}")
        time.sleep(0.01)


def is_listening(address):
    """Whether somebody accepts connections at (host, port) or at a path."""
    family = socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX
    with socket.socket(family) as s:
        s.settimeout(1)
        return s.connect_ex(address if isinstance(address, tuple) else str(address)) == 0


def bound(family, address, port):
    """A socket that has the port, False where somebody else has it, None where there is no such family."""
    try:
        one = socket.socket(family)
    except OSError:
        return None
    try:
        one.bind((address, port))
    except OSError as error:
        one.close()
        return False if error.errno == errno.EADDRINUSE else None
    return one


def stop_accepting(listener, thread):
    """Closes a listener once the thread that accepts at it has ended. One that is closed under such a thread leaves it
    with a number, and the next listener that gets the number shares its connections with a stranger."""
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(PATIENCE_SEC)
    listener.close()


def started_at(pid):
    """When a process began, in ticks since boot; None where there is none."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return None


class Process:
    """A child that leads a session of its own, with its output in a file."""

    def __init__(self, argv, log, env, **options):
        self.log = pathlib.Path(log)
        with open(self.log, "ab") as out:
            self.child = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out,
                                          stderr=subprocess.STDOUT, env=env, start_new_session=True, **options)
        self.name = pathlib.Path(str(argv[0])).name
        self.pid = self.child.pid

    def await_address(self, *addresses):
        """Waits until every address is listened at; raises Failure with the log if the child ends."""
        for address in addresses:
            wait_until(lambda a=address: self.has_ended() or is_listening(a), f"{self.name} at {address}")
        if self.has_ended():
            raise Failure(f"{self.name} ended with {self.child.returncode}:\n{self.output()}")
        return self

    def has_ended(self):
        return self.child.poll() is not None

    def output(self):
        return self.log.read_text(errors="replace")

    def end(self, patience_sec=5):
        """Ends the child and everything below it. Return: its exit status."""
        # some servers leave the session they were started in
        family = {pid: started_at(pid) for pid in [self.pid, *self.descendants()]}
        self.signal(family, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.child.wait(patience_sec)
        self.signal(family, signal.SIGKILL)
        return self.child.wait()

    def signal(self, family, number):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)
        for pid, start in family.items():
            # a number that was given to another process meanwhile is not ours
            if start is not None and started_at(pid) == start:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)

    def descendants(self):
        """Process ids below this one, parents first."""
        found, queue = [], [self.pid]
        while queue:
            parent = queue.pop(0)
            with contextlib.suppress(OSError):
                for task in pathlib.Path(f"/proc/{parent}/task").iterdir():
                    children = [int(c) for c in (task / "children").read_text().split()]
                    found += children
                    queue += children
        return found


class Lab:
    """The folder and what was started in it. close() ends and removes all of it."""

    def __init__(self):
        self.stack = contextlib.ExitStack()
        # short: the paths of sockets must fit into 108 bytes
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="mtlab-"))
        self.path.chmod(0o755)
        self.stack.callback(shutil.rmtree, self.path, ignore_errors=True)
        self.taken = set()
        self.processes = []

    def close(self):
        self.stack.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def folder(self, name):
        path = self.path / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def port(self):
        """A TCP port nobody listens at, on either loopback, and that this place has not handed out before."""
        for port in random.sample(PORTS, 200):
            if port not in self.taken:
                held = [bound(socket.AF_INET, "127.0.0.1", port), bound(socket.AF_INET6, "::1", port)]
                for one in filter(None, held):
                    one.close()
                if False not in held:
                    self.taken.add(port)
                    return port
        raise Failure("no free port")

    def environment(self, **more):
        """What children get: nothing of the caller's desktop, bus, keys or certificates."""
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(self.folder("home")),
               "XDG_RUNTIME_DIR": str(self.folder("run")), "XDG_STATE_HOME": str(self.folder("state"))}
        env.update({k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")})
        env.update(more)
        return env

    def start(self, argv, name=None, env=None, **options):
        """Starts a process that ends with the place."""
        log = self.path / f"{name or pathlib.Path(str(argv[0])).name}.log"
        process = Process(argv, log, self.environment(**(env or {})), **options)
        self.processes.append(process)
        self.stack.callback(process.end)
        return process

    def run(self, argv, env=None, timeout=60, **options):
        """Runs a command to its end. Return: subprocess.CompletedProcess with text."""
        return subprocess.run([str(a) for a in argv], env=self.environment(**(env or {})), text=True,
                              stdin=options.pop("stdin", subprocess.DEVNULL if "input" not in options else None),
                              capture_output=True, timeout=timeout, check=False, **options)

    def story(self):
        """The last lines of every log, for a failure's report."""
        return "\n".join(f"{p.name}: {line}" for p in self.processes for line in p.output().splitlines()[-15:])


def executable(name):
    """A program of the build."""
    for folder in (BUILD, BUILD / "clients", BUILD / "daemon"):
        if os.access(folder / name, os.X_OK) and (folder / name).is_file():
            return folder / name
    raise Failure(f"{name} is not in {BUILD}: build first")


def is_instrumented():
    """Whether the build watches its own memory, and takes much of it to do so."""
    options = json.loads((BUILD / "meson-info/intro-buildoptions.json").read_text())
    return any(o["name"] == "b_sanitize" and o["value"] != "none" for o in options)
