#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Generates C tables, introspection data and the API reference from the D-Bus contract.

usage: contract.py enums|tables|reference CONTRACT.xml OUTPUT

A contract that is not fully documented, or that names a signature or an object it should not, is
refused here, so it never builds.
"""

import re
import sys
import xml.etree.ElementTree as ET

DOC = "{https://mailtrust.example/doc}"
OBJECTS = {"root": ["ROOT"], "account": ["ACCOUNT"], "both": ["ROOT", "ACCOUNT"]}
PREFIXES = ("org.mailtrust1.", "org.freedesktop.DBus.")
FNV_PRIME, FNV_BASIS, MASK = 16777619, 2166136261, 0xFFFFFFFF


def die(message):
    sys.exit(f"contract.py: {message}")


def text(element, where):
    doc = element.find(DOC + "doc")
    if doc is None or not (doc.text or "").strip():
        die(f"{where} is not documented")
    return " ".join(doc.text.split())


def upper(camel):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", camel).upper()


class Member:
    def __init__(self, interface, element):
        self.interface, self.element = interface, element
        self.name = element.get("name")
        where = f"{interface.name}.{self.name}"
        self.doc = text(element, where)
        self.args = element.findall("arg")
        for arg in self.args:
            text(arg, f"{where}({arg.get('name')})")
        self.symbol = f"{interface.short}_{upper(self.name)}"
        self.errors = [(e.get("code"), " ".join(e.text.split()))
                       for e in element.findall(DOC + "error")]
        self.key = f"{interface.name}.{self.name}"

    def signature(self, direction):
        return "".join(a.get("type") for a in self.args
                       if a.get("direction", "out") == direction)


class Interface:
    def __init__(self, element):
        self.element = element
        self.name = self.key = element.get("name")
        prefix = next((p for p in PREFIXES if self.name.startswith(p)), None)
        if prefix is None:
            die(f"{self.name} is none of our interfaces")
        self.short = upper(self.name[len(prefix):])
        self.symbol = self.short
        self.doc = text(element, self.name)
        if element.get(DOC + "on") not in OBJECTS:
            die(f"{self.name} says not which objects it is on")
        self.objects = OBJECTS[element.get(DOC + "on")]
        self.methods = [Member(self, e) for e in element.findall("method")]
        self.properties = [Member(self, e) for e in element.findall("property")]
        self.signals = [Member(self, e) for e in element.findall("signal")]
        for prop in self.properties:
            if prop.element.get("access") != "read":
                die(f"{prop.key}: properties are read only")


def fnv(string, seed):
    value = FNV_BASIS ^ seed
    for byte in string.encode():
        value = ((value ^ byte) * FNV_PRIME) & MASK
    return value ^ (value >> 15)


def perfect_hash(keys):
    """A seed and a size with which no two keys share a slot."""
    size = 1
    while size < 2 * len(keys):
        size *= 2
    for size in (size, 2 * size, 4 * size):
        for seed in range(1 << 16):
            slots = {fnv(key, seed) & (size - 1): i for i, key in enumerate(keys)}
            if len(slots) == len(keys):
                return seed, [slots.get(i, -1) for i in range(size)]
    die("no perfect hash; let the tables grow")


def quote(string):
    return '"' + string.replace("\\", "\\\\").replace('"', '\\"') + '"'


def introspection(interfaces, which):
    """The interfaces of an object without the documentation, as characters: a literal of that length is more
    than C17 makes compilers take. Each line of it stands beside them as a comment."""
    lines = []
    for interface in interfaces:
        if which not in interface.objects:
            continue
        lines.append(f'<interface name="{interface.name}">')
        for member in interface.methods + interface.properties + interface.signals:
            tag, element = member.element.tag, member.element
            attributes = "".join(f' {k}="{v}"' for k, v in element.attrib.items()
                                 if not k.startswith(DOC))
            if not member.args:
                lines.append(f" <{tag}{attributes}/>")
                continue
            lines.append(f" <{tag}{attributes}>")
            for arg in member.args:
                attributes = "".join(f' {k}="{v}"' for k, v in arg.attrib.items())
                lines.append(f"  <arg{attributes}/>")
            lines.append(f" </{tag}>")
        lines.append("</interface>")
    return "{\n" + "".join("\t" + "".join(f"{ord(c)}, " for c in line + "\n") + f"/* {line} */\n"
                           for line in lines) + "\t0}"


def enum(name, prefix, members):
    rows = "\n".join(f"\tMT_{prefix}_{m.symbol}{' = 0' if i == 0 else ''},"
                     for i, m in enumerate(members))
    return f"enum {name} {{\n{rows}\n}};\n#define MT_{prefix}_COUNT {len(members)}\n"


def hash_table(name, members):
    seed, slots = perfect_hash([m.key for m in members])
    rows = ", ".join(map(str, slots))
    return (f"const struct mt_contract_hash mt_contract_{name} = {{{seed}u, {len(slots) - 1}u, "
            f"(const int8_t[]){{{rows}}}}};\n")


def enums(interfaces, calls, properties, signals):
    return "\n".join([
        "/* Generated by contract.py from org.mailtrust1.xml. */",
        "#ifndef MT_IPC_CONTRACT_ENUMS_H", "#define MT_IPC_CONTRACT_ENUMS_H", "",
        enum("mt_interface", "INTERFACE", interfaces),
        enum("mt_call", "CALL", calls),
        enum("mt_property_id", "PROPERTY", properties),
        enum("mt_signal", "SIGNAL", signals),
        "#endif", ""])


def rows(members, columns):
    return "".join("\t{MT_INTERFACE_%s, %s},\n" %
                   (m.interface.symbol, ", ".join(quote(c) for c in [m.name] + columns(m)))
                   for m in members)


def tables(interfaces, calls, properties, signals):
    codes = sorted({code for call in calls for code, _ in call.errors})
    return "\n".join([
        "/* Generated by contract.py from org.mailtrust1.xml. */",
        '#include "ipc/contract.h"', '#include "ipc/contract-hash.h"', "",
        "const struct mt_interface_def mt_interfaces[MT_INTERFACE_COUNT] = {",
        "".join("\t{%s, %s},\n" % (quote(i.name), " | ".join("MT_OBJECT_" + o for o in i.objects))
                for i in interfaces) + "};\n",
        "const struct mt_call_def mt_calls[MT_CALL_COUNT] = {",
        rows(calls, lambda m: [m.signature("in"), m.signature("out")]) + "};\n",
        "const struct mt_property_def mt_properties[MT_PROPERTY_COUNT] = {",
        rows(properties, lambda m: [m.element.get("type")]) + "};\n",
        "const struct mt_signal_def mt_signals[MT_SIGNAL_COUNT] = {",
        rows(signals, lambda m: [m.signature("out")]) + "};\n",
        hash_table("interface_hash", interfaces),
        hash_table("call_hash", calls),
        hash_table("property_hash", properties),
        "const char mt_introspect_root[] = " + introspection(interfaces, "ROOT") + ";\n",
        "const char mt_introspect_account[] = " + introspection(interfaces, "ACCOUNT") + ";\n",
        "const char *const mt_contract_error_codes[] = {"
        + ", ".join(map(quote, codes)) + ", NULL};\n"])


def reference(interfaces, *_):
    """The API reference, as Markdown."""
    out = ["# D-Bus API", ""]
    for interface in interfaces:
        out += [f"## {interface.name}", "", interface.doc, ""]
        for member in interface.methods + interface.properties + interface.signals:
            args = ", ".join(f"{a.get('type')} {a.get('name')}" for a in member.args
                             if a.get("direction") != "out" or member.element.tag == "signal")
            results = ", ".join(f"{a.get('type')} {a.get('name')}" for a in member.args
                                if a.get("direction") == "out")
            head = {"method": f"`{member.name}({args}) → ({results})`",
                    "property": f"property `{member.element.get('type')} {member.name}`",
                    "signal": f"signal `{member.name}({args})`"}[member.element.tag]
            out += [f"### {head}", "", member.doc, ""]
            out += [f"* `{a.get('name')}`: {text(a, member.key)}" for a in member.args]
            out += [f"* error `{code}`: {why}" for code, why in member.errors]
            out += [""] if member.args or member.errors else []
    return "\n".join(out)


def main():
    if len(sys.argv) != 4:
        die(__doc__)
    make = {"enums": enums, "tables": tables, "reference": reference}[sys.argv[1]]
    interfaces = [Interface(e) for e in ET.parse(sys.argv[2]).getroot().findall("interface")]
    members = [[m for i in interfaces for m in getattr(i, kind)]
               for kind in ("methods", "properties", "signals")]
    with open(sys.argv[3], "w", encoding="utf-8") as output:
        output.write(make(interfaces, *members))


main()
