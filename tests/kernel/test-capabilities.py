#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each capability of the unit, taken away: what the daemon then cannot do, as a table. A capability without which it can do
everything has no business in the unit; what goes missing is in the unit's comment."""

import contextlib
import os
import re
import shutil
import signal
import sys
import tempfile

sys.path.insert(0, os.environ["IRQWATCH_HARNESS"])
from kernel import (BURDEN, IRQWATCHD, Daemon, background, check, inject, main, note, online_cpus,  # noqa: E402
                    require, run, wait_for)

DAEMON_UID, OTHER_UID = 61001, 61002  # nobody's
ABILITIES = ("starts", "windows", "heartbeat", "kernel names", "user stacks", "names in closed directories", "cgroups of the dead")
# What is lost with each; "" stands for the whole set.
LOST = {
    "": set(),
    "CAP_BPF": set(ABILITIES),
    "CAP_PERFMON": set(ABILITIES),
    "CAP_SYSLOG": set(ABILITIES) - {"starts"},  # where the timers are that can be trusted
    "CAP_SYS_PTRACE": {"user stacks", "names in closed directories"},
    "CAP_DAC_READ_SEARCH": {"names in closed directories", "cgroups of the dead"},
}


def capabilities_of_unit():
    with open(os.environ["IRQWATCH_UNIT"], encoding="utf-8") as file:
        sets = re.findall(r"^(AmbientCapabilities|CapabilityBoundingSet)=(.+)$", file.read(), re.MULTILINE)
    check(len(sets) == 2 and sets[0][1] == sets[1][1], f"the unit's two sets differ: {sets}")
    return sets[0][1].split()


def as_user(uid, capabilities=()):
    words = ",".join(["-all"] + ["+" + name.removeprefix("CAP_").lower() for name in capabilities])
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--no-new-privs", f"--inh-caps={words}",
            f"--ambient-caps={words}", f"--bounding-set={words}"]


class UnprivilegedDaemon(Daemon):
    def __init__(self, capabilities, program):
        super().__init__("[irq-delay]\nthreshold=10ms\n", wrapper=as_user(DAEMON_UID, capabilities), wait=False)
        self.program = program
        os.chown(self.dir, DAEMON_UID, DAEMON_UID)

    def command(self):
        return [self.program if word == IRQWATCHD else word for word in super().command()]

    def starts(self):
        return wait_for("start or refusal", lambda: "no" if self.process.poll() is not None else self.try_answers()) != "no"

    def try_answers(self):
        try:
            return self.answers()
        except AssertionError:
            return False  # it ends; seen the next time


def window_in(daemon, cpu, pid):
    """A window that interrupted that process, as it is complete: user stacks are named a moment later."""
    found = wait_for("window", lambda: inject("30ms", "ipi", cpu=cpu) and [
        e for e in daemon.json("events", "--kind", "irq-delay") if e["tgid"] == pid and e["durationMaxNsec"] >= 30_000_000], 60)
    return daemon.json("show", str(found[-1]["id"]))[0]


def dead_cgroup(daemon):
    """The cgroup of a process that has ended before the daemon gets to look."""
    daemon.process.send_signal(signal.SIGSTOP)
    process = inject("30ms", "process")
    daemon.process.send_signal(signal.SIGCONT)
    event = wait_for("window of the dead", lambda: next(
        (e for e in daemon.json("events", "--kind", "irq-delay") if e["pid"] == process.pid), None))
    return event["cgroup"]


def abilities(daemon, cpu, pid):
    if not daemon.starts():
        return set()
    collector = daemon.collector("irq-delay")
    note(f"{collector['state']}: {collector['reason']}")
    found = {"starts"}
    if collector["state"] == "unsupported":
        check("CAP_" in collector["reason"], f"it does not say what it needs: {collector['reason']}")
        return found
    if {c["name"]: c["value"] for c in collector["counters"]}["heartbeatNsec"] > 0:
        found.add("heartbeat")
    event = window_in(daemon, cpu, pid)
    found.add("windows")
    user = event["userStack"] or []
    if event["culprit"]:
        found.add("kernel names")
    if len(user) > 1:
        found.add("user stacks")
    # Of the program's library: the program itself is there as /proc/PID/exe.
    if any(frame["symbol"] and "/closed/" in frame["file"] and "libc" in frame["file"] for frame in user):
        found.add("names in closed directories")
    if dead_cgroup(daemon):
        found.add("cgroups of the dead")
    note(f"{event['culprit']}, user stack: {[frame['symbol'] or frame['note'] for frame in user]}")
    return found


def print_table(results):
    width = max(map(len, ABILITIES))
    print(" " * width, *(name or "all" for name in results), sep="  ")
    for ability in ABILITIES:
        cells = [("yes" if ability in found else "-").ljust(len(name or "all")) for name, found in results.items()]
        print(ability.ljust(width), *cells, sep="  ", flush=True)


def library_of(program, name):
    return next(line.split()[2] for line in run("ldd", program).stdout.splitlines() if name in line)


@contextlib.contextmanager
def closed_program(directory):
    """A program that holds no secrets, where only its user may look; it keeps one CPU busy."""
    cpu = online_cpus()[-1]
    path = os.path.join(directory, "closed")
    os.mkdir(path, 0o700)
    shutil.copy(BURDEN, os.path.join(path, "burden"))
    shutil.copy(library_of(BURDEN, "libc.so"), path)
    os.chown(path, OTHER_UID, OTHER_UID)
    with background(*as_user(OTHER_UID), "env", f"LD_LIBRARY_PATH={path}", os.path.join(path, "burden"), "spin", "600",
                    str(cpu)) as process:
        wait_for("the program", lambda: os.readlink(f"/proc/{process.pid}/exe").endswith("/closed/burden"))
        yield cpu, process.pid


def one_by_one():
    unit = capabilities_of_unit()
    require(len(online_cpus()) >= 2, "a second CPU for the injector")
    require("bpf" in run("setpriv", "--list-caps").stdout.split(), "setpriv that knows CAP_BPF")
    check(set(unit) == set(LOST) - {""}, f"the unit has {unit}")
    results = {}
    with tempfile.TemporaryDirectory(prefix="irqwatch-capabilities-") as directory:
        os.chmod(directory, 0o755)
        program = shutil.copy(IRQWATCHD, directory)
        with closed_program(directory) as (cpu, pid):
            for without in LOST:
                daemon = UnprivilegedDaemon([name for name in unit if name != without], program)
                with daemon:
                    results[without] = abilities(daemon, cpu, pid)
                    if daemon.process.poll() is None:
                        daemon.stop()
    print_table(results)
    for name, lost in LOST.items():
        check(set(ABILITIES) - results[name] == lost, f"without {name or 'nothing'}: lost {set(ABILITIES) - results[name]}")


sys.exit(main(one_by_one))
