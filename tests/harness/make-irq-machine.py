#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a fixture machine whose interrupts belong to devices: 64 CPUs, a network card of 32 queues whose interrupts are
named after its driver, one of 16 that are named after the device, a disk controller of 33 queues, two disks on one
controller, a virtio card and disk, lines without messages.

make-irq-machine.py DIR: DIR/proc, DIR/sys as the kernel has them, DIR/expected/affinity, the lines of the dump that the
golden test compares with, sorted. The dump comes from the tables below, not from the files.
"""

import os
import shutil
import sys

N_CPUS = 64
OWN_NAMESPACE = 4026531840
ISOLATED, NOHZ_FULL = "60-63", "58-61"


def cpu_list(cpus):
    """The kernel's list format."""
    ranges = []
    for cpu in cpus:
        if ranges and ranges[-1][1] == cpu - 1:
            ranges[-1][1] = cpu
        else:
            ranges.append([cpu, cpu])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)


def cpu_mask(cpus):
    bits = sum(1 << cpu for cpu in cpus)
    return f"{bits >> 32:08x},{bits & 0xffffffff:08x}\n"


class Machine:
    def __init__(self, root):
        self.root, self.lines = root, []

    def write(self, path, text):
        path = f"{self.root}/{path}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def link(self, path, target):
        path = f"{self.root}/{path}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.symlink(target, path)

    def row(self, metric, labels, cpus):
        cells = "".join(f" {cpu}=1" for cpu in cpus)
        text = ",".join(f'{name}="{value}"' for name, value in labels if value is not None)
        self.lines.append(f"{metric}{{{text}}}{cells}\n")

    def irq(self, number, actions, cpus, effective, place=(None, None, None)):
        """An interrupt and, where it has a handler, its rows. place: device, queue, kind."""
        self.write(f"proc/irq/{number}/smp_affinity_list", cpu_list(cpus) + "\n")
        self.write(f"proc/irq/{number}/effective_affinity_list", cpu_list(effective) + "\n")
        self.write(f"sys/kernel/irq/{number}/actions", actions + "\n")
        if not actions:
            return
        labels = [("irq", number), *zip(("device", "queue", "kind"), place)]
        self.row("affinity", labels, cpus)
        self.row("effective-affinity", labels, effective)

    def pci(self, slot, numbers, line=None):
        path = f"sys/devices/pci0000:00/{slot}"
        for number in numbers:
            self.write(f"{path}/msi_irqs/{number}", "msix\n")
        if line is not None:
            self.write(f"{path}/irq", f"{line}\n")
        self.link(f"sys/bus/pci/devices/{slot}", f"../../../devices/pci0000:00/{slot}")

    def device(self, kind, name, below):
        path = f"devices/{below}/{kind}/{name}"
        os.makedirs(f"{self.root}/sys/{path}", exist_ok=True)
        self.link(f"sys/class/net/{name}" if kind == "net" else f"sys/block/{name}",
                  f"../../{path}" if kind == "net" else f"../{path}")

    def queue(self, device, queue, cpus):
        file, metric = ("xps_cpus", "xps") if queue.startswith("tx-") else ("rps_cpus", "rps")
        self.write(f"sys/class/net/{device}/queues/{queue}/{file}", cpu_mask(cpus))
        if cpus:
            self.row(metric, [("queue", f"{device}/{queue}")], cpus)

    def process(self, pid, comm, namespace):
        self.write(f"proc/{pid}/comm", comm + "\n")
        self.link(f"proc/{pid}/ns/net", f"net:[{namespace}]")


def make_lines(machine, everywhere):
    machine.irq(0, "timer", everywhere, [0])
    machine.irq(4, "", everywhere, [0])  # nobody handles it
    machine.irq(8, "rtc0", everywhere, [])
    machine.irq(9, "acpi", everywhere, [0])
    # One line, two devices: nobody can say whose it was.
    machine.irq(16, "ehci_hcd:usb1,i801_smbus", everywhere, [1])
    machine.pci("0000:00:1a.0", [], 16)
    machine.pci("0000:00:1f.3", [], 16)
    # A bridge above everything has an interrupt of its own.
    machine.irq(25, "pcieport", everywhere, [2], ("0000:00:01.0", None, None))
    machine.pci("0000:00:01.0", [25])


