# SPDX-License-Identifier: MIT
"""Signed and unsigned DNS zones, served by one nsd on loopback.

The tree hangs below `test.`, whose key is the trust anchor. A child zone is of one of these kinds:

signed, nsec3 (signed, with opt-out) and unsigned; expired and future (signatures out of date);
forged (the parent vouches for another key); stripped (the parent vouches for a key, the zone has no
signatures); broken (vouched for, and the server cannot load it: SERVFAIL).
"""
import os
import re
import signal
import socket

from lab import place

SOA = "@ IN SOA ns.test. admin.test. 2026010101 3600 900 1209600 60\n@ IN NS ns.test.\n"
CONFIG = """server:
  ip-address: 127.0.0.1@{port}
  username: ""
  chroot: ""
  database: ""
  zonesdir: "{folder}"
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  xfrdir: "{folder}"
  zonelistfile: "{folder}/zone.list"
  server-count: 1
  rrl-ratelimit: 0
remote-control:
  control-enable: no
"""


class Zones:
    """Zones(lab, {"secure.test": ("signed", "imap IN A 127.0.0.1\\n")}): address and anchor are what
    mailtrustd's --dns-forward and --dns-anchor want. parent is the kind of `test.` itself."""

    DATES = {"expired": ["-i", "20200101", "-e", "20200201"], "future": ["-i", "20400101", "-e", "20400201"]}

    def __init__(self, lab, zones, parent="signed"):
        self.lab, self.folder, self.port = lab, lab.folder("zones"), lab.port()
        self.address = f"127.0.0.1@{self.port}"
        self.zones, self.parent, self.keys = dict(zones), parent, {}
        self.anchor = self.folder / "anchor.ds"
        self.write_all()
        self.start()

    def write_all(self):
        root = SOA + "ns IN A 127.0.0.1\n"
        config = CONFIG.format(port=self.port, folder=self.folder)
        for name, (kind, records) in self.zones.items():
            root += f"{name}. IN NS ns.test.\n" + self.write(name, kind, SOA + records)
        self.anchor.write_text(self.write("test", self.parent, root))
        for name, (kind, _) in {**self.zones, "test": (self.parent, "")}.items():
            suffix = {"unsigned": "", "stripped": "", "broken": ".nowhere"}.get(kind, ".signed")
            config += f"zone:\n  name: {name}\n  zonefile: {name}{suffix}\n"
        (self.folder / "nsd.conf").write_text(config)

    def start(self):
        self.process = self.lab.start(["nsd", "-d", "-c", self.folder / "nsd.conf"])
        place.wait_until(self.answers, "nsd")

    def stop(self):
        """From now on nobody listens at the port."""
        self.process.end()

    def change(self, name, kind=None, records=None):
        """A zone becomes of another kind, or has other records; its key stays, and so does the anchor."""
        before = self.zones[name]
        self.zones[name] = (kind or before[0], before[1] if records is None else records)
        self.stop()
        self.write_all()
        self.start()

    def count(self, kind):
        """How many questions of a type nsd itself has counted since it was started."""
        before = self.process.output().count("NSTATS")
        os.kill(self.process.pid, signal.SIGUSR1)
        place.wait_until(lambda: self.process.output().count("NSTATS") > before, "nsd's statistics")
        stats = [line for line in self.process.output().splitlines() if "NSTATS" in line][-1]
        return sum(int(n) for n in re.findall(rf"\b{kind}=(\d+)", stats))

    def options(self, resolver=None):
        """What mailtrustd is to be started with."""
        return ["--dns-forward", (resolver or self).address, "--dns-anchor", self.anchor]

    def write(self, name, kind, text):
        """Writes and signs one zone. Return: its DS record, for the parent."""
        (self.folder / name).write_text(f"$ORIGIN {name}.\n$TTL 300\n{text}")
        if kind == "unsigned":
            return ""
        key = self.keys[name] = self.keys.get(name) or self.keygen(name)
        options = ["-n", "-p"] if kind == "nsec3" else self.DATES.get(kind, [])
        done = self.lab.run(["ldns-signzone", *options, name, key], cwd=self.folder)
        if done.returncode:
            raise place.Failure(f"ldns-signzone {name}: {done.stderr}")
        if kind == "forged":
            key = self.keygen(name)
        return (self.folder / f"{key}.ds").read_text()

    def keygen(self, name):
        done = self.lab.run(["ldns-keygen", "-a", "ECDSAP256SHA256", "-k", "-r", "/dev/urandom", name],
                            cwd=self.folder)
        return done.stdout.strip()

    def answers(self):
        """Whether nsd answers a query for the parent's SOA."""
        query = b"\0\1\0\0\0\1\0\0\0\0\0\0\4test\0\0\6\0\1"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.2)
            try:
                s.sendto(query, ("127.0.0.1", self.port))
                return len(s.recv(512)) > len(query)
            except OSError:
                return False
