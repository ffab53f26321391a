# SPDX-License-Identifier: MIT
"""Test cases as functions whose names are sentences, told in TAP; and TAP read back.

A program of tests marks its cases with @case and ends in run(). Each case gets the lab that
run() was given the maker of. A case fails by an exception; it is skipped by raising Skip with the
reason, which is for what this machine cannot do, never for what the product cannot do.
"""
import contextlib
import inspect
import re
import sys
import traceback
import unittest

CASES = []
expect = unittest.TestCase()
expect.maxDiff = None

LINE = re.compile(r"^(not )?ok\b(?:\s+\d+)?(?:\s*-\s*)?([^#]*)(?:#\s*(\w+)\s*(.*))?$")


class Skip(Exception):
    """This machine cannot run the case; the argument says why."""


def case(function):
    """Marks a function as a case; its name is the sentence it proves."""
    CASES.append(function)
    return function


def tell(text, stream=sys.stdout):
    """Diagnostics: lines that TAP readers skip."""
    for line in str(text).splitlines():
        print("#", line, file=stream)


def run_one(number, function, lab):
    """Runs one case and tells its line. Return: whether it failed."""
    name = function.__name__
    try:
        function(lab) if inspect.signature(function).parameters else function()
    except Skip as why:
        print(f"ok {number} - {name} # SKIP {why}", flush=True)
        return False
    except Exception:  # a case may fail in any way it likes
        tell(traceback.format_exc())
        if lab is not None:
            tell(lab.story())
        print(f"not ok {number} - {name}", flush=True)
        return True
    print(f"ok {number} - {name}", flush=True)
    return False


def run(make_lab=contextlib.nullcontext):
    """Runs every case (or those whose name contains an argument) and exits."""
    chosen = [c for c in CASES if not sys.argv[1:] or any(word in c.__name__ for word in sys.argv[1:])]
    print(f"1..{len(chosen)}", flush=True)
    try:
        with make_lab() as lab:
            failed = [run_one(i, c, lab) for i, c in enumerate(chosen, 1)]
    except Skip as why:  # the lab itself cannot stand here
        failed = [run_one(i, _skipper(c.__name__, why), None) for i, c in enumerate(chosen, 1)]
    sys.exit(1 if any(failed) else 0)


def _skipper(name, why):
    def skip():
        raise Skip(why)
    skip.__name__ = name
    return skip


def read(text):
    """Reads TAP. Return: {case: "passed" | "failed" | "skipped"}, in order.

    A case told twice keeps its worst result, so that a repeated name hides nothing.
    """
    rank = ["passed", "skipped", "failed"]
    results = {}
    for line in text.splitlines():
        found = LINE.match(line.strip())
        if not found:
            continue
        failed, name, directive = found.group(1), found.group(2).strip(), (found.group(3) or "").upper()
        result = "failed" if failed else "skipped" if directive in ("SKIP", "TODO") else "passed"
        results[name] = max(results.get(name, "passed"), result, key=rank.index)
    return results
