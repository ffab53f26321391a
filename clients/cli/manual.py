#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes a manual page from its template and what the program itself says of its commands.

    manual.py TEMPLATE OUTPUT PROGRAM

Writes TEMPLATE to OUTPUT with the line @COMMANDS@ replaced by every command of `PROGRAM --help`,
each with its text of `PROGRAM help COMMAND`, or @OPTIONS@ by every option of `PROGRAM --help`: one
source for the manual and the program, so neither can be wrong about the other.
"""
import itertools
import pathlib
import re
import subprocess
import sys


def ask(program, *args):
    return subprocess.run([program, *args], capture_output=True, text=True, check=True).stdout


def escaped(line):
    """Text as mdoc(7) takes it: no escape, and no macro at the start of a line."""
    line = line.replace("\\", r"\e").replace("…", "...").replace("-", r"\-")
    return r"\&" + line if line[:1] in (".", "'") else line


def quoted(text):
    """One argument of a macro, in which no word is taken for another macro."""
    return '"' + escaped(text).replace('"', '""') + '"'


def body(text):
    """Paragraphs, a line for each sentence; indented lines as they stand."""
    for block in re.split(r"\n\n+", text.strip("\n")):
        yield ".Pp"
        for literal, lines in itertools.groupby(block.splitlines(), lambda line: line.startswith("  ")):
            if literal:
                yield from [".Bd -literal -compact", *map(escaped, lines), ".Ed"]
            else:
                yield from map(escaped, re.split(r"(?<=[.?]) +(?=\S)", " ".join(lines)))


def commands(program):
    """Rows "  name   summary" up to the first empty line, each with its own help."""
    listing = ask(program, "--help").split("\n\n")[1]
    for name in re.findall(r"^  (\S+(?: \S+)*)  ", listing, re.M):
        usage, text = ask(program, "help", *name.split()).split("\n\n", 1)
        arguments = " ".join(usage.split()[2 + len(name.split()):])
        yield f".It Cm {quoted(name)}" + (f" No {quoted(arguments)}" if arguments else "")
        yield from list(body(text))[1:]


def options(program):
    """Pairs of lines "  --name ARGUMENT" and "      text"."""
    for name, text in re.findall(r"^  (--.*)\n      (.*)$", ask(program, "--help"), re.M):
        option, *argument = name.split()
        yield f".It Fl {escaped(option[1:])}" + (f" Ar {quoted(' '.join(argument))}" if argument else "")
        yield escaped(text)


def main(template, output, program):
    made = {"@COMMANDS@": commands, "@OPTIONS@": options}
    lines = []
    for line in pathlib.Path(template).read_text(encoding="utf-8").splitlines():
        lines += made[line](program) if line in made else [line]
    pathlib.Path(output).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
