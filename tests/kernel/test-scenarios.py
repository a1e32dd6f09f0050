#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Trouble with real causes, and load that is no trouble: what the report says first. Prints a table. One run of each; with
# IRQWATCH_LONG=1 ten.

import contextlib
import os
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.environ["IRQWATCH_HARNESS"])
from kernel import BURDEN, IRQCTL, LONG, Daemon, background, check, main, note, online_cpus, require, run, wait_for

RUNS = 10 if LONG else 1
SECONDS = 22      # that a scenario lasts: two stretches of ten seconds
QUIET = 75        # before the first one: what is usual, as storms are judged by it
HERE, THERE = "198.18.78.1", "198.18.78.2"
NEAR, FAR = "irqw-near", "irqw-far"
IN_NEAR, IN_FAR = ["ip", "netns", "exec", NEAR], ["ip", "netns", "exec", FAR]
CONFIG = "[irq-delay]\nthreshold=10ms\n[packets]\ncool-down=10s\n"

# What the host under a virtual machine does is true whenever it is said, and no scenario's business.
AMBIENT = {"steal", "platform-stall", "unexplained-window", "idle-exit", "softirq-starved", "coverage-low",
           "windows-not-recorded", "slow-softirq", "slow-hardirq", "collector-gap", "not-recorded", "collector-degraded"}


def must(*command):
    result = run(*command)
    check(result.returncode == 0, f"{command}: {result.stderr}")
    return result.stdout


def write(path, text):
    """Writes a kernel setting; returns what it was."""
    with open(path, "r+", encoding="ascii") as file:
        before = file.read().strip()
        file.seek(0)
        file.write(str(text))
    return before


@contextlib.contextmanager
def setting(path, value):
    before = write(path, value)
    try:
        yield
    finally:
        write(path, before)


def sysctl(name, value):
    return setting("/proc/sys/" + name.replace(".", "/"), value)


@contextlib.contextmanager
def link():
    """irqwnear, where the daemon lives, and irqwfar, where floods come from: two namespaces without a way out."""
    try:
        for name in (NEAR, FAR):
            must("ip", "netns", "add", name)
        must("ip", "link", "add", "irqwnear", "netns", NEAR, "type", "veth", "peer", "name", "irqwfar", "netns", FAR)
        for where, device, address in ((IN_NEAR, "irqwnear", HERE), (IN_FAR, "irqwfar", THERE)):
            must(*where, "ip", "address", "add", f"{address}/24", "dev", device)
            must(*where, "ip", "link", "set", device, "up")
            must(*where, "ip", "link", "set", "lo", "up")
        # Answers to forged senders need a way, which ends in the other namespace.
        must(*IN_NEAR, "ip", "route", "add", "default", "via", THERE)
        yield
    finally:
        for name in (NEAR, FAR):
            run("ip", "netns", "del", name)


def bounded(*command, where=()):
    return background("timeout", SECONDS + 10, *where, *command)


def last_cpu():
    return online_cpus()[-1]


def hping(*options):
    require(shutil.which("hping3"), "hping3")
    return bounded("taskset", "-c", last_cpu(), "hping3", "-q", *options, HERE, where=IN_FAR)


def python(code, *arguments, where=IN_NEAR):
    return bounded(sys.executable, "-c", code, *arguments, where=where)


LISTEN = """
import socket, sys, time
with socket.create_server((sys.argv[1], 80), backlog=64):
    time.sleep(3600)
"""
DRAIN = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    s.bind((sys.argv[1], 5000))
    buffer = bytearray(2048)
    while True:
        s.recv_into(buffer)
"""
SINK = """
import socket, sys
with socket.create_server((sys.argv[1], 5001)) as server:
    connection = server.accept()[0]
    buffer = bytearray(1 << 20)
    while connection.recv_into(buffer):
        pass
"""
SOURCE = """
import socket, sys, time
for _ in range(100):
    try:
        connection = socket.create_connection((sys.argv[1], 5001))
        break
    except OSError:
        time.sleep(0.1)
data = bytes(1 << 18)
while True:
    connection.sendall(data)
"""
# Wants nothing, and says so after 2000 instructions; the memory for twice as many is refused (net.core.optmem_max).
SNIFF = """
import ctypes, socket, struct, time
words = [(0x20, 0, 0, 0), (0x04, 0, 0, 1)] * 1000 + [(0x06, 0, 0, 0)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *word) for word in words))
program = struct.pack("HxxxxxxQ", len(words), ctypes.addressof(code))
sockets = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) for _ in range(50)]
for s in sockets:
    s.setsockopt(socket.SOL_SOCKET, 26, program)
