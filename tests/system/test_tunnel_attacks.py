# SPDX-License-Identifier: MIT
"""Hostile servers (lab/attacks.py) at one end of the tunnel, and at the other a program that talks first.

Every attack of the table, in every protocol it is made in: what the program and a person are told, how
the tunnel exits, and how many bytes of the program got out, which are none wherever the answer is no.
The table is printed as it fills. Attacks that only wait run all at once.

    PYTHONPATH=tests python3 -m lab.tap tests/system/test_tunnel_attacks.py
"""
import collections
import concurrent.futures
import contextlib
import re
import threading
import time
import unittest

from lab import attacks, place, scripted, service, tunnel
from lab.attacks import ALL, ATTACKS, DEADLINE_SEC, QUICK, SLOW
from lab.tunnelled import CANARY, EAGER, GREETING, REFUSAL

# the tunnel's own words, whatever their tag
OURS = re.compile(rb"(a\d+ )?(CAPABILITY|STARTTLS|LOGOUT|CAPA|STLS|QUIT|EHLO \[127\.0\.0\.1\])\r\n|<[A-Za-z]+( \d+)?>")
EXITS = {"allow": service.ALLOW, "deny": service.DENY, "unreachable": service.UNREACHABLE}

Result = collections.namedtuple("Result", "status said errors clear secured n_connections seconds")
LAB = CAST = STAGE = None


def setUpModule():
    global LAB, CAST, STAGE
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    CAST = attacks.make_cast(LAB)
    STAGE = Stage()
    unittest.addModuleCleanup(STAGE.close)


class Door:
    """A server that was honest while its account was made. Whoever comes next meets the script that waits."""

    def __init__(self, target, protocol, implicit):
        self.server = scripted.ScriptedServer(LAB, scripted.server(protocol, CAST.good, implicit))
        self.address = f"{protocol}-{self.server.port}@example.test"
        self.lock, self.has_come, self.waiting = threading.Lock(), threading.Event(), None
        for args in (("add", self.address, f"--{protocol}", f"localhost:{self.server.port}" + "/starttls" * (not implicit)),
                     ("commit", self.address)):
            done = target.mailtrust("account", *args)
            assert done.returncode == 0, (args, done.stdout, done.stderr)
        self.server.script = self.meet

    def meet(self, talk):
        waiting, self.waiting = self.waiting, None
        self.has_come.set()
        if waiting:
            waiting(talk)

    @contextlib.contextmanager
    def first_in_line(self, script):
        """While the next connection is not there, nobody else's is."""
        talks = []
        with self.lock:
            self.has_come.clear()
            self.waiting = lambda talk: (talks.append(talk), script(talk))
            yield talks
            self.has_come.wait(10)


