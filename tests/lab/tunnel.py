# SPDX-License-Identifier: MIT
"""`mailtrust connect`, with a mail program's ends in the test's hands."""
import contextlib
import os
import select
import socket
import subprocess
import time

from lab import place

SENTENCES = {"imap": (b"* OK", b"* BYE"), "pop3": (b"+OK", b"-ERR"), "submission": (b"220", b"421")}


class Tunnel:
    """One tunnel. said is all it told the program so far, as read by until() and rest()."""

    def __init__(self, service, account, protocol, *options, through_socket=False, env=None, program=None, pass_fds=()):
        argv = program or [place.executable("mailtrust"), "--socket", service.socket, "connect"]
        argv = [str(a) for a in (*argv, *options, account, protocol)]
        self.said, self.status, self.lab = b"", None, service.lab
        if through_socket:  # as a program that gives its child one end of a pair
            mine, its = socket.socketpair()
            theirs_in = theirs_out = its.detach()
            self.write_fd = self.read_fd = mine.detach()
        else:
            theirs_in, self.write_fd = os.pipe()
            self.read_fd, theirs_out = os.pipe()
        self.child = subprocess.Popen(argv, stdin=theirs_in, stdout=theirs_out, stderr=subprocess.PIPE,
                                      pass_fds=pass_fds, env=service.lab.environment(**(env or {})))
        for fd in {theirs_in, theirs_out}:
            os.close(fd)
        service.lab.stack.callback(self.end)

    # -- what the program does

    def say(self, data):
        """Writes all of data; raises OSError where the tunnel takes no more."""
        while data:
            data = data[os.write(self.write_fd, data):]

    def offer(self, data, seconds=1.0):
        """Writes what the tunnel takes, until it takes nothing for so long. Return: how much it took."""
        os.set_blocking(self.write_fd, False)
        taken = 0
        with contextlib.suppress(OSError):
            while data[taken:] and select.select([], [self.write_fd], [], seconds)[1]:
                taken += os.write(self.write_fd, data[taken:taken + 65536])
        return taken

    def read(self, patience_sec=place.PATIENCE_SEC):
        """Some bytes; b"" at the end."""
        if not select.select([self.read_fd], [], [], patience_sec)[0]:
            raise place.Failure(f"the tunnel said nothing more after {self.said[-300:]!r}")
        with contextlib.suppress(OSError):
            data = os.read(self.read_fd, 65536)
            self.said += data
            return data
        return b""

    def until(self, text):
        """Reads until text has been said. Return: all that was said."""
        while text not in self.said:
            if not self.read():
                raise place.Failure(f"the tunnel ended before {text!r}: {self.said[-300:]!r} {self.errors()!r}")
        return self.said

    def rest(self):
        """Reads to the end. Return: all that was said."""
        while self.read():
            pass
        return self.said

    def stop_talking(self):
        if self.write_fd == self.read_fd:
            with socket.socket(fileno=os.dup(self.write_fd)) as end:
                end.shutdown(socket.SHUT_WR)
        elif self.write_fd is not None:
            os.close(self.write_fd)
            self.write_fd = None

    def stop_listening(self):
        os.close(self.read_fd)
        self.read_fd = None

    def hang_up(self):
        """Closes what is open, as a program that ends."""
        for fd in {self.write_fd, self.read_fd} - {None}:
            os.close(fd)
        self.write_fd = self.read_fd = None

    # -- how it ends

    def wait(self, patience_sec=place.PATIENCE_SEC):
        """Return: the exit status."""
        if self.status is None:
            try:
                self.stderr = self.child.communicate(timeout=patience_sec)[1].decode(errors="replace")
            except subprocess.TimeoutExpired:
                raise place.Failure(f"the tunnel did not end; it said {self.said[-300:]!r}") from None
            self.status = self.child.returncode
        return self.status

    def errors(self):
        """What it told a person."""
        self.wait()
        return self.stderr

    def end(self):
        self.hang_up()
        if self.status is None:
            self.child.kill()
            with contextlib.suppress(ValueError):
                self.child.communicate()


def refused(tunnel):
    """Reads a tunnel that should be refused. Return: (status, what the program heard)."""
    said = tunnel.rest()
    return tunnel.wait(), said


def await_held(tunnel, seconds=0.5):
    """Gives a tunnel that waits the time to do something wrong."""
    time.sleep(seconds)
    return tunnel
