# SPDX-License-Identifier: MIT
"""What goes over the wire, byte for byte: a relay that keeps it, and the TLS messages in it."""
import contextlib
import socket
import threading

from lab import place

CHANGE_CIPHER_SPEC, HANDSHAKE = 20, 22
CLIENT_HELLO, CERTIFICATE = 1, 11
SERVER_NAME, SUPPORTED_VERSIONS, PRE_SHARED_KEY, SESSION_TICKET = 0, 43, 41, 35


class Wire:
    """Listens on loopback and relays each connection to a port there; said is all that clients sent."""

    def __init__(self, lab, port):
        self.target, self.said = port, b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        thread = threading.Thread(target=self.serve, daemon=True)
        lab.stack.callback(place.stop_accepting, self.listener, thread)
        thread.start()

    def serve(self):
        while True:
            try:
                client = self.listener.accept()[0]
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            for ends in ((client, server, True), (server, client, False)):
                threading.Thread(target=self.relay, args=ends, daemon=True).start()

    def relay(self, source, target, is_client):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if is_client:
                    self.said += data
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)


def handshake(data):
    """[(type, body)] of the handshake messages that are in the clear: under TLS 1.3 the first hello, under 1.2
    all but the last."""
    stream = b""
    while len(data) >= 5 and data[0] in (HANDSHAKE, CHANGE_CIPHER_SPEC):
        size = int.from_bytes(data[3:5], "big")
        if data[0] == CHANGE_CIPHER_SPEC:
            break
        stream, data = stream + data[5:5 + size], data[5 + size:]
    messages = []
    while len(stream) >= 4:
        size = int.from_bytes(stream[1:4], "big")
        messages.append((stream[0], stream[4:4 + size]))
        stream = stream[4 + size:]
    return messages


def extensions(hello):
    """{type: body} of a ClientHello in its record (RFC 8446 §4.1.2)."""
    kind, body = handshake(hello)[0]
    assert kind == CLIENT_HELLO
    at = 34
    at += 1 + body[at]
    at += 2 + int.from_bytes(body[at:at + 2], "big")
    at += 1 + body[at]
    rest, found = body[at + 2:], {}
    while rest:
        size = int.from_bytes(rest[2:4], "big")
        found[int.from_bytes(rest[:2], "big")] = rest[4:4 + size]
        rest = rest[4 + size:]
    return found


def server_name(hello):
    """The one host name of SNI (RFC 6066 §3), or None."""
    body = extensions(hello).get(SERVER_NAME)
    return body[5:].decode() if body else None
