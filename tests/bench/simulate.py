# SPDX-License-Identifier: Apache-2.0
"""A machine that exists only as files, lived by the real daemon in a fraction of the time. Knows nothing of figures."""

import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

import machine

HERE = os.path.dirname(os.path.abspath(__file__))
POLL_SECONDS = 0.5
BACKGROUND = 19  # niceness: days are nobody's hurry


def make(root, cpus, irqs):
    subprocess.run([f"{HERE}/../harness/make-machine.py", "--online", "--whole", root, str(cpus), str(irqs)], check=True)


class Simulation:
    """A daemon that begins some seconds ago and lives them through, over a machine that lives with it."""

    def __init__(self, build, cpus, irqs, seconds, settings=""):
        self.build, self.seconds, self.settings = build, seconds, settings
        self.dir = tempfile.mkdtemp(prefix="irqwatch-bench-", dir="/dev/shm")
        self.root, self.state, self.socket = f"{self.dir}/root", f"{self.dir}/state", f"{self.dir}/socket"
        self.cpus, self.irqs = cpus, irqs
        self.process = self.mover = None

    def __enter__(self):
        try:
            make(self.root, self.cpus, self.irqs)
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in filter(None, (self.process, self.mover)):
            machine.stop(process)
        shutil.rmtree(self.dir)

    def start(self):
        ours, theirs = socket.socketpair()
        self.mover = subprocess.Popen([f"{self.build}/tests/move-machine", self.root, "--clock", str(theirs.fileno())],
                                      pass_fds=[theirs.fileno()])
        theirs.close()
        pathlib.Path(f"{self.dir}/conf").write_text(self.settings, encoding="ascii")
        self.began = time.time() - self.seconds
        environment = {**os.environ, "LD_PRELOAD": f"{self.build}/tests/libfast-clock.so",
                       "FAST_CLOCK_BEHIND": str(int(self.seconds)), "FAST_CLOCK_FD": str(ours.fileno())}
        with open(f"{self.dir}/log", "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [f"{self.build}/daemon/irqwatchd", "--socket", self.socket, "--config", f"{self.dir}/conf",
                 "--state-dir", self.state, "--root", self.root],
                stdout=log, stderr=log, env=environment, pass_fds=[ours.fileno()])
        ours.close()
        self.pid = self.process.pid

    def log(self):
        return pathlib.Path(f"{self.dir}/log").read_text(encoding="utf-8", errors="replace")

    def now(self):
        """The daemon's time, None: it does not answer yet."""
        if self.process.poll() is not None:
            raise RuntimeError(f"irqwatchd ended: {self.log()}")
        try:
            return machine.call(self.socket, "GetStatus")["status"]["nowUsec"] / 1e6
        except OSError:
            return None

    def live(self, each):
        """Waits for the daemon to catch up, and calls each(its time) now and then."""
        while True:
            now = self.now()
            if now is not None:
                each(now)
                if now > time.time() - 1:
                    return
            time.sleep(POLL_SECONDS)

    def status(self):
        return machine.call(self.socket, "GetStatus")["status"]

    def irqctl(self, *arguments):
        return subprocess.run([f"{self.build}/client/irqctl", "--socket", self.socket, *arguments], check=True,
                              capture_output=True).stdout
