# SPDX-License-Identifier: MIT
"""A door before a server: it passes everything on, counts who came, and may let something out of what is said."""
import contextlib
import socket
import threading

from lab import place


class Door:
    """A port on loopback that passes everything on to another one."""

    def __init__(self, lab, port):
        self.target, self.count = port, 0
        self.is_open = threading.Event()  # who comes while it is not, waits
        self.is_open.set()
        self.strips = b""  # what clients do not hear
        self.listener = socket.create_server(("127.0.0.1", lab.port()))
        self.port = self.listener.getsockname()[1]
        thread = threading.Thread(target=self.serve, daemon=True)
        lab.stack.callback(place.stop_accepting, self.listener, thread)
        thread.start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                one, _ = self.listener.accept()
                self.count += 1
                self.is_open.wait()
                other = socket.create_connection(("127.0.0.1", self.target))
                for pair in ((one, other, b""), (other, one, self.strips)):
                    threading.Thread(target=self.copy, args=pair, daemon=True).start()

    @staticmethod
    def copy(source, sink, strips):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data.replace(strips, b"") if strips else data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
