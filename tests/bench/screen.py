# SPDX-License-Identifier: Apache-2.0
"""Programs that take a terminal, each run in one of its own that is read and thrown away. For the benchmarks."""

import contextlib
import fcntl
import os
import pty
import signal
import struct
import termios
import threading
import time

import machine

SETTLE_SECONDS = 5


class Screen:
    """A program on a terminal of the given size; counts what it writes."""

    def __init__(self, command, width=80, height=24):
        self.written = 0
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.execvpe(command[0], command, {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8"})
            finally:
                os._exit(127)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        try:
            while data := os.read(self.fd, 65536):
                self.written += len(data)
        except OSError:  # the other side is closed
            pass

    def cost(self):
        """CPU seconds up to now, with those of the children it waited for; bytes written."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        children = (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
        return machine.cpu_ns(self.pid) / 1e9 + children, self.written

    def close(self):
        os.kill(self.pid, signal.SIGTERM)
        os.waitpid(self.pid, 0)
        self.reader.join()
        os.close(self.fd)


@contextlib.contextmanager
def running(commands, width=80, height=24):
    """{name: Screen} of programs that run at the same time, and are over their start."""
    screens = {name: Screen(command, width, height) for name, command in commands.items()}
    try:
        time.sleep(SETTLE_SECONDS)
        yield screens
    finally:
        for screen in screens.values():
            screen.close()


def cost_of(screens, seconds):
    """{name: (CPU seconds, bytes)} of the next seconds."""
    before = {name: screen.cost() for name, screen in screens.items()}
    time.sleep(seconds)
    return {name: tuple(b - a for a, b in zip(before[name], screen.cost())) for name, screen in screens.items()}
