# SPDX-License-Identifier: MIT
"""A program at a terminal of its own (tmux): what stands there, and keys for it."""
import contextlib
import shlex

from lab import place


class Screen:
    """shown is what stood there when it was last looked at, and stays when the program has ended."""

    def __init__(self, lab, argv, env, columns=160, lines=40):
        self.lab, self.shown = lab, ""
        self.socket = lab.folder("run") / f"screen-{lab.port()}"
        settings = [f"{name}={value}" for name, value in env.items() if name != "TERM"]
        command = shlex.join(["env", "-i", "TERM=screen", *settings, *(str(a) for a in argv)])
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", columns, "-y", lines, command)
        lab.stack.callback(self.end)

    def tmux(self, *args):
        return self.lab.run(["tmux", "-S", self.socket, *args])

    def look(self):
        done = self.tmux("capture-pane", "-p")
        if done.returncode == 0:
            self.shown = done.stdout
        return self.shown

    def until(self, condition, what):
        """Waits for condition() of what stands there. Return: whether it came about."""
        with contextlib.suppress(place.Failure):
            place.wait_until(lambda: condition(self.look()), what)
            return True
        return False

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def press(self, key):
        self.tmux("send-keys", key)

    def end(self):
        self.tmux("kill-server")
