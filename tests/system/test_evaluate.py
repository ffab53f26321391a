# SPDX-License-Identifier: MIT
"""mailtrustd --evaluate: JSON Lines in, verdicts out, in order, none lost."""
import json
import time
import unittest

from lab import place

FIXTURES = place.ROOT / "tests/fixtures"
LAB = None


def setUpModule():
    global LAB
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)


def evaluate(lines):
    """Runs the lines. Return: (list of answers, seconds)."""
    begin = time.monotonic()
    done = LAB.run([place.executable("mailtrustd"), "--evaluate"], input="".join(f"{line}\n" for line in lines))
    taken = time.monotonic() - begin
    assert done.returncode == 0, (done.returncode, done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()], taken


def golden(name):
    return (FIXTURES / name).read_text().splitlines()


MALFORMED = ["", "{", "[]", "null", '"x"', "{}", '{"id":"m"}', '{"id":"m","op":"test","evidence":7}',
             '{"id":"m","op":"test","evidence":{"proto":"gopher"}}', '{"id":"m","op":"test","evidence":{},"x":1}',
             '{"id":"m","at":"yesterday","op":"test","evidence":{"proto":"imap"}}', "\x01\x02", "[" * 5000,
             '{"id":"m","id":"m","op":"test"}', '{"id":"m","op":"test","evidence":{"chain":["!!!"]}}',
             '{"id":"m","pad":"' + "x" * 600_000 + '"}']


class Golden(unittest.TestCase):
    def test_every_golden_vector_gets_its_verdict(self):
        expected = [json.loads(line) for line in golden("golden-expected.jsonl")]
        answers, _ = evaluate(golden("golden.jsonl"))
        self.assertEqual(len(answers), len(expected))
        for wanted, got in zip(expected, answers):
            with self.subTest(wanted["id"]):
                self.assertEqual({k: got.get(k) for k in wanted}, wanted, got)

    def test_the_same_lines_give_the_same_bytes(self):
        first, _ = evaluate(golden("golden.jsonl"))
        second, _ = evaluate(golden("golden.jsonl"))
        self.assertEqual(first, second)


class Stream(unittest.TestCase):
    def test_a_thousand_lines_with_malformed_ones_between_come_back_in_order(self):
        good = [json.loads(line) for line in golden("golden.jsonl")]
        wanted = {json.loads(line)["id"]: json.loads(line) for line in golden("golden-expected.jsonl")}
        lines, ids = [], []
        for i in range(1000):
            if i % 10 == 9:
                lines.append(MALFORMED[i // 10 % len(MALFORMED)])
                ids.append(None)
            else:
                vector = good[i % len(good)]
                lines.append(json.dumps({**vector, "id": f"{i} {vector['id']}"}))
                ids.append(f"{i} {vector['id']}")
        answers, taken = evaluate(lines)
        print(f"# {len(lines)} lines in {taken:.2f} s (bar: 3 s)")
        self.assertEqual(len(answers), len(lines))
        for i, (name, answer) in enumerate(zip(ids, answers)):
            if name is None:
                self.assertIn("error", answer, lines[i][:80])
            else:
                self.assertEqual(answer.get("id"), name)
                self.assertEqual(answer.get("decision"), wanted[name.partition(" ")[2]]["decision"], answer)
        # generous: the bar is measured, a loaded machine is no fault
        self.assertLess(taken, 30)

    def test_each_kind_of_malformed_line_is_an_error_and_the_run_goes_on(self):
        last = golden("golden.jsonl")[0]
        for line in MALFORMED:
            with self.subTest(line=line[:40]):
                answers, _ = evaluate([line, last])
                self.assertEqual(len(answers), 2)
                self.assertIn("error", answers[0])
                self.assertEqual(answers[1]["decision"], "allow")

    def test_a_malformed_line_is_answered_under_its_id_where_it_has_one(self):
        answers, _ = evaluate(['{"id":"mine","op":"test","evidence":{"proto":"gopher"}}'])
        self.assertEqual(answers[0]["id"], "mine")

    def test_no_input_is_no_output(self):
        self.assertEqual(evaluate([])[0], [])
