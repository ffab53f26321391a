# SPDX-License-Identifier: MIT
"""Hostile servers (lab/attacks.py), met by `mailtrust check` and by the daemon's own worker.

The table is printed as it fills. Attacks that only wait run all at once.

    PYTHONPATH=tests python3 -m lab.tap tests/system/test_hostile.py
"""
import collections
import concurrent.futures
import contextlib
import json
import pathlib
import re
import threading
import time
import unittest

from lab import attacks, place, scripted, service
from lab.attacks import ALL, ATTACKS, DEADLINE_SEC, QUICK, SLOW, UNREACHABLE, attack, expected_bytes, readable
from lab.scripted import half_close, hear_record, listen

GROWTH_MAX_KIB = 1024
PEAK = place.BUILD / "tests" / "peak"
EXITS = {"allow": service.ALLOW, "awc": service.AWC, "confirm": service.CONFIRM, "deny": service.DENY,
         "unreachable": service.UNREACHABLE}
# met by the daemon's own worker too (Probe); ten a minute is all it does for one user
PROBED = ("injected in one segment", "greeting of 10 MiB", "10 000 responses in the capabilities", "responses for ever",
          "NUL within the capabilities", "certificate message of 1 MiB", "TLS 1.1 only", "half-close inside TLS",
          "silence at the upgrade")

# what an owner who gave up the minimum may still go on with, once warned: (before, after the consent)
REDUCED = {
    "capability stripped": ("confirm tls.none starttls.not-offered op.test-needs-warning",
                            "awc tls.none starttls.not-offered conf.disabled-by-user"),
    "refused": ("confirm tls.none starttls.refused op.test-needs-warning",
                "awc tls.none starttls.refused conf.disabled-by-user"),
    "PREAUTH": ("confirm tls.none starttls.preauth-before-tls op.test-needs-warning",
                "awc tls.none starttls.preauth-before-tls conf.disabled-by-user"),
    "certificate of another name": (
        "confirm transport.starttls-used cert.identity-mismatch pin.offer-available op.test-needs-warning",
        "awc transport.starttls-used cert.identity-mismatch conf.disabled-by-user"),
}
# and what nobody may
DENIED_ANYWAY = ("injected in one segment", "injected in another segment", "injected without CRLF in one segment",
                 "farewell for a greeting", "half-close after the greeting", "TLS 1.1 only", "wrong ALPN",
                 "half-close inside TLS", "chain of 11", "implicit: cleartext greeting")

Result = collections.namedtuple("Result", "outcome clear secured seconds talks peak_kib")
LAB = CAST = STAGE = None


def setUpModule():
    global LAB, CAST, STAGE
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    CAST = attacks.make_cast(LAB)
    STAGE = Stage()
    unittest.addModuleCleanup(STAGE.close)


class Turn(contextlib.ExitStack):
    """Holds a semaphore until it is closed, by whomever comes first."""

    def __init__(self, semaphore):
        super().__init__()
        semaphore.acquire()
        self.callback(semaphore.release)


