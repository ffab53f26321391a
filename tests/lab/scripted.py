# SPDX-License-Identifier: MIT
"""A server that says exactly what its script says, and keeps every byte it saw.

A script is a function of one Talk; it runs once for each connection, in a thread. What it does not
control it cannot get wrong: lines are read one byte at a time, so that what a client sent too early
is seen where it was sent.

server() makes the script of an honest server of one protocol, with some part of it bent. Each part
is a row of acts: bytes are said in one segment, a number is a pause in seconds, anything else is a
function of the talk. In bytes a name in angle brackets stands for what the honest server of that
protocol says there: b"<go>NOOP\\r\\n" is its agreement to the upgrade with something behind it.
"""
import contextlib
import ctypes
import dataclasses
import functools
import re
import socket
import ssl
import struct
import threading
import time

from lab import place

PATIENCE_SEC = 60


class Gone(Exception):
    """The client hung up; ends a script quietly."""


class Talk:
    """One connection. saw is [(secured, bytes)], in order; hello is the raw ClientHello."""

    def __init__(self, connection):
        self.connection = connection
        self.is_secured = False
        self.saw = []
        self.hello = b""
        self.end = None
        self.words = {}
        self.client_certificate = None
        self.secure_as_scripted = None

    def send(self, data):
        """Sends bytes in one segment where the kernel allows."""
        try:
            self.connection.sendall(data)
        except OSError:
            raise Gone from None

    def line(self):
        """One line without its end."""
        data = b""
        try:
            while not data.endswith(b"\n"):
                data += self.take(1)
        finally:
            if data:
                self.saw.append((self.is_secured, data))
        return data.rstrip(b"\r\n")

    def take(self, n):
        """Up to n bytes, at least one."""
        try:
            data = self.connection.recv(n)
        except OSError:
            data = b""
        if not data:
            raise Gone
        return data

    def rest(self, seconds=1.0):
        """Whatever still comes until the client is silent for so long, or hangs up."""
        with contextlib.suppress(OSError):
            self.connection.settimeout(seconds)
            while data := self.connection.recv(4096):
                self.saw.append((self.is_secured, data))

    def secure(self, certificate, newest=None, oldest=ssl.TLSVersion.TLSv1_2, alpn=(), ciphers=None, forced_alpn=None,
               strict_alpn=None, asks_certificate=None):
        """Speaks TLS from here on. A handshake the client breaks off ends the script."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers(ciphers or "DEFAULT:@SECLEVEL=0")
        context.minimum_version = oldest
        if newest:
            context.maximum_version = newest
        if alpn:
            context.set_alpn_protocols(list(alpn))
        if forced_alpn:
            force_alpn(context, forced_alpn)
        if strict_alpn:
            force_alpn(context, strict_alpn, must_be_offered=True)
        if asks_certificate:
            context.load_verify_locations(asks_certificate.pem)
            context.verify_mode = ssl.CERT_OPTIONAL
        context.load_cert_chain(certificate.chain, certificate.key)
        try:
            self.hello = self.connection.recv(16384, socket.MSG_PEEK)
            self.connection = context.wrap_socket(self.connection, server_side=True)
        except (OSError, ValueError):
            raise Gone from None
        self.is_secured = True
        self.client_certificate = self.connection.getpeercert(binary_form=True)

    def perform(self, acts):
        """Does one act, or a row of them."""
        for act in acts if isinstance(acts, tuple) else (acts,):
            if isinstance(act, tuple):
                self.perform(act)
            elif isinstance(act, bytes):
                self.send(expand(act, self.words))
            elif isinstance(act, (int, float)):
                time.sleep(act)
            else:
                act(self)

    def clear(self):
        """The bytes seen before TLS, with what is TLS put in words."""
        return name_records(b"".join(data for was_secured, data in self.saw if not was_secured) + self.hello)

    def secured(self):
        """The bytes seen inside TLS."""
        return b"".join(data for was_secured, data in self.saw if was_secured)


def expand(text, words):
    """Puts what the honest server says in the place of its names."""
    for _ in range(3):  # words may hold words
        text = re.sub(rb"<(\w+)>", lambda found: words.get(found.group(1).decode(), found.group()), text)
    return text


def name_records(data):
    """The same bytes with TLS records behind them as words: <ClientHello>, <alert 40>."""
    start = re.search(rb"[\x14-\x17]\x03[\x00-\x04]", data)
    if not start:
        return data
    named, records = data[:start.start()], data[start.start():]
    while len(records) >= 6 and records[1] == 3:
        kind, size = records[0], int.from_bytes(records[3:5], "big")
        named += {22: b"<ClientHello>" if records[5] == 1 else b"<handshake>", 21: b"<alert %d>" % records[6],
                  20: b""}.get(kind, b"<record>")
        records = records[5 + size:]
    return named + records


SELECT_ALPN = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_char_p),
                               ctypes.POINTER(ctypes.c_ubyte), ctypes.c_void_p, ctypes.c_uint, ctypes.c_void_p)
kept_callbacks = []


def force_alpn(context, name, must_be_offered=False):
    """Has the server select a protocol nobody offered, which the ssl module refuses to do; or refuse whoever does not
    offer it (RFC 7301 §3.2), which it does not do either."""
    @SELECT_ALPN
    def select(_, out, size, offered, offered_size, __):
        if must_be_offered and name not in ctypes.string_at(offered, offered_size):
            return 2  # SSL_TLSEXT_ERR_ALERT_FATAL
        out[0] = name
        size[0] = len(name)
        return 0
    kept_callbacks.append((select, name))
    libssl = ctypes.CDLL("libssl.so.3")
    # an SSLContext is its object head, then its SSL_CTX *
    pointer = ctypes.c_void_p.from_address(id(context) + object.__basicsize__)
    libssl.SSL_CTX_set_alpn_select_cb(pointer, select, None)


def listen_at(address):
    """A listener, and for one on 127.0.0.1 what keeps its port on ::1 from everybody else (None: nothing).

    Clients try ::1 first for "localhost": whoever listened there would be taken for the server.
    """
    while True:
        listener = socket.create_server(address)
        if address != ("127.0.0.1", 0):
            return listener, None
        keeper = place.bound(socket.AF_INET6, "::1", listener.getsockname()[1])
        if keeper is not False:
            return listener, keeper
        listener.close()


class ScriptedServer:
    """Listens on loopback and runs a script for each connection; talks holds them all."""

    def __init__(self, lab, script, address=("127.0.0.1", 0)):
        self.script = script
        self.talks = []
        self.threads = []
        self.listener, self.keeper = listen_at(address)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        lab.stack.callback(self.close)

    def close(self):
        """Hears nobody any more, and hangs up on all."""
        place.stop_accepting(self.listener, self.thread)
        if self.keeper:
            self.keeper.close()
        for talk in self.talks:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(talk.connection, socket.SHUT_RDWR)

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.settimeout(PATIENCE_SEC)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            talk = Talk(connection)
            self.talks.append(talk)
            thread = threading.Thread(target=self.run, args=(talk,), daemon=True)
            thread.start()
            self.threads.append(thread)

    def run(self, talk):
        try:
            self.script(talk)
        except Gone as gone:
            talk.end = repr(gone.__context__)
        talk.rest(0.2)
        talk.connection.close()

    def await_end(self, seconds=5):
        """Waits until every connection is over, so that what was seen is all there is."""
        for thread in self.threads:
            thread.join(seconds)
        return self

    def told(self):
        """For a failure's report: what each connection saw, and how its script ended."""
        return [(talk.saw, talk.hello[:16], talk.end) for talk in self.talks]

    def lines(self, secured=None):
        """Every line seen, in order; only those before or after TLS where told so."""
        seen = [data for talk in self.talks for was_secured, data in talk.saw if secured in (None, was_secured)]
        return [line for data in seen for line in data.splitlines()]


