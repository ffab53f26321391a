# SPDX-License-Identifier: MIT
"""A server that says exactly what its script says, and keeps every byte it saw.

A script is a function of one Talk; it runs once for each connection, in a thread. What it does not
control it cannot get wrong: lines are read one byte at a time, so that what a client sent too early
is seen where it was sent.
"""
import contextlib
import socket
import ssl
import threading


class Gone(Exception):
    """The client hung up; ends a script quietly."""


class Talk:
    """One connection. saw is [(secured, bytes)], in order; hello is the raw ClientHello."""

    def __init__(self, connection):
        self.connection = connection
        self.is_secured = False
        self.saw = []
        self.hello = b""

    def send(self, data):
        """Sends bytes in one segment where the kernel allows."""
        try:
            self.connection.sendall(data)
        except OSError:
            raise Gone from None

    def line(self):
        """One line without its end."""
        data = b""
        while not data.endswith(b"\n"):
            data += self.byte()
        self.saw.append((self.is_secured, data))
        return data.rstrip(b"\r\n")

    def byte(self):
        try:
            one = self.connection.recv(1)
        except OSError:
            one = b""
        if not one:
            raise Gone
        return one

    def rest(self, seconds=1.0):
        """Whatever still comes until the client is silent for so long, or hangs up."""
        self.connection.settimeout(seconds)
        with contextlib.suppress(OSError):
            while data := self.connection.recv(4096):
                self.saw.append((self.is_secured, data))

    def secure(self, certificate, newest=None, oldest=ssl.TLSVersion.TLSv1_2, alpn=(), ciphers=None):
        """Speaks TLS from here on. A handshake the client breaks off ends the script."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers(ciphers or "DEFAULT:@SECLEVEL=0")
        context.minimum_version = oldest
        if newest:
            context.maximum_version = newest
        if alpn:
            context.set_alpn_protocols(list(alpn))
        context.load_cert_chain(certificate.chain, certificate.key)
        try:
            self.hello = self.connection.recv(16384, socket.MSG_PEEK)
            self.connection = context.wrap_socket(self.connection, server_side=True)
        except (OSError, ValueError):
            raise Gone from None
        self.is_secured = True


class ScriptedServer:
    """Listens on loopback and runs a script for each connection; talks holds them all."""

    def __init__(self, lab, script):
        self.script = script
        self.talks = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        lab.stack.callback(self.close)

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.settimeout(10)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            talk = Talk(connection)
            self.talks.append(talk)
            threading.Thread(target=self.run, args=(talk,), daemon=True).start()

    def run(self, talk):
        with contextlib.suppress(Gone):
            self.script(talk)
        talk.connection.close()

    def lines(self, secured=None):
        """Every line seen, in order; only those before or after TLS where told so."""
        seen = [data for talk in self.talks for was_secured, data in talk.saw if secured in (None, was_secured)]
        return [line for data in seen for line in data.splitlines()]


def imap(certificate=None, implicit=False, capability=b"IMAP4rev1", starttls=b"OK go ahead", injected=b"",
         greeting=b"* OK ready", **tls):
    """A script: a plain IMAP server with some part of it bent. starttls=None hides the offer."""
    def script(talk):
        if implicit:
            talk.secure(certificate, **tls)
        talk.send(greeting + b"\r\n")
        while True:
            tag, _, command = talk.line().partition(b" ")
            verb = command.upper().split(b" ")[0]
            if verb == b"CAPABILITY":
                offer = b"" if talk.is_secured or starttls is None else b" STARTTLS"
                talk.send(b"* CAPABILITY " + capability + offer + b"\r\n" + tag + b" OK done\r\n")
            elif verb == b"STARTTLS":
                talk.send(tag + b" " + (starttls or b"BAD no") + b"\r\n" + injected)
                if starttls and starttls.startswith(b"OK"):
                    talk.secure(certificate, **tls)
            elif verb == b"LOGOUT":
                talk.send(b"* BYE\r\n" + tag + b" OK bye\r\n")
                return
            else:
                talk.send(tag + b" OK\r\n")
    return script
