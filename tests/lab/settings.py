# SPDX-License-Identifier: MIT
"""Where a domain publishes its settings: web sites on addresses and ports of their own, and mail servers there.

Documents are asked for at port 443 or 80 of a host, so each site has a loopback address to itself.
"""
import base64
import contextlib
import hashlib
import random
import socket
import threading

from lab import place, scripted


def address(port=443):
    """A loopback address where nobody listens at a port."""
    while True:
        found = f"127.{random.randint(1, 250)}.{random.randint(1, 250)}.{random.randint(2, 250)}"
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind((found, port))
            return found


class Site:
    """A web site; without a certificate it speaks in clear. pages[path] is a body, a whole reply (a tuple of acts
    of lab.scripted), or None for one that never answers; asked is what was asked for."""

    def __init__(self, lab, certificate=None, pages=None):
        self.certificate, self.pages, self.asked = certificate, pages or {}, []
        port = 443 if certificate else 80
        self.address = address(port)
        self.server = scripted.ScriptedServer(lab, self.script, (self.address, port))

    def script(self, talk):
        if self.certificate:
            talk.secure(self.certificate)
        line = talk.line()
        while talk.line():
            pass
        path = line.split(b" ")[1].decode()
        self.asked.append(path)
        page = self.pages.get(path, (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",))
        if page is None:
            talk.rest(60)
        elif isinstance(page, tuple):
            talk.perform(page)
        else:
            talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(page) + page)

    def requests(self):
        """Every byte that was sent to it."""
        return b"".join(data for talk in self.server.talks for _, data in talk.saw)


class Door:
    """A port of an address that leads to a mail server of the lab, and counts who came."""

    def __init__(self, lab, port, target):
        self.lab, self.target, self.count = lab, target, 0
        self.address = address(port)
        self.listener = socket.create_server((self.address, port))
        thread = threading.Thread(target=self.serve, daemon=True)
        lab.stack.callback(place.stop_accepting, self.listener, thread)
        thread.start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                one, _ = self.listener.accept()
                self.count += 1
                other = socket.create_connection(("127.0.0.1", self.target))
                for pair in ((one, other), (other, one)):
                    self.lab.stack.callback(pair[0].close)
                    threading.Thread(target=self.copy, args=pair, daemon=True).start()

    @staticmethod
    def copy(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


def redirect(url):
    return (b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % url.encode(),)


def endless(talk):
    """Sends zeros for as long as anybody takes them."""
    talk.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        talk.send(bytes(65536))


PACC_PATH = "/.well-known/user-agent-configuration.json"
AUTOCONFIG_PATH = "/mail/config-v1.1.xml"
WELL_KNOWN_PATH = "/.well-known/autoconfig/mail/config-v1.1.xml"


def pacc(**hosts):
    """A PACC document: pacc(imap="imap.example.test")."""
    protocols = ", ".join(f'"{name}": {{"host": "{host}"}}' for name, host in hosts.items())
    return f'{{"protocols": {{{protocols}}}, "info": {{"provider": {{"name": "Example"}}}}}}'.encode()


def digest(document):
    """The text of PACC's TXT record for a document."""
    return f'"v=UAAC1; a=sha256; d={base64.b64encode(hashlib.sha256(document).digest()).decode()}"'


def autoconfig(*servers):
    """A config-v1.1.xml of servers (type, host, port, socketType)."""
    text = "".join(f'<{"outgoing" if kind == "smtp" else "incoming"}Server type="{kind}"><hostname>{host}</hostname>'
                   f"<port>{port}</port><socketType>{how}</socketType><username>%EMAILADDRESS%</username>"
                   f'</{"outgoing" if kind == "smtp" else "incoming"}Server>' for kind, host, port, how in servers)
    return ('<?xml version="1.0" encoding="UTF-8"?>\n<clientConfig version="1.1"><emailProvider id="x">'
            f"{text}</emailProvider></clientConfig>\n").encode()
