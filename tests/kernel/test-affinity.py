#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# An interrupt of a real device is moved to another CPU and back, through /proc/irq/N/smp_affinity as anybody would: each
# time there is one event that says so, with the CPUs that it had and got.

import contextlib
import os
import re
import sys
import time

sys.path.insert(0, os.environ["IRQWATCH_HARNESS"])
from kernel import Daemon, check, main, note, online_cpus, require, wait_for

CONFIG = "[irq-delay]\nenabled=no\n[affinity]\ninterval=200ms\nbudget=100%\n"


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read().strip()


def cpu_list(text):
    cpus = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        cpus += range(int(first), int(last or first) + 1)
    return cpus


def affinity(irq):
    return cpu_list(read(f"/proc/irq/{irq}/smp_affinity_list"))


def set_affinity(irq, cpus):
    """By mask, the other form of the same file."""
    mask = f"{sum(1 << cpu for cpu in cpus):x}"
    groups = [mask[max(end - 8, 0):end] for end in range(len(mask), 0, -8)]
    with open(f"/proc/irq/{irq}/smp_affinity", "w", encoding="ascii") as file:
        file.write(",".join(reversed(groups)))


def movable():
    """(number, action, device): a queue of a virtio device, or of any with messages, whose affinity may be set."""
    for irq in sorted(filter(str.isdigit, os.listdir("/proc/irq")), key=int):
        with contextlib.suppress(OSError):
            action = read(f"/sys/kernel/irq/{irq}/actions")
            if not re.search(r"(virtio\d+-(input|output|req)\.\d+|-TxRx-\d+|mlx5_comp\d+)", action):
                continue
            before = affinity(irq)
            set_affinity(irq, before)  # managed interrupts refuse with EIO
            if affinity(irq) == before:
                return int(irq), action, device_of(action)
    require(False, "an interrupt of a device queue whose affinity may be changed")
    return None


def device_of(action):
    """By another way than the daemon's: the children of the virtio device. None: not virtio."""
    virtio = re.match(r"virtio\d+", action)
    if not virtio:
        return None
    base = f"/sys/bus/virtio/devices/{virtio[0]}"
    for kind in ("net", "block"):
        if os.path.isdir(f"{base}/{kind}"):
            return os.listdir(f"{base}/{kind}")[0]
    return virtio[0]


def changes(daemon, irq):
    return [e for e in daemon.json("events", "--kind", "affinity")
            if e["evidence"]["irq"] == irq and e["evidence"]["cause"] == "configured"]


def passes(daemon):
    return daemon.collector("affinity")["passes"]


def check_change(event, irq, action, device, old, new):
    evidence = event["evidence"]
    check(event["culprit"] == f"IRQ {irq} {action}", f"culprit {event['culprit']}")
    check(evidence["name"] == action, f"name {evidence['name']}, not {action}")
    check(device is None or evidence["device"] == device, f"device {evidence.get('device')}, not {device}")
    check(evidence["oldCpus"] == old and evidence["newCpus"] == new,
          f"{evidence['oldCpus']} -> {evidence['newCpus']}, not {old} -> {new}")


def check_report(daemon, irq, cpus, n_changes):
    report = daemon.json("report", "--since", "2m")[0]
    told = [c for c in report["affinityChanges"] if c["irq"] == irq and c["cause"] == "configured"]
    check(len(told) == n_changes, f"the report has {told}")
    for row in report["interrupts"]:  # it is there only if the interrupt came
        if row["irq"] == str(irq):
            note(f"the report's row: {row['affinity']}, effective {row['effectiveAffinity']}, {row['device']} {row['queue']}")
            check(cpu_list(row["affinity"]) == cpus, f"the report says {row['affinity']}, not {cpus}")
            check(row["effectiveAffinity"] is not None, "where it goes is not told")


def moved_and_back():
    cpus = online_cpus()
    require(len(cpus) >= 2, "a second CPU")
    irq, action, device = movable()
    before = affinity(irq)
    target = [cpu for cpu in cpus if [cpu] != before][-1:]
    try:
        with Daemon(CONFIG) as daemon:
            wait_for("first passes", lambda: passes(daemon) >= 3)
            check(not changes(daemon, irq), "a change before there was one")

            started = time.time()
            set_affinity(irq, target)
            event = wait_for("event about the move", lambda: changes(daemon, irq))[0]
            note(f"found {event['timeUsec'] / 1e6 - started:.2f} s after the write: {event['evidence']}")
            check_change(event, irq, action, device, before, target)
            check(event["timeUsec"] / 1e6 >= started, "the event is older than its cause")
            wait_for("next pass", lambda n=passes(daemon): passes(daemon) > n)
            check_report(daemon, irq, target, 1)

            set_affinity(irq, before)
            event = wait_for("event about the way back", lambda: changes(daemon, irq)[1:])[0]
            check_change(event, irq, action, device, target, before)

            text = daemon.irqctl("report", "--since", "2m").stdout
            check("Interrupts moved to other CPUs" in text and action in text, text)
            text = daemon.irqctl("events", "--kind", "affinity").stdout
            check(f"IRQ {irq} {action}: " in text, text)
            wait_for("some passes in which nothing happens", lambda n=passes(daemon): passes(daemon) > n + 10)
            check(len(changes(daemon, irq)) == 2, "one change was told more than once")
    finally:
        set_affinity(irq, before)
    check(affinity(irq) == before, "the interrupt was not put back")


sys.exit(main(moved_and_back))
