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


class Screen:
    """A program on a terminal of the given size; counts what it writes. cost() ends it and returns (CPU seconds with
    those of its children, bytes written)."""

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
        os.kill(self.pid, signal.SIGTERM)
        _, _, usage = os.wait4(self.pid, 0)
        self.reader.join()
        os.close(self.fd)
        return usage.ru_utime + usage.ru_stime, self.written


def side_by_side(commands, seconds, width=80, height=24):
    """{name: (CPU seconds, bytes)} of programs that run at the same time."""
    screens = {name: Screen(command, width, height) for name, command in commands.items()}
    time.sleep(seconds)
    return {name: screen.cost() for name, screen in screens.items()}
