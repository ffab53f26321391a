# SPDX-License-Identifier: MIT
"""clients/connect/conformance.md: every requirement the tunnel claims is shown by a test.

The list of what belongs to the tunnel is closed (R-6-01); a claim that is not on it, or one that is
missing, is a fault. Which case shows what is printed.
"""
import re
import unittest

from lab import place

PAGE = place.ROOT / "clients" / "connect" / "conformance.md"
TABLE = place.ROOT / "tests" / "requirements.tsv"
# what the catalogue gives the tunnel to keep, of RFC 8314 §5, §6 and §8
OWNED = {"R-5-04", "R-5-10", "R-5-11", "R-5-13", "R-5.1-09", "R-5.1-12", "R-5.1-13", "R-5.2-09", "R-5.2-10", "R-5.2-11",
         "R-5.2-13", "R-5.5-01", "R-5.5-02", "R-5.5-03", "R-5.5-08", "R-5.5-09", "R-5.5-10", "R-5.5-11", "R-6-01", "R-8-03",
         "R-8-04"}


def claims():
    """[requirement] of the page's table, in order."""
    return re.findall(r"^\| (R-[0-9.]+-[0-9]+) \|", PAGE.read_text(), re.M)


def shown_by():
    """{requirement: [(program, case)]}, without what is open."""
    found = {}
    for line in TABLE.read_text().splitlines():
        if line and not line.startswith("#"):
            name, program, case, _ = line.split("\t")
            found.setdefault(name, []).extend([(program, case)] if program != "open" else [])
    return found


def source_of(program):
    """The text of a test program."""
    tests = place.ROOT / "tests"
    path = tests / "system" / f"test_{program[4:]}.py" if program.startswith("sys-") else tests / "unit" / f"test-{program}.c"
    return path.read_text() + (tests / "lab" / "attacks.py").read_text()


class Claims(unittest.TestCase):
    def test_the_page_claims_what_is_the_tunnels_to_keep_and_nothing_twice(self):
        self.assertEqual(sorted(claims()), sorted(OWNED))

    def test_every_claim_of_the_tunnel_names_a_test_that_exists(self):
        found = shown_by()
        for claim in claims():
            with self.subTest(claim=claim):
                cases = found[claim]
                print("#", claim, "; ".join(f"{program}: {case}" for program, case in cases), flush=True)
                self.assertTrue(cases, claim)
                for program, case in cases:
                    self.assertIn(case, source_of(program), program)

    def test_the_page_is_where_a_reader_finds_it(self):
        self.assertIn("clients/connect/conformance.md", (place.ROOT / "README.md").read_text())