class Stage:
    """The services that are attacked, and what came of each attack; all of it begins at once."""

    def __init__(self):
        self.trap = scripted.ScriptedServer(LAB, listen)
        self.services = {protocol: service.Service(LAB, protocol, anchors=CAST.root.pem) for protocol in ALL}
        self.pools = {slow: concurrent.futures.ThreadPoolExecutor(SLOW if slow else QUICK) for slow in (True, False)}
        self.servers, self.lock, self.told = [], threading.Lock(), set()
        self.gate = threading.Semaphore(1)
        self.rows = [(protocol, row) for rows in ATTACKS.values() for row in rows for protocol in row.protocols]
        # what waits longest begins first
        self.futures = {(protocol, row.name): self.pools[row.slow].submit(self.meet, protocol, row)
                        for protocol, row in sorted(self.rows, key=lambda pair: not pair[1].slow)}
        assert len(self.futures) == len(self.rows), "two attacks of one name"
        self.probes = {protocol: self.pools[True].submit(self.probe_all, protocol) for protocol in ALL}

    def close(self):
        for pool in self.pools.values():
            pool.shutdown(wait=False, cancel_futures=True)
        for server in self.servers:
            server.close()
        for pool in self.pools.values():
            pool.shutdown()

    def server(self, protocol, row, on_call=lambda: None):
        """A server that makes this attack."""
        script = attacks.script_of(protocol, row, CAST, self.trap.port)
        server = scripted.ScriptedServer(LAB, lambda talk: (on_call(), script(talk)))
        with self.lock:
            self.servers.append(server)
        return server

    def meet(self, protocol, row):
        """One attack, met by the command line. Return: Result."""
        # those that wait begin one by one: a user has few connections that are not authenticated yet
        turn = Turn(self.gate) if row.slow else contextlib.ExitStack()
        with turn:
            server, target = self.server(protocol, row, turn.close), self.services[protocol]
            address, peak = f"p{server.port}@example.test", LAB.path / f"peak-{server.port}"
            target.mailtrust("account", "add", address, f"--{protocol}",
                             f"localhost:{server.port}{'' if row.implicit else '/starttls'}")
            start = time.monotonic()
            done = LAB.run([PEAK, peak, place.executable("mailtrust"), "--socket", target.socket, "--non-interactive",
                            "--json", "check", address, protocol], timeout=2 * DEADLINE_SEC)
        return self.result(server, start, outcome_of_check(done), int(peak.read_text()))

    def row(self, protocol, name):
        """The row of that name, None where the protocol has none."""
        return next((row for p, row in self.rows if (p, row.name) == (protocol, name)), None)

    def account(self, connection, protocol, row, server):
        """Adds an account over the bus. Return: a function that calls its methods."""
        path = connection.call(service.NAME, service.ROOT_PATH, service.MANAGER, "AddAccount", "sa{sv}",
                               f"p{server.port}@example.test", {}).values()[0]

        def call(*args):
            return connection.call(service.NAME, path, service.ACCOUNT, *args)
        call("SetEndpoint", "sssq", protocol, "implicit" if row.implicit else "starttls", "localhost", server.port)
        return call

    def result(self, server, start, outcome, peak_kib=0):
        seconds = time.monotonic() - start
        talks = server.await_end().talks
        return Result(outcome, b"".join(t.clear() for t in talks), b"".join(t.secured() for t in talks), seconds, talks,
                      peak_kib)

    def probe_all(self, protocol):
        """Attacks one after the other on a service of its own. Return: [(Attack, Result, growth in KiB)]."""
        target = service.Service(LAB, "probed-" + protocol, anchors=CAST.root.pem)
        rows = [self.row(protocol, name) for name in ("honest",) + PROBED]
        found = []
        with target.connect(timeout=2 * DEADLINE_SEC) as connection:
            for row in rows:
                before = resident_peaks(target)
                result = self.probe(connection, protocol, row)
                after = resident_peaks(target)
                growth = max(after[pid] - before[pid] for pid in before.keys() & after.keys())
                found.append((row, result, growth))
        return found

    def probe(self, connection, protocol, row):
        server = self.server(protocol, row)
        call = self.account(connection, protocol, row, server)
        start = time.monotonic()
        reply = call("Probe", "s", protocol)
        return self.result(server, start, reply.error() or outcome_of(*reply.values()[1:]))

    def tell(self, protocol, row, result):
        """Prints a row of the table, once."""
        key = protocol, row.name
        if not self.told:
            print(f"# {'protocol':18} | {'attack':45} | {'decision':11} | {'reasons':58} | bytes seen")
        if key not in self.told:
            decision, _, reasons = result.outcome.partition(" ")
            seen = " | ".join(map(readable, (result.clear, result.secured))).strip(" |")
            print(f"# {protocol:18} | {row.name:45} | {decision:11} | {reasons:58} | {seen}", flush=True)
        self.told.add(key)


def outcome_of(decision, is_confidential, reasons):
    """A verdict as a row has it: without what is said of the account and the witness."""
    assert is_confidential == (decision == "allow"), decision
    return " ".join([decision] + [r for r in reasons if r not in ("evidence.asserted-only", "account.setup")])


