# SPDX-License-Identifier: Apache-2.0
"""Programs that take a terminal, each run in one of its own that is read and thrown away. For the benchmarks."""

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


def side_by_side(commands, seconds, width=80, height=24):
    """{name: (CPU seconds, bytes)} of programs that run at the same time; starting is no part of it."""
    screens = {name: Screen(command, width, height) for name, command in commands.items()}
    time.sleep(SETTLE_SECONDS)
    before = {name: screen.cost() for name, screen in screens.items()}
    time.sleep(seconds)
    after = {name: screen.cost() for name, screen in screens.items()}
    for screen in screens.values():
        screen.close()
    return {name: tuple(b - a for a, b in zip(before[name], after[name])) for name in screens}