class Stage:
    def __init__(self):
        # one for each protocol: a user has few connections at a time
        self.services = {p: service.Service(LAB, p, anchors=CAST.root.pem) for p in ALL}
        self.trap = scripted.ScriptedServer(LAB, scripted.listen)
        self.doors = {(p, i): Door(self.services[p], p, i) for p in ALL for i in (True, False)}
        self.pools = {slow: concurrent.futures.ThreadPoolExecutor(SLOW if slow else QUICK) for slow in (True, False)}
        self.told = set()
        rows = [(protocol, row) for rows in ATTACKS.values() for row in rows for protocol in row.protocols]
        # what waits longest begins first
        self.futures = {(protocol, row.name): self.pools[row.slow].submit(self.meet, protocol, row)
                        for protocol, row in sorted(rows, key=lambda pair: not pair[1].slow)}
        assert len(self.futures) == len(rows), "two attacks of one name"

    def close(self):
        for pool in self.pools.values():
            pool.shutdown(wait=False, cancel_futures=True)
        for door in self.doors.values():
            door.server.close()
        for pool in self.pools.values():
            pool.shutdown()

    def meet(self, protocol, row):
        """One attack, met by a program that says at once all it has to say. Return: Result."""
        door = self.doors[protocol, row.implicit]
        with door.first_in_line(attacks.script_of(protocol, row, CAST, self.trap.port)) as talks:
            start = time.monotonic()
            one = tunnel.Tunnel(self.services[protocol], door.address, protocol)
            one.say(EAGER[protocol])
        while b"\n" not in one.said and one.read(2 * DEADLINE_SEC):
            pass
        if one.said.startswith(REFUSAL[protocol]):
            one.rest()
        else:
            one.hang_up()
        one.wait(2 * DEADLINE_SEC)
        seconds = time.monotonic() - start
        for talk in talks:
            place.wait_until(lambda t=talk: t.connection.fileno() < 0, "the server's end")
        return Result(one.status, one.said, one.errors(), b"".join(t.clear() for t in talks),
                      b"".join(t.secured() for t in talks), len(talks), seconds)

    def tell(self, protocol, row, result):
        """Prints a row of the table, once."""
        key = protocol, row.name
        if not self.told:
            print(f"# {'protocol':10} | {'attack':48} | exit | {'reasons':62} | bytes of the program, in clear | in TLS")
        if key not in self.told:
            reasons = " ".join(re.findall(r"\[([a-z0-9.-]+\.[a-z0-9.-]+)\]", result.errors)).replace("evidence.asserted-only ", "")
            print(f"# {protocol:10} | {row.name:48} | {result.status:4} | {reasons:62} | {escaped(result.clear):30} |"
                  f" {escaped(result.secured)}", flush=True)
        self.told.add(key)


def escaped(seen):
    """How many bytes a server saw that are not the tunnel's own words."""
    return len(OURS.sub(b"", seen))


class Table(unittest.TestCase):
    """The sentences of ATTACKS are added below."""

    def compare(self, protocol, row, result):
        decision, *reasons = row.outcome.split()
        self.assertEqual(result.n_connections, 1, result)  # D-STLS-07
        self.assertLess(result.seconds, DEADLINE_SEC)  # D-STLS-13
        self.assertEqual(escaped(result.clear), 0)
        if decision == "allow":
            self.assertTrue(result.said.startswith((GREETING[protocol], b"* PREAUTH")), result)
            self.assertNotIn(b"evil", result.said.split(b"\n")[0])
            return
        self.assertEqual(result.status, EXITS[decision], result)
        self.assertEqual(escaped(result.secured), 0)
        self.assertNotIn(CANARY, result.clear + result.secured)
        self.assertTrue(result.said.startswith(REFUSAL[protocol]), result)
        self.assertEqual(result.said.count(b"\n"), 1)
        for reason in reasons[-1:]:
            self.assertIn(reason, result.errors)

    def show(self, rows):
        for row in rows:
            for protocol in row.protocols:
                result = STAGE.futures[protocol, row.name].result()
                STAGE.tell(protocol, row, result)
                with self.subTest(protocol=protocol, attack=row.name):
                    self.compare(protocol, row, result)


for sentence, table in ATTACKS.items():
    setattr(Table, f"test_{sentence}", lambda self, rows=table: self.show(rows))


class Whole(unittest.TestCase):
    def test_no_byte_of_a_program_reached_a_server_that_was_not_allowed(self):
        # R-5.2-09, D-SYS-08, D-SRV-11
        refused = {key: future.result() for key, future in STAGE.futures.items()
                   if future.result().said.startswith(REFUSAL[key[0]])}
        self.assertGreater(len(refused), 200)
        for attacked, result in refused.items():
            self.assertEqual((escaped(result.clear), escaped(result.secured)), (0, 0), attacked)
            self.assertNotEqual(result.status, service.ALLOW, attacked)

    def test_no_referral_is_followed(self):
        self.assertTrue([future.result() for future in STAGE.futures.values()])
        self.assertFalse(STAGE.trap.talks)