time.sleep(3600)
"""
BURSTS = """
import socket, sys, time
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    while True:
        for _ in range(150):
            s.sendto(bytes(400), (sys.argv[1], 5000))
        time.sleep(0.3)
"""
SPIN = "while True: pass"


@contextlib.contextmanager
def syn_flood():
    with python(LISTEN, HERE), hping("--syn", "-p", "80", "-i", "u30", "--rand-source"):
        yield


@contextlib.contextmanager
def syn_flood_resets():
    """The sender's kernel resets what it never asked for."""
    with python(LISTEN, HERE), hping("--syn", "-p", "80", "-i", "u30"):
        yield


@contextlib.contextmanager
def udp_flood():
    with hping("--udp", "-p", "53", "-d", "10", "-i", "u30"):
        yield


@contextlib.contextmanager
def one_cpu():
    """Datagrams of a size that is no flood's, which somebody reads, all on the sender's CPU."""
    with python(DRAIN, HERE), hping("--udp", "-p", "5000", "-d", "400", "--flood"):
        yield


@contextlib.contextmanager
def small_backlog():
    with setting_rps(0), sysctl("net.core.netdev_max_backlog", 2), python(DRAIN, HERE), \
            hping("--udp", "-p", "5000", "-d", "400", "--flood"):
        yield


@contextlib.contextmanager
def small_budget():
    with setting_rps(0), sysctl("net.core.netdev_budget", 1), python(DRAIN, HERE), \
            hping("--udp", "-p", "5000", "-d", "400", "--flood"):
        yield


@contextlib.contextmanager
def setting_rps(cpu):
    must(*IN_NEAR, "sh", "-c", f"echo {1 << cpu:x} >/sys/class/net/irqwnear/queues/rx-0/rps_cpus")
    try:
        yield
    finally:
        must(*IN_NEAR, "sh", "-c", "echo 0 >/sys/class/net/irqwnear/queues/rx-0/rps_cpus")


@contextlib.contextmanager
def timer_storm():
    with bounded(BURDEN, "timers", SECONDS + 5, last_cpu()):
        yield


@contextlib.contextmanager
def ipi_storm():
    with bounded(BURDEN, "calls", SECONDS + 5, *online_cpus()):
        yield


@contextlib.contextmanager
def long_softirq():
    """Who listens to all packets does so in the softirq that  with long filters, and
    bursts that one poll of the backlog takes."""
    with setting_rps(0), python(SNIFF) as sniffers, \
            bounded("taskset", "-c", last_cpu(), sys.executable, "-c", BURSTS, HERE, where=IN_FAR):
        yield
        check(sniffers.poll() is None, "the sniffers ended")


@contextlib.contextmanager
def irqs_off():
    with background("timeout", SECONDS, IRQCTL, "selftest", "--inject", "30ms", "--context", "process", "--count", "5",
                    "--cpu", str(last_cpu())):
        yield


def irqs_of_devices():
    """Interrupts of network devices and disks with where they may go, the busiest first."""
    found = []
    with open("/proc/interrupts", encoding="ascii") as file:
        n_cpus = len(file.readline().split())
        for line in file:
            number, *words = line.split()
            number, counts, name = number.rstrip(":"), words[:n_cpus], words[-1]
            if number.isdigit() and any(word in name for word in ("input", "output", "req", "nvme", "eth", "TxRx")):
                found.append((sum(map(int, counts)), f"/proc/irq/{number}/smp_affinity_list"))
    return [path for _, path in sorted(found, reverse=True)]


@contextlib.contextmanager
def moved_interrupt():
    for path in irqs_of_devices():
        with open(path, encoding="ascii") as file:
            target = 0 if file.read().strip() == str(last_cpu()) else last_cpu()
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(setting(path, target))
            except OSError:
                continue  # its driver manages it
            yield
            return
    require(False, "an interrupt of a network device or disk that may be moved")


@contextlib.contextmanager
def idle():
    yield


@contextlib.contextmanager
def spinners():
    with contextlib.ExitStack() as stack:
        for _ in online_cpus():
            stack.enter_context(python(SPIN))
        yield


