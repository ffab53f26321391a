#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Counts the cases of a build directory's last `meson test`: prints "PASSED FAILED SKIPPED" and,
on stderr, the name of each case that failed. A program that died counts as one failure more."""
import collections
import json
import pathlib
import sys

from lab import tap

COUNT = collections.Counter()
for build in sys.argv[1:]:
    for log in sorted(pathlib.Path(build, "meson-logs").glob("testlog*.json")):
        for line in log.read_text().splitlines():
            test = json.loads(line)
            name = test["name"].split(" / ")[-1]
            results = tap.read(test.get("stdout") or "")
            COUNT.update(results.values())
            for case, result in results.items():
                if result == "failed":
                    print(f"FAILED {name}: {case}", file=sys.stderr)
            if test["result"] not in ("OK", "SKIP") and "failed" not in results.values():
                COUNT["failed"] += 1
                print(f"FAILED {name}: {test['result']}", file=sys.stderr)
print(COUNT["passed"], COUNT["failed"], COUNT["skipped"])
