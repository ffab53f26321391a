# SPDX-License-Identifier: MIT
"""A resolver between a program and a name server: counts what is asked, and misbehaves on request.

behave(name, type) says what happens to a question: None (passed on), "drop", "servfail", "strip"
(asked without DNSSEC, so that no signature comes back), "lie" (stripped, and the AD bit set), or
a function that makes the response, without its id, of the query.
"""
import socket
import socketserver
import struct
import threading

TYPES = {1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 28: "AAAA", 33: "SRV", 43: "DS", 48: "DNSKEY", 52: "TLSA"}


def question_of(packet):
    """Return: (name in lower case, type, offset behind the question)."""
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1").lower())
        at += 1 + packet[at]
    kind = struct.unpack_from(">H", packet, at + 1)[0]
    return ".".join(labels), TYPES.get(kind, str(kind)), at + 5


def record(kind, data, ttl=300, name=b"\xc0\x0c"):
    """One resource record whose name points at the question's."""
    return name + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


def response(query, records, rcode=0, count=None):
    """A response to a query, without its id."""
    end = question_of(query)[2]
    head = struct.pack(">HHHHH", 0x8180 | rcode, 1, len(records) if count is None else count, 0, 0)
    return head + query[12:end] + b"".join(records)


class Resolver:
    """Resolver(lab, zones.port): address is what --dns-forward wants."""

    def __init__(self, lab, upstream_port=None):
        self.upstream = ("127.0.0.1", upstream_port)
        self.queries, self.behave = [], lambda name, kind: None
        port = lab.port()
        self.address = f"127.0.0.1@{port}"
        socketserver.ThreadingMixIn.daemon_threads = True
        for server, handler in ((socketserver.ThreadingUDPServer, self.udp), (socketserver.ThreadingTCPServer, self.tcp)):
            server.allow_reuse_address = True
            running = server(("127.0.0.1", port), self.handler(handler))
            threading.Thread(target=running.serve_forever, daemon=True).start()
            lab.stack.callback(running.server_close)
            lab.stack.callback(running.shutdown)

    @staticmethod
    def handler(function):
        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                function(self.request, self.client_address)
        return Handler

    def asked(self, *kinds):
        """The names asked about so far, of some types."""
        return [name for name, kind in self.queries if kind in kinds]

    def udp(self, request, peer):
        query, sock = request
        answer = self.answer(query, self.ask_udp)
        if answer:
            # a response that does not fit is cut, and asked for again by TCP
            if len(answer) > 1232:
                end = question_of(answer)[2]
                answer = answer[:2] + struct.pack(">HHHHH", 0x8380, 1, 0, 0, 0) + answer[12:end]
            sock.sendto(answer, peer)

    def tcp(self, sock, _):
        head = sock.recv(2, socket.MSG_WAITALL)
        if len(head) < 2:
            return
        query = sock.recv(struct.unpack(">H", head)[0], socket.MSG_WAITALL)
        answer = self.answer(query, self.ask_tcp)
        if answer:
            sock.sendall(struct.pack(">H", len(answer)) + answer)

    def answer(self, query, ask):
        name, kind, end = question_of(query)
        self.queries.append((name, kind))
        how = self.behave(name, kind)
        if how == "drop":
            return None
        if how == "servfail":
            return query[:2] + response(query, [], 2)
        if callable(how):
            return query[:2] + how(query)
        if how in ("strip", "lie"):
            query = query[:10] + b"\0\0" + query[12:end]
        answer = ask(query)
        if how == "lie":
            answer = answer[:3] + bytes([answer[3] | 0x20]) + answer[4:]
        return answer

    def ask_udp(self, query):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(3)
            s.sendto(query, self.upstream)
            return s.recv(65535)

    def ask_tcp(self, query):
        with socket.create_connection(self.upstream, 3) as s:
            s.sendall(struct.pack(">H", len(query)) + query)
            size = struct.unpack(">H", s.recv(2, socket.MSG_WAITALL))[0]
            return s.recv(size, socket.MSG_WAITALL)