@contextlib.contextmanager
def build():
    """What a compiler does: processes, files, memory."""
    require(shutil.which("cc"), "cc")
    with tempfile.TemporaryDirectory(prefix="irqwatch-build-") as directory:
        path = os.path.join(directory, "file.c")
        with open(path, "w", encoding="ascii") as file:
            file.writelines(f"int f{i}(int x) {{ for (int i = 0; i < x; i++) x ^= x * {i} + i; return x; }}\n"
                            for i in range(1500))
        with contextlib.ExitStack() as stack:
            for cpu in online_cpus():
                stack.enter_context(bounded("sh", "-c", f"while :; do cc -O2 -c -o {path}.{cpu}.o {path}; done"))
            yield


@contextlib.contextmanager
def large_packets():
    with python(SINK, HERE), python(SOURCE, HERE, where=IN_FAR):
        yield


@contextlib.contextmanager
def wire_packets():
    """The same with segments of the wire's size, as a device without offloads gives."""
    must(*IN_FAR, "ip", "link", "set", "irqwfar", "gso_max_segs", "1")
    try:
        with python(SINK, HERE), python(SOURCE, HERE, where=IN_FAR):
            yield
    finally:
        must(*IN_FAR, "ip", "link", "set", "irqwfar", "gso_max_segs", "65535")


@contextlib.contextmanager
def forks():
    with bounded("sh", "-c", "while :; do /bin/true; done"), bounded("sh", "-c", "while :; do (:) ; done"):
        yield


# What is made, and the finding that tells of it: None for what is no trouble.
SCENARIOS = [
    (syn_flood, "syn-flood"),
    (syn_flood_resets, "syn-flood"),
    (udp_flood, "udp-flood"),
    (one_cpu, "softirq-imbalance"),
    (small_backlog, "softnet-drops"),
    (small_budget, "time-squeeze"),
    (timer_storm, "irq-storm"),
    (ipi_storm, "irq-storm"),
    (irqs_off, "irq-off-culprit"),
    (long_softirq, "slow-softirq"),
    (moved_interrupt, "affinity-changed"),
    (idle, None),
    (spinners, None),
    (build, None),
    (large_packets, None),
    (wire_packets, None),
    (forks, None),
]

# True of the scenario as well, and said of it: no wrong finding.
ALSO = {
    "one_cpu": {"ksoftirqd-saturated", "udp-flood"},
    "small_backlog": {"ksoftirqd-saturated", "softirq-imbalance", "time-squeeze"},
    "small_budget": {"ksoftirqd-saturated", "softirq-imbalance", "softnet-drops"},
}


def scenario(daemon, make, expected):
    """The findings' codes as the report has them, those that count, and whether that is as it should be."""
    since = time.time()
    with make():
        time.sleep(SECONDS)
    time.sleep(1.5)  # the last pass
    report = daemon.call("Report", {"sinceUsec": int(since * 1e6)})["report"]
    findings = [f for f in report["findings"]
                if (f["code"] == expected or f["code"] not in AMBIENT) and not f["explainedBy"]]
    codes = [f["code"] for f in findings]
    loud = {f["code"] for f in findings if f["severity"] != "info"}
    wrong = loud - {expected} - ALSO.get(make.__name__, set())
    good = not wrong and (expected is None or expected in codes[:2])
    for finding in report["findings"]:
        note(f"  {finding['severity']} {finding['code']}{' < ' + finding['explainedBy'] if finding['explainedBy'] else ''}: "
             f"{finding['text']}")
    return good, codes


def scenarios():
    wanted = os.environ.get("IRQWATCH_SCENARIOS", "").split()
    table, bad = [], 0
    with link(), Daemon(CONFIG, wrapper=IN_NEAR) as daemon:
        wait_for("passes", lambda: daemon.collector("softirqs")["passes"] > 2)
        time.sleep(QUIET if not wanted or any("storm" in name for name in wanted) else 0)
        for make, expected in SCENARIOS:
            name = make.__name__
            if wanted and name not in wanted:
                continue
            results = []
            for i in range(RUNS):
                note(f"{name}, run {i + 1} of {RUNS}")
                results.append(scenario(daemon, make, expected))
            n_good = sum(good for good, _ in results)
            bad += n_good < RUNS
            seen = sorted({" ".join(codes) for _, codes in results})
            table.append((name, expected or "nothing", f"{n_good}/{RUNS}", " | ".join(seen) or "nothing"))

    for row in [("scenario", "expected", "good", "seen"), *table]:
        print(f"{row[0]:18} {row[1]:20} {row[2]:6} {row[3]}", flush=True)
    check(not bad, f"{bad} scenarios were not told as they are")


if __name__ == "__main__":
    sys.exit(main(scenarios))
