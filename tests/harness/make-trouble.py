#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes machines in trouble, for the golden tests of findings: each at three moments, as the kernel shows it in /proc.

make-trouble.py DIR: for each trouble, each near miss of it, and each size of a machine DIR/NAME-CPUS with

  0, 1, 2    trees of proc and sys: ten minutes ago, a minute ago, now. The trouble is in the last minute.
  expected   "CODE SEVERITY" and on the next line a part of the sentence; or "none" and the code that must not be there

The machine is a busy one in good health but for the trouble, whose rates are per second. The same arguments always make
the same files.
"""

import os
import sys

MOMENTS = [0, 540, 600]
MODES = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guest_nice"]
SOFTIRQS = ["HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU"]
SOFTNET = ["processed", "dropped", "time_squeeze", None, None, None, None, None, None, "received_rps", "flow_limit"]
LOCAL = ["LOC", "SPU", "RES", "CAL", "TLB"]
NAMES = {"Ip": ["InReceives"], "Tcp": ["PassiveOpens", "AttemptFails"], "Udp": ["InDatagrams", "NoPorts", "RcvbufErrors"]}
EXTENDED = {"TcpExt": ["SyncookiesSent", "SyncookiesRecv", "SyncookiesFailed", "ListenOverflows", "ListenDrops",
                       "TCPReqQFullDoCookies", "TCPReqQFullDrop"]}


class Machine:
    """Rates per second before the last minute and in it, by what counts: ("softirqs", "NET_RX", 3)."""

    def __init__(self, n_cpus):
        self.n_cpus, self.usual, self.bad = n_cpus, {}, {}
        self.irqs, self.isolated, self.threads = {}, "", False
        for cpu in range(n_cpus):
            for mode, percent in (("user", 60), ("system", 10), ("idle", 24), ("irq", 1), ("softirq", 5)):
                self.set("stat", mode, cpu, percent)  # of 100 ticks
            for row, rate in (("TIMER", 900), ("NET_RX", 900), ("SCHED", 400), ("RCU", 300)):
                self.set("softirqs", row, cpu, rate)
            for row, rate in (("LOC", 1000), ("RES", 800), ("CAL", 100)):
                self.set("interrupts", row, cpu, rate)
            self.set("softnet", "processed", cpu, 1000)
        self.device("eth0", 9000, 700)
        self.set("net", "PassiveOpens", None, 800)

    def set(self, kind, row, cpu, usual, bad=None):
        self.usual[kind, row, cpu] = usual
        self.bad[kind, row, cpu] = usual if bad is None else bad

    def now(self, kind, row, cpu, bad):
        self.bad[kind, row, cpu] = bad
        self.usual.setdefault((kind, row, cpu), 0)

    def all_on(self, kind, row, cpu, bad):
        for other in range(self.n_cpus):
            self.now(kind, row, other, bad if other == cpu else 0)

    def device(self, name, packets, size):
        for row, rate in (("rx_packets", packets), ("rx_bytes", packets * size), ("tx_packets", packets),
                          ("tx_bytes", packets * size)):
            self.now("netdev", (name, row), None, rate)
            if not self.usual["netdev", (name, row), None]:
                self.usual["netdev", (name, row), None] = rate

    def value(self, kind, row, cpu, seconds):
        key = kind, row, cpu
        usual = self.usual.get(key, 0)
        return int(1000 + usual * min(seconds, MOMENTS[1]) + self.bad.get(key, 0) * max(0, seconds - MOMENTS[1]))


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def table(machine, kind, rows, seconds, width):
    return "".join(f"{row:>{width}}:" + "".join(f" {machine.value(kind, row, cpu, seconds):10}"
                                                for cpu in range(machine.n_cpus)) + rest + "\n" for row, rest in rows)


def write_cpus(machine, root, seconds):
    cpus = range(machine.n_cpus)
    head = "".join(f"CPU{cpu:<8}" for cpu in cpus) + "\n"
    write(f"{root}/proc/softirqs", " " * 20 + head + table(machine, "softirqs", [(row, "") for row in SOFTIRQS], seconds, 12))
    rows = [(row, f"  PCI-MSIX-0000:00:03.0  {row}-edge      {name}") for row, name in machine.irqs.items()]
    rows += [(row, "   an architecture's") for row in LOCAL]
    errors = "".join(f"{row}: {machine.value('errors', row, None, seconds):10}\n" for row in ("ERR", "MIS"))
    write(f"{root}/proc/interrupts", " " * 11 + head + table(machine, "interrupts", rows, seconds, 3) + errors)
    ticks = [[machine.value("stat", mode, cpu, seconds) for mode in MODES] for cpu in cpus]
    write(f"{root}/proc/stat", "cpu  " + " ".join(str(sum(column)) for column in zip(*ticks)) + "\n" +
          "".join(f"cpu{cpu} {' '.join(map(str, ticks[cpu]))}\n" for cpu in cpus) + "intr 1 0\nctxt 1\nbtime 1795357000\n")
    lines = []
    for cpu in cpus:
        line = [machine.value("softnet", name, cpu, seconds) % 2**32 if name else 0 for name in SOFTNET]
        lines.append(" ".join(f"{n:08x}" for n in [*line, 0, cpu, 0, 0]) + "\n")
    write(f"{root}/proc/net/softnet_stat", "".join(lines))
    for name in ("online", "possible"):
        write(f"{root}/sys/devices/system/cpu/{name}", f"0-{machine.n_cpus - 1}\n")
    write(f"{root}/sys/devices/system/cpu/isolated", machine.isolated + "\n")


def write_irqs(machine, root):
    for irq, name in machine.irqs.items():
        for file in ("smp_affinity_list", "effective_affinity_list"):
            write(f"{root}/proc/irq/{irq}/{file}", f"0-{machine.n_cpus - 1}\n")
        write(f"{root}/sys/kernel/irq/{irq}/actions", name + "\n")


def write_threads(machine, root, seconds):
    for cpu in range(machine.n_cpus if machine.threads else 0):
        pid = 14 + 6 * cpu
        write(f"{root}/proc/{pid}/comm", f"ksoftirqd/{cpu}\n")
        write(f"{root}/proc/{pid}/stat", f"{pid} (ksoftirqd/{cpu}) S 2 0 0 0 -1 69238848 0 0 0\n")
        write(f"{root}/proc/{pid}/schedstat", f"{machine.value('ksoftirqd', 'time', cpu, seconds)} 1000 1\n")


def counters(machine, groups, seconds):
    return "".join(f"{group}: {' '.join(names)}\n{group}: " +
                   " ".join(str(machine.value("net", name, None, seconds)) for name in names) + "\n"
                   for group, names in groups.items())


def write_net(machine, root, seconds):
    lines = ["Inter-|   Receive                                                |  Transmit\n",
             " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls "
             "carrier compressed\n"]
    for name in ("lo", "eth0"):
        n = [machine.value("netdev", (name, row), None, seconds) for row in ("rx_bytes", "rx_packets", "tx_bytes", "tx_packets")]
        lines.append(f"{name:>6}: {n[0]} {n[1]} 0 0 0 0 0 0 {n[2]} {n[3]} 0 0 0 0 0 0\n")
    write(f"{root}/proc/net/dev", "".join(lines))
    write(f"{root}/proc/net/snmp", counters(machine, NAMES, seconds))
    write(f"{root}/proc/net/netstat", counters(machine, EXTENDED, seconds))


def softirq_imbalance(m, rate=45000, percent=70):
    m.all_on("softirqs", "NET_RX", 1, rate)
    m.now("stat", "softirq", 1, percent)


def ksoftirqd(m, percent=86):
    m.threads = True
    m.now("ksoftirqd", "time", 1, percent * 10**7)


def storm(m, rate=90000):
    m.now("interrupts", "LOC", 1, rate)


def device_storm(m, rate=60000):
    m.irqs = {"29": "ahci[0000:00:1f.2]"}
    m.set("interrupts", "29", 0, 100, rate)


def queues(m, rate=7500):
    m.irqs = {str(24 + n): f"eth0-TxRx-{n}" for n in range(4)}
    for irq in m.irqs:
        m.now("interrupts", irq, 1, rate)
    m.now("stat", "softirq", 1, 45)


def isolated(m, rate=200):
    m.irqs, m.isolated = {"24": "nvme0q2"}, str(m.n_cpus - 1)
    m.now("interrupts", "24", m.n_cpus - 1, rate)


def drops(m, rate=5000):
    m.now("softnet", "processed", 1, 20000)
    m.now("softnet", "dropped", 1, rate)


def steered(m):
    """Other columns of the same file."""
    m.now("softnet", "processed", 1, 20000)
    m.now("softnet", "received_rps", 1, 15000)
    m.now("softnet", "flow_limit", 1, 5000)


def squeezes(m, rate=4000):
    m.now("softnet", "processed", 1, 20000)
    m.now("softnet", "time_squeeze", 1, rate)


def small_packets(m, rate=14678, size=60):
    for row, n in (("rx_packets", rate), ("rx_bytes", rate * size), ("tx_packets", 7401), ("tx_bytes", 7401 * 62)):
        m.now("netdev", ("eth0", row), None, n)
    m.now("softirqs", "NET_RX", 1, 960)  # more than elsewhere: this is the CPU that suffers
    m.now("stat", "softirq", 1, 95)


def cookies(m, rate=9800, valid=3):
    m.now("net", "SyncookiesSent", None, rate)
    m.now("net", "SyncookiesRecv", None, valid)


def refused(m, rate=13000):
    m.now("net", "NoPorts", None, rate)


def errors(m, rate=5):
    m.now("errors", "ERR", None, rate)


def spurious_vector(m):
    m.now("interrupts", "SPU", 1, 300)


TROUBLES = [
    ("softirq-imbalance", softirq_imbalance, "softirq-imbalance warning", "of all NET_RX softirqs (45000 of"),
    ("softirq-spread", lambda m: softirq_imbalance(m, 990), "none", "softirq-imbalance"),
    ("ksoftirqd", ksoftirqd, "ksoftirqd-saturated warning", "ksoftirqd/1 used 86 % of CPU 1"),
    ("ksoftirqd-busy", lambda m: ksoftirqd(m, 49), "none", "ksoftirqd-saturated"),
    ("timers", storm, "irq-storm warning", "CPU 1 took 90000 timer interrupts (LOC) per second, 1000 are usual"),
    ("timers-few", lambda m: storm(m, 19900), "none", "irq-storm"),
    ("device", device_storm, "irq-storm warning", "60000 interrupts of IRQ 29 (ahci[0000:00:1f.2]) per second, 100 are usual"),
    ("device-busy", lambda m: device_storm(m, 49000), "none", "irq-storm"),
    ("queues", queues, "irq-imbalance warning", "CPU 1 took 100 % of the interrupts of eth0-TxRx (up to 30000 per second)"),
    ("queues-idle", lambda m: queues(m, 490), "none", "irq-imbalance"),
    ("isolated", isolated, "irq-on-isolated-cpu warning", "is isolated, but was interrupted up to 200 times per second by IRQ 24"),
    ("isolated-setup", lambda m: isolated(m, 0.9), "none", "irq-on-isolated-cpu"),
    ("drops", drops, "softnet-drops critical", "CPU 1 dropped 300000 received packets"),
    ("steered", steered, "none", "softnet-drops"),
    ("squeezes", squeezes, "time-squeeze warning", "CPU 1 stopped receiving 4000 times per second"),
    ("squeezes-few", lambda m: squeezes(m, 9.9), "none", "time-squeeze"),
    ("small-packets", small_packets, "small-packet-flood warning", "eth0 received 14678 packets per second of 60 bytes"),
    ("small-packets-few", lambda m: small_packets(m, 9900), "none", "small-packet-flood"),
    ("packets-larger", lambda m: small_packets(m, 14678, 129), "none", "small-packet-flood"),
    ("cookies", cookies, "syn-flood critical", "9800 SYN cookies per second were sent, 3 came back"),
    ("cookies-few", lambda m: cookies(m, 199), "none", "syn-flood"),
    ("cookies-valid", lambda m: cookies(m, 9800, 4901), "none", "syn-flood"),
    ("refused", refused, "udp-flood warning", "13000 datagrams per second went to closed ports"),
    ("refused-few", lambda m: refused(m, 990), "none", "udp-flood"),
    ("errors", errors, "spurious-interrupts warning", "300 interrupts went to no handler or were in error (ERR"),
    ("spurious-vector", spurious_vector, "none", "spurious-interrupts"),
    ("healthy", lambda m: None, "none", ""),
]


def main():
    for n_cpus in (2, 64, 512):
        for name, make, expected, text in TROUBLES:
            machine = Machine(n_cpus)
            make(machine)
            root = f"{sys.argv[1]}/{name}-{n_cpus}"
            for i, seconds in enumerate(MOMENTS):
                write_cpus(machine, f"{root}/{i}", seconds)
                write_irqs(machine, f"{root}/{i}")
                write_threads(machine, f"{root}/{i}", seconds)
                write_net(machine, f"{root}/{i}", seconds)
            write(f"{root}/expected", f"{expected}\n{text}\n")


main()
