# SPDX-License-Identifier: MIT
"""Two users of one machine on one bus: neither learns that the other has an account (D-SYS-02)."""
import os
import unittest
import xml.etree.ElementTree

from lab import bus, dbus, mail, pki, place, service

# users every Debian has, with nothing running
ALICE, BOB = 1, 8
NOBODYS_ID = "0123456789abcdef0123456789abcdef"
NEEDS_ROOT = unittest.skipUnless(os.geteuid() == 0, "being two users needs root")
CONTRACT = place.ROOT / "ipc/org.mailtrust1.xml"
LAB = CAST = BUS = SERVICE = None


def setUpModule():
    global LAB, CAST, BUS, SERVICE
    LAB = place.Lab()
    unittest.addModuleCleanup(LAB.close)
    CAST = pki.ServerPki(LAB.folder("pki"))
    BUS = bus.MessageBus(LAB)
    SERVICE = service.Service(LAB, anchors=CAST.root.pem, bus=BUS.address)


# one value of each type the contract's methods take
SAMPLES = {"s": "imap", "q": 993, "o": "/", "a{sv}": {}, "a{ss}": {}, "v": ("s", "x"), "ay": b"", "b": False}


def account_methods():
    """(interface, method, signature, values) of everything an account object understands."""
    root = xml.etree.ElementTree.parse(CONTRACT).getroot()
    for interface in root.findall("interface"):
        if interface.get("{https://mailtrust.example/doc}on") == "root":
            continue
        for method in interface.findall("method"):
            kinds = [a.get("type") for a in method.findall("arg") if a.get("direction") == "in"]
            yield interface.get("name"), method.get("name"), "".join(kinds), [SAMPLES[k] for k in kinds]