def outcome_of_check(done):
    """The outcome of a run; a contradiction between its parts is an outcome, too."""
    answer = json.loads(done.stdout or "{}")
    outcome = UNREACHABLE if "error" in answer else outcome_of(answer["decision"], answer["conf"], answer["reasons"])
    if done.returncode != EXITS.get(outcome.split()[0]) or done.stderr:
        outcome += f" but exit status {done.returncode} {done.stderr} {done.stdout}"
    return outcome


def resident_peaks(target):
    """The most memory each of a service's processes had resident, in KiB; but for the children of a worker: one waits
    for the next chain, and grows while it rehearses."""
    peaks = {}
    for pid in [target.process.pid, *target.process.descendants()]:
        with contextlib.suppress(OSError):
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            parent, found = (re.search(rf"{key}:\s*(\d+)", status) for key in ("PPid", "VmHWM"))
            if found and "mailtrust-worker" not in service.command_of(parent.group(1)):
                peaks[pid] = int(found.group(1))
    return peaks


NEEDS_PLAIN_MEMORY = unittest.skipIf(place.is_instrumented(), "a sanitizer's memory is not the product's")


class Hostile(unittest.TestCase):
    """What every case does with its rows."""

    def compare(self, protocol, row, result, may_be_cut=False):
        """may_be_cut: the farewell may be lost, where the connection was reset behind it."""
        seen, expected = [result.clear, result.secured], expected_bytes(protocol, row.seen)
        self.assertEqual(result.outcome, row.outcome)
        if may_be_cut and seen != expected:
            expected = expected_bytes(protocol, row.seen.removesuffix(" bye"))
        self.assertEqual(seen, expected)
        # whatever went wrong, it is not tried again (D-STLS-07)
        self.assertEqual(len(result.talks), 1)
        self.assertIsNone(result.talks[0].client_certificate)

    def show(self, rows):
        """Each row of a sentence turns out as it says."""
        for row in rows:
            for protocol in row.protocols:
                result = STAGE.futures[protocol, row.name].result()
                STAGE.tell(protocol, row, result)
                with self.subTest(protocol=protocol, attack=row.name):
                    self.compare(protocol, row, result)


class Table(Hostile):
    """The sentences of ATTACKS are added below."""


for sentence, table in ATTACKS.items():
    setattr(Table, f"test_{sentence}", lambda self, rows=table: self.show(rows))


class Whole(Hostile):
    """What holds for the table as a whole."""

    def results(self):
        return {key: future.result() for key, future in STAGE.futures.items()}

    def test_no_attack_lasts_longer_than_half_a_minute(self):
        for attacked, result in self.results().items():
            self.assertLess(result.seconds, DEADLINE_SEC, attacked)

    @NEEDS_PLAIN_MEMORY
    def test_no_attack_makes_check_grow_by_a_mebibyte(self):
        usual = max(STAGE.futures[protocol, "honest"].result().peak_kib for protocol in ALL)
        for attacked, result in self.results().items():
            self.assertLessEqual(result.peak_kib - usual, GROWTH_MAX_KIB, attacked)

    def test_no_referral_is_followed(self):
        self.assertTrue(self.results())
        self.assertFalse(STAGE.trap.talks)