# -- acts ------------------------------------------------------------------------------------------

def secure(talk):
    """The handshake, as the script's server does it."""
    talk.secure_as_scripted()


def reset(talk):
    """Breaks the connection off with a TCP reset."""
    talk.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    talk.connection.close()
    raise Gone


def half_close(talk):
    """Says that nothing more will come (under TLS without close_notify), and listens."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(talk.connection, socket.SHUT_WR)
    listen(talk)


def listen(talk):
    """Says nothing any more."""
    talk.rest(PATIENCE_SEC)
    raise Gone


def hear_record(talk):
    """Waits for one TLS record, such as a ClientHello."""
    data = b""
    while len(data) < 5 or len(data) < 5 + int.from_bytes(data[3:5], "big"):
        data += talk.take(1)
    talk.saw.append((False, data))


def drip(text, times=1):
    """One byte each second."""
    def act(talk):
        for byte in expand(text, talk.words) * times:
            talk.send(bytes([byte]))
            time.sleep(1)
    return act


def flood(text, size):
    """The same bytes again and again, size bytes in all."""
    def act(talk):
        block = expand(text, talk.words) * max(1, 65536 // len(text))
        for _ in range(size // len(block)):
            talk.send(block)
        talk.send(block[:size % len(block)])
    return act


# -- servers ---------------------------------------------------------------------------------------

@dataclasses.dataclass(frozen=True)
class Protocol:
    """What an honest server says, line ends included; tag is that of the command in hand."""
    verbs: dict  # which part answers a command; any other command is answered ok
    greeting: bytes
    told: bytes
    offer: bytes
    go: bytes
    no: bytes
    ok: bytes
    bye: bytes

    def words(self):
        return {name: text for name, text in vars(self).items() if isinstance(text, bytes)}


PROTOCOLS = {
    "imap": Protocol(
        verbs={b"CAPABILITY": "told", b"STARTTLS": "go", b"LOGOUT": "bye"},
        greeting=b"* OK ready\r\n",
        told=b"* CAPABILITY IMAP4rev1<offer>\r\n<ok>",
        offer=b" STARTTLS",
        go=b"<tag> OK go ahead\r\n",
        no=b"<tag> NO not today\r\n",
        ok=b"<tag> OK done\r\n",
        bye=b"* BYE\r\n<ok>"),
    "pop3": Protocol(
        verbs={b"CAPA": "told", b"STLS": "go", b"QUIT": "bye"},
        greeting=b"+OK ready\r\n",
        told=b"+OK\r\nUSER\r\n<offer>.\r\n",
        offer=b"STLS\r\n",
        go=b"+OK go ahead\r\n",
        no=b"-ERR not today\r\n",
        ok=b"+OK done\r\n",
        bye=b"<ok>"),
    "submission": Protocol(
        verbs={b"EHLO": "told", b"STARTTLS": "go", b"QUIT": "bye"},
        greeting=b"220 ready\r\n",
        told=b"250-mail.example.test\r\n<offer>250 8BITMIME\r\n",
        offer=b"250-STARTTLS\r\n",
        go=b"220 go ahead\r\n",
        no=b"454 4.7.0 not today\r\n",
        ok=b"250 done\r\n",
        bye=b"221 bye\r\n"),
}


def server(name, certificate=None, implicit=False, tls=None, words=None, **bent):
    """A script: an honest server of one protocol with some parts of it bent.

    The parts are start (the handshake of implicit TLS), greeting, told (capabilities before TLS),
    go (the upgrade and its handshake), told_in_tls, bye, and ok for what nobody should ask. words
    replace what is said anywhere, such as offer. tls are keywords of Talk.secure().
    """
    protocol = PROTOCOLS[name]
    parts = {"start": secure, "greeting": b"<greeting>", "told": b"<told>", "go": (b"<go>", secure),
             "told_in_tls": b"<told>", "ok": b"<ok>", "bye": b"<bye>"}
    if unknown := bent.keys() - parts.keys():
        raise TypeError(f"a server has no {unknown}")
    parts |= bent

    def script(talk):
        talk.words = protocol.words() | (words or {})
        talk.secure_as_scripted = lambda: talk.secure(certificate, **(tls or {}))
        if implicit:
            talk.perform(parts["start"])
        talk.perform(parts["greeting"])
        part = None
        while part != "bye":
            part = asked(talk)
            talk.perform(parts[part])
        listen(talk)

    def asked(talk):
        line = talk.line()
        talk.words["tag"], _, line = line.partition(b" ") if name == "imap" else (b"", b"", line)
        part = protocol.verbs.get(line.upper().split(b" ")[0], "ok")
        if not talk.is_secured or part != "told":
            return part
        talk.words["offer"] = b""  # whoever has TLS is offered no more
        return "told_in_tls"
    return script


imap = functools.partial(server, "imap")


def server_hello(suite, version=b"\3\3", extensions=b""):
    """A ServerHello in a record of its own, which may choose what was never offered."""
    body = version + bytes(range(32)) + b"\0" + struct.pack(">H", suite) + b"\0"
    body += struct.pack(">H", len(extensions)) + extensions if extensions else b""
    message = b"\2" + len(body).to_bytes(3, "big") + body
    return b"\x16" + version + struct.pack(">H", len(message)) + message
