# SPDX-License-Identifier: MIT
"""Unmodified mail programs, configured as clients/connect/recipes/ says.

Each recipe's own text is what is run: only the address, the password, paths and ports are put in.
"""
import contextlib
import re
import shutil
import unittest

from lab import mail, place, screen, service

LAB = CAST = None
RECIPES = place.ROOT / "clients" / "connect" / "recipes"
MESSAGE = """From: friend@example.test
To: me@example.test
Subject: a letter
Message-ID: <1@example.test>
Date: Mon, 1 Jan 2024 00:00:00 +0000

the words of it
"""
# neomutt wants a terminal to read with
KEYS = "push '<pipe-message>cat > {out}<enter><quit>'"
CREDENTIALS = (mail.PASSWORD.encode(), b"AG1lQGV4YW1wbGUudGVzdA", b"LOGIN", b"AUTH", b"PASS", b"USER")


def set_up(lab, cast):
    global LAB, CAST
    LAB, CAST = lab, cast


def install(name, text):
    """An executable file of the user's."""
    path = LAB.folder("bin") / name
    path.write_text(text)
    path.chmod(0o755)


def recipe(name, changes=(), number=0):
    """A configuration of those a recipe shows, for this lab's user."""
    text = re.findall(r"^```\n(.*?)^```", (RECIPES / f"{name}.md").read_text(), re.S | re.M)[number]
    text = text.replace("me@example.org", mail.USER).replace("me%40example.org", mail.USER.replace("@", "%40"))
    for old, new in changes:
        assert old in text, (name, old)
        text = text.replace(old, str(new))
    return text.replace("your-password", mail.PASSWORD).replace("~/", f"{LAB.folder('home')}/")


def listeners(name, ports=None):
    """The words of each `mailtrust connect --listen` a recipe starts; ports: of this lab, by the recipe's."""
    found = re.findall(r"^ *mailtrust connect (--listen .*\S) &$", (RECIPES / f"{name}.md").read_text(), re.M)
    assert found, name
    for line in found:
        line = line.replace("$HOME", str(LAB.folder("home"))).replace("me@example.org", mail.USER)
        for old, new in (ports or {}).items():
            line = line.replace(f":{old} ", f":{new} ")
        yield line.split()


