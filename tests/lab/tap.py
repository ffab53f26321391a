# SPDX-License-Identifier: MIT
"""unittest told in TAP, and TAP read back.

    PYTHONPATH=tests python3 -m lab.tap tests/system/test_x.py [WORD...]

runs the cases of one file (those whose name holds a WORD) in the order in which they are written.
A case is named by its method without "test_", which is a sentence that states the rule. Skipping
is for what this machine cannot do, never for what the product cannot do.
"""
import importlib.util
import os
import re
import sys
import traceback
import unittest

LINE = re.compile(r"^(not )?ok\b(?:\s+\d+)?(?:\s*-\s*)?([^#]*)(?:#\s*(\w+)\s*(.*))?$")
RANK = ["passed", "skipped", "failed"]


def read(text):
    """Reads TAP. Return: {case: "passed" | "failed" | "skipped"}, in order.

    A case told twice keeps its worst result, so that a repeated name hides nothing.
    """
    results = {}
    for line in text.splitlines():
        found = LINE.match(line.strip())
        if not found:
            continue
        failed, name, directive = found.group(1), found.group(2).strip(), (found.group(3) or "").upper()
        result = "failed" if failed else "skipped" if directive in ("SKIP", "TODO") else "passed"
        results[name] = max(results.get(name, "passed"), result, key=RANK.index)
    return results


class TapResult(unittest.TestResult):
    """One line a case; what went wrong stands before it as comments."""

    def __init__(self):
        super().__init__()
        self.count = 0
        self.bad_subtests = []

    def tell(self, test, good, more=""):
        self.count += 1
        name = getattr(test, "_testMethodName", str(test)).removeprefix("test_")
        print(f"{'' if good else 'not '}ok {self.count} - {name}{more}", flush=True)

    def startTest(self, test):
        super().startTest(test)
        self.bad_subtests = []

    def addSuccess(self, test):
        super().addSuccess(test)
        self.tell(test, True)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.explain(err)
        self.tell(test, False)

    addError = addFailure

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.tell(test, True, f" # SKIP {reason}")

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.bad_subtests.append(subtest)
            print(f"# in {subtest.params}")
            self.explain(err)

    def stopTest(self, test):
        # a case that failed only in subtests gets neither addSuccess nor addFailure
        if self.bad_subtests:
            self.tell(test, False)
        super().stopTest(test)

    @staticmethod
    def explain(err):
        for line in "".join(traceback.format_exception(*err)).splitlines():
            print("#", line)


class InOrder(unittest.TestLoader):
    """Classes and cases run as they are written, not by the alphabet."""

    def loadTestsFromModule(self, module, *_, pattern=None):
        classes = [c for c in vars(module).values() if isinstance(c, type) and issubclass(c, unittest.TestCase)]
        return self.suiteClass(self.loadTestsFromTestCase(c) for c in classes if c.__module__ == module.__name__)

    def getTestCaseNames(self, cls):
        return [n for c in reversed(cls.__mro__) for n in vars(c) if n.startswith("test_")]


def chosen(suite, words):
    """The cases of a suite whose name holds one of the words; all where there is none."""
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from chosen(test, words)
        elif not words or any(word in test.id() for word in words):
            yield test


def main(path, *words):
    """Runs one file. Return: exit status."""
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    spec = importlib.util.spec_from_file_location(os.path.splitext(os.path.basename(path))[0], path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    result = TapResult()
    unittest.TestSuite(chosen(InOrder().loadTestsFromModule(module), words)).run(result)
    print(f"1..{result.count}", flush=True)
    return 0 if result.wasSuccessful() and result.count else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
