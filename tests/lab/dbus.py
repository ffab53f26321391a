# SPDX-License-Identifier: MIT
"""A D-Bus client of our own, for tests: it can be any uid, and can send what no library would.

Values are Python values beside a signature: "sa{sv}" takes a string and a dictionary of
(signature, value) pairs. Replies come back the same way, variants unpacked, with their raw body
for comparisons byte by byte.
"""
import dataclasses
import os
import socket
import struct

METHOD_CALL, METHOD_RETURN, ERROR, SIGNAL = 1, 2, 3, 4
PATH, INTERFACE, MEMBER, ERROR_NAME, REPLY_SERIAL, DESTINATION, SENDER, SIGNATURE = range(1, 9)
FIXED = {"y": "B", "b": "I", "n": "h", "q": "H", "i": "i", "u": "I", "x": "q", "t": "Q", "d": "d"}
BUS = ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus")


def split(signature):
    """The complete types of a signature."""
    types = []
    while signature:
        end = length_of_type(signature)
        types.append(signature[:end])
        signature = signature[end:]
    return types


def length_of_type(signature):
    if signature[0] == "a":
        return 1 + length_of_type(signature[1:])
    if signature[0] in "({":
        depth = 0
        for i, c in enumerate(signature):
            depth += (c in "({") - (c in ")}")
            if depth == 0:
                return i + 1
    return 1


def alignment(kind):
    return {"y": 1, "g": 1, "v": 1, "n": 2, "q": 2, "x": 8, "t": 8, "d": 8, "(": 8, "{": 8}.get(kind[0], 4)


class Writer:
    """Marshals values, little-endian."""

    def __init__(self):
        self.data = bytearray()

    def align(self, n):
        self.data += bytes(-len(self.data) % n)

    def write(self, kind, value):
        self.align(alignment(kind))
        if kind in FIXED:
            self.data += struct.pack("<" + FIXED[kind], value)
        elif kind in "so":
            raw = value if isinstance(value, bytes) else value.encode()
            self.data += struct.pack("<I", len(raw)) + raw + b"\0"
        elif kind == "g":
            self.data += bytes([len(value)]) + value.encode() + b"\0"
        elif kind == "v":
            self.write("g", value[0])
            self.write(*value)
        elif kind[0] == "a":
            self.write_array(kind[1:], value)
        else:  # ( or {
            for inner, item in zip(split(kind[1:-1]), value, strict=True):
                self.write(inner, item)

    def write_array(self, inner, value):
        at = len(self.data)
        self.data += bytes(4)
        self.align(alignment(inner))
        start = len(self.data)
        if inner == "y":
            self.data += bytes(value)
        else:
            for item in value.items() if isinstance(value, dict) else value:
                self.write(inner, item)
        self.data[at:at + 4] = struct.pack("<I", len(self.data) - start)


class Reader:
    """Unmarshals values, little-endian."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def read(self, kind):
        self.at += -self.at % alignment(kind)
        if kind in FIXED:
            form = "<" + FIXED[kind]
            value = struct.unpack_from(form, self.data, self.at)[0]
            self.at += struct.calcsize(form)
            return bool(value) if kind == "b" else value
        if kind in "so":
            size = self.read("u")
            return self.take(size + 1)[:-1].decode()
        if kind == "g":
            return self.take(self.read("y") + 1)[:-1].decode()
        if kind == "v":
            return self.read(self.read("g"))
        if kind[0] == "a":
            return self.read_array(kind[1:])
        return tuple(self.read(inner) for inner in split(kind[1:-1]))

    def read_array(self, inner):
        size = self.read("u")
        self.at += -self.at % alignment(inner)
        if inner == "y":
            return self.take(size)
        end, items = self.at + size, []
        while self.at < end:
            items.append(self.read(inner))
        return dict(items) if inner[0] == "{" else items

    def take(self, n):
        raw = self.data[self.at:self.at + n]
        self.at += n
        return raw


@dataclasses.dataclass
class Message:
    """One message as it came; values are decoded on demand."""
    kind: int
    fields: dict
    body: bytes

    def values(self):
        reader = Reader(self.body)
        return [reader.read(kind) for kind in split(self.fields.get(SIGNATURE, ""))]

    def error(self):
        """The error's name without the prefix, or None."""
        return self.fields[ERROR_NAME].removeprefix("org.mailtrust1.Error.") if self.kind == ERROR else None

    def what_the_caller_sees(self):
        """Everything of a reply but its numbering and addressing."""
        return self.kind, self.fields.get(ERROR_NAME), self.fields.get(SIGNATURE), self.body