@NEEDS_ROOT
class TwoUsers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.alice = dbus.Connection(BUS.path, ALICE, is_bus=True)
        cls.bob = dbus.Connection(BUS.path, BOB, is_bus=True)
        cls.addClassCleanup(cls.alice.socket.close)
        cls.addClassCleanup(cls.bob.socket.close)
        dovecot = mail.Dovecot(LAB, "good", CAST.good)
        cls.path = cls.manager(cls.alice, "AddAccount", "sa{sv}", "me@example.test", {}).values()[0]
        cls.account(cls.alice, cls.path, "SetEndpoint", "sssq", "imap", "implicit", "localhost",
                    dovecot.ports["imaps"])
        cls.nobodys = cls.path.rpartition("/")[0] + "/" + NOBODYS_ID

    @staticmethod
    def manager(who, member, *args):
        return who.call(service.NAME, service.ROOT_PATH, service.MANAGER, member, *args)

    @staticmethod
    def account(who, path, member, *args):
        return who.call(service.NAME, path, service.ACCOUNT, member, *args)

    def test_the_owner_reaches_the_account(self):
        reply = self.alice.call(service.NAME, self.path, service.PROPERTIES, "GetAll", "s", service.ACCOUNT)
        self.assertIsNone(reply.error())
        self.assertEqual(reply.values()[0]["Address"], "me@example.test")

    def test_every_method_answers_another_user_as_if_there_were_no_account(self):
        methods = list(account_methods())
        self.assertGreater(len(methods), 12)
        for interface, member, signature, values in methods:
            with self.subTest(interface=interface, member=member):
                seen = [self.bob.call(service.NAME, path, interface, member, signature, *values).what_the_caller_sees()
                        for path in (self.path, self.nobodys)]
                if member not in ("Ping", "GetMachineId"):
                    self.assertEqual(seen[0][0], dbus.ERROR)
                self.assertEqual(seen[0], seen[1])

    def test_wrong_arguments_tell_another_user_nothing_either(self):
        for member, signature, values in (("Check", "s", ["authenticate"]), ("Nonsense", "", []),
                                          ("SetEndpoint", "ssss", ["imap"] * 4), ("Commit", "s", ["x"])):
            with self.subTest(member=member):
                seen = [self.account(self.bob, path, member, signature, *values).what_the_caller_sees()
                        for path in (self.path, self.nobodys)]
                self.assertEqual(seen[0], seen[1])

    def test_an_address_or_id_of_another_user_is_not_found(self):
        theirs = self.path.rpartition("/")[2]
        for mine, nobodys in (("me@example.test", "you@example.test"), (theirs, NOBODYS_ID)):
            seen = [self.manager(self.bob, "FindAccount", "s", name).what_the_caller_sees() for name in (mine, nobodys)]
            self.assertEqual(seen[0], seen[1])
            self.assertEqual(seen[0][0], dbus.ERROR)

    def test_lists_hold_the_callers_own_accounts_only(self):
        self.assertEqual(self.manager(self.bob, "Levels").values(), [[]])
        objects = self.bob.call(service.NAME, service.ROOT_PATH, "org.freedesktop.DBus.ObjectManager",
                                "GetManagedObjects").values()[0]
        self.assertNotIn(self.path, objects)
        self.assertIn(self.path, [row[0] for row in self.manager(self.alice, "Levels").values()[0]])

    def test_introspection_does_not_name_another_users_account(self):
        for path in (service.ROOT_PATH, self.path.rpartition("/")[0]):
            reply = self.bob.call(service.NAME, path, "org.freedesktop.DBus.Introspectable", "Introspect")
            self.assertNotIn(self.path.rpartition("/")[2].encode(), reply.body)

    def test_signals_reach_their_owner_only(self):
        for who in (self.alice, self.bob):
            self.assertIsNone(self.manager(who, "Subscribe").error())
        self.assertIsNone(self.account(self.alice, self.path, "SetMinimum", "a{ss}", {"tls_min": "1.3"}).error())
        self.alice.call(*dbus.BUS, "GetId")
        self.bob.call(*dbus.BUS, "GetId")
        ours = lambda who: [m.fields[dbus.MEMBER] for m in who.signals if m.fields.get(dbus.PATH, "").startswith(
            service.ROOT_PATH)]
        place.wait_until(lambda: ours(self.alice) or self.alice.call(*dbus.BUS, "GetId") and ours(self.alice),
                         "a signal to the owner")
        self.assertEqual(ours(self.bob), [])

    def test_both_may_have_the_same_address(self):
        reply = self.manager(self.bob, "AddAccount", "sa{sv}", "me@example.test", {})
        self.assertIsNone(reply.error())
        self.assertNotEqual(reply.values()[0], self.path)

    def test_another_user_cannot_claim_a_uid(self):
        with self.assertRaises(ConnectionRefusedError):
            dbus.Connection(BUS.path, BOB, is_bus=True, claim=ALICE)


@NEEDS_ROOT
class DirectSocket(unittest.TestCase):
    def test_a_users_own_service_turns_other_users_away(self):
        with self.assertRaises((PermissionError, ConnectionError)):
            with SERVICE.connect(uid=BOB) as connection:
                connection.call(None, service.ROOT_PATH, service.MANAGER, "Levels")

    def test_a_forged_sender_is_ignored(self):
        with SERVICE.connect() as connection:
            fields = {dbus.PATH: ("o", service.ROOT_PATH), dbus.MEMBER: ("s", "Levels"),
                      dbus.INTERFACE: ("s", service.MANAGER), dbus.SENDER: ("s", ":1.0")}
            connection.send_raw(dbus.build(77, dbus.METHOD_CALL, fields, b""))
            self.assertEqual(connection.reply(77).values(), [[]])

    def test_a_forged_name_owner_signal_changes_nothing(self):
        with SERVICE.connect() as connection:
            writer = dbus.Writer()
            for text in (":1.0", ":1.0", ""):
                writer.write("s", text)
            fields = {dbus.PATH: ("o", dbus.BUS[1]), dbus.MEMBER: ("s", "NameOwnerChanged"),
                      dbus.INTERFACE: ("s", dbus.BUS[2]), dbus.SENDER: ("s", dbus.BUS[0]),
                      dbus.SIGNATURE: ("g", "sss")}
            connection.send_raw(dbus.build(78, dbus.SIGNAL, fields, bytes(writer.data)))
            self.assertIsNone(connection.call(None, service.ROOT_PATH, service.MANAGER, "Levels").error())
