#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Holds tests/requirements.tsv against what a test run really showed.

    check-requirements.py BUILD...           cases named there exist and passed in these build dirs
    check-requirements.py --merge FILE...    takes over lines "ID<TAB>program<TAB>case"
    check-requirements.py --self-test

Each line of requirements.tsv is "ID<TAB>program<TAB>case<TAB>what it says"; a requirement that no
test shows yet has the program "open". One that needs several cases has several lines. Once shown, a
requirement stays shown: every committed version of the file is asked.
"""
import collections
import contextlib
import io
import json
import pathlib
import subprocess
import sys
import tempfile

from lab import tap

TABLE = pathlib.Path(__file__).resolve().parent / "requirements.tsv"
# the catalogue is closed: so many requirements of each kind, numbered without gaps where they are plain
KINDS = {"R": 79, "D": 147, "G": 32, "I": 10, "S": 14}
HEADING = "# requirement\ttest program\tcase\twhat it says; see tests/check-requirements.py\n"

Row = collections.namedtuple("Row", "id program case says")


def parse(text):
    """The rows of a table; a line with other than four columns is an error."""
    return [Row(*line.split("\t")) for line in text.splitlines() if line and not line.startswith("#")]


def shown(rows):
    """The requirements that some case shows."""
    return {row.id for row in rows if row.program != "open"}


def results_of(build):
    """{(program, case): result} of a build directory's last `meson test`."""
    results = {}
    for log in sorted(pathlib.Path(build, "meson-logs").glob("testlog*.json")):
        for line in log.read_text().splitlines():
            test = json.loads(line)
            program = test["name"].split(" / ")[-1]
            for name, result in tap.read(test.get("stdout") or "").items():
                results[program, name] = result
    return results


def history(table):
    """Every committed version of the table, oldest last; nothing where there is no history."""
    def git(*args):
        done = subprocess.run(("git", "-C", str(table.parent)) + args, capture_output=True, text=True)
        return done.stdout if done.returncode == 0 else ""
    for commit in git("log", "--format=%H", "--", table.name).split():
        yield commit[:10], git("show", f"{commit}:./{table.name}")


def faults(rows, results, versions):
    """Yields a line for everything that is not as the table says."""
    ids = {row.id for row in rows}
    for kind, count in KINDS.items():
        found = len([i for i in ids if i.startswith(kind + "-")])
        if found != count:
            yield f"{found} requirements of kind {kind} instead of {count}"
    for row in rows:
        result = results.get((row.program, row.case), "missing")
        if row.program != "open" and result not in ("passed", "skipped"):
            yield f"{row.id}: {result}: {row.program}: {row.case}"
        if row.program == "open" and row.id in shown(rows):
            yield f"{row.id}: both open and shown"
    lost = set()
    for name, text in versions:
        for i in sorted(shown(parse(text)) - shown(rows) - lost):
            lost.add(i)
            yield f"{i}: was shown in {name} and is not any more"


def check(builds):
    """Prints what is open, what could not run here, and what is wrong. Return: exit status."""
    rows = parse(TABLE.read_text())
    results = {}
    for build in builds:
        results.update(results_of(build))
    wrong = list(faults(rows, results, history(TABLE)))
    skipped = sorted({r.id for r in rows if results.get((r.program, r.case)) == "skipped"})
    if skipped:
        print(f"not shown on this machine, their tests were skipped: {' '.join(skipped)}")
    still = sorted({row.id for row in rows} - shown(rows))
    print(f"{len(shown(rows))} requirements shown, {len(still)} open"
          + (f": {' '.join(still)}" if still else ""))
    for line in wrong:
        print(f"requirements: {line}")
    return 1 if wrong else 0


def merged(rows, lines):
    """The rows with the lines' cases in place of `open`, beside the cases already there."""
    says = {row.id: row.says for row in rows}
    added = collections.defaultdict(list)
    for line in lines:
        i, program, case = line.rstrip("\n").split("\t")[:3]
        if i not in says:
            raise SystemExit(f"check-requirements: there is no requirement {i}")
        program = program.removesuffix(".c").removesuffix(".py").removeprefix("test-")
        added[i].append(Row(i, program, case, says[i]))
    result, done = [], set()
    for row in rows:
        if row.program != "open" or row.id not in added:
            result.append(row)
        last = not any(r.id == row.id for r in rows[rows.index(row) + 1:])
        if last and row.id not in done:
            done.add(row.id)
            result += [new for new in dict.fromkeys(added[row.id]) if new not in result]
    return result


def merge(files):
    """Rewrites the table with the lines of the files."""
    lines = [line for name in files for line in pathlib.Path(name).read_text().splitlines(True)
             if line.strip() and not line.startswith("#")]
    rows = merged(parse(TABLE.read_text()), lines)
    TABLE.write_text(HEADING + "".join("\t".join(row) + "\n" for row in rows))
    return 0


def self_test():
    """A check that finds nothing proves nothing until it has found something."""
    rows = parse("".join(f"{kind}-{n}\topen\t\tx\n" for kind, count in KINDS.items() for n in range(count)))
    good = merged(rows, ["R-1\ttest-a.c\tx_holds\n", "R-1\tb\ty_holds\n", "D-2\tb\tz_holds\n"])
    results = {("a", "x_holds"): "passed", ("b", "y_holds"): "passed", ("b", "z_holds"): "skipped"}
    earlier = [("v1", "R-1\ta\tx\tx\n")]
    cases = [
        ("a table whose cases passed is right", good, results, earlier, 0),
        ("a case that failed is told", good, {**results, ("b", "y_holds"): "failed"}, earlier, 1),
        ("a case that does not exist is told", good, {("a", "x_holds"): "passed"}, earlier, 2),
        ("what was shown must not become open", rows, results, earlier, 1),
        ("a requirement must not vanish", good[:-1], results, earlier, 1),
        ("open and shown exclude each other", good + [Row("R-1", "open", "", "x")], results, [], 1),
        ("merging twice changes nothing", merged(good, ["D-2\tb\tz_holds\n"]), results, earlier, 0),
    ]
    wrong = [name for name, table, seen, versions, count in cases
             if len(list(faults(table, seen, versions))) != count]
    with tempfile.TemporaryDirectory() as build:
        log = {"name": "mailtrust:unit / a", "stdout": "1..3\nok 1 - x_holds\nnot ok 2 - y\nok 3 - z # SKIP no\n"}
        pathlib.Path(build, "meson-logs").mkdir()
        pathlib.Path(build, "meson-logs", "testlog.json").write_text(json.dumps(log) + "\n")
        if results_of(build) != {("a", "x_holds"): "passed", ("a", "y"): "failed", ("a", "z"): "skipped"}:
            wrong.append("TAP is read from meson's log")
    for name in wrong:
        print(f"check-requirements: the check itself is wrong: {name}")
    return 1 if wrong else 0


def main(args):
    if args[:1] == ["--merge"]:
        return merge(args[1:])
    if args == ["--self-test"]:
        return self_test()
    with contextlib.redirect_stdout(io.StringIO()) as quiet:
        broken = self_test()
    if broken:
        print(quiet.getvalue(), end="")
        return 1
    return check(args)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
