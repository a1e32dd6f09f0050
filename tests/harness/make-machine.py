#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a fixture machine that is too big to keep in the repository.

make-machine.py DIR CPUS IRQS: DIR/proc/{interrupts,softirqs,stat}, DIR/sys/devices/system/cpu/{online,
possible} as an x86 kernel with CPUS CPUs and IRQS interrupt numbers prints them, and DIR/expected/{interrupts,
softirqs}, the dumps that the golden tests compare with. The dumps come from the numbers, not from the text.
Every seventh CPU is offline. The same arguments always make the same files.
"""

import os
import random
import sys

SOFTIRQS = ["HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU"]
ARCH_ROWS = [
    ("NMI", "Non-maskable interrupts"), ("LOC", "Local timer interrupts"), ("SPU", "Spurious interrupts"),
    ("PMI", "Performance monitoring interrupts"), ("IWI", "IRQ work interrupts"),
    ("RES", "Rescheduling interrupts"), ("CAL", "Function call interrupts"), ("TLB", "TLB shootdowns"),
    ("MCP", "Machine check polls"),
]


def cpu_list(cpus):
    """The kernel's list format."""
    ranges = []
    for cpu in cpus:
        if ranges and ranges[-1][1] == cpu - 1:
            ranges[-1][1] = cpu
        else:
            ranges.append([cpu, cpu])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def dump(cpus, rows):
    """rows: (metric, labels, [(cpu or None, value)])"""
    lines = [f"cpus {cpu_list(cpus)}\n"]
    for metric, labels, cells in rows:
        text = ",".join(f'{name}="{value}"' for name, value in labels)
        values = "".join(f" {'-' if cpu is None else cpu}={value}" for cpu, value in cells)
        lines.append(f"{metric}{{{text}}}{values}\n")
    return "".join(lines)


def counts_line(name, width, counts, rest=""):
    return f"{name:>{width}}: " + "".join(f"{n:10} " for n in counts) + rest + "\n"


def make_interrupts(rng, online, n_irqs):
    width = max(3, len(str(n_irqs + 24)))
    text = [" " * (width + 8) + "".join(f"CPU{cpu:<8}" for cpu in online) + "\n"]
    rows = []
    for i in range(n_irqs):
        irq = 24 + i
        chip = f"PCI-MSIX-0000:{i % 256:02x}:00.0"
        actions = f"mlx5_comp{i}@pci:0000:{i % 256:02x}:00.0"
        # A queue interrupt: one busy CPU, traces of others, the rest zero.
        counts = [0] * len(online)
        counts[i % len(online)] = rng.randrange(2**32)
        counts[rng.randrange(len(online))] = rng.randrange(1000)
        text.append(counts_line(irq, width, counts, f"{chip:>8} {i:>{width}}-{'edge':<8}  {actions}"))
        labels = [("irq", irq), ("chip", chip), ("hwirq", f"{i}-edge"), ("actions", actions)]
        rows.append(("interrupts", labels, list(zip(online, counts))))
    for name, description in ARCH_ROWS:
        counts = [rng.randrange(2**32) for _ in online]
        text.append(counts_line(name, width, counts, f"  {description}"))
        rows.append(("interrupts", [("irq", name), ("actions", description)], list(zip(online, counts))))
    for name in ("ERR", "MIS"):
        value = rng.randrange(100)
        text.append(f"{name:>{width}}: {value:10}\n")
        rows.append(("interrupts", [("irq", name)], [(None, value)]))
    return "".join(text), dump(online, rows)


def make_softirqs(rng, possible, online):
    text = [" " * 20 + "".join(f"CPU{cpu:<8}" for cpu in possible) + "\n"]
    rows = []
    for name in SOFTIRQS:
        counts = [rng.randrange(2**32) for _ in possible]
        text.append(f"{name:>12}:" + "".join(f" {n:10}" for n in counts) + "\n")
        cells = [(cpu, n) for cpu, n in zip(possible, counts) if cpu in online]
        rows.append(("softirqs", [("type", name)], cells))
    return "".join(text), dump(online, rows)


def make_stat(rng, online):
    lines = [f"cpu{cpu} {rng.randrange(10**7)} 0 {rng.randrange(10**7)} {rng.randrange(10**9)} 0 0 0 0 0 0\n"
             for cpu in online]
    sums = [sum(int(line.split()[i]) for line in lines) for i in range(1, 11)]
    return "cpu  " + " ".join(map(str, sums)) + "\n" + "".join(lines) + "ctxt 1\nbtime 1795357000\n"


def main():
    root, n_cpus, n_irqs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    rng = random.Random(n_cpus * 100003 + n_irqs)
    possible = list(range(n_cpus))
    online = [cpu for cpu in possible if cpu % 7 != 6]
    text, expected = make_interrupts(rng, online, n_irqs)
    write(f"{root}/proc/interrupts", text)
    write(f"{root}/expected/interrupts", expected)
    text, expected = make_softirqs(rng, possible, online)
    write(f"{root}/proc/softirqs", text)
    write(f"{root}/expected/softirqs", expected)
    write(f"{root}/proc/stat", make_stat(rng, online))
    write(f"{root}/sys/devices/system/cpu/possible", cpu_list(possible) + "\n")
    write(f"{root}/sys/devices/system/cpu/online", cpu_list(online) + "\n")


main()
