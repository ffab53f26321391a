# SPDX-License-Identifier: MIT
"""What `./bootstrap demo [HOST[:PORT]]` shows: good and bad servers, each with its verdict.

Without an argument everything is private and temporary: message bus, daemon, store, certification
authority, mail servers, all on loopback. With HOST the daemon judges that IMAP server by the
system's trust store. Exits 0 where everything went as the text says it should.
"""
import re
import signal
import sys

from lab import bus, dbus, mail, pki, place, service, zones

# what an exit status means where a verdict was asked for
VERDICTS = ("check", "commit", "connect", "verify")
EXITS = {0: "allowed", 10: "allowed without confidentiality", 20: "your consent is needed", 30: "refused",
         40: "the daemon does not answer", 69: "the mail server does not answer"}


def say(text=""):
    print(text, flush=True)


class Show:
    """Runs commands in front of an audience and remembers whether each ended as announced."""

    def __init__(self, made):
        self.service = made
        self.surprises = 0
        self.count = 0

    def title(self, text):
        self.count += 1
        say(f"\n{self.count}. {text}")

    def run(self, *args, expect, typed=None):
        """Runs one command, with what a program says to it; shows its output and its exit status."""
        speech = "\\r\\n".join((typed or "").split("\r\n"))
        say("   $ " + (f"printf '{speech}' | " if speech else "") + "mailtrust "
            + " ".join(a if len(a) < 80 else a[:36] + "…" + a[-8:] for a in args))
        done = self.service.mailtrust(*args, **({"input": typed} if typed else {}))
        for line in (done.stdout + done.stderr).splitlines():
            say("     " + line)
        verdict = EXITS.get(done.returncode) if set(args[:2]) & set(VERDICTS) else None
        say(f"   exit status {done.returncode}" + (f": {verdict}" if verdict else ""))
        if expect not in (None, done.returncode):
            self.surprises += 1
            say(f"   !! exit status {expect} was expected")
        return done

    def server(self, title, name, port, expect, suffix="", service="imap"):
        """One account for one server: add, commit, check."""
        address = f"{name}@example.test"
        self.title(title)
        self.run("account", "add", address, f"--{service}", f"localhost:{port}{suffix}", expect=0)
        self.run("account", "commit", address, expect=expect)
        self.run("check", address, service, expect=expect)

    def token(self, address):
        """The verdict as a token that anybody can verify, and nobody can change."""
        say("\nThe same verdict as a signed token, which any program can verify offline")
        status, answer = self.service.ask("check", address, "imap")
        token = answer.get("token") or ""
        if status or not token:
            self.surprises += 1
            say(f"   !! no token: {answer}")
            return
        self.run("verify", token, expect=0)
        head, payload, signature = token.split(".")
        changed = ("A" if payload[20] != "A" else "B").join((payload[:20], payload[21:]))
        say("\nOne character of it changed")
        self.run("verify", ".".join((head, changed, signature)), expect=30)


def over_the_bus(show, private_bus):
    """What another program sees of the same accounts."""
    say("\nAny mail program asks the same daemon over D-Bus (org.mailtrust1.Manager.Levels)")
    with dbus.Connection(private_bus.path, is_bus=True) as connection:
        reply = connection.call(service.NAME, service.ROOT_PATH, service.MANAGER, "Levels")
    if reply.error():
        show.surprises += 1
        say(f"   !! {reply.error()}")
        return
    for _, address, level in reply.values()[0]:
        say(f"   {address:32} {level}")


ZONE = """
imap IN A 127.0.0.1
private IN A 127.0.0.1
_imaps._tcp IN SRV 0 0 {known} imap
_imap._tcp IN SRV 5 0 {clear} imap
_pop3s._tcp IN SRV 0 0 0 .
_{private}._tcp.private IN TLSA 3 1 1 {digest}
"""


def signed_dns(lab, cast, dovecot):
    """A zone that names one server and vouches for another, whose authority nobody here knows.
    Return: (zones.Zones, port of the other)."""
    stranger = pki.ServerPki(lab.folder("stranger"))
    known = dovecot("known", cast.issue("known", cast.ca, names=["DNS:imap.signed.test"]))
    private = dovecot("private", stranger.good)["imaps"]
    records = ZONE.format(known=known["imaps"], clear=known["imap"], private=private,
                          digest=stranger.good.spki_sha256())
    return zones.Zones(lab, {"signed.test": ("signed", records)}), private


