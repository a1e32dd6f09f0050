#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a fixture machine that is too big to keep in the repository.

make-machine.py [--online] [--whole] DIR CPUS IRQS: DIR/proc/{interrupts,softirqs,stat,net/softnet_stat}, the ksoftirqd
threads below DIR/proc, DIR/sys/devices/system/cpu/{online,possible} as an x86 kernel with CPUS CPUs and IRQS interrupt
numbers prints them, and DIR/expected/COLLECTOR, the dumps that the golden tests compare with. The dumps come from the
numbers, not from the text. The same arguments always make the same files.
Every seventh CPU is offline, unless --online is said. With --whole there is also what the other collectors read, of
which there are no dumps: network devices, protocols, affinities.
move-machine lets such a machine live.
"""

import argparse
import os
import random

SOFTIRQS = ["HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU"]
MODES = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest"]
NSEC_PER_TICK = 10**7
SOFTNET = [(0, "processed"), (1, "dropped"), (2, "time_squeeze"), (9, "received_rps"), (10, "flow_limit_count")]
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
    times = [[rng.randrange(10**7), 0, rng.randrange(10**7), rng.randrange(10**9), 0, rng.randrange(10**5),
              rng.randrange(10**6), rng.randrange(10**4), 0, 0] for _ in online]
    text = ["cpu  " + " ".join(map(str, map(sum, zip(*times)))) + "\n"]
    text += [f"cpu{cpu} {' '.join(map(str, t))}\n" for cpu, t in zip(online, times)]
    text.append("intr 1 0 0 0\nctxt 1\nbtime 1795357000\n")
    rows = [("cpu-time", [("mode", mode)], [(cpu, t[i] * NSEC_PER_TICK) for cpu, t in zip(online, times)])
            for i, mode in enumerate(MODES)]
    return "".join(text), dump(online, rows)


def make_softnet(rng, online):
    text, lines = [], []
    for cpu in online:
        input_queue, process_queue = rng.randrange(1000), rng.randrange(64)
        line = [rng.randrange(2**32) for _ in range(3)] + [0] * 6 + [rng.randrange(2**32), rng.randrange(100),
                input_queue + process_queue, cpu, input_queue, process_queue]
        lines.append(line)
        text.append(" ".join(f"{n:08x}" for n in line) + "\n")
    rows = [("softnet", [("counter", name)], [(cpu, line[i]) for cpu, line in zip(online, lines)])
            for i, name in SOFTNET]
    rows.append(("backlog", [], [(cpu, line[11]) for cpu, line in zip(online, lines)]))
    return "".join(text), dump(online, rows)


def make_ksoftirqd(rng, root, possible, online):
    """Every CPU has one, online or not, among the other threads of the kernel."""
    times = {}
    for cpu in possible:
        times[cpu] = rng.randrange(10**12), rng.randrange(10**11)
        for i, comm in enumerate((f"cpuhp/{cpu}", f"migration/{cpu}", f"ksoftirqd/{cpu}")):
            task = f"{root}/proc/{12 + 3 * cpu + i}"
            write(f"{task}/comm", f"{comm}\n")
            write(f"{task}/stat", f"{12 + 3 * cpu + i} ({comm}) S 2 0 0 0 -1 69238848 0 0 0\n")
            write(f"{task}/schedstat", f"{times[cpu][0]} {times[cpu][1]} 1\n")
    rows = [(metric, [], [(cpu, times[cpu][i]) for cpu in online])
            for i, metric in enumerate(("cpu-time", "run-delay"))]
    return dump(online, rows)


def make_network(rng, root):
    """Four ports and the loopback; the rows of protocols that everybody has."""
    lines = ["Inter-|   Receive                                                |  Transmit\n",
             " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls "
             "carrier compressed\n"]
    for name in ("lo", "eth0", "eth1", "eth2", "eth3"):
        counts = [rng.randrange(10**13), rng.randrange(10**10), 0, rng.randrange(100), 0, 0, 0, rng.randrange(10**5),
                  rng.randrange(10**13), rng.randrange(10**10), 0, 0, 0, 0, 0, 0]
        lines.append(f"{name:>6}: {' '.join(map(str, counts))}\n")
    write(f"{root}/proc/net/dev", "".join(lines))
    write(f"{root}/proc/net/snmp", table("Tcp", {"MaxConn": -1, "ActiveOpens": 12345, "PassiveOpens": 2345678, "InSegs": 10**9,
                                                 "OutSegs": 10**9, "RetransSegs": 34567, "InErrs": 12}) +
          table("Udp", {"InDatagrams": 10**8, "NoPorts": 123, "InErrors": 0, "OutDatagrams": 10**8, "RcvbufErrors": 0}))
    write(f"{root}/proc/net/netstat", table("TcpExt", {"SyncookiesSent": 0, "SyncookiesRecv": 0, "ListenOverflows": 12,
                                                       "ListenDrops": 12, "TCPBacklogDrop": 3, "TCPReqQFullDrop": 0}))


def table(name, values):
    return f"{name}: {' '.join(values)}\n{name}: {' '.join(map(str, values.values()))}\n"


def make_affinities(root, online, n_irqs):
    """As a driver with a queue per CPU spreads them."""
    for i in range(n_irqs):
        cpu = online[i % len(online)]
        write(f"{root}/proc/irq/{24 + i}/smp_affinity_list", f"{cpu}\n")
        write(f"{root}/proc/irq/{24 + i}/effective_affinity_list", f"{cpu}\n")
        write(f"{root}/sys/kernel/irq/{24 + i}/actions", f"mlx5_comp{i}@pci:0000:{i % 256:02x}:00.0\n")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", metavar="DIR")
    parser.add_argument("n_cpus", metavar="CPUS", type=int)
    parser.add_argument("n_irqs", metavar="IRQS", type=int)
    parser.add_argument("--online", action="store_true", help="all CPUs are")
    parser.add_argument("--whole", action="store_true", help="for all collectors")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    root, n_cpus, n_irqs = arguments.root, arguments.n_cpus, arguments.n_irqs
    rng = random.Random(n_cpus * 100003 + n_irqs)
    possible = list(range(n_cpus))
    online = [cpu for cpu in possible if arguments.online or cpu % 7 != 6]
    text, expected = make_interrupts(rng, online, n_irqs)
    write(f"{root}/proc/interrupts", text)
    write(f"{root}/expected/interrupts", expected)
    text, expected = make_softirqs(rng, possible, online)
    write(f"{root}/proc/softirqs", text)
    write(f"{root}/expected/softirqs", expected)
    text, expected = make_stat(rng, online)
    write(f"{root}/proc/stat", text)
    write(f"{root}/expected/cpu", expected)
    text, expected = make_softnet(rng, online)
    write(f"{root}/proc/net/softnet_stat", text)
    write(f"{root}/expected/softnet", expected)
    write(f"{root}/expected/ksoftirqd", make_ksoftirqd(rng, root, possible, online))
    write(f"{root}/sys/devices/system/cpu/possible", cpu_list(possible) + "\n")
    write(f"{root}/sys/devices/system/cpu/online", cpu_list(online) + "\n")
    if arguments.whole:
        make_network(rng, root)
        make_affinities(root, online, n_irqs)


main()
