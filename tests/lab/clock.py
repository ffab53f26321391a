# SPDX-License-Identifier: MIT
"""A wall clock that a test moves: for programs started with its environment, and for no others."""
import mmap
import struct

from lab import place


class Clock:
    """Clock(lab).env is what a program is to be started with; go(seconds) moves all of them."""

    def __init__(self, lab):
        self.path = lab.folder("clock") / "ahead"
        self.path.write_bytes(struct.pack("=q", 0))
        self.path.chmod(0o644)
        with open(self.path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 8)
        self.env = {"LD_PRELOAD": str(place.BUILD / "tests" / "clock-shim.so"), "MT_CLOCK": str(self.path)}

    def set(self, seconds):
        """So far ahead of the machine's clock."""
        self.map[:8] = struct.pack("=q", seconds)

    def go(self, seconds):
        self.set(struct.unpack("=q", self.map[:8])[0] + seconds)