class Reduced(Hostile):
    """An account whose owner has given up the minimum (column "off" of the reason codes)."""

    def outcomes(self, protocol, row):
        """What comes of an attack before and after the consent to expose the password. Return: (outcomes, server)."""
        server, target = STAGE.server(protocol, row), STAGE.services[protocol]
        warned, check = {"text_version": ("u", service.TEXT_VERSION)}, ("check", f"p{server.port}@example.test", protocol)
        with target.connect() as connection:
            call = STAGE.account(connection, protocol, row, server)
            for args in (("RecordConsent", "sa{sv}", "reduced-confidentiality", warned),
                         ("SetMinimum", "a{ss}", {"min_conf": "off"})):
                self.assertIsNone(call(*args).error())
            before = outcome_of_check(target.mailtrust("--json", *check))
            scope = warned | {"protocol": ("s", protocol), "host": ("s", "localhost"), "port": ("q", server.port)}
            self.assertIsNone(call("RecordConsent", "sa{sv}", "password-exposure", scope).error())
        return (before, outcome_of_check(target.mailtrust("--json", *check))), server.await_end()

    def compare_both(self, protocol, name, expected):
        row = STAGE.row(protocol, name)
        if not row:
            return
        with self.subTest(protocol=protocol, attack=name):
            outcomes, server = self.outcomes(protocol, row)
            self.assertEqual(outcomes, expected or (row.outcome, row.outcome))
            self.assertEqual([[t.clear(), t.secured()] for t in server.talks], [expected_bytes(protocol, row.seen)] * 2)

    def test_an_owner_who_gave_up_the_minimum_is_warned_before_a_stripped_connection_is_used(self):
        for name, expected in REDUCED.items():
            for protocol in ALL:
                self.compare_both(protocol, name, expected)

    def test_an_attack_on_the_dialogue_is_denied_whatever_the_owner_gave_up(self):
        for name in DENIED_ANYWAY:
            for protocol in ALL:
                self.compare_both(protocol, name, None)


class Probes(Hostile):
    """The daemon's own look at a server."""

    def test_a_probe_meets_an_attack_as_check_does(self):
        for protocol, probe in STAGE.probes.items():
            for row, result, _ in probe.result():
                STAGE.tell(protocol + ", probed", row, result)
                with self.subTest(protocol=protocol, attack=row.name):
                    # who hangs up with words unread resets the connection (RFC 1122 section 4.2.2.13)
                    self.compare(protocol, row, result, may_be_cut=row.name != "honest")
                    self.assertLess(result.seconds, DEADLINE_SEC)

    @NEEDS_PLAIN_MEMORY
    def test_no_attack_makes_keeper_or_worker_grow_by_a_mebibyte(self):
        for protocol, probe in STAGE.probes.items():
            (honest, *_), *attacked = probe.result()
            # what the first server took is what a probe takes
            self.assertEqual((honest.name, len(attacked)), ("honest", len(PROBED)))
            for row, _, growth in attacked:
                self.assertLessEqual(growth, GROWTH_MAX_KIB, (protocol, row.name))


class People(Hostile):
    def shown(self, **script):
        """What a person reads of a server's talk."""
        row = attack("shown", None, None, words={"evil": b"evil"}, **script)
        server, target = STAGE.server("imap", row), STAGE.services["imap"]
        address = f"p{server.port}@example.test"
        target.mailtrust("account", "add", address, "--imap", f"localhost:{server.port}/starttls")
        done = target.mailtrust("check", address, "imap")
        return done.stdout + done.stderr

    def test_no_word_of_a_server_before_tls_is_shown(self):
        for name, script in {
                "greeting": {"greeting": b"* OK [ALERT] evil\r\n"},
                "untagged": {"told": b"* OK [ALERT] evil\r\n* BAD evil\r\n<told>"},
                "refusal": {"go": b"<tag> NO [ALERT] evil\r\n"},
                "nonsense": {"greeting": b"evil\r\n"},
                "capability": {"told": b"* CAPABILITY IMAP4rev1 STARTTLS AUTH=EVIL\r\n<ok>"},
        }.items():
            with self.subTest(name):
                self.assertNotIn("evil", self.shown(**script).lower())

    def test_what_is_shown_is_the_connection_as_it_was_not_as_it_was_wished(self):
        self.assertRegex(self.shown(), r"encryption +STARTTLS, TLS 1\.3")
        self.assertRegex(self.shown(go=b"<no>"), r"encryption +none\n")
        self.assertRegex(self.shown(go=(b"<go>", hear_record, half_close)), r"encryption +the handshake failed\n")

    def test_what_is_shown_of_capabilities_was_said_inside_tls_and_holds_no_control_bytes(self):
        text = self.shown(told_in_tls=b"* CAPABILITY IMAP4rev1 AUTH=\x1b[31mRED\x07\x9b \r\n<ok>")
        self.assertIn("AUTH=?[31mRED??", text)
        self.assertTrue(text.replace("\n", "").isprintable(), text)