def by_dns(show, private):
    """What an address alone is enough for, and what signed DNS can vouch for."""
    show.title("An address is enough: its provider's signed DNS names the servers")
    show.run("discover", "ann@signed.test", expect=0)
    show.run("account", "add", "ann@signed.test", "--yes", expect=0)
    show.run("check", "ann@signed.test", "imap", expect=0)
    show.title("A certificate of an authority nobody here knows, and signed DNS that vouches for it (DANE)")
    show.run("account", "add", "bob@signed.test", "--imap", f"private.signed.test:{private}", expect=0)
    show.run("check", "bob@signed.test", "imap", expect=0)


def through_the_tunnel(show):
    """What a mail program that knows nothing of all this gets."""
    typed = f"a LOGIN {mail.USER} {mail.PASSWORD}\r\nb LOGOUT\r\n"
    show.title("A mail program that runs a command in place of its own TLS, and speaks before it is asked")
    show.run("connect", "good@example.test", "imap", expect=0, typed=typed)
    say("\nThe same where the offer of STARTTLS is gone: not a byte of the password went out")
    show.run("connect", "stripped@example.test", "imap", expect=30, typed=typed)


def private_demo(lab):
    say("A private message bus, a private daemon, private DNS and mail servers, on loopback only.")
    cast = pki.ServerPki(lab.folder("pki"))
    private_bus = bus.MessageBus(lab)

    def dovecot(name, certificate=None):
        return mail.Dovecot(lab, name, certificate).ports

    dns, private = signed_dns(lab, cast, dovecot)
    show = Show(service.Service(lab, anchors=cast.root.pem, bus=private_bus.address, options=dns.options()))
    good = dovecot("good", cast.good)
    show.server("A good server: TLS 1.3, a certificate that says who it is, from an authority that is trusted",
                "good", good["imaps"], 0)
    show.token("good@example.test")
    show.server("A server that signed its certificate itself", "self-signed",
                dovecot("self-signed", cast.self_signed)["imaps"], 30)
    show.server("A server with the certificate of another", "wrong-name",
                dovecot("wrong-name", cast.wrong_name)["imaps"], 30)
    show.server("A server whose certificate has expired", "expired",
                dovecot("expired", cast.expired)["imaps"], 30)
    show.server("A server without encryption", "cleartext", dovecot("cleartext")["imap"], 30, "/none")
    show.server("A good server with STARTTLS: the upgrade comes first, the capabilities are read again inside it",
                "starttls", good["imap"], 0, "/starttls")
    show.server("A server whose offer of STARTTLS is gone, as somebody in between would make it", "stripped",
                dovecot("stripped")["imap"], 30, "/starttls")
    if mail.IS_ROOT:  # Postfix cannot do without
        postfix = mail.Postfix(lab, "good", cast.good).ports
        show.server("Sending mail: submission with TLS from the start", "submissions", postfix["submissions"], 0,
                    service="submission")
        show.server("Sending mail: submission with STARTTLS", "submission", postfix["submission"], 0, "/starttls",
                    "submission")
    by_dns(show, private)
    through_the_tunnel(show)
    over_the_bus(show, private_bus)
    return show.surprises


def your_server(lab, server):
    say(f"A private daemon judges {server} by this system's trust store. No password is sent.")
    show = Show(service.Service(lab))
    host = re.sub(r"^([^:]+):\d+$", r"\1", server)
    # the domain matters only as a second name the certificate may carry
    address = f"me@{host}" if re.fullmatch(r"[\w.-]*[a-z][\w.-]*", host, re.I) else "me@example.net"
    say()
    show.run("account", "add", address, "--imap", server, expect=0)
    done = show.run("check", address, "imap", expect=None)
    say(f"\n{server}: " + EXITS.get(done.returncode, f"exit status {done.returncode}"))
    return done.returncode or show.surprises


def main(args):
    # an interrupted demo cleans up like a finished one
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(130))
    try:
        with place.Lab() as lab:
            status = your_server(lab, args[0]) if args else private_demo(lab)
    except place.Failure as failure:
        say(f"\ndemo: {failure}")
        return 70
    except KeyboardInterrupt:
        return 130
    if not args:
        say("\nNothing is left behind: servers, daemon, bus and files are gone."
            if not status else f"\n{status} of the commands above did not end as they should.")
    return min(status, 125)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