def build(serial, kind, fields, body):
    """A whole message. fields maps a header field's number to (signature, value)."""
    writer = Writer()
    writer.data += struct.pack("<cBBBII", b"l", kind, 0, 1, len(body), serial)
    writer.write("a(yv)", list(fields.items()))
    writer.align(8)
    return bytes(writer.data) + body


class Connection:
    """One connection, made as a given effective uid: to a message bus, or straight to a service.
    claim is the uid it says it is, where that is to be a lie."""

    def __init__(self, path, uid=None, is_bus=False, timeout=10, claim=None):
        self.serial = 0
        self.signals = []
        self.buffer = b""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        saved = os.geteuid()
        if uid is not None and uid != saved:
            os.seteuid(uid)
        try:
            # the kernel notes the effective uid of this moment for SO_PEERCRED
            self.socket.connect(str(path))
            self.authenticate(next(u for u in (claim, uid, saved) if u is not None))
        except OSError:
            self.socket.close()
            raise
        finally:
            os.seteuid(saved)
        self.name = self.call(*BUS, "Hello").values()[0] if is_bus else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def authenticate(self, uid):
        self.socket.sendall(b"\0AUTH EXTERNAL " + str(uid).encode().hex().encode() + b"\r\n")
        answer = self.socket.recv(256)
        if not answer.startswith(b"OK "):
            raise ConnectionRefusedError(f"authentication of uid {uid}: {answer!r}")
        self.socket.sendall(b"BEGIN\r\n")

    def send(self, destination, path, interface, member, signature="", *values, body=None):
        """Sends a call; body in place of values is sent as it is. Return: its serial."""
        if body is None:
            writer = Writer()
            for kind, value in zip(split(signature), values, strict=True):
                writer.write(kind, value)
            body = bytes(writer.data)
        fields = {PATH: ("o", path), MEMBER: ("s", member)}
        if interface:
            fields[INTERFACE] = ("s", interface)
        if destination:
            fields[DESTINATION] = ("s", destination)
        if signature:
            fields[SIGNATURE] = ("g", signature)
        self.serial += 1
        self.socket.sendall(build(self.serial, METHOD_CALL, fields, body))
        return self.serial

    def call(self, *args, **options):
        """Sends a call and waits for its reply, an error included."""
        return self.reply(self.send(*args, **options))

    def reply(self, serial):
        while True:
            message = self.receive()
            if message.fields.get(REPLY_SERIAL) == serial:
                return message
            if message.kind == SIGNAL:
                self.signals.append(message)

    def receive(self):
        """The next message; raises ConnectionError where the peer has hung up."""
        head = self.need(16)
        body_size, array_size = struct.unpack_from("<I", head, 4)[0], struct.unpack_from("<I", head, 12)[0]
        header_size = 16 + array_size
        header_size += -header_size % 8
        raw = self.need(header_size + body_size)
        self.buffer = self.buffer[len(raw):]
        reader = Reader(raw)
        reader.at = 12
        return Message(raw[1], dict(reader.read("a(yv)")), raw[header_size:])

    def need(self, n):
        while len(self.buffer) < n:
            got = self.socket.recv(65536)
            if not got:
                raise ConnectionError("the peer hung up")
            self.buffer += got
        return self.buffer[:n]

    def send_raw(self, data):
        """Bytes as they are, for what no library would send."""
        self.socket.sendall(data)
