#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Fails where a file includes upward, or policy/ includes more than a few headers of libc."""
import pathlib
import re
import sys
import tempfile

BELOW = {"policy": {"policy"}, "ipc": {"policy", "ipc"}, "daemon": {"policy", "ipc", "daemon"},
         "clients": {"policy", "ipc", "clients"}}
# no I/O, no clock, no locale, no threads
LIBC = {"assert.h", "ctype.h", "errno.h", "inttypes.h", "limits.h", "stdarg.h", "stdbool.h", "stddef.h",
        "stdint.h", "stdio.h", "stdlib.h", "string.h", "strings.h",
        "arpa/inet.h"}  # the last for inet_pton() and inet_ntop() only
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def faults(root):
    """Yields one line for each include that the layers forbid."""
    for path in sorted(p for layer in BELOW for p in (root / layer).rglob("*.[ch]")):
        layer = path.relative_to(root).parts[0]
        for quote, header in INCLUDE.findall(path.read_text()):
            if quote == '"' and header.split("/")[0] not in BELOW[layer]:
                yield f"{path.relative_to(root)}: {layer}/ must not include \"{header}\""
            if quote == "<" and layer == "policy" and header not in LIBC:
                yield f"{path.relative_to(root)}: policy/ must not include <{header}>"


def self_test():
    """A check that finds nothing proves nothing until it has found something."""
    bad = {"policy/a.c": '#include <sys/socket.h>', "policy/b.h": ' # include "ipc/bus.h"',
           "ipc/c.c": '#include "daemon/store.h"', "clients/cli/d.c": '#include "daemon/store.h"',
           "daemon/e.c": '#include "clients/lib/mailtrust.h"', "daemon/f.c": '#include "g.h"'}
    good = {"policy/a.h": '#include <string.h>', "ipc/c.h": '#include <dbus/dbus.h>\n#include "policy/a.h"',
            "daemon/worker/e.h": '#include "ipc/c.h"\n/* says "daemon/store.h" */'}
    with tempfile.TemporaryDirectory() as folder:
        for name, text in {**bad, **good}.items():
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")
        found = {line.split(":")[0] for line in faults(pathlib.Path(folder))}
    if found != set(bad):
        sys.exit(f"check-layering: the check itself is wrong about {sorted(found ^ set(bad))}")


self_test()
FOUND = list(faults(pathlib.Path(__file__).resolve().parent.parent))
print("\n".join(FOUND), end="\n" if FOUND else "")
sys.exit(1 if FOUND else 0)