class Programs(unittest.TestCase):
    """What each program does, whatever the server."""

    service = None
    # programs whose configuration is shown elsewhere than first in their own recipe: which, and the number there
    PAGES = {}

    @classmethod
    def recipe(cls, program, changes=()):
        name, number = cls.PAGES.get(program, (program, 0))
        return recipe(name, changes, number)

    @classmethod
    def use(cls, ports, suffix=""):
        """A new service, whose account has these servers, by protocol."""
        name = f"service-{len(LAB.processes)}"
        Programs.service = service.Service(LAB, name, anchors=CAST.root.pem)
        cls.service.mailtrust("account", "add", mail.USER, *(f"--{p}=localhost:{port}{suffix}" for p, port in ports.items()))
        done = cls.service.mailtrust("account", "commit", mail.USER)
        assert done.returncode == 0, (done.stdout, done.stderr)

    def environment(self):
        return {"PATH": f"{LAB.folder('bin')}:{place.BUILD}:/usr/sbin:/usr/bin:/sbin:/bin", "TERM": "xterm",
                "MAILTRUST_SOCKET": str(self.service.socket), "HOME": str(LAB.folder("home"))}

    def run_program(self, *argv, **options):
        return LAB.run(argv, env=self.environment(), **options)

    def write(self, name, text):
        path = LAB.folder("home") / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def read_with_mutt(self, program):
        """Return: (what happened on the screen, the message it read)."""
        out = LAB.folder("home") / f"{program}.out"
        out.unlink(missing_ok=True)
        rc = self.write("muttrc", self.recipe("neomutt"))
        keys = KEYS.format(out=out)
        inbox = re.search('spoolfile = "(.*)"', rc.read_text()).group(1)
        command = f"{program} -n -F {rc} -f {inbox} -e 'set quit=yes wait_key=no move=no' -e \"{keys}\""
        done = self.run_program("timeout", "20", "script", "-qefc", command, "/dev/null")
        return done.stdout + done.stderr, out.read_text(errors="replace") if out.exists() else ""

    def send_with_mutt(self, program):
        rc = self.write("muttrc", self.recipe("neomutt"))
        return self.run_program("timeout", "20", program, "-n", "-F", rc, "-s", "a reply", "friend@example.test",
                                input="my words\n")

    def read_with_mbsync(self):
        """Return: (CompletedProcess, the messages it has stored)."""
        folder = LAB.folder("home") / "Mail"
        for old in (folder, LAB.folder("home") / ".mbsync"):
            shutil.rmtree(old, ignore_errors=True)
        folder.mkdir()
        done = self.run_program("timeout", "20", "mbsync", "-c", self.write("mbsyncrc", self.recipe("mbsync")), "-a")
        return done, [p.read_text() for p in folder.rglob("*") if p.is_file() and p.parent.name in ("new", "cur")]

    def read_with_fetchmail(self, protocol="pop3"):
        """Return: (CompletedProcess, what it delivered)."""
        out = LAB.folder("home") / "fetched"
        out.unlink(missing_ok=True)
        text = self.recipe("fetchmail", [("/usr/bin/procmail -d %T", f"cat >> {out}")]).replace("pop3", protocol)
        home = LAB.folder("home")
        done = self.run_program("timeout", "20", "fetchmail", "-f", self.write("fetchmailrc", text), "--nodetach",
                                "--nosyslog", "--keep", "--all", "-i", home / "fetchids", "--pidfile", home / "fetchmail.pid")
        return done, out.read_text() if out.exists() else ""

    @contextlib.contextmanager
    def listening(self, name, ports=None):
        """While a recipe's listeners run. What they tell a person is in self.told afterwards."""
        started, self.told = [], ""
        self.is_told = lambda: any("mailtrust: " in process.output() for process in started)
        try:
            for words in listeners(name, ports):
                process = LAB.start([place.executable("mailtrust"), "connect", *words], name=f"listener-{len(started)}",
                                    env={"MAILTRUST_SOCKET": str(self.service.socket)})
                started.append(process)
                place.wait_until(lambda p=process: p.has_ended() or "listening" in p.output(), "the listener")
            yield
        finally:
            for process in started:
                process.end()
                self.told += process.output()
                process.log.write_text("")

    def send_with_msmtp(self):
        rc = self.write(".msmtprc", self.recipe("msmtp"))
        with self.listening(self.PAGES.get("msmtp", ["msmtp"])[0]):
            return self.run_program("timeout", "20", "msmtp", "-C", rc, "friend@example.test", input=MESSAGE)

    def read_with_offlineimap(self):
        """Return: (CompletedProcess, the messages it has stored)."""
        folder = LAB.folder("home") / "Mail"
        for old in (folder, LAB.folder("home") / ".offlineimap"):
            shutil.rmtree(old, ignore_errors=True)
        rc = self.write(".offlineimaprc", recipe("offlineimap"))
        done = self.run_program("timeout", "40", "offlineimap", "-c", rc, "-o")
        return done, [p.read_text() for p in folder.rglob("*") if p.is_file() and p.parent.name in ("new", "cur")]

    def send_with_git(self):
        """Hands in a patch, by git and msmtp. Return: CompletedProcess."""
        self.write(".msmtprc", recipe("msmtp"))
        self.write(".gitconfig", recipe("git-send-email"))
        patch = self.write("0001-a-patch.patch", MESSAGE.replace("a letter", "[PATCH] a letter"))
        with self.listening("msmtp"):
            return self.run_program("timeout", "30", "git", "send-email", "--quiet", "--confirm=never",
                                    "--to=friend@example.test", patch, cwd=LAB.folder("home"))

    def aerc(self, *arguments):
        """What runs aerc's listeners, and what starts aerc at a terminal."""
        ports = {"1143": LAB.port(), "1587": LAB.port()}
        config = LAB.folder("home") / ".config" / "aerc"
        shutil.rmtree(config, ignore_errors=True)
        config.mkdir(parents=True)
        self.write(config / "accounts.conf", recipe("aerc", [(f":{old}", f":{new}") for old, new in ports.items()]))
        self.write(config / "aerc.conf", f"[compose]\neditor={LAB.folder('bin')}/write\naddress-book-cmd=\n"
                                         "[filters]\ntext/plain=cat\n")
        install("write", "#!/bin/sh\necho 'my words' >>\"$1\"\n")
        (LAB.folder("run") / "aerc.sock").unlink(missing_ok=True)
        return self.listening("aerc", ports), lambda: screen.Screen(LAB, ["aerc", *arguments],
                                                                    LAB.environment(**self.environment()))

    def read_with_aerc(self):
        """Return: (what was shown, the message it read)."""
        out = LAB.folder("home") / "aerc.out"
        out.unlink(missing_ok=True)
        install("keep", f"#!/bin/sh\ncat >{out}.new && mv {out}.new {out}\n")
        listening, start = self.aerc()
        with listening:
            shown = start()
            shown.until(lambda text: "a letter" in text or "connection closed" in text, "the list")
            if "a letter" in shown.shown:
                shown.type(":pipe -m keep")
                shown.press("Enter")
                shown.until(lambda _: out.exists(), "the message")
            else:
                shown.until(lambda _: self.is_told(), "the reason")
            shown.end()
        return shown.shown + self.told, out.read_text(errors="replace") if out.exists() else ""

    def send_with_aerc(self):
        """Return: (what was shown, whether it says it was sent)."""
        def has_ended(text):
            shown.press("Escape")  # it draws what has changed with the next key
            return "Message sent" in text or "mailtrust: " in text
        listening, start = self.aerc("mailto:friend@example.test?subject=a%20reply")
        with listening:
            shown = start()
            if shown.until(lambda text: "Send this email" in text, "the review"):
                shown.type("y")
                shown.until(has_ended, "an end")
            shown.end()
        return shown.shown + self.told, "Message sent" in shown.shown
