# SPDX-License-Identifier: MIT
"""A private message bus, and polkit on it where a test needs the real one."""
import os
import pathlib
import shutil

from lab import dbus, place

# Everybody may talk to everybody: what one uid may learn of another is mailtrustd's own business,
# and is tested where no bus policy helps it.
CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={path}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
"""
POLKITD = "/usr/lib/polkit-1/polkitd"


class MessageBus:
    """One dbus-daemon; address is for DBUS_*_BUS_ADDRESS and mailtrustd --bus."""

    def __init__(self, lab, name="bus"):
        folder = lab.folder(name)
        self.path = folder / "socket"
        self.address = f"unix:path={self.path}"
        config = folder / "bus.conf"
        config.write_text(CONFIG.format(path=self.path))
        self.process = lab.start(["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile",
                                  "--nosyslog"], name=f"dbus-daemon-{name}")
        self.process.await_address(self.path)
        self.path.chmod(0o777)

    def await_name(self, name):
        """Waits until somebody owns a name."""
        with dbus.Connection(self.path, is_bus=True) as connection:
            place.wait_until(lambda: connection.call(*dbus.BUS, "NameHasOwner", "s", name).values()[0], name)


class Polkit:
    """polkitd on a private bus, with actions and rules of its own and nothing of /etc or /usr changed:
    it sees them through bind mounts in a mount namespace. Root only."""

    def __init__(self, lab, bus, actions, rules="", name="polkit"):
        if os.geteuid() != 0 or not os.access(POLKITD, os.X_OK):
            raise place.Failure("polkitd needs root and the package polkitd")
        folder = lab.folder(name)
        for name in ("actions", "rules.d"):
            (folder / name).mkdir()
        for action in actions:
            shutil.copy(action, folder / "actions")
        (folder / "rules.d" / "10-lab.rules").write_text(rules)
        lab.run(["chown", "-R", "polkitd", folder / "rules.d"])
        script = (f"mount --bind {folder}/rules.d /etc/polkit-1/rules.d && "
                  f"mount --bind {folder}/actions /usr/share/polkit-1/actions && exec {POLKITD} --no-debug")
        self.process = lab.start(["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
                                 name=f"{name}d", env={"DBUS_SYSTEM_BUS_ADDRESS": bus.address})

    @staticmethod
    def is_possible():
        return os.geteuid() == 0 and pathlib.Path(POLKITD).exists()
