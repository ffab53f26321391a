# SPDX-License-Identifier: MIT
"""The manual pages: complete, well-formed, and of one mind with the programs."""
import re
import subprocess
import unittest

from lab import place

PAGES = {"mailtrust": place.BUILD / "mailtrust.1", "mailtrustd": place.BUILD / "mailtrustd.8"}


def shown(page):
    """What a reader sees, without the breaks of lines."""
    text = subprocess.run(["mandoc", "-T", "utf8", "-O", "width=1000", page], capture_output=True, text=True,
                          check=True).stdout
    return re.sub(r"(?<=\S) +", " ", re.sub(".\x08", "", text))


def said(program, *args):
    return subprocess.run([place.executable(program), *args], capture_output=True, text=True, check=True).stdout


class Manual(unittest.TestCase):
    def test_no_page_has_a_fault(self):
        for page in PAGES.values():
            with self.subTest(page=page.name):
                done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True,
                                      check=False)
                self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_every_command_stands_in_it_with_its_own_help(self):
        text = shown(PAGES["mailtrust"])
        listing = said("mailtrust", "--help").split("\n\n")[1]
        names = re.findall(r"^  (\S+(?: \S+)*)  ", listing, re.M)
        self.assertIn("account add", names)
        for name in names:
            with self.subTest(command=name):
                self.assertRegex(text, rf"(?m)^ +{name}( |$)")
                first = said("mailtrust", "help", *name.split()).split("\n\n")[1].splitlines()[0]
                self.assertIn(first.strip(), text)

    def test_every_option_of_the_daemon_stands_in_it(self):
        text = shown(PAGES["mailtrustd"])
        options = re.findall(r"^  (--[a-z-]+)", said("mailtrustd", "--help"), re.M)
        self.assertIn("--state-dir", options)
        for option in options:
            self.assertIn(option, text)

    def test_a_pin_is_told_from_the_key_pinning_of_web_browsers(self):
        text = shown(PAGES["mailtrust"])
        self.assertIn("It is not HTTP Public Key Pinning", text)
        self.assertIn("RFC 9525, which took the place of RFC 6125, has more advice", text)
        contract = (place.ROOT / "ipc/org.mailtrust1.xml").read_text().lower()
        for word in ("hpkp", "spki", "public key pin", "pin-sha256"):
            self.assertNotIn(word, contract)

    def test_confidential_means_the_path_to_the_server_and_no_more(self):
        text = shown(PAGES["mailtrust"])
        self.assertIn("means the path to the mail server, never end to end.", text)
        self.assertIn("only end-to-end encryption keeps from them", text)


class Security(unittest.TestCase):
    TEXT = " ".join((place.ROOT / "SECURITY.md").read_text().split())

    def test_the_threats_outside_and_inside_of_the_mail_system_are_both_named(self):
        # R-8-01
        self.assertIn("protection from threats outside of the mail system", self.TEXT)
        self.assertIn("Whoever is inside of it reads what is stored there", self.TEXT)
        self.assertIn("Not defended against: root; the mail provider;", self.TEXT)

    def test_no_sentence_of_a_verdict_promises_anything_about_mail_at_the_provider(self):
        # R-8-01, R-6-04
        table = (place.ROOT / "policy/reason-list.h").read_text()
        sentences = re.findall(r'"((?:[^"\\]|\\.)*)"', table)
        self.assertGreater(len(sentences), 180)
        for sentence in sentences:
            self.assertNotRegex(sentence, r"(?i)end.to.end|your (mail|messages) (is|are) (safe|secure|private|protected)")
        self.assertIn("The path to your mail server is private.", sentences)

    def test_the_fallbacks_of_server_to_server_dane_are_named_as_not_copied(self):
        # D-DANE-12; what is done instead is shown in test_dane.py
        self.assertIn("RFC 7672 (DANE for SMTP) is written for relays between servers", self.TEXT)
        self.assertIn("Its fallbacks are not copied", self.TEXT)