def make_cards(machine):
    bridge = "pci0000:00/0000:00:01.0"
    machine.device("net", "eth0", f"{bridge}/0000:3b:00.0")
    machine.pci("0000:3b:00.0", range(99, 132))
    machine.irq(99, "mlx5_async0@pci:0000:3b:00.0", range(32), [0], ("eth0", None, "net"))
    for n in range(32):
        machine.irq(100 + n, f"mlx5_comp{n}@pci:0000:3b:00.0", [n], [n], ("eth0", str(n), "net"))
        machine.queue("eth0", f"rx-{n}", [32, 33, 63] if n < 4 else [])
        machine.queue("eth0", f"tx-{n}", [n, n + 32])

    # Two ports on one function are told apart by name only.
    for name in ("ens2f0", "ens2f1"):
        machine.device("net", name, f"{bridge}/0000:5e:00.0")
    machine.pci("0000:5e:00.0", range(140, 174))
    machine.irq(140, "i40e-0000:5e:00.0:misc", range(N_CPUS), [5], ("0000:5e:00.0", None, "net"))
    for n in range(16):
        machine.irq(141 + n, f"i40e-ens2f0-TxRx-{n}", range(N_CPUS), [2 * n], ("ens2f0", str(n), "net"))
        machine.irq(157 + n, f"i40e-ens2f1-TxRx-{n}", range(N_CPUS), [2 * n + 1], ("ens2f1", str(n), "net"))
    machine.irq(173, "", range(N_CPUS), [0])

    machine.device("net", "veth1", "virtual")
    machine.queue("veth1", "rx-0", [])


def make_disks(machine):
    machine.pci("0000:d8:00.0", range(200, 233))
    machine.device("block", "nvme0n1", "pci0000:00/0000:d8:00.0/nvme/nvme0")
    machine.irq(200, "nvme0q0", range(N_CPUS), [0], ("nvme0", "0", "block"))
    for n in range(1, 33):
        cpus = [2 * n - 2, 2 * n - 1]
        machine.irq(200 + n, f"nvme0q{n}", cpus, cpus[1:], ("nvme0", str(n), "block"))

    machine.pci("0000:00:17.0", [240])
    for n, name in enumerate(("sda", "sdb")):
        machine.device("block", name, f"pci0000:00/0000:00:17.0/ata{n}/host{n}/target{n}:0:0/{n}:0:0:0")
    machine.irq(240, "ahci[0000:00:17.0]", range(N_CPUS), [7], ("0000:00:17.0", None, "block"))

    machine.pci("0000:00:03.0", [250, 251, 252])
    machine.device("net", "eth1", "pci0000:00/0000:00:03.0/virtio2")
    machine.irq(250, "virtio2-config", range(N_CPUS), [0], ("eth1", None, "net"))
    machine.irq(251, "virtio2-input.0", range(N_CPUS), [1], ("eth1", "rx-0", "net"))
    machine.irq(252, "virtio2-output.0", range(N_CPUS), [2], ("eth1", "tx-0", "net"))
    machine.device("block", "vda", "pci0000:00/0000:00:04.0/virtio3")
    machine.irq(260, "virtio3-req.1", range(N_CPUS), [3], ("vda", "1", "block"))
    machine.irq(261, "virtio4-input", range(N_CPUS), [4], ("virtio4", None, None))


def make_processes(machine):
    machine.link("proc/self", "1")
    machine.process(1, "systemd", OWN_NAMESPACE)
    machine.process(2, "kthreadd", OWN_NAMESPACE)
    machine.process(700, "irqbalance", 4026532001)
    for pid in (800, 801):
        machine.process(pid, "nginx", 4026532100)


def main():
    machine = Machine(sys.argv[1])
    shutil.rmtree(machine.root, ignore_errors=True)
    everywhere = range(N_CPUS)
    for name in ("online", "possible"):
        machine.write(f"sys/devices/system/cpu/{name}", cpu_list(everywhere) + "\n")
    machine.write("sys/devices/system/cpu/isolated", ISOLATED + "\n")
    machine.write("sys/devices/system/cpu/nohz_full", NOHZ_FULL + "\n")
    make_lines(machine, everywhere)
    make_cards(machine)
    make_disks(machine)
    make_processes(machine)
    machine.lines += ["irqbalance{} -=1\n", "namespaces{} -=2\n",
                      "isolated{}" + "".join(f" {cpu}=1" for cpu in range(58, 64)) + "\n"]
    machine.write("expected/affinity", "".join(sorted(machine.lines)))


main()
